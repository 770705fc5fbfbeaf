# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A gateway with tls-crypt, and tls-auth and tls-crypt-v2 beside it (port 1194), and one without wrapping (1195, over IPv6), a stock client
# that pings all the time, and simulated clients on another host. Sourced after _sim.sh.

SIM_HOST=client2
KEYS_GATEWAY=$'tls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key\ntls_auth: {key: PKI/ta.key, direction: 0}'

# Enough for a push reply in several parts.
many_networks() { seq -f '10.21.%g.0/24,' 60 | tr '\n' ' '; }

conf_both() {
	conf_usual
	KEYS_GATEWAY='' ENDPOINT=$(node6 1) PORT=1195 CLIENT_CIDR=10.9.0.0/24 CLIENT_CIDR6=fd00:9::/64 \
		GATEWAY_EXTRA="$GATEWAY_EXTRA${PLAIN_EXTRA:+$'\n'$PLAIN_EXTRA}" conf_gateway plain |
		sed -e "s|local_networks: \[|&$(many_networks)|"
}

# sim_bed CERTIFICATE...: everything is up, the stock client's ping runs.
sim_bed() {
	bed_usual 2 1
	pki=$BED_DIR/pki
	pki_all "$pki" client1 "$@"
	openvpn --genkey tls-auth "$pki/ta.key" >>"$BED_DIR/pki.log" 2>&1
	openvpn --genkey tls-crypt-v2-server "$pki/v2.key" >>"$BED_DIR/pki.log" 2>&1
	openvpn --tls-crypt-v2 "$pki/v2.key" --genkey tls-crypt-v2-client "$pki/v2c.key" \
		>>"$BED_DIR/pki.log" 2>&1
	conf_both >"$BED_DIR/sluice.yaml"
	gateway_start
	client_start 1
	client_wait 1 || fail "the stock client did not connect"
	proc_start stock-ping client1 ping -n -i 0.1 -W 2 "$(inside4 1)"
}

# The stock client never noticed.
stock_undisturbed() {
	local received sent
	proc_stop stock-ping INT
	read -r sent received < <(awk '/packets transmitted/ { print $1, $4 }' "$BED_DIR/stock-ping.log")
	assert_ge "pings of the stock client" "${sent:-0}" 20
	# One may be on its way when ping is stopped.
	assert_ge "answered pings of the stock client" "$received" $((sent - 1))
	assert_eq "connections of the stock client" \
		"$(grep -c 'Initialization Sequence Completed' "$(client_log 1)")" 1
}

sessions() { ctl clients | jq 'length'; }
sessions_are() { [ "$(sessions)" = "$1" ]; }
