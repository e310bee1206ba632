/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/rcu.c. Objects are plain memory: a reader that reaches one after its grace
 * period is a use after free, a value that is not ordered by the grace period is a race.
 *
 *  free                 unlink, synchronize, free beside one section
 *  free-twice           the reader comes twice
 *  replace              publish the next before unlinking the last; two readers
 *  nested               the inner end does not end the section
 *  reader-writes        what a section wrote is seen after the grace period (plain memory)
 *  before-after         a section that sees what came after the grace period sees what came
 *                       before it, in either order of its loads
 *  two-writers          grace periods side by side, each for its own object
 *  writer-reads         both threads read and both unlink
 *  idle                 a thread that is idle is not waited for, and reads again afterwards
 *  idle-nested          the inner leave does not end the idle stretch
 *  no-membarrier        where the kernel refuses membarrier that is said once, and all works
 *  quiescent            announcing between sections lets go of nothing inside one
 */
#include "scenario.h"

struct object {
	unsigned value;
};

static struct pawl_atomic_ptr shared[2];
static struct pawl_atomic_u32 x, y, done;
static unsigned written;

static struct object *object_make(unsigned value)
{
	struct object *object = scn_alloc(sizeof(*object));

	object->value = value;
	return object;
}

static void object_free(struct object *object)
{
	object->value = 0;
	pawl_mem_free(object, sizeof(*object), 0);
}

static void setup(void)
{
	pawl_init_word(&shared[0], object_make(1));
	pawl_init_word(&shared[1], object_make(2));
	pawl_init_word(&x, 0u);
	pawl_init_word(&y, 0u);
	pawl_init_word(&done, 0u);
	written = 0;
}

static void finish(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct object *object = pawl_load_relaxed(&shared[i]);

		if (object)
			object_free(object);
	}
}

static void use(unsigned i)
{
	const struct object *object_rcu = pawl_load_acquire(&shared[i]);

	if (object_rcu)
		mc_assert(object_rcu->value == i + 1);
}

static void read_once(void)
{
	pawl_rcu_begin();
	use(0);
	pawl_rcu_end();
}

static void read_twice(void)
{
	read_once();
	read_once();
}

static void unlink_and_free(unsigned i)
{
	struct object *object = pawl_xchg_acq_rel(&shared[i], NULL);

	pawl_rcu_synchronize();
	object_free(object);
}

static void free_0(void)
{
	unlink_and_free(0);
}

static void free_1(void)
{
	unlink_and_free(1);
}

static void replace(void)
{
	struct object *next = object_make(1);
	struct object *object = pawl_xchg_acq_rel(&shared[0], next);

	pawl_rcu_synchronize();
	object_free(object);
}

static void read_nested(void)
{
	const struct object *object_rcu;

	pawl_rcu_begin();
	object_rcu = pawl_load_acquire(&shared[0]);
	pawl_rcu_begin();
	use(1);
	pawl_rcu_end();
	if (object_rcu)
		mc_assert(object_rcu->value == 1);
	pawl_rcu_end();
}

/* ---- reader-writes ----------------------------------------------------- */

static void write_in_section(void)
{
	pawl_rcu_begin();
	if (pawl_load_relaxed(&shared[0]))
		written = 7;
	pawl_rcu_end();
}

static void read_after_grace_period(void)
{
	struct object *object = pawl_xchg_acq_rel(&shared[0], NULL);

	pawl_rcu_synchronize();
	mc_assert(written == 0 || written == 7);
	written = 8;
	object_free(object);
}

/* ---- before-after ------------------------------------------------------ */

static void read_before_after(void)
{
	bool backwards = mc_choose(2);
	uint32_t seen_x, seen_y;

	pawl_rcu_begin();
	if (backwards) {
		seen_y = pawl_load_relaxed(&y);
		seen_x = pawl_load_relaxed(&x);
	} else {
		seen_x = pawl_load_relaxed(&x);
		seen_y = pawl_load_relaxed(&y);
	}
	pawl_rcu_end();
	mc_assert(seen_x || !seen_y);
}

static void write_before_after(void)
{
	pawl_store_relaxed(&x, 1u);
	pawl_rcu_synchronize();
	pawl_store_relaxed(&y, 1u);
}

/* ---- writer-reads ------------------------------------------------------ */

static void read_0_free_1(void)
{
	read_once();
	free_1();
}

static void read_1_free_0(void)
{
	pawl_rcu_begin();
	use(1);
	pawl_rcu_end();
	free_0();
}

/* ---- idle, quiescent --------------------------------------------------- */

/* Waits for the writer's grace period outside Pawl; only because it is idle that can end. */
static void read_idle_read(void)
{
	read_once();
	pawl_rcu_idle_enter();
	scn_await(&done, 1);
	pawl_rcu_idle_leave();
	pawl_rcu_begin();
	mc_assert(!pawl_load_relaxed(&shared[0]));
	use(1);
	pawl_rcu_end();
}

static void read_idle_nested(void)
{
	pawl_rcu_idle_enter();
	pawl_rcu_idle_enter();
	pawl_rcu_idle_leave();
	scn_await(&done, 1);
	pawl_rcu_idle_leave();
	read_once();
}

static void free_0_and_tell(void)
{
	free_0();
	pawl_store_release(&done, 1u);
}

static void read_quiescent_read(void)
{
	pawl_rcu_quiescent();
	read_once();
	pawl_rcu_quiescent();
	read_once();
	pawl_rcu_quiescent();
}

/* ---- no-membarrier ----------------------------------------------------- */

#ifdef PAWL_URCU_QSBR
#define REPORTS 0
#else
#define REPORTS 1
#endif

static uint64_t told_before;

static void setup_bare(void)
{
	setup();
	told_before = pawl_report_count(PAWL_REPORT_NO_MEMBARRIER);
}

static void finish_bare(void)
{
	finish();
	/* Natively it depends on the kernel. */
	if (mc_exploring())
		mc_assert(pawl_report_count(PAWL_REPORT_NO_MEMBARRIER) == told_before + REPORTS);
}

static void bare_read(void)
{
	scn_attach();
	read_once();
	pawl_thread_detach();
}

static const struct mc_scenario scenarios[] = {
	{.name = "free", .setup = setup, .threads = {read_once, free_0}, .finish = finish},
	{.name = "free-twice",
	 .setup = setup,
	 .threads = {read_twice, free_0},
	 .finish = finish},
	{.name = "replace",
	 .setup = setup,
	 .threads = {read_once, read_once, replace},
	 .finish = finish},
	{.name = "nested",
	 .setup = setup,
	 .threads = {read_nested, free_0},
	 .finish = finish},
	{.name = "reader-writes",
	 .setup = setup,
	 .threads = {write_in_section, read_after_grace_period},
	 .finish = finish},
	{.name = "before-after",
	 .setup = setup,
	 .threads = {read_before_after, write_before_after},
	 .finish = finish},
	{.name = "two-writers",
	 .setup = setup,
	 .threads = {read_nested, free_0, free_1},
	 .finish = finish},
	{.name = "writer-reads",
	 .setup = setup,
	 .threads = {read_0_free_1, read_1_free_0},
	 .finish = finish},
	{.name = "idle",
	 .setup = setup,
	 .threads = {read_idle_read, free_0_and_tell},
	 .finish = finish},
	{.name = "idle-nested",
	 .setup = setup,
	 .threads = {read_idle_nested, free_0_and_tell},
	 .finish = finish},
	{.name = "no-membarrier",
	 .setup = setup_bare,
	 .threads = {bare_read},
	 .finish = finish_bare,
	 .bare = true,
	 .ideal_parks = true,
	 .native_divisor = 10,
	 .no_membarrier = true},
	{.name = "quiescent",
	 .setup = setup,
	 .threads = {read_quiescent_read, free_0},
	 .finish = finish},
};
MC_MAIN(scenarios)
