// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Engine on intel-ipsec-mb: its direct GCM calls, without jobs and queue, one call per packet; and
// jobs for ChaCha20-Poly1305, which the library does as soon as they are submitted.

#include "dataplane/aead.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <string.h>

#include "dataplane/ipsec_mb.h"

static_assert(sizeof(struct gcm_key_data) <= AEAD_KEY_BYTES, "aead: key does not fit");

// Lines of an expanded key; struct aead_key's cipher is in a line of its own.
#define KEY_LINES ((sizeof(struct gcm_key_data) + 63) / 64)
// How many operations ahead keys are fetched: far enough to hide a miss behind two ciphers, near
// enough not to push each other out of the first-level cache.
#define PREFETCH_AHEAD 2u

void aead_key_init(struct aead_key *key, enum cipher cipher, const uint8_t *raw)
{
	struct gcm_key_data *gcm = (struct gcm_key_data *)key->opaque;

	memset(key, 0, sizeof(*key));
	key->cipher = cipher;
	switch (cipher) {
	case CIPHER_AES_128_GCM:
		IMB_AES128_GCM_PRE(ipsec_mb_shared, raw, gcm);
		break;
	case CIPHER_AES_192_GCM:
		IMB_AES192_GCM_PRE(ipsec_mb_shared, raw, gcm);
		break;
	case CIPHER_CHACHA20_POLY1305: // needs no expansion
		memcpy(key->opaque, raw, CIPHER_KEY_BYTES_MAX);
		break;
	default:
		IMB_AES256_GCM_PRE(ipsec_mb_shared, raw, gcm);
		break;
	}
}

static inline void prefetch_key(const struct aead_key *key)
{
	for (unsigned int i = 0; i < KEY_LINES; i++)
		rte_prefetch0(key->opaque + 64 * i);
	rte_prefetch0(&key->cipher);
}

// Keys are fetched two operations ahead; a run of operations on one key fetches it once.
static inline void prefetch_next(const struct aead_op *ops, unsigned int i, unsigned int n)
{
	unsigned int next = i + PREFETCH_AHEAD;

	if (next < n && ops[next].key != ops[next - 1].key)
		prefetch_key(ops[next].key);
}

static inline void prefetch_first(const struct aead_op *ops, unsigned int n)
{
	for (unsigned int i = 0; i < PREFETCH_AHEAD && i < n; i++)
		prefetch_key(ops[i].key);
}

// Does one ChaCha20-Poly1305 operation. Other jobs are not in the queue, and the library works these
// off one by one, so the job that comes back is this one.
static __rte_noinline void chacha(
	struct crypto *c, const struct aead_op *op, IMB_CIPHER_DIRECTION direction, uint8_t *tag)
{
	IMB_MGR *mgr = ipsec_mb_jobs(c);
	IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->cipher_direction = direction;
	job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH
							: IMB_ORDER_HASH_CIPHER;
	job->enc_keys = op->key->opaque;
	job->dec_keys = op->key->opaque;
	job->key_len_in_bytes = CIPHER_KEY_BYTES_MAX;
	job->src = op->data;
	job->dst = op->data;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = op->len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = op->len;
	job->iv = op->nonce;
	job->iv_len_in_bytes = PROTO_NONCE_BYTES;
	job->u.CHACHA20_POLY1305.aad = op->aad;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = op->aad_len;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = PROTO_TAG_BYTES;
	if (unlikely(!IMB_SUBMIT_JOB_NOCHECK(mgr)))
		IMB_FLUSH_JOB(mgr);
}

// The default ciphers first: they pay for no other.
static inline void seal(struct crypto *c, const struct aead_op *op, struct gcm_context_data *ctx)
{
	const struct gcm_key_data *key = (const struct gcm_key_data *)op->key->opaque;

	if (likely(op->key->cipher == CIPHER_AES_256_GCM))
		IMB_AES256_GCM_ENC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, op->tag, PROTO_TAG_BYTES);
	else if (likely(op->key->cipher == CIPHER_AES_128_GCM))
		IMB_AES128_GCM_ENC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, op->tag, PROTO_TAG_BYTES);
	else if (op->key->cipher == CIPHER_AES_192_GCM)
		IMB_AES192_GCM_ENC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, op->tag, PROTO_TAG_BYTES);
	else
		chacha(c, op, IMB_DIR_ENCRYPT, op->tag);
}

static inline void open(
	struct crypto *c, const struct aead_op *op, struct gcm_context_data *ctx, uint8_t *tag)
{
	const struct gcm_key_data *key = (const struct gcm_key_data *)op->key->opaque;

	if (likely(op->key->cipher == CIPHER_AES_256_GCM))
		IMB_AES256_GCM_DEC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, tag, PROTO_TAG_BYTES);
	else if (likely(op->key->cipher == CIPHER_AES_128_GCM))
		IMB_AES128_GCM_DEC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, tag, PROTO_TAG_BYTES);
	else if (op->key->cipher == CIPHER_AES_192_GCM)
		IMB_AES192_GCM_DEC(ipsec_mb_shared, key, ctx, op->data, op->data, op->len,
			op->nonce, op->aad, op->aad_len, tag, PROTO_TAG_BYTES);
	else
		chacha(c, op, IMB_DIR_DECRYPT, tag);
}

// In constant time: all 16 bytes are compared whatever they are.
static inline bool tags_are_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	static_assert(sizeof(x) == PROTO_TAG_BYTES, "aead: tag length");
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

void aead_seal_burst(struct crypto *c, struct aead_op *ops, unsigned int n)
{
	struct gcm_context_data ctx;

	prefetch_first(ops, n);
	for (unsigned int i = 0; i < n; i++) {
		prefetch_next(ops, i, n);
		seal(c, &ops[i], &ctx);
	}
}

unsigned int aead_open_burst(struct crypto *c, struct aead_op *ops, unsigned int n)
{
	struct gcm_context_data ctx;
	alignas(16) uint8_t tag[PROTO_TAG_BYTES];
	unsigned int ok = 0;

	prefetch_first(ops, n);
	for (unsigned int i = 0; i < n; i++) {
		prefetch_next(ops, i, n);
		open(c, &ops[i], &ctx, tag);
		ops[i].ok = tags_are_equal(tag, ops[i].tag);
		ok += ops[i].ok;
	}
	return ok;
}
