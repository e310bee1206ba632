/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quiesce.h - operations, and moments at which none of them is inside.
 *
 * Who changes records enters before and leaves after. Who needs a moment of quiet, to take a picture of
 * all records, has a function called at which nobody is inside: those that come wait, and those that are inside
 * have left, or have suspended themselves at a point at which what is left of them is data.
 *
 *  call                      progress
 *  eng_quiesce_enter         a store and a load; sleeps while somebody has his moment
 *  eng_quiesce_leave         the same; never sleeps
 *  eng_quiesce_point         a load; sleeps while somebody has, or waits for, his moment
 *  eng_quiesce_run           blocks on all that are inside
 *  eng_quiesce_watch         finitely many steps; membarrier(2) where somebody is to be waited for
 *
 * All but create and destroy need an attached thread. Whoever sleeps here sleeps as the thread, whatever fibre
 * runs on it: nobody else may use its slot meanwhile, and nobody waits for a fibre's turn.
 */
#ifndef ENG_QUIESCE_H
#define ENG_QUIESCE_H

#include <pawl/base.h>

struct pawl_event;
struct eng_quiesce;
struct eng_quiesce_slot;

struct eng_quiesce_options {
	bool fenced;	 /* do without membarrier(2) */
	uint32_t ready;	 /* slots of so many threads are there from the beginning */
	uint32_t looks;	 /* so often it is tried with the door open */
	uint64_t nap_ns; /* between two of these */
	uint64_t
		shut_ns; /* so long the door stays shut; then it is opened, and all begins anew */
	uint32_t reopens; /* at most so often */
};
#define ENG_QUIESCE_OPTIONS_INIT                            \
	{                                                   \
		false, 4, 10, 100000, 100000000, UINT32_MAX \
	}

/* eng_quiesce_create() - `options` NULL: those of the macro. Errors: -ENOMEM. Any thread. */
PAWL_MUST_CHECK int eng_quiesce_create(const struct eng_quiesce_options *options,
				       struct eng_quiesce **ret_quiesce);
/* eng_quiesce_destroy() - Requires: nobody is inside, no call runs. NULL is nothing. Any thread. */
void eng_quiesce_destroy(struct eng_quiesce *quiesce);

/* eng_quiesce_looks() - From now on it is tried so often with the door open. For tests; nobody asks for a moment. */
void eng_quiesce_looks(struct eng_quiesce *quiesce, uint32_t looks);

/* eng_quiesce_fenced() - membarrier(2) is refused, now or from some time on, or was not wanted: each entry pays two fences. */
bool eng_quiesce_fenced(const struct eng_quiesce *quiesce);

/*
 * eng_quiesce_enter() - The calling thread is inside until it leaves. What is entered by a thread that is inside
 * already is part of that: it never waits, has no points of its own, and leaving it is nothing.
 *
 * Requires: no lock held, outside sections. `op` is not NULL.
 * Returns:  what to leave with, on the same thread; NULL: it was inside already.
 * Ordering: after all that happened in moments before.
 * Context:  waits for memory the first time.
 */
struct eng_quiesce_slot *eng_quiesce_enter(struct eng_quiesce *quiesce, void *op);

/* eng_quiesce_leave() - Ordering: before all moments to come. */
void eng_quiesce_leave(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot);

/*
 * eng_quiesce_point() - If somebody waits for his moment, let him have it: here the operation is data.
 *
 * Requires: no lock held, outside sections. `slot` is from enter().
 */
void eng_quiesce_point(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot);

/* eng_quiesce_is_shut() - Has somebody, or does he wait for, his moment? Old when it arrives. */
bool eng_quiesce_is_shut(const struct eng_quiesce *quiesce);

/* eng_quiesce_is_inside() - Is the calling thread inside? */
bool eng_quiesce_is_inside(struct eng_quiesce *quiesce);

/*
 * eng_quiesce_run() - Call fn(arg) at a moment at which nobody is inside. One at a time; others wait.
 *
 * Requires: no lock held, outside sections. fn waits for nobody who enters; what it enters itself is part of the
 *           moment.
 * Errors:   -EDEADLK: the calling thread is inside, or in fn; -ENOMEM: by its first call.
 */
PAWL_MUST_CHECK int eng_quiesce_run(struct eng_quiesce *quiesce, void (*fn)(void *arg),
				    void *arg);

/* ---- waiting for operations ------------------------------------------------------------- */

/*
 * Until all those that are under way now, suspended ones among them, are over; later ones are not waited for:
 *
 *	struct eng_quiesce_watch watch = {.quiesce = quiesce};
 *
 *	while (eng_quiesce_watch(&watch))
 *		sleep until eng_quiesce_is_past(&watch), which eng_quiesce_left(quiesce) announces
 *
 * Nothing is to be given back. It costs operations nothing as long as nobody waits.
 */
struct eng_quiesce_watch {
	struct eng_quiesce *quiesce;
	struct eng_quiesce_slot *slot; /* NULL: to be found */
	uint32_t at, left, round;
};
/*
 * eng_quiesce_watch() - Returns: false: all are over.
 *
 * Requires: the calling thread is not inside. What it has seen of records under their locks is why it waits: of those
 *           operations alone it is certain to see that they are there.
 * Ordering: all they did is before.
 */
bool eng_quiesce_watch(struct eng_quiesce_watch *watch);
bool eng_quiesce_is_past(const void *watch);
struct pawl_event *eng_quiesce_left(struct eng_quiesce *quiesce);

/*
 * eng_quiesce_is_alone() - Is no other operation under way, not even a suspended one?
 *
 * Requires: the calling thread is inside, by `mine`.
 * Returns:  true: none. *ret_left changes with each that was. What is seen of records, under their locks, between two
 *           calls that give the same number is not the half of any: who has changed it is seen to have entered, too.
 */
bool eng_quiesce_is_alone(struct eng_quiesce *quiesce, const struct eng_quiesce_slot *mine,
			  uint64_t *ret_left);

/* ---- at such a moment alone ----------------------------------------------------------- */

/* eng_quiesce_each_suspended() - The operations that go on afterwards, as they entered. */
void eng_quiesce_each_suspended(struct eng_quiesce *quiesce, void (*fn)(void *arg, void *op),
				void *arg);

/* eng_quiesce_inside() - How many are inside: 0. For tests. */
uint32_t eng_quiesce_inside(struct eng_quiesce *quiesce);

/* ---- statistics ------------------------------------------------------------------------ */

struct eng_quiesce_stats {
	uint64_t moments;    /* there were */
	uint64_t at_once;    /* of these, with the door open */
	uint64_t reopens;    /* the door was opened again with somebody inside */
	uint64_t longest_ns; /* the door was shut at one time */
	uint64_t suspended;  /* operations suspended themselves */
	uint64_t turned_off; /* operations had to wait at the door */
};
/* eng_quiesce_stats_read() - Any thread; may be old at once. */
void eng_quiesce_stats_read(struct eng_quiesce *quiesce, struct eng_quiesce_stats *ret_stats);

#endif
