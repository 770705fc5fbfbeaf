// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The schema for people: plain text and roff.

#include "control/conf/conf.h"
#include "control/conf/conf_schema.h"

#include <string.h>

struct print {
	FILE *out;
	void (*option)(struct print *p, const char *path, const struct conf_option *opt);
	void (*later)(struct print *p, const char *path, const char *names);
};

// "duration, 1s..3600s, default 10s"
static void describe(char *text, size_t size, const struct conf_option *opt)
{
	char legal[CONF_LEGAL_BYTES];
	int n = snprintf(text, size, "%s", conf_type_name(opt->type));
	bool ranged = opt->type == CONF_T_ENUM || opt->type == CONF_T_INTEGER ||
		      opt->type == CONF_T_DURATION || opt->type == CONF_T_SIZE ||
		      opt->type == CONF_T_CIPHERS || opt->type == CONF_T_NAME;

	if (ranged)
		n += snprintf(text + n, size - (size_t)n, ", %s", conf_option_legal(legal, opt));
	if (opt->type == CONF_T_PREFIX4 || opt->type == CONF_T_PREFIX6)
		n += snprintf(text + n, size - (size_t)n, ", prefix length %llu..%llu",
			(unsigned long long)opt->min, (unsigned long long)opt->max);
	if (opt->brief)
		n += snprintf(text + n, size - (size_t)n, ", or %s alone", opt->children[0].name);
	if (opt->required)
		snprintf(text + n, size - (size_t)n, ", required");
	else if (opt->def)
		snprintf(text + n, size - (size_t)n, ", default %s", opt->def);
}

// Values of an option that are refused for now: "net30, p2p".
static void later_values(char *text, size_t size, const struct conf_option *opt)
{
	size_t n = 0;

	text[0] = '\0';
	for (const struct conf_word *w = opt->words; w && w->name && n < size; w++)
		if (w->later)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
				w->name[0] == '\\' ? w->name + 1 : w->name);
}

static void walk(struct print *p, const char *prefix, const struct conf_option *options)
{
	char path[128], later[1024] = "";
	size_t n = 0;

	for (const struct conf_option *o = options; o->name; o++) {
		if (o->type == CONF_T_LATER) {
			n += (size_t)snprintf(
				later + n, sizeof(later) - n, "%s%s", n ? ", " : "", o->name);
			if (n >= sizeof(later))
				n = sizeof(later) - 1;
			continue;
		}
		snprintf(path, sizeof(path), "%s%s%s", prefix, o->name,
			o->type == CONF_T_MAPPINGS ? "[]" : "");
		p->option(p, path, o);
		if (o->children) {
			strncat(path, o->type == CONF_T_VLANS ? ".TAG." : ".",
				sizeof(path) - strlen(path) - 1);
			walk(p, path, o->children);
		}
	}
	if (!later[0])
		return;
	snprintf(path, sizeof(path), "%s", prefix);
	if (path[0])
		path[strlen(path) - 1] = '\0'; // the dot
	p->later(p, path, later);
}

// Text in lines of at most 80 columns behind an indent.
static void wrap(FILE *out, const char *indent, const char *text)
{
	size_t column = 0, word;

	for (; *text; text += word + strspn(text + word, " ")) {
		word = strcspn(text, " ");
		if (column && column + 1 + word > 84) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : indent, (int)word, text);
	}
	fputc('\n', out);
}

static void text_option(struct print *p, const char *path, const struct conf_option *opt)
{
	char text[512], later[256];

	describe(text, sizeof(text), opt);
	fprintf(p->out, "%s\n", path);
	wrap(p->out, "    ", text);
	wrap(p->out, "    ", opt->help);
	later_values(later, sizeof(later), opt);
	if (later[0])
		fprintf(p->out, "    Refused until supported: %s\n", later);
}

static void text_later(struct print *p, const char *path, const char *names)
{
	fprintf(p->out, "Refused until supported, in %s:\n", *path ? path : "the top level");
	wrap(p->out, "    ", names);
}

void conf_schema_help(FILE *out)
{
	struct print p = {out, text_option, text_later};

	walk(&p, "", conf_schema);
}

// Escapes what roff would take for itself.
static void roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void man_option(struct print *p, const char *path, const struct conf_option *opt)
{
	char text[512], later[256];

	describe(text, sizeof(text), opt);
	fputs(".TP\n\\fB", p->out);
	roff(p->out, path);
	fputs("\\fR (", p->out);
	roff(p->out, text);
	fputs(")\n", p->out);
	roff(p->out, opt->help);
	fputc('\n', p->out);
	later_values(later, sizeof(later), opt);
	if (!later[0])
		return;
	fputs("Refused until supported: ", p->out);
	roff(p->out, later);
	fputs(".\n", p->out);
}

static void man_later(struct print *p, const char *path, const char *names)
{
	fputs(".TP\nRefused until supported, in ", p->out);
	roff(p->out, *path ? path : "the top level");
	fputs("\n", p->out);
	roff(p->out, names);
	fputc('\n', p->out);
}

void conf_schema_man(FILE *out)
{
	struct print p = {out, man_option, man_later};

	fputs(".SH OPTIONS\n", out);
	walk(&p, "", conf_schema);
}
