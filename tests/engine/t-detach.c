/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-detach.c - pawl_detach(): what is part of a run beside its body: its errors, its end, its cells, its reads; rings,
 * engines that stop, memory.
 */
#include "frame.h"

static struct pawl_atomic_u32 freed, ran;

static const struct pawl_value_type other_type = PAWL_VALUE_TYPE("other number");
static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

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
	int64_t number;

	t_check(!fr_look(context, input, &number));
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
		error = fr_give(context, 3, &ref);
		return error ? error : pawl_emit(context, &mark, ref);
	case READS:
		return fr_give(context, 100 + input_now(context), &ref);
	case CELLS:
		for (int64_t i = 0; i < 50; i++) {
			error = fr_give_of(context, &other_type, i + input_now(context), &ref);
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
		error = fr_give(context, i + input_now(context), ret_output);
	return error ? error : fr_give(context, 7, ret_output);
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
	return fr_give(context, input_now(context), ret_output);
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
	return fr_give(context, 9, ret_output);
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
static const struct pawl_value_type *const types[] = {&fr_number, &other_type};
static const struct pawl_trait *const traits[] = {&mark};

/* ---- engines ------------------------------------------------------------------------------ */

static int open_with(uint32_t workers)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	pawl_store_relaxed(&freed, 0u);
	pawl_store_relaxed(&ran, 0u);
	return pawl_engine_open(&options, &fr_engine);
}

static void up(uint32_t workers)
{
	assert_int_equal(open_with(workers), 0);
	input = fr_state(fr_value(1));
}

/* A strong read of a call; -1: it gives nothing. */
static struct fr_ask ask_of(const struct pawl_function *function, const struct one *one)
{
	return (struct fr_ask){
		.function = function, .args = one, .flags = PAWL_READ_STRONG, .number = -1};
}

static void expect(enum way way, uint64_t i, int64_t number)
{
	struct one one = {way, i};
	struct fr_ask ask = ask_of(&task, &one);
	int error = fr_try(&ask);

	if (error)
		fail_msg("%d %s", error, ask.text);
	assert_int_equal(ask.number, number);
}

static void expect_error(enum way way, const char *text)
{
	struct one one = {way, 0};
	struct fr_ask ask = ask_of(&task, &one);

	assert_int_equal(fr_try(&ask), -PAWL_ETASK);
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
		fr_settle();
		/* Each argument once, whatever came of it. */
		assert_int_equal(pawl_load_relaxed(&freed), 8);
		fr_down();
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
		fr_settle();
		assert_int_equal(pawl_load_relaxed(&freed), (1u << 11) - 1);
		fr_down();
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
	assert_int_equal(pawl_engine_run(fr_engine, detach_visit, NULL), -EINVAL);
	assert_int_equal(pawl_load_relaxed(&freed), 0);
	fr_down();
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
	assert_int_equal(pawl_engine_run(fr_engine, peek_visit, &count), 0);
	assert_int_equal(count, 1);
	fr_down();
}

/* What it has read is a reason to run again. */
static void case_reads(void **state)
{
	(void)state;
	up(2);
	expect(READS, 0, 7);
	assert_int_equal(pawl_load_relaxed(&ran), 1);
	for (int64_t i = 2; i < 20; i++) {
		assert_int_equal(pawl_state_set(input, fr_value(i)), 0);
		expect(READS, 0, 7);
		assert_int_equal(pawl_load_relaxed(&ran), i);
	}
	fr_down();
}

static void case_cells_at_once(void **state)
{
	struct one one = {CELLS, 0};
	struct fr_ask ask = ask_of(&looks, &one);
	int64_t n = t_scaled(100);

	(void)state;
	up(2);
	for (int64_t i = 2; i < n; i++) {
		assert_int_equal(fr_try(&ask), 0);
		assert_int_equal(pawl_state_set(input, fr_value(i)), 0);
		assert_int_equal(fr_try(&ask), 0);
		assert_int_equal(ask.number, i);
		t_step();
	}
	fr_settle();
	fr_down();
}

static void case_ring(void **state)
{
	struct one one = {0, 0};
	struct fr_ask ask = ask_of(&ring, &one);

	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		up(workers);
		assert_int_equal(fr_try(&ask), -PAWL_ETASK);
		assert_non_null(strstr(ask.text, "ring"));
		fr_settle();
		assert_int_equal(pawl_load_relaxed(&freed), 1);
		fr_down();
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
	assert_int_equal(pawl_engine_spawn_root(fr_engine, stopped_body, NULL, NULL, &root), 0);
	t_wait_until(pawl_load_acquire(&waiting) == 3);
	/* The body has returned, or will; what it has detached keeps the engine from being idle. */
	now = pawl_runtime_now(pawl_engine_runtime(fr_engine));
	assert_int_equal(pawl_engine_wait_idle(fr_engine, now + 10000000u), -ETIMEDOUT);
	fr_close();
	assert_int_equal(pawl_load_relaxed(&freed), 3);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static int oom_tree(void)
{
	struct one one = {MANY, 3};
	struct fr_ask ask = ask_of(&task, &one);
	int error = pawl_thread_attach(NULL);

	if (error)
		return error;
	error = open_with(1);
	if (!error) {
		error = fr_try(&ask);
		/* The task says so, in its words. */
		if (error == -PAWL_ETASK)
			error = strstr(ask.text, "error 12") ? -ENOMEM : 0;
		if (!error)
			t_check(pawl_load_relaxed(&ran) >= 1);
		t_check(!pawl_engine_wait_idle(fr_engine, PAWL_FOREVER));
		t_check(pawl_load_relaxed(&freed) <= pawl_load_relaxed(&ran));
		t_check(!pawl_engine_close(fr_engine));
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
