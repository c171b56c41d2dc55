/* SPDX-License-Identifier: GPL-2.0-only */
/* service.c: ports by name, from the system's list; it is read once, when the first name is met. */
#include <arpa/inet.h>
#include <netdb.h>

#include "front/native/parse.h"

static int by_name(const void *a, const void *b)
{
	const struct bf_nservice *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void add(struct bf_nparser *p, const char *name, int port)
{
	struct bf_nservice *more = p->services;

	if (!(p->n_services & (p->n_services - 1)))
		more = realloc(p->services, (p->n_services ? 2 * p->n_services : 1) * sizeof(*more));
	if (more) {
		p->services = more;
		more[p->n_services].name = calloc(1, strlen(name) + 1);
		more[p->n_services].port = ntohs((uint16_t)port);
	}
	if (!more || !more[p->n_services].name) {
		p->err = -ENOMEM;
		return;
	}
	memcpy(more[p->n_services++].name, name, strlen(name));
}

static void read_all(struct bf_nparser *p)
{
	char buf[4096];
	struct servent s, *e;

	p->have_services = true;
	setservent(1);
	while (!p->err && !getservent_r(&s, buf, sizeof(buf), &e) && e) {
		add(p, e->s_name, e->s_port);
		for (char **alias = e->s_aliases; !p->err && alias && *alias; alias++)
			add(p, *alias, e->s_port);
	}
	endservent();
	if (p->n_services)
		qsort(p->services, p->n_services, sizeof(*p->services), by_name);
}

bool bf_p_service(struct bf_nparser *p, const char *name, uint16_t *port, struct bf_suggest *near)
{
	struct bf_nservice key = { .name = (char *)name }, *s;

	if (!p->have_services)
		read_all(p);
	s = p->n_services ? bsearch(&key, p->services, p->n_services, sizeof(key), by_name) : NULL;
	if (s)
		*port = s->port;
	for (size_t i = 0; !s && i < p->n_services; i++)
		bf_suggest_try(near, p->services[i].name);
	return s;
}
