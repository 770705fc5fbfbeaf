#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The slow path is a way, not a loss: with fast_path off, and with workers disabled, the kernel
# carries everything; a flood that only the kernel can answer is limited and disturbs no one.
# timeout: 180
. "$(dirname "$0")/_init.sh"

bed_usual 2
pki_all "$BED_DIR/pki" client1 client2
say_step "fast_path: no"
GATEWAY_EXTRA="fast_path: no"
conf_write
gateway_start
client_start 1
client_wait 1 || fail "client 1 did not connect"
pings 1 "$(inside4 1)" 50
pings 1 "$(inside6 1)" 20
assert_eq "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" 0
assert_ge "packets on the slow path" "$(gateway_counter slow_in_pkts)" 70
client_stop 1
gateway_stop
say_step "workers disabled"
GATEWAY_EXTRA=
conf_write
sluiced_start --disable-workers || fail "sluiced did not start"
client_start 1
client_wait 1 || fail "client 1 did not connect"
pings 1 "$(inside4 1)" 50
pings 1 "$(inside6 1)" 20
pings 1 10.8.0.1 5
assert_eq "packets on the fast path" "$(gateway_counter 'fast_in_pkts + .fast_out_pkts')" 0
assert_ge "packets on the slow path, in" "$(gateway_counter slow_in_pkts)" 75
assert_ge "packets on the slow path, out" "$(gateway_counter slow_out_pkts)" 75
assert_eq "packets received by ports" "$(counter '[.ports[] | select(.name | IN("out1", "out2", "in1")) | .rx] | add')" 0
client_stop 1
gateway_stop
say_step "a flood of expiring packets, limited"
conf_write
gateway_start
client_start 1
client_start 2
client_wait 1 || fail "client 1 did not connect"
client_wait 2 || fail "client 2 did not connect"
cat >"$BED_DIR/flood.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
end = time.time() + 4
while time.time() < end:
    try:
        s.sendto(b"expires", (sys.argv[1], 9))
    except OSError:
        pass
PY
on client2 python3 "$BED_DIR/flood.py" "$(inside4 1)" &
flood=$!
sleep 0.5
pings 1 "$(inside4 1)" 100 -W 3
wait $flood || true
# 65536 per second and client (dataplane/punt.h), and what the bucket holds.
assert_le "packets let through" "$(gateway_counter punt.ttl)" $((65536 * 6))
assert_ge "packets within the limit" "$(gateway_counter punt.ttl)" 100
test_done
