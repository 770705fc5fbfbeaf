#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The tunnel is a hop: traceroute and mtr show the gateway. Too large with DF: ICMP says how large
# it may be; without DF: fragmented inside the tunnel.
. "$(dirname "$0")/_init.sh"

# CLIENT's tun is as large as a link, so that the gateway has to say it.
gateway_up
say_step "traceroute"
out=$(on client1 traceroute -n -q 1 -w 2 -m 4 "$(inside4 1)")
grep -qE '^ *1 +10\.8\.0\.1 ' <<<"$out" || fail "the first hop is not the gateway: $out"
grep -qE "^ *2 +$(inside4 1) " <<<"$out" || fail "the second hop is not the inside host: $out"
out=$(on client1 traceroute -6 -n -q 1 -w 2 -m 4 "$(inside6 1)")
grep -qE '^ *1 +fd00:8::1 ' <<<"$out" || fail "the first IPv6 hop is not the gateway: $out"
out=$(on client1 mtr -n -r -c 2 -i 0.2 "$(inside4 1)")
grep -q '10\.8\.0\.1 ' <<<"$out" || fail "mtr does not show the gateway: $out"
out=$(on inside1 traceroute -n -q 1 -w 2 -m 4 10.8.0.2)
grep -qE '^ *2 +10\.8\.0\.2 ' <<<"$out" || fail "no way back: $out"
say_step "too large, DF set"
out=$(on inside1 ping -n -c 2 -i 0.3 -W 1 -M "do" -s 1472 10.8.0.2 2>&1 || true)
grep -qiE 'frag needed.*mtu ?= ?[0-9]+|message too long.*mtu' <<<"$out" || fail "no ICMP answer: $out"
say_step "too large for the inside link, DF set: the client is told"
ip -n "$BED_PREFIX-node" link set in1 mtu 1300
ip -n "$BED_PREFIX-inside1" link set eth0 mtu 1300
sleep 0.5
out=$(on client1 ping -n -c 2 -i 0.3 -W 1 -M "do" -s 1372 "$(inside4 1)" 2>&1 || true)
grep -qiE 'mtu ?= ?1300' <<<"$out" || fail "no ICMP with 1300: $out"
on client1 ping -n -q -c 3 -i 0.1 -W 2 -M dont -s 1372 "$(inside4 1)" >/dev/null || fail "larger packets without DF were lost"
ip -n "$BED_PREFIX-node" link set in1 mtu 1500
ip -n "$BED_PREFIX-inside1" link set eth0 mtu 1500
say_step "too large, DF not set: fragmented inside the tunnel"
capture_start tun client1 tun0 ip
on inside1 ping -n -q -c 3 -i 0.1 -W 2 -M dont -s 1472 10.8.0.2 >/dev/null || fail "large pings without DF were lost"
sleep 0.2
capture_stop tun
assert_ge "fragments in the tunnel" "$(capture_show tun 'src net 10.20.0.0/16 and ip[6:2] & 0x3fff != 0' | wc -l)" 6
test_done
