# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The bed of the table of stock clients: a gateway for each way of wrapping, digest and address
# family in one daemon, and TABLE_HOSTS client hosts. Sourced after _init.sh.
. "$SLUICE_TOP/scripts/e2e/_crowd.sh"

TABLE_HOSTS=${TABLE_HOSTS:-12}

table_driver() { # conf|run [OPTION]...
	/usr/bin/python3 -B "$SLUICE_TOP/scripts/table/run" "$1" --bed "$BED_DIR" --prefix "$BED_PREFIX" \
		--hosts "$TABLE_HOSTS" --sluicectl "$SLUICECTL" --node "$(node4 1)" "$(node6 1)" \
		--inside "$(inside4 1)" "$(inside6 1)" "${@:2}"
}

table_run() { # [OPTION]...
	bed_crowd "$TABLE_HOSTS"
	crowd_keys "$TABLE_HOSTS"
	{
		conf_head
		printf '  - {name: in1, side: inside}\ngateways:\n'
		table_driver conf "$@"
	} >"$BED_DIR/sluice.yaml"
	gateway_start
	table_driver run "$@" || fail "not as the table says"
	assert_no_log sluiced '(^| )(error|crit)'
}
