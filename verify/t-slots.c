/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/slots.c. The function that takes dropped objects waits for a grace period,
 * poisons and frees: whoever still uses one fails by the mark, by the sanitizer or by the
 * checker's heap; an object that is never given back is a leak, one given back twice a double
 * free. `value` is read in sections and written before publish only, `guarded` is plain memory
 * under the lock, `pinned` under pins, by one thread at a time.
 *
 *  claims              two claims of a fresh id: one loader, the nodes are made once
 *  claims-far          of two ids that share the middle node
 *  fresh-get, -many, -lock, -pin, -pair, -scan, -wait
 *                      found, or not, while its part of the table is made
 *  publish-read        what was written before publish is there
 *  publish-lock, -pin, -pair, -pair-back
 *                      the same found in other ways
 *  read-drop           a section beside drop
 *  read-drop-reuse     the id comes back with another object
 *  lock-drop, lock-drop2
 *                      lock-then-check: each object is dropped once, by whoever has it
 *  lock-reuse          a lock that waits while the object is dropped and the id comes back
 *  lock-evict          lock beside evict
 *  lock-told           who finds it gone sees what was done before the drop
 *  pair-drop           two locks beside a drop of one of them
 *  pair-orders         (0, 1) against (1, 0)
 *  pin-drop, pin2-drop the last one retires: dropper or pinner, once
 *  pin-drop-claim      pin finds a dying object while the id is claimed anew
 *  pin-unpin-drop      work under a pin is over before the object is taken
 *  pin-evict           one of the two wins
 *  pin-evict-load      who finds it evicted loads it again
 *  evict-load          a claim beside an eviction
 *  try-pin             pinning what was found in a section
 *  scan, scan-drop     ids in order; what stays is seen once
 *  wait-publish, wait-abandon, wait-deadline
 *                      nobody sleeps past the end of loading
 *  wait-reload         the same id is loaded anew meanwhile
 *  abandon-claim       who claims next sees what the last loader did
 *  history-*           the states of one id are linearizable
 *  churn               everything at once (native)
 */
#include "scenario.h"

#include <errno.h>

#define ALIVE 0x600dU
#define GONE  0xdeadU

struct object {
	struct pawl_slot slot;
	struct pawl_retire_node node;
	unsigned mark;
	uint32_t value;
	unsigned guarded;
	unsigned pinned;
};

static struct pawl_slots *table;
static struct pawl_atomic_u32 told;
static unsigned won[2];
/* Somebody drops next to those who load. */
static bool dropped_beside;

static struct object *object_of(struct pawl_slot *slot)
{
	return PAWL_CONTAINER_OF(slot, struct object, slot);
}

static void object_free(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, node);

	mc_assert(object->mark == ALIVE);
	object->mark = GONE;
	pawl_mem_free(object, sizeof(*object), 0);
}

/* In place of the reclaimer: the same grace period, without its thread. */
static bool object_take(struct pawl_slot *slot, void *arg)
{
	mc_assert(arg == &table);
	mc_assert(pawl_slot_dropped(slot));
	/* Before the grace period, which would order it: all that holders did is here. */
	mc_assert(object_of(slot)->guarded < 8 && object_of(slot)->pinned < 8);
	pawl_rcu_synchronize();
	object_free(&object_of(slot)->node);
	return false;
}

static bool object_retire(struct pawl_slot *slot, void *arg)
{
	(void)arg;
	return pawl_retire(&object_of(slot)->node, sizeof(struct object), object_free);
}

static struct object *object_make(uint32_t value)
{
	struct object *object = scn_alloc(sizeof(*object));

	object->mark = ALIVE;
	object->value = value;
	return object;
}

static bool claim(uint32_t id, enum pawl_slot_state was_wanted)
{
	enum pawl_slot_state was = PAWL_SLOT_STATE_COUNT;
	int error = pawl_slots_claim(table, id, &was);

	mc_assert(error == 0 || error == -EBUSY || error == -EEXIST);
	if (!error && was_wanted != PAWL_SLOT_STATE_COUNT)
		mc_assert(was == was_wanted);
	return !error;
}

static void put(uint32_t id, uint32_t value)
{
	mc_assert(claim(id, PAWL_SLOT_STATE_COUNT));
	pawl_slots_publish(table, id, &object_make(value)->slot, 0);
}

/* ---- set up, take down --------------------------------------------------- */

/*
 * finish() finds and drops objects, so its thread has to be attached, and stays so from setup() on:
 * grace periods look at the same threads in every execution. Natively it is anyway.
 */
static bool attached_here;

static void setup_with(bool (*retire)(struct pawl_slot *, void *))
{
	struct pawl_slots_options options = PAWL_SLOTS_OPTIONS_INIT;
	int error;

	attached_here = !pawl_thread_attached();
	if (attached_here)
		scn_attach();
	options.retire = retire;
	options.arg = &table;
	error = pawl_slots_create(&options, &table);
	mc_assert(error == 0);
	pawl_init_word(&told, 0u);
	won[0] = 0;
	won[1] = 0;
}

static void setup_bare(void)
{
	setup_with(object_take);
}

static void setup_one(void)
{
	setup_bare();
	put(0, 100);
}

static void setup_two(void)
{
	setup_one();
	put(1, 101);
}

static void setup_loading(void)
{
	setup_bare();
	mc_assert(claim(0, PAWL_SLOT_EMPTY));
}

static void setup_scan(void)
{
	setup_bare();
	put(0, 100);
	put(2, 102);
	put(3, 103);
}

static void drop_all(void)
{
	struct pawl_slot *slot;
	uint32_t id = 0;

	for (;;) {
		pawl_rcu_begin();
		slot = pawl_slots_next(table, &id, 64);
		pawl_rcu_end();
		if (!slot)
			return;
		pawl_lock_lock(&slot->lock);
		mc_assert(!pawl_slot_dropped(slot));
		(void)pawl_slots_drop(table, slot);
	}
}

static void finish(void)
{
	drop_all();
	pawl_slots_destroy(table);
	if (attached_here)
		pawl_thread_detach();
}

/* ---- what threads do ----------------------------------------------------- */

static void read_id(uint32_t id)
{
	struct pawl_slot *slot_rcu;

	pawl_rcu_begin();
	slot_rcu = pawl_slots_get(table, id);
	if (slot_rcu) {
		mc_assert(object_of(slot_rcu)->mark == ALIVE);
		mc_assert(object_of(slot_rcu)->value % 100 == id);
		mc_assert(pawl_slot_id(slot_rcu) == id);
	}
	pawl_rcu_end();
}

static void read_0_twice(void)
{
	read_id(0);
	read_id(0);
}

/* Returns the value, 0 if there is none. */
static uint32_t lock_0(void)
{
	struct pawl_slot *slot;
	uint32_t value = 0;

	if (!pawl_slots_lock(table, 0, &slot)) {
		value = object_of(slot)->value;
		object_of(slot)->guarded++;
		pawl_lock_unlock(&slot->lock);
	}
	return value;
}

static void lock_count(void)
{
	(void)lock_0();
}

static bool drop_id(uint32_t id)
{
	struct pawl_slot *slot;

	if (pawl_slots_lock(table, id, &slot))
		return false;
	object_of(slot)->guarded++;
	(void)pawl_slots_drop(table, slot);
	return true;
}

static void drop_0(void)
{
	won[mc_thread() & 1] = drop_id(0);
}

/* It was found by way of something else, where it is no more. */
static void tell_and_drop(void)
{
	pawl_store_relaxed(&told, 1u);
	mc_assert(drop_id(0));
}

static void lock_or_told(void)
{
	if (!lock_0())
		mc_assert(pawl_load_relaxed(&told));
}

static void drop_2(void)
{
	(void)drop_id(2);
}

static void drop_and_reuse(void)
{
	mc_assert(drop_id(0));
	put(0, 200);
}

/* Elsewhere, of what is evicted: who loads it again finds that done. */
static unsigned put_away;

static int evict_0(void)
{
	struct pawl_slot *slot;
	bool pressed;
	int error = pawl_slots_lock(table, 0, &slot);

	if (error)
		return error;
	put_away = 1;
	error = pawl_slots_evict(table, slot, &pressed);
	if (error) {
		mc_assert(error == -EBUSY);
		mc_assert(!pawl_slot_dropped(slot));
		pawl_lock_unlock(&slot->lock);
	}
	return error;
}

static void evict_only(void)
{
	(void)evict_0();
}

static void pin_0(void)
{
	struct pawl_slot *slot;
	int error = pawl_slots_pin(table, 0, &slot);

	mc_assert(error == 0 || error == -ENOENT || error == -ENODATA || error == -EBUSY);
	if (error)
		return;
	mc_assert(object_of(slot)->mark == ALIVE);
	mc_assert(object_of(slot)->value == 100 || object_of(slot)->value == 200);
	(void)pawl_slots_unpin(table, slot);
}

static void pin_twice(void)
{
	pin_0();
	pin_0();
}

/* ---- claims -------------------------------------------------------------- */

static void claim_and_publish(void)
{
	if (!claim(0, PAWL_SLOT_EMPTY))
		return;
	won[mc_thread() & 1] = 1;
	pawl_slots_publish(table, 0, &object_make(100)->slot, 0);
}

static void finish_one_winner(void)
{
	mc_assert(won[0] + won[1] == 1);
	finish();
}

static void fresh_put(void)
{
	put(0, 100);
	mc_assert(pawl_slots_bytes(table) > 16384);
}

static void read_many(void)
{
	static const uint32_t ids[2] = {0, 1};
	struct pawl_slot *found_rcu[2];
	size_t found;

	pawl_rcu_begin();
	found = pawl_slots_get_many(table, ids, 2, found_rcu);
	mc_assert(found == (size_t) !!found_rcu[0] + !!found_rcu[1]);
	for (unsigned i = 0; i < 2; i++)
		if (found_rcu[i])
			mc_assert(object_of(found_rcu[i])->value == 100 + i);
	pawl_rcu_end();
}

static void fresh_scan(void)
{
	struct pawl_slot *slot_rcu;
	uint32_t id = 0;

	pawl_rcu_begin();
	slot_rcu = pawl_slots_next(table, &id, 1);
	mc_assert(!slot_rcu || (id == 0 && object_of(slot_rcu)->value == 100));
	pawl_rcu_end();
}

static void claim_far(void)
{
	uint32_t id = mc_thread() & 1 ? 2048 : 0;

	mc_assert(claim(id, PAWL_SLOT_EMPTY));
	pawl_slots_abandon(table, id, PAWL_SLOT_EVICTED);
	mc_assert(pawl_slots_state(table, id) == PAWL_SLOT_EVICTED);
}

static void publish_0(void)
{
	pawl_slots_publish(table, 0, &object_make(100)->slot, 0);
}

static void pin_read(void)
{
	struct pawl_slot *slot;

	if (pawl_slots_pin(table, 0, &slot))
		return;
	mc_assert(object_of(slot)->value == 100);
	(void)pawl_slots_unpin(table, slot);
}

/* ---- pairs --------------------------------------------------------------- */

static void pair(uint32_t a, uint32_t b)
{
	struct pawl_slot *first, *second;
	int error = pawl_slots_lock_pair(table, a, b, &first, &second);

	mc_assert(error == 0 || error == -ENOENT || error == -EBUSY);
	if (error)
		return;
	mc_assert(!pawl_slot_dropped(first) && !pawl_slot_dropped(second));
	object_of(first)->guarded++;
	object_of(second)->guarded++;
	pawl_lock_unlock_pair(&first->lock, &second->lock);
}

static void pair_00(void)
{
	pair(0, 0);
}

static void pair_01(void)
{
	pair(0, 1);
}

static void pair_10(void)
{
	pair(1, 0);
}

/* One of the two locks is that of the object that came last, in either order. */
static void put_both(void)
{
	publish_0();
	put(1, 101);
}

/* ---- pins ---------------------------------------------------------------- */

static void pin_work(void)
{
	struct pawl_slot *slot;

	if (pawl_slots_pin(table, 0, &slot))
		return;
	object_of(slot)->pinned++;
	mc_assert(object_of(slot)->mark == ALIVE);
	(void)pawl_slots_unpin(table, slot);
}

static void claim_0(void)
{
	if (!claim(0, PAWL_SLOT_EMPTY))
		return;
	pawl_slots_publish(table, 0, &object_make(200)->slot, 0);
}

static void find_and_try_pin(void)
{
	struct pawl_slot *slot_rcu;
	bool got = false;

	pawl_rcu_begin();
	slot_rcu = pawl_slots_get(table, 0);
	if (slot_rcu)
		got = pawl_slot_try_pin(slot_rcu);
	pawl_rcu_end();
	if (!got)
		return;
	mc_assert(object_of(slot_rcu)->mark == ALIVE);
	(void)pawl_slots_unpin(table, slot_rcu);
}

/* Pin it; who finds it evicted loads it. */
static void pin_or_load(void)
{
	struct pawl_slot *slot;
	int error = pawl_slots_pin(table, 0, &slot);

	/* Next to who drops, what was evicted may be empty by now. */
	if (error == -ENODATA && claim(0, dropped_beside ? PAWL_SLOT_STATE_COUNT : PAWL_SLOT_EVICTED)) {
		slot = &object_make(200)->slot;
		pawl_slots_publish(table, 0, slot, 1);
		error = 0;
	}
	if (error)
		return;
	mc_assert(object_of(slot)->mark == ALIVE);
	(void)pawl_slots_unpin(table, slot);
}

static void load_evicted(void)
{
	if (!claim(0, PAWL_SLOT_EVICTED))
		return;
	mc_assert(put_away);
	pawl_slots_publish(table, 0, &object_make(200)->slot, 0);
}

static void evict_twice(void)
{
	(void)evict_0();
	(void)evict_0();
}

/* ---- scans --------------------------------------------------------------- */

static void scan(void)
{
	struct pawl_slot *slot_rcu;
	unsigned seen = 0;
	uint32_t before = 0, id;

	pawl_rcu_begin();
	for (id = 0; (slot_rcu = pawl_slots_next(table, &id, 4)); id++) {
		mc_assert(!seen || id > before);
		mc_assert(object_of(slot_rcu)->mark == ALIVE);
		mc_assert(object_of(slot_rcu)->value == 100 + id);
		seen |= 1u << id;
		before = id;
	}
	pawl_rcu_end();
	mc_assert((seen & 9) == 9);
}

static void put_1(void)
{
	put(1, 101);
}

static void put_1_drop_2(void)
{
	put(1, 101);
	(void)drop_id(2);
}

/* ---- waiting ------------------------------------------------------------- */

static void wait_for_0(void)
{
	int error = pawl_slots_wait(table, 0, PAWL_FOREVER);

	mc_assert(error == 0);
}

static void wait_and_read(void)
{
	struct pawl_slot *slot_rcu;

	wait_for_0();
	pawl_rcu_begin();
	slot_rcu = pawl_slots_get(table, 0);
	mc_assert(slot_rcu && object_of(slot_rcu)->value == 100);
	pawl_rcu_end();
}

static void wait_until(void)
{
	int error = pawl_slots_wait(table, 0, mc_deadline());

	mc_assert(error == 0 || error == -ETIMEDOUT);
}

/* The deadline is over: whoever meets a second loading is not waiting for its end. */
static void wait_no_time(void)
{
	int error = pawl_slots_wait(table, 0, 0);

	mc_assert(error == 0 || error == -ETIMEDOUT);
}

static void abandon_evicted(void)
{
	won[0] = 7;
	pawl_slots_abandon(table, 0, PAWL_SLOT_EVICTED);
}

/* What the loader wrote before it gave up is visible. */
static void wait_and_look(void)
{
	wait_for_0();
	mc_assert(won[0] == 7);
}

static void claim_and_look(void)
{
	if (claim(0, PAWL_SLOT_EVICTED)) {
		mc_assert(won[0] == 7);
		pawl_slots_abandon(table, 0, PAWL_SLOT_EMPTY);
	}
}

static void abandon_and_claim(void)
{
	pawl_slots_abandon(table, 0, PAWL_SLOT_EMPTY);
	mc_assert(claim(0, PAWL_SLOT_EMPTY));
}

static void finish_loading(void)
{
	mc_assert(pawl_slots_state(table, 0) == PAWL_SLOT_LOADING);
	pawl_slots_abandon(table, 0, PAWL_SLOT_EMPTY);
	finish();
}

/* ---- histories ----------------------------------------------------------- */

enum { OP_CLAIM, OP_PUBLISH, OP_PIN, OP_GET, OP_DROP, OP_EVICT, OP_STATE };

/* Zero is EMPTY; value is that of the LIVE object. */
struct model {
	uint32_t state;
	uint32_t value;
};

static uint64_t error_of(uint32_t state)
{
	return state == PAWL_SLOT_EMPTY ? ENOENT : state == PAWL_SLOT_LOADING ? EBUSY : ENODATA;
}

static bool step(void *state, const struct mc_op *op)
{
	struct model *model = state;
	bool live = model->state == PAWL_SLOT_LIVE;

	if (op->ret == UINT64_MAX)
		return true;
	switch (op->op) {
	case OP_CLAIM:
		if (op->result[0])
			return op->result[0] == (live ? EEXIST : EBUSY) &&
			       (live || model->state == PAWL_SLOT_LOADING);
		if (live || model->state == PAWL_SLOT_LOADING || op->result[1] != model->state)
			return false;
		model->state = PAWL_SLOT_LOADING;
		return true;
	case OP_PUBLISH:
		model->value = (uint32_t)op->arg[0];
		model->state = PAWL_SLOT_LIVE;
		return true;
	case OP_PIN:
		return live ? op->result[0] == 0 && op->result[1] == model->value
			    : op->result[0] == error_of(model->state);
	case OP_GET:
		return op->result[0] == (live ? model->value : 0);
	case OP_STATE:
		return op->result[0] == model->state;
	default:
		if (op->result[0] == EAGAIN) /* evict: pinned */
			return live;
		if (op->result[0])
			return !live && op->result[0] == error_of(model->state);
		if (!live || op->result[1] != model->value)
			return false;
		model->state = op->op == OP_DROP ? PAWL_SLOT_EMPTY : PAWL_SLOT_EVICTED;
		model->value = 0;
		return true;
	}
}

static const struct mc_spec spec = {"slot", sizeof(struct model), step, NULL};

static void h_load(uint32_t value)
{
	enum pawl_slot_state was = PAWL_SLOT_EMPTY;
	int error;

	mc_call(OP_CLAIM, 0, 0);
	error = pawl_slots_claim(table, 0, &was);
	mc_return((uint64_t)-error, was);
	if (error)
		return;
	mc_call(OP_PUBLISH, value, 0);
	pawl_slots_publish(table, 0, &object_make(value)->slot, 0);
	mc_return(0, 0);
}

static void h_pin(void)
{
	struct pawl_slot *slot = NULL;
	int error;

	mc_call(OP_PIN, 0, 0);
	error = pawl_slots_pin(table, 0, &slot);
	mc_return((uint64_t)-error, error ? 0 : object_of(slot)->value);
	if (!error)
		(void)pawl_slots_unpin(table, slot);
}

static void h_get(void)
{
	struct pawl_slot *slot_rcu;

	pawl_rcu_begin();
	mc_call(OP_GET, 0, 0);
	slot_rcu = pawl_slots_get(table, 0);
	mc_return(slot_rcu ? object_of(slot_rcu)->value : 0, 0);
	pawl_rcu_end();
}

static void h_state(void)
{
	uint64_t state;

	mc_call(OP_STATE, 0, 0);
	state = pawl_slots_state(table, 0);
	mc_return(state, 0);
}

static void h_go(unsigned op)
{
	struct pawl_slot *slot;
	uint32_t value = 0;
	bool pressed;
	int error;

	mc_call(op, 0, 0);
	error = pawl_slots_lock(table, 0, &slot);
	if (!error) {
		value = object_of(slot)->value;
		if (op == OP_DROP)
			(void)pawl_slots_drop(table, slot);
		else
			error = pawl_slots_evict(table, slot, &pressed);
		if (error) {
			pawl_lock_unlock(&slot->lock);
			error = -EAGAIN;
		}
	}
	mc_return((uint64_t)-error, value);
}

static void h_drop_load(void)
{
	h_go(OP_DROP);
	h_load(200);
}

static void h_evict_load(void)
{
	h_go(OP_EVICT);
	h_load(200);
}

static void h_get_pin(void)
{
	h_get();
	h_pin();
}

static void h_pin_state(void)
{
	h_pin();
	h_state();
}

static void h_load_get(void)
{
	h_load(300);
	h_get();
}

static void h_setup(void)
{
	setup_bare();
	h_load(100);
}

/* ---- everything ---------------------------------------------------------- */

static void setup_churn(void)
{
	dropped_beside = true;
	setup_with(object_retire);
	put(0, 100);
}

static void finish_churn(void)
{
	dropped_beside = false;
	drop_all();
	pawl_retire_barrier();
	pawl_slots_destroy(table);
}

static void churn(void)
{
	for (unsigned turn = 0; turn < 8; turn++) {
		switch (mc_choose(6)) {
		case 0:
			pin_or_load();
			break;
		case 1:
			(void)drop_id(0);
			break;
		case 2:
			(void)evict_0();
			break;
		case 3:
			if (claim(0, PAWL_SLOT_STATE_COUNT))
				pawl_slots_publish(table, 0, &object_make(200)->slot, 0);
			break;
		case 4:
			wait_for_0();
			break;
		default:
			read_id(0);
			lock_count();
		}
	}
}

static const char *const tallies[] = {"registry_busy", NULL};

#define SCN(...)                                                                          \
	{                                                                                 \
		__VA_ARGS__, .no_spurious = true, .native_divisor = 4, .tallies = tallies \
	}

static const struct mc_scenario scenarios[] = {
	SCN(.name = "claims", .setup = setup_bare,
	    .threads = {claim_and_publish, claim_and_publish}, .finish = finish_one_winner),
	SCN(.name = "claims-far", .setup = setup_bare, .threads = {claim_far, claim_far},
	    .finish = finish),
	SCN(.name = "fresh-get", .setup = setup_bare, .threads = {fresh_put, read_0_twice},
	    .finish = finish),
	SCN(.name = "fresh-lock", .setup = setup_bare, .threads = {fresh_put, lock_count},
	    .finish = finish),
	SCN(.name = "fresh-pin", .setup = setup_bare, .threads = {fresh_put, pin_0},
	    .finish = finish),
	SCN(.name = "fresh-pair", .setup = setup_bare, .threads = {fresh_put, pair_00},
	    .finish = finish),
	SCN(.name = "fresh-scan", .setup = setup_bare, .threads = {fresh_put, fresh_scan},
	    .finish = finish),
	SCN(.name = "fresh-wait", .setup = setup_bare, .threads = {fresh_put, wait_no_time},
	    .finish = finish),
	SCN(.name = "fresh-many", .setup = setup_bare, .threads = {fresh_put, read_many},
	    .finish = finish),
	SCN(.name = "publish-read", .setup = setup_loading,
	    .threads = {publish_0, read_0_twice}, .finish = finish),
	SCN(.name = "publish-lock", .setup = setup_loading, .threads = {publish_0, lock_count},
	    .finish = finish),
	SCN(.name = "publish-pin", .setup = setup_loading, .threads = {publish_0, pin_read},
	    .finish = finish),
	SCN(.name = "publish-pair", .setup = setup_loading, .threads = {put_both, pair_01},
	    .finish = finish),
	SCN(.name = "publish-pair-back", .setup = setup_loading, .threads = {put_both, pair_10},
	    .finish = finish),
	SCN(.name = "read-drop", .setup = setup_one, .threads = {read_0_twice, drop_0},
	    .finish = finish),
	SCN(.name = "read-drop-reuse", .setup = setup_one,
	    .threads = {read_0_twice, drop_and_reuse}, .finish = finish),
	SCN(.name = "lock-drop", .setup = setup_one, .threads = {lock_count, drop_0},
	    .finish = finish),
	SCN(.name = "lock-drop2", .setup = setup_one, .threads = {drop_0, drop_0},
	    .finish = finish_one_winner),
	SCN(.name = "lock-reuse", .setup = setup_one, .threads = {lock_count, drop_and_reuse},
	    .finish = finish),
	SCN(.name = "lock-evict", .setup = setup_one, .threads = {lock_count, evict_twice},
	    .finish = finish),
	SCN(.name = "lock-told", .setup = setup_one, .threads = {lock_or_told, tell_and_drop},
	    .finish = finish),
	SCN(.name = "pair-drop", .setup = setup_two, .threads = {pair_01, drop_0},
	    .finish = finish),
	SCN(.name = "pair-orders", .setup = setup_two, .threads = {pair_01, pair_10},
	    .finish = finish),
	SCN(.name = "pin-drop", .setup = setup_one, .threads = {pin_twice, drop_0},
	    .finish = finish),
	SCN(.name = "pin2-drop", .setup = setup_one, .threads = {pin_0, pin_0, drop_0},
	    .finish = finish),
	SCN(.name = "pin-drop-claim", .setup = setup_one, .threads = {pin_0, drop_0, claim_0},
	    .finish = finish),
	SCN(.name = "pin-unpin-drop", .setup = setup_one, .threads = {pin_work, drop_0},
	    .finish = finish),
	SCN(.name = "pin-evict", .setup = setup_one, .threads = {pin_work, evict_only},
	    .finish = finish),
	SCN(.name = "pin-evict-load", .setup = setup_one, .threads = {pin_or_load, evict_twice},
	    .finish = finish),
	SCN(.name = "evict-load", .setup = setup_one,
	    .threads = {evict_only, load_evicted, pin_0}, .finish = finish),
	SCN(.name = "try-pin", .setup = setup_one, .threads = {find_and_try_pin, drop_0},
	    .finish = finish),
	SCN(.name = "scan", .setup = setup_scan, .threads = {scan, put_1_drop_2},
	    .finish = finish),
	SCN(.name = "scan-drop", .setup = setup_scan, .threads = {scan, put_1, drop_2},
	    .finish = finish),
	SCN(.name = "wait-publish", .setup = setup_loading,
	    .threads = {wait_and_read, publish_0}, .finish = finish),
	SCN(.name = "wait-abandon", .setup = setup_loading,
	    .threads = {wait_and_look, abandon_evicted}, .finish = finish),
	SCN(.name = "wait-deadline", .setup = setup_loading, .threads = {wait_until, publish_0},
	    .finish = finish),
	SCN(.name = "wait-reload", .setup = setup_loading,
	    .threads = {wait_no_time, abandon_and_claim}, .finish = finish_loading),
	SCN(.name = "abandon-claim", .setup = setup_loading,
	    .threads = {claim_and_look, abandon_evicted}, .finish = finish),
	SCN(.name = "history-drop", .setup = h_setup, .threads = {h_drop_load, h_get_pin},
	    .finish = finish, .spec = &spec),
	SCN(.name = "history-evict", .setup = h_setup, .threads = {h_evict_load, h_pin_state},
	    .finish = finish, .spec = &spec),
	SCN(.name = "history-load", .setup = h_setup, .threads = {h_drop_load, h_load_get},
	    .finish = finish, .spec = &spec),
#if !defined(PAWL_MC)
	SCN(.name = "churn", .setup = setup_churn, .threads = {churn, churn, churn},
	    .finish = finish_churn),
#endif
};
MC_MAIN(scenarios)
