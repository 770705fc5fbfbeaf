# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
#
# Sends what no client sends. Prints how many datagrams it was.
#
#   opcodes ADDRESS PORT              every opcode, whole, truncated and random
#   handshakes ADDRESS PORT           valid cookies, and then rubbish (no tls-crypt)
#   scan ADDRESS PORT COUNT           P_DATA_V2 with COUNT peer ids, low ones and random ones
#   elsewhere ADDRESS PORT PEER COUNT KEY_ID
#                                     P_DATA_V2 with a connected client's peer id and wrong tags, from
#                                     another port
#   forged ADDRESS PORT FROM PEER COUNT KEY_ID...
#                                     P_DATA_V2 of a connected client with wrong tags: COUNT of each
#                                     key id, from its own address and port FROM
#   short ADDRESS PORT FROM PEER COUNT
#                                     the same, cut off before the first encrypted byte
#   flood ADDRESS PORT FROM PEER SECONDS KEY_ID
#                                     large ones with wrong tags, as fast as it can
import os
import random
import socket
import struct
import sys
import time

DATA_V2 = 9 << 3
CONTROL_V1 = 4 << 3
RESET_CLIENT_V2 = 7 << 3
RESET_SERVER_V2 = 8
PACE = 64  # datagrams, then a rest: what is counted must arrive


def udp(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


class Sender:
    """A socket and a count; rests now and then."""

    def __init__(self, sock, to, rest=0.002):
        self.sock, self.to, self.rest, self.count = sock, to, rest, 0

    def send(self, data):
        self.sock.sendto(data, self.to)
        self.count += 1
        if self.count % PACE == 0:
            time.sleep(self.rest)


def data_v2(peer, key_id=0, pktid=1, payload=100):
    return struct.pack("!II", (DATA_V2 | key_id) << 24 | peer, pktid) + os.urandom(16 + payload)


def opcodes(address, port):
    s = Sender(udp(address), (address, port))
    sizes = (0, 1, 2, 3, 4, 7, 8, 9, 13, 14, 16, 20, 23, 24, 25, 40, 53, 54, 100, 1400)
    for opcode in range(32):
        for key_id in (0, 1, 7):
            head = bytes([opcode << 3 | key_id])
            for size in sizes:
                for body in (b"\0" * size, b"\xff" * size, os.urandom(size)):
                    s.send(head + body)
        # Well-formed as far as it goes: session id, two acks, packet id, text; cut everywhere.
        whole = bytes([opcode << 3]) + os.urandom(8) + b"\2" + struct.pack("!II", 0, 1)
        whole += os.urandom(8) + struct.pack("!I", 1) + os.urandom(40)
        for size in range(len(whole)):
            s.send(whole[:size])
    for size in (0, 1, 3000, 65000):
        s.send(os.urandom(size))
    return s.count


def first_reply(address, port):
    """A socket and both session ids after the exchange of resets."""
    for _ in range(20):
        sock = udp(address)
        sock.settimeout(0.5)
        own = os.urandom(8)
        sock.sendto(bytes([RESET_CLIENT_V2]) + own + b"\0" + struct.pack("!I", 0), (address, port))
        try:
            data = sock.recv(2048)
        except socket.timeout:
            continue
        if data[0] >> 3 == RESET_SERVER_V2:
            return sock, own, data[1:9]
    sys.exit("no answer to a reset")


def handshakes(address, port):
    count = 0
    for opcode in range(12):
        for n in (0, 1, 2, 8, 255):
            sock, own, server = first_reply(address, port)
            s = Sender(sock, (address, port))
            acks = struct.pack("!B", n) + b"\0\0\0\0" * min(n, 8)
            head = bytes([opcode << 3]) + own + acks + (server if n else b"")
            whole = head + struct.pack("!I", 1) + os.urandom(60)
            for size in range(0, len(whole), 3):
                s.send(whole[:size])
            s.send(whole)
            # Now there may be a session: TLS gets rubbish, ids run wild.
            for pktid in (1, 2, 3, 0xffffffff):
                body = bytes([CONTROL_V1]) + own + b"\1\0\0\0\0" + server
                s.send(body + struct.pack("!I", pktid) + os.urandom(300))
            count += s.count + 1
    return count


def scan(address, port, total):
    s = Sender(udp(address), (address, port))
    for peer in range(total // 2):
        s.send(data_v2(peer, peer % 8))
    for _ in range(total - total // 2 - 1):
        s.send(data_v2(random.randrange(1 << 24), random.randrange(8)))
    s.send(data_v2(0xffffff))
    return s.count


def elsewhere(address, port, peer, total, key_id):
    s = Sender(udp(address), (address, port), rest=0.001)  # above what may be decrypted
    for i in range(total):
        s.send(data_v2(peer, key_id, 1 << 30 | i))
    return s.count


def client(address, sport, port, rest=0.002):
    """As the client that has the source port itself: the kernel only adds the IP header."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
    send = Sender(sock, (address, 0), rest)
    return send, lambda data: struct.pack("!HHHH", sport, port, 8 + len(data), 0) + data


def forged(address, port, sport, peer, total, *key_ids):
    s, datagram = client(address, sport, port)
    for key_id in key_ids:
        for i in range(total):
            s.send(datagram(data_v2(peer, key_id, 1 << 30 | i)))
    return s.count


def short(address, port, sport, peer, total):
    s, datagram = client(address, sport, port)
    for i in range(total):
        s.send(datagram(data_v2(peer)[: 1 + i % 24]))
    return s.count


def flood(address, port, sport, peer, seconds, key_id):
    s, datagram = client(address, sport, port)
    packets = [datagram(data_v2(peer, key_id, 1 << 30 | i, 1200)) for i in range(64)]
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        for p in packets:
            try:
                s.sock.sendto(p, s.to)
                count += 1
            except OSError:
                pass  # no buffer space: it is fast enough
    return count


random.seed(7)
name, where, numbers = sys.argv[1], sys.argv[2], [int(a) for a in sys.argv[3:]]
print(globals()[name](where, *numbers))
