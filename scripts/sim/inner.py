# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Packets inside the tunnel: ICMP echo and UDP over IPv4 and IPv6, made, read and answered."""

import ipaddress
import struct
from dataclasses import dataclass

ICMP, UDP, ICMP6 = 1, 17, 58
ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
UDP_ECHO_PORT = 7

PING = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
OCC = bytes.fromhex("287f346bd4ef7a812d56b8d3afc5459c")
OCC_EXIT = OCC + b"\x06"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass
class Inner:
    src: object
    dst: object
    proto: int
    payload: bytes

    @property
    def version(self):
        return self.dst.version

    def pseudo(self):
        size = len(self.payload)
        if self.version == 4:
            tail = struct.pack(">BBH", 0, self.proto, size)
        else:
            tail = struct.pack(">IHBB", size, 0, 0, self.proto)
        return self.src.packed + self.dst.packed + tail

    def compose(self):
        if self.version == 6:
            head = struct.pack(">IHBB", 6 << 28, len(self.payload), self.proto, 64)
            return head + self.src.packed + self.dst.packed + self.payload
        head = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(self.payload), 0, 0x4000, 64, self.proto, 0,
            self.src.packed, self.dst.packed,
        )
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + self.payload


def echo(src, dst, ident, seq, data, reply=False):
    kind = (ECHO_REPLY if reply else ECHO_REQUEST)[dst.version]
    raw = struct.pack(">BBHHH", kind, 0, 0, ident, seq) + data
    out = Inner(src, dst, ICMP if dst.version == 4 else ICMP6, raw)
    total = checksum(raw if dst.version == 4 else out.pseudo() + raw)
    out.payload = raw[:2] + struct.pack(">H", total) + raw[4:]
    return out.compose()


def udp(src, dst, sport, dport, data):
    raw = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    out = Inner(src, dst, UDP, raw)
    total = checksum(out.pseudo() + raw) or 0xFFFF
    out.payload = raw[:6] + struct.pack(">H", total) + raw[8:]
    return out.compose()


def parse(packet):
    """None for what is no whole IPv4 or IPv6 packet; options and extension headers are not read."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        size = struct.unpack_from(">H", packet, 2)[0]
        head = (packet[0] & 15) * 4
        src, dst = (ipaddress.IPv4Address(packet[at : at + 4]) for at in (12, 16))
        if not 20 <= head <= size <= len(packet) or checksum(packet[:head]):
            return None
        return Inner(src, dst, packet[9], packet[head:size])
    if version == 6 and len(packet) >= 40:
        size = struct.unpack_from(">H", packet, 4)[0]
        src, dst = (ipaddress.IPv6Address(packet[at : at + 16]) for at in (8, 24))
        if 40 + size > len(packet):
            return None
        return Inner(src, dst, packet[6], packet[40 : 40 + size])
    return None


def is_sound(p):
    """The checksum of ICMP or UDP holds."""
    if p.proto == UDP and p.version == 4 and p.payload[6:8] == b"\0\0":
        return True
    return checksum(p.payload if p.proto == ICMP else p.pseudo() + p.payload) == 0


def reply_of(p):
    """(ident, seq, data) of an echo reply, ICMP or UDP; None for anything else."""
    if len(p.payload) < 8 or p.proto not in (ICMP, ICMP6, UDP) or not is_sound(p):
        return None
    if p.proto == UDP:
        port = struct.unpack_from(">H", p.payload, 2)[0]
        data = p.payload[8:]
        return (port, struct.unpack(">H", data[:2])[0], data) if len(data) >= 2 else None
    if p.payload[0] != ECHO_REPLY[p.version]:
        return None
    ident, seq = struct.unpack_from(">HH", p.payload, 4)
    return ident, seq, p.payload[8:]


def answer(p, own):
    """What a host with the addresses of own says to an echo request, or None."""
    if p.dst not in own or len(p.payload) < 8 or not is_sound(p):
        return None
    if p.proto == UDP:
        sport, dport = struct.unpack_from(">HH", p.payload)
        return udp(p.dst, p.src, dport, sport, p.payload[8:]) if dport == UDP_ECHO_PORT else None
    if p.proto not in (ICMP, ICMP6) or p.payload[0] != ECHO_REQUEST[p.version]:
        return None
    ident, seq = struct.unpack_from(">HH", p.payload, 4)
    return echo(p.dst, p.src, ident, seq, p.payload[8:], reply=True)
