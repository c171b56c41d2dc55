# SPDX-License-Identifier: GPL-2.0-only
"""
Chains at other hooks than netfilter's, as a user writes them, on real packets:

    near ── va ═ vb ── far          near ── vc ═ vd ── beyond
    192.0.2.1       192.0.2.2       198.51.100.1     198.51.100.2

far sends, near has the chains; what comes back is caught on vb and looked at
byte by byte. usage: hooks.py BPFILTER
"""
import ctypes, os, re, signal, socket, struct, subprocess, sys, time

TOOL = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, ETH_P_ALL = 0x40000000, 3
NEAR, FAR, BEYOND = ("hooks-%d-%s" % (os.getpid(), n) for n in ("near", "far", "beyond"))
GROUP = "hooks-%d" % os.getpid()
failures = 0


def sh(command, ns=None, check=True):
    if ns:
        command = "nsenter --net=/run/netns/%s sh -c '%s'" % (ns, command)
    p = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and p.returncode:
        raise SystemExit("failed: %s\n%s%s" % (command, p.stdout, p.stderr))
    return p


class inside:
    def __init__(self, ns):
        self.ns = ns

    def __enter__(self):
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open("/run/netns/" + self.ns, os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)

    def __exit__(self, *_):
        libc.setns(self.own, CLONE_NEWNET)
        os.close(self.own)


def load(text, ns=NEAR):
    p = subprocess.run(["nsenter", "--net=/run/netns/" + ns, TOOL, "load", "-"], input="flush ruleset\n" + text, text=True,
                       capture_output=True)
    if p.returncode:
        raise SystemExit("load:\n%s\n%s" % (text, p.stderr))


def flush():
    for ns in NEAR, FAR, BEYOND:
        sh(TOOL + " flush ruleset", ns)


def counts(ns=NEAR):
    words = sh(TOOL + " list -c", ns).stdout.split()
    return [int(words[i + 2]) for i, w in enumerate(words) if w == "counter"]


def sizes(ns=NEAR):
    words = sh(TOOL + " list -c", ns).stdout.split()
    return [int(words[i + 4]) for i, w in enumerate(words) if w == "counter"]


def check(what, got, wanted):
    global failures
    if got != wanted:
        failures += 1
        print("%s: %r instead of %r" % (what, got, wanted))


def between(what, got, lo, hi):
    global failures
    if not lo <= got <= hi:
        failures += 1
        print("%s: %r is not in %r..%r" % (what, got, lo, hi))


# ------------------------------------------------------------------ packets

def add16(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def pseudo(p, proto, n):
    if p[0] >> 4 == 4:
        return p[12:20] + struct.pack("!HH", proto, n)
    return p[8:40] + struct.pack("!II", n, proto)


def ip(proto, body, v6=False, frag=0, src=None, dst=None):
    if v6:
        src, dst = src or "fd00::2", dst or "fd00::1"
        return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + socket.inet_pton(10, src) + socket.inet_pton(10, dst) + body
    h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, frag, 64, proto, 0)
    h += socket.inet_aton(src or "192.0.2.2") + socket.inet_aton(dst or "192.0.2.1")
    return h[:10] + struct.pack("!H", 0xffff - add16(h)) + h[12:] + body


def tcp(dport, flags, seq=1000, ack=0, data=b"", v6=False):
    t = struct.pack("!HHIIBBHHH", 4444, dport, seq, ack, 0x50, flags, 100, 0, 0) + data
    p = ip(6, t, v6)
    head = 40 if v6 else 20
    return p[:head + 16] + struct.pack("!H", 0xffff - add16(pseudo(p, 6, len(t)) + t)) + p[head + 18:]


def udp(dport, data=b"x" * 30, v6=False, **more):
    return ip(17, struct.pack("!HHHH", 4444, dport, 8 + len(data), 0) + data, v6, **more)


class Wire:
    """vb, where far sends and listens."""

    def __init__(self, ns=FAR, dev="vb"):
        with inside(ns):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.s.bind((dev, 0))
        self.s.settimeout(0.3)
        self.me = self.s.getsockname()[4]

    def frame(self, packet, to=None, tag=None):
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
        tag = b"" if tag is None else struct.pack("!HH", 0x8100, tag)
        return (to or PEER) + self.me + tag + kind + packet

    def drain(self, wait=0.15):
        self.s.settimeout(wait)
        out = []
        try:
            while True:
                data, a = self.s.recvfrom(65536)
                if a[2] != socket.PACKET_OUTGOING and data[12:14] in (b"\x08\0", b"\x86\xdd"):
                    out.append(data)
        except (TimeoutError, BlockingIOError):
            pass
        return [d for d in out if not is_noise(d)]

    def ask(self, packet, **more):
        self.drain(0.001)
        self.s.send(self.frame(packet, **more))
        return self.drain()


def is_noise(frame):
    """Neighbours, routers, groups: IPv6's own talk."""
    p = frame[14:]
    if p[0] >> 4 != 6:
        return False
    return p[6] == 0 or (p[6] == 58 and p[40] in (130, 131, 132, 133, 134, 135, 136, 143))


# ------------------------------------------------------------------- answers

def sums_right(what, p):
    if p[0] >> 4 == 4:
        check(what + ": IP checksum", add16(p[:20]), 0xffff)
        check(what + ": length", struct.unpack("!H", p[2:4])[0], len(p))
        proto, body = p[9], p[20:]
    else:
        check(what + ": length", struct.unpack("!H", p[4:6])[0] + 40, len(p))
        proto, body = p[6], p[40:]
    check(what + ": checksum", add16(body if proto == 1 else pseudo(p, proto, len(body)) + body), 0xffff)


def answer(what, wire, asked):
    got = wire.ask(asked)
    check(what + ": answers", len(got), 1)
    if not got:
        return None
    check(what + ": from", got[0][6:12], PEER)
    check(what + ": to", got[0][:6], wire.me)
    p = got[0][14:]
    sums_right(what, p)
    a, b = ((12, 16) if p[0] >> 4 == 4 else (8, 24)), (4 if p[0] >> 4 == 4 else 16)
    check(what + ": addresses", (p[a[0]:a[0] + b], p[a[1]:a[1] + b]), (asked[a[1]:a[1] + b], asked[a[0]:a[0] + b]))
    return p


def reset(what, wire, flags, seq, ack, data, wanted, v6):
    p = answer(what, wire, tcp(80, flags, seq, ack, data, v6))
    if p:
        t = struct.unpack("!HHIIBB", p[40 if v6 else 20:][:14])
        check(what, t, (80, 4444) + wanted)


def error(what, wire, asked, kind, code):
    p = answer(what, wire, asked)
    if p:
        body = p[20 if p[0] >> 4 == 4 else 40:]
        check(what, tuple(body[:2]), (kind, code))
        check(what + ": quote", body[8:], asked[:80])


RULES = """table netdev t { chain c { type filter hook %s device "va" %s; policy accept;
    tcp dport 80 counter reject with tcp reset
    udp dport 5001 counter reject
    udp dport 5002 counter reject with icmpx admin-prohibited
    udp dport 5003 counter reject with icmp host-prohibited
    udp dport 5004 counter drop
    icmp type 3 counter reject
} }"""
SYN, ACK, FIN, RST = 2, 16, 1, 4


def rejects(hook, mode=""):
    wire, name = Wire(), "%s %s" % (hook, mode)
    load(RULES % (hook, mode))
    for v6 in False, True:
        reset(name + " RST of a SYN", wire, SYN, 1000, 0, b"", (0, 1001, 0x50, RST | ACK), v6)
        reset(name + " RST of data", wire, 0, 1000, 0, b"12345", (0, 1005, 0x50, RST | ACK), v6)
        reset(name + " RST of an ACK", wire, ACK, 1000, 77, b"123", (77, 0, 0x50, RST), v6)
        reset(name + " RST of a FIN", wire, FIN, 0xffffffff, 0, b"", (0, 0, 0x50, RST | ACK), v6)
        check(name + " RST of a RST", wire.ask(tcp(80, RST, v6=v6)), [])
        error(name + " port", wire, udp(5001, v6=v6), *((1, 4) if v6 else (3, 3)))
        error(name + " long", wire, udp(5001, b"y" * 901, v6=v6), *((1, 4) if v6 else (3, 3)))
        error(name + " admin", wire, udp(5002, v6=v6), *((1, 1) if v6 else (3, 13)))
        check(name + " drop", wire.ask(udp(5004, v6=v6)), [])
    error(name + " host", wire, udp(5003), 3, 10)
    check(name + " broadcast", wire.ask(udp(5001), to=b"\xff" * 6), [])
    check(name + " multicast", wire.ask(udp(5001, dst="224.0.0.1")), [])
    check(name + " from nobody", wire.ask(udp(5001, src="0.0.0.0")), [])
    check(name + " ICMP error", wire.ask(ip(1, struct.pack("!BBHI", 3, 3, 0xfcfc, 0) + udp(9)[:28])), [])
    check(name + " fragment", wire.ask(udp(5001, frag=0x2001)), [])
    check(name + " counters", counts(), [10, 7, 2, 1, 2, 1])
    for i in range(400):
        wire.s.send(wire.frame(udp(5001)))
    between(name + " answers to a flood", len(wire.drain(0.2)), 40, 200)
    flush()


def tagged(hook, mode=""):
    """A VLAN tag: in the packet at XDP, taken off at tc; the rules are those of what it holds."""
    wire = Wire()
    load(RULES % (hook, mode))
    wire.ask(udp(5004), tag=5)
    wire.ask(udp(5004, v6=True), tag=5)
    check(hook + " tagged", counts()[4], 2)
    flush()


def stacked(hook, mode=""):
    """Tags of 802.1ad, and tags in tags: what nft says of them at ingress."""
    wire = Wire()
    load("""table netdev t { chain c { type filter hook %s device "va" %s; policy accept; @ll,112,16 != 5 accept
        ether type 8021ad counter
        ether type 8021ad vlan id 5 counter
        vlan id 5 counter
        ether type 8021ad vlan id 5 vlan type 8021q counter
        vlan type 8021q counter
        @ll,128,16 0x8100 counter
        @ll,144,16 7 counter
        ip saddr 192.0.2.2 counter
    } }""" % (hook, mode))
    inner = struct.pack("!HHH", 0x8100, 7, 0x0800)
    for outer in 0x88a8, 0x8100:
        for rest in inner, b"\x08\0":
            wire.s.send(PEER + wire.me + struct.pack("!HH", outer, 5) + rest + udp(5004))
    wire.drain()
    check(hook + " stacked tags", counts(), [2, 2, 2, 1, 1, 2, 2, 2])
    flush()


def odd(hook, mode=""):
    """What is too short, or says what it is not, is no packet of the family."""
    wire = Wire()
    load('table netdev t { chain c { type filter hook %s device "va" %s; policy accept; udp dport 5004 counter drop; '
         'ip daddr 192.0.2.1 counter } }' % (hook, mode))
    good = udp(5004)
    for bad in good[:19], good[:1], b"\x55" + good[1:], b"\x44" + good[1:], good[:2] + b"\x00\x13" + good[4:], \
            good[:2] + b"\xff\xff" + good[4:]:
        wire.s.send(PEER + wire.me + b"\x08\0" + bad)
    wire.s.send(PEER + wire.me + b"\x86\xdd" + udp(5004, v6=True)[:39])
    check(hook + " odd", counts(), [0, 0])
    wire.ask(good[:24])
    check(hook + " cut short", counts(), [0, 0])
    wire.ask(good)
    check(hook + " good", counts(), [1, 0])
    flush()


def egress_rejects():
    load('table netdev t { chain c { type filter hook egress device "vb"; policy accept; tcp dport 80 counter reject with tcp reset;'
         ' udp dport 5001 counter reject } }', FAR)
    with inside(FAR):
        for family, to in (2, "192.0.2.1"), (10, "fd00::1"):
            s = socket.socket(family)
            s.settimeout(2)
            check("egress RST", s.connect_ex((to, 80)), 111)
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.settimeout(2)
            s.connect((to, 5001))
            s.send(b"x")
            try:
                s.recv(1)
            except OSError as e:
                check("egress ICMP", e.errno, 111)
    flush()


def lengths():
    """As nft counts: what lies behind the packet, too, and the link-layer header where it leaves."""
    wire = Wire()
    chain = 'chain %s { type filter hook %s device "%s"; ether type ip udp dport 9 counter; meta length %d counter; %s }'
    for vmap in "", "udp dport vmap { 10 : drop, 11 : accept }":  # not straight code
        load("table netdev t { %s %s }" % (chain % ("i", "ingress", "va", 78, vmap), chain % ("e", "egress", "vc", 72, vmap)))
        wire.s.send(wire.frame(udp(9, dst="198.51.100.2") + bytes(20)))
        wire.drain()
        check("bytes counted at tc", sizes(), [78, 78, 72, 72])
    flush()


def let_grow(dev, ns):
    """Segments of up to 100,000 bytes may leave by it (IFLA_GSO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE). True: as the kernel is."""
    with inside(ns):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(dev), 0, 0)
        body += b"".join(struct.pack("=HHI", 8, kind, 100000) for kind in (41, 63))
        s.send(struct.pack("=IHHII", 16 + len(body), 16, 5, 1, 0) + body)
        return not struct.unpack("=i", s.recv(100)[16:20])[0]


def big():
    """BIG TCP: longer than the length in the IP header can say, which is 0 then."""
    def send(packet, kind, head):
        vnet = struct.pack("=BBHHHH", 1, kind, 14 + head + 20, 1400, 14 + head, 16)  # flags, type, header, segments, checksum
        wire.s.send(vnet + wire.frame(packet + bytes(70000)))

    if not let_grow("vb", FAR):
        return
    wire = Wire()
    wire.s.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
    chain = 'chain %s { type filter hook %s device "va" %s; tcp dport 9 counter drop; meta length > 70000 counter; }'
    p4, p6 = tcp(9, 16), tcp(9, 16, v6=True)
    p4 = p4[:2] + bytes(2) + p4[4:]
    jumbo = struct.pack("!BBBBI", 6, 0, 0xc2, 4, 70028)
    for hook, more in ("ingress", "priority 0"), ("xdp", "mode generic"):
        load("table netdev t { %s }" % (chain % ("c", hook, more)))
        send(p4, 1, 20)
        send(p6[:4] + bytes(2) + p6[6:], 4, 40)
        send(p6[:4] + bytes(3) + p6[7:40] + jumbo + p6[40:], 4, 48)
        wire.drain()
        check("BIG TCP at " + hook, counts(), [3, 0])
    flush()


# ---------------------------------------------------------------------- ways

def ways(hook, mode=""):
    near, beyond = Wire(), Wire(BEYOND, "vd")
    load("""table netdev t { chain c { type filter hook %s device "va" %s; policy accept;
        udp dport 6001 counter redirect to "vc"
        ip daddr 203.0.113.9 counter route via 198.51.100.2
        ip6 daddr fd99::9 counter route via fd01::2
    } }""" % (hook, mode))
    sh("ping -c1 -W2 198.51.100.2; ping -c1 -W2 fd01::2", NEAR) # XDP asks no neighbours
    beyond.drain(0.1)
    asked = udp(6001)
    near.s.send(near.frame(asked))
    check(hook + " redirect", [f[14:] for f in beyond.drain()], [asked])
    for asked, ttl in (udp(7, dst="203.0.113.9"), 8), (udp(7, v6=True, dst="fd99::9"), 7):
        near.s.send(near.frame(asked))
        got = beyond.drain()
        check(hook + " route", len(got), 1)
        if got:
            p = got[0][14:]
            check(hook + " route: neighbour", got[0][:6], beyond.me)
            check(hook + " route: hops", p[ttl], 63)
            check(hook + " route: rest", p[20:] if ttl == 8 else p[8:], asked[20:] if ttl == 8 else asked[8:])
            if ttl == 8:
                check(hook + " route: checksum", add16(p[:20]), 0xffff)
    last = udp(7, dst="203.0.113.9")
    last = last[:8] + b"\x01" + last[9:]
    near.s.send(near.frame(last))
    check(hook + " route: last hop", beyond.drain(), [])
    flush()


def mirror_and_mark():
    near, beyond = Wire(), Wire(BEYOND, "vd")
    load("""table netdev t { chain c { type filter hook ingress device "va"; policy accept;
        udp dport 6000 counter mirror to "vc" meta mark set 7
        udp dport 6000 meta mark 7 counter
    } }
    table inet m { chain c { type filter hook input priority 0; meta mark 7 udp dport 6000 counter } }""")
    beyond.drain(0.01)
    for i in range(3):
        near.ask(udp(6000))
    check("mirror", [f[14:] for f in beyond.drain()], [udp(6000)] * 3)
    check("mirror and mark", counts(), [3, 3, 3])
    tried = sh(TOOL + " test udp 192.0.2.2:5 \\> 192.0.2.1:6000 iif va", NEAR).stdout
    check("mark of a packet that is tried", "meta mark 0x00000007 counter" in tried, True)
    flush()


# -------------------------------------------------------------- control groups

def group_packets():
    load('table inet g { chain e { type filter hook egress cgroup "/%s"; udp dport 53 counter drop; meta mark set 5 } '
         'chain i { type filter hook ingress cgroup "/%s"; udp sport 77 counter drop } }' % (GROUP, GROUP))
    with inside(NEAR):
        s = socket.socket(2, socket.SOCK_DGRAM)
        check("cgroup egress", errno_of(lambda: s.sendto(b"x", ("127.0.0.1", 53))), 1)
        check("cgroup egress, other", errno_of(lambda: s.sendto(b"x", ("127.0.0.1", 54))), 0)
        r = socket.socket(2, socket.SOCK_DGRAM)
        r.bind(("127.0.0.1", 0))
        r.settimeout(0.2)
        t = socket.socket(2, socket.SOCK_DGRAM)
        t.bind(("127.0.0.1", 77))
        t.sendto(b"x", r.getsockname())
        check("cgroup ingress", errno_of(lambda: r.recv(1)) != 0, True)
    check("cgroup", counts(), [1, 1])
    flush()


def errno_of(f):
    try:
        f()
    except OSError as e:
        return e.errno or 1
    return 0


def calls():
    load("""table inet g {
        chain c4 { type filter hook connect4 cgroup "/%(g)s"; tcp dport 81 counter reject with errno EACCES
            ip daddr 127.0.0.5 counter drop
            meta comm "python3" tcp dport 90 counter reject with tcp reset
            meta comm "other" tcp dport 82 counter drop
            meta skuid 1234 counter reject }
        chain c6 { type filter hook connect6 cgroup "/%(g)s"; tcp dport 81 counter reject with errno EHOSTUNREACH }
        chain s4 { type filter hook sendmsg4 cgroup "/%(g)s"; udp dport 53 counter reject with errno ENETUNREACH }
        chain s6 { type filter hook sendmsg6 cgroup "/%(g)s"; ip6 daddr ::1 udp dport 53 counter drop }
    }""" % {"g": GROUP})

    def connects(to, port, uid=0):
        family = 10 if ":" in to else 2
        with inside(NEAR):
            s = socket.socket(family)
        if uid:
            os.setresuid(uid, uid, 0)
        r = s.connect_ex((to, port))
        if uid:
            os.setresuid(0, 0, 0)
        return r

    for to, port, uid, wanted in (("127.0.0.1", 81, 0, 13), ("127.0.0.5", 85, 0, 1), ("127.0.0.1", 90, 0, 111),
                                  ("127.0.0.1", 82, 0, 111), ("127.0.0.1", 84, 1234, 111), ("::1", 81, 0, 113), ("::1", 82, 0, 111)):
        check("connect to %s %d" % (to, port), connects(to, port, uid), wanted)
    with inside(NEAR):
        s4, s6 = socket.socket(2, socket.SOCK_DGRAM), socket.socket(10, socket.SOCK_DGRAM)
    check("sendmsg4", errno_of(lambda: s4.sendto(b"x", ("127.0.0.1", 53))), 101)
    check("sendmsg4, other", errno_of(lambda: s4.sendto(b"x", ("127.0.0.1", 54))), 0)
    check("sendmsg6", errno_of(lambda: s6.sendto(b"x", ("::1", 53))), 1)
    check("calls", counts(), [1, 1, 1, 0, 1, 1, 1, 1])
    flush()


# ---------------------------------------------------------------- connections

def syn_times(port, wait):
    """When the SYNs for a host that never answers leave."""
    wire = Wire(NEAR, "vc")
    with inside(NEAR):
        s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("198.51.100.77", port))
    times, end = [], time.time() + wait
    while time.time() < end:
        wire.s.settimeout(max(end - time.time(), 0.001))
        try:
            data = wire.s.recv(2000)
        except (TimeoutError, BlockingIOError):
            break
        if data[12:14] == b"\x08\0" and data[23] == 6 and data[36:38] == struct.pack("!H", port):
            times.append((time.time(), struct.unpack("!H", data[48:50])[0]))
    s.close()
    return times


def connections():
    sh("ip neigh replace 198.51.100.77 lladdr 02:00:00:00:00:01 dev vc", NEAR)
    load("""table inet s { chain c { type sockops cgroup "/%s";
        tcp dport 81 counter set rto 200ms
        tcp dport 82 counter set initrwnd 4
        tcp dport 83 counter set initcwnd 40
        tcp dport 84 counter set congestion "reno" set mark 85
    } }""" % GROUP)
    t = syn_times(81, 0.7)
    between("SYNs with an RTO of 200 ms", len(t), 3, 4)
    if len(t) > 1:
        between("RTO", t[1][0] - t[0][0], 0.19, 0.26)
    check("SYNs with the kernel's RTO", len(syn_times(80, 0.7)), 1)
    t = syn_times(82, 0.1)
    between("window of a SYN with initrwnd 4", t[0][1], 4 * 1400, 4 * 1460)
    with inside(BEYOND):
        listeners = [socket.create_server(("198.51.100.2", p)) for p in (83, 84, 85)]
    with inside(NEAR):
        c = [socket.create_connection(("198.51.100.2", p), 2) for p in (83, 84, 85)]
    cwnd = [struct.unpack_from("I", s.getsockopt(6, 11, 104), 80)[0] for s in c]
    check("initcwnd", (cwnd[0], cwnd[2]), (40, 10))
    check("congestion", c[1].getsockopt(6, 13, 16).rstrip(b"\0"), b"reno")
    check("mark", (c[1].getsockopt(1, 36), c[2].getsockopt(1, 36)), (85, 0))
    check("connections", counts(), [1, 1, 1, 1])
    for s in c + listeners:
        s.close()
    flush()


# ---------------------------------------------------------------------- world

def make():
    for ns in NEAR, FAR, BEYOND:
        sh("ip netns add %s; ip -n %s link set lo up" % (ns, ns))
    sh("ip -n %s link add va type veth peer vb netns %s" % (NEAR, FAR))
    sh("ip -n %s link add vc type veth peer vd netns %s" % (NEAR, BEYOND))
    for ns, dev, v4, v6 in (NEAR, "va", "192.0.2.1", "fd00::1"), (FAR, "vb", "192.0.2.2", "fd00::2"), \
            (NEAR, "vc", "198.51.100.1", "fd01::1"), (BEYOND, "vd", "198.51.100.2", "fd01::2"):
        sh("ip addr add %s/24 dev %s; ip addr add %s/64 dev %s nodad; ip link set %s up" % (v4, dev, v6, dev, dev), ns)
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", NEAR)
    os.mkdir(ROOT + GROUP)
    with open(ROOT + GROUP + "/cgroup.procs", "w") as f:
        f.write(str(os.getpid()))


def remove(namespaces, group):
    for ns in namespaces:
        sh(TOOL + " flush ruleset", ns, check=False)
        sh("ip netns del " + ns, check=False)
    if os.path.isdir(ROOT + group):
        os.rmdir(ROOT + group)


def is_running(pid):
    try:
        with open("/proc/%s/cmdline" % pid) as f:
            return f.read() != ""  # a zombie has none
    except OSError:
        return False


def remove_orphans():
    """What runs left behind that were killed."""
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    names = [n for n in names + os.listdir(ROOT) if re.match(r"hooks-\d+(-|$)", n)]
    for pid in {n.split("-")[1] for n in names}:
        if not is_running(pid):
            remove([n for n in names if n.startswith("hooks-%s-" % pid)], "hooks-" + pid)


def unmake():
    with open(ROOT + "cgroup.procs", "w") as f:
        f.write(str(os.getpid()))
    remove((NEAR, FAR, BEYOND), GROUP)


def cgroup_root():
    for line in open("/proc/mounts"):
        words = line.split()
        if words[2] == "cgroup2":
            return words[1] + "/"
    print("no cgroup2 is mounted")
    sys.exit(77)


def with_xdp():
    """veth hands on what XDP sends back only to a device that has XDP itself."""
    load('table netdev p { chain c { type filter hook xdp device "vb"; policy accept; counter; } }', FAR)


ROOT = cgroup_root()
for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
    signal.signal(number, lambda *_: sys.exit(1))
remove_orphans()
try:
    make()
    PEER = bytes.fromhex(sh("ip -br link show va", NEAR).stdout.split()[2].replace(":", ""))
    for hook, mode in ("ingress", ""), ("xdp", "mode generic"):
        rejects(hook, mode)
        tagged(hook, mode)
        stacked(hook, mode)
        odd(hook, mode)
        ways(hook, mode)
    with_xdp()
    rejects("xdp", "mode native")
    tagged("xdp")
    stacked("xdp")
    odd("xdp")
    egress_rejects()
    lengths()
    big()
    mirror_and_mark()
    group_packets()
    calls()
    connections()
finally:
    unmake()
print("%d failures" % failures)
sys.exit(failures != 0)
