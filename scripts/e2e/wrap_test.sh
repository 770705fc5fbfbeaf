#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Every way to wrap the control channel, one after another by reloads of one daemon: a stock client
# that has the key connects and is listed with its mode, one that has another gets no answer.
# timeout: 240
. "$(dirname "$0")/_init.sh"

first_drop() { ctl status | jq ".gateways[0].first_drop.$1"; }
mode_listed() { [ "$(ctl clients | jq -r '.[0].wrap')" = "$1" ]; }

# mode NAME GATEWAY CLIENT: lines of the gateway, options of the client.
mode() {
	say_step "$1: $2"
	KEYS_GATEWAY=$2 KEYS_CLIENT=$3
	conf_write
	ctl reload >/dev/null || fail "reload failed"
	client_start 1
	client_wait 1 || fail "$1: client did not connect"
	assert "$1: not what sluicectl clients says: $(ctl clients | jq -r '.[0].wrap')" mode_listed "$1"
	assert_log sluiced "control channel $1,"
	assert_eq "modes in status" "$(ctl status | jq -r '.gateways[0].wrap')" "$1"
	pings 1 "$(inside4 1)" 5
	grep -E 'WARNING: .(tls-auth|keydir). is' "$(client_log 1)" &&
		fail "$1: the client warns about the options string"
	client_stop 1
}

# stranger WHAT CLIENT [REASON]: no answer, and counted.
stranger() {
	local before why=${3:-auth}
	say_step "$1"
	before=$(first_drop "$why")
	KEYS_CLIENT=$2
	client_start 1 client1 --connect-retry-max 1 --hand-window 3
	wait_for 8 client_up_or_gone 1 || true
	assert_not "$1: the client got in" client_is_up 1
	assert_not "$1: the client got an answer" grep -q 'TLS: Initial packet' "$(client_log 1)"
	client_stop 1
	assert_ge "first packets dropped for their key" "$(first_drop "$why")" $((before + 1))
}

bed_usual
pki_all "$BED_DIR/pki" client1
pki_static "$BED_DIR/pki/ta.key"
pki_static "$BED_DIR/pki/other.key"
conf_write
gateway_start
mode none '' ''
mode tls-auth 'tls_auth: PKI/ta.key' '--tls-auth PKI/ta.key'
mode tls-auth 'tls_auth: {key: PKI/ta.key, direction: 0}' '--tls-auth PKI/ta.key 1'
mode tls-auth 'tls_auth: {key: PKI/ta.key, direction: 1}' '--tls-auth PKI/ta.key 0'
mode tls-auth 'tls_auth: {key: PKI/ta.key, digest: SHA256}' '--tls-auth PKI/ta.key --auth SHA256'
mode tls-auth 'tls_auth: {key: PKI/ta.key, digest: SHA512, direction: 0}' \
	'--tls-auth PKI/ta.key 1 --auth SHA512'
stranger "tls-auth with another key" '--tls-auth PKI/other.key 1 --auth SHA512'
stranger "tls-auth in the wrong direction" '--tls-auth PKI/ta.key 0 --auth SHA512'
stranger "tls-auth with another digest" '--tls-auth PKI/ta.key 1 --auth SHA256'
stranger "none beside tls-auth" ''
mode tls-crypt 'tls_crypt: PKI/tc.key' '--tls-crypt PKI/tc.key'
stranger "tls-crypt with another key" '--tls-crypt PKI/other.key'
stranger "none beside tls-crypt" ''
pki_v2_server "$BED_DIR/pki/v2.key"
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-client1.key"
pki_v2_server "$BED_DIR/pki/v2-other.key"
pki_v2_client "$BED_DIR/pki/v2-other.key" "$BED_DIR/pki/v2-foreign.key"
mode tls-crypt-v2 $'tls_crypt_v2: PKI/v2.key\ntls_crypt_v2_cookie: require' \
	'--tls-crypt-v2 PKI/v2-client1.key'
stranger "tls-crypt-v2 of another server" '--tls-crypt-v2 PKI/v2-foreign.key'
stranger "tls-crypt beside tls-crypt-v2" '--tls-crypt PKI/tc.key'
stranger "none beside tls-crypt-v2" ''

say_step "a client key that is too old, and one that does not say"
mode tls-crypt-v2 $'tls_crypt_v2: PKI/v2.key\ntls_crypt_v2_max_age: 1d' \
	'--tls-crypt-v2 PKI/v2-client1.key'
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-untimed.key" "$(printf alice | base64)"
stranger "tls-crypt-v2 without a time" '--tls-crypt-v2 PKI/v2-untimed.key' expired
test_done
