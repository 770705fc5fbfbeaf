// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/tls_wrap_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int file_error(
	char *err, size_t err_bytes, const char *option, const char *path, const char *what)
{
	int error = errno;

	snprintf(err, err_bytes, "%s: %s: %s", option, path,
		error == EBADMSG ? what : strerror(error));
	return -error;
}

int tls_wrap_set_load(
	struct tls_wrap_set *set, const struct conf_gateway *gw, char *err, size_t err_bytes)
{
	static const char what[] = "no \"OpenVPN Static key V1\" in it";
	int ret = 0;

	memset(set, 0, sizeof(*set));
	set->v2_max_age_s = gw->tls_crypt_v2_max_age_s;
	set->v2_cookie_required = gw->tls_crypt_v2_cookie_required;
	if (gw->tls_crypt_v2[0]) {
		set->v2 = tls_crypt_v2_load(gw->tls_crypt_v2);
		if (!set->v2)
			ret = file_error(err, err_bytes, "tls_crypt_v2", gw->tls_crypt_v2,
				"no \"" KEY_FILE_V2_SERVER "\" in it");
	}
	if (ret == 0 && gw->tls_crypt[0]) {
		set->crypt = tls_wrap_key_load(TLS_WRAP_CRYPT, gw->tls_crypt);
		if (!set->crypt)
			ret = file_error(err, err_bytes, "tls_crypt", gw->tls_crypt, what);
	}
	if (ret == 0 && gw->tls_auth[0]) {
		set->auth = tls_wrap_key_load_auth(
			gw->tls_auth, gw->tls_auth_digest, gw->tls_auth_direction);
		if (!set->auth)
			ret = file_error(err, err_bytes, "tls_auth", gw->tls_auth, what);
	}
	if (ret < 0)
		tls_wrap_set_fini(set);
	return ret;
}

void tls_wrap_set_fini(struct tls_wrap_set *set)
{
	tls_crypt_v2_free(set->v2);
	tls_wrap_key_free(set->crypt);
	tls_wrap_key_free(set->auth);
	memset(set, 0, sizeof(*set));
}

static bool is_empty(const struct tls_wrap_set *set)
{
	return set->v2 == NULL && set->crypt == NULL && set->auth == NULL;
}

const char *tls_wrap_set_text(const struct tls_wrap_set *set, char out[TLS_WRAP_SET_TEXT_BYTES])
{
	const bool has[] = {is_empty(set), set->auth != NULL, set->crypt != NULL, set->v2 != NULL};
	size_t n = 0;

	for (int mode = (int)(sizeof(has) / sizeof(has[0])) - 1; mode >= 0; mode--)
		if (has[mode])
			n += (size_t)snprintf(out + n, TLS_WRAP_SET_TEXT_BYTES - n, "%s%s",
				n ? ", " : "", tls_wrap_mode_name((enum tls_wrap_mode)mode));
	return out;
}

static int try_key(struct tls_wrap_key *candidate, const uint8_t *wire, size_t len, uint8_t *out,
	size_t room, struct tls_wrap_key **key)
{
	int ret = tls_wrap_open_first(candidate, wire, len, out, room);

	if (ret >= 0)
		*key = tls_wrap_key_ref(candidate);
	return ret;
}

// The client's key out of the packet. 0, and a reference.
static int take_client_key(const struct tls_wrap_set *set, uint64_t unix_s, const uint8_t *wire,
	size_t len, struct tls_wrap_key **key)
{
	size_t off = set->v2 != NULL ? tls_crypt_v2_wkc_off(wire, len) : 0;
	struct tls_crypt_v2_client client;
	int ret;

	if (off == 0)
		return -EBADMSG;
	ret = tls_crypt_v2_unwrap(set->v2, &client, wire + off, len - off);
	if (ret == 0 && tls_crypt_v2_is_expired(&client, set->v2_max_age_s, unix_s))
		ret = -EKEYEXPIRED;
	if (ret == 0) {
		*key = tls_wrap_key_new(TLS_WRAP_CRYPT_V2, client.key, true);
		if (*key == NULL)
			ret = -ENOMEM;
	}
	tls_crypt_v2_client_wipe(&client);
	return ret;
}

static int open_v2(const struct tls_wrap_set *set, uint64_t unix_s, const uint8_t *wire, size_t len,
	uint8_t *out, size_t room, struct tls_wrap_key **key)
{
	struct tls_wrap_key *candidate = NULL;
	int ret = take_client_key(set, unix_s, wire, len, &candidate);

	if (ret == 0)
		ret = try_key(candidate, wire, len, out, room, key);
	tls_wrap_key_free(candidate);
	return ret;
}

int tls_wrap_set_open(const struct tls_wrap_set *set, uint64_t unix_s, const uint8_t *wire,
	size_t len, uint8_t *out, size_t room, struct tls_wrap_key **key)
{
	int ret = -EBADMSG;

	*key = NULL;
	if (len > 0 && tls_wrap_carries_key(wire[0]))
		return open_v2(set, unix_s, wire, len, out, room, key);
	if (is_empty(set))
		return tls_wrap_open_first(NULL, wire, len, out, room);
	if (set->crypt != NULL)
		ret = try_key(set->crypt, wire, len, out, room, key);
	if (ret < 0 && set->auth != NULL)
		ret = try_key(set->auth, wire, len, out, room, key);
	return ret;
}
