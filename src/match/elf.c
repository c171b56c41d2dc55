/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * elf.c: an object file as clang makes it for BPF -> functions and maps with
 * names, as the linker wants them (base/func.h). All functions of the file are
 * read; the linker takes those that are called.
 *
 *   symbol                                  becomes
 *   ------------------------------------    ------------------------------------------------
 *   in section .maps                        MAP_FD of "u_NAME", which stays over changes of the table
 *   in another section of data              MAP_VALUE + addend, of a map that holds the section: "uXXXXXXXX.data"
 *   __kconfig                               MAP_VALUE of a map for these: "uXXXXXXXX.kcfg" (elf_config.c)
 *   function, here                          call of "uXXXXXXXX_NAME"
 *   bf_packet_read                          call of ours
 *   bf_set_NAME and the like                call of one that will be made (elf_calls.c)
 *   other undefined functions               call of the kernel's
 *
 * XXXXXXXX is a hash of the file. Whoever made the file, what is read of it is
 * looked at before it is used; what it does is the verifier's affair.
 */
#include "match/elf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/lazy.h"

#ifndef R_BPF_64_64
#define R_BPF_64_64 1
#define R_BPF_64_32 10
#endif
enum { NAME_MAX_BYTES = 15 };

#define LIBELF(F) \
	F(elf_version) F(elf_memory) F(elf_end) F(elf_getscn) F(elf_nextscn) F(elf_ndxscn) F(elf_getdata) F(elf_strptr) \
	F(elf_getshdrstrndx) F(gelf_getehdr) F(gelf_getshdr) F(gelf_getsym) F(gelf_getrel)
BF_LAZY(libelf, LIBELF, "libelf.so.1")

static const char *const ours[] = { "bf_packet_read" };

int bf_elf_error(struct bf_elf *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->why, e->why_size, fmt, ap);
	va_end(ap);
	return err;
}

int bf_elf_broken(struct bf_elf *e)
{
	return bf_elf_error(e, -EINVAL, "it is no whole object file of BPF");
}

static const char *section_name(const struct bf_elf *e, size_t section)
{
	Elf_Scn *scn = libelf.elf_getscn(e->elf, section);
	GElf_Shdr sh;
	const char *name = scn && libelf.gelf_getshdr(scn, &sh) ? libelf.elf_strptr(e->elf, e->names, sh.sh_name) : NULL;

	return name ? name : "";
}

size_t bf_elf_section(const struct bf_elf *e, const char *name)
{
	for (Elf_Scn *scn = NULL; (scn = libelf.elf_nextscn(e->elf, scn));)
		if (!strcmp(section_name(e, libelf.elf_ndxscn(scn)), name))
			return libelf.elf_ndxscn(scn);
	return 0;
}

static Elf_Data *section_data(const struct bf_elf *e, size_t section, GElf_Shdr *sh)
{
	Elf_Scn *scn = libelf.elf_getscn(e->elf, section);
	Elf_Data *d = scn ? libelf.elf_getdata(scn, NULL) : NULL;

	return d && libelf.gelf_getshdr(scn, sh) ? d : NULL;
}

/* NULL: there is none. */
static const char *symbol(const struct bf_elf *e, size_t i, GElf_Sym *sym)
{
	Elf_Data *d = libelf.elf_getdata(e->symtab, NULL);

	return d && libelf.gelf_getsym(d, (int)i, sym) ? libelf.elf_strptr(e->elf, e->symbols.sh_link, sym->st_name) : NULL;
}

static size_t n_symbols(const struct bf_elf *e)
{
	return e->symbols.sh_entsize ? e->symbols.sh_size / e->symbols.sh_entsize : 0;
}

static const char *own_name(struct bf_elf *e, const char *name)
{
	char text[256];

	snprintf(text, sizeof(text), "%s_%s", e->id, name);
	return bf_arena_strdup(e->arena, text);
}

/* ------------------------------------------------------------------ functions */

static int add_func(struct bf_elf *e, const char *name, const GElf_Sym *sym)
{
	struct bf_rt_func *f = &e->funcs[e->n_funcs];
	GElf_Shdr sh;
	Elf_Data *d = section_data(e, sym->st_shndx, &sh);

	if (!d || !d->d_buf || !sym->st_size || sym->st_size % 8 || sym->st_value % 8 || sym->st_value > d->d_size ||
	    sym->st_size > d->d_size - sym->st_value)
		return bf_elf_broken(e);
	f->name = own_name(e, name);
	f->n_insns = (uint32_t)(sym->st_size / 8);
	f->insns = bf_arena_memdup(e->arena, (const char *)d->d_buf + sym->st_value, sym->st_size);
	f->relocs = bf_arena_array(e->arena, f->n_insns, struct bf_rt_reloc);
	e->begin[e->n_funcs] = (uint32_t)(sym->st_value / 8);
	e->in[e->n_funcs++] = sym->st_shndx;
	return f->name && f->insns && f->relocs ? 0 : -ENOMEM;
}

static int find_funcs(struct bf_elf *e)
{
	int err = 0;

	e->funcs = bf_arena_array(e->arena, n_symbols(e) + 1, struct bf_rt_func);
	e->begin = bf_arena_array(e->arena, n_symbols(e) + 1, uint32_t);
	e->in = bf_arena_array(e->arena, n_symbols(e) + 1, uint32_t);
	e->maps = bf_arena_array(e->arena, n_symbols(e) + 1, struct bf_map_spec);
	e->calls = bf_arena_array(e->arena, n_symbols(e) + 1, struct bf_users_call);
	if (!e->funcs || !e->begin || !e->in || !e->maps || !e->calls)
		return -ENOMEM;
	for (size_t i = 0; i < n_symbols(e) && !err; i++) {
		GElf_Sym sym;
		const char *name = symbol(e, i, &sym);

		if (name && GELF_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_shndx != SHN_UNDEF)
			err = add_func(e, name, &sym);
	}
	return err;
}

int bf_elf_func_at(const struct bf_elf *e, size_t section, uint64_t insn)
{
	for (uint32_t i = 0; i < e->n_funcs; i++)
		if (e->in[i] == section && insn >= e->begin[i] && insn - e->begin[i] < e->funcs[i].n_insns)
			return (int)i;
	return -1;
}

/* ----------------------------------------------------------------------- maps */

static const char *map_named(struct bf_elf *e, const char *name)
{
	for (uint32_t i = 0; i < e->n_maps; i++)
		if (!strcmp(e->maps[i].name, name))
			return e->maps[i].name;
	return NULL;
}

static int map_reloc(struct bf_elf *e, const char *name, struct bf_rt_reloc *r)
{
	struct bf_map_spec m = { .role = BF_MAP_LIVE, .kept = true };
	char text[64];
	int err;

	r->kind = BF_RELOC_MAP_FD;
	if (snprintf(text, sizeof(text), BF_USERS_MAP "%s", name) > NAME_MAX_BYTES)
		return bf_elf_error(e, -EINVAL, "the name of its map \"%s\" is longer than %zu characters", name,
		                    NAME_MAX_BYTES - strlen(BF_USERS_MAP));
	r->symbol = map_named(e, text);
	if (r->symbol)
		return 0;
	err = bf_elf_map(e, name, &m);
	r->symbol = m.name = bf_arena_strdup(e->arena, text);
	e->maps[e->n_maps++] = m;
	return err ? err : m.name ? 0 : -ENOMEM;
}

/* .rodata.str1.1 and the like, .data, .bss */
static int data_reloc(struct bf_elf *e, const GElf_Sym *sym, int32_t imm, struct bf_rt_reloc *r)
{
	GElf_Shdr sh;
	Elf_Data *d = section_data(e, sym->st_shndx, &sh);
	char text[64];
	struct bf_map_spec m = { .role = BF_MAP_DATA, .type = BPF_MAP_TYPE_ARRAY, .key_size = sizeof(uint32_t), .max_entries = 1 };

	if (!d || !sh.sh_size || sh.sh_size > INT32_MAX || sh.sh_flags & SHF_EXECINSTR || (d->d_buf && d->d_size != sh.sh_size))
		return bf_elf_broken(e);
	snprintf(text, sizeof(text), "%s.%u", e->id, (unsigned)sym->st_shndx);
	r->kind = BF_RELOC_MAP_VALUE;
	r->addend = (int32_t)(sym->st_value + (uint32_t)imm);
	r->symbol = map_named(e, text);
	if (r->symbol)
		return 0;
	if (!(sh.sh_flags & SHF_WRITE))
		m.role = BF_MAP_RODATA;
	m.value_size = (uint32_t)sh.sh_size;
	m.name = r->symbol = bf_arena_strdup(e->arena, text);
	if (d->d_buf) {
		m.init = bf_arena_memdup(e->arena, d->d_buf, d->d_size);
		m.init_len = d->d_size;
	}
	e->maps[e->n_maps++] = m;
	return m.name && (m.init || !d->d_buf) ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------- relocations */

static int undefined(struct bf_elf *e, const char *name, struct bf_rt_reloc *r)
{
	r->kind = BF_RELOC_KFUNC;
	for (size_t i = 0; i < BF_ARRAY_SIZE(ours); i++)
		if (!strcmp(ours[i], name))
			r->kind = BF_RT_RELOC_CALL;
	if (r->kind == BF_RELOC_KFUNC) {
		int err = bf_elf_call(e, name, &r->symbol);

		if (err || r->symbol) {
			r->kind = BF_RT_RELOC_CALL;
			return err;
		}
	}
	r->symbol = bf_arena_strdup(e->arena, name);
	return r->symbol ? 0 : -ENOMEM;
}

static bool is_code(const struct bf_elf *e, size_t section)
{
	GElf_Shdr sh;
	Elf_Scn *scn = libelf.elf_getscn(e->elf, section);

	return scn && libelf.gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR;
}

/* A call of what lies `imm + 1` instructions behind the symbol: clang names the section for static functions. */
static int call_reloc(struct bf_elf *e, const char *name, const GElf_Sym *sym, int32_t imm, struct bf_rt_reloc *r)
{
	int to;

	if (sym->st_shndx == SHN_UNDEF)
		return undefined(e, name, r);
	to = bf_elf_func_at(e, sym->st_shndx, sym->st_value / 8 + (uint64_t)((int64_t)imm + 1));
	if (to < 0)
		return bf_elf_broken(e);
	r->kind = BF_RT_RELOC_CALL;
	r->symbol = e->funcs[to].name;
	return 0;
}

static int address_reloc(struct bf_elf *e, const char *name, const GElf_Sym *sym, int32_t imm, struct bf_rt_reloc *r)
{
	if (sym->st_shndx == SHN_UNDEF) {
		int err = bf_elf_config(e, name, GELF_ST_BIND(sym->st_info) == STB_WEAK, imm, r);

		return err == -ENOENT ? bf_elf_error(e, -EOPNOTSUPP, "it refers to \"%s\", which it does not define", name) : err;
	}
	if (!strcmp(section_name(e, sym->st_shndx), ".maps"))
		return map_reloc(e, name, r);
	if (is_code(e, sym->st_shndx)) /* of a function, for a helper that calls it; in bytes */
		return imm % 8 ? bf_elf_broken(e) : call_reloc(e, name, sym, imm / 8 - 1, r);
	return data_reloc(e, sym, imm, r);
}

/* Room for it has been seen to. */
void bf_elf_add_reloc(struct bf_elf *e, int func, const struct bf_rt_reloc *r)
{
	struct bf_rt_func *f = &e->funcs[func];

	((struct bf_rt_reloc *)f->relocs)[f->n_relocs++] = *r;
}

static void add_reloc(struct bf_elf *e, int func, const struct bf_rt_reloc *r, uint8_t source)
{
	struct bpf_insn *insn = (struct bpf_insn *)&e->funcs[func].insns[r->insn];

	insn->src_reg = source;
	insn->imm = 0;
	bf_elf_add_reloc(e, func, r);
}

static int read_reloc(struct bf_elf *e, size_t section, const GElf_Rel *rel)
{
	uint64_t at = rel->r_offset / 8;
	int func = bf_elf_func_at(e, section, at), err;
	struct bf_rt_reloc r = { 0 };
	const struct bpf_insn *insn;
	GElf_Sym sym;
	const char *name = symbol(e, GELF_R_SYM(rel->r_info), &sym);

	if (func < 0 || !name || e->funcs[func].n_relocs == e->funcs[func].n_insns)
		return bf_elf_broken(e);
	r.insn = (uint32_t)at - e->begin[func];
	if (r.insn + 1 == e->funcs[func].n_insns) /* none ends so: what takes two instructions has room */
		return bf_elf_broken(e);
	insn = &e->funcs[func].insns[r.insn];
	if (GELF_R_TYPE(rel->r_info) == R_BPF_64_32 && insn->code == (BPF_JMP | BPF_CALL)) {
		err = call_reloc(e, name, &sym, insn->imm, &r);
		if (!err)
			add_reloc(e, func, &r, r.kind == BF_RELOC_KFUNC ? BPF_PSEUDO_KFUNC_CALL : BPF_PSEUDO_CALL);
		return err;
	}
	if (GELF_R_TYPE(rel->r_info) != R_BPF_64_64 || insn->code != (BPF_LD | BPF_IMM | BPF_DW))
		return bf_elf_error(e, -EOPNOTSUPP, "it refers to \"%s\" in a way that is not served", name);
	err = address_reloc(e, name, &sym, insn->imm, &r);
	if (!err)
		add_reloc(e, func, &r, r.kind == BF_RELOC_MAP_FD ? BPF_PSEUDO_MAP_FD :
		                       r.kind == BF_RELOC_MAP_VALUE ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_FUNC);
	return err;
}

static int read_relocs_of(struct bf_elf *e, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *d = libelf.elf_getdata(scn, NULL);
	GElf_Shdr of;
	int err = 0;

	if (!d || !section_data(e, sh->sh_info, &of) || !sh->sh_entsize)
		return bf_elf_broken(e);
	for (size_t i = 0; i < sh->sh_size / sh->sh_entsize && of.sh_flags & SHF_EXECINSTR && !err; i++) {
		GElf_Rel rel;

		err = libelf.gelf_getrel(d, (int)i, &rel) ? read_reloc(e, sh->sh_info, &rel) : bf_elf_broken(e);
	}
	return err;
}

static int read_relocs(struct bf_elf *e)
{
	int err = 0;

	for (Elf_Scn *scn = NULL; (scn = libelf.elf_nextscn(e->elf, scn)) && !err;) {
		GElf_Shdr sh;

		if (!libelf.gelf_getshdr(scn, &sh))
			return bf_elf_broken(e);
		if (sh.sh_type == SHT_REL)
			err = read_relocs_of(e, scn, &sh);
	}
	return err;
}

static bool has_reloc(const struct bf_rt_func *f, uint32_t insn)
{
	for (uint32_t i = 0; i < f->n_relocs; i++)
		if (f->relocs[i].insn == insn)
			return true;
	return false;
}

/* Calls inside a section may come without a relocation: their distance is known. */
static int resolve_local_calls(struct bf_elf *e, uint32_t func)
{
	const struct bf_rt_func *f = &e->funcs[func];

	for (uint32_t i = 0; i < f->n_insns; i++) {
		const struct bpf_insn *insn = &f->insns[i];
		struct bf_rt_reloc r = { .insn = i, .kind = BF_RT_RELOC_CALL };
		int to;

		if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != BPF_PSEUDO_CALL || has_reloc(f, i))
			continue;
		to = bf_elf_func_at(e, e->in[func], (uint64_t)((int64_t)e->begin[func] + i + insn->imm + 1));
		if (to < 0 || f->n_relocs == f->n_insns)
			return bf_elf_broken(e);
		r.symbol = e->funcs[to].name;
		add_reloc(e, (int)func, &r, BPF_PSEUDO_CALL);
	}
	return 0;
}

/* ----------------------------------------------------------------------- file */

static uint32_t hash(const unsigned char *p, size_t len, uint32_t h)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static int find_sections(struct bf_elf *e)
{
	int err;

	for (Elf_Scn *scn = NULL; (scn = libelf.elf_nextscn(e->elf, scn));) {
		const char *name = section_name(e, libelf.elf_ndxscn(scn));
		Elf_Data *d = libelf.elf_getdata(scn, NULL);
		GElf_Shdr sh;

		if (!d || !libelf.gelf_getshdr(scn, &sh))
			return bf_elf_broken(e);
		if (sh.sh_type == SHT_SYMTAB) {
			e->symtab = scn;
			e->symbols = sh;
		} else if (!strcmp(name, ".BTF") && d->d_buf) {
			err = bf_elf_types(e, d->d_buf, d->d_size);
			if (err)
				return err;
		} else if (!strcmp(name, ".BTF.ext") && d->d_buf) {
			e->ext = d->d_buf;
			e->ext_len = d->d_size;
		}
	}
	return e->symtab ? 0 : bf_elf_broken(e);
}

/* Sections that can be named, for people. */
static int no_such_section(struct bf_elf *e, const char *wanted)
{
	_cleanup_buf_ struct bf_buf names = { 0 };
	const char *last = "";

	for (uint32_t i = 0; i < e->n_funcs && names.len < 120; i++) {
		const char *name = section_name(e, e->in[i]);

		if (strcmp(name, ".text") && strcmp(name, last))
			bf_buf_printf(&names, "%s\"%.40s\"", names.len ? ", " : "", name);
		last = name;
	}
	if (!names.len)
		return bf_elf_error(e, -EINVAL, "it has no function in a section of its own");
	return bf_elf_error(e, -EINVAL, "it has no function in a section \"%s\", only in %s", wanted, names.data);
}

/* Functions in .text are called by others; each of the others is one that can be named. */
static int choose(struct bf_elf *e, struct bf_program *p)
{
	int found = -1;

	for (uint32_t i = 0; i < e->n_funcs; i++) {
		const char *name = section_name(e, e->in[i]);

		if (p->section ? strcmp(name, p->section) : !strcmp(name, ".text"))
			continue;
		if (found >= 0)
			return p->section ? bf_elf_error(e, -EINVAL, "its section \"%s\" has several functions", p->section)
			                  : bf_elf_error(e, -EINVAL, "it has several functions: say which section, \"%s\" or \"%s\"",
			                                 section_name(e, e->in[found]), name);
		found = (int)i;
	}
	if (found < 0)
		return no_such_section(e, p->section);
	if (found) {
		struct bf_rt_func f = e->funcs[0];

		e->funcs[0] = e->funcs[found];
		e->funcs[found] = f;
	}
	e->funcs[0].args = "ph";
	return 0;
}

static int func_named(const struct bf_elf *e, const char *symbol)
{
	for (uint32_t i = 0; i < e->n_funcs; i++)
		if (!strcmp(e->funcs[i].name, symbol))
			return (int)i;
	return -1;
}

static void see(struct bf_elf *e, const struct bf_rt_reloc *r, struct bf_program *p)
{
	for (uint32_t i = 0; i < e->n_calls; i++)
		if (r->kind == BF_RT_RELOC_CALL && r->symbol == e->calls[i].symbol && !e->calls[i].seen) {
			e->calls[i].seen = true;
			p->calls[p->n_calls++] = e->calls[i];
		}
	for (uint32_t i = 0; i < e->n_configs; i++) {
		struct bf_users_config *c = &e->configs[i];

		if (r->kind == BF_RELOC_MAP_VALUE && r->symbol == e->config->name && (uint32_t)r->addend - c->at < c->size && !c->seen) {
			c->seen = true;
			p->configs[p->n_configs++] = *c;
		}
	}
	for (uint32_t i = 0; i < e->n_maps; i++)
		if (r->kind != BF_RT_RELOC_CALL && r->symbol == e->maps[i].name && !e->seen[i]) {
			e->seen[i] = true;
			p->maps[p->n_maps++] = e->maps[i];
		}
}

/* Of calls, maps and so on those that the function, which is the first, comes to. */
static int take_reached(struct bf_elf *e, struct bf_program *p)
{
	uint32_t *todo = bf_arena_array(e->arena, e->n_funcs, uint32_t), n = 1;
	bool *reached = bf_arena_array(e->arena, e->n_funcs, bool);

	e->seen = bf_arena_array(e->arena, e->n_maps + 1, bool);
	p->calls = bf_arena_array(e->arena, e->n_calls + 1, struct bf_users_call);
	p->maps = bf_arena_array(e->arena, e->n_maps + 1, struct bf_map_spec);
	p->configs = bf_arena_array(e->arena, e->n_configs + 1, struct bf_users_config);
	if (!todo || !reached || !e->seen || !p->calls || !p->maps || !p->configs)
		return -ENOMEM;
	reached[0] = true;
	for (uint32_t i = 0; i < n; i++) {
		const struct bf_rt_func *f = &e->funcs[todo[i]];

		for (uint32_t k = 0; k < f->n_relocs; k++) {
			int to = f->relocs[k].kind == BF_RT_RELOC_CALL ? func_named(e, f->relocs[k].symbol) : -1;

			see(e, &f->relocs[k], p);
			if (to >= 0 && !reached[to]) {
				reached[to] = true;
				todo[n++] = (uint32_t)to;
			}
		}
	}
	return 0;
}

static int by_insn(const void *a, const void *b)
{
	const struct bf_rt_reloc *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

static int read_all(struct bf_elf *e, struct bf_program *p)
{
	int err = find_sections(e);

	if (!err)
		err = find_funcs(e);
	if (!err)
		err = read_relocs(e);
	if (!err)
		err = bf_elf_core(e);
	if (!err)
		err = bf_elf_lines(e);
	for (uint32_t i = 0; i < e->n_funcs && !err; i++) {
		err = resolve_local_calls(e, i);
		qsort((void *)e->funcs[i].relocs, e->funcs[i].n_relocs, sizeof(struct bf_rt_reloc), by_insn);
		if (!err)
			err = bf_elf_check(e, &e->funcs[i]);
	}
	if (!err)
		err = choose(e, p);
	if (!err)
		err = take_reached(e, p);
	p->funcs = e->funcs;
	p->n_funcs = e->n_funcs;
	return err;
}

int bf_object_read(struct bf_arena *a, const void *bytes, size_t len, struct bf_program *p, char *why, size_t why_size)
{
	struct bf_elf e = { .arena = a, .why = why, .why_size = why_size };
	_cleanup_free_ void *copy = malloc(len + 1); /* libelf may write to it */
	GElf_Ehdr h;
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	snprintf(e.id, sizeof(e.id), "u%08x", hash(bytes, len, 2166136261u));
	if (libelf_load())
		return bf_elf_error(&e, -EOPNOTSUPP, "it cannot be read: libelf is not installed");
	libelf.elf_version(EV_CURRENT);
	e.elf = libelf.elf_memory(copy, len);
	if (!e.elf || !libelf.gelf_getehdr(e.elf, &h) || h.e_machine != EM_BPF || h.e_type != ET_REL || libelf.elf_getshdrstrndx(e.elf, &e.names))
		err = bf_elf_error(&e, -EINVAL, "it is no object file of BPF");
	else if (h.e_ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		err = bf_elf_error(&e, -EINVAL, "it is made for machines of the other byte order");
	else
		err = read_all(&e, p);
	if (e.elf)
		libelf.elf_end(e.elf);
	return err;
}
