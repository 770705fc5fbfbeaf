// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a reload means to a gateway's clients: those who can are told their new settings while they
// are connected; the others keep the old ones until they connect again, or are told to do so.

#include "control/gateway_priv.h"

#include "dataplane/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WHO_MAX 8       // clients named in a report; `sluicectl clients` has them all
#define AT_ONCE 100     // updates within the reload itself,
#define PER_SECOND 1000 // and those after it

static void name_who(struct gateway_reload *r, const struct client *c, const char *options)
{
	size_t len = strlen(r->who);

	if (r->later > WHO_MAX ||
		len + strlen(c->common_name) + strlen(options) + 32 > sizeof(r->who))
		return;
	snprintf(r->who + len, sizeof(r->who) - len, "%s%s (%s)", len ? ", " : "", c->common_name,
		options);
	r->named++;
}

// In the words that the client's log shows. P: it need not ask its user for a password again.
static void restart(struct client *c, const struct gateway_settings *s, const char *options)
{
	char text[PUSH_NAMES_BYTES + 80], when[sizeof("00:00:00")];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "RESTART,[P]disconnected by reload %u at %s: %s changed",
		s->session.reload, when, options);
	session_restart(c->session, SESSION_END_RELOAD, text, clock_ms());
}

// An update costs a TLS record and a datagram: thousands of them in a row would keep control from
// everything else.
static void tell(
	struct client *c, const struct gateway_settings *s, bool update, struct gateway_reload *r)
{
	struct push_change change;

	if (update && r->updates++ >= AT_ONCE) {
		c->behind = true;
		c->catch_up_ms = clock_ms() + (r->updates - AT_ONCE) * 1000 / PER_SECOND;
		return;
	}
	c->behind = false;
	session_update(c->session, &s->session, true, &change, clock_ms());
}

static void reload_client(
	struct client *c, const struct gateway_settings *s, struct gateway_reload *r)
{
	struct push_change change;

	if (!c->admitted || !session_update(c->session, &s->session, false, &change, clock_ms()))
		return;
	// Whoever is to go has no use for an update.
	if (!r->only_ask && r->restart && change.later[0])
		restart(c, s, change.later);
	else if (!r->only_ask)
		tell(c, s, change.live[0], r);
	if (change.later[0]) {
		r->later++;
		name_who(r, c, change.later);
	} else {
		r->told += change.live[0] != '\0';
	}
}

void gateway_reload_clients(
	struct gateway *g, const struct gateway_settings *s, struct gateway_reload *r)
{
	struct client *c = g->clients, *next;
	size_t len;

	r->told = r->later = r->named = r->updates = 0;
	r->who[0] = '\0';
	HASH_ITER(by_key, g->clients, c, next) {
		reload_client(c, s, r);
		client_settle(c);
	}
	len = strlen(r->who);
	if (r->later > r->named)
		snprintf(r->who + len, sizeof(r->who) - len, "%s%u more", len ? ", " : "",
			r->later - r->named);
}

void client_catch_up(struct client *c)
{
	struct push_change change;

	c->behind = false;
	session_update(c->session, &c->gw->settings->session, true, &change, clock_ms());
}
