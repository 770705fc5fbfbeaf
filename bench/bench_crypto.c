// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Nanoseconds per packet of the crypto engine in bursts, as the paths call it, for every cipher.
// Beside it OpenSSL's EVP, and for AES-GCM intel-ipsec-mb's own calls in the tightest loop.

#include "bench/cache.h"
#include "bench/evp.h"
#include "bench/options.h"
#include "bench/series.h"
#include "dataplane/crypto.h"
#include "dataplane/ipsec_mb.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define PACKETS (BURST * 16)
#define COLD (BURST * 2) // of them, not counted
#define HEAD_BYTES (DIGEST_BYTES_MAX + CBC_IV_BYTES)
#define TEXT_BYTES_MAX 9008
#define SLOT_BYTES (HEAD_BYTES + TEXT_BYTES_MAX + PROTO_TAG_BYTES)

struct bench_case {
	enum cipher cipher;
	enum digest digest;
	bool seal;
	uint32_t bytes; // 0: IMIX
	uint32_t keys;
};

// Who does the work of a round.
enum who { ENGINE, OPENSSL, IPSEC_MB };

struct bed {
	struct bench_case c;
	struct crypto *crypto;
	struct evp *evp;
	void *keys; // struct aead_key or cbc_key, c.keys of them
	struct aead_op aead[PACKETS];
	struct cbc_op cbc[PACKETS];
};

static uint8_t slots[PACKETS][SLOT_BYTES];
static const uint8_t aad[PROTO_DATA_V2_AAD_BYTES];
static struct bed bed;

static bool is_cbc(const struct bench_case *c)
{
	return c->cipher >= CIPHER_AEAD_COUNT;
}

static bool is_gcm(const struct bench_case *c)
{
	return c->cipher <= CIPHER_AES_256_GCM;
}

static uint32_t text_bytes(const struct bench_case *c, unsigned int i)
{
	static const uint16_t imix[] = {64, 64, 576, 64, 64, 576, 64, 1408, 64, 576, 64, 576};

	return c->bytes ? c->bytes : imix[i % (sizeof(imix) / sizeof(imix[0]))];
}

static void *must_alloc(size_t bytes)
{
	void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!p) {
		fprintf(stderr, "bench_crypto: no memory for %zu bytes of keys\n", bytes);
		exit(1);
	}
	return p;
}

static void keys_make(void)
{
	const struct bench_case *c = &bed.c;
	uint8_t raw[CIPHER_KEY_BYTES_MAX] = {0};
	struct cbc_raw cbc = {0};
	struct aead_key *aead_keys;
	struct cbc_key *cbc_keys;

	bed.keys = must_alloc(c->keys * (is_cbc(c) ? sizeof(*cbc_keys) : sizeof(*aead_keys)));
	aead_keys = bed.keys;
	cbc_keys = bed.keys;
	// The first key is OpenSSL's, too.
	for (uint32_t i = 0; i < c->keys; i++) {
		memcpy(raw, &i, sizeof(i));
		memcpy(cbc.cipher, &i, sizeof(i));
		if (is_cbc(c))
			cbc_key_init(&cbc_keys[i], c->cipher, c->digest, &cbc);
		else
			aead_key_init(&aead_keys[i], c->cipher, raw);
	}
}

static void op_make(unsigned int i, uint32_t number)
{
	const struct bench_case *c = &bed.c;
	uint32_t key = c->keys > 1 ? (uint32_t)random() % c->keys : 0;
	uint8_t *data = slots[i];

	if (is_cbc(c)) {
		bed.cbc[i] = (struct cbc_op){.key = (struct cbc_key *)bed.keys + key,
			.data = data,
			.len = text_bytes(c, i),
			.number = number};
		return;
	}
	bed.aead[i] = (struct aead_op){.key = (struct aead_key *)bed.keys + key,
		.data = data,
		.len = text_bytes(c, i),
		.tag = data + SLOT_BYTES - PROTO_TAG_BYTES,
		.aad = aad,
		.aad_len = sizeof(aad)};
	memcpy(bed.aead[i].nonce, &number, sizeof(number));
}

static void engine_burst(unsigned int first, bool seal)
{
	if (is_cbc(&bed.c)) {
		if (seal)
			cbc_seal_burst(bed.crypto, &bed.cbc[first], BURST);
		else if (cbc_open_burst(bed.crypto, &bed.cbc[first], BURST) != BURST)
			abort();
	} else if (seal) {
		aead_seal_burst(bed.crypto, &bed.aead[first], BURST);
	} else if (aead_open_burst(bed.crypto, &bed.aead[first], BURST) != BURST) {
		abort();
	}
}

static void openssl_burst(unsigned int first)
{
	for (unsigned int i = first; i < first + BURST; i++) {
		if (is_cbc(&bed.c))
			evp_cbc(bed.evp, &bed.cbc[i]);
		else
			evp_aead(bed.evp, &bed.aead[i]);
	}
}

static aes_gcm_enc_dec_t gcm_call(const struct bench_case *c)
{
	const IMB_MGR *m = ipsec_mb_shared;

	switch (c->cipher) {
	case CIPHER_AES_128_GCM:
		return c->seal ? m->gcm128_enc : m->gcm128_dec;
	case CIPHER_AES_192_GCM:
		return c->seal ? m->gcm192_enc : m->gcm192_dec;
	default:
		return c->seal ? m->gcm256_enc : m->gcm256_dec;
	}
}

static void ipsec_mb_burst(unsigned int first, aes_gcm_enc_dec_t call)
{
	struct gcm_context_data ctx;
	uint8_t tag[PROTO_TAG_BYTES];

	for (unsigned int i = first; i < first + BURST; i++) {
		const struct aead_op *op = &bed.aead[i];

		call((const struct gcm_key_data *)op->key->opaque, &ctx, op->data, op->data,
			op->len, op->nonce, op->aad, op->aad_len, tag, PROTO_TAG_BYTES);
	}
}

// Fresh packets, in cache; keys swept out of it if there are many.
static void round_prepare(void)
{
	static uint32_t number;

	for (unsigned int i = 0; i < PACKETS; i++)
		op_make(i, ++number);
	for (unsigned int i = 0; !bed.c.seal && i < PACKETS; i += BURST)
		engine_burst(i, true);
	if (bed.c.keys > 1)
		cache_sweep();
	for (unsigned int i = 0; i < PACKETS; i++)
		cache_touch(slots[i], HEAD_BYTES + text_bytes(&bed.c, i));
}

// Nanoseconds per packet.
static double round_run(enum who who)
{
	aes_gcm_enc_dec_t call = gcm_call(&bed.c);
	uint64_t cycles = 0;

	round_prepare();
	for (unsigned int i = 0; i < PACKETS; i += BURST) {
		uint64_t begin = rte_rdtsc_precise();

		if (who == ENGINE)
			engine_burst(i, bed.c.seal);
		else if (who == OPENSSL)
			openssl_burst(i);
		else
			ipsec_mb_burst(i, call);
		if (i >= COLD)
			cycles += rte_rdtsc_precise() - begin;
	}
	return (double)cycles * 1e9 / (double)options_tsc_hz() / (PACKETS - COLD);
}

static json_t *parameters(const struct bench_case *c)
{
	char cipher[32];
	json_t *p;

	snprintf(cipher, sizeof(cipher), "%s%s%s", cipher_name(c->cipher), is_cbc(c) ? "/" : "",
		is_cbc(c) ? digest_name(c->digest) : "");
	p = json_pack("{s:s, s:s, s:i}", "direction", c->seal ? "seal" : "open", "cipher", cipher,
		"keys", (int)c->keys);
	if (!p)
		abort();
	json_object_set_new(p, "size", c->bytes ? json_integer(c->bytes) : json_string("imix"));
	return p;
}

static void run(const struct bench_case *c, unsigned int rounds)
{
	struct series engine = {0}, openssl = {0}, ipsec_mb = {0};
	struct result r = {.bench = "crypto", .unit = "ns/pkt", .reference = "openssl"};

	bed.c = *c;
	keys_make();
	bed.evp = evp_new(c->cipher, c->digest, c->seal);
	for (unsigned int i = 0; i < rounds; i++) {
		series_add(&engine, round_run(ENGINE));
		series_add(&openssl, round_run(OPENSSL));
		if (is_gcm(c))
			series_add(&ipsec_mb, round_run(IPSEC_MB));
	}
	r.parameters = parameters(c);
	series_report(&r, &engine, &openssl);
	if (is_gcm(c)) {
		r.parameters = parameters(c);
		r.reference = "ipsec-mb";
		series_report(&r, &engine, &ipsec_mb);
	}
	evp_free(bed.evp);
	free(bed.keys);
}

static void run_sizes(struct bench_case c, const struct options *o)
{
	static const uint32_t all[] = {16, 64, 256, 512, 1408, 4096, 9008, 0}, few[] = {64, 1408};
	unsigned int n = o->quick ? 2 : sizeof(all) / sizeof(all[0]);

	for (unsigned int i = 0; i < n; i++) {
		c.bytes = o->quick ? few[i] : all[i];
		c.seal = true;
		run(&c, o->rounds);
		c.seal = false;
		run(&c, o->rounds);
	}
}

static void run_keys(const struct options *o)
{
	static const uint32_t keys[] = {100, 10000, 100000};
	struct bench_case c = {.cipher = CIPHER_AES_256_GCM};

	for (unsigned int i = o->quick ? 2 : 0; i < 3; i++) {
		c.keys = keys[i];
		for (int j = 0; j < 4; j++) {
			c.bytes = j & 1 ? 1408 : 64;
			c.seal = j & 2;
			run(&c, o->rounds);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = options_parse("bench_crypto", argc, argv);
	const char *why = NULL;

	if (crypto_init(&why)) {
		fprintf(stderr, "bench_crypto: %s\n", why);
		return 1;
	}
	bed.crypto = crypto_new();
	if (!bed.crypto)
		return 1;
	for (int c = 0; c < CIPHER_AEAD_COUNT; c++)
		run_sizes((struct bench_case){.cipher = (enum cipher)c, .keys = 1}, &o);
	for (int d = 0; d < DIGEST_COUNT; d++)
		run_sizes(
			(struct bench_case){
				.cipher = CIPHER_AES_256_CBC, .digest = (enum digest)d, .keys = 1},
			&o);
	run_keys(&o);
	return 0;
}
