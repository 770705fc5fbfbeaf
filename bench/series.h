// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Figures of a case and of its reference, and how they are reported. Machines are shared and noisy:
// case and reference take turns round by round, and what counts is the ratio of their medians.
#pragma once

#include <stdbool.h>

#include <jansson.h>

#define SERIES_MAX 128

struct series {
	unsigned int n;
	double value[SERIES_MAX];
};

// One more round's figure; beyond SERIES_MAX it is left out.
void series_add(struct series *s, double value);
double series_median(const struct series *s); // 0 without a figure
double series_min(const struct series *s);
double series_max(const struct series *s);

struct result {
	const char *bench;     // "path"
	json_t *parameters;    // of the case; the report takes it
	const char *unit;      // "ns/pkt"
	const char *reference; // what it is measured against
	bool has_goal;
	double goal; // the median must not be above; same unit
};

// Prints one JSON object on one line of standard output.
void series_report(const struct result *r, const struct series *s, const struct series *reference);
