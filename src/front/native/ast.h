/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ast.h: the syntax tree of the native language. A file is a list of
 * commands; a block `table inet t { ... }` is the command "add table" with a
 * body. Every node knows its place, names are looked up (keys.h, types.h),
 * values are typed as far as the text alone tells: what needs other tables,
 * the kernel or the system (interfaces, users, sets declared elsewhere) is left
 * to whoever turns the tree into a model.
 *
 *   bf_ast > cmd > table > { obj, set, chain > rule > stmt > expr }
 *
 * All lists are singly linked in the order of the text. Everything lives in
 * the tree's arena, and the text of each source too, so that later errors can
 * show it (bf_ast_error).
 */
#ifndef BF_AST_H
#define BF_AST_H

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/diag.h"
#include "front/native/keys.h"
#include "front/native/types.h"

struct bf_ast_loc { /* len 0: no place */
	uint32_t src, at, len; /* which source, from which byte on, how many bytes */
};

struct bf_ast_word { /* a name with its place; text NULL: there is none */
	const char *text;
	struct bf_ast_loc loc;
};

/* Expressions. */

enum bf_ast_expr_kind {
	BF_AST_VALUE,   /* a literal */
	BF_AST_KEY,     /* what the packet, its metadata, a generator gives */
	BF_AST_BINOP,   /* l op r */
	BF_AST_RANGE,   /* l-r */
	BF_AST_PREFIX,  /* l/r */
	BF_AST_CONCAT,  /* items: a . b */
	BF_AST_LIST,    /* items: a,b: bits that are or'ed */
	BF_AST_SET,     /* { elements }, also of maps */
	BF_AST_SETREF,  /* @name */
	BF_AST_MAP,     /* l map r, r a set or a reference */
	BF_AST_VAR,     /* $name, and a copy of its value */
	BF_AST_ANY,     /* *: what no other element has */
	BF_AST_VERDICT, /* in verdict maps */
};

enum bf_ast_lit { /* how a value was written */
	BF_LIT_NUMBER,
	BF_LIT_WORD,
	BF_LIT_STRING, /* quoted */
	BF_LIT_IPV4,
	BF_LIT_IPV6,
	BF_LIT_MAC,
};

enum bf_ast_op {
	BF_OP_AND, BF_OP_OR, BF_OP_XOR, BF_OP_LSHIFT, BF_OP_RSHIFT,
	BF_OP_ADD, BF_OP_SUB, /* a number to or from a field */
};

enum bf_ast_verdict {
	BF_AST_ACCEPT, BF_AST_DROP, BF_AST_CONTINUE, BF_AST_RETURN, BF_AST_JUMP, BF_AST_GOTO,
};

struct bf_ast_key { /* beside the row */
	uint8_t dir;               /* ct: 0 none, 1 original, 2 reply */
	uint8_t fib;               /* fib: BF_FIB_* of keys.h */
	bool random, seeded;       /* numgen; jhash */
	char base;                 /* raw payload: l, n, t, i */
	uint32_t index; /* sack block, sid[N], number of an option, level of a cgroup, spnum; rt: 4 or 6, ipsec: 'i', 'o' */
	uint32_t side;             /* ipsec: 'i' or 'o'; osf: 0, 'l'oose, 's'kip */
	uint32_t at, bits;         /* raw: in bits */
	uint32_t mod, seed, offset;
	struct bf_ast_expr *arg;   /* jhash */
};

struct bf_ast_expr {
	enum bf_ast_expr_kind kind;
	struct bf_ast_loc loc;
	struct bf_ast_expr *next; /* in items */
	union {
		struct {
			enum bf_ast_lit lit;
			bool known;                 /* num is the value as the type has it; else the text is all there is */
			bool plain;                 /* printed as a number, where that can be read again */
			const struct bf_ntype *type; /* or NULL: no type is known */
			const char *text;           /* WORD, STRING, and names that are looked up later (uids, interfaces) */
			bf_u128 num;
		} value;
		struct {
			const struct bf_nkey *row;
			const struct bf_ast_key *more; /* NULL where the row says all */
		} key;
		struct {
			enum bf_ast_op op; /* BINOP */
			struct bf_ast_expr *l, *r;
		} two;
		struct {
			struct bf_ast_expr *first;
			uint32_t n;
		} items;
		struct {
			struct bf_ast_elem *first;
			uint32_t n;
		} set;
		struct bf_ast_word name; /* SETREF */
		struct {
			const char *name;
			struct bf_ast_loc defined;
			struct bf_ast_expr *value;
		} var;
		struct {
			enum bf_ast_verdict kind;
			struct bf_ast_word chain; /* JUMP, GOTO */
		} verdict;
	};
};

struct bf_ast_elem {
	struct bf_ast_elem *next;
	struct bf_ast_expr *key;      /* may be a VAR of a SET: then those elements stand here */
	struct bf_ast_expr *data;     /* of maps: value, key, verdict, name of an object; else NULL */
	struct bf_ast_elem_more *more; /* or NULL */
};

struct bf_ast_elem_more {
	bool has_timeout, has_expires;
	uint64_t timeout, expires;   /* ms */
	const char *comment;
	struct bf_ast_stmt *stmts;   /* counter, limit, ... of this element */
};

struct bf_types { /* of the parts of a key, or of data */
	const struct bf_ntype *type[BF_NTYPE_PARTS]; /* NULL: not known */
	unsigned bits[BF_NTYPE_PARTS];               /* where the type does not say it; or 0 */
	uint32_t n;                                  /* 0: nothing is known */
};

/* The value behind variables. */
const struct bf_ast_expr *bf_ast_peel(const struct bf_ast_expr *e);

/* Statements. */

enum bf_ast_stmt_kind {
	BF_STMT_MATCH,
	BF_STMT_VERDICT,
	BF_STMT_VMAP,     /* match.l vmap match.r */
	BF_STMT_SET,      /* match.l set match.r */
	BF_STMT_ELEMENT,  /* add, update, delete @set { } */
	BF_STMT_REJECT,
	BF_STMT_COUNTER,
	BF_STMT_LIMIT,
	BF_STMT_QUOTA,
	BF_STMT_OBJECT,   /* counter, limit or quota by name */
	BF_STMT_LOG,
	BF_STMT_CT_COUNT,
	BF_STMT_NOTRACK,
	BF_STMT_STRIP,    /* reset tcp option X */
	/* Beyond nft. */
	BF_STMT_PCAP,
	BF_STMT_BYTECODE,
	BF_STMT_PROGRAM,
	BF_STMT_REDIRECT, /* to a device */
	BF_STMT_MIRROR,
	BF_STMT_ROUTE,    /* via a next hop */
	BF_STMT_SAMPLE,
	BF_STMT_SOCKSET,  /* sock_ops: set rto, initcwnd, ... */
};

enum bf_ast_rel {
	BF_REL_IMPLICIT, /* none written: for bit masks any of the bits, else as == */
	BF_REL_EQ, BF_REL_NE, BF_REL_LT, BF_REL_GT, BF_REL_LE, BF_REL_GE,
	BF_REL_NEG,      /* !: none of the bits */
};

enum bf_ast_reject {
	BF_REJECT_DEFAULT, BF_REJECT_ICMP, BF_REJECT_ICMPV6, BF_REJECT_ICMPX, BF_REJECT_TCP,
	BF_REJECT_ERRNO, /* of connect() and sendmsg(), at their hooks */
};

enum bf_ast_object { /* what commands are about; those with an s are lists */
	BF_OBJ_RULESET, BF_OBJ_TABLE, BF_OBJ_CHAIN, BF_OBJ_RULE, BF_OBJ_SET, BF_OBJ_MAP, BF_OBJ_ELEMENT,
	BF_OBJ_COUNTER, BF_OBJ_QUOTA, BF_OBJ_LIMIT,
	BF_OBJ_TABLES, BF_OBJ_CHAINS, BF_OBJ_SETS, BF_OBJ_MAPS, BF_OBJ_COUNTERS, BF_OBJ_QUOTAS, BF_OBJ_LIMITS, BF_OBJ_RULES,
};

struct bf_ast_rate { /* limit: rate UNITS / per seconds */
	bool over;
	bool bytes;
	uint64_t rate, per; /* packets or bytes in that many seconds */
	uint64_t burst;     /* packets (5 where none was written, as in nft) or bytes */
};

struct bf_ast_stmt {
	struct bf_ast_stmt *next;
	enum bf_ast_stmt_kind kind;
	struct bf_ast_loc loc;
	union {
		struct { /* (l & mask) rel r; VMAP, SET */
			enum bf_ast_rel rel;
			struct bf_ast_expr *l, *r;
			struct bf_ast_expr *mask; /* value / mask, or NULL */
		} match;
		struct bf_ast_expr *verdict;
		struct {
			char verb; /* 'a'dd, 'u'pdate, 'd'elete */
			struct bf_ast_word set;
			struct bf_ast_elem *elem;
		} element;
		struct {
			enum bf_ast_reject with;
			struct bf_ast_expr *code; /* or NULL */
		} reject;
		struct {
			uint64_t packets, bytes;
			bool bare; /* printed without them */
		} counter;
		struct bf_ast_rate limit;
		struct {
			bool over;
			uint64_t bytes, used;
		} quota;
		struct {
			enum bf_ast_object type;
			struct bf_ast_expr *name; /* a STRING, or a map to them */
		} object;
		struct {
			uint32_t set;      /* BF_LOG_* of what was written */
			const char *prefix;
			uint32_t level, group, snaplen, threshold, flags;
		} log;
		struct {
			bool over;
			uint32_t n;
		} ct_count;
		struct bf_ast_expr *strip;
		struct {
			bool neg;
			struct bf_ast_word text;    /* expression, bytecode, file */
			struct bf_ast_word section; /* PROGRAM; or none */
			const char *object;         /* PROGRAM: the file, in base64; NULL: not read yet */
			bool brief;                 /* printed without it, */
			bool again;                 /* or as "=": it is that of the statement before that names the file */
		} code;
		struct bf_ast_expr *to; /* REDIRECT, MIRROR, ROUTE: a device or an address */
		struct {
			uint64_t n, of;
		} sample;
		struct {
			enum bf_sockset what;
			uint64_t n;              /* RTO: ms; cwnd, rwnd: segments; mark */
			struct bf_ast_word text; /* congestion */
		} sock;
	};
};

enum {
	BF_LOG_PREFIX = 1,
	BF_LOG_LEVEL = 2,
	BF_LOG_GROUP = 4,
	BF_LOG_SNAPLEN = 8,
	BF_LOG_THRESHOLD = 16,
	BF_LOG_FLAGS = 32
};
/* log.flags: NF_LOG_* of linux/netfilter/nf_log.h; log.level: LOG_* of syslog.h, 8 audit */

struct bf_ast_rule {
	struct bf_ast_rule *next, *prev; /* prev: while tables are changed (apply.h); the parser sets next alone */
	struct bf_ast_loc loc;
	uint64_t handle; /* of stored ones; 0: none yet */
	struct bf_ast_stmt *stmts;
	const char *comment;
};

/* What tables hold. */

struct bf_ast_base { /* what makes a chain a base chain */
	struct bf_ast_loc loc;
	enum bf_chain_type type;
	const struct bf_nhook *hook;     /* NULL: type sockops has none */
	struct bf_ast_expr *devices;     /* NULL, a value or a set of them */
	struct bf_ast_word cgroup;
	const char *mode;                /* xdp: native, generic, offload; or NULL */
	bool has_prio;
	int prio;
};

struct bf_ast_chain {
	struct bf_ast_chain *next;
	struct bf_ast_word name;
	uint64_t handle;
	struct bf_ast_base *base;      /* or NULL */
	const char *policy;            /* "accept", "drop" or NULL */
	const char *comment;
	struct bf_ast_rule *rules;
	uint32_t hooks;                /* that packets come from although nothing in the tree says so (rules.h) */
};

enum { BF_SET_CONSTANT = 1, BF_SET_INTERVAL = 2, BF_SET_TIMEOUT = 4, BF_SET_DYNAMIC = 8 };

struct bf_ast_set {
	struct bf_ast_set *next;
	struct bf_ast_word name;
	uint64_t handle;
	bool map;
	struct bf_ast_expr *key_of;      /* typeof: expression (CONCAT: of parts); else NULL */
	struct bf_ast_expr *data_of;
	const struct bf_ntype *key[BF_NTYPE_PARTS]; /* of typeof too */
	uint32_t n_key;
	const struct bf_ntype *data[BF_NTYPE_PARTS]; /* of maps; [0]->form BF_FORM_VERDICT, BF_FORM_OBJECT too */
	uint32_t n_data;
	uint32_t flags;                  /* BF_SET_* */
	bool auto_merge, has_timeout, has_gc, has_size;
	uint64_t timeout, gc;            /* ms */
	uint64_t size;
	const char *policy;              /* "performance", "memory" or NULL */
	const char *comment;
	struct bf_ast_stmt *stmts;       /* what each element has */
	struct bf_ast_expr *elements;    /* a SET, a VAR of one, or NULL */
};

/* Whether its elements may have timeouts: `timeout 1h` says so as `flags timeout` does. */
static inline bool bf_ast_set_timed(const struct bf_ast_set *s)
{
	return s->flags & BF_SET_TIMEOUT || s->has_timeout;
}

struct bf_ast_obj { /* a named counter, quota or limit */
	struct bf_ast_obj *next;
	enum bf_ast_object type;
	struct bf_ast_word name;
	uint64_t handle;
	struct bf_ast_stmt *state; /* COUNTER, QUOTA or LIMIT; NULL: as it is by default */
	const char *comment;
};

struct bf_ast_table {
	bool dormant;
	const char *comment;
	uint64_t handle; /* of stored ones; 0: none yet */
	struct bf_ast_obj *objs;
	struct bf_ast_set *sets;
	struct bf_ast_chain *chains;
};

/* Commands. */

enum bf_ast_verb {
	BF_VERB_ADD, BF_VERB_CREATE, BF_VERB_INSERT, BF_VERB_REPLACE, BF_VERB_DELETE, BF_VERB_DESTROY,
	BF_VERB_LIST, BF_VERB_FLUSH, BF_VERB_RESET, BF_VERB_RENAME, BF_VERB_GET,
};

enum bf_ast_where { BF_AT_NONE, BF_AT_HANDLE, BF_AT_POSITION, BF_AT_INDEX };

struct bf_ast_cmd {
	struct bf_ast_cmd *next;
	struct bf_ast_loc loc;
	enum bf_ast_verb verb;
	enum bf_ast_object object;
	const struct bf_nfamily *family; /* NULL: none was written (ip for what has a name, all for lists) */
	struct bf_ast_word table;
	struct bf_ast_word name;    /* chain, set, object */
	struct bf_ast_word to;      /* rename */
	enum bf_ast_where where;
	uint64_t at;                /* handle, position (a handle), index (from 0) */
	struct bf_ast_loc at_loc;
	struct bf_ast_table *body;  /* add table ... { }; also when it is empty */
	struct bf_ast_chain *chain; /* add chain ... { } */
	struct bf_ast_set *set;
	struct bf_ast_obj *obj;
	struct bf_ast_rule *rule;
	struct bf_ast_expr *elements;
};

struct bf_ast_source {
	const char *name, *text;
	size_t len;
	struct bf_ast_loc from; /* the include; len 0: none */
};

struct bf_ast {
	struct bf_arena *arena; /* owns everything */
	struct bf_ast_cmd *cmds;
	struct bf_ast_source *sources;
	uint32_t n_sources;
};

void bf_ast_free(struct bf_ast *ast);
#define _cleanup_ast_ _cleanup_(bf_ast_freep)
static inline void bf_ast_freep(struct bf_ast **a)
{
	bf_ast_free(*a);
}

/* An error at a place, with its line and where that was included from. */
int bf_ast_error(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, int err, const char *fmt, ...)
	bf_printf_like(5, 6);
int bf_ast_verror(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, int err, const char *fmt,
                  va_list ap);
/* More about the last error. */
void bf_ast_note(const struct bf_ast *ast, struct bf_diag *d, struct bf_ast_loc loc, const char *fmt, ...)
	bf_printf_like(4, 5);

#endif
