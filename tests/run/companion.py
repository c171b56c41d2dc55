#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The companion against the kernel's own iptables, packet by packet.

Three namespaces in a row, client - router - server. The same frames are sent
twice: once with a rule of iptables-legacy in the way, once with a program that
notes a hand-off (companion_rig). What comes back on the wire, what the kernel
logs and what NFLOG delivers must be the same bytes.

    companion.py RIG [TEST...]
"""
import os
import random
import re
import socket
import sys
import threading
import time

from companion_net import (TAG, TCP, UDP, Kmsg, Namespace, Nflog, Rig, Wire, build, check, failed, made, packets, run,
                           same)


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
    wire = Wire(C, place, family)
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
    ns, wire, kmsg = ns_of(place), Wire(C, place, family), Kmsg()
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


NFLOGS = (("--nflog-group 5 --nflog-prefix 'one two'", "nflog:5:0:1:0:one two"),
          ("--nflog-group 5 --nflog-size 24 --nflog-prefix p", "nflog:5:24:1:1:p"),
          ("--nflog-group 5 --nflog-threshold 3", "nflog:5:0:3:0:"))


def test_nflog(family, place):
    hook, chain = PLACES[place]
    ns, wire = ns_of(place), Wire(C, place, family)
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


def received(s, wanted=None):
    n = 0
    try:
        while n != wanted:
            s.recv(2048)
            n += 1
    except TimeoutError:
        pass
    return n


def test_several():
    kmsg, server, client = Kmsg(), udp_server(S), C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire = Wire(C, "input", "ip")
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
        self.s.settimeout(0.05)
        self.start()

    def run(self):
        while not self.stop:
            try:
                if not self.s.recv(65536):
                    return
                self.n += 1
            except TimeoutError:
                pass
            except ConnectionError:
                return

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


def test_twin():
    """Old and new companion side by side, as during a change: each acts for its own programs only."""
    kmsg, server, client = Kmsg(), udp_server(S), C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with Rig(S, "ip", "1", -3, 2, *[f"log:4:0:{TAG} {x} " for x in "abcd"]) as rig:
        same("twin built", "ok", rig.ask("twin"))
        for tag, terminal, lines, delivered in ((1, 0, "ab", 1), (2, 0, "dc", 1), (3, 0, "", 1), (1, 1, "ab", 0),
                                                (2, 1, "dc", 0), (3, 1, "", 0)):
            rig.ask(f"tag {tag}")
            rig.note(UDP, 7777, [0, 1], terminal)
            client.sendto(b"hi", ("10.2.0.4", 7777))
            n, left = received(server), rig.left()
            same(f"tag {tag}, terminal {terminal}", (lines, delivered, 0, 0),
                 ("".join(line.split()[1] for _, line in kmsg.lines()), n, left["entries"], left["pending"]))


def test_gso():
    """A TCP stream of large segments, rejected in the middle."""
    listener = S.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("10.2.0.4", 7777))
    listener.listen()
    for place, (hook, _) in PLACES.items():
        with Rig(ns_of(place), "ip", str(hook), -3, 2, f"log:4:0:{TAG} g ", "reject:1:0") as rig:
            client = C.socket(socket.AF_INET, socket.SOCK_STREAM)
            client.settimeout(2)
            client.connect(("10.2.0.4", 7777))
            server, kmsg = listener.accept()[0], Kmsg()
            got = Drain(server)
            client.sendall(b"x" * 3000000)
            rig.note(TCP, 7777, [0, 1], 1)
            try:
                for _ in range(50):
                    client.sendall(b"x" * 60000)
                    time.sleep(0.01)
                error = None
            except OSError as e:
                error = type(e).__name__
            lines, left = kmsg.lines(), rig.left()
            got.finish()
            server.close()
        lengths = [int(re.search(r" LEN=(\d+)", line).group(1)) for _, line in lines]
        check(f"{place}: reset in the middle of a stream; segments of up to {max(lengths, default=0)} bytes",
              error in ("ConnectionResetError", "BrokenPipeError") and max(lengths, default=0) > 3000 and not left["entries"],
              (error, lengths, left))


def test_bridge():
    """FORWARD of a bridge (br_netfilter): the client's packets to the router cross a bridge in a namespace of its own."""
    if not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"):
        print("skipped  bridge: no br_netfilter")
        return
    b = Namespace("b")
    for outer, inner in ((C, "one"), (R, "two")):
        run(f"ip link add {TAG}p type veth peer name {TAG}q")
        run(f"ip link set {TAG}p netns {outer.name} name br-end")
        run(f"ip link set {TAG}q netns {b.name} name {inner}")
        outer("ip link set br-end up")
        b(f"ip link set {inner} up")
    b("ip link add br0 type bridge")
    for cmd in ("one master br0", "two master br0", "br0 up"):
        b(f"ip link set {cmd}")
    b("sysctl -qw net.bridge.bridge-nf-call-iptables=1")
    C("ip addr add 10.3.0.1/24 dev br-end")
    R("ip addr add 10.3.0.2/24 dev br-end")
    server, client, kmsg = udp_server(R, 7777, "10.3.0.2"), C.socket(socket.AF_INET, socket.SOCK_DGRAM), Kmsg()
    client.sendto(b"hi", ("10.3.0.2", 7777))
    same("bridge: delivered", 1, received(server, 1))

    def send():
        client.sendto(b"hi", ("10.3.0.2", 7777))
        lines = [re.sub(r" ID=\d+", "", line) for _, line in kmsg.lines()]
        return received(server), lines

    b(f"iptables-legacy -A FORWARD -p udp --dport 7777 -j LOG --log-prefix '{TAG} b '")
    b("iptables-legacy -A FORWARD -p udp --dport 7777 -j DROP")
    native = send()
    b("iptables-legacy -F")
    with Rig(b, "ip", "2", -3, 2, f"log:4:0:{TAG} b ", "drop") as rig:
        rig.to = "0a030002"
        rig.note(UDP, 7777, [0, 1], 1)
        same(f"bridge: {native}", native, send())
        same("bridge: nothing left", 0, rig.left()["entries"])


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

    S("ip6tables-legacy -A INPUT -p udp --dport 7777 -m addrtype --dst-type LOCAL")
    S("ip6tables-legacy -A INPUT -p udp --dport 7777 -m addrtype --dst-type MULTICAST")

    def send_ip6():
        s = R.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with R:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("right"))
        for to, n in (("fd02::4", 4), ("ff02::1", 3)):
            for _ in range(n):
                s.sendto(b"hi", (to, 7777))
        time.sleep(0.05)

    send_ip6()
    native = [int(line.split()[0]) for line in S("ip6tables-legacy -L INPUT -nvx").splitlines()[2:]]
    S("ip6tables-legacy -F")
    with Rig(S, "ip6", "1", -3, 1, "assist:4:0", "assist:32:0") as rig:
        before = rig.left()["counts"]
        send_ip6()
        ours = [b - a for a, b in zip(before, rig.left()["counts"])][1:3]
    same(f"ip6 addrtype answers {ours}", native, ours)

    with Rig(S, "ip", "1", -3, 1, "assist:4:0") as rig:
        server = udp_server(S)
        S("nft flush ruleset")
        C.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hi", ("10.2.0.4", 7777))
        same("no answers: dropped", 0, received(server))
        same("made again", "rebuild 0 changed 1", rig.ask("rebuild")[:19])
        C.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hi", ("10.2.0.4", 7777))
        same("answers again: accepted", 1, received(server))


def test_assist_states():
    """Answers for packets in some connection states only. The noter asks for all of them and drops those without answer."""
    server, other = udp_server(S), udp_server(S, 8888)
    for mask, new, untracked in ((0, 1, 1), (8, 1, 0), (2, 0, 0), (256, 0, 1), (8 + 256, 1, 1), (1 + 2 + 4, 0, 0)):
        with Rig(S, "ip", "1", -3, 1, "assist:4:0", f"states:{mask}", "ct"):
            S("nft 'add table ip raw; add chain ip raw c { type filter hook prerouting priority raw; }; "
              "add rule ip raw c udp dport 8888 notrack'")
            for port in (7777, 8888):
                C.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hi", ("10.2.0.4", port))
            same(f"answers for states {mask:#x}: new, untracked", (new, untracked), (received(server), received(other)))
            S("nft delete table ip raw")


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
    # The rig's tables begin with 00000007: its owner. Another's may be those of a container that shares the network.
    S("nft 'add table ip bpfilter-x-0000000789abcdef; add table ip6 bpfilter-y-00000007000000ff; add table ip mine; "
      "add table ip bpfilter-x-0000000889abcdef; "
      "add table ip bpfilter-mine; add table ip bpfilter-mine-0000000789abcdeX; add table netdev bpfilter-x-0000000789abcdef; add table inet bpfilter-z-0000000789abcdef'")
    with Rig(S, "ip", "1", -3, 1, "reject:0:3"):
        pass
    same("only our leftovers are swept", ["table ip bpfilter-mine",
                                          "table ip bpfilter-mine-0000000789abcdeX", "table ip bpfilter-x-0000000889abcdef",
                                          "table ip mine", "table netdev bpfilter-x-0000000789abcdef"],
         sorted(S("nft list tables").splitlines()))
    S("nft flush ruleset")


TESTS = {
    **{f"reject {f} {p}": (lambda f=f, p=p: test_reject(f, p)) for f in ("ip", "ip6") for p in PLACES},
    **{f"log {f} {p}": (lambda f=f, p=p: test_log(f, p)) for f in ("ip", "ip6") for p in PLACES},
    **{f"nflog {f} {p}": (lambda f=f, p=p: test_nflog(f, p)) for f in ("ip", "ip6") for p in ("input", "output")},
    "several": test_several, "many": test_many, "flood": test_flood, "flush": test_flush, "flush parts": test_flush_parts,
    "thief": test_thief, "twin": test_twin, "gso": test_gso, "bridge": test_bridge, "no backstop": test_no_backstop, "assist": test_assist, "states": test_assist_states, "conntrack": test_conntrack,
    "errors": test_errors, "sweep": test_sweep,
}

old_log = run("sysctl -n net.netfilter.nf_log_all_netns").strip()
try:
    run("sysctl -qw net.netfilter.nf_log_all_netns=1")
    C, R, S = build(os.path.abspath(sys.argv[1]))
    for name, fn in TESTS.items():
        if not sys.argv[2:] or any(name.startswith(a) for a in sys.argv[2:]):
            fn()
finally:
    for ns in made:
        ns.remove()
    run(f"sysctl -qw net.netfilter.nf_log_all_netns={old_log}")
print(f"{len(failed)} failed")
sys.exit(bool(failed))
