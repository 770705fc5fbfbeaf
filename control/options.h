// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The command line of sluiced.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define OPTIONS_CONFIG "/etc/sluice/sluice.yaml"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK, // validate the configuration and exit
	OPTIONS_DONE,  // help or version was printed: exit 0
	OPTIONS_ERROR, // one line was printed to err: exit 2
};

struct options {
	const char *config;
	int log_level;        // enum log_level; -1: as the configuration says
	bool disable_workers; // test aid: workers poll nothing, everything takes the kernel's way
};

// Prints what was asked for to out, errors to err.
enum options_action options_parse(int argc, char **argv, struct options *o, FILE *out, FILE *err);
