// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Reload of the configuration, all or nothing: everything that can fail (parsing, files, sockets)
// is done first, into objects that nothing uses yet; only then is anything put in force. What only
// a restart can change is refused by name and left as it is.

#include "control/conf/conf_clash.h"
#include "control/conf/conf_client.h"
#include "control/node.h"
#include "control/publish.h"

#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("reload");

#define GOODBYE_MS 2000

static void say(struct node_reload_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define MORE "more is in the log\n"

// The log has every line, whatever there is room for in the report.
static void say(struct node_reload_report *r, const char *fmt, ...)
{
	size_t len = strlen(r->text), n;
	char line[NODE_REPORT_LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	LOG(NOTICE, "%s", line);
	if (!r->error[0] && strncmp(line, "error: ", 7) == 0)
		snprintf(r->error, sizeof(r->error), "%s", line);
	n = strlen(line);
	if (!r->full && len + n + sizeof("\n" MORE) <= sizeof(r->text)) {
		memcpy(r->text + len, line, n);
		memcpy(r->text + len + n, "\n", 2);
	} else if (!r->full) {
		r->full = true;
		memcpy(r->text + len, MORE, sizeof(MORE));
	}
}

// Member by member: the place in the file does not matter, nor does what padding holds.
static bool same_interface(const struct conf_interface *a, const struct conf_interface *b)
{
	if (strcmp(a->name, b->name) || a->sides != b->sides || a->driver != b->driver ||
		strcmp(a->netns, b->netns) || a->mtu != b->mtu ||
		a->memif_server != b->memif_server || a->memif_id != b->memif_id ||
		strcmp(a->exception, b->exception) || a->vlan_count != b->vlan_count)
		return false;
	for (size_t i = 0; i < a->vlan_count; i++)
		if (a->vlans[i].id != b->vlans[i].id ||
			strcmp(a->vlans[i].netns, b->vlans[i].netns) ||
			strcmp(a->vlans[i].interface, b->vlans[i].interface))
			return false;
	return true;
}

static bool same_interfaces(const struct conf *a, const struct conf *b)
{
	if (a->interface_count != b->interface_count)
		return false;
	for (size_t i = 0; i < a->interface_count; i++)
		if (!same_interface(&a->interfaces[i], &b->interfaces[i]))
			return false;
	return true;
}

// Options of the node that are fixed from the start, and differ: each by its name.
void reload_refuse_node_options(
	const struct conf *now, const struct conf *new, struct node_reload_report *r)
{
	const struct {
		const char *name;
		bool same;
	} options[] = {
		{"workers", now->workers == new->workers},
		{"lcores", !strcmp(now->lcores, new->lcores)},
		{"control_lcore", now->control_lcore == new->control_lcore},
		{"tls_threads", now->tls_threads == new->tls_threads},
		{"poll", now->poll == new->poll},
		{"memory", now->memory_bytes == new->memory_bytes},
		{"max_routes", now->max_routes == new->max_routes},
		{"socket", !strcmp(now->socket, new->socket)},
		{"bpf_object", !strcmp(now->bpf_object, new->bpf_object)},
		{"control_pps", now->control_pps == new->control_pps},
		{"control_prefix_pps", now->control_prefix_pps == new->control_prefix_pps},
		{"interfaces", same_interfaces(now, new)},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!options[i].same)
			say(r, "refused: %s: needs a restart", options[i].name);
}

static void say_line(void *arg, const char *text)
{
	say(arg, "%s", text);
}

struct plan {
	struct gateway_settings *settings[DP_GATEWAYS_MAX]; // by id: to be put in force
	struct gateway *opened[DP_GATEWAYS_MAX];            // by id: new
	bool keep[DP_GATEWAYS_MAX];                         // by id: named in the new file
	bool kept[DP_GATEWAYS_MAX];                         // by id: with options it keeps
};

// Options of single clients must fit what their gateway keeps, not only what the file says.
static int check_clients(const struct conf_gateway *kept, struct node_reload_report *r)
{
	char why[CONF_CLASH_BYTES];
	const char *option;

	for (size_t i = 0; i < kept->client_count; i++) {
		option = conf_client_fault(kept, i, why);
		if (!option)
			continue;
		say(r,
			"error: gateway %s: client %s: %s %s; the gateway goes on with what it has "
			"until a restart",
			kept->name, kept->clients[i].name, option, why);
		return -EINVAL;
	}
	return 0;
}

static int plan_existing(struct gateway *g, const struct conf_gateway *gw, struct plan *p,
	struct node_reload_report *r)
{
	struct conf_gateway kept = *gw;
	uint16_t id = gateway_id(g);
	unsigned int next = 0;
	const char *fixed;
	struct conf_error err;

	p->keep[id] = true;
	while ((fixed = gateway_keep_fixed(g, &kept, &next))) {
		p->kept[id] = true;
		say(r, "refused: gateway %s: %s: needs a restart", gw->name, fixed);
	}
	if (p->kept[id] && check_clients(&kept, r))
		return -EINVAL;
	p->settings[id] = gateway_settings_load(&kept, err.text, sizeof(err.text));
	if (p->settings[id])
		return 0;
	say(r, "error: %s", err.text);
	return -EINVAL;
}

static int plan_new(
	struct node *n, const struct conf_gateway *gw, struct plan *p, struct node_reload_report *r)
{
	struct gateway_env env = node_gateway_env(n);
	int id = publish_gateway_id_get(n->publish);

	if (id < 0) {
		say(r, "error: gateway %s: cannot open: %u gateways are the most", gw->name,
			n->dp->gateways_max);
		return id;
	}
	p->opened[id] = gateway_open(&env, gw, (uint16_t)id);
	if (!p->opened[id]) {
		say(r, "error: gateway %s: cannot open: %s", gw->name, strerror(errno));
		publish_gateway_id_put(n->publish, (uint16_t)id);
		return -EINVAL;
	}
	p->keep[id] = true;
	return 0;
}

// What gateway `id`, which runs, will run with.
static const struct conf_gateway *conf_to_come(
	const struct node *n, const struct plan *p, uint16_t id)
{
	return p->settings[id] ? gateway_settings_conf(p->settings[id])
			       : gateway_conf(n->gateways[id]);
}

static bool is_as_filed(const struct plan *p, uint16_t id)
{
	return p->settings[id] && !p->kept[id];
}

// Why a gateway runs that is not, or not so, in the new file.
static const char *why_it_runs(const struct node *n, const struct plan *p, uint16_t id)
{
	if (n->leaving[id])
		return "is closing: try again in a moment";
	return p->keep[id] ? "goes on with that until a restart"
			   : "would close only now: remove it in a reload of its own";
}

// What the file says together with what it may not change.
static const char *clash_within(const struct conf_gateway *gw, char why[CONF_CLASH_BYTES])
{
	const char *option = conf_clash_self(gw, why);

	return option ? option : conf_clash_local(gw, gw, why);
}

// A gateway to come against all that run: `self` is its own id, or -1.
static int check_beside(struct node *n, const struct conf_gateway *gw, int self,
	const struct plan *p, struct node_reload_report *r)
{
	bool as_filed = self < 0 || is_as_filed(p, (uint16_t)self);
	char why[CONF_CLASH_BYTES];
	const char *option;

	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		// Two that will be as the file says agree, like the file.
		if (!n->gateways[id] || (as_filed && (id == self || is_as_filed(p, id))))
			continue;
		option = id == self ? clash_within(gw, why)
				    : conf_clash(gw, conf_to_come(n, p, id), why);
		if (!option)
			continue;
		// The one of the two that is not as filed.
		if (is_as_filed(p, id))
			id = (uint16_t)self;
		say(r, "error: gateway %s: %s %s; gateway %s %s", gw->name, option, why,
			gateway_conf(n->gateways[id])->name, why_it_runs(n, p, id));
		return -EEXIST;
	}
	return 0;
}

// The file agrees with itself. But what it puts in force must also get on with what runs otherwise
// than it says.
static int check_clashes(
	struct node *n, const struct conf *new, const struct plan *p, struct node_reload_report *r)
{
	int rc = 0;

	for (size_t i = 0; i < new->gateway_count && !rc; i++) {
		const struct conf_gateway *gw = &new->gateways[i];
		const struct gateway *g = node_gateway(n, gw->name);
		int self = g ? gateway_id(g) : -1;

		rc = check_beside(n, g ? conf_to_come(n, p, (uint16_t)self) : gw, self, p, r);
	}
	return rc;
}

// Sockets that are still open, whatever the file says: those of an address that moves from one
// gateway to another, or whose clients are saying goodbye.
static int check_open(struct node *n, const struct conf_gateway *gw, const struct gateway *self,
	struct node_reload_report *r)
{
	char addr[SESSION_ADDR_TEXT_BYTES];

	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		const struct gateway *g = n->gateways[id];

		if (!g || g == self || !gateway_locals_clash(g, gw, addr))
			continue;
		say(r,
			"error: gateway %s: endpoint: gateway %s still has %s open: take it away "
			"there in a reload of its own, and try again in a moment",
			gw->name, gateway_conf(g)->name, addr);
		return -EADDRINUSE;
	}
	return 0;
}

// What can only fail when it is tried.
static int plan_sockets(
	struct node *n, const struct conf_gateway *gw, struct plan *p, struct node_reload_report *r)
{
	struct gateway *g = node_gateway(n, gw->name);
	int rc;

	if (g)
		gw = gateway_settings_conf(p->settings[gateway_id(g)]);
	rc = check_open(n, gw, g, r);
	if (rc)
		return rc;
	if (!g)
		return plan_new(n, gw, p, r);
	rc = gateway_locals_plan(g, gw);
	if (rc)
		say(r, "error: gateway %s: cannot listen: %s", gw->name, strerror(-rc));
	return rc;
}

static int make_plan(
	struct node *n, const struct conf *new, struct plan *p, struct node_reload_report *r)
{
	int rc = 0;

	if (conf_clients_max(new) > n->dp->peers->size) {
		say(r, "error: max_connections of all gateways is %u, memory of this run holds %u",
			conf_clients_max(new), n->dp->peers->size);
		return -ENOSPC;
	}
	if (conf_subnets_count(new) > n->dp->subnets_max) {
		say(r, "error: subnets of all clients are %u, memory of this run holds %u",
			conf_subnets_count(new), n->dp->subnets_max);
		return -ENOSPC;
	}
	for (size_t i = 0; i < new->gateway_count && !rc; i++) {
		struct gateway *g = node_gateway(n, new->gateways[i].name);

		rc = g ? plan_existing(g, &new->gateways[i], p, r) : 0;
	}
	if (!rc)
		rc = check_clashes(n, new, p, r);
	for (size_t i = 0; i < new->gateway_count && !rc; i++)
		rc = plan_sockets(n, &new->gateways[i], p, r);
	return rc;
}

static void drop_plan(struct node *n, struct plan *p)
{
	for (uint16_t id = 0; id < DP_GATEWAYS_MAX; id++) {
		if (p->settings[id])
			gateway_locals_drop(n->gateways[id]);
		gateway_settings_drop(p->settings[id]);
		if (!p->opened[id])
			continue;
		gateway_close(p->opened[id]);
		publish_gateway_id_put(n->publish, id);
	}
}

// The one option that concerns who is let in at once, whatever sessions began with.
static void say_room(const struct gateway *g, const struct gateway_settings *to_come,
	struct node_reload_report *r)
{
	uint32_t was = gateway_conf(g)->max_connections;
	uint32_t is = gateway_settings_conf(to_come)->max_connections;
	struct gateway_totals t;

	if (is == was)
		return;
	gateway_totals(g, &t);
	say(r, "gateway %s: max_connections is %u from now on, was %u; %u clients stay connected",
		gateway_conf(g)->name, is, was, t.clients);
}

static void apply_max_handshakes(struct node *n, uint32_t max, struct node_reload_report *r)
{
	if (n->half_open.max != max)
		say(r, "max_handshakes is %u from now on, was %u; %u are under way", max,
			n->half_open.max, n->half_open.count);
	n->half_open.max = max;
}

// "3 clients get the new settings, 2 keep the old ones until they reconnect: alice (ping), ...".
static void say_clients(
	const char *name, const struct gateway_reload *gr, struct node_reload_report *r)
{
	const char *would = gr->only_ask ? "would " : "";
	char told[64] = "", later[128] = "";

	if (gr->told)
		snprintf(told, sizeof(told), "%u client%s %s the new settings", gr->told,
			gr->told == 1 ? "" : "s", gr->only_ask ? "would get" : "got");
	if (gr->later && gr->restart)
		snprintf(later, sizeof(later), "%u client%s %s told to reconnect: ", gr->later,
			gr->later == 1 ? "" : "s",
			gr->only_ask     ? "would be"
			: gr->later == 1 ? "was"
					 : "were");
	else if (gr->later)
		snprintf(later, sizeof(later),
			"%u client%s %skeep%s the old ones until %s: ", gr->later,
			gr->later == 1 ? "" : "s", would, gr->later == 1 && !would[0] ? "s" : "",
			gr->later == 1 ? "it reconnects" : "they reconnect");
	if (gr->told || gr->later)
		say(r, "gateway %s: %s%s%s%s", name, told, told[0] && later[0] ? ", " : "", later,
			gr->who);
}

// What becomes of clients that are connected, by options of their own.
static void say_single_clients(const struct gateway *g, const struct gateway_settings *to_come,
	struct node_reload_report *r)
{
	const char *name = gateway_conf(g)->name;
	struct gateway_client_changes n;

	gateway_client_changes(g, to_come, &n);
	if (n.disabled)
		say(r, "gateway %s: disabled clients that are disconnected: %u", name, n.disabled);
	if (n.moved)
		say(r,
			"gateway %s: clients that must connect again, since their address is "
			"another client's now: %u",
			name, n.moved);
	if (n.subnets)
		say(r, "gateway %s: clients whose subnets changed, from now on: %u", name,
			n.subnets);
	if (n.later)
		say(r,
			"gateway %s: clients whose own options changed, from their next connection "
			"on: %u",
			name, n.later);
}

static void apply_settings(struct gateway *g, struct gateway_settings *s, unsigned int how,
	uint32_t number, struct node_reload_report *r)
{
	struct gateway_reload gr = {.restart = how & NODE_RELOAD_RESTART};

	say_room(g, s, r);
	say_single_clients(g, s, r);
	gateway_settings_number(s, number);
	gateway_settings_apply(g, s);
	gateway_locals_apply(g, say_line, r);
	gateway_reload_clients(g, s, &gr);
	say_clients(gateway_conf(g)->name, &gr, r);
}

static bool is_going(const struct node *n, const struct plan *p, uint16_t id)
{
	return n->gateways[id] && !p->keep[id] && !n->leaving[id];
}

// What apply_plan() would do.
static void say_plan(
	struct node *n, const struct plan *p, unsigned int how, struct node_reload_report *r)
{
	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		struct gateway_reload gr = {.only_ask = true, .restart = how & NODE_RELOAD_RESTART};
		struct gateway_totals t;

		if (p->settings[id]) {
			say_single_clients(n->gateways[id], p->settings[id], r);
			gateway_reload_clients(n->gateways[id], p->settings[id], &gr);
			say_clients(gateway_conf(n->gateways[id])->name, &gr, r);
		} else if (p->opened[id]) {
			say(r, "gateway %s: would be opened", gateway_conf(p->opened[id])->name);
		} else if (is_going(n, p, id)) {
			gateway_totals(n->gateways[id], &t);
			say(r, "gateway %s: would be closed, clients told to reconnect: %u",
				gateway_conf(n->gateways[id])->name, t.clients);
		}
	}
}

static void apply_plan(
	struct node *n, struct plan *p, unsigned int how, struct node_reload_report *r)
{
	for (uint16_t id = 0; id < n->dp->gateways_max; id++) {
		if (p->settings[id]) {
			apply_settings(n->gateways[id], p->settings[id], how, n->reloads + 1, r);
		} else if (p->opened[id]) {
			n->gateways[id] = p->opened[id];
			say(r, "gateway %s: opened", gateway_conf(n->gateways[id])->name);
		} else if (is_going(n, p, id)) {
			say(r, "gateway %s: closing, its clients are told",
				gateway_conf(n->gateways[id])->name);
			n->leaving[id] = true;
			n->leave_at_ms[id] = clock_ms() + GOODBYE_MS;
			gateway_restart_clients(n->gateways[id], "RESTART,[N]gateway removed");
		}
	}
}

static void apply(struct node *n, const struct conf *new, struct plan *p, unsigned int how,
	struct node_reload_report *r)
{
	apply_max_handshakes(n, new->max_handshakes, r);
	apply_plan(n, p, how, r);
	log_set_level((enum log_level) new->log_level);
	r->ok = node_publish(n) == 0;
	n->reloads++;
	say(r, "reload %u done: new settings hold for sessions to come", n->reloads);
}

void node_reload_how(struct node *n, unsigned int how, struct node_reload_report *r)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct conf_error err;
	struct conf *new;

	memset(r, 0, sizeof(*r));
	new = p ? conf_load(n->conf->path, &err) : NULL;
	if (!new) {
		say(r, "error: %s", p ? err.text : "out of memory");
		goto out;
	}
	if (make_plan(n, new, p, r)) {
		drop_plan(n, p);
		say(r, "nothing was changed");
		goto out;
	}
	for (size_t i = 0; i < new->warning_count; i++)
		say(r, "warning: %s", new->warnings[i]);
	reload_refuse_node_options(n->conf, new, r);
	if (how & NODE_RELOAD_CHECK) {
		say_plan(n, p, how, r);
		drop_plan(n, p);
		say(r, "nothing was changed: this was a check");
		r->ok = true;
	} else {
		apply(n, new, p, how, r);
	}
out:
	conf_free(new);
	free(p);
}

void node_reload(struct node *n, struct node_reload_report *r)
{
	node_reload_how(n, 0, r);
}
