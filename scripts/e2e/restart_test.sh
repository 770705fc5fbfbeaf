#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The daemon stops and starts: clients are told, everything is cleaned up; after kill -9 the next
# run removes what the last one left, and the client comes back.
# timeout: 180
. "$(dirname "$0")/_init.sh"

nothing_left() {
	! on node ip -o link show | grep -q sluice- || fail "a TUN device is left"
	! on node ip -o link show | grep -q xdp || fail "an XDP program is left"
}

client_back() {
	on client1 ping -n -q -c 1 -W 1 "$(inside4 1)"
}

gateway_up
pings 1 "$(inside4 1)" 20
say_step "TERM: the client is told and comes back"
gateway_stop
assert_log openvpn1 'Connection reset command was pushed by server|RESTART|exit.*notif|server.*exit' 3
nothing_left
assert_not "the socket is left" [ -e "$BED_DIR/sluice.sock" ]
gateway_start
wait_for 30 client_back || fail "the client did not come back after a restart"
say_step "kill -9: the XDP programs stay, the next run takes them away"
TEST_CRASH_OK=1
proc_stop sluiced KILL
gateway_start
TEST_CRASH_OK=
# The client was told nothing: its keepalive finds out.
proc_stop openvpn1 KILL
mv "$(client_log 1)" "$(client_log 1).old"
client_start 1
client_wait 1 || fail "no connection after kill -9"
pings 1 "$(inside4 1)" 20
proc_stop openvpn1
gateway_stop
nothing_left
test_done
