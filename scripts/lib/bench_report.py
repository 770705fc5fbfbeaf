#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026, The Sluice authors
"""bench_report.py LINES COMMIT [FILE]: results, one JSON object per line, as a table; as JSON to FILE."""

import json
import os
import sys


def machine():
    """What the figures depend on."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        info = dict(map(str.strip, line.split(":", 1)) for line in f if ":" in line)
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = dict(map(str.strip, line.split(":", 1)) for line in f)
    return {
        "cpu": info.get("model name", "unknown"),
        "cpus": os.cpu_count(),
        "cache": info.get("cache size", "unknown"),
        "memory_kb": int(memory["MemTotal"].split()[0]),
        "kernel": os.uname().release,
    }


def case_text(case):
    """The values, with their names where a value alone says nothing."""
    return " ".join(
        str(v) if isinstance(v, str) and k != "size" and k != "csum" else f"{k}={v}"
        for k, v in case.items()
    )


def table(results):
    """Prints a line for each result."""
    rows = [("", "case", "median", "min", "reference", "ratio", "goal")]
    for r in results:
        goal = ""
        if "goal" in r:
            goal = f"<= {r['goal']:.0f} {'met' if r['met'] else 'MISSED'}"
        rows.append(
            (
                r["bench"],
                case_text(r["case"]),
                f"{r['median']:.1f} {r['unit']}",
                f"{r['min']:.1f}",
                f"{r['ref']['median']:.1f} {r['ref']['name']}",
                f"{r['ratio']:.2f}",
                goal,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def main():
    """See above."""
    with open(sys.argv[1], encoding="utf-8") as f:
        results = [json.loads(line) for line in f]
    table(results)
    if len(sys.argv) > 3:
        report = {"machine": machine(), "commit": sys.argv[2], "results": results}
        with open(sys.argv[3], "w", encoding="utf-8") as f:
            json.dump(report, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
