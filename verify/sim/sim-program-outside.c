/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-outside.c - operations of threads from outside, beside each other.
 */
#include "config.h"

#include <string.h>

#include <pawl/thread.h>

#include "sim-program.h"

#define OUTSIDE_MOST 4 /* of a rush */

/* ---- threads ---- */

/* In the middle of what others do. */
void sim_nap(unsigned ns)
{
	(void)sim_sleep(&sim_model, sim_now() + ns, "naps", __builtin_return_address(0));
}

/* At a moment of quiet nobody is inside, as long as it lasts. */
static void moment(void *arg)
{
	struct eng_quiesce *quiesce = arg;

	FUZZ_CHECK(!eng_quiesce_inside(quiesce));
	sim_nap(100);
	FUZZ_CHECK(!eng_quiesce_inside(quiesce));
	sim_event(SIM_EV_MOMENT);
}

static void *outside_main(void *arg)
{
	struct sim_outside_thread *self = arg;

	sim_self()->no_oom++;
	FUZZ_CHECK(pawl_thread_attach("outside") == 0);
	for (unsigned i = 0; i < self->n; i++) {
		switch (self->what) {
		case SIM_EDITS:
			sim_beside_change(self->changes + i, 1, self->how & 1);
			break;
		case SIM_READS:
			sim_evict(self->how >> 4 & 3 ? 0 : self->how);
			sim_beside_look(self->tasks[i] % sim_model->head.tasks,
					self->how >> i & 1 ? LOOK_PEEK : LOOK_READ, i & 1);
			break;
		case SIM_SNAPSHOTS:
			sim_nap((self->how + i * 41u) % 256u * 61u);
			if (sim_here.bare)
				graph_engine.collect();
			else
				(void)pawl_engine_snapshot(sim_here.engine, NULL);
			sim_evict(self->how + i);
			break;
		case SIM_MOMENTS:
			sim_nap((self->how + i * 29u) % 64u * 31u);
			FUZZ_CHECK(eng_quiesce_run(sim_here.engine->graph->quiesce, moment,
						   sim_here.engine->graph->quiesce) == 0);
			break;
		}
	}
	pawl_thread_detach();
	return NULL;
}

void sim_outside_go(struct sim_outside_thread *thread)
{
	FUZZ_CHECK(pthread_create(&thread->thread, NULL, outside_main, thread) == 0);
}

void sim_outside_join(struct sim_outside_thread *threads, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		FUZZ_CHECK(pthread_join(threads[i].thread, NULL) == 0);
}

void sim_outside_begin(struct sim_outside_thread *threads, unsigned n, struct sim_bytes *bytes)
{
	for (unsigned i = 0; i < n; i++) {
		struct sim_outside_thread *t = &threads[i];

		/* One edits: of two nobody would know who was last. */
		t->what = !i	   ? SIM_EDITS
			  : i == 1 ? SIM_READS
			  : i == 2 ? SIM_SNAPSHOTS
				   : SIM_READS;
		t->how = sim_byte(bytes);
		t->n = 1 + sim_byte_below(bytes, t->what == SIM_EDITS ? SIM_CHANGES : 4);
		for (unsigned j = 0; t->what == SIM_EDITS && j < t->n; j++)
			sim_change_decode(bytes, &t->changes[j]);
		for (unsigned j = 0; t->what == SIM_READS && j < t->n; j++)
			t->tasks[j] = (uint8_t)sim_task_decode(bytes);
		sim_outside_go(t);
	}
}

void sim_op_rush(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[OUTSIDE_MOST];
	unsigned how = sim_byte(bytes), n = 1 + how % OUTSIDE_MOST, looks = how >> 2 & 3;

	/* Without a moment of quiet by luck: who is inside suspends himself. */
	eng_quiesce_looks(sim_here.engine->graph->quiesce, how >> 4 & 3 ? 0 : 10);
	sim_event(SIM_EV_EDIT_BESIDE);
	if (n > 2)
		sim_event(SIM_EV_SNAPSHOT_BESIDE);
	sim_beside_begin();
	sim_outside_begin(threads, n, bytes);
	while (looks--)
		sim_beside_look(sim_task_decode(bytes), LOOK_READ, 0);
	sim_outside_join(threads, n);
	sim_beside_end();
	eng_quiesce_looks(sim_here.engine->graph->quiesce, 10);
}

/*
 * A task that goes on slowly is read while what it has read changes, and snapshots are taken of that: runs
 * that are for nothing, operations that suspend themselves.
 */
void sim_op_hurry(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[3];
	static const enum sim_outside what[3] = {SIM_READS, SIM_SNAPSHOTS, SIM_READS};
	unsigned task = sim_byte_below(bytes, sim_model->head.tasks),
		 at = sim_byte_below(bytes, GRAPH_STATES);
	struct graph_change change = {.at = task};
	unsigned n = 4 + sim_byte_below(bytes, 8);

	sim_beside_begin();
	if (!(sim_model->head.kinds[task] & GRAPH_CONSTANT)) {
		sim_spec_decode(bytes, &change.spec);
		change.spec.steps[0][0] = GRAPH_STATE;
		change.spec.steps[0][1] = (uint8_t)at;
		change.spec.steps[1][0] = change.spec.steps[2][0] = GRAPH_YIELD;
		sim_model->specs[task] = change.spec;
		sim_beside_change(&change, 1, false);
	}
	eng_quiesce_looks(sim_here.engine->graph->quiesce, 0);
	for (unsigned i = 0; i < 3; i++) {
		threads[i] = (struct sim_outside_thread){
			.what = what[i], .n = 6, .how = sim_byte(bytes)};
		memset(threads[i].tasks, (int)task, sizeof(threads[i].tasks));
		sim_outside_go(&threads[i]);
	}
	while (n--) {
		change = (struct graph_change){.is_state = true, .at = at};
		change.number = sim_model->states[at] = sim_byte(bytes) % 8;
		sim_beside_change(&change, 1, n & 1);
		sim_nap(sim_byte(bytes) * 97u);
	}
	sim_outside_join(threads, 3);
	sim_beside_end();
	eng_quiesce_looks(sim_here.engine->graph->quiesce, 10);
}

void sim_respec(unsigned task, struct graph_spec *spec, unsigned yields)
{
	struct graph_change change = {.at = task};
	unsigned at = 0;

	while (at < GRAPH_STEPS && spec->steps[at][0])
		at++;
	while (yields-- && at < GRAPH_STEPS)
		spec->steps[at++][0] = GRAPH_YIELD;
	change.spec = sim_model->specs[task] = *spec;
	sim_beside_change(&change, 1, false);
}

/*
 * A task calls a slow one, which somebody else begins, and is told not to while both run: nobody wants it any more. And
 * the other way round.
 */
void sim_op_leave(struct sim_bytes *bytes)
{
	static struct sim_outside_thread reader;
	unsigned task = sim_byte_below(bytes, sim_model->head.tasks), callee = task + 1;
	unsigned n = 4 + sim_byte_below(bytes, 8);

	if (callee >= sim_model->head.tasks || sim_model->head.kinds[task] & GRAPH_CONSTANT ||
	    sim_model->head.kinds[callee] & GRAPH_CONSTANT)
		return;
	reader = (struct sim_outside_thread){.what = SIM_READS, .n = 8, .how = sim_byte(bytes)};
	memset(reader.tasks, (int)task, sizeof(reader.tasks));
	sim_beside_begin();
	sim_outside_go(&reader);
	while (n--) {
		struct graph_spec slow = {{{0}}}, caller = {{{0}}};

		slow.steps[0][0] = GRAPH_STATE;
		if (n & 1) {
			sim_respec(callee, &slow, 5 + n % 3);
			caller.steps[0][0] = GRAPH_CALL;
			caller.steps[0][1] = (uint8_t)(sim_model->head.rings ? callee : 0);
		}
		sim_respec(task, &caller, 4);
		sim_nap(sim_byte(bytes) * 127u);
	}
	sim_outside_join(&reader, 1);
	sim_beside_end();
}

/* One moment of quiet after the other, beside edits and reads: who sleeps at the door finds it shut again. */
void sim_op_moments(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[5];
	static const enum sim_outside what[5] = {SIM_EDITS, SIM_MOMENTS, SIM_MOMENTS, SIM_READS,
						 SIM_SNAPSHOTS};
	unsigned n = 3 + sim_byte_below(bytes, 3);

	eng_quiesce_looks(sim_here.engine->graph->quiesce, sim_byte(bytes) & 1 ? 0 : 10);
	sim_event(SIM_EV_EDIT_BESIDE);
	sim_beside_begin();
	for (unsigned i = 0; i < n; i++) {
		struct sim_outside_thread *t = &threads[i];

		t->what = what[i];
		t->how = sim_byte(bytes);
		t->n = what[i] == SIM_MOMENTS ? 8 : 1 + sim_byte_below(bytes, SIM_CHANGES);
		for (unsigned j = 0; t->what == SIM_EDITS && j < t->n; j++)
			sim_change_decode(bytes, &t->changes[j]);
		for (unsigned j = 0; t->what == SIM_READS && j < t->n; j++)
			t->tasks[j] = (uint8_t)sim_task_decode(bytes);
		sim_outside_go(t);
	}
	sim_outside_join(threads, n);
	sim_beside_end();
	eng_quiesce_looks(sim_here.engine->graph->quiesce, 10);
}

/* A change of one kind or the other, or of several at once. What comes from an input alone is seen before it is told. */
static unsigned changes_decode(struct sim_bytes *bytes, struct graph_change *ret_changes)
{
	unsigned how = sim_byte(bytes), n = how & 3 ? 1 : 1 + (how >> 2) % SIM_TOGETHER;

	for (unsigned i = 0; i < n; i++) {
		sim_change_decode(bytes, &ret_changes[i]);
		if (!ret_changes[i].is_state &&
		    sim_model->head.kinds[ret_changes[i].at] & GRAPH_FROM_INPUT) {
			ret_changes[0] = ret_changes[i];
			return 1;
		}
	}
	return n;
}

/*
 * Changes, one after the other, and after each somebody looks at once, while what the ones before have begun still goes on, and others
 * read beside it.
 */
void sim_op_ask(struct sim_bytes *bytes)
{
	static struct sim_outside_thread threads[3];
	static const enum sim_outside what[3] = {SIM_READS, SIM_READS, SIM_SNAPSHOTS};
	unsigned how = sim_byte(bytes), others = how & 3, rounds = 3 + (how >> 2) % 8;

	eng_quiesce_looks(sim_here.engine->graph->quiesce, how >> 5 & 3 ? 10 : 0);
	sim_beside_begin();
	for (unsigned i = 0; i < others; i++) {
		threads[i] = (struct sim_outside_thread){
			.what = what[i], .n = i == 2 ? 2 : 6, .how = sim_byte(bytes)};
		for (unsigned j = 0; j < threads[i].n; j++)
			threads[i].tasks[j] = (uint8_t)sim_task_decode(bytes);
		sim_outside_go(&threads[i]);
	}
	while (rounds--) {
		struct graph_change changes[SIM_TOGETHER];
		unsigned n = changes_decode(bytes, changes), look = sim_byte(bytes);

		sim_beside_change(changes, n, n > 1 || look & 1);
		if (look & 2)
			sim_nap((look >> 4) * 61u);
		else
			sim_beside_look(sim_task_decode(bytes),
					look & 4 ? LOOK_PEEK : LOOK_READ, look >> 3 & 1);
	}
	sim_outside_join(threads, others);
	sim_beside_end();
	eng_quiesce_looks(sim_here.engine->graph->quiesce, 10);
}

/* One of a few ways to go on slowly, with the next task or without it. */
static void swing(unsigned task, unsigned how)
{
	static const uint8_t first[] = {GRAPH_STATE, GRAPH_CALL, GRAPH_READ,  GRAPH_CALL,
					GRAPH_END,   GRAPH_CALL, GRAPH_STRONG};
	struct graph_spec spec = {{{0}}};
	unsigned kind = how % sizeof(first);

	if (kind && task + 1 == sim_model->head.tasks)
		kind = 4;
	spec.steps[0][0] = first[kind];
	if (kind)
		spec.steps[0][1] = (uint8_t)(sim_model->head.rings ? task + 1 : 0);
	else
		spec.steps[0][1] = (uint8_t)(how >> 6);
	if (kind == 3)
		spec.steps[1][0] = GRAPH_STATE;
	sim_respec(task, &spec, how >> 3 & 7);
}

/* Of three tasks each may call the next one, or not, and that changes while they run, and somebody wants the first ones. */
void sim_op_swing(struct sim_bytes *bytes)
{
	static struct sim_outside_thread readers[2];
	unsigned first = sim_byte_below(bytes, 4) % sim_model->head.tasks,
		 how = sim_byte(bytes);
	unsigned n = 6 + how % 12;

	sim_beside_begin();
	for (unsigned i = 0; i < 2; i++) {
		readers[i] = (struct sim_outside_thread){
			.what = SIM_READS, .n = 8, .how = how >> 4 & 1 ? 0 : sim_byte(bytes)};
		for (unsigned j = 0; j < 8; j++)
			readers[i].tasks[j] = (uint8_t)(first + (i & (how >> (j % 4))));
		sim_outside_go(&readers[i]);
	}
	while (n--) {
		unsigned task = first + sim_byte_below(bytes, 3);

		if (task < sim_model->head.tasks &&
		    !(sim_model->head.kinds[task] & GRAPH_CONSTANT))
			swing(task, sim_byte(bytes));
		else
			sim_nap(61);
		sim_nap(sim_byte(bytes) * 31u);
	}
	sim_outside_join(readers, 2);
	sim_beside_end();
}
