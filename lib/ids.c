/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ids.c - factories of ids: what the three policies share, and MONOTONE.
 * ids-recycle.c and ids-durable.c have the others.
 *
 * Each thread has a cache in each factory that it uses, found by its slot: a magazine of ids
 * that are not handed out. A call takes its cache (one compare-exchange on a line that nobody
 * else writes), works in it with plain memory, and gives it back by a store. What the cache
 * lacks comes from what is shared: `next`, below which all indexes have been given to caches;
 * the depot (RECYCLE), a lock-free stack; the words of free bits (DURABLE).
 *
 * Why a cache can be taken by others at all: so that a factory can be stopped. Whoever has the
 * freezer (a lock) and then takes every cache is alone: no id is in anybody's hand. Three
 * things need that moment and are simple in it:
 *  - an allocation that found nothing takes what others have in their magazines; -ENOSPC
 *    therefore means that at that moment there was no free id;
 *  - an audit sees each id in one place, since nothing moves;
 *  - a bucket of freed durable ids is closed: each free came before, or comes after.
 * A call that finds its cache taken waits for the freezer; it cannot deadlock, since nobody
 * waits for the freezer with a cache taken, and whoever has the freezer waits for caches only,
 * whose holders run through some dozen instructions.
 *
 * Invariants (with the factory stopped):
 *  I1 each index below `next` is in one place: handed out, one cache, the depot or free bits, a
 *     bucket, or retired.
 *  I2 the table has an item for each index below `next`.
 *  I3 caches are made by the owners of their slots, pages and caches under the freezer.
 *
 * Ordering:
 *  O1 `held` is taken with acquire and given back with release: the plain fields of a cache,
 *     and with them ids that come by stealing, by a later thread of the slot, or by bits that
 *     were cleared while all was stopped.
 *  O2 depot: see ids-recycle.c.
 *  O3 `next` orders nothing by itself. An item is found by O4 and is as good as zero at
 *     first; what was written to it since comes with the id. So relaxed.
 *  O4 pages are published with release when they are zeroed, found with acquire; so are the
 *     segments of the table (table-internal.h).
 *  O5 `references`: each drop releases what was done with the factory, the last one acquires.
 *
 * Detach: thread.c calls ids_leave() for each factory, which gives the magazines back. A lease
 * of MONOTONE stays with the slot; others can steal it, and the next thread of the slot has it.
 *
 * No memory for a cache: the thread works in the common one, which is shared and just slower.
 * So freeing never fails for want of memory.
 *
 * Rejected:
 *  - a shared counter and a shared queue of free ids: two contended lines for each call
 *    (bench/b-ids.c has them as peers);
 *  - magazines that others cannot reach: -ENOSPC would come with ids left, as many as
 *    threads times magazines; or a scan of the table for them, gigabytes in the worst case;
 *  - lock-free magazines (a tagged stack each, or a slot word for each id, exchanged): as many
 *    read-modify-writes as now, and no moment at which an audit is exact;
 *  - a cache that its thread takes by a store and a look at a flag, the other side paying with
 *    membarrier(2): saves 13 % of an allocation with its free (some 3 of 24 cycles of the
 *    time stamp counter, EPYC of the fourth generation, one thread), and costs a second way
 *    to do all this where the call is refused. The read-modify-writes are not what such a
 *    pair waits for. The length of the path counted more (30 with calls between files), so
 *    RECYCLE has calls of its own, with nothing out of line but pawl__self();
 *  - a list of the factories that a thread used, for detach: it needs memory where none may be
 *    needed; detaching looks at all factories of the process instead.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "ids-internal.h"
#include "report-internal.h"

static struct pawl__item item_of(const struct pawl_ids *ids)
{
	return ids->policy == PAWL_IDS_DURABLE ? PAWL__IDS_GROUP : PAWL__IDS_CELL;
}

/* --- Caches. --- */

struct pawl__ids_cache *pawl__ids_cache_make(struct pawl_ids *ids, uint32_t slot)
{
	struct pawl_atomic_ptr *word = &ids->page[slot >> PAWL__IDS_PAGE_LOG2];
	struct pawl__ids_page *page = NULL, *there;
	struct pawl__ids_cache *cache;

	if (!pawl_load_relaxed(word)) {
		page = pawl_mem_zalloc(sizeof(*page), 0);
		if (!page)
			return NULL;
	}
	cache = pawl_mem_zalloc(sizeof(*cache), PAWL_LINE_BYTES);
	if (!cache) {
		pawl_mem_free(page, sizeof(*page), 0);
		return NULL;
	}
	cache->depot = slot % PAWL__IDS_DEPOTS;
	pawl_lock_lock(&ids->freezer);
	there = pawl_load_relaxed(word);
	if (!there) {
		there = page;
		page = NULL;
		pawl_store_release(word, (void *)there); /* O4 */
	}
	/* Relaxed: its slot's owner is this thread; others look under the freezer. */
	pawl_store_relaxed(&there->cache[slot & ((1u << PAWL__IDS_PAGE_LOG2) - 1)],
			   (void *)cache);
	cache->next = ids->common.next;
	ids->common.next = cache;
	pawl_lock_unlock(&ids->freezer);
	pawl_mem_free(page, sizeof(*page), 0);
	return cache;
}

/* For a cache that is taken: its holder has the freezer, or (common) is in a call. */
static void hold_taken(struct pawl_ids *ids, struct pawl__ids_cache *cache)
{
	uint32_t expected = 0;

	pawl_lock_lock(&ids->freezer);
	/* Ends: who holds it does not wait for the freezer. */
	while (!pawl_cas_acquire(&cache->held, &expected, 1u)) { /* O1 */
		expected = 0;
		pawl_pause();
	}
	pawl_lock_unlock(&ids->freezer);
}

PAWL_NOINLINE struct pawl__ids_cache *pawl__ids_hold_slow(struct pawl_ids *ids, uint32_t slot,
							  struct pawl__ids_cache *cache)
{
	if (!cache)
		cache = pawl__ids_cache_make(ids, slot);
	if (!cache)
		cache = &ids->common;
	hold_taken(ids, cache);
	return cache;
}

bool pawl__ids_each_cache(struct pawl_ids *ids, pawl__ids_cache_fn *fn, void *arg)
{
	struct pawl__ids_cache *next;

	/* fn may free the cache. */
	for (struct pawl__ids_cache *cache = &ids->common; cache; cache = next) {
		next = cache->next;
		if (fn(ids, cache, arg))
			return true;
	}
	return false;
}

static bool hold_one(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	uint32_t expected = 0;

	(void)ids;
	(void)arg;
	/* Ends: its holder is in a call, and does not wait for the freezer. */
	while (!pawl_cas_acquire(&cache->held, &expected, 1u)) { /* O1 */
		expected = 0;
		pawl_pause();
	}
	return false;
}

static bool let_go_one(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	(void)ids;
	(void)arg;
	pawl__ids_let_go(cache);
	return false;
}

void pawl__ids_freeze(struct pawl_ids *ids)
{
	pawl_lock_lock(&ids->freezer);
	pawl__ids_each_cache(ids, hold_one, NULL);
}

void pawl__ids_thaw(struct pawl_ids *ids)
{
	pawl__ids_each_cache(ids, let_go_one, NULL);
	pawl_lock_unlock(&ids->freezer);
}

/* --- MONOTONE: a thread leases a range. --- */

static int monotone_take(struct pawl_ids *ids, struct pawl__ids_cache *cache, pawl_id_t *ret_id)
{
	if (cache->u.lease.next == cache->u.lease.end) {
		uint64_t next = pawl_load_relaxed(&ids->next);
		uint64_t count;

		/* Lock-free: a failed exchange means that somebody else took a lease. O3 */
		do {
			count = ids->count - next;
			if (!count)
				return -ENOSPC;
			if (count > ids->magazine)
				count = ids->magazine;
		} while (!pawl_cas_weak_relaxed(&ids->next, &next, next + count));
		cache->u.lease.next = next;
		cache->u.lease.end = next + count;
	}
	*ret_id = ids->first + cache->u.lease.next++;
	return 0;
}

static bool monotone_steal_from(struct pawl_ids *ids, struct pawl__ids_cache *from, void *arg)
{
	struct pawl__ids_cache *to = arg;

	(void)ids;
	if (from->u.lease.next == from->u.lease.end)
		return false;
	to->u.lease = from->u.lease;
	from->u.lease.next = from->u.lease.end;
	return true;
}

static bool monotone_count(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	struct pawl_ids_counts *audit = arg;

	(void)ids;
	if (cache->u.lease.next > cache->u.lease.end || cache->u.lease.end > audit->next)
		return true;
	audit->magazines += cache->u.lease.end - cache->u.lease.next;
	return false;
}

/* Leases and what was handed out make `next`; nothing comes back. */
static int monotone_audit(struct pawl_ids *ids, struct pawl_ids_counts *audit)
{
	if (pawl__ids_each_cache(ids, monotone_count, audit) || audit->magazines > audit->next)
		return -EUCLEAN;
	audit->live = audit->next - audit->magazines;
	return 0;
}

/* --- The calls. --- */

static inline int take(struct pawl_ids *ids, struct pawl__ids_cache *cache, pawl_id_t *ret_id,
		       uint64_t *ret_grow)
{
	if (ids->policy == PAWL_IDS_RECYCLE)
		return pawl__ids_recycle_take(ids, cache, ret_id, ret_grow);
	if (ids->policy == PAWL_IDS_DURABLE)
		return pawl__ids_durable_take(ids, cache, ret_id, ret_grow);
	return monotone_take(ids, cache, ret_id);
}

/* Nothing was found: look everywhere, with the factory stopped. */
static PAWL_NOINLINE int take_frozen(struct pawl_ids *ids, struct pawl__ids_cache *cache,
				     pawl_id_t *ret_id, uint64_t *ret_grow)
{
	bool flush = false;
	int error;

	pawl__ids_freeze(ids);
	error = take(ids, cache, ret_id, ret_grow);
	if (error == -ENOSPC) {
		bool found;

		if (ids->policy == PAWL_IDS_RECYCLE)
			found = pawl__ids_recycle_steal(ids, cache);
		else if (ids->policy == PAWL_IDS_DURABLE)
			found = pawl__ids_durable_steal(ids, cache, &flush);
		else
			found = pawl__ids_each_cache(ids, monotone_steal_from, cache);
		if (found && PAWL_MC_STEP("ids-steal"))
			error = take(ids, cache, ret_id, ret_grow);
	}
	pawl__ids_thaw(ids);
	if (flush)
		pawl_retire_flush();
	return error;
}

PAWL_NOINLINE int pawl__ids_alloc_held(struct pawl_ids *ids, struct pawl__ids_cache *cache,
				       pawl_id_t *ret_id)
{
	/* Ends: each turn after the first made the table longer. */
	for (;;) {
		uint64_t grow = 0;
		int error = take(ids, cache, ret_id, &grow);

		pawl__ids_let_go(cache);
		if (PAWL_LIKELY(!error))
			return 0;
		if (error == -ENOSPC)
			error = take_frozen(ids, cache, ret_id, &grow);
		if (error != -EAGAIN)
			return error;
		error = pawl__table_grow(&ids->table, item_of(ids), grow);
		if (error)
			return error;
		cache = pawl__ids_hold(ids);
	}
}

static PAWL_NOINLINE int alloc_other(struct pawl_ids *ids, pawl_id_t *ret_id)
{
	return pawl__ids_alloc_held(ids, pawl__ids_hold(ids), ret_id);
}

int pawl_ids_alloc(struct pawl_ids *ids, pawl_id_t *ret_id)
{
	if (PAWL_LIKELY(ids->policy == PAWL_IDS_RECYCLE))
		return pawl__ids_recycle_alloc(ids, ret_id);
	return alloc_other(ids, ret_id);
}

PAWL_NOINLINE int pawl__ids_bad_free(struct pawl_ids *ids, pawl_id_t id)
{
	pawl__report(PAWL_REPORT_IDS_BAD_FREE, "an id was freed that is not in use", id, ids);
	return -EINVAL;
}

static PAWL_NOINLINE int free_other(struct pawl_ids *ids, pawl_id_t id)
{
	struct pawl__ids_cache *cache;
	bool freed, turn = false;

	if (ids->policy == PAWL_IDS_MONOTONE)
		return pawl__ids_bad_free(ids, id);
	cache = pawl__ids_hold(ids);
	freed = pawl__ids_durable_free(ids, cache, id, &turn);
	pawl__ids_let_go(cache);
	if (PAWL_UNLIKELY(!freed))
		return pawl__ids_bad_free(ids, id);
	if (turn)
		pawl__ids_durable_turn(ids);
	return 0;
}

int pawl_ids_free(struct pawl_ids *ids, pawl_id_t id)
{
	if (PAWL_LIKELY(ids->policy == PAWL_IDS_RECYCLE))
		return pawl__ids_recycle_free(ids, id);
	return free_other(ids, id);
}

int pawl_ids_check(const struct pawl_ids *ids, pawl_id_t id)
{
	if (ids->policy == PAWL_IDS_RECYCLE)
		return pawl__ids_recycle_check(ids, id);
	/* O3 */
	if (id < ids->first || id - ids->first >= pawl_load_relaxed(&ids->next))
		return -EINVAL;
	return ids->policy == PAWL_IDS_DURABLE ? pawl__ids_durable_check(ids, id) : 0;
}

uint64_t pawl_ids_next(const struct pawl_ids *ids)
{
	return ids->first + pawl_load_relaxed(&ids->next); /* O3 */
}

int pawl_ids_audit(struct pawl_ids *ids, struct pawl_ids_counts *ret_audit)
{
	struct pawl_ids_counts audit = {0};
	uint64_t *seen = NULL;
	size_t seen_bytes = 0;
	int error;

	pawl__ids_freeze(ids);
	audit.next = pawl_load_relaxed(&ids->next);
	if (ids->policy == PAWL_IDS_RECYCLE) {
		seen_bytes = (size_t)(audit.next / 64 + 1) * sizeof(*seen);
		seen = pawl_mem_zalloc(seen_bytes, 0);
		error = seen ? pawl__ids_recycle_audit(ids, seen, &audit) : -ENOMEM;
	} else if (ids->policy == PAWL_IDS_DURABLE) {
		error = pawl__ids_durable_audit(ids, &audit);
	} else {
		error = monotone_audit(ids, &audit);
	}
	pawl__ids_thaw(ids);
	pawl_mem_free(seen, seen_bytes, 0);
	audit.next += ids->first;
	if (!error)
		*ret_audit = audit;
	return error;
}

/* --- Life. --- */

static void ids_leave(struct pawl__leaver *leaver, uint32_t slot)
{
	struct pawl_ids *ids = PAWL_CONTAINER_OF(leaver, struct pawl_ids, leaver);
	struct pawl__ids_cache *cache = pawl__ids_cache_find(ids, slot);
	uint32_t expected = 0;

	if (!cache)
		return;
	if (!pawl_cas_acquire(&cache->held, &expected, 1u)) /* O1 */
		hold_taken(ids, cache);
	if (ids->policy == PAWL_IDS_RECYCLE)
		pawl__ids_recycle_leave(ids, cache);
	else if (ids->policy == PAWL_IDS_DURABLE)
		pawl__ids_durable_leave(ids, cache);
	pawl__ids_let_go(cache);
}

static bool cache_free(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	(void)arg;
	if (cache != &ids->common)
		pawl_mem_free(cache, sizeof(*cache), PAWL_LINE_BYTES);
	return false;
}

void pawl__ids_unref(struct pawl_ids *ids)
{
	if (pawl_sub_acq_rel(&ids->references, 1u) != 1) /* O5 */
		return;
	pawl__ids_each_cache(ids, cache_free, NULL);
	for (unsigned p = 0; p < PAWL__IDS_PAGES; p++)
		pawl_mem_free(pawl_load_relaxed(&ids->page[p]), sizeof(struct pawl__ids_page),
			      0);
	pawl__table_free(&ids->table, item_of(ids));
	pawl_mem_free(ids, sizeof(*ids), PAWL_LINE_BYTES);
}

void pawl_ids_destroy(struct pawl_ids *ids)
{
	if (!ids)
		return;
	pawl__leaver_remove(&ids->leaver);
	pawl_lock_lock(&ids->freezer);
	ids->dying = true;
	pawl_lock_unlock(&ids->freezer);
	pawl__ids_unref(ids);
}

static bool options_valid(const struct pawl_ids_options *options, uint64_t last)
{
	static const uint64_t last_of[PAWL_IDS_POLICY_COUNT] = {
		[PAWL_IDS_MONOTONE] = PAWL_IDS_LAST_MONOTONE,
		[PAWL_IDS_RECYCLE] = PAWL_IDS_LAST_RECYCLE,
		[PAWL_IDS_DURABLE] = PAWL_IDS_LAST_DURABLE,
	};

	if (!options->magazine || options->magazine > PAWL_IDS_MAGAZINE_MAX)
		return false;
	if (last > last_of[options->policy] || options->first > last)
		return false;
	if (options->next && (options->next < options->first || options->next > last + 1))
		return false;
	if (options->stored > (options->policy == PAWL_IDS_DURABLE))
		return false;
	if (options->policy != PAWL_IDS_RECYCLE)
		return !options->generation;
	/* Links are indexes plus 1. */
	return !options->next && !(options->generation & 1) &&
	       options->generation < UINT32_MAX - 1 &&
	       last - options->first < PAWL_IDS_LAST_RECYCLE;
}

static void set_up(struct pawl_ids *ids, const struct pawl_ids_options *options, uint64_t last)
{
	ids->leaver.leave = ids_leave;
	ids->policy = options->policy;
	ids->magazine = options->magazine;
	ids->first = options->first;
	ids->count = last - options->first + 1;
	ids->generation = options->generation;
	ids->stored = options->stored;
	pawl_lock_init(&ids->freezer, PAWL_LOCK_RANK_IDS);
	pawl_init_word(&ids->references, 1u);
}

int pawl_ids_create(const struct pawl_ids_options *options, struct pawl_ids **ret_ids)
{
	uint64_t last = options->last, next;
	struct pawl_ids *ids;
	int error = 0;

	if (options->size != sizeof(*options))
		return options->size < sizeof(*options) ? -EINVAL : -E2BIG;
	if ((unsigned)options->policy >= PAWL_IDS_POLICY_COUNT)
		return -EINVAL;
	if (!last)
		last = options->policy == PAWL_IDS_MONOTONE  ? PAWL_IDS_LAST_MONOTONE
		       : options->policy == PAWL_IDS_RECYCLE ? PAWL_IDS_LAST_RECYCLE
							     : PAWL_IDS_LAST_DURABLE;
	if (!options_valid(options, last))
		return -EINVAL;

	ids = pawl_mem_zalloc(sizeof(*ids), PAWL_LINE_BYTES);
	if (!ids)
		return -ENOMEM;
	set_up(ids, options, last);
	next = options->next ? options->next - options->first : 0;
	if (options->policy == PAWL_IDS_DURABLE)
		error = pawl__ids_durable_init(ids, next);
	if (error) {
		pawl__ids_unref(ids);
		return error;
	}
	pawl_init_word(&ids->next, next);
	pawl__leaver_add(&ids->leaver);
	*ret_ids = ids;
	return 0;
}
