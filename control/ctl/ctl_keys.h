// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// sluicectl's commands that make keys of the control channel. They need no daemon, and read and
// write nothing but the files they are given.
#pragma once

#include <stdbool.h>

struct ctl_keys_args {
	const char *file;       // to be written
	const char *server_key; // client-key: the file of the server key
	const char *metadata;   // client-key: text beside the key; NULL: the time
	bool force;             // replace a file that is there
};

// 0 or -1 after one line on standard error.
int ctl_keys_static(const struct ctl_keys_args *a);
int ctl_keys_v2_server(const struct ctl_keys_args *a);
int ctl_keys_v2_client(const struct ctl_keys_args *a);
