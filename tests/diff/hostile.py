# SPDX-License-Identifier: GPL-2.0-only
"""What a packet can look like when somebody means harm, or a network is broken."""
import struct

from packets import AH, DSTOPTS, FRAGMENT, HOPOPTS, MH, NONE, ROUTING, TCP, UDP

PAD = b"\1\4\0\0\0\0"                       # PadN: makes an options header of 8 bytes
RT0 = b"\0\0\0\0\0\0"                       # type 0, nothing left
RT2 = b"\2\0" + bytes(4 + 16)               # type 2, nothing left
AH_BODY = struct.pack("!HII", 0, 0x1234, 1) + bytes(12)
LONG = bytes([1, 254]) + bytes(254)         # 256 bytes of options and more


def fragments(p):
    whole = p.but(payload=bytes(range(64)))
    out = whole.fragments(24) + whole.but(ident=p.ident + 1).fragments(8)
    out += list(reversed(whole.but(ident=p.ident + 2).fragments(32)))
    part = bytes(range(40))
    for i, (off, more, size) in enumerate([(0, True, 8), (0, True, 16), (8, True, 40), (8, False, 40), (16, False, 24), (1480, False, 33), (65512, False, 16), (0, False, 40)]):
        # A first fragment starts with the real header, however little of it is left.
        data = whole.ip()[-len(part) - 24:][:size] if off else whole.but(payload=part)._l4(part)[:size]
        out.append(whole.but(l4=data, frag=(off, more), ident=p.ident + 10 + i))
    two = whole.but(ident=p.ident + 30).fragments(24)
    if len(two) > 2:
        out += [two[0], two[1].but(frag=(16, True)), two[2]]  # overlap
    return out


def cuts(p):
    head = len(p.but(payload=b"", length=None).ip()) - len(p.but(payload=b"", length=None)._l4(b""))
    return [p.but(cut=head + n, length=None) for n in (0, 1, 2, 3, 4, 6, 7, 8, 12, 13, 14, 19, 20)]


def options4(p):
    kinds = [b"\1\1\1\0", b"\x94\4\0\0", b"\x07\x0b\4" + bytes(9), b"\1" * 40, b"\x82\x0b" + bytes(10)]
    return [p.but(ipopts=o, length=None) for o in kinds]


def chains6(p):
    kinds = [
        [(HOPOPTS, PAD)], [(DSTOPTS, PAD)], [(ROUTING, RT2)], [(ROUTING, RT0)], [(AH, AH_BODY)], [(HOPOPTS, LONG)],
        [(HOPOPTS, PAD), (DSTOPTS, PAD), (ROUTING, RT2), (AH, AH_BODY), (DSTOPTS, PAD)],
        [(DSTOPTS, PAD)] * 3, [(DSTOPTS, PAD)] * 9, [(DSTOPTS, PAD)] * 40, [(DSTOPTS, LONG)] * 3,
        [(MH, bytes(6))], [(DSTOPTS, PAD), (HOPOPTS, PAD)],
        [(FRAGMENT, struct.pack("!HI", 0, 77))], [(FRAGMENT, struct.pack("!HI", 0, 78))] * 2,
        [(FRAGMENT, struct.pack("!HI", 0, 79)), (DSTOPTS, PAD)], [(DSTOPTS, PAD), (FRAGMENT, struct.pack("!HI", 1, 80))],
        [(FRAGMENT, struct.pack("!HI", 8, 81)), (DSTOPTS, PAD)],
    ]
    out = [p.but(ext=k, length=None) for k in kinds]
    out += [p.but(ext=[(DSTOPTS, PAD)], proto=n, length=None) for n in (NONE, 253, 0, 44, 255)]
    out += [p.but(ext=[(DSTOPTS, PAD), (DSTOPTS, PAD)], cut=n, length=None) for n in (40, 41, 42, 47, 48, 49, 55, 56, 57, 60)]
    # A header whose length says more than there is.
    long = p.but(ext=[(DSTOPTS, PAD)], length=None)
    raw = p.but(proto=DSTOPTS, l4=bytes([p.proto, 200]) + PAD + long._l4(b"xx"), length=None)
    none = p.but(proto=AH, l4=bytes([p.proto, 255, 0, 0]) + bytes(20), length=None)
    return out + [raw, none, p.but(proto=FRAGMENT, l4=b"\x06\0\0", length=None), p.but(proto=HOPOPTS, l4=b"\x06", length=None)]


def tcp_headers(p):
    t = p.but(proto=TCP, length=None)
    good = t._l4(b"payload")
    out = [t.but(flags=f) for f in (0, 1, 3, 6, 18, 41, 63, 0xff)]
    for doff in (0, 4, 6, 15):
        out.append(t.but(l4=good[:12] + bytes([doff << 4]) + good[13:]))
    for opts in (b"\2\4\5\xb4", b"\2\4\0\0", b"\2\0\5\xb4", b"\2\1", b"\2\xff\5\xb4", b"\1\1\1\2", b"\0\2\4\5\xb4", b"\1" * 40, b"\1" * 36 + b"\2\4\5\xb4", b"\3\3\7\2\4\2\x18"):
        out.append(t.but(tcpopts=opts))
    return out


def others(p):
    out = [p.but(proto=n, l4=None, length=None) for n in (0, 2, 4, 41, 46, 47, 50, 51, 59, 103, 112, 132, 136, 253, 255)]
    out += [p.but(bad_sum=True), p.but(ttl=1), p.but(ttl=255), p.but(tos=0xff), p.but(payload=b""), p.but(payload=bytes(1400), length=None)]
    if p.end != "out":
        out += [p.but(cast="broadcast"), p.but(cast="multicast"), p.but(dst_mac="02:99:99:99:99:99")]
        out += [p.but(proto=TCP, gso=n, flags=16, length=None, payload=b"", tcpopts=b"", ext=[], frag=None) for n in (500, 1400) if not p.bridged]
    else:
        out += [p.but(uid=u, mark=m) for u in (0, 1000, 65534) for m in (0, 1, 0xffffffff)]
    return out


def variants(p, _rng):
    p = p.but(frag=None, cut=None, l4=None)
    out = fragments(p) + cuts(p) + others(p) + (chains6(p) if p.family == 6 else options4(p))
    if p.proto == TCP:
        out += tcp_headers(p)
    elif p.proto == UDP:
        good = p.but(length=None)._l4(b"12345678")
        out += [p.but(l4=good[:4] + struct.pack("!H", n) + good[6:], length=None) for n in (0, 7, 8, 200)]
    return out
