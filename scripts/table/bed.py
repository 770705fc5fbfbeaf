# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""What the shell made for the driver: client hosts, keys, the daemon; and the gateways in it."""

import ctypes
import json
import os
import re
import subprocess
from dataclasses import dataclass, field

from axes import NAMES, PORT

CLONE_NEWNET = 0x40000000
NETWORKS = {4: "192.0.2.0/24", 6: "2001:db8:0:1::/64"} # of the clients, as _crowd.sh makes them
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A cell is not what the table says."""


@dataclass
class Bed:
    directory: str
    prefix: str             # of the namespaces' names
    hosts: int              # client1..clientN
    sluicectl: str
    node: dict              # outer address of the node by family
    inside: dict            # address of the inside host by family
    gateways: dict = field(default_factory=dict)  # Gateway: its number

    @property
    def pki(self):
        return os.path.join(self.directory, "pki")

    def place(self, text):
        return text.replace("PKI", self.pki)

    def enter(self, host):
        """Puts this thread, and what it starts, into the namespace of a client host."""
        with open(f"/run/netns/{self.prefix}-{host}", encoding="ascii") as ns:
            if libc.setns(ns.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter the namespace of {host}")

    @staticmethod
    def client_address(family, number, which):
        """A client host has two addresses."""
        host = number + (100 if which else 1)
        return f"192.0.2.{host}" if family == 4 else f"2001:db8:0:1::{host:x}"

    @property
    def room(self):
        """Sessions of a gateway: the old one of a client that reconnects, too."""
        return 2 * self.hosts

    def add_gateways(self, wanted):
        for one in wanted:
            self.gateways.setdefault(one, len(self.gateways))

    @staticmethod
    def name(number):
        return f"g{number}"

    def conf(self):
        """The gateways as YAML."""
        lines = []
        for g, n in self.gateways.items():
            keys = self.place(g.wrap.gateway)
            lines += [
                f"  - name: {self.name(n)}",
                f'    endpoint: {{address: "{self.node[g.family]}", port: {PORT + n}}}',
                f"    ca: {self.pki}/ca.crt",
                f"    cert: {self.pki}/server.crt",
                f"    key: {self.pki}/server.key",
                f"    client_cidr: 10.64.{n}.0/24",
                f'    client_cidr6: "fd00:64:{n:x}::/64"',
                '    local_networks: [10.20.0.0/16, "fd00:20::/32"]',
                f"    data_ciphers: [{', '.join(NAMES)}]",
                f"    auth: {g.auth}",
                f"    max_connections: {self.room}",
                "    handshake_prefix_rate: 1000", # all clients are of one network
            ]
            lines += [f"    {keys}"] if keys else []
            lines += ["    tls_version_min: 1.0"] if g.old_tls else []
        return "\n".join(lines) + "\n"

    def ctl(self, *words):
        out = subprocess.run(
            [self.sluicectl, "--socket", f"{self.directory}/sluice.sock", "--json", *words],
            capture_output=True, text=True, timeout=20, check=False)
        if out.returncode:
            raise Failed(f"sluicectl {' '.join(words)}: {out.stdout}{out.stderr}")
        return json.loads(out.stdout)

    def sessions(self, gateway, common_name):
        found = self.ctl("clients", self.name(self.gateways[gateway]))
        return [s for s in found if s.get("common_name") == common_name]


PING = re.compile(r"^(\S+) +: xmt/rcv/%loss = (\d+)/(\d+)/", re.MULTILINE)


def ping_command(targets, count, size, period_ms):
    return ["fping", "-q", "-c", str(count), "-p", str(period_ms), "-t", "3000", "-b", str(size),
            *targets]


def ping_result(targets, text):
    """Lost pings; all of them if a target is not in what fping says."""
    found = {m[1]: int(m[2]) - int(m[3]) for m in PING.finditer(text)}
    missing = set(targets) - set(found)
    if missing:
        raise Failed(f"fping says nothing of {', '.join(missing)}: {text.strip()}")
    return found


def ping(targets, count, size=56, period_ms=20):
    done = subprocess.run(ping_command(targets, count, size, period_ms), capture_output=True,
                          text=True, timeout=60, check=False)
    return ping_result(targets, done.stdout + done.stderr)
