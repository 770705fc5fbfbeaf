// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"b", 1}, {"kb", 1ull << 10}, {"mb", 1ull << 20},
	{"gb", 1ull << 30}, {"tb", 1ull << 40}, {NULL, 0}};

// Digits at the start of text. -1: none, or too large.
static int read_digits(const char *text, uint64_t *out, const char **rest)
{
	uint64_t n = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return -1;
	}
	*out = n;
	*rest = text;
	return 0;
}

static int read_unit(const char *text, const struct unit *units, uint64_t *out)
{
	const char *rest;
	uint64_t n;

	if (read_digits(text, &n, &rest) < 0)
		return -1;
	for (; units->name; units++)
		if (strcasecmp(rest, units->name) == 0)
			return __builtin_mul_overflow(n, units->factor, out) ? -1 : 0;
	return -1;
}

int conf_read_u64(const char *text, uint64_t *out)
{
	const char *rest;

	return read_digits(text, out, &rest) < 0 || *rest ? -1 : 0;
}

int conf_read_bool(const char *text, bool *out)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(text, words[i]) != 0)
			continue;
		*out = i & 1;
		return 0;
	}
	return -1;
}

int conf_read_duration(const char *text, uint64_t *seconds)
{
	return read_unit(text, durations, seconds);
}

int conf_read_size(const char *text, uint64_t *bytes)
{
	return read_unit(text, sizes, bytes);
}

int conf_read_addr(const char *text, struct conf_addr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->addr) == 1) {
		out->family = 4;
		return 0;
	}
	memset(out, 0, sizeof(*out));
	// An IPv4 address in IPv6 clothes would not be found equal to itself.
	if (inet_pton(AF_INET6, text, out->addr) != 1 || memcmp(out->addr, mapped, 12) == 0)
		return -1;
	out->family = 6;
	return 0;
}

// Clears the bits behind len; true if any was set.
static bool mask(uint8_t addr[16], unsigned int len)
{
	bool had = false;

	for (unsigned int i = 0; i < 16; i++) {
		uint8_t keep = len >= 8 * (i + 1) ? 0xff
			       : len > 8 * i      ? (uint8_t)(0xff << (8 * (i + 1) - len))
						  : 0;

		had = had || (addr[i] & (uint8_t)~keep);
		addr[i] &= keep;
	}
	return had;
}

int conf_read_prefix(const char *text, struct conf_prefix *out, bool *host_bits)
{
	const char *slash = strchr(text, '/');
	struct conf_addr a;
	char copy[INET6_ADDRSTRLEN];
	uint64_t len;

	memset(out, 0, sizeof(*out));
	if (!slash || (size_t)(slash - text) >= sizeof(copy))
		return -1;
	memcpy(copy, text, (size_t)(slash - text));
	copy[slash - text] = '\0';
	if (conf_read_addr(copy, &a) < 0 || conf_read_u64(slash + 1, &len) < 0)
		return -1;
	if (len > (a.family == 4 ? 32 : 128))
		return -1;
	out->family = a.family;
	out->len = (uint8_t)len;
	memcpy(out->addr, a.addr, sizeof(out->addr));
	*host_bits = mask(out->addr, out->len);
	return 0;
}

int conf_read_fingerprint(const char *text, struct conf_fingerprint *out)
{
	unsigned int byte;

	for (size_t i = 0; i < CONF_FINGERPRINT_BYTES; i++) {
		if (i > 0 && *text == ':')
			text++;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
			sscanf(text, "%2x", &byte) != 1)
			return -1;
		out->sha256[i] = (uint8_t)byte;
		text += 2;
	}
	return *text ? -1 : 0;
}

int conf_read_lcores(const char *text, uint16_t *list, size_t max)
{
	uint64_t from, to, last = 0;
	size_t n = 0;

	for (;;) {
		if (read_digits(text, &from, &text) < 0)
			return -1;
		to = from;
		if (*text == '-' && read_digits(text + 1, &to, &text) < 0)
			return -1;
		if (to < from || to > 1023 || (n && from <= last) || to - from >= max - n)
			return -1;
		for (; from <= to; from++)
			list[n++] = (uint16_t)from;
		last = to;
		if (!*text)
			return (int)n;
		if (*text++ != ',')
			return -1;
	}
}

const char *conf_text_duration(char out[CONF_TEXT_BYTES], uint64_t seconds)
{
	if (seconds > 86400 && seconds % 86400 == 0)
		snprintf(out, CONF_TEXT_BYTES, "%llud", (unsigned long long)seconds / 86400);
	else if (seconds > 3600 && seconds % 3600 == 0)
		snprintf(out, CONF_TEXT_BYTES, "%lluh", (unsigned long long)seconds / 3600);
	else
		snprintf(out, CONF_TEXT_BYTES, "%llus", (unsigned long long)seconds);
	return out;
}

const char *conf_text_size(char out[CONF_TEXT_BYTES], uint64_t bytes)
{
	const struct unit *u = &sizes[5];

	while (u->factor > 1 && (bytes < u->factor || bytes % u->factor))
		u--;
	snprintf(out, CONF_TEXT_BYTES, "%llu%s", (unsigned long long)(bytes / u->factor), u->name);
	return out;
}

const char *conf_text_addr(char out[CONF_TEXT_BYTES], const struct conf_addr *a)
{
	if (!a->family ||
		!inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->addr, out, CONF_TEXT_BYTES))
		snprintf(out, CONF_TEXT_BYTES, "-");
	return out;
}

const char *conf_text_prefix(char out[CONF_TEXT_BYTES], const struct conf_prefix *p)
{
	struct conf_addr a = {.family = p->family};
	size_t len;

	memcpy(a.addr, p->addr, sizeof(a.addr));
	len = strlen(conf_text_addr(out, &a));
	snprintf(out + len, CONF_TEXT_BYTES - len, "/%u", p->len);
	return out;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int len)
{
	unsigned int bytes = len / 8, bits = len % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return bits == 0 || (uint8_t)((a[bytes] ^ b[bytes]) >> (8 - bits)) == 0;
}

bool conf_prefix_overlaps(const struct conf_prefix *a, const struct conf_prefix *b)
{
	if (!a->family || a->family != b->family)
		return false;
	return same_bits(a->addr, b->addr, a->len < b->len ? a->len : b->len);
}

bool conf_prefix_has(const struct conf_prefix *p, const struct conf_addr *a)
{
	return p->family && p->family == a->family && same_bits(p->addr, a->addr, p->len);
}

bool conf_addr_equal(const struct conf_addr *a, const struct conf_addr *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

bool conf_addr_is_unicast(const struct conf_addr *a)
{
	static const uint8_t loopback6[16] = {[15] = 1}, none6[16];

	if (a->family == 4)
		return a->addr[0] != 0 && a->addr[0] != 127 && a->addr[0] < 224;
	return a->family == 6 && a->addr[0] != 0xff && memcmp(a->addr, none6, 16) != 0 &&
	       memcmp(a->addr, loopback6, 16) != 0;
}
