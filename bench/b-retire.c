/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-retire.c - read sections, grace periods, deferred free: ours. The peers are
 * in base-*.c, the workloads in work.h.
 *
 * Retiring is timed until everything is freed, not until the last call has
 * returned: a queue without a bound is fast for as long as nobody frees what is
 * in it. The time of the calls alone stands beside it (retire_ns_op), and the CPU
 * time of the whole process, which has the freeing thread's in it (cpu_ns_op).
 */
#include "bench.h"
#include "work.h"

#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

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

B_SECTION_CASE(ours, "pawl", NULL, enter, pawl_rcu_begin(), pawl_rcu_end(), leave, NULL)
B_SYNCHRONIZE_CASE(ours, "pawl", NULL, enter, pawl_rcu_synchronize(), pawl_rcu_quiescent(),
		   leave, NULL)

/* The loop alone. */
B_SECTION_CASE(empty, "(empty loop)", NULL, NULL, (void)0, (void)0, NULL, NULL)

/* ---- retire -------------------------------------------------------------- */

struct ours_object {
	struct pawl_retire_node node;
	struct b_retire_lane *lane;
	uint64_t payload[4];
};

static void ours_free(struct pawl_retire_node *node)
{
	struct ours_object *obj = PAWL_CONTAINER_OF(node, struct ours_object, node);

	B_RETIRE_FREED(obj);
	free(obj);
}

static int ours_setup(struct b_run *run)
{
	b_retire_make(run);
	return pawl_retire_set_limit(run->cas->arg);
}

static void ours_teardown(struct b_run *run)
{
	struct pawl_retire_stats stats;

	b_retire_report(run);
	pawl_retire_stats_read(&stats);
	b_extra(run, "limit_bytes", (double)stats.limit_bytes);
	b_teardown_free(run);
}

#define OURS_RETIRE(w, obj)                                               \
	do {                                                              \
		if (pawl_retire(&(obj)->node, sizeof(*(obj)), ours_free)) \
			pawl_retire_wait();                               \
	} while (0)
#define OURS_BARRIER(w) pawl_retire_barrier()

B_RETIRE_CASES(ours, "pawl", PAWL_RETIRE_LIMIT_DEFAULT, ours_setup, enter, OURS_RETIRE,
	       pawl_rcu_quiescent(), OURS_BARRIER, leave, ours_teardown)

#define ours_small_object ours_object
B_RETIRE_CASES(ours_small, "pawl-1M", (size_t)1 << 20, ours_setup, enter, OURS_RETIRE,
	       pawl_rcu_quiescent(), OURS_BARRIER, leave, ours_teardown)

/* The floor: no grace period, no reclaimer, the allocator's warm cache. */
struct direct_object {
	struct b_retire_lane *lane;
	uint64_t payload[7];
};

static int direct_setup(struct b_run *run)
{
	b_retire_make(run);
	return 0;
}

static void direct_teardown(struct b_run *run)
{
	b_retire_report(run);
	b_teardown_free(run);
}

#define DIRECT_RETIRE(w, obj)        \
	do {                         \
		B_RETIRE_FREED(obj); \
		b_use(obj);          \
		free(obj);           \
	} while (0)
#define DIRECT_BARRIER(w) (void)0

B_RETIRE_CASES(direct, "(malloc + free)", 0, direct_setup, NULL, DIRECT_RETIRE, (void)0,
	       DIRECT_BARRIER, NULL, direct_teardown)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "rcu-section", .text = "begin + end of a read section"},
		{.name = "rcu-synchronize",
		 .text = "wait for a grace period; all threads but one read meanwhile"},
		{.name = "retire",
		 .text = "malloc + retire, 1 M objects of 64 bytes a thread, until all are freed",
		 .mode = B_ROUNDS,
		 .count = 1000000},
		{.name = "retire-storm",
		 .text = "the same with 8 M objects a thread: look at peak_bytes",
		 .mode = B_ROUNDS,
		 .count = 8000000,
		 .reps_max = 3},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
