#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Keys made by sluicectl: nobody else may read them, none is overwritten by accident, and stock
# openvpn takes them on both sides as it takes its own.
# timeout: 180
. "$(dirname "$0")/_init.sh"

refused() { # STATUS PATTERN ARGUMENT...
	local status=$1 pattern=$2 out rc=0
	shift 2
	out=$("$SLUICECTL" "$@" 2>&1) || rc=$?
	assert_eq "exit status of sluicectl $*" $rc "$status"
	grep -qE -e "$pattern" <<<"$out" || fail "sluicectl $*: \"$out\""
}

over() { # NAME CLIENT: a client connects to whatever listens
	say_step "$1"
	KEYS_CLIENT=$2
	client_start 1
	client_wait 1 || fail "$1: client did not connect"
	client_stop 1
}

bed_usual
K=$BED_DIR/pki
pki_all "$K" client1
umask 022
"$SLUICECTL" static-key "$K/ta.key"
"$SLUICECTL" static-key --force "$K/tc.key"
"$SLUICECTL" tls-crypt-v2 server-key "$K/v2.key"
"$SLUICECTL" tls-crypt-v2 client-key --server-key "$K/v2.key" "$K/v2-client1.key"
"$SLUICECTL" tls-crypt-v2 client-key --metadata "of alice" --server-key "$K/v2.key" "$K/v2-alice.key"
for f in ta tc v2 v2-client1 v2-alice; do
	assert_eq "mode of $f.key" "$(stat -c %a "$K/$f.key")" 600
done
before=$(sha256sum "$K"/*.key)
refused 1 'ta.key: the file exists, --force' static-key "$K/ta.key"
refused 1 'v2.key: the file exists, --force' tls-crypt-v2 server-key "$K/v2.key"
refused 1 'v2-alice.key: the file exists' tls-crypt-v2 client-key --server-key "$K/v2.key" "$K/v2-alice.key"
refused 1 'no "OpenVPN tls-crypt-v2 server key"' tls-crypt-v2 client-key --server-key "$K/ta.key" "$K/x.key"
refused 1 'nosuch.key: No such file' tls-crypt-v2 client-key --server-key "$K/nosuch.key" "$K/x.key"
refused 1 'No such file' static-key "$K/nosuch/x.key"
refused 2 'file is missing after static-key' static-key
refused 2 'file is missing after server-key' tls-crypt-v2 server-key
refused 2 'server-key or client-key must follow' tls-crypt-v2
refused 2 'server-key or client-key must follow' tls-crypt-v2 other "$K/x.key"
refused 2 'needs --server-key' tls-crypt-v2 client-key "$K/x.key"
refused 2 'belong to client-key' static-key --metadata x "$K/x.key"
refused 2 'too many' static-key "$K/x.key" "$K/y.key"
refused 2 'belong' static-key --json "$K/x.key"
refused 2 'do not belong to status' status --force
assert_eq "keys after all that" "$(sha256sum "$K"/*.key)" "$before"

say_step "stock openvpn as the server"
openvpn_server_start || fail "openvpn does not take tc.key"
over "its tls-crypt" '--tls-crypt PKI/tc.key'
proc_stop server
SERVER_KEYS="--tls-auth $K/ta.key 0" openvpn_server_start || fail "openvpn does not take ta.key"
over "its tls-auth" '--tls-auth PKI/ta.key 1'
proc_stop server
SERVER_KEYS="--tls-crypt-v2 $K/v2.key" openvpn_server_start || fail "openvpn does not take v2.key"
over "its tls-crypt-v2" '--tls-crypt-v2 PKI/v2-client1.key'
over "its tls-crypt-v2, with metadata" '--tls-crypt-v2 PKI/v2-alice.key'
proc_stop server

KEYS_GATEWAY=$'tls_auth: {key: PKI/ta.key, direction: 0}\ntls_crypt: PKI/tc.key\ntls_crypt_v2: PKI/v2.key'
conf_write
gateway_start
over "our tls-crypt" '--tls-crypt PKI/tc.key'
over "our tls-auth" '--tls-auth PKI/ta.key 1'
over "our tls-crypt-v2" '--tls-crypt-v2 PKI/v2-client1.key'
over "our tls-crypt-v2, with metadata" '--tls-crypt-v2 PKI/v2-alice.key'
test_done
