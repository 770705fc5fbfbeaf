// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// Keys of the epoch data format, put into a key slot before a worker needs them and taken out when it
// never will again; the secrets they are made of stay here. Who decides what is in use:
// dataplane/epoch.h. Part of publish.c, control thread only.
#pragma once

#include "control/channel/session.h"
#include "control/retire.h"
#include "dataplane/keyslot.h"

// Makes a zeroed slot one of the epoch format, with its first keys. Before publication. 0, -ENOMEM or
// -EIO; then publish_epoch_fini() all the same.
int publish_epoch_init(struct keyslot *k, const struct session_key *key);
// Keys up to EPOCH_FUTURE and EPOCH_AHEAD beyond those in use; those of epochs gone by are retired.
// 0, or -ENOMEM, -EIO: to be tried again, until then there are fewer ahead.
int publish_epoch_refill(struct keyslot *k, struct retire *retire);
// Frees and wipes keys and secrets. Before publication, or after a grace period.
void publish_epoch_fini(struct keyslot *k);
