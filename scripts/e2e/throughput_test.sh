#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# iperf3 TCP and UDP both ways: at least 95 % of the packets take the fast path, the interfaces'
# own counters agree within 1 %, nothing that arrives has a wrong checksum, no drop but by the tunnel's
# end.
# timeout: 240
. "$(dirname "$0")/_init.sh"

SECONDS_EACH=3

transfer() { # OPTION...
	wait_for 5 on inside1 ss -Hltn sport = 5201 || true
	iperf 1 -c "$(inside4 1)" -t $SECONDS_EACH -J "$@" >"$BED_DIR/iperf.json" ||
		fail "iperf3 $*: $(jq -r .error "$BED_DIR/iperf.json")"
}

interface_packets() { # rx|tx IFNAME: as the host at the other end of the pair counts
	on "$2" cat "/sys/class/net/eth0/statistics/$1_packets"
}

fast_share() { # in|out
	local fast slow
	fast=$(gateway_counter "fast_$1_pkts") slow=$(gateway_counter "slow_$1_pkts")
	assert_ge "packets on the fast path ($1)" "$fast" 1000
	assert_ge "share of the fast path ($1), percent" $((fast * 100 / (fast + slow))) 95
}

agree() { # WHAT A B: within 1 %
	awk -v a="$2" -v b="$3" 'BEGIN { d = a > b ? a - b : b - a; exit !(d <= b * 0.01) }' ||
		fail "$1: counters say $2, interfaces $3"
}

# The first packets a transfer brings to its receiver: none has a wrong checksum. What a host itself
# sends gets its sum when it leaves, so each is looked at where it arrives.
transfer_checked() { # NAME HOST IFNAME SOURCE [OPTION]...
	local name=$1 source=$4 bad
	capture_start "$name" "$2" "$3" -s 2000 -c 4000 src host "$source" and '(tcp or udp)'
	shift 4
	transfer "$@"
	capture_stop "$name"
	assert_ge "packets with a right checksum ($name)" \
		"$(capture_show "$name" -vv | grep -cE 'udp sum ok|cksum 0x[0-9a-f]+ \(correct\)')" 1000
	bad=$(capture_show "$name" -vv | grep -cE 'bad udp cksum|cksum 0x[0-9a-f]+ \(incorrect|bad cksum' || true)
	assert_eq "packets with a wrong checksum ($name)" "$bad" 0
}

gateway_up
proc_start iperf3 inside1 iperf3 -s
in0=$(interface_packets rx inside1) out0=$(interface_packets tx inside1)
fast_in0=$(gateway_counter fast_in_pkts) fast_out0=$(gateway_counter fast_out_pkts)
for args in "" "-u -b 80M -l 1300"; do
	say_step "iperf3 $args, both ways"
	proto=tcp
	[ -z "$args" ] || proto=udp
	transfer_checked "$proto-in" inside1 eth0 10.8.0.2 $args
	transfer_checked "$proto-out" client1 tun0 "$(inside4 1)" $args -R
done
sleep 0.5
agree inbound $(($(gateway_counter fast_in_pkts) - fast_in0)) $(($(interface_packets rx inside1) - in0))
agree outbound $(($(gateway_counter fast_out_pkts) - fast_out0)) $(($(interface_packets tx inside1) - out0))
fast_share in
fast_share out
for reason in auth replay no_key; do
	assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
done
test_done
