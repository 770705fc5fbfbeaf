#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The epoch data format, with simulated clients: every cipher; the client goes on to the next epoch,
# sluiced follows and no packet is lost, in order or not, before and after renegotiations; forged
# packets of epochs to come change nothing. Who does not have the format gets the other.
# timeout: 240
GATEWAY_EXTRA='data_ciphers: [AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305, AES-256-CBC]'
PLAIN_EXTRA=$'data_epoch: no\nmax_connections: 20'
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_sim.sh"
. "$(dirname "$0")/_sim_bed.sh"

sim_bed sim
both=(--ping "$(inside4 1)" --ping "$(inside6 1)")

# works TITLE FAMILY [.FILTER]... [OPTION]...
works() {
	local title=$1 family=$2 e expect=()
	shift 2
	while [ $# -gt 0 ] && [ "${1:0:1}" = . ]; do
		expect+=("$1")
		shift
	done
	sim sim "$family" "${both[@]}" --wrap "${WRAP:-tls-crypt:$pki/tc.key}" "$@" ||
		fail "$title: $(result .error), $(result '.warnings | tostring')"
	for e in "${expect[@]}" '.warnings == []'; do
		[ "$(result "$e")" = true ] || fail "$title: not $e: $SIM_OUT"
	done
	printf 'passed %-44s %s\n' "$title" "$(result '.epochs | tostring')"
}

format='.data_format == "epoch"' flag='.push | any(test("^protocol-flags .*aead-epoch"))'
still='.epochs == {send: 1, recv: 1}' followed='.epochs.recv == .epochs.send'

say_step "every cipher"
for cipher in AES-128-GCM AES-192-GCM AES-256-GCM CHACHA20-POLY1305; do
	for size in 0 1 15 1300; do
		works "$cipher, $size bytes" 2.7 "$format" "$flag" "$still" ".cipher == \"$cipher\"" \
			--cipher $cipher --size $size
	done
	works "$cipher, on with every ping" 2.7 "$followed" '.epochs.send == 20' \
		--cipher $cipher --fault epoch-switch --count 20
done
works "OpenVPN 3" openvpn3-epoch "$format" "$flag" "$followed" --fault epoch-switch
works "keys by the PRF" 2.7 "$format" "$flag" '.key_derivation == "prf"' --iv-proto 1174

say_step "epochs end"
works "out of order" 2.7 "$followed" '.epochs.send > 20' --fault epoch-reorder --count 20
works "four at once" 2.7 '.epochs.send == 37' '.epochs.recv >= 35' --fault epoch-jump
works "forged packets of epochs to come" 2.7 "$followed" '.epochs.send == 4' --fault epoch-forged
assert_ge "forged packets, dropped" "$(gateway_counter drop.auth)" 100
assert_ge "forged packets without a key, dropped" "$(gateway_counter drop.epoch)" 100
works "a new key begins anew" 2.7 "$still" --renegotiate 3
works "renegotiations and epochs" 2.7 "$followed" '.epochs.send == 10' --renegotiate 3 \
	--fault epoch-switch
! sim sim 2.7 "${both[@]}" --wrap "tls-crypt:$pki/tc.key" --fault epoch-too-far ||
	fail "five epochs at once are too many, but pass"

say_step "clients"
sim sim 2.7 "${both[@]}" --wrap "tls-crypt:$pki/tc.key" --fault epoch-switch --hold 4 &
held=$!
there() {
	ctl clients | jq -e '.[] | select(.common_name == "sim") | .data_format == "epoch" and
		.recv_epoch == 10 and .send_epoch == 10' >/dev/null
}
wait_for 5 there || fail "clients does not tell: $(ctl clients)"
wait $held || fail "the held client failed"
for reason in replay pktid_exhausted no_room; do
	assert_eq "drop $reason" "$(gateway_counter "drop.$reason")" 0
done
assert_log sluiced "using negotiated cipher 'AES-256-GCM', epoch format \(by IV_CIPHERS\)"

say_step "the other format"
aead='.data_format == "aead"' none='.push | any(test("aead-epoch")) | not'
works "2.6" 2.6 "$aead" "$none"
works "2.7, kernel offload" 2.7-dco "$aead" "$none"
works "2.7, AES-256-CBC" 2.7 '.data_format == "cbc"' "$none" --cipher AES-256-CBC
OUTER=6 PORT=1195 WRAP=none works "2.7, data_epoch: no" 2.7 "$aead" "$none"
wait_for 20 sessions_are 1 || fail "sessions are left: $(ctl clients)"
stock_undisturbed
test_done
