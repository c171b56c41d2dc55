# SPDX-License-Identifier: GPL-2.0-only
"""Packets for a ruleset in nft's language: what its text names (addresses, ports, protocols, ...) in ordinary packets
through, to and from the router, with connections around some; then fragments, headers cut short, options, extension
headers; then packets with every field drawn from all that."""
import ipaddress
import random
import re
import struct

import hostile
from packets import AH, DSTOPTS, ESP, FLAGS, FRAGMENT, GRE, HOPOPTS, ICMP, ICMP6, MH, ROUTING, SCTP, TCP, UDP, UDPLITE, Packet

SRC = {4: ["10.9.1.5", "203.0.113.9", "10.1.0.2"], 6: ["fd00:9::5", "2001:db8:113::9", "fd00:1::2"]}
INSIDE = {4: "10.1.0.1", 6: "fd00:1::1"}
BEYOND = {4: "198.51.100.77", 6: "2001:db8:51::77"}
OUT = {4: "10.2.0.1", 6: "fd00:2::1"}
PROTOS = [TCP, TCP, UDP, UDP, ICMP, UDPLITE, SCTP, GRE, ESP, AH, 2, 33, 108]
PORTS = [22, 53, 80, 443, 1024, 0, 65535]
OPTIONS = [b"\2\4\5\xb4", b"\2\4\1\0", b"\3\3\7", b"\4\2", b"\1\1\x08\x0a\0\0\0\1\0\0\0\2", b"\5\x0a\0\0\0\1\0\0\0\2",
           b"\x22\4ab", b"\x1e\4\0\0", b"\x13\2", b"\2\4\5", b"\2\0", b"\xfe\4ab", b"\1" * 40]
IPOPTIONS = [b"\x07\x07\x04\0\0\0\0", b"\x83\x07\x04\x0a\x02\0\x02", b"\x94\x04\0\0", b"\x89\x07\x04\x0a\x02\0\x02"]
EXTS = [[(HOPOPTS, b"\5\2\0\0")], [(DSTOPTS, b"\1\4\0\0\0\0")], [(ROUTING, b"\4\0\0\0\0\0")], [(HOPOPTS, b"\1\4"), (DSTOPTS, b"\1\4")],
        [(MH, b"\1\0\0\0")], [(ROUTING, b"\2\1\0\0\0\0" + bytes(16))]]


class Words:
    """What the text of a ruleset names."""

    def __init__(self, text):
        self.addresses = {4: set(), 6: set()}
        for w in re.findall(r"(?<![\w:.])(?:\d+\.){3}\d+(?:/\d+)?", text):
            self._address(w)
        for w in re.findall(r"(?<![\w.])[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*(?:/\d+)?", text):
            self._address(w)
        near = re.findall(r"(?:port|ports)[^;\n]*", text)
        self.ports = {int(n) + d for w in near for n in re.findall(r"(?<![\w.:])\d{1,5}(?![\w.:])", w) for d in (-1, 0, 1)
                      if 0 <= int(n) + d < 65536} | set(PORTS)
        self.numbers = {int(n, 0) & 0xff for n in re.findall(r"(?<![\w.:])(?:0x[0-9a-f]+|[1-9]\d{0,2})(?![\w.:])", text)}

    def _address(self, w):
        try:
            n = ipaddress.ip_network(w, strict=False)
        except ValueError:
            return
        for a in (n[0], n[-1], n[min(5, n.num_addresses - 1)]):
            if not a.is_multicast and not a.is_unspecified and not a.is_loopback and int(a) >> (24 if a.version == 4 else 120) not in (0, 255):
                self.addresses[a.version].add(str(a))


def place(rng, words, family, **wishes):
    """Through, to or from the router."""
    way = rng.choice(["through", "back", "to", "from"])
    p = Packet(family=family, end={"through": "c0", "to": "c0", "back": "s0", "from": "out"}[way])
    mine = sorted(words.addresses[family])
    p.dst = {"through": BEYOND[family], "to": INSIDE[family], "back": SRC[family][0], "from": BEYOND[family]}[way]
    p.src = {"from": OUT[family]}.get(way) or rng.choice(SRC[family])
    if way == "back":
        p.src = SRC[family][1]
    if mine and way != "from" and rng.random() < .4:
        p.src = rng.choice(mine)
    if mine and way in ("through", "from") and rng.random() < .3:
        p.dst = rng.choice(mine)
    p.sport, p.dport = rng.choice(sorted(words.ports)), rng.choice(sorted(words.ports))
    p.proto = rng.choice(PROTOS)
    p.iid = rng.randrange(65536)
    p.__dict__.update(wishes)
    if p.family == 6 and p.proto == ICMP:
        p.proto, p.itype = ICMP6, 128
    return p


def varied(rng, words, p):
    """The packet with a thing or two changed."""
    wishes = {}
    if rng.random() < .3:
        wishes["ttl"] = rng.choice([2, 5, 64, 255])
    if rng.random() < .3:
        wishes["tos"] = rng.choice(sorted(words.numbers) + [0x20, 0x28, 0xb8, 3, 1, 2]) & 0xff
    if p.proto == TCP:
        wishes["flags"] = rng.choice([FLAGS["SYN"]] * 3 + [rng.randrange(64), FLAGS["SYN"] | FLAGS["ACK"], FLAGS["ACK"], FLAGS["RST"]])
        if rng.random() < .4:
            wishes["tcpopts"] = b"".join(rng.sample(OPTIONS, rng.randrange(1, 3)))[:40]
    if p.proto in (ICMP, ICMP6):
        wishes["itype"] = rng.choice([0, 3, 5, 8, 11, 12, 128, 129, 1, 2, 4])
        wishes["icode"] = rng.choice([0, 1, 3, 4])
    if p.family == 4 and rng.random() < .08:
        wishes["ipopts"] = rng.choice(IPOPTIONS)
    if p.family == 6 and rng.random() < .2:
        wishes["ext"] = rng.choice(EXTS)
    if rng.random() < .08:
        wishes["frag"] = rng.choice([(0, True), (8, True), (64, False), (1480, False)])
    if rng.random() < .1:
        wishes["payload"] = rng.choice([b"", b"x", bytes(100), bytes(1000)])
    if p.end == "out":
        wishes["uid"] = rng.choice([0, 0, 1000])
        wishes["mark"] = rng.choice([0, 0, 5, 0x12])
    return p.but(**wishes)


def flow(rng, p):
    """Both directions of a connection, and an error about it."""
    back = {"c0": "s0", "s0": "c0", "out": "s0"}[p.end]
    if p.end == "c0" and p.dst == INSIDE[p.family]:
        return [p]
    swap = p.but(src=p.dst, dst=p.src, sport=p.dport, dport=p.sport, end=back)
    if p.proto == TCP:
        o = p.but(flags=FLAGS["SYN"], seq=1000, ack=0, payload=b"", tcpopts=b"")
        r = swap.but(flags=FLAGS["SYN"] | FLAGS["ACK"], seq=5000, ack=1001, payload=b"", tcpopts=b"")
        return [o, r, o.but(flags=FLAGS["ACK"], seq=1001, ack=5001), o.but(flags=FLAGS["ACK"], seq=1001, ack=5001, payload=b"hello"),
                o.but(flags=FLAGS["RST"] | FLAGS["ACK"], seq=1006, ack=5001)]
    if p.proto in (ICMP, ICMP6):
        o = p.but(itype=128 if p.family == 6 else 8, icode=0)
        return [o, swap.but(itype=129 if p.family == 6 else 0, icode=0)]
    inner = p.ip()[:48 if p.family == 6 else 28]
    error = Packet(family=p.family, end=back, src=p.dst, dst=p.src, proto=ICMP6 if p.family == 6 else ICMP,
                   itype=1 if p.family == 6 else 3, icode=3 if p.family == 4 else 4, iid=0, inner=inner)
    return [p, swap, p, error]


def stub(p):
    """One to three bytes of a layer 4 header: the kernel's nft reads what is there, ours nothing below four."""
    head = len(p.but(payload=b"", length=None, cut=None).ip()) - len(p.but(payload=b"", length=None)._l4(b""))
    return p.cut is not None and head < p.cut < head + 4


def later_fragment(p):
    return (p.frag and p.frag[0]) or any(t == FRAGMENT and struct.unpack("!HI", b[:6])[0] >> 3 for t, b in p.ext)


def middle_fragment(p):
    """One whose end is at no multiple of 8 is not IPv6's: it goes on alone, see run."""
    fields = [struct.unpack("!HI", b[:6])[0] for t, b in p.ext if t == FRAGMENT]
    return any(f >> 3 and f & 1 for f in fields) or bool(p.frag and p.frag[0] and p.frag[1])


def actions(text, seed, count=500):
    rng, words = random.Random(seed), Words(text)
    packets = []
    families = [4, 6]
    for family in families:
        for port in sorted(words.ports):
            for proto in (TCP, UDP):
                packets.append(place(rng, words, family, proto=proto, dport=port))
        for a in sorted(words.addresses[family]):
            packets.append(place(rng, words, family, end="c0", src=a, dst=BEYOND[family]))
            packets.append(place(rng, words, family, end="c0", dst=INSIDE[family], src=a))
            packets.append(place(rng, words, family, end="c0", src=SRC[family][0], dst=a))
        for proto in set(PROTOS):
            packets.append(place(rng, words, family, proto=proto))
    some = [place(rng, words, rng.choice(families), proto=rng.choice([TCP, UDP, ICMP])) for _ in range(12)]
    for p in some:
        packets += flow(rng, p.but(sport=rng.randrange(20000, 60000)))
    for p in some[:6]:
        packets += [v for v in hostile.variants(p, rng) if not stub(v)]
    packets += [varied(rng, words, place(rng, words, rng.choice(families))) for _ in range(count)]
    if re.search(r"^table netdev", text, re.M):  # nobody puts them together there: see run
        packets = [p for p in packets if not later_fragment(p)]
    packets = [p for p in packets if not middle_fragment(p)]
    out = []
    for p in packets:
        try:
            out.append(p.line())
        except (struct.error, ValueError, OverflowError) as e:
            raise ValueError("no packet of %r" % p.__dict__) from e
    return out
