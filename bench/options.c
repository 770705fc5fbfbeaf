// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "bench/options.h"

#include "bench/series.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#define ROUNDS 31
#define ROUNDS_QUICK 9

static _Noreturn void usage(const char *name, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [--quick] [--core N] [--rounds N]\n"
		"  --quick     fewer cases and rounds\n"
		"  --core N    CPU to run on (default 0)\n"
		"  --rounds N  rounds of each case and its reference, 3 to %u (default %u, quick %u)\n",
		name, SERIES_MAX, ROUNDS, ROUNDS_QUICK);
	exit(status);
}

static unsigned int number(
	const char *name, const char *option, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(optarg, &end, 10);

	if (*end || end == optarg || n < min || n > max) {
		fprintf(stderr, "%s: %s: \"%s\" is no number from %lu to %lu\n", name, option,
			optarg, min, max);
		exit(2);
	}
	return (unsigned int)n;
}

static void pin(const char *name, int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		fprintf(stderr, "%s: --core: there is no CPU %d here\n", name, core);
		exit(2);
	}
}

struct options options_parse(const char *name, int argc, char **argv)
{
	static const struct option list[] = {{"quick", no_argument, NULL, 'q'},
		{"core", required_argument, NULL, 'c'}, {"rounds", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct options o = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		if (c == 'q')
			o.quick = true;
		else if (c == 'c')
			o.core = (int)number(name, "--core", 0, CPU_SETSIZE - 1);
		else if (c == 'r')
			o.rounds = number(name, "--rounds", 3, SERIES_MAX);
		else
			usage(name, c == 'h' ? 0 : 2);
	}
	if (optind < argc)
		usage(name, 2);
	if (o.rounds == 0)
		o.rounds = o.quick ? ROUNDS_QUICK : ROUNDS;
	pin(name, o.core);
	return o;
}

static double monotonic_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

uint64_t options_tsc_hz(void)
{
	static uint64_t hz;
	double begin = monotonic_s(), now;
	uint64_t tsc = rte_rdtsc();

	if (hz)
		return hz;
	do
		now = monotonic_s();
	while (now - begin < 0.1);
	hz = (uint64_t)((double)(rte_rdtsc() - tsc) / (now - begin));
	return hz;
}
