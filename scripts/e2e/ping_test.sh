#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A stock client pings the inside host, small and large, both inner families; the gateway's own
# address answers, too.
. "$(dirname "$0")/_init.sh"

gateway_up
pings 1 "$(inside4 1)" 50
pings 1 "$(inside6 1)" 50
say_step "large pings, up to fragments of the client's own"
# The first large reply teaches the inside host the path MTU.
on client1 ping -n -q -c 1 -W 1 -s 1440 "$(inside6 1)" >/dev/null || true
for size in 0 1 1000 1400 1420 1472 3000 20000; do
	pings 1 "$(inside4 1)" 5 -s "$size"
	pings 1 "$(inside6 1)" 5 -s "$size"
done
say_step "the gateway itself"
pings 1 10.8.0.1 5
pings 1 fd00:8::1 5
assert_eq cipher "$(client_cipher)" AES-256-GCM
assert_log sluiced "Data Channel: using negotiated cipher 'AES-256-GCM'"
for reason in auth replay no_key spoof; do
	assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
done
test_done
