// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Packets of the API's capture stream into a pcap file (LINKTYPE_RAW). Part of sluicectl.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

// File header. 0 or -1 with errno.
int ctl_capture_begin(FILE *pcap, unsigned int snaplen);
// One "packet" event. 0, or -1: not a packet, or errno.
int ctl_capture_packet(FILE *pcap, const json_t *event);
