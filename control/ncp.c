// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/ncp.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list != '\0') {
		size_t len = strcspn(list, ":");

		if (len == n && strncasecmp(list, name, n) == 0)
			return true;
		list += len + (list[len] == ':');
	}
	return false;
}

int ncp_choose(struct ncp_choice *choice, const enum cipher *ours, size_t ours_count,
	const struct peer_info *peer, const struct options_string *options)
{
	bool has_list = peer->ciphers[0] != '\0';
	bool has_ncp = !has_list && peer->ncp >= 2;
	const char *list = has_list ? peer->ciphers : has_ncp ? "AES-256-GCM:AES-128-GCM" : "";

	memset(choice, 0, sizeof(*choice));
	for (size_t i = 0; i < ours_count; i++) {
		const char *name = cipher_name(ours[i]);
		bool listed = list_has(list, name);

		// A list says it all; without one the client's own cipher counts as well.
		if (!listed && (has_list || strcasecmp(options->cipher, name) != 0))
			continue;
		choice->cipher = ours[i];
		choice->push = has_list || has_ncp;
		choice->why = has_list ? "IV_CIPHERS" : listed ? "IV_NCP=2" : "cipher option";
		return 0;
	}
	return -ENOENT;
}
