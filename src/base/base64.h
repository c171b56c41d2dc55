/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BF_BASE64_H
#define BF_BASE64_H

#include "base/buf.h"

/* Bytes as text (RFC 4648), and back: false when it is none; what was read so far stays in out. */
void bf_base64_put(struct bf_buf *out, const void *bytes, size_t len);
bool bf_base64_get(struct bf_buf *out, const char *text, size_t len);

#endif
