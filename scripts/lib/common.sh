# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What every command needs: messages, the log file, steps with progress. Sourced by scripts/sluice
# and by the end-to-end tests.

SLUICE_BUILD=${SLUICE_BUILD_DIR:-$SLUICE_TOP/build}
SLUICE_JOBS=${SLUICE_JOBS:-$(nproc)}
LOG_FILE=
LOG_TELLS= # why it failed
STEP_PID=
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# Ends the command with one line that says what went wrong and how to mend it. Quotes the log if
# that says more: after a step that failed.
die() {
	progress_clear
	printf 'error: %s\n' "$*" >&2
	[ -z "$LOG_TELLS" ] || log_quote "$LOG_FILE"
	exit 1
}

usage_error() {
	printf 'error: %s\nTry: scripts/sluice help\n' "$*" >&2
	exit 2
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "$1 needs root: run it as root, or with sudo"
}

log_dir() {
	local dir=${SLUICE_LOG_DIR:-/var/log/sluice}
	mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ] || dir=$SLUICE_BUILD/log
	mkdir -p "$dir" 2>/dev/null || true
	printf '%s\n' "$dir"
}

# Everything that steps print goes to this file, named after the command.
log_open() {
	LOG_FILE=$(log_dir)/$1.log
	{ printf 'scripts/sluice %s, %s\n' "$1" "$(date -u +%FT%TZ)" >"$LOG_FILE"; } 2>/dev/null ||
		die "cannot write $LOG_FILE: set SLUICE_LOG_DIR to a directory you may write to"
}

log_quote() {
	[ -n "$1" ] && [ -s "$1" ] || return 0
	printf 'The last lines of %s:\n' "$1" >&2
	tail -n "${2:-15}" "$1" | sed 's/^/  | /' >&2
}

on_terminal() { [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; }

progress_clear() {
	! on_terminal || printf '\r\033[K'
}

# One live line: title, seconds, the newest line of the log.
progress_show() {
	local title=$1 seconds=$2 width=${COLUMNS:-80} last
	last=$(tail -n 1 "$LOG_FILE" | tr -d '\r' | tr -c '[:print:]' ' ')
	last="$title ... ${seconds}s  $last"
	printf '\r\033[K%s' "${last:0:width-1}"
}

# step TITLE COMMAND...: runs a long command in the background (so it cannot set variables), its
# output in the log. A live line on a terminal, else one line when it begins and one at its end; none of
# these with STEP_QUIET.
step() {
	local title=$1 start=$SECONDS rc=0
	shift
	printf '\n== %s: %s\n' "$title" "$*" >>"$LOG_FILE"
	on_terminal || [ -n "${STEP_QUIET:-}" ] || say "$title ..."
	# A process group of its own, so that step_stop ends its children, too.
	set -m
	("$@") >>"$LOG_FILE" 2>&1 </dev/null &
	STEP_PID=$!
	set +m
	if on_terminal; then
		while kill -0 "$STEP_PID" 2>/dev/null; do
			progress_show "$title" $((SECONDS - start))
			sleep 0.3
		done
		progress_clear
	fi
	wait "$STEP_PID" || rc=$?
	STEP_PID='' LOG_TELLS=''
	if [ $rc -ne 0 ]; then
		LOG_TELLS=1
		return $rc
	fi
	[ -n "${STEP_QUIET:-}" ] || say "$title: done ($((SECONDS - start)) s)"
}

step_gone() { ! kill -0 -- "-$STEP_PID" 2>/dev/null; }

# Ends a running step with everything it started, and lets it clean up.
step_stop() {
	[ -n "$STEP_PID" ] || return 0
	kill -TERM -- "-$STEP_PID" 2>/dev/null || true
	wait_for 30 step_gone || warn "a step does not end: process group $STEP_PID"
	STEP_PID=
}

# wait_for SECONDS COMMAND...: polls until the command succeeds; 1 when the time is over.
wait_for() {
	local deadline=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

now_ms() {
	local now=${EPOCHREALTIME/[.,]/}
	printf '%s\n' "${now%???}"
}
