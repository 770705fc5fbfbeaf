# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The axes of the table of stock clients, one row of data per value, and what a cell must show.

A cell is a client mode, a cipher, a way of wrapping and an outer address family.
"""

from dataclasses import dataclass
from itertools import product

PORT = 1194


@dataclass(frozen=True)
class Cipher:
    name: str
    digest: str = None  # of the HMAC beside CBC

    def __str__(self):
        return f"{self.name}, {self.digest}" if self.digest else self.name


@dataclass(frozen=True)
class Wrap:
    title: str
    name: str               # as `sluicectl clients` says it
    gateway: str = ""       # lines of the gateway; PKI is the directory of the keys
    client: tuple = ()      # options of the client; N is the client's number
    digest: str = None      # of tls-auth, which the client can only set together with that of CBC


# The gateways' order of preference.
NAMES = ("AES-256-GCM", "AES-192-GCM", "AES-128-GCM", "CHACHA20-POLY1305",
         "AES-256-CBC", "AES-192-CBC", "AES-128-CBC")
DIGESTS = ("SHA1", "SHA256", "SHA384", "SHA512")
CIPHERS = tuple(Cipher(n) for n in NAMES if not n.endswith("CBC")) + tuple(
    Cipher(n, d) for n, d in product((n for n in NAMES if n.endswith("CBC")), DIGESTS))


def tls_auth(digest, ours=None):
    key = "{key: PKI/ta.key, digest: %s%s}" % (digest, f", direction: {ours}" if ours else "")
    theirs = {None: (), "0": ("1",), "1": ("0",)}[ours]
    title = f"tls-auth {digest}" + (f", key-direction {theirs[0]}" if theirs else "")
    return Wrap(title, "tls-auth", f"tls_auth: {key}", ("--tls-auth", "PKI/ta.key", *theirs), digest)


WRAPS = (
    Wrap("none", "none"),
    tls_auth("SHA1"), tls_auth("SHA1", "0"),
    tls_auth("SHA256"), tls_auth("SHA256", "0"),
    tls_auth("SHA512"), tls_auth("SHA512", "1"),
    Wrap("tls-crypt", "tls-crypt", "tls_crypt: PKI/tc.key", ("--tls-crypt", "PKI/tc.key")),
    Wrap("tls-crypt-v2", "tls-crypt-v2", "tls_crypt_v2: PKI/v2.key",
         ("--tls-crypt-v2", "PKI/v2-clientN.key")),
)
FAMILIES = (4, 6)

SUITE_13 = "TLS_AES_256_GCM_SHA384"
SUITE_12 = "ECDHE-ECDSA-AES256-GCM-SHA384"
SUITE_10 = "ECDHE-ECDSA-AES256-SHA"


@dataclass(frozen=True)
class Mode:
    title: str
    options: tuple = ()            # X stands for the cipher
    offer: str = "one"             # data-ciphers: one, or several of which X is the gateway's first
    tls: str = "TLSv1.3"
    suite: str = SUITE_13
    framing: str = "none"
    inner: str = "46"              # families inside the tunnel
    bind: bool = False             # a port of its own instead of --nobind
    config: bool = False           # everything in one file with the keys inline
    old_tls: bool = False          # of a gateway with tls_version_min: 1.0
    action: str = ""               # what happens once it is connected: a method of Visit


OLD_TLS = ("--tls-cipher", "DEFAULT:@SECLEVEL=0", "--tls-version-min", "1.0", "--tls-version-max")
MODES = (
    Mode("`--data-ciphers` with one cipher"),
    Mode("`--data-ciphers` with several, the gateway's favourite last", offer="several"),
    Mode("`--data-ciphers-fallback`", ("--data-ciphers-fallback", "X")),
    Mode("`--compat-mode 2.5.0`", ("--compat-mode", "2.5.0")),
    Mode("`--compat-mode 2.4.0 --cipher`", ("--compat-mode", "2.4.0", "--cipher", "X"), "last"),
    Mode("`--compat-mode 2.3.6 --cipher`", ("--compat-mode", "2.3.6", "--cipher", "X"), "last"),
    Mode("`--tls-version-max 1.2`", ("--tls-version-max", "1.2"), tls="TLSv1.2", suite=SUITE_12),
    Mode("`--tls-version-max 1.2 --tls-cipher`",
         ("--tls-version-max", "1.2", "--tls-cipher", "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"),
         tls="TLSv1.2", suite="ECDHE-ECDSA-AES128-GCM-SHA256"),
    Mode("`--tls-ciphersuites --tls-groups`",
         ("--tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "--tls-groups", "secp384r1"),
         suite="TLS_CHACHA20_POLY1305_SHA256"),
    Mode("`--tls-version-max 1.1`, gateway with `tls_version_min: 1.0`", (*OLD_TLS, "1.1"),
         tls="TLSv1.1", suite=SUITE_10, old_tls=True),
    Mode("`--tls-version-max 1.0`, gateway with `tls_version_min: 1.0`", (*OLD_TLS, "1.0"),
         tls="TLSv1", suite=SUITE_10, old_tls=True),
    Mode("`--lport`: a port of its own", bind=True),
    Mode("`--config`: one file, keys inline", config=True),
    Mode("`--comp-lzo no`", ("--comp-lzo", "no"), framing="compress stub-v2"),
    Mode("`--compress stub-v2`", ("--compress", "stub-v2"), framing="compress stub-v2"),
    Mode("IPv4 only inside", ("--pull-filter", "ignore", "ifconfig-ipv6", "--pull-filter", "ignore",
                              "route-ipv6"), inner="4"),
    Mode("IPv6 only inside", ("--pull-filter", "ignore", "ifconfig ", "--pull-filter", "ignore",
                              "route "), inner="6"),
    Mode("`--tun-mtu 1400 --mssfix 0 --max-packet-size 600`",
         ("--tun-mtu", "1400", "--mssfix", "0", "--max-packet-size", "600")),
    Mode("`--disable-occ --fast-io --passtos --push-peer-info` and other local options",
         ("--disable-occ", "--fast-io", "--passtos", "--push-peer-info", "--setenv", "UV_X", "1",
          "--mtu-disc", "yes", "--sndbuf", "65536", "--rcvbuf", "65536", "--auth-nocache",
          "--explicit-exit-notify", "2", "--replay-window", "128", "30", "--keepalive", "2", "20",
          "--float", "--persist-key", "--persist-tun")),
    Mode("`--reneg-sec 2`", ("--reneg-sec", "2", "2"), action="renegotiates"),
    Mode("`--reneg-bytes`", ("--reneg-bytes", "20000"), action="renegotiates"),
    Mode("`--reneg-pkts`", ("--reneg-pkts", "40"), action="renegotiates"),
    Mode("`--reneg-sec 0`, the gateway renegotiates", ("--reneg-sec", "0"),
         action="is_renegotiated"),
    Mode("its address changes (`--nobind`)", action="floats"),
    Mode("`SIGUSR1`: reconnects", ("--persist-tun",), action="reconnects"),
    Mode("`SIGUSR1` with `--lport`: reconnects from the same port", ("--persist-tun",),
         bind=True, action="reconnects"),
)


@dataclass(frozen=True)
class Gateway:
    """What a gateway of the bed is like; each gets a name, a port and networks of its own."""

    wrap: Wrap
    auth: str
    family: int
    old_tls: bool = False


@dataclass(frozen=True)
class Cell:
    mode: Mode
    cipher: Cipher
    wrap: Wrap
    family: int

    def __str__(self):
        return f"{self.mode.title}; {self.cipher}; {self.wrap.title}; udp{self.family}"

    @property
    def auth(self):
        return self.cipher.digest or self.wrap.digest or "SHA1"

    @property
    def gateway(self):
        return Gateway(self.wrap, self.auth, self.family, self.mode.old_tls)


def possible(cipher, wrap):
    """The client has one --auth for the HMAC beside CBC and for tls-auth."""
    return None in (cipher.digest, wrap.digest) or cipher.digest == wrap.digest


PAIRS = [p for p in product(CIPHERS, WRAPS) if possible(*p)]
IMPOSSIBLE = [p for p in product(CIPHERS, WRAPS) if not possible(*p)]


def whole():
    """Every cell; neighbours differ in gateway, so that clients of one do not all come at once."""
    return [Cell(m, c, w, f) for m in MODES for f in FAMILIES for c, w in PAIRS]


def subset():
    """Each pair of cipher and wrapping once, each mode at least three times and over both
    families; and what a default client and one of TLS 1.2 do with each GCM cipher."""
    cells = [Cell(MODES[i % len(MODES)], *PAIRS[i], FAMILIES[i // len(MODES) % 2])
             for i in range(len(PAIRS))]
    plain = (MODES[0], next(m for m in MODES if m.tls == "TLSv1.2"))
    cells += [Cell(m, c, w, 4) for m, c, w in product(plain, CIPHERS[:3], (WRAPS[0], WRAPS[7]))]
    for axis, values in (("mode", MODES), ("cipher", CIPHERS), ("wrap", WRAPS),
                         ("family", FAMILIES)):
        missing = set(values) - {getattr(c, axis) for c in cells}
        assert not missing, f"the subset leaves out {missing}"
    return list(dict.fromkeys(cells))


# What cannot be, and how the client or the gateway says so.
@dataclass(frozen=True)
class Refusal:
    title: str
    why: str
    kind: str               # options: openvpn itself; silence; told; tls; deaf: no data passes
    options: tuple = ()
    says: str = ""          # pattern in the client's log
    gateway: Gateway = Gateway(WRAPS[7], "SHA1", 4)
    data_ciphers: str = "AES-256-GCM"
    cell: tuple = ()        # cipher and wrapping, of those that are cells of the table


def digest_refusals(families, pairs):
    """CBC with another digest than tls-auth: without the first digest there is no answer."""
    return [Refusal(f"{c}; {w.title}; udp{f}", "one `--auth` for both digests", "silence",
                    ("--auth", c.digest), gateway=Gateway(w, w.digest, f),
                    data_ciphers=c.name, cell=(c, w))
            for f in families for c, w in pairs]


REFUSALS = (
    Refusal("`--ncp-disable`", "the option is gone in 2.6", "options", ("--ncp-disable",),
            "ncp-disable"),
    Refusal("keys by the PRF", "the client announces the exporter and cannot be told not to; "
            "made to ignore the answer it derives other keys", "deaf",
            ("--pull-filter", "ignore", "protocol-flags")),
    Refusal("CBC, another `--auth` than the gateway's", "the digest is not negotiated", "deaf",
            ("--auth", "SHA256"), data_ciphers="AES-256-CBC"),
    Refusal("`--data-ciphers BF-CBC`", "OpenSSL 3 has it in the legacy provider only", "options",
            says="BF-CBC", data_ciphers="BF-CBC"),
    Refusal("`--data-ciphers BF-CBC --providers legacy default`", "not among `data_ciphers`",
            "told", ("--providers", "legacy", "default"), "no shared cipher",
            data_ciphers="BF-CBC"),
    Refusal("`--fragment 1300`", "not supported", "told", ("--fragment", "1300"),
            "fragment is not supported by this server"),
    Refusal("`--tls-version-max 1.1`", "`tls_version_min` is 1.2 by default", "tls",
            (*OLD_TLS, "1.1"), "tlsv1 alert protocol version"),
    Refusal("`--proto tcp-client`", "gateways listen on UDP", "refused",
            ("--proto", "tcp4-client"), "Connection refused"),
)
