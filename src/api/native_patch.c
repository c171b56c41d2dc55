/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * native_patch.c: commands about few rules of a large table (native.h). The
 * table is not read: its index (front/native/rules.h) says where rules stand,
 * and only those that came, went, or may have been hidden by one that went are
 * evaluated, and become deltas (gen/patch.h). What is stored is one more record
 * of the log.
 */
#include <unistd.h>

#include "api/native.h"
#include "front/native/rules.h"
#include "gen/gen.h"
#include "gen/patch.h"
#include "rule/set.h"

enum { COMMANDS_MAX = 128 }; /* beyond it compiling the table now and then is as good */

static bool is_change(const struct bf_ast_cmd *c)
{
	bool adds = c->verb == BF_VERB_ADD || c->verb == BF_VERB_CREATE, ends = c->verb == BF_VERB_DELETE || c->verb == BF_VERB_FLUSH;

	if (c->object == BF_OBJ_CHAIN)
		return c->table.text && (adds || ends);
	return c->object == BF_OBJ_RULE && c->table.text && (c->verb == BF_VERB_ADD || c->verb == BF_VERB_INSERT ||
	                                                     c->verb == BF_VERB_REPLACE || c->verb == BF_VERB_DELETE);
}

/* The table that all commands are about. */
static const struct native_unit *only_unit(const struct native_run *r)
{
	const struct bf_ast_cmd *first = r->ast->cmds;
	const char *family = first && first->family ? first->family->name : "ip";
	uint32_t n = 0;

	for (const struct bf_ast_cmd *c = first; c; c = c->next)
		if (!is_change(c) || c->family != first->family || strcmp(c->table.text, first->table.text) ||
		    ++n > COMMANDS_MAX)
			return NULL;
	for (uint32_t i = 0; n && i < r->units.n; i++)
		if (!strcmp(r->units.v[i].stored.family->name, family) && !strcmp(r->units.v[i].stored.name, first->table.text))
			return &r->units.v[i];
	return NULL;
}

/* What was there before, and the commands of now; text: these. */
static int apply_all(struct native_run *r, const struct native_unit *u, struct bf_nrules *rules, struct bf_buf *text)
{
	int rc = bf_nrules_open(rules, &u->stored, r->ast);

	for (struct bf_ast_cmd *c = r->ast->cmds; !rc && c; c = c->next) {
		rc = bf_nrules_apply(rules, c);
		bf_native_print_cmd(text, c);
	}
	return rc ? rc : rules->n_commands > COMMANDS_MAX ? -EAGAIN : text->err;
}

/*
 * Limits and quotas of rules that come begin as they say. Nobody looks for them before the switch; what a writer left there
 * who was killed before it is none of theirs, though it may have the same handle.
 */
static int put_objects(struct native_run *r, const struct native_unit *u, const struct bf_table *t)
{
	int fd = -1, rc = 0;

	for (uint32_t i = 0; !rc && i < t->n_objects; i++) {
		const struct bf_object *o = t->objects[i];
		_cleanup_buf_ struct bf_buf record = {};

		if (o->name || (o->id & ~BF_EVAL_OWN) >> 16 <= u->stored.last)
			continue;
		if (fd < 0)
			fd = bf_unit_elements_open(r->ns, u->name, "objects");
		bf_gen_object(o, &record);
		rc = fd < 0 ? fd : record.err;
		if (rc)
			break;
		bf_element_delete(fd, (const void *)record.data);
		rc = bf_unit_elements_add(r->ns, u->name, "objects", record.data, record.len, NULL);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The table as it is, with programs that can do what the change wants of them. */
static int shift(struct native_run *r, const struct native_unit *u, const struct bf_changes *c, const struct bf_gear *gear)
{
	_cleanup_image_ struct bf_image *img = NULL;
	_cleanup_diag_ struct bf_diag d = {};
	_cleanup_buf_ struct bf_buf state = {};
	struct bf_gen_opts o = {};
	const void *old;
	size_t len;
	int rc;

	bf_gen_here(&o);
	rc = bf_gen_gear(c, gear, &o, &img, &d);
	if (rc)
		return rc;
	old = bf_unit_state(u->unit, &len);
	bf_nstored_relink(&state, &u->stored, old, len, img->link, img->link_len);
	if (!state.err)
		rc = bf_ns_commit(r->ns, &(struct bf_change){ .unit = u->name, .image = img, .state = state.data, .state_len = state.len }, 1,
		                  &d);
	return state.err ? state.err : rc && rc != -ENOMEM ? -EAGAIN : rc;
}

static int put(struct native_run *r, const struct native_unit *u, uint64_t last, const struct bf_nrules_model *m,
               const struct bf_buf *text)
{
	uint32_t n = (uint32_t)(m->changes.len / sizeof(struct bf_changed));
	uint32_t counters = (uint32_t)(m->fresh.len / sizeof(struct bf_eval_counter));
	const struct bf_table *now = m->now.rs ? m->now.rs->tables[0] : NULL;
	_cleanup_arena_ struct bf_arena *arena = bf_arena_new();
	_cleanup_buf_ struct bf_buf record = {};
	const struct bf_gear *gear;
	struct bf_changes changes;
	struct bf_patch patch;
	uint64_t version;
	size_t len;
	int rc;

	if (!arena)
		return -ENOMEM;
	if (!bf_unit_journal(u->unit, &len, &version) || counters > UINT16_MAX)
		return -EAGAIN;
	changes = (struct bf_changes){ .link = u->stored.link, .len = u->stored.head->link_len, .stub = m->ev.rs->tables[0],
		.now = now, .changes = (const void *)m->changes.data, .n = n, .fresh = u->stored.n_counters, .version = version };
	rc = bf_gen_patch(&changes, arena, &patch, &gear, NULL);
	if (!rc)
		rc = bf_native_unnote(r->ns, u);
	if (!rc && gear)
		rc = shift(r, u, &changes, gear);
	if (!rc)
		rc = put_objects(r, u, m->ev.rs->tables[0]);
	if (!rc && now)
		rc = put_objects(r, u, now);
	if (rc)
		return rc;
	bf_nlog_commands(&record, last, (const void *)m->fresh.data, counters, text->data, text->len);
	return record.err ? record.err :
	                    bf_ns_patch(r->ns, u->name, version, patch.writes, patch.n, record.data, record.len, false, NULL);
}

static int patch(struct native_run *r, const struct native_unit *u)
{
	_cleanup_nrules_ struct bf_nrules rules = {};
	_cleanup_buf_ struct bf_buf text = {};
	_cleanup_buf_ struct bf_buf spans = {};
	struct bf_nrules_model m = {};
	struct bf_eval_env env;
	int rc = apply_all(r, u, &rules, &text);

	if (!rc)
		rc = bf_gen_patch_spans(u->stored.link, u->stored.head->link_len, &spans);
	if (rc)
		return rc;
	bf_native_env(&env, r->ctx);
	rc = bf_nrules_model(&rules, &u->stored, (const void *)spans.data, (uint32_t)(spans.len / sizeof(struct bf_span)), &env,
	                     &m);
	if (!rc)
		rc = put(r, u, rules.last, &m, &text);
	bf_nrules_model_free(&m);
	return rc;
}

int bf_native_patch(struct native_run *r, bool *done)
{
	const struct native_unit *u = r->ns ? only_unit(r) : NULL;
	int rc;

	if (!u || !u->stored.head->link_len || !u->stored.head->index_len)
		return 0;
	rc = patch(r, u);
	*done = !rc;
	return rc == -ENOMEM || rc == -EPERM ? rc : 0; /* else the table is read as a whole: what is wrong is told there */
}
