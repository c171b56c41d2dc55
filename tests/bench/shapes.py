# SPDX-License-Identifier: GPL-2.0-only
"""Rulesets in both languages, and traces of packets for them.

apart      n rules on source, destination, UDP and destination port; sources differ. The packets hit the last rule, or
           a random one each.
stateful   what stands before a server: established connections first, then block list, services, a user chain. The
           packets belong to established flows, or are the first of theirs (and go down to rule 15).

All packets are UDP to DADDR, ports 5000 to 5015, and all are accepted by a rule: policies are DROP.
"""
import ipaddress
import random
import struct

DADDR = "10.77.0.1"
ENTRIES = 65536
PORT, PORTS = 5000, 16
FLOWS = 64


def source(i):
    """The source of rule i: scattered over 198.18.0.0/15."""
    return str(ipaddress.IPv4Address(0xc6120000 + i * 40503 % (1 << 17)))


def port(i):
    return PORT + i % PORTS


def apart_iptables(n):
    rules = ["-A INPUT -s %s -d %s -p udp -m udp --dport %d -j ACCEPT" % (source(i), DADDR, port(i)) for i in range(n)]
    return "\n".join(["*filter", ":INPUT DROP", ":FORWARD ACCEPT", ":OUTPUT ACCEPT"] + rules + ["COMMIT", ""])


def apart_nft(n):
    rules = ["ip saddr %s ip daddr %s udp dport %d counter accept" % (source(i), DADDR, port(i)) for i in range(n)]
    return nft_table(["chain input { type filter hook input priority filter; policy drop;"] + rules + ["}"])


def nft_table(lines):
    return "\n".join(["table ip filter {"] + lines + ["}", ""])


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

STATEFUL_NFT = nft_table(["""
chain services {
    tcp dport { 25, 465, 587, 993 } counter accept
    ip saddr 10.0.0.0/8 tcp dport 8080 counter accept
    udp dport 5000-5015 counter accept
}
chain input { type filter hook input priority filter; policy drop;
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
chain forward { type filter hook forward priority filter; policy drop; }
"""])

# Connection tracking for who has no rules: it comes with any rule that asks for it, in a chain that no packet passes too.
CONNTRACK = "table ip tracked {\nchain unused {\nct state new\n}\n}\n"


def checksum(head):
    s = sum(struct.unpack("!10H", head))
    s = (s & 0xffff) + (s >> 16)
    return ~(s + (s >> 16)) & 0xffff


def entry(saddr, sport, dport):
    """struct entry of feed.c."""
    addresses = ipaddress.IPv4Address(saddr).packed + ipaddress.IPv4Address(DADDR).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 46, 0, 0x4000, 64, 17, 0) + addresses
    return addresses + struct.pack("!HHHH", sport, dport, checksum(head), 0)


def apart_trace(n, which):
    made = {}

    def of(i):
        if i not in made:
            made[i] = entry(source(i), 30000, port(i))
        return made[i]
    if which == "last":
        return of(n - 1) * ENTRIES
    rng = random.Random(n)
    return b"".join(of(rng.randrange(n)) for _ in range(ENTRIES))


def stateful_trace():
    flows = [entry(source(i), 30000 + i, port(i)) for i in range(FLOWS)]
    return b"".join(flows) * (ENTRIES // FLOWS)
