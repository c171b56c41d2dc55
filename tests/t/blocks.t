# Tables, chains, sets, maps, objects, variables. See rules.t.
:file
table t { } ; table ip t {\n} ; OK
table ip t { } ; table ip t {\n} ; OK
table ip6 t { } ; table ip6 t {\n} ; OK
table inet t { } ; table inet t {\n} ; OK
table netdev t { } ; table netdev t {\n} ; OK
table arp t { } ; table arp t {\n} ; OK
table bridge t { } ; table bridge t {\n} ; OK
table inet t {\n} ; = ; OK
table inet t {\n}\ntable ip u {\n} ; = ; OK
table inet t { comment "hello"; } ; table inet t {\n\tcomment "hello"\n} ; OK
table inet t { flags dormant; } ; table inet t {\n\tflags dormant\n} ; OK
table inet t { flags dormant; comment "x"; chain c { }; } ; table inet t {\n\tflags dormant\n\tcomment "x"\n\n\tchain c {\n\t}\n} ; OK
# a comment to the end of the line \ntable ip t { # here too\n\tchain c { # and here\n\t} # and\n} # the end ; - ; OK
table inet t { chain c { }; } ; table inet t {\n\tchain c {\n\t}\n} ; OK
table inet t { chain c { accept; }; } ; table inet t {\n\tchain c {\n\t\taccept\n\t}\n} ; OK
table inet t {\nchain c {\naccept\n}\n} ; table inet t {\n\tchain c {\n\t\taccept\n\t}\n} ; OK
table inet t { chain c { accept }; } ; table inet t {\n\tchain c {\n\t\taccept\n\t}\n} ; OK ours
table inet t { chain c { comment "x"; accept; }; } ; table inet t {\n\tchain c {\n\t\tcomment "x"\n\t\taccept\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority 0; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority filter; policy drop; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority filter; policy accept; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority filter + 10; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter + 10; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority filter - 10; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter - 10; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority filter-10; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter - 10; policy accept;\n\t}\n} ; OK ours
table inet t { chain c { type filter hook input priority filter + 11; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority 11; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority -150; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority mangle; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority -145; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority mangle + 5; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority 12345; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority 12345; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority -12345; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority -12345; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority raw; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority raw; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority mangle; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority mangle; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook prerouting priority dstnat; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook prerouting priority dstnat; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook postrouting priority srcnat; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook postrouting priority srcnat; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook forward priority security; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook forward priority security; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook output priority 100; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook output priority 100; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook postrouting priority 100; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook postrouting priority srcnat; policy accept;\n\t}\n} ; OK
table inet t { chain c { type filter hook input priority dstnat; }; } ; - ; FAIL 58: hook input has no priority 'dstnat'
table inet t { chain c { type filter hook input priority fliter; }; } ; - ; FAIL 58: unknown priority 'fliter'; did you mean 'filter'?
table inet t { chain c { type filter hook input; }; } ; - ; FAIL 26: hook input needs a priority: priority filter
table inet t { chain c { type filter hook inptu priority 0; }; } ; - ; FAIL 43: unknown hook 'inptu'; did you mean 'input'?
table inet t { chain c { type filter hook sockops cgroup "/"; }; } ; - ; FAIL 43: what connections are given is said by chains of a type of their own: type sockops cgroup "/"
table inet t { chain c { type fliter hook input priority 0; }; } ; - ; FAIL 31: unknown chain type 'fliter'; did you mean 'filter'?
table inet t { chain c { type nat hook postrouting priority srcnat; }; } ; - ; FAIL 31: chains of type nat are nft's, bpfilter filters: leave them in a table of nft's
table inet t { chain c { type route hook output priority 0; }; } ; - ; FAIL 31: chains of type route are nft's, bpfilter filters: leave them in a table of nft's
table inet t { chain c { type filter hook input priority 99999999999; }; } ; - ; FAIL 58: a priority is at most 2147483647
table inet t { chain c { type filter hook input priority 0; policy reject; }; } ; - ; FAIL 68: expected 'accept' or 'drop', found 'reject'
table inet t { chain c { type filter hook input priority 0; type filter hook output priority 0; }; } ; - ; FAIL 61: the chain has a type already
table netdev t { chain c { type filter hook ingress device lo priority 0; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook ingress device "lo" priority filter; policy accept;\n\t}\n} ; OK
table netdev t { chain c { type filter hook ingress device "lo" priority filter; policy accept; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook ingress device "lo" priority filter; policy accept;\n\t}\n} ; OK
table netdev t { chain c { type filter hook ingress devices = { lo } priority -500; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook ingress devices = { "lo" } priority -500; policy accept;\n\t}\n} ; OK
table netdev t { chain c { type filter hook egress device lo priority 0; policy drop; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook egress device "lo" priority filter; policy drop;\n\t}\n} ; OK
table netdev t { chain c { type filter hook input priority 0; }; } ; - ; FAIL 45: tables of family netdev have no hook 'input'
table netdev t { chain c { type filter hook ingress priority 0; }; } ; - ; FAIL 28: hook ingress needs a device or a control group
table inet t { chain c { type filter hook ingress device lo priority 0; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook ingress device "lo" priority filter; policy accept;\n\t}\n} ; OK
table inet t { chain a { }\nchain b { jump a; }; } ; table inet t {\n\tchain a {\n\t}\n\n\tchain b {\n\t\tjump a\n\t}\n} ; OK
table inet t { chain a { }; chain b { jump a; goto a; }; } ; table inet t {\n\tchain a {\n\t}\n\n\tchain b {\n\t\tjump a\n\t\tgoto a\n\t}\n} ; OK
table inet t { chain a { }; chain b { tcp dport 22 jump a; goto a; }; } ; table inet t {\n\tchain a {\n\t}\n\n\tchain b {\n\t\ttcp dport 22 jump a\n\t\tgoto a\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n} ; OK
table inet t { set s { type ipv6_addr; flags interval; elements = { ::1, 2001:db8::/32 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv6_addr\n\t\tflags interval\n\t\telements = { ::1, 2001:db8::/32 }\n\t}\n} ; OK
table inet t { set s { type inet_service; flags interval; elements = { 22, 80-90, ssh }; }; } ; table inet t {\n\tset s {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = { 22, 80-90, 22 }\n\t}\n} ; OK
table inet t { set s { type inet_service; flags interval; elements = { ssh, 80-90 }; }; } ; table inet t {\n\tset s {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = { 22, 80-90 }\n\t}\n} ; OK
table inet t { set s { type ether_addr; elements = { 00:11:22:33:44:55 }; }; } ; table inet t {\n\tset s {\n\t\ttype ether_addr\n\t\telements = { 00:11:22:33:44:55 }\n\t}\n} ; OK
table inet t { set s { type inet_proto; elements = { tcp, udp, 89 }; }; } ; table inet t {\n\tset s {\n\t\ttype inet_proto\n\t\telements = { tcp, udp, ospf }\n\t}\n} ; OK
table inet t { set s { type mark; elements = { 1, 0x2 }; }; } ; table inet t {\n\tset s {\n\t\ttype mark\n\t\telements = { 0x00000001, 0x00000002 }\n\t}\n} ; OK
table inet t { set s { type ifname; elements = { "eth0", lo, "wg0" }; }; } ; table inet t {\n\tset s {\n\t\ttype ifname\n\t\telements = { "eth0", "lo", "wg0" }\n\t}\n} ; OK
table inet t { set s { type ifname; flags interval; elements = { "eth0", "wg*" }; }; } ; table inet t {\n\tset s {\n\t\ttype ifname\n\t\tflags interval\n\t\telements = { "eth0", "wg*" }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr . inet_service; elements = { 1.2.3.4 . 80 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr . inet_service\n\t\telements = { 1.2.3.4 . 80 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-90, 1.2.3.4 . 22 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr . inet_service\n\t\tflags interval\n\t\telements = { 10.0.0.0/8 . 80-90, 1.2.3.4 . 22 }\n\t}\n} ; OK
table inet t { set s { type ifname . ipv4_addr . inet_proto . inet_service; elements = { "lo" . 1.2.3.4 . tcp . 80 }; }; } ; table inet t {\n\tset s {\n\t\ttype ifname . ipv4_addr . inet_proto . inet_service\n\t\telements = { "lo" . 1.2.3.4 . tcp . 80 }\n\t}\n} ; OK
table inet t { set s { type ct_state; elements = { new, established }; }; } ; table inet t {\n\tset s {\n\t\ttype ct_state\n\t\telements = { new, established }\n\t}\n} ; OK
table inet t { set s { type ct_state . mark; elements = { new . 0x5 }; }; } ; table inet t {\n\tset s {\n\t\ttype ct_state . mark\n\t\telements = { new . 0x00000005 }\n\t}\n} ; OK
table inet t { set s { type icmp_type; elements = { echo-request, 13 }; }; } ; table inet t {\n\tset s {\n\t\ttype icmp_type\n\t\telements = { echo-request, timestamp-request }\n\t}\n} ; OK
table inet t { set s { type icmpv6_type; elements = { echo-request, nd-neighbor-solicit }; }; } ; table inet t {\n\tset s {\n\t\ttype icmpv6_type\n\t\telements = { echo-request, nd-neighbor-solicit }\n\t}\n} ; OK
table inet t { set s { type pkt_type; elements = { broadcast, other }; }; } ; table inet t {\n\tset s {\n\t\ttype pkt_type\n\t\telements = { broadcast, other }\n\t}\n} ; OK
table inet t { set s { type dscp; elements = { cs1, 5 }; }; } ; table inet t {\n\tset s {\n\t\ttype dscp\n\t\telements = { cs1, 0x05 }\n\t}\n} ; OK
table inet t { set s { type uid; elements = { 0, 1000 }; }; } ; table inet t {\n\tset s {\n\t\ttype uid\n\t\telements = { 0, 1000 }\n\t}\n} ; OK
table inet t { set s { type ether_type; elements = { ip, ip6, 0x1234 }; }; } ; table inet t {\n\tset s {\n\t\ttype ether_type\n\t\telements = { ip, ip6, 0x1234 }\n\t}\n} ; OK
table inet t { set s { type iface_index; elements = { lo }; }; } ; table inet t {\n\tset s {\n\t\ttype iface_index\n\t\telements = { "lo" }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags interval; auto-merge; elements = { 1.2.3.4, 1.2.3.5 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\tauto-merge\n\t\telements = { 1.2.3.4, 1.2.3.5 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags timeout; timeout 1h; elements = { 1.2.3.4 timeout 30s, 1.2.3.5 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\ttimeout 1h\n\t\telements = { 1.2.3.4 timeout 30s, 1.2.3.5 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags timeout; elements = { 1.2.3.4 timeout 30s expires 20s comment "x" }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\telements = { 1.2.3.4 timeout 30s expires 20s comment "x" }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; timeout 1d2h3m4s; gc-interval 5m; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\ttimeout 1d2h3m4s\n\t\tgc-interval 5m\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags dynamic,timeout; size 65535; timeout 30s; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tsize 65535\n\t\tflags dynamic,timeout\n\t\ttimeout 30s\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags constant; elements = { 1.1.1.1 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags constant\n\t\telements = { 1.1.1.1 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags constant,interval; elements = { 1.1.1.1 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags constant,interval\n\t\telements = { 1.1.1.1 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; policy memory; size 100; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tpolicy memory\n\t\tsize 100\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; policy performance; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; counter; elements = { 1.2.3.4 counter packets 5 bytes 10 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tcounter\n\t\telements = { 1.2.3.4 counter packets 5 bytes 10 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; counter; elements = { 1.2.3.4 counter packets 5 bytes 10 comment "x", 1.2.3.5 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tcounter\n\t\telements = { 1.2.3.4 counter packets 5 bytes 10 comment "x", 1.2.3.5 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags dynamic; size 100; limit rate 5/second; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tsize 100\n\t\tflags dynamic\n\t\tlimit rate 5/second\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags dynamic; size 100; quota over 5 mbytes; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tsize 100\n\t\tflags dynamic\n\t\tquota over 5 mbytes\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; flags dynamic; size 100; ct count over 5; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tsize 100\n\t\tflags dynamic\n\t\tct count over 5\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; comment "hello"; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tcomment "hello"\n\t}\n} ; OK
table inet t { set s { typeof ip saddr; }; } ; table inet t {\n\tset s {\n\t\ttypeof ip saddr\n\t}\n} ; OK
table inet t { set s { typeof ip saddr . tcp dport; elements = { 1.2.3.4 . 80 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof ip saddr . tcp dport\n\t\telements = { 1.2.3.4 . 80 }\n\t}\n} ; OK
table inet t { set s { typeof ip saddr . meta mark; elements = { 1.2.3.4 . 8 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof ip saddr . meta mark\n\t\telements = { 1.2.3.4 . 0x00000008 }\n\t}\n} ; OK
table inet t { set s { typeof vlan id; elements = { 5, 4000 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof vlan id\n\t\telements = { 5, 4000 }\n\t}\n} ; OK
table inet t { set s { typeof vlan id; elements = { 5000 }; }; } ; - ; FAIL 53: the number does not fit in 12 bits
table inet t { set s { typeof tcp option maxseg size; elements = { 1400 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof tcp option maxseg size\n\t\telements = { 1400 }\n\t}\n} ; OK
table inet t { set s { typeof ct state . iifname; elements = { new . "lo" }; }; } ; table inet t {\n\tset s {\n\t\ttypeof ct state . iifname\n\t\telements = { new . "lo" }\n\t}\n} ; OK
table inet t { set s { typeof ct original ip saddr; elements = { 1.2.3.4 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof ct original ip saddr\n\t\telements = { 1.2.3.4 }\n\t}\n} ; OK
table inet t { set s { typeof meta l4proto . th dport; elements = { tcp . 53, udp . 53 }; }; } ; table inet t {\n\tset s {\n\t\ttypeof meta l4proto . th dport\n\t\telements = { tcp . 53, udp . 53 }\n\t}\n} ; OK
table inet t { set s { typeof meta hour; elements = { "17:00" }; }; } ; table inet t {\n\tset s {\n\t\ttypeof meta hour\n\t\telements = { "17:00" }\n\t}\n} ; OK
table inet t { set s { elements = { 1.2.3.4 }; type ipv4_addr; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.2.3.4 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr\nflags interval\nelements = {\n1.1.1.1,\n2.2.2.2-2.2.2.9,\n10.0.0.0/8\n}\n}\n} ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 1.1.1.1, 2.2.2.2-2.2.2.9, 10.0.0.0/8 }\n\t}\n} ; OK
table inet t { set s { type ipv4_addr; elements = { 1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5, 6.6.6.6, 7.7.7.7, 8.8.8.8, 9.9.9.9, 10.10.10.10, 11.11.11.11 }; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5, 6.6.6.6, 7.7.7.7, 8.8.8.8, 9.9.9.9, 10.10.10.10,\n\t\t\t     11.11.11.11 }\n\t}\n} ; OK
table inet t { set s { }; } ; - ; FAIL 20: a set needs a type
table inet t { set s { type ipv4_adr; }; } ; - ; FAIL 29: unknown type 'ipv4_adr'; did you mean 'ipv4_addr'?
table inet t { set s { type ipv4_addr : mark; }; } ; - ; FAIL 39: a set has no data; a map has
table inet t { set s { type verdict; }; } ; - ; FAIL 29: unknown type 'verdict'
table inet t { set s { type ipv4_addr; type ipv6_addr; }; } ; - ; FAIL 45: the type is there already
table inet t { set s { type ipv4_addr; flags intervl; }; } ; - ; FAIL 46: unknown flag 'intervl'; did you mean 'interval'?
table inet t { set s { type ipv4_addr; timeout fast; }; } ; - ; FAIL 48: expected a time like 30s or 1d2h3m, found 'fast'
table inet t { set s { type ipv4_addr; elements = { 1.2.3.4 : 5 }; }; } ; - ; FAIL 63: an element of a set has no data; those of maps have
table inet t { set s { type ipv4_addr; elements = { 1.2.3.4 . 80 }; }; } ; - ; FAIL 53: 2 parts, the key has 1
table inet t { set s { type ipv4_addr . inet_service; elements = { 1.2.3.4 }; }; } ; - ; FAIL 68: one value, the key has 2 parts
table inet t { set s { type ipv4_addr; elements = { fe80::1 }; }; } ; - ; FAIL 53: an IPv6 address where the type is ipv4_addr
table inet t { set s { type ipv4_addr; elements { 1.1.1.1 }; }; } ; - ; FAIL 49: expected '=', found '{'
table inet t { set s { type ipv4_addr; sise 5; }; } ; - ; FAIL 40: a set has no 'sise'; did you mean 'size'?
table inet t { set s { type inet_service; elements = { 1, 2, 70000, 3 }; }; } ; - ; FAIL 62: the number does not fit in 16 bits
table inet t { map m { type ipv4_addr : mark; }; } ; table inet t {\n\tmap m {\n\t\ttype ipv4_addr : mark\n\t}\n} ; OK
table inet t { map m { type ipv4_addr : mark; elements = { 1.2.3.4 : 5, 1.2.3.5 : 0x10 }; }; } ; table inet t {\n\tmap m {\n\t\ttype ipv4_addr : mark\n\t\telements = { 1.2.3.4 : 0x00000005, 1.2.3.5 : 0x00000010 }\n\t}\n} ; OK
table inet t { map m { type ipv4_addr : verdict; elements = { 1.2.3.4 : accept, 1.2.3.5 : drop }; }; } ; table inet t {\n\tmap m {\n\t\ttype ipv4_addr : verdict\n\t\telements = { 1.2.3.4 : accept, 1.2.3.5 : drop }\n\t}\n} ; OK
table inet t { map m { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/8 : jump c, * : drop }; }; chain c { }; } ; table inet t {\n\tmap m {\n\t\ttype ipv4_addr : verdict\n\t\tflags interval\n\t\telements = { 10.0.0.0/8 : jump c, * : drop }\n\t}\n\n\tchain c {\n\t}\n} ; OK
table inet t { map m { type inet_service : ipv4_addr; elements = { 80 : 1.2.3.4, 443 : 1.2.3.5 }; }; } ; table inet t {\n\tmap m {\n\t\ttype inet_service : ipv4_addr\n\t\telements = { 80 : 1.2.3.4, 443 : 1.2.3.5 }\n\t}\n} ; OK
table inet t { map m { type inet_service : ipv4_addr . inet_service; elements = { 80 : 1.2.3.4 . 8080 }; }; } ; table inet t {\n\tmap m {\n\t\ttype inet_service : ipv4_addr . inet_service\n\t\telements = { 80 : 1.2.3.4 . 8080 }\n\t}\n} ; OK
table inet t { map m { type ipv4_addr . inet_service : verdict; flags interval; elements = { 10.0.0.0/8 . 1-1024 : drop }; }; } ; table inet t {\n\tmap m {\n\t\ttype ipv4_addr . inet_service : verdict\n\t\tflags interval\n\t\telements = { 10.0.0.0/8 . 1-1024 : drop }\n\t}\n} ; OK
table inet t { map m { typeof ip saddr : meta mark; elements = { 1.2.3.4 : 5 }; }; } ; table inet t {\n\tmap m {\n\t\ttypeof ip saddr : meta mark\n\t\telements = { 1.2.3.4 : 0x00000005 }\n\t}\n} ; OK
table inet t { map m { typeof ip saddr . tcp dport : verdict; elements = { 1.2.3.4 . 80 : accept }; }; } ; table inet t {\n\tmap m {\n\t\ttypeof ip saddr . tcp dport : verdict\n\t\telements = { 1.2.3.4 . 80 : accept }\n\t}\n} ; OK
table inet t { map m { typeof ip saddr : meta mark; flags timeout; elements = { 10.0.0.1 timeout 5m comment "e" : 0x5 }; }; } ; table inet t {\n\tmap m {\n\t\ttypeof ip saddr : meta mark\n\t\tflags timeout\n\t\telements = { 10.0.0.1 timeout 5m comment "e" : 0x00000005 }\n\t}\n} ; OK
table inet t { counter cc { }; map m { type ipv4_addr : counter; elements = { 1.2.3.4 : "cc" }; }; } ; table inet t {\n\tcounter cc {\n\t}\n\n\tmap m {\n\t\ttype ipv4_addr : counter\n\t\telements = { 1.2.3.4 : "cc" }\n\t}\n} ; OK
table inet t { quota q { over 5 bytes; }; map m { type ipv4_addr : quota; elements = { 1.2.3.4 : "q" }; }; } ; table inet t {\n\tquota q {\n\t\tover 5 bytes\n\t}\n\n\tmap m {\n\t\ttype ipv4_addr : quota\n\t\telements = { 1.2.3.4 : "q" }\n\t}\n} ; OK
table inet t { limit l { rate 5/second; }; map m { type ipv4_addr : limit; elements = { 1.2.3.4 : "l" }; }; } ; table inet t {\n\tlimit l {\n\t\trate 5/second\n\t}\n\n\tmap m {\n\t\ttype ipv4_addr : limit\n\t\telements = { 1.2.3.4 : "l" }\n\t}\n} ; OK
table inet t { map m { type ipv4_addr; }; } ; - ; FAIL 38: expected ':' and the type of the data, found ';'
table inet t { map m { type ipv4_addr : verdict; elements = { 1.2.3.4 : 5 }; }; } ; - ; FAIL 73: expected a verdict: accept, drop, jump, ...
table inet t { map m { type ipv4_addr : mark; elements = { 1.2.3.4 : accept }; }; } ; - ; FAIL 70: a verdict where the type is mark
table inet t { map m { type ipv4_addr : mark; elements = { 1.2.3.4 : 0x1ffffffff }; }; } ; - ; FAIL 70: the number does not fit in 32 bits
table inet t { counter c { packets 5 bytes 10; }; } ; table inet t {\n\tcounter c {\n\t\tpackets 5 bytes 10\n\t}\n} ; OK
table inet t { counter c { packets 5 bytes 10; comment "x"; }; } ; table inet t {\n\tcounter c {\n\t\tcomment "x"\n\t\tpackets 5 bytes 10\n\t}\n} ; OK
table inet t { counter c { packets 5; }; } ; - ; FAIL 37: expected 'bytes', found ';'
table inet t { quota q { over 25 mbytes; }; } ; table inet t {\n\tquota q {\n\t\tover 25 mbytes\n\t}\n} ; OK
table inet t { quota q { 3 kbytes used 2 bytes; comment "z"; }; } ; table inet t {\n\tquota q {\n\t\tcomment "z"\n\t\t3 kbytes used 2 bytes\n\t}\n} ; OK
table inet t { quota q { until 1500 bytes; }; } ; table inet t {\n\tquota q {\n\t\t1500 bytes\n\t}\n} ; OK
table inet t { quota q { }; } ; - ; FAIL 22: a quota needs to say how many bytes
table inet t { quota q { 5 tbytes; }; } ; - ; FAIL 28: expected 'bytes', 'kbytes' or 'mbytes', found 'tbytes'
table inet t { limit l { rate over 5/minute burst 10 packets; comment "z"; }; } ; table inet t {\n\tlimit l {\n\t\tcomment "z"\n\t\trate over 5/minute burst 10 packets\n\t}\n} ; OK
table inet t { limit l { rate 1 mbytes/second; }; } ; table inet t {\n\tlimit l {\n\t\trate 1 mbytes/second\n\t}\n} ; OK
table inet t { limit l { rate 400/minute; }; } ; table inet t {\n\tlimit l {\n\t\trate 400/minute\n\t}\n} ; OK
table inet t { limit l { rate 5/fortnight; }; } ; - ; FAIL 33: unknown unit of time 'fortnight'
table inet t { limit l { }; } ; - ; FAIL 22: a limit needs to say its rate
table inet t { ct helper h { type "ftp" protocol tcp; }; } ; - ; FAIL 16: nft's 'ct' is not served by bpfilter
table inet t { flowtable f { hook ingress priority 0; devices = { lo }; }; } ; - ; FAIL 16: nft's 'flowtable' is not served by bpfilter
table inet t { synproxy s { mss 1460; wscale 7; }; } ; - ; FAIL 16: nft's 'synproxy' is not served by bpfilter
table inet t { chian c { accept; }; } ; - ; FAIL 16: a table has no 'chian'; did you mean 'chain'?
table inte t { chain c { accept; }; } ; - ; FAIL 7: unknown family 'inte'; did you mean 'inet'?
list table inte t ; - ; FAIL 12: unknown family 'inte'; did you mean 'inet'?
table inet t { chain c { accept;  ; - ; FAIL 33: expected '}', found the end of the file
table inet t { chain c { tcp dport 22 accept;\nchain d { drop; }; } ; - ; FAIL 2:1: a '}' is missing before this
table inet t { }; } ; - ; FAIL 19: this '}' closes nothing
table inet t { chain c { tcp dport { 22, 80 accept; }; } ; - ; FAIL 45: expected ',', 'timeout', 'comment', 'counter', 'limit', 'quota' or the end of the element, found 'accept'
table inet t { chain c { tcp dport vmap { 22 : accept, 80 : drop }; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport vmap { 22 : accept, 80 : drop }\n\t}\n} ; OK
table inet t { chain c { ip saddr {\n1.1.1.1,\n2.2.2.2\n} accept\n}\n} ; table inet t {\n\tchain c {\n\t\tip saddr { 1.1.1.1, 2.2.2.2 } accept\n\t}\n} ; OK
table inet t { chain c { ip saddr { 1.1.1.1, \\n2.2.2.2 } \\n accept; }; } ; table inet t {\n\tchain c {\n\t\tip saddr { 1.1.1.1, 2.2.2.2 } accept\n\t}\n} ; OK
define x = 22\ntable inet t { chain c { tcp dport $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n} ; OK
define x = { 22, 80 }\ntable inet t { chain c { tcp dport $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport { 22, 80 } accept\n\t}\n} ; OK
define x = { 22, 80 }\ndefine y = { $x, 443 }\ntable inet t { chain c { tcp dport $y accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport { 22, 80, 443 } accept\n\t}\n} ; OK
define a = 10.0.0.0/8\ndefine b = 192.168.0.0/16\ntable inet t { chain c { ip saddr { $a, $b } accept; }; } ; table inet t {\n\tchain c {\n\t\tip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept\n\t}\n} ; OK
define a = 10.0.0.1\ntable inet t { chain c { ip saddr $a-10.0.0.9 accept; }; } ; table inet t {\n\tchain c {\n\t\tip saddr 10.0.0.1-10.0.0.9 accept\n\t}\n} ; OK ours
define a = 10.0.0.0\ntable inet t { chain c { ip saddr $a/8 accept; }; } ; table inet t {\n\tchain c {\n\t\tip saddr 10.0.0.0/8 accept\n\t}\n} ; OK ours
define ifs = { eth0, "lo" }\ntable inet t { chain c { iifname $ifs accept; }; } ; table inet t {\n\tchain c {\n\t\tiifname { "eth0", "lo" } accept\n\t}\n} ; OK
define if = lo\ntable inet t { chain c { iif $if accept; iifname $if drop; }; } ; table inet t {\n\tchain c {\n\t\tiif "lo" accept\n\t\tiifname "lo" drop\n\t}\n} ; OK
define x = 22\nredefine x = 23\ntable inet t { chain c { tcp dport $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 23 accept\n\t}\n} ; OK
define x = 22\nundefine x\ntable inet t { chain c { tcp dport $x accept; }; } ; - ; FAIL 3:36: unknown variable 'x'
table inet t { define x = 22; chain c { tcp dport $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n} ; OK
table inet t { chain c { define x = 22; tcp dport $x accept; }\nchain d { tcp dport $x accept; }; } ; - ; FAIL 2:21: unknown variable 'x'
define x = 22\ntable inet t { chain c { define x = 23; tcp dport $x accept; }\nchain d { tcp dport $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 23 accept\n\t}\n\n\tchain d {\n\t\ttcp dport 22 accept\n\t}\n} ; OK ours
define x = 22\ndefine x = 23 ; - ; FAIL 2:8: 'x' is defined already; redefine changes it
undefine nothing ; - ; FAIL 10: unknown variable 'nothing'
define pol = drop\ntable inet t { chain c { type filter hook input priority 0; policy $pol; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n} ; OK ours
define p = 10\ntable inet t { chain c { type filter hook input priority $p; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter + 10; policy accept;\n\t}\n} ; OK
define p = filter\ntable inet t { chain c { type filter hook input priority $p; }; } ; table inet t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n} ; OK
define d = lo\ntable netdev t { chain c { type filter hook ingress device $d priority 0; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook ingress device "lo" priority filter; policy accept;\n\t}\n} ; OK
define d = { lo }\ntable netdev t { chain c { type filter hook ingress devices = $d priority 0; }; } ; table netdev t {\n\tchain c {\n\t\ttype filter hook ingress devices = { "lo" } priority filter; policy accept;\n\t}\n} ; OK ours
define to = other\ntable inet t { chain other { }; chain c { jump $to; }; } ; table inet t {\n\tchain other {\n\t}\n\n\tchain c {\n\t\tjump other\n\t}\n} ; OK
define els = { 1.1.1.1, 2.2.2.2 }\ntable inet t { set s { type ipv4_addr; elements = $els; }; } ; table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.1.1.1, 2.2.2.2 }\n\t}\n} ; OK
define m = { 1.1.1.1 : accept, 2.2.2.2 : drop }\ntable inet t { chain c { ip saddr vmap $m; }; } ; table inet t {\n\tchain c {\n\t\tip saddr vmap { 1.1.1.1 : accept, 2.2.2.2 : drop }\n\t}\n} ; OK ours
define l = "log me "\ntable inet t { chain c { log prefix $l; }; } ; table inet t {\n\tchain c {\n\t\tlog prefix "log me "\n\t}\n} ; OK ours
define s = established,related\ntable inet t { chain c { ct state $s accept; }; } ; table inet t {\n\tchain c {\n\t\tct state established,related accept\n\t}\n} ; OK
define x = 70000\ntable inet t { chain c { tcp dport $x accept; meta mark $x accept; }; } ; - ; FAIL 2:36: the number does not fit in 16 bits
define x = 5\ntable inet t { chain c { tcp dport $x accept; meta mark $x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 5 accept\n\t\tmeta mark 0x00000005 accept\n\t}\n} ; OK
include "/nowhere" ; - ; FAIL 9: includes are not allowed here
define ok = "x y"\ntable ip t { chain c { log prefix "a $ok b"; log prefix "$ok"; log prefix "a$ok-c"; }; } ; table ip t {\n\tchain c {\n\t\tlog prefix "a x y b"\n\t\tlog prefix "x y"\n\t\tlog prefix "ax y-c"\n\t}\n} ; OK
define ok = 5\ntable ip t { chain c { log prefix "a $ok b"; }; } ; - ; FAIL 2:35: no text is in the variable 'ok'
define x = 22\ntable inet t { chain c { tcp dport $ x accept; }; } ; table inet t {\n\tchain c {\n\t\ttcp dport 22 accept\n\t}\n} ; OK
table netdev t { chain c { type filter hook ingress devices = { } priority 0; }; } ; - ; FAIL 63: a set of nothing
