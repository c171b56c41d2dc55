/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval_program.c: users' functions: the file is read, and what its functions
 * ask of the table's sets, maps and objects is bound to these.
 *
 *   set of one part, no data            class data, ranges too
 *   set that rules change               its hash
 *   any other set or map of values      a hash of its elements, which are no ranges
 */
#include "base/base64.h"
#include "front/native/evaluate.h"
#include "front/native/parse.h"

enum { WORD = sizeof(uint32_t) };

static bool said(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_users_call *c, struct bf_suggest *near)
{
	char hint[80];

	return bf_ev_error(ev, s->code.text.loc, "\"%s\" asks a %s '%s', which the table has not%s", s->code.text.text, c->word, c->name,
	                   bf_suggest_text(near, hint, sizeof(hint)));
}

static const struct bf_set *find_set(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_users_call *c)
{
	bool map = c->verb == BF_USERS_GET;
	struct bf_suggest near;
	uint32_t n = 0;

	bf_suggest_start(&near, c->name, strlen(c->name));
	for (const struct bf_ast_set *i = ev->table->sets; i; i = i->next, n++) {
		if (i->map != map)
			continue;
		if (!strcmp(i->name.text, c->name))
			return ev->sets[n];
		bf_suggest_try(&near, i->name.text);
	}
	said(ev, s, c, &near);
	return NULL;
}

static const struct bf_object *find_object(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_users_call *c)
{
	static const char *const words[] = { [BF_OBJ_COUNTER] = "counter", [BF_OBJ_QUOTA] = "quota", [BF_OBJ_LIMIT] = "limit" };
	struct bf_suggest near;
	uint32_t n = 0;

	bf_suggest_start(&near, c->name, strlen(c->name));
	for (const struct bf_ast_obj *o = ev->table->objs; o; o = o->next, n++) {
		if (strcmp(words[o->type], c->word))
			continue;
		if (!strcmp(o->name.text, c->name))
			return ev->objects[n];
		bf_suggest_try(&near, o->name.text);
	}
	said(ev, s, c, &near);
	return NULL;
}

static bool is_exact(const struct bf_set *s)
{
	for (size_t i = 0; i < (size_t)s->n * s->n_parts; i++)
		if (s->keys[i].lo != s->keys[i].hi)
			return false;
	return true;
}

static uint32_t value_words(const struct bf_set *s)
{
	return s->data != BF_DATA_VALUE ? 0 : s->data_bits > 32 ? 4 : 1;
}

/* Is it as large there as here? */
static bool sizes(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_users_call *c)
{
	uint32_t key = c->set ? bf_set_words(c->set) * WORD : 0, value = c->set ? value_words(c->set) * WORD : 0;
	const char *file = s->code.text.text;

	if (!c->typed)
		return bf_ev_error(ev, s->code.text.loc, "\"%s\" asks the %s '%s', but has no types (compile it with -g)", file, c->word, c->name);
	if (c->key != key)
		return bf_ev_error(ev, s->code.text.loc, "\"%s\": keys of the %s '%s' are of %u bytes, not %u", file, c->word, c->name, key,
		                   c->key);
	if (c->value != value)
		return bf_ev_error(ev, s->code.text.loc, "\"%s\": values of the %s '%s' are of %u bytes, not %u", file, c->word, c->name, value,
		                   c->value);
	return true;
}

/* Can it be asked so? */
static bool fits(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_users_call *c)
{
	const struct bf_set *set = c->set;
	bool changes = c->verb != BF_USERS_HAS && c->verb != BF_USERS_GET;

	if (set->data == BF_DATA_VERDICT || set->data == BF_DATA_OBJECT)
		return bf_ev_unserved(ev, s->code.text.loc, "\"%s\" asks the map '%s', which leads to %s", s->code.text.text, c->name,
		                      set->data == BF_DATA_VERDICT ? "verdicts" : "objects");
	if (changes && !(set->flags & BF_SET_LIVE))
		return bf_ev_error(ev, s->code.text.loc, "\"%s\" changes the set '%s', which has no 'flags dynamic'", s->code.text.text, c->name);
	if (set->flags & BF_SET_BOXES)
		return bf_ev_unserved(ev, s->code.text.loc, "\"%s\" asks the %s '%s': ranges with time-outs", s->code.text.text, c->word, c->name);
	if (!(set->flags & BF_SET_LIVE) && (set->n_parts > 1 || set->data != BF_DATA_NONE) && !is_exact(set))
		return bf_ev_unserved(ev, s->code.text.loc, "\"%s\" asks the %s '%s': %s with ranges", s->code.text.text, c->word, c->name,
		                      set->data == BF_DATA_NONE ? "keys of several parts" : "maps");
	return true;
}

static bool bind_calls(struct bf_ev *ev, const struct bf_ast_stmt *s, struct bf_program *p)
{
	bool ok = true;

	for (uint32_t i = 0; i < p->n_calls; i++) {
		struct bf_users_call *c = &p->calls[i];

		if (c->verb == BF_USERS_USE)
			ok &= (c->object = find_object(ev, s, c)) && sizes(ev, s, c);
		else
			ok &= (c->set = find_set(ev, s, c)) && fits(ev, s, c) && sizes(ev, s, c);
	}
	return ok;
}

/* What it wants to know of the kernel's configuration. */
static bool ask_configs(struct bf_ev *ev, const struct bf_ast_stmt *s, const struct bf_program *p)
{
	for (uint32_t i = 0; i < p->n_configs; i++) {
		const struct bf_users_config *c = &p->configs[i];
		_cleanup_buf_ struct bf_buf text = { 0 };
		int err = ev->env && ev->env->config ? ev->env->config(ev->env->ctx, c->name, &text) : -ENOENT;

		if (err == -ENOMEM || text.err)
			return bf_ev_nomem(ev);
		if (err == -ENOENT && c->weak)
			continue;
		if (err)
			return bf_ev_error(ev, s->code.text.loc, "\"%s\" asks the kernel's %s, which is not set, or not to be had", p->file, c->name);
		if (!bf_users_config_put(c, text.data))
			return bf_ev_error(ev, s->code.text.loc, "\"%s\": the kernel's %s is %s: its variable is of another type", p->file, c->name,
			                   text.data);
	}
	return true;
}

bool bf_ev_program(struct bf_ev *ev, struct bf_ev_draft *d, const struct bf_ast_stmt *s)
{
	struct bf_program p = { .file = s->code.text.text, .section = s->code.section.text };
	_cleanup_buf_ struct bf_buf bytes = { 0 };
	char why[256] = "";
	int err;

	if (!s->code.object)
		return bf_ev_error(ev, s->code.text.loc, "the file has not been read");
	if (!bf_base64_get(&bytes, s->code.object, strlen(s->code.object)))
		return bytes.err ? bf_ev_nomem(ev) : bf_ev_error(ev, s->code.text.loc, "what stands behind 'object' is no base64");
	err = bf_object_read(ev->rs->arena, bytes.data, bytes.len, &p, why, sizeof(why));
	if (err == -ENOMEM)
		return bf_ev_nomem(ev);
	if (err == -EOPNOTSUPP)
		return bf_ev_unserved(ev, s->code.text.loc, "\"%s\": %s", p.file, why);
	if (err)
		return bf_ev_error(ev, s->code.text.loc, "\"%s\": %s", p.file, why);
	p.file = bf_arena_strdup(ev->rs->arena, p.file);
	p.section = p.section ? bf_arena_strdup(ev->rs->arena, p.section) : NULL;
	if (!p.file || (s->code.section.text && !p.section))
		return bf_ev_nomem(ev);
	if (!bind_calls(ev, s, &p) || !ask_configs(ev, s, &p))
		return false;
	return bf_ev_add_match(ev, d, &bf_match_program, &p, s->code.neg);
}
