# SPDX-License-Identifier: GPL-2.0-only
"""What companion.py stands on: three namespaces in a row, packets, wires, listeners."""
import ctypes
import os
import select
import socket
import struct
import subprocess
import time

TAG = f"bfc{os.getpid()}"
libc = ctypes.CDLL(None, use_errno=True)
made = []
failed = []


def run(cmd, **kw):
    return subprocess.run(cmd, shell=True, check=True, text=True, stdout=subprocess.PIPE, **kw).stdout


def check(what, good, detail=""):
    if good:
        print(f"ok       {what}", flush=True)
    else:
        failed.append(what)
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


def build(rig):
    global RIG
    RIG = rig
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


RIG = None  # path of companion_rig


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

    def __init__(self, client, where, family):
        self.family, self.where = family, where
        self.tap = client.packet_socket("lo" if where == "output" else "eth0")
        if where != "output":
            self.out = client.packet_socket("eth0")
        else:
            af = socket.AF_INET if family == "ip" else socket.AF_INET6
            self.out = client.socket(af, socket.SOCK_RAW, socket.IPPROTO_RAW)

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


# --- the kernel's loggers ----------------------------------------------------------------------------------------------

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
