# SPDX-License-Identifier: GPL-2.0-only
"""The rows of measure.py as tables for people, and what no row can say on any machine."""
ENGINES = ("bpfilter", "iptables", "nft")
DATA = ("class", "cells", "sets")  # maps that hold the rules
GROWTH = 5  # our program with 10,000 rules may take so many times what it takes with 100, on however busy a machine


def say(line):
    print(line.rstrip(), flush=True)


def begin(machine):
    say("%(cpu)s, %(cpus)d CPUs, Linux %(kernel)s, iptables %(iptables)s, nftables %(nft)s, load %(load).1f" % machine)
    say("a load from so many MiB: %s ns\n" % ", ".join(
        "%g: %.0f" % (int(kib) / 1024, ns) for kib, ns in machine["latency"].items()))
    say("packets: ns more than without rules                                and how many times ours")
    say("shape     packets       rules  without   hook bpfilter iptables      nft  iptables      nft")


def times(its, ours):
    return "%8.1f" % (its / ours) if its is not None and ours is not None and ours > 0 else "%8s" % "-"


def row(r):
    for kind, p in r["packets"].items():
        added = [p["worlds"][e]["added"] if e in p["worlds"] else None for e in ENGINES]
        cells = ["%8s" % "-" if x is None else "%8.0f" % x for x in added]
        say("%-9s %-11s %7d  %7.0f %6.0f %s  %s %s" % (
            r["shape"], kind, r["rules"], p["base"], p["hook"], " ".join(cells),
            " ".join(times(x, added[0]) for x in added[1:]), "~" * p["busy"]))
    for engine, why in r["refused"].items():
        say("%-9s %s refuses it: %s" % (r["shape"], engine, " ".join(why.split())[:300]))


def end(rows):
    programs(rows)
    loading(rows)
    memory(rows)


def programs(rows):
    say("\nprograms: ns a run, and instructions; code and cells are without classification")
    say("shape     packet          rules   chosen    insns     code    insns    cells    insns")
    for r in rows:
        for kind, p in r.get("programs", {}).items():
            cells = ["%8.1f %8d" % (p[w]["ns"], p[w]["insns"]) if p.get(w) else "%8s %8s" % ("-", "-")
                     for w in ("chosen", "code", "cells")]
            say("%-9s %-12s %8d %s" % (r["shape"], kind, r["rules"], " ".join(cells)))


def loading(rows):
    say("\nloading: milliseconds, and of those on a CPU")
    say("shape       rules what        bpfilter  iptables       nft    bpfilter  iptables       nft")
    for r in rows:
        for what in ("load", "append", "insert", "replace", "delete"):
            cells = ["%9.1f" % (r["load"][e][k] * 1000) if k in r["load"].get(e, {}) else "%9s" % "-"
                     for k in (what, what + "_cpu") for e in ENGINES]
            say("%-9s %7d %-10s %s   %s" % (r["shape"], r["rules"], what, " ".join(cells[:3]), " ".join(cells[3:])))


def memory(rows):
    say("\nmemory: bytes a rule: of the rules' maps, counters, all maps; and of the process that loads")
    say("shape       rules    rules counters      all  bpfilter  iptables       nft")
    for r in rows:
        if r["rules"] < 1000 or "maps" not in r:
            continue
        m = r["maps"]
        figures = [sum(m.get(k, 0) for k in DATA), m.get("counters", 0), sum(m.values())]
        cells = ["%9.0f" % (r["load"][e]["load_kib"] * 1024 / r["rules"]) if e in r["load"] else "%9s" % "-" for e in ENGINES]
        say("%-9s %7d %s %s" % (r["shape"], r["rules"], " ".join("%8.1f" % (x / r["rules"]) for x in figures), " ".join(cells)))


def library(r):
    say("\nlibrary: %d rules, milliseconds and bytes a rule of memory" % r["library"])
    for name, s in r["stages"].items():
        say("%-9s %9.2f %6d" % (name, s["ms"], s["bytes"]))


def native(rows):
    """What tests/bench/native found."""
    say("\nfiles: milliseconds, and of those on a CPU\n   rules what     bpfilter       nft    bpfilter       nft")
    for r in [r for r in rows if "native" in r]:
        for what in ("check", "load", "list"):
            cells = ["%9.1f" % (r[e][k] * 1000) for k in (what, what + "_cpu") for e in ("bpfilter", "nft")]
            say("%8d %-7s %s %s   %s %s" % (r["native"], what, *cells))
    say("\nhooks: ns of a packet, from its sender until it is dropped\nrules      hook          bpfilter       nft xdp-filter")
    for r in [r for r in rows if "hooks" in r]:
        for hook in r["engines"]["bpfilter"]:
            cells = ["%10.0f" % e[hook] if hook in e else "%10s" % "-" for e in
                     (r["engines"].get(n, {}) for n in ("bpfilter", "nft", "xdp-filter"))]
            say("%-10s %-11s %s" % (r["hooks"], hook, "".join(cells)))
        say("%-10s %-11s%10.0f" % (r["hooks"], "xdp, no set", r["all"]))
        for who, why in r["refused"].items():
            say("%-10s %s: %s" % (r["hooks"], who, why))


def impossible(rows):
    """Figures that cannot be true on any machine, however busy."""
    for r in rows:
        where = "%s, %d rules" % (r["shape"], r["rules"])
        for engine, why in r["refused"].items():
            yield "%s: %s refuses it: %s" % (where, engine, why)
        for kind, p in r["packets"].items():
            for name, e in p["worlds"].items():
                if not 10 < e["min"] < 1e8 or e["min"] > e["median"]:
                    yield "%s, %s: %s: %s" % (where, kind, name, e)
        for kind, ways in r.get("programs", {}).items():
            if r["rules"] <= 1000 and not any(p and 0 < p["ns"] < 1e6 for p in ways.values()):
                yield "%s, program, %s: %s" % (where, kind, ways)
        for name, e in r["load"].items():
            if not all(0 < v < 600 for k, v in e.items() if not k.endswith(("kib", "cpu"))):
                yield "%s, loading: %s: %s" % (where, name, e)
    yield from growing(rows)


def growing(rows):
    """Classification is what keeps this from being a hundredfold."""
    chosen = {(r["shape"], r["rules"], kind): p["chosen"]["ns"] for r in rows
              for kind, p in r.get("programs", {}).items() if p.get("chosen")}
    for (shape, rules, kind), ns in chosen.items():
        few = chosen.get((shape, 100, kind))
        if rules == 10000 and few and ns > GROWTH * max(few, 20):
            yield "%s, %s: 10,000 rules take %.0f ns, 100 take %.0f" % (shape, kind, ns, few)
