#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two gateways with different authorities and ports, the same client network, and the same inside
# addresses in network namespaces of their own: each client reaches only its own inside host.
. "$(dirname "$0")/_init.sh"
. "$SLUICE_TOP/scripts/e2e/_tenants.sh"

tenants_up
for i in 1 2; do
	assert_eq "address of client $i" "$(on client$i ip -4 -o addr show dev tun0 | awk '{print $4}')" 10.8.0.2/24
	# Both inside hosts have 10.20.1.2, only one of them 10.99.0.N.
	pings $i 10.20.1.2 50
	pings $i fd00:20:1::2 10
	pings $i 10.99.0.$i 50
	assert_not "client $i reaches the other tenant" on client$i ping -n -q -c 3 -i 0.1 -W 1 10.99.0.$((3 - i)) >/dev/null
	assert_ge "fast packets of gw$i" "$(gateway_counter fast_in_pkts gw$i)" 90
done
say_step "a certificate of the other authority does not get in"
# All the rest is gw1's, so that nothing but its authority stands against the client.
mkdir "$BED_DIR/mixed"
cp "$BED_DIR"/pki1/{ca.crt,tc.key} "$BED_DIR"/pki2/client2.{crt,key} "$BED_DIR/mixed"
client_stop 2
PKI=$BED_DIR/mixed PORT=1194 client_start 2 client2 --connect-retry-max 1 --hand-window 3
wait_for 12 client_up_or_gone 2 || true
assert_not "a foreign certificate got in" client_is_up 2
assert_log sluiced 'gateway=gw1 .*unknown CA'
test_done
