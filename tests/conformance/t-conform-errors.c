/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-errors.c - errors and their texts; engines that stop; what is not there; what is transient.
 */
#include "conform.h"

#include "../../engine/graph/ref.h"

static struct pawl_atomic_u32 ran;

/* ---- errors ------------------------------------------------------------------------------- */

struct way {
	uint64_t run;
	uint64_t indirect; /* through another task */
	uint64_t context;  /* with words of its own */
	uint64_t wrapped;  /* by a plain function of C, which has words as well */
};

static int fails_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args, (void)ret_output;
	cf_count(&ran);
	return pawl_context_fail(context, "error %d", 17);
}
CF_FUNCTION(fails, 0, sizeof(uint64_t));

static int direct(struct pawl_context *context, const struct way *way, int64_t *ret_number)
{
	int error = way->indirect ? cf_call(context, &fails, &way->run, ret_number)
				  : pawl_context_fail(context, "direct error");

	return error && way->context ? pawl_context_fail(context, "with context") : error;
}

static int fails_some_way_body(struct pawl_context *context, const void *args,
			       pawl_ref_t *ret_output)
{
	const struct way *way = args;
	int64_t number = 0;
	int error = direct(context, way, &number);

	if (error && way->wrapped)
		error = pawl_context_fail(context, "in-context");
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(fails_some_way, 0, sizeof(struct way));

static const struct pawl_function *const error_functions[] = {&fails, &fails_some_way};
static const struct cf_tables error_tables = {error_functions, 2, NULL, 0, NULL, 0, 0};

static void expect_text(const struct way *way, const char *expected)
{
	char text[256];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cf_ask_error(&fails_some_way, way, text, sizeof(text)),
				 -PAWL_ETASK);
		assert_string_equal(text, expected);
	}
}

static void errors(unsigned run)
{
	static const struct {
		struct way way;
		const char *text;
	} cases[] = {
		{{0, 0, 0, 0}, "fails_some_way: direct error"},
		{{0, 0, 1, 0}, "fails_some_way: with context: direct error"},
		{{0, 0, 0, 1}, "fails_some_way: in-context: direct error"},
		{{0, 0, 1, 1}, "fails_some_way: in-context: with context: direct error"},
		{{0, 1, 0, 0}, "fails_some_way: fails: error 17"},
		{{0, 1, 1, 0}, "fails_some_way: with context: fails: error 17"},
		{{0, 1, 0, 1}, "fails_some_way: in-context: fails: error 17"},
		{{0, 1, 1, 1}, "fails_some_way: in-context: with context: fails: error 17"},
	};

	(void)cf_counted(&ran);
	for (unsigned i = 0; i < CF_N(cases); i++) {
		struct way way = cases[i].way;

		way.run = run;
		expect_text(&way, cases[i].text);
	}
	/* An error is a result: it is there, and made once. */
	assert_int_equal(cf_counted(&ran), 1);
}

static void case_errors(void **state)
{
	(void)state;
	cf_thrice(&error_tables, errors);
}

/* ---- errors that pass ------------------------------------------------------------------------ */

/* What the network is like, and how often somebody has asked for another attempt. */
struct weather {
	struct cf_state up, attempt;
	uint64_t fails_always, run;
};

/* Looks outside: a failure is one of the moment, and the attempt is what it depends on. */
static int fetch_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct weather *weather = args;
	int64_t attempt;
	struct pawl_value *up;
	bool works;
	int error;

	cf_count(&ran);
	if (weather->fails_always)
		return pawl_context_fail(context, "there is no such thing");
	error = pawl_state_get(NULL, cf_state_of(weather->up), &up);
	if (error)
		return error;
	works = cf_number_of(up);
	pawl_value_unpin(up);
	if (works)
		return cf_give(context, 5, ret_output);
	error = cf_state_get(context, weather->attempt, &attempt);
	return error ? error : pawl_context_fail(context, "the network is down");
}
CF_FUNCTION(fetch, 0, sizeof(struct weather));

static int above_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &fetch, args, &number);

	return error ? error : cf_give(context, number * 10, ret_output);
}
CF_FUNCTION(above, 0, sizeof(struct weather));

static const struct pawl_function *const weather_functions[] = {&fetch, &above};
static const struct cf_tables weather_tables = {weather_functions, 2, NULL, 0, NULL, 0, 0};

/* An error of the moment is forgotten with the attempt: it and who is above run again. Others stay. */
static void transient_error(unsigned run)
{
	struct weather weather = {cf_state_make(0), cf_state_make(0), 0, run};
	struct weather never = weather;
	char text[256];

	never.fails_always = 1;
	(void)cf_counted(&ran);
	assert_int_equal(cf_ask_error(&above, &weather, text, sizeof(text)), -PAWL_ETASK);
	assert_string_equal(text, "above: fetch: the network is down");
	assert_int_equal(cf_ask_error(&above, &never, text, sizeof(text)), -PAWL_ETASK);
	assert_int_equal(cf_counted(&ran), 2);
	cf_state_set(weather.attempt, 1);
	assert_int_equal(cf_ask_error(&above, &weather, text, sizeof(text)), -PAWL_ETASK);
	assert_int_equal(cf_ask_error(&above, &never, text, sizeof(text)), -PAWL_ETASK);
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(weather.up, 1);
	cf_state_set(weather.attempt, 2);
	assert_int_equal(cf_ask(&above, &weather), 50);
	assert_int_equal(cf_ask_error(&above, &never, text, sizeof(text)), -PAWL_ETASK);
	assert_int_equal(cf_counted(&ran), 1);
	/* It works: attempts do not matter any more. */
	cf_state_set(weather.attempt, 3);
	assert_int_equal(cf_ask(&above, &weather), 50);
	assert_int_equal(cf_counted(&ran), 0);
}

static void case_transient_error(void **state)
{
	(void)state;
	cf_thrice(&weather_tables, transient_error);
}

/* ---- shutdown_cancellation :: shutdown_unblocks_read_of_canceled_child ---------------------------- */

static struct cf_gate gate;

/* Waits until it is told to stop, and calls and reads then. */
static int late_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct way way = {0, 1, 0, 0};
	int64_t number;

	(void)args;
	t_check(cf_gate_pass(&gate) == -ECANCELED);
	cf_count(&ran);
	return cf_call(context, &fails_some_way, &way, &number)
		       ? -ECANCELED
		       : cf_give(context, 0, ret_output);
}
CF_FUNCTION(late, PAWL_FUNCTION_OPERATION | PAWL_FUNCTION_ROOT, sizeof(uint64_t));

static const struct pawl_function *const late_functions[] = {&fails, &fails_some_way, &late};
static const struct cf_tables late_tables = {late_functions, 3, NULL, 0, NULL, 0, 0};

static int late_reader(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const uint64_t key;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &late, &key, &ref);

	(void)args;
	if (!error)
		error = cf_get(context, ref, PAWL_READ_STRONG, &number);
	return error ? error : cf_give(context, number, ret_output);
}

static void case_shutdown_unblocks_read(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(50); i++) {
		pawl_ref_t root;

		cf_gate_init(&gate);
		cf_open(&late_tables);
		(void)cf_counted(&ran);
		assert_int_equal(
			pawl_engine_spawn_root(cf_engine, late_reader, NULL, NULL, &root), 0);
		cf_gate_wait(&gate, 1);
		cf_abandon();
		assert_int_equal(cf_counted(&ran), 1);
		t_step();
	}
}

/* The same where the value of a cell is to be brought back: that is too late as well. */
static int taken_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const uint64_t *key = args;

	return cf_give(context, (int64_t)*key, ret_output);
}
CF_FUNCTION(taken, 0, sizeof(uint64_t));

static const struct pawl_function *const taken_functions[] = {&taken};
static const struct cf_tables taken_tables = {taken_functions, 1, NULL, 0, NULL, 0, 0};

static int taken_reader(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const uint64_t key = 5;
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &taken, &key, &ref);

	(void)args;
	if (!error)
		error = pawl_resolve(context, ref, 0, &ref, NULL);
	if (!error)
		error = cf_get(context, ref, PAWL_READ_FINAL, &number);
	t_check(!error && number == 5);
	(void)cf_gate_pass(&gate);
	error = cf_get(context, ref, 0, &number);
	t_check(error == -ECANCELED || error == -ESHUTDOWN);
	cf_count(&ran);
	return error ? error : cf_give(context, number, ret_output);
}

static void case_shutdown_brings_back_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(50); i++) {
		pawl_ref_t root;

		cf_gate_init(&gate);
		cf_open(&taken_tables);
		(void)cf_counted(&ran);
		assert_int_equal(
			pawl_engine_spawn_root(cf_engine, taken_reader, NULL, NULL, &root), 0);
		cf_gate_wait(&gate, 1);
		cf_abandon();
		assert_int_equal(cf_counted(&ran), 1);
		t_step();
	}
}

/* ---- task_access :: task_must_exist_panics_on_nonexistent_task --------------------------------------- */

static int look_at_nothing(struct pawl_context *context, void *arg)
{
	static const uint32_t cells[] = {0, 1 << 22};
	struct pawl_value *value;
	pawl_ref_t ref, cell;

	(void)arg;
	for (unsigned i = 0; i < CF_N(cells); i++) {
		ref.pawl_bits = (uint64_t)cells[i] << 32 | 0x1fffffff;
		t_check(pawl_read(context, ref, 0, &value, NULL) == -ESTALE);
		t_check(pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL) == -ESTALE);
		ref.pawl_bits |= ENG_TRANSIENT;
		t_check(pawl_read(context, ref, 0, &value, NULL) == -ESTALE);
	}
	ref.pawl_bits = 0x1fffffff;
	t_check(pawl_resolve(context, ref, 0, &cell, NULL) == -ESTALE);
	t_check(pawl_connect(context, ref) == -ESTALE);
	return 0;
}

static void task_must_exist(unsigned run)
{
	(void)run;
	cf_visit(look_at_nothing, NULL);
}

static void case_task_must_exist(void **state)
{
	(void)state;
	cf_thrice(&error_tables, task_must_exist);
}

/* ---- transient_vc :: test, trace_transient :: test ---------------------------------------------------- */

struct one_ref {
	pawl_ref_t ref;
};

static int passes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *one = args;
	int64_t number;
	int error = cf_get(context, one->ref, 0, &number);

	return error ? error : cf_give(context, number, ret_output);
}
static const struct pawl_argument passes_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(passes, 0, struct one_ref);

static int constant_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 3, ret_output);
}
CF_FUNCTION(constant, 0, 0);

/* Given a reference as data, it calls with it: it cannot be seen that it is transient. */
static int smuggles_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &passes, args, &ref);

	*ret_output = ref;
	return error;
}
CF_FUNCTION(smuggles, 0, sizeof(struct one_ref));

static const struct pawl_function *const transient_functions[] = {&passes, &constant,
								  &smuggles};
static const struct cf_tables transient_tables = {transient_functions, 3, NULL, 0, NULL, 0, 0};

static bool is_transient(pawl_ref_t ref)
{
	return eng_is_transient(eng_ref_task(ref));
}

static int transience(struct pawl_context *context, void *arg)
{
	const pawl_ref_t *root = arg;
	pawl_ref_t ref, cell, of;
	int64_t number;

	t_check(is_transient(*root));
	t_check(!pawl_resolve(context, *root, 0, &cell, NULL) && is_transient(cell));
	t_check(!pawl_call(context, &passes, &cell, &ref) && is_transient(ref));
	t_check(!pawl_resolve(context, ref, 0, &of, NULL) && is_transient(of));
	t_check(!cf_get(context, ref, 0, &number) && number == 1);
	/* Of a call of a call. */
	t_check(!pawl_call(context, &passes, &ref, &ref) && is_transient(ref));
	t_check(!cf_get(context, ref, 0, &number) && number == 1);
	t_check(!pawl_call(context, &constant, NULL, &ref) && !is_transient(ref));
	t_check(!pawl_resolve(context, ref, 0, &cell, NULL) && !is_transient(cell));
	t_check(!pawl_call(context, &passes, &ref, &ref) && !is_transient(ref));
	t_check(!cf_get(context, ref, 0, &number) && number == 3);
	return 0;
}

static int one_root(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 1, ret_output);
}

static void transient_vc(unsigned run)
{
	pawl_ref_t root;

	(void)run;
	assert_int_equal(pawl_engine_spawn_root(cf_engine, one_root, NULL, NULL, &root), 0);
	cf_visit(transience, &root);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
}

static void case_transient_vc(void **state)
{
	(void)state;
	cf_thrice(&transient_tables, transient_vc);
}

static int nest_transient(struct pawl_context *context, void *arg)
{
	pawl_ref_t *ref = arg;

	t_check(!pawl_call(context, &passes, ref, ref));
	return pawl_resolve(context, *ref, 0, ref, NULL);
}

/* The error says where it came from. */
static void trace_transient(unsigned run)
{
	char text[512];
	pawl_ref_t root, ref;

	(void)run;
	assert_int_equal(pawl_engine_spawn_root(cf_engine, one_root, NULL, NULL, &root), 0);
	ref = root;
	cf_visit(nest_transient, &ref);
	assert_int_equal(cf_ask_error(&smuggles, &ref, text, sizeof(text)), -PAWL_ETASK);
	assert_non_null(strstr(text, "smuggles: passes has an argument that is transient"));
	assert_non_null(strstr(text,
			       "passes(cell of type number of passes(cell of type number of "
			       "a task without a name))"));
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
}

static void case_trace_transient(void **state)
{
	(void)state;
	cf_once(&transient_tables, trace_transient);
}

/* ---- top_level_task_consistency, root_task_eventual_read ---------------------------------------------- */

/* From outside both kinds of reads are good, and a cell after a strong one. */
static int both_reads(struct pawl_context *context, void *arg)
{
	int64_t number;
	pawl_ref_t ref, cell;

	(void)arg;
	t_check(!pawl_call(context, &constant, NULL, &ref));
	t_check(!cf_get(context, ref, 0, &number) && number == 3);
	t_check(!cf_get(context, ref, PAWL_READ_STRONG, &number) && number == 3);
	t_check(!pawl_resolve(context, ref, PAWL_READ_STRONG, &cell, NULL));
	return cf_get(context, cell, 0, &number);
}

static void top_level_reads(unsigned run)
{
	(void)run;
	cf_visit(both_reads, NULL);
}

static void case_top_level_reads(void **state)
{
	(void)state;
	cf_thrice(&transient_tables, top_level_reads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_errors),
		cmocka_unit_test(case_transient_error),
		cmocka_unit_test(case_shutdown_unblocks_read),
		cmocka_unit_test(case_shutdown_brings_back_nothing),
		cmocka_unit_test(case_task_must_exist),
		cmocka_unit_test(case_transient_vc),
		cmocka_unit_test(case_trace_transient),
		cmocka_unit_test(case_top_level_reads),
	};

	return cf_run("conform-errors", tests);
}
