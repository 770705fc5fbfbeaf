// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/options_string.h"

#include "control/channel/tls_wrap.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// No cipher, here and everywhere else.
#define NULL_CIPHER "[null-cipher]"
#define NULL_CIPHER_NAME "none"

struct item {
	const char *text;
	size_t len;
};

static bool item_is_printable(const struct item *it)
{
	for (size_t i = 0; i < it->len; i++) {
		if (it->text[i] < 0x20 || it->text[i] > 0x7e)
			return false;
	}
	return true;
}

static bool item_is(const struct item *it, const char *word)
{
	return it->len == strlen(word) && memcmp(it->text, word, it->len) == 0;
}

// Copies what follows "word " in the item; the first of two counts.
static void take_value(char *out, size_t room, const struct item *it, const char *word)
{
	size_t n = strlen(word);

	if (out[0] != '\0' || it->len <= n + 1 || memcmp(it->text, word, n) != 0 ||
		it->text[n] != ' ' || it->len - n - 1 >= room)
		return;
	memcpy(out, it->text + n + 1, it->len - n - 1);
	out[it->len - n - 1] = '\0';
}

// Numbers that fit, without sign; others are not there.
static void take_number(uint16_t *out, const struct item *it, const char *word)
{
	char text[sizeof("65535")] = "";
	unsigned long v = 0;

	take_value(text, sizeof(text), it, word);
	if (*out != 0 || text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
		return;
	v = strtoul(text, NULL, 10);
	if (v <= UINT16_MAX)
		*out = (uint16_t)v;
}

static void take_item(struct options_string *o, const struct item *it)
{
	take_value(o->cipher, sizeof(o->cipher), it, "cipher");
	take_value(o->auth, sizeof(o->auth), it, "auth");
	take_number(&o->link_mtu, it, "link-mtu");
	take_number(&o->keysize, it, "keysize");
	if (item_is(it, "comp-lzo"))
		o->comp_lzo = true;
	if (item_is(it, "mtu-dynamic"))
		o->mtu_dynamic = true;
	if (item_is(it, "dev-type tap"))
		o->dev_tap = true;
}

void options_string_parse(struct options_string *o, const char *text, size_t len)
{
	const char *end = text + strnlen(text, len);

	memset(o, 0, sizeof(*o));
	while (text < end) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		struct item it = {text, (size_t)((comma != NULL ? comma : end) - text)};

		if (item_is_printable(&it))
			take_item(o, &it);
		text = comma != NULL ? comma + 1 : end;
	}
	if (strcmp(o->cipher, NULL_CIPHER) == 0)
		memcpy(o->cipher, NULL_CIPHER_NAME, sizeof(NULL_CIPHER_NAME));
}

// Numbers that the client does not say are those of a 2.x server with default settings. 2.5 and
// older give up if the string is empty.
int options_string_compose(char *out, size_t room, const struct options_string *client,
	const char *cipher, const char *digest, const struct tls_wrap_key *wrap)
{
	static const char *const directions[] = {
		[TLS_WRAP_BOTH] = "",
		[TLS_WRAP_NORMAL] = "keydir 0,",
		[TLS_WRAP_INVERSE] = "keydir 1,",
	};
	const char *auth = client->auth[0] != '\0' ? client->auth : "SHA1";
	unsigned int link_mtu = client->link_mtu ? client->link_mtu : 1549;
	unsigned int keysize = client->keysize ? client->keysize : 128;
	int n;

	cipher = cipher ? cipher : client->cipher;
	if (strcmp(cipher, NULL_CIPHER_NAME) == 0)
		cipher = NULL_CIPHER;
	n = snprintf(out, room,
		"V4,dev-type tun,link-mtu %u,tun-mtu 1500,proto UDPv4,%s%s%s%s%s"
		"auth %s,keysize %u,%skey-method 2,tls-server",
		link_mtu, client->comp_lzo ? "comp-lzo," : "", directions[tls_wrap_direction(wrap)],
		cipher[0] ? "cipher " : "", cipher, cipher[0] ? "," : "", digest ? digest : auth,
		keysize, tls_wrap_mode(wrap) == TLS_WRAP_AUTH ? "tls-auth," : "");
	return n < 0 || (size_t)n >= room ? -EMSGSIZE : n;
}
