/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-store.c - operations at which lives end, or the store or memory fails.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "sim-program.h"

#define OUTSIDE_MOST 4 /* of a crash */

/* ---- failures and crashes ---- */

void sim_op_snapshot_fails(struct sim_bytes *bytes)
{
	static const int errors[] = {-ENOSPC, -EIO, -ENOMEM, -EDQUOT};
	unsigned n = 1 + sim_byte_below(bytes, 24);

	eng_fault_at(sim_here.store, n & 1 ? ENG_FAULT_COMMIT : ENG_FAULT_ANY, n & 1 ? 1 : n,
		     errors[sim_byte_below(bytes, 4)]);
	sim_op_change(bytes, false);
	sim_compare(sim_task_decode(bytes), LOOK_READ, 0);
	if (pawl_engine_snapshot(sim_here.engine, NULL))
		sim_event(SIM_EV_SNAPSHOT_FAILED);
	eng_fault_at(sim_here.store, ENG_FAULT_ANY, 0, 0);
	eng_fault_at(sim_here.store, ENG_FAULT_COMMIT, 0, 0);
}

void sim_op_crash(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[OUTSIDE_MOST];
	unsigned how = sim_byte(bytes), naps = sim_byte(bytes);

	sim_beside_begin();
	sim_outside_begin(threads, 1 + how % OUTSIDE_MOST, bytes);
	/* Anywhere in what they do. */
	sim_nap(naps * 211u);
	sim_crash();
}

void sim_op_crash_snapshot(struct sim_bytes *bytes)
{
	unsigned how = sim_byte(bytes), n = 1 + sim_byte_below(bytes, 8);

	sim_op_change(bytes, false);
	sim_compare(sim_task_decode(bytes), LOOK_READ, 0);
	if (how & 1)
		eng_fault_crash(sim_here.store, ENG_FAULT_COMMIT, 1, how >> 1 & 1, -1);
	else
		eng_fault_crash(sim_here.store, ENG_FAULT_PUT, n, how >> 1 & 1, -1);
	(void)pawl_engine_snapshot(sim_here.engine, NULL);
	if (eng_fault_crashed(sim_here.store))
		sim_event(SIM_EV_CRASH_SNAPSHOT);
	sim_crash();
}

/* The first pair from there on down that a specification can be given to. Returns: none. */
static bool find_pair(unsigned *task)
{
	while (*task && (*task + 1 >= sim_model->head.tasks ||
			 (sim_model->head.kinds[*task] | sim_model->head.kinds[*task + 1]) &
				 GRAPH_CONSTANT))
		--*task;
	return (sim_model->head.kinds[*task] | sim_model->head.kinds[*task + 1]) &
	       GRAPH_CONSTANT;
}

/*
 * A task gives another cell than before, just when a snapshot has it as it was; and that is the last thing that is saved. Who
 * has read it is saved as it was, or knows.
 */
void sim_op_crash_output(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[2];
	static const enum sim_outside what[2] = {SIM_READS, SIM_SNAPSHOTS};
	unsigned task = sim_byte_below(bytes, sim_model->head.tasks), callee,
		 how = sim_byte(bytes);
	struct graph_spec caller = {{{GRAPH_READ}}};

	if (sim_here.bare || find_pair(&task))
		return;
	callee = task + 1;
	caller.steps[0][1] = (uint8_t)(sim_model->head.rings ? callee : 0);
	sim_respec(task, &caller, 0);
	sim_watched.task = sim_task_number(callee);
	sim_watched.n = 0;
	for (unsigned round = 0; round < 8 && !sim_watched.n; round++) {
		/* The same two cells; the last one is its output. */
		struct graph_spec other = {{{GRAPH_STATE}, {GRAPH_CELL}, {GRAPH_CELL}}};

		other.steps[1 + ((how + round) & 1)][1] = 1;
		sim_compare(task, LOOK_READ, 0);
		sim_respec(callee, &other, 3);
		for (unsigned i = 0; i < 2; i++) {
			threads[i] = (struct sim_outside_thread){.what = what[i], .n = 1};
			threads[i].how = sim_byte(bytes) & ~1u;
			threads[i].tasks[0] = (uint8_t)task;
			sim_outside_go(&threads[i]);
		}
		sim_outside_join(threads, 2);
	}
	sim_crash();
}

/*
 * Tasks change beside reads, and a snapshot takes what is under way with operations that have suspended themselves; that is the last
 * thing that is saved.
 */
void sim_op_crash_beside(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[3];
	static const enum sim_outside what[3] = {SIM_READS, SIM_SNAPSHOTS, SIM_READS};
	struct eng_quiesce *quiesce = sim_here.engine->graph->quiesce;
	struct eng_quiesce_stats before, after;
	struct graph_change change;

	if (sim_here.bare)
		return;
	eng_quiesce_looks(quiesce, 0);
	for (unsigned round = 0; round < 5; round++) {
		sim_beside_begin();
		eng_quiesce_stats_read(quiesce, &before);
		for (unsigned i = 0; i < 3; i++) {
			threads[i] = (struct sim_outside_thread){.what = what[i],
								 .n = i == 1 ? 1 : 4};
			threads[i].how = sim_byte(bytes);
			for (unsigned j = 0; j < threads[i].n; j++)
				threads[i].tasks[j] = (uint8_t)sim_task_decode(bytes);
			sim_outside_go(&threads[i]);
		}
		for (unsigned i = 0; i < 3; i++) {
			sim_change_decode(bytes, &change);
			sim_beside_change(&change, 1, false);
			sim_nap(sim_byte(bytes) * 31u);
		}
		sim_outside_join(&threads[1], 1);
		eng_quiesce_stats_read(quiesce, &after);
		if (after.suspended != before.suspended)
			break;
		sim_outside_join(&threads[0], 1);
		sim_outside_join(&threads[2], 1);
		sim_beside_end();
	}
	sim_crash();
}

/* A record is not what was written, and the next process finds that, while it has other things to do. */
void sim_op_damage(struct sim_bytes *bytes)
{
	unsigned how = sim_byte(bytes), n = 1 + how / 4 % 32;

	if (sim_here.bare)
		return;
	sim_op_change(bytes, true);
	sim_compare(sim_task_decode(bytes), LOOK_READ, 0);
	eng_fault_damage(sim_here.store, n,
			 (enum eng_damage)(sim_byte(bytes) % ENG_DAMAGE_COUNT));
	(void)pawl_engine_snapshot(sim_here.engine, NULL);
	if (how & 1)
		sim_evict(1);
	else
		sim_down();
	if (!sim_here.is_up) {
		sim_up();
		sim_event(SIM_EV_RESTART);
	}
	if (how & 2)
		sim_op_root(bytes);
	sim_op_ask(bytes);
}

/* ---- ends ---- */

void sim_op_stop(struct sim_bytes *bytes)
{
	unsigned n = 1 + sim_byte_below(bytes, 4);

	/* All that is wanted has to run again, and then there is no time for it. */
	for (unsigned i = 0; i < n; i++)
		sim_op_touch(bytes);
	sim_op_change(bytes, true);
	sim_op_root(bytes);
	for (unsigned i = sim_byte_below(bytes, 8); i; i--)
		sim_op_touch(bytes);
	sim_event(SIM_EV_STOP);
	sim_down();
	sim_up();
}

/* It ends at any moment of what its roots have to do, perhaps when they have just come back. */
void sim_op_close(struct sim_bytes *bytes)
{
	unsigned how = sim_byte(bytes), n = 1 + how % 3;

	if (how & 4) {
		sim_down();
		sim_up();
	} else {
		sim_op_change(bytes, how & 8);
	}
	for (unsigned i = 0; i < n; i++)
		sim_op_root(bytes);
	sim_nap(sim_byte(bytes) * (how & 16 ? 211u : 31u));
	sim_event(SIM_EV_STOP);
	sim_down();
	sim_up();
	sim_event(SIM_EV_RESTART);
}

/* Some allocations of the workers fail; then there is memory again. */
void sim_op_no_memory(struct sim_bytes *bytes)
{
	static struct graph_result result;
	unsigned n = 2 + sim_byte_below(bytes, 6);
	uint64_t before = sim_allocations_failed();

	/* What they have seen then is a matter of luck. */
	for (unsigned i = 0; i < sim_here.roots_n; i++)
		sim_dispose(i);
	sim_settle();
	for (unsigned i = 0; i < n; i++) {
		sim_op_change(bytes, i & 1);
		sim_fail_allocation(1 + sim_byte(bytes) % 24);
		graph_engine.look(sim_byte_below(bytes, sim_model->head.tasks),
				  i & 2 ? LOOK_PEEK : LOOK_READ, 0, &result);
	}
	sim_fail_allocation(0);
	/* Who is still at work may fail with that, and a read that has begun before takes it (graph/heal.c). */
	FUZZ_CHECK(pawl_engine_wait_idle(sim_here.engine, PAWL_FOREVER) == 0);
	sim_run->events[SIM_EV_NO_MEMORY] += sim_allocations_failed() - before;
}
