/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-retire.c - deferred free: nothing too early, everything at last, and in bounded memory.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/report.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

static struct pawl_retire_stats stats(void)
{
	struct pawl_retire_stats now;

	pawl_retire_stats_read(&now);
	return now;
}

/* Objects count themselves, from the return of pawl_retire() to the free. */
static struct pawl_atomic_u64 freed_objects;
static struct pawl_atomic_u64 waiting_bytes, waiting_peak;

struct object {
	struct pawl_retire_node node;
	size_t size, bytes;
	uint64_t payload;
};

#define PAYLOAD UINT64_C(0x7061796c6f6164)

static void object_free(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, node);

	/* Written by the retirer without any order of its own. */
	t_check(object->payload == PAYLOAD);
	pawl_sub_relaxed(&waiting_bytes, object->bytes);
	pawl_add_relaxed(&freed_objects, 1);
	pawl_mem_free(object, object->size, 0);
}

static struct object *object_make(size_t size)
{
	struct object *object;

	if (size < sizeof(*object))
		size = sizeof(*object);
	object = pawl_mem_alloc(size, 0);
	if (object) {
		object->size = size;
		object->bytes = size;
		object->payload = PAYLOAD;
	}
	return object;
}

/* Retire with another size than it has. Not counted in waiting_peak. */
static bool object_retire_as(struct object *object, size_t bytes)
{
	object->bytes = 0;
	return pawl_retire(&object->node, bytes, object_free);
}

/*
 * The peak is taken after the call, so an object that is being retired just now may be missing,
 * and one that was freed at once may bring the sum below 0 for a moment.
 */
static bool object_retire(struct object *object)
{
	size_t bytes = object->bytes;
	bool pressed = pawl_retire(&object->node, bytes, object_free);
	uint64_t waiting = pawl_add_relaxed(&waiting_bytes, bytes) + bytes;
	uint64_t peak = pawl_load_relaxed(&waiting_peak);

	while ((int64_t)waiting > (int64_t)peak &&
	       !pawl_cas_weak_relaxed(&waiting_peak, &peak, waiting))
		;
	return pressed;
}

static void reset(size_t limit)
{
	pawl_store_relaxed(&freed_objects, 0);
	pawl_store_relaxed(&waiting_bytes, 0);
	pawl_store_relaxed(&waiting_peak, 0);
	assert_int_equal(pawl_retire_set_limit(limit), 0);
}

static uint64_t freed(void)
{
	return pawl_load_relaxed(&freed_objects);
}

static void retire_some(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct object *object = object_make(0);

		t_check(object);
		(void)object_retire(object);
	}
}

/* --- The bound: first, because pending_max_bytes is of the whole life. --- */

#define STORM_THREADS 4
static unsigned storm_rounds;
static size_t storm_limit;
static struct pawl_atomic_u32 storm_pressed;

static void storm(void *arg)
{
	bool in_sections = arg != NULL;
	/* The main thread is attached as well. */
	size_t largest = storm_limit / (4 * (STORM_THREADS + 1));

	for (unsigned i = 0; i < storm_rounds; i++) {
		struct object *object = object_make(t_random_below(largest));
		bool pressed;

		t_check(object);
		t_check(object->size <= largest);
		if (in_sections)
			pawl_rcu_begin();
		pressed = object_retire(object);
		if (in_sections)
			pawl_rcu_end();
		if (pressed) {
			pawl_add_relaxed(&storm_pressed, 1);
			pawl_retire_wait();
		}
		if (i % 64 == 0) {
			pawl_rcu_quiescent();
			t_step();
		}
	}
}

static void run_storm(size_t limit, unsigned rounds, bool in_sections)
{
	struct t_thread *threads[STORM_THREADS];
	uint64_t max_before = stats().pending_max_bytes;
	uint64_t grace_periods = stats().grace_periods;
	uint64_t allowed;

	reset(limit);
	storm_limit = limit;
	storm_rounds = rounds;
	pawl_store_relaxed(&storm_pressed, 0);
	for (unsigned i = 0; i < STORM_THREADS; i++)
		threads[i] = t_thread_start(storm, in_sections ? threads : NULL);
	for (unsigned i = 0; i < STORM_THREADS; i++)
		t_thread_join(threads[i]);
	pawl_retire_barrier();
	assert_int_equal(freed(), (uint64_t)STORM_THREADS * rounds);
	assert_int_equal(pawl_load_relaxed(&waiting_bytes), 0);

	/* What the library says, and what was seen from outside. */
	allowed = max_before > limit ? max_before : limit;
	assert_in_range(stats().pending_max_bytes, 1, allowed);
	assert_in_range(pawl_load_relaxed(&waiting_peak), 1, limit);
	/* How often depends on how soon the reclaimer runs; case_pressure() asserts that it comes. */
	print_message("# pressed %u times\n", pawl_load_relaxed(&storm_pressed));
	assert_true(stats().grace_periods > grace_periods);
	assert_int_equal(stats().pending_bytes, 0);
}

static void case_storm_smallest_limit(void **state)
{
	(void)state;
	run_storm(PAWL_RETIRE_LIMIT_MIN, t_scaled(3000), false);
}

static void case_storm(void **state)
{
	(void)state;
	run_storm(64 << 10, t_scaled(20000), false);
}

/* A section of the caller adds its one object, which is no more than a batch would. */
static void case_storm_in_sections(void **state)
{
	(void)state;
	run_storm(1 << 20, t_scaled(20000), true);
}

/* --- Nothing too early. --- */

static struct pawl_atomic_u32 reader_in, reader_may_go;

static void read_until_told(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_store_release(&reader_in, 1);
	t_wait_until(pawl_load_acquire(&reader_may_go));
	pawl_rcu_end();
}

static struct t_thread *reader_start(void)
{
	struct t_thread *reader;

	pawl_init_word(&reader_in, 0);
	pawl_init_word(&reader_may_go, 0);
	reader = t_thread_start(read_until_told, NULL);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&reader_in));
	pawl_rcu_idle_leave();
	return reader;
}

static void reader_end(struct t_thread *reader)
{
	pawl_store_release(&reader_may_go, 1);
	t_thread_join(reader);
}

static void give_time(void)
{
	pawl_rcu_idle_enter();
	for (unsigned i = 0; i < t_scaled(500); i++)
		t_yield();
	pawl_rcu_idle_leave();
}

static void case_not_while_read(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		struct t_thread *reader = reader_start();
		uint64_t grace_periods;

		reset(PAWL_RETIRE_LIMIT_DEFAULT);
		retire_some(200);
		pawl_retire_flush();
		give_time();
		assert_int_equal(freed(), 0);
		assert_true(stats().pending_bytes >= 200 * sizeof(struct object));
		grace_periods = stats().grace_periods;
		give_time();
		assert_int_equal(stats().grace_periods, grace_periods);
		reader_end(reader);
		pawl_retire_barrier();
		assert_int_equal(freed(), 200);
		t_step();
	}
}

/* The retirer's own section counts as well. */
static void case_not_in_own_section(void **state)
{
	(void)state;
	reset(PAWL_RETIRE_LIMIT_DEFAULT);
	pawl_rcu_begin();
	retire_some(200);
	pawl_retire_flush();
	for (unsigned i = 0; i < t_scaled(500); i++)
		t_yield();
	assert_int_equal(freed(), 0);
	pawl_rcu_end();
	pawl_retire_barrier();
	assert_int_equal(freed(), 200);
}

/* --- Everything at last. --- */

static void case_barrier(void **state)
{
	(void)state;
	reset(PAWL_RETIRE_LIMIT_DEFAULT);
	/* Nothing to wait for. */
	for (unsigned i = 0; i < 20; i++)
		pawl_retire_barrier();
	pawl_retire_flush();
	pawl_retire_wait();
	/* From one object to several batches. */
	for (unsigned count = 1; count < 1000; count = count * 2 + 1) {
		reset(PAWL_RETIRE_LIMIT_DEFAULT);
		retire_some(count);
		pawl_retire_barrier();
		assert_int_equal(freed(), count);
		assert_int_equal(stats().pending_bytes, 0);
		t_step();
	}
}

static void retire_and_flush(void *arg)
{
	retire_some(*(unsigned *)arg);
	pawl_retire_flush();
	/* An empty batch is flushed without harm. */
	pawl_retire_flush();
}

static void case_barrier_for_others(void **state)
{
	unsigned count = 5;

	(void)state;
	for (unsigned round = 0; round < t_scaled(50); round++) {
		reset(PAWL_RETIRE_LIMIT_DEFAULT);
		t_thread_join(t_thread_start(retire_and_flush, &count));
		pawl_retire_barrier();
		assert_int_equal(freed(), count);
		t_step();
	}
}

static void retire_only(void *arg)
{
	retire_some(*(unsigned *)arg);
}

static void case_detach_hands_over(void **state)
{
	unsigned count = 3;

	(void)state;
	for (unsigned round = 0; round < t_scaled(50); round++) {
		reset(PAWL_RETIRE_LIMIT_DEFAULT);
		t_thread_join(t_thread_start(retire_only, &count));
		pawl_retire_barrier();
		assert_int_equal(freed(), count);
		t_step();
	}
}

static void case_last_detach_frees(void **state)
{
	unsigned tasks;

	(void)state;
	pawl_thread_detach();
	tasks = t_tasks();
	for (unsigned round = 0; round < t_scaled(50); round++) {
		unsigned count = 1 + (unsigned)t_random_below(300);

		assert_int_equal(pawl_thread_attach("main"), 0);
		reset(PAWL_RETIRE_LIMIT_DEFAULT);
		retire_some(count);
		pawl_thread_detach();
		assert_int_equal(freed(), count);
		assert_int_equal(t_alloc_blocks(), 0);
		assert_int_equal(stats().pending_bytes, 0);
		assert_int_equal(stats().retired, stats().freed);
		assert_int_equal(stats().oldest_ns, 0);
		t_tasks_wait(tasks);
		t_step();
	}
}

/* Several barriers at once, with batches of others going on. */

static struct pawl_atomic_u32 barriers_left;

static void barrier_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(300); i++) {
		retire_some(1 + (unsigned)t_random_below(3));
		pawl_retire_barrier();
		t_step();
	}
	pawl_sub_release(&barriers_left, 1);
}

static void case_barriers_at_once(void **state)
{
	struct t_thread *threads[STORM_THREADS];

	(void)state;
	reset(PAWL_RETIRE_LIMIT_DEFAULT);
	pawl_init_word(&barriers_left, STORM_THREADS);
	for (unsigned i = 0; i < STORM_THREADS; i++)
		threads[i] = t_thread_start(barrier_often, NULL);
	while (pawl_load_acquire(&barriers_left)) {
		retire_some(1);
		pawl_rcu_quiescent();
		t_yield();
	}
	for (unsigned i = 0; i < STORM_THREADS; i++)
		t_thread_join(threads[i]);
	pawl_retire_barrier();
	assert_int_equal(pawl_load_relaxed(&waiting_bytes), 0);
}

/* --- Retire functions. --- */

static struct {
	struct pawl_atomic_u32 inside;
	struct pawl_atomic_u32 bad;
} called;

static void note_where(void)
{
	if (!pawl_thread_attached() || pawl_rcu_reading())
		pawl_store_relaxed(&called.bad, 1);
}

/* One at a time: plain memory of the functions needs no lock. */
static uint64_t calls_plain;

static void look_around(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, node);

	if (pawl_xchg_relaxed(&called.inside, 1))
		pawl_store_relaxed(&called.bad, 1);
	note_where();
	calls_plain++;
	/* It may read, allocate and report; it is attached. */
	pawl_rcu_begin();
	pawl_rcu_end();
	pawl_mem_free(pawl_mem_alloc(20, 0), 20, 0);
	pawl_mem_free(object, object->size, 0);
	pawl_store_relaxed(&called.inside, 0);
}

static void retire_looking(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(1000); i++) {
		struct object *object = object_make(0);

		t_check(object);
		if (pawl_retire(&object->node, object->size, look_around))
			pawl_retire_wait();
	}
}

static void case_functions_one_at_a_time(void **state)
{
	struct t_thread *threads[STORM_THREADS];

	(void)state;
	reset(1 << 20);
	calls_plain = 0;
	pawl_init_word(&called.bad, 0);
	pawl_init_word(&called.inside, 0);
	for (unsigned i = 0; i < STORM_THREADS; i++)
		threads[i] = t_thread_start(retire_looking, NULL);
	for (unsigned i = 0; i < STORM_THREADS; i++)
		t_thread_join(threads[i]);
	pawl_retire_barrier();
	assert_int_equal(calls_plain, (uint64_t)STORM_THREADS * t_scaled(1000));
	assert_int_equal(pawl_load_relaxed(&called.bad), 0);
}

/* A function that retires more, the same node again or a new object, and so on for a while. */

struct link {
	struct pawl_retire_node node;
	unsigned left;
	bool same;
};

static struct pawl_atomic_u64 links_alive;

static void link_free(struct pawl_retire_node *node)
{
	struct link *link = PAWL_CONTAINER_OF(node, struct link, node);

	if (!link->left) {
		pawl_mem_free(link, sizeof(*link), 0);
		pawl_sub_release(&links_alive, 1);
		return;
	}
	if (link->same) {
		link->left--;
		(void)pawl_retire(&link->node, sizeof(*link), link_free);
	} else {
		struct link *next = pawl_mem_alloc(sizeof(*next), 0);

		t_check(next);
		next->left = link->left - 1;
		next->same = false;
		(void)pawl_retire(&next->node, sizeof(*next), link_free);
		pawl_mem_free(link, sizeof(*link), 0);
	}
}

static void chain_start(unsigned length, bool same)
{
	struct link *link = pawl_mem_alloc(sizeof(*link), 0);

	t_check(link);
	link->left = length;
	link->same = same;
	pawl_add_relaxed(&links_alive, 1);
	(void)pawl_retire(&link->node, sizeof(*link), link_free);
}

static void case_function_retires_more(void **state)
{
	(void)state;
	reset(PAWL_RETIRE_LIMIT_DEFAULT);
	for (unsigned same = 0; same < 2; same++) {
		pawl_init_word(&links_alive, 0);
		for (unsigned i = 0; i < 100; i++)
			chain_start(i % 20, same);
		pawl_retire_flush();
		/* Goes on by itself, nobody has to push. */
		pawl_rcu_idle_enter();
		t_wait_until(pawl_load_acquire(&links_alive) == 0);
		pawl_rcu_idle_leave();
		t_step();
	}
}

static void case_last_detach_frees_chains(void **state)
{
	(void)state;
	for (unsigned same = 0; same < 2; same++) {
		for (unsigned round = 0; round < 10; round++) {
			pawl_init_word(&links_alive, 0);
			for (unsigned i = 0; i < 10; i++)
				chain_start(i * 5, same);
			pawl_thread_detach();
			assert_int_equal(pawl_load_relaxed(&links_alive), 0);
			assert_int_equal(t_alloc_blocks(), 0);
			assert_int_equal(pawl_thread_attach("main"), 0);
			t_step();
		}
	}
}

/* --- Pressure. --- */

static void case_pressure(void **state)
{
	struct t_thread *reader = reader_start();
	unsigned retired = 0;

	(void)state;
	reset(PAWL_RETIRE_LIMIT_MIN);
	/* With a section open nothing can be freed, so pressure must come before the limit. */
	for (;;) {
		struct object *object = object_make(64);

		assert_non_null(object);
		retired++;
		if (object_retire(object))
			break;
		assert_in_range(retired * 64, 0, PAWL_RETIRE_LIMIT_MIN);
	}
	assert_int_equal(freed(), 0);
	/* It stays until there is room. */
	for (unsigned i = 0; i < 3; i++) {
		struct object *object = object_make(64);

		assert_non_null(object);
		retired++;
		assert_true(object_retire(object));
	}
	reader_end(reader);
	pawl_retire_wait();
	assert_true(stats().pending_bytes < PAWL_RETIRE_LIMIT_MIN);
	pawl_retire_barrier();
	assert_int_equal(freed(), retired);
	/* And then it is gone. */
	assert_false(object_retire(object_make(64)));
	pawl_retire_wait();
	pawl_retire_barrier();
}

static void wait_for_room(void *arg)
{
	(void)arg;
	pawl_store_release(&barriers_left, 1);
	pawl_retire_wait();
	pawl_store_release(&barriers_left, 2);
}

static struct t_thread *waiter_start(void)
{
	struct t_thread *waiter;

	pawl_init_word(&barriers_left, 0);
	waiter = t_thread_start(wait_for_room, NULL);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&barriers_left) >= 1);
	pawl_rcu_idle_leave();
	give_time();
	return waiter;
}

static void fill_up(void)
{
	while (!object_retire(object_make(64)))
		;
	pawl_retire_flush();
}

static void case_wait_waits(void **state)
{
	uint64_t reports = pawl_report_count(PAWL_REPORT_RETIRE_PRESSURE);
	struct t_thread *reader = reader_start(), *waiter;

	(void)state;
	reset(PAWL_RETIRE_LIMIT_MIN);
	fill_up();
	waiter = waiter_start();
	assert_int_equal(pawl_load_acquire(&barriers_left), 1);
	assert_true(pawl_report_count(PAWL_REPORT_RETIRE_PRESSURE) > reports);
	reader_end(reader);
	t_thread_join(waiter);
	assert_int_equal(pawl_load_acquire(&barriers_left), 2);
	pawl_retire_barrier();
}

/*
 * Room made by a higher limit is room: the waiter goes on though nothing is freed. The loop has
 * an end, so that a waiter that does not is a failure and not a hang.
 */
static void case_limit_raised(void **state)
{
	struct t_thread *reader = reader_start(), *waiter;
	bool went_on = false;

	(void)state;
	reset(PAWL_RETIRE_LIMIT_MIN);
	fill_up();
	waiter = waiter_start();
	assert_int_equal(pawl_load_acquire(&barriers_left), 1);
	assert_int_equal(pawl_retire_set_limit(1 << 20), 0);
	pawl_rcu_idle_enter();
	for (unsigned i = 0; i < 1000000 && !went_on; i++) {
		t_yield();
		went_on = pawl_load_acquire(&barriers_left) == 2;
	}
	pawl_rcu_idle_leave();
	assert_int_equal(freed(), 0);
	reader_end(reader);
	t_thread_join(waiter);
	pawl_retire_barrier();
	assert_true(went_on);
}

static void case_limit_lowered(void **state)
{
	struct t_thread *reader = reader_start();

	(void)state;
	reset(1 << 20);
	for (unsigned i = 0; i < 100; i++)
		assert_false(object_retire(object_make(100)));
	pawl_retire_flush();
	assert_int_equal(pawl_retire_set_limit(PAWL_RETIRE_LIMIT_MIN), 0);
	/* 10,000 bytes wait, 4,096 may: a thread's share of that is 256. */
	for (unsigned i = 0; i < 2; i++)
		(void)object_retire(object_make(100));
	assert_true(object_retire(object_make(100)));
	assert_true(object_retire(object_make(100)));
	reader_end(reader);
	pawl_retire_wait();
	assert_true(stats().pending_bytes < PAWL_RETIRE_LIMIT_MIN);
	pawl_retire_barrier();
}

static void case_limit_bounds(void **state)
{
	static const size_t wrong[] = {0, 1, PAWL_RETIRE_LIMIT_MIN - 1};
	static const size_t right[] = {PAWL_RETIRE_LIMIT_MIN, PAWL_RETIRE_LIMIT_MIN + 1,
				       PAWL_RETIRE_LIMIT_DEFAULT, SIZE_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(right) / sizeof(*right); i++) {
		assert_int_equal(pawl_retire_set_limit(right[i]), 0);
		assert_int_equal(stats().limit_bytes, right[i]);
		for (unsigned n = 0; n < sizeof(wrong) / sizeof(*wrong); n++) {
			t_assert_errno(pawl_retire_set_limit(wrong[n]), EINVAL);
			assert_int_equal(stats().limit_bytes, right[i]);
		}
	}
	/* Attached or not. */
	pawl_thread_detach();
	assert_int_equal(pawl_retire_set_limit(PAWL_RETIRE_LIMIT_DEFAULT), 0);
	assert_int_equal(stats().limit_bytes, PAWL_RETIRE_LIMIT_DEFAULT);
}

/* Objects beyond the promise (no larger than a share of the limit): pressure at once. */
static void case_huge_objects(void **state)
{
	static const size_t sizes[] = {PAWL_RETIRE_LIMIT_MIN / 2, PAWL_RETIRE_LIMIT_MIN,
				       PAWL_RETIRE_LIMIT_MIN + 1, 1u << 30,
				       (size_t)1 << 40,		  (size_t)PTRDIFF_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct t_thread *reader = reader_start();
		struct object *object = object_make(0);

		reset(PAWL_RETIRE_LIMIT_MIN);
		assert_non_null(object);
		assert_true(object_retire_as(object, sizes[i]));
		reader_end(reader);
		pawl_retire_wait();
		assert_true(stats().pending_bytes < PAWL_RETIRE_LIMIT_MIN);
		pawl_retire_barrier();
		assert_int_equal(freed(), 1);
		assert_int_equal(stats().pending_bytes, 0);
		t_step();
	}
}

/* No bytes at all: such objects are still handed over, and freed. */
static void case_no_bytes(void **state)
{
	unsigned retired = 0;

	(void)state;
	reset(PAWL_RETIRE_LIMIT_MIN);
	/* By themselves, batch after batch. */
	while (!freed()) {
		struct object *object = object_make(0);

		assert_non_null(object);
		retired++;
		(void)object_retire_as(object, 0);
		pawl_rcu_quiescent();
		t_yield();
	}
	pawl_retire_barrier();
	assert_int_equal(freed(), retired);
}

/* --- Statistics. --- */

static void case_stats(void **state)
{
	struct pawl_retire_stats before = stats(), now;
	struct t_thread *reader;
	uint64_t older;

	(void)state;
	assert_int_equal(before.pending_bytes, 0);
	assert_int_equal(before.oldest_ns, 0);
	reset(PAWL_RETIRE_LIMIT_DEFAULT);
	reader = reader_start();
	for (unsigned i = 0; i < 10; i++)
		(void)object_retire(object_make(1000));
	/* "Handed over": not before the flush. */
	pawl_retire_flush();
	now = stats();
	assert_int_equal(now.retired, before.retired + 10);
	assert_int_equal(now.pending_bytes, 10000);
	assert_true(now.pending_max_bytes >= 10000);
	assert_int_equal(now.freed, before.freed);
	assert_int_equal(now.limit_bytes, PAWL_RETIRE_LIMIT_DEFAULT);
	/* From when the reclaimer has taken them. */
	pawl_rcu_idle_enter();
	t_wait_until((older = stats().oldest_ns) > 0);
	pawl_rcu_idle_leave();
	/* More objects do not make the oldest younger. */
	retire_some(1);
	pawl_retire_flush();
	assert_true(stats().oldest_ns >= older);
	reader_end(reader);
	pawl_retire_barrier();
	/* The barrier itself may be the last thing to be counted. */
	pawl_rcu_idle_enter();
	t_wait_until(stats().retired == stats().freed);
	t_wait_until(stats().oldest_ns == 0);
	pawl_rcu_idle_leave();
	now = stats();
	assert_true(now.freed >= before.freed + 11);
	assert_int_equal(now.pending_bytes, 0);
	assert_true(now.grace_periods > before.grace_periods);
	assert_true(now.pending_max_bytes >= 10000);
}

/* --- Broken contracts. --- */

static void bare_retire(void *arg)
{
	static struct object object;

	(void)arg;
	(void)pawl_retire(&object.node, 1, object_free);
}

static void bare_flush(void *arg)
{
	(void)arg;
	pawl_retire_flush();
}

static void bare_wait(void *arg)
{
	(void)arg;
	pawl_retire_wait();
}

static void bare_barrier(void *arg)
{
	(void)arg;
	pawl_retire_barrier();
}

static void case_unattached_aborts(void **state)
{
	(void)state;
	pawl_thread_detach();
	assert_true(t_aborts(bare_retire, NULL, "attached"));
	assert_true(t_aborts(bare_flush, NULL, "attached"));
	assert_true(t_aborts(bare_wait, NULL, "attached"));
	assert_true(t_aborts(bare_barrier, NULL, "attached"));
}

static void barrier_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_retire_barrier();
}

static void wait_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_retire_wait();
}

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	assert_true(t_aborts(barrier_in_section, NULL, "contract"));
	assert_true(t_aborts(wait_in_section, NULL, "contract"));
#else
	(void)barrier_in_section;
	(void)wait_in_section;
	t_skip("no debug checks in this build");
#endif
}

/* --- Allocation failure. --- */

/* Retiring takes no memory, on any of its ways: only the objects themselves can fail. */
static int oom_retire(void)
{
	uint64_t calls;
	int rc = pawl_thread_attach("oom");

	if (rc)
		return rc;
	for (unsigned i = 0; i < 5; i++) {
		struct object *object = object_make(0);

		if (!object) {
			rc = -ENOMEM;
			break;
		}
		calls = t_alloc_calls();
		(void)object_retire(object);
		t_check(t_alloc_calls() == calls);
	}
	calls = t_alloc_calls();
	pawl_retire_flush();
	pawl_retire_wait();
	pawl_retire_barrier();
	pawl_thread_detach();
	t_check(t_alloc_calls() == calls);
	return rc;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_storm_smallest_limit),
		cmocka_unit_test(case_storm),
		cmocka_unit_test(case_storm_in_sections),
		cmocka_unit_test(case_not_while_read),
		cmocka_unit_test(case_not_in_own_section),
		cmocka_unit_test(case_barrier),
		cmocka_unit_test(case_barrier_for_others),
		cmocka_unit_test(case_detach_hands_over),
		cmocka_unit_test(case_last_detach_frees),
		cmocka_unit_test(case_barriers_at_once),
		cmocka_unit_test(case_functions_one_at_a_time),
		cmocka_unit_test(case_function_retires_more),
		cmocka_unit_test(case_last_detach_frees_chains),
		cmocka_unit_test(case_pressure),
		cmocka_unit_test(case_wait_waits),
		cmocka_unit_test(case_limit_raised),
		cmocka_unit_test(case_limit_lowered),
		cmocka_unit_test(case_limit_bounds),
		cmocka_unit_test(case_huge_objects),
		cmocka_unit_test(case_no_bytes),
		cmocka_unit_test(case_stats),
		cmocka_unit_test(case_unattached_aborts),
		cmocka_unit_test(case_debug_checks),
		T_OOM(oom_retire),
	};

	return t_run("retire", cases);
}
