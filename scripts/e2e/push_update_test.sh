#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A reload tells connected clients what changed: a client of 2.7 takes it without losing a ping, a
# stock one keeps what it has and is named, or is told to connect again if the operator asks for it.
# timeout: 180
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_sim.sh"
SIM_HOST=client2
sessions_are() { [ "$(ctl clients | jq length)" = "$1" ]; }
client_field() { ctl clients | jq -r ".[] | select(.common_name == \"$1\") | .$2"; }
told() { [ "$(client_field sim reload)" = "$1" ]; }
# SECONDS of pings as a client of 2.7 in the background; its result in held.json.
held() {
	{
		rc=0
		sim sim 2.7 --wrap "tls-crypt:$BED_DIR/pki/tc.key" --ping "$(inside4 1)" \
			--count $(($1 * 50)) --hold 1 || rc=$?
		printf '%s\n' "$SIM_OUT" >"$BED_DIR/held.json"
		exit $rc
	} &
	HELD=$!
	wait_for 10 sessions_are 2 || fail "the simulated client is not there"
}
held_is() { [ "$(jq -c "$1" "$BED_DIR/held.json")" = true ] || fail "not $1: $(jq -c '[.settings, .warnings]' "$BED_DIR/held.json")"; }

bed_usual 2 1
pki_all "$BED_DIR/pki" client1 sim
GATEWAY_EXTRA='dns: [10.20.1.53]
redirect_gateway: yes'
conf_write
gateway_start
client_start 1
client_wait 1 || fail "the stock client did not connect"
on client1 ping -n -q -i 0.05 -c 240 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
ping=$!
held 6
say_step "a check says it, and does nothing"
GATEWAY_EXTRA='dns: [10.20.1.54, "fd00:20:1::54"]
dns_search_domains: [example.org]
redirect_gateway: yes
push: ['$(seq -f '"route 10.99.%g.0 255.255.255.0",' 30 | paste -s -d ' ')']'
conf_write
line='gateway demo: 1 client would get the new settings, 1 client would keep the old ones until it reconnects: client1 (route, dhcp-option)'
assert_eq "what a check says" "$(ctl reload --check | jq -r '.planned[] | select(startswith("gateway"))')" "$line"
assert_eq "reload of the simulated client" "$(client_field sim reload)" 0
say_step "routes and DNS change under running clients"
proc_signal sluiced HUP
wait_for 5 told 1 || fail "the simulated client was not told: $(ctl clients)"
assert_log sluiced 'reload: gateway demo: 1 client got the new settings, 1 client keeps the old ones until it reconnects: client1 \(route, dhcp-option\)'
assert_eq "reload of the stock client" "$(client_field client1 reload)" 0
assert_eq "what the stock client lacks" "$(client_field client1 outdated)" "route, dhcp-option"
assert_eq "what the simulated client lacks" "$(client_field sim outdated)" ""
sleep 1
say_step "and back, with what no update can carry"
GATEWAY_EXTRA='keepalive: {interval: 7s, timeout: 63s}'
conf_write
ctl reload >/dev/null || fail "the reload was refused"
assert_eq "what the simulated client lacks" "$(client_field sim outdated)" "ping, ping-restart"
wait $HELD || fail "the simulated client: $(jq -c .error "$BED_DIR/held.json")"
held_is '.warnings == []'
held_is '.updates == 2'
held_is '[.messages[] | select(startswith("PUSH_UPDATE"))] | length == 3'
held_is '.settings.route == ["10.20.0.0 255.255.0.0"]'
held_is '.settings["route-ipv6"] == ["fd00:20::/32"]'
held_is '.settings | has("dns") or has("dhcp-option") or has("redirect-gateway") | not'
held_is '.settings.ping == ["10"]'
held_is '.pings.received == .pings.sent'
say_step "what a client that connects now is told is what an update makes of the other"
GATEWAY_EXTRA='dns: [10.20.1.53]'
conf_write
ctl reload >/dev/null || fail "the reload was refused"
held 4
GATEWAY_EXTRA='dns: [10.20.1.54, "fd00:20:1::54"]
dns_search_domains: [example.org]
redirect_gateway: yes
push: ["route 10.99.1.0 255.255.255.0", "route 10.98.0.0 255.255.0.0 vpn_gateway 5"]'
conf_write
ctl reload >/dev/null || fail "the reload was refused"
wait $HELD || fail "the simulated client: $(jq -c .error "$BED_DIR/held.json")"
held_is '.updates == 1'
jq -cS '.settings | del(.["peer-id"], .ifconfig, .["ifconfig-ipv6"])' "$BED_DIR/held.json" >"$BED_DIR/updated.json"
sim sim 2.7 --wrap "tls-crypt:$BED_DIR/pki/tc.key" --ping "$(inside4 1)" || fail "$(result .error)"
result '.settings | del(.["peer-id"], .ifconfig, .["ifconfig-ipv6"])' | jq -cS . >"$BED_DIR/pushed.json"
assert_eq "settings after an update" "$(<"$BED_DIR/updated.json")" "$(<"$BED_DIR/pushed.json")"
say_step "the stock client was never disturbed"
wait $ping || fail "ping: $(tail -n 2 "$BED_DIR/ping.log")"
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "reloads cost packets: $(grep loss "$BED_DIR/ping.log")"
assert_no_log openvpn1 'PUSH_UPDATE|Restart pause|process restarting|unknown control'
say_step "it has to connect again only if the operator asks"
out=$(ctl reload --restart) || fail "the reload was refused"
assert_eq "what the reload says" "$(jq -r '.applied[] | select(startswith("gateway"))' <<<"$out")" \
	"gateway demo: 1 client was told to reconnect: client1 (route, dhcp-option)"
assert_log openvpn1 "Connection reset command was pushed by server \('\[P\]disconnected by reload 5 at [0-9:]{8}: route, dhcp-option changed'\)"
assert_log openvpn1 '10\.20\.1\.54' 20
wait_for 10 sessions_are 1 || fail "the stock client is not back: $(ctl clients)"
assert_eq "reload of the stock client" "$(client_field client1 reload)" 5
test_done
