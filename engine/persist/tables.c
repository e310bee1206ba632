/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tables.c - functions, types and traits of the program, and those that a store knows.
 *
 * A store has its own numbers for them. Each is known by its name; what the store has of it must be what the program
 * has: the version, and the shape of arguments, of cells, of methods. What the program has more gets new
 * numbers. If one is missing or is another one now, nothing in the store counts: a task that is
 * immutable leaves no trace in who has read it, so nobody could say which results are touched.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#include "persist.h"

#define NAME_MOST 4096u

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
		row.version = function->version;
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

/* One of the store. Returns: the program has the same, and its place. */
static bool find(struct given given, enum eng_table_kind kind, const struct row *stored,
		 size_t name_bytes, size_t *ret_at)
{
	for (size_t i = 0; i < given.n; i++) {
		struct row row = row_of(kind, given.tables[i]);

		if (!row.name || strlen(row.name) != name_bytes ||
		    memcmp(row.name, stored->name, name_bytes))
			continue;
		*ret_at = i;
		return row.version == stored->version && row.shape == stored->shape;
	}
	return false;
}

/* Returns: NULL; why nothing counts. */
static const char *kind_read(struct eng_persist *persist, struct eng_reader *in,
			     const struct pawl_engine_options *options,
			     enum eng_table_kind kind)
{
	struct given given = given_of(options, kind);
	uint64_t n = eng_read_number(in);

	for (uint64_t i = 0; i < n && !in->bad; i++) {
		uint64_t number = eng_read_number(in);
		struct pawl_slice name = eng_read_range(in);
		struct row row;
		size_t at;

		row.name = name.ptr;
		row.version = eng_read_number(in);
		row.shape = eng_read_number(in);
		if (in->bad || !number || number > UINT32_MAX || name.len > NAME_MOST)
			return "the store's tables are damaged";
		if (!find(given, kind, &row, name.len, &at))
			return "a function, type or trait is another one than the store's";
		persist->numbers[kind][at] = (uint32_t)number;
		if (number > persist->numbering.largest[kind])
			persist->numbering.largest[kind] = (uint32_t)number;
	}
	return in->bad ? "the store's tables are damaged" : NULL;
}

static const char *tables_take(struct eng_persist *persist, struct pawl_slice bytes,
			       const struct pawl_engine_options *options)
{
	struct eng_reader in;
	const char *why = NULL;
	uint8_t version;

	if (eng_frame_open(bytes,
			   eng_frame_seed(PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_TABLES)),
			   &version, &in))
		return "the store's tables are damaged";
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS && !why; kind++)
		why = kind_read(persist, &in, options, (enum eng_table_kind)kind);
	return why;
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
			const char *name =
				row_of((enum eng_table_kind)kind, given.tables[i]).name;

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
	if (!bytes.ptr)
		persist->cold = "the store is empty";
	else
		persist->cold = tables_take(persist, bytes, options);
	if (persist->cold || persist->numbering.largest[ENG_TYPES] > ENG_TYPE_LAST)
		numbers_clear(persist);
	if (numbers_give(persist) || persist->cold)
		error = eng_tables_put(persist, options);
	return error;
}
