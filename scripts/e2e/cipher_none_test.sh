#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# No cipher, with HMAC-SHA256, and allow_insecure, without which it is refused: a stock client, and
# simulated ones that know no negotiation. Who can encrypt does.
# timeout: 240
CIPHER=none AUTH=SHA256 INSECURE=1 CLIENT_SAYS='[null-cipher]'

encrypted() { ctl clients | jq -r ".[] | select(.common_name == \"$1\") | .encrypted"; }

more() {
	. "$(dirname "$0")/_sim.sh"
	local warning='allow_insecure: packets of clients .*cipher none are not encrypted' crypt out
	say_step "it is said wherever somebody looks"
	assert_log sluiced "$warning"
	assert_log sluiced 'data packets are not encrypted, as the client wants'
	"$SLUICECTL" --socket "$BED_DIR/sluice.sock" status | grep -qE "^warning: gateway demo: $warning" ||
		fail "no warning in status"
	"$SLUICECTL" --socket "$BED_DIR/sluice.sock" clients |
		grep -q '^warning: packets of 1 client are not encrypted' || fail "no warning in clients"
	assert_eq "encrypted" "$(encrypted client1)" false
	say_step "packets can be read on the way"
	capture_start plain client1 eth0 udp port 1194
	pings 1 "$(inside4 1)" 3 -p 5a5a7e7e
	capture_stop plain
	capture_show plain -x | grep -q '5a5a 7e7e 5a5a 7e7e' || fail "the ping's pattern is not there"
	say_step "clients without negotiation, and one that can encrypt"
	pki_cert "$BED_DIR/pki" sim client
	crypt=(--wrap "tls-crypt:$BED_DIR/pki/tc.key" --auth SHA256 --ping "$(inside4 1)")
	for family in 2.3 2.3.18; do
		sim sim $family "${crypt[@]}" --cipher none || fail "$family: $(result .error)"
		assert_eq "$family: cipher" "$(result .cipher)" none
	done
	sim sim 2.6 "${crypt[@]}" --data-ciphers none:AES-256-GCM || fail "2.6: $(result .error)"
	assert_eq "2.6: cipher" "$(result .cipher)" AES-256-GCM
	say_step "without allow_insecure it is refused by name, and nothing changes"
	GATEWAY_EXTRA=$'data_ciphers: AES-256-GCM:none\nauth: SHA256' conf_write
	out=$(ctl reload 2>&1 || true)
	grep -q 'data_ciphers must not have \\"none\\" without allow_insecure: yes' <<<"$out" ||
		fail "not refused: $out"
	pings 1 "$(inside4 1)" 5
	GATEWAY_EXTRA='data_ciphers: AES-256-GCM' conf_write
	ctl reload >/dev/null || fail "a list without none was refused"
	assert_eq "warnings" "$(ctl status | jq '.gateways[0].warnings | length')" 0
	assert_eq "a session keeps what it has" "$(encrypted client1)" false
	pings 1 "$(inside4 1)" 5
}
. "$(dirname "$0")/_cipher.sh"
