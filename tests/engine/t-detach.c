/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-detach.c - pawl_detach(): what is part of a run beside its body: its errors, its end, its cells, its reads; rings,
 * engines that stop, memory.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/state.h>

#define N_OF(array) (sizeof(array) / sizeof(*(array)))

static struct pawl_engine *engine;
static struct pawl_atomic_u32 freed, ran;

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");
static const struct pawl_value_type other_type = PAWL_VALUE_TYPE("other number");
static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

static struct pawl_value *value_of(const struct pawl_value_type *type, int64_t number)
{
	struct pawl_value *value;

	return pawl_value_of(type, &number, sizeof(number), &value) ? NULL : value;
}

static int give(struct pawl_context *context, const struct pawl_value_type *type,
		int64_t number, pawl_ref_t *ret_cell)
{
	struct pawl_value *value = value_of(type, number);

	return value ? pawl_cell(context, value, ret_cell) : -ENOMEM;
}

static int64_t number_of(const struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

static void count_freed(void *arg)
{
	(void)arg;
	pawl_add_relaxed(&freed, 1u);
}

/* ---- functions -------------------------------------------------------------------------- */

enum way {
	FINE,
	ERRNO,	    /* fails with an errno */
	WORDS,	    /* with words of its own */
	PANIC,	    /* does not return */
	PASSED_ON,  /* because of what it read */
	BODY_FIRST, /* the body fails, and what it has detached */
	MANY,	    /* a tree of them, each with a cell */
	EMITS,
	READS,	   /* a state */
	CELLS,	   /* body and detached write cells that others read, at the same time */
	FORGOTTEN, /* of two that fail the first one counts */
	WAYS
};

struct one {
	uint64_t way;
	uint64_t i;
};

static struct pawl_state *input;

static int64_t input_now(struct pawl_context *context)
{
	struct pawl_value *value;
	int64_t number;

	t_check(!pawl_state_get(context, input, &value));
	number = number_of(value);
	pawl_value_unpin(value);
	return number;
}

static int fails_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args, (void)ret_output;
	return pawl_context_fail(context, "it failed");
}
static const struct pawl_function fails = {
	.size = sizeof(fails), .name = "fails", .version = 1, .body = fails_body};

/* So many below it, counted down. */
static int tree(struct pawl_context *context, void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	int error = 0;

	pawl_add_relaxed(&ran, 1u);
	for (unsigned i = 0; i < 2 && depth && !error; i++)
		error = pawl_detach(context, tree, (void *)(depth - 1), count_freed);
	return error;
}

static int detached(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error;

	pawl_add_relaxed(&ran, 1u);
	switch ((enum way)(uintptr_t)arg) {
	case ERRNO:
		return -EIO;
	case WORDS:
	case BODY_FIRST:
		return pawl_context_fail(context, "detached: %d", 5);
	case PANIC:
		pawl_panic(context, "detached: in a panic");
	case PASSED_ON:
		error = pawl_call(context, &fails, NULL, &ref);
		return error ? error : pawl_read(context, ref, 0, &value, NULL);
	case EMITS:
		error = give(context, &number_type, 3, &ref);
		return error ? error : pawl_emit(context, &mark, ref);
	case READS:
		return give(context, &number_type, 100 + input_now(context), &ref);
	case CELLS:
		for (int64_t i = 0; i < 50; i++) {
			error = give(context, &other_type, i + input_now(context), &ref);
			if (error)
				return error;
		}
		return 0;
	default:
		return 0;
	}
}

static int second_fails(struct pawl_context *context, void *arg)
{
	(void)arg;
	return pawl_context_fail(context, "the second one");
}

static int task_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	enum way way = one->way;
	int error;

	if (way == MANY)
		return pawl_detach(context, tree, (void *)(uintptr_t)one->i, count_freed);
	error = pawl_detach(context, detached,
			    (void *)(uintptr_t)(way == FORGOTTEN ? WORDS : way), count_freed);
	if (!error && way == FORGOTTEN)
		error = pawl_detach(context, second_fails, NULL, count_freed);
	if (error)
		return error;
	if (way == BODY_FIRST)
		return pawl_context_fail(context, "the body");
	for (int64_t i = 0; way == CELLS && i < 50 && !error; i++)
		error = give(context, &number_type, i + input_now(context), ret_output);
	return error ? error : give(context, &number_type, 7, ret_output);
}
static const struct pawl_function task = {.size = sizeof(task),
					  .name = "task",
					  .version = 1,
					  .body = task_body,
					  .args_bytes = sizeof(struct one)};

/* Reads the cells of the one above, which are being replaced now and then: 50 of each type. */
static int looks_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &task, one, &ref);

	pawl_add_relaxed(&ran, 1u);
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (error)
		return error;
	pawl_value_unpin(value);
	return give(context, &number_type, input_now(context), ret_output);
}
static const struct pawl_function looks = {.size = sizeof(looks),
					   .name = "looks",
					   .version = 1,
					   .flags = PAWL_FUNCTION_ROOT,
					   .body = looks_body,
					   .args_bytes = sizeof(struct one)};

/* Waits for what is detached, which waits for it. */
static int waits_for_own(struct pawl_context *context, void *arg);

static int ring_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	t_check(!pawl_detach(context, waits_for_own, NULL, count_freed));
	return give(context, &number_type, 9, ret_output);
}
static const struct pawl_function ring = {
	.size = sizeof(ring), .name = "ring", .version = 1, .body = ring_body};

static int asks_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &ring, NULL, &ref);

	(void)args;
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (error)
		return error;
	*ret_output = ref;
	pawl_value_unpin(value);
	return 0;
}
static const struct pawl_function asks = {
	.size = sizeof(asks), .name = "asks", .version = 1, .body = asks_body};

static int waits_for_own(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &asks, NULL, &ref);

	(void)arg;
	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	/* Its run may be over: it was in a ring with it. */
	if (error == -PAWL_ETASK)
		error = pawl_detach(context, detached, NULL, NULL);
	t_check(!error || error == -ECANCELED || error == -ENOMEM);
	return error;
}

static const struct pawl_function *const functions[] = {&fails, &task, &looks, &ring, &asks};
static const struct pawl_value_type *const types[] = {&number_type, &other_type};
static const struct pawl_trait *const traits[] = {&mark};

/* ---- engines ------------------------------------------------------------------------------ */

static int open_with(uint32_t workers)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = workers;
	options.functions = functions;
	options.functions_n = N_OF(functions);
	options.types = types;
	options.types_n = N_OF(types);
	options.traits = traits;
	options.traits_n = N_OF(traits);
	pawl_store_relaxed(&freed, 0u);
	pawl_store_relaxed(&ran, 0u);
	return pawl_engine_open(&options, &engine);
}

static void up(uint32_t workers)
{
	assert_int_equal(open_with(workers), 0);
	assert_int_equal(pawl_state_create(engine, value_of(&number_type, 1), &input), 0);
}

static void settle(void)
{
	char text[256];

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
	t_step();
}

static void down(void)
{
	settle();
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_state_unpin(input);
}

struct ask {
	const struct pawl_function *function;
	struct one one;
	int64_t number; /* -1: nothing */
	char text[256];
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value = NULL;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, &ask->one, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, &failure);
	if (failure)
		(void)pawl_error_describe(failure, ask->text, sizeof(ask->text));
	if (!error)
		ask->number = value ? number_of(value) : -1;
	pawl_value_unpin(value);
	return error;
}

static void expect(enum way way, uint64_t i, int64_t number)
{
	struct ask ask = {&task, {way, i}, 0, ""};
	int error = pawl_engine_run(engine, ask_visit, &ask);

	if (error)
		fail_msg("%d %s", error, ask.text);
	assert_int_equal(ask.number, number);
}

static void expect_error(enum way way, const char *text)
{
	struct ask ask = {&task, {way, 0}, 0, ""};

	assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), -PAWL_ETASK);
	/* Of a panic: and where it was. */
	if (strncmp(ask.text, text, strlen(text)))
		fail_msg("\"%s\", not \"%s\"", ask.text, text);
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void case_errors(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		expect(FINE, 0, 7);
		expect_error(ERRNO, "task: error 5");
		expect_error(WORDS, "task: detached: 5");
		expect_error(PANIC, "task: detached: in a panic");
		expect_error(PASSED_ON, "task: fails: it failed");
		expect_error(BODY_FIRST, "task: the body");
		expect_error(FORGOTTEN, "task: detached: 5");
		settle();
		/* Each argument once, whatever came of it. */
		assert_int_equal(pawl_load_relaxed(&freed), 8);
		down();
	}
}

static void case_tree(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 4; workers *= 2) {
		up(workers);
		/* All of it belongs to the run: when it is over they were all called. */
		expect(MANY, 10, -1);
		assert_int_equal(pawl_load_relaxed(&ran), (1u << 11) - 1);
		settle();
		assert_int_equal(pawl_load_relaxed(&freed), (1u << 11) - 1);
		down();
	}
}

static int detach_visit(struct pawl_context *context, void *arg)
{
	return pawl_detach(context, detached, arg, count_freed);
}

static void case_not_in_a_task(void **state)
{
	(void)state;
	up(1);
	assert_int_equal(pawl_engine_run(engine, detach_visit, NULL), -EINVAL);
	assert_int_equal(pawl_load_relaxed(&freed), 0);
	down();
}

static void counted(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int32_t *)arg += count;
}

static int peek_visit(struct pawl_context *context, void *arg)
{
	struct one one = {EMITS, 0};
	pawl_ref_t ref;
	int error = pawl_call(context, &task, &one, &ref);

	return error ? error : pawl_peek(context, ref, &mark, counted, arg);
}

static void case_emits(void **state)
{
	int32_t count = 0;

	(void)state;
	up(2);
	assert_int_equal(pawl_engine_run(engine, peek_visit, &count), 0);
	assert_int_equal(count, 1);
	down();
}

/* What it has read is a reason to run again. */
static void case_reads(void **state)
{
	(void)state;
	up(2);
	expect(READS, 0, 7);
	assert_int_equal(pawl_load_relaxed(&ran), 1);
	for (int64_t i = 2; i < 20; i++) {
		assert_int_equal(pawl_state_set(input, value_of(&number_type, i)), 0);
		expect(READS, 0, 7);
		assert_int_equal(pawl_load_relaxed(&ran), i);
	}
	down();
}

static void case_cells_at_once(void **state)
{
	struct ask ask = {&looks, {CELLS, 0}, 0, ""};
	int64_t n = t_scaled(100);

	(void)state;
	up(2);
	for (int64_t i = 2; i < n; i++) {
		assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), 0);
		assert_int_equal(pawl_state_set(input, value_of(&number_type, i)), 0);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), 0);
		assert_int_equal(ask.number, i);
		t_step();
	}
	settle();
	down();
}

static void case_ring(void **state)
{
	struct ask ask = {&ring, {0, 0}, 0, ""};

	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		assert_int_equal(pawl_engine_run(engine, ask_visit, &ask), -PAWL_ETASK);
		assert_non_null(strstr(ask.text, "ring"));
		settle();
		assert_int_equal(pawl_load_relaxed(&freed), 1);
		down();
	}
}

/* ---- an engine that stops -------------------------------------------------------------------- */

static struct pawl_event never = PAWL_EVENT_INIT;
static struct pawl_atomic_u32 waiting;

static int waits_for_ever(struct pawl_context *context, void *arg)
{
	struct pawl_listener listener;

	(void)context, (void)arg;
	pawl_event_listen(&never, &listener, "what never comes", 0);
	pawl_add_release(&waiting, 1u);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int stopped_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	*ret_output = PAWL_REF_NONE;
	for (unsigned i = 0; i < 3; i++)
		t_check(!pawl_detach(context, waits_for_ever, NULL, count_freed));
	return 0;
}

static void case_stop(void **state)
{
	uint64_t now;
	pawl_ref_t root;

	(void)state;
	up(2);
	pawl_store_relaxed(&waiting, 0u);
	assert_int_equal(pawl_engine_spawn_root(engine, stopped_body, NULL, NULL, &root), 0);
	t_wait_until(pawl_load_acquire(&waiting) == 3);
	/* The body has returned, or will; what it has detached keeps the engine from being idle. */
	now = pawl_runtime_now(pawl_engine_runtime(engine));
	assert_int_equal(pawl_engine_wait_idle(engine, now + 10000000u), -ETIMEDOUT);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(pawl_load_relaxed(&freed), 3);
	pawl_state_unpin(input);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static int oom_tree(void)
{
	struct ask ask = {&task, {MANY, 3}, 0, ""};
	int error = pawl_thread_attach(NULL);

	if (error)
		return error;
	error = open_with(1);
	if (!error) {
		error = pawl_engine_run(engine, ask_visit, &ask);
		/* The task says so, in its words. */
		if (error == -PAWL_ETASK)
			error = strstr(ask.text, "error 12") ? -ENOMEM : 0;
		if (!error)
			t_check(pawl_load_relaxed(&ran) >= 1);
		t_check(!pawl_engine_wait_idle(engine, PAWL_FOREVER));
		t_check(pawl_load_relaxed(&freed) <= pawl_load_relaxed(&ran));
		t_check(!pawl_engine_close(engine));
		t_check(pawl_load_relaxed(&freed) == pawl_load_relaxed(&ran));
	}
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_errors),
		cmocka_unit_test(case_tree),
		cmocka_unit_test(case_not_in_a_task),
		cmocka_unit_test(case_emits),
		cmocka_unit_test(case_reads),
		cmocka_unit_test(case_cells_at_once),
		cmocka_unit_test(case_ring),
		cmocka_unit_test(case_stop),
		T_OOM(oom_tree),
	};

	return t_run("detach", cases);
}
