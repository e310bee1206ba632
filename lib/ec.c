/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ec.c - event count.
 *
 * Two words: an epoch, which every notification that finds waiters advances and on which
 * sleepers sleep, and the number of those who have announced themselves.
 *
 *	sleeper                               notifier
 *	waiters += 1                          make work visible
 *	key = epoch                           fence (O1)
 *	fence (O1)                            waiters == 0? done
 *	look for work                         epoch += 1 (release)
 *	sleep while epoch == key              wake
 *
 * O1: of the two fences one comes first. If the sleeper's, the notifier sees the waiter; if the
 *     notifier's, the sleeper sees the work. Without either both may miss each other and
 *     the work sleeps with us: t-ec.c.
 * O2: the epoch is advanced with release, and read with acquire by those who wait: who finds it
 *     advanced sees the work. The key itself is read relaxed: if it is one from after the advance,
 *     the fences of O1 stand on both sides of it, and the look that follows sees the work.
 * The waiters' count is otherwise relaxed: a notifier that sees it too high wakes for nothing,
 * and O1 keeps it from seeing it too low.
 *
 * Several notifications while a sleeper is on its way are one to it; it looks at
 * everything anyway. The futex compares the epoch in the kernel, so an advance between the look
 * and the sleep is not missed.
 *
 * Rejected: both halves in one 64-bit word (folly), which makes announcing and reading the key
 * one operation, but makes the futex word half of a wider atomic; timed back-off instead of
 * the fence (ck_ec), which turns a lost wake-up into a late one.
 */
#include "config.h"

#include <pawl/ec.h>

#include "arch.h"
#include "futex.h"
#include "park-internal.h"

void pawl_ec_init(struct pawl_ec *ec)
{
	pawl_init_word(&ec->pawl_epoch, 0u);
	pawl_init_word(&ec->pawl_waiters, 0u);
}

pawl_ec_key_t pawl_ec_prepare(struct pawl_ec *ec)
{
	pawl_ec_key_t key;

	pawl_add_relaxed(&ec->pawl_waiters, 1u);
	key = pawl_load_relaxed(&ec->pawl_epoch); /* O2 */
	pawl_fence_dekker();			  /* O1 */
	return key;
}

void pawl_ec_cancel(struct pawl_ec *ec)
{
	pawl_sub_relaxed(&ec->pawl_waiters, 1u);
}

static inline bool advanced(struct pawl_ec *ec, pawl_ec_key_t key)
{
	return pawl_load_acquire(&ec->pawl_epoch) != key; /* O2 */
}

bool pawl_ec_wait_until(struct pawl_ec *ec, pawl_ec_key_t key, uint64_t deadline_ns)
{
	struct pawl__thread *self = pawl__self_required();
	unsigned turns = deadline_ns ? pawl__spin_turns() : 0;
	bool notified = advanced(ec, key);

	pawl__may_park(self);
	for (unsigned turn = 0; !notified && turn < turns; turn++) {
		pawl__spin_turn(turn);
		notified = advanced(ec, key);
	}
	if (!notified && deadline_ns) {
		bool over = false;

		pawl__sleep_begin(self);
		while (!(notified = advanced(ec, key)) && !over)
			over = !pawl__futex_wait(&ec->pawl_epoch, key, deadline_ns);
		pawl__sleep_end(self);
	}
	pawl_ec_cancel(ec);
	return notified;
}

void pawl_ec_wait(struct pawl_ec *ec, pawl_ec_key_t key)
{
	(void)pawl_ec_wait_until(ec, key, PAWL_FOREVER);
}

void pawl_ec_notify(struct pawl_ec *ec, unsigned n)
{
	pawl_fence_dekker(); /* O1 */
	if (!n || !pawl_load_relaxed(&ec->pawl_waiters))
		return;
	pawl_add_release(&ec->pawl_epoch, 1u); /* O2 */
	pawl__futex_wake(&ec->pawl_epoch, n);
}

void pawl_ec_notify_all(struct pawl_ec *ec)
{
	pawl_ec_notify(ec, UINT32_MAX);
}
