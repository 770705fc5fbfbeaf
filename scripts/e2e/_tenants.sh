# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two gateways with different authorities and ports, the same client network, and the same inside
# addresses in network namespaces of their own. Client N belongs to gateway gwN.

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

tenant_gateway() { # N
	PKI=$BED_DIR/pki$1 PORT=$((1193 + $1)) GATEWAY_EXTRA="netns: $BED_PREFIX-tenant$1" conf_gateway "gw$1" |
		sed 's|local_networks: .*|local_networks: [10.20.1.0/24, 10.99.0.0/16, "fd00:20:1::/64"]|'
}

tenants_up() {
	local i
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
		tenant_gateway 1
		tenant_gateway 2
	} >"$BED_DIR/sluice.yaml"
	gateway_start
	for i in 1 2; do
		PKI=$BED_DIR/pki$i PORT=$((1193 + i)) client_start $i
	done
	for i in 1 2; do
		client_wait $i || fail "client $i did not connect"
	done
}
