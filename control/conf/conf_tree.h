// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// YAML text as a tree of nodes that know where they stand in the file. Bounded in size, depth and
// number of nodes; keys given twice, anchors, aliases and tags are refused. Free of I/O.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/conf/conf.h"

enum conf_node_kind { CONF_SCALAR, CONF_SEQUENCE, CONF_MAPPING };

struct conf_node {
	enum conf_node_kind kind;
	uint32_t line, column; // of the value, from 1
	uint32_t key_line, key_column;
	char *key;  // in a mapping, else NULL
	char *text; // scalar: no control characters inside
	unsigned int count;
	struct conf_node *child, *last; // sequence, mapping: in the order of the file
	struct conf_node *next;
};

// NULL and *err on anything but one well-formed document whose root is a mapping.
struct conf_node *conf_tree_parse(
	const char *text, size_t len, const char *path, struct conf_error *err);
void conf_tree_free(struct conf_node *n);

// The value of a key of a mapping, or NULL.
const struct conf_node *conf_node_get(const struct conf_node *mapping, const char *key);

// Writes "PATH:LINE:COLUMN: MESSAGE" as one line. Keeps an error that is already there.
void conf_error_at(struct conf_error *err, const char *path, uint32_t line, uint32_t column,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

// A value as it appears in messages: cut, and with unprintable bytes replaced.
#define CONF_SHOW_BYTES 72
const char *conf_show(char out[CONF_SHOW_BYTES], const char *value);
// What stands there, as an error quotes it: the value in quotes, or its kind.
#define CONF_GOT_BYTES (CONF_SHOW_BYTES + 2)
const char *conf_got(char out[CONF_GOT_BYTES], const struct conf_node *n);
