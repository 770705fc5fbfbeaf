// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What the machine offers and what sluiced needs: CPU features, hugepages, permissions.
// Each check logs one line that says what is missing and how to mend it. Main thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

// 0, or -EPERM (not root / no CAP_NET_ADMIN), -ENOTSUP (AES-NI, AVX), -ENOMEM (hugepages: tells
// how many of which size are free and needed).
int host_check(uint64_t memory_bytes);

// Initialises DPDK: --in-memory, no PCI scan unless pci_addrs, the lcores given as "1,2" with
// control on main_lcore. 0 or -errno after one logged line.
int host_eal_init(const char *program, const char *worker_lcores, unsigned int main_lcore,
	uint64_t memory_bytes, const char *const *pci_addrs, size_t pci_count);
void host_eal_fini(void);
