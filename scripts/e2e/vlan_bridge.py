#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# What a kernel with 802.1Q does, for kernels without: frames between a trunk, where they have tags,
# and one interface per tag, where they have none. Tag 0 is untagged.
#
#   vlan_bridge.py TRUNK TAG=INTERFACE...
#
# Says "ready" when it listens. Checksums must be finished before (ethtool -K ... tx off).
import selectors
import socket
import struct
import sys

SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
ETH_P_ALL = 3
VLAN_VALID = 0x10  # TP_STATUS_VLAN_VALID
TPID = b"\x81\x00"


def interface(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # nothing before it is bound
    s.bind((name, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return s


def receive(s):
    """A frame without its tag, and the tag, which the kernel hands over beside it."""
    frame, more, _, addr = s.recvmsg(65536, 256)
    tag = 0
    if addr[2] == PACKET_OUTGOING:
        return None, 0
    for level, kind, data in more:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            tag = tci & 0xFFF if status & VLAN_VALID else 0
    return frame, tag


def with_tag(frame, tag):
    return frame[:12] + TPID + struct.pack("!H", tag) + frame[12:] if tag else frame


def main():
    trunk = interface(sys.argv[1])
    ports = {}
    for arg in sys.argv[2:]:
        tag, name = arg.split("=")
        ports[int(tag)] = interface(name)
    ready = selectors.DefaultSelector()
    ready.register(trunk, selectors.EVENT_READ, None)
    for tag, port in ports.items():
        ready.register(port, selectors.EVENT_READ, tag)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            frame, tag = receive(key.fileobj)
            if frame is None:
                continue
            try:
                if key.data is not None:
                    trunk.send(with_tag(frame, key.data))
                elif tag in ports:
                    ports[tag].send(frame)
            except OSError as e:  # down for the moment
                print(e, flush=True)


main()
