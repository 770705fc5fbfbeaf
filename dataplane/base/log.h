// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors
//
// One line per event on standard error, with the syslog priority in front when a
// service manager reads it. Any thread but a worker: the packet path never logs.
// Key material is never logged, at any level.
#pragma once

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERR = 3,     // a function failed
	LOG_LEVEL_WARNING = 4, // something is wrong, work goes on
	LOG_LEVEL_NOTICE = 5,  // a state change an operator wants to see
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

// Once per file, after the includes: names the part of the program in each line.
#define LOG_TYPE(name) static const char *const log_type __attribute__((unused)) = name

#define LOG(level, ...) log_write(LOG_LEVEL_##level, log_type, __VA_ARGS__)

// Messages above `level` are dropped. Default NOTICE.
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

// Adds a syslog "<N>" prefix instead of a time stamp (for journald).
void log_set_prefix(bool syslog_prefix);

void log_write(enum log_level level, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// Logs "WHAT: strerror(err)" at ERR where an error is first seen, returns -err.
// `err` may be given with either sign.
int log_errno(const char *type, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define errno_log(err, ...) log_errno(log_type, err, __VA_ARGS__)
