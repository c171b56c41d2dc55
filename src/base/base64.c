/* SPDX-License-Identifier: GPL-2.0-only */
/* base64.c: three bytes are four letters. */
#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void bf_base64_put(struct bf_buf *out, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (; len; p += BF_MIN(len, (size_t)3), len -= BF_MIN(len, (size_t)3)) {
		uint32_t v = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0) | (len > 2 ? p[2] : 0);
		const char four[4] = { letters[v >> 18], letters[v >> 12 & 63], len > 1 ? letters[v >> 6 & 63] : '=',
			len > 2 ? letters[v & 63] : '=' };

		bf_buf_add(out, four, sizeof(four));
	}
}

static int value(char c)
{
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? (int)(at - letters) : -1;
}

bool bf_base64_get(struct bf_buf *out, const char *text, size_t len)
{
	if (len % 4)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		unsigned pad = i + 4 == len ? (text[i + 3] == '=') + (text[i + 2] == '=' && text[i + 3] == '=') : 0;
		uint32_t v = 0;

		for (unsigned k = 0; k < 4; k++) {
			int six = k >= 4 - pad ? 0 : value(text[i + k]);

			if (six < 0)
				return false;
			v = v << 6 | (uint32_t)six;
		}
		v = (v >> 16 & 0xff) | (v & 0xff00) | (v & 0xff) << 16; /* the first byte lowest */
		for (unsigned k = 0; k < 3 - pad; k++, v >>= 8)
			bf_buf_add(out, (const unsigned char[]){ (unsigned char)v }, 1);
	}
	return true;
}
