// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of the commands that concern clients' sessions: how `disconnect` ends them, what `reload`
// does with those that cannot be told what changed.
#pragma once

#include <jansson.h>

#include <getopt.h>
#include <stdbool.h>

struct ctl_notice_args {
	const char *how;    // of disconnect: "restart", "halt", "auth-failed"; NULL: not said
	const char *reason; // NULL: none
	bool next_remote, keep_credentials, check;
	unsigned int how_count;
};

// Rows for getopt_long() with these numbers.
enum {
	CTL_NOTICE_RESTART = 512,
	CTL_NOTICE_HALT,
	CTL_NOTICE_AUTH_FAILED,
	CTL_NOTICE_REASON,
	CTL_NOTICE_NEXT,
	CTL_NOTICE_KEEP,
	CTL_NOTICE_CHECK
};
#define CTL_NOTICE_OPTIONS \
	{"restart", no_argument, NULL, CTL_NOTICE_RESTART}, \
		{"halt", no_argument, NULL, CTL_NOTICE_HALT}, \
		{"auth-failed", no_argument, NULL, CTL_NOTICE_AUTH_FAILED}, \
		{"reason", required_argument, NULL, CTL_NOTICE_REASON}, \
		{"next-remote", no_argument, NULL, CTL_NOTICE_NEXT}, \
		{"keep-credentials", no_argument, NULL, CTL_NOTICE_KEEP}, \
	{ \
		"check", no_argument, NULL, CTL_NOTICE_CHECK \
	}

// Takes one of them; false: it is another option. value: its argument.
bool ctl_notice_option(struct ctl_notice_args *a, int opt, const char *value);
// What is wrong with them for this command, NULL: nothing.
const char *ctl_notice_check(const struct ctl_notice_args *a, const char *command);
// Into the request.
void ctl_notice_fill(const struct ctl_notice_args *a, const char *command, json_t *request);
