# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""One stock client's visit to a gateway: one cell of the table, or one refusal."""

import os
import re
import signal
import subprocess
import time

from axes import NAMES, PORT
from bed import NETWORKS, Failed, ping, ping_command, ping_result

UP = "Initialization Sequence Completed"
LAST_LINE = "Protocol options:" # of those that follow it
CONNECT_S = 40
IFA_F_TENTATIVE = 0x40
DATA_CHANNEL = re.compile(r"Data Channel: cipher '([^']+)'(?:, auth '([^']+)')?")
CONTROL_CHANNEL = re.compile(r"Control Channel: (\S+), cipher \S+ ([^\s,]+)")
WRAPPED = re.compile(r"^Outgoing Control Channel (\w+): Using \d+ bit message hash '(\w+)'", re.M)
FLAGS = re.compile(r"^Protocol options: .*protocol-flags ([^,\n]*)", re.M)
DISAGREES = re.compile(r"^WARNING: '(?!link-mtu)[\w-]+' is (?:used inconsistently|present).*$", re.M)


class Client:
    """A stock openvpn in this thread's namespace. Its log is a file of the host."""

    def __init__(self, argv, log):
        self.log = log
        with open(log, "wb") as out:
            # It ends with the thread that started it.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "openvpn", *argv],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def gone(self):
        return self.process.poll() is not None

    def wait(self, words, seconds, times=1):
        """Until the words are in the log so many times, or it ended, or the time is over."""
        end = time.monotonic() + seconds
        while True:
            gone = self.gone()
            if self.text().count(words) >= times:
                return True
            if gone or time.monotonic() > end:
                return False
            time.sleep(0.03)

    def signal(self, number):
        if not self.gone():
            self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed("the client did not end within 15 s of SIGTERM") from None


def until(seconds, what, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def no_tentative_address():
    """Of this thread's namespace. Until then the kernel takes another source, which is no client's."""
    with open("/proc/thread-self/net/if_inet6", encoding="ascii") as lines:
        return not any(int(line.split()[4], 16) & IFA_F_TENTATIVE for line in lines)


def same(what, found, expected):
    if found != expected:
        raise Failed(f'{what} is "{found}", must be "{expected}"')


def first(pattern, text, what):
    found = pattern.search(text)
    if not found:
        raise Failed(f"the client's log does not tell {what}")
    return found.groups()


class Visitor:
    """A client host and the thread that uses it."""

    def __init__(self, bed, number):
        self.bed = bed
        self.number = number
        self.common_name = f"client{number}"
        self.log = os.path.join(bed.directory, f"openvpn{number}.log")
        self.config = os.path.join(bed.directory, f"client{number}.conf")
        self.moves = 0
        bed.enter(self.common_name)

    def place(self, words):
        return [self.bed.place(w).replace("clientN", self.common_name) for w in words]

    def options(self, gateway):
        pki = self.bed.pki
        return [
            "--client", "--dev", "tun", "--proto", f"udp{gateway.family}",
            "--remote", self.bed.node[gateway.family],
            str(PORT + self.bed.gateways[gateway]),
            "--ca", f"{pki}/ca.crt", "--cert", f"{pki}/{self.common_name}.crt",
            "--key", f"{pki}/{self.common_name}.key", *self.place(gateway.wrap.client),
            "--remote-cert-tls", "server", "--verb", "4", "--mute", "0", "--connect-retry", "1",
            "3", "--connect-retry-max", "2", "--tls-exit", "--suppress-timestamps",
        ]

    def configured(self, options):
        """The options as one file in which every key stands inline."""
        lines, words = [], []
        for word in options + ["--"]:
            if not word.startswith("--"):
                words.append(word)
                continue
            if words and words[0] in ("ca", "cert", "key", "tls-auth", "tls-crypt", "tls-crypt-v2"):
                with open(words[1], encoding="ascii") as file:
                    lines.append(f"<{words[0]}>\n{file.read().strip()}\n</{words[0]}>")
                if len(words) > 2:
                    lines.append(f"key-direction {words[2]}")
            elif words:
                lines.append(" ".join(f'"{w}"' if " " in w else w for w in words))
            words = [word[2:]]
        with open(self.config, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        return ["--config", self.config]

    def move(self):
        """From one of the host's two addresses to the other."""
        self.moves += 1
        for outer, network in NETWORKS.items():
            source = self.bed.client_address(outer, self.number, self.moves % 2)
            subprocess.run(["ip", "route", "replace", network, "dev", "eth0", "src", source],
                           check=True)

    def refused(self, refusal):
        """The client does not get in, in the way the refusal says."""
        options = self.options(refusal.gateway)
        options += ["--nobind", "--connect-retry-max", "1", "--hand-window", "4", "--data-ciphers",
                    refusal.data_ciphers, *refusal.options]
        client = Client(options, self.log)
        try:
            if refusal.kind == "deaf":
                self.is_deaf(client, refusal.gateway)
                return
            client.wait(UP, 12)
            text = client.text()
            if UP in text:
                raise Failed("the client got in")
            if not client.gone():
                client.wait("process exiting", 5)
            if refusal.kind == "silence" and "TLS: Initial packet" in text:
                raise Failed("the client got an answer")
            if refusal.says and not re.search(refusal.says, client.text()):
                raise Failed(f'the client does not say "{refusal.says}"')
            if refusal.kind == "told" and "AUTH_FAILED" not in client.text():
                raise Failed("no AUTH_FAILED")
            if refusal.kind == "options" and "TCP/UDP: Closing" in client.text():
                raise Failed("openvpn took the options")
        finally:
            client.stop()

    def is_deaf(self, client, gateway):
        if not client.wait(UP, CONNECT_S):
            raise Failed("the client does not connect")
        targets = list(self.bed.inside.values())
        lost = ping(targets, 3, period_ms=50)
        if any(n != 3 for n in lost.values()):
            raise Failed(f"pings pass: {lost}")
        # What it says when it leaves may not be understood either.
        self.bed.ctl("kill", self.common_name, "--gateway",
                     self.bed.name(self.bed.gateways[gateway]))


class Visit:
    """One cell. What both sides say of it is in `seen`."""

    def __init__(self, visitor, cell):
        self.visitor = visitor
        self.bed = visitor.bed
        self.cell = cell
        self.targets = [self.bed.inside[int(f)] for f in cell.mode.inner]
        self.seen = {}

    def options(self):
        cell, mode = self.cell, self.cell.mode
        name = cell.cipher.name
        later = NAMES[NAMES.index(name):]
        offer = {"one": name, "last": NAMES[-1], "several": ":".join(reversed(later))}[mode.offer]
        options = self.visitor.options(cell.gateway) + ["--auth", cell.auth, "--data-ciphers", offer]
        options += ["--lport", str(5000 + self.visitor.number)] if mode.bind else ["--nobind"]
        options += [name if w == "X" else w for w in mode.options]
        return self.visitor.configured(options) if mode.config else options

    def run(self):
        client = Client(self.options(), self.visitor.log)
        try:
            if not client.wait(UP, CONNECT_S):
                raise Failed("the client does not connect")
            client.wait(LAST_LINE, 5)
            self.check_client(client.text())
            self.check_gateway()
            until(5, "IPv6 addresses can be used", no_tentative_address)
            self.pings(5)
            self.pings(3, size=1300)
            if self.cell.mode.action:
                getattr(self, self.cell.mode.action)(client)
            text = client.text()
        finally:
            client.stop()
        found = DISAGREES.search(text)
        if found:
            raise Failed(found[0])
        until(5, "the session goes with its client", lambda: not self.sessions())
        return self.seen

    def sessions(self):
        return self.bed.sessions(self.cell.gateway, self.visitor.common_name)

    def session(self):
        found = self.sessions()
        same("number of sessions", len(found), 1)
        return found[0]

    def pings(self, count, **how):
        lost = {a: n for a, n in ping(self.targets, count, **how).items() if n}
        if lost:
            raise Failed(f"pings lost: {lost} of {count}, {how}")

    def check_client(self, text):
        cell, mode = self.cell, self.cell.mode
        if f"{UP} With Errors" in text:
            raise Failed(f"{UP} With Errors")
        cipher, digest = first(DATA_CHANNEL, text, "its cipher")
        same("cipher of the client", cipher, cell.cipher.name)
        same("digest of the client", digest, cell.cipher.digest)
        same("TLS of the client", " ".join(first(CONTROL_CHANNEL, text, "its TLS version")),
             f"{mode.tls} {mode.suite}")
        wrapped = WRAPPED.findall(text)[:1]
        expected = {"none": [], "tls-auth": [("Authentication", cell.wrap.digest)]}
        same("wrapping of the client", wrapped,
             expected.get(cell.wrap.name, [("Encryption", "SHA256")]))
        flags = first(FLAGS, text, "its protocol flags")[0].split()
        same("tls-ekm in the client's protocol flags", "tls-ekm" in flags, True)
        if mode.framing != "none" and mode.framing not in text:
            raise Failed(f"the client was not pushed {mode.framing}")

    def check_gateway(self):
        cell, mode, s = self.cell, self.cell.mode, self.session()
        for key, expected in (("state", "connected"), ("cipher", cell.cipher.name),
                              ("digest", cell.cipher.digest), ("wrap", cell.wrap.name),
                              ("tls_version", mode.tls), ("tls_suite", mode.suite),
                              ("key_derivation", "tls-ekm"), ("cipher_why", "IV_CIPHERS")):
            same(f"{key} in sluicectl clients", s.get(key), expected)
        same("framing in sluicectl clients", s.get("framing", "none"), mode.framing)
        same("dynamic_tls_crypt in sluicectl clients", s.get("dynamic_tls_crypt"), True)
        same("outer family", 6 if s["remote"].startswith("[") else 4, cell.family)
        self.seen = {"tls": f"{s['tls_version']}, {s['tls_suite']}", "keys": s["key_derivation"],
                     "why": s["cipher_why"], "framing": s.get("framing", "none")}

    # What happens to a connected client, under pings of which none may get lost.

    def under_pings(self, action, done):
        """Rounds of pings until it is done, and one more."""
        last = False
        for turn in range(25):
            pings = subprocess.Popen(ping_command(self.targets, 60, 200, 20), text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if turn == 0:
                time.sleep(0.2)
                action()
            lost = ping_result(self.targets, pings.communicate(timeout=60)[0])
            if any(lost.values()):
                raise Failed(f"pings lost: {lost}")
            if last:
                return
            last = done()
        raise Failed("it did not happen")

    def renegotiates(self, _client, by="client", ask=lambda: None):
        before = self.session()["renegotiations"]
        self.under_pings(ask, lambda: self.session()["renegotiations"] > before)
        self.seen["then"] = f"renegotiated by the {by}, no ping lost"

    def is_renegotiated(self, client):
        self.renegotiates(client, "gateway", lambda: self.bed.ctl(
            "renegotiate", self.visitor.common_name, "--gateway",
            self.bed.name(self.bed.gateways[self.cell.gateway])))

    def floats(self, _client):
        before = self.session()
        self.under_pings(self.visitor.move,
                         lambda: self.session()["floats"] == before["floats"] + 1)
        if self.session()["remote"] == before["remote"]:
            raise Failed("the address is the old one")
        self.seen["then"] = "floated, no ping lost"

    def reconnects(self, client):
        before = self.session()
        client.signal(signal.SIGUSR1)
        if not client.wait(UP, CONNECT_S, times=2):
            raise Failed("the client does not reconnect")
        until(5, "one session", lambda: len(self.sessions()) == 1)
        after = self.session()
        same("port stays", before["remote"] == after["remote"], self.cell.mode.bind)
        self.check_gateway()
        until(5, "IPv6 addresses can be used", no_tentative_address)
        self.pings(5)
        self.seen["then"] = "reconnected"
