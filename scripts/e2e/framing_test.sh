#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Stock clients with compression in their configuration: they get the framing they know, nothing is
# compressed, no packet is lost and none is too large for a datagram. All of them know stub-v2: the
# byte of "comp-lzo no" is in the test of the simulated families.
# timeout: 240
. "$(dirname "$0")/_init.sh"

no_clients() { [ "$(ctl clients | jq length)" = 0 ]; }

carries() { # FRAMING [OPTION]...
	local framing=$1 args
	shift
	say_step "$*: $framing"
	client_start 1 client1 "$@"
	client_wait 1 || fail "no connection: $(tail -n 3 "$(client_log 1)")"
	assert_eq framing "$(ctl clients | jq -r '.[0].framing // "none"')" "$framing"
	[ "$framing" = none ] || assert_log openvpn1 "PUSH_REPLY.*,$framing"
	pings 1 "$(inside4 1)" 20
	pings 1 "$(inside6 1)" 20
	for args in "" "-R"; do
		on client1 timeout 30 iperf3 -c "$(inside4 1)" -t 1 $args >"$BED_DIR/iperf.log" 2>&1 ||
			fail "iperf3 $args: $(tail -n 2 "$BED_DIR/iperf.log")"
	done
	pings 1 "$(inside4 1)" 2 -s 1300
	pings 1 "$(inside4 1)" 2 -s 3000
	client_stop 1
	wait_for 5 no_clients || fail "the client's session stays after its exit"
	for reason in compressed bad_inner bad_ip truncated auth no_room spoof; do
		assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
	done
	assert_eq "datagrams that did not fit" "$(gateway_counter link_fragmented)" 0
}

bed_usual
pki_all "$BED_DIR/pki" client1
conf_write
gateway_start
proc_start iperf3 inside1 iperf3 -s
wait_for 5 on inside1 ss -Hltn sport = 5201 || true
carries none
carries "compress stub-v2" --comp-lzo no
carries "compress stub-v2" --compress stub-v2
carries "compress stub-v2" --compress stub
carries "compress stub-v2" --allow-compression asym --comp-lzo yes
test_done
