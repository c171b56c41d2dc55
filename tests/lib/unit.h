/* SPDX-License-Identifier: GPL-2.0-only */
/* unit.h: what cmocka wants included, in its order. */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIT_MAIN(...)                                                  \
	int main(void)                                                      \
	{                                                                   \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };              \
		return cmocka_run_group_tests(tests, NULL, NULL);               \
	}

#endif
