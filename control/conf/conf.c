// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf.h"

#include "control/conf/conf_read.h"
#include "control/conf/conf_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct conf *parse(
	const char *text, size_t len, const char *path, bool files, struct conf_error *err)
{
	struct conf_node *root;
	struct conf *c;
	int ret;

	err->text[0] = '\0';
	if (len > CONF_FILE_BYTES) {
		conf_error_at(err, path, 0, 0, "file must be at most %d bytes, got %zu",
			CONF_FILE_BYTES, len);
		return NULL;
	}
	root = conf_tree_parse(text, len, path, err);
	if (!root)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c || strlen(path) >= sizeof(c->path)) {
		conf_error_at(err, path, 0, 0, c ? "path is too long" : "out of memory");
		ret = -1;
	} else {
		strcpy(c->path, path);
		ret = conf_read(c, root, err);
		if (ret == 0)
			ret = conf_check(c, root, err);
		if (ret == 0 && files)
			ret = conf_check_files(c, root, err);
	}
	conf_tree_free(root);
	if (ret == 0)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *conf_parse(const char *text, size_t len, const char *path, struct conf_error *err)
{
	return parse(text, len, path, false, err);
}

// The whole file; NULL after an error.
static char *read_file(const char *path, size_t *len, struct conf_error *err)
{
	struct stat st;
	char *text;
	FILE *f = fopen(path, "re");

	if (!f || fstat(fileno(f), &st) < 0) {
		conf_error_at(err, path, 0, 0, "cannot be read: %s%s", strerror(errno),
			errno == ENOENT ? " (-c FILE names another)" : "");
		if (f)
			fclose(f);
		return NULL;
	}
	// One byte more than allowed, so that parse() sees a file that is too large as such.
	text = S_ISREG(st.st_mode) ? malloc(CONF_FILE_BYTES + 1) : NULL;
	if (!text) {
		conf_error_at(err, path, 0, 0,
			S_ISREG(st.st_mode) ? "out of memory" : "is not a regular file");
	} else {
		*len = fread(text, 1, CONF_FILE_BYTES + 1, f);
		if (ferror(f)) {
			conf_error_at(err, path, 0, 0, "cannot be read: %s", strerror(errno));
			free(text);
			text = NULL;
		}
	}
	fclose(f);
	return text;
}

struct conf *conf_load(const char *path, struct conf_error *err)
{
	struct conf *c;
	size_t len;
	char *text;

	err->text[0] = '\0';
	text = read_file(path, &len, err);
	if (!text)
		return NULL;
	c = parse(text, len, path, true, err);
	free(text);
	return c;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->gateway_count; i++)
		free(c->gateways[i].clients);
	free(c->gateways);
	free(c);
}

struct conf_gateway *conf_gateway_by_name(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->gateway_count; i++)
		if (strcmp(c->gateways[i].name, name) == 0)
			return &c->gateways[i];
	return NULL;
}

const struct conf_client *conf_client_by_name(const struct conf_gateway *g, const char *name)
{
	for (size_t i = 0; i < g->client_count; i++)
		if (strcmp(g->clients[i].name, name) == 0)
			return &g->clients[i];
	return NULL;
}

uint32_t conf_clients_max(const struct conf *c)
{
	uint32_t n = 0;

	// Bounded: 1024 gateways of 100000.
	for (size_t i = 0; i < c->gateway_count; i++)
		n += c->gateways[i].max_connections;
	return n;
}

bool conf_allows_none(const struct conf_gateway *g)
{
	if (g->fallback_cipher == CIPHER_NONE)
		return true;
	for (size_t i = 0; i < g->data_cipher_count; i++)
		if (g->data_ciphers[i] == CIPHER_NONE)
			return true;
	return false;
}

uint32_t conf_subnets_count(const struct conf *c)
{
	uint32_t n = 0;

	for (size_t i = 0; i < c->gateway_count; i++)
		for (size_t j = 0; j < c->gateways[i].client_count; j++)
			n += (uint32_t)c->gateways[i].clients[j].subnet_count;
	return n;
}

const char *const conf_placed_options[CONF_PLACES] = {"ca", "cert", "key", "crl_verify", "tls_auth",
	"tls_crypt", "tls_crypt_v2", "tls_cipher", "tls_ciphersuites", "tls_groups"};

void conf_gateway_error(const struct conf_gateway *g, const char *text, char *out, size_t size)
{
	for (size_t i = 0; i < CONF_PLACES; i++) {
		size_t len = strlen(conf_placed_options[i]);

		if (strncmp(text, conf_placed_options[i], len) != 0 || text[len] != ':')
			continue;
		snprintf(out, size, "%s:%u:%u: gateway %s: %s", g->file, g->places[i].line,
			g->places[i].column, g->name, text);
		return;
	}
	snprintf(out, size, "%s:%d: gateway %s: %s", g->file, g->line, g->name, text);
}
