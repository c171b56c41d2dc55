# SPDX-License-Identifier: GPL-2.0-only
"""Frames of all protocols, good and bad, for pcap.py; and captures of them.

The receiver is 02:00:00:00:00:01, 192.0.2.1, fd00::1; the sender's numbers end in 9.
"""
import socket
import struct

US, THEM, OTHER = b"\2\0\0\0\0\1", b"\2\0\0\0\0\x09", b"\2\0\0\0\0\x77"
EN10MB, RAW = 1, 101
TCP, UDP, ICMP, IGMP, ICMP6, SCTP, GRE, ESP, AH, PIM, VRRP, IPIP = 6, 17, 1, 2, 58, 132, 47, 50, 51, 103, 112, 4
FRAGMENT, HOPOPTS, ROUTING, DSTOPTS, NONE = 44, 0, 43, 60, 59


def sum16(data):
    n = sum(struct.unpack("!%dH" % (len(data) // 2 + len(data) % 2), data + b"\0" * (len(data) % 2)))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n ^ 0xffff


def ether(kind, data, dst=US, src=THEM, tags=()):
    tag = b"".join(struct.pack("!HH", *t) for t in tags)
    return dst + src + tag + struct.pack("!H", kind) + data


def ip4(proto, data, src="192.0.2.9", dst="192.0.2.1", frag=0, opts=b"", ttl=64, tos=0, ident=1, length=None, version=4):
    h = struct.pack("!BBHHHBBH", version << 4 | 5 + len(opts) // 4, tos, length or 20 + len(opts) + len(data), ident, frag, ttl, proto, 0)
    h += socket.inet_aton(src) + socket.inet_aton(dst) + opts
    return h[:10] + struct.pack("!H", sum16(h)) + h[12:] + data


def ip6(proto, data, src="fd00::9", dst="fd00::1", hops=64, flow=0, length=None):
    return struct.pack("!IHBB", 6 << 28 | flow, len(data) if length is None else length, proto, hops) + \
        socket.inet_pton(10, src) + socket.inet_pton(10, dst) + data


def ext(following, kind=DSTOPTS, size=8):
    """An extension header of options, padded."""
    if kind == FRAGMENT:
        return struct.pack("!BBHI", following, 0, 0, 7)
    return struct.pack("!BBBB", following, size // 8 - 1, 1, size - 4) + bytes(size - 4)


def tcp(sport, dport, flags=2, data=b"", opts=b"", seq=1000, ack=0, win=500):
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (5 + len(opts) // 4) << 4, flags, win, 0, 0) + opts + data


def udp(sport, dport, data=b"U" * 20, length=None, check=0):
    return struct.pack("!HHHH", sport, dport, length or 8 + len(data), check) + data


def icmp(kind, code=0, rest=bytes(4), data=b"i" * 24):
    return struct.pack("!BBH", kind, code, sum16(struct.pack("!BBH", kind, code, 0) + rest + data)) + rest + data


def arp(op, src="192.0.2.9", dst="192.0.2.1"):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + THEM + socket.inet_aton(src) + bytes(6) + socket.inet_aton(dst)


def v4(*args, **more):
    return ether(0x0800, ip4(*args, **more))


def v6(*args, **more):
    return ether(0x86dd, ip6(*args, **more))


def transport():
    """What goes into both families."""
    for flags in 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x20, 0x01, 0x00, 0xff:
        yield TCP, tcp(1025, 80, flags)
    yield TCP, tcp(80, 1025, 0x18, b"GET / HTTP/1.0\r\n")
    yield TCP, tcp(1025, 80, 0x18, b"GET /" + b"x" * 900)
    yield TCP, tcp(1025, 443, 2, b"", b"\2\4\5\xb4\1\1\4\2")
    yield TCP, tcp(1025, 80, 0x18, b"GET /", b"\1" * 20, seq=99999)
    yield TCP, tcp(22, 22, 0x10)
    yield TCP, tcp(5000, 22, 2, win=65000)
    yield TCP, tcp(53, 53, 2)
    for sport, dport in (53, 1025), (1025, 53), (4500, 4500), (4500, 5000), (55, 150), (68, 67), (1025, 443), (1, 65535):
        yield UDP, udp(sport, dport)
    yield UDP, udp(1025, 53, b"\x12\x34\0\0")
    yield UDP, udp(1025, 53, b"\x11\x11\x01\x23")
    yield UDP, udp(1025, 53, b"")
    yield UDP, udp(1025, 54, b"x" * 1200, check=77)
    yield UDP, udp(1025, 56, b"short", length=200)
    yield SCTP, struct.pack("!HHII", 9, 1025, 1, 0) + b"\1\0\0\x10" + bytes(12)
    yield SCTP, struct.pack("!HHII", 1025, 80, 1, 0) + b"\3\0\0\x10" + bytes(12)
    yield GRE, struct.pack("!HH", 0, 0x0800) + ip4(UDP, udp(1, 2))
    yield ESP, bytes(24)
    yield AH, struct.pack("!BBHII", TCP, 4, 0, 1, 1) + bytes(12) + tcp(1025, 80)
    yield PIM, b"\x20\0\0\0" + bytes(8)
    yield VRRP, b"\x21\1\x64\1\0\1\0\0" + bytes(8)
    yield IPIP, ip4(TCP, tcp(1025, 80))
    yield 253, b"nothing known"
    yield 255, b""


def ordinary():
    for proto, data in transport():
        yield v4(proto, data)
        yield v6(proto, data)
    for kind, code in (8, 0), (0, 0), (3, 4), (3, 1), (5, 1), (11, 0), (13, 0), (42, 7):
        yield v4(ICMP, icmp(kind, code, data=ip4(UDP, udp(1, 2), src="192.0.2.1")))
    for kind in 128, 129, 1, 2, 3, 135, 136, 143:
        yield v6(ICMP6, icmp(kind, data=b"\xfe\x80" + bytes(14)), hops=255)
    for kind in 0x11, 0x16, 0x17:
        yield v4(IGMP, struct.pack("!BBH4s", kind, 0, 0, b"\xe0\0\0\5"), dst="224.0.0.5", opts=b"\x94\4\0\0", ttl=1)
    for src, dst in ("198.51.100.7", "192.0.2.1"), ("192.0.2.9", "255.255.255.255"), ("192.0.2.9", "192.0.2.255"), \
            ("192.0.3.1", "192.0.2.2"), ("10.0.0.1", "224.0.0.251"), ("192.0.2.9", "192.0.2.9"):
        yield v4(UDP, udp(1025, 53), src=src, dst=dst)
        yield v4(TCP, tcp(1025, 80, 0x12), src=src, dst=dst)
    for src, dst in ("fd00:0:0:1::5", "fd00::1"), ("fe80::9", "ff02::1"), ("fd00::9", "fd00::9"), ("2001:db8::1", "fd00::1"):
        yield v6(UDP, udp(1025, 53), src=src, dst=dst)
        yield v6(ICMP6, icmp(128), src=src, dst=dst)
    for tos, ttl, ident in (40, 1, 0x4242), (4, 255, 0), (184, 61, 0xffff), (12, 9, 7), (0, 128, 0x4242):
        yield v4(UDP, udp(1025, 53), tos=tos, ttl=ttl, ident=ident)
    yield v6(UDP, udp(1025, 53), flow=0x0b812345, hops=1)


def odd():
    body = udp(1025, 53, b"f" * 72)
    for proto, data in (UDP, body), (TCP, tcp(1025, 80, 2, b"f" * 60)), (ICMP, icmp(8, data=b"f" * 72)):
        yield v4(proto, data[:40], frag=0x2000, ident=77)
        yield v4(proto, data[40:], frag=0x2000 | 5, ident=78)
        yield v4(proto, data[40:], frag=5, ident=79)
        yield v4(proto, data, frag=0x4000)
    for offset in 0x0001, 0x0028, 0x0029:
        yield v6(FRAGMENT, struct.pack("!BBHI", UDP, 0, offset, 7) + body[:40])
        yield v6(FRAGMENT, struct.pack("!BBHI", TCP, 0, offset, 7) + tcp(1025, 80, 2, b"f" * 20))
    for opts in b"\1\1\1\0", b"\x07\x07\4\0\0\0\0\0", b"\x94\4\0\0" + b"\1" * 36:
        yield v4(TCP, tcp(1025, 80), opts=opts)
        yield v4(UDP, udp(1025, 53), opts=opts)
        yield v4(ICMP, icmp(8), opts=opts)
    for kinds in (HOPOPTS,), (DSTOPTS,), (ROUTING,), (DSTOPTS, FRAGMENT), (HOPOPTS, DSTOPTS, DSTOPTS):
        for proto, data in (TCP, tcp(1025, 80)), (UDP, udp(1025, 53)), (ICMP6, icmp(128)):
            for kind in reversed(kinds):
                data, proto = ext(proto, kind, 16 if kind == HOPOPTS else 8) + data, kind
            yield v6(proto, data)
    yield v6(NONE, b"")
    yield v6(AH, struct.pack("!BBHII", UDP, 4, 0, 1, 1) + bytes(12) + udp(1025, 53))
    for n in 0, 1, 3, 4, 7, 12, 13, 19:  # cut short, the length right for what is left
        yield v4(TCP, tcp(1025, 80)[:n])
        yield v4(UDP, udp(1025, 53)[:n])
        yield v6(TCP, tcp(1025, 80)[:n])
    for n in 14, 15, 20, 33, 34, 40, 53, 60:  # cut on the wire, the length as it was
        yield v4(TCP, tcp(1025, 80, data=b"z" * 30))[:n]
        yield v6(TCP, tcp(1025, 80, data=b"z" * 30))[:n]
    yield v4(UDP, udp(1025, 53, b"p" * 4)) + b"\x55" * 40   # padded
    yield v6(UDP, udp(1025, 53, b"p" * 4)) + b"\x55" * 40
    yield v4(TCP, tcp(1025, 80), length=2000)
    yield v4(TCP, tcp(1025, 80), version=5)
    yield ether(0x0800, ip6(TCP, tcp(1025, 80)))
    yield ether(0x86dd, ip4(TCP, tcp(1025, 80)))
    yield v4(UDP, udp(1025, 53, b"\x77" * 6000))
    yield v6(UDP, udp(1025, 53, b"\x77" * 6000))


def link():
    for op in 1, 2, 3:
        yield ether(0x0806, arp(op))
        yield ether(0x0806, arp(op, "198.51.100.7", "192.0.2.5"), b"\xff" * 6)
    yield ether(0x8035, arp(3))
    yield ether(0x0806, arp(1)[:9])
    yield ether(0x88cc, b"\2\7\4" + THEM + b"\4\3\1\1\1" + b"\6\2\0\x78\0\0", b"\1\x80\xc2\0\0\x0e")
    yield ether(0x8864, b"\x11\0\0\1\0\x40\0\x21" + ip4(UDP, udp(1025, 53)))
    yield ether(0x8863, b"\x11\x09\0\0\0\0")
    yield ether(0x8847, struct.pack("!I", 1000 << 12 | 1 << 8 | 64) + ip4(TCP, tcp(1025, 80)))
    yield ether(0x8847, struct.pack("!I", 5 << 12 | 1 << 8 | 64) + ip4(TCP, tcp(1025, 80)))
    yield ether(38, b"\x42\x42\3" + bytes(35), b"\1\x80\xc2\0\0\0")
    yield ether(0x0004, b"\xaa\xaa\3\0\0\0\x08\0")
    yield ether(0x9999, b"nobody knows this")
    for dst in b"\xff" * 6, b"\1\0\x5e\0\0\5", b"\x33\x33\0\0\0\1", OTHER:
        yield ether(0x0800, ip4(UDP, udp(1025, 53)), dst)
        yield ether(0x86dd, ip6(UDP, udp(1025, 53)), dst)
    yield ether(0x0800, ip4(TCP, tcp(1025, 80)), src=OTHER)
    inner = [(0x0800, ip4(TCP, tcp(1025, 80))), (0x0800, ip4(UDP, udp(1025, 53))), (0x86dd, ip6(UDP, udp(1025, 53))),
             (0x0806, arp(1)), (0x0800, ip4(UDP, udp(1025, 54, b"v" * 200))), (0x86dd, ip6(TCP, tcp(1025, 443)))]
    for tags in [(0x8100, 5)], [(0x8100, 100)], [(0x8100, 0xe005)], [(0x8100, 7)], [(0x8100, 5), (0x8100, 7)], [(0x88a8, 5), (0x8100, 100)]:
        for kind, data in inner:
            yield ether(kind, data, tags=tags)
    yield ether(0x0800, b"", tags=[(0x8100, 5)])


def all_frames():
    return [f for part in (ordinary(), odd(), link()) for f in part]


def network_part(frame):
    """What the IP layer is given of it, the end cut off where the header says; None: nothing."""
    kind, data = struct.unpack("!H", frame[12:14])[0], frame[14:]
    if kind == 0x0800 and len(data) >= 20 and data[0] >> 4 == 4:
        return data[:struct.unpack("!H", data[2:4])[0]]
    if kind == 0x86dd and len(data) >= 40 and data[0] >> 4 == 6:
        return data[:40 + struct.unpack("!H", data[4:6])[0]]
    return None


def capture(packets, link_type):
    """{number: bytes} as a file; the number is the time."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link_type)
    return out + b"".join(struct.pack("<IIII", n, 0, len(p), len(p)) + p for n, p in packets.items())


def numbers_in(data):
    """Which packets a capture holds."""
    at, found = 24, set()
    while at + 16 <= len(data):
        number, _, size = struct.unpack("<III", data[at:at + 12])
        found.add(number)
        at += 16 + size
    return found
