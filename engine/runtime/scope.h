/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scope.h - who may use a frame that others work in, until its owner takes it back.
 *
 * A scope is a counted block on the heap with a word: open, and how many are inside. Helpers enter, or find
 * it shut and touch nothing but the block. The owner shuts it, and waits until all are out.
 *
 *  call               progress
 *  eng_scope_enter    lock-free: a turn is lost only to another's change
 *  eng_scope_leave    wait-free; the last one of a shut scope notifies
 *  eng_scope_shut     blocks; nobody's request to end cuts it short
 *  eng_scope_put      wait-free; the last one frees
 */
#ifndef ENG_SCOPE_H
#define ENG_SCOPE_H

#include <pawl/base.h>
#include <pawl/event.h>

struct eng_scope {
	/* Helpers inside times two, and 1: shut. */
	struct pawl_atomic_u64 inside;
	struct pawl_atomic_u64 refs;
	/* Notified when the last one leaves a shut scope. */
	struct pawl_event out;
	/* Called by who gives the last reference back. */
	void (*free)(struct eng_scope *scope);
};

/* eng_scope_init() - Open, with nobody inside and one reference. */
void eng_scope_init(struct eng_scope *scope, void (*free)(struct eng_scope *scope));

/* eng_scope_enter() - Returns: false: it is shut. Ordering: sees what the owner did before init. */
PAWL_MUST_CHECK bool eng_scope_enter(struct eng_scope *scope);

/* eng_scope_leave() - Requires: attached; inside; a reference. Ordering: releases to the owner's shut. */
void eng_scope_leave(struct eng_scope *scope);

/*
 * eng_scope_shut() - Nobody enters any more, and those inside have left: acquires what they did.
 *
 * Requires: attached, outside sections, no lock held; the owner, once; a reference.
 */
void eng_scope_shut(struct eng_scope *scope);

void eng_scope_get(struct eng_scope *scope);
void eng_scope_put(struct eng_scope *scope);

#endif
