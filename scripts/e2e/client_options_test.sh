#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Options of single clients: addresses of their own, of either family; what is pushed to one and not to
# another; who is disabled is disconnected by a reload, refused, and told why.
# timeout: 120
. "$(dirname "$0")/_init.sh"

vpn4() { ctl clients | jq -r ".[] | select(.common_name == \"$1\") | .vpn4"; }
vpn6() { ctl clients | jq -r ".[] | select(.common_name == \"$1\") | .vpn6"; }

GATEWAY_EXTRA='dns: [10.20.1.53]
clients:
  - name: client1
    address: 10.8.0.50
    address6: "fd00:8::50"
    push: ["route 10.77.0.0 255.255.0.0"]
    push_remove: ["dhcp-option DNS"]
  - {name: client2, address: 10.8.0.2}'
gateway_up 3
say_step "addresses"
assert_eq "address of client 1" "$(vpn4 client1) $(vpn6 client1)" "10.8.0.50 fd00:8::50"
assert_eq "address of client 2" "$(vpn4 client2)" 10.8.0.2
[ "$(vpn4 client3)" != 10.8.0.2 ] || fail "client 3 has the address of client 2"
on client1 ip -o addr show | grep -q 'inet 10.8.0.50/24' || fail "client 1 has another IPv4 address"
on client1 ip -o addr show | grep -q 'inet6 fd00:8::50/64' || fail "client 1 has another IPv6 address"
for i in 1 2 3; do
	pings $i "$(inside4 1)" 20
	pings $i "$(inside6 1)" 20
done
say_step "pushed to one, not to the others"
assert_log openvpn1 'route 10.77.0.0 255.255.0.0'
assert_no_log openvpn1 'dhcp-option DNS'
assert_log openvpn3 'dhcp-option DNS 10.20.1.53'
assert_no_log openvpn3 'route 10.77.0.0'

say_step "disabled by a reload"
GATEWAY_EXTRA='clients:
  - {name: client1, address: 10.8.0.50, address6: "fd00:8::50", push: ["setenv-safe LATER 1"]}
  - {name: client2, disabled: yes}'
conf_write
out=$(ctl reload) || fail "the reload was refused: $out"
grep -q 'disabled clients that are disconnected: 1' <<<"$out" || fail "the reload does not say who is disconnected: $out"
grep -q 'own options changed, from their next connection on: 1' <<<"$out" || fail "the reload does not say whose options changed: $out"
wait_for 10 proc_gone openvpn2 || fail "the disabled client goes on"
assert_log openvpn2 'this client is disabled'
pings 1 "$(inside4 1)" 20
mv "$(client_log 2)" "$(client_log 2).old"
client_start 2
wait_for 20 proc_gone openvpn2 || fail "the disabled client was not refused"
assert_log openvpn2 'AUTH_FAILED,this client is disabled'
assert_log sluiced 'client=client2.*refused: this client is disabled'

say_step "an option of a connected client holds from its next connection on"
assert_no_log openvpn1 'setenv-safe LATER 1'
ctl kill client1 >/dev/null
assert_log openvpn1 'setenv-safe LATER 1' 20

say_step "errors"
sed -i 's/address: 10.8.0.50/address: 10.8.0.1/' "$BED_DIR/sluice.yaml"
out=$(ctl reload 2>&1 || true)
grep -q 'gateway demo: client client1: address must be one of 10.8.0.2..10.8.0.254' <<<"$out" || fail "the reload says \"$out\""
pings 1 "$(inside4 1)" 20
test_done
