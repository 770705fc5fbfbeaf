// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/routing/prefix_tree.h"

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tests/harness.h"

#define MODEL_MAX 400
#define ROUNDS 20000

// The same set as a plain list.
struct entry {
	uint8_t addr[16];
	uint8_t len;
};
static struct entry model[MODEL_MAX];
static unsigned int model_count;

static bool covers(const struct entry *e, const uint8_t *addr, uint8_t len)
{
	if (e->len > len)
		return false;
	for (unsigned int i = 0; i < e->len; i++)
		if ((e->addr[i / 8] ^ addr[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

static struct entry *model_find(const uint8_t *addr, uint8_t len)
{
	for (unsigned int i = 0; i < model_count; i++)
		if (model[i].len == len && covers(&model[i], addr, len))
			return &model[i];
	return NULL;
}

// Few distinct bits, so that prefixes nest and collide often; all lengths.
static uint8_t random_prefix(uint8_t addr[16])
{
	static const uint8_t bytes[] = {0x00, 0x01, 0x80, 0xff};

	for (int i = 0; i < 16; i++)
		addr[i] = bytes[(unsigned int)rand() % 4 * (rand() % 3 == 0)];
	return (uint8_t)((unsigned int)rand() % 129);
}

static void tree_add(struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	void **slot = prefix_tree_slot(t, addr, len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(slot);
	CU_ASSERT_EQUAL(*slot != NULL, model_find(addr, len) != NULL);
	if (*slot || model_count == MODEL_MAX) {
		if (!*slot)
			prefix_tree_del(t, addr, len);
		return;
	}
	memset(&model[model_count], 0, sizeof(model[0]));
	memcpy(model[model_count].addr, addr, 16);
	model[model_count].len = len;
	model_count++;
	*slot = (void *)(uintptr_t)(len + 1u);
}

static void tree_del(struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	struct entry *e = model_find(addr, len);

	prefix_tree_del(t, addr, len);
	if (e)
		*e = model[--model_count];
}

// The path must hold the lengths of exactly the covering prefixes, in order.
static void check_path(const struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	void *path[PREFIX_TREE_DEPTH];
	unsigned int i, want = 0, n = prefix_tree_path(t, addr, len, path);
	uintptr_t before = 0;

	for (i = 0; i < model_count; i++)
		want += covers(&model[i], addr, len);
	CU_ASSERT_EQUAL(n, want);
	for (i = 0; i < n; i++) {
		uintptr_t got = (uintptr_t)path[i];

		CU_ASSERT_TRUE(got > before);
		CU_ASSERT_PTR_NOT_NULL(model_find(addr, (uint8_t)(got - 1)));
		before = got;
	}
}

static void count_one(void *arg, void *value)
{
	(void)value;
	(*(unsigned int *)arg)++;
}

static void check_walk(struct prefix_tree *t, const uint8_t *addr, uint8_t len)
{
	struct entry around = {.len = len};
	unsigned int i, want = 0, n = 0;

	memcpy(around.addr, addr, 16);
	for (i = 0; i < model_count; i++)
		want += covers(&around, model[i].addr, model[i].len);
	prefix_tree_walk(t, addr, len, count_one, &n);
	CU_ASSERT_EQUAL(n, want);
}

static void test_model(void)
{
	struct prefix_tree t = {0};
	uint8_t addr[16], len;
	unsigned int i;

	srand(1);
	model_count = 0;
	for (i = 0; i < ROUNDS; i++) {
		len = random_prefix(addr);
		if (rand() % 2)
			tree_add(&t, addr, len);
		else if (model_count && rand() % 2)
			tree_del(&t, model[i % model_count].addr, model[i % model_count].len);
		else
			tree_del(&t, addr, len);
		CU_ASSERT_EQUAL(t.count, model_count);
		random_prefix(addr);
		check_path(&t, addr, 128);
		check_walk(&t, addr, len);
		CU_ASSERT_EQUAL(
			prefix_tree_get(&t, addr, len) != NULL, model_find(addr, len) != NULL);
	}
	while (model_count)
		tree_del(&t, model[0].addr, model[0].len);
	CU_ASSERT_PTR_NULL(t.root);
}

struct owned {
	struct prefix_tree *tree;
	uint8_t addr[16];
	uint8_t len;
};

static void delete_own(void *arg, void *value)
{
	struct owned *o = value;

	(*(unsigned int *)arg)++;
	prefix_tree_del(o->tree, o->addr, o->len);
	free(o);
}

// A walk may take away what it visits; nothing is left then.
static void test_walk_deletes(void)
{
	static const uint8_t zero[16];
	struct prefix_tree t = {0};
	unsigned int made = 0, visited = 0;

	srand(2);
	for (int i = 0; i < 1000; i++) {
		struct owned *o = calloc(1, sizeof(*o));
		void **slot;

		o->tree = &t;
		o->len = random_prefix(o->addr);
		slot = prefix_tree_slot(&t, o->addr, o->len);
		if (*slot) {
			free(o);
			continue;
		}
		*slot = o;
		made++;
	}
	prefix_tree_walk(&t, zero, 0, delete_own, &visited);
	CU_ASSERT_EQUAL(visited, made);
	CU_ASSERT_EQUAL(t.count, 0);
	CU_ASSERT_PTR_NULL(t.root);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"agrees with a list", test_model},
		{"may be emptied by a walk", test_walk_deletes},
		{NULL, NULL},
	};

	return harness_run("prefix_tree", tests);
}
