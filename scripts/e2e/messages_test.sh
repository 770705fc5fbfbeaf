#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What an operator says to clients, as a stock client shows it: a line for its log, and the ways to
# end its session; and what is refused before it gets there.
# timeout: 180
. "$(dirname "$0")/_init.sh"

sock=$BED_DIR/sluice.sock
refused() { # STATUS ERROR COMMAND...
	local want=$1 error=$2 out rc=0
	shift 2
	out=$("$SLUICECTL" --socket "$sock" "$@" 2>&1 >/dev/null) || rc=$?
	assert_eq "exit status of $*" $rc "$want"
	assert_eq "what sluicectl $1 says" "$out" "sluicectl: $error"
}
connects() { [ "$(grep -c 'Initialization Sequence Completed' "$(client_log 1)")" -ge "$1" ]; }
gone_is() { # STATUS
	wait_for 10 proc_gone openvpn1 || fail "the client is still there"
	proc_stop openvpn1
	assert_eq "exit status of the client" "$PROC_STATUS" "$1"
}
again() {
	! [ -e "$(client_log 1)" ] || mv "$(client_log 1)" "$(client_log 1).old"
	client_start 1 client1 "$@"
	client_wait 1 || fail "the client does not connect"
}

gateway_up
say_step "a message"
assert_eq "clients told" "$(ctl message demo client1 'maintenance at 22:00, back at 22:10' | jq .clients)" 1
assert_log openvpn1 "Info command was pushed by server \('maintenance at 22:00, back at 22:10'\)"
pings 1 "$(inside4 1)" 20
say_step "restart: it comes back, without and with a reason and flags"
assert_eq "clients" "$(ctl disconnect demo client1 | jq .clients)" 1
assert_log openvpn1 "Connection reset command was pushed by server \(''\)"
wait_for 20 connects 2 || fail "the client did not come back"
assert_eq "clients" "$(ctl disconnect demo client1 --restart --reason 'new keys, sorry' --keep-credentials | jq .clients)" 1
assert_log openvpn1 "Connection reset command was pushed by server \('\[P\]new keys, sorry'\)"
wait_for 20 connects 3 || fail "the client did not come back"
pings 1 "$(inside4 1)" 20
assert_log sluiced 'client=client1 .*closed after .*: ended by the operator'
say_step "next remote: another server, and only then"
client_stop 1
again --remote "$(node4 1)" 1195
ctl disconnect demo client1 --reason same >/dev/null
wait_for 20 connects 2 || fail "the client did not come back"
assert_no_log openvpn1 'UDPv4 link remote: .*:1195'
ctl disconnect demo client1 --next-remote --reason move >/dev/null
assert_log openvpn1 "pushed by server \('\[N\]move'\)"
assert_log openvpn1 'UDPv4 link remote: .*:1195' 10
client_stop 1
say_step "halt: the client ends"
again
ctl disconnect demo client1 --halt --reason 'account closed' >/dev/null
assert_log openvpn1 "Halt command was pushed by server \('account closed'\)"
assert_log openvpn1 'SIGTERM\[.*process exiting' 10
gone_is 0
say_step "authentication failed: the client ends and says why"
again
ctl disconnect demo client1 --auth-failed --reason 'ask the help desk' >/dev/null
assert_log openvpn1 'AUTH: Received control message: AUTH_FAILED,ask the help desk'
assert_log openvpn1 'SIGTERM\[.*process exiting' 10
gone_is 0
say_step "what is refused"
again
long=$(printf 'x%.0s' $(seq 201))
refused 1 'no gateway "gw9"' message gw9 client1 hello
refused 1 'no connected client "nobody"' message demo nobody hello
refused 1 'no connected client "nobody"' disconnect demo nobody
refused 1 'text must be 1..200 characters, got 201' message demo client1 "$long"
refused 1 'text must be 1..200 characters, got 0' message demo client1 ''
refused 1 'text must be printable ASCII, got 0x0a as character 4' disconnect demo client1 --reason $'two\nlines'
refused 1 'text must not begin with "[", which clients take for more than text' disconnect demo client1 --reason '[N]x'
refused 1 'next_remote belongs to restart' disconnect demo client1 --halt --next-remote
refused 1 'keep_credentials belongs to restart and halt' disconnect demo client1 --auth-failed --keep-credentials
refused 2 'text is missing after message, see sluicectl --help' message demo client1
refused 2 'name of a client is missing after disconnect, see sluicectl --help' disconnect demo
refused 2 'too many arguments for disconnect, see sluicectl --help' disconnect demo client1 now
refused 2 'only one of --restart, --halt and --auth-failed can be given to disconnect, see sluicectl --help' disconnect demo client1 --halt --restart
refused 2 '--check belongs to reload, not to disconnect, see sluicectl --help' disconnect demo client1 --check
refused 2 '--restart and --check belong to reload, not to kill, see sluicectl --help' kill client1 --restart
refused 2 '--halt, --auth-failed, --reason, --next-remote and --keep-credentials belong to disconnect, not to reload, see sluicectl --help' reload --halt
refused 2 '--gateway belongs to renegotiate and kill, not to disconnect, see sluicectl --help' disconnect demo client1 --gateway demo
assert_no_log openvpn1 'pushed by server'
pings 1 "$(inside4 1)" 20
test_done
