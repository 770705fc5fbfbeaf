#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Garbage and truncated datagrams of every opcode, from a stranger and from the client's own
# address: nothing crashes, nobody's session ends, no memory is spent on them.
. "$(dirname "$0")/_init.sh"

gateway_up
cat >"$BED_DIR/garbage.py" <<'PY'
import os, random, socket, sys
random.seed(7)
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
to = (sys.argv[1], 1194)
n = 0
for opcode in range(32):
    for key_id in (0, 1, 7):
        head = bytes([opcode << 3 | key_id])
        for size in (0, 1, 2, 3, 4, 7, 8, 9, 13, 14, 16, 20, 23, 24, 25, 40, 53, 54, 100, 1400):
            for body in (b"\0" * size, b"\xff" * size, random.randbytes(size)):
                s.sendto(head + body, to)
                n += 1
s.sendto(b"", to)
for size in (0, 1, 3000, 65000):
    s.sendto(random.randbytes(size), to)
# Data packets that name the client's peer id.
for size in range(0, 64):
    s.sendto(b"\x48\0\0\0" + random.randbytes(size), to)
print(n)
PY
pings 1 "$(inside4 1)" 10
for host in client1 inside1; do
	target=$(endpoint)
	[ $host = client1 ] || on inside1 ip route replace 192.0.2.0/24 via 10.20.1.1
	on $host python3 "$BED_DIR/garbage.py" "$target" >/dev/null || fail "could not send garbage from $host"
done
pings 1 "$(inside4 1)" 50
assert_eq "sessions" "$(ctl clients | jq length)" 1
assert_no_log sluiced '(^| )(error|crit)'
assert_ge "datagrams dropped in all" "$(counter '[.ports[].dropped] | add')" 100
test_done
