// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "control/channel/notice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name; // NULL: not an end of a session
	const char *word; // on the wire
} kinds[] = {
	[NOTICE_INFO] = {NULL, "INFO"},
	[NOTICE_RESTART] = {"restart", "RESTART"},
	[NOTICE_HALT] = {"halt", "HALT"},
	[NOTICE_AUTH_FAILED] = {"auth-failed", "AUTH_FAILED"},
};

// Beginnings that clients do not take for text, whatever the message: flags, a failure that is only
// for now, a session token, challenges, and addresses that they open.
static const char *const reserved[] = {
	"[", "TEMP", "SESSION:", "CRV1:", "CR_TEXT:", "WEB_AUTH:", "OPEN_URL:"};

bool notice_kind_by_name(const char *name, enum notice_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].name || strcmp(kinds[i].name, name) != 0)
			continue;
		*kind = (enum notice_kind)i;
		return true;
	}
	return false;
}

static int check_text(const char *text, char *err, size_t err_bytes)
{
	size_t len = strlen(text);

	if (len < 1 || len > NOTICE_TEXT_MAX) {
		snprintf(err, err_bytes, "text must be 1..%d characters, got %zu", NOTICE_TEXT_MAX,
			len);
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= 0x20 && text[i] <= 0x7e)
			continue;
		snprintf(err, err_bytes,
			"text must be printable ASCII, got 0x%02x as character %zu",
			(unsigned char)text[i], i + 1);
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strncmp(text, reserved[i], strlen(reserved[i])) != 0)
			continue;
		snprintf(err, err_bytes,
			"text must not begin with \"%s\", which clients take for more than text",
			reserved[i]);
		return -EINVAL;
	}
	return 0;
}

int notice_compose(char out[NOTICE_BYTES], const struct notice *n, char *err, size_t err_bytes)
{
	bool next = n->next_remote, keep = n->keep_credentials;
	const char *wrong = NULL;

	if (n->kind == NOTICE_INFO && !n->text)
		wrong = "text is missing";
	else if (next && n->kind != NOTICE_RESTART)
		wrong = "next_remote belongs to restart";
	else if (keep && n->kind != NOTICE_RESTART && n->kind != NOTICE_HALT)
		wrong = "keep_credentials belongs to restart and halt";
	if (wrong) {
		snprintf(err, err_bytes, "%s", wrong);
		return -EINVAL;
	}
	if (n->text && check_text(n->text, err, err_bytes))
		return -EINVAL;
	// Commas in the text are fine: clients take all that follows the first one.
	snprintf(out, NOTICE_BYTES, "%s%s%s%s%s%s%s", kinds[n->kind].word,
		n->text || next || keep ? "," : "", next || keep ? "[" : "", next ? "N" : "",
		keep ? "P" : "", next || keep ? "]" : "", n->text ? n->text : "");
	return 0;
}
