# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The data channel of a client: keys, framing, what is inside, and the pings it measures."""

import struct
import time
from collections import Counter

import framing
import inner
import wire
from data import DataError


class Pinger:
    """Echo requests sent and their answers: times, losses, duplicates."""

    def __init__(self):
        self.ident = time.monotonic_ns() & 0x7FFF | 0x4000
        self.sent_at = {}
        self.rtts = []
        self.sent = 0
        self.duplicates = 0
        self.damaged = 0

    def make(self, src, dst, size, udp_port):
        self.sent += 1
        seq = self.sent & 0xFFFF
        data = struct.pack(">H", seq) + bytes(i & 0xFF for i in range(max(size - 2, 0)))
        self.sent_at[seq] = (time.monotonic(), data)
        if udp_port:
            return inner.udp(src, dst, self.ident, udp_port, data)
        return inner.echo(src, dst, self.ident, seq, data)

    def take(self, found):
        ident, seq, data = found
        if ident != self.ident:
            return False
        if seq not in self.sent_at:
            self.duplicates += 1
            return True
        begun, sent = self.sent_at.pop(seq)
        if data != sent:
            self.damaged += 1
        else:
            self.rtts.append(time.monotonic() - begun)
        return True

    def report(self):
        ms = [round(1000 * t, 2) for t in sorted(self.rtts)]
        out = {"sent": self.sent, "received": len(ms), "duplicates": self.duplicates}
        out["damaged"] = self.damaged
        if ms:
            out["rtt_ms"] = {"min": ms[0], "median": ms[len(ms) // 2], "max": ms[-1]}
        return out


class Tunnel:
    def __init__(self, client):
        self.client = client
        self.framing = framing.NAMES[client.options.framing]()
        self.peer_id = None
        self.addresses = []
        self.pinger = Pinger()
        self.sent = Counter()
        self.received = Counter()
        self.occ_reply = None
        self.rejected = Counter()
        self.answered = 0
        self.last_sent = 0

    def sending_key(self, now):
        """The newest key that is due; the one before it until then."""
        keys = [k for k in self.client.keys_by_age() if k.format]
        due = [k for k in keys if k.usable_at <= now]
        return (due or keys)[-1] if keys else None

    def head(self, key_id, peer_id=None):
        peer_id = self.peer_id if peer_id is None else peer_id
        if peer_id is None:
            return wire.first_byte(wire.DATA_V1, key_id)
        return wire.first_byte(wire.DATA_V2, key_id) + struct.pack(">I", peer_id)[1:]

    def seal(self, plain, pid=None):
        key = self.sending_key(time.monotonic())
        return key.format.seal(self.head(key.id), self.framing.wrap(plain), pid)

    def send(self, plain):
        datagram = self.seal(plain)
        self.sent[f"v{1 if wire.opcode_of(datagram) == wire.DATA_V1 else 2}"] += 1
        self.sent[f"key{wire.key_id_of(datagram)}"] += 1
        self.last_sent = time.monotonic()
        self.client.transmit(datagram, is_data=True)

    def input(self, datagram):
        version = 1 if wire.opcode_of(datagram) == wire.DATA_V1 else 2
        try:
            plain = self.open(datagram, version)
        except (DataError, framing.FramingError) as e:
            self.rejected[str(e)] += 1
            return
        self.received[f"v{version}"] += 1
        self.received[f"key{wire.key_id_of(datagram)}"] += 1
        self.deliver(plain)

    def open(self, datagram, version):
        key = self.client.keys.get(wire.key_id_of(datagram))
        if len(datagram) < (1 if version == 1 else 4):
            raise DataError("short")
        if not key or not key.format:
            raise DataError("no-key")
        if self.client.family.dco:
            peer_id = struct.unpack(">I", b"\0" + datagram[1:4])[0]
            if version == 1:
                raise DataError("version")
            if peer_id not in (self.peer_id, wire.PEER_ID_NONE):
                raise DataError("peer-id")
        plain = key.format.open(datagram)
        # The kernel knows a ping without framing only; it uses none at all.
        return self.framing.unwrap(plain)

    def deliver(self, plain):
        if plain == inner.PING:
            self.received["ping"] += 1
            return
        if plain.startswith(inner.OCC):
            self.received["occ"] += 1
            if plain[len(inner.OCC):len(inner.OCC) + 1] == b"\1":
                self.occ_reply = plain[len(inner.OCC) + 1:].decode("ascii", "replace")
            return
        packet = inner.parse(plain)
        if packet is None:
            self.rejected["inner"] += 1
            return
        found = inner.reply_of(packet)
        if found and packet.dst in self.addresses and self.pinger.take(found):
            return
        out = inner.answer(packet, self.addresses)
        if out:
            self.answered += 1
            self.send(out)
        else:
            self.received["other"] += 1

    def source(self, version):
        for address in self.addresses:
            if address.version == version:
                return address
        return None
