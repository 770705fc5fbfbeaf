#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Topologies net30 and p2p, IPv6 only, and what operators push: a stock client takes each as it is
# meant and reaches the inside through the workers.
# timeout: 240
. "$(dirname "$0")/_init.sh"

tun4() { on client1 ip -4 -o addr show dev "$1" | awk '{ print $4, $5, $6 }'; }
tun_dev() { on client1 ls /sys/class/net | grep -m1 '^tun'; }

# again LINES...: the gateway with these lines, and a fresh client.
again() {
	! proc_alive openvpn1 || client_stop 1
	! proc_alive sluiced || gateway_stop
	GATEWAY_EXTRA=$(printf '%s\n' "$@")
	conf_write
	gateway_start
	client_start 1
	client_wait 1 || fail "the client did not connect"
}

bed_usual
pki_all "$BED_DIR/pki" client1

for topology in net30 p2p; do
	say_step "$topology"
	again "topology: $topology" "max_connections: 20"
	case $topology in
	net30) far=10.8.0.5 own=10.8.0.6 ;;
	p2p) far=10.8.0.1 own=10.8.0.2 ;;
	esac
	assert_eq "address of the client" "$(tun4 "$(tun_dev)")" "$own peer $far/32"
	assert_eq "address in sluicectl" "$(ctl clients | jq -r '.[0].vpn4')" $own
	fast0=$(gateway_counter 'fast_in_pkts + .fast_out_pkts')
	pings 1 "$(inside4 1)" 100
	pings 1 "$(inside6 1)" 20
	pings 1 10.8.0.1 10
	assert_ge "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" $((fast0 + 200))
done

say_step "IPv6 only"
client_stop 1
gateway_stop
GATEWAY_EXTRA=
conf_write
sed -i '/client_cidr: /d' "$BED_DIR/sluice.yaml"
gateway_start
client_start 1
client_wait 1 || fail "the client did not connect"
assert_eq "IPv4 address of the client" "$(tun4 "$(tun_dev)")" ""
pings 1 "$(inside6 1)" 50

say_step "pushed options"
again 'push: ["route 10.77.0.0 255.255.0.0 vpn_gateway 5", "setenv-safe COLOUR blue"]' \
	'push_remove: [dhcp-option]' 'dns: [10.20.1.53]' 'session_timeout: 12s'
assert_log openvpn1 "PUSH: Received control message: .*route 10.77.0.0 255.255.0.0 vpn_gateway 5.*session-timeout 12"
assert_no_log openvpn1 'dhcp-option'
on client1 ip route show 10.77.0.0/16 | grep -q 'metric 5' || fail "route 10.77.0.0/16 has no metric 5: $(on client1 ip route)"
wait_for 20 proc_gone openvpn1 || fail "the client outlived its session timeout"
test_done
