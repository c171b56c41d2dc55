#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts results: prints "PASSED FAILED SKIPPED" for one suite.

    tally.py meson LOG.json strict|lenient    a `meson test` run; strict: a skipped test has failed
    tally.py script LOG EXITSTATUS            a script whose last line is "N passed, N failed, N skipped"

A meson test that prints such a line itself counts with those numbers, any other
as one. A run that left no result at all is one failure: silence is not success.
"""
import json
import re
import sys

LINE = re.compile(r"(?:^|\n)(\d+) passed, (\d+) failed, (\d+) skipped\s*$")


def own_count(text):
    m = LINE.search(text.rstrip("\n") + "\n")
    return [int(x) for x in m.groups()] if m else None


def meson_test(test):
    result = test["result"]
    count = own_count(test.get("stdout", ""))
    if result in ("OK", "EXPECTEDFAIL"):
        return count or [1, 0, 0]
    if result == "SKIP":
        return [0, 0, 1]
    return count if count and count[1] else [0, 1, 0]


def meson(path, mode):
    total = [0, 0, 0]
    try:
        with open(path) as f:
            tests = [json.loads(line) for line in f]
    except FileNotFoundError:
        return [0, 1, 0]
    for test in tests:
        total = [a + b for a, b in zip(total, meson_test(test))]
    if mode == "strict":
        total = [total[0], total[1] + total[2], 0]
    return total


def script(path, status):
    with open(path, errors="replace") as f:
        count = own_count(f.read())
    if count is None:
        return [0, 1, 0]
    if status != "0" and count[1] == 0:
        count[1] = 1
    return count


if __name__ == "__main__":
    kind, path, mode = sys.argv[1:4]
    print(*(meson if kind == "meson" else script)(path, mode))
