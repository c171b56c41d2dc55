/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unit.c: reading units. Readers take no lock: they look at the generation
 * word, open what the live slot names, and look again; when a writer has
 * switched in between, they start over.
 */
#include "kern/unit.h"

#include <sys/mman.h>

#include "kern/load.h"
#include "kern/sys.h"

enum { PAGE = 4096, RETRIES = 10000 };

static int make_array(const char *name, uint32_t value_size, size_t n)
{
	const struct bf_map_desc m = { name, BPF_MAP_TYPE_ARRAY, 4, value_size, (uint32_t)n, BPF_F_MMAPABLE, 0 };

	return n > UINT32_MAX ? -E2BIG : bf_map_create(&m);
}

int bf_unit_make_counters(uint32_t n)
{
	return make_array("counters", sizeof(struct bf_rt_counter), n);
}

/* Where the caller's bytes begin: aligned for any type. */
static size_t state_offset(const struct bf_unit_head *h)
{
	return BF_ALIGN(sizeof(*h) + h->record_len + h->recipe_len, (size_t)16);
}

/* Pages as elements: one large element would be limited in size by some kernels. */
int bf_unit_make_state(const struct bf_unit_head *h, const void *record, const void *recipe, const struct bf_change *c)
{
	const struct { const void *from; size_t at, len; } parts[] = {
		{ h, 0, sizeof(*h) },
		{ record, sizeof(*h), h->record_len },
		{ recipe, sizeof(*h) + h->record_len, h->recipe_len },
		{ c->head, state_offset(h), c->head_len },
		{ c->state, state_offset(h) + c->head_len, c->state_len },
	};
	size_t len = state_offset(h) + h->state_len;
	_cleanup_close_ int fd = make_array("state", PAGE, BF_ALIGN(len, (size_t)PAGE) / PAGE);
	int err = fd < 0 ? fd : 0;

	for (unsigned i = 0; i < BF_ARRAY_SIZE(parts) && !err; i++)
		err = bf_map_write(fd, parts[i].at, parts[i].from, parts[i].len);
	return err ? err : TAKE_FD(fd);
}

int bf_unit_map_array(const char *path, bool write, void **p, size_t *len)
{
	_cleanup_close_ int fd = bf_pin_get(path);
	struct bpf_map_info info;
	int err = fd < 0 ? fd : bf_map_info(fd, &info);

	if (err)
		return err;
	*len = bf_map_bytes(info.value_size, info.max_entries);
	*p = bf_map_mmap(fd, *len, write);
	return *p ? 0 : -errno;
}

static int pinned(const char *dir, const char *kind, const char *name)
{
	char path[BF_PATH_MAX];

	bf_path(path, "%s/%s%s", dir, kind, name);
	return bf_pin_get(path);
}

int bf_unit_map(const char *dir, const struct bf_map_spec *m)
{
	switch (m->role) {
	case BF_MAP_COUNTERS:
		return pinned(dir, "counters", "");
	case BF_MAP_JOURNAL:
		return pinned(dir, "journal", "");
	case BF_MAP_DATA:
	case BF_MAP_RODATA:
		return pinned(dir, "map-", m->name);
	default:
		return -1; /* the namespace's or the companion's: bf_load_rest takes it */
	}
}

int bf_unit_prog(const char *dir, uint32_t i)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", i);
	return pinned(dir, "prog-", name);
}

int bf_unit_peek(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit_head *out)
{
	char path[BF_PATH_MAX];
	_cleanup_close_ int fd = -1;
	void *p;

	bf_path(path, "%s/%u/%s/state", ns->dir, slot, name);
	fd = bf_pin_get(path);
	if (fd < 0)
		return fd;
	p = bf_map_mmap(fd, sizeof(*out), false);
	if (!p)
		return -errno;
	memcpy(out, p, sizeof(*out));
	bf_map_munmap(p, sizeof(*out));
	return out->magic == BF_UNIT_MAGIC ? 0 : -EPROTO;
}

static bool moves_fit(const struct bf_unit_head *h)
{
	bool fit = h->n_moved <= BF_MOVED_COUNTERS;

	for (uint32_t i = 0; fit && i < h->n_moved; i++)
		fit = h->moved[i].place < h->n_counters;
	return fit;
}

static bool head_fits(const struct bf_unit *u)
{
	const struct bf_unit_head *h = u->head;

	return h->magic == BF_UNIT_MAGIC && moves_fit(h) && h->n_progs <= BF_UNIT_PROGS &&
	       h->n_places <= BF_UNIT_PLACES && h->record_len <= u->mapped_len &&
	       h->recipe_len <= u->mapped_len && h->state_len <= u->mapped_len && state_offset(h) + h->state_len <= u->mapped_len;
}

/* Version and length belong together: a patch in between shows in the version. */
static int open_journal(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit *u)
{
	char path[BF_PATH_MAX];
	void *p;
	int err;

	bf_path(path, "%s/%u/%s/journal", ns->dir, slot, name);
	err = bf_unit_map_array(path, false, &p, &u->journal_len);
	if (err)
		return err == -ENOENT ? 0 : err;
	u->journal = p;
	do {
		u->version = __atomic_load_n(&u->journal->version, __ATOMIC_ACQUIRE);
		u->records = __atomic_load_n(&u->journal->len[u->version & 3], __ATOMIC_ACQUIRE);
	} while (u->version != __atomic_load_n(&u->journal->version, __ATOMIC_ACQUIRE));
	if (u->records > u->journal_len - sizeof(*u->journal))
		return -EPROTO;
	u->copy = malloc(u->records + 1);
	if (!u->copy)
		return -ENOMEM;
	memcpy(u->copy, u->journal + 1, u->records);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&u->head->recycled, __ATOMIC_RELAXED) ? -ESTALE : 0;
}

static int open_maps(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit *u)
{
	char path[BF_PATH_MAX];
	struct bpf_map_info info;
	void *p;
	int err;

	bf_path(path, "%s/%u/%s/state", ns->dir, slot, name);
	err = bf_unit_map_array(path, false, &p, &u->mapped_len);
	if (err)
		return err;
	u->head = p;
	if (!head_fits(u))
		return -EPROTO;
	err = open_journal(ns, slot, name, u);
	if (err || !u->head->n_counters)
		return err;
	bf_path(path, "%s/%u/%s/counters", ns->dir, slot, name);
	u->counters_fd = bf_pin_get(path);
	err = u->counters_fd < 0 ? u->counters_fd : bf_map_info(u->counters_fd, &info);
	if (err)
		return err;
	u->counters_len = bf_map_bytes(info.value_size, info.max_entries);
	bf_path(path, "%s/%u/%s/base", ns->dir, slot, name);
	u->base_fd = bf_pin_get(path);
	if (u->base_fd < 0 && u->base_fd != -ENOENT)
		return u->base_fd;
	return (uint64_t)u->head->n_counters * u->head->stripes * sizeof(struct bf_rt_counter) <= u->counters_len ? 0 : -EPROTO;
}

int bf_unit_open_at(const struct bf_ns *ns, unsigned slot, const char *name, struct bf_unit **out)
{
	struct bf_unit *u = calloc(1, sizeof(*u));
	int err = -ENOMEM;

	if (u) {
		u->counters_fd = u->base_fd = -1;
		err = open_maps(ns, slot, name, u);
	}
	if (err)
		bf_unit_close(u);
	else
		*out = u;
	return err;
}

int bf_unit_open(struct bf_ns *ns, const char *name, struct bf_unit **out)
{
	for (int i = 0; i < RETRIES; i++) {
		struct bf_unit *u = NULL;
		int err = bf_path_valid_name(name) ? bf_ns_refresh(ns) : -ENOENT;
		uint64_t gen;

		if (err)
			return err;
		gen = bf_ns_gen(ns);
		err = bf_unit_open_at(ns, bf_slot(gen), name, &u);
		if (gen == bf_ns_gen(ns)) {
			*out = u;
			return err;
		}
		bf_unit_close(u);
	}
	return -EBUSY;
}

void bf_unit_close(struct bf_unit *u)
{
	if (!u)
		return;
	bf_map_munmap((void *)u->head, u->mapped_len);
	if (u->counters_fd >= 0)
		close(u->counters_fd);
	if (u->base_fd >= 0)
		close(u->base_fd);
	bf_map_munmap((void *)u->journal, u->journal_len);
	free(u->copy);
	free(u);
}

const void *bf_unit_record(const struct bf_unit *u, size_t *len)
{
	*len = u->head->record_len;
	return u->head + 1;
}

const void *bf_unit_recipe(const struct bf_unit *u, size_t *len)
{
	*len = u->head->recipe_len;
	return (const char *)(u->head + 1) + u->head->record_len;
}

const void *bf_unit_state(const struct bf_unit *u, size_t *len)
{
	*len = u->head->state_len;
	return (const char *)u->head + state_offset(u->head);
}

const void *bf_unit_journal(const struct bf_unit *u, size_t *len, uint64_t *version)
{
	*len = u->records;
	*version = u->version;
	return u->copy;
}

uint32_t bf_unit_n_counters(const struct bf_unit *u)
{
	return u->head->n_counters;
}

/* Large tables have many: they are mapped only while they are looked at. NULL: errno. */
static struct bf_rt_counter *map_counters(const struct bf_unit *u)
{
	return bf_map_mmap(u->counters_fd, u->counters_len, true);
}

/* How a counter is read: its value is added to the sum. */
typedef void read_fn(struct bf_rt_counter *c, struct bf_rt_counter *sum);

static void add_counter(struct bf_rt_counter *c, struct bf_rt_counter *sum)
{
	sum->packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
	sum->bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
}

static uint64_t take(__u64 *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED) ? __atomic_exchange_n(v, 0, __ATOMIC_RELAXED) : 0;
}

static void take_counter(struct bf_rt_counter *c, struct bf_rt_counter *sum)
{
	sum->packets += take(&c->packets);
	sum->bytes += take(&c->bytes);
}

static int read_base(const struct bf_unit *u, read_fn *read, const bool *which, struct bf_rt_counter *out, uint32_t n)
{
	struct bpf_map_info info;
	struct bf_rt_counter *base;
	size_t len;
	int err;

	if (u->base_fd < 0)
		return 0;
	err = bf_map_info(u->base_fd, &info);
	if (err || info.max_entries < n)
		return err ? err : -EPROTO;
	len = bf_map_bytes(info.value_size, info.max_entries);
	base = bf_map_mmap(u->base_fd, len, true);
	if (!base)
		return -errno;
	for (uint32_t i = 0; i < n; i++)
		if (!which || which[i])
			read(&base[i], &out[i]);
	bf_map_munmap(base, len);
	return 0;
}

static void read_stripe(const struct bf_unit *u, struct bf_rt_counter *stripe, read_fn *read, const bool *which,
                        struct bf_rt_counter *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!which || which[i])
			read(&stripe[i], &out[i]);
	for (uint32_t i = 0; i < u->head->n_moved; i++) {
		const struct bf_moved_counter *m = &u->head->moved[i];

		if (m->counter < n && (!which || which[m->counter]))
			read(&stripe[m->place], &out[m->counter]);
	}
}

static int read_counters(const struct bf_unit *u, read_fn *read, const bool *which, struct bf_rt_counter *out, uint32_t n)
{
	struct bf_rt_counter *c;

	if (n > u->head->n_counters)
		return -EINVAL;
	memset(out, 0, n * sizeof(*out));
	if (!n)
		return 0;
	c = map_counters(u);
	if (!c)
		return -errno;
	for (uint32_t s = 0; s < u->head->stripes; s++)
		read_stripe(u, c + (size_t)s * u->head->n_counters, read, which, out, n);
	bf_map_munmap(c, u->counters_len);
	return read_base(u, read, which, out, n);
}

int bf_unit_counters(const struct bf_unit *u, struct bf_rt_counter *out, uint32_t n)
{
	int err = read_counters(u, add_counter, NULL, out, n);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return err ? err : __atomic_load_n(&u->head->recycled, __ATOMIC_RELAXED) ? -ESTALE : 0;
}

int bf_unit_take_counters(struct bf_unit *u, const bool *which, struct bf_rt_counter *out, uint32_t n)
{
	return read_counters(u, take_counter, which, out, n);
}

/* The programs add to the same memory, atomically as well. */
int bf_unit_add_counters(struct bf_unit *u, const struct bf_rt_counter *in, uint32_t n)
{
	struct bf_rt_counter *c;

	if (n > u->head->n_counters)
		return -EINVAL;
	if (!n)
		return 0;
	c = map_counters(u);
	if (!c)
		return -errno;
	for (uint32_t i = 0; i < n; i++) {
		__atomic_fetch_add(&c[i].packets, in[i].packets, __ATOMIC_RELAXED);
		__atomic_fetch_add(&c[i].bytes, in[i].bytes, __ATOMIC_RELAXED);
	}
	bf_map_munmap(c, u->counters_len);
	return 0;
}

int bf_ns_units(struct bf_ns *ns, struct bf_buf *b)
{
	for (int i = 0; i < RETRIES; i++) {
		_cleanup_buf_ struct bf_buf names = { 0 };
		char path[BF_PATH_MAX];
		int err = bf_ns_refresh(ns);
		uint64_t gen;

		if (err)
			return err == -ENOENT ? 0 : err;
		gen = bf_ns_gen(ns);
		bf_path(path, "%s/%u", ns->dir, bf_slot(gen));
		err = bf_path_list(path, &names);
		if (gen != bf_ns_gen(ns))
			continue;
		if (!err)
			bf_buf_add(b, names.data, names.len);
		return err == -ENOENT ? 0 : err ? err : b->err;
	}
	return -EBUSY;
}
