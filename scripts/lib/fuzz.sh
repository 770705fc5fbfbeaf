#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# fuzz.sh DIR [RUNS [TARGET]...]: builds the libFuzzer targets in DIR, lets each work through RUNS
# inputs from its seeds, prints the line coverage of the parsers it reached. Seeds of
# <folder>/tests/fuzz_X.c are <folder>/tests/corpus/X. The same inputs every time: no target may
# fail on one machine only. What it found stays in DIR/fuzz.
set -euo pipefail
TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
JOBS=${SLUICE_JOBS:-$(nproc)}
INPUT_SECONDS=10 # for one input; more is a hang

skip() {
	printf '%s\n' "$*"
	exit 77
}

need_tools() {
	local tool
	for tool in clang llvm-profdata llvm-cov jq; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	printf 'int LLVMFuzzerTestOneInput(void);\nint LLVMFuzzerTestOneInput(void) { return 0; }\n' |
		clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null ||
		skip "clang has no fuzzer: install libclang-rt-<version>-dev"
}

build() {
	[ -f "$DIR/build.ninja" ] || CC=clang meson setup "$DIR" "$TOP" -Dfuzz=true
	ninja -j "$JOBS" -C "$DIR" fuzz
}

# Line coverage per source file; what a target did not reach at all is not its parser.
coverage() { # BINARY PROFILE
	llvm-profdata merge -sparse "$2.profraw" -o "$2.profdata"
	llvm-cov export -summary-only "$1" -instr-profile="$2.profdata" |
		jq -r '.data[0].files[]
			| select(.filename | endswith(".c") and (contains("/tests/") | not))
			| .name = (.filename | sub(".*/"; "")) | .summary.lines as $l
			| select($l.covered > 0)
			| "  \(.name) \($l.percent * 10 | round / 10) % of \($l.count) lines"'
}

run() { # TARGET
	local binary=$1 name=${1##*/fuzz_} work start=$SECONDS executed
	local seeds=$TOP/${1#"$DIR"/}
	seeds=${seeds%/*}/corpus/$name
	work=$DIR/fuzz/$name
	rm -rf "$work"
	mkdir -p "$work/corpus"
	if [ ! -d "$seeds" ]; then
		printf 'FAILED fuzz_%s: no seeds in %s\n' "$name" "$seeds"
		return 1
	fi
	if ! LLVM_PROFILE_FILE=$work/run.profraw ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} \
		LSAN_OPTIONS=suppressions=$TOP/scripts/lib/lsan.supp:print_suppressions=0 \
		UBSAN_OPTIONS=print_stacktrace=1 \
		"$binary" -runs="$RUNS" -seed=1 -max_len=4096 -timeout="$INPUT_SECONDS" \
		-print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" "$seeds" \
		>"$work/log" 2>&1; then
		printf 'FAILED fuzz_%s: the input is in %s\n' "$name" "$work"
		tail -n 40 "$work/log"
		return 1
	fi
	executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	if [ "${executed:-0}" -lt "$RUNS" ]; then
		printf 'FAILED fuzz_%s: %s of %s executions\n' "$name" "${executed:-no}" "$RUNS"
		return 1
	fi
	printf 'fuzz_%s: %s executions in %d s, line coverage:\n' "$name" "$executed" $((SECONDS - start))
	coverage "$binary" "$work/run"
}

[ $# -ge 1 ] || { printf 'usage: %s DIR [RUNS [TARGET]...]\n' "$0" >&2 && exit 2; }
mkdir -p "$1"
DIR=$(cd -- "$1" && pwd)
RUNS=${2:-100000}
need_tools
build
shift $(($# > 2 ? 2 : $#))
failed=0
for target in "$DIR"/*/tests/fuzz_*; do
	[ -f "$target" ] && [ -x "$target" ] || continue
	[ $# -eq 0 ] || case " $* " in *" ${target##*/fuzz_} "*) ;; *) continue ;; esac
	run "$target" || failed=1
done
exit $failed
