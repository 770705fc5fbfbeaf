#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What a stock client may want otherwise than by default: TLS 1.2, AES-128-GCM, AES-192-GCM, and all
# of it again without tls-crypt.
# timeout: 240
. "$(dirname "$0")/_init.sh"

connects() { # TLS CIPHER [OPTION]...
	local tls=$1 cipher=$2
	shift 2
	say_step "$tls, $cipher, control channel $wrap"
	client_start 1 client1 --data-ciphers "$cipher" "$@"
	client_wait 1 || fail "no connection"
	grep -q "Control Channel: $tls," "$(client_log 1)" || fail "not $tls: $(grep 'Control Channel' "$(client_log 1)")"
	assert_eq "cipher of the client" "$(client_cipher)" "$cipher"
	assert_eq "cipher of the gateway" "$(ctl clients | jq -r '.[0].cipher')" "$cipher"
	pings 1 "$(inside4 1)" 20
	pings 1 "$(inside6 1)" 20 -s 1300
	client_stop 1
	wait_for 5 no_clients || fail "the client's session stays after its exit"
}

no_clients() { [ "$(ctl clients | jq length)" = 0 ]; }

GATEWAY_EXTRA="data_ciphers: [AES-256-GCM, AES-192-GCM, AES-128-GCM]"
bed_usual
pki_all "$BED_DIR/pki" client1
for wrap in tls-crypt none; do
	KEYS_GATEWAY='tls_crypt: PKI/tc.key' KEYS_CLIENT='--tls-crypt PKI/tc.key'
	[ $wrap = tls-crypt ] || KEYS_GATEWAY='' KEYS_CLIENT=
	conf_write
	gateway_start
	connects TLSv1.3 AES-256-GCM
	connects TLSv1.3 AES-192-GCM
	connects TLSv1.3 AES-128-GCM
	connects TLSv1.2 AES-256-GCM --tls-version-max 1.2
	connects TLSv1.2 AES-192-GCM --tls-version-max 1.2
	connects TLSv1.2 AES-128-GCM --tls-version-max 1.2
	for reason in auth replay no_key; do
		assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
	done
	gateway_stop
done
test_done
