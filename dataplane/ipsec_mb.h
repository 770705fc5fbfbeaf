// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Shared by the files of the engine on intel-ipsec-mb, and the only place that includes it:
//   ipsec_mb.c       start, managers
//   aead_ipsec_mb.c  AES-GCM by direct calls, ChaCha20-Poly1305 by jobs
//   cbc_ipsec_mb.c   AES-CBC with HMAC by jobs
#pragma once

#include <intel-ipsec-mb.h>

#include "dataplane/crypto.h"

// For direct calls: written once by crypto_engine_init(), read by every thread, which use its
// function pointers and none of its queues.
extern IMB_MGR *ipsec_mb_shared;

// For jobs: a thread's own.
static inline IMB_MGR *ipsec_mb_jobs(struct crypto *c)
{
	return (IMB_MGR *)c;
}
