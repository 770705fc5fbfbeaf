#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# One client more than max_connections is told in a form that makes it try its next remote, and
# gets in when there is room.
# timeout: 120
. "$(dirname "$0")/_init.sh"

GATEWAY_EXTRA="max_connections: 1"
bed_usual 2
pki_all "$BED_DIR/pki" client1 client2
conf_write
gateway_start
client_start 1
client_wait 1 || fail "the first client did not connect"
# The next remote is another address; nothing listens there.
client_start 2 client2 --remote 192.0.2.14 1194
wait_for 20 grep -q 'AUTH_FAILED' "$(client_log 2)" || fail "the second client was not told"
told=$(sed -n 's/.*AUTH: Received control message: //p' "$(client_log 2)" | head -n 1)
# Client 2.6 announces IV_PROTO bit 8.
assert_eq "what the second client was told" "$told" "AUTH_FAILED,TEMP[backoff 5,advance remote]:server is full"
assert_log openvpn2 '192\.0\.2\.14:1194|192\.0\.2\.14\]?:?1194' 20
assert_not "the second client got in" client_is_up 2
pings 1 "$(inside4 1)" 20
client_stop 2
client_stop 1
client_start 2
client_wait 2 || fail "the second client did not get in when there was room"
test_done
