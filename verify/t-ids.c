/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/ids*.c. Each id has a plain word that its owner writes: two owners at
 * one time, or an owner who does not see what the one before did, are a race. After each
 * run an audit must find every id in one place. Magazines hold one id or two. The caches of
 * the threads are there before they start, unless the scenario is about making them.
 *
 *  new                  two threads take ids that were never used
 *  reuse                each takes and gives, from the depot
 *  exchange             both give so much that magazines go to the depot and come back
 *  aba                  the depot's top is taken, the one below, and the top is put back
 *  pair                 the same with two ids a magazine: a chain is followed while it is taken
 *  apart double-free          of two frees of one handle one fails
 *  retire               the last generation is freed while another thread looks for an id
 *  retire-double        and when two free it
 *  stale                a stale handle is stale while its index is used anew
 *  steal                -ENOSPC means that there was none: what was freed before is found
 *  steal-both           two ids in a third one's magazines, two who need them
 *  audit                an audit beside taking and giving
 *  leave                magazines go back to the depot beside an allocation
 *  make                 the first call of two threads: a page for both, a cache for each
 *  grow                 the table grows for both
 *  common               two threads in one cache, as when there is no memory for their own
 *  depots               each has a stack of its own in the depot, and looks into the other's
 *  spare                the second magazine of a cache
 *  new-link             a link in the depot leads to where the table was too short a moment ago
 *  two-segments         new indexes from two segments at once
 *  leave-make           a detach of a thread that has no cache, beside the making of a page
 *  leave-steal          a detach beside one who looks everywhere
 *  once, once-end       MONOTONE: each number once; at the end none is left over
 *  words                DURABLE: two threads take from one word
 *  words-double-free    of two frees of one id one fails
 *  words-grow           the table grows for both
 *  words-low            the lowest word comes back while another one is taken
 *  restart              a factory that goes on
 *  words-audit          an audit beside taking and giving
 *  words-leave          bits go back beside an allocation
 *  not-durable          nothing comes back before its deletion is durable
 *  cycle                a free beside the end of a cycle that becomes durable
 *  grace-period         nothing comes back while a section is open that may hold it
 *  turn                 a free that starts a grace period, beside an allocation
 *  asked                who finds nothing asks for what was freed, also if a bucket waits
 *  destroy              the factory goes while a grace period is under way
 */
#include "scenario.h"

#include <errno.h>

#include "ids-internal.h"

static struct pawl_ids *ids;
static unsigned data[8];
static pawl_id_t held[4];
static struct pawl_atomic_u32 flag, winners;

static struct pawl__ids_cache *cache_of(unsigned slot)
{
	struct pawl__ids_page *page =
		pawl_load_relaxed(&ids->page[slot >> PAWL__IDS_PAGE_LOG2]);

	return page ? pawl_load_relaxed(&page->cache[slot % (1u << PAWL__IDS_PAGE_LOG2)])
		    : NULL;
}

static void create(enum pawl_ids_policy policy, uint32_t magazine, uint64_t last,
		   uint32_t generation, uint32_t stored)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;

	options.policy = policy;
	options.magazine = magazine;
	options.last = last;
	options.generation = generation;
	options.stored = stored;
	mc_assert(pawl_ids_create(&options, &ids) == 0);
	memset(data, 0, sizeof(data));
	memset(held, 0, sizeof(held));
	pawl_init_word(&flag, 0u);
	pawl_init_word(&winners, 0u);
}

/* The main thread stays attached from setup to finish: the reclaimer lives as long. */

/* Caches for all threads of the scenario, and the first segment. */
static void prepare(void)
{
	mc_assert(pawl__table_grow(&ids->table,
				   ids->policy == PAWL_IDS_DURABLE ? PAWL__IDS_GROUP
								   : PAWL__IDS_CELL,
				   0) == 0);
	for (unsigned slot = 0; slot < 5; slot++)
		if (!cache_of(slot))
			mc_assert(pawl__ids_cache_make(ids, slot));
	/* All use one stack of the depot. */
	for (unsigned slot = 0; slot < 5; slot++)
		cache_of(slot)->depot = 0;
}

static void leave(void)
{
	ids->leaver.leave(&ids->leaver, pawl_thread_slot());
}

static pawl_id_t get(void)
{
	pawl_id_t id = 0;

	mc_assert(pawl_ids_alloc(ids, &id) == 0);
	data[pawl_id_index(id)]++;
	return id;
}

static void put(pawl_id_t id)
{
	data[pawl_id_index(id)]++;
	mc_assert(pawl_ids_free(ids, id) == 0);
}

/* `n` ids are used and freed, and are in the depot. */
static void fill_depot(unsigned n)
{
	pawl_id_t id[4];

	for (unsigned i = 0; i < n; i++)
		id[i] = get();
	while (n--)
		put(id[n]);
	leave();
}

static struct pawl_ids_counts audit(void)
{
	struct pawl_ids_counts all;

	mc_assert(pawl_ids_audit(ids, &all) == 0);
	mc_assert(all.live + all.magazines + all.depot + all.parked + all.retired ==
		  all.next - 1);
	return all;
}

static void finish(void)
{
	(void)audit();
	pawl_ids_destroy(ids);
	ids = NULL;
	pawl_retire_barrier();
	pawl_thread_detach();
}

/* ---- RECYCLE ------------------------------------------------------------- */

static void setup_new(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 5, 0, 0);
	prepare();
}

static void setup_depot_of(uint32_t magazine, uint64_t last, unsigned n)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, magazine, last, 0, 0);
	prepare();
	fill_depot(n);
}

static void setup_depot(void)
{
	setup_depot_of(1, 5, 3);
}

static void setup_pair(void)
{
	setup_depot_of(2, 6, 4);
}

static void take_one(void)
{
	(void)get();
}

static void take_two(void)
{
	(void)get();
	(void)get();
}

static void take_give(void)
{
	put(get());
}

static void take_two_give_two(void)
{
	pawl_id_t first = get(), second = get();

	put(first);
	put(second);
}

/* Both magazines are full after two; the third one goes to the depot. */
static void setup_exchange(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 6, 0, 0);
	prepare();
	for (unsigned i = 0; i < 3; i++)
		held[i] = get();
	fill_depot(1);
}

static void give_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		put(held[i]);
}

static void put_top_back(void)
{
	pawl_id_t top = get();

	(void)get();
	put(top);
	leave();
}

static void setup_held(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 2, 0, 0);
	prepare();
	held[0] = get();
}

static void give_held(void)
{
	if (pawl_ids_free(ids, held[0]) == 0)
		pawl_add_relaxed(&winners, 1u);
}

static void finish_one_winner(void)
{
	mc_assert(pawl_load_relaxed(&winners) == 1);
	finish();
}

static void setup_last_generation(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 1, UINT32_MAX - 3, 0);
	prepare();
	held[0] = get();
	mc_assert(pawl_id_generation(held[0]) == UINT32_MAX - 2);
}

static void take_none(void)
{
	pawl_id_t id;

	mc_assert(pawl_ids_alloc(ids, &id) == -ENOSPC);
}

static void finish_retired(void)
{
	pawl_id_t id;

	mc_assert(pawl_load_relaxed(&winners) == 1);
	mc_assert(audit().retired == 1);
	mc_assert(pawl_ids_alloc(ids, &id) == -ENOSPC);
	mc_assert(pawl_ids_check(ids, held[0]) == -ESTALE);
	finish();
}

static void setup_stale(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 1, 0, 0);
	prepare();
	held[0] = get();
	put(held[0]);
}

static void is_stale(void)
{
	mc_assert(pawl_ids_check(ids, held[0]) == -ESTALE);
	mc_assert(pawl_ids_free(ids, held[0]) == -EINVAL);
}

static void setup_one(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 1, 0, 0);
	prepare();
	held[0] = get();
}

static void give_and_say(void)
{
	put(held[0]);
	pawl_store_release(&flag, 1u);
}

static void take_if_said(void)
{
	bool said = pawl_load_acquire(&flag);
	pawl_id_t id;
	int error = pawl_ids_alloc(ids, &id);

	mc_assert(!error || (error == -ENOSPC && !said));
	if (!error)
		data[pawl_id_index(id)]++;
}

/* Two ids, all there are, in the magazines of the thread that made them. */
static void setup_steal_both(void)
{
	pawl_id_t first, second;

	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 2, 0, 0);
	prepare();
	first = get();
	second = get();
	put(first);
	put(second);
}

static void auditor(void)
{
	(void)audit();
}

static void take_give_leave(void)
{
	put(get());
	leave();
}

static void setup_make(void)
{
	scn_attach();
	create(PAWL_IDS_RECYCLE, 1, 5, 0, 0);
	mc_assert(pawl__table_grow(&ids->table, PAWL__IDS_CELL, 0) == 0);
}

static void setup_grow_of(enum pawl_ids_policy policy)
{
	scn_attach();
	create(policy, 1, 5, 0, 0);
	for (unsigned slot = 0; slot < 5; slot++)
		mc_assert(pawl__ids_cache_make(ids, slot));
}

static void setup_grow(void)
{
	setup_grow_of(PAWL_IDS_RECYCLE);
}

static void setup_common(void)
{
	struct pawl__ids_page *page;

	setup_new();
	page = pawl_load_relaxed(&ids->page[0]);
	for (unsigned slot = 0; slot < 5; slot++)
		pawl_store_relaxed(&page->cache[slot], (void *)&ids->common);
}

static void setup_depots(void)
{
	setup_depot();
	for (unsigned slot = 0; slot < 5; slot++)
		cache_of(slot)->depot = slot;
}

static void take_again(void)
{
	take_two_give_two();
	take_two_give_two();
	mc_assert(pawl_ids_next(ids) <= 6);
}

/* The depot has one index, and the first segment of the table is used up. */
static void setup_new_link(void)
{
	pawl_id_t id = 0;

	scn_attach();
	create(PAWL_IDS_RECYCLE, 2, 70, 0, 0);
	prepare();
	for (unsigned i = 0; i < 64; i++)
		mc_assert(pawl_ids_alloc(ids, &id) == 0);
	mc_assert(pawl_ids_free(ids, id) == 0);
	leave();
}

static void take_any(void)
{
	pawl_id_t id;

	mc_assert(pawl_ids_alloc(ids, &id) == 0);
}

/* The link of the one that was in the depot leads into the new segment. */
static void make_new_link(void)
{
	pawl_id_t first, second;

	mc_assert(pawl_ids_alloc(ids, &first) == 0);
	mc_assert(pawl_ids_alloc(ids, &second) == 0);
	mc_assert(pawl_ids_free(ids, first) == 0);
}

/* The next magazine has the last index of one segment and the first of another. */
static void setup_two_segments(void)
{
	pawl_id_t id;

	scn_attach();
	create(PAWL_IDS_RECYCLE, 3, 70, 0, 0);
	prepare();
	for (unsigned i = 0; i < 63; i++)
		mc_assert(pawl_ids_alloc(ids, &id) == 0);
}

/* Had no cache when it leaves; the other one makes the page. */
static void leave_only(void)
{
	leave();
}

static void give_leave(void)
{
	put(held[0]);
	leave();
}

static void take_maybe(void)
{
	pawl_id_t id;

	if (pawl_ids_alloc(ids, &id) == 0)
		data[pawl_id_index(id)]++;
}

/* ---- MONOTONE --------------------------------------------------------------- */

static void setup_once(void)
{
	scn_attach();
	create(PAWL_IDS_MONOTONE, 2, 6, 0, 0);
	prepare();
}

static void setup_once_end(void)
{
	scn_attach();
	create(PAWL_IDS_MONOTONE, 2, 2, 0, 0);
	prepare();
}

static void finish_once_end(void)
{
	mc_assert(data[1] == 1 && data[2] == 1);
	finish();
}

/* ---- DURABLE ------------------------------------------------------------------ */

static void setup_words(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 1, 7, 0, 0);
	prepare();
	held[0] = get();
}

static void give_held_check(void)
{
	mc_assert(pawl_ids_check(ids, 7) != 0);
	give_held();
	mc_assert(pawl_ids_check(ids, held[0]) == -ESTALE);
}

static void setup_words_audit(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 2, 7, 0, 0);
	prepare();
	held[0] = get();
}

static void setup_words_grow(void)
{
	setup_grow_of(PAWL_IDS_DURABLE);
}

/* The next free of any thread is one too many to wait with a grace period. */
static void setup_turn(void)
{
	setup_words();
	for (unsigned slot = 0; slot < 5; slot++)
		cache_of(slot)->freed = 15;
}

/* The main thread's magazine has the first word. */
static void setup_words_low(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 64, 200, 0, 0);
	prepare();
	held[0] = pawl_thread_slot();
	mc_assert(get() == 1);
}

static void give_back_low(void)
{
	ids->leaver.leave(&ids->leaver, (uint32_t)held[0]);
}

static void restart(void)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;
	struct pawl_ids *again;

	options.policy = PAWL_IDS_DURABLE;
	options.next = 70;
	mc_assert(pawl_ids_create(&options, &again) == 0);
	mc_assert(pawl_ids_check(again, 69) == 0);
	mc_assert(pawl_ids_check(again, 70) == -EINVAL);
	pawl_ids_destroy(again);
}

static void take_leave(void)
{
	(void)get();
	leave();
}

static void setup_words_leave(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 2, 4, 0, 0);
	prepare();
}

/* The only id there is is in use. */
static void setup_stored(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 1, 1, 0, 1);
	prepare();
	held[0] = get();
}

/* It was freed, its cycle has ended and its grace period is over. */
static void setup_parked(void)
{
	setup_stored();
	put(held[0]);
	mc_assert(pawl_ids_cycle_end(ids) == 1);
	pawl_retire_barrier();
}

static void becomes_durable(void)
{
	pawl_store_relaxed(&flag, 1u);
	mc_assert(pawl_ids_durable_up_to(ids, 1) == 0);
}

/* Had it, it was durable; and what was done before that is seen. */
static void take_when_durable(void)
{
	pawl_id_t id;

	if (pawl_ids_alloc(ids, &id) == 0) {
		mc_assert(pawl_load_relaxed(&flag) == 1);
		data[pawl_id_index(id)]++;
	}
}

static void give_in_cycle(void)
{
	put(held[0]);
}

static void end_cycle(void)
{
	mc_assert(pawl_ids_cycle_end(ids) == 1);
	mc_assert(pawl_ids_durable_up_to(ids, 1) == 0);
}

static void finish_cycle(void)
{
	pawl_id_t id;

	/* Freed in cycle 1, it is back after its grace period; else it needs cycle 2. */
	pawl_retire_barrier();
	if (pawl_ids_alloc(ids, &id) != 0) {
		mc_assert(pawl_ids_cycle_end(ids) == 2);
		mc_assert(pawl_ids_durable_up_to(ids, 2) == 0);
		pawl_retire_barrier();
		mc_assert(pawl_ids_alloc(ids, &id) == 0);
	}
	finish();
}

/* Who saw the id published may use it to the end of the section. */
static void reader(void)
{
	pawl_rcu_begin();
	if (!pawl_load_relaxed(&flag))
		mc_assert(data[1] == 1);
	pawl_rcu_end();
}

static void unpublish_free_take(void)
{
	pawl_id_t id;

	pawl_store_relaxed(&flag, 1u);
	mc_assert(pawl_ids_free(ids, held[0]) == 0);
	mc_assert(pawl_ids_alloc(ids, &id) == -ENOSPC); /* starts a grace period */
	if (pawl_ids_alloc(ids, &id) == 0)
		data[1] = 7;
}

static void setup_not_stored(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 1, 1, 0, 0);
	prepare();
	held[0] = get();
}

/* Both that there are. */
static void setup_asked(void)
{
	scn_attach();
	create(PAWL_IDS_DURABLE, 1, 2, 0, 0);
	prepare();
	held[0] = get();
	held[1] = get();
}

static void ask_twice(void)
{
	pawl_id_t id;

	put(held[0]);
	mc_assert(pawl_ids_alloc(ids, &id) == -ENOSPC); /* starts a grace period */
	put(held[1]);
	if (pawl_ids_alloc(ids, &id) != 0)
		pawl_store_relaxed(&flag, 1u);
}

/* The one who asked in vain gets all that was freed before, after two grace periods. */
static void finish_asked(void)
{
	pawl_retire_barrier();
	pawl_retire_barrier();
	if (pawl_load_relaxed(&flag))
		mc_assert(audit().parked == 0);
	finish();
}

static void free_and_destroy(void)
{
	pawl_id_t id;

	put(held[0]);
	mc_assert(pawl_ids_alloc(ids, &id) == -ENOSPC); /* starts a grace period */
	pawl_ids_destroy(ids);
}

static void finish_destroyed(void)
{
	ids = NULL;
	pawl_retire_barrier();
	pawl_thread_detach();
}

static const struct mc_scenario scenarios[] = {
	{.name = "new",
	 .setup = setup_new,
	 .threads = {take_two, take_two},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "reuse",
	 .setup = setup_depot,
	 .threads = {take_give, take_give},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "exchange",
	 .setup = setup_exchange,
	 .threads = {give_three, take_two},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "aba",
	 .setup = setup_depot,
	 .threads = {take_one, put_top_back},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "pair",
	 .setup = setup_pair,
	 .threads = {take_one, take_two_give_two},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "double-free",
	 .setup = setup_held,
	 .threads = {give_held, give_held},
	 .finish = finish_one_winner},
	{.name = "retire",
	 .setup = setup_last_generation,
	 .threads = {give_held, take_none},
	 .finish = finish_retired},
	{.name = "retire-double",
	 .setup = setup_last_generation,
	 .threads = {give_held, give_held},
	 .finish = finish_retired},
	{.name = "stale",
	 .setup = setup_stale,
	 .threads = {is_stale, take_give},
	 .finish = finish},
	{.name = "steal",
	 .setup = setup_one,
	 .threads = {give_and_say, take_if_said},
	 .finish = finish},
	{.name = "steal-both",
	 .setup = setup_steal_both,
	 .threads = {take_one, take_one},
	 .finish = finish},
	{.name = "audit",
	 .setup = setup_depot,
	 .threads = {take_give, auditor},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "leave",
	 .setup = setup_depot,
	 .threads = {take_give_leave, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "make",
	 .setup = setup_make,
	 .threads = {take_one, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "grow",
	 .setup = setup_grow,
	 .threads = {take_one, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "common",
	 .setup = setup_common,
	 .threads = {take_give, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "depots",
	 .setup = setup_depots,
	 .threads = {take_give, put_top_back},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "spare",
	 .setup = setup_new,
	 .threads = {take_again, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "new-link",
	 .setup = setup_new_link,
	 .threads = {take_any, make_new_link},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "two-segments",
	 .setup = setup_two_segments,
	 .threads = {take_any, take_any},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "leave-make",
	 .setup = setup_make,
	 .threads = {leave_only, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "leave-steal",
	 .setup = setup_one,
	 .threads = {give_leave, take_maybe},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "once",
	 .setup = setup_once,
	 .threads = {take_two, take_two},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "once-end",
	 .setup = setup_once_end,
	 .threads = {take_one, take_one},
	 .finish = finish_once_end,
	 .no_spurious = true},
	{.name = "words",
	 .setup = setup_words,
	 .threads = {take_two, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "words-double-free",
	 .setup = setup_words,
	 .threads = {give_held_check, give_held},
	 .finish = finish_one_winner},
	{.name = "words-grow",
	 .setup = setup_words_grow,
	 .threads = {take_one, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "words-low",
	 .setup = setup_words_low,
	 .threads = {give_back_low, take_any},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "restart", .setup = setup_words, .threads = {restart}, .finish = finish},
	{.name = "words-audit",
	 .setup = setup_words_audit,
	 .threads = {take_give, auditor},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "words-leave",
	 .setup = setup_words_leave,
	 .threads = {take_leave, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "not-durable",
	 .setup = setup_parked,
	 .threads = {becomes_durable, take_when_durable},
	 .finish = finish},
	{.name = "cycle",
	 .setup = setup_stored,
	 .threads = {give_in_cycle, end_cycle},
	 .finish = finish_cycle},
	{.name = "grace-period",
	 .setup = setup_not_stored,
	 .threads = {reader, unpublish_free_take},
	 .finish = finish},
	{.name = "turn",
	 .setup = setup_turn,
	 .threads = {give_in_cycle, take_one},
	 .finish = finish,
	 .no_spurious = true},
	{.name = "asked",
	 .setup = setup_asked,
	 .threads = {ask_twice},
	 .finish = finish_asked,
	 .ideal_locks = true,
	 .ideal_parks = true},
	{.name = "destroy",
	 .setup = setup_not_stored,
	 .threads = {free_and_destroy},
	 .finish = finish_destroyed},
};
MC_MAIN(scenarios)
