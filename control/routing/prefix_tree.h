// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Path-compressed binary tree of address prefixes, for control's own bookkeeping: finds a prefix,
// every shorter prefix that covers it, every longer one below it. One tree per address family;
// an address is 16 bytes at most, most significant bit first. Workers never see it.
#pragma once

#include <stdint.h>

#define PREFIX_TREE_BITS 128
#define PREFIX_TREE_DEPTH (PREFIX_TREE_BITS + 1)

struct prefix_node;

struct prefix_tree { // all zero: empty
	struct prefix_node *root;
	uint32_t count; // prefixes with a value
};

// Where the value of a prefix stands; the prefix is made when new, with NULL in it, and the caller
// must then store a value (or delete it again). NULL: no memory. Bits past len are ignored.
void **prefix_tree_slot(struct prefix_tree *t, const uint8_t *addr, uint8_t len);
// NULL: not there.
void *prefix_tree_get(const struct prefix_tree *t, const uint8_t *addr, uint8_t len);
void prefix_tree_del(struct prefix_tree *t, const uint8_t *addr, uint8_t len);

// Values of all prefixes that contain addr/len, itself included, shortest first.
unsigned int prefix_tree_path(const struct prefix_tree *t, const uint8_t *addr, uint8_t len,
	void *values[static PREFIX_TREE_DEPTH]);
// Calls fn for every value within addr/len, longer prefixes before the ones that cover them.
// fn may delete the prefix of the value it was given, nothing else.
void prefix_tree_walk(struct prefix_tree *t, const uint8_t *addr, uint8_t len,
	void (*fn)(void *arg, void *value), void *arg);
