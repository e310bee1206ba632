/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-races.c - races that engines of this kind had, each forced: by gates in bodies, and by what the linker
 * lets happen between two steps (--wrap).
 */
#include "conform.h"

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/registry.h"
#include "../../engine/graph/run.h"

static struct pawl_atomic_u32 ran, ran_above;
static struct cf_gate gate, second_gate;

/* ---- between two steps --------------------------------------------------------------------- */

/* Done once, by whoever takes the pair of this task and that one: before it is locked, or after. */
static struct {
	struct pawl_atomic_u32 armed; /* 1: before, 2: after */
	struct pawl_atomic_u32 task, reader;
	void (*action)(void);
} hook;

bool __real_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b);
bool __wrap_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b);
void __real_eng_unlock_pair(struct eng_node *a, struct eng_node *b);
void __wrap_eng_unlock_pair(struct eng_node *a, struct eng_node *b);

static void act(uint32_t when, eng_id task, eng_id reader)
{
	if (pawl_load_acquire(&hook.armed) != when || pawl_load_relaxed(&hook.task) != task ||
	    pawl_load_relaxed(&hook.reader) != reader)
		return;
	if (pawl_xchg_acq_rel(&hook.armed, 0u) == when)
		hook.action();
}

bool __wrap_eng_lock_pair(struct eng_graph *graph, eng_id a, eng_id b, struct eng_node **ret_a,
			  struct eng_node **ret_b)
{
	act(1, a, b);
	return __real_eng_lock_pair(graph, a, b, ret_a, ret_b);
}

void __wrap_eng_unlock_pair(struct eng_node *a, struct eng_node *b)
{
	eng_id task = eng_node_id(a), reader = eng_node_id(b);

	__real_eng_unlock_pair(a, b);
	act(2, task, reader);
}

static void arm(uint32_t when, eng_id task, eng_id reader, void (*action)(void))
{
	hook.action = action;
	pawl_store_relaxed(&hook.task, task);
	pawl_store_relaxed(&hook.reader, reader);
	pawl_store_release(&hook.armed, when);
}

/* ---- functions -------------------------------------------------------------------------------- */

static int source_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(source, 0, sizeof(struct cf_state));

/* Waits at the gate, and reads the source then. */
static int middle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error;

	cf_count(&ran);
	error = cf_gate_pass(&gate);
	if (!error)
		error = cf_call(context, &source, args, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(middle, 0, sizeof(struct cf_state));

static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &middle, args, &number);

	cf_count(&ran_above);
	return error ? error : cf_give(context, number * 10, ret_output);
}
CF_FUNCTION(above, PAWL_FUNCTION_OPERATION, sizeof(struct cf_state));

static void gates_open(void)
{
	cf_gate_init(&gate);
	cf_gate_init(&second_gate);
	cf_gate_open(&gate);
	cf_gate_open(&second_gate);
}

struct call {
	const struct pawl_function *function;
	const void *args;
	uint32_t flags;
	pawl_ref_t ref, cell;
	int64_t number;
};

static int call_visit(struct pawl_context *context, void *arg)
{
	struct call *call = arg;
	int error = pawl_call(context, call->function, call->args, &call->ref);

	if (!error)
		error = cf_get(context, call->ref, call->flags, &call->number);
	return error ? error : pawl_resolve(context, call->ref, 0, &call->cell, NULL);
}

static void called(void *call)
{
	cf_visit(call_visit, call);
}

static eng_id task_of(const struct pawl_function *function, const void *args)
{
	struct call call = {.function = function, .args = args, .flags = PAWL_READ_STRONG};

	cf_visit(call_visit, &call);
	return eng_ref_task(call.ref);
}

/* ---- a change between a reader's two halves -------------------------------------------------- */

static struct cf_state state_of_hook;
static int64_t number_of_hook;

static void set_state(void)
{
	cf_state_set(state_of_hook, number_of_hook);
}

static const struct pawl_function *const chain_functions[] = {&source, &middle, &above};
static const struct cf_tables chain_tables = {chain_functions, 3, NULL, 0, NULL, 0, 0};

/* The source changes when `middle` is about to be entered as a reader of its output, and when it has been. */
static void case_change_while_registering(void **state)
{
	(void)state;
	for (uint32_t when = 1; when <= 2; when++) {
		eng_id task, reader;

		gates_open();
		cf_open(&chain_tables);
		state_of_hook = cf_state_make(1);
		assert_int_equal(cf_ask(&above, &state_of_hook), 10);
		task = task_of(&source, &state_of_hook);
		reader = task_of(&middle, &state_of_hook);
		cf_settle();
		(void)cf_counted(&ran);
		/* The second change is made in the middle of the run for the first. */
		number_of_hook = 3;
		arm(when, task, reader, set_state);
		cf_state_set(state_of_hook, 2);
		assert_int_equal(cf_ask(&above, &state_of_hook), 30);
		assert_int_equal(pawl_load_relaxed(&hook.armed), 0);
		assert_true(cf_counted(&ran) >= 1);
		number_of_hook = 4;
		set_state();
		assert_int_equal(cf_ask(&above, &state_of_hook), 40);
		cf_close();
	}
}

/* ---- who brings back a cell hears of a change that it has not come to ----------------------- */

static void final_read(eng_id task)
{
	struct eng_node *node = eng_lock(cf_engine->graph, task);

	assert_non_null(node->cell);
	eng_unlock(node);
}

static int lose_visit(struct pawl_context *context, void *arg)
{
	struct call *call = arg;

	return cf_get(context, call->cell, PAWL_READ_FINAL, &call->number);
}

static void case_change_while_bringing_back(void **state)
{
	struct cf_state input;
	struct call middle_call = {.function = &middle, .args = &input}, again;
	struct t_thread *thread;
	struct eng_run_state *run;
	struct eng_node *node;

	(void)state;
	gates_open();
	cf_open(&chain_tables);
	input = cf_state_make(1);
	assert_int_equal(cf_ask(&above, &input), 10);
	cf_visit(call_visit, &middle_call);
	cf_settle();
	final_read(eng_ref_task(middle_call.ref));
	cf_visit(lose_visit, &middle_call);
	(void)cf_counted(&ran), (void)cf_counted(&ran_above);

	/* It runs, clean, for a reader of its cell, and is held before it reads. */
	cf_gate_init(&gate);
	again = middle_call;
	thread = t_thread_start(called, &again);
	cf_gate_wait(&gate, 1);
	node = eng_lock(cf_engine->graph, eng_ref_task(middle_call.ref));
	assert_false(eng_dirty(node));
	eng_unlock(node);

	/* Now the source changes, and is up to date before the other one comes to it. */
	cf_state_set(input, 2);
	assert_int_equal(cf_ask(&source, &input), 2);
	node = eng_lock(cf_engine->graph, eng_ref_task(middle_call.ref));
	run = eng_run_of(node);
	assert_non_null(run);
	/* Dirty: what it writes is news; not stale: it will have read the new one. */
	assert_true(eng_dirty(node));
	assert_false(run->stale);
	eng_unlock(node);
	cf_gate_open(&gate);
	t_thread_join(thread);
	assert_int_equal(again.number, 2);
	assert_int_equal(cf_ask(&above, &input), 20);
	assert_int_equal(cf_counted(&ran), 1);
	assert_int_equal(cf_counted(&ran_above), 1);
	cf_close();
}

/* ---- what looks outside is not made again for a value that has left ----------------------------- */

static int64_t outside;
static struct pawl_invalidator told;

static int looks_out_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	int error = pawl_context_invalidator(context, &told);

	(void)args;
	return error ? error : cf_give(context, outside, ret_output);
}
CF_FUNCTION(looks_out, 0, sizeof(uint64_t));

static int on_looks_out_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &looks_out, args, &number);

	return error ? error : cf_give(context, number * 10, ret_output);
}
CF_FUNCTION(on_looks_out, PAWL_FUNCTION_OPERATION, sizeof(uint64_t));

static const struct pawl_function *const outside_functions[] = {&looks_out, &on_looks_out};
static const struct cf_tables outside_tables = {outside_functions, 2, NULL, 0, NULL, 0, 0};

/* Something changes, somebody wants the value, and then the task is told: all who have read it before are to hear. */
static void case_change_before_it_is_told(void **state)
{
	static const uint64_t key = 1;
	struct call call = {.function = &looks_out, .args = &key};

	(void)state;
	cf_open(&outside_tables);
	outside = 1;
	assert_int_equal(cf_ask(&on_looks_out, &key), 10);
	cf_visit(call_visit, &call);
	cf_visit(lose_visit, &call);
	assert_int_equal(call.number, 1);
	outside = 2;
	cf_visit(call_visit, &call);
	pawl_invalidate(&told, 1);
	assert_int_equal(cf_ask(&on_looks_out, &key), 20);
	cf_close();
}

/* ---- a reader while a cell is being replaced ------------------------------------------------------ */

void __real_eng_make_dirty(struct eng_op *op, struct eng_node *node, bool stale);
void __wrap_eng_make_dirty(struct eng_op *op, struct eng_node *node, bool stale);

static struct {
	struct pawl_atomic_u32 armed; /* the reader that is being made dirty */
	struct call call;
	struct t_thread *thread;
} window;

static struct pawl_atomic_u32 in_visit;

static int window_visit(struct pawl_context *context, void *arg)
{
	struct call *call = arg;

	pawl_store_release(&in_visit, 1u);
	return cf_get(context, call->cell, 0, &call->number);
}

static void window_thread(void *arg)
{
	cf_visit(window_visit, arg);
}

void __wrap_eng_make_dirty(struct eng_op *op, struct eng_node *node, bool stale)
{
	eng_id id = eng_node_id(node);

	if (id && pawl_load_acquire(&window.armed) == id &&
	    pawl_xchg_acq_rel(&window.armed, 0u) == id) {
		/* The old value was taken away, the new one is not there yet. */
		window.thread = t_thread_start(window_thread, &window.call);
		t_wait_until(pawl_load_acquire(&in_visit));
		for (unsigned i = 0; i < 50; i++)
			t_yield();
	}
	__real_eng_make_dirty(op, node, stale);
}

static void case_read_while_replacing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct cf_state input;
		eng_id reader;

		gates_open();
		cf_open(&(struct cf_tables){chain_functions, 3, NULL, 0, NULL, 0, 3});
		input = cf_state_make(1);
		assert_int_equal(cf_ask(&above, &input), 10);
		reader = task_of(&middle, &input);
		window.call = (struct call){.function = &source, .args = &input};
		cf_visit(call_visit, &window.call);
		cf_settle();
		window.thread = NULL;
		pawl_store_relaxed(&in_visit, 0u);
		pawl_store_release(&window.armed, reader);
		cf_state_set(input, 2);
		assert_int_equal(cf_ask(&above, &input), 20);
		assert_non_null(window.thread);
		t_thread_join(window.thread);
		assert_int_equal(window.call.number, 2);
		cf_close();
	}
}

/* ---- cells that are not there ------------------------------------------------------------ */

struct cells {
	struct cf_state state;
};

/* As many cells as the state says; a negative one: so many, and then it fails. */
static int makes_cells_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	pawl_ref_t ref;
	int error = cf_state_get(context, *state, &number);

	if (!error)
		error = cf_gate_pass(&gate);
	for (int64_t i = 0; i < (number < 0 ? -number : number) && !error; i++) {
		error = cf_give(context, 100 + i, &ref);
		if (!i)
			*ret_output = ref;
	}
	return !error && number < 0 ? pawl_context_fail(context, "half way") : error;
}
CF_FUNCTION(makes_cells, 0, sizeof(struct cf_state));

struct as_data {
	pawl_ref_t ref;
};

/* The reference is data: it need not lead anywhere. */
static int reads_cell_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	const struct as_data *data = args;
	int64_t number;
	int error = cf_get(context, data->ref, 0, &number);

	cf_count(&ran_above);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(reads_cell, PAWL_FUNCTION_OPERATION, sizeof(struct as_data));

static const struct pawl_function *const cell_functions[] = {&makes_cells, &reads_cell};
static const struct cf_tables cell_tables = {cell_functions, 2, NULL, 0, NULL, 0, 0};

static pawl_ref_t nth(pawl_ref_t cell, uint32_t n)
{
	return eng_ref(eng_ref_task(cell), eng_cell(eng_cell_type(eng_ref_cell(cell)), n));
}

/* what a run that failed did not come to stays as it was. */
static void case_cells_of_failed_run(void **state)
{
	struct cf_state input;
	struct call call = {.function = &makes_cells, .args = &input};
	struct as_data data;
	char text[128];

	(void)state;
	gates_open();
	cf_open(&cell_tables);
	input = cf_state_make(2);
	cf_visit(call_visit, &call);
	data.ref = nth(call.cell, 1);
	assert_int_equal(cf_ask(&reads_cell, &data), 101);
	(void)cf_counted(&ran_above);
	cf_state_set(input, -1);
	assert_int_equal(cf_ask_error(&makes_cells, &input, text, sizeof(text)), -PAWL_ETASK);
	assert_string_equal(text, "makes_cells: half way");
	assert_int_equal(cf_ask(&reads_cell, &data), 101);
	assert_int_equal(cf_counted(&ran_above), 0);
	/* One that succeeds without it: it is gone. */
	cf_state_set(input, 1);
	assert_int_equal(cf_ask(&makes_cells, &input), 100);
	cf_close();
}

/* an error is read like a value: who had it runs again when the cell is there. */
static void case_cell_that_comes_later(void **state)
{
	struct cf_state input;
	struct call call = {.function = &makes_cells, .args = &input};
	struct as_data data;
	char text[128];

	(void)state;
	gates_open();
	cf_open(&cell_tables);
	input = cf_state_make(2);
	cf_visit(call_visit, &call);
	data.ref = nth(call.cell, 5);
	assert_int_equal(cf_ask_error(&reads_cell, &data, text, sizeof(text)), -PAWL_ETASK);
	assert_non_null(strstr(text, "not made"));
	cf_state_set(input, 10);
	assert_int_equal(cf_ask(&makes_cells, &input), 100);
	assert_int_equal(cf_ask(&reads_cell, &data), 105);
	cf_close();
}

struct reader {
	pawl_ref_t ref;
	int error;
	int64_t number;
};

static int reader_visit(struct pawl_context *context, void *arg)
{
	struct reader *reader = arg;

	pawl_store_release(&in_visit, 1u);
	reader->error = cf_get(context, reader->ref, 0, &reader->number);
	return 0;
}

static void reader_thread(void *arg)
{
	cf_visit(reader_visit, arg);
}

/* of a task that runs: it is waited for, there is nothing to be said before. */
static void case_cell_of_running_task(void **state)
{
	static const int64_t cells[] = {4, 2};

	(void)state;
	for (unsigned i = 0; i < CF_N(cells); i++) {
		struct cf_state input;
		struct call call = {.function = &makes_cells, .args = &input};
		struct reader reader = {PAWL_REF_NONE, 1, 0};
		struct t_thread *thread, *other;

		gates_open();
		cf_open(&cell_tables);
		input = cf_state_make(1);
		cf_visit(call_visit, &call);
		cf_settle();
		cf_gate_init(&gate);
		cf_state_set(input, cells[i]);
		call.flags = PAWL_READ_STRONG;
		other = t_thread_start(called, &call);
		cf_gate_wait(&gate, 1);
		reader.ref = nth(call.cell, 3);
		pawl_store_relaxed(&in_visit, 0u);
		thread = t_thread_start(reader_thread, &reader);
		t_wait_until(pawl_load_acquire(&in_visit));
		cf_gate_open(&gate);
		t_thread_join(thread);
		t_thread_join(other);
		assert_int_equal(reader.error, cells[i] > 3 ? 0 : -PAWL_ETASK);
		if (cells[i] > 3)
			assert_int_equal(reader.number, 103);
		cf_close();
	}
}

/* ---- strong reads wait for what is called and not read ---------------------------------------------- */

static struct pawl_atomic_u32 effects;

static int effect_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = cf_gate_pass(&gate);

	(void)args;
	if (!error)
		cf_count(&effects);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(effect, 0, sizeof(uint64_t));

static int calls_effect_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &effect, args, &ref);

	return error ? error : cf_give(context, 1, ret_output);
}
CF_FUNCTION(calls_effect, 0, sizeof(uint64_t));

static const struct pawl_function *const effect_functions[] = {&effect, &calls_effect};
static const struct cf_tables effect_tables = {effect_functions, 2, NULL, 0, NULL, 0, 0};

struct strong {
	uint64_t key;
	unsigned effects_seen;
};

static void strong_thread(void *arg)
{
	struct strong *strong = arg;

	t_check(cf_ask(&calls_effect, &strong->key) == 1);
	strong->effects_seen = pawl_load_relaxed(&effects);
}

static void case_called_and_not_read(void **state)
{
	struct strong strong = {7, 0};
	struct t_thread *thread;

	(void)state;
	cf_gate_init(&gate);
	pawl_store_relaxed(&effects, 0u);
	cf_open(&effect_tables);
	thread = t_thread_start(strong_thread, &strong);
	cf_gate_wait(&gate, 1);
	/* What only reads its output has it by now. */
	assert_int_equal(cf_ask_eventual(&calls_effect, &strong.key), 1);
	assert_int_equal(pawl_load_relaxed(&effects), 0);
	cf_gate_open(&gate);
	t_thread_join(thread);
	assert_int_equal(strong.effects_seen, 1);
	cf_close();
}

/* ---- two calls of one run come to the same task at once ------------------------------------------------ */

struct numbered {
	uint64_t n;
};
struct one_ref {
	pawl_ref_t ref;
};

static int the_cell_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 3, ret_output);
}
CF_FUNCTION(the_cell, 0, 0);

/* Leads to the same cell, whichever it is; and is held up. */
static int way_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = cf_gate_pass(&gate);

	(void)args;
	return error ? error : pawl_call(context, &the_cell, NULL, ret_output);
}
CF_FUNCTION(way, 0, sizeof(struct numbered));

static int child_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	int64_t number;
	int error = cf_get(context, one->ref, 0, &number);

	return error ? error : cf_give(context, number + 1, ret_output);
}
static const struct pawl_argument child_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(child, 0, struct one_ref);

static int two_ways_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t refs[4];
	int64_t sum = 0, number = 0;
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < 4 && !error; i++) {
		struct one_ref one;

		error = pawl_call(context, &way, &(struct numbered){i}, &one.ref);
		if (!error)
			error = pawl_call(context, &child, &one, &refs[i]);
	}
	for (unsigned i = 0; i < 4 && !error; i++) {
		error = cf_get(context, refs[i], 0, &number);
		sum += number;
	}
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(two_ways, PAWL_FUNCTION_OPERATION, sizeof(struct numbered));

static const struct pawl_function *const way_functions[] = {&the_cell, &way, &child, &two_ways};
static const struct cf_tables way_tables = {way_functions, 4, NULL, 0, NULL, 0, 4};

static void two_ways_thread(void *arg)
{
	t_check(cf_ask(&two_ways, arg) == 16);
}

static void case_two_ways_to_a_call(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(50); i++) {
		struct numbered key = {i};
		struct t_thread *thread;

		cf_gate_init(&gate);
		cf_open(&way_tables);
		thread = t_thread_start(two_ways_thread, &key);
		cf_gate_wait(&gate, 1);
		cf_gate_open(&gate);
		t_thread_join(thread);
		cf_close();
	}
}

/* ---- a change beside the end of the run that it makes stale ------------------------------------------------ */

/* Counts, and waits: the first run of it at the one gate, others at the other. */
static int two_gates_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct cf_state *state = args;
	int64_t number;
	int error = cf_state_get(context, *state, &number);

	cf_count(&ran);
	if (!error)
		error = cf_gate_pass(number ? &second_gate : &gate);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(two_gates, PAWL_FUNCTION_ROOT, sizeof(struct cf_state));

static const struct pawl_function *const gate_functions[] = {&two_gates};
static const struct cf_tables gate_tables = {gate_functions, 1, NULL, 0, NULL, 0, 0};

static void two_gates_thread(void *arg)
{
	(void)cf_ask(&two_gates, arg);
}

static void open_gate(void *arg)
{
	cf_gate_open(arg);
}

/* One run for what was there before, one for what is there now. */
static void case_end_beside_change(void **state)
{
	(void)state;
	cf_open(&gate_tables);
	for (unsigned round = 0; round < t_scaled(64); round++) {
		struct cf_state input = cf_state_make(0);
		struct t_thread *asks, *opens;

		cf_gate_init(&gate);
		cf_gate_init(&second_gate);
		cf_gate_open(&second_gate);
		(void)cf_counted(&ran);
		asks = t_thread_start(two_gates_thread, &input);
		cf_gate_wait(&gate, 1);
		opens = t_thread_start(open_gate, &gate);
		cf_state_set(input, 1);
		t_thread_join(opens);
		t_thread_join(asks);
		assert_int_equal(cf_ask(&two_gates, &input), 1);
		assert_int_equal(cf_counted(&ran), 2);
	}
	cf_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_change_while_registering),
		cmocka_unit_test(case_change_while_bringing_back),
		cmocka_unit_test(case_change_before_it_is_told),
		cmocka_unit_test(case_read_while_replacing),
		cmocka_unit_test(case_cells_of_failed_run),
		cmocka_unit_test(case_cell_that_comes_later),
		cmocka_unit_test(case_cell_of_running_task),
		cmocka_unit_test(case_called_and_not_read),
		cmocka_unit_test(case_two_ways_to_a_call),
		cmocka_unit_test(case_end_beside_change),
	};

	return cf_run("conform-races", tests);
}
