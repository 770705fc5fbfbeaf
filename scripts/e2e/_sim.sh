# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Words for tests with the simulated client of scripts/sim. Sourced after _init.sh.

SIM=$SLUICE_TOP/scripts/sim/client
SIM_HOST=${SIM_HOST:-client1}
SIM_OUT=

# Debian's Python: others do not see Debian's packages.
/usr/bin/python3 -c 'import cryptography, OpenSSL' 2>/dev/null ||
	skip "python3-cryptography and python3-openssl are not installed"

# sim NAME FAMILY [OPTION]...: one run as the client whose certificate is NAME; its result is in
# SIM_OUT and its exit status is returned.
sim() {
	local name=$1 family=$2 pki=${PKI:-$BED_DIR/pki} rc=0
	shift 2
	SIM_OUT=$(on "$SIM_HOST" timeout 120 /usr/bin/python3 -B "$SIM" --family "$family" --json \
		--remote "$(sim_remote)" --ca "$pki/ca.crt" --cert "$pki/$name.crt" \
		--key "$pki/$name.key" "$@" 2>>"$BED_DIR/sim.log") || rc=$?
	{
		printf '== %s %s %s: %s\n' "$name" "$family" "$*" "$rc"
		printf '%s\n' "$SIM_OUT"
	} >>"$BED_DIR/sim.log"
	return $rc
}

sim_remote() {
	local host
	host=$(endpoint)
	[ "$OUTER" != 6 ] || host="[$host]"
	printf '%s:%s\n' "$host" "${PORT:-1194}"
}

# result FILTER: of the last run, by jq.
result() { jq -r "$1" <<<"$SIM_OUT"; }
