/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.h - timers in order of their deadlines, for a clock that the caller owns.
 *
 * The wheel never reads a clock: whoever drives it says what time it is, so that tests run in
 * virtual time. It has no lock: its owner calls it, or holds the lock that protects it. Timers
 * are embedded in what waits; no call takes memory.
 *
 *  call                 steps
 *  eng_wheel_insert     constant
 *  eng_wheel_cancel     constant
 *  eng_wheel_next       constant; the length of one slot if the earliest timer was taken out since
 *  eng_wheel_expire     constant for each level that time crosses, each timer moves down at most
 *                       ENG_WHEEL_LEVELS times in its life; n log n for n timers that are due
 */
#ifndef ENG_WHEEL_H
#define ENG_WHEEL_H

#include <pawl/base.h>

/* 11 levels of 64 slots cover 2^64 ns at a resolution of 1 ns: (11 - 1) * 6 = 60 bits, and 4. */
#define ENG_WHEEL_LEVELS 11
#define ENG_WHEEL_SLOTS	 64

/* A deadline in a wheel. Private but for reading deadline_ns. */
struct eng_timer {
	struct eng_timer *next;
	/* What points to this timer; NULL: not in a wheel. */
	struct eng_timer **link;
	uint64_t deadline_ns;
	/* Order among equal deadlines. */
	uint64_t number;
	uint8_t level;
	uint8_t slot;
};

struct eng_wheel {
	/* All timers in the wheel are due after this. */
	uint64_t now_ns;
	uint64_t numbers;
	uint64_t count;
	/* Bit of a level set: `used` of that level is not 0. */
	uint32_t levels;
	/* Levels whose earliest slot may have lost its earliest timer. */
	uint32_t stale;
	uint64_t used[ENG_WHEEL_LEVELS];
	/* The earliest deadline in the first used slot of a level, unless it is stale. */
	uint64_t first_ns[ENG_WHEEL_LEVELS];
	struct eng_timer *slots[ENG_WHEEL_LEVELS][ENG_WHEEL_SLOTS];
	/* Inserted when already due; oldest last. */
	struct eng_timer *due;
};

void eng_wheel_init(struct eng_wheel *wheel, uint64_t now_ns);

/* eng_timer_init() - Not in a wheel. All zero bytes do as well. */
void eng_timer_init(struct eng_timer *timer);

/* eng_timer_queued() - Is it in a wheel? No longer once eng_wheel_expire() has returned it. */
bool eng_timer_queued(const struct eng_timer *timer);

/*
 * eng_wheel_insert() - Have `timer` returned by the first eng_wheel_expire() at or after
 * deadline_ns. A deadline that is over is due at the next call. PAWL_FOREVER never comes.
 *
 * Requires: `timer` is not in a wheel.
 * Owns:     borrows `timer` until it is cancelled or returned.
 */
void eng_wheel_insert(struct eng_wheel *wheel, struct eng_timer *timer, uint64_t deadline_ns);

/* eng_wheel_cancel() - Take a timer out. Returns: false if it was not in the wheel. */
bool eng_wheel_cancel(struct eng_wheel *wheel, struct eng_timer *timer);

/*
 * eng_wheel_expire() - Time has come to now_ns (a clock that went back counts as one that stood).
 *
 * Returns: the timers that are due, linked by `next` in the order of their deadlines, equal
 *          ones in the order of their insertion; NULL: none. They are no longer in the wheel:
 *          read `next` before giving one away or inserting it again.
 */
struct eng_timer *eng_wheel_expire(struct eng_wheel *wheel, uint64_t now_ns);

/*
 * eng_wheel_next() - When does the next timer fall due? Exact.
 *
 * Returns: its deadline (the wheel's time if one is due already), PAWL_FOREVER if there is none.
 */
uint64_t eng_wheel_next(struct eng_wheel *wheel);

#endif
