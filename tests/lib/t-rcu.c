/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-rcu.c - read sections and grace periods, for both flavours: a grace period waits for every
 * section that was open at its start and for nothing else; nesting; idle stretches; and, in
 * debug builds, the checks of the contract.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/thread.h>

#ifdef PAWL_URCU_QSBR
#define QSBR 1
#else
#define QSBR 0
#endif

#ifdef PAWL_DEBUG
#define DEBUG_CHECKS 1
#else
#define DEBUG_CHECKS 0
#endif

/* Does pawl_rcu_reading() know? */
#define COUNTED	   (DEBUG_CHECKS || !QSBR)

#define NESTED_MAX (1u << 15)

static void case_reading(void **state)
{
	(void)state;
	assert_false(pawl_rcu_reading());
	pawl_rcu_begin();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	pawl_rcu_begin();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	pawl_rcu_end();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	pawl_rcu_end();
	assert_false(pawl_rcu_reading());
}

static void case_deep_nesting(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NESTED_MAX; i++)
		pawl_rcu_begin();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	for (unsigned i = 0; i < NESTED_MAX - 1; i++)
		pawl_rcu_end();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	pawl_rcu_end();
	assert_false(pawl_rcu_reading());
	pawl_rcu_synchronize();
}

/* With nobody in a section, grace periods end; many do. */
static void case_nobody_reads(void **state)
{
	unsigned rounds = t_scaled(2000);

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		pawl_rcu_quiescent();
		pawl_rcu_synchronize();
		t_step();
	}
}

struct idler {
	struct t_barrier *ready, *done;
};

static void idle_and_quiescent(void *arg)
{
	struct idler *idler = arg;

	pawl_rcu_idle_enter();
	pawl_rcu_quiescent();
	t_barrier_wait(idler->ready);
	t_barrier_wait(idler->done);
	pawl_rcu_idle_leave();
}

/* A quiescent state inside an idle stretch does not end it: the grace period waits for nobody. */
static void case_quiescent_while_idle(void **state)
{
	struct idler idler = {t_barrier_make(2), t_barrier_make(2)};
	struct t_thread *thread = t_thread_start(idle_and_quiescent, &idler);

	(void)state;
	t_barrier_wait(idler.ready);
	pawl_rcu_synchronize();
	t_barrier_wait(idler.done);
	t_thread_join(thread);
	t_barrier_drop(idler.ready);
	t_barrier_drop(idler.done);
}

static void case_idle_nests(void **state)
{
	(void)state;
	pawl_rcu_idle_enter();
	pawl_rcu_idle_enter();
	pawl_rcu_idle_leave();
	pawl_rcu_idle_leave();
	pawl_rcu_begin();
	assert_int_equal(pawl_rcu_reading(), COUNTED);
	pawl_rcu_end();
	for (unsigned i = 0; i < 1000; i++)
		pawl_rcu_idle_enter();
	for (unsigned i = 0; i < 1000; i++)
		pawl_rcu_idle_leave();
	pawl_rcu_synchronize();
}

/* --- A grace period waits for a section. --- */

static struct pawl_atomic_u32 reader_in, reader_may_go, updater_started, updater_done;
static unsigned reader_depth;
static uint64_t plain; /* written in the section, read after the grace period */

static void read_until_told(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < reader_depth; i++)
		pawl_rcu_begin();
	/* Leaving inner sections is not leaving. */
	for (unsigned i = 1; i < reader_depth; i++)
		pawl_rcu_end();
	pawl_store_release(&reader_in, 1);
	t_wait_until(pawl_load_acquire(&reader_may_go));
	t_check(!pawl_load_acquire(&updater_done));
	plain++;
	pawl_rcu_end();
}

static void synchronize_once(void *arg)
{
	uint64_t *seen = arg;

	pawl_store_release(&updater_started, 1);
	pawl_rcu_synchronize();
	*seen = plain;
	pawl_store_release(&updater_done, 1);
}

static void wait_for_section(unsigned depth)
{
	uint64_t expected = plain + 1;
	uint64_t seen = 0;
	struct t_thread *reader, *updater;

	reader_depth = depth;
	pawl_init_word(&reader_in, 0);
	pawl_init_word(&reader_may_go, 0);
	pawl_init_word(&updater_started, 0);
	pawl_init_word(&updater_done, 0);
	reader = t_thread_start(read_until_told, NULL);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&reader_in));
	pawl_rcu_idle_leave();
	updater = t_thread_start(synchronize_once, &seen);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&updater_started));
	/* Time to go wrong. */
	for (unsigned i = 0; i < t_scaled(500); i++) {
		t_yield();
		t_check(!pawl_load_acquire(&updater_done));
	}
	pawl_rcu_idle_leave();
	pawl_store_release(&reader_may_go, 1);
	t_thread_join(reader);
	t_thread_join(updater);
	assert_int_equal(seen, expected);
}

static void case_waits_for_section(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		wait_for_section(1);
		t_step();
	}
}

static void case_waits_for_outermost(void **state)
{
	(void)state;
	for (unsigned depth = 2; depth < 10; depth++) {
		wait_for_section(depth);
		t_step();
	}
}

/* --- A grace period does not wait for what blocks outside sections. --- */

static struct t_barrier *block_gate;

static void block_idle(void *arg)
{
	(void)arg;
	pawl_store_release(&reader_in, 1);
	/* Waits idle, as the contract of qsbr asks. */
	t_barrier_wait(block_gate);
}

static void case_not_for_idle(void **state)
{
	struct t_thread *blocked;

	(void)state;
	block_gate = t_barrier_make(2);
	pawl_init_word(&reader_in, 0);
	blocked = t_thread_start(block_idle, NULL);
	pawl_rcu_idle_enter();
	t_wait_until(pawl_load_acquire(&reader_in));
	pawl_rcu_idle_leave();
	for (unsigned i = 0; i < 100; i++)
		pawl_rcu_synchronize();
	t_barrier_wait(block_gate);
	t_thread_join(blocked);
	t_barrier_drop(block_gate);
}

/* Nor for threads that are gone, however they went. */
static void leave_at_once(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_rcu_end();
}

static void leave_attached(void *arg)
{
	t_check(pawl_thread_attach(NULL) == 0);
	leave_at_once(arg);
}

static void case_not_for_the_gone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < t_scaled(50); i++) {
		t_thread_join(t_thread_start(leave_at_once, NULL));
		t_thread_join(t_thread_start_bare(leave_attached, NULL));
		pawl_rcu_synchronize();
		t_step();
	}
}

/*
 * Nor for sections that begin later: readers always have one open, one or the other, and grace
 * periods end all the same.
 */

#define READERS 3
static struct pawl_atomic_u32 stop;

static void read_always(void *arg)
{
	(void)arg;
	while (!pawl_load_acquire(&stop)) {
		for (unsigned i = 0; i < 50; i++) {
			pawl_rcu_begin();
			pawl_rcu_end();
		}
		pawl_rcu_quiescent();
	}
}

static void case_not_for_later_sections(void **state)
{
	struct t_thread *readers[READERS];

	(void)state;
	pawl_init_word(&stop, 0);
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = t_thread_start(read_always, NULL);
	for (unsigned i = 0; i < t_scaled(100); i++) {
		pawl_rcu_synchronize();
		t_step();
	}
	pawl_store_release(&stop, 1);
	for (unsigned i = 0; i < READERS; i++)
		t_thread_join(readers[i]);
}

/*
 * The use of it all: an object is replaced, a grace period waited for, the old one spoilt and
 * freed; no reader sees a spoilt one. Several updaters, so that grace periods overlap.
 */

#define UPDATERS 2
#define WORDS	 8
struct object {
	uint64_t word[WORDS];
};
static struct pawl_atomic_ptr current;
static struct pawl_atomic_u64 reads;

static struct object *object_make(uint64_t value)
{
	struct object *object = pawl_mem_alloc(sizeof(*object), 0);

	t_check(object);
	for (unsigned i = 0; i < WORDS; i++)
		object->word[i] = value + i;
	return object;
}

static void object_free(struct object *object)
{
	memset(object, 0, sizeof(*object));
	pawl_mem_free(object, sizeof(*object), 0);
}

static void read_objects(void *arg)
{
	unsigned i = 0;

	(void)arg;
	/* At least once each, also if the updaters are done before a reader first runs. */
	do {
		const struct object *object_rcu;
		uint64_t value;

		pawl_rcu_begin();
		object_rcu = pawl_load_acquire(&current);
		value = object_rcu->word[0];
		t_check(value >= 1000);
		if (t_random_below(64) == 0)
			t_yield();
		for (unsigned w = 1; w < WORDS; w++)
			t_check(object_rcu->word[w] == value + w);
		pawl_rcu_end();
		if (++i % 16 == 0)
			pawl_rcu_quiescent();
	} while (!pawl_load_acquire(&stop));
	pawl_add_relaxed(&reads, i);
}

static void update_objects(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(1500); i++) {
		struct object *fresh = object_make(1000 + t_random_below(1u << 30));
		struct object *old = pawl_xchg_acq_rel(&current, (void *)fresh);

		pawl_rcu_synchronize();
		object_free(old);
		t_step();
	}
}

static void case_replace(void **state)
{
	struct t_thread *readers[READERS], *updaters[UPDATERS];

	(void)state;
	pawl_init_word(&stop, 0);
	pawl_init_word(&reads, 0);
	pawl_init_word(&current, object_make(1000));
	for (unsigned i = 0; i < READERS; i++)
		readers[i] = t_thread_start(read_objects, NULL);
	for (unsigned i = 0; i < UPDATERS; i++)
		updaters[i] = t_thread_start(update_objects, NULL);
	for (unsigned i = 0; i < UPDATERS; i++)
		t_thread_join(updaters[i]);
	pawl_store_release(&stop, 1);
	for (unsigned i = 0; i < READERS; i++)
		t_thread_join(readers[i]);
	assert_true(pawl_load_relaxed(&reads) > 0);
	object_free(pawl_load_relaxed(&current));
}

/* --- Broken contracts, which debug builds notice. --- */

static void end_without_begin(void *arg)
{
	(void)arg;
	pawl_rcu_end();
}

static void begin_idle(void *arg)
{
	(void)arg;
	pawl_rcu_idle_enter();
	pawl_rcu_begin();
}

static void synchronize_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_rcu_synchronize();
}

static void quiescent_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_rcu_quiescent();
}

static void idle_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_rcu_idle_enter();
}

static void leave_without_enter(void *arg)
{
	(void)arg;
	pawl_rcu_idle_leave();
}

static void nest_too_deep(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i <= NESTED_MAX; i++)
		pawl_rcu_begin();
}

static void detach_in_section(void *arg)
{
	(void)arg;
	pawl_rcu_begin();
	pawl_thread_detach();
}

static void begin_detached(void *arg)
{
	(void)arg;
	pawl_thread_detach();
	pawl_rcu_begin();
}

static void case_debug_checks(void **state)
{
	static void (*const broken[])(void *) = {
		end_without_begin,    begin_idle,	 synchronize_in_section,
		quiescent_in_section, idle_in_section,	 leave_without_enter,
		nest_too_deep,	      detach_in_section,
	};

	(void)state;
	if (!DEBUG_CHECKS)
		return t_skip("no debug checks in this build");
	for (unsigned i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		print_message("# contract %u\n", i);
		assert_true(t_aborts(broken[i], NULL, "contract"));
		t_step();
	}
}

static void begin_bare(void *arg)
{
	(void)arg;
	t_check(t_aborts(begin_detached, NULL, "contract"));
}

static void case_debug_unattached(void **state)
{
	struct t_thread *thread;

	(void)state;
	if (!DEBUG_CHECKS)
		return t_skip("no debug checks in this build");
	/* From a thread of its own: the child's detach must not be the last of the process. */
	thread = t_thread_start(begin_bare, NULL);
	t_thread_join(thread);
}

static void synchronize_detached(void *arg)
{
	(void)arg;
	pawl_rcu_synchronize();
}

static void check_synchronize_bare(void *arg)
{
	(void)arg;
	t_check(t_aborts(synchronize_detached, NULL, "attached"));
}

/* Not on any fast path: checked in all builds. */
static void case_synchronize_unattached(void **state)
{
	(void)state;
	t_thread_join(t_thread_start_bare(check_synchronize_bare, NULL));
}

static int oom_rcu(void)
{
	uint64_t calls;
	int rc = pawl_thread_attach("rcu");

	if (rc) {
		t_check(!pawl_thread_attached());
		return rc;
	}
	calls = t_alloc_calls();
	pawl_rcu_begin();
	pawl_rcu_end();
	pawl_rcu_quiescent();
	pawl_rcu_idle_enter();
	pawl_rcu_idle_leave();
	pawl_rcu_synchronize();
	t_check(t_alloc_calls() == calls);
	pawl_thread_detach();
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_reading),
		cmocka_unit_test(case_deep_nesting),
		cmocka_unit_test(case_nobody_reads),
		cmocka_unit_test(case_quiescent_while_idle),
		cmocka_unit_test(case_idle_nests),
		cmocka_unit_test(case_waits_for_section),
		cmocka_unit_test(case_waits_for_outermost),
		cmocka_unit_test(case_not_for_idle),
		cmocka_unit_test(case_not_for_the_gone),
		cmocka_unit_test(case_not_for_later_sections),
		cmocka_unit_test(case_replace),
		cmocka_unit_test(case_debug_checks),
		cmocka_unit_test(case_debug_unattached),
		cmocka_unit_test(case_synchronize_unattached),
		T_OOM(oom_rcu),
	};

	return t_run("rcu", cases);
}
