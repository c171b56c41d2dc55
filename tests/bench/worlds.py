# SPDX-License-Identifier: GPL-2.0-only
"""A namespace for each engine: how it loads rules, changes one, counts, and what it takes."""
import contextlib
import ctypes
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time

import shapes

CLONE_NEWNET, SO_NETNS_COOKIE = 0x40000000, 71
LEGACY = "/usr/sbin/xtables-legacy-multi"
PINS = "/run/bpfilter"
libc = ctypes.CDLL(None, use_errno=True)

LINKS = """
link set lo up
link add in0 type veth peer name out0
link set in0 up
link set out0 up
addr add %s/24 dev in0
""" % shapes.DADDR

# server: what goes to it itself, and answers; local: whatever comes is for it; forward: nets behind bridges
NETS = {
    "server": "neigh add 10.77.0.2 lladdr 02:02:02:02:02:02 dev in0 nud permanent\nroute add default via 10.77.0.2 dev in0\n",
    "local": "route add local default dev lo table main\n",
    "local6": "-6 route add local default dev lo table main\n",
    "forward": "".join("link add br%d type bridge\nlink set br%d up\naddr add 172.%d.0.1/16 dev br%d\n" % (i, i, 14 + i, i)
                       for i in range(2, 16)),
}

SYSCTLS = {"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/in0/rp_filter": 0, "net/ipv4/conf/in0/accept_local": 1,
           "net/ipv4/conf/all/send_redirects": 0, "net/ipv4/conf/in0/send_redirects": 0, "net/ipv4/ip_early_demux": 0,
           "net/ipv6/conf/in0/accept_dad": 0, "net/ipv6/conf/in0/accept_ra": 0, "net/ipv6/conf/out0/disable_ipv6": 1}


class Failed(Exception):
    """A command failed; what it said."""


class World:
    all = []

    def __init__(self, name, net):
        self.name, self.ns, self.net = name, "bfb%d-%s" % (os.getpid(), name), net
        self._run("ip", "netns", "add", self.ns)
        World.all.append(self)
        self.fd = os.open("/run/netns/" + self.ns, os.O_RDONLY | os.O_CLOEXEC)
        self._sysctl({"net/ipv6/conf/all/disable_ipv6": int("6" not in net), "net/ipv4/ip_forward": int(net == "forward")})
        for line in (LINKS + NETS[net]).splitlines():
            if line:
                self._run("ip", "-n", self.ns, *line.split())
        self._sysctl(SYSCTLS)

    def _sysctl(self, values):
        lines = ["echo %s >/proc/sys/%s" % (value, path) for path, value in values.items()]
        self.sh("/bin/sh", "-ec", "\n".join(lines))

    def close(self):
        self.clear()
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.ns])
        World.all.remove(self)

    def _enter(self):
        if libc.setns(self.fd, CLONE_NEWNET):
            os._exit(126)

    def _run(self, *cmd, stdin="", inside=False):
        p = subprocess.run(cmd, input=stdin, text=True, capture_output=True, preexec_fn=self._enter if inside else None)
        if p.returncode:
            raise Failed("%s: %s" % (" ".join(cmd), (p.stderr or p.stdout).strip()[-1000:]))
        return p.stdout

    def sh(self, *cmd, stdin=""):
        return self._run(*cmd, stdin=stdin, inside=True)

    @contextlib.contextmanager
    def _inside(self):
        """For a child that shall be made as cheaply as a shell makes it: after a fork with preexec_fn our size would count as its time."""
        with open("/proc/self/ns/net") as home:
            if libc.setns(self.fd, CLONE_NEWNET):
                raise Failed("cannot enter %s" % self.ns)
            try:
                yield
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def timed(self, *cmd, stdin=os.devnull):
        """Runs it with that file as input: {"s": seconds, "cpu": seconds of CPU time with its children, "kib": what it had at most itself}."""
        with open(stdin) as f, tempfile.TemporaryFile("w+") as err:
            with self._inside():
                start = time.monotonic()
                p = subprocess.Popen(cmd, stdin=f, stdout=subprocess.DEVNULL, stderr=err)
            watch = Watch(p.pid)
            _, p.returncode, usage = os.wait4(p.pid, 0)
            seconds = time.monotonic() - start
            err.seek(0)
            if p.returncode:
                raise Failed("%s: %s" % (" ".join(cmd), err.read().strip()[-1000:]))
        return {"s": seconds, "cpu": usage.ru_utime + usage.ru_stime, "kib": watch.end()}

    def map_bytes(self):
        return {}


class Watch(threading.Thread):
    """Looks at a process' greatest size until it ends; ru_maxrss would not do, it counts what we had ourselves before exec."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.kib, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.004):
            try:
                with open("/proc/%d/status" % self.pid) as f:
                    m = re.search(r"VmHWM:\s*(\d+)", f.read())
            except OSError:
                return
            self.kib = int(m.group(1)) if m else self.kib

    def end(self):
        self.over.set()
        self.join()
        return self.kib


class Iptables(World):
    """Both iptables; `command` says which."""
    extra = "-s 203.0.113.9 -j DROP"
    extra6 = "-s 2001:db8::9 -j DROP"

    def load(self, s):
        self.v6 = s.v6
        return self.timed(*self.command("-restore"), stdin=s.iptables)

    def update(self, verb):
        """-A, -I, -R and -D of one rule: the appended one is replaced and deleted, which leaves the inserted one."""
        extra = (self.extra6 if self.v6 else self.extra).split()
        if verb == "insert":
            return self.timed(*self.command(""), "-I", "INPUT", *extra)
        if verb == "append":
            return self.timed(*self.command(""), "-A", "INPUT", *extra)
        if verb == "replace":
            return self.timed(*self.command(""), "-R", "INPUT", "1", *extra[:-1], "ACCEPT")
        return self.timed(*self.command(""), "-D", "INPUT", *extra)

    def counters(self):
        """{chain: [(packets, bytes)] of its rules, in order}, and the same of the policies of INPUT and FORWARD."""
        chains = {}
        for line in self.sh(*self.command("-save"), "-t", "filter", "-c").splitlines():
            m = re.match(r"\[(\d+):(\d+)\] -A (\S+)", line)
            if m:
                chains.setdefault(m.group(3), []).append((int(m.group(1)), int(m.group(2))))
            m = re.match(r":(\S+) [A-Z]+ \[(\d+):(\d+)\]", line)
            if m and m.group(1) != "OUTPUT":
                chains["policy of " + m.group(1)] = [(int(m.group(2)), int(m.group(3)))]
        return chains


class Bpfilter(Iptables):
    def __init__(self, name, net, build):
        self.build, self.v6 = build, False
        super().__init__(name, net)

    def command(self, verb):
        return [os.path.join(self.build, "iptables", "xtables-bpf-multi"), ("ip6tables-bpf" if self.v6 else "iptables-bpf") + verb]

    def clear(self):
        self.sh(os.path.join(self.build, "cli", "bpfilter"), "flush")

    def cookie(self):
        with open("/proc/self/ns/net") as old:
            try:
                libc.setns(self.fd, CLONE_NEWNET)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    return int.from_bytes(s.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), "little")
            finally:
                libc.setns(old.fileno(), CLONE_NEWNET)

    def map_bytes(self):
        """{map's name: bytes of it in the kernel} of all that is pinned for this namespace or used by its programs."""
        pins = []
        for at, _, files in os.walk(os.path.join(PINS, str(self.cookie()))):
            pins += [os.path.join(at, f) for f in files]
        ids, found = set(), {}
        for pin in pins:
            what = "prog" if os.path.basename(pin).startswith("prog-") else "map"
            out = subprocess.run(["bpftool", "-j", what, "show", "pinned", pin], capture_output=True, text=True).stdout
            shown = json.loads(out) if out.strip() else {}
            ids |= set(shown.get("map_ids", [])) if what == "prog" else {shown["id"]} if "bytes_value" in shown else set()
        for i in ids:
            m = json.loads(subprocess.run(["bpftool", "-j", "map", "show", "id", str(i)], capture_output=True, text=True).stdout)
            found[m["name"]] = found.get(m["name"], 0) + m["bytes_memlock"]
        return found


class Legacy(Iptables):
    v6 = False

    def command(self, verb):
        return [LEGACY, ("ip6tables" if self.v6 else "iptables") + verb]

    def clear(self):
        self.sh(*self.command("-restore"), stdin="*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n")


class Nft(World):
    def load(self, s):
        self.family = "ip6" if s.v6 else "ip"
        return self.timed("nft", "-f", s.nft)

    def update(self, verb):
        rule = [self.family, "filter", "INPUT", "ip6" if self.family == "ip6" else "ip", "saddr",
                "2001:db8::9" if self.family == "ip6" else "203.0.113.9", "counter"]
        if verb in ("append", "insert"):
            took = self.timed("nft", {"append": "add", "insert": "insert"}[verb], "rule", *rule, "drop")
            if verb == "insert":
                self.handle = self._newest()
            return took
        where = [self.family, "filter", "INPUT", "handle", str(self.handle)]
        if verb == "replace":
            return self.timed("nft", "replace", "rule", *where, *rule[3:], "accept")
        return self.timed("nft", "delete", "rule", *where)

    def _newest(self):
        out = self.sh("nft", "-a", "list", "table", self.family, "filter")
        return max(int(h) for h in re.findall(r"# handle (\d+)", out))

    def counters(self):
        chains, chain = {}, None
        for line in self.sh("nft", "list", "ruleset").splitlines():
            m = re.match(r"\s*chain (\S+) \{", line)
            chain = m.group(1) if m else chain
            m = re.search(r"counter packets (\d+) bytes (\d+)", line)
            if m:
                chains.setdefault(chain, []).append((int(m.group(1)), int(m.group(2))))
        return chains

    def clear(self):
        self.sh("nft", "flush", "ruleset")


class Base(Nft):
    """No rules at all; connection tracking where the others have it."""

    def load(self, s):
        self.clear()
        if s.shape in shapes.TRACKED:
            self.sh("nft", "-f", "-", stdin=shapes.CONNTRACK)
