// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// What a run that ended without its goodbye (kill -9, power of a container) left in the kernel.
// TUN devices and sockets end with their process; XDP programs stay on their interfaces, and with
// nobody behind them cost every packet a look, for ever. Main thread, before ports are opened.
#pragma once

#include "control/conf/conf.h"

// Removes XDP programs of ours that no process holds, in every namespace the configuration names.
// A stranger's program, or a living daemon's, stays. Logs what it removed; errors are none of a
// start's: an interface that is needed is looked at again when its port is opened.
void leftovers_remove(const struct conf *conf);
