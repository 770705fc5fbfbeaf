# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Control packets without their wrapping: composed and parsed, nothing else."""

import struct
from dataclasses import dataclass

SOFT_RESET_V1 = 3
CONTROL_V1 = 4
ACK_V1 = 5
DATA_V1 = 6
HARD_RESET_CLIENT_V2 = 7
HARD_RESET_SERVER_V2 = 8
DATA_V2 = 9
HARD_RESET_CLIENT_V3 = 10
CONTROL_WKC_V1 = 11

HEADER_BYTES = 9  # opcode and key id, session id
ACKS_MAX = 8
PEER_ID_NONE = 0xFFFFFF


class WireError(ValueError):
    """A packet that no receiver may accept."""


def first_byte(opcode, key_id):
    return bytes([opcode << 3 | key_id])


def opcode_of(datagram):
    return datagram[0] >> 3


def key_id_of(datagram):
    return datagram[0] & 7


@dataclass
class Packet:
    """mid is None in an ACK; peer_sid is only on the wire when something is acknowledged."""

    opcode: int
    key_id: int
    sid: bytes
    acks: tuple = ()
    peer_sid: bytes = bytes(8)
    mid: int = None
    payload: bytes = b""

    def header(self):
        return first_byte(self.opcode, self.key_id) + self.sid

    def body(self):
        out = bytes([len(self.acks)]) + b"".join(struct.pack(">I", a) for a in self.acks)
        if self.acks:
            out += self.peer_sid
        if self.mid is not None:
            out += struct.pack(">I", self.mid)
        return out + self.payload


def parse(header, body):
    if len(header) != HEADER_BYTES or header[1:] == bytes(8):
        raise WireError("header")
    opcode = opcode_of(header)
    count = body[0] if body else ACKS_MAX + 1
    if count > ACKS_MAX:
        raise WireError("acknowledgement count")
    at = 1 + 4 * count + (8 if count else 0)
    has_mid = opcode != ACK_V1
    if len(body) < at + (4 if has_mid else 0):
        raise WireError("truncated")
    acks = struct.unpack_from(f">{count}I", body, 1)
    peer_sid = body[at - 8 : at] if count else None
    mid = None
    if has_mid:
        mid = struct.unpack_from(">I", body, at)[0]
        at += 4
    return Packet(opcode, key_id_of(header), header[1:], acks, peer_sid, mid, body[at:])


def early_flags(payload):
    """Early negotiation: the flags in the payload of a server's reset. Unknown TLVs are skipped."""
    flags, at = 0, 0
    while at < len(payload):
        if len(payload) - at < 4:
            raise WireError("early negotiation: truncated TLV")
        kind, size = struct.unpack_from(">HH", payload, at)
        value = payload[at + 4 : at + 4 + size]
        if len(value) != size or (kind == 1 and size != 2):
            raise WireError("early negotiation: bad length")
        if kind == 1:
            flags |= struct.unpack(">H", value)[0]
        at += 4 + size
    return flags
