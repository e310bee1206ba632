/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-moments.c - errors of the moment: what failed for want of memory, or with -EAGAIN, is tried again by who reads it
 * next, once for each of these; other errors are kept. And outputs that count though their task goes on.
 */
#include "frame.h"

#include <sched.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"

static struct pawl_atomic_u32 ran;
/* What the leaf returns; 0: a value. */
static struct pawl_atomic_u32 failure;
static struct pawl_state *input;

struct one {
	uint64_t n;
};

/* Takes memory of Pawl's, and returns what that returns. */
static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int64_t number = 5;
	int error = -(int)pawl_load_relaxed(&failure);

	(void)args;
	pawl_add_relaxed(&ran, 1u);
	if (error == -ENOMEM)
		t_alloc_fail_at(1);
	if (error && error != -ENOMEM)
		return error;
	error = pawl_value_of(&fr_number, &number, sizeof(number), &value);
	t_alloc_fail_at(0);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function leaf = {sizeof(leaf),	      "leaf", 1, 0, leaf_body,
					  sizeof(struct one), NULL,   0};

/* As many levels above the leaf as its argument says. */
static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function above = {sizeof(above),      "above", 1, 0, above_body,
					   sizeof(struct one), NULL,	0};

static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = *(const struct one *)args;
	int64_t number;
	pawl_ref_t ref;
	int error;

	error = one.n-- > 1 ? pawl_call(context, &above, &one, &ref)
			    : pawl_call(context, &leaf, &one, &ref);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number + 1, ret_output);
}

/* Takes any error for a number. */
static int catcher_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = *(const struct one *)args;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &above, &one, &ref);

	if (!error)
		error = fr_get(context, ref, 0, &number);
	return fr_give(context, error ? -1 : number, ret_output);
}
static const struct pawl_function catcher = {sizeof(catcher), "catcher",	  1,	0,
					     catcher_body,    sizeof(struct one), NULL, 0};

/* Its output counts when it may, and it goes on until it may end. */
static int endless_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function endless = {sizeof(endless), "endless",	  1,	0,
					     endless_body,    sizeof(struct one), NULL, 0};

static int fickle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function fickle = {sizeof(fickle), "fickle",		1,    0,
					    fickle_body,    sizeof(struct one), NULL, 0};

static struct pawl_atomic_u32 may_mark, may_end, begun;

static int endless_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = fr_look(context, input, &number);

	(void)args;
	if (!error)
		error = fr_give(context, number, ret_output);
	pawl_add_relaxed(&begun, 1u);
	while (!error && !pawl_load_acquire(&may_mark))
		error = pawl_yield();
	if (!error)
		pawl_mark_finished(context);
	while (!error && !pawl_load_acquire(&may_end))
		error = pawl_yield();
	return error;
}

/* Gives an error of its own once the engine stops. */
static int late_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	(void)ret_output;
	pawl_store_release(&begun, 1u);
	while (!pawl_load_relaxed(&fr_engine->graph->stopping))
		sched_yield();
	return pawl_context_fail(context, "leaf: error in words of its own");
}
static const struct pawl_function late = {sizeof(late),	      "late", 1, 0, late_body,
					  sizeof(struct one), NULL,   0};

static void up(void)
{
	static const struct pawl_function *const functions[] = {&leaf,	  &above,  &catcher,
								&endless, &fickle, &late};
	static const struct pawl_value_type *const types[] = {&fr_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 1;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	fr_open(options);
	input = fr_state(fr_value(0));
	pawl_store_relaxed(&ran, 0u);
}

struct ask {
	const struct pawl_function *function;
	uint64_t n;
	uint32_t flags;
	unsigned times;
	int64_t number;
	char text[256];
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	struct one one = {ask->n};
	const struct pawl_error *why = NULL;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = 0;

	*ask->text = 0;
	ask->number = 0;
	for (unsigned i = 0; i < ask->times; i++) {
		error = pawl_call(context, ask->function, &one, &ref);
		if (!error)
			error = pawl_read(context, ref, ask->flags, &value, &why);
		if (!error)
			ask->number = fr_take(value);
	}
	if (error == -PAWL_ETASK)
		(void)pawl_error_describe(why, ask->text, sizeof(ask->text));
	return error;
}

static int ask_for(const struct pawl_function *function, uint64_t n, uint32_t flags,
		   unsigned times)
{
	struct ask ask = {function, n, flags, times, 0, ""};
	int error = pawl_engine_run(fr_engine, ask_visit, &ask);

	if (error && error != -ECANCELED && !strstr(ask.text, "leaf: error "))
		fail_msg("%d: %s", error, ask.text);
	return error ? error : (int)ask.number;
}

static unsigned ran_now(void)
{
	unsigned n = pawl_load_relaxed(&ran);

	pawl_store_relaxed(&ran, 0u);
	return n;
}

static void tried_again(int error, uint32_t flags)
{
	up();
	for (uint64_t height = 0; height < 4; height++) {
		const struct pawl_function *function = height ? &above : &leaf;

		pawl_store_relaxed(&failure, (uint32_t)error);
		(void)ran_now();
		/* Each read tries once, also those of one visit. */
		assert_int_equal(ask_for(function, height, flags, 1), -PAWL_ETASK);
		assert_int_equal(ran_now(), 1);
		assert_int_equal(ask_for(function, height, flags, 1), -PAWL_ETASK);
		assert_int_equal(ran_now(), 1);
		assert_int_equal(ask_for(function, height, flags, 3), -PAWL_ETASK);
		assert_int_equal(ran_now(), 3);
		fr_settle();
		assert_int_equal(ran_now(), 0);
		pawl_store_relaxed(&failure, 0u);
		assert_int_equal(ask_for(function, height, flags, 1), 5 + (int)height);
		assert_int_equal(ran_now(), 1);
		/* And that stays. */
		pawl_store_relaxed(&failure, (uint32_t)error);
		assert_int_equal(ask_for(function, height, flags, 2), 5 + (int)height);
		assert_int_equal(ran_now(), 0);
		fr_settle();
		fr_down();
		up();
	}
	fr_down();
}

static void case_again(void **state)
{
	(void)state;
	tried_again(EAGAIN, 0);
	tried_again(EAGAIN, PAWL_READ_STRONG);
}

/* The allocator fails once, in the body. */
static void case_memory(void **state)
{
	(void)state;
	tried_again(ENOMEM, 0);
	tried_again(ENOMEM, PAWL_READ_STRONG);
}

/* Who went on all the same hears of it when a strong read has it tried again. */
static void case_caught(void **state)
{
	(void)state;
	up();
	pawl_store_relaxed(&failure, (uint32_t)EAGAIN);
	assert_int_equal(ask_for(&catcher, 2, PAWL_READ_STRONG, 1), -1);
	assert_int_equal(ran_now(), 1);
	assert_int_equal(ask_for(&catcher, 2, PAWL_READ_STRONG, 1), -1);
	assert_int_equal(ran_now(), 1);
	pawl_store_relaxed(&failure, 0u);
	assert_int_equal(ask_for(&catcher, 2, PAWL_READ_STRONG, 1), 7);
	assert_int_equal(ran_now(), 1);
	fr_down();
}

/* What nothing changes any more runs to bring back a value that is gone, and fails for the moment: it is tried again. */
static void still_again(int error, uint64_t height)
{
	const struct pawl_function *function = height ? &above : &leaf;

	up();
	for (uint64_t h = height; h; h--)
		assert_int_equal(ask_for(&above, h, PAWL_READ_FINAL, 1), 5 + (int)h);
	assert_int_equal(ask_for(&leaf, 0, PAWL_READ_FINAL, 1), 5);
	(void)ran_now();
	pawl_store_relaxed(&failure, (uint32_t)error);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ask_for(function, height, 0, 1), -PAWL_ETASK);
		assert_int_equal(ran_now(), 1);
		fr_settle();
	}
	pawl_store_relaxed(&failure, 0u);
	assert_int_equal(ask_for(function, height, 0, 1), 5 + (int)height);
	assert_int_equal(ran_now(), 1);
	assert_int_equal(ask_for(function, height, PAWL_READ_STRONG, 1), 5 + (int)height);
	assert_int_equal(ran_now(), 0);
	fr_down();
}

static void case_still(void **state)
{
	(void)state;
	for (uint64_t height = 0; height < 3; height++) {
		still_again(EAGAIN, height);
		still_again(ENOMEM, height);
	}
}

/* Other errors are as good as values. */
static void case_kept(void **state)
{
	(void)state;
	up();
	pawl_store_relaxed(&failure, (uint32_t)EIO);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_for(&above, 2, PAWL_READ_STRONG, 2), -PAWL_ETASK);
	assert_int_equal(ran_now(), 1);
	fr_down();
}

/* A root that failed so is tried again when it is read. */
static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return leaf_body(context, args, ret_output);
}

struct look {
	pawl_ref_t ref;
	int64_t number;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;

	return fr_get(context, look->ref, 0, &look->number);
}

static void case_root(void **state)
{
	struct look look = {PAWL_REF_NONE, 0};

	(void)state;
	up();
	pawl_store_relaxed(&failure, (uint32_t)EAGAIN);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, NULL, NULL, &look.ref),
			 0);
	fr_settle();
	assert_int_equal(ran_now(), 1);
	assert_int_equal(pawl_engine_run(fr_engine, look_visit, &look), -PAWL_ETASK);
	assert_int_equal(ran_now(), 1);
	pawl_store_relaxed(&failure, 0u);
	assert_int_equal(pawl_engine_run(fr_engine, look_visit, &look), 0);
	assert_int_equal(look.number, 5);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, look.ref), 0);
	fr_down();
}

/* ---- what a failed run leaves ----------------------------------------------------------------- */

/* A cell, and another one unless it fails. */
static int fickle_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = fr_look(context, input, &number);

	(void)args;
	if (!error)
		error = fr_give(context, 5, ret_output);
	if (error)
		return error;
	return number < 0 ? pawl_context_fail(context, "leaf: error of its own")
			  : fr_give(context, number, ret_output);
}

static int cell_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	struct one one = {0};
	pawl_ref_t ref;
	int error = pawl_call(context, &fickle, &one, &ref);

	return error ? error : pawl_resolve(context, ref, 0, &look->ref, NULL);
}

/* The cells of the run before stay, for who has them by reference. */
static void case_cells_stay(void **state)
{
	struct look look = {PAWL_REF_NONE, -1};

	(void)state;
	up();
	assert_int_equal(pawl_state_set(input, fr_value(6)), 0);
	assert_int_equal(pawl_engine_run(fr_engine, cell_visit, &look), 0);
	assert_int_equal(pawl_state_set(input, fr_value(-1)), 0);
	assert_int_equal(ask_for(&fickle, 0, PAWL_READ_STRONG, 1), -PAWL_ETASK);
	assert_int_equal(pawl_engine_run(fr_engine, look_visit, &look), 0);
	assert_int_equal(look.number, 6);
	assert_int_equal(pawl_state_set(input, fr_value(7)), 0);
	assert_int_equal(ask_for(&fickle, 0, PAWL_READ_STRONG, 1), 7);
	assert_int_equal(pawl_engine_run(fr_engine, look_visit, &look), 0);
	assert_int_equal(look.number, 7);
	fr_down();
}

/* ---- finished ------------------------------------------------------------------------------- */

struct reading {
	uint32_t flags;
	int result;
};

static void read_endless(void *arg)
{
	struct reading *reading = arg;
	struct ask ask = {&endless, 0, reading->flags, 1, 0, ""};
	int error = pawl_engine_run(fr_engine, ask_visit, &ask);

	reading->result = error ? error : (int)ask.number;
}

/* Readers wait for a run that began anew; from the mark on they go on, and the body as well. */
static void case_finished(void **state)
{
	static const uint32_t flags[] = {0, PAWL_READ_STRONG};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct reading readings[2] = {{flags[i], 0}, {flags[i], 0}},
			       later = {flags[i], 0};
		struct t_thread *threads[2];

		up();
		pawl_store_relaxed(&may_mark, 1u);
		pawl_store_relaxed(&may_end, 1u);
		read_endless(&later);
		assert_int_equal(later.result, 0);
		pawl_store_relaxed(&may_mark, 0u);
		pawl_store_relaxed(&may_end, 0u);
		pawl_store_relaxed(&begun, 0u);
		assert_int_equal(pawl_state_set(input, fr_value(3)), 0);
		for (unsigned k = 0; k < 2; k++)
			threads[k] = t_thread_start(read_endless, &readings[k]);
		while (!pawl_load_relaxed(&begun))
			sched_yield();
		pawl_store_release(&may_mark, 1u);
		for (unsigned k = 0; k < 2; k++) {
			t_thread_join(threads[k]);
			assert_int_equal(readings[k].result, 3);
		}
		read_endless(&later);
		assert_int_equal(later.result, 3);
		/* The body goes on. */
		assert_int_equal(pawl_engine_verify(fr_engine, NULL, 0), -EBUSY);
		assert_int_equal(pawl_load_relaxed(&begun), 1);
		/* And is made again for what it has read. */
		assert_int_equal(pawl_state_set(input, fr_value(4)), 0);
		pawl_store_release(&may_end, 1u);
		fr_settle();
		read_endless(&later);
		assert_int_equal(later.result, 4);
		assert_int_equal(pawl_load_relaxed(&begun), 2);
		fr_down();
	}
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void ask_late(void *arg)
{
	*(int *)arg = ask_for(&late, 0, 0, 1);
}

/* An error that is made while the engine stops is not the task's. */
static void case_stopping(void **state)
{
	struct t_thread *asking;
	struct eng_node *node;
	int error = 0;

	(void)state;
	up();
	pawl_store_relaxed(&begun, 0u);
	asking = t_thread_start(ask_late, &error);
	while (!pawl_load_acquire(&begun))
		sched_yield();
	pawl_store_relaxed(&fr_engine->graph->stopping, 1u);
	t_thread_join(asking);
	assert_int_equal(error, -ECANCELED);
	for (eng_id id = 1; id < 1u << 10; id++) {
		node = eng_lock_any(fr_engine->graph, id);
		if (!node)
			continue;
		assert_true(!(node->bits & ENG_ERROR) && !node->output);
		assert_true(node->bits & ENG_DIRTY);
		eng_unlock(node);
	}
	fr_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_again),	 cmocka_unit_test(case_memory),
		cmocka_unit_test(case_caught),	 cmocka_unit_test(case_still),
		cmocka_unit_test(case_kept),	 cmocka_unit_test(case_root),
		cmocka_unit_test(case_finished), cmocka_unit_test(case_cells_stay),
		cmocka_unit_test(case_stopping),
	};

	return t_run("moments", tests);
}
