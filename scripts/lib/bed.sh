# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A test bed: network namespaces, veth pairs and processes under one prefix, all written down in a
# directory so that they can be taken down by this run, after an error, or by a later one. Nothing
# that is not in the book is touched.

BED_DIR=
BED_PREFIX=
PROC_FORCED= # names of processes that did not end when asked to

# bed_begin NAME: an empty bed with a prefix of its own.
bed_begin() {
	BED_DIR=$(mktemp -d "/run/sluice-$1.XXXXXX") || die "cannot make a directory in /run"
	BED_PREFIX=sl${BED_DIR##*.}
	printf '%s\n' "$BED_PREFIX" >"$BED_DIR/prefix"
	touch "$BED_DIR/namespaces" "$BED_DIR/processes"
}

bed_resume() {
	BED_DIR=$1
	BED_PREFIX=$(<"$BED_DIR/prefix")
}

# Ends processes, then namespaces (their interfaces go with them), then the directory.
bed_end() {
	local name
	[ -n "$BED_DIR" ] && [ -d "$BED_DIR" ] || return 0
	for name in $(awk '{ line[NR] = $1 } END { for (i = NR; i; i--) print line[i] }' \
		"$BED_DIR/processes"); do
		proc_stop "$name" || true
	done
	while read -r name; do
		ip netns del "$name" 2>/dev/null || true
	done <"$BED_DIR/namespaces"
	rm -rf "$BED_DIR"
	BED_DIR=
}

# host_add NAME: a namespace with loopback; IPv6 addresses usable at once.
host_add() {
	local ns=$BED_PREFIX-$1
	ip netns add "$ns" || die "cannot make a network namespace: container without CAP_SYS_ADMIN?"
	printf '%s\n' "$ns" >>"$BED_DIR/namespaces"
	ip -n "$ns" link set lo up
	on "$1" sh -c 'for conf in all default; do
		echo 0 >/proc/sys/net/ipv6/conf/$conf/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/$conf/accept_ra
	done' || die "cannot enter a network namespace: a chroot whose root is no mount point?"
}

# router_on NAME: forwards packets, as a node does.
router_on() {
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# on NAME COMMAND...: runs a command inside.
on() {
	local ns=$BED_PREFIX-$1
	shift
	ip netns exec "$ns" "$@"
}

# link_add NODE IFNAME HOST QUEUES: node's IFNAME with QUEUES queues to eth0 of HOST. The host must
# hand out finished checksums; its receive work runs on the core that RPS names, or the sender's.
link_add() {
	local node=$1 name=$2 host=$3 queues=$4
	ip -n "$BED_PREFIX-$node" link add "$name" numrxqueues "$queues" numtxqueues "$queues" \
		type veth peer name eth0 netns "$BED_PREFIX-$host" \
		numrxqueues "$queues" numtxqueues "$queues"
	on "$host" ethtool -K eth0 tx off >/dev/null
	ip -n "$BED_PREFIX-$node" link set "$name" up
	ip -n "$BED_PREFIX-$host" link set eth0 up
}

addr_add() { # NAME IFNAME ADDRESS/LENGTH...
	local name=$1 dev=$2 addr
	shift 2
	for addr in "$@"; do
		ip -n "$BED_PREFIX-$name" addr add "$addr" dev "$dev"
	done
}

route_add() { # NAME PREFIX VIA
	ip -n "$BED_PREFIX-$1" route add "$2" via "$3"
}

# host_rps NAME MASK: cores that do the receive work of a test host.
host_rps() {
	on "$1" sh -c "for q in /sys/class/net/eth0/queues/rx-*; do echo $2 >\$q/rps_cpus; done" \
		2>/dev/null || true
}

proc_start_time() {
	local stat
	[ -r "/proc/$1/stat" ] && read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	printf '%s\n' "${20}"
}

# proc_start NAME HOST COMMAND...: runs in the background, output in $BED_DIR/NAME.log.
proc_start() {
	local name=$1 host=$2 pid
	shift 2
	ip netns exec "$BED_PREFIX-$host" "$@" >>"$BED_DIR/$name.log" 2>&1 </dev/null 9>&- &
	pid=$!
	book book_add "$name $pid $(proc_start_time $pid)"
}

# book COMMAND...: changes the book of processes. A test may start and stop some side by side.
book() { (flock 8 && "$@") 8>"$BED_DIR/lock"; }

book_add() { printf '%s\n' "$1" >>"$BED_DIR/processes"; }

proc_pid() {
	awk -v name="$1" '$1 == name { pid = $2 } END { print pid }' "$BED_DIR/processes"
}

# A number is only ours while its process began when we started it.
proc_alive() {
	local pid begun state
	pid=$(proc_pid "$1")
	[ -n "$pid" ] || return 1
	begun=$(awk -v name="$1" '$1 == name { t = $3 } END { print t }' "$BED_DIR/processes")
	[ "$(proc_start_time "$pid")" = "$begun" ] || return 1
	state=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
	[ "${state:0:1}" != Z ]
}

proc_gone() { ! proc_alive "$1"; }

# proc_signal NAME SIGNAL
proc_signal() {
	! proc_alive "$1" || kill "-$2" "$(proc_pid "$1")" 2>/dev/null || true
}

# What its threads are doing, for somebody who asks why it does not end.
proc_describe() {
	local task
	for task in "/proc/$(proc_pid "$1")/task"/*; do
		printf '%s %s: %s, waits in %s\n' "${task##*/}" "$(cat "$task/comm")" \
			"$(sed -n 's/^State:[[:space:]]*//p' "$task/status")" "$(cat "$task/wchan")"
		sed 's/^/    /' "$task/stack"
	done 2>/dev/null || true
}

was_forced() { [[ " $PROC_FORCED " = *" $1 "* ]]; }

# proc_stop NAME [SIGNAL]: ends it, by force after ten seconds; its exit status is in PROC_STATUS.
# Whom force was needed for is in PROC_FORCED: sluiced may not be there when a test or demo ends.
proc_stop() {
	local pid
	pid=$(proc_pid "$1")
	proc_signal "$1" "${2:-TERM}"
	if ! wait_for 10 proc_gone "$1"; then
		warn "$1 did not stop in 10 seconds: killed"
		PROC_FORCED+=" $1"
		proc_describe "$1" | tee "$BED_DIR/$1.stuck.log"
		proc_signal "$1" KILL
		wait_for 5 proc_gone "$1" || true
	fi
	PROC_STATUS=0
	wait "$pid" 2>/dev/null || PROC_STATUS=$?
	book sed -i "/^$1 /d" "$BED_DIR/processes"
}
