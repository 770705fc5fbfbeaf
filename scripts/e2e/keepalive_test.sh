#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# An idle tunnel lives on keepalives of both sides, one for each interval; a client that says nothing any
# more is gone after twice the timeout.
. "$(dirname "$0")/_init.sh"

no_clients() { [ "$(ctl clients | jq length)" = 0 ]; }

GATEWAY_EXTRA="keepalive: {interval: 1s, timeout: 3s}"
gateway_up
say_step "idle for ten seconds"
out=$(gateway_counter pings_out) in=$(gateway_counter pings_in)
sleep 10
out=$(($(gateway_counter pings_out) - out)) in=$(($(gateway_counter pings_in) - in))
assert_ge "keepalives to the client" "$out" 8
assert_le "keepalives to the client" "$out" 12
assert_ge "keepalives from the client" "$in" 8
assert_eq "sessions" "$(ctl clients | jq length)" 1
assert_no_log openvpn1 'Inactivity timeout'
pings 1 "$(inside4 1)" 10
say_step "data alone is a sign of life"
on client1 ping -n -q -i 0.5 -w 9 "$(inside4 1)" >"$BED_DIR/ping.log" || fail "ping: $(cat "$BED_DIR/ping.log")"
assert_eq "sessions" "$(ctl clients | jq length)" 1
say_step "the client is killed"
client_stop 1 KILL
begun=$(now_ms)
wait_for 10 no_clients || fail "the session outlives its keepalive"
assert_ge "milliseconds until the session ended" $(($(now_ms) - begun)) 4500
assert_log sluiced 'no sign of life'
test_done
