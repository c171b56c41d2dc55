/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpfilter.h: the public interface of libbpfilter.
 *
 * Every function takes a context and returns 0 (or what it says) or -errno;
 * bf_ctx_message() then holds what a person should read, one or more lines.
 * The library prints nothing, keeps no global state and never exits. One
 * context is used by one thread at a time. A call that builds a large table
 * shares the work among threads of its own, as many as the caller may use CPUs
 * (sched_setaffinity(2)) and at most 8 with its own; they block all signals, call
 * none of the caller's functions, and have ended when the call returns.
 */
#ifndef BPFILTER_H
#define BPFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bf_ctx;

/* A new context for the caller's network namespace. NULL: out of memory. */
struct bf_ctx *bf_ctx_new(void);
void bf_ctx_free(struct bf_ctx *ctx);

/* Works on another network namespace: an open nsfs descriptor (/run/netns/NAME,
 * /proc/PID/ns/net). The context keeps its own duplicate; its message is forgotten. */
int bf_ctx_set_netns(struct bf_ctx *ctx, int fd);

/* How long a writer waits for another, in milliseconds (default 60,000; -1: for ever). */
void bf_ctx_set_lock_timeout(struct bf_ctx *ctx, int ms);

/*
 * Who waits for a large table to be built sees how far it has come, and may stop it. fn is called many times a second
 * while a call changes rules: stage "waiting" (for another writer), "reading", "compiling", "loading"; done of total, whose unit does not matter. When it
 * returns anything but 0 the call fails with -ECANCELED, and what was enforced before still is; once the new rules
 * are, fn is not asked any more. stage NULL: the call is over, whatever came of it (only where it had begun to tell). fn must not use ctx. NULL:
 * nobody waits.
 * Under bf_run fn is told of one change at a time, but from threads of its own.
 */
typedef int (*bf_progress_fn)(void *arg, const char *stage, uint64_t done, uint64_t total);
void bf_ctx_set_progress(struct bf_ctx *ctx, bf_progress_fn fn, void *arg);

/* The messages of the last call; "" when there are none. Valid until the next call. */
const char *bf_ctx_message(const struct bf_ctx *ctx);

/*
 * The iptables interface, as the kernel's sockets serve it. family: AF_INET or
 * AF_INET6; names, structs, byte order and errors are those of
 * linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h on
 * this machine.
 */

/* Is this table filtered by bpfilter? Others belong to the kernel's ip_tables. */
bool bf_xt_owns(int family, const char *table);

/* IPT_SO_GET_INFO: fills a struct ipt_getinfo (84 bytes). */
int bf_xt_info(struct bf_ctx *ctx, int family, const char *table, void *getinfo);

/* IPT_SO_GET_ENTRIES: *entries is malloc'ed, *size its length; counters are current. -EAGAIN: `expect` is not the present size. */
int bf_xt_entries(struct bf_ctx *ctx, int family, const char *table, uint32_t expect, void **entries, uint32_t *size);

/*
 * IPT_SO_SET_REPLACE: blob is struct ipt_replace with its entries, 8-aligned as
 * malloc() gives it; it is used up: rules may be a million, and are not copied. The new
 * rules are enforced when it returns 0, by one switch; on any error the old
 * ones are, untouched. *old (malloc'ed, may be NULL pointer on entry) takes
 * the old table's counters: struct xt_counters[num_counters].
 */
int bf_xt_set_entries(struct bf_ctx *ctx, int family, void *blob, size_t len, void **old, uint32_t *n_old);

/*
 * Changes single rules, all of them by one switch; the others go on counting.
 * In a large table this is done in place: it costs what the changes cost, not
 * what the table costs. number: the rule's in its chain, from 1, when the
 * changes before it are done; INSERT: the number it gets, 0: behind the last
 * one. entry: struct ipt_entry (ip6t_entry) with matches and target, `size`
 * bytes; a jump is a standard target with the chain's name as its own.
 * -ENOENT: no such chain or rule; else the errors of bf_xt_set_entries.
 */
enum bf_xt_edit_op { BF_XT_INSERT, BF_XT_DELETE, BF_XT_REPLACE };
struct bf_xt_rule_edit {
	enum bf_xt_edit_op op;
	const char *chain;
	uint32_t number;
	const void *entry; /* not for DELETE */
	size_t size;
};
int bf_xt_edit(struct bf_ctx *ctx, int family, const char *table, const struct bf_xt_rule_edit *edits, uint32_t n);

/* What the kernel says about a REPLACE before it copies the entries behind head (struct ipt_replace): 0, -EINVAL, -ENOMEM. */
int bf_xt_check_replace(const void *head, size_t len);

/* IPT_SO_SET_ADD_COUNTERS: struct xt_counters_info with its counters. */
int bf_xt_add_counters(struct bf_ctx *ctx, int family, const void *blob, size_t len);

/* IPT_SO_GET_REVISION_MATCH and _TARGET: 0, -EPROTONOSUPPORT or -ENOENT. */
int bf_xt_get_revision(int family, const char *name, uint8_t revision, bool target);

/* The tables of this namespace, in /proc/net/ip_tables_names' form: one name a line, newest first. *text is malloc'ed. */
int bf_xt_names(struct bf_ctx *ctx, int family, char **text);

/* Takes over the kernel's own filter table of that family: translate, enforce, only then empty the kernel's.
 * A rule that cannot be translated is named, and nothing is changed. */
#define BF_IMPORT_CHECK 1u /* only say whether it can be done */
int bf_import(struct bf_ctx *ctx, int family, unsigned flags);

/* The way back: hands the rules and counters to the kernel's ip_tables, then removes ours. */
int bf_export(struct bf_ctx *ctx, int family);

/*
 * The same for the tables of the kernel's own nf_tables, as nft(8) lists them (it must be installed): those that filter
 * become native tables, by one switch, with counters and elements, and are removed from the kernel only then. Chains of
 * type nat and route stay with the kernel, and what they use. So do tables of iptables-nft: messages say which. Everything
 * that the language does not cover is told, `nft list ruleset:line:column: error: ...`, and then nothing is changed. When it
 * ended before its time both filter; done again it goes on from there.
 * -EEXIST: there is another native table of that name. -EAGAIN: the kernel's tables changed meanwhile.
 * BF_IMPORT_CHECK, BF_IMPORT_LEAVE.
 */
#define BF_IMPORT_LEAVE 2u /* tables that the language does not cover stay with the kernel */
int bf_import_nft(struct bf_ctx *ctx, unsigned flags);

/* The way back, all native tables. What nft does not know is told in its words, and then nothing is changed. */
int bf_export_nft(struct bf_ctx *ctx);

/*
 * All tables of the namespace, as text or as JSON. *text is malloc'ed. Native tables come first, as text that
 * bf_native_run loads again; iptables' tables follow, in the same form for reading (BF_LIST_NATIVE: they do not). As JSON:
 * {"nftables": [...], "iptables": [...]}, the first in the schema of libnftables-json(5).
 */
#define BF_LIST_COUNTERS 1u
#define BF_LIST_JSON 2u
#define BF_LIST_HANDLES 4u /* native tables: behind everything that has one, as a comment */
#define BF_LIST_NUMERIC 8u /* native tables: ports, protocols, priorities as numbers */
#define BF_LIST_NATIVE 16u
int bf_list(struct bf_ctx *ctx, unsigned flags, char **text);

/*
 * Runs commands of the native language: tables in blocks, or add, create, insert, replace, delete, destroy, rename,
 * flush, reset, list, get, with nft's words and meaning. They change bpfilter's own tables ("flush ruleset" removes
 * all of these, those of iptables stay) and all of them take effect by one switch, or none: then every mistake is in
 * the message, `name:line:column: error: ...` with the line below. name: what the text is called there.
 * What list, get and reset print, and BF_NATIVE_ECHO, is in *out (malloc'ed; out may be NULL), as BF_LIST_* of flags say.
 * Files named by "include" are read, from /etc/bpfilter unless they have a path.
 * Counters of rules go on as long as the rule keeps its handle.
 * -EINVAL: the text is wrong; -ENOENT, -EEXIST, -EBUSY, ...: of the first command that cannot be done.
 */
#define BF_NATIVE_CHECK 0x100u /* all of it, up to loading in the kernel's verifier, but for the switch. Without privileges:
                                * up to code generation, as if there were no tables yet */
#define BF_NATIVE_ECHO 0x200u  /* commands that made something, with its handle */
#define BF_NATIVE_REPLACE 0x400u /* as if the text began with "flush ruleset" */
int bf_native_run(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags, char **out);

/*
 * All rules of the namespace, native and iptables' ones, with handles and counters, as text (malloc'ed) that bf_restore
 * puts in place of all that is there, by one switch. name: what it is called in messages. flags: BF_NATIVE_CHECK or 0.
 * Where a table was edited in the text so that its handles do not fit any more, it gets new ones.
 */
int bf_save(struct bf_ctx *ctx, char **text);
int bf_restore(struct bf_ctx *ctx, const char *name, const char *text, size_t len, unsigned flags);

/* Chains and the jumps between them, of all tables, as a graph that Graphviz draws. *text is malloc'ed. */
int bf_graph(struct bf_ctx *ctx, char **text);

/*
 * What the rules of the namespace's tables became: how each chain's rules are evaluated and why, as text or as JSON.
 * *text is malloc'ed.
 */
#define BF_DUMP_JSON 1u
#define BF_DUMP_CODE 2u /* text: and the cells and instructions they were compiled to */
int bf_dump(struct bf_ctx *ctx, unsigned flags, char **text);

/*
 * What becomes of packets that are described, one on each line ("tcp 192.0.2.1:5555 > 198.51.100.9:22 iif eth0 ct new";
 * bpfilter-test(8) has the words): the rules that each meets at each hook, and the verdict, found by programs that look
 * into the live data, and by the interpreter. No counter of a rule moves. name: what errors call the text.
 * *text is malloc'ed, one block for each packet, or JSON. Returns 0; 1: the programs and the interpreter do not agree
 * somewhere, the text says where; -EINVAL: a packet is described wrongly.
 */
#define BF_TEST_JSON 1u
int bf_test(struct bf_ctx *ctx, const char *name, const char *packets, unsigned flags, char **text);

/*
 * Watches packets: what the rules decide, as it happens. While somebody watches, the programs in force are such that tell
 * of each packet (that costs some 100 ns for each rule met); afterwards they are as before. Rules stay enforced and counters go on
 * all the time; changes of the rules are followed. Ends when fn returns other than 0, which is returned, or a signal
 * arrives (0). -EBUSY: somebody watches this namespace already. idle (or NULL) is called a few times each second and
 * ends it likewise.
 */
struct bf_seen_rule {
	const char *chain;
	uint64_t handle; /* native tables, else 0 */
	uint32_t number; /* in the chain, from 1; 0: the chain's policy */
	const char *rule; /* its text */
	const char *log;  /* it logs the packet: the prefix, or ""; else NULL */
};
struct bf_seen { /* a packet at a hook; valid during the call */
	uint64_t time;   /* CLOCK_REALTIME, ns */
	const char *family, *table, *hook;
	bool accept;
	const struct bf_seen_rule *rules; /* those that matched, in order */
	unsigned n_rules;
	uint32_t len, mark;
	const char *iif, *oif;            /* "" where there is none */
	const uint8_t *bytes;             /* the first caplen of the packet, from the network header on */
	uint32_t caplen;
	uint64_t lost;                    /* events that had no room, so far */
};
int bf_monitor(struct bf_ctx *ctx, int (*fn)(void *arg, const struct bf_seen *seen), int (*idle)(void *arg), void *arg);

/*
 * What has been counted: calls fn for each rule and each policy of all tables. Native rules count packets that matched all
 * of them, whether they have a counter statement or not. fn returning other than 0 ends it, and is returned. -ESTALE: a
 * table was replaced meanwhile, begin again.
 */
struct bf_stat { /* valid during the call */
	const char *family, *table, *chain;
	uint64_t handle;  /* native tables, else 0 */
	uint32_t number;  /* in the chain, from 1; 0: the chain's policy */
	const char *rule; /* its text */
	uint64_t packets, bytes;
};
int bf_stats(struct bf_ctx *ctx, int (*fn)(void *arg, const struct bf_stat *s), void *arg);

/* Removes all of bpfilter's rules from the namespace: everything is accepted, nothing stays attached. */
int bf_flush(struct bf_ctx *ctx);

/* Releases what belongs to namespaces that nobody uses any more. Returns how many. */
int bf_collect(struct bf_ctx *ctx);

/* Chains of this namespace whose device or control group went and has come again go there. Returns how many. */
int bf_reattach(struct bf_ctx *ctx);

/* What the running kernel offers. Returns the number of features; the array lives as long as the context. */
struct bf_feature_info {
	const char *name;
	bool present;
	bool required;
	const char *enables;
	const char *hint;
};
int bf_get_features(struct bf_ctx *ctx, const struct bf_feature_info **out);

/* What a chain can do at each hook here. Returns the number of hooks; the array lives as long as the context. */
struct bf_hook_info {
	const char *name;
	const char *at;         /* "namespace", "device", "cgroup" */
	bool present;
	const char *statements; /* "drop, reject, ..." */
};
int bf_get_hooks(struct bf_ctx *ctx, const struct bf_hook_info **out);

/*
 * Runs argv (searched in PATH) and serves the iptables calls of it and of all
 * its descendants until the last one is gone. Returns the program's wait
 * status (waitpid(2): WIFEXITED, WTERMSIG, ...), or -errno when it could not
 * be started. Signals sent to the caller are handed on to the program; the
 * calling thread must be the one that may wait for children.
 * argv0: what the program finds as its own name (NULL: argv[0]).
 */
#define BF_RUN_NAMES 1u /* also answer /proc/net/ip_tables_names (the -save programs) */
#define BF_RUN_EXEC 2u  /* when the caller is itself served already: replace it by the program, execvp(3) */
#define BF_RUN_TIED 4u  /* the program is killed when the supervisor is */
int bf_run(struct bf_ctx *ctx, const char *argv0, char *const argv[], unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
