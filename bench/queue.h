/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - the workloads of b-queue, written once and expanded for each contender.
 *
 * A contender NAME defines `struct NAME` and inline functions
 *	int NAME_init(struct NAME *), void NAME_fini(struct NAME *)
 *	size_t NAME_put(struct NAME *, struct b_item *const *items, size_t n, unsigned lane)
 *	size_t NAME_get(struct NAME *, struct b_item **items, size_t max)
 * and says B_QUEUE_CASES(NAME, "bench", "contender", STANDING): the benches are then
 *	bench-pair   one thread: put a batch, get it back; before, STANDING items are put
 *	bench-cross  one thread puts, another one gets; the putter waits for the last of each
 *	             B_QUEUE_WINDOW items, so that items may come out in any order
 * each with batches of 1 and 32.
 */
#ifndef B_QUEUE_H
#define B_QUEUE_H

#include "bench.h"

#include <stdlib.h>

enum { B_QUEUE_WINDOW = 4096, B_QUEUE_BATCH = 32, B_QUEUE_LANES = 31 };

/* What is queued: a line, with room for the node of whoever embeds one. */
struct b_item {
	union {
		void *words[5];
		max_align_t align;
	} node;
	uint64_t value;
} PAWL_ALIGNED(64);

struct b_queue_shared {
	/* Items got, whole windows, by the thread that gets. */
	struct pawl_atomic_u64 got PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* One thread: the items that are not in the queue. */
	struct b_item *hand[B_QUEUE_BATCH];
	struct b_item items[B_QUEUE_WINDOW] PAWL_ALIGNED(PAWL_LINE_BYTES);
};

#define B_QUEUE_CASES(NAME, BENCH, CONTENDER, STANDING)                                       \
	struct NAME##_bench {                                                                 \
		struct NAME queue PAWL_ALIGNED(PAWL_LINE_BYTES);                              \
		struct b_queue_shared shared PAWL_ALIGNED(PAWL_LINE_BYTES);                   \
	};                                                                                    \
	static int NAME##_setup(struct b_run *run)                                            \
	{                                                                                     \
		struct NAME##_bench *bench = b_alloc(sizeof(*bench));                         \
                                                                                              \
		if (NAME##_init(&bench->queue))                                               \
			b_die("cannot make a queue");                                         \
		pawl_init_word(&bench->shared.got, 0u);                                       \
		run->state = bench;                                                           \
		return 0;                                                                     \
	}                                                                                     \
	static void NAME##_teardown(struct b_run *run)                                        \
	{                                                                                     \
		struct NAME##_bench *bench = run->state;                                      \
		struct b_item *item;                                                          \
                                                                                              \
		while (NAME##_get(&bench->queue, &item, 1))                                   \
			;                                                                     \
		NAME##_fini(&bench->queue);                                                   \
		free(bench);                                                                  \
	}                                                                                     \
	static void NAME##_pair(struct b_worker *w, uint64_t n)                               \
	{                                                                                     \
		struct NAME##_bench *bench = w->run->state;                                   \
		size_t batch = w->run->cas->arg, k;                                           \
		struct b_item **items = bench->shared.hand;                                   \
		uint64_t seen = 0;                                                            \
                                                                                              \
		/* The first time: what stands in the queue meanwhile. */                     \
		if (!pawl_load_relaxed(&bench->shared.got)) {                                 \
			for (size_t i = (STANDING); i--;) {                                   \
				items[0] = &bench->shared.items[i];                           \
				if (!NAME##_put(&bench->queue, items, 1,                      \
						b_random(w) % B_QUEUE_LANES))                 \
					b_die("no room");                                     \
			}                                                                     \
			pawl_store_relaxed(&bench->shared.got, 1u);                           \
			for (k = 0; k < batch; k++)                                           \
				items[k] = &bench->shared.items[(STANDING) + k];              \
		}                                                                             \
		for (uint64_t i = 0; i < n; i += batch) {                                     \
			unsigned lane = (unsigned)(b_random(w) % B_QUEUE_LANES);              \
                                                                                              \
			if (NAME##_put(&bench->queue, items, batch, lane) != batch)           \
				b_die("no room");                                             \
			for (k = 0; k < batch;)                                               \
				k += NAME##_get(&bench->queue, items + k, batch - k);         \
			for (k = 0; k < batch; k++)                                           \
				seen += items[k]->value;                                      \
		}                                                                             \
		b_use(seen);                                                                  \
	}                                                                                     \
	static void NAME##_putter(struct b_worker *w, struct NAME##_bench *bench, uint64_t n) \
	{                                                                                     \
		size_t batch = w->run->cas->arg, k;                                           \
		struct b_item *items[B_QUEUE_BATCH];                                          \
		uint64_t sent = 0, got = 0;                                                   \
                                                                                              \
		while (sent < n) {                                                            \
			size_t most = n - sent < batch ? (size_t)(n - sent) : batch;          \
			unsigned lane = (unsigned)(b_random(w) % B_QUEUE_LANES);              \
                                                                                              \
			/* The items are used again when all have come out. */                \
			while (!(sent % B_QUEUE_WINDOW) && got != sent) {                     \
				got = pawl_load_acquire(&bench->shared.got);                  \
				if (got != sent)                                              \
					pawl_pause();                                         \
			}                                                                     \
			for (k = 0; k < most; k++)                                            \
				items[k] = &bench->shared.items[(sent + k) % B_QUEUE_WINDOW]; \
			for (k = 0; k < most;)                                                \
				k += NAME##_put(&bench->queue, items + k, most - k, lane);    \
			sent += most;                                                         \
		}                                                                             \
	}                                                                                     \
	static void NAME##_getter(struct b_worker *w, struct NAME##_bench *bench, uint64_t n) \
	{                                                                                     \
		size_t batch = w->run->cas->arg;                                              \
		struct b_item *items[B_QUEUE_BATCH];                                          \
		uint64_t got = 0, seen = 0;                                                   \
                                                                                              \
		while (got < n) {                                                             \
			size_t k = NAME##_get(&bench->queue, items, batch);                   \
                                                                                              \
			if (!k) {                                                             \
				pawl_pause();                                                 \
				continue;                                                     \
			}                                                                     \
			got += k;                                                             \
			while (k--)                                                           \
				seen += items[k]->value;                                      \
			if (!(got % B_QUEUE_WINDOW))                                          \
				pawl_store_release(&bench->shared.got, got);                  \
		}                                                                             \
		b_use(seen);                                                                  \
	}                                                                                     \
	static void NAME##_cross(struct b_worker *w, uint64_t n)                              \
	{                                                                                     \
		struct NAME##_bench *bench = w->run->state;                                   \
                                                                                              \
		if (w->index)                                                                 \
			NAME##_getter(w, bench, n);                                           \
		else                                                                          \
			NAME##_putter(w, bench, n);                                           \
	}                                                                                     \
	static const struct b_case NAME##_queue_cases[] = {                                   \
		{.bench = BENCH "-pair",                                                      \
		 .contender = CONTENDER,                                                      \
		 .params = "\"batch\":1",                                                     \
		 .arg = 1,                                                                    \
		 .threads = 1,                                                                \
		 .setup = NAME##_setup,                                                       \
		 .work = NAME##_pair,                                                         \
		 .teardown = NAME##_teardown},                                                \
		{.bench = BENCH "-pair",                                                      \
		 .contender = CONTENDER,                                                      \
		 .params = "\"batch\":32",                                                    \
		 .arg = B_QUEUE_BATCH,                                                        \
		 .threads = 1,                                                                \
		 .setup = NAME##_setup,                                                       \
		 .work = NAME##_pair,                                                         \
		 .teardown = NAME##_teardown},                                                \
		{.bench = BENCH "-cross",                                                     \
		 .contender = CONTENDER,                                                      \
		 .params = "\"batch\":1",                                                     \
		 .arg = 1,                                                                    \
		 .threads = 2,                                                                \
		 .setup = NAME##_setup,                                                       \
		 .work = NAME##_cross,                                                        \
		 .teardown = NAME##_teardown},                                                \
		{.bench = BENCH "-cross",                                                     \
		 .contender = CONTENDER,                                                      \
		 .params = "\"batch\":32",                                                    \
		 .arg = B_QUEUE_BATCH,                                                        \
		 .threads = 2,                                                                \
		 .setup = NAME##_setup,                                                       \
		 .work = NAME##_cross,                                                        \
		 .teardown = NAME##_teardown},                                                \
	};                                                                                    \
	B_CASES(NAME##_queue_cases)

#endif
