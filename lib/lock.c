/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - a four-byte lock whose waiters sleep in a table.
 *
 * The word:
 *  bit 0       HELD
 *  bit 1       QUEUED: somebody is, or is about to be, in the table for this lock
 *  bits 2-15   debug builds: slot of the holder + 1
 *  bits 16-31  debug builds: rank
 *
 * Taking a free lock is one compare-exchange, giving back one that nobody queues for another.
 * Else the table: 256 buckets chosen by the lock's address, each a mutex and a
 * list of records that live on their waiters' stacks. A waiter sets QUEUED, takes the bucket,
 * looks again, and enqueues itself; whoever unlocks and finds QUEUED takes the bucket, dequeues
 * records of this lock from the front up to the first that sleeps as a thread, and sets the
 * word anew while it still has the bucket, so nobody enqueues for a lock that has just become
 * free.
 *
 * A woken waiter competes with newcomers: handing the lock to a sleeper directly would leave it idle
 * for the whole wake-up (microseconds) each time. A waiter that lost such a race goes to the front of the
 * queue, marked, and the next unlock hands the lock over to it without making it free (HANDED).
 *
 * Fibres (all waiters without own_thread) run when their thread lets them, and it may be asleep for this very
 * lock, or busy for long. So nobody depends on one: it is never handed the lock, and a wake-up does
 * not end with it but goes on to the next record, up to that of a thread. Each fibre is woken once for the look
 * that it then takes; those behind the thread are left to that thread's unlock. A thread that
 * is marked is handed the lock past the fibres before it, which its unlock wakes.
 *
 * Invariants:
 *  I1 a record is in a bucket => its lock's word has QUEUED, which is cleared only under the
 *     bucket's mutex.
 *  I2 while HELD and QUEUED are both set, only the holder changes the word.
 *  I3 a record is not touched after its state was set to WOKEN or HANDED: it is on the
 *     stack of a thread that goes on.
 *  I4 the lock is not touched after the store that lets somebody else have it.
 *  I5 while the lock is free and somebody is queued, a thread is awake on its way to it;
 *     while it is HELD, its holder is a thread that runs, or that goes on when the kernel lets it.
 *
 * Ordering:
 *  O1 unlock stores the word with release, every way of taking it acquires. Bits set in between
 *     by relaxed read-modify-writes continue the release sequence.
 *  O2 HANDED: the record's state is stored with release and read with acquire; it passes the
 *     lock's contents on in place of O1. WOKEN orders nothing that matters: the waiter
 *     takes the word itself.
 *
 * The waiter sleeps as its thread, even on a fibre, and "online" for RCU: a lock is short, its
 * holder never parks and never waits for a grace period, so the holder is running or preempted,
 * never a fibre that needs this thread (I5). pawl_lock_lock_as() is for callers who know that they
 * hold nothing else.
 *
 * Bucket mutexes are pthread's: they are taken only when somebody sleeps or wakes anyway.
 *
 * Progress: trylock wait-free; lock blocking; unlock wait-free without waiters, else blocking
 * on the bucket's mutex, and a wake for each fibre before the first thread. No call takes memory, none
 * can fail.
 *
 * Rejected: queue locks (MCS: a node per holder, and unlock needs it); a futex on the word itself
 * (fibres cannot wait, and a wake is a system call even if the waiter still spins); waking one fibre
 * and one thread an unlock (a fibre on an idle thread would wait for a free lock until the fibre
 * before it gets its turn on a busy one).
 */
#include "config.h"

#include <pthread.h>
#include <stdio.h>

#include <pawl/lock.h>

#include "arch.h"
#include "lock-internal.h"
#include "park-internal.h"

#define HELD	    PAWL__LOCK_HELD
#define QUEUED	    2u
#define OWNER_SHIFT 2
#define OWNER_MASK  0xfffcu
#define RANK_SHIFT  16

#define BUCKET_BITS 8

enum { WAITING, WOKEN, HANDED };

struct record {
	struct record *next; /* under the bucket's mutex */
	const struct pawl_lock *lock;
	struct pawl_waiter *waiter;
	bool own_thread; /* of the waiter's kind */
	bool lost;	 /* was woken before and lost the race */
	/* WAITING until the unlocker's last touch; it stores with release (O2). */
	struct pawl_atomic_u32 state;
};

struct bucket {
	pthread_mutex_t mutex;
	struct record *head;
	struct record *tail;
} PAWL_ALIGNED(64);

/* All zero bytes are an unlocked mutex on Linux; the initialiser says so explicitly. */
static struct bucket buckets[1u << BUCKET_BITS] = {
	[0 ...(1u << BUCKET_BITS) - 1] = {PTHREAD_MUTEX_INITIALIZER, NULL, NULL},
};

static struct bucket *bucket_of(const struct pawl_lock *lock)
{
	uint64_t key = (uintptr_t)lock / sizeof(*lock);

	return &buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - BUCKET_BITS)];
}

/* --- Debug builds: who holds it, and in which order. --- */

static uint32_t rank_bits(const struct pawl_lock *lock)
{
	/* The rank is set by init and never changes: any value read has it. */
	return PAWL_DEBUG_BUILD ? pawl_load_relaxed(&lock->pawl_word) >> RANK_SHIFT << RANK_SHIFT : 0;
}

static uint32_t owner_bits(const struct pawl__thread *self)
{
	return PAWL_DEBUG_BUILD ? (self->slot + 1) << OWNER_SHIFT : 0;
}

/* The thread block where this build needs it on the fast path. */
static struct pawl__thread *self_if_debug(void)
{
	return PAWL_DEBUG_BUILD ? pawl__self_required() : NULL;
}

static void check_may_take(const struct pawl__thread *self, const struct pawl_lock *lock,
			   const struct pawl_lock *pair_first)
{
	uint32_t rank = rank_bits(lock) >> RANK_SHIFT;
	char text[128];

	for (uint32_t i = 0; i < self->held_count; i++) {
		uint32_t held = rank_bits(self->held[i]) >> RANK_SHIFT;

		if (self->held[i] == lock) {
			snprintf(text, sizeof(text), "thread %u takes lock %p, which it holds",
				 self->slot, (const void *)lock);
		} else if (rank && held && self->held[i] != pair_first && held >= rank) {
			snprintf(text, sizeof(text),
				 "thread %u takes lock %p of rank %u while it holds %p of rank %u",
				 self->slot, (const void *)lock, rank, (const void *)self->held[i],
				 held);
		} else {
			continue;
		}
		pawl__contract_broken(text, __FILE__, __LINE__, "pawl_lock_lock");
	}
}

static void note_taken(struct pawl__thread *self, const struct pawl_lock *lock)
{
	PAWL_REQUIRE(self->held_count < PAWL__HELD_MAX && "no more than 16 locks at once");
	self->held[self->held_count++] = lock;
}

static void note_given_back(struct pawl__thread *self, const struct pawl_lock *lock)
{
	uint32_t i = self->held_count;

	while (i && self->held[i - 1] != lock)
		i--;
	PAWL_REQUIRE(i && "the calling thread holds the lock that it unlocks");
	for (; i < self->held_count; i++)
		self->held[i - 1] = self->held[i];
	self->held_count--;
}

/* --- Taking. --- */

void pawl_lock_init(struct pawl_lock *lock, unsigned rank)
{
	PAWL_REQUIRE(rank <= PAWL_LOCK_RANK_MAX);
	pawl_init_word(&lock->pawl_word, PAWL_DEBUG_BUILD ? (uint32_t)rank << RANK_SHIFT : 0u);
}

/* Take it if it is free and nobody queues. */
static inline bool take_free(struct pawl_lock *lock, uint32_t owner)
{
	uint32_t rank = rank_bits(lock);

	return pawl__lock_take_free(lock, rank, rank | HELD | owner);
}

/*
 * Take it if it is free, queued for or not, else make sure that QUEUED is set, after some looks.
 * Returns true if taken, false if the caller is to enqueue itself.
 */
static bool take_or_mark(struct pawl_lock *lock, uint32_t owner, unsigned turns)
{
	unsigned turn = 0;

	/* Ends: each turn either returns, looks once of `turns`, or lost to a change of the word. */
	for (;;) {
		uint32_t seen = pawl_load_relaxed(&lock->pawl_word);

		if (!(seen & HELD)) {
			uint32_t taken = (seen & ~OWNER_MASK) | HELD | owner;

			if (pawl_cas_weak_acquire(&lock->pawl_word, &seen, taken)) /* O1 */
				return true;
		} else if (seen & QUEUED) {
			return false;
		} else if (turn < turns) {
			pawl__spin_turn(turn++);
		} else if (pawl_cas_weak_relaxed(&lock->pawl_word, &seen, seen | QUEUED)) {
			return false;
		}
	}
}

/* Returns false if the word is not HELD and QUEUED any more: look again. */
static bool enqueue(struct pawl_lock *lock, struct record *record)
{
	struct bucket *bucket = bucket_of(lock);
	bool still;

	pthread_mutex_lock(&bucket->mutex);
	/* Relaxed: whoever changes it away from both bits does so under this mutex (I2). */
	still = (pawl_load_relaxed(&lock->pawl_word) & (HELD | QUEUED)) == (HELD | QUEUED);
	if (still && record->lost) {
		record->next = bucket->head;
		bucket->head = record;
		if (!bucket->tail)
			bucket->tail = record;
	} else if (still) {
		record->next = NULL;
		if (bucket->tail)
			bucket->tail->next = record;
		else
			bucket->head = record;
		bucket->tail = record;
	}
	pthread_mutex_unlock(&bucket->mutex);
	return still;
}

/* `waiter` NULL: sleep as the thread, online. */
static PAWL_NOINLINE void lock_slow(struct pawl_lock *lock, struct pawl_waiter *waiter)
{
	struct pawl__thread *self = pawl__self_required();
	unsigned turns = pawl__spin_turns();
	bool parked = false;
	struct record record = {
		.lock = lock,
		.waiter = waiter ? waiter : &self->waiter,
		.own_thread = !waiter || waiter->ops->own_thread,
	};

	while (!take_or_mark(lock, owner_bits(self), turns)) {
		uint32_t state;

		pawl_init_word(&record.state, WAITING);
		if (!enqueue(lock, &record))
			continue;
		while ((state = pawl_load_acquire(&record.state)) == WAITING) { /* O2 */
			if (waiter)
				(void)waiter->ops->park(waiter, PAWL_FOREVER);
			else
				pawl__park_online(self);
			parked = true;
		}
		if (state == HANDED)
			break;
		record.lost = true;
		turns = 0;
	}
	/* A lock is not where the caller's own token may get lost. */
	if (parked)
		pawl_unpark(record.waiter);
}

static inline void lock_as(struct pawl_lock *lock, struct pawl_waiter *waiter,
			   const struct pawl_lock *pair_first)
{
	struct pawl__thread *self = self_if_debug();

	if (PAWL_DEBUG_BUILD)
		check_may_take(self, lock, pair_first);
	if (PAWL_UNLIKELY(!take_free(lock, PAWL_DEBUG_BUILD ? owner_bits(self) : 0)))
		lock_slow(lock, waiter);
	if (PAWL_DEBUG_BUILD)
		note_taken(self, lock);
}

void pawl_lock_lock(struct pawl_lock *lock)
{
	lock_as(lock, NULL, NULL);
}

void pawl_lock_lock_as(struct pawl_lock *lock, struct pawl_waiter *waiter)
{
	if (PAWL_DEBUG_BUILD)
		pawl__may_park(pawl__self_required());
	lock_as(lock, waiter, NULL);
}

bool pawl_lock_trylock(struct pawl_lock *lock)
{
	struct pawl__thread *self = self_if_debug();
	uint32_t seen = pawl_load_relaxed(&lock->pawl_word);
	uint32_t owner = PAWL_DEBUG_BUILD ? owner_bits(self) : 0;

	/* No order is checked: what only tries cannot deadlock. Queued for and free is free. */
	if (seen & HELD ||
	    !pawl_cas_acquire(&lock->pawl_word, &seen, (seen & ~OWNER_MASK) | HELD | owner)) /* O1 */
		return false;
	if (PAWL_DEBUG_BUILD)
		note_taken(self, lock);
	return true;
}

/* --- Giving back. --- */

/* The next record of this lock from here on, or the next that sleeps as a thread. */
static struct record **find_locked(struct record **link, const struct pawl_lock *lock, bool thread)
{
	while (*link && ((*link)->lock != lock || (thread && !(*link)->own_thread)))
		link = &(*link)->next;
	return link;
}

static struct record *unlink_locked(struct bucket *bucket, struct record **link)
{
	struct record *record = *link;

	*link = record->next;
	if (bucket->tail == record)
		bucket->tail = link == &bucket->head
				       ? NULL
				       : PAWL_CONTAINER_OF(link, struct record, next);
	record->next = NULL;
	return record;
}

/*
 * Take out of the bucket, in their order, who is to be woken: this lock's records up to the first
 * of a thread (I5). If that one has lost before, it alone, to be handed the lock: it says so itself.
 * Tells whether others are left.
 */
static struct record *dequeue_locked(struct bucket *bucket, const struct pawl_lock *lock,
				     bool *ret_more)
{
	struct record **link = find_locked(&bucket->head, lock, true);
	const struct record *last = *link;
	struct record *first = NULL;
	struct record **end = &first;

	if (last && last->lost) {
		first = unlink_locked(bucket, link);
		link = &bucket->head;
	} else {
		link = &bucket->head;
		while (*(link = find_locked(link, lock, false))) {
			struct record *record = unlink_locked(bucket, link);

			*end = record;
			end = &record->next;
			if (record == last)
				break;
		}
	}
	*ret_more = *find_locked(link, lock, false) != NULL;
	return first;
}

/* I3: what is needed of a record is read before its state is set. */
static void wake_all(struct record *record, uint32_t state)
{
	while (record) {
		struct pawl_waiter *waiter = record->waiter;
		struct record *next = record->next;

		pawl_store_release(&record->state, state); /* O2 */
		waiter->ops->unpark(waiter);
		record = next;
	}
}

static PAWL_NOINLINE void unlock_slow(struct pawl_lock *lock)
{
	struct bucket *bucket = bucket_of(lock);
	uint32_t rank = rank_bits(lock);
	struct record *woken;
	uint32_t state = WOKEN;
	uint32_t queued;
	bool more;

	PAWL_REQUIRE(pawl_load_relaxed(&lock->pawl_word) & HELD && "the lock that is unlocked is held");
	pthread_mutex_lock(&bucket->mutex);
	woken = dequeue_locked(bucket, lock, &more);
	queued = more ? QUEUED : 0;
	if (woken && woken->own_thread && woken->lost) {
		uint32_t owner = pawl_load_relaxed(&lock->pawl_word) & OWNER_MASK;

		/* Relaxed: the lock stays held, O2 passes its contents on. */
		pawl_store_relaxed(&lock->pawl_word, rank | owner | HELD | queued);
		state = HANDED;
	} else {
		pawl_store_release(&lock->pawl_word, rank | queued); /* O1, I4 */
	}
	pthread_mutex_unlock(&bucket->mutex);
	wake_all(woken, state);
}

void pawl_lock_unlock(struct pawl_lock *lock)
{
	struct pawl__thread *self = self_if_debug();
	uint32_t rank = rank_bits(lock);
	uint32_t seen = rank | HELD;

	if (PAWL_DEBUG_BUILD) {
		note_given_back(self, lock);
		/* A lock that was handed over names the one who handed it. */
		seen |= pawl_load_relaxed(&lock->pawl_word) & OWNER_MASK;
	}
	if (PAWL_UNLIKELY(!pawl__lock_set_free(lock, seen, rank)))
		unlock_slow(lock);
}

/* --- Pairs. --- */

void pawl_lock_lock_pair(struct pawl_lock *a, struct pawl_lock *b)
{
	struct pawl_lock *first = (uintptr_t)a < (uintptr_t)b ? a : b;
	struct pawl_lock *second = first == a ? b : a;

	lock_as(first, NULL, NULL);
	if (second != first)
		lock_as(second, NULL, first);
}

void pawl_lock_unlock_pair(struct pawl_lock *a, struct pawl_lock *b)
{
	pawl_lock_unlock(a);
	if (b != a)
		pawl_lock_unlock(b);
}

bool pawl_lock_is_locked(const struct pawl_lock *lock)
{
	return pawl_load_relaxed(&lock->pawl_word) & HELD;
}
