# SPDX-License-Identifier: GPL-2.0-only
"""Reads a ruleset file and finds, for every option, the packets at its edges.

An option gives (hits, edges): wishes (dicts of Packet attributes) that satisfy
it, and wishes on and around its boundaries, on both sides. What is not known
here gives nothing, and random packets must do.
"""
import ipaddress
import json
import shlex

from packets import FLAGS, ICMP, ICMP6, SCTP, TCP, UDP, UDPLITE

PROTOS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "ipv6-icmp": ICMP6, "icmpv6": ICMP6, "sctp": SCTP, "gre": 47, "esp": 50,
          "ah": 51, "igmp": 2, "ospf": 89, "udplite": UDPLITE, "ipencap": 4, "ipv6": 41, "vrrp": 112, "all": None, "0": None}
ICMP_NAMES = {"echo-request": 8, "echo-reply": 0, "destination-unreachable": 3, "time-exceeded": 11, "source-quench": 4,
              "redirect": 5, "parameter-problem": 12, "timestamp-request": 13, "router-advertisement": 9,
              "router-solicitation": 10, "address-mask-request": 17, "fragmentation-needed": (3, 4), "any": 255}
ICMP6_NAMES = {"echo-request": 128, "echo-reply": 129, "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3,
               "parameter-problem": 4, "router-solicitation": 133, "router-advertisement": 134, "neighbour-solicitation": 135,
               "neighbor-solicitation": 135, "neighbour-advertisement": 136, "neighbor-advertisement": 136, "redirect": 137}
TAKES_TWO = {"--tcp-flags"}
TAKES_NONE = {"-f", "--syn", "--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid", "--log-macdecode",
              "--socket-exists", "--physdev-is-bridged", "--physdev-is-in", "--physdev-is-out", "--rsource", "--rdest",
              "--set", "--update", "--rcheck", "--remove", "--rttl", "--clamp-mss-to-pmtu", "--save-mark", "--restore-mark",
              "--notrack", "--ecn-tcp-cwr", "--ecn-tcp-ece", "--limit-iface-in", "--limit-iface-out", "--suppl-groups"}
LONG = {"--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
        "--protocol": "-p", "--proto": "-p", "--jump": "-j", "--goto": "-g", "--match": "-m", "--source-port": "--sport",
        "--destination-port": "--dport", "--fragment": "-f", "--source-ports": "--sports", "--destination-ports": "--dports"}


class Rule:
    """One -A line: chain, options [(name, negated, arguments)], target, is_goto"""

    def __init__(self, line):
        self.line, self.options, self.target, self.is_goto = line, [], None, False
        words = shlex.split(line)
        self.chain = words[1]
        i, negated = 2, False
        while i < len(words):
            name = LONG.get(words[i], words[i])
            i += 1
            if name == "!":
                negated = True
                continue
            n = 2 if name in TAKES_TWO else 0 if name in TAKES_NONE else 1
            args, i = words[i:i + n], i + n
            if name in ("-j", "-g"):
                self.target, self.is_goto = args[0], name == "-g"
            else:
                self.options.append((name, negated, args))
            negated = False

    def edges(self, family):
        """[(hits, edges)] for each option"""
        out = []
        for name, negated, args in self.options:
            f = OPTIONS.get(name)
            hits, edges = f(args, family) if f else ([], [])
            if negated:
                hits = [e for e in edges if e not in hits] or hits
            out.append((hits, edges))
        return out


class Ruleset:
    def __init__(self, text, name=""):
        self.name, self.text = name, text
        self.directives, self.chains, self.rules, self.others = {}, {}, [], []
        table = None
        for line in text.splitlines():
            line = line.strip()
            if line.startswith("#") and ":" in line:
                key, value = line[1:].split(":", 1)
                self.directives.setdefault(key.strip(), []).append(value.strip())
            elif line.startswith("*"):
                table = line[1:]
            elif line.startswith(":") and table == "filter":
                self.chains[line[1:].split()[0]] = line.split()[1]
            elif line.lstrip("0123456789:[] ").startswith("-A"):
                (self.rules if table == "filter" else self.others).append(Rule(line[line.index("-A"):]))
        self.family = 6 if "6" in self.directives.get("family", ["4"]) else 4

    def also(self):
        """Wishes of the file itself, for what no option tells: # also: {"tos": 184}"""
        return [json.loads(text) for text in self.directives.get("also", [])]

    def paths(self):
        """For each rule: [(base chain, rules passed through by jump or goto)], a few of them."""
        into = {}
        for r in self.rules:
            if r.target in self.chains:
                into.setdefault(r.target, []).append(r)
        ways = {c: [(c, [])] for c in ("INPUT", "FORWARD", "OUTPUT")}

        def find(chain, depth):
            if chain not in ways:
                ways[chain] = []
                if depth < 12:
                    ways[chain] = [(b, w + [r]) for r in into.get(chain, []) for b, w in find(r.chain, depth + 1)][:4]
            return ways[chain]
        return {id(r): find(r.chain, 0) for r in self.rules}


def enlarged(rs, n=800, around=20):
    """The same ruleset with a chain of n rules that no packet gets into, called first: what is code when small
    (gen/gen.h) is data now, and must do the same. Every chain's rules get some that no packet meets in front and behind:
    so they are classified."""
    never, form = ("100::1/128", "100::%x/128") if rs.family == 6 else ("240.0.0.1/32", "240.1.%d.%d/32")
    filler = ["-s %s -j DROP" % (form % ((i,) if rs.family == 6 else divmod(i, 256))) for i in range(n)]
    out, table, chains, done = [], None, [], False
    for line in rs.text.splitlines():
        table = line[1:] if line.startswith("*") else table
        if table == "filter" and line.startswith(":"):
            chains.append(line[1:].split()[0])
        if table == "filter" and not done and (line == "COMMIT" or line.lstrip("0123456789:[] ").startswith("-A")):
            out += [":never - [0:0]"] + ["-A %s -s %s -j never" % (c, never) for c in ("INPUT", "FORWARD", "OUTPUT")]
            out += ["-A never " + f for f in filler] + ["-A %s %s" % (c, f) for c in chains for f in filler[:around]]
            done = True
        if table == "filter" and line == "COMMIT":
            out += ["-A %s %s" % (c, f) for c in chains for f in filler[around:2 * around]]
        out.append(line)
    return Ruleset("\n".join(out) + "\n", rs.name + ", as data")


def network(args, key, family):
    hits, edges = [], []
    for text in args[0].split(","):
        if text.count("/") == 1 and not text.split("/")[1].isdigit():
            base, mask = (int(ipaddress.ip_address(x)) for x in text.split("/"))
        else:
            net = ipaddress.ip_network(text, strict=False)
            base, mask = int(net.network_address), int(net.netmask)
        bits = 128 if family == 6 else 32
        full = (1 << bits) - 1
        base &= mask
        hits += [base | (full ^ mask) & 0x17, base]
        edges += [base, base | full ^ mask, (base - 1) & full, ((base | full ^ mask) + 1) & full,
                  base ^ (mask & -mask), base | (full ^ mask) >> 1]
    kind = ipaddress.IPv6Address if family == 6 else ipaddress.IPv4Address
    return tuple([{key: str(kind(v))} for v in dict.fromkeys(part) if v] for part in (hits, edges))


def number_range(text, low, high, sep=":"):
    a, _, b = text.partition(sep)
    first = int(a, 0) if a else low
    last = (int(b, 0) if b else high) if sep in text else first
    around = [v for v in (first - 1, first, first + 1, last - 1, last, last + 1, low, high) if low <= v <= high]
    return [first, last], list(dict.fromkeys(around))


def numbers(key, low, high, sep=":"):
    def f(args, _family):
        hits, edges = [], []
        for part in args[0].split(","):
            h, e = number_range(part, low, high, sep)
            hits, edges = hits + h, edges + e
        return [{key: v} for v in hits], [{key: v} for v in edges]
    return f


def protocol(args, _family):
    number = PROTOS.get(args[0].lower(), int(args[0]) if args[0].isdigit() else None)
    if number is None:
        return [], []
    return [{"proto": number}], [{"proto": p} for p in (number, TCP, UDP, ICMP, (number + 1) & 255)]


def any_ports(args, family):
    h1, e1 = numbers("sport", 0, 65535)(args, family)
    h2, e2 = numbers("dport", 0, 65535)(args, family)
    return h2 + h1, e1 + e2


def flags(text):
    return 63 if text == "ALL" else 0 if text == "NONE" else sum(FLAGS[f] for f in text.split(","))


def tcp_flags(args, _family):
    mask, comp = flags(args[0]), flags(args[1])
    other = [comp | (63 & ~mask), comp] + [comp ^ (1 << b) for b in range(6)] + [comp | 0xc0, 0, 63]
    return [{"flags": comp | 0}, {"flags": comp | (63 & ~mask)}], [{"flags": f} for f in dict.fromkeys(other)]


def icmp_type(names):
    def f(args, _family):
        text, _, code = args[0].partition("/")
        value = names.get(text, int(text) if text.isdigit() else None)
        if value is None:
            return [], []
        kind, code = value if isinstance(value, tuple) else (value, int(code) if code else None)
        kind = 8 if kind == 255 else kind
        return ([{"itype": kind, "icode": code or 0}],
                [{"itype": t, "icode": c} for t in (kind, (kind + 1) & 255, (kind - 1) & 255) for c in ((code or 0), ((code or 0) + 1) & 255, 255)])
    return f


def address_range(key):
    def f(args, family):
        low, high = (int(ipaddress.ip_address(a)) for a in args[0].split("-")) if "-" in args[0] else [int(ipaddress.ip_address(args[0]))] * 2
        kind = ipaddress.IPv6Address if family == 6 else ipaddress.IPv4Address
        around = (low - 1, low, low + 1, high - 1, high, high + 1)
        return [{key: str(kind(low))}], [{key: str(kind(v))} for v in around if 0 <= v < 1 << kind(0).max_prefixlen]
    return f


def masked(key, limit, shift=0):
    def f(args, _family):
        value, _, mask = args[0].partition("/")
        value, mask = int(value, 0), int(mask, 0) if mask else limit
        edges = [value, value ^ 1, value ^ (mask & -mask), value | (limit & ~mask), 0, limit]
        return [{key: value << shift}], [{key: (v & limit) << shift} for v in dict.fromkeys(edges)]
    return f


def relative(key, low, high, hit):
    def f(args, _family):
        value = int(args[0], 0)
        return [{key: value + hit}], [{key: v} for v in (value - 1, value, value + 1) if low <= v <= high]
    return f


def mss(args, _family):
    hits, around = number_range(args[0], 0, 65535)
    return tuple([{"proto": TCP, "tcpopts": bytes([1, 1, 2, 4]) + v.to_bytes(2, "big")} for v in part] for part in (hits, around))


def tcp_option(args, _family):
    number = int(args[0])
    option = bytes([number, 4, 0, 0]) if number > 1 else bytes([number])
    return [{"tcpopts": option}], [{"tcpopts": o} for o in (option, b"\1\1\1" + option, b"\0" + option, b"\2\4\5\xb4" + option,
                                                             bytes([number + 1, 4, 0, 0]), b"\3\0", option + b"\5\x28")]


def mac_source(args, _family):
    last = int(args[0][-2:], 16)
    return [{"src_mac": args[0].lower()}], [{"src_mac": args[0].lower()[:-2] + "%02x" % (last ^ 1)}, {"src_mac": args[0].lower()}]


def packet_type(args, _family):
    return ([{"cast": args[0]}] if args[0] in ("broadcast", "multicast") else []), [{"cast": c} for c in ("broadcast", "multicast", None)]


def owner(args, _family):
    first, _, last = args[0].partition("-")
    ids = [int(x) for x in (first, last) if x.isdigit()]
    return [{"uid": v} for v in ids[:1]], [{"uid": v} for v in dict.fromkeys(x for i in ids for x in (max(i, 1) - 1, i, i + 1))][:6]


def interface(args, _family):
    return [{"via": args[0]}], []


def out_interface(args, _family):
    return [{"out": args[0]}], []


def address_type(key):
    samples = {"BROADCAST": ["10.1.0.255", "255.255.255.255"], "MULTICAST": ["224.0.0.1", "239.1.2.3"], "LOCAL": ["10.1.0.1", "10.2.0.1", "127.0.0.1"],
               "UNICAST": ["198.51.100.8"], "ANYCAST": ["198.51.100.8"], "UNSPEC": ["0.0.0.0"]}
    samples6 = {"MULTICAST": ["ff02::1", "ff05::2"], "LOCAL": ["fd00:1::1", "::1"], "UNICAST": ["2001:db8::8"], "UNSPEC": ["::"]}

    def f(args, family):
        table = samples6 if family == 6 else samples
        every = [{key: a} for addresses in table.values() for a in addresses]
        return [{key: a} for t in args[0].split(",") for a in table.get(t, [])], every
    return f


def states(args, _family):
    return [{"states": args[0].split(",")}], []


def fragment(_args, _family):
    return [{"frag": (1480, False)}], [{"frag": f} for f in ((0, True), (8, True), (8, False), (1480, True), (0, False))]


OPTIONS = {
    "-s": lambda a, f: network(a, "src", f), "-d": lambda a, f: network(a, "dst", f), "-i": interface, "-o": out_interface,
    "-p": protocol, "-f": fragment, "--sport": numbers("sport", 0, 65535), "--dport": numbers("dport", 0, 65535),
    "--sports": numbers("sport", 0, 65535), "--dports": numbers("dport", 0, 65535), "--ports": any_ports, "--tcp-flags": tcp_flags,
    "--syn": lambda a, f: tcp_flags(["FIN,SYN,RST,ACK", "SYN"], f), "--icmp-type": icmp_type(ICMP_NAMES),
    "--icmpv6-type": icmp_type(ICMP6_NAMES), "--length": numbers("length", 28, 1400), "--ttl-eq": relative("ttl", 1, 255, 0),
    "--ttl-lt": relative("ttl", 1, 255, -1), "--ttl-gt": relative("ttl", 1, 255, 1), "--hl-eq": relative("ttl", 1, 255, 0),
    "--hl-lt": relative("ttl", 1, 255, -1), "--hl-gt": relative("ttl", 1, 255, 1), "--tos": masked("tos", 255),
    "--dscp": masked("tos", 63, 2), "--src-range": address_range("src"), "--dst-range": address_range("dst"), "--mss": mss,
    "--tcp-option": tcp_option, "--mac-source": mac_source, "--pkt-type": packet_type, "--uid-owner": owner, "--gid-owner": owner,
    "--ctproto": protocol, "--ctorigsrc": lambda a, f: network(a, "src", f), "--ctorigdst": lambda a, f: network(a, "dst", f),
    "--ctreplsrc": lambda a, f: network(a, "dst", f), "--ctrepldst": lambda a, f: network(a, "src", f),
    "--ctorigsrcport": numbers("sport", 0, 65535), "--ctorigdstport": numbers("dport", 0, 65535),
    "--ctreplsrcport": numbers("dport", 0, 65535), "--ctrepldstport": numbers("sport", 0, 65535),
    "--mark": masked("mark", 0xffffffff), "--src-type": address_type("src"), "--dst-type": address_type("dst"), "--state": states, "--ctstate": states,
}
