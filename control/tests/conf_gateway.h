// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// A configuration of one gateway, valid but for the options that a test gives it: they begin in line
// 13, column 5.
#pragma once

#include "control/conf/conf.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

static inline struct conf *conf_gateway_parse(const char *options, struct conf_error *err)
{
	static const char base[] = "interfaces:\n"
				   "  - {name: eth0, side: outside}\n"
				   "  - {name: eth1, side: inside}\n"
				   "gateways:\n"
				   "  - name: gw1\n"
				   "    endpoint: {address: 192.0.2.1}\n"
				   "    ca: ca.crt\n"
				   "    cert: s.crt\n"
				   "    key: s.key\n"
				   "    client_cidr: 10.8.0.0/24\n"
				   "    local_networks:\n"
				   "      - 10.1.0.0/16\n"
				   "    ";
	char text[2048];

	memset(err, 0, sizeof(*err));
	snprintf(text, sizeof(text), "%s%s\n", base, options);
	return conf_parse(text, strlen(text), "sluice.yaml", err);
}

// Refused with this text, behind the name of the file.
static inline void conf_gateway_expect(const char *options, const char *error)
{
	struct conf_error err;
	struct conf *c = conf_gateway_parse(options, &err);
	char expected[512];

	snprintf(expected, sizeof(expected), "sluice.yaml:%s", error);
	if (c || strcmp(err.text, expected) != 0)
		fprintf(stderr, "expected: %s\n     got: %s\n", expected, err.text);
	CU_ASSERT_PTR_NULL(c);
	CU_ASSERT_STRING_EQUAL(err.text, expected);
	conf_free(c);
}
