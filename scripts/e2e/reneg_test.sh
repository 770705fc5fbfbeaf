#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Ten renegotiations under 100 pings per second, asked for by a gateway of one client and, at the same
# time, by a client of another gateway: no ping is lost, nothing dropped for its key, and every key
# id is seen on the wire in both directions.
. "$(dirname "$0")/_init.sh"

RENEG_SECONDS=28 # ten times two, and what is between them

# The first gateway asks, the second one is asked.
conf_both() {
	GATEWAY_EXTRA="reneg_sec: 2s" conf_usual
	PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 conf_gateway asked
}

renegotiations() { ctl clients | jq ".[] | select(.common_name == \"client$1\") | .renegotiations"; }
enough() { [ "$(renegotiations "$1")" -ge 10 ]; }

bed_usual 2
pki_all "$BED_DIR/pki" client1 client2
conf_both >"$BED_DIR/sluice.yaml"
gateway_start
client_start 1 client1 --reneg-sec 0
PORT=1195 client_start 2 client2 --reneg-sec 2 2
ping=()
for i in 1 2; do
	client_wait $i || fail "client $i did not connect"
	capture_start wire$i client$i eth0 -s 120 udp
	on client$i ping -n -q -i 0.01 -c "$((RENEG_SECONDS * 100))" -W 2 "$(inside4 1)" >"$BED_DIR/ping$i.log" &
	ping+=($!)
done
for i in 1 2; do
	wait_for "$((RENEG_SECONDS + 5))" enough $i || fail "client $i: only $(renegotiations $i) renegotiations"
done
for i in 1 2; do
	wait "${ping[i - 1]}" || fail "ping of client $i ended with an error: $(tail -n 2 "$BED_DIR/ping$i.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping$i.log" || fail "pings of client $i lost: $(grep loss "$BED_DIR/ping$i.log")"
	capture_stop wire$i
	for side in src dst; do
		keys=$(for k in 0 1 2 3 4 5 6 7; do
			[ -z "$(capture_show wire$i -c 1 "udp $side port $((1193 + i)) and udp[8] = $((72 + k))")" ] || printf '%s' "$k"
		done)
		assert_eq "key ids of client $i's data packets on the wire ($side port $((1193 + i)))" "$keys" 01234567
	done
done
for gateway in demo asked; do
	for reason in auth replay no_key; do
		assert_eq "drop $reason of $gateway" "$(gateway_counter "drop.$reason" $gateway)" 0
	done
done
test_done
