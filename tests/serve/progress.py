#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A large table on a terminal: the bar, ^C.

    progress.py RULES RULES-FILE COMMAND...     in a network namespace; COMMAND reads a ruleset from standard input

COMMAND runs on a pseudo-terminal, as a shell would start it. ^C at several moments after the bar has come: it dies of
SIGINT within a second, and no rule of the file is in place. Then once until the end: the bar comes, grows, and goes. And
once with its standard error elsewhere: no bar.
"""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

BAR = re.compile(rb"\r(waiting|reading|compiling|loading) +\[#*\.*\] +([0-9]+) %\x1b\[K")
failed = 0


def check(name, ok, *more):
    global failed
    print("%s %s %s" % ("ok" if ok else "NOT OK", name, " ".join(repr(x) for x in more) if not ok else ""))
    failed += not ok


def leader(terminal):
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def run(rules, command, keys=None, elsewhere=False):
    """keys(output so far) -> bytes to type; returns what the terminal showed, standard error when it was elsewhere, wait status, seconds since the key."""
    master, slave = pty.openpty()
    out, typed = b"", None
    p = subprocess.Popen(command, stdin=open(rules), stdout=slave, stderr=subprocess.PIPE if elsewhere else slave,
                         env=dict(os.environ, TERM="vt100"), preexec_fn=lambda: leader(slave))
    os.close(slave)
    while True:
        try:
            if select.select([master], [], [], 0.005)[0]:
                out += os.read(master, 65536)
            elif p.poll() is not None:
                break
        except OSError:  # the last descriptor of the other side was closed
            break
        key = keys(out) if keys and typed is None else None
        if key:
            typed = time.monotonic()
            os.write(master, key)
    status = p.wait()
    took = time.monotonic() - typed if typed else None
    err = p.stderr.read() if elsewhere else b""
    os.close(master)
    return out, err, status, took


def count(save):
    return sum(line.startswith("-A") for line in subprocess.run(save, capture_output=True, text=True).stdout.splitlines())


def main():
    n, rules, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    save = [command[0], command[1].replace("-restore", "-save")]

    for percent in (1, 60):
        def at(out):
            done = [int(p) for stage, p in BAR.findall(out) if stage == b"compiling"]
            return b"\x03" if done and done[-1] >= percent else None
        out, _, status, took = run(rules, command, at)
        check("^C when %d %% were compiled: dies of it" % percent, status == -signal.SIGINT, status, out[-200:])
        check("... at once", took is not None and took < 1, took)
        check("... nothing has changed", count(save) == 1, count(save))
    out, _, status, _ = run(rules, command)
    shown = [(stage, int(p)) for stage, p in BAR.findall(out)]
    check("a bar on a terminal", len(shown) > 3 and status == 0, shown, status, out[-200:])
    for stage in set(s for s, _ in shown):
        of = [p for s, p in shown if s == stage]
        check("... that grows: %s" % stage.decode(), of == sorted(of), of)
    check("... and goes", out.endswith(b"\r\x1b[K"), out[-100:])
    check("... and the rules are there", count(save) == n, count(save))
    subprocess.run([command[0], command[1].replace("-restore", ""), "-F"], check=True)
    out, err, status, _ = run(rules, command, elsewhere=True)
    check("no bar where it is no terminal", status == 0 and not BAR.search(out + err), status, out, err)
    return failed != 0


sys.exit(main())
