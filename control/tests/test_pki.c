// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/tests/test_pki.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 64
#define PATH_BYTES 160
#define DAY_S (24L * 3600)

struct test_pki {
	char dir[64];
	char files[FILES_MAX][PATH_BYTES];
	unsigned int count;
	long serial;
};

#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "test_pki: %s failed\n", #x); \
			exit(1); \
		} \
	} while (0)

struct test_pki *test_pki_new(void)
{
	struct test_pki *p = calloc(1, sizeof(*p));

	MUST(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/sluice-test-pki-XXXXXX");
	MUST(mkdtemp(p->dir));
	p->serial = 1;
	return p;
}

const char *test_pki_path(struct test_pki *p, const char *file)
{
	char path[PATH_BYTES];
	unsigned int i;

	snprintf(path, sizeof(path), "%s/%s", p->dir, file);
	for (i = 0; i < p->count; i++)
		if (strcmp(p->files[i], path) == 0)
			return p->files[i];
	MUST(p->count < FILES_MAX);
	memcpy(p->files[p->count], path, sizeof(path));
	return p->files[p->count++];
}

void test_pki_free(struct test_pki *p)
{
	unsigned int i;

	for (i = 0; i < p->count; i++)
		unlink(p->files[i]);
	rmdir(p->dir);
	free(p);
}

static FILE *open_file(struct test_pki *p, const char *name, const char *suffix, const char *mode)
{
	char file[96];
	FILE *f;

	snprintf(file, sizeof(file), "%s%s", name, suffix);
	f = fopen(test_pki_path(p, file), mode);
	MUST(f);
	return f;
}

static void save(struct test_pki *p, const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = open_file(p, name, ".crt", "w");

	MUST(PEM_write_X509(f, cert) == 1);
	fclose(f);
	f = open_file(p, name, ".key", "w");
	MUST(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(f);
}

static X509 *load_cert(struct test_pki *p, const char *name)
{
	FILE *f = open_file(p, name, ".crt", "r");
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);

	MUST(cert);
	fclose(f);
	return cert;
}

static EVP_PKEY *load_key(struct test_pki *p, const char *name)
{
	FILE *f = open_file(p, name, ".key", "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	MUST(key);
	fclose(f);
	return key;
}

static X509 *make_cert(struct test_pki *p, EVP_PKEY *key, const void *cn, size_t cn_len,
	int from_days, int to_days)
{
	X509 *cert = X509_new();

	MUST(cert && X509_set_version(cert, 2) == 1);
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), p->serial++) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(cert), from_days * DAY_S));
	MUST(X509_gmtime_adj(X509_getm_notAfter(cert), to_days * DAY_S));
	if (cn_len > 0)
		MUST(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
			     V_ASN1_UTF8STRING, (unsigned char *)(uintptr_t)cn, (int)cn_len, -1,
			     0) == 1);
	MUST(X509_set_pubkey(cert, key) == 1);
	return cert;
}

static void extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	MUST(e && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

void test_pki_ca(struct test_pki *p, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;

	MUST(key);
	cert = make_cert(p, key, name, strlen(name), -1, 365);
	MUST(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1);
	extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	MUST(X509_sign(cert, key, EVP_sha256()) > 0);
	save(p, name, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void sign_and_save(struct test_pki *p, const char *ca, const char *name, X509 *cert,
	EVP_PKEY *key, const char *usage, const EVP_MD *md)
{
	EVP_PKEY *ca_key = load_key(p, ca);
	X509 *ca_cert = load_cert(p, ca);

	MUST(X509_set_issuer_name(cert, X509_get_subject_name(ca_cert)) == 1);
	if (usage)
		extend(cert, NID_ext_key_usage, usage);
	MUST(X509_sign(cert, ca_key, md) > 0);
	save(p, name, cert, key);
	X509_free(ca_cert);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

void test_pki_issue(struct test_pki *p, const char *ca, const char *name, const char *usage,
	int from_days, int to_days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	MUST(key);
	sign_and_save(p, ca, name, make_cert(p, key, name, strlen(name), from_days, to_days), key,
		usage, EVP_sha256());
}

void test_pki_self(struct test_pki *p, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;

	MUST(key);
	cert = make_cert(p, key, name, strlen(name), -1, 365);
	MUST(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1);
	MUST(X509_sign(cert, key, EVP_sha256()) > 0);
	save(p, name, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void test_pki_issue_rsa(
	struct test_pki *p, const char *ca, const char *name, unsigned int bits, bool sha1)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	MUST(key);
	sign_and_save(p, ca, name, make_cert(p, key, name, strlen(name), -1, 10), key, "clientAuth",
		sha1 ? EVP_sha1() : EVP_sha256());
}

void test_pki_fingerprint(struct test_pki *p, const char *name, uint8_t out[32])
{
	X509 *cert = load_cert(p, name);

	MUST(X509_digest(cert, EVP_sha256(), out, NULL) == 1);
	X509_free(cert);
}

void test_pki_issue_cn(
	struct test_pki *p, const char *ca, const char *name, const void *cn, size_t cn_len)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	MUST(key);
	sign_and_save(p, ca, name, make_cert(p, key, cn, cn_len, -1, 10), key, "clientAuth",
		EVP_sha256());
}

static void add_revoked(struct test_pki *p, X509_CRL *crl, const char *name)
{
	X509 *cert = load_cert(p, name);
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);

	MUST(r && now && X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(cert)) == 1);
	MUST(X509_REVOKED_set_revocationDate(r, now) == 1);
	MUST(X509_CRL_add0_revoked(crl, r) == 1);
	ASN1_TIME_free(now);
	X509_free(cert);
}

void test_pki_crl(
	struct test_pki *p, const char *ca, const char *file, const char *revoked, int next_days)
{
	EVP_PKEY *ca_key = load_key(p, ca);
	X509 *ca_cert = load_cert(p, ca);
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *last = X509_gmtime_adj(NULL, -30 * DAY_S);
	ASN1_TIME *next = X509_gmtime_adj(NULL, next_days * DAY_S);
	FILE *f = open_file(p, file, "", "w");

	MUST(crl && last && next && X509_CRL_set_version(crl, 1) == 1);
	MUST(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca_cert)) == 1);
	MUST(X509_CRL_set1_lastUpdate(crl, last) == 1);
	MUST(X509_CRL_set1_nextUpdate(crl, next) == 1);
	if (revoked)
		add_revoked(p, crl, revoked);
	MUST(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca_key, EVP_sha256()) > 0);
	MUST(PEM_write_X509_CRL(f, crl) == 1);
	fclose(f);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	X509_CRL_free(crl);
	X509_free(ca_cert);
	EVP_PKEY_free(ca_key);
}
