#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# An endpoint in the middle of a migration: three clients with three ways of wrapping are connected
# at once, renegotiate, and nobody else gets an answer.
# timeout: 240
KEYS_GATEWAY=$'tls_auth: {key: PKI/ta.key, digest: SHA256, direction: 0}\ntls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key'
. "$(dirname "$0")/_init.sh"

test_round() { [ "$(ctl clients | jq '[.[] | .renegotiations] | min')" -ge "$1" ]; }

bed_usual 4
pki_all "$BED_DIR/pki" client1 client2 client3 client4
pki_static "$BED_DIR/pki/ta.key"
pki_v2_server "$BED_DIR/pki/v2.key"
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-client3.key"
conf_write
gateway_start
assert_eq "modes in status" "$(ctl status | jq -r '.gateways[0].wrap')" "tls-crypt-v2, tls-crypt, tls-auth"
KEYS_CLIENT='--tls-auth PKI/ta.key 1 --auth SHA256' client_start 1
KEYS_CLIENT='--tls-crypt PKI/tc.key' client_start 2
KEYS_CLIENT='--tls-crypt-v2 PKI/v2-client3.key' client_start 3
KEYS_CLIENT='' client_start 4 client4 --connect-retry-max 1 --hand-window 4
for i in 1 2 3; do
	client_wait $i || fail "client $i did not connect"
done
i=0
for wrap in tls-auth tls-crypt tls-crypt-v2; do
	i=$((i + 1))
	assert_eq "wrapping of client $i" \
		"$(ctl clients | jq -r ".[] | select(.common_name == \"client$i\") | .wrap")" $wrap
	pings $i "$(inside4 1)" 20
done
say_step "renegotiations"
for round in 1 2 3; do
	for i in 1 2 3; do
		ctl renegotiate client$i >/dev/null
	done
	wait_for 10 test_round $round || fail "renegotiation $round: $(ctl clients | jq -c '.[] | [.common_name, .renegotiations]')"
done
for i in 1 2 3; do
	pings $i "$(inside4 1)" 20
done
assert_not "an unwrapped client got in" client_is_up 4
assert_ge "first packets dropped for their key" "$(ctl status | jq '.gateways[0].first_drop.auth')" 1
test_done
