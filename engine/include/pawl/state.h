/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/state.h - what a program tells its tasks: mutable values, and edits of many of them at once.
 *
 * A state holds a value that the program replaces. Tasks that read it run again when it changes. Changes
 * that belong together are made in one edit: strong reads see all of them or none.
 *
 *	pawl_edit_begin(engine, &edit);
 *	error = pawl_edit_set(edit, width, five);
 *	if (!error)
 *		error = pawl_edit_set(edit, height, six);
 *	pawl_edit_commit(edit);
 *
 * Reading a state is a fact of the run: a task that read it is invalidated by the next change, once.
 *
 *  call                         progress
 *  pawl_state_get               a short critical section
 *  pawl_state_set, _update      the same, and grows with readers and what they reach
 *  pawl_edit_commit             the same for all of it; one commit at a time
 *
 * All need an attached thread, outside sections, no lock held.
 */
#ifndef PAWL_STATE_H
#define PAWL_STATE_H

#include <pawl/engine.h>

PAWL_BEGIN_DECLS

struct pawl_edit;
struct pawl_state;

/*
 * pawl_state_create() - A state of this engine. Takes the value. The caller has a handle, to be unpinned, before
 * the engine is closed or after.
 *
 * Errors: -ENOMEM; -EINVAL: not a type of this engine. The value is the caller's then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_state_create(struct pawl_engine *engine,
					       struct pawl_value *value,
					       struct pawl_state **ret_state);
PAWL_API struct pawl_state *pawl_state_pin(struct pawl_state *state);
PAWL_API void pawl_state_unpin(struct pawl_state *state);

/*
 * pawl_state_get() - Its value, pinned. The running task depends on it; context NULL, or a visit's: nobody does.
 *
 * Errors: -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_state_get(struct pawl_context *context,
					    struct pawl_state *state,
					    struct pawl_value **ret_value);

/* pawl_state_set() - Replace its value; takes it. An equal one changes nothing. Errors: -EINVAL: type. */
PAWL_API PAWL_MUST_CHECK int pawl_state_set(struct pawl_state *state, struct pawl_value *value);

/*
 * pawl_state_update() - Replace its value by one that fn makes of the one that is there: fn gets that, borrowed, and gives
 * one of its own. It is called outside of all locks; again, with what is there then, if somebody else has
 * replaced it meanwhile. So no update is lost, and fn does not set this state itself.
 *
 * Returns: 0.
 * Errors:  what fn returned: nothing has changed; -EINVAL: type.
 */
typedef int pawl_state_update_fn(void *arg, const struct pawl_value *before,
				 struct pawl_value **ret_after);
PAWL_API PAWL_MUST_CHECK int pawl_state_update(struct pawl_state *state,
					       pawl_state_update_fn *fn, void *arg);

/* pawl_edit_begin() - Nothing of it is seen before the commit. Errors: -ENOMEM. */
PAWL_API PAWL_MUST_CHECK int pawl_edit_begin(struct pawl_engine *engine,
					     struct pawl_edit **ret_edit);

/* pawl_edit_set() - Takes the value on success. Of two for one state the later counts. Errors: -ENOMEM, -EINVAL. */
PAWL_API PAWL_MUST_CHECK int pawl_edit_set(struct pawl_edit *edit, struct pawl_state *state,
					   struct pawl_value *value);

/* pawl_edit_invalidate() - That task has to run again. Errors: -ENOMEM. */
PAWL_API PAWL_MUST_CHECK int pawl_edit_invalidate(struct pawl_edit *edit,
						  const struct pawl_invalidator *invalidator);

/* pawl_edit_commit() - Make all of it true. Frees the edit. Cannot fail. */
PAWL_API void pawl_edit_commit(struct pawl_edit *edit);
/* pawl_edit_abort() - Forget it. NULL is nothing. */
PAWL_API void pawl_edit_abort(struct pawl_edit *edit);

PAWL_END_DECLS

#endif
