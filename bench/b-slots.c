/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-slots.c - objects by id: ours, and plain arrays of pointers and of objects, which are the floor.
 * The peers are in base-urcu-slots.c and base-dashmap-slots.c, the workloads in work-slots.h.
 */
#include "work-slots.h"

#include <errno.h>
#include <stdlib.h>

#include <pawl/lock.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

void b_slots_enter(struct b_worker *w)
{
	(void)w;
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

void b_slots_leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

/* The objects of ids below `count`: kept until another number is asked for. */
struct b_object *b_objects(uint64_t count)
{
	static struct b_object *objects;
	static uint64_t made;

	if (made == count)
		return objects;
	free(objects);
	objects = b_alloc(count * sizeof(*objects));
	made = count;
	for (uint64_t i = 0; i < count; i++) {
		objects[i].id = (uint32_t)i;
		objects[i].value = i;
	}
	return objects;
}

int b_slots_prepare(const struct b_case *cas, void **ret_prepared, void *(*make)(uint64_t keys),
		    void (*put)(void *table, uint32_t id, struct b_object *object),
		    void (*drop)(void *table, uint64_t keys))
{
	struct b_slots *slots = b_alloc(sizeof(*slots));
	struct b_object *objects;
	uint64_t before;

	slots->keys = cas->arg & (B_SLOTS_ZIPF - 1);
	slots->cas = cas;
	slots->drop = drop;
	if (cas->arg & B_SLOTS_ZIPF) {
		slots->draws = b_zipf_make(slots->keys);
		if (!slots->draws)
			b_die("no memory");
	}
	objects = b_objects(slots->keys);
	before = b_heap_bytes();
	if (cas->enter)
		cas->enter(NULL);
	slots->table = make(slots->keys);
	for (uint64_t i = 0; i < slots->keys; i++)
		put(slots->table, (uint32_t)i, &objects[i]);
	if (cas->leave)
		cas->leave(NULL);
	slots->bytes_entry = (double)(b_heap_bytes() - before) / (double)slots->keys;
	*ret_prepared = slots;
	return 0;
}

void b_slots_discard(void *prepared)
{
	struct b_slots *slots = prepared;

	if (slots->cas->enter)
		slots->cas->enter(NULL);
	slots->drop(slots->table, slots->keys);
	if (slots->cas->leave)
		slots->cas->leave(NULL);
	free(slots->draws);
	free(slots);
}

void b_slots_teardown(struct b_run *run)
{
	struct b_slots *slots = run->prepared;

	b_extra(run, "bytes_entry", slots->bytes_entry);
}

static struct b_object *object_of(struct pawl_slot *slot)
{
	return PAWL_CONTAINER_OF(slot, struct b_object, slot);
}

/* ---- ours ---------------------------------------------------------------- */

/* Objects are not the table's to free here: what is timed is the table. */
static bool keep(struct pawl_slot *slot, void *arg)
{
	(void)slot;
	(void)arg;
	return false;
}

static void *ours_make(uint64_t keys)
{
	struct pawl_slots_options options = PAWL_SLOTS_OPTIONS_INIT;
	struct pawl_slots *slots;

	(void)keys;
	options.retire = keep;
	if (pawl_slots_create(&options, &slots))
		b_die("no memory");
	return slots;
}

static void ours_put(void *table, uint32_t id, struct b_object *object)
{
	enum pawl_slot_state was;

	pawl_lock_init(&object->slot.lock, PAWL_LOCK_RANK_NONE);
	if (pawl_slots_claim(table, id, &was))
		b_die("cannot claim %u", id);
	pawl_slots_publish(table, id, &object->slot, 0);
}

static void ours_drop(void *table, uint64_t keys)
{
	for (uint64_t id = 0; id < keys; id++) {
		struct pawl_slot *slot;

		if (pawl_slots_lock(table, (uint32_t)id, &slot))
			b_die("object %u is gone", (unsigned)id);
		(void)pawl_slots_drop(table, slot);
	}
	pawl_slots_destroy(table);
}

static inline uint64_t ours_read(void *table, const uint32_t *ids, size_t count)
{
	uint64_t sum = 0;

	pawl_rcu_begin();
	for (size_t i = 0; i < count; i++)
		sum += object_of(pawl_slots_get(table, ids[i]))->value;
	pawl_rcu_end();
	return sum;
}

static inline uint64_t each_read(void *table, const uint32_t *ids, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		pawl_rcu_begin();
		sum += object_of(pawl_slots_get(table, ids[i]))->value;
		pawl_rcu_end();
	}
	return sum;
}

static inline void ours_change(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pawl_slot *slot;

		if (pawl_slots_lock(table, ids[i], &slot))
			b_die("object %u is gone", ids[i]);
		object_of(slot)->value++;
		pawl_lock_unlock(&slot->lock);
	}
}

static inline void ours_hold(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pawl_slot *slot;

		if (pawl_slots_pin(table, ids[i], &slot))
			b_die("object %u is gone", ids[i]);
		b_use(object_of(slot)->value);
		(void)pawl_slots_unpin(table, slot);
	}
}

static inline void ours_renew(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pawl_slot *slot;

		if (pawl_slots_lock(table, ids[i], &slot))
			b_die("object %u is gone", ids[i]);
		(void)pawl_slots_drop(table, slot);
		ours_put(table, ids[i], object_of(slot));
	}
}

/* A section for each 1024 ids, as a long scan should. */
static inline uint64_t ours_scan(void *table, uint64_t keys)
{
	uint64_t sum = 0;
	uint32_t id = 0;

	while (id < keys) {
		struct pawl_slot *slot;
		uint32_t end = id + 1024;

		pawl_rcu_begin();
		for (; (slot = pawl_slots_next(table, &id, end)); id++)
			sum += object_of(slot)->value;
		pawl_rcu_end();
		id = end;
	}
	return sum;
}

B_SLOTS_TABLE(ours)
B_SLOTS_READ(ours, "pawl", b_slots_enter, b_slots_leave)
B_SLOTS_CHANGE(ours, "pawl", b_slots_enter, b_slots_leave)
B_SLOTS_HOLD(ours, "pawl", b_slots_enter, b_slots_leave)
B_SLOTS_RENEW(ours, "pawl", b_slots_enter, b_slots_leave)
B_SLOTS_SCAN(ours, "pawl", b_slots_enter, b_slots_leave)

/* Its objects' heads are in another table already: a bench of its own, beside the same peers. */
static inline uint64_t many_read(void *table, const uint32_t *ids, size_t count)
{
	struct pawl_slot *found[B_SLOTS_CHUNK];
	uint64_t sum = 0;

	pawl_rcu_begin();
	(void)pawl_slots_get_many(table, ids, count, found);
	for (size_t i = 0; i < count; i++)
		sum += object_of(found[i])->value;
	pawl_rcu_end();
	return sum;
}

#define many_make ours_make
#define many_put  ours_put
#define many_drop ours_drop
B_SLOTS_TABLE(many)
B_SLOTS_READ_AS(many, "slots-get-many", "pawl", b_slots_enter, b_slots_leave)

#define each_make ours_make
#define each_put  ours_put
#define each_drop ours_drop
B_SLOTS_TABLE(each)
B_SLOTS_READ_AS(each, "slots-get-alone", "pawl", b_slots_enter, b_slots_leave)

/* ---- an array of pointers ------------------------------------------------ */

static void *array_make(uint64_t keys)
{
	return b_alloc(keys * sizeof(struct pawl_atomic_ptr));
}

static void array_put(void *table, uint32_t id, struct b_object *object)
{
	struct pawl_atomic_ptr *words = table;

	pawl_lock_init(&object->slot.lock, PAWL_LOCK_RANK_NONE);
	pawl_store_release(&words[id], (void *)object);
}

static void array_drop(void *table, uint64_t keys)
{
	(void)keys;
	free(table);
}

static inline struct b_object *array_get(void *table, uint32_t id)
{
	struct pawl_atomic_ptr *words = table;

	return pawl_load_acquire(&words[id]);
}

static inline uint64_t array_read(void *table, const uint32_t *ids, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += array_get(table, ids[i])->value;
	return sum;
}

static inline void array_change(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct b_object *object = array_get(table, ids[i]);

		pawl_lock_lock(&object->slot.lock);
		object->value++;
		pawl_lock_unlock(&object->slot.lock);
	}
}

static inline void array_hold(void *table, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct b_object *object = array_get(table, ids[i]);

		pawl_add_relaxed(&object->users, 1u);
		b_use(object->value);
		pawl_sub_acq_rel(&object->users, 1u);
	}
}

static inline void array_renew(void *table, const uint32_t *ids, size_t count)
{
	struct pawl_atomic_ptr *words = table;

	for (size_t i = 0; i < count; i++) {
		struct b_object *object = pawl_xchg_acq_rel(&words[ids[i]], NULL);

		b_use(object);
		pawl_store_release(&words[ids[i]], (void *)object);
	}
}

static inline uint64_t array_scan(void *table, uint64_t keys)
{
	uint64_t sum = 0;

	for (uint64_t id = 0; id < keys; id++) {
		struct b_object *object = array_get(table, (uint32_t)id);

		if (object)
			sum += object->value;
	}
	return sum;
}

B_SLOTS_TABLE(array)
B_SLOTS_READ(array, "array", NULL, NULL)
#define array_many_make array_make
#define array_many_put	array_put
#define array_many_drop array_drop
#define array_many_read array_read
B_SLOTS_TABLE(array_many)
B_SLOTS_READ_AS(array_many, "slots-get-many", "array", NULL, NULL)
B_SLOTS_CHANGE(array, "array+pawl-lock", b_slots_enter, b_slots_leave)
B_SLOTS_HOLD(array, "array+count", NULL, NULL)
B_SLOTS_RENEW(array, "array+xchg", NULL, NULL)
B_SLOTS_SCAN(array, "array", NULL, NULL)

/* ---- an array of the objects themselves: what inline storage would be ------ */

static void *inline_make(uint64_t keys)
{
	return b_objects(keys);
}

static void inline_put(void *table, uint32_t id, struct b_object *object)
{
	(void)table;
	(void)id;
	(void)object;
}

static void inline_drop(void *table, uint64_t keys)
{
	(void)table;
	(void)keys;
}

static inline uint64_t inline_read(void *table, const uint32_t *ids, size_t count)
{
	const struct b_object *objects = table;
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += objects[ids[i]].value;
	return sum;
}

B_SLOTS_TABLE(inline)
B_SLOTS_READ(inline, "(objects inline)", NULL, NULL)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "slots-get",
		 .text = "find the object of a random id, read a word of it"},
		{.name = "slots-get-many", .text = "the same, 64 ids a call"},
		{.name = "slots-get-alone", .text = "the same, each in a section of its own"},
		{.name = "slots-lock",
		 .text = "find it, take its lock, count, give the lock back"},
		{.name = "slots-pin", .text = "find it, keep it, let it go"},
		{.name = "slots-renew",
		 .text = "take the object of an id out, put it in again; each thread its own ids"},
		{.name = "slots-scan", .text = "a scan of the whole table, each object read"},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
