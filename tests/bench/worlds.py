# SPDX-License-Identifier: GPL-2.0-only
"""A namespace for each engine, and how that engine loads, appends and deletes rules there."""
import contextlib
import ctypes
import os
import subprocess
import tempfile
import time

import shapes

CLONE_NEWNET = 0x40000000
LEGACY = "/usr/sbin/xtables-legacy-multi"
libc = ctypes.CDLL(None, use_errno=True)

LINKS = """
link set lo up
link add in0 type veth peer name out0
link set in0 up
link set out0 up
addr add %s/24 dev in0
neigh add 10.77.0.2 lladdr 02:02:02:02:02:02 dev in0 nud permanent
route add default via 10.77.0.2 dev in0
""" % shapes.DADDR

SYSCTLS = {"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/in0/rp_filter": 0, "net/ipv6/conf/all/disable_ipv6": 1}


@contextlib.contextmanager
def put_trace(entries):
    with tempfile.NamedTemporaryFile(prefix="bpfilter-bench.") as f:
        f.write(entries)
        f.flush()
        yield f.name


class World:
    all = []

    def __init__(self, name):
        self.name, self.ns = name, "bfb%d-%s" % (os.getpid(), name)
        self._run("ip", "netns", "add", self.ns)
        World.all.append(self)
        self.fd = os.open("/run/netns/" + self.ns, os.O_RDONLY | os.O_CLOEXEC)
        self._run("ip", "-n", self.ns, "-batch", "-", stdin=LINKS)
        for path, value in SYSCTLS.items():
            self.sh("/bin/sh", "-c", "echo %s >/proc/sys/%s" % (value, path))

    def close(self):
        self.clear()
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.ns])

    def _enter(self):
        if libc.setns(self.fd, CLONE_NEWNET):
            os._exit(126)

    def _run(self, *cmd, stdin="", inside=False):
        p = subprocess.run(cmd, input=stdin, text=True, capture_output=True, preexec_fn=self._enter if inside else None)
        if p.returncode:
            raise SystemExit("%s: %s" % (" ".join(cmd), (p.stderr or p.stdout).strip()))
        return p.stdout

    def sh(self, *cmd, stdin=""):
        return self._run(*cmd, stdin=stdin, inside=True)

    def timed(self, *cmd, stdin=""):
        """Seconds, and the largest resident size of its processes in KiB (at least ours: it begins as a copy of us)."""
        with tempfile.TemporaryFile("w+") as f, tempfile.TemporaryFile("w+") as err:
            f.write(stdin)
            f.seek(0)
            start = time.monotonic()
            p = subprocess.Popen(cmd, stdin=f, stdout=subprocess.DEVNULL, stderr=err, preexec_fn=self._enter)
            _, status, usage = os.wait4(p.pid, 0)
            seconds = time.monotonic() - start
            p.returncode = status
            err.seek(0)
            if status:
                raise SystemExit("%s: %s" % (" ".join(cmd), err.read().strip()))
        return seconds, usage.ru_maxrss


class Iptables(World):
    """Both iptables; `command` says which."""
    extra = "-s 203.0.113.9 -j DROP"

    def text(self, shape, n):
        self.n = n
        return shapes.apart_iptables(n) if shape == "apart" else shapes.STATEFUL_IPTABLES

    def load(self, text):
        return self.timed(*self.command("-restore"), stdin=text)

    def append(self):
        return self.timed(*self.command(""), "-A", "INPUT", *self.extra.split())

    def delete(self):
        return self.timed(*self.command(""), "-D", "INPUT", str(self.n + 1))


class Bpfilter(Iptables):
    def __init__(self, name, build):
        self.build = build
        super().__init__(name)

    def command(self, verb):
        return [os.path.join(self.build, "iptables", "xtables-bpf-multi"), "iptables-bpf" + verb]

    def clear(self):
        self.sh(os.path.join(self.build, "cli", "bpfilter"), "flush")


class Legacy(Iptables):
    def command(self, verb):
        return [LEGACY, "iptables" + verb]

    def clear(self):
        self.sh(*self.command("-restore"), stdin="*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n")


class Nft(World):
    def text(self, shape, n):
        self.n, self.added = n, 0
        return shapes.apart_nft(n) if shape == "apart" else shapes.STATEFUL_NFT

    def load(self, text):
        return self.timed("nft", "-f", "-", stdin=text)

    def append(self):
        return self.timed("nft", "add", "rule", "ip", "filter", "input", "ip", "saddr", "203.0.113.9", "counter", "drop")

    def delete(self):
        # Handles are numbered through: the chain 1, its rules 2 ... n + 1, the appended one.
        return self.timed("nft", "delete", "rule", "ip", "filter", "input", "handle", str(self.n + 2))

    def clear(self):
        self.sh("nft", "flush", "ruleset")


class Base(Nft):
    """No rules at all."""
