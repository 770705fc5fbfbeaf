# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The client: one socket, one session, its keys, and the order in which things happen."""

import os
import select
import socket
import time
from collections import Counter

import data
import families
import keyex
import push
import update
import wire
import wrap
from framing import pushed as pushed_framing
from inner import OCC_EXIT, PING
from keystate import ACTIVE, GOT_KEY, HANDSHAKE, RESET, SENT_KEY, KeyState
from tls import TlsError
from tunnel import Tunnel


class ClientError(Exception):
    """The client did not come up, or not through; the text says why."""


class Client:
    def __init__(self, family, options, fault_class):
        self.family = family
        self.options = options
        self.is_v6 = ":" in options.remote[0]
        self.sid = os.urandom(8)
        self.remote_sid = None
        self.wrap = wrap.from_text(options.wrap, options.tls_auth_digest, family.marker)
        self.dynamic_wrap = None
        self.keys = {}
        self.newest = None
        self.push = push.Push()
        self.is_pushed = False
        self.settings = update.Settings()
        self.next_request = None
        self.cipher = options.cipher or family.cipher
        self.cipher_list = options.data_ciphers or (
            options.cipher if options.cipher and family.ciphers and family.ncp else family.ciphers
        )
        self.control = Counter()
        self.largest_control = 0
        self.dropped = Counter()
        self.messages = []
        self.warnings = []
        self.option_warnings = []
        self.options_string = ""
        self.renegotiated = Counter()
        self.connected_ms = None
        self.sock = None
        self.begun = time.monotonic()
        self.tunnel = Tunnel(self)
        self.fault = fault_class(self)

    # Sockets.

    def open_socket(self, local=("", 0)):
        kind = socket.AF_INET6 if self.is_v6 else socket.AF_INET
        old, self.sock = self.sock, socket.socket(kind, socket.SOCK_DGRAM)
        self.sock.bind(local)
        self.sock.connect(self.options.remote)
        self.sock.setblocking(False)
        if old:
            old.close()

    def transmit(self, datagram, is_data=False):
        for out in self.fault.outgoing(datagram, is_data):
            self.raw(out)

    def raw(self, datagram):
        """One datagram as it is. An error the network reported for an earlier one is no end."""
        try:
            self.sock.send(datagram)
        except ConnectionRefusedError:
            self.dropped["port-unreachable"] += 1
        except BlockingIOError:
            select.select([], [self.sock], [], 1)

    def craft(self, opcode, key_id=0, sid=None, acks=(), peer_sid=None, mid=None, payload=b""):
        """A control packet that no key state knows of, correctly wrapped."""
        packet = wire.Packet(
            opcode, key_id, sid or self.sid, acks, peer_sid or self.remote_sid, mid, payload
        )
        return self.wrap_of(key_id).seal(packet.header(), packet.body())

    def wrap_of(self, key_id):
        return self.dynamic_wrap if key_id and self.dynamic_wrap else self.wrap

    # Keys.

    def keys_by_age(self):
        return sorted(self.keys.values(), key=lambda k: k.born)

    def new_key(self, key_id, opcode):
        state = KeyState(self, key_id, self.wrap_of(key_id), opcode)
        for old in self.keys_by_age()[:-1]:
            del self.keys[old.id]
        self.keys[key_id] = self.newest = state
        return state

    def next_key_id(self):
        return self.newest.id % 7 + 1

    def derive(self, state):
        if self.push.uses_ekm():
            block = keyex.block_by_ekm(state.tls)
        else:
            block = keyex.block_by_prf(state.secrets, state.server, self.sid, self.remote_sid)
        use_epoch = "aead-epoch" in self.push.flags
        state.format = data.make(self.cipher, self.options.auth, block, use_epoch)
        later = self.options.key_switch if state.id else 0
        state.usable_at = time.monotonic() + later

    # Output.

    def flush(self):
        now = time.monotonic()
        for state in list(self.keys.values()):
            state.queue()
            for mid, m in state.reliable.due(now):
                self.send_control(state, m.opcode, mid, m.payload)
            while state.reliable.owed:
                self.send_control(state, wire.ACK_V1, None, b"")

    def send_control(self, state, opcode, mid, payload):
        acks = state.reliable.take_acks(opcode == wire.ACK_V1) if self.remote_sid else ()
        packet = wire.Packet(opcode, state.id, self.sid, acks, self.remote_sid, mid, payload)
        self.control["sent"] += 1
        self.transmit(state.wrap.seal(packet.header(), packet.body()))

    # Input.

    def receive(self):
        while True:
            try:
                datagram = self.sock.recv(65536)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.dropped["port-unreachable"] += 1
                continue
            for one in self.fault.incoming(datagram):
                self.input(one)

    def input(self, datagram):
        if not datagram:
            return
        if wire.opcode_of(datagram) in (wire.DATA_V1, wire.DATA_V2):
            self.tunnel.input(datagram)
            return
        try:
            opened = self.wrap_of(wire.key_id_of(datagram)).open(datagram)
            packet = wire.parse(*opened)
        except (wrap.WrapError, wire.WireError) as e:
            self.dropped[str(e)] += 1
            return
        self.control["received"] += 1
        self.largest_control = max(self.largest_control, len(datagram))
        state = self.route(packet)
        if state:
            for ready in state.reliable.input(packet):
                self.take(state, ready)
            self.advance(state)

    def route(self, packet):
        """The key a packet belongs to; the first reset fixes the server's session id."""
        if self.remote_sid is None:
            if packet.opcode != wire.HARD_RESET_SERVER_V2 or packet.peer_sid != self.sid:
                self.dropped["unexpected"] += 1
                return None
            self.remote_sid = packet.sid
        if packet.sid != self.remote_sid or packet.peer_sid not in (None, self.sid):
            self.dropped["session-id"] += 1
            return None
        if packet.opcode == wire.SOFT_RESET_V1 and packet.key_id not in self.keys:
            if not self.newest.format or packet.key_id != self.next_key_id():
                self.dropped["key-id"] += 1
                return None
            self.renegotiated["server"] += 1
            self.new_key(packet.key_id, wire.SOFT_RESET_V1)
        return self.keys.get(packet.key_id)

    def take(self, state, packet):
        if packet.mid == 0:
            if packet.opcode == wire.HARD_RESET_SERVER_V2 and packet.payload:
                self.early_negotiation(state, packet.payload)
            self.fault.reset_answered(state)
            state.begin_tls()
        elif state.tls:
            state.tls.feed(packet.payload)

    def early_negotiation(self, state, payload):
        if not self.family.marker:
            raise ClientError("TLVs in the reset to a client that feeds them to TLS")
        state.resend_wkc = bool(wire.early_flags(payload) & 1) and hasattr(self.wrap, "wrapped_key")

    # The key exchange.

    def advance(self, state):
        try:
            if state.stage == HANDSHAKE and state.tls.handshake():
                self.fault.handshake_done(state)
                message = self.fault.key_message(self.key_message(state))
                if message:
                    state.say(message)
                state.stage = SENT_KEY
            self.read(state)
        except TlsError as e:
            self.flush()
            raise ClientError(f"TLS: {e}") from e
        if state.stage == GOT_KEY and state.drained():
            state.stage = ACTIVE
            self.fault.active(state)
            if state.id == 0:
                self.next_request = time.monotonic() + self.family.push_after

    def read(self, state):
        while state.stage >= SENT_KEY:
            record = state.tls.read()
            if record is None:
                return
            if state.stage == SENT_KEY:
                self.key_exchanged(state, record)
            else:
                self.record(record)

    def key_message(self, state):
        o = self.options
        own_tls_auth = o.wrap.startswith("tls-auth")
        direction = o.wrap.rsplit(":", 1)[1] if o.wrap[-2:] in (":0", ":1") else None
        # Made once: what is negotiated later is not in it.
        self.options_string = self.options_string or families.options_string(
            self.family, self.cipher, o.auth, o.framing, direction, own_tls_auth
        )
        info = self.family.peer_info(self.cipher_list)
        return keyex.compose(state.secrets, self.options_string, info, o.username, o.password)

    def key_exchanged(self, state, record):
        try:
            state.server = keyex.ServerMessage(record)
        except keyex.KeyexError as e:
            raise ClientError(str(e)) from e
        if self.family.server_options and not state.server.options:
            raise ClientError("the server's options string is empty")
        if self.family.compares:
            self.option_warnings += families.options_differ(
                self.options_string, state.server.options
            )
        state.stage = GOT_KEY
        if state.id or self.family.early_keys:
            self.derive(state)

    # Control strings.

    def record(self, record):
        parts = record.split(b"\0")
        if parts.pop() != b"":
            self.warnings.append("control message without its final NUL")
        if len(parts) > 1 and not self.family.split_nul:
            self.warnings.append("messages lost: several in one record")
            parts = parts[:1]
        for part in parts:
            if not all(32 <= c < 127 for c in part) or len(part) > 1023:
                self.warnings.append("control message unprintable or too long")
            self.message(part.decode("ascii", "replace"))

    def message(self, text):
        self.messages.append(text)
        kind = text.partition(",")[0]
        if kind in ("AUTH_FAILED", "RESTART", "HALT"):
            raise ClientError(text)
        if kind == "PUSH_REPLY" and not self.is_pushed:
            if self.push.add(text):
                self.pushed()
        elif kind == "PUSH_UPDATE":
            self.updated(text)

    def updated(self, text):
        if not self.family.proto & families.PUSH_UPDATE or not self.is_pushed:
            self.warnings.append("PUSH_UPDATE that was not announced, or before PUSH_REPLY")
            return
        try:
            self.settings.update(text)
        except update.UpdateError as e:
            raise ClientError(f"push update refused: {e}") from e

    def pushed(self):
        own = self.options.cipher or self.family.cipher
        try:
            accepted = families.accepted(self.family, self.cipher_list, own)
            push.check(self.push, self.family, own, accepted)
        except push.PushError as e:
            raise ClientError(f"push reply refused: {e}") from e
        self.is_pushed = True
        self.settings.reply(self.push.options)
        self.next_request = None
        if self.family.ncp:
            self.cipher = self.push.cipher or own
        if self.family.proto & families.DATA_V2:
            self.tunnel.peer_id = self.push.peer_id
        self.tunnel.addresses = self.push.addresses()
        self.tunnel.framing = pushed_framing(self.push.options, self.options.framing)
        first = self.keys[0]
        if "dyn-tls-crypt" in self.push.flags:
            exported = first.tls.export(wrap.DYNAMIC_LABEL, 256)
            self.dynamic_wrap = wrap.dynamic(exported, self.wrap)
        if not first.format:
            self.derive(first)

    def request(self, now):
        if self.next_request is not None and now >= self.next_request and not self.is_pushed:
            self.keys[0].say(b"PUSH_REQUEST\0")
            self.control["push_requests"] += 1
            self.next_request = now + self.family.push_every

    # Time.

    def until(self, condition, seconds):
        """Runs the client until the condition holds; False when the time is over."""
        deadline = time.monotonic() + seconds
        while not condition():
            now = time.monotonic()
            if now >= deadline:
                return False
            self.request(now)
            self.keep_alive(now)
            self.fault.tick(now)
            self.flush()
            self.wait(min(deadline, now + 0.05))
            self.receive()
        self.flush()
        return True

    def wait(self, deadline):
        dues = [s.reliable.next_due() for s in self.keys.values()]
        deadline = min([deadline] + [d for d in dues if d])
        select.select([self.sock], [], [], max(0.0, deadline - time.monotonic()))

    def keep_alive(self, now):
        every = self.push.first("ping") if self.is_pushed else None
        if every and now - max(self.tunnel.last_sent, self.begun) >= int(every[0]):
            self.tunnel.send(PING)

    # What callers do.

    def connect(self):
        self.begun = time.monotonic()
        self.open_socket(self.options.local)
        self.fault.before_start()
        v2 = self.options.wrap.startswith("tls-crypt-v2")
        self.new_key(0, wire.HARD_RESET_CLIENT_V3 if v2 else wire.HARD_RESET_CLIENT_V2)
        if not self.until(self.is_up, self.options.timeout):
            raise ClientError(f"not connected after {self.options.timeout} s, {self.progress()}")
        self.connected_ms = round(1000 * (time.monotonic() - self.begun))
        self.fault.connected()

    def is_up(self):
        return self.is_pushed and self.keys[self.newest.id].format is not None

    def progress(self):
        if self.remote_sid is None:
            return "no answer"
        stage = {RESET: "reset", HANDSHAKE: "TLS handshake", SENT_KEY: "key message sent"}
        return stage.get(self.newest.stage, "no PUSH_REPLY")

    def renegotiate(self):
        self.renegotiated["client"] += 1
        self.new_key(self.next_key_id(), wire.SOFT_RESET_V1)
        self.settle()

    def settle(self):
        if not self.until(lambda: self.newest.stage == ACTIVE, self.options.timeout):
            raise ClientError(f"renegotiation stopped: {self.progress()}")

    def leave(self):
        """Says goodbye as the server asked for it."""
        if "cc-exit" in self.push.flags:
            self.newest.say(b"EXIT\0")
            self.until(self.newest.drained, 2)
        elif self.push.first("explicit-exit-notify") and not self.family.dco:
            self.tunnel.send(OCC_EXIT)
