/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.c - one word for each id, in a radix tree of three levels that only grows.
 *
 * An id of 31 bits is split 10 + 10 + 11: the root is part of the table, the middle nodes (8 KiB)
 * and the pages (2048 words, 16 KiB) are made when an id of theirs is claimed first, linked by a
 * compare-exchange, and stay until destroy. So a look-up takes three loads and no section
 * for the table itself.
 *
 * The word of an id:
 *  0                  EMPTY
 *  address            LIVE: the low bits of an object's address are 0
 *  LOADING            claimed
 *  LOADING | WAITED   claimed, and somebody sleeps on the event of this id
 *  EVICTED            known, and not in memory
 *
 * The pins of an object: bit 0 DEAD, set once, the rest is the count. No pin is added once
 * DEAD is set, so the count then only falls, and whoever sees DEAD and no pins for the first
 * time, by one read-modify-write, retires: the dropper or the last unpin.
 *
 * Dropping takes the object's lock. So "locked and not DEAD" keeps an object without a pin and
 * outside of sections, which is how most operations hold theirs.
 *
 *  drop   the word becomes EMPTY, then DEAD is set, then the lock is given back. In between
 *         the object can be pinned by who found it before: no harm, that is a pin of a
 *         dropped object.
 *  evict  the other way round: 0 pins become DEAD by a compare-exchange, then the word becomes
 *         EVICTED. Otherwise the id could be loaded anew beside a pinned object that still
 *         changes. Whoever meets DEAD in between and cannot wait for the lock (pin) makes
 *         the word EVICTED itself and goes on.
 *
 * Both are in a section to the end: from the moment that DEAD is set the last unpin may retire the
 * object, and the lock that is still to be given back lies in it.
 *
 * Invariants:
 *  I1 a LIVE word changes only by the holder of the object's lock, or by who has seen
 *     the object DEAD while the word still holds it (then the holder is evicting).
 *  I2 the word of an id does not hold an object any more when that object is retired.
 *  I3 an object's address is not published a second time before a grace period has passed: a
 *     compare-exchange that expects an address in a section has no ABA.
 *  I4 LOADING belongs to one claimer, who alone ends it.
 *
 * Ordering:
 *  O1 a node is linked with release, and read with acquire: its words are zero before.
 *  O2 publish stores the word with release, readers load it with acquire: the object is made
 *     before it is found. abandon is the same for what wait() promises.
 *  O3 each unpin releases, and who retires acquires: all that holders did to the object comes before
 *     it is retired. DEAD is set with release for the same reason, so that the last unpin is after
 *     the word was emptied (I2).
 *  O4 wait: WAITED is set, the listener registered, then the word looked at again; a loader
 *     exchanges the word and then notifies if it found WAITED. The event has the fences.
 *  O5 the word becomes EVICTED with release, and a claim acquires: what the evictor has done, in
 *     other places as well, comes before it is loaded again. Who buries for the evictor has
 *     acquired DEAD, which is set with release.
 *  Pinning is relaxed, for O2 has made the object visible. Failing to pin acquires (O3): else the
 *  compare-exchange of bury() might come before the dropper's store to the word, in the word's
 *  own order, and that store would then overwrite a claim.
 *
 * Progress: in the header. Claim: two compare-exchanges at most for the nodes, one for the word.
 * Pin: starts over only after the word has changed.
 *
 * Rejected:
 *  - doubling segments: one load less, in the first-level cache, which cannot be seen at ten million
 *    ids; but a lone high id takes gigabytes, and memory from the allocator has to be cleared;
 *  - objects inline in the pages: saves the miss of the word, but then a dropped object
 *    frees nothing, all are of one size, and an evicted one costs what a live one does;
 *  - a retire node in the head: 24 bytes in each object that matter only when it dies;
 *  - counting live objects for each page, to skip empty ones in a scan: a shared word written by
 *    every claim and drop.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/slots.h>

#include "check.h"

#define PAGE_BITS   11
#define MIDDLE_BITS 10
#define ROOT_BITS   (31 - MIDDLE_BITS - PAGE_BITS)

/* Waiters of one loading id and of some others sleep on the same event, and look again. */
#define EVENTS 16

/* So many misses are worth having at once: what current cores can track. */
#define BATCH	 16

#define LOADING	 ((uintptr_t)1)
#define EVICTED	 ((uintptr_t)2)
#define WAITED	 ((uintptr_t)4)
#define TAG_MASK ((uintptr_t)7)

#define DEAD	 1u
#define ONE_PIN	 2u

/* Words of ids: I1, O2. Cleared memory is EMPTY. */
struct page {
	struct pawl_atomic_ptr words[1u << PAGE_BITS];
};

/* Links to pages: NULL, then set once by whoever makes the page (O1). */
struct middle {
	struct pawl_atomic_ptr pages[1u << MIDDLE_BITS];
};

struct pawl_slots {
	struct pawl_slots_options options; /* constant */

	/* Written by those who make nodes. Relaxed: a number for statistics. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 bytes;
	struct pawl_event events[EVENTS];

	/* Links to middle nodes, as in those. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_ptr middles[1u << ROOT_BITS];
};
PAWL_STATIC_ASSERT(offsetof(struct pawl_slots, bytes) == PAWL_LINE_BYTES,
		   "apart from what is read");
PAWL_STATIC_ASSERT(offsetof(struct pawl_slots, middles) % PAWL_LINE_BYTES == 0,
		   "on its own line");
PAWL_STATIC_ASSERT(sizeof(struct page) == 16384 && sizeof(struct middle) == 8192,
		   "what the header says");

static inline unsigned root_index(uint32_t id)
{
	return id >> (MIDDLE_BITS + PAGE_BITS);
}

static inline unsigned middle_index(uint32_t id)
{
	return id >> PAGE_BITS & ((1u << MIDDLE_BITS) - 1);
}

static inline unsigned page_index(uint32_t id)
{
	return id & ((1u << PAGE_BITS) - 1);
}

/* ---- the tree ------------------------------------------------------------ */

int pawl_slots_create(const struct pawl_slots_options *options, struct pawl_slots **ret_slots)
{
	struct pawl_slots *slots;

	PAWL_REQUIRE(options);
	if (options->size != sizeof(*options))
		return options->size < sizeof(*options) ? -EINVAL : -E2BIG;
	if (!options->retire)
		return -EINVAL;
	slots = pawl_mem_zalloc(sizeof(*slots), _Alignof(struct pawl_slots));
	if (!slots)
		return -ENOMEM;
	slots->options = *options;
	pawl_init_word(&slots->bytes, sizeof(*slots));
	for (unsigned i = 0; i < EVENTS; i++)
		pawl_event_init(&slots->events[i]);
	*ret_slots = slots;
	return 0;
}

static void middle_free(struct middle *middle)
{
	for (unsigned i = 0; i < 1u << MIDDLE_BITS; i++)
		/* Relaxed, here and in destroy: nobody else has the table any more. */
		pawl_mem_free(pawl_load_relaxed(&middle->pages[i]), sizeof(struct page),
			      PAWL_LINE_BYTES);
	pawl_mem_free(middle, sizeof(*middle), PAWL_LINE_BYTES);
}

size_t pawl_slots_bytes(const struct pawl_slots *slots)
{
	return pawl_load_relaxed(&slots->bytes);
}

/* The word of `id`, or NULL if its page was never made. */
static inline struct pawl_atomic_ptr *word_find(const struct pawl_slots *slots, uint32_t id)
{
	struct middle *middle;
	struct page *page;

	if (PAWL_UNLIKELY(id > PAWL_SLOTS_ID_MAX))
		return NULL;
	middle = pawl_load_acquire(&slots->middles[root_index(id)]); /* O1 */
	if (PAWL_UNLIKELY(!middle))
		return NULL;
	page = pawl_load_acquire(&middle->pages[middle_index(id)]); /* O1 */
	if (PAWL_UNLIKELY(!page))
		return NULL;
	return &page->words[page_index(id)];
}

/* The same, for calls that cost more than this one. */
static PAWL_NOINLINE struct pawl_atomic_ptr *word_of(const struct pawl_slots *slots,
						     uint32_t id)
{
	return word_find(slots, id);
}

/* The node behind `link`, made if it is not there. NULL: no memory. */
static void *node_make(struct pawl_slots *slots, struct pawl_atomic_ptr *link, size_t bytes)
{
	void *seen = pawl_load_acquire(link); /* O1 */
	void *node;

	if (seen)
		return seen;
	node = pawl_mem_zalloc(bytes, PAWL_LINE_BYTES);
	if (!node)
		return NULL;
	if (!pawl_cas_acq_rel(link, &seen, node)) { /* O1 */
		/* Somebody else was faster. */
		pawl_mem_free(node, bytes, PAWL_LINE_BYTES);
		return seen;
	}
	pawl_add_relaxed(&slots->bytes, bytes);
	return node;
}

/* The word of `id`; NULL: no memory. */
static struct pawl_atomic_ptr *word_make(struct pawl_slots *slots, uint32_t id)
{
	struct middle *middle;
	struct page *page;

	middle = node_make(slots, &slots->middles[root_index(id)], sizeof(*middle));
	if (!middle)
		return NULL;
	page = node_make(slots, &middle->pages[middle_index(id)], sizeof(*page));
	return page ? &page->words[page_index(id)] : NULL;
}

/* ---- reading ------------------------------------------------------------- */

static inline void *word_load(const struct pawl_slots *slots, uint32_t id)
{
	struct pawl_atomic_ptr *word = word_find(slots, id);

	return word ? pawl_load_acquire(word) : NULL; /* O2 */
}

static inline bool is_object(const void *value)
{
	return value && !((uintptr_t)value & TAG_MASK);
}

static enum pawl_slot_state state_of(const void *value)
{
	if (!value)
		return PAWL_SLOT_EMPTY;
	if ((uintptr_t)value & LOADING)
		return PAWL_SLOT_LOADING;
	return (uintptr_t)value & EVICTED ? PAWL_SLOT_EVICTED : PAWL_SLOT_LIVE;
}

/* Why there is no object. */
static int error_of(const void *value)
{
	switch (state_of(value)) {
	case PAWL_SLOT_LOADING:
		return -EBUSY;
	case PAWL_SLOT_EVICTED:
		return -ENODATA;
	default:
		return -ENOENT;
	}
}

struct pawl_slot *pawl_slots_get(const struct pawl_slots *slots, uint32_t id)
{
	void *value = word_load(slots, id);

	PAWL_ASSERT(pawl_rcu_reading() && "an object is looked up in a section");
	return (uintptr_t)value & TAG_MASK ? NULL : value;
}

size_t pawl_slots_get_many(const struct pawl_slots *slots, const uint32_t *ids, size_t count,
			   struct pawl_slot **ret_found)
{
	struct pawl_atomic_ptr *words[BATCH];
	size_t found = 0;

	PAWL_ASSERT(pawl_rcu_reading() && "objects are looked up in a section");
	for (size_t done = 0; done < count;) {
		size_t now = count - done < BATCH ? count - done : BATCH;

		/* First the words of all, then their objects: each round of misses overlaps. */
		for (size_t i = 0; i < now; i++) {
			words[i] = word_find(slots, ids[done + i]);
			__builtin_prefetch(words[i]);
		}
		for (size_t i = 0; i < now; i++) {
			void *value = words[i] ? pawl_load_acquire(words[i]) : NULL; /* O2 */
			bool live = is_object(value);

			ret_found[done + i] = live ? value : NULL;
			__builtin_prefetch(live ? value : NULL);
			found += live;
		}
		done += now;
	}
	return found;
}

enum pawl_slot_state pawl_slots_state(const struct pawl_slots *slots, uint32_t id)
{
	struct pawl_atomic_ptr *word = word_of(slots, id);

	/* Relaxed: a state, nothing that it would lead to. */
	return word ? state_of(pawl_load_relaxed(word)) : PAWL_SLOT_EMPTY;
}

struct pawl_slot *pawl_slots_next(const struct pawl_slots *slots, uint32_t *cursor,
				  uint32_t end)
{
	/* 64 bits: the loop goes one beyond the last id. */
	uint64_t id = *cursor;
	uint64_t limit = end <= PAWL_SLOTS_ID_MAX ? end : (uint64_t)PAWL_SLOTS_ID_MAX + 1;

	PAWL_ASSERT(pawl_rcu_reading() && "objects are looked up in a section");
	while (id < limit) {
		struct middle *middle;
		struct page *page;

		middle = pawl_load_acquire(&slots->middles[root_index((uint32_t)id)]); /* O1 */
		if (!middle) {
			id = (id | ((1u << (MIDDLE_BITS + PAGE_BITS)) - 1)) + 1;
			continue;
		}
		page = pawl_load_acquire(&middle->pages[middle_index((uint32_t)id)]); /* O1 */
		if (!page) {
			id = (id | ((1u << PAGE_BITS) - 1)) + 1;
			continue;
		}
		do {
			void *value = pawl_load_acquire(
				&page->words[page_index((uint32_t)id)]); /* O2 */

			if (is_object(value)) {
				*cursor = (uint32_t)id;
				return value;
			}
			id++;
		} while (id < limit && page_index((uint32_t)id));
	}
	return NULL;
}

bool pawl_slot_dropped(const struct pawl_slot *slot)
{
	/* Relaxed: exact under the lock, under which it is set; a hint elsewhere. */
	return pawl_load_relaxed(&slot->pawl_pins) & DEAD;
}

void pawl_slots_destroy(struct pawl_slots *slots)
{
	if (!slots)
		return;
	for (unsigned i = 0; i < 1u << ROOT_BITS; i++) {
		struct middle *middle = pawl_load_relaxed(&slots->middles[i]);

		if (!middle)
			continue;
		for (unsigned k = 0; k < 1u << MIDDLE_BITS; k++) {
			struct page *page = pawl_load_relaxed(&middle->pages[k]);

			for (unsigned w = 0; page && w < 1u << PAGE_BITS; w++) {
				uintptr_t value = (uintptr_t)pawl_load_relaxed(&page->words[w]);

				PAWL_REQUIRE((!value || value == EVICTED) &&
					     "a table has no object when it is destroyed");
			}
		}
		middle_free(middle);
	}
	pawl_mem_free(slots, sizeof(*slots), _Alignof(struct pawl_slots));
}

/* ---- pins ---------------------------------------------------------------- */

bool pawl_slot_try_pin(struct pawl_slot *slot)
{
	uint32_t pins = pawl_load_relaxed(&slot->pawl_pins);

	/* Lock-free: a failed exchange means that somebody else pinned, unpinned or dropped. */
	do {
		if (pins & DEAD) {
			/* O3: an emptied word is seen by bury(). O5. */
			(void)pawl_load_acquire(&slot->pawl_pins);
			return false;
		}
		PAWL_ASSERT(pins < UINT32_MAX - ONE_PIN && "fewer than 2^31 - 1 pins");
	} while (!pawl_cas_weak_relaxed(&slot->pawl_pins, &pins, pins + ONE_PIN));
	return true;
}

/* The object is DEAD. If the word has it still, it is being evicted: do it for the evictor. */
static void bury(struct pawl_atomic_ptr *word, struct pawl_slot *slot)
{
	void *seen = slot;

	(void)pawl_cas_release(word, &seen, (void *)EVICTED); /* O5 */
}

int pawl_slots_pin(struct pawl_slots *slots, uint32_t id, struct pawl_slot **ret_slot)
{
	struct pawl_atomic_ptr *word = word_find(slots, id);
	int error = -ENOENT;

	if (!word)
		return -ENOENT;
	pawl_rcu_begin();
	/* Lock-free: a turn more means that the word has changed. */
	for (;;) {
		struct pawl_slot *slot = pawl_load_acquire(word); /* O2 */

		if (!is_object(slot)) {
			error = error_of(slot);
			break;
		}
		if (pawl_slot_try_pin(slot)) {
			*ret_slot = slot;
			error = 0;
			break;
		}
		bury(word, slot);
	}
	pawl_rcu_end();
	return error;
}

bool pawl_slots_unpin(struct pawl_slots *slots, struct pawl_slot *slot)
{
	uint32_t before = pawl_sub_acq_rel(&slot->pawl_pins, ONE_PIN); /* O3 */

	PAWL_REQUIRE(before >= ONE_PIN && "the object was pinned");
	if (before != (ONE_PIN | DEAD))
		return false;
	return slots->options.retire(slot, slots->options.arg);
}

/* ---- locks --------------------------------------------------------------- */

int pawl_slots_lock(const struct pawl_slots *slots, uint32_t id, struct pawl_slot **ret_slot)
{
	struct pawl_atomic_ptr *word = word_find(slots, id);
	int error = -ENOENT;

	if (!word)
		return -ENOENT;
	pawl_rcu_begin();
	/* Ends: a turn more means that the word has changed: dropping changes it under the lock. */
	for (;;) {
		struct pawl_slot *slot = pawl_load_acquire(word); /* O2 */

		if (!is_object(slot)) {
			error = error_of(slot);
			break;
		}
		pawl_lock_lock(&slot->lock);
		if (PAWL_LIKELY(!pawl_slot_dropped(slot))) {
			*ret_slot = slot;
			error = 0;
			break;
		}
		pawl_lock_unlock(&slot->lock);
		/* Relaxed: whoever dropped it changed the word before that unlock. */
		PAWL_REQUIRE(pawl_load_relaxed(word) != slot &&
			     "an object is in one table at a time");
	}
	pawl_rcu_end();
	return error;
}

int pawl_slots_lock_pair(const struct pawl_slots *slots, uint32_t a, uint32_t b,
			 struct pawl_slot **ret_a, struct pawl_slot **ret_b)
{
	int error = 0;

	pawl_rcu_begin();
	/* Ends: as in pawl_slots_lock(). */
	for (;;) {
		struct pawl_slot *first = word_load(slots, a);
		struct pawl_slot *second = word_load(slots, b);

		if (!is_object(first) || !is_object(second)) {
			error = error_of(is_object(first) ? second : first);
			break;
		}
		pawl_lock_lock_pair(&first->lock, &second->lock);
		if (PAWL_LIKELY(!pawl_slot_dropped(first) && !pawl_slot_dropped(second))) {
			*ret_a = first;
			*ret_b = second;
			break;
		}
		pawl_lock_unlock_pair(&first->lock, &second->lock);
	}
	pawl_rcu_end();
	return error;
}

/* ---- coming -------------------------------------------------------------- */

int pawl_slots_claim(struct pawl_slots *slots, uint32_t id, enum pawl_slot_state *ret_was)
{
	struct pawl_atomic_ptr *word;
	void *seen;

	if (id > PAWL_SLOTS_ID_MAX)
		return -EINVAL;
	word = word_make(slots, id);
	if (!word)
		return -ENOMEM;
	seen = pawl_load_relaxed(word);
	/* Two turns: EMPTY and EVICTED take turns only through LOADING, which ends the loop. */
	for (;;) {
		enum pawl_slot_state was = state_of(seen);

		if (was == PAWL_SLOT_LIVE)
			return -EEXIST;
		if (was == PAWL_SLOT_LOADING)
			return -EBUSY;
		/* Acquire: what the last loader did before it abandoned (O2), or who evicted it (O5). */
		if (pawl_cas_acquire(word, &seen, (void *)LOADING)) {
			*ret_was = was;
			return 0;
		}
	}
}

static struct pawl_event *event_of(struct pawl_slots *slots, uint32_t id)
{
	return &slots->events[id % EVENTS];
}

/* LOADING ends. */
static void settle(struct pawl_slots *slots, uint32_t id, void *value)
{
	struct pawl_atomic_ptr *word = word_of(slots, id);
	uintptr_t was;

	PAWL_REQUIRE(word && "the id is claimed");
	was = (uintptr_t)pawl_xchg_release(word, value); /* O2 */
	PAWL_REQUIRE(was & LOADING && "the id is claimed");
	if (was & WAITED)
		pawl_event_notify_all(event_of(slots, id)); /* O4 */
}

void pawl_slots_publish(struct pawl_slots *slots, uint32_t id, struct pawl_slot *slot,
			uint32_t pins)
{
	PAWL_REQUIRE(is_object(slot) && "an object is aligned to 8");
	PAWL_REQUIRE(pins < UINT32_MAX / ONE_PIN);
	slot->pawl_id = id;
	pawl_init_word(&slot->pawl_pins, pins * ONE_PIN);
	settle(slots, id, slot);
}

void pawl_slots_abandon(struct pawl_slots *slots, uint32_t id, enum pawl_slot_state state)
{
	PAWL_REQUIRE(state == PAWL_SLOT_EMPTY || state == PAWL_SLOT_EVICTED);
	settle(slots, id, state == PAWL_SLOT_EMPTY ? NULL : (void *)EVICTED);
}

/* Is it still LOADING, and will the loader notify? */
static bool mark_waited(struct pawl_atomic_ptr *word)
{
	void *seen = pawl_load_acquire(word); /* O2 */

	if (seen == (void *)LOADING &&
	    pawl_cas_acquire(word, &seen, (void *)(LOADING | WAITED))) /* O2 if it fails */
		return true;
	return seen == (void *)(LOADING | WAITED);
}

int pawl_slots_wait(struct pawl_slots *slots, uint32_t id, uint64_t deadline_ns)
{
	struct pawl_atomic_ptr *word = word_of(slots, id);

	/* Ends when the loader does, or whoever claimed next and was met here loading still. */
	while (word && mark_waited(word)) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(event_of(slots, id), &listener, "slot is loading",
				  id); /* O4 */
		if (pawl_load_relaxed(word) != (void *)(LOADING | WAITED)) {
			/* mark_waited() looks again, with acquire. */
			pawl_event_unlisten(&listener);
			continue;
		}
		error = pawl_event_wait_until(&listener, deadline_ns);
		if (error)
			return error;
	}
	return 0;
}

/* ---- going --------------------------------------------------------------- */

bool pawl_slots_drop(struct pawl_slots *slots, struct pawl_slot *slot)
{
	struct pawl_atomic_ptr *word = word_of(slots, slot->pawl_id);
	bool last;

	PAWL_REQUIRE(!pawl_slot_dropped(slot) && "an object is dropped once");
	/* Relaxed, here and below: the lock's holder sees its own publish or that of O2. */
	PAWL_REQUIRE(word && pawl_load_relaxed(word) == slot && "the object is of this table");
	pawl_rcu_begin();
	/* Release: who finds it gone sees what was done before, and does not find it by another way any more. */
	pawl_store_release(word, (void *)NULL);
	last = pawl_or_acq_rel(&slot->pawl_pins, DEAD) == 0; /* O3 */
	pawl_lock_unlock(&slot->lock);
	pawl_rcu_end();
	return last && slots->options.retire(slot, slots->options.arg);
}

int pawl_slots_evict(struct pawl_slots *slots, struct pawl_slot *slot, bool *ret_pressed)
{
	struct pawl_atomic_ptr *word = word_of(slots, slot->pawl_id);
	uint32_t pins = 0;

	PAWL_REQUIRE(!pawl_slot_dropped(slot) && "an object is evicted once");
	PAWL_REQUIRE(word && pawl_load_relaxed(word) == slot && "the object is of this table");
	/* Acquire: what was done under pins (O3). Release: for who buries it in our place (O5). */
	if (!pawl_cas_acq_rel(&slot->pawl_pins, &pins, DEAD))
		return -EBUSY;
	/* Nobody has a pin, nobody else retires: no section is needed for the lock. */
	bury(word, slot);
	pawl_lock_unlock(&slot->lock);
	*ret_pressed = slots->options.retire(slot, slots->options.arg);
	return 0;
}
