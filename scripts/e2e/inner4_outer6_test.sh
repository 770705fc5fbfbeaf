#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# IPv4 inside IPv6.
OUTER=6 INNER=4
. "$(dirname "$0")/_families.sh"
