// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Fills struct conf from a tree by the schema, and checks what concerns more than one option.
// Any thread, no side effects.
#pragma once

#include "control/conf/conf.h"
#include "control/conf/conf_tree.h"

// Defaults first, then what the tree says. 0, or -1 with *err.
int conf_read(struct conf *c, const struct conf_node *root, struct conf_error *err);

// Relations between options; adds warnings to c. 0, or -1 with *err.
int conf_check(struct conf *c, const struct conf_node *root, struct conf_error *err);

// Files that must exist. 0, or -1 with *err.
int conf_check_files(struct conf *c, const struct conf_node *root, struct conf_error *err);
