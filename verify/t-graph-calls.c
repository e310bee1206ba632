/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/local.c: later() calls via() with an output that is not known yet, so a job beside its body
 * makes the call.
 *
 *  job-either       a worker takes the job, and runs what it needs, or comes too late
 *  job-chain        of two: it takes the one that needs the other
 *  job-same         the body calls what the job calls: one hold, whoever was first
 *  job-cancel       the engine stops, and the job will never begin
 *
 * And of cells that others have by their references:
 *  cell-window      a task brings back its own while what it reads is replaced: it hears of that
 *  cell-early       a cell is read before the run that makes it is over
 *
 * And of whom a run has called so far:
 *  moment-called    who has a moment of quiet looks at that, beside calls to what is still
 */
#include "graph-standin.h"

struct to {
	pawl_ref_t ref;
};

static const struct pawl_argument to_ref[] = {{PAWL_ARGUMENT_REF, 0, 0}};
static struct given *job;
static uint64_t chain;
static struct pawl_atomic_u32 made;

static int via_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct to *to = args;

	return give(context, 10 + get(context, to->ref, 0), ret_output);
}
static const struct pawl_function via = {sizeof(via),	    "via",  1, 0, via_body,
					 sizeof(struct to), to_ref, 1};

/* What its job is about to call, too. */
static int calls_the_same(struct pawl_context *context)
{
	struct to to;
	pawl_ref_t output;

	job = &seat_here()->given[seat_here()->n - 1];
	mc_assert(!pawl_resolve(context, call(context, &input, 0), 0, &to.ref, NULL));
	pawl_store_release(&made, 1u);
	mc_assert(!pawl_call(context, &via, &to, &output));
	return 0;
}

static int later_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct to to = {call(context, &input, 0)};
	const struct one *one = args;
	int error = pawl_call(context, &via, &to, ret_output);

	if (!error && one->n == 2)
		return calls_the_same(context);
	/* The result of one is the argument of the next. */
	to.ref = *ret_output;
	if (!error && one->n)
		error = pawl_call(context, &via, &to, ret_output);
	/* For the other thread: the last that was spawned. */
	job = &seat_here()->given[seat_here()->n - 1];
	pawl_store_release(&made, 1u);
	return error;
}
static const struct pawl_function later = {sizeof(later),      "later", 1, 0, later_body,
					   sizeof(struct one), NULL,	0};

static void setup_later(uint64_t n)
{
	chain = n;
	more_functions[0] = &via;
	more_functions[1] = &later;
	more_functions_n = 2;
	setup_empty();
	pawl_init_word(&made, 0u);
	(void)task_of(&later, n);
	mc_assert(claim(last()));
}

static void setup_job(void)
{
	setup_later(0);
}

static void setup_same(void)
{
	setup_later(2);
}

static void setup_chain(void)
{
	setup_later(1);
}

static void work(void)
{
	run_claimed(last());
}

static void take_job(void)
{
	scn_await(&made, 1u);
	(void)run_given(job);
}

static void finish_job(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		run_seat(&seats[i]);
	mc_assert(chain == 2 || ask(&later, chain, PAWL_READ_STRONG) == 10 * (chain + 1));
	finish();
}

static void cancel_job(void)
{
	scn_await(&made, 1u);
	pawl_store_release(&graph->stopping, 1u);
	cancel_given(job);
}

static void finish_cancelled(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		for (unsigned k = 0; k < seats[i].n; k++)
			cancel_given(&seats[i].given[k]);
	}
	finish_graph();
}

#define JOBS(...)                                                                              \
	{                                                                                      \
		__VA_ARGS__, .finish = finish_job, .no_spurious = true, .no_membarrier = true, \
			     .ideal_locks = true, .ideal_parks = true, .native_divisor = 50    \
	}

/* ---- cells that others have by their references -------------------------------------------- */

static pawl_ref_t cell_ref;
static struct given *runs[2];
static struct pawl_atomic_u32 seen;

static void setup_cells(void)
{
	struct pawl_context context = {0};
	struct to to;

	more_functions[0] = &via;
	more_functions[1] = &later;
	more_functions_n = 2;
	setup_of(&input);
	context.graph = graph;
	mc_assert(!pawl_resolve(&context, eng_ref(inputs[0], 0), 0, &to.ref, NULL));
	mc_assert(!pawl_call(&context, &via, &to, &cell_ref));
	mc_assert(read_ref(cell_ref, PAWL_READ_FINAL | PAWL_READ_STRONG) == 10);
	change(0, 1);
	schedule(inputs[0]);
	runs[0] = last();
	mc_assert(claim(runs[0]));
	/* Its own cell is gone: it has begun to bring it back. */
	schedule(eng_ref_task(cell_ref));
	runs[1] = last();
	mc_assert(claim(runs[1]));
}

static void run_input(void)
{
	run_claimed(runs[0]);
}

static void run_via(void)
{
	run_claimed(runs[1]);
}

static void finish_cells(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		run_seat(&seats[i]);
	mc_assert(read_ref(cell_ref, PAWL_READ_STRONG) == 11);
	finish();
}

/* It shows what it has before it is done, and waits until that was seen. */
static int shows_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = give(context, 5, ret_output);

	(void)args;
	scn_await(&seen, 1u);
	return error;
}
static const struct pawl_function shows = {sizeof(shows),      "shows", 1, 0, shows_body,
					   sizeof(struct one), NULL,	0};

static void setup_early(void)
{
	more_functions[0] = &shows;
	more_functions_n = 1;
	setup_empty();
	looks = false;
	pawl_init_word(&seen, 0u);
	cell_ref = eng_ref(task_of(&shows, 0), eng_cell(1, 0));
	mc_assert(claim(last()));
}

static void read_early(void)
{
	mc_assert(read_ref(cell_ref, 0) == 5);
	pawl_store_release(&seen, 1u);
}

#define CELLS(FINISH, ...)                                                                  \
	{                                                                                   \
		__VA_ARGS__, .finish = FINISH, .no_spurious = true, .no_membarrier = true,  \
			     .ideal_locks = true, .ideal_parks = true, .native_divisor = 50 \
	}

/* ---- whom a run has called ------------------------------------------------------------------ */

/* It is still once it ran: it depends on nothing. */
static int pure_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, 3, ret_output);
}
FUNCTION(pure);

static eng_id caller, still, stilled;

/* The first run of pure(2) has begun, and has called pure(1), which has become still since. */
static void setup_calls(void)
{
	const struct eng_quiesce_options options = {.ready = 3};
	struct eng_node *node;
	struct eng_op op;

	more_functions[0] = &pure;
	more_functions_n = 1;
	setup_empty();
	still = task_of(&pure, 0);
	run_own();
	caller = task_of(&pure, 2);
	stilled = task_of(&pure, 1);
	node = eng_lock(graph, caller);
	eng_unlock(node);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	mc_assert(!eng_connect(&op, eng_run_of(node), stilled));
	eng_op_end(&op);
	mc_assert(run_given(last()));
	/* Who wants a moment of quiet shuts the door at once, and leaves it shut. */
	eng_quiesce_destroy(graph->quiesce);
	mc_assert(!eng_quiesce_create(&options, &graph->quiesce));
}

/* As its body would: it calls one that is still, and has read the other one. */
static void call_still(void)
{
	struct eng_node *node = eng_lock(graph, caller);
	struct eng_run_state *run = eng_run_of(node);

	eng_unlock(node);
	mc_assert(!eng_connect_still(graph, run, still));
	eng_child_is_still(run, stilled);
	mc_assert(!run->called.n_not_still);
}

/* As who repairs a loss does (restore.c): what is noted holds together. */
static void look_at_called(void *arg)
{
	struct eng_node *node = eng_lock(graph, caller);
	const struct eng_called *called = &eng_run_of(node)->called;
	uint64_t cursor = 0;
	uint32_t n = 0;
	eng_id id;

	(void)arg;
	while (eng_called_next(called, &cursor, &id)) {
		mc_assert(id == stilled);
		n++;
	}
	mc_assert(n == called->n_not_still);
	eng_unlock(node);
}

static void have_moment(void)
{
	mc_assert(!eng_quiesce_run(graph->quiesce, look_at_called, NULL));
}

static const struct mc_scenario scenarios[] = {
	CELLS(finish_cancelled, .name = "moment-called", .setup = setup_calls,
	      .threads = {call_still, have_moment}),
	JOBS(.name = "job-either", .setup = setup_job, .threads = {work, take_job}),
	JOBS(.name = "job-chain", .setup = setup_chain, .threads = {work, take_job}),
	JOBS(.name = "job-same", .setup = setup_same, .threads = {work, take_job}),
	CELLS(finish_cells, .name = "cell-window", .setup = setup_cells,
	      .threads = {run_input, run_via}),
	CELLS(finish, .name = "cell-early", .setup = setup_early,
	      .threads = {work, read_early}),
	{.name = "job-cancel",
	 .setup = setup_job,
	 .threads = {work, cancel_job},
	 .finish = finish_cancelled,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .native_divisor = 50},
};
MC_MAIN(scenarios)
