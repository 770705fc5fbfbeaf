#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Dynamic tls-crypt: renegotiations by both sides over every way of wrapping under pings, none of
# which gets lost; the log says how each was wrapped, and on the wire their packets are longer than
# those of the unwrapped first key.
# timeout: 240
. "$(dirname "$0")/_init.sh"

renegotiations() { ctl clients | jq '.[0].renegotiations // 0'; }
at_least() { [ "$(renegotiations)" -ge "$1" ]; }
dynamic_lines() { grep -c 'renegotiated, key id [1-7], control channel dynamic tls-crypt' "$BED_DIR/sluiced.log" || true; }

# over NAME GATEWAY CLIENT
over() {
	local before
	say_step "over $1"
	KEYS_GATEWAY=$2 KEYS_CLIENT=$3
	conf_write
	ctl reload >/dev/null || fail "reload failed"
	before=$(dynamic_lines)
	client_start 1 client1 --reneg-sec 5
	client_wait 1 || fail "$1: client did not connect"
	assert_eq "dynamic tls-crypt in clients" "$(ctl clients | jq '.[0].dynamic_tls_crypt')" true
	on client1 ping -n -q -i 0.02 -c 700 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
	ping=$!
	sleep 2
	ctl renegotiate client1 >/dev/null
	wait_for 20 at_least 4 || fail "$1: only $(renegotiations) renegotiations"
	wait $ping || fail "ping: $(tail -n 2 "$BED_DIR/ping.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "$1: $(grep loss "$BED_DIR/ping.log")"
	assert_ge "$1: renegotiations in the log" "$(dynamic_lines)" $((before + 4))
	assert_log openvpn1 'dyn-tls-crypt'
	client_stop 1
}

bed_usual
pki_all "$BED_DIR/pki" client1
pki_static "$BED_DIR/pki/ta.key"
pki_v2_server "$BED_DIR/pki/v2.key"
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-client1.key"
KEYS_GATEWAY='' conf_write
gateway_start
capture_start wire client1 eth0 -s 200 udp port 1194
over none '' ''
capture_stop wire
# Unwrapped, a soft reset is 14 bytes and 26 with an ack; under tls-crypt 40 more.
for k in 1 2 3; do
	filter="udp dst port 1194 and udp[8] = $((24 + k))"
	[ -n "$(capture_show wire "$filter and udp[4:2] >= 62")" ] || fail "no wrapped soft reset of key id $k"
	[ -z "$(capture_show wire "$filter and udp[4:2] < 62")" ] || fail "a soft reset of key id $k without wrapping"
done
over tls-auth 'tls_auth: {key: PKI/ta.key, direction: 0}' '--tls-auth PKI/ta.key 1'
over tls-crypt 'tls_crypt: PKI/tc.key' '--tls-crypt PKI/tc.key'
over tls-crypt-v2 'tls_crypt_v2: PKI/v2.key' '--tls-crypt-v2 PKI/v2-client1.key'
test_done
