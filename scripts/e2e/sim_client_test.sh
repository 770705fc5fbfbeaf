#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Simulated clients do what stock ones of today never do: data packets without peer ids, a lost
# acknowledgement of the first reply, a new session from the address and port of a running one.
. "$(dirname "$0")/_init.sh"

SIM=$SLUICE_BUILD/control/tests/sim_client

# Each mode has a certificate of its own, so that sessions of earlier ones do not matter.
sim() { # MODE
	local pki=$BED_DIR/pki
	say_step "$1"
	on client1 timeout 60 "$SIM" "$(node4 1)" 1194 "$pki/ca.crt" "$pki/$1.crt" "$pki/$1.key" \
		"$pki/tc.key" "$1" "$(inside4 1)" || fail "sim_client $1 ended with status $?"
	assert_eq "sessions of $1" \
		"$(ctl clients | jq "[.[] | select(.common_name == \"$1\")] | length")" 1
}

[ -x "$SIM" ] || skip "$SIM is not built"
bed_usual
pki_all "$BED_DIR/pki" v1 lost-ack reset reset-v1
# Sessions of one name may live side by side: only their common address makes one replace another.
# Long time slots: the cookie of a repeated first reply is the same.
GATEWAY_EXTRA=$'duplicate_cn: allow\nhand_window: 10m'
conf_write
gateway_start
sim v1
assert_log sluiced "client=v1 .*negotiated cipher 'AES-256-GCM'"
assert_log sluiced "client=v1 .*keys by prf"
sim lost-ack
assert_no_log sluiced "client connected again"
for mode in reset reset-v1; do
	sim $mode
	assert_log sluiced "client=$mode.*client connected again"
done
test_done
