/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-cells.c - cells: parts of maps and sets by key, digests, values that are kept as they are,
 * types that change.
 */
#include "conform.h"

static struct pawl_atomic_u32 ran[8];

struct one_ref {
	pawl_ref_t ref;
};

/* ---- invalidation :: invalidation_map, invalidation_set ------------------------------------ */

/* A value is a list of these; a set is a map where all values are 1. */
struct entry {
	uint64_t key;
	int64_t value;
};

static int64_t look_up(const void *payload, size_t bytes, uint64_t key)
{
	const struct entry *entries = payload;

	for (size_t i = 0; i < bytes / sizeof(*entries); i++) {
		if (entries[i].key == key)
			return entries[i].value;
	}
	return -1;
}

static uint64_t key_hash(uint64_t key)
{
	return pawl_hash_bytes(&key, sizeof(key), 0);
}

static void map_changed(const void *before, size_t before_bytes, const void *after,
			size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			void *arg)
{
	const struct entry *a = before, *b = after;

	for (size_t i = 0; i < before_bytes / sizeof(*a); i++) {
		if (look_up(after, after_bytes, a[i].key) != a[i].value)
			changed(arg, key_hash(a[i].key));
	}
	for (size_t i = 0; i < after_bytes / sizeof(*b); i++) {
		if (look_up(before, before_bytes, b[i].key) == -1)
			changed(arg, key_hash(b[i].key));
	}
}
static const struct pawl_value_type map_type = {.size = sizeof(map_type),
						.name = "map",
						.version = 1,
						.mode = PAWL_CELL_KEYED,
						.flags = PAWL_VALUE_PLAIN,
						.changed_keys = map_changed};

static const struct entry map_1[] = {{'a', 1}, {'b', 2}};
static const struct entry map_2[] = {{'a', 1}, {'b', 22}};
static const struct entry map_3[] = {{'c', 3}, {'b', 22}};
static const struct entry set_1[] = {{'a', 1}, {'b', 1}};
static const struct entry set_2[] = {{'e', 1}, {'a', 1}, {'b', 1}};
static const struct entry set_3[] = {{'c', 1}, {'b', 1}};

/* States 1 to 3: the maps; 4 to 6: the sets. */
static int map_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const struct {
		const struct entry *entries;
		size_t bytes;
	} maps[] = {{map_1, sizeof(map_1)}, {map_2, sizeof(map_2)}, {map_3, sizeof(map_3)},
		    {set_1, sizeof(set_1)}, {set_2, sizeof(set_2)}, {set_3, sizeof(set_3)}};
	const struct cf_state *state = args;
	struct pawl_value *value;
	int64_t step;
	int error = cf_state_get(context, *state, &step);

	if (!error)
		error = pawl_value_of(&map_type, maps[step - 1].entries, maps[step - 1].bytes,
				      &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(map, PAWL_FUNCTION_OPERATION, sizeof(struct cf_state));

struct wanted {
	pawl_ref_t map;
	uint64_t key;
};

static int value_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct wanted *wanted = args;
	struct pawl_value *value;
	int64_t found;
	int error = pawl_connect(context, wanted->map);

	cf_count(&ran[wanted->key - 'a']);
	if (!error)
		error = pawl_read_key(context, wanted->map, key_hash(wanted->key), &value,
				      NULL);
	if (error)
		return error;
	found = look_up(pawl_value_payload(value), pawl_value_bytes(value), wanted->key);
	pawl_value_unpin(value);
	return cf_give(context, found, ret_output);
}
static const struct pawl_argument value_of_arguments[] = {CF_REF(struct wanted, map),
							  CF_DATA(struct wanted, key)};
CF_FUNCTION_OF(value_of, PAWL_FUNCTION_OPERATION, struct wanted);

struct asked {
	struct cf_state state;
	uint64_t key;
};

static int ask_key_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct asked *asked = args;
	struct wanted wanted = {PAWL_REF_NONE, asked->key};
	int error = pawl_call(context, &map, &asked->state, &wanted.map);

	return error ? error : pawl_call(context, &value_of, &wanted, ret_output);
}
CF_FUNCTION(ask_key, PAWL_FUNCTION_OPERATION, sizeof(struct asked));

static const struct pawl_function *const keyed_functions[] = {&map, &value_of, &ask_key};
static const struct pawl_value_type *const keyed_types[] = {&map_type};
static const struct cf_tables keyed_tables = {keyed_functions, 3, keyed_types, 1, NULL, 0, 0};

/* Reads a, b and c, and says which of them ran. */
static void expect_keys(struct cf_state state, int64_t a, int64_t b, int64_t c,
			const char *who_ran)
{
	const int64_t expected[] = {a, b, c};

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(cf_ask(&ask_key, &(struct asked){state, 'a' + i}),
				 expected[i]);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(cf_counted(&ran[i]), strchr(who_ran, (int)('a' + i)) != NULL);
}

static void invalidation_map(unsigned run)
{
	struct cf_state state = cf_state_make(1);

	(void)run;
	expect_keys(state, 1, 2, -1, "abc");
	cf_state_set(state, 2);
	expect_keys(state, 1, 22, -1, "b");
	cf_state_set(state, 3);
	expect_keys(state, -1, 22, 3, "ac");
}

static void case_invalidation_map(void **state)
{
	(void)state;
	cf_thrice(&keyed_tables, invalidation_map);
}

static void invalidation_set(unsigned run)
{
	struct cf_state state = cf_state_make(4);

	/* After a restart the reader of b finds what it found before: the last set has it, too. */
	expect_keys(state, 1, 1, -1, cf_is_restored(run) ? "ac" : "abc");
	cf_state_set(state, 5);
	expect_keys(state, 1, 1, -1, "");
	cf_state_set(state, 6);
	expect_keys(state, -1, 1, 1, "ac");
}

static void case_invalidation_set(void **state)
{
	(void)state;
	cf_thrice(&keyed_tables, invalidation_set);
}

/* ---- hashed_cell_mode ------------------------------------------------------------------------ */

struct noisy {
	int64_t value, noise;
};

static struct pawl_digest noisy_digest(const void *payload, size_t bytes)
{
	const struct noisy *noisy = payload;

	(void)bytes;
	return pawl_digest_bytes(&noisy->value, sizeof(noisy->value));
}
static const struct pawl_value_type noisy_type = {.size = sizeof(noisy_type),
						  .name = "noisy",
						  .version = 1,
						  .mode = PAWL_CELL_HASHED,
						  .digest = noisy_digest};

static int producer_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static struct pawl_atomic_u32 serial;
	const struct cf_state *state = args;
	struct noisy noisy = {0, (int64_t)pawl_add_relaxed(&serial, 1u)};
	struct pawl_value *value;
	int error = cf_state_get(context, *state, &noisy.value);

	cf_count(&ran[0]);
	if (!error)
		error = pawl_value_of(&noisy_type, &noisy, sizeof(noisy), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(producer, 0, sizeof(struct cf_state));

/* `final`: the value leaves its cell. */
struct consumed {
	struct cf_state state;
	uint64_t final;
};

static int consumer_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct consumed *consumed = args;
	struct pawl_value *value;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &producer, &consumed->state, &ref);

	cf_count(&ran[1]);
	if (!error)
		error = pawl_read(context, ref, consumed->final ? PAWL_READ_FINAL : 0, &value,
				  NULL);
	if (error)
		return error;
	number = ((const struct noisy *)pawl_value_payload(value))->value;
	pawl_value_unpin(value);
	return cf_give(context, number, ret_output);
}
CF_FUNCTION(consumer, PAWL_FUNCTION_OPERATION, sizeof(struct consumed));

static const struct pawl_function *const hashed_functions[] = {&producer, &consumer};
static const struct pawl_value_type *const hashed_types[] = {&noisy_type};
static const struct cf_tables hashed_tables = {
	hashed_functions, 2, hashed_types, 1, NULL, 0, 0};

static void hashed_change(unsigned run)
{
	struct consumed consumed = {cf_state_make(42), 0};

	(void)run;
	for (; consumed.final < 2; consumed.final++) {
		cf_state_set(consumed.state, 42);
		assert_int_equal(cf_ask(&consumer, &consumed), 42);
		(void)cf_counted(&ran[0]), (void)cf_counted(&ran[1]);
		cf_state_set(consumed.state, 99);
		assert_int_equal(cf_ask(&consumer, &consumed), 99);
		assert_int_equal(cf_counted(&ran[0]), 1);
		assert_int_equal(cf_counted(&ran[1]), 1);
	}
}

static void case_hashed_cell_mode_change(void **state)
{
	(void)state;
	cf_thrice(&hashed_tables, hashed_change);
}

/* An edit from 42 to 7 and to 42 again is none: the state is set to 43 and 42 while nobody looks. */
static void hashed_equal(unsigned run)
{
	struct consumed consumed = {cf_state_make(42), 0};

	(void)run;
	for (; consumed.final < 2; consumed.final++) {
		assert_int_equal(cf_ask(&consumer, &consumed), 42);
		(void)cf_counted(&ran[0]), (void)cf_counted(&ran[1]);
		cf_state_set(consumed.state, 43);
		cf_state_set(consumed.state, 42);
		assert_int_equal(cf_ask(&consumer, &consumed), 42);
		assert_int_equal(cf_counted(&ran[0]), 1);
		assert_int_equal(cf_counted(&ran[1]), 0);
	}
}

static void case_hashed_cell_mode_equal(void **state)
{
	(void)state;
	cf_thrice(&hashed_tables, hashed_equal);
}

/* ---- read_ref_cell :: read_ref ------------------------------------------------------------------- */

/* Something with a life of its own: cells hold its address. */
struct counter {
	struct pawl_lock lock;
	int64_t count;
	struct pawl_invalidator told[16];
	size_t told_n;
};
static struct counter counters[3];

static const struct pawl_value_type counter_type;

static void increment(struct counter *counter)
{
	struct pawl_invalidator told[16];
	size_t n;

	pawl_lock_lock(&counter->lock);
	counter->count++;
	n = counter->told_n;
	memcpy(told, counter->told, n * sizeof(*told));
	counter->told_n = 0;
	pawl_lock_unlock(&counter->lock);
	pawl_invalidate(told, n);
}

static int make_counter_body(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output)
{
	const uint64_t *run = args;
	struct counter *counter = &counters[*run];
	struct pawl_value *value;
	int error = pawl_value_of(&counter_type, &counter, sizeof(counter), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(make_counter, 0, sizeof(uint64_t));

/* Keep what is read, the value itself, in a cell of this task. */
static int keep_again(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		      pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int counter_ref_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &make_counter, args, &ref);

	return error ? error : keep_again(context, ref, 0, ret_output);
}
CF_FUNCTION(counter_ref, 0, sizeof(uint64_t));

static int count_of_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one_ref *self = args;
	struct pawl_invalidator invalidator;
	struct counter *counter;
	struct pawl_value *value;
	int64_t count;
	int error = pawl_read(context, self->ref, 0, &value, NULL);

	if (error)
		return error;
	memcpy(&counter, pawl_value_payload(value), sizeof(counter));
	pawl_value_unpin(value);
	/* With no lock held: it may be an operation. */
	t_check(!pawl_context_invalidator(context, &invalidator));
	pawl_lock_lock(&counter->lock);
	t_check(counter->told_n < CF_N(counter->told));
	counter->told[counter->told_n++] = invalidator;
	count = counter->count;
	pawl_lock_unlock(&counter->lock);
	return cf_give(context, count, ret_output);
}
static const struct pawl_argument count_of_arguments[] = {CF_REF(struct one_ref, ref)};
CF_FUNCTION_OF(count_of, 0, struct one_ref);

/* The same as a method. */
static const struct pawl_method counts_methods[] = {
	{"count", sizeof(struct one_ref), count_of_arguments, 1, NULL}};
static const struct pawl_trait counts = {sizeof(counts), "counts", counts_methods, 1};
static const struct pawl_function *const counter_methods[] = {&count_of};
static const struct pawl_implementation counter_has[] = {{&counts, counter_methods}};
static const struct pawl_value_type counter_type = {.size = sizeof(counter_type),
						    .name = "counter",
						    .version = 1,
						    .mode = PAWL_CELL_NEW,
						    .implementations = counter_has,
						    .implementations_n = 1};

struct counted {
	uint64_t run;
	uint64_t by_trait;
	uint64_t which; /* 0: the counter, 1: what it was kept as again, 2: the count, frozen */
};

static int counted_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct counted *counted = args;
	struct one_ref self;
	pawl_ref_t ref;
	int error = pawl_call(context, counted->which == 1 ? &counter_ref : &make_counter,
			      &counted->run, &self.ref);

	if (!error && counted->by_trait)
		error = pawl_call_method(context, &counts, 0, self.ref, NULL, &ref);
	else if (!error)
		error = pawl_call(context, &count_of, &self, &ref);
	if (error || counted->which < 2) {
		*ret_output = ref;
		return error;
	}
	return keep_again(context, ref, PAWL_READ_UNTRACKED, ret_output);
}
CF_FUNCTION(counted, 0, sizeof(struct counted));

static const struct pawl_function *const counter_functions[] = {&make_counter, &counter_ref,
								&count_of, &counted};
static const struct pawl_value_type *const counter_types[] = {&counter_type};
static const struct pawl_trait *const counter_traits[] = {&counts};
static const struct cf_tables counter_tables = {
	counter_functions, 4, counter_types, 1, counter_traits, 1, 0};

static void count_twice(unsigned run, uint64_t by_trait)
{
	struct counter *counter = &counters[run];
	struct counted of = {run, by_trait, 0}, again = {run, by_trait, 1},
		       frozen = {run, by_trait, 2};

	memset(counter, 0, sizeof(*counter));
	pawl_lock_init(&counter->lock, 0);
	assert_int_equal(cf_ask(&counted, &of), 0);
	increment(counter);
	assert_int_equal(cf_ask(&counted, &of), 1);
	assert_int_equal(cf_ask(&counted, &again), 1);
	assert_int_equal(cf_ask(&counted, &frozen), 1);
	increment(counter);
	assert_int_equal(cf_ask(&counted, &of), 2);
	assert_int_equal(cf_ask(&counted, &again), 2);
	assert_int_equal(cf_ask(&counted, &frozen), 1);
}

static void read_ref(unsigned run)
{
	count_twice(run, 0);
}

static void trait_ref(unsigned run)
{
	count_twice(run, 1);
}

static void case_trait_ref(void **state)
{
	(void)state;
	cf_thrice(&counter_tables, trait_ref);
}

static void case_read_ref(void **state)
{
	(void)state;
	cf_thrice(&counter_tables, read_ref);
}

/* ---- trait_ref_cell_mode :: shared, new ------------------------------------------------------------ */

static const struct pawl_value_type fresh_type = {
	.size = sizeof(fresh_type), .name = "fresh", .version = 1, .mode = PAWL_CELL_NEW};

struct piece {
	uint64_t which, run;
};

static int piece_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return cf_give(context, 17, ret_output);
}
CF_FUNCTION(piece, 0, sizeof(struct piece));

static int fresh_piece_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	static const int64_t number = 17;
	struct pawl_value *value;
	int error = pawl_value_of(&fresh_type, &number, sizeof(number), &value);

	(void)args;
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(fresh_piece, 0, sizeof(struct piece));

struct picked {
	struct cf_state state;
	uint64_t run, fresh;
};

/* Which of two equal values is kept again is up to the state. */
static int pick_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct picked *picked = args;
	struct piece of = {0, picked->run};
	int64_t which;
	pawl_ref_t ref;
	int error = cf_state_get(context, picked->state, &which);

	cf_count(&ran[0]);
	of.which = (uint64_t)which;
	if (!error)
		error = pawl_call(context, picked->fresh ? &fresh_piece : &piece, &of, &ref);
	return error ? error : keep_again(context, ref, 0, ret_output);
}
CF_FUNCTION(pick, 0, sizeof(struct picked));

static const struct pawl_function *const pick_functions[] = {&piece, &fresh_piece, &pick};
static const struct pawl_value_type *const pick_types[] = {&fresh_type};
static const struct cf_tables pick_tables = {pick_functions, 3, pick_types, 1, NULL, 0, 0};

struct seen {
	struct picked picked;
	struct pawl_value *value;
};

static int see(struct pawl_context *context, void *arg)
{
	struct seen *seen = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, &pick, &seen->picked, &ref);

	return error ? error : pawl_read(context, ref, PAWL_READ_STRONG, &seen->value, NULL);
}

static void same_value(unsigned run, bool fresh)
{
	struct seen first = {{cf_state_make(0), run, fresh}, NULL}, second = first;

	(void)cf_counted(&ran[0]);
	cf_visit(see, &first);
	cf_state_set(first.picked.state, 1);
	cf_visit(see, &second);
	assert_int_equal(cf_counted(&ran[0]), 2);
	if (fresh)
		assert_ptr_not_equal(first.value, second.value);
	else
		assert_ptr_equal(first.value, second.value);
	pawl_value_unpin(first.value);
	pawl_value_unpin(second.value);
}

static void shared_mode(unsigned run)
{
	same_value(run, false);
}

static void new_mode(unsigned run)
{
	same_value(run, true);
}

static void case_cell_mode_shared(void **state)
{
	(void)state;
	cf_thrice(&pick_tables, shared_mode);
}

static void case_cell_mode_new(void **state)
{
	(void)state;
	cf_thrice(&pick_tables, new_mode);
}

/* ---- generics :: test_changing_generic ---------------------------------------------------------------- */

static const struct pawl_value_type other_type = PAWL_VALUE_TYPE("other");
static struct pawl_invalidator changing_told;
static struct pawl_lock changing_lock = PAWL_LOCK_INIT;
static struct pawl_atomic_u32 changing_runs;

/* Not a function of its arguments: its cell is of one type, and of the other in the next run. */
static int changing_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const int64_t number = 42;
	struct pawl_value *value;
	bool odd = pawl_add_relaxed(&changing_runs, 1u) & 1;
	int error;

	(void)args;
	pawl_lock_lock(&changing_lock);
	t_check(!pawl_context_invalidator(context, &changing_told));
	pawl_lock_unlock(&changing_lock);
	error = pawl_value_of(odd ? &other_type : &cf_number, &number, sizeof(number), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
CF_FUNCTION(changing, PAWL_FUNCTION_OPERATION, 0);

static const struct pawl_function *const changing_functions[] = {&changing};
static const struct pawl_value_type *const changing_types[] = {&other_type};
static const struct cf_tables changing_tables = {
	changing_functions, 1, changing_types, 1, NULL, 0, 0};

struct turn {
	uint32_t task;
	const struct pawl_value_type *type;
};

static int resolve_it(struct pawl_context *context, void *arg)
{
	struct turn *turn = arg;
	struct pawl_value *value;
	pawl_ref_t ref, cell;
	int error = pawl_call(context, &changing, NULL, &ref);

	if (!error)
		error = pawl_resolve(context, ref, PAWL_READ_STRONG, &cell, NULL);
	if (!error)
		error = pawl_read(context, cell, 0, &value, NULL);
	if (error)
		return error;
	turn->task = (uint32_t)cell.pawl_bits;
	turn->type = pawl_value_type_of(value);
	pawl_value_unpin(value);
	return 0;
}

static void changing_generic(unsigned run)
{
	struct turn first = {0}, turn;

	(void)run;
	for (unsigned i = 0; i < 10; i++) {
		cf_visit(resolve_it, &turn);
		if (i)
			assert_ptr_not_equal(turn.type, first.type);
		if (i)
			assert_int_equal(turn.task, first.task);
		first = turn;
		pawl_invalidate(&changing_told, 1);
	}
	cf_visit(resolve_it, &turn);
}

static void case_changing_generic(void **state)
{
	(void)state;
	cf_thrice(&changing_tables, changing_generic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_invalidation_map),
		cmocka_unit_test(case_invalidation_set),
		cmocka_unit_test(case_hashed_cell_mode_change),
		cmocka_unit_test(case_hashed_cell_mode_equal),
		cmocka_unit_test(case_read_ref),
		cmocka_unit_test(case_trait_ref),
		cmocka_unit_test(case_cell_mode_shared),
		cmocka_unit_test(case_cell_mode_new),
		cmocka_unit_test(case_changing_generic),
	};

	return cf_run("conform-cells", tests);
}
