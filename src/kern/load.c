/* SPDX-License-Identifier: GPL-2.0-only */
/* load.c: an image's maps and programs into the kernel (load.h). */
#include "kern/load.h"

#include <fcntl.h>
#include <stdio.h>

#include "kern/live.h"
#include "kern/sys.h"

enum { LOG_SIZE = 64 << 10, LOG_LINES = 12 };

/* The last lines of the verifier's log: what it stumbled over. When the log is too long the kernel keeps its end. */
static const char *log_tail(char *log)
{
	size_t len = strlen(log);
	unsigned lines = 0;

	while (len && (log[len - 1] == '\n' || log[len - 1] == ' '))
		log[--len] = '\0';
	while (len && lines < LOG_LINES)
		if (log[--len] == '\n')
			lines++;
	return log + len + (lines == LOG_LINES);
}

/* The function that the verifier looked at last, when it is a user's: "Validating uXXXXXXXX_NAME() func#N..." */
static void add_function(const char *log, struct bf_buf *out)
{
	const char *at = NULL, *end;

	for (const char *p = log; (p = strstr(p, "Validating u")); p++)
		at = p + strlen("Validating ");
	end = at ? strchr(at, '(') : NULL;
	if (end && end - at > 10 && at[9] == '_')
		bf_buf_printf(out, ", in the function %.*s of an object file", (int)(end - at - 10), at + 10);
}

/* The line of a user's file that the verifier looked at last: "12: (61) r0 = *(u32 *)(r1 +0)" */
static void add_line(const char *log, const struct bf_prog_image *p, struct bf_buf *out)
{
	const struct bf_line *found = NULL;
	unsigned long at = ~0ul, func = 0;

	for (const char *s = log; s; s = strchr(s, '\n')) {
		char *end;
		unsigned long n;

		s += *s == '\n';
		n = strtoul(s, &end, 10);
		if (end != s && !strncmp(end, ": (", 3))
			at = n;
	}
	for (uint32_t i = 0; i < p->n_funcs; i++)
		if (p->funcs[i].insn <= at)
			func = BF_MAX(func, p->funcs[i].insn);
	for (uint32_t i = 0; i < p->n_lines; i++)
		if (p->lines[i].insn <= at && p->lines[i].insn >= func)
			found = &p->lines[i];
	if (found && at < p->n_insns)
		bf_buf_printf(out, ", %s:%u: \"%s\"", found->file, found->line, found->text + strspn(found->text, " \t"));
}

/* What a function would have needed of the kernel (bf_relocate); false: that is not why it was refused. */
static bool add_missing(const char *log, const struct bf_prog_image *p, struct bf_buf *out)
{
	static const char words[] = "invalid func unknown#";
	const char *at = p ? strstr(log, words) : NULL;
	unsigned long n = at ? strtoul(at + strlen(words), NULL, 10) - BF_FORBIDDEN : ~0ul;

	if (!at || n >= p->n_relocs)
		return false;
	bf_buf_printf(out, ": this kernel has no %s%s%s", p->relocs[n].type, p->relocs[n].member && *p->relocs[n].member ? "." : "",
	              p->relocs[n].member ? p->relocs[n].member : "");
	return true;
}

static int refused(const char *name, uint8_t hook, uint32_t n, int err, const struct bf_prog_image *p, char *log, struct bf_diag *d)
{
	_cleanup_buf_ struct bf_buf where = { 0 };
	const char *why = strerror(-err);

	add_function(log, &where);
	if (p && where.len)
		add_line(log, p, &where);
	if (add_missing(log, p, &where))
		return bf_diag_error(d, err, "the kernel refuses program \"%s\"%s", name, where.data ? where.data : "");
	if (err == -EPERM)
		why = "not permitted: CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed";
	else if (err == -E2BIG)
		why = "larger or more complex than the kernel's verifier accepts";
	else if (err == -EINVAL && !*log && hook < BF_HOOKS_NETFILTER)
		why = "Invalid argument: BPF_PROG_TYPE_NETFILTER needs Linux 6.4 with CONFIG_NETFILTER_BPF_LINK";
	return bf_diag_error(d, err, "the kernel refuses program \"%s\" of %u instructions: %s%s%s%s", name, n, why,
	                     where.len ? where.data : "", *log ? "; its verifier says:\n" : "", log_tail(log));
}

static int load_desc(struct bf_prog_desc *p, uint8_t hook, const struct bf_prog_image *of, struct bf_diag *d)
{
	int fd = bf_prog_load(p), again;
	char none[] = "";

	if (fd >= 0)
		return fd;
	p->log_size = LOG_SIZE;
	p->log = d ? calloc(1, LOG_SIZE) : NULL;
	if (p->log) {
		again = bf_prog_load(p);
		if (again >= 0)
			close(again); /* it was a passing want, of memory for instance: still an error, the caller may try again */
		refused(p->name, hook, p->n_insns, fd, of, p->log, d);
		free(p->log);
	} else {
		refused(p->name, hook, p->n_insns, fd, of, none, d);
	}
	return fd;
}

static struct bf_prog_desc desc_of(const char *name, uint8_t hook, const struct bpf_insn *insns, uint32_t n)
{
	return (struct bf_prog_desc){
		.name = name,
		.type = bf_hook_kinds[hook].prog_type,
		.attach_type = bf_hook_kinds[hook].attach,
		.insns = insns,
		.n_insns = n,
	};
}

int bf_prog_load_diag(const char *name, uint8_t hook, const struct bpf_insn *insns, uint32_t n, struct bf_diag *d)
{
	struct bf_prog_desc p = desc_of(name, hook, insns, n);

	return load_desc(&p, hook, NULL, d);
}

static int load_funcs(const struct bf_prog_image *p, const struct bpf_insn *insns, struct bf_diag *d)
{
	struct bf_prog_desc desc = desc_of(p->name, p->at.hook, insns, p->n_insns);
	_cleanup_free_ struct bpf_func_info *funcs = calloc(p->n_funcs + 1, sizeof(*funcs));
	_cleanup_close_ int btf = funcs ? bf_funcs_describe(p, funcs) : -ENOMEM;

	if (btf < 0)
		return bf_diag_error(d, btf, "cannot describe program \"%s\" to the kernel: %s", p->name, strerror(-btf));
	desc.btf = btf;
	desc.funcs = funcs;
	desc.n_funcs = p->n_funcs;
	return load_desc(&desc, p->at.hook, p, d);
}

static int load_prog(const struct bf_prog_image *p, const int *maps, uint32_t n_maps, struct bf_types *types,
                     struct bf_diag *d)
{
	_cleanup_free_ struct bpf_insn *insns = malloc(p->n_insns * sizeof(*insns));
	int err;

	if (!insns)
		return -ENOMEM;
	memcpy(insns, p->insns, p->n_insns * sizeof(*insns));
	err = bf_relocate(p, insns, maps, n_maps, types, d);
	if (err)
		return err;
	return p->n_funcs > 1 ? load_funcs(p, insns, d) : bf_prog_load_diag(p->name, p->at.hook, insns, p->n_insns, d);
}

int bf_given_map(const struct bf_map_spec *s, const struct bf_given_maps *given)
{
	if (!given)
		return -1;
	switch (s->role) {
	case BF_MAP_HANDOFF:
		return given->handoff;
	case BF_MAP_PENDING:
		return given->pending;
	case BF_MAP_ASSIST:
		return given->assist;
	default:
		return -1;
	}
}

static int get_map(const struct bf_map_spec *s, const struct bf_given_maps *given, const int *maps, struct bf_diag *d)
{
	int fd = bf_given_map(s, given);

	if (s->role == BF_MAP_LIVE)
		return bf_live_make(s, given ? given->dir : NULL, d);
	if (s->role == BF_MAP_LIVES)
		return bf_lives_make(s, maps, d);
	if (fd < 0)
		return bf_map_make(s, d);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? bf_diag_error(d, -errno, "map \"%s\": %s", s->name, strerror(errno)) : fd;
}

/* Maps are as quick as they are small; a program takes as long as some MiB. */
static int tell(const struct bf_loaded *l, const struct bf_given_maps *given, uint32_t done)
{
	return bf_progress_tell(given ? given->progress : NULL, "loading", done, l->n_maps + l->n_progs);
}

static int load_all(struct bf_loaded *l, const struct bf_image *img, const struct bf_given_maps *given,
                    struct bf_diag *d)
{
	_cleanup_types_ struct bf_types types = BF_TYPES_NONE;
	bool open = false;
	int fd, err;

	for (uint32_t i = 0; i < img->n_maps; i++) {
		err = tell(l, given, i);
		fd = err || l->maps[i] >= 0 ? l->maps[i] : get_map(&img->maps[i], given, l->maps, d);
		if (err || fd < 0)
			return err ? err : fd;
		l->maps[i] = fd;
	}
	for (uint32_t i = 0; i < img->n_progs; i++) {
		err = tell(l, given, img->n_maps + i);
		if (err)
			return err;
		if (l->progs[i] >= 0)
			continue;
		if (!open)
			bf_types_open(&types, given ? given->base : NULL);
		open = true;
		fd = load_prog(&img->progs[i], l->maps, l->n_maps, &types, d);
		if (fd < 0)
			return fd;
		l->progs[i] = fd;
	}
	return 0;
}

static int *no_fds(uint32_t n)
{
	int *fds = malloc((n + 1) * sizeof(*fds));

	for (uint32_t i = 0; fds && i < n; i++)
		fds[i] = -1;
	return fds;
}

int bf_loaded_open(struct bf_loaded *out, const struct bf_image *img)
{
	*out = (struct bf_loaded){ .maps = no_fds(img->n_maps), .progs = no_fds(img->n_progs) };
	if (!out->maps || !out->progs) {
		bf_loaded_close(out);
		return -ENOMEM;
	}
	out->n_maps = img->n_maps;
	out->n_progs = img->n_progs;
	return 0;
}

int bf_load(struct bf_loaded *out, const struct bf_image *img, const struct bf_given_maps *given, struct bf_diag *d)
{
	int err = bf_loaded_open(out, img);

	return err ? err : bf_load_rest(out, img, given, d);
}

int bf_load_rest(struct bf_loaded *l, const struct bf_image *img, const struct bf_given_maps *given, struct bf_diag *d)
{
	int err = load_all(l, img, given, d);

	if (err)
		bf_loaded_close(l);
	return err;
}

void bf_loaded_close(struct bf_loaded *l)
{
	for (uint32_t i = 0; i < l->n_maps; i++)
		if (l->maps[i] >= 0)
			close(l->maps[i]);
	for (uint32_t i = 0; i < l->n_progs; i++)
		if (l->progs[i] >= 0)
			close(l->progs[i]);
	free(l->maps);
	free(l->progs);
	*l = (struct bf_loaded){ 0 };
}

int bf_loaded_map(const struct bf_loaded *l, const struct bf_image *img, enum bf_map_role role)
{
	for (uint32_t i = 0; i < img->n_maps && i < l->n_maps; i++)
		if (img->maps[i].role == role)
			return l->maps[i];
	return -1;
}
