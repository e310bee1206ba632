/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-conform-traces.c - what the records of small graphs are, worked out by hand: numbers, counts of ways, dirt that
 * is summed, what is emitted and taken away. And a session that ends, as far as it can without a store.
 */
#include "conform.h"

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/registry.h"

/* ---- looking at records ------------------------------------------------------------------- */

/* The task of a call that was made. */
static eng_id find(const struct pawl_function *function, const void *args)
{
	struct eng_graph *graph = cf_engine->graph;
	uint32_t number = eng_function_number(graph->registry, function);

	for (eng_id id = 1; id < 100000; id++) {
		struct eng_node *node = eng_lock_any(graph, id);
		const struct eng_key *key;
		bool found;

		if (!node)
			continue;
		key = eng_node_key(node);
		found = key->function == number &&
			!memcmp(key->args, args, function->args_bytes);
		eng_unlock(node);
		if (found)
			return id;
	}
	fail_msg("%s was not called", function->name);
	return 0;
}

/* What there is to know of a record, taken under its lock. */
struct seen {
	uint32_t base, distance, bits, uppers, dependencies;
	int32_t dirty, clean; /* counts of containers */
	bool active, runs, has_dirty;
};

static struct seen see(eng_id id)
{
	struct eng_node *node = eng_lock(cf_engine->graph, id);
	struct seen seen = {.base = eng_base(node),
			    .distance = node->bits & ENG_DISTANCE,
			    .bits = node->bits,
			    .uppers = pawl_cmap_count(&node->uppers),
			    .dirty = eng_dirty_count(node),
			    .clean = eng_clean_count(node),
			    .active = eng_active(node),
			    .runs = eng_run_of(node),
			    .has_dirty = eng_has_dirty_containers(node)};

	eng_unlock(node);
	return seen;
}

/* How often `upper` has come to aggregate it. */
static int32_t ways(eng_id id, eng_id upper)
{
	struct eng_node *node = eng_lock(cf_engine->graph, id);
	int32_t count = pawl_cmap_get(&node->uppers, upper);

	eng_unlock(node);
	return count;
}

static int32_t in_map(eng_id id, enum eng_field field, uint32_t key)
{
	struct eng_node *node = eng_lock(cf_engine->graph, id);
	int32_t count = eng_map_get(node, field, key);

	eng_unlock(node);
	return count;
}

static bool is_child(eng_id parent, eng_id child)
{
	struct eng_node *node = eng_lock(cf_engine->graph, parent);
	bool is = eng_set_has(node, ENG_CHILDREN, child);

	eng_unlock(node);
	return is;
}

static int32_t in_bag(eng_id id, enum eng_field field, uint32_t trait, pawl_ref_t ref)
{
	struct eng_node *node = eng_lock(cf_engine->graph, id);
	union eng_slot *slot = eng_field(node, field);
	int32_t count = slot ? eng_bag_get(slot->bag, trait, ref.pawl_bits) : 0;

	eng_unlock(node);
	return count;
}

/* ---- functions ------------------------------------------------------------------------------ */

struct named {
	uint64_t name;
	struct cf_state state;
};

static struct cf_gate gate;
static struct pawl_atomic_u32 ran;

/* What never changes is left out of all sums (graph/connect.c): here everything may. */
static int may_change(struct pawl_context *context)
{
	struct pawl_invalidator invalidator;

	return pawl_context_invalidator(context, &invalidator);
}

static int gated_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = may_change(context);

	(void)args;
	if (!error)
		error = cf_gate_pass(&gate);
	return error ? error : cf_give(context, 1, ret_output);
}
CF_FUNCTION(gated, 0, sizeof(struct named));

/* Calls two of them, and reads nothing. */
static int calls_two_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	struct named b = {'b', {0}}, c = {'c', {0}};
	pawl_ref_t ref;
	int error = pawl_call(context, &gated, &b, &ref);

	(void)args;
	if (!error)
		error = pawl_call(context, &gated, &c, &ref);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(calls_two, 0, sizeof(struct named));

static const struct pawl_function chain;

/* `name` of it are left. Reads nothing: with one worker each is over before the one that it calls. */
static int chain_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct named *named = args;
	struct named next = {named->name - 1, named->state};
	pawl_ref_t ref;
	int error = may_change(context);

	if (!error && next.name)
		error = pawl_call(context, &chain, &next, &ref);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(chain, 0, sizeof(struct named));

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = may_change(context);

	(void)args;
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(leaf, 0, sizeof(struct named));

/* Calls as many leaves as its name says. */
static int fan_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct named *named = args;
	pawl_ref_t ref;
	int error = 0;

	for (uint64_t i = 0; i < named->name && !error; i++)
		error = pawl_call(context, &leaf, &(struct named){i, {0}}, &ref);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(fan, 0, sizeof(struct named));

/* Has the leaf 'f' as long as its state is not 0. */
static int refers_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct named *named = args;
	int64_t number;
	pawl_ref_t ref;
	int error = cf_state_get(context, named->state, &number);

	if (!error && number)
		error = pawl_call(context, &leaf, &(struct named){'f', {0}}, &ref);
	return error ? error : cf_give(context, number, ret_output);
}
CF_FUNCTION(refers, 0, sizeof(struct named));

struct two_states {
	struct cf_state x, y;
};

static int above_two_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	const struct two_states *two = args;
	struct named x = {'x', two->x}, y = {'y', two->y};
	int64_t number;
	int error = cf_call(context, &refers, &x, &number);

	if (!error)
		error = cf_call(context, &refers, &y, &number);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(above_two, PAWL_FUNCTION_ROOT, sizeof(struct two_states));

/* Of this session; and its state is one of those that tasks do not see. */
static int session_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct named *named = args;
	struct pawl_value *value;
	int64_t number;
	int error = pawl_state_get(named->name == 's' ? context : NULL,
				   cf_state_of(named->state), &value);

	if (error)
		return error;
	number = cf_number_of(value);
	pawl_value_unpin(value);
	cf_count(&ran);
	pawl_mark_session_dependent(context);
	return number < 0 ? pawl_context_fail(context, "the network is down")
			  : cf_give(context, number, ret_output);
}
CF_FUNCTION(session, 0, sizeof(struct named));

static int above_session_body(struct pawl_context *context, const void *args,
			      pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &session, args, &number);

	cf_count(&ran);
	return error ? error : cf_give(context, number * 10, ret_output);
}
CF_FUNCTION(above_session, PAWL_FUNCTION_ROOT, sizeof(struct named));

/* ---- what is emitted: A calls p, p calls B, B calls s; s emits, p takes away ------------------------ */

static const struct pawl_trait issue = {sizeof(issue), "issue", NULL, 0};
static pawl_ref_t emitted;

static int emits_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int error = cf_give(context, 5, &emitted);

	(void)args;
	if (!error)
		error = pawl_emit(context, &issue, emitted);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(emits, 0, sizeof(struct named));

static int between_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &emits, args, &number);

	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(between, PAWL_FUNCTION_ROOT, sizeof(struct named));

static int takes_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	const struct named *named = args;
	int64_t number;
	int error = cf_call(context, named->name == 'b' ? &between : &emits, args, &number);

	if (!error)
		error = pawl_unemit(context, &issue, emitted);
	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(takes, PAWL_FUNCTION_ROOT, sizeof(struct named));

static int above_takes_body(struct pawl_context *context, const void *args,
			    pawl_ref_t *ret_output)
{
	int64_t number;
	int error = cf_call(context, &takes, args, &number);

	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(above_takes, PAWL_FUNCTION_ROOT, sizeof(struct named));

/* Below one that aggregates all. */
struct top {
	struct named below;
	uint64_t which;
};
static int top_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const struct pawl_function *const which[] = {&chain, &fan};
	const struct top *top = args;
	pawl_ref_t ref;
	int error = pawl_call(context, which[top->which], &top->below, &ref);

	return error ? error : cf_give(context, 0, ret_output);
}
CF_FUNCTION(top, PAWL_FUNCTION_ROOT, sizeof(struct top));

static const struct pawl_function *const functions[] = {
	&gated,	  &calls_two,	  &chain, &leaf,    &fan,   &refers,	  &above_two,
	&session, &above_session, &emits, &between, &takes, &above_takes, &top};
static const struct pawl_trait *const traits[] = {&issue};
static const struct cf_tables tables = {functions, CF_N(functions), NULL, 0, traits, 1, 2};
static const struct cf_tables one_worker = {functions, CF_N(functions), NULL, 0, traits, 1, 1};

/* ---- a root and two children ------------------------------------------------------------------ */

static const struct named a_args = {'a', {0}};

static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	pawl_ref_t ref;
	int error = pawl_call(context, &calls_two, &a_args, &ref);

	(void)args;
	return error ? error : cf_give(context, 0, ret_output);
}

static void case_root_and_two_children(void **state)
{
	struct named args = {'b', {0}};
	pawl_ref_t root;
	eng_id r, a, b, c;

	(void)state;
	cf_gate_init(&gate);
	cf_open(&tables);
	assert_int_equal(pawl_engine_spawn_root(cf_engine, root_body, NULL, NULL, &root), 0);
	cf_gate_wait(&gate, 2);
	r = eng_ref_task(root);
	a = find(&calls_two, &a_args);
	b = find(&gated, &args);
	args.name = 'c';
	c = find(&gated, &args);
	/* The two wait at the gate: the others are over some time. */
	t_wait_until(!see(a).runs && !see(r).runs);
	assert_int_equal(see(r).base, ENG_NUMBER_ROOT);
	assert_int_equal(see(a).base, ENG_NUMBER_ROOT);
	assert_int_equal(see(b).base, 0);
	assert_true(is_child(r, a) && is_child(a, b) && is_child(a, c));
	assert_int_equal(ways(a, r), 1);
	assert_int_equal(ways(b, a), 1);
	assert_int_equal(see(b).uppers, 1);
	assert_true(see(b).bits & ENG_DIRTY);
	assert_false(see(a).bits & ENG_DIRTY);
	assert_int_equal(in_map(a, ENG_DIRTY_CONTAINERS, b), 1);
	assert_int_equal(in_map(a, ENG_DIRTY_CONTAINERS, c), 1);
	assert_int_equal(see(a).dirty, 2);
	assert_int_equal(in_map(r, ENG_DIRTY_CONTAINERS, a), 1);
	assert_int_equal(see(r).dirty, 1);
	assert_true(see(r).active);
	cf_gate_open(&gate);
	cf_settle();
	assert_int_equal(see(a).dirty, 0);
	assert_int_equal(see(r).dirty, 0);
	assert_int_equal(in_map(a, ENG_DIRTY_CONTAINERS, b), 0);
	assert_int_equal(ways(b, a), 1);
	assert_false(see(b).bits & ENG_DIRTY);
	/* Leaves of one that is active are kept so by it; nobody waits for anything any more. */
	assert_true(see(r).active);
	assert_int_equal(pawl_engine_dispose_root(cf_engine, root), 0);
	cf_settle();
	assert_false(see(a).active || see(b).active || see(c).active);
	cf_close();
}

/* ---- a chain of single calls ------------------------------------------------------------------- */

static void case_chain_of_single_calls(void **state)
{
	static const uint32_t numbers[] = {0, 3, 6, 9, 12, 15, 18, 0};
	struct top args = {{9, {0}}, 0};
	eng_id upper, ids[8];

	(void)state;
	cf_open(&one_worker);
	assert_int_equal(cf_ask(&top, &args), 0);
	cf_settle();
	upper = find(&top, &args);
	assert_int_equal(see(upper).base, ENG_NUMBER_ROOT);
	for (unsigned i = 0; i < 8; i++) {
		args.below.name = 9 - i;
		ids[i] = find(&chain, &args.below);
		assert_int_equal(see(ids[i]).base, numbers[i]);
		assert_int_equal(see(ids[i]).distance, 0);
		/* Inner to the one above up to the one that aggregates; what that has is a region of its own. */
		assert_int_equal(ways(ids[i], upper), i < 7 ? 1 : 0);
	}
	assert_int_equal(ways(ids[7], ids[6]), 1);
	assert_true(eng_is_inner(19, 18) && !eng_is_inner(18, 18) && !eng_is_inner(18, 19));
	assert_true(eng_is_inner(ENG_NUMBER_ROOT, ENG_NUMBER_ROOT));
	cf_close();
}

/* ---- many children ------------------------------------------------------------------------------ */

static void case_many_children(void **state)
{
	struct top args = {{8, {0}}, 1};
	struct named first = {0, {0}};
	eng_id parent, child;

	(void)state;
	cf_open(&tables);
	assert_int_equal(cf_ask(&top, &args), 0);
	cf_settle();
	parent = find(&fan, &args.below);
	child = find(&leaf, &first);
	assert_int_equal(see(parent).base, 0);
	assert_int_equal(see(parent).distance, 6);
	assert_true(see(child).base >= 9);
	cf_close();

	args.below.name = 1000;
	cf_open(&tables);
	assert_int_equal(cf_ask(&top, &args), 0);
	cf_settle();
	parent = find(&fan, &args.below);
	assert_int_equal(see(parent).base, 16);
	assert_int_equal(see(parent).distance, 18);
	for (first.name = 0; first.name < 1000; first.name += 37) {
		child = find(&leaf, &first);
		assert_int_equal(see(child).base, 0);
		assert_int_equal(ways(child, parent), 1);
		assert_int_equal(see(child).uppers, 1);
	}
	cf_close();
}

/* ---- two ways to a task -------------------------------------------------------------------------- */

static void case_two_referrers(void **state)
{
	struct named f_args = {'f', {0}};
	struct two_states two;
	eng_id a, f;

	(void)state;
	cf_open(&tables);
	two = (struct two_states){cf_state_make(1), cf_state_make(1)};
	assert_int_equal(cf_ask(&above_two, &two), 0);
	cf_settle();
	a = find(&above_two, &two);
	f = find(&leaf, &f_args);
	assert_int_equal(ways(f, a), 2);
	assert_int_equal(see(f).uppers, 1);
	cf_state_set(two.x, 0);
	assert_int_equal(cf_ask(&above_two, &two), 0);
	cf_settle();
	assert_int_equal(ways(f, a), 1);
	cf_state_set(two.y, 0);
	assert_int_equal(cf_ask(&above_two, &two), 0);
	cf_settle();
	assert_int_equal(ways(f, a), 0);
	assert_int_equal(see(f).uppers, 0);
	cf_state_set(two.y, 1);
	assert_int_equal(cf_ask(&above_two, &two), 0);
	cf_settle();
	assert_int_equal(ways(f, a), 1);
	cf_close();
}

/* ---- what depends on the session ------------------------------------------------------------------ */

/* What a store does not keep is gone, as when the records are read from one; with a store they are. */
static void next_session(struct cf_state state, int64_t number)
{
	struct eng_graph *graph = cf_engine->graph;

	if (cf_stored) {
		cf_restart();
		assert_int_equal(cf_state_make(number).state, state.state);
		return;
	}
	cf_settle();
	for (eng_id id = 1; id < 1000; id++) {
		struct eng_node *node = eng_lock_any(graph, id);
		union eng_slot *slot;

		if (!node)
			continue;
		assert_null(eng_run_of(node));
		assert_false(eng_active(node));
		node->bits &= ~ENG_SESSION_CLEAN;
		eng_field_clear(node, ENG_CLEAN_CONTAINERS);
		slot = eng_field(node, ENG_CONTAINER_COUNTS);
		if (slot)
			slot->counts.b = 0;
		eng_unlock(node);
	}
}

static void case_session_dependent(void **state)
{
	static const uint32_t session_bits = ENG_DIRTY | ENG_SESSION | ENG_SESSION_CLEAN;
	struct named args = {'s', {0}};
	eng_id a, s;

	(void)state;
	cf_open(&tables);
	(void)cf_counted(&ran);
	args.state = cf_state_make(4);
	assert_int_equal(cf_ask(&above_session, &args), 40);
	cf_settle();
	a = find(&above_session, &args);
	s = find(&session, &args);
	assert_int_equal(see(s).bits & session_bits, session_bits);
	assert_int_equal(in_map(a, ENG_DIRTY_CONTAINERS, s), 1);
	assert_int_equal(in_map(a, ENG_CLEAN_CONTAINERS, s), 1);
	assert_int_equal(see(a).dirty, 1);
	assert_int_equal(see(a).clean, 1);
	assert_false(see(a).has_dirty);
	assert_int_equal(cf_ask(&above_session, &args), 40);
	assert_int_equal(cf_counted(&ran), 2);

	next_session(args.state, 4);
	assert_true(see(a).has_dirty);
	/* It runs again; the same came of it, and who is above does not. */
	assert_int_equal(cf_ask(&above_session, &args), 40);
	assert_int_equal(cf_counted(&ran), 1);
	assert_false(see(a).has_dirty);
	assert_int_equal(see(s).bits & session_bits, session_bits);

	/* Invalidated in this session. */
	cf_state_set(args.state, 5);
	assert_int_equal(see(s).bits & session_bits, ENG_DIRTY);
	assert_int_equal(see(a).dirty, 1);
	assert_int_equal(see(a).clean, 0);
	assert_true(see(a).has_dirty);
	assert_int_equal(cf_ask(&above_session, &args), 50);
	assert_int_equal(cf_counted(&ran), 2);
	assert_int_equal(see(a).clean, 1);
	cf_close();
}

/* An error of the session, which nothing invalidates: the next one tries again; who is above follows. */
static void case_session_error(void **state)
{
	struct named args = {'n', {0}};
	char text[128];

	(void)state;
	cf_open(&tables);
	(void)cf_counted(&ran);
	args.state = cf_state_make(-1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cf_ask_error(&above_session, &args, text, sizeof(text)),
				 -PAWL_ETASK);
		assert_string_equal(text, "above_session: session: the network is down");
	}
	assert_int_equal(cf_counted(&ran), 2);
	next_session(args.state, -1);
	assert_int_equal(cf_ask_error(&above_session, &args, text, sizeof(text)), -PAWL_ETASK);
	/* The same error: who is above has it already. */
	assert_int_equal(cf_counted(&ran), 1);
	cf_state_set(args.state, 6);
	assert_int_equal(cf_ask_error(&above_session, &args, text, sizeof(text)), -PAWL_ETASK);
	assert_int_equal(cf_counted(&ran), 0);
	next_session(args.state, 6);
	assert_int_equal(cf_ask(&above_session, &args), 60);
	assert_int_equal(cf_counted(&ran), 2);
	cf_close();
}

/* ---- taken away above --------------------------------------------------------------------------- */

static void take_away(uint64_t name)
{
	struct named args = {name, {0}};
	uint32_t trait;
	eng_id a, p, s;

	cf_open(&tables);
	trait = eng_trait_number(cf_engine->graph->registry, &issue);
	assert_int_equal(cf_ask(&above_takes, &args), 0);
	cf_settle();
	a = find(&above_takes, &args);
	p = find(&takes, &args);
	s = find(&emits, &args);
	assert_int_equal(in_bag(s, ENG_COLLECTIBLES, trait, emitted), 1);
	assert_int_equal(in_bag(p, ENG_COLLECTIBLES, trait, emitted), -1);
	assert_int_equal(in_bag(p, ENG_AGGREGATED_COLLECTIBLES, trait, emitted), 1);
	if (name == 'b')
		assert_int_equal(in_bag(find(&between, &args), ENG_AGGREGATED_COLLECTIBLES,
					trait, emitted),
				 1);
	assert_int_equal(in_bag(a, ENG_AGGREGATED_COLLECTIBLES, trait, emitted), 0);
	assert_int_equal(in_bag(a, ENG_COLLECTIBLES, trait, emitted), 0);
	cf_close();
}

static void case_unemit(void **state)
{
	(void)state;
	take_away('d');
	take_away('b');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cf_in_memory_test(case_root_and_two_children),
		cf_in_memory_test(case_chain_of_single_calls),
		cf_in_memory_test(case_many_children),
		cmocka_unit_test(case_two_referrers),
		cmocka_unit_test(case_session_dependent),
		cmocka_unit_test(case_session_error),
		cmocka_unit_test(case_unemit),
	};

	return cf_run("conform-traces", tests);
}
