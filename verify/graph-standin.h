/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph-standin.h - what scenarios of engine/graph share: the place of the runtime, some functions to call, and what
 * their threads do.
 *
 * In place of the runtime each thread has a seat: what it schedules waits there, in a list, and is run by who
 * needs it, by the thread when it has nothing else to do, or by another one that is told to. So all files of
 * engine/graph run as they are shipped. What setup() schedules waits in a seat of its own.
 *
 * The graph: input i has a number of the world's; twice(i) reads input i; either() reads input 2, and twice(0) or
 * twice(1) as that says; above() reads either(); sum() reads twice(0) and twice(1); odd(i) reads input i and fails if it is odd; calls(i)
 * calls twice(i), and reads nothing of it.
 *
 * Operations have fences of their own (.no_membarrier): where somebody may wait for them the checker would else make each access
 * a point at which a fence may come, and no loop the same as before. t-quiesce.c has both.
 *
 * How many runs there are, and statistics, are no part of what is explored (mc_held_count()): each order of such
 * additions would be an execution.
 */
#ifndef VERIFY_GRAPH_STANDIN_H
#define VERIFY_GRAPH_STANDIN_H

/* mc-sources: engine/graph/active.c engine/graph/aggregate.c engine/graph/bag.c */
/* mc-sources: engine/graph/balance.c engine/graph/cell.c engine/graph/cells.c */
/* mc-sources: engine/graph/collect.c engine/graph/connect.c engine/graph/create.c */
/* mc-sources: engine/graph/dirty.c engine/graph/dispose.c engine/graph/error.c engine/graph/evict.c */
/* mc-sources: engine/graph/graph.c engine/graph/heal.c engine/graph/leaf.c engine/graph/local.c */
/* mc-sources: engine/graph/marks.c engine/graph/modify.c engine/graph/node.c engine/graph/op.c */
/* mc-sources: engine/graph/origin.c engine/graph/pairs.c engine/graph/panic.c */
/* mc-sources: engine/graph/profile.c engine/graph/queue.c engine/graph/quiesce.c */
/* mc-sources: engine/graph/read-many.c engine/graph/read.c engine/graph/reclaim.c engine/graph/registry.c */
/* mc-sources: engine/graph/restore-many.c engine/graph/restore.c engine/graph/ring.c engine/graph/run.c engine/graph/schedule.c */
/* mc-sources: engine/graph/trait.c engine/graph/value.c engine/graph/verify.c */
/* mc-sources: engine/graph/told.c engine/graph/wait.c engine/graph/called.c engine/graph/finish.c */
/* mc-sources: engine/graph/history.c engine/graph/pool.c engine/graph/spread.c */
/* mc-sources: engine/graph/storm.c engine/graph/waits.c engine/graph/checks.c engine/graph/twice.c */
#include "scenario.h"

#include <errno.h>

#include <pawl/parallel.h>

#include "../engine/engine.h"
#include "../engine/graph/context.h"
#include "../engine/runtime/join.h"

/* ---- in place of the runtime ------------------------------------------------------------ */

#define RUNS_MOST 16 /* of one thread */

struct given {
	struct eng_task task; /* its tag, and its place here */
	pawl_body_fn *body;
	void (*forget)(void *arg);
	void *arg;
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
/* The group is stopped whenever a task has been let in, and is not there yet. */
static bool spawns_stopped;

static inline struct seat *seat_here(void)
{
	return &seats[mc_thread()];
}

/* Of setup(). */
static inline struct seat *seat_first(void)
{
	return &seats[MC_THREADS_MAX];
}

struct eng_run *eng_run_here(void)
{
	struct eng_run *run = &seat_here()->run;

	return run->task ? run : NULL;
}

/* No value's function asks where it runs. */
struct eng_run *eng_run_hide(void)
{
	return NULL;
}

void eng_run_show(struct eng_run *run)
{
	(void)run;
}

int pawl_spawn(struct pawl_group *group, const struct pawl_task_options *options,
	       pawl_body_fn *body, void *arg, pawl_task_t *ret_task)
{
	struct seat *seat = seat_here();
	struct given *given = &seat->given[seat->n];

	(void)group;
	mc_assert(seat->n < RUNS_MOST);
	given->body = body;
	given->forget = options->free_arg;
	given->arg = arg;
	given->task.arg = arg;
	pawl_init_word(&given->claimed, spawns_stopped);
	if (ret_task)
		ret_task->pawl_id = (uint64_t)(seat - seats) * RUNS_MOST + seat->n + 1;
	seat->n++;
	if (spawns_stopped)
		given->forget(given->arg);
	return 0;
}

/* Histories are not kept. */
uint64_t eng_now(const struct pawl_runtime *rt)
{
	(void)rt;
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

/* Nobody is told to end. */
enum eng_stopped eng_task_stop(struct eng_task *task, uint64_t word, uint64_t flags)
{
	(void)task;
	(void)word;
	(void)flags;
	return ENG_STOPPED_NOT;
}

bool eng_told(const struct eng_run *run)
{
	(void)run;
	return false;
}

void pawl_cleanup_push(struct pawl_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
	(void)cleanup;
	(void)fn;
	(void)arg;
}

/* Only what is asked for: nobody is unwound here. */
void pawl_cleanup_pop(struct pawl_cleanup *cleanup, bool run)
{
	(void)cleanup;
	(void)run;
}

static inline bool claim(struct given *given)
{
	uint32_t none = 0;

	return pawl_cas_acquire(&given->claimed, &none, 1u);
}

/* That was claimed. */
static inline void run_claimed(struct given *given)
{
	struct seat *seat = seat_here();
	struct eng_task *outer = seat->run.task;

	seat->run.task = &given->task;
	(void)given->body(given->arg, NULL);
	given->forget(given->arg);
	seat->run.task = outer;
}

/* Returns: it was run here. */
static inline bool run_given(struct given *given)
{
	if (!claim(given))
		return false;
	run_claimed(given);
	return true;
}

/* As a group that is cancelled: it will never begin. */
static inline void cancel_given(struct given *given)
{
	if (claim(given))
		given->forget(given->arg);
}

void pawl_exit(int error, const char *format, ...)
{
	(void)error;
	(void)format;
	mc_fail("nobody panics here", __FILE__, __LINE__);
}

/*
 * Who waits looks again and again, instead of sleeping: the same but for lost wake-ups, and much less to explore.
 * Scenarios of wake-ups leave it false.
 */
static bool looks;
/* The wake-up of the last event has to be enough: the others are not listened to. */
static bool last_event_alone;

int eng_wait_events(struct pawl_event *const *events, size_t n, bool (*holds)(const void *arg),
		    const void *arg, const char *note)
{
	while (looks && !holds(arg))
		scn_turn();
	if (last_event_alone) {
		events += n - 1;
		n = 1;
	}
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

/* What setup() has scheduled last. */
static inline struct given *last(void)
{
	return &seat_first()->given[seat_first()->n - 1];
}

/* All that waits there and that nobody has begun. */
static inline void run_seat(struct seat *seat)
{
	for (unsigned i = 0; i < seat->n; i++)
		(void)run_given(&seat->given[i]);
}

/* Rings are the runtime's to find. */
bool eng_ring_each(struct pawl_runtime *rt, uint64_t first, void (*fn)(void *arg, uint64_t tag),
		   void *arg)
{
	(void)rt;
	(void)first;
	(void)fn;
	(void)arg;
	return false;
}

int pawl_yield(void)
{
	run_seat(seat_here());
	pawl_pause();
	return 0;
}

/* What this thread has scheduled. */
static inline void run_own(void)
{
	run_seat(seat_here());
}

/* ---- the graph's functions ------------------------------------------------------------------ */

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");
static struct pawl_atomic_u32 world[3];

struct one {
	uint64_t n;
};

static inline int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return pawl_cell(context, value, ret_output);
}

static inline uint64_t number_of(struct pawl_value *value)
{
	uint64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static inline uint64_t get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags)
{
	struct pawl_value *value;

	mc_assert(!pawl_read(context, ref, flags, &value, NULL));
	return number_of(value);
}

static inline pawl_ref_t call(struct pawl_context *context,
			      const struct pawl_function *function, uint64_t n)
{
	struct one one = {n};
	pawl_ref_t ref;

	mc_assert(!pawl_call(context, function, &one, &ref));
	return ref;
}

#define FUNCTION_OF(NAME, FLAGS)                   \
	static const struct pawl_function NAME = { \
		sizeof(NAME), #NAME, 1, FLAGS, NAME##_body, sizeof(struct one), NULL, 0}
#define FUNCTION(NAME) FUNCTION_OF(NAME, 0)

static int input_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	context->run->invalidator = true;
	/* Acquire: who changed it may be told of in another way. */
	return give(context, pawl_load_acquire(&world[one->n]), ret_output);
}
FUNCTION(input);

static int twice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	/* An engine that stops refuses both. */
	int error = pawl_call(context, &input, args, &ref);

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	return error ? error : give(context, 2 * number_of(value), ret_output);
}
FUNCTION(twice);

static int either_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t which = get(context, call(context, &input, 2), 0);

	(void)args;
	return give(context, get(context, call(context, &twice, which), 0), ret_output);
}
FUNCTION(either);

static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t sum = get(context, call(context, &twice, 0), 0);

	(void)args;
	return give(context, sum + get(context, call(context, &twice, 1), 0), ret_output);
}
FUNCTION(sum);

static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, get(context, call(context, &either, 0), 0), ret_output);
}
FUNCTION(above);

static int odd_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	uint64_t number = get(context, call(context, &input, one->n), 0);

	return number % 2 ? -EDOM : give(context, number, ret_output);
}
FUNCTION(odd);

static int calls_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;

	*ret_output = call(context, &twice, one->n);
	return 0;
}
FUNCTION_OF(calls, PAWL_FUNCTION_ROOT);

/* ---- what threads do --------------------------------------------------------------------------- */

static const struct pawl_function *top;
static eng_id inputs[3];
static eng_id root; /* 0: none */
static bool attached_here;

static inline uint64_t ask(const struct pawl_function *function, uint64_t n, uint32_t flags)
{
	struct pawl_context context = {.graph = graph};
	uint64_t number = get(&context, call(&context, function, n), flags);

	eng_context_fini(&context);
	return number;
}

/* What recomputing it all gives. */
static inline uint64_t expected(void)
{
	uint64_t a = pawl_load_relaxed(&world[0]), b = pawl_load_relaxed(&world[1]);

	if (top == &sum)
		return 2 * (a + b);
	if (top == &either || top == &above)
		return 2 * (pawl_load_relaxed(&world[2]) ? b : a);
	return top == &twice || top == &calls ? 2 * a : a;
}

/* The task of a call that was made before. */
static inline eng_id task_of(const struct pawl_function *function, uint64_t n)
{
	struct pawl_context context = {.graph = graph};
	eng_id id = eng_ref_task(call(&context, function, n));

	eng_context_fini(&context);
	return id;
}

static inline void invalidate(unsigned n)
{
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	eng_invalidate(&op, &inputs[n], 1);
	eng_op_end(&op);
}

/* It is to run, though nobody needs it yet. */
static inline void schedule(eng_id id)
{
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, id);
	eng_schedule(&op, node, ENG_PRIORITY_INITIAL);
	eng_unlock(node);
	eng_op_end(&op);
}

/* The world changes, and the graph is told. */
static inline void change(unsigned n, uint32_t number)
{
	pawl_store_release(&world[n], number);
	invalidate(n);
}

static inline void edit(unsigned n, uint32_t number)
{
	change(n, number);
	run_own();
}

/* ---- the whole --------------------------------------------------------------------------------- */

/* What a scenario adds, before setup_empty(). */
static const struct pawl_function *more_functions[2];
static unsigned more_functions_n;
static const struct pawl_value_type *more_type;
static const struct pawl_trait *more_trait;

/* Tasks go that nobody needs. Before setup_empty(). */
static bool collects;

/* What it is saved to, and comes back from; records leave memory. Before setup_empty(). */
static const struct eng_kept *saved_to;

/* Whether something runs is what it is about: else the scenario's share in `busy` keeps that out of it. */
static bool busy_counts;

static inline void setup_empty(void)
{
	static const struct pawl_function *functions[9] = {&input, &twice, &either, &above,
							   &sum,   &odd,   &calls};
	static const struct pawl_value_type *types[2] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	attached_here = !pawl_thread_attached();
	if (attached_here)
		scn_attach();
	memset(seats, 0, sizeof(seats));
	for (unsigned i = 0; i < 3; i++)
		pawl_init_word(&world[i], 0u);
	for (unsigned i = 0; i < more_functions_n; i++)
		functions[7 + i] = more_functions[i];
	types[1] = more_type;
	options.collect = collects;
	options.collect_after_ns = 0;
	options.functions = functions;
	options.functions_n = 7 + more_functions_n;
	options.types = types;
	options.types_n = more_type ? 2 : 1;
	options.traits = &more_trait;
	options.traits_n = more_trait ? 1 : 0;
	options.memory_bytes = saved_to ? PAWL_MEMORY_BYTES_MIN : 0;
	mc_assert(!eng_graph_create_kept(&runtime, NULL, &options, saved_to, &graph));
	top = &twice;
	root = 0;
	looks = true;
	last_event_alone = false;
	if (!busy_counts) {
		pawl_add_relaxed(&graph->busy, 1u);
		mc_held_count(&graph->busy);
	}
	mc_held_count(&graph->runs);
	mc_held_count(&graph->stale_runs);
	mc_held_count(&graph->retries);
}

/* All that `function` needs is there and up to date. */
static inline void setup_of(const struct pawl_function *function)
{
	setup_empty();
	top = function;
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == expected());
	for (unsigned i = 0; i < 3; i++)
		inputs[i] = task_of(&input, i);
	run_own();
}

static inline int root_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, get(context, call(context, top, 0), 0), ret_output);
}

/* By its reference, which is known: no call is made. */
static inline uint64_t read_ref(pawl_ref_t ref, uint32_t flags)
{
	struct pawl_context context = {.graph = graph};
	uint64_t number = get(&context, ref, flags);

	eng_context_fini(&context);
	return number;
}

static inline eng_id root_make(pawl_function_fn *fn)
{
	eng_id id;

	mc_assert(!eng_create_transient(graph, fn, NULL, NULL, ENG_ROOT, &id));
	return id;
}

/* The same below a root, which keeps all of it active: what is changed is scheduled at once. */
static inline void setup_root_of(const struct pawl_function *function)
{
	setup_of(function);
	root = root_make(root_body);
	run_own();
}

/* In finish(): what waits anywhere is run; all sums are right, and so is what `top` gives. */
static inline void settle(void)
{
	char text[256];

	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		run_seat(&seats[i]);
	mc_assert(ask(top, 0, PAWL_READ_STRONG) == expected());
	run_own();
	mc_assert(!root || read_ref(eng_ref(root, 0), PAWL_READ_STRONG) == expected());
	run_own();
	if (!busy_counts)
		(void)pawl_sub_relaxed(&graph->busy, 1u);
	if (eng_verify(graph, text, sizeof(text)))
		mc_fail(text, __FILE__, __LINE__);
}

static inline void finish_graph(void)
{
	eng_graph_destroy(graph);
	busy_counts = false;
	if (attached_here)
		pawl_thread_detach();
}

static inline void finish(void)
{
	settle();
	finish_graph();
}

#define SCN(...)                                                                            \
	{                                                                                   \
		__VA_ARGS__, .finish = finish, .no_spurious = true, .no_membarrier = true,  \
			     .ideal_locks = true, .ideal_parks = true, .native_divisor = 50 \
	}

#endif
