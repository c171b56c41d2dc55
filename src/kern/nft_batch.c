/* SPDX-License-Identifier: GPL-2.0-only */
/* nft_batch.c: the messages of an nf_tables transaction (nft.h). Layouts: linux/netfilter/nf_tables.h. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_bpf.h>

#include "kern/nft.h"

#define MSG_DESTROYTABLE 26 /* NFT_MSG_DESTROYTABLE, Linux 6.3 */
#define UDATA_COMMENT 0     /* user data of a table: {u8 type, u8 length, value}, as nft(8) reads it */

void nft_batch_init(struct nft_batch *b, uint8_t family, const char *table)
{
	memset(b, 0, sizeof(*b));
	b->family = family;
	b->table = table;
}

void nft_batch_free(struct nft_batch *b)
{
	bf_buf_free(&b->out);
	bf_buf_free(&b->abouts);
}

static void begin(struct nft_batch *b, uint32_t about, int type, int flags, uint8_t family)
{
	struct nfgenmsg *g;

	b->msg = mnl_nlmsg_put_header(b->scratch);
	b->msg->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	b->msg->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g = mnl_nlmsg_put_extra_header(b->msg, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	bf_buf_add(&b->abouts, &about, sizeof(about));
	b->n++;
}

static void end(struct nft_batch *b)
{
	bf_buf_add(&b->out, b->scratch, NLMSG_ALIGN(b->msg->nlmsg_len));
}

/* Room for an attribute of len bytes, and for what closes the message. */
static bool fits(struct nft_batch *b, size_t len)
{
	if (b->msg->nlmsg_len + len + 256 > NFT_MESSAGE_MAX)
		b->too_long = true;
	return !b->too_long;
}

static void put(struct nft_batch *b, uint16_t type, const void *p, size_t len)
{
	if (fits(b, len))
		mnl_attr_put(b->msg, type, len, p);
}

static void put_str(struct nft_batch *b, uint16_t type, const char *s)
{
	put(b, type, s, strlen(s) + 1);
}

static void put_u32(struct nft_batch *b, uint16_t type, uint32_t v)
{
	v = htonl(v);
	put(b, type, &v, sizeof(v));
}

void nft_add_table(struct nft_batch *b, uint32_t about, const char *comment)
{
	uint8_t udata[2 + 128] = { UDATA_COMMENT };
	size_t len = BF_MIN(strlen(comment), sizeof(udata) - 3);

	udata[1] = (uint8_t)(len + 1);
	memcpy(udata + 2, comment, len);
	begin(b, about, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, b->family);
	put_str(b, NFTA_TABLE_NAME, b->table);
	put(b, NFTA_TABLE_USERDATA, udata, len + 3);
	end(b);
}

void nft_del_table(struct nft_batch *b, uint32_t about, uint8_t family, const char *table)
{
	begin(b, about, MSG_DESTROYTABLE, 0, family);
	put_str(b, NFTA_TABLE_NAME, table);
	end(b);
}

static void begin_chain(struct nft_batch *b, uint32_t about, const char *chain)
{
	begin(b, about, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, b->family);
	put_str(b, NFTA_CHAIN_TABLE, b->table);
	put_str(b, NFTA_CHAIN_NAME, chain);
}

void nft_add_chain(struct nft_batch *b, uint32_t about, const char *chain)
{
	begin_chain(b, about, chain);
	end(b);
}

void nft_add_base_chain(struct nft_batch *b, uint32_t about, const char *chain, uint8_t hook, int priority)
{
	struct nlattr *nest;

	begin_chain(b, about, chain);
	nest = mnl_attr_nest_start(b->msg, NFTA_CHAIN_HOOK);
	put_u32(b, NFTA_HOOK_HOOKNUM, hook);
	put_u32(b, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	mnl_attr_nest_end(b->msg, nest);
	put_u32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
	put_str(b, NFTA_CHAIN_TYPE, "filter");
	end(b);
}

void nft_rule_begin(struct nft_batch *b, uint32_t about, const char *chain)
{
	begin(b, about, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, b->family);
	put_str(b, NFTA_RULE_TABLE, b->table);
	put_str(b, NFTA_RULE_CHAIN, chain);
	b->exprs = mnl_attr_nest_start(b->msg, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft_batch *b)
{
	mnl_attr_nest_end(b->msg, b->exprs);
	end(b);
}

/* An expression: its name, then its attributes, nested. */
struct expr {
	struct nlattr *elem, *data;
};

static struct expr expr_begin(struct nft_batch *b, const char *name)
{
	struct expr e;

	fits(b, 0);
	e.elem = mnl_attr_nest_start(b->msg, NFTA_LIST_ELEM);
	put_str(b, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(b->msg, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nft_batch *b, struct expr e)
{
	mnl_attr_nest_end(b->msg, e.data);
	mnl_attr_nest_end(b->msg, e.elem);
}

void nft_expr_match(struct nft_batch *b, const char *name, uint8_t revision, const void *info, size_t size)
{
	struct expr e = expr_begin(b, "match");

	put_str(b, NFTA_MATCH_NAME, name);
	put_u32(b, NFTA_MATCH_REV, revision);
	put(b, NFTA_MATCH_INFO, info, size);
	expr_end(b, e);
}

void nft_expr_target(struct nft_batch *b, const char *name, uint8_t revision, const void *info, size_t size)
{
	struct expr e = expr_begin(b, "target");

	put_str(b, NFTA_TARGET_NAME, name);
	put_u32(b, NFTA_TARGET_REV, revision);
	put(b, NFTA_TARGET_INFO, info, size);
	expr_end(b, e);
}

void nft_expr_bpf(struct nft_batch *b, int prog)
{
	struct xt_bpf_info_v1 info = { .mode = XT_BPF_MODE_FD_ELF, .fd = prog }; /* ELF or not: any descriptor */

	nft_expr_match(b, "bpf", 1, &info, sizeof(info));
}

void nft_expr_reject(struct nft_batch *b, uint8_t type, uint8_t code)
{
	struct expr e = expr_begin(b, "reject");

	put_u32(b, NFTA_REJECT_TYPE, type);
	put(b, NFTA_REJECT_ICMP_CODE, &code, sizeof(code));
	expr_end(b, e);
}

void nft_expr_verdict(struct nft_batch *b, int code, const char *chain)
{
	struct expr e = expr_begin(b, "immediate");
	struct nlattr *data, *verdict;

	put_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(b->msg, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(b->msg, NFTA_DATA_VERDICT);
	put_u32(b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		put_str(b, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(b->msg, verdict);
	mnl_attr_nest_end(b->msg, data);
	expr_end(b, e);
}

void nft_expr_ct_state(struct nft_batch *b)
{
	struct expr e = expr_begin(b, "ct");

	put_u32(b, NFTA_CT_DREG, NFT_REG_1);
	put_u32(b, NFTA_CT_KEY, NFT_CT_STATE);
	expr_end(b, e);
}

static void put_bytes(struct nft_batch *b, uint16_t type, const void *p, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(b->msg, type);

	put(b, NFTA_DATA_VALUE, p, len);
	mnl_attr_nest_end(b->msg, nest);
}

static void put_data(struct nft_batch *b, uint16_t type, uint32_t v)
{
	put_bytes(b, type, &v, sizeof(v)); /* host order, as the register holds it */
}

void nft_expr_none_of(struct nft_batch *b, uint32_t mask)
{
	struct expr e = expr_begin(b, "bitwise");

	put_u32(b, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(b, NFTA_BITWISE_DREG, NFT_REG_1);
	put_u32(b, NFTA_BITWISE_LEN, sizeof(mask));
	put_data(b, NFTA_BITWISE_MASK, mask);
	put_data(b, NFTA_BITWISE_XOR, 0);
	expr_end(b, e);
	e = expr_begin(b, "cmp");
	put_u32(b, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(b, NFTA_CMP_OP, NFT_CMP_EQ);
	put_data(b, NFTA_CMP_DATA, 0);
	expr_end(b, e);
}

void nft_expr_log(struct nft_batch *b, const struct bf_handoff_log *l)
{
	struct expr e = expr_begin(b, "log");
	uint16_t group = htons(l->group), threshold = htons(l->threshold);

	if (l->prefix[0])
		put_str(b, NFTA_LOG_PREFIX, l->prefix);
	if (!l->grouped) {
		put_u32(b, NFTA_LOG_LEVEL, l->level);
		if (l->flags)
			put_u32(b, NFTA_LOG_FLAGS, l->flags);
	} else {
		put(b, NFTA_LOG_GROUP, &group, sizeof(group));
		if (l->snaplen)
			put_u32(b, NFTA_LOG_SNAPLEN, l->snaplen);
		if (l->threshold)
			put(b, NFTA_LOG_QTHRESHOLD, &threshold, sizeof(threshold));
	}
	expr_end(b, e);
}

/* What can be set; bytes of it in a register. */
static const struct {
	bool ct;
	uint8_t key, size;
} places[] = {
	[BF_PLACE_MARK] = { false, NFT_META_MARK, 4 },       [BF_PLACE_PRIORITY] = { false, NFT_META_PRIORITY, 4 },
	[BF_PLACE_CT_MARK] = { true, NFT_CT_MARK, 4 },       [BF_PLACE_CT_LABEL] = { true, NFT_CT_LABELS, 16 },
	[BF_PLACE_CT_ZONE] = { true, NFT_CT_ZONE, 2 },       [BF_PLACE_CT_EVENT] = { true, NFT_CT_EVENTMASK, 4 },
	[BF_PLACE_TRACE] = { false, NFT_META_NFTRACE, 1 },   [BF_PLACE_PKTTYPE] = { false, NFT_META_PKTTYPE, 1 },
};

/* Register 1 from or to one of the places. */
static void expr_place(struct nft_batch *b, uint8_t place, bool set)
{
	bool ct = places[place].ct;
	struct expr e = expr_begin(b, ct ? "ct" : "meta");

	if (ct)
		put_u32(b, set ? NFTA_CT_SREG : NFTA_CT_DREG, NFT_REG_1);
	else
		put_u32(b, set ? NFTA_META_SREG : NFTA_META_DREG, NFT_REG_1);
	put_u32(b, ct ? NFTA_CT_KEY : NFTA_META_KEY, places[place].key);
	expr_end(b, e);
}

/* As the kernel takes it out of a register: numbers in its own order, of a label the bit. */
static void put_constant(struct nft_batch *b, const struct bf_handoff_set *s)
{
	uint32_t words[4] = { s->value };
	uint16_t half = (uint16_t)s->value;
	uint8_t byte = (uint8_t)s->value;

	if (s->to == BF_PLACE_CT_LABEL) {
		words[0] = 0;
		words[s->value / 32 & 3] = 1u << s->value % 32;
	}
	put_bytes(b, NFTA_IMMEDIATE_DATA, places[s->to].size == 1 ? &byte : places[s->to].size == 2 ? (void *)&half : words,
	          places[s->to].size);
}

static void expr_bits(struct nft_batch *b, const void *mask, const void *xor, uint32_t size)
{
	struct expr e = expr_begin(b, "bitwise");

	put_u32(b, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(b, NFTA_BITWISE_DREG, NFT_REG_1);
	put_u32(b, NFTA_BITWISE_LEN, size);
	put_bytes(b, NFTA_BITWISE_MASK, mask, size);
	put_bytes(b, NFTA_BITWISE_XOR, xor, size);
	expr_end(b, e);
}

static struct expr expr_header(struct nft_batch *b, uint16_t reg, uint8_t at)
{
	struct expr e = expr_begin(b, "payload");

	put_u32(b, reg, NFT_REG_1);
	put_u32(b, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_u32(b, NFTA_PAYLOAD_OFFSET, at);
	put_u32(b, NFTA_PAYLOAD_LEN, 2);
	return e;
}

static void set_header(struct nft_batch *b, const struct bf_handoff_set *s)
{
	uint16_t mask = htons((uint16_t)s->mask), xor = htons((uint16_t)s->value);
	struct expr e;

	expr_end(b, expr_header(b, NFTA_PAYLOAD_DREG, s->at));
	expr_bits(b, &mask, &xor, 2);
	e = expr_header(b, NFTA_PAYLOAD_SREG, s->at);
	if (s->sum) {
		put_u32(b, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
		put_u32(b, NFTA_PAYLOAD_CSUM_OFFSET, s->sum);
	}
	expr_end(b, e);
}

static void load_mss(struct nft_batch *b, const struct bf_handoff_set *s)
{
	uint16_t size = htons((uint16_t)s->value);
	struct expr e;

	if (s->from != BF_PLACE_ROUTE_MSS) {
		e = expr_begin(b, "immediate");
		put_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
		put_bytes(b, NFTA_IMMEDIATE_DATA, &size, sizeof(size));
		return expr_end(b, e);
	}
	e = expr_begin(b, "rt");
	put_u32(b, NFTA_RT_DREG, NFT_REG_1);
	put_u32(b, NFTA_RT_KEY, NFT_RT_TCPMSS);
	expr_end(b, e);
	e = expr_begin(b, "byteorder");
	put_u32(b, NFTA_BYTEORDER_SREG, NFT_REG_1);
	put_u32(b, NFTA_BYTEORDER_DREG, NFT_REG_1);
	put_u32(b, NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	put_u32(b, NFTA_BYTEORDER_LEN, 2);
	put_u32(b, NFTA_BYTEORDER_SIZE, 2);
	expr_end(b, e);
}

static void set_mss(struct nft_batch *b, const struct bf_handoff_set *s)
{
	const uint8_t kind = 2;
	struct expr e;

	load_mss(b, s);
	e = expr_begin(b, "exthdr");
	put_u32(b, NFTA_EXTHDR_SREG, NFT_REG_1);
	put(b, NFTA_EXTHDR_TYPE, &kind, sizeof(kind));
	put_u32(b, NFTA_EXTHDR_OFFSET, 2);
	put_u32(b, NFTA_EXTHDR_LEN, 2);
	put_u32(b, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
	expr_end(b, e);
}

void nft_expr_set(struct nft_batch *b, const struct bf_handoff_set *s)
{
	struct expr e;

	if (s->to == BF_PLACE_HEADER)
		return set_header(b, s);
	if (s->to == BF_PLACE_MSS)
		return set_mss(b, s);
	if (s->from != BF_PLACE_NONE) {
		expr_place(b, s->from, false);
		expr_bits(b, &s->mask, &s->value, sizeof(s->mask));
	} else {
		e = expr_begin(b, "immediate");
		put_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_1);
		put_constant(b, s);
		expr_end(b, e);
	}
	expr_place(b, s->to, true);
}

void nft_expr_notrack(struct nft_batch *b)
{
	expr_end(b, expr_begin(b, "notrack"));
}

void nft_expr_ask(struct nft_batch *b, const struct bf_assist_spec *a)
{
	static const struct { const char *name; uint16_t reg, key; } kinds[] = {
		[BF_ASSIST_FIB] = { "fib", NFTA_FIB_DREG, NFTA_FIB_RESULT },
		[BF_ASSIST_SOCKET] = { "socket", NFTA_SOCKET_DREG, NFTA_SOCKET_KEY },
		[BF_ASSIST_META] = { "meta", NFTA_META_DREG, NFTA_META_KEY },
		[BF_ASSIST_RT] = { "rt", NFTA_RT_DREG, NFTA_RT_KEY },
		[BF_ASSIST_CT] = { "ct", NFTA_CT_DREG, NFTA_CT_KEY },
	};
	struct expr e = expr_begin(b, kinds[a->kind].name);

	put_u32(b, kinds[a->kind].reg, NFT_REG_1);
	put_u32(b, kinds[a->kind].key, a->what);
	if (a->kind == BF_ASSIST_FIB)
		put_u32(b, NFTA_FIB_FLAGS, a->flags);
	else if (a->kind == BF_ASSIST_SOCKET && a->what == NFT_SOCKET_CGROUPV2)
		put_u32(b, NFTA_SOCKET_LEVEL, a->flags);
	expr_end(b, e);
}

void nft_expr_mark(struct nft_batch *b, unsigned reg, bool set)
{
	struct expr e = expr_begin(b, "meta");

	put_u32(b, NFTA_META_KEY, NFT_META_MARK);
	put_u32(b, set ? NFTA_META_SREG : NFTA_META_DREG, NFT_REG32_00 + reg);
	expr_end(b, e);
}
