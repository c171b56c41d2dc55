# SPDX-License-Identifier: GPL-2.0-only
"""A world: client, router, server namespaces (the picture is in twin.h), quiet and always the same.

Nothing may speak on its own: no duplicate address detection, no router or
neighbour discovery, no multicast reports after the first second, no rate
limits on ICMP. MAC and IP addresses and interface indices are those of every
other world.
"""
import ctypes
import os
import subprocess
import time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

MACS = {"c0": "02:00:00:00:01:02", "lan": "02:00:00:00:01:01", "s0": "02:00:00:00:02:02", "wan": "02:00:00:00:02:01",
        "c1": "02:00:00:00:03:02", "s1": "02:00:00:00:03:03", "p0": "02:00:00:00:03:11", "p1": "02:00:00:00:03:12",
        "bridge": "02:00:00:00:03:01"}

SYSCTLS = {
    "net/ipv4/conf/{if}/rp_filter": 0, "net/ipv4/conf/{if}/send_redirects": 0, "net/ipv4/conf/{if}/accept_redirects": 0,
    "net/ipv4/conf/{if}/accept_source_route": 1, "net/ipv4/conf/{if}/log_martians": 0,
    "net/ipv6/conf/{if}/accept_dad": 0, "net/ipv6/conf/{if}/dad_transmits": 0, "net/ipv6/conf/{if}/accept_ra": 0,
    "net/ipv6/conf/{if}/router_solicitations": 0, "net/ipv6/conf/{if}/addr_gen_mode": 1,
    "net/ipv6/conf/{if}/accept_redirects": 0, "net/ipv6/conf/{if}/mldv2_unsolicited_report_interval": 1,
    "net/ipv6/conf/{if}/disable_ipv6": 0,
    # A neighbour that is not known fails at once instead of after three seconds, with errors for all that waited.
    "net/ipv4/neigh/{if}/mcast_solicit": 0, "net/ipv6/neigh/{if}/mcast_solicit": 0,
}
GLOBAL = {
    "net/ipv4/icmp_ratelimit": 0, "net/ipv4/icmp_ratemask": 0, "net/ipv4/icmp_msgs_per_sec": 1000000,
    "net/ipv4/icmp_msgs_burst": 1000000, "net/ipv4/icmp_echo_ignore_broadcasts": 0, "net/ipv4/tcp_timestamps": 0,
    "net/ipv4/tcp_challenge_ack_limit": 2147483647, "net/ipv4/ipfrag_time": 3600,
    "net/ipv4/igmp_qrv": 1, "net/ipv6/mld_qrv": 1, "net/ipv6/icmp/ratelimit": 0, "net/ipv6/auto_flowlabels": 0,
    "net/ipv6/ip6frag_time": 3600, "net/ipv6/flowlabel_reflect": 0,
    "net/netfilter/nf_conntrack_frag6_timeout": 3600, "net/ipv4/ip_no_pmtu_disc": 0,
    "net/ipv4/tcp_autocorking": 0, "net/ipv4/tcp_early_retrans": 0, "net/ipv4/ping_group_range": "1 0",
}
ROUTER = {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1, "net/bridge/bridge-nf-call-iptables": 1,
          "net/bridge/bridge-nf-call-ip6tables": 1}


class Layout:
    """What a ruleset file may wish for: names of the router's interfaces, more addresses and routes of it."""

    def __init__(self):
        self.lan, self.wan, self.bridge = "eth1", "eth0", "br0"
        self.addresses = []  # (address, "lan" | "wan" | "bridge")
        self.routes = []     # (prefix, "lan" | "bridge"): where a destination is, if not behind wan

    def dev(self, which):
        return getattr(self, which)

    def key(self):
        return (self.lan, self.wan, self.bridge, tuple(self.addresses), tuple(self.routes))


class Inside:
    """with Inside(name): this thread is in that namespace."""
    home = None

    def __init__(self, name):
        if Inside.home is None:
            Inside.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.fd = os.open("/run/netns/" + name, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        if libc.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(self.fd)

    def __exit__(self, *_):
        if libc.setns(Inside.home, CLONE_NEWNET):
            raise SystemExit("cannot return to the first network namespace")


def sh(*cmd, stdin=None, check=True):
    p = subprocess.run(cmd, input=stdin, text=True, capture_output=True)
    if check and p.returncode:
        raise RuntimeError("%s: %s" % (" ".join(cmd), (p.stderr or p.stdout).strip()))
    return p


def put(path, value, needed=True):
    try:
        with open("/proc/sys/" + path, "w") as f:
            f.write(str(value))
    except FileNotFoundError:
        if needed:
            raise


class World:
    def __init__(self, name, layout):
        self.name, self.layout = name, layout
        self.r = name + "-r"
        for n in "crs":
            sh("ip", "netns", "add", name + "-" + n)
        self._links()
        for n, ifs in (("c", ["c0", "c1"]), ("s", ["s0", "s1"]), ("r", [layout.lan, layout.wan, layout.bridge, "p0", "p1"])):
            self._sysctls(n, ifs)
        self._addresses()

    def _ip(self, n, lines):
        sh("ip", "-n", self.name + "-" + n, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _links(self):
        y, m, n = self.layout, MACS, self.name

        def veth(a, a_mac, b, b_mac, where):
            return "link add %s address %s type veth peer name %s address %s netns %s-%s" % (a, a_mac, b, b_mac, n, where)
        self._ip("r", [
            veth(y.wan, m["wan"], "s0", m["s0"], "s"), veth(y.lan, m["lan"], "c0", m["c0"], "c"),
            veth("p0", m["p0"], "c1", m["c1"], "c"), veth("p1", m["p1"], "s1", m["s1"], "s"),
            "link add %s address %s type bridge stp_state 0 mcast_snooping 0" % (y.bridge, m["bridge"]),
            "link set p0 master " + y.bridge, "link set p1 master " + y.bridge])

    def _sysctls(self, n, ifs):
        with Inside(self.name + "-" + n):
            for path, value in GLOBAL.items():
                put(path, value, needed=False)
            for name in ["all", "default"] + ifs:
                for path, value in SYSCTLS.items():
                    put(path.replace("{if}", name), value, needed=name not in ("all", "default"))
            if n == "r":
                for path, value in ROUTER.items():
                    put(path, value)
                put("net/ipv6/conf/%s/accept_dad" % "p0", 0)

    def _addresses(self):
        y, m = self.layout, MACS

        def host(dev, net, i, peers):
            lines = ["link set lo up", "link set %s up" % dev, "addr add 10.%d.0.%d/24 broadcast 10.%d.0.255 dev %s" % (net, i, net, dev),
                     "addr add fd00:%d::%d/64 dev %s nodad" % (net, i, dev)]
            for j, mac in peers:
                lines += ["neigh replace 10.%d.0.%d lladdr %s dev %s nud permanent" % (net, j, mac, dev),
                          "neigh replace fd00:%d::%d lladdr %s dev %s nud permanent" % (net, j, mac, dev)]
            return lines
        self._ip("r", ["link set p0 up", "link set p1 up"] + host(y.lan, 1, 1, [(2, m["c0"])]) +
                 host(y.wan, 2, 1, [(2, m["s0"])]) + host(y.bridge, 3, 1, [(2, m["c1"]), (3, m["s1"])]) + [
                     "route add default via 10.2.0.2", "route add ::/0 via fd00:2::2",
                     "route add 10.9.0.0/16 via 10.1.0.2", "route add fd00:9::/32 via fd00:1::2"] +
                 ["addr add %s dev %s%s" % (a, y.dev(d), " nodad" if ":" in a else "") for a, d in y.addresses] +
                 ["route replace %s via %s" % (p, self._via(d, ":" in p)) for p, d in y.routes])
        self._ip("c", host("c0", 1, 2, [(1, m["lan"])]) + host("c1", 3, 2, [(1, m["bridge"]), (3, m["s1"])]) + [
            "route add default via 10.1.0.1", "route add ::/0 via fd00:1::1"])
        self._ip("s", host("s0", 2, 2, [(1, m["wan"])]) + host("s1", 3, 3, [(1, m["bridge"]), (2, m["c1"])]) + [
            "route add default via 10.2.0.1", "route add ::/0 via fd00:2::1"])

    @staticmethod
    def _via(where, v6):
        net = {"lan": 1, "wan": 2, "bridge": 3}[where]
        return ("fd00:%d::2" if v6 else "10.%d.0.2") % net

    def quiet(self):
        """Waits until the multicast reports of the new addresses are out: no more for 60 ms."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 0.06:
            with Inside(self.r), open("/proc/thread-self/net/snmp6") as f:
                now = f.read()
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.01)

    def in_router(self, *cmd, stdin=None, check=True):
        with Inside(self.r):
            return sh(*cmd, stdin=stdin, check=check)

    def delete(self):
        for n in "crs":
            sh("ip", "netns", "del", self.name + "-" + n, check=False)
