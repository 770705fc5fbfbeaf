// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What an operator says to a client, as a control string: INFO, and the three ways to end its
// session. Checks what clients could misread. Pure. [OpenVPN push.c server_pushed_signal,
// receive_auth_failed, options_util.c parse_auth_failed_temp]
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NOTICE_TEXT_MAX 200 // characters of the operator's
#define NOTICE_BYTES 256

enum notice_kind {
	NOTICE_INFO,        // a line for the client's user
	NOTICE_RESTART,     // connect again
	NOTICE_HALT,        // end
	NOTICE_AUTH_FAILED, // end, or ask the user for credentials again
};

struct notice {
	enum notice_kind kind;
	const char *text;      // NULL: none, but for INFO
	bool next_remote;      // RESTART: not the same server again
	bool keep_credentials; // RESTART, HALT: do not forget user name and password
};

// "restart", "halt", "auth-failed" into *kind; false: none of them.
bool notice_kind_by_name(const char *name, enum notice_kind *kind);

// 0; or -EINVAL, with what is wrong in err, "text must ...".
int notice_compose(char out[NOTICE_BYTES], const struct notice *n, char *err, size_t err_bytes);
