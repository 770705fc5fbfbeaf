#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A network behind a client: hosts there and hosts inside reach each other through the workers, nobody
# else may send from there, and the kernel's routes come and go with the client, whatever ends it.
#
#   site1 eth0 ---- lan client1 ==== tunnel ==== node in1 ---- eth0 inside1
#
# timeout: 240
. "$(dirname "$0")/_init.sh"

SITE4=10.50.1.2 SITE6=fd00:50:1::2

route4() { on node ip route show 10.50.1.0/24 proto 83; }
route6() { on node ip -6 route show fd00:50:1::/64 proto 83; }
routed() { route4 | grep -q 'dev sluice-demo' && route6 | grep -q 'dev sluice-demo'; }
not_routed() { [ -z "$(route4)$(route6)" ]; }
dropped_as_spoof() { [ "$(gateway_counter drop.spoof)" -ge "$1" ]; }

inside_pings() { # ADDRESS COUNT
	local out
	out=$(on inside1 ping -n -q -c "$2" -i 0.02 -W 2 "$1") || fail "ping $1 from inside: $out"
	grep -q " 0% packet loss" <<<"$out" || fail "pings to $1 lost: $out"
}

site_pings() {
	local out
	out=$(on site1 ping -n -q -c "$2" -i 0.02 -W 2 "$1") || fail "ping $1 from the site: $out"
	grep -q " 0% packet loss" <<<"$out" || fail "pings to $1 lost: $out"
}

site_up() {
	host_add site1
	router_on client1
	link_add client1 lan site1 1
	addr_add client1 lan 10.50.1.1/24 fd00:50:1::1/64
	addr_add site1 eth0 $SITE4/24 $SITE6/64
	route_add site1 default 10.50.1.1
	route_add site1 default fd00:50:1::1
}

CLIENTS='clients:
  - name: client1
    subnets: [10.50.1.0/24, "fd00:50:1::/64"]'
GATEWAY_EXTRA='push: ["route 10.50.1.0 255.255.255.0"]
'$CLIENTS
gateway_up 2
site_up

say_step "both ways, by the workers"
assert "the kernel has no routes to the site: $(on node ip route)" routed
inside_pings $SITE4 5 # neighbours
site_pings "$(inside6 1)" 5
fast0=$(gateway_counter 'fast_in_pkts + .fast_out_pkts') slow0=$(gateway_counter 'slow_in_pkts + .slow_out_pkts')
inside_pings $SITE4 100
inside_pings $SITE6 100
site_pings "$(inside4 1)" 100
site_pings "$(inside6 1)" 100
assert_ge "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" $((fast0 + 800))
assert_le "packets on the slow path" "$(gateway_counter 'slow_in_pkts + .slow_out_pkts')" $((slow0 + 10))
# What the kernel says of the way there is what it does itself: from the node.
on node ping -n -q -c 5 -i 0.02 -W 2 $SITE4 >/dev/null || fail "the slow path does not reach the site"
proc_start iperf3 site1 iperf3 -s
sleep 0.3
on inside1 timeout 30 iperf3 -c $SITE4 -t 2 >"$BED_DIR/iperf.log" 2>&1 || fail "iperf3 to the site: $(cat "$BED_DIR/iperf.log")"

say_step "a client is not told to reach its own network through the tunnel"
assert_log openvpn2 'route 10.50.1.0 255.255.255.0'
assert_no_log openvpn1 'route 10.50.1.0'

say_step "spoofed sources"
spoof0=$(gateway_counter drop.spoof)
for source in 1/10.50.2.77 2/10.50.1.77; do
	n=${source%/*} from=${source#*/}
	on "client$n" ip addr add "$from/32" dev lo
	! on "client$n" ping -n -q -c 5 -i 0.02 -W 1 -I "$from" "$(inside4 1)" >/dev/null || fail "client $n may send from $from"
done
wait_for 5 dropped_as_spoof $((spoof0 + 10)) || fail "spoofed packets are not counted"

say_step "a reload takes the network away and gives it back, at once"
GATEWAY_EXTRA=''
conf_write
out=$(ctl reload) || fail "the reload was refused: $out"
grep -q 'clients whose subnets changed, from now on: 1' <<<"$out" || fail "the reload does not say so: $out"
assert "the kernel still has a route: $(route4)" not_routed
! on inside1 ping -n -q -c 2 -i 0.2 -W 1 $SITE4 >/dev/null || fail "the site is still reached"
GATEWAY_EXTRA=$CLIENTS
conf_write
ctl reload >/dev/null || fail "the reload was refused"
assert "the kernel has no routes again" routed
inside_pings $SITE4 20

say_step "somebody deletes the TUN device"
on node ip link del sluice-demo
assert_log sluiced 'TUN device sluice-demo is there again'
wait_for 5 routed || fail "the routes did not come back with the device"
inside_pings $SITE6 20

say_step "the client leaves: its routes go, a stranger's stay"
client_stop 1
wait_for 10 not_routed || fail "routes outlive the client: $(route4) $(route6)"
on node ip route add 10.50.1.0/24 dev in1
client_start 1
client_wait 1 || fail "client 1 did not come back"
assert_log sluiced 'client=client1: subnet 10.50.1.0/24 is not routed to it: the kernel has a route to it already'
[ -z "$(route4)" ] || fail "a second route to the site"
inside_pings $SITE6 20
client_stop 1
wait_for 10 not_routed || fail "routes outlive the client: $(route4) $(route6)"
on node ip route show 10.50.1.0/24 | grep -q in1 || fail "the stranger's route is gone"
on node ip route del 10.50.1.0/24

say_step "kill -9, and a new start"
client_start 1
client_wait 1 || fail "client 1 did not come back"
wait_for 5 routed || fail "no routes"
TEST_CRASH_OK=1
proc_stop sluiced KILL
assert "routes outlive a crash: $(route4) $(route6)" not_routed
gateway_start
TEST_CRASH_OK=
assert "routes without a client: $(route4) $(route6)" not_routed
client_stop 1 KILL
client_start 1
client_wait 1 || fail "no connection after kill -9"
wait_for 5 routed || fail "no routes after kill -9"
inside_pings $SITE4 20
inside_pings $SITE6 20
gateway_stop
assert "routes are left" not_routed
test_done
