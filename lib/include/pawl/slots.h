/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/slots.h - objects by dense 31-bit ids, read without locks.
 *
 * A table of one word for each id. The word is empty, says that somebody is loading
 * the object or that it was evicted, or holds the object's address, which never changes
 * while it is there. Objects are the caller's memory and begin with a head of 16 bytes:
 * a lock, a count of pins, the id. Ids come from elsewhere (a factory that gives low
 * ones first); memory is taken for ranges of 2048 ids, so a lone high id costs what a
 * lone low one does.
 *
 *	            claim              publish
 *	   EMPTY ───────────► LOADING ─────────► LIVE
 *	     ▲                 │  ▲  │            │ │
 *	     ├─────────────────┘  │  └───┐        │ │ evict (refused while pinned)
 *	     │     abandon        │ claim▼        │ ▼
 *	     │                    └───── EVICTED ◄──┘
 *	     └────────── drop ────────────────────┘
 *
 * Three ways to hold an object:
 *  section  pawl_rcu_begin(), pawl_slots_get(): the cheapest. It may be dropped
 *           meanwhile, its memory stays to the end of the section;
 *  lock     pawl_slots_lock(): nobody drops or evicts it, for that takes the lock.
 *           Not across a wait;
 *  pin      pawl_slots_pin(): its memory stays until unpin, waits included. It cannot be
 *           evicted; it may be dropped, which pawl_slot_dropped() tells.
 *
 * When an object is dropped or evicted and its last pin is gone, the table calls the function
 * given at its creation once, which hands the object to pawl_retire(). An object needs
 * no room of its own for the retire node: a union with fields that are read under the
 * lock alone will do, since who takes the lock of a dropped object looks no further.
 *
 *  call                          progress                         in a section
 *  pawl_slots_get, _state        wait-free: three loads           required / any
 *  pawl_slots_get_many           wait-free                        required
 *  pawl_slots_next               wait-free, longer with gaps      required
 *  pawl_slots_pin                lock-free                        any
 *  pawl_slots_unpin              wait-free                        any
 *  pawl_slots_lock, _lock_pair   blocks on holders of the locks   any
 *  pawl_slots_claim              wait-free but for memory         any
 *  pawl_slots_publish, _abandon  wait-free, plus wakes            any
 *  pawl_slots_wait               blocks on the loader             no
 *  pawl_slots_drop, _evict       wait-free, plus the unlock       any
 *
 * Not for: keys that are not dense numbers (a map); giving out the ids.
 *
 * Threads are attached, but for create, destroy and bytes. Only claim, create and lazily
 * made parts of the table take memory; nothing fails after claim.
 *
 * Sources: radix trees of the Linux kernel (xarray) for the table; P. McKenney, "Is Parallel
 * Programming Hard", on existence guarantees for lock-then-check.
 */
#ifndef PAWL_SLOTS_H
#define PAWL_SLOTS_H

#include <pawl/base.h>
#include <pawl/lock.h>

PAWL_BEGIN_DECLS

#define PAWL_SLOTS_ID_MAX UINT32_C(0x7fffffff)

struct pawl_slots;

/* The head of every object. 16 bytes. */
struct pawl_slot {
	/* The caller's, like any other lock; pawl_lock_init() gives it a rank before publish. */
	struct pawl_lock lock;
	struct pawl_atomic_u32 pawl_pins;
	uint32_t pawl_id;
	/* The caller's: to compare handles with. Constant while published. */
	uint32_t generation;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_slot) == 16, "the head is small");

enum pawl_slot_state {
	PAWL_SLOT_EMPTY,
	PAWL_SLOT_LOADING,
	PAWL_SLOT_LIVE,
	PAWL_SLOT_EVICTED,
	PAWL_SLOT_STATE_COUNT
};

struct pawl_slots_options {
	size_t size; /* sizeof(struct pawl_slots_options) */

	/*
	 * Hand an object that nobody holds any more to pawl_retire(), return what that returned.
	 * Called once for each object that was published, by drop, evict or unpin, on the thread
	 * that called them, with no lock of the table's held; what was done to the object under its
	 * lock and under pins is visible. May not fail, and may not call this table.
	 */
	bool (*retire)(struct pawl_slot *slot, void *arg);
	void *arg;
};
#define PAWL_SLOTS_OPTIONS_INIT                               \
	{                                                     \
		sizeof(struct pawl_slots_options), NULL, NULL \
	}

/*
 * pawl_slots_create() - Make a table in which every id is empty.
 *
 * Returns: 0.
 * Errors:  -ENOMEM; -EINVAL: no retire function, or a size below the first version's; -E2BIG: a
 *          size beyond what this library knows.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_create(const struct pawl_slots_options *options,
					       struct pawl_slots **ret_slots);

/*
 * pawl_slots_destroy() - Free the table.
 *
 * Requires: no call on it is running or will come; no id is LIVE or LOADING (drop all that
 *           pawl_slots_next() finds); no dropped object is pinned still. NULL is nothing.
 */
PAWL_API void pawl_slots_destroy(struct pawl_slots *slots);

/*
 * pawl_slots_bytes() - Bytes that the table takes, without the objects. Dense ids cost
 * 8 bytes each; the first id of a range of 2048 costs 16 KiB, that of a range of 2 Mi ids
 * 8 KiB more. Parts once made stay until destroy. Any thread.
 */
PAWL_API size_t pawl_slots_bytes(const struct pawl_slots *slots);

/* ---- reading ------------------------------------------------------------- */

/*
 * pawl_slots_get() - The object of `id`, or NULL: not LIVE, or no id at all.
 *
 * Requires: in a read section.
 * Ordering: what was done before publish is visible.
 * Owns:     valid to the end of the section. It may have been dropped already: look with
 *           pawl_slot_dropped() under its lock before anything is changed.
 */
PAWL_API struct pawl_slot *pawl_slots_get(const struct pawl_slots *slots, uint32_t id);

/*
 * pawl_slots_get_many() - pawl_slots_get() of `count` ids, into ret_found (NULL for those that are
 * not LIVE). The misses of different ids overlap: for tables that do not fit into the cache.
 *
 * Requires: in a read section.
 * Returns:  how many were found.
 */
PAWL_API size_t pawl_slots_get_many(const struct pawl_slots *slots, const uint32_t *ids,
				    size_t count, struct pawl_slot **ret_found);

/* pawl_slots_state() - What `id` is at this moment; EMPTY beyond PAWL_SLOTS_ID_MAX. */
PAWL_API enum pawl_slot_state pawl_slots_state(const struct pawl_slots *slots, uint32_t id);

/*
 * pawl_slots_next() - The first object whose id is at least *cursor and below `end`; its id is
 * written to *cursor. NULL: there is none.
 *
 *	for (id = 0; (slot = pawl_slots_next(slots, &id, end)); id++)
 *
 * A scan that goes on like this sees every object that is there from its beginning to its end
 * once, in order of ids; of those that come or go meanwhile it sees some. Between two
 * calls the section may end and another begin: the cursor is only a number.
 *
 * Requires: in a read section.
 * Owns:     as pawl_slots_get().
 */
PAWL_API struct pawl_slot *pawl_slots_next(const struct pawl_slots *slots, uint32_t *cursor,
					   uint32_t end);

/* The id that the object was published under. Requires: the caller holds it in any way. */
PAWL_ALWAYS_INLINE uint32_t pawl_slot_id(const struct pawl_slot *slot)
{
	return slot->pawl_id;
}

/*
 * pawl_slot_dropped() - Was it dropped or evicted? Under the object's lock "no" stays true until
 * the unlock; otherwise the answer may be old at once, "yes" is for ever.
 *
 * Requires: the caller holds it in any way.
 */
PAWL_API bool pawl_slot_dropped(const struct pawl_slot *slot);

/* ---- holding ------------------------------------------------------------- */

/*
 * pawl_slots_lock() - Find the object of `id` and take its lock.
 *
 * Returns:  0, locked and not dropped. Give it back by pawl_lock_unlock(&slot->lock), or by
 *           drop or evict.
 * Errors:   -ENOENT: EMPTY, or beyond PAWL_SLOTS_ID_MAX; -EBUSY: LOADING, see pawl_slots_wait();
 *           -ENODATA: EVICTED, see pawl_slots_claim().
 * Progress: blocks while others hold the lock; starts over when the object is dropped by them.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_lock(const struct pawl_slots *slots, uint32_t id,
					     struct pawl_slot **ret_slot);

/*
 * pawl_slots_lock_pair() - Both or none, in an order that cannot deadlock. The same id twice is
 * one lock: give a pair back by pawl_lock_unlock_pair().
 *
 * Errors: as pawl_slots_lock(), of the first id that is not LIVE.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_lock_pair(const struct pawl_slots *slots, uint32_t a,
						  uint32_t b, struct pawl_slot **ret_a,
						  struct pawl_slot **ret_b);

/*
 * pawl_slots_pin() - Find the object of `id` and keep its memory until pawl_slots_unpin().
 *
 * Returns: 0.
 * Errors:  as pawl_slots_lock(). A dropped object is never pinned anew.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_pin(struct pawl_slots *slots, uint32_t id,
					    struct pawl_slot **ret_slot);

/*
 * pawl_slot_try_pin() - Pin an object that the caller has found already.
 *
 * Requires: the caller holds it in any way; fewer than 2^31 - 1 pins.
 * Returns:  false: it is dropped.
 */
PAWL_API PAWL_MUST_CHECK bool pawl_slot_try_pin(struct pawl_slot *slot);

/*
 * pawl_slots_unpin() - Give back one pin. The last one of a dropped object retires it.
 *
 * Requires: the caller owns a pin of it.
 * Returns:  true: so many retired bytes wait that the caller should pawl_retire_wait() soon.
 */
PAWL_API bool pawl_slots_unpin(struct pawl_slots *slots, struct pawl_slot *slot);

/* ---- coming -------------------------------------------------------------- */

/*
 * pawl_slots_claim() - EMPTY or EVICTED becomes LOADING, for one caller alone: it makes or loads
 * the object and then calls publish or abandon.
 *
 * Returns: 0, and what it was before.
 * Errors:  -EEXIST: LIVE; -EBUSY: somebody else is loading it; -EINVAL: beyond PAWL_SLOTS_ID_MAX;
 *          -ENOMEM: no memory for this part of the table.
 * Context: may take memory. The claim is not bound to the thread.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_claim(struct pawl_slots *slots, uint32_t id,
					      enum pawl_slot_state *ret_was);

/*
 * pawl_slots_publish() - LOADING becomes LIVE, with so many pins that the caller owns from now on.
 *
 * Requires: the caller has claimed `id`; `slot` is aligned to 8, its lock and generation are
 *           set, and it was not published before: it is in one table, under one id, once.
 * Ordering: everything before is visible to who finds the object.
 * Owns:     takes the object; unless `pins` is above 0 it may be gone when this returns.
 */
PAWL_API void pawl_slots_publish(struct pawl_slots *slots, uint32_t id, struct pawl_slot *slot,
				 uint32_t pins);

/*
 * pawl_slots_abandon() - LOADING becomes `state`: EMPTY, there is no such thing, or EVICTED, it
 * could not be loaded now.
 *
 * Requires: the caller has claimed `id`.
 */
PAWL_API void pawl_slots_abandon(struct pawl_slots *slots, uint32_t id,
				 enum pawl_slot_state state);

/*
 * pawl_slots_wait() - Sleep while `id` is LOADING.
 *
 * Requires: outside sections, no lock held; not the loader itself.
 * Returns:  0: it was seen not LOADING. Look again.
 * Errors:   -ETIMEDOUT.
 * Ordering: what the loader did before publish or abandon is visible.
 * Context:  parks the thread or fibre; a hang names it "slot is loading" and the id.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_wait(struct pawl_slots *slots, uint32_t id,
					     uint64_t deadline_ns);

/* ---- going --------------------------------------------------------------- */

/*
 * pawl_slots_drop() - LIVE becomes EMPTY. Pinned or not, it is found no more and cannot be pinned
 * anew; the id may be claimed again at once. Gives the lock back.
 *
 * Requires: the caller holds the object's lock and it is not dropped.
 * Returns:  true: so many retired bytes wait that the caller should pawl_retire_wait() soon.
 * Ordering: what was done before the call is visible to whoever finds the id empty by it.
 * Owns:     takes the object, when the last pin is gone.
 */
PAWL_API bool pawl_slots_drop(struct pawl_slots *slots, struct pawl_slot *slot);

/*
 * pawl_slots_evict() - LIVE becomes EVICTED, unless somebody has a pin.
 *
 * Requires: as pawl_slots_drop().
 * Returns:  0: the lock is given back and the object taken; ret_pressed as drop's result.
 * Errors:   -EBUSY: pinned; nothing has changed, the lock is held still.
 * Ordering: everything before is visible to who claims the id and is told that it was EVICTED.
 */
PAWL_API PAWL_MUST_CHECK int pawl_slots_evict(struct pawl_slots *slots, struct pawl_slot *slot,
					      bool *ret_pressed);

PAWL_END_DECLS

#endif
