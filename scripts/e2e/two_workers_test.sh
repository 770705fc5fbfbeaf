#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two workers, two queues per port: packets arrive at the wrong worker and are handed over, in
# order and without loss to the replay window.
# timeout: 240
WORKERS=2 BED_QUEUES=2
. "$(dirname "$0")/_init.sh"

CONF_EXTRA="lcores: 1,2"
gateway_up 2
# Receive steering of the pair picks the queue by the sender's core: move the senders about.
proc_start iperf3 inside1 iperf3 -s
proc_start iperf3b inside1 iperf3 -s -p 5202
sleep 0.3
for args in "" "-R" "-u -b 50M -l 1300" "-u -b 50M -l 1300 -R"; do
	say_step "iperf3 $args"
	on client1 timeout 40 iperf3 -c "$(inside4 1)" -t 3 $args -J >"$BED_DIR/one.json" &
	on client2 timeout 40 iperf3 -c "$(inside4 1)" -p 5202 -t 3 $args -J >"$BED_DIR/two.json" || fail "iperf3 of client 2"
	wait $! || fail "iperf3 of client 1"
	case $args in
	-u*) for f in one two; do
		assert_eq "datagrams out of order ($args)" "$(jq '[.end.streams[].udp.out_of_order // 0] | add' "$BED_DIR/$f.json")" 0
	done ;;
	esac
done
say_step "packets put on either queue by hand"
for core in 0 1; do
	for n in 1 2; do
		on client$n taskset -c $core ping -n -q -c 100 -i 0.01 -W 2 "$(inside4 1)" >/dev/null || fail "pings lost"
		on inside1 taskset -c $core ping -n -q -c 20 -i 0.01 -W 2 "$(on client$n ip -4 -o addr show dev tun0 | awk '{sub("/.*", "", $4); print $4}')" >/dev/null || fail "pings lost"
	done
done
assert_ge "packets handed over" "$(counter '[.workers[].handoff_out] | add')" 1
assert_eq "handed over equals taken over" "$(counter '([.workers[].handoff_out] | add) == ([.workers[].handoff_in] | add)')" true
assert_eq "drop replay" "$(gateway_counter drop.replay)" 0
assert_eq "drop auth" "$(gateway_counter drop.auth)" 0
test_done
