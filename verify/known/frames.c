/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c - a thread of the program waits, where earlier calls had words that it shared.
 *
 * Those words are gone: the registers that the calls which wait have saved in their places are not
 * to be touched.
 */
#include "known.h"

#include <pthread.h>

#define DEPTH 12
#define WORDS 64

static struct pawl_atomic_u32 begin, over, touched;
static uint64_t numbers[DEPTH];
static pthread_t thread;

static void await(struct pawl_atomic_u32 *word)
{
	while (!pawl_load_acquire(word))
		known_futex_wait(word, 0);
}

static void let_go(struct pawl_atomic_u32 *word)
{
	pawl_store_release(word, 1u);
	known_futex_wake(word, 1);
}

static __attribute__((noinline)) void share_words(void)
{
	struct pawl_atomic_u32 words[WORDS];

	for (unsigned i = 0; i < WORDS; i++) {
		pawl_init_word(&words[i], 1u);
		pawl_add_relaxed(&words[i], 1u);
	}
}

/* Each call keeps a number in a register, which the next one saves. */
static __attribute__((noinline)) void wait_below(unsigned depth)
{
	uint64_t number;

	if (depth == DEPTH) {
		await(&over);
		return;
	}
	number = numbers[depth];
	wait_below(depth + 1);
	mc_assert(number == numbers[depth]);
}

static void *thread_main(void *arg)
{
	(void)arg;
	await(&begin);
	share_words();
	pawl_store_release(&touched, 1u);
	wait_below(0);
	return NULL;
}

static void setup(void)
{
	pawl_init_word(&begin, 0u);
	pawl_init_word(&over, 0u);
	pawl_init_word(&touched, 0u);
	for (unsigned i = 0; i < DEPTH; i++)
		numbers[i] = UINT64_C(0x123456789abcdef) * (i + 1);
	mc_assert(pthread_create(&thread, NULL, thread_main, NULL) == 0);
}

static void body(void)
{
	let_go(&begin);
	while (!pawl_load_acquire(&touched))
		pawl_pause();
}

static void finish(void)
{
	let_go(&over);
	pthread_join(thread, NULL);
}

static const struct mc_scenario scenarios[] = {
	{.name = "frames-reused", .setup = setup, .threads = {body}, .finish = finish, .bare = true},
};
MC_MAIN(scenarios)
