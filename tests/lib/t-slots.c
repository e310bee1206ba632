/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-slots.c - pawl/slots.h: every call in every state of an id, the table's parts, both ends of the
 * range of ids, memory that runs out, contracts. What threads do to each other is in
 * verify/t-slots.c.
 */
#include "harness.h"

#include <errno.h>

#include <pawl.h>

#define COUNT 5000u

struct object {
	struct pawl_slot slot;
	/* As the header says: the node shares room with what is read under the lock. */
	union {
		struct pawl_retire_node node;
		uint64_t guarded[3];
	} u;
	uint32_t value;
};

static struct pawl_slots *table;
/* Handed to the retire function, and then freed by the reclaimer (its own counter). */
static unsigned retired;
static struct pawl_atomic_u32 freed;
/* Others lock the dying objects too: they find them dropped, and unlock. */
static bool contended;

static struct object *object_of(struct pawl_slot *slot)
{
	return PAWL_CONTAINER_OF(slot, struct object, slot);
}

static void object_free(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, u.node);

	pawl_mem_free(object, sizeof(*object), 0);
	pawl_add_relaxed(&freed, 1u);
}

static bool object_retire(struct pawl_slot *slot, void *arg)
{
	t_check(arg == &table);
	t_check(pawl_slot_dropped(slot));
	t_check(contended || !pawl_lock_is_locked(&slot->lock));
	retired++;
	return pawl_retire(&object_of(slot)->u.node, sizeof(struct object), object_free);
}

static struct object *object_make(uint32_t value)
{
	struct object *object = pawl_mem_zalloc(sizeof(*object), 0);

	t_check(object);
	pawl_lock_init(&object->slot.lock, PAWL_LOCK_RANK_USER);
	object->slot.generation = value + 7;
	object->value = value;
	return object;
}

static int create(void)
{
	struct pawl_slots_options options = PAWL_SLOTS_OPTIONS_INIT;

	options.retire = object_retire;
	options.arg = &table;
	retired = 0;
	pawl_store_relaxed(&freed, 0u);
	return pawl_slots_create(&options, &table);
}

static struct object *put(uint32_t id)
{
	enum pawl_slot_state was = PAWL_SLOT_STATE_COUNT;
	struct object *object = object_make(id ^ 0x5555u);

	t_check(!pawl_slots_claim(table, id, &was));
	t_check(was == PAWL_SLOT_EMPTY);
	pawl_slots_publish(table, id, &object->slot, 0);
	return object;
}

static struct object *get(uint32_t id)
{
	struct pawl_slot *slot;

	pawl_rcu_begin();
	slot = pawl_slots_get(table, id);
	pawl_rcu_end();
	return slot ? object_of(slot) : NULL;
}

static void drop(uint32_t id)
{
	struct pawl_slot *slot;

	t_check(!pawl_slots_lock(table, id, &slot));
	if (pawl_slots_drop(table, slot))
		pawl_retire_wait();
}

/* Drop what is left, and see it freed. */
static void destroy(void)
{
	uint32_t id = 0;

	for (;;) {
		struct pawl_slot *slot;

		pawl_rcu_begin();
		slot = pawl_slots_next(table, &id, UINT32_MAX);
		pawl_rcu_end();
		if (!slot)
			break;
		drop(id);
	}
	pawl_retire_barrier();
	t_check(pawl_load_relaxed(&freed) == retired);
	pawl_slots_destroy(table);
	table = NULL;
}

/* ---- creation ------------------------------------------------------------ */

static void case_options(void **state)
{
	struct pawl_slots_options options = PAWL_SLOTS_OPTIONS_INIT;
	struct pawl_slots *made = NULL;

	(void)state;
	assert_int_equal(options.size, sizeof(options));
	t_assert_errno(pawl_slots_create(&options, &made), EINVAL);
	options.retire = object_retire;
	options.size--;
	t_assert_errno(pawl_slots_create(&options, &made), EINVAL);
	options.size += 2;
	t_assert_errno(pawl_slots_create(&options, &made), E2BIG);
	assert_null(made);
	options.size--;
	assert_int_equal(pawl_slots_create(&options, &made), 0);
	assert_non_null(made);
	pawl_slots_destroy(made);
	pawl_slots_destroy(NULL);
}

static void case_empty(void **state)
{
	static const uint32_t ids[] = {0,	   1,	       2047,	   2048,      1u << 21,
				       0x3fffffff, 0x7fffffff, 0x80000000, UINT32_MAX};
	struct pawl_slot *slot = (void *)&table;
	struct pawl_slot *other = (void *)&table;
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(create(), 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_null(get(ids[i]));
		assert_int_equal(pawl_slots_state(table, ids[i]), PAWL_SLOT_EMPTY);
		t_assert_errno(pawl_slots_lock(table, ids[i], &slot), ENOENT);
		t_assert_errno(pawl_slots_pin(table, ids[i], &slot), ENOENT);
		t_assert_errno(pawl_slots_lock_pair(table, ids[i], 5, &slot, &other), ENOENT);
		assert_int_equal(pawl_slots_wait(table, ids[i], PAWL_FOREVER), 0);
	}
	pawl_rcu_begin();
	assert_null(pawl_slots_next(table, &cursor, UINT32_MAX));
	pawl_rcu_end();
	assert_int_equal(cursor, 0);
	assert_ptr_equal(slot, &table);
	assert_ptr_equal(other, &table);
	destroy();
}

/* ---- states -------------------------------------------------------------- */

static void case_claim(void **state)
{
	enum pawl_slot_state was = PAWL_SLOT_STATE_COUNT;

	(void)state;
	assert_int_equal(create(), 0);
	t_assert_errno(pawl_slots_claim(table, PAWL_SLOTS_ID_MAX + 1, &was), EINVAL);
	t_assert_errno(pawl_slots_claim(table, UINT32_MAX, &was), EINVAL);
	assert_int_equal(was, PAWL_SLOT_STATE_COUNT);

	assert_int_equal(pawl_slots_claim(table, 9, &was), 0);
	assert_int_equal(was, PAWL_SLOT_EMPTY);
	was = PAWL_SLOT_STATE_COUNT;
	t_assert_errno(pawl_slots_claim(table, 9, &was), EBUSY);
	assert_int_equal(was, PAWL_SLOT_STATE_COUNT);
	assert_int_equal(pawl_slots_state(table, 9), PAWL_SLOT_LOADING);
	assert_null(get(9));

	pawl_slots_abandon(table, 9, PAWL_SLOT_EVICTED);
	assert_int_equal(pawl_slots_state(table, 9), PAWL_SLOT_EVICTED);
	assert_null(get(9));
	assert_int_equal(pawl_slots_claim(table, 9, &was), 0);
	assert_int_equal(was, PAWL_SLOT_EVICTED);
	pawl_slots_abandon(table, 9, PAWL_SLOT_EMPTY);
	assert_int_equal(pawl_slots_state(table, 9), PAWL_SLOT_EMPTY);
	assert_int_equal(pawl_slots_claim(table, 9, &was), 0);
	assert_int_equal(was, PAWL_SLOT_EMPTY);
	pawl_slots_publish(table, 9, &object_make(1)->slot, 0);
	t_assert_errno(pawl_slots_claim(table, 9, &was), EEXIST);
	assert_int_equal(pawl_slots_state(table, 9), PAWL_SLOT_LIVE);
	destroy();
}

static void case_errors_by_state(void **state)
{
	enum pawl_slot_state was;
	struct pawl_slot *slot = NULL, *other = NULL;

	(void)state;
	assert_int_equal(create(), 0);
	put(0);
	assert_int_equal(pawl_slots_claim(table, 1, &was), 0);
	assert_int_equal(pawl_slots_claim(table, 2, &was), 0);
	pawl_slots_abandon(table, 2, PAWL_SLOT_EVICTED);

	t_assert_errno(pawl_slots_lock(table, 1, &slot), EBUSY);
	t_assert_errno(pawl_slots_pin(table, 1, &slot), EBUSY);
	t_assert_errno(pawl_slots_lock(table, 2, &slot), ENODATA);
	t_assert_errno(pawl_slots_pin(table, 2, &slot), ENODATA);
	t_assert_errno(pawl_slots_lock(table, 3, &slot), ENOENT);
	t_assert_errno(pawl_slots_pin(table, 3, &slot), ENOENT);
	t_assert_errno(pawl_slots_lock_pair(table, 0, 1, &slot, &other), EBUSY);
	t_assert_errno(pawl_slots_lock_pair(table, 2, 0, &slot, &other), ENODATA);
	t_assert_errno(pawl_slots_lock_pair(table, 0, 3, &slot, &other), ENOENT);
	t_assert_errno(pawl_slots_lock_pair(table, 1, 2, &slot, &other), EBUSY);
	assert_null(slot);
	assert_null(other);
	assert_int_equal(pawl_slots_wait(table, 0, PAWL_FOREVER), 0);
	assert_int_equal(pawl_slots_wait(table, 2, PAWL_FOREVER), 0);
	t_assert_errno(pawl_slots_wait(table, 1, 0), ETIMEDOUT);
	/* Once somebody has waited the word says so; nothing else changes. */
	assert_int_equal(pawl_slots_state(table, 1), PAWL_SLOT_LOADING);
	t_assert_errno(pawl_slots_claim(table, 1, &was), EBUSY);
	t_assert_errno(pawl_slots_pin(table, 1, &slot), EBUSY);
	pawl_slots_abandon(table, 1, PAWL_SLOT_EMPTY);
	destroy();
}

static void case_publish(void **state)
{
	struct object *object;

	(void)state;
	assert_int_equal(create(), 0);
	object = put(77);
	assert_ptr_equal(get(77), object);
	assert_int_equal(pawl_slot_id(&object->slot), 77);
	assert_int_equal(object->slot.generation, (77 ^ 0x5555) + 7);
	assert_false(pawl_slot_dropped(&object->slot));
	assert_null(get(76));
	assert_null(get(78));
	drop(77);
	assert_null(get(77));
	assert_int_equal(pawl_slots_state(table, 77), PAWL_SLOT_EMPTY);
	assert_int_equal(retired, 1);
	/* The id is free for another one at once. */
	object = put(77);
	assert_ptr_equal(get(77), object);
	destroy();
}

static void case_in_section(void **state)
{
	struct object *object;
	struct pawl_slot *slot;

	(void)state;
	assert_int_equal(create(), 0);
	object = put(4);
	pawl_rcu_begin();
	assert_ptr_equal(pawl_slots_get(table, 4), &object->slot);
	assert_int_equal(pawl_slots_lock(table, 4, &slot), 0);
	pawl_slots_drop(table, slot);
	/* Dropped, and there to the end of the section. */
	pawl_retire_flush();
	assert_true(pawl_slot_dropped(&object->slot));
	assert_false(pawl_slot_try_pin(&object->slot));
	pawl_lock_lock(&object->slot.lock);
	pawl_lock_unlock(&object->slot.lock);
	assert_int_equal(pawl_load_relaxed(&freed), 0);
	pawl_rcu_end();
	destroy();
}

/* ---- pins ---------------------------------------------------------------- */

static void case_pins(void **state)
{
	struct pawl_slot *a, *b;
	bool pressed;

	(void)state;
	assert_int_equal(create(), 0);
	put(3);
	assert_int_equal(pawl_slots_pin(table, 3, &a), 0);
	assert_int_equal(pawl_slots_pin(table, 3, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(pawl_slots_lock(table, 3, &b), 0);
	t_assert_errno(pawl_slots_evict(table, b, &pressed), EBUSY);
	assert_true(pawl_lock_is_locked(&b->lock));
	assert_false(pawl_slot_dropped(b));
	assert_false(pawl_slots_drop(table, b));
	assert_false(pawl_lock_is_locked(&b->lock));

	/* Dropped with two pins: it stays, and cannot be had any more. */
	assert_true(pawl_slot_dropped(a));
	assert_int_equal(retired, 0);
	assert_false(pawl_slot_try_pin(a));
	t_assert_errno(pawl_slots_pin(table, 3, &b), ENOENT);
	assert_int_equal(object_of(a)->value, 3 ^ 0x5555);
	pawl_slots_unpin(table, a);
	assert_int_equal(retired, 0);
	pawl_slots_unpin(table, a);
	assert_int_equal(retired, 1);
	destroy();
}

static void case_published_pinned(void **state)
{
	struct object *object = object_make(1);
	enum pawl_slot_state was;

	(void)state;
	assert_int_equal(create(), 0);
	assert_int_equal(pawl_slots_claim(table, 1, &was), 0);
	pawl_slots_publish(table, 1, &object->slot, 2);
	assert_true(pawl_slot_try_pin(&object->slot));
	drop(1);
	for (unsigned left = 3; left; left--) {
		assert_int_equal(retired, 0);
		pawl_slots_unpin(table, &object->slot);
	}
	assert_int_equal(retired, 1);
	destroy();
}

static void case_evict(void **state)
{
	struct pawl_slot *slot;
	enum pawl_slot_state was;
	bool pressed = true;

	(void)state;
	assert_int_equal(create(), 0);
	put(8);
	assert_int_equal(pawl_slots_pin(table, 8, &slot), 0);
	assert_false(pawl_slots_unpin(table, slot));
	assert_int_equal(pawl_slots_lock(table, 8, &slot), 0);
	assert_int_equal(pawl_slots_evict(table, slot, &pressed), 0);
	assert_false(pressed);
	assert_int_equal(retired, 1);
	assert_int_equal(pawl_slots_state(table, 8), PAWL_SLOT_EVICTED);
	assert_null(get(8));
	t_assert_errno(pawl_slots_lock(table, 8, &slot), ENODATA);
	t_assert_errno(pawl_slots_pin(table, 8, &slot), ENODATA);
	assert_int_equal(pawl_slots_claim(table, 8, &was), 0);
	assert_int_equal(was, PAWL_SLOT_EVICTED);
	pawl_slots_publish(table, 8, &object_make(2)->slot, 0);
	assert_int_equal(get(8)->value, 2);
	destroy();
}

/* What the retire function answers comes through drop, evict and unpin. */
static void case_pressure(void **state)
{
	struct pawl_slot *slot;
	bool pressed = false;

	(void)state;
	assert_int_equal(pawl_retire_set_limit(PAWL_RETIRE_LIMIT_MIN), 0);
	assert_int_equal(create(), 0);
	put(0);
	put(1);
	put(2);
	assert_int_equal(pawl_slots_pin(table, 2, &slot), 0);
	drop(2);
	/* A section keeps what is pending pending. */
	pawl_rcu_begin();
	for (uint32_t id = 100; id < 100 + COUNT / 10; id++) {
		struct pawl_slot *mine;

		put(id);
		assert_int_equal(pawl_slots_lock(table, id, &mine), 0);
		pressed = pawl_slots_drop(table, mine);
	}
	assert_true(pressed);
	assert_true(pawl_slots_unpin(table, slot));
	assert_int_equal(pawl_slots_lock(table, 0, &slot), 0);
	pressed = false;
	assert_int_equal(pawl_slots_evict(table, slot, &pressed), 0);
	assert_true(pressed);
	pawl_rcu_end();
	pawl_retire_wait();
	destroy();
	assert_int_equal(pawl_retire_set_limit(PAWL_RETIRE_LIMIT_DEFAULT), 0);
}

/* ---- locks --------------------------------------------------------------- */

static void case_lock(void **state)
{
	struct object *object;
	struct pawl_slot *slot, *a, *b;

	(void)state;
	assert_int_equal(create(), 0);
	object = put(10);
	put(11);
	assert_int_equal(pawl_slots_lock(table, 10, &slot), 0);
	assert_ptr_equal(slot, &object->slot);
	assert_true(pawl_lock_is_locked(&slot->lock));
	pawl_lock_unlock(&slot->lock);

	assert_int_equal(pawl_slots_lock_pair(table, 10, 11, &a, &b), 0);
	assert_int_equal(pawl_slot_id(a), 10);
	assert_int_equal(pawl_slot_id(b), 11);
	assert_true(pawl_lock_is_locked(&a->lock) && pawl_lock_is_locked(&b->lock));
	pawl_lock_unlock_pair(&a->lock, &b->lock);
	assert_int_equal(pawl_slots_lock_pair(table, 11, 10, &a, &b), 0);
	assert_int_equal(pawl_slot_id(a), 11);
	assert_int_equal(pawl_slot_id(b), 10);
	pawl_lock_unlock_pair(&a->lock, &b->lock);
	assert_int_equal(pawl_slots_lock_pair(table, 11, 11, &a, &b), 0);
	assert_ptr_equal(a, b);
	pawl_lock_unlock_pair(&a->lock, &b->lock);
	assert_false(pawl_lock_is_locked(&a->lock));
	destroy();
}

/* Takes the lock of a dying object: sees that it is, and finds the next one of the id. */
struct lock_late {
	struct pawl_atomic_u32 started;
	uint32_t value;
};

static void lock_late(void *arg)
{
	struct lock_late *late = arg;
	struct pawl_slot *slot;

	pawl_store_release(&late->started, 1u);
	/* Between the two objects there is none, and then one that is being made. */
	t_wait_until(!pawl_slots_lock(table, 5, &slot));
	late->value = object_of(slot)->value;
	pawl_lock_unlock(&slot->lock);
}

static void case_lock_waits_for_drop(void **state)
{
	struct lock_late late = {.value = 0};

	(void)state;
	assert_int_equal(create(), 0);
	put(5);
	contended = true;
	for (uint32_t round = t_scaled(200); round; round--) {
		struct pawl_slot *slot;
		struct t_thread *thread;

		pawl_store_relaxed(&late.started, 0u);
		assert_int_equal(pawl_slots_lock(table, 5, &slot), 0);
		thread = t_thread_start(lock_late, &late);
		t_wait_until(pawl_load_acquire(&late.started));
		if (pawl_slots_drop(table, slot))
			pawl_retire_wait();
		put(5);
		t_thread_join(thread);
		assert_int_equal(late.value, 5 ^ 0x5555);
		t_step();
	}
	contended = false;
	destroy();
}

/* ---- many ids ------------------------------------------------------------ */

static void case_dense(void **state)
{
	unsigned seen = 0;
	struct pawl_slot *slot;
	uint32_t id;
	size_t bytes;

	(void)state;
	assert_int_equal(create(), 0);
	bytes = pawl_slots_bytes(table);
	for (id = 0; id < COUNT; id++)
		put(id);
	/* A middle node, and pages of 2048 ids. */
	assert_int_equal(pawl_slots_bytes(table), bytes + 8192 + (COUNT + 2047) / 2048 * 16384);
	for (id = 0; id < COUNT; id++)
		assert_int_equal(get(id)->value, id ^ 0x5555);
	for (id = 0; id < COUNT; id += 3)
		drop(id);
	pawl_rcu_begin();
	for (id = 0; (slot = pawl_slots_next(table, &id, UINT32_MAX)); id++) {
		assert_int_not_equal(id % 3, 0);
		assert_int_equal(object_of(slot)->value, id ^ 0x5555);
		assert_int_equal(pawl_slot_id(slot), id);
		seen++;
	}
	pawl_rcu_end();
	assert_int_equal(seen, COUNT - (COUNT + 2) / 3);
	destroy();
}

/* More than one batch, with gaps, repeats, and ids that are none. */
static void case_many(void **state)
{
	static uint32_t ids[100];
	static struct pawl_slot *found[100];
	size_t expected = 0;

	(void)state;
	assert_int_equal(create(), 0);
	for (uint32_t id = 0; id < 200; id += 2)
		put(id);
	for (unsigned i = 0; i < 100; i++) {
		ids[i] = i % 7 == 6 ? UINT32_MAX - i : (i * 37) % 150;
		expected += ids[i] < 200 && ids[i] % 2 == 0;
	}
	pawl_rcu_begin();
	assert_int_equal(pawl_slots_get_many(table, ids, 0, found), 0);
	assert_int_equal(pawl_slots_get_many(table, ids, 100, found), expected);
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(found[i], pawl_slots_get(table, ids[i]));
	pawl_rcu_end();
	destroy();
}

static void case_sparse(void **state)
{
	static const uint32_t ids[] = {
		0,	  2047,	    2048,	(1u << 21) - 1,	  1u << 21,
		12345678, 1u << 30, 0x7ffffffe, PAWL_SLOTS_ID_MAX};
	enum { N = sizeof(ids) / sizeof(ids[0]) };
	struct pawl_slot *slot;
	uint32_t cursor;
	size_t bytes, i;

	(void)state;
	assert_int_equal(create(), 0);
	bytes = pawl_slots_bytes(table);
	assert_in_range(bytes, 1, 16384);
	put(PAWL_SLOTS_ID_MAX);
	/* One lone id, the highest: a middle node and a page. */
	assert_int_equal(pawl_slots_bytes(table), bytes + 8192 + 16384);
	drop(PAWL_SLOTS_ID_MAX);
	for (i = 0; i < N; i++)
		put(ids[i]);
	pawl_rcu_begin();
	for (cursor = 0, i = 0; (slot = pawl_slots_next(table, &cursor, UINT32_MAX));
	     cursor++, i++) {
		assert_int_equal(cursor, ids[i]);
		assert_int_equal(object_of(slot)->value, ids[i] ^ 0x5555);
	}
	assert_int_equal(i, N);

	/* Both ends of a range, and none beyond. */
	cursor = 2048;
	assert_non_null(pawl_slots_next(table, &cursor, 2049));
	assert_int_equal(cursor, 2048);
	cursor = 2048;
	assert_null(pawl_slots_next(table, &cursor, 2048));
	cursor = 2049;
	assert_null(pawl_slots_next(table, &cursor, (1u << 21) - 1));
	cursor = PAWL_SLOTS_ID_MAX;
	assert_null(pawl_slots_next(table, &cursor, PAWL_SLOTS_ID_MAX));
	assert_non_null(pawl_slots_next(table, &cursor, PAWL_SLOTS_ID_MAX + 1));
	cursor = PAWL_SLOTS_ID_MAX + 1;
	assert_null(pawl_slots_next(table, &cursor, UINT32_MAX));
	cursor = UINT32_MAX;
	assert_null(pawl_slots_next(table, &cursor, UINT32_MAX));
	pawl_rcu_end();
	destroy();
}

/* ---- waiting ------------------------------------------------------------- */

struct wait_late {
	struct pawl_atomic_u32 waiting;
	uint32_t id;
	int error;
};

static void wait_late(void *arg)
{
	struct wait_late *late = arg;

	pawl_store_release(&late->waiting, 1u);
	late->error = pawl_slots_wait(table, late->id, PAWL_FOREVER);
}

static void case_wait(void **state)
{
	struct wait_late late[3] = {{.id = 1}, {.id = 1}, {.id = 17}};
	struct t_thread *threads[3];
	enum pawl_slot_state was;

	(void)state;
	assert_int_equal(create(), 0);
	/* 1 and 17 share an event: who is woken for the other sleeps on. */
	assert_int_equal(pawl_slots_claim(table, 1, &was), 0);
	assert_int_equal(pawl_slots_claim(table, 17, &was), 0);
	for (unsigned i = 0; i < 3; i++)
		threads[i] = t_thread_start(wait_late, &late[i]);
	for (unsigned i = 0; i < 3; i++)
		t_wait_until(pawl_load_acquire(&late[i].waiting));
	pawl_slots_publish(table, 1, &object_make(0)->slot, 0);
	t_thread_join(threads[0]);
	t_thread_join(threads[1]);
	pawl_slots_abandon(table, 17, PAWL_SLOT_EMPTY);
	t_thread_join(threads[2]);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(late[i].error, 0);
	destroy();
}

/* ---- threads ------------------------------------------------------------- */

#define RACERS 3
#define IDS    64

static struct pawl_atomic_u32 loads;

/* Everybody wants all ids; each is loaded by exactly one. */
static void race(void *arg)
{
	struct t_barrier *barrier = arg;

	t_barrier_wait(barrier);
	for (uint32_t id = 0; id < IDS; id++) {
		enum pawl_slot_state was;
		int error = pawl_slots_claim(table, id, &was);

		if (!error) {
			pawl_add_relaxed(&loads, 1u);
			pawl_slots_publish(table, id, &object_make(id)->slot, 0);
			continue;
		}
		if (error == -EBUSY)
			t_check(!pawl_slots_wait(table, id, PAWL_FOREVER));
		else
			t_check(error == -EEXIST);
		t_check(get(id));
	}
}

static void case_one_loader(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(50); round; round--) {
		struct t_barrier *barrier = t_barrier_make(RACERS);
		struct t_thread *threads[RACERS];

		assert_int_equal(create(), 0);
		pawl_store_relaxed(&loads, 0u);
		for (unsigned i = 0; i < RACERS; i++)
			threads[i] = t_thread_start(race, barrier);
		for (unsigned i = 0; i < RACERS; i++)
			t_thread_join(threads[i]);
		t_barrier_drop(barrier);
		assert_int_equal(pawl_load_relaxed(&loads), IDS);
		destroy();
		t_step();
	}
}

/* ---- memory -------------------------------------------------------------- */

static int oom_claim(void)
{
	enum pawl_slot_state was = PAWL_SLOT_STATE_COUNT;
	struct object *object;
	int error;

	error = pawl_thread_attach("oom");
	if (error)
		return error;
	table = NULL;
	error = create();
	if (error) {
		t_check(!table);
		goto detach;
	}
	error = pawl_slots_claim(table, 1u << 25, &was);
	if (error) {
		t_check(was == PAWL_SLOT_STATE_COUNT);
		t_check(pawl_slots_state(table, 1u << 25) == PAWL_SLOT_EMPTY);
		t_check(!get(1u << 25));
		pawl_slots_destroy(table);
		goto detach;
	}
	/* What a loader does when it has no memory for the object. */
	object = pawl_mem_zalloc(sizeof(*object), 0);
	if (!object) {
		pawl_slots_abandon(table, 1u << 25, PAWL_SLOT_EMPTY);
		error = -ENOMEM;
	} else {
		pawl_slots_publish(table, 1u << 25, &object->slot, 0);
	}
	destroy();
detach:
	pawl_thread_detach();
	return error;
}

/* ---- contracts ----------------------------------------------------------- */

enum breach {
	PUBLISH_UNCLAIMED,
	PUBLISH_LIVE,
	PUBLISH_UNALIGNED,
	ABANDON_UNCLAIMED,
	ABANDON_AS_LIVE,
	UNPIN_UNPINNED,
	DROP_TWICE,
	EVICT_DROPPED,
	DROP_FOREIGN,
	DESTROY_LIVE,
	DESTROY_LOADING,
};

static void break_contract(void *arg)
{
	enum pawl_slot_state was;
	struct object *object;
	struct pawl_slot *slot;
	bool pressed;

	t_check(!pawl_thread_attach("child"));
	t_check(!create());
	object = put(0);
	slot = &object->slot;
	t_check(!pawl_slots_claim(table, 1, &was));
	switch (*(const enum breach *)arg) {
	case PUBLISH_UNCLAIMED:
		pawl_slots_publish(table, 2, &object_make(0)->slot, 0);
		break;
	case PUBLISH_LIVE:
		pawl_slots_publish(table, 0, &object_make(0)->slot, 0);
		break;
	case PUBLISH_UNALIGNED:
		pawl_slots_publish(table, 1, (void *)((char *)slot + 4), 0);
		break;
	case ABANDON_UNCLAIMED:
		pawl_slots_abandon(table, 1u << 30, PAWL_SLOT_EMPTY);
		break;
	case ABANDON_AS_LIVE:
		pawl_slots_abandon(table, 1, PAWL_SLOT_LIVE);
		break;
	case UNPIN_UNPINNED:
		pawl_slots_unpin(table, slot);
		break;
	case DROP_TWICE:
		t_check(pawl_slot_try_pin(slot));
		pawl_lock_lock(&slot->lock);
		pawl_slots_drop(table, slot);
		pawl_lock_lock(&slot->lock);
		pawl_slots_drop(table, slot);
		break;
	case EVICT_DROPPED:
		t_check(pawl_slot_try_pin(slot));
		pawl_lock_lock(&slot->lock);
		pawl_slots_drop(table, slot);
		pawl_lock_lock(&slot->lock);
		t_check(!pawl_slots_evict(table, slot, &pressed));
		break;
	case DROP_FOREIGN:
		t_check(!create());
		pawl_lock_lock(&slot->lock);
		pawl_slots_drop(table, slot);
		break;
	case DESTROY_LIVE:
		pawl_slots_abandon(table, 1, PAWL_SLOT_EMPTY);
		pawl_slots_destroy(table);
		break;
	case DESTROY_LOADING:
		drop(0);
		pawl_slots_destroy(table);
		break;
	}
}

static void case_contracts(void **state)
{
	static const struct {
		enum breach breach;
		const char *text;
	} all[] = {
		{PUBLISH_UNCLAIMED, "the id is claimed"},
		{PUBLISH_LIVE, "the id is claimed"},
		{PUBLISH_UNALIGNED, "aligned to 8"},
		{ABANDON_UNCLAIMED, "the id is claimed"},
		{ABANDON_AS_LIVE, "PAWL_SLOT_EVICTED"},
		{UNPIN_UNPINNED, "was pinned"},
		{DROP_TWICE, "dropped once"},
		{EVICT_DROPPED, "evicted once"},
		{DROP_FOREIGN, "of this table"},
		{DESTROY_LIVE, "no object"},
		{DESTROY_LOADING, "no object"},
	};

	(void)state;
	if (T_TSAN)
		return t_skip("the thread sanitizer starts no threads in a forked child");
	pawl_thread_detach();
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_true(t_aborts(break_contract, (void *)&all[i].breach, all[i].text));
}

#ifdef PAWL_DEBUG
static void get_outside(void *arg)
{
	(void)arg;
	t_check(!pawl_thread_attach("child"));
	t_check(!create());
	(void)pawl_slots_get(table, 0);
}

static void case_debug(void **state)
{
	(void)state;
	if (T_TSAN)
		return t_skip("the thread sanitizer starts no threads in a forked child");
	pawl_thread_detach();
	assert_true(t_aborts(get_outside, NULL, "in a section"));
}
#endif

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_options),	   cmocka_unit_test(case_empty),
		cmocka_unit_test(case_claim),	   cmocka_unit_test(case_errors_by_state),
		cmocka_unit_test(case_publish),	   cmocka_unit_test(case_in_section),
		cmocka_unit_test(case_pins),	   cmocka_unit_test(case_published_pinned),
		cmocka_unit_test(case_evict),	   cmocka_unit_test(case_pressure),
		cmocka_unit_test(case_lock),	   cmocka_unit_test(case_lock_waits_for_drop),
		cmocka_unit_test(case_dense),	   cmocka_unit_test(case_many),
		cmocka_unit_test(case_sparse),	   cmocka_unit_test(case_wait),
		cmocka_unit_test(case_one_loader), T_OOM(oom_claim),
		cmocka_unit_test(case_contracts),
#ifdef PAWL_DEBUG
		cmocka_unit_test(case_debug),
#endif
	};

	return t_run("slots", cases);
}
