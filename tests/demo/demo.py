# SPDX-License-Identifier: GPL-2.0-only
"""The same ruleset, the same packets, twice: through the kernel's iptables and through bpfilter.

      client 10.9.0.2 (and .66) ── veth ── server 10.9.0.1: demo.rules        a world of the kernel's iptables
      client 10.9.0.2 (and .66) ── veth ── server 10.9.0.1: demo.rules        a world of bpfilter

Prints what became of each packet, every counter and what bpfilter enforces; exits with 0 when both worlds agree.
"""
import ctypes
import errno
import os
import re
import signal
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
RULES = os.path.join(HERE, "demo.rules")
CLONE_NEWNET = 0x40000000
SERVER, CLIENT, BLOCKED = "10.9.0.1", "10.9.0.2", "10.9.0.66"
PATIENCE = 0.6  # seconds; the kernel sends a SYN again after 1
LEGACY = "/usr/sbin/xtables-legacy-multi"
libc = ctypes.CDLL(None, use_errno=True)

LINKS = """
link add net0 type veth peer name net0 netns %s
link set net0 up
addr add 10.9.0.1/24 dev net0
link set lo up
"""
CLIENT_LINKS = """
link set net0 up
addr add 10.9.0.2/24 dev net0
addr add 10.9.0.66/24 dev net0
"""


def sh(*cmd, **kwargs):
    p = subprocess.run(cmd, text=True, capture_output=True, **kwargs)
    if p.returncode:
        raise SystemExit("%s: %s" % (" ".join(cmd), (p.stderr or p.stdout).strip()))
    return p.stdout


class Inside:
    """with Inside(name): this thread is in that namespace. What it opens there stays there."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def __init__(self, name):
        self.fd = os.open("/run/netns/" + name, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        if libc.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(self.fd)

    def __exit__(self, *_):
        libc.setns(Inside.home, CLONE_NEWNET)


class World:
    all = []

    def __init__(self, title, build):
        self.title, self.build = title, build
        World.all.append(self)
        self.server, self.client = ("bfdemo%d-%d%s" % (os.getpid(), len(World.all), x) for x in "sc")
        for n in (self.server, self.client):
            sh("ip", "netns", "add", n)
            with Inside(n), open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w") as f:
                f.write("1")
        sh("ip", "-n", self.server, "-batch", "-", input=LINKS % self.client)
        sh("ip", "-n", self.client, "-batch", "-", input=CLIENT_LINKS)
        with Inside(self.server):
            self.tcp = {port: socket.create_server((SERVER, port)) for port in (22, 80)}
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((SERVER, 53))
            self.udp.settimeout(PATIENCE)

    def iptables(self, verb, *args, **kwargs):
        with Inside(self.server):
            return sh(*self.command(verb), *args, **kwargs)

    def save(self):
        return [line for line in self.iptables("-save", "-c").splitlines() if not line.startswith("#")]

    def close(self):
        for n in (self.client, self.server):
            subprocess.run(["ip", "netns", "del", n], stderr=subprocess.DEVNULL)


class Kernels(World):
    def command(self, verb):
        return [LEGACY, "iptables" + verb]


class Ours(World):
    def command(self, verb):
        return [os.path.join(self.build, "iptables", "xtables-bpf-multi"), "iptables-bpf" + verb]

    def bpfilter(self, *args):
        with Inside(self.server):
            return sh(os.path.join(self.build, "cli", "bpfilter"), *args)

    def close(self):
        if os.path.exists("/run/netns/" + self.server):
            self.bpfilter("flush")  # what is pinned would keep the namespace
        super().close()


# Packets. Each answers in words what the client saw.

def ping(world):
    """At once, so that the limit's burst decides."""
    with Inside(world.client):
        p = subprocess.run(["ping", "-n", "-c", "5", "-i", "0.01", "-W", "1", SERVER], text=True, capture_output=True)
    m = re.search(r"(\d+) packets transmitted, (\d+) received", p.stdout)
    return "%s of %s answered" % (m.group(2), m.group(1)) if m else p.stderr.strip()


REASONS = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "refused: no route to host", errno.EPERM: "not permitted"}


def seen(action):
    try:
        return action()
    except socket.timeout:
        return "no answer"
    except OSError as e:
        return REASONS.get(e.errno, os.strerror(e.errno))


def tcp(port, source=CLIENT):
    def probe(world):
        def action():
            with Inside(world.client):
                s = socket.socket()
            with s:
                s.settimeout(PATIENCE)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                s.bind((source, 0))
                s.connect((SERVER, port))
                peer, _ = world.tcp[port].accept()
                with peer:
                    peer.sendall(b"welcome")
                    text = s.recv(100).decode()
                    # No farewell: how many packets that takes is a matter of time.
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.close()
            return 'connected, "%s"' % text
        return seen(action)
    return probe


def udp(port, size, source=CLIENT):
    def probe(world):
        def action():
            with Inside(world.client):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with s:
                s.settimeout(PATIENCE)
                s.bind((source, 0))
                s.connect((SERVER, port))
                s.send(bytes(size))
                if port == 53:
                    data, peer = world.udp.recvfrom(65536)
                    world.udp.sendto(data, peer)
                return "%d bytes answered" % len(s.recv(65536))
        return seen(action)
    return probe


PROBES = [
    ("ping, five at once (limit: burst 3)", ping),
    ("TCP to 22, a server is there", tcp(22)),
    ("TCP to 80, a server is there", tcp(80)),
    ("TCP to 443, open but nobody there", tcp(443)),
    ("TCP to 113, REJECT with tcp-reset", tcp(113)),
    ("TCP to 25, REJECT admin-prohibited", tcp(25)),
    ("TCP to 3306, policy DROP", tcp(3306)),
    ("UDP to 53", udp(53, 40)),
    ("UDP to 53, in three fragments", udp(53, 4000)),
    ("UDP to 33434, REJECT", udp(33434, 40)),
    ("UDP to 9999, policy DROP", udp(9999, 40)),
    ("TCP to 22 from a blocked address", tcp(22, BLOCKED)),
    ("UDP to 53 from a blocked address", udp(53, 40, BLOCKED)),
]


# Showing it

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return "\033[%sm%s\033[0m" % (code, text) if COLOUR else text


def title(text):
    print("\n" + paint("1", text) + "\n")


def compared(text, equal):
    return ("  " + (text if equal else paint("31", text + "   <-- differs"))).rstrip()


def verdict_colour(result):
    code = "32" if "answered" in result or "connected" in result else "33" if "refused" in result else "31"
    return lambda text: paint(code, text)


def show_packets(kernels, ours):
    differ = 0
    title("What became of the packets")
    print("  %-36s %-26s %s" % ("", "kernel's iptables", "bpfilter"))
    for name, probe in PROBES:
        a, b = probe(kernels), probe(ours)
        differ += a != b
        print(compared("%-36s %s %s" % (name, verdict_colour(a)("%-26s" % a), verdict_colour(b)(b)), a == b), flush=True)
    return differ


def split_counters(line):
    m = re.match(r" *(\d+) +(\d+) (.*)", line)
    return m.groups() if m else None


def show_counters(kernels, ours):
    texts = [w.iptables("", "-L", "-v", "-n", "-x").splitlines() for w in (kernels, ours)]
    title("iptables -L -v -n -x: packets and bytes in both worlds")
    print("  %14s  %14s" % ("kernel's", "bpfilter"))
    for a, b in zip(*texts):
        x, y = split_counters(a), split_counters(b)
        if x and y:
            print(compared("%5s %8s  %5s %8s  %s" % (x[0], x[1], y[0], y[1], y[2].strip()), a == b))
        elif not a.lstrip().startswith("pkts"):
            print(compared(a if a == b else a + "  |  " + b, a == b))
    return texts[0] != texts[1]


def show_loading(worlds):
    title("One ruleset, loaded twice")
    with open(RULES) as f:
        text = f.read()
    print(paint("2", re.sub(r"(?m)^", "  ", text.rstrip())) + "\n")
    for w, command in zip(worlds, ("iptables-legacy-restore", "iptables-bpf-restore")):
        w.iptables("-restore", input=text)
        print("  %-18s $ %s < tests/demo/demo.rules" % (w.title, command))
    with Inside(worlds[1].server), open("/proc/thread-self/net/ip_tables_names") as f:
        own = f.read().split()
    print("\n  Both are the machine's unmodified %s. In bpfilter's world the kernel's own\n"
          "  ip_tables has %s." % (LEGACY, "no table at all" if not own else "tables: " + ", ".join(own)))


def show(worlds):
    kernels, ours = worlds
    show_loading(worlds)
    packets = show_packets(kernels, ours)
    listing = show_counters(kernels, ours)
    title("bpfilter list -c: what is enforced, with counters")
    print(re.sub(r"(?m)^(?=.)", "  ", ours.bpfilter("list", "-c")).rstrip())
    saves = kernels.save() != ours.save()
    title("Equal?")
    for what, wrong in (("what became of the packets", packets), ("iptables -L -v -n -x", listing),
                        ("iptables-save -c", saves)):
        print("  %-28s %s" % (what, paint("31", "differs") if wrong else paint("32", "equal")))
    print()
    return 1 if packets or listing or saves else 0


def sweep():
    """What a demonstration that was killed left."""
    for n in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        m = re.fullmatch(r"bfdemo(\d+)-\d[sc]", n)
        if m and not os.path.exists("/proc/" + m.group(1)):
            subprocess.run(["ip", "netns", "del", n])


def main():
    build = os.path.realpath(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sweep()
    try:
        return show([Kernels("the kernel's", build), Ours("bpfilter's", build)])
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for w in World.all:
            w.close()
        subprocess.run([os.path.join(build, "cli", "bpfilter"), "collect"], capture_output=True)


sys.exit(main())
