// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void series_add(struct series *s, double value)
{
	if (s->n < SERIES_MAX)
		s->value[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double ranked(const struct series *s, unsigned int rank)
{
	double sorted[SERIES_MAX];

	if (s->n == 0)
		return 0;
	memcpy(sorted, s->value, s->n * sizeof(double));
	qsort(sorted, s->n, sizeof(double), by_value);
	return sorted[rank];
}

double series_median(const struct series *s)
{
	return ranked(s, s->n / 2);
}

double series_min(const struct series *s)
{
	return ranked(s, 0);
}

double series_max(const struct series *s)
{
	return ranked(s, s->n ? s->n - 1 : 0);
}

void series_report(const struct result *r, const struct series *s, const struct series *reference)
{
	double median = series_median(s), ref = series_median(reference);
	json_t *line = json_pack("{s:s, s:o, s:s, s:f, s:f, s:f, s:{s:s, s:f}, s:f}", "bench",
		r->bench, "case", r->parameters, "unit", r->unit, "median", median, "min",
		series_min(s), "max", series_max(s), "ref", "name", r->reference, "median", ref,
		"ratio", ref > 0 ? median / ref : 0);

	if (!line)
		abort(); // out of memory: no report is better than half of one
	if (r->has_goal) {
		json_object_set_new(line, "goal", json_real(r->goal));
		json_object_set_new(line, "met", json_boolean(median <= r->goal));
	}
	json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6) | JSON_PRESERVE_ORDER);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}
