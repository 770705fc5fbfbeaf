// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/channel/key_state.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <string.h>

#define CHUNK_BYTES_MAX 1450

int key_state_init(struct key_state *ks, const struct tls_context *tls, uint8_t key_id,
	uint32_t first_id, uint64_t now_ms)
{
	memset(ks, 0, sizeof(*ks));
	ks->tls = tls_conn_new(tls);
	if (!ks->tls)
		return -ENOMEM;
	ks->stage = KEY_HANDSHAKE;
	ks->key_id = key_id;
	ks->started_ms = now_ms;
	reliable_init(&ks->rel, first_id, first_id);
	return 0;
}

void key_state_fini(struct key_state *ks)
{
	if (ks->stage == KEY_FREE)
		return;
	reliable_fini(&ks->rel);
	OPENSSL_clear_free(ks->again, ks->again_len);
	if (!ks->lent)
		tls_conn_free(ks->tls);
	key_state_wipe_secrets(ks);
	memset(ks, 0, sizeof(*ks));
}

void key_state_wipe_secrets(struct key_state *ks)
{
	keyex_client_wipe(&ks->client);
	keyex_random_wipe(&ks->server);
}

int key_state_feed(struct key_state *ks)
{
	const struct reliable_msg *m;
	int ret = 0;

	while (ret == 0 && !ks->lent && (m = reliable_recv(&ks->rel))) {
		// A soft reset has done its work by taking the first message id.
		if ((m->opcode == OP_CONTROL_V1 || m->opcode == OP_CONTROL_WKC_V1) &&
			ks->stage != KEY_FAILED) {
			ret = tls_conn_input(ks->tls, m->data, m->len);
			ks->fed = true;
		}
		reliable_recv_done(&ks->rel);
	}
	return ret;
}

bool key_state_take_back(struct key_state *ks, size_t payload_max, uint64_t now_ms)
{
	size_t n = ks->again ? 0 : reliable_stuck(&ks->rel, payload_max, now_ms);
	uint8_t *all = n > 0 ? OPENSSL_malloc(n) : NULL;

	if (!all)
		return false;
	reliable_take_back(&ks->rel, all);
	ks->again = all;
	ks->again_len = n;
	ks->again_sent = 0;
	return true;
}

static size_t again_next(struct key_state *ks, uint8_t *out, size_t size)
{
	size_t left = ks->again_len - ks->again_sent, n = left < size ? left : size;

	memcpy(out, ks->again + ks->again_sent, n);
	ks->again_sent += n;
	if (n == left) {
		OPENSSL_clear_free(ks->again, ks->again_len);
		ks->again = NULL;
		ks->again_len = ks->again_sent = 0;
	}
	return n;
}

// One piece of several of the same size, if all have room.
static size_t piece_bytes(size_t pending, size_t room, size_t max)
{
	size_t count = (pending + max - 1) / max;

	return count == 0 || count > room ? max : (pending + count - 1) / count;
}

static size_t next_piece(struct key_state *ks, uint8_t *out, size_t max)
{
	size_t room = reliable_send_room(&ks->rel);

	if (ks->again)
		return again_next(ks, out, piece_bytes(ks->again_len - ks->again_sent, room, max));
	return tls_conn_output(
		ks->tls, out, piece_bytes(tls_conn_output_pending(ks->tls), room, max));
}

int key_state_pump(struct key_state *ks, size_t payload_max)
{
	uint8_t chunk[CHUNK_BYTES_MAX];
	size_t n;
	int ret;

	if (payload_max > sizeof(chunk))
		payload_max = sizeof(chunk);
	if (ks->lent)
		return 0;
	while (reliable_send_room(&ks->rel) > 0) {
		n = next_piece(ks, chunk, payload_max);
		if (n == 0)
			return 0;
		ret = reliable_send(&ks->rel, OP_CONTROL_V1, chunk, n);
		if (ret)
			return ret;
	}
	return tls_conn_output_pending(ks->tls) > KEY_STATE_OUTPUT_MAX ? -ENOBUFS : 0;
}

bool key_state_is_drained(const struct key_state *ks)
{
	return !ks->lent && !ks->again && reliable_is_idle(&ks->rel) &&
	       tls_conn_output_pending(ks->tls) == 0;
}

bool key_state_is_busy(const struct key_state *ks)
{
	return ks->stage == KEY_HANDSHAKE || ks->stage == KEY_WAIT || ks->stage == KEY_SENT;
}

void key_state_fail(struct key_state *ks)
{
	ks->stage = KEY_FAILED;
	key_state_wipe_secrets(ks);
}
