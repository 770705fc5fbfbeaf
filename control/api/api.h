// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The unix socket of sluicectl: one JSON request per line, one JSON reply per line.
//   {"verb":"clients","gateway":"gw1"}
//   {"ok":true,"version":"0.1.0","verb":"clients","result":{...}}
//   {"ok":false,"version":"0.1.0","verb":"clients","error":"no gateway gw1"}
// docs/api.md has the verbs and what their results look like. Requests, replies and the number of
// clients are bounded; nothing here blocks. Control thread only.
#pragma once

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <stdbool.h>

#define API_REQUEST_BYTES 65536
#define API_REPLY_BYTES (64 << 20)
#define API_CLIENTS_MAX 32
#define API_ERROR_BYTES 512

struct api;
struct capture;

// What the daemon answers. Each returns a new reference, or NULL with one line in err (an empty err
// is reported as lack of memory). `gateway` is the name of one that exists, or NULL for all.
struct api_ops {
	// Id of a gateway by name, -1: there is none. Names are validated with it before other calls.
	int (*gateway_id)(void *arg, const char *name);
	// {"pid", "uptime_s", "config", "workers", "gateways": [...], "interfaces": [...], ...}
	json_t *(*status)(void *arg, char *err);
	// [stats_client()...]
	json_t *(*clients)(void *arg, const char *gateway, char *err);
	// stats_counters()
	json_t *(*counters)(void *arg, const char *gateway, char *err);
	// As SIGHUP: {"applied":[text...], "refused":[text...]}; an error means nothing was changed.
	// restart: clients that cannot be told what changed while they are connected must reconnect.
	// check: nothing is done, "planned" stands for "applied".
	json_t *(*reload)(void *arg, bool restart, bool check, char *err);
	// Acts on the connected clients of this common name; returns how many there were.
	unsigned int (*renegotiate)(void *arg, const char *gateway, const char *client);
	unsigned int (*kill)(void *arg, const char *gateway, const char *client);
	// The same with a control string (notice.h), the last the client gets or one of many. err is
	// empty if there is no such client.
	unsigned int (*disconnect)(
		void *arg, const char *gateway, const char *client, const char *notice, char *err);
	unsigned int (*message)(
		void *arg, const char *gateway, const char *client, const char *notice, char *err);
};

// Makes the directory and the socket (mode 0600), removes a stale one. NULL and errno after one
// logged line; EADDRINUSE: a running daemon answers there.
struct api *api_new(struct ev_loop *loop, const char *path, const struct api_ops *ops, void *arg);
// Without it captures are refused. Outlives the api.
void api_set_capture(struct api *api, struct capture *capture);
// Closes every connection and removes the socket; accepts NULL.
void api_free(struct api *api);
