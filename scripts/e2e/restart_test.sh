#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The daemon stops and starts: clients are told, everything is cleaned up; after kill -9 the next
# run removes what the last one left, also from interfaces that it does not use, and the client comes back.
# timeout: 180
. "$(dirname "$0")/_init.sh"

nothing_left() {
	! on node ip -o link show | grep -q sluice- || fail "a TUN device is left"
	! on node ip -o link show | grep -q xdp || fail "an XDP program is left"
}

client_back() {
	on client1 ping -n -q -c 1 -W 1 "$(inside4 1)"
}

gateway_up 1 2
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

say_step "kill -9, and an interface leaves the configuration: its program goes, a stranger's stays"
gateway_start
# A living daemon is told from a dead one by this descriptor.
program=$(on node ip -d link show in2 | sed -n 's/.* id \([0-9]*\) .*/\1/p')
grep -qsE "^prog_id:\s+$program$" "/proc/$(proc_pid sluiced)/fdinfo/"* || fail "sluiced does not hold its XDP program"
TEST_CRASH_OK=1
proc_stop sluiced KILL
on node ip -o link show in2 | grep -q xdp || fail "no XDP program outlives kill -9: nothing to test"
printf '__attribute__((section("xdp"), used)) int sluice_steer(void *ctx) { return 2; }\n' >"$BED_DIR/foreign.c"
clang -O2 -g -target bpf -c "$BED_DIR/foreign.c" -o "$BED_DIR/foreign.o"
on node ip link add foreign0 type veth peer name foreign1
on node ip link set dev foreign0 xdpdrv obj "$BED_DIR/foreign.o" sec xdp
sed -i '/name: in2,/d' "$BED_DIR/sluice.yaml"
gateway_start
TEST_CRASH_OK=
assert_log sluiced 'in2: removed the XDP program of an earlier run'
! on node ip -o link show in2 | grep -q xdp || fail "the XDP program of the run before is still on in2"
on node ip -o link show foreign0 | grep -q xdp || fail "a stranger's XDP program is gone"
gateway_stop
on node ip link del foreign0
nothing_left
test_done
