# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The reliability layer of one key: message ids, acknowledgements, retransmission."""

from dataclasses import dataclass

from wire import ACKS_MAX

PIGGYBACK_MAX = 4
OVERTAKEN = 3  # acknowledgements of later messages that resend an earlier one at once


@dataclass
class Message:
    opcode: int
    payload: bytes
    due: float
    wait: float
    overtaken: int = 0


class Reliable:
    """family says windows, timers and whether acknowledgements are ever repeated."""

    def __init__(self, family):
        self.family = family
        self.send_next = 0
        self.recv_next = 0
        self.flight = {}
        self.held = {}
        self.owed = []
        self.recent = []
        self.retransmitted = 0
        self.duplicates = 0
        self.beyond = 0

    def room(self):
        return self.send_next < min(self.flight, default=self.send_next) + self.family.send_window

    def idle(self):
        return not self.flight

    def send(self, opcode, payload):
        self.flight[self.send_next] = Message(opcode, payload, 0, self.family.retransmit)
        self.send_next += 1

    def due(self, now):
        """(mid, message) of what is new, late or overtaken; their timers start again."""
        out = []
        for mid, m in sorted(self.flight.items()):
            fast = self.family.fast_retransmit and m.overtaken >= OVERTAKEN
            if m.due > now and not fast:
                continue
            if m.due:
                self.retransmitted += 1
                if not fast and self.family.backoff:
                    m.wait *= 2
            m.due, m.overtaken = now + m.wait, 0
            out.append((mid, m))
        return out

    def next_due(self):
        return min((m.due for m in self.flight.values()), default=None)

    def input(self, packet):
        """Takes acknowledgements and the message; returns what is now in order, as packets."""
        for mid in packet.acks:
            if self.flight.pop(mid, None) is not None:
                for earlier, m in self.flight.items():
                    m.overtaken += earlier < mid
        if packet.mid is None:
            return []
        if packet.mid >= self.recv_next + self.family.recv_window:
            self.beyond += 1
            return []
        if packet.mid not in self.owed:
            self.owed.append(packet.mid)
        if packet.mid < self.recv_next or packet.mid in self.held:
            self.duplicates += 1
            return []
        self.held[packet.mid] = packet
        ready = []
        while self.recv_next in self.held:
            ready.append(self.held.pop(self.recv_next))
            self.recv_next += 1
        return ready

    def take_acks(self, alone):
        limit = ACKS_MAX if alone else PIGGYBACK_MAX
        out, self.owed = self.owed[:limit], self.owed[limit:]
        if self.family.repeat_acks:
            for mid in self.recent:
                if len(out) < limit and mid not in out:
                    out.append(mid)
            self.recent = (out + [m for m in self.recent if m not in out])[:ACKS_MAX]
        return tuple(out)
