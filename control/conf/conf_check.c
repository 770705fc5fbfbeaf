// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What concerns more than one option.

#include "control/conf/conf_clash.h"
#include "control/conf/conf_client.h"
#include "control/conf/conf_push.h"
#include "control/conf/conf_read.h"
#include "control/conf/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS_MAX 16000000 // peer ids have 24 bits, the last one is reserved

struct check {
	struct conf *c;
	struct conf_error *err;
	const struct conf_node *interfaces, *gateways;
};

// The n-th element of a list; NULL past the end.
static const struct conf_node *element(const struct conf_node *list, size_t n)
{
	const struct conf_node *e = list ? list->child : NULL;

	while (e && n--)
		e = e->next;
	return e;
}

// The place of "keepalive.timeout" or "dns" inside a mapping; the mapping's own if absent.
static const struct conf_node *place(const struct conf_node *mapping, const char *option)
{
	const char *dot = strchr(option, '.');
	const struct conf_node *n;
	char head[64];

	if (!dot) {
		n = conf_node_get(mapping, option);
		return n ? n : mapping;
	}
	snprintf(head, sizeof(head), "%.*s", (int)(dot - option), option);
	n = conf_node_get(mapping, head);
	return n ? place(n, dot + 1) : mapping;
}

static int fail(struct check *k, const struct conf_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct check *k, const struct conf_node *n, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error_at(k->err, k->c->path, n ? n->line : 0, n ? n->column : 0, "%s", text);
	return -1;
}

static void warn(struct check *k, const struct conf_node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(struct check *k, const struct conf_node *n, const char *fmt, ...)
{
	struct conf_error line = {0};
	char text[512];
	va_list ap;

	if (k->c->warning_count >= CONF_WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error_at(&line, k->c->path, n->line, n->column, "%s", text);
	snprintf(k->c->warnings[k->c->warning_count++], CONF_WARNING_BYTES, "%.*s",
		CONF_WARNING_BYTES - 1, line.text);
}

static int check_cores(struct check *k, const struct conf_node *root)
{
	struct conf *c = k->c;
	uint16_t list[DP_WORKERS_MAX];
	int n;

	if (!c->lcores[0])
		return 0;
	n = conf_read_lcores(c->lcores, list, DP_WORKERS_MAX);
	if (!conf_node_get(root, "workers"))
		c->workers = (uint16_t)n;
	if (n != c->workers)
		return fail(k, place(root, "lcores"),
			"lcores must name one core per worker (workers: %u), got %d in \"%s\"",
			c->workers, n, c->lcores);
	for (int i = 0; i < n; i++)
		if (list[i] == c->control_lcore)
			return fail(k, place(root, "lcores"),
				"lcores must not have control_lcore (%u) in it, got \"%s\"",
				c->control_lcore, c->lcores);
	return 0;
}

static bool is_pci_address(const char *s)
{
	static const char form[] = "xxxx:xx:xx.x";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)s[i]) : s[i] != form[i])
			return false;
	return true;
}

static bool is_interface_name(const char *s)
{
	return strlen(s) < IFNAMSIZ && s[strcspn(s, " /:%")] == '\0' && strcmp(s, ".") != 0 &&
	       strcmp(s, "..") != 0;
}

static int check_interface_name(
	struct check *k, const struct conf_interface *i, const struct conf_node *n)
{
	bool linux_name = i->driver == PORT_AF_XDP || i->driver == PORT_TAP;

	if (linux_name && !is_interface_name(i->name))
		return fail(k, place(n, "name"),
			"interface %s: name must be an interface name of 1..%d characters without "
			"space, slash and colon, got \"%s\"",
			i->name, IFNAMSIZ - 1, i->name);
	if (i->driver == PORT_PCI && !is_pci_address(i->name))
		return fail(k, place(n, "name"),
			"interface %s: name must be a PCI address such as 0000:01:00.0 with driver "
			"pci, got \"%s\"",
			i->name, i->name);
	// It becomes part of DPDK's device arguments.
	if (strpbrk(i->name, ",=[] "))
		return fail(k, place(n, "name"),
			"interface %s: name must be without comma, equals sign, bracket and space, "
			"got \"%s\"",
			i->name, i->name);
	return 0;
}

// The kernel interface that carries a port's addresses; "": chosen at the start.
static const char *kernel_name(const struct conf_interface *i)
{
	return i->driver == PORT_AF_XDP ? i->name : i->exception;
}

// An option that has no business there, `why`.
static int absent(struct check *k, const struct conf_node *n, const char *option, const char *what,
	const char *name, const char *why)
{
	char found[CONF_GOT_BYTES];

	return fail(k, place(n, option), "%s %s: %s must be absent %s, got %s", what, name, option,
		why, conf_got(found, conf_node_get(n, option)));
}

static int check_interface(struct check *k, size_t index)
{
	const struct conf_interface *i = &k->c->interfaces[index], *o;
	const struct conf_node *n = element(k->interfaces, index);

	if (check_interface_name(k, i, n) < 0)
		return -1;
	if (conf_node_get(n, "memif") && i->driver != PORT_MEMIF)
		return absent(k, n, "memif", "interface", i->name, "unless driver is memif");
	if (conf_node_get(n, "exception") && i->driver == PORT_AF_XDP)
		return absent(k, n, "exception", "interface", i->name,
			"with driver af_xdp: the kernel has the interface itself");
	for (size_t j = 0; j < index; j++) {
		o = &k->c->interfaces[j];
		if (strcmp(i->name, o->name) != 0 || i->driver != o->driver ||
			i->memif_id != o->memif_id || strcmp(i->netns, o->netns) != 0)
			continue;
		return fail(k, place(n, "name"),
			"interface %s: name must be unique, got the one of line %d again", i->name,
			o->line);
	}
	return 0;
}

// Two VLANs, or a VLAN and a port, cannot have their routes out of one kernel interface.
static int check_vlan_unique(
	struct check *k, const struct conf_interface *i, size_t v, const struct conf_node *n)
{
	const struct conf_vlan *vlan = &i->vlans[v];

	for (size_t j = 0; j < k->c->interface_count; j++) {
		const struct conf_interface *o = &k->c->interfaces[j];

		if (!strcmp(kernel_name(o), vlan->interface) && !strcmp(o->netns, vlan->netns))
			return fail(k, n,
				"interface %s: vlans.%u.interface must not be an interface of its "
				"own, got \"%s\" of line %d",
				i->name, vlan->id, vlan->interface, o->line);
		for (size_t u = 0; u < (o == i ? v : o < i ? o->vlan_count : 0); u++)
			if (!strcmp(o->vlans[u].interface, vlan->interface) &&
				!strcmp(o->vlans[u].netns, vlan->netns))
				return fail(k, n,
					"interface %s: vlans.%u.interface must be unique in its "
					"namespace, got \"%s\" of VLAN %u of interface %s again",
					i->name, vlan->id, vlan->interface, o->vlans[u].id,
					o->name);
	}
	return 0;
}

static int check_vlans(struct check *k, size_t index)
{
	struct conf_interface *i = &k->c->interfaces[index];
	const struct conf_node *n = conf_node_get(element(k->interfaces, index), "vlans"), *e;

	e = n ? n->child : NULL;
	for (size_t v = 0; v < i->vlan_count; v++, e = e->next) {
		struct conf_vlan *vlan = &i->vlans[v];
		const char *parent = kernel_name(i);

		// Without a name the exception interface gets one that leaves room.
		if (!vlan->interface[0] && parent[0] &&
			snprintf(vlan->interface, IFNAMSIZ, "%s.%u", parent, vlan->id) >= IFNAMSIZ)
			return fail(k, e,
				"interface %s: vlans.%u.interface must be given, since %s.%u is "
				"longer than %d characters",
				i->name, vlan->id, parent, vlan->id, IFNAMSIZ - 1);
		if (vlan->interface[0] && check_vlan_unique(k, i, v, place(e, "interface")) < 0)
			return -1;
	}
	return 0;
}

static int check_interfaces(struct check *k)
{
	uint8_t sides = 0;

	for (size_t i = 0; i < k->c->interface_count; i++) {
		if (check_interface(k, i) < 0 || check_vlans(k, i) < 0)
			return -1;
		sides |= k->c->interfaces[i].sides;
	}
	if (!(sides & PORT_LINK))
		return fail(k, k->interfaces,
			"interfaces must have one of side outside (or both), got none");
	if (!(sides & PORT_VPN))
		return fail(k, k->interfaces,
			"interfaces must have one of side inside (or both), got none");
	return 0;
}

static int check_cidr_kind(struct check *k, const struct conf_gateway *g,
	const struct conf_prefix *p, const char *option, const struct conf_node *n)
{
	struct conf_addr a = {.family = p->family};
	char text[CONF_TEXT_BYTES];

	memcpy(a.addr, p->addr, sizeof(a.addr));
	if (!p->family || conf_addr_is_unicast(&a))
		return 0;
	return fail(k, place(n, option), "gateway %s: %s must be a unicast network, got \"%s\"",
		g->name, option, conf_text_prefix(text, p));
}

static int check_cidrs(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	if (!g->client_cidr.family && !g->client_cidr6.family)
		return fail(k, n, "gateway %s: client_cidr or client_cidr6 is missing", g->name);
	if (check_cidr_kind(k, g, &g->client_cidr, "client_cidr", n) < 0)
		return -1;
	return check_cidr_kind(k, g, &g->client_cidr6, "client_cidr6", n);
}

static int check_clash(struct check *k, const struct conf_gateway *g, const struct conf_node *n,
	const char *option, const char *why)
{
	return option ? fail(k, place(n, option), "gateway %s: %s %s", g->name, option, why) : 0;
}

// The other one stands earlier in the file, or is `g` itself.
static int check_pair(struct check *k, const struct conf_gateway *g, const struct conf_node *n,
	const struct conf_gateway *o)
{
	char why[CONF_CLASH_BYTES];

	if (g == o)
		return check_clash(k, g, n, conf_clash_local(g, g, why), why);
	if (strcmp(g->name, o->name) == 0)
		return fail(k, place(n, "name"),
			"gateway %s: name must be unique, got the one of line %d again", g->name,
			o->line);
	return check_clash(k, g, n, conf_clash(g, o, why), why);
}

static int check_locals(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	char text[CONF_TEXT_BYTES];
	struct conf_addr a;

	for (size_t i = 0; i < g->local_network_count; i++) {
		const struct conf_prefix *p = &g->local_networks[i];

		if (p->len == 0)
			return fail(k, place(n, "local_networks"),
				"gateway %s: local_networks must not be everything, use "
				"redirect_gateway: yes, got \"%s\"",
				g->name, conf_text_prefix(text, p));
		a.family = p->family;
		memcpy(a.addr, p->addr, sizeof(a.addr));
		if (!conf_addr_is_unicast(&a))
			return fail(k, place(n, "local_networks"),
				"gateway %s: local_networks must be unicast networks, got \"%s\"",
				g->name, conf_text_prefix(text, p));
		if (p->family == 6 && !g->client_cidr6.family)
			warn(k, place(n, "local_networks"),
				"gateway %s: local network %s cannot be reached without "
				"client_cidr6",
				g->name, conf_text_prefix(text, p));
		if (p->family == 4 && !g->client_cidr.family)
			warn(k, place(n, "local_networks"),
				"gateway %s: local network %s cannot be reached without client_cidr",
				g->name, conf_text_prefix(text, p));
	}
	if (!g->local_network_count && !g->redirect_gateway)
		warn(k, n,
			"gateway %s: neither local_networks nor redirect_gateway: clients reach "
			"nothing but the gateway",
			g->name);
	return 0;
}

static void check_dns(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	char text[CONF_TEXT_BYTES];
	bool in;

	for (size_t i = 0; i < g->dns_count && !g->redirect_gateway; i++) {
		in = conf_prefix_has(&g->client_cidr, &g->dns[i]) ||
		     conf_prefix_has(&g->client_cidr6, &g->dns[i]);
		for (size_t j = 0; j < g->local_network_count && !in; j++)
			in = conf_prefix_has(&g->local_networks[j], &g->dns[i]);
		if (!in)
			warn(k, place(n, "dns"),
				"gateway %s: DNS server %s is in no local network: clients will ask "
				"it outside the tunnel",
				g->name, conf_text_addr(text, &g->dns[i]));
	}
}

// What is pushed to a client and what is not, of the gateway or of one client.
static int check_push(struct check *k, const char *who, const struct conf_node *n,
	const struct conf_line *push, size_t push_count, const struct conf_line *removed,
	size_t removed_count)
{
	const struct conf_line *bad = conf_push_ours(push, push_count);
	const char *vital;

	if (bad)
		return fail(k, place(n, "push"),
			"%s: push must leave out what the gateway pushes itself, got \"%s\"", who,
			bad->text);
	for (size_t i = 0; i < push_count; i++)
		if (!conf_push_is_taken(push[i].text))
			warn(k, place(n, "push"),
				"%s: clients take no such option from a server: \"%s\"", who,
				push[i].text);
	bad = conf_push_vital(removed, removed_count, &vital);
	if (bad)
		return fail(k, place(n, "push_remove"),
			"%s: push_remove must leave \"%s\" alone, got \"%s\"", who, vital,
			bad->text);
	return 0;
}

static int check_client(
	struct check *k, const struct conf_gateway *g, size_t index, const struct conf_node *n)
{
	const struct conf_client *c = &g->clients[index];
	char why[CONF_CLASH_BYTES], who[2 * CONF_NAME_BYTES + 32];
	const char *option = conf_client_fault(g, index, why);

	snprintf(who, sizeof(who), "gateway %s: client %s", g->name, c->name);
	if (option)
		return fail(k, place(n, option), "%s: %s %s", who, option, why);
	return check_push(k, who, n, c->push, c->push_count, c->push_remove, c->push_remove_count);
}

static int check_clients(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	const struct conf_node *list = conf_node_get(n, "clients"), *e = list ? list->child : NULL;

	if (conf_push_subnets(g) > CONF_SUBNETS_PUSH)
		return fail(k, place(n, "client_to_client"),
			"gateway %s: client_to_client must be without more than %d subnets behind "
			"clients, got %zu to push (push_remove: [\"route \"] leaves them out)",
			g->name, CONF_SUBNETS_PUSH, conf_push_subnets(g));
	for (size_t i = 0; i < g->client_count; i++, e = e->next)
		if (check_client(k, g, i, e) < 0)
			return -1;
	return 0;
}

// Does an accelerated interface of this side reach the namespace?
static bool has_interface(const struct conf *c, uint8_t side, const char *netns)
{
	for (size_t i = 0; i < c->interface_count; i++) {
		const struct conf_interface *f = &c->interfaces[i];

		if (!(f->sides & side))
			continue;
		if (strcmp(f->netns, netns) == 0)
			return true;
		for (size_t v = 0; v < f->vlan_count; v++)
			if (strcmp(f->vlans[v].netns, netns) == 0)
				return true;
	}
	return false;
}

static void check_domains(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	if (!has_interface(k->c, PORT_LINK, g->link_netns))
		warn(k, n,
			"gateway %s: no outside interface in namespace \"%s\": all packets take "
			"the slow path",
			g->name, g->link_netns);
	if (!has_interface(k->c, PORT_VPN, g->netns))
		warn(k, n,
			"gateway %s: no inside interface in namespace \"%s\": all packets take "
			"the slow path",
			g->name, g->netns);
}

// Something must say whose certificates are admitted.
static int check_identity(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	if (!g->ca[0] && g->peer_fingerprint_count == 0)
		return fail(k, n, "gateway %s: ca is missing (or peer_fingerprint)", g->name);
	if (!g->ca[0] && g->crl[0])
		return absent(k, n, "crl_verify", "gateway", g->name,
			"without ca: a list is its authority's");
	if (conf_node_get(n, "verify_x509_name") && !g->x509_name[0])
		return fail(k, place(n, "verify_x509_name"),
			"gateway %s: verify_x509_name.name is missing", g->name);
	if (g->tls_version_min < CONF_TLS_1_2)
		warn(k, place(n, "tls_version_min"),
			"gateway %s: tls_version_min: TLS 1.0 and 1.1 are broken, only for clients that "
			"cannot do better",
			g->name);
	if (g->tls_cert_profile != CONF_CERT_PREFERRED)
		warn(k, place(n, "tls_cert_profile"),
			"gateway %s: tls_cert_profile: weak certificates are admitted", g->name);
	return 0;
}

// What is not encrypted must have been asked for twice.
static int check_insecure(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	const char *option = g->fallback_cipher == CIPHER_NONE ? "fallback_cipher" : "data_ciphers";

	if (!conf_allows_none(g))
		return 0;
	if (!g->allow_insecure)
		return fail(k, place(n, option),
			"gateway %s: %s must not have \"none\" without allow_insecure: yes: "
			"packets would not be encrypted",
			g->name, option);
	warn(k, place(n, "allow_insecure"),
		"gateway %s: allow_insecure: packets of clients that get cipher none are not "
		"encrypted",
		g->name);
	return 0;
}

static int check_wrap(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	static const char *const options[] = {"tls_crypt_v2_max_age", "tls_crypt_v2_cookie"};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !g->tls_crypt_v2[0]; i++)
		if (conf_node_get(n, options[i]))
			return absent(k, n, options[i], "gateway", g->name, "without tls_crypt_v2");
	return 0;
}

static int check_times(struct check *k, const struct conf_gateway *g, const struct conf_node *n)
{
	if (g->keepalive_timeout_s < 2 * g->keepalive_interval_s)
		return fail(k, place(n, "keepalive.timeout"),
			"gateway %s: keepalive.timeout must be at least twice keepalive.interval "
			"(%us), got \"%us\"",
			g->name, g->keepalive_interval_s, g->keepalive_timeout_s);
	if (g->inactive_bytes > 0 && g->inactive_s == 0)
		return absent(k, n, "inactive_bytes", "gateway", g->name, "without inactive");
	return 0;
}

static int check_gateway(struct check *k, size_t index, const struct conf_node *n)
{
	const struct conf_gateway *g = &k->c->gateways[index];
	char why[CONF_CLASH_BYTES];
	char who[CONF_NAME_BYTES + 16];

	if (check_identity(k, g, n) < 0 || check_times(k, g, n) < 0)
		return -1;
	if (check_insecure(k, g, n) < 0 || check_wrap(k, g, n) < 0 || check_cidrs(k, g, n) < 0 ||
		check_clash(k, g, n, conf_clash_self(g, why), why) < 0 ||
		check_locals(k, g, n) < 0 || check_pair(k, g, n, g) < 0)
		return -1;
	for (size_t j = 0; j < index; j++)
		if (check_pair(k, g, n, &k->c->gateways[j]) < 0)
			return -1;
	check_dns(k, g, n);
	check_domains(k, g, n);
	snprintf(who, sizeof(who), "gateway %s", g->name);
	if (check_push(k, who, n, g->push, g->push_count, g->push_remove, g->push_remove_count) < 0)
		return -1;
	return check_clients(k, g, n);
}

// Interface names are short: a long gateway name is cut and kept apart by a hash (FNV-1a) of it.
static void default_tun(struct conf_gateway *g)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t h = 2166136261u;
	char tail[6] = "";

	if (g->tun[0])
		return;
	if (strlen(g->name) <= 8) {
		snprintf(g->tun, sizeof(g->tun), "sluice-%.8s", g->name);
		return;
	}
	for (const char *s = g->name; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	for (int i = 0; i < 5; i++, h >>= 5)
		tail[i] = digits[h & 31];
	snprintf(g->tun, sizeof(g->tun), "sluice-%.3s%s", g->name, tail);
}

static void remember_places(struct conf *c, struct conf_gateway *g, const struct conf_node *mapping)
{
	snprintf(g->file, sizeof(g->file), "%s", c->path);
	for (size_t i = 0; i < CONF_PLACES; i++) {
		const struct conf_node *n = place(mapping, conf_placed_options[i]);

		g->places[i] = (struct conf_place){n->line, n->column};
	}
}

int conf_check(struct conf *c, const struct conf_node *root, struct conf_error *err)
{
	struct check k = {
		c, err, conf_node_get(root, "interfaces"), conf_node_get(root, "gateways")};
	const struct conf_node *n = k.gateways->child;

	if (check_cores(&k, root) < 0 || check_interfaces(&k) < 0)
		return -1;
	for (size_t i = 0; i < c->gateway_count; i++)
		default_tun(&c->gateways[i]);
	for (size_t i = 0; i < c->gateway_count; i++, n = n->next) {
		remember_places(c, &c->gateways[i], n);
		if (check_gateway(&k, i, n) < 0)
			return -1;
	}
	if (conf_subnets_count(c) > CONF_SUBNETS_ALL)
		return fail(&k, k.gateways,
			"subnets of all clients of all gateways must be at most %d, got %u",
			CONF_SUBNETS_ALL, conf_subnets_count(c));
	if (conf_clients_max(c) > CLIENTS_MAX)
		return fail(&k, k.gateways,
			"max_connections of all gateways must be at most %d, got %u", CLIENTS_MAX,
			conf_clients_max(c));
	return 0;
}

static int check_file(struct check *k, const char *where, const char *option, const char *path,
	const struct conf_node *n, bool secret)
{
	struct stat st;
	const char *why = NULL;

	if (!path[0])
		return 0;
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a regular file";
	else if (st.st_size == 0)
		why = "it is empty";
	if (why)
		return fail(k, place(n, option), "%s%s must be a readable file, got \"%s\": %s",
			where, option, path, why);
	if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)))
		warn(k, place(n, option), "%s%s: others may read \"%s\" (chmod 600)", where, option,
			path);
	return 0;
}

int conf_check_files(struct conf *c, const struct conf_node *root, struct conf_error *err)
{
	struct check k = {c, err, NULL, conf_node_get(root, "gateways")};
	const struct conf_node *n = k.gateways->child;
	char where[CONF_NAME_BYTES + 16];

	if (check_file(&k, "", "bpf_object", c->bpf_object, root, false) < 0)
		return -1;
	for (size_t i = 0; i < c->gateway_count; i++, n = n->next) {
		const struct conf_gateway *g = &c->gateways[i];

		snprintf(where, sizeof(where), "gateway %s: ", g->name);
		if (check_file(&k, where, "ca", g->ca, n, false) < 0 ||
			check_file(&k, where, "cert", g->cert, n, false) < 0 ||
			check_file(&k, where, "key", g->key, n, true) < 0 ||
			check_file(&k, where, "crl_verify", g->crl, n, false) < 0 ||
			check_file(&k, where, "tls_auth", g->tls_auth, n, true) < 0 ||
			check_file(&k, where, "tls_crypt", g->tls_crypt, n, true) < 0 ||
			check_file(&k, where, "tls_crypt_v2", g->tls_crypt_v2, n, true) < 0)
			return -1;
	}
	return 0;
}
