#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The supervisor and the programs around it, against the kernel's own iptables in a twin namespace.
#   run.sh BUILDDIR [TEST...]
build=$1
shift
. "$(dirname "$0")/../lib.sh"
multi=$build/iptables/xtables-bpf-multi
bpfilter=$build/cli/bpfilter
only="$*"

wanted()
{
	[ -z "$only" ] || [[ " $only " == *" $1 "* ]]
}

# In a namespace, with the programs of $work/native or $work/bpf found first.
with()
{
	local tools=$1 ns=$2
	shift 2

	in_ns "$ns" env PATH="$work/$tools:$PATH" "$@"
}

# rules NS [FAMILY TOOL]: how many rules are there
rules()
{
	with bpf "$1" iptables -S | grep -c '^-A'
}

test_verbs()
{
	local f

	for f in 4 6; do
		netns_add n$f b$f
		with native n$f sh "$here/serve/verbs.sh" $f >"$work/native.$f"
		with bpf b$f sh "$here/serve/verbs.sh" $f >"$work/bpf.$f"
		same "verbs.sh $f: output and exit statuses as native" "$work/native.$f" "$work/bpf.$f"
		netns_add r$f
		in_ns r$f env PATH="$work/native:$PATH" "$bpfilter" run -- sh "$here/serve/verbs.sh" $f >"$work/run.$f"
		same "verbs.sh $f under bpfilter run" "$work/native.$f" "$work/run.$f"
		netns_del n$f b$f r$f
	done
}

# start NS COMMAND...: in the background; $pid is the command's own, not a shell's
start()
{
	local ns=$1
	shift

	nsenter --net="/run/netns/$tag-$ns" "$@" &
	pid=$!
}

# The kernel's own filter table must not have seen any of it.
test_hidden()
{
	netns_add h
	with bpf h iptables -A INPUT -s 10.0.0.1 -j DROP
	with bpf h iptables -t mangle -A INPUT -s 10.0.0.1 -j DROP
	check "the kernel has no filter table" test "$(with native h cat /proc/net/ip_tables_names)" = mangle
	check "the kernel has the mangle rule" test "$(with native h iptables -t mangle -S | grep -c '^-A')" = 1
	# Newest first, ours where it belongs.
	with bpf h iptables -t nat -L >/dev/null
	check "tables are saved newest first" test \
		"$(with bpf h iptables-save | grep '^\*' | tr -d '\n')" = '*nat*mangle*filter'
	netns_del h
}

test_parallel()
{
	netns_add p
	for i in $(seq 40); do
		with bpf p iptables -w -A INPUT -s 10.0.0."$i" -j ACCEPT &
	done
	wait
	check "40 parallel -w -A give 40 rules" test "$(rules p)" = 40
	with bpf p iptables -F
	in_ns p env PATH="$work/native:$PATH" "$bpfilter" run -- sh -c '
		for i in $(seq 40); do iptables -w -A INPUT -s 10.0.0.$i -j ACCEPT & done; wait'
	check "40 parallel under one supervisor" test "$(rules p)" = 40
	netns_del p
}

# Two supervisors at once in different namespaces, threads in one process, all answered rightly.
test_threads()
{
	netns_add t
	with bpf t iptables -A INPUT -j ACCEPT
	check "8 threads, 200 questions each" in_ns t "$bpfilter" run -- "$build/tests/serve/calls" 8 200
	netns_del t
}

# Calls that go wrong, outside of what iptables does.
test_errnos()
{
	local f

	for f in 4 6; do
		netns_add en$f eb$f
		in_ns en$f "$build/tests/serve/errnos" $f >"$work/errnos.native"
		in_ns eb$f "$bpfilter" run -- "$build/tests/serve/errnos" $f >"$work/errnos.bpf"
		same "errors of $(wc -l <"$work/errnos.native") odd calls, IPv$f" "$work/errnos.native" "$work/errnos.bpf"
		netns_del en$f eb$f
	done
	check "32-bit calls are refused, others pass" "$bpfilter" run -- "$build/tests/serve/calls" --compat
}

test_signals()
{
	local pid status

	netns_add s
	start s "$bpfilter" run -- sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done' >"$work/ready"
	wait_for "$work/ready"
	kill -TERM $pid
	wait $pid
	check "SIGTERM is handed on, the status handed back" test $? = 7
	in_ns s "$bpfilter" run -- sh -c 'kill -KILL $$'
	check "death by signal is passed on" test $? = 137
	in_ns s "$bpfilter" run -- sh -c 'exit 3'
	check "exit status is passed on" test $? = 3
	in_ns s "$bpfilter" run -- true </dev/null
	check "exit status 0" test $? = 0
	# Its iptables waits for the lock; TERM to the wrapper ends both, as TERM ends a native iptables.
	start s env XTABLES_LOCKFILE="$work/lock" flock "$work/lock" sleep 1000
	local holder=$pid
	sleep 0.2
	start s env XTABLES_LOCKFILE="$work/lock" "$multi" iptables-bpf -w -A INPUT -j DROP
	sleep 0.3
	kill -TERM "$pid"
	wait "$pid" 2>/dev/null
	check "a wrapper waiting for the lock ends by SIGTERM" test $? = 143
	pkill -P "$holder"
	wait "$holder"
	# Job control: stopped and continued together. As a job: in a process group without a parent nobody is stopped.
	set -m
	start s "$bpfilter" run -- sleep 1000
	set +m
	eventually both_are "$pid" S sleep
	kill -TSTP "$pid"
	check "stopped together" eventually both_are "$pid" T sleep
	kill -CONT "$pid"
	check "continued together" eventually both_are "$pid" S sleep
	kill -TERM "$pid"
	wait "$pid" 2>/dev/null
	check "SIGTERM ends it" test $? = 143
	# A parent that ignores SIGCHLD: the status must not be lost.
	check "SIGCHLD ignored by the caller" in_ns s bash -c 'trap "" CHLD; exec "$@"' - "$bpfilter" run -- true
	check "descendants outlive the command and are served" in_ns s env PATH="$work/native:$PATH" "$bpfilter" run -- \
		sh -c '(sleep 0.3; iptables -A INPUT -s 10.9.9.9 -j DROP) & exit 0'
	check "... and their rules are there" test "$(rules s)" = 1
	netns_del s
}

# both_are PID STATE NAME: the process and its only child, which is NAME, are in that state (proc(5))
both_are()
{
	local child

	child=$(pgrep -P "$1" -x "$3") &&
		[ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" "/proc/$child/stat" | tr -d '\n')" = "$2$2" ]
}

# eventually COMMAND...: within 10 seconds
eventually()
{
	for _ in $(seq 200); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

# wait_for FILE: until it has a line
wait_for()
{
	for _ in $(seq 200); do
		[ -s "$1" ] && return
		sleep 0.02
	done
	not_ok "nothing came in $1"
}

# Supervisors and callers killed at random moments: old or new rules, and the next command works.
test_killed()
{
	local i pid bad=0 n

	netns_add k
	with bpf k iptables -A INPUT -s 10.0.0.1 -j ACCEPT
	for i in $(seq 60); do
		start k "$multi" iptables-bpf -w -R INPUT 1 -s 10.0.1."$i" -j ACCEPT 2>/dev/null
		sleep "0.00$((RANDOM % 9))"
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		n=$(rules k)
		[ "$n" = 1 ] || bad=$((bad + 1))
	done
	check "60 supervisors killed: always one rule" test $bad = 0
	for i in $(seq 60); do
		in_ns k "$bpfilter" run -- bash -c "
			$work/native/iptables -w -R INPUT 1 -s 10.0.2.$i -j ACCEPT & sleep 0.00$((RANDOM % 9)); kill -9 \$!" 2>/dev/null
		n=$(rules k)
		[ "$n" = 1 ] || bad=$((bad + 1))
	done
	check "60 callers killed: always one rule" test $bad = 0
	check "no wrapper's iptables outlives it" test -z "$(ip netns pids "$tag-k")"
	in_ns k "$bpfilter" run -- "$build/tests/serve/calls" --orphan >"$work/orphan" 2>&1
	wait_for "$work/orphan"
	check "without its supervisor a call fails" grep -q 'Function not implemented' "$work/orphan"
	check "... and the kernel's table is untouched" test -z "$(with native k cat /proc/net/ip_tables_names)"
	netns_del k
}

test_rights()
{
	netns_add c
	in_ns c setpriv --reuid 65534 --clear-groups --bounding-set -all "$work/native/iptables" -S >"$work/native.c" 2>&1
	in_ns c setpriv --reuid 65534 --clear-groups --bounding-set -all "$multi" iptables-bpf -S >"$work/bpf.c" 2>&1
	same "a user without rights: as native" "$work/native.c" "$work/bpf.c"
	# A supervisor with all rights, a caller with none: the caller's count.
	in_ns c "$bpfilter" run -- "$build/tests/serve/calls" --drop-caps >"$work/drop.c" 2>&1
	check "CAP_NET_ADMIN is the caller's: EPERM" grep -q 'Operation not permitted' "$work/drop.c"
	check "only CAP_NET_ADMIN and CAP_NET_RAW: the filter installs with NO_NEW_PRIVS" in_ns c setpriv \
		--bounding-set=-all,+net_admin,+net_raw,+bpf,+perfmon,+sys_admin "$multi" iptables-bpf -S
	check "without CAP_BPF a change is refused and says what is needed" fails_with CAP_BPF in_ns c setpriv \
		--bounding-set=-all,+net_admin,+net_raw "$multi" iptables-bpf -A INPUT -j DROP
	check "... a look is answered" in_ns c setpriv --bounding-set=-all,+net_admin,+net_raw "$multi" iptables-bpf -S
	check "in a user namespace a change is refused and says so" fails_with CAP_BPF env XTABLES_LOCKFILE="$work/lock" \
		unshare -Urn "$multi" iptables-bpf -A INPUT -j DROP
	netns_del c
}

test_nested()
{
	netns_add e
	with bpf e iptables -A INPUT -s 10.0.0.1 -j DROP
	check "bpfilter run in bpfilter run" in_ns e "$bpfilter" run -- "$bpfilter" run -- "$work/native/iptables" -C INPUT \
		-s 10.0.0.1 -j DROP
	check "iptables-bpf in bpfilter run" in_ns e "$bpfilter" run -- "$multi" iptables-bpf -C INPUT -s 10.0.0.1 -j DROP
	check "import in bpfilter run is refused" fails_with 'bpfilter run' in_ns e "$bpfilter" run -- "$bpfilter" import
	check "strace inside" in_ns e "$bpfilter" run -- strace -f -o /dev/null "$work/native/iptables" -C INPUT -s 10.0.0.1 -j DROP
	netns_del e
}

# fails_with TEXT COMMAND...
fails_with()
{
	local text=$1
	shift

	! "$@" >"$work/fails" 2>&1 && grep -q -- "$text" "$work/fails"
}

test_namespaces()
{
	netns_add x y
	# The first use ever is inside ip netns exec, whose mounts go away with it.
	ip netns exec "$tag-x" "$multi" iptables-bpf -A INPUT -s 10.0.0.7 -j DROP
	check "first use inside ip netns exec survives" test "$(rules x)" = 1
	check "other namespaces have their own rules" test "$(rules y)" = 0
	check "one supervisor, two namespaces" in_ns x "$bpfilter" run -- sh -c "
		nsenter --net=/run/netns/$tag-y $work/native/iptables -A INPUT -s 10.0.0.8 -j DROP"
	check "... the socket's counts" test "$(rules x)$(rules y)" = 11
	check "bpfilter --netns NAME" test "$("$bpfilter" --netns "$tag-y" list | grep -c 10.0.0.8)" = 1
	check "unshare -Urn under a supervisor" env XTABLES_LOCKFILE="$work/lock" "$bpfilter" run -- \
		unshare -Urn sh -c "$work/native/iptables -A INPUT -s 10.0.0.9 -j DROP && $work/native/iptables -C INPUT -s 10.0.0.9 -j DROP"
	check "in a pid namespace without its /proc" in_ns x unshare -pf "$multi" iptables-bpf -A INPUT -s 10.0.0.10 -j DROP
	check "in a mount namespace with another /run" in_ns x unshare -m sh -c "
		mount -t tmpfs none /run && XTABLES_LOCKFILE=$work/lock $multi iptables-bpf -A INPUT -s 10.0.0.11 -j DROP"
	check "... all in one place" test "$(rules x)" = 3
	netns_del x y
	"$bpfilter" collect >/dev/null
}

# The kernel's table goes to us and back; counters with it. FAMILY, ADDRESS
move_there_and_back()
{
	local I=$1 a=$2 before="$work/before" after="$work/after"

	netns_add m
	with native m $I-restore -c <<-END
		*filter
		:INPUT ACCEPT [11:1100]
		:FORWARD DROP [0:0]
		:OUTPUT ACCEPT [12:1200]
		:mine - [0:0]
		[3:300] -A INPUT -s $a -j mine
		[4:400] -A mine -p tcp -m multiport --dports 22,80 -m comment --comment "there and back" -j ACCEPT
		[5:500] -A mine -j REJECT
		COMMIT
	END
	with native m $I-save -c | grep -v '^#' >"$before"
	check "$I: import" in_ns m "$bpfilter" import
	with bpf m $I-save -c | grep -v '^#' >"$after"
	same "$I: ours has the rules and counters" "$before" "$after"
	check "$I: the kernel's table is empty" test "$(with native m $I -S | tr -d '\n')" = \
		"-P INPUT ACCEPT-P FORWARD ACCEPT-P OUTPUT ACCEPT"
	check "$I: a second import has nothing to do and says so" fails_with 'has rules' in_ns m "$bpfilter" import
	check "$I: export" in_ns m "$bpfilter" export
	with native m $I-save -c | grep -v '^#' >"$after"
	same "$I: the kernel has the rules and counters again" "$before" "$after"
	check "$I: ours is gone" test "$(with bpf m $I -S | grep -c '^-A')" = 0
	check "$I: double filtering is warned of" fails_with "kernel's own filter table" not with bpf m $I -A INPUT -s $a -j DROP
	check "$I: export into a kernel table with rules is refused" fails_with 'has rules' in_ns m "$bpfilter" export
	with bpf m $I -F
	with native m $I -I mine 2 -m string --string x --algo bm
	with native m $I-save -c | grep -v '^#' >"$before"
	check "$I: import of what we do not have is refused by name" fails_with 'string' in_ns m "$bpfilter" import
	with native m $I-save -c | grep -v '^#' >"$after"
	same "$I: ... and nothing has changed" "$before" "$after"
	check "$I: ... nor has ours" test "$(with bpf m $I -S | grep -c '^-A')" = 0
	netns_del m
}

# not COMMAND...: for fails_with, which wants a failure
not()
{
	! "$@"
}

# Packets that pass while the table moves are counted once: none too few, and too many only those of the moment between
# the switch and the look at the kernel's counters. Prints the median of how many.
import_under_flood()
{
	local i sent counted

	for i in 1 2 3 4 5; do
		with bpf u iptables -F
		with native u iptables -A INPUT -p icmp -j ACCEPT
		with native u iptables -Z
		start u ping -q -f -c 20000 127.0.0.1 >"$work/flood"
		sleep 0.2
		in_ns u "$bpfilter" import || return
		wait "$pid"
		sent=$(sed -n 's/ packets transmitted.*//p' "$work/flood")
		counted=$(with bpf u iptables -vxnL INPUT 1 | awk '{ print $1 }')
		[ "$counted" -ge $((2 * sent)) ] || { echo "sent $((2 * sent)), counted $counted" >&2; return 1; }
		echo $((counted - 2 * sent))
	done >"$work/excess"
	sort -n "$work/excess" | sed -n 3p
}

test_import()
{
	netns_add u
	check "packets are counted once while a table moves ($(import_under_flood) too many)" \
		test "$(sort -n "$work/excess" | sed -n 3p)" -le 100
	netns_del u
	move_there_and_back iptables 10.0.0.0/8
	move_there_and_back ip6tables fd00::/8
	netns_add i
	with native i iptables -A INPUT -s 10.0.0.1 -j DROP
	with native i ip6tables -A INPUT -m string --string x --algo bm
	check "import of both families or none" fails_with string in_ns i "$bpfilter" import
	check "... the first has not moved" test "$(with native i iptables -S | grep -c '^-A')$(rules i)" = 10
	netns_del i
	netns_add i
	check "import of nothing" in_ns i "$bpfilter" import
	check "export of nothing" in_ns i "$bpfilter" export
	check "... creates nothing" test -z "$(with native i cat /proc/net/ip_tables_names)"
	with bpf i iptables -A INPUT -s 10.1.1.1 -j DROP
	check "list" test "$(in_ns i "$bpfilter" list | grep -c 'ip saddr 10.1.1.1')" = 1
	check "list -j is JSON" sh -c "nsenter --net=/run/netns/$tag-i $bpfilter list -c -j | python3 -m json.tool"
	check "dump" test "$(in_ns i "$bpfilter" dump | grep -A1 '^chain INPUT' | tail -n 1)" = "  rule 1: cells, few rules"
	check "dump -c" test "$(in_ns i "$bpfilter" dump -c | grep -c 'test saddr == 0xa010101')" = 1
	check "dump -j is JSON" sh -c "nsenter --net=/run/netns/$tag-i $bpfilter dump -j | python3 -m json.tool"
	check "flush" in_ns i "$bpfilter" flush
	check "... leaves nothing" test -z "$(in_ns i "$bpfilter" list)"
	netns_del i
}

test_wrapper()
{
	mkdir -p "$work/alt"
	ln -sf "$multi" "$work/alt/iptables"
	check "by a plain name" "$work/alt/iptables" -V
	check "an unknown name" fails_with 'no such command' "$multi" nosuch
	check "without xtables-legacy-multi" fails_with 'package iptables' env XTABLES_LEGACY_MULTI=/nonexistent "$multi" iptables -V
	check "a program that is not there" fails_with 'No such file' "$bpfilter" run -- /nonexistent
	check "standard input is the program's" test "$(echo hello | "$bpfilter" run -- cat)" = hello
	netns_add u
	check "an extension we do not have is named" fails_with 'filter' with bpf u iptables -A INPUT -m string --string x --algo bm
	check "... and nothing is changed" test "$(rules u)" = 0
	netns_del u
}

# A table so large that it takes longer than a second.
test_progress()
{
	netns_add g
	with bpf g iptables -A INPUT -s 10.0.0.1 -j DROP
	"$build/tests/bench/classgen" -i "$work/large" acl 600000 2>"$work/progress.log"
	in_ns g python3 "$here/serve/progress.py" "$(grep -c ^-A "$work/large")" "$work/large" "$multi" iptables-bpf-restore \
		>"$work/progress.log" 2>&1 || echo "NOT OK progress.py" >>"$work/progress.log"
	check "progress on a terminal, ^C" eval '! grep -v "^ok" "$work/progress.log"'
	in_ns g "$bpfilter" flush
	head -n 200000 "$work/large" | sed '$aCOMMIT' | with native g iptables-restore
	start g "$bpfilter" import 2>/dev/null
	sleep 0.2
	kill -TERM $pid
	wait $pid
	check "import is interrupted" test $? = 143
	check "... nothing has moved" test "$(with native g iptables -S | grep -c '^-A') $(rules g)" = "$(head -n 200000 "$work/large" | grep -c '^-A') 0"
	netns_del g
	netns_add g
	check "a small table says nothing" test -z "$(in_ns g script -qec "$multi iptables-bpf -A INPUT -j DROP" /dev/null)"
	netns_del g
}

for t in wrapper hidden verbs parallel threads errnos signals killed progress rights nested namespaces import; do
	wanted $t && test_$t
done
finish
