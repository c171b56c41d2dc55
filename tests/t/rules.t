# What nft has. Input ; canonical print (= the input) ; result. Written anew by t_runner --update: look at the diff.
:rule inet t c
tcp flags syn ; = ; OK
tcp flags == syn ; = ; OK
tcp flags syn,ack ; = ; OK
tcp flags & (fin|syn) == syn ; tcp flags & (fin | syn) == syn ; OK
tcp flags & (fin|syn|rst|ack) == syn|ack ; tcp flags & (fin | syn | rst | ack) == syn | ack ; OK
tcp flags syn / fin,syn,rst,ack ; = ; OK
tcp flags != syn / fin,syn,rst,ack ; = ; OK
tcp flags & syn == syn ; = ; OK
tcp flags & syn != 0 ; tcp flags & syn != 0x00 ; OK
tcp flags & (syn|ack) != 0 ; tcp flags & (syn | ack) != 0x00 ; OK
tcp flags ! syn ; = ; OK
tcp flags ! syn,ack ; = ; OK
tcp flags { syn, syn|ack } ; tcp flags { syn, syn | ack } ; OK
tcp flags 0x12 ; tcp flags syn,ack ; OK
ct state new,established ; ct state established,new ; OK
ct state == new ; = ; OK
ct state ! new ; = ; OK
ct state != new,established ; ct state != established,new ; OK
ct state { new, established } ; = ; OK
ct status assured,snat ; = ; OK
ct status & snat != 0 ; ct status & snat != 0x00000000 ; OK
ct status & snat > 5 ; ct status & snat > 0x5 ; OK ours
ct status >= 3 ; ct status >= 0x3 ; OK ours
ct mark & 0xff == 0x12 ; ct mark & 0x000000ff == 0x00000012 ; OK
ct mark and 0xff eq 0x12 ; ct mark & 0x000000ff == 0x00000012 ; OK
meta mark & 0xff 0x12 ; meta mark & 0x000000ff 0x00000012 ; OK
meta mark 12 ; meta mark 0x0000000c ; OK
meta mark 0x12-0x20 ; meta mark 0x00000012-0x00000020 ; OK
meta mark & 0x3 << 2 == 4 ; meta mark & 0x00000003 << 2 == 0x00000004 ; OK ours
meta mark << 2 == 4 ; meta mark << 2 == 0x00000004 ; OK ours
meta mark ^ 3 == 4 ; meta mark ^ 0x00000003 == 0x00000004 ; OK
mark 5 ; meta mark 0x00000005 ; OK
meta mark set meta mark | 0x10 ; meta mark set meta mark | 0x00000010 ; OK
meta mark set ct mark ; = ; OK
ct mark set meta mark & 0xff ; ct mark set meta mark & 0x000000ff ; OK
ct mark set mark ; ct mark set meta mark ; OK
meta mark set ip saddr map @m ; = ; OK
meta mark set ip saddr map { 1.2.3.4 : 5, 1.2.3.5 : 6 } ; meta mark set ip saddr map { 1.2.3.4 : 0x00000005, 1.2.3.5 : 0x00000006 } ; OK
ip saddr vmap { 1.2.3.4 : accept, 10.0.0.0/8 : jump other } ; = ; OK
ip saddr vmap @vm ; = ; OK
ip saddr . tcp dport { 1.2.3.4 . 80, 10.0.0.0/8 . 100-200 } ; = ; OK
ip saddr . tcp dport vmap { 1.2.3.4 . 80 : accept, 1.2.3.5 . ssh : drop } ; ip saddr . tcp dport vmap { 1.2.3.4 . 80 : accept, 1.2.3.5 . 22 : drop } ; OK
ip saddr 10.0.0.1/24 ; ip saddr 10.0.0.0/24 ; OK
ip saddr 10.0.0.1-10.0.0.7 ; = ; OK
ip saddr { 10.0.0.0/8, 192.168.0.1-192.168.0.5, 1.1.1.1 } ; = ; OK
ip saddr & 255.255.255.0 == 10.0.0.0 ; = ; OK
ip saddr != { 1.1.1.1 } ; = ; OK
ip saddr 1.1.1.1,2.2.2.2 ; - ; FAIL 10: a list is for bits; several values are a set: { a, b }
tcp dport 22,80 ; - ; FAIL 11: a list is for bits; several values are a set: { a, b }
tcp dport ssh-http ; - ; FAIL 11: no service is called 'ssh-http'
tcp dport "ssh" ; tcp dport 22 ; OK
tcp dport { ssh, 80-90 } ; tcp dport { 22, 80-90 } ; OK
tcp dport > 1024 ; = ; OK
tcp dport gt 1024 ; tcp dport > 1024 ; OK
tcp dport <= 5 ; = ; OK
tcp dport != 1-5 ; = ; OK
meta l4proto tcp tcp dport 22 ; = ; OK
ip protocol tcp ; = ; OK
ip protocol { tcp, udp, 89 } ; ip protocol { tcp, udp, ospf } ; OK
meta l4proto { tcp, udp, icmp, icmpv6, 200 } ; meta l4proto { tcp, udp, icmp, ipv6-icmp, 200 } ; OK
meta l4proto icmpv6 ; meta l4proto ipv6-icmp ; OK
ip6 nexthdr icmpv6 ; ip6 nexthdr ipv6-icmp ; OK
ether type ip ; = ; OK
meta protocol ip ; = ; OK
meta protocol { ip, ip6, arp, vlan } ; meta protocol { ip, ip6, arp, 8021q } ; OK
meta nfproto ipv4 ; = ; OK
iifname lo ; iifname "lo" ; OK
iifname "eth*" ; = ; OK
iifname "a\*" ; = ; OK
iifname { "eth0", "eth1" } ; = ; OK
iif lo ; iif "lo" ; OK
iif != "lo" ; = ; OK
meta iif 1 ; iif 1 ; OK
oifname != "x*" ; = ; OK
meta skuid 0 ; = ; OK
meta skuid root ; meta skuid "root" ; OK
skuid { 0, 1000-2000 } ; meta skuid { 0, 1000-2000 } ; OK
meta length 40-100 ; = ; OK
meta pkttype broadcast ; = ; OK
meta pkttype { broadcast, multicast } ; = ; OK
pkttype host ; meta pkttype host ; OK
meta priority 1:2 ; = ; OK
meta priority none ; = ; OK
meta cgroup 5 ; = ; OK
meta cpu 1 ; = ; OK
meta cpu 1-3 ; = ; OK
meta random 5 ; = ; OK
meta iiftype ether ; = ; OK
meta time "2020-01-02 03:04:05" ; = ; OK
meta time > "2020-01-02" ; meta time > "2020-01-02 00:00:00" ; OK
meta hour "17:00"-"19:00" ; = ; OK
meta hour 17:00 ; meta hour "17:00" ; OK
meta day "Monday" ; = ; OK
meta day mon ; meta day "Monday" ; OK ours
meta day { Sat, 0 } ; meta day { "Saturday", "Sunday" } ; OK ours
meta day 1 ; meta day "Monday" ; OK
rt classid 5 ; = ; OK
rt ip nexthop 1.2.3.4 ; = ; OK
rt mtu 500 ; = ; OK ours
meta rtclassid cosmos ; meta rtclassid "cosmos" ; OK
fib daddr type local ; = ; OK
fib daddr . iif type { local, broadcast } ; = ; OK
fib saddr . iif oif exists ; = ; OK
fib saddr . iif oif missing ; = ; OK
fib saddr oif "lo" ; = ; OK
fib saddr . mark . iif oifname "lo" ; = ; OK
fib saddr oif != 0 ; = ; OK
fib iif . saddr oif 1 ; fib saddr . iif oif 1 ; OK
socket transparent 1 ; = ; OK
socket mark 5 ; socket mark 0x00000005 ; OK
socket wildcard 0 ; = ; OK
socket cgroupv2 level 1 "user.slice" ; = ; OK ours
ether saddr 00:11:22:33:44:55 ; = ; OK
ether saddr 0:1:2:3:4:5 ; ether saddr 00:01:02:03:04:05 ; OK
ether saddr & ff:ff:ff:00:00:00 == 00:11:22:00:00:00 ; = ; OK
ether daddr { 00:11:22:33:44:55, 00:11:22:33:44:56 } ; = ; OK
vlan id 5 ; = ; OK
vlan pcp 3 ; = ; OK
arp operation request ; = ; OK ours
ip version 4 ; = ; OK
ip hdrlength 5 ; = ; OK
ip dscp cs1 ; = ; OK
ip dscp 0x3 ; ip dscp 0x03 ; OK
ip dscp { cs0, af11, 5 } ; ip dscp { cs0, af11, 0x05 } ; OK
ip ecn ce ; = ; OK
ip ecn ect0 ; = ; OK
ip length 100 ; = ; OK
ip id 5 ; = ; OK
ip frag-off 5 ; = ; OK
ip frag-off & 0x1fff != 0 ; ip frag-off & 8191 != 0 ; OK
ip ttl < 5 ; = ; OK
ip checksum 5 ; = ; OK
ip option lsrr exists ; = ; OK
ip option ra value 5 ; = ; OK
ip option rr addr 1.2.3.4 ; - ; FAIL 19: an IPv4 address where the type is integer
ip6 version 6 ; = ; OK
ip6 dscp af11 ; = ; OK
ip6 ecn not-ect ; = ; OK
ip6 flowlabel 5 ; = ; OK
ip6 length 5 ; = ; OK
ip6 hoplimit 255 ; = ; OK
ip6 saddr ::1 ; = ; OK
ip6 saddr 2001:db8::/32 ; = ; OK
ip6 saddr ::ffff:1.2.3.4 ; = ; OK
ip6 saddr { ::1, fe80::/10, 2001:db8::1-2001:db8::5 } ; = ; OK
icmp type echo-request ; = ; OK
icmp type { echo-request, 0 } ; icmp type { echo-request, echo-reply } ; OK
icmp type 200 ; = ; OK
icmp code port-unreachable ; = ; OK
icmp code 3 ; icmp code port-unreachable ; OK
icmp id 5 ; = ; OK
icmp sequence 5 ; = ; OK
icmp mtu 5 ; = ; OK
icmp gateway 1.2.3.4 ; - ; FAIL 14: an IPv4 address where the type is integer
icmp gateway 5 ; = ; OK
icmpv6 type echo-request ; = ; OK
icmpv6 type { nd-neighbor-solicit, 200 } ; = ; OK
icmpv6 code no-route ; = ; OK
icmpv6 id 5 ; = ; OK
icmpv6 mtu 5 ; = ; OK
icmpv6 packet-too-big 5 ; icmpv6 mtu 5 ; OK ours
icmpv6 parameter-problem 5 ; = ; OK ours
icmpv6 max-delay 5 ; = ; OK
igmp type membership-query ; = ; OK
igmp group 224.0.0.1 ; - ; FAIL 12: an IPv4 address where the type is integer
igmp mrt 5 ; = ; OK
tcp sport 5 ; = ; OK
tcp sequence 5 ; = ; OK
tcp ackseq 5 ; = ; OK
tcp doff 5 ; = ; OK
tcp reserved 1 ; = ; OK
tcp window 5 ; = ; OK
tcp checksum 5 ; = ; OK
tcp urgptr 5 ; = ; OK
tcp option maxseg exists ; = ; OK
tcp option maxseg missing ; = ; OK
tcp option maxseg size 5 ; = ; OK
tcp option mss size 5 ; tcp option maxseg size 5 ; OK
tcp option window count 5 ; = ; OK
tcp option sack-perm exists ; = ; OK
tcp option sack-permitted exists ; tcp option sack-perm exists ; OK
tcp option sack left 5 ; = ; OK
tcp option sack0 left 5 ; tcp option sack left 5 ; OK
tcp option sack1 right 5 ; = ; OK
tcp option timestamp tsval 5 ; = ; OK
tcp option timestamp length 5 ; = ; OK
tcp option echo exists ; tcp option timestamp exists ; OK
tcp option fastopen exists ; = ; OK
tcp option md5sig exists ; = ; OK
tcp option mptcp subtype 3 ; = ; OK
tcp option mptcp exists ; = ; OK
tcp option 254 exists ; = ; OK
tcp option 254 length 5 ; - ; FAIL 16: 'length' is no boolean; there are: missing, exists
tcp option @254,16,4 5 ; tcp option @254,16,4 0x5 ; OK ours
tcp option eol exists ; = ; OK
udp length > 100 ; = ; OK
udplite sport 5 ; = ; OK
udplite checksum 5 ; = ; OK
udplite csumcov 5 ; = ; OK
sctp dport 5 ; = ; OK
sctp vtag 5 ; = ; OK
sctp chunk data exists ; = ; OK
sctp chunk data tsn 5 ; = ; OK
sctp chunk init missing ; = ; OK
sctp chunk init-ack flags 5 ; = ; OK
dccp sport 5 ; = ; OK
dccp type request ; = ; OK
dccp type { ack, 12 } ; = ; OK
dccp option 3 exists ; - ; FAIL 6: 'dccp' has no 'option'
ah spi 5 ; = ; OK
ah nexthdr tcp ; = ; OK ours
ah hdrlength 5 ; = ; OK
esp spi 5 ; = ; OK
esp sequence 1-5 ; = ; OK
comp cpi 5 ; = ; OK
comp nexthdr udp ; = ; OK ours
comp flags 5 ; comp flags 0x5 ; OK
th dport 53 ; = ; OK
th sport { 53, 80-90 } ; = ; OK
@th,16,16 53 ; @th,16,16 0x35 ; OK
@nh,8,8 & 0xf == 5 ; @nh,8,8 & 0xf == 0x5 ; OK
@ll,0,48 0x112233445566 ; = ; OK
@ih,32,32 0x14000000 ; = ; OK
@th,16,16 { 53, 80 } ; @th,16,16 { 0x35, 0x50 } ; OK
hbh nexthdr tcp ; = ; OK
rt type 0 ; = ; OK
rt seg-left 5 ; = ; OK
frag frag-off 5 ; = ; OK
frag more-fragments 1 ; = ; OK
frag id 5 ; = ; OK
frag reserved2 0 ; = ; OK
dst hdrlength 5 ; = ; OK
mh type 5 ; mh type binding-update ; OK
mh type binding-update ; = ; OK
srh flags 5 ; = ; OK
srh tag 5 ; = ; OK
srh sid[1] ::1 ; = ; OK
exthdr frag exists ; = ; OK
exthdr hbh missing ; = ; OK
exthdr frag 1 ; exthdr frag exists ; OK
numgen inc mod 10 5 ; = ; OK
numgen random mod 100 < 50 ; = ; OK
numgen inc mod 10 offset 5 vmap { 5 : drop } ; = ; OK
jhash ip saddr . tcp dport mod 10 seed 0x5 1 ; = ; OK
jhash ip saddr mod 2 seed 0xdeadbeef offset 1 1 ; = ; OK
symhash mod 2 1 ; = ; OK
meta iifkind "veth" ; = ; OK
meta sdif lo ; meta sdif "lo" ; OK
meta sdifname "x" ; = ; OK
meta ipsec exists ; = ; OK
ipsec in reqid 5 ; = ; OK
osf name "Linux" ; = ; OK
meta l4proto 6 @th,0,16 5 ; meta l4proto tcp @th,0,16 0x5 ; OK
meta ibrname "x" ; = ; OK ours
meta iifgroup default ; iifgroup "default" ; OK
meta iifgroup 5 ; iifgroup 5 ; OK
meta oifgroup 5-7 ; oifgroup 5-7 ; OK
ct secmark set meta secmark ; = ; OK
tcp dport { 22, } ; tcp dport { 22 } ; OK
tcp dport != { 22 , 80 } ; tcp dport != { 22, 80 } ; OK
tcp dport vmap { 22 : accept, * : drop } ; = ; OK
tcp dport {22,80} ; tcp dport { 22, 80 } ; OK
ip saddr @s4 ; = ; OK
ip saddr != @s4 ; = ; OK
ip saddr . ip daddr . tcp dport { 1.1.1.1 . 2.2.2.2 . 3 } ; = ; OK
ct state vmap { established : accept, related : accept, invalid : drop } ; = ; OK
iifname . tcp dport { "lo" . 22 } ; = ; OK
ct state . ct mark { new . 0x12345678 } ; = ; OK
ip daddr . tcp dport != { 1.1.1.1 . 80 } ; = ; OK
meta mark . tcp dport vmap { 1 . 80 : jump other, 2-5 . 90-99 : goto other } ; meta mark . tcp dport vmap { 0x00000001 . 80 : jump other, 0x00000002-0x00000005 . 90-99 : goto other } ; OK
tcp dport 22 ip saddr 1.1.1.1 counter log prefix "x" drop ; tcp dport 22 ip saddr 1.1.1.1 counter packets 0 bytes 0 log prefix "x" drop ; OK
