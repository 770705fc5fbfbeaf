#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two clients at once: each has its own address and peer id, both carry traffic, and they meet
# nowhere else.
. "$(dirname "$0")/_init.sh"

gateway_up 2
for i in 1 2; do
	pings $i "$(inside4 1)" 100 &
done
wait -n || fail "client lost pings"
wait -n || fail "client lost pings"
for i in 1 2; do
	pings $i "$(inside6 1)" 20
done
[ "$(ctl clients | jq -r '[.[] | .peer_id] | unique | length')" = 2 ] || fail "peer ids are not two: $(ctl clients)"
[ "$(ctl clients | jq -r '[.[] | .vpn4] | unique | length')" = 2 ] || fail "addresses are not two"
test_done
