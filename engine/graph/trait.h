/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trait.h - methods of traits, by the type in a reference.
 */
#ifndef ENG_TRAIT_H
#define ENG_TRAIT_H

#include "context.h"

/* eng_implementation() - Of that trait by that type; NULL: it does not have it. */
const struct pawl_implementation *eng_implementation(const struct pawl_value_type *type,
						     const struct pawl_trait *trait);

/* eng_method_call() - As pawl_call_method(), with the receiver at the head of the arguments. */
PAWL_MUST_CHECK int eng_method_call(struct pawl_context *context,
				    const struct pawl_trait *trait, size_t method,
				    const void *args, pawl_ref_t *ret_output);

#endif
