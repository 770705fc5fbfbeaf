# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""The result of a run as docs/client-table.md."""

import datetime
import subprocess

from axes import CIPHERS, FAMILIES, MODES, WRAPS

HEAD = """# Table of stock clients

Written by `./scripts/sluice test table`, not by hand: {openvpn}, {openssl}, on {date}.
{cells} cells, {again} of which needed a second try, and {refusals} refusals.

A cell is a mode of the client, a cipher, a way of wrapping the control channel, and an outer address
family: `4` and `6` in a table. For each of them:

- the client's log and `sluicectl clients --json` name the same cipher, digest, TLS version and
  suite, and the ones that are expected; the client its wrapping and protocol flags, the gateway the
  wrapping, key derivation, framing and why it chose the cipher;
- no ping of any size gets lost, IPv4 and IPv6 inside (where the mode does not say otherwise);
- what the mode says happens then: a renegotiation or another address, under pings, or a reconnect;
- the client has no complaint about the options string, ends when it is told to, and its session with it.

At the end of the run each gateway is empty, has dropped nothing for its key, tag, packet id or
framing, and the packets of every port add up.

`-`: cannot be. A stock client has one option `--auth` for the HMAC beside CBC ciphers and for
tls-auth. What it does when they differ is in the [last table](#what-cannot-be), with everything else
that stock clients cannot be made to do or are refused.
"""

REFUSED = """
## What cannot be

| client | why | what happens |
|---|---|---|
"""

HAPPENS = {
    "options": "`openvpn` does not start",
    "silence": "no answer; counted as `first_drop.auth`",
    "told": "`AUTH_FAILED` with the reason",
    "tls": "TLS alert",
    "deaf": "connects; every packet is dropped (`auth`)",
    "refused": "connection refused",
}


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def only(values):
    return ", ".join(sorted(v for v in values if v))


def mode_section(mode, results):
    mine = {c: seen for c, seen in results.items() if c.mode == mode}
    told = {key: only({s.get(key, "") for s in mine.values()})
            for key in ("tls", "keys", "why", "framing", "then")}
    text = f"\n## {mode.title}\n\n{told['tls']}; keys by {told['keys']}; "
    text += f"cipher by {told['why']}; framing {told['framing']}"
    text += (f"; {told['then']}" if told["then"] else "") + ".\n\n"
    rows = [["cipher", *(w.title for w in WRAPS)], ["---"] * (len(WRAPS) + 1)]
    for cipher in CIPHERS:
        row = [str(cipher)]
        for wrap in WRAPS:
            done = [str(f) for f in FAMILIES
                    if any((c.cipher, c.wrap, c.family) == (cipher, wrap, f) for c in mine)]
            row.append(" ".join(done) or "-")
        rows.append(row)
    return text + table(rows)


def refusal_rows(refusals):
    plain = [r for r in refusals if not r.cell]
    rows = [[r.title, r.why, HAPPENS[r.kind]] for r in plain]
    for wrap in dict.fromkeys(r.cell[1] for r in refusals if r.cell):
        mine = [r for r in refusals if r.cell and r.cell[1] == wrap]
        digests = "/".join(dict.fromkeys(r.cell[0].digest for r in mine))
        rows.append([f"{wrap.title} with CBC and {digests}: {len(mine)} cells", mine[0].why,
                     HAPPENS[mine[0].kind]])
    return table(rows)


def versions():
    out = subprocess.run(["openvpn", "--version"], capture_output=True, text=True, check=False)
    lines = out.stdout.splitlines()
    return (" ".join(lines[0].split()[:2]),
            " ".join(lines[1].replace("library versions: ", "").split(",")[0].split()[:2]))


def document(results, refusals, again):
    openvpn, openssl = versions()
    text = HEAD.format(openvpn=openvpn, openssl=openssl, cells=len(results), again=again,
                       refusals=len(refusals), date=datetime.date.today().isoformat())
    text += "".join(mode_section(m, results) for m in MODES)
    return text + REFUSED + refusal_rows(refusals)
