/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/evict.c: records leave memory beside who wants them. What comes back is what left, under the
 * same number, and nothing runs again because of that; in the end all sums are right.
 *
 *  evict-call      a visit calls and reads it: it finds what is there, or what has left, or is about to
 *  evict-read      somebody has its number, and reads it
 *  evict-change    what it has read changes
 *  evict-save      a snapshot writes what has changed since: it has all of it
 *  evict-evict     two have records leave: one has its turn
 *  evict-pause     somebody wants that nothing leaves, and looks at what there is
 *
 * Natively only, since there are too many executions:
 *  evict-make      two make the same task, and one of them also has it saved, and leave
 */
#include "store-standin.h"
/* Behind all of the engine: it has a variable with the name of their arguments. */
#include "graph-standin.h"

#define STILL 3u /* value() of that is never anything else */

/* ---- functions --------------------------------------------------------------------------- */

static struct pawl_atomic_u32 ran;

static int value_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	pawl_add_relaxed(&ran, 1u);
	if (one->n >= STILL)
		return give_saved(context, one->n, ret_output);
	context->run->invalidator = true;
	/* Acquire: who changed it may be told of in another way. */
	return give_saved(context, pawl_load_acquire(&world[one->n]), ret_output);
}
FUNCTION(value);

static int over_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	pawl_add_relaxed(&ran, 1u);
	return give_saved(context, 1 + get(context, call(context, &value, one->n), 0),
			  ret_output);
}
FUNCTION(over);

/* ---- what threads do ----------------------------------------------------------------------- */

static eng_id still;  /* value(STILL) */
static unsigned runs; /* so many there have to be */
static unsigned looks_n;

/* The hand looks at so many, all of which are there: behind them the table goes on for very long. */
static void evict(void)
{
	(void)eng_evict_some(graph, looks_n);
}

/* It was not used since the hand came by, which comes to it next. */
static void not_used(eng_id id)
{
	struct eng_node *node = eng_lock(graph, id);

	node->bits &= ~ENG_USED;
	eng_unlock(node);
	graph->evict->hand = id;
}

static void setup_kept(void)
{
	setup_store();
	pawl_init_word(&ran, 0u);
	more_functions[0] = &value;
	more_functions[1] = &over;
	more_functions_n = 2;
	setup_empty();
	top = &value;
	mc_held_count(&ran);
	/* Who wants a moment of quiet shuts the door at once. */
	eng_quiesce_looks(graph->quiesce, 0);
}

/* One task, that may leave. */
static void setup_still(void)
{
	setup_kept();
	mc_assert(ask(&value, STILL, PAWL_READ_STRONG) == STILL);
	run_own();
	still = task_of(&value, STILL);
	save();
	mc_assert(ask(&value, 0, PAWL_READ_STRONG) == 0);
	not_used(still);
	looks_n = 1;
	runs = 2;
}

/* Of over(0) the number is smaller: it was made first. */
static void both_not_used(void)
{
	not_used(inputs[0]);
	not_used(task_of(&over, 0));
}

/* Two, of which one reads the other. */
static void setup_over(void)
{
	setup_kept();
	mc_assert(ask(&over, 0, PAWL_READ_STRONG) == 1);
	run_own();
	inputs[0] = task_of(&value, 0);
	save();
	both_not_used();
	still = 0;
	looks_n = 2;
	runs = 3;
}

static void setup_over_once(void)
{
	setup_over();
	runs = 4;
}

/* And it has changed since, and a snapshot has taken that: it is to be written. */
static void setup_taken(void)
{
	setup_over();
	change(0, 1);
	mc_assert(ask(&over, 0, PAWL_READ_STRONG) == 2);
	run_own();
	both_not_used();
	mc_assert(!eng_quiesce_run(graph->quiesce, capture, NULL));
	runs = 5;
}

static void call_still(void)
{
	mc_assert(ask(&value, STILL, 0) == STILL);
	run_own();
}

static void read_still(void)
{
	mc_assert(read_ref(eng_ref(still, 0), 0) == STILL);
}

/* Both of them run again. */
static void change_below(void)
{
	change(0, 2);
}

static void pause_and_look(void)
{
	bool live;

	eng_evict_pause(graph);
	live = pawl_slots_state(graph->tables[0], still) == PAWL_SLOT_LIVE;
	mc_assert(live == (pawl_slots_state(graph->tables[0], still) == PAWL_SLOT_LIVE));
	eng_evict_resume(graph);
}

#if !defined(PAWL_MC)
static void setup_none(void)
{
	setup_kept();
	mc_assert(ask(&value, 0, PAWL_READ_STRONG) == 0);
	looks_n = 1;
	runs = 2;
	still = 0;
}

/* It never ran: that is left to the other one. A snapshot of it alone has been made, and is over. */
static void make_and_leave(void)
{
	struct eng_node *node = eng_lock(graph, task_of(&value, STILL));

	take(node, ENG_META | ENG_DATA);
	pawl_lock_lock(&stored_lock);
	memcpy(stored, batch, sizeof(stored));
	known = eng_node_id(node) + 1;
	pawl_lock_unlock(&stored_lock);
	node->bits &= ~(ENG_NEW | ENG_META | ENG_DATA | ENG_USED);
	graph->evict->hand = eng_node_id(node);
	eng_unlock(node);
	evict();
}

static void make(void)
{
	(void)task_of(&value, STILL);
}
#endif

static void finish_kept(void)
{
	settle();
	if (!still)
		mc_assert(ask(&value, STILL, PAWL_READ_STRONG) == STILL);
	else
		mc_assert(task_of(&value, STILL) == still && ask(&value, STILL, 0) == STILL);
	mc_assert(pawl_load_relaxed(&ran) == runs);
	finish_store();
}

/* With at most one preemption: a turn has many steps, at which nobody else can do anything. */
#define LEAVES(...)                                                                           \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_kept, .no_spurious = true,                      \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .preemption_bound_plus_1 = 2, .native_divisor = 50               \
	}

static const struct mc_scenario scenarios[] = {
	LEAVES(.name = "evict-call", .setup = setup_still, .threads = {evict, call_still}),
	LEAVES(.name = "evict-read", .setup = setup_still, .threads = {evict, read_still}),
	LEAVES(.name = "evict-change", .setup = setup_over_once,
	       .threads = {evict, change_below}),
	LEAVES(.name = "evict-save", .setup = setup_taken, .threads = {evict, save_taken}),
	LEAVES(.name = "evict-evict", .setup = setup_still, .threads = {evict, evict}),
	LEAVES(.name = "evict-pause", .setup = setup_still, .threads = {evict, pause_and_look}),
#if !defined(PAWL_MC)
	LEAVES(.name = "evict-make", .setup = setup_none, .threads = {make_and_leave, make}),
#endif
};
MC_MAIN(scenarios)
