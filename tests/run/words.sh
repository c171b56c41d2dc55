#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# `bpfilter test`: what a described packet has beside its bytes, programs and interpreter see alike:   words.sh BUILD
build=$1
source "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
bf=$build/cli/bpfilter
group=bft-$$
# Chains of "/" are met by whatever runs beside this: they look at addresses that nobody else has.
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
netns_add a
in_ns a ip link add v0 type veth peer name v1
in_ns a sysctl -q net.ipv6.conf.v0.disable_ipv6=1 net.ipv6.conf.v1.disable_ipv6=1
mkdir "$root/$group" 2>/dev/null && trap 'rmdir "$root/$group"; cleanup' EXIT

# met PACKET...: which rules are met, by their comments
met()
{
	in_ns a "$bf" test "$@" >"$work/out" 2>"$work/err" || { cat "$work/err" "$work/out"; return 1; }
	grep -o 'comment "[^"]*"' "$work/out" | cut -d'"' -f2 | tr '\n' ' '
	tail -n 1 "$work/out" | tr -d " "
}

is() # EXPECTED PACKET...
{
	local want=$1 got

	shift
	got=$(met "$@")
	[ "$got" = "$want" ] || { echo "test $*: got $got, not $want"; cat "$work/out"; return 1; }
}

in_ns a "$bf" load - <<-END || exit
	table inet t {
		set seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h; }
		quota q { over 1 mbytes }
		chain i {
			type filter hook input priority filter
			iiftype ether counter comment "ether"
			iiftype loopback counter comment "loop"
			iif "v0" counter comment "v0"
			ether saddr 02:00:00:00:00:01 comment "mac"
			ct mark 5 counter comment "ctmark"
			ct original ip saddr 192.0.2.7 counter comment "from"
			ct state established ct original ip daddr 192.0.2.7 counter comment "back"
			meta priority 7 counter comment "priority"
			meta protocol ip6 counter comment "six"
			meta time > "2020-01-01" comment "late"
			ip saddr @seen counter drop comment "seen"
			ip daddr 198.51.100.1 add @seen { ip saddr } comment "added"
			quota name "q" drop comment "quota"
		}
	}
	table netdev d {
		chain x {
			type filter hook ingress device "v0" priority filter
			ether type arp drop comment "arp"
			udp dport 53 mirror to "v1" comment "copied"
			udp dport 54 reject comment "rejected"
		}
		chain y { type filter hook xdp device "v0" priority filter; iiftype ether udp dport 99 redirect to "v1" comment "away"; }
	}
	table inet g {
		chain c4 {
			type filter hook connect4 cgroup "/" priority filter
			ip daddr 192.0.2.1 tcp dport 443 meta skuid 1000 meta comm "curl" reject with errno ECONNREFUSED comment "curl"
			ip daddr 192.0.2.1 tcp dport 25 drop comment "mail"
		}
		chain c6 { type filter hook connect6 cgroup "/$group" priority filter; ip6 daddr 2001:db8::/32 drop comment "c6"; }
		chain s4 { type filter hook sendmsg4 cgroup "/" priority filter; ip daddr 192.0.2.1 udp dport 53 drop comment "s4"; }
		chain e { type filter hook egress cgroup "/" priority filter; ip daddr 10.0.0.2 tcp dport 81 counter drop comment "out"; }
	}
END
in_ns a "$bf" add element inet t seen "{ 192.0.2.9 }" || exit

devices()
{
	is "ether v0 mac from late accept" tcp 192.0.2.7:5 '>' 198.51.100.9:22 iif v0 &&
		is "loop from late accept" tcp 192.0.2.7:5 '>' 198.51.100.9:22 iif lo &&
		[ ! -s "$work/err" ] &&
		is "ether mac from late accept" tcp 192.0.2.7:5 '>' 198.51.100.9:22 iif nosuch0 &&
		[ "$(grep -c "warning: packet:1: there is no device 'nosuch0' here" "$work/err")" = 1 ]
}
check "devices, their types; those that are not there are Ethernet, with a warning" devices

facts()
{
	is "loop ctmark from priority late accept" tcp 192.0.2.7:5 '>' 198.51.100.9:22 iif lo ctmark 5 priority 7 &&
		is "loop back late accept" tcp 192.0.2.8:5 '>' 192.0.2.7:22 iif lo ct established &&
		is "loop late accept" tcp 192.0.2.7:5 '>' 198.51.100.9:22 iif lo ct untracked ctmark 5 &&
		is "loop six late accept" tcp fd00::1 '>' fd00::2:22 iif lo
}
check "connection, priority, clock" facts

# What is in a set now is seen; what a tried packet adds is seen by the next one and by nobody else.
elements()
{
	is "loop late seen drop" udp 192.0.2.9:5 '>' 198.51.100.9:22 iif lo || return
	printf '%s\n' "udp 192.0.2.8:5 > 198.51.100.1:5 iif lo" "udp 192.0.2.8:5 > 198.51.100.9:5 iif lo" >"$work/two"
	is "loop late added loop late seen drop" -f "$work/two" || return
	! in_ns a "$bf" list set inet t seen | grep -q 192.0.2.8
}
check "elements as they are now; a trial adds to nothing that is in force" elements

devices_hooks()
{
	is "arp drop" arp 192.0.2.1 '>' 192.0.2.2 iif v0 && is "rejected drop" udp 192.0.2.1 '>' 192.0.2.2:54 iif v0 &&
		is "away leave" udp 192.0.2.1 '>' 192.0.2.2:99 iif v0
}
check "xdp and ingress of devices" devices_hooks

# The copy that a live program sends can be seen on the other end; a trial sends none.
sends_nothing()
{
	in_ns a ip link set v0 up && in_ns a ip link set v1 up && sleep 0.3
	in_ns a ip -s link show v0 | awk '/RX/ { getline; print $2 }' >"$work/before"
	is "copied accept" udp 192.0.2.1 '>' 192.0.2.2:53 iif v0 hook ingress || return
	in_ns a ip -s link show v0 | awk '/RX/ { getline; print $2 }' | cmp - "$work/before"
}
check "a packet that is tried is not copied to a device" sends_nothing

calls()
{
	is "curl drop" connect tcp 192.0.2.1:443 uid 1000 comm curl && grep -q "Connection refused (by the interpreter" "$work/out" &&
		is "accept" connect tcp 192.0.2.1:443 uid 1000 comm wget && is "accept" connect tcp 192.0.2.1:443 comm curl &&
		is "mail drop" connect tcp 192.0.2.1:25 && is "accept" connect tcp '[2001:db8::1]:25' &&
		is "c6 drop" connect tcp '[2001:db8::1]:25' cgroup "/$group/below" && is "accept" connect tcp '[2001:db8::1]:25' cgroup "/${group}x" &&
		is "s4 drop" sendmsg udp 192.0.2.1:53 && is "out drop" tcp 10.0.0.1 '>' 10.0.0.2:81 oif v1 &&
		! met connect arp 192.0.2.1 >/dev/null
}
check "connect, sendmsg, packets of control groups" calls

# By chance, and by flow: also what a live program picks.
picks()
{
	in_ns a "$bf" load -r - <<-END || return
		table inet t {
			chain i {
				type filter hook input priority filter
				icmp type echo-request counter comment "all"
				icmp type echo-request numgen random mod 2 0 counter comment "half"
				symhash mod 3 1 counter comment "third"
				udp dport 1-20 numgen random mod 2 vmap { 0 : accept, 1 : drop }
			}
		}
	END
	for i in $(seq 20); do
		met udp 192.0.2.1:"$i" '>' 192.0.2.2:53 iif lo >/dev/null || return
	done
	for i in $(seq 20); do
		there=$(met tcp "10.0.0.1:$i" '>' 10.0.0.2:53 iif lo) || return
		is "$there" tcp 10.0.0.2:53 '>' "10.0.0.1:$i" iif lo || return
	done
	in_ns a ping -q -i 0.002 -c 200 127.0.0.1 >/dev/null
	half=$(in_ns a "$bf" list -c | sed -n 's/.*numgen.*packets \([0-9]*\) .*/\1/p')
	echo "($half of 200)"
	[ "$half" -gt 50 ] && [ "$half" -lt 150 ]
}
check "random numbers and hashes are alike on both sides, and spread" picks

# What only the kernel knows is named where the verdict hangs on it.
asked()
{
	in_ns a "$bf" load -r - <<-END || return
		table inet t {
			chain i {
				type filter hook prerouting priority filter
				fib daddr . iif type local drop
				fib saddr oif missing counter
				tcp dport 22 socket mark 5 drop
			}
		}
	END
	in_ns a "$bf" test udp 10.0.0.1:1 '>' 10.0.0.2:53 iif lo | grep -q '^    accept, if fib daddr . iif type and fib saddr oif find nothing$' &&
		in_ns a "$bf" test tcp 10.0.0.1:1 '>' 10.0.0.2:22 iif lo | grep -q 'type, fib saddr oif and socket mark find nothing$'
}
check "questions to the kernel are named" asked

# Captured packets are told in a line each, byte by byte with -v, and those of a file by their comment.
captured()
{
	python3 - >"$work/c.pcap" <<-END || return
		import struct, sys
		ip = bytes.fromhex("0200000000020200000000010800" "450000280001000040060000c0000201c6336409"
		                   "00050016000000000000000050020000000000 00".replace(" ", ""))
		tag = bytes.fromhex("02000000000202000000000181000005" "86dd" "6000000000090040" + "20010db8" + "00" * 11 + "01" +
		                    "20010db8" + "00" * 11 + "02" + "1100010400000000" + "0001003500090000ff")
		out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
		for i, p in enumerate((ip, tag)):
		    out += struct.pack("<IIII", 1700000000 + i, 7, len(p), len(p)) + p
		sys.stdout.buffer.write(out)
	END
	TZ=UTC in_ns a "$bf" test -r "$work/c.pcap" iif lo 2>"$work/err" | grep -v '^ ' >"$work/lines"
	printf '%s\n' '22:13:20.000007 tcp 192.0.2.1:5 > 198.51.100.9:22 flags syn length 54 iif lo' \
		'22:13:21.000007 vlan 5 udp [2001:db8::1]:1 > [2001:db8::2]:53 length 75 iif lo' >"$work/want"
	diff "$work/want" "$work/lines" &&
		in_ns a "$bf" test -v -r "$work/c.pcap" iif lo 2>/dev/null | head -n 1 | grep -qx 'frame 02000000000202[0-9a-f]* iif lo' &&
		echo 'tcp 192.0.2.1:1 > 192.0.2.2:2 iif lo # the first' | in_ns a "$bf" test -f - | head -n 1 | grep -qx 'the first'
}
check "packets of captures and files are shown as lines" captured

# damaged NAME LINK STATUS SAID PYTHON: a capture of that link type, the packets as bytes; "tcp PORT" is how far it was read
damaged()
{
	local name=$1 link=$2 status=$3 said=$4 got

	python3 - "$link" "$5" >"$work/d.pcap" <<-END || return
		import struct, sys
		ip = bytes.fromhex("450000280001000040060000c0000201c633640900050016000000000000000050020000000000" + "00")
		rec = lambda p, n=None: struct.pack("<IIII", 1, 7, n or len(p), n or len(p)) + p
		ether = bytes(12) + b"\x08\0" + ip
		sys.stdout.buffer.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, int(sys.argv[1])) + eval(sys.argv[2]))
	END
	in_ns a "$bf" test -r "$work/d.pcap" iif lo >"$work/out" 2>"$work/err"
	got="$? $(grep -c 'tcp 192.0.2.1:5 > 198.51.100.9:22 flags syn' "$work/out")"
	test "$got" = "$status" && { [ -z "$said" ] || grep -q -- "$said" "$work/err"; } || { echo "$got"; cat "$work/err"; false; }
}
check "raw IP without a version of its own" damaged ip4 228 '0 1' '' 'rec(ip)'
check "cooked, of all devices" damaged sll 113 '0 1' '' 'rec(struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x800) + ip)'
check "cooked, version 2" damaged sll2 276 '0 1' '' 'rec(struct.pack(">HHIHBB8s", 0x800, 0, 2, 1, 0, 6, bytes(8)) + ip)'
check "loopback of BSD" damaged null 0 '0 1' '' 'rec(bytes(4) + ip)'
check "other links are refused by name" damaged wifi 105 '1 0' '802.11 (105)' 'rec(ip)'
check "links without a name, too" damaged none 60000 '1 0' '(60000)' 'rec(ip)'
check "packets without a first header are left out" damaged runt 1 '0 1' '2 of 3 packets left out' 'rec(b"") + rec(bytes(13)) + rec(ether)'
check "a capture that was cut: what is there is tried" damaged cut 1 '1 2' 'behind packet 2: truncated' 'rec(ether) * 2 + rec(ether)[:-5]'
check "an absurd length" damaged huge 1 '1 1' 'behind packet 1: invalid' 'rec(ether) + rec(ether, 0xffffffff)'

# chances: programs and interpreter draw the same for a packet, and not always the same
chances()
{
	local i

	in_ns a "$build/iptables/xtables-bpf-multi" iptables-bpf-restore <<-END
		*filter
		-A INPUT -m statistic --mode random --probability 0.3 -j DROP
		-A INPUT -m statistic --mode random ! --probability 0.6 -j ACCEPT
		COMMIT
	END
	for i in {1..60}; do echo "udp 192.0.2.1:5 > 198.51.100.9:$i iif v0"; done >"$work/packets"
	in_ns a "$bf" test -f "$work/packets" >"$work/out" || { cat "$work/out"; return 1; }
	grep -q "INPUT 1:" "$work/out" && grep -q "INPUT 2:" "$work/out" && grep -q "INPUT: policy" "$work/out"
}
check "random numbers are drawn once for each packet" chances
in_ns a "$bf" flush
finish
