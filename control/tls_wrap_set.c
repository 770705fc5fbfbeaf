// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/tls_wrap_set.h"

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
	if (gw->tls_crypt[0]) {
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
	tls_wrap_key_free(set->crypt);
	tls_wrap_key_free(set->auth);
	memset(set, 0, sizeof(*set));
}

static bool is_empty(const struct tls_wrap_set *set)
{
	return set->crypt == NULL && set->auth == NULL;
}

const char *tls_wrap_set_text(const struct tls_wrap_set *set, char out[TLS_WRAP_SET_TEXT_BYTES])
{
	const bool has[] = {is_empty(set), set->auth != NULL, set->crypt != NULL};
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

int tls_wrap_set_open(const struct tls_wrap_set *set, const uint8_t *wire, size_t len, uint8_t *out,
	size_t room, struct tls_wrap_key **key)
{
	int ret = -EBADMSG;

	*key = NULL;
	if (is_empty(set))
		return tls_wrap_open_first(NULL, wire, len, out, room);
	if (set->crypt != NULL)
		ret = try_key(set->crypt, wire, len, out, room, key);
	if (ret < 0 && set->auth != NULL)
		ret = try_key(set->auth, wire, len, out, room, key);
	return ret;
}
