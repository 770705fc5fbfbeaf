// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Certificates for tests, made when the test runs and gone with it: a directory below /tmp with
// NAME.crt, NAME.key and revocation lists. Any failure ends the program: a test without its
// certificates has no result.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_pki;

struct test_pki *test_pki_new(void);
void test_pki_free(struct test_pki *p);
// Path of a file in the directory; valid until test_pki_free().
const char *test_pki_path(struct test_pki *p, const char *file);

// A self-signed CA, valid for a year.
void test_pki_ca(struct test_pki *p, const char *name);
// usage: "clientAuth" or "serverAuth"; NULL: none named. Valid from `from_days` to `to_days` from now.
void test_pki_issue(struct test_pki *p, const char *ca, const char *name, const char *usage,
	int from_days, int to_days);
// A client's certificate that signs itself.
void test_pki_self(struct test_pki *p, const char *name);
// A client's, with an RSA key of `bits` bits, signed by the CA with SHA-1 or SHA-256.
void test_pki_issue_rsa(
	struct test_pki *p, const char *ca, const char *name, unsigned int bits, bool sha1);
// SHA-256 of NAME.crt.
void test_pki_fingerprint(struct test_pki *p, const char *name, uint8_t out[32]);
// The same with any bytes as common name.
void test_pki_issue_cn(
	struct test_pki *p, const char *ca, const char *name, const void *cn, size_t cn_len);
// A list of `ca` that revokes `revoked` (NULL: nobody), next update in `next_days`.
void test_pki_crl(
	struct test_pki *p, const char *ca, const char *file, const char *revoked, int next_days);
