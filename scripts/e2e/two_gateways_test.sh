#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two gateways with different authorities and ports, the same client network, and the same inside
# addresses in network namespaces of their own: each client reaches only its own inside host.
. "$(dirname "$0")/_init.sh"

tenant() { # N: the node's side of an inside, in a namespace of its own
	host_add "tenant$1"
	router_on "tenant$1"
	host_add "inside$1"
	link_add "tenant$1" vpn "inside$1" 1
	addr_add "tenant$1" vpn 10.20.1.1/24 fd00:20:1::1/64
	addr_add "inside$1" eth0 10.20.1.2/24 fd00:20:1::2/64
	route_add "inside$1" default 10.20.1.1
	route_add "inside$1" default fd00:20:1::1
	on "inside$1" ip addr add "10.99.0.$1/32" dev lo
	on "tenant$1" ip route add 10.99.0.0/16 via 10.20.1.2
	pki_all "$BED_DIR/pki$1" client1 client2
}

gateway() { # N
	PKI=$BED_DIR/pki$1 PORT=$((1193 + $1)) GATEWAY_EXTRA="netns: $BED_PREFIX-tenant$1" conf_gateway "gw$1" |
		sed 's|local_networks: .*|local_networks: [10.20.1.0/24, 10.99.0.0/16, "fd00:20:1::/64"]|'
}

host_add node
router_on node
BED_CLIENTS=2 BED_INSIDES=0
bed_client 1
bed_client 2
tenant 1
tenant 2
{
	conf_head
	for i in 1 2; do
		printf '  - {name: vpn, side: inside, netns: %s}\n' "$BED_PREFIX-tenant$i"
	done
	printf 'gateways:\n'
	gateway 1
	gateway 2
} >"$BED_DIR/sluice.yaml"
gateway_start
for i in 1 2; do
	PKI=$BED_DIR/pki$i PORT=$((1193 + i)) client_start $i
done
for i in 1 2; do
	client_wait $i || fail "client $i did not connect"
	assert_eq "address of client $i" "$(on client$i ip -4 -o addr show dev tun0 | awk '{print $4}')" 10.8.0.2/24
	# Both inside hosts have 10.20.1.2, only one of them 10.99.0.N.
	pings $i 10.20.1.2 50
	pings $i fd00:20:1::2 10
	pings $i 10.99.0.$i 50
	assert_not "client $i reaches the other tenant" on client$i ping -n -q -c 3 -i 0.1 -W 1 10.99.0.$((3 - i)) >/dev/null
	assert_ge "fast packets of gw$i" "$(gateway_counter fast_in_pkts gw$i)" 90
done
say_step "a certificate of the other authority does not get in"
# All the rest is gw1's, so that nothing but its authority stands against the client.
mkdir "$BED_DIR/mixed"
cp "$BED_DIR"/pki1/{ca.crt,tc.key} "$BED_DIR"/pki2/client2.{crt,key} "$BED_DIR/mixed"
client_stop 2
PKI=$BED_DIR/mixed PORT=1194 client_start 2 client2 --connect-retry-max 1 --hand-window 6
wait_for 12 client_up_or_gone 2 || true
assert_not "a foreign certificate got in" client_is_up 2
assert_log sluiced 'gateway=gw1 .*unknown CA'
test_done
