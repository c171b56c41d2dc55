#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`list -c -j` against libnftables' JSON.

    tests/native/schema.py BUILD

schema.nft and the rules of tests/t/*.t that both take are loaded by nft in one
namespace, what nft lists (it may say the same in other words) by bpfilter in
another: what `nft -j list ruleset` and `list -c -j`
say must be the same but for handles; and what we say, read by `nft -j -f` in a
third, must be what nft listed of its own.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOOL = os.path.join(sys.argv[1], "cli", "bpfilter")
TAG = "json-%d" % os.getpid()
NFT, OURS, BACK = ("%s-%s" % (TAG, n) for n in ("nft", "ours", "back"))
# Faults of nft 1.0.6: names that end in * are ranges of nothing; chance; what it does not say of its own; an address of a
# connection without its family, which JSON keeps so.
NOT_COMPARED = re.compile(r'\*"|random|numgen|ct id|ibr|obr|osf|quota 0|log prefix "[^"]*\$|'
                          r'ct (original|reply) [sd]addr')
failed = 0


def ns(name, *command, text=None):
    return subprocess.run(["nsenter", "--net=/run/netns/" + name, *command], input=text, capture_output=True, text=True)


def check(what, ok, said=""):
    global failed
    failed += not ok
    print("%-8s %s%s" % ("ok" if ok else "NOT OK", what, "" if ok else "\n         | " + said.replace("\n", "\n         | ")))


def rules_of_t():
    out, family = {}, None
    for name in ("rules.t", "more.t", "state.t"):
        for line in open(os.path.join(HERE, "..", "t", name)):
            m = re.match(r":rule (\w+) t (\w+)", line)
            if line.startswith(":"):
                family = m.group(1) if m and m.group(2) != "out" else None
            parts = line.rstrip("\n").split(" ; ")
            if family in ("ip", "ip6", "inet") and line[:1] not in ":#" and len(parts) == 3 and parts[2] == "OK" and \
               not NOT_COMPARED.search(parts[0]):
                out.setdefault(family, []).append(parts[0])
    return out


def world():
    text = open(os.path.join(HERE, "..", "ndiff", "run")).read()
    return re.search(r'WORLD = """\n(.*?)"""', text, re.S).group(1)


def table(family, hook, rules):
    begin = "table %s t {\n%s\tchain t {\n\t\ttype filter hook %s priority 0;\n" % (family, world(), hook)
    return begin + "".join("\t\t%s\n" % r for r in rules) + "\t}\n}\n", begin.count("\n")


def load(name, command, family, hook, rules):
    """Loads those of the rules that it takes, which are returned."""
    rules = list(rules)
    while True:
        text, first = table(family, hook, rules)
        p = ns(name, *command, text=text)
        if not p.returncode:
            return rules
        lines = sorted({int(n) - first - 1 for n in re.findall(r"^/dev/stdin:(\d+):|^-:(\d+):|^<stdin>:(\d+):", p.stderr, re.M)
                        for n in n if n}, reverse=True)
        if not [n for n in lines if 0 <= n < len(rules)]:
            sys.exit("cannot load: " + p.stderr[:2000])
        for n in lines:
            if 0 <= n < len(rules):
                del rules[n]


def listed(text):
    """One object a line, without what is another everywhere."""
    def strip(x):
        if isinstance(x, dict) and isinstance(x.get("set"), list):
            return {"set": sorted(map(strip, x["set"]), key=json.dumps)}
        if isinstance(x, dict):
            # nft 1.0.6 says no comments of tables and chains and no policy's default of sets
            return {k: strip(v) for k, v in x.items() if k not in ("handle", "dynamic", "expires", "auto-merge")}
        if isinstance(x, list):
            return [strip(v) for v in x]
        return int(x) if isinstance(x, str) and re.fullmatch(r"\d+", x) else x

    def rule(expr):
        out = []
        for e in expr:
            if e.get("reject", 0) and "expr" in e["reject"] and e["reject"]["expr"] == "port-unreachable":
                e = {"reject": None}
            if e.get("reject", 0) and e["reject"]["type"] == "tcp reset" and out and out[-1] == TCP:
                out.pop()
            out.append(e)
        return out

    out = []
    for x in strip(json.loads(text)["nftables"]):
        if "metainfo" in x:
            continue
        if "rule" in x:
            x["rule"]["expr"] = rule(x["rule"]["expr"])
        for kind in ("table", "chain"):
            x.get(kind, {}).pop("comment", None)
        out.append((ORDER.get(next(iter(x)), 2), json.dumps(x, sort_keys=True)))
    return [text for _, text in sorted(out, key=lambda x: x[0])]


ORDER = {"table": 0, "chain": 1, "rule": 3} # nft 1.0.6 lists maps that name chains before these
TCP = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}


def compare(what):
    a, b = ns(NFT, "nft", "-j", "list", "ruleset"), ns(OURS, TOOL, "list", "-c", "-j")
    nfts, ours = listed(a.stdout), listed(b.stdout)
    differ = ["nft:  %s\nours: %s" % (x, y) for x, y in zip(nfts, ours) if x != y]
    check("%s: %d objects and rules are the same JSON" % (what, len(nfts)), len(nfts) == len(ours) and not differ,
          "%d and %d objects\n" % (len(nfts), len(ours)) + "\n".join(differ[:20]))
    ns(BACK, "nft", "flush", "ruleset")
    p = ns(BACK, "nft", "-j", "-f", "-", text=b.stdout)
    check("%s: nft reads ours" % what, not p.returncode, p.stderr[:1500])
    back = listed(ns(BACK, "nft", "-j", "list", "ruleset").stdout)
    differ = ["nft:  %s\nback: %s" % (x, y) for x, y in zip(nfts, back) if x != y]
    check("%s: ... and lists it as its own" % what, len(nfts) == len(back) and not differ, "\n".join(differ[:20]))
    ns(NFT, "nft", "flush", "ruleset")
    ns(OURS, TOOL, "flush", "ruleset")


def main():
    for name in (NFT, OURS, BACK):
        subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    try:
        file = os.path.join(HERE, "schema.nft")
        for name, command in ((NFT, ["nft", "-f", file]), (OURS, [TOOL, "load", file])):
            p = ns(name, *command)
            check("schema.nft: " + command[0].split("/")[-1], not p.returncode, p.stderr)
        compare("schema.nft")
        for family, rules in rules_of_t().items():
            for hook in ("prerouting", "output"):
                served = load(OURS, [TOOL, "load", "-"], family, hook, rules)
                ns(OURS, TOOL, "flush", "ruleset")
                load(NFT, ["nft", "-f", "-"], family, hook, served)
                text = ns(NFT, "nft", "list", "ruleset").stdout
                p = ns(OURS, TOOL, "load", "-", text=text)
                check("%s at %s: ours reads nft's listing" % (family, hook), not p.returncode, p.stderr[:2000])
                compare("%s at %s" % (family, hook))
    finally:
        for name in (NFT, OURS, BACK):
            ns(name, TOOL, "flush")
            subprocess.run(["ip", "netns", "del", name])
    return failed > 0


sys.exit(main())
