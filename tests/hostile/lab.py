# SPDX-License-Identifier: GPL-2.0-only
"""What the hostile suites share: namespaces of their own, our programs, results."""
import os
import random
import signal
import subprocess
import sys
import time

TAG = "bfh%d" % os.getpid()
NATIVE = "/usr/sbin/xtables-legacy-multi"
PINS = "/run/bpfilter"


class Lab:
    """One network namespace, and what is run inside it."""

    made = []

    def __init__(self, build, name):
        self.build, self.name = os.path.realpath(build), TAG + "-" + name
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        Lab.made.append(self)
        self.started = []
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        subprocess.run(["ip", "-n", self.name] + list(args), check=True)

    def inside(self, *args):
        return ["nsenter", "--net=/run/netns/" + self.name] + [str(a) for a in args]

    def run(self, *args, stdin=None, **more):
        return subprocess.run(self.inside(*args), input=stdin, capture_output=True, text=True, errors="replace", **more)

    def start(self, *args, **more):
        child = subprocess.Popen(self.inside(*args), **more)
        self.started.append(child)
        return child

    def bpfilter(self, *args, **more):
        return self.run(os.path.join(self.build, "cli", "bpfilter"), *args, **more)

    def tool(self, name):
        """"iptables", "ip6tables-save", ...: ours"""
        word, _, rest = name.partition("-")
        return [os.path.join(self.build, "iptables", "xtables-bpf-multi"), word + "-bpf" + (rest and "-" + rest)]

    def iptables(self, *args, **more):
        return self.run(*self.tool("iptables"), *args, **more)

    def ip6tables(self, *args, **more):
        return self.run(*self.tool("ip6tables"), *args, **more)

    def restore(self, text, *args, family=4):
        return self.run(*self.tool("ip6tables-restore" if family == 6 else "iptables-restore"), *args, stdin=text)

    def rules(self, family=4):
        """What -S prints; None when it fails."""
        p = self.ip6tables("-S") if family == 6 else self.iptables("-S")
        return None if p.returncode else p.stdout.splitlines()

    def cookie(self):
        return self.run("python3", "-c", "import socket, struct; s = socket.socket(); "
                        "print(struct.unpack('Q', s.getsockopt(1, 71, 8))[0])").stdout.strip()

    def pins(self, cookie):
        """Files below the namespace's directory, relative."""
        top = os.path.join(PINS, cookie)
        return sorted(os.path.relpath(os.path.join(d, f), top) for d, _, files in os.walk(top) for f in files)

    def remove(self):
        for child in self.started:
            child.kill()
            child.wait()
        self.bpfilter("flush")
        subprocess.run(["ip", "netns", "del", self.name])


passed = failed = 0


def check(name, good, *details):
    global passed, failed
    if good:
        passed += 1
        print("ok       " + name, flush=True)
        return True
    failed += 1
    print("NOT OK   " + name, flush=True)
    for d in details:
        for line in str(d).splitlines()[:40]:
            print("         | " + line)
    return False


def seed(argument=None):
    n = int(argument) if argument else random.randrange(1 << 30)
    random.seed(n)
    print("random seed %d" % n)


def nap(seconds):
    """time.sleep, but exact for microseconds."""
    end = time.perf_counter() + seconds
    if seconds > 0.0005:
        time.sleep(seconds - 0.0003)
    while time.perf_counter() < end:
        pass


def main(tests, arguments, wanted=()):
    """Runs each test(*arguments), or only those named, and cleans up behind them however they end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for t in tests:
            if not wanted or t.__name__ in wanted:
                t(*arguments)
    finally:
        for lab in Lab.made:
            lab.remove()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(0 if passed and not failed else 1)
