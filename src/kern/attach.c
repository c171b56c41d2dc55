/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.c: links, by kind of hook (attach.h).
 *
 *   netfilter  one program for each priority; a taken one is -EBUSY
 *   XDP        one program for each device
 *   tc         any number, in order (tcx)
 *   cgroup     any number, in order where the kernel can (Linux 6.17); all have to let a packet pass
 *
 * A link to a device or control group that goes away stays, attached to
 * nothing: it then tells index or id 0.
 */
#include "kern/attach.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/stat.h>

#include "kern/sys.h"

enum { TC_PASS_ON = -1, TC_DROP = 2 }; /* TCX_NEXT, TC_ACT_UNSPEC; TC_ACT_SHOT */

static uint32_t type_of(uint8_t hook)
{
	return bf_hook_kinds[hook].prog_type;
}

int bf_hook_code(uint8_t hook, int verdict)
{
	bool pass = verdict == BF_ACCEPT;

	switch (type_of(hook)) {
	case BPF_PROG_TYPE_XDP:
		return pass ? XDP_PASS : XDP_DROP;
	case BPF_PROG_TYPE_SCHED_CLS:
		return pass ? TC_PASS_ON : TC_DROP;
	case BPF_PROG_TYPE_SOCK_OPS:
		return 1;
	default:
		return pass;
	}
}

unsigned bf_hook_array(uint8_t hook)
{
	return hook < BF_HOOKS_NETFILTER ? 0 : hook;
}

static uint64_t cgroup_id(const char *path)
{
	_cleanup_close_ int fd = bf_cgroup_open(path);
	struct stat st;

	return fd < 0 || fstat(fd, &st) ? 0 : st.st_ino;
}

uint64_t bf_attach_id(const struct bf_ns *ns, uint8_t hook, const char *at)
{
	uint64_t id;
	int back;

	switch (bf_hook_kinds[hook].point) {
	case BF_POINT_CGROUP:
		return cgroup_id(at);
	case BF_POINT_DEVICE:
		if (bf_ns_enter(ns, &back, NULL))
			return 0;
		id = if_nametoindex(at);
		return bf_ns_leave(back) ? 0 : id;
	default:
		return 1;
	}
}

static int explain(const struct bf_place *p, int err, struct bf_diag *d)
{
	const struct bf_hook_kind *k = &bf_hook_kinds[p->hook];
	const char *why = strerror(-err);

	if (p->hook == BF_HOOK_XDP && (err == -EBUSY || err == -EEXIST))
		why = "it has another XDP program already, and takes only one";
	else if (p->hook == BF_HOOK_XDP && p->xdp_mode == BF_XDP_NATIVE && (err == -EOPNOTSUPP || err == -EINVAL || err == -ERANGE))
		why = "its driver cannot run XDP natively, or not with the present MTU; generic XDP it can";
	else if (k->point == BF_POINT_CGROUP && err == -EPERM)
		why = "not permitted, or a program of others there, or of a group above, allows no second one";
	return bf_diag_error(d, err, "cannot attach to hook %s of %s \"%s\": %s", k->name,
	                     k->point == BF_POINT_DEVICE ? "device" : "control group", p->at, why);
}

static int link_xdp(int prog, uint32_t ifindex, const struct bf_place *p)
{
	static const uint32_t flags[] = {
		[BF_XDP_ANY] = 0, [BF_XDP_NATIVE] = XDP_FLAGS_DRV_MODE, [BF_XDP_GENERIC] = XDP_FLAGS_SKB_MODE,
	};
	struct bf_link_desc l = { .prog = prog, .target = ifindex, .attach = BPF_XDP, .relative = -1 };
	int fd;

	l.flags = flags[p->xdp_mode];
	fd = bf_link_create(&l);
	if (fd >= 0 || fd == -EBUSY || fd == -EEXIST || p->xdp_mode != BF_XDP_ANY)
		return fd;
	l.flags = XDP_FLAGS_SKB_MODE; /* the driver has XDP, but does not want this program: its MTU is too large, ... */
	return bf_link_create(&l);
}

static int link_ordered(int prog, uint32_t target, const struct bf_place *p)
{
	struct bf_link_desc l = {
		.prog = prog, .target = target, .attach = bf_hook_kinds[p->hook].attach, .relative = p->relative, .before = p->before,
	};
	int fd = bf_link_create(&l);

	if (fd != -EINVAL || p->relative < 0)
		return fd;
	l.relative = -1; /* a kernel that cannot put them in order */
	return bf_link_create(&l);
}

static int link_tc(int prog, uint32_t ifindex, const struct bf_place *p)
{
	int err, fd = link_ordered(prog, ifindex, p);

	if (fd != -EINVAL)
		return fd;
	*p->clsact = 1; /* no tcx */
	err = bf_clsact_add(prog, ifindex, p);
	return err ? err : fcntl(prog, F_DUPFD_CLOEXEC, 3);
}

/* Back from the namespace: a link that was made there, or its error. */
static int leave(int back, int fd, struct bf_diag *d)
{
	int err = bf_ns_leave(back);

	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return bf_diag_error(d, err, "cannot return to the own network namespace: %s", strerror(-err));
}

static int link_device(const struct bf_ns *ns, int prog, const struct bf_place *p, struct bf_diag *d)
{
	uint32_t ifindex;
	int back, fd, err = bf_ns_enter(ns, &back, d);

	if (err)
		return err;
	ifindex = if_nametoindex(p->at);
	fd = !ifindex ? -ENODEV : p->hook == BF_HOOK_XDP ? link_xdp(prog, ifindex, p) : link_tc(prog, ifindex, p);
	return leave(back, fd, d);
}

static int link_cgroup(int prog, const struct bf_place *p)
{
	_cleanup_close_ int group = bf_cgroup_open(p->at);

	return group < 0 ? group : link_ordered(prog, (uint32_t)group, p);
}

static int link_netfilter(const struct bf_ns *ns, int prog, const struct bf_place *p, struct bf_diag *d)
{
	int back, fd, err = bf_ns_enter(ns, &back, d);

	if (err)
		return err;
	fd = bf_link_netfilter(prog, p->family, p->hook, p->priority, 0);
	return leave(back, fd, d);
}

int bf_attach(const struct bf_ns *ns, int prog, const struct bf_place *p, struct bf_diag *d)
{
	int fd;

	switch (bf_hook_kinds[p->hook].point) {
	case BF_POINT_DEVICE:
		fd = link_device(ns, prog, p, d);
		break;
	case BF_POINT_CGROUP:
		fd = link_cgroup(prog, p);
		break;
	default:
		return link_netfilter(ns, prog, p, d);
	}
	return fd < 0 ? explain(p, fd, d) : fd;
}

bool bf_attach_is_at(const struct bf_ns *ns, int fd, const struct bf_place *p, uint64_t id)
{
	struct bf_link_info info;
	bool there;
	int back;

	if (p->hook < BF_HOOKS_NETFILTER)
		return true;
	if (!*p->clsact)
		return !bf_link_info(fd, &info) && id == (bf_hook_kinds[p->hook].point == BF_POINT_DEVICE ? info.ifindex : info.cgroup.id);
	if (bf_ns_enter(ns, &back, NULL))
		return false;
	there = bf_clsact_is_there((uint32_t)id, p);
	return !bf_ns_leave(back) && there;
}

void bf_detach(const struct bf_ns *ns, int fd, const struct bf_place *p, uint64_t id)
{
	int back;

	if (!*p->clsact) {
		if (fd >= 0)
			bf_link_detach(fd);
	} else if (!bf_ns_enter(ns, &back, NULL)) {
		bf_clsact_delete((uint32_t)id, p);
		bf_ns_leave(back);
	}
}
