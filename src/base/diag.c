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

/* The line that holds loc, and a mark under the place; tabs stay tabs so that the mark stands right. */
static void mark_place(struct bf_buf *out, const struct bf_loc *loc, const char *text)
{
	const char *line = text;
	size_t len;

	for (unsigned n = 1; n < loc->line; n++) {
		line = strchr(line, '\n');
		if (!line)
			return;
		line++;
	}
	len = strcspn(line, "\n");
	bf_buf_add(out, line, len);
	bf_buf_puts(out, "\n");
	for (size_t i = 0; i + 1 < loc->column && i < len; i++)
		bf_buf_puts(out, line[i] == '\t' ? "\t" : " ");
	bf_buf_puts(out, "^");
	for (unsigned i = 1; i < loc->width; i++)
		bf_buf_puts(out, "~");
	bf_buf_puts(out, "\n");
}

int bf_diag_error_at(struct bf_diag *d, const struct bf_loc *loc, const char *text, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	d->n_errors++;
	bf_buf_printf(&d->text, "%s:%u:%u: error: ", loc->file ? loc->file : "-", loc->line, loc->column);
	va_start(ap, fmt);
	add_line(d, "", fmt, ap);
	va_end(ap);
	if (text && loc->line)
		mark_place(&d->text, loc, text);
	return err;
}
