/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-ids.c - factories of ids: ours, and peers that need no other library:
 *
 *  counter+mutex   a shared counter and a stack of free ids under a mutex
 *  bitmap          words of bits shared by all, a hint for each thread: sbitmap's idea in
 *                  its simplest form
 *
 * base-ids-ck.c and base-ids-queue.c have the counter beside a concurrent queue.
 */
#include "bench.h"
#include "work-ids.h"

#include <pawl/ids.h>
#include <pawl/thread.h>

#include <pthread.h>

static void enter(struct b_worker *w)
{
	(void)w;
	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
}

static void leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

/* ---- ours ---------------------------------------------------------------- */

static int setup_policy(struct b_run *run, enum pawl_ids_policy policy)
{
	struct pawl_ids_options options = PAWL_IDS_OPTIONS_INIT;
	struct pawl_ids *ids;

	if (pawl_thread_attach("setup"))
		b_die("cannot attach");
	options.policy = policy;
	if (pawl_ids_create(&options, &ids))
		b_die("cannot make a factory");
	run->state = ids;
	return 0;
}

static int setup_recycle(struct b_run *run)
{
	return setup_policy(run, PAWL_IDS_RECYCLE);
}

static int setup_durable(struct b_run *run)
{
	return setup_policy(run, PAWL_IDS_DURABLE);
}

static int setup_monotone(struct b_run *run)
{
	return setup_policy(run, PAWL_IDS_MONOTONE);
}

static void teardown(struct b_run *run)
{
	pawl_ids_destroy(run->state);
	pawl_thread_detach();
}

static inline uint64_t ours_get(void *state)
{
	pawl_id_t id;

	if (pawl_ids_alloc(state, &id))
		b_die("no id");
	return id;
}

static inline void ours_put(void *state, uint64_t id)
{
	pawl_ids_free(state, id);
}

B_IDS_CASES(ours, "pawl", 8, setup_recycle, enter, leave, teardown)

static inline uint64_t durable_get(void *state)
{
	return ours_get(state);
}

static inline void durable_put(void *state, uint64_t id)
{
	pawl_ids_free(state, id);
}

/* A freed one waits for a grace period: its price is in here, on the reclaimer. Bytes: a half. */
B_IDS_CASES(durable, "pawl-durable", 1, setup_durable, enter, leave, teardown)

/* ---- a counter and a stack under a mutex ----------------------------------- */

enum { STACK_IDS = 1 << 16 };

struct stack {
	struct pawl_atomic_u64 next PAWL_ALIGNED(PAWL_LINE_BYTES);
	pthread_mutex_t mutex PAWL_ALIGNED(PAWL_LINE_BYTES);
	unsigned count;
	uint64_t ids[STACK_IDS];
};

static int stack_setup(struct b_run *run)
{
	struct stack *stack = b_alloc(sizeof(*stack));

	pthread_mutex_init(&stack->mutex, NULL);
	run->state = stack;
	return 0;
}

static inline uint64_t stack_get(void *state)
{
	struct stack *stack = state;
	uint64_t id = 0;

	pthread_mutex_lock(&stack->mutex);
	if (stack->count)
		id = stack->ids[--stack->count];
	pthread_mutex_unlock(&stack->mutex);
	return id ? id : pawl_add_relaxed(&stack->next, 1u) + 1;
}

static inline void stack_put(void *state, uint64_t id)
{
	struct stack *stack = state;

	pthread_mutex_lock(&stack->mutex);
	if (stack->count == STACK_IDS)
		b_die("the stack is full");
	stack->ids[stack->count++] = id;
	pthread_mutex_unlock(&stack->mutex);
}

B_IDS_CASES(stack, "counter+mutex", 8, stack_setup, NULL, NULL, b_teardown_free)

/* ---- a bitmap ---------------------------------------------------------------- */

enum { MAP_WORDS = 1 << 10 };

struct map {
	struct pawl_atomic_u64 next_hint PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_u64 word[MAP_WORDS] PAWL_ALIGNED(PAWL_LINE_BYTES);
};

/* The word at which this thread looks first. */
static _Thread_local unsigned map_hint;

static int map_setup(struct b_run *run)
{
	run->state = b_alloc(sizeof(struct map));
	return 0;
}

static void map_enter(struct b_worker *w)
{
	map_hint = w->index * (MAP_WORDS / w->threads);
}

static inline uint64_t map_get(void *state)
{
	struct map *map = state;

	for (unsigned n = 0; n < MAP_WORDS; n++) {
		struct pawl_atomic_u64 *word = &map->word[map_hint];
		uint64_t bits = pawl_load_relaxed(word);

		while (~bits) {
			uint64_t bit = ~bits & (bits + 1);

			bits = pawl_or_acquire(word, bit);
			if (!(bits & bit))
				return map_hint * 64u + (unsigned)__builtin_ctzll(bit);
			bits |= bit;
		}
		map_hint = (map_hint + 1) % MAP_WORDS;
	}
	b_die("the bitmap is full");
}

static inline void map_put(void *state, uint64_t id)
{
	struct map *map = state;

	pawl_and_release(&map->word[id / 64], ~(UINT64_C(1) << id % 64));
	map_hint = (unsigned)(id / 64);
}

B_IDS_CASES(map, "bitmap", 1, map_setup, map_enter, NULL, b_teardown_free)

/* ---- numbers that are used once ---------------------------------------------- */

static void monotone_work(struct b_worker *w, uint64_t n)
{
	while (n--)
		b_use(ours_get(w->run->state));
}

static int counter_setup(struct b_run *run)
{
	run->state = b_alloc(PAWL_LINE_BYTES);
	return 0;
}

static void counter_work(struct b_worker *w, uint64_t n)
{
	struct pawl_atomic_u64 *counter = w->run->state;

	while (n--)
		b_use(pawl_add_relaxed(counter, 1u));
}

static const struct b_case once_cases[] = {
	{.bench = "ids-once",
	 .contender = "pawl",
	 .setup = setup_monotone,
	 .enter = enter,
	 .work = monotone_work,
	 .leave = leave,
	 .teardown = teardown},
	{.bench = "ids-once",
	 .contender = "shared counter",
	 .bytes = 8,
	 .setup = counter_setup,
	 .work = counter_work,
	 .teardown = b_teardown_free},
};
B_CASES(once_cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "ids-window",
		 .text = "get + put, 64 held, the oldest goes; bytes an id"},
		{.name = "ids-batch", .text = "get + put, 256 got, then 256 put; bytes an id"},
		{.name = "ids-once", .text = "a number that was never given before"},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
