#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# The gateway renegotiates every three seconds; the client would not.
# timeout: 120
GATEWAY_EXTRA="reneg_sec: 3s" CLIENT_EXTRA="--reneg-sec 0" RENEG_SECONDS=45
. "$(dirname "$0")/_reneg.sh"
