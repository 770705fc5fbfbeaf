#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The body of the renegotiation tests: ten renegotiations under 100 pings per second, none lost,
# nothing dropped for its key, and the key ids seen on the wire. Sourced.
. "$(dirname "$0")/_init.sh"

renegotiations() { ctl clients | jq '[.[] | .renegotiations // 0] | max'; }
enough() { [ "$(renegotiations)" -ge 10 ]; }

gateway_up
capture_start wire client1 eth0 -s 120 udp port 1194
on client1 ping -n -q -i 0.01 -c "$((RENEG_SECONDS * 100))" -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
ping=$!
wait_for "$((RENEG_SECONDS + 5))" enough || fail "only $(renegotiations) renegotiations"
wait $ping || fail "ping ended with an error: $(tail -n 2 "$BED_DIR/ping.log")"
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "pings lost: $(grep loss "$BED_DIR/ping.log")"
capture_stop wire
for side in src dst; do
	keys=$(for k in 0 1 2 3 4 5 6 7; do
		[ -z "$(capture_show wire -c 1 "udp $side port 1194 and udp[8] = $((72 + k))")" ] || printf '%s' "$k"
	done)
	assert_eq "key ids of data packets on the wire ($side port 1194)" "$keys" 01234567
done
for reason in auth replay no_key; do
	assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
done
test_done
