# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""Client families: what each sends and expects. One row of data per family, no code paths.

Sources are the releases themselves; where a family covers several, the oldest sets the rule.
"""

from dataclasses import dataclass, field, replace

import data

# Bits of IV_PROTO.
DATA_V2 = 1 << 1
REQUEST_PUSH = 1 << 2
TLS_KEY_EXPORT = 1 << 3
AUTH_PENDING = 1 << 4
DNS_OPTION = 1 << 6
CC_EXIT = 1 << 7
AUTH_FAIL_TEMP = 1 << 8
DYN_TLS_CRYPT = 1 << 9
DATA_EPOCH = 1 << 10
DNS_OPTION_V2 = 1 << 11
PUSH_UPDATE = 1 << 12

P_26 = DATA_V2 | REQUEST_PUSH | TLS_KEY_EXPORT | AUTH_PENDING | DNS_OPTION | CC_EXIT
P_26 |= AUTH_FAIL_TEMP
P_27 = (P_26 & ~DNS_OPTION) | DYN_TLS_CRYPT | DATA_EPOCH | DNS_OPTION_V2 | PUSH_UPDATE
P_O3 = (P_26 & ~DNS_OPTION) | DYN_TLS_CRYPT | DNS_OPTION_V2

GCM = "AES-256-GCM:AES-128-GCM"
ALL_AEAD = GCM + ":CHACHA20-POLY1305"
O3_CIPHERS = (
    "AES-128-CBC:AES-192-CBC:AES-256-CBC:AES-128-GCM:AES-192-GCM:AES-256-GCM:CHACHA20-POLY1305"
)
STUBS = ("IV_LZ4=1", "IV_LZ4v2=1", "IV_LZO=1", "IV_COMP_STUB=1", "IV_COMP_STUBv2=1", "IV_TCPNL=1")


@dataclass(frozen=True)
class Family:
    text: str
    version: str = None        # IV_VER; None: no peer-info at all
    proto: int = 0             # IV_PROTO
    extra: tuple = ()          # further lines of peer-info
    ncp: bool = True           # IV_NCP=2; takes a pushed cipher
    cipher: str = None         # of the options string, where nothing else is asked for
    ciphers: str = ""          # IV_CIPHERS and what it accepts; "" says nothing of it
    accepts: str = ""          # what it takes without saying IV_CIPHERS
    mtu: int = 0               # IV_MTU
    occ_cipher: bool = True    # the options string names the cipher even when it is negotiated
    early_keys: bool = False   # data keys right after the key exchange, before PUSH_REPLY
    dco: bool = False          # the kernel's data channel: P_DATA_V2 only, peer id must match
    tls: tuple = ("1.2", "1.3")
    send_window: int = 4
    recv_window: int = 8
    retransmit: float = 2.0
    backoff: bool = True
    repeat_acks: bool = False
    fast_retransmit: bool = False
    marker: bool = False       # tls-crypt-v2 ids begin with 0x0f
    empty_wkc: bool = False    # answers a resend request with an empty packet
    split_nul: bool = False    # several messages in one record are several messages
    server_options: bool = True  # aborts without an options string of the server
    compares: bool = False       # warns of each word of it that differs from its own
    redirects_ipv6: bool = True  # False: ignores redirect-gateway if "ipv6" is in it
    strict_flags: bool = False   # aborts at a protocol flag it does not know
    needs_ifconfig: bool = False
    topologies: tuple = ("net30", "p2p", "subnet")
    push_after: float = 1.0    # seconds from the key exchange to the first PUSH_REQUEST
    push_every: float = 5.0
    options: frozenset = field(default_factory=frozenset)  # pushed options known beyond the common

    def peer_info(self, cipher_list):
        if self.version is None:
            return ""
        lines = [f"IV_VER={self.version}", "IV_PLAT=linux"]
        if self.proto:
            lines.append(f"IV_PROTO={self.proto}")
        if self.ncp:
            lines.append("IV_NCP=2")
        if self.mtu:
            lines.append(f"IV_MTU={self.mtu}")
        if cipher_list:
            lines.append(f"IV_CIPHERS={cipher_list}")
        return "".join(line + "\n" for line in (*lines, *self.extra))


F23 = Family(
    "2.3.5 and older: no IV_PROTO, P_DATA_V1, no cipher negotiation, keys before PUSH_REPLY",
    ncp=False, cipher="AES-256-CBC", early_keys=True, tls=("1.0", "1.2"), compares=True,
    redirects_ipv6=False,
)
F24 = Family(
    "2.4.0 to 2.4.9: IV_NCP=2 without IV_CIPHERS, BF-CBC in its options string",
    version="2.4.9", proto=DATA_V2, extra=STUBS, cipher="BF-CBC", accepts=GCM,
    tls=("1.0", "1.3"), compares=True,
)
F25 = Family(
    "2.5: IV_CIPHERS, PRF, tls-crypt-v2 without resending its key, acknowledges once",
    version="2.5.11", proto=DATA_V2 | REQUEST_PUSH,
    extra=STUBS + ("IV_SSO=openurl,webauth,crtext",), cipher="BF-CBC", ciphers=GCM,
    tls=("1.0", "1.3"), compares=True,
)
F26 = Family(
    "2.6.1 to 2.6.x: exporter keys, cc-exit, dynamic tls-crypt, IV_MTU",
    version="2.6.14", proto=P_26 | DYN_TLS_CRYPT,
    extra=STUBS + ("IV_SSO=openurl,webauth,crtext",), ciphers=ALL_AEAD, mtu=1600,
    occ_cipher=False, send_window=6, recv_window=12, repeat_acks=True, fast_retransmit=True,
    marker=True, empty_wkc=True, split_nul=True, server_options=False,
    options=frozenset({"tun-mtu", "protocol-flags", "key-derivation", "session-timeout", "dns"}),
)
F27 = replace(
    F26, text="2.7: epoch data format, dns options, PUSH_UPDATE", version="2.7.6", proto=P_27
)
O3 = Family(
    "OpenVPN 3 / Connect: needs ifconfig in PUSH_REPLY, aborts at unknown protocol flags",
    version="3.11.6", proto=P_O3,
    extra=("IV_AUTO_SESS=1", "IV_GUI_VER=OCLinux_3.11.6", "IV_SSO=webauth,crtext",
           "IV_SSL=OpenSSL_3.0.19", "IV_BS64DL=1", "IV_TCPNL=1", "IV_LZO_STUB=1",
           "IV_COMP_STUB=1", "IV_COMP_STUBv2=1"),
    ciphers=O3_CIPHERS, mtu=1600, cipher="AES-256-GCM", send_window=6, retransmit=1.0,
    backoff=False, marker=True, split_nul=True, server_options=False, strict_flags=True,
    needs_ifconfig=True, topologies=("net30", "subnet"), push_every=2.0,
    options=F26.options | {"auth", "reneg-sec", "hand-window", "tran-window", "keepalive"},
)

FAMILIES = {
    "2.3": F23,
    "2.3.18": replace(
        F23, text="2.3.6 to 2.3.x: P_DATA_V2 where a peer id is pushed", version="2.3.18",
        proto=DATA_V2,
    ),
    "2.4": F24,
    "2.4.12": replace(
        F24, text="2.4.10 and later: IV_CIPHERS", version="2.4.12", ciphers=GCM + ":BF-CBC"
    ),
    "2.4-ncp-disable": replace(
        F24, text="2.4 with ncp-disable: its own cipher only", ncp=False, cipher="AES-256-GCM"
    ),
    "2.5": F25,
    "2.6.0": replace(F26, text="2.6.0: no dynamic tls-crypt", version="2.6.0", proto=P_26),
    "2.6": F26,
    "2.6-dco": replace(
        F26, text="2.6 with kernel offload: AEAD, P_DATA_V2 and a matching peer id only", dco=True
    ),
    "2.7": F27,
    "2.7-dco": replace(
        F27, text="2.7 with kernel offload: neither PUSH_UPDATE nor epochs", dco=True,
        proto=P_27 & ~PUSH_UPDATE & ~DATA_EPOCH,
    ),
    "openvpn3": O3,
    "openvpn3-epoch": replace(
        O3, text="OpenVPN 3 with the epoch data format", proto=P_O3 | DATA_EPOCH
    ),
}

COMMON_OPTIONS = frozenset(
    "ifconfig ifconfig-ipv6 topology route-gateway route route-ipv6 route-metric redirect-gateway "
    "redirect-private dhcp-option ping ping-restart ping-exit ping-timer-rem inactive "
    "explicit-exit-notify comp-lzo compress auth-token auth-token-user sndbuf rcvbuf socket-flags "
    "setenv-safe echo persist-tun persist-key verb tun-ipv6 peer-id cipher push-continuation "
    "block-ipv6 block-outside-dns register-dns".split()
)


def accepted(family, cipher_list, own):
    """The ciphers a push may name: the client's list, and its own cipher."""
    names = (cipher_list or family.accepts).split(":") if family.ncp else []
    return [n for n in names + [own] if n]


def options_string(family, cipher, auth, framing, tls_auth_direction, is_tls_auth):
    """The options string as the server gets it. link-mtu counts what sealing adds."""
    aead = data.is_aead(cipher or "")
    bits = {"BF-CBC": 128, "none": 0}.get(cipher or "BF-CBC")
    if bits is None:
        bits = 8 * {**data.AEAD_KEY_BYTES, **data.CBC_KEY_BYTES}[cipher]
    mtu = 1549 if aead else {128: 1542, 192: 1557, 256: 1557}.get(bits, 1529)
    words = ["V4", "dev-type tun", f"link-mtu {mtu}", "tun-mtu 1500", "proto UDPv4"]
    if framing != "none":
        words.append("comp-lzo")
    if is_tls_auth and tls_auth_direction is not None:
        words.append(f"keydir {tls_auth_direction}")
    if cipher and family.occ_cipher:
        words.append(f"cipher {'[null-cipher]' if cipher == 'none' else cipher}")
    words += [f"auth {'[null-digest]' if aead else auth}", f"keysize {bits}"]
    if is_tls_auth:
        words.append("tls-auth")
    return ",".join(words + ["key-method 2", "tls-client"])


def options_differ(own, server):
    """What 2.5 and older warn of: words that are not what the own string makes them expect."""
    other = {"tls-client": "tls-server", "keydir 0": "keydir 1", "keydir 1": "keydir 0"}
    expected = {other.get(word, word) for word in own.split(",")}
    return sorted(expected.symmetric_difference(server.split(",")))
