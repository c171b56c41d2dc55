#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Nobody locks himself out, and nobody waits without a word.

    guard.py BUILD

`confirm` goes back whoever of its processes is killed, whoever is just at work
on the rules, and when its verb fails behind a change. A writer that is stopped
in the middle holds up other writers only: these say who it is.
"""
import fcntl
import os
import signal
import subprocess
import sys
import time

from lab import Lab, check
import lab

OLD = "table inet t { chain c { type filter hook input priority 0; tcp dport 1 drop; }; }\n"


class Bench(Lab):
    def __init__(self, build):
        super().__init__(build, "g")
        p = self.bpfilter("load", "-", stdin=OLD)
        if p.returncode:
            raise SystemExit(p.stderr)
        self.tool_path = os.path.join(self.build, "cli", "bpfilter")

    def has(self, text):
        return text in self.bpfilter("list").stdout

    def gone(self, text, seconds=5):
        """Is it, within that time? Then the guardians have ended, too."""
        end = time.monotonic() + seconds
        while self.has(text) or self.guardians():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def guardians(self):
        """Processes that belong to this namespace's confirm: [guardian, hand], by age."""
        found = []
        inode = os.stat("/run/netns/" + self.name).st_ino
        for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
            try:
                if os.stat("/proc/%d/ns/net" % pid).st_ino == inode and b"confirm" in open("/proc/%d/cmdline" % pid, "rb").read():
                    found.append(pid)
            except OSError:
                pass
        return sorted(found)


def killed(bench):
    for who in (0, 1):
        p = bench.bpfilter("confirm", "1", "add", "rule", "inet", "t", "c", "udp", "dport", "2", "drop")
        pids = bench.guardians()
        check("confirm leaves two processes", p.returncode == 0 and len(pids) == 2, p.stderr, pids)
        if who < len(pids):
            os.kill(pids[who], signal.SIGKILL)
        check("it goes back when the %s is killed" % ("guardian", "guardian's hand")[who], bench.gone("dport 2"), bench.guardians())
    p = bench.bpfilter("confirm", "1", "add", "rule", "inet", "t", "c", "udp", "dport", "2", "drop")
    os.kill(bench.guardians()[1], signal.SIGKILL)
    time.sleep(0.1)
    p = bench.bpfilter("confirm")
    time.sleep(1.2)
    check("it can be confirmed with the hand killed", p.returncode == 0 and bench.has("dport 2"), p.stderr)
    bench.bpfilter("load", "-r", "-", stdin=OLD)


def killed_in_the_verb(bench):
    """The verb waits for its input, killed there; and one that has changed the rules already."""
    p = bench.start(bench.tool_path, "confirm", "1", "run", "sh", "-c", "iptables -A INPUT -p udp --dport 2 -j DROP; sleep 30",
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 10
    while "dport 2" not in bench.bpfilter("list").stdout and time.monotonic() < end:
        time.sleep(0.05)
    p.kill()
    p.wait()
    os.killpg(p.pid, signal.SIGKILL)  # its script
    check("it goes back when confirm is killed behind a change of its verb", bench.gone("dport 2"), bench.guardians())


def failing_verbs(bench):
    with open("/dev/full", "w") as full:
        p = bench.start(bench.tool_path, "confirm", "60", "add", "-e", "rule", "inet", "t", "c", "udp", "dport", "2", "drop",
                        stdout=full, stderr=subprocess.PIPE)
        said = p.communicate()[1].decode()
    check("a verb that fails behind its change", p.returncode == 1 and "from before" in said and not bench.has("dport 2"), said)
    p = bench.bpfilter("confirm", "60", "run", "sh", "-c", "iptables -A INPUT -p udp --dport 2 -j DROP; exit 3")
    check("a script that fails half way", p.returncode == 3 and not bench.has("dport 2"), p.returncode, p.stderr)
    p = bench.bpfilter("confirm", "60", "add", "rule", "inet", "t", "nope", "drop")
    check("a verb that changes nothing", p.returncode == 1 and "from before" not in p.stderr and not bench.guardians(), p.stderr)


def another_writer(bench):
    """Its lock is held, as by a writer that is stopped, when the rules are to go back."""
    code = ("import fcntl, os, sys\nd = os.open(sys.argv[1], os.O_RDONLY)\nfcntl.flock(d, fcntl.LOCK_EX)\n"
            "print('locked', flush=True)\nsys.stdin.read()\n")
    bench.bpfilter("confirm", "1", "add", "rule", "inet", "t", "c", "udp", "dport", "2", "drop")
    holder = bench.start(sys.executable, "-c", code, os.path.join(lab.PINS, bench.cookie()), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    os.kill(holder.pid, signal.SIGSTOP)
    time.sleep(2)
    check("lists do not wait for a writer", bench.has("dport 2"))
    p = bench.run(sys.executable, "-c", "import ctypes, sys\nb = ctypes.CDLL(sys.argv[1])\nb.bf_ctx_new.restype = ctypes.c_void_p\n"
                  "b.bf_ctx_message.restype = ctypes.c_char_p\nc = ctypes.c_void_p(b.bf_ctx_new())\nb.bf_ctx_set_lock_timeout(c, 300)\n"
                  "t = b'add table ip x'\nprint(b.bf_native_run(c, b'x', t, len(t), 0, None))\nprint(b.bf_ctx_message(c).decode())\n",
                  os.path.join(bench.build, "src", "libbpfilter.so"))
    check("a writer that waits says for whom", "%d (python3), which is stopped" % holder.pid in p.stdout, p.stdout, p.stderr)
    os.kill(holder.pid, signal.SIGCONT)
    holder.kill()
    holder.wait()
    check("the rules go back when the other writer has ended", bench.gone("dport 2", 20))


def main(build):
    bench = Bench(build)
    for test in (killed, killed_in_the_verb, failing_verbs, another_writer):
        test(bench)


lab.main([main], sys.argv[1:])
