// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/conf/conf_tree.h"

#include <yaml.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 6
#define NODES_MAX 400000
#define SCALAR_MAX 4096
#define PAIRS_MAX 512 // of one mapping

struct builder {
	const char *path;
	struct conf_error *err;
	yaml_parser_t yaml;
	struct conf_node *root;
	struct conf_node *open[DEPTH_MAX];
	unsigned int depth;
	unsigned int nodes;
	char *key; // waits for its value
	uint32_t key_line, key_column;
};

void conf_error_at(struct conf_error *err, const char *path, uint32_t line, uint32_t column,
	const char *fmt, ...)
{
	va_list ap;
	int n;

	if (err->text[0])
		return;
	if (line)
		n = snprintf(err->text, sizeof(err->text), "%s:%u:%u: ", path, line, column);
	else
		n = snprintf(err->text, sizeof(err->text), "%s: ", path);
	if (n < 0 || (size_t)n >= sizeof(err->text))
		return;
	va_start(ap, fmt);
	vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, fmt, ap);
	va_end(ap);
}

const char *conf_show(char out[CONF_SHOW_BYTES], const char *value)
{
	size_t i, len = strlen(value);

	for (i = 0; i < len && i < CONF_SHOW_BYTES - 4; i++)
		out[i] = value[i] < 0x20 || value[i] == 0x7f || value[i] == '"' ? '?' : value[i];
	out[i] = '\0';
	if (i < len)
		memcpy(out + i, "...", 4);
	return out;
}

const char *conf_got(char out[CONF_GOT_BYTES], const struct conf_node *n)
{
	char show[CONF_SHOW_BYTES];

	if (n->kind == CONF_SCALAR)
		snprintf(out, CONF_GOT_BYTES, "\"%s\"", conf_show(show, n->text));
	else
		snprintf(
			out, CONF_GOT_BYTES, "a %s", n->kind == CONF_SEQUENCE ? "list" : "mapping");
	return out;
}

static void fail(struct builder *b, const yaml_mark_t *at, const char *text)
{
	conf_error_at(
		b->err, b->path, (uint32_t)at->line + 1, (uint32_t)at->column + 1, "%s", text);
}

// A copy of a scalar, or NULL after an error. What a value may contain is decided once, here, so
// that no later reader (logs, DPDK arguments, pushed options) meets a control character.
static char *scalar_text(struct builder *b, const yaml_event_t *ev)
{
	const unsigned char *s = ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	char *copy;

	if (len > SCALAR_MAX) {
		fail(b, &ev->start_mark, "value is longer than 4096 bytes");
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if (s[i] >= 0x20 && s[i] != 0x7f)
			continue;
		fail(b, &ev->start_mark, "value contains a control character or a line break");
		return NULL;
	}
	copy = strndup((const char *)s, len);
	if (!copy)
		fail(b, &ev->start_mark, "out of memory");
	return copy;
}

static int key_begin(struct builder *b, struct conf_node *mapping, const yaml_event_t *ev)
{
	const struct conf_node *old;
	char show[CONF_SHOW_BYTES], text[160];

	if (ev->type != YAML_SCALAR_EVENT) {
		fail(b, &ev->start_mark, "the name of an option must be a plain word");
		return -1;
	}
	b->key = scalar_text(b, ev);
	if (!b->key)
		return -1;
	b->key_line = (uint32_t)ev->start_mark.line + 1;
	b->key_column = (uint32_t)ev->start_mark.column + 1;
	if (mapping->count >= PAIRS_MAX) {
		fail(b, &ev->start_mark, "mapping has more than 512 entries");
		return -1;
	}
	old = conf_node_get(mapping, b->key);
	if (old) {
		snprintf(text, sizeof(text), "\"%s\" is given twice, first in line %u",
			conf_show(show, b->key), old->key_line);
		fail(b, &ev->start_mark, text);
		return -1;
	}
	return 0;
}

static void append(struct builder *b, struct conf_node *n)
{
	struct conf_node *parent = b->depth ? b->open[b->depth - 1] : NULL;

	n->key = b->key;
	n->key_line = b->key_line;
	n->key_column = b->key_column;
	b->key = NULL;
	if (!parent) {
		b->root = n;
		return;
	}
	if (parent->last)
		parent->last->next = n;
	else
		parent->child = n;
	parent->last = n;
	parent->count++;
}

static int value(struct builder *b, const yaml_event_t *ev, enum conf_node_kind kind)
{
	struct conf_node *n;

	if (++b->nodes > NODES_MAX || (kind != CONF_SCALAR && b->depth >= DEPTH_MAX)) {
		fail(b, &ev->start_mark,
			b->nodes > NODES_MAX ? "too many values" : "nested too deeply");
		return -1;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		fail(b, &ev->start_mark, "out of memory");
		return -1;
	}
	n->kind = kind;
	n->line = (uint32_t)ev->start_mark.line + 1;
	n->column = (uint32_t)ev->start_mark.column + 1;
	append(b, n);
	if (kind == CONF_SCALAR) {
		n->text = scalar_text(b, ev);
		return n->text ? 0 : -1;
	}
	b->open[b->depth++] = n;
	return 0;
}

static bool has_anchor_or_tag(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return ev->data.scalar.anchor || ev->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return ev->data.sequence_start.anchor || ev->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return ev->data.mapping_start.anchor || ev->data.mapping_start.tag;
	default:
		return ev->type == YAML_ALIAS_EVENT;
	}
}

static int value_event(struct builder *b, const yaml_event_t *ev)
{
	struct conf_node *parent = b->depth ? b->open[b->depth - 1] : NULL;

	if (has_anchor_or_tag(ev)) {
		fail(b, &ev->start_mark, "anchors, aliases and tags are not allowed");
		return -1;
	}
	if (parent && parent->kind == CONF_MAPPING && !b->key)
		return key_begin(b, parent, ev);
	if (!parent && b->root) {
		fail(b, &ev->start_mark, "only one YAML document is allowed");
		return -1;
	}
	switch (ev->type) {
	case YAML_SEQUENCE_START_EVENT:
		return value(b, ev, CONF_SEQUENCE);
	case YAML_MAPPING_START_EVENT:
		return value(b, ev, CONF_MAPPING);
	default:
		return value(b, ev, CONF_SCALAR);
	}
}

// 0: go on, 1: end of the file, -1: error.
static int event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_NO_EVENT:
		return 0;
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return value_event(b, ev);
	}
}

static void yaml_error(struct builder *b)
{
	const yaml_parser_t *y = &b->yaml;
	const yaml_mark_t *at = y->problem_mark.line || y->problem_mark.column ? &y->problem_mark
									       : &y->context_mark;

	conf_error_at(b->err, b->path, (uint32_t)at->line + 1, (uint32_t)at->column + 1,
		"not valid YAML: %s%s%s", y->problem ? y->problem : "cannot be read",
		y->context ? " " : "", y->context ? y->context : "");
}

static int read_events(struct builder *b)
{
	yaml_event_t ev;
	int ret;

	do {
		if (!yaml_parser_parse(&b->yaml, &ev)) {
			yaml_error(b);
			return -1;
		}
		ret = event(b, &ev);
		yaml_event_delete(&ev);
	} while (ret == 0);
	return ret;
}

struct conf_node *conf_tree_parse(
	const char *text, size_t len, const char *path, struct conf_error *err)
{
	struct builder b = {.path = path, .err = err};
	char found[CONF_GOT_BYTES];
	int ret;

	err->text[0] = '\0';
	if (!yaml_parser_initialize(&b.yaml)) {
		conf_error_at(err, path, 0, 0, "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&b.yaml, (const unsigned char *)text, len);
	ret = read_events(&b);
	yaml_parser_delete(&b.yaml);
	free(b.key);
	if (ret > 0 && !b.root)
		conf_error_at(err, path, 1, 1, "file is empty");
	else if (ret > 0 && b.root->kind != CONF_MAPPING)
		conf_error_at(err, path, b.root->line, b.root->column,
			"must be a mapping of options (\"name: value\" lines), got %s",
			conf_got(found, b.root));
	if (!err->text[0])
		return b.root;
	conf_tree_free(b.root);
	return NULL;
}

// Depth is bounded by DEPTH_MAX, so recursion is.
void conf_tree_free(struct conf_node *n)
{
	struct conf_node *next;

	for (; n; n = next) {
		next = n->next;
		conf_tree_free(n->child);
		free(n->key);
		free(n->text);
		free(n);
	}
}

const struct conf_node *conf_node_get(const struct conf_node *mapping, const char *key)
{
	if (!mapping || mapping->kind != CONF_MAPPING)
		return NULL;
	for (const struct conf_node *n = mapping->child; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}
