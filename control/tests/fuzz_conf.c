// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The configuration file. Whatever it holds: a configuration within its own limits, or one line
// that says why not.

#include "control/conf/conf.h"

#include "control/tests/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_error err = {""};
	struct conf *c = conf_parse((const char *)data, len, "fuzz.yaml", &err);

	if (c == NULL) {
		FUZZ_CHECK(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
		FUZZ_CHECK(strncmp(err.text, "fuzz.yaml", 9) == 0);
		FUZZ_CHECK(strchr(err.text, '\n') == NULL);
		return 0;
	}
	FUZZ_CHECK(c->gateway_count > 0 && c->gateway_count <= CONF_GATEWAYS_MAX);
	FUZZ_CHECK(c->interface_count <= PORT_ACCELERATED_MAX);
	for (size_t i = 0; i < c->gateway_count; i++) {
		const struct conf_gateway *gw = &c->gateways[i];

		FUZZ_CHECK(gw->local_network_count <= CONF_LIST_MAX);
		FUZZ_CHECK(gw->dns_count <= CONF_LIST_MAX);
		FUZZ_CHECK(gw->data_cipher_count > 0);
		FUZZ_CHECK(gw->data_cipher_count <= CIPHER_COUNT);
		FUZZ_CHECK(gw->allow_insecure || !conf_allows_none(gw));
		FUZZ_CHECK(conf_gateway_by_name(c, gw->name) == gw);
	}
	FUZZ_CHECK(conf_clients_max(c) > 0);
	conf_free(c);
	return 0;
}
