#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Handshakes over paths that carry little and say nothing: tls_mtu keeps to its number, larger packets
# that vanish become smaller ones by themselves, and a small link's fragments are reassembled.
# timeout: 240
CLIENT_EXTRA="--max-packet-size 540" # what the client sends; ours is the test's
. "$(dirname "$0")/_init.sh"

tls_mtu_of() { ctl clients | jq '.[0].tls_mtu'; }
# Nothing above 576 bytes arrives, whole or in fragments, and no ICMP.
black_hole() { # HOST FAMILY
	on "$1" nft -f - <<-NFT
		table inet hole {
			chain in {
				type filter hook prerouting priority -500;
				meta nfproto $2 udp sport 1194 meta length > 576 counter drop
				icmp type destination-unreachable drop
				icmpv6 type packet-too-big drop
			}
		}
	NFT
}
dropped() { on client1 nft list table inet hole | grep -o 'packets [0-9]*' | head -n 1 | sed 's/.* //'; }

# largest NAME: the longest UDP datagram of the control channel from the gateway, with its headers.
cat >"$BED_DIR/largest.py" <<'PYTHON'
import sys
from scapy.all import IP, IPv6, UDP, Raw, rdpcap
sizes = [0]
for frame in rdpcap(sys.argv[1]):
    if UDP in frame and frame[UDP].sport == 1194 and Raw in frame and frame[Raw].load[0] >> 3 not in (6, 9):
        sizes.append(len(frame[IP]) if IP in frame else len(frame[IPv6]))
print(max(sizes))
PYTHON
largest() { /usr/bin/python3 "$BED_DIR/largest.py" "$BED_DIR/$1.pcap"; }

restart() { # LINES OF THE GATEWAY
	client_stop 1
	gateway_stop
	GATEWAY_EXTRA=$1
	conf_write
	gateway_start
}

say_step "tls_mtu: 576, 1250 by default"
gateway_up
assert_eq "tls_mtu" "$(tls_mtu_of)" 1250
restart "tls_mtu: 576"
capture_start small client1 eth0 udp port 1194
client_start 1
client_wait 1 || fail "client 1 did not connect with tls_mtu: 576"
capture_stop small
assert_le "largest control packet" "$(largest small)" 576
assert_ge "largest control packet" "$(largest small)" 450
assert_eq "tls_mtu" "$(tls_mtu_of)" 576

for OUTER in 4 6; do
	say_step "large packets vanish: IPv$OUTER"
	restart ""
	conf_write
	black_hole client1 "ipv$OUTER"
	client_start 1
	client_wait 1 45 || fail "client 1 did not connect over a black hole"
	assert_ge "control packets that vanished" "$(dropped)" 6
	assert_eq "tls_mtu" "$(tls_mtu_of)" 576
	assert_log sluiced 'control packets of 1250 bytes get lost: of 576 from now on'
	pings 1 "$(inside4 1)" 20
	say_step "and a renegotiation needs no second discovery"
	lost=$(dropped)
	ctl renegotiate client1 >/dev/null
	done_reneg() { [ "$(ctl clients | jq '.[0].renegotiations')" = 1 ]; }
	wait_for 10 done_reneg || fail "no renegotiation over a black hole"
	assert_eq "control packets that vanished" "$(dropped)" "$lost"
	on client1 nft delete table inet hole
done

say_step "a link of 576 bytes behind a router, no ICMP"
OUTER=4
restart ""
host_add client9
link_add client1 far0 client9 1
addr_add client1 far0 198.51.100.1/24
addr_add client9 eth0 198.51.100.2/24
route_add client9 default 198.51.100.1
route_add node 198.51.100.0/24 "$(client4 1)"
router_on client1
ip -n "$BED_PREFIX-client1" link set far0 mtu 576
ip -n "$BED_PREFIX-client9" link set eth0 mtu 576
for host in client1 client9 node; do
	on $host nft add table ip quiet
	on $host nft 'add chain ip quiet in { type filter hook prerouting priority -500; }'
	on $host nft add rule ip quiet in icmp type destination-unreachable drop
done
client_start 9 client1
client_wait 9 40 || fail "the client behind a link of 576 bytes did not connect"
assert_eq "tls_mtu" "$(tls_mtu_of)" 1250
pings 9 "$(inside4 1)" 10
test_done
