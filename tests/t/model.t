# What rules mean. Input ; model rules ; result. Written anew by t_model --update: look at the diff. See model.c.
:in inet type filter hook input priority 0
fib daddr type local drop ; fib daddr type 2 counter drop ; OK
fib saddr . iif oif missing drop ; fib saddr . iif oif 0 counter drop ; OK
fib saddr . mark . iif oifname "eth0" ; fib saddr . mark . iif oifname "eth0" counter ; OK
fib saddr oif exists ; fib saddr oif 1-4294967295 counter ; OK
fib daddr type != { local, broadcast } ; fib daddr type != 2-3 counter ; OK
fib daddr . oif type local ; - ; FAIL 1: 'fib daddr . oif type' cannot be had at hook input; it can at: forward, output, postrouting
fib saddr . daddr type local ; - ; FAIL 1: 'fib saddr . daddr type' is not served: one address is looked up: saddr or daddr
fib saddr . iif . oif type local ; - ; FAIL 1: 'fib saddr . iif . oif type' is not served: either iif or oif
fib saddr . oif oif 0 ; - ; FAIL 1: 'fib saddr . oif oif' is not served: by which device: from daddr or saddr, mark and iif
fib daddr . mark type local meta mark set 1 ; - ; FAIL 1: 'fib daddr . mark type': it is looked up before a rule of this table sets the mark; set it in a table of its own
socket transparent 1 accept ; socket transparent 1 counter accept ; OK
socket mark 5-8 ; socket mark 5-8 counter ; OK
socket cgroupv2 level 1 7 ; socket cgroupv2 level 1 0x7 counter ; OK
accept ; counter accept ; OK
drop ; counter drop ; OK
continue ; counter ; OK
return ; counter return ; OK
jump other ; counter jump other ; OK
goto other ; counter goto other ; OK
jump othr ; - ; FAIL 6: the table has no chain 'othr'; did you mean 'other'?
jump base ; - ; FAIL 6: 'base' stands at a hook: nothing can go there from another chain
accept drop ; - ; FAIL 8: nothing behind a verdict has an effect
ip saddr 1.2.3.4 ; meta nfproto 2 ip saddr 1.2.3.4/32 counter ; OK
ip saddr != 1.2.3.4 ; meta nfproto 2 ip saddr != 1.2.3.4/32 counter ; OK
ip saddr 10.0.0.0/8 drop ; meta nfproto 2 ip saddr 10.0.0.0/8 counter drop ; OK
ip saddr 10.0.0.1-10.0.0.7 ; meta nfproto 2 ip saddr 10.0.0.1-10.0.0.7 counter ; OK
ip saddr { 10.0.0.0/8, 192.168.0.1-192.168.0.5, 1.1.1.1 } ; meta nfproto 2 ip saddr { 1.1.1.1, 10.0.0.0-10.255.255.255, 192.168.0.1-192.168.0.5 } counter ; OK
ip saddr != { 1.1.1.1, 1.1.1.2 } accept ; meta nfproto 2 ip saddr != 1.1.1.1-1.1.1.2 counter accept ; OK
ip saddr & 255.255.255.0 == 10.0.0.0 ; meta nfproto 2 ip saddr 10.0.0.0/24 counter ; OK
ip saddr > 10.0.0.0 ; meta nfproto 2 ip saddr 10.0.0.1-255.255.255.255 counter ; OK
ip saddr < 0.0.0.0 ; meta nfproto 2 ip saddr != 0.0.0.0-255.255.255.255 counter ; OK
ip6 saddr 2001:db8::/32 ; meta nfproto 10 ip6 saddr 2001:db8::/32 counter ; OK
ip6 saddr { ::1, fe80::/10 } ; meta nfproto 10 ip6 saddr { ::1, fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff } counter ; OK
tcp dport 22 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter ; OK
tcp dport != 22 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport != 22 counter ; OK
tcp dport { 22, 80-90 } accept ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport { 22, 80-90 } counter accept ; OK
tcp dport > 1024 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 1025-65535 counter ; OK
tcp dport >= 65535 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 65535 counter ; OK
tcp dport > 65535 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport != 0-65535 counter ; OK
tcp dport < 0 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport != 0-65535 counter ; OK
tcp dport <= 5 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 0-5 counter ; OK
tcp dport != 1-5 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport != 1-5 counter ; OK
tcp dport & 0xff00 == 0x100 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xff00 == 256 counter ; OK
tcp dport & 3 > 1 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0x3 == 2-3 counter ; OK
tcp dport ^ 3 == 5 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 6 counter ; OK
tcp dport ^ 3 > 5 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport { 4-5, 8-65535 } counter ; OK
tcp dport | 1 == 5 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xfffe == 4 counter ; OK
tcp dport | 1 == 4 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xfffe == 3 counter ; OK
tcp dport >> 8 == 4 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xff00 == 1024-1279 counter ; OK
tcp dport << 8 == 0x400 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xff == 4 counter ; OK
tcp dport + 5 == 4 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 65535 counter ; OK
tcp dport - 5 > 100 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport { 0-4, 106-65535 } counter ; OK
tcp dport & 0xf0 >> 4 == 3 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xf == 3 counter ; OK
(tcp dport & 0xf0) >> 4 == 3 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport & 0xf0 == 48-63 counter ; OK
tcp flags syn ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / syn counter ; OK
tcp flags == syn ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / fin,syn,rst,psh,ack,urg,ecn,cwr counter ; OK
tcp flags syn,ack ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn,ack counter ; OK
tcp flags == syn,ack ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn,ack / fin,syn,rst,psh,ack,urg,ecn,cwr counter ; OK
tcp flags != syn ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags != syn / fin,syn,rst,psh,ack,urg,ecn,cwr counter ; OK
tcp flags ! syn,ack ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags 0x0 / syn,ack counter ; OK
tcp flags & (syn|ack) == syn ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / syn,ack counter ; OK
tcp flags & (syn|ack) syn ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / syn,ack counter ; OK
tcp flags syn / fin,syn,rst,ack ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / fin,syn,rst,ack counter ; OK
tcp flags != syn / fin,syn,rst,ack ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags != syn / fin,syn,rst,ack counter ; OK
tcp flags { syn, syn|ack } ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags == { syn, syn,ack } counter ; OK
tcp flags 0x0 ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags != 0x0-fin,syn,rst,psh,ack,urg,ecn,cwr counter ; OK
comp flags 5 ; meta l4proto 108 comp flags 5 counter ; OK
ct label 5 ; ct label & 0x20 == 0x20 counter ; OK
ct state new ; ct nfstate & 0x8 == 8 counter ; OK
ct state new,established accept ; ct nfstate & 0xa == 1-10 counter accept ; OK
ct state != new ; ct nfstate != 8 counter ; OK
ct state != new,established ; ct nfstate != 10 counter ; OK
ct state == new ; ct nfstate 8 counter ; OK
ct state ! new ; ct nfstate & 0x8 == 0 counter ; OK
ct state { new, untracked } ; ct nfstate { 8, 64 } counter ; OK
ct state vmap { established : accept, related : accept, invalid : drop } ; ct nfstate 2 counter accept | ct nfstate 4 counter accept | ct nfstate 1 counter drop ; OK
ct state & (new|related) == new ; ct nfstate & 0xc == 8 counter ; OK
ip dscp cs1 ; meta nfproto 2 ip tos & 0xfc == 32 counter ; OK
ip dscp != { cs1, af11 } ; meta nfproto 2 ip tos & 0xfc != { 32, 40 } counter ; OK
ip ecn ce ; meta nfproto 2 ip tos & 0x3 == 3 counter ; OK
ip6 dscp af11 ; meta nfproto 10 ip6 tclass & 0xfc == 40 counter ; OK
ip ttl < 5 ; meta nfproto 2 ip ttl 0-4 counter ; OK
icmp type echo-request ; meta nfproto 2 meta l4proto icmp th fragment 0 th available 4-65535 unguarded icmp typecode & 0xff00 == 2048 counter ; OK
icmp type { echo-request, 0 } accept ; meta nfproto 2 meta l4proto icmp th fragment 0 th available 4-65535 unguarded icmp typecode & 0xff00 == { 0, 2048 } counter accept ; OK
icmpv6 type nd-neighbor-solicit ; meta nfproto 10 meta l4proto ipv6-icmp th fragment 0 th available 4-65535 unguarded icmp typecode & 0xff00 == 34560 counter ; OK
icmp code 3 ; meta nfproto 2 meta l4proto icmp th fragment 0 th available 4-65535 unguarded icmp typecode & 0xff == 3 counter ; OK
tcp dport 22 icmp type 3 ; - ; FAIL 14: 'icmp type' never is in a packet that the rule looks at here: its protocol is another
udp dport 53 tcp flags syn ; - ; FAIL 14: 'tcp flags' never is in a packet that the rule looks at here: its protocol is another
meta l4proto udp tcp dport 22 ; - ; FAIL 18: 'tcp dport' never is in a packet that the rule looks at here: its protocol is another
meta l4proto { tcp, udp } th dport 53 ; exthdr broken 0 meta l4proto { tcp, udp } th fragment 0 th available 4-65535 unguarded th dport 53 counter ; OK
tcp dport 22 tcp sport 1024-65535 tcp flags syn accept ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 unguarded th sport 1024-65535 th available 14-65535 unguarded tcp flags syn / syn counter accept ; OK
iifname lo ; meta iifname "lo" counter ; OK
iifname "eth*" ; meta iifname "eth*" counter ; OK
iifname { "eth0", "wg*" } ; meta iifname == { "eth0", "wg*" } counter ; OK
iifname != "eth0" ; meta iifname != "eth0" counter ; OK
iifname "a\*" ; meta iifname "a\*" counter ; OK
oifname "eth0" ; meta oifname "eth0" counter ; OK
meta mark 5 ; meta mark 0x00000005 counter ; OK
meta mark & 0xff != 0x10 ; meta mark & 0xff != 0x00000010 counter ; OK
meta nfproto ipv4 ; meta nfproto 2 counter ; OK
meta l4proto tcp ; exthdr broken 0 meta l4proto tcp counter ; OK
ip protocol tcp ; meta nfproto 2 meta l4proto tcp counter ; OK
tcp dport vmap { 22 : accept, 80 : jump other, 90-99 : drop } ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 counter jump other | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 90-99 counter drop ; OK
tcp dport vmap { 22 : accept, * : drop } ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport != 22 counter drop ; OK
tcp dport vmap { 22 : continue, 80 : drop } counter ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 counter drop ; OK
tcp dport vmap { 22 : jump othr } ; - ; FAIL 28: the table has no chain 'othr'; did you mean 'other'?
tcp dport vmap { 22 : continue, 80 : drop } limit rate 5/second accept ; goto "c:1" | goto "c:2" c:1 { meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 goto "c:3" | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 counter drop | goto "c:2" } c:2 {  } c:3 { limit rate 5/second burst 5 packets counter accept | goto "c:2" } ; OK
limit rate 5/second tcp dport vmap { 22 : accept, 80 : drop } ; limit rate 5/second burst 5 packets goto "c:1" | goto "c:2" c:1 { meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 counter drop | goto "c:2" } c:2 {  } ; OK
ip saddr . tcp dport { 1.2.3.4 . 80, 10.0.0.0/8 . 100-200 } accept ; meta nfproto 2 meta l4proto tcp th fragment 0 th available 4-65535 ip saddr . th dport { 2 elements } counter accept ; OK
ip saddr . tcp dport != { 1.2.3.4 . 80 } drop ; meta nfproto 2 meta l4proto tcp th fragment 0 th available 4-65535 ip saddr . th dport != { 1 elements } counter drop ; OK
ip saddr . tcp dport vmap { 1.2.3.4 . 80 : accept, 1.2.3.5 . 22 : drop } ; meta nfproto 2 ip saddr 1.2.3.4/32 meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 counter accept | meta nfproto 2 ip saddr 1.2.3.5/32 meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter drop ; OK
ip saddr @s4 drop ; meta nfproto 2 ip saddr @s4 counter drop ; OK
ip saddr != @s4 drop ; meta nfproto 2 ip saddr != @s4 counter drop ; OK
tcp dport @ports accept ; meta l4proto tcp th fragment 0 th available 4-65535 th dport @ports counter accept ; OK
tcp dport @s4 ; - ; FAIL 11: the keys of 's4' are of another type
tcp dport @prots ; - ; FAIL 11: the table has no set 'prots'; did you mean 'ports'?
tcp dport vmap @vm ; meta l4proto tcp th fragment 0 th available 4-65535 th dport map @vm counter vmap ; OK
tcp dport vmap @ports ; - ; FAIL 16: 'ports' is a set, not a map
counter ; counter ; OK
counter accept ; counter accept ; OK
tcp dport 22 counter accept ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept ; OK
counter tcp dport 22 accept ; counter meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept ; OK
counter tcp dport 22 counter accept ; counter meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept ; OK
counter counter ; counter counter ; OK
tcp dport 22 counter packets 5 bytes 100 log prefix "x" drop ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter log prefix "x" level warn drop ; OK
limit rate 5/second ; limit rate 5/second burst 5 packets counter ; OK
limit rate over 5/minute burst 10 packets drop ; limit rate over 5/minute burst 10 packets counter drop ; OK
limit rate 10 kbytes/second burst 5 kbytes accept ; limit rate 10240 bytes/second burst 5120 bytes counter accept ; OK
tcp dport 22 limit rate 5/second accept ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 limit rate 5/second burst 5 packets counter accept ; OK
quota 1 mbytes accept ; quota 1048576 bytes counter accept ; OK
quota over 1 mbytes used 5 kbytes drop ; quota over 1048576 bytes counter drop ; OK
sample 1/100 log ; statistic random probability 21474836/2147483648 counter log level warn ; OK
log ; counter log level warn ; OK
log prefix "hello: " level info ; counter log prefix "hello: " level info ; OK
log prefix "g" group 5 snaplen 100 queue-threshold 3 ; counter log prefix "g" group 5 snaplen 100 queue-threshold 3 ; OK
log flags all ; counter log level warn flags tcp sequence flags tcp options flags ip options flags skuid flags ether ; OK
log prefix "x" tcp dport 22 accept ; counter log prefix "x" level warn | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept ; OK
limit rate 1/second log prefix "x" tcp dport 22 accept ; limit rate 1/second burst 5 packets goto "c:1" | goto "c:2" c:1 { counter log prefix "x" level warn | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept | goto "c:2" } c:2 {  } ; OK
log level audit ; - ; FAIL 1: packets are not logged to the audit system
reject ; counter reject with icmpx port-unreachable ; OK
tcp dport 22 reject ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter reject with icmpx port-unreachable ; OK
reject with tcp reset ; meta l4proto tcp counter reject with tcp reset ; OK
udp dport 53 reject with tcp reset ; - ; FAIL 1: 'udp dport' never is in a packet that the rule looks at here: its protocol is another
reject with icmp type host-unreachable ; meta nfproto 2 counter reject with icmp 1 ; OK
reject with icmpv6 type no-route ; meta nfproto 10 counter reject with icmpv6 0 ; OK
reject with icmpx type admin-prohibited ; counter reject with icmpx admin-prohibited ; OK
counter reject with tcp reset ; meta l4proto tcp counter reject with tcp reset ; OK
reject accept ; - ; FAIL 8: nothing behind a verdict has an effect
pcap "tcp port 80" accept ; bytecode "23,48 0 0 0,84 0 0 240,21 0 6 96,48 0 0 6,21 0 17 6,40 0 0 40,21 14 0 80,40 0 0 42,21 12 13 80,48 0 0 0,84 0 0 240,21 0 10 64,48 0 0 9,21 0 8 6,40 0 0 6,69 6 0 8191,177 0 0 0,72 0 0 0,21 2 0 80,72 0 0 2,21 0 1 80,6 0 0 65535,6 0 0 0" counter accept ; OK
pcap != "udp" drop ; not bytecode "15,48 0 0 0,84 0 0 240,21 0 2 64,48 0 0 9,21 8 9 17,48 0 0 0,84 0 0 240,21 0 6 96,48 0 0 6,21 3 0 17,21 0 3 44,48 0 0 40,21 0 1 17,6 0 0 65535,6 0 0 0" counter drop ; OK
pcap "arp" ; - ; FAIL 6: libpcap: expression rejects all packets
pcap "port" ; - ; FAIL 6: libpcap: can't parse filter expression: syntax error
bytecode "1,6 0 0 262144" accept ; bytecode "1,6 0 0 262144" counter accept ; OK
bytecode "1,6 0 0 99999999999" accept ; - ; FAIL 10: instruction 0: 99999999999 is too large
bytecode "1,255 0 0 0" ; - ; FAIL 10: this is no valid program of classic BPF
program "x.o" ; - ; FAIL 9: the file has not been read
program "x.o" object "AAA" ; - ; FAIL 9: what stands behind 'object' is no base64
program "x.o" object "AAAA" ; - ; FAIL 9: "x.o": it is no object file of BPF
meta iif lo ; iif 1 counter ; OK
skuid root ; meta skuid 0 counter ; OK
skuid rot ; - ; FAIL 7: there is no uid 'rot'
ip saddr 1.2.3.4 comment "hello" ; meta nfproto 2 ip saddr 1.2.3.4/32 counter comment "hello" ; OK
tcp dport 22 accept comment "ssh" ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter accept comment "ssh" ; OK
notrack ; counter notrack ; OK
oifname "eth0" jump other ; meta oifname "eth0" counter jump other ; OK
counter name "cc" accept ; counter name cc counter accept ; OK
counter name cd ; - ; FAIL 14: the table has no counter 'cd'; did you mean 'cc'?
limit name "ll" accept ; limit name ll counter accept ; OK
quota name qq drop ; quota name qq counter drop ; OK
counter name tcp dport map { 22 : "cc", 80 : "cc" } accept ; meta l4proto tcp th fragment 0 th available 4-65535 th dport map { 2 elements } the object of the map counter accept ; OK
add @dyn { ip saddr } ; meta nfproto 2 add @dyn { ip saddr } counter ; OK
add @dyn { ip saddr timeout 30s } accept ; meta nfproto 2 add @dyn { ip saddr timeout 30000ms } counter accept ; OK
update @dyn { ip saddr limit rate 5/second } accept ; meta nfproto 2 update @dyn { ip saddr limit rate 5/second burst 5 packets } counter accept ; OK
add @s4 { ip saddr } ; - ; FAIL 6: rules cannot change 's4': it is constant or has ranges
add @dyn { tcp dport } ; - ; FAIL 6: the keys of 'dyn' are of another type
delete @dnn { ip saddr } ; - ; FAIL 9: the table has no set 'dnn'; did you mean 'dyn'?
ip saddr @dyn drop ; meta nfproto 2 ip saddr @dyn counter drop ; OK
ip saddr & 255.255.255.0 @dyn drop ; meta nfproto 2 ip saddr & 0x000000000ffffff00 @dyn counter drop ; OK
ip dscp @ds accept ; meta nfproto 2 ip tos & 0x000000000000000fc { 2 elements } counter accept ; OK
ip dscp . ip ecn { cs1 . ce, af11 . ect0 } accept ; meta nfproto 2 ip tos & 0x000000000000000fc . ip tos & 0x00000000000000003 { 2 elements } counter accept ; OK
ip saddr . tcp dport @conc accept ; meta nfproto 2 meta l4proto tcp th fragment 0 th available 4-65535 ip saddr . th dport @conc counter accept ; OK
ip saddr . tcp dport vmap { 1.1.1.1 . 1 : drop, 1.1.1.1 . 2 : drop, 1.1.1.1 . 3 : drop, 1.1.1.1 . 4 : drop, 1.1.1.1 . 5 : drop, 1.1.1.1 . 6 : drop, 1.1.1.1 . 7 : drop, 1.1.1.1 . 8 : drop, 1.1.1.1 . 9 : accept } ; meta nfproto 2 meta l4proto tcp th fragment 0 th available 4-65535 ip saddr . th dport map { 9 elements } counter vmap ; OK
tcp sport == tcp dport ; meta l4proto tcp th fragment 0 th available 4-65535 th sport == th dport counter ; OK
tcp sport != udp dport ; - ; FAIL 14: 'udp dport' never is in a packet that the rule looks at here: its protocol is another
ip saddr & 255.255.0.0 == ip daddr & 255.255.0.0 drop ; meta nfproto 2 ip saddr & 255.255.0.0 == ip daddr & 255.255.0.0 counter drop ; OK
tcp dport < tcp sport + 10 ; meta l4proto tcp th fragment 0 th available 4-65535 th dport < th sport + 10 counter ; OK
tcp dport - 5 >= tcp sport ; meta l4proto tcp th fragment 0 th available 4-65535 th dport >= th sport + 5 counter ; OK
ip dscp == ip ecn ; meta nfproto 2 ip tos & 252 >> 2 == ip tos & 3 counter ; OK
ip ttl << 2 == ip ttl & 0xf0 ; meta nfproto 2 ip ttl & 63 << 2 == ip ttl & 240 counter ; OK
ip saddr == tcp dport + 5 ; - ; FAIL 13: inet_service where the type is ipv4_addr
ip saddr == ip6 saddr ; - ; FAIL 13: ipv6_addr where the type is ipv4_addr
iifname == oifname ; meta iifname == meta oifname counter ; OK
meta mark set 5 ; counter meta mark set 0x00000005 ; OK
meta mark set 5 meta mark 5 accept ; goto "c:1" | goto "c:2" c:1 { meta mark set 0x00000005 | meta mark 0x00000005 counter accept | goto "c:2" } c:2 {  } ; OK
meta mark set meta mark | 0x10 ; counter meta mark set meta mark & 0xffffffef ^ 0x00000010 ; OK
meta mark set meta mark & 0xff ^ 0x3 ; counter meta mark set meta mark & 0x000000ff ^ 0x00000003 ; OK
meta mark set ct mark ; set output 1 ct mark ^ 0x0 counter meta mark set ct mark & 0xffffffff ^ 0x00000000 ; OK
ct mark set meta mark & 0xff accept ; counter ct mark set meta mark & 0x000000ff ^ 0x00000000 accept ; OK
ct label set 3 ; counter ct label set 0x00000003 ; OK
ct label set 3 ct label 3 ; - ; FAIL 1: 'ct label' is set behind all rules of the chain: rules that look at it afterwards belong into another table
ct zone set 5 accept ; counter ct zone set 0x00000005 accept ; OK
ct zone set meta mark ; - ; FAIL 13: only constants can be set here
ct event set new,destroy ; counter ct event set 0x00000005 ; OK
meta nftrace set 1 ; counter meta nftrace set 0x00000001 ; OK
meta pkttype set broadcast ; - ; FAIL 1: what kind of packet it is can be set at prerouting only
ct mark set ct mark | 1 ; set output 5 ct mark & 4294967294 ^ 0x1 counter ct mark set ct mark & 0xfffffffe ^ 0x00000001 ; OK
ip dscp set ef accept ; meta nfproto 2 ip tos & 0xfc == 0-252 counter @nh,0,16 set @nh,0,16 & 0xff03 ^ 0x00b8 accept ; OK
ip dscp set ef ip ttl set 5 ; meta nfproto 2 ip tos & 0xfc == 0-252 ip ttl 0-255 counter @nh,0,16 set @nh,0,16 & 0xff03 ^ 0x00b8 @nh,64,16 set @nh,64,16 & 0x00ff ^ 0x0500 ; OK
ip dscp set ef ip dscp 3 ; - ; FAIL 1: 'ip dscp' is set behind all rules of the chain: rules that look at it afterwards belong into another table
ip ttl set 5 @nh,0,8 1 ; - ; FAIL 1: 'ip ttl' is set behind all rules of the chain: rules that look at it afterwards belong into another table
ip6 hoplimit set 64 ; meta nfproto 10 ip6 hoplimit 0-255 counter @nh,48,16 set @nh,48,16 & 0xff00 ^ 0x0040 ; OK
ip6 dscp set cs1 ; meta nfproto 10 ip6 tclass & 0xfc == 0-252 counter @nh,0,16 set @nh,0,16 & 0xf03f ^ 0x0200 ; OK
tcp flags syn tcp option maxseg size set 1360 ; meta l4proto tcp th fragment 0 th available 14-65535 unguarded tcp flags syn / syn tcp doff 5-15 tcp doff << 2 <= th available any of ( tcp option maxseg size 0-65535 | tcp option maxseg 0 ) counter tcp option maxseg size set 0x00000550 ; OK
rt mtu 1500 ; - ; FAIL 1: 'rt mtu' cannot be had at hook input; it can at: forward, output, postrouting
ct id 5 ; ct id 5 counter ; OK
meta sdifname "eth0" ; meta sdifname "eth0" counter ; OK
tcp option maxseg size set rt mtu ; - ; FAIL 28: 'rt mtu' cannot be had at hook input; it can at: forward, output, postrouting
ip saddr set 1.2.3.4 ; - ; FAIL 1: of packets only dscp, ecn, ttl, hoplimit and TCP's maxseg size can be set
ip ttl set ip ttl ; - ; FAIL 12: only constants can be set here
meta secmark 5 ; - ; FAIL 1: 'meta secmark' is not served: labels of packets are for the kernel's security modules: leave it to a table of nft's
osf name "Linux" ; - ; FAIL 1: 'osf name' is not served: fingerprints of systems are not to be had by programs: leave it to a table of nft's
ipsec in reqid 5 ; - ; FAIL 1: 'ipsec in reqid' is not served: transforms are not to be had by programs; whether there was or will be one, meta ipsec and rt ipsec say
ct count over 5 ; - ; FAIL 1: connections are not counted by rules: leave 'ct count' to a table of nft's
ct helper set "ftp" ; - ; FAIL 1: helpers are not given to connections: leave it to a table of nft's
ct mark set 0x12 ; counter ct mark set 0x00000012 ; OK
meta priority set 1:2 ; counter meta priority set 0x00010002 ; OK
meta mark set ip saddr map { 1.2.3.4 : 5, 1.2.3.5 : 6 } accept ; goto "c:1" | goto "c:2" c:1 { meta nfproto 2 ip saddr 1.2.3.4/32 meta mark set 0x00000005 goto "c:3" | meta nfproto 2 ip saddr 1.2.3.5/32 meta mark set 0x00000006 goto "c:3" | goto "c:2" } c:2 {  } c:3 { counter accept | goto "c:2" } ; OK
meta mark set tcp dport map @mm counter ; goto "c:1" | goto "c:2" c:1 { meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 meta mark set 0x00000001 goto "c:3" | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 meta mark set 0x00000002 goto "c:3" | goto "c:2" } c:2 {  } c:3 { counter | goto "c:2" } ; OK
meta mark set ip saddr ; - ; FAIL 15: ipv4_addr where the type is mark
ip ttl set 5 ; meta nfproto 2 ip ttl 0-255 counter @nh,64,16 set @nh,64,16 & 0x00ff ^ 0x0500 ; OK
tcp dport set 80 ; - ; FAIL 1: of packets only dscp, ecn, ttl, hoplimit and TCP's maxseg size can be set
redirect to "eth0" ; - ; FAIL 1: 'redirect' cannot be had at hook input; it can at: xdp, ingress of devices, egress of devices
numgen inc mod 3 1 drop ; make numgen inc mod 3 number made 1 counter drop ; OK
numgen inc mod 3 offset 10 != { 10, 12 } drop ; make numgen inc mod 3 offset 10 number made != { 10, 12 } counter drop ; OK
ip protocol tcp numgen inc mod 10 offset 5 vmap { 5 : accept, 6 : jump other } ; meta nfproto 2 meta l4proto tcp make numgen inc mod 10 offset 5 number made map { 2 elements } counter vmap ; OK
meta mark set numgen inc mod 2 map { 0 : 1, 1 : 2 } accept ; make numgen inc mod 2 goto "c:1" | goto "c:2" c:1 { number made 0 meta mark set 0x00000001 goto "c:3" | number made 1 meta mark set 0x00000002 goto "c:3" | goto "c:2" } c:2 {  } c:3 { counter accept | goto "c:2" } ; OK
numgen inc mod 2 . tcp dport { 0 . 22, 1 . 80 } accept ; meta l4proto tcp make numgen inc mod 2 th fragment 0 th available 4-65535 number made . th dport { 2 elements } counter accept ; OK
tcp dport vmap { 22 : continue, 80 : continue } numgen inc mod 2 0 accept ; goto "c:1" | goto "c:2" c:1 { meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 goto "c:3" | meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 80 goto "c:3" | goto "c:2" } c:2 {  } c:3 { make numgen inc mod 2 number made 0 counter accept | goto "c:2" } ; OK
numgen random mod 4 1 drop ; numgen random mod 4 1 counter drop ; OK
numgen random mod 2 vmap { 0 : accept, 1 : drop } ; make numgen random mod 2 number made map { 2 elements } counter vmap ; OK
numgen inc mod 2 . numgen inc mod 3 { 0 . 1 } ; - ; FAIL 1: two numgen or jhash in one statement
numgen inc mod 2 vmap { 0 : continue, 1 : drop } accept ; - ; FAIL 50: statements behind a verdict map of numgen
numgen inc mod 7 offset 0x80000000 0 ; - ; FAIL 1: 'numgen': its offset is 2147483647 at most
jhash ip saddr mod 3 seed 0x5 1 drop ; meta nfproto 2 make jhash ip saddr mod 3 seed 0x5 number made 1 counter drop ; OK
jhash ip saddr . tcp dport mod 4 offset 10 vmap { 10 : drop, 11 : accept } ; meta nfproto 2 meta l4proto tcp th fragment 0 th available 4-65535 make jhash ip saddr . th dport mod 4 offset 10 number made map { 2 elements } counter vmap ; OK
jhash ether saddr . meta mark . iifname mod 4 seed 0x5 2-3 accept ; meta iiftype 1 make jhash ether saddr . meta mark . meta iifname mod 4 seed 0x5 number made 2-3 counter accept ; OK
jhash udp sport mod 2 seed 0x7 . tcp dport { 0 . 22, 1 . 80 } accept ; - ; FAIL 7: 'udp sport' never is in a packet that the rule looks at here: its protocol is another
jhash ip dscp mod 3 seed 0x5 1 drop ; - ; FAIL 7: fields of whole bytes are hashed
jhash ct label mod 3 seed 0x5 1 drop ; - ; FAIL 7: fields of whole bytes are hashed
jhash ip saddr & 255.0.0.0 mod 3 seed 0x5 1 drop ; - ; FAIL 7: fields are hashed as they are
jhash ip6 saddr . ip6 daddr . ip6 saddr . ip6 daddr mod 3 seed 0x5 1 drop ; - ; FAIL 7: more than 60 bytes
jhash ct original ip6 saddr . ct original ip6 daddr mod 3 1 drop ; - ; FAIL 7: more than 32 bytes that are not in the packet's headers, a seed among them: give one
jhash ct original ip6 saddr . ct original ip6 daddr . ct mark mod 3 seed 0x5 1 drop ; - ; FAIL 7: more than 32 bytes that are not in the packet's headers
jhash ip saddr mod 3 seed 0x5 . jhash ip saddr mod 2 seed 0x1 { 0 . 1 } ; - ; FAIL 1: two numgen or jhash in one statement
jhash fib daddr type mod 3 seed 0x5 1 drop ; make jhash fib daddr type mod 3 seed 0x5 number made 1 counter drop ; OK
add @dyn { numgen inc mod 2 } ; - ; FAIL 6: the keys of 'dyn' are of another type
:in ip type filter hook output priority 0
meta sdifname "eth0" ; - ; FAIL 1: 'meta sdifname' is not served: the kernel tells it at hooks input and forward; sdif can be had at prerouting, too
rt mtu 1000-1400 ; rt mtu 1000-1400 counter ; OK
iifname "eth0" ; meta iifname "eth0" counter ; OK
ip6 saddr ::1 ; - ; FAIL 1: no packet that a table of this family sees has 'ip6 saddr'
icmpv6 type 1 ; - ; FAIL 1: no packet that a table of this family sees has 'icmpv6 type'
reject with icmpv6 type no-route ; - ; FAIL 1: no packet of this table is answered so: it is of the other family
reject ; counter reject with icmpx port-unreachable ; OK
:in netdev type filter hook ingress device eth0 priority 0
pcap "arp" drop ; frame bytecode "9,32 0 0 4294963228,21 2 0 1,21 1 0 772,5 0 0 4,40 0 0 12,21 0 1 2054,6 0 0 65535,6 0 0 0,6 0 0 0" counter drop ; OK
pcap "icmp or arp" ; frame bytecode "18,32 0 0 4294963228,21 2 0 1,21 1 0 772,5 0 0 7,40 0 0 12,21 0 2 2048,48 0 0 23,21 1 2 1,21 0 1 2054,6 0 0 65535,6 0 0 0,48 0 0 0,84 0 0 240,21 0 3 64,48 0 0 9,21 0 1 1,6 0 0 65535,6 0 0 0" counter ; OK
bytecode "1,6 0 0 1" drop ; frame bytecode "1,6 0 0 1" counter drop ; OK
ip saddr 1.2.3.4 drop ; meta nfproto 2 ip saddr 1.2.3.4/32 counter drop ; OK
ct state new ; - ; FAIL 1: 'ct state' cannot be had at hook ingress of devices; it can at: prerouting, input, forward, output, postrouting, egress of control groups
log prefix "x" ; counter log prefix "x" level warn ; OK
vlan id 5 ; meta iiftype 1 ether type 33024 vlan id 5 counter ; OK
ether type 8021ad vlan id 5 ; meta iiftype 1 ether type 34984 vlan id 5 counter ; OK
ether type ip vlan id 5 ; - ; FAIL 15: 'vlan id' never is in a packet that the rule looks at here: its protocol is another
log group 5 ; - ; FAIL 1: 'log group' cannot be had at hook ingress of devices; it can at: prerouting, input, forward, output, postrouting
oifname "eth1" ; - ; FAIL 1: 'oifname' cannot be had at hook ingress of devices; it can at: forward, output, postrouting, egress of devices, egress of control groups
meta mark set 5 accept ; counter meta mark set 0x00000005 accept ; OK
meta mark set ip saddr & 0xff ; - ; FAIL 15: ipv4_addr where the type is mark
meta priority set 1:2 ; counter meta priority set 0x00010002 ; OK
fwd to "eth0" ; set output 3 0x2 set output 4 0x2 counter drop ; OK
dup to "eth0" ; set output 5 0x2 counter ; OK
redirect to "eth0" ; set output 3 0x2 set output 4 0x2 counter drop ; OK
redirect to "eth7" ; - ; FAIL 13: there is no device 'eth7'
mirror to lo accept ; set output 5 0x1 counter accept ; OK
route via 10.0.0.1 ; set output 3 0x3 set output 4 0x0 020000000100000a00000000000000000000000000000000 counter drop ; OK
route via fe80::1 ; set output 3 0x3 set output 4 0x0 0a000000000080fe00000000000000000100000000000000 counter drop ; OK
reject ; counter reject with icmpx port-unreachable ; OK
reject with tcp reset ; meta l4proto tcp counter reject with tcp reset ; OK
reject with icmp type admin-prohibited ; meta nfproto 2 counter reject with icmp 13 ; OK
reject with icmpv6 type 1 ; meta nfproto 10 counter reject with icmpv6 1 ; OK
meta mark set jhash ip saddr mod 4 seed 0x1 ; meta nfproto 2 make jhash ip saddr mod 4 seed 0x1 set output 1 number made ^ 0x0 counter ; OK
meta mark set numgen inc mod 4 offset 1 ; make numgen inc mod 4 offset 1 set output 1 number made ^ 0x0 counter ; OK
:in netdev type filter hook xdp device eth0 priority 0
meta mark 5 ; - ; FAIL 1: 'meta mark' cannot be had at hook xdp; it can at: prerouting, input, forward, output, postrouting, ingress of devices, egress of devices, ingress of control groups, egress of control groups
tcp dport 22 drop ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter drop ; OK
pcap "tcp port 80" drop ; frame bytecode "20,40 0 0 12,21 0 6 34525,48 0 0 20,21 0 15 6,40 0 0 54,21 12 0 80,40 0 0 56,21 10 11 80,21 0 10 2048,48 0 0 23,21 0 8 6,40 0 0 20,69 6 0 8191,177 0 0 14,72 0 0 14,21 2 0 80,72 0 0 16,21 0 1 80,6 0 0 65535,6 0 0 0" counter drop ; OK
pcap "arp" drop ; frame bytecode "4,40 0 0 12,21 0 1 2054,6 0 0 65535,6 0 0 0" counter drop ; OK
pcap "ether host 00:11:22:33:44:55" drop ; frame bytecode "10,32 0 0 8,21 0 2 573785173,40 0 0 6,21 4 0 17,32 0 0 2,21 0 3 573785173,40 0 0 0,21 0 1 17,6 0 0 65535,6 0 0 0" counter drop ; OK
pcap "ether src 00:11:22:33:44:55 and less 100" drop ; frame bytecode "8,32 0 0 8,21 0 5 573785173,40 0 0 6,21 0 3 17,128 0 0 0,37 1 0 100,6 0 0 65535,6 0 0 0" counter drop ; OK
pcap "por 80" drop ; - ; FAIL 6: libpcap: can't parse filter expression: syntax error
:in inet type filter hook postrouting priority 0
reject ; - ; FAIL 1: 'reject' cannot be had at hook postrouting; it can at: prerouting, input, forward, output, xdp, ingress of devices, egress of devices, connect4, connect6, sendmsg4, sendmsg6
:in inet type sockops cgroup "/"
tcp dport 443 set initcwnd 40 ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 443 set output 3 0x28 counter ; OK
set rto 20s ; set output 2 0x1388 counter ; OK
set congestion "bbr" ; set output 5 0x0 62627200000000000000000000000000 counter ; OK
set mark 5 ; set output 1 0x5 counter ; OK
drop ; - ; FAIL 1: 'drop' cannot be had at hook sockops; it can at: prerouting, input, forward, output, postrouting, xdp, ingress of devices, egress of devices, ingress of control groups, egress of control groups, connect4, connect6, sendmsg4, sendmsg6
:in inet type filter hook connect4 cgroup "/" priority 0
ip daddr 10.0.0.1 reject ; meta nfproto 2 ip daddr 10.0.0.1/32 counter reject with icmpx port-unreachable ; OK
reject with errno EPERM ; set output 3 0x4 set output 4 0x1 counter drop ; OK
tcp dport 22 drop ; meta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter drop ; OK
:file
table inet t { chain a { type filter hook input priority 0; jump c; }; chain b { type filter hook ingress device eth0 priority 0; jump c; }; chain c { tcp dport 22 reject; }; } ; table inet t {\n\tchain a {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tcounter jump c\n\t}\n\n\tchain b {\n\t\ttype filter hook ingress device "eth0" priority 0; policy accept;\n\t\tcounter jump c\n\t}\n\n\tchain c {\n\t\tmeta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport 22 counter reject with icmpx port-unreachable\n\t}\n} ; OK
table inet t { chain a { jump b; }; chain b { goto a; }; } ; - ; FAIL 52: a loop: a > b > a
table inet t { chain a { tcp dport vmap { 22 : jump a }; }; } ; - ; FAIL 53: a loop: a > a
table inet t { chain a { policy drop; accept; }; } ; - ; FAIL 22: only chains at a hook have a policy: 'a' has none
table inet t { chain a { type filter hook xdp device { "eth0", "eth1" } priority 0; policy drop; }; } ; table inet t {\n\tchain a {\n\t\ttype filter hook xdp devices { "eth0", "eth1" } priority 0; policy drop;\n\t}\n} ; OK
table inet t { chain a { type filter hook xdp device eth0 offload priority 0; }; } ; - ; FAIL 59: expected 'device', 'cgroup', 'priority' or ';', found 'offload'
table inet t { chain a { type filter hook input priority 0; jump b; }; chain b { jump x; }; chain x { type filter hook xdp device eth0 priority 0; }; } ; - ; FAIL 87: 'x' stands at a hook: nothing can go there from another chain
table inet t { chain a { }; chain a { }; } ; - ; FAIL 35: the table has a chain 'a' already
table arp t { chain a { }; } ; - ; FAIL 1: tables of family arp are not served: ip, ip6, inet and netdev are
table inet t { chain a { type filter hook input priority filter; policy drop; ct state established,related accept; tcp dport { 22, 80 } counter accept; reject; }; } ; table inet t {\n\tchain a {\n\t\ttype filter hook input priority 0; policy drop;\n\t\tct nfstate & 0x6 == 1-6 counter accept\n\t\tmeta l4proto tcp th fragment 0 th available 4-65535 unguarded th dport { 22, 80 } counter accept\n\t\tcounter reject with icmpx port-unreachable\n\t}\n} ; OK
table inet t { flags dormant; chain a { type filter hook input priority 0; accept; }; } ; table inet t {\n\tchain a {\n\t\tpolicy accept;\n\t\tcounter accept\n\t}\n} ; OK
table netdev t { chain x { type filter hook xdp device eth0 priority 0; jump y; }; chain y { ct state new accept; log; ip saddr 1.2.3.4 drop; }; } ; - ; FAIL 94: 'ct state' cannot be had at hook xdp; it can at: prerouting, input, forward, output, postrouting, egress of control groups
table netdev t { chain x { type filter hook xdp device eth0 priority 0; }; chain y { type filter hook xdp devices = { eth1, eth0 } priority 5; }; } ; - ; FAIL 86: a device has one XDP program: that of chain 'x'
