#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The whole table of stock clients: client mode by cipher by wrapping by outer family. Writes
# docs/client-table.md when every cell is as it must be. With an argument: only cells with that text
# in their title, and nothing is written.
# timeout: 7200
. "$(dirname "$0")/../e2e/_init.sh"
. "$SLUICE_TOP/scripts/e2e/_table.sh"

if [ -n "${1:-}" ]; then
	table_run --whole --match "$1"
else
	table_run --whole --document "$SLUICE_TOP/docs/client-table.md"
fi
test_done
