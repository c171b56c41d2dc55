/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test.c: which rules decide a packet, and why.
 *
 *   words ─▶ packet ─┬▶ programs, BPF_PROG_TEST_RUN ─▶ verdict, counters that moved ─┬▶ do they agree?
 *                    └▶ the interpreter             ─▶ verdict, rules in their order ┘
 *
 * A packet goes through the hooks it would meet: with an input device xdp and
 * ingress of that device, prerouting, input and ingress of its socket's control
 * group; with an output device output, postrouting, egress of that group and of
 * that device; with both what is in between is forward. Or the one hook it
 * names. The kernel tries no system calls: at their hooks there is only the
 * interpreter. At each all tables, the lowest priority
 * first, until one drops it.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <sys/socket.h>

#include "api/facts.h"
#include "api/subject.h"
#include "front/native/packet.h"
#include "gen/patch.h"
#include "interp/interp.h"
#include "kern/trial.h"
#include "match/match.h"
#include "rule/print.h"

struct tried { /* a table's two judges */
	const struct bf_subject *s;
	struct bf_interp *in;
	struct bf_image *img;
	struct bf_trial *trial; /* NULL: it has no programs */
};

struct met { /* a rule that matched, or a chain's end */
	const struct bf_chain *chain;
	uint32_t rule;
};

struct test {
	struct bf_ctx *ctx;
	struct bf_subjects subjects;
	struct tried *tried; /* as many */
	struct bf_buf *out;
	bool json, differs;
	const char *text;    /* the packet's line, */
	size_t text_len;
	size_t words_len;    /* so much of it describes the packet; */
	const char *name;    /* what it is shown as */
	size_t name_len;
	struct bf_npacket p;
	const uint8_t *plain; /* the frame without VLAN tags, as all but xdp see it */
	uint32_t plain_len;
	const uint8_t *frame; /* at this hook */
	uint32_t frame_len;
	struct bf_packet seen;
	struct bf_rt_trial given;
	struct bf_facts facts;
	int sock;            /* in the namespace */
	struct met *met;     /* at one chain */
	uint32_t n_met, cap_met;
	bool dropped, left;  /* left: by another way, which ends it too */
	uint32_t n_printed;  /* chains so far: commas of JSON */
	int err;
};

static const uint8_t in_way[] = { BF_HOOK_XDP, BF_HOOK_TC_INGRESS, BF_HOOK_PREROUTING, BF_HOOK_INPUT, BF_HOOK_CGROUP_INGRESS };
static const uint8_t through_way[] = { BF_HOOK_XDP, BF_HOOK_TC_INGRESS, BF_HOOK_PREROUTING, BF_HOOK_FORWARD,
	                                   BF_HOOK_POSTROUTING, BF_HOOK_TC_EGRESS };
static const uint8_t out_way[] = { BF_HOOK_OUTPUT, BF_HOOK_POSTROUTING, BF_HOOK_CGROUP_EGRESS, BF_HOOK_TC_EGRESS };

static void step(void *arg, const struct bf_chain *c, uint32_t rule)
{
	struct test *t = arg;

	if (bf_grow(&t->met, t->n_met, &t->cap_met, sizeof(*t->met)) < 0)
		t->err = -ENOMEM;
	else
		t->met[t->n_met++] = (struct met){ c, rule };
}

/* The packet as both sides take it. */

static void give(struct bf_rt_trial *g, unsigned word, uint32_t value)
{
	g->given |= 1u << word;
	g->key[word] = value;
}

static void give_name(struct bf_rt_trial *g, unsigned word, const char name[16])
{
	for (unsigned i = 0; i < 16; i += 4)
		give(g, word + i / 4, (uint32_t)(uint8_t)name[i] << 24 | (uint32_t)(uint8_t)name[i + 1] << 16 |
		     (uint32_t)(uint8_t)name[i + 2] << 8 | (uint8_t)name[i + 3]);
}

enum { ETHER = 14, TYPE = 12 };

static bool is_call(uint8_t hook)
{
	return hook >= BF_HOOK_CONNECT4;
}

static int strip_tags(struct test *t, struct bf_arena *a)
{
	const struct bf_npacket *p = &t->p;
	uint8_t *plain = bf_arena_memdup(a, p->frame, p->len);

	if (!plain)
		return -ENOMEM;
	memcpy(plain + TYPE, p->frame + p->nh - 2, p->len - p->nh + 2);
	t->plain = plain;
	t->plain_len = p->len - (p->nh - ETHER);
	return 0;
}

/* As nft has it: one bit, whatever was translated. */
static uint32_t nft_state(uint32_t state)
{
	if (state & BF_CT_NONE)
		return state & XT_CONNTRACK_STATE_UNTRACKED ? 64 : 1;
	return state & 0xe;
}

static void prepare(struct test *t)
{
	const struct bf_npacket *p = &t->p;
	bool call = p->has_hook && is_call(p->hook);
	uint8_t socket = p->has_uid || p->has_gid || call ? BF_SOCKET_FILE : BF_SOCKET_NONE;
	struct bf_packet *s = &t->seen;

	t->given = (struct bf_rt_trial){ .socket = socket, .uid = p->uid, .gid = p->gid };
	give(&t->given, BF_KEY_MARK, p->mark);
	give(&t->given, BF_KEY_CTSTATE, p->ctstate | nft_state(p->ctstate) << BF_CT_NFT);
	give(&t->given, BF_KEY_CTSTATUS, p->ctstatus);
	give(&t->given, BF_KEY_META, (uint32_t)p->pkttype << 24);
	give(&t->given, BF_KEY_ASSIST, 0);
	*s = (struct bf_packet){ .family = p->family,
		.data = p->frame + p->nh,
		.len = p->len - p->nh,
		.pkttype = p->pkttype,
		.mark = p->mark,
		.ctstate = p->ctstate,
		.ctstatus = p->ctstatus,
		.socket = socket,
		.skuid = p->uid,
		.skgid = p->gid,
		.protocol = (uint16_t)(p->frame[p->nh - 2] << 8 | p->frame[p->nh - 1]) };
	memcpy(s->ether_saddr, p->frame + 6, sizeof(s->ether_saddr));
	bf_facts_begin(&t->facts, p, t->sock);
}

/* A misspelt device is seen by no rule. Once for each: there may be many packets. */
static void warn_of_device(struct test *t, const char *name, unsigned line, const char *file)
{
	_cleanup_buf_ struct bf_buf text = {};

	bf_buf_printf(&text, "there is no device '%s' here", name);
	if (!text.err && !(t->ctx->diag.text.data && strstr(t->ctx->diag.text.data, text.data)))
		bf_diag_warn(&t->ctx->diag, "%s:%u: %s", file, line, text.data);
}

static void look_for_devices(struct test *t, const char *file, unsigned line)
{
	if (t->sock < 0)
		return;
	if (*t->p.iif && !t->facts.iif.index)
		warn_of_device(t, t->p.iif, line, file);
	if (*t->p.oif && !t->facts.oif.index)
		warn_of_device(t, t->p.oif, line, file);
}

/* At output there is no input device yet, at input no output device; nor is there an Ethernet header before the packet goes. */
static void at_hook(struct test *t, uint8_t hook)
{
	uint32_t can = bf_hook_kinds[hook].can;
	struct bf_packet *s = &t->seen;

	t->frame = hook == BF_HOOK_XDP ? t->p.frame : t->plain;
	t->frame_len = hook == BF_HOOK_XDP ? t->p.len : t->plain_len;
	s->hook = hook;
	s->link_len = can & BF_CAN_LINK ? t->frame_len - s->len : 0;
	s->data = t->frame + t->frame_len - s->len;
	s->link = s->data - s->link_len;
	memset(s->iif, 0, sizeof(s->iif));
	memset(s->oif, 0, sizeof(s->oif));
	if (can & BF_CAN_IIF)
		memcpy(s->iif, t->p.iif, sizeof(s->iif));
	if (can & BF_CAN_OIF)
		memcpy(s->oif, t->p.oif, sizeof(s->oif));
	give_name(&t->given, BF_KEY_IIFNAME, s->iif);
	give_name(&t->given, BF_KEY_OIFNAME, s->oif);
	bf_facts_at(&t->facts, &t->given, s);
}

/* What is printed. */

static void print_met(struct test *t, const struct bf_subject *s, const struct met *m)
{
	struct bf_subject_name n;

	bf_subject_name(s, m->chain, m->rule, &n);
	bf_buf_puts(t->out, "    ");
	bf_name_print(t->out, n.chain);
	if (n.number && n.handle)
		bf_buf_printf(t->out, " handle %llu: ", (unsigned long long)n.handle);
	else if (n.number)
		bf_buf_printf(t->out, " %u: ", n.number);
	if (n.number || m->chain->base)
		bf_buf_puts(t->out, n.number ? "" : ": ");
	if (n.number || m->chain->base)
		bf_subject_print(s, m->chain, m->rule, t->out);
	else
		bf_buf_puts(t->out, ": back at its end");
	bf_buf_puts(t->out, "\n");
}

static void json_met(struct test *t, const struct bf_subject *s, const struct met *m, bool first)
{
	_cleanup_buf_ struct bf_buf text = {};
	struct bf_subject_name n;

	bf_subject_name(s, m->chain, m->rule, &n);
	bf_buf_puts(t->out, first ? "{\"chain\": " : ", {\"chain\": ");
	bf_json_string(t->out, n.chain);
	if (n.number) {
		bf_subject_print(s, m->chain, m->rule, &text);
		if (n.handle)
			bf_buf_printf(t->out, ", \"handle\": %llu", (unsigned long long)n.handle);
		else
			bf_buf_printf(t->out, ", \"number\": %u", n.number);
		bf_buf_puts(t->out, ", \"rule\": ");
		bf_json_string(t->out, text.data ? text.data : "");
	} else {
		bf_buf_printf(t->out, ", \"policy\": \"%s\"", bf_verdict_name(m->chain->policy));
	}
	bf_buf_puts(t->out, "}");
}

static const char *verdict_name(bool accept)
{
	return accept ? "accept" : "drop";
}

static bool accepts(const struct bf_outcome *o)
{
	return o->verdict == BF_ACCEPT && !(o->n_actions && o->actions[o->n_actions - 1]->target->terminal);
}

/* What is not accepted may end in other ways than as a drop. */
static uint32_t exit_of(const struct bf_chain *c, const struct bf_outcome *o)
{
	bool any = c->at.hook >= BF_HOOKS_NETFILTER && c->at.hook != BF_HOOK_SOCKOPS && o->out[BF_OUT_SET] & 1u << BF_OUT_EXIT;

	return any && !accepts(o) && !o->hotdrop ? o->out[BF_OUT_EXIT] : BF_EXIT_NONE;
}

static bool leaves(const struct bf_chain *c, const struct bf_outcome *o)
{
	uint32_t exit = exit_of(c, o);

	return exit == BF_EXIT_REDIRECT || exit == BF_EXIT_ROUTE;
}

static void print_verdict(struct bf_buf *out, const struct bf_chain *c, const struct bf_outcome *o)
{
	if (o->hotdrop)
		bf_buf_puts(out, "drop: its headers are not whole");
	else if (exit_of(c, o) == BF_EXIT_ERRNO)
		bf_buf_printf(out, "drop: the call fails: %s", strerror((int)o->out[BF_OUT_ARG]));
	else if (exit_of(c, o) == BF_EXIT_REJECT)
		bf_buf_puts(out, "drop: rejected");
	else
		bf_buf_puts(out, leaves(c, o) ? "leaves by another way" : verdict_name(accepts(o)));
}

static void print_chain(struct test *t, const struct bf_subject *s, const struct bf_chain *c, const struct bf_outcome *o,
                        const char *differs)
{
	bool accept = accepts(o);

	if (!t->json) {
		bf_buf_printf(t->out, "  %s, table %s %s\n", bf_hook_kinds[c->at.hook].name, s->family, s->name);
		for (uint32_t i = 0; i < t->n_met; i++)
			print_met(t, s, &t->met[i]);
		bf_buf_puts(t->out, "    ");
		print_verdict(t->out, c, o);
		bf_facts_print_asked(t->out, &t->facts);
		bf_buf_printf(t->out, "%s%s\n%s%s%s", is_call(c->at.hook) ? " (by the interpreter alone)" : "",
		              o->unknown ? " (as the kernel says: a function of an object file was asked)" : "", differs ? "    DIFFERS: " : "", differs ? differs : "",
		              differs ? "\n" : "");
		return;
	}
	bf_buf_printf(t->out, "%s\n  {\"hook\": \"%s\", \"family\": \"%s\", \"table\": \"%s\", \"met\": [", t->n_printed ? "," : "",
	              bf_hook_kinds[c->at.hook].name, s->family, s->name);
	for (uint32_t i = 0; i < t->n_met; i++)
		json_met(t, s, &t->met[i], !i);
	bf_buf_printf(t->out, "], \"verdict\": \"%s\", \"assumed\": %s, \"agree\": %s}", leaves(c, o) ? "leave" : verdict_name(accept && !o->hotdrop),
	              t->facts.n_asked ? "true" : "false",
	              is_call(c->at.hook) || o->unknown ? "null" : differs ? "false" : "true");
}

/* The programs' opinion. */

static bool counters_agree(const struct tried *s, const struct bf_rt_counter *got, struct bf_rt_counter *before)
{
	const struct bf_rt_counter *want = bf_interp_counters(s->in);
	bool agree = true;

	for (uint32_t i = 0; i < bf_subject_table(s->s)->n_counters; i++) {
		uint32_t slot = bf_subject_slot(s->s, i);

		agree = agree && slot < s->img->n_counters && got[slot].packets == want[i].packets - before[i].packets;
		before[i] = want[i];
	}
	return agree;
}

static bool same_device(const struct bf_prog_image *p, const struct bf_chain *c)
{
	if (p->at.n_devices != c->at.n_devices)
		return false;
	for (uint32_t i = 0; i < c->at.n_devices; i++)
		if (strcmp(p->at.devices[i], c->at.devices[i]))
			return false;
	return true;
}

/* The program of base chain c for packets of that family, or -1. */
static int program_of(const struct tried *s, const struct bf_chain *c, uint8_t family)
{
	for (uint32_t i = 0; i < s->img->n_progs; i++) {
		const struct bf_prog_image *p = &s->img->progs[i];

		if (p->at.hook == c->at.hook && p->at.priority == c->at.priority &&
		    (p->family == family || p->family == NFPROTO_NETDEV) && same_device(p, c))
			return (int)i;
	}
	return -1;
}

/* The interpreter came to a user's function: what the rules did with the packet, their counters say. */
static void take_from_counters(struct test *t, const struct tried *s, const struct bf_rt_counter *got)
{
	const struct bf_table *table = bf_subject_table(s->s);

	t->n_met = 0;
	for (uint32_t i = 0; i < table->n_chains; i++) {
		const struct bf_chain *c = table->chains[i];

		for (uint32_t k = 0; k <= c->n_rules; k++) {
			uint32_t counter = k < c->n_rules ? c->rules[k].counter : c->counter;

			if (counter != BF_NO_COUNTER && got[bf_subject_slot(s->s, counter)].packets)
				step(t, c, k);
		}
	}
}

/* NULL: they agree. */
static const char *ask_programs(struct test *t, const struct tried *s, const struct bf_chain *c,
                                struct bf_outcome *o, struct bf_rt_counter *before)
{
	_cleanup_free_ struct bf_rt_counter *got = NULL;
	struct bf_trial_answer a;
	int prog = s->trial ? program_of(s, c, t->p.family) : -1;

	if (!s->trial || is_call(c->at.hook))
		return NULL; /* a table that only accepts has no programs */
	if (prog < 0)
		return "no program sees it";
	got = calloc(s->img->n_counters, sizeof(*got));
	t->err = got ? bf_trial_run(s->trial, (uint32_t)prog, t->frame, t->frame_len, &t->given, &a, got) : -ENOMEM;
	if (t->err)
		return "it could not be run";
	if (o->unknown) {
		o->verdict = a.terminal ? BF_DROP : a.verdict;
		take_from_counters(t, s, got);
		return NULL;
	}
	if ((a.verdict == BF_ACCEPT) != (o->verdict == BF_ACCEPT) && !a.terminal)
		return a.verdict == BF_ACCEPT ? "the program accepts it" : "the program drops it";
	return counters_agree(s, got, before) ? NULL : "the program counts it elsewhere";
}

static uint32_t drawn(void *facts)
{
	return ((const struct bf_facts *)facts)->random;
}

static void run_chain(struct test *t, const struct tried *s, const struct bf_chain *c)
{
	uint32_t n = bf_subject_table(s->s)->n_counters;
	_cleanup_free_ struct bf_rt_counter *before = calloc(n + 1, sizeof(*before));
	struct bf_outcome o;
	const char *differs;

	if (!before) {
		t->err = -ENOMEM;
		return;
	}
	memcpy(before, bf_interp_counters(s->in), n * sizeof(*before));
	t->n_met = 0;
	t->facts.n_asked = 0;
	bf_interp_set_trace(s->in, step, t);
	bf_interp_set_random(s->in, drawn, &t->facts);
	bf_interp_run_chain(s->in, c, &t->seen, &o);
	differs = ask_programs(t, s, c, &o, before);
	t->differs |= differs != NULL;
	t->dropped = o.verdict == BF_DROP || (o.n_actions && o.actions[o.n_actions - 1]->target->terminal);
	t->left = leaves(c, &o);
	print_chain(t, s->s, c, &o, differs);
	t->n_printed++;
}

/* Is the control group, or the one above it, ...? */
static bool below(const char *above, const char *path)
{
	size_t n;

	above += strspn(above, "/");
	path += strspn(path, "/");
	for (n = strlen(above); n && above[n - 1] == '/';)
		n--;
	return !strncmp(above, path, n) && (!n || !path[n] || path[n] == '/');
}

/* Does chain c see the packet: is its family, or its device, concerned? */
static bool sees(const struct test *t, const struct bf_table *table, const struct bf_chain *c)
{
	const struct bf_hook_kind *kind = &bf_hook_kinds[c->at.hook];
	const char *dev = kind->can & BF_CAN_OIF ? t->p.oif : t->p.iif;

	if (kind->point == BF_POINT_CGROUP)
		return below(c->at.cgroup, t->p.cgroup);
	for (uint32_t i = 0; kind->point == BF_POINT_DEVICE && i < c->at.n_devices; i++)
		if (!strcmp(c->at.devices[i], dev))
			return true;
	return kind->point != BF_POINT_DEVICE && (table->family == t->p.family || table->family == NFPROTO_INET) &&
	       t->p.family != NFPROTO_UNSPEC;
}

/* The chains of a hook that see the packet, in the order of their priorities; tables of one priority as they were made. */
static bool next_chain(const struct test *t, uint8_t hook, int64_t *after, uint32_t *unit, const struct bf_chain **out)
{
	const struct bf_chain *best = NULL;
	uint32_t best_unit = 0;

	for (uint32_t u = 0; u < t->subjects.n; u++) {
		const struct bf_table *table = bf_subject_table(&t->subjects.s[u]);

		for (uint32_t i = 0; i < table->n_chains; i++) {
			const struct bf_chain *c = table->chains[i];
			bool later = c->at.priority > *after || (c->at.priority == *after && u > *unit);

			if (!c->base || c->at.hook != hook || !later || !sees(t, table, c))
				continue;
			if (!best || c->at.priority < best->at.priority) {
				best = c;
				best_unit = u;
			}
		}
	}
	*out = best;
	*unit = best_unit;
	*after = best ? best->at.priority : 0;
	return best;
}

static void run_hook(struct test *t, uint8_t hook)
{
	int64_t after = INT64_MIN;
	const struct bf_chain *c;
	uint32_t unit = 0;

	at_hook(t, hook);
	while (!t->err && !t->dropped && next_chain(t, hook, &after, &unit, &c))
		run_chain(t, &t->tried[unit], c);
}

static void run_packet(struct test *t)
{
	const uint8_t *way = t->p.has_hook ? &t->p.hook : in_way;
	size_t n = t->p.has_hook ? 1 : BF_ARRAY_SIZE(in_way);

	if (!t->p.has_hook && *t->p.oif) {
		way = *t->p.iif ? through_way : out_way;
		n = *t->p.iif ? BF_ARRAY_SIZE(through_way) : BF_ARRAY_SIZE(out_way);
	}
	prepare(t);
	t->dropped = t->left = false;
	t->n_printed = 0;
	bf_buf_puts(t->out, t->json ? "{\"packet\": " : "");
	if (t->json) {
		_cleanup_free_ char *text = strndup(t->name, t->name_len);

		bf_json_string(t->out, text ? text : "");
		bf_buf_puts(t->out, ", \"chains\": [");
	} else {
		bf_buf_printf(t->out, "%.*s\n", (int)t->name_len, t->name);
	}
	for (size_t i = 0; i < n && !t->err && !t->dropped; i++)
		run_hook(t, way[i]);
	bf_buf_printf(t->out, t->json ? "], \"verdict\": \"%s\"}" : "  %s\n", t->left ? "leave" : verdict_name(!t->dropped));
}

/* "tcp ... # the first one": shown in place of the packet. */
static void cut_name(struct test *t)
{
	const char *hash = memmem(t->text, t->text_len, " # ", 3);

	t->name = hash ? hash + 3 : t->text;
	t->name_len = (size_t)(t->text + t->text_len - t->name);
	t->words_len = hash ? (size_t)(hash - t->text) : t->text_len;
}

static int read_packet(struct test *t, struct bf_arena *a, const char *name, unsigned line)
{
	int rc = bf_native_packet(a, name, line, t->text, t->words_len, &t->p, &t->ctx->diag);

	return rc ? rc : strip_tags(t, a);
}

/* All lines are looked at; the first error ends it only when no packet has been tried. */
static int run_lines(struct test *t, const char *name, const char *text)
{
	unsigned line = 1;
	bool first = true;

	for (const char *p = text; *p && !t->err; line++, p += t->text_len + (p[t->text_len] == '\n')) {
		_cleanup_arena_ struct bf_arena *a = bf_arena_new();

		t->text = p;
		t->text_len = strcspn(p, "\n");
		if (strspn(p, " \t") == t->text_len || *p == '#')
			continue;
		cut_name(t);
		t->err = a ? read_packet(t, a, name, line) : -ENOMEM;
		if (t->err)
			break;
		bf_buf_puts(t->out, t->json && !first ? ",\n" : "");
		first = false;
		run_packet(t);
		look_for_devices(t, name, line);
	}
	return t->err;
}

/* Its data may lie otherwise than today's programs look for it. */
static bool is_foreign(const struct bf_subject *s)
{
	size_t len = s->native ? s->nstored.head->link_len : s->stored.link_len;

	return len && !bf_gen_is_ours(s->native ? s->nstored.link : s->stored.link, len);
}

/* Straight code that the verifier refuses is data, as it was when the table was loaded. */
static int load_programs(struct test *t, struct bf_ns *ns, struct tried *s)
{
	const struct bf_gen_opts o = { .code_max = BF_CODE_MAX, .trial = true };
	struct bf_ctx *ctx = t->ctx;
	_cleanup_diag_ struct bf_diag first = {};
	int rc = bf_subject_compile(ctx, s->s, o, true, &s->img);

	if (rc || !s->img->n_progs)
		return rc;
	if (is_foreign(s->s))
		return bf_diag_error(&ctx->diag, -ESTALE, "table %s %s was compiled by another version of bpfilter: what it does cannot be tried "
		                     "until a rule of it changes, or it is restored", s->s->family, s->s->name);
	rc = bf_trial_open(&s->trial, ns, s->s->unit, s->img, &first);
	if (!rc || !s->img->straight) {
		bf_diag_move(&ctx->diag, &first);
		return rc;
	}
	bf_image_free(TAKE_PTR(s->img));
	rc = bf_subject_compile(ctx, s->s, (struct bf_gen_opts){ .trial = true }, true, &s->img);
	return rc ? rc : bf_trial_open(&s->trial, ns, s->s->unit, s->img, &ctx->diag);
}

static int open_judges(struct test *t, struct bf_ns *ns)
{
	int rc = bf_subjects_open(t->ctx, ns, true, &t->subjects);

	t->sock = bf_netns_socket(t->ctx->netns, AF_INET);
	if (!rc && t->sock < 0)
		rc = t->sock;
	t->tried = calloc(t->subjects.n + 1ul, sizeof(*t->tried));
	if (!t->tried)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->subjects.n && !rc; i++) {
		t->tried[i].s = &t->subjects.s[i];
		t->tried[i].in = bf_interp_new(bf_subject_table(&t->subjects.s[i]), bf_kernel_hz());
		rc = t->tried[i].in ? load_programs(t, ns, &t->tried[i]) : -ENOMEM;
	}
	return rc;
}

static void free_test(struct test *t)
{
	for (uint32_t i = 0; t->tried && i < t->subjects.n; i++) {
		bf_trial_close(t->tried[i].trial);
		bf_image_free(t->tried[i].img);
		bf_interp_free(t->tried[i].in);
	}
	bf_closep(&t->sock);
	free(t->tried);
	free(t->met);
	bf_subjects_close(&t->subjects);
}

int bf_test(struct bf_ctx *ctx, const char *name, const char *packets, unsigned flags, char **text)
{
	_cleanup_ns_ struct bf_ns *ns = NULL;
	_cleanup_buf_ struct bf_buf out = {};
	_cleanup_(free_test) struct test t = { .ctx = ctx, .out = &out, .json = flags & BF_TEST_JSON, .sock = -1 };
	int rc;

	bf_ctx_begin(ctx);
	rc = bf_ns_open(&ns, ctx->netns, false, &ctx->diag);
	if (!rc)
		rc = open_judges(&t, ns);
	else if (rc == -ENOENT)
		bf_ctx_begin(ctx), rc = 0;
	bf_buf_puts(&out, t.json ? "{\"packets\": [" : "");
	if (!rc)
		rc = run_lines(&t, name, packets);
	bf_buf_puts(&out, t.json ? "]}\n" : "");
	if (rc || out.err)
		return rc ? rc : out.err;
	*text = out.data ? TAKE_PTR(out.data) : strdup("");
	return !*text ? -ENOMEM : t.differs;
}
