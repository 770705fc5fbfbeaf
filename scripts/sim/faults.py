# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Misbehaviour: one class each, hooked into the client where it goes wrong.

A fault says what it must lead to: "works" - the client comes up and loses no ping, whatever it did
besides; "fails" - it must not come up; "either" - the server may do both. None may harm the server.
"""

import os
import random
import struct
import time

import epoch
import inner
import wire
from keystate import KeyState
from wire import (
    ACK_V1, CONTROL_V1, CONTROL_WKC_V1, DATA_V1, DATA_V2, HARD_RESET_CLIENT_V2,
    HARD_RESET_CLIENT_V3, HARD_RESET_SERVER_V2, SOFT_RESET_V1,
)


class Stopped(Exception):
    """The fault ends the client here."""


class Fault:
    """Does nothing; each hook is called from one place of the client."""

    name = "none"
    expects = "works"

    def __init__(self, client):
        self.client = client
        self.count = 0
        self.random = random.Random(client.options.seed)

    def outgoing(self, datagram, is_data):
        return [datagram]

    def incoming(self, datagram):
        return [datagram]

    def before_start(self):
        pass

    def reset_answered(self, state):
        pass

    def tls_bytes(self, state, data):
        return data

    def handshake_done(self, state):
        pass

    def key_message(self, message):
        return message

    def active(self, state):
        pass

    def connected(self):
        pass

    def between(self, n):
        """After the ping of number n."""

    def tick(self, now):
        pass

    # Words for subclasses.

    def reset(self, **fields):
        v2 = self.client.options.wrap.startswith("tls-crypt-v2")
        opcode = HARD_RESET_CLIENT_V3 if v2 else HARD_RESET_CLIENT_V2
        return self.client.craft(opcode, **{"mid": 0, **fields})

    def send(self, *datagrams):
        for d in datagrams:
            self.count += 1
            self.client.raw(d)

    def pause(self, seconds):
        self.client.until(lambda: False, seconds)


# The way between client and server.


class Loss(Fault):
    """30 % of the control packets are lost, both ways"""

    name = "loss"

    def outgoing(self, datagram, is_data):
        lost = not is_data and self.random.random() < 0.3
        self.count += lost
        return [] if lost else [datagram]

    def incoming(self, datagram):
        return self.outgoing(datagram, wire.opcode_of(datagram) in (DATA_V1, DATA_V2))


class Duplicate(Fault):
    """every datagram arrives twice"""

    name = "duplicate"

    def outgoing(self, datagram, is_data):
        self.count += 1
        return [datagram, datagram]


class Reorder(Fault):
    """every other control packet arrives after the one that follows it"""

    name = "reorder"
    held = None
    held_at = 0

    def outgoing(self, datagram, is_data):
        if is_data:
            return [datagram]
        if self.held:
            held, self.held = self.held, None
            return [datagram, held]
        self.held, self.held_at = datagram, time.monotonic()
        self.count += 1
        return []

    def tick(self, now):
        if self.held and now - self.held_at > 0.1:
            held, self.held = self.held, None
            self.client.raw(held)


class LostAck(Fault):
    """the packet that acknowledges the server's first reply is lost"""

    name = "lost-ack"

    def outgoing(self, datagram, is_data):
        third = self.client.remote_sid is not None and self.count == 0
        self.count += third
        return [] if third else [datagram]


class Replay(Fault):
    """every control packet is sent again, byte for byte, when the client is up and at each ping"""

    name = "replay-control"

    def __init__(self, client):
        super().__init__(client)
        self.kept = []

    def outgoing(self, datagram, is_data):
        if not is_data:
            self.kept.append(datagram)
        return [datagram]

    def connected(self):
        self.send(*self.kept)

    def between(self, n):
        self.send(*self.kept[:3])


class ReplayData(Fault):
    """every data packet arrives three times"""

    name = "replay-data"

    def outgoing(self, datagram, is_data):
        self.count += is_data
        return [datagram] * (3 if is_data else 1)


# First packets.


class FirstPackets(Fault):
    """10 000 first packets with session ids of their own before the client's own"""

    name = "first-packets"
    amount = 10000

    def before_start(self):
        for n in range(self.amount):
            self.send(self.reset(sid=os.urandom(8)))
            if n % 100 == 99:
                time.sleep(0.005)
        time.sleep(2)
        self.client.open_socket()


class BadFirstPackets(Fault):
    """first packets no server answers: wrong opcode, key id, session id 0, bad tag, garbage"""

    name = "bad-first-packets"

    def before_start(self):
        for opcode in range(32):
            self.send(self.client.craft(opcode, mid=0), self.client.craft(opcode, 3, mid=0))
            self.send(wire.first_byte(opcode, 0) + os.urandom(60), wire.first_byte(opcode, 0))
        good = self.reset()
        for at in range(len(good)):
            self.send(good[:at], good[:at] + bytes([good[at] ^ 0x23]) + good[at + 1 :])
        self.send(self.client.craft(HARD_RESET_CLIENT_V2, sid=bytes(8), mid=0))
        self.client.open_socket()


class WrongCookie(Fault):
    """third packets that acknowledge session ids the server never gave"""

    name = "wrong-cookie"

    def reset_answered(self, state):
        for n in range(64):
            peer = bytearray(self.client.remote_sid)
            peer[n // 8] ^= 1 << n % 8
            self.send(self.client.craft(ACK_V1, acks=(0,), peer_sid=bytes(peer)))
            self.send(
                self.client.craft(CONTROL_V1, acks=(0,), peer_sid=bytes(peer), mid=1, payload=b"x")
            )


class LateIds(Fault):
    """third packets that acknowledge or are messages of the middle of a handshake"""

    name = "late-first-ids"

    def reset_answered(self, state):
        self.send(
            self.client.craft(ACK_V1, acks=(0, 2)),
            self.client.craft(ACK_V1, acks=(1000,)),
            self.client.craft(CONTROL_V1, acks=(0,), mid=2, payload=b"x"),
        )


# Handshakes that stop.


class Stop(Fault):
    expects = "fails"

    def stop(self):
        self.client.flush()
        raise Stopped(f"stopped on purpose: {self.name}")


class StopAfterReset(Stop):
    """stops after the server's first reply"""

    name = "stop-after-reset"

    def reset_answered(self, state):
        raise Stopped(f"stopped on purpose: {self.name}")


class StopAfterHello(Stop):
    """stops in the middle of TLS"""

    name = "stop-after-hello"

    def incoming(self, datagram):
        if self.client.newest.reliable.recv_next > 1:
            self.stop()
        return [datagram]


class StopAfterTls(Stop):
    """stops before its key message"""

    name = "stop-after-tls"

    def handshake_done(self, state):
        self.stop()


class StopAfterKey(Stop):
    """never asks for the push reply, acknowledges nothing more"""

    name = "stop-after-key"

    def active(self, state):
        self.stop()


# What is said inside and around TLS.


class GarbageTls(Fault):
    """random bytes instead of TLS"""

    name = "garbage-tls"
    expects = "fails"

    def tls_bytes(self, state, data):
        return os.urandom(len(data))


class SmallPieces(Fault):
    """TLS in pieces of 40 bytes per packet"""

    name = "small-pieces"

    def __init__(self, client):
        super().__init__(client)
        KeyState.chunk_bytes = self.size

    def size(self, state=None):
        self.count += 1
        return 40


class NoCertificate(Fault):
    """no client certificate"""

    name = "no-certificate"
    expects = "fails"

    def __init__(self, client):
        super().__init__(client)
        client.options.cert = None


class HugeKeyMessage(Fault):
    """a key message of 8000 bytes"""

    name = "huge-key-message"
    expects = "fails"

    def key_message(self, message):
        return message[:-2] + struct.pack(">H", 6001) + b"A" * 6000 + b"\0" + b"\0\0"


class LyingKeyMessage(Fault):
    """a string in the key message that claims to be longer than the message"""

    name = "lying-key-message"
    expects = "fails"

    def key_message(self, message):
        return message[:117] + b"\xff\xff" + message[119:]


class KeyMethodOne(Fault):
    """key method 1"""

    name = "key-method-1"
    expects = "fails"

    def key_message(self, message):
        return message[:4] + b"\1" + message[5:]


class TruncatedKeyMessage(Fault):
    """a key message cut in the middle of its last string"""

    name = "truncated-key-message"
    expects = "fails"

    def key_message(self, message):
        return message[:-20]


class EmptyTexts(Fault):
    """neither options string nor peer-info"""

    name = "empty-texts"
    expects = "either"

    def key_message(self, message):
        return message[:117] + bytes(8)


class HostilePeerInfo(Fault):
    """peer-info with unprintable bytes, no line ends, repeated and endless values"""

    name = "hostile-peer-info"
    expects = "either"

    def key_message(self, message):
        size = struct.unpack_from(">H", message, 117)[0]
        info = b"IV_PLAT=\x1b[2J%n%s\nIV_PROTO=99999999999999999999\nIV_VER=" + b"9" * 600
        info += b"\n=\n\n\x00IV_NCP=-1\nIV_CIPHERS=" + b":" * 200 + b"AES-256-GCM\0"
        return message[: 119 + size] + bytes(4) + struct.pack(">H", len(info)) + info


class WrongSessionId(Fault):
    """control packets under foreign session ids, of both sides"""

    name = "wrong-session-id"

    def between(self, n):
        c = self.client
        mid = c.newest.reliable.send_next
        self.send(
            c.craft(CONTROL_V1, c.newest.id, sid=os.urandom(8), mid=mid, payload=b"x"),
            c.craft(CONTROL_V1, c.newest.id, acks=(0,), peer_sid=os.urandom(8), mid=mid),
            c.craft(ACK_V1, c.newest.id, acks=(0,), peer_sid=bytes(8)),
        )


class WrongAcks(Fault):
    """acknowledges what was never sent, and more than a packet may"""

    name = "wrong-acks"

    def reset_answered(self, state):
        self.acks()

    def between(self, n):
        self.acks()

    def acks(self):
        c = self.client
        kid = c.newest.id
        far = tuple(range(1000 + self.count, 1008 + self.count))
        self.send(
            c.craft(ACK_V1, kid, acks=far),
            c.craft(ACK_V1, kid, acks=(0xFFFFFFFF, 0x7FFFFFFF)),
            c.craft(ACK_V1, kid, acks=tuple(range(9))),
            c.craft(ACK_V1, kid, acks=tuple(range(255))),
            c.craft(ACK_V1, kid),
        )


class FutureMessage(Fault):
    """messages far ahead of and behind the window"""

    name = "future-message"

    def between(self, n):
        c = self.client
        ahead = c.newest.reliable.send_next
        for mid in (ahead + 13, ahead + 5000, ahead + 2**31, 2**32 - 1):
            self.send(c.craft(CONTROL_V1, c.newest.id, mid=mid & 0xFFFFFFFF, payload=b"x" * 50))


class HugeControl(Fault):
    """control packets of up to 60 000 bytes and truncated ones"""

    name = "huge-control"

    def between(self, n):
        c = self.client
        kid, mid = c.newest.id, c.newest.reliable.send_next + 13
        for size in (1400, 2000, 2048, 4000, 16000, 60000):
            self.send(c.craft(CONTROL_V1, kid, mid=mid, payload=os.urandom(size)))
        good = c.craft(ACK_V1, kid, acks=(0, 1))
        self.send(*(good[:at] for at in range(len(good))))


class Unprintable(Fault):
    """control messages with unprintable bytes, unknown ones, without end, empty"""

    name = "unprintable-control"

    def connected(self):
        say = self.client.newest.say
        for text in (b"\x01\x02\x7f\xff\0", b"PUSH_REQ\nUEST\0", b"UNKNOWN,1\0", b"\0", b"\0\0\0",
                     b"AUTH_FAILED\0", b"RESTART\0", b"PUSH_REPLY,ifconfig 1.2.3.4 5.6.7.8\0",
                     b"CR_RESPONSE,!!!\0", b"EXI\0", b"no end"):
            self.count += 1
            say(text)
        self.pause(0.5)


class HugeMessage(Fault):
    """a control message of 16 000 bytes"""

    name = "huge-message"
    expects = "either"

    def connected(self):
        self.client.newest.say(b"A" * 16000 + b"\0")
        self.count += 1
        self.pause(0.5)


class PushFlood(Fault):
    """500 push requests"""

    name = "push-flood"

    def connected(self):
        for _ in range(500):
            self.client.newest.say(b"PUSH_REQUEST\0")
            self.count += 1
        self.pause(1)


class SayBeforeKey(Fault):
    """a push request before the key message"""

    name = "push-before-key"
    expects = "fails"

    def handshake_done(self, state):
        state.say(b"PUSH_REQUEST\0")


class ExitTwice(Fault):
    """EXIT ten times, then silence"""

    name = "exit-many"
    expects = "either"

    def connected(self):
        for _ in range(10):
            self.client.newest.say(b"EXIT\0")
            self.count += 1
        self.pause(0.5)


# Resets.


class HardResetBadId(Fault):
    """hard resets of the running session that are not message 0"""

    name = "reset-bad-id"

    def between(self, n):
        self.send(self.reset(mid=1), self.reset(mid=0xFFFFFFFF))
        self.send(self.client.craft(HARD_RESET_SERVER_V2, mid=0))


class SecondSession(Fault):
    """new sessions begun from the port of the running one, never finished"""

    name = "second-session"

    def between(self, n):
        self.send(self.reset(sid=os.urandom(8), acks=(), peer_sid=bytes(8)))


class SoftResetEarly(Fault):
    """renegotiation before there is a key"""

    name = "soft-reset-early"

    def reset_answered(self, state):
        for kid in range(8):
            self.send(self.client.craft(SOFT_RESET_V1, kid, mid=0))

    def active(self, state):
        if state.id == 0:
            self.reset_answered(state)


class SoftResetWrongKey(Fault):
    """renegotiations with key ids that are not next"""

    name = "soft-reset-wrong-key"

    def between(self, n):
        c = self.client
        for kid in range(8):
            if kid != c.next_key_id():
                self.send(c.craft(SOFT_RESET_V1, kid, mid=0))
        self.send(c.craft(CONTROL_V1, c.next_key_id(), mid=1, payload=b"x"))


class SoftResetAbandoned(Fault):
    """a renegotiation begun and never finished"""

    name = "soft-reset-abandoned"

    def between(self, n):
        if n == 0:
            self.send(self.client.craft(SOFT_RESET_V1, self.client.next_key_id(), mid=0))


class RenegFlood(Fault):
    """nine renegotiations one after the other"""

    name = "reneg-flood"

    def connected(self):
        for _ in range(9):
            self.client.renegotiate()
            self.count += 1


class ServerPackets(Fault):
    """sends what only servers send, and opcodes that do not exist"""

    name = "server-packets"

    def between(self, n):
        c = self.client
        for opcode in (0, 1, 2, HARD_RESET_SERVER_V2, CONTROL_WKC_V1, 12, 31):
            self.send(c.craft(opcode, 0, mid=0), c.craft(opcode, c.newest.id, mid=500))


# Data packets.


class DataFault(Fault):
    def ping(self):
        """A whole echo request that nobody waits for; an answer to it counts as "other"."""
        t, o = self.client.tunnel, self.client.options
        src = t.source(o.ping[0].version)
        return inner.echo(src, o.ping[0], 7, self.count & 0xFFFF, b"unasked")


class EarlyData(DataFault):
    """data packets before there are keys"""

    name = "early-data"

    def active(self, state):
        for kid in range(8):
            for version in (DATA_V1, DATA_V2):
                self.send(wire.first_byte(version, kid) + bytes(3) + os.urandom(80))


class BadTag(DataFault):
    """data packets with one bit wrong, in every place"""

    name = "bad-tag"

    def between(self, n):
        good = bytearray(self.client.tunnel.seal(self.ping()))
        for at in range(1 if len(good) else 0, len(good)):
            bad = bytearray(good)
            bad[at] ^= 1 << self.random.randrange(8)
            self.send(bytes(bad))


class TruncatedData(DataFault):
    """data packets cut at every length"""

    name = "truncated-data"

    def between(self, n):
        good = self.client.tunnel.seal(self.ping())
        self.send(*(good[:at] for at in range(len(good))))


class WrongPeerId(DataFault):
    """data packets of this client under the peer ids of others"""

    name = "wrong-peer-id"

    def between(self, n):
        t = self.client.tunnel
        key = t.sending_key(time.monotonic())
        own = t.peer_id
        for peer_id in (0, 1, 2, 77, 0xFFFE, 0xFFFFFE):
            if peer_id != own:
                self.send(key.format.seal(t.head(key.id, peer_id), self.ping()))


class WrongKeyId(DataFault):
    """data packets under key ids that do not exist"""

    name = "wrong-key-id"

    def between(self, n):
        t = self.client.tunnel
        key = t.sending_key(time.monotonic())
        for kid in range(8):
            if kid not in self.client.keys:
                self.send(key.format.seal(t.head(kid), self.ping()))


class OldData(DataFault):
    """packet ids 0, far behind the window, and twice"""

    name = "old-data"

    def between(self, n):
        seal = self.client.tunnel.seal
        self.send(seal(self.ping(), 0))
        if n == 3:
            key = self.client.tunnel.sending_key(time.monotonic())
            key.format.next += 5000
            self.client.tunnel.send(inner.PING)
            self.pause(0.1)
        if n > 3:
            self.send(seal(self.ping(), 20 + n), seal(self.ping(), 1))


class Spoofed(DataFault):
    """packets from addresses that are not the client's, and of no known kind"""

    name = "spoofed-source"

    def between(self, n):
        t, to = self.client.tunnel, self.client.options.ping[0]
        own = t.source(to.version)
        for src in (own + 1, to, type(to)(0), type(to)(int(own) ^ 0xFF000000)):
            if src != own:
                self.send(t.seal(inner.echo(src, to, 7, n, b"spoofed")))


class OddInner(DataFault):
    """inside: nothing, garbage, wrong lengths, wrong versions, 60 000 bytes"""

    name = "odd-inner"

    def between(self, n):
        seal = self.client.tunnel.seal
        good = self.ping()
        odd = [b"\0", b"\x45", b"\x60", os.urandom(60), b"\xff" * 40, good[:19], good[:30],
               b"\x4f" + good[1:], b"\x40" + good[1:], b"\x55" + good[1:], good + bytes(2000),
               good[:2] + b"\xff\xff" + good[4:], inner.OCC, inner.OCC + b"\0", inner.OCC + b"\7",
               inner.PING[:15], inner.PING + b"\0", os.urandom(9000), os.urandom(60000)]
        for one in odd:
            self.send(seal(one))


class Compressed(DataFault):
    """packets as compression makes them, and under the first bytes of other framings"""

    name = "compressed"

    def between(self, n):
        t = self.client.tunnel
        key = t.sending_key(time.monotonic())
        for head in (b"\x66", b"\x69", b"\xfb", b"\x50\x01", b"\x50\x02", b"\x50", b"\xff"):
            self.send(key.format.seal(t.head(key.id), head + self.ping()))


class OccRequests(DataFault):
    """asks for the server's options string in the data channel, far too often"""

    name = "occ-requests"

    def between(self, n):
        self.send(*(self.client.tunnel.seal(inner.OCC + b"\0") for _ in range(50)))


class EpochFault(Fault):
    """Of the epoch data format: for families that have it."""

    @property
    def format(self):
        return self.client.tunnel.sending_key(time.monotonic()).format

    def advance(self, by=1):
        self.count += 1
        self.format.sender.follow(self.format.sender.number + by)

    def is_last(self, n):
        return n + 1 == self.client.options.count

    def answered(self):
        self.client.until(lambda: not self.client.tunnel.pinger.sent_at, 1)


class EpochSwitch(EpochFault):
    """goes on to the next epoch after every ping but the last"""

    name = "epoch-switch"

    def between(self, n):
        if not self.is_last(n):
            self.advance()


class EpochReorder(EpochFault):
    """each packet arrives behind the first one of the next epoch"""

    name = "epoch-reorder"

    def outgoing(self, datagram, is_data):
        if not is_data:
            return [datagram]
        self.advance()
        return [self.client.tunnel.seal(inner.PING), datagram]


class EpochJump(EpochFault):
    """goes on by as many epochs as a receiver has keys for"""

    name = "epoch-jump"

    def between(self, n):
        if not self.is_last(n):
            self.answered()
            self.pause(0.1)
            self.advance(epoch.FUTURE)


class EpochTooFar(EpochFault):
    """goes on by one epoch more than a receiver has keys for"""

    name = "epoch-too-far"
    expects = "fails"

    def between(self, n):
        if n == 0:
            self.answered()
            self.advance(epoch.FUTURE + 1)
        if self.is_last(n):
            self.client.leave()


class EpochForged(EpochFault):
    """packets that nobody sealed, of every epoch there is a key for and of some there is not"""

    name = "epoch-forged"

    def between(self, n):
        key = self.client.tunnel.sending_key(time.monotonic())
        head = self.client.tunnel.head(key.id)
        here = self.format.sender.number
        for number in (0, *range(here, here + epoch.FUTURE + 3), 0xF000, epoch.EPOCH_MAX):
            for counter in (0, 1, 1000 + n, epoch.COUNTER_MAX):
                self.send(head + epoch.join(number, counter) + os.urandom(60))
        good = self.format.seal(head, inner.PING)
        self.send(*(good[:at] for at in range(len(good))))
        if n % 3 == 0 and not self.is_last(n):
            self.format.sender.advance()


class Float(Fault):
    """another port in the middle of the pings"""

    name = "float"

    def between(self, n):
        if n == self.client.options.count // 2:
            self.count += 1
            self.client.until(lambda: not self.client.tunnel.pinger.sent_at, 1)
            self.client.open_socket()


def all_faults():
    found, todo = {}, [Fault]
    while todo:
        cls = todo.pop(0)
        todo += cls.__subclasses__()
        if "name" in vars(cls):
            found[cls.name] = cls
    return found


FAULTS = all_faults()
