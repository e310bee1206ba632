/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph as shipped: operations on a small graph beside each other. In place of the runtime
 * stands a list: what is scheduled waits there, and is run by who needs it, or by whoever scheduled it when it
 * has nothing else to do. In the end everything is run, every sum is computed again, and each task has
 * the value that recomputing it all gives.
 *
 * The graph: input i has a number of the world's; twice(i) reads input i; either() reads input 2, and twice(0) or
 * twice(1) as that says; sum() reads twice(0) and either().
 *
 *  read-edit        a strong read beside a change of what it depends on
 *  edit-edit        two changes of one input
 *  eventual-edit    a read that takes what is there
 *  switch-edit      a task takes another one's place below its reader, beside a change below
 *  sum-edits        two inputs of one task change at the same time
 *
 * Natively only, since an execution is longer than the checker follows, or there are too many:
 *  fresh-fresh      two visits ask for a task that nobody has made
 *  read-edit-twice, switch-read
 *  root-...         the same below a root, where what was edited runs at once, each thread what it
 *                   has scheduled
 */
/* mc-sources: engine/graph/active.c engine/graph/aggregate.c engine/graph/bag.c */
/* mc-sources: engine/graph/balance.c engine/graph/cell.c engine/graph/cells.c */
/* mc-sources: engine/graph/collect.c engine/graph/connect.c engine/graph/create.c */
/* mc-sources: engine/graph/dirty.c engine/graph/dispose.c engine/graph/error.c */
/* mc-sources: engine/graph/finish.c */
/* mc-sources: engine/graph/graph.c engine/graph/leaf.c engine/graph/local.c */
/* mc-sources: engine/graph/marks.c engine/graph/modify.c engine/graph/node.c engine/graph/op.c */
/* mc-sources: engine/graph/origin.c engine/graph/pairs.c engine/graph/panic.c */
/* mc-sources: engine/graph/profile.c engine/graph/queue.c engine/graph/quiesce.c */
/* mc-sources: engine/graph/read-many.c engine/graph/read.c engine/graph/registry.c */
/* mc-sources: engine/graph/restore.c engine/graph/ring.c engine/graph/run.c engine/graph/schedule.c */
/* mc-sources: engine/graph/spread.c engine/graph/trait.c engine/graph/value.c */
/* mc-sources: engine/graph/verify.c engine/graph/wait.c */
#include "scenario.h"

#include <errno.h>

#include <pawl/parallel.h>

#include "../engine/graph/context.h"
#include "../engine/runtime/join.h"

/* ---- in place of the runtime ------------------------------------------------------------ */

#define RUNS_MOST 16 /* of one thread */

struct given {
	struct eng_task task; /* its tag, and its place here */
	struct eng_run_state *run;
	struct pawl_atomic_u32 claimed;
};

struct seat {
	struct given given[RUNS_MOST];
	unsigned n;
	struct eng_run run;
};

static struct seat seats[MC_THREADS_MAX + 1];
static struct pawl_runtime runtime;
static struct eng_graph *graph;

static struct seat *seat_here(void)
{
	return &seats[mc_thread()];
}

struct eng_run *eng_run_here(void)
{
	return &seat_here()->run;
}

int pawl_spawn(struct pawl_group *group, const struct pawl_task_options *options,
	       pawl_body_fn *body, void *arg, pawl_task_t *ret_task)
{
	struct seat *seat = seat_here();
	struct given *given = &seat->given[seat->n];

	(void)group;
	mc_assert(body == eng_run_body && options->free_arg == eng_run_forget);
	mc_assert(seat->n < RUNS_MOST);
	given->run = arg;
	pawl_init_word(&given->claimed, 0u);
	ret_task->pawl_id = (uint64_t)(seat - seats) * RUNS_MOST + seat->n + 1;
	seat->n++;
	return 0;
}

/* Nobody helps: no list here is that long. */
struct eng_worker *eng_worker_here(void)
{
	return NULL;
}

int pawl_parallel(struct pawl_group *group, size_t n, int (*fn)(void *arg, size_t index),
		  void *arg, size_t *ret_failed)
{
	(void)group;
	(void)n;
	(void)fn;
	(void)arg;
	(void)ret_failed;
	return -ENOMEM;
}

int pawl_task_drop(struct pawl_runtime *rt, pawl_task_t task)
{
	(void)rt;
	(void)task;
	return 0;
}

int eng_task_handle(struct eng_tasks *tasks, uint64_t id, struct eng_task **ret_task)
{
	(void)tasks;
	*ret_task = &seats[(id - 1) / RUNS_MOST].given[(id - 1) % RUNS_MOST].task;
	return 0;
}

void pawl_cleanup_push(struct pawl_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
	(void)cleanup;
	(void)fn;
	(void)arg;
}

void pawl_cleanup_pop(struct pawl_cleanup *cleanup, bool run)
{
	(void)cleanup;
	(void)run;
}

/* Returns: it was run here. */
static bool run_given(struct given *given)
{
	struct seat *seat = seat_here();
	struct eng_task *outer = seat->run.task;
	uint32_t none = 0;

	if (!pawl_cas_acquire(&given->claimed, &none, 1u))
		return false;
	seat->run.task = &given->task;
	(void)eng_run_body(given->run, NULL);
	eng_run_forget(given->run);
	seat->run.task = outer;
	return true;
}

void pawl_exit(int error, const char *format, ...)
{
	(void)error;
	(void)format;
	mc_fail("nobody panics here", __FILE__, __LINE__);
}

int eng_wait_events(struct pawl_event *const *events, size_t n, bool (*holds)(const void *arg),
		    const void *arg, const char *note)
{
	while (!holds(arg)) {
		struct pawl_listener listeners[2], *all[2] = {&listeners[0], &listeners[1]};
		size_t which = n;

		for (size_t i = 0; i < n; i++)
			pawl_event_listen(events[i], all[i], note, 0);
		if (!holds(arg))
			mc_assert(!pawl_event_wait_any(all, n, PAWL_FOREVER, &which));
		for (size_t i = 0; i < n; i++) {
			if (i != which)
				(void)pawl_event_unlisten(all[i]);
		}
	}
	return 0;
}

int eng_task_wait_events(struct pawl_runtime *rt, struct eng_task *task,
			 struct pawl_event *const *events, size_t n,
			 bool (*holds)(const void *arg), const void *arg, char **ret_ring)
{
	(void)rt;
	(void)ret_ring;
	if (run_given(PAWL_CONTAINER_OF(task, struct given, task)))
		return 0;
	return eng_wait_events(events, n, holds, arg, "task");
}

/* What this thread has scheduled and nobody has begun. */
static void run_own(void)
{
	struct seat *seat = seat_here();

	for (unsigned i = 0; i < seat->n; i++)
		(void)run_given(&seat->given[i]);
}

/* ---- the graph's functions ------------------------------------------------------------------ */

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");
static struct pawl_atomic_u32 world[3];

struct one {
	uint64_t n;
};

static int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return pawl_cell(context, value, ret_output);
}

static uint64_t get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags)
{
	struct pawl_value *value;
	uint64_t number;

	mc_assert(!pawl_read(context, ref, flags, &value, NULL));
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static pawl_ref_t call(struct pawl_context *context, const struct pawl_function *function,
		       uint64_t n)
{
	struct one one = {n};
	pawl_ref_t ref;

	mc_assert(!pawl_call(context, function, &one, &ref));
	return ref;
}

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	context->run->invalidator = true;
	/* Acquire: who changed it may be told of in another way. */
	return give(context, pawl_load_acquire(&world[one->n]), ret_output);
}
static const struct pawl_function input = {sizeof(input),      "input", 1, 0, input_body,
					   sizeof(struct one), NULL,	0};

static int twice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	return give(context, 2 * get(context, call(context, &input, one->n), 0), ret_output);
}
static const struct pawl_function twice = {sizeof(twice),      "twice", 1, 0, twice_body,
					   sizeof(struct one), NULL,	0};

static int either_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t which = get(context, call(context, &input, 2), 0);

	(void)args;
	return give(context, get(context, call(context, &twice, which), 0), ret_output);
}
static const struct pawl_function either = {sizeof(either), "either",		1,    0,
					    either_body,    sizeof(struct one), NULL, 0};

static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t sum = get(context, call(context, &twice, 0), 0);

	(void)args;
	return give(context, sum + get(context, call(context, &twice, 1), 0), ret_output);
}
static const struct pawl_function sum = {sizeof(sum),	     "sum", 1, 0, sum_body,
					 sizeof(struct one), NULL,  0};

/* ---- what threads do --------------------------------------------------------------------------- */

static const struct pawl_function *top;

static uint64_t ask(const struct pawl_function *function, uint64_t n, uint32_t flags)
{
	struct pawl_context context = {.graph = graph};
	uint64_t number = get(&context, call(&context, function, n), flags);

	eng_context_fini(&context);
	return number;
}

static uint64_t expected(void)
{
	uint64_t a = pawl_load_relaxed(&world[0]), b = pawl_load_relaxed(&world[1]);

	if (top == &sum)
		return 2 * (a + b);
	if (top == &either)
		return 2 * (pawl_load_relaxed(&world[2]) ? b : a);
	return top == &twice ? 2 * a : a;
}

/* The task of input n, which is there. */
static eng_id task_of_input(unsigned n)
{
	struct pawl_context context = {.graph = graph};

	return eng_ref_task(call(&context, &input, n));
}
static eng_id inputs[3];
static bool attached_here;

static void edit(unsigned n, uint32_t number)
{
	struct eng_op op;

	pawl_store_release(&world[n], number);
	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	eng_invalidate(&op, &inputs[n], 1);
	eng_op_end(&op);
	run_own();
}

static void setup_empty(void)
{
	static const struct pawl_function *const functions[] = {&input, &twice, &either, &sum};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	attached_here = !pawl_thread_attached();
	if (attached_here)
		scn_attach();
	memset(seats, 0, sizeof(seats));
	for (unsigned i = 0; i < 3; i++)
		pawl_init_word(&world[i], 0u);
	options.functions = functions;
	options.functions_n = 4;
	options.types = types;
	options.types_n = 1;
	mc_assert(!eng_graph_create(&runtime, NULL, &options, &graph));
	top = &twice;
}

static void setup_of(const struct pawl_function *function)
{
	setup_empty();
	top = function;
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == expected());
	for (unsigned i = 0; i < 3; i++)
		inputs[i] = task_of_input(i);
	run_own();
}

static void setup_twice(void)
{
	setup_of(&twice);
}

static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, get(context, call(context, top, 0), 0), ret_output);
}

/* The same below a root, which keeps all of it active: what is edited runs at once. */
static void setup_root_of(const struct pawl_function *function)
{
	eng_id id;

	setup_of(function);
	mc_assert(!eng_create_transient(graph, root_body, NULL, NULL, ENG_ROOT, &id));
	run_own();
}

static void setup_root_twice(void)
{
	setup_root_of(&twice);
}

static void setup_root_either(void)
{
	setup_root_of(&either);
}

static void setup_root_sum(void)
{
	setup_root_of(&sum);
}

static void setup_either(void)
{
	setup_of(&either);
}

static void setup_sum(void)
{
	setup_of(&sum);
}

static void finish(void)
{
	char text[256];

	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		for (unsigned k = 0; k < seats[i].n; k++)
			(void)run_given(&seats[i].given[k]);
	}
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == expected());
	run_own();
	if (eng_verify(graph, text, sizeof(text)))
		mc_fail(text, __FILE__, __LINE__);
	eng_graph_destroy(graph);
	if (attached_here)
		pawl_thread_detach();
}

static void read_top(void)
{
	(void)ask(top, 0, PAWL_READ_STRONG);
	run_own();
}

static void read_eventually(void)
{
	(void)ask(top, 0, 0);
	run_own();
}

static void edit_0(void)
{
	edit(0, 1);
}

static void edit_0_again(void)
{
	edit(0, 2);
}

static void edit_0_twice(void)
{
	edit(0, 1);
	edit(0, 2);
}

static void edit_1(void)
{
	edit(1, 5);
}

static void edit_2(void)
{
	edit(2, 1);
}

#define SCN(...)                                                                            \
	{                                                                                   \
		__VA_ARGS__, .no_spurious = true, .ideal_locks = true, .ideal_parks = true, \
			     .native_divisor = 50                                           \
	}
static const struct mc_scenario scenarios[] = {
	SCN(.name = "read-edit", .setup = setup_twice, .threads = {read_top, edit_0},
	    .finish = finish),
	SCN(.name = "edit-edit", .setup = setup_twice, .threads = {edit_0, edit_0_again},
	    .finish = finish),
	SCN(.name = "eventual-edit", .setup = setup_twice, .threads = {read_eventually, edit_0},
	    .finish = finish),
	SCN(.name = "switch-edit", .setup = setup_either, .threads = {edit_2, edit_0},
	    .finish = finish),
	SCN(.name = "sum-edits", .setup = setup_sum, .threads = {edit_0, edit_1},
	    .finish = finish),
#if !defined(PAWL_MC)
	SCN(.name = "fresh-fresh", .setup = setup_empty, .threads = {read_top, read_top},
	    .finish = finish),
	SCN(.name = "read-edit-twice", .setup = setup_twice,
	    .threads = {read_top, edit_0_twice}, .finish = finish),
	SCN(.name = "switch-read", .setup = setup_either, .threads = {edit_2, read_top},
	    .finish = finish),
	SCN(.name = "root-edits", .setup = setup_root_twice, .threads = {edit_0, edit_0_again},
	    .finish = finish),
	SCN(.name = "root-read", .setup = setup_root_twice, .threads = {edit_0, read_top},
	    .finish = finish),
	SCN(.name = "root-switch", .setup = setup_root_either, .threads = {edit_2, edit_0},
	    .finish = finish),
	SCN(.name = "root-sum", .setup = setup_root_sum, .threads = {edit_0, edit_1, read_top},
	    .finish = finish),
#endif
};
MC_MAIN(scenarios)
