/* SPDX-License-Identifier: GPL-2.0-only */
/* diag.c: collected messages (diag.h). */
#include "base/diag.h"

void bf_diag_free(struct bf_diag *d)
{
	bf_buf_free(&d->text);
	d->n_errors = d->n_warnings = 0;
}

void bf_diag_move(struct bf_diag *d, struct bf_diag *src)
{
	bf_buf_add(&d->text, src->text.data, src->text.len);
	d->n_errors += src->n_errors;
	d->n_warnings += src->n_warnings;
	bf_diag_free(src);
}

static void add_line(struct bf_diag *d, const char *kind, const char *fmt, va_list ap)
{
	bf_buf_puts(&d->text, kind);
	bf_buf_vprintf(&d->text, fmt, ap);
	bf_buf_puts(&d->text, "\n");
}

int bf_diag_error(struct bf_diag *d, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	d->n_errors++;
	va_start(ap, fmt);
	add_line(d, "", fmt, ap);
	va_end(ap);
	return err;
}

void bf_diag_warn(struct bf_diag *d, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return;
	d->n_warnings++;
	va_start(ap, fmt);
	add_line(d, "warning: ", fmt, ap);
	va_end(ap);
}

static bool starts_char(char c) /* in UTF-8 */
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

enum { SHOWN = 160, BEFORE = 100 }; /* characters of a line that are shown, and of those how many before the place */

static void add_char(struct bf_buf *out, char c)
{
	bf_buf_add(out, c != '\t' && ((unsigned char)c < 32 || c == 127) ? "?" : &c, 1);
}

/* The line and a mark under the place; tabs stay tabs so that the mark stands right. Of long lines the part around it.
 */
static void mark_line(struct bf_buf *out, const struct bf_loc *loc, const char *line, size_t len)
{
	size_t place = BF_MIN(loc->column ? loc->column - 1 : 0, len), from = place > SHOWN - 1 ? place - BEFORE : 0;
	size_t end = BF_MIN(len, from + SHOWN), i;

	while (from && !starts_char(line[from]))
		from--;
	bf_buf_puts(out, from ? "..." : "");
	for (i = from; i < end; i++)
		add_char(out, line[i]);
	bf_buf_puts(out, end < len ? "...\n" : "\n");
	bf_buf_puts(out, from ? "   " : "");
	for (i = from; i < place; i++)
		if (starts_char(line[i]))
			bf_buf_puts(out, line[i] == '\t' ? "\t" : " ");
	bf_buf_puts(out, "^");
	for (i = place + 1; i < place + loc->width && i < end; i++)
		if (starts_char(line[i]))
			bf_buf_puts(out, "~");
	bf_buf_puts(out, "\n");
}

/* The line that holds loc. */
static void mark_place(struct bf_buf *out, const struct bf_loc *loc, const char *text)
{
	const char *line = text;

	for (unsigned n = 1; n < loc->line; n++) {
		line = strchr(line, '\n');
		if (!line)
			return;
		line++;
	}
	mark_line(out, loc, line, strcspn(line, "\n"));
}

/* What a file or its name holds is no command for a terminal. */
static void tame(struct bf_buf *b, size_t from)
{
	for (size_t i = from; i < b->len; i++)
		if ((b->data[i] >= 0 && b->data[i] < ' ' && b->data[i] != '\n' && b->data[i] != '\t') || b->data[i] == 0x7f)
			b->data[i] = '?';
}

int bf_diag_at(struct bf_diag *d, const char *kind, const struct bf_loc *loc, const char *line, size_t len, int err,
               const char *fmt, va_list ap)
{
	size_t from = d ? d->text.len : 0;

	if (!d)
		return err;
	d->n_errors += !strcmp(kind, "error");
	bf_buf_printf(&d->text, "%s:%u:%u: ", loc->file ? loc->file : "-", loc->line, loc->column);
	bf_buf_printf(&d->text, "%s: ", kind);
	add_line(d, "", fmt, ap);
	tame(&d->text, from);
	if (line)
		mark_line(&d->text, loc, line, len);
	return err;
}

bool bf_diag_has(const struct bf_diag *d, const struct bf_loc *loc)
{
	_cleanup_buf_ struct bf_buf place = { 0 };

	bf_buf_printf(&place, "%s:%u:%u: error: ", loc->file ? loc->file : "-", loc->line, loc->column);
	tame(&place, 0);
	for (const char *p = d && place.data ? d->text.data : NULL; p && (p = strstr(p, place.data)); p++)
		if (p == d->text.data || p[-1] == '\n')
			return true;
	return false;
}

int bf_diag_error_at(struct bf_diag *d, const struct bf_loc *loc, const char *text, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bf_diag_at(d, "error", loc, NULL, 0, err, fmt, ap);
	va_end(ap);
	if (d && text && loc->line)
		mark_place(&d->text, loc, text);
	return err;
}
