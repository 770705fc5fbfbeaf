// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Runs the calling thread inside another network namespace for a while. Main thread only.
#pragma once

// Enters the named namespace (/run/netns/NAME, or a path). "" stays where we are.
// Returns a token >= 0 for netns_leave(), or -errno (-ENOENT: no such namespace).
int netns_enter(const char *name);
// Goes back. Aborts the process if the kernel refuses: a thread in the wrong namespace must not
// go on. Accepts any token of netns_enter().
void netns_leave(int token);
// Goes to a fresh namespace that has nothing but a loopback, and that ends with netns_leave().
int netns_enter_empty(void);
