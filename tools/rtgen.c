/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtgen: BPF objects compiled from src/rt -> one C file with the functions as
 * tables (gen/link.h). Run by the build:  rtgen OUT.c OBJECT.o...
 *
 * What an object may contain is deliberately little: functions, relocations
 * against maps, calls and CO-RE. Everything else (a string constant, a global
 * variable, an unknown relocation) fails the build, because the linker could
 * not express it.
 *
 *   symbol                                  becomes
 *   ------------------------------------    -------------------------------
 *   defined in section .maps                BF_RELOC_MAP_FD
 *   undefined variable                      BF_RELOC_MAP_VALUE + addend
 *   undefined function, __ksym              BF_RELOC_KFUNC
 *   function, defined here or elsewhere     BF_RT_RELOC_CALL; of its address, too
 *   CO-RE (rtgen_btf.c)                     BF_RELOC_OFFSET, _SIZE, _EXISTS, _BTF_ID
 */
#include "rtgen.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>

#ifndef R_BPF_64_64
#define R_BPF_64_64 1
#define R_BPF_64_32 10
#endif

void die(const struct object *o, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "rtgen: %s: ", o ? o->path : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *xrealloc(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size + 1);
	if (!p)
		die(NULL, "out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	return strcpy(xrealloc(NULL, strlen(s) + 1, 1), s);
}

static void section_header(const struct object *o, Elf_Scn *scn, GElf_Shdr *sh)
{
	if (!scn || !gelf_getshdr(scn, sh))
		die(o, "bad section header: %s", elf_errmsg(-1));
}

const char *section_name(const struct object *o, size_t section)
{
	GElf_Shdr sh;

	section_header(o, elf_getscn(o->elf, section), &sh);
	return elf_strptr(o->elf, o->strings, sh.sh_name);
}

static Elf_Data *section_data(const struct object *o, Elf_Scn *scn)
{
	Elf_Data *d = elf_getdata(scn, NULL);

	if (!d)
		die(o, "cannot read a section: %s", elf_errmsg(-1));
	return d;
}

static const char *symbol(const struct object *o, size_t i, GElf_Sym *sym)
{
	GElf_Shdr sh;

	section_header(o, o->symtab, &sh);
	if (!gelf_getsym(section_data(o, o->symtab), (int)i, sym))
		die(o, "no symbol %zu", i);
	return elf_strptr(o->elf, sh.sh_link, sym->st_name);
}

struct func *func_at(struct object *o, size_t section, uint32_t insn)
{
	for (uint32_t i = 0; i < o->n_funcs; i++) {
		struct func *f = &o->funcs[i];

		if (f->section == section && insn >= f->begin && insn < f->begin + f->n)
			return f;
	}
	return NULL;
}

void add_reloc(struct func *f, struct bf_rt_reloc r)
{
	f->relocs = xrealloc(f->relocs, f->n_relocs + 1, sizeof(*f->relocs));
	f->relocs[f->n_relocs++] = r;
}

static void open_object(struct object *o, const char *path)
{
	char copy[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*o = (struct object){ .path = path };
	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(o->base, sizeof(o->base), "%s", basename(copy));
	o->base[strcspn(o->base, ".")] = '\0';
	o->elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!o->elf || elf_getshdrstrndx(o->elf, &o->strings))
		die(o, "not an ELF object");
}

static void find_sections(struct object *o)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(o->elf, scn));) {
		const char *name = section_name(o, elf_ndxscn(scn));
		Elf_Data *d = section_data(o, scn);
		GElf_Shdr sh;

		section_header(o, scn, &sh);
		if (sh.sh_type == SHT_SYMTAB) {
			o->symtab = scn;
			o->n_symbols = sh.sh_size / sh.sh_entsize;
		} else if (!strcmp(name, ".BTF")) {
			o->btf = btf__new(d->d_buf, (uint32_t)d->d_size);
		} else if (!strcmp(name, ".BTF.ext")) {
			o->ext = d->d_buf;
			o->ext_len = d->d_size;
		}
	}
	if (!o->symtab || !o->btf || !o->ext)
		die(o, "no symbols or no BTF (compile with -g)");
}

static void add_func(struct object *o, const char *name, const GElf_Sym *sym)
{
	struct func *f;
	Elf_Data *d = section_data(o, elf_getscn(o->elf, sym->st_shndx));
	bool local = GELF_ST_BIND(sym->st_info) == STB_LOCAL;
	char unique[256];

	if (sym->st_value + sym->st_size > d->d_size || sym->st_size % 8)
		die(o, "function %s does not fit its section", name);
	snprintf(unique, sizeof(unique), "%s%s%s", local ? o->base : "", local ? "." : "", name);
	o->funcs = xrealloc(o->funcs, o->n_funcs + 1, sizeof(*o->funcs));
	f = &o->funcs[o->n_funcs++];
	*f = (struct func){
		xstrdup(unique), sym->st_shndx, (uint32_t)(sym->st_value / 8), (uint32_t)(sym->st_size / 8), NULL, NULL, 0, ""
	};
	btf_apart_args(o, name, f->args);
	f->insns = xrealloc(NULL, f->n, sizeof(*f->insns));
	memcpy(f->insns, (const char *)d->d_buf + sym->st_value, sym->st_size);
}

static void find_funcs(struct object *o)
{
	for (size_t i = 0; i < o->n_symbols; i++) {
		GElf_Sym sym;
		const char *name = symbol(o, i, &sym);

		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_shndx != SHN_UNDEF)
			add_func(o, name, &sym);
	}
}

/* A call of what lies `imm + 1` instructions behind the symbol: clang names the section for static functions. */
static struct bf_rt_reloc call_target(struct object *o, const char *name, const GElf_Sym *sym, int32_t imm)
{
	struct func *to;

	if (sym->st_shndx == SHN_UNDEF)
		return (struct bf_rt_reloc){ .kind = btf_is_kfunc(o, name) ? BF_RELOC_KFUNC : BF_RT_RELOC_CALL,
									 .symbol = name };
	to = func_at(o, sym->st_shndx, (uint32_t)((int64_t)sym->st_value / 8 + imm + 1));
	if (!to)
		die(o, "call of something that is no function: %s%+d", name, imm);
	return (struct bf_rt_reloc){ .kind = BF_RT_RELOC_CALL, .symbol = to->name };
}

/* The address of a function, for a helper that calls it. imm: bytes behind the symbol. */
static struct bf_rt_reloc func_target(struct object *o, const char *name, const GElf_Sym *sym, int32_t imm)
{
	return call_target(o, name, sym, imm / 8 - 1);
}

static bool is_code(const struct object *o, const GElf_Sym *sym)
{
	GElf_Shdr sh;

	if (sym->st_shndx == SHN_UNDEF)
		return false;
	section_header(o, elf_getscn(o->elf, sym->st_shndx), &sh);
	return sh.sh_flags & SHF_EXECINSTR;
}

static struct bf_rt_reloc map_target(struct object *o, const char *name, const GElf_Sym *sym, int32_t imm)
{
	if (sym->st_shndx == SHN_UNDEF)
		return (struct bf_rt_reloc){ .kind = BF_RELOC_MAP_VALUE, .symbol = name, .addend = imm };
	if (strcmp(section_name(o, sym->st_shndx), ".maps"))
		die(o, "%s: programs have no data of their own (section %s)", name, section_name(o, sym->st_shndx));
	return (struct bf_rt_reloc){ .kind = BF_RELOC_MAP_FD, .symbol = name };
}

static void read_reloc(struct object *o, size_t section, const GElf_Rel *rel)
{
	uint32_t at = (uint32_t)(rel->r_offset / 8);
	struct func *f = func_at(o, section, at);
	struct bf_rt_reloc r;
	struct bpf_insn *insn;
	GElf_Sym sym;
	const char *name = symbol(o, GELF_R_SYM(rel->r_info), &sym);

	if (!f)
		die(o, "relocation outside of functions: %s", name);
	insn = &f->insns[at - f->begin];
	if (GELF_R_TYPE(rel->r_info) == R_BPF_64_64 && insn->code == (BPF_LD | BPF_IMM | BPF_DW))
		r = is_code(o, &sym) ? func_target(o, name, &sym, insn->imm) : map_target(o, name, &sym, insn->imm);
	else if (GELF_R_TYPE(rel->r_info) == R_BPF_64_32 && insn->code == (BPF_JMP | BPF_CALL))
		r = call_target(o, name, &sym, insn->imm);
	else
		die(o, "%s: relocation %u against %s", f->name, (unsigned)GELF_R_TYPE(rel->r_info), name);
	insn->imm = 0;
	insn->src_reg = r.kind == BF_RELOC_MAP_FD      ? BPF_PSEUDO_MAP_FD
					: r.kind == BF_RELOC_MAP_VALUE ? BPF_PSEUDO_MAP_VALUE
					: r.kind == BF_RELOC_KFUNC     ? BPF_PSEUDO_KFUNC_CALL
					: insn->code != (BPF_JMP | BPF_CALL) ? BPF_PSEUDO_FUNC
												   : BPF_PSEUDO_CALL;
	r.insn = at - f->begin;
	add_reloc(f, r);
}

static void read_relocs(struct object *o)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(o->elf, scn));) {
		Elf_Data *d = section_data(o, scn);
		GElf_Shdr sh, of;

		section_header(o, scn, &sh);
		if (sh.sh_type != SHT_REL)
			continue;
		section_header(o, elf_getscn(o->elf, sh.sh_info), &of);
		if (!(of.sh_flags & SHF_EXECINSTR))
			continue;
		for (size_t i = 0; i < sh.sh_size / sh.sh_entsize; i++) {
			GElf_Rel rel;

			if (!gelf_getrel(d, (int)i, &rel))
				die(o, "bad relocation");
			read_reloc(o, sh.sh_info, &rel);
		}
	}
}

static bool has_reloc(const struct func *f, uint32_t insn)
{
	for (uint32_t i = 0; i < f->n_relocs; i++)
		if (f->relocs[i].insn == insn)
			return true;
	return false;
}

/* Calls inside a section may come without a relocation: their distance is known. */
static void resolve_local_calls(struct object *o, struct func *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct bpf_insn *insn = &f->insns[i];
		GElf_Sym here = { .st_shndx = (GElf_Section)f->section, .st_value = (f->begin + (uint64_t)i) * 8 };
		struct bf_rt_reloc r;

		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL && !has_reloc(f, i)) {
			r = call_target(o, f->name, &here, insn->imm);
			r.insn = i;
			insn->imm = 0;
			add_reloc(f, r);
		}
	}
}

static int by_insn(const void *a, const void *b)
{
	const struct bf_rt_reloc *x = a, *y = b;

	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

static void read_object(struct object *o, const char *path)
{
	open_object(o, path);
	find_sections(o);
	find_funcs(o);
	read_relocs(o);
	read_core_relocs(o);
	for (uint32_t i = 0; i < o->n_funcs; i++) {
		resolve_local_calls(o, &o->funcs[i]);
		if (o->funcs[i].n_relocs)
			qsort(o->funcs[i].relocs, o->funcs[i].n_relocs, sizeof(struct bf_rt_reloc), by_insn);
	}
}

static void write_func(FILE *out, unsigned number, const struct func *f)
{
	fprintf(out, "\n/* %s */\nstatic const struct bpf_insn insns_%u[] = {\n", f->name, number);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct bpf_insn *n = &f->insns[i];

		fprintf(out, "\t{ 0x%02x, %u, %u, %d, %d },\n", n->code, n->dst_reg, n->src_reg, n->off, n->imm);
	}
	fprintf(out, "};\n");
	if (!f->n_relocs)
		return;
	fprintf(out, "static const struct bf_rt_reloc relocs_%u[] = {\n", number);
	for (uint32_t i = 0; i < f->n_relocs; i++) {
		const struct bf_rt_reloc *r = &f->relocs[i];

		fprintf(out, "\t{ %u, %u, \"%s\", ", r->insn, r->kind, r->symbol);
		if (r->member)
			fprintf(out, "\"%s\", %d },\n", r->member, r->addend);
		else
			fprintf(out, "NULL, %d },\n", r->addend);
	}
	fprintf(out, "};\n");
}

static void write_table(FILE *out, const struct object *objects, int n)
{
	unsigned number = 0;

	for (int i = 0; i < n; i++)
		for (uint32_t j = 0; j < objects[i].n_funcs; j++)
			write_func(out, number++, &objects[i].funcs[j]);
	fprintf(out, "\nconst struct bf_rt_func bf_rt_funcs[] = {\n");
	number = 0;
	for (int i = 0; i < n; i++)
		for (uint32_t j = 0; j < objects[i].n_funcs; j++, number++) {
			const struct func *f = &objects[i].funcs[j];

			fprintf(out, "\t{ \"%s\", insns_%u, %u, ", f->name, number, f->n);
			if (f->n_relocs)
				fprintf(out, "relocs_%u, %u, ", number, f->n_relocs);
			else
				fprintf(out, "NULL, 0, ");
			fprintf(out, *f->args ? "\"%s\" },\n" : "NULL },\n", f->args);
		}
	fprintf(out, "\t{ NULL, NULL, 0, NULL, 0, NULL },\n};\n");
}

/* FNV-1a */
static uint32_t add_bytes(uint32_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 0x01000193;
	return h;
}

/* Of all that the functions do. */
static void write_print(FILE *out, const struct object *objects, int n)
{
	uint32_t h = 0x811c9dc5;

	for (int i = 0; i < n; i++)
		for (uint32_t j = 0; j < objects[i].n_funcs; j++) {
			const struct func *f = &objects[i].funcs[j];

			h = add_bytes(h, f->name, strlen(f->name));
			h = add_bytes(h, f->insns, f->n * sizeof(*f->insns));
		}
	fprintf(out, "\nconst uint32_t bf_rt_print = 0x%08x;\n", h);
}

static void check_unique(const struct object *objects, int n)
{
	for (int i = 0; i < n; i++)
		for (uint32_t j = 0; j < objects[i].n_funcs; j++)
			for (int k = i; k < n; k++)
				for (uint32_t l = k == i ? j + 1 : 0; l < objects[k].n_funcs; l++)
					if (!strcmp(objects[i].funcs[j].name, objects[k].funcs[l].name))
						die(&objects[k], "%s is defined twice", objects[k].funcs[l].name);
}

int main(int argc, char **argv)
{
	struct object *objects;
	FILE *out;

	if (argc < 3)
		die(NULL, "usage: rtgen OUT.c OBJECT.o...");
	elf_version(EV_CURRENT);
	objects = xrealloc(NULL, (size_t)argc, sizeof(*objects));
	for (int i = 2; i < argc; i++)
		read_object(&objects[i - 2], argv[i]);
	check_unique(objects, argc - 2);
	out = fopen(argv[1], "w");
	if (!out)
		die(NULL, "cannot write %s", argv[1]);
	fprintf(out, "/* Made by rtgen from src/rt; do not edit. */\n#include \"gen/link.h\"\n");
	write_table(out, objects, argc - 2);
	write_print(out, objects, argc - 2);
	if (fclose(out))
		die(NULL, "cannot write %s", argv[1]);
	return 0;
}
