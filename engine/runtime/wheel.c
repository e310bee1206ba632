/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.c - a hierarchical timing wheel (G. Varghese, A. Lauck, 1987), exact to the nanosecond.
 *
 * A level has 64 slots. A slot of level l is 64^l ns wide, so a level covers as much as one slot
 * of the next. A timer lies on the level of the highest group of six bits in which its deadline
 * differs from the wheel's time, in the slot which that group names. When time reaches a slot of
 * a higher level, its timers move to lower levels, where they then differ.
 *
 *  I1 now_ns < deadline of every timer in a slot: those already due lie in `due`.
 *  I2 A timer on level l agrees with now_ns in all groups above l, and its group l is greater
 *     than that of now_ns. So slots of a level are in the order of time, from the one after
 *     now_ns's, none behind it; and every timer of a level comes before all of the levels above.
 *  I3 So the next timer to fall due lies in the first used slot of the lowest used level.
 *  I4 A level that is not stale: first_ns is the earliest deadline in its first used slot.
 *
 * Wide ticks with lateness, as kernels use them, would do for timeouts; tests in virtual time and
 * schedules of intervals are simpler to state when a timer is never early and never late. What
 * it costs is levels: a timer an hour away moves down up to seven times instead of three, each
 * move some nanoseconds, and most are cancelled before.
 *
 * Rejected: a heap (n log n for timeouts that nearly always are cancelled); one list a slot in
 * the order of deadlines (insertion then takes the length of the slot).
 */
#include "config.h"

#include "wheel.h"

#define BITS 6

PAWL_STATIC_ASSERT((ENG_WHEEL_LEVELS - 1) * BITS < 64 && ENG_WHEEL_LEVELS * BITS >= 64,
		   "the levels cover every deadline");
PAWL_STATIC_ASSERT(ENG_WHEEL_SLOTS == 1 << BITS, "a group of bits names a slot");

void eng_wheel_init(struct eng_wheel *wheel, uint64_t now_ns)
{
	*wheel = (struct eng_wheel){.now_ns = now_ns};
}

void eng_timer_init(struct eng_timer *timer)
{
	*timer = (struct eng_timer){.link = NULL};
}

bool eng_timer_queued(const struct eng_timer *timer)
{
	return timer->link != NULL;
}

static unsigned group(uint64_t ns, unsigned level)
{
	return (unsigned)(ns >> (level * BITS)) & (ENG_WHEEL_SLOTS - 1);
}

static unsigned lowest_bit(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits);
}

static void push(struct eng_timer **head, struct eng_timer *timer)
{
	timer->next = *head;
	if (timer->next)
		timer->next->link = &timer->next;
	timer->link = head;
	*head = timer;
}

static void unlink_timer(struct eng_timer *timer)
{
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	timer->link = NULL;
}

/* Into its slot. Its deadline is after now_ns (I1). */
static void place(struct eng_wheel *wheel, struct eng_timer *timer)
{
	uint64_t differs = timer->deadline_ns ^ wheel->now_ns;
	unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / BITS;
	unsigned slot = group(timer->deadline_ns, level);
	uint64_t bit = UINT64_C(1) << slot;

	timer->level = (uint8_t)level;
	timer->slot = (uint8_t)slot;
	push(&wheel->slots[level][slot], timer);
	/* I4: a new first slot, or an earlier timer in the one that is. */
	if (!(wheel->used[level] & (bit | (bit - 1)))) {
		wheel->first_ns[level] = timer->deadline_ns;
		wheel->stale &= ~(1u << level);
	} else if (timer->deadline_ns < wheel->first_ns[level]) {
		wheel->first_ns[level] = timer->deadline_ns;
	}
	wheel->used[level] |= bit;
	wheel->levels |= 1u << level;
}

void eng_wheel_insert(struct eng_wheel *wheel, struct eng_timer *timer, uint64_t deadline_ns)
{
	PAWL_REQUIRE(!timer->link && "the timer is in no wheel");
	timer->deadline_ns = deadline_ns;
	timer->number = wheel->numbers++;
	wheel->count++;
	if (deadline_ns <= wheel->now_ns) {
		timer->level = ENG_WHEEL_LEVELS;
		push(&wheel->due, timer);
	} else {
		place(wheel, timer);
	}
}

/* The slot may have become empty. */
static void settle(struct eng_wheel *wheel, unsigned level, unsigned slot)
{
	if (wheel->slots[level][slot])
		return;
	wheel->used[level] &= ~(UINT64_C(1) << slot);
	if (!wheel->used[level])
		wheel->levels &= ~(1u << level);
}

bool eng_wheel_cancel(struct eng_wheel *wheel, struct eng_timer *timer)
{
	if (!timer->link)
		return false;
	unlink_timer(timer);
	wheel->count--;
	if (timer->level == ENG_WHEEL_LEVELS)
		return true;
	/* I4. Only the earliest of a level is as early as this. */
	if (timer->deadline_ns <= wheel->first_ns[timer->level])
		wheel->stale |= 1u << timer->level;
	settle(wheel, timer->level, timer->slot);
	return true;
}

static uint64_t first_of(struct eng_wheel *wheel, unsigned level)
{
	const struct eng_timer *timer;
	uint64_t first_ns = PAWL_FOREVER;

	if (!(wheel->stale & 1u << level))
		return wheel->first_ns[level];
	for (timer = wheel->slots[level][lowest_bit(wheel->used[level])]; timer;
	     timer = timer->next) {
		if (timer->deadline_ns < first_ns)
			first_ns = timer->deadline_ns;
	}
	wheel->first_ns[level] = first_ns;
	wheel->stale &= ~(1u << level);
	return first_ns;
}

uint64_t eng_wheel_next(struct eng_wheel *wheel)
{
	if (wheel->due)
		return wheel->now_ns;
	if (!wheel->levels)
		return PAWL_FOREVER;
	return first_of(wheel, lowest_bit(wheel->levels)); /* I3 */
}

/* --- Falling due. --- */

static bool comes_first(const struct eng_timer *a, const struct eng_timer *b)
{
	return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns
						: a->number < b->number;
}

/* Two chains in order become one. */
static struct eng_timer *merge(struct eng_timer *a, struct eng_timer *b)
{
	struct eng_timer *chain;
	struct eng_timer **end = &chain;

	while (a && b) {
		struct eng_timer **from = comes_first(a, b) ? &a : &b;

		*end = *from;
		end = &(*from)->next;
		*from = (*from)->next;
	}
	*end = a ? a : b;
	return chain;
}

/* Merge sort from below: runs[i] is empty or has 2^i timers. */
static struct eng_timer *sort(struct eng_timer *chain)
{
	struct eng_timer *runs[64] = {NULL};
	struct eng_timer *sorted = NULL;
	unsigned most = 0;

	while (chain) {
		struct eng_timer *run = chain;
		unsigned i = 0;

		chain = chain->next;
		run->next = NULL;
		for (; runs[i]; i++) {
			run = merge(runs[i], run);
			runs[i] = NULL;
		}
		runs[i] = run;
		if (i > most)
			most = i;
	}
	for (unsigned i = 0; i <= most; i++)
		sorted = merge(runs[i], sorted);
	return sorted;
}

/* Everything of a slot moves to `due`, or to lower levels. now_ns is set already. */
static void empty_slot(struct eng_wheel *wheel, unsigned level, unsigned slot)
{
	struct eng_timer *timer = wheel->slots[level][slot];

	wheel->slots[level][slot] = NULL;
	settle(wheel, level, slot);
	wheel->stale |= 1u << level;
	while (timer) {
		struct eng_timer *next = timer->next;

		if (timer->deadline_ns <= wheel->now_ns) {
			timer->level = ENG_WHEEL_LEVELS;
			push(&wheel->due, timer);
		} else {
			place(wheel, timer);
		}
		timer = next;
	}
}

struct eng_timer *eng_wheel_expire(struct eng_wheel *wheel, uint64_t now_ns)
{
	struct eng_timer *due, *timer;
	uint64_t then_ns = wheel->now_ns;

	if (now_ns > then_ns) {
		unsigned top = (63 - (unsigned)__builtin_clzll(now_ns ^ then_ns)) / BITS;

		wheel->now_ns = now_ns;
		/*
		 * Levels below the highest group that changes are behind now: all due. On that
		 * level, the slots up to now's; now's own slot may hold later ones as well.
		 */
		for (unsigned level = 0; level <= top; level++) {
			while (wheel->used[level]) {
				unsigned slot = lowest_bit(wheel->used[level]);

				if (level == top && slot > group(now_ns, level))
					break;
				empty_slot(wheel, level, slot);
			}
		}
	}
	due = wheel->due;
	wheel->due = NULL;
	for (timer = due; timer; timer = timer->next) {
		timer->link = NULL;
		wheel->count--;
	}
	return sort(due);
}
