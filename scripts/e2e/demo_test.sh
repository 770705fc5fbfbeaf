#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The demonstration itself: its JSON, its exit code, that it fails when the workers do nothing, the
# comparison with stock openvpn and what it demands, its progress lines, --keep and --stop, and that it
# fails when the daemon ends badly.
# timeout: 420
. "$(dirname "$0")/_init.sh"

export SLUICE_LOG_DIR=$BED_DIR/demo
unset STEP_QUIET # of the run of tests that this one is part of
demo() { "$SLUICE_TOP/scripts/sluice" demo --seconds 2 "$@" >"$BED_DIR/demo.log" 2>&1; }

demo --json "$BED_DIR/demo.json" || fail "the demo failed: $(tail -n 20 "$BED_DIR/demo.log")"
assert_eq "keys of the JSON" "$(jq -r 'keys_unsorted | join(" ")' "$BED_DIR/demo.json")" \
	"ok cipher ping_loss_pct tcp_up_mbps tcp_down_mbps fast_in_pkts fast_out_pkts slow_in_pkts slow_out_pkts"
assert_eq ok "$(jq .ok "$BED_DIR/demo.json")" true
say_step "progress: plain lines, and a log file with everything"
for title in "Pinging the inside host" "Measuring TCP, client to inside host" "Measuring TCP, inside host to client"; do
	assert_eq "lines of $title" "$(grep -cE "^$title( \.\.\.|: done \([0-9]+ s\))\$" "$BED_DIR/demo.log" || true)" 2
	grep -q "^== $title: " "$SLUICE_LOG_DIR/demo.log" || fail "no \"$title\" in $SLUICE_LOG_DIR/demo.log"
done
assert_no_log demo $'\r|\033'
grep -q ' bytes from ' "$SLUICE_LOG_DIR/demo.log" || fail "no output of ping in $SLUICE_LOG_DIR/demo.log"
say_step "progress: a live line on a terminal"
SHELL=/bin/bash TERM=xterm COLUMNS=100 script -qec "$SLUICE_TOP/scripts/sluice demo --seconds 2" "$BED_DIR/terminal.log" </dev/null >/dev/null ||
	fail "the demo failed on a terminal: $(tail -n 20 "$BED_DIR/terminal.log")"
title="Measuring TCP, client to inside host"
assert_ge "times the live line was drawn" "$(tr '\r' '\n' <"$BED_DIR/terminal.log" | grep -cE "^"$'\033'"\[K$title \.\.\. [0-9]+s" || true)" 3
assert_eq "plain lines on a terminal" "$(tr -d '\r' <"$BED_DIR/terminal.log" | grep -cE "^$title \.\.\.\$" || true)" 0
tr '\r' '\n' <"$BED_DIR/terminal.log" | grep -qE "^"$'\033'"\[K$title: done \([0-9]+ s\)" || fail "no end of \"$title\""
say_step "workers disabled"
! demo --disable-workers --json "$BED_DIR/slow.json" || fail "the demo passed without workers"
assert_eq ok "$(jq .ok "$BED_DIR/slow.json")" false
# Everything works but what it is about: the share of the fast path.
grep -qE '^error: the demo failed: workers carried 0 of [0-9]+ inbound packets, less than 95 %; workers carried 0 of [0-9]+ outbound packets, less than 95 %$' \
	"$BED_DIR/demo.log" || fail "the demo without workers fails for another reason: $(tail -n 20 "$BED_DIR/demo.log")"
assert_eq "pings lost without workers" "$(jq .ping_loss_pct "$BED_DIR/slow.json")" 0
say_step "the daemon ends badly"
cat >"$BED_DIR/ends_badly" <<'SH'
#!/bin/bash
"$@" &
trap 'kill $!' TERM
wait $!
wait $!
exit 3
SH
chmod +x "$BED_DIR/ends_badly"
! SLUICED_WRAP="$BED_DIR/ends_badly" demo --json "$BED_DIR/badly.json" || fail "the demo passed with a daemon that ended with status 3"
grep -q '^error: the demo failed: sluiced ended with status 3$' "$BED_DIR/demo.log" || fail "the demo says: $(tail -n 20 "$BED_DIR/demo.log")"
assert_no_log demo '^demo: ok'
assert_eq ok "$(jq .ok "$BED_DIR/badly.json")" false
say_step "beside stock openvpn"
# On a machine that others use a round may be spoilt.
COMPARE_ROUNDS=1 demo --compare || COMPARE_ROUNDS=2 demo --compare ||
	fail "the comparison failed: $(tail -n 20 "$BED_DIR/demo.log")"
grep -qE 'A packet costs sluiced [0-9.]+ times less' "$BED_DIR/demo.log" || fail "no comparison: $(cat "$BED_DIR/demo.log")"
! COMPARE_ROUNDS=1 demo --compare --disable-workers || fail "the comparison passed without workers"
# --stop ends whatever is kept: not what somebody else plays with.
if ! compgen -G '/run/sluice-demo.*/keep' >/dev/null; then
	say_step "kept, and stopped"
	demo --keep || fail "demo --keep failed: $(tail -n 20 "$BED_DIR/demo.log")"
	kept=$(sed -n 's/^Configuration: \(.*\)\/sluice.yaml$/\1/p' "$BED_DIR/demo.log")
	assert_eq "clients of what was kept" "$("$SLUICECTL" --socket "$kept/sluice.sock" --json clients | jq length)" 1
	demo --stop || fail "demo --stop failed: $(cat "$BED_DIR/demo.log")"
	assert_not "something is left" [ -e "$kept" ]
fi
say_step "no memory for hugepages"
for mb in 9999999 many; do
	! SLUICE_HUGE_MB=$mb demo || fail "the demo passed with SLUICE_HUGE_MB=$mb"
	assert_eq "lines of the error" "$(sed -n '/^error: /,$p' "$BED_DIR/demo.log" | wc -l)" 1
	grep -qE '^error: .*SLUICE_HUGE_MB' "$BED_DIR/demo.log" || fail "$(cat "$BED_DIR/demo.log")"
done
say_step "an error names its log file and quotes it"
printf '#!/bin/sh\necho "sluiced: this is the reason"\nexit 1\n' >"$BED_DIR/no_start"
chmod +x "$BED_DIR/no_start"
! SLUICED_WRAP="$BED_DIR/no_start" demo || fail "the demo passed without sluiced"
assert_eq "what is said of it" "$(grep -A 2 '^error: ' "$BED_DIR/demo.log")" "error: sluiced did not start
The last lines of $SLUICE_LOG_DIR/demo-sluiced.log:
  | sluiced: this is the reason"
say_step "wrong arguments"
rc=0
demo --nonsense || rc=$?
assert_eq "exit code of a wrong argument" $rc 2
test_done
