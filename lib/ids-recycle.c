/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ids-recycle.c - RECYCLE: indexes with generations.
 *
 * A cell for each index: its generation, even while free and odd while in use, and a link. Free
 * indexes are in lists through their links: two magazines in each cache, and the depot, a few
 * stacks of all others. A full magazine goes to the depot by one compare-exchange, up to a
 * magazine comes back by one; in between a thread works on its own two, so that a thread that
 * frees and allocates in turn does not go to the depot each time.
 *
 * Invariants (see also ids.c):
 *  R1 a generation goes from odd to even by a compare-exchange of who frees: of two that free
 *     the same handle, one fails. It goes from even to odd by a store of who holds the cache
 *     that has the index: nobody else changes an even one.
 *  R2 the generation of an index never goes back. At GENERATION_END the index goes to no list
 *     any more. So no two handles are ever equal.
 *  R3 links are changed by the owner of the list alone: a cache's holder; for the depot nobody,
 *     but the one who put the index there, before, and the one who took it, after.
 *
 * Ordering:
 *  O2 `depot` is exchanged with release by who puts: what was done with the ids and the links
 *     of the chain; read with acquire by who takes. Any exchange raises the tag. A taker
 *     follows links that may be taken apart under his eyes: they are atomic, and what he read
 *     counts only if the tag is the same when he exchanges: then nobody took anything, and by
 *     R3 nothing changed. Taking exchanges relaxed: it reads the very value that was loaded
 *     with acquire, or fails; and it continues the release sequence of who put what is left.
 *  Generations are relaxed: who frees an id has it from who allocated it, by whatever way the
 *  program passed it on; who allocates has it by O1 or O2.
 *
 * The tag has 32 bits. A taker would have to sleep through 2^32 exchanges of the depot, at
 * least 2^37 calls with magazines of 32, between two instructions, and meet the same top again,
 * to be fooled: that is half an hour of nothing else. The handle's generation has no such
 * weakness (R2).
 *
 * Bytes for an index: 4 for the generation, 4 for the link.
 *
 * Rejected: magazines as arrays in blocks with two stacks for full and empty blocks (Bonwick's
 * form): the blocks cost as many bytes as the links, and a free can fail for want of an empty
 * one; links in the slots of the ids' objects (the factory should not know them).
 */
#include "config.h"

#include <errno.h>

#include "ids-internal.h"

/* The last generation: even, and never in use. */
#define GENERATION_END (UINT32_MAX - 1)

static struct pawl__ids_cell *cell_at(const struct pawl_ids *ids, uint32_t index)
{
	return pawl__table_find(&ids->table, PAWL__IDS_CELL, index);
}

static bool retired(const struct pawl_ids *ids, uint32_t gen)
{
	return ids->generation + gen == GENERATION_END;
}

/* --- The depot. --- */

static uint64_t depot_word(uint64_t seen, uint32_t top_plus_1)
{
	return ((seen >> 32) + 1) << 32 | top_plus_1;
}

static void depot_put(struct pawl_ids *ids, const struct pawl__ids_cache *cache,
		      const struct pawl__ids_chain *chain)
{
	struct pawl_atomic_u64 *depot = &ids->depot[cache->depot].top;
	struct pawl__ids_cell *tail = cell_at(ids, chain->tail);
	uint64_t seen = pawl_load_relaxed(depot);

	/* Lock-free: a failed exchange means that another one went through. */
	do {
		pawl_store_relaxed(&tail->link, (uint32_t)seen);
	} while (!pawl_cas_weak_release(depot, &seen,
					depot_word(seen, chain->head + 1))); /* O2 */
}

/*
 * From the top, up to a magazine of indexes. Returns the link of the last one, and in ret_chain
 * the chain; or false in ret_sound if the list was taken apart meanwhile.
 */
static uint32_t depot_follow(const struct pawl_ids *ids, uint32_t top,
			     struct pawl__ids_chain *ret_chain, bool *ret_sound)
{
	uint32_t link = top + 1;

	*ret_chain = (struct pawl__ids_chain){.head = top};
	*ret_sound = true;
	do {
		const struct pawl__ids_cell *cell = cell_at(ids, link - 1);

		/* A link that is newer than what we know of the table. */
		if (!cell) {
			*ret_sound = false;
			return 0;
		}
		ret_chain->tail = link - 1;
		ret_chain->count++;
		link = pawl_load_relaxed(&cell->link); /* O2 */
	} while (link && ret_chain->count < ids->magazine);
	return link;
}

static bool depot_take(struct pawl_ids *ids, struct pawl_atomic_u64 *depot,
		       struct pawl__ids_chain *ret_chain)
{
	/* Lock-free: each turn but the last means that another exchange went through. */
	for (;;) {
		uint64_t seen = pawl_load_acquire(depot); /* O2 */
		struct pawl__ids_chain chain;
		uint32_t rest;
		bool sound;

		if (!(uint32_t)seen)
			return false;
		rest = depot_follow(ids, (uint32_t)seen - 1, &chain, &sound);
		/* Relaxed: it reads what the load read, or fails. */
		if (sound && pawl_cas_relaxed(depot, &seen, depot_word(seen, rest))) { /* O2 */
			*ret_chain = chain;
			return true;
		}
		pawl_pause();
	}
}

/* Its own depot first. */
static bool depots_take(struct pawl_ids *ids, const struct pawl__ids_cache *cache,
			struct pawl__ids_chain *ret_chain)
{
	for (unsigned i = 0; i < PAWL__IDS_DEPOTS; i++)
		if (depot_take(ids, &ids->depot[(cache->depot + i) % PAWL__IDS_DEPOTS].top,
			       ret_chain))
			return true;
	return false;
}

/* --- A cache. --- */

static void put(struct pawl__ids_chain *chain, struct pawl__ids_cell *cell, uint32_t index)
{
	if (!chain->count)
		chain->tail = index;
	/* Relaxed: R3. A taker of the depot who still looks at it will not count what he saw. */
	pawl_store_relaxed(&cell->link, chain->count ? chain->head + 1 : 0u);
	chain->head = index;
	chain->count++;
}

/* A magazine of indexes that were never used. */
static int chain_new(struct pawl_ids *ids, struct pawl__ids_chain *chain, uint64_t *ret_grow)
{
	uint64_t next = pawl_load_relaxed(&ids->next);
	uint64_t count;

	/* Lock-free: a failed exchange means that somebody else took some. ids.c: O3. */
	do {
		count = ids->count - next;
		if (!count)
			return -ENOSPC;
		if (count > ids->magazine)
			count = ids->magazine;
		/* A magazine has no more than the first segment, so it lies in two at most. */
		if (!cell_at(ids, (uint32_t)next)) {
			*ret_grow = next;
			return -EAGAIN;
		}
		if (!cell_at(ids, (uint32_t)(next + count - 1))) {
			*ret_grow = next + count - 1;
			return -EAGAIN;
		}
	} while (!pawl_cas_weak_relaxed(&ids->next, &next, next + count));
	/* Backwards: the lowest is on top. */
	while (count--)
		put(chain, cell_at(ids, (uint32_t)(next + count)), (uint32_t)(next + count));
	return 0;
}

static PAWL_NOINLINE int refill(struct pawl_ids *ids, struct pawl__ids_cache *cache,
				uint64_t *ret_grow)
{
	struct pawl__ids_chain *loaded = &cache->u.recycle.loaded;
	struct pawl__ids_chain *spare = &cache->u.recycle.spare;

	if (spare->count) {
		*loaded = *spare;
		spare->count = 0;
		return 0;
	}
	if (depots_take(ids, cache, loaded))
		return 0;
	return chain_new(ids, loaded, ret_grow);
}

/* `loaded` has some. */
static inline pawl_id_t pop(const struct pawl_ids *ids, struct pawl__ids_chain *loaded)
{
	uint32_t index = loaded->head, gen;
	struct pawl__ids_cell *cell = pawl__table_at(&ids->table, PAWL__IDS_CELL, index);

	loaded->head = pawl_load_relaxed(&cell->link) - 1;
	loaded->count--;
	/* Relaxed, and a store: R1. */
	gen = pawl_load_relaxed(&cell->gen) + 1;
	pawl_store_relaxed(&cell->gen, gen);
	return (uint64_t)(ids->generation + gen) << 32 | (uint32_t)(ids->first + index);
}

int pawl__ids_recycle_take(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			   pawl_id_t *ret_id, uint64_t *ret_grow)
{
	if (!cache->u.recycle.loaded.count) {
		int error = refill(ids, cache, ret_grow);

		if (error)
			return error;
	}
	*ret_id = pop(ids, &cache->u.recycle.loaded);
	return 0;
}

int pawl__ids_recycle_alloc(struct pawl_ids *ids, pawl_id_t *ret_id)
{
	struct pawl__ids_cache *cache = pawl__ids_hold(ids);

	if (PAWL_UNLIKELY(!cache->u.recycle.loaded.count))
		return pawl__ids_alloc_held(ids, cache, ret_id);
	*ret_id = pop(ids, &cache->u.recycle.loaded);
	pawl__ids_let_go(cache);
	return 0;
}

/* The cell of a handle, and the generation that it says; NULL: there can be no such handle. */
static struct pawl__ids_cell *cell_of(const struct pawl_ids *ids, pawl_id_t id,
				      uint32_t *ret_index, uint32_t *ret_gen)
{
	uint64_t index = (uint64_t)pawl_id_index(id) - ids->first;

	*ret_index = (uint32_t)index;
	*ret_gen = pawl_id_generation(id) - ids->generation;
	if (index >= ids->count || !(*ret_gen & 1) || pawl_id_generation(id) <= ids->generation)
		return NULL;
	return cell_at(ids, *ret_index);
}

/* The loaded magazine is full, and becomes the spare one. */
static PAWL_NOINLINE void unload(struct pawl_ids *ids, struct pawl__ids_cache *cache)
{
	if (cache->u.recycle.spare.count)
		depot_put(ids, cache, &cache->u.recycle.spare);
	cache->u.recycle.spare = cache->u.recycle.loaded;
	cache->u.recycle.loaded.count = 0;
}

int pawl__ids_recycle_free(struct pawl_ids *ids, pawl_id_t id)
{
	struct pawl__ids_cache *cache = pawl__ids_hold(ids);
	uint32_t index, gen, seen;
	struct pawl__ids_cell *cell = cell_of(ids, id, &index, &gen);

	seen = gen;
	if (PAWL_UNLIKELY(!cell) ||
	    PAWL_UNLIKELY(!pawl_cas_relaxed(&cell->gen, &seen, gen + 1))) { /* R1 */
		pawl__ids_let_go(cache);
		return pawl__ids_bad_free(ids, id);
	}
	if (PAWL_UNLIKELY(retired(ids, gen + 1)) && PAWL_MC_STEP("ids-retire")) {
		pawl_add_relaxed(&ids->retired, 1u);
	} else {
		if (PAWL_UNLIKELY(cache->u.recycle.loaded.count == ids->magazine))
			unload(ids, cache);
		put(&cache->u.recycle.loaded, cell, index);
	}
	pawl__ids_let_go(cache);
	return 0;
}

int pawl__ids_recycle_check(const struct pawl_ids *ids, pawl_id_t id)
{
	const struct pawl__ids_cell *cell;
	uint32_t index, gen, now;

	cell = cell_of(ids, id, &index, &gen);
	if (!cell)
		return -EINVAL;
	now = pawl_load_relaxed(&cell->gen);
	if (now == gen)
		return 0;
	return now > gen ? -ESTALE : -EINVAL;
}

static bool steal_from(struct pawl_ids *ids, struct pawl__ids_cache *from, void *arg)
{
	struct pawl__ids_cache *to = arg;
	struct pawl__ids_chain *chain =
		from->u.recycle.spare.count ? &from->u.recycle.spare : &from->u.recycle.loaded;

	(void)ids;
	if (!chain->count)
		return false;
	to->u.recycle.loaded = *chain;
	chain->count = 0;
	return true;
}

bool pawl__ids_recycle_steal(struct pawl_ids *ids, struct pawl__ids_cache *cache)
{
	return pawl__ids_each_cache(ids, steal_from, cache);
}

void pawl__ids_recycle_leave(struct pawl_ids *ids, struct pawl__ids_cache *cache)
{
	if (cache->u.recycle.loaded.count)
		depot_put(ids, cache, &cache->u.recycle.loaded);
	if (cache->u.recycle.spare.count)
		depot_put(ids, cache, &cache->u.recycle.spare);
	cache->u.recycle.loaded.count = 0;
	cache->u.recycle.spare.count = 0;
}

/* --- Audit: all is stopped. --- */

struct count {
	uint64_t *seen;
	struct pawl_ids_counts *audit;
};

/*
 * Mark the indexes of a list of `max` at most; returns how many, or UINT64_MAX if one was seen
 * already, is in use or cannot be.
 */
static uint64_t mark(const struct pawl_ids *ids, const struct count *count, uint64_t link,
		     uint64_t max)
{
	uint64_t n;

	for (n = 0; link && n < max; n++) {
		uint64_t index = link - 1;
		uint64_t bit = UINT64_C(1) << index % 64;
		const struct pawl__ids_cell *cell;
		uint32_t gen;

		if (index >= count->audit->next || count->seen[index / 64] & bit)
			return UINT64_MAX;
		count->seen[index / 64] |= bit;
		cell = cell_at(ids, (uint32_t)index);
		gen = pawl_load_relaxed(&cell->gen);
		if (gen & 1 || retired(ids, gen))
			return UINT64_MAX;
		link = pawl_load_relaxed(&cell->link);
	}
	return n;
}

static bool mark_cache(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	const struct pawl__ids_chain *chains[2] = {&cache->u.recycle.loaded,
						   &cache->u.recycle.spare};
	const struct count *count = arg;

	for (unsigned i = 0; i < 2; i++) {
		const struct pawl__ids_chain *chain = chains[i];

		if (!chain->count)
			continue;
		if (mark(ids, count, (uint64_t)chain->head + 1, chain->count) != chain->count)
			return true;
		count->audit->magazines += chain->count;
	}
	return false;
}

int pawl__ids_recycle_audit(struct pawl_ids *ids, uint64_t *seen, struct pawl_ids_counts *audit)
{
	struct count count = {seen, audit};

	for (unsigned i = 0; i < PAWL__IDS_DEPOTS; i++) {
		uint64_t n = mark(ids, &count, (uint32_t)pawl_load_relaxed(&ids->depot[i].top),
				  UINT64_MAX);

		if (n == UINT64_MAX)
			return -EUCLEAN;
		audit->depot += n;
	}
	if (pawl__ids_each_cache(ids, mark_cache, &count))
		return -EUCLEAN;
	for (uint64_t i = 0; i < audit->next; i++) {
		uint32_t gen = pawl_load_relaxed(&cell_at(ids, (uint32_t)i)->gen);

		if (gen & 1)
			audit->live++;
		else if (retired(ids, gen))
			audit->retired++;
		else if (!(seen[i / 64] >> i % 64 & 1))
			return -EUCLEAN; /* free, and in no list */
	}
	return audit->retired == pawl_load_relaxed(&ids->retired) ? 0 : -EUCLEAN;
}
