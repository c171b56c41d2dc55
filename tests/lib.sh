# SPDX-License-Identifier: GPL-2.0-only
#
# What the shell suites share: results, tool directories, namespaces. Sourced, with $build set to the build folder.
#
# A tool directory holds the names programs call (iptables, iptables-save, ..., xtables-legacy-multi) and makes
# them be ours or the kernel's own, by PATH alone:
#
#   $work/bpf/iptables -> xtables-bpf-multi iptables-bpf      $work/native/iptables -> xtables-legacy-multi iptables

build=$(realpath "$build")
work=$(mktemp -d "${TMPDIR:-/tmp}/bpfilter-test.XXXXXX")
# ip-netns names end up in /run/netns for all to see: keep them ours by the process id.
tag=bft$$
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
native_multi=$(command -v /usr/sbin/xtables-legacy-multi /usr/local/sbin/xtables-legacy-multi | head -n 1)
names="iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore"
passed=0 failed=0 skipped=0

ok()
{
	passed=$((passed + 1))
	echo "ok       $*"
}

not_ok()
{
	failed=$((failed + 1))
	echo "NOT OK   $*"
}

skip()
{
	skipped=$((skipped + 1))
	echo "skipped  $*"
}

# check NAME COMMAND...: its output is shown when it fails, of a success only notes "(...)"
check()
{
	local name=$1
	shift

	if "$@" >"$work/check.log" 2>&1; then
		ok "$name"
		grep '^ *(' "$work/check.log"
	else
		not_ok "$name"
		sed 's/^/         | /' "$work/check.log" | tail -n 30
	fi
}

# same NAME FILE FILE
same()
{
	check "$1" diff -u --label expected --label got "$2" "$3"
}

ours()
{
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$build/iptables/xtables-bpf-multi" "$1" >"$2"
	chmod +x "$2"
}

make_tools()
{
	local n

	mkdir -p "$work/native" "$work/bpf"
	for n in $names; do
		ln -sf "$native_multi" "$work/native/$n"
		ours "${n/tables/tables-bpf}" "$work/bpf/$n"
	done
	ln -sf "$native_multi" "$work/native/xtables-legacy-multi"
	# Suites that call `xtables-legacy-multi iptables ...`.
	cat >"$work/bpf/xtables-legacy-multi" <<-END
		#!/bin/sh
		case " $names " in
		*" \$1 "*) name=\$1; shift; exec $work/bpf/\$name "\$@";;
		esac
		exec $native_multi "\$@"
	END
	chmod +x "$work/bpf/xtables-legacy-multi"
	ln -sf "$build/cli/bpfilter" "$work/bpf/bpfilter"
}

netns_add()
{
	local n

	for n; do
		ip netns add "$tag-$n" && ip -n "$tag-$n" link set lo up
	done
}

# Pinned links would keep a namespace alive behind its name.
netns_del()
{
	local n

	for n; do
		nsenter --net="/run/netns/$tag-$n" "$build/cli/bpfilter" flush >/dev/null 2>&1
		ip netns del "$tag-$n" 2>/dev/null
	done
}

in_ns()
{
	local n=$1
	shift

	nsenter --net="/run/netns/$tag-$n" "$@"
}

cleanup()
{
	local n

	for n in $(ip netns list | awk -v t="$tag-" 'index($1, t) == 1 { print substr($1, length(t) + 1) }'); do
		netns_del "$n"
	done
	"$build/cli/bpfilter" collect >/dev/null 2>&1
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

finish()
{
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

make_tools
