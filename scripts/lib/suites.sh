# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# `test`: runs the checks one by one, a line for each, full output in a log of its own, and counts.

SUITES=(lint unit root fuzz e2e)
SUITES_LONG=(versions table soak) # only when they are named
E2E_TIMEOUT=${E2E_TIMEOUT:-180}
FUZZ_RUNS=${FUZZ_RUNS:-100000}
PASSED=0 FAILED=0 SKIPPED=0

suites_main() {
	local setup=1 list='' part='' names=()
	while [ $# -gt 0 ]; do
		case $1 in
		--no-setup) setup='' ;;
		--list) list=1 ;;
		-*) usage_error "test: unknown argument \"$1\"" ;;
		*) if [ -z "$part" ]; then part=$1; else names+=("$1"); fi ;;
		esac
		shift
	done
	case " ${SUITES[*]} ${SUITES_LONG[*]} steer " in
	*" ${part:-lint} "*) ;;
	*) usage_error "test: unknown part \"$part\": ${SUITES[*]} ${SUITES_LONG[*]}" ;;
	esac
	# The tests of the XDP program are the root suite.
	[ "$part" != steer ] || part=root
	cd "$SLUICE_TOP"
	if [ -n "$list" ]; then
		suites_list "$part"
		return
	fi
	log_open "test${part:+-$part}"
	trap suites_exit EXIT
	trap 'exit 130' INT TERM HUP
	LOGS=$(log_dir)/checks
	mkdir -p "$LOGS"
	[ -z "$setup" ] || suites_setup "$part"
	suites_run "$part" "${names[@]}"
	suites_total
}

suites_exit() {
	local rc=$?
	trap - EXIT
	step_stop
	exit $rc
}

suites_setup() {
	case $1 in
	lint) packages_ensure git clang-format-14 cppcheck shellcheck ;;
	unit) packages_ensure "${packages_build[@]}" openvpn "${packages_sim[@]}" ;;
	*)
		need_root "test${1:+ $1}"
		packages_ensure "${packages_build[@]}" "${packages_run[@]}" "${packages_test[@]}"
		setup_host
		;;
	esac
	# Lint lists files with git, also in a clone of another user.
	git -C "$SLUICE_TOP" rev-parse 2>/dev/null ||
		export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$SLUICE_TOP"
}

e2e_tests() { find scripts/e2e -name '*_test.sh' -printf '%f\n' | sed 's/_test\.sh$//' | sort; }

suites_list() {
	printf 'lint %s\n' "${lint_checks[@]}"
	e2e_tests | sed 's/^/e2e /'
	printf '%s clients\n' "${SUITES_LONG[@]}"
}

suites_run() {
	local part=$1 suite
	shift
	for suite in "${SUITES[@]}" "${SUITES_LONG[@]}"; do
		[ "$part" = "$suite" ] || [[ -z $part && " ${SUITES[*]} " = *" $suite "* ]] || continue
		"suite_$suite" "$@"
	done
}

suites_total() {
	printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
	[ "$FAILED" -eq 0 ]
}

# check SUITE NAME COMMAND...: 0 passed, 77 skipped, else failed, with the end of its log.
check() {
	local suite=$1 name=$2 start=$SECONDS rc=0
	shift 2
	LOG_FILE=$LOGS/$suite-$name.log
	: >"$LOG_FILE"
	STEP_QUIET=1 step "$suite $name" "$@" || rc=$?
	progress_clear
	# A check that cannot run on a machine that CI prepared has not been done.
	[ $rc -ne 77 ] || [ -z "${CI:-}" ] || [ "$suite" = lint ] || rc=78
	case $rc in
	0) PASSED=$((PASSED + 1)) && printf 'passed  %-4s %-28s %4d s\n' "$suite" "$name" $((SECONDS - start)) ;;
	77) SKIPPED=$((SKIPPED + 1)) && printf 'skipped %-4s %-28s %s\n' "$suite" "$name" "$(tail -n 1 "$LOG_FILE")" ;;
	*)
		FAILED=$((FAILED + 1))
		printf 'FAILED  %-4s %-28s %4d s\n' "$suite" "$name" $((SECONDS - start))
		log_quote "$LOG_FILE" 25 2>&1
		;;
	esac
	return 0
}

lint_one() {
	set -e
	cd "$SLUICE_TOP"
	"lint_$1"
}

suite_lint() {
	local name
	for name in "${lint_checks[@]}"; do
		[ $# -eq 0 ] || [ "$1" = "$name" ] || continue
		check lint "$name" lint_one "$name"
	done
}

# variant NAME [MESON OPTION]...: builds into build-NAME.
variant() {
	local name=$1
	shift
	build_dir "$SLUICE_BUILD-$name" "$@"
}

SANITIZE=('-Db_sanitize=address,undefined' -Db_lundef=false -Dbuildtype=debug -Doptimization=1 -Dwerror=true)

suite_unit() {
	check unit sim sim_selftest
	check unit build-gcc variant gcc -Dwerror=true
	check unit gcc meson test -C "$SLUICE_BUILD-gcc" --no-rebuild --suite unit --print-errorlogs
	check unit build-clang env CC=clang "$SLUICE_TOP/scripts/lib/variant.sh" "$SLUICE_BUILD-clang" -Dwerror=true
	check unit build-sanitizers variant asan "${SANITIZE[@]}"
	# Leaks of libraries that keep what they made until exit are not ours to mend.
	check unit sanitizers env ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 \
		LSAN_OPTIONS="suppressions=$SLUICE_TOP/scripts/lib/lsan.supp:print_suppressions=0" \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		meson test -C "$SLUICE_BUILD-asan" --no-rebuild --suite unit --print-errorlogs -t 5
}

# The simulated client of the end-to-end tests, against known answers. Debian's Python: another one
# does not see Debian's packages.
sim_selftest() {
	/usr/bin/python3 -c 'import cryptography, OpenSSL' ||
		{ echo "python3-cryptography or python3-openssl is not installed" && return 77; }
	/usr/bin/python3 -B scripts/sim/selftest
}

# What needs root: the XDP program in the kernel, ports on veth.
suite_root() {
	[ -f "$SLUICE_BUILD-gcc/build.ninja" ] || check root build variant gcc -Dwerror=true
	check root gcc meson test -C "$SLUICE_BUILD-gcc" --suite root --print-errorlogs --num-processes 1
}

suite_fuzz() {
	check fuzz smoke bash scripts/lib/fuzz.sh "$SLUICE_BUILD-fuzz" "$FUZZ_RUNS" "$@"
	grep -E '^(fuzz_|  [a-z_0-9]+\.c )' "$LOGS/fuzz-smoke.log" || true
}

# e2e_one FILE [ARGUMENT]... Its own time limit: a line "# timeout: SECONDS" in the test.
e2e_one() {
	local limit
	limit=$(sed -n 's/^# timeout: //p' "$1")
	# exec: timeout leads the process group that an interrupt ends, and does not make its own.
	exec timeout --kill-after=30 "${limit:-$E2E_TIMEOUT}" bash "$@"
}

# 1 when there is nothing to test.
e2e_build() {
	check "$1" build build_dir "$SLUICE_BUILD"
	export SLUICE_BUILD_DIR=$SLUICE_BUILD SLUICE_E2E_LOGS=$LOGS
	[ -x "$SLUICE_BUILD/control/sluiced" ]
}

suite_e2e() {
	local name names=("$@")
	[ ${#names[@]} -gt 0 ] || mapfile -t names < <(e2e_tests)
	e2e_build e2e || return 0
	for name in "${names[@]}"; do
		name=${name%_test.sh}
		[ -f "scripts/e2e/${name##*/}_test.sh" ] || usage_error "no end-to-end test \"$name\""
		check e2e "${name##*/}" e2e_one "scripts/e2e/${name##*/}_test.sh"
	done
}

# Client programs of other versions, Debian's without one.
suite_versions() { # [PROGRAM]...
	local program programs=("$@")
	[ ${#programs[@]} -gt 0 ] || programs=("$(command -v openvpn)")
	e2e_build versions || return 0
	for program in "${programs[@]}"; do
		[ -x "$program" ] || usage_error "test versions: \"$program\" is no program"
		SLUICE_OPENVPN=$program check versions "${program##*/}" e2e_one scripts/long/versions_test.sh
	done
	say "tables: $LOGS/versions-*.md"
}

# Every cell of the table of stock clients, or those with TEXT in their title.
suite_table() { # [TEXT]
	e2e_build table || return 0
	check table clients e2e_one scripts/long/table_test.sh "$@"
	grep -E '^(cells|refusals): |^FAILED ' "$LOGS/table-clients.log" || true
}

suite_soak() { # [SECONDS [CLIENTS]]
	e2e_build soak || return 0
	check soak clients e2e_one scripts/long/soak_test.sh "$@"
	sed -n 's/^result /  /p' "$LOGS/soak-clients.log"
}
