/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/state.c, over the graph: a task adds up two states; an edit changes both.
 *
 *  edit-read        a strong read sees all of an edit or nothing of it
 *  edit-edit        two edits: one after the other
 *  edit-wait        a strong read and another edit sleep until it is over
 *  set-set          one state gets the same value twice: who comes second finds an equal one
 *  set-run          a task that has begun reads it before or after, and runs again if it was before
 *  invalidate-run   the same by an invalidator
 *  edit-dirty       an edit finds a task dirty already, which those above are not told of yet: who comes after
 *                   the edit sees what it has changed
 *  edit-below       the same of what aggregates both: it is told of, and is to tell those above
 *  edit-first       what hangs on it is read strongly, and somebody else is about to do so for the first time
 *  edit-way         the way up from what an edit changes is about to become another one
 *  edit-early       an edit takes away what a task that begins to aggregate is to add to those above it, who have to do
 *                   with what has changed in another way, too
 *  settle           who waits for what was hidden sees it told
 *  settle-newer     what was hidden while it waited it has not waited for
 *  settled          what one of three threads has waited for another one need not wait for
 *  untold           something is made dirty that nobody stands in for: a strong read waits until it is told
 *  recovered        the same of what was lost, until all is as it was
 *  lost             a strong read that has begun before begins anew
 *  idle-last        the last run's end sees what the others did
 *  idle             who waits until nothing runs sees what ran
 *  pins             the last to give a state up frees it
 */
/* mc-sources: engine/state.c */
#include "graph-standin.h"

#include <pawl/state.h>

#include "../engine/engine.h"
#include "../engine/graph/registry.h"
#include "../engine/graph/told.h"
#include "../engine/graph/wait.h"

/* ---- what else there is in an engine: none of it here ------------------------------------ */

int eng_reason_check(const struct pawl_reason *reason)
{
	(void)reason;
	return -EINVAL;
}

uint64_t eng_stretch_because(struct eng_stretch *stretch, const struct pawl_reason *reason)
{
	(void)stretch;
	(void)reason;
	return 0;
}

/* As engine.c has it. */
int pawl_context_invalidator(struct pawl_context *context,
			     struct pawl_invalidator *ret_invalidator)
{
	struct eng_node *node = eng_lock(context->graph, context->id);

	if (eng_run_of(node) == context->run)
		context->run->invalidator = true;
	eng_unlock(node);
	ret_invalidator->pawl_graph = context->graph;
	ret_invalidator->pawl_task = context->id;
	return 0;
}

/* ---- states ---------------------------------------------------------------------------- */

static struct pawl_engine engine;
static struct pawl_state *states[2];
static eng_id adds_id;
static unsigned ran, drops;

static struct pawl_value *value_of(uint64_t number)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static uint64_t state_number(struct pawl_context *context, unsigned i)
{
	struct pawl_value *value;

	mc_assert(!pawl_state_get(context, states[i], &value));
	return number_of(value);
}

static void dropped(void *payload, size_t bytes)
{
	(void)payload;
	(void)bytes;
	drops++;
}

static const struct pawl_value_type dropped_type = {sizeof(struct pawl_value_type),
						    "dropped",
						    1,
						    PAWL_CELL_COMPARE,
						    0,
						    NULL,
						    NULL,
						    dropped,
						    NULL,
						    NULL,
						    NULL,
						    NULL,
						    0,
						    NULL,
						    NULL};

static int adds(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t number = state_number(context, 0);
	struct pawl_value *value;
	pawl_ref_t unused;

	(void)args;
	/* The next run does not make it again: its end drops the value. */
	if (!ran++) {
		mc_assert(!pawl_value_create(&dropped_type, 0, &value));
		mc_assert(!pawl_cell(context, value, &unused));
	}
	return give(context, number + state_number(context, 1), ret_output);
}

static void setup_states(void)
{
	more_type = &dropped_type;
	setup_empty();
	top = &input;
	engine = (struct pawl_engine){.graph = graph};
	ran = drops = 0;
	for (unsigned i = 0; i < 2; i++)
		mc_assert(!pawl_state_create(&engine, value_of(0), &states[i]));
	adds_id = root_make(adds);
	run_own();
	mc_assert(ran == 1);
}

static uint64_t read_sum(uint32_t flags)
{
	struct pawl_context context = {.graph = graph};
	uint64_t number = get(&context, eng_ref(adds_id, 0), flags);

	eng_context_fini(&context);
	return number;
}

static void edit_both(uint64_t number)
{
	struct pawl_edit *edit;

	mc_assert(!pawl_edit_begin(&engine, &edit));
	for (unsigned i = 0; i < 2; i++)
		mc_assert(!pawl_edit_set(edit, states[i], value_of(number)));
	pawl_edit_commit(edit);
}

static void edit_1(void)
{
	edit_both(1);
}

static void edit_2(void)
{
	edit_both(2);
}

static void set_1(void)
{
	mc_assert(!pawl_state_set(states[0], value_of(1)));
}

static void read_whole(void)
{
	uint64_t number = read_sum(PAWL_READ_STRONG);

	mc_assert(number == 0 || number == 2);
}

static void finish_states(void)
{
	uint64_t total = 0;

	settle();
	for (unsigned i = 0; i < 2; i++) {
		struct pawl_value *value;

		mc_assert(!pawl_state_get(NULL, states[i], &value));
		total += number_of(value);
	}
	mc_assert(read_sum(0) == total);
	pawl_state_unpin(states[0]);
	pawl_state_unpin(states[1]);
	finish_graph();
}

/* It is about to run again, and nobody has read the state since. */
static void setup_again(void)
{
	setup_states();
	mc_assert(!pawl_state_set(states[0], value_of(7)));
	mc_assert(claim(last()));
}

static void setup_waits(void)
{
	setup_states();
	looks = false;
}

static void work(void)
{
	run_claimed(last());
}

static void invalidate_sum(void)
{
	struct pawl_invalidator invalidator = {.pawl_graph = graph, .pawl_task = adds_id};

	pawl_invalidate(&invalidator, 1);
}

/* ---- owners ---------------------------------------------------------------------------- */

static void setup_pins(void)
{
	setup_states();
	(void)pawl_state_pin(states[0]);
}

static void unpin(void)
{
	mc_assert(state_number(NULL, 0) == 0);
	pawl_state_unpin(states[0]);
}

static void finish_pins(void)
{
	pawl_state_unpin(states[1]);
	settle();
	finish_graph();
}

/* ---- what is dirty already ---------------------------------------------------------------- */

/* An operation that has begun, on the slot of setup(): the input is dirty, and above it is not known yet. */
static struct eng_op telling;
static uint64_t moment;

static void setup_dirty(void)
{
	struct eng_node *node;

	setup_of(&twice);
	engine = (struct pawl_engine){.graph = graph};
	adds_id = task_of(top, 0);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, inputs[0]);
	eng_make_dirty(&telling, node, true);
	eng_unlock(node);
	looks = false;
}

static void tell(void)
{
	eng_op_end(&telling);
}

static void edit_read(void)
{
	struct pawl_invalidator invalidator = {.pawl_graph = graph, .pawl_task = inputs[0]};

	pawl_store_release(&world[0], 1u);
	pawl_invalidate(&invalidator, 1);
	mc_assert(read_sum(PAWL_READ_STRONG) == 2);
}

/* The only task of it. A call from here would make it one that aggregates all below it. */
static eng_id id_of(const struct pawl_function *function, uint64_t n)
{
	for (eng_id id = 1;; id++) {
		struct eng_node *node = eng_lock(graph, id);
		struct eng_key *key = eng_node_key(node);
		const struct one *one = (const void *)key->args;
		bool is_it =
			eng_function(graph->registry, key->function) == function && one->n == n;

		eng_unlock(node);
		if (is_it)
			return id;
	}
}

static void raise_number(const struct pawl_function *function, uint32_t number)
{
	eng_id id = id_of(function, 0);
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	eng_number_at_least(&op, id, number);
	eng_op_end(&op);
}

/* Above all a root, and one in between that aggregates what is below it. */
static void setup_way(void)
{
	setup_empty();
	top = &above;
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == expected());
	run_own();
	inputs[0] = id_of(&input, 0);
	inputs[2] = id_of(&input, 2);
	adds_id = id_of(top, 0);
	raise_number(&either, ENG_NUMBER_LEAF + 8);
	looks = false;
}

/* Another operation has changed something there. */
static void setup_below(void)
{
	struct eng_node *node;

	setup_way();
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, inputs[2]);
	eng_make_dirty(&telling, node, true);
	eng_unlock(node);
}

static void change_read(void)
{
	change(0, 1);
	mc_assert(read_sum(PAWL_READ_STRONG) == 2);
}

/* Those above know of it, or strong reads wait. */
static void change_known(void)
{
	struct eng_node *node;
	bool settled, knows;

	change(0, 1);
	settled = eng_told_is_settled(graph);
	node = eng_lock(graph, adds_id);
	knows = eng_has_dirty_containers(node);
	eng_unlock(node);
	mc_assert(knows || !settled);
}

/* The bare protocol: what one operation is to tell is `known`, under the lock of the task above. */
static bool known, counted_on;

static void setup_settle(void)
{
	setup_way();
	known = counted_on = false;
}

static void mark(struct eng_op *op)
{
	struct eng_node *node;

	eng_op_begin(op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, inputs[0]);
	eng_told_mark(op, node);
	eng_unlock(node);
}

static void tell_known(struct eng_op *op)
{
	struct eng_node *node = eng_lock(graph, adds_id);

	known = true;
	eng_unlock(node);
	eng_op_end(op);
}

static void mark_tell(void)
{
	struct eng_op op;

	mark(&op);
	tell_known(&op);
}

/* It has begun before, on the slot of setup(). */
static void setup_marked(void)
{
	setup_settle();
	mark(&telling);
}

static void tell_marked(void)
{
	tell_known(&telling);
}

static void rely(void)
{
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, inputs[0]);
	counted_on = node->bits & ENG_UNTOLD;
	eng_told_rely(&op, node);
	eng_unlock(node);
	eng_op_end(&op);
}

static bool is_known(void)
{
	struct eng_node *node = eng_lock(graph, adds_id);
	bool is = known;

	eng_unlock(node);
	return is;
}

static void rely_look(void)
{
	rely();
	mc_assert(!counted_on || !eng_told_is_settled(graph) || is_known());
}

/* Somebody else waits for what was hidden so far. */
static void settle_told(void)
{
	mc_assert(!eng_told_settle(graph));
}

/* What is hidden was counted on: there is nothing else. */
static void settle_look(void)
{
	settle_told();
	mc_assert(!pawl_load_relaxed(&graph->settled) || is_known());
}

/* Something else was hidden before, and is told first: who waits begins with that. */
static void setup_newer(void)
{
	setup_settle();
	eng_told_hides(graph);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
}

static void tell_hide_tell(void)
{
	struct eng_op op;

	eng_op_end(&telling);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	eng_told_hides(graph);
	tell_known(&op);
}

/* What was hidden since is not settled by that. */
static void settle_first(void)
{
	settle_told();
	mc_assert(pawl_load_relaxed(&graph->settled) < 2 || is_known());
}

/* As a strong read does. */
static void raise_twice(void)
{
	raise_number(&twice, ENG_NUMBER_ROOT);
}

/*
 * Nobody has twice(0) below himself any more, and somebody reads it strongly for the first time: it is a root, and has not taken
 * in what is below it.
 */
static eng_id twice_id;

static void setup_first(void)
{
	setup_way();
	change(2, 1);
	mc_assert(read_sum(PAWL_READ_STRONG) == 0);
	run_own();
	twice_id = id_of(&twice, 0);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	eng_number_raise(&telling, twice_id, ENG_NUMBER_ROOT, 0);
}

static void change_read_twice(void)
{
	change(0, 1);
	mc_assert(read_ref(eng_ref(twice_id, 0), PAWL_READ_STRONG) == 2);
}

/* ---- what is taken away before it was added ------------------------------------------------- */

/* 0: a number of the world's, in this session; the others read the one before. */
static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
FUNCTION(chain);

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	if (one->n)
		return give(context, get(context, call(context, &chain, one->n - 1), 0),
			    ret_output);
	context->run->session_dependent = true;
	return input_body(context, args, ret_output);
}

/*
 * Chain(1) begins to aggregate: it has taken in chain(0), and those above are to be told. What depends on the session counts as
 * dirty, and as clean in this one: so nobody has to run, and chain(1) has no mark.
 */
static void setup_early(void)
{
	more_functions[0] = &chain;
	more_functions_n = 1;
	setup_empty();
	mc_assert(ask(&chain, 2, PAWL_READ_STRONG) == 0);
	run_own();
	inputs[0] = id_of(&chain, 0);
	adds_id = id_of(&chain, 2);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	eng_number_raise(&telling, id_of(&chain, 1), ENG_NUMBER_LEAF + 8, 0);
	eng_balance(&telling, id_of(&chain, 1), inputs[0]);
}

/* What the run of chain(0) does at its end: it has given another value, and is clean. */
static void end_first(void)
{
	eng_id readers = id_of(&chain, 1);
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	eng_invalidate(&op, &readers, 1);
	eng_op_run(&op);
	node = eng_lock(graph, inputs[0]);
	eng_set_dirty(&op, node, ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN);
	eng_unlock(node);
	eng_op_end(&op);
}

/* Chain(1) is to run: that is known above, or strong reads wait. */
static void change_end_known(void)
{
	struct eng_node *node;
	bool settled, knows;

	invalidate(0);
	end_first();
	settled = eng_told_is_settled(graph);
	node = eng_lock(graph, adds_id);
	knows = eng_has_dirty_containers(node);
	eng_unlock(node);
	mc_assert(knows || !settled);
}

static void finish_early(void)
{
	top = &input;
	settle();
	mc_assert(read_sum(PAWL_READ_STRONG) == 0);
	finish_graph();
	more_functions_n = 0;
}

/* ---- what is told later ------------------------------------------------------------------- */

static void read_changed(void)
{
	mc_assert(read_sum(PAWL_READ_STRONG) == 2);
}

static void setup_untold(void)
{
	setup_dirty();
	pawl_init_word(&world[0], 1u);
	eng_told_hides(graph);
}

/* As restore.c has it. */
static void setup_lost(void)
{
	setup_dirty();
	pawl_init_word(&world[0], 1u);
	moment = eng_moment(graph);
	pawl_store_relaxed(&graph->lost, 1u);
}

static void setup_recovers(void)
{
	setup_lost();
	eng_edit_enter(graph);
}

static void recover(void)
{
	tell();
	pawl_store_release(&graph->lost, 0u);
	eng_edit_leave(graph);
}

static void recover_whole(void)
{
	eng_edit_enter(graph);
	recover();
}

static void is_other_moment(void)
{
	struct pawl_context context = {.graph = graph};

	mc_assert(!eng_is_same_moment(&context, eng_ref(adds_id, 0), moment));
}

/* ---- idle ------------------------------------------------------------------------------- */

static void setup_busy(void)
{
	busy_counts = true;
	setup_again();
	looks = false;
}

/* Two runs are left, and then none. */
static unsigned did[2];

static void observe_edge(struct eng_observer *observer, bool busy)
{
	(void)observer;
	mc_assert(busy || (did[0] && did[1]));
}

static void observe_settled(struct eng_observer *observer)
{
	observe_edge(observer, false);
}

static struct eng_observer observer = {.edge = observe_edge, .settled = observe_settled};

static void setup_two_left(void)
{
	did[0] = did[1] = 0;
	busy_counts = true;
	setup_empty();
	mc_assert(!pawl_load_relaxed(&graph->busy));
	graph->observer = &observer;
	eng_busy_more(graph);
	eng_busy_more(graph);
}

static void end_one(void)
{
	did[mc_thread()] = 1;
	eng_busy_less(graph);
}

static void finish_two_left(void)
{
	graph->observer = NULL;
	finish();
}

static void wait_idle(void)
{
	struct pawl_listener listener;

	/* As pawl_engine_wait_idle(). */
	while (pawl_load_acquire(&graph->busy)) {
		pawl_event_listen(&graph->idle, &listener, "idle", 0);
		if (pawl_load_acquire(&graph->busy))
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
	}
	mc_assert(ran == 2 && drops == 1);
}

#define EDITS(...)                                                                            \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_states, .no_spurious = true,                    \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .native_divisor = 50                                             \
	}

static const struct mc_scenario scenarios[] = {
	/* None: who looks again and again takes long, and edit-wait has the same two with one preemption. */
	EDITS(.name = "edit-read", .setup = setup_states, .threads = {edit_1, read_whole},
	      .preemption_bound_plus_1 = 1),
	EDITS(.name = "edit-edit", .setup = setup_states, .threads = {edit_1, edit_2}),
	/* With at most one preemption: of all there are too many. */
	EDITS(.name = "edit-wait", .setup = setup_waits, .threads = {edit_1, read_whole},
	      .preemption_bound_plus_1 = 2),
	EDITS(.name = "set-set", .setup = setup_states, .threads = {set_1, set_1}),
	EDITS(.name = "set-run", .setup = setup_again, .threads = {set_1, work},
	      .preemption_bound_plus_1 = 2),
	EDITS(.name = "invalidate-run", .setup = setup_again, .threads = {invalidate_sum, work},
	      .preemption_bound_plus_1 = 2),
	SCN(.name = "edit-dirty", .setup = setup_dirty, .threads = {tell, edit_read}),
	SCN(.name = "edit-below", .setup = setup_below, .threads = {tell, change_read}),
	SCN(.name = "edit-way", .setup = setup_way, .threads = {raise_twice, change_known}),
	SCN(.name = "edit-first", .setup = setup_first, .threads = {tell, change_read_twice}),
	{.name = "edit-early",
	 .setup = setup_early,
	 .threads = {tell, change_end_known},
	 .finish = finish_early,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .ideal_parks = true,
	 .native_divisor = 50},
	SCN(.name = "settle-newer", .setup = setup_newer,
	    .threads = {tell_hide_tell, settle_first}),
	/* With at most one preemption: each is one that a mistake in told.c needs. */
	SCN(.name = "settle", .setup = setup_settle, .threads = {mark_tell, rely, settle_look},
	    .preemption_bound_plus_1 = 2),
	SCN(.name = "settled", .setup = setup_marked,
	    .threads = {tell_marked, rely_look, settle_told}, .preemption_bound_plus_1 = 2),
	SCN(.name = "untold", .setup = setup_untold, .threads = {tell, read_changed}),
	SCN(.name = "recovered", .setup = setup_recovers, .threads = {recover, read_changed}),
	SCN(.name = "lost", .setup = setup_lost, .threads = {recover_whole, is_other_moment}),
	{.name = "idle-last",
	 .setup = setup_two_left,
	 .threads = {end_one, end_one},
	 .finish = finish_two_left,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .native_divisor = 50},
	EDITS(.name = "idle", .setup = setup_busy, .threads = {work, wait_idle}),
	{.name = "pins",
	 .setup = setup_pins,
	 .threads = {unpin, unpin},
	 .finish = finish_pins,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .native_divisor = 50},
};
MC_MAIN(scenarios)
