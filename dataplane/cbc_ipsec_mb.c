// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Engine on intel-ipsec-mb's jobs: the library does the packets of a burst side by side in the
// lanes of its vectors. Every job is taken out again before a call returns.

#include "dataplane/cbc.h"

#include <assert.h>
#include <string.h>

#include "dataplane/ipsec_mb.h"

#define HASH_BLOCK_BYTES_MAX 128
// Jobs at a time: fewer than the library has room for, so that it never has to make some.
#define JOBS_MAX 64u
static_assert(JOBS_MAX < IMB_MAX_JOBS, "cbc: more jobs than the library holds");

// What struct cbc_key holds.
struct keys {
	alignas(16) uint8_t enc[15 * 16], dec[15 * 16];                     // round keys
	alignas(16) uint8_t ipad[DIGEST_BYTES_MAX], opad[DIGEST_BYTES_MAX]; // hashed pads of HMAC
	alignas(16) uint8_t iv[11 * 16];                                    // round keys
};
static_assert(sizeof(struct keys) <= CBC_KEY_BYTES, "cbc: key does not fit");

static const IMB_HASH_ALG hash_algs[DIGEST_COUNT] = {
	[DIGEST_SHA1] = IMB_AUTH_HMAC_SHA_1,
	[DIGEST_SHA256] = IMB_AUTH_HMAC_SHA_256,
	[DIGEST_SHA384] = IMB_AUTH_HMAC_SHA_384,
	[DIGEST_SHA512] = IMB_AUTH_HMAC_SHA_512,
};

static const struct keys *keys_of(const struct cbc_key *key)
{
	return (const struct keys *)key->opaque;
}

// One half of HMAC's key: the state of the hash behind its first block.
static void pad_hash(enum digest digest, const uint8_t *key, uint8_t with, uint8_t *out)
{
	uint8_t block[HASH_BLOCK_BYTES_MAX];

	memset(block, with, sizeof(block));
	for (size_t i = 0; i < digest_bytes(digest); i++)
		block[i] ^= key[i];
	switch (digest) {
	case DIGEST_SHA1:
		IMB_SHA1_ONE_BLOCK(ipsec_mb_shared, block, out);
		break;
	case DIGEST_SHA256:
		IMB_SHA256_ONE_BLOCK(ipsec_mb_shared, block, out);
		break;
	case DIGEST_SHA384:
		IMB_SHA384_ONE_BLOCK(ipsec_mb_shared, block, out);
		break;
	default:
		IMB_SHA512_ONE_BLOCK(ipsec_mb_shared, block, out);
	}
	explicit_bzero(block, sizeof(block));
}

void cbc_key_init(
	struct cbc_key *key, enum cipher cipher, enum digest digest, const struct cbc_raw *raw)
{
	struct keys *k = (struct keys *)key->opaque;
	uint8_t unused[sizeof(k->enc)];

	memset(key, 0, sizeof(*key));
	key->cipher = cipher;
	key->digest = digest;
	key->mac_bytes = (uint8_t)digest_bytes(digest);
	key->iv_bytes = cipher == CIPHER_NONE ? 0 : CBC_IV_BYTES;
	switch (cipher) {
	case CIPHER_NONE:
		break;
	case CIPHER_AES_128_CBC:
		IMB_AES_KEYEXP_128(ipsec_mb_shared, raw->cipher, k->enc, k->dec);
		break;
	case CIPHER_AES_192_CBC:
		IMB_AES_KEYEXP_192(ipsec_mb_shared, raw->cipher, k->enc, k->dec);
		break;
	default:
		IMB_AES_KEYEXP_256(ipsec_mb_shared, raw->cipher, k->enc, k->dec);
	}
	pad_hash(digest, raw->mac, 0x36, k->ipad);
	pad_hash(digest, raw->mac, 0x5c, k->opad);
	IMB_AES_KEYEXP_128(ipsec_mb_shared, raw->iv, k->iv, unused);
	explicit_bzero(unused, sizeof(unused));
}

// What both directions of a job have in common.
static IMB_JOB *job_begin(IMB_MGR *mgr, struct cbc_op *op, uint8_t *mac)
{
	const struct keys *k = keys_of(op->key);
	uint8_t *iv = op->data + op->key->mac_bytes;
	uint8_t iv_bytes = op->key->iv_bytes;
	IMB_JOB *job = IMB_GET_NEXT_JOB(mgr);

	job->cipher_mode = iv_bytes ? IMB_CIPHER_CBC : IMB_CIPHER_NULL;
	job->hash_alg = hash_algs[op->key->digest];
	job->enc_keys = k->enc;
	job->dec_keys = k->dec;
	// The library picks its code by the length, even where there is no key.
	job->key_len_in_bytes = iv_bytes ? cipher_key_bytes(op->key->cipher) : 16;
	job->src = iv;
	job->dst = iv + iv_bytes;
	job->cipher_start_src_offset_in_bytes = iv_bytes;
	job->msg_len_to_cipher_in_bytes = op->len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = iv_bytes + op->len;
	job->iv = iv;
	job->iv_len_in_bytes = iv_bytes;
	job->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = k->opad;
	job->auth_tag_output = mac;
	job->auth_tag_output_len_in_bytes = op->key->mac_bytes;
	job->user_data = op;
	return job;
}

// IV = AES of the number under the key for IVs (as CFB of a block of zeros, a direct call): distinct,
// and unpredictable to all who lack that key.
static void iv_write(const struct cbc_op *op)
{
	alignas(16) uint8_t block[CBC_IV_BYTES] = {0};
	static const alignas(16) uint8_t zero[CBC_IV_BYTES];

	memcpy(block, &op->number, sizeof(op->number));
	IMB_AES128_CFB_ONE(ipsec_mb_shared, op->data + op->key->mac_bytes, zero, block,
		keys_of(op->key)->iv, CBC_IV_BYTES);
}

static void seal_some(IMB_MGR *mgr, struct cbc_op *ops, unsigned int n)
{
	IMB_JOB *job;

	for (unsigned int i = 0; i < n; i++) {
		if (ops[i].key->iv_bytes)
			iv_write(&ops[i]);
		job = job_begin(mgr, &ops[i], ops[i].data);
		job->cipher_direction = IMB_DIR_ENCRYPT;
		job->chain_order = IMB_ORDER_CIPHER_HASH;
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job;)
			job = IMB_GET_COMPLETED_JOB(mgr);
	}
	while (IMB_FLUSH_JOB(mgr))
		;
}

void cbc_seal_burst(struct crypto *c, struct cbc_op *ops, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += JOBS_MAX)
		seal_some(ipsec_mb_jobs(c), ops + i, n - i < JOBS_MAX ? n - i : JOBS_MAX);
}

// In constant time: all bytes are compared whatever they are.
static bool macs_are_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

static unsigned int judge(const IMB_JOB *job)
{
	struct cbc_op *op = job->user_data;

	op->ok = macs_are_equal(job->auth_tag_output, op->data, op->key->mac_bytes);
	return op->ok;
}

static unsigned int open_some(IMB_MGR *mgr, struct cbc_op *ops, unsigned int n)
{
	alignas(64) uint8_t macs[JOBS_MAX][DIGEST_BYTES_MAX];
	unsigned int ok = 0;
	IMB_JOB *job;

	for (unsigned int i = 0; i < n; i++) {
		ops[i].ok = false;
		job = job_begin(mgr, &ops[i], macs[i]);
		job->cipher_direction = IMB_DIR_DECRYPT;
		job->chain_order = IMB_ORDER_HASH_CIPHER;
		for (job = IMB_SUBMIT_JOB_NOCHECK(mgr); job; job = IMB_GET_COMPLETED_JOB(mgr))
			ok += judge(job);
	}
	while ((job = IMB_FLUSH_JOB(mgr)))
		ok += judge(job);
	return ok;
}

unsigned int cbc_open_burst(struct crypto *c, struct cbc_op *ops, unsigned int n)
{
	unsigned int ok = 0, some;

	for (unsigned int i = 0; i < n; i += some) {
		some = n - i < JOBS_MAX ? n - i : JOBS_MAX;
		ok += open_some(ipsec_mb_jobs(c), ops + i, some);
	}
	return ok;
}
