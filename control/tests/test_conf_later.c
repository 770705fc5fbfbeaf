// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What later versions will have is refused by its name, never ignored: every such option and every such
// value that the schema knows.

#include "control/conf/conf.h"

#include "control/conf/conf_schema.h"
#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

static struct conf *parse(const char *text, struct conf_error *err)
{
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

// The message without its place.
static void expect_error_end(const char *text, const char *expected)
{
	struct conf_error err = {0};
	struct conf *c = parse(text, &err);
	const char *at = strstr(err.text, ": ");

	CU_ASSERT_PTR_NULL(c);
	conf_free(c);
	if (!at || strcmp(at + 2, expected) != 0)
		fprintf(stderr, "expected: %s\n     got: %s\n", expected, err.text);
	CU_ASSERT(at && strcmp(at + 2, expected) == 0);
}

// A valid file with one more line: for the node (""), for an interface, or for the gateway.
static const char *file_with(const char *table, const char *line)
{
	bool node = !strcmp(table, ""), interface = !strcmp(table, "interfaces");
	bool endpoint = !strncmp(line, "endpoint:", 9); // takes the place of the valid one
	static char text[2048];

	snprintf(text, sizeof(text),
		"workers: 1\n"
		"%s\n"
		"interfaces:\n"
		"  - {name: eth0, side: outside%s%s}\n"
		"  - {name: eth1, side: inside}\n"
		"gateways:\n"
		"  - name: gw1\n"
		"    %s\n"
		"    %s\n"
		"    ca: ca.crt\n"
		"    cert: s.crt\n"
		"    key: s.key\n"
		"    client_cidr: 10.8.0.0/24\n"
		"    local_networks: [10.1.0.0/16]\n",
		node ? line : "", interface ? ", " : "", interface ? line : "",
		node || interface ? "" : line,
		endpoint ? "" : "endpoint: {address: 192.0.2.1, port: 1194}");
	return text;
}

static unsigned int later_options, later_words;

static void check_later_word(
	const char *table, const char *path, const struct conf_option *o, const char *word)
{
	char line[160], want[200];
	bool is_list = o->type == CONF_T_CIPHERS;
	struct conf_error err = {0};
	struct conf *c;

	// A pattern stands for values like it.
	if (!strcmp(word, "*-CBC"))
		word = "AES-256-CBC";
	else if (!strcmp(word, "\\*"))
		word = "*";
	if (path[0])
		snprintf(line, sizeof(line), "%s: {%s: \"%s\"}", path, o->name, word);
	else
		snprintf(
			line, sizeof(line), is_list ? "%s: [\"%s\"]" : "%s: \"%s\"", o->name, word);
	c = parse(file_with(table, line), &err);
	CU_ASSERT_PTR_NULL(c);
	conf_free(c);
	snprintf(want, sizeof(want), "%s: \"%s\" is not supported yet", o->name, word);
	if (!strstr(err.text, want))
		fprintf(stderr, "%s: expected: %s\n got: %s\n", line, want, err.text);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, want));
	later_words++;
}

// Every option of the schema that is refused, and every refused value of the others.
static void check_later(const char *table, const char *path, const struct conf_option *o)
{
	char line[160], want[200], where[40] = "";

	for (; o->name; o++) {
		if (o->type == CONF_T_LATER) {
			snprintf(line, sizeof(line), "%s: 1", o->name);
			if (!strcmp(table, "gateways"))
				snprintf(where, sizeof(where), "gateway gw1: ");
			snprintf(want, sizeof(want), "%s%s is not supported yet", where, o->name);
			CU_ASSERT_STRING_EQUAL(path, "");
			expect_error_end(file_with(table, line), want);
			later_options++;
		}
		for (const struct conf_word *w = o->words; w && w->name; w++)
			if (w->later)
				check_later_word(table, path, o, w->name);
		if (o->type == CONF_T_MAPPINGS)
			check_later(o->name, "", o->children);
		else if (o->children)
			check_later(table, o->name, o->children);
	}
}

static void test_later(void)
{
	struct conf_error err;
	struct conf *c = parse(file_with("", ""), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	conf_free(c);
	check_later("", "", conf_schema);
	CU_ASSERT(later_options > 0 && later_words > 0);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"every option and value", test_later},
		{NULL, NULL},
	};

	return harness_run("conf_later", tests);
}
