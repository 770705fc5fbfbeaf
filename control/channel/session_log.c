// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/session_priv.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

LOG_TYPE("session");

#define TEXT_BYTES 512
#define BURST 20 // lines, refilled at
#define PER_SECOND 5

// Control thread only, like everything here.
static struct {
	uint64_t refilled_ms;
	unsigned int tokens, suppressed;
	bool started;
} limit;

struct addr_text {
	char s[INET6_ADDRSTRLEN + sizeof("[]:65535")];
};

static const char *addr_text(struct addr_text *t, const struct session_addr *a)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->addr, addr, sizeof(addr));
	snprintf(t->s, sizeof(t->s), a->family == 6 ? "[%s]:%u" : "%s:%u", addr, ntohs(a->port_be));
	return t->s;
}

static void write_text(const struct session *s, enum log_level level, const char *text)
{
	struct addr_text remote;

	log_write(level, log_type, "gateway=%s client=%s %s: %s", s->cfg->gw->name,
		s->info.common_name[0] ? s->info.common_name : "UNDEF",
		addr_text(&remote, &s->info.remote), text);
}

void session_log_move(const struct session *s, const char *what, const struct session_addr *to)
{
	struct addr_text text;

	session_log(s, LOG_LEVEL_NOTICE, "%s %s", what, addr_text(&text, to));
}

void session_log(const struct session *s, enum log_level level, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;

	if (level > log_get_level())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_text(s, level, text);
}

static bool take_token(uint64_t now_ms)
{
	uint64_t add;

	if (!limit.started || now_ms < limit.refilled_ms) {
		limit.started = true;
		limit.tokens = BURST;
		limit.refilled_ms = now_ms;
	}
	add = (now_ms - limit.refilled_ms) * PER_SECOND / 1000;
	if (add > 0) {
		limit.tokens = add >= BURST ? BURST : limit.tokens + (unsigned int)add;
		if (limit.tokens > BURST)
			limit.tokens = BURST;
		limit.refilled_ms = now_ms;
	}
	if (limit.tokens == 0) {
		limit.suppressed++;
		return false;
	}
	limit.tokens--;
	return true;
}

void session_log_limited(
	const struct session *s, enum log_level level, uint64_t now_ms, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;

	if (level > log_get_level() || !take_token(now_ms))
		return;
	if (limit.suppressed > 0) {
		LOG(WARNING, "%u lines about clients were suppressed", limit.suppressed);
		limit.suppressed = 0;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_text(s, level, text);
}
