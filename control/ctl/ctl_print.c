// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ctl/ctl_print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CELL_BYTES 48
#define COLUMNS_MAX 12
#define LINE_COLUMNS 100
#define TEXT_MIN 9

enum format { F_TEXT, F_COUNT, F_BYTES, F_PERCENT, F_SECONDS, F_MICROS };

struct column {
	const char *title; // NULL ends the list
	const char *key;   // "a.b" reaches into an object
	enum format format;
};

static const json_t *lookup(const json_t *o, const char *key)
{
	const char *dot = strchr(key, '.');
	char head[32];

	if (!dot)
		return json_object_get(o, key);
	snprintf(head, sizeof(head), "%.*s", (int)(dot - key), key);
	return lookup(json_object_get(o, head), dot + 1);
}

static void scaled(char cell[CELL_BYTES], double v, double step, const char *const *units)
{
	int i = 0;

	while (v >= step * 10 && units[i + 1]) {
		v /= step;
		i++;
	}
	snprintf(cell, CELL_BYTES, i ? "%.1f%s" : "%.0f%s", v, units[i]);
}

static void seconds(char cell[CELL_BYTES], double v)
{
	unsigned long s = (unsigned long)v;

	if (v < 60)
		snprintf(cell, CELL_BYTES, "%.1fs", v);
	else if (s < 86400)
		snprintf(cell, CELL_BYTES, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(cell, CELL_BYTES, "%lud %02lu:%02lu", s / 86400, s / 3600 % 24,
			s / 60 % 60);
}

static void fill(char cell[CELL_BYTES], const json_t *v, enum format format)
{
	static const char *const bytes[] = {"", "k", "M", "G", "T", "P", NULL};

	if (!v || json_is_null(v))
		snprintf(cell, CELL_BYTES, "-");
	else if (json_is_string(v))
		snprintf(
			cell, CELL_BYTES, "%s", json_string_length(v) ? json_string_value(v) : "-");
	else if (json_is_boolean(v))
		snprintf(cell, CELL_BYTES, "%s", json_is_true(v) ? "yes" : "no");
	else if (format == F_BYTES)
		scaled(cell, json_number_value(v), 1024, bytes);
	else if (format == F_PERCENT)
		snprintf(cell, CELL_BYTES, "%.1f%%", json_number_value(v));
	else if (format == F_SECONDS)
		seconds(cell, json_number_value(v));
	else if (format == F_MICROS)
		snprintf(cell, CELL_BYTES, "%.0fus", json_number_value(v));
	else if (json_is_integer(v))
		snprintf(cell, CELL_BYTES, "%lld", (long long)json_integer_value(v));
	else
		snprintf(cell, CELL_BYTES, "%.2f", json_number_value(v));
	// What a client told about itself must not reach the terminal as an escape sequence.
	for (char *c = cell; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static void table_row(FILE *out, const struct column *columns, const json_t *row, const int *widths)
{
	char cell[CELL_BYTES];

	for (int i = 0; columns[i].title; i++) {
		bool last = !columns[i + 1].title, text = columns[i].format == F_TEXT;

		if (row)
			fill(cell, lookup(row, columns[i].key), columns[i].format);
		else
			snprintf(cell, sizeof(cell), "%s", columns[i].title);
		if (text && (int)strlen(cell) > widths[i]) {
			cell[widths[i] - 1] = '~';
			cell[widths[i]] = '\0';
		}
		fprintf(out, "%*s%s", text ? (last ? 0 : -widths[i]) : widths[i], cell,
			last ? "\n" : "  ");
	}
}

// Cuts the widest texts until a line fits; --json has all of them.
static void shrink(const struct column *columns, int *widths)
{
	int total, widest;

	for (;;) {
		total = -2;
		widest = -1;
		for (int i = 0; columns[i].title; i++) {
			total += widths[i] + 2;
			if (columns[i].format == F_TEXT && widths[i] > TEXT_MIN &&
				(widest < 0 || widths[i] > widths[widest]))
				widest = i;
		}
		if (total <= LINE_COLUMNS || widest < 0)
			return;
		widths[widest]--;
	}
}

static void table(FILE *out, const struct column *columns, const json_t *rows)
{
	int widths[COLUMNS_MAX] = {0};
	char cell[CELL_BYTES];
	const json_t *row;
	size_t index;

	for (int i = 0; columns[i].title; i++) {
		widths[i] = (int)strlen(columns[i].title);
		json_array_foreach(rows, index, row)
		{
			fill(cell, lookup(row, columns[i].key), columns[i].format);
			if ((int)strlen(cell) > widths[i])
				widths[i] = (int)strlen(cell);
		}
	}
	shrink(columns, widths);
	table_row(out, columns, NULL, widths);
	json_array_foreach(rows, index, row) table_row(out, columns, row, widths);
}

static void print_warnings(FILE *out, const json_t *gateways)
{
	const json_t *g, *v;
	size_t i, j;

	json_array_foreach(gateways, i, g) json_array_foreach(json_object_get(g, "warnings"), j, v)
		fprintf(out, "warning: gateway %s: %s\n",
			json_string_value(json_object_get(g, "gateway")), json_string_value(v));
}

void ctl_print_status(FILE *out, const json_t *result)
{
	static const struct column gateways[] = {
		{"GATEWAY", "gateway", F_TEXT},
		{"ENDPOINT", "endpoint", F_TEXT},
		{"NETNS", "netns", F_TEXT},
		{"CLIENTS", "clients", F_COUNT},
		{"MAX", "max_connections", F_COUNT},
		{"WRAP", "wrap", F_TEXT},
		{"HANDSHAKES", "handshakes", F_COUNT},
		{"REFUSED", "refused", F_COUNT},
		{NULL, NULL, F_TEXT},
	};
	static const struct column interfaces[] = {
		{"INTERFACE", "name", F_TEXT},
		{"SIDE", "side", F_TEXT},
		{"DRIVER", "driver", F_TEXT},
		{"NETNS", "netns", F_TEXT},
		{"QUEUES", "queues", F_COUNT},
		{"MTU", "mtu", F_COUNT},
		{NULL, NULL, F_TEXT},
	};
	char up[CELL_BYTES], workers[CELL_BYTES], pid[CELL_BYTES], config[256];
	const char *path = json_string_value(json_object_get(result, "config"));

	fill(up, json_object_get(result, "uptime_s"), F_SECONDS);
	fill(workers, json_object_get(result, "workers"), F_COUNT);
	fill(pid, json_object_get(result, "pid"), F_COUNT);
	snprintf(config, sizeof(config), "%s", path ? path : "-");
	fprintf(out, "sluiced: pid %s, up %s, workers %s, configuration %s\n\n", pid, up, workers,
		config);
	table(out, gateways, json_object_get(result, "gateways"));
	print_warnings(out, json_object_get(result, "gateways"));
	fputc('\n', out);
	table(out, interfaces, json_object_get(result, "interfaces"));
}

// Do clients of one gateway talk to different addresses of it?
static bool has_several_locals(const json_t *clients)
{
	const json_t *last = NULL, *row;
	size_t index;

	json_array_foreach(clients, index, row)
	{
		if (last &&
			json_equal(json_object_get(last, "gateway"),
				json_object_get(row, "gateway")) &&
			!json_equal(json_object_get(last, "local"), json_object_get(row, "local")))
			return true;
		last = row;
	}
	return false;
}

void ctl_print_clients(FILE *out, const json_t *result)
{
	// Of two things a line has room for, the one that tells clients apart.
	bool locals = has_several_locals(result);
	const struct column columns[] = {
		{"GATEWAY", "gateway", F_TEXT},
		{"CLIENT", "common_name", F_TEXT},
		{"FROM", "remote", F_TEXT},
		{"ADDRESS", "vpn4", F_TEXT},
		{"CIPHER", "cipher", F_TEXT},
		{locals ? "TO" : "WRAP", locals ? "local" : "wrap", F_TEXT},
		{"UP", "connected_s", F_SECONDS},
		{"IN", "in_bytes", F_BYTES},
		{"OUT", "out_bytes", F_BYTES},
		{"STATE", "state", F_TEXT},
		{NULL, NULL, F_TEXT},
	};

	size_t index, plain = 0;
	const json_t *row;

	if (json_array_size(result) == 0) {
		fputs("no clients\n", out);
		return;
	}
	table(out, columns, result);
	json_array_foreach(result, index, row)
		plain += json_is_false(json_object_get(row, "encrypted"));
	if (plain)
		fprintf(out, "warning: packets of %zu client%s are not encrypted (cipher none)\n",
			plain, plain == 1 ? "" : "s");
}

// Reasons that happened, as "  drop replay 12".
static void print_reasons(FILE *out, const json_t *o, const char *kind)
{
	json_t *reasons = json_object_get(o, kind), *v;
	const char *name;

	json_object_foreach(reasons, name, v) if (json_integer_value(v)) fprintf(
		out, "    %-4s %-16s %12lld\n", kind, name, (long long)json_integer_value(v));
}

static void print_all_reasons(
	FILE *out, const json_t *rows, const char *name_key, const char *title)
{
	const json_t *row;
	size_t index;

	json_array_foreach(rows, index, row)
	{
		char *text = NULL;
		size_t len = 0;
		FILE *mem = open_memstream(&text, &len);

		if (!mem)
			return;
		print_reasons(mem, row, "punt");
		print_reasons(mem, row, "drop");
		print_reasons(mem, row, "slow_path");
		fclose(mem);
		if (len)
			fprintf(out, "  %s %s\n%s", title,
				json_string_value(json_object_get(row, name_key)), text);
		free(text);
	}
}

static const struct column worker_columns[] = {
	{"WORKER", "worker", F_COUNT},
	{"LCORE", "lcore", F_COUNT},
	{"LOAD", "load_pct", F_PERCENT},
	{"PAUSE", "pause_us", F_MICROS},
	{"MAX PAUSE", "pause_max_us", F_MICROS},
	{"HANDED IN", "handoff_in", F_COUNT},
	{"HANDED OUT", "handoff_out", F_COUNT},
	{"RING", "rings.handoff.used", F_COUNT},
	{"INJECT", "rings.inject.used", F_COUNT},
	{"EVENTS", "rings.events.used", F_COUNT},
	{"OVERLOAD", "overload_turns", F_COUNT},
	{NULL, NULL, F_TEXT},
};

static const struct column port_columns[] = {
	{"PORT", "name", F_TEXT},
	{"SIDE", "side", F_TEXT},
	{"RECEIVED", "rx", F_COUNT},
	{"CARRIED", "carried", F_COUNT},
	{"CONSUMED", "consumed", F_COUNT},
	{"PUNTED", "punted", F_COUNT},
	{"DROPPED", "dropped", F_COUNT},
	{"IN FLIGHT", "in_flight", F_COUNT},
	{"SENT", "tx", F_COUNT},
	{NULL, NULL, F_TEXT},
};

static const struct column gateway_columns[] = {
	{"GATEWAY", "gateway", F_TEXT},
	{"IN PKTS", "in_pkts", F_COUNT},
	{"IN", "in_bytes", F_BYTES},
	{"OUT PKTS", "out_pkts", F_COUNT},
	{"OUT", "out_bytes", F_BYTES},
	{"FAST IN", "fast_in_pkts", F_COUNT},
	{"FAST OUT", "fast_out_pkts", F_COUNT},
	{"SLOW IN", "slow_in_pkts", F_COUNT},
	{"SLOW OUT", "slow_out_pkts", F_COUNT},
	{NULL, NULL, F_TEXT},
};

void ctl_print_counters(FILE *out, const json_t *result)
{
	const json_t *ports = json_object_get(result, "ports");
	const json_t *gateways = json_object_get(result, "gateways");

	table(out, worker_columns, json_object_get(result, "workers"));
	fputc('\n', out);
	table(out, port_columns, ports);
	print_all_reasons(out, ports, "name", "port");
	fputc('\n', out);
	table(out, gateway_columns, gateways);
	print_all_reasons(out, gateways, "gateway", "gateway");
	fputs("\npunt thread\n", out);
	print_reasons(out, result, "slow_path");
}

static void print_list(FILE *out, const json_t *list, const char *head)
{
	const json_t *v;
	size_t index;

	json_array_foreach(list, index, v)
		fprintf(out, "%s: %s\n", head, json_is_string(v) ? json_string_value(v) : "?");
}

void ctl_print_reload(FILE *out, const json_t *result)
{
	const json_t *applied = json_object_get(result, "applied");
	const json_t *refused = json_object_get(result, "refused");

	print_list(out, json_object_get(result, "planned"), "planned");
	print_list(out, applied, "applied");
	print_list(out, refused, "not applied");
	if (!json_array_size(applied) && !json_array_size(refused) &&
		!json_object_get(result, "planned"))
		fputs("nothing to change\n", out);
}
