# SPDX-License-Identifier: GPL-2.0-only
"""Makes the packets for a ruleset: every rule met, every boundary crossed, then hostile and random ones.

For each rule: a packet that should reach and satisfy it (the wishes of the
rules that lead to its chain, then its own), then that packet with one boundary
value of one option after the other; for protocols with connections the flow
around it, in both directions. Then malformed and fragmented variants of a
sample, then packets with every field drawn from the constants of the whole
ruleset. All from one seed.
"""
import ipaddress
import itertools
import random
import struct

import hostile
from packets import FLAGS, ICMP, ICMP6, TCP, UDP, Packet

SOURCES = {4: {"c0": "10.9.1.5", "s0": "203.0.113.9", "c1": "10.3.0.2", "s1": "10.3.0.3"},
           6: {"c0": "fd00:9::5", "s0": "2001:db8:113::9", "c1": "fd00:3::2", "s1": "fd00:3::3"}}
ROUTER = {4: {"c0": "10.1.0.1", "s0": "10.2.0.1", "c1": "10.3.0.1", "s1": "10.3.0.1", "out": "127.0.0.1"},
          6: {"c0": "fd00:1::1", "s0": "fd00:2::1", "c1": "fd00:3::1", "s1": "fd00:3::1", "out": "::1"}}
BEHIND = {4: {"lan": "10.9.1.5", "wan": "198.51.100.77", "bridge": "10.3.0.3", "lo": "127.0.0.1"},
          6: {"lan": "fd00:9::5", "wan": "2001:db8:51::77", "bridge": "fd00:3::3", "lo": "::1"}}


class Traffic:
    def __init__(self, ruleset, layout, seed, limit=2500):
        self.rs, self.layout, self.family, self.limit = ruleset, layout, ruleset.family, limit
        self.rng = random.Random(seed)
        self.port = itertools.count(20000)
        self.pool = {}
        self.bases = []

    # -- where things are

    def role(self, name):
        """An interface as a rule names it -> lan, wan, bridge, lo or None"""
        for role in ("lan", "wan", "bridge"):
            dev = getattr(self.layout, role)
            if name == dev or name.endswith("+") and dev.startswith(name[:-1]):
                return role
        return "lo" if name == "lo" or name == "l+" else None

    def end_of(self, address):
        """The end behind which an address is; "out" for the router's own."""
        a = ipaddress.ip_address(address)
        own = [ROUTER[self.family][e] for e in ROUTER[self.family]] + [x.split("/")[0] for x, _ in self.layout.addresses]
        if str(a) in own or a.is_loopback:
            return "out"
        nets = [("10.1.0.0/16", "c0"), ("10.9.0.0/16", "c0"), ("10.3.0.0/16", "s1"), ("fd00:1::/64", "c0"), ("fd00:9::/32", "c0"), ("fd00:3::/64", "s1")]
        nets += [(p, {"lan": "c0", "bridge": "c1"}[w]) for p, w in self.layout.routes]
        for net, end in nets:
            n = ipaddress.ip_network(net)
            if n.version == a.version and a in n:
                return end
        return "s0"

    # -- one packet

    def place(self, hook, wish):
        """Completes a wish into a packet that passes the hook."""
        w = dict(wish)
        via, out = self.role(w.pop("via", "")), self.role(w.pop("out", ""))
        w.pop("states", None)
        end = {"lan": "c0", "wan": "s0", "bridge": "c1", "lo": "out"}.get(via)
        if hook == "OUTPUT":
            end = "out"
        elif end is None:
            end = "s0" if out in ("lan", "bridge") or hook == "INPUT" and self.rng.random() < .3 else "c0"
        if hook == "FORWARD" and end == "out":
            end = "c0"
        if not w.get("dst"):
            if hook == "INPUT":
                w["dst"] = ROUTER[self.family][end]
            else:
                w["dst"] = BEHIND[self.family][out or ("lan" if end == "s0" else "wan")]
        if end != "out" and not w.get("src"):
            w["src"] = SOURCES[self.family][end]
        if end == "out" and not w.get("src"):
            w["src"] = ROUTER[self.family]["out"] if ipaddress.ip_address(w["dst"]).is_loopback else ROUTER[self.family]["s0"]
        p = Packet(family=self.family, end=end, sport=next(self.port) % 40000 + 20000, iid=next(self.port) & 0xffff)
        p.bridged = hook == "FORWARD" and via == "bridge" and out == "bridge"
        if self.family == 6:
            w = {**w, **({"proto": ICMP6} if w.get("proto") == ICMP else {})}
        p.__dict__.update(w)
        a = ipaddress.ip_address(p.dst)
        if p.cast is None and (a.is_multicast or p.dst.endswith(".255")):
            p.cast = "multicast" if a.is_multicast else "broadcast"
        if self.family == 6 and p.proto == ICMP6 and "itype" not in w:
            p.itype = 128
        return p

    @staticmethod
    def merge(rules, family):
        wish = {}
        for r in rules:
            for hits, _ in r.edges(family):
                if hits:
                    wish.update(hits[0])
        return wish

    # -- flows

    def reply(self, p, **more):
        src, dst = p._default_addresses()
        end = self.end_of(dst) if not p.bridged else "s1"
        return p.but(src=dst, dst=src, sport=p.dport, dport=p.sport, end=end, cast=None, src_mac=None, payload=b"reply", ident=p.ident ^ 1, **more)

    def flow(self, p):
        """The packets of one connection that p opens: both directions, an error about it, and what does not belong."""
        if p.proto == TCP:
            syn, ack, fin, rst = FLAGS["SYN"], FLAGS["ACK"], FLAGS["FIN"], FLAGS["RST"]
            o = p.but(flags=syn, seq=1000, ack=0, payload=b"")
            back = [self.reply(o, flags=syn | ack, seq=5000, ack=1001).but(payload=b"")]
            rest = [o.but(flags=ack, seq=1001, ack=5001), o.but(flags=ack, seq=1001, ack=5001, payload=b"hello"),
                    self.reply(o, flags=ack, seq=5001, ack=1006), o.but(flags=ack, seq=4000000, ack=9),
                    self.reply(o, flags=fin | ack, seq=5006, ack=1006).but(payload=b""), o.but(flags=rst | ack, seq=1006, ack=5007, payload=b"")]
        elif p.proto in (ICMP, ICMP6):
            o = p.but(itype=128 if self.family == 6 else 8, iid=next(self.port) & 0xffff)
            back, rest = [self.reply(o, itype=129 if self.family == 6 else 0).but(payload=o.payload)], []
        else:
            o, back, rest = p, [self.reply(p)], [p]
        return [o] + back + rest + [self.error_about(o)]

    def error_about(self, p):
        quoted = p.ip()[:48 if self.family == 6 else 28]
        src, dst = p._default_addresses()
        end = self.end_of(dst) if not p.bridged else "s1"
        return Packet(family=self.family, end=end, src=dst, dst=src, proto=ICMP6 if self.family == 6 else ICMP,
                      itype=1 if self.family == 6 else 3, icode=4 if self.family == 6 else 3, iid=0, inner=b"" + quoted)

    # -- the parts

    def rule_packets(self):
        paths = self.rs.paths()
        for r in self.rs.rules:
            per_option = r.edges(self.family)
            for hits, edges in per_option:
                for e in edges + hits:
                    self.pool.setdefault(tuple(sorted(e)), []).append(e)
            for hook, way in paths[id(r)]:
                yield from self.one_way(hook, self.merge(way + [r], self.family), per_option)
        # The kernel's other tables, and what the file asks for.
        for r in self.rs.others:
            for hook in {"INPUT": ["INPUT"], "OUTPUT": ["OUTPUT"]}.get(r.chain, ["INPUT", "FORWARD"]):
                yield from self.one_way(hook, self.merge([r], self.family), r.edges(self.family))
        for wish in self.rs.also():
            self.pool.setdefault(tuple(sorted(wish)), []).append(wish)
            for hook in ("INPUT", "FORWARD", "OUTPUT"):
                yield from self.one_way(hook, wish, [])

    def one_way(self, hook, wish, per_option):
        base = self.place(hook, wish)
        self.bases.append(base)
        yield base
        for hits, edges in per_option:
            for e in edges + hits[1:]:
                yield self.place(hook, {**wish, **e})
        if "states" in wish or self.rng.random() < .2:
            yield from self.flow(base.but(sport=next(self.port)))
            yield from self.flow(self.reply(base, flags=base.flags, itype=base.itype).but(sport=next(self.port)))

    def random_packet(self):
        wish = {}
        for choices in self.pool.values():
            if self.rng.random() < .4:
                wish.update(self.rng.choice(choices))
        if "proto" not in wish:
            wish["proto"] = self.rng.choice([TCP, TCP, UDP, UDP, ICMP])
        p = self.place(self.rng.choice(["INPUT", "FORWARD", "OUTPUT"]), wish)
        if self.rng.random() < .1:
            p.ttl, p.tos = self.rng.choice([1, 2, 64, 255]), self.rng.randrange(256)
        return p

    def sockets(self):
        """TCP between real sockets, through and to the router."""
        ports = sorted({e["dport"] for c in self.pool.values() for e in c if e.get("dport", 0) > 0})
        form = "fd00:%d::%d" if self.family == 6 else "10.%d.0.%d"
        lo = ROUTER[self.family]["out"]
        for port in self.rng.sample(ports, min(3, len(ports))) + [40001]:
            for a, x, b, y in (("c", form % (1, 2), "r", form % (1, 1)), ("c", form % (1, 2), "s", form % (2, 2)), ("s", form % (2, 2), "r", form % (2, 1)),
                               ("r", form % (2, 1), "s", form % (2, 2)), ("r", lo, "r", lo), ("c", form % (3, 2), "s", form % (3, 3))):
                # One segment only: how many acknowledgements more of them get is a matter of time. (lo takes 9000 in one.)
                yield "t %d %s %s %s %s %d %d" % (self.family, a, x, b, y, port, self.rng.choice([0, 10, 9000 if x == lo else 1000]))

    def lines(self):
        first = list(self.rule_packets())
        if len(first) > self.limit:
            first = [p for i, p in enumerate(first) if i % (len(first) // self.limit + 1) == 0 or p in self.bases]
        sample = self.rng.sample(self.bases, min(len(self.bases), 12)) + [self.random_packet() for _ in range(4)]
        packets = first + [q for p in sample for q in hostile.variants(p, self.rng)]
        packets += [self.random_packet() for _ in range(400)]
        out = []
        for p in packets:
            try:
                out.append(p.line())
            except (struct.error, ValueError, OverflowError) as e:
                raise ValueError("no packet of %r" % p.__dict__) from e
        return out + list(self.sockets())
