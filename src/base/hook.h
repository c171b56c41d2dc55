/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook.h: the places where packets (or sockets) meet a base chain, and what
 * can be seen and done there. Hooks say what they can, fields, matches and
 * statements say what they need: supported is what needs no more than the hook
 * can. What is not listed cannot be done.
 */
#ifndef BF_HOOK_H
#define BF_HOOK_H

#include "base/base.h"

enum bf_hook {
	BF_HOOK_PREROUTING,     /* the first five are NF_INET_* of linux/netfilter.h */
	BF_HOOK_INPUT,
	BF_HOOK_FORWARD,
	BF_HOOK_OUTPUT,
	BF_HOOK_POSTROUTING,
	BF_HOOK_XDP,            /* of a device */
	BF_HOOK_TC_INGRESS,
	BF_HOOK_TC_EGRESS,
	BF_HOOK_CGROUP_INGRESS, /* of the sockets of a control group */
	BF_HOOK_CGROUP_EGRESS,
	BF_HOOK_CONNECT4,
	BF_HOOK_CONNECT6,
	BF_HOOK_SENDMSG4,
	BF_HOOK_SENDMSG6,
	BF_HOOK_SOCKOPS,
	BF_HOOKS,
};
#define BF_HOOKS_NETFILTER 5 /* so many first ones */

enum bf_hook_point { BF_POINT_NETNS, BF_POINT_DEVICE, BF_POINT_CGROUP };

enum bf_can {
	BF_CAN_IP = 1 << 0,        /* headers from the network header on, payload, lengths */
	BF_CAN_LINK = 1 << 1,      /* the link-layer header; packets that are not IP */
	BF_CAN_TUPLE = 1 << 2,     /* at least addresses, ports and protocol of the connection or packet */
	BF_CAN_IIF = 1 << 3,       /* the device a packet came from: index, name, type */
	BF_CAN_OIF = 1 << 4,
	BF_CAN_CT = 1 << 5,        /* the packet's connection */
	BF_CAN_MARK = 1 << 6,      /* meta mark, read */
	BF_CAN_SET_MARK = 1 << 7,
	BF_CAN_PRIORITY = 1 << 8,  /* meta priority, read and set */
	BF_CAN_PKTTYPE = 1 << 9,
	BF_CAN_VLAN = 1 << 10,     /* also what the device took off the packet */
	BF_CAN_OWNER = 1 << 11,    /* uid, gid of the socket or task */
	BF_CAN_CGROUP = 1 << 12,
	BF_CAN_COMM = 1 << 13,     /* the name of the task */
	BF_CAN_FIB = 1 << 14,      /* what kind of address it is; */
	BF_CAN_SOCKET = 1 << 15,   /* the socket that a packet is of or for */
	BF_CAN_COMPANION = 1 << 16, /* the kernel's own actions and matches: LOG, reject, marks of connections, assists */
	BF_CAN_REPLY = 1 << 17,    /* reject by a packet of our own */
	BF_CAN_ERRNO = 1 << 18,    /* reject by an error of the system call */
	BF_CAN_REDIRECT = 1 << 19, /* to a device, to a next hop */
	BF_CAN_MIRROR = 1 << 20,
	BF_CAN_SOCKSET = 1 << 21,  /* set rto, initcwnd, ... */
	BF_CAN_DROP = 1 << 22,
	BF_CAN_CT_SET = 1 << 23,   /* marks and labels of connections */
	BF_CAN_EVENT = 1 << 24,    /* log by an event of our own */
	BF_CAN_FIB_IN = 1 << 25,   /* by which device it is reached; the routes of the device the packet came from, */
	BF_CAN_FIB_OUT = 1 << 26,  /* and of that by which it leaves */
	BF_CAN_REJECT = 1 << 27,   /* reject, one way or another: by the kernel, REPLY, ERRNO */
};

struct bf_hook_kind {
	const char *name;   /* as in the native language */
	enum bf_hook_point point;
	uint32_t prog_type; /* BPF_PROG_TYPE_* */
	uint32_t attach;    /* BPF_* of enum bpf_attach_type */
	uint32_t can;       /* BF_CAN_* */
	bool all_families;  /* one program sees IPv4, IPv6 and what is neither; else there is a program for each family */
};

extern const struct bf_hook_kind bf_hook_kinds[BF_HOOKS];

enum bf_xdp_mode { BF_XDP_ANY, BF_XDP_NATIVE, BF_XDP_GENERIC };

/* Where a chain stands or a program is to be attached. Owned by whoever owns the chain or image. */
struct bf_attach {
	uint8_t hook;        /* enum bf_hook */
	uint8_t xdp_mode;    /* enum bf_xdp_mode */
	int priority;        /* as NF_IP_PRI_FILTER; lower comes first */
	const char *const *devices; /* BF_POINT_DEVICE: names, */
	uint32_t n_devices;         /* at least one */
	const char *cgroup;  /* BF_POINT_CGROUP: path below the root of cgroup2, "/" itself */
};

#endif
