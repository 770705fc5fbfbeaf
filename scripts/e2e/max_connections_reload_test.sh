#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# max_connections changed by HUP: raised, a client that was refused gets in with its next attempt;
# lowered, nobody is disconnected and nobody new gets in.
# timeout: 180
. "$(dirname "$0")/_init.sh"

refusals() { ctl status | jq '.gateways[0].refused'; }
refused_again() { [ "$(refusals)" -gt "$1" ]; }

reload_with() { # MAX
	GATEWAY_EXTRA="max_connections: $1"
	conf_write
	proc_signal sluiced HUP
	assert_log sluiced "max_connections is $1 from now on"
}

GATEWAY_EXTRA="max_connections: 1"
bed_usual 3
pki_all "$BED_DIR/pki" client1 client2 client3
conf_write
gateway_start
client_start 1
client_wait 1 || fail "the first client did not connect"
proc_start ping client1 ping -n -q -i 0.05 -W 2 "$(inside4 1)"
client_start 2
assert_log sluiced 'client=client2 .*refused: server is full' 20
assert_not "the second client got in" client_is_up 2
say_step "raised: the one who was refused gets in, without a new start"
reload_with 2
assert_log sluiced 'gateway demo: max_connections is 2 from now on, was 1; 1 clients stay connected'
client_wait 2 || fail "the second client did not get in"
pings 2 "$(inside4 1)" 20
say_step "lowered: both stay, a third is refused"
reload_with 1
assert_log sluiced 'gateway demo: max_connections is 1 from now on, was 2; 2 clients stay connected'
client_start 3
assert_log sluiced 'client=client3 .*refused: server is full' 20
pings 2 "$(inside4 1)" 20
assert_eq clients "$(ctl status | jq '.gateways[0].clients')" 2
say_step "one leaves: there is one, and one may be"
client_stop 2
wait_for 10 refused_again "$(refusals)" || fail "the third client was not refused again"
assert_not "the third client got in" client_is_up 3
say_step "raised again, in a file with another change that is refused"
PORT=1196 GATEWAY_EXTRA="max_connections: 3" conf_write
out=$(ctl reload 2>&1) || fail "the reload failed: $out"
for line in 'refused: gateway demo: endpoint.port: needs a restart' 'max_connections is 3 from now on, was 1; 1 clients'; do
	grep -q "$line" <<<"$out" || fail "no \"$line\" in $out"
done
client_wait 3 || fail "the third client did not get in"
proc_stop ping INT
grep -q ' 0% packet loss' "$BED_DIR/ping.log" || fail "the first client lost packets: $(grep loss "$BED_DIR/ping.log")"
assert_no_log sluiced 'client=client1 .*closed'
test_done
