/* SPDX-License-Identifier: GPL-2.0-only */
/* text.c: see text.h. */
#include "text.h"

#include <stdio.h>

const char *str(const struct bf_buf *b)
{
	return b->data ? b->data : "";
}

void unescape(struct bf_buf *out, const char *s)
{
	for (; *s; s++) {
		if (s[0] == '\\' && (s[1] == 'n' || s[1] == 't'))
			bf_buf_puts(out, *++s == 'n' ? "\n" : "\t");
		else
			bf_buf_add(out, s, 1);
	}
}

int t_nft(const char *text, const char *command, struct bf_buf *out)
{
	char path[] = "/tmp/t_nft.XXXXXX", cmd[256], block[4096];
	int fd = mkstemp(path), status;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	const char *at = strstr(command, "%s");
	size_t n;

	if (!f || !at)
		return -1;
	fputs(text, f);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "%.*s%s%s", (int)(at - command), command, path, at + 2);
	f = popen(cmd, "r");
	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		bf_buf_add(out, block, n);
	status = f ? pclose(f) : -1;
	unlink(path);
	return status;
}
