#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# AES-256-CBC with HMAC-SHA1, the default digest.
# timeout: 180
CIPHER=AES-256-CBC AUTH=SHA1
. "$(dirname "$0")/_cipher.sh"
