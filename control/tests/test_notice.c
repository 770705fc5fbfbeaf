// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// An operator's words to a client: how they stand in a message, and what they must not be.

#include "control/channel/notice.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char out[NOTICE_BYTES], err[256];

static void test_messages(void)
{
	static const struct {
		struct notice n;
		const char *message;
	} rows[] = {
		{{NOTICE_INFO, "back at 10, sorry", false, false}, "INFO,back at 10, sorry"},
		{{NOTICE_RESTART, NULL, false, false}, "RESTART"},
		{{NOTICE_RESTART, "maintenance", false, false}, "RESTART,maintenance"},
		{{NOTICE_RESTART, "maintenance", true, false}, "RESTART,[N]maintenance"},
		{{NOTICE_RESTART, NULL, true, false}, "RESTART,[N]"},
		{{NOTICE_RESTART, "maintenance", true, true}, "RESTART,[NP]maintenance"},
		{{NOTICE_RESTART, NULL, false, true}, "RESTART,[P]"},
		{{NOTICE_HALT, "account closed", false, true}, "HALT,[P]account closed"},
		{{NOTICE_HALT, NULL, false, false}, "HALT"},
		{{NOTICE_AUTH_FAILED, NULL, false, false}, "AUTH_FAILED"},
		{{NOTICE_AUTH_FAILED, "ask the help desk", false, false},
			"AUTH_FAILED,ask the help desk"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(notice_compose(out, &rows[i].n, err, sizeof(err)), 0);
		CU_ASSERT_STRING_EQUAL(out, rows[i].message);
	}
}

static void refused(const struct notice *n, const char *why)
{
	CU_ASSERT_EQUAL(notice_compose(out, n, err, sizeof(err)), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err, why);
}

static void test_refused(void)
{
	static const char *const reserved[] = {"[N]x", "TEMPORARY", "SESSION:x", "CRV1:R,E:x:y:z",
		"CR_TEXT:E:x", "WEB_AUTH::https://example.com", "OPEN_URL:https://example.com"};
	static const char *const heads[] = {
		"[", "TEMP", "SESSION:", "CRV1:", "CR_TEXT:", "WEB_AUTH:", "OPEN_URL:"};
	char text[NOTICE_TEXT_MAX + 2], why[256];
	struct notice n = {.kind = NOTICE_INFO, .text = text};

	memset(text, 'x', sizeof(text));
	text[NOTICE_TEXT_MAX + 1] = '\0';
	refused(&n, "text must be 1..200 characters, got 201");
	text[NOTICE_TEXT_MAX] = '\0';
	n.kind = NOTICE_AUTH_FAILED; // the longest word
	CU_ASSERT_EQUAL(notice_compose(out, &n, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(strlen(out), strlen("AUTH_FAILED,") + NOTICE_TEXT_MAX);
	n.text = "";
	refused(&n, "text must be 1..200 characters, got 0");
	n.text = "two\nlines";
	refused(&n, "text must be printable ASCII, got 0x0a as character 4");
	n.text = "caf\xc3\xa9";
	refused(&n, "text must be printable ASCII, got 0xc3 as character 4");
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		n.text = reserved[i];
		snprintf(why, sizeof(why),
			"text must not begin with \"%s\", which clients take for more than text",
			heads[i]);
		refused(&n, why);
	}
	n = (struct notice){.kind = NOTICE_INFO};
	refused(&n, "text is missing");
	n = (struct notice){.kind = NOTICE_HALT, .next_remote = true};
	refused(&n, "next_remote belongs to restart");
	n = (struct notice){.kind = NOTICE_AUTH_FAILED, .keep_credentials = true};
	refused(&n, "keep_credentials belongs to restart and halt");
}

static void test_names(void)
{
	enum notice_kind kind = NOTICE_INFO;

	CU_ASSERT(notice_kind_by_name("halt", &kind));
	CU_ASSERT_EQUAL(kind, NOTICE_HALT);
	CU_ASSERT(notice_kind_by_name("auth-failed", &kind));
	CU_ASSERT_EQUAL(kind, NOTICE_AUTH_FAILED);
	CU_ASSERT(notice_kind_by_name("restart", &kind));
	CU_ASSERT_EQUAL(kind, NOTICE_RESTART);
	CU_ASSERT(!notice_kind_by_name("info", &kind));
	CU_ASSERT(!notice_kind_by_name("", &kind));
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"messages", test_messages},
		{"what clients would misread", test_refused},
		{"names of ends", test_names},
		{NULL, NULL},
	};

	return harness_run("notice", tests);
}
