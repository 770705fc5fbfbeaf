#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The body of the family tests: OUTER and INNER are 4 or 6. Sourced.
. "$(dirname "$0")/_init.sh"

# Without a checksum over IPv4; over IPv6 the option must not have this effect.
GATEWAY_EXTRA="udp_checksum: zero"
gateway_up
target=$(inside4 1)
[ "$INNER" = 4 ] || target=$(inside6 1)
pings 1 "$target" 50
proc_start iperf3 inside1 iperf3 -s
wait_for 5 on inside1 ss -Hltn sport = 5201 || true
for direction in "" -R; do
	iperf 1 -c "$target" -t 2 $direction >"$BED_DIR/iperf.log" || fail "iperf3 $direction: $(tail -n 2 "$BED_DIR/iperf.log")"
done
fast=$(gateway_counter fast_in_pkts)
assert_ge "share of the fast path, percent" $((fast * 100 / (fast + $(gateway_counter slow_in_pkts)))) 95
fast=$(gateway_counter fast_out_pkts)
assert_ge "share of the fast path, percent" $((fast * 100 / (fast + $(gateway_counter slow_out_pkts)))) 95
say_step "outer checksums with udp_checksum: zero"
# Data packets alone: the control channel is a kernel socket's.
opcode="ip[28]"
[ "$OUTER" = 4 ] || opcode="ip6[48]"
capture_start outer client1 eth0 "udp src port 1194 and $opcode & 0xf8 = 0x48"
pings 1 "$target" 20
capture_stop outer
packets=$(capture_show outer | wc -l)
assert_ge "data packets on the wire" "$packets" 20
zero=$(capture_show outer -vv | grep -c 'no cksum' || true)
if [ "$OUTER" = 6 ]; then
	assert_eq "datagrams over IPv6 without a checksum" "$zero" 0
	assert_eq "datagrams with a right checksum" "$(capture_show outer -vv | grep -c 'udp sum ok')" "$packets"
else
	assert_eq "datagrams without a checksum" "$zero" "$packets"
fi
test_done
