// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What does not depend on the engine: the known-answer test at start.

#include "dataplane/cbc.h"

#include <string.h>

#include "dataplane/kat.h"

#define KAT_BYTES 64
#define KAT_LONG_BYTES 1504
#define KAT_NUMBER 0x01020304u

// Published are the ciphertexts of NIST SP 800-38A (F.2.1, F.2.3, F.2.5), which are opened with the
// MAC beside them. And so that the wide loops of an engine run as well: the MAC over the packet
// that sealing KAT_LONG_BYTES bytes i & 0xff as number KAT_NUMBER makes. HMAC keys are bytes
// 00, 01, ...; the key of IVs is f0 ... ff. (MACs computed with python3-cryptography; an IV is the
// AES-128-ECB of the number, little-endian, and 12 zeros. Of none: HMAC of the published plaintext,
// and of the long text.)
static const char kat_iv[] = "000102030405060708090a0b0c0d0e0f";
#define KAT_PLAIN \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

struct kat {
	const char *key, *sealed;
	struct {
		const char *mac, *long_mac;
	} answers[DIGEST_COUNT];
};

static const struct kat kats[CIPHER_COUNT - CIPHER_AEAD_COUNT] = {
	[CIPHER_AES_128_CBC - CIPHER_AEAD_COUNT] =
		{
			.key = "2b7e151628aed2a6abf7158809cf4f3c",
			.sealed =
				"7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
				"73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
			.answers =
				{
					[DIGEST_SHA1] = {"b71ee38ea71d0070332223ce364721d2bf1dde56",
						"eae91f6874c05715988dc6ced36837b3972fdb58"},
					[DIGEST_SHA256] = {"573958a6afdcb650458dcba68410d4c1be0d533f5bfca50471e679c5b09f94d3",
						"9ebbc16b4cf3da47155fa6bca94d5fe33b3561946d57ab3325a4d25b55da02b6"},
					[DIGEST_SHA384] =
						{"be2de1a02d278c5abc28f1879221e80766d035acdff81af4bbe2e7f22dec9203"
						 "ab777719ce3cab9030fca8c39e7920b1",
							"94fa391cedd90e592a7c8ec3c00a531e8816ddc382d02f96d2564c3a8b84b0b9"
							"2c63b0d88bd9c2a3a3376f0a20c9fee9"},
					[DIGEST_SHA512] = {"271336a4db2ef0e18ce8d73e2e22d7567651861f08730dd4928b0dcff64018ed"
							   "a8944a5e225e8b560d340248a7872f628852d0aa12da730773f99169734e5348",
						"86f31609ed7981082050c27764a3f087c91e9efffe3def22892f29d58aabc4db"
						"51c2148addb5662e53c129ec26972d2fc1156a86213c96435a979baae95a4a2f"},
				},
		},
	[CIPHER_AES_192_CBC - CIPHER_AEAD_COUNT] =
		{
			.key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
			.sealed =
				"4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
				"571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
			.answers =
				{
					[DIGEST_SHA1] = {"920ca3058990769353216b26f2ef51c6f8dc2fed",
						"9266f3c399cbde2864c9936ee57bf7a0c6f95bc2"},
					[DIGEST_SHA256] = {"6a9fab68f1b39c829cbf2a4470307358f004069a99a7ed62c7987d6b61183f3e",
						"6f525f442e1a9efdce1efbe9092396382e8bfd06d15932b74611af92e97db359"},
					[DIGEST_SHA384] =
						{"d8d89862e2c4ce78ee671109e912bd56d52cb97fa8887bf897d4466def00e15e"
						 "7cdcd4dcc3859e65ec76787fc7ceabf0",
							"98aa7e5d363918d339d4e3c2342ec7e27bc83103603db60c6f08412457d446c8"
							"cb49c511fb3147878908d5f544ab7072"},
					[DIGEST_SHA512] = {"f9d8dfdf1d16748606c0b4141535a2c4cd7e1bc72aa217f50cbd41b919dcb837"
							   "0672255d6e151595f56e4a07dbd665a0d6ae2126277d1355572ef3812c0ce8e8",
						"3820644f90972e86145d28b588c7e6c4f2bb9f996fd6004669ec19e75024d27b"
						"49240ca6d28d13607e821613f0e1136581a359277b26a272778298f0ee0387b7"},
				},
		},
	[CIPHER_AES_256_CBC - CIPHER_AEAD_COUNT] =
		{
			.key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
			.sealed =
				"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
				"39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
			.answers =
				{
					[DIGEST_SHA1] = {"474e6ff8fd057dade95595a81a98bdd95b1e9ae0",
						"cbf0cf0b90be526e51ad2c12c38b8a5169721b67"},
					[DIGEST_SHA256] = {"847d020d0a8df1ae73c79a03467353017a44b0ca78a7be64b0a0d52749a25cf6",
						"993bb6d9eaf6ab0ea827025e1974de122624ffbefb4fa07d95e36c85973a859e"},
					[DIGEST_SHA384] =
						{"a5455305f6b16065a1e92c34fd5897778c791527f892855d9dadfc4599584689"
						 "c474b754e3a59931d3252b897d13b6d7",
							"d32564d9fbb2dc0f4b60c7458dedf1a0cd9cc20ff9c5a86919402a8d4b9b2952"
							"354f5406975feb4aa1df95997a96d56f"},
					[DIGEST_SHA512] = {"ef694ee477aa4860d915c5edc63dfb85f60d5313d91e9fa9133b974ede931e64"
							   "3a4c37a321f892c7864c86c28787b3757dc4113c392f4407cf02ad0a776fa264",
						"106cbd2ec367164a90f8d6c7490f99d090333f2e5e4127ac33c3b4bfa73959a3"
						"cac5c7f60e18ff9c4d2478fc166d060a4affb971c4eb1f04c691fc72a5695ef1"},
				},
		},
	[CIPHER_NONE - CIPHER_AEAD_COUNT] =
		{
			.key = "",
			.sealed = KAT_PLAIN,
			.answers =
				{
					[DIGEST_SHA1] = {"39c9d07367689b06eeb528f791a5ac53010988af",
						"d52dfd033796ddeecae469cb6253621fc58509a7"},
					[DIGEST_SHA256] = {"615ea0488ce0a5d8a602f885ce9f54b355caeb118892ef3a645eccda1c391931",
						"0eb08d8d5f5265e155a5894646bb44457d46bac6a4ff5c2ef77fb300ba5f71a1"},
					[DIGEST_SHA384] =
						{"a464b6a37ced634b6a332e5e9520d6514b1c96786cbc59ac141729a3dcb92f7c"
						 "76de568c0d97bc7d545430c4ae3b04c0",
							"67217a272be5f45dbaddb5c2c9640182e0cb45d1f35de780e8b9c0d21d2ac7b8"
							"58fa1920da925f7436e2b45bc23489fa"},
					[DIGEST_SHA512] = {"dcc998bc8070b4be32f6ecae88d68ddddebf862298b071a34b19fb06e492cd60"
							   "967b28ac38d9bb7fd8ea41019dca3d049818245debc3b6ffd0fc6f66735c8ecd",
						"6ef4c481e20e44bf49038277d95623e047f356401ad5010381cf5ed60239a677"
						"4e550a69f910449fdc1c03d9f46e480d1d1239672d5b8d93795b488065a3ae08"},
				},
		},
};

struct packet {
	uint8_t data[DIGEST_BYTES_MAX + CBC_IV_BYTES + KAT_LONG_BYTES];
	struct cbc_key key;
	struct cbc_op op;
	uint8_t *text;
};

static void packet_begin(
	struct packet *p, enum cipher cipher, enum digest digest, const struct kat *kat)
{
	struct cbc_raw raw;

	for (unsigned int i = 0; i < sizeof(raw.mac); i++)
		raw.mac[i] = (uint8_t)i;
	for (unsigned int i = 0; i < sizeof(raw.iv); i++)
		raw.iv[i] = (uint8_t)(0xf0 + i);
	kat_hex(raw.cipher, cipher_key_bytes(cipher), kat->key);
	cbc_key_init(&p->key, cipher, digest, &raw);
	p->op = (struct cbc_op){.key = &p->key, .data = p->data, .number = KAT_NUMBER};
	p->text = p->data + cbc_head_bytes(&p->key);
}

static bool opens(struct crypto *c, struct packet *p)
{
	return cbc_open_burst(c, &p->op, 1) == 1 && p->op.ok;
}

// A MAC with its last bit wrong must be refused.
static bool is_refused_when_forged(struct crypto *c, struct packet *p)
{
	uint8_t *last = p->data + p->key.mac_bytes - 1;
	uint8_t sealed[KAT_LONG_BYTES];
	bool refused;

	memcpy(sealed, p->text, p->op.len);
	*last ^= 0x01;
	p->op.ok = true;
	refused = cbc_open_burst(c, &p->op, 1) == 0 && !p->op.ok;
	*last ^= 0x01;
	memcpy(p->text, sealed, p->op.len);
	return refused;
}

static bool opens_published(struct crypto *c, struct packet *p, const struct kat *kat)
{
	uint8_t plain[KAT_BYTES];

	kat_hex(plain, sizeof(plain), KAT_PLAIN);
	kat_hex(p->data, p->key.mac_bytes, kat->answers[p->key.digest].mac);
	kat_hex(p->data + p->key.mac_bytes, p->key.iv_bytes, kat_iv);
	kat_hex(p->text, KAT_BYTES, kat->sealed);
	p->op.len = KAT_BYTES;
	return is_refused_when_forged(c, p) && opens(c, p) &&
	       memcmp(p->text, plain, KAT_BYTES) == 0;
}

static bool seals_long(struct crypto *c, struct packet *p, const struct kat *kat)
{
	uint8_t mac[DIGEST_BYTES_MAX];

	kat_hex(mac, p->key.mac_bytes, kat->answers[p->key.digest].long_mac);
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		p->text[i] = (uint8_t)i;
	p->op.len = KAT_LONG_BYTES;
	cbc_seal_burst(c, &p->op, 1);
	if (memcmp(p->data, mac, p->key.mac_bytes) != 0 || !is_refused_when_forged(c, p) ||
		!opens(c, p))
		return false;
	for (unsigned int i = 0; i < KAT_LONG_BYTES; i++)
		if (p->text[i] != (uint8_t)i)
			return false;
	return true;
}

static bool self_test(
	struct crypto *c, enum cipher cipher, enum digest digest, const struct kat *kat)
{
	struct packet p;

	packet_begin(&p, cipher, digest, kat);
	return opens_published(c, &p, kat) && seals_long(c, &p, kat);
}

const char *cbc_self_test(struct crypto *c)
{
	for (int i = CIPHER_AEAD_COUNT; i < CIPHER_COUNT; i++)
		for (int d = 0; d < DIGEST_COUNT; d++)
			if (!self_test(c, (enum cipher)i, (enum digest)d,
				    &kats[i - CIPHER_AEAD_COUNT]))
				return "known-answer test of AES-CBC or none with HMAC failed";
	return NULL;
}

void cbc_key_wipe(struct cbc_key *key)
{
	explicit_bzero(key, sizeof(*key));
}
