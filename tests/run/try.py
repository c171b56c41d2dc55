#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `bpfilter test` says of a packet is what happens to it.

Random rulesets; random packets are tried, then the very same frames are sent through a veth pair. The rules that were
said to be met must be those whose live counters move, and trying itself must move none.

    try.py BUILD [RULESETS] [PACKETS] [SEED]
"""
import collections
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time

build = os.path.abspath(sys.argv[1])
rulesets, packets, seed = (int(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((2, 50), (3, 200), (4, 1)))
rng = random.Random(seed)
here, there = f'bf-try-{os.getpid()}', f'bf-peer-{os.getpid()}'
MAC = '02:00:00:00:00:01'


def sh(*args, inside=None, stdin=None):
    if inside:
        args = ('nsenter', f'--net=/run/netns/{inside}') + args
    return subprocess.run(args, check=True, input=stdin, text=True, stdout=subprocess.PIPE).stdout


def address(family):
    return f'10.0.{rng.randrange(3)}.{rng.randrange(1, 9)}' if family == 4 else f'fd00::{rng.randrange(1, 9):x}'


def prefix(family):
    if family == 4:
        return rng.choice([address(4), f'10.0.{rng.randrange(3)}.0/24', f'10.0.{rng.randrange(3)}.{4 * rng.randrange(2)}/30'])
    return rng.choice([address(6), f'fd00::{4 * rng.randrange(2):x}/126'])


def port():
    return rng.randrange(1, 12)


def rule(family, targets):
    words = []
    if rng.random() < .5:
        words += [rng.choice(['-s', '-d']), prefix(family)]
    if rng.random() < .1:
        words = ['!'] + words if words else words
    proto = rng.choice(['tcp', 'udp', 'icmp' if family == 4 else 'ipv6-icmp', None, None])
    if proto:
        words += ['-p', proto]
    if proto in ('tcp', 'udp') and rng.random() < .8:
        low = port()
        words += [rng.choice(['--dport', '--sport']), rng.choice([f'{low}', f'{low}:{low + 3}'])]
    if rng.random() < .2:
        words += ['-i', rng.choice(['try0', 'try+', 'eth0'])]
    if rng.random() < .2:
        words += ['-m', 'conntrack', '--ctstate', rng.choice(['NEW', 'ESTABLISHED,RELATED', 'INVALID'])]
    if rng.random() < .1:
        words += ['-m', 'length', '--length', f'{rng.randrange(20, 60)}:{rng.randrange(60, 120)}']
    return words + ['-j', rng.choice(targets)]


def ruleset(family, rules):
    chains = [f'C{i}' for i in range(rng.randrange(4))]
    lines = ['*filter', f':INPUT {rng.choice(["ACCEPT", "DROP"])}'] + [f':{c} -' for c in chains]
    for i, chain in enumerate(['INPUT'] + chains):
        targets = ['ACCEPT', 'DROP'] + chains[i:] + (['RETURN'] if i else [])
        lines += [' '.join(['-A', chain] + rule(family, targets)) for _ in range(rng.randrange(1, rules))]
    return '\n'.join(lines + ['COMMIT', ''])


def checksum(data):
    data += b'\0' * (len(data) % 2)
    s = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def l4(number, src, dst):
    """A packet's protocol and bytes; the high source port (or id) is nobody else's, so that conntrack takes it for new."""
    kind = rng.choice(['tcp', 'udp', 'icmp', 'other'])
    payload = bytes(rng.randrange(30))
    unique = 2000 + number
    ports = struct.pack('>HH', rng.choice([unique, unique, port()]), port())
    pseudo = socket.inet_pton(socket.AF_INET6 if ':' in src else socket.AF_INET, src)
    pseudo += socket.inet_pton(socket.AF_INET6 if ':' in src else socket.AF_INET, dst)
    if kind == 'tcp':
        data = bytearray(ports + struct.pack('>IIHHHH', number, 0, 0x5002, 1000, 0, 0))
        proto, at = 6, 16
    elif kind == 'udp':
        data = bytearray(ports + struct.pack('>HH', 8 + len(payload), 0) + payload)
        proto, at = 17, 6
    elif kind == 'icmp':
        proto, at = (58, 2) if ':' in src else (1, 2)
        data = bytearray(struct.pack('>BBHHH', 128 if proto == 58 else 8, 0, 0, unique, 1) + payload)
        pseudo = pseudo if proto == 58 else b''
    else:
        return 89, payload
    if pseudo:
        pseudo += struct.pack('>II', len(data), proto)
    data[at:at + 2] = struct.pack('>H', checksum(pseudo + bytes(data)))
    return proto, bytes(data)


def frame(family, number):
    src, dst = address(family), '10.0.0.100' if family == 4 else 'fd00::100'
    proto, data = l4(number, src, dst)
    head = bytes.fromhex(MAC.replace(':', '')) + b'\2\0\0\0\0\2'
    if family == 6:
        return head + struct.pack('>HIHBB', 0x86dd, 6 << 28, len(data), proto, 64) + \
            socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + data
    ip = bytearray(struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(data), number, 0, 64, proto, 0) +
                   socket.inet_aton(src) + socket.inet_aton(dst))
    ip[10:12] = struct.pack('>H', checksum(bytes(ip)))
    return head + b'\x08\0' + bytes(ip) + data


def counters(family):
    """(chain, number or 'policy') -> packets, from the unmodified listing."""
    out = sh(f'{build}/iptables/xtables-bpf-multi', f'ip{"6" if family == 6 else ""}tables-bpf', '-L', '-v', '-x', '-n',
             '--line-numbers', inside=here)
    found, chain = collections.Counter(), None
    for line in out.split('\n'):
        word = line.split()
        if line.startswith('Chain'):
            chain = word[1]
            if word[2] == '(policy':
                found[chain, 'policy'] = int(word[4])
        elif word and word[0].isdigit():
            found[chain, int(word[0])] = int(word[1])
    return found


def said(frames):
    lines = ''.join(f'frame {f.hex()} iif try0 hook input ct new\n' for f in frames)
    out = sh(f'{build}/cli/bpfilter', '--netns', here, 'test', '-j', '-f', '-', stdin=lines)
    met = collections.Counter()
    for p in json.loads(out)['packets']:
        for c in p['chains']:
            if not c['agree']:
                raise AssertionError(f'programs and interpreter differ: {p}')
            for m in c['met']:
                if 'number' in m or m['chain'] == 'INPUT':
                    met[m['chain'], m.get('number', 'policy')] += 1
    return met


def one(n, sock):
    family = rng.choice([4, 6])
    text = ruleset(family, rng.choice([4, 12, 150]))
    sh(f'{build}/iptables/xtables-bpf-multi', f'ip{"6" if family == 6 else ""}tables-bpf-restore', inside=here, stdin=text)
    frames = [frame(family, i) for i in range(packets)]
    want = said(frames)
    if any(counters(family).values()):
        raise AssertionError('trying moved counters')
    for i, f in enumerate(frames):
        sock.send(f)
        if i % 50 == 49:
            time.sleep(.005)
    for _ in range(100):
        got = counters(family)
        if +got == want:
            return
        time.sleep(.02)
    print(text)
    for key in sorted(set(want) | set(got), key=str):
        if want[key] != got[key]:
            print(f'{key}: said {want[key]}, counted {got[key]}')
    raise AssertionError(f'ruleset {n}: not what was said')


def inside_socket(netns):
    """A packet socket of another namespace."""
    with open('/proc/self/ns/net') as home, open(f'/run/netns/{netns}') as away:
        os_setns(away.fileno())
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(('try1', 0))
        os_setns(home.fileno())
    return s


def os_setns(fd):
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), 'setns')


def main():
    for ns in (here, there):
        sh('ip', 'netns', 'add', ns)
    try:
        sh('ip', 'link', 'add', 'try0', 'netns', here, 'address', MAC, 'type', 'veth', 'peer', 'name', 'try1', 'netns', there)
        for ns, dev in ((here, 'try0'), (there, 'try1')):
            sh('sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0', f'net.ipv6.conf.{dev}.accept_dad=0',
               f'net.ipv6.conf.{dev}.addr_gen_mode=1', f'net.ipv6.conf.{dev}.router_solicitations=0', inside=ns)
        sh('ip', 'addr', 'add', '10.0.0.100/16', 'dev', 'try0', inside=here)
        sh('ip', 'addr', 'add', 'fd00::100/64', 'dev', 'try0', inside=here)
        for ns, dev in ((here, 'try0'), (there, 'try1')):
            sh('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=8', inside=ns)
            sh('ip', 'link', 'set', dev, 'up', inside=ns)
        # Answers would make connections known: they have nowhere to go.
        sh('nft', 'add table inet t; add chain inet t o { type filter hook output priority -300; policy drop; }', inside=here)
        time.sleep(.3)
        sock = inside_socket(there)
        for n in range(rulesets):
            one(n, sock)
            # Connections of the last ruleset are not to be met again.
            subprocess.run(['nsenter', f'--net=/run/netns/{here}', 'conntrack', '-F'], check=True, stderr=subprocess.DEVNULL)
        print(f'ok: {rulesets} rulesets, {packets} packets each: what was said is what happened')
    finally:
        sh(f'{build}/cli/bpfilter', '--netns', here, 'flush')
        for ns in (here, there):
            sh('ip', 'netns', 'del', ns)


main()
