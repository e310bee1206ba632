/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-age.c - the age pipeline: what a reader holds has not been through a grace period.
 *
 * After rcutorture (P. McKenney, Linux). Updaters replace the objects in a few slots. A
 * replaced object is marked as removed (age 1) and retired; its retire function does not free
 * it but adds a year and retires it again, until it is AGE_FREE years old; only then it is
 * spoilt and freed. A reader takes an object from a slot and may find it removed meanwhile, but
 * as long as its section lasts no grace period can have ended that began after the removal: an
 * age above 1 is a grace period that did not wait. The long way to the free is what makes such
 * an error visible as an age, where otherwise it would be a use of freed memory that may look
 * right.
 *
 * The same with pawl_rcu_synchronize() in place of retiring, and with both at once.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#define SLOTS	    8
#define READERS	    3
#define UPDATERS    2
#define AGE_REMOVED 1
#define AGE_FREE    6
#define WORDS	    6
#define MAGIC	    UINT64_C(0x6d61676963)

struct object {
	struct pawl_retire_node node;
	/* Written by its updater and then by the retire function, read by readers. Relaxed. */
	struct pawl_atomic_u32 age;
	/* Plain: written before it is published and when it is spoilt. */
	uint64_t magic;
	uint64_t word[WORDS];
};

static struct pawl_atomic_ptr slots[SLOTS];
static struct pawl_atomic_u32 stop, updating;
static struct pawl_atomic_u64 made, freed;

/* What readers saw, by age. */
static struct pawl_atomic_u64 seen[AGE_FREE + 1];
static unsigned update_rounds;

static struct object *object_make(void)
{
	struct object *object = pawl_mem_alloc(sizeof(*object), 0);
	uint64_t value = t_random();

	if (!object)
		return NULL;
	pawl_init_word(&object->age, 0);
	object->magic = MAGIC;
	for (unsigned i = 0; i < WORDS; i++)
		object->word[i] = value + i;
	pawl_add_relaxed(&made, 1);
	return object;
}

static void object_spoil(struct object *object)
{
	t_check(object->magic == MAGIC);
	object->magic = 0;
	memset(object->word, 0xee, sizeof(object->word));
	pawl_mem_free(object, sizeof(*object), 0);
	pawl_add_relaxed(&freed, 1);
}

static void object_ages(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, node);
	uint32_t age = pawl_add_relaxed(&object->age, 1) + 1;

	t_check(object->magic == MAGIC);
	if (age >= AGE_FREE)
		object_spoil(object);
	else
		(void)pawl_retire(&object->node, sizeof(*object), object_ages);
}

/* Put a new object into a slot, and give back the one that was there, marked. */
static struct object *replace(unsigned slot, struct object *fresh)
{
	struct object *old = pawl_xchg_acq_rel(&slots[slot], (void *)fresh);

	if (old)
		t_check(pawl_add_relaxed(&old->age, AGE_REMOVED) == 0);
	return old;
}

static void dispose_by_retire(struct object *old)
{
	if (pawl_retire(&old->node, sizeof(*old), object_ages))
		pawl_retire_wait();
}

static void dispose_by_synchronize(struct object *old)
{
	for (uint32_t age = AGE_REMOVED; age < AGE_FREE; age++) {
		pawl_rcu_synchronize();
		t_check(pawl_add_relaxed(&old->age, 1) == age);
	}
	object_spoil(old);
}

static void update(void *arg)
{
	void (*const *dispose)(struct object *) = arg;

	for (unsigned i = 0; i < update_rounds; i++) {
		struct object *fresh = object_make();
		struct object *old;

		t_check(fresh);
		old = replace((unsigned)t_random_below(SLOTS), fresh);
		if (old)
			(*dispose)(old);
		pawl_rcu_quiescent();
		if (t_random_below(32) == 0)
			t_yield();
		if (i % 64 == 0)
			t_step();
	}
	pawl_sub_release(&updating, 1);
}

/* Hold one object for a while, looking at it all the time. Returns the age at the end. */
static uint32_t hold(const struct object *object_rcu)
{
	uint64_t value = object_rcu->word[0];
	uint64_t turns = t_random_below(16) ? t_random_below(8) : t_random_below(300);

	for (uint64_t i = 0; i <= turns; i++) {
		t_check(object_rcu->magic == MAGIC);
		for (unsigned w = 1; w < WORDS; w++)
			t_check(object_rcu->word[w] == value + w);
		if (turns > 8 && i == turns / 2)
			t_yield();
	}
	return pawl_load_relaxed(&object_rcu->age);
}

static void read_slots(void *arg)
{
	uint64_t own_seen[AGE_FREE + 1] = {0};
	bool stopping;
	unsigned i = 0;

	(void)arg;
	/* The last turn begins after the last update: each reader meets a live object. */
	do {
		const struct object *first_rcu, *second_rcu;
		uint32_t age = 0;

		stopping = pawl_load_acquire(&stop);
		pawl_rcu_begin();
		first_rcu = pawl_load_acquire(&slots[t_random_below(SLOTS)]);
		if (first_rcu) {
			age = hold(first_rcu);
			/* A second one in a nested section; the first must stay as young. */
			if (t_random_below(4) == 0) {
				pawl_rcu_begin();
				second_rcu = pawl_load_acquire(&slots[t_random_below(SLOTS)]);
				t_check(hold(second_rcu) <= AGE_REMOVED);
				pawl_rcu_end();
				age = hold(first_rcu);
			}
		}
		t_check(age <= AGE_REMOVED);
		own_seen[age]++;
		pawl_rcu_end();
		if (++i % 8 == 0)
			pawl_rcu_quiescent();
		/* Threads come and go while others read. */
		if (t_random_below(2000) == 0) {
			pawl_thread_detach();
			t_check(pawl_thread_attach("reader") == 0);
		}
	} while (!stopping);
	for (unsigned age = 0; age <= AGE_FREE; age++)
		pawl_add_relaxed(&seen[age], own_seen[age]);
}

static void run_pipeline(unsigned rounds, void (*first)(struct object *),
			 void (*second)(struct object *))
{
	void (*dispose[UPDATERS])(struct object *) = {first, second};
	struct t_thread *readers[READERS], *updaters[UPDATERS];

	update_rounds = rounds;
	pawl_init_word(&stop, 0);
	pawl_init_word(&updating, UPDATERS);
	pawl_init_word(&made, 0);
	pawl_init_word(&freed, 0);
	for (unsigned age = 0; age <= AGE_FREE; age++)
		pawl_init_word(&seen[age], 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		pawl_init_word(&slots[i], object_make());
		assert_non_null(pawl_load_relaxed(&slots[i]));
	}

	for (unsigned i = 0; i < READERS; i++)
		readers[i] = t_thread_start(read_slots, NULL);
	for (unsigned i = 0; i < UPDATERS; i++)
		updaters[i] = t_thread_start(update, &dispose[i]);
	for (unsigned i = 0; i < UPDATERS; i++)
		t_thread_join(updaters[i]);
	pawl_store_release(&stop, 1);
	for (unsigned i = 0; i < READERS; i++)
		t_thread_join(readers[i]);

	for (unsigned i = 0; i < SLOTS; i++)
		dispose_by_retire(replace(i, NULL));
	/* The last detach waits for all ages to pass. */
	pawl_thread_detach();
	assert_int_equal(pawl_load_relaxed(&freed), pawl_load_relaxed(&made));
	assert_int_equal(pawl_load_relaxed(&made), (uint64_t)UPDATERS * rounds + SLOTS);
	print_message("# readers held %llu live and %llu removed objects\n",
		      (unsigned long long)pawl_load_relaxed(&seen[0]),
		      (unsigned long long)pawl_load_relaxed(&seen[AGE_REMOVED]));
	assert_true(pawl_load_relaxed(&seen[0]) > 0);
	for (unsigned age = AGE_REMOVED + 1; age <= AGE_FREE; age++)
		assert_int_equal(pawl_load_relaxed(&seen[age]), 0);
}

static void case_retire(void **state)
{
	(void)state;
	run_pipeline(t_scaled(40000), dispose_by_retire, dispose_by_retire);
}

/* With a small limit the updaters wait all the time, and batches are handed over early. */
static void case_retire_under_pressure(void **state)
{
	(void)state;
	assert_int_equal(pawl_retire_set_limit(8192), 0);
	run_pipeline(t_scaled(15000), dispose_by_retire, dispose_by_retire);
	assert_int_equal(pawl_retire_set_limit(PAWL_RETIRE_LIMIT_DEFAULT), 0);
}

static void case_synchronize(void **state)
{
	(void)state;
	run_pipeline(t_scaled(1000), dispose_by_synchronize, dispose_by_synchronize);
}

static void case_both(void **state)
{
	(void)state;
	run_pipeline(t_scaled(1000), dispose_by_retire, dispose_by_synchronize);
}

/*
 * That the test can fail: an object that is spoilt without a grace period is noticed by a
 * reader. In a child, for it ends by SIGABRT.
 */
static void hold_too_old(void *arg)
{
	struct object object = {.magic = MAGIC};

	(void)arg;
	for (unsigned i = 0; i < WORDS; i++)
		object.word[i] = i;
	pawl_init_word(&object.age, AGE_REMOVED);
	t_check(hold(&object) <= AGE_REMOVED);
	pawl_init_word(&object.age, AGE_REMOVED + 1);
	t_check(hold(&object) <= AGE_REMOVED);
}

static void hold_spoilt(void *arg)
{
	struct object object = {.magic = MAGIC};

	(void)arg;
	object.word[3] = 77;
	(void)hold(&object);
}

static void case_notices(void **state)
{
	(void)state;
	assert_true(t_aborts(hold_too_old, NULL, "AGE_REMOVED"));
	assert_true(t_aborts(hold_spoilt, NULL, "word"));
}

/* The pipeline with one thread and every allocation failing in turn: nothing is lost. */
static int oom_age(void)
{
	int rc = pawl_thread_attach("age");

	if (rc)
		return rc;
	for (unsigned i = 0; i < SLOTS; i++)
		pawl_init_word(&slots[i], NULL);
	for (unsigned i = 0; i < 2 * SLOTS && !rc; i++) {
		struct object *fresh = object_make();
		struct object *old;

		if (!fresh) {
			rc = -ENOMEM;
			break;
		}
		old = replace(i % SLOTS, fresh);
		if (old)
			dispose_by_retire(old);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		struct object *old = replace(i, NULL);

		if (old)
			dispose_by_retire(old);
	}
	pawl_thread_detach();
	return rc;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_retire),
		cmocka_unit_test(case_retire_under_pressure),
		cmocka_unit_test(case_synchronize),
		cmocka_unit_test(case_both),
		cmocka_unit_test(case_notices),
		T_OOM(oom_age),
	};

	return t_run("age", cases);
}
