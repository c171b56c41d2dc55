# SPDX-License-Identifier: GPL-2.0-only
"""
Many pcap rules in one chain, at each kind of hook: they load, in a time that
grows with their number, and each packet is counted by the rule that is its.

usage: many.py BPFILTER
"""
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

TOOL = sys.argv[1]
NS, FAR = ("pcap-many-%d-%s" % (os.getpid(), n) for n in ("near", "far"))
RULES = 2000
# One after the other of these; what each is of is the number of the rule.
KINDS = ["udp dst port %d", "not tcp and udp port %d", "ip and udp[2:2] == %d", "udp[2:2] - 1 == %d - 1"]
SECONDS = 60  # of the processor's time; it takes two


def sh(command, ns=None, check=True):
    argv = ["nsenter", "--net=/run/netns/" + ns] if ns else []
    p = subprocess.run(argv + ["sh", "-c", command], capture_output=True, text=True)
    if check and p.returncode:
        raise SystemExit("failed: %s\n%s%s" % (command, p.stdout, p.stderr))
    return p


def table(family, hook, verdict):
    rules = ["        pcap \"%s\" counter %s" % (KINDS[i % len(KINDS)] % (1000 + i), verdict) for i in range(RULES)]
    return "table %s many {\n    chain c {\n        type filter hook %s priority 0; policy accept;\n%s\n    }\n}\n" % (
        family, hook, "\n".join(rules))


def counted():
    """Numbers of the rules that have counted packets, and how many."""
    lines = sh("%s list -c ruleset" % TOOL, NS).stdout.split("\n")
    rules = [x for x in lines if 'pcap "' in x]
    if len(rules) != RULES:
        raise SystemExit("%d rules are listed" % len(rules))
    packets = [int(x.split("packets ")[1].split()[0]) for x in rules]
    return {i: n for i, n in enumerate(packets) if n}


def send(numbers, ns=FAR, to="10.98.7.1", group=None):
    code = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for i in %r: s.sendto(b'0123456789' * 5, ('%s', 1000 + i))\n" % (numbers, to))
    if group:
        code = "open('%s/cgroup.procs', 'w').write('0')\n" % group + code
    p = subprocess.run(["nsenter", "--net=/run/netns/" + ns, sys.executable, "-c", code], capture_output=True, text=True)
    if p.returncode:
        raise SystemExit(p.stderr)


def try_hook(name, family, hook, verdict, **sender):
    with tempfile.NamedTemporaryFile("w", suffix=".bf") as f:
        f.write(table(family, hook, verdict))
        f.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        p = sh("%s load -r %s" % (TOOL, f.name), NS, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    if p.returncode:
        print("%s: %d rules are refused: %s" % (name, RULES, p.stderr[:2000]))
        return 1
    if "classified" in sh("%s dump -c" % TOOL, NS).stdout:
        print("%s: filters are behind a structure that chooses nothing: each would cost a visit of it" % name)
        return 1
    numbers = [0, 1, 2, 63, 64, 65, 127, 128, 1023, 1501, RULES - 2, RULES - 1, RULES, RULES + 5]
    send(numbers, **sender)
    want = {i: 1 for i in numbers if i < RULES}
    got = counted()
    for _ in range(20):
        if got == want:
            break
        time.sleep(0.1)
        got = counted()
    print("%s: %d rules in %.2f s" % (name, RULES, took))
    if got != want:
        print("%s: rules counted %s, should be %s" % (name, got, want))
    if took > SECONDS:
        print("%s: that is too long" % name)
    return got != want or took > SECONDS


def main():
    failed = 0
    try:
        for ns in (NS, FAR):
            sh("ip netns add %s; ip -n %s link set lo up" % (ns, ns))
        sh("ip -n %s link add va type veth peer name vb netns %s" % (NS, FAR))
        sh("ip -n %s addr add 10.98.7.1/24 dev va; ip -n %s link set va up" % (NS, NS))
        sh("ip -n %s addr add 10.98.7.2/24 dev vb; ip -n %s link set vb up" % (FAR, FAR))
        send([20000])  # so that neighbours are known
        time.sleep(0.2)
        failed += try_hook("netfilter", "ip", "input", "drop")
        failed += try_hook("both families", "inet", "prerouting", "accept")
        failed += try_hook("tc", "netdev", "ingress device \"va\"", "drop")
        failed += try_hook("xdp", "netdev", "xdp device \"va\"", "drop")
        groups = sh("findmnt -n -o TARGET -t cgroup2 | head -1").stdout.strip()
        if groups:
            group = os.path.join(groups, NS)
            os.mkdir(group)
            try:
                failed += try_hook("control group", "inet", "egress cgroup \"%s\"" % NS, "accept", ns=NS,
                                   to="10.98.7.2", group=group)
            finally:
                sh("%s flush ruleset" % TOOL, NS, check=False)
                os.rmdir(group)
    finally:
        sh("%s flush ruleset" % TOOL, NS, check=False)
        for ns in (NS, FAR):
            sh("ip netns del " + ns, check=False)
    return failed


sys.exit(1 if main() else 0)
