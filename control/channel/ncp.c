// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/ncp.h"

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

// What a client without negotiation will use is its own cipher; ours is to have it, or none of its
// own and the fallback.
static int choose_fallback(struct ncp_choice *choice, const struct ncp_offer *ours, const char *own)
{
	const char *name = cipher_name(ours->fallback);

	if (!name || (own[0] != '\0' && strcasecmp(own, name) != 0))
		return -ENOENT;
	choice->cipher = ours->fallback;
	choice->why = "fallback_cipher";
	return 0;
}

// What the client says of itself.
struct offered {
	const char *list, *own;
	bool has_list; // of its own: it says it all
	bool epoch;    // may get that format
};

// There is no P_DATA_V1 packet of that format.
static bool knows_epoch(const struct peer_info *peer)
{
	const uint32_t both = PEER_PROTO_DATA_EPOCH | PEER_PROTO_DATA_V2;

	return (peer->proto & both) == both;
}

static bool take(struct ncp_choice *choice, const struct offered *client, enum cipher cipher)
{
	const char *name = cipher_name(cipher);
	bool listed = list_has(client->list, name);

	// Without a list the client's own cipher counts as well.
	if (!listed && (client->has_list || strcasecmp(client->own, name) != 0))
		return false;
	choice->cipher = cipher;
	choice->why = client->has_list ? "IV_CIPHERS" : listed ? "IV_NCP=2" : "cipher option";
	choice->epoch = client->epoch && cipher_format(cipher) == FORMAT_AEAD;
	return true;
}

int ncp_choose(struct ncp_choice *choice, const struct ncp_offer *ours,
	const struct peer_info *peer, const struct options_string *options)
{
	bool has_list = peer->ciphers[0] != '\0';
	bool has_ncp = !has_list && peer->ncp >= 2;
	const struct offered client = {
		.list = has_list  ? peer->ciphers
			: has_ncp ? "AES-256-GCM:AES-128-GCM"
				  : "",
		.own = options->cipher,
		.has_list = has_list,
		.epoch = ours->epoch && knows_epoch(peer),
	};
	bool has_none = false;

	memset(choice, 0, sizeof(*choice));
	choice->digest = ours->digest;
	choice->push = has_list || has_ncp;
	if (options->comp_lzo)
		choice->framing = peer->comp_stub_v2 ? FRAMING_STUB_V2 : FRAMING_COMP_LZO;
	for (size_t i = 0; i < ours->count; i++) {
		if (ours->ciphers[i] == CIPHER_NONE)
			has_none = true;
		else if (take(choice, &client, ours->ciphers[i]))
			return 0;
	}
	// Wherever it stands: only for who has nothing else in common with us.
	if (has_none && take(choice, &client, CIPHER_NONE))
		return 0;
	return choice->push ? -ENOENT : choose_fallback(choice, ours, options->cipher);
}

const char *ncp_digest_name(const struct ncp_choice *choice)
{
	return cipher_format(choice->cipher) == FORMAT_CBC ? digest_name(choice->digest) : NULL;
}

bool ncp_digest_differs(const struct ncp_choice *choice, const struct options_string *options)
{
	const char *ours = ncp_digest_name(choice);

	// A client that is ready for an AEAD cipher says [null-digest] whatever its auth is.
	return ours && options->auth[0] != '\0' && options->auth[0] != '[' &&
	       strcasecmp(options->auth, ours) != 0;
}
