#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Two gateways on one worker. Both under a load it can carry: overload drops nothing of either.
# Then one tenant's client floods its gateway with packets that fail authentication: the other
# tenant's pings do not suffer.
# timeout: 120
. "$(dirname "$0")/_init.sh"
. "$SLUICE_TOP/scripts/e2e/_tenants.sh"

LOAD="-u -l 1300 -t 4" # UDP, at a rate that one core of a loaded machine can carry
FLOOD_S=4

transfers() { # OPTION...: both clients at once
	local i pids=()
	for i in 1 2; do
		wait_for 5 on inside$i ss -Hltn sport = 5201 || true
		# shellcheck disable=SC2086
		on client$i timeout 30 iperf3 -c 10.20.1.2 $LOAD -J "$@" >"$BED_DIR/iperf$i.json" &
		pids+=($!)
	done
	for i in 1 2; do
		wait "${pids[i - 1]}" || fail "iperf3 of client $i $*: $(jq -r .error "$BED_DIR/iperf$i.json")"
	done
}

no_overload() {
	local i
	for i in 1 2; do
		assert_eq "overload drops of gw$i" "$(gateway_counter drop.overload gw$i)" 0
	done
}

ping_start() { proc_start "ping$1" "client$1" ping -n -q -i 0.02 -W 2 10.20.1.2; }

ping_end() {
	proc_stop "ping$1" INT
	grep -q ' 0% packet loss' "$BED_DIR/ping$1.log" || fail "client $1 lost pings $2: $(grep loss "$BED_DIR/ping$1.log")"
	say_step "pings of client $1 $2: $(tail -n 1 "$BED_DIR/ping$1.log")"
	rm "$BED_DIR/ping$1.log"
}

tenants_up
say_step "both at once, both ways"
for i in 1 2; do
	proc_start iperf$i inside$i iperf3 -s
	ping_start $i
done
transfers -b 20M
transfers -b 20M -R
for i in 1 2; do
	ping_end $i "under load"
	assert_ge "packets of gw$i in" "$(gateway_counter in_pkts gw$i)" 5000
	assert_ge "packets of gw$i out" "$(gateway_counter out_pkts gw$i)" 5000
done
no_overload

say_step "client 1 floods its gateway with wrong tags"
session=$(ctl clients | jq -c '.[] | select(.gateway == "gw1")')
from=$(jq -r .remote <<<"$session")
ping_start 2
sleep 0.5
sent=$(on client1 python3 "$SLUICE_TOP/scripts/e2e/_garbage.py" flood "$(endpoint)" 1194 "${from##*:}" \
	"$(jq .peer_id <<<"$session")" $FLOOD_S "$(jq .key_id <<<"$session")") || fail "no flood"
ping_end 2 "during the flood"
wait_for 10 ports_add_up || true
drops=$(counter '.gateways[] | select(.gateway == "gw1") | .drop | .auth + .overload')
say_step "datagrams sent $sent, dropped $drops, of these by overload $(gateway_counter drop.overload gw1)"
assert_ge "datagrams of the flood that arrived and were dropped" "$drops" 50000
for reason in overload auth no_key replay; do
	assert_eq "drops of gw2, $reason" "$(gateway_counter "drop.$reason" gw2)" 0
done
pings 1 10.20.1.2 20
pings 2 10.20.1.2 20
assert_eq clients "$(ctl clients | jq length)" 2
test_done
