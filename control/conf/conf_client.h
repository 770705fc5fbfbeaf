// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Options of single clients: what is wrong with them, in themselves, beside their gateway's and
// beside other clients'. Pure functions, any thread.
#pragma once

#include "control/conf/conf.h"
#include "control/conf/conf_clash.h"

// The option of the gateway's client `index` that is wrong, of itself or beside an earlier client; NULL:
// none. `why` then says what it must be and is, to be put behind the option's name.
const char *conf_client_fault(
	const struct conf_gateway *g, size_t index, char why[CONF_CLASH_BYTES]);
// Two gateways of one routing domain: subnets behind clients of g against those of o, and against o's
// client networks. The option of g and `why`, as above.
const char *conf_client_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES]);
const char *conf_client_cidr_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES]);
// The other way round: client networks of g against subnets behind clients of o.
const char *conf_cidr_client_clash(
	const struct conf_gateway *g, const struct conf_gateway *o, char why[CONF_CLASH_BYTES]);
