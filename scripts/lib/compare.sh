# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What a packet costs the server, and sluiced beside stock openvpn in the same namespaces.
# sluiced: the workers' busy time, which includes the system calls of their ports, empty polls not
# counted; a turn of the loop goes on while others have its core, so it is taken times the share of
# the time that a worker who wanted to run did run. openvpn: user and system time of its process.

COMPARE_ROUNDS=${COMPARE_ROUNDS:-2}
COMPARE_COST_RATIO=2.5

# Nanoseconds that workers ran, and that they waited for their core.
workers_ran() {
	local pid
	pid=$(proc_pid sluiced)
	for task in "/proc/$pid/task"/*; do
		grep -q worker "$task/comm" && cat "$task/schedstat"
	done 2>/dev/null | awk '{ ran += $1; waited += $2 } END { printf "%.0f %.0f\n", ran, waited }'
}

# Busy seconds and packets so far; nanoseconds run and waited.
cost_now() {
	case $1 in
	sluiced)
		ctl counters | jq -r '(.result // .) |
			([.workers[].busy_s] | add), ([.gateways[] | .in_pkts + .out_pkts] | add)' |
			paste -s -d ' ' | tr '\n' ' '
		workers_ran
		;;
	openvpn)
		local stat
		stat=$(<"/proc/$(proc_pid server)/stat")
		stat=${stat##*) }
		# shellcheck disable=SC2086
		set -- $stat
		printf '%s %s 1 0\n' "$(awk -v t=$((${12} + ${13})) -v hz="$(getconf CLK_TCK)" \
			'BEGIN { print t / hz }')" "$(on node sh -c \
			'echo $(($(cat /sys/class/net/tun0/statistics/rx_packets) + $(cat /sys/class/net/tun0/statistics/tx_packets)))')"
		;;
	esac
}

compare_cost_begin() { read -r COST_SECONDS COST_PACKETS COST_RAN COST_WAITED < <(cost_now "$1"); }

# Sets COST_US: microseconds of the server per packet.
compare_cost_end() {
	local seconds packets ran waited
	read -r seconds packets ran waited < <(cost_now "$1")
	COST_US=$(awk -v s="$seconds" -v s0="$COST_SECONDS" -v p="$packets" -v p0="$COST_PACKETS" \
		-v r="$((ran - COST_RAN))" -v w="$((waited - COST_WAITED))" \
		'BEGIN { share = r + w > 0 ? r / (r + w) : 1
			printf "%.2f\n", (p > p0 ? (s - s0) * 1e6 * share / (p - p0) : 0) }')
}

compare_once() { # SERVER ROUND
	demo_measure "$1"
	printf '%s %s %s %s\n' "$1" "$TCP_UP" "$TCP_DOWN" "$COST_US" >>"$BED_DIR/compare"
	if [ "$1" = openvpn ]; then
		client_stop 1
		proc_stop server
	else
		demo_server_stop
		demo_judge
	fi
}

compare_run() {
	local round
	demo_prepare
	for round in $(seq "$COMPARE_ROUNDS"); do
		say "Round $round of $COMPARE_ROUNDS"
		compare_once openvpn "$round"
		compare_once sluiced "$round"
	done
	compare_table || die "sluiced must be at least as fast each way, at $COMPARE_COST_RATIO times less server time per packet"
	demo_end
	[ -z "$DEMO_LEFT" ] || die "the demo failed: ${DEMO_LEFT%$'\n'}"
	say "compare: ok"
}

# Means over the rounds, and the ratios that matter; 1 when these are not good enough.
compare_table() {
	awk -v ratio="$COMPARE_COST_RATIO" '
	{ up[$1] += $2; down[$1] += $3; cost[$1] += $4; n[$1]++ }
	function row(title, a, b, unit) {
		printf "  %-28s %10.1f %10.1f   %.2f x\n", title " (" unit ")", a, b, a ? b / a : 0
	}
	END {
		o = "openvpn"; s = "sluiced"
		printf "\n  %-28s %10s %10s   ratio\n", "", "openvpn", "sluiced"
		row("TCP client to inside", up[o] / n[o], up[s] / n[s], "Mbit/s")
		row("TCP inside to client", down[o] / n[o], down[s] / n[s], "Mbit/s")
		row("server time per packet", cost[o] / n[o], cost[s] / n[s], "us")
		printf "\n  A packet costs sluiced %.1f times less server time.\n\n",
			cost[s] ? cost[o] / cost[s] : 0
		exit !(up[s] >= up[o] && down[s] >= down[o] && cost[s] > 0 && cost[o] >= ratio * cost[s])
	}' "$BED_DIR/compare"
}
