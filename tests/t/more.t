# More of what nft has, as people write it. See rules.t.
:rule inet t c
meta mark set numgen inc mod 2 map { 0 : 1, 1 : 2 } ; meta mark set numgen inc mod 2 map { 0 : 0x00000001, 1 : 0x00000002 } ; OK
meta mark set jhash ip saddr . tcp sport mod 2 ; = ; OK
meta mark set jhash ip saddr . tcp sport mod 16 seed 0xdeadbeef offset 5 ; = ; OK
meta priority set ip dscp map { cs1 : 1:1, cs2 : 1:2 } ; = ; OK
meta mark set tcp dport map { 22 : 1, 80-90 : 2 } ; meta mark set tcp dport map { 22 : 0x00000001, 80-90 : 0x00000002 } ; OK
ct mark set ip saddr . tcp dport map { 1.2.3.4 . 80 : 5 } ; ct mark set ip saddr . tcp dport map { 1.2.3.4 . 80 : 0x00000005 } ; OK
meta mark set meta mark & 0xffff0000 | 0x1 ; meta mark set meta mark & 0xffff0000 | 0x00000001 ; OK
meta mark set (meta mark & 0xff) | 0x100 ; meta mark set meta mark & 0x000000ff | 0x00000100 ; OK
meta mark set ct mark & 0xff ; meta mark set ct mark & 0x000000ff ; OK
ct mark set meta mark and 0xff or 0x10 ; ct mark set meta mark & 0x000000ff | 0x00000010 ; OK
ip saddr == { 1.1.1.1, 2.2.2.2 } ; = ; OK
ip saddr != { 1.1.1.1, 2.2.2.2 } drop ; = ; OK
ip daddr 10.0.0.0/8 ip saddr 192.168.0.0/16 accept ; = ; OK
tcp dport!=22 ; tcp dport != 22 ; OK
tcp dport>1024 ; tcp dport > 1024 ; OK
tcp dport{22,80} ; tcp dport { 22, 80 } ; OK
iifname eth0.100 accept ; iifname "eth0.100" accept ; OK
iifname br-lan accept ; iifname "br-lan" accept ; OK
oifname wg* accept ; oifname "wg*" accept ; OK
iifname { "eth*", "wg0" } accept ; = ; OK
iifname . oifname { "eth0" . "eth1" } accept ; = ; OK
iifname . ip saddr { "eth0" . 10.0.0.0/8 } accept ; = ; OK
meta l4proto { tcp, udp } th dport { 53, 853 } accept ; = ; OK
meta l4proto 6-17 ; = ; OK
ip protocol != { tcp, udp } ; = ; OK
ip6 nexthdr { tcp, udp, ipv6-icmp } ; = ; OK
ct state { new, untracked } accept ; = ; OK
ct state invalid drop ; = ; OK
ct state established,related,untracked accept ; = ; OK
ct status dnat accept ; = ; OK
ct direction original ct state new ; = ; OK
ct mark & 0xff != 0x10 ; ct mark & 0x000000ff != 0x00000010 ; OK
ct mark != 0 ; ct mark != 0x00000000 ; OK
ct original ip daddr 10.0.0.0/8 ; = ; OK
ct original ip saddr . ct original ip daddr { 1.1.1.1 . 2.2.2.2 } ; = ; OK
ct reply ip saddr 1.2.3.4 ; = ; OK
ip protocol tcp ct original saddr 1.2.3.4 ; ip protocol tcp ct original ip saddr 1.2.3.4 ; OK
icmp type echo-request ct reply daddr != 1.2.3.4 ; icmp type echo-request ct reply ip daddr != 1.2.3.4 ; OK
ip6 nexthdr tcp ct reply saddr 1::1 ; ip6 nexthdr tcp ct reply ip6 saddr 1::1 ; OK
ip saddr . ct mark { 1.1.1.1 . 1 } ct original saddr 1.2.3.4 ; ip saddr . ct mark { 1.1.1.1 . 0x00000001 } ct original ip saddr 1.2.3.4 ; OK
ct original packets > 100 ; = ; OK
ct reply bytes < 1000 ; = ; OK
ct expiration < 1h ; = ; OK
ct helper "ftp" accept ; = ; OK
ct label != 5 ; = ; OK
ct l3proto ipv6 ; = ; OK
tcp flags & (syn|rst) == syn ; tcp flags & (syn | rst) == syn ; OK
tcp flags & (fin|syn|rst|ack) != syn ; tcp flags & (fin | syn | rst | ack) != syn ; OK
tcp flags syn,ack / syn,ack,fin,rst ; tcp flags syn,ack / fin,syn,rst,ack ; OK
tcp flags & (syn | ack) == syn | ack ; = ; OK
tcp flags != { syn, ack } ; = ; OK
tcp flags { fin, rst, fin|syn } ; tcp flags { fin, rst, fin | syn } ; OK
tcp flags & fin == 0 ; tcp flags & fin == 0x00 ; OK
tcp option maxseg size < 500 drop ; = ; OK
tcp option maxseg size 500-1460 ; = ; OK
tcp option timestamp exists accept ; = ; OK
tcp option window count > 7 ; = ; OK
tcp option sack2 left 1234 ; = ; OK
udp dport 53 udp length 8-512 ; = ; OK
udp checksum 0 ; = ; OK
udp dport vmap { 53 : accept, 67-68 : jump other, 123 : goto other } ; = ; OK
icmp type { echo-reply, destination-unreachable, time-exceeded, parameter-problem } accept ; = ; OK
icmp type echo-request limit rate 5/second accept ; = ; OK
icmp type . icmp code { destination-unreachable . port-unreachable } ; = ; OK
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept ; = ; OK
icmpv6 type mld-listener-query ip6 hoplimit 1 ; = ; OK
ip ttl 1-5 drop ; = ; OK
ip ttl != 64 ; = ; OK
ip length > 1500 ; = ; OK
ip frag-off & 0x2000 != 0 ; ip frag-off & 8192 != 0 ; OK
ip id 0 ; = ; OK
ip dscp { af11, af12, ef } accept ; = ; OK
ip dscp != cs0 ; = ; OK
ip ecn != not-ect ; = ; OK
ip hdrlength > 5 ; = ; OK
ip saddr & 0.0.0.255 == 0.0.0.1 ; = ; OK
ip saddr & 0xff000000 == 0x0a000000 ; ip saddr & 255.0.0.0 == 10.0.0.0 ; OK
ip6 daddr & 0xff == 1 ; ip6 daddr & ::ff == ::1 ; OK ours
ip6 saddr & ffff:ffff:: == 2001:db8:: ; = ; OK
ip6 saddr fe80::/10 ; = ; OK
ip6 daddr ff02::1 ; = ; OK
ip6 saddr { fe80::/10, fc00::/7 } drop ; = ; OK
ip6 saddr . ip6 daddr { ::1 . ::1 } ; = ; OK
ip6 flowlabel 0-1000 ; = ; OK
ip6 dscp ef ; = ; OK
frag more-fragments 1 drop ; = ; OK
frag frag-off != 0 ; = ; OK
exthdr rt exists drop ; = ; OK
exthdr mh missing ; = ; OK
hbh nexthdr 6 ; hbh nexthdr tcp ; OK
rt seg-left > 0 ; = ; OK
fib saddr type != unicast drop ; = ; OK
fib daddr type { broadcast, multicast, anycast } drop ; = ; OK
fib saddr . iif oif missing drop ; = ; OK
fib saddr . iif oif 0 ; = ; OK
fib daddr . mark type local ; = ; OK
fib saddr . iif oifname != "lo" ; = ; OK
socket transparent 1 accept ; = ; OK
socket mark 0x5-0x8 ; socket mark 0x00000005-0x00000008 ; OK
socket wildcard 1 ; = ; OK
meta time "2022-01-01 00:00:00"-"2022-12-31 23:59:59" ; = ; OK
meta time < "2022-01-01" ; meta time < "2022-01-01 00:00:00" ; OK
meta hour "08:00"-"17:30" ; = ; OK
meta hour != "08:00" ; = ; OK
meta day "Friday" ; = ; OK
meta day 5 ; meta day "Friday" ; OK
meta cgroup 1048577 ; = ; OK
meta skuid != 0 ; = ; OK
meta skgid { 100, 1000 } ; = ; OK
meta random < 0x10000000 ; meta random < 268435456 ; OK
meta cpu { 0, 1 } ; = ; OK
meta length < 64 ; = ; OK
meta pkttype != host drop ; = ; OK
meta iiftype loopback ; = ; OK
meta iifgroup 0 ; iifgroup 0 ; OK
meta mark vmap { 1 : accept, 2 : drop } ; meta mark vmap { 0x00000001 : accept, 0x00000002 : drop } ; OK
meta mark != 5 ; meta mark != 0x00000005 ; OK
meta mark & 3 == 1 ; meta mark & 0x00000003 == 0x00000001 ; OK
meta mark >= 5 ; meta mark >= 0x00000005 ; OK
meta protocol ip6 drop ; = ; OK
meta protocol != { ip, ip6, arp } ; = ; OK
meta nfproto ipv6 tcp dport 22 ; = ; OK
meta nfproto vmap { ipv4 : jump other, ipv6 : goto other } ; = ; OK
meta oif lo ; oif "lo" ; OK
meta iif . meta l4proto { "lo" . tcp } ; iif . meta l4proto { "lo" . tcp } ; OK
ether type arp ; = ; OK
ether type vlan vlan id 5 ; ether type 8021q vlan id 5 ; OK
ether daddr ff:ff:ff:ff:ff:ff drop ; = ; OK
ether saddr . ip saddr { 00:11:22:33:44:55 . 1.2.3.4 } ; = ; OK
vlan id 1-100 ; = ; OK
vlan id { 1, 5, 7 } vlan pcp 3 ; = ; OK
ah spi 100-200 ; = ; OK
esp spi { 0x100, 0x200 } ; esp spi { 256, 512 } ; OK
sctp sport 5 sctp dport 7 ; = ; OK
dccp dport 5 ; = ; OK
udplite dport 5 ; = ; OK
th sport 1024-65535 th dport 53 ; = ; OK
@th,0,16 0x1234 ; = ; OK
@nh,0,4 4 ; @nh,0,4 0x4 ; OK
@ll,0,8 & 1 == 1 ; @ll,0,8 & 0x1 == 0x1 ; OK
@th,32,32 0x1-0x5 ; = ; OK
counter name "cc" accept ; = ; OK
quota name "qq" drop ; = ; OK
limit name "ll" accept ; = ; OK
limit rate over 100/second burst 10 packets drop ; = ; OK
limit rate 1 kbytes/minute ; = ; OK
limit rate over 2 mbytes/second burst 100 kbytes drop ; = ; OK
limit rate 1/day ; = ; OK
quota over 500 mbytes drop ; = ; OK
quota 500 mbytes used 20 mbytes ; = ; OK
log prefix "a b c: " group 1 snaplen 256 ; = ; OK
log group 0 ; = ; OK
log level err prefix "x" ; log prefix "x" level err ; OK
log flags tcp sequence flags skuid ; = ; OK
log flags all prefix "y" level emerg ; log prefix "y" level emerg flags all ; OK
log prefix "it's 100% ok; { x }" drop ; = ; OK
reject with icmpx host-unreachable ; = ; OK
reject with icmpx no-route ; = ; OK
ip protocol tcp reject with tcp reset ; = ; OK
meta nfproto ipv4 reject with icmp net-unreachable ; = ; OK
meta nfproto ipv6 reject with icmpv6 policy-fail ; = ; OK
meta nfproto ipv4 reject with icmp admin-prohibited ; = ; OK
notrack accept ; = ; OK
add @d42 { ip saddr . tcp dport } ; = ; OK
update @d42 { ip saddr . tcp dport timeout 10s counter } accept ; = ; OK
update @d4 { ip saddr timeout 1m limit rate over 5/second } drop ; = ; OK
update @d4 { ip saddr & 255.255.255.0 } ; = ; OK
add @d6 { ip6 saddr timeout 1h } ; = ; OK
delete @d4 { ip daddr } counter ; delete @d4 { ip daddr } counter packets 0 bytes 0 ; OK
update @d4 { ip saddr quota over 5 mbytes } drop ; = ; OK
update @d4 { ip saddr limit rate 1 kbytes/second burst 5 kbytes } ; = ; OK
ip dscp set ef ; = ; OK
ip dscp set 0x2 ; ip dscp set 0x02 ; OK
ip ttl set 64 ; = ; OK
ip6 hoplimit set 64 ; = ; OK
ip6 dscp set cs0 ; = ; OK
tcp dport set 8080 ; = ; OK
tcp flags syn tcp option maxseg size set 1360 ; = ; OK
ip saddr set 1.2.3.4 ; = ; OK
ether daddr set 00:11:22:33:44:55 ; = ; OK
meta nftrace set 1 accept ; = ; OK
meta priority set none ; = ; OK
meta priority set ffff:1 ; = ; OK
ct event set new,related ; = ; OK
ct zone set 0 ; = ; OK
ct label set 127 ; = ; OK
jump other comment "a comment" ; = ; OK
counter packets 18446744073709551615 bytes 0 ; = ; OK
ip saddr @s4 tcp dport @ports accept ; = ; OK
ip6 saddr != @s6 drop ; = ; OK
ip saddr vmap @vm counter ; ip saddr vmap @vm counter packets 0 bytes 0 ; OK
tcp dport vmap { ssh : accept, http : drop, https : jump other } ; tcp dport vmap { 22 : accept, 80 : drop, 443 : jump other } ; OK
tcp flags == syn,ack ; = ; OK ours
ip protocol . th dport != { tcp . 53 } ; = ; OK
ip protocol . th dport == tcp . 53 ; = ; OK ours
meta l4proto != tcp tcp dport 22 ; = ; OK ours
meta l4proto == tcp tcp dport 22 ; = ; OK
icmp type 3-5 ; = ; OK
icmp type { echo-reply, 3-redirect } ; icmp type { echo-reply, 3-5 } ; OK
meta pkttype 0-1 ; = ; OK
meta day 1-5 ; = ; OK
tcp dport 010 ; tcp dport 8 ; OK
tcp dport 0x16 ; tcp dport 22 ; OK
log prefix "$x" ; - ; FAIL 12: no text is in the variable 'x'
log prefix "a $ b" ; - ; FAIL 12: no text is in the variable ''
:rule ip t c
ct original saddr 1.2.3.4 ; ct original ip saddr 1.2.3.4 ; OK
ct reply daddr 10.0.0.0-10.1.0.0 ; ct reply ip daddr 10.0.0.0-10.1.0.0 ; OK
:rule ip6 t c
ct original daddr != 1::1 ; ct original ip6 daddr != 1::1 ; OK
