#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Simulated first packets: a client of 2.5 with tls-crypt-v2, which no cookie protects from, and
# floods of them and of clients that return no cookie. Answers and sessions stay within their
# bounds, a connected client notices nothing, and the next one gets in.
# timeout: 240
KEYS_GATEWAY=$'tls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key'
. "$(dirname "$0")/_init.sh"

SIM=$SLUICE_BUILD/control/tests/sim_client

sim() { # MODE KEY HOST
	local pki=$BED_DIR/pki
	on "client$3" timeout 60 "$SIM" "$(node4 1)" 1194 "$pki/ca.crt" "$pki/sim.crt" "$pki/sim.key" \
		"$pki/$2" "$1" "$(inside4 1)"
}
first_drop() { ctl status | jq ".gateways[0].first_drop.$1"; }
handshakes() { ctl status | jq '.gateways[0].handshakes'; }
no_handshakes() { [ "$(handshakes)" -eq 0 ]; }

# flood MODE KEY MOST: with a connected client under pings.
flood() {
	local answers
	say_step "$1"
	on client1 ping -n -q -i 0.02 -c 300 -W 2 "$(inside4 1)" >"$BED_DIR/ping.log" &
	ping=$!
	answers=$(sim "$1" "$2" 2 | sed -n 's/ answers to 10000 first packets//p')
	assert_ge "answers" "$answers" 1
	assert_le "answers" "$answers" "$3"
	wait $ping || fail "ping: $(tail -n 2 "$BED_DIR/ping.log")"
	grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "$(grep loss "$BED_DIR/ping.log")"
}

[ -x "$SIM" ] || skip "$SIM is not built"
bed_usual 2
pki_all "$BED_DIR/pki" client1 client2 sim
pki_v2_server "$BED_DIR/pki/v2.key"
pki_v2_client "$BED_DIR/pki/v2.key" "$BED_DIR/pki/v2-sim.key"
conf_write
gateway_start
client_start 1
client_wait 1 || fail "client 1 did not connect"

say_step "a client of 2.5 with tls-crypt-v2"
sim v2-old v2-sim.key 2 || fail "sim_client v2-old ended with status $?"
assert_eq "its wrapping" "$(ctl clients | jq -r '.[] | select(.common_name == "sim") | .wrap')" tls-crypt-v2

# 100 at once and 10 a second; the flood lasts a few seconds.
flood flood tc.key 300
assert_ge "first packets above the rate" "$(first_drop rate)" 1000
assert_eq "half-open sessions" "$(handshakes)" 0
# 10 at once and 1 a second, each a session that says its reset up to three times.
flood flood-old v2-sim.key 120
assert_ge "unproven sessions refused" "$(first_drop unproven)" 1000
assert_le "half-open sessions" "$(handshakes)" 40
wait_for 15 no_handshakes || fail "unproven sessions stay: $(handshakes)"

say_step "the next ones"
client_start 2
client_wait 2 || fail "client 2 did not connect after the floods"
KEYS_GATEWAY+=$'\ntls_crypt_v2_cookie: require'
conf_write
ctl reload >/dev/null
before=$(first_drop unproven)
out=$(sim v2-old v2-sim.key 2) && fail "a client of 2.5 got in although a cookie is required"
grep -q 'did not connect' <<<"$out" || fail "sim_client: $out"
assert_ge "refused" "$(first_drop unproven)" $((before + 1))
test_done
