# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Wrapping of control packets: none, tls-auth, tls-crypt, tls-crypt-v2, dynamic tls-crypt.

Each wrapping holds the ids of one client's packets and the replay window of what it receives.
"""

import hashlib
import hmac
import struct
import time

import keyfile
from wire import CONTROL_WKC_V1, HARD_RESET_CLIENT_V3, HEADER_BYTES, opcode_of

WINDOW = 64
EARLY_NEGOTIATION = 0x0F000000
DYNAMIC_LABEL = b"EXPORTER-OpenVPN-dynamic-tls-crypt"


class WrapError(ValueError):
    """A datagram that was not made by who knows the key, or was seen before."""


class LongIds:
    """Ids of one direction: a counter and the second it began in. Never the same twice."""

    def __init__(self, first=1):
        self.next = first
        self.time = int(time.time())

    def take(self):
        out = struct.pack(">II", self.next, self.time)
        self.next += 1
        return out


class LongWindow:
    """A larger time starts the window anew, a smaller one is a replay."""

    def __init__(self):
        self.time = 0
        self.highest = 0
        self.seen = set()

    def accept(self, raw):
        pid, when = struct.unpack(">II", raw)
        if pid == 0 or when < self.time:
            raise WrapError("replay")
        if when > self.time:
            self.time, self.highest, self.seen = when, 0, set()
        if pid in self.seen or pid + WINDOW <= self.highest:
            raise WrapError("replay")
        self.highest = max(self.highest, pid)
        self.seen = {p for p in self.seen | {pid} if p + WINDOW > self.highest}


class Plain:
    name = "none"
    overhead = 0
    base_key = None

    def seal(self, header, body):
        return header + body

    def open(self, datagram):
        if len(datagram) < HEADER_BYTES:
            raise WrapError("short")
        return datagram[:HEADER_BYTES], datagram[HEADER_BYTES:]


class TlsAuth:
    """direction is the client's: None uses one half of the key for both."""

    name = "tls-auth"

    def __init__(self, key, direction=1, digest="sha1"):
        self.base_key = key
        self.digest = digest
        self.mac_bytes = hashlib.new(digest).digest_size
        self.overhead = self.mac_bytes + 8
        mine = direction or 0
        theirs = mine if direction is None else 1 - mine
        self.send_key = key[128 * mine + 64 :][: self.mac_bytes]
        self.recv_key = key[128 * theirs + 64 :][: self.mac_bytes]
        self.ids = LongIds()
        self.window = LongWindow()

    def seal(self, header, body):
        ids = self.ids.take()
        return header + hmac.digest(self.send_key, ids + header + body, self.digest) + ids + body

    def open(self, datagram):
        end = HEADER_BYTES + self.mac_bytes
        if len(datagram) < end + 8:
            raise WrapError("short")
        header, mac = datagram[:HEADER_BYTES], datagram[HEADER_BYTES:end]
        ids, body = datagram[end : end + 8], datagram[end + 8 :]
        good = hmac.digest(self.recv_key, ids + header + body, self.digest)
        if not hmac.compare_digest(mac, good):
            raise WrapError("tag")
        self.window.accept(ids)
        return header, body


class TlsCrypt:
    """Clients send with the second half of the key and receive with the first."""

    name = "tls-crypt"
    overhead = 40

    def __init__(self, key, first_id=1):
        self.base_key = key
        self.send_key = key[128:256]
        self.recv_key = key[0:128]
        self.ids = LongIds(first_id)
        self.window = LongWindow()

    def seal(self, header, body):
        ad = header + self.ids.take()
        tag = hmac.digest(self.send_key[64:96], ad + body, "sha256")
        return ad + tag + keyfile.aes_ctr(self.send_key[:32], tag[:16], body)

    def open(self, datagram, header_bytes=HEADER_BYTES):
        end = header_bytes + 8
        if len(datagram) < end + 32:
            raise WrapError("short")
        tag = datagram[end : end + 32]
        body = keyfile.aes_ctr(self.recv_key[:32], tag[:16], datagram[end + 32 :])
        good = hmac.digest(self.recv_key[64:96], datagram[:end] + body, "sha256")
        if not hmac.compare_digest(tag, good):
            raise WrapError("tag")
        self.window.accept(datagram[header_bytes:end])
        return datagram[:header_bytes], body


class TlsCryptV2(TlsCrypt):
    """The wrapped key follows the reset and, where the server asked for it, the third packet."""

    name = "tls-crypt-v2"

    def __init__(self, key, wrapped_key, marker):
        super().__init__(key, EARLY_NEGOTIATION + 1 if marker else 1)
        self.wrapped_key = wrapped_key

    def seal(self, header, body):
        out = super().seal(header, body)
        if opcode_of(header) in (HARD_RESET_CLIENT_V3, CONTROL_WKC_V1):
            out += self.wrapped_key
        return out


def dynamic(exported, base):
    """The wrapping of renegotiations: the first TLS session's exporter and what wrapped it."""
    key = exported
    if base.base_key:
        key = bytes(a ^ b for a, b in zip(exported, base.base_key))
    out = TlsCrypt(key)
    out.name = "dynamic tls-crypt"
    return out


def from_text(text, digest, marker):
    """none, tls-auth:FILE[:DIRECTION], tls-crypt:FILE, tls-crypt-v2:FILE"""
    kind, _, rest = text.partition(":")
    if kind == "none" and not rest:
        return Plain()
    if kind == "tls-auth" and rest:
        path, _, direction = rest.partition(":")
        if direction not in ("", "0", "1"):
            raise ValueError(f'--wrap: key direction is 0, 1 or absent, got "{direction}"')
        return TlsAuth(keyfile.read_static(path), int(direction) if direction else None, digest)
    if kind == "tls-crypt" and rest:
        return TlsCrypt(keyfile.read_static(rest))
    if kind == "tls-crypt-v2" and rest:
        return TlsCryptV2(*keyfile.read_v2_client(rest), marker)
    raise ValueError(
        "--wrap is none, tls-auth:FILE[:DIRECTION], tls-crypt:FILE or tls-crypt-v2:FILE, "
        f'got "{text}"'
    )
