#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `bpfilter stats` and `bpfilter top`: what rules have counted, and what they count now.   stats.sh BUILDDIR
set -u
build=$1
source "$(dirname "$0")/../lib.sh"
b="$build/cli/bpfilter --netns $tag-a"

inside() { in_ns a "$@"; }
prints() { # PATTERN COMMAND...
	local pattern=$1
	shift
	"$@" >"$work/out" 2>&1
	grep -qE "$pattern" "$work/out" || { cat "$work/out"; return 1; }
}

netns_add a || exit 2
cat >"$work/rules" <<'END'
table ip f {
	chain in {
		type filter hook input priority filter; policy accept;
		icmp type { echo-request, echo-reply } comment "say ping"
		tcp dport vmap { 22 : drop, 23 : accept }
	}
}
END
$b load "$work/rules" || exit 1
inside "$build/iptables/xtables-bpf-multi" iptables-bpf -A INPUT -p icmp -j ACCEPT
inside ping -qc 3 -i .01 127.0.0.1 >/dev/null

check 'a table: rules without a counter statement count' prints '^ *6 +504 +ip f +in +icmp type' $b stats
check 'iptables rules and policies' prints '^ *6 +504 +ip filter +OUTPUT +policy accept' $b stats
check 'Prometheus' prints 'bpfilter_rule_packets_total\{family="ip",table="f",chain="in",handle="[0-9]+",rule="icmp type \{ echo-request, echo-reply \} comment ..say ping...\} 6$' $b stats -p
check 'its text is well-formed' python3 - <<END
import re, subprocess
for line in subprocess.run('$b stats -p'.split(), check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
    assert line.startswith('#') or re.fullmatch(r'[a-z_]+\{([a-z]+="([^"\\\\]|\\\\.)*",?)+\} [0-9]+', line), line
END
$b stats -j >"$work/json"
check 'JSON: one entry for a rule that is several inside' python3 - <<END
import json
s = [x for x in json.load(open('$work/json'))['stats'] if x['table'] == 'f']
assert len(s) == 3 and s[0]['packets'] == 6 and s[0]['handle'] and s[2]['rule'] == 'policy accept', s
END
inside ping -qc 40 -i .02 127.0.0.1 >/dev/null &
check 'top: what is met now' prints '^ +[1-9][0-9]* +[0-9.]+k +ip f +in +icmp type' $b top -d .5 -n 1
wait
check 'top: nothing is met' prints ' 0 of [0-9]+ rules' $b top -d .1 -n 1
check 'top: all of them' prints '^ +0  +0 +ip f +in +tcp dport vmap' $b top -a -d .1 -n 1
check 'bad words' prints 'usage' $b top -d 0
finish
