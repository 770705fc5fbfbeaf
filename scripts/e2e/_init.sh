# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What every end-to-end test sources first. Gives it a bed of its own (scripts/lib/bed.sh), words to
# assert with, and an end that checks what must hold after any test: sluiced has not crashed and ended
# when it was told to, its log has no sanitizer report, and every packet of every port is accounted
# for. Exit code 77: skipped.
set -eEuo pipefail

SLUICE_TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
for part in common bed pki gateway; do
	. "$SLUICE_TOP/scripts/lib/$part.sh"
done
SLUICED=$SLUICE_BUILD/control/sluiced
SLUICECTL=$SLUICE_BUILD/control/sluicectl

TEST=$(basename "$0" _test.sh)
TEST_OK=
TEST_CRASH_OK= # set by tests that kill sluiced themselves

say_step() { printf -- '-- %s\n' "$*"; }

fail() {
	printf 'FAIL %s:%s: %s\n' "$(basename "$0")" "${BASH_LINENO[${#BASH_LINENO[@]} - 2]}" "$*"
	exit 1
}

skip() {
	printf 'skipped: %s\n' "$*"
	TEST_OK=skip
	exit 77
}

assert() { # MESSAGE COMMAND...
	local message=$1
	shift
	"$@" || fail "$message"
}

assert_not() {
	local message=$1
	shift
	! "$@" || fail "$message"
}

assert_eq() { # WHAT FOUND EXPECTED
	[ "$2" = "$3" ] || fail "$1 is \"$2\", must be \"$3\""
}

assert_ge() { # WHAT FOUND LEAST
	awk -v a="$2" -v b="$3" 'BEGIN { exit !(a != "" && a + 0 >= b + 0) }' ||
		fail "$1 is \"$2\", must be at least $3"
}

assert_le() {
	awk -v a="$2" -v b="$3" 'BEGIN { exit !(a != "" && a + 0 <= b + 0) }' ||
		fail "$1 is \"$2\", must be at most $3"
}

assert_log() { # PROCESS PATTERN
	wait_for "${3:-5}" grep -qE -e "$2" "$BED_DIR/$1.log" || fail "no \"$2\" in the log of $1"
}

assert_no_log() {
	! grep -nE -e "$2" "$BED_DIR/$1.log" || fail "\"$2\" in the log of $1"
}

# sluiced ends before its test does: what holds at the end of a test holds for it, too.
gateway_stop() {
	wait_for 5 ports_add_up || fail "received is not carried + consumed + punted + dropped: $(counter '[.ports[] | select(.in_flight != 0)] | tostring')"
	proc_stop sluiced
	assert_eq "exit status of sluiced" "$PROC_STATUS" 0
}

end_checks() {
	local bad=0 i
	if proc_alive sluiced && sluiced_answers; then
		wait_for 5 ports_add_up || {
			printf 'FAIL received is not carried + consumed + punted + dropped:\n'
			counter '.ports[] | del(.punt, .drop) | tostring'
			bad=1
		}
		for i in $(awk '/^openvpn/ { print $1 }' "$BED_DIR/processes"); do
			proc_stop "$i" || true
		done
		proc_stop sluiced
		[ "$PROC_STATUS" -eq 0 ] || [ -n "$TEST_CRASH_OK" ] || {
			printf 'FAIL sluiced ended with status %s\n' "$PROC_STATUS"
			bad=1
		}
	elif [ -n "$(proc_pid sluiced)" ] && [ -z "$TEST_CRASH_OK" ]; then
		printf 'FAIL sluiced is gone, or does not answer\n'
		bad=1
	fi
	! was_forced sluiced || {
		printf 'FAIL sluiced did not end within ten seconds of being asked to\n'
		bad=1
	}
	! grep -hE -A 12 'AddressSanitizer|runtime error:|LeakSanitizer|Assertion .* failed|PANIC in' \
		"$BED_DIR"/sluiced*.log 2>/dev/null || bad=1
	return $bad
}

test_exit() {
	local rc=$? logs=${SLUICE_E2E_LOGS:-$SLUICE_BUILD/log}/e2e-$TEST.d f
	trap - EXIT ERR
	trap '' INT TERM HUP
	set +e
	[ -n "$TEST_OK" ] || [ $rc -ne 0 ] || rc=1
	[ "$TEST_OK" = skip ] || end_checks || rc=1
	rm -rf "$logs"
	mkdir -p "$logs"
	cp "$BED_DIR"/*.log "$BED_DIR"/*.log.old "$BED_DIR"/*.yaml "$BED_DIR"/*.json "$logs" 2>/dev/null
	if [ $rc -ne 0 ] && [ $rc -ne 77 ]; then
		! proc_alive sluiced || ctl counters >"$logs/counters.json"
		for f in "$BED_DIR"/{sluiced,openvpn*,server}.log; do
			[ ! -s "$f" ] || log_quote "$f" 12 2>&1
		done
		printf 'logs: %s\n' "$logs"
	fi
	bed_end
	exit $rc
}

test_done() {
	TEST_OK=1
	exit 0
}

test_error() {
	printf 'FAIL %s:%s: "%s" failed\n' "$(basename "$0")" "$1" "$2"
}

# One client, one inside host, sluiced with the usual configuration, connected.
gateway_up() { # [CLIENTS [INSIDES]]
	local i
	bed_usual "${1:-1}" "${2:-1}"
	# shellcheck disable=SC2046
	pki_all "$BED_DIR/pki" $(seq -f 'client%g' "${1:-1}")
	conf_write
	gateway_start
	for i in $(seq "${1:-1}"); do
		client_start "$i"
	done
	for i in $(seq "${1:-1}"); do
		client_wait "$i" || fail "client $i did not connect"
	done
}

gateway_start() { sluiced_start || fail "sluiced did not start"; }

# pings N ADDRESS COUNT [OPTION]...: none may be lost.
pings() {
	local n=$1 addr=$2 count=$3 out
	shift 3
	out=$(on "client$n" ping -n -q -c "$count" -i 0.02 -W 2 "$@" "$addr") || fail "ping $addr from client $n: $out"
	grep -q " 0% packet loss" <<<"$out" || fail "pings to $addr lost: $out"
}

# iperf N ARGUMENT...: iperf3 in client host N. Its server needs a moment between two tests.
iperf() {
	local n=$1 out=$BED_DIR/iperf-try.log try rc=1
	shift
	for try in 1 2 3; do
		rc=0
		on "client$n" timeout 30 iperf3 "$@" >"$out" 2>&1 || rc=$?
		[ $rc -ne 0 ] && grep -qE 'server is busy|reset by peer|Connection refused' "$out" || break
		sleep 1
	done
	cat "$out"
	return $rc
}

# refused NAME PATTERN [COMMAND]...: sluiced ends with an error in one line that matches.
sluiced_refuses() {
	local pattern=$1 out rc=0
	shift
	out=$(on node timeout 20 "$SLUICED" -c "$BED_DIR/sluice.yaml" "$@" 2>&1 >/dev/null) || rc=$?
	[ $rc -ne 0 ] || fail "sluiced accepted what it must refuse ($pattern)"
	[ $rc -lt 124 ] || fail "sluiced did not end by itself (status $rc): $out"
	grep -qE -e "$pattern" <<<"$out" || fail "sluiced says \"$out\", not \"$pattern\""
	assert_eq "number of errors" "$(grep -cE '^sluiced: .*:|^[-0-9:. ]+error ' <<<"$(grep -v 'warning: ' <<<"$out")")" 1
}

# capture_start NAME HOST IFNAME FILTER...: a pcap file in the bed.
capture_start() {
	local name=$1 host=$2 dev=$3
	shift 3
	proc_start "tcpdump-$name" "$host" tcpdump -n -U --immediate-mode -i "$dev" -w "$BED_DIR/$name.pcap" "$@"
	wait_for 5 grep -q 'listening on' "$BED_DIR/tcpdump-$name.log" || fail "tcpdump did not start"
}

capture_stop() { proc_stop "tcpdump-$1" INT; }

capture_show() { # NAME [OPTION]...
	local name=$1
	shift
	tcpdump -n -r "$BED_DIR/$name.pcap" "$@" 2>/dev/null
}

[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root" && exit 77; }
[ -x "$SLUICED" ] || { echo "skipped: $SLUICED is not built" && exit 77; }
trap test_exit EXIT
trap 'test_error $LINENO "$BASH_COMMAND"' ERR
trap 'exit 143' INT TERM HUP
bed_begin "$TEST"
