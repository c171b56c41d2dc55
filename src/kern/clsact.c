/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clsact.c: programs at tc where the kernel has no tcx (before Linux 6.6):
 * direct-action filters of the qdisc "clsact", which is made where it is
 * missing and left. Our filters of one device and direction differ by their
 * preference, which is the priority, and their handle, the dispatcher.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "kern/attach.h"

enum { BUF = 8192, PREF_OF_0 = 0x8000 };

static uint32_t preference(int priority)
{
	int pref = BF_MIN(BF_MAX(priority, -PREF_OF_0 + 1), PREF_OF_0 - 1) + PREF_OF_0;

	return (uint32_t)pref;
}

static struct tcmsg *begin(char *buf, uint16_t type, uint16_t flags, uint32_t ifindex)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct tcmsg *t;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	t = mnl_nlmsg_put_extra_header(h, sizeof(*t));
	t->tcm_family = AF_UNSPEC;
	t->tcm_ifindex = (int)ifindex;
	return t;
}

static int talk(char *buf)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ssize_t n = -1;
	int err;

	if (s && !mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) && mnl_socket_sendto(s, buf, ((struct nlmsghdr *)buf)->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(s, buf, BUF);
	if (n >= 0)
		n = mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(s), NULL, NULL);
	err = n < 0 ? -errno : 0;
	if (s)
		mnl_socket_close(s);
	return err;
}

static int make_qdisc(uint32_t ifindex)
{
	char buf[BUF];
	struct tcmsg *t = begin(buf, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	int err;

	t->tcm_parent = TC_H_CLSACT;
	t->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz((struct nlmsghdr *)buf, TCA_KIND, "clsact");
	err = talk(buf);
	return err == -EEXIST ? 0 : err;
}

static void begin_filter(char *buf, uint16_t type, uint16_t flags, uint32_t ifindex, const struct bf_place *p)
{
	struct tcmsg *t = begin(buf, type, flags, ifindex);

	t->tcm_parent = TC_H_MAKE(TC_H_CLSACT, p->hook == BF_HOOK_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	t->tcm_handle = p->number + 1;
	t->tcm_info = TC_H_MAKE(preference(p->priority) << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz((struct nlmsghdr *)buf, TCA_KIND, "bpf");
}

int bf_clsact_add(int prog, uint32_t ifindex, const struct bf_place *p)
{
	int err = make_qdisc(ifindex);
	char buf[BUF];
	struct nlattr *options;

	if (err)
		return err;
	begin_filter(buf, RTM_NEWTFILTER, NLM_F_CREATE, ifindex, p);
	options = mnl_attr_nest_start((struct nlmsghdr *)buf, TCA_OPTIONS);
	mnl_attr_put_u32((struct nlmsghdr *)buf, TCA_BPF_FD, (uint32_t)prog);
	mnl_attr_put_strz((struct nlmsghdr *)buf, TCA_BPF_NAME, "bpfilter");
	mnl_attr_put_u32((struct nlmsghdr *)buf, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end((struct nlmsghdr *)buf, options);
	return talk(buf);
}

int bf_clsact_delete(uint32_t ifindex, const struct bf_place *p)
{
	char buf[BUF];

	begin_filter(buf, RTM_DELTFILTER, 0, ifindex, p);
	return talk(buf);
}

bool bf_clsact_is_there(uint32_t ifindex, const struct bf_place *p)
{
	char buf[BUF];

	begin_filter(buf, RTM_GETTFILTER, 0, ifindex, p);
	return !talk(buf);
}
