#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The body of the cipher tests: CIPHER, and AUTH for CBC ciphers; INSECURE and CLIENT_SAYS for none;
# more(), if there is such a function, runs at the end. A stock client that offers nothing else pings,
# small and large, and carries iperf3 both ways. No packet is lost to the cipher, the fast path
# carries them, and what MSS clamping lets through fits into one datagram each. Sourced.
. "$(dirname "$0")/_init.sh"

GATEWAY_EXTRA="data_ciphers: AES-256-GCM:$CIPHER${AUTH:+
auth: $AUTH}${INSECURE:+
allow_insecure: yes}"
CLIENT_EXTRA="--data-ciphers $CIPHER --cipher $CIPHER ${AUTH:+--auth $AUTH}"

fast_share() { # in|out
	local fast slow
	fast=$(gateway_counter "fast_$1_pkts") slow=$(gateway_counter "slow_$1_pkts")
	assert_ge "packets on the fast path ($1)" "$fast" 1000
	assert_ge "share of the fast path ($1), percent" $((fast * 100 / (fast + slow))) 95
}

gateway_up
assert_eq cipher "$(client_cipher)" "${CLIENT_SAYS:-$CIPHER}"
assert_log sluiced "Data Channel: using negotiated cipher '$CIPHER'${AUTH:+, auth '$AUTH'} \(by IV_CIPHERS\)"
assert_log openvpn1 "cipher $CIPHER,"
assert_eq digest "$(ctl clients | jq -r '.[0].digest // ""')" "${AUTH:-}"
pings 1 "$(inside4 1)" 50
pings 1 "$(inside6 1)" 50
proc_start iperf3 inside1 iperf3 -s
wait_for 5 on inside1 ss -Hltn sport = 5201 || true
for args in "" "-R"; do
	say_step "iperf3 $args"
	iperf 1 -c "$(inside4 1)" -t 2 $args >"$BED_DIR/iperf.log" ||
		fail "iperf3 $args: $(tail -n 2 "$BED_DIR/iperf.log")"
	tail -n 4 "$BED_DIR/iperf.log" | head -n 2
done
fast_share in
fast_share out
assert_eq "datagrams that did not fit" "$(gateway_counter link_fragmented)" 0
say_step "large pings"
on client1 ping -n -q -c 1 -W 1 -s 1440 "$(inside6 1)" >/dev/null || true
for size in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1000 1300 1400 3000 20000; do
	pings 1 "$(inside4 1)" 2 -s "$size"
	pings 1 "$(inside6 1)" 2 -s "$size"
done
for reason in auth bad_padding replay no_key short no_room spoof; do
	assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
done
[ "$(type -t more)" != function ] || more
test_done
