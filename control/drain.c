// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/drain.h"

#include "control/retire.h"
#include "dataplane/base/log.h"
#include "dataplane/worker.h"

#include <rte_ring.h>

#include <errno.h>
#include <stdlib.h>

LOG_TYPE("drain");

struct waiting {
	struct waiting *next;
	drain_fn fn;
	void *arg;
	uint32_t id;
	// Ends of the rings when the first grace period was over. Indexes of rings count all they
	// ever held, modulo 2^32.
	uint32_t punt;
	struct {
		uint32_t handoff, inject;
	} worker[DP_WORKERS_MAX];
};

struct drain {
	struct dp *dp;
	struct retire *retire;
	struct waiting *head, **tail; // marked, in the order of their marks
	uint32_t count;
};

struct drain *drain_new(struct dp *dp, struct retire *retire)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->dp = dp;
	d->retire = retire;
	d->tail = &d->head;
	return d;
}

void drain_free(struct drain *d)
{
	struct waiting *w;

	if (!d)
		return;
	while ((w = d->head)) {
		d->head = w->next;
		free(w);
	}
	free(d);
}

static bool is_past(uint32_t index, uint32_t mark)
{
	return (int32_t)(index - mark) >= 0;
}

static void mark(void *arg, void *obj)
{
	struct drain *d = arg;
	struct waiting *w = obj;

	// Whoever added to a ring what still names the id is done with it, so it is before the end.
	w->punt = d->dp->punt->prod.tail;
	for (unsigned int i = 0; i < d->dp->worker_count; i++) {
		if (!d->dp->workers[i])
			continue;
		w->worker[i].handoff = d->dp->workers[i]->handoff->prod.tail;
		w->worker[i].inject = d->dp->workers[i]->inject->prod.tail;
	}
	*d->tail = w;
	d->tail = &w->next;
	d->count++;
}

void drain_later(struct drain *d, drain_fn fn, void *arg, uint32_t id)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w) {
		errno_log(ENOMEM, "id %u is lost until the next start", id);
		return;
	}
	w->fn = fn;
	w->arg = arg;
	w->id = id;
	retire_later(d->retire, mark, d, w);
}

static bool is_drained(const struct dp *dp, const struct waiting *w)
{
	if (!is_past(punt_done_count(dp), w->punt))
		return false;
	for (unsigned int i = 0; i < dp->worker_count; i++) {
		const struct worker *worker = dp->workers[i];

		if (worker && (!is_past(worker->handoff->cons.tail, w->worker[i].handoff) ||
				      !is_past(worker->inject->cons.tail, w->worker[i].inject)))
			return false;
	}
	return true;
}

static void over(void *arg, void *obj)
{
	struct waiting *w = obj;

	(void)arg;
	w->fn(w->arg, w->id);
	free(w);
}

uint32_t drain_poll(struct drain *d)
{
	// Marks grow along the list: the first that is not reached ends the round.
	while (d->head && is_drained(d->dp, d->head)) {
		struct waiting *w = d->head;

		d->head = w->next;
		if (!d->head)
			d->tail = &d->head;
		d->count--;
		retire_later(d->retire, over, NULL, w);
	}
	return d->count;
}
