#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# An inside host on veth that leaves its TCP and UDP checksums unfinished, as hosts do by default:
# the worker finishes them, and what reaches the client is right.
. "$(dirname "$0")/_init.sh"

completed() { counter '.ports[] | select(.name == "in1") | .csum_completed'; }

from_inside() { # NAME ADDRESS [OPTION]...
	local name=$1 addr=$2 before bad
	shift 2
	say_step "$name"
	before=$(completed)
	wait_for 5 on inside1 ss -Hltn sport = 5201 || true
	capture_start "$name" client1 tun0 -s 2000 -c 2000 src host "$addr" and '(tcp or udp)'
	iperf 1 -c "$addr" -t 2 -R -J "$@" >"$BED_DIR/iperf.json" ||
		fail "iperf3 $*: $(jq -r .error "$BED_DIR/iperf.json")"
	capture_stop "$name"
	assert_ge "checksums finished" $(($(completed) - before)) 500
	assert_ge "packets with a right checksum" \
		"$(capture_show "$name" -vv | grep -cE 'udp sum ok|cksum 0x[0-9a-f]+ \(correct\)')" 500
	bad=$(capture_show "$name" -vv | grep -cE 'bad udp cksum|cksum 0x[0-9a-f]+ \(incorrect|bad cksum' || true)
	assert_eq "packets with a wrong checksum" "$bad" 0
}

gateway_up
on inside1 ethtool -K eth0 tx on >/dev/null
proc_start iperf3 inside1 iperf3 -s
from_inside tcp4 "$(inside4 1)"
from_inside tcp6 "$(inside6 1)"
from_inside udp4 "$(inside4 1)" -u -b 10M -l 1200
from_inside udp6 "$(inside6 1)" -u -b 10M -l 1200
for reason in bad_ip truncated auth; do
	assert_eq "drop $reason" "$(counter "[.ports[].drop.$reason] | add")" 0
done
test_done
