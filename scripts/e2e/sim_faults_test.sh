#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Every misbehaviour of the simulator against sluiced: the client comes up, or not, as the fault
# says; sluiced lives, all packets are accounted for, no session is left behind, and a stock client
# beside it loses no ping.
# timeout: 600
GATEWAY_EXTRA='hand_window: 10s'
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_sim.sh"
. "$(dirname "$0")/_sim_bed.sh"

sim_bed sim

patience() { # NAME: seconds for a handshake
	case $1 in
	first-packets) echo 20 ;;
	*) echo 8 ;;
	esac
}

# Who has what the fault is about.
family_of() { if [ "${1%%-*}" = epoch ]; then echo 2.7; else echo 2.6; fi; }

# The answer to the packet that shows the new address may still go to the old one.
losses() { if [ "$1" = float ]; then echo 1; else echo 0; fi; }

# fault FAMILY NAME works|fails|either [OPTION]...
fault() {
	local family=$1 name=$2 expects=$3 rc=0
	shift 3
	sim sim "$family" --ping "$(inside4 1)" --wrap "tls-crypt:$pki/tc.key" --fault "$name" \
		--timeout "$(patience "$name")" --count 10 --lose "$(losses "$name")" "$@" || rc=$?
	case $expects:$rc in
	works:0 | fails:1 | either:[01]) ;;
	*) fail "$name, $family: must be \"$expects\", but $(result .error)" ;;
	esac
	[ "$expects" != works ] || assert_ge "$name: times it happened" "$(result .fault.count)" 1
	assert_eq "$name: answers counted twice" "$(result .pings.duplicates)" 0
	# A whole packet with bytes behind its end is none of the bad ones.
	[ "$name" = odd-inner ] ||
		assert_eq "$name: answers nobody may give" "$(result '.data.received.other // 0')" 0
	sluiced_answers || fail "$name, $family: sluiced is gone"
	wait_for 5 ports_add_up || fail "$name, $family: ports do not add up"
	printf 'passed %-22s %-8s %s\n' "$name" "$family" "$(result '.error // "works"')"
}

mapfile -t faults < <(/usr/bin/python3 -B "$SIM" --list | awk '$1 == "fault" { print $2, $3 }')
assert_ge "faults" "${#faults[@]}" 30
memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(proc_pid sluiced)/status"; }

memory=0
for one in "${faults[@]}"; do
	read -r name expects <<<"$one"
	# Takes longer than this hand window: in the test of the families.
	[ "$name" != loss ] || continue
	memory=$(memory_kb)
	fault "$(family_of "$name")" "$name" "$expects"
	case $name in
	first-packets) assert_le "memory for 10 000 first packets, KB" $(($(memory_kb) - memory)) 1024 ;;
	small-pieces | reorder | duplicate | replay-control) fault 2.5 "$name" "$expects" ;;
	esac
done
# No wrapping lets everything through that the key keeps out.
for one in bad-first-packets wrong-cookie late-first-ids wrong-acks huge-control second-session; do
	OUTER=6 PORT=1195 fault 2.6 "$one" works --wrap none
done
wait_for 30 sessions_are 1 || fail "sessions are left: $(ctl clients)"
assert_no_log sluiced '(^| )(error|crit)'
stock_undisturbed
test_done
