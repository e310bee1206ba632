/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unit tests of lib/ids*.c. Uniqueness is shown by an owner for each id: who gets one finds no
 * other owner there, who frees one leaves none. When freed ids come back: t-ids-durable.c.
 */
#include "ids.h"

#include <stdlib.h>

#include "ids-internal.h"

/* ---- options ----------------------------------------------------------- */

static void refused(const struct pawl_ids_options *options, int error)
{
	struct pawl_ids *ids = NULL;

	t_assert_errno(pawl_ids_create(options, &ids), error);
	assert_null(ids);
}

static void case_options(void **state)
{
	struct pawl_ids_options options;

	(void)state;
#define REFUSED(policy_, error, ...)           \
	do {                                   \
		options = options_of(policy_); \
		__VA_ARGS__;                   \
		refused(&options, error);      \
	} while (0)
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.size--);
	REFUSED(PAWL_IDS_RECYCLE, E2BIG, options.size++);
	REFUSED(PAWL_IDS_POLICY_COUNT, EINVAL, (void)0);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.magazine = 0);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.magazine = PAWL_IDS_MAGAZINE_MAX + 1);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, (options.first = 8, options.last = 7));
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.last = PAWL_IDS_LAST_RECYCLE + 1);
	REFUSED(PAWL_IDS_DURABLE, EINVAL, options.last = PAWL_IDS_LAST_DURABLE + 1);
	REFUSED(PAWL_IDS_MONOTONE, EINVAL, options.last = PAWL_IDS_LAST_MONOTONE + 1);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.first = 0);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.next = 5);
	/* The last generation is never in use: an id that began with it would be lost. */
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.generation = UINT32_MAX - 1);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.generation = 1);
	REFUSED(PAWL_IDS_DURABLE, EINVAL, options.generation = 2);
	REFUSED(PAWL_IDS_RECYCLE, EINVAL, options.stored = 1);
	REFUSED(PAWL_IDS_DURABLE, EINVAL, options.stored = 2);
	REFUSED(PAWL_IDS_DURABLE, EINVAL, (options.first = 8, options.next = 7));
	REFUSED(PAWL_IDS_DURABLE, EINVAL, (options.last = 8, options.next = 10));
#undef REFUSED
	pawl_ids_destroy(NULL);
}

/* ---- the end of each range --------------------------------------------- */

/* All ids of [last - count + 1, last], each once, from a factory that starts near its end. */
static void the_end(enum pawl_ids_policy policy, uint64_t last, unsigned count)
{
	struct pawl_ids_options options = options_of(policy);
	bool seen[300] = {false};
	struct pawl_ids *ids;

	assert_true(count <= 300);
	options.first = last - count + 1;
	options.last = last;
	ids = make(&options);
	assert_int_equal(pawl_ids_next(ids), options.first);
	for (unsigned i = 0; i < count; i++) {
		pawl_id_t id = get(ids);
		uint64_t number = policy == PAWL_IDS_RECYCLE ? pawl_id_index(id) : id;

		assert_in_range(number, options.first, last);
		assert_false(seen[number - options.first]);
		seen[number - options.first] = true;
		assert_int_equal(pawl_ids_check(ids, id), 0);
	}
	assert_full(ids);
	assert_full(ids);
	assert_int_equal(pawl_ids_next(ids), last + 1);
	assert_int_equal(audit(ids).live, count);
	pawl_ids_destroy(ids);
}

static void case_ends(void **state)
{
	static const unsigned counts[] = {1, 31, 32, 33, 64, 65, 200, 257};

	(void)state;
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		the_end(PAWL_IDS_MONOTONE, PAWL_IDS_LAST_MONOTONE, counts[i]);
		the_end(PAWL_IDS_MONOTONE, UINT32_MAX, counts[i]);
		the_end(PAWL_IDS_RECYCLE, PAWL_IDS_LAST_RECYCLE, counts[i]);
		the_end(PAWL_IDS_DURABLE, PAWL_IDS_LAST_DURABLE, counts[i]);
	}
}

/* What has an end has ids again after a free, by whichever thread. */
static void free_from_elsewhere(void *arg)
{
	struct pawl_ids **ids = arg;

	put(ids[0], (pawl_id_t)(uintptr_t)ids[1]);
}

static void case_recovers(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	pawl_id_t id[100];
	struct pawl_ids *ids;

	(void)state;
	options.last = 100;
	ids = make(&options);
	for (unsigned i = 0; i < 100; i++)
		id[i] = get(ids);
	for (unsigned i = 0; i < 100; i++) {
		void *arg[2] = {ids, (void *)(uintptr_t)id[i]};
		pawl_id_t again;

		assert_full(ids);
		if (i % 10)
			put(ids, id[i]);
		else
			t_thread_join(t_thread_start(free_from_elsewhere, arg));
		again = get(ids);
		assert_int_equal(pawl_id_index(again), pawl_id_index(id[i]));
		assert_int_equal(pawl_id_generation(again), pawl_id_generation(id[i]) + 2);
	}
	pawl_ids_destroy(ids);
}

/* Ids in the magazines of a thread that is still attached are found. */
struct keeper {
	struct pawl_ids *ids;
	struct t_barrier *barrier;
	pawl_id_t id;
};

static void keep(void *arg)
{
	struct keeper *keeper = arg;

	/* One is used, the rest of the magazine lies here. */
	keeper->id = get(keeper->ids);
	t_barrier_wait(keeper->barrier);
	t_barrier_wait(keeper->barrier);
}

static void steal(enum pawl_ids_policy policy)
{
	struct pawl_ids_options options = options_of(policy);
	struct keeper keeper = {NULL, t_barrier_make(2), 0};
	struct t_thread *thread;

	options.last = 40;
	keeper.ids = make(&options);
	thread = t_thread_start(keep, &keeper);
	t_barrier_wait(keeper.barrier);
	assert_int_equal(audit(keeper.ids).magazines, 31);
	for (unsigned i = 0; i < 39; i++)
		assert_int_not_equal(get(keeper.ids), keeper.id);
	assert_full(keeper.ids);
	assert_int_equal(audit(keeper.ids).live, 40);
	t_barrier_wait(keeper.barrier);
	t_thread_join(thread);
	t_barrier_drop(keeper.barrier);
	assert_full(keeper.ids);
	pawl_ids_destroy(keeper.ids);
}

static void case_steals(void **state)
{
	(void)state;
	steal(PAWL_IDS_MONOTONE);
	steal(PAWL_IDS_RECYCLE);
	steal(PAWL_IDS_DURABLE);
}

/* ---- bad frees ---------------------------------------------------------- */

static struct pawl_report reported;

static void note_report(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	(void)hook;
	reported = *report;
}

static const struct pawl_report_hook hook = {note_report};

static void bad(struct pawl_ids *ids, pawl_id_t id)
{
	uint64_t before = pawl_report_count(PAWL_REPORT_IDS_BAD_FREE);
	struct pawl_ids_counts was = audit(ids), is;

	t_assert_errno(pawl_ids_free(ids, id), EINVAL);
	assert_int_equal(pawl_report_count(PAWL_REPORT_IDS_BAD_FREE), before + 1);
	assert_int_equal(reported.kind, PAWL_REPORT_IDS_BAD_FREE);
	assert_int_equal(reported.value, id);
	assert_ptr_equal(reported.subject, ids);
	is = audit(ids);
	assert_memory_equal(&was, &is, sizeof(was));
}

static void case_bad_frees(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	struct pawl_ids *ids = make(&options);
	pawl_id_t id = get(ids), other = get(ids);

	(void)state;
	pawl_report_set_hook(&hook);
	assert_string_equal(pawl_report_kind_name(PAWL_REPORT_IDS_BAD_FREE), "ids-bad-free");
	bad(ids, 0);
	bad(ids, pawl_id_index(id));			   /* generation 0 */
	bad(ids, id + (UINT64_C(2) << 32));		   /* a generation to come */
	bad(ids, id + (UINT64_C(1) << 32));		   /* an even one */
	bad(ids, (id & ~(uint64_t)UINT32_MAX) | 0);	   /* below first */
	bad(ids, (id & ~(uint64_t)UINT32_MAX) | 30000000); /* beyond the table */
	put(ids, id);
	bad(ids, id);
	id = get(ids);
	put(ids, id);
	bad(ids, id - (UINT64_C(2) << 32));
	put(ids, other);
	pawl_ids_destroy(ids);

	options = options_of(PAWL_IDS_DURABLE);
	ids = make(&options);
	id = get(ids);
	bad(ids, 0);
	bad(ids, id + 1);
	bad(ids, 3000);
	bad(ids, UINT64_MAX);
	put(ids, id);
	bad(ids, id);
	pawl_ids_destroy(ids);

	options = options_of(PAWL_IDS_MONOTONE);
	ids = make(&options);
	bad(ids, get(ids));
	pawl_ids_destroy(ids);
	pawl_report_set_hook(NULL);
}

/* ---- handles ------------------------------------------------------------ */

static void case_check(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	struct pawl_ids *ids = make(&options);
	pawl_id_t id = get(ids), later;

	(void)state;
	assert_int_equal(pawl_id_generation(id), 1);
	assert_int_equal(pawl_id_index(id), 1);
	assert_int_equal(pawl_ids_check(ids, id), 0);
	put(ids, id);
	t_assert_errno(pawl_ids_check(ids, id), ESTALE);
	later = get(ids);
	assert_int_equal(pawl_id_index(later), pawl_id_index(id));
	assert_int_not_equal(later, id);
	t_assert_errno(pawl_ids_check(ids, id), ESTALE);
	assert_int_equal(pawl_ids_check(ids, later), 0);
	t_assert_errno(pawl_ids_check(ids, later + (UINT64_C(2) << 32)), EINVAL);
	t_assert_errno(pawl_ids_check(ids, 0), EINVAL);
	t_assert_errno(pawl_ids_check(ids, UINT64_MAX), EINVAL);
	pawl_ids_destroy(ids);

	options = options_of(PAWL_IDS_DURABLE);
	ids = make(&options);
	id = get(ids);
	assert_int_equal(pawl_ids_check(ids, id), 0);
	put(ids, id);
	t_assert_errno(pawl_ids_check(ids, id), ESTALE);
	t_assert_errno(pawl_ids_check(ids, 0), EINVAL);
	t_assert_errno(pawl_ids_check(ids, 5000), EINVAL);
	pawl_ids_destroy(ids);

	options = options_of(PAWL_IDS_MONOTONE);
	ids = make(&options);
	id = get(ids);
	assert_int_equal(pawl_ids_check(ids, id), 0);
	t_assert_errno(pawl_ids_check(ids, 0), EINVAL);
	t_assert_errno(pawl_ids_check(ids, 33), EINVAL);
	pawl_ids_destroy(ids);
}

/* An index is retired before its generation wraps; its last handle stays the only one. */
static void case_wrap_retires(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	uint32_t last_generation[4] = {0};
	struct pawl_ids *ids;
	pawl_id_t id, last = 0;
	unsigned got = 0;

	(void)state;
	options.last = 3;
	options.generation = UINT32_MAX - 7; /* even; -6, -4, -2 are in use, -1 is the end */
	ids = make(&options);
	while (pawl_ids_alloc(ids, &id) == 0) {
		assert_true(pawl_id_generation(id) > last_generation[pawl_id_index(id)]);
		last_generation[pawl_id_index(id)] = pawl_id_generation(id);
		got++;
		last = id;
		put(ids, id);
		t_assert_errno(pawl_ids_check(ids, id), ESTALE);
	}
	assert_int_equal(got, 9);
	assert_int_equal(pawl_id_generation(last), UINT32_MAX - 2);
	assert_full(ids);
	assert_int_equal(audit(ids).retired, 3);
	t_assert_errno(pawl_ids_free(ids, last), EINVAL);
	pawl_ids_destroy(ids);
}

/* ---- magazines, depot, detach ------------------------------------------- */

static void use_and_leave(void *arg)
{
	struct pawl_ids **ids = arg;

	for (unsigned f = 0; f < 3; f++) {
		pawl_id_t id[80];

		for (unsigned i = 0; i < 80; i++)
			id[i] = get(ids[f]);
		for (unsigned i = 0; i < 70; i++)
			if (f != PAWL_IDS_MONOTONE)
				put(ids[f], id[i]);
	}
}

static void case_detach_gives_back(void **state)
{
	struct pawl_ids *ids[3];
	struct pawl_ids_counts all;

	(void)state;
	for (unsigned f = 0; f < 3; f++) {
		struct pawl_ids_options options = options_of(f);

		ids[f] = make(&options);
	}
	t_thread_join(t_thread_start(use_and_leave, ids));
	all = audit(ids[PAWL_IDS_RECYCLE]);
	assert_int_equal(all.live, 10);
	assert_int_equal(all.magazines, 0);
	assert_int_equal(all.depot, 86);
	all = audit(ids[PAWL_IDS_DURABLE]);
	assert_int_equal(all.live, 10);
	assert_int_equal(all.magazines, 0);
	assert_int_equal(all.parked + all.depot, all.next - 1 - 10);
	/* The lease stays with the slot. */
	all = audit(ids[PAWL_IDS_MONOTONE]);
	assert_int_equal(all.live, 80);
	assert_int_equal(all.magazines, 16);
	t_thread_join(t_thread_start(use_and_leave, ids));
	assert_int_equal(audit(ids[PAWL_IDS_MONOTONE]).live, 160);
	assert_int_equal(pawl_ids_next(ids[PAWL_IDS_MONOTONE]), 161);
	for (unsigned f = 0; f < 3; f++)
		pawl_ids_destroy(ids[f]);
}

struct stay {
	struct pawl_ids *ids;
	struct t_barrier *barrier;
};

static void use_and_stay(void *arg)
{
	struct stay *stay = arg;

	put(stay->ids, get(stay->ids));
	t_barrier_wait(stay->barrier);
	/* The factory is destroyed here. */
	t_barrier_wait(stay->barrier);
}

static void case_destroy_while_attached(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	struct stay stay = {make(&options), t_barrier_make(2)};
	struct pawl_ids *before = make(&options), *after = make(&options);
	struct t_thread *thread;

	(void)state;
	thread = t_thread_start(use_and_stay, &stay);
	t_barrier_wait(stay.barrier);
	/* In the middle, at the start and at the end of the list of factories. */
	pawl_ids_destroy(stay.ids);
	pawl_ids_destroy(before);
	pawl_ids_destroy(after);
	t_barrier_wait(stay.barrier);
	t_thread_join(thread);
	t_barrier_drop(stay.barrier);
}

/* No memory for a cache: the common one serves, and freeing does not fail. */
static void case_no_memory_for_a_cache(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	struct pawl_ids *ids = make(&options);
	pawl_id_t id, other;

	(void)state;
	assert_int_equal(pawl__table_grow(&ids->table, PAWL__IDS_CELL, 0), 0);
	t_alloc_fail_at(1);
	id = get(ids);
	assert_true(t_alloc_failed());
	assert_int_equal(audit(ids).magazines, 31);
	t_alloc_fail_at(2);
	put(ids, id);
	assert_true(t_alloc_failed());
	t_alloc_fail_at(0);
	assert_int_equal(audit(ids).magazines, 32);
	/* Now there is memory; what is in the common one is found at the end only. */
	other = get(ids);
	assert_int_not_equal(pawl_id_index(other), pawl_id_index(id));
	pawl_ids_destroy(ids);
}

static int oom_use(void)
{
	int result = pawl_thread_attach("oom");
	struct pawl_ids_counts all;

	if (result)
		return result;
	for (unsigned f = 0; f < PAWL_IDS_POLICY_COUNT && !result; f++) {
		struct pawl_ids_options options = options_of(f);
		struct pawl_ids *ids = NULL;
		unsigned got = 0;

		options.next = f == PAWL_IDS_RECYCLE ? 0 : 600;
		result = pawl_ids_create(&options, &ids);
		while (!result && got < 200) {
			pawl_id_t id;
			uint64_t next = pawl_ids_next(ids);

			result = pawl_ids_alloc(ids, &id);
			if (result)
				assert_int_equal(pawl_ids_next(ids), next);
			else
				got++;
		}
		if (!result)
			result = pawl_ids_audit(ids, &all);
		pawl_ids_destroy(ids);
	}
	pawl_thread_detach();
	return result;
}

/* ---- audit finds ---------------------------------------------------------- */

static struct pawl__ids_cache *own_cache(struct pawl_ids *ids)
{
	struct pawl__ids_page *page = pawl_load_relaxed(&ids->page[0]);

	assert_true(pawl_thread_slot() < 64);
	return pawl_load_relaxed(&page->cache[pawl_thread_slot()]);
}

static void broken(struct pawl_ids *ids)
{
	struct pawl_ids_counts all;

	t_assert_errno(pawl_ids_audit(ids, &all), EUCLEAN);
}

static void audit_of_recycled(void)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_RECYCLE);
	struct pawl_ids *ids = make(&options);
	struct pawl__ids_cache *cache;
	struct pawl__ids_cell *cell;
	pawl_id_t id[70];

	for (unsigned i = 0; i < 70; i++)
		id[i] = get(ids);
	for (unsigned i = 0; i < 70; i++)
		put(ids, id[i]);
	cache = own_cache(ids);
	assert_true(audit(ids).depot > 0);
	/* In a magazine and in use. */
	cell = pawl__table_find(&ids->table, PAWL__IDS_CELL, cache->u.recycle.loaded.head);
	pawl_add_relaxed(&cell->gen, 1u);
	broken(ids);
	pawl_sub_relaxed(&cell->gen, 1u);
	/* In a magazine and in the depot. */
	cell = pawl__table_find(&ids->table, PAWL__IDS_CELL, cache->u.recycle.spare.tail);
	cache->u.recycle.spare.count += 1;
	pawl_store_relaxed(&cell->link,
			   (uint32_t)pawl_load_relaxed(&ids->depot[cache->depot].top));
	broken(ids);
	cache->u.recycle.spare.count -= 1;
	/* Nowhere. */
	cache->u.recycle.spare.count -= 1;
	broken(ids);
	cache->u.recycle.spare.count += 1;
	(void)audit(ids);
	pawl_ids_destroy(ids);
}

static void audit_of_durable(void)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids = make(&options);
	struct pawl__ids_cache *cache;
	struct pawl__ids_group *group;

	(void)get(ids);
	put(ids, get(ids));
	cache = own_cache(ids);
	group = pawl__table_find(&ids->table, PAWL__IDS_GROUP, 0);
	(void)audit(ids);
	pawl_or_relaxed(&group->live, UINT64_C(2)); /* parked and live */
	broken(ids);
	pawl_and_relaxed(&group->live, ~UINT64_C(2));
	pawl_or_relaxed(&group->live, UINT64_C(8)); /* live and in a magazine */
	broken(ids);
	pawl_and_relaxed(&group->live, ~UINT64_C(8));
	cache->u.durable.mask &= ~UINT64_C(8); /* nowhere */
	broken(ids);
	cache->u.durable.mask |= UINT64_C(8);
	ids->common.u.durable.mask = 8; /* in two magazines */
	broken(ids);
	ids->common.u.durable.mask = 0;
	(void)audit(ids);
	pawl_ids_destroy(ids);
}

static void case_audit_finds(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_MONOTONE);
	struct pawl_ids *ids;

	(void)state;
	audit_of_recycled();
	audit_of_durable();
	ids = make(&options);
	(void)get(ids);
	ids->common.u.lease.next = 5;
	ids->common.u.lease.end = 40;
	broken(ids);
	ids->common.u.lease.end = 5;
	(void)audit(ids);
	pawl_ids_destroy(ids);
}

/* ---- many threads ---------------------------------------------------------- */

enum { CROWD = 4, CROWD_IDS = 400, HELD = 90 };

static struct {
	struct pawl_ids *ids;
	struct pawl_atomic_u32 owner[CROWD_IDS + 1];
	struct pawl_atomic_u32 stop;
	struct pawl_atomic_u64 full;
	unsigned rounds;
} crowd;

static void own(pawl_id_t id)
{
	uint32_t number = pawl_id_index(id);

	t_check(number >= 1 && number <= CROWD_IDS);
	t_check(pawl_xchg_relaxed(&crowd.owner[number], 1u) == 0);
}

static void disown(pawl_id_t id)
{
	t_check(pawl_xchg_relaxed(&crowd.owner[pawl_id_index(id)], 0u) == 1);
}

/* Takes and gives in random order; the ids are too few for all, so there is stealing, too. */
static void crowd_member(void *arg)
{
	pawl_id_t held[HELD * 2];
	unsigned count = 0;

	(void)arg;
	for (unsigned i = 0; i < crowd.rounds; i++) {
		pawl_id_t id;

		if (count < HELD * 2 && t_random_below(2)) {
			int error = pawl_ids_alloc(crowd.ids, &id);

			t_check(!error || error == -ENOSPC);
			if (error) {
				pawl_add_relaxed(&crowd.full, 1u);
				continue;
			}
			own(id);
			t_check(pawl_ids_check(crowd.ids, id) == 0);
			held[count++] = id;
		} else if (count) {
			unsigned which = (unsigned)t_random_below(count);

			disown(held[which]);
			put(crowd.ids, held[which]);
			held[which] = held[--count];
		}
		pawl_rcu_quiescent();
		t_step();
	}
	while (count) {
		disown(held[--count]);
		put(crowd.ids, held[count]);
	}
}

static void crowd_auditor(void *arg)
{
	(void)arg;
	do {
		bool all_given = pawl_ids_next(crowd.ids) > CROWD_IDS;
		struct pawl_ids_counts all = audit(crowd.ids);

		t_check(all.live + all.magazines + all.depot + all.parked + all.retired ==
			all.next - 1);
		t_check(!all_given || all.next == CROWD_IDS + 1);
		t_step();
		pawl_rcu_quiescent();
		t_yield();
	} while (!pawl_load_relaxed(&crowd.stop));
}

static void crowd_run(enum pawl_ids_policy policy, uint32_t magazine, uint32_t generation)
{
	struct pawl_ids_options options = options_of(policy);
	struct t_thread *threads[CROWD], *auditor;

	options.last = CROWD_IDS;
	options.magazine = magazine;
	options.generation = generation;
	crowd.ids = make(&options);
	crowd.rounds = t_scaled(100000);
	memset(crowd.owner, 0, sizeof(crowd.owner));
	pawl_init_word(&crowd.stop, 0u);
	auditor = t_thread_start(crowd_auditor, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		threads[i] = t_thread_start(crowd_member, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		t_thread_join(threads[i]);
	pawl_store_relaxed(&crowd.stop, 1u);
	t_thread_join(auditor);
	assert_int_equal(audit(crowd.ids).live, 0);
	pawl_ids_destroy(crowd.ids);
}

static void case_crowd(void **state)
{
	(void)state;
	crowd_run(PAWL_IDS_RECYCLE, 1, 0);
	crowd_run(PAWL_IDS_RECYCLE, 8, UINT32_MAX - 101);
	crowd_run(PAWL_IDS_RECYCLE, 32, 0);
	crowd_run(PAWL_IDS_DURABLE, 1, 0);
	crowd_run(PAWL_IDS_DURABLE, 16, 0);
}

/* Threads come and go, each for a few calls. */
static void visitor(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(300); i++) {
		t_check(pawl_thread_attach("visitor") == 0);
		crowd_member(NULL);
		pawl_thread_detach();
	}
}

static void case_visitors(void **state)
{
	(void)state;
	for (unsigned f = PAWL_IDS_RECYCLE; f <= PAWL_IDS_DURABLE; f++) {
		struct pawl_ids_options options = options_of(f);
		struct t_thread *threads[CROWD];

		options.last = CROWD_IDS;
		options.magazine = 8;
		crowd.ids = make(&options);
		crowd.rounds = 60;
		memset(crowd.owner, 0, sizeof(crowd.owner));
		for (unsigned i = 0; i < CROWD; i++)
			threads[i] = t_thread_start_bare(visitor, NULL);
		for (unsigned i = 0; i < CROWD; i++)
			t_thread_join(threads[i]);
		assert_int_equal(audit(crowd.ids).magazines, 0);
		pawl_ids_destroy(crowd.ids);
	}
}

/* Each number once, over all threads: a bit for each. */
static struct pawl_atomic_u64 monotone_seen[4096];

static void monotone_member(void *arg)
{
	pawl_id_t id;

	(void)arg;
	while (pawl_ids_alloc(crowd.ids, &id) == 0) {
		uint64_t bit = UINT64_C(1) << id % 64;

		t_check(!(pawl_or_relaxed(&monotone_seen[id / 64], bit) & bit));
		t_step();
	}
}

static void case_monotone_crowd(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_MONOTONE);
	struct t_thread *threads[CROWD];
	uint64_t sum = 0;

	(void)state;
	memset(monotone_seen, 0, sizeof(monotone_seen));
	options.last = 4096 * 64 - 1;
	crowd.ids = make(&options);
	for (unsigned i = 0; i < CROWD; i++)
		threads[i] = t_thread_start(monotone_member, NULL);
	for (unsigned i = 0; i < CROWD; i++)
		t_thread_join(threads[i]);
	for (unsigned i = 0; i < 4096; i++)
		sum += (unsigned)__builtin_popcountll(pawl_load_relaxed(&monotone_seen[i]));
	/* None was skipped: what one thread had left another one took. */
	assert_int_equal(sum, options.last);
	assert_int_equal(audit(crowd.ids).live, options.last);
	pawl_ids_destroy(crowd.ids);
}

/* ---- contracts -------------------------------------------------------------- */

static void alloc_detached(void *arg)
{
	pawl_id_t id;

	(void)!pawl_ids_alloc(arg, &id);
}

static void end_cycle_without_store(void *arg)
{
	pawl_ids_cycle_end(arg);
}

static void durable_without_store(void *arg)
{
	(void)!pawl_ids_durable_up_to(arg, 0);
}

static void case_contracts(void **state)
{
	struct pawl_ids_options options = options_of(PAWL_IDS_DURABLE);
	struct pawl_ids *ids = make(&options);

	(void)state;
	assert_true(t_aborts(end_cycle_without_store, ids, "has a store"));
	assert_true(t_aborts(durable_without_store, ids, "has a store"));
	pawl_thread_detach();
	assert_true(t_aborts(alloc_detached, ids, "attached"));
	assert_int_equal(pawl_thread_attach("main"), 0);
	pawl_ids_destroy(ids);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_ends),
		cmocka_unit_test(case_recovers),
		cmocka_unit_test(case_steals),
		cmocka_unit_test(case_bad_frees),
		cmocka_unit_test(case_check),
		cmocka_unit_test(case_wrap_retires),
		cmocka_unit_test(case_detach_gives_back),
		cmocka_unit_test(case_destroy_while_attached),
		cmocka_unit_test(case_no_memory_for_a_cache),
		T_OOM(oom_use),
		cmocka_unit_test(case_audit_finds),
		cmocka_unit_test(case_crowd),
		cmocka_unit_test(case_visitors),
		cmocka_unit_test(case_monotone_crowd),
		cmocka_unit_test(case_contracts),
	};

	return t_run("ids", cases);
}
