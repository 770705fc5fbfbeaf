// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ctl/ctl_notice.h"

#include <string.h>

bool ctl_notice_option(struct ctl_notice_args *a, int opt, const char *value)
{
	static const char *const hows[] = {"restart", "halt", "auth-failed"};

	switch (opt) {
	case CTL_NOTICE_RESTART:
	case CTL_NOTICE_HALT:
	case CTL_NOTICE_AUTH_FAILED:
		a->how_count++;
		a->how = hows[opt - CTL_NOTICE_RESTART];
		break;
	case CTL_NOTICE_REASON:
		a->reason = value;
		break;
	case CTL_NOTICE_NEXT:
		a->next_remote = true;
		break;
	case CTL_NOTICE_KEEP:
		a->keep_credentials = true;
		break;
	case CTL_NOTICE_CHECK:
		a->check = true;
		break;
	default:
		return false;
	}
	return true;
}

const char *ctl_notice_check(const struct ctl_notice_args *a, const char *command)
{
	bool is_restart = a->how && strcmp(a->how, "restart") == 0;
	bool details = a->reason || a->next_remote || a->keep_credentials;

	if (strcmp(command, "disconnect") == 0) {
		if (a->how_count > 1)
			return "only one of --restart, --halt and --auth-failed can be given to ";
		return a->check ? "--check belongs to reload, not to " : NULL;
	}
	if (details || (a->how && !is_restart))
		return "--halt, --auth-failed, --reason, --next-remote and --keep-credentials belong "
		       "to disconnect, not to ";
	if (strcmp(command, "reload") != 0 && (a->how || a->check))
		return "--restart and --check belong to reload, not to ";
	return NULL;
}

static void set_true(json_t *request, const char *key, bool value)
{
	if (value)
		json_object_set_new(request, key, json_true());
}

void ctl_notice_fill(const struct ctl_notice_args *a, const char *command, json_t *request)
{
	bool is_reload = strcmp(command, "reload") == 0;

	if (a->how && !is_reload)
		json_object_set_new(request, "how", json_string(a->how));
	if (a->reason)
		json_object_set_new(request, "text", json_string(a->reason));
	set_true(request, "restart", a->how && is_reload);
	set_true(request, "next_remote", a->next_remote);
	set_true(request, "keep_credentials", a->keep_credentials);
	set_true(request, "check", a->check);
}
