/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probe.c: what this kernel offers, found out by trying. Distributions move
 * features between versions and switch them off, so version numbers tell
 * little; a number in a hint is when a feature came to the main line.
 */
#include <limits.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kern/attach.h"
#include "kern/companion.h"
#include "kern/dispatch.h"
#include "kern/load.h"
#include "kern/nft.h"
#include "kern/probe.h"
#include "kern/sys.h"
#include "kern/types.h"

#define JCOND 0xe0 /* BPF_JCOND, linux/bpf.h of 6.9: with source 0 it is may_goto */

/* The tries: 0 or -errno. */

static int closed(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int try_bpf(void)
{
	const struct bf_map_desc m = { "bf_probe", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, 0, 0 };

	return closed(bf_map_create(&m));
}

static int try_btf(void)
{
	return bf_btf_peek();
}

static int try_netfilter(void)
{
	return closed(bf_const_prog("bf_probe", BF_HOOK_INPUT, BF_ACCEPT, NULL));
}

static int try_bpffs(void)
{
	char base[BF_PATH_MAX];

	return bf_path_base(base, true, NULL);
}

static int try_netns_cookie(void)
{
	_cleanup_close_ int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	return s < 0 || getsockopt(s, SOL_SOCKET, 71, &cookie, &len) ? -errno : 0;
}

static int try_may_goto(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = BF_ACCEPT },
		{ .code = BPF_JMP | JCOND, .off = 1 }, /* Linux 6.12 refuses 0 */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = BF_ACCEPT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct bf_prog_desc p = {
		.name = "bf_probe",
		.type = BF_PROG_TYPE_NETFILTER,
		.attach_type = BF_ATTACH_NETFILTER,
		.insns = insns,
		.n_insns = BF_ARRAY_SIZE(insns),
	};

	return closed(bf_prog_load(&p));
}

/* Where answers are kept already, that is quick. */
static int ask(enum bf_reloc_kind kind, const char *type, const char *member)
{
	_cleanup_types_ struct bf_types t = BF_TYPES_NONE;
	char base[BF_PATH_MAX];
	uint32_t answer;

	bf_types_open(&t, bf_path_base(base, false, NULL) ? NULL : base);
	return bf_types_ask(&t, kind, type, member, &answer, NULL);
}

static int try_iterator(void)
{
	return ask(BF_RELOC_KFUNC, "bpf_iter_num_new", NULL);
}

static int try_dynptr(void)
{
	return ask(BF_RELOC_KFUNC, "bpf_dynptr_from_skb", NULL);
}

static int try_conntrack(void)
{
	return ask(BF_RELOC_OFFSET, "nf_conn", "status");
}

static int with_nft(int (*f)(struct bf_nft *n))
{
	struct bf_nft *n;
	int r = bf_nft_open(&n, NULL);

	if (r)
		return r;
	r = f(n);
	bf_nft_close(n);
	return r;
}

static int ask_tables(struct bf_nft *n)
{
	uint32_t flags;
	int r = nft_get_table(n, NFPROTO_IPV4, "bpfilter-probe", &flags);

	return r == -ENOENT ? 0 : r;
}

static int try_nf_tables(void)
{
	return with_nft(ask_tables);
}

#define XT(fn, name, rev, target)                                    \
	static int has_##fn(struct bf_nft *n)                            \
	{                                                                \
		return nft_has_xt(n, NFPROTO_IPV4, target, name, rev);       \
	}                                                                \
	static int try_##fn(void)                                        \
	{                                                                \
		return with_nft(has_##fn);                                   \
	}

XT(xt_bpf, "bpf", 1, false)
XT(reject, "REJECT", 0, true)
XT(log, "LOG", 0, true)
XT(nflog, "NFLOG", 0, true)
XT(addrtype, "addrtype", 1, false)

static int try_seccomp(void)
{
	struct {
		uint16_t notif, resp, data;
	} sizes;

	return syscall(__NR_seccomp, 3 /* SECCOMP_GET_NOTIF_SIZES */, 0, &sizes) ? -errno : 0;
}

static int try_hook(uint8_t hook)
{
	return closed(bf_const_prog("bf_probe", hook, BF_ACCEPT, NULL));
}

static int try_xdp(void)
{
	return try_hook(BF_HOOK_XDP);
}

/* A device that there is not: a kernel with tcx looks for it first. */
static int try_tcx(void)
{
	_cleanup_close_ int prog = bf_const_prog("bf_probe", BF_HOOK_TC_INGRESS, BF_ACCEPT, NULL);
	const struct bf_link_desc l = { .prog = prog, .target = INT_MAX, .relative = -1,
	                                .attach = bf_hook_kinds[BF_HOOK_TC_INGRESS].attach };
	int fd = prog < 0 ? prog : bf_link_create(&l);

	return fd == -ENODEV ? 0 : fd < 0 ? fd : closed(fd);
}

static int try_cgroup(void)
{
	int err = closed(bf_cgroup_open("/"));

	return err ? err : try_hook(BF_HOOK_CGROUP_INGRESS);
}

static int try_sockops(void)
{
	return try_hook(BF_HOOK_SOCKOPS);
}

bool bf_probe_hook(uint8_t hook)
{
	return !(bf_hook_kinds[hook].point == BF_POINT_CGROUP ? closed(bf_cgroup_open("/")) : 0) && !try_hook(hook);
}

/* f(what is known of it, the packet): both are known to be there by tags alone (funcs.c). */
static int try_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1, .off = 8 }, /* bpf_nf_ctx.skb */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -BF_PROGRAM_SEES },
		{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = BF_ACCEPT },
		{ .code = BPF_JMP | BPF_EXIT },
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 0, .src_reg = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bf_func funcs[] = { { .name = "bf_probe" }, { .name = "bf_asked", .insn = 6, .args = "ph" } };
	struct bf_prog_image p = { .at.hook = BF_HOOK_INPUT, .frame = BF_PROGRAM_SEES, .funcs = funcs, .n_funcs = 2 };
	struct bpf_func_info info[2];
	_cleanup_close_ int btf = bf_funcs_describe(&p, info);
	const struct bf_prog_desc desc = {
		.name = "bf_probe",
		.type = BF_PROG_TYPE_NETFILTER,
		.attach_type = BF_ATTACH_NETFILTER,
		.insns = insns,
		.n_insns = BF_ARRAY_SIZE(insns),
		.btf = btf,
		.funcs = info,
		.n_funcs = 2,
	};

	return btf < 0 ? btf : closed(bf_prog_load(&desc));
}

static const struct {
	const char *name;
	bool required;
	int (*try)(void);
	const char *enables, *hint;
} table[] = {
	{ "bpf", true, try_bpf, "everything",
	  "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; a kernel with CONFIG_BPF_SYSCALL" },
	{ "btf", true, try_btf, "reading the kernel's own structures",
	  "a kernel with CONFIG_DEBUG_INFO_BTF; is /sys mounted?" },
	{ "netfilter_link", true, try_netfilter, "filtering at the netfilter hooks",
	  "Linux 6.4 or newer with CONFIG_NETFILTER_BPF_LINK" },
	{ "bpffs", true, try_bpffs, "rules that outlive the command",
	  "CAP_SYS_ADMIN for the first use, or: mount -t bpf bpfilter /run/bpfilter" },
	{ "netns_cookie", true, try_netns_cookie, "telling network namespaces apart", "Linux 5.14 or newer" },
	{ "iterator", true, try_iterator, "loops over rules", "Linux 6.4 or newer" },
	{ "dynptr", true, try_dynptr, "packets whose data is scattered", "Linux 6.4 or newer" },
	{ "seccomp_notify", false, try_seccomp, "serving unmodified iptables",
	  "Linux 5.19 or newer with CONFIG_SECCOMP_FILTER" },
	{ "may_goto", false, try_may_goto, "faster loops over rules", "Linux 6.9 or newer" },
	{ "xdp", false, try_xdp, "chains at hook xdp", "a kernel with CONFIG_BPF_SYSCALL" },
	{ "tcx", false, try_tcx, "chains at devices' ingress and egress; without it by filters of clsact",
	  "Linux 6.6 or newer with CONFIG_NET_XGRESS" },
	{ "cgroup", false, try_cgroup, "chains of control groups", "a kernel with CONFIG_CGROUP_BPF; CAP_SYS_ADMIN" },
	{ "sockops", false, try_sockops, "sockops chains", "a kernel with CONFIG_CGROUP_BPF and CONFIG_INET" },
	{ "program", false, try_program, "functions of object files (program)", "Linux 6.9 or newer: tags of arguments" },
	{ "conntrack", false, try_conntrack, "state and conntrack matches", "a kernel with CONFIG_NF_CONNTRACK" },
	{ "nf_tables", false, try_nf_tables, "switching connection tracking on; REJECT, LOG, NFLOG, addrtype",
	  "a kernel with CONFIG_NF_TABLES (module nf_tables)" },
	{ "nft_compat", false, try_xt_bpf, "REJECT, LOG, NFLOG, addrtype",
	  "a kernel with CONFIG_NFT_COMPAT and CONFIG_NETFILTER_XT_MATCH_BPF (modules nft_compat, xt_bpf)" },
	{ "reject", false, try_reject, "REJECT", "a kernel with CONFIG_IP_NF_TARGET_REJECT (module ipt_REJECT)" },
	{ "log", false, try_log, "LOG", "a kernel with CONFIG_NETFILTER_XT_TARGET_LOG (module xt_LOG)" },
	{ "nflog", false, try_nflog, "NFLOG", "a kernel with CONFIG_NETFILTER_XT_TARGET_NFLOG (module xt_NFLOG)" },
	{ "addrtype", false, try_addrtype, "addrtype",
	  "a kernel with CONFIG_NETFILTER_XT_MATCH_ADDRTYPE (module xt_addrtype)" },
};

static struct bf_feature try_one(unsigned i)
{
	return (struct bf_feature){
		.name = table[i].name,
		.present = !table[i].try(),
		.required = table[i].required,
		.enables = table[i].enables,
		.hint = table[i].hint,
	};
}

int bf_probe(struct bf_features *out)
{
	_Static_assert(BF_ARRAY_SIZE(table) <= BF_ARRAY_SIZE(out->f), "more features than struct bf_features holds");

	out->n = 0;
	for (unsigned i = 0; i < BF_ARRAY_SIZE(table); i++)
		out->f[out->n++] = try_one(i);
	return 0;
}

bool bf_has(const struct bf_features *f, const char *name)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!strcmp(f->f[i].name, name))
			return f->f[i].present;
	return false;
}

bool bf_probe_one(const char *name)
{
	for (unsigned i = 0; i < BF_ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return !table[i].try();
	return false;
}

void bf_explain_missing(struct bf_diag *d)
{
	for (unsigned i = 0; d && i < BF_ARRAY_SIZE(table); i++) {
		if (!table[i].required || !table[i].try())
			continue;
		bf_diag_error(d, 0, "missing: %s (for %s); what is needed: %s", table[i].name, table[i].enables, table[i].hint);
		if (!strcmp(table[i].name, "bpf"))
			return; /* without it the rest cannot be told */
	}
}

static bool is_absent(int rc)
{
	return rc == -ENOENT || rc == -EINVAL || rc == -EOPNOTSUPP || rc == -ENOPROTOOPT || rc == -ENOSYS;
}

int bf_check_kernel(struct bf_diag *d)
{
	for (unsigned i = 0; i < BF_ARRAY_SIZE(table); i++) {
		if (!table[i].required || !is_absent(table[i].try()))
			continue;
		bf_diag_error(d, -EOPNOTSUPP, "bpfilter cannot filter on this kernel, and has changed nothing");
		bf_explain_missing(d);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* "0-3,8": the highest number counts, programs index by it. */
uint32_t bf_possible_cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	long n = sysconf(_SC_NPROCESSORS_CONF);
	char line[256] = "", *last;

	if (f) {
		if (fgets(line, sizeof(line), f) && (last = strpbrk(line, "0123456789"))) {
			for (char *p = line; (p = strpbrk(p, ",-")); p++)
				last = p + 1;
			n = strtol(last, NULL, 10) + 1;
		}
		fclose(f);
	}
	return n > 0 ? (uint32_t)n : 1;
}
