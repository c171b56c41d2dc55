# SPDX-License-Identifier: GPL-2.0-only
# bash completion for bpfilter(8)

_bpfilter()
{
	local cur prev words cword i verb=

	_init_completion || return
	if [[ $prev == --netns && $cur != */* ]]; then
		COMPREPLY=($(compgen -W "$(ip netns list 2>/dev/null | awk '{ print $1 }')" -- "$cur"))
		return
	fi
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
	case $verb in
	"") COMPREPLY=($(compgen -W "run list dump test flush import export collect features help --netns --help --version" -- "$cur")) ;;
	run)
		[[ ${words[i + 1]} == -- ]] && ((i++))
		((cword > i)) && _command_offset $((i + 1))
		;;
	test) case $prev in -f | -r) COMPREPLY=($(compgen -f -- "$cur")) ;; *) COMPREPLY=($(compgen -W "-j -f -r tcp udp icmp icmpv6 iif oif hook ct mark uid" -- "$cur")) ;; esac ;;
	list | dump) COMPREPLY=($(compgen -W "-c -j" -- "$cur")) ;;
	import | export) COMPREPLY=($(compgen -W "-4 -6" -- "$cur")) ;;
	features) COMPREPLY=($(compgen -W "-j" -- "$cur")) ;;
	help) COMPREPLY=($(compgen -W "run list dump test flush import export collect features" -- "$cur")) ;;
	esac
}
complete -F _bpfilter bpfilter

# The iptables family completes as iptables does, where bash-completion has it.
_xtables_bpf()
{
	_completion_loader iptables 2>/dev/null
	declare -F _iptables >/dev/null && _iptables "$@"
}
complete -F _xtables_bpf iptables-bpf ip6tables-bpf
