// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
#include "dataplane/crypto.h"

#include <errno.h>

#include "dataplane/aead.h"
#include "dataplane/cbc.h"
#include "dataplane/crypto_engine.h"

int crypto_init(const char **why)
{
	int ret = crypto_engine_init(why);
	struct crypto *c;

	if (ret < 0)
		return ret;
	c = crypto_new();
	if (!c) {
		*why = "no memory for the self-test";
		return -ENOMEM;
	}
	*why = aead_self_test(c);
	if (!*why)
		*why = cbc_self_test(c);
	crypto_free(c);
	return *why ? -EIO : 0;
}
