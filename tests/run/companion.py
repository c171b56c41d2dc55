#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The companion against the kernel's own iptables, packet by packet.

Three namespaces in a row, client - router - server. The same frames are sent
twice: once with a rule of iptables-legacy in the way, once with a program that
notes a hand-off (companion_rig). What comes back on the wire, what the kernel
logs and what NFLOG delivers must be the same bytes.

    companion.py RIG [TEST...]
"""
import ctypes
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

RIG = os.path.abspath(sys.argv[1])
TAG = f"bfc{os.getpid()}"
libc = ctypes.CDLL(None, use_errno=True)
failures = 0
made = []


def run(cmd, **kw):
    return subprocess.run(cmd, shell=True, check=True, text=True, stdout=subprocess.PIPE, **kw).stdout


def check(what, good, detail=""):
    global failures
    if good:
        print(f"ok       {what}", flush=True)
    else:
        failures += 1
        print(f"NOT OK   {what}   {detail}", flush=True)


def same(what, expected, got):
    check(what, expected == got, f"\n         | expected {expected}\n         | got      {got}")


# --- namespaces -------------------------------------------------------------------------------------------------

class Namespace:
    def __init__(self, name):
        self.name = f"{TAG}-{name}"
        run(f"ip netns add {self.name}")
        made.append(self)
        self.path = f"/run/netns/{self.name}"
        self("ip link set lo up")
        for key, value in (("ipv4.icmp_ratelimit", 0), ("ipv4.icmp_ratemask", 0), ("ipv6.icmp.ratelimit", 0),
                           ("ipv4.conf.all.rp_filter", 0), ("ipv4.conf.default.rp_filter", 0),
                           ("ipv6.conf.default.accept_dad", 0), ("ipv6.conf.all.accept_dad", 0)):
            self(f"sysctl -qw net.{key}={value}")

    def __call__(self, cmd, **kw):
        return run(f"nsenter --net={self.path} {cmd}", **kw)

    def __enter__(self):
        self.old = os.open("/proc/self/ns/net", os.O_RDONLY)
        fd = os.open(self.path, os.O_RDONLY)
        if libc.setns(fd, 0):
            raise OSError("setns")
        os.close(fd)

    def __exit__(self, *args):
        libc.setns(self.old, 0)
        os.close(self.old)

    def socket(self, *args):
        with self:
            return socket.socket(*args)

    def packet_socket(self, dev):
        with self:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind((dev, 3))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            return s

    def remove(self):
        subprocess.run(f"ip netns del {self.name}", shell=True)


def build():
    c, r, s = Namespace("c"), Namespace("r"), Namespace("s")
    for a, b, mac_a, mac_b, dev_a, dev_b in ((c, r, "02:00:00:00:00:01", "02:00:00:00:00:02", "eth0", "left"),
                                             (r, s, "02:00:00:00:00:03", "02:00:00:00:00:04", "right", "eth0")):
        run(f"ip link add {TAG}x address {mac_a} type veth peer name {TAG}y address {mac_b}")
        run(f"ip link set {TAG}x netns {a.name} name {dev_a}")
        run(f"ip link set {TAG}y netns {b.name} name {dev_b}")
        a(f"ip link set {dev_a} up")
        b(f"ip link set {dev_b} up")
    for ns, dev, v4, v6 in ((c, "eth0", "10.1.0.1/24", "fd01::1/64"), (r, "left", "10.1.0.2/24", "fd01::2/64"),
                            (r, "right", "10.2.0.3/24", "fd02::3/64"), (s, "eth0", "10.2.0.4/24", "fd02::4/64")):
        ns(f"ip addr add {v4} dev {dev}")
        ns(f"ip addr add {v6} dev {dev} nodad")
    r("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    c("ip route add default via 10.1.0.2")
    c("ip -6 route add default via fd01::2")
    s("ip route add default via 10.2.0.3")
    s("ip -6 route add default via fd02::3")
    for ns, dev, mac, *addresses in ((c, "eth0", "02:00:00:00:00:02", "10.1.0.2", "fd01::2"),
                                     (r, "left", "02:00:00:00:00:01", "10.1.0.1", "fd01::1"),
                                     (r, "right", "02:00:00:00:00:04", "10.2.0.4", "fd02::4"),
                                     (s, "eth0", "02:00:00:00:00:03", "10.2.0.3", "fd02::3")):
        for a in addresses:
            ns(f"ip neigh replace {a} lladdr {mac} dev {dev} nud permanent")
    return c, r, s


class Rig:
    """companion_rig in a namespace."""

    def __init__(self, ns, family, hooks, priority, most, *codes):
        self.p = subprocess.Popen(["nsenter", f"--net={ns.path}", RIG, family, hooks, str(priority), str(most), *codes],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.to = "0a020004" if family == "ip" else "4"
        self.hello = self.p.stdout.readline().strip()

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def note(self, proto, dport, codes, terminal=0):
        """Packets to the server only, as the rules of iptables say: replies leave through OUTPUT, too."""
        self.ask(f"note {proto} {dport} {self.to} {terminal} {','.join(map(str, codes))}")

    def left(self):
        words = self.ask("left").split()
        return {k: int(v) for k, v in zip(words[0:8:2], words[1:8:2])} | {"counts": list(map(int, words[8:]))}

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.p.stdin.close()
        self.p.wait()


# --- packets ----------------------------------------------------------------------------------------------------

V4, V6 = ("10.1.0.1", "10.2.0.4"), ("fd01::1", "fd02::4")
TCP, UDP, ICMP, ICMP6, FRAG = 6, 17, 1, 58, 44


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ends(family, to):
    af = socket.AF_INET if family == "ip" else socket.AF_INET6
    src = (V4 if family == "ip" else V6)[0]
    return socket.inet_pton(af, src), socket.inet_pton(af, to or (V4 if family == "ip" else V6)[1])


def l4(family, proto, body, at, to):
    src, dst = ends(family, to)
    pseudo = src + dst + struct.pack("!HBB" if family == "ip" else "!LHBB", *((len(body), 0, proto) if family == "ip"
                                                                               else (len(body), 0, 0, proto)))
    if proto == ICMP:
        pseudo = b""
    return body[:at] + struct.pack("!H", checksum(pseudo + body) or 0xffff) + body[at + 2:]


def tcp(family, flags, payload=b"", options=b"", to=None):
    head = struct.pack("!HHLLBBHHH", 4321, 7777, 0x11223344, 0x55667788 if flags & 16 else 0, (5 + len(options) // 4) << 4,
                       flags, 4000, 0, 0)
    return l4(family, TCP, head + options + payload, 16, to)


def udp(family, payload=b"hello", to=None):
    return l4(family, UDP, struct.pack("!HHHH", 4321, 7777, 8 + len(payload), 0) + payload, 6, to)


def ping(family, to=None):
    return l4(family, ICMP if family == "ip" else ICMP6,
              struct.pack("!BBHHH", 8 if family == "ip" else 128, 0, 0, 77, 1) + b"abcdefgh", 2, to)


def ip(family, proto, body, to=None, frag=0, options=b""):
    src, dst = ends(family, to)
    if family == "ip":
        head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0x10, 20 + len(options) + len(body), 0x1234, frag, 63, proto,
                           0) + src + dst + options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    if frag:
        body = struct.pack("!BBHL", proto, 0, frag, 0x1234) + body
        proto = FRAG
    return struct.pack("!LHBB", 0x60000000, len(body), proto, 63) + src + dst + body


def packets(family):
    """name -> (protocol, IP packet)"""
    icmp = ICMP if family == "ip" else ICMP6
    mss = bytes.fromhex("020405b40402080a0000000100000000")
    bad = bytearray(udp(family))
    bad[6] ^= 0x5a
    many = {
        "syn": (TCP, tcp(family, 2)),
        "syn with options": (TCP, tcp(family, 2, options=mss)),
        "ack with data": (TCP, tcp(family, 0x18, b"x" * 100)),
        "rst": (TCP, tcp(family, 4)),
        "short tcp": (TCP, tcp(family, 2)[:12]),
        "udp": (UDP, udp(family)),
        "large udp": (UDP, udp(family, b"y" * 1300)),
        "udp, wrong checksum": (UDP, bytes(bad)),
        "echo": (icmp, ping(family)),
    }
    out = {k: (p, ip(family, p, body)) for k, (p, body) in many.items()}
    if family == "ip":
        out["first fragment"] = (UDP, ip(family, UDP, udp(family, b"z" * 56)[:32], frag=0x2000))
        out["later fragment"] = (UDP, ip(family, UDP, b"z" * 32, frag=4))
        out["ip options"] = (UDP, ip(family, UDP, udp(family), options=bytes.fromhex("94040000")))
    return out


def ether(family, packet):
    return bytes.fromhex("020000000002020000000001") + (b"\x08\x00" if family == "ip" else b"\x86\xdd") + packet


class Wire:
    """Sends frames at a place and collects what comes back there."""

    def __init__(self, where, family):
        self.family, self.where = family, where
        self.tap = C.packet_socket("lo" if where == "output" else "eth0")
        if where != "output":
            self.out = C.packet_socket("eth0")
        else:
            af = socket.AF_INET if family == "ip" else socket.AF_INET6
            self.out = C.socket(af, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def close(self):
        self.tap.close()
        self.out.close()

    def send(self, packet):
        if self.where != "output":
            self.out.send(ether(self.family, packet))
            return None
        try:
            self.out.sendto(packet, ((V4 if self.family == "ip" else V6)[1], 0))
            return None
        except OSError as e:
            return e.errno

    def replies(self, wait=0.03):
        out = []
        while select.select([self.tap], [], [], wait)[0]:
            frame, address = self.tap.recvfrom(65536)
            if address[2] == 4 or frame[12:14] != (b"\x08\x00" if self.family == "ip" else b"\x86\xdd"):
                continue
            p = bytearray(frame[14:])
            if self.family == "ip":
                if p[12:16] == socket.inet_aton("10.1.0.1") and self.where != "output":
                    continue
                p[4:6] = b"\0\0"    # identification: a counter or random
                p[10:12] = b"\0\0"  # and the checksum over it
            elif p[6] == ICMP6 and p[40] in (133, 134, 135, 136, 143):
                continue            # neighbour discovery, router advertisements
            out.append(frame[:12].hex() + " " + p.hex())
        return out

    def flush(self):
        self.replies(0)


# --- REJECT -----------------------------------------------------------------------------------------------------

REJECTS = {
    "ip": {"icmp-net-unreachable": (0, 0), "icmp-host-unreachable": (0, 1), "icmp-proto-unreachable": (0, 2),
           "icmp-port-unreachable": (0, 3), "icmp-net-prohibited": (0, 9), "icmp-host-prohibited": (0, 10),
           "icmp-admin-prohibited": (0, 13), "tcp-reset": (1, 0)},
    "ip6": {"icmp6-no-route": (0, 0), "icmp6-adm-prohibited": (0, 1), "icmp6-addr-unreachable": (0, 3),
            "icmp6-port-unreachable": (0, 4), "icmp6-policy-fail": (0, 5), "icmp6-reject-route": (0, 6),
            "tcp-reset": (1, 0)},
}
PLACES = {"input": (1, "INPUT"), "forward": (2, "FORWARD"), "output": (3, "OUTPUT")}


def ns_of(place):
    return {"input": S, "forward": R, "output": C}[place]


def tables(family):
    return "iptables-legacy" if family == "ip" else "ip6tables-legacy"


def send_all(wire, chosen):
    got = {}
    for name, (_, packet) in chosen.items():
        wire.flush()
        error = wire.send(packet)
        got[name] = (error, wire.replies())
    return got


def test_reject(family, place):
    hook, chain = PLACES[place]
    ns = ns_of(place)
    wire = Wire(place, family)
    specs = [f"reject:{t}:{c}" for t, c in REJECTS[family].values()]
    native, ours = {}, {}
    every = packets(family)
    if place == "output":
        every.pop("short tcp")
    for option in REJECTS[family]:
        proto = "-p tcp" if option == "tcp-reset" else ""
        ns(f"{tables(family)} -A {chain} {proto} -d {'10.2.0.4' if family == 'ip' else 'fd02::4'} -j REJECT --reject-with {option}")
        native[option] = send_all(wire, {k: v for k, v in every.items() if v[0] == TCP or not proto})
        ns(f"{tables(family)} -F {chain}")
    with Rig(ns, family, str(hook), -3, 1, *specs) as rig:
        for code, option in enumerate(REJECTS[family]):
            ours[option] = {}
            for name, packet in every.items():
                if packet[0] == TCP or option != "tcp-reset":
                    rig.note(packet[0], 0, [code], 1)
                    ours[option] |= send_all(wire, {name: packet})
        left = rig.left()
    wire.close()
    for option in REJECTS[family]:
        wrong = [k for k in native[option] if native[option][k] != ours[option][k]]
        answered = sum(bool(r) for _, r in native[option].values())
        check(f"{family} {place} {option}: {len(native[option])} packets, {answered} answered", not wrong and answered > 0,
              "".join(f"\n         | {k}: expected {native[option][k]}\n         | got {ours[option][k]}" for k in wrong))
    same(f"{family} {place} nothing left in the maps", (0, 0), (left["entries"], left["pending"]))


# --- LOG and NFLOG ----------------------------------------------------------------------------------------------

class Kmsg:
    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def lines(self, marker=TAG, wait=0.02):
        time.sleep(wait)
        out = []
        while True:
            try:
                head, text = os.read(self.fd, 8192).decode(errors="replace").split(";", 1)
            except BlockingIOError:
                return out
            except OSError:
                continue  # overwritten meanwhile
            if marker in text:
                out.append((int(head.split(",")[0]) & 7, text.split("\n")[0]))


LOGS = (("--log-level debug", 7, 0), ("--log-level 4 --log-tcp-sequence", 4, 1), ("--log-level 5 --log-tcp-options", 5, 2),
        ("--log-level 6 --log-ip-options", 6, 4), ("--log-level 3 --log-uid", 3, 8), ("--log-level 4 --log-macdecode", 4, 0x20),
        ("--log-level 0", 0, 0),
        ("--log-level 2 --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode", 2, 0x2f))


def log_all(wire, kmsg, chosen, marker=TAG):
    got = {}
    for name, (_, packet) in chosen.items():
        kmsg.lines(marker, 0)
        wire.send(packet)
        got[name] = kmsg.lines(marker)
    return got


def test_log(family, place):
    hook, chain = PLACES[place]
    ns, wire, kmsg = ns_of(place), Wire(place, family), Kmsg()
    every = {k: v for k, v in packets(family).items() if place != "output" or k != "short tcp"}
    native, ours = {}, {}
    for option, _, _ in LOGS:
        ns(f"{tables(family)} -A {chain} -d {'10.2.0.4' if family == 'ip' else 'fd02::4'} -j LOG --log-prefix '{TAG} x ' {option}")
        native[option] = log_all(wire, kmsg, every)
        ns(f"{tables(family)} -F {chain}")
    with Rig(ns, family, str(hook), -3, 1, *[f"log:{level}:{flags}:{TAG} x " for _, level, flags in LOGS]) as rig:
        for code, (option, _, _) in enumerate(LOGS):
            ours[option] = {}
            for name, packet in every.items():
                rig.note(packet[0], 0, [code])
                ours[option] |= log_all(wire, kmsg, {name: packet})
        left = rig.left()
    wire.close()
    for option, _, _ in LOGS:
        wrong = [k for k in every if native[option][k] != ours[option][k]]
        lines = sum(len(v) for v in native[option].values())
        check(f"{family} {place} LOG {option}: {lines} lines", not wrong and lines >= len(every) - 1,
              "".join(f"\n         | {k}: expected {native[option][k]}\n         | got {ours[option][k]}" for k in wrong))
    same(f"{family} {place} LOG nothing left in the maps", (0, 0), (left["entries"], left["pending"]))


def attributes(data):
    at, out = 0, {}
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        out[kind & 0x7fff] = data[at + 4:at + size]
        at += (size + 3) & ~3
    return out


class Nflog:
    """Listens to an NFLOG group: each packet as its attributes without time and sequence numbers."""

    def __init__(self, ns, group):
        self.s = ns.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.s.bind((0, 0))
        self.config(0, struct.pack("=HHB3x", 5, 1, 3))           # NFULNL_CFG_CMD_PF_BIND
        self.config(group, struct.pack("=HHB3x", 5, 1, 1))       # NFULNL_CFG_CMD_BIND
        self.config(group, struct.pack("=HHLBx2x", 10, 2, socket.htonl(0xffff), 2))  # copy packets
        self.config(group, struct.pack("=HHL", 8, 5, socket.htonl(1)))             # queue threshold

    def config(self, group, attr):
        msg = struct.pack("=BBH", socket.AF_INET, 0, socket.htons(group)) + attr
        self.s.send(struct.pack("=LHHLL", 16 + len(msg), 4 << 8 | 1, 5, 0, 0) + msg)
        self.s.recv(8192)

    def packets(self, wait=0.03):
        out = []
        while select.select([self.s], [], [], wait)[0]:
            data, at = self.s.recv(1 << 20), 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("=LH", data, at)
                if kind == 4 << 8:
                    a = attributes(data[at + 20:at + size])
                    for volatile in (3, 12, 13):  # timestamp, sequence numbers
                        a.pop(volatile, None)
                    out.append(sorted((k, v.hex()) for k, v in a.items()))
                at += (size + 3) & ~3
        return out


NFLOGS = (("--nflog-group 5 --nflog-prefix 'one two'", "nflog:5:0:1:0:one two"),
          ("--nflog-group 5 --nflog-size 24 --nflog-prefix p", "nflog:5:24:1:1:p"),
          ("--nflog-group 5 --nflog-threshold 3", "nflog:5:0:3:0:"))


def test_nflog(family, place):
    hook, chain = PLACES[place]
    ns, wire = ns_of(place), Wire(place, family)
    listener, every = Nflog(ns, 5), {k: v for k, v in packets(family).items() if k != "short tcp"}
    for option, spec in NFLOGS:
        native, ours = [], []
        ns(f"{tables(family)} -A {chain} -d {'10.2.0.4' if family == 'ip' else 'fd02::4'} -j NFLOG {option}")
        for _, packet in every.values():
            wire.send(packet)
        native = listener.packets(1.3 if "threshold" in option else 0.1)
        ns(f"{tables(family)} -F {chain}")
        with Rig(ns, family, str(hook), -3, 1, spec) as rig:
            for proto, packet in every.values():
                rig.note(proto, 0, [0])
                wire.send(packet)
            ours = listener.packets(1.3 if "threshold" in option else 0.1)
        check(f"{family} {place} NFLOG {option}: {len(native)} packets", native == ours and len(native) >= len(every) - 1,
              f"\n         | expected {native}\n         | got {ours}")
    listener.s.close()
    wire.close()


# --- several codes, many codes ----------------------------------------------------------------------------------

def udp_server(ns, port=7777, address="10.2.0.4"):
    s = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind((address, port))
    s.settimeout(0.05)
    return s


def received(s):
    n = 0
    try:
        while True:
            s.recv(2048)
            n += 1
    except TimeoutError:
        return n


def test_several():
    kmsg, server, client = Kmsg(), udp_server(S), C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire = Wire("input", "ip")
    letters = "abcdefghijklmnopqrstuvwxyz"
    codes = [f"log:4:0:{TAG} {x} " for x in letters] + ["drop", "reject:0:3"]

    def try_codes(what, numbers, terminal, delivered, answered):
        rig.note(UDP, 7777, numbers, terminal)
        wire.flush()
        client.sendto(b"hi", ("10.2.0.4", 7777))
        n = received(server)
        got = "".join(line.split()[1] for _, line in kmsg.lines())
        back = len(wire.replies())
        left = rig.left()
        same(what, ("".join(letters[k] for k in numbers if k < 26), delivered, answered, 0, 0),
             (got, n, back, left["entries"], left["pending"]))

    with Rig(S, "ip", "1", -3, 62, *codes) as rig:
        try_codes("no code: delivered", [], 0, 1, 0)
        try_codes("one LOG, then accepted", [3], 0, 1, 0)
        try_codes("LOG, LOG, LOG in the order noted", [25, 0, 13], 0, 1, 0)
        try_codes("the same LOG five times", [7] * 5, 0, 1, 0)
        try_codes("LOG, then dropped", [4, 26], 1, 0, 0)
        try_codes("dropped without LOG", [26], 1, 0, 0)
        try_codes("terminal without a terminal code: dropped", [4], 1, 0, 0)
        try_codes("LOG, LOG, then rejected", [4, 5, 27], 1, 0, 1)
        try_codes("62 codes", [k % 26 for k in range(62)], 0, 1, 0)
        try_codes("61 codes and a reject", [k % 26 for k in range(61)] + [27], 1, 0, 1)
    with Rig(S, "ip", "1", -3, 2, *codes) as rig:
        rig.note(UDP, 7777, [1, 2, 3, 27], 1)
        client.sendto(b"hi", ("10.2.0.4", 7777))
        same("more codes than the bound: what is terminal is dropped", (0, 0), (received(server), rig.left()["entries"]))
    wire.close()


def test_many():
    kmsg, client = Kmsg(), C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n, most in ((1, 1), (2, 1), (4, 2), (5, 1), (17, 3), (64, 1), (65, 1), (6000, 62)):
        started = time.monotonic()
        with Rig(S, "ip", "1,2,3", -3, most, f"many:{n}") as rig:
            took = time.monotonic() - started
            if not rig.hello.startswith("ready"):
                check(f"{n} codes", False, rig.hello)
                continue
            wanted = range(n) if n < 100 else [0, 1, 3, 4, 4095, 4096, n - 2, n - 1] + random.sample(range(n), 40)
            wrong = []
            for k in wanted:
                rig.note(UDP, 7777, [k])
                client.sendto(b"hi", ("10.2.0.4", 7777))
                got = [line for _, line in kmsg.lines("code ", 0.01)]
                if len(got) != 1 or not got[0].startswith(f"code {k} "):
                    wrong.append((k, got))
            hello = rig.hello
            rebuilt = rig.ask("rebuild")
        check(f"{n} codes ({hello}, {took:.2f} s; looked at again: {rebuilt})", not wrong and "changed 0" in rebuilt, wrong[:3])


# --- floods -----------------------------------------------------------------------------------------------------

def flood(stop, ns, to, counts, i, size=64):
    s = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(to)
    data, n, refused = b"x" * size, 0, 0
    while not stop.is_set():
        for _ in range(64):
            try:
                s.send(data)
                n += 1
            except OSError:
                refused += 1
    counts[i] = (n, refused)


def with_flood(targets, body):
    stop, counts = threading.Event(), [None] * len(targets)
    threads = [threading.Thread(target=flood, args=(stop, ns, to, counts, i)) for i, (ns, to) in enumerate(targets)]
    for t in threads:
        t.start()
    try:
        body()
    finally:
        stop.set()
        for t in threads:
            t.join()
    return counts


class Drain(threading.Thread):
    def __init__(self, s):
        super().__init__()
        self.s, self.n, self.stop = s, 0, False
        self.start()

    def run(self):
        while not self.stop:
            try:
                self.s.recv(2048)
                self.n += 1
            except TimeoutError:
                pass

    def finish(self):
        time.sleep(0.3)
        self.stop = True
        self.join()
        return self.n


def arrived(ns):
    """IP packets that came in, UDP packets that got past the INPUT hook (also those that no buffer had room for)."""
    snmp = {}
    lines = ns("cat /proc/net/snmp").splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        snmp |= {names.split(":")[0] + k: int(v) for k, v in list(zip(names.split(), values.split()))[1:]}
    return snmp["IpInReceives"], snmp["UdpInDatagrams"] + snmp["UdpInErrors"] + snmp["UdpNoPorts"]


def test_flood():
    rejected, passed = Drain(udp_server(S, 7777)), Drain(udp_server(S, 8888))
    with Rig(S, "ip", "1", -3, 1, "reject:0:3") as rig:
        rig.note(UDP, 7777, [0], 1)
        before = arrived(S)
        counts = with_flood([(C, ("10.2.0.4", 7777)), (R, ("10.2.0.4", 7777)), (C, ("10.2.0.4", 8888)),
                             (R, ("10.2.0.4", 8888))], lambda: time.sleep(4))
        time.sleep(0.3)
        left, after = rig.left(), arrived(S)
    back = sum(c[1] for c in counts[:2])
    came, went = after[0] - before[0], after[1] - before[1]
    check(f"flood: {left['seen']} rejected, none accepted, none left; {back} errors at the senders",
          rejected.finish() == 0 and (left["entries"], left["pending"], left["full"]) == (0, 0, 0) and left["seen"] > 1000
          and back > 0, left)
    same(f"flood: of {came} packets all others were accepted, {passed.finish()} received", came - left["seen"], went)


def test_flush():
    """nft flush ruleset, and the companion's coming back, under a flood: nothing may be accepted."""
    rejected = Drain(udp_server(S, 7777))
    answers = []
    with Rig(S, "ip", "1", -3, 1, "reject:0:3") as rig:
        rig.note(UDP, 7777, [0], 1)

        def disturb():
            for _ in range(40):
                S("nft flush ruleset")
                time.sleep(random.random() * 0.03)
                answers.append(rig.ask("rebuild"))
                time.sleep(random.random() * 0.03)

        with_flood([(C, ("10.2.0.4", 7777)), (R, ("10.2.0.4", 7777)), (S, ("10.2.0.4", 7777))], disturb)
        time.sleep(0.2)
        left = rig.left()
    same("flush: none accepted, none left", (0, 0, 0), (rejected.finish(), left["entries"], left["pending"]))
    check(f"flush: {left['seen']} packets; made again each time", all("rebuild 0 changed 1" in a for a in answers), answers)


def test_flush_parts():
    with Rig(S, "ip", "1,2", -3, 1, "reject:0:3", "ct") as rig:
        table = re.search(r"bpfilter-rig-\w+", S("nft list tables")).group()
        handle = re.search(r"drop # handle (\d+)", S(f"nft -a list chain ip {table} finish 2>&1")).group(1)
        for what in (f"flush chain ip {table} handoff-input", f"delete rule ip {table} finish handle {handle}",
                     f"flush chain ip {table} n-0-0", f"flush chain ip {table} conntrack", f"delete table ip {table}",
                     f"add table ip {table} {{ flags dormant; }}", f"add rule ip {table} handoff-forward accept"):
            S(f"nft \"{what}\"")
            same(f"noticed: {what.replace(table, 'T')}", ("rebuild 0 changed 1", "rebuild 0 changed 0"),
                 (rig.ask("rebuild")[:19], rig.ask("rebuild")[:19]))


def test_thief():
    """A chain that somebody puts between program and companion takes packets away: what they leave must not hit others."""
    server, client, kmsg = udp_server(S), C.socket(socket.AF_INET, socket.SOCK_DGRAM), Kmsg()
    with Rig(S, "ip", "1", -3, 1, f"log:4:0:{TAG} t ", "reject:0:3") as rig:
        S("nft 'add table ip thief; add chain ip thief c { type filter hook input priority -2; }; add rule ip thief c udp dport 7777 drop'")
        rig.note(UDP, 7777, [1], 1)
        for _ in range(50):
            client.sendto(b"hi", ("10.2.0.4", 7777))
        stale = rig.left()
        S("nft delete table ip thief")
        rig.note(UDP, 7777, [], 0)
        for _ in range(500):
            client.sendto(b"hi", ("10.2.0.4", 7777))
        n = received(server)
        left = rig.left()
    check(f"thief: {stale['entries']} stale, {left['entries']} after 500 packets", 0 < stale["entries"] <= 50 and
          left["entries"] <= stale["entries"] and stale["pending"] == stale["entries"] and left["pending"] == left["entries"],
          (stale, left))
    same("thief: packets after it are not touched", (500, []), (n, kmsg.lines()))


def test_no_backstop():
    """The test of the test: without the backstop a flush does accept packets."""
    server, client = udp_server(S), C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with Rig(S, "ip", "1", -3, 1, "reject:0:3", "nobackstop") as rig:
        rig.note(UDP, 7777, [0], 1)
        S("nft flush ruleset")
        client.sendto(b"hi", ("10.2.0.4", 7777))
        same("without backstop a flushed companion accepts", 1, received(server))


# --- assists, conntrack, errors ---------------------------------------------------------------------------------

def test_assist():
    types = {"LOCAL": 1 << 2, "UNICAST": 1 << 1, "BROADCAST": 1 << 3, "MULTICAST": 1 << 5}
    targets = {"10.2.0.4": 5, "10.2.0.255": 3, "224.0.0.1": 2, "10.2.0.77": 4}
    server = C.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send_in():
        s = R.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.2.0.3"))
        for to, n in targets.items():
            for _ in range(n if to != "10.2.0.77" else 0):
                s.sendto(b"hi", (to, 7777))
        time.sleep(0.05)

    for t in types:
        S(f"iptables-legacy -A INPUT -p udp --dport 7777 -m addrtype --dst-type {t}")
    send_in()
    native = {t: int(line.split()[0]) for t, line in
              zip(types, S("iptables-legacy -L INPUT -nvx").splitlines()[2:])}
    S("iptables-legacy -F")
    with Rig(S, "ip", "1", -3, 1, *[f"assist:{mask}:0" for mask in types.values()]) as rig:
        send_in()
        left = rig.left()
        counts = left["counts"]
    ours = {t: sum(n for answers, n in enumerate(counts) if answers & 1 << i) for i, t in enumerate(types)}
    same(f"addrtype answers {ours}", native, ours)
    check("addrtype: different answers seen", len(set(native.values())) > 2, native)

    with Rig(S, "ip", "1", -3, 1, "assist:4:0") as rig:
        server = udp_server(S)
        S("nft flush ruleset")
        C.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hi", ("10.2.0.4", 7777))
        same("no answers: dropped", 0, received(server))
        same("made again", "rebuild 0 changed 1", rig.ask("rebuild")[:19])
        C.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hi", ("10.2.0.4", 7777))
        same("answers again: accepted", 1, received(server))


def tracked(ns, address):
    with ns:
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b"x", (address, 9))
    return "dport=9 " in ns("conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null", shell=True) \
        if False else "dport=9 " in run(f"nsenter --net={ns.path} sh -c 'conntrack -L; conntrack -L -f ipv6' 2>/dev/null")


def test_conntrack():
    for family, on, off in (("ip", "10.1.0.2", "fd01::2"), ("ip6", "fd01::2", "10.1.0.2")):
        same(f"{family}: off before", False, tracked(C, on))
        with Rig(C, family, "1", -3, 0, "ct") as rig:
            same(f"{family}: conntrack on, the other family off ({rig.hello[:7]})", (True, False), (tracked(C, on),
                 (C("conntrack -F 2>&1"), tracked(C, off))[1]))
        C("conntrack -F 2>&1")
        same(f"{family}: off afterwards", False, tracked(C, on))


def test_errors():
    for code, hooks, words in (("xt:NOSUCH", "1", "CONFIG_NETFILTER_XT_TARGET_NOSUCH"), ("xt:LOG", "1", "LOG: nf_tables refuses"),
                               ("reject:0:3", "4", "REJECT, LOG and NFLOG: nf_tables refuses")):
        rig = Rig(S, "ip", hooks, -3, 1, code)
        rig.p.wait()
        check(f"{code} at hook {hooks}: {rig.hello}", words in rig.hello)
        same("nothing left behind", "", S("nft list tables"))


def test_sweep():
    S("nft 'add table ip bpfilter-x-0123456789abcdef; add table ip6 bpfilter-y-00000000000000ff; add table ip mine; "
      "add table ip bpfilter-mine; add table ip bpfilter-mine-0123456789abcdeX; add table inet bpfilter-x-0123456789abcdef'")
    with Rig(S, "ip", "1", -3, 1, "reject:0:3"):
        pass
    same("only our leftovers are swept", ["table inet bpfilter-x-0123456789abcdef", "table ip bpfilter-mine",
                                          "table ip bpfilter-mine-0123456789abcdeX", "table ip mine"],
         sorted(S("nft list tables").splitlines()))
    S("nft flush ruleset")


TESTS = {
    **{f"reject {f} {p}": (lambda f=f, p=p: test_reject(f, p)) for f in ("ip", "ip6") for p in PLACES},
    **{f"log {f} {p}": (lambda f=f, p=p: test_log(f, p)) for f in ("ip", "ip6") for p in PLACES},
    **{f"nflog {f} {p}": (lambda f=f, p=p: test_nflog(f, p)) for f in ("ip", "ip6") for p in ("input", "output")},
    "several": test_several, "many": test_many, "flood": test_flood, "flush": test_flush, "flush parts": test_flush_parts,
    "thief": test_thief, "no backstop": test_no_backstop, "assist": test_assist, "conntrack": test_conntrack,
    "errors": test_errors, "sweep": test_sweep,
}

old_log = run("sysctl -n net.netfilter.nf_log_all_netns").strip()
try:
    run("sysctl -qw net.netfilter.nf_log_all_netns=1")
    C, R, S = build()
    for name, fn in TESTS.items():
        if not sys.argv[2:] or any(name.startswith(a) for a in sys.argv[2:]):
            fn()
finally:
    for ns in made:
        ns.remove()
    run(f"sysctl -qw net.netfilter.nf_log_all_netns={old_log}")
print(f"{failures} failed")
sys.exit(failures > 0)
