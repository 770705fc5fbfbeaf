# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The usual bed and what runs on it: client hosts, node, inside hosts; sluiced or stock openvpn in
# the node; stock openvpn clients.
#
#   client1 eth0 ---- out1 node in1 ---- eth0 inside1
#   client2 eth0 ---- out2      in2 ---- eth0 inside2
#
# Client N: 192.0.2.0/24 in steps of /28, 2001:db8:0:N::/64. Inside N: 10.20.N.0/24, fd00:20:N::/64.
# The endpoint is the node's address on out1, tunnel addresses are 10.8.0.0/24 and fd00:8::/64.

BED_QUEUES=${BED_QUEUES:-1}
WORKERS=${WORKERS:-1}
POLL=${POLL:-adaptive}
CONF_EXTRA=${CONF_EXTRA:-}     # lines at the top level
GATEWAY_EXTRA=${GATEWAY_EXTRA:-} # lines of the gateway
CLIENT_EXTRA=${CLIENT_EXTRA:-} # options of openvpn clients
# How the control channel is wrapped: lines of the gateway, options of clients. PKI stands for the
# directory of the keys.
KEYS_GATEWAY=${KEYS_GATEWAY-tls_crypt: PKI/tc.key}
KEYS_CLIENT=${KEYS_CLIENT---tls-crypt PKI/tc.key}
OUTER=${OUTER:-4}              # IP version clients connect with
# The client program: Debian's, another release, or the command line client of OpenVPN 3.
OPENVPN=${SLUICE_OPENVPN:-openvpn}
OPENVPN_VERSION=

node4() { printf '192.0.2.%s\n' $((($1 - 1) * 16 + 1)); }
client4() { printf '192.0.2.%s\n' $((($1 - 1) * 16 + 2)); }
node6() { printf '2001:db8:0:%s::1\n' "$1"; }
client6() { printf '2001:db8:0:%s::2\n' "$1"; }
inside4() { printf '10.20.%s.2\n' "$1"; }
inside6() { printf 'fd00:20:%s::2\n' "$1"; }

bed_client() { # N
	host_add "client$1"
	link_add node "out$1" "client$1" "$BED_QUEUES"
	addr_add node "out$1" "$(node4 "$1")/28" "$(node6 "$1")/64"
	addr_add "client$1" eth0 "$(client4 "$1")/28" "$(client6 "$1")/64"
	route_add "client$1" 192.0.2.0/24 "$(node4 "$1")"
	route_add "client$1" 2001:db8::/48 "$(node6 "$1")"
}

bed_inside() { # N [NODE]
	local node=${2:-node}
	host_add "inside$1"
	link_add "$node" "in$1" "inside$1" "$BED_QUEUES"
	addr_add "$node" "in$1" "10.20.$1.1/24" "fd00:20:$1::1/64"
	addr_add "inside$1" eth0 "$(inside4 "$1")/24" "$(inside6 "$1")/64"
	route_add "inside$1" default "10.20.$1.1"
	route_add "inside$1" default "fd00:20:$1::1"
}

# bed_usual [CLIENTS [INSIDES]]
bed_usual() {
	local i
	host_add node
	router_on node
	for i in $(seq "${1:-1}"); do
		bed_client "$i"
	done
	for i in $(seq "${2:-1}"); do
		bed_inside "$i"
	done
	BED_CLIENTS=${1:-1} BED_INSIDES=${2:-1}
}

endpoint() {
	if [ "$OUTER" = 6 ]; then node6 1; else node4 1; fi
}

# Interfaces and one gateway "demo", as YAML.
conf_head() {
	local i
	cat <<-YAML
		workers: $WORKERS
		poll: $POLL
		memory: 256mb
		socket: $BED_DIR/sluice.sock
		log_level: ${LOG_LEVEL:-info}
		$CONF_EXTRA
		interfaces:
	YAML
	for i in $(seq "$BED_CLIENTS"); do
		printf '  - {name: out%s, side: outside}\n' "$i"
	done
}

conf_gateway() { # NAME
	cat <<-YAML
		  - name: $1
		    endpoint: {address: "${ENDPOINT:-$(endpoint)}", port: ${PORT:-1194}}
		    ca: ${PKI:-$BED_DIR/pki}/ca.crt
		    cert: ${PKI:-$BED_DIR/pki}/server.crt
		    key: ${PKI:-$BED_DIR/pki}/server.key
		    client_cidr: ${CLIENT_CIDR:-10.8.0.0/24}
		    client_cidr6: ${CLIENT_CIDR6:-fd00:8::/64}
		    local_networks: [10.20.0.0/16, "fd00:20::/32"]
	YAML
	printf '%s\n' "${KEYS_GATEWAY//PKI/${PKI:-$BED_DIR/pki}}" | sed 's/^/    /'
	[ -z "$GATEWAY_EXTRA" ] || printf '%s\n' "$GATEWAY_EXTRA" | sed 's/^/    /'
}

conf_usual() {
	local i
	conf_head
	for i in $(seq "$BED_INSIDES"); do
		printf '  - {name: in%s, side: inside}\n' "$i"
	done
	printf 'gateways:\n'
	conf_gateway demo
}

conf_write() { conf_usual >"$BED_DIR/sluice.yaml"; }

sluiced_answers() { ctl status >/dev/null 2>&1 && proc_alive sluiced; }

# sluiced_start [OPTION]...: 1 when it did not come up.
sluiced_start() {
	proc_start sluiced node ${SLUICED_WRAP:-} "$SLUICED" -c "$BED_DIR/sluice.yaml" "$@"
	wait_for 60 sluiced_up_or_gone
	proc_alive sluiced
}

sluiced_up_or_gone() { sluiced_answers || proc_gone sluiced; }

ctl() { "$SLUICECTL" --socket "$BED_DIR/sluice.sock" --json "$@"; }

# counter FILTER: one number out of the counters, by jq.
counter() { ctl counters | jq -r "(.result // .) | $1"; }
gateway_counter() { counter ".gateways[] | select(.gateway == \"${2:-demo}\") | .$1"; }

client_version() {
	[ -n "$OPENVPN_VERSION" ] || OPENVPN_VERSION=$({ "$OPENVPN" --version || true; } |
		sed -n 's/^OpenVPN \(core \)\?\([0-9][0-9a-z._]*\).*/\2/p' | head -n 1)
	printf '%s\n' "$OPENVPN_VERSION"
}

# client_since VERSION: is the client that old, or newer?
client_since() {
	[ "$(printf '%s\n' "$1" "$(client_version)" | sort -V | head -n 1)" = "$1" ]
}

# All packets are where the counters say (to be asked again while rings are not empty).
ports_add_up() {
	[ "$(counter '[.ports[] | select(.rx != .carried + .consumed + .punted + .dropped)] | length')" = 0 ]
}

# client_start N [CERTIFICATE [OPTION]...]: a stock client in client host N.
client_start() {
	local n=$1 cert=${2:-client$1} pki=${PKI:-$BED_DIR/pki} proto=udp$OUTER retry='--connect-retry 1 3'
	shift $(($# > 2 ? 2 : $#))
	# Before 2.4 udp is IPv4, and connect-retry is for TCP.
	client_since 2.4 || { retry='' && [ "$OUTER" = 6 ] || proto=udp; }
	# shellcheck disable=SC2086
	client_run "$n" --client --dev tun --nobind \
		--proto "$proto" --remote "${ENDPOINT:-$(endpoint)}" "${PORT:-1194}" \
		--ca "$pki/ca.crt" --cert "$pki/$cert.crt" --key "$pki/$cert.key" \
		${KEYS_CLIENT//PKI/$pki} --remote-cert-tls server --verb 4 --mute 0 \
		$retry --tls-exit --suppress-timestamps ${CLIENT_EXTRA:-} "$@"
}

# client_run N OPTION...: OpenVPN 3 has its options in a profile only.
client_run() {
	local n=$1 profile=$BED_DIR/openvpn$1.ovpn
	shift
	if client_since 3; then
		printf ' %s' "$@" | sed 's/ --/\n/g' >"$profile"
		set -- --non-preferred-algorithms "$profile"
	fi
	# shellcheck disable=SC2086
	proc_start "openvpn$n" "client$n" ${CLIENT_WRAP:-} "$OPENVPN" "$@"
}

client_log() { printf '%s\n' "$BED_DIR/openvpn$1.log"; }

client_is_up() {
	local log
	log=$(client_log "$1")
	grep -qE 'Initialization Sequence Completed|EVENT: CONNECTED' "$log" 2>/dev/null
}

client_up_or_gone() { client_is_up "$1" || proc_gone "openvpn$1"; }

client_wait() { # N
	wait_for "${2:-30}" client_up_or_gone "$1" || true
	client_is_up "$1"
}

# Stops client N; its log starts anew.
client_stop() {
	proc_stop "openvpn$1" "${2:-TERM}"
	mv "$(client_log "$1")" "$(client_log "$1").old"
}

client_cipher() {
	sed -n "s/.*Data Channel: .*cipher '\([][A-Za-z0-9-]*\)'.*/\1/p" "$(client_log "${1:-1}")" | tail -n 1
}

# Stock openvpn as the server, as an operator would run it.
openvpn_server_start() {
	local pki=$BED_DIR/pki
	proc_start server node ${SERVER_WRAP:-} openvpn --dev tun0 --dev-type tun --proto udp4 \
		--local "$(node4 1)" --port 1194 --server 10.8.0.0 255.255.255.0 \
		--topology subnet --server-ipv6 fd00:8::/64 --push "route 10.20.0.0 255.255.0.0" \
		--push "route-ipv6 fd00:20::/32" --dh none --keepalive 10 60 --ca "$pki/ca.crt" \
		--cert "$pki/server.crt" --key "$pki/server.key" ${SERVER_KEYS:---tls-crypt $pki/tc.key} --verb 3
	wait_for 10 grep -q 'Initialization Sequence Completed' "$BED_DIR/server.log"
}
