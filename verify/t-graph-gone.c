/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/reclaim.c with a store: a task that nobody needs goes, beside another parent that calls it again,
 * and beside a snapshot that has to have it as it was. Whoever is first, no record in the store leads to one that is not there:
 * not after that snapshot, which a process that comes after a crash would find, nor after the next.
 *
 *  gone-save        it goes beside a snapshot that captures it
 *  gone-call-save   and another parent calls it again
 */
#include "store-standin.h"
/* Behind all of the engine: it has a variable with the name of their arguments. */
#include "graph-standin.h"

/* ---- functions --------------------------------------------------------------------------- */

static int value_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	context->run->invalidator = true;
	/* Acquire: who changed it may be told of in another way. */
	return give_saved(context, pawl_load_acquire(&world[one->n]), ret_output);
}
FUNCTION(value);

/* Value(0), if value(1), or (2), says so. */
static int picks_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	uint64_t number = get(context, call(context, &value, 1 + one->n), 0);

	if (number)
		number += get(context, call(context, &value, 0), 0);
	return give_saved(context, number, ret_output);
}
FUNCTION(picks);

static int owner_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t first = get(context, call(context, &picks, 0), 0);

	(void)args;
	return give_saved(context, first + get(context, call(context, &picks, 1), 0),
			  ret_output);
}

/* ---- what threads do ----------------------------------------------------------------------- */

static eng_id owner;
static struct given *calls_again;

static void collect(void)
{
	struct pawl_collect_stats stats;

	mc_assert(!eng_reclaim_all(graph, &stats));
}

/* All is saved; then picks(0) leaves value(0), which is modified by that. */
static void setup_left(void)
{
	setup_store();
	collects = busy_counts = true;
	more_functions[0] = &value;
	more_functions[1] = &picks;
	more_functions_n = 2;
	setup_empty();
	top = &value;
	/* Who wants a moment of quiet shuts the door at once. */
	eng_quiesce_looks(graph->quiesce, 0);
	pawl_store_relaxed(&world[1], 1u);
	owner = root_make(owner_body);
	run_own();
	inputs[1] = task_of(&value, 1);
	inputs[2] = task_of(&value, 2);
	collect();
	save();
	change(1, 0);
	run_own();
	mc_assert(read_ref(eng_ref(owner, 0), PAWL_READ_STRONG) == 0);
}

/* And picks(1) is about to call it: its run has begun. */
static void setup_again(void)
{
	setup_left();
	change(2, 1);
	(void)run_given(last());
	calls_again = last();
	mc_assert(claim(calls_again));
}

static void call_again(void)
{
	run_claimed(calls_again);
}

static void leads_to(uint32_t id)
{
	mc_assert(record_of(stored, id)->id == id);
}

/* Each task that is called is there. */
static void check_record(const struct record *record)
{
	static const enum eng_field kinds[] = {ENG_CHILDREN, ENG_STILL_CHILDREN};
	struct eng_node *node;

	mc_assert(!eng_image_read(graph, record->id, known,
				  (struct pawl_slice){record->meta, record->meta_n},
				  (struct pawl_slice){record->data, record->data_n}, &node));
	for (unsigned i = 0; i < 2; i++) {
		union eng_slot *slot = eng_field(node, kinds[i]);
		uint32_t cursor = 0, child;

		while (slot && pawl_sset_next(&slot->set, &cursor, &child))
			leads_to(child);
	}
	eng_node_free(graph, node);
}

static void check_store(void)
{
	for (unsigned i = 0; i < TASKS && stored[i].id; i++)
		check_record(&stored[i]);
}

static void finish_gone(void)
{
	check_store();
	settle();
	mc_assert(read_ref(eng_ref(owner, 0), PAWL_READ_STRONG) ==
		  pawl_load_relaxed(&world[2]));
	run_own();
	collect();
	save();
	check_store();
	/* What has gone is there no more. */
	for (unsigned i = 0; i < TASKS && stored[i].id; i++)
		mc_assert(pawl_slots_state(graph->tables[0], stored[i].id) == PAWL_SLOT_LIVE);
	finish_store();
	collects = false;
}

/* With so many preemptions: a pass and a snapshot have many steps at which nobody else can do anything. */
#define GOES(PREEMPTIONS, ...)                                                                \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_gone, .no_spurious = true,                      \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .preemption_bound_plus_1 = (PREEMPTIONS) + 1,                    \
			     .native_divisor = 50                                             \
	}

static const struct mc_scenario scenarios[] = {
	GOES(1, .name = "gone-save", .setup = setup_left, .threads = {collect, save}),
	/* None: one goes on until it waits for another one, or is over. */
	GOES(0, .name = "gone-call-save", .setup = setup_again,
	     .threads = {collect, call_again, save}),
};
MC_MAIN(scenarios)
