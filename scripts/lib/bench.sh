# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# `bench`: builds and runs the benchmarks one by one and reports them as a table and as JSON.

BENCHES=(crypto path)

bench_main() {
	local quick='' json='' names=() name lines
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) quick=--quick ;;
		--json)
			[ $# -ge 2 ] || usage_error "bench: --json needs a file name"
			json=$2
			shift
			;;
		-*) usage_error "bench: unknown argument \"$1\"" ;;
		*) names+=("$1") ;;
		esac
		shift
	done
	[ ${#names[@]} -gt 0 ] || names=("${BENCHES[@]}")
	for name in "${names[@]}"; do
		[[ " ${BENCHES[*]} " == *" $name "* ]] ||
			usage_error "bench: unknown benchmark \"$name\": ${BENCHES[*]}"
	done
	need_root bench # hugepages
	[ -z "$json" ] || : >>"$json" || die "cannot write $json"
	log_open bench
	packages_ensure "${packages_build[@]}" python3
	setup_host
	step "Building the benchmarks" bench_build "${names[@]}" || die "the build failed"
	lines=$(log_dir)/bench.jsonl
	: >"$lines"
	for name in "${names[@]}"; do
		step "bench $name" bench_run "$name" "$lines" ${quick:+"$quick"} || die "bench $name failed"
	done
	python3 "$SLUICE_TOP/scripts/lib/bench_report.py" "$lines" "$(bench_commit)" ${json:+"$json"}
}

bench_build() {
	local name targets=()
	for name in "$@"; do
		targets+=("bench/bench_$name")
	done
	[ -f "$SLUICE_BUILD/build.ninja" ] || meson setup "$SLUICE_BUILD" "$SLUICE_TOP" || return
	ninja -j "$SLUICE_JOBS" -C "$SLUICE_BUILD" "${targets[@]}"
}

# On the last CPU: the first one has the machine's interrupts.
bench_run() {
	local name=$1 lines=$2
	shift 2
	"$SLUICE_BUILD/bench/bench_$name" --core $(($(nproc) - 1)) "$@" >>"$lines"
}

bench_commit() {
	git -C "$SLUICE_TOP" describe --always --dirty 2>/dev/null || printf 'unknown\n'
}
