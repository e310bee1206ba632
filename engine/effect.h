/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * effect.h - effects that were taken, and what a target has of them.
 */
#ifndef ENG_EFFECT_H
#define ENG_EFFECT_H

#include <pawl/effect.h>

#define ENG_EFFECT_KEY_SHOWN 64 /* of a key, in words */
/* eng_effect_key_say() - What of a key can be shown. */
void eng_effect_key_say(struct pawl_slice key, char buf[ENG_EFFECT_KEY_SHOWN + 1]);

/* The payload of pawl_effects_type; keys lie behind the items. */
struct eng_effects {
	size_t n;
	struct pawl_effect items[];
};

/*
 * eng_target_has() - Is this what was applied to that key last? If so, and if it is asked by a task, that is
 * invalidated when it is not so any more.
 *
 * Returns: 1: it is; 0: it is not.
 * Errors:  -ENOMEM.
 */
PAWL_MUST_CHECK int eng_target_has(struct pawl_effect_target *target,
				   struct pawl_context *context, struct pawl_slice key,
				   struct pawl_digest digest);
const struct pawl_trait *eng_target_trait(const struct pawl_effect_target *target);

#endif
