// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_read.h"

#include "control/conf/conf_schema.h"
#include "control/conf/conf_value.h"

#include <fnmatch.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_BYTES 256

struct walk {
	const char *path;
	size_t dir_len; // of path, with the slash
	struct conf_error *err;
	char where[WHERE_BYTES]; // "gateway gw1: client alice: ", "" at the top
	const char *group;       // "keepalive." inside that mapping
	char group_text[32];
};

static int fail(struct walk *w, uint32_t line, uint32_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct walk *w, uint32_t line, uint32_t column, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error_at(w->err, w->path, line, column, "%s%s%s", w->where, w->group, text);
	return -1;
}

// The value is none of the legal ones.
static int refuse(struct walk *w, const struct conf_option *opt, const struct conf_node *n)
{
	char legal[CONF_LEGAL_BYTES], found[CONF_GOT_BYTES];

	conf_option_legal(legal, opt);
	return fail(w, n->line, n->column, "%s must be %s, got %s", opt->name, legal,
		conf_got(found, n));
}

static int refuse_later(struct walk *w, const struct conf_option *opt, const struct conf_node *n)
{
	char show[CONF_SHOW_BYTES];

	return fail(w, n->line, n->column, "%s: \"%s\" is not supported yet", opt->name,
		conf_show(show, n->text));
}

static void store_number(void *base, const struct conf_option *opt, uint64_t v)
{
	uint8_t *field = (uint8_t *)base + opt->offset;

	switch (opt->bytes) {
	case 1:
		*field = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)(void *)field = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)(void *)field = (uint32_t)v;
		break;
	case 8:
		*(uint64_t *)(void *)field = v;
		break;
	default: // an option without a field of its own (transport)
		break;
	}
}

static const struct conf_word *word_find(const struct conf_word *words, const char *text)
{
	for (; words && words->name; words++)
		if (fnmatch(words->name, text, FNM_CASEFOLD) == 0)
			return words;
	return NULL;
}

static int read_word(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	const struct conf_word *word = word_find(opt->words, n->text);

	if (!word)
		return refuse(w, opt, n);
	if (word->later)
		return refuse_later(w, opt, n);
	store_number(base, opt, (uint64_t)word->value);
	return 0;
}

static int read_number(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	uint64_t v;
	int ret;

	if (word_find(opt->words, n->text))
		return read_word(w, opt, n, base);
	if (opt->type == CONF_T_DURATION)
		ret = conf_read_duration(n->text, &v);
	else if (opt->type == CONF_T_SIZE)
		ret = conf_read_size(n->text, &v);
	else
		ret = conf_read_u64(n->text, &v);
	if (ret < 0 || v < opt->min || v > opt->max)
		return refuse(w, opt, n);
	store_number(base, opt, v);
	return 0;
}

static int read_bool(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	bool v;

	if (conf_read_bool(n->text, &v) < 0)
		return refuse(w, opt, n);
	store_number(base, opt, v);
	return 0;
}

static bool is_name(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool is_plain(const char *s, const char *without)
{
	return s[strcspn(s, without)] == '\0' && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int read_string(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	const char *s = n->text;
	bool ok = *s && strlen(s) < opt->bytes;

	if (opt->type == CONF_T_NAME)
		ok = ok && is_name(s);
	else if (opt->type == CONF_T_IFNAME)
		ok = ok && is_plain(s, " /:%");
	else if (opt->type == CONF_T_NETNS)
		ok = ok && is_plain(s, "/");
	if (!ok)
		return refuse(w, opt, n);
	strcpy((char *)base + opt->offset, s);
	return 0;
}

// A relative path starts where the configuration file is.
static int read_path(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	size_t head = n->text[0] == '/' ? 0 : w->dir_len, len = strlen(n->text);
	size_t max = opt->max ? opt->max : opt->bytes - 1;
	char *field = (char *)base + opt->offset;

	if (len == 0 || head + len > max)
		return refuse(w, opt, n);
	memcpy(field, w->path, head);
	memcpy(field + head, n->text, len + 1);
	return 0;
}

static int read_addr(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	const struct conf_word *word = word_find(opt->words, n->text);
	char show[CONF_SHOW_BYTES];

	if (word)
		return fail(w, n->line, n->column,
			"%s: \"%s\" is not supported yet: name the addresses one by one, at most %zu",
			opt->name, conf_show(show, n->text), opt->bytes / sizeof(struct conf_addr));
	if (conf_read_addr(n->text, out) < 0 || !conf_addr_is_unicast(out))
		return refuse(w, opt, n);
	return 0;
}

// To listen at: without an interface the kernel cannot do that at a link-local address.
static int read_own_addr(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	const struct conf_addr *a = out;
	char show[CONF_SHOW_BYTES];

	if (read_addr(w, opt, n, out) < 0)
		return -1;
	if (a->family == 6 && a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80)
		return fail(w, n->line, n->column, "%s must not be link-local, got \"%s\"",
			opt->name, conf_show(show, n->text));
	return 0;
}

static int read_prefix(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	struct conf_prefix *p = out;
	char show[CONF_SHOW_BYTES], right[CONF_TEXT_BYTES];
	bool host_bits;

	if (conf_read_prefix(n->text, p, &host_bits) < 0)
		return refuse(w, opt, n);
	if (host_bits)
		return fail(w, n->line, n->column,
			"%s must be a network: did you mean %s? Bits are set behind the prefix "
			"length, got \"%s\"",
			opt->name, conf_text_prefix(right, p), conf_show(show, n->text));
	if (opt->type == CONF_T_PREFIXES)
		return 0;
	if (p->family != (opt->type == CONF_T_PREFIX4 ? 4 : 6) || p->len < opt->min ||
		p->len > opt->max)
		return refuse(w, opt, n);
	return 0;
}

static int read_cipher(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	const struct conf_word *word = word_find(opt->words, n->text);

	if (!word)
		return refuse(w, opt, n);
	if (word->later)
		return refuse_later(w, opt, n);
	*(enum cipher *)out = (enum cipher)word->value;
	return 0;
}

static int read_line(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	static const char domain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_.";
	const char *s = n->text;
	size_t len = strlen(s), max = opt->type == CONF_T_DOMAINS ? 253 : CONF_LINE_BYTES - 1;
	bool ok = len > 0 && len <= max;

	if (opt->type == CONF_T_DOMAINS)
		ok = ok && s[strspn(s, domain)] == '\0';
	for (size_t i = 0; i < len; i++)
		ok = ok && s[i] >= 0x20 && s[i] <= 0x7e && !strchr(",\"'\\", s[i]);
	if (!ok)
		return refuse(w, opt, n);
	memcpy(((struct conf_line *)out)->text, s, len + 1);
	return 0;
}

static bool is_lines(const struct conf_option *opt)
{
	return opt->type == CONF_T_PUSH || opt->type == CONF_T_DOMAINS;
}

static int read_element(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *out)
{
	if (n->kind != CONF_SCALAR)
		return refuse(w, opt, n);
	if (opt->type == CONF_T_PREFIXES)
		return read_prefix(w, opt, n, out);
	if (opt->type == CONF_T_ADDRS)
		return opt->own ? read_own_addr(w, opt, n, out) : read_addr(w, opt, n, out);
	if (is_lines(opt))
		return read_line(w, opt, n, out);
	if (opt->type == CONF_T_FINGERPRINTS)
		return conf_read_fingerprint(n->text, out) < 0 ? refuse(w, opt, n) : 0;
	return read_cipher(w, opt, n, out);
}

static size_t element_bytes(const struct conf_option *opt)
{
	if (opt->type == CONF_T_PREFIXES)
		return sizeof(struct conf_prefix);
	if (opt->type == CONF_T_ADDRS)
		return sizeof(struct conf_addr);
	if (is_lines(opt))
		return sizeof(struct conf_line);
	if (opt->type == CONF_T_FINGERPRINTS)
		return sizeof(struct conf_fingerprint);
	return sizeof(enum cipher);
}

static int add_element(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	size_t *count = (size_t *)(void *)((uint8_t *)base + opt->count_offset);
	size_t bytes = element_bytes(opt), max = opt->bytes / bytes;
	uint8_t *field = (uint8_t *)base + opt->offset;
	char show[CONF_SHOW_BYTES];
	// One more than fits is read too, so that what is said about it is the first problem.
	union {
		struct conf_prefix prefix;
		struct conf_addr addr;
		struct conf_fingerprint fingerprint;
		struct conf_line line;
		enum cipher cipher;
	} value = {0};

	if (read_element(w, opt, n, &value) < 0)
		return -1;
	for (size_t i = 0; i < *count; i++)
		if (memcmp(field + i * bytes, &value, bytes) == 0)
			return fail(w, n->line, n->column, "%s has \"%s\" twice", opt->name,
				conf_show(show, n->text));
	if (*count >= max)
		return fail(w, n->line, n->column,
			"%s must be at most %zu entries, got one more: \"%s\"", opt->name, max,
			conf_show(show, n->text));
	memcpy(field + *count * bytes, &value, bytes);
	(*count)++;
	return 0;
}

// A scalar that is a list: OpenVPN separates ciphers by colons.
static int add_words(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	struct conf_node one = *n;
	char *copy, *next, *rest;
	int ret = 0;

	if (opt->type != CONF_T_CIPHERS)
		return add_element(w, opt, n, base);
	copy = strdup(n->text);
	if (!copy)
		return fail(w, n->line, n->column, "%s: out of memory", opt->name);
	rest = copy;
	while (ret == 0 && (next = strsep(&rest, ":"))) {
		one.text = next;
		one.column = n->column + (uint32_t)(next - copy);
		ret = add_element(w, opt, &one, base);
	}
	free(copy);
	return ret;
}

static int read_list(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	size_t *count = (size_t *)(void *)((uint8_t *)base + opt->count_offset);

	*count = 0;
	if (n->kind == CONF_MAPPING)
		return refuse(w, opt, n);
	if (n->kind == CONF_SCALAR)
		return add_words(w, opt, n, base);
	if (opt->own && !n->child)
		return fail(w, n->line, n->column, "%s must be at least one address, got none",
			opt->name);
	// An empty one would mean nobody, or nothing at all.
	if ((opt->type == CONF_T_CIPHERS || opt->type == CONF_T_FINGERPRINTS) && !n->child)
		return fail(w, n->line, n->column, "%s must be at least one %s, got none",
			opt->name, opt->type == CONF_T_CIPHERS ? "cipher" : "fingerprint");
	for (const struct conf_node *e = n->child; e; e = e->next)
		if (add_element(w, opt, e, base) < 0)
			return -1;
	return 0;
}

static int read_lcores(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	uint16_t list[DP_WORKERS_MAX];

	if (conf_read_lcores(n->text, list, DP_WORKERS_MAX) < 1)
		return refuse(w, opt, n);
	return read_string(w, opt, n, base);
}

static int read_scalar(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	void *field = (uint8_t *)base + opt->offset;

	if (n->kind != CONF_SCALAR)
		return refuse(w, opt, n);
	switch (opt->type) {
	case CONF_T_BOOL:
		return read_bool(w, opt, n, base);
	case CONF_T_ENUM:
		return read_word(w, opt, n, base);
	case CONF_T_INTEGER:
	case CONF_T_DURATION:
	case CONF_T_SIZE:
		return read_number(w, opt, n, base);
	case CONF_T_PATH:
	case CONF_T_FILE:
		return read_path(w, opt, n, base);
	case CONF_T_ADDR:
		return read_addr(w, opt, n, field);
	case CONF_T_PREFIX4:
	case CONF_T_PREFIX6:
		return read_prefix(w, opt, n, field);
	case CONF_T_LCORES:
		return read_lcores(w, opt, n, base);
	default:
		return read_string(w, opt, n, base);
	}
}

static int read_option(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base);
static int read_mapping(
	struct walk *w, const struct conf_option *options, const struct conf_node *n, void *base);
static int read_mappings(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *into);

static int read_group(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	char found[CONF_GOT_BYTES];
	int ret;

	if (n->kind != CONF_MAPPING && !(n->kind == CONF_SCALAR && opt->brief))
		return fail(w, n->line, n->column, "%s must be a mapping of options%s%s%s, got %s",
			opt->name, opt->brief ? ", or " : "",
			opt->brief ? opt->children[0].name : "", opt->brief ? " alone" : "",
			conf_got(found, n));
	snprintf(w->group_text, sizeof(w->group_text), "%s.", opt->name);
	w->group = w->group_text;
	ret = n->kind == CONF_MAPPING ? read_mapping(w, opt->children, n, base)
				      : read_option(w, &opt->children[0], n, base);
	w->group = "";
	return ret;
}

static int read_vlan(struct walk *w, const struct conf_option *opt, const struct conf_node *n,
	struct conf_interface *iface)
{
	struct conf_vlan *v = &iface->vlans[iface->vlan_count];
	char show[CONF_SHOW_BYTES];
	uint64_t id;
	int ret;

	if (conf_read_u64(n->key, &id) < 0 || id < opt->min || id > opt->max || n->key[0] == '0')
		return fail(w, n->key_line, n->key_column,
			"%s must have VLAN tags %llu..%llu, got \"%s\"", opt->name,
			(unsigned long long)opt->min, (unsigned long long)opt->max,
			conf_show(show, n->key));
	if (iface->vlan_count >= CONF_VLANS_MAX)
		return fail(w, n->key_line, n->key_column,
			"%s must be at most %d entries, got one more: \"%s\"", opt->name,
			CONF_VLANS_MAX, conf_show(show, n->key));
	snprintf(w->group_text, sizeof(w->group_text), "%s.%s.", opt->name, n->key);
	w->group = w->group_text;
	if (n->kind == CONF_MAPPING)
		ret = read_mapping(w, opt->children, n, v);
	else // the short form
		ret = read_scalar(w, opt->children, n, v);
	w->group = "";
	v->id = (uint16_t)id;
	iface->vlan_count++;
	return ret;
}

static int read_vlans(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	char found[CONF_GOT_BYTES];

	if (n->kind != CONF_MAPPING)
		return fail(w, n->line, n->column,
			"%s must be a mapping of VLAN tag to namespace or options, got %s",
			opt->name, conf_got(found, n));
	for (const struct conf_node *v = n->child; v; v = v->next)
		if (read_vlan(w, opt, v, base) < 0)
			return -1;
	return 0;
}

static int read_option(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *base)
{
	switch (opt->type) {
	case CONF_T_PREFIXES:
	case CONF_T_ADDRS:
	case CONF_T_CIPHERS:
	case CONF_T_FINGERPRINTS:
	case CONF_T_PUSH:
	case CONF_T_DOMAINS:
		return read_list(w, opt, n, base);
	case CONF_T_VLANS:
		return read_vlans(w, opt, n, base);
	case CONF_T_MAPPING:
		return read_group(w, opt, n, base);
	case CONF_T_MAPPINGS:
		return read_mappings(w, opt, n, base);
	case CONF_T_LATER:
		return fail(w, n->key_line, n->key_column, "%s is not supported yet", opt->name);
	default:
		return read_scalar(w, opt, n, base);
	}
}

// Edits (insert, delete, replace) that turn a into b.
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[64], diagonal, above;
	size_t m = strlen(a), n = strlen(b);

	if (m >= 64 || n >= 64)
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= m; i++) {
		diagonal = row[0];
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			above = row[j];
			diagonal += a[i - 1] != b[j - 1];
			if (above + 1 < diagonal)
				diagonal = above + 1;
			if (row[j - 1] + 1 < diagonal)
				diagonal = row[j - 1] + 1;
			row[j] = diagonal;
			diagonal = above;
		}
	}
	return row[n];
}

static int refuse_unknown(
	struct walk *w, const struct conf_option *options, const struct conf_node *n)
{
	unsigned int best = 64, d;
	const char *name = "";
	char show[CONF_SHOW_BYTES];

	for (; options->name; options++) {
		d = distance(n->key, options->name);
		if (d >= best || options->type == CONF_T_LATER)
			continue;
		best = d;
		name = options->name;
	}
	conf_error_at(w->err, w->path, n->key_line, n->key_column,
		"%sunknown option \"%s%s\", the nearest one is \"%s\"", w->where, w->group,
		conf_show(show, n->key), name);
	return -1;
}

static int set_defaults(struct walk *w, const struct conf_option *options, void *base)
{
	struct conf_node n = {.kind = CONF_SCALAR};
	char text[128];

	for (; options->name; options++) {
		if (options->type == CONF_T_MAPPING && set_defaults(w, options->children, base) < 0)
			return -1;
		if (!options->def)
			continue;
		snprintf(text, sizeof(text), "%s", options->def);
		n.text = text;
		if (read_option(w, options, &n, base) < 0)
			return -1;
	}
	return 0;
}

static int read_mapping(
	struct walk *w, const struct conf_option *options, const struct conf_node *n, void *base)
{
	const struct conf_option *opt;

	for (const struct conf_node *v = n->child; v; v = v->next) {
		for (opt = options; opt->name && strcmp(opt->name, v->key) != 0; opt++)
			;
		if (!opt->name)
			return refuse_unknown(w, options, v);
		if (read_option(w, opt, v, base) < 0)
			return -1;
	}
	for (opt = options; opt->name; opt++)
		if (opt->required && !conf_node_get(n, opt->name))
			return fail(w, n->line, n->column, "%s is missing", opt->name);
	return 0;
}

static void name_where(struct walk *w, const char *outer, const char *what,
	const struct conf_node *n, size_t index)
{
	const struct conf_node *name = conf_node_get(n, "name");
	char show[CONF_SHOW_BYTES];

	if (name && name->kind == CONF_SCALAR && name->text[0])
		snprintf(w->where, sizeof(w->where), "%.100s%.20s %s: ", outer, what,
			conf_show(show, name->text));
	else
		snprintf(w->where, sizeof(w->where), "%.100s%.20s %zu: ", outer, what, index + 1);
}

static int read_mappings(
	struct walk *w, const struct conf_option *opt, const struct conf_node *n, void *into)
{
	size_t *count = (size_t *)(void *)((uint8_t *)into + opt->count_offset), i = 0;
	uint8_t *base = (uint8_t *)into + opt->offset;
	char outer[WHERE_BYTES], found[CONF_GOT_BYTES];

	if (n->kind != CONF_SEQUENCE || n->count < opt->min || n->count > opt->max)
		return n->kind == CONF_SEQUENCE ? fail(w, n->line, n->column,
							  "%s must be a list of %llu..%llu, got %u",
							  opt->name, (unsigned long long)opt->min,
							  (unsigned long long)opt->max, n->count)
						: refuse(w, opt, n);
	if (opt->list->heap) {
		base = calloc(n->count, opt->list->element_bytes);
		if (!base)
			return fail(w, n->line, n->column, "%s: out of memory", opt->name);
		*(void **)(void *)((uint8_t *)into + opt->offset) = base;
	}
	memcpy(outer, w->where, sizeof(outer));
	for (const struct conf_node *e = n->child; e; e = e->next, i++) {
		uint8_t *element = base + i * opt->list->element_bytes;

		*count = i + 1; // also of half an element, so that it is freed
		name_where(w, outer, opt->list->what, e, i);
		if (e->kind != CONF_MAPPING)
			return fail(w, e->line, e->column, "must be a mapping of options, got %s",
				conf_got(found, e));
		*(int *)(void *)(element + opt->list->line_offset) = (int)e->line;
		if (set_defaults(w, opt->children, element) < 0 ||
			read_mapping(w, opt->children, e, element) < 0)
			return -1;
	}
	memcpy(w->where, outer, sizeof(outer));
	return 0;
}

int conf_read(struct conf *c, const struct conf_node *root, struct conf_error *err)
{
	const char *slash = strrchr(c->path, '/');
	struct walk w = {.path = c->path, .err = err, .group = ""};

	w.dir_len = slash ? (size_t)(slash - c->path) + 1 : 0;
	if (set_defaults(&w, conf_schema, c) < 0)
		return -1;
	return read_mapping(&w, conf_schema, root, c);
}
