// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/push_update.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "PUSH_UPDATE"
#define NAME_MAX_CHARS 60 // longer ones are cut in lists of names
#define OPTIONS_MAX 1024  // of one client; a configuration's longest lists have less than half

// An update names options by type: what it says of a type is all that holds of it from then on.
enum group {
	ROUTE_GATEWAY,
	ROUTE_METRIC,
	TUN_MTU,
	BLOCK_IPV6,
	BLOCK_OUTSIDE_DNS,
	ROUTE,
	ROUTE_IPV6,
	REDIRECT,
	DNS,
	DHCP_OPTION,
	GROUPS, // not updatable
};

// In the order of sending: routes go through the gateway, and see resend(). Addresses and topology
// are not here, which stay what admission gave; nor is keepalive, which 2.7 lists as updatable and
// then refuses.
static const struct {
	const char *names[2]; // of one setting; "": no second one
	bool any_order;
} groups[GROUPS] = {
	[ROUTE_GATEWAY] = {{"route-gateway", ""}, false},
	[ROUTE_METRIC] = {{"route-metric", ""}, false},
	[TUN_MTU] = {{"tun-mtu", ""}, false},
	[BLOCK_IPV6] = {{"block-ipv6", ""}, false},
	[BLOCK_OUTSIDE_DNS] = {{"block-outside-dns", ""}, false},
	[ROUTE] = {{"route", ""}, true},
	[ROUTE_IPV6] = {{"route-ipv6", ""}, true},
	[REDIRECT] = {{"redirect-gateway", "redirect-private"}, false},
	[DNS] = {{"dns", ""}, false},
	[DHCP_OPTION] = {{"dhcp-option", ""}, false},
};

struct option {
	const char *text;
	size_t len;
	enum group group;
};

// A text taken apart once, for every client of a reload comes by here.
struct list {
	unsigned int count;
	struct option options[OPTIONS_MAX];
};

struct diff {
	struct list told, now;
	bool differs[GROUPS];
};

static size_t name_len(const struct option *o)
{
	size_t n = 0;

	while (n < o->len && o->text[n] != ' ')
		n++;
	return n;
}

static enum group group_of(const struct option *o)
{
	size_t n = name_len(o);
	enum group g;

	for (g = 0; g < GROUPS; g++)
		for (int i = 0; i < 2; i++)
			if (strncmp(groups[g].names[i], o->text, n) == 0 && !groups[g].names[i][n])
				return g;
	return GROUPS;
}

static int list_parse(struct list *l, const char *text)
{
	struct option o;

	l->count = 0;
	while ((o.text = push_text_next(&text, &o.len))) {
		if (l->count == OPTIONS_MAX)
			return -EMSGSIZE;
		o.group = group_of(&o);
		l->options[l->count++] = o;
	}
	return 0;
}

static bool has_group(const struct list *l, enum group g)
{
	for (unsigned int i = 0; i < l->count; i++)
		if (l->options[i].group == g)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct option *x = *(const struct option *const *)a;
	const struct option *y = *(const struct option *const *)b;
	int ret = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

	return ret ? ret : (x->len > y->len) - (x->len < y->len);
}

static bool is_same(const struct option *a, const struct option *b)
{
	return compare(&a, &b) == 0;
}

static size_t collect(const struct option *out[OPTIONS_MAX], const struct list *l, enum group g)
{
	size_t n = 0;

	for (unsigned int i = 0; i < l->count; i++)
		if (l->options[i].group == g)
			out[n++] = &l->options[i];
	if (groups[g].any_order)
		qsort(out, n, sizeof(*out), compare);
	return n;
}

static bool differs(const struct list *told, const struct list *now, enum group g)
{
	const struct option *a[OPTIONS_MAX], *b[OPTIONS_MAX];
	size_t n = collect(a, told, g);

	if (collect(b, now, g) != n)
		return true;
	for (size_t i = 0; i < n; i++)
		if (!is_same(a[i], b[i]))
			return true;
	return false;
}

static int diff_find(struct diff *d, const char *told, const char *now)
{
	if (list_parse(&d->told, told) || list_parse(&d->now, now))
		return -EMSGSIZE;
	for (enum group g = 0; g < GROUPS; g++)
		d->differs[g] = differs(&d->told, &d->now, g);
	return 0;
}

void push_names_add(char names[PUSH_NAMES_BYTES], const char *name, size_t len)
{
	static const char more[] = ", ...";
	struct option o = {.text = name, .len = len > NAME_MAX_CHARS ? NAME_MAX_CHARS : len};
	size_t used = strlen(names);
	const char *at = names;

	while (*at) {
		struct option there = {.text = at, .len = strcspn(at, ",")};

		if (is_same(&o, &there))
			return;
		at += there.len;
		at += *at ? 2 : 0;
	}
	if (used + 2 + o.len + sizeof(more) <= PUSH_NAMES_BYTES)
		snprintf(names + used, PUSH_NAMES_BYTES - used, "%s%.*s", used ? ", " : "",
			(int)o.len, name);
	else if (strcmp(names + used - (sizeof(more) - 1), more) != 0)
		memcpy(names + used, more, sizeof(more));
}

// Names of what one list has of the not updatable options and the other has not.
static void later_find(
	char names[PUSH_NAMES_BYTES], const struct list *list, const struct list *other)
{
	for (unsigned int i = 0; i < list->count; i++) {
		const struct option *o = &list->options[i];
		unsigned int j = 0;

		if (o->group != GROUPS)
			continue;
		while (j < other->count && !is_same(o, &other->options[j]))
			j++;
		if (j == other->count)
			push_names_add(names, o->text, name_len(o));
	}
}

int push_change_find(struct push_change *c, const char *told, const char *now)
{
	struct diff d;

	memset(c, 0, sizeof(*c));
	if (diff_find(&d, told, now))
		return -EMSGSIZE;
	for (enum group g = 0; g < GROUPS; g++)
		if (d.differs[g])
			push_names_add(c->live, groups[g].names[0], strlen(groups[g].names[0]));
	later_find(c->later, &d.told, &d.now);
	later_find(c->later, &d.now, &d.told);
	return 0;
}

// What must go with a group that differs, though it does not itself: with a list of routes a client
// forgets that all traffic goes through the tunnel, and with `dns` what it had from dhcp-option;
// dhcp-option alone would be added to what it has. [OpenVPN 2.7 RESET_OPTION_ROUTES, from_dhcp]
static bool resend(const struct diff *d, enum group g)
{
	switch (g) {
	case REDIRECT:
		return has_group(&d->now, g) && (d->differs[ROUTE] || d->differs[ROUTE_IPV6]);
	case DNS:
		return d->differs[DHCP_OPTION];
	case DHCP_OPTION:
		return has_group(&d->now, g) && d->differs[DNS];
	default:
		return false;
	}
}

static void add_group(struct push_parts *w, const struct list *now, enum group g)
{
	char removal[PUSH_OPTION_BYTES];
	int n;

	if (!has_group(now, g)) {
		n = snprintf(removal, sizeof(removal), "-%s", groups[g].names[0]);
		push_parts_add(w, removal, (size_t)n);
	}
	for (unsigned int i = 0; i < now->count; i++)
		if (now->options[i].group == g)
			push_parts_add(w, now->options[i].text, now->options[i].len);
}

static int append(char then[PUSH_TEXT_BYTES], const struct list *l, bool updatable)
{
	size_t n = strlen(then);

	for (unsigned int i = 0; i < l->count; i++) {
		const struct option *o = &l->options[i];

		if ((o->group != GROUPS) != updatable)
			continue;
		if (n + 1 + o->len >= PUSH_TEXT_BYTES)
			return -EMSGSIZE;
		if (n > 0)
			then[n++] = ',';
		memcpy(then + n, o->text, o->len);
		n += o->len;
		then[n] = '\0';
	}
	return 0;
}

int push_update_compose(
	struct push *p, char then[PUSH_TEXT_BYTES], const char *told, const char *now)
{
	struct push_parts w;
	struct diff d;

	if (diff_find(&d, told, now))
		return -EMSGSIZE;
	push_parts_begin(&w, p, HEAD);
	for (enum group g = 0; g < GROUPS; g++)
		if (d.differs[g] || resend(&d, g))
			add_group(&w, &d.now, g);
	then[0] = '\0';
	if (append(then, &d.told, false) || append(then, &d.now, true))
		return -EMSGSIZE;
	return push_parts_end(&w);
}
