// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a reload refuses: every option that only a restart can change by its name, and nothing that
// has merely moved in the file.

#include "control/node.h"

#include "dataplane/tests/harness.h"

#include <CUnit/CUnit.h>

#include <stdio.h>
#include <string.h>

#define GATEWAY \
	"gateways:\n" \
	"  - name: gw1\n" \
	"    endpoint: {address: 192.0.2.1, port: 1194}\n" \
	"    ca: ca.crt\n" \
	"    cert: s.crt\n" \
	"    key: s.key\n" \
	"    client_cidr: 10.8.0.0/24\n" \
	"    local_networks: [10.1.0.0/16]\n"
#define INTERFACES \
	"interfaces:\n" \
	"  - {name: eth0, side: outside}\n" \
	"  - {name: eth1, side: inside, vlans: {7: blue}}\n"

static struct conf *parse(const char *text)
{
	struct conf_error err = {""};
	struct conf *c = conf_parse(text, strlen(text), "sluice.yaml", &err);

	if (!c)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static void test_refused(void)
{
	static const struct {
		const char *text, *report;
	} cases[] = {
		{"workers: 1\n" INTERFACES GATEWAY, ""},
		{"# moved\n\nworkers: 1\n" INTERFACES GATEWAY, ""},
		{"workers: 2\n" INTERFACES GATEWAY, "refused: workers: needs a restart\n"},
		{"workers: 1\ncontrol_pps: 30000\nmemory: 1gb\n" INTERFACES GATEWAY,
			"refused: memory: needs a restart\n"
			"refused: control_pps: needs a restart\n"},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside, mtu: 1400}\n"
		 "  - {name: eth1, side: inside}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: both}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
		// How a VLAN is written does not matter.
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside}\n"
		 "  - {name: eth1, side: inside, vlans: {7: {netns: blue, interface: eth1.7}}}\n" GATEWAY,
			""},
		{"workers: 1\n"
		 "interfaces:\n"
		 "  - {name: eth0, side: outside}\n"
		 "  - {name: eth1, side: inside, vlans: {7: {netns: blue, interface: blue0}}}\n" GATEWAY,
			"refused: interfaces: needs a restart\n"},
	};
	struct conf *now = parse(cases[0].text);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_reload_report report = {.text = ""};
		struct conf *new = parse(cases[i].text);

		reload_refuse_node_options(now, new, &report);
		CU_ASSERT_STRING_EQUAL(report.text, cases[i].report);
		conf_free(new);
	}
	conf_free(now);
}

int main(void)
{
	static const struct harness_test tests[] = {
		{"names what needs a restart, and nothing else", test_refused},
		{NULL, NULL},
	};

	return harness_run("reload", tests);
}
