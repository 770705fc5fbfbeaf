# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Many client hosts on one segment, behind one outside port of the node. Sourced after _init.sh.
#
#   client1 eth0 --+
#   client2 eth0 --+-- bridge -- eth0 ---- out1 node in1 ---- eth0 inside1
#   ...            |
#
# Client N has two addresses in each family, of which it uses the first: 192.0.2.(N+1) and (N+100),
# 2001:db8:0:1::(N+1) and (N+100), the number in hex.

CROWD_NET=192.0.2.0/24
CROWD_NET6=2001:db8:0:1::/64

crowd_client() { # N
	local ns=$BED_PREFIX-client$1
	host_add "client$1"
	ip -n "$BED_PREFIX-segment" link add "c$1" type veth peer name eth0 netns "$ns"
	ip -n "$BED_PREFIX-segment" link set "c$1" master br0 up
	# One shell for it all: hosts are many.
	on "client$1" sh -e -c "
		ethtool -K eth0 tx off >/dev/null
		ip link set eth0 up
		for host in $(($1 + 1)) $(($1 + 100)); do
			ip addr add 192.0.2.\$host/24 dev eth0 noprefixroute
			ip addr add 2001:db8:0:1::\$(printf %x \$host)/64 dev eth0 noprefixroute nodad
		done
		ip route add $CROWD_NET dev eth0 src 192.0.2.$(($1 + 1))
		ip route add $CROWD_NET6 dev eth0 src 2001:db8:0:1::$(printf %x $(($1 + 1)))"
}

# bed_crowd N: at most 99.
bed_crowd() {
	local i
	host_add node
	router_on node
	host_add segment
	link_add node out1 segment "$BED_QUEUES"
	addr_add node out1 192.0.2.1/24 2001:db8:0:1::1/64
	on segment sh -e -c "
		ip link add br0 type bridge mcast_snooping 0
		ip link set br0 up
		ip link set eth0 master br0"
	for i in $(seq "$1"); do
		crowd_client "$i"
	done
	bed_inside 1
	BED_CLIENTS=1 BED_INSIDES=1
}

# The keys of N clients, each also with one of tls-crypt-v2.
crowd_keys() { # N
	local pki=$BED_DIR/pki i
	# shellcheck disable=SC2046
	pki_all "$pki" $(seq -f 'client%g' "$1")
	pki_static "$pki/ta.key"
	pki_v2_server "$pki/v2.key"
	for i in $(seq "$1"); do
		pki_v2_client "$pki/v2.key" "$pki/v2-client$i.key"
	done
}
