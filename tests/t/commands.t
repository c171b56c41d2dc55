# Commands. See rules.t.
:file
flush ruleset ; = ; OK
flush ruleset ip ; = ; OK
list ruleset ; = ; OK ours
list ruleset inet ; = ; OK ours
list tables ; = ; OK ours
list tables ip6 ; = ; OK ours
list chains ; = ; OK ours
list sets ; = ; OK ours
list maps ; = ; OK ours
list counters ; = ; OK ours
list counters table ip t ; = ; OK ours
list quotas ; = ; OK ours
list limits ; = ; OK ours
add table t ; add table ip t ; OK
add table ip t ; = ; OK
create table inet t ; = ; OK
add table inet t { comment "x"; } ; table inet t {\n\tcomment "x"\n} ; OK
table inet t ; add table inet t ; OK
delete table inet t ; = ; OK ours
destroy table inet t ; = ; OK ours
delete table handle 5 ; delete table ip handle 5 ; OK ours
delete table inet handle 5 ; = ; OK ours
flush table inet t ; = ; OK ours
list table inet t ; = ; OK ours
add table t\nadd chain t c ; add table ip t\nadd chain ip t c ; OK
add table inet t\nadd chain inet t c { type filter hook input priority 0; policy drop; } ; add table inet t\nadd chain inet t c { type filter hook input priority filter; policy drop; } ; OK
add table inet t\ncreate chain inet t c ; = ; OK
add table inet t; chain inet t c { comment "x"; } ; add table inet t\nadd chain inet t c { comment "x"; } ; OK
add chain inet t c { policy drop; } ; = ; OK ours
delete chain inet t c ; = ; OK ours
delete chain inet t handle 7 ; = ; OK ours
flush chain inet t c ; = ; OK ours
list chain inet t c ; = ; OK ours
rename chain inet t c d ; = ; OK ours
rename chain inet t c ; - ; FAIL 22: expected the new name, found the end of the file
add table t\nadd chain t c\nadd rule t c accept ; add table ip t\nadd chain ip t c\nadd rule ip t c accept ; OK
add table t\nadd chain t c\nadd rule ip t c tcp dport 22 accept comment "ssh" ; add table ip t\nadd chain ip t c\nadd rule ip t c tcp dport 22 accept comment "ssh" ; OK
add table t\nadd chain t c\nrule t c accept ; add table ip t\nadd chain ip t c\nadd rule ip t c accept ; OK
add table t\nadd chain t c\nadd t c accept ; add table ip t\nadd chain ip t c\nadd rule ip t c accept ; OK
add table t\nadd chain t c\nt c accept ; add table ip t\nadd chain ip t c\nadd rule ip t c accept ; OK ours
add table inet t\nadd chain inet t c\ninet t c accept ; add table inet t\nadd chain inet t c\nadd rule inet t c accept ; OK ours
add table t\nadd chain t c\ninsert rule t c accept ; add table ip t\nadd chain ip t c\ninsert rule ip t c accept ; OK
add table t\nadd chain t c\nadd rule t c accept\nadd rule t c index 0 drop ; add table ip t\nadd chain ip t c\nadd rule ip t c accept\nadd rule ip t c index 0 drop ; OK
add table t\nadd chain t c\nadd rule t c accept\ninsert rule t c index 0 drop ; add table ip t\nadd chain ip t c\nadd rule ip t c accept\ninsert rule ip t c index 0 drop ; OK
add rule t c position 5 accept ; add rule ip t c position 5 accept ; OK ours
add rule t c handle 5 accept ; add rule ip t c handle 5 accept ; OK ours
insert rule inet t c handle 0x10 accept ; insert rule inet t c handle 16 accept ; OK ours
replace rule inet t c handle 4 drop ; = ; OK ours
replace rule inet t c drop ; - ; FAIL 23: expected 'handle' and its number, found 'drop'
replace rule inet t c position 4 drop ; - ; FAIL 23: expected 'handle', found 'position'
delete rule inet t c handle 4 ; = ; OK ours
delete rule inet t c ; - ; FAIL 21: expected 'handle' and its number, found the end of the file
delete rule inet t c handle ; - ; FAIL 28: expected handle, found the end of the file
destroy rule inet t c handle 4 ; = ; OK ours
add rule inet t c ; - ; FAIL 18: expected a rule, found the end of the file
add table t\nadd set t s { type ipv4_addr; } ; add table ip t\nadd set ip t s { type ipv4_addr; } ; OK
add table t\nadd set t s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; } ; add table ip t\nadd set ip t s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; } ; OK
add table t\ncreate set t s { type ipv4_addr; } ; add table ip t\ncreate set ip t s { type ipv4_addr; } ; OK
set ip t s { type ipv4_addr; } ; add set ip t s { type ipv4_addr; } ; OK ours
add set t s ; - ; FAIL 12: expected '{', found the end of the file
delete set t s ; delete set ip t s ; OK ours
flush set inet t s ; = ; OK ours
list set inet t s ; = ; OK ours
add table t\nadd map t m { type ipv4_addr : verdict; } ; add table ip t\nadd map ip t m { type ipv4_addr : verdict; } ; OK
flush map inet t m ; = ; OK ours
list map inet t m ; = ; OK ours
delete map inet t m ; = ; OK ours
add table t\nadd set t s { type ipv4_addr; }\nadd element t s { 1.2.3.4, 1.2.3.5 } ; add table ip t\nadd set ip t s { type ipv4_addr; }\nadd element ip t s { 1.2.3.4, 1.2.3.5 } ; OK
add table t\nadd set t s { type ipv4_addr . inet_service; }\nadd element t s { 1.2.3.4 . ssh } ; add table ip t\nadd set ip t s { type ipv4_addr . inet_service; }\nadd element ip t s { 1.2.3.4 . 22 } ; OK
add table t\nadd map t m { type ipv4_addr : mark; }\nadd element t m { 1.2.3.4 : 5 } ; add table ip t\nadd map ip t m { type ipv4_addr : mark; }\nadd element ip t m { 1.2.3.4 : 0x00000005 } ; OK
add table t\nadd set t s { type ipv4_addr; }\nadd element t s { fe80::1 } ; - ; FAIL 3:19: an IPv6 address where the type is ipv4_addr
add table t\nadd set t s { type ipv4_addr; }\ncreate element t s { 1.2.3.4 }\ndelete element t s { 1.2.3.4 } ; add table ip t\nadd set ip t s { type ipv4_addr; }\ncreate element ip t s { 1.2.3.4 }\ndelete element ip t s { 1.2.3.4 } ; OK
add element inet t s { 1.2.3.4, ssh, 5, fe80::1, 00:11:22:33:44:55, "eth0" } ; = ; OK ours
add element inet t s { 10.0.0.0/8 . 80-90 } ; = ; OK ours
delete element inet t s { 1.2.3.4 } ; = ; OK ours
get element inet t s { 1.2.3.4 } ; = ; OK ours
add element inet t s ; - ; FAIL 21: expected '{' and elements, found the end of the file
add element inet t s 1.2.3.4 ; - ; FAIL 22: expected '{' and elements, found '1.2.3.4'
add element inet t s { 1.2.3.4 1.2.3.5 } ; - ; FAIL 32: expected ',' or '}', found '1.2.3.5'
add table t\nadd counter t c ; add table ip t\nadd counter ip t c ; OK
add table t\nadd counter t c { packets 1 bytes 2; } ; add table ip t\nadd counter ip t c { packets 1 bytes 2; } ; OK
add table t\nadd counter t c { comment "x"; } ; add table ip t\nadd counter ip t c { comment "x"; } ; OK
add table t\nadd counter t c packets 1 bytes 2 ; add table ip t\nadd counter ip t c { packets 1 bytes 2; } ; OK ours
add table t\nadd quota t q { over 10 mbytes; } ; add table ip t\nadd quota ip t q { over 10 mbytes; } ; OK
add table t\nadd quota t q 10 mbytes ; add table ip t\nadd quota ip t q { 10 mbytes; } ; OK ours
add table t\nadd limit t l { rate 5/second; } ; add table ip t\nadd limit ip t l { rate 5/second; } ; OK
add quota t q ; - ; FAIL 13: a quota needs to say how many bytes
delete counter inet t c ; = ; OK ours
delete quota inet t q ; = ; OK ours
delete limit inet t l ; = ; OK ours
list counter inet t c ; = ; OK ours
list quota inet t c ; = ; OK ours
list limit inet t l ; = ; OK ours
reset counter inet t c ; = ; OK ours
reset counters ; = ; OK ours
reset counters inet ; = ; OK ours
reset counters table inet t ; = ; OK ours
reset quotas ; = ; OK ours
reset rules ; = ; OK ours
add table t; add chain t c; add rule t c accept ; add table ip t\nadd chain ip t c\nadd rule ip t c accept ; OK
add table t;;; ; add chain t c; ; add table ip t\nadd chain ip t c ; OK
 ; = ; OK
# nothing but this ; - ; OK ours
lst ruleset ; - ; FAIL 1: unknown command 'lst'; did you mean 'list'?
list rulset ; - ; FAIL 6: there is nothing to list called 'rulset'; did you mean 'ruleset'?
list ; - ; FAIL 5: expected what it is about: table, chain, set, ..., found the end of the file
add ; - ; FAIL 4: expected the name of a table, found the end of the file
insert table t ; - ; FAIL 1: there is no 'insert table'
rename table t u ; - ; FAIL 1: there is no 'rename table'
flush counter t c ; - ; FAIL 1: there is no 'flush counter'
create rule t c accept ; - ; FAIL 1: there is no 'create rule'
list rule t c ; - ; FAIL 1: there is no 'list rule'
list element t s { 1 } ; - ; FAIL 1: there is no 'list element'
list flowtables ; - ; FAIL 6: nft's 'flowtables' is not served by bpfilter
list ct helpers ; - ; FAIL 6: nft's 'ct' is not served by bpfilter
monitor ; - ; FAIL 1: nft's 'monitor' is not served by bpfilter
tabel inet t { chain c { acept; } } ; - ; FAIL 1: unknown command 'tabel'; did you mean 'table'?
delete tabel t ; - ; FAIL 8: there is nothing to delete called 'tabel'; did you mean 'table'?
add table "t" ; - ; FAIL 11: expected the name of a table, found "t"
add table 5 ; - ; FAIL 11: expected the name of a table, found '5'
add table t x ; - ; FAIL 13: expected the end of the statement, found 'x'
flush ruleset now ; - ; FAIL 15: expected the end of the statement, found 'now'
add table t { } x ; - ; FAIL 17: unknown command 'x'
