#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# AES-128-CBC with HMAC-SHA512.
# timeout: 180
CIPHER=AES-128-CBC AUTH=SHA512
. "$(dirname "$0")/_cipher.sh"
