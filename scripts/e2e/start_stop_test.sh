#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# A signal while the daemon starts: TERM and INT end it cleanly at whatever point they come, with
# nothing left behind; HUP does not end it.
# timeout: 180
. "$(dirname "$0")/_init.sh"

xdp_at_least() { [ "$(on node ip -o link show | grep -c xdp)" -ge "$1" ]; }
tun_is_there() { on node ip -o link show | grep -q sluice-; }
is_running() { grep -q 'running: ' "$BED_DIR/sluiced.log"; }
holds_signals() { # SigBlk of its first thread has TERM in it, and no shell is it any more
	local blocked
	[ "$(cat "/proc/$(proc_pid sluiced)/comm")" = sluiced ] || return 1
	blocked=$(sed -n 's/^SigBlk:[[:space:]]*//p' "/proc/$(proc_pid sluiced)/status")
	((0x$blocked & 1 << 14))
}

nothing_left() { # WHEN
	! on node ip -o link show | grep -q sluice- || fail "$1: a TUN device is left"
	! on node ip -o link show | grep -q xdp || fail "$1: an XDP program is left"
	assert_not "$1: the socket is left" [ -e "$BED_DIR/sluice.sock" ]
}

# signal_at SIGNAL CONDITION...: sluiced gets it as soon as the condition holds.
signal_at() {
	local signal=$1
	shift
	: >"$BED_DIR/sluiced.log"
	proc_start sluiced node "$SLUICED" -c "$BED_DIR/sluice.yaml"
	# Too late on a busy machine does no harm: some are in time.
	until "$@" 2>/dev/null || is_running; do
		proc_alive sluiced || fail "sluiced ended before \"$*\""
	done
	proc_signal sluiced "$signal"
}

bed_usual 4 4
pki_all "$BED_DIR/pki" client1
conf_write
for at in holds_signals "xdp_at_least 1" "xdp_at_least 3" "xdp_at_least 6" "xdp_at_least 8" tun_is_there; do
	for signal in TERM INT; do
		say_step "$signal, $at"
		# shellcheck disable=SC2086
		signal_at $signal $at
		wait_for 30 proc_gone sluiced || fail "$signal, $at: sluiced goes on"
		proc_stop sluiced
		assert_eq "$signal, $at: exit status" "$PROC_STATUS" 0
		nothing_left "$signal, $at"
	done
done
say_step "HUP: taken as soon as it runs"
signal_at HUP xdp_at_least 2
wait_for 30 sluiced_up_or_gone
assert_log sluiced 'reload 1 done'
gateway_stop
nothing_left "HUP"
test_done
