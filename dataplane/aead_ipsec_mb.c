// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Engine on intel-ipsec-mb's direct GCM calls: no jobs, no queue, one call per packet. The only
// file that includes intel-ipsec-mb.h.

#include "dataplane/aead.h"
#include "dataplane/aead_engine.h"

#include <intel-ipsec-mb.h>
#include <rte_branch_prediction.h>
#include <rte_cpuflags.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(sizeof(struct gcm_key_data) <= AEAD_KEY_BYTES, "aead: key does not fit");

// Lines of an expanded key; struct aead_key's cipher is in a line of its own.
#define KEY_LINES ((sizeof(struct gcm_key_data) + 63) / 64)
// How many operations ahead keys are fetched: far enough to hide a miss behind two ciphers, near
// enough not to push each other out of the first-level cache.
#define PREFETCH_AHEAD 2u

// Written once by aead_engine_init(), read by every thread: direct calls use its function
// pointers and none of its queues.
static IMB_MGR *mgr;
static IMB_ARCH arch;

int aead_engine_init(const char **why)
{
	if (mgr)
		return 0;
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AES) != 1) {
		*why = "the CPU has no AES instructions (AES-NI)";
		return -ENOTSUP;
	}
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_PCLMULQDQ) != 1) {
		*why = "the CPU has no carry-less multiplication (PCLMULQDQ)";
		return -ENOTSUP;
	}
	mgr = alloc_mb_mgr(0);
	if (!mgr) {
		*why = "no memory for the intel-ipsec-mb manager";
		return -ENOMEM;
	}
	init_mb_mgr_auto(mgr, &arch);
	if (imb_get_errno(mgr) != 0) {
		*why = imb_get_strerror(imb_get_errno(mgr));
		free_mb_mgr(mgr);
		mgr = NULL;
		return -ENOTSUP;
	}
	return 0;
}

const char *aead_engine_name(void)
{
	// What the library asks for before it takes its VAES code.
	bool vaes = rte_cpu_get_flag_enabled(RTE_CPUFLAG_VAES) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_VPCLMULQDQ) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_GFNI) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512IFMA) == 1;

	switch (arch) {
	case IMB_ARCH_AVX512:
		return vaes ? "intel-ipsec-mb AVX512 (VAES)" : "intel-ipsec-mb AVX512";
	case IMB_ARCH_AVX2:
		return "intel-ipsec-mb AVX2";
	case IMB_ARCH_SSE:
		return "intel-ipsec-mb SSE";
	default:
		return "intel-ipsec-mb";
	}
}

void aead_key_init(struct aead_key *key, enum aead_cipher cipher, const uint8_t *raw)
{
	struct gcm_key_data *gcm = (struct gcm_key_data *)key->opaque;

	memset(key, 0, sizeof(*key));
	key->cipher = cipher;
	switch (cipher) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_PRE(mgr, raw, gcm);
		break;
	case AEAD_AES_192_GCM:
		IMB_AES192_GCM_PRE(mgr, raw, gcm);
		break;
	case AEAD_AES_256_GCM:
	case AEAD_CIPHER_COUNT: // not a cipher
		IMB_AES256_GCM_PRE(mgr, raw, gcm);
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

static inline void seal(const struct aead_op *op, struct gcm_context_data *ctx)
{
	const struct gcm_key_data *key = (const struct gcm_key_data *)op->key->opaque;

	switch (op->key->cipher) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_ENC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, op->tag, PROTO_TAG_BYTES);
		break;
	case AEAD_AES_192_GCM:
		IMB_AES192_GCM_ENC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, op->tag, PROTO_TAG_BYTES);
		break;
	default:
		IMB_AES256_GCM_ENC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, op->tag, PROTO_TAG_BYTES);
	}
}

static inline void open(const struct aead_op *op, struct gcm_context_data *ctx, uint8_t *tag)
{
	const struct gcm_key_data *key = (const struct gcm_key_data *)op->key->opaque;

	switch (op->key->cipher) {
	case AEAD_AES_128_GCM:
		IMB_AES128_GCM_DEC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, tag, PROTO_TAG_BYTES);
		break;
	case AEAD_AES_192_GCM:
		IMB_AES192_GCM_DEC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, tag, PROTO_TAG_BYTES);
		break;
	default:
		IMB_AES256_GCM_DEC(mgr, key, ctx, op->data, op->data, op->len, op->nonce, op->aad,
			op->aad_len, tag, PROTO_TAG_BYTES);
	}
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

void aead_seal_burst(struct aead_op *ops, unsigned int n)
{
	struct gcm_context_data ctx;

	prefetch_first(ops, n);
	for (unsigned int i = 0; i < n; i++) {
		prefetch_next(ops, i, n);
		seal(&ops[i], &ctx);
	}
}

unsigned int aead_open_burst(struct aead_op *ops, unsigned int n)
{
	struct gcm_context_data ctx;
	alignas(16) uint8_t tag[PROTO_TAG_BYTES];
	unsigned int ok = 0;

	prefetch_first(ops, n);
	for (unsigned int i = 0; i < n; i++) {
		prefetch_next(ops, i, n);
		open(&ops[i], &ctx, tag);
		ops[i].ok = tags_are_equal(tag, ops[i].tag);
		ok += ops[i].ok;
	}
	return ok;
}
