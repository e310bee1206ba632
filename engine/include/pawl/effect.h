/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/effect.h - what tasks want done to the world: said by them, done from outside, and once.
 *
 * A task changes nothing but its cells. That a file is to have some content it says, as an effect: a key and a value.
 * From outside, all effects of a task and of what it reaches are taken, and applied to a target. The target
 * remembers for each key what was applied last, so what is there already is not done again, whoever
 * wants it, and however often.
 *
 *	static const struct pawl_trait files = {sizeof(files), "files", NULL, 0};
 *
 *	in a task:    error = pawl_effect_emit(context, &files, path, text);
 *	in a visit:   error = pawl_effects_take(context, output, target, &effects, NULL);
 *	outside:      error = pawl_effects_apply(target, effects, NULL);
 *	              pawl_value_unpin(effects);
 *
 * Taking leaves out the values of effects that are there already. If somebody else has applied another value to the
 * same key by the time of the applying, that says so, and they are taken again. A task may take effects too,
 * and give them as its output: it runs again when what it has left out is there no more.
 *
 *  call                         progress
 *  pawl_effect_emit             as pawl_cell() and pawl_emit()
 *  pawl_effects_take            as a strong read
 *  pawl_effects_apply           blocks on the target's functions, and on others who apply the same key
 *
 * Of an engine's types pawl_effect_type has to be one, and pawl_effects_type where tasks keep what they take.
 */
#ifndef PAWL_EFFECT_H
#define PAWL_EFFECT_H

#include <pawl/engine.h>

PAWL_BEGIN_DECLS

/* An effect, in its cell. */
PAWL_API extern const struct pawl_value_type pawl_effect_type;
/* Effects that were taken. No two are the same value. */
PAWL_API extern const struct pawl_value_type pawl_effects_type;

/*
 * pawl_effect_emit() - The running task wants what `key` names to have this value. It makes two cells: of the value's
 * type, and of pawl_effect_type. Values are the same effect if their digests are: a type whose payload
 * owns something has to have a digest function.
 *
 * Requires: in a task.
 * Errors:   those of pawl_cell() and pawl_emit(); -EINVAL: a key longer than PAWL_VALUE_BYTES_MAX - 64.
 * Owns:     takes the value, also on error.
 */
PAWL_API PAWL_MUST_CHECK int pawl_effect_emit(struct pawl_context *context,
					      const struct pawl_trait *trait,
					      struct pawl_slice key, struct pawl_value *value);

/* ---- targets ---------------------------------------------------------------------------- */

struct pawl_effect_target;

struct pawl_effect_target_options {
	size_t size; /* sizeof(struct pawl_effect_target_options) */
	/* What is applied here: effects that were emitted with this trait. */
	const struct pawl_trait *trait;
	/*
	 * Have what `key` names have this value. Called outside of all locks, on any thread, for different keys at the
	 * same time and for one key once at a time; it may wait. It does not apply to this target.
	 * Returns: 0; an error: what is there now is not known.
	 */
	int (*apply)(void *arg, struct pawl_slice key, const struct pawl_value *value);
	/* Is what was applied still there? Called as apply is. NULL: it is. */
	bool (*stands)(void *arg, struct pawl_slice key, struct pawl_digest digest);
	void *arg;
};
#define PAWL_EFFECT_TARGET_OPTIONS_INIT                                           \
	{                                                                         \
		sizeof(struct pawl_effect_target_options), NULL, NULL, NULL, NULL \
	}

/*
 * pawl_effect_target_create() - A target that nothing was applied to.
 *
 * Errors: -ENOMEM; -EINVAL: no such trait, no apply; -E2BIG: options of a later version.
 */
PAWL_API PAWL_MUST_CHECK int pawl_effect_target_create(
	struct pawl_engine *engine, const struct pawl_effect_target_options *options,
	struct pawl_effect_target **ret_target);
/* pawl_effect_target_destroy() - Requires: no call on it. After the engine's close, or before. NULL is nothing. */
PAWL_API void pawl_effect_target_destroy(struct pawl_effect_target *target);

/* ---- effects that were taken --------------------------------------------------------------- */

/*
 * pawl_effects_take() - The effects that a task and what it is made of have emitted for this target, in the
 * order of their keys, each key once: a strong read of it first. In a task: it depends on all of that.
 *
 * Returns: 0, and the effects, pinned: a value of pawl_effects_type.
 * Errors:  those of pawl_read() and pawl_peek(); -PAWL_ETASK: the task has failed, or two effects have one key
 *          and different values: the error names the tasks; -EINVAL: something else was emitted with that
 *          trait; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_effects_take(struct pawl_context *context, pawl_ref_t task,
					       struct pawl_effect_target *target,
					       struct pawl_value **ret_effects,
					       const struct pawl_error **ret_error);

struct pawl_effect {
	struct pawl_slice key;
	struct pawl_digest digest;
	struct pawl_value *value; /* NULL: left out, since the target had it */
};
PAWL_API size_t pawl_effects_count(const struct pawl_value *effects);
/* pawl_effects_get() - The one at this place, from 0; borrowed. Requires: there is one. */
PAWL_API void pawl_effects_get(const struct pawl_value *effects, size_t at,
			       struct pawl_effect *ret_effect);

/* What came of applying effects: how many ... */
struct pawl_effects_report {
	size_t applied; /* were applied by this call */
	size_t stood;	/* were there */
	size_t again;	/* are to be taken again */
	size_t failed;
	size_t first; /* the place of the one that the call's error is about; their count without one */
};

/*
 * pawl_effects_apply() - Apply each of them, unless it was the last that was applied to its key. What fails keeps none
 * of the others from being applied; its key has nothing applied to it then. Several are applied at the same
 * time, by workers that have nothing else to do. May be called any number of times, by several threads
 * at once, in visits and in tasks that run once; what others apply to one of the keys is waited for.
 *
 * Requires: attached, outside sections, no lock held; the engine is open.
 * Returns:  0; ret_report (may be NULL) is written in any case but -EPERM and -EINVAL.
 * Errors:   that of the first one, in the order of their keys, which has failed: what apply() returned, -ENOMEM;
 *           -ECANCELED: the caller is to end, or apply() was left by pawl_exit(); -EAGAIN: none has, but
 *           the target has something else in place of what was left out: take them again; -EPERM: in a
 *           task that may run again: what it wants it emits; -EINVAL: these are no effects.
 */
PAWL_API PAWL_MUST_CHECK int pawl_effects_apply(struct pawl_effect_target *target,
						const struct pawl_value *effects,
						struct pawl_effects_report *ret_report);

PAWL_END_DECLS

#endif
