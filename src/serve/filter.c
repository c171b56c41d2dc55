/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter.c: the seccomp filter. It stops
 *
 *   getsockopt  SOL_IP 64..67, SOL_IPV6 64, 65, 68, 69 (66, 67 are IPV6_RECVTCLASS and IPV6_TCLASS)
 *   setsockopt  SOL_IP 64, 65, SOL_IPV6 64, 65
 *   openat/open with exactly O_RDONLY|O_CLOEXEC, when the table names are answered too (fopen "re";
 *               seccomp cannot see the path, so the supervisor looks and lets all others go on)
 *   the same sockopts through the 32-bit entry, to refuse them: their structs differ
 *
 * and lets everything else pass. Tests read the number and the architecture
 * first, so that the kernel's cache of always-allowed calls applies to all
 * others: they cost nothing.
 *
 * The code is a nest of "if"s: open_if() emits a load and a jump whose "else"
 * is patched by close_if().
 */
#include <netinet/in.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/syscall.h>

#include "serve/serve.h"
#include "serve/arch.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_WORD 0
#else
#define LOW_WORD 4
#endif

#define NR offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)
#define ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n) + LOW_WORD)

struct prog {
	struct sock_filter *f;
	unsigned n;
};

static void emit(struct prog *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	p->f[p->n++] = (struct sock_filter){code, jt, jf, k};
}

static void ret(struct prog *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static unsigned open_if(struct prog *p, uint32_t word, uint32_t value)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, word, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
	return p->n - 1;
}

static void close_if(struct prog *p, unsigned jump)
{
	p->f[jump].jf = (uint8_t)(p->n - jump - 1);
}

#ifdef BF_COMPAT_SOCKETCALL
static void stop_if(struct prog *p, uint32_t word, uint32_t value)
{
	unsigned j = open_if(p, word, value);

	ret(p, SECCOMP_RET_USER_NOTIF);
	close_if(p, j);
}
#endif

/* optname in lo..hi, of the level. */
static void stop_options(struct prog *p, uint32_t level, uint32_t lo, uint32_t hi)
{
	unsigned j = open_if(p, ARG(1), level);

	emit(p, BPF_LD | BPF_W | BPF_ABS, ARG(2), 0, 0);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, lo, 0, 2);
	emit(p, BPF_JMP | BPF_JGT | BPF_K, hi, 1, 0);
	ret(p, SECCOMP_RET_USER_NOTIF);
	close_if(p, j);
}

static void sockopts(struct prog *p, uint32_t nr_get, uint32_t nr_set)
{
	unsigned j = open_if(p, NR, nr_get);

	stop_options(p, SOL_IP, IPT_SO_GET_INFO, IPT_SO_GET_REVISION_TARGET);
	stop_options(p, SOL_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES);
	stop_options(p, SOL_IPV6, IP6T_SO_GET_REVISION_MATCH, IP6T_SO_GET_REVISION_TARGET);
	ret(p, SECCOMP_RET_ALLOW);
	close_if(p, j);

	j = open_if(p, NR, nr_set);
	stop_options(p, SOL_IP, IPT_SO_SET_REPLACE, IPT_SO_SET_ADD_COUNTERS);
	stop_options(p, SOL_IPV6, IP6T_SO_SET_REPLACE, IP6T_SO_SET_ADD_COUNTERS);
	ret(p, SECCOMP_RET_ALLOW);
	close_if(p, j);
}

/* Masks are applied so that a libc which adds O_LARGEFILE is seen, too. */
static void opens(struct prog *p, uint32_t nr, unsigned flags_arg)
{
	unsigned j = open_if(p, NR, nr);

	emit(p, BPF_LD | BPF_W | BPF_ABS, ARG(flags_arg), 0, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)BF_KERNEL_O_LARGEFILE, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, O_RDONLY | O_CLOEXEC, 0, 1);
	ret(p, SECCOMP_RET_USER_NOTIF);
	ret(p, SECCOMP_RET_ALLOW);
	close_if(p, j);
}

unsigned bf_serve_filter(struct sock_filter f[BF_FILTER_MAX], bool names)
{
	struct prog p = {.f = f};
	unsigned j = open_if(&p, ARCH, BF_ARCH_NATIVE);

	sockopts(&p, SYS_getsockopt, SYS_setsockopt);
	if (names) {
		opens(&p, SYS_openat, 2);
#ifdef SYS_open
		opens(&p, SYS_open, 1);
#endif
	}
#ifdef BF_X32_GETSOCKOPT
	sockopts(&p, BF_X32_GETSOCKOPT, BF_X32_SETSOCKOPT);
#endif
	ret(&p, SECCOMP_RET_ALLOW);
	close_if(&p, j);

#ifdef BF_ARCH_COMPAT
	j = open_if(&p, ARCH, BF_ARCH_COMPAT);
	sockopts(&p, BF_COMPAT_GETSOCKOPT, BF_COMPAT_SETSOCKOPT);
#ifdef BF_COMPAT_SOCKETCALL
	unsigned k = open_if(&p, NR, BF_COMPAT_SOCKETCALL);

	stop_if(&p, ARG(0), BF_SOCKETCALL_SETSOCKOPT);
	stop_if(&p, ARG(0), BF_SOCKETCALL_GETSOCKOPT);
	close_if(&p, k);
#endif
	ret(&p, SECCOMP_RET_ALLOW);
	close_if(&p, j);
#endif
	ret(&p, SECCOMP_RET_ALLOW);
	return p.n;
}
