#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two gateways behind one shared inside port and one shared outside port, told apart by 802.1Q tags
# alone: the same endpoint, the same client network, the same inside addresses. Kernels without
# 802.1Q run this, too: vlan_bridge.py puts tags on and takes them off.
#
#   client1 --(untagged)--+                                   +--(100)-- inside1
#                         +-- street == wan  node  lan == rack --+
#   client2 ----(300)-----+                                   +--(200)-- inside2
#
# In namespaces of the node: wan.300 (gw2's outside), lan.100 (gw1's inside), red0 (gw2's inside).
# timeout: 180
. "$(dirname "$0")/_init.sh"

bridge() { # NAME HOST TRUNK TAG=INTERFACE...
	local name=$1 host=$2
	shift 2
	proc_start "bridge-$name" "$host" python3 "$SLUICE_TOP/scripts/e2e/vlan_bridge.py" "$@"
	wait_for 5 grep -q ready "$BED_DIR/bridge-$name.log" || fail "no bridge $name: $(<"$BED_DIR/bridge-$name.log")"
}

# The kernel's VLAN interface: NAME in namespace NS, its tagged end is a port of the node's bridge.
vlan_add() { # NS NAME TRUNK PORT
	ip -n "$BED_PREFIX-node" link add "$4" type veth peer name "$2" netns "$BED_PREFIX-$1" \
		address "$(on node cat "/sys/class/net/$3/address")"
	on "$1" ethtool -K "$2" tx off >/dev/null
	ip -n "$BED_PREFIX-node" link set "$4" up
	ip -n "$BED_PREFIX-$1" link set "$2" up
}

# 192.0.2.2 is both clients', 10.20.1.2 both inside hosts'.
client_host() { # N
	host_add "client$1"
	link_add street "c$1" "client$1" 1
	addr_add "client$1" eth0 192.0.2.2/28
}

inside_host() { # N
	host_add "inside$1"
	link_add rack "h$1" "inside$1" 1
	addr_add "inside$1" eth0 10.20.1.2/24 fd00:20:1::2/64
	route_add "inside$1" default 10.20.1.1
	route_add "inside$1" default fd00:20:1::1
	on "inside$1" ip addr add "10.99.0.$1/32" dev lo
}

tenant_routes() { # N INTERFACE
	addr_add "tenant$1" "$2" 10.20.1.1/24 fd00:20:1::1/64
	on "tenant$1" ip route add 10.99.0.0/16 via 10.20.1.2
}

gateway() { # N NETNS [LINE]
	PKI=$BED_DIR/pki$1 GATEWAY_EXTRA="netns: $BED_PREFIX-$2${3:+$'\n'$3}" conf_gateway "gw$1" |
		sed 's|local_networks: .*|local_networks: [10.20.1.0/24, 10.99.0.0/16, "fd00:20:1::/64"]|'
}

# all_tagged CAPTURE PATTERN TAG: at least 140 frames, all with this tag; 0: all without.
all_tagged() {
	local tag=" vlan $3, " count
	[ "$3" != 0 ] || tag="ethertype IPv[46] "
	count=$(grep -c -e "$2" "$BED_DIR/$1.log" || true)
	assert_ge "frames in $1 like $2" "$count" 140
	assert_eq "frames in $1 like $2 with tag $3" "$(grep -e "$2" "$BED_DIR/$1.log" | grep -c -e "$tag" || true)" "$count"
}

for host in node street rack wan2 tenant1 tenant2; do
	host_add $host
done
link_add node wan street 1
link_add node lan rack 1
for i in 1 2; do
	router_on tenant$i
	client_host $i
	inside_host $i
	pki_all "$BED_DIR/pki$i" client$i
done
addr_add node wan 192.0.2.1/28
on node ethtool -K wan tx off >/dev/null
vlan_add wan2 wan.300 wan w300
addr_add wan2 wan.300 192.0.2.1/28
vlan_add tenant1 lan.100 lan l100
tenant_routes 1 lan.100
bridge street street eth0 0=c1 300=c2
bridge rack rack eth0 100=h1 200=h2
bridge wan node wan 300=w300
{
	BED_CLIENTS=0 conf_head
	printf '  - {name: wan, side: outside, vlans: {300: %s}}\n' "$BED_PREFIX-wan2"
	printf '  - {name: lan, side: inside, vlans: {100: %s, 200: {netns: %s, interface: red0}}}\n' \
		"$BED_PREFIX-tenant1" "$BED_PREFIX-tenant2"
	printf 'gateways:\n'
	gateway 1 tenant1
	gateway 2 tenant2 "link_netns: $BED_PREFIX-wan2"
} >"$BED_DIR/sluice.yaml"

say_step "an interface that takes tags off"
sluiced_refuses 'wan: takes VLAN tags off received frames: ethtool -K wan rxvlan off'
on node ethtool -K wan rxvlan off
on node ethtool -K lan rxvlan off
gateway_start

say_step "an interface that comes later"
assert_log sluiced 'VLAN 100: lan.100 .*: workers follow its routes'
assert_log sluiced 'VLAN 200: red0 .* is not there yet.* ip link add link lan name red0 netns .* type vlan id 200'
vlan_add tenant2 red0 lan l200
tenant_routes 2 red0
bridge lan node lan 100=l100 200=l200
assert_log sluiced 'VLAN 200: red0 .*: workers follow its routes'

for i in 1 2; do
	PKI=$BED_DIR/pki$i client_start $i
done
for i in 1 2; do
	tag=${i}00
	client_wait $i || fail "client $i did not connect"
	say_step "client $i, VLAN $tag"
	pings $i 10.20.1.2 2 # asks the kernel for the neighbour
	pings $i fd00:20:1::2 2
	capture_start rack$i rack eth0
	capture_start street$i street eth0
	in=$(gateway_counter fast_in_pkts gw$i) out=$(gateway_counter fast_out_pkts gw$i)
	pings $i 10.20.1.2 50
	pings $i 10.20.1.2 20 -s 1300
	pings $i 10.99.0.$i 50
	pings $i fd00:20:1::2 20
	assert_ge "fast packets inbound, gw$i" "$(gateway_counter fast_in_pkts gw$i)" $((in + 139))
	assert_ge "fast packets outbound, gw$i" "$(gateway_counter fast_out_pkts gw$i)" $((out + 139))
	assert_not "client $i reaches the other tenant" on client$i ping -n -q -c 3 -i 0.1 -W 1 10.99.0.$((3 - i)) >/dev/null
	for side in rack street; do
		capture_stop $side$i
		capture_show $side$i -e >"$BED_DIR/$side$i.log"
	done
	all_tagged rack$i 'ICMP.* echo request' "$tag"
	all_tagged rack$i 'ICMP.* echo reply' "$tag"
	all_tagged street$i '192.0.2.2[.0-9]* > 192.0.2.1.1194: UDP' $((i == 1 ? 0 : 300))
	all_tagged street$i '192.0.2.1.1194 > 192.0.2.2[.0-9]*: UDP' $((i == 1 ? 0 : 300))
done

say_step "an interface with another MAC address: all by the kernel, until it has the right one"
mac=$(on tenant1 cat /sys/class/net/lan.100/address)
on tenant1 ip link set lan.100 address 02:00:00:00:77:77
assert_log sluiced 'VLAN 100: lan.100 .* another MAC address.* ip link set lan.100 address'
pings 1 10.20.1.2 2
in=$(gateway_counter fast_in_pkts gw1)
pings 1 10.20.1.2 20
assert_eq "fast packets inbound, gw1" "$(gateway_counter fast_in_pkts gw1)" "$in"
on tenant1 ip link set lan.100 address "$mac"
fast_again() {
	local in
	in=$(gateway_counter fast_in_pkts gw1)
	pings 1 10.20.1.2 5
	[ "$(gateway_counter fast_in_pkts gw1)" -ge $((in + 5)) ]
}
wait_for 10 fast_again || fail "the fast path did not come back"
test_done
