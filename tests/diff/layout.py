# SPDX-License-Identifier: GPL-2.0-only
"""What the router must look like for a ruleset to be met by packets.

Directives in the file (`# wan: ppp0`, `# lan: ...`, `# bridge: docker0`) name
the interfaces. Addresses that INPUT rules speak of become the router's own,
destinations that FORWARD rules send out of lan or bridge are routed there.
"""
import ipaddress

from world import Layout

KNOWN = [ipaddress.ip_network(n) for n in ("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24", "fd00:1::/64", "fd00:2::/64", "fd00:3::/64",
                                           "127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128", "255.255.255.255/32", "fe80::/10")]


def ordinary(net):
    return not net.is_multicast and not any(k.version == net.version and net.subnet_of(k) for k in KNOWN)


def options(rule):
    return {name: (negated, args) for name, negated, args in rule.options}


def targets(rules):
    """The destination networks of a way of rules, and where they go out."""
    net = out = None
    for r in rules:
        o = options(r)
        if "-d" in o and not o["-d"][0]:
            try:
                net = ipaddress.ip_network(o["-d"][1][0], strict=False)
            except ValueError:
                net = None
        if "-o" in o and not o["-o"][0]:
            out = o["-o"][1][0]
    return net, out


def layout_for(rs):
    y = Layout()
    for which in ("lan", "wan", "bridge"):
        if which in rs.directives:
            setattr(y, which, rs.directives[which][0])
    paths = rs.paths()
    for r in rs.rules:
        for hook, way in paths[id(r)]:
            net, out = targets(way + [r])
            if not net or not ordinary(net):
                continue
            if hook == "INPUT" and net.prefixlen == net.max_prefixlen:
                entry = ("%s/%d" % (net.network_address, net.max_prefixlen), "wan")
                if entry not in y.addresses:
                    y.addresses.append(entry)
            elif hook == "FORWARD" and out in (y.lan, y.bridge) and net.prefixlen:
                entry = (str(net), "lan" if out == y.lan else "bridge")
                if entry[0] not in [p for p, _ in y.routes]:
                    y.routes.append(entry)
    return y
