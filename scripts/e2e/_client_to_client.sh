# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Clients reach each other, and a network behind one of them, through the workers alone where
# client_to_client says so, live; where it does not nothing passes, however it is tried.
. "$(dirname "$0")/_init.sh"

addr4() { ctl clients | jq -r ".[] | select(.common_name == \"client$1\") | .vpn4"; }
addr6() { ctl clients | jq -r ".[] | select(.common_name == \"client$1\") | .vpn6"; }
slow() { gateway_counter 'slow_in_pkts + .slow_out_pkts'; }

# The settings of a test in force, without a new session.
settings() {
	GATEWAY_EXTRA=$(printf '%s\n' "$@" 'clients:' '  - {name: client1, subnets: [10.50.1.0/24]}')
	conf_write
	! proc_alive sluiced || ctl reload >/dev/null || fail "the reload was refused"
}

nothing_passes() { # the way there, and back
	local to
	for to in "$(addr4 2)" "$(addr6 2)"; do
		! on client1 ping -n -q -c 3 -i 0.1 -W 1 "$@" "$to" >/dev/null || fail "client 1 reaches $to (ping $*)"
	done
	for to in "$(addr4 1)" "$(addr6 1)"; do
		! on client2 ping -n -q -c 3 -i 0.1 -W 1 "$@" "$to" >/dev/null || fail "client 2 reaches $to (ping $*)"
	done
	! on client2 ping -n -q -c 3 -i 0.1 -W 1 10.50.1.2 >/dev/null || fail "client 2 reaches the site"
}

settings "client_to_client: yes"
gateway_up 2
host_add site1
router_on client1
link_add client1 lan site1 1
addr_add client1 lan 10.50.1.1/24
addr_add site1 eth0 10.50.1.2/24
route_add site1 default 10.50.1.1

say_step "yes: by workers alone"
assert_log openvpn2 'route 10.50.1.0 255.255.255.0'
assert_no_log openvpn1 'route 10.50.1.0'
pings 2 10.50.1.2 5 # neighbours
capture_start tun node sluice-demo "not icmp6[0] = 134"
sleep 1
slow0=$(slow)
pings 1 "$(addr4 2)" 100
pings 2 "$(addr4 1)" 100
pings 1 "$(addr6 2)" 100
pings 2 10.50.1.2 100
on client2 ping -n -q -c 1 -t 2 "$(addr4 1)" >/dev/null || fail "more than one hop between clients"
proc_start iperf3 client2 iperf3 -s
sleep 0.3
iperf 1 -c "$(addr4 2)" -t 2 >"$BED_DIR/one.log" || fail "iperf3: $(cat "$BED_DIR/one.log")"
iperf 1 -c "$(addr4 2)" -t 2 -R >"$BED_DIR/two.log" || fail "iperf3 -R: $(cat "$BED_DIR/two.log")"
iperf 1 -c "$(addr6 2)" -t 2 -u -b 20M -l 1200 >"$BED_DIR/three.log" || fail "iperf3 -u: $(cat "$BED_DIR/three.log")"
grep -E 'sender|receiver' "$BED_DIR"/{one,two,three}.log || true
capture_stop tun
assert_ge "packets from client to client" "$(gateway_counter client_to_client)" 1000
assert_le "packets on the slow path" "$(slow)" $((slow0 + 10))
assert_le "packets on the TUN device" "$(capture_show tun | wc -l)" 10
assert_eq "drop replay" "$(gateway_counter drop.replay)" 0
assert_eq "drop client_to_client" "$(gateway_counter drop.client_to_client)" 0

say_step "what a worker does not finish, the kernel does: a hop too many"
out=$(on client1 ping -n -c 1 -t 1 -W 2 "$(addr4 2)" || true)
grep -q "Time to live exceeded" <<<"$out" || fail "no answer to a TTL of 1: $out"

say_step "no, from now on: nothing passes, neither by the kernel"
settings "client_to_client: no"
nothing_passes
# Things that are the kernel's: it would send them back.
nothing_passes -t 1
nothing_passes -s 4000
on node ping -n -q -c 1 -W 2 "$(addr4 1)" >/dev/null || fail "the kernel does not reach the clients: nothing was tested"
assert_ge "packets dropped for that" "$(gateway_counter drop.client_to_client)" 20
pings 1 "$(inside4 1)" 20
pings 2 "$(inside4 1)" 20

say_step "by the kernel, if somebody wants its firewall between clients"
client_stop 1
client_stop 2
gateway_stop
settings "client_to_client: yes" "fast_path: no"
gateway_start
for i in 1 2; do
	client_start $i
	client_wait $i || fail "client $i did not come back"
done
pings 1 "$(addr4 2)" 20
pings 2 10.50.1.2 20
assert_eq "packets from client to client by workers" "$(gateway_counter client_to_client)" 0
on node nft -f - <<'NFT'
table inet guard {
	chain forward {
		type filter hook forward priority 0
		iifname "sluice-demo" oifname "sluice-demo" drop
	}
}
NFT
! on client1 ping -n -q -c 2 -i 0.2 -W 1 "$(addr4 2)" >/dev/null || fail "the firewall is passed by"
test_done
