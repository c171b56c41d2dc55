#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""kill -9 at any system call of every verb that changes rules.

    verbs.py BUILD [STEP [SEED]]

Before and behind each verb the rules drop port 5001 (but behind `flush`). Killed
at the n-th of its system calls (strace), there are the rules from before or
those that were to come, whole, and no packet for 5001 came through; the next
command works. Every STEP-th call is tried, from a random one on.
"""
import os
import random
import shutil
import subprocess
import sys
import time

from lab import Lab, check, seed
import lab

DROP = "udp dport 5001 counter drop;"
OLD = "table inet t { set s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.9 }; }; set d { type ipv4_addr; size 99; flags dynamic; }; " \
      "chain c { type filter hook input priority 0; %s ip saddr @s drop; tcp dport 7 add @d { ip saddr }; }; }\n" % DROP
NEW = "table inet u { chain c { type filter hook input priority 0; %s tcp dport 22 reject; log; }; }\n" % DROP
NFT = "table inet k { chain c { type filter hook input priority 0; udp dport 5001 counter drop; }; }\n"
SENDER = ("import socket, sys\nr = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nr.bind(('127.0.0.1', 5001))\n"
          "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nr.setblocking(False)\nn = 0\n"
          "import select\nprint('up', flush=True)\n"
          "while not select.select([sys.stdin], [], [], 0.0005)[0]:\n s.sendto(b'x', ('127.0.0.1', 5001))\n"
          " try:\n  r.recv(9)\n  n += 1\n except BlockingIOError:\n  pass\nprint(n, flush=True)\n")


class Sweep(Lab):
    def __init__(self, build):
        super().__init__(build, "v")
        self.bf = os.path.join(self.build, "cli", "bpfilter")
        self.folder = "/run/%s" % self.name
        os.mkdir(self.folder)

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def state(self):
        """All rules without counters, ours and nft's."""
        p = self.bpfilter("list", "-a")
        nft = self.run("nft", "-s", "list", "ruleset").stdout
        tables = [t for t in nft.split("table ")[1:] if not t.split()[1].startswith("bpfilter")]
        return (p.stdout if p.returncode == 0 else "cannot list: " + p.stderr) + "".join(tables)

    def fresh(self, setup):
        self.bpfilter("flush")
        self.run("nft", "flush", "ruleset")
        setup()

    def fresh_but_kept(self, setup):
        """What drops 5001 meanwhile goes last."""
        self.bpfilter("add", "table", "inet", "keep", "{ chain c { type filter hook input priority -5; %s }; }" % DROP)
        for line in self.bpfilter("list", "tables").stdout.splitlines():
            if line.split()[2] != "keep":
                self.bpfilter("delete", *line.split())
        self.run("nft", "flush", "ruleset")
        setup()
        self.bpfilter("delete", "table", "inet", "keep")

    def flood(self):
        p = self.start(sys.executable, "-c", SENDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        return p

    def killed_at(self, call, verb):
        return self.run("strace", "-o", "/dev/null", "-e", "inject=%s:signal=KILL:when=%d" % call, *verb).returncode

    def calls(self, verb):
        """The verb's system calls: name, and which of that name it is, for strace counts each name by itself."""
        out, found, seen = os.path.join(self.folder, "calls"), [], {}
        self.run("strace", "-o", out, *verb)
        with open(out) as f:
            for name in (line.split("(")[0] for line in f if "(" in line and line[0].isalpha()):
                seen[name] = seen.get(name, 0) + 1
                found.append((name, seen[name]))
        return found[1:]  # without its execve


def forms(text):
    """Handles of what is made anew may be others."""
    return "\n".join(line.split(" # handle")[0] for line in text.splitlines())


def sweep(s, name, setup, verb, step, drops=True, settle=0, both=False):
    """both: it may also have come to be beside what was there."""
    s.fresh(setup)
    before = forms(s.state())
    calls = s.calls(verb)
    time.sleep(settle)
    after = forms(s.state())
    wrong, tried, killed, came = [], 0, 0, {before: 0, after: 0}
    if both:
        came[after + "\n" + before] = 0
    s.fresh(setup)
    flood = s.flood()
    for n in range(random.randrange(step), len(calls), step):
        killed += s.killed_at(calls[n], verb) in (-9, 137)
        tried += 1
        time.sleep(settle)
        now = forms(s.state())
        for _ in range(100 if settle else 0):
            if now == after:
                break
            time.sleep(0.05)
            now = forms(s.state())
        if now not in came:
            wrong.append("killed at %s %d: neither as before nor as it was to be:\n%s" % (*calls[n], now))
        came[now] = came.get(now, 0) + 1
        p = s.bpfilter("add", "table", "ip", "x")
        if p.returncode:
            wrong.append("killed at %s %d: the next command: %s" % (*calls[n], p.stderr))
        s.bpfilter("delete", "table", "ip", "x")
        if now != before:
            (s.fresh_but_kept if drops else s.fresh)(setup)
    time.sleep(settle)
    flood.stdin.write("\n")
    got = int(flood.communicate()[0])
    check("%s: %d kills in %d calls: %d times as before, %d times done" % (name, killed, len(calls), came[before], came[after]),
          not wrong and killed > 3 and killed > tried * 0.2, *wrong[:4])
    if drops:
        check("%s: nothing came through" % name, not got, "%d packets" % got)


def leftovers(s, step):
    """What a killed writer noted of a limit is not that of the next one, which has the same handle."""
    send = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor _ in range(20):\n s.sendto(b'x', ('127.0.0.1', 5002))\n"
    text = OLD.replace("tcp dport 7 add", "limit rate 5/second; tcp dport 7 add")
    add = [s.bf, "add", "rule", "inet", "t", "c", "udp", "dport", "5002", "limit", "rate"]
    setup = lambda: s.run(s.bf, "load", "-", stdin=text)
    s.fresh(setup)
    before, wrong, tried = forms(s.state()), [], 0
    slow = add + ["1/hour", "burst", "1", "packets"]
    calls = s.calls(slow)
    for n in range(len(calls) - 1 - random.randrange(step), 0, -step):
        s.fresh(setup)
        s.killed_at(calls[n], slow)
        if forms(s.state()) != before:
            continue
        tried += 1
        s.run(*add, "1000/second", "burst", "100", "packets", "counter")
        s.run(sys.executable, "-c", send)
        if "counter packets 20 " not in s.bpfilter("list", "-c").stdout:
            wrong.append("killed at %s %d:\n%s" % (*calls[n], s.bpfilter("list", "-c").stdout))
    check("add rule with a limit: %d kills, the next limit is its own" % tried, tried > 3 and not wrong, *wrong[:2])


def large():
    """A table that is changed in place, and whose programs know nothing of REJECT."""
    rules = "".join("-A INPUT -s 10.%d.%d.1 -p udp --dport 7 -j ACCEPT\n" % (i // 250, i % 250) for i in range(4000))
    return "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p udp --dport 5001 -j DROP\n%sCOMMIT\n" % rules


def main(build, step="41", seed_of=None):
    seed(seed_of)
    s, step = Sweep(build), int(step)
    try:
        old = s.file("old", OLD)
        new = s.file("new", NEW)
        kernel = s.file("kernel", NFT)

        def load():
            p = s.bpfilter("load", old)
            if p.returncode:
                raise SystemExit(p.stderr)

        load()
        s.bpfilter("load", "-r", new)
        saved = s.file("saved", s.bpfilter("save").stdout)
        sweep(s, "restore", load, [s.bf, "restore", saved], step)
        sweep(s, "load -r", load, [s.bf, "load", "-r", new], step)
        sweep(s, "add element", load, [s.bf, "add", "element", "inet", "t", "s", "{ 192.0.2.5 }"], max(step // 4, 1))
        sweep(s, "delete element", load, [s.bf, "delete", "element", "inet", "t", "s", "{ 192.0.2.9 }"], max(step // 4, 1))
        sweep(s, "add rule", load, [s.bf, "add", "rule", "inet", "t", "c", "tcp", "dport", "9", "drop"], max(step // 4, 1))
        leftovers(s, max(step // 4, 1))
        table = large()
        sweep(s, "iptables, the first REJECT", lambda: s.restore(table), s.tool("iptables") + ["-A", "INPUT", "-s", "192.0.2.9", "-j", "REJECT"], step)
        sweep(s, "flush", load, [s.bf, "flush"], step, drops=False)
        sweep(s, "confirm", load, [s.bf, "confirm", "1", "add", "rule", "inet", "t", "c", "tcp", "dport", "9", "drop"], 2 * step, settle=2)
        sweep(s, "import -n", lambda: s.run("nft", "-f", kernel), [s.bf, "import", "-n"], 2 * step, both=True)
    finally:
        shutil.rmtree(s.folder)


lab.main([main], sys.argv[1:])
