# What is wrong, where, and what was meant. See rules.t.
:rule inet t c
acept ; - ; FAIL 1: unknown statement 'acept'; did you mean 'accept'?
ip sadr 1.2.3.4 ; - ; FAIL 4: 'ip' has no 'sadr'; did you mean 'saddr'?
ip saddr ; - ; FAIL 9: expected a value, found the end of the file
ip saddr == ; - ; FAIL 12: expected a value, found the end of the file
ip saddr = 1.2.3.4 ; - ; FAIL 10: expected a value, found '='
ip saddr 1.2.3 ; - ; FAIL 10: '1.2.3' is no ipv4_addr
ip saddr 1.2.3.400 ; - ; FAIL 10: '1.2.3.400' is no ipv4_addr
ip saddr 1.2.3.4/33 ; - ; FAIL 18: the length of a prefix is a number up to 32 here
ip saddr 1.2.3.4/ ; - ; FAIL 18: expected the length of a prefix, found the end of the file
ip saddr 1.2.3.4/255.0.0.0 ; - ; FAIL 18: expected the length of a prefix, found '255.0.0.0'
ip saddr fe80::1 ; - ; FAIL 10: an IPv6 address where the type is ipv4_addr
ip saddr example.com ; - ; FAIL 10: 'example.com' is no ipv4_addr
ip saddr 1.2.3.9-1.2.3.4 ; - ; FAIL 10: the range ends before it begins
ip saddr { 1.2.3.4 ; - ; FAIL 19: expected ',' or '}', found the end of the file
ip saddr { 1.2.3.4, ; - ; FAIL 20: expected a value, found the end of the file
ip saddr { 1.2.3.4 : drop } ; - ; FAIL 22: an element of a set has no data; those of maps have
ip saddr 1.2.3.4 1.2.3.5 ; - ; FAIL 18: expected a match, a statement or a verdict, found '1.2.3.5'
ip saddr @ ; - ; FAIL 11: expected the name of a set, found the end of the file
ip saddr @5 ; - ; FAIL 11: expected the name of a set, found '5'
ip6 saddr 2001:db8::/129 ; - ; FAIL 22: the length of a prefix is a number up to 128 here
ip6 saddr 2001:db8:::1 ; - ; FAIL 21: expected a match, a statement or a verdict, found ':'
ip6 hoplimt 5 ; - ; FAIL 5: 'ip6' has no 'hoplimt'; did you mean 'hoplimit'?
ip ; - ; FAIL 3: expected a field of 'ip', found the end of the file
ip 5 ; - ; FAIL 4: expected a field of 'ip', found '5'
tcp dprot 22 ; - ; FAIL 5: 'tcp' has no 'dprot'; did you mean 'dport'?
tcp dport shs ; - ; FAIL 11: no service is called 'shs'; did you mean 'ssh'?
tcp dport 65536 ; - ; FAIL 11: the number does not fit in 16 bits
tcp dport 0x10000 ; - ; FAIL 11: the number does not fit in 16 bits
tcp dport -5 ; - ; FAIL 13: expected a value, found the end of the file
tcp dport 90-80 ; - ; FAIL 11: the range ends before it begins
tcp dport 99999999999999999999999999999999999999999999 ; - ; FAIL 11: the number is too large
tcp dport "" ; - ; FAIL 11: no service is called ''
tcp dport { } ; - ; FAIL 11: a set of nothing
tcp dport {} accept ; - ; FAIL 11: a set of nothing
tcp flags syn,akc ; - ; FAIL 15: 'akc' is no tcp_flag; did you mean 'ack'?
tcp flags (syn ; - ; FAIL 15: expected ')', found the end of the file
tcp flags syn / ; - ; FAIL 16: expected a value, found the end of the file
tcp flags 0x100 ; - ; FAIL 11: the number does not fit in 8 bits
tcp option maxsg size 5 ; - ; FAIL 12: 'tcp option' has no 'maxsg'; did you mean 'maxseg'?
tcp option maxseg sise 5 ; - ; FAIL 19: 'tcp option maxseg' has no 'sise'; did you mean 'size'?
tcp option 256 exists ; - ; FAIL 12: the number of an option is at most 255
tcp option @34,8 5 ; - ; FAIL 18: expected ',', found '5'
tcp option ; - ; FAIL 11: expected a name, found the end of the file
tcp option maxseg exits ; - ; FAIL 19: 'tcp option maxseg' has no 'exits'
tpc dport 22 ; - ; FAIL 1: unknown statement 'tpc'; did you mean 'tcp'?
udp dport . ip saddr { 53 } ; - ; FAIL 24: one value, the key has 2 parts
udp dport . ip saddr { 53 . 1.2.3.4 . 5 } ; - ; FAIL 24: 3 parts, the key has 2
udp dport . ip saddr 53 . 1.2.3.4 ; = ; OK ours
ct state estblished ; - ; FAIL 10: 'estblished' is no ct_state; did you mean 'established'?
ct sate new ; - ; FAIL 4: 'ct' has no 'sate'; did you mean 'state'?
ct original state new ; - ; FAIL 4: 'ct state' has no direction
ct proto-src 22 ; - ; FAIL 4: 'ct proto-src' needs a direction: ct original or ct reply
ct original saddr 1.2.3.4 ; - ; FAIL 13: of which family? Write 'ip saddr' or 'ip6 saddr'
meta nfproto != ipv4 ct original daddr 1::1 ; - ; FAIL 34: of which family? Write 'ip daddr' or 'ip6 daddr'
ip protocol tcp ct original saddr 1::1 ; - ; FAIL 35: an IPv6 address where the type is ipv4_addr
add @s4 { ip saddr comment "x" } ; - ; FAIL 11: what rules add has no comment
ct original ip sadr 1.2.3.4 ; - ; FAIL 16: 'ct ip' has no 'sadr'; did you mean 'saddr'?
ct event new ; - ; FAIL 1: 'ct event' can only be set
ct mark set ; - ; FAIL 12: expected a value, found the end of the file
ct state set new ; - ; FAIL 1: 'ct state' cannot be set
ct count 5 over ; - ; FAIL 12: unknown statement 'over'
meta makr 5 ; - ; FAIL 6: 'meta' has no 'makr'; did you mean 'mark'?
meta ; - ; FAIL 5: expected a field of 'meta', found the end of the file
meta mark 0x1ffffffff ; - ; FAIL 11: the number does not fit in 32 bits
meta mark set 0x1ffffffff ; - ; FAIL 15: the number does not fit in 32 bits
meta mark set five ; - ; FAIL 15: 'five' is no mark
meta length set 5 ; - ; FAIL 1: 'meta length' cannot be set
meta l4proto tpc ; - ; FAIL 14: 'tpc' is no inet_proto; did you mean 'tcp'?
meta nfproto ip ; - ; FAIL 14: 'ip' is no nf_proto; there are: ipv4, ipv6
meta pkttype brodcast ; - ; FAIL 14: 'brodcast' is no pkt_type; did you mean 'broadcast'?
meta iifname "waytoolongforanifname" ; - ; FAIL 14: a name of this kind has at most 15 characters
meta iifname "" ; - ; FAIL 14: an empty name
meta iifname "*" ; - ; FAIL 14: every interface: leave it out
meta iifname 5 ; iifname "5" ; OK
meta day 7 ; - ; FAIL 10: days are 0, Sunday, to 6
meta day "Caturday" ; - ; FAIL 10: 'Caturday' is no day; did you mean 'Saturday'?
meta hour "25:00" ; - ; FAIL 11: '25:00' is no hour
meta hour 17.00 ; - ; FAIL 11: '17.00' is no hour
meta time "2020-13-01" ; - ; FAIL 11: '2020-13-01' is no time
meta time "yesterday" ; - ; FAIL 11: 'yesterday' is no time
iifnam "lo" ; - ; FAIL 1: unknown statement 'iifnam'; did you mean 'iifname'?
fib daddr typ local ; - ; FAIL 11: 'fib' has no 'typ'; did you mean 'type'?
fib dadr type local ; - ; FAIL 5: fib looks up no 'dadr'; did you mean 'daddr'?
fib daddr type locl ; - ; FAIL 16: 'locl' is no fib_addrtype; did you mean 'local'?
socket cgroupv2 "x" ; - ; FAIL 17: expected 'level', found "x"
socket transprent 1 ; - ; FAIL 8: 'socket' has no 'transprent'; did you mean 'transparent'?
ether saddr 00:11:22:33:44 ; - ; FAIL 13: a number where the type is ether_addr
ether saddr 1.2.3.4 ; - ; FAIL 13: an IPv4 address where the type is ether_addr
icmp type echo-reqest ; - ; FAIL 11: 'echo-reqest' is no icmp_type; did you mean 'echo-request'?
icmp type 256 ; - ; FAIL 11: the number does not fit in 8 bits
icmpv6 type echo ; - ; FAIL 13: 'echo' is no icmpv6_type; did you mean 'echo-request'?
vlan id 4096 ; - ; FAIL 9: the number does not fit in 12 bits
ip dscp 64 ; - ; FAIL 9: the number does not fit in 6 bits
ip dscp cs9 ; - ; FAIL 9: 'cs9' is no dscp; did you mean 'cs0'?
exthdr frg exists ; - ; FAIL 8: 'exthdr' has no 'frg'; did you mean 'frag'?
srh sid ::1 ; - ; FAIL 9: expected '[' and a number, found '::1'
srh sid[99] ::1 ; - ; FAIL 9: an index is at most 15
sctp chunk dta exists ; - ; FAIL 12: 'sctp chunk' has no 'dta'; did you mean 'data'?
numgen inc mod 0 5 ; - ; FAIL 18: a modulus of 0
numgen seq mod 5 5 ; - ; FAIL 8: expected 'inc' or 'random', found 'seq'
jhash ip saddr 5 ; - ; FAIL 16: expected 'mod', found '5'
@xx,0,8 5 ; - ; FAIL 1: expected a match, a statement or a verdict, found '@'
@th,0 5 ; - ; FAIL 7: expected ',', found '5'
@th,0,0 5 ; - ; FAIL 9: a length of no bits
@th,0,200 5 ; - ; FAIL 7: a length in bits is at most 128
@th,0,8 256 ; - ; FAIL 9: the number does not fit in 8 bits
counter packets ; - ; FAIL 16: expected a number of packets, found the end of the file
counter packets 5 ; - ; FAIL 18: expected 'bytes', found the end of the file
counter packets 99999999999999999999 bytes 5 ; - ; FAIL 17: a number of packets is at most 18446744073709551615
counter name ; - ; FAIL 13: expected a value, found the end of the file
limit ; - ; FAIL 6: expected 'rate', found the end of the file
limit rate ; - ; FAIL 11: expected a rate, found the end of the file
limit rate 5 ; - ; FAIL 13: expected '/' and a unit of time, found the end of the file
limit rate 0/second ; - ; FAIL 12: a rate of 0
limit rate 5/secnd ; - ; FAIL 14: unknown unit of time 'secnd'; did you mean 'second'?
limit rate 5 mbyte/second ; - ; FAIL 14: expected '/', 'bytes', 'kbytes' or 'mbytes', found 'mbyte/second'
limit rate 5/second burst 5 ; - ; FAIL 28: expected 'packets', found the end of the file
limit rate 5/second burst 5 bytes ; - ; FAIL 29: expected 'packets', found 'bytes'
limit rate 5 mbytes/second burst 5 packets ; - ; FAIL 36: expected 'bytes', 'kbytes' or 'mbytes', found 'packets'
quota ; - ; FAIL 6: expected a number, found the end of the file
quota 5 ; - ; FAIL 8: expected 'bytes', 'kbytes' or 'mbytes', found the end of the file
quota 99999999999999999 gbytes ; - ; FAIL 25: expected 'bytes', 'kbytes' or 'mbytes', found 'gbytes'
log prefix ; - ; FAIL 11: expected a prefix in quotes, found the end of the file
log prefix x ; log prefix "x" ; OK
log prefix "x ; - ; FAIL 12: the string does not end on its line
log level wrn ; - ; FAIL 11: unknown level 'wrn'; did you mean 'warn'?
log group 70000 ; - ; FAIL 11: a group is at most 65535
log group 1 level info ; - ; FAIL 1: log to a group has no level and no flags
log flags tcp ; - ; FAIL 14: expected 'options', found the end of the file
log flags tcp sequence,option ; - ; FAIL 24: expected 'options', found 'option'
log prefix "a" prefix "b" ; - ; FAIL 16: log has a prefix already
reject with ; - ; FAIL 12: expected 'icmp', 'icmpv6', 'icmpx', 'tcp reset' or 'errno', found the end of the file
reject with icmp ; - ; FAIL 17: expected a value, found the end of the file
reject with icmp port-unreachabel ; - ; FAIL 18: 'port-unreachabel' is no icmp_code; did you mean 'port-unreachable'?
reject with icmp 256 ; - ; FAIL 18: the number does not fit in 8 bits
reject with tcp ; - ; FAIL 16: expected 'reset', found the end of the file
reject with udp reset ; - ; FAIL 13: expected 'icmp', 'icmpv6', 'icmpx', 'tcp reset' or 'errno', found 'udp'
reject accept ; - ; FAIL 8: nothing behind a verdict has an effect
accept accept ; - ; FAIL 8: nothing behind a verdict has an effect
accept drop ; - ; FAIL 8: nothing behind a verdict has an effect
jump ; - ; FAIL 5: expected the name of a chain, found the end of the file
jump "x" ; - ; FAIL 6: expected the name of a chain, found "x"
jump { accept; } ; - ; FAIL 6: chains without a name are not served: give it one
goto 5 ; - ; FAIL 6: expected the name of a chain, found '5'
comment "x" ; - ; FAIL 1: a comment stands behind the rule it is about
accept comment ; - ; FAIL 15: expected a comment in quotes, found the end of the file
accept comment hello ; accept comment "hello" ; OK
accept comment "x" drop ; - ; FAIL 20: expected the end of the statement, found 'drop'
add ip saddr @d4 ; - ; FAIL 5: expected '@' and the name of a set, found 'ip'
add @d4 ; - ; FAIL 8: expected '{', found the end of the file
add @d4 { } ; - ; FAIL 11: expected a value, found '}'
add @d4 { 1.2.3.4 } ; - ; FAIL 11: what is put into a set comes from the packet: a field
add @d4 { ip saddr, ip daddr } ; - ; FAIL 19: expected '}', found ','
add @d4 { ip sadr } ; - ; FAIL 14: 'ip' has no 'sadr'; did you mean 'saddr'?
add @d4 { ip saddr timeout soon } ; - ; FAIL 28: expected a time like 30s or 1d2h3m, found 'soon'
update @d4 { ip saddr limit 5/second } ; - ; FAIL 29: expected 'rate', found '5'
set ip saddr @d4 ; - ; FAIL 5: a connection has no 'ip'
reset ip option lsrr ; - ; FAIL 7: expected 'tcp option' and its name, found 'ip'
reset tcp option maxseg size ; - ; FAIL 25: unknown statement 'size'; did you mean 'time'?
reset tcp option sack-perm ; = ; OK ours
tcp flags syn reset tcp option sack-perm accept ; = ; OK
ip saddr vmap { 1.2.3.4 : acept } ; - ; FAIL 27: expected a verdict: accept, drop, jump, ...
ip saddr vmap { 1.2.3.4 } ; - ; FAIL 17: an element of a map without data: ':' and the data
ip saddr vmap 1.2.3.4 ; - ; FAIL 15: expected '{' or '@' and the name of a map, found '1.2.3.4'
ip saddr vmap ; - ; FAIL 14: expected '{' or '@' and the name of a map, found the end of the file
ip saddr map { 1.2.3.4 : 5 } ; - ; FAIL 10: a map gives a value: it stands behind set; vmap gives verdicts
meta mark set ip saddr map { 1.2.3.4 : x } ; - ; FAIL 40: 'x' is no mark
meta mark set ip saddr map { fe80::1 : 5 } ; - ; FAIL 30: an IPv6 address where the type is ipv4_addr
meta mark set ip saddr map 5 ; - ; FAIL 28: expected '{' or '@' and the name of a map, found '5'
tcp dport 22 | ; - ; FAIL 15: expected a value, found the end of the file
(tcp dport 22 ; - ; FAIL 12: expected ')', found '22'
() ; - ; FAIL 2: expected a value, found ')'
5 ; - ; FAIL 1: expected a match, a statement or a verdict, found '5'
"x" ; - ; FAIL 1: expected a match, a statement or a verdict, found "x"
{ 22 } ; - ; FAIL 1: expected a match, a statement or a verdict, found '{'
$x ; - ; FAIL 1: expected a match, a statement or a verdict, found '$x'
tcp dport $ ; - ; FAIL 11: a name belongs behind the $
tcp dport $nothing ; - ; FAIL 11: unknown variable 'nothing'
tcp dport 22 § ; - ; FAIL 14: unknown statement '§'
tcp dport 22 ` ; - ; FAIL 14: this character means nothing here
ip saddr == tcp dport ; - ; FAIL 13: inet_service where the type is ipv4_addr
ip saddr == ip6 daddr ; - ; FAIL 13: ipv6_addr where the type is ipv4_addr
iifname == tcp dport ; - ; FAIL 12: inet_service where the type is ifname
queue num 5 ; - ; FAIL 1: nft's 'queue' is not served by bpfilter: packets are not queued to programs: leave it to a table of nft's, or look at them by log group N
snat to 1.2.3.4 ; - ; FAIL 1: nft's 'snat' is not served by bpfilter: addresses and ports are translated by the kernel: leave it to a chain of type nat of nft's
dnat to 1.2.3.4:80 ; - ; FAIL 1: nft's 'dnat' is not served by bpfilter: addresses and ports are translated by the kernel: leave it to a chain of type nat of nft's
masquerade ; - ; FAIL 1: nft's 'masquerade' is not served by bpfilter: addresses and ports are translated by the kernel: leave it to a chain of type nat of nft's
tproxy to :80 ; - ; FAIL 1: nft's 'tproxy' is not served by bpfilter: packets are not given to sockets: leave it to a table of nft's
synproxy mss 1460 ; - ; FAIL 1: nft's 'synproxy' is not served by bpfilter: it does not answer for servers: leave it to a table of nft's
xt match "x" ; - ; FAIL 1: nft's 'xt' is not served by bpfilter: rules of iptables are iptables' to load: bpfilter run
queue ; - ; FAIL 1: nft's 'queue' is not served by bpfilter: packets are not queued to programs: leave it to a table of nft's, or look at them by log group N
redirect ; - ; FAIL 1: bpfilter does not translate addresses: redirect to "IF" sends through a device
ct timeout set "x" ; - ; FAIL 1: nft's 'ct timeout' is not served by bpfilter: leave it to a table of nft's
ct expectation set "x" ; - ; FAIL 1: nft's 'ct expectation' is not served by bpfilter: leave it to a table of nft's
fwd ip to 1.2.3.4 device "lo" ; - ; FAIL 1: nft's 'fwd ip' is not served by bpfilter: write route via ADDRESS
fwd to meta mark map { 1 : "lo" } ; - ; FAIL 8: one device is named here, it does not hang on the packet: make it a rule for each
redirect to "mark" ; = ; OK ours
redirect to 1.2.3.4 ; - ; FAIL 13: packets are sent through a device here: redirect to "IF"; to a next hop: route via ADDRESS
flow offload @f ; - ; FAIL 1: nft's 'flow' is not served by bpfilter: there are no flow tables: leave it to a table of nft's
dup to 1.2.3.4 ; - ; FAIL 8: packets are copied through a device here: mirror to "IF"
fwd to ::1 ; - ; FAIL 8: packets are sent through a device here: redirect to "IF"; to a next hop: route via ADDRESS
meter m { ip saddr limit rate 5/second } ; - ; FAIL 1: nft's 'meter' is not served by bpfilter: write add @set { ... }
flow add @f ; - ; FAIL 1: nft's 'flow' is not served by bpfilter: there are no flow tables: leave it to a table of nft's
tcp sport ! 5 ; - ; FAIL 1: ! is for bits: none of them; != is for the rest
iifname . saddr { "eth0" . 1.2.3.4 } ; - ; FAIL 1: a value matches nothing by itself: fields stand here
tcp dport { , 22 } ; - ; FAIL 13: expected a value, found ','
tcp dport { 22 , , 80 } ; tcp dport { 22, 80 } ; OK
continue counter ; continue counter packets 0 bytes 0 ; OK
oifname 80 accept ; oifname "80" accept ; OK
oifname 080 accept ; oifname "080" accept ; OK
@ th , 16 , 16 53 ; @th,16,16 0x35 ; OK
log prefix word ; log prefix "word" ; OK
accept comment word ; accept comment "word" ; OK
iifname accept ; - ; FAIL 9: 'accept' is a word of the language: in quotes it is a name
iifname "accept" ; = ; OK
iif . ip saddr { tcp . 1.2.3.4 } ; - ; FAIL 18: 'tcp' is a word of the language: in quotes it is a name
meta skuid limit ; - ; FAIL 12: 'limit' is a word of the language: in quotes it is a name
counter name accept ; - ; FAIL 14: 'accept' is a word of the language: in quotes it is a name
log prefix drop ; - ; FAIL 12: expected a prefix in quotes, found 'drop'
accept comment ip ; - ; FAIL 16: expected a comment in quotes, found 'ip'
ip saddr 10 ; - ; FAIL 10: a number where the type is ipv4_addr
ip6 saddr 5 ; - ; FAIL 11: a number where the type is ipv6_addr
ether saddr 5 ; - ; FAIL 13: a number where the type is ether_addr
reject with icmp 1-5 ; - ; FAIL 18: a packet is rejected with one code
tcp dport < { 1, 2 } ; - ; FAIL 13: <, >, <= and >= compare with one value
tcp dport < 1-5 ; - ; FAIL 13: <, >, <= and >= compare with one value
ip ttl >= @ports ; - ; FAIL 11: <, >, <= and >= compare with one value
socket wildcard 2 ; - ; FAIL 17: the number does not fit in 1 bit
tcp dport $ ; - ; FAIL 11: a name belongs behind the $
tcp dport $ x ; - ; FAIL 11: unknown variable 'x'
ct label 128 ; - ; FAIL 10: labels are 0 to 127
ct label set 127 ; = ; OK
vlan id set 1-100 ; - ; FAIL 13: one value can be set, this is more
meta mark set { 1, 2 } ; - ; FAIL 15: one value can be set, this is more
meta mark set @m ; - ; FAIL 15: one value can be set, this is more
ip saddr set 10.0.0.0/8 ; - ; FAIL 14: one value can be set, this is more
dport 22 ; - ; FAIL 1: 'dport' of what? There are 'tcp dport', 'udp dport', 'udplite dport', 'sctp dport', ...
saddr 1.2.3.4 ; - ; FAIL 1: 'saddr' of what? There are 'ether saddr', 'ip saddr', 'ip6 saddr'
ct state estab ; - ; FAIL 10: 'estab' is no ct_state; did you mean 'established'?
ct state none ; - ; FAIL 10: 'none' is no ct_state; there are: invalid, established, related, new, untracked
limit rate 10/sec ; - ; FAIL 15: unknown unit of time 'sec'; did you mean 'second'?
log levl err ; - ; FAIL 5: unknown statement 'levl'; did you mean 'level'?
udp dport domian ; - ; FAIL 11: no service is called 'domian'; did you mean 'domain'?
