/* SPDX-License-Identifier: GPL-2.0-only */
struct s { int a : 3, b : 5; } __attribute__((preserve_access_index));
int f(struct s *s) { return s->b; }
