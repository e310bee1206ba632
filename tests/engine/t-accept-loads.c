/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-accept-loads.c - the incremental engine under what is long, wide or many: a chain of very many tasks, very many that
 * wait for one, or that are told of one change, entries added one by one; and what the audit of sums says where an edge is
 * missing. Costs are counted, in runs, calls of the allocator and bytes, and never timed. Full sizes in check-long.
 */
#include "frame.h"

#include <stdlib.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/pairs.h"

#define SLOW (T_TSAN || T_ASAN)

static struct pawl_state *input;
static struct pawl_atomic_u64 runs;

struct one {
	uint64_t n;
};

static unsigned many(unsigned quick, unsigned full)
{
	return t_scaled(SLOW ? quick / 10 : t_long() ? full : quick);
}

static int look(struct pawl_context *context, int64_t *ret_number)
{
	return fr_look(context, input, ret_number);
}

static void ran(void)
{
	pawl_add_relaxed(&runs, UINT64_C(1));
}

static uint64_t ran_now(void)
{
	return pawl_xchg_relaxed(&runs, UINT64_C(0));
}

/* ---- a chain: each reads the one before, the first one the state -------------------------------- */

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output);
static const struct pawl_function chain = {sizeof(chain),      "chain", 1, 0, chain_body,
					   sizeof(struct one), NULL,	0};

static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct one before = {one->n - 1};
	int64_t number = 0;
	pawl_ref_t ref;
	int error;

	ran();
	if (!one->n) {
		error = look(context, &number);
	} else {
		error = pawl_call(context, &chain, &before, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &number);
	}
	if (!(one->n % 1000))
		t_step();
	return error ? error : fr_give(context, number + 1, ret_output);
}

/* ---- many that wait for one -------------------------------------------------------------------------- */

static struct pawl_atomic_u32 arrived;
static struct fr_gate gate;

/* Waits until all have come who are to wait for it. */
static int awaited_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number = 0;
	int error = look(context, &number);

	(void)args;
	ran();
	if (!error)
		error = fr_gate_pass(&gate);
	return error ? error : fr_give(context, number, ret_output);
}
static const struct pawl_function awaited = {sizeof(awaited), "awaited", 1,    0,
					     awaited_body,    0,	 NULL, 0};

static int waiter_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number = 0;
	pawl_ref_t ref;
	int error = pawl_call(context, &awaited, NULL, &ref);

	ran();
	if (!(pawl_add_acq_rel(&arrived, 1u) % 1000))
		t_step();
	if (!error)
		error = fr_get(context, ref, 0, &number);
	return error ? error : fr_give(context, number + (int64_t)one->n, ret_output);
}
static const struct pawl_function waiter = {sizeof(waiter), "waiter",		1,    0,
					    waiter_body,    sizeof(struct one), NULL, 0};

/* Calls all of them; reads them when all have been called. */
static int waiters_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	pawl_ref_t *refs = calloc(one->n, sizeof(*refs));
	int64_t sum = 0, number = 0;
	int error = refs ? 0 : -ENOMEM;

	for (uint64_t i = 0; i < one->n && !error; i++)
		error = pawl_call(context, &waiter, &(struct one){i}, &refs[i]);
	for (uint64_t i = 0; i < one->n && !error; i++) {
		error = fr_get(context, refs[i], 0, &number);
		sum += number;
	}
	free(refs);
	return error ? error : fr_give(context, sum, ret_output);
}
static const struct pawl_function waiters = {
	sizeof(waiters), "waiters",	     1,	   PAWL_FUNCTION_ROOT,
	waiters_body,	 sizeof(struct one), NULL, 0};

/* ---- many that read one state ------------------------------------------------------------------------- */

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int64_t number = 0;
	int error = look(context, &number);

	ran();
	return error ? error : fr_give(context, number + (int64_t)one->n, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",		1,    0,
					    reader_body,    sizeof(struct one), NULL, 0};

static int readers_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	int error = 0;

	for (uint64_t i = 0; i < one->n && !error; i++) {
		pawl_ref_t ref;

		error = pawl_call(context, &reader, &(struct one){i}, &ref);
		if (!(i % 1000))
			t_step();
	}
	return error ? error : fr_give(context, (int64_t)one->n, ret_output);
}
static const struct pawl_function readers = {
	sizeof(readers), "readers",	     1,	   PAWL_FUNCTION_ROOT,
	readers_body,	 sizeof(struct one), NULL, 0};

/* ---- a collection, and who reads one entry of it ----------------------------------------------------- */

/* A value is the first so many entries of what only grows. */
struct list {
	uint64_t n;
};

static int64_t entry_of(const struct list *list, uint64_t key)
{
	return key < list->n ? (int64_t)(key * 3 + 1) : -1;
}

static uint64_t key_hash(uint64_t key)
{
	return pawl_hash_bytes(&key, sizeof(key), 0);
}

/* In the time of what has come: the entries before are those of the other. */
static void list_changed(const void *before, size_t before_bytes, const void *after,
			 size_t after_bytes, void (*changed)(void *arg, uint64_t key_hash),
			 void *arg)
{
	const struct list *a = before, *b = after;

	(void)before_bytes;
	(void)after_bytes;
	for (uint64_t key = a->n; key < b->n; key++)
		changed(arg, key_hash(key));
}
static const struct pawl_value_type list_type = {.size = sizeof(list_type),
						 .name = "list",
						 .version = 1,
						 .mode = PAWL_CELL_KEYED,
						 .changed_keys = list_changed};

static int list_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct list list = {0};
	struct pawl_value *value;
	int64_t number = 0;
	int error = look(context, &number);

	(void)args;
	ran();
	list.n = (uint64_t)number;
	if (!error)
		error = pawl_value_of(&list_type, &list, sizeof(list), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function list = {sizeof(list), "list", 1, 0, list_body, 0, NULL, 0};

static int entry_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct one *one = args;
	struct pawl_value *value;
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &list, NULL, &ref);

	ran();
	if (!error)
		error = pawl_read_key(context, ref, key_hash(one->n), &value, NULL);
	if (error)
		return error;
	number = entry_of(pawl_value_payload(value), one->n);
	pawl_value_unpin(value);
	return fr_give(context, number, ret_output);
}
static const struct pawl_function entry = {sizeof(entry),      "entry", 1, 0, entry_body,
					   sizeof(struct one), NULL,	0};

/* ---- one of everything that an audit looks at ----------------------------------------------------------- */

static const struct pawl_trait mark = {sizeof(mark), "mark", NULL, 0};

static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = reader_body(context, args, ret_output);

	return error ? error : pawl_emit(context, &mark, *ret_output);
}
static const struct pawl_function emits = {sizeof(emits),      "emits", 1, 0, emits_body,
					   sizeof(struct one), NULL,	0};

static int session_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_mark_session_dependent(context);
	return reader_body(context, args, ret_output);
}
static const struct pawl_function session = {sizeof(session), "session",	  1,	0,
					     session_body,    sizeof(struct one), NULL, 0};

static void counts(void *arg, pawl_ref_t ref, int32_t count)
{
	(void)ref;
	*(int64_t *)arg += count;
}

/* A long chain, which several aggregate; entries, a leaf of the session, and what is emitted. */
static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t sum = 0, number = 0;
	pawl_ref_t ref;
	int error = 0;

	(void)args;
	for (uint64_t i = 0; i < 6 && !error; i++) {
		static const struct pawl_function *const functions[] = {
			&emits, &session, &entry, &chain, &reader, &chain};
		struct one one = {functions[i] == &chain ? 40 + i : i};

		error = pawl_call(context, functions[i], &one, &ref);
		if (!error)
			error = fr_get(context, ref, 0, &number);
		sum += number;
	}
	if (!error)
		error = pawl_call(context, &emits, &(struct one){0}, &ref);
	if (!error)
		error = pawl_peek(context, ref, &mark, counts, &sum);
	return error ? error : fr_give(context, sum, ret_output);
}
static const struct pawl_function all = {sizeof(all), "all", 1,	   PAWL_FUNCTION_ROOT,
					 all_body,    0,     NULL, 0};

/* ---- an engine --------------------------------------------------------------------------------------- */

static void up(uint32_t workers)
{
	static const struct pawl_function *const functions[] = {&chain,	  &awaited, &waiter,
								&waiters, &reader,  &readers,
								&list,	  &entry,   &emits,
								&session, &all};
	static const struct pawl_value_type *const types[] = {&fr_number, &list_type};
	static const struct pawl_trait *const traits[] = {&mark};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	pawl_init_word(&runs, UINT64_C(0));
	pawl_init_word(&arrived, 0u);
	fr_gate_init(&gate);
	options.workers = workers;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	FR_LIST(options, traits);
	options.verify = PAWL_VERIFY_NEVER;
	fr_open(options);
	input = fr_state(fr_value(0));
}

static void set(int64_t number)
{
	assert_int_equal(pawl_state_set(input, fr_value(number)), 0);
	t_step();
}

/* ---- cases --------------------------------------------------------------------------------------------- */

/* Built from its end, made dirty at its head, up to date again; by one worker and by several. */
static void case_chain(void **state)
{
	uint64_t n = many(10000, 1000000);

	(void)state;
	for (uint32_t workers = 1; workers <= 3; workers += 2) {
		up(workers);
		assert_int_equal(fr_ask(&chain, &(struct one){n - 1}), n);
		assert_int_equal(ran_now(), n);
		for (int64_t i = 1; i <= 2; i++) {
			set(i);
			assert_int_equal(fr_ask(&chain, &(struct one){n - 1}), (int64_t)n + i);
			assert_int_equal(ran_now(), n);
		}
		/* Nothing has changed. */
		set(2);
		assert_int_equal(fr_ask(&chain, &(struct one){n - 1}), (int64_t)n + 2);
		assert_int_equal(ran_now(), 0);
		fr_close();
	}
}

/* All sleep, and then it ends: each goes on once, and nobody runs twice. */
static void case_waiters(void **state)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	uint32_t n = many(2000, 100000);
	struct fr_ask ask = {
		.function = &waiters, .args = &(struct one){n}, .flags = PAWL_READ_STRONG};
	struct t_thread *thread;

	(void)state;
	options.workers = 2;
	options.watchdog_ns = PAWL_FOREVER;
	fr_runtime_up(options);
	up(0);
	thread = t_thread_start(fr_try_thread, &ask);
	t_wait_until(pawl_load_acquire(&arrived) >= n);
	fr_gate_open(&gate);
	t_thread_join(thread);
	assert_int_equal(ask.error, 0);
	assert_int_equal(ask.number, (int64_t)n * (n - 1) / 2);
	assert_int_equal(ran_now(), (uint64_t)n + 1);
	fr_settle();
	fr_close();
}

/* All are told of each change, by helpers; memory for it is given back. */
static void case_dependents(void **state)
{
	uint64_t n = many(10000, 1000000), before = 0;

	(void)state;
	up(2);
	assert_int_equal(fr_ask(&readers, &(struct one){n}), n);
	assert_int_equal(ran_now(), n);
	before = t_alloc_bytes();
	for (int64_t i = 1; i <= 3; i++) {
		set(i);
		assert_int_equal(fr_ask(&readers, &(struct one){n}), n);
		assert_int_equal(ran_now(), n);
		assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
		pawl_retire_barrier();
		/* A run and its place in the queue for each, at most, and blocks that are begun: the pool keeps what it had. */
		assert_true(t_alloc_bytes() <= before + n * 512 + (1u << 20));
	}
	assert_int_equal(fr_ask(&reader, &(struct one){n / 2}), 3 + (int64_t)n / 2);
	assert_int_equal(ran_now(), 0);
	fr_settle();
	fr_close();
}

/* An entry more: the collection runs, and who reads that entry; whatever else there is. */
static void case_entries(void **state)
{
	uint64_t n = many(1000, 10000), calls[2] = {0}, bytes[2] = {0};

	(void)state;
	up(1);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(fr_ask(&entry, &(struct one){i}), -1);
	assert_int_equal(ran_now(), n + 1);
	for (unsigned half = 0; half < 2; half++) {
		uint64_t from = half ? n / 2 : 0, to = half ? n / 2 * 2 : n / 2;

		pawl_retire_barrier();
		calls[half] = t_alloc_calls();
		bytes[half] = t_alloc_bytes();
		for (uint64_t i = from; i < to; i++) {
			set((int64_t)i + 1);
			assert_int_equal(fr_ask(&entry, &(struct one){i}),
					 (int64_t)(i * 3 + 1));
			assert_int_equal(ran_now(), 2);
		}
		pawl_retire_barrier();
		calls[half] = t_alloc_calls() - calls[half];
		bytes[half] = t_alloc_bytes() - bytes[half];
	}
	/* The second half costs what the first one did; some slack for tables that grow now and then. */
	printf("# entries: %lu calls of the allocator, then %lu; %ld bytes more, then %ld\n",
	       (unsigned long)calls[0], (unsigned long)calls[1], (long)bytes[0],
	       (long)bytes[1]);
	assert_true(calls[1] <= calls[0] + calls[0] / 10 + 100);
	assert_true((int64_t)bytes[1] <= (int64_t)(n * 64));
	fr_settle();
	fr_close();
}

/* ---- an edge is missing --------------------------------------------------------------------------------- */

/* Take away one entry of that kind, or give back what was taken. */
struct edge {
	uint64_t key, other;
	int32_t count;
};

static bool take_map(struct eng_node *node, const struct pawl_cmap *map, enum eng_field field,
		     bool inlined, struct edge *edge, bool back)
{
	struct pawl_cmap_entry found;
	struct pawl_crossing crossing;
	uint32_t cursor = 0;

	if (!back) {
		if (!map || !pawl_cmap_next(map, &cursor, &found))
			return false;
		edge->key = found.key;
		edge->count = found.count;
	}
	if (inlined)
		assert_int_equal(pawl_cmap_add(&node->uppers, (uint32_t)edge->key,
					       back ? edge->count : -edge->count, &crossing),
				 0);
	else
		(void)eng_map_add(node, field, (uint32_t)edge->key,
				  back ? edge->count : -edge->count);
	return true;
}

static bool take_uppers(struct eng_node *node, struct edge *edge, bool back)
{
	return take_map(node, &node->uppers, ENG_FOLLOWERS, true, edge, back);
}

static bool take_field_map(struct eng_node *node, enum eng_field field, struct edge *edge,
			   bool back)
{
	union eng_slot *slot = eng_field(node, field);

	return take_map(node, slot ? &slot->map : NULL, field, false, edge, back);
}

static bool take_followers(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_map(node, ENG_FOLLOWERS, edge, back);
}

static bool take_dirt(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_map(node, ENG_DIRTY_CONTAINERS, edge, back);
}

static bool take_clean(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_map(node, ENG_CLEAN_CONTAINERS, edge, back);
}

static bool take_field_set(struct eng_node *node, enum eng_field field, struct edge *edge,
			   bool back)
{
	union eng_slot *slot = eng_field(node, field);
	uint32_t cursor = 0, key;

	if (back)
		return eng_set_add(node, field, (uint32_t)edge->key);
	if (!slot || !pawl_sset_next(&slot->set, &cursor, &key))
		return false;
	edge->key = key;
	return eng_set_remove(node, field, key);
}

static bool take_children(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_set(node, ENG_CHILDREN, edge, back);
}

static bool take_outputs(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_set(node, ENG_OUTPUT_DEPENDENCIES, edge, back);
}

static bool take_output_readers(struct eng_node *node, struct edge *edge, bool back)
{
	uint32_t cursor = 0, key;

	if (back)
		return !pawl_sset_add(&node->output_dependents, (uint32_t)edge->key, NULL);
	if (!pawl_sset_next(&node->output_dependents, &cursor, &key))
		return false;
	edge->key = key;
	return pawl_sset_remove(&node->output_dependents, key);
}

static bool take_cell_readers(struct eng_node *node, struct edge *edge, bool back)
{
	uint32_t cursor = 0;

	if (back)
		return !pawl_sset64_add(&node->cell_dependents, edge->key, NULL);
	if (!pawl_sset64_next(&node->cell_dependents, &cursor, &edge->key))
		return false;
	return pawl_sset64_remove(&node->cell_dependents, edge->key);
}

static bool take_field_set64(struct eng_node *node, enum eng_field field, struct edge *edge,
			     bool back)
{
	union eng_slot *slot = eng_field(node, field);
	uint32_t cursor = 0;

	if (back)
		return eng_set64_add(node, field, edge->key);
	if (!slot || !pawl_sset64_next(&slot->set64, &cursor, &edge->key))
		return false;
	return eng_set64_remove(node, field, edge->key);
}

static bool take_cells(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_set64(node, ENG_CELL_DEPENDENCIES, edge, back);
}

static bool take_collected(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_set64(node, ENG_COLLECTIBLES_DEPENDENCIES, edge, back);
}

static bool take_collectors(struct eng_node *node, struct edge *edge, bool back)
{
	return take_field_set64(node, ENG_COLLECTIBLES_DEPENDENTS, edge, back);
}

static bool take_pairs(struct eng_node *node, enum eng_field field, struct edge *edge,
		       bool back)
{
	union eng_slot *slot = back ? eng_field_make(node, field) : eng_field(node, field);
	struct eng_pair pair = {edge->key, edge->other};
	uint32_t cursor = 0;

	if (back)
		return eng_pairs_add(&slot->pairs, pair);
	if (!slot || !eng_pairs_next(slot->pairs, &cursor, &pair))
		return false;
	edge->key = pair.a;
	edge->other = pair.b;
	(void)eng_pairs_remove(&slot->pairs, pair);
	if (!slot->pairs)
		eng_field_drop(node, field);
	return true;
}

static bool take_keys(struct eng_node *node, struct edge *edge, bool back)
{
	return take_pairs(node, ENG_KEYED_DEPENDENCIES, edge, back);
}

static bool take_key_readers(struct eng_node *node, struct edge *edge, bool back)
{
	return take_pairs(node, ENG_KEYED_DEPENDENTS, edge, back);
}

/* One too many: an active task that would have it as a follower, and is not there. */
static bool add_referrer(struct eng_node *node, struct edge *edge, bool back)
{
	union eng_slot *slot = eng_active_make(node);

	(void)edge;
	slot->active.referrers += back ? -1 : 1;
	eng_active_trim(node);
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct eng_node *node, struct edge *edge, bool back);
} kinds[] = {
	{"uppers", take_uppers},
	{"followers", take_followers},
	{"children", take_children},
	{"dirty containers", take_dirt},
	{"clean containers", take_clean},
	{"outputs read", take_outputs},
	{"readers of outputs", take_output_readers},
	{"cells read", take_cells},
	{"readers of cells", take_cell_readers},
	{"keys read", take_keys},
	{"readers of keys", take_key_readers},
	{"collected", take_collected},
	{"who collects", take_collectors},
	{"referrers", add_referrer},
};

/* One missing entry of that kind, in each task in turn that has one. Returns: in so many. */
static unsigned each_missing(unsigned kind)
{
	struct eng_graph *graph = fr_engine->graph;
	eng_id limit = (eng_id)pawl_ids_next(graph->ids[0]);
	unsigned found = 0;
	char text[256];

	for (eng_id id = 1; id < limit; id++) {
		struct eng_node *node = eng_lock_any(graph, id);
		struct edge edge = {0};
		bool taken = node && kinds[kind].take(node, &edge, false);

		if (node)
			eng_unlock(node);
		if (!taken)
			continue;
		found++;
		if (pawl_engine_verify(fr_engine, text, sizeof(text)) != -EUCLEAN)
			fail_msg("%s of task %u: nothing is missed", kinds[kind].name, id);
		node = eng_lock_any(graph, id);
		(void)kinds[kind].take(node, &edge, true);
		eng_unlock(node);
	}
	return found;
}

static int root_of_all(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	(void)arg;
	return pawl_call(context, &all, NULL, ret_output);
}

/* Whatever edge is missing, the audit says so; with the edge it has nothing to say. */
static void case_audit(void **state)
{
	pawl_ref_t root;

	(void)state;
	up(1);
	set(3);
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_of_all, NULL, NULL, &root), 0);
	fr_settle();
	for (unsigned kind = 0; kind < FR_N(kinds); kind++) {
		unsigned found = each_missing(kind);

		printf("# %s: %u tasks\n", kinds[kind].name, found);
		assert_true(found >= 1);
		fr_settle();
	}
	/* And all goes on. */
	set(4);
	fr_settle();
	fr_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_chain),	   cmocka_unit_test(case_waiters),
		cmocka_unit_test(case_dependents), cmocka_unit_test(case_entries),
		cmocka_unit_test(case_audit),
	};

	return t_run("accept-loads", tests);
}
