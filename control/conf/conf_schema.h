// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The one table of options: parser, validation, defaults, `--help-config` and sluice.yaml(5) are
// all made from it. conf_read.c walks it over a tree, conf_help.c prints it. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_T_STRING, // up to the field's size
	CONF_T_NAME,   // [a-z0-9-]
	CONF_T_IFNAME, // what Linux takes as an interface name
	CONF_T_NETNS,  // name of a network namespace
	CONF_T_PATH,   // relative to the file's directory
	CONF_T_FILE,   // the same, and it must exist and be readable
	CONF_T_BOOL,
	CONF_T_ENUM,    // one of words
	CONF_T_INTEGER, // min..max, or one of words
	CONF_T_DURATION,
	CONF_T_SIZE,
	CONF_T_ADDR,
	CONF_T_PREFIX4, // min, max: prefix length
	CONF_T_PREFIX6,
	CONF_T_PREFIXES,
	CONF_T_ADDRS,
	CONF_T_CIPHERS, // words, in order of preference
	CONF_T_PUSH,    // options for clients
	CONF_T_DOMAINS, // names of DNS domains
	CONF_T_FINGERPRINTS,
	CONF_T_LCORES,
	CONF_T_VLANS,
	CONF_T_MAPPING,  // children, in the same struct; brief: a scalar is the first of them
	CONF_T_MAPPINGS, // a list of structs, see struct conf_list
	CONF_T_LATER,    // known, and refused until it works
};

struct conf_word {
	const char *name; // values that come later: a pattern of fnmatch(3)
	int value;
	bool later; // known, and refused until it works
};

struct conf_list {
	const char *what; // "gateway"
	size_t element_bytes, line_offset;
	bool heap; // the field is a pointer, not an array
};

struct conf_option {
	const char *name; // NULL ends a table
	enum conf_type type;
	bool required, brief;
	bool own;             // addresses: of this node, to listen at; one at least
	size_t offset, bytes; // of the field
	size_t count_offset;  // lists
	uint64_t min, max;
	const char *def; // as it would stand in the file; NULL: zero
	const struct conf_word *words;
	const struct conf_option *children;
	const struct conf_list *list;
	const char *help;
};

extern const struct conf_option conf_schema[];

// "1s..3600s", "one of busy, adaptive", ...: what a value may be.
#define CONF_LEGAL_BYTES 256
const char *conf_option_legal(char out[CONF_LEGAL_BYTES], const struct conf_option *opt);
// "duration", "list of networks", ...
const char *conf_type_name(enum conf_type type);
