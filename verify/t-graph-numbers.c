/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of numbers that come back (engine/persist/reuse.c): a task that is made with one that a task of a session before
 * had, beside who looks whether there is a task with that number, as eng_restore_all() does. No two tasks have
 * the same number, none is taken from what stands in for it, and in the end all is right.
 *
 *  again-look	   the store says that there is none: the task has the number
 *  again-lost	   the store cannot be read at that moment: what stands in keeps the number, and the next one is taken
 *  again-two	   two tasks are made, each has its number
 *  again-free	   the walk gives numbers back beside who makes tasks
 *
 * Natively only, since there are too many executions:
 *  again-same	   two make the same task: one of them, and the other number comes back
 *  again-all	   a task is made, one looks, the disk fails, and numbers are given back
 *
 * In place of the store is one that has nothing, and two numbers that were given out. Natively the first thread is that of
 * setup(), which has taken numbers: another one makes the task.
 */
#include "../engine/graph/backing.h"
#include "../engine/graph/modify.h"
#include "../lib/ids-internal.h"

#include "graph-standin.h"

#define BEFORE 3u /* the first number that no session before has given out */

static struct eng_marks *marks;
static struct eng_backing backing;
static struct eng_kept kept;
/* So often the store cannot be read. */
static struct pawl_atomic_u32 fails;
static eng_id made[2];

/* ---- in place of the store ----------------------------------------------------------------- */

static int restore(void *arg, eng_id id, struct eng_node **ret_node)
{
	uint32_t n = pawl_load_relaxed(&fails);

	(void)arg;
	(void)ret_node;
	mc_assert(id < BEFORE);
	return n && pawl_cas_relaxed(&fails, &n, n - 1) ? -EUCLEAN : -ENOENT;
}

static void restore_many(void *arg, const eng_id *ids, unsigned n, struct eng_node **ret_nodes)
{
	(void)arg;
	(void)ids;
	memset(ret_nodes, 0, n * sizeof(*ret_nodes));
}

static int look_up(void *arg, struct pawl_digest digest, eng_id *ret_id)
{
	(void)arg;
	(void)digest;
	*ret_id = 0;
	return 0;
}

static void lost(void *arg, eng_id id)
{
	(void)arg;
	(void)id;
}

static bool is_current(void *arg)
{
	(void)arg;
	return true;
}

static void help(void *arg, struct eng_node *node, uint32_t pending)
{
	(void)arg;
	(void)node;
	(void)pending;
	mc_fail("no snapshot is made here", __FILE__, __LINE__);
}

/* ---- what threads do ----------------------------------------------------------------------- */

/* As persist/reuse.c does. */
static void give_back(void)
{
	struct pawl_ids *ids = graph->ids[0];

	for (pawl_id_t id = 1; id < BEFORE; id++)
		mc_assert(!pawl_ids_free(ids, id));
	mc_assert(!pawl_ids_durable_up_to(ids, pawl_ids_cycle_end(ids)));
}

static void setup_before(void)
{
	pawl_init_word(&fails, 0u);
	made[0] = made[1] = 0;
	mc_assert(!eng_marks_create(help, NULL, &marks));
	backing = (struct eng_backing){.limit = BEFORE,
				       .restore = restore,
				       .restore_many = restore_many,
				       .look_up = look_up,
				       .lost = lost,
				       .is_current = is_current};
	kept = (struct eng_kept){.backing = &backing, .marks = marks, .next = BEFORE};
	saved_to = &kept;
	setup_empty();
	/* What tables need is there, and each thread's cache: no part of what is explored. */
	(void)task_of(&input, 2);
	for (unsigned slot = 0; slot < 5; slot++)
		if (!pawl__ids_cache_find(graph->ids[0], slot))
			mc_assert(pawl__ids_cache_make(graph->ids[0], slot));
	eng_quiesce_looks(graph->quiesce, 0);
}

/* All of them are free. */
static void setup_free(void)
{
	setup_before();
	give_back();
	pawl_retire_barrier();
	mc_assert(pawl_ids_check(graph->ids[0], 1) == -ESTALE);
}

static void setup_fails(void)
{
	setup_free();
	pawl_store_relaxed(&fails, 1u);
}

static void make_first(void)
{
	made[0] = task_of(&input, 0);
}

static void make_second(void)
{
	made[1] = task_of(&input, 1);
}

#if !defined(PAWL_MC)
static void make_same(void)
{
	made[1] = task_of(&input, 0);
}
#endif

/* As who looks through all numbers. What stands in for a task has no function. */
static void look(void)
{
	struct eng_node *node = eng_lock_any(graph, 1);

	if (!node)
		return;
	mc_assert(eng_node_key(node)->function || eng_node_id(node) == 1);
	eng_unlock(node);
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* The number leads to the task that was made with it. */
static void has_its_own(eng_id id, uint64_t n)
{
	struct eng_node *node = eng_lock_resident(graph, id);
	struct one one;

	mc_assert(node && eng_node_id(node) == id && eng_node_key(node)->function);
	memcpy(&one, eng_node_key(node)->args, sizeof(one));
	eng_unlock(node);
	mc_assert(one.n == n && task_of(&input, n) == id);
}

static void finish_numbers(void)
{
	struct pawl_ids_counts counts;

	pawl_store_relaxed(&fails, 0u);
	top = &input;
	has_its_own(made[0], 0);
	if (made[1] && made[1] != made[0])
		has_its_own(made[1], 1);
	settle();
	mc_assert(!pawl_ids_audit(graph->ids[0], &counts));
	finish_graph();
	eng_marks_destroy(marks);
	saved_to = NULL;
}

/* Nothing is in its way. */
static void finish_look(void)
{
	mc_assert(made[0] == 1);
	finish_numbers();
}

static void finish_lost(void)
{
	mc_assert(made[0] == 1 || made[0] == 2);
	mc_assert((made[0] == 2) == (pawl_slots_state(graph->tables[0], 2) == PAWL_SLOT_LIVE));
	finish_numbers();
}

static void finish_two(void)
{
	mc_assert(made[0] != made[1]);
	finish_numbers();
}

#define AGAIN(...)                                                                            \
	{                                                                                     \
		__VA_ARGS__, .no_spurious = true, .no_membarrier = true, .ideal_locks = true, \
			     .ideal_parks = true, .preemption_bound_plus_1 = 2,               \
			     .native_divisor = 50                                             \
	}

static const struct mc_scenario scenarios[] = {
	AGAIN(.name = "again-look", .setup = setup_free, .threads = {look, make_first},
	      .finish = finish_look),
	AGAIN(.name = "again-lost", .setup = setup_fails, .threads = {look, make_first},
	      .finish = finish_lost),
	AGAIN(.name = "again-two", .setup = setup_free, .threads = {make_first, make_second},
	      .finish = finish_two),
	AGAIN(.name = "again-free", .setup = setup_before, .threads = {give_back, make_first},
	      .finish = finish_numbers),
#if !defined(PAWL_MC)
	AGAIN(.name = "again-same", .setup = setup_free, .threads = {make_first, make_same},
	      .finish = finish_numbers),
	AGAIN(.name = "again-all", .setup = setup_before,
	      .threads = {look, make_first, give_back}, .finish = finish_numbers),
#endif
};
MC_MAIN(scenarios)
