// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026, The Sluice authors

#include "control/ctl/ctl_capture.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PCAP_MAGIC 0xa1b2c3d4u // microseconds
#define LINKTYPE_RAW 101
#define PACKET_MAX 65536

struct pcap_file {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, linktype;
};

struct pcap_record {
	uint32_t seconds, micros, caplen, len;
};

int ctl_capture_begin(FILE *pcap, unsigned int snaplen)
{
	struct pcap_file head = {
		.magic = PCAP_MAGIC,
		.major = 2,
		.minor = 4,
		.snaplen = snaplen,
		.linktype = LINKTYPE_RAW,
	};

	return fwrite(&head, sizeof(head), 1, pcap) == 1 ? 0 : -1;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

// Bytes, or -1 if text is not base64 or too long.
static int base64_decode(uint8_t *to, size_t max, const char *text, size_t len)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t n = 0;

	while (len && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = digit(text[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n >= max)
			return -1;
		to[n++] = (uint8_t)(bits >> have);
	}
	return (int)n;
}

int ctl_capture_packet(FILE *pcap, const json_t *event)
{
	const json_t *data = json_object_get(event, "data");
	uint64_t us = (uint64_t)json_integer_value(json_object_get(event, "time_us"));
	static uint8_t bytes[PACKET_MAX];
	struct pcap_record rec;
	int n;

	errno = EPROTO;
	if (!json_is_string(data))
		return -1;
	n = base64_decode(bytes, sizeof(bytes), json_string_value(data), json_string_length(data));
	if (n < 0)
		return -1;
	rec.seconds = (uint32_t)(us / 1000000);
	rec.micros = (uint32_t)(us % 1000000);
	rec.caplen = (uint32_t)n;
	rec.len = (uint32_t)json_integer_value(json_object_get(event, "len"));
	if (fwrite(&rec, sizeof(rec), 1, pcap) != 1 ||
		(n && fwrite(bytes, (size_t)n, 1, pcap) != 1) || fflush(pcap) != 0)
		return -1;
	return 0;
}
