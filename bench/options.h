// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The command line that all benchmarks have.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
	bool quick;
	int core;
	unsigned int rounds;
};

// Exits for --help and for what it does not understand. Pins the process to the core.
struct options options_parse(const char *name, int argc, char **argv);

// Of the CPU's time stamp counter, with or without EAL.
uint64_t options_tsc_hz(void);
