#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
#
# `bpfilter confirm` on a terminal:   terminal.py BPFILTER NAMESPACE
# Table ip t has an empty chain c.
import os, pty, select, signal, subprocess, sys, time

bpfilter, netns = sys.argv[1:]
confirm = [bpfilter, "--netns", netns, "confirm"]
drop = ["add", "rule", "ip", "t", "c", "drop"]


def drops():
    out = subprocess.run([bpfilter, "--netns", netns, "list", "ruleset"], capture_output=True, text=True).stdout
    return out.count("drop")


def start(seconds):
    pid, fd = pty.fork()
    if not pid:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may have it ignored
        os.execv(confirm[0], confirm + [str(seconds)] + drop)
    return pid, fd


def run(seconds, answer):
    pid, fd = start(seconds)
    out = b""
    while True:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                out += os.read(fd, 1000)
            except OSError:
                break
        if answer and b"[y/N]" in out:
            os.write(fd, answer)
            answer = None
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode()


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got}, not {wanted}")


status, out = run(30, b"n\n")
expect("no", (status, "from before" in out, drops()), (1, True, 0))
status, out = run(1, None)
expect("silence", (status, "from before" in out, drops()), (1, True, 0))
status, out = run(30, b"y\n")
expect("yes", (status, "stay" in out, drops()), (0, True, 1))

# The terminal goes away while it asks.
pid, fd = start(6)
while drops() < 2:
    time.sleep(0.05)
os.close(fd)
os.waitpid(pid, 0)
expect("before the time is over", drops(), 2)
for _ in range(200):
    if drops() == 1:
        break
    time.sleep(0.1)
expect("a terminal that is gone", drops(), 1)
