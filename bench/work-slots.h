/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work-slots.h - the workloads of b-slots, expanded for each contender in the file that knows it.
 * A contender is a way from a 32-bit id to an object; it defines
 *
 *	void *NAME_make(uint64_t keys)               a table with room for so many
 *	void NAME_drop(void *table, uint64_t keys)   empty but for the objects of ids below `keys`
 *	void NAME_put(void *table, uint32_t id, struct b_object *object)
 *	uint64_t NAME_read(void *table, const uint32_t *ids, size_t count)
 *
 * and where it can, with the macro of each,
 *
 *	void NAME_change(void *table, const uint32_t *ids, size_t count)    alone with the object: ++
 *	void NAME_hold(void *table, const uint32_t *ids, size_t count)      keep it, let it go
 *	void NAME_renew(void *table, const uint32_t *ids, size_t count)     take out, put in again
 *	uint64_t NAME_scan(void *table, uint64_t keys)
 *
 * Objects are the same ones for everybody, 64 bytes each, a line of their own. Ids are drawn 64 at a
 * time and handed to the contender, who opens one read section for them if he needs one.
 */
#ifndef B_WORK_SLOTS_H
#define B_WORK_SLOTS_H

#include "bench.h"
#include "keys.h"

#include <pawl/slots.h>

struct b_object {
	struct pawl_slot slot;
	uint64_t value; /* read by everybody, changed under the lock */
	struct pawl_atomic_u32 users;
	uint32_t id;
	void *node[2]; /* of a hash table */
	uint64_t rest[2];
};
PAWL_STATIC_ASSERT(sizeof(struct b_object) == 64, "a line");

enum { B_SLOTS_CHUNK = 64 };
#define B_SLOTS_ZIPF (UINT64_C(1) << 32)

/* What a cell has in all its repetitions. */
struct b_slots {
	const struct b_case *cas;
	void *table;
	void (*drop)(void *table, uint64_t keys);
	uint64_t keys;
	uint32_t *draws; /* NULL: uniform */
	double bytes_entry;
};

/* b-slots.c */
struct b_object *b_objects(uint64_t count);
int b_slots_prepare(const struct b_case *cas, void **ret_prepared, void *(*make)(uint64_t keys),
		    void (*put)(void *table, uint32_t id, struct b_object *object),
		    void (*drop)(void *table, uint64_t keys));
void b_slots_discard(void *prepared);
void b_slots_teardown(struct b_run *run);
void b_slots_enter(struct b_worker *w);
void b_slots_leave(struct b_worker *w);

static inline size_t b_slots_draw(struct b_worker *w, const struct b_slots *slots, uint64_t n,
				  uint32_t *ids)
{
	size_t count = n < B_SLOTS_CHUNK ? (size_t)n : B_SLOTS_CHUNK;

	if (slots->draws) {
		uint64_t at = b_random(w);

		for (size_t i = 0; i < count; i++)
			ids[i] = slots->draws[(at + i) % B_ZIPF_DRAWS];
	} else {
		for (size_t i = 0; i < count; i++)
			ids[i] = (uint32_t)(((b_random(w) >> 32) * slots->keys) >> 32);
	}
	return count;
}

#define B_SLOTS_TABLE(NAME)                                                        \
	static int NAME##_prepare(const struct b_case *cas, void **ret_prepared)   \
	{                                                                          \
		return b_slots_prepare(cas, ret_prepared, NAME##_make, NAME##_put, \
				       NAME##_drop);                               \
	}

/* One case; `CALL(table, ids, count)` is what is timed. */
#define B_SLOTS_WORK(NAME, WHAT, CALL)                                   \
	static void NAME##_##WHAT##_work(struct b_worker *w, uint64_t n) \
	{                                                                \
		struct b_slots *slots = w->run->prepared;                \
		uint32_t ids[B_SLOTS_CHUNK];                             \
                                                                         \
		while (n) {                                              \
			size_t count = b_slots_draw(w, slots, n, ids);   \
                                                                         \
			CALL(slots->table, ids, count);                  \
			n -= count;                                      \
		}                                                        \
	}

#define B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER, PARAMS, ARG, ENTER, LEAVE)              \
	{                                                                                  \
		.bench = BENCH, .contender = CONTENDER, .params = PARAMS, .arg = ARG,      \
		.prepare = NAME##_prepare, .discard = b_slots_discard, .enter = ENTER,     \
		.work = NAME##_##WHAT##_work, .leave = LEAVE, .teardown = b_slots_teardown \
	}

#define B_SLOTS_CASES(NAME, WHAT, BENCH, CONTENDER, ENTER, LEAVE)                             \
	static const struct b_case NAME##_##WHAT##_cases[] = {                                \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER,                                    \
			     "\"keys\":1000,\"dist\":\"uniform\"", 1000, ENTER, LEAVE),       \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER, "\"keys\":1000,\"dist\":\"zipf\"", \
			     1000 | B_SLOTS_ZIPF, ENTER, LEAVE),                              \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER,                                    \
			     "\"keys\":100000,\"dist\":\"uniform\"", 100000, ENTER, LEAVE),   \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER,                                    \
			     "\"keys\":100000,\"dist\":\"zipf\"", 100000 | B_SLOTS_ZIPF,      \
			     ENTER, LEAVE),                                                   \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER,                                    \
			     "\"keys\":10000000,\"dist\":\"uniform\"", 10000000, ENTER,       \
			     LEAVE),                                                          \
		B_SLOTS_CASE(NAME, WHAT, BENCH, CONTENDER,                                    \
			     "\"keys\":10000000,\"dist\":\"zipf\"", 10000000 | B_SLOTS_ZIPF,  \
			     ENTER, LEAVE),                                                   \
	};                                                                                    \
	B_CASES(NAME##_##WHAT##_cases)

#define B_SLOTS_READ(NAME, CONTENDER, ENTER, LEAVE) \
	B_SLOTS_READ_AS(NAME, "slots-get", CONTENDER, ENTER, LEAVE)
#define B_SLOTS_READ_AS(NAME, BENCH, CONTENDER, ENTER, LEAVE)                         \
	static inline void NAME##_use(void *table, const uint32_t *ids, size_t count) \
	{                                                                             \
		b_use(NAME##_read(table, ids, count));                                \
	}                                                                             \
	B_SLOTS_WORK(NAME, read, NAME##_use)                                          \
	B_SLOTS_CASES(NAME, read, BENCH, CONTENDER, ENTER, LEAVE)
#define B_SLOTS_CHANGE(NAME, CONTENDER, ENTER, LEAVE) \
	B_SLOTS_WORK(NAME, change, NAME##_change)     \
	B_SLOTS_CASES(NAME, change, "slots-lock", CONTENDER, ENTER, LEAVE)
#define B_SLOTS_HOLD(NAME, CONTENDER, ENTER, LEAVE) \
	B_SLOTS_WORK(NAME, hold, NAME##_hold)       \
	B_SLOTS_CASES(NAME, hold, "slots-pin", CONTENDER, ENTER, LEAVE)

/* Ids of each thread's own: those that are its index modulo the number of threads. */
#define B_SLOTS_RENEW(NAME, CONTENDER, ENTER, LEAVE)                                         \
	static void NAME##_own(void *table, struct b_worker *w, uint32_t *ids, size_t count, \
			       uint64_t keys)                                                \
	{                                                                                    \
		uint64_t share = keys / w->threads;                                          \
                                                                                             \
		for (size_t i = 0; i < count; i++)                                           \
			ids[i] = (uint32_t)(ids[i] % share * w->threads + w->index);         \
		NAME##_renew(table, ids, count);                                             \
	}                                                                                    \
	static void NAME##_renew_work(struct b_worker *w, uint64_t n)                        \
	{                                                                                    \
		struct b_slots *slots = w->run->prepared;                                    \
		uint32_t ids[B_SLOTS_CHUNK];                                                 \
                                                                                             \
		while (n) {                                                                  \
			size_t count = b_slots_draw(w, slots, n, ids);                       \
                                                                                             \
			NAME##_own(slots->table, w, ids, count, slots->keys);                \
			n -= count;                                                          \
		}                                                                            \
	}                                                                                    \
	B_SLOTS_CASES(NAME, renew, "slots-renew", CONTENDER, ENTER, LEAVE)

/* An operation is one scan of the whole table. */
#define B_SLOTS_SCAN(NAME, CONTENDER, ENTER, LEAVE)                                          \
	static void NAME##_scan_work(struct b_worker *w, uint64_t n)                         \
	{                                                                                    \
		struct b_slots *slots = w->run->prepared;                                    \
                                                                                             \
		while (n--)                                                                  \
			b_use(NAME##_scan(slots->table, slots->keys));                       \
	}                                                                                    \
	static const struct b_case NAME##_scan_cases[] = {                                   \
		B_SLOTS_CASE(NAME, scan, "slots-scan", CONTENDER, "\"keys\":1000", 1000,     \
			     ENTER, LEAVE),                                                  \
		B_SLOTS_CASE(NAME, scan, "slots-scan", CONTENDER, "\"keys\":100000", 100000, \
			     ENTER, LEAVE),                                                  \
		B_SLOTS_CASE(NAME, scan, "slots-scan", CONTENDER, "\"keys\":10000000",       \
			     10000000, ENTER, LEAVE),                                        \
	};                                                                                   \
	B_CASES(NAME##_scan_cases)

#endif
