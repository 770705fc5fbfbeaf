// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Control strings for a client that is connected: settings that a reload changed (PUSH_UPDATE), and
// what the operator has to say. During a renegotiation they wait for the new key.
// [OpenVPN forward.c send_control_channel_string]

#include "control/channel/push.h"
#include "control/channel/session_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32                               // behind which the operator says no more
#define QUEUE_MAX (2 * PUSH_PARTS_MAX)             // two of the longest updates
#define QUEUE_TLS_BYTES (KEY_STATE_OUTPUT_MAX / 2) // what may wait below us

static struct session_message *message_new(const char *text)
{
	size_t bytes = strlen(text) + 1;
	struct session_message *m = malloc(sizeof(*m) + bytes);

	if (!m)
		return NULL;
	m->next = NULL;
	memcpy(m->text, text, bytes);
	return m;
}

static void enqueue(struct session *s, struct session_message *m)
{
	*s->queue_tail = m;
	s->queue_tail = &m->next;
	s->queued++;
}

static void dequeue(struct session *s)
{
	struct session_message *m = s->queue;

	s->queue = m->next;
	if (!s->queue)
		s->queue_tail = &s->queue;
	s->queued--;
	free(m);
}

void session_update_fini(struct session *s)
{
	while (s->queue)
		dequeue(s);
	free(s->told);
	s->told = NULL;
}

void session_update_flush(struct session *s, uint64_t now_ms)
{
	struct key_state *ks = &s->keys[0];

	while (s->queue && ks->stage == KEY_ACTIVE &&
		tls_conn_output_pending(ks->tls) <= QUEUE_TLS_BYTES) {
		if (session_control_say(s, s->queue->text)) {
			session_keys_fail(s, ks, SESSION_END_TLS, tls_conn_error(ks->tls), now_ms);
			return;
		}
		dequeue(s);
	}
}

int session_say(struct session *s, const char *message, uint64_t now_ms)
{
	struct session_message *m;

	if (s->phase != SESSION_CONNECTED)
		return -ENOTCONN;
	if (s->queued >= WORDS_MAX)
		return -ENOBUFS;
	m = message_new(message);
	if (!m)
		return -ENOMEM;
	enqueue(s, m);
	session_tick(s, now_ms);
	return 0;
}

// The data channel goes on with what was negotiated; a client that connects now would get another.
static void compare_cipher(
	const struct session *s, const struct conf_gateway *gw, struct push_change *change)
{
	bool found = gw->fallback_cipher == s->ncp.cipher;

	for (size_t i = 0; i < gw->data_cipher_count && !found; i++)
		found = gw->data_ciphers[i] == s->ncp.cipher;
	if (!found)
		push_names_add(change->later, "cipher", strlen("cipher"));
	if (ncp_digest_name(&s->ncp) && gw->auth != s->ncp.digest)
		push_names_add(change->later, "auth", strlen("auth"));
}

static void join_names(char names[PUSH_NAMES_BYTES], const char *more)
{
	while (*more) {
		size_t len = strcspn(more, ",");

		push_names_add(names, more, len);
		more += len;
		more += *more ? 2 : 0;
	}
}

// Queues the whole update or nothing of it.
static int enqueue_update(struct session *s, const char *now)
{
	struct session_message *m[PUSH_PARTS_MAX] = {NULL};
	char then[PUSH_TEXT_BYTES], *told;
	bool complete = true;
	struct push p;

	if (push_update_compose(&p, then, s->told, now))
		return -EMSGSIZE;
	if (s->queued + p.count > QUEUE_MAX)
		return -ENOBUFS;
	told = strdup(then);
	for (unsigned int i = 0; i < p.count; i++)
		complete &= (m[i] = message_new(p.part[i])) != NULL;
	if (!told || !complete) {
		for (unsigned int i = 0; i < p.count; i++)
			free(m[i]);
		free(told);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < p.count; i++)
		enqueue(s, m[i]);
	free(s->told);
	s->told = told;
	return 0;
}

static void send_update(struct session *s, const struct session_config *to, const char *now,
	struct push_change *change, uint64_t now_ms)
{
	int ret = change->live[0] ? enqueue_update(s, now) : 0;

	if (ret) {
		session_log_limited(s, LOG_LEVEL_WARNING, now_ms,
			"settings of reload %u not told: %s", to->reload, strerror(-ret));
		join_names(change->later, change->live);
		change->live[0] = '\0';
	}
	if (change->live[0])
		session_log_limited(s, LOG_LEVEL_INFO, now_ms, "told the settings of reload %u: %s",
			to->reload, change->live);
	if (change->later[0])
		session_log_limited(s, LOG_LEVEL_INFO, now_ms,
			"settings older than those of reload %u until it connects again: %s",
			to->reload, change->later);
	memcpy(s->info.outdated, change->later, sizeof(s->info.outdated));
	if (!change->later[0])
		s->info.reload = to->reload;
	session_tick(s, now_ms);
}

bool session_update(struct session *s, const struct session_config *to, bool send,
	struct push_change *change, uint64_t now_ms)
{
	char now[PUSH_TEXT_BYTES];
	struct push p;
	int ret;

	memset(change, 0, sizeof(*change));
	if (s->phase != SESSION_CONNECTED || !s->told)
		return false;
	// Admission and negotiation stand; the rest is what a client like this is told now.
	ret = push_compose(&p, to->gw, &s->lease, &s->peer, &s->ncp);
	push_text(&p, now);
	if (ret == 0 && strcmp(s->told, now) != 0)
		ret = push_change_find(change, s->told, now);
	if (ret)
		push_names_add(change->later, "push", strlen("push"));
	compare_cipher(s, to->gw, change);
	if (!(s->peer.proto & PEER_PROTO_PUSH_UPDATE)) {
		join_names(change->later, change->live);
		change->live[0] = '\0';
	}
	if (send)
		send_update(s, to, now, change, now_ms);
	return true;
}
