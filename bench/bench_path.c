// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a packet costs a worker, from the frame a driver delivered to the frame the driver gets, with
// the cipher alone beside it.

#include "bench/options.h"
#include "bench/series.h"
#include "bench/world.h"

#include <stdio.h>
#include <stdlib.h>

// What the path may add to the cipher for one client, by the outbound checksum (inbound: none).
#define BUDGET_NS 60
#define BUDGET_CSUM_NS 130

static unsigned int rounds;
static unsigned int done, cases;

static const char *csum_name(enum world_csum csum)
{
	return csum == WORLD_CSUM_ZERO      ? "zero"
	       : csum == WORLD_CSUM_OFFLOAD ? "offload"
					    : "software";
}

static json_t *parameters(const struct world_conf *c)
{
	json_t *p = json_pack("{s:s, s:s, s:i, s:i, s:s}", "direction",
		c->inbound ? "inbound" : "outbound", "cipher", cipher_name(c->cipher), "peers",
		(int)c->peers, "routes", (int)c->routes, "csum", csum_name(c->csum));

	if (!p)
		abort();
	json_object_set_new(p, "size", c->size ? json_integer(c->size) : json_string("imix"));
	return p;
}

static void run(const struct world_conf *conf)
{
	struct series path = {0}, raw = {0};
	struct world *w = world_new(conf);
	struct result r = {.bench = "path",
		.parameters = parameters(conf),
		.unit = "ns/pkt",
		.reference = "ipsec-mb",
		.has_goal = conf->peers == 1 && conf->routes == 1};

	for (unsigned int i = 0; i < rounds; i++) {
		series_add(&path, world_path_round(w));
		series_add(&raw, world_raw_round(w));
	}
	r.goal = series_median(&raw) +
		 (!conf->inbound && conf->csum == WORLD_CSUM_SOFTWARE ? BUDGET_CSUM_NS : BUDGET_NS);
	series_report(&r, &path, &raw);
	fprintf(stderr, "bench_path: %u of %u\r", ++done, cases);
	world_free(w);
}

// --- Cases ---------------------------------------------------------------------------------------

static struct world_conf list[256];

static void add(struct world_conf c)
{
	if (cases < sizeof(list) / sizeof(list[0]))
		list[cases++] = c;
}

static void add_both_ways(struct world_conf c)
{
	c.inbound = true;
	add(c);
	c.inbound = false;
	add(c);
}

// One client: sizes, ciphers, and the ways to an outbound checksum.
static void add_sizes(bool quick)
{
	static const uint16_t all[] = {64, 128, 256, 512, 1024, 1400, 0}, few[] = {64, 1400};
	static const enum cipher ciphers[] = {CIPHER_AES_128_GCM, CIPHER_AES_256_GCM};
	unsigned int n = quick ? 2 : 7;
	struct world_conf c = {.peers = 1, .routes = 1};

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int s = 0; s < n; s++) {
			c.cipher = ciphers[i];
			c.size = quick ? few[s] : all[s];
			c.csum = WORLD_CSUM_ZERO;
			add_both_ways(c);
			c.csum = WORLD_CSUM_OFFLOAD;
			add(c);
			c.csum = WORLD_CSUM_SOFTWARE;
			add(c);
		}
	}
}

static void add_scale(bool quick)
{
	static const uint32_t peers[] = {100, 10000, 100000}, routes[] = {1000, 500000};
	static const uint16_t sizes[] = {64, 1400};
	struct world_conf c = {.cipher = CIPHER_AES_256_GCM};

	for (unsigned int s = 0; s < 2; s++) {
		c.size = sizes[s];
		c.routes = 1;
		for (unsigned int i = quick ? 2 : 0; i < 3; i++) {
			c.peers = peers[i];
			add_both_ways(c);
		}
		c.peers = 1;
		c.inbound = true;
		for (unsigned int i = quick ? 1 : 0; i < 2; i++) {
			c.routes = routes[i];
			add(c);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = options_parse("bench_path", argc, argv);

	rounds = o.rounds;
	if (!world_init(o.core))
		return 1;
	add_sizes(o.quick);
	add_scale(o.quick);
	for (unsigned int i = 0; i < cases; i++)
		run(&list[i]);
	fputc('\n', stderr);
	return 0;
}
