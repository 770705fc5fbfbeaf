#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Every client family of the simulator against sluiced: what it negotiates, that its packets flow,
# or the very words it is refused with. A stock client beside them is not disturbed.
# timeout: 300
PLAIN_EXTRA=$'reneg_sec: 5s\ntopology: p2p\nmax_connections: 20'
# Long time slots: the cookie of a repeated first reply is the same.
GATEWAY_EXTRA=$'hand_window: 10m\ndata_ciphers: [AES-256-GCM, AES-192-GCM, AES-128-GCM, CHACHA20-POLY1305, AES-256-CBC]'
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_sim.sh"
. "$(dirname "$0")/_sim_bed.sh"

sim_bed sim
crypt="tls-crypt:$pki/tc.key"
both=(--ping "$(inside4 1)" --ping "$(inside6 1)")

# works TITLE FAMILY [.FILTER]... [OPTION]...
works() {
	local title=$1 family=$2 e expect=()
	shift 2
	while [ $# -gt 0 ] && [ "${1:0:1}" = . ]; do
		expect+=("$1")
		shift
	done
	sim sim "$family" "${both[@]}" --wrap "$crypt" "$@" ||
		fail "$title: $(result .error), $(result '.warnings | tostring')"
	# A control packet has 1250 bytes at most, with its IP and UDP headers.
	for e in "${expect[@]}" '.warnings == []' '.option_warnings == []' \
		".control.largest_received <= 1250 - $((OUTER == 6 ? 48 : 28))"; do
		[ "$(result "$e")" = true ] || fail "$title: not $e: $SIM_OUT"
	done
	printf 'passed %-34s %s, %s, %s\n' "$title" "$(result .cipher)" \
		"$(result .key_derivation)" "$(result '.data.sent | keys | join(" ")')"
}

# refused TITLE FAMILY WORDS [OPTION]...: these words, to the letter.
refused() {
	local title=$1 family=$2 words=$3
	shift 3
	! sim sim "$family" "${both[@]}" --wrap "$crypt" --timeout 4 "$@" ||
		fail "$title works now: move it to the families that do"
	assert_eq "$title: what the client is told" "$(result .error)" "$words"
	printf 'passed %-34s %s\n' "$title, refused" "$words"
}

gcm='.cipher == "AES-256-GCM"' v1='.data.received | has("v1")' v2='.data.received | has("v2")'
prf='.key_derivation == "prf"' ekm='.key_derivation == "tls-ekm"'

say_step "families"
works "2.4" 2.4 "$gcm" "$prf" "$v2"
works "2.4.12" 2.4.12 "$gcm" "$prf" "$v2"
works "2.4, ncp-disable" 2.4-ncp-disable "$gcm" "$prf" "$v2" \
	'.push | any(startswith("cipher")) | not'
works "2.5" 2.5 "$gcm" "$prf" "$v2"
works "2.6.0" 2.6.0 "$gcm" "$ekm" "$v2"
works "2.6" 2.6 "$gcm" "$ekm" "$v2"
works "2.6, kernel offload" 2.6-dco "$gcm" "$ekm" "$v2"
works "2.7" 2.7 "$gcm" "$ekm" "$v2" '.data_format == "epoch"'
works "2.7, kernel offload" 2.7-dco "$gcm" "$ekm" "$v2" '.data_format == "aead"'
works "openvpn3" openvpn3 "$gcm" "$ekm" "$v2"
works "openvpn3, epochs" openvpn3-epoch "$gcm" "$ekm" "$v2" '.data_format == "epoch"'

say_step "what single releases differ in"
works "no IV_PROTO, P_DATA_V1" 2.4 "$gcm" "$prf" "$v1" --iv-proto 0
cbc='.cipher == "AES-256-CBC"'
works "2.3, no negotiation" 2.3 "$cbc" "$prf" "$v1" '.push | any(startswith("cipher")) | not'
works "2.3.18, no negotiation" 2.3.18 "$cbc" "$prf" "$v2"
works "2.4, ncp-disable, AES-256-CBC" 2.4-ncp-disable "$cbc" "$prf" "$v2" --cipher AES-256-CBC
works "keys before PUSH_REPLY, P_DATA_V1" 2.3 "$gcm" "$prf" "$v1" '.push_parts == 1' \
	--cipher AES-256-GCM
works "keys before PUSH_REPLY, P_DATA_V2" 2.3.18 "$prf" "$v2" '.cipher == "AES-128-GCM"' \
	--cipher AES-128-GCM
works "exporter without protocol-flags" 2.6 "$ekm" '.push | any(. == "key-derivation tls-ekm")' \
	--iv-proto 14
works "TLS 1.2 and the exporter" 2.6 "$ekm" '.tls.version == "TLSv1.2"' --tls-max 1.2
works "TLS 1.2 and the PRF" 2.5 "$prf" '.tls.version == "TLSv1.2"' --tls-max 1.2
[ $(($(date +%s) % 300)) -lt 295 ] || sleep 5 # of the slot, for a retry after 2 s
works "lost ACK, never repeated" 2.5 '.fault.count == 1' --fault lost-ack
works "lost ACK, repeated" 2.6 '.fault.count == 1' --fault lost-ack
works "30 % of control packets lost" 2.6 '.fault.count > 0' --fault loss --timeout 100 --seed 3
for cipher in AES-128-GCM AES-192-GCM CHACHA20-POLY1305 AES-256-CBC; do
	works "$cipher" 2.6 ".cipher == \"$cipher\"" --cipher $cipher
done
for family in 2.4 2.5 2.6 openvpn3; do
	# OpenVPN 3 aborts at p2p.
	topology=p2p
	[ $family != openvpn3 ] || topology=subnet
	OUTER=6 PORT=1195 works "none, IPv6, $topology, long push, $family" $family "$gcm" \
		".push | any(. == \"topology $topology\")" \
		'.push_parts >= 2' '.push | map(select(test("^route 10.21"))) | length == 60' --wrap none
done
for family in 2.5 2.6 openvpn3; do
	works "renegotiation by the client, $family" $family '.renegotiations.client == 3' \
		'.data.received | has("key3")' --renegotiate 3
	# OpenVPN 3 is asked every 75 s at most.
	[ $family = openvpn3 ] || OUTER=6 PORT=1195 works "renegotiation by the server, $family" $family \
		'.renegotiations.server >= 1' --wrap none --await-renegotiation 1
done

say_step "compression framing"
lzo='.framing == "comp-lzo"' v2stub='.framing == "stub-v2"'
for framing in comp-lzo stub stub-v2; do
	for family in 2.4 2.5 2.6 openvpn3; do
		works "$family, $framing" $family "$v2stub" '.push | any(. == "compress stub-v2")' \
			--framing $framing
	done
done
works "2.3, comp-lzo" 2.3 "$lzo" "$cbc" "$v1" '.push | any(. == "comp-lzo no")' --framing comp-lzo
works "2.3.18, comp-lzo, AES-128-GCM" 2.3.18 "$lzo" "$v2" --framing comp-lzo --cipher AES-128-GCM
works "2.4, no framing" 2.4 '.framing == "none"' \
	'.push | any(test("^(comp-lzo|compress)")) | not'
reply='.occ_reply | test("^V4,dev-type tun,.*,tls-server\u0000$")'
works "options string on request" 2.6 "$reply" '.data.received.occ <= 10' --fault occ-requests
works "options string, comp-lzo" 2.3 "$reply" '.occ_reply | contains(",comp-lzo,")' \
	--framing comp-lzo --fault occ-requests
compressed_are() { [ "$(gateway_counter drop.compressed)" = "$1" ]; }
dropped=0
for family in 2.3 2.4; do
	sim sim $family --wrap "$crypt" --framing comp-lzo --fault compressed --ping "$(inside4 1)" \
		--count 10 --hold 3 >"$BED_DIR/compressed.log" &
	held=$!
	wait_for 5 sessions_are 2 || fail "the client is not there"
	# Seven packets each, of which 2.4's framing takes four for others than compressed.
	dropped=$((dropped + ($([ $family = 2.3 ] && echo 7 || echo 3) * 10)))
	wait_for 10 compressed_are $dropped ||
		fail "$(gateway_counter drop.compressed) packets count as compressed, not $dropped"
	ctl clients | jq -e '.[] | select(.common_name == "sim") | .compressed_pkts > 0 and
		(.framing | test("^(comp-lzo no|compress stub-v2)$"))' >/dev/null ||
		fail "clients does not tell: $(ctl clients)"
	wait $held || fail "$family: compressed packets disturb the others"
done
assert_eq "lines about them" "$(grep -c 'compressed packets are dropped' "$BED_DIR/sluiced.log")" 2

say_step "UDP, and what the inside asks of the client"
proc_start echo inside1 socat UDP4-RECVFROM:7,fork EXEC:cat
sim sim 2.6 --wrap "$crypt" --ping "$(inside4 1)" --udp 7 --count 20 || fail "UDP: $(result .error)"
sim sim 2.6 --wrap "$crypt" --hold 4 &
held=$!
wait_for 5 sessions_are 2 || fail "the held client is not there"
address=$(ctl clients | jq -r '.[] | select(.common_name == "sim") | .vpn4')
on inside1 ping -n -q -c 10 -i 0.05 -W 2 "$address" | grep -q ' 0% packet loss' ||
	fail "the simulated client does not answer"
wait $held || fail "the held client ended with status $?"
sim sim 2.6 --wrap "$crypt" --hold 10 &
held=$!
wait_for 5 sessions_are 2 || fail "the held client is not there"
ctl kill sim >/dev/null
! wait $held || fail "a client that was disconnected did not notice"

say_step "what is refused, or not there yet"
nocipher="AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)"
refused "2.3, AES-192-CBC" 2.3 "$nocipher" --cipher AES-192-CBC
refused "2.6, AES-128-CBC" 2.6 "$nocipher" --cipher AES-128-CBC
refused "TLS 1.0" 2.3 "TLS: tlsv1 alert protocol version" --tls-max 1.0
refused "TLS 1.1" 2.4 "TLS: tlsv1 alert protocol version" --tls-max 1.1
silence="not connected after 4.0 s, no answer"
works "tls-auth, 2.4" 2.4 '.wrap == "tls-auth"' --wrap "tls-auth:$pki/ta.key:1"
works "tls-auth, 2.6" 2.6 '.wrap == "tls-auth"' --wrap "tls-auth:$pki/ta.key:1" --renegotiate 3
works "tls-crypt-v2, 2.5" 2.5 '.wrap == "tls-crypt-v2"' '.control.resent_wrapped_key | not' \
	--wrap "tls-crypt-v2:$pki/v2c.key"
works "tls-crypt-v2, 2.6" 2.6 '.wrap == "tls-crypt-v2"' .control.resent_wrapped_key \
	--wrap "tls-crypt-v2:$pki/v2c.key"
works "dynamic tls-crypt, tls-crypt-v2" 2.6 '.renegotiation_wrap == "dynamic tls-crypt"' \
	--wrap "tls-crypt-v2:$pki/v2c.key" --renegotiate 3
works "dynamic tls-crypt" 2.6 '.renegotiation_wrap == "dynamic tls-crypt"' --renegotiate 3
works "no dynamic tls-crypt" 2.6.0 '.renegotiation_wrap == "tls-crypt"' --renegotiate 1
refused "wrapping where there is none" 2.6 "$silence" --wrap none

wait_for 20 sessions_are 1 || fail "sessions are left: $(ctl clients)"
stock_undisturbed
test_done
