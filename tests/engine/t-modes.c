/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-modes.c - what one who looks for a mistake can ask for: bodies that run twice, what is immutable and changes, runs
 * that are stale and end as others do, why tasks have to run. Each is shown to find what it is for, and nothing else.
 */
#include "frame.h"

#include <stdlib.h>

#include <pawl/observe.h>

#include "../../engine/engine.h"
#include "../../engine/graph/ref.h"

#define STATES 4u

static struct pawl_state *states[STATES];

/* ---- what was told -------------------------------------------------------------------------- */

static void log_line(void *arg, enum pawl_severity severity, const char *line)
{
	(void)arg;
	if (strncmp(line, "engine.determinism", 18) && strncmp(line, "engine.immutable", 16) &&
	    strncmp(line, "engine.dirty", 12))
		return;
	t_check(severity ==
		(strncmp(line, "engine.dirty", 12) ? PAWL_SEVERITY_ERROR : PAWL_SEVERITY_INFO));
	fr_tell(line);
}

static bool has_told(const char *words)
{
	return fr_told_times(words, "");
}

/* ---- types ------------------------------------------------------------------------------------ */

/* What digests and encodings are made of that depend on something else than the value. */
static struct pawl_atomic_u64 entropy;

static struct pawl_digest wild_digest(const void *payload, size_t bytes)
{
	uint64_t more = (uint64_t)(uintptr_t)payload;

	return (struct pawl_digest){pawl_hash_bytes(payload, bytes, more), more};
}

static bool first_equal(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	return a_bytes == b_bytes && !memcmp(a, b, 8);
}

static size_t wild_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	uint64_t words[2] = {0, pawl_add_relaxed(&entropy, UINT64_C(1))};

	(void)bytes;
	memcpy(words, payload, 8);
	if (room >= sizeof(words))
		memcpy(into, words, sizeof(words));
	return sizeof(words);
}

static int wild_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
		       struct pawl_value **ret_value)
{
	return bytes == 16 ? pawl_value_of(type, from, 8, ret_value) : -EINVAL;
}

static size_t number_to_string(const void *payload, size_t bytes, char *buf, size_t len)
{
	uint64_t number;

	(void)bytes;
	memcpy(&number, payload, sizeof(number));
	return (size_t)snprintf(buf, len, "the number %llu", (unsigned long long)number);
}

static const struct pawl_value_type number_type = {.size = sizeof(number_type),
						   .name = "number",
						   .version = 1,
						   .to_string = number_to_string};
/* Its digest is of where it is; its second word, of which its equality knows nothing, is in others' digest. */
static const struct pawl_value_type address_type = {.size = sizeof(address_type),
						    .name = "address",
						    .version = 1,
						    .equal = first_equal,
						    .digest = wild_digest};
static const struct pawl_value_type order_type = {.size = sizeof(order_type),
						  .name = "order",
						  .version = 1,
						  .equal = first_equal,
						  .digest = pawl_digest_bytes};
static const struct pawl_value_type hashed_type = {
	.size = sizeof(hashed_type), .name = "hashed", .version = 1, .mode = PAWL_CELL_HASHED};
static const struct pawl_value_type encoded_type = {.size = sizeof(encoded_type),
						    .name = "encoded",
						    .version = 1,
						    .equal = first_equal,
						    .encode = wild_encode,
						    .decode = wild_decode};
/* Each is another one: nothing to compare. */
static const struct pawl_value_type new_type = {
	.size = sizeof(new_type), .name = "new", .version = 1, .mode = PAWL_CELL_NEW};
static const struct pawl_trait seen = {sizeof(seen), "seen", NULL, 0};

static int give_words(struct pawl_context *context, const struct pawl_value_type *type,
		      uint64_t number, uint64_t more, pawl_ref_t *ret_output)
{
	uint64_t words[2] = {number, more};
	struct pawl_value *value;
	int error = pawl_value_of(type, words, more ? 16 : 8, &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	return give_words(context, &number_type, number, 0, ret_output);
}

static uint64_t state_number(struct pawl_context *context, unsigned at)
{
	int64_t number;

	t_check(!fr_look(context, states[at], &number));
	return (uint64_t)number;
}

static void state_put(unsigned at, uint64_t number)
{
	t_check(!pawl_state_set(states[at], fr_value_of(&number_type, (int64_t)number)));
}

/* ---- functions --------------------------------------------------------------------------------- */

static struct pawl_atomic_u64 bodies;

struct args {
	uint64_t way;
};

static int input_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;

	pawl_add_relaxed(&bodies, UINT64_C(1));
	return give(context, state_number(context, (unsigned)args->way), ret_output);
}
static const struct pawl_function input = {sizeof(input),	"input", 1, 0, input_body,
					   sizeof(struct args), NULL,	 0};

/* All that a body can do, the same each time; adds up the inputs. */
static int sum_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	uint64_t sum = 0;
	int64_t number = 0;
	pawl_ref_t ref;
	int error = 0;

	(void)arg;
	pawl_add_relaxed(&bodies, UINT64_C(1));
	for (struct args one = {0}; one.way < STATES && !error; one.way++) {
		error = pawl_call(context, &input, &one, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &number);
		if (!error)
			error = pawl_emit(context, &seen, ref);
		sum += (uint64_t)number;
	}
	for (unsigned i = 0; i < 3 && !error; i++)
		error = give_words(context, &new_type, 1, (uintptr_t)&sum, &ref);
	return error ? error : give(context, sum, ret_output);
}
static const struct pawl_function sum = {sizeof(sum), "sum", 1, 0, sum_body, 0, NULL, 0};

static void count_one(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(uint64_t *)arg += count > 0;
}

/* Reads the collectibles as well, and fails where the state 3 is odd. */
static int top_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	uint64_t n = 0;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &sum, NULL, &ref);

	(void)arg;
	if (!error)
		error = pawl_peek(context, ref, &seen, count_one, &n);
	if (!error)
		error = fr_get(context, ref, 0, &number);
	if (error)
		return error;
	if (state_number(context, 3) % 2)
		return pawl_context_fail(context, "it is odd");
	return give(context, (uint64_t)number * 10 + n, ret_output);
}
static const struct pawl_function top = {sizeof(top), "top", 1, 0, top_body, 0, NULL, 0};

/* What is not the same each time. */
enum way {
	VALUE,
	COUNT,
	TYPE,
	CALLS_MORE,
	CALLS_LESS,
	READS_MORE,
	READS_LESS,
	PEEKS,
	EMITS,
	OUTPUT,
	FAILS,
	FAILS_OTHERWISE,
	EXITS,
	ADDRESS,
	ORDER,
	HASHED,
	ENCODED,
	WAYS,
	/* What is not compared. */
	STATEFUL = WAYS,
	OWN_CELL,
	UNTRACKED,
	DETACHES,
	FINISHED,
	LATER,
};

static struct pawl_atomic_u64 turns[32]; /* of each way */

static int detached(struct pawl_context *context, void *arg)
{
	pawl_ref_t ref;

	return give(context, (uintptr_t)arg, &ref);
}

static int call_input(struct pawl_context *context, uint64_t which, pawl_ref_t *ret_ref)
{
	const struct args one = {which};

	return pawl_call(context, &input, &one, ret_ref);
}

static const struct pawl_argument later_arguments[] = {{PAWL_ARGUMENT_REF, 0, 0},
						       {PAWL_ARGUMENT_DATA, 8, 8}};
struct later_args {
	pawl_ref_t ref;
	uint64_t number;
};

static int later_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct later_args *args = arg;

	return give(context, args->number, ret_output);
}
static const struct pawl_function later = {
	sizeof(later),	 "later", 1, 0, later_body, sizeof(struct later_args),
	later_arguments, 2};

static int varies_cells(struct pawl_context *context, enum way way, uint64_t turn,
			pawl_ref_t *ret_output)
{
	switch (way) {
	case VALUE:
		return give(context, turn, ret_output);
	case COUNT:
		for (uint64_t i = 0; i < turn; i++)
			(void)!give(context, i, ret_output);
		return give(context, 1, ret_output);
	case TYPE:
		return give_words(context, turn % 2 ? &number_type : &hashed_type, 1, 0,
				  ret_output);
	case ADDRESS:
		return give_words(context, &address_type, 1, 0, ret_output);
	case ORDER:
		return give_words(context, &order_type, 1, turn, ret_output);
	case HASHED:
		return give_words(context, &hashed_type, turn, 0, ret_output);
	default:
		return give_words(context, &encoded_type, 1, 0, ret_output);
	}
}

static int varies_edges(struct pawl_context *context, enum way way, uint64_t turn,
			pawl_ref_t *ret_output)
{
	bool is_first = turn % 2, more = way == CALLS_MORE || way == READS_MORE;
	uint64_t n = 0;
	int64_t number;
	pawl_ref_t refs[2];
	int error = call_input(context, 0, &refs[0]);

	if (!error && (way == READS_MORE || way == READS_LESS || is_first != more))
		error = call_input(context, 1, &refs[1]);
	if (!error && (way == READS_MORE || way == READS_LESS) && is_first != more)
		error = fr_get(context, refs[1], 0, &number);
	if (!error && way == PEEKS && is_first)
		error = pawl_peek(context, refs[0], &seen, count_one, &n);
	return error ? error : give(context, 1, ret_output);
}

static int varies_ends(struct pawl_context *context, enum way way, uint64_t turn,
		       pawl_ref_t *ret_output)
{
	pawl_ref_t refs[2];
	int error = give(context, 1, &refs[0]);

	if (!error)
		error = give(context, 2, &refs[1]);
	if (error)
		return error;
	*ret_output = refs[way == OUTPUT ? turn % 2 : 0];
	if (way == EMITS)
		return pawl_emit(context, &seen, refs[turn % 2]);
	if (way == FAILS)
		return turn % 2 ? 0 : -EIO;
	if (way == FAILS_OTHERWISE)
		return pawl_context_fail(context, "turn %llu", (unsigned long long)turn % 2);
	if (way == EXITS && !(turn % 2))
		pawl_exit(-EIO, "in the second turn");
	return 0;
}

static int varies_uncompared(struct pawl_context *context, enum way way, uint64_t turn,
			     pawl_ref_t *ret_output)
{
	struct later_args args = {.number = turn};
	struct pawl_value *own;
	int64_t number;
	pawl_ref_t ref;
	int error = give(context, turn, ret_output);

	if (error)
		return error;
	switch (way) {
	case STATEFUL:
		pawl_mark_stateful(context);
		return 0;
	case OWN_CELL:
		error = pawl_own_cell(context, *ret_output, &own);
		if (!error)
			pawl_value_unpin(own);
		return error;
	case UNTRACKED:
		error = call_input(context, 0, &ref);
		return error ? error : fr_get(context, ref, PAWL_READ_UNTRACKED, &number);
	case DETACHES:
		return pawl_detach(context, detached, (void *)(uintptr_t)turn, NULL);
	case FINISHED:
		pawl_mark_finished(context);
		return 0;
	default:
		error = call_input(context, 0, &args.ref);
		if (!error)
			error = pawl_call(context, &later, &args, ret_output);
		return error;
	}
}

static int varies_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	enum way way = (enum way)((const struct args *)arg)->way;
	uint64_t turn = pawl_add_relaxed(&turns[way], UINT64_C(1)) + 1;

	*ret_output = PAWL_REF_NONE;
	switch (way) {
	case VALUE:
	case COUNT:
	case TYPE:
	case ADDRESS:
	case ORDER:
	case HASHED:
	case ENCODED:
		return varies_cells(context, way, turn, ret_output);
	case CALLS_MORE:
	case CALLS_LESS:
	case READS_MORE:
	case READS_LESS:
	case PEEKS:
		return varies_edges(context, way, turn, ret_output);
	case OUTPUT:
	case EMITS:
	case FAILS:
	case FAILS_OTHERWISE:
	case EXITS:
		return varies_ends(context, way, turn, ret_output);
	default:
		return varies_uncompared(context, way, turn, ret_output);
	}
}
static const struct pawl_function varies = {sizeof(varies),	 "varies", 1, 0, varies_body,
					    sizeof(struct args), NULL,	   0};

/* It reads nothing, once; then what it likes. */
static struct pawl_atomic_u32 moody_way; /* 0: nothing; 1: an input; 2: another output */

static int moody_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	unsigned way = pawl_load_relaxed(&moody_way);
	int64_t number;
	pawl_ref_t ref;
	int error = 0;

	(void)arg;
	pawl_add_relaxed(&bodies, UINT64_C(1));
	if (way == 1) {
		error = call_input(context, 0, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &number);
	}
	if (!error)
		error = give(context, 1, ret_output);
	if (!error && way == 2)
		error = give(context, 2, ret_output);
	return error;
}
static const struct pawl_function moody = {sizeof(moody), "moody", 1,	 0,
					   moody_body,	  0,	   NULL, 0};

/* Invalidates itself in its first run, and waits in its second. */
static struct pawl_atomic_u32 gate, at_gate, restless_runs;

static int restless_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	unsigned run = pawl_add_relaxed(&restless_runs, 1u) + 1;
	struct pawl_invalidator invalidator;
	pawl_ref_t ref;
	int error = pawl_context_invalidator(context, &invalidator);

	(void)arg;
	if (!error)
		error = call_input(context, run % 2, &ref);
	if (error)
		return error;
	if (run == 1)
		pawl_invalidate(&invalidator, 1);
	pawl_store_release(&at_gate, run);
	while (run == 2 && !pawl_load_acquire(&gate))
		if (pawl_yield())
			return -ECANCELED;
	return give(context, run, ret_output);
}
static const struct pawl_function restless = {sizeof(restless), "restless", 1,	  0,
					      restless_body,	0,	    NULL, 0};

static const struct pawl_function *const functions[] = {&input, &sum,	&top,	  &varies,
							&later, &moody, &restless};
static const struct pawl_value_type *const types[] = {&number_type, &address_type, &order_type,
						      &hashed_type, &encoded_type, &new_type};
static const struct pawl_trait *const traits[] = {&seen};

/* ---- engines -------------------------------------------------------------------------------------- */

static struct pawl_engine_options options_of(uint32_t checks, const char *names)
{
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	options.log = log_line;
	options.checks = checks;
	options.check_functions = names;
	return options;
}

static void up_with(struct pawl_engine_options options)
{
	fr_told_clear();
	pawl_store_relaxed(&bodies, UINT64_C(0));
	pawl_store_relaxed(&moody_way, 0u);
	pawl_store_relaxed(&restless_runs, 0u);
	pawl_store_relaxed(&gate, 0u);
	pawl_store_relaxed(&at_gate, 0u);
	for (unsigned i = 0; i < FR_N(turns); i++)
		pawl_store_relaxed(&turns[i], UINT64_C(0));
	fr_open(options);
	for (unsigned i = 0; i < STATES; i++)
		states[i] = fr_state(fr_value_of(&number_type, 0));
}

static void up(uint32_t checks, const char *names)
{
	up_with(options_of(checks, names));
}

struct asking {
	const struct pawl_function *function;
	struct args args;
	uint32_t flags;
	uint64_t number;
	pawl_ref_t ref;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct asking *asking = arg;
	struct pawl_value *value;
	int error = pawl_call(context, asking->function, &asking->args, &asking->ref);

	if (!error)
		error = pawl_read(context, asking->ref, asking->flags, &value, NULL);
	if (!error && value)
		asking->number = (uint64_t)fr_take(value);
	return error;
}

static int ask_for(const struct pawl_function *function, uint64_t way, uint64_t *ret_number)
{
	struct asking asking = {.function = function, .args = {way}, .flags = PAWL_READ_STRONG};
	int error = pawl_engine_run(fr_engine, ask_visit, &asking);

	if (ret_number)
		*ret_number = asking.number;
	return error;
}

static uint64_t asked(const struct pawl_function *function)
{
	uint64_t number = 0;

	assert_int_equal(ask_for(function, 0, &number), 0);
	return number;
}

/* ---- determinism ------------------------------------------------------------------------------------ */

/* All runs twice, nothing differs, and all is as if it had run once. */
static void case_same(void **unused)
{
	struct pawl_engine_stats stats;
	uint64_t number;

	(void)unused;
	up(PAWL_CHECK_DETERMINISM, NULL);
	for (unsigned i = 0; i < 20; i++) {
		state_put(i % STATES, 2 * i);
		(void)!ask_for(&top, 0, &number);
		fr_settle();
	}
	pawl_engine_stats_read(fr_engine, &stats);
	assert_int_equal(stats.tasks, STATES + 2);
	/* Of each change: one input, the sum, and what reads that. */
	assert_int_equal(asked(&top), (36 + 38 + 34 + 32) * 10 + STATES);
	assert_int_equal(fr_told_take(""), 0);
	(void)pawl_xchg_relaxed(&bodies, UINT64_C(0));
	state_put(0, 100);
	(void)asked(&sum);
	assert_int_equal(pawl_load_relaxed(&bodies), 4);
	/* The same error. */
	state_put(3, 1);
	assert_int_equal(ask_for(&top, 0, NULL), -PAWL_ETASK);
	assert_int_equal(fr_told_take(""), 0);
	fr_down();
}

static const char *const differences[WAYS] = {
	[VALUE] = "cell 0 of type number differs: 8 bytes with digest ",
	[COUNT] = "it made 2 cells of type number, then 3",
	[TYPE] = "it made 1 cells of type number, then 0",
	[CALLS_MORE] = "it calls input with arguments with which it did not the first time",
	[CALLS_LESS] = "it called input(), and then did not",
	[READS_MORE] = "it read the output of input(), which it did not the first time",
	[READS_LESS] = "it read the output of input(), and then did not",
	[PEEKS] = "and then did not",
	[EMITS] = "it emitted something else",
	[OUTPUT] = "its output leads to ",
	[FAILS] = "it returned 0, then -5",
	[FAILS_OTHERWISE] = "it failed with \"turn 1\", then with \"turn 0\"",
	[EXITS] = "it returned 0, then -",
	[ADDRESS] = "cell 0 of type address is equal, and has another digest",
	[ORDER] = "cell 0 of type order is equal, and has another digest",
	[HASHED] = "cell 0 of type hashed differs",
	[ENCODED] = "cell 0 of type encoded is equal, and would be saved as other bytes",
};

static void case_differs(void **unused)
{
	(void)unused;
	up(PAWL_CHECK_DETERMINISM, "all");
	for (unsigned way = 0; way < WAYS; way++) {
		int error = ask_for(&varies, way, NULL);

		fr_settle();
		/* The first time counts. */
		assert_int_equal(error, way == FAILS_OTHERWISE ? -PAWL_ETASK : 0);
		if (!has_told(differences[way]))
			fail_msg("way %u: \"%s\" is not in \"%s\"", way, differences[way],
				 fr_told);
		assert_int_equal(fr_told_take("engine.determinism: varies#"), 1);
	}
	fr_down();
}

/* The value is told, where its type can say it. */
static void case_words(void **unused)
{
	(void)unused;
	up(PAWL_CHECK_DETERMINISM, "varies");
	assert_int_equal(ask_for(&varies, VALUE, NULL), 0);
	assert_true(has_told(": the number 1; then 8 bytes with digest "));
	assert_true(has_told(": the number 2"));
	assert_true(has_told(", a call of varies("));
	fr_down();
}

static void case_uncompared(void **unused)
{
	(void)unused;
	up(PAWL_CHECK_DETERMINISM, NULL);
	for (unsigned way = STATEFUL; way <= LATER; way++) {
		/* Of arguments that are there already it calls itself, not beside its body. */
		if (way == LATER)
			state_put(0, 1);
		(void)!ask_for(&varies, way, NULL);
		fr_settle();
		if (way == LATER ? fr_told_now() > 1 : fr_told_now())
			fail_msg("way %u: %s", way, fr_told);
	}
	/* By name. */
	fr_down();
	up(PAWL_CHECK_DETERMINISM, "sum,input,vary,variesx");
	assert_int_equal(ask_for(&varies, VALUE, NULL), 0);
	(void)asked(&sum);
	assert_int_equal(pawl_load_relaxed(&turns[VALUE]), 1);
	assert_int_equal(pawl_load_relaxed(&bodies), 2 * (STATES + 1));
	assert_int_equal(fr_told_take(""), 0);
	fr_down();
}

static void editor(void *arg)
{
	unsigned n = *(unsigned *)arg;

	for (unsigned i = 1; i <= n; i++)
		state_put(i % STATES, i);
}

/* A run that is stale is not compared: what changes between its two times is no difference. */
static void case_edits(void **unused)
{
	unsigned n = t_scaled(5000);
	struct t_thread *thread;

	(void)unused;
	up(PAWL_CHECK_DETERMINISM, NULL);
	thread = t_thread_start(editor, &n);
	for (unsigned i = 0; i < t_scaled(500); i++)
		(void)!ask_for(&top, 0, NULL);
	t_thread_join(thread);
	fr_settle();
	if (fr_told_now())
		fail_msg("%s", fr_told);
	fr_down();
}

static int root_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	return give(context, pawl_add_relaxed(&bodies, UINT64_C(1)), ret_output);
}

/* Tasks that have no name are of all; they can be disposed of, and engines be closed. */
static void case_roots(void **unused)
{
	pawl_ref_t root;

	(void)unused;
	up(PAWL_CHECK_DETERMINISM, NULL);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, NULL, NULL, &root), 0);
	fr_settle();
	assert_int_equal(fr_told_take("engine.determinism: root#t"), 1);
	assert_int_equal(pawl_engine_dispose_root(fr_engine, root), 0);
	fr_settle();
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, NULL, NULL, &root), 0);
	/* While it may be in either time. */
	fr_close();
}

/* ---- what is immutable ---------------------------------------------------------------------------------- */

/* Reads it to the last: its value goes, and the next one has it brought back. */
static void read_to_the_last(pawl_ref_t *ret_ref)
{
	struct asking asking = {.function = &moody, .flags = PAWL_READ_FINAL};

	assert_int_equal(pawl_engine_run(fr_engine, ask_visit, &asking), 0);
	*ret_ref = asking.ref;
}

static void case_immutable(void **unused)
{
	struct pawl_invalidator invalidator;
	pawl_ref_t ref;

	(void)unused;
	up(PAWL_CHECK_IMMUTABLE, NULL);
	read_to_the_last(&ref);
	read_to_the_last(&ref);
	fr_settle();
	assert_int_equal(pawl_load_relaxed(&bodies), 2);
	assert_int_equal(fr_told_take(""), 0);
	pawl_store_relaxed(&moody_way, 1u);
	read_to_the_last(&ref);
	fr_settle();
	assert_int_equal(fr_told_take(
				 "engine.immutable: moody#1 was said never to change, and has "
				 "read what may"),
			 1);
	fr_down();
	up(PAWL_CHECK_IMMUTABLE, NULL);
	read_to_the_last(&ref);
	pawl_store_relaxed(&moody_way, 2u);
	read_to_the_last(&ref);
	fr_settle();
	assert_int_equal(fr_told_take("engine.immutable: moody#1 was said never to change, and "
				      "gives something else"),
			 1);
	fr_down();
	/* An invalidator that it did not take. */
	up(PAWL_CHECK_IMMUTABLE, NULL);
	read_to_the_last(&ref);
	invalidator = (struct pawl_invalidator){fr_engine->graph, eng_ref_task(ref)};
	pawl_invalidate(&invalidator, 1);
	fr_settle();
	assert_int_equal(fr_told_take(
				 "engine.immutable: moody#1 was said never to change, and has "
				 "to run because it was invalidated"),
			 1);
	fr_down();
	/* Nobody asks: nothing is told, nothing runs. */
	up(0, NULL);
	read_to_the_last(&ref);
	invalidator = (struct pawl_invalidator){fr_engine->graph, eng_ref_task(ref)};
	pawl_invalidate(&invalidator, 1);
	fr_down();
	assert_int_equal(fr_told_take(""), 0);
}

/* ---- stale runs --------------------------------------------------------------------------------------------- */

static void asker(void *arg)
{
	t_check(!ask_for(&restless, 0, arg));
}

/* Does it have an output while it runs for the second time? */
static bool has_output(void)
{
	struct eng_node *node = eng_lock(fr_engine->graph, 1);
	bool has = node->output;

	eng_unlock(node);
	return has;
}

static void stale(uint32_t checks, bool ended)
{
	struct pawl_engine_stats stats;
	struct t_thread *thread;
	uint64_t number = 0;

	up(checks, NULL);
	thread = t_thread_start(asker, &number);
	t_wait_until(pawl_load_acquire(&at_gate) == 2);
	assert_int_equal(has_output(), ended);
	pawl_store_release(&gate, 1u);
	t_thread_join(thread);
	assert_int_equal(number, 2);
	fr_settle();
	pawl_engine_stats_read(fr_engine, &stats);
	assert_int_equal(stats.stale_runs, 1);
	assert_int_equal(pawl_load_relaxed(&restless_runs), 2);
	fr_down();
}

static void case_stale(void **unused)
{
	(void)unused;
	stale(0, false);
	stale(PAWL_CHECK_STALE, true);
}

/* The same values as ever, whatever is edited meanwhile. */
static void case_stale_edits(void **unused)
{
	unsigned n = t_scaled(5000);
	struct t_thread *thread;
	uint64_t expected = 0;

	(void)unused;
	up(PAWL_CHECK_STALE, NULL);
	thread = t_thread_start(editor, &n);
	for (unsigned i = 0; i < t_scaled(500); i++)
		(void)!ask_for(&top, 0, NULL);
	t_thread_join(thread);
	for (unsigned i = 0; i < STATES; i++)
		state_put(i, 2 * i);
	for (unsigned i = 0; i < STATES; i++)
		expected += 2 * i;
	assert_int_equal(asked(&top), expected * 10 + STATES);
	fr_down();
}

/* ---- why tasks have to run ------------------------------------------------------------------------------------ */

static void case_dirty(void **unused)
{
	(void)unused;
	up(PAWL_CHECK_DIRTY, NULL);
	(void)asked(&top);
	fr_settle();
	(void)fr_told_take("engine.dirty: ");
	state_put(0, 2);
	(void)asked(&top);
	fr_settle();
	assert_true(has_told("engine.dirty: input#"));
	assert_true(has_told(" has to run because it was invalidated") ||
		    has_told(" has to run because a state of type "));
	assert_true(has_told("engine.dirty: sum#"));
	assert_true(has_told(" has to run because cell 0 of type number of input#"));
	assert_true(has_told("engine.dirty: top#"));
	assert_int_equal(fr_told_take("engine.dirty: "), 3);
	fr_down();
	up(PAWL_CHECK_DIRTY, NULL);
	pawl_store_release(&gate, 1u);
	assert_int_equal(ask_for(&restless, 0, NULL), 0);
	fr_settle();
	assert_true(has_told("engine.dirty: restless#1 has to run again after this run because "
			     "it was invalidated by restless#1"));
	fr_down();
}

static void editing_log(void *arg, enum pawl_severity severity, const char *line)
{
	log_line(arg, severity, line);
	/* Who is told may make an edit. */
	if (strstr(line, "engine.dirty: input#") && state_number(NULL, 2) < 10)
		state_put(2, state_number(NULL, 2) + 1);
}

static void case_dirty_edits(void **unused)
{
	struct pawl_engine_options options = options_of(PAWL_CHECK_DIRTY, NULL);

	(void)unused;
	options.log = editing_log;
	up_with(options);
	(void)asked(&sum);
	state_put(0, 1);
	(void)asked(&sum);
	fr_settle();
	assert_true(has_told("engine.dirty: input#"));
	fr_down();
}

/* ---- options --------------------------------------------------------------------------------------------------- */

static void flags_are(struct pawl_engine_options options, uint32_t flags)
{
	up_with(options);
	assert_int_equal(fr_engine->graph->checks ? fr_engine->graph->checks->flags : 0, flags);
	fr_down();
}

static void case_options(void **unused)
{
	struct pawl_engine_options options = options_of(16, NULL);

	(void)unused;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), -EINVAL);
	flags_are(options_of(0, NULL), 0);
	assert_int_equal(setenv("PAWL_CHECK_DETERMINISM", "varies", 1), 0);
	flags_are(options_of(0, NULL), PAWL_CHECK_DETERMINISM);
	flags_are(options_of(PAWL_CHECK_STALE, NULL),
		  PAWL_CHECK_STALE | PAWL_CHECK_DETERMINISM);
	up(0, NULL);
	assert_int_equal(ask_for(&varies, VALUE, NULL), 0);
	(void)asked(&sum);
	assert_int_equal(pawl_load_relaxed(&turns[VALUE]), 2);
	assert_int_equal(pawl_load_relaxed(&bodies), STATES + 1);
	fr_down();
	assert_int_equal(setenv("PAWL_CHECK_DETERMINISM", "", 1), 0);
	assert_int_equal(setenv("PAWL_CHECK_IMMUTABLE", "1", 1), 0);
	assert_int_equal(setenv("PAWL_CHECK_STALE", "0", 1), 0);
	assert_int_equal(setenv("PAWL_CHECK_DIRTY", "yes", 1), 0);
	flags_are(options_of(0, NULL), PAWL_CHECK_IMMUTABLE);
	assert_int_equal(unsetenv("PAWL_CHECK_DETERMINISM"), 0);
	assert_int_equal(unsetenv("PAWL_CHECK_IMMUTABLE"), 0);
	assert_int_equal(unsetenv("PAWL_CHECK_STALE"), 0);
	assert_int_equal(unsetenv("PAWL_CHECK_DIRTY"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_same),	    cmocka_unit_test(case_differs),
		cmocka_unit_test(case_words),	    cmocka_unit_test(case_uncompared),
		cmocka_unit_test(case_edits),	    cmocka_unit_test(case_roots),
		cmocka_unit_test(case_immutable),   cmocka_unit_test(case_stale),
		cmocka_unit_test(case_stale_edits), cmocka_unit_test(case_dirty),
		cmocka_unit_test(case_dirty_edits), cmocka_unit_test(case_options),
	};

	return t_run("modes", tests);
}
