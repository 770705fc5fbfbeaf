// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/api/api.h"

#include "control/api/api_socket.h"
#include "control/api/capture.h"
#include "control/channel/notice.h"
#include "dataplane/base/log.h"
#include "dataplane/capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

LOG_TYPE("api");

#define CAPTURE_BACKLOG_BYTES (1 << 20) // unsent packets of a capture; more are lost
#define CAPTURE_COUNT_DEFAULT 1000
#define CAPTURE_SECONDS_DEFAULT 60

struct client {
	struct api *api;
	struct client *prev, *next;
	int fd;
	ev_io readable, writable;
	bool eof;    // no more requests; closes when everything is sent
	bool broken; // out of memory or output refused: closes at once
	char *out;
	size_t out_len, out_sent, out_room;
	struct capture_job *job;
	size_t in_len;
	char in[API_REQUEST_BYTES];
};

struct api {
	struct ev_loop *loop;
	const struct api_ops *ops;
	void *arg;
	struct capture *capture;
	int fd;
	ev_io acceptable;
	struct client *clients;
	unsigned int client_count;
	char path[108];
};

struct request {
	struct client *client;
	struct api *api;
	const char *verb, *gateway, *name, *where, *how, *text;
	int next_remote, keep_credentials, restart, check; // 0, 1
	int gateway_id;
	json_int_t count, seconds;
};

static void client_close(struct client *c)
{
	struct api *api = c->api;

	if (c->job)
		capture_stop(c->job, NULL, NULL);
	ev_io_stop(api->loop, &c->readable);
	ev_io_stop(api->loop, &c->writable);
	if (c->prev)
		c->prev->next = c->next;
	else
		api->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	api->client_count--;
	close(c->fd);
	free(c->out);
	free(c);
}

static size_t pending(const struct client *c)
{
	return c->out_len - c->out_sent;
}

// Room for n more bytes of output, or NULL.
static char *out_room(struct client *c, size_t n)
{
	size_t room = c->out_room ? c->out_room : 4096;
	char *out;

	// Sent bytes make room first, else a steady capture would grow without end.
	if (c->out_sent && c->out_len + n > c->out_room) {
		memmove(c->out, c->out + c->out_sent, c->out_len - c->out_sent);
		c->out_len -= c->out_sent;
		c->out_sent = 0;
	}
	if (n > API_REPLY_BYTES || c->out_len > API_REPLY_BYTES)
		return NULL;
	while (room < c->out_len + n)
		room *= 2;
	if (room != c->out_room) {
		out = realloc(c->out, room);
		if (!out)
			return NULL;
		c->out = out;
		c->out_room = room;
	}
	return c->out + c->out_len;
}

// The writable watcher does the writing, so that callbacks from elsewhere never free a client.
static void out_done(struct client *c, size_t n)
{
	c->out_len += n;
	ev_io_start(c->api->loop, &c->writable);
}

static void send_line(struct client *c, json_t *line)
{
	size_t n = line ? json_dumpb(line, NULL, 0, JSON_COMPACT) : 0;
	char *to = n ? out_room(c, n + 1) : NULL;

	if (to && json_dumpb(line, to, n, JSON_COMPACT) == n) {
		to[n] = '\n';
		out_done(c, n + 1);
	} else {
		c->broken = true;
		ev_io_start(c->api->loop, &c->writable);
	}
	json_decref(line);
}

// Takes the reference of result; NULL result: an error with its text.
static void reply(struct client *c, const char *verb, json_t *result, const char *error)
{
	json_t *o = json_object();

	if (result && json_dumpb(result, NULL, 0, JSON_COMPACT) > API_REPLY_BYTES - 1024) {
		json_decref(result);
		result = NULL;
		error = "reply is too large: ask for one gateway";
	}
	json_object_set_new(o, "ok", json_boolean(result != NULL));
	json_object_set_new(o, "version", json_string(SLUICE_VERSION));
	if (verb)
		json_object_set_new(o, "verb", json_string(verb));
	if (result)
		json_object_set_new(o, "result", result);
	else
		json_object_set_new(
			o, "error", json_string(error && error[0] ? error : "out of memory"));
	send_line(c, o);
}

static json_t *verb_status(struct request *r, char *err)
{
	return r->api->ops->status(r->api->arg, err);
}

static json_t *verb_clients(struct request *r, char *err)
{
	return r->api->ops->clients(r->api->arg, r->gateway, err);
}

static json_t *verb_counters(struct request *r, char *err)
{
	return r->api->ops->counters(r->api->arg, r->gateway, err);
}

static json_t *verb_reload(struct request *r, char *err)
{
	return r->api->ops->reload(r->api->arg, r->restart, r->check, err);
}

static json_t *no_client(const struct request *r, char *err)
{
	if (!err[0])
		snprintf(err, API_ERROR_BYTES, "no connected client \"%.128s\"", r->name);
	return NULL;
}

static json_t *act(struct request *r, char *err,
	unsigned int (*action)(void *arg, const char *gateway, const char *client))
{
	unsigned int n;

	if (!r->name || !r->name[0]) {
		snprintf(err, API_ERROR_BYTES, "%s needs a client", r->verb);
		return NULL;
	}
	n = action(r->api->arg, r->gateway, r->name);
	if (n)
		return json_pack("{s:i}", "clients", (int)n);
	return no_client(r, err);
}

static json_t *verb_renegotiate(struct request *r, char *err)
{
	return act(r, err, r->api->ops->renegotiate);
}

static json_t *verb_kill(struct request *r, char *err)
{
	return act(r, err, r->api->ops->kill);
}

// Says something to the clients of one gateway.
static json_t *notify(struct request *r, const struct notice *n, char *err,
	unsigned int (*action)(
		void *arg, const char *gateway, const char *client, const char *notice, char *err))
{
	char notice[NOTICE_BYTES];
	unsigned int count;

	if (!r->gateway || !r->name || !r->name[0]) {
		snprintf(err, API_ERROR_BYTES, "%s needs a gateway and a client", r->verb);
		return NULL;
	}
	if (notice_compose(notice, n, err, API_ERROR_BYTES))
		return NULL;
	count = action(r->api->arg, r->gateway, r->name, notice, err);
	return count ? json_pack("{s:i}", "clients", (int)count) : no_client(r, err);
}

static json_t *verb_disconnect(struct request *r, char *err)
{
	struct notice n = {.kind = NOTICE_RESTART,
		.text = r->text,
		.next_remote = r->next_remote,
		.keep_credentials = r->keep_credentials};

	if (r->how && !notice_kind_by_name(r->how, &n.kind)) {
		snprintf(err, API_ERROR_BYTES,
			"how must be restart, halt or auth-failed, got \"%.64s\"", r->how);
		return NULL;
	}
	return notify(r, &n, err, r->api->ops->disconnect);
}

static json_t *verb_message(struct request *r, char *err)
{
	struct notice n = {.kind = NOTICE_INFO, .text = r->text};

	return notify(r, &n, err, r->api->ops->message);
}

static size_t base64(char *to, const uint8_t *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = to;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;

		v |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
		v |= i + 2 < len ? data[i + 2] : 0;
		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*at++ = i + 2 < len ? digits[v & 63] : '=';
	}
	return (size_t)(at - to);
}

static bool capture_packet(void *arg, const struct capture_packet *p)
{
	struct client *c = arg;
	size_t head_max = 128, n;
	char *to;

	if (pending(c) > CAPTURE_BACKLOG_BYTES)
		return false;
	to = out_room(c, head_max + (p->len + 2) / 3 * 4 + 4);
	if (!to)
		return false;
	n = (size_t)snprintf(to, head_max,
		"{\"event\":\"packet\",\"time_us\":%llu,\"len\":%u,\"inbound\":%s,\"data\":\"",
		(unsigned long long)p->time_us, p->orig_len, p->inbound ? "true" : "false");
	n += base64(to + n, p->data, p->len);
	memcpy(to + n, "\"}\n", 3);
	out_done(c, n + 3);
	return true;
}

static void capture_end(void *arg, enum capture_end why, uint64_t packets, uint64_t lost)
{
	static const char *const names[] = {"count", "time", "stopped", "closed"};
	struct client *c = arg;

	c->job = NULL;
	send_line(c, json_pack("{s:s, s:s, s:I, s:I}", "event", "end", "reason", names[why],
			     "packets", (json_int_t)packets, "lost", (json_int_t)lost));
}

static json_t *verb_capture(struct request *r, char *err)
{
	struct client *c = r->client;
	struct capture_sink sink = {capture_packet, capture_end, c};
	uint8_t what = CAPTURE_VPN;

	if (r->where && strcmp(r->where, "link") == 0)
		what = CAPTURE_LINK;
	else if (r->where && strcmp(r->where, "vpn") != 0)
		snprintf(err, API_ERROR_BYTES, "where must be link or vpn");
	if (!r->gateway)
		snprintf(err, API_ERROR_BYTES, "capture needs a gateway");
	else if (r->count < 1 || r->count > CAPTURE_COUNT_MAX)
		snprintf(err, API_ERROR_BYTES, "count must be 1..%u", CAPTURE_COUNT_MAX);
	else if (r->seconds < 1 || r->seconds > CAPTURE_SECONDS_MAX)
		snprintf(err, API_ERROR_BYTES, "seconds must be 1..%u", CAPTURE_SECONDS_MAX);
	else if (!r->api->capture)
		snprintf(err, API_ERROR_BYTES, "captures are not available");
	else if (c->job)
		snprintf(err, API_ERROR_BYTES, "this connection has a capture already");
	if (err[0])
		return NULL;
	c->job = capture_start(r->api->capture, (uint16_t)r->gateway_id, what, (uint64_t)r->count,
		(uint32_t)r->seconds, &sink);
	if (!c->job) {
		snprintf(err, API_ERROR_BYTES, "capture: %s",
			errno == EBUSY ? "too many at a time" : strerror(errno));
		return NULL;
	}
	return json_pack("{s:s, s:s, s:i}", "gateway", r->gateway, "where",
		what == CAPTURE_VPN ? "vpn" : "link", "snaplen", CAPTURE_SNAPLEN);
}

static json_t *verb_capture_stop(struct request *r, char *err)
{
	uint64_t packets, lost;

	if (!r->client->job) {
		snprintf(err, API_ERROR_BYTES, "this connection has no capture");
		return NULL;
	}
	capture_stop(r->client->job, &packets, &lost);
	r->client->job = NULL;
	return json_pack("{s:I, s:I}", "packets", (json_int_t)packets, "lost", (json_int_t)lost);
}

static const struct {
	const char *name;
	json_t *(*run)(struct request *r, char *err);
} verbs[] = {
	{"status", verb_status},
	{"clients", verb_clients},
	{"counters", verb_counters},
	{"reload", verb_reload},
	{"renegotiate", verb_renegotiate},
	{"kill", verb_kill},
	{"disconnect", verb_disconnect},
	{"message", verb_message},
	{"capture", verb_capture},
	{"capture-stop", verb_capture_stop},
};

static void request_run(struct request *r)
{
	char err[API_ERROR_BYTES] = "";
	json_t *result;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, r->verb) != 0)
			continue;
		if (r->gateway) {
			r->gateway_id = r->api->ops->gateway_id(r->api->arg, r->gateway);
			if (r->gateway_id < 0) {
				snprintf(err, sizeof(err), "no gateway \"%.64s\"", r->gateway);
				return reply(r->client, r->verb, NULL, err);
			}
		}
		result = verbs[i].run(r, err);
		return reply(r->client, r->verb, result, err);
	}
	snprintf(err, sizeof(err), "unknown verb \"%.64s\"", r->verb);
	reply(r->client, NULL, NULL, err);
}

static void request_line(struct client *c, const char *line, size_t len)
{
	struct request r = {.client = c,
		.api = c->api,
		.gateway_id = -1,
		.count = CAPTURE_COUNT_DEFAULT,
		.seconds = CAPTURE_SECONDS_DEFAULT};
	char err[API_ERROR_BYTES];
	json_error_t at;
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &at);

	if (!o) {
		snprintf(err, sizeof(err), "request is not JSON: %s", at.text);
		return reply(c, NULL, NULL, err);
	}
	// "!": a field that is not known is an error too.
	if (json_unpack_ex(o, &at, 0,
		    "{s:s, s?s, s?s, s?s, s?I, s?I, s?s, s?s, s?b, s?b, s?b, s?b !}", "verb",
		    &r.verb, "gateway", &r.gateway, "client", &r.name, "where", &r.where, "count",
		    &r.count, "seconds", &r.seconds, "how", &r.how, "text", &r.text, "next_remote",
		    &r.next_remote, "keep_credentials", &r.keep_credentials, "restart", &r.restart,
		    "check", &r.check) < 0) {
		snprintf(err, sizeof(err), "request is not valid: %s", at.text);
		reply(c, NULL, NULL, err);
	} else {
		request_run(&r);
	}
	json_decref(o);
}

// Runs the requests that have come. One reply is sent before the next request is read, a capture
// apart, so that output stays bounded.
static void requests_run(struct client *c)
{
	size_t used = 0;
	char *end;

	while (!c->broken && (pending(c) == 0 || c->job)) {
		end = memchr(c->in + used, '\n', c->in_len - used);
		if (!end)
			break;
		if (end > c->in + used)
			request_line(c, c->in + used, (size_t)(end - c->in) - used);
		used = (size_t)(end - c->in) + 1;
	}
	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
	if (c->in_len == sizeof(c->in) && !memchr(c->in, '\n', c->in_len)) {
		reply(c, NULL, NULL, "request is longer than 65536 bytes");
		c->in_len = 0;
		c->eof = true;
	}
	if (c->eof || c->in_len == sizeof(c->in))
		ev_io_stop(c->api->loop, &c->readable);
	else
		ev_io_start(c->api->loop, &c->readable);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *c = io->data;
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	(void)loop;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		c->eof = true;
	else
		c->in_len += (size_t)n;
	if (n < 0 || (c->eof && c->job))
		return client_close(c);
	requests_run(c);
	if (c->eof && pending(c) == 0 && !c->broken)
		client_close(c);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *c = io->data;
	ssize_t n;

	(void)events;
	if (c->broken)
		return client_close(c);
	n = send(c->fd, c->out + c->out_sent, pending(c), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		return client_close(c);
	c->out_sent += (size_t)n;
	if (pending(c))
		return;
	ev_io_stop(loop, io);
	// A large reply is no reason to keep its memory.
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = c->out_room = 0;
	requests_run(c);
	if (c->eof && pending(c) == 0 && !c->broken)
		client_close(c);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct api *api = io->data;
	int fd = accept4(api->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = api->client_count < API_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->api = api;
	c->fd = fd;
	c->next = api->clients;
	if (c->next)
		c->next->prev = c;
	api->clients = c;
	api->client_count++;
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(loop, &c->readable);
}

struct api *api_new(struct ev_loop *loop, const char *path, const struct api_ops *ops, void *arg)
{
	struct api *api = calloc(1, sizeof(*api));
	int fd;

	if (!api)
		return NULL;
	fd = api_socket_open(path);
	if (fd < 0) {
		free(api);
		errno = -fd;
		return NULL;
	}
	api->loop = loop;
	api->ops = ops;
	api->arg = arg;
	api->fd = fd;
	snprintf(api->path, sizeof(api->path), "%s", path);
	ev_io_init(&api->acceptable, on_acceptable, fd, EV_READ);
	api->acceptable.data = api;
	ev_io_start(loop, &api->acceptable);
	return api;
}

void api_set_capture(struct api *api, struct capture *capture)
{
	api->capture = capture;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	while (api->clients)
		client_close(api->clients);
	ev_io_stop(api->loop, &api->acceptable);
	close(api->fd);
	unlink(api->path);
	free(api);
}
