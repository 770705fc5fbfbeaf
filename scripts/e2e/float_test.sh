#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Float: a stock client's address changes under traffic and no ping is lost. An attacker elsewhere
# who replays its packets, forges them, or delivers one first, cannot keep its place.
. "$(dirname "$0")/_init.sh"

remote() { ctl clients | jq -r '.[0].remote' | sed 's/:[0-9]*$//'; }
remote_is() { [ "$(remote)" = "$1" ]; }

# The data packets of a capture once more, from the attacker's own address; each $1 bytes altered.
cat >"$BED_DIR/again.py" <<'PYTHON'
import sys
from scapy.all import IP, UDP, Raw, rdpcap, send, conf
conf.verb = 0
again = []
for frame in rdpcap(sys.argv[1]):
    if UDP in frame and frame[UDP].dport == 1194 and bytes(frame[UDP].payload)[:1][0] >> 3 == 9:
        data = bytearray(bytes(frame[UDP].payload))
        if sys.argv[2] == "forged":
            data[-1] ^= 1
            data[7] ^= 0x80
        again.append(IP(src=sys.argv[3], dst=frame[IP].dst) / UDP(sport=frame[UDP].sport, dport=1194) / Raw(bytes(data)))
print(len(again))
send(again)
PYTHON
attack() { on client2 /usr/bin/python3 "$BED_DIR/again.py" "$BED_DIR/$1.pcap" "$2" "$(client4 2)" || fail "attack $2"; }

gateway_up 1
bed_client 2
pings 1 "$(inside4 1)" 10
home=$(client4 1) new=192.0.2.5
assert_eq "address" "$(remote)" "$home"

say_step "the address changes under 100 pings a second"
addr_add client1 eth0 $new/28
on client1 ping -n -q -i 0.01 -c 400 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
ping=$!
sleep 1
ip -n "$BED_PREFIX-client1" route replace 192.0.2.0/28 dev eth0 src $new
ip -n "$BED_PREFIX-client1" route replace 192.0.2.0/24 via "$(node4 1)" src $new
wait_for 5 remote_is $new || fail "the client is still at $(remote)"
wait $ping || true
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "pings lost: $(grep loss "$BED_DIR/ping.log")"
assert_log sluiced "client=client1 $home:[0-9]+: address changed to $new:[0-9]+"
assert_eq "floats" "$(ctl clients | jq '.[0].floats')" 1

say_step "replayed and forged packets from another address move nobody"
capture_start genuine client1 eth0 udp dst port 1194
pings 1 "$(inside4 1)" 50
capture_stop genuine
replay0=$(gateway_counter drop.replay) auth0=$(gateway_counter drop.auth)
on client1 ping -n -q -i 0.01 -c 300 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
ping=$!
attack genuine replayed
attack genuine forged
wait $ping || true
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "pings lost: $(grep loss "$BED_DIR/ping.log")"
assert_ge "drop replay" "$(gateway_counter drop.replay)" $((replay0 + 50))
assert_ge "drop auth" "$(gateway_counter drop.auth)" $((auth0 + 50))
assert_eq "address" "$(remote)" $new

say_step "who delivers a packet first has the place until the client's next one"
mac=$(on client1 ip neigh show "$(node4 1)" dev eth0 | grep -o 'lladdr [0-9a-f:]*')
capture_start held client1 eth0 udp dst port 1194
on client1 ip neigh replace "$(node4 1)" lladdr 02:00:00:00:00:99 dev eth0 nud permanent
on client1 ping -n -q -c 2 -i 0.1 -W 1 "$(inside4 1)" >/dev/null && fail "held packets arrived"
capture_stop held
attack held replayed
wait_for 5 remote_is "$(client4 2)" || fail "the client is at $(remote)"
# shellcheck disable=SC2086
on client1 ip neigh replace "$(node4 1)" $mac dev eth0 nud reachable
on client1 ping -n -q -c 3 -i 0.2 -W 1 "$(inside4 1)" >/dev/null || true
wait_for 5 remote_is $new || fail "the client is still at $(remote)"
pings 1 "$(inside4 1)" 50
test_done
