#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""kill -9 at any microsecond of a change, under a flood of packets.

    killed.py BUILD FLOOD [KILLS [SEED]]

Every ruleset that is ever put in place drops what goes to the ports 9000
(IPv4) and 9001 (IPv6), and lets 9002 and 9003 pass; the rest changes: rules
that need a companion in nf_tables or not, no rules but these, another family.
Not one packet may arrive where it must not, nor be lost where it must arrive;
after every kill the table is one of the two between which the killed command
was at work, and the next command works. At the end nothing is left behind.
"""
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from lab import Lab, check, nap, seed
import lab

DROP = {4: 9000, 6: 9001}
PASS = {4: 9002, 6: 9003}

BODIES = [
    "",
    "-A INPUT -s {a} -j DROP\n",
    "-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n",
    "-A INPUT -p udp --dport 7 -j LOG --log-prefix x\n-A INPUT -p udp --dport 7 -j REJECT\n",
    "-A OUTPUT -m conntrack --ctstate INVALID -p tcp --dport 1 -j DROP\n",
    "-A INPUT -m addrtype --src-type LOCAL --dst-type ANYCAST -j DROP\n",
    "-A FORWARD -j REJECT\n-A OUTPUT -d {a} -j REJECT\n",
    # Programs of the same bytes over other data: what is changed next is then filled in, not loaded.
    "-A INPUT -s {a} -m comment --comment x -j DROP\n" * 300,
    "-A INPUT -d {a} -m comment --comment y -j ACCEPT\n" + "-A INPUT -s {a} -m comment --comment y -j DROP\n" * 301,
]


def ruleset(family, i):
    address = "10.77.0.1" if family == 4 else "fd77::1"
    text = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
    text += "-A INPUT -p udp -m udp --dport %d -j DROP\n" % DROP[family]
    text += BODIES[i].format(a=address)
    return text + "COMMIT\n"


def plain(lab_, family):
    name = "ip6tables-save" if family == 6 else "iptables-save"
    p = lab_.run(*lab_.tool(name), "-t", "filter")
    if p.returncode or p.stderr:
        return "save failed: %d %s" % (p.returncode, p.stderr)
    return "\n".join(line.split(" [")[0] for line in p.stdout.splitlines() if not line.startswith("#"))


def descendants(pid):
    found = [pid]
    try:
        for child in open("/proc/%d/task/%d/children" % (pid, pid)).read().split():
            found += descendants(int(child))
    except OSError:
        pass
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Sweep:
    def __init__(self, build, flood):
        self.lab = Lab(build, "k")
        self.cookie = self.lab.cookie()
        self.known = {}
        self.usual = {}
        self.at = {4: 0, 6: 0}
        self.took = 0.02
        for family in (4, 6):
            for i in range(len(BODIES)):
                start = time.perf_counter()
                p = self.lab.restore(ruleset(family, i), family=family)
                self.took = 0.8 * self.took + 0.2 * (time.perf_counter() - start)
                if p.returncode:
                    raise SystemExit("ruleset %d: %s" % (i, p.stderr))
                self.known[family, i] = plain(self.lab, family)
            self.at[family] = i
        self.flood = self.lab.start(flood, *DROP.values(), *PASS.values(), stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        self.flood.stdout.readline()

    def kill_one(self):
        family, to = random.choice((4, 6)), random.randrange(len(BODIES))
        text = tempfile.TemporaryFile("w+")
        text.write(ruleset(family, to))
        text.seek(0)
        p = self.lab.start(*self.lab.tool("ip6tables-restore" if family == 6 else "iptables-restore"),
                           stdin=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        nap(random.random() * self.took * 1.3)
        kill(random.choice(descendants(p.pid)))
        p.wait(timeout=60)
        return family, to

    def round(self):
        family, to = self.kill_one()
        now = plain(self.lab, family)
        if now == self.known[family, to]:
            self.at[family] = to
        elif now != self.known[family, self.at[family]]:
            return "neither %d nor %d:\n%s" % (self.at[family], to, now)
        return None

    def end(self):
        self.flood.stdin.close()
        return {int(p): (int(s), int(r)) for p, s, r in (line.split() for line in self.flood.stdout)}


def leftovers(sweep):
    """One table of nf_tables for each family that has one, one slot, no more links than hooks and backstops."""
    found = []
    tables = re.findall(r"^table (\S+) (\S+)", sweep.lab.run("nft", "list", "tables").stdout, re.M)
    if len(tables) != len({t[0] for t in tables}):
        found.append("nf_tables: %s" % tables)
    slots = {f.split("/")[0] for f in sweep.lab.pins(sweep.cookie) if f[0] in "01"}
    if len(slots) != 1:
        found.append("slots: %s" % slots)
    return found


def killed_early(build, times):
    """The supervisor's child dies around its exec: the supervisor ends as it did. How many do not end."""
    stuck = 0
    for i in range(times):
        p = subprocess.Popen([os.path.join(build, "iptables", "xtables-bpf-multi"), "iptables-bpf", "-V"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while p.poll() is None and len(descendants(p.pid)) < 2:
            pass
        nap(random.random() * 0.0004)
        for pid in descendants(p.pid)[1:]:
            kill(pid)
        try:
            p.wait(timeout=5)
        except subprocess.TimeoutExpired:
            stuck += 1
            p.kill()
            p.wait()
    return stuck


def early(build, *_):
    stuck = killed_early(build, 40)
    check("a command killed around its start ends its supervisor", not stuck, "%d of 40 hang" % stuck)


def next_commands(sweep, wrong, kill):
    """A command that is not killed cleans up behind those that were."""
    for family in (4, 6):
        to = random.randrange(len(BODIES))
        p = sweep.lab.restore(ruleset(family, to), family=family)
        if p.returncode or p.stderr:
            wrong.append("next command after kill %d: %d %s" % (kill, p.returncode, p.stderr))
        else:
            sweep.at[family] = to
    wrong += ["after kill %d: %s" % (kill, x) for x in leftovers(sweep)]


def sweeping(build, flood, kills="150", seed_of=None):
    seed(seed_of)
    sweep = Sweep(build, flood)
    wrong = []
    for i in range(int(kills)):
        bad = sweep.round()
        if bad:
            wrong.append("kill %d: %s" % (i, bad))
        if i % 10 == 9:
            next_commands(sweep, wrong, i)
    result = sweep.end()
    check("%s kills: always the old rules or the new, and the next command works" % kills, not wrong, *wrong[:5])
    for port in DROP.values():
        sent, got = result[port]
        check("port %d: none of %d packets came through" % (port, sent), sent > 1000 and not got, result)
    for port in PASS.values():
        sent, got = result[port]
        check("port %d: all %d packets came through" % (port, sent), sent > 1000 and got == sent, result)
    sweep.lab.bpfilter("flush")
    check("flush leaves no pins", not os.path.exists(os.path.join(lab.PINS, sweep.cookie)), sweep.lab.pins(sweep.cookie))
    tables = sweep.lab.run("nft", "list", "tables").stdout
    check("flush leaves no table in nf_tables", not tables, tables)


lab.main([early, sweeping], sys.argv[1:])
