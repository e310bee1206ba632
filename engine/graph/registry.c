/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.c - tables of the program's, checked once, and a hash table from their addresses to numbers.
 */
#include "config.h"

#include "registry.h"

#include <errno.h>
#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#include "ref.h"

#define PLACE_FACTOR UINT64_C(0x9e3779b97f4a7c15)

enum kind {
	FUNCTIONS = ENG_FUNCTIONS,
	TYPES = ENG_TYPES,
	TRAITS = ENG_TRAITS,
	KINDS = ENG_TABLE_KINDS
};

struct place {
	const void *table; /* NULL: empty */
	uint32_t number;
};

struct eng_registry {
	const void **tables[KINDS];
	size_t n[KINDS];
	struct place *places; /* of all kinds: addresses differ */
	size_t mask;
};

static const char *name_of(enum kind kind, const void *table)
{
	switch (kind) {
	case FUNCTIONS:
		return ((const struct pawl_function *)table)->name;
	case TYPES:
		return ((const struct pawl_value_type *)table)->name;
	default:
		return ((const struct pawl_trait *)table)->name;
	}
}

static int size_check(size_t size, size_t known)
{
	return size > known ? -E2BIG : size < known ? -EINVAL : 0;
}

static int function_check(const struct pawl_function *function)
{
	int error = size_check(function->size, sizeof(*function));
	uint32_t flags =
		PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT | PAWL_FUNCTION_SESSION_DEPENDENT;

	if (error)
		return error;
	if (!function->body || function->flags & ~flags)
		return -EINVAL;
	for (size_t i = 0; i < function->arguments_n; i++) {
		const struct pawl_argument *argument = &function->arguments[i];
		size_t bytes[PAWL_ARGUMENT_KIND_COUNT] = {argument->bytes, sizeof(pawl_ref_t),
							  sizeof(struct pawl_slice),
							  sizeof(struct pawl_refs)};

		if ((unsigned)argument->kind >= PAWL_ARGUMENT_KIND_COUNT ||
		    argument->offset > function->args_bytes ||
		    bytes[argument->kind] > function->args_bytes - argument->offset)
			return -EINVAL;
	}
	return 0;
}

static int table_check(enum kind kind, const void *table)
{
	const struct pawl_value_type *type = table;
	const struct pawl_trait *trait = table;
	int error = 0;

	if (!table)
		return -EINVAL;
	switch (kind) {
	case FUNCTIONS:
		error = function_check(table);
		break;
	case TYPES:
		error = size_check(type->size, sizeof(*type));
		if (!error && ((unsigned)type->mode >= PAWL_CELL_MODE_COUNT ||
			       type->flags & ~(PAWL_VALUE_PLAIN | PAWL_VALUE_STAYS |
					       PAWL_VALUE_EXPENSIVE) ||
			       !type->encode != !type->decode ||
			       (type->encode && type->flags & PAWL_VALUE_PLAIN) ||
			       (type->mode == PAWL_CELL_KEYED && !type->changed_keys)))
			error = -EINVAL;
		break;
	default:
		error = size_check(trait->size, sizeof(*trait));
		break;
	}
	if (!error && (!name_of(kind, table) || !*name_of(kind, table)))
		error = -EINVAL;
	return error;
}

static struct place *place_of(const struct eng_registry *registry, const void *table)
{
	/* Tables are the program's own, so their addresses need no good hash. Each call asks here. */
	size_t at = (uintptr_t)table / 16 * PLACE_FACTOR >> 32 & registry->mask;

	while (registry->places[at].table && registry->places[at].table != table)
		at = (at + 1) & registry->mask;
	return &registry->places[at];
}

static uint32_t number_of(const struct eng_registry *registry, const void *table)
{
	return place_of(registry, table)->number;
}

/* Names: sorted out by a table of their hashes, so that many functions cost no square of it. */
static int names_check(const struct eng_registry *registry, enum kind kind)
{
	size_t n = registry->n[kind], mask = 2;
	const char **names;
	int error = 0;

	while (mask < n * 2)
		mask *= 2;
	names = pawl_mem_zalloc(mask * sizeof(*names), 0);
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n && !error; i++) {
		const void *table = registry->tables[kind][i];
		const char *name = table ? name_of(kind, table) : "";
		size_t at = pawl_hash_bytes(name, strlen(name), 0) & (mask - 1);

		if (!table)
			continue;

		for (; names[at] && !error; at = (at + 1) & (mask - 1)) {
			if (!strcmp(names[at], name))
				error = -EEXIST;
		}
		names[at] = name;
	}
	pawl_mem_free(names, mask * sizeof(*names), 0);
	return error;
}

static int tables_take(struct eng_registry *registry, enum kind kind, const void *const *tables,
		       size_t n, const struct eng_numbering *numbering)
{
	size_t room = numbering ? numbering->largest[kind] : n;

	if (!n)
		return 0;
	registry->tables[kind] = pawl_mem_zalloc(room * sizeof(*tables), 0);
	if (!registry->tables[kind])
		return -ENOMEM;
	registry->n[kind] = room;
	for (size_t i = 0; i < n; i++) {
		uint32_t number = numbering ? numbering->numbers[kind][i] : (uint32_t)i + 1;
		struct place *place;
		int error = table_check(kind, tables[i]);

		if (error)
			return error;
		place = place_of(registry, tables[i]);
		if (place->table)
			return -EEXIST;
		*place = (struct place){tables[i], number};
		registry->tables[kind][number - 1] = tables[i];
	}
	return names_check(registry, kind);
}

static int function_listed(const struct eng_registry *registry,
			   const struct pawl_function *function,
			   const struct pawl_method *method)
{
	return place_of(registry, function)->table && function->args_bytes == method->args_bytes
		       ? 0
		       : -EINVAL;
}

/* Each method of its trait is done by a function with that struct of arguments. */
static int implementation_check(const struct eng_registry *registry,
				const struct pawl_implementation *implementation)
{
	const struct pawl_trait *trait = implementation->trait;
	int error = 0;

	if (!trait || !place_of(registry, trait)->table)
		return -EINVAL;
	for (size_t i = 0; i < trait->methods_n && !error; i++) {
		const struct pawl_method *method = &trait->methods[i];
		const struct pawl_function *function =
			implementation->functions ? implementation->functions[i] : NULL;

		if (!function)
			function = method->otherwise;
		error = !function || method->args_bytes < sizeof(pawl_ref_t)
				? -EINVAL
				: function_listed(registry, function, method);
	}
	return error;
}

static int traits_check(const struct eng_registry *registry)
{
	int error = 0;

	for (size_t i = 0; i < registry->n[TYPES] && !error; i++) {
		const struct pawl_value_type *type = registry->tables[TYPES][i];

		for (size_t j = 0; type && j < type->implementations_n && !error; j++)
			error = implementation_check(registry, &type->implementations[j]);
	}
	return error;
}

int eng_registry_create(const struct pawl_engine_options *options,
			const struct eng_numbering *numbering,
			struct eng_registry **ret_registry)
{
	size_t n = options->functions_n + options->types_n + options->traits_n, places = 8;
	struct eng_registry *registry;
	int error;

	if (options->types_n > ENG_TYPE_LAST || options->functions_n >= UINT16_MAX)
		return -ENOSPC;
	registry = pawl_mem_zalloc(sizeof(*registry), 0);
	if (!registry)
		return -ENOMEM;
	while (places < n * 2)
		places *= 2;
	registry->mask = places - 1;
	registry->places = pawl_mem_zalloc(places * sizeof(*registry->places), 0);
	error = registry->places ? 0 : -ENOMEM;
	if (!error)
		error = tables_take(registry, FUNCTIONS,
				    (const void *const *)options->functions,
				    options->functions_n, numbering);
	if (!error)
		error = tables_take(registry, TYPES, (const void *const *)options->types,
				    options->types_n, numbering);
	if (!error)
		error = tables_take(registry, TRAITS, (const void *const *)options->traits,
				    options->traits_n, numbering);
	if (!error)
		error = traits_check(registry);
	if (error) {
		eng_registry_destroy(registry);
		return error;
	}
	*ret_registry = registry;
	return 0;
}

void eng_registry_destroy(struct eng_registry *registry)
{
	if (!registry)
		return;
	for (unsigned i = 0; i < KINDS; i++)
		pawl_mem_free(registry->tables[i],
			      registry->n[i] * sizeof(*registry->tables[i]), 0);
	if (registry->places)
		pawl_mem_free(registry->places,
			      (registry->mask + 1) * sizeof(*registry->places), 0);
	pawl_mem_free(registry, sizeof(*registry), 0);
}

uint32_t eng_function_number(const struct eng_registry *registry,
			     const struct pawl_function *function)
{
	return number_of(registry, function);
}

uint32_t eng_type_number(const struct eng_registry *registry,
			 const struct pawl_value_type *type)
{
	return number_of(registry, type);
}

uint32_t eng_trait_number(const struct eng_registry *registry, const struct pawl_trait *trait)
{
	return number_of(registry, trait);
}

bool eng_type_has_number(const struct eng_registry *registry,
			 const struct pawl_value_type *type, uint32_t number)
{
	return number - 1 < registry->n[TYPES] && registry->tables[TYPES][number - 1] == type;
}

const struct pawl_function *eng_function_known(const struct eng_registry *registry,
					       uint32_t number)
{
	return number && number <= registry->n[FUNCTIONS]
		       ? registry->tables[FUNCTIONS][number - 1]
		       : NULL;
}

const struct pawl_value_type *eng_type_known(const struct eng_registry *registry,
					     uint32_t number)
{
	return number && number <= registry->n[TYPES] ? registry->tables[TYPES][number - 1]
						      : NULL;
}

const char *eng_function_name(const struct eng_registry *registry, const char *name,
			      size_t bytes)
{
	for (size_t i = 0; bytes && i < registry->n[FUNCTIONS]; i++) {
		const struct pawl_function *function = registry->tables[FUNCTIONS][i];

		if (function && strlen(function->name) == bytes &&
		    !memcmp(function->name, name, bytes))
			return function->name;
	}
	return NULL;
}

const struct pawl_function *eng_function(const struct eng_registry *registry, uint32_t number)
{
	return registry->tables[FUNCTIONS][number - 1];
}

const struct pawl_value_type *eng_type(const struct eng_registry *registry, uint32_t number)
{
	return registry->tables[TYPES][number - 1];
}

const char *eng_type_name(const struct eng_registry *registry, uint32_t number)
{
	return number && number <= registry->n[TYPES] ? eng_type(registry, number)->name
						      : "(no type)";
}

const struct pawl_trait *eng_trait(const struct eng_registry *registry, uint32_t number)
{
	return registry->tables[TRAITS][number - 1];
}
