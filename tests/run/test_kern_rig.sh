#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Several processes, mount namespaces and little privilege. Usage: test_kern_rig.sh kern_rig
rig=$(realpath "$1")
net=bf-kern-$$
passed=0
failed=0

check() { # WHAT COMMAND...: the command shall succeed
	what=$1
	shift
	if "$@" >/tmp/$net.out 2>&1; then
		passed=$((passed + 1))
		echo "ok - $what"
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		sed 's/^/#   /' /tmp/$net.out
	fi
}

inside() { nsenter --net=/run/netns/$net "$@"; }
sends() { inside "$rig" send; }
no() { ! "$@"; }
says() { # TEXT COMMAND...: it fails and says so
	text=$1
	shift
	! "$@" >/tmp/$net.say 2>&1 && grep -q "$text" /tmp/$net.say || { cat /tmp/$net.say; return 1; }
}

ip netns add $net || exit 2
inside ip link set lo up
trap 'inside $rig destroy; ip netns del $net; rm -f /tmp/$net.*' EXIT

# 40 writers at once: nobody's change is lost.
writers() {
	pids=
	for i in $(seq 40); do
		inside "$rig" append w$i &
		pids="$pids $!"
	done
	for p in $pids; do
		wait $p || return 1
	done
	inside "$rig" show >/tmp/$net.list
	[ "$(sort -u /tmp/$net.list | wc -l)" = 40 ] || { cat /tmp/$net.list; return 1; }
}
check "40 writers at once make 40 lines" writers

# Readers during changes always find a whole state.
readers() {
	( for i in $(seq 30); do inside "$rig" append more; done ) &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		inside "$rig" show >/tmp/$net.list || return 1
		[ "$(wc -l </tmp/$net.list)" -ge 40 ] || return 1
	done
	wait $pid
}
check "readers are not disturbed by writers" readers

nsenter --net=/run/netns/$net "$rig" hold 30 & # not by the function: its process would be a shell
holder=$!
sleep 0.3
check "a lock is waited for, then given up" says "timed out" env TIMEOUT=200 nsenter --net=/run/netns/$net "$rig" drop
kill -9 $holder
wait $holder 2>/dev/null
check "a killed holder's lock is free" env TIMEOUT=0 nsenter --net=/run/netns/$net "$rig" drop
check "its change is enforced" no sends
check "few file descriptors are enough" env FEW_FILES=1 nsenter --net=/run/netns/$net "$rig" accept
check "and packets pass" sends

# Where /run/bpfilter is not to be seen, as in `ip netns exec`.
check "the state is found from a private mount namespace" inside unshare -m sh -c "umount /run/bpfilter; $rig show"
check "and changed from there" inside unshare -m sh -c "umount /run/bpfilter; $rig drop"
check "which everybody sees" inside "$rig" show
check "and packets feel" no sends

# The first use ever, inside `ip netns exec`, in a machine of its own (pid and mount namespace).
cat >/tmp/$net.first <<EOF
umount /run/bpfilter 2>/dev/null
mount -t tmpfs run /run || exit 1
ip netns add first && ip netns exec first $rig drop || exit 1
mountpoint -q /run/bpfilter || { echo "nothing mounted for process 1"; exit 1; }
[ "\$(ip netns exec first $rig show)" = drop ] || exit 1
ip netns exec first ip link set lo up
ip netns exec first $rig send && exit 1
ip netns exec first $rig destroy && ip netns del first
EOF
check "first use inside ip netns exec survives it" unshare --pid --fork --mount-proc --mount sh /tmp/$net.first

# Without privileges.
check "without CAP_BPF: says so" says "CAP_BPF" inside setpriv --bounding-set -bpf,-sys_admin --inh-caps -bpf,-sys_admin "$rig" accept
check "which has changed nothing" no sends
check "not root: says so" says "root" inside setpriv --reuid 65534 --clear-groups --inh-caps -all "$rig" show

check "destroyed" inside "$rig" destroy
check "packets pass again" sends
check "no state: says so" says "No such file" inside "$rig" show

echo "$passed passed, $failed failed"
[ $failed = 0 ]
