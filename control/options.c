// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/options.h"

#include "control/conf/conf.h"
#include "dataplane/base/log.h"

#include <getopt.h>
#include <string.h>

static const char help_text[] =
	"sluiced, an OpenVPN-protocol gateway on DPDK\n"
	"\n"
	"usage: sluiced [-c FILE] [--log-level LEVEL]\n"
	"       sluiced [-c FILE] --check\n"
	"       sluiced --help | --help-config | --man | --version\n"
	"\n"
	"  -c, --config FILE      configuration, default " OPTIONS_CONFIG "\n"
	"      --check            validate the configuration and the files it names, and exit\n"
	"      --log-level LEVEL  error, warning, notice, info or debug; before the configuration's\n"
	"      --disable-workers  test aid: workers poll no port, all packets take the slow path\n"
	"      --help             this text\n"
	"      --help-config      every option of the configuration file\n"
	"      --man              manual page sluice.yaml(5) as roff\n"
	"      --version          version\n"
	"\n"
	"SIGTERM stops, telling clients; SIGHUP reloads the configuration.\n"
	"exit status: 0 stopped or valid, 1 failed or not valid, 2 wrong usage\n";

static const char man_head[] =
	".TH SLUICE.YAML 5 \"\" \"Sluice " SLUICE_VERSION "\" \"Sluice\"\n"
	".SH NAME\n"
	"sluice.yaml \\- configuration of sluiced\n"
	".SH DESCRIPTION\n"
	"One YAML file describes a node: how many workers there are, the interfaces they poll,\n"
	"and a list of VPN gateways. Options keep OpenVPN's names where the meaning is the same.\n"
	".PP\n"
	"Durations are seconds or have a unit (10s, 5m, 1h, 7d), sizes are bytes or have one\n"
	"(64kb, 512mb, 1gb). Relative paths start in the directory of the file. A list of one may\n"
	"be written without brackets. Anchors, aliases, tags, keys given twice, more than one\n"
	"document, and files above 4 MB are refused.\n"
	".PP\n"
	"A problem is reported in one line with file, line, column, gateway, option, the legal\n"
	"range and the value found. Options that are not supported yet are refused by name.\n";

static const char man_tail[] = ".SH FILES\n"
			       ".TP\n" OPTIONS_CONFIG "\n"
			       "The default.\n"
			       ".SH SEE ALSO\n"
			       ".BR sluiced (8),\n"
			       ".BR sluicectl (8)\n";

enum { OPT_CHECK = 256, OPT_HELP, OPT_HELP_CONFIG, OPT_MAN, OPT_VERSION, OPT_LOG, OPT_DISABLE };

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, OPT_CHECK},
	{"log-level", required_argument, NULL, OPT_LOG},
	{"disable-workers", no_argument, NULL, OPT_DISABLE},
	{"help", no_argument, NULL, OPT_HELP},
	{"help-config", no_argument, NULL, OPT_HELP_CONFIG},
	{"man", no_argument, NULL, OPT_MAN},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static int log_level(const char *name)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_NOTICE] = "notice",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	for (int i = LOG_LEVEL_ERR; i <= LOG_LEVEL_DEBUG; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static enum options_action print(int opt, FILE *out)
{
	if (opt == OPT_HELP)
		fputs(help_text, out);
	if (opt == OPT_VERSION)
		fputs("sluiced " SLUICE_VERSION "\n", out);
	if (opt == OPT_HELP_CONFIG)
		conf_schema_help(out);
	if (opt == OPT_MAN) {
		fputs(man_head, out);
		conf_schema_man(out);
		fputs(man_tail, out);
	}
	return OPTIONS_DONE;
}

static enum options_action wrong(FILE *err, const char *what, const char *value)
{
	fprintf(err, "sluiced: %s \"%s\", see sluiced --help\n", what, value);
	return OPTIONS_ERROR;
}

enum options_action options_parse(int argc, char **argv, struct options *o, FILE *out, FILE *err)
{
	enum options_action action = OPTIONS_RUN;
	int opt;

	*o = (struct options){.config = OPTIONS_CONFIG, .log_level = -1};
	optind = 0; // starts over, for tests
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:c:h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			o->config = optarg;
			break;
		case OPT_CHECK:
			action = OPTIONS_CHECK;
			break;
		case OPT_LOG:
			o->log_level = log_level(optarg);
			if (o->log_level < 0)
				return wrong(err,
					"--log-level must be error, warning, notice, info or debug, got",
					optarg);
			break;
		case OPT_DISABLE:
			o->disable_workers = true;
			break;
		case 'h':
			return print(OPT_HELP, out);
		case ':':
			return wrong(err, "value is missing after", argv[optind - 1]);
		case '?':
			return wrong(err, "unknown option", argv[optind - 1]);
		default:
			return print(opt, out);
		}
	}
	if (optind < argc)
		return wrong(err, "unexpected argument", argv[optind]);
	return action;
}
