/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nflog.c: listens to NFLOG groups through nfnetlink_log, as ulogd does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twin.h"

static struct nlmsghdr *config_message(char *buf, uint16_t group)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	nlh->nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(group);
	return nlh;
}

static int talk(int fd, struct nlmsghdr *nlh)
{
	char reply[4096];
	struct nlmsghdr *r = (struct nlmsghdr *)reply;
	ssize_t n;

	if (send(fd, nlh, nlh->nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, reply, sizeof(reply), 0);
	if (n < (ssize_t)sizeof(*r))
		return -EIO;
	return r->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)mnl_nlmsg_get_payload(r))->error : 0;
}

static int join(int fd, uint16_t group)
{
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(0xffff), .copy_mode = NFULNL_COPY_PACKET };
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	char buf[1024];
	struct nlmsghdr *nlh = config_message(buf, group);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	return talk(fd, nlh);
}

/* groups: bit n for group n */
int nflog_open(uint32_t groups)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), size = 16 << 20, err = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (uint16_t g = 0; g < 32 && !err; g++)
		if (groups & 1u << g)
			err = join(fd, g);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int add_attr(const struct nlattr *a, void *data)
{
	static const char *const names[NFULA_MAX + 1] = {
		[NFULA_PACKET_HDR] = "hdr", [NFULA_MARK] = "mark", [NFULA_IFINDEX_INDEV] = "in",
		[NFULA_IFINDEX_OUTDEV] = "out", [NFULA_IFINDEX_PHYSINDEV] = "physin",
		[NFULA_IFINDEX_PHYSOUTDEV] = "physout", [NFULA_HWADDR] = "hwaddr", [NFULA_PREFIX] = "prefix",
		[NFULA_UID] = "uid", [NFULA_GID] = "gid", [NFULA_HWTYPE] = "hwtype", [NFULA_HWHEADER] = "hwheader",
		[NFULA_HWLEN] = "hwlen",
	};
	uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	struct record *r = data;
	char what[64];

	if (type == NFULA_PAYLOAD)
		record_add(r, "nflog payload of %u bytes\n", len);
	if (type > NFULA_MAX || !names[type])
		return MNL_CB_OK;
	snprintf(what, sizeof(what), "nflog %s", names[type]);
	record_hex(r, what, mnl_attr_get_payload(a), len);
	return MNL_CB_OK;
}

void nflog_read(int fd, struct record *r)
{
	static char buf[1 << 17];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

		for (int left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			if ((nlh->nlmsg_type & 0xff) != NFULNL_MSG_PACKET)
				continue;
			record_add(r, "nflog group %u\n",
				   ntohs(((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->res_id));
			mnl_attr_parse(nlh, sizeof(struct nfgenmsg), add_attr, r);
		}
	}
}
