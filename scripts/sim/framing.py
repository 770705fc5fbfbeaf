# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Compression framing around a payload; nothing is ever compressed."""


class FramingError(ValueError):
    """A byte that this framing does not know: compressed, or another framing."""


class Bare:
    name = "none"

    def wrap(self, payload):
        return payload

    def unwrap(self, data):
        return data


class Prefix(Bare):
    """comp-lzo no: one byte in front."""

    name = "comp-lzo"

    def wrap(self, payload):
        return b"\xfa" + payload

    def unwrap(self, data):
        if data[:1] != b"\xfa":
            raise FramingError("framing")
        return data[1:]


class Swap(Bare):
    """compress stub: the first byte goes to the end."""

    name = "stub"

    def wrap(self, payload):
        return b"\xfb" + payload[1:] + payload[:1]

    def unwrap(self, data):
        if data[:1] != b"\xfb" or len(data) < 2:
            raise FramingError("framing")
        return data[-1:] + data[1:-1]


class StubV2(Bare):
    """compress stub-v2: only a payload that looks like a header is escaped."""

    name = "stub-v2"

    def wrap(self, payload):
        return b"\x50\x00" + payload if payload[:1] == b"\x50" else payload

    def unwrap(self, data):
        if data[:1] != b"\x50":
            return data
        if data[:2] != b"\x50\x00":
            raise FramingError("framing")
        return data[2:]


NAMES = {f.name: f for f in (Bare, Prefix, Swap, StubV2)}


def pushed(options, own):
    """The framing after a push reply, from the one the client was configured with."""
    name = own
    for option in options:
        words = option.split()
        if words[0] == "comp-lzo":
            name = "comp-lzo"
        elif words[0] == "compress":
            name = {"stub-v2": "stub-v2", "lz4-v2": "stub-v2"}.get("".join(words[1:2]), "stub")
    return NAMES[name]()
