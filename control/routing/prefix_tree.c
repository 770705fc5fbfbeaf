// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/prefix_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// A node without a value is a fork: it has two children. A node with a value may have any number.
struct prefix_node {
	struct prefix_node *child[2];
	void *value;
	bool used; // a prefix of the caller's, even while its value is still NULL
	uint8_t len;
	uint8_t addr[PREFIX_TREE_BITS / 8];
};

static unsigned int bit_at(const uint8_t *addr, uint8_t pos)
{
	return (addr[pos / 8] >> (7 - pos % 8)) & 1;
}

// Length of the common head of a and b, at most max bits.
static uint8_t common_bits(const uint8_t *a, const uint8_t *b, uint8_t max)
{
	unsigned int i, bits;

	for (i = 0; i < max; i += 8) {
		uint8_t diff = a[i / 8] ^ b[i / 8];

		if (!diff)
			continue;
		bits = i + (unsigned int)__builtin_clz(diff) - 24;
		return (uint8_t)(bits < max ? bits : max);
	}
	return max;
}

static bool node_covers(const struct prefix_node *n, const uint8_t *addr, uint8_t len)
{
	return n->len <= len && common_bits(n->addr, addr, n->len) == n->len;
}

static struct prefix_node *node_new(const uint8_t *addr, uint8_t len)
{
	struct prefix_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->len = len;
	memcpy(n->addr, addr, (len + 7u) / 8);
	if (len % 8)
		n->addr[len / 8] &= (uint8_t)(0xff << (8 - len % 8));
	return n;
}

// Puts a new node for addr/len where *link points now; the old node goes below or beside it.
static struct prefix_node *node_insert(struct prefix_node **link, const uint8_t *addr, uint8_t len)
{
	struct prefix_node *old = *link, *n, *fork;
	uint8_t common;

	n = node_new(addr, len);
	if (!n)
		return NULL;
	if (old) {
		common = common_bits(old->addr, addr, old->len < len ? old->len : len);
		if (common == len) {
			n->child[bit_at(old->addr, len)] = old;
		} else {
			fork = node_new(addr, common);
			if (!fork) {
				free(n);
				return NULL;
			}
			fork->child[bit_at(old->addr, common)] = old;
			fork->child[bit_at(addr, common)] = n;
			*link = fork;
			return n;
		}
	}
	*link = n;
	return n;
}

void **prefix_tree_slot(struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	struct prefix_node **link = &t->root, *n;

	while (*link && (*link)->len < len && node_covers(*link, addr, len))
		link = &(*link)->child[bit_at(addr, (*link)->len)];
	n = *link;
	if (!n || n->len != len || !node_covers(n, addr, len)) {
		n = node_insert(link, addr, len);
		if (!n)
			return NULL;
	}
	if (!n->used) {
		n->used = true;
		t->count++;
	}
	return &n->value;
}

void *prefix_tree_get(const struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	const struct prefix_node *n = t->root;

	while (n && n->len < len && node_covers(n, addr, len))
		n = n->child[bit_at(addr, n->len)];
	return n && n->len == len && node_covers(n, addr, len) ? n->value : NULL;
}

// Takes away a node that holds nothing and forks nothing.
static void node_prune(struct prefix_node **link)
{
	struct prefix_node *n = *link;

	if (!n || n->used || (n->child[0] && n->child[1]))
		return;
	*link = n->child[0] ? n->child[0] : n->child[1];
	free(n);
}

void prefix_tree_del(struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	struct prefix_node **link = &t->root, **up = NULL, *n;

	while (*link && (*link)->len < len && node_covers(*link, addr, len)) {
		up = link;
		link = &(*link)->child[bit_at(addr, (*link)->len)];
	}
	n = *link;
	if (!n || n->len != len || !n->used || !node_covers(n, addr, len))
		return;
	n->used = false;
	n->value = NULL;
	t->count--;
	node_prune(link);
	// The parent may have been a fork only for the sake of this one.
	if (up)
		node_prune(up);
}

unsigned int prefix_tree_path(const struct prefix_tree *t, const uint8_t *addr, uint8_t len,
	void *values[static PREFIX_TREE_DEPTH])
{
	const struct prefix_node *n = t->root;
	unsigned int count = 0;

	while (n && node_covers(n, addr, len)) {
		if (n->value)
			values[count++] = n->value;
		if (n->len == len)
			break;
		n = n->child[bit_at(addr, n->len)];
	}
	return count;
}

// A walk's callback may delete its own prefix: then this node, or its parent if that is a mere
// fork, vanishes. Both were read before, and children are visited before their parents.
static void walk(struct prefix_node *n, void (*fn)(void *arg, void *value), void *arg)
{
	struct prefix_node *left, *right;
	void *value;

	if (!n)
		return;
	left = n->child[0];
	right = n->child[1];
	value = n->value;
	walk(left, fn, arg);
	walk(right, fn, arg);
	if (value)
		fn(arg, value);
}

void prefix_tree_walk(struct prefix_tree *t, const uint8_t *addr, uint8_t len,
	void (*fn)(void *arg, void *value), void *arg)
{
	struct prefix_node *n = t->root;

	while (n && n->len < len && node_covers(n, addr, len))
		n = n->child[bit_at(addr, n->len)];
	if (n && common_bits(n->addr, addr, len) == len)
		walk(n, fn, arg);
}
