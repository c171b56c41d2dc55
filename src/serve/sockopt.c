/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockopt.c: the answers to iptables' getsockopt and setsockopt, with the
 * kernel's errors in the kernel's order: descriptor, length, rights, memory,
 * table. A call that is not for a table of ours goes on to the kernel, or one on
 * a socket that is not ip_tables'; no other does: what goes on acts on whatever
 * the caller's other threads make of its descriptor meanwhile.
 *
 * Revisions belong to no table. For an extension that bpfilter has, bpfilter
 * answers; the kernel is asked about all others, because -t nat -j MASQUERADE
 * goes to the kernel's own table.
 */
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/shelf.h"
#include "serve/arch.h"
#include "serve/serve.h"

#define LOCK_WAIT_MS 60000
#define LOCK_SLICE_MS 500

enum option { GET_INFO, GET_ENTRIES, GET_MATCH, GET_TARGET, SET_REPLACE, SET_COUNTERS };

struct call {
	struct bf_client *c;
	struct bf_ctx *ctx;
	enum option option;
	int family;
	bool wait;       /* may wait for another writer; else: -EINPROGRESS */
	bool tells;      /* of its progress: no other call does meanwhile */
	uint64_t val;    /* the caller's optval */
	uint64_t lenptr; /* get: the caller's optlen */
	int len;
};

/* The structs of both families start alike; ip6_tables.h differs in entries only. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
_Static_assert(sizeof(struct ipt_replace) == sizeof(struct ip6t_replace), "replace");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) == offsetof(struct ip6t_get_entries, entrytable), "entries");
_Static_assert((int)IPT_SO_SET_REPLACE == (int)IP6T_SO_SET_REPLACE, "optname");

#define ENTRIES_HEAD offsetof(struct ipt_get_entries, entrytable)

static bool is_get(const struct seccomp_data *d)
{
	return d->nr == SYS_getsockopt;
}

static bool is_native(const struct seccomp_data *d)
{
	return d->arch == BF_ARCH_NATIVE && (d->nr == SYS_getsockopt || d->nr == SYS_setsockopt);
}

/* A ruleset of some thousand rules takes its time. */
#define SLOW_BYTES (256 * 1024)

bool bf_serve_is_slow(const struct seccomp_data *d)
{
	return is_native(d) && !is_get(d) && d->args[4] > SLOW_BYTES;
}

/* socketcall(2) has its arguments in memory, out of the filter's sight: is it an option of ours? */
static bool is_other_socketcall(struct bf_client *c)
{
#ifdef BF_COMPAT_SOCKETCALL
	const struct seccomp_data *d = &c->req.data;
	bool get = d->args[0] == BF_SOCKETCALL_GETSOCKOPT;
	uint32_t a[3]; /* descriptor, level, optname */

	if (d->arch != BF_ARCH_COMPAT || d->nr != BF_COMPAT_SOCKETCALL)
		return false;
	if (bf_client_read(c, (uint32_t)d->args[1], a, sizeof(a)) || a[2] < IPT_BASE_CTL)
		return true;
	if (a[1] == SOL_IP)
		return a[2] > (uint32_t)(get ? IPT_SO_GET_MAX : IPT_SO_SET_MAX);
	if (a[1] == SOL_IPV6)
		return a[2] > (uint32_t)(get ? IP6T_SO_GET_MAX : IP6T_SO_SET_MAX) || (get && (a[2] == 66 || a[2] == 67));
	return true;
#else
	return false;
#endif
}

/* Programs of another word size: their structs have other sizes. */
static void refuse_compat(struct bf_client *c)
{
	if (is_other_socketcall(c)) {
		bf_reply_continue(c);
		return;
	}
	if (bf_client_alive(c))
		return;
	bf_client_tell(c, "bpfilter: iptables programs of another word size are not served; use the machine's own\n");
	bf_reply(c, -ENOPROTOOPT);
}

static enum option option_of(const struct seccomp_data *d)
{
	bool ip = (int)d->args[1] == SOL_IP;
	int opt = (int)d->args[2];

	if (!is_get(d))
		return opt == IPT_SO_SET_REPLACE ? SET_REPLACE : SET_COUNTERS;
	if (opt == (ip ? IPT_SO_GET_REVISION_MATCH : IP6T_SO_GET_REVISION_MATCH))
		return GET_MATCH;
	if (opt == (ip ? IPT_SO_GET_REVISION_TARGET : IP6T_SO_GET_REVISION_TARGET))
		return GET_TARGET;
	return opt == IPT_SO_GET_INFO ? GET_INFO : GET_ENTRIES;
}

/* Is it a socket on which the kernel would call ip_tables? */
static bool reaches_iptables(int family, const struct bf_client_sock *s)
{
	if (family == AF_INET6)
		return s->domain == AF_INET6;
	return s->domain == AF_INET || (s->domain == AF_INET6 && s->type != SOCK_RAW);
}

static int read_length(struct call *k)
{
	const struct seccomp_data *d = &k->c->req.data;

	k->val = d->args[3];
	if (!is_get(d)) {
		k->len = (int)d->args[4];
		return k->len < 0 ? -EINVAL : 0;
	}
	k->lenptr = d->args[4];
	if (bf_client_read(k->c, k->lenptr, &k->len, sizeof(k->len)))
		return -EFAULT;
	return k->len < 0 ? -EINVAL : 0;
}

/* A reply of 0 comes with the length written back, unchanged. */
static int finish_get(struct call *k, int rc)
{
	return rc ? rc : bf_client_write(k->c, k->lenptr, &k->len, sizeof(k->len));
}

/* Beside 0 and -errno: */
#define CONTINUE 1 /* let the kernel answer */
#define ANSWERED 2 /* is done already */

static int read_head(struct call *k, void *head, size_t size, char *name, size_t name_size)
{
	if (bf_client_read(k->c, k->val, head, size))
		return -EFAULT;
	name[name_size - 1] = '\0';
	return bf_client_alive(k->c);
}

static int get_info(struct call *k)
{
	struct ipt_getinfo info;
	int rc;

	if (k->len != sizeof(info))
		return -EINVAL;
	rc = read_head(k, info.name, sizeof(info.name), info.name, sizeof(info.name));
	if (rc)
		return rc;
	if (!bf_xt_owns(k->family, info.name))
		return CONTINUE;
	rc = bf_xt_info(k->ctx, k->family, info.name, &info);
	if (!rc)
		rc = bf_client_write(k->c, k->val, &info, sizeof(info));
	return finish_get(k, rc);
}

static int get_entries(struct call *k)
{
	struct ipt_get_entries head;
	_cleanup_free_ void *entries = NULL;
	uint32_t size;
	int rc;

	if ((size_t)k->len < ENTRIES_HEAD)
		return -EINVAL;
	rc = read_head(k, &head, ENTRIES_HEAD, head.name, sizeof(head.name));
	if (rc)
		return rc;
	if ((size_t)k->len != ENTRIES_HEAD + head.size)
		return -EINVAL;
	if (!bf_xt_owns(k->family, head.name))
		return CONTINUE;
	rc = bf_xt_entries(k->ctx, k->family, head.name, head.size, &entries, &size);
	if (!rc)
		rc = bf_client_write(k->c, k->val + ENTRIES_HEAD, entries, size);
	return finish_get(k, rc);
}

static int get_revision(struct call *k)
{
	struct xt_get_revision rev;
	int rc;

	if (k->len != sizeof(rev))
		return -EINVAL;
	rc = read_head(k, &rev, sizeof(rev), rev.name, sizeof(rev.name));
	if (rc)
		return rc;
	rc = bf_xt_get_revision(k->family, rev.name, rev.revision, k->option == GET_TARGET);
	return rc == -ENOENT ? CONTINUE : finish_get(k, rc);
}

/* Copies the caller's len bytes: all of them before anything happens. For bf_shelf_free. */
static int copy_in(struct call *k, size_t len, void **out)
{
	_cleanup_shelf_ void *p = bf_shelf_alloc(len);

	if (!p)
		return -ENOMEM;
	if (bf_client_read(k->c, k->val, p, len))
		return -EFAULT;
	*out = TAKE_PTR(p);
	return bf_client_alive(k->c);
}

/* Waits for another writer in slices, so that a caller killed meanwhile does not leave us waiting. */
static bool try_again(struct call *k, int rc, int *waited)
{
	*waited += LOCK_SLICE_MS;
	return rc == -ETIMEDOUT && k->wait && *waited < LOCK_WAIT_MS && !bf_client_alive(k->c);
}

static int must_wait(const struct call *k, int rc)
{
	return rc == -ETIMEDOUT && !k->wait ? -EINPROGRESS : rc;
}

/* The kernel copies head and entries; what the caller gives beyond them, it never looks at. */
static int set_replace(struct call *k)
{
	struct ipt_replace head;
	_cleanup_shelf_ void *blob = NULL;
	_cleanup_free_ void *old = NULL;
	size_t want;
	uint32_t n_old = 0;
	int rc, waited = 0;

	if ((size_t)k->len < sizeof(head))
		return -EINVAL;
	rc = read_head(k, &head, sizeof(head), head.name, sizeof(head.name));
	if (rc)
		return rc;
	if (!bf_xt_owns(k->family, head.name))
		return CONTINUE;
	rc = bf_xt_check_replace(&head, (size_t)k->len);
	if (rc)
		return rc;
	want = sizeof(head) + head.size; /* at most len: just checked */
	rc = copy_in(k, want, &blob);
	if (rc)
		return rc;
	do {
		memcpy(blob, &head, sizeof(head)); /* decided by what was looked at above; trying uses it up */
		rc = bf_xt_set_entries(k->ctx, k->family, blob, want, &old, &n_old);
	} while (try_again(k, rc, &waited));
	if (!rc && n_old) /* as in the kernel, failing to hand them back is no error: the rules are in place */
		(void)bf_client_write(k->c, (uintptr_t)head.counters, old, n_old * sizeof(struct xt_counters));
	return must_wait(k, rc);
}

static int set_counters(struct call *k)
{
	struct xt_counters_info head;
	_cleanup_shelf_ void *blob = NULL;
	int rc, waited = 0;

	if ((size_t)k->len <= sizeof(head))
		return -EINVAL;
	rc = read_head(k, &head, sizeof(head), head.name, sizeof(head.name));
	if (rc)
		return rc;
	if (!bf_xt_owns(k->family, head.name))
		return CONTINUE;
	if ((size_t)k->len != sizeof(head) + (uint64_t)head.num_counters * sizeof(struct xt_counters))
		return -EINVAL; /* before the counters are looked at */
	rc = copy_in(k, (size_t)k->len, &blob);
	if (rc)
		return rc;
	memcpy(blob, &head, sizeof(head));
	do {
		rc = bf_xt_add_counters(k->ctx, k->family, blob, (size_t)k->len);
	} while (try_again(k, rc, &waited));
	return must_wait(k, rc);
}

static int (*const options[])(struct call *) = {
	[GET_INFO] = get_info,        [GET_ENTRIES] = get_entries, [GET_MATCH] = get_revision,
	[GET_TARGET] = get_revision,  [SET_REPLACE] = set_replace, [SET_COUNTERS] = set_counters,
};

/* bf_serve_is_served() of a nested wrapper asks on descriptor -1, which the kernel would refuse with EBADF. */
static bool is_hello(struct call *k)
{
	struct ipt_getinfo info;

	if ((int)k->c->req.data.args[0] != -1 || k->option != GET_INFO || k->len != sizeof(info) ||
	    bf_client_read(k->c, k->val, &info, sizeof(info)) || memcmp(info.name, BF_SERVE_HELLO, sizeof(BF_SERVE_HELLO)))
		return false;
	memcpy(info.name, BF_SERVE_REPLY, sizeof(BF_SERVE_REPLY));
	bf_reply(k->c, bf_client_write(k->c, k->val, &info, sizeof(info)));
	return true;
}

/* Errors that the kernel gives just so have no words beside iptables' own; ours are explained. */
static void explain(struct call *k, int rc)
{
	const char *text = bf_ctx_message(k->ctx);
	_cleanup_buf_ struct bf_buf out = {};

	if (rc == -EINVAL || rc == -ELOOP || rc == -EAGAIN || rc == -EFAULT)
		return;
	/* iptables tries again after modprobe ip_tables; once is enough. */
	if ((rc == -EOPNOTSUPP || rc == -EPERM) && atomic_exchange(&k->c->served->incapable, (int)k->c->req.pid) == (int)k->c->req.pid)
		return;
	while (*text) {
		int line = (int)strcspn(text, "\n");

		bf_buf_printf(&out, "bpfilter: %.*s\n", line, text);
		text += line + (text[line] == '\n');
	}
	if (out.len && !out.err)
		bf_client_tell(k->c, out.data);
}

/*
 * Building stops when nobody waits for it any more: ^C kills the caller, even
 * in a call of ours. (The kernel's own ip_tables would replace the table yet.)
 */
static int watch(void *arg, const char *stage, uint64_t done, uint64_t total)
{
	struct call *k = arg;
	struct bf_served *s = k->c->served;
	int rc;

	if (stage && bf_client_alive(k->c))
		return 1;
	if (!s->progress || (!k->tells && (!stage || atomic_flag_test_and_set(&s->told))))
		return 0;
	k->tells = stage;
	rc = bf_progress_tell(s->progress, stage, done, total);
	if (!stage)
		atomic_flag_clear(&s->told);
	return rc;
}

static int serve(struct call *k, int netns)
{
	int rc;

	k->ctx = k->c->ctx ? k->c->ctx : bf_ctx_new();
	rc = k->ctx ? bf_ctx_set_netns(k->ctx, netns) : -ENOMEM;
	if (!rc) {
		bf_ctx_set_progress(k->ctx, watch, k);
		bf_ctx_set_lock_timeout(k->ctx, k->wait ? LOCK_SLICE_MS : 0);
		rc = options[k->option](k);
		if (rc != -EINPROGRESS)
			explain(k, rc);
		bf_ctx_set_progress(k->ctx, NULL, NULL);
	}
	if (k->ctx != k->c->ctx)
		bf_ctx_free(k->ctx);
	return rc;
}

/* Other than that the caller's descriptor is bad: no rights, or no descriptors, are left to us. */
static void say_no_socket(struct bf_client *c, int rc)
{
	if (rc != -EBADF && rc != -ENOTSOCK)
		bf_client_tell(c, "bpfilter: cannot look at iptables' socket\n");
}

static int answer(struct call *k)
{
	const struct seccomp_data *d = &k->c->req.data;
	struct bf_client_sock sock = {.netns = -1};
	int len_rc = read_length(k), rc;

	if (!len_rc && is_hello(k))
		return ANSWERED;
	rc = bf_client_socket(k->c, (int)d->args[0], &sock);
	if (rc)
		say_no_socket(k->c, rc);
	else if (!reaches_iptables(k->family, &sock))
		rc = CONTINUE; /* not a socket of ip_tables: the kernel's error */
	else if (len_rc)
		rc = len_rc;
	else if (!bf_client_may_admin(k->c, sock.netns))
		rc = -EPERM;
	else
		rc = serve(k, sock.netns);
	if (sock.netns >= 0)
		close(sock.netns);
	return rc;
}

bool bf_serve_call(struct bf_client *c, bool wait)
{
	const struct seccomp_data *d = &c->req.data;
	struct call k = {
		.c = c, .option = option_of(d), .family = (int)d->args[1] == SOL_IP ? AF_INET : AF_INET6, .wait = wait};
	int rc;

	if (!is_native(d)) {
		refuse_compat(c);
		return true;
	}
	rc = answer(&k);
	if (rc == -EINPROGRESS)
		return false;
	if (rc == CONTINUE)
		bf_reply_continue(c);
	else if (rc != ANSWERED)
		bf_reply(c, rc);
	return true;
}
