# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Key method 2 and what data keys are made of: the two key messages, the PRF, the exporter."""

import hmac
import os
import struct

METHOD = 2
EKM_LABEL = b"EXPORTER-OpenVPN-datakeys"
BLOCK_BYTES = 256


class KeyexError(ValueError):
    """The server's key message is not one."""


class ClientSecrets:
    def __init__(self):
        self.pre_master = os.urandom(48)
        self.random1 = os.urandom(32)
        self.random2 = os.urandom(32)


def text(value):
    if not value:
        return b"\0\0"
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw) + 1) + raw + b"\0"


def compose(secrets, options, peer_info, username="", password="", method=METHOD):
    return (
        bytes(4)
        + bytes([method])
        + secrets.pre_master
        + secrets.random1
        + secrets.random2
        + text(options)
        + text(username)
        + text(password)
        + text(peer_info)
    )


class ServerMessage:
    def __init__(self, data):
        if len(data) < 69 or data[:4] != bytes(4):
            raise KeyexError("malformed key message")
        if data[4] & 15 != METHOD:
            raise KeyexError(f"key method {data[4] & 15}")
        self.random1, self.random2 = data[5:37], data[37:69]
        self.texts = []
        at = 69
        while at < len(data):
            if len(data) - at < 2:
                raise KeyexError("truncated string")
            size = struct.unpack_from(">H", data, at)[0]
            raw = data[at + 2 : at + 2 + size]
            if len(raw) != size:
                raise KeyexError("string longer than the message")
            self.texts.append(raw.split(b"\0")[0].decode("ascii", "replace"))
            at += 2 + size
        self.options = self.texts[0] if self.texts else ""


def p_hash(digest, secret, seed, size):
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:size]


def prf(secret, seed, size):
    """The PRF of TLS 1.0; seed begins with the label."""
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], seed, size)
    sha = p_hash("sha1", secret[len(secret) - half :], seed, size)
    return bytes(a ^ b for a, b in zip(md5, sha))


def block_by_prf(client, server, client_sid, server_sid):
    master = prf(
        client.pre_master, b"OpenVPN master secret" + client.random1 + server.random1, 48
    )
    seed = client.random2 + server.random2 + client_sid + server_sid
    return prf(master, b"OpenVPN key expansion" + seed, BLOCK_BYTES)


def block_by_ekm(tls):
    return tls.export(EKM_LABEL, BLOCK_BYTES)
