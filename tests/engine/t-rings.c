/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-rings.c - tasks in a ring: of calls, and of each kind of read; asked by one visit, and by several threads at once;
 * with and without roots in between; beside workers that are busy. Who is in a ring of reads fails and says
 * so; when one call is taken out all give what they would give without a past, and every sum is right.
 */
#include "frame.h"

#include <sched.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"

#define KNOTS 8
#define EDGES 3
#define MANY  3 /* threads that ask at once */

enum how { NO_EDGE, CALL, READ, STRONG, UNTRACKED, TOGETHER, HOW_COUNT };

/* What a task does: whom it calls, and how it reads. */
struct plan {
	uint8_t how[EDGES], to[EDGES];
};

static const struct pawl_value_type plan_type = PAWL_VALUE_TYPE("plan");
static struct pawl_state *states[KNOTS];
static struct plan plans[KNOTS]; /* what the states have */
static uint32_t roots;		 /* bit n: that task is one */
static struct pawl_atomic_u32 spinning, spins;
/* Which task waits behind its first edge, +1, and that it does. */
static struct pawl_atomic_u32 gate, at_gate;

struct one {
	uint64_t n;
};

/* ---- functions ------------------------------------------------------------------------- */

static int knot_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);

static const struct pawl_function knot = {sizeof(knot),	      "knot", 1, 0, knot_body,
					  sizeof(struct one), NULL,   0};
static const struct pawl_function root_knot = {
	sizeof(root_knot), "root_knot",	       1,    PAWL_FUNCTION_ROOT,
	knot_body,	   sizeof(struct one), NULL, 0};

static const struct pawl_function *function_of(uint64_t n)
{
	return roots >> n & 1 ? &root_knot : &knot;
}

/* One edge. What is only called, or read untracked, adds nothing. */
static int follow(struct pawl_context *context, enum how how, uint64_t to, int64_t *sum)
{
	struct pawl_value *values[2] = {NULL, NULL};
	struct one one = {to};
	pawl_ref_t refs[2];
	int error = pawl_call(context, function_of(to), &one, &refs[0]);

	refs[1] = refs[0];
	if (error || how == CALL)
		return error;
	if (how == TOGETHER)
		error = pawl_read_many(context, refs, 2, 0, values, NULL);
	else
		error = pawl_read(context, refs[0],
				  how == STRONG	     ? PAWL_READ_STRONG
				  : how == UNTRACKED ? PAWL_READ_UNTRACKED
						     : 0,
				  &values[0], NULL);
	if (error)
		return error;
	pawl_value_unpin(values[1]);
	if (how == UNTRACKED)
		pawl_value_unpin(values[0]);
	else
		*sum = *sum * 3 + fr_take(values[0]);
	return 0;
}

static void wait_at_gate(uint64_t n)
{
	if (pawl_load_acquire(&gate) != n + 1)
		return;
	pawl_store_release(&at_gate, 1u);
	while (pawl_load_acquire(&gate))
		sched_yield();
}

static int knot_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int64_t sum = (int64_t)one->n + 1;
	struct plan plan;
	int error = pawl_state_get(context, states[one->n], &value);

	if (error)
		return error;
	memcpy(&plan, pawl_value_payload(value), sizeof(plan));
	pawl_value_unpin(value);
	for (unsigned i = 0; i < EDGES && !error; i++) {
		if (plan.how[i])
			error = follow(context, plan.how[i], plan.to[i], &sum);
		if (!i)
			wait_at_gate(one->n);
	}
	return error ? error : fr_give(context, sum, ret_output);
}

/* What it gives without rings. */
static int64_t oracle(uint64_t n)
{
	int64_t sum = (int64_t)n + 1;

	for (unsigned i = 0; i < EDGES; i++) {
		if (plans[n].how[i] && plans[n].how[i] != CALL && plans[n].how[i] != UNTRACKED)
			sum = sum * 3 + oracle(plans[n].to[i]);
	}
	return sum;
}

/* ---- the engine ---------------------------------------------------------------------------- */

static struct pawl_value *plan_value(const struct plan *plan)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&plan_type, plan, sizeof(*plan), &value));
	return value;
}

static void up(uint32_t workers, bool active)
{
	static const struct pawl_function *const functions[] = {&knot, &root_knot};
	static const struct pawl_value_type *const types[] = {&fr_number, &plan_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	memset(plans, 0, sizeof(plans));
	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.track_active = active;
	fr_open(options);
	for (unsigned i = 0; i < KNOTS; i++)
		states[i] = fr_state(plan_value(&plans[i]));
}

static void set(unsigned n, unsigned at, enum how how, unsigned to)
{
	plans[n].how[at] = (uint8_t)how;
	plans[n].to[at] = (uint8_t)to;
	t_check(!pawl_state_set(states[n], plan_value(&plans[n])));
}

static struct fr_ask ask_of(unsigned n)
{
	static const struct one ones[KNOTS] = {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}};

	return (struct fr_ask){
		.function = function_of(n), .args = &ones[n], .flags = PAWL_READ_STRONG};
}

/* All of the first n tasks, by one thread, or by several, each of which begins elsewhere. */
struct tour {
	struct fr_ask asks[KNOTS];
	unsigned n, from;
};

static void tour_thread(void *arg)
{
	struct tour *tour = arg;

	for (unsigned i = 0; i < tour->n; i++) {
		unsigned n = (tour->from + i) % tour->n;

		tour->asks[n] = ask_of(n);
		(void)fr_try(&tour->asks[n]);
	}
}

static void tours(struct tour *all, unsigned threads, unsigned n)
{
	struct t_thread *started[MANY];

	for (unsigned i = 0; i < threads; i++) {
		all[i].n = n;
		all[i].from = i * n / threads;
	}
	if (threads == 1) {
		tour_thread(&all[0]);
		return;
	}
	for (unsigned i = 0; i < threads; i++)
		started[i] = t_thread_start(tour_thread, &all[i]);
	for (unsigned i = 0; i < threads; i++)
		t_thread_join(started[i]);
}

/* ---- one ring --------------------------------------------------------------------------------- */

static void check_values(const struct tour *tour)
{
	for (unsigned i = 0; i < tour->n; i++) {
		if (tour->asks[i].error)
			fail_msg("task %u: %d, %s", i, tour->asks[i].error, tour->asks[i].text);
		assert_int_equal(tour->asks[i].number, oracle(i));
	}
}

/* Somebody fails, and who does names the ring; of a ring of reads all of it. */
static void check_ring(const struct tour *tour, enum how how)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < tour->n; i++) {
		if (!tour->asks[i].error)
			continue;
		failed++;
		assert_int_equal(tour->asks[i].error, -PAWL_ETASK);
		if (!strstr(tour->asks[i].text, "tasks in a ring: ") ||
		    !strstr(tour->asks[i].text, "knot#"))
			fail_msg("task %u: %s", i, tour->asks[i].text);
	}
	assert_true(failed > 0);
	if (how == READ || how == TOGETHER)
		assert_int_equal(failed, tour->n);
}

static enum how how_of(enum how how, unsigned n)
{
	return how == HOW_COUNT ? CALL + n % (HOW_COUNT - CALL) : how;
}

/* A ring of n tasks is closed at one place, opened at another, and closed again. */
static void go_round(unsigned n, enum how how, unsigned threads)
{
	struct tour all[MANY];

	for (unsigned i = 0; i + 1 < n; i++)
		set(i, 0, how_of(how, i), i + 1);
	tours(all, threads, n);
	for (unsigned i = 0; i < threads; i++)
		check_values(&all[i]);
	for (unsigned open = 0; open < n; open++) {
		/* It is open at the end of the chain here. */
		set(n - 1, 0, how_of(how, n - 1), 0);
		tours(all, threads, n);
		for (unsigned i = 0; i < threads; i++)
			check_ring(&all[i], how);
		fr_settle();
		set(open, 0, NO_EDGE, 0);
		tours(all, threads, n);
		for (unsigned i = 0; i < threads; i++)
			check_values(&all[i]);
		fr_settle();
		set(n - 1, 0, NO_EDGE, 0);
		if (open + 1 < n)
			set(open, 0, how_of(how, open), open + 1);
		tours(all, threads, n);
		for (unsigned i = 0; i < threads; i++)
			check_values(&all[i]);
	}
	fr_settle();
}

static void each_engine(unsigned n, enum how how, uint32_t which_roots, unsigned threads)
{
	roots = which_roots;
	for (uint32_t workers = 1; workers <= 3; workers += threads == 1 ? 2 : 1) {
		up(workers, true);
		go_round(n, how, threads);
		fr_down();
		up(workers, false);
		go_round(n, how, threads);
		fr_down();
	}
	roots = 0;
}

static void case_two(void **state)
{
	(void)state;
	for (enum how how = CALL; how <= HOW_COUNT; how++)
		each_engine(2, how, 0, 1);
}

static void case_many_ask(void **state)
{
	(void)state;
	for (enum how how = CALL; how <= HOW_COUNT; how++) {
		for (unsigned i = t_scaled(3); i; i--)
			each_engine(2, how, 0, MANY);
		each_engine(3, how, 5, MANY);
	}
}

static void case_long(void **state)
{
	(void)state;
	for (enum how how = CALL; how <= HOW_COUNT; how++) {
		each_engine(3, how, 0, 1);
		each_engine(KNOTS, how, 0, 1);
	}
}

static void case_roots_between(void **state)
{
	static const uint32_t some[] = {0x01, 0x05, 0x24, 0x3f, 0x12};

	(void)state;
	for (enum how how = CALL; how <= HOW_COUNT; how++) {
		for (unsigned i = 0; i < sizeof(some) / sizeof(*some); i++)
			each_engine(6, how, some[i], 1);
	}
}

/* ---- more than one ------------------------------------------------------------------------------ */

/* Two rings with a task in common; each is opened while the other stays. */
static void case_crossing(void **state)
{
	struct tour tour;

	(void)state;
	for (enum how how = READ; how < HOW_COUNT; how++) {
		up(2, true);
		for (unsigned i = 0; i < 2; i++) {
			set(0, 0, how, 1);
			set(0, 1, how, 2);
			set(1, 0, how, 0);
			set(2, 0, how, 0);
			tours(&tour, 1, 3);
			check_ring(&tour, CALL);
			set(1 + i, 0, NO_EDGE, 0);
			tours(&tour, 1, 3);
			check_ring(&tour, CALL);
			set(2 - i, 0, NO_EDGE, 0);
			tours(&tour, 1, 3);
			check_values(&tour);
			fr_settle();
		}
		fr_down();
	}
}

/* What opens the ring is far below a task that is reached by the call alone that closes it. */
static void case_deep(void **state)
{
	struct tour tour;

	(void)state;
	for (enum how how = CALL; how < HOW_COUNT; how++) {
		up(2, true);
		/* 0 -> 1 -> 2 -> 0, and 1 reads 3, which reads 4. */
		set(3, 0, READ, 4);
		set(1, 0, READ, 3);
		set(1, 1, how, 2);
		set(2, 0, how, 0);
		set(0, 0, how, 1);
		for (unsigned first = 0; first < 3; first++) {
			struct fr_ask ask = ask_of(first);

			(void)fr_try(&ask);
			fr_settle();
			/* 4 alone changes; then the ring goes, and the first to be asked is none that was told. */
			set(4, 0, READ, 5);
			(void)fr_try(&ask);
			set(2, 0, NO_EDGE, 0);
			(void)fr_try(&ask);
			assert_int_equal(ask.error, 0);
			assert_int_equal(ask.number, oracle(first));
			set(4, 0, NO_EDGE, 0);
			set(2, 0, how, 0);
		}
		set(2, 0, NO_EDGE, 0);
		tours(&tour, 1, 5);
		check_values(&tour);
		fr_down();
	}
}

/* Itself: told at the call. */
static void case_itself(void **state)
{
	struct tour tour;

	(void)state;
	up(1, true);
	set(0, 0, READ, 0);
	tours(&tour, 1, 1);
	assert_int_equal(tour.asks[0].error, -PAWL_ETASK);
	assert_non_null(strstr(tour.asks[0].text, "calls itself"));
	set(0, 0, NO_EDGE, 0);
	tours(&tour, 1, 1);
	check_values(&tour);
	fr_down();
}

/* ---- beside others ---------------------------------------------------------------------------------- */

/* A task that runs until it is told to stop, and never waits. */
static int spin_visit(struct pawl_context *context, void *arg)
{
	(void)context;
	(void)arg;
	pawl_store_release(&spinning, 1u);
	while (!pawl_load_acquire(&spins))
		;
	return 0;
}

static void spin_thread(void *arg)
{
	t_check(!pawl_engine_run(fr_engine, spin_visit, arg));
}

/* One worker of three is busy all the time: rings are not found by being idle. */
static void case_busy(void **state)
{
	struct t_thread *spinner;

	(void)state;
	for (enum how how = CALL; how <= HOW_COUNT; how++) {
		struct tour tour;

		up(3, true);
		pawl_store_relaxed(&spins, 0u);
		pawl_store_relaxed(&spinning, 0u);
		spinner = t_thread_start(spin_thread, NULL);
		/* A body that waits stays with its worker: none of the ring may be with the one that never comes back. */
		t_wait_until(pawl_load_acquire(&spinning));
		set(0, 0, how_of(how, 0), 1);
		set(1, 0, how_of(how, 1), 2);
		set(2, 0, how_of(how, 2), 0);
		tours(&tour, 1, 3);
		check_ring(&tour, how);
		set(1, 0, NO_EDGE, 0);
		tours(&tour, 1, 3);
		check_values(&tour);
		pawl_store_release(&spins, 1u);
		t_thread_join(spinner);
		fr_down();
	}
}

/* Edges come and go while all are asked: all ends, and in the end all is right. */
static void case_storm(void **state)
{
	struct tour all[MANY];
	struct t_thread *asking[MANY];

	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		uint32_t random = round * 2654435761u;

		roots = random >> 24 & 0xff;
		up(2 + round % 2, round % 4);
		for (unsigned i = 0; i < MANY; i++) {
			all[i].n = KNOTS;
			all[i].from = i;
			asking[i] = t_thread_start(tour_thread, &all[i]);
		}
		for (unsigned i = 0; i < 40; i++) {
			random = random * 1664525 + 1013904223;
			set(random >> 29, i % EDGES,
			    random >> 16 & 1 ? CALL + (random >> 8) % 5 : NO_EDGE,
			    random >> 24 & 7);
		}
		for (unsigned i = 0; i < MANY; i++)
			t_thread_join(asking[i]);
		/* None to a smaller one, nor to itself. */
		for (unsigned i = 0; i < KNOTS; i++) {
			for (unsigned at = 0; at < EDGES; at++) {
				if (plans[i].to[at] <= i)
					set(i, at, NO_EDGE, 0);
			}
		}
		tours(all, 1, KNOTS);
		check_values(&all[0]);
		fr_down();
	}
	roots = 0;
}

/* ---- found by who did not close it ------------------------------------------------------------------- */

static eng_id id_of(unsigned n)
{
	struct eng_graph *graph = fr_engine->graph;

	/* Threads have numbers beforehand, so there are some that are not there. */
	for (eng_id id = 1;; id++) {
		struct eng_node *node = eng_lock_any(graph, id);
		const struct eng_key *key;
		uint64_t number;

		assert_true(id < 1u << 20);
		if (!node)
			continue;
		key = eng_node_key(node);
		memcpy(&number, key->args, sizeof(number));
		eng_unlock(node);
		if (number == n)
			return id;
	}
}

/* As the end of a run does it. */
static void call_by_hand(struct eng_op *op, eng_id caller, eng_id callee)
{
	struct eng_node *node = eng_lock(fr_engine->graph, caller);
	bool gives_back = eng_connect_children(op, node, eng_list_one(&op->queue, callee));

	eng_unlock(node);
	eng_op_run(op);
	if (gives_back)
		eng_queue_tasks(&op->queue, ENG_JOB_DEACTIVATE,
				eng_list_one(&op->queue, callee));
}

/* An operation that is no run's end makes a call of its own: it takes one out, and its caller runs again. */
static void case_found_elsewhere(void **state)
{
	struct tour tour;
	struct eng_node *node;
	struct eng_op op;
	eng_id top, middle, bottom;

	(void)state;
	for (unsigned active = 0; active < 2; active++) {
		struct pawl_engine_stats before, after;

		up(2, active);
		set(0, 0, READ, 1);
		set(1, 0, READ, 2);
		tours(&tour, 1, 3);
		check_values(&tour);
		fr_settle();
		top = id_of(0);
		middle = id_of(1);
		bottom = id_of(2);
		pawl_engine_stats_read(fr_engine, &before);
		eng_op_begin(&op, fr_engine->graph, ENG_PRIORITY_INITIAL);
		if (active)
			assert_true(eng_activate_called(&op, top) >= 0);
		call_by_hand(&op, bottom, top);
		eng_op_end(&op);
		tours(&tour, 1, 3);
		fr_settle();
		pawl_engine_stats_read(fr_engine, &after);
		assert_true(after.runs > before.runs);
		/* Who was chosen calls as before, and fails as long as the other call is there. */
		for (unsigned i = 0; i < 3; i++)
			assert_true(!tour.asks[i].error ||
				    strstr(tour.asks[i].text, "tasks in a ring: "));
		set(2, 1, CALL, 3);
		tours(&tour, 1, 3);
		check_values(&tour);
		node = eng_lock(fr_engine->graph, top);
		assert_true(eng_set_has(node, ENG_CHILDREN, middle));
		eng_unlock(node);
		fr_down();
	}
}

/* A call is taken out that another operation has taken out already: nothing is left to be told. */
static void case_taken_out_twice(void **state)
{
	struct tour tour;
	struct eng_node *node;
	struct eng_op op;
	eng_id middle, bottom;

	(void)state;
	for (unsigned active = 0; active < 2; active++) {
		up(2, active);
		set(0, 0, READ, 1);
		set(1, 0, READ, 2);
		tours(&tour, 1, 3);
		middle = id_of(1);
		bottom = id_of(2);
		eng_op_begin(&op, fr_engine->graph, ENG_PRIORITY_INITIAL);
		for (unsigned i = 0; i < 2; i++)
			eng_children_lost(&op, middle, eng_list_one(&op.queue, bottom));
		node = eng_lock(fr_engine->graph, middle);
		assert_false(
			eng_children_take(&op, node, eng_list_one(&op.queue, bottom), true));
		eng_make_dirty(&op, node, true);
		eng_unlock(node);
		eng_op_end(&op);
		tours(&tour, 1, 3);
		check_values(&tour);
		fr_settle();
		fr_down();
	}
}

/* It is the call of a task that runs, and has made it again already. */
static void case_taken_out_of_a_run(void **state)
{
	struct tour tour;
	struct fr_ask ask;
	struct t_thread *asking;
	struct eng_node *node;
	struct eng_op op;
	eng_id top, middle, bottom;

	(void)state;
	for (unsigned active = 0; active < 2; active++) {
		up(2, active);
		set(0, 0, READ, 1);
		set(1, 0, READ, 2);
		tours(&tour, 1, 3);
		fr_settle();
		top = id_of(0);
		middle = id_of(1);
		bottom = id_of(2);
		pawl_store_relaxed(&at_gate, 0u);
		pawl_store_release(&gate, 1u);
		set(0, 1, CALL, 3);
		ask = ask_of(0);
		asking = t_thread_start(fr_try_thread, &ask);
		while (!pawl_load_acquire(&at_gate))
			sched_yield();
		eng_op_begin(&op, fr_engine->graph, ENG_PRIORITY_INITIAL);
		if (active)
			assert_true(eng_activate_called(&op, top) >= 0);
		call_by_hand(&op, bottom, top);
		eng_op_end(&op);
		node = eng_lock(fr_engine->graph, top);
		assert_false(eng_set_has(node, ENG_CHILDREN, middle));
		eng_unlock(node);
		pawl_store_release(&gate, 0u);
		t_thread_join(asking);
		assert_int_equal(ask.error, -PAWL_ETASK);
		assert_non_null(strstr(ask.text, "tasks in a ring: "));
		fr_settle();
		set(2, 1, CALL, 3);
		tours(&tour, 1, 3);
		check_values(&tour);
		fr_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_two),
		cmocka_unit_test(case_long),
		cmocka_unit_test(case_many_ask),
		cmocka_unit_test(case_roots_between),
		cmocka_unit_test(case_crossing),
		cmocka_unit_test(case_deep),
		cmocka_unit_test(case_itself),
		cmocka_unit_test(case_busy),
		cmocka_unit_test(case_storm),
		cmocka_unit_test(case_found_elsewhere),
		cmocka_unit_test(case_taken_out_twice),
		cmocka_unit_test(case_taken_out_of_a_run),
	};

	return t_run("rings", tests);
}
