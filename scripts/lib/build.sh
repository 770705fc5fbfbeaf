# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Meson builds: the product in build/, variants for tests beside it.

# build_dir DIR [MESON OPTION]...: configures if that was not done, compiles.
build_dir() {
	local dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" "$SLUICE_TOP" "$@" || return
	fi
	ninja -j "$SLUICE_JOBS" -C "$dir"
}

build_product() {
	step "Building sluiced and sluicectl" build_dir "$SLUICE_BUILD" ||
		die "the build failed"
	SLUICED=$SLUICE_BUILD/control/sluiced
	SLUICECTL=$SLUICE_BUILD/control/sluicectl
}

build_main() {
	[ $# -eq 0 ] || usage_error "build takes no argument, got \"$1\""
	log_open build
	packages_ensure "${packages_build[@]}"
	build_product
	say "built: $SLUICED, $SLUICECTL"
}
