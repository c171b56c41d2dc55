# Rules for test_keys.c.
[ip prerouting]
ip saddr 10.9.0.2
ip daddr 10.9.0.1
ip protocol udp
ip version 4
ip hdrlength 5
ip hdrlength != 5
ip dscp 10
ip ecn 3
ip length 28
ip length > 30
ip id 5
ip frag-off 0x4000
ip ttl 3
ip ttl 64
ip checksum > 0x8000
ip option rr exists
ip option rr missing
ip option rr length 7
ip option rr ptr 4
ip option rr addr 0x01020304
ip option lsrr exists
ip option lsrr ptr 4
ip option ssrr exists
ip option ssrr length 7
ip option ra exists
ip option ra missing
ip option ra value 0
ip option ra value != 1
tcp dport 22
tcp sport != 80
tcp dport 20-30
tcp flags syn
tcp flags == 2
tcp sequence 0
tcp doff 5
tcp doff > 5
tcp window > 0
tcp checksum 0
tcp urgptr 0
tcp ackseq != 0
tcp option sack exists
tcp option sack missing
tcp option sack left 1
tcp option sack1 left 3
tcp option sack3 right 8
tcp option maxseg exists
tcp option maxseg size 1460
tcp option maxseg size > 500
tcp option window count 7
tcp option sack-perm exists
tcp option timestamp tsval 0x01020304
tcp option timestamp tsecr 0x05060708
tcp option timestamp length 10
tcp option mptcp subtype 1
tcp option md5sig exists
tcp option fastopen exists
tcp option 254 exists
tcp option nop exists
tcp option eol missing
udp dport 1024
udp sport 53
udp length != 8
udp checksum 0
udplite dport 54
udplite csumcov 8
sctp dport 80
sctp vtag 9
sctp checksum 0x01020304
sctp chunk data exists
sctp chunk data missing
sctp chunk data tsn 7
sctp chunk data stream 2
sctp chunk data ppid 4
sctp chunk sack a-rwnd 6
sctp chunk sack num-gap-ack-blocks 1
sctp chunk init init-tag 5
sctp chunk init num-inbound-streams 8
sctp chunk init initial-tsn 9
sctp chunk abort exists
sctp chunk data flags 3
dccp dport 8
dccp type 1
ah spi 5
~ ah nexthdr 6
ah hdrlength 4
ah sequence 9
esp spi 0x101
esp sequence 5
comp cpi 5
~ comp nexthdr 6
icmp type echo-request
icmp type != 8
icmp code 1
icmp id 5
icmp sequence 6
icmp gateway 0x0a090003
icmp mtu 1500
icmp checksum 0
igmp type membership-report-v2
igmp mrt 5
igmp group 0xe0000009
th dport 1024
th sport 53
th dport != 1024
meta l4proto tcp
meta l4proto != tcp
meta protocol ip
meta length 28
meta length > 50
meta priority 0
meta mark 0
iif k0
iifname "k0"
iif != 1
oifname != "lo"
oif 0
iiftype ether
iifgroup 7
meta iifkind "veth"
meta pkttype host
meta pkttype != broadcast
meta time > 1600000000
meta day 0-6
meta hour "00:00"-"23:59"
~ meta random > 0x7fffffff
~ meta cpu 0
meta cpu < 4096
meta ipsec missing
@nh,64,8 64
@nh,72,8 17
@nh,0,128 != 0
@nh,3,11 0x140
@th,16,16 22
@th,5,13 0xd
@th,3,100 != 0
@th,8,120 != 0
@th,160,32 != 0
@ih,0,32 0x01020304
@ih,0,8 0xaa
@ih,7,33 != 0
@ll,0,48 0x020000000901
@ll,48,48 0x020000000902
@ll,96,16 0x800
@ll,112,8 0x45
ether saddr 02:00:00:00:09:02
ether daddr 02:00:00:00:09:01
ether type ip
rt classid 0
meta rtclassid 0
numgen random mod 1 offset 7 7
numgen random mod 4 0-3
~ numgen random mod 2 1
symhash mod 1 0
symhash mod 3 offset 10 10-12
~ symhash mod 3 2

[ip prerouting fragments]
ip frag-off 0x2001
@th,16,17 != 0
@nh,51,13 1
@ih,0,24 != 0
meta l4proto udp
tcp option maxseg missing
sctp chunk data missing

[ip6 prerouting]
ip6 saddr fd09::2
ip6 daddr != fd09::1
ip6 version 6
ip6 dscp 10
ip6 ecn 3
ip6 flowlabel 0x54321
ip6 flowlabel > 0x100
ip6 length 8
ip6 nexthdr udp
ip6 nexthdr != 6
ip6 hoplimit 3
tcp dport 22
tcp flags syn
tcp option timestamp tsval 0x01020304
tcp option sack exists
udp dport 1024
udp length > 8
udplite dport 54
sctp chunk data exists
sctp chunk init init-tag 5
sctp vtag 9
dccp type 1
esp spi 0x101
comp cpi 5
icmpv6 type echo-request
icmpv6 code 1
icmpv6 id 5
icmpv6 sequence 6
icmpv6 mtu 1500
~ icmpv6 packet-too-big 1500
~ icmpv6 parameter-problem 40
icmpv6 max-delay 5
icmpv6 checksum 0
exthdr hbh exists
exthdr hbh missing
exthdr rt exists
exthdr frag exists
exthdr dst exists
exthdr mh exists
hbh nexthdr 43
hbh hdrlength 0
dst nexthdr 17
rt nexthdr 60
rt hdrlength 4
rt type 0
rt type 4
rt seg-left 0
srh last-entry 0
srh last-entry 1
srh last-entry != 7
rt0 addr[1] ::
srh tag 0
srh flags 0
srh sid[1] ::
frag nexthdr 17
frag frag-off 0
frag more-fragments 1
frag id 9
frag reserved 0
frag reserved2 0
mh type 5
mh checksum 0x102
meta l4proto udp
meta l4proto != tcp
meta protocol ip6
meta length > 60
th dport 1024
@nh,48,8 17
@nh,192,128 0xfd090000000000000000000000000001
@th,16,16 1024
@ih,0,32 0x01020304
ether type ip6
ether saddr 02:00:00:00:09:02
meta time > 1600000000
rt classid 0

[ip6 prerouting fragments]
exthdr frag exists
frag frag-off 1
frag frag-off != 0
frag id 9
@th,16,17 != 0
meta l4proto udp
exthdr dst missing
meta l4proto != 17

[ip output]
ip saddr 10.9.0.1
ip daddr 10.10.0.0-10.10.255.255
tcp dport 22
oif k0
oif != 1
oifname "k0"
oiftype ether
oifgroup 7
iif 0
iifname != "k0"
iiftype != ether
iiftype ether
meta oifkind "veth"
meta skuid 0
meta skuid != 0
meta skgid 0
meta priority 0x30005
meta priority none
meta cgroup 0
socket mark 0
socket transparent 0
socket wildcard 1
rt classid 6
rt classid 0
meta rtclassid != 0
rt nexthop 10.9.0.2
rt ip nexthop 10.10.0.5
rt ipsec missing
meta pkttype host
ether saddr 02:00:00:00:09:01
@ll,0,48 != 0
meta length > 50
~ socket cgroupv2 level 0 1
rt mtu > 1000
rt mtu < 1000

[ip postrouting]
oifname "k0"
oiftype ether
meta skuid 0
rt nexthop 10.9.0.2
ether saddr 02:00:00:00:09:01
@ll,0,8 != 0x55
rt mtu > 1000
rt mtu != 1460
rt mtu 1460

[ip6 output]
rt ip6 nexthop fd09::2
oif k0
meta skuid 0
socket wildcard 1
rt mtu > 1000
rt mtu != 1440
rt mtu 1440

[ip input]
! table ip pre {
! chain m {
! type filter hook prerouting priority -50
! ct mark set 0x10
! }
! chain z {
! type filter hook prerouting priority -300
! udp dport 1024 ct zone set 5
! meta l4proto sctp notrack
! }
! }
ct state new
ct state established
ct state invalid
ct state untracked
ct state != new
ct direction original
ct direction reply
ct status confirmed
ct status 0
ct status != 8
ct mark 0x10
ct mark != 0x10
ct expiration > 10s
ct expiration < 60s
ct l3proto ipv4
ct protocol 1
ct protocol != 17
ct zone 5
ct zone 0
ct zone != 5
ct original zone 5
ct original ip saddr 10.9.0.2
ct reply ip saddr 10.9.0.1
ct original ip daddr != 10.9.0.1
meta l4proto udp ct original proto-dst 1024
meta l4proto udp ct reply proto-dst 53
meta l4proto udp ct original proto-src 53
ct packets 1
ct original packets > 1
ct reply packets 0
ct bytes > 100
ct original bytes < 100
ct avgpkt > 40
ct reply avgpkt 0
~ ct label 0
~ ct helper "ftp"
~ ct secmark 0
ct id != 0
ct id > 0x7fffffff
ct id 0x10000000-0x5fffffff
meta sdifname != "k0"
meta sdifname "k0"

[ip6 input]
ct state new
ct l3proto ipv6
ct original ip6 saddr fd09::2
ct reply ip6 daddr fd09::2
ct protocol udp
ct packets > 1

[ip output outside]
ct state established
ct direction reply
ct status seen-reply
ct reply packets 1
ct reply packets > 1
ct reply bytes > 1
ct original packets != 0
ct avgpkt 28
ct reply avgpkt 28
ct reply ip saddr 10.9.0.1
ct original ip saddr 10.9.0.2
icmp type echo-reply
icmp id 5

# What the kernel's own expressions answer in front of the program.
[ip prerouting routes]
! table ip pre {
! chain m {
! type filter hook prerouting priority -50
! meta l4proto udp meta mark set 7
! }
! }
fib daddr type local
fib daddr type unicast
fib daddr type != unicast
fib daddr type broadcast
fib daddr type multicast
fib daddr type blackhole
fib daddr type unreachable
fib daddr type prohibit
fib daddr type > local
fib saddr type local
fib saddr type < multicast
fib saddr . mark type unicast
fib daddr . mark type blackhole
fib saddr . iif type local
fib daddr . iif type broadcast
fib saddr oif exists
fib saddr oif missing
fib saddr oif "lo"
fib saddr . iif oif missing
fib saddr . iif oif exists
fib saddr . iif oif 0
fib saddr . mark . iif oif missing
fib daddr oif != 0
fib daddr . mark oif "lo"
fib daddr oifname "k0"
fib daddr oifname != "k0"
fib saddr . iif oifname "k0"
~ fib daddr oifname missing
fib daddr type unicast fib saddr . iif oif missing
meta mark 7
socket transparent 0
~ socket mark 0
~ socket wildcard 1

[ip6 prerouting routes]
! table ip6 pre {
! chain m {
! type filter hook prerouting priority -50
! meta l4proto udp meta mark set 7
! }
! }
fib daddr type local
fib daddr type unicast
fib daddr type anycast
fib daddr type multicast
fib daddr type blackhole
fib daddr type unreachable
fib daddr type prohibit
fib saddr type != unicast
fib saddr . iif type local
fib saddr . mark type unicast
fib saddr . iif oif missing
fib saddr . iif oif exists
fib saddr . mark . iif oif missing
fib daddr oif "lo"
fib daddr . mark oif "lo"
fib daddr oifname "k0"
fib daddr oifname != "k0"

[ip input routes]
fib saddr . iif oif missing
fib saddr . iif oif exists
fib saddr . iif oifname "k0"
fib daddr type local
fib daddr type broadcast
fib saddr type != unicast
fib saddr . iif type unicast
fib daddr . iif oif 0

[ip forward routes]
fib saddr . iif oif missing
fib saddr . iif oif exists
fib daddr type unicast
fib daddr . iif type unicast
fib daddr . oif type unicast
fib saddr . oif type local
fib saddr type != unicast
rt mtu 1460
rt mtu > 1400

[ip6 forward routes]
fib saddr . iif oif missing
fib daddr . oif type unicast
fib daddr . iif type != local

[ip output routes]
fib daddr type local
fib daddr type unicast
fib daddr type multicast
fib daddr . oif type unicast
fib saddr . oif type local
fib saddr type local

[ip postrouting routes]
fib daddr type unicast
fib daddr . oif type != local
fib saddr . oif type local
