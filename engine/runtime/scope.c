/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scope.c - verify/t-scope.c runs this file under the model checker.
 *
 *  I1 Open and the count are one word: entering is refused, or covered by the wait.
 *
 * Ordering:
 *  O1 leave() releases, and shut() acquires the word that says that all are out (a release sequence of
 *     read-modify-writes). Entering is relaxed: what one works with inside was there before the
 *     helper was made, and after shut() nobody is inside.
 *  O2 refs: as reference counts.
 */
#include "config.h"

#include <pawl/atomic.h>

#include "scope.h"

#define SHUT UINT64_C(1)
#define ONE  UINT64_C(2)

void eng_scope_init(struct eng_scope *scope, void (*free)(struct eng_scope *scope))
{
	pawl_init_word(&scope->inside, 0u);
	pawl_init_word(&scope->refs, 1u);
	pawl_event_init(&scope->out);
	scope->free = free;
}

bool eng_scope_enter(struct eng_scope *scope)
{
	uint64_t seen = pawl_load_relaxed(&scope->inside);

	while (!(seen & SHUT)) {
		if (pawl_cas_weak_relaxed(&scope->inside, &seen, seen + ONE)) /* I1 */
			return true;
	}
	return false;
}

void eng_scope_leave(struct eng_scope *scope)
{
	if (pawl_sub_release(&scope->inside, ONE) == (ONE | SHUT)) /* O1 */
		pawl_event_notify_all(&scope->out);
}

void eng_scope_shut(struct eng_scope *scope)
{
	pawl_or_relaxed(&scope->inside, SHUT);		    /* I1 */
	while (pawl_load_acquire(&scope->inside) != SHUT) { /* O1 */
		struct pawl_listener listener;

		pawl_event_listen(&scope->out, &listener, "helpers", 0);
		if (pawl_load_relaxed(&scope->inside) == SHUT)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

void eng_scope_get(struct eng_scope *scope)
{
	pawl_add_relaxed(&scope->refs, 1u); /* O2 */
}

void eng_scope_put(struct eng_scope *scope)
{
	if (pawl_sub_acq_rel(&scope->refs, 1u) == 1) /* O2 */
		scope->free(scope);
}
