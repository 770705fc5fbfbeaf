// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// How much one key may be used for. [OpenVPN ssl.c should_trigger_renegotiation, crypto.c]

#include "control/gateway_priv.h"

#include "dataplane/base/log.h"

#include <string.h>

LOG_TYPE("client");

// AES-GCM: blocks of 16 bytes and packets together, per direction, that leave an attacker no better
// chance than 2^-57 (RFC 9001 B.1, draft-irtf-cfrg-aead-limits). Renegotiate at seven eighths.
#define AEAD_USAGE_MAX (((UINT64_C(1) << 36) - 1) / 8 * 7)
// Forgeries that failed. At the first number a new key is due, at the second this one is dead.
#define FAILED_WARN (UINT64_C(1) << 35)
#define FAILED_MAX (UINT64_C(1) << 36)

// A client may move on with every packet. One that does has to wait for more keys.
#define REFILLS_PER_SECOND 10
#define REFILLS_BURST 100

// Never too small: each packet may end in a part of a block, and is one itself.
static uint64_t usage(uint64_t pkts, uint64_t bytes)
{
	return bytes / 16 + 2 * pkts;
}

static const char *due(const struct client *c, const struct publish_key_usage *u)
{
	const struct conf_gateway *conf = &c->settings->conf;

	if (u->recv_failed >= FAILED_WARN)
		return "too many forged packets";
	if (u->gcm && (usage(u->recv_pkts, u->recv_bytes) >= AEAD_USAGE_MAX ||
			      usage(u->send_pkts, u->send_bytes) >= AEAD_USAGE_MAX))
		return "the key has encrypted as much as is safe";
	if (u->send_epoch >= EPOCH_RENEGOTIATE)
		return "the epochs run out";
	if (conf->reneg_bytes > 0 && u->recv_bytes + u->send_bytes >= conf->reneg_bytes)
		return "reneg_bytes";
	if (conf->reneg_pkts > 0 && u->recv_pkts + u->send_pkts >= conf->reneg_pkts)
		return "reneg_pkts";
	return NULL;
}

static void refill(struct client *c, uint64_t now_ms)
{
	const struct bucket_rate rate = bucket_rate(1000, REFILLS_PER_SECOND, REFILLS_BURST);
	int rc;

	if (!session_info(c->session)->epoch || !bucket_take(&c->epoch_bucket, now_ms, &rate))
		return;
	rc = publish_key_refill(c->gw->env.publish, c->peer_id);
	if (rc)
		LOG(WARNING, "gateway=%s client=%s: no keys for its next epochs, tried again: %s",
			c->settings->conf.name, c->common_name, strerror(-rc));
}

void client_usage_check(struct client *c, uint64_t now_ms)
{
	struct publish_key_usage u;
	const char *why;

	if (!c->admitted || !session_is_connected(c->session))
		return;
	refill(c, now_ms);
	if (!publish_key_usage(
		    c->gw->env.publish, c->peer_id, session_info(c->session)->key_id, &u))
		return;
	why = due(c, &u);
	if (u.recv_failed >= FAILED_MAX)
		session_key_worn(c->session, "too many forged packets: the session ends", now_ms);
	else if (why)
		session_renegotiate(c->session, why, now_ms);
}
