/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_lang.c: any bytes as a file of the native language. What is taken
 * prints, and the print is taken and prints the same; what is not has an
 * error that says so. An include gives the first half of the text again.
 */
#include <arpa/inet.h>
#include <netdb.h>

#include "front/native/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The system's services are two here, and cost nothing: these stand before libc's. */
static int service;

void setservent(int stay_open)
{
	service = 0;
}

int getservent_r(struct servent *s, char *buf, size_t size, struct servent **out)
{
	static char *aliases[] = { (char *)"www", NULL };

	*s = (struct servent){ .s_name = (char *)(service ? "http" : "ssh"), .s_aliases = service ? aliases : aliases + 1 };
	s->s_port = htons(service ? 80 : 22);
	*out = s;
	return service++ < 2 ? 0 : ENOENT;
}

void endservent(void)
{
}

static void expect(bool holds)
{
	if (!holds)
		abort();
}

struct half {
	const char *text;
	size_t len;
};

static int include(void *ctx, const char *pattern,
                   int (*each)(void *arg, const char *path, const char *text, size_t len), void *arg)
{
	const struct half *h = ctx;

	return strchr(pattern, '*') ? 0 : each(arg, pattern, h->text, h->len);
}

static void again(const struct bf_buf *print)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf second = { 0 };

	expect(!bf_native_parse(&ast, "print", print->data ? print->data : "", print->len, NULL, &d));
	bf_native_print(&second, ast);
	expect(second.len == print->len && (!second.len || !memcmp(second.data, print->data, print->len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ast_ struct bf_ast *ast = NULL;
	_cleanup_diag_ struct bf_diag d = { 0 };
	_cleanup_buf_ struct bf_buf print = { 0 };
	struct half h = { (const char *)data, size / 2 };
	struct bf_native_opts o = { .include = include, .include_ctx = &h, .max_errors = 4, .max_nodes = 1 << 14 };
	_cleanup_free_ char *text = malloc(size ? size : 1); /* of just this size: a read beyond it is seen */
	int err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	err = bf_native_parse(&ast, "fuzz", text, size, &o, &d);
	expect(err ? !ast && d.n_errors : ast && !d.n_errors);
	if (err)
		return 0;
	bf_native_print(&print, ast);
	again(&print);
	return 0;
}
