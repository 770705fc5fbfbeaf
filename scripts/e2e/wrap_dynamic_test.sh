#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Dynamic tls-crypt: renegotiations by both sides over every way of wrapping under pings, none of
# which gets lost; the log says how each was wrapped, and on the wire their packets are longer than
# those of the unwrapped first key. A gateway and a client for each way, side by side.
. "$(dirname "$0")/_init.sh"

modes=(none tls-auth tls-crypt tls-crypt-v2)
gateway_keys=('' 'tls_auth: {key: PKI/ta.key, direction: 0}' 'tls_crypt: PKI/tc.key' 'tls_crypt_v2: PKI/v2.key')
client_keys=('' '--tls-auth PKI/ta.key 1' '--tls-crypt PKI/tc.key' '--tls-crypt-v2 PKI/v2-client4.key')

renegotiations() { ctl clients "${modes[$1 - 1]}" | jq '.[0].renegotiations // 0'; }
at_least() { [ "$(renegotiations "$1")" -ge "$2" ]; }
dynamic_lines() { grep -c "gateway=$1 .*renegotiated, key id [1-7], control channel dynamic tls-crypt" "$BED_DIR/sluiced.log" || true; }

conf_modes() {
	local i
	conf_head
	printf '  - {name: in1, side: inside}\ngateways:\n'
	for i in 1 2 3 4; do
		KEYS_GATEWAY=${gateway_keys[i - 1]} PORT=$((1193 + i)) CLIENT_CIDR=10.8.$i.0/24 \
			CLIENT_CIDR6=fd00:8:$i::/64 conf_gateway "${modes[i - 1]}"
	done
}

bed_usual 4
pki_all "$BED_DIR/pki" client1 client2 client3 client4
pki_static "$BED_DIR/pki/ta.key"
pki_v2_server "$BED_DIR/pki/v2.key"
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-client4.key"
conf_modes >"$BED_DIR/sluice.yaml"
gateway_start
capture_start wire client1 eth0 -s 200 udp port 1194
pings=()
for i in 1 2 3 4; do
	KEYS_CLIENT=${client_keys[i - 1]} PORT=$((1193 + i)) client_start $i client$i --reneg-sec 5
done
for i in 1 2 3 4; do
	client_wait $i || fail "${modes[i - 1]}: client did not connect"
	assert_eq "${modes[i - 1]}: dynamic tls-crypt in clients" \
		"$(ctl clients "${modes[i - 1]}" | jq '.[0].dynamic_tls_crypt')" true
	on client$i ping -n -q -i 0.02 -c 700 -W 2 "$(inside4 1)" >"$BED_DIR/ping$i.log" &
	pings+=($!)
done
sleep 2
for i in 1 2 3 4; do
	ctl renegotiate client$i >/dev/null
done
for i in 1 2 3 4; do
	name=${modes[i - 1]}
	wait_for 20 at_least $i 4 || fail "$name: only $(renegotiations $i) renegotiations"
	wait "${pings[i - 1]}" || fail "$name: ping: $(tail -n 2 "$BED_DIR/ping$i.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping$i.log" || fail "$name: $(grep loss "$BED_DIR/ping$i.log")"
	assert_ge "$name: renegotiations in the log" "$(dynamic_lines "$name")" 4
	assert_log openvpn$i 'dyn-tls-crypt'
done
capture_stop wire
# Unwrapped, a soft reset is 14 bytes and 26 with an ack; under tls-crypt 40 more.
for k in 1 2 3; do
	filter="udp dst port 1194 and udp[8] = $((24 + k))"
	[ -n "$(capture_show wire "$filter and udp[4:2] >= 62")" ] || fail "no wrapped soft reset of key id $k"
	[ -z "$(capture_show wire "$filter and udp[4:2] < 62")" ] || fail "a soft reset of key id $k without wrapping"
done
test_done
