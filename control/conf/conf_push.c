// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_push.h"

#include <string.h>

static bool begins_with_word(const char *text, const char *const *words)
{
	size_t len = strcspn(text, " ");

	for (; *words; words++)
		if (strlen(*words) == len && memcmp(*words, text, len) == 0)
			return true;
	return false;
}

const struct conf_line *conf_push_ours(const struct conf_line *lines, size_t count)
{
	static const char *const ours[] = {"peer-id", "cipher", "protocol-flags", "key-derivation",
		"topology", "ifconfig", "ifconfig-ipv6", "route-gateway", "tun-mtu", "ping",
		"ping-restart", "auth-token", "push-continuation", "comp-lzo", "compress", NULL};

	for (size_t i = 0; i < count; i++)
		if (begins_with_word(lines[i].text, ours))
			return &lines[i];
	return NULL;
}

bool conf_push_is_taken(const char *text)
{
	static const char *const taken[] = {"route", "route-ipv6", "route-metric", "route-delay",
		"route-method", "redirect-gateway", "redirect-private", "block-ipv6", "block-ipv4",
		"block-outside-dns", "register-dns", "dhcp-option", "dns", "ping-exit",
		"ping-timer-rem", "inactive", "session-timeout", "explicit-exit-notify", "sndbuf",
		"rcvbuf", "socket-flags", "setenv-safe", "setenv", "echo", "persist-tun",
		"persist-key", "verb", "mute", "shaper", "client-nat", "tun-ipv6", "topology",
		"dhcp-renew", "dhcp-release", "auth-token-user", "auth-retry", NULL};

	return begins_with_word(text, taken);
}

const struct conf_line *conf_push_vital(
	const struct conf_line *removed, size_t count, const char **option)
{
	static const char *const vital[] = {"peer-id", "cipher", "protocol-flags", "key-derivation",
		"topology", "ifconfig", "ifconfig-ipv6", "tun-mtu"};

	for (size_t i = 0; i < count; i++) {
		const char *text = removed[i].text;

		for (size_t j = 0; j < sizeof(vital) / sizeof(vital[0]); j++) {
			if (strncmp(vital[j], text, strcspn(text, " ")) != 0)
				continue;
			*option = vital[j];
			return &removed[i];
		}
	}
	return NULL;
}

// No text of the list begins such an option.
static bool is_left(const char *option, const struct conf_line *removed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(option, removed[i].text, strlen(removed[i].text)) == 0)
			return false;
	return true;
}

size_t conf_push_subnets(const struct conf_gateway *g)
{
	bool left4 = is_left("route ", g->push_remove, g->push_remove_count);
	bool left6 = is_left("route-ipv6 ", g->push_remove, g->push_remove_count);
	size_t n = 0;

	for (size_t i = 0; g->client_to_client && i < g->client_count; i++)
		for (size_t j = 0; j < g->clients[i].subnet_count; j++)
			n += g->clients[i].subnets[j].family == 4 ? left4 : left6;
	return n;
}
