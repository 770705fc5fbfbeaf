// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options for a client as control messages: PUSH_REPLY and PUSH_UPDATE, cut into parts of at most
// 1024 bytes with NUL that say whether more follow. Pure. [OpenVPN push.c]
#pragma once

#include <stddef.h>

#define PUSH_PART_BYTES 1024
#define PUSH_PARTS_MAX 48     // the longest lists of a gateway and a client need fewer
#define PUSH_OPTION_BYTES 256 // clients read lines of 255 characters
#define PUSH_TEXT_BYTES (PUSH_PARTS_MAX * PUSH_PART_BYTES)

struct push {
	unsigned int count;
	char part[PUSH_PARTS_MAX][PUSH_PART_BYTES]; // each one control message
};

struct push_parts {
	struct push *push;
	const char *head; // "PUSH_REPLY"
	size_t len;       // of the current part, without NUL
	int error;        // 0, or -EMSGSIZE once something did not fit
};

void push_parts_begin(struct push_parts *w, struct push *p, const char *head);
// One option of len characters, without a comma.
void push_parts_add(struct push_parts *w, const char *option, size_t len);
// 0 or -EMSGSIZE. Without a single option there is no message.
int push_parts_end(struct push_parts *w);

// The options of all parts joined by commas, without head and push-continuation.
void push_text(const struct push *p, char out[PUSH_TEXT_BYTES]);
// The reverse. 0 or -EMSGSIZE.
int push_from_text(struct push *p, const char *head, const char *text);

// Options of such a text, one after the other: from *at on, NULL at the end. *len: its length.
const char *push_text_next(const char **at, size_t *len);
