// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/peer_info.h"

#include <string.h>

#define LINES_MAX 256 // the rest is not looked at

// One line, "KEY=VALUE" without its end.
struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool is_key_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

// By hand: isprint() depends on the locale.
static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static bool split_line(struct line *l, const char *text, size_t len)
{
	const char *eq = memchr(text, '=', len);

	if (eq == NULL || eq == text)
		return false;
	l->key = text;
	l->key_len = (size_t)(eq - text);
	l->value = eq + 1;
	l->value_len = len - l->key_len - 1;
	for (size_t i = 0; i < l->key_len; i++) {
		if (!is_key_char(l->key[i]))
			return false;
	}
	for (size_t i = 0; i < l->value_len; i++) {
		if (!is_printable(l->value[i]))
			return false;
	}
	return true;
}

static bool line_is(const struct line *l, const char *key)
{
	return l->key_len == strlen(key) && memcmp(l->key, key, l->key_len) == 0;
}

static bool take_text(char *out, size_t room, const struct line *l)
{
	if (out[0] != '\0' || l->value_len >= room)
		return false;
	memcpy(out, l->value, l->value_len);
	out[l->value_len] = '\0';
	return true;
}

// Plain decimal without sign.
static bool take_number(uint32_t *out, const struct line *l, uint32_t max)
{
	uint64_t v = 0;

	if (*out != 0 || l->value_len == 0 || l->value_len > 10)
		return false;
	for (size_t i = 0; i < l->value_len; i++) {
		if (l->value[i] < '0' || l->value[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(l->value[i] - '0');
	}
	if (v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool take_flag(bool *out, const struct line *l)
{
	uint32_t v = 0;

	if (!take_number(&v, l, 1))
		return false;
	*out = v == 1;
	return true;
}

// Smaller than any IPv4 host must accept, and IPv4 would not work in it.
#define MTU_MIN 576

static bool take_mtu(uint16_t *out, const struct line *l)
{
	uint32_t v = *out;

	if (!take_number(&v, l, UINT16_MAX) || v < MTU_MIN)
		return false;
	*out = (uint16_t)v;
	return true;
}

// False if a line of ours is no good. Keys that we do not know are fine.
static bool take_line(struct peer_info *pi, const struct line *l)
{
	if (line_is(l, "IV_VER"))
		return take_text(pi->ver, sizeof(pi->ver), l);
	if (line_is(l, "IV_PLAT"))
		return take_text(pi->plat, sizeof(pi->plat), l);
	if (line_is(l, "IV_GUI_VER"))
		return take_text(pi->gui_ver, sizeof(pi->gui_ver), l);
	if (line_is(l, "IV_CIPHERS"))
		return take_text(pi->ciphers, sizeof(pi->ciphers), l);
	if (line_is(l, "IV_PROTO"))
		return take_number(&pi->proto, l, UINT32_MAX);
	if (line_is(l, "IV_NCP"))
		return take_number(&pi->ncp, l, UINT32_MAX);
	if (line_is(l, "IV_MTU"))
		return take_mtu(&pi->mtu, l);
	if (line_is(l, "IV_TCPNL"))
		return take_flag(&pi->tcp_nonlinear, l);
	if (line_is(l, "IV_COMP_STUBv2"))
		return take_flag(&pi->comp_stub_v2, l);
	return true;
}

void peer_info_parse(struct peer_info *pi, const char *text, size_t len)
{
	const char *end = text + strnlen(text, len);

	memset(pi, 0, sizeof(*pi));
	while (text < end && pi->lines < LINES_MAX) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;
		struct line l;

		pi->lines++;
		if (!split_line(&l, text, (size_t)(stop - text)) || !take_line(pi, &l))
			pi->skipped++;
		text = newline != NULL ? newline + 1 : end;
	}
}

bool peer_info_is_openvpn3(const struct peer_info *pi)
{
	return pi->ver[0] == '3' && pi->ver[1] == '.';
}

bool peer_info_is_before_24(const struct peer_info *pi)
{
	const char *v = pi->ver;
	bool later = v[0] == '3' || (v[0] == '2' && v[1] == '.' && v[2] >= '4');

	return pi->ncp == 0 && pi->ciphers[0] == '\0' && !later;
}

bool peer_info_knows_ipv6_only(const struct peer_info *pi)
{
	// 2.5 was the first to announce that it takes PUSH_REPLY unasked.
	return (pi->proto & PEER_PROTO_REQUEST_PUSH) != 0 || peer_info_is_openvpn3(pi);
}
