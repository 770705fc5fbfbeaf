// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The daemon's answers to sluicectl: status, clients, counters, captures. Control thread only.
#pragma once

#include "control/node.h"

// 0, or -errno after one logged line.
int node_api_start(struct node *n);
void node_api_stop(struct node *n); // accepts a half-started one
