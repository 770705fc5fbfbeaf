#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# sluicectl capture writes inner packets, or the sealed ones; it ends by itself.
. "$(dirname "$0")/_init.sh"

gateway_up
for where in vpn link; do
	timeout 20 "$SLUICECTL" --socket "$BED_DIR/sluice.sock" capture demo --pcap "$BED_DIR/$where.pcap" \
		--where $where --count 20 --seconds 10 >"$BED_DIR/capture.log" 2>&1 &
	capture=$!
	sleep 0.5
	pings 1 "$(inside4 1)" 30
	wait $capture || fail "capture --where $where: $(cat "$BED_DIR/capture.log")"
	assert_ge "packets in $where.pcap" "$(capture_show $where | wc -l)" 20
done
assert_ge "ICMP in vpn.pcap" "$(capture_show vpn icmp | wc -l)" 20
assert_ge "datagrams of the endpoint in link.pcap" "$(capture_show link udp port 1194 | wc -l)" 20
out=$("$SLUICECTL" --socket "$BED_DIR/sluice.sock" capture nosuch --pcap "$BED_DIR/x.pcap" 2>&1) && fail "captured of no gateway"
grep -q nosuch <<<"$out" || fail "capture of an unknown gateway says: $out"
test_done
