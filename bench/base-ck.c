/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-ck.c - Concurrency Kit: spin locks, ck_ec (many producers), ck_epoch.
 *
 * Only calls that are right in the packaged 0.7.1 are used: ck_epoch_poll may
 * dispatch too early there, so reclaiming goes through ck_epoch_barrier.
 */
#include "bench.h"
#include "work.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ck_ec.h>
#include <ck_epoch.h>
#include <ck_spinlock.h>

/* ---- locks --------------------------------------------------------------- */

typedef ck_spinlock_fas_t fas_t;

static inline void fas_init(fas_t *lock)
{
	ck_spinlock_fas_init(lock);
}

static inline void fas_lock(fas_t *lock)
{
	ck_spinlock_fas_lock(lock);
}

static inline void fas_unlock(fas_t *lock)
{
	ck_spinlock_fas_unlock(lock);
}

B_LOCK_CASES(fas, "ck-spin-fas", NULL, NULL)

typedef ck_spinlock_ticket_t ticket_t;

static inline void ticket_init(ticket_t *lock)
{
	ck_spinlock_ticket_init(lock);
}

static inline void ticket_lock(ticket_t *lock)
{
	ck_spinlock_ticket_lock(lock);
}

static inline void ticket_unlock(ticket_t *lock)
{
	ck_spinlock_ticket_unlock(lock);
}

B_LOCK_CASES(ticket, "ck-spin-ticket", NULL, NULL)

/* ---- ck_ec --------------------------------------------------------------- */

static int ec_gettime(const struct ck_ec_ops *ops, struct timespec *out)
{
	(void)ops;
	return clock_gettime(CLOCK_MONOTONIC, out);
}

static void ec_wait32(const struct ck_ec_wait_state *wait, const uint32_t *word,
		      uint32_t expected, const struct timespec *deadline)
{
	(void)wait;
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

static void ec_wake32(const struct ck_ec_ops *ops, const uint32_t *word)
{
	(void)ops;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
}

static const struct ck_ec_ops ec_ops = {
	.gettime = ec_gettime,
	.wait32 = ec_wait32,
	.wake32 = ec_wake32,
};
static const struct ck_ec_mode ec_mode = {.ops = &ec_ops, .single_producer = false};

struct ck_gate {
	struct ck_ec32 ec;
	struct pawl_atomic_u32 value;
};

static inline void ck_gate_init(struct ck_gate *gate)
{
	ck_ec32_init(&gate->ec, 0);
	pawl_init_word(&gate->value, 0u);
}

/* It always wakes all: there is no other call. */
static inline void ck_gate_post(struct ck_gate *gate, uint32_t value, bool all)
{
	(void)all;
	pawl_store_release(&gate->value, value);
	ck_ec32_inc(&gate->ec, &ec_mode);
}

static inline void ck_gate_wait(struct ck_gate *gate, uint32_t value)
{
	for (;;) {
		uint32_t seen = ck_ec32_value(&gate->ec);

		if (pawl_load_acquire(&gate->value) == value)
			return;
		ck_ec32_wait(&gate->ec, &ec_mode, seen, NULL);
	}
}

B_GATE_CASES(ck_gate, "ck-ec", sizeof(struct ck_ec32), NULL, NULL)

B_LOOP_CASE(notify_ck, "event-notify-none", "ck-ec", struct ck_ec32, sizeof(struct ck_ec32),
	    ck_ec32_init(state, 0), ck_ec32_inc(state, &ec_mode), NULL, NULL)

B_LOOP_CASE(
	self_ck, "event-self", "ck-ec", struct ck_ec32, sizeof(struct ck_ec32),
	ck_ec32_init(state, 0),
	{
		uint32_t seen = ck_ec32_value(state);

		ck_ec32_inc(state, &ec_mode);
		ck_ec32_wait(state, &ec_mode, seen, NULL);
	},
	NULL, NULL)

/* ---- ck_epoch ------------------------------------------------------------ */

struct domain {
	ck_epoch_t epoch PAWL_ALIGNED(PAWL_LINE_BYTES);
	ck_epoch_record_t record[];
};

static struct domain *domain_make(struct b_run *run)
{
	struct domain *domain =
		b_alloc(sizeof(*domain) + run->threads * sizeof(domain->record[0]));

	ck_epoch_init(&domain->epoch);
	return domain;
}

static int epoch_setup(struct b_run *run)
{
	run->state = domain_make(run);
	return 0;
}

static void epoch_join(struct b_worker *w, struct domain *domain)
{
	w->local = &domain->record[w->index];
	ck_epoch_register(&domain->epoch, w->local, NULL);
}

static void epoch_enter(struct b_worker *w)
{
	epoch_join(w, w->run->state);
}

/* Others may still be in a barrier and look at the record: it is only marked. */
static void epoch_leave(struct b_worker *w)
{
	ck_epoch_unregister(w->local);
}

B_SECTION_CASE(epoch, "ck-epoch", epoch_setup, epoch_enter, ck_epoch_begin(w->local, NULL),
	       ck_epoch_end(w->local, NULL), epoch_leave, b_teardown_free)
B_SYNCHRONIZE_CASE(epoch, "ck-epoch", epoch_setup, epoch_enter, ck_epoch_synchronize(w->local),
		   (void)0, epoch_leave, b_teardown_free)

static ck_epoch_section_t *section_begin(struct b_worker *w, ck_epoch_section_t *section)
{
	ck_epoch_begin(w->local, section);
	return section;
}

B_SECTION_CASE(epoch_section, "ck-epoch-section", epoch_setup, epoch_enter,
	       ck_epoch_section_t section;
	       section_begin(w, &section), ck_epoch_end(w->local, &section), epoch_leave,
	       b_teardown_free)

enum { EPOCH_BATCH = 512 };

struct epoch_object {
	ck_epoch_entry_t entry;
	struct b_retire_lane *lane;
	uint64_t payload[5];
};

static void epoch_free(ck_epoch_entry_t *entry)
{
	struct epoch_object *obj = PAWL_CONTAINER_OF(entry, struct epoch_object, entry);

	B_RETIRE_FREED(obj);
	free(obj);
}

static int epoch_retire_setup(struct b_run *run)
{
	struct b_retire *retire = b_retire_make(run);

	retire->peer = domain_make(run);
	return 0;
}

static void epoch_retire_enter(struct b_worker *w)
{
	struct b_retire *retire = w->run->state;

	epoch_join(w, retire->peer);
}

static void epoch_retire_teardown(struct b_run *run)
{
	struct b_retire *retire = run->state;

	b_retire_report(run);
	free(retire->peer);
	free(retire);
}

/* The caller has to look after its own reclaiming: every EPOCH_BATCH objects. */
#define EPOCH_RETIRE(w, obj)                                      \
	do {                                                      \
		ck_epoch_record_t *record = (w)->local;           \
                                                                  \
		ck_epoch_call(record, &(obj)->entry, epoch_free); \
		if (record->n_pending >= EPOCH_BATCH)             \
			ck_epoch_barrier(record);                 \
	} while (0)
#define EPOCH_BARRIER(w) ck_epoch_barrier((w)->local)

B_RETIRE_CASES(epoch, "ck-epoch-barrier512", 0, epoch_retire_setup, epoch_retire_enter,
	       EPOCH_RETIRE, (void)0, EPOCH_BARRIER, epoch_leave, epoch_retire_teardown)
