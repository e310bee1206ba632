/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph: a read beside a run of what it reads, and beside changes. One thread has the run,
 * which is long; the others do something short, so that the space can be exhausted. A run that has begun cannot be
 * run by who waits for it.
 *
 * Who waits sleeps, with real events, and the run gives what it gave before:
 *  wait-strong      a strong read waits for the run of an input
 *  wait-output      a read waits for the run of what it reads
 *  wait-cell        a read of a cell, by its reference; the run gives another value
 *  told             a strong read finds nothing to wait for: what is over is being told
 *  peek-told        collectibles of what is reached no more are gone, though that is being told
 *  claim-output     either runs it, the reader or a worker
 * or another value:
 *  run-strong       a strong read sees it, and runs what comes of it, or waits for that
 *
 * Who waits looks again and again, and the run gives another value:
 *  run-output, run-cell
 *  run-change       a change of what the run has read, or has not yet
 *  run-read-change  and a read
 *  run-keyed        a run changes one key of a value, beside the run of who reads another one, or that one
 *  root-run-change  the same below a root: what comes of it is scheduled at once
 *  root-run-read    a read of the root beside all that runs to get there
 *  run-many         a read of two tasks, whose runs have begun and not
 *  recompute-run    a cell that was lost is made again beside a run of what it is made of
 *  final            the value goes to who reads it last; the other has it made again
 *  output-read      a run fails, which gives another output, beside a read of who has read that
 *  error            a task that failed is read while it runs again
 */
#include "graph-standin.h"

static pawl_ref_t top_ref, input_ref, cell_ref, other_ref;
static struct given *runs[2];
static uint64_t part_key;

/* Input 0 has changed to that number, and its run has begun, or may be begun by anybody. */
static void input_changed(uint32_t number, bool claimed)
{
	struct pawl_context context = {.graph = graph};

	top_ref = eng_ref(task_of(top, 0), 0);
	input_ref = eng_ref(inputs[0], 0);
	other_ref = eng_ref(inputs[1], 0);
	mc_assert(!pawl_resolve(&context, input_ref, 0, &cell_ref, NULL));
	change(0, number);
	schedule(inputs[0]);
	runs[0] = last();
	if (claimed)
		mc_assert(claim(runs[0]));
}

/* Being told that it is clean is enough. */
static void setup_same_clean(void)
{
	setup_of(&twice);
	input_changed(0, true);
	looks = false;
	last_event_alone = true;
}

static void setup_same(void)
{
	setup_of(&twice);
	input_changed(0, true);
	looks = false;
}

static void setup_same_free(void)
{
	setup_of(&twice);
	input_changed(0, false);
	looks = false;
}

static void setup_cell(void)
{
	setup_of(&twice);
	input_changed(1, true);
	looks = false;
}

static void setup_changed(void)
{
	setup_of(&twice);
	input_changed(1, true);
}

static void setup_strong(void)
{
	setup_changed();
	looks = false;
}

static void setup_root_changed(void)
{
	setup_root_of(&twice);
	input_changed(1, true);
}

/* ---- what is being told -------------------------------------------------------------------- */

/* An operation that has begun: what is left of it is to tell those above. On the slot of setup(). */
static struct eng_op telling;

static void tell(void)
{
	eng_op_end(&telling);
}

/* The input is clean, and above it is not known yet. */
static void setup_told(void)
{
	struct eng_node *node;

	setup_of(&twice);
	top_ref = eng_ref(task_of(top, 0), 0);
	invalidate(0);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	node = eng_lock(graph, inputs[0]);
	eng_set_dirty(&telling, node, 0);
	eng_unlock(node);
	looks = false;
}

/* ---- what is emitted ---------------------------------------------------------------------- */

static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	(void)give(context, 0, ret_output);
	return pawl_emit(context, &mark, *ret_output);
}
FUNCTION(emits);

static int holder_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, get(context, call(context, &emits, 0), 0), ret_output);
}
FUNCTION(holder);

static void count_mark(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int32_t *)arg += count;
}

static int32_t marks_now(void)
{
	struct pawl_context context = {.graph = graph};
	int32_t n = 0;

	mc_assert(!pawl_peek(&context, top_ref, &mark, count_mark, &n));
	eng_context_fini(&context);
	return n;
}

static void peek_none(void)
{
	mc_assert(!marks_now());
}

/* It has left what emits, and that is not known above. */
static void setup_left(void)
{
	more_functions[0] = &emits;
	more_functions[1] = &holder;
	more_functions_n = 2;
	more_trait = &mark;
	setup_of(&twice);
	mc_assert(ask(&holder, 0, PAWL_READ_STRONG) == 0);
	run_own();
	top_ref = eng_ref(task_of(&holder, 0), 0);
	mc_assert(marks_now() == 1);
	eng_op_begin(&telling, graph, ENG_PRIORITY_INITIAL);
	eng_children_lost(&telling, eng_ref_task(top_ref),
			  eng_list_one(&telling.queue, task_of(&emits, 0)));
	looks = false;
}

static void run_first(void)
{
	run_claimed(runs[0]);
}

static void run_second(void)
{
	run_claimed(runs[1]);
}

static void run_free(void)
{
	(void)run_given(runs[0]);
}

/* And what comes of it. */
static void run_on(void)
{
	run_claimed(runs[0]);
	run_own();
}

static void read_strong(void)
{
	mc_assert(read_ref(top_ref, PAWL_READ_STRONG) == expected());
}

/* Eventually: what there was before, or what there is after. */
static void read_root(void)
{
	uint64_t number = read_ref(eng_ref(root, 0), 0);

	mc_assert(number == 0 || number == 2);
}

static void read_output(void)
{
	mc_assert(read_ref(input_ref, 0) == pawl_load_relaxed(&world[0]));
}

static void read_any(void)
{
	mc_assert(read_ref(input_ref, 0) <= 2);
}

static void read_cell(void)
{
	mc_assert(read_ref(cell_ref, 0) <= 1);
}

static void change_again(void)
{
	change(0, 2);
}

/* ---- several ---------------------------------------------------------------------------- */

static void setup_many(void)
{
	setup_of(&sum);
	input_changed(1, true);
	change(1, 1);
	schedule(inputs[1]);
	runs[1] = last();
}

static void read_many(void)
{
	struct pawl_context context = {.graph = graph};
	const pawl_ref_t refs[2] = {input_ref, other_ref};
	struct pawl_value *values[2];

	mc_assert(!pawl_read_many(&context, refs, 2, 0, values, NULL));
	mc_assert(number_of(values[0]) == 1 && number_of(values[1]) == 1);
	eng_context_fini(&context);
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* Two parts: the keys are their places. */
static void changed_keys(const void *before, size_t before_bytes, const void *after,
			 size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			 void *arg)
{
	const uint64_t *a = before, *b = after;

	(void)before_bytes;
	(void)after_bytes;
	for (uint64_t i = 0; i < 2; i++) {
		if (a[i] != b[i])
			changed(arg, i);
	}
}
static const struct pawl_value_type table_type = {.size = sizeof(table_type),
						  .name = "table",
						  .version = 1,
						  .mode = PAWL_CELL_KEYED,
						  .changed_keys = changed_keys};

/* The first part is the world's, the second stays. */
static int table_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t numbers[2] = {pawl_load_acquire(&world[0]), 5};
	struct pawl_value *value;

	(void)args;
	context->run->invalidator = true;
	mc_assert(!pawl_value_of(&table_type, numbers, sizeof(numbers), &value));
	return pawl_cell(context, value, ret_output);
}
FUNCTION(table);

static int part_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	uint64_t number;

	context->run->invalidator = true;
	mc_assert(!pawl_read_key(context, call(context, &table, 0), one->n, &value, NULL));
	number = ((const uint64_t *)pawl_value_payload(value))[one->n];
	pawl_value_unpin(value);
	return give(context, number, ret_output);
}
FUNCTION(part);

/* The table is about to change, and the run of who reads a part of it has begun. */
static void setup_keyed(uint64_t key)
{
	more_functions[0] = &table;
	more_functions[1] = &part;
	more_functions_n = 2;
	more_type = &table_type;
	setup_empty();
	top = &part;
	part_key = key;
	mc_assert(ask(&part, key, PAWL_READ_STRONG) == (key ? 5 : 0));
	run_own();
	inputs[0] = task_of(&table, 0);
	inputs[1] = task_of(&part, key);
	change(0, 1);
	schedule(inputs[0]);
	runs[0] = last();
	invalidate(1);
	schedule(inputs[1]);
	runs[1] = last();
	mc_assert(claim(runs[0]) && claim(runs[1]));
}

static void setup_key_changes(void)
{
	setup_keyed(0);
}

static void setup_key_stays(void)
{
	setup_keyed(1);
}

static void finish_keyed(void)
{
	char text[256];

	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		run_seat(&seats[i]);
	mc_assert(ask(&part, part_key, PAWL_READ_STRONG) == (part_key ? 5 : 1));
	run_own();
	(void)pawl_sub_relaxed(&graph->busy, 1u);
	if (eng_verify(graph, text, sizeof(text)))
		mc_fail(text, __FILE__, __LINE__);
	finish_graph();
}

/* ---- what was lost ------------------------------------------------------------------------ */

static void setup_final(void)
{
	setup_root_of(&twice);
	top_ref = eng_ref(task_of(top, 0), 0);
}

static void read_final(void)
{
	mc_assert(read_ref(top_ref, PAWL_READ_FINAL) == 0);
}

static void read_eventually(void)
{
	mc_assert(read_ref(top_ref, 0) == 0);
}

/* The cell of twice(0) is gone, and it has begun to make it again. */
static void setup_recompute(void)
{
	setup_final();
	read_final();
	schedule(eng_ref_task(top_ref));
	runs[1] = last();
	mc_assert(claim(runs[1]));
	input_changed(1, true);
}

/* ---- failures ----------------------------------------------------------------------------- */

/* It has failed, and runs again. */
static void setup_error(void)
{
	struct pawl_context context = {0};

	setup_of(&twice);
	change(0, 1);
	context.graph = graph;
	top_ref = call(&context, &odd, 0);
	mc_assert(pawl_resolve(&context, top_ref, PAWL_READ_STRONG, &cell_ref, NULL) ==
		  -PAWL_ETASK);
	eng_context_fini(&context);
}

static void mend(void)
{
	edit(0, 2);
	schedule(eng_ref_task(top_ref));
	run_own();
}

static void read_error(void)
{
	struct pawl_context context = {.graph = graph};
	const struct pawl_error *failure;
	int error = pawl_resolve(&context, top_ref, 0, &cell_ref, &failure);

	mc_assert(!error ||
		  (error == -PAWL_ETASK && !strcmp(pawl_error_message(failure), "error 33")));
	eng_context_fini(&context);
}

/* Gives another output, which is read by a task. */
static int guard_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_read(context, call(context, &odd, 0), 0, &value, NULL);

	(void)args;
	mc_assert(!error || error == -PAWL_ETASK);
	return give(context, error ? 99 : number_of(value), ret_output);
}
static const struct pawl_function guard = {sizeof(guard),      "guard", 1, 0, guard_body,
					   sizeof(struct one), NULL,	0};

static void setup_guard(void)
{
	more_functions[0] = &guard;
	more_functions_n = 1;
	setup_of(&twice);
	mc_assert(ask(&guard, 0, PAWL_READ_STRONG) == 0);
	top_ref = eng_ref(task_of(&guard, 0), 0);
	change(0, 1);
	schedule(inputs[0]);
	(void)run_given(last());
	schedule(task_of(&odd, 0));
	runs[0] = last();
	mc_assert(claim(runs[0]));
}

static void read_guard(void)
{
	uint64_t number = read_ref(top_ref, 0);

	mc_assert(number == 0 || number == 99);
}

static void finish_guard(void)
{
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++)
		run_seat(&seats[i]);
	mc_assert(read_ref(top_ref, PAWL_READ_STRONG) == 99);
	finish();
}

#define KEYED(...)                                                                            \
	{                                                                                     \
		__VA_ARGS__, .finish = finish_keyed, .no_spurious = true,                     \
			     .no_membarrier = true, .ideal_locks = true, .ideal_parks = true, \
			     .native_divisor = 50                                             \
	}

static const struct mc_scenario scenarios[] = {
	SCN(.name = "told", .setup = setup_told, .threads = {tell, read_strong}),
	SCN(.name = "peek-told", .setup = setup_left, .threads = {tell, peek_none}),
	SCN(.name = "wait-strong", .setup = setup_same_clean,
	    .threads = {run_first, read_strong}),
	/* With at most one preemption: of all there are too many. */
	SCN(.name = "run-strong", .setup = setup_strong, .threads = {run_first, read_strong},
	    .preemption_bound_plus_1 = 2),
	SCN(.name = "wait-output", .setup = setup_same, .threads = {run_first, read_output}),
	SCN(.name = "wait-cell", .setup = setup_cell, .threads = {run_first, read_cell}),
	SCN(.name = "claim-output", .setup = setup_same_free,
	    .threads = {run_free, read_output}),
	SCN(.name = "run-output", .setup = setup_changed, .threads = {run_first, read_output}),
	SCN(.name = "run-cell", .setup = setup_changed, .threads = {run_first, read_cell}),
	SCN(.name = "run-change", .setup = setup_changed, .threads = {run_first, change_again}),
	SCN(.name = "root-run-change", .setup = setup_root_changed,
	    .threads = {run_first, change_again}),
	SCN(.name = "root-run-read", .setup = setup_root_changed,
	    .threads = {run_on, read_root}),
	SCN(.name = "run-read-change", .setup = setup_changed,
	    .threads = {run_first, read_any, change_again}),
	SCN(.name = "run-many", .setup = setup_many, .threads = {run_first, read_many}),
	KEYED(.name = "run-keyed", .setup = setup_key_changes,
	      .threads = {run_first, run_second}),
	KEYED(.name = "run-keyed-other", .setup = setup_key_stays,
	      .threads = {run_first, run_second}),
	SCN(.name = "recompute-run", .setup = setup_recompute,
	    .threads = {run_first, run_second}),
	SCN(.name = "final", .setup = setup_final, .threads = {read_final, read_eventually}),
	{.name = "output-read",
	 .setup = setup_guard,
	 .threads = {run_first, read_guard},
	 .finish = finish_guard,
	 .no_spurious = true,
	 .no_membarrier = true,
	 .ideal_locks = true,
	 .ideal_parks = true,
	 .native_divisor = 50},
	SCN(.name = "error", .setup = setup_error, .threads = {mend, read_error}),
};
MC_MAIN(scenarios)
