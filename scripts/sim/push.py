# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""PUSH_REPLY as a client reads it: collected over its parts, checked as its family would."""

import ipaddress

import data
import families

FLAGS = {
    "cc-exit": families.CC_EXIT,
    "tls-ekm": families.TLS_KEY_EXPORT,
    "dyn-tls-crypt": families.DYN_TLS_CRYPT,
    "aead-epoch": families.DATA_EPOCH,
}


class PushError(ValueError):
    """The family does not come up with this reply."""


class Push:
    def __init__(self):
        self.options = []
        self.parts = 0
        self.warnings = []

    def add(self, message):
        """True when the reply is whole."""
        more = False
        self.parts += 1
        for option in message.split(",")[1:]:
            if option.startswith("push-continuation"):
                more = option.endswith("2")
            elif option:
                self.options.append(option)
            if len(option) > 255:
                self.warnings.append("option longer than 255 characters")
        return not more

    def first(self, name):
        for option in self.options:
            words = option.split()
            if words[0] == name:
                return words[1:]
        return None

    @property
    def flags(self):
        return self.first("protocol-flags") or []

    @property
    def peer_id(self):
        found = self.first("peer-id")
        return int(found[0]) if found else None

    @property
    def cipher(self):
        found = self.first("cipher")
        return found[0] if found else None

    def uses_ekm(self):
        return "tls-ekm" in self.flags or self.first("key-derivation") == ["tls-ekm"]

    def addresses(self):
        """The client's own, as it answers for them."""
        out = []
        if self.first("ifconfig"):
            out.append(ipaddress.ip_address(self.first("ifconfig")[0]))
        if self.first("ifconfig-ipv6"):
            out.append(ipaddress.ip_address(self.first("ifconfig-ipv6")[0].split("/")[0]))
        return out


def check(push, family, own_cipher, accepted):
    """Raises what ends the client; collects what it would only complain about."""
    topology = (push.first("topology") or ["net30"])[0]
    for option in push.options:
        name = option.split()[0]
        if name not in families.COMMON_OPTIONS and name not in family.options:
            push.warnings.append(f"option not known to this version: {option}")
        if name == "redirect-gateway" and not family.redirects_ipv6 and "ipv6" in option.split():
            push.warnings.append(f"option ignored by this version: {option}")
    if family.needs_ifconfig and not push.addresses():
        raise PushError("neither ifconfig nor ifconfig-ipv6 in PUSH_REPLY")
    if topology not in family.topologies:
        raise PushError(f"topology {topology} is not for this client")
    if topology == "net30" and push.first("ifconfig"):
        local, remote = (int(ipaddress.ip_address(a)) for a in push.first("ifconfig")[:2])
        if family.needs_ifconfig and local >> 2 != remote >> 2:
            raise PushError("net30: both addresses must be of one /30")
    check_flags(push, family)
    check_cipher(push, family, own_cipher, accepted)
    if push.first("tun-mtu") and int(push.first("tun-mtu")[0]) > (family.mtu or 1500):
        raise PushError("tun-mtu above what IV_MTU allows")


def check_flags(push, family):
    for flag in push.flags:
        unknown = flag not in FLAGS or not family.proto & FLAGS[flag]
        if unknown and family.strict_flags:
            raise PushError(f"protocol flag {flag} is unknown")
        if unknown:
            push.warnings.append(f"protocol flag that was not announced: {flag}")
    if "aead-epoch" in push.flags and push.peer_id is None:
        raise PushError("aead-epoch without a peer id")
    if push.first("key-derivation") and family.proto & families.CC_EXIT:
        push.warnings.append("key-derivation to a client that knows protocol-flags")


def check_cipher(push, family, own_cipher, accepted):
    if family.dco and push.peer_id is None:
        raise PushError("server did not ask for P_DATA_V2")
    if family.dco and not data.is_aead(push.cipher or own_cipher):
        raise PushError("kernel offload needs an AEAD cipher")
    if family.dco and (push.first("comp-lzo") or push.first("compress")):
        raise PushError("kernel offload does no compression framing")
    if not push.cipher:
        return
    if not family.ncp:
        push.warnings.append(f"cipher {push.cipher} pushed to a client that cannot change its own")
    elif push.cipher not in accepted:
        raise PushError(f"pushed cipher {push.cipher} is not allowed")
