#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Who must not get in: wrong authority, expired certificate, a server's certificate, no common
# cipher, a wrong tls-crypt key; and that a good client gets in among them.
# timeout: 240
. "$(dirname "$0")/_init.sh"

# New lines of the daemon's log: an earlier refusal's reason is not this one's.
said() { # PATTERN
	tail -n "+$((SAID + 1))" "$BED_DIR/sluiced.log" | grep -qE -e "$1"
}

# refused WHY PATTERN CERT OPTION...: client 1 fails, the daemon says why.
refused() {
	local why=$1 pattern=$2 cert=$3
	shift 3
	say_step "$why"
	SAID=$(wc -l <"$BED_DIR/sluiced.log")
	client_start 1 "$cert" --connect-retry-max 1 --hand-window 3 "$@"
	wait_for 12 client_up_or_gone 1 || true
	assert_not "$why: the client got in" client_is_up 1
	[ -z "$pattern" ] || wait_for 5 said "$pattern" ||
		fail "$why: the daemon says $(tail -n "+$((SAID + 1))" "$BED_DIR/sluiced.log")"
	client_stop 1
}

bed_usual
pki_all "$BED_DIR/pki" client1
pki_all "$BED_DIR/other" client1
cp "$BED_DIR/other/client1.crt" "$BED_DIR/pki/foreign.crt"
cp "$BED_DIR/other/client1.key" "$BED_DIR/pki/foreign.key"
pki_cert "$BED_DIR/pki" expired client 20200101000000Z 20200102000000Z
pki_cert "$BED_DIR/pki" purpose server
GATEWAY_EXTRA='data_ciphers: AES-256-GCM:AES-128-GCM' conf_write
gateway_start
refused "wrong authority" 'certificate|verif' foreign
refused "expired certificate" 'expired' expired
refused "not a client's certificate" 'purpose|usage|certificate' purpose
refused "no common cipher" 'cipher' client1 --data-ciphers CHACHA20-POLY1305
refused "wrong tls-crypt key" '' client1 --tls-crypt "$BED_DIR/other/tc.key"
assert_eq "sessions" "$(ctl clients | jq '[.[] | select(.state == "connected")] | length')" 0
client_start 1
client_wait 1 || fail "a good client did not get in"
pings 1 "$(inside4 1)" 10
test_done
