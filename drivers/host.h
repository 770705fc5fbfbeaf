// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the machine offers and what sluiced needs: CPU features, hugepages, permissions.
// Each check logs one line that says what is missing and how to mend it. Main thread.
#pragma once

#include <rte_cpuflags.h>

#include <stddef.h>
#include <stdint.h>

// 0, or -EPERM (not root / no CAP_NET_ADMIN), -ENOTSUP (AES-NI, AVX), -ENOMEM (hugepages: tells
// how many of which size are free and needed).
int host_check(uint64_t memory_bytes);

// The parts of host_check() that a test may ask of another machine. has: as
// rte_cpu_get_flag_enabled(); dir: a directory like /sys/kernel/mm/hugepages.
int host_check_cpu(int (*has)(enum rte_cpu_flag_t flag));
int host_check_hugepages(const char *dir, uint64_t needed_bytes);

// Initialises DPDK: --in-memory, no PCI scan unless pci_addrs, the lcores given as "1,2" or "1-3"
// with control on main_lcore. An lcore runs on the CPU of its number; where the process has no such
// CPU, on one of those it has, in turn, so that several lcores share a CPU on a small machine. The
// calling thread is bound to main_lcore's CPU, and threads it makes later inherit that.
// 0 or -errno after one logged line.
int host_eal_init(const char *program, const char *worker_lcores, unsigned int main_lcore,
	uint64_t memory_bytes, const char *const *pci_addrs, size_t pci_count);
// After the last port is closed; else the rest is left to the end of the process.
void host_eal_fini(void);
