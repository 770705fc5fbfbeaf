// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/push_parts.h"

#include <errno.h>
#include <string.h>

#define CONTINUATION "push-continuation "
#define MORE "," CONTINUATION "2"
#define LAST "," CONTINUATION "1"

static void part_begin(struct push_parts *w)
{
	if (w->push->count == PUSH_PARTS_MAX) {
		w->error = -EMSGSIZE;
		return;
	}
	w->len = strlen(w->head);
	memcpy(w->push->part[w->push->count++], w->head, w->len + 1);
}

static void part_end(struct push_parts *w, const char *tail)
{
	// Room for the tail was kept.
	memcpy(w->push->part[w->push->count - 1] + w->len, tail, strlen(tail) + 1);
}

void push_parts_begin(struct push_parts *w, struct push *p, const char *head)
{
	memset(p, 0, sizeof(*p));
	*w = (struct push_parts){.push = p, .head = head};
}

void push_parts_add(struct push_parts *w, const char *option, size_t len)
{
	char *part;

	if (len >= PUSH_OPTION_BYTES || memchr(option, ',', len))
		w->error = -EMSGSIZE;
	if (w->error == 0 && w->push->count == 0)
		part_begin(w);
	if (w->error == 0 && w->len + 1 + len + sizeof(MORE) > PUSH_PART_BYTES) {
		part_end(w, MORE);
		part_begin(w);
	}
	if (w->error)
		return;
	part = w->push->part[w->push->count - 1];
	part[w->len] = ',';
	memcpy(part + w->len + 1, option, len);
	w->len += 1 + len;
	part[w->len] = '\0';
}

int push_parts_end(struct push_parts *w)
{
	if (w->error == 0 && w->push->count > 1)
		part_end(w, LAST);
	return w->error;
}

const char *push_text_next(const char **at, size_t *len)
{
	const char *option = *at;

	if (*option == '\0')
		return NULL;
	*len = strcspn(option, ",");
	*at = option + *len + (option[*len] == ',');
	return option;
}

void push_text(const struct push *p, char out[PUSH_TEXT_BYTES])
{
	const char *at, *option;
	size_t n = 0, len;

	for (unsigned int i = 0; i < p->count; i++) {
		at = p->part[i];
		push_text_next(&at, &len); // the head
		while ((option = push_text_next(&at, &len))) {
			if (strncmp(option, CONTINUATION, sizeof(CONTINUATION) - 1) == 0)
				continue;
			// Shorter than all parts together: each has a head besides.
			if (n > 0)
				out[n++] = ',';
			memcpy(out + n, option, len);
			n += len;
		}
	}
	out[n] = '\0';
}

int push_from_text(struct push *p, const char *head, const char *text)
{
	struct push_parts w;
	const char *option;
	size_t len;

	push_parts_begin(&w, p, head);
	while ((option = push_text_next(&text, &len)))
		push_parts_add(&w, option, len);
	return push_parts_end(&w);
}
