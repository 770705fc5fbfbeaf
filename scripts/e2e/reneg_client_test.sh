#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The client renegotiates every three seconds.
# timeout: 120
CLIENT_EXTRA="--reneg-sec 3 3" RENEG_SECONDS=45
. "$(dirname "$0")/_reneg.sh"
