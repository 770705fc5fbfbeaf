#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# CHACHA20-POLY1305.
# timeout: 180
CIPHER=CHACHA20-POLY1305
. "$(dirname "$0")/_cipher.sh"
