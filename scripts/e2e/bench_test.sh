#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The benchmarks run, and report every case in the form that is promised; bad arguments are named.
# No figure is judged here: machines that test are busy.
# timeout: 180
. "$(dirname "$0")/_init.sh"

refuses() { # PATTERN ARGUMENT...
	local pattern=$1 out
	shift
	out=$("$SLUICE_TOP/scripts/sluice" bench "$@" 2>&1) && fail "bench $* is accepted"
	grep -Eq -e "$pattern" <<<"$out" || fail "bench $*: $out"
}

say_step "arguments"
refuses 'unknown benchmark "speed": crypto path' speed
refuses 'unknown argument "--fast"' --fast
refuses '--json needs a file name' --json
refuses 'cannot write /nowhere/x.json' --json /nowhere/x.json path

say_step "a quick run"
out=$("$SLUICE_TOP/scripts/sluice" bench --quick --json "$BED_DIR/bench.json") || fail "bench: $out"
json() { jq -r "$1" "$BED_DIR/bench.json"; }
assert_eq "results without a figure, a reference or a ratio" \
	"$(json '[.results[] | select((.median > 0 and .min > 0 and .max >= .median and
		.ref.median > 0 and .ratio > 0 and .unit == "ns/pkt") | not)] | length')" 0
for bench in crypto path; do
	[ "$(json "[.results[] | select(.bench == \"$bench\")] | length")" -ge 20 ] || fail "too few cases of $bench"
done
assert_eq "directions of the path" \
	"$(json '[.results[] | select(.bench == "path").case.direction] | unique | join(" ")')" "inbound outbound"
assert_eq "goals that are said to be met and are not, or the other way round" \
	"$(json '[.results[] | select(has("goal") and .met != (.median <= .goal))] | length')" 0
[ "$(json .machine.cpus)" -eq "$(nproc)" ] || fail "the machine is not described"
grep -q "^path .*inbound AES-256-GCM peers=100000 .* ns/pkt .* ipsec-mb" <<<"$out" || fail "no table: $out"
test_done
