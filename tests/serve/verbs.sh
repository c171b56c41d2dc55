#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every verb of iptables(8), good and bad, for one family:   verbs.sh 4|6
# The programs are found by PATH: the kernel's own in one namespace, ours in its twin. What is printed, with the exit
# statuses, must be the same to the byte (dates in save files aside).
family=$1
if [ "$family" = 4 ]; then
	I=iptables a=10.1.2.3 b=192.0.2.0/24 c=198.51.100.7 icmp=icmp bad=10.0.0.300 range=10.0.0.1-10.0.0.9
	admin=icmp-admin-prohibited
else
	I=ip6tables a=2001:db8::3 b=2001:db8:1::/48 c=2001:db8::7 icmp=ipv6-icmp bad=2001:db8::g range=fd00::1-fd00::9
	admin=icmp6-adm-prohibited
fi

n=0
t()
{
	n=$((n + 1))
	echo "[$n] $*"
	"$@" </dev/null 2>&1
	echo "= $?"
}

# restore ARGUMENTS: the rules come from standard input
restore()
{
	n=$((n + 1))
	echo "[$n] restore $*"
	$I-restore "$@" 2>&1
	echo "= $?"
}

save()
{
	n=$((n + 1))
	echo "[$n] save $*"
	$I-save "$@" 2>&1 | sed 's/ on [A-Z][a-z][a-z] [A-Z][a-z][a-z] .*/ on DATE/'
}

# A fresh namespace: nothing is listed until the table is looked at.
save
t $I -S
save
t $I -L
t $I -L -n -v -x --line-numbers

# append, insert
t $I -A INPUT -s $a -j ACCEPT
t $I -A INPUT -s $b -p tcp --dport 22 -j ACCEPT
t $I -A INPUT -p udp --sport 53 --dport 1024:65535 -j ACCEPT
t $I -I INPUT -i lo -j ACCEPT
t $I -I INPUT 2 -i eth+ ! -s $c -j DROP
t $I -I INPUT 99 -j DROP
t $I -I INPUT 0 -j DROP
t $I -A FORWARD -i eth0 -o eth1 -j ACCEPT
t $I -A FORWARD ! -i eth0 ! -o ppp+ -d $b -j DROP
t $I -A OUTPUT -p tcp --tcp-flags SYN,ACK,FIN,RST SYN -j ACCEPT
t $I -A OUTPUT -p tcp ! --syn -j ACCEPT
t $I -A OUTPUT -p tcp --tcp-option 8 -j ACCEPT
t $I -A OUTPUT
t $I -A INPUT -p $icmp -j ACCEPT
t $I -A INPUT -p 300 -j ACCEPT
t $I -A INPUT -p tcp -m multiport --dports 22,80,443,1000:1010 -j ACCEPT
t $I -A INPUT -p tcp -m multiport ! --sports 25,110 -j ACCEPT
t $I -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
t $I -A INPUT -m conntrack --ctstate NEW,INVALID -j ACCEPT
t $I -A INPUT -m comment --comment "a \"quoted\" comment" -j ACCEPT
t $I -A INPUT -m limit --limit 5/min --limit-burst 7 -j ACCEPT
t $I -A INPUT -m mark --mark 0x10/0xff -j ACCEPT
t $I -A INPUT -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT
t $I -A INPUT -m pkttype --pkt-type broadcast -j DROP
t $I -A INPUT -m length --length 100:200 -j ACCEPT
t $I -A INPUT -m tos --tos 0x10 -j ACCEPT
t $I -A INPUT -m dscp --dscp-class EF -j ACCEPT
t $I -A INPUT -m iprange --src-range $range -j ACCEPT
t $I -A INPUT -m statistic --mode nth --every 3 --packet 1 -j ACCEPT
t $I -A OUTPUT -m owner --uid-owner 0 -j ACCEPT
t $I -A INPUT -j LOG --log-prefix "in: " --log-level 4
t $I -A INPUT -j NFLOG --nflog-group 3 --nflog-prefix "x"
t $I -A INPUT -j REJECT
t $I -A INPUT -j REJECT --reject-with $admin
t $I -A INPUT -p tcp -j REJECT --reject-with tcp-reset
t $I -S
t $I -L -n
t $I -L INPUT 3
t $I -S INPUT 3
t $I -L -v -n -x --line-numbers

# check, replace, delete
t $I -C INPUT -s $a -j ACCEPT
t $I -C INPUT -s $a -j DROP
t $I -R INPUT 1 -i lo -j DROP
t $I -R INPUT 99 -j DROP
t $I -D INPUT 1
t $I -D INPUT 99
t $I -D INPUT -s $a -j ACCEPT
t $I -D INPUT -s $a -j ACCEPT
t $I -D INPUT -p tcp -m multiport --dports 22,80,443,1000:1010 -j ACCEPT
t $I -S INPUT

# chains
t $I -N one
t $I -N one
t $I -N two
t $I -N "this-name-is-longer-than-is-allowed-for-chains"
t $I -A one -s $c -j RETURN
t $I -A one -j two
t $I -A two -g one
t $I -A two -p tcp -j DROP
t $I -F two
t $I -A two -p tcp -j DROP
t $I -A INPUT -j one
t $I -A INPUT -g two
t $I -A FORWARD -j nosuch
t $I -X one
t $I -E one uno
t $I -E uno two
t $I -S
t $I -L two -n
t $I -X
t $I -D INPUT -j uno
t $I -D INPUT -g two
t $I -F uno
t $I -X uno
t $I -X
t $I -S

# policies, counters
t $I -P INPUT DROP
t $I -P INPUT REJECT
t $I -P nosuch DROP
t $I -P FORWARD DROP -c 5 500
t $I -A FORWARD -c 7 700 -s $a -j ACCEPT
t $I -L FORWARD -v -n -x
t $I -S FORWARD -v
t $I -Z FORWARD 1
t $I -L FORWARD -v -n -x
t $I -Z FORWARD
t $I -L FORWARD -v -n -x
t $I -L FORWARD -v -n -x -Z
t $I -Z
t $I -P INPUT ACCEPT

# waiting for the lock
t $I -w -A INPUT -s $a -j ACCEPT
t $I -w 5 -D INPUT -s $a -j ACCEPT
t $I --wait=1 -S FORWARD

# words that mean nothing, and extensions that do not fit
t $I
t $I -A INPUT -s $bad -j ACCEPT
t $I -A INPUT -j NOSUCH
t $I -A INPUT -m nosuch -j ACCEPT
t $I -A INPUT -p tcp --dport nosuchservice -j ACCEPT
t $I -A INPUT --dport 22 -j ACCEPT
t $I -A INPUT -p udp -j REJECT --reject-with tcp-reset
t $I -A NOSUCH -j ACCEPT
t $I -A INPUT -o eth0 -j ACCEPT
t $I -A OUTPUT -i eth0 -j ACCEPT
t $I -A INPUT -m owner --uid-owner 0 -j ACCEPT
t $I -L NOSUCH
t $I -t nosuch -L
t $I -V

# loops are found
t $I -N l1
t $I -N l2
t $I -A l1 -j l2
t $I -A l2 -j l1
t $I -A INPUT -j l1
t $I -F l1
t $I -A l2 -j l1
t $I -F
t $I -X

# tables that are the kernel's
t $I -t mangle -A PREROUTING -s $a -j MARK --set-mark 5
t $I -t raw -A PREROUTING -s $a -j NOTRACK
t $I -t nat -A POSTROUTING -s $a -j MASQUERADE
t $I -t mangle -S
t $I -t raw -S
t $I -t nat -S
t $I -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT

# save and restore
save
save -c
save -t filter
save -t nosuch
save -t mangle -c
restore <<END
*filter
:INPUT DROP [3:300]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [1:60]
:mine - [0:0]
-A INPUT -s $a -j mine
[9:900] -A mine -p tcp -m tcp --dport 80 -j ACCEPT
-A mine -m comment --comment "from a file" -j RETURN
COMMIT
END
save -c
restore --counters <<END
*filter
:INPUT DROP [3:300]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [1:60]
[9:900] -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
END
save -c
restore --noflush <<END
*filter
:extra - [0:0]
-A extra -s $b -j DROP
-I INPUT 1 -j extra
COMMIT
END
save
restore --noflush --counters <<END
*filter
[4:400] -A extra -s $a -j DROP
COMMIT
END
save -c
restore --test <<END
*filter
-A INPUT -s $c -j DROP
COMMIT
END
save
restore -T filter <<END
*mangle
-A PREROUTING -s $c -j DROP
COMMIT
*filter
-A INPUT -s $c -j DROP
COMMIT
END
save -c
restore <<END
*filter
-A INPUT -s $c -j NOSUCH
COMMIT
END
restore <<END
*filter
-A INPUT -s $c
END
restore <<END
*filter
-A nosuch -s $c -j DROP
COMMIT
END
restore <<END
*nosuch
COMMIT
END
restore <<END
nonsense
END
restore -w 3 <<END
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 1:65535 -j REJECT --reject-with tcp-reset
COMMIT
END
save
t $I -F
t $I -P FORWARD ACCEPT
t $I -S
save
