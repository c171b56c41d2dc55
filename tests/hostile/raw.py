#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random packets out of raw sockets: headers no stack would send, which OUTPUT sees as they are, and INPUT what the
kernel lets through of them. The same packets in twin namespaces, the kernel's iptables in one: all counters are equal.

    raw.py BUILD [PACKETS [SEED]]
    raw.py --send PACKETS SEED          (inside a namespace)
"""
import random
import socket
import struct
import sys

from lab import NATIVE, Lab, check, seed
import lab

RULES = """
-A c -p tcp
-A c -p udp
-A c ! -p tcp
-A c -p tcp -m tcp --dport 22
-A c -p tcp -m tcp --sport 0:80
-A c -p udp -m udp --dport 53
-A c -p {icmp} -m {icmp_match} {icmp_option} {echo}
-A c -p {icmp} -m {icmp_match} {icmp_option} {unreachable}
-A c -m length --length 0:60
-A c -m length --length 61:1000
-A c -m length --length 1001:65535
-A c -m {ttl}-lt 2
-A c -m dscp --dscp 0x2e
-A c -s {net}
-A c -m addrtype --src-type LOCAL
-A c -m addrtype --src-type MULTICAST
-A c -m conntrack --ctstate INVALID
-A c -m conntrack --ctstate NEW
-A c -m conntrack --ctstate ESTABLISHED
-A c -p tcp -m tcp --tcp-flags SYN,ACK SYN
-A c -p tcp -m tcp --tcp-option 2
-A c -p tcp -m tcp ! --tcp-option 8
-A c -p tcp -m tcpmss --mss 1:1500
-A c -p tcp -m multiport --ports 22,80
-A c -p udp -m multiport --sports 53
-A c -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
-A c -m bpf --bytecode "6,177 0 0 0,72 0 0 2,21 0 2 22,135 0 0 0,6 0 0 1,6 0 0 0"
-A INPUT -j c
-A OUTPUT -j c
-A OUTPUT -p sctp -j DROP
-A OUTPUT -p 253 -j REJECT
"""
WORDS = {4: {"icmp": "icmp", "icmp_match": "icmp", "icmp_option": "--icmp-type", "echo": 8, "unreachable": "3/1",
             "ttl": "ttl --ttl", "net": "10.0.0.0/8"},
         6: {"icmp": "ipv6-icmp", "icmp_match": "icmp6", "icmp_option": "--icmpv6-type", "echo": 128,
             "unreachable": "1/0", "ttl": "hl --hl", "net": "fd00::/8"}}


def ruleset(family):
    text = RULES.format(**WORDS[family])
    if family == 4:
        text = "-A c -f\n-A c ! -f" + text
    return "*filter\n:c -\n%sCOMMIT\n" % text.lstrip("\n")


def l4(r, proto):
    """A header and some bytes, often cut."""
    options = r.choice([b"", b"\2\4\5\xb4", b"\2\4\5", b"\x08\x0a" + bytes(8) + b"\1\1", b"\2\0\0\0", b"\2\4\5\xb4\3\3\7\0"])
    heads = {6: struct.pack("!HHIIBBHHH", r.choice([22, 80, 1000]), r.choice([22, 80, 1000]), 1, 2,
                            r.choice([0x50, 0x60, 0xf0, 0x40, 0, 0x80]), r.choice([2, 16, 18, 4, 0, 255]), 100, 0, 0) + options,
             17: struct.pack("!HHHH", r.choice([53, 1000]), r.choice([53, 1000]), 20, 0),
             1: struct.pack("!BBHI", r.choice([0, 8, 3, 11]), r.choice([0, 1, 3]), 0, 1),
             58: struct.pack("!BBHI", r.choice([128, 129, 1, 2]), r.choice([0, 1]), 0, 1)}
    whole = heads.get(proto, b"") + bytes(r.choice([0, 0, 4, 30, 100, 1300]))
    return whole[:r.randrange(len(whole) + 1)] if r.random() < 0.4 else whole


def ip4(r):
    ihl, options = r.choice([5, 5, 5, 6, 7, 15, 0, 1, 4, 10]), b""
    if ihl > 5:
        n = 4 * (ihl - 5)
        options = r.choice([b"\1" * n, bytes(n), bytes([0x82, n]) + bytes(n - 2)])
        if r.random() < 0.1:
            options = options[:n // 2]
    proto = r.choice([6, 17, 1, 6, 17, 1, 58, 0, 43, 44, 51, 50, 132, 41, 4, 255, 253])
    body = l4(r, proto)
    return struct.pack("!BBHHHBBH4s4s", r.choice([4, 4, 4, 6]) << 4 | ihl, r.choice([0, 0x10, 0xb8, 3]),
                       r.choice([0, 20, 65535, 60, 20 + len(options) + len(body)]), r.randrange(65536),
                       r.choice([0, 0, 0, 0x4000, 1, 2, 0x2000, 0x2001, 0x1fff, 0x8000, 185]), r.choice([0, 1, 64, 255]), proto,
                       0, socket.inet_aton(r.choice(["127.0.0.1", "10.1.1.1", "0.0.0.0", "224.0.0.1"])),
                       socket.inet_aton("127.0.0.1")) + options + body


def extension(r, kind, following):
    if kind in (0, 60):
        n = r.choice([0, 0, 0, 1, 3, 255])
        return bytes([following, n, 1, n * 8 + 4 if n < 31 else 4]) + bytes(4 + 8 * min(n, 3))
    if kind == 43:
        return bytes([following, 0, r.choice([0, 2, 4]), 0]) + bytes(4)
    if kind == 44:
        return bytes([following, 0]) + struct.pack("!HI", r.choice([0, 1, 8, 9, 0xfff8, 16, 6]), r.randrange(1 << 32))
    if kind == 51:
        n = r.choice([4, 4, 1, 0, 255])
        return bytes([following, n, 0, 0]) + bytes(20 if n == 4 else 8)
    return bytes([following, 0]) + bytes(6)


def ip6(r):
    kinds = [r.choice([0, 43, 44, 51, 60, 60, 60, 59]) for _ in range(r.choice([0, 0, 1, 1, 2, 3, 8, 20, 150]))]
    kinds.append(r.choice([6, 17, 58, 59, 50, 135, 253]))
    body = b"".join(extension(r, k, f) for k, f in zip(kinds, kinds[1:])) + l4(r, kinds[-1])
    if r.random() < 0.3:
        body = body[:r.randrange(len(body) + 1)]
    return struct.pack("!IHBB16s16s", 6 << 28 | r.choice([0, 0xb800000, 0x0300000]),
                       r.choice([len(body)] * 4 + [0, 1, 65535, 8]), kinds[0], r.choice([0, 1, 64, 255]),
                       socket.inet_pton(socket.AF_INET6, r.choice(["::1", "fd00::1", "::"])),
                       socket.inet_pton(socket.AF_INET6, "::1")) + body


def send(packets, of):
    r, refused = random.Random(of), 0
    four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(packets):
        s, packet, to = (six, ip6(r), "::1") if i & 1 else (four, ip4(r), "127.0.0.1")
        try:
            s.sendto(packet, (to, 0))
        except OSError:
            refused += 1
    print("%d refused" % refused)


def counters(ns, command):
    return [line for line in ns.run(*command, "-t", "filter", "-c").stdout.splitlines() if line[:1] in "[:"]


def twins(build, packets="4000", of=None):
    seed(of)
    number = str(random.randrange(1 << 30))
    ours, kernel = Lab(build, "o"), Lab(build, "k")
    for family, name in ((4, "iptables"), (6, "ip6tables")):
        check("%s: rules" % name, ours.restore(ruleset(family), family=family).returncode == 0 and
              kernel.run(NATIVE, name + "-restore", stdin=ruleset(family)).returncode == 0)
    sent = [ns.run("python3", "-B", __file__, "--send", packets, number).stdout for ns in (ours, kernel)]
    check("%s packets: as many refused" % packets, sent[0] and sent[0] == sent[1], *sent)
    for name in ("iptables", "ip6tables"):
        got, want = counters(ours, ours.tool(name + "-save")), counters(kernel, [NATIVE, name + "-save"])
        check("%s: counters of %d rules" % (name, len(want)), want and got == want,
              *["%s, not %s" % (a, b) for a, b in zip(got, want) if a != b])


if sys.argv[1] == "--send":
    send(int(sys.argv[2]), int(sys.argv[3]))
else:
    lab.main([twins], sys.argv[1:])
