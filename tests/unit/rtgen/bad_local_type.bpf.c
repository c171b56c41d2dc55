/* SPDX-License-Identifier: GPL-2.0-only */
struct s { int a; } __attribute__((preserve_access_index));
int f(struct s *s) { return (int)__builtin_btf_type_id(*s, 0); }
