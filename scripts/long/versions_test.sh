#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# One client program (SLUICE_OPENVPN, of any version) with every wrapping, cipher and address family
# that its version knows. Each cell of the table: it connects, pings, carries iperf3 both ways,
# renegotiates twice, and its exit frees its place at once; then it comes back, and the gateway
# renegotiates twice. No ping is lost. Under the table: what the client complained of.
# CIPHERS and OUTERS narrow it down.
# timeout: 3600
. "$(dirname "$0")/../e2e/_init.sh"

VERSION=$(client_version)
[ -n "$VERSION" ] || fail "$OPENVPN is not an OpenVPN client"
TEST=versions-$VERSION
TABLE=${SLUICE_E2E_LOGS:-$BED_DIR}/versions-$VERSION.md
FAILED=0 dropped=
declare -A LOST WHY FACTS

wraps=(none tls-auth)
! client_since 2.4 || wraps+=(tls-crypt)
! client_since 2.5 || wraps+=(tls-crypt-v2)
ciphers=(AES-256-CBC AES-192-CBC AES-128-CBC)
! client_since 2.4 || ciphers=(AES-256-GCM AES-192-GCM AES-128-GCM "${ciphers[@]}")
! client_since 2.5 || ciphers+=(CHACHA20-POLY1305)
all=${ciphers[*]}
[ -z "${CIPHERS:-}" ] || read -ra ciphers <<<"$CIPHERS"

# How a client of this version insists on a cipher. OpenVPN 3 cannot: the gateway's list decides.
cipher_options() {
	if client_since 3; then
		:
	elif client_since 2.5; then
		printf -- '--data-ciphers %s\n' "$1"
	elif client_since 2.4; then
		printf -- '--cipher %s --ncp-ciphers %s\n' "$1" "$1"
	else
		printf -- '--cipher %s\n' "$1"
	fi
}

key_options() {
	case $1 in
	tls-auth) echo "--tls-auth PKI/ta.key 1" ;;
	tls-crypt) echo "--tls-crypt PKI/tc.key" ;;
	tls-crypt-v2) echo "--tls-crypt-v2 PKI/v2c.key" ;;
	esac
}

# OpenVPN 2.3.6 and older speak TLS 1.0 only.
tls_min=
client_since 2.3.7 || tls_min=$'\ntls_version_min: "1.0"'

# Four gateways: without and with wrapping; where the client renegotiates, and where they do. Those
# without have a push reply in several parts.
conf_versions() { # CIPHERS
	local port=1194 name keys reneg networks
	conf_head
	printf '  - {name: in1, side: inside}\ngateways:\n'
	for name in plain wrapped; do
		keys='' networks=$(seq -f '10.21.%g.0/24,' 60 | tr '\n' ' ')
		[ $name = plain ] || networks=
		[ $name = plain ] || keys=$'tls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key\ntls_auth: {key: PKI/ta.key, direction: 0}'
		for reneg in 1h 3s; do
			PORT=$port CLIENT_CIDR=10.8.$((port - 1194)).0/24 \
				CLIENT_CIDR6=fd00:8:$((port - 1194))::/64 KEYS_GATEWAY=$keys \
				GATEWAY_EXTRA="data_ciphers: [${1// /, }]"$'\n'"reneg_sec: $reneg$tls_min" \
				conf_gateway "$name$reneg" | sed "s|local_networks: \[|&$networks|"
			port=$((port + 1))
		done
	done
}

# start N WRAP CIPHER client|server: who renegotiates. Clients before 2.5 ask for PUSH_REPLY after a
# second or two, and are stuck if they renegotiate before they have it.
start() {
	local port=1194 reneg=3
	client_since 2.5 || reneg=5
	[ "$2" = none ] || port=1196
	[ "$4" = client ] || port=$((port + 1)) reneg=0
	# shellcheck disable=SC2046
	KEYS_CLIENT=$(key_options "$2") PORT=$port client_start "$1" "client$1" \
		$(cipher_options "$3") --reneg-sec $reneg
}

bad() { # N REASON: the first one counts
	WHY[$1]=${WHY[$1]:-$2}
	FAILED=1
}

fact() { ctl clients | jq -r "[.[] | select(.common_name == \"client$1\")][0] // empty | .$2 // \"-\""; }
# The gateways ask OpenVPN 3 every 75 s at most.
REKEY_SECONDS=20
! client_since 3 || REKEY_SECONDS=180

is_gone() { [ -z "$(fact "$1" state)" ]; }
has_rekeyed() { [ "$(fact "$1" renegotiations)" -ge 2 ]; }

check_facts() { # N WRAP CIPHER
	[ "$(fact "$1" wrap)" = "$2" ] || bad "$1" "wrapping is $(fact "$1" wrap)"
	[ "$(fact "$1" cipher)" = "$3" ] || bad "$1" "cipher is $(fact "$1" cipher)"
	FACTS[$1]="$(fact "$1" tls_version), $(fact "$1" key_derivation), $(fact "$1" cipher_why)"
}

carry() { # N: bounded, so that nothing is lost to a busy machine
	local args out
	for args in "" -R; do
		out=$(iperf "$1" -c "$(inside4 1)" -b 100M -n 4M $args) ||
			bad "$1" "iperf3 $args: $(tail -n 1 <<<"$out")"
	done
	out=$(on "client$1" ping -n -q -c 10 -i 0.02 -W 2 -s 1200 "$(inside6 1)") || true
	grep -q ' 0% packet loss' <<<"$out" || bad "$1" "IPv6 pings lost"
}

# OpenVPN 3 loses packets by itself when it renegotiates as often as it is made to here.
count_pings() { # N
	local sent received
	proc_stop "ping$1" INT
	read -r sent received < <(awk '/packets transmitted/ { print $1, $4 }' "$BED_DIR/ping$1.log")
	rm -f "$BED_DIR/ping$1.log"
	# One may be on its way when ping is stopped.
	[ "$received" -ge $((sent - 1)) ] || LOST[$1]=$((LOST[$1] + sent - received))
	[ "${LOST[$1]}" -eq 0 ] || client_since 3 || bad "$1" "${LOST[$1]} pings lost"
}

log_keep() { # N
	client_stop "$1"
	cat "$(client_log "$1").old" >>"$BED_DIR/all-clients.log"
}

leave() { # N
	log_keep "$1"
	wait_for 3 is_gone "$1" || bad "$1" "its session stays after its exit"
}

# round CIPHER client|server: all wrappings side by side.
round() {
	local n up=()
	for n in "${!wraps[@]}"; do
		start $((n + 1)) "${wraps[n]}" "$1" "$2"
	done
	for n in "${!wraps[@]}"; do
		if client_wait $((n + 1)) 20; then
			up+=($((n + 1)))
		else
			bad $((n + 1)) "no connection: $(tail -n 1 "$(client_log $((n + 1)))")"
			log_keep $((n + 1))
		fi
	done
	for n in "${up[@]}"; do
		check_facts "$n" "${wraps[n - 1]}" "$1"
		[ "$2" = server ] || carry "$n"
	done
	for n in "${up[@]}"; do
		proc_start "ping$n" "client$n" ping -n -q -i 0.02 -W 2 "$(inside4 1)"
	done
	for n in "${up[@]}"; do
		wait_for $REKEY_SECONDS has_rekeyed "$n" || bad "$n" "$(fact "$n" renegotiations) renegotiations by the $2"
	done
	for n in "${up[@]}"; do
		count_pings "$n"
		leave "$n"
	done
}

row() { # N CIPHER
	printf '| %s | %s | %s | %s | %s | %s |\n' "${wraps[$1 - 1]}" "$2" "$OUTER" "${FACTS[$1]:-}" \
		"${LOST[$1]}" "${WHY[$1]:-passed}" | tee -a "$TABLE"
}

# As it comes, told no cipher: the gateway's first, or before 2.4, which has BF-CBC, what to do.
default_cell() {
	local words='AUTH_FAILED,Data channel cipher negotiation failed \(no shared cipher\)'
	WHY=() FACTS=() LOST=([1]=0)
	PORT=1194 KEYS_CLIENT='' client_start 1 client1
	if client_since 2.4; then
		client_wait 1 20 || bad 1 "no connection: $(tail -n 1 "$(client_log 1)")"
		check_facts 1 none AES-256-GCM
		leave 1
	else
		FACTS[1]="refused: BF-CBC"
		wait_for 20 grep -qE "$words" "$(client_log 1)" || bad 1 "not told why it is refused"
		grep -q 'refused: Data channel cipher' "$BED_DIR/sluiced.log" || bad 1 "no line in the log"
		log_keep 1
	fi
	row 1 default
}

# Compression in its configuration.
framing_cell() {
	WHY=() FACTS=() LOST=([1]=0)
	# shellcheck disable=SC2046
	PORT=1194 KEYS_CLIENT='' client_start 1 client1 $(cipher_options "${ciphers[0]}") --comp-lzo no
	if client_wait 1 20; then
		check_facts 1 none "${ciphers[0]}"
		FACTS[1]+=", $(fact 1 framing)"
		carry 1
		leave 1
	else
		bad 1 "no connection: $(tail -n 1 "$(client_log 1)")"
		log_keep 1
	fi
	row 1 "${ciphers[0]}, comp-lzo no"
}

cells() { # CIPHER
	local n
	WHY=() FACTS=()
	for n in "${!wraps[@]}"; do
		LOST[$((n + 1))]=0
	done
	round "$1" client
	# Minutes of waiting are enough once.
	if ! client_since 3 || [ "$OUTER$1" = "4${ciphers[0]}" ]; then
		round "$1" server
	fi
	for n in "${!wraps[@]}"; do
		row $((n + 1)) "$1"
	done
}

drops() {
	counter '[.gateways[] | .gateway as $g | .drop | to_entries[] | select(.value > 0) | "\($g) \(.key) \(.value)"] | join(", ")'
}

# One for each wording, with its number.
complaints() {
	{ grep -hE 'WARN|ERROR|rror:|nrecognized|nconsisten|nsupported|UNUSED|Bad ' \
		"$BED_DIR/all-clients.log" || true; } | sort | uniq -c | sort -rn
}

bed_usual ${#wraps[@]} 1
pki=$BED_DIR/pki
pki_all "$pki" client1 client2 client3 client4
pki_static "$pki/ta.key"
pki_v2_server "$pki/v2.key"
pki_v2_client "$pki/v2.key" "$pki/v2c.key"
proc_start iperf3 inside1 iperf3 -s
{
	printf '## OpenVPN %s\n\n' "$VERSION"
	printf '| wrapping | cipher | outside | TLS, keys, cipher by | lost | |\n|---|---|---|---|---|---|\n'
} | tee "$TABLE"
for OUTER in ${OUTERS:-4 6}; do
	conf_versions "$all" >"$BED_DIR/sluice.yaml"
	gateway_start
	default_cell
	framing_cell
	for cipher in "${ciphers[@]}"; do
		if client_since 3; then
			conf_versions "$cipher" >"$BED_DIR/sluice.yaml"
			ctl reload >/dev/null || fail "reload failed"
		fi
		cells "$cipher"
	done
	dropped+="Dropped packets over IPv$OUTER: $(drops)"$'\n\n'
	gateway_stop
done
printf '\n%s' "$dropped" | tee -a "$TABLE"
complaints | sed 's/^/    /' | tee -a "$TABLE"
[ $FAILED = 0 ] || fail "not everything works"
test_done
