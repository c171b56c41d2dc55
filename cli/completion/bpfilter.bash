# SPDX-License-Identifier: GPL-2.0-only
# bash completion for bpfilter(8)

# What the native language has, for `list chain inet <Tab>`: its tables, and what is in them.
_bpfilter_native()
{
	local verb=$1 first=$2 what=${words[$2]} family=ip at=$(($2 + 1)) tables
	local -a netns=()

	[[ ${words[1]} == --netns ]] && netns=(--netns "${words[2]}")
	if ((cword == first)); then
		case $verb in
		list) what="ruleset table chain set map counter quota limit tables chains sets maps counters quotas limits" ;;
		flush) what="ruleset table chain set map" ;;
		insert | replace) what="rule" ;;
		rename) what="chain" ;;
		get) what="element" ;;
		reset) what="rule rules counter counters quota quotas" ;;
		*) what="table chain rule set map element counter quota limit" ;;
		esac
		COMPREPLY=($(compgen -W "$what" -- "$cur"))
		return
	fi
	case ${words[at]} in
	ip | ip6 | inet | netdev) family=${words[at]} at=$((at + 1)) ;;
	esac
	tables=$(bpfilter "${netns[@]}" list tables 2>/dev/null)
	if ((cword == at)); then
		COMPREPLY=($(compgen -W "$(awk -v f="$family" '$2 == f { print $3 }' <<<"$tables")" -- "$cur"))
		((at == first + 1)) && COMPREPLY+=($(compgen -W "ip ip6 inet netdev" -- "$cur"))
	elif ((cword == at + 1)); then
		[[ $what == rule ]] && what=chain
		[[ $what == element ]] && what="(set|map)"
		COMPREPLY=($(compgen -W "$(bpfilter "${netns[@]}" list table "$family" "${words[at]}" 2>/dev/null |
			awk -v w="^($what)\$" '/^\t[a-z]+ [^ ]+ \{/ && $1 ~ w { print $2 }')" -- "$cur"))
	fi
}

_bpfilter()
{
	local cur prev words cword i at verb= verbs flags=
	local native="add create insert replace delete destroy rename reset get"

	_init_completion || return
	if [[ $prev == --netns && $cur != */* ]]; then
		COMPREPLY=($(compgen -W "$(ip netns list 2>/dev/null | awk '{ print $1 }')" -- "$cur"))
		return
	fi
	verbs="run load check list $native save restore confirm graph dump test monitor stats top flush import export collect features help"
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--netns) ((i++)) ;;
		-*) ;;
		*)
			verb=${words[i]}
			break
			;;
		esac
	done
	at=$i
	case $verb in
	"") COMPREPLY=($(compgen -W "$verbs --netns --dry-run --help --version" -- "$cur")) ;;
	run)
		[[ ${words[i + 1]} == -- ]] && ((i++))
		((cword > i)) && _command_offset $((i + 1))
		;;
	monitor) [[ $prev == -w ]] && _filedir || COMPREPLY=($(compgen -W "-d -j -l -n -w icmp icmp6 tcp udp host net port src dst and or not" -- "$cur")) ;;
	stats) COMPREPLY=($(compgen -W "-j -p" -- "$cur")) ;;
	top) COMPREPLY=($(compgen -W "-a -d -n" -- "$cur")) ;;
	test) case $prev in -f | -r) COMPREPLY=($(compgen -f -- "$cur")) ;; *) COMPREPLY=($(compgen -W "-j -v -f -r tcp udp icmp icmpv6 connect sendmsg iif oif hook ct mark uid comm cgroup" -- "$cur")) ;; esac ;;
	load | check)
		[[ $verb == load ]] && flags="--dry-run"
		[[ $cur == -* ]] && COMPREPLY=($(compgen -W "-a -c -e -j -n -r $flags" -- "$cur")) || _filedir
		;;
	save | restore)
		[[ $verb == restore ]] && flags="--dry-run"
		[[ $cur == -* ]] && COMPREPLY=($(compgen -W "$flags" -- "$cur")) || _filedir
		;;
	confirm)
		((cword > i + 1)) && COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
		;;
	list | flush | add | create | insert | replace | delete | destroy | rename | reset | get)
		for ((i++; i < cword; i++)); do
			[[ ${words[i]} == -* ]] || break
		done
		case $verb in
		list) flags="-a -c -j -n" ;;
		flush) flags="--dry-run" ;;
		*) flags="-a -c -e -j -n --dry-run" ;;
		esac
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "$flags" -- "$cur"))
		else
			_bpfilter_native "$verb" "$i"
		fi
		;;
	dump) COMPREPLY=($(compgen -W "-c -j" -- "$cur")) ;;
	import) COMPREPLY=($(compgen -W "-4 -6 -n -l --dry-run" -- "$cur")) ;;
	export) COMPREPLY=($(compgen -W "-4 -6 -n" -- "$cur")) ;;
	features) COMPREPLY=($(compgen -W "-j" -- "$cur")) ;;
	help) COMPREPLY=($(compgen -W "$verbs" -- "$cur")) ;;
	esac
	[[ $verb && $cword == $((at + 1)) && $cur == -* ]] && COMPREPLY+=($(compgen -W "--help" -- "$cur"))
	return 0
}
complete -F _bpfilter bpfilter

# The iptables family completes as iptables does, where bash-completion has it.
_xtables_bpf()
{
	_completion_loader iptables 2>/dev/null
	declare -F _iptables >/dev/null && _iptables "$@"
}
complete -F _xtables_bpf iptables-bpf ip6tables-bpf
