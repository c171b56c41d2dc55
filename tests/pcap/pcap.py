# SPDX-License-Identifier: GPL-2.0-only
"""
pcap "EXPRESSION" and bytecode "..." against tcpdump: packets are written into
a capture and sent, one by one, to a device with a rule for each expression;
the rules whose counters move must be those whose expression `tcpdump -r` finds
the packet by. At XDP and tc the capture is one of Ethernet; at netfilter's
hooks it has raw IP, and of the packets those count that come so far.

usage: pcap.py BPFILTER EXPRESSIONS
"""
import ctypes
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

from packets import EN10MB, RAW, all_frames, capture, ether, ip4, network_part, numbers_in

TOOL, LINES = sys.argv[1:]
NEAR, FAR = ("pcap-%d-%s" % (os.getpid(), n) for n in ("near", "far"))
MARKER = ether(0x0800, ip4(254, b"the one before has been counted"))
BYTECODE_EVERY, BATCH = 5, 40
SOL_PACKET, PACKET_VNET_HDR, CLONE_NEWNET = 263, 15, 0x40000000


def sh(command, ns=None, check=True, **more):
    argv = ["nsenter", "--net=/run/netns/" + ns] if ns else []
    p = subprocess.run(argv + ["sh", "-c", command], capture_output=True, text=True, **more)
    if check and p.returncode:
        raise SystemExit("failed: %s\n%s%s" % (command, p.stdout, p.stderr))
    return p


class Judge:
    """tcpdump, on one capture."""

    def __init__(self, folder, packets, link_type):
        self.packets, self.known = packets, {}
        self.file = os.path.join(folder, "%d.pcap" % link_type)
        with open(self.file, "wb") as f:
            f.write(capture(packets, link_type))

    def ask(self, *args):
        return subprocess.run(["tcpdump", "-r", self.file, *args], capture_output=True)

    def finds(self, expression):
        """Numbers of packets; None: tcpdump does not take it for this link type."""
        if expression not in self.known:
            p = self.ask("-w", "-", "--", expression)
            self.known[expression] = None if p.returncode else numbers_in(p.stdout)
        return self.known[expression]

    def bytecode(self, expression):
        lines = self.ask("-ddd", "--", expression).stdout.decode().split("\n")
        return ",".join(x.strip() for x in lines if x.strip())


class Wire:
    def __init__(self):
        setns = ctypes.CDLL(None).setns
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open("/run/netns/" + FAR, os.O_RDONLY)
        setns(fd, CLONE_NEWNET)
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.s.bind(("vb", 0))
        setns(own, CLONE_NEWNET)
        os.close(fd)
        os.close(own)

    def send(self, frame):
        """Of what is long the kernel keeps only the headers in one piece."""
        self.s.send(struct.pack("<BBHHHH", 0, 0, min(54, len(frame)), 0, 0, 0) + frame)


def counts():
    text = sh(TOOL + " list -c", NEAR).stdout
    return [int(n) for n in re.findall(r"counter packets (\d+)", text)]


def load(head, rules):
    text = "flush ruleset\n%s policy accept;\nip protocol 254 counter\ncounter\n%s\n} }\n" % (head, "\n".join(r + " counter" for r in rules))
    p = sh(TOOL + " load -", NEAR, check=False, input=text)
    if p.returncode:
        raise SystemExit("load: %s\n%s" % (head, p.stderr[:2000]))


def met(wire, frame, before):
    """Which rules counted this frame and the marker behind it, and all the counters."""
    if frame:
        wire.send(frame)
    wire.send(MARKER)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        now = counts()
        if now[0] > before[0]:
            return [b - a for a, b in zip(before, now)], now
    raise SystemExit("the marker does not arrive")


def batch(name, head, judge, rules, wire, hits):
    """How many packets came so far; how often a rule counted one it should not, or not one it should."""
    load(head, ['%s "%s"' % (kind, text) for kind, text, _ in rules])
    marks, now = met(wire, None, counts())
    seen = wrong = 0
    for n, packet in judge.packets.items():
        moved, now = met(wire, judge.frames[n], now)
        mine = [a - b for a, b in zip(moved, marks)]
        if not mine[1]:
            continue
        seen += 1
        for (kind, text, e), got in zip(rules, mine[2:]):
            wanted = int(n in judge.finds(e))
            hits.update([e] if wanted else [])
            if got != wanted:
                wrong += 1
                print("%s: %s of '%s': packet %d: %d instead of %d\n  %s" % (name, kind, e, n, got, wanted, packet[:80].hex()))
    return seen, wrong


def at_hook(name, head, judge, expressions, wire, least):
    taken = [e for e in expressions if judge.finds(e) is not None]
    rules = [("pcap", e, e) for e in taken] + [("bytecode", judge.bytecode(e), e) for e in taken[::BYTECODE_EVERY]]
    hits, total = set(), 0
    sh(TOOL + " flush ruleset", NEAR)  # the mode of XDP cannot be changed
    for i in range(0, len(rules), BATCH):
        seen, wrong = batch(name, head, judge, rules[i:i + BATCH], wire, hits)
        total += wrong + (seen < least)
    print("%s: %d expressions, %d as bytecode, too; %d of %d packets came; %d expressions found some; %d failures" % (
        name, len(taken), len(rules) - len(taken), seen, len(judge.packets), len(hits), total))
    return total


def refused(head, expressions):
    wrong = 0
    for e in expressions:
        p = sh(TOOL + " check -", NEAR, check=False, input='%s pcap "%s" drop; } }' % (head, e))
        if p.returncode != 1 or ": error: " not in p.stderr:
            wrong += 1
            print("'%s' is to be refused, check says %d: %s" % (e, p.returncode, p.stderr))
    return wrong


def main():
    with open(LINES) as f:
        lines = [line.strip() for line in f if line.strip() and line[0] != "#"]
    expressions = [e for e in lines if e[0] != "!"]
    frames = dict(enumerate(all_frames(), 1))
    raw = {n: p for n, p in ((n, network_part(f)) for n, f in frames.items()) if p}
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    with tempfile.TemporaryDirectory() as folder:
        ethernet, ip = Judge(folder, frames, EN10MB), Judge(folder, raw, RAW)
        ethernet.frames = ip.frames = frames
        wire = Wire()
        dev = 'table netdev t { chain c { type filter hook %s device "va"%s;'
        hook = "table inet t { chain c { type filter hook prerouting priority -450;"
        wrong = refused(hook, [e[2:] for e in lines if e[0] == "!"] + [e for e in expressions if ip.finds(e) is None])
        wrong += at_hook("prerouting", hook, ip, expressions, wire, 150)
        wrong += at_hook("ingress", dev % ("ingress", " priority 0"), ethernet, expressions, wire, len(frames) - 1)
        wrong += at_hook("xdp, generic", dev % ("xdp mode generic", ""), ethernet, expressions, wire, len(frames) - 1)
        for n in [n for n, f in frames.items() if len(f) > 3000]:
            del frames[n]
        sh("ip link set va mtu 3000", NEAR)
        sh("ip link set vb mtu 3000", FAR)
        wrong += at_hook("xdp, native", dev % ("xdp mode native", ""), ethernet, expressions, wire, len(frames) - 1)
    return wrong


def make():
    for ns in NEAR, FAR:
        sh("ip netns add %s && ip -n %s link set lo up" % (ns, ns))
    sh("ip -n %s link add va type veth peer vb netns %s" % (NEAR, FAR))
    sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1", FAR)
    sh("ip link set vb address 02:00:00:00:00:09 mtu 9000 arp off up", FAR)
    sh("sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.all.accept_dad=0", NEAR)
    sh("ip link set va address 02:00:00:00:00:01 mtu 9000 up && ip addr add 192.0.2.1/24 dev va && "
       "ip addr add fd00::1/64 dev va nodad && ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev va && "
       "ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev va", NEAR)


try:
    make()
    failures = main()
finally:
    for n in NEAR, FAR:
        sh(TOOL + " flush ruleset", n, check=False)
        sh("ip netns del " + n, check=False)
print("%d failures" % failures)
sys.exit(failures != 0)
