# What nft has not. See rules.t.
:rule inet t c
tcp sport == tcp dport ; = ; OK ours
tcp sport != tcp dport drop ; = ; OK ours
udp sport < udp dport ; = ; OK ours
tcp sport eq tcp dport accept ; tcp sport == tcp dport accept ; OK ours
ip saddr == ip daddr ; = ; OK ours
ip6 saddr == ip6 daddr drop ; = ; OK ours
ip saddr & 255.255.255.0 == ip daddr & 255.255.255.0 ; = ; OK ours
ip saddr & 0xffffff00 != ip daddr & 0xffffff00 drop ; ip saddr & 255.255.255.0 != ip daddr & 255.255.255.0 drop ; OK ours
tcp dport == tcp sport + 1 ; = ; OK ours
tcp dport - 1 == tcp sport ; = ; OK ours
tcp dport == tcp sport - 1 drop ; = ; OK ours
tcp dport + 5 > 100 ; = ; OK ours
udp length == ip length - 20 ; = ; OK ours
ether saddr == ether daddr drop ; = ; OK ours
meta mark == ct mark ; = ; OK ours
iifname == oifname drop ; = ; OK ours
iif == oif drop ; = ; OK ours
ip ttl >= ip hdrlength ; = ; OK ours
tcp sport == (tcp dport & 0xff00) ; tcp sport == tcp dport & 65280 ; OK ours
ip dscp == ip ecn ; = ; OK ours
tcp sequence == tcp ackseq ; = ; OK ours
@th,0,16 == @th,16,16 ; = ; OK ours
pcap "tcp port 80" ; = ; OK ours
pcap "icmp[icmptype] == icmp-echo" accept ; = ; OK ours
pcap != "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0" drop ; = ; OK ours
pcap == "udp" ; pcap "udp" ; OK ours
pcap "host 192.0.2.1 and not port 22" counter log prefix "x" drop ; pcap "host 192.0.2.1 and not port 22" counter packets 0 bytes 0 log prefix "x" drop ; OK ours
pcap udp ; - ; FAIL 6: expected a pcap-filter expression in quotes, found 'udp'
pcap ; - ; FAIL 5: expected a pcap-filter expression in quotes, found the end of the file
bytecode "1,6 0 0 262144" accept ; = ; OK ours
bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0," drop ; = ; OK ours
bytecode "4, 48 0 0 9, 21 0 1 6, 6 0 0 1, 6 0 0 0" ; = ; OK ours
bytecode != "1,6 0 0 0" drop ; = ; OK ours
bytecode "0," ; - ; FAIL 10: bytecode starts with the number of its instructions, 1 to 4096
bytecode "2,6 0 0 1" ; - ; FAIL 10: 2 instructions are announced, 1 are there
bytecode "1,6 0 0" ; - ; FAIL 10: instruction 0 is not four numbers
bytecode "1,6 0 0 1 5" ; - ; FAIL 10: instruction 1 does not end in ','
bytecode "1,6 0 x 1" ; - ; FAIL 10: instruction 0 is not four numbers
bytecode "" ; - ; FAIL 10: bytecode starts with the number of its instructions, 1 to 4096
bytecode "9999999,6 0 0 1" ; - ; FAIL 10: bytecode starts with the number of its instructions, 1 to 4096
bytecode "1,6 0 0 0xffff" ; = ; OK ours
program "filter.o" ; = ; OK ours
program "filter.o" accept ; = ; OK ours
program "/usr/lib/x.o" section "match" drop ; = ; OK ours
program != "x.o" section "a/b" drop ; = ; OK ours
program x.o ; - ; FAIL 9: expected the name of an object file in quotes, found 'x.o'
program "x.o" section ; - ; FAIL 22: expected the name of a section in quotes, found the end of the file
program "x.o" section "a" object "AAAA" ; = ; OK ours
program "x.o" object 5 ; - ; FAIL 22: expected the bytes of the file in base64, in quotes, found '5'
redirect to "eth1" ; = ; OK ours
fwd to "eth1" ; redirect to "eth1" ; OK ours
dup to "eth1" ; mirror to "eth1" ; OK ours
redirect to eth1 ; redirect to "eth1" ; OK ours
redirect to :8080 ; - ; FAIL 1: bpfilter does not translate addresses: redirect to "IF" sends through a device
redirect "eth1" ; - ; FAIL 10: expected 'to', found "eth1"
redirect to "aninterfacenametoolong" ; - ; FAIL 13: a name of this kind has at most 15 characters
mirror to "eth1" ; = ; OK ours
tcp dport 80 mirror to wg0 accept ; tcp dport 80 mirror to "wg0" accept ; OK ours
mirror ; - ; FAIL 7: expected 'to', found the end of the file
route via 192.0.2.1 ; = ; OK ours
route via 2001:db8::1 ; = ; OK ours
ip saddr 10.0.0.0/8 route via 192.0.2.254 ; = ; OK ours
route via gateway ; - ; FAIL 11: the next hop is an address
route to 192.0.2.1 ; - ; FAIL 7: expected 'via', found 'to'
sample 1/100 ; = ; OK ours
sample 1/1000 log prefix "sampled" ; = ; OK ours
sample 5/4 ; - ; FAIL 1: a sample is 1/N up to N/N
sample 0/4 ; - ; FAIL 1: a sample is 1/N up to N/N
sample 1 ; - ; FAIL 9: expected '/' and of how many, found the end of the file
tcp dport 12345 set rto 20s ; = ; OK ours
set rto 200ms ; = ; OK ours
set rto 1m30s ; = ; OK ours
set rto 5 ; set rto 5s ; OK ours
set rto 0s ; - ; FAIL 1: a time-out of nothing
set rto 20x ; - ; FAIL 9: expected a time like 30s or 1d2h3m, found '20x'
set rto fast ; - ; FAIL 9: expected a time like 30s or 1d2h3m, found 'fast'
tcp dport 443 set initcwnd 40 ; = ; OK ours
set initrwnd 10 ; = ; OK ours
set initcwnd 70000 ; - ; FAIL 14: a number of segments is at most 65535
set congestion "bbr" ; = ; OK ours
set congestion bbr ; - ; FAIL 16: expected the name of a congestion control in quotes, found 'bbr'
set mark 5 ; set mark 0x00000005 ; OK ours
set mark 0xffffffff ; = ; OK ours
set mark 0x100000000 ; - ; FAIL 10: a mark is at most 4294967295
ip daddr 10.0.0.0/8 set rto 1s set initcwnd 20 set congestion "cubic" set mark 0x5 ; ip daddr 10.0.0.0/8 set rto 1s set initcwnd 20 set congestion "cubic" set mark 0x00000005 ; OK ours
set cwnd 5 ; - ; FAIL 5: a connection has no 'cwnd'
set initcwdn 5 ; - ; FAIL 5: a connection has no 'initcwdn'; did you mean 'initcwnd'?
reject with errno ECONNREFUSED ; = ; OK ours
reject with errno EPERM ; = ; OK ours
reject with errno 13 ; reject with errno EACCES ; OK ours
reject with errno ECONREFUSED ; - ; FAIL 19: 'ECONREFUSED' is no errno; did you mean 'ECONNREFUSED'?
meta comm "curl" drop ; = ; OK ours
meta comm { "curl", "wget" } reject with errno EACCES ; = ; OK ours
meta cgroupv2 "user.slice" accept ; = ; OK ours
meta day mon ; meta day "Monday" ; OK ours
meta day { Sat, 0 } drop ; meta day { "Saturday", "Sunday" } drop ; OK ours
meta hour "22:00"-"06:00" drop ; = ; OK ours
icmpv6 parameter-problem 5 ; = ; OK ours
meta nfproto ipv4 ct original saddr 1.2.3.4 ; meta nfproto ipv4 ct original ip saddr 1.2.3.4 ; OK ours
ether type ip6 ct reply saddr 1::1 ; ether type ip6 ct reply ip6 saddr 1::1 ; OK ours
:file
table inet t { chain edge { type filter hook xdp device "eth0"; policy accept; ip saddr 1.2.3.4 drop; } } ; table inet t {\n\tchain edge {\n\t\ttype filter hook xdp device "eth0"; policy accept;\n\t\tip saddr 1.2.3.4 drop\n\t}\n} ; OK ours
table inet t { chain edge { type filter hook xdp devices = { eth0, eth1 } mode native priority 5; policy drop; } } ; table inet t {\n\tchain edge {\n\t\ttype filter hook xdp devices = { "eth0", "eth1" } mode native priority filter + 5; policy drop;\n\t}\n} ; OK ours
table inet t { chain edge { type filter hook xdp device eth0 mode generic; } } ; table inet t {\n\tchain edge {\n\t\ttype filter hook xdp device "eth0" mode generic; policy accept;\n\t}\n} ; OK ours
table inet t { chain edge { type filter hook xdp device eth0 mode fast; } } ; - ; FAIL 67: expected 'native', 'generic' or 'offload', found 'fast'
table inet t { chain edge { type filter hook xdp; } } ; - ; FAIL 29: hook xdp needs a device: device "eth0"
table inet t { chain edge { type filter hook xdp cgroup "/"; } } ; - ; FAIL 29: hook xdp needs a device: device "eth0"
table inet t { chain c { type filter hook ingress cgroup "/user.slice"; policy drop; } } ; table inet t {\n\tchain c {\n\t\ttype filter hook ingress cgroup "/user.slice"; policy drop;\n\t}\n} ; OK ours
table inet t { chain c { type filter hook egress device "eth0" priority 0; policy accept; } } ; table inet t {\n\tchain c {\n\t\ttype filter hook egress device "eth0" priority filter; policy accept;\n\t}\n} ; OK ours
table inet t { chain c { type filter hook ingress device eth0 cgroup "/"; } } ; - ; FAIL 26: hook ingress needs a device or a control group
table inet t { chain c { type filter hook egress; } } ; - ; FAIL 26: hook egress needs a device or a control group
table ip t { chain c { type filter hook connect4 cgroup "/"; policy accept; meta skuid 1000 tcp dport 25 reject with errno EACCES; } } ; table ip t {\n\tchain c {\n\t\ttype filter hook connect4 cgroup "/"; policy accept;\n\t\tmeta skuid 1000 tcp dport 25 reject with errno EACCES\n\t}\n} ; OK ours
table inet t { chain c { type filter hook connect6 cgroup "/x/y"; } } ; table inet t {\n\tchain c {\n\t\ttype filter hook connect6 cgroup "/x/y"; policy accept;\n\t}\n} ; OK ours
table inet t { chain c { type filter hook sendmsg4 cgroup "/" priority filter; udp dport 53 accept; } } ; table inet t {\n\tchain c {\n\t\ttype filter hook sendmsg4 cgroup "/" priority filter; policy accept;\n\t\tudp dport 53 accept\n\t}\n} ; OK ours
table inet t { chain c { type filter hook sendmsg6 cgroup "/"; } } ; table inet t {\n\tchain c {\n\t\ttype filter hook sendmsg6 cgroup "/"; policy accept;\n\t}\n} ; OK ours
table ip6 t { chain c { type filter hook connect4 cgroup "/"; } } ; - ; FAIL 42: tables of family ip6 have no hook 'connect4'
table ip t { chain c { type filter hook connect4; } } ; - ; FAIL 24: connect4 needs a control group: cgroup "/"
table ip t { chain c { type filter hook connect4 device lo; } } ; - ; FAIL 24: connect4 needs a control group: cgroup "/"
table inet t { chain c { type sockops cgroup "/"; tcp dport 12345 set rto 20s; } } ; table inet t {\n\tchain c {\n\t\ttype sockops cgroup "/";\n\t\ttcp dport 12345 set rto 20s\n\t}\n} ; OK ours
table inet t { chain c { type sockops; } } ; - ; FAIL 26: sockops needs a control group: cgroup "/"
table inet t { chain c { type sockops hook input priority 0; } } ; - ; FAIL 39: expected 'device', 'cgroup', 'priority' or ';', found 'hook'
table inet t { chain c { type filter hook input mode native priority 0; } } ; - ; FAIL 61: expected 'priority': only xdp has modes, found 'priority'
table inet t { chain c { type filter hook input device lo priority 0; } } ; - ; FAIL 26: hook input is not of a device or a control group
