# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Debian packages by purpose, and their installation.

packages_build=(gcc libc6-dev linux-libc-dev meson ninja-build pkg-config clang llvm
	libdpdk-dev libipsec-mb-dev libbpf-dev libxdp-dev libssl-dev libyaml-dev libjansson-dev
	libev-dev libnl-3-dev libnl-route-3-dev uthash-dev libcunit1-dev)
packages_run=(openvpn openssl iproute2 iputils-ping iperf3 ethtool jq)
packages_sim=(python3 python3-cryptography python3-openssl) # of scripts/sim
packages_test=(clang-format-14 cppcheck shellcheck git bpftool tcpdump fping mtr-tiny traceroute
	python3-scapy socat nftables dpdk-dev libclang-rt-14-dev "${packages_sim[@]}")

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

package_known() {
	[ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]
}

packages_apt() {
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The run-time of this release's clang has the compiler's version in its name.
package_here() {
	local version=
	if [ "$1" = libclang-rt-14-dev ] && ! package_known "$1"; then
		version=$(apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
	fi
	printf '%s\n' "${1/-14-/-${version:-14}-}"
}

packages_lists_there() { compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; }

# The formatter is only in Debian 12, since others format otherwise; what needs it says so when it
# is skipped.
packages_pick() {
	local name
	for name in "$@"; do
		name=$(package_here "$name")
		package_installed "$name" && continue
		case $name in
		*-14) ! package_known "$name" && packages_lists_there || printf '%s\n' "$name" ;;
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
	mapfile -t missing < <(packages_pick "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	need_root "installing packages (${missing[*]})"
	command -v apt-get >/dev/null || die "no apt-get here: install by hand: ${missing[*]}"
	if ! packages_have_lists "${missing[@]}"; then
		step "Reading package lists" packages_apt update ||
			die "apt-get update failed: is a Debian mirror reachable?"
		mapfile -t missing < <(packages_pick "$@")
	fi
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
