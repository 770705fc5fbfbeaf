# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Prepares the host: packages, hugepages, bpffs. Says what it changed and leaves the rest alone.

SETUP_HUGE_MB=${SLUICE_HUGE_MB:-1024}
SETUP_HUGE_DIR=/sys/kernel/mm/hugepages/hugepages-2048kB
SETUP_TUN=/dev/net/tun
SETUP_TUN_LOADED=/sys/class/misc/tun
SETUP_CPUINFO=/proc/cpuinfo

huge_free_mb() {
	[ -r "$SETUP_HUGE_DIR/free_hugepages" ] || {
		printf '0\n'
		return
	}
	printf '%s\n' $(($(<"$SETUP_HUGE_DIR/free_hugepages") * 2))
}

# Reserves what is missing of 2 MB pages; never takes pages away.
setup_hugepages() {
	local free total want memory
	[[ $SETUP_HUGE_MB =~ ^[1-9][0-9]{0,8}$ ]] ||
		die "SLUICE_HUGE_MB must be a number of megabytes, 1 or more, got \"$SETUP_HUGE_MB\""
	[ -d "$SETUP_HUGE_DIR" ] || die "this kernel has no 2 MB hugepages (CONFIG_HUGETLBFS)"
	free=$(huge_free_mb)
	[ "$free" -lt "$SETUP_HUGE_MB" ] || return 0
	# Before it is tried: the kernel would give what it has, and take it from everything else.
	memory=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	[ $((SETUP_HUGE_MB - free)) -lt "$memory" ] ||
		die "$SETUP_HUGE_MB MB of hugepages do not fit: $free MB are free, $memory MB of memory available: free memory, or set SLUICE_HUGE_MB"
	total=$(<"$SETUP_HUGE_DIR/nr_hugepages")
	want=$((total + (SETUP_HUGE_MB - free + 1) / 2))
	sync
	echo 1 >/proc/sys/vm/compact_memory 2>/dev/null || true
	echo "$want" >"$SETUP_HUGE_DIR/nr_hugepages" ||
		die "cannot write $SETUP_HUGE_DIR/nr_hugepages: container without the right?"
	free=$(huge_free_mb)
	[ "$free" -ge "$SETUP_HUGE_MB" ] || {
		echo "$total" >"$SETUP_HUGE_DIR/nr_hugepages" || true
		die "only $free MB of $SETUP_HUGE_MB MB in hugepages: free memory, reboot, or set SLUICE_HUGE_MB"
	}
	say "changed: hugepages of 2 MB from $total to $want (vm.nr_hugepages)"
}

setup_bpffs() {
	grep -q ' /sys/fs/bpf bpf ' /proc/mounts && return 0
	[ -d /sys/fs/bpf ] || return 0
	if mount -t bpf bpf /sys/fs/bpf 2>>"$LOG_FILE"; then
		say "changed: mounted bpffs on /sys/fs/bpf"
	else
		warn "no bpffs on /sys/fs/bpf (sluiced itself pins nothing there)"
	fi
}

setup_tun() {
	[ -c "$SETUP_TUN" ] && return 0
	# modprobe succeeds as well when the module was there: then nothing changed.
	if [ ! -e "$SETUP_TUN_LOADED" ] && command -v modprobe >/dev/null && modprobe tun 2>>"$LOG_FILE"; then
		say "changed: loaded the module tun"
	fi
	[ -c "$SETUP_TUN" ] && return 0
	mkdir -p "$(dirname "$SETUP_TUN")"
	mknod "$SETUP_TUN" c 10 200 2>>"$LOG_FILE" && chmod 666 "$SETUP_TUN" ||
		die "no $SETUP_TUN: load the tun module, or give this container the device"
	say "changed: made $SETUP_TUN"
}

setup_cpu() {
	local flag
	[ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m): Sluice needs x86-64"
	for flag in aes avx pclmulqdq; do
		grep -qw "$flag" "$SETUP_CPUINFO" || die "this CPU (or virtual machine) has no ${flag^^} instructions"
	done
}

setup_host() {
	setup_cpu
	setup_hugepages
	setup_bpffs
	setup_tun
}

setup_main() {
	[ $# -eq 0 ] || usage_error "setup takes no argument, got \"$1\""
	need_root setup
	log_open setup
	packages_ensure "${packages_build[@]}" "${packages_run[@]}" "${packages_test[@]}"
	setup_host
	say "setup: this machine is ready"
}
