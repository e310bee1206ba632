/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-peers.c - what other engines got wrong once, and what is asked of one: rings of many tasks, runs that one
 * edit causes, readers that leave, errors beside what has not failed, the same value from elsewhere, many that ask at
 * once, edits without an end, the same whatever the number of workers, closing while bodies wait. The table is
 * tests/engine/acceptance.txt.
 */
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"

struct numbered {
	uint64_t n;
};

static struct pawl_atomic_u32 ran[32];
static struct cf_gate gate;

static void gates_init(void)
{
	cf_gate_init(&gate);
	for (unsigned i = 0; i < CF_N(ran); i++)
		pawl_store_relaxed(&ran[i], 0u);
}

static unsigned ran_now(unsigned which)
{
	return cf_counted(&ran[which]);
}

/* A state. */
static int source_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = cf_state_get(context, *(const struct cf_state *)args, &number);

	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(source, 0, sizeof(struct cf_state));

/* ---- a ring of fifteen --------------------------------------------------------------------- */

#define RING 15

static uint32_t ring_flags;
static struct cf_state ring_opens;

static int ring_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
CF_FUNCTION(ring, 0, sizeof(struct numbered));

static int ring_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct numbered *one = args;
	struct numbered next = {(one->n + 1) % RING};
	int64_t number = 0, opens = 0;
	pawl_ref_t ref;
	int error = one->n == RING - 1 ? cf_state_get(context, ring_opens, &opens) : 0;

	if (!error && !opens) {
		error = pawl_call(context, &ring, &next, &ref);
		if (!error)
			error = cf_get(context, ref, ring_flags, &number);
	}
	return error ? error : cf_give(context, number + 1, ret_output);
}

static const struct pawl_function *const ring_functions[] = {&ring};
static const struct cf_tables ring_tables = {ring_functions, 1, NULL, 0, NULL, 0, 0};

static unsigned times(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* It is told with the way round, wherever one comes in; when it is opened all give their number. */
static void ring_told(unsigned run)
{
	char text[2048];

	ring_opens = cf_state_make(0);
	ring_flags = run & 1 ? PAWL_READ_STRONG : 0;
	for (uint64_t first = 0; first < RING; first += 7) {
		assert_int_equal(cf_ask_error(&ring, &(struct numbered){first}, text,
					      sizeof(text)),
				 -PAWL_ETASK);
		assert_non_null(strstr(text, "in a ring"));
		/* A strong read waits for what has to run below, so the way round may be a shorter one. */
		assert_true(times(text, "ring#") >= (ring_flags ? 2 : RING));
	}
	cf_state_set(ring_opens, 1);
	for (uint64_t n = 0; n < RING; n++)
		assert_int_equal(cf_ask(&ring, &(struct numbered){n}), (int64_t)(RING - n));
}

static void case_ring_of_fifteen(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		cf_open(&ring_tables);
		ring_told(i);
		cf_close();
	}
}

/* ---- one edit, one run --------------------------------------------------------------------- */

static struct cf_state twice;

static int early_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return source_body(context, &twice, ret_output);
}
CF_FUNCTION(early, 0, 0);

/* After a change it waits until somebody who reads it has begun. */
static int late_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = cf_state_get(context, twice, &number);

	(void)args;
	if (!error && number)
		error = cf_gate_pass(&gate);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(late, 0, 0);

static int diamond_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t a = 0, b = 0;
	int error = cf_call(context, &early, NULL, &a);

	(void)args;
	cf_count(&ran[0]);
	/* It has begun with what is there now. */
	if (a)
		cf_gate_open(&gate);
	if (!error)
		error = cf_call(context, &late, NULL, &b);
	return error ? error : cf_give(context, a * 10 + b, ret_output);
}
CF_FUNCTION(diamond, PAWL_FUNCTION_ROOT, 0);

static const struct pawl_function *const diamond_functions[] = {&early, &late, &diamond};
static const struct cf_tables diamond_tables = {diamond_functions, 3, NULL, 0, NULL, 0, 0};

/* What was read in the run before, and in this one not yet, changes while it runs: that is no reason to run again. */
static void case_one_edit_one_run(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(20); i++) {
		pawl_ref_t root;

		gates_init();
		cf_open(&diamond_tables);
		twice = cf_state_make(0);
		assert_int_equal(
			pawl_engine_spawn_root(cf_engine, diamond_body, NULL, NULL, &root), 0);
		cf_settle();
		assert_int_equal(ran_now(0), 1);
		cf_state_set(twice, 1);
		cf_settle();
		assert_int_equal(ran_now(0), 1);
		assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
		cf_close();
	}
}

/* ---- who reads goes ------------------------------------------------------------------------- */

static int gated_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error;

	(void)args;
	cf_count(&ran[0]);
	error = cf_gate_pass(&gate);
	return error ? error : cf_give(context, 7, ret_output);
}
CF_FUNCTION(gated, 0, 0);

static const struct pawl_function *const gated_functions[] = {&gated};
static const struct cf_tables gated_tables = {gated_functions, 1, NULL, 0, NULL, 0, 0};

struct observer {
	uint32_t flags;
	int error;
	struct pawl_atomic_u64 visit; /* the runtime's task, when it has begun */
	struct pawl_event begun;
};

static int observe_visit(struct pawl_context *context, void *arg)
{
	struct observer *observer = arg;
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &gated, NULL, &ref);

	pawl_store_release(&observer->visit, pawl_task_self().pawl_id);
	pawl_event_notify_all(&observer->begun);
	if (!error)
		error = cf_get(context, ref, observer->flags, &number);
	t_check(error || number == 7);
	return error;
}

static void observe(void *arg)
{
	struct observer *observer = arg;

	observer->error = pawl_engine_run(cf_engine, observe_visit, observer);
}

static pawl_task_t visit_of(struct observer *observer)
{
	uint64_t id;

	while (!(id = pawl_load_acquire(&observer->visit))) {
		struct pawl_listener listener;

		pawl_event_listen(&observer->begun, &listener, "a visit", 0);
		if (pawl_load_acquire(&observer->visit))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
	return (pawl_task_t){id};
}

static int start_visit(struct pawl_context *context, void *arg)
{
	pawl_ref_t *ref = arg;

	return pawl_call(context, &gated, NULL, ref);
}

static int root_of_gated(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	return pawl_call(context, &gated, NULL, ret_output);
}

/* Two of three that wait for it are cancelled: it goes on, and the third one has what it gives. */
static void observers_go(uint32_t flags)
{
	struct observer observers[3];
	struct t_thread *threads[3];
	pawl_ref_t root;

	gates_init();
	cf_open(&gated_tables);
	/* On a stack of its own. */
	assert_int_equal(pawl_engine_spawn_root(cf_engine, root_of_gated, NULL, NULL, &root),
			 0);
	cf_gate_wait(&gate, 1);
	for (unsigned i = 0; i < 3; i++) {
		observers[i].flags = flags;
		pawl_init_word(&observers[i].visit, UINT64_C(0));
		pawl_event_init(&observers[i].begun);
		threads[i] = t_thread_start(observe, &observers[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		pawl_task_t visit = visit_of(&observers[i]);

		if (i == 2)
			continue;
		assert_int_equal(pawl_task_cancel(pawl_engine_runtime(cf_engine), visit), 0);
		t_thread_join(threads[i]);
		assert_int_equal(observers[i].error, -ECANCELED);
	}
	assert_int_equal(ran_now(0), 1);
	cf_gate_open(&gate);
	t_thread_join(threads[2]);
	assert_int_equal(observers[2].error, 0);
	assert_int_equal(cf_ask(&gated, NULL), 7);
	assert_int_equal(ran_now(0), 0);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	cf_close();
}

static void case_observers_go(void **state)
{
	pawl_ref_t ref;

	(void)state;
	observers_go(0);
	observers_go(PAWL_READ_STRONG);
	/* And where engines are told to abandon what nobody wants. */
	assert_int_equal(setenv("PAWL_ABANDON", "1", 1), 0);
	observers_go(0);
	observers_go(PAWL_READ_STRONG);
	/* A call alone, by a visit that is over. */
	gates_init();
	cf_open(&gated_tables);
	cf_visit(start_visit, &ref);
	cf_gate_open(&gate);
	assert_int_equal(cf_ask(&gated, NULL), 7);
	cf_close();
	assert_int_equal(unsetenv("PAWL_ABANDON"), 0);
}

/* ---- what was asked for under a condition ------------------------------------------------------ */

static struct cf_state condition, content;

static int condition_is_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	(void)args;
	return source_body(context, &condition, ret_output);
}
CF_FUNCTION(condition_is, 0, 0);

/* Fails where there is nothing. */
static int content_is_body(struct pawl_context *context, const void *args,
			   pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = cf_state_get(context, content, &number);

	(void)args;
	if (!error && number < 0)
		error = -ENOENT;
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(content_is, 0, 0);

static int guarded_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t there = 0, number = 0;
	int error = cf_call(context, &condition_is, NULL, &there);

	(void)args;
	cf_count(&ran[0]);
	if (!error && there)
		error = cf_call(context, &content_is, NULL, &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(guarded, PAWL_FUNCTION_ROOT, 0);

static const struct pawl_function *const guarded_functions[] = {&condition_is, &content_is,
								&guarded};
static const struct cf_tables guarded_tables = {guarded_functions, 3, NULL, 0, NULL, 0, 0};

/* The condition goes together with what may be asked for under it: who asks no more hears nothing of its error. */
static void guards(unsigned run)
{
	struct pawl_edit *edit;
	char text[256];

	(void)run;
	gates_init();
	condition = cf_state_make(1);
	content = cf_state_make(5);
	assert_int_equal(cf_ask(&guarded, NULL), 5);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pawl_edit_begin(cf_engine, &edit), 0);
		assert_int_equal(pawl_edit_set(edit, cf_state_of(condition), cf_value(0)), 0);
		assert_int_equal(pawl_edit_set(edit, cf_state_of(content), cf_value(-1)), 0);
		pawl_edit_commit(edit);
		assert_int_equal(cf_ask(&guarded, NULL), 0);
		cf_settle();
		(void)ran_now(0);
		/* Nobody asks for it: it is not run, and nobody hears of it. */
		cf_state_set(content, 6);
		cf_state_set(content, -1);
		assert_int_equal(cf_ask(&guarded, NULL), 0);
		assert_int_equal(ran_now(0), 0);
		cf_state_set(condition, 1);
		assert_int_equal(cf_ask_error(&guarded, NULL, text, sizeof(text)), -PAWL_ETASK);
		cf_state_set(content, 5);
		assert_int_equal(cf_ask(&guarded, NULL), 5);
	}
}

static void case_guarded(void **state)
{
	(void)state;
	cf_once(&guarded_tables, guards);
}

/* ---- one of many fails ------------------------------------------------------------------------- */

#define PARTS 16

static struct cf_state parts[PARTS];

static int part_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct numbered *one = args;
	int64_t number = 0;
	int error = cf_state_get(context, parts[one->n], &number);

	cf_count(&ran[one->n]);
	if (!error && number < 0)
		error = -EIO;
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(part, 0, sizeof(struct numbered));

static int parts_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *values[PARTS];
	pawl_ref_t refs[PARTS];
	int64_t sum = 0;
	int error = 0;

	(void)args;
	cf_count(&ran[PARTS]);
	for (uint64_t i = 0; i < PARTS && !error; i++)
		error = pawl_call(context, &part, &(struct numbered){i}, &refs[i]);
	if (!error)
		error = pawl_read_many(context, refs, PARTS, 0, values, NULL);
	for (unsigned i = 0; i < PARTS && !error; i++) {
		sum += cf_number_of(values[i]);
		pawl_value_unpin(values[i]);
	}
	return error ? error : cf_give(context, sum, ret_output);
}
CF_FUNCTION(parts_of, PAWL_FUNCTION_ROOT, 0);

static const struct pawl_function *const part_functions[] = {&part, &parts_of};
static const struct cf_tables part_tables = {part_functions, 2, NULL, 0, NULL, 0, 4};

/* The others have run, once, and what they gave is used when the one is mended. */
static void one_fails(unsigned run)
{
	char text[256];

	(void)run;
	gates_init();
	for (unsigned i = 0; i < PARTS; i++)
		parts[i] = cf_state_make(i == 5 ? -1 : 1);
	assert_int_equal(cf_ask_error(&parts_of, NULL, text, sizeof(text)), -PAWL_ETASK);
	cf_settle();
	for (unsigned i = 0; i <= PARTS; i++)
		assert_int_equal(ran_now(i), 1);
	cf_state_set(parts[5], 1);
	assert_int_equal(cf_ask(&parts_of, NULL), PARTS);
	cf_settle();
	for (unsigned i = 0; i <= PARTS; i++)
		assert_int_equal(ran_now(i), i == 5 || i == PARTS);
}

static void case_one_of_many_fails(void **state)
{
	(void)state;
	cf_once(&part_tables, one_fails);
}

/* ---- the same from elsewhere ------------------------------------------------------------------- */

static struct cf_state chosen, sides[2];

static int either_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t which = 0, number = 0;
	int error = cf_state_get(context, chosen, &which);

	(void)args;
	cf_count(&ran[0]);
	if (!error)
		error = cf_call(context, &source, &sides[which], &number);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(either, 0, 0);

static int above_either_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = cf_call(context, &either, args, &number);

	cf_count(&ran[1]);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(above_either, PAWL_FUNCTION_ROOT, 0);

static const struct pawl_function *const either_functions[] = {&source, &either, &above_either};
static const struct cf_tables either_tables = {either_functions, 3, NULL, 0, NULL, 0, 0};

/* Another one is read, and gives the same: nobody above runs, and who is heard of is the other one. */
static void same_from_elsewhere(unsigned run)
{
	(void)run;
	gates_init();
	chosen = cf_state_make(0);
	sides[0] = cf_state_make(3);
	sides[1] = cf_state_make(3);
	assert_int_equal(cf_ask(&above_either, NULL), 3);
	for (int64_t which = 1; which >= 0; which--) {
		(void)ran_now(0);
		(void)ran_now(1);
		cf_state_set(chosen, which);
		assert_int_equal(cf_ask(&above_either, NULL), 3);
		assert_int_equal(ran_now(0), 1);
		assert_int_equal(ran_now(1), 0);
		/* The one that was left. */
		cf_state_set(sides[!which], 8);
		assert_int_equal(cf_ask(&above_either, NULL), 3);
		assert_int_equal(ran_now(0), 0);
		/* The one that is read now. */
		cf_state_set(sides[which], 4);
		assert_int_equal(cf_ask(&above_either, NULL), 4);
		assert_int_equal(ran_now(0), 1);
		assert_int_equal(ran_now(1), 1);
		cf_state_set(sides[!which], 3);
		cf_state_set(sides[which], 3);
		assert_int_equal(cf_ask(&above_either, NULL), 3);
	}
}

static void case_same_from_elsewhere(void **state)
{
	(void)state;
	cf_once(&either_tables, same_from_elsewhere);
}

/* ---- two engines on one thread -------------------------------------------------------------- */

static struct pawl_engine *other;
static struct pawl_state *other_state;
static const struct pawl_function *const source_functions[] = {&source};
static const struct cf_tables source_tables = {source_functions, 1, NULL, 0, NULL, 0, 1};

static int set_other(void *arg, const struct pawl_value *before, struct pawl_value **ret_after)
{
	(void)arg;
	*ret_after = cf_value(cf_number_of(before) + 1);
	return pawl_state_set(other_state, cf_value(cf_number_of(before)));
}

/* In a visit of the one, and in an update of its state, the other's is written. */
static int write_visit(struct pawl_context *context, void *arg)
{
	struct cf_state *state = arg;
	struct pawl_value *value;
	int64_t number = 0;
	int error = cf_call(context, &source, state, &number);

	if (!error)
		error = pawl_state_set(other_state, cf_value(number + 100));
	if (!error)
		error = pawl_state_get(NULL, other_state, &value);
	if (error)
		return error;
	t_check(cf_number_of(value) == number + 100);
	pawl_value_unpin(value);
	return 0;
}

static void case_two_engines(void **state)
{
	static const struct pawl_value_type *const types[] = {&cf_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct cf_state mine;

	(void)state;
	cf_open(&source_tables);
	options.workers = 1;
	options.functions = source_functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 1;
	assert_int_equal(pawl_engine_open(&options, &other), 0);
	assert_int_equal(pawl_state_create(other, cf_value(0), &other_state), 0);
	mine = cf_state_make(1);
	for (int64_t i = 1; i < 10; i++) {
		cf_visit(write_visit, &mine);
		assert_int_equal(pawl_state_update(cf_state_of(mine), set_other, NULL), 0);
		assert_int_equal(cf_ask(&source, &mine), i + 1);
	}
	assert_int_equal(pawl_engine_close(other), 0);
	pawl_state_unpin(other_state);
	cf_close();
}

/* ---- many ask for the same ------------------------------------------------------------------ */

#define ASKERS 6
#define KEYS   8

static struct cf_state version;

static int wanted_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct numbered *one = args;
	int64_t number = 0;
	int error = cf_state_get(context, version, &number);

	cf_count(&ran[one->n]);
	return error ? error : cf_give(context, number * 100 + (int64_t)one->n, ret_output);
}
CF_FUNCTION(wanted, 0, sizeof(struct numbered));

static const struct pawl_function *const wanted_functions[] = {&wanted};
static const struct cf_tables wanted_tables = {wanted_functions, 1, NULL, 0, NULL, 0, 3};

static void asks_all(void *arg)
{
	int64_t number = *(int64_t *)arg;

	for (uint64_t i = 0; i < KEYS * 4; i++) {
		struct numbered one = {i % KEYS};
		int64_t is = i & 8 ? cf_ask_eventual(&wanted, &one) : cf_ask(&wanted, &one);

		t_check(is == number * 100 + (int64_t)one.n);
	}
}

/* One run for each change, however many ask, and whenever. */
static void case_all_ask(void **state)
{
	(void)state;
	gates_init();
	cf_open(&wanted_tables);
	version = cf_state_make(0);
	for (int64_t round = 0; round < t_scaled(40); round++) {
		struct t_thread *threads[ASKERS];

		cf_state_set(version, round);
		for (unsigned i = 0; i < ASKERS; i++)
			threads[i] = t_thread_start(asks_all, &round);
		for (unsigned i = 0; i < ASKERS; i++)
			t_thread_join(threads[i]);
		for (unsigned i = 0; i < KEYS; i++)
			assert_int_equal(ran_now(i), 1);
	}
	cf_close();
}

/* ---- edits that go on as long as somebody reads ------------------------------------------------- */

struct both {
	struct cf_state a, b;
	struct pawl_atomic_u32 reads;
	struct pawl_event read;
};

static int both_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct cf_state *states = args;
	int64_t a = 0, b = 0;
	int error = cf_call(context, &source, &states[0], &a);

	if (!error)
		error = cf_call(context, &source, &states[1], &b);
	return error ? error : cf_give(context, a == b ? a : -1, ret_output);
}
CF_FUNCTION(both, PAWL_FUNCTION_ROOT, 2 * sizeof(struct cf_state));

static const struct pawl_function *const both_functions[] = {&source, &both};
static const struct cf_tables both_tables = {both_functions, 2, NULL, 0, NULL, 0, 0};

#define STEADY_READS 20
/* So many edits without a pause; then it lets a read end. */
#define BURST 5

static bool has_read(const struct both *it, uint32_t reads)
{
	return pawl_load_acquire(&it->reads) >= reads;
}

static void wait_read(struct both *it, uint32_t reads)
{
	while (!has_read(it, reads)) {
		struct pawl_listener listener;

		pawl_event_listen(&it->read, &listener, "a read", 0);
		if (has_read(it, reads))
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static void edits_on(void *arg)
{
	struct both *it = arg;
	int64_t number = 0;

	for (uint32_t reads = 1; reads <= STEADY_READS; reads++) {
		for (unsigned i = 0; i < BURST; i++) {
			struct pawl_edit *edit;

			number++;
			t_check(!pawl_edit_begin(cf_engine, &edit));
			t_check(!pawl_edit_set(edit, cf_state_of(it->a), cf_value(number)));
			t_check(!pawl_edit_set(edit, cf_state_of(it->b), cf_value(number)));
			pawl_edit_commit(edit);
		}
		wait_read(it, reads);
		t_step();
	}
}

/* What is read is of one state, not older than the one before; the reads end, as long as edits pause now and then. */
static void case_steady_edits(void **state)
{
	int64_t before = 0;
	struct t_thread *thread;
	struct both it;

	(void)state;
	cf_open(&both_tables);
	it.a = cf_state_make(0);
	it.b = cf_state_make(0);
	pawl_init_word(&it.reads, 0u);
	pawl_event_init(&it.read);
	thread = t_thread_start(edits_on, &it);
	for (unsigned i = 0; i < STEADY_READS; i++) {
		struct cf_state args[2] = {it.a, it.b};
		int64_t number = cf_ask(&both, args);

		assert_true(number >= before);
		before = number;
		pawl_add_acq_rel(&it.reads, 1u);
		pawl_event_notify_all(&it.read);
	}
	t_thread_join(thread);
	cf_close();
}

/* ---- the same with any number of workers ---------------------------------------------------------- */

#define LEVELS 5
#define WIDTH  8
#define INPUTS 4

static struct cf_state inputs[INPUTS];

struct place {
	uint32_t level, at;
};

static int web_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
CF_FUNCTION(web, 0, sizeof(struct place));

/* Whom it reads depends on what it has read so far; some fail, some catch that. */
static int web_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct place *place = args;
	int64_t sum = place->at, number = 0;
	int error = cf_state_get(context, inputs[(place->level + place->at) % INPUTS], &number);

	sum += number;
	for (unsigned i = 0; i < 3 && !error && place->level; i++) {
		struct place next = {place->level - 1,
				     (uint32_t)((uint64_t)(sum * 7 + i) % WIDTH)};

		error = cf_call(context, &web, &next, &number);
		if (error == -PAWL_ETASK && next.at % 2)
			error = 0, number = 1000;
		sum += number;
	}
	if (!error && sum % 13 == 5)
		return pawl_context_fail(context, "%d is not to be", (int)sum);
	return error ? error : cf_give(context, sum % 1000, ret_output);
}

static const struct pawl_function *const web_functions[] = {&web};

/* All answers, in words. */
static char *transcript(uint32_t workers)
{
	struct cf_tables tables = {web_functions, 1, NULL, 0, NULL, 0, workers};
	size_t room = 1u << 20, len = 0;
	char *words = malloc(room);

	t_check(words != NULL);
	cf_open(&tables);
	for (unsigned i = 0; i < INPUTS; i++)
		inputs[i] = cf_state_make(i);
	for (unsigned edit = 0; edit < 12; edit++) {
		cf_state_set(inputs[edit % INPUTS], edit * 5 % 7);
		for (uint32_t at = 0; at < WIDTH; at++) {
			struct place place = {LEVELS - 1, at};
			char text[1024] = "";
			int64_t number = 0;

			if (cf_ask_error(&web, &place, text, sizeof(text)) == 0)
				number = cf_ask(&web, &place);
			len += (size_t)snprintf(words + len, room - len, "%u %u: %d %s\n", edit,
						at, (int)number, text);
			t_check(len < room);
		}
	}
	cf_close();
	return words;
}

static void case_any_workers(void **state)
{
	char *one = transcript(1);

	(void)state;
	for (uint32_t workers = 2; workers <= 8; workers += workers == 2 ? 1 : 5) {
		for (unsigned i = 0; i < t_scaled(3); i++) {
			char *words = transcript(workers);

			assert_string_equal(words, one);
			free(words);
		}
	}
	free(one);
}

/* ---- closing ------------------------------------------------------------------------------------ */

#define WAITERS 16

static struct pawl_atomic_u32 is_busy, is_enough, in, out;
static struct pawl_event came_out;

/* Ends when it is let go, and makes no call until then. */
static int busy_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_store_release(&is_busy, 1u);
	pawl_event_notify_all(&came_out);
	while (!pawl_load_acquire(&is_enough))
		;
	return cf_give(context, 1, ret_output);
}
CF_FUNCTION(busy, 0, 0);

static const struct pawl_function *const busy_functions[] = {&busy};
static const struct cf_tables busy_tables = {busy_functions, 1, NULL, 0, NULL, 0, 3};

static int root_of_busy(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	return pawl_call(context, &busy, NULL, ret_output);
}

/* Waits for the busy one, or at a gate. */
static int waiter_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	int64_t number;
	int error;

	pawl_add_acq_rel(&in, 1u);
	pawl_event_notify_all(&came_out);
	error = arg ? cf_call(context, &busy, NULL, &number) : cf_gate_pass(&gate);
	t_check(error == -ECANCELED || error == -ESHUTDOWN);
	pawl_add_acq_rel(&out, 1u);
	pawl_event_notify_all(&came_out);
	*ret_output = PAWL_REF_NONE;
	return error;
}

static void wait_word(struct pawl_atomic_u32 *word, uint32_t least)
{
	while (pawl_load_acquire(word) < least) {
		struct pawl_listener listener;

		pawl_event_listen(&came_out, &listener, "them", 0);
		if (pawl_load_acquire(word) >= least)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
	}
}

static void closes(void *arg)
{
	int error;

	(void)arg;
	/* Not in time, with a busy machine: nothing was freed then. */
	do {
		error = pawl_engine_close(cf_engine);
	} while (error == -EBUSY);
	t_check(!error);
}

/* All who wait are told to end while one body is deaf: closing waits for that one alone. */
static void case_closes_beside_busy(void **state)
{
	struct t_thread *thread;
	pawl_ref_t root;

	(void)state;
	gates_init();
	pawl_init_word(&is_busy, 0u);
	pawl_init_word(&is_enough, 0u);
	pawl_init_word(&in, 0u);
	pawl_init_word(&out, 0u);
	pawl_event_init(&came_out);
	cf_open(&busy_tables);
	assert_int_equal(pawl_engine_spawn_root(cf_engine, root_of_busy, NULL, NULL, &root), 0);
	wait_word(&is_busy, 1);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(pawl_engine_spawn_root(cf_engine, waiter_body,
							i % 2 ? &gate : NULL, NULL, &root),
				 0);
	wait_word(&in, WAITERS);
	thread = t_thread_start(closes, NULL);
	wait_word(&out, WAITERS);
	pawl_store_release(&is_enough, 1u);
	t_thread_join(thread);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_ring_of_fifteen),
		cf_in_memory_test(case_one_edit_one_run),
		cf_in_memory_test(case_observers_go),
		cmocka_unit_test(case_guarded),
		cmocka_unit_test(case_one_of_many_fails),
		cmocka_unit_test(case_same_from_elsewhere),
		cmocka_unit_test(case_two_engines),
		cmocka_unit_test(case_all_ask),
		cmocka_unit_test(case_steady_edits),
		cmocka_unit_test(case_any_workers),
		cf_in_memory_test(case_closes_beside_busy),
	};

	return cf_run("conform-peers", cases);
}
