/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/token.h - a request to end that comes from outside, and whom it reaches.
 *
 * A token belongs to whoever has handles to it: a request that a client may hang up on, a signal that a
 * thread waits for, a library that this one serves. Tasks and groups, of one runtime or several, are
 * bound to it; when it fires, all of them are cancelled, as by pawl_task_cancel() and
 * pawl_group_cancel(). It fires once, and stays so: what is bound later is cancelled at once, and a
 * task that is spawned with it (pawl_task_options.token) never runs.
 *
 *	pawl_token_create(&token);               on the other side
 *	options.token = token;                   pawl_token_fire(token);
 *	pawl_spawn(group, &options, ...);        pawl_token_put(token);
 *	pawl_token_put(token);
 *
 * A token whose last handle goes without having fired cancels nobody, ever. A task is in no way other for
 * being bound: what it spawns is not bound, and who cancels it by other means does not fire the token.
 * A binding ends with the task, or when the group has drained, and costs nothing from then on.
 *
 * Not for: ending what belongs together anyway (pawl/group.h); handlers of signals (no call is
 * async-signal-safe: have a thread wait for the signal, and fire).
 *
 *  call                        progress
 *  pawl_token_create           the allocator's
 *  pawl_token_get, _fired      wait-free
 *  pawl_token_put              wait-free; the last one as the allocator
 *  pawl_token_bind, _group     the allocator's, and a short critical section
 *  pawl_token_fire             grows with what is bound; a short critical section for each
 *  pawl_token_wait             blocks
 *
 * All but create and fired need an attached thread, outside sections, no lock held.
 */
#ifndef PAWL_TOKEN_H
#define PAWL_TOKEN_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/*
 * pawl_token_create() - One that has not fired.
 *
 * Errors: -ENOMEM.
 * Owns:   the caller has a handle, to be put.
 */
PAWL_API PAWL_MUST_CHECK int pawl_token_create(struct pawl_token **ret_token);

/* pawl_token_get() - Another handle. pawl_token_put() - Give one back. NULL is nothing. */
PAWL_API void pawl_token_get(struct pawl_token *token);
PAWL_API void pawl_token_put(struct pawl_token *token);

/*
 * pawl_token_fire() - Cancel all that is bound to it, now and later.
 *
 * Requires: a handle. Runtimes may be shut down and destroyed meanwhile: destroying waits.
 * Returns:  true: this call fired it, and all that was bound has been asked to end (what had not begun
 *           is final); false: it has fired before, and that call may still be at it.
 * Ordering: releases to who finds it fired, or is cancelled by it.
 * Context:  also in bodies, one's own task bound or not. Runs what ending tasks runs (free_arg, sinks).
 */
PAWL_API bool pawl_token_fire(struct pawl_token *token);

/* pawl_token_fired() - Has it? Acquires what was done before. Any thread. */
PAWL_API bool pawl_token_fired(const struct pawl_token *token);

/*
 * pawl_token_wait() - Sleep until it has fired; as pawl_wait(), by the clock that counts there.
 *
 * Requires: a handle, to the return.
 * Returns:  0.
 * Errors:   -ETIMEDOUT; -ECANCELED.
 */
PAWL_API PAWL_MUST_CHECK int pawl_token_wait(struct pawl_token *token, uint64_t deadline_ns);

/*
 * pawl_token_bind() - Have the task cancelled when it fires; at once, if it has. More tokens than one, or one
 * twice, cancel as one does.
 *
 * Requires: a handle of each.
 * Returns:  0.
 * Errors:   -EALREADY: the task has ended; -ENOMEM; -ESTALE, -EINVAL: as pawl_task_cancel().
 */
PAWL_API PAWL_MUST_CHECK int pawl_token_bind(struct pawl_token *token,
					     struct pawl_runtime *runtime, pawl_task_t task);

/*
 * pawl_token_bind_group() - The same for a group, which is closed by that as well.
 *
 * Errors: -EALREADY: it has drained; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_token_bind_group(struct pawl_token *token,
						   struct pawl_group *group);

PAWL_END_DECLS

#endif
