#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Client to client with one worker.
# timeout: 240
. "$(dirname "$0")/_client_to_client.sh"
