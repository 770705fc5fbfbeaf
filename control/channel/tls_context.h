// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Inside of tls.[ch]: what the files of a gateway become. Not for others.
#pragma once

#include <openssl/ssl.h>

struct tls_context {
	SSL_CTX *ssl_ctx;
};
