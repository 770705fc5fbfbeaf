# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Key files: static keys of tls-auth and tls-crypt, keys of tls-crypt-v2 and their wrapping."""

import base64
import hmac
import re
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

STATIC_BYTES = 256


class KeyFileError(ValueError):
    """The file does not hold what its use needs."""


def read_static(path):
    with open(path, encoding="ascii") as f:
        text = f.read()
    found = re.search(
        r"-----BEGIN OpenVPN Static key V1-----(.*?)-----END OpenVPN Static key V1-----", text, re.S
    )
    key = bytes.fromhex("".join(found.group(1).split())) if found else b""
    if len(key) != STATIC_BYTES:
        raise KeyFileError(f"{path}: no static key of {STATIC_BYTES} bytes")
    return key


def read_pem(path, label):
    with open(path, encoding="ascii") as f:
        text = f.read()
    found = re.search(f"-----BEGIN {label}-----(.*?)-----END {label}-----", text, re.S)
    if not found:
        raise KeyFileError(f"{path}: no {label}")
    return base64.b64decode("".join(found.group(1).split()))


def read_v2_client(path):
    """(key of 256 bytes, the same wrapped for the server)"""
    raw = read_pem(path, "OpenVPN tls-crypt-v2 client key")
    if len(raw) < STATIC_BYTES + 34:
        raise KeyFileError(f"{path}: too short")
    return raw[:STATIC_BYTES], raw[STATIC_BYTES:]


def aes_ctr(key, iv, data):
    worker = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return worker.update(data) + worker.finalize()


def wrap_v2(server_key, client_key, metadata=b""):
    """What a server hands out with a client key: only it can open the result again."""
    size = struct.pack(">H", 32 + len(client_key) + len(metadata) + 2)
    tag = hmac.digest(server_key[64:96], size + client_key + metadata, "sha256")
    return tag + aes_ctr(server_key[:32], tag[:16], client_key + metadata) + size
