/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf_calls.c: functions that a user's file calls and does not define, by whose
 * names it asks the table's sets, maps, and objects (bpfilter/program.h). Their
 * keys and values are as large as BTF says.
 */
#include <stdio.h>

#include "match/elf.h"

static const struct known_call {
	const char *prefix, *word;
	enum bf_users_verb verb;
} known[] = {
	{ "bf_set_", "set", BF_USERS_HAS },       { "bf_map_", "map", BF_USERS_GET },
	{ "bf_add_", "set", BF_USERS_ADD },       { "bf_update_", "set", BF_USERS_UPDATE },
	{ "bf_delete_", "set", BF_USERS_DELETE }, { "bf_counter_", "counter", BF_USERS_USE },
	{ "bf_quota_", "quota", BF_USERS_USE },   { "bf_limit_", "limit", BF_USERS_USE },
};

static const struct known_call *find(const char *name)
{
	for (size_t i = 0; i < BF_ARRAY_SIZE(known); i++)
		if (!strncmp(known[i].prefix, name, strlen(known[i].prefix)) && name[strlen(known[i].prefix)])
			return &known[i];
	return NULL;
}

int bf_elf_call(struct bf_elf *e, const char *name, const char **symbol)
{
	const struct known_call *k = find(name);
	struct bf_users_call *c = &e->calls[e->n_calls];
	char text[256];

	*symbol = NULL;
	if (!k)
		return 0;
	snprintf(text, sizeof(text), "users.%s", name + 3); /* no function of ours is called so */
	for (uint32_t i = 0; i < e->n_calls && !*symbol; i++)
		if (!strcmp(e->calls[i].symbol, text))
			*symbol = e->calls[i].symbol;
	if (*symbol)
		return 0;
	*c = (struct bf_users_call){ .word = k->word, .verb = k->verb, .symbol = bf_arena_strdup(e->arena, text) };
	if (!c->symbol)
		return -ENOMEM;
	c->name = c->symbol + strlen("users.") + strlen(k->prefix) - 3;
	c->typed = bf_elf_args(e, name, &c->key, &c->value);
	*symbol = c->symbol;
	e->n_calls++;
	return 0;
}
