#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Reload: a live option reaches new sessions and leaves old ones alone, a fixed option is refused by
# name and takes no other with it, a gateway that is gone tells its clients.
# timeout: 120
. "$(dirname "$0")/_init.sh"

remaining() { [ "$(ctl status | jq -r '[.gateways[] | .name // .gateway] | join(" ")')" = "$1" ]; }
told() { grep -qE 'Connection reset command was pushed by server .*RESTART.*gateway removed|server-pushed-connection-reset' "$(client_log 1)"; }

gateway_up 2
client_stop 2
say_step "live options: the next session has them, the old one goes on"
GATEWAY_EXTRA='dns: [10.20.1.53]
keepalive: {interval: 7s, timeout: 63s}'
conf_write
ctl reload >/dev/null || fail "live options were refused"
pings 1 "$(inside4 1)" 50
client_start 2
client_wait 2 || fail "client 2 did not connect after the reload"
assert_log openvpn2 'dhcp-option DNS 10\.20\.1\.53|dns server .*10\.20\.1\.53'
assert_log openvpn2 'ping 7,'
assert_no_log openvpn1 'dhcp-option DNS|Restart pause|process restarting'
say_step "fixed options are refused by name, the others of the gateway hold: a revoked client does not return"
pki_revoke "$BED_DIR/pki" client2
pki_crl "$BED_DIR/pki"
live=$GATEWAY_EXTRA
GATEWAY_EXTRA+=$'\ntun_mtu: 1400\ncrl_verify: '$BED_DIR/pki/crl.pem
PORT=1196 conf_write
out=$(ctl reload 2>&1 || true)
for option in endpoint.port tun_mtu; do
	grep -q "gateway demo: $option: needs a restart" <<<"$out" || fail "$option is not named: $out"
done
pings 1 "$(inside4 1)" 50
client_stop 2
client_start 2 client2 --connect-retry-max 1 --hand-window 6
wait_for 12 client_up_or_gone 2 || true
assert_not "a revoked client got in" client_is_up 2
assert_log sluiced 'revoked'
GATEWAY_EXTRA=$live
say_step "a gateway that is gone tells its clients"
{
	conf_usual
	PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 conf_gateway second
} >"$BED_DIR/two.yaml"
cp "$BED_DIR/two.yaml" "$BED_DIR/sluice.yaml"
ctl reload >/dev/null || fail "a second gateway was refused"
"$SLUICECTL" --socket "$BED_DIR/sluice.sock" capture demo --pcap "$BED_DIR/demo.pcap" --seconds 60 >"$BED_DIR/capture.log" 2>&1 &
capture=$!
pings 1 "$(inside4 1)" 20
sed '/name: demo/,/name: second/ { /name: second/!d }' "$BED_DIR/two.yaml" >"$BED_DIR/sluice.yaml"
ctl reload >/dev/null || fail "the removal was refused"
wait_for 5 remaining second || fail "the gateway is still there: $(ctl status)"
wait_for 5 told || fail "client 1 was not told"
wait $capture || fail "the capture of the gateway ended badly: $(cat "$BED_DIR/capture.log")"
grep -q 'the gateway was removed' "$BED_DIR/capture.log" || fail "the capture did not end with its gateway: $(cat "$BED_DIR/capture.log")"
say_step "it comes back: a new gateway, with nothing of the old one but its name"
client_stop 1
cp "$BED_DIR/two.yaml" "$BED_DIR/sluice.yaml"
ctl reload >/dev/null || fail "the gateway was not opened again"
assert_eq "packets counted for the new gateway" "$(gateway_counter in_pkts)" 0
client_start 1
client_wait 1 || fail "client 1 did not connect to the new gateway"
pings 1 "$(inside4 1)" 20
assert_le "packets of the new gateway" "$(gateway_counter in_pkts)" 40
test_done
