// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What an operator may add to the options that are pushed to clients, and take away from them. Pure
// functions, any thread.
#pragma once

#include "control/conf/conf.h"

// The first line that only the gateway can know and pushes itself; NULL: none.
const struct conf_line *conf_push_ours(const struct conf_line *lines, size_t count);
// Routes to subnets behind clients that every client would be told of.
size_t conf_push_subnets(const struct conf_gateway *g);
// Do clients take such an option from a server? [OpenVPN options.c OPT_P_PULL_MODE]
bool conf_push_is_taken(const char *text);
// The first text that would take away what a client has no tunnel without, and that option; NULL: none.
const struct conf_line *conf_push_vital(
	const struct conf_line *removed, size_t count, const char **option);
