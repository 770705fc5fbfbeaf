#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# An XDP program of someone else is never touched: sluiced refuses the interface and says so.
. "$(dirname "$0")/_init.sh"

command -v clang >/dev/null || skip "no clang for a foreign XDP program"
bed_usual
pki_all "$BED_DIR/pki" client1
conf_write
printf '__attribute__((section("xdp"), used)) int foreign(void *ctx) { return 2; }\nchar terms[] __attribute__((section("license"), used)) = "GPL";\n' >"$BED_DIR/foreign.c"
clang -O2 -target bpf -c "$BED_DIR/foreign.c" -o "$BED_DIR/foreign.o"
on node ip link set dev out1 xdpdrv obj "$BED_DIR/foreign.o" sec xdp || skip "ip cannot load XDP programs here"
before=$(on node ip -o -d link show out1 | grep -o 'prog/xdp id [0-9]*')
sluiced_refuses 'XDP program'
assert_eq "the foreign program" "$(on node ip -o -d link show out1 | grep -o 'prog/xdp id [0-9]*')" "$before"
on node ip link set dev out1 xdpdrv off
gateway_start
client_start 1
client_wait 1 || fail "no connection without the foreign program"
pings 1 "$(inside4 1)" 10
test_done
