/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-thread.c - attaching and detaching: nesting, slots, all errors, what a thread leaves behind
 * in each way of ending, and that the last detach leaves nothing.
 *
 * Linked with -Wl,--wrap=pthread_create, so that the start of the reclaimer can fail.
 */
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/report.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

/* The n-th start of a thread from now on fails with this; 0: none. */
static struct pawl_atomic_u32 create_fails_at;
static int create_error = EAGAIN;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	uint32_t left = pawl_load_relaxed(&create_fails_at);

	if (left) {
		pawl_store_relaxed(&create_fails_at, left - 1);
		if (left == 1)
			return create_error;
	}
	return __real_pthread_create(thread, attr, fn, arg);
}

static void detach_main(void)
{
	pawl_thread_detach();
	assert_false(pawl_thread_attached());
}

static void attach_main(const char *name)
{
	assert_int_equal(pawl_thread_attach(name), 0);
}

/* --- One thread. --- */

static void case_attach(void **state)
{
	(void)state;
	assert_true(pawl_thread_attached());
	assert_int_equal(pawl_thread_slot(), 0);
	assert_int_equal(pawl_thread_count(), 1);
	detach_main();
	assert_int_equal(pawl_thread_count(), 0);
	attach_main(NULL);
	assert_true(pawl_thread_attached());
	assert_int_equal(pawl_thread_slot(), 0);
	assert_int_equal(pawl_thread_count(), 1);
}

static void case_names(void **state)
{
	char text[300];

	(void)state;
	detach_main();
	attach_main("");
	detach_main();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	attach_main(text);
	/* It is copied. */
	memset(text, 'y', sizeof(text) - 1);
	detach_main();
	attach_main("exactly-fifteen");
	detach_main();
	attach_main("sixteen-and-zero");
}

static void case_nesting(void **state)
{
	uint64_t blocks = t_alloc_blocks();

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		attach_main("inner");
		assert_int_equal(pawl_thread_slot(), 0);
		assert_int_equal(pawl_thread_count(), 1);
	}
	/* A nested attach takes nothing. */
	assert_int_equal(t_alloc_blocks(), blocks);
	for (unsigned i = 0; i < 100; i++) {
		pawl_thread_detach();
		assert_true(pawl_thread_attached());
		assert_int_equal(pawl_thread_count(), 1);
	}
	detach_main();
}

static void case_nested_too_deep(void **state)
{
	unsigned depth = 1;
	int rc;

	(void)state;
	while ((rc = pawl_thread_attach(NULL)) == 0) {
		depth++;
		assert_in_range(depth, 1, 1u << 16);
	}
	t_assert_errno(rc, EOVERFLOW);
	/* "2^16 deep": the first that is deeper fails, and again. */
	assert_int_equal(depth, 1u << 16);
	t_assert_errno(pawl_thread_attach(NULL), EOVERFLOW);
	/* The thread is as before: each attach that succeeded needs its detach. */
	for (; depth > 1; depth--)
		pawl_thread_detach();
	assert_true(pawl_thread_attached());
	detach_main();
}

static void case_last_detach_leaves_nothing(void **state)
{
	unsigned tasks;

	(void)state;
	detach_main();
	tasks = t_tasks();
	for (unsigned i = 0; i < t_scaled(50); i++) {
		struct pawl_mem_stats stats;

		attach_main(NULL);
		/* The reclaimer. */
		assert_int_equal(t_tasks(), tasks + 1);
		assert_true(t_alloc_blocks() > 0);
		detach_main();
		t_tasks_wait(tasks);
		assert_int_equal(t_alloc_blocks(), 0);
		assert_int_equal(t_alloc_bytes(), 0);
		pawl_mem_stats_read(&stats);
		assert_int_equal(stats.blocks, 0);
		assert_int_equal(stats.bytes, 0);
		t_step();
	}
}

/* --- Slots. --- */

#define SITTERS 130 /* more than two words of 64 */
struct sitter {
	struct t_thread *thread;
	sem_t sat, rise;
	unsigned slot;
};

static void sitter_main(void *arg)
{
	struct sitter *sitter = arg;

	sitter->slot = pawl_thread_slot();
	t_check(pawl_thread_attached());
	pawl_rcu_idle_enter();
	sem_post(&sitter->sat);
	while (sem_wait(&sitter->rise) != 0)
		t_check(errno == EINTR);
	pawl_rcu_idle_leave();
	t_check(pawl_thread_slot() == sitter->slot);
}

static void sit(struct sitter *sitter)
{
	sem_init(&sitter->sat, 0, 0);
	sem_init(&sitter->rise, 0, 0);
	sitter->thread = t_thread_start(sitter_main, sitter);
	pawl_rcu_idle_enter();
	while (sem_wait(&sitter->sat) != 0)
		assert_int_equal(errno, EINTR);
	pawl_rcu_idle_leave();
	t_step();
}

static void rise(struct sitter *sitter)
{
	sem_post(&sitter->rise);
	t_thread_join(sitter->thread);
	sem_destroy(&sitter->sat);
	sem_destroy(&sitter->rise);
	sitter->thread = NULL;
	t_step();
}

static void case_slots_lowest_first(void **state)
{
	static struct sitter sitters[SITTERS];
	bool taken[SITTERS + 1] = {true}; /* slot 0 is ours */

	(void)state;
	for (unsigned i = 0; i < SITTERS; i++) {
		sit(&sitters[i]);
		assert_int_equal(sitters[i].slot, i + 1);
		assert_int_equal(pawl_thread_count(), i + 2);
		taken[i + 1] = true;
	}
	/* Some rise, some sit down: always on the lowest free one. */
	for (unsigned round = 0; round < t_scaled(300); round++) {
		struct sitter *sitter = &sitters[t_random_below(SITTERS)];
		unsigned lowest = 0;

		if (sitter->thread && t_random_below(3)) {
			taken[sitter->slot] = false;
			rise(sitter);
		} else if (!sitter->thread) {
			while (taken[lowest])
				lowest++;
			sit(sitter);
			assert_int_equal(sitter->slot, lowest);
			taken[lowest] = true;
		}
	}
	for (unsigned i = 0; i < SITTERS; i++) {
		if (sitters[i].thread)
			rise(&sitters[i]);
	}
	assert_int_equal(pawl_thread_count(), 1);
}

/* Slot 0 is no privilege of the first thread. */
static void case_main_gets_another_slot(void **state)
{
	struct sitter other;

	(void)state;
	sit(&other);
	assert_int_equal(other.slot, 1);
	pawl_thread_detach();
	assert_int_equal(pawl_thread_count(), 1);
	attach_main("back");
	assert_int_equal(pawl_thread_slot(), 0);
	rise(&other);
	sit(&other);
	detach_main();
	/* What follows runs while the process has one attached thread that is not main. */
	sem_post(&other.rise);
	t_thread_join(other.thread);
	sem_destroy(&other.sat);
	sem_destroy(&other.rise);
	assert_int_equal(pawl_thread_count(), 0);
	assert_int_equal(t_alloc_blocks(), 0);
}

/* --- Threads that end attached. --- */

struct thing {
	struct pawl_retire_node node;
	uint64_t *freed;
};

static void thing_free(struct pawl_retire_node *node)
{
	struct thing *thing = PAWL_CONTAINER_OF(node, struct thing, node);

	++*thing->freed;
	pawl_mem_free(thing, sizeof(*thing), 0);
}

static void retire_things(unsigned count, uint64_t *freed)
{
	for (unsigned i = 0; i < count; i++) {
		struct thing *thing = pawl_mem_alloc(sizeof(*thing), 0);

		t_check(thing);
		thing->freed = freed;
		(void)pawl_retire(&thing->node, sizeof(*thing), thing_free);
	}
}

struct leaver {
	unsigned depth, things, slot;
	uint64_t freed;
};

static void leave(void *arg)
{
	struct leaver *leaver = arg;

	for (unsigned i = 0; i < leaver->depth; i++)
		t_check(pawl_thread_attach("leaver") == 0);
	leaver->slot = pawl_thread_slot();
	retire_things(leaver->things, &leaver->freed);
}

static void case_exit_attached(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 3; depth++) {
		struct leaver leaver = {.depth = depth, .things = 3};
		uint64_t left = pawl_report_count(PAWL_REPORT_THREAD_LEFT);

		t_thread_join(t_thread_start_bare(leave, &leaver));
		assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT), left + 1);
		assert_int_equal(pawl_thread_count(), 1);
		/* The slot comes back, every time. */
		assert_int_equal(leaver.slot, 1);
		/* What it retired is freed as if it had stayed. */
		pawl_retire_barrier();
		assert_int_equal(leaver.freed, 3);
		t_step();
	}
}

static void leave_by_exit(void *arg)
{
	leave(arg);
	pthread_exit(NULL);
}

static void case_exit_in_the_middle(void **state)
{
	struct leaver leaver = {.depth = 2, .things = 1};
	uint64_t left = pawl_report_count(PAWL_REPORT_THREAD_LEFT);

	(void)state;
	t_thread_join(t_thread_start_bare(leave_by_exit, &leaver));
	assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT), left + 1);
	pawl_retire_barrier();
	assert_int_equal(leaver.freed, 1);
}

/* The one that ends attached is the only one: its end is the last detach. */
static void case_last_one_exits_attached(void **state)
{
	struct leaver leaver = {.depth = 1, .things = 200};
	unsigned tasks;

	(void)state;
	detach_main();
	tasks = t_tasks();
	t_thread_join(t_thread_start_bare(leave, &leaver));
	assert_int_equal(pawl_thread_count(), 0);
	assert_int_equal(leaver.freed, 200);
	assert_int_equal(t_alloc_blocks(), 0);
	t_tasks_wait(tasks);
}

/* --- Errors. --- */

static int attach_in_child(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		if (pawl_thread_attach("child") != -ENOTSUP)
			return 1;
	}
	return 0;
}

static void case_forked_child(void **state)
{
	struct sitter other;

	(void)state;
	/* The forking thread is attached: nested attach in the child. */
	assert_int_equal(t_forked(attach_in_child, NULL), 0);
	/* Others are, too. */
	sit(&other);
	assert_int_equal(t_forked(attach_in_child, NULL), 0);
	/* The forking thread is not, but another one of the process is. */
	pawl_thread_detach();
	assert_int_equal(t_forked(attach_in_child, NULL), 0);
	attach_main("main");
	rise(&other);
	/* The parent goes on as before. */
	attach_main("nested");
	pawl_thread_detach();
	pawl_rcu_synchronize();
}

static int attach_works(void *arg)
{
	(void)arg;
	return pawl_thread_attach("child") == 0 && pawl_thread_attached() ? 0 : 1;
}

/* Forked when nothing was attached, such a child is a process like others. */
static void case_forked_from_detached(void **state)
{
	(void)state;
	if (T_TSAN)
		return t_skip("ThreadSanitizer allows no threads in a forked child");
	detach_main();
	assert_int_equal(t_forked(attach_works, NULL), 0);
}

static void case_reclaimer_cannot_start(void **state)
{
	static const struct {
		int from, to;
	} errors[] = {{EAGAIN, EAGAIN}, {EPERM, EAGAIN}, {EINVAL, EAGAIN}};
	unsigned tasks;

	(void)state;
	detach_main();
	tasks = t_tasks();
	for (unsigned i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		create_error = errors[i].from;
		pawl_store_relaxed(&create_fails_at, 1);
		t_assert_errno(pawl_thread_attach("x"), errors[i].to);
		assert_int_equal(pawl_load_relaxed(&create_fails_at), 0);
		assert_false(pawl_thread_attached());
		assert_int_equal(pawl_thread_count(), 0);
		assert_int_equal(t_alloc_blocks(), 0);
		assert_int_equal(t_tasks(), tasks);
		/* And then it can. */
		attach_main("y");
		assert_int_equal(pawl_thread_slot(), 0);
		detach_main();
		t_tasks_wait(tasks);
	}
}

/*
 * A process without a key for thread-specific data can attach when it has one again, and after the
 * last detach it has as many as before. That takes a process that has never attached: this
 * program, run anew.
 */
static pthread_key_t keys[PTHREAD_KEYS_MAX];

static unsigned keys_take(void)
{
	unsigned count = 0;

	while (count < PTHREAD_KEYS_MAX && !pthread_key_create(&keys[count], NULL))
		count++;
	return count;
}

static void keys_give_back(unsigned count)
{
	while (count)
		pthread_key_delete(keys[--count]);
}

static int no_keys_main(void)
{
	unsigned count = keys_take();

	for (unsigned i = 0; i < 2; i++) {
		if (pawl_thread_attach("no key") != -EAGAIN || pawl_thread_attached() ||
		    pawl_thread_count())
			return 1;
	}
	keys_give_back(count);
	if (pawl_thread_attach("key"))
		return 2;
	pawl_thread_detach();
	return keys_take() == count ? 0 : 3;
}

static void case_no_keys(void **state)
{
	(void)state;
	detach_main();
	assert_int_equal(t_rerun("no-keys", NULL, 0), 0);
}

/* --- As many threads as there are slots. --- */

struct crowd {
	pthread_t *threads;
	sem_t sat;
	struct pawl_atomic_u32 failed;
	/* By slot: whoever has it waits here. */
	sem_t *rise;
	struct pawl_atomic_u32 *taken;
};

static struct crowd crowd;

static void *crowd_main(void *arg)
{
	unsigned slot;

	(void)arg;
	if (pawl_thread_attach("crowd") != 0) {
		pawl_add_relaxed(&crowd.failed, 1);
		sem_post(&crowd.sat);
		return NULL;
	}
	slot = pawl_thread_slot();
	t_check(slot < PAWL_THREADS_MAX);
	t_check(!pawl_xchg_relaxed(&crowd.taken[slot], 1));
	pawl_rcu_idle_enter();
	sem_post(&crowd.sat);
	while (sem_wait(&crowd.rise[slot]) != 0)
		t_check(errno == EINTR);
	pawl_rcu_idle_leave();
	pawl_store_relaxed(&crowd.taken[slot], 0);
	pawl_thread_detach();
	return NULL;
}

static bool crowd_add(const pthread_attr_t *attr, unsigned number)
{
	if (pthread_create(&crowd.threads[number], attr, crowd_main, NULL) != 0)
		return false;
	while (sem_wait(&crowd.sat) != 0)
		t_check(errno == EINTR);
	t_step();
	return true;
}

static void attach_refused(void *arg)
{
	*(int *)arg = pawl_thread_attach("one too many");
	t_check(!pawl_thread_attached());
}

static void crowd_check_full(const pthread_attr_t *attr)
{
	uint64_t blocks = t_alloc_blocks();
	int rc;

	assert_int_equal(pawl_load_relaxed(&crowd.failed), 0);
	assert_int_equal(pawl_thread_count(), PAWL_THREADS_MAX);
	for (unsigned i = 0; i < PAWL_THREADS_MAX; i++)
		assert_int_equal(pawl_load_relaxed(&crowd.taken[i]), i != pawl_thread_slot());

	for (unsigned i = 0; i < 3; i++) {
		t_thread_join(t_thread_start_bare(attach_refused, &rc));
		t_assert_errno(rc, EAGAIN);
		assert_int_equal(pawl_thread_count(), PAWL_THREADS_MAX);
		assert_int_equal(t_alloc_blocks(), blocks);
	}
	/* Nesting needs no slot. */
	assert_int_equal(pawl_thread_attach(NULL), 0);
	pawl_thread_detach();
	/* Grace periods work. */
	pawl_rcu_synchronize();
	/* One rises, one may sit down, on that slot. */
	for (unsigned i = 0; i < 5; i++) {
		static const unsigned slots[] = {PAWL_THREADS_MAX - 1, 1, 63, 64, 2049};
		pthread_t risen = crowd.threads[slots[i] - 1];

		sem_post(&crowd.rise[slots[i]]);
		assert_int_equal(pthread_join(risen, NULL), 0);
		assert_int_equal(pawl_thread_count(), PAWL_THREADS_MAX - 1);
		assert_true(crowd_add(attr, slots[i] - 1));
		assert_int_equal(pawl_load_relaxed(&crowd.taken[slots[i]]), 1);
	}
}

static void case_all_slots(void **state)
{
	unsigned wanted = PAWL_THREADS_MAX - 1, started = 0;
	pthread_attr_t attr;

	(void)state;
	if ((T_ASAN || T_TSAN) && !t_long())
		return t_skip("4096 threads are too heavy for a sanitizer's quick run");
	crowd.threads = calloc(wanted, sizeof(*crowd.threads));
	crowd.rise = calloc(PAWL_THREADS_MAX, sizeof(*crowd.rise));
	crowd.taken = calloc(PAWL_THREADS_MAX, sizeof(*crowd.taken));
	assert_non_null(crowd.threads);
	assert_non_null(crowd.rise);
	assert_non_null(crowd.taken);
	sem_init(&crowd.sat, 0, 0);
	for (unsigned i = 0; i < PAWL_THREADS_MAX; i++)
		sem_init(&crowd.rise[i], 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, T_ASAN || T_TSAN ? 1 << 20 : 128 << 10);

	pawl_rcu_idle_enter();
	while (started < wanted && crowd_add(&attr, started))
		started++;
	pawl_rcu_idle_leave();
	/* Thread n + 1 has slot n + 1: they sat down one after the other. */
	if (started == wanted)
		crowd_check_full(&attr);
	for (unsigned i = 0; i < started; i++)
		sem_post(&crowd.rise[i + 1]);
	pawl_rcu_idle_enter();
	for (unsigned i = 0; i < started; i++)
		assert_int_equal(pthread_join(crowd.threads[i], NULL), 0);
	pawl_rcu_idle_leave();
	assert_int_equal(pawl_thread_count(), 1);
	pthread_attr_destroy(&attr);
	for (unsigned i = 0; i < PAWL_THREADS_MAX; i++)
		sem_destroy(&crowd.rise[i]);
	sem_destroy(&crowd.sat);
	free(crowd.threads);
	free(crowd.rise);
	free(crowd.taken);
	if (started < wanted)
		t_skip("this machine does not allow so many threads");
}

/* --- Many come and go at once, often the last one. --- */

#define COMERS 4
static struct pawl_atomic_u32 slot_owner[COMERS + 1];
static struct pawl_atomic_u64 retired_total, freed_total;

struct counted {
	struct pawl_retire_node node;
};

static void counted_free(struct pawl_retire_node *node)
{
	pawl_add_relaxed(&freed_total, 1);
	pawl_mem_free(PAWL_CONTAINER_OF(node, struct counted, node), sizeof(struct counted), 0);
}

static void come_and_go(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(600); i++) {
		unsigned things = (unsigned)t_random_below(4);
		unsigned slot;

		t_check(pawl_thread_attach("comer") == 0);
		slot = pawl_thread_slot();
		/* Dense: never more slots than threads. */
		t_check(slot < COMERS);
		t_check(!pawl_xchg_relaxed(&slot_owner[slot], 1));
		t_check(pawl_thread_count() >= 1 && pawl_thread_count() <= COMERS);
		for (unsigned n = 0; n < things; n++) {
			struct counted *counted = pawl_mem_alloc(sizeof(*counted), 0);

			t_check(counted);
			(void)pawl_retire(&counted->node, sizeof(*counted), counted_free);
		}
		pawl_add_relaxed(&retired_total, things);
		if (t_random_below(8) == 0)
			pawl_rcu_synchronize();
		if (t_random_below(8) == 0)
			t_yield();
		t_check(pawl_xchg_relaxed(&slot_owner[slot], 0));
		pawl_thread_detach();
		t_check(!pawl_thread_attached());
		t_step();
	}
}

static void case_storm(void **state)
{
	struct t_thread *threads[COMERS];
	unsigned tasks;

	(void)state;
	detach_main();
	tasks = t_tasks();
	pawl_init_word(&retired_total, 0);
	pawl_init_word(&freed_total, 0);
	for (unsigned i = 0; i < COMERS; i++)
		threads[i] = t_thread_start_bare(come_and_go, NULL);
	for (unsigned i = 0; i < COMERS; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_thread_count(), 0);
	assert_int_equal(pawl_load_relaxed(&freed_total), pawl_load_relaxed(&retired_total));
	assert_int_equal(t_alloc_blocks(), 0);
	t_tasks_wait(tasks);
}

/* --- Broken contracts. --- */

static void detach_unattached(void *arg)
{
	(void)arg;
	pawl_thread_detach();
}

static void slot_unattached(void *arg)
{
	(void)arg;
	(void)pawl_thread_slot();
}

static void case_unattached_aborts(void **state)
{
	(void)state;
	detach_main();
	assert_int_equal(pawl_thread_count(), 0);
	assert_true(t_aborts(detach_unattached, NULL, "attached"));
	assert_true(t_aborts(slot_unattached, NULL, "attached"));
}

/* --- Allocation failure. --- */

static int oom_attach(void)
{
	int rc = pawl_thread_attach("oom");

	if (rc) {
		t_check(rc == -ENOMEM);
		t_check(!pawl_thread_attached());
		t_check(pawl_thread_count() == 0);
		t_check(t_alloc_blocks() == 0);
		return rc;
	}
	t_check(pawl_thread_slot() == 0);
	/* Neither nesting nor detaching takes memory. */
	uint64_t calls = t_alloc_calls();

	t_check(pawl_thread_attach("nested") == 0);
	pawl_thread_detach();
	pawl_thread_detach();
	t_check(t_alloc_calls() == calls);
	return 0;
}

static void attach_as_second(void *arg)
{
	int *rc = arg;

	*rc = pawl_thread_attach("second");
	if (*rc)
		t_check(!pawl_thread_attached());
	else
		pawl_thread_detach();
}

/* A second thread's attach fails; the first one stays, and the slot is free again. */
static int oom_second_attach(void)
{
	int second, rc = pawl_thread_attach("first");

	if (rc)
		return rc;
	t_thread_join(t_thread_start_bare(attach_as_second, &second));
	t_check(pawl_thread_count() == 1);
	t_check(pawl_thread_slot() == 0);
	pawl_rcu_synchronize();
	pawl_thread_detach();
	return second;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_attach),
		cmocka_unit_test(case_names),
		cmocka_unit_test(case_nesting),
		cmocka_unit_test(case_nested_too_deep),
		cmocka_unit_test(case_last_detach_leaves_nothing),
		cmocka_unit_test(case_slots_lowest_first),
		cmocka_unit_test(case_main_gets_another_slot),
		cmocka_unit_test(case_exit_attached),
		cmocka_unit_test(case_exit_in_the_middle),
		cmocka_unit_test(case_last_one_exits_attached),
		cmocka_unit_test(case_forked_child),
		cmocka_unit_test(case_forked_from_detached),
		cmocka_unit_test(case_reclaimer_cannot_start),
		cmocka_unit_test(case_no_keys),
		cmocka_unit_test(case_all_slots),
		cmocka_unit_test(case_storm),
		cmocka_unit_test(case_unattached_aborts),
		T_OOM(oom_attach),
		T_OOM(oom_second_attach),
	};

	if (argc == 2 && !strcmp(argv[1], "no-keys"))
		return no_keys_main();
	return t_run("thread", cases);
}
