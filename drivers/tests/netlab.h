// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// For tests that need root: namespaces and veth pairs of their own, named after the process, and
// gone when the test is.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Ends the program with 77 (skipped) unless it may make namespaces and load BPF programs.
void netlab_require(void);
// Runs a command in the namespace NAME of this process ("": the process's own). True if it
// succeeded.
bool netlab_run(const char *ns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool netlab_add(const char *ns);
void netlab_del(const char *ns);
// Its real name.
const char *netlab_name(const char *ns, char *buf, size_t size);
