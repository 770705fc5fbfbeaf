# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The key schedule of the epoch data format: chains of secrets, one key per epoch."""

import struct

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

FUTURE = 4  # epochs a receiver looks ahead
COUNTER_MAX = 2**48 - 1
EPOCH_MAX = 2**16 - 1


class EpochExhausted(ValueError):
    """No packet id is left in this epoch."""


def expand_label(secret, label, size, context=b""):
    name = b"ovpn " + label
    info = struct.pack(">HB", size, len(name)) + name + bytes([len(context)]) + context
    return HKDFExpand(SHA256(), size, info).derive(secret)


def following(secret):
    return expand_label(secret, b"datakey upd", 32)


def join(number, counter):
    return struct.pack(">Q", number << 48 | counter)


def split(raw):
    value = struct.unpack(">Q", raw)[0]
    return value >> 48, value & COUNTER_MAX


class Key:
    def __init__(self, aead_of, number, secret, key_bytes):
        self.number = number
        self.secret = secret
        self.key = expand_label(secret, b"data_key", key_bytes)
        self.iv = expand_label(secret, b"data_iv", 12)
        self.aead = aead_of(self.key)

    def nonce(self, raw):
        return bytes(a ^ b for a, b in zip(raw + bytes(4), self.iv))


class Chain:
    """Keys by epoch number, derived as far as they are asked for, never backwards."""

    def __init__(self, aead_of, secret, key_bytes):
        self.aead_of, self.key_bytes = aead_of, key_bytes
        self.newest = Key(aead_of, 1, secret, key_bytes)

    def step(self):
        self.newest = Key(
            self.aead_of, self.newest.number + 1, following(self.newest.secret), self.key_bytes
        )
        return self.newest


class Sender:
    def __init__(self, aead_of, secret, key_bytes):
        self.chain = Chain(aead_of, secret, key_bytes)
        self.next = 1

    @property
    def number(self):
        return self.chain.newest.number

    def take(self, counter=None):
        if counter is None:
            if self.next > COUNTER_MAX:
                raise EpochExhausted(f"epoch {self.number}")
            counter, self.next = self.next, self.next + 1
        return join(self.number, counter), self.chain.newest

    def advance(self):
        self.chain.step()
        self.next = 1

    def follow(self, number):
        """A receiver of a later epoch sends in it from now on."""
        while self.number < number:
            self.advance()


class Receiver:
    """The current key, the one before it, and a few to come."""

    def __init__(self, aead_of, secret, key_bytes, window_of):
        self.chain = Chain(aead_of, secret, key_bytes)
        self.window_of = window_of
        self.current = 1
        self.keys = {1: self.chain.newest}
        self.chain.newest.window = window_of()
        self.refill()

    def refill(self):
        while self.chain.newest.number < self.current + FUTURE:
            key = self.chain.step()
            key.window = self.window_of()
            self.keys[key.number] = key

    def find(self, number):
        return self.keys.get(number)

    def seen(self, key):
        if key.number <= self.current:
            return
        before, self.current = self.current, key.number
        self.keys = {n: k for n, k in self.keys.items() if n == before or n >= key.number}
        self.refill()
