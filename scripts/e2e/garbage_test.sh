#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Garbage and truncated datagrams of every opcode, from a stranger and from the client's own
# address; a scan of peer ids, another gateway's endpoint, key ids that nobody has, wrong tags.
# Nothing crashes, counters say why each was dropped, the client loses nothing, no memory is spent.
# timeout: 240
. "$(dirname "$0")/_init.sh"

PLAIN=1195 # a gateway without tls-crypt: garbage reaches the parsers behind it

garbage() { # HOST COMMAND [ARGUMENT]...: prints how many datagrams it sent
	local host=$1
	shift
	on "$host" python3 "$SLUICE_TOP/scripts/e2e/_garbage.py" "$@"
}

drops() { # REASON...: in all
	local reason sum=0
	for reason in "$@"; do
		sum=$((sum + $(counter "[.ports[].drop.$reason] | add")))
	done
	printf '%s\n' $sum
}

# dropped REASON GATEWAY COMMAND...: so many more packets were dropped for this reason as were sent.
dropped() {
	local reason=$1 gateway=$2 before sent
	shift 2
	before=$(gateway_counter "drop.$reason" "$gateway")
	sent=$(garbage client1 "$@") || fail "could not send: $*"
	wait_for 5 ports_add_up || true
	assert_eq "packets dropped as $reason after \"$*\"" \
		$(($(gateway_counter "drop.$reason" "$gateway") - before)) "$sent"
}

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(proc_pid sluiced)/status"; }
handshakes_over() { [ "$(ctl status | jq '[.gateways[].handshakes] | add')" = 0 ]; }

bed_usual
pki_all "$BED_DIR/pki" client1
{
	conf_usual
	PORT=$PLAIN CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 GATEWAY_EXTRA="hand_window: 10s" \
		conf_gateway plain | sed '/tls_crypt/d'
} >"$BED_DIR/sluice.yaml"
gateway_start
client_start 1
client_wait 1 || fail "the client did not connect"
on inside1 ip route replace 192.0.2.0/24 via 10.20.1.1
proc_start ping client1 ping -n -q -i 0.05 -W 2 "$(inside4 1)"
remote=$(ctl clients | jq -r '.[0].remote') from=${remote##*:}
peer=$(ctl clients | jq -r '.[0].peer_id')
before=$(ctl clients | jq -c '.[0] | [.remote, .peer_id, .generation, .key_id]')
memory=$(memory_kb)

say_step "every opcode, whole and truncated"
for port in 1194 $PLAIN; do
	for host in client1 inside1; do
		garbage $host opcodes "$(endpoint)" $port >/dev/null || fail "could not send garbage from $host"
	done
done
assert_ge "data packets dropped" "$(drops no_peer)" 100
assert_ge "control packets dropped" "$(ctl status | jq '[.gateways[].first_dropped] | add')" 1000

say_step "rubbish behind a valid cookie"
garbage client1 handshakes "$(endpoint)" $PLAIN >/dev/null || fail "no handshakes"
assert_log sluiced 'gateway=plain .*closed before connected: TLS failed'
wait_for 40 handshakes_over || fail "handshakes that do not end: $(ctl status | jq -c .gateways)"

say_step "peer ids: a scan, the client's from elsewhere, the wrong gateway"
used=$(ctl clients | jq '.[0].key_id')
no_peer=$(drops no_peer) others=$(drops unbound auth no_key)
sent=$(garbage client1 scan "$(endpoint)" 1194 20000)
wait_for 5 ports_add_up || true
assert_ge "packets of a scan with a peer id that nobody has" $(($(drops no_peer) - no_peer)) $((sent - 10))
assert_eq "packets of a scan in all" \
	$(($(drops no_peer) - no_peer + $(drops unbound auth no_key) - others)) "$sent"
# It could have moved: some are decrypted to see, the rest is not worth it.
unbound=$(drops unbound) auth=$(drops auth)
sent=$(garbage client1 elsewhere "$(endpoint)" 1194 "$peer" 20000 "$used")
wait_for 5 ports_add_up || true
assert_eq "packets from elsewhere" $(($(drops unbound) - unbound + $(drops auth) - auth)) "$sent"
assert_ge "packets from elsewhere that were not decrypted" $(($(drops unbound) - unbound)) 1
dropped wrong_gateway plain forged "$(endpoint)" $PLAIN "$from" "$peer" 500 0 1 7

say_step "from the client's own address and port: key ids, tags, lengths"
others=$(seq 0 7 | sed "/^$used\$/d")
# shellcheck disable=SC2086
dropped no_key demo forged "$(endpoint)" 1194 "$from" "$peer" 300 $others
dropped auth demo forged "$(endpoint)" 1194 "$from" "$peer" 2000 "$used"
dropped short demo short "$(endpoint)" 1194 "$from" "$peer" 480
assert_eq "authenticated packets of a stranger" "$(gateway_counter in_pkts plain)" 0

say_step "the client has noticed nothing"
proc_stop ping INT
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "the client lost packets: $(grep loss "$BED_DIR/ping.log")"
assert_eq "the session" "$(ctl clients | jq -c '.[0] | [.remote, .peer_id, .generation, .key_id]')" "$before"
assert_eq "replay drops" "$(drops replay)" 0
assert_eq "sessions" "$(ctl clients | jq length)" 1
assert_no_log sluiced '(^| )(error|crit)'
assert_le "memory spent, in kB" $(($(memory_kb) - memory)) 16384
test_done
