#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# HUP and `sluicectl reload`: a bad file changes nothing, a good one is applied, what cannot be is
# refused by name; the client's pings are not disturbed.
. "$(dirname "$0")/_init.sh"

gateway_up
on client1 ping -n -q -i 0.02 -c 500 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
ping=$!
say_step "a bad file"
cp "$BED_DIR/sluice.yaml" "$BED_DIR/good.yaml"
sed -i 's/^workers: .*/workers: many/' "$BED_DIR/sluice.yaml"
proc_signal sluiced HUP
assert_log sluiced 'workers must be'
assert "sluiced is gone" sluiced_answers
out=$(ctl reload 2>&1) && fail "a bad file was applied: $out"
say_step "a file of the gateway holds something else"
sed 's|/server.key|/client1.key|' "$BED_DIR/good.yaml" >"$BED_DIR/sluice.yaml"
out=$(ctl reload 2>&1) && fail "a key of another certificate was applied: $out"
grep -qE 'sluice\.yaml:[0-9]+:[0-9]+: gateway demo: key: .*client1\.key: no usable private key of that certificate' <<<"$out" ||
	fail "a key of another certificate: $out"
say_step "what needs a restart is refused by name"
sed 's/^workers: .*/workers: 2/' "$BED_DIR/good.yaml" >"$BED_DIR/sluice.yaml"
out=$(ctl reload 2>&1 || true)
grep -q workers <<<"$out" || fail "workers is not named: $out"
say_step "two new gateways, the second of which cannot open: nothing of the first stays"
# Endpoints that the XDP program on the outside takes packets of.
endpoints_steered() {
	local map
	for map in $(bpftool -j prog show id "$(on node ip -j link show out1 | jq '.[0].xdp.prog.id')" | jq '.map_ids[]'); do
		[ "$(bpftool -j map show id "$map" | jq -r .name)" != endpoints ] || bpftool -j map dump id "$map" | jq length
	done
}
no_new_gateways() {
	! on node ip -o link show | grep -qE 'sluice-(second|third)' || fail "a TUN device is left"
	! on node ss -Hlun | grep -q ':1195 ' || fail "the socket of the gateway that could open is left"
	assert_eq "endpoints on the fast path" "$(endpoints_steered)" 1
	assert_eq "names of gateways" "$(ctl status | jq -r '.gateways[].gateway' | paste -s -d ' ')" demo
}
session=$(ctl clients | jq -c '.[] | [.peer_id, .remote, .key_id, .vpn4]')
proc_start blocker node socat -u UDP4-RECVFROM:1196,bind=192.0.2.1 -
wait_for 5 on node sh -c 'ss -Hlun | grep -q 1196' || true
{
	cat "$BED_DIR/good.yaml"
	PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 conf_gateway second
	PORT=1196 CLIENT_CIDR=10.11.0.0/24 CLIENT_CIDR6=fd00:11::/64 conf_gateway third
} >"$BED_DIR/sluice.yaml"
out=$(ctl reload 2>&1) && fail "a gateway whose port is taken was opened: $out"
grep -q 'gateway third: cannot open: Address already in use' <<<"$out" || fail "a gateway whose port is taken: $out"
no_new_gateways
proc_stop blocker
assert_eq "the client's session" "$(ctl clients | jq -c '.[] | [.peer_id, .remote, .key_id, .vpn4]')" "$session"
say_step "a good change: a second gateway"
{
	cat "$BED_DIR/good.yaml"
	PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 conf_gateway second
} >"$BED_DIR/sluice.yaml"
ctl reload >/dev/null || fail "a good file was refused"
assert_eq gateways "$(ctl status | jq '.gateways | length')" 2
wait $ping || fail "ping: $(tail -n 2 "$BED_DIR/ping.log")"
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "the reload cost packets: $(grep loss "$BED_DIR/ping.log")"
client_stop 1
PORT=1195 client_start 1
client_wait 1 || fail "the new gateway takes no client"
pings 1 "$(inside4 1)" 20
pings 1 "$(inside6 1)" 20
assert_ge "packets the new gateway's workers carried" "$(gateway_counter fast_in_pkts second)" 35
test_done
