// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// sluiced: command line and signals. Everything else is node.c's.

#include "control/gateway.h"
#include "control/node.h"
#include "control/options.h"
#include "dataplane/base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

LOG_TYPE("sluiced");

static void on_stop(struct ev_loop *loop, ev_signal *s, int revents)
{
	(void)loop;
	(void)revents;
	LOG(NOTICE, "stopping on signal %d", s->signum);
	node_shutdown(s->data);
}

static void on_reload(struct ev_loop *loop, ev_signal *s, int revents)
{
	struct node_reload_report report;

	(void)loop;
	(void)revents;
	node_reload(s->data, &report);
}

static void watch_signal(
	struct node *n, ev_signal *w, int signum, void (*fn)(struct ev_loop *, ev_signal *, int))
{
	ev_signal_init(w, fn, signum);
	w->data = n;
	ev_signal_start(n->loop, w);
}

// While the start blocks signals they wait: one that came then must leave nothing behind, too.
// Threads inherit the mask, so that none but this one ever runs a handler.
static void mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(how, &set, NULL); // cannot fail with these arguments
}

static void run(struct node *n)
{
	static ev_signal term, intr, hup; // the loop has them to the end of the process

	watch_signal(n, &term, SIGTERM, on_stop);
	watch_signal(n, &intr, SIGINT, on_stop);
	watch_signal(n, &hup, SIGHUP, on_reload);
	mask_signals(SIG_UNBLOCK);
	node_run(n);
}

// Warnings, and whether the files the gateways name hold what they must.
static int check(const struct conf *conf)
{
	struct gateway_settings *s;
	struct conf_error err;

	for (size_t i = 0; i < conf->warning_count; i++)
		fprintf(stderr, "sluiced: warning: %s\n", conf->warnings[i]);
	for (size_t i = 0; i < conf->gateway_count; i++) {
		s = gateway_settings_load(&conf->gateways[i], err.text, sizeof(err.text));
		if (!s) {
			fprintf(stderr, "sluiced: %s\n", err.text);
			return 1;
		}
		gateway_settings_drop(s);
	}
	printf("%s: ok\n", conf->path);
	return 0;
}

int main(int argc, char **argv)
{
	enum options_action action;
	struct conf_error err;
	struct options opt;
	struct conf *conf;
	struct node *n;
	int ret;

	action = options_parse(argc, argv, &opt, stdout, stderr);
	if (action == OPTIONS_DONE || action == OPTIONS_ERROR)
		return action == OPTIONS_DONE ? 0 : 2;
	if (action != OPTIONS_CHECK)
		mask_signals(SIG_BLOCK);
	conf = conf_load(opt.config, &err);
	if (!conf) {
		fprintf(stderr, "sluiced: %s\n", err.text);
		return 1;
	}
	if (action == OPTIONS_CHECK) {
		ret = check(conf);
		conf_free(conf);
		return ret;
	}
	log_set_prefix(getenv("JOURNAL_STREAM") != NULL);
	log_set_level((enum log_level)(opt.log_level >= 0 ? opt.log_level : conf->log_level));
	for (size_t i = 0; i < conf->warning_count; i++)
		LOG(WARNING, "%s", conf->warnings[i]);
	signal(SIGPIPE, SIG_IGN);
	n = node_start(conf, opt.disable_workers);
	if (!n)
		return 1;
	run(n);
	node_stop(n);
	LOG(NOTICE, "stopped");
	return 0;
}
