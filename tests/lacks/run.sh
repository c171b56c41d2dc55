#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels that lack something (lack.c): what is needed is said, the status is 1, nothing is changed; and what can be
# done without it works.
#   run.sh BUILDDIR [TEST...]
build=$1
shift
. "$(dirname "$0")/../lib.sh"
only="$*"

# on WHAT NAMESPACE COMMAND...
on()
{
	local what=$1 ns=$2
	shift 2

	in_ns "$ns" env LD_PRELOAD="$build/tests/lacks/liblack.so" BF_LACK="$what" PATH="$work/bpf:$PATH" "$@"
}

# What is there: our rules, the kernel's, companion tables, programs.
everything()
{
	in_ns "$1" "$build/cli/bpfilter" list
	in_ns "$1" nft list ruleset 2>&1
	cat "/proc/$$/net/ip_tables_names" 2>/dev/null
}

# refused NAME TEXT WHAT NAMESPACE COMMAND...: status 1, TEXT on standard error, nothing changed
refused()
{
	local name=$1 text=$2 ns=$4 status
	shift 2

	everything "$ns" >"$work/before"
	on "$@" >"$work/out" 2>"$work/err"
	status=$?
	everything "$ns" >"$work/after"
	check "$name: status 1" test $status = 1
	check "$name: says '$text'" grep -q -- "$text" "$work/err"
	same "$name: nothing is changed" "$work/before" "$work/after"
}

filter_commands()
{
	local what=$1 text=$2 I

	for I in iptables ip6tables; do
		refused "$what: $I -A" "$text" "$what" l $I -A INPUT -p tcp --dport 22 -j ACCEPT
		refused "$what: $I-restore" "$text" "$what" l sh -c "printf '*filter\n-A INPUT -j DROP\nCOMMIT\n' | $I-restore"
	done
}

# Without the kernel's types or programs at its hooks nothing is possible: said even where nothing is asked for.
test_kernel()
{
	local what

	for what in netfilter btf; do
		netns_add l
		local text=netfilter_link
		[ $what = netfilter ] || text=btf
		filter_commands $what $text
		refused "$what: -S" $text $what l iptables -S
		refused "$what: -N" $text $what l iptables -N mine
		refused "$what: list" $text $what l bpfilter list
		refused "$what: import" $text $what l bpfilter import
		on $what l bpfilter features >"$work/features"
		check "$what: features: status 1" test $? = 1
		check "$what: features: MISSING" grep -q "^$text *MISSING" "$work/features"
		check "$what: the message comes once" test "$(on $what l iptables -S 2>&1 | grep -c 'missing: '$text)" = 1
		check "$what: -t nat goes on to the kernel" on $what l iptables -t nat -A POSTROUTING -j MASQUERADE
		check "$what: ... and is there" on $what l iptables -t nat -C POSTROUTING -j MASQUERADE
		netns_del l
	done
}

# Rules are there already (another kernel's, say, or the rights were lost): they stay.
test_rules_stay()
{
	local what text

	netns_add l
	PATH="$work/bpf:$PATH" in_ns l iptables -A INPUT -s 10.0.0.1 -j DROP
	PATH="$work/bpf:$PATH" in_ns l ip6tables -A INPUT -s fd00::1 -j DROP
	for what in netfilter:netfilter_link bpf:CAP_BPF; do
		text=${what#*:}
		filter_commands "${what%:*}" "$text"
	done
	netns_del l
}

test_nf_tables()
{
	netns_add l
	check "nf_tables: plain rules work without" on nf_tables l iptables -A INPUT -p tcp --dport 22 -j ACCEPT
	refused "nf_tables: REJECT" NETFILTER_NETLINK nf_tables l iptables -A INPUT -j REJECT
	refused "nf_tables: LOG" NETFILTER_NETLINK nf_tables l iptables -A INPUT -j LOG
	refused "nf_tables: conntrack" NETFILTER_NETLINK nf_tables l iptables -A INPUT -m conntrack --ctstate NEW -j DROP
	refused "nf_tables: addrtype" NETFILTER_NETLINK nf_tables l iptables -A INPUT -m addrtype --dst-type LOCAL -j DROP
	check "nf_tables: flush works without" on nf_tables l bpfilter flush
	netns_del l
}

test_programs()
{
	netns_add l
	refused "notify: iptables" 'seccomp user notification' notify l iptables -S
	refused "notify: run" 'seccomp user notification' notify l bpfilter run -- true
	refused "no xtables-legacy-multi" 'package iptables' "" l env XTABLES_LEGACY_MULTI=/nonexistent iptables -A INPUT -j DROP
	netns_del l
}

# Linux 6.4 to 6.8: rules as data are walked with an iterator. The same packets as ever.
test_may_goto()
{
	local sets="blocklist deep reject log addrtype conntrack limits tcp-option ufw6 bytecode" s

	netns_add l
	check "may_goto: features says no" test "$(on may_goto l bpfilter features | awk '$1 == "may_goto" { print $2 }')" = no
	netns_del l
	for s in $sets; do
		check "may_goto: tests/diff, $s" env LD_PRELOAD="$build/tests/lacks/liblack.so" BF_LACK=may_goto \
			python3 -B "$here/diff/run" "$build" --shrink 0 "$here/diff/rulesets/$s.rules"
	done
}

for t in kernel rules_stay nf_tables programs may_goto; do
	[ -n "$only" ] && [[ " $only " != *" $t "* ]] || "test_$t"
done
finish
