#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Fifty stock clients of every cipher and wrapping, over IPv4 and IPv6, that renegotiate every ten
# seconds, half of them asked by their gateway; each pings ten times a second, some carry bulk
# traffic. No ping may be lost to the server, nothing dropped for a key, no memory grow, and in the
# end nothing be left. Arguments: seconds (600) and clients (50).
# timeout: 9000
CONF_EXTRA=${CONF_EXTRA:-}
. "$(dirname "$0")/../e2e/_init.sh"
. "$SLUICE_TOP/scripts/e2e/_crowd.sh"
. "$SLUICE_TOP/scripts/lib/setup.sh"

SECONDS_LONG=${1:-600}
CLIENTS=${2:-50}
BULK=4          # clients with bulk traffic
BULK_RATE=3M    # of each, TCP, every second one towards the client, in pieces of
BULK_BYTES=4K   # (a burst of 128 kB is too much for the client's socket buffer)
SAMPLE_S=5
GROWTH_KB=1024  # of memory, from a quarter of the time on to the end ...
GROWTH_SHORT_KB=4096 # ... of a run of less than five minutes, where it may be the beginning's
[[ $SECONDS_LONG =~ ^[1-9][0-9]*$ && $SECONDS_LONG -ge 30 ]] || fail "at least 30 seconds, got \"$SECONDS_LONG\""
[ "$SECONDS_LONG" -ge 300 ] || GROWTH_KB=$GROWTH_SHORT_KB
[[ $CLIENTS =~ ^[1-9][0-9]*$ && $CLIENTS -ge $BULK && $CLIENTS -le 99 ]] || fail "$BULK..99 clients, got \"$CLIENTS\""

ciphers=(AES-256-GCM AES-192-GCM AES-128-GCM CHACHA20-POLY1305 AES-256-CBC AES-192-CBC AES-128-CBC)
wraps=("--tls-auth PKI/ta.key 1" "--tls-crypt PKI/tc.key" "--tls-crypt-v2 PKI/v2-clientN.key")
KEYS_GATEWAY=$'tls_auth: {key: PKI/ta.key, digest: SHA256, direction: 0}\ntls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key'
GATEWAY_ALL="data_ciphers: [$(IFS=, && echo "${ciphers[*]}")]
auth: SHA256
handshake_prefix_rate: 1000"

conf_soak() {
	conf_head
	printf '  - {name: in1, side: inside}\ngateways:\n'
	GATEWAY_EXTRA=$GATEWAY_ALL$'\nreneg_sec: 10s' conf_gateway asks
	ENDPOINT=$(node6 1) PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 \
		GATEWAY_EXTRA=$GATEWAY_ALL$'\nreneg_sec: 0' conf_gateway asked
}

# Odd clients are asked by their gateway, over IPv4; even ones ask, over IPv6.
soak_client() { # N
	local wrap=${wraps[$1 % 3]} renegotiate=0
	local OUTER=4 PORT=1194
	[ $(($1 % 2)) = 1 ] || OUTER=6 PORT=1195 renegotiate=10
	KEYS_CLIENT=${wrap//clientN/client$1} client_start "$1" "client$1" --auth SHA256 \
		--data-ciphers "${ciphers[$1 % 7]}" --reneg-sec $renegotiate
}

clients_are() { [ "$(ctl clients | jq '[.[] | select(.state == "connected")] | length')" = "$1" ]; }
status_kb() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$(proc_pid sluiced)/status"; }
buffers() { counter .rings.buffers.used; }
all_gone() { # NAME
	local i
	for i in $(seq "$CLIENTS"); do
		proc_gone "$1$i" || return 1
	done
}

# dropped HOST...: what the kernel of these hosts lost, in devices and UDP sockets, as lines.
dropped() {
	local host
	for host in "$@"; do
		on "$host" sh -c "ip -s -j link | jq -r '.[] | .ifname as \$name | .stats64
			| \"\(\$name) rx_dropped \(.rx.dropped)\", \"\(\$name) tx_dropped \(.tx.dropped)\",
			\"\(\$name) rx_errors \(.rx.errors)\", \"\(\$name) tx_errors \(.tx.errors)\"'
			awk '\$1 == \"Udp:\" && \$2 ~ /[0-9]/ { print \"udp buffers\", \$6 + \$7 }' /proc/net/snmp
			awk '/^Udp6(Rcv|Snd)bufErrors/ { print \"udp6\", \$1, \$2 }' /proc/net/snmp6" |
			sed "s/^/$host /"
	done
}

# more BEFORE AFTER: what grew, a line for each.
more() {
	awk 'NR == FNR { n[$1, $2, $3] = $4; next } $4 > n[$1, $2, $3] { print $1, $2, $3, $4 - n[$1, $2, $3] }' \
		"$1" "$2"
}

total() { awk '{ n += $4 } END { print n + 0 }'; }

# Lost pings of each client that neither its own kernel nor one beside the node accounts for.
lost_to_server() {
	local i
	for i in $(seq "$CLIENTS"); do
		printf 'client%s %s\n' "$i" "$(pings_sum "$i" | awk '{ print $2 }')"
	done | awk 'FILENAME != "-" { if ($1 ~ /^client/) own[$1] += $4; else others += $4; next }
		$2 > own[$1] { n += $2 - own[$1] } END { n -= others; print (n > 0 ? n : 0) }' \
		"$BED_DIR/kernel.log" -
}

# By the server's own account, each reason that is not 0. What the node's kernel itself says on a
# TUN device to nobody's address (multicast when it comes up) has no peer.
server_drops() {
	counter '[.gateways[], .ports[] | (.gateway // .name) as $who | .drop
		| to_entries[] | select(.value > 0)
		| select(.key != "no_peer" or (["out1", "in1", "socket"] | index($who)))
		| "\($who) \(.key) \(.value)"] | join(", ")'
}
slow_path_lost() {
	ctl status | jq '.slow_path | [.link_too_large, .write_failed, .no_device, .inject_lost, .no_mbuf] | add'
}

pings_sum() { # [N]: sent and lost, of one client or all
	awk '/xmt\/rcv\/%loss/ { line[FILENAME, $1] = $5 }
		END { for (i in line) { split(line[i], n, "/"); sent += n[1]; lost += n[1] - n[2] } print sent + 0, lost + 0 }' \
		"$BED_DIR"/fping${1:-*}.log
}

result() { printf 'result %-44s %s\n' "$1" "$2"; }

pages=$(<"$SETUP_HUGE_DIR/free_hugepages")
bed_crowd "$CLIENTS"
crowd_keys "$CLIENTS"
conf_soak >"$BED_DIR/sluice.yaml"
gateway_start
buffers_before=$(buffers)
for i in $(seq "$CLIENTS"); do
	soak_client "$i"
done
wait_for 60 clients_are "$CLIENTS" || fail "$(ctl clients | jq length) of $CLIENTS clients connected"
hosts=$(seq -f 'client%g' "$CLIENTS")
# shellcheck disable=SC2086
dropped $hosts segment inside1 >"$BED_DIR/kernel0.log"
dropped node >"$BED_DIR/node0.log"

say_step "$CLIENTS clients for $SECONDS_LONG s"
for i in $(seq "$BULK"); do
	proc_start "iperf3-server$i" inside1 iperf3 -s -p $((5200 + i))
done
for i in $(seq "$CLIENTS"); do
	proc_start "fping$i" "client$i" fping -D -Q 10 -c $((SECONDS_LONG * 5)) -p 200 -t 3000 \
		"$(inside4 1)" "$(inside6 1)"
done
for i in $(seq "$BULK"); do
	reverse=
	[ $((i % 2)) = 1 ] || reverse=-R
	proc_start "bulk$i" "client$i" iperf3 -c "$(inside4 1)" -p $((5200 + i)) -b $BULK_RATE -l $BULK_BYTES \
		-t "$SECONDS_LONG" -i 0 $reverse
done
until all_gone fping; do
	proc_alive sluiced || fail "sluiced is gone"
	printf '%s %s %s %s\n' "$(now_ms)" "$(status_kb VmRSS)" "$(status_kb RssAnon)" \
		"$(status_kb HugetlbPages)" >>"$BED_DIR/memory.log"
	sleep $SAMPLE_S
done

say_step "what it came to"
read -r sent lost < <(pings_sum)
# shellcheck disable=SC2086
dropped $hosts segment inside1 >"$BED_DIR/kernel1.log"
dropped node >"$BED_DIR/node1.log"
more "$BED_DIR/kernel0.log" "$BED_DIR/kernel1.log" | tee "$BED_DIR/kernel.log"
node=$(more "$BED_DIR/node0.log" "$BED_DIR/node1.log" | total)
list=$(ctl clients)
result "clients, seconds" "$(jq length <<<"$list"), $SECONDS_LONG"
result "pings sent, lost" "$sent, $lost"
result "pings lost to the server" "$(lost_to_server)"
result "dropped by kernels of clients and hosts" "$(total <"$BED_DIR/kernel.log")"
result "dropped by the node's kernel" "$node"
result "dropped by the server" "$(server_drops)"
result "lost on the slow path" "$(slow_path_lost)"
result "renegotiations, all and the least of a client" "$(jq -r '[.[].renegotiations] | "\(add), \(min)"' <<<"$list")"
result "load of the worker, control's longest pause" \
	"$(counter '.workers[0] | "\(.busy_s * 100 / (.busy_s + .idle_s + .sleep_s) | round) %"'), $(ctl status | jq .control_pause_max_ms) ms"
result "memory (RssAnon), a quarter in and at the end" \
	"$(awk '{ v[NR] = $3 } END { print v[int(NR / 4) + 1] " kB, " v[NR] " kB" }' "$BED_DIR/memory.log")"
result "inside packets carried, in and out" "$(counter '.gateways | "\(map(.in_pkts) | add), \(map(.out_pkts) | add)"')"
result "bulk" "$(grep -h 'receiver$' "$BED_DIR"/bulk*.log | awk '{ printf "%s%s %s", s, $7, $8; s = ", " }')"

for i in $(seq "$BULK"); do
	wait_for 20 proc_gone "bulk$i" || fail "bulk traffic $i does not end"
	grep -q 'receiver$' "$BED_DIR/bulk$i.log" || fail "bulk traffic $i: $(tail -n 2 "$BED_DIR/bulk$i.log")"
done
assert_eq "clients" "$(jq length <<<"$list")" "$CLIENTS"
assert_ge "pings" "$sent" $((CLIENTS * SECONDS_LONG * 9))
for i in $(seq "$CLIENTS"); do
	assert_eq "connections of client $i" "$(grep -c 'Initialization Sequence Completed' "$(client_log "$i")")" 1
	assert_no_log "openvpn$i" 'TLS Error|Authenticate/Decrypt packet error|Inactivity timeout'
done
# A ping is the server's loss unless a kernel that is not the node's says that it was its own.
assert_eq "pings lost to the server" "$(lost_to_server)" 0
assert_eq "dropped by the node's kernel" "$node" 0
assert_eq "dropped by the server" "$(server_drops)" ""
assert_eq "lost on the slow path" "$(slow_path_lost)" 0
assert_ge "renegotiations of each client" "$(jq '[.[].renegotiations] | min' <<<"$list")" $((SECONDS_LONG / 12 - 1))
assert_le "growth of memory, kB" "$(awk '{ v[NR] = $3 } END { print v[NR] - v[int(NR / 4) + 1] }' "$BED_DIR/memory.log")" $GROWTH_KB
assert_eq "sizes of its hugepages" "$(awk '{ print $4 }' "$BED_DIR/memory.log" | sort -u | wc -l)" 1

say_step "everybody leaves"
for i in $(seq "$CLIENTS"); do
	proc_signal "openvpn$i" TERM
done
wait_for 30 all_gone openvpn || fail "clients do not end"
wait_for 10 clients_are 0 || fail "sessions are left: $(ctl clients)"
assert_eq "addresses in use" "$(ctl status | jq '[.gateways[].pool_used] | add')" 0
result "packet buffers in use, before and after" "$buffers_before, $(buffers)"
gateway_stop
wait_for 10 eval '[ "$(<"$SETUP_HUGE_DIR/free_hugepages")" -ge "$pages" ]' ||
	fail "hugepages free: $(<"$SETUP_HUGE_DIR/free_hugepages"), before $pages"
result "hugepages free, before and after" "$pages, $(<"$SETUP_HUGE_DIR/free_hugepages")"
test_done
