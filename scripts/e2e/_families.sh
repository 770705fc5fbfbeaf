#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The body of the family tests: OUTER and INNER are 4 or 6. Sourced.
. "$(dirname "$0")/_init.sh"

gateway_up
target=$(inside4 1)
[ "$INNER" = 4 ] || target=$(inside6 1)
pings 1 "$target" 50
proc_start iperf3 inside1 iperf3 -s
wait_for 5 on inside1 ss -Hltn sport = 5201 || true
for direction in "" -R; do
	on client1 timeout 30 iperf3 -c "$target" -t 2 $direction >"$BED_DIR/iperf.log" 2>&1 || fail "iperf3 $direction: $(tail -n 2 "$BED_DIR/iperf.log")"
done
fast=$(gateway_counter fast_in_pkts)
assert_ge "share of the fast path, percent" $((fast * 100 / (fast + $(gateway_counter slow_in_pkts)))) 95
fast=$(gateway_counter fast_out_pkts)
assert_ge "share of the fast path, percent" $((fast * 100 / (fast + $(gateway_counter slow_out_pkts)))) 95
if [ "$OUTER" = 6 ]; then
	say_step "no datagram over IPv6 without a checksum"
	capture_start outer client1 eth0 -c 20 udp src port 1194
	pings 1 "$target" 20
	capture_stop outer
	assert_eq "zero checksums" "$(capture_show outer -vv | grep -c 'no cksum' || true)" 0
	assert_eq "bad checksums" "$(capture_show outer -vv | grep -c 'bad udp cksum' || true)" 0
fi
test_done
