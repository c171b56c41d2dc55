/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.c: the netlink socket and what is asked through it (nft.h). One request
 * at a time; nfnetlink works it off inside sendmsg, so all answers to a batch
 * are in the socket when sendmsg returns.
 */
#include "kern/nft.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#define ANSWER_MAX 32768

struct bf_nft {
	struct mnl_socket *nl;
	uint32_t seq;
};

static int send_to_kernel(struct bf_nft *n, struct iovec *iov, size_t n_iov, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr m = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = iov, .msg_iovlen = n_iov };
	int fd = mnl_socket_get_fd(n->nl), room = (int)BF_MIN(len + 4096, (size_t)INT32_MAX / 2), have;
	socklen_t have_len = sizeof(have);

	/* A netlink message must fit into the send buffer; the kernel doubles the size it is told. */
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &have, &have_len) < 0 || have / 2 < room)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return sendmsg(fd, &m, 0) < 0 ? -errno : 0;
}

static void read_ext_ack(const struct nlmsghdr *h, char text[128])
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t skip = sizeof(*e);
	const struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);
	mnl_attr_for_each(a, h, skip) if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
		snprintf(text, 128, "%.*s", (int)mnl_attr_get_payload_len(a), (const char *)mnl_attr_get_payload(a));
}

/*
 * Reads what the kernel answers. Each acknowledgement is given to ack, each
 * other message to data; the end is ack returning non-zero, or the end of a dump.
 */
struct reader {
	uint32_t first_seq; /* older answers are left over from an interrupted request */
	int (*data)(const struct nlmsghdr *h, void *arg);
	void (*ack)(const struct nlmsghdr *h, int err, void *arg);
	void *arg;
	uint32_t last_seq; /* its acknowledgement ends the reading */
	bool answered;
	bool lost; /* more answers than the socket holds, or a dump of what changed meanwhile */
};

static bool read_one(struct reader *r, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_seq - r->first_seq > r->last_seq - r->first_seq)
		return false;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		r->lost = true;
	if (h->nlmsg_type == NLMSG_DONE)
		return true;
	if (h->nlmsg_type != NLMSG_ERROR) {
		r->answered = true;
		return r->data && r->data(h, r->arg) == MNL_CB_STOP;
	}
	if (mnl_nlmsg_get_payload_len(h) < sizeof(*e))
		return false;
	if (r->ack)
		r->ack(h, e->error, r->arg);
	r->answered = true;
	return h->nlmsg_seq == r->last_seq;
}

static int read_answers(struct bf_nft *n, struct reader *r)
{
	_cleanup_free_ char *buf = malloc(ANSWER_MAX);
	const struct nlmsghdr *h;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		/* MSG_DONTWAIT: all answers are there already; waiting for one that never comes would hang. */
		ssize_t got = recv(mnl_socket_get_fd(n->nl), buf, ANSWER_MAX, MSG_DONTWAIT);
		int len = (int)got;

		if (got < 0 && errno == ENOBUFS)
			r->lost = true;
		if (got < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (got < 0)
			return errno != EAGAIN ? -errno : r->answered ? 0 : -EPROTO;
		for (h = (void *)buf; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len))
			if (read_one(r, h))
				return 0;
	}
}

/* One request with one answer, or a dump. */
struct request {
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h;
	int err;
};

static void request_init(struct request *q, struct bf_nft *n, int subsys, int type, int flags, uint8_t family)
{
	struct nfgenmsg *g;

	q->h = mnl_nlmsg_put_header(q->buf);
	q->h->nlmsg_type = (uint16_t)(subsys << 8 | type);
	q->h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	q->h->nlmsg_seq = ++n->seq;
	g = mnl_nlmsg_put_extra_header(q->h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
}

static void take_error(const struct nlmsghdr *h, int err, void *arg)
{
	int *out = arg;

	if (!*out)
		*out = err;
}

struct ask {
	int err; /* first: take_error fills it */
	int (*data)(const struct nlmsghdr *h, void *arg);
	void *arg;
};

static int pass_data(const struct nlmsghdr *h, void *arg)
{
	struct ask *a = arg;

	return a->data ? a->data(h, a->arg) : MNL_CB_OK;
}

static int request(struct bf_nft *n, struct request *q, int (*data)(const struct nlmsghdr *, void *), void *arg)
{
	struct iovec iov = { q->buf, q->h->nlmsg_len };
	struct ask a = { .data = data, .arg = arg };
	struct reader r = {
		.first_seq = n->seq,
		.last_seq = n->seq,
		.data = pass_data,
		.ack = take_error,
		.arg = &a,
	};
	int ret = send_to_kernel(n, &iov, 1, iov.iov_len);

	if (!ret)
		ret = read_answers(n, &r);
	return ret ? ret : a.err ? a.err : r.lost ? -EINTR : 0;
}

int bf_nft_open(struct bf_nft **out, struct bf_diag *d)
{
	struct bf_nft *n = calloc(1, sizeof(*n));
	struct request q;
	int ret, on = 1;

	if (!n)
		return -ENOMEM;
	n->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!n->nl) {
		ret = errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
		free(n);
		return bf_diag_error(d, ret, "cannot open a netfilter netlink socket: %s%s", strerror(-ret),
							 ret == -EOPNOTSUPP ? " (the kernel lacks CONFIG_NETFILTER_NETLINK)" : "");
	}
	mnl_socket_setsockopt(n->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(n->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	request_init(&q, n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC);
	ret = request(n, &q, NULL, NULL);
	if (ret) {
		bf_nft_close(n);
		if (ret == -EINVAL || ret == -EOPNOTSUPP)
			return bf_diag_error(d, -EOPNOTSUPP,
								 "the kernel has no nf_tables (CONFIG_NF_TABLES), which runs "
								 "REJECT, LOG and NFLOG and switches connection tracking on");
		return bf_diag_error(d, ret, "nf_tables does not answer: %s", strerror(-ret));
	}
	*out = n;
	return 0;
}

void bf_nft_close(struct bf_nft *n)
{
	if (!n)
		return;
	mnl_socket_close(n->nl);
	free(n);
}

struct commit {
	struct nft_error *e;
	const uint32_t *abouts;
	uint32_t n, first_seq;
};

static void note_ack(const struct nlmsghdr *h, int err, void *arg)
{
	struct commit *c = arg;
	uint32_t i = h->nlmsg_seq - c->first_seq;

	if (!err || c->e->err)
		return;
	c->e->err = err;
	c->e->about = i < c->n ? c->abouts[i] : 0;
	read_ext_ack(h, c->e->text);
}

static void put_frame(struct request *q, struct bf_nft *n, int type, uint32_t seq)
{
	struct nfgenmsg *g;

	request_init(q, n, 0, type, 0, AF_UNSPEC);
	q->h->nlmsg_seq = seq;
	g = mnl_nlmsg_get_payload(q->h);
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

/* Numbers the messages first, first + 1, ...; only the last is acknowledged when all is well. */
static void number_messages(struct nft_batch *b, uint32_t first)
{
	size_t at = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		struct nlmsghdr *h = (void *)(b->out.data + at);

		h->nlmsg_seq = first + i;
		if (i == b->n - 1)
			h->nlmsg_flags |= NLM_F_ACK;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

int nft_commit(struct bf_nft *n, struct nft_batch *b, struct nft_error *e)
{
	struct commit c = { .e = e, .n = b->n, .first_seq = n->seq + 2 };
	struct reader r = { .ack = note_ack, .arg = &c };
	struct request begin, end;
	struct iovec iov[3];
	int ret;

	*e = (struct nft_error){ 0 };
	if (b->out.err || b->abouts.err)
		return -ENOMEM;
	if (b->too_long)
		return -E2BIG;
	if (!b->n)
		return 0;
	c.abouts = (void *)b->abouts.data;
	number_messages(b, c.first_seq);
	put_frame(&begin, n, NFNL_MSG_BATCH_BEGIN, c.first_seq - 1);
	put_frame(&end, n, NFNL_MSG_BATCH_END, c.first_seq + b->n);
	n->seq = c.first_seq + b->n;
	r.first_seq = c.first_seq - 1;
	r.last_seq = n->seq; /* no acknowledgement asked for: read all there is */
	iov[0] = (struct iovec){ begin.buf, begin.h->nlmsg_len };
	iov[1] = (struct iovec){ b->out.data, b->out.len };
	iov[2] = (struct iovec){ end.buf, end.h->nlmsg_len };
	ret = send_to_kernel(n, iov, 3, b->out.len);
	if (!ret)
		ret = read_answers(n, &r);
	return ret ? ret : e->err ? e->err : r.lost ? -ENOBUFS : 0;
}

struct field_query {
	int type;
	uint32_t value;
};

static int read_u32(const struct nlmsghdr *h, void *arg)
{
	struct field_query *f = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, h,
					  sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) == f->type && mnl_attr_get_payload_len(a) >= 4)
		f->value = ntohl(mnl_attr_get_u32(a));
	return MNL_CB_OK;
}

int nft_get_table(struct bf_nft *n, uint8_t family, const char *table, uint32_t *flags)
{
	struct field_query f = { .type = NFTA_TABLE_FLAGS };
	struct request q;
	int ret;

	request_init(&q, n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, 0, family);
	mnl_attr_put_strz(q.h, NFTA_TABLE_NAME, table);
	ret = request(n, &q, read_u32, &f);
	*flags = f.value;
	return ret;
}

int nft_get_chain(struct bf_nft *n, uint8_t family, const char *table, const char *chain, uint32_t *use)
{
	struct field_query f = { .type = NFTA_CHAIN_USE };
	struct request q;
	int ret;

	request_init(&q, n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, 0, family);
	mnl_attr_put_strz(q.h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(q.h, NFTA_CHAIN_NAME, chain);
	ret = request(n, &q, read_u32, &f);
	*use = f.value;
	return ret;
}

struct table_query {
	void (*fn)(const char *table, void *arg);
	void *arg;
};

static int read_table(const struct nlmsghdr *h, void *arg)
{
	struct table_query *t = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) if (mnl_attr_get_type(a) == NFTA_TABLE_NAME &&
														 mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		t->fn(mnl_attr_get_str(a), t->arg);
	return MNL_CB_OK;
}

int nft_each_table(struct bf_nft *n, uint8_t family, void (*fn)(const char *table, void *arg), void *arg)
{
	struct table_query t = { fn, arg };
	struct request q;

	int ret;

	do { /* again if a table came or went meanwhile */
		request_init(&q, n, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE, NLM_F_DUMP, family);
		ret = request(n, &q, read_table, &t);
	} while (ret == -EINTR);
	return ret;
}

int nft_has_xt(struct bf_nft *n, uint8_t family, bool target, const char *name, uint8_t revision)
{
	struct request q;
	int ret;

	request_init(&q, n, NFNL_SUBSYS_NFT_COMPAT, NFNL_MSG_COMPAT_GET, NLM_F_ACK, family);
	mnl_attr_put_strz(q.h, NFTA_COMPAT_NAME, name);
	mnl_attr_put_u32(q.h, NFTA_COMPAT_REV, htonl(revision));
	mnl_attr_put_u32(q.h, NFTA_COMPAT_TYPE, htonl(target));
	ret = request(n, &q, NULL, NULL);
	if (ret == -EPROTONOSUPPORT) /* the extension, but not this revision */
		return -ENOENT;
	return ret == -EINVAL ? -EOPNOTSUPP : ret; /* nfnetlink's word for "no such subsystem" */
}
