// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Whether two gateways can run side by side: in one file, or one of a file beside one that already
// runs. Pure functions, any thread.
#pragma once

#include "control/conf/conf.h"

#define CONF_CLASH_BYTES 384

// The option of `g` that clashes with what `o` has, NULL if none does; `why` then says what it must
// be and is, to be put behind the option's name.
const char *conf_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES]);
// The same for g's client networks and o's local networks alone; `o` may be `g`.
const char *conf_clash_local(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES]);
// The option of `g` that cannot go with another one of its own, of those that a reload may put
// together from the file and what it leaves as it is.
const char *conf_clash_self(const struct conf_gateway *g, char why[CONF_CLASH_BYTES]);
