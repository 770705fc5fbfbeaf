# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""One key of the control channel: reliability layer, TLS, key messages, data keys."""

import time

import keyex
import wire
from reliable import Reliable
from tls import Tls

PACKET_BYTES_MAX = 1250  # of a control packet with its IP and UDP headers
ACKS_BYTES = 1 + 4 * 4 + 8

RESET, HANDSHAKE, SENT_KEY, GOT_KEY, ACTIVE = range(5)


class KeyState:
    """Made when the reset that begins it is sent or received."""

    def __init__(self, client, key_id, wrap, opcode):
        self.client = client
        self.id = key_id
        self.wrap = wrap
        self.stage = RESET
        self.reliable = Reliable(client.family)
        self.reliable.send(opcode, b"")
        self.secrets = keyex.ClientSecrets()
        self.tls = None
        self.backlog = b""
        self.server = None
        self.format = None
        self.usable_at = None
        self.born = time.monotonic()
        self.resend_wkc = False

    def begin_tls(self):
        o = self.client.options
        lowest, highest = self.client.family.tls
        self.tls = Tls(o.ca, o.cert, o.key, o.tls_min or lowest, o.tls_max or highest)
        self.stage = HANDSHAKE

    def chunk_bytes(self):
        outer = 48 if self.client.is_v6 else 28
        room = PACKET_BYTES_MAX - outer - wire.HEADER_BYTES - self.wrap.overhead - ACKS_BYTES - 4
        return room - len(self.wrap.wrapped_key) if self.resend_wkc else room

    def next_opcode(self):
        wkc = self.resend_wkc and self.reliable.send_next == 1
        return wire.CONTROL_WKC_V1 if wkc else wire.CONTROL_V1

    def queue(self):
        """Bytes of TLS become messages as far as the window has room."""
        if self.tls:
            self.backlog += self.client.fault.tls_bytes(self, self.tls.outgoing())
        if self.resend_wkc and self.client.family.empty_wkc and self.reliable.send_next == 1:
            self.reliable.send(wire.CONTROL_WKC_V1, b"")
        while self.backlog and self.reliable.room():
            size = self.chunk_bytes()
            self.reliable.send(self.next_opcode(), self.backlog[:size])
            self.backlog = self.backlog[size:]

    def drained(self):
        return not self.backlog and self.reliable.idle()

    def say(self, message):
        """A control string, or the key message: one record."""
        self.tls.write(message)
