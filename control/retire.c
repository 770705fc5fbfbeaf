// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/retire.h"

#include <rte_rcu_qsbr.h>

#include <stdbool.h>
#include <stdlib.h>

struct waiting {
	struct waiting *next;
	uint64_t token;
	retire_fn fn;
	void *arg;
	void *obj;
};

struct retire {
	struct rte_rcu_qsbr *qsbr;
	struct waiting *head, **tail;
	uint32_t count;
};

struct retire *retire_new(struct rte_rcu_qsbr *qsbr)
{
	struct retire *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->qsbr = qsbr;
	r->tail = &r->head;
	return r;
}

void retire_later(struct retire *r, retire_fn fn, void *arg, void *obj)
{
	struct waiting *w = malloc(sizeof(*w));

	if (!w) {
		rte_rcu_qsbr_synchronize(r->qsbr, RTE_QSBR_THRID_INVALID);
		fn(arg, obj);
		return;
	}
	*w = (struct waiting){
		.token = rte_rcu_qsbr_start(r->qsbr), .fn = fn, .arg = arg, .obj = obj};
	*r->tail = w;
	r->tail = &w->next;
	r->count++;
}

static void run_first(struct retire *r)
{
	struct waiting *w = r->head;

	// Unlinked before the call: fn may retire something itself.
	r->head = w->next;
	if (!r->head)
		r->tail = &r->head;
	r->count--;
	w->fn(w->arg, w->obj);
	free(w);
}

uint32_t retire_poll(struct retire *r)
{
	// Tokens grow along the list: the first that is not over ends the round.
	while (r->head && rte_rcu_qsbr_check(r->qsbr, r->head->token, false) == 1)
		run_first(r);
	return r->count;
}

void retire_free(struct retire *r)
{
	if (!r)
		return;
	while (r->head)
		run_first(r);
	free(r);
}
