# SPDX-License-Identifier: GPL-2.0-only
"""Packets, good and bad, from a description.

A Packet is a set of wishes (addresses, ports, flags, fragment, extension
headers, cut-off length, ...); whatever is not wished for gets an ordinary
value. lines() turns it into twin's actions. Checksums are right unless
`bad_sum` is set, lengths in headers are those of the uncut packet unless
`cut` removes them on the wire only.
"""
import ipaddress
import struct

from world import MACS

TCP, UDP, ICMP, ICMP6, SCTP, GRE, ESP, AH, UDPLITE = 6, 17, 1, 58, 132, 47, 50, 51, 136
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
HOPOPTS, ROUTING, FRAGMENT, DSTOPTS, MH, NONE = 0, 43, 44, 60, 135, 59

# where a packet enters -> (source MAC, destination MAC when it is for the router)
ENDS = {"c0": ("c0", "lan"), "s0": ("s0", "wan"), "c1": ("c1", "bridge"), "s1": ("s1", "bridge")}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac(text):
    return bytes(int(x, 16) for x in text.split(":"))


class Packet:
    """end: c0 c1 s0 s1, or "out" for a socket of the router. All else optional."""

    def __init__(self, **wishes):
        self.end, self.family = "c0", 4
        self.src = self.dst = None
        self.proto, self.sport, self.dport = UDP, 33000, 33001
        self.flags, self.tcpopts, self.seq, self.ack = FLAGS["SYN"], b"", 1000, 0
        self.itype, self.icode, self.iid, self.inner = 8, 0, 7, None
        self.ttl, self.tos, self.ident, self.length, self.payload = 61, 0, 0x4242, None, b"diff" * 4
        self.frag = None            # (offset in bytes, more)
        self.ipopts = b""           # IPv4 options, padded to 4
        self.ext = []               # IPv6: [(type, body)]
        self.cut = None             # bytes kept of the packet
        self.l4 = None              # bytes instead of the L4 header and payload
        self.bad_sum = False
        self.src_mac = self.dst_mac = None
        self.cast = None            # "broadcast" or "multicast": the frame's
        self.uid, self.mark = 0, 0
        self.gso = 0                # segment size; the payload is made long
        self.bridged = False        # from c1 to s1 or back, through the bridge only
        self.__dict__.update(wishes)

    def but(self, **wishes):
        other = Packet()
        other.__dict__.update(self.__dict__)
        other.__dict__.update(wishes)
        return other

    def _default_addresses(self):
        net = {"c0": 1, "s0": 2, "c1": 3, "s1": 3, "out": 1}[self.end]
        form = "fd00:%d::%d" if self.family == 6 else "10.%d.0.%d"
        src = {"s1": (3, 3), "out": (1, 1)}.get(self.end, (net, 2))
        dst = {"c0": (2, 2), "s0": (1, 2), "c1": (3, 3), "s1": (3, 2), "out": (2, 2)}[self.end]
        return self.src or form % src, self.dst or form % dst

    def _addresses(self):
        src, dst = self._default_addresses()
        return ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed

    def _pseudo(self, length, proto):
        src, dst = self._addresses()
        if self.family == 6:
            return src + dst + struct.pack("!IHBB", length, 0, 0, proto)
        return src + dst + struct.pack("!BBH", 0, proto, length)

    def _sum(self, data, offset, proto, pseudo=True):
        value = checksum((self._pseudo(len(data), proto) if pseudo else b"") + data)
        if proto == UDP and value == 0:
            value = 0xffff
        if self.bad_sum:
            value ^= 0x5555
        return data[:offset] + struct.pack("!H", value) + data[offset + 2:]

    def _tcp(self, payload):
        opts = self.tcpopts + b"\0" * (-len(self.tcpopts) % 4)
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.seq, self.ack, (5 + len(opts) // 4) << 4,
                           self.flags, 8192, 0, 0) + opts
        return self._sum(head + payload, 16, TCP)

    def _icmp(self, payload):
        proto = ICMP6 if self.proto == ICMP6 else ICMP
        body = self.inner if self.inner is not None else payload
        head = struct.pack("!BBHHH", self.itype, self.icode, 0, self.iid, 1) + body
        return self._sum(head, 2, proto, pseudo=proto == ICMP6)

    def _l4(self, payload):
        if self.l4 is not None:
            return self.l4
        if self.proto == TCP:
            return self._tcp(payload)
        if self.proto == UDP:
            return self._sum(struct.pack("!HHHH", self.sport, self.dport, 8 + len(payload), 0) + payload, 6, UDP)
        if self.proto == UDPLITE:
            return self._sum(struct.pack("!HHHH", self.sport, self.dport, 0, 0) + payload, 6, UDPLITE)
        if self.proto in (ICMP, ICMP6):
            return self._icmp(payload)
        if self.proto == SCTP:
            return struct.pack("!HHII", self.sport, self.dport, 1, 0) + payload
        return struct.pack("!HH", self.sport, self.dport) + payload

    def _chain(self):
        """IPv6 extension headers in front of the L4 header: (first next-header value, bytes)"""
        ext = list(self.ext)
        if self.frag:
            off, more = self.frag
            ext.append((FRAGMENT, struct.pack("!HI", off & ~7 | bool(more), self.ident)))
        out = b""
        follow = [t for t, _ in ext[1:]] + [self.proto]
        for (kind, body), after in zip(ext, follow):
            if kind == FRAGMENT:
                out += bytes([after, 0]) + body
            elif kind == AH:
                body += b"\0" * (-(len(body) + 2) % 4)
                out += bytes([after, (len(body) + 2) // 4 - 2]) + body
            else:
                body += b"\0" * (-(len(body) + 2) % 8)
                out += bytes([after, (len(body) + 2) // 8 - 1]) + body
        return (ext[0][0] if ext else self.proto), out

    def ip(self):
        src, dst = self._addresses()
        opts = self.ipopts + b"\0" * (-len(self.ipopts) % 4)
        first, chain = self._chain() if self.family == 6 else (self.proto, b"")
        head_len = 40 + len(chain) if self.family == 6 else 20 + len(opts)
        payload = self.payload
        if self.gso:
            payload = bytes(self.gso * 7 // 2)
        if self.length is not None:
            payload = bytes(max(0, self.length - head_len - len(self._l4(b""))))
        data = self._l4(payload)
        if self.family == 6:
            packet = struct.pack("!IHBB", 6 << 28 | self.tos << 20, len(chain) + len(data), first, self.ttl) + src + dst + chain + data
        else:
            off, more = self.frag or (0, False)
            head = struct.pack("!BBHHHBBH", 4 << 4 | head_len // 4, self.tos, head_len + len(data), self.ident,
                               off // 8 | (0x2000 if more else 0), self.ttl, self.proto, 0) + src + dst + opts
            packet = head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data
        return packet if self.cut is None else self._cut(packet)

    def _cut(self, packet):
        """Short on the wire, and consistent: the length field says what is there."""
        packet = packet[:self.cut]
        if self.family == 6:
            return packet[:4] + struct.pack("!H", max(0, len(packet) - 40)) + packet[6:]
        head_len = (packet[0] & 15) * 4
        packet = packet[:2] + struct.pack("!H", len(packet)) + packet[4:10] + b"\0\0" + packet[12:]
        return packet[:10] + struct.pack("!H", checksum(packet[:head_len])) + packet[12:]

    def fragments(self, size):
        """The whole packet in pieces of `size` bytes of payload (a multiple of 8)."""
        whole = self.but(frag=None).ip()
        skip = 40 + len(self.but(frag=None)._chain()[1]) if self.family == 6 else 20 + len(self.ipopts)
        data = whole[skip:]
        return [self.but(l4=data[i:i + size], frag=(i, i + size < len(data)), length=None) for i in range(0, len(data), size)]

    def _frame(self):
        source, target = ENDS[self.end]
        if self.bridged:
            target = {"c1": "s1", "s1": "c1"}.get(self.end, target)
        dst = self.dst_mac or {"broadcast": "ff:ff:ff:ff:ff:ff", "multicast": "01:00:5e:00:00:01"}.get(self.cast, MACS[target])
        return mac(dst) + mac(self.src_mac or MACS[source]) + (b"\x86\xdd" if self.family == 6 else b"\x08\x00")

    def line(self):
        if self.end == "out":
            return "o %d %d %s" % (self.uid, self.mark, self.ip().hex())
        data = self._frame() + self.ip()
        if not self.gso:
            return "p %s %s" % (self.end, data.hex())
        head = len(data) - self.gso * 7 // 2
        l4 = head - (20 + len(self.tcpopts) + -len(self.tcpopts) % 4)
        data = data[:l4 + 16] + struct.pack("!H", checksum(self._pseudo(len(data) - l4, TCP)) ^ 0xffff) + data[l4 + 18:]
        return "g %s %d %d %d %d %d %s" % (self.end, 4 if self.family == 6 else 1, head, self.gso, l4, 16, data.hex())
