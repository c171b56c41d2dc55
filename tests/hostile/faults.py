#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Files that are none, and a kernel that fails: the native language's side.

    faults.py BPFILTER

What cannot be a ruleset is refused with status 1, a place, and no control
characters for the terminal; nothing has changed. Then one table is replaced by
others, at netfilter and XDP, while system calls fail or the process is killed
at them (strace): every ruleset of the test drops port 5001, and not one packet
for it may arrive; after each try the old or the new tables are there, whole,
as the exit status says; the next command works. In the end the namespace is
deleted with its chains attached, and nothing of it stays behind.
"""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

TOOL = os.path.realpath(sys.argv[1])
NS = "faults-%d" % os.getpid()
PINS = "/run/bpfilter"
DROPS = "udp dport 5001 counter drop;"
OLD = "flush ruleset\ntable inet old { set s { type ipv4_addr; elements = { 192.0.2.1 }; }; chain c { " \
      "type filter hook input priority 0; %s ip saddr @s drop; }; }\n" % DROPS
NEW = "flush ruleset\ntable inet new { chain c { type filter hook input priority 0; %s tcp dport 22 reject; log; }; }\n" \
      'table netdev new { chain c { type filter hook xdp device "lo"; %s }; }\n' % (DROPS, DROPS)
# SO_NETNS_COOKIE is 71.
COOKIE = "import socket, sys; print(int.from_bytes(socket.socket().getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder))"
failures = 0


def fail(what):
    global failures
    failures += 1
    print(what)


def run(*argv, stdin=None):
    return subprocess.run(["nsenter", "--net=/run/netns/" + NS, *argv], input=stdin, capture_output=True)


def load(text):
    return run(TOOL, "load", "-", stdin=text.encode())


def what_is_there():
    p = run(TOOL, "list")
    tables = re.findall(r"^table \w+ \w+", p.stdout.decode(), re.M) if p.returncode == 0 else p.stderr
    return {"table inet old": "old", "table inet new,table netdev new": "new"}.get(",".join(tables) if p.returncode == 0 else "", tables)


class Port:
    """5001 of the namespace; and what is sent there."""

    def __init__(self):
        # A child that joins the namespace answers: nobody else's threads change.
        code = ("import socket, sys\nr = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nr.bind(('127.0.0.1', 5001))\n"
                "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nr.settimeout(0.02)\n"
                "for line in sys.stdin:\n s.sendto(b'x', ('127.0.0.1', 5001))\n"
                " try:\n  r.recv(9)\n  print(1, flush=True)\n except TimeoutError:\n  print(0, flush=True)\n")
        self.p = subprocess.Popen(["nsenter", "--net=/run/netns/" + NS, sys.executable, "-c", code], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def lets_through(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        return self.p.stdout.readline() != "0\n"

    def close(self):
        self.p.stdin.close()
        self.p.wait()


def malformed(folder):
    loop = os.path.join(folder, "loop")
    texts = {
        "random bytes": bytes(os.urandom(200000)), "a NUL": b"table inet t {\0 chain c { }; }\n",
        "a NUL in a string": b'table inet t { chain c { accept comment "a\0b"; }; }\n',
        "10,000 braces": b"table inet t " + b"{ " * 10000,
        "10,000 braces, closed": b"table inet t { chain c { ip saddr " + b"{ " * 10000 + b"1.2.3.4" + b" }" * 10000 + b" accept; }; }\n",
        "parentheses": b"table inet t { chain c { meta mark " + b"(" * 100000 + b"1" + b")" * 100000 + b"; }; }\n",
        "a line of 10 MB": b"a" * 10000000, "a string of 10 MB": b'table inet t { chain c { accept comment "' + b"b" * 10000000 + b'"; }; }',
        "a file that includes itself": b'include "%s"\n' % loop.encode(), "a directory": b'include "/"\n',
        "a device": b'include "/dev/zero"\n', "escape sequences": b"table inet t { chain c { \x1b]0;title\x07 accept; }; }\n",
        "escape sequences in a string": b'"\x1b]0;title\x07"\n',
        "chains in a circle": b"table inet t { chain a { jump b; }; chain b { jump a; }; }\n",
    }
    with open(loop, "wb") as f:
        f.write(texts["a file that includes itself"])
    for name, text in texts.items():
        p = run(TOOL, "load", "-", stdin=text)
        if p.returncode != 1 or not re.search(rb":\d+:\d+: error: ", p.stderr):
            fail("%s: exit status %d: %s" % (name, p.returncode, p.stderr[:200]))
        if re.search(rb"[\0-\x08\x0b-\x1f]", p.stderr):
            fail("%s: control characters in the message" % name)
    if what_is_there() != "old":
        fail("something has changed by what is no ruleset: %s" % what_is_there())


def inject(port, call, how, step):
    """The calls fail one after the other, every step-th, until all of them went well."""
    tries = 0
    for n in range(1, 400, step):
        p = run("strace", "-f", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=%s:%s:when=%d" % (call, how, n),
                TOOL, "load", "-", stdin=NEW.encode())
        there, what = what_is_there(), "%s:%s at %d" % (call, how, n)
        tries += 1
        if there not in ("old", "new"):
            fail("%s: neither the old nor the new tables: %s" % (what, there))
        if "KILL" not in how and there != ("new" if p.returncode == 0 else "old"):
            fail("%s: exit status %d, but the %s tables are there: %s" % (what, p.returncode, there, p.stderr[:300]))
        if "KILL" not in how and p.returncode and not p.stderr:
            fail("%s: fails without a word" % what)
        if port.lets_through():
            fail("%s: a packet came through" % what)
        p2 = load(OLD)
        if p2.returncode:
            fail("%s: the next command fails: %s" % (what, p2.stderr[:300]))
        if port.lets_through():
            fail("%s: a packet came through after the next command" % what)
        if p.returncode == 0 and n > 40:
            break
    return tries


def main():
    with tempfile.TemporaryDirectory() as folder:
        p = load(OLD)
        if p.returncode:
            raise SystemExit("load: %s" % p.stderr.decode())
        malformed(folder)
    port = Port()
    try:
        tries = sum(inject(port, *x) for x in (("bpf", "error=ENOMEM", 9), ("bpf", "signal=KILL", 7), ("mkdir", "error=ENOSPC", 20),
                                               ("unlink", "error=EIO", 9), ("sendto", "error=ENOBUFS", 9), ("openat", "error=EMFILE", 13)))
    finally:
        port.close()
    load(NEW)
    pins = os.path.join(PINS, run(sys.executable, "-c", COOKIE).stdout.decode().strip())
    if not os.path.isdir(pins):
        fail("%s is not there" % pins)
    subprocess.run(["ip", "netns", "del", NS], check=True)
    for _ in range(100):  # the kernel takes its time
        if subprocess.run([TOOL, "collect"], capture_output=True).returncode or not os.path.exists(pins):
            break
        time.sleep(0.1)
    subprocess.run(["ip", "netns", "add", NS], check=True)
    if os.path.exists(pins):
        fail("what the deleted namespace had is still pinned")
    return tries


subprocess.run(["ip", "netns", "add", NS], check=True)
try:
    subprocess.run(["ip", "-n", NS, "link", "set", "lo", "up"], check=True)
    tried = main()
finally:
    run(TOOL, "flush", "ruleset")
    subprocess.run(["ip", "netns", "del", NS])
print("%d tries, %d failures" % (tried, failures))
sys.exit(failures != 0)
