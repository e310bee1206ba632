/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-why.c - pawl/observe.h: why a task ran, or has to; since when one fails; what one waits for.
 */
#include "observe.h"

/* ---- tasks ----------------------------------------------------------------------------- */

/* Twice the sum; fails where that is negative. Its cell is one that others read to the last. */
static int twice_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t ref, zero;
	int64_t number;
	int error = pawl_call(context, &obs_sum, NULL, &ref);

	(void)args;
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (error)
		return error;
	if (number < 0)
		return pawl_context_fail(context, "it is negative");
	error = fr_give(context, 0, &zero);
	return error ? error : fr_give(context, 2 * number, ret_output);
}
static const struct pawl_function twice = {sizeof(twice), "twice", 1,	 0,
					   twice_body,	  0,	   NULL, 0};

/* Of a value with parts: 0 to 7 are the inputs. */
static void changed_keys(const void *before, size_t before_bytes, const void *after,
			 size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			 void *arg)
{
	const int64_t *a = before, *b = after;

	(void)before_bytes;
	(void)after_bytes;
	for (uint64_t i = 0; i < OBS_INPUTS; i++) {
		if (a[i] != b[i])
			changed(arg, i);
	}
}
static const struct pawl_value_type table_type = {.size = sizeof(table_type),
						  .name = "table",
						  .version = 1,
						  .mode = PAWL_CELL_KEYED,
						  .changed_keys = changed_keys};

static int table_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *table;
	int64_t numbers[OBS_INPUTS];
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < OBS_INPUTS && !error; i++) {
		struct one one = {i};
		pawl_ref_t ref;

		error = pawl_call(context, &obs_input, &one, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &numbers[i]);
	}
	if (!error)
		error = pawl_value_of(&table_type, numbers, sizeof(numbers), &table);
	return error ? error : pawl_cell(context, table, ret_output);
}
static const struct pawl_function table = {sizeof(table), "table", 1,	 0,
					   table_body,	  0,	   NULL, 0};

static int part_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	pawl_ref_t ref;
	int64_t number;
	int error = pawl_call(context, &table, NULL, &ref);

	if (!error)
		error = pawl_read_key(context, ref, one->n, &value, NULL);
	if (error)
		return error;
	number = ((const int64_t *)pawl_value_payload(value))[one->n];
	pawl_value_unpin(value);
	return fr_give(context, number, ret_output);
}
static const struct pawl_function part = {sizeof(part),	      "part", 1, 0, part_body,
					  sizeof(struct one), NULL,   0};

/* Gives as many cells as input 0 says, the last one as its output. */
static int cells_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = {0};
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &obs_input, &one, &ref);

	(void)args;
	if (!error)
		error = fr_get(context, ref, 0, &number);
	for (int64_t i = 0; i <= number && !error; i++)
		error = fr_give(context, i, ret_output);
	return error;
}
static const struct pawl_function cells = {sizeof(cells), "cells", 1,	 0,
					   cells_body,	  0,	   NULL, 0};

/* Reads what that gives, whichever cell it is. */
static int last_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &cells, NULL, &ref);

	(void)args;
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function last = {sizeof(last), "last", 1, 0, last_body, 0, NULL, 0};

/* Emits its input as long as that is positive. */
static const struct pawl_trait found = {sizeof(found), "found", NULL, 0};

static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct one one = {0};
	pawl_ref_t ref;
	int64_t number;
	int error = pawl_call(context, &obs_input, &one, &ref);

	(void)args;
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (!error && number > 0)
		error = pawl_emit(context, &found, ref);
	return error ? error : fr_give(context, 0, ret_output);
}
static const struct pawl_function emits = {
	sizeof(emits), "emits", 1, PAWL_FUNCTION_OPERATION, emits_body, 0, NULL, 0};

static void count(void *arg, pawl_ref_t ref, int32_t n)
{
	(void)ref;
	*(int64_t *)arg += n;
}

static int collects_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t n = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &emits, NULL, &ref);

	(void)args;
	if (!error)
		error = pawl_peek(context, ref, &found, count, &n);
	return error ? error : fr_give(context, n, ret_output);
}
static const struct pawl_function collects = {sizeof(collects), "collects", 1,	  0,
					      collects_body,	0,	    NULL, 0};

static const struct pawl_function *const functions[] = {
	&obs_input, &obs_sum, &twice, &table, &part, &cells, &last, &emits, &collects};
static const struct pawl_trait *const traits[] = {&found};
static const struct pawl_value_type *const types[] = {&fr_number, &table_type};

static struct pawl_engine_options options_of(uint32_t histories)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	options.histories = histories;
	return options;
}

static char text[4096];

/* ---- why a task ran ------------------------------------------------------------------------ */

struct look {
	const struct pawl_function *function;
	struct one one;
	pawl_ref_t ref;
	uint32_t flags;
	int64_t number;
	int error;
	char text[512];
	uint64_t since_ns;
};

static int look_visit(struct pawl_context *context, void *arg)
{
	struct look *look = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value;
	int error = 0;

	if (look->function)
		error = pawl_call(context, look->function, &look->one, &look->ref);
	t_check(!error);
	look->error = pawl_read(context, look->ref, look->flags, &value, &failure);
	if (failure) {
		(void)pawl_error_describe(failure, look->text, sizeof(look->text));
		look->since_ns = pawl_error_since(failure);
	}
	if (!look->error) {
		look->number = fr_take(value);
	}
	return 0;
}

static int64_t look(struct look *look)
{
	assert_int_equal(pawl_engine_run(fr_engine, look_visit, look), 0);
	fr_settle();
	return look->number;
}

static const char *why(pawl_ref_t ref)
{
	assert_int_equal(pawl_engine_why(fr_engine, ref, text, sizeof(text)), 0);
	return text;
}

static int dump_text(void *arg, const char *written, size_t bytes)
{
	(void)arg;
	strncat(text, written, bytes);
	return 0;
}

static void case_causes(void **unused)
{
	struct look top = {.function = &twice, .flags = PAWL_READ_STRONG};
	struct look of_input = {.function = &obs_input, .one = {3}};
	unsigned a, b;
	int length = -1;

	(void)unused;
	obs_up_in_time(options_of(1));
	(void)look(&of_input);
	assert_int_equal(look(&top), 56);
	assert_string_equal(why(of_input.ref),
			    "input is clean; it ran 1 time, last 0 ns ago for 0 ns, since it "
			    "never had; what it gives last changed 0 ns ago");
	assert_non_null(strstr(why(top.ref), "twice is clean; it ran 1 time"));
	/* An edit without a reason, seen from the end that is read. */
	fr_pass(1500);
	obs_set(3, 103);
	assert_string_equal(
		why(of_input.ref),
		"input is dirty: nobody wants it; for 0 ns it has to run because a "
		"state of type number was set; it ran 1 time, last 500 ns ago for 0 "
		"ns, since it never had; what it gives last changed 500 ns ago");
	assert_int_equal(look(&top), 256);
	assert_int_equal(sscanf(why(top.ref),
				"twice is clean; it ran 2 times, last 0 ns ago for 0 ns, "
				"because cell 0 of type number of sum#%u changed, which ran "
				"because cell 0 of type number of input#%u changed, which ran "
				"because a state of type number was set; what it gives last "
				"changed 500 ns ago%n",
				&a, &b, &length),
			 2);
	assert_int_equal(length, strlen(text));
	text[0] = 0;
	assert_int_equal(pawl_engine_dump(fr_engine, PAWL_DUMP_JSON, dump_text, NULL), 0);
	assert_non_null(strstr(text, "\"runs\":2,\"stale_runs\":0"));
	assert_int_equal(b, (uint32_t)of_input.ref.pawl_bits);
	/* With one; it gives what was there, so nothing else runs. */
	fr_pass(2000);
	obs_because(3, &obs_file_changed, "a.c");
	fr_pass(3234);
	assert_non_null(strstr(why(of_input.ref),
			       "for 1.2 us it has to run because it was invalidated (file "
			       "changed: a.c)"));
	assert_int_equal(look(&top), 256);
	assert_non_null(
		strstr(why(of_input.ref),
		       "it ran 3 times, last 0 ns ago for 0 ns, because it was "
		       "invalidated (file changed: a.c); what it gives last changed 2.2 "
		       "us ago"));
	assert_non_null(strstr(why(top.ref), "it ran 2 times, last 1.7 us ago"));
	fr_down();
}

static void case_causes_of_values(void **unused)
{
	struct look one = {.function = &part, .one = {2}, .flags = PAWL_READ_STRONG};
	struct look other = {.function = &part, .one = {5}, .flags = PAWL_READ_STRONG};
	struct look several = {.function = &cells, .flags = PAWL_READ_FINAL};

	(void)unused;
	obs_up_with(options_of(1));
	assert_int_equal(look(&one), 2);
	assert_int_equal(look(&other), 5);
	/* A part, and nobody else. */
	obs_set(2, 22);
	assert_int_equal(look(&one), 22);
	assert_int_equal(look(&other), 5);
	assert_non_null(strstr(why(one.ref), "because the part with key 0000000000000002 of a "
					     "value of table#"));
	assert_non_null(strstr(why(other.ref), "it ran 1 time"));
	/* The output of another task is another cell. */
	assert_int_equal(look(&several), 0);
	/* The value that left comes back, because somebody wants it. */
	assert_int_equal(look(&several), 0);
	assert_non_null(strstr(why(several.ref), "it ran 2 times"));
	assert_non_null(strstr(why(several.ref),
			       "because a visit wanted cell 0 of type number, "
			       "whose value had left"));
	fr_down();
}

static void case_causes_of_others(void **unused)
{
	struct look of_last = {.function = &last, .flags = PAWL_READ_STRONG};
	struct look all = {.function = &collects, .flags = PAWL_READ_STRONG};
	struct look session = {.function = &obs_input, .flags = PAWL_READ_STRONG};

	(void)unused;
	obs_up_with(options_of(1));
	assert_int_equal(look(&of_last), 0);
	assert_int_equal(look(&all), 0);
	/* Another cell is the output now, and there is something to collect. */
	obs_set(0, 1);
	assert_int_equal(look(&of_last), 1);
	assert_non_null(strstr(why(of_last.ref), ", because the output of cells#"));
	assert_non_null(strstr(text, " changed, which ran because cell 0 of type number of "
				     "input#"));
	assert_int_equal(look(&all), 1);
	assert_non_null(
		strstr(why(all.ref), ", because what has the trait found below emits#"));
	assert_int_equal(look(&session), 1);
	assert_null(strstr(why(session.ref), "in each session"));
	fr_down();
}

/* Of those that fail: since when, and which cell is not there. */
static void case_errors(void **unused)
{
	struct look top = {.function = &twice, .flags = PAWL_READ_STRONG};
	struct look several = {.function = &cells, .flags = PAWL_READ_STRONG};
	struct look cell;

	(void)unused;
	obs_up_in_time(options_of(0));
	(void)look(&top);
	assert_string_equal(why(top.ref), "twice is clean");
	obs_set(0, -1000);
	fr_pass(2000);
	(void)look(&top);
	assert_int_equal(top.error, -PAWL_ETASK);
	assert_int_equal(top.since_ns, 2000);
	fr_pass(3000);
	/* It fails in the same way: since then. */
	obs_set(0, -2000);
	(void)look(&top);
	assert_int_equal(top.since_ns, 2000);
	fr_pass(4000);
	assert_string_equal(why(top.ref),
			    "twice is failed; it has failed for 2.0 us: twice: it is negative");
	obs_set(0, 1);
	(void)look(&top);
	assert_int_equal(top.error, 0);
	/* A cell of a task that does not make it any more. */
	(void)look(&several);
	assert_int_equal(several.number, 1);
	cell = (struct look){.flags = 0};
	cell.ref = several.ref;
	(void)look(&cell);
	assert_int_equal(cell.error, 0);
	cell.ref.pawl_bits |= (UINT64_C(1) << 22 | 1) << 32;
	(void)look(&cell);
	assert_int_equal(cell.number, 1);
	obs_set(0, 0);
	(void)look(&several);
	(void)look(&cell);
	assert_int_equal(cell.error, -PAWL_ETASK);
	assert_non_null(strstr(cell.text, "cell 1 of type number of cells#"));
	assert_non_null(strstr(cell.text, " is not made any more"));
	/* Of a type that there is not. */
	cell.ref.pawl_bits |= UINT64_C(0xffc00000) << 32;
	(void)look(&cell);
	assert_int_equal(cell.error, -PAWL_ETASK);
	assert_non_null(strstr(cell.text, "(no type)"));
	fr_down();
}

/* A task that waits says for which. */
static void case_waits(void **unused)
{
	pawl_ref_t gated, waits;

	(void)unused;
	fr_gate_init(&obs_gate);
	obs_up_with(options_of(0));
	assert_int_equal(pawl_engine_spawn_root(fr_engine, obs_gated_root, NULL, NULL, &gated),
			 0);
	(void)fr_gate_await(&obs_gate, 1);
	assert_int_equal(
		pawl_engine_spawn_root(fr_engine, obs_waits_root, &gated, NULL, &waits), 0);
	t_wait_until(strstr(why(gated), "it waits for the gate"));
	assert_non_null(strstr(text, "root is running; "));
	/* By its name, once it has come to that. */
	t_wait_until(strstr(why(waits), ": root#t"));
	fr_gate_open(&obs_gate);
	fr_settle();
	assert_null(strstr(why(waits), "it waits"));
	fr_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_causes),
		cmocka_unit_test(case_causes_of_values),
		cmocka_unit_test(case_causes_of_others),
		cmocka_unit_test(case_errors),
		cmocka_unit_test(case_waits),
	};

	return t_run("why", tests);
}
