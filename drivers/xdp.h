// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// XDP programs on interfaces: whose they are, and how to take one off without touching another.
// Main thread, inside the interface's namespace. Logs nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define XDP_PROGRAM_NAME "sluice_steer" // as in steer.bpf.c; the kernel keeps 15 characters

// Id of the program on the interface in any mode, 0: none, -errno.
int64_t xdp_program_id(int ifindex);
// Whether it is a steer program of this or another build: by its name and its maps' names.
bool xdp_program_is_ours(uint32_t id);
// A process other than this one that holds the program, 0: none.
pid_t xdp_program_holder(uint32_t id);
// Takes the program off if it is still the one on the interface. 0, -ENOENT, -errno.
int xdp_program_detach(int ifindex, uint32_t id);
// Puts a loaded program on an interface that has none. 0, -EBUSY, -errno.
int xdp_program_attach(int ifindex, uint32_t id);
// Descriptor of the program's map of this name, or -ENOENT, -errno.
int xdp_program_map(uint32_t id, const char *name);
