#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A client that was killed comes back: the same certificate replaces the old session. A client that
# says goodbye frees its slot at once.
. "$(dirname "$0")/_init.sh"

clients() { ctl clients | jq '[.[] | select(.state == "connected")] | length'; }
no_clients() { [ "$(clients)" = 0 ]; }

gateway_up
address=$(ctl clients | jq -r '.[0].vpn4')
say_step "killed"
client_stop 1 KILL
assert_eq "sessions after a kill" "$(clients)" 1
client_start 1
client_wait 1 || fail "the client did not reconnect"
pings 1 "$(inside4 1)" 20
assert_eq "sessions after the reconnection" "$(clients)" 1
say_step "goodbye (address before: $address)"
client_stop 1 TERM
wait_for 2 no_clients || fail "the slot is not free two seconds after the goodbye"
test_done
