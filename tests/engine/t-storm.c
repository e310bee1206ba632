/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-storm.c - tasks that run again and again because of what tasks themselves change: each ends in an error that says
 * so, and is tried again after a change from outside. And what looks like it, and is none.
 */
#include "frame.h"

#include <stdlib.h>

#include <pawl/effect.h>
#include <pawl/observe.h>

#include "../../engine/engine.h"

#define STATES 4u

static struct pawl_effect_target *target;
static struct pawl_state *states[STATES];
static struct pawl_atomic_u64 bodies;
static struct pawl_atomic_u32 notices;
static struct pawl_atomic_u32 applied_sets; /* applying an effect sets a state */

static const struct pawl_trait writes = {sizeof(writes), "writes", NULL, 0};
static const struct pawl_trait seen = {sizeof(seen), "seen", NULL, 0};

static uint64_t state_number(struct pawl_context *context, unsigned at)
{
	int64_t number;

	t_check(!fr_look(context, states[at], &number));
	return (uint64_t)number;
}

static void state_put(unsigned at, uint64_t number)
{
	t_check(!pawl_state_set(states[at], fr_value((int64_t)number)));
}

/* ---- functions ---------------------------------------------------------------------------------- */

struct args {
	uint64_t a, b;
};

static int bump_in_job(struct pawl_context *context, void *arg)
{
	(void)context;
	state_put(0, (uint64_t)(uintptr_t)arg);
	return 0;
}

/* Reads the state a; as long as that is below b it sets it to one more. */
static int bumps_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	uint64_t number = state_number(context, (unsigned)args->a);

	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (number < args->b)
		state_put((unsigned)args->a, number + 1);
	return fr_give(context, (int64_t)number, ret_output);
}
static const struct pawl_function bumps = {sizeof(bumps),	"bumps", 1, 0, bumps_body,
					   sizeof(struct args), NULL,	 0};

/* The same beside its body. */
static int bumps_beside_body(struct pawl_context *context, const void *arg,
			     pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	uint64_t number = state_number(context, 0);
	int error = 0;

	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (number < args->b)
		error = pawl_detach(context, bump_in_job, (void *)(uintptr_t)(number + 1),
				    NULL);
	return error ? error : fr_give(context, (int64_t)number, ret_output);
}
static const struct pawl_function bumps_beside = {
	sizeof(bumps_beside), "bumps beside",	   1,	 0,
	bumps_beside_body,    sizeof(struct args), NULL, 0};

/* Invalidates itself, while the state 0 is 0. */
static int restless_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct pawl_invalidator invalidator;
	bool again = !state_number(context, 0);

	(void)arg;
	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (pawl_context_invalidator(context, &invalidator))
		return -ENOMEM;
	if (again)
		pawl_invalidate(&invalidator, 1);
	return fr_give(context, 7, ret_output);
}
static const struct pawl_function restless = {sizeof(restless), "restless", 1,	  0,
					      restless_body,	0,	    NULL, 0};

/* Reads the state a, sets the state b to something else. What it gives has gone round; `way` says whether it still does. */
static int passes_on_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	uint64_t number = state_number(context, (unsigned)args->a);

	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (!state_number(context, 3))
		state_put((unsigned)args->b, number + 1);
	return fr_give(context, 1, ret_output);
}
static const struct pawl_function passes_on = {sizeof(passes_on), "passes on",	       1,    0,
					       passes_on_body,	  sizeof(struct args), NULL, 0};

/* Of two that pass on to each other, and of nobody else. */
static int both_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	static const struct args there = {0, 1}, back = {1, 0};
	pawl_ref_t ref[2];
	int64_t number, sum = 0;
	int error = pawl_call(context, &passes_on, &there, &ref[0]);

	(void)arg;
	if (!error)
		error = pawl_call(context, &passes_on, &back, &ref[1]);
	for (unsigned i = 0; i < 2 && !error; i++) {
		error = fr_get(context, ref[i], 0, &number);
		sum += error ? 0 : number;
	}
	return error ? error : fr_give(context, sum, ret_output);
}
static const struct pawl_function both = {sizeof(both), "both", 1, 0, both_body, 0, NULL, 0};

/* Wants its number at one key, which others want, too; the state 0 is added. */
static int wants_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	uint64_t number = args->a + 10 * state_number(context, 0);

	*ret_output = PAWL_REF_NONE;
	return pawl_effect_emit(context, &writes, (struct pawl_slice){"out", 3},
				fr_value((int64_t)number));
}
static const struct pawl_function wants = {
	sizeof(wants),	     "wants", 1, PAWL_FUNCTION_ROOT, wants_body,
	sizeof(struct args), NULL,    0};

/* What that one wants, as a value: it runs again when what it has left out is there no more. */
static int takes_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct pawl_value *effects;
	pawl_ref_t ref;
	int error = pawl_call(context, &wants, arg, &ref);

	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (!error)
		error = pawl_effects_take(context, ref, target, &effects, NULL);
	return error ? error : pawl_cell(context, effects, ret_output);
}
static const struct pawl_function takes = {sizeof(takes),	"takes", 1, 0, takes_body,
					   sizeof(struct args), NULL,	 0};

/* Emits one. */
static int emits_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	int error = fr_give(context, (int64_t)(args->a + state_number(context, 0)), ret_output);

	return error ? error : pawl_emit(context, &seen, *ret_output);
}
static const struct pawl_function emits = {sizeof(emits),	"emits", 1, 0, emits_body,
					   sizeof(struct args), NULL,	 0};

static int all_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	int error = 0;

	for (struct args one = {0, 0}; one.a < args->a && !error; one.a++) {
		pawl_ref_t ref;

		error = pawl_call(context, &emits, &one, &ref);
	}
	return error ? error : fr_give(context, 0, ret_output);
}
static const struct pawl_function all = {
	sizeof(all), "all", 1, PAWL_FUNCTION_ROOT, all_body, sizeof(struct args), NULL, 0};

static void count_one(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(uint64_t *)arg += count > 0;
}

/* How many they are: it runs again as they come. */
static int collects_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	uint64_t n = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &all, arg, &ref);

	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (!error)
		error = pawl_peek(context, ref, &seen, count_one, &n);
	return error ? error : fr_give(context, (int64_t)n, ret_output);
}
static const struct pawl_function collects = {sizeof(collects), "collects",	     1,	   0,
					      collects_body,	sizeof(struct args), NULL, 0};

static const struct pawl_function *const functions[] = {&bumps,	    &bumps_beside, &restless,
							&passes_on, &both,	   &wants,
							&takes,	    &emits,	   &all,
							&collects};
static const struct pawl_value_type *const types[] = {&fr_number, &pawl_effect_type,
						      &pawl_effects_type};
static const struct pawl_trait *const traits[] = {&writes, &seen};

/* ---- engines -------------------------------------------------------------------------------------- */

static int apply(void *arg, struct pawl_slice key, const struct pawl_value *value)
{
	(void)arg, (void)key, (void)value;
	/* What it does to the world others read. */
	if (pawl_load_relaxed(&applied_sets))
		state_put(0, state_number(NULL, 0) + 1);
	return 0;
}

static void sink(void *arg, const struct pawl_notice *notice)
{
	(void)arg;
	if (strcmp(notice->name, "engine.storm"))
		return;
	t_check(notice->severity == PAWL_SEVERITY_ERROR);
	t_check(strstr(notice->json, "{\"task\":\"") && strstr(notice->json, "\",\"runs\":"));
	t_check(strstr(notice->message, " times since anything was changed from outside, "));
	pawl_add_relaxed(&notices, 1u);
}

static struct pawl_engine_options options_of(uint32_t storm_runs)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	options.sink = sink;
	options.storm_runs = storm_runs;
	return options;
}

static void up_with(struct pawl_engine_options options)
{
	struct pawl_effect_target_options to = PAWL_EFFECT_TARGET_OPTIONS_INIT;

	pawl_store_relaxed(&bodies, UINT64_C(0));
	pawl_store_relaxed(&notices, 0u);
	pawl_store_relaxed(&applied_sets, 0u);
	fr_open(options);
	for (unsigned i = 0; i < STATES; i++)
		states[i] = fr_state(fr_value(0));
	to.trait = &writes;
	to.apply = apply;
	assert_int_equal(pawl_effect_target_create(fr_engine, &to, &target), 0);
}

static void up(uint32_t storm_runs)
{
	up_with(options_of(storm_runs));
}

static void down(void)
{
	fr_down();
	/* After its engine. */
	pawl_effect_target_destroy(target);
}

static uint64_t asked(const struct pawl_function *function, struct args args)
{
	return (uint64_t)fr_ask(function, &args);
}

/* By a storm, in these words. */
static void ask_fails(const struct pawl_function *function, struct args args, const char *words)
{
	struct fr_ask ask = {.function = function, .args = &args, .flags = PAWL_READ_STRONG};

	assert_int_equal(fr_try(&ask), -PAWL_ETASK);
	if (!strstr(ask.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, ask.text);
	if (!strstr(ask.text, "times since anything was changed from outside"))
		fail_msg("no storm: \"%s\"", ask.text);
}

static uint64_t bodies_now(void)
{
	return pawl_xchg_relaxed(&bodies, UINT64_C(0));
}

/* ---- storms ------------------------------------------------------------------------------------------- */

/* A task that sets what it has read; it is named, the count is, and what it did. */
static void case_states(void **unused)
{
	static const struct args once_more = {0, UINT64_MAX};

	(void)unused;
	up(20);
	ask_fails(&bumps, once_more, "bumps: it ran again 21 times ");
	/* From half of it on it is counted. */
	assert_in_range(bodies_now(), 21, 32);
	ask_fails(&bumps, once_more, "last because a state of type number was set by bumps#1");
	assert_int_equal(bodies_now(), 0);
	assert_int_equal(pawl_load_relaxed(&notices), 1);
	/* Anything that is changed from outside. */
	state_put(2, 1);
	ask_fails(&bumps, once_more, "bumps: it ran again 21 times ");
	assert_in_range(bodies_now(), 21, 32);
	/* What was wrong. */
	state_put(0, UINT64_MAX);
	assert_true(asked(&bumps, once_more) == UINT64_MAX);
	assert_int_equal(bodies_now(), 1);
	/* What an equal value is set to is not changed. */
	state_put(0, 0);
	ask_fails(&bumps, once_more, "bumps: it ran again 21 times ");
	(void)bodies_now();
	state_put(2, 1);
	ask_fails(&bumps, once_more, "bumps: it ran again 21 times ");
	assert_int_equal(bodies_now(), 0);
	down();
}

static void case_invalidates_itself(void **unused)
{
	(void)unused;
	up(20);
	ask_fails(&restless, (struct args){0, 0},
		  "restless: it ran again 21 times since anything was changed from outside, "
		  "last because it was invalidated by restless#1");
	assert_in_range(bodies_now(), 21, 32);
	state_put(0, 1);
	assert_int_equal(asked(&restless, (struct args){0, 0}), 7);
	assert_int_equal(bodies_now(), 1);
	/* By somebody else that is a change from outside. */
	down();
}

static void case_beside(void **unused)
{
	(void)unused;
	up(20);
	ask_fails(&bumps_beside, (struct args){0, UINT64_MAX},
		  "bumps beside: it ran again 21 times ");
	assert_in_range(bodies_now(), 21, 32);
	down();
}

/* Who reads what failed so has the reason; what is not in it is not ended. */
static void case_two(void **unused)
{
	(void)unused;
	up(20);
	ask_fails(&both, (struct args){0, 0}, "passes on: it ran again 21 times ");
	assert_true(bodies_now() >= 42);
	ask_fails(&both, (struct args){0, 0}, " was set by passes on#");
	state_put(3, 1);
	assert_int_equal(asked(&both, (struct args){0, 0}), 2);
	down();
}

struct effects_visit {
	struct args args;
	struct pawl_value *effects;
	char text[1024];
};

static int effects_visit(struct pawl_context *context, void *arg)
{
	struct effects_visit *visit = arg;
	const struct pawl_error *failure = NULL;
	pawl_ref_t ref;
	int error = pawl_call(context, &takes, &visit->args, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &visit->effects, &failure);
	if (failure)
		(void)pawl_error_describe(failure, visit->text, sizeof(visit->text));
	return error;
}

/* Take what it wants, apply that; again where there is something else. Returns: its last error. */
static int build(uint64_t which, char *text, size_t len)
{
	struct effects_visit visit = {.args = {which, 0}};
	int error;

	do {
		error = pawl_engine_run(fr_engine, effects_visit, &visit);
		if (error)
			break;
		error = pawl_effects_apply(target, visit.effects, NULL);
		pawl_value_unpin(visit.effects);
	} while (error == -EAGAIN);
	snprintf(text, len, "%s", visit.text);
	return error;
}

/* Two builds want one key to be different things, one after the other: the one that was applied last stands. */
static void case_effects(void **unused)
{
	char text[1024];

	(void)unused;
	up(1);
	for (unsigned i = 0; i < 100; i++) {
		state_put(1, i);
		assert_int_equal(build(1, text, sizeof(text)), 0);
		assert_int_equal(build(2, text, sizeof(text)), 0);
		state_put(0, i / 2);
	}
	assert_int_equal(pawl_load_relaxed(&notices), 0);
	down();
}

/* What an effect changes in the world changes what the next one is. */
static void case_applied(void **unused)
{
	char text[1024];
	unsigned turns = 0;
	int error = 0;

	(void)unused;
	up(20);
	pawl_store_relaxed(&applied_sets, 1u);
	while (!error && turns++ < 10 * 20)
		error = build(1, text, sizeof(text));
	assert_int_equal(error, -PAWL_ETASK);
	if (!strstr(text, ": it ran again 21 times since anything was changed from outside"))
		fail_msg("%s", text);
	down();
}

static struct pawl_atomic_u32 freed;

static void free_arg(void *arg)
{
	(void)arg;
	pawl_add_release(&freed, 1u);
}

static int root_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	static const struct args args = {0, UINT64_MAX};

	(void)arg;
	return bumps_body(context, &args, ret_output);
}

/* A root that nobody reads is told of; it can be disposed of. */
static void case_root(void **unused)
{
	pawl_ref_t root;
	char text[1024];

	(void)unused;
	up(20);
	pawl_store_release(&freed, 0u);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, &freed, free_arg, &root),
			 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_load_relaxed(&notices), 1);
	assert_int_equal(pawl_engine_why(fr_engine, root, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "it ran again 21 times"));
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	t_wait_until(pawl_load_acquire(&freed));
	down();
}

/* ---- what is none ----------------------------------------------------------------------------------------- */

/* However small the limit is. */
static void case_edits(void **unused)
{
	static const struct args never = {0, 0};
	unsigned n = t_scaled(t_long() ? 1000000 : 10000);

	(void)unused;
	up(1);
	for (unsigned i = 1; i <= n; i++) {
		state_put(0, i);
		assert_true(asked(&bumps, never) == i);
	}
	assert_int_equal(bodies_now(), n);
	/* One change from inside for each from outside. */
	for (unsigned i = 1; i <= n / 10; i++) {
		state_put(0, i);
		assert_true(asked(&bumps, (struct args){0, i + 1}) == i + 1);
	}
	down();
}

/* A collector runs again whenever one has come: that is a lot, and ends. */
static void case_collectors(void **unused)
{
	struct args args = {t_scaled(3000), 0};

	(void)unused;
	up(1);
	assert_true(asked(&collects, args) == args.a);
	/* And after something was changed from inside. */
	(void)asked(&bumps, (struct args){1, 1});
	args.a += 10;
	assert_true(asked(&collects, args) == args.a);
	down();
}

/* It comes to an end, with as many as there may be. */
static void case_ends(void **unused)
{
	(void)unused;
	up(100);
	assert_int_equal(asked(&bumps, (struct args){0, 100}), 100);
	assert_int_equal(bodies_now(), 101);
	/* The next one has not changed anything yet. */
	assert_int_equal(asked(&collects, (struct args){t_scaled(500), 0}), t_scaled(500));
	down();
	/* Nobody counts. */
	up(0);
	assert_int_equal(asked(&bumps, (struct args){0, 3000}), 3000);
	down();
}

static int driver_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const unsigned *n = arg;

	*ret_output = PAWL_REF_NONE;
	for (unsigned i = 1; i <= *n; i++) {
		pawl_ref_t ref;
		int64_t number = 0;
		struct args args = {0, 0};
		int error;

		state_put(0, i);
		error = pawl_call(context, &bumps, &args, &ref);
		/* What it reads here may be of before. */
		if (!error)
			error = fr_get(context, ref, 0, &number);
		if (error)
			return error;
	}
	return 0;
}

static int finished_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const unsigned *n = arg;
	int error = fr_give(context, 0, ret_output);

	if (error)
		return error;
	pawl_mark_finished(context);
	for (unsigned i = 1; i <= *n; i++)
		state_put(1, i);
	return 0;
}

/* Tasks that are the outside of others: one that runs once, one that goes on. */
static void case_drivers(void **unused)
{
	unsigned n = t_scaled(2000);
	pawl_ref_t once, root;

	(void)unused;
	up(1);
	assert_int_equal(pawl_engine_spawn_once(fr_engine, driver_body, &n, NULL, &once), 0);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, finished_body, &n, NULL, &root), 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(asked(&bumps, (struct args){0, 0}), n);
	assert_int_equal(asked(&bumps, (struct args){1, 0}), n);
	assert_int_equal(pawl_load_relaxed(&notices), 0);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	down();
}

static void editor(void *arg)
{
	unsigned n = *(unsigned *)arg;

	for (unsigned i = 1; i <= n; i++)
		state_put(2, i);
}

/* Beside a storm there are edits: each read ends, with an error or without. */
static void case_beside_edits(void **unused)
{
	unsigned n = t_scaled(3000);
	struct t_thread *thread;

	(void)unused;
	up(5);
	thread = t_thread_start(editor, &n);
	for (unsigned i = 0; i < 50; i++) {
		struct args args = {0, i * 20};
		struct fr_ask ask = {
			.function = &bumps, .args = &args, .flags = PAWL_READ_STRONG};
		int error = fr_try(&ask);

		if (error && error != -PAWL_ETASK)
			fail_msg("%d", error);
		if (error && !strstr(ask.text, "bumps: it ran again 6 times "))
			fail_msg("%s", ask.text);
	}
	t_thread_join(thread);
	state_put(0, UINT64_MAX);
	assert_true(asked(&bumps, (struct args){0, 20}) == UINT64_MAX);
	down();
}

static void limit_is(struct pawl_engine_options options, uint32_t most)
{
	up_with(options);
	assert_int_equal(fr_engine->graph->storms.most, most);
	down();
}

static void case_options(void **unused)
{
	(void)unused;
	limit_is(options_of(PAWL_STORM_RUNS), 1000);
	limit_is(options_of(0), UINT32_MAX);
	assert_int_equal(setenv("PAWL_STORM_RUNS", "17", 1), 0);
	limit_is(options_of(PAWL_STORM_RUNS), 17);
	limit_is(options_of(3), 3);
	assert_int_equal(setenv("PAWL_STORM_RUNS", "0", 1), 0);
	limit_is(options_of(PAWL_STORM_RUNS), UINT32_MAX);
	assert_int_equal(setenv("PAWL_STORM_RUNS", "many", 1), 0);
	limit_is(options_of(PAWL_STORM_RUNS), 1000);
	assert_int_equal(unsetenv("PAWL_STORM_RUNS"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_states),	   cmocka_unit_test(case_invalidates_itself),
		cmocka_unit_test(case_beside),	   cmocka_unit_test(case_two),
		cmocka_unit_test(case_effects),	   cmocka_unit_test(case_applied),
		cmocka_unit_test(case_root),	   cmocka_unit_test(case_edits),
		cmocka_unit_test(case_collectors), cmocka_unit_test(case_ends),
		cmocka_unit_test(case_drivers),	   cmocka_unit_test(case_beside_edits),
		cmocka_unit_test(case_options),
	};

	return t_run("storm", tests);
}
