// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Values of the configuration file: text to number and back, networks and how they relate.
// Pure functions, any thread. Readers return 0, or -1 for text that is no such value.
#pragma once

#include "control/conf/conf.h"

int conf_read_u64(const char *text, uint64_t *out);
int conf_read_bool(const char *text, bool *out);
// "90" (seconds), "10s", "5m", "1h", "7d".
int conf_read_duration(const char *text, uint64_t *seconds);
// "64kb", "512mb", "1gb", "1tb"; a bare number is bytes.
int conf_read_size(const char *text, uint64_t *bytes);
int conf_read_addr(const char *text, struct conf_addr *out);
// *host_bits: the address had bits set behind the prefix length; out has them cleared.
int conf_read_prefix(const char *text, struct conf_prefix *out, bool *host_bits);
// 64 hex digits, with or without a colon between two and two.
int conf_read_fingerprint(const char *text, struct conf_fingerprint *out);
// "1,2" or "1-3,8" in ascending order. Returns how many, or -1.
int conf_read_lcores(const char *text, uint16_t *list, size_t max);

#define CONF_TEXT_BYTES 64
const char *conf_text_duration(char out[CONF_TEXT_BYTES], uint64_t seconds);
const char *conf_text_size(char out[CONF_TEXT_BYTES], uint64_t bytes);
const char *conf_text_addr(char out[CONF_TEXT_BYTES], const struct conf_addr *a);
const char *conf_text_prefix(char out[CONF_TEXT_BYTES], const struct conf_prefix *p);

bool conf_prefix_overlaps(const struct conf_prefix *a, const struct conf_prefix *b);
bool conf_prefix_has(const struct conf_prefix *p, const struct conf_addr *a);
bool conf_addr_equal(const struct conf_addr *a, const struct conf_addr *b);
// Neither unspecified, loopback, multicast nor broadcast.
bool conf_addr_is_unicast(const struct conf_addr *a);
