/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arch.h: what seccomp must know of the machine: its own system call
 * convention, and the older one of 32 bits that the same kernel offers beside
 * it. Numbers: arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h,
 * arch/arm/tools/syscall.tbl, include/uapi/linux/net.h.
 */
#ifndef BF_SERVE_ARCH_H
#define BF_SERVE_ARCH_H

#include <linux/audit.h>

#if defined(__x86_64__)
#define BF_ARCH_NATIVE AUDIT_ARCH_X86_64
#define BF_ARCH_COMPAT AUDIT_ARCH_I386
#define BF_COMPAT_SOCKETCALL 102
#define BF_COMPAT_GETSOCKOPT 365
#define BF_COMPAT_SETSOCKOPT 366
#define BF_X32_SETSOCKOPT (0x40000000 | 541)
#define BF_X32_GETSOCKOPT (0x40000000 | 542)
#define BF_KERNEL_O_LARGEFILE 0100000
#elif defined(__aarch64__)
#define BF_ARCH_NATIVE AUDIT_ARCH_AARCH64
#define BF_ARCH_COMPAT AUDIT_ARCH_ARM
#define BF_COMPAT_SETSOCKOPT 294
#define BF_COMPAT_GETSOCKOPT 295
#define BF_KERNEL_O_LARGEFILE 0400000
#elif defined(__riscv) && __riscv_xlen == 64
#define BF_ARCH_NATIVE AUDIT_ARCH_RISCV64
#define BF_KERNEL_O_LARGEFILE 0100000
#else
#error "the supervisor does not know this machine's system call convention"
#endif

#define BF_SOCKETCALL_SETSOCKOPT 14 /* SYS_SETSOCKOPT of linux/net.h */
#define BF_SOCKETCALL_GETSOCKOPT 15

#endif
