#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# sluicectl against a daemon with a connected client: tables, captures before and after the crypto,
# renegotiation, reload, kill, and its answers when something is wrong.
. "$(dirname "$0")/_init.sh"

table() { "$SLUICECTL" --socket "$BED_DIR/sluice.sock" "$@"; }

refused() { # STATUS PATTERN COMMAND...
	local want=$1 pattern=$2 out rc=0
	shift 2
	out=$("$SLUICECTL" "$@" 2>&1 >/dev/null) || rc=$?
	assert_eq "exit status of $*" $rc "$want"
	grep -qE -e "$pattern" <<<"$out" || fail "sluicectl $* says \"$out\", not \"$pattern\""
}

renegotiated() { [ "$(ctl clients | jq '.[0].renegotiations')" -ge 1 ]; }

gateway_up
pings 1 "$(inside4 1)" 20
assert_eq "renegotiations" "$(ctl clients | jq '.[0].renegotiations')" 0

say_step "tables of at most 100 columns"
for what in status clients counters "clients demo" "counters demo"; do
	# shellcheck disable=SC2086
	out=$(table $what)
	assert_le "width of $what" "$(awk '{ if (length > n) n = length } END { print n }' <<<"$out")" 100
done
grep -q "^demo  *client1  *$(client4 1):" <<<"$(table clients)" || fail "client1 is not listed: $(table clients)"

say_step "captures"
for where in vpn link; do
	proc_start "capture-$where" node "$SLUICECTL" --socket "$BED_DIR/sluice.sock" capture demo \
		--where $where --count 20 --seconds 20 --pcap "$BED_DIR/$where.pcap"
	sleep 0.5
	pings 1 "$(inside4 1)" 15
	wait_for 10 proc_gone "capture-$where" || fail "capture of $where did not end"
	assert_log "capture-$where" "^20 packets in .*, 0 lost"
done
assert_ge "echo requests inside" "$(capture_show vpn icmp | grep -c "> $(inside4 1): ICMP echo request")" 5
assert_ge "echo replies inside" "$(capture_show vpn icmp | grep -c "$(inside4 1) > .*echo reply")" 5
assert_ge "datagrams from the client" "$(capture_show link udp | grep -c "> $(node4 1).1194")" 5
assert_ge "datagrams to the client" "$(capture_show link udp | grep -c "$(node4 1).1194 >")" 5
before=$(counter '.workers[0].captured')
pings 1 "$(inside4 1)" 20
assert_eq "copies without a capture" "$(counter '.workers[0].captured')" "$before"

say_step "renegotiate, reload, kill"
assert_eq "clients renegotiated" "$(ctl renegotiate client1 | jq '.clients')" 1
wait_for 10 renegotiated || fail "no renegotiation: $(ctl clients)"
pings 1 "$(inside4 1)" 20
assert "reload" table reload
cp "$BED_DIR/sluice.yaml" "$BED_DIR/good.yaml"
sed -i 's/client_cidr: .*/client_cidr: 10.8.0.1\/24/' "$BED_DIR/sluice.yaml"
refused 1 'gateway demo: client_cidr must be a network: did you mean 10.8.0.0/24' \
	--socket "$BED_DIR/sluice.sock" reload
cp "$BED_DIR/good.yaml" "$BED_DIR/sluice.yaml"
pings 1 "$(inside4 1)" 20
assert_eq "clients killed" "$(ctl kill client1 --gateway demo | jq '.clients')" 1
client_wait 1 || fail "client 1 did not come back"
wait_for 20 on client1 ping -n -q -c 1 -W 1 "$(inside4 1)" >/dev/null || fail "no ping after kill"

say_step "errors as JSON"
refused_json() { # STATUS ERROR COMMAND...
	local want=$1 error=$2 out rc=0
	shift 2
	out=$("$SLUICECTL" --json "$@" 2>"$BED_DIR/stderr.log") || rc=$?
	assert_eq "exit status of $*" $rc "$want"
	assert_eq "standard error of $*" "$(<"$BED_DIR/stderr.log")" ""
	assert_eq "keys of $*" "$(jq -c 'keys_unsorted' <<<"$out")" '["ok","error"]'
	assert_eq "ok of $*" "$(jq .ok <<<"$out")" false
	grep -qE -e "$error" <<<"$(jq -r .error <<<"$out")" || fail "sluicectl --json $* says $out, not \"$error\""
}
refused_json 1 '^no gateway "gw9"$' --socket "$BED_DIR/sluice.sock" clients gw9
refused_json 3 '^sluiced is not running .* start it with' --socket "$BED_DIR/nothing.sock" status
refused_json 1 '^/no/such/dir/x.pcap: No such file' --socket "$BED_DIR/sluice.sock" capture demo --pcap /no/such/dir/x.pcap
refused_json 1 '^no gateway "gw9"$' --socket "$BED_DIR/sluice.sock" capture gw9 --pcap "$BED_DIR/x.pcap"

say_step "errors"
refused 1 'no gateway "gw9"' --socket "$BED_DIR/sluice.sock" clients gw9
refused 1 'no connected client "nobody"' --socket "$BED_DIR/sluice.sock" kill nobody
refused 2 'capture needs --pcap FILE' capture demo
refused 2 'unknown command' dance
refused 3 'sluiced is not running .* start it with' --socket "$BED_DIR/nothing.sock" status
test_done
