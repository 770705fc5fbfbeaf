#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The fixed subset of the table of stock clients (docs/client-table.md): every mode, every pair of
# cipher and wrapping that can be, both outer families; and what cannot be.
# timeout: 240
. "$(dirname "$0")/_init.sh"
. "$SLUICE_TOP/scripts/e2e/_table.sh"

table_run
test_done
