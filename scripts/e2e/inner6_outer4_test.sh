#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# IPv6 inside IPv4.
OUTER=4 INNER=6
. "$(dirname "$0")/_families.sh"
