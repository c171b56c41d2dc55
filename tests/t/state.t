# Statements. See rules.t.
:rule inet t c
reject ; = ; OK
reject with icmp type port-unreachable ; reject with icmp port-unreachable ; OK
reject with icmp port-unreachable ; = ; OK
reject with icmp host-unreachable ; = ; OK
reject with icmpv6 no-route ; = ; OK
reject with icmpv6 type admin-prohibited ; reject with icmpv6 admin-prohibited ; OK
reject with icmpx admin-prohibited ; = ; OK
reject with icmpx type port-unreachable ; reject with icmpx port-unreachable ; OK
reject with icmpx 1 ; reject with icmpx port-unreachable ; OK
reject with icmp 3 ; reject with icmp port-unreachable ; OK
reject with tcp reset ; = ; OK
counter ; counter packets 0 bytes 0 ; OK
counter packets 5 bytes 10 ; = ; OK
counter name cc ; counter name "cc" ; OK
counter name "cc" ; = ; OK
counter name ip saddr map { 1.2.3.4 : "cc" } ; = ; OK
quota name qq ; quota name "qq" ; OK
limit name ll ; limit name "ll" ; OK
log ; = ; OK
log prefix "x: " ; = ; OK
log prefix "x: " level debug ; = ; OK
log prefix "abc" level warn ; log prefix "abc" ; OK
log level info ; = ; OK
log level alert flags tcp sequence,options ; = ; OK
log flags all ; = ; OK
log flags ip options flags skuid ; = ; OK
log flags tcp options flags ether ; = ; OK
log group 3 ; = ; OK
log group 3 prefix "x" snaplen 100 queue-threshold 20 ; log prefix "x" group 3 snaplen 100 queue-threshold 20 ; OK
log prefix "x" group 0 ; = ; OK
limit rate 10/second ; = ; OK
limit rate over 10/minute ; = ; OK
limit rate 10/second burst 20 packets ; = ; OK
limit rate 10 /hour burst 5 packets ; limit rate 10/hour ; OK
limit rate 1 mbytes/second ; = ; OK
limit rate 1 mbytes/second burst 2 mbytes ; = ; OK
limit rate over 10 kbytes/day burst 3000 bytes ; = ; OK
limit rate 100/week ; = ; OK
limit rate 5 bytes/second ; = ; OK
limit rate 1500 kbytes/second ; = ; OK
quota 10 mbytes ; = ; OK
quota over 10 mbytes ; = ; OK
quota until 10 kbytes used 5 bytes ; quota 10 kbytes used 5 bytes ; OK
quota over 1500 bytes ; = ; OK
ct count 5 ; = ; OK
ct count over 5 ; = ; OK
ct direction original ; = ; OK
ct direction reply ; = ; OK
ct original ip saddr 1.2.3.4 ; = ; OK
ct reply ip6 daddr ::1 ; = ; OK
ct original proto-src 22 ; = ; OK ours
ct original protocol tcp ; = ; OK
ct protocol tcp ; = ; OK
ct original saddr 1.2.3.4 ; - ; FAIL 13: of which family? Write 'ip saddr' or 'ip6 saddr'
ct l3proto ipv4 ; = ; OK
ct expiration 30s ; = ; OK
ct expiration 30s-50s ; = ; OK
ct expiration 1d2h3m4s5ms ; = ; OK
ct expiration 40 ; ct expiration 40s ; OK
ct original bytes > 1000 ; = ; OK
ct bytes > 1000 ; = ; OK
ct packets 5 ; = ; OK
ct avgpkt < 200 ; = ; OK
ct zone 5 ; = ; OK
ct helper "ftp" ; = ; OK
ct label 5 ; = ; OK
ct id 5 ; = ; OK
ct mark 0x5 ; ct mark 0x00000005 ; OK
ct mark { 1, 2 } ; ct mark { 0x00000001, 0x00000002 } ; OK
ct mark 1-5 ; ct mark 0x00000001-0x00000005 ; OK
ct event set new,destroy ; = ; OK
ct zone set 5 ; = ; OK
ct label set 3 ; = ; OK
notrack ; = ; OK
meta nftrace set 1 ; = ; OK
meta priority set 1:2 ; = ; OK
meta mark set 7 ; meta mark set 0x00000007 ; OK
mark set 0x7 ; meta mark set 0x00000007 ; OK
meta pkttype set broadcast ; = ; OK ours
ip dscp set cs1 ; = ; OK
ip ttl set 5 ; = ; OK
tcp option maxseg size set 1400 ; = ; OK
tcp option maxseg size set rt mtu ; = ; OK ours
add @d4 { ip saddr } ; = ; OK
add @d4 { ip saddr timeout 30s } ; = ; OK
update @d4 { ip saddr timeout 1h limit rate 5/second } ; = ; OK
add @d4 { ip saddr limit rate over 10/second burst 5 packets } drop ; add @d4 { ip saddr limit rate over 10/second } drop ; OK
add @d4 { ip saddr counter } ; = ; OK
update @d4 { ip saddr ct count over 5 } reject ; = ; OK ours
delete @d4 { ip saddr } ; = ; OK
set add ip saddr @d4 ; add @d4 { ip saddr } ; OK
set update ip saddr timeout 5s @d4 ; update @d4 { ip saddr timeout 5s } ; OK
add @m { ip saddr : 5 } ; = ; OK
update @m { ip saddr : meta mark } ; = ; OK
set add ip saddr : 3 @m ; add @m { ip saddr : 3 } ; OK ours
accept ; = ; OK
drop ; = ; OK
continue ; = ; OK
return ; = ; OK
jump other ; = ; OK
goto other ; = ; OK
queue ; - ; FAIL 1: nft's 'queue' is not served by bpfilter: packets are not queued to programs: leave it to a table of nft's, or look at them by log group N
ip saddr 1.2.3.4 accept comment "hello" ; = ; OK
comment "hello" ; - ; FAIL 1: a comment stands behind the rule it is about
counter accept comment "x # y" ; counter packets 0 bytes 0 accept comment "x # y" ; OK
last ; - ; FAIL 1: unknown statement 'last'
