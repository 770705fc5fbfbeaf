#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The same certificate twice: replace (the first one goes), allow (both), refuse (the second one
# does not get in).
# timeout: 200
. "$(dirname "$0")/_init.sh"

connected() { ctl clients | jq '[.[] | select(.state == "connected")] | length'; }
is_connected() { [ "$(connected)" = "$1" ]; }

try() { # POLICY
	say_step "$1"
	GATEWAY_EXTRA="duplicate_cn: $1"
	conf_write
	gateway_start
	client_start 1 client1
	client_wait 1 || fail "the first client did not connect"
	client_start 2 client1 --connect-retry-max 1
}

stop_all() {
	client_stop 1
	client_stop 2
	gateway_stop
}

bed_usual 2
pki_all "$BED_DIR/pki" client1
try allow
client_wait 2 || fail "duplicate_cn: allow, but the second client did not get in"
is_connected 2 || fail "not two sessions"
pings 1 "$(inside4 1)" 10
pings 2 "$(inside4 1)" 10
stop_all
try refuse
wait_for 10 client_up_or_gone 2 || true
assert_not "duplicate_cn: refuse, but the second client got in" client_is_up 2
pings 1 "$(inside4 1)" 10
stop_all
CLIENT_EXTRA="--connect-retry 60 60"
try replace
client_wait 2 || fail "duplicate_cn: replace, but the second client did not get in"
pings 2 "$(inside4 1)" 10
wait_for 5 is_connected 1 || fail "the old session is still there"
test_done
