/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf.c: the commands of bpf(2) (sys.h). */
#include "kern/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define PTR(p) ((uint64_t)(uintptr_t)(p))

/* A process started with stdin closed gets descriptor 0 for its first map, and 0 means "none" in many attributes. */
static int good_fd(int fd)
{
	int higher, err;

	if (fd < 0 || fd > 2)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	err = -errno;
	close(fd);
	return higher < 0 ? err : higher;
}

/* Names in the kernel: alphanumeric, '_' and '.', 15 characters. Others would be -EINVAL. */
static void copy_name(char out[BPF_OBJ_NAME_LEN], const char *name)
{
	snprintf(out, BPF_OBJ_NAME_LEN, "%s", name ? name : "");
	for (char *c = out; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') && *c != '.')
			*c = '_';
}

int bf_map_create(const struct bf_map_desc *m)
{
	union bpf_attr a = {
		.map_type = m->type,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.map_flags = m->flags,
		.inner_map_fd = (uint32_t)m->inner_fd,
	};

	copy_name(a.map_name, m->name);
	return good_fd(bf_sys_bpf(BPF_MAP_CREATE, &a, sizeof(a)));
}

static int map_elem(int cmd, int fd, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr a = { .map_fd = (uint32_t)fd, .key = PTR(key), .value = PTR(value), .flags = flags };

	return bf_sys_bpf(cmd, &a, sizeof(a));
}

int bf_map_update(int fd, const void *key, const void *value, uint64_t flags)
{
	return map_elem(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);
}

int bf_map_lookup(int fd, const void *key, void *value)
{
	return map_elem(BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

int bf_map_delete(int fd, const void *key)
{
	return map_elem(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

int bf_map_next_key(int fd, const void *key, void *next)
{
	return map_elem(BPF_MAP_GET_NEXT_KEY, fd, key, next, 0);
}

int bf_map_freeze(int fd)
{
	union bpf_attr a = { .map_fd = (uint32_t)fd };

	return bf_sys_bpf(BPF_MAP_FREEZE, &a, sizeof(a));
}

static int get_info(int fd, void *info, uint32_t len)
{
	union bpf_attr a = { .info = { .bpf_fd = (uint32_t)fd, .info_len = len, .info = PTR(info) } };

	memset(info, 0, len);
	return bf_sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a));
}

int bf_map_info(int fd, struct bpf_map_info *info)
{
	return get_info(fd, info, sizeof(*info));
}

int bf_prog_info(int fd, struct bpf_prog_info *info)
{
	return get_info(fd, info, sizeof(*info));
}

void *bf_map_mmap_at(int fd, uint64_t at, size_t len, bool write)
{
	void *p = mmap(NULL, len, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, (off_t)at);

	return p == MAP_FAILED ? NULL : p;
}

void *bf_map_mmap(int fd, size_t len, bool write)
{
	return bf_map_mmap_at(fd, 0, len, write);
}

void bf_map_munmap(void *p, size_t len)
{
	if (p)
		munmap(p, len);
}

int bf_prog_load(const struct bf_prog_desc *p)
{
	union bpf_attr a = {
		.prog_type = p->type,
		.expected_attach_type = p->attach_type,
		.prog_flags = p->flags,
		.insns = PTR(p->insns),
		.insn_cnt = p->n_insns,
		.license = PTR("GPL"),
		.log_level = p->log ? 1 : 0,
		.log_buf = PTR(p->log),
		.log_size = p->log ? p->log_size : 0,
		.prog_btf_fd = p->n_funcs ? (uint32_t)p->btf : 0,
		.func_info_rec_size = p->n_funcs ? sizeof(*p->funcs) : 0,
		.func_info = PTR(p->funcs),
		.func_info_cnt = p->n_funcs,
	};
	int fd;

	copy_name(a.prog_name, p->name);
	for (int tries = 0; tries < 5; tries++) { /* the verifier gives up with EAGAIN when a signal is pending */
		fd = bf_sys_bpf(BPF_PROG_LOAD, &a, sizeof(a));
		if (fd != -EAGAIN)
			break;
	}
	return good_fd(fd);
}

int bf_btf_load(const void *data, uint32_t len)
{
	union bpf_attr a = { .btf = PTR(data), .btf_size = len };

	return good_fd(bf_sys_bpf(BPF_BTF_LOAD, &a, sizeof(a)));
}

int bf_prog_run(struct bf_run_desc *r)
{
	union bpf_attr a = { .test = {
		.prog_fd = (uint32_t)r->prog,
		.data_in = PTR(r->data),
		.data_size_in = r->data_len,
		.ctx_in = PTR(r->ctx),
		.ctx_size_in = r->ctx_len,
		.repeat = r->repeat,
	} };
	int err = bf_sys_bpf(BPF_PROG_TEST_RUN, &a, sizeof(a));

	r->retval = a.test.retval;
	r->duration = a.test.duration;
	return err;
}

int bf_link_netfilter(int prog, uint32_t family, uint32_t hook, int priority, uint32_t flags)
{
	struct {
		uint32_t prog, target, attach_type, flags;
		uint32_t pf, hook;
		int32_t priority;
		uint32_t nf_flags;
		uint64_t rest[6];
	} a = {
		.prog = (uint32_t)prog,
		.attach_type = BF_ATTACH_NETFILTER,
		.pf = family,
		.hook = hook,
		.priority = priority,
		.nf_flags = flags,
	};

	return good_fd(bf_sys_bpf(BPF_LINK_CREATE, &a, sizeof(a)));
}

int bf_link_create(const struct bf_link_desc *l)
{
	enum { BEFORE = 1 << 3, AFTER = 1 << 4, LINK = 1 << 13 }; /* BPF_F_*, linux/bpf.h of 6.6 */
	struct {
		uint32_t prog, target, attach_type, flags;
		uint32_t relative, pad;
		uint64_t rest[6];
	} a = { .prog = (uint32_t)l->prog, .target = l->target, .attach_type = l->attach, .flags = l->flags };

	if (l->relative >= 0) {
		a.flags |= LINK | (l->before ? BEFORE : AFTER);
		a.relative = (uint32_t)l->relative;
	}
	return good_fd(bf_sys_bpf(BPF_LINK_CREATE, &a, sizeof(a)));
}

int bf_link_detach(int link)
{
	union bpf_attr a = { .link_detach = { .link_fd = (uint32_t)link } };

	return bf_sys_bpf(BPF_LINK_DETACH, &a, sizeof(a));
}

int bf_link_info(int link, struct bf_link_info *info)
{
	return get_info(link, info, sizeof(*info));
}

int bf_pin(int fd, const char *path)
{
	union bpf_attr a = { .pathname = PTR(path), .bpf_fd = (uint32_t)fd };

	return bf_sys_bpf(BPF_OBJ_PIN, &a, sizeof(a));
}

int bf_pin_get(const char *path)
{
	union bpf_attr a = { .pathname = PTR(path) };

	return good_fd(bf_sys_bpf(BPF_OBJ_GET, &a, sizeof(a)));
}
