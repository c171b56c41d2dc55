#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts results: prints "PASSED FAILED SKIPPED" for one suite.

    tally.py meson LOG.json strict|lenient [AGAIN.json]
                                    a `meson test` run, and the second try of what failed; strict: a skipped test has failed
    tally.py script LOG EXITSTATUS  a script whose last line is "N passed, N failed, N skipped"

    tally.py failed LOG.json        prints the names of the tests that failed instead

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


def results(path):
    try:
        with open(path) as f:
            return {t["name"]: t for t in map(json.loads, f)}
    except FileNotFoundError:
        return {}


def failed(path):
    return [name for name, t in results(path).items() if meson_test(t)[1]]


def meson(path, mode, again=""):
    tests = results(path)
    if not tests:
        return [0, 1, 0]
    tests.update(results(again))
    total = [sum(column) for column in zip(*map(meson_test, tests.values()))]
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
    kind, args = sys.argv[1], sys.argv[2:]
    if kind == "failed":
        print(*(name.rsplit(" / ", 1)[-1] for name in failed(*args)))
    else:
        print(*(meson if kind == "meson" else script)(*args))
