/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lazy.h: libraries that few commands need. Each would be read, mapped and bound when any program of ours starts, with all
 * that it needs itself (libpcap brings eight more, and their start takes longer than all that "iptables -A" does here).
 * So they are opened when something of theirs is asked for first:
 *
 *   #define FUNCS(F) F(pcap_open_dead) F(pcap_close)
 *   BF_LAZY(pcap, FUNCS, "libpcap.so.1", "libpcap.so.0.8")
 *
 * makes `pcap`, a struct of pointers named as the functions, and pcap_load(): 0, or -ENOENT: it is not installed.
 */
#ifndef BF_LAZY_H
#define BF_LAZY_H

#include "base/base.h"

#define BF_LAZY_MEMBER(f) __typeof__(f) *f;
#define BF_LAZY_NAME(f) #f,

#define BF_LAZY(lib, FUNCS, ...)                                                              \
	static struct {                                                                           \
		FUNCS(BF_LAZY_MEMBER)                                                                 \
	} lib;                                                                                    \
	static int lib##_load(void)                                                               \
	{                                                                                         \
		static const char *const names[] = { FUNCS(BF_LAZY_NAME) }, *const files[] = { __VA_ARGS__, NULL }; \
                                                                                              \
		return bf_lazy_load(files, names, BF_ARRAY_SIZE(names), &lib);                        \
	}

/* Of the first of the files that there is: n functions, to n pointers. Also when several threads come here. */
int bf_lazy_load(const char *const *files, const char *const *names, size_t n, void *pointers);

#endif
