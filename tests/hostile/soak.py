#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sets of ranges with timeouts, under a flood, while elements come and go and whoever changes them is killed.

    soak.py BUILD FLOOD [SECONDS [SEED]]

  port   5000 ... 5011     5012, 5013        5020, 5021     5014-5019, 5022-5099
         in a range for    in one that is    never in       in ranges that come, expire, are
         all the time      told anew         any set        deleted, or half there

Not one packet to the first two may come through, none to the third may be lost: each is counted by the rule behind
the sets, each of the first by its element. The listing always has what must be there, and nothing that must not be.
Even ports are IPv4's, odd ones IPv6's. Each rule changes nothing that the next command could trip over.

Then one process adds and deletes elements as fast as it can, on the processor that sends: where the kernel is
preemptible (preempt=full) it comes in between while a packet goes through the set.
"""
import os
import random
import re
import subprocess
import sys
import time

from lab import Lab, check, nap, seed
import lab

ALWAYS, AGAIN, NEVER, CHURN = (5000, 5001, 5002, 5003, 5010, 5011), (5012, 5013), (5020, 5021), (5030, 5031)
ZONES = ((5014, 5019), (5022, 5099))
RULES = """table inet soak {
	set ports { type inet_service; flags interval, timeout; counter; elements = { 5000-5001, 5002-5011, 5012-5013 timeout 1h }; }
	set pairs { type ipv4_addr . inet_service; flags interval, timeout; elements = { 127.0.0.0/30 . 5040-5045 }; }
	chain in {
		type filter hook input priority 0;
		udp dport @ports counter drop
		ip daddr . udp dport @pairs counter drop
		udp dport { 5040, 5041 } counter comment "pairs failed"
		udp dport 5020 counter
		udp dport 5021 counter
	}
}
"""


WRITER = r"""
import ctypes, random, sys, time
b = ctypes.CDLL(sys.argv[1])
b.bf_ctx_new.restype = ctypes.c_void_p
c, end, n = ctypes.c_void_p(b.bf_ctx_new()), time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    lo = random.randrange(6000, 60000)
    for verb, more in ("add", " timeout 1h"), ("destroy", ""):
        t = b"%s element inet soak ports { %d-%d%s }" % (verb.encode(), lo, lo + 3, more.encode())
        n += not b.bf_native_run(c, b"x", t, len(t), 0, None)
print(n)
"""


class Soak(Lab):
    def __init__(self, build, name="s", hook="input"):
        super().__init__(build, name)
        self.bf = os.path.join(self.build, "cli", "bpfilter")
        p = self.bpfilter("load", "-", stdin=RULES.replace("hook input", "hook " + hook))
        if p.returncode:
            raise SystemExit(p.stderr)
        self.took = 0.02

    def verb(self):
        """One change that must leave alone what the checks look at."""
        what = random.randrange(10)
        if what < 4:
            zone = random.choice(ZONES)
            lo, hi = sorted(random.randint(*zone) for _ in "ab")
            return self.element("add", "ports", "%d-%d timeout %dms" % (lo, hi, random.choice((50, 300, 2000))))
        if what < 6:
            lo = random.randrange(5022, 5099)
            return self.element("destroy", "ports", "%d-%d" % (lo, lo + random.randrange(5)))
        if what == 6:
            return self.element("add", "ports", "5012-5013 timeout %dh" % random.randrange(1, 9))
        if what == 7:
            return self.element("add", "pairs", "127.%d.0.0/%d . %d-%d timeout 1s" % (
                random.randrange(1, 99), random.randrange(16, 33), *sorted(random.randrange(65536) for _ in "ab")))
        if what == 8:
            return ["add", "rule", "inet", "soak", "in", "tcp dport %d ip saddr 192.0.2.%d counter" % (
                random.randrange(65536), random.randrange(256))]
        return ["add", "table", "inet", "t%d" % random.randrange(3), "{ set s { type ipv4_addr; flags interval, timeout; }; "
                "chain c { type filter hook input priority %d; ip saddr @s drop; }; }" % random.randrange(-5, 5)]

    def element(self, verb, name, text):
        return [verb, "element", "inet", "soak", name, "{ %s }" % text]

    def killed(self, verb):
        start = time.perf_counter()
        if random.random() < 0.2:
            self.run("strace", "-f", "-o", "/dev/null", "-e", "inject=bpf:signal=KILL:when=%d" % random.randrange(1, 60), self.bf, *verb)
            return
        p = self.start(self.bf, *verb, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if random.random() < 0.5:
            nap(random.random() * self.took * 1.3)
            p.kill()
        else:
            p.wait()
            self.took = 0.9 * self.took + 0.1 * (time.perf_counter() - start)
        p.wait()
        self.started.remove(p)

    def ports(self):
        """Ranges of the set as it is listed, with the number of what each counted; None: not to be had."""
        p = self.bpfilter("list", "set", "inet", "soak", "ports")
        if p.returncode:
            return None
        return [(int(a), int(b or a)) for a, b in re.findall(r"[{,\s](50\d\d)(?:-(\d+))?", p.stdout)]

    def mistakes(self):
        found = self.ports()
        if found is None:
            return ["it cannot be listed"]
        return ["%d is %s" % (port, "there" if port in NEVER else "not there") for port in ALWAYS + AGAIN + NEVER
                if any(a <= port <= b for a, b in found) == (port in NEVER)]

    def counted(self, pattern):
        return [int(n) for n in re.findall(pattern + r".*?counter packets (\d+)", self.bpfilter("list", "-c", "table", "inet", "soak").stdout)]

    def tidy(self):
        """Rules and tables that came; nothing of it is killed."""
        wrong = []
        text = self.bpfilter("list", "-a", "table", "inet", "soak").stdout
        for handle in re.findall(r"tcp dport.*# handle (\d+)", text):
            wrong.append(self.bpfilter("delete", "rule", "inet", "soak", "in", "handle", handle).stderr)
        for name in re.findall(r"inet (t\d)", self.bpfilter("list", "tables").stdout):
            wrong.append(self.bpfilter("delete", "table", "inet", name).stderr)
        return [w for w in wrong if w]

    def records(self):
        """What lies in the hashes, by their names."""
        found, cookie = {}, self.cookie()
        for f in self.pins(cookie):
            if "map-set" in f:
                p = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", os.path.join(lab.PINS, cookie, f)], capture_output=True, text=True)
                found[f.split("/", 1)[1]] = p.stdout.count('"key"')
        return found


def soak(build, flood, seconds="20", seed_of=None):
    seed(seed_of)
    s, wrong, rounds = Soak(build), [], 0
    before = s.records()
    lanes = ALWAYS + AGAIN + NEVER + CHURN + (5040, 5042)
    f = s.start(flood, *lanes, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    f.stdout.readline()
    end = time.monotonic() + int(seconds)
    while time.monotonic() < end and len(wrong) < 5:
        s.killed(s.verb())
        rounds += 1
        if not rounds % 5:
            wrong += ["round %d: %s" % (rounds, m) for m in s.mistakes()]
        if not rounds % 40:
            wrong += ["round %d: %s" % (rounds, m) for m in s.tidy()]
    f.stdin.close()
    result = {int(p): (int(a), int(b)) for p, a, b in (line.split() for line in f.stdout)}
    print("%d rounds, %d packets" % (rounds, sum(a for a, _ in result.values())))
    check("what is listed is true, and the next command works", not wrong, *wrong)
    for port in ALWAYS + AGAIN + (5040, 5042):
        check("port %d: none of %d packets came through" % (port, result[port][0]), result[port][0] > 1000 and not result[port][1], result[port])
    for port in NEVER:
        behind = s.counted("udp dport %d" % port)
        check("port %d: all %d packets came through" % (port, result[port][0]), behind == [result[port][0]], behind, result[port])
    check("no pair was missed", s.counted(r"udp dport \{ 5040") == [0], s.counted(r"udp dport \{ 5040"))
    for low, ports in (("5000-5001", (5000, 5001)), ("5002-5011", (5002, 5003, 5010, 5011))):
        sent = sum(result[p][0] for p in ports)
        check("%s counted each of %d packets" % (low, sent), s.counted(low) == [sent], s.counted(low))
    wrong = s.tidy()
    time.sleep(2.1)
    s.bpfilter("list")
    check("nothing is left of what expired", not wrong and s.records() == before, wrong, s.records(), before, s.ports())


def in_between(build, flood, seconds="20", *_):
    s, lanes = Soak(build, "w", "output"), (5000, 5002, 5006, 5040)
    f = s.start("taskset", "-c", "0", flood, *lanes, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    f.stdout.readline()
    p = s.run("taskset", "-c", "0", sys.executable, "-c", WRITER, os.path.join(s.build, "src", "libbpfilter.so"), seconds)
    f.stdin.close()
    came = {line.strip() for line in f.stdout if not line.endswith(" 0\n")}
    check("%s elements come and go on the same processor: nothing came through" % p.stdout.strip(),
          p.returncode == 0 and int(p.stdout) > 100 and not came, p.stderr, came)


if __name__ == "__main__":
    lab.main([soak, in_between], sys.argv[1:])
