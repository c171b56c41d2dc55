# SPDX-License-Identifier: GPL-2.0-only
"""Random rulesets from every extension that is served. A seed gives the same text for ever.

Constants come from small pools, so that rules overlap and shadow one another.
User chains are made for one hook (or any), call only later ones, and hold only
what the kernel allows there.
"""
import random

BPF = ["4,48 0 0 9,21 0 1 6,6 0 0 65535,6 0 0 0",                              # IPv4 protocol is TCP
       "3,128 0 0 0,37 0 1 60,6 0 0 1", "4,128 0 0 0,37 0 1 60,6 0 0 1,6 0 0 0",  # longer than 60
       "5,48 0 0 1,84 0 0 252,21 0 1 40,6 0 0 1,6 0 0 0",                        # DSCP
       "8,48 0 0 0,84 0 0 15,100 0 0 2,12 0 0 0,7 0 0 0,72 0 0 2,21 0 1 53,6 0 0 1,6 0 0 0"]
BPF = [b for b in BPF if b.count(",") == int(b.split(",")[0])]

REJECT4 = ["icmp-net-unreachable", "icmp-host-unreachable", "icmp-port-unreachable", "icmp-proto-unreachable",
           "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited"]
REJECT6 = ["icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.v6 = self.r.random() < .4
        self.bytecode = [b for b in BPF if not self.v6 or "128 0 0 0" in b]

    def pick(self, *choices):
        return self.r.choice(choices)

    def no(self, chance=.2):
        return "! " if self.r.random() < chance else ""

    # -- constants

    def address(self):
        if self.v6:
            return self.pick("fd00:9::/32", "fd00:9::5/128", "2001:db8::/32", "fd00:1::2/128", "fd00:2::/64", "2001:db8:113::9/128", "::/1", "fd00:9::/ffff:ffff::ffff")
        return self.pick("10.9.0.0/16", "10.9.1.5/32", "203.0.113.0/24", "203.0.113.9/32", "10.1.0.2/32", "198.51.100.64/27", "10.2.0.1/32", "128.0.0.0/1",
                         "0.0.1.5/0.0.255.255", "10.0.0.0/255.0.255.0")

    def port(self):
        return self.pick(22, 53, 80, 123, 443, 1024, 8080, 65535)

    def port_range(self):
        a, b = sorted((self.port(), self.port()))
        return self.pick(str(a), "%d:%d" % (a, b), "%d:" % a, ":%d" % b)

    def many_ports(self):
        out, room = [], self.r.randrange(1, 7)
        while room > 0:
            part = self.pick(str(self.port()), "%d:%d" % tuple(sorted(self.r.sample([22, 53, 80, 123, 443, 1024, 8080, 65535], 2))))
            out.append(part)
            room -= 2 if ":" in part else 1
        return ",".join(out)

    # -- matches: each returns text, or None where it may not stand

    def plain(self, hook):
        out = []
        if self.r.random() < .4:
            out.append("%s-s %s" % (self.no(), self.address()))
        if self.r.random() < .3:
            out.append("%s-d %s" % (self.no(), self.address()))
        if hook in ("INPUT", "FORWARD") and self.r.random() < .3:
            out.append("%s-i %s" % (self.no(), self.pick("eth0", "eth1", "br0", "eth+", "lo", "+")))
        if hook in ("OUTPUT", "FORWARD") and self.r.random() < .3:
            out.append("%s-o %s" % (self.no(), self.pick("eth0", "eth1", "br0", "et+", "lo")))
        return out

    def tcp(self):
        out = ["-p tcp -m tcp"]
        if self.r.random() < .5:
            out.append("%s--dport %s" % (self.no(), self.port_range()))
        if self.r.random() < .2:
            out.append("%s--sport %s" % (self.no(), self.port_range()))
        if self.r.random() < .3:
            out.append("%s--tcp-flags %s" % (self.no(), self.pick("FIN,SYN,RST,ACK SYN", "ALL NONE", "SYN,FIN SYN,FIN", "ALL FIN,PSH,URG", "ACK ACK", "RST RST")))
        if self.r.random() < .1:
            out.append("%s--tcp-option %d" % (self.no(), self.pick(2, 3, 5, 8)))
        if self.r.random() < .1:
            out.append("-m tcpmss %s--mss %s" % (self.no(), self.pick("1400:1500", "536", "0:500")))
        return " ".join(out)

    def udp(self):
        return "-p udp -m udp" + self.pick("", " %s--dport %s" % (self.no(), self.port_range()), " %s--sport %s" % (self.no(), self.port_range()))

    def icmp(self):
        if self.v6:
            return "-p ipv6-icmp -m icmp6 %s--icmpv6-type %s" % (self.no(), self.pick("128", "129", "1", "1/4", "3", "135"))
        return "-p icmp -m icmp %s--icmp-type %s" % (self.no(), self.pick("8", "0", "3", "3/3", "11", "any", "3/4"))

    def multiport(self):
        return "-p %s -m multiport %s--%s %s" % (self.pick("tcp", "udp"), self.no(), self.pick("dports", "sports", "ports"), self.many_ports())

    def protocol(self):
        return self.pick(self.tcp, self.udp, self.tcp, self.udp, self.icmp, self.multiport,
                         lambda: "%s-p %s" % (self.no(.3), self.pick("tcp", "udp", "47", "50", "icmp", "132")))()

    def conntrack(self):
        state = ",".join(self.r.sample(["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"], self.r.randrange(1, 4)))
        return self.pick("-m state %s--state %s" % (self.no(), state), "-m conntrack %s--ctstate %s" % (self.no(), state),
                         "-m conntrack %s--ctstate %s" % (self.no(), state),
                         "-m conntrack --ctdir %s" % self.pick("ORIGINAL", "REPLY"),
                         "-m conntrack %s--ctstatus %s" % (self.no(), self.pick("SEEN_REPLY", "ASSURED", "CONFIRMED", "NONE", "EXPECTED")),
                         "-m conntrack %s--ctproto %s" % (self.no(), self.pick("tcp", "udp", "17")),
                         "-m conntrack %s--%s %s" % (self.no(), self.pick("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"),
                                                     "fd00:9::/32" if self.v6 else "10.9.0.0/16"),
                         "-m conntrack --ctproto tcp %s--%s %s" % (self.no(), self.pick("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"),
                                                                 self.pick("80", "1:1024", "443")))

    def addrtype(self, hook):
        limit = {"INPUT": " --limit-iface-in", "OUTPUT": " --limit-iface-out"}.get(hook, "") if self.r.random() < .2 else ""
        kinds = ["LOCAL", "UNICAST", "MULTICAST"] + ([] if self.v6 else ["BROADCAST", "UNSPEC"])
        return "-m addrtype %s--%s-type %s%s" % (self.no(), self.pick("src", "dst"), ",".join(self.r.sample(kinds, self.r.randrange(1, 3))), limit)

    def extra(self, hook):
        ttl = "-m hl %s--hl-" % "" if self.v6 else "-m ttl --ttl-"
        low, high = ("fd00:9::", "fd00:9::ff") if self.v6 else ("10.9.1.0", "10.9.1.99")
        choices = [
            lambda: ttl + self.pick("eq 64", "eq 61", "lt 61", "gt 60", "lt 2"),
            lambda: "-m length %s--length %s" % (self.no(), self.pick("0:60", "44", "100:1500", "61:")),
            lambda: "-m tos %s--tos %s" % (self.no(), self.pick("0x10", "0x00/0xff", "0x08/0x3f", "0xb8/0xfc")),
            lambda: "-m dscp %s--dscp %s" % (self.no(), self.pick("0x2e", "0x00", "0x0a")),
            lambda: "-m mark %s--mark %s" % (self.no(), self.pick("0x0", "0x1", "0x1/0xff", "0xffffffff")),
            lambda: "-m iprange %s--%s-range %s-%s" % (self.no(), self.pick("src", "dst"), low, high),
            lambda: "-m statistic --mode nth %s--every %d --packet 0" % (self.no(), self.pick(2, 3, 7)),
            lambda: "-m limit --limit %s --limit-burst %d" % (self.pick("2/min", "1/hour", "10/day"), self.pick(1, 5, 20)),
            lambda: '-m bpf --bytecode "%s"' % self.r.choice(self.bytecode),
            lambda: "-m pkttype %s--pkt-type %s" % (self.no(), self.pick("unicast", "broadcast", "multicast")),
            lambda: "-m comment --comment \"%s\"" % self.pick("a rule", "x", "it's 100% \\\\"),
            lambda: self.addrtype(hook), self.conntrack, self.conntrack]
        if hook in ("INPUT", "FORWARD"):
            choices.append(lambda: "-m mac %s--mac-source %s" % (self.no(), self.pick("02:00:00:00:01:02", "02:00:00:00:02:02")))
        if hook == "OUTPUT":
            choices += [lambda: "-m owner %s--uid-owner %s" % (self.no(), self.pick("0", "1000", "1-999", "65534"))] * 2
        if not self.v6:
            choices.append(lambda: "%s-f" % self.no())
        return self.r.choice(choices)()

    # -- rules

    def target(self, rule, later):
        p = self.r.random()
        if not rule and p > .47:
            p *= .47  # what ends all is rare
        if p < .25 and later:
            return "%s %s" % (self.pick("-j", "-j", "-j", "-g"), self.r.choice(later))
        if p < .32:
            return ""
        if p < .40:
            if "-p tcp" in rule and "! -p" not in rule and self.r.random() < .5:
                return "-j REJECT --reject-with tcp-reset"
            return "-j REJECT --reject-with " + self.r.choice(REJECT6 if self.v6 else REJECT4)
        if p < .44:
            return '-j LOG --log-prefix "%s: "%s' % (self.pick("in", "drop"), self.pick("", " --log-level 6", " --log-tcp-options --log-ip-options", " --log-uid"))
        if p < .47:
            return '-j NFLOG --nflog-prefix "%s" --nflog-group %d' % (self.pick("a", "b c"), self.pick(1, 5))
        return "-j " + self.pick("ACCEPT", "ACCEPT", "DROP", "DROP", "RETURN")

    def rule(self, chain, hook, later):
        parts = self.plain(hook)
        if self.r.random() < .6:
            parts.append(self.protocol())
        while self.r.random() < .35:
            extra = self.extra(hook)
            if not any(extra.split()[:2] == p.split()[:2] for p in parts):
                parts.append(extra)
        text = " ".join(parts)
        return " ".join(x for x in ("-A", chain, text, self.target(text, later)) if x)

    def text(self):
        user = [("%s%d" % (hook[:3].lower(), n), hook) for hook in ("INPUT", "FORWARD", "OUTPUT", "any") for n in range(self.r.randrange(0, 3))]
        out = ["# family: %d" % (6 if self.v6 else 4)]
        if self.r.random() < .3:
            out += ["*mangle", "-A PREROUTING %s -j MARK --set-mark 0x1" % self.pick("-i eth0", "-p udp", "-i eth1 -p tcp"), "COMMIT"]
        out += ["*filter"] + [":%s %s [0:0]" % (c, self.pick("ACCEPT", "ACCEPT", "DROP")) for c in ("INPUT", "FORWARD", "OUTPUT")]
        out += [":%s - [0:0]" % name for name, _ in user]
        for hook in ("INPUT", "FORWARD", "OUTPUT"):
            callees = [n for n, h in user if h in (hook, "any")]
            rules = [self.rule(hook, hook, callees) for _ in range(self.r.randrange(1, 9))]
            # Each chain is called by a rule that is easily met.
            rules += ["-A %s %s-j %s" % (hook, self.pick("", "-p tcp ", "-p udp ", "! -p tcp "), c) for c in callees]
            self.r.shuffle(rules)
            out += rules
        for i, (name, hook) in enumerate(user):
            later = [n for n, h in user[i + 1:] if h in (hook, "any")]
            out += [self.rule(name, hook, later) for _ in range(self.r.randrange(0, 6))]
        return "\n".join(out + ["COMMIT"]) + "\n"


def ruleset(seed):
    return Generator(seed).text()
