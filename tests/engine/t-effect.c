/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-effect.c - pawl/effect.h: what is refused, what fails, what two tasks want of one key, who may apply, several who
 * apply at once, targets that lose what was applied, memory. What is applied when: t-conform-effects.
 */
#include "frame.h"

#include <pawl/effect.h>

#define KEYS 600u /* more than there are buckets at first */

static struct pawl_effect_target *target;

static const struct pawl_value_type other_type = PAWL_VALUE_TYPE("other number");
static const struct pawl_value_type unknown_type = PAWL_VALUE_TYPE("not of this engine");
static const struct pawl_trait writes = {sizeof(writes), "writes", NULL, 0};
static const struct pawl_trait unknown_trait = {sizeof(unknown_trait), "unknown", NULL, 0};

/* NULL: there is no memory. */
static struct pawl_value *value_of(const struct pawl_value_type *type, int64_t number)
{
	struct pawl_value *value;

	return pawl_value_of(type, &number, sizeof(number), &value) ? NULL : value;
}

/* ---- the world: a number for each key --------------------------------------------------------- */

static struct pawl_atomic_u64 world[KEYS];
static struct pawl_atomic_u32 inside[KEYS]; /* somebody applies it */
static struct pawl_atomic_u32 applies;
static struct pawl_atomic_u32 fails_for; /* keys below it fail */
static struct pawl_atomic_u32 leaves;	 /* it does not return */
static struct pawl_atomic_u32 gone;	 /* what was applied does not stand */
static struct pawl_atomic_u32 slowly;	 /* how often it yields */

static unsigned key_number(struct pawl_slice key)
{
	uint32_t number;

	t_check(key.len == sizeof(number));
	memcpy(&number, key.ptr, sizeof(number));
	/* In the order of bytes. */
	return __builtin_bswap32(number);
}

static int apply(void *arg, struct pawl_slice key, const struct pawl_value *value)
{
	unsigned at = key_number(key);

	t_check(arg == world);
	t_check(!pawl_xchg_acq_rel(&inside[at], 1u));
	for (unsigned i = pawl_load_relaxed(&slowly); i; i--)
		t_yield();
	pawl_add_relaxed(&applies, 1u);
	t_check(pawl_xchg_acq_rel(&inside[at], 0u) == 1);
	if (pawl_load_relaxed(&leaves))
		pawl_exit(-EIO, NULL);
	if (at < pawl_load_relaxed(&fails_for))
		return at % 2 ? -ENOSPC : -EAGAIN;
	pawl_store_relaxed(&world[at], (uint64_t)fr_number_of(value));
	return 0;
}

static bool stands(void *arg, struct pawl_slice key, struct pawl_digest digest)
{
	(void)arg, (void)digest;
	t_check(!pawl_load_acquire(&inside[key_number(key)]));
	return !pawl_load_relaxed(&gone);
}

/* ---- functions ---------------------------------------------------------------------------------- */

enum way {
	FINE,	    /* `n` keys from `from`, with the number `number` */
	TWICE,	    /* each by two tasks, the same */
	DIFFER,	    /* the last one by two tasks, not the same */
	OTHER,	    /* with the trait, and no effect */
	FAILS,	    /* fails after it has emitted */
	WRONG_TYPE, /* of a value */
	WRONG_TRAIT,
	APPLIES, /* in the task */
	APPLIES_DETACHED,
	TYPES, /* the same bytes with another type */
};

struct args {
	uint64_t way, from, n;
	int64_t number;
};

static int emit(struct pawl_context *context, const struct pawl_trait *trait, uint64_t key,
		const struct pawl_value_type *type, int64_t number)
{
	uint32_t bytes = __builtin_bswap32((uint32_t)key);
	struct pawl_value *value = value_of(type, number);

	if (!value)
		return -ENOMEM;
	return pawl_effect_emit(context, trait, (struct pawl_slice){&bytes, sizeof(bytes)},
				value);
}

static const struct pawl_function produces;

static struct pawl_value *given; /* for APPLIES */

static int apply_detached(struct pawl_context *context, void *arg)
{
	(void)context, (void)arg;
	t_check(pawl_effects_apply(target, given, NULL) == -EPERM);
	return 0;
}

/* The same by another task; or, of the last one, another number. */
static int call_other(struct pawl_context *context, const struct args *args)
{
	struct args other = *args;
	pawl_ref_t ref;

	other.way = FINE;
	if (args->way == DIFFER) {
		other.from += other.n - 1;
		other.n = 1;
		other.number++;
	}
	return pawl_call(context, &produces, &other, &ref);
}

static int produces_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	pawl_ref_t ref;
	int error = 0;

	*ret_output = PAWL_REF_NONE;
	switch ((enum way)args->way) {
	case WRONG_TYPE:
		t_check(emit(context, &writes, 0, &unknown_type, 1) == -EINVAL);
		return 0;
	case WRONG_TRAIT:
		t_check(emit(context, &unknown_trait, 0, &fr_number, 1) == -EINVAL);
		return 0;
	case APPLIES:
		t_check(pawl_effects_apply(target, given, NULL) == -EPERM);
		return 0;
	case APPLIES_DETACHED:
		return pawl_detach(context, apply_detached, NULL, NULL);
	case OTHER:
		error = pawl_cell(context, fr_value(1), &ref);
		return error ? error : pawl_emit(context, &writes, ref);
	case TWICE:
	case DIFFER:
		error = call_other(context, args);
		break;
	default:
		break;
	}
	/* The last one first: the order is that of the keys. */
	for (uint64_t i = args->n; i-- && !error;)
		error = emit(context, &writes, args->from + i,
			     args->way == TYPES ? &other_type : &fr_number, args->number);
	if (!error && args->way == FAILS)
		error = pawl_context_fail(context, "after all");
	return error;
}
static const struct pawl_function produces = {.size = sizeof(produces),
					      .name = "produces",
					      .version = 1,
					      .flags = PAWL_FUNCTION_ROOT,
					      .body = produces_body,
					      .args_bytes = sizeof(struct args)};

static const struct pawl_function *const functions[] = {&produces};
static const struct pawl_value_type *const types[] = {&fr_number, &other_type,
						      &pawl_effect_type, &pawl_effects_type};
static const struct pawl_trait *const traits[] = {&writes};

/* ---- engines -------------------------------------------------------------------------------------- */

static int open_with(uint32_t workers, bool with_stands)
{
	struct pawl_effect_target_options to = PAWL_EFFECT_TARGET_OPTIONS_INIT;
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	int error;

	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	to.trait = &writes;
	to.apply = apply;
	to.stands = with_stands ? stands : NULL;
	to.arg = world;
	for (unsigned i = 0; i < KEYS; i++)
		pawl_store_relaxed(&world[i], UINT64_C(0));
	pawl_store_relaxed(&applies, 0u);
	pawl_store_relaxed(&fails_for, 0u);
	pawl_store_relaxed(&leaves, 0u);
	pawl_store_relaxed(&gone, 0u);
	pawl_store_relaxed(&slowly, 0u);
	target = NULL;
	error = pawl_engine_open(&options, &fr_engine);
	if (error)
		return error;
	error = pawl_effect_target_create(fr_engine, &to, &target);
	if (error)
		t_check(!pawl_engine_close(fr_engine));
	return error;
}

static void up(uint32_t workers)
{
	assert_int_equal(open_with(workers, false), 0);
}

static void down(void)
{
	fr_down();
	/* After its engine. */
	pawl_effect_target_destroy(target);
}

struct taking {
	struct args args;
	struct pawl_value *effects;
	char text[512];
};

static int take_visit(struct pawl_context *context, void *arg)
{
	struct taking *taking = arg;
	const struct pawl_error *failure = NULL;
	pawl_ref_t ref;
	int error = pawl_call(context, &produces, &taking->args, &ref);

	if (!error)
		error = pawl_effects_take(context, ref, target, &taking->effects, &failure);
	if (failure)
		(void)pawl_error_describe(failure, taking->text, sizeof(taking->text));
	return error;
}

static int take(struct args args, struct pawl_value **ret_effects)
{
	struct taking taking = {args, NULL, ""};
	int error = pawl_engine_run(fr_engine, take_visit, &taking);

	*ret_effects = taking.effects;
	return error;
}

static struct pawl_value *taken(struct args args)
{
	struct pawl_value *effects;

	assert_int_equal(take(args, &effects), 0);
	return effects;
}

static void take_fails(struct args args, int expected, const char *words)
{
	struct taking taking = {args, NULL, ""};

	assert_int_equal(pawl_engine_run(fr_engine, take_visit, &taking), expected);
	if (words && !strstr(taking.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, taking.text);
}

static unsigned applied_now(void)
{
	return pawl_xchg_relaxed(&applies, 0u);
}

/* ---- cases: what is refused ------------------------------------------------------------------------- */

static int emit_visit(struct pawl_context *context, void *arg)
{
	(void)arg;
	return emit(context, &writes, 0, &fr_number, 1);
}

static int take_nothing_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *effects;

	(void)arg;
	t_check(pawl_effects_take(context, PAWL_REF_NONE, target, &effects, NULL) == -EINVAL);
	return 0;
}

static void case_refused(void **state)
{
	struct pawl_effect_target_options options = PAWL_EFFECT_TARGET_OPTIONS_INIT;
	struct pawl_effect_target *none = NULL;
	struct pawl_value *effects, *number = fr_value(1);

	(void)state;
	up(2);
	assert_int_equal(pawl_effect_target_create(fr_engine, &options, &none), -EINVAL);
	options.trait = &unknown_trait;
	options.apply = apply;
	assert_int_equal(pawl_effect_target_create(fr_engine, &options, &none), -EINVAL);
	options.trait = &writes;
	options.apply = NULL;
	assert_int_equal(pawl_effect_target_create(fr_engine, &options, &none), -EINVAL);
	options.apply = apply;
	options.size++;
	assert_int_equal(pawl_effect_target_create(fr_engine, &options, &none), -E2BIG);
	options.size -= 2;
	assert_int_equal(pawl_effect_target_create(fr_engine, &options, &none), -EINVAL);
	assert_null(none);
	pawl_effect_target_destroy(NULL);
	assert_int_equal(pawl_engine_run(fr_engine, emit_visit, NULL), -EINVAL);
	assert_int_equal(pawl_engine_run(fr_engine, take_nothing_visit, NULL), 0);
	assert_int_equal(pawl_effects_apply(target, number, NULL), -EINVAL);
	pawl_value_unpin(number);
	take_fails((struct args){.way = OTHER}, -EINVAL, NULL);
	take_fails((struct args){FAILS, 0, 3, 1}, -PAWL_ETASK, "after all");
	/* Of both the task has seen that it was refused. */
	effects = taken((struct args){.way = WRONG_TYPE});
	assert_int_equal(pawl_effects_count(effects), 0);
	pawl_value_unpin(effects);
	pawl_value_unpin(taken((struct args){.way = WRONG_TRAIT}));
	down();
}

static void case_not_listed(void **state)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct args args = {WRONG_TRAIT, 0, 0, 0};
	struct pawl_effect_target_options to = PAWL_EFFECT_TARGET_OPTIONS_INIT;
	struct pawl_value *effects;

	(void)state;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.types_n = 2; /* without those of effects */
	FR_LIST(options, traits);
	to.trait = &writes;
	to.apply = apply;
	fr_open(options);
	assert_int_equal(pawl_effect_target_create(fr_engine, &to, &target), 0);
	pawl_value_unpin(taken(args));
	/* The task fails with what emitting gave. */
	args = (struct args){FINE, 0, 1, 1};
	assert_int_equal(take(args, &effects), -PAWL_ETASK);
	down();
}

/* ---- what two tasks want --------------------------------------------------------------------------- */

static void case_two_tasks(void **state)
{
	struct pawl_value *effects;
	struct pawl_effect effect;

	(void)state;
	up(2);
	effects = taken((struct args){TWICE, 10, 5, 7});
	assert_int_equal(pawl_effects_count(effects), 5);
	for (unsigned i = 0; i < 5; i++) {
		pawl_effects_get(effects, i, &effect);
		assert_int_equal(key_number(effect.key), 10 + i);
		assert_int_equal(fr_number_of(effect.value), 7);
	}
	assert_int_equal(pawl_effects_apply(target, effects, NULL), 0);
	assert_int_equal(applied_now(), 5);
	pawl_value_unpin(effects);
	take_fails((struct args){DIFFER, 1, 5, 7}, -PAWL_ETASK,
		   "two effects on \"????\" differ");
	take_fails((struct args){DIFFER, 1, 5, 7}, -PAWL_ETASK, "produces");
	/* The same bytes, but something else. */
	effects = taken((struct args){TYPES, 10, 5, 7});
	assert_int_equal(pawl_effects_apply(target, effects, NULL), 0);
	assert_int_equal(applied_now(), 5);
	pawl_value_unpin(effects);
	down();
}

/* ---- failures of apply ------------------------------------------------------------------------------- */

static void case_failures(void **state)
{
	struct pawl_effects_report report;
	struct pawl_value *effects;

	(void)state;
	for (unsigned workers = 1; workers <= 4; workers *= 2) {
		up(workers);
		effects = taken((struct args){FINE, 1, 20, 3});
		pawl_store_relaxed(&fails_for, 6u); /* 1 to 5 */
		assert_int_equal(pawl_effects_apply(target, effects, &report), -ENOSPC);
		assert_int_equal(report.failed, 5);
		assert_int_equal(report.applied, 15);
		assert_int_equal(report.stood, 0);
		assert_int_equal(report.again, 0);
		assert_int_equal(report.first, 0);
		assert_int_equal(applied_now(), 20);
		/* Those that failed are not there; what failed says so in its own words. */
		pawl_store_relaxed(&fails_for, 3u);
		assert_int_equal(pawl_effects_apply(target, effects, &report), -ENOSPC);
		assert_int_equal(report.failed, 2);
		assert_int_equal(report.applied, 3);
		assert_int_equal(report.stood, 15);
		assert_int_equal(applied_now(), 5);
		pawl_value_unpin(effects);
		/* Another one on the same key that fails: nothing is there then. */
		effects = taken((struct args){FINE, 10, 2, 4});
		pawl_store_relaxed(&fails_for, 11u);
		assert_int_equal(pawl_effects_apply(target, effects, &report), -EAGAIN);
		assert_int_equal(report.failed, 1);
		assert_int_equal(report.again, 0);
		assert_int_equal(report.applied, 1);
		pawl_value_unpin(effects);
		pawl_store_relaxed(&fails_for, 0u);
		assert_int_equal(applied_now(), 2);
		effects = taken((struct args){FINE, 1, 20, 3});
		assert_int_equal(pawl_effects_apply(target, effects, &report), 0);
		/* 1 and 2, which had failed; 10, which had something that failed, and 11, which had something else. */
		assert_int_equal(report.applied, 4);
		assert_int_equal(report.stood, 16);
		assert_int_equal(report.first, 20);
		for (unsigned i = 1; i <= 20; i++)
			assert_int_equal(pawl_load_relaxed(&world[i]), 3);
		pawl_value_unpin(effects);
		down();
	}
}

static int apply_visit(struct pawl_context *context, void *arg)
{
	(void)context;
	return pawl_effects_apply(target, arg, NULL);
}

/* It does not return: what it was at is not there, and nobody waits for it. */
static void case_left(void **state)
{
	struct pawl_effects_report report;
	struct pawl_value *effects;

	(void)state;
	for (unsigned n = 1; n < 4; n++) {
		up(2);
		effects = taken((struct args){FINE, 0, n, 3});
		pawl_store_relaxed(&leaves, 1u);
		assert_int_equal(pawl_engine_run(fr_engine, apply_visit, effects), -EIO);
		pawl_store_relaxed(&leaves, 0u);
		assert_true(applied_now() >= 1);
		assert_int_equal(pawl_effects_apply(target, effects, &report), 0);
		assert_int_equal(report.applied, n);
		assert_int_equal(applied_now(), n);
		pawl_value_unpin(effects);
		down();
	}
}

/* ---- who may apply -------------------------------------------------------------------------------------- */

static int apply_once(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct pawl_value *effects = (struct pawl_value *)(uintptr_t)arg;

	(void)context;
	*ret_output = PAWL_REF_NONE;
	t_check(!pawl_effects_apply(target, effects, NULL));
	return 0;
}

static int apply_root(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct pawl_value *effects = (struct pawl_value *)(uintptr_t)arg;

	(void)context;
	*ret_output = PAWL_REF_NONE;
	t_check(pawl_effects_apply(target, effects, NULL) == -EPERM);
	return 0;
}

static void case_where(void **state)
{
	struct pawl_value *effects;
	pawl_ref_t root;

	(void)state;
	up(2);
	given = taken((struct args){FINE, 0, 2, 1});
	pawl_value_unpin(taken((struct args){.way = APPLIES}));
	pawl_value_unpin(taken((struct args){.way = APPLIES_DETACHED}));
	assert_int_equal(pawl_engine_spawn_root(fr_engine, apply_root, given, NULL, &root), 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(applied_now(), 0);
	assert_int_equal(pawl_engine_run(fr_engine, apply_visit, given), 0);
	assert_int_equal(applied_now(), 2);
	effects = taken((struct args){FINE, 0, 2, 2});
	assert_int_equal(pawl_engine_spawn_once(fr_engine, apply_once, effects, NULL, &root),
			 0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(applied_now(), 2);
	pawl_value_unpin(effects);
	pawl_value_unpin(given);
	down();
}

/* ---- what was applied is there no more -------------------------------------------------------------------- */

static void case_stands(void **state)
{
	struct args args = {FINE, 0, 3, 1};
	struct pawl_effects_report report;
	struct pawl_value *effects, *left_out;
	struct pawl_effect effect;

	(void)state;
	assert_int_equal(open_with(2, true), 0);
	effects = taken(args);
	assert_int_equal(pawl_effects_apply(target, effects, &report), 0);
	assert_int_equal(pawl_effects_apply(target, effects, &report), 0);
	assert_int_equal(report.stood, 3);
	left_out = taken(args);
	pawl_effects_get(left_out, 2, &effect);
	assert_null(effect.value);
	pawl_store_relaxed(&gone, 1u);
	(void)applied_now();
	assert_int_equal(pawl_effects_apply(target, left_out, &report), -EAGAIN);
	assert_int_equal(report.again, 3);
	assert_int_equal(report.first, 0);
	assert_int_equal(applied_now(), 0);
	/* Taken again it has its values. */
	pawl_value_unpin(left_out);
	left_out = taken(args);
	assert_int_equal(pawl_effects_apply(target, left_out, &report), 0);
	assert_int_equal(report.applied, 3);
	/* So has what was taken at first. */
	assert_int_equal(pawl_effects_apply(target, effects, &report), 0);
	assert_int_equal(report.applied, 3);
	pawl_value_unpin(left_out);
	pawl_value_unpin(effects);
	down();
}

/* ---- at once ------------------------------------------------------------------------------------------------ */

static void apply_thread(void *arg)
{
	t_check(!pawl_effects_apply(target, arg, NULL));
	t_step();
}

static void case_at_once(void **state)
{
	struct t_thread *threads[4];
	struct pawl_value *effects;

	(void)state;
	up(2);
	effects = taken((struct args){FINE, 0, KEYS, 5});
	assert_int_equal(pawl_effects_count(effects), KEYS);
	pawl_store_relaxed(&slowly, 3u);
	for (unsigned i = 0; i < FR_N(threads); i++)
		threads[i] = t_thread_start(apply_thread, effects);
	assert_int_equal(pawl_engine_run(fr_engine, apply_visit, effects), 0);
	for (unsigned i = 0; i < FR_N(threads); i++)
		t_thread_join(threads[i]);
	assert_int_equal(applied_now(), KEYS);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(pawl_load_relaxed(&world[i]), 5);
	pawl_value_unpin(effects);
	down();
}

/* Several who want different things of the same keys: what the target has is what the world has. */
#define WANTS 3

static struct pawl_value *wants[WANTS];

static void want_thread(void *arg)
{
	unsigned n = t_scaled(200);

	(void)arg;
	for (unsigned i = 0; i < n; i++) {
		t_check(!pawl_effects_apply(target, wants[t_random_below(WANTS)], NULL));
		t_step();
	}
}

static void case_wants(void **state)
{
	struct t_thread *threads[3];
	struct pawl_effects_report report;
	size_t stood = 0;

	(void)state;
	up(2);
	for (unsigned i = 0; i < WANTS; i++)
		wants[i] = taken((struct args){FINE, 0, 8, 1 + i});
	for (unsigned i = 0; i < FR_N(threads); i++)
		threads[i] = t_thread_start(want_thread, NULL);
	for (unsigned i = 0; i < FR_N(threads); i++)
		t_thread_join(threads[i]);
	/* Each key has one of the three, and that is what stands: looked at without changing any. */
	for (unsigned at = 0; at < 8; at++) {
		uint64_t number = pawl_load_relaxed(&world[at]);
		struct pawl_value *one;

		assert_in_range(number, 1, WANTS);
		one = taken((struct args){FINE, at, 1, (int64_t)number});
		assert_int_equal(pawl_effects_apply(target, one, &report), 0);
		stood += report.stood;
		pawl_value_unpin(one);
	}
	assert_int_equal(stood, 8);
	for (unsigned i = 0; i < WANTS; i++)
		pawl_value_unpin(wants[i]);
	down();
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static int oom_all(void)
{
	struct pawl_effects_report report = {0, 0, 0, 0, 0};
	struct taking taking = {{TWICE, 0, 3, 9}, NULL, ""};
	int error = pawl_thread_attach(NULL);

	if (error)
		return error;
	error = open_with(1, false);
	if (error) {
		pawl_thread_detach();
		return error;
	}
	error = pawl_engine_run(fr_engine, take_visit, &taking);
	/* The task says so, in its words. */
	if (error == -PAWL_ETASK && strstr(taking.text, "error 12"))
		error = -ENOMEM;
	if (!error) {
		error = pawl_effects_apply(target, taking.effects, &report);
		t_check(report.applied + report.failed == 3);
		t_check(!error == !report.failed);
		t_check(applied_now() == report.applied);
		if (error) {
			/* What had no memory is applied by the next call. */
			t_check(!pawl_effects_apply(target, taking.effects, &report));
			t_check(applied_now() == report.applied);
			t_check(report.stood + report.applied == 3);
		}
	}
	pawl_value_unpin(taking.effects);
	t_check(!pawl_engine_wait_idle(fr_engine, PAWL_FOREVER));
	t_check(!pawl_engine_close(fr_engine));
	pawl_effect_target_destroy(target);
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_refused),	  cmocka_unit_test(case_not_listed),
		cmocka_unit_test(case_two_tasks), cmocka_unit_test(case_failures),
		cmocka_unit_test(case_left),	  cmocka_unit_test(case_where),
		cmocka_unit_test(case_stands),	  cmocka_unit_test(case_at_once),
		cmocka_unit_test(case_wants),	  T_OOM(oom_all),
	};

	return t_run("effect", cases);
}
