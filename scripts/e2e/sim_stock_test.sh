#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The simulated client itself is tested first: stock openvpn as the server takes it for a client in
# every wrapping, cipher and way it negotiates. Nothing of sluiced runs here.
# timeout: 600
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_sim.sh"

bed_usual
pki=$BED_DIR/pki
pki_all "$pki" client1
openvpn --genkey tls-auth "$pki/ta.key" >/dev/null
openvpn --genkey tls-crypt-v2-server "$pki/v2.key" >/dev/null
openvpn --tls-crypt-v2 "$pki/v2.key" --genkey tls-crypt-v2-client "$pki/v2c.key" >/dev/null
LANES=4

# cell TITLE "SERVER OPTION..." FAMILY [SIMULATOR OPTION]...: a server of its own for each; the
# fields after ":" must be in the result. They wait until all are known, then run side by side.
CELLS=()
cell() { CELLS+=("OUTER=$OUTER cell_run $(printf ' %q' "$@")"); }

# In lane LANE: a port, a tun device, networks and logs of its own.
cell_run() {
	local title=$1 server=$2 family=$3 expect=() e
	shift 3
	while [ $# -gt 0 ] && [ "${1:0:1}" = . ]; do
		expect+=("$1")
		shift
	done
	: >"$BED_DIR/server$LANE.log"
	eval "server=($server)"
	proc_start "server$LANE" node openvpn --dev "tun$LANE" --dev-type tun --proto "udp$OUTER" \
		--disable-dco --local "$(endpoint)" --port "$PORT" --server "10.8.$LANE.0" 255.255.255.0 \
		--topology subnet --server-ipv6 "fd00:8:$LANE::/64" --push "route 10.20.0.0 255.255.0.0" \
		--dh none --keepalive 10 60 --ca "$pki/ca.crt" --cert "$pki/server.crt" \
		--key "$pki/server.key" --verb 4 "${server[@]}"
	wait_for 10 grep -q 'Initialization Sequence Completed' "$BED_DIR/server$LANE.log" ||
		fail "$title: stock openvpn did not start"
	sim client1 "$family" --ping "10.8.$LANE.1" --ping "fd00:8:$LANE::1" --count 5 "$@" ||
		fail "$title: $(result .error), $(result '.warnings | tostring')"
	for e in "${expect[@]}"; do
		[ "$(result "$e")" = true ] || fail "$title: not $e"
	done
	printf 'passed %s (%s ms)\n' "$title" "$(result .connected_ms)"
	proc_stop "server$LANE"
}

# Every fourth cell from the LANE-th one on.
lane() {
	local i
	LANE=$1 PORT=$((1193 + $1))
	for ((i = LANE - 1; i < ${#CELLS[@]}; i += LANES)); do
		eval "${CELLS[i]}"
	done
}

cells_run() {
	local i pids=() bad=0
	for i in $(seq $LANES); do
		lane "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || bad=1
	done
	[ $bad = 0 ] || fail "not every cell passed"
	assert_ge "cells" ${#CELLS[@]} 40
}

gcm='.cipher == "AES-256-GCM"'
for family in 2.4 2.5 2.6; do
	cell "none, $family" "" $family "$gcm"
done
cell "tls-auth, SHA1, direction 1" "--tls-auth $pki/ta.key 0" 2.6 --wrap "tls-auth:$pki/ta.key:1"
cell "tls-auth, SHA1, no direction" "--tls-auth $pki/ta.key" 2.5 --wrap "tls-auth:$pki/ta.key"
for digest in SHA256 SHA512; do
	cell "tls-auth, $digest" "--tls-auth $pki/ta.key 0 --auth $digest" 2.6 \
		--wrap "tls-auth:$pki/ta.key:1" --auth $digest
done
cell "tls-crypt" "--tls-crypt $pki/tc.key" 2.6 "$gcm" --wrap "tls-crypt:$pki/tc.key"
cell "tls-crypt-v2, key sent again" "--tls-crypt-v2 $pki/v2.key" 2.6 \
	'.control.resent_wrapped_key' --wrap "tls-crypt-v2:$pki/v2c.key"
cell "tls-crypt-v2, key sent once" "--tls-crypt-v2 $pki/v2.key" 2.5 \
	'.control.resent_wrapped_key | not' --wrap "tls-crypt-v2:$pki/v2c.key"
cell "tls-crypt-v2, openvpn3" "--tls-crypt-v2 $pki/v2.key" openvpn3 \
	'.control.resent_wrapped_key' --wrap "tls-crypt-v2:$pki/v2c.key"

for cipher in AES-128-GCM AES-192-GCM CHACHA20-POLY1305; do
	cell "$cipher" "--data-ciphers $cipher" 2.6 ".cipher == \"$cipher\"" --cipher $cipher
done
for auth in SHA1 SHA256 SHA512; do
	cell "AES-256-CBC, $auth, negotiated" "--data-ciphers AES-256-CBC --auth $auth" 2.6 \
		'.cipher == "AES-256-CBC"' '.data_format == "cbc"' --cipher AES-256-CBC --auth $auth
done
cell "AES-128-CBC, 2.3" "--data-ciphers AES-128-CBC" 2.3 '.data.sent.v1 > 0' --cipher AES-128-CBC
cell "AES-256-CBC, 2.3, P_DATA_V1" "--data-ciphers AES-256-CBC" 2.3 \
	'.data.sent | keys == ["key0", "v1"]' '.key_derivation == "prf"'
cell "AES-256-CBC, 2.3.18, P_DATA_V2" "--data-ciphers AES-256-CBC" 2.3.18 '.data.sent.v2 > 0'
cell "AES-256-GCM, P_DATA_V1" "" 2.4 '.data.sent.v1 > 0' "$gcm" --iv-proto 0
cell "own cipher, ncp-disable" "--data-ciphers AES-256-GCM" 2.4-ncp-disable "$gcm" \
	'.push | any(startswith("cipher")) | not'

cell "keys by exporter" "" 2.6 '.key_derivation == "tls-ekm"' '.data_format == "aead"'
cell "keys by exporter, TLS 1.2" "" 2.6 '.key_derivation == "tls-ekm"' \
	'.tls.version == "TLSv1.2"' --tls-max 1.2
cell "keys by PRF" "" 2.5 '.key_derivation == "prf"'
cell "keys by exporter, IV_PROTO without protocol-flags" "" 2.6 '.key_derivation == "tls-ekm"' \
	'.push | any(. == "key-derivation tls-ekm")' --iv-proto 14
for family in 2.6.0 2.6-dco 2.7 2.7-dco openvpn3 openvpn3-epoch 2.4.12; do
	cell "$family" "" $family "$gcm" '.warnings == []'
done

cell "renegotiation by the client" "--tls-crypt $pki/tc.key" 2.5 \
	'.data.received.key0 > 0' '.renegotiations.client == 3' \
	--wrap "tls-crypt:$pki/tc.key" --renegotiate 3
cell "renegotiation by the server" "--reneg-sec 4" 2.6 '.renegotiations.server >= 2' \
	--await-renegotiation 2
cell "more key ids than there are" "" 2.6 '.renegotiations.client == 9' --renegotiate 9
for wrap in none "tls-auth:$pki/ta.key:1" "tls-crypt:$pki/tc.key" "tls-crypt-v2:$pki/v2c.key"; do
	case $wrap in
	none) server="" ;;
	tls-auth:*) server="--tls-auth $pki/ta.key 0" ;;
	tls-crypt:*) server="--tls-crypt $pki/tc.key" ;;
	tls-crypt-v2:*) server="--tls-crypt-v2 $pki/v2.key" ;;
	esac
	cell "dynamic tls-crypt over ${wrap%%:*}, both sides" "$server --reneg-sec 4" 2.6 \
		'.renegotiation_wrap == "dynamic tls-crypt"' '.renegotiations.client == 1' \
		--wrap "$wrap" --renegotiate 1 --await-renegotiation 1
done

cell "comp-lzo no" "--allow-compression yes --comp-lzo no" 2.4 '.framing == "comp-lzo"' \
	--framing comp-lzo
cell "compress stub" "--allow-compression yes --compress --push compress" 2.4 \
	'.framing == "stub"' --framing stub
cell "compress stub-v2" "--allow-compression yes --compress stub-v2 --push 'compress stub-v2'" 2.5 \
	--framing stub-v2
for fault in loss duplicate reorder lost-ack replay-data float; do
	cell "$fault" "--tls-crypt $pki/tc.key" 2.6 '.fault.count > 0' --fault $fault \
		--wrap "tls-crypt:$pki/tc.key" --timeout 60 --seed 3
done
OUTER=6 cell "over IPv6" "--tls-crypt $pki/tc.key" 2.6 --wrap "tls-crypt:$pki/tc.key"
cells_run
test_done
