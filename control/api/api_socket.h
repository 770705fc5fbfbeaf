// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// The listening unix socket of the API. Control thread only.
#pragma once

// Makes the directory and a listening non-blocking socket with mode 0600. A socket nobody answers on
// is removed first. -errno after one logged line; -EADDRINUSE: a running daemon answers there.
int api_socket_open(const char *path);
