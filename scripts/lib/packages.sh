# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Debian packages by purpose, and their installation.

packages_build=(gcc libc6-dev linux-libc-dev meson ninja-build pkg-config clang llvm
	libdpdk-dev libipsec-mb-dev libbpf-dev libxdp-dev libssl-dev libyaml-dev libjansson-dev
	libev-dev libnl-3-dev libnl-route-3-dev uthash-dev libcunit1-dev)
packages_run=(openvpn openssl iproute2 iputils-ping iperf3 ethtool jq)
packages_test=(clang-format-14 cppcheck shellcheck git bpftool tcpdump fping mtr-tiny traceroute
	python3-scapy socat nftables dpdk-dev libclang-rt-14-dev)

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

package_known() {
	[ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]
}

packages_apt() {
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Compiler run-time and formatter carry a version in their name that only Debian 12 has; what
# needs them says so when it is skipped.
packages_pick() {
	local name
	for name in "$@"; do
		package_installed "$name" && continue
		case $name in
		*-14 | *-14-dev) ! package_known "$name" || printf '%s\n' "$name" ;;
		*) printf '%s\n' "$name" ;;
		esac
	done
}

packages_have_lists() {
	local name
	for name in "$@"; do
		package_known "$name" || return 1
	done
}

# packages_ensure NAME...: installs what is missing and says so.
packages_ensure() {
	local missing
	mapfile -t missing < <(for name in "$@"; do
		package_installed "$name" || printf '%s\n' "$name"
	done)
	[ ${#missing[@]} -gt 0 ] || return 0
	need_root "installing packages (${missing[*]})"
	command -v apt-get >/dev/null || die "no apt-get here: install by hand: ${missing[*]}"
	if ! packages_have_lists "${missing[@]}"; then
		step "Reading package lists" packages_apt update ||
			die "apt-get update failed: is a Debian mirror reachable?"
	fi
	mapfile -t missing < <(packages_pick "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! step "Installing ${#missing[@]} packages" \
		packages_apt install --no-install-recommends "${missing[@]}"; then
		# Lists older than the mirror name files that are gone.
		step "Reading package lists" packages_apt update || true
		step "Installing packages again" \
			packages_apt install --no-install-recommends "${missing[@]}" ||
			die "apt-get could not install: ${missing[*]}"
	fi
	say "installed: ${missing[*]}"
}
