// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "dataplane/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static _Atomic(int) max_level = LOG_LEVEL_NOTICE;
static _Atomic(bool) with_prefix;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&max_level, memory_order_relaxed);
}

void log_set_prefix(bool syslog_prefix)
{
	atomic_store_explicit(&with_prefix, syslog_prefix, memory_order_relaxed);
}

static int line_head(char *line, size_t size, enum log_level level, const char *type)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_NOTICE] = "notice",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	struct timespec now;
	struct tm tm;
	char when[32];

	if (atomic_load_explicit(&with_prefix, memory_order_relaxed))
		return snprintf(line, size, "<%d>%s: ", (int)level, type);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	return snprintf(
		line, size, "%s.%03ld %s %s: ", when, now.tv_nsec / 1000000, names[level], type);
}

static void write_line(
	enum log_level level, const char *type, const char *fmt, va_list ap, const char *tail)
{
	char line[LINE_MAX_BYTES];
	size_t len, i, head;

	head = (size_t)line_head(line, sizeof(line), level, type);
	len = head + (size_t)vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	if (tail)
		len += (size_t)snprintf(line + len, sizeof(line) - 1 - len, ": %s", tail);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	// Text of a client may stand in the message: one event stays one line.
	for (i = head; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	// One write, so that lines of two threads do not mix. A full pipe loses the line.
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_write(enum log_level level, const char *type, const char *fmt, ...)
{
	va_list ap;

	if (level > log_get_level())
		return;
	va_start(ap, fmt);
	write_line(level, type, fmt, ap, NULL);
	va_end(ap);
}

int log_errno(const char *type, int err, const char *fmt, ...)
{
	va_list ap;

	err = abs(err);
	va_start(ap, fmt);
	write_line(LOG_LEVEL_ERR, type, fmt, ap, strerror(err));
	va_end(ap);
	return -err;
}
