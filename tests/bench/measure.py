# SPDX-License-Identifier: GPL-2.0-only
"""One ruleset in all worlds: loaded, compared, measured, changed, weighed. What comes out is one row of the results."""
import os
import statistics

from shapes import BY_CHANCE
from worlds import Base, Bpfilter, Failed, Legacy, Nft, World

PEERS_MOST = 100000  # rules; beyond, the peers take milliseconds a packet, and nft minutes to load
ALSO_IPTABLES = "acl"  # iptables is put through more with these
BUSY = 1.5
UPDATES = ("append", "insert", "replace", "delete")
SLOW_UPDATE = ("replace", "nft")  # it reads all rules first: 20 s at 100,000


class Wrong(Exception):
    """The worlds do not agree: no figure is worth anything then."""


class Bench:
    def __init__(self, args):
        self.args, self.net, self.worlds, self.empty_kib = args, None, {}, {}

    def enter(self, net):
        """The worlds for such packets; others are closed."""
        if net == self.net:
            return
        for w in list(World.all):
            w.close()
        self.net = net
        self.worlds = {"base": Base("base", net), "hook": Base("hook", net),
                       "bpfilter": Bpfilter("bpfilter", net, self.args.build),
                       "iptables": Legacy("iptables", net), "nft": Nft("nft", net)}

    def engines(self, s):
        few = s.rules <= PEERS_MOST
        names = ["bpfilter"] + ["iptables"] * (few or s.shape == ALSO_IPTABLES) + ["nft"] * few
        return {n: self.worlds[n] for n in names}

    def measure(self, s):
        """A row: {"shape", "rules", "packets": ..., "load": ..., ...}. Engines that refuse the ruleset are in "refused"."""
        self.enter(s.net)
        row = {"shape": s.name, "rules": s.rules, "refused": {}, "load": {}}
        there = {}
        try:
            for name in ("base", "hook"):
                self.worlds[name].load(s)
            for name, w in self.engines(s).items():
                try:
                    row["load"][name] = self.loads(w, s)
                    there[name] = w
                except Failed as e:
                    row["refused"][name] = str(e)
            row["same"] = self.compare(s, there)
            row["packets"] = {kind: self.packets(s, kind, there) for kind in s.trace}
            if "bpfilter" in there:
                row["programs"] = {} if s.net == "forward" else self.programs(s)
                row["maps"] = there["bpfilter"].map_bytes()
            self.updates(row, there)
        finally:
            for w in self.worlds.values():
                w.clear()
        return row

    # loading and changing

    def loads(self, w, s):
        """The least time of several loads; afterwards it is loaded, its counters at 0."""
        took = []
        w.clear()
        if w.name not in self.empty_kib:
            self.empty_kib[w.name] = self.empty(w)
        for _ in range(self.args.loads if s.rules <= 10000 else min(self.args.loads, 2)):
            w.clear()
            took.append(w.load(s))
        return {"load": min(t["s"] for t in took), "load_cpu": min(t["cpu"] for t in took),
                "load_kib": max(max(t["kib"] for t in took) - self.empty_kib[w.name], 0)}

    def empty(self, w):
        """KiB of a process that does next to nothing."""
        return max(w.timed(*(w.command("-save") if isinstance(w, (Bpfilter, Legacy)) else ["nft", "list", "tables"]))["kib"]
                   for _ in range(3))

    def updates(self, row, there):
        for name, w in there.items():
            took = {v: [] for v in UPDATES}
            for _ in range(self.args.loads if row["rules"] <= 10000 else 1):
                for verb in UPDATES:
                    if (verb, name) != SLOW_UPDATE or row["rules"] <= 10000:
                        took[verb].append(w.update(verb))
            for verb, times in took.items():
                if times:
                    row["load"][name].update({verb: min(t["s"] for t in times), verb + "_cpu": min(t["cpu"] for t in times)})

    # what the worlds do with packets

    def feed(self, args, s, kind, worlds):
        """[(sent, passed, [ns...])] of those worlds."""
        sink = ["-6"] * s.v6 + ["-s"] * (s.shape == "stateful" and "-r" not in args)
        out = self.worlds["base"].sh("taskset", "-c", str(max(os.sched_getaffinity(0))),
                                     os.path.join(self.args.build, "tests", "bench", "feed"), *sink, *args,
                                     "-e", self.worlds["hook"].ns, s.trace[kind], *[w.ns for w in worlds])
        lines = [line.split() for line in out.splitlines()]
        return [(int(sent), int(passed), [float(x) for x in ns]) for _, sent, passed, *ns in lines]

    def compare(self, s, there):
        """Sends some of the last trace once, and sees that all worlds let the same pass and count the same rules."""
        if s.shape == "stateful":
            return None
        kind = list(s.trace)[-1]
        n = max(256, min(65536, 40000000 // max(s.rules, 1))) if len(there) > 1 else 65536
        fed = self.feed(["-c", str(n)], s, kind, [self.worlds["base"], *there.values()])
        if fed[0][1] != n:
            raise Wrong("%s %d: without rules only %d of %d packets come through" % (s.name, s.rules, fed[0][1], n))
        passed = {name: f[1] for name, f in zip(there, fed[1:])}
        if len(set(passed.values())) > 1:
            raise Wrong("%s %d: of %d packets pass: %s" % (s.name, s.rules, n, passed))
        counters = {} if s.shape in BY_CHANCE else {name: w.counters() for name, w in there.items()}
        for name, c in counters.items():
            self.compare_counters(s, name, c, next(iter(counters.items())))
        return {"packets": n, "passed": next(iter(passed.values()), None), "worlds": list(passed), "counters": bool(counters)}

    @staticmethod
    def compare_counters(s, name, counters, first):
        for chain in first[1]:
            if chain.startswith("policy") and name == "nft":
                continue
            ours, its = first[1][chain], counters.get(chain, [])
            if ours != its:
                at = next((i for i, (a, b) in enumerate(zip(ours, its)) if a != b), min(len(ours), len(its)))
                raise Wrong("%s %d: counters of %s, rule %d: %s has %s, %s has %s" % (
                    s.name, s.rules, chain, at + 1, first[0], ours[at:at + 1], name, its[at:at + 1]))

    def packets(self, s, kind, there):
        worlds = [self.worlds["base"], self.worlds["hook"], *there.values()]
        args = ["-n", str(self.args.rounds), "-t", str(self.args.ms)]
        args += ["-w", str(self.args.ms * (2 if kind in ("random", "zipf") else 0.1))] + ["-r"] * (kind == "established")
        ns = [[] for _ in worlds]
        for _ in range(3):  # again when the machine was busy: the least of all counts
            for mine, (_, _, more) in zip(ns, self.feed(args, s, kind, worlds)):
                mine += more
            base = sorted(ns[0])
            busy = base[len(base) * 9 // 10] > BUSY * base[0]
            if not busy or self.args.quick:
                break
        row = {"base": base[0], "base_median": statistics.median(base), "busy": busy, "hook": min(ns[1]) - base[0]}
        row["worlds"] = {name: {"added": min(x) - base[0], "min": min(x), "median": statistics.median(x)}
                         for name, x in zip(there, ns[2:])}
        return row

    # our program alone

    def programs(self, s):
        """{"last": {"chosen": ..., "code": ..., "cells": ...}, ...}: instructions, ns, of how many packets how many were accepted."""
        rows = {}
        for kind in s.trace:
            n = 1 if kind == "last" else 32
            out = self.worlds["bpfilter"].sh(os.path.join(self.args.build, "tests", "bench", "testrun"), *["-6"] * s.v6,
                                             *["-c"] * (s.rules > 1000), "-n", "5", "-p", str(n), s.trace[kind])
            rows[kind] = {}
            for line in out.splitlines():
                name, *rest = line.split()
                rows[kind][name] = None if len(rest) != 3 else {
                    "insns": int(rest[0]), "ns": float(rest[1]), "packets": n, "accepted": int(rest[2])}
        return rows
