// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// PUSH_UPDATE: from what a client has been told to what it would be told now, in the few options
// that it can change while it is connected. Texts are as from push_text(). Pure.
// [OpenVPN options_util.c, options.c update_option, remove_option]
#pragma once

#include "control/channel/push_parts.h"

#define PUSH_NAMES_BYTES 128

struct push_change {
	// Names of options that differ, "route, dns"; "": none. What does not fit is "...".
	char live[PUSH_NAMES_BYTES];  // an update can carry them
	char later[PUSH_NAMES_BYTES]; // only a new connection can
};

// 0, or -EMSGSIZE: more options than any configuration has.
int push_change_find(struct push_change *c, const char *told, const char *now);
// Adds one name to such a list, unless it is there.
void push_names_add(char names[PUSH_NAMES_BYTES], const char *name, size_t len);

// The update for what is `live`, and what the client will have been told after it. No parts: nothing
// to update. 0 or -EMSGSIZE.
int push_update_compose(
	struct push *p, char then[PUSH_TEXT_BYTES], const char *told, const char *now);
