# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Formats of data packets. A format has the keys of one key id and both its packet id counters.

head is what stands before the packet id: opcode and, in P_DATA_V2, the peer id.
"""

import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

import epoch
from wire import DATA_V2, opcode_of

WINDOW = 64
TAG_BYTES = 16
BLOCK_BYTES = 16
PID_MAX = 2**32 - 1
AEAD_KEY_BYTES = {
    "AES-128-GCM": 16,
    "AES-192-GCM": 24,
    "AES-256-GCM": 32,
    "CHACHA20-POLY1305": 32,
}
CBC_KEY_BYTES = {"AES-128-CBC": 16, "AES-192-CBC": 24, "AES-256-CBC": 32}


class DataError(ValueError):
    """The packet is not delivered; the text is the reason, one word."""


def is_aead(cipher):
    return cipher in AEAD_KEY_BYTES


def head_bytes(datagram):
    return 4 if opcode_of(datagram) == DATA_V2 else 1


class Window:
    """Which packet ids were there; floor is everything at and below which is refused."""

    def __init__(self, size=WINDOW):
        self.size = size
        self.highest = 0
        self.seen = set()

    def check(self, pid):
        if pid == 0 or pid in self.seen or pid + self.size <= self.highest:
            raise DataError("replay")

    def note(self, pid):
        self.highest = max(self.highest, pid)
        self.seen = {p for p in self.seen | {pid} if p + self.size > self.highest}


def aead_of(cipher, key):
    return ChaCha20Poly1305(key) if cipher == "CHACHA20-POLY1305" else AESGCM(key)


class Aead:
    """pid | tag | ciphertext; in V1 the opcode is not authenticated."""

    def __init__(self, cipher, send, recv):
        size = AEAD_KEY_BYTES[cipher]
        self.send_aead, self.send_tail = aead_of(cipher, send[:size]), send[64:72]
        self.recv_aead, self.recv_tail = aead_of(cipher, recv[:size]), recv[64:72]
        self.next = 1
        self.window = Window()

    @staticmethod
    def aad(head, pid):
        return head + pid if len(head) == 4 else pid

    def seal(self, head, plain, pid=None):
        if pid is None:
            pid, self.next = self.next, self.next + 1
        raw = struct.pack(">I", pid)
        out = self.send_aead.encrypt(raw + self.send_tail, plain, self.aad(head, raw))
        return head + raw + out[-TAG_BYTES:] + out[:-TAG_BYTES]

    def open(self, datagram):
        n = head_bytes(datagram)
        head, raw = datagram[:n], datagram[n : n + 4]
        tag, sealed = datagram[n + 4 : n + 20], datagram[n + 20 :]
        if not sealed:
            raise DataError("short")
        pid = struct.unpack(">I", raw)[0]
        self.window.check(pid)
        try:
            plain = self.recv_aead.decrypt(raw + self.recv_tail, sealed + tag, self.aad(head, raw))
        except InvalidTag:
            raise DataError("tag") from None
        self.window.note(pid)
        return plain


class Cbc:
    """HMAC | iv | ciphertext of pid and payload; nothing before the HMAC is authenticated."""

    def __init__(self, cipher, auth, send, recv):
        self.digest = auth.lower()
        self.mac_bytes = hashlib.new(self.digest).digest_size
        size = CBC_KEY_BYTES.get(cipher)
        self.send_key, self.recv_key = (send[:size], recv[:size]) if size else (None, None)
        self.send_mac, self.recv_mac = (k[64 : 64 + self.mac_bytes] for k in (send, recv))
        self.next = 1
        self.window = Window()

    def seal(self, head, plain, pid=None):
        if pid is None:
            pid, self.next = self.next, self.next + 1
        body = struct.pack(">I", pid) + plain
        if self.send_key:
            iv = os.urandom(BLOCK_BYTES)
            pad = BLOCK_BYTES - len(body) % BLOCK_BYTES
            worker = Cipher(algorithms.AES(self.send_key), modes.CBC(iv)).encryptor()
            body = iv + worker.update(body + bytes([pad]) * pad) + worker.finalize()
        return head + hmac.digest(self.send_mac, body, self.digest) + body

    def open(self, datagram):
        n = head_bytes(datagram)
        mac, body = datagram[n : n + self.mac_bytes], datagram[n + self.mac_bytes :]
        if not hmac.compare_digest(mac, hmac.digest(self.recv_mac, body, self.digest)):
            raise DataError("tag")
        if self.recv_key:
            body = self.decrypt(body)
        if len(body) < 5:
            raise DataError("short")
        pid = struct.unpack_from(">I", body)[0]
        self.window.check(pid)
        self.window.note(pid)
        return body[4:]

    def decrypt(self, body):
        if len(body) < 2 * BLOCK_BYTES or len(body) % BLOCK_BYTES:
            raise DataError("length")
        iv = body[:BLOCK_BYTES]
        worker = Cipher(algorithms.AES(self.recv_key), modes.CBC(iv)).decryptor()
        plain = worker.update(body[BLOCK_BYTES:]) + worker.finalize()
        pad = plain[-1]
        if not 1 <= pad <= BLOCK_BYTES or plain[-pad:] != bytes([pad]) * pad:
            raise DataError("padding")
        return plain[:-pad]


class Epoch:
    """epoch and counter in 64 bits | ciphertext | tag; P_DATA_V2 only."""

    def __init__(self, cipher, send, recv):
        size = AEAD_KEY_BYTES[cipher]
        self.sender = epoch.Sender(lambda k: aead_of(cipher, k), send[:32], size)
        self.receiver = epoch.Receiver(lambda k: aead_of(cipher, k), recv[:32], size, Window)

    def seal(self, head, plain, pid=None):
        raw, key = self.sender.take(pid)
        return head + raw + key.aead.encrypt(key.nonce(raw), plain, head + raw)

    def open(self, datagram):
        if opcode_of(datagram) != DATA_V2:
            raise DataError("version")
        head, raw, sealed = datagram[:4], datagram[4:12], datagram[12:]
        if len(sealed) <= TAG_BYTES:
            raise DataError("short")
        number, counter = epoch.split(raw)
        key = self.receiver.find(number)
        if not key:
            raise DataError("epoch")
        key.window.check(counter)
        try:
            plain = key.aead.decrypt(key.nonce(raw), sealed, head + raw)
        except InvalidTag:
            raise DataError("tag") from None
        key.window.note(counter)
        self.receiver.seen(key)
        self.sender.follow(number)
        return plain


def make(cipher, auth, block, use_epoch=False):
    """The client's side of a 256-byte key block: it sends with the first half."""
    send, recv = block[:128], block[128:]
    if use_epoch:
        return Epoch(cipher, send, recv)
    if is_aead(cipher):
        return Aead(cipher, send, recv)
    if cipher in CBC_KEY_BYTES or cipher == "none":
        return Cbc(cipher, auth, send, recv)
    raise ValueError(f"cipher {cipher} is not simulated")
