/* SPDX-License-Identifier: GPL-2.0-only */
/* test_base.c: arena, buf, diag, cleanup macros; memory running out. */
#include <fcntl.h>
#include <unistd.h>

#include "lib/unit.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/lazy.h"
#include "base/shelf.h"
#include "lib/alloc.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();

	for (size_t size = 0; size < 20000; size = size * 3 + 1) {
		unsigned char *p = bf_arena_alloc(a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
}

static void arena_refuses_impossible_sizes(void **state)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();

	assert_null(bf_arena_calloc(a, SIZE_MAX / 2, 3));
	assert_null(bf_arena_alloc(a, SIZE_MAX));
	assert_null(bf_arena_alloc(a, SIZE_MAX - 15));
	assert_null(bf_arena_alloc(a, SIZE_MAX - 64));
	assert_non_null(bf_arena_alloc(a, 1));
}

static void arena_copies(void **state)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();

	assert_string_equal(bf_arena_strdup(a, "words"), "words");
	assert_string_equal(bf_arena_strndup(a, "words", 3), "wor");
	assert_string_equal(bf_arena_strndup(a, "words", 99), "words");
	assert_memory_equal(bf_arena_memdup(a, "a\0b", 3), "a\0b", 3);
	assert_non_null(bf_arena_memdup(a, NULL, 0));
}

static void buf_grows_and_terminates(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 };

	bf_buf_puts(&b, "");
	assert_string_equal(b.data, "");
	for (int i = 0; i < 1000; i++)
		bf_buf_printf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 2000);
	assert_int_equal(strlen(b.data), 2000);
	assert_string_equal(b.data + 1990, "5,6,7,8,9,");
	memset(bf_buf_reserve(&b, 5), 'x', 5);
	assert_string_equal(b.data + 1998, "9,xxxxx");
	assert_int_equal(b.err, 0);
}

static void buf_takes_binary(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 };
	char *p;

	bf_buf_add(&b, "a\0b", 3);
	p = bf_buf_reserve(&b, 100);
	assert_non_null(p);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(b.len, 103);
	assert_memory_equal(b.data, "a\0b", 3);
}

static void buf_error_sticks(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 };

	test_alloc_fail(1);
	bf_buf_puts(&b, "lost");
	test_alloc_fail(0);
	assert_int_equal(b.err, -ENOMEM);
	bf_buf_puts(&b, "lost too");
	assert_null(bf_buf_reserve(&b, 1));
	assert_int_equal(b.len, 0);
	bf_buf_free(&b);
	bf_buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
}

static void buf_refuses_impossible_sizes(void **state)
{
	_cleanup_buf_ struct bf_buf b = { 0 };

	assert_null(bf_buf_reserve(&b, SIZE_MAX / 2));
	assert_int_equal(b.err, -ENOMEM);
}

static void diag_collects(void **state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };

	assert_int_equal(bf_diag_error(&d, -EINVAL, "no such %s", "thing"), -EINVAL);
	bf_diag_warn(&d, "odd");
	assert_string_equal(d.text.data, "no such thing\nwarning: odd\n");
	assert_int_equal(d.n_errors, 1);
	assert_int_equal(d.n_warnings, 1);
	assert_int_equal(bf_diag_error(NULL, -EPERM, "nobody listens"), -EPERM);
	bf_diag_warn(NULL, "nobody");
}

static void diag_marks_the_place(void **state)
{
	_cleanup_diag_ struct bf_diag d = { 0 };
	const struct bf_loc at = { "rules", 2, 3, 4 }, past = { "rules", 9, 1, 1 }, nowhere = { 0 };
	const char *text = "first\n\tx drop\nlast";

	assert_int_equal(bf_diag_error_at(&d, &at, text, -EINVAL, "what?"), -EINVAL);
	assert_string_equal(d.text.data, "rules:2:3: error: what?\n\tx drop\n\t ^~~~\n");
	bf_diag_free(&d);
	bf_diag_error_at(&d, &past, text, -EINVAL, "beyond");
	assert_string_equal(d.text.data, "rules:9:1: error: beyond\n");
	bf_diag_free(&d);
	bf_diag_error_at(&d, &nowhere, text, -EINVAL, "somewhere");
	assert_string_equal(d.text.data, "-:0:0: error: somewhere\n");
	bf_diag_error_at(NULL, &at, text, -EINVAL, "nobody listens");
}

static void base64_there_and_back(void **state)
{
	static const char bytes[] = "\0\xff\x80 any bytes\n\x01\xfe";
	static const char *const wrong[] = { "A", "AAA", "A===", "====", "AA=A", "AAA=AAAA", "AA*A", "AAAA\n" };

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		_cleanup_buf_ struct bf_buf text = { 0 }, back = { 0 };

		bf_base64_put(&text, bytes, len);
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		assert_true(bf_base64_get(&back, text.data ? text.data : "", text.len));
		assert_int_equal(back.len, len);
		assert_true(!len || !memcmp(back.data, bytes, len));
	}
	for (size_t i = 0; i < BF_ARRAY_SIZE(wrong); i++) {
		_cleanup_buf_ struct bf_buf back = { 0 };

		assert_false(bf_base64_get(&back, wrong[i], strlen(wrong[i])));
	}
}

static void cleanup_keeps_errno(void **state)
{
	errno = 0;
	{
		_cleanup_close_ int bad = 1 << 30;
		_cleanup_close_ int none = -1;
		_cleanup_free_ char *p = strdup("x"), *taken = TAKE_PTR(p);

		assert_null(p);
		assert_string_equal(taken, "x");
		assert_int_equal(none, -1);
		assert_true(bad > 0);
	}
	assert_int_equal(errno, 0);
}

static int use_all(void *ctx)
{
	_cleanup_arena_ struct bf_arena *a = bf_arena_new();
	_cleanup_buf_ struct bf_buf b = { 0 };

	if (!a || !bf_arena_alloc(a, 10) || !bf_arena_alloc(a, 100000) || !bf_arena_strdup(a, "x"))
		return -ENOMEM;
	for (int i = 0; i < 100; i++)
		bf_buf_printf(&b, "%d", i);
	return b.err;
}

/* Pages of this process' memory that are there. */
static size_t resident(char *p, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t i = 0; i < len / page; i++) {
		uint64_t entry = 0;

		assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)(((uintptr_t)p / page + i) * sizeof(entry))), sizeof(entry));
		n += entry >> 63;
	}
	close(fd);
	return n;
}

static void shelf_keeps_what_is_put_there(void **state)
{
	enum { LEN = 8 << 20 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = LEN / page;
	char *p = bf_shelf_alloc(LEN), *other = malloc(LEN), *few = bf_shelf_alloc(100);

	assert_non_null(p);
	assert_non_null(other);
	assert_non_null(few);
	for (uint32_t i = 0; i < LEN; i++)
		p[i] = other[i] = (char)(i * 7 + i / 4096);
	memset(few, 1, 100);
	assert_int_equal(resident(p, LEN), pages);
	bf_shelf_put(p + page + 5, LEN / 2 - page); /* the page where it begins, too; all but that where it ends */
	assert_int_equal(resident(p, LEN), pages / 2 + 1);
	bf_shelf_put(p, LEN);
	assert_int_equal(resident(p, LEN), 0);
	bf_shelf_put(p + LEN / 2, LEN); /* more than there is, other memory: nothing happens */
	bf_shelf_put(other, LEN);
	bf_shelf_put(few, 100);
	assert_memory_equal(p, other, LEN);
	for (uint32_t i = 0; i < LEN; i++)
		assert_int_equal(p[i], (char)(i * 7 + i / 4096));
	bf_shelf_free(p);
	bf_shelf_free(few);
	bf_shelf_free(NULL);
	free(other);
}

#define NOWHERE(F) F(getpid)
BF_LAZY(nowhere, NOWHERE, "libbpfilter-has-no-such.so.1")
#define HALF(F) F(getpid) F(no_such_function)
pid_t no_such_function(void);
BF_LAZY(half, HALF, "libc.so.6")
#define LIBC(F) F(getpid) F(strlen)
BF_LAZY(libc, LIBC, "libbpfilter-has-no-such.so.1", "libc.so.6")

static void libraries_when_they_are_asked_for(void **state)
{
	assert_int_equal(nowhere_load(), -ENOENT);
	assert_null(nowhere.getpid);
	assert_int_equal(half_load(), -ENOENT);
	assert_null(half.getpid);
	for (int i = 0; i < 2; i++)
		assert_int_equal(libc_load(), 0);
	assert_int_equal(libc.getpid(), getpid());
	assert_int_equal(libc.strlen("four"), 4);
}

static void each_allocation_failed(void **state)
{
	assert_true(test_alloc_each(use_all, NULL) > 3);
}

UNIT_MAIN(
	cmocka_unit_test(arena_gives_zeroed_aligned_memory), cmocka_unit_test(arena_refuses_impossible_sizes),
	cmocka_unit_test(arena_copies), cmocka_unit_test(buf_grows_and_terminates), cmocka_unit_test(buf_takes_binary),
	cmocka_unit_test(buf_error_sticks), cmocka_unit_test(buf_refuses_impossible_sizes), cmocka_unit_test(diag_collects),
	cmocka_unit_test(diag_marks_the_place), cmocka_unit_test(cleanup_keeps_errno), cmocka_unit_test(base64_there_and_back), cmocka_unit_test(each_allocation_failed),
	cmocka_unit_test(libraries_when_they_are_asked_for),
	cmocka_unit_test(shelf_keeps_what_is_put_there))
