#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tables move between the kernel's nf_tables and us:   nft.sh BUILD
build=$1
source "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
command -v nft >/dev/null || { echo "needs nft"; exit 77; }
bf=$build/cli/bpfilter
netns_add a

# A table of everything that moves, beside chains that do not.
cat >"$work/fw" <<'END'
table inet fw {
	set lan { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 127.0.0.0/8 }; }
	set seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h; }
	set both { type inet_service; elements = { 80 }; }
	map ports { type inet_service : verdict; elements = { 22 : jump ssh, 4000 : drop }; }
	map nat_ports { type inet_service : inet_service; elements = { 81 : 8081 }; }
	counter everything { }
	quota q { over 100 mbytes }
	chain ssh { counter; }
	chain shared { counter; }
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @lan counter name "everything"
		icmp type echo-request counter comment "type nat hook { of a comment"
		update @seen { ip saddr }
		udp dport vmap @ports
		tcp dport @both jump shared
	}
	chain translate {
		type nat hook prerouting priority dstnat
		tcp dport @both jump shared
		meta l4proto tcp redirect to :tcp dport map @nat_ports
	}
}
table ip6 six { chain o { type filter hook output priority filter; counter accept; }; }
table ip only_nat { chain p { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }; }
END

start()
{
	in_ns a "$bf" flush
	in_ns a nft -f - <<<"flush ruleset" && in_ns a nft -f "$work/fw"
}

pings() # N
{
	in_ns a ping -q -i 0.002 -c "$1" 127.0.0.1 >/dev/null
}

tables() # COMMAND...: family and name of each
{
	in_ns a "$@" | awk '/^table/ && !/bpfilter-/ { print $2, $3 }' | sort | tr '\n' ,
}

counted() # FILE: what echo requests counted
{
	sed -n 's/.*echo-request counter packets \([0-9]*\).*/\1/p' "$1"
}

moved()
{
	start && pings 5 && in_ns a nft list ruleset >"$work/before" && in_ns a "$bf" import -n || return
	[ "$(tables "$bf" list)" = "inet fw,ip6 six," ] && [ "$(tables nft list ruleset)" = "inet fw,ip only_nat," ] || return
	in_ns a "$bf" list -c >"$work/ours" && in_ns a nft list table inet fw >"$work/kernels" || return
	[ "$(counted "$work/ours")" = 5 ] && grep -q "packets 10 bytes 840" "$work/ours" || return
	grep -q "elements = { 127.0.0.1 expires 59m" "$work/ours" || return
	grep -q "chain translate" "$work/kernels" && grep -q "chain shared" "$work/kernels" && grep -q "set both" "$work/kernels" || return
	! grep -qE "chain (input|ssh)|set (lan|seen)|map ports|counter everything|quota" "$work/kernels" || return
	! grep -qE "chain translate|nat_ports" "$work/ours"
}
check "what filters is moved, with counters and elements; nat and what it needs stays" moved

filters()
{
	pings 3
	in_ns a "$bf" list -c >"$work/ours"
	[ "$(counted "$work/ours")" = 8 ] && grep -q "packets 16 bytes 1344" "$work/ours"
}
check "and counts on" filters

# Without what changes by itself.
bare()
{
	sed 's/ expires [^ ,]*//; s/packets [0-9]* bytes [0-9]*/N/' "$1" | sort
}

back()
{
	in_ns a "$bf" export -n || return
	[ -z "$(tables "$bf" list)" ] || return
	in_ns a nft list ruleset >"$work/after"
	diff -u <(bare "$work/before") <(bare "$work/after") || return
	[ "$(counted "$work/after")" = 8 ]
}
check "export: the kernel has again what it had, and the counters" back

# One rule is beyond us: it is named with its place, and nothing moves unless that table is left.
refused()
{
	start && in_ns a nft -f - <<<"table bridge br { chain c { }; }; table ip6 six { chain o { dup to fe80::1 device \"lo\"; }; }" || return
	in_ns a nft list ruleset >"$work/list"
	in_ns a "$bf" import -n 2>"$work/said" && return 1
	grep -q "^nft list ruleset:$(grep -n '^table bridge' "$work/list" | cut -d: -f1):1: error: .* bridge" "$work/said" || return
	grep -q "^nft list ruleset:$(grep -n "dup to" "$work/list" | cut -d: -f1):10: error:" "$work/said" || return
	[ -z "$(tables "$bf" list)" ] && in_ns a nft list ruleset | cmp - "$work/list" || return
	in_ns a "$bf" import -n -l --dry-run 2>"$work/said" || return
	[ -z "$(tables "$bf" list)" ] || return
	in_ns a "$bf" import -n -l 2>"$work/said" || return
	grep -q "table ip6 six stays" "$work/said" && [ "$(tables "$bf" list)" = "inet fw," ] || return
	[ "$(tables nft list ruleset)" = "bridge br,inet fw,ip only_nat,ip6 six," ]
}
check "what is not covered is told with its place, and nothing is changed; -l leaves it" refused

others()
{
	start && in_ns a "$bf" load - <<<"table ip6 six { chain x { }; }" || return
	in_ns a "$bf" import -n 2>"$work/said" && return 1
	grep -q "table ip6 six: bpfilter has another" "$work/said" && [ "$(tables "$bf" list)" = "ip6 six," ] || return
	in_ns a "$bf" export -n 2>"$work/said" && return 1
	grep -q "the kernel has another table ip6 six" "$work/said"
}
check "tables of the same name are left alone" others

xdp()
{
	in_ns a nft flush ruleset
	in_ns a "$bf" load -r - <<<"table netdev d { chain c { type filter hook xdp device \"lo\" priority 0; tcp sport == tcp dport drop; }; }" || return
	in_ns a "$bf" export -n 2>"$work/said" && return 1
	grep -qi "error" "$work/said" && [ "$(tables "$bf" list)" = "netdev d," ] && [ -z "$(tables nft list ruleset)" ] || return
	in_ns a "$bf" flush
}
check "export: what nft cannot say is told, and stays" xdp

managed()
{
	in_ns a nft flush ruleset
	in_ns a iptables-nft -A INPUT -m comment --comment hi -j ACCEPT || return
	in_ns a "$bf" import -n 2>"$work/said" || return
	grep -q "iptables-nft-save" "$work/said" && [ -z "$(tables "$bf" list)" ] && [ "$(tables nft list ruleset)" = "ip filter," ]
}
command -v iptables-nft >/dev/null && check "tables of iptables-nft stay, and how to move them is told" managed

# Back and forth, and killed: UDP to port 4000 never arrives, and each ping is counted at least by one of both.
cat >"$work/flood.py" <<'END'
import os, select, socket, sys, time
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there.bind(("127.0.0.1", 4000))
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent = 0
while not os.path.exists(sys.argv[1]):
    here.sendto(b"x", ("127.0.0.1", 4000))
    sent += 1
    if sent % 50 == 0:
        time.sleep(0.001)
    if select.select([there], [], [], 0)[0]:
        sys.exit(f"packet {sent} got through")
print(f"({sent} packets)")
END

always()
{
	local failed=0 status flood

	start || return
	rm -f "$work/stop"
	in_ns a python3 "$work/flood.py" "$work/stop" >"$work/flood" 2>&1 &
	flood=$!
	"$@" || failed=1
	touch "$work/stop"
	wait $flood
	status=$?
	cat "$work/flood"
	[ $status = 0 ] && [ $failed = 0 ]
}

to_and_fro()
{
	for _ in 1 2 3 4 5; do
		in_ns a "$bf" import -n && in_ns a "$bf" export -n || return
	done
}
check "5 times there and back under a flood: nothing gets through" always to_and_fro

kills()
{
	local pid done=0

	for i in $(seq 20); do
		in_ns a "$bf" import -n &
		pid=$!
		sleep "$(awk -v i="$i" 'BEGIN { print 0.01 * i }')"
		kill -9 $pid 2>/dev/null && wait $pid 2>/dev/null
		in_ns a "$bf" import -n || return
		[ "$(tables "$bf" list)" = "inet fw,ip6 six," ] && [ "$(tables nft list ruleset)" = "inet fw,ip only_nat," ] || return
		in_ns a "$bf" export -n &
		pid=$!
		sleep "$(awk -v i="$i" 'BEGIN { print 0.005 * i }')"
		kill -9 $pid 2>/dev/null && wait $pid 2>/dev/null
		in_ns a "$bf" export -n || return
		[ -z "$(tables "$bf" list)" ] && [ "$(tables nft list ruleset)" = "inet fw,ip only_nat,ip6 six," ] || return
		done=$((done + 1))
	done
	echo "(killed $done times there, $done times back)"
}
check "killed on the way: the next one ends it, nothing gets through" always kills
finish
