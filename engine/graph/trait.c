/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trait.c - calls of methods: the function is chosen by the type in the receiver's reference, without reading
 * the value.
 *
 * A type has few traits, so its list is walked. That there is a function for each method was checked when the engine
 * was opened.
 */
#include "config.h"

#include "trait.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "local.h"
#include "registry.h"

#define ARGS_BYTES 256

const struct pawl_implementation *eng_implementation(const struct pawl_value_type *type,
						     const struct pawl_trait *trait)
{
	for (size_t i = 0; i < type->implementations_n; i++) {
		if (type->implementations[i].trait == trait)
			return &type->implementations[i];
	}
	return NULL;
}

static const struct pawl_value_type *type_of(const struct eng_graph *graph, pawl_ref_t cell)
{
	return eng_type(graph->registry, eng_cell_type(eng_ref_cell(cell)));
}

static bool is_cell(pawl_ref_t ref)
{
	return ref.pawl_bits && eng_ref_task(ref) && eng_ref_cell(ref);
}

bool pawl_ref_has_trait(const struct pawl_context *context, pawl_ref_t cell,
			const struct pawl_trait *trait)
{
	return is_cell(cell) && eng_implementation(type_of(context->graph, cell), trait);
}

/* The function for that type. Errors: -PAWL_ETASK. */
static int choose(struct pawl_context *context, const struct pawl_trait *trait, size_t method,
		  pawl_ref_t cell, const struct pawl_function **ret_function)
{
	const struct pawl_implementation *implementation = NULL;
	const struct pawl_value_type *type = NULL;

	if (is_cell(cell)) {
		type = type_of(context->graph, cell);
		implementation = eng_implementation(type, trait);
	}
	if (!implementation)
		return eng_context_error(
			context,
			eng_error_printf(0, NULL, NULL, "%s does not have the trait %s",
					 type ? type->name : "nothing", trait->name),
			NULL);
	*ret_function = implementation->functions ? implementation->functions[method] : NULL;
	if (!*ret_function)
		*ret_function = trait->methods[method].otherwise;
	return 0;
}

int eng_method_call(struct pawl_context *context, const struct pawl_trait *trait, size_t method,
		    const void *args, pawl_ref_t *ret_output)
{
	uint32_t flags = context->run && !context->in_job ? ENG_READ_NOW : 0;
	const struct eng_callee callee = {NULL, trait, method};
	const struct pawl_function *function = NULL;
	pawl_ref_t receiver;
	int error;

	memcpy(&receiver, args, sizeof(receiver));
	if (!receiver.pawl_bits)
		return -ESTALE;
	error = eng_resolve(context, receiver, flags, &receiver, NULL);
	if (error == -EAGAIN) {
		error = eng_local_call(context, &callee, args, ret_output);
		if (error != -ENOSPC)
			return error;
		memcpy(&receiver, args, sizeof(receiver));
		error = eng_resolve(context, receiver, 0, &receiver, NULL);
	}
	if (!error)
		error = choose(context, trait, method, receiver, &function);
	return error ? error : pawl_call(context, function, args, ret_output);
}

int pawl_call_method(struct pawl_context *context, const struct pawl_trait *trait,
		     size_t method, pawl_ref_t receiver, const void *args,
		     pawl_ref_t *ret_output)
{
	PAWL_ALIGNED(16) char buffer[ARGS_BYTES];
	char *copy = buffer;
	size_t bytes;
	int error;

	if (!eng_trait_number(context->graph->registry, trait) || method >= trait->methods_n)
		return -EINVAL;
	bytes = trait->methods[method].args_bytes;
	if (!args && bytes > sizeof(receiver))
		return -EINVAL;
	if (bytes > sizeof(buffer))
		copy = pawl_mem_alloc(bytes, 0);
	if (!copy)
		return -ENOMEM;
	if (args)
		memcpy(copy, args, bytes);
	memcpy(copy, &receiver, sizeof(receiver));
	error = eng_method_call(context, trait, method, copy, ret_output);
	if (copy != buffer)
		pawl_mem_free(copy, bytes, 0);
	return error;
}
