// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Certificates for tests, made when the test runs and gone with it: a directory below /tmp with
// NAME.crt, NAME.key and revocation lists. Any failure ends the program: a test without its
// certificates has no result.
#pragma once

#include <stddef.h>

struct test_pki;

struct test_pki *test_pki_new(void);
void test_pki_free(struct test_pki *p);
// Path of a file in the directory; valid until test_pki_free().
const char *test_pki_path(struct test_pki *p, const char *file);

// A self-signed CA, valid for a year.
void test_pki_ca(struct test_pki *p, const char *name);
// usage: "clientAuth" or "serverAuth". Valid from `from_days` to `to_days` from now.
void test_pki_issue(struct test_pki *p, const char *ca, const char *name, const char *usage,
	int from_days, int to_days);
// The same with any bytes as common name.
void test_pki_issue_cn(
	struct test_pki *p, const char *ca, const char *name, const void *cn, size_t cn_len);
// A list of `ca` that revokes `revoked` (NULL: nobody), next update in `next_days`.
void test_pki_crl(
	struct test_pki *p, const char *ca, const char *file, const char *revoked, int next_days);
