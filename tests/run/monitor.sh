#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `bpfilter monitor`: packets and what decided them, while rules change and go on counting.   monitor.sh BUILDDIR
set -u
build=$1
source "$(dirname "$0")/../lib.sh"
here=$tag-here there=$tag-there
b="$build/cli/bpfilter --netns $here"

inside() { nsenter --net=/run/netns/"$@"; }
seen() { grep -qE "$1" "$work/seen" || { cat "$work/seen" "$work/errors"; return 1; }; }
no() { ! "$@"; }
count() { # RULE PACKETS
	$b list -c | tee "$work/list" | grep -q "$1.*packets $2 "
}

netns_add here there || exit 2
ip link add mon0 netns $here type veth peer name mon1 netns $there
ip -n $here addr add 10.0.0.1/24 dev mon0
ip -n $there addr add 10.0.0.2/24 dev mon1
ip -n $here link set mon0 up
ip -n $there link set mon1 up
: >"$work/errors"

cat >"$work/rules" <<'END'
table ip f {
	chain in {
		type filter hook input priority filter; policy drop;
		ip saddr 10.9.0.0/16 counter drop
		icmp type echo-request counter accept
		tcp dport 22 reject with tcp reset
	}
}
END
$b load "$work/rules" || exit 1
inside $here "$build/iptables/xtables-bpf-multi" iptables-bpf -A INPUT -p icmp -j ACCEPT
inside $there ping -qc 1 10.0.0.1 >/dev/null

$b monitor >"$work/seen" 2>"$work/errors" &
monitor=$!
for _ in $(seq 100); do
	inside $there ping -qc 1 -W 1 10.0.0.1 >/dev/null
	seen 'input ip f accept' >/dev/null && break
done
check 'one watches at a time' no $b monitor -n 1
inside $there bash -c 'echo >/dev/tcp/10.0.0.1/22' 2>/dev/null
$b add rule ip f in meta l4proto udp accept
for _ in $(seq 100); do
	inside $there bash -c 'echo >/dev/udp/10.0.0.1/9' 2>/dev/null
	sleep .05
	seen 'udp 10.0.0.2:[0-9]+ > 10.0.0.1:9 .* input ip f accept: in handle' >/dev/null && break
done
kill -INT $monitor
wait $monitor
check 'it ends well' [ $? -eq 0 ]
check 'a rule and its packet' seen 'icmp 10.0.0.2 > 10.0.0.1 type 8 code 0 len 84 iif mon0 input ip f accept: in handle [0-9]+ \(icmp type echo-request counter accept\)'
check "iptables' rules by number" seen 'input ip filter accept: INPUT 1 \(meta l4proto icmp counter accept\)'
check 'what is sent' seen 'oif mon0 output ip filter accept: OUTPUT policy accept'
check 'what is rejected' seen 'tcp .* input ip f drop: in handle [0-9]+ \(tcp dport 22 reject with tcp reset\)'
check 'a rule that came meanwhile' seen 'input ip f accept: in handle [0-9]+ \(meta l4proto udp accept\)'
sent=$(grep -c 'input ip f accept.*icmp type echo-request' "$work/seen")
before=$($b list -c | sed -n 's/.*icmp type echo-request counter packets \([0-9]*\) .*/\1/p')
check 'counters went on' [ "$before" -ge $((sent + 1)) ]
inside $there ping -qc 2 -i .2 10.0.0.1 >/dev/null
check 'and go on' count 'icmp type echo-request' $((before + 2))

$b monitor -d -n 1 -w "$work/capture" icmp or tcp port 22 2>>"$work/errors" &
monitor=$!
for _ in $(seq 100); do
	inside $there bash -c 'echo >/dev/tcp/10.0.0.1/22' 2>/dev/null
	inside $there ping -qc 1 -W 1 10.0.0.1 >/dev/null
	kill -0 $monitor 2>/dev/null || break
	sleep .05
done
wait $monitor
check 'a capture of the one that was dropped' bash -c "[ \$(tcpdump -nr $work/capture 2>/dev/null | grep -c 'Flags \[S\]') = 1 ]"
check 'with its reason' grep -qa 'input ip f drop: in handle' "$work/capture"

$b monitor -j -n 1 icmp >"$work/json" 2>>"$work/errors" &
monitor=$!
for _ in $(seq 100); do
	inside $there ping -qc 1 -W 1 10.0.0.1 >/dev/null
	kill -0 $monitor 2>/dev/null || break
done
wait $monitor
check 'JSON' python3 -c "import json; assert json.load(open('$work/json'))['verdict'] == 'accept'"

# Where nothing can be written, nobody watches: it ends, and says why, but when only its reader has gone.
# ends STATUS PATTERN COMMAND: within seconds
ends()
{
	local status

	timeout 20 bash -c "$3" 2>"$work/said" &
	monitor=$!
	for _ in $(seq 200); do
		inside $there ping -qc 1 -W 1 10.0.0.1 >/dev/null
		kill -0 $monitor 2>/dev/null || break
	done
	wait $monitor
	status=$?
	[ $status = "$1" ] && [ "$(grep -c "$2" "$work/said")" = "$(wc -l <"$work/said")" ] || { echo "status $status"; cat "$work/said"; return 1; }
}
check 'a disk that is full' ends 1 'cannot write: No space left' "$b monitor -w /dev/full"
check 'and for lines' ends 1 'cannot write: No space left' "$b monitor >/dev/full"
check 'a reader that goes' ends 0 none "$b monitor | head -n 1 >/dev/null; exit \${PIPESTATUS[0]}"
check 'of a capture' ends 0 none "$b monitor -w - | head -c 100 >/dev/null; exit \${PIPESTATUS[0]}"
check 'statistics that cannot be written' ends 1 'cannot write: No space left' "$b stats -p >/dev/full"

# What rules log: at netfilter's hooks, where the kernel does so too, and at devices, where it is heard of here only.
cat >"$work/logs" <<'END'
table ip f2 { chain in { type filter hook input priority -5; icmp type echo-request log prefix "ping " counter; } }
table netdev d {
	chain x { type filter hook xdp device "mon0" mode generic; policy accept; log prefix "all " udp dport 7 log prefix "xdp " counter; }
	chain g { type filter hook ingress device "mon0" priority 0; policy accept; udp dport 7 log prefix "in " counter drop; }
	chain e { type filter hook egress device "mon0" priority 0; policy accept; icmp type echo-reply log prefix "out " level info counter; }
}
END
check 'log at devices is loaded' $b load "$work/logs"
$b monitor -l -n 8 >"$work/seen" 2>>"$work/errors" &
monitor=$!
for _ in $(seq 100); do
	inside $there ping -qc 1 -W 1 10.0.0.1 >/dev/null
	inside $there bash -c 'echo >/dev/udp/10.0.0.1/7' 2>/dev/null
	kill -0 $monitor 2>/dev/null || break
	sleep .05
done
wait $monitor
check 'logged at input' seen '^[0-9:.]+ ping icmp 10.0.0.2 > 10.0.0.1 type 8 code 0 len 84 iif mon0 input ip f2: in handle'
check 'at xdp, in the middle of a rule' seen ' all icmp 10.0.0.2 > 10.0.0.1 .* xdp netdev d: x handle'
check 'and behind it' seen ' xdp udp 10.0.0.2:.* > 10.0.0.1:7 .* xdp netdev d: x handle'
check 'at ingress' seen ' in udp 10.0.0.2:.* > 10.0.0.1:7 .* ingress netdev d: g handle'
check 'at egress' seen ' out icmp 10.0.0.1 > 10.0.0.2 .* egress netdev d: e handle'
$b list -c >"$work/list"; $b stats >"$work/stats"
logged=$(sed -n 's/.*"xdp " counter packets \([0-9]*\).*/\1/p' "$work/list")
check "what did not match all is not in stats" grep -E "^ +$logged .*\"xdp \"" "$work/stats"

# Killed: the rules stay enforced; the next change makes the programs what they were.
$b monitor >/dev/null 2>&1 &
monitor=$!
sleep 1
kill -9 $monitor
wait $monitor 2>/dev/null
check 'enforced when it was killed' no inside $there bash -c 'echo >/dev/tcp/10.0.0.1/22'
inside $there ping -qc 1 10.0.0.1 >/dev/null
check 'it passes when it was killed' [ $? -eq 0 ]
finish
