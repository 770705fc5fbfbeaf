// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The parts of test_path.
#pragma once

#include "dataplane/tests/harness.h"

extern const struct harness_test path_inbound_tests[];
extern const struct harness_test path_outbound_tests[];
extern const struct harness_test path_cbc_tests[];
extern const struct harness_test path_epoch_tests[];
extern const struct harness_test path_framing_tests[];
extern const struct harness_test path_inner_tests[];
extern const struct harness_test path_subnet_tests[];
extern const struct harness_test path_hairpin_tests[];
extern const struct harness_test path_ring_tests[];
