// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/ipsec_mb.h"

#include <rte_cpuflags.h>

#include <errno.h>
#include <stdbool.h>

#include "dataplane/crypto_engine.h"

IMB_MGR *ipsec_mb_shared;
static IMB_ARCH arch;

static IMB_MGR *mgr_new(const char **why)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);

	if (!mgr) {
		*why = "no memory for the intel-ipsec-mb manager";
		return NULL;
	}
	init_mb_mgr_auto(mgr, &arch);
	if (imb_get_errno(mgr) != 0) {
		*why = imb_get_strerror(imb_get_errno(mgr));
		free_mb_mgr(mgr);
		return NULL;
	}
	return mgr;
}

int crypto_engine_init(const char **why)
{
	if (ipsec_mb_shared)
		return 0;
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AES) != 1) {
		*why = "the CPU has no AES instructions (AES-NI)";
		return -ENOTSUP;
	}
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_PCLMULQDQ) != 1) {
		*why = "the CPU has no carry-less multiplication (PCLMULQDQ)";
		return -ENOTSUP;
	}
	ipsec_mb_shared = mgr_new(why);
	return ipsec_mb_shared ? 0 : -ENOTSUP;
}

const char *crypto_engine_name(void)
{
	// What the library asks for before it takes its VAES code.
	bool vaes = rte_cpu_get_flag_enabled(RTE_CPUFLAG_VAES) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_VPCLMULQDQ) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_GFNI) == 1 &&
		    rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512IFMA) == 1;

	switch (arch) {
	case IMB_ARCH_AVX512:
		return vaes ? "intel-ipsec-mb AVX512 (VAES)" : "intel-ipsec-mb AVX512";
	case IMB_ARCH_AVX2:
		return "intel-ipsec-mb AVX2";
	case IMB_ARCH_SSE:
		return "intel-ipsec-mb SSE";
	default:
		return "intel-ipsec-mb";
	}
}

struct crypto *crypto_new(void)
{
	const char *why;

	return (struct crypto *)mgr_new(&why);
}

void crypto_free(struct crypto *c)
{
	if (c)
		free_mb_mgr(ipsec_mb_jobs(c));
}
