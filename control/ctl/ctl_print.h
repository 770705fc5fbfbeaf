// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Results of the API as tables for people, readable in 100 columns. Part of sluicectl.
#pragma once

#include <stdio.h>

#include <jansson.h>

void ctl_print_status(FILE *out, const json_t *result);
void ctl_print_clients(FILE *out, const json_t *result);
void ctl_print_counters(FILE *out, const json_t *result);
void ctl_print_reload(FILE *out, const json_t *result);
