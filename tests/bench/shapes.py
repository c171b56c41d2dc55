# SPDX-License-Identifier: GPL-2.0-only
"""Rulesets in both languages, as files, and traces of packets for them.

All but one come from classgen. `stateful` is written down here: what stands before a server, established connections
first, then a block list, services, a user chain. Its packets belong to established flows, or are the first of theirs
(and go down to rule 15); they are UDP to ports 5000 to 5015, where feed has sockets.
"""
import ipaddress
import os
import struct
import subprocess
import tempfile

DADDR = "10.77.0.1"
ENTRIES = 65536
FLOWS = 64
CHAINED = {"kube": "local", "docker": "forward", "shorewall": "forward"}
BY_CHANCE = {"kube"}  # which rule counts is chosen by chance: no two worlds count alike
TRACKED = {"docker", "shorewall", "stateful"}

STATEFUL_IPTABLES = """*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT ACCEPT
:services -
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -s 192.0.2.0/24 -j DROP
-A INPUT -s 198.51.100.0/24 -j DROP
-A INPUT -s 203.0.113.7 -j DROP
-A INPUT -p icmp --icmp-type echo-request -m limit --limit 5/second -j ACCEPT
-A INPUT -p tcp --syn --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A INPUT -p udp --dport 53 -j ACCEPT
-A INPUT -p udp --dport 123 -j ACCEPT
-A INPUT -j services
-A services -p tcp -m multiport --dports 25,465,587,993 -j ACCEPT
-A services -p tcp -s 10.0.0.0/8 --dport 8080 -j ACCEPT
-A services -p udp --dport 5000:5015 -j ACCEPT
COMMIT
"""

STATEFUL_NFT = """table ip filter {
chain services {
    tcp dport { 25, 465, 587, 993 } counter accept
    ip saddr 10.0.0.0/8 tcp dport 8080 counter accept
    udp dport 5000-5015 counter accept
}
chain INPUT { type filter hook input priority filter; policy drop;
    iifname "lo" counter accept
    ct state established,related counter accept
    ct state invalid counter drop
    ip saddr 192.0.2.0/24 counter drop
    ip saddr 198.51.100.0/24 counter drop
    ip saddr 203.0.113.7 counter drop
    icmp type echo-request limit rate 5/second counter accept
    tcp dport 22 tcp flags & (fin|syn|rst|ack) == syn ct state new counter accept
    tcp dport { 80, 443 } counter accept
    udp dport 53 counter accept
    udp dport 123 counter accept
    counter jump services
}
chain FORWARD { type filter hook forward priority filter; policy drop; }
}
"""

# Connection tracking for who has no rules: it comes with any rule that asks for it, in a chain that no packet passes too.
CONNTRACK = "table ip tracked {\nchain unused {\nct state new\n}\n}\n"


def checksum(head):
    s = sum(struct.unpack("!10H", head))
    s = (s & 0xffff) + (s >> 16)
    return ~(s + (s >> 16)) & 0xffff


def entry(saddr, sport, dport):
    """An entry of a trace, as classgen.c describes it."""
    start, rest = struct.pack("!BBHHHBB", 0x45, 0, 46, 0, 0x4000, 64, 17), b"".join(
        ipaddress.IPv4Address(a).packed for a in (saddr, DADDR))
    return start + struct.pack("!H", checksum(start + b"\0\0" + rest)) + rest + struct.pack("!HH", sport, dport)


def stateful_trace():
    flows = [entry("198.18.0.%d" % (1 + i), 30000 + i, 5000 + i % 16) for i in range(FLOWS)]
    return b"".join(flows) * (ENTRIES // FLOWS)


class Set:
    """One ruleset: .iptables and .nft are paths of files, .trace[kind] too; .rules is how many rules it has."""

    def __init__(self, shape, n, build, v6=False, kinds=("last", "random"), seed=1):
        self.shape, self.v6, self.build, self.seed = shape, v6, build, seed
        self.dir = tempfile.TemporaryDirectory(prefix="bpfilter-bench.")
        self.iptables, self.nft = self._path("iptables"), self._path("nft")
        self.trace = {k: self._path(k) for k in kinds}
        if shape == "stateful":
            self._stateful()
        else:
            self._classgen(n)
        with open(self.iptables) as f:
            self.rules = sum(line.startswith("-A") for line in f)

    def _path(self, name):
        return os.path.join(self.dir.name, name)

    def _stateful(self):
        for path, text in ((self.iptables, STATEFUL_IPTABLES), (self.nft, STATEFUL_NFT)):
            with open(path, "w") as f:
                f.write(text)
        for path in self.trace.values():
            with open(path, "wb") as f:
                f.write(stateful_trace())

    def _classgen(self, n):
        args = ["-6"] * self.v6 + ["-s", str(self.seed), "-i", self.iptables, "-n", self.nft]
        args += ["-p", str(ENTRIES if n <= 100000 else ENTRIES * 16)]
        for kind, path in self.trace.items():
            args += ["-t", "%s=%s" % (kind, path)]
        subprocess.run([os.path.join(self.build, "tests", "bench", "classgen"), *args, self.shape, str(n)], check=True)

    @property
    def name(self):
        return self.shape + "6" * self.v6

    @property
    def net(self):
        """What kind of a namespace its packets need (worlds.py)."""
        return "server" if self.shape == "stateful" else CHAINED.get(self.shape, "local") + "6" * self.v6

    def close(self):
        self.dir.cleanup()
