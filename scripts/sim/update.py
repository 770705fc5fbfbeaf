# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""PUSH_UPDATE as 2.7 takes it: which settings hold after a reply and the updates behind it.

Options replace by type: the first of a type in an update empties what was there. Some types take
others with them, which a server has to know: a new list of routes forgets redirect-gateway, and
`dns` forgets what dhcp-option said.
"""

UPDATABLE = frozenset(
    "block-ipv6 block-outside-dns dhcp-option dns ifconfig ifconfig-ipv6 keepalive "
    "push-continuation redirect-gateway redirect-private route route-gateway route-ipv6 "
    "route-metric topology tun-mtu".split()
)
LISTS = frozenset("dhcp-option dns redirect-gateway route route-ipv6".split())
# Listed as updatable, and refused when it comes.
REFUSED = frozenset(["keepalive"])
FORGETS = {
    "route": ("route", "redirect-gateway"),
    "route-ipv6": ("route-ipv6", "redirect-gateway"),
    "dns": ("dns", "dhcp-option"),
}


class UpdateError(ValueError):
    """The client connects again: an option it must not be sent."""


def kind(name):
    return "redirect-gateway" if name == "redirect-private" else name


class Settings:
    def __init__(self):
        self.values = {}  # by type: arguments, in the order they came
        self.updates = 0
        self.warnings = []
        self.begun = None  # types seen in the update that is not whole yet
        self.before = ()   # types there were before it

    def reply(self, options):
        for option in options:
            name, _, rest = option.partition(" ")
            self.put(kind(name), name, rest, name not in LISTS)

    def put(self, group, name, rest, replace):
        text = rest if group == name else f"{name} {rest}"
        if replace:
            self.values[group] = []
        self.values.setdefault(group, []).append(text)

    def forget(self, group):
        for one in FORGETS.get(group, (group,)):
            self.values.pop(one, None)

    def update(self, message):
        """One part. True when the update is whole."""
        more = False
        if self.begun is None:
            self.begun = set()
            self.before = set(self.values)
        for option in message.split(",")[1:]:
            remove = option.startswith("-")
            option = option[1:] if remove else option
            optional = option.startswith("?")
            option = option[1:] if optional else option
            name, _, rest = option.partition(" ")
            if len(option) > 255:
                self.warnings.append("option longer than 255 characters")
            if name not in UPDATABLE and not optional:
                raise UpdateError(f"option is not updatable: {option}")
            if name == "push-continuation":
                more = rest == "2"
            elif name in UPDATABLE:
                self.one(name, rest, remove)
        if more:
            return False
        self.begun = None
        self.updates += 1
        return True

    def one(self, name, rest, remove):
        group = kind(name)
        if name in REFUSED or (remove and rest):
            self.warnings.append(f"refused in an update: {name} {rest}")
        elif remove:
            if group not in self.before and group != "dns":
                self.warnings.append(f"nothing to remove: {name}")
            self.forget(group)
        else:
            first = group not in self.begun
            if group == "dhcp-option" and first and "dns" not in self.begun:
                self.warnings.append("dhcp-option without dns before it: added to what was there")
            elif first:
                self.forget(group)
            self.put(group, name, rest, group not in LISTS)
        self.begun.add(group)
