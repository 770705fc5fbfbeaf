#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The demonstration itself: its JSON, its exit code, that it fails when the workers do nothing, the
# comparison with stock openvpn and what it demands, --keep and --stop, and that it fails when the
# daemon ends badly.
# timeout: 420
. "$(dirname "$0")/_init.sh"

export SLUICE_LOG_DIR=$BED_DIR/demo
demo() { "$SLUICE_TOP/scripts/sluice" demo --seconds 2 "$@" >"$BED_DIR/demo.log" 2>&1; }

demo --json "$BED_DIR/demo.json" || fail "the demo failed: $(tail -n 20 "$BED_DIR/demo.log")"
assert_eq "keys of the JSON" "$(jq -r 'keys_unsorted | join(" ")' "$BED_DIR/demo.json")" \
	"ok cipher ping_loss_pct tcp_up_mbps tcp_down_mbps fast_in_pkts fast_out_pkts slow_in_pkts slow_out_pkts"
assert_eq ok "$(jq .ok "$BED_DIR/demo.json")" true
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
COMPARE_ROUNDS=1 demo --compare || fail "the comparison failed: $(tail -n 20 "$BED_DIR/demo.log")"
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
say_step "wrong arguments"
rc=0
demo --nonsense || rc=$?
assert_eq "exit code of a wrong argument" $rc 2
test_done
