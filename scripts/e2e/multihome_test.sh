#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# One gateway on two IPv4 addresses and one IPv6 address: stock clients of each at the same time get
# every answer from the address they asked, from workers, from the kernel and after a move between
# addresses; a reload adds one and takes one away.
# timeout: 240
. "$(dirname "$0")/_init.sh"

one=$(node4 1) two=192.0.2.14 six=$(node6 1)

# Datagrams to the client of a capture that are not from the address that the client asked last.
cat >"$BED_DIR/sources.py" <<'PYTHON'
import sys
from scapy.all import IP, IPv6, UDP, rdpcap
asked, answers, wrong = {}, {}, 0
for frame in rdpcap(sys.argv[1]):
    if UDP not in frame:
        continue
    ip, udp = frame[IP] if IP in frame else frame[IPv6], frame[UDP]
    if udp.dport == 1194:
        asked[ip.src, udp.sport] = ip.dst
    elif udp.sport == 1194:
        answers[ip.src] = answers.get(ip.src, 0) + 1
        wrong += asked.get((ip.dst, udp.dport)) != ip.src
print(wrong, *("%s=%d" % a for a in sorted(answers.items())))
PYTHON
cat >"$BED_DIR/again.py" <<'PYTHON'
import socket, sys
from scapy.all import UDP, rdpcap
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 4711))
for frame in rdpcap(sys.argv[1]):
    data = bytes(frame[UDP].payload) if UDP in frame else b""
    if data[:1] and data[0] >> 3 == 9:
        s.sendto(data, (sys.argv[2], 1194))
PYTHON
# sources NAME ADDRESS LEAST: all answers of a capture are right, so many of them from the address.
sources() {
	local out
	out=$(/usr/bin/python3 "$BED_DIR/sources.py" "$BED_DIR/$1.pcap")
	[ "${out%% *}" = 0 ] || fail "answers from an address that was not asked: $out"
	assert_ge "answers from $2 ($out)" "$(grep -o " $2=[0-9]*" <<<"$out" | sed 's/.*=//')" "$3"
}

conf_multihome() { # ADDRESS...
	conf_write
	sed -i "s/address: .*, port/address: [$(printf '"%s", ' "$@" | sed 's/, $//')], port/" "$BED_DIR/sluice.yaml"
}

connect() {
	ENDPOINT=$one client_start 1 client1
	ENDPOINT=$two client_start 2 client2
	OUTER=6 ENDPOINT=$six client_start 3 client3
	for i in 1 2 3; do
		client_wait $i || fail "client $i did not connect"
	done
}

local_of() { ctl clients | jq -r ".[] | select(.common_name == \"client$1\") | .local"; }
local_is() { [ "$(local_of "$1")" = "$2" ]; }

capture_all() { for i in 1 2 3; do capture_start "$1$i" client$i eth0 udp port 1194; done; }

check_all() { # NAME LEAST
	for i in 1 2 3; do capture_stop "$1$i"; done
	sources "${1}1" "$one" "$2"
	sources "${1}2" "$two" "$2"
	sources "${1}3" "$six" "$2"
}

bed_usual 3
addr_add node out1 $two/28
pki_all "$BED_DIR/pki" client1 client2 client3
conf_multihome "$one" "$two" "$six"

say_step "three clients at three addresses, by workers"
gateway_start
capture_all fast
connect
for i in 1 2 3; do
	pings $i "$(inside4 1)" 50
done
check_all fast 50
for i in 1 2 3; do
	pings $i "$(inside6 1)" 10
done
assert_eq "addresses in status" "$(ctl status | jq -c '.gateways[0].endpoints')" \
	"[\"$one:1194\",\"$two:1194\",\"[$six]:1194\"]"
assert_eq "address of client 2" "$(local_of 2)" $two
"$SLUICECTL" --socket "$BED_DIR/sluice.sock" clients | grep -q " TO " || fail "no TO in the clients table"
assert_ge "packets on the fast path" "$(gateway_counter fast_in_pkts)" 150

say_step "a client that sends to another address is answered from there"
# What leaves for the first address reaches the second one, as behind a router that translates.
on client1 nft -f - <<NFT
table ip moves {
	chain out { type nat hook output priority -100; }
	chain raw { type filter hook output priority -300; ip daddr $one udp dport 1194 ip daddr set $two notrack; }
	chain back { type filter hook prerouting priority -300; ip saddr $two udp sport 1194 ip saddr set $one notrack; }
}
NFT
on client1 ping -n -q -c 20 -i 0.05 -W 1 "$(inside4 1)" >/dev/null || true
wait_for 5 local_is 1 $two || fail "client 1 still talks to $(local_of 1)"
# Until control knew, answers went out as before.
capture_start move client1 eth0 udp port 1194
pings 1 "$(inside4 1)" 50
capture_stop move
sources move $two 50
assert_log sluiced "client=client1: talks to $two:1194 now"
on client1 nft delete table ip moves
on client1 ping -n -q -c 20 -i 0.05 -W 1 "$(inside4 1)" >/dev/null || true
wait_for 5 local_is 1 "$one" || fail "client 1 does not come back"
pings 1 "$(inside4 1)" 20

say_step "from IPv4 to IPv6 and back"
# Packets that never arrive reach the gateway from elsewhere: all it knows of a client is its key.
mac=$(on client1 ip neigh show "$one" dev eth0 | grep -o 'lladdr [0-9a-f:]*')
capture_start held client1 eth0 udp dst port 1194
on client1 ip neigh replace "$one" lladdr 02:00:00:00:00:99 dev eth0 nud permanent
on client1 ping -n -q -c 2 -i 0.1 -W 1 "$(inside4 1)" >/dev/null && fail "held packets arrived"
capture_stop held
on client2 /usr/bin/python3 "$BED_DIR/again.py" "$BED_DIR/held.pcap" "$six"
wait_for 5 local_is 1 "$six" || fail "client 1 is at $(local_of 1)"
assert_eq "address of client 1" "$(ctl clients | jq -r '.[] | select(.common_name == "client1") | .remote')" \
	"[$(client6 2)]:4711"
# shellcheck disable=SC2086
on client1 ip neigh replace "$one" $mac dev eth0 nud reachable
on client1 ping -n -q -c 5 -i 0.3 -W 1 "$(inside4 1)" >/dev/null || true
wait_for 5 local_is 1 "$one" || fail "client 1 does not come back"
pings 1 "$(inside4 1)" 20

say_step "a reload takes one address away and adds one"
conf_multihome "$one" "$(node4 2)" "$six"
ctl reload | jq -c . >"$BED_DIR/reload.json"
grep -q "leaves $two:1194, 1 clients are told" "$BED_DIR/reload.json" || fail "$(cat "$BED_DIR/reload.json")"
grep -q "listens on $(node4 2):1194 too" "$BED_DIR/reload.json" || fail "$(cat "$BED_DIR/reload.json")"
assert_log openvpn2 'Connection reset command was pushed|SIGUSR1|server-pushed-connection-reset'
pings 1 "$(inside4 1)" 20
pings 3 "$(inside4 1)" 20
gone() { [ "$(on node ss -Hlun "src $two" | wc -l)" = 0 ]; }
wait_for 5 gone || fail "sockets of $two are still open"
client_stop 2
capture_start added client2 eth0 udp port 1194
ENDPOINT=$(node4 2) client_start 2 client2
client_wait 2 || fail "client 2 did not connect to the new address"
pings 2 "$(inside4 1)" 20
capture_stop added
sources added "$(node4 2)" 20
for i in 1 2 3; do client_stop $i; done

say_step "an address that is not the node's: nothing changes"
conf_multihome "$one" 203.0.113.9
ctl reload >"$BED_DIR/reload.json" || true
grep -q 'nothing was changed' "$BED_DIR/reload.json" || fail "$(cat "$BED_DIR/reload.json")"
assert_eq "addresses" "$(ctl status | jq '.gateways[0].endpoints | length')" 3
gateway_stop

say_step "three clients at three addresses, by the kernel"
conf_multihome "$one" "$two" "$six"
sluiced_start --disable-workers || fail "sluiced did not start"
capture_all slow
connect
for i in 1 2 3; do
	pings $i "$(inside4 1)" 50
done
check_all slow 50
assert_eq "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" 0
test_done
