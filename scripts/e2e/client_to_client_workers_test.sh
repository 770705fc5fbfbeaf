#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Client to client with two workers: packets go from the owner of one to the owner of the other.
# timeout: 240
WORKERS=2 BED_QUEUES=2 CONF_EXTRA="lcores: 1,2"
. "$(dirname "$0")/_client_to_client.sh"
