// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Names and texts of the two lists of reasons, drop.h and punt.h.

#include <stddef.h>

#include "dataplane/drop.h"
#include "dataplane/punt.h"

struct reason {
	const char *name;
	const char *text;
};

#define X(id, counter, what) {counter, what},
static const struct reason drops[DROP_REASON_COUNT] = {DROP_REASONS(X)};
static const struct reason punts[PUNT_REASON_COUNT] = {PUNT_REASONS(X)};
#undef X

const char *drop_name(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_REASON_COUNT ? drops[reason].name : NULL;
}

const char *drop_text(enum drop_reason reason)
{
	return (unsigned int)reason < DROP_REASON_COUNT ? drops[reason].text : NULL;
}

const char *punt_name(enum punt_reason reason)
{
	return (unsigned int)reason < PUNT_REASON_COUNT ? punts[reason].name : NULL;
}

const char *punt_text(enum punt_reason reason)
{
	return (unsigned int)reason < PUNT_REASON_COUNT ? punts[reason].text : NULL;
}
