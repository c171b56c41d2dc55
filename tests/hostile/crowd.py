#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Many at once, and guests that do not behave: writers, namespaces, containers, callers without resources.

    crowd.py BUILD [TEST...]
"""
import os
import re
import resource
import subprocess
import sys
import threading
import time

from lab import NATIVE, Lab, check
import lab


def one(lab_, port, wait="1"):
    """What a TCP connection to a port of this namespace meets: refused (REJECT with a reset), open or nothing."""
    code = ("import socket, sys\ns = socket.socket(); s.settimeout(%s)\n"
            "try: s.connect(('127.0.0.1', %d)); print('open')\n"
            "except ConnectionRefusedError: print('refused')\nexcept OSError: print('nothing')" % (wait, port))
    return lab_.run("python3", "-c", code).stdout.strip()


def again_and_again(command, seconds, failures):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        p = command()
        if p.returncode or p.stderr:
            failures.append("%s: %d %s" % (" ".join(p.args[2:]), p.returncode, p.stderr))


def writers(build):
    """Both families, flushes, lists, collections: all wait for each other, nobody sees half of anything."""
    ns = Lab(build, "w")
    failures = []
    jobs = [lambda i=i: ns.iptables("-w", "-A", "INPUT", "-s", "10.0.0.%d" % i, "-j", "ACCEPT") for i in range(4)]
    jobs += [lambda i=i: ns.ip6tables("-w", "-A", "INPUT", "-s", "fd00::%d" % i, "-j", "REJECT") for i in range(3)]
    jobs += [lambda: ns.iptables("-w", "-F"), lambda: ns.ip6tables("-w", "-F"), lambda: ns.bpfilter("flush"),
             lambda: ns.bpfilter("collect"), lambda: ns.bpfilter("list", "-c"),
             lambda: ns.run(*ns.tool("iptables-save"), "-c"), lambda: ns.ip6tables("-L", "-n", "-v")]
    threads = [threading.Thread(target=again_and_again, args=(j, 6, failures)) for j in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("%d writers and readers of one namespace" % len(jobs), not failures, *failures[:10])
    for i in range(20):
        ns.start(*ns.tool("iptables" if i % 2 else "ip6tables"), "-w", "-A", "FORWARD", "-i", "eth%d" % i)
    for child in ns.started:
        child.wait()
    both = len([r for f in (4, 6) for r in ns.rules(f) if "-i eth" in r])
    check("20 writers, two families: 20 rules", both == 20, both)


def namespaces(build):
    """Come and go with rules in them, many at once; their state goes with them."""
    failures, cookies = [], []

    def life(i):
        ns = Lab(build, "n%d" % i)
        cookies.append(ns.cookie())
        for p in (ns.iptables("-A", "INPUT", "-j", "REJECT"), ns.ip6tables("-A", "INPUT", "-j", "LOG")):
            if p.returncode or p.stderr:
                failures.append(p.stderr)
        if ns.run("ping", "-c1", "-W1", "127.0.0.1").returncode == 0:
            failures.append("%d: passes" % i)
        subprocess.run(["ip", "netns", "del", ns.name])
        Lab.made.remove(ns)

    for first in range(0, 40, 8):
        threads = [threading.Thread(target=life, args=(i,)) for i in range(first, first + 8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    check("40 namespaces with rules", not failures, *failures[:10])
    for _ in range(50):
        subprocess.run([os.path.join(build, "cli", "bpfilter"), "collect"], capture_output=True)
        left = [c for c in cookies if os.path.exists(os.path.join(lab.PINS, c))]
        if not left:
            break
        time.sleep(0.1)
    check("... are released when they are gone", not left, left)


def container(build):
    """Shares the host's network, but neither processes nor /run: its rules are its own and hurt nobody's."""
    ns = Lab(build, "c")
    ns.iptables("-A", "INPUT", "-p", "tcp", "--dport", "5", "-j", "REJECT", "--reject-with", "tcp-reset")
    ns.iptables("-A", "INPUT", "-p", "tcp", "--dport", "6", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
    rule = " ".join(ns.tool("iptables")) + " -A INPUT -p tcp --dport %d -j REJECT --reject-with tcp-reset"
    guest = ns.start("unshare", "--pid", "--fork", "--mount", "--mount-proc", "sh", "-c",
                     "mount -t tmpfs none /run; %s && %s && %s; echo $?; read x" % (rule % 7, rule % 8, rule % 9),
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    check("a container that shares the network sets its rules", guest.stdout.readline() == "0\n")
    for port in (5, 7, 8, 9):
        check("port %d is rejected" % port, one(ns, port) == "refused")
    check("a port for new connections is closed", one(ns, 6, "0.3") == "nothing")
    check("a port without rule is not", one(ns, 10, "0.3") == "refused")
    p = ns.iptables("-A", "INPUT", "-p", "tcp", "--dport", "11", "-j", "REJECT", "--reject-with", "tcp-reset")
    check("the host changes its rules", p.returncode == 0, p.stderr)
    tables = re.findall("bpfilter-ip-filter-", ns.run("nft", "list", "tables").stdout)
    check("both have their table in nf_tables", len(tables) == 2, tables)
    guest.stdin.close()
    guest.wait()


def no_descriptors(build):
    """However few descriptors there are: done or refused, and the kernel's own table never hears of it."""
    ns = Lab(build, "d")
    wrong = []
    for n in range(3, 48):
        p = ns.iptables("-A", "INPUT", "-s", "10.0.0.%d" % n, "-j", "REJECT", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (n, n)))
        there = [r for r in ns.rules() if "10.0.0.%d/" % n in r]
        if bool(there) != (p.returncode == 0) or (p.returncode and not p.stderr):
            wrong.append("%d descriptors: status %d, %s; %s" % (n, p.returncode, there, p.stderr))
    check("3 to 47 descriptors: a rule is there or an error is told", not wrong, *wrong)
    names = ns.run("cat", "/proc/net/ip_tables_names").stdout
    check("... and the kernel has no table", not names, names)


def liar(build):
    """A caller that rewrites what it hands over while it is looked at, and lies about its size and place."""
    ns = Lab(build, "l")
    program = os.path.join(build, "tests", "hostile", "liar")
    rules = ("*filter\n:mine -\n-A INPUT -s 10.0.0.1 -p tcp --dport 1 -j DROP\n-A INPUT -j mine\n-A OUTPUT -g mine\n"
             "-A mine -p udp -m limit --limit 5/s -j LOG\nCOMMIT\n")
    ns.restore(rules)
    before = ns.rules()
    p = ns.bpfilter("run", "--", program, "400")
    check("a caller that lies gets the right errors", p.returncode == 0, p.stdout)
    check("... and leaves the table as it was", ns.rules() == before, *(ns.rules() or ["cannot be read"]))
    ns.run(NATIVE, "iptables-restore", stdin=rules)
    p = ns.run(program, "50")
    check("... which are the kernel's", p.returncode == 0, p.stdout)


def nft_flushed(build):
    """nft flush ruleset takes the companion away: what it is needed for does not pass."""
    ns = Lab(build, "f")
    ns.iptables("-A", "INPUT", "-p", "tcp", "--dport", "5", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
    check("before: new connections are dropped", one(ns, 5, "0.3") == "nothing")
    ns.run("nft", "flush", "ruleset")
    for _ in range(20):  # nf_tables lets go of conntrack a little later
        if one(ns, 6, "0.3") == "nothing":
            break
    check("without conntrack they still are", one(ns, 5, "0.3") == "nothing")
    p = ns.iptables("-A", "INPUT", "-s", "10.0.0.1", "-j", "DROP")
    check("the next change puts it back", p.returncode == 0 and one(ns, 6) == "refused" and one(ns, 5, "0.3") == "nothing",
          p.stderr)


def native_beside(build):
    """The kernel's own iptables in the same namespace, at work at the same time."""
    ns = Lab(build, "b")
    failures = []
    jobs = [lambda: ns.run(NATIVE, "iptables", "-w", "-A", "INPUT", "-s", "10.0.0.1", "-j", "DROP"),
            lambda: ns.run(NATIVE, "iptables", "-w", "-F"),
            lambda: ns.run(*ns.tool("iptables"), "-w", "-t", "mangle", "-A", "INPUT", "-s", "10.0.0.1", "-j", "DROP")]
    threads = [threading.Thread(target=again_and_again, args=(j, 2, failures)) for j in jobs]
    for t in threads:
        t.start()
    for i in range(10):
        p = ns.iptables("-w", "-A", "INPUT", "-s", "10.1.0.%d" % i, "-j", "DROP")
        if p.returncode:
            failures.append(p.stderr)
    for t in threads:
        t.join()
    check("the kernel's iptables beside ours", not failures, *failures[:10])
    ours = [r for r in ns.rules() if r.startswith("-A")]
    check("... ours has its rules and no other", len(ours) == 10 and all("10.1.0." in r for r in ours), *ours)


lab.main([writers, namespaces, container, no_descriptors, liar, nft_flushed, native_beside], sys.argv[1:2], sys.argv[2:])
