/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ids-durable.c - DURABLE: words of free bits, and buckets of what was freed.
 *
 * Four bits an id, in words of 64 ids:
 *
 *	busy       not to be given to anybody
 *	live       handed out
 *	parked[2]  freed, and waiting: the two buckets
 *
 * A thread that needs ids takes up to a magazine of free bits from the lowest word that has
 * any, by one read-modify-write. Freeing moves an id from live to the bucket that is being
 * filled. The buckets:
 *
 *	filling --close--> waiting --its cycle durable, its grace period over--> bits are free
 *
 * Closing stops all calls for a moment (ids.c) and exchanges the two buckets, so a free is
 * before it or after it; then the grace period begins, by a node that is retired: so it
 * begins after each free in the bucket, and none is in the hands of a thread that counts
 * itself before it. The bucket's stamp is the cycle at its closing: every deletion in it
 * belongs to that cycle or to an earlier one. While one bucket waits the other one fills, and
 * it is closed when it can be: an id waits two cycles and two grace periods at most after the
 * end of its own, if the store keeps up.
 *
 * With a store a bucket is closed at the end of a cycle. Without one, when a thread freed some
 * magazines, or when an allocation finds nothing; if one waits then, as soon as that is empty.
 *
 * Invariants (with the factory stopped):
 *  D1 live, parked[0], parked[1] and the masks of caches are disjoint, and busy is all of them.
 *  D2 the waiting bucket is written by whoever has the freezer, and by nobody else.
 *  D3 references counts a grace period under way, so the factory is there when it is over.
 *
 * Ordering:
 *  O6 a bit of busy is cleared with release when a bucket is emptied, and taken with
 *     acquire. Read-modify-writes in between (a thread that gives bits back) continue the
 *     release sequence; these ids were in nobody's hands.
 *  O7 everything before a free is before the closing of its bucket: `held` of the cache (O1);
 *     before the emptying: the freezer; before the next use: O6.
 *  Else relaxed. live: a bit is set by who holds the id and cleared by who frees it, once,
 *  since the clearing tells whether it was set. low: a hint. It can be too high when a thread
 *  gave bits back meanwhile; ids below are then found when a bucket is emptied or at the end.
 *
 * Emptying stops nobody: each word is cleared by itself. It takes time with the number of
 * words, 16,384 for a million ids.
 *
 * Bytes: half of one for an id.
 *
 * Rejected: lists of parked ids, or a queue of (id, cycle): a link or more for each id, and
 * memory where a free must not fail; a count of holds for each id: four bytes for all of them,
 * for something that their owners have already; pawl_rcu_synchronize() by who closes
 * (it may be a scheduler's worker).
 */
#include "config.h"

#include <errno.h>

#include "ids-internal.h"

/*
 * Without a store: so many magazines freed by one thread are worth a grace period (some
 * microseconds, a wake of the reclaimer and its sleep).
 */
#define TURN_MAGAZINES 16u

static struct pawl__ids_group *group_at(const struct pawl_ids *ids, uint64_t group)
{
	return pawl__table_find(&ids->table, PAWL__IDS_GROUP, group);
}

static uint64_t bit_of(uint64_t index)
{
	return UINT64_C(1) << index % 64;
}

/* The bits of a group that are ids below `end`. */
static uint64_t bits_below(uint64_t group, uint64_t end)
{
	return end - group * 64 >= 64 ? UINT64_MAX : bit_of(end) - 1;
}

static uint64_t groups_below(uint64_t end)
{
	return (end + 63) / 64;
}

/* --- Free bits. --- */

static void low_lower(struct pawl_ids *ids, uint64_t group)
{
	uint64_t low = pawl_load_relaxed(&ids->low);

	/* Lock-free: a failed exchange means that somebody else moved it. */
	while (group < low && !pawl_cas_weak_relaxed(&ids->low, &low, group))
		;
}

static void next_raise(struct pawl_ids *ids, uint64_t to)
{
	uint64_t next = pawl_load_relaxed(&ids->next);

	/* Lock-free: a failed exchange means that somebody else raised it. ids.c: O3. */
	while (next < to && !pawl_cas_weak_relaxed(&ids->next, &next, to))
		;
}

/* The lowest `n` bits of `bits`. */
static uint64_t lowest(uint64_t bits, uint32_t n)
{
	uint64_t rest = bits;

	while (n-- && rest)
		rest &= rest - 1;
	return bits & ~rest;
}

static int refill(struct pawl_ids *ids, struct pawl__ids_cache *cache, uint64_t *ret_grow)
{
	uint64_t low = pawl_load_relaxed(&ids->low);

	for (uint64_t g = low; g < groups_below(ids->count); g++) {
		struct pawl__ids_group *group = group_at(ids, g);
		uint64_t want, got;

		if (!group) {
			*ret_grow = g;
			return -EAGAIN;
		}
		/* Ends: a turn that got nothing means that others took bits of this word. */
		while ((want = lowest(~pawl_load_relaxed(&group->busy) &
					      bits_below(g, ids->count),
				      ids->magazine))) {
			got = want & ~pawl_or_acquire(&group->busy, want); /* O6 */
			if (!got)
				continue;
			cache->u.durable.group = g;
			cache->u.durable.mask = got;
			next_raise(ids, g * 64 + 64 - (uint64_t)__builtin_clzll(got));
			if (g > low)
				(void)pawl_cas_relaxed(&ids->low, &low, g);
			return 0;
		}
	}
	return -ENOSPC;
}

int pawl__ids_durable_take(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			   pawl_id_t *ret_id, uint64_t *ret_grow)
{
	uint64_t mask = cache->u.durable.mask;
	uint64_t g;

	if (PAWL_UNLIKELY(!mask)) {
		int error = refill(ids, cache, ret_grow);

		if (error)
			return error;
		mask = cache->u.durable.mask;
	}
	g = cache->u.durable.group;
	cache->u.durable.mask = mask & (mask - 1);
	pawl_or_relaxed(&group_at(ids, g)->live, mask & -mask);
	*ret_id = ids->first + g * 64 + (unsigned)__builtin_ctzll(mask);
	return 0;
}

void pawl__ids_durable_leave(struct pawl_ids *ids, struct pawl__ids_cache *cache)
{
	uint64_t mask = cache->u.durable.mask;

	if (!mask)
		return;
	cache->u.durable.mask = 0;
	pawl_and_relaxed(&group_at(ids, cache->u.durable.group)->busy, ~mask); /* O6 */
	low_lower(ids, cache->u.durable.group);
}

bool pawl__ids_durable_free(struct pawl_ids *ids, struct pawl__ids_cache *cache, pawl_id_t id,
			    bool *ret_turn)
{
	uint64_t index = id - ids->first;
	struct pawl__ids_group *group;

	if (index >= ids->count)
		return false;
	group = group_at(ids, index / 64);
	if (!group || !(pawl_and_relaxed(&group->live, ~bit_of(index)) & bit_of(index)))
		return false;
	pawl_or_relaxed(&group->parked[ids->filling], bit_of(index)); /* O7 */
	cache->freed++;
	*ret_turn = !ids->stored && cache->freed % (TURN_MAGAZINES * ids->magazine) == 0;
	return true;
}

int pawl__ids_durable_check(const struct pawl_ids *ids, pawl_id_t id)
{
	uint64_t index = id - ids->first;
	const struct pawl__ids_group *group = group_at(ids, index / 64);

	return group && pawl_load_relaxed(&group->live) & bit_of(index) ? 0 : -ESTALE;
}

/* --- Buckets. The freezer is held. --- */

/* Empty the waiting bucket if both its times are over. Returns whether it did. */
static bool empty_if_due(struct pawl_ids *ids)
{
	uint64_t end = groups_below(pawl_load_relaxed(&ids->next));
	unsigned bucket = !ids->filling;
	uint64_t lowest_group = UINT64_MAX;

	if (!ids->waiting)
		return false;
	if (!ids->grace_over && PAWL_MC_STEP("ids-grace-period"))
		return false;
	if (ids->stamp > ids->durable && PAWL_MC_STEP("ids-durable"))
		return false;
	for (uint64_t g = 0; g < end; g++) {
		struct pawl__ids_group *group = group_at(ids, g);
		uint64_t bits = group ? pawl_load_relaxed(&group->parked[bucket]) : 0;

		if (!bits)
			continue;
		pawl_store_relaxed(&group->parked[bucket], 0u); /* D2 */
		pawl_and_release(&group->busy, ~bits);		/* O6 */
		if (lowest_group == UINT64_MAX)
			lowest_group = g;
	}
	if (lowest_group != UINT64_MAX)
		low_lower(ids, lowest_group);
	ids->waiting = false;
	return true;
}

static bool add_freed(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	(void)ids;
	*(uint64_t *)arg += cache->freed;
	return false;
}

static bool clear_freed(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	(void)ids;
	(void)arg;
	cache->freed = 0;
	return false;
}

static void grace_period_over(struct pawl_retire_node *node)
{
	struct pawl_ids *ids = PAWL_CONTAINER_OF(node, struct pawl_ids, node);

	pawl_lock_lock(&ids->freezer);
	ids->grace_over = true;
	pawl_lock_unlock(&ids->freezer);
	pawl__ids_durable_turn(ids);
	pawl__ids_unref(ids);
}

/*
 * Close the filling bucket if it has `least` ids and no other one waits; all is stopped.
 * Returns true if it did: the caller flushes what it has retired, when it has let go.
 */
static bool close_frozen(struct pawl_ids *ids, uint64_t least)
{
	uint64_t freed = 0;

	if (ids->waiting || ids->dying)
		return false;
	ids->wanted = false;
	pawl__ids_each_cache(ids, add_freed, &freed);
	if (freed < least)
		return false;
	pawl__ids_each_cache(ids, clear_freed, NULL);
	ids->filling = !ids->filling;
	ids->waiting = true;
	ids->grace_over = false;
	ids->stamp = ids->cycle;
	pawl_add_relaxed(&ids->references, 1u); /* D3. Relaxed: we have one */
	(void)pawl_retire(&ids->node, 0, grace_period_over);
	return true;
}

/* A bucket is due, or a thread has freed enough for the next one. */
void pawl__ids_durable_turn(struct pawl_ids *ids)
{
	bool flush;

	pawl__ids_freeze(ids);
	(void)empty_if_due(ids);
	flush = !ids->stored &&
		close_frozen(ids, ids->wanted ? 1 : TURN_MAGAZINES * ids->magazine);
	pawl__ids_thaw(ids);
	if (flush)
		pawl_retire_flush();
}

static bool steal_from(struct pawl_ids *ids, struct pawl__ids_cache *from, void *arg)
{
	struct pawl__ids_cache *to = arg;

	(void)ids;
	if (!from->u.durable.mask)
		return false;
	to->u.durable = from->u.durable;
	from->u.durable.mask = 0;
	return true;
}

bool pawl__ids_durable_steal(struct pawl_ids *ids, struct pawl__ids_cache *cache,
			     bool *ret_flush)
{
	(void)empty_if_due(ids);
	*ret_flush = !ids->stored && close_frozen(ids, 1);
	if (PAWL_MC_STEP("ids-wanted"))
		ids->wanted = ids->waiting && !*ret_flush;
	pawl__ids_each_cache(ids, steal_from, cache);
	/* The hint may have been too high: look again, whatever was stolen. */
	pawl_store_relaxed(&ids->low, 0u);
	return true;
}

/* --- Cycles of the store. --- */

uint64_t pawl_ids_cycle_end(struct pawl_ids *ids)
{
	uint64_t ended;
	bool flush;

	PAWL_REQUIRE(ids->stored && "the factory has a store");
	pawl__ids_freeze(ids);
	ended = ids->cycle;
	flush = close_frozen(ids, 1);
	ids->cycle++;
	pawl__ids_thaw(ids);
	if (flush)
		pawl_retire_flush();
	return ended;
}

int pawl_ids_durable_up_to(struct pawl_ids *ids, uint64_t cycle)
{
	int error = 0;

	PAWL_REQUIRE(ids->stored && "the factory has a store");
	pawl_lock_lock(&ids->freezer);
	if (cycle >= ids->cycle) {
		error = -EINVAL;
	} else if (cycle > ids->durable) {
		ids->durable = cycle;
		(void)empty_if_due(ids);
	}
	pawl_lock_unlock(&ids->freezer);
	return error;
}

/* --- Start and audit. --- */

int pawl__ids_durable_init(struct pawl_ids *ids, uint64_t next)
{
	ids->cycle = ids->stored;
	for (uint64_t g = 0; g < groups_below(next); g++) {
		int error = pawl__table_grow(&ids->table, PAWL__IDS_GROUP, g);
		struct pawl__ids_group *group;

		if (error)
			return error;
		group = group_at(ids, g);
		pawl_init_word(&group->busy, bits_below(g, next));
		pawl_init_word(&group->live, bits_below(g, next));
	}
	pawl_init_word(&ids->low, next / 64);
	return 0;
}

struct tally {
	uint64_t ids;
	bool wrong;
};

/* Take the bits of a magazine out of busy: if they are not there, another one had them, too. */
static bool take_out(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	struct tally *tally = arg;
	uint64_t mask = cache->u.durable.mask;
	struct pawl__ids_group *group;
	uint64_t busy;

	if (!mask)
		return false;
	group = group_at(ids, cache->u.durable.group);
	busy = pawl_load_relaxed(&group->busy);
	if (mask & ~busy)
		tally->wrong = true;
	tally->ids += (unsigned)__builtin_popcountll(mask);
	pawl_store_relaxed(&group->busy, busy & ~mask);
	return false;
}

static bool put_back(struct pawl_ids *ids, struct pawl__ids_cache *cache, void *arg)
{
	(void)arg;
	if (cache->u.durable.mask)
		pawl_or_relaxed(&group_at(ids, cache->u.durable.group)->busy,
				cache->u.durable.mask);
	return false;
}

int pawl__ids_durable_audit(struct pawl_ids *ids, struct pawl_ids_counts *audit)
{
	struct tally tally = {0};
	uint64_t busy_ids = 0;

	pawl__ids_each_cache(ids, take_out, &tally);
	for (uint64_t g = 0; g < groups_below(audit->next); g++) {
		const struct pawl__ids_group *group = group_at(ids, g);
		uint64_t live = pawl_load_relaxed(&group->live);
		uint64_t parked0 = pawl_load_relaxed(&group->parked[0]);
		uint64_t parked1 = pawl_load_relaxed(&group->parked[1]);
		uint64_t busy = pawl_load_relaxed(&group->busy);

		if ((live & parked0) | (live & parked1) | (parked0 & parked1) |
		    (busy ^ (live | parked0 | parked1)) | (busy & ~bits_below(g, audit->next)))
			tally.wrong = true;
		audit->live += (unsigned)__builtin_popcountll(live);
		audit->parked += (unsigned)__builtin_popcountll(parked0 | parked1);
		busy_ids += (unsigned)__builtin_popcountll(busy);
	}
	pawl__ids_each_cache(ids, put_back, NULL);
	audit->magazines = tally.ids;
	audit->depot = audit->next - busy_ids - tally.ids;
	return tally.wrong ? -EUCLEAN : 0;
}
