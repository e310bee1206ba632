/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.c - functions, types and traits of the program, and those that a store knows.
 *
 * A store has its own numbers for them. Each is known by its name; what the store has of it should be what the program
 * has: the version, and the shape of arguments, of cells, of methods. What the program has more gets new
 * numbers. A function with another version keeps its number; one that has other arguments, too, is gone, and the
 * program's is a new one: both are repaired (repair.c). If a type or a trait is missing or is another one
 * now, nothing in the store counts.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#include "persist.h"

#define NAME_MOST   4096u
#define NUMBER_MOST (UINT32_C(1) << 20)

/* One of the program's, as the store sees it. */
struct row {
	const char *name;
	uint64_t version;
	uint64_t shape;
};

static uint64_t mix(uint64_t shape, uint64_t number)
{
	return pawl_hash_combine(shape, pawl_hash_u64(number, 0));
}

static uint64_t mix_arguments(uint64_t shape, size_t bytes,
			      const struct pawl_argument *arguments, size_t n)
{
	shape = mix(shape, bytes);
	shape = mix(shape, n);
	for (size_t i = 0; i < n; i++) {
		shape = mix(shape, (uint64_t)arguments[i].kind);
		shape = mix(shape, arguments[i].offset);
		shape = mix(shape, arguments[i].bytes);
	}
	return shape;
}

static const char *name_of(enum eng_table_kind kind, const void *table)
{
	if (!table)
		return NULL;
	if (kind == ENG_FUNCTIONS)
		return ((const struct pawl_function *)table)->name;
	if (kind == ENG_TYPES)
		return ((const struct pawl_value_type *)table)->name;
	return ((const struct pawl_trait *)table)->name;
}

/* Version 0: that of the build. */
static uint64_t function_build(const struct pawl_function *function)
{
	const void *address;

	PAWL_STATIC_ASSERT(sizeof(address) == sizeof(function->body), "both are addresses");
	memcpy(&address, &function->body, sizeof(address));
	return eng_build_id(address);
}

static struct row row_of(enum eng_table_kind kind, const void *table)
{
	const struct pawl_function *function = table;
	const struct pawl_value_type *type = table;
	const struct pawl_trait *trait = table;
	struct row row = {NULL, 0, 0};

	if (!table)
		return row;
	switch (kind) {
	case ENG_FUNCTIONS:
		row.name = function->name;
		row.version = function->version ? function->version : function_build(function);
		row.shape = mix_arguments(function->flags, function->args_bytes,
					  function->arguments, function->arguments_n);
		break;
	case ENG_TYPES:
		row.name = type->name;
		row.version = type->version;
		row.shape = mix(mix(type->flags, (uint64_t)type->mode), type->encode != NULL);
		break;
	default:
		row.name = trait->name;
		row.shape = mix(0, trait->methods_n);
		for (size_t i = 0; i < trait->methods_n; i++)
			row.shape = mix_arguments(row.shape, trait->methods[i].args_bytes,
						  trait->methods[i].arguments,
						  trait->methods[i].arguments_n);
		break;
	}
	return row;
}

struct given {
	const void *const *tables;
	size_t n;
};

static struct given given_of(const struct pawl_engine_options *options,
			     enum eng_table_kind kind)
{
	switch (kind) {
	case ENG_FUNCTIONS:
		return (struct given){(const void *const *)options->functions,
				      options->functions_n};
	case ENG_TYPES:
		return (struct given){(const void *const *)options->types, options->types_n};
	default:
		return (struct given){(const void *const *)options->traits, options->traits_n};
	}
}

/* ---- reading ---------------------------------------------------------------------------- */

enum found { SAME, OTHER_VERSION, OTHER };

/* One of the store, and its place in the program, if that has it. */
static enum found find(struct given given, enum eng_table_kind kind, const struct row *stored,
		       size_t name_bytes, size_t *ret_at)
{
	for (size_t i = 0; i < given.n; i++) {
		const char *name = name_of(kind, given.tables[i]);
		struct row row;

		if (!name || strlen(name) != name_bytes ||
		    memcmp(name, stored->name, name_bytes))
			continue;
		row = row_of(kind, given.tables[i]);
		*ret_at = i;
		if (row.shape != stored->shape)
			return OTHER;
		return row.version == stored->version ? SAME : OTHER_VERSION;
	}
	return OTHER;
}

/* A function of the store is another one now. */
static int note_changed(struct eng_persist *persist, uint64_t number)
{
	if (number >= persist->changed_n) {
		uint32_t n = (uint32_t)number * 2;
		uint8_t *more = pawl_mem_zalloc(n, 0);

		if (!more)
			return -ENOMEM;
		if (persist->changed_n)
			memcpy(more, persist->changed, persist->changed_n);
		pawl_mem_free(persist->changed, persist->changed_n, 0);
		persist->changed = more;
		persist->changed_n = n;
	}
	persist->changed[number] = 1;
	persist->backing.changed = true;
	return 0;
}

#define DAMAGED "the store's tables are damaged"

/* Why nothing counts is noted. Errors: -ENOMEM. */
static int kind_read(struct eng_persist *persist, struct eng_reader *in,
		     const struct pawl_engine_options *options, enum eng_table_kind kind)
{
	struct given given = given_of(options, kind);
	uint64_t n = eng_read_number(in);
	int error = 0;

	for (uint64_t i = 0; i < n && !in->bad && !error && !persist->cold; i++) {
		uint64_t number = eng_read_number(in);
		struct pawl_slice name = eng_read_range(in);
		enum found found;
		struct row row;
		size_t at;

		row.name = name.ptr;
		row.version = eng_read_number(in);
		row.shape = eng_read_number(in);
		if (in->bad || !number || number > NUMBER_MOST || name.len > NAME_MOST)
			break;
		if (number > persist->numbering.largest[kind])
			persist->numbering.largest[kind] = (uint32_t)number;
		found = find(given, kind, &row, name.len, &at);
		if (found != SAME && kind != ENG_FUNCTIONS)
			persist->cold = "a type or trait is another one than the store's";
		else if (found != SAME)
			error = note_changed(persist, number);
		if (found != OTHER)
			persist->numbers[kind][at] = (uint32_t)number;
		if (i + 1 == n)
			return error;
	}
	if (n && !error && !persist->cold)
		persist->cold = DAMAGED;
	return error;
}

static int tables_take(struct eng_persist *persist, struct pawl_slice bytes,
		       const struct pawl_engine_options *options)
{
	uint64_t seed = eng_frame_seed(PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_TABLES));
	struct eng_reader in;
	uint8_t version;
	int error = 0;

	if (eng_frame_open(bytes, seed, &version, &in)) {
		persist->cold = DAMAGED;
		return 0;
	}
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS && !error && !persist->cold; kind++)
		error = kind_read(persist, &in, options, (enum eng_table_kind)kind);
	if (!error && !persist->cold && in.bad)
		persist->cold = DAMAGED;
	return error;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static int numbers_make(struct eng_persist *persist, const struct pawl_engine_options *options)
{
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++) {
		size_t n = given_of(options, (enum eng_table_kind)kind).n;

		persist->numbers_n[kind] = n;
		if (!n)
			continue;
		persist->numbers[kind] = pawl_mem_zalloc(n * sizeof(uint32_t), 0);
		if (!persist->numbers[kind])
			return -ENOMEM;
		persist->numbering.numbers[kind] = persist->numbers[kind];
	}
	return 0;
}

static void numbers_clear(struct eng_persist *persist)
{
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++) {
		for (size_t i = 0; i < persist->numbers_n[kind]; i++)
			persist->numbers[kind][i] = 0;
		persist->numbering.largest[kind] = 0;
	}
}

/* What has no number gets the next one. Returns: there was one. */
static bool numbers_give(struct eng_persist *persist)
{
	bool any = false;

	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++) {
		for (size_t i = 0; i < persist->numbers_n[kind]; i++) {
			if (persist->numbers[kind][i])
				continue;
			persist->numbers[kind][i] = ++persist->numbering.largest[kind];
			any = true;
		}
	}
	return any;
}

int eng_tables_put(struct eng_persist *persist, const struct pawl_engine_options *options)
{
	struct eng_out *out = &persist->tables;

	eng_out_begin(out);
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++) {
		struct given given = given_of(options, (enum eng_table_kind)kind);

		eng_out_number(out, given.n);
		for (size_t i = 0; i < given.n; i++) {
			struct row row = row_of((enum eng_table_kind)kind, given.tables[i]);

			eng_out_number(out, persist->numbers[kind][i]);
			eng_out_range(out, row.name, strlen(row.name));
			eng_out_number(out, row.version);
			eng_out_number(out, row.shape);
		}
	}
	eng_out_end(out, PAWL_STORE_INFRA, ENG_INFRA_TABLES);
	return out->error;
}

/* Names are looked at here before the registry looks at everything. */
static int names_check(const struct pawl_engine_options *options)
{
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++) {
		struct given given = given_of(options, (enum eng_table_kind)kind);

		for (size_t i = 0; i < given.n; i++) {
			const char *name = name_of((enum eng_table_kind)kind, given.tables[i]);

			if (!name || !*name || strlen(name) > NAME_MOST)
				return -EINVAL;
		}
	}
	return 0;
}

int eng_tables_read(struct eng_persist *persist, const struct pawl_engine_options *options)
{
	struct pawl_slice bytes;
	int error = names_check(options);

	if (!error)
		error = numbers_make(persist, options);
	if (!error)
		error = pawl_store_get(persist->view, PAWL_STORE_INFRA,
				       pawl_store_id(ENG_INFRA_TABLES), &bytes);
	if (error)
		return error;
	persist->is_empty = !bytes.ptr;
	if (persist->is_empty)
		persist->cold = "the store is empty";
	else
		error = tables_take(persist, bytes, options);
	if (error)
		return error;
	if (persist->cold || persist->numbering.largest[ENG_TYPES] > ENG_TYPE_LAST) {
		numbers_clear(persist);
		persist->backing.changed = false;
	}
	if (numbers_give(persist) || persist->cold || persist->backing.changed)
		error = eng_tables_put(persist, options);
	return error;
}
