/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program.c - what a seed does to an engine and its store, and what must come of it.
 *
 * The tasks are those of fuzz/graph-program.h, and what they have to give is told by the naive engine beside
 * it (fuzz/naive.c), as in fuzz/f-graph.c: after each strong read, and of all roots when all is at rest. Here
 * the engine has several workers, threads from outside edit, read and take snapshots at the same time,
 * bodies of the runtime are cancelled, and the engine is closed while it works.
 *
 * The store is the one in memory under one that fails on command. A crash: from one of its calls on, or from any
 * moment, the store does nothing; what it has then goes to the next process, in which the engine is opened
 * on it. Specs and states are the program's: it knows what they were, and the engine has to find out what that
 * means for what it has kept. In one of two worlds what is saved leaves memory now and then, beside all else.
 */
#include "config.h"

#include <string.h>

#include <pawl/store.h>
#include <pawl/thread.h>

#include "sim-program.h"

/* ---- bytes ---- */

unsigned sim_task_decode(struct sim_bytes *bytes)
{
	unsigned n = sim_byte(bytes);

	return (n & 3 ? n >> 2 & 3 : n >> 2) % sim_model->head.tasks;
}

static void spec_of_seed(unsigned seed, unsigned task, struct graph_spec *ret_spec)
{
	struct sim_random drawn = {seed * 1000 + task};
	unsigned n = sim_below(&drawn, 6);

	memset(ret_spec, 0, sizeof(*ret_spec));
	for (unsigned i = 0; seed && i < n; i++) {
		ret_spec->steps[i][0] = (uint8_t)(1 + sim_below(&drawn, GRAPH_STEP_COUNT - 1));
		ret_spec->steps[i][1] = (uint8_t)sim_draw(&drawn);
	}
}

void sim_spec_decode(struct sim_bytes *bytes, struct graph_spec *ret_spec)
{
	unsigned n = sim_byte_below(bytes, 7);

	memset(ret_spec, 0, sizeof(*ret_spec));
	for (unsigned i = 0; i < n; i++) {
		ret_spec->steps[i][0] = (uint8_t)(1 + sim_byte(bytes) % (GRAPH_STEP_COUNT - 1));
		ret_spec->steps[i][1] = (uint8_t)sim_byte(bytes);
	}
}

void sim_change_decode(struct sim_bytes *bytes, struct graph_change *ret_change)
{
	unsigned what = sim_byte(bytes);

	memset(ret_change, 0, sizeof(*ret_change));
	ret_change->is_state = what & 1;
	ret_change->at = (what >> 1) % (what & 1 ? GRAPH_STATES : sim_model->head.tasks);
	if (ret_change->is_state) {
		ret_change->number = sim_byte(bytes) % 8;
		sim_model->states[ret_change->at] = ret_change->number;
	} else {
		sim_spec_decode(bytes, &ret_change->spec);
		if (!(sim_model->head.kinds[ret_change->at] & GRAPH_CONSTANT))
			sim_model->specs[ret_change->at] = ret_change->spec;
	}
}

/* ---- graphs ---- */

static void op_world(struct sim_bytes *bytes)
{
	unsigned how = sim_byte(bytes);

	sim_down();
	pawl_store_disk_destroy(sim_here.disk);
	FUZZ_CHECK(pawl_store_disk_create(&sim_here.disk) == 0);
	memset(sim_model, 0, sizeof(*sim_model));
	sim_model->head.workers = 1 + how % 4;
	sim_model->head.rings = how >> 2 & 1;
	sim_model->head.no_active = (how >> 3 & 7) == 7;
	sim_model->abandons = how >> 6 == 3;
	sim_model->evicts = how >> 6 == 2;
	sim_model->head.tasks = 2 + sim_byte_below(bytes, GRAPH_TASKS - 1);
	for (unsigned i = 0; i < GRAPH_TASKS; i++) {
		sim_model->head.kinds[i] = sim_byte(bytes) & 7;
		spec_of_seed(sim_byte(bytes), i, &sim_model->specs[i]);
	}
	sim_model->made = true;
	sim_up();
}

void sim_op_change(struct sim_bytes *bytes, bool together)
{
	struct graph_change changes[SIM_CHANGES];
	unsigned n = together ? sim_byte_below(bytes, SIM_CHANGES + 1) : 1;

	for (unsigned i = 0; i < n; i++)
		sim_change_decode(bytes, &changes[i]);
	graph_engine.change(changes, n, together);
	graph_naive.change(changes, n, together);
}

void sim_op_root(struct sim_bytes *bytes)
{
	unsigned task = sim_byte_below(bytes, sim_model->head.tasks), how = sim_byte(bytes);

	if (sim_here.roots_n == GRAPH_ROOTS)
		return;
	sim_here.active[sim_here.roots_n] = true;
	graph_engine.root(sim_here.roots_n, task, how);
	graph_naive.root(sim_here.roots_n++, task, how);
}

void sim_dispose(unsigned at)
{
	if (at >= sim_here.roots_n || !sim_here.active[at])
		return;
	sim_here.active[at] = false;
	sim_event(SIM_EV_DISPOSED);
	graph_engine.dispose(at);
	graph_naive.dispose(at);
}

void sim_op_touch(struct sim_bytes *bytes)
{
	static struct graph_result result;

	graph_engine.look(sim_byte_below(bytes, sim_model->head.tasks), LOOK_EVENTUAL, 0,
			  &result);
}

/* ---- all ---- */

static void compare_all(void)
{
	sim_compare(0, LOOK_READ, 0);
	sim_settle();
	for (unsigned i = 0; i < sim_model->head.tasks; i++)
		sim_compare(i, LOOK_READ, 0);
	sim_compare(0, LOOK_PEEK, 0);
	sim_settle();
}

static void one_operation(enum op op, struct sim_bytes *bytes)
{
	switch (op) {
	case OP_WORLD:
		op_world(bytes);
		break;
	case OP_CHANGE:
	case OP_TOGETHER:
		sim_op_change(bytes, op == OP_TOGETHER);
		break;
	case OP_ROOT:
		sim_op_root(bytes);
		break;
	case OP_DISPOSE:
		sim_dispose(sim_byte_below(bytes, GRAPH_ROOTS) %
			    (sim_here.roots_n ? sim_here.roots_n : 1));
		break;
	case OP_SETTLE:
		sim_settle();
		break;
	case OP_RUSH:
		sim_op_rush(bytes);
		break;
	case OP_TOUCH:
		sim_op_touch(bytes);
		break;
	case OP_PEEK:
	case OP_READ: {
		unsigned task = sim_byte_below(bytes, sim_model->head.tasks);

		sim_compare(task, op == OP_PEEK ? LOOK_PEEK : LOOK_READ, sim_byte(bytes) & 1);
		break;
	}
	case OP_SNAPSHOT:
		(void)pawl_engine_snapshot(sim_here.engine, NULL);
		break;
	case OP_SNAPSHOT_FAILS:
		sim_op_snapshot_fails(bytes);
		break;
	case OP_TASKS:
		sim_op_tasks(bytes);
		break;
	case OP_CANCEL:
		sim_op_cancel(bytes);
		break;
	case OP_REOPEN:
		sim_down();
		sim_up();
		sim_event(SIM_EV_RESTART);
		break;
	case OP_STOP:
		sim_op_stop(bytes);
		break;
	case OP_CRASH:
		sim_op_crash(bytes);
		break;
	case OP_CRASH_SNAPSHOT:
		sim_op_crash_snapshot(bytes);
		break;
	case OP_NO_MEMORY:
		sim_op_no_memory(bytes);
		break;
	case OP_HURRY:
		sim_op_hurry(bytes);
		break;
	case OP_MOMENTS:
		sim_op_moments(bytes);
		break;
	case OP_JOBS:
		sim_op_jobs(bytes);
		break;
	case OP_LEAVE:
		sim_op_leave(bytes);
		break;
	case OP_BARE:
		sim_down();
		sim_model->head.collects = true;
		sim_model->head.no_active = false;
		sim_up();
		break;
	case OP_COLLECT:
		if (sim_here.is_up)
			sim_op_collect();
		break;
	case OP_CRASH_OUTPUT:
		sim_op_crash_output(bytes);
		break;
	case OP_EVICT:
		/* What it is now leaves, and is wanted. */
		(void)pawl_engine_snapshot(sim_here.engine, NULL);
		sim_evict(sim_byte(bytes));
		sim_compare(sim_task_decode(bytes), LOOK_READ, 0);
		break;
	case OP_ASK:
		sim_op_ask(bytes);
		break;
	case OP_SWING:
		sim_op_swing(bytes);
		break;
	case OP_CLOSE:
		sim_op_close(bytes);
		break;
	case OP_CRASH_BESIDE:
		sim_op_crash_beside(bytes);
		break;
	case OP_DAMAGE:
		sim_op_damage(bytes);
		break;
	case OP_STORM:
		sim_op_storm(bytes);
		break;
	case OP_COUNT:
		break;
	}
	if (sim_here.is_up && sim_here.bare && sim_byte(bytes) & 1)
		graph_engine.collect();
	if (sim_here.is_up && sim_byte(bytes) & 1)
		sim_evict(sim_byte(bytes));
}

void sim_program_life(void)
{
	sim_model = (struct sim_model *)(void *)sim_run->model;
	_Static_assert(sizeof(struct sim_model) <= sizeof(sim_run->model), "it fits");
	sim_self()->no_oom++;
	FUZZ_CHECK(pawl_thread_attach("program") == 0);
	FUZZ_CHECK(pawl_store_disk_create(&sim_here.disk) == 0);
	if (sim_model->made) {
		sim_store_load();
		sim_up();
		sim_event(SIM_EV_RESTART);
	}
	for (; sim_run->at < sim_run->ops_n; sim_run->at++) {
		const struct sim_op *op = &sim_run->ops[sim_run->at];
		struct sim_bytes bytes = {op->bytes + 1, op->n ? op->n - 1u : 0};
		enum op kind = sim_op_kind(op);
		char text[90];

		sim_program_tell(op, text, sizeof(text));
		sim_note("%s", text);
		sim_progress();
		if (kind == OP_WORLD || sim_here.is_up)
			one_operation(kind, &bytes);
	}
	if (sim_here.is_up)
		compare_all();
	sim_progress();
	sim_down();
	pawl_store_disk_destroy(sim_here.disk);
	pawl_thread_detach();
}
