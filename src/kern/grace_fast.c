/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * grace_fast.c: synchronize_rcu() takes some 15 ms, ten times as long as the
 * rest of a change. Closing a detached mount makes the kernel wait as well,
 * but expedited, in some 50 us. That it does so is nowhere promised, so it is
 * tried: a program stays inside the kernel for a while, as a packet would, and
 * the close must not return before it has left. Only samples count in which
 * we slept of our own will and were not merely pushed off the CPU. The answer
 * is kept beside the namespaces' directories, until the next boot.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "kern/grace.h"
#include "kern/insn.h"
#include "kern/load.h"
#include "kern/path.h"
#include "kern/sys.h"

enum { SAMPLES = 2, TRIES = 6, ATTEMPTS = 8, SPIN_NS = 8000000, ROUNDS = 1 << 23 };

struct flags {
	uint32_t inside, left;
};

int bf_grace_expedited(void)
{
	int fd = (int)syscall(__NR_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Says that it is inside, turns round and round for SPIN_NS, says that it left. */
static const struct bpf_insn spin[] = {
	LD_MAP(6, 0, 0), /* 0: flags */
	CALL(FN_KTIME_GET_NS),
	MOVR(7, 0), ADD(7, SPIN_NS),
	MOV(1, 1),
	STORE32(6, 1, 0),
	MOVR(1, 10), ADD(1, -8), MOV(2, 0), MOV(3, ROUNDS),
	CALL(0), /* 11: bpf_iter_num_new */
	MOVR(1, 10), ADD(1, -8), /* 12: round */
	CALL(0), /* 14: bpf_iter_num_next */
	JEQ(0, 0, 2),
	CALL(FN_KTIME_GET_NS),
	JLTR(0, 7, -6),
	MOVR(1, 10), ADD(1, -8),
	CALL(0), /* 20: bpf_iter_num_destroy */
	MOV(1, 1),
	STORE32(6, 1, 4),
	MOV(0, 1),
	EXIT,
};

static const struct bf_reloc relocs[] = {
	{ .insn = 0, .kind = BF_RELOC_MAP_VALUE },
	{ .insn = 11, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_new" },
	{ .insn = 14, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_next" },
	{ .insn = 20, .kind = BF_RELOC_KFUNC, .type = "bpf_iter_num_destroy" },
};

static int load_spin(int map, const char *base)
{
	static const struct bf_prog_image image = {
		.name = "bf_spin",
		.n_insns = BF_ARRAY_SIZE(spin),
		.relocs = (struct bf_reloc *)relocs,
		.n_relocs = BF_ARRAY_SIZE(relocs),
	};
	_cleanup_types_ struct bf_types types = BF_TYPES_NONE;
	struct bpf_insn copy[BF_ARRAY_SIZE(spin)];
	int err;

	bf_types_open(&types, base);
	memcpy(copy, spin, sizeof(spin));
	err = bf_relocate(&image, copy, &map, 1, &types, NULL);
	return err ? err : bf_prog_load_diag("bf_spin", BF_HOOK_INPUT, copy, BF_ARRAY_SIZE(spin), NULL);
}

/* Off the CPU of who waits, or that one sees nothing of what happens in between. */
static void choose_cpu(int avoid)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) || avoid < 0 || CPU_COUNT(&set) < 2)
		return;
	CPU_CLR((size_t)avoid, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct spinner {
	int prog, avoid;
};

static void *run_spin(void *arg)
{
	const struct spinner *s = arg;
	static const char packet[64] = { [12] = 8, [14] = 0x45 };
	const char state[48] = { 1, 2 }; /* struct nf_hook_state: LOCAL_IN, IPv4 */
	struct bf_run_desc r = {
		.prog = s->prog,
		.data = packet,
		.data_len = sizeof(packet),
		.ctx = state,
		.ctx_len = sizeof(state),
		.repeat = 1,
	};

	choose_cpu(s->avoid);
	bf_prog_run(&r);
	return NULL;
}

enum answer { WAITS = 1, DOES_NOT, UNCLEAR };

static enum answer ask(volatile struct flags *f)
{
	struct rusage before, after;
	bool was_inside, has_left;

	for (int i = 0; !f->inside && i < 50000000; i++)
		;
	getrusage(RUSAGE_THREAD, &before);
	was_inside = f->inside && !f->left;
	if (bf_grace_expedited())
		return DOES_NOT;
	has_left = f->left;
	getrusage(RUSAGE_THREAD, &after);
	if (was_inside && !has_left)
		return DOES_NOT;
	if (!was_inside || after.ru_nivcsw != before.ru_nivcsw || after.ru_nvcsw == before.ru_nvcsw)
		return UNCLEAR;
	return WAITS;
}

static enum answer sample(int prog, struct flags *f)
{
	struct spinner s = { prog, sched_getcpu() };
	enum answer a;
	pthread_t t;

	memset(f, 0, sizeof(*f));
	if (pthread_create(&t, NULL, run_spin, &s))
		return UNCLEAR;
	a = ask(f);
	pthread_join(t, NULL);
	return a;
}

static enum answer sample_all(int prog, struct flags *f)
{
	int good = 0;

	for (int i = 0; i < TRIES && good < SAMPLES; i++) {
		enum answer a = sample(prog, f);

		if (a == DOES_NOT)
			return a;
		good += a == WAITS;
	}
	return good == SAMPLES ? WAITS : UNCLEAR;
}

static enum answer find_out(const char *base)
{
	const struct bf_map_desc m = { "bf_flags", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flags), 1, BPF_F_MMAPABLE, 0 };
	_cleanup_close_ int map = bf_map_create(&m), prog = -1;
	struct flags *f = map < 0 ? NULL : bf_map_mmap(map, sizeof(*f), true);
	enum answer a = UNCLEAR;

	if (f)
		prog = load_spin(map, base);
	if (prog >= 0)
		a = sample_all(prog, f);
	bf_map_munmap(f, sizeof(*f));
	return a;
}

static int make_pinned(const char *path)
{
	const struct bf_map_desc m = { "bf_grace_fast", BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, 0 };
	_cleanup_close_ int fd = bf_map_create(&m);
	int err = fd < 0 ? fd : bf_pin(fd, path);

	return err ? err : TAKE_FD(fd);
}

/* The map holds the answer; while it is unclear (a busy machine) UNCLEAR + how often was tried. */
bool bf_grace_is_fast(const char *base)
{
	_cleanup_close_ int fd = -1;
	char path[BF_PATH_MAX];
	uint32_t key = 0, known, answer;

	bf_path(path, "%s/grace", base);
	fd = bf_pin_get(path);
	if (fd == -ENOENT)
		fd = make_pinned(path);
	if (fd < 0 || bf_map_lookup(fd, &key, &known))
		return false;
	if (known == WAITS || known == DOES_NOT || known >= UNCLEAR + ATTEMPTS)
		return known == WAITS;
	answer = find_out(base);
	if (answer == UNCLEAR)
		answer = known ? known + 1 : UNCLEAR;
	bf_map_update(fd, &key, &answer, BPF_ANY);
	return answer == WAITS;
}
