// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/half_open.h"

#include <uthash.h>
#include <utlist.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Hashed as bytes: no padding, unused bytes zero.
struct prefix {
	uint8_t family;
	uint8_t reserved;
	uint8_t addr[6]; // the first three of IPv4
};
static_assert(sizeof(struct prefix) == 8, "half_open: prefix has padding");

struct half_open_source {
	struct prefix prefix;
	uint32_t count;
	struct half_open_entry *entries;
	struct half_open_source *prev, *next; // with the same count
	UT_hash_handle hh;
};

static struct half_open_source *find(
	const struct half_open *h, const struct session_addr *from, struct prefix *key)
{
	struct half_open_source *s;

	*key = (struct prefix){.family = from->family};
	memcpy(key->addr, from->addr, from->family == 4 ? 3 : 6);
	HASH_FIND(hh, h->sources, key, sizeof(*key), s);
	return s;
}

static void node_count_change(struct half_open_node *n, int by)
{
	n->count += (uint32_t)by;
	if (n->count > n->peak)
		n->peak = n->count;
}

static void count_change(struct half_open *h, struct half_open_source *s, int by)
{
	if (s->count > 0)
		DL_DELETE(h->by_count[s->count], s);
	s->count += (uint32_t)by;
	h->count += (uint32_t)by;
	if (h->node)
		node_count_change(h->node, by);
	if (s->count > 0)
		DL_APPEND(h->by_count[s->count], s);
	// Counts change in steps of one, so the next highest is not far.
	if (s->count > h->most)
		h->most = s->count;
	while (h->most > 0 && !h->by_count[h->most])
		h->most--;
}

void half_open_init(struct half_open *h, struct half_open_node *node)
{
	h->node = node;
	if (node)
		DL_APPEND(node->books, h);
}

void half_open_fini(struct half_open *h)
{
	if (h->node)
		DL_DELETE(h->node->books, h);
	h->node = NULL;
}

int half_open_add(
	struct half_open *h, const struct session_addr *from, struct half_open_entry *entry)
{
	struct half_open_source *s;
	struct prefix key;

	if (h->count >= HALF_OPEN_MAX)
		return -ENOSPC;
	s = find(h, from, &key);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->prefix = key;
		HASH_ADD(hh, h->sources, prefix, sizeof(s->prefix), s);
	}
	entry->source = s;
	DL_APPEND(s->entries, entry);
	count_change(h, s, 1);
	return 0;
}

void half_open_del(struct half_open *h, struct half_open_entry *entry)
{
	struct half_open_source *s = entry->source;

	if (!s)
		return;
	entry->source = NULL;
	DL_DELETE(s->entries, entry);
	count_change(h, s, -1);
	if (s->count == 0) {
		HASH_DEL(h->sources, s);
		free(s);
	}
}

struct half_open_entry *half_open_victim(struct half_open *h, const struct session_addr *from)
{
	struct prefix key;
	const struct half_open_source *s = find(h, from, &key);
	uint32_t has = s ? s->count : 0;

	// A place that only changed sides would change back with the next packet.
	return h->most > has + 1 ? h->by_count[h->most]->entries : NULL;
}

bool half_open_node_is_full(const struct half_open *h)
{
	return h->node && h->node->max && h->node->count >= h->node->max;
}

struct half_open_entry *half_open_node_victim(struct half_open *h, const struct session_addr *from)
{
	struct half_open *book, *most = h;

	DL_FOREACH(h->node->books, book)
		if (book->count > most->count)
			most = book;
	return most->count > h->count + 1 ? most->by_count[most->most]->entries
					  : half_open_victim(h, from);
}
