// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The tool: one request to the daemon's socket, its answer as a table or as JSON; and keys, which
// need no daemon.

#include "control/ctl/ctl_capture.h"
#include "control/ctl/ctl_keys.h"
#include "control/ctl/ctl_notice.h"
#include "control/ctl/ctl_print.h"

#include <jansson.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/sluice/sluice.sock"

enum { EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_NO_DAEMON };

static const char help_text[] =
	"sluicectl, the tool of sluiced\n"
	"\n"
	"usage: sluicectl [--socket PATH] [--json] COMMAND\n"
	"\n"
	"  status                       daemon, gateways, interfaces\n"
	"  clients [GATEWAY]            who is connected\n"
	"  counters [GATEWAY]           packets per worker, port and gateway; every loss by reason\n"
	"  capture GATEWAY --pcap FILE  copies of packets into a file, - for standard output\n"
	"      --where link|vpn         sealed, with outer header, or inner packets (default vpn)\n"
	"      --count N                stop after so many packets (default 1000)\n"
	"      --seconds S              stop after this time (default 60)\n"
	"  renegotiate CLIENT           new keys for the clients of this common name\n"
	"  kill CLIENT                  disconnect them\n"
	"  disconnect GATEWAY CLIENT    disconnect them, in words that their log shows\n"
	"      --restart                they connect again (default)\n"
	"      --halt                   their program ends\n"
	"      --auth-failed            as if they had not been let in\n"
	"      --reason TEXT            at most 200 printable characters\n"
	"      --next-remote            with --restart: they try another server first\n"
	"      --keep-credentials       they do not ask for name and password again\n"
	"  message GATEWAY CLIENT TEXT  a line for their log\n"
	"  reload                       read the configuration again\n"
	"      --restart                who cannot be told what changed must connect again\n"
	"      --check                  only say what would happen\n"
	"\n"
	"without a daemon:\n"
	"  static-key FILE              make a key for tls-auth or tls-crypt\n"
	"  tls-crypt-v2 server-key FILE make the server key of tls-crypt-v2\n"
	"  tls-crypt-v2 client-key --server-key FILE FILE\n"
	"                               make a client's key\n"
	"      --metadata TEXT          text in it for the operator, instead of the time\n"
	"      --force                  replace a file that is there\n"
	"\n"
	"  --gateway GATEWAY            renegotiate, kill: only there\n"
	"  --socket PATH                default " SOCKET_DEFAULT "\n"
	"  --json                       the result as JSON, an error too (on standard output)\n"
	"  --help, --version\n"
	"\n"
	"exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 daemon not reached\n";

struct args {
	const char *socket, *command, *gateway, *pcap, *where;
	char **operands; // NULL behind the last
	long long count, seconds;
	struct ctl_keys_args keys;
	struct ctl_notice_args notice;
	bool json, capture_option, keys_option;
};

enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_PCAP,
	OPT_WHERE,
	OPT_COUNT,
	OPT_SECONDS,
	OPT_GATEWAY,
	OPT_SERVER_KEY,
	OPT_METADATA,
	OPT_FORCE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"json", no_argument, NULL, OPT_JSON},
	{"pcap", required_argument, NULL, OPT_PCAP},
	{"where", required_argument, NULL, OPT_WHERE},
	{"count", required_argument, NULL, OPT_COUNT},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"gateway", required_argument, NULL, OPT_GATEWAY},
	{"server-key", required_argument, NULL, OPT_SERVER_KEY},
	{"metadata", required_argument, NULL, OPT_METADATA},
	{"force", no_argument, NULL, OPT_FORCE},
	CTL_NOTICE_OPTIONS,
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

// Makes a key in FILE.
static const struct key_command {
	const char *name, *subcommand; // NULL: none
	int (*make)(const struct ctl_keys_args *a);
	bool client; // needs a server key, and may have metadata
} key_commands[] = {
	{"static-key", NULL, ctl_keys_static, false},
	{"tls-crypt-v2", "server-key", ctl_keys_v2_server, false},
	{"tls-crypt-v2", "client-key", ctl_keys_v2_client, true},
};

// What stands behind a command, each a field of the request.
static const char *const with_nothing[] = {NULL};
static const char *const with_gateway[] = {"gateway", NULL};
static const char *const with_client[] = {"client", NULL};
static const char *const with_both[] = {"gateway", "client", NULL};
static const char *const with_text[] = {"gateway", "client", "text", NULL};

static const struct command {
	const char *name;
	const char *const *operands;
	bool optional;                                  // operands may be missing
	void (*print)(FILE *out, const json_t *result); // NULL: says how many clients
} commands[] = {
	{"status", with_nothing, false, ctl_print_status},
	{"clients", with_gateway, true, ctl_print_clients},
	{"counters", with_gateway, true, ctl_print_counters},
	{"capture", with_gateway, false, NULL},
	{"renegotiate", with_client, false, NULL},
	{"kill", with_client, false, NULL},
	{"disconnect", with_both, false, NULL},
	{"message", with_text, false, NULL},
	{"reload", with_nothing, false, ctl_print_reload},
};

static int capture_fd = -1; // connection of the capture that a signal ends

// Asks for the end; its reply, behind packets that are on the way, ends the loop.
static void on_signal(int sig)
{
	static const char stop[] = "{\"verb\":\"capture-stop\"}\n";
	int before = errno;

	(void)sig;
	// A daemon that is gone ends the loop as well.
	if (write(capture_fd, stop, sizeof(stop) - 1) < 0)
		errno = before;
}

static int usage(const char *text, const char *what)
{
	fprintf(stderr, "sluicectl: %s%s, see sluicectl --help\n", text, what);
	return EXIT_USAGE;
}

// -1: not a number of 1 or more.
static long long number(const char *text)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	return errno || *end || end == text || v < 1 ? -1 : v;
}

// An option of commands that make keys. False: it is another one.
static bool keys_option(struct args *a, int opt)
{
	switch (opt) {
	case OPT_SERVER_KEY:
		a->keys.server_key = optarg;
		break;
	case OPT_METADATA:
		a->keys.metadata = optarg;
		break;
	case OPT_FORCE:
		a->keys.force = true;
		break;
	default:
		return false;
	}
	a->keys_option = true;
	return true;
}

// The value of one option into a. -1: go on, else the exit status.
static int option(struct args *a, int opt)
{
	if (keys_option(a, opt) || ctl_notice_option(&a->notice, opt, optarg))
		return -1;
	switch (opt) {
	case OPT_SOCKET:
		a->socket = optarg;
		return -1;
	case OPT_JSON:
		a->json = true;
		return -1;
	case OPT_GATEWAY:
		a->gateway = optarg;
		return -1;
	case OPT_PCAP:
		a->pcap = optarg;
		break;
	case OPT_WHERE:
		a->where = optarg;
		break;
	case OPT_COUNT:
		a->count = number(optarg);
		if (a->count < 0)
			return usage("--count must be a number of 1 or more, got ", optarg);
		break;
	case OPT_SECONDS:
		a->seconds = number(optarg);
		if (a->seconds < 0)
			return usage("--seconds must be a number of 1 or more, got ", optarg);
		break;
	case OPT_HELP:
	case 'h':
		fputs(help_text, stdout);
		return EXIT_OK;
	case OPT_VERSION:
		puts("sluicectl " SLUICE_VERSION);
		return EXIT_OK;
	case ':':
		return usage("value is missing after ", "an option");
	default:
		return usage("unknown option", "");
	}
	a->capture_option = true;
	return -1;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool is_key_command(const char *name)
{
	for (size_t i = 0; i < sizeof(key_commands) / sizeof(*key_commands); i++)
		if (strcmp(key_commands[i].name, name) == 0)
			return true;
	return false;
}

// words: what stands behind the name of the command. The exit status.
static int make_key(struct args *a, const char *name, char **words, int count)
{
	const struct key_command *c = NULL;
	bool sub = strcmp(name, "static-key") != 0;

	for (size_t i = 0; i < sizeof(key_commands) / sizeof(*key_commands); i++) {
		const struct key_command *k = &key_commands[i];

		if (strcmp(k->name, name) == 0 &&
			(!k->subcommand || (count > 0 && strcmp(k->subcommand, words[0]) == 0)))
			c = k;
	}
	if (!c)
		return usage("server-key or client-key must follow ", name);
	if (count != (sub ? 2 : 1))
		return usage(count < (sub ? 2 : 1) ? "name of a file is missing after "
						   : "too many arguments for ",
			sub ? c->subcommand : name);
	if (a->capture_option || a->gateway || a->json || ctl_notice_check(&a->notice, name))
		return usage("only --server-key, --metadata and --force belong to ", name);
	if (!c->client && (a->keys.server_key || a->keys.metadata))
		return usage("--server-key and --metadata belong to client-key, not to ",
			sub ? c->subcommand : name);
	if (c->client && !a->keys.server_key)
		return usage("client-key needs --server-key FILE", "");
	a->keys.file = words[count - 1];
	return c->make(&a->keys) < 0 ? EXIT_REFUSED : EXIT_OK;
}

static int check_operands(const struct args *a, const struct command *c)
{
	char text[64];
	size_t n = 0;

	while (c->operands[n] && a->operands[n])
		n++;
	if (a->operands[n])
		return usage("too many arguments for ", c->name);
	if (!c->operands[n] || c->optional)
		return -1;
	snprintf(text, sizeof(text),
		strcmp(c->operands[n], "text") ? "name of a %s is missing after "
					       : "%s is missing after ",
		c->operands[n]);
	return usage(text, c->name);
}

static int check(const struct args *a, const struct command *c)
{
	const char *wrong = ctl_notice_check(&a->notice, c->name);
	int ret = check_operands(a, c);

	if (ret >= 0)
		return ret;
	if (wrong)
		return usage(wrong, c->name);
	if (strcmp(c->name, "capture") == 0 && !a->pcap)
		return usage("capture needs --pcap FILE", "");
	if (strcmp(c->name, "capture") != 0 && a->capture_option)
		return usage("--pcap, --where, --count and --seconds belong to capture, not to ",
			c->name);
	if (a->gateway && c->operands != with_client)
		return usage("--gateway belongs to renegotiate and kill, not to ", c->name);
	if (a->keys_option)
		return usage("--server-key, --metadata and --force do not belong to ", c->name);
	return -1;
}

static int parse(struct args *a, int argc, char **argv, const struct command **out)
{
	const struct command *c;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		ret = option(a, opt);
		if (ret >= 0)
			exit(ret);
	}
	if (optind == argc)
		return usage("command is missing", "");
	if (is_key_command(argv[optind]))
		return make_key(a, argv[optind], &argv[optind + 1], argc - optind - 1);
	c = *out = command_find(argv[optind]);
	if (!c)
		return usage("unknown command ", argv[optind]);
	a->operands = &argv[optind + 1];
	return check(a, c);
}

static int failed(const struct args *a, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// A line on standard error. With --json an object where the result would have been: on standard
// output, unless that is a capture's file. Returns the exit status.
static int failed(const struct args *a, int status, const char *fmt, ...)
{
	FILE *out = a->pcap && strcmp(a->pcap, "-") == 0 ? stderr : stdout;
	char text[2048];
	va_list ap;
	json_t *o;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o = a->json ? json_pack("{s:b, s:s}", "ok", 0, "error", text) : NULL;
	if (o) {
		json_dumpf(o, out, JSON_COMPACT);
		fputc('\n', out);
	} else { // or what is not UTF-8
		fprintf(stderr, "sluicectl: %s\n", text);
	}
	json_decref(o);
	return status;
}

static int no_daemon(const struct args *a, int err)
{
	if (err == ENOENT || err == ECONNREFUSED)
		return failed(a, EXIT_NO_DAEMON,
			"sluiced is not running (nobody answers on %s): start it with "
			"\"sluiced -c /etc/sluice/sluice.yaml\", or name its socket with --socket",
			a->socket);
	if (err == EACCES)
		return failed(a, EXIT_NO_DAEMON, "no permission for %s: run as root", a->socket);
	return failed(a, EXIT_NO_DAEMON, "%s: %s", a->socket, strerror(err));
}

// A stream to the daemon, or NULL and errno.
static FILE *daemon_open(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	FILE *f;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		f = fdopen(fd, "r+");
		if (f)
			return f;
	}
	close(fd);
	return NULL;
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (value)
		json_object_set_new(o, key, json_string(value));
}

static int daemon_send(FILE *f, const struct args *a, const struct command *c)
{
	json_t *o = json_object();
	bool ok;

	set_text(o, "verb", c->name);
	set_text(o, "gateway", a->gateway);
	for (size_t i = 0; c->operands[i]; i++)
		set_text(o, c->operands[i], a->operands[i]);
	ctl_notice_fill(&a->notice, c->name, o);
	set_text(o, "where", a->where);
	if (a->count)
		json_object_set_new(o, "count", json_integer(a->count));
	if (a->seconds)
		json_object_set_new(o, "seconds", json_integer(a->seconds));
	ok = json_dumpf(o, f, JSON_COMPACT) == 0 && fputc('\n', f) != EOF && fflush(f) == 0;
	json_decref(o);
	return ok ? 0 : -1;
}

// The next line as an object, or NULL.
static json_t *daemon_line(FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, f);
	json_t *o = n > 0 ? json_loadb(line, (size_t)n, 0, NULL) : NULL;

	free(line);
	return o;
}

static int reply_error(const struct args *a, const json_t *reply)
{
	const char *text = json_string_value(json_object_get(reply, "error"));

	return failed(a, EXIT_REFUSED, "%s", text ? text : "sluiced gave no valid answer");
}

static int capture_summary(const struct args *a, const json_t *end)
{
	long long packets = json_integer_value(json_object_get(end, "packets"));
	long long lost = json_integer_value(json_object_get(end, "lost"));
	const char *reason = json_string_value(json_object_get(end, "reason"));
	bool closed = reason && strcmp(reason, "closed") == 0;
	FILE *out = strcmp(a->pcap, "-") == 0 ? stderr : stdout;

	if (a->json)
		fprintf(out, "{\"packets\":%lld,\"lost\":%lld}\n", packets, lost);
	else
		fprintf(out, "%lld packets in %s, %lld lost%s\n", packets, a->pcap, lost,
			closed ? "; the gateway was removed" : "");
	return EXIT_OK;
}

// The last line of a capture: its own end, or the reply to on_signal(). NULL: it is neither.
static const json_t *capture_end(const json_t *line)
{
	const char *event = json_string_value(json_object_get(line, "event"));

	if (!event)
		return json_object_get(line, "result");
	return strcmp(event, "end") == 0 ? line : NULL;
}

static int capture_loop(FILE *f, const struct args *a, FILE *pcap)
{
	long long packets = 0;
	const json_t *end;
	json_t *line;
	int ret;

	while ((line = daemon_line(f))) {
		end = capture_end(line);
		ret = end ? capture_summary(a, end) : ctl_capture_packet(pcap, line);
		json_decref(line);
		if (end)
			return ret;
		if (ret < 0)
			return failed(a, EXIT_REFUSED, "%s: %s", a->pcap, strerror(errno));
		packets++;
	}
	return failed(a, EXIT_REFUSED, "sluiced went away, %lld packets in %s", packets, a->pcap);
}

static int capture(FILE *f, const struct args *a, const json_t *result)
{
	// A second signal does not wait for the daemon.
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
	FILE *pcap = strcmp(a->pcap, "-") == 0 ? stdout : fopen(a->pcap, "we");
	long long snaplen = json_integer_value(json_object_get(result, "snaplen"));
	int ret;

	if (!pcap || ctl_capture_begin(pcap, (unsigned int)snaplen) < 0) {
		ret = failed(a, EXIT_REFUSED, "%s: %s", a->pcap, strerror(errno));
		if (pcap)
			fclose(pcap);
		return ret;
	}
	capture_fd = fileno(f);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	ret = capture_loop(f, a, pcap);
	if (fclose(pcap) != 0 && ret == EXIT_OK)
		ret = failed(a, EXIT_REFUSED, "%s: %s", a->pcap, strerror(errno));
	return ret;
}

static int show(FILE *f, const struct args *a, const struct command *c, const json_t *reply)
{
	const json_t *result = json_object_get(reply, "result");

	if (!json_is_true(json_object_get(reply, "ok")))
		return reply_error(a, reply);
	if (strcmp(c->name, "capture") == 0)
		return capture(f, a, result);
	if (a->json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (c->print) {
		c->print(stdout, result);
	} else {
		printf("%s: %lld client%s\n", c->name,
			(long long)json_integer_value(json_object_get(result, "clients")),
			json_integer_value(json_object_get(result, "clients")) == 1 ? "" : "s");
	}
	if (fflush(stdout) == 0)
		return EXIT_OK;
	fprintf(stderr, "sluicectl: standard output: %s\n", strerror(errno));
	return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	struct args a = {.socket = SOCKET_DEFAULT};
	const struct command *c = NULL;
	json_t *reply;
	FILE *f;
	int ret = parse(&a, argc, argv, &c);

	if (ret >= 0)
		return ret;
	signal(SIGPIPE, SIG_IGN);
	f = daemon_open(a.socket);
	if (!f)
		return no_daemon(&a, errno);
	if (daemon_send(f, &a, c) < 0) {
		ret = failed(&a, EXIT_NO_DAEMON, "%s: %s", a.socket, strerror(errno));
		fclose(f);
		return ret;
	}
	reply = daemon_line(f);
	ret = show(f, &a, c, reply);
	json_decref(reply);
	fclose(f);
	return ret;
}
