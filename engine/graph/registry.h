/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.h - what an engine's tasks may use: functions, types, traits, each with a number.
 *
 * Numbers are those of this process, in the order of the tables, from 1; or those of its store.
 * Never changes after it was made.
 */
#ifndef ENG_REGISTRY_H
#define ENG_REGISTRY_H

#include <pawl/engine.h>

struct eng_registry;

enum eng_table_kind { ENG_FUNCTIONS, ENG_TYPES, ENG_TRAITS, ENG_TABLE_KINDS };

/*
 * Where something is stored, numbers are those of the store: of each table of the options the number that it has,
 * and the largest of each kind. NULL: from 1, in their order.
 */
struct eng_numbering {
	const uint32_t *numbers[ENG_TABLE_KINDS];
	uint32_t largest[ENG_TABLE_KINDS];
};

/* eng_registry_create() - Errors: those of pawl_engine_open() about tables. */
PAWL_MUST_CHECK int eng_registry_create(const struct pawl_engine_options *options,
					const struct eng_numbering *numbering,
					struct eng_registry **ret_registry);
void eng_registry_destroy(struct eng_registry *registry);

/* The number of a table; 0: it is not in the registry. */
uint32_t eng_function_number(const struct eng_registry *registry,
			     const struct pawl_function *function);
uint32_t eng_type_number(const struct eng_registry *registry,
			 const struct pawl_value_type *type);
uint32_t eng_trait_number(const struct eng_registry *registry, const struct pawl_trait *trait);

/* eng_type_has_number() - The cheaper question, of any number. */
bool eng_type_has_number(const struct eng_registry *registry,
			 const struct pawl_value_type *type, uint32_t number);

/* eng_type_is_saved() - Where there is a store: is there a way to save its values? */
static inline bool eng_type_is_saved(const struct pawl_value_type *type)
{
	return type && (type->encode || type->flags & PAWL_VALUE_PLAIN);
}

/* By any number; NULL: there is none. */
const struct pawl_function *eng_function_known(const struct eng_registry *registry,
					       uint32_t number);
const struct pawl_value_type *eng_type_known(const struct eng_registry *registry,
					     uint32_t number);
/* eng_function_name() - The name of the function that is called so; NULL: there is none. */
const char *eng_function_name(const struct eng_registry *registry, const char *name,
			      size_t bytes);

/* And back. Requires: such a number. */
const struct pawl_function *eng_function(const struct eng_registry *registry, uint32_t number);
const struct pawl_value_type *eng_type(const struct eng_registry *registry, uint32_t number);
/* eng_type_name() - For people, of any number. */
const char *eng_type_name(const struct eng_registry *registry, uint32_t number);
const struct pawl_trait *eng_trait(const struct eng_registry *registry, uint32_t number);

#endif
