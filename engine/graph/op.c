/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * op.c - an operation does what is in its queue, a step after the other (queue.h has the order).
 */
#include "config.h"

#include "backing.h"
#include "graph.h"

#define NUMBERS_STEP 1000
#define BALANCE_STEP 1000
#define FIND_STEP    10000
/* With a ring that was found, before it is broken in the middle of the operation. */
#define RING_STEPS 10000

/*
 * Whom it is about. Tasks are taken from the end, one a step, so of those the last ones: what comes back long before it
 * is touched has left the cache by then.
 */
PAWL_NOINLINE static void restore_of_job(struct eng_op *op, struct eng_job *job)
{
	struct eng_many many;

	eng_many_begin(&many, op->graph);
	for (uint32_t i = 0; !job->begun && i < job->uppers.n; i++)
		eng_many_add(&many, job->uppers.ids[i]);
	job->begun = true;
	job->unseen = job->kind != ENG_JOB_GAINED && job->tasks.n > ENG_TOGETHER
			      ? job->tasks.n - ENG_TOGETHER
			      : 0;
	/* Readers are told in parts. */
	for (uint32_t i = job->unseen; job->kind != ENG_JOB_READERS && i < job->tasks.n; i++)
		eng_many_add(&many, job->tasks.ids[i]);
	eng_many_end(&many);
}

static void do_job(struct eng_op *op, struct eng_job *job)
{
	if (PAWL_UNLIKELY(eng_has_stored(op->graph)) &&
	    (!job->begun || (job->unseen && job->unseen >= job->tasks.n)))
		restore_of_job(op, job);
	switch (job->kind) {
	case ENG_JOB_GAINED:
		eng_job_gained(op, job);
		break;
	case ENG_JOB_LOST:
		eng_job_lost(op, job);
		break;
	case ENG_JOB_DATA:
		eng_job_data(op, job);
		break;
	case ENG_JOB_READERS:
		eng_job_readers(op, job);
		break;
	case ENG_JOB_ACTIVATE:
		eng_job_activate(op, job);
		break;
	case ENG_JOB_DEACTIVATE:
		eng_job_deactivate(op, job);
		break;
	case ENG_JOB_UNCALLED:
		eng_job_uncalled(op, job);
		break;
	}
}

static void find(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock(op->graph, id);

	eng_find_dirty(op, node);
	eng_unlock(node);
}

/* One of a class. Returns: false: there is none. */
static bool take_number(struct eng_op *op)
{
	struct eng_entry entry, *done;
	bool is_new;

	if (!eng_pending_take(&op->queue, ENG_CLASS_NUMBERS, &entry))
		return false;
	done = eng_table_put(&op->queue.numbers_done, entry.key, &is_new);
	if (done->a < entry.a)
		done->a = entry.a;
	if (done->b < entry.b)
		done->b = entry.b;
	eng_number_raise(op, (eng_id)entry.key, entry.a, entry.b);
	return true;
}

static bool take_balance(struct eng_op *op)
{
	struct eng_entry entry;

	if (!eng_pending_take(&op->queue, ENG_CLASS_BALANCE, &entry))
		return false;
	eng_balance(op, (eng_id)(entry.key >> 32), (eng_id)entry.key);
	return true;
}

static bool take_find(struct eng_op *op)
{
	struct eng_entry entry;

	if (!eng_pending_take(&op->queue, ENG_CLASS_FIND, &entry))
		return false;
	find(op, (eng_id)entry.key);
	return true;
}

/* Of a class those that come next. */
PAWL_NOINLINE static void restore_of_class(struct eng_op *op, enum eng_class class_,
					   unsigned most)
{
	struct eng_many many;

	eng_many_begin(&many, op->graph);
	for (unsigned i = 0; i < most; i++) {
		uint64_t key = eng_pending_at(&op->queue, class_, i);

		if (!key)
			break;
		eng_many_add(&many, (eng_id)key);
		eng_many_add(&many, (eng_id)(key >> 32));
	}
	eng_many_end(&many);
}

/* Up to so many. Returns: there was one. */
static bool some(struct eng_op *op, enum eng_class class_, bool (*take)(struct eng_op *op),
		 unsigned most)
{
	bool stored = eng_has_stored(op->graph);
	unsigned n = 0;

	while (n < most) {
		if (PAWL_UNLIKELY(stored) && !(n % ENG_TOGETHER) &&
		    eng_pending_at(&op->queue, class_, 1))
			restore_of_class(op, class_, ENG_TOGETHER);
		if (!take(op))
			break;
		eng_op_point(op);
		n++;
	}
	return n;
}

/* One step. Returns: there was one. */
static bool step(struct eng_op *op)
{
	struct eng_queue *queue = &op->queue;
	struct eng_job *job = queue->first;
	struct eng_entry entry;

	if (job) {
		queue->first = job->next;
		if (!queue->first)
			queue->last = &queue->first;
		do_job(op, job);
		return true;
	}
	if (some(op, ENG_CLASS_NUMBERS, take_number, NUMBERS_STEP) ||
	    some(op, ENG_CLASS_BALANCE, take_balance, BALANCE_STEP))
		return true;
	/* One, with all that follows: its neighbours may not need theirs any more. */
	if (eng_pending_take(queue, ENG_CLASS_OPTIMIZE, &entry)) {
		eng_optimize(op, (eng_id)entry.key);
		return true;
	}
	return some(op, ENG_CLASS_FIND, take_find, FIND_STEP);
}

void eng_op_work(struct eng_op *op)
{
	uint32_t steps = 0;

	while (step(op)) {
		eng_op_point(op);
		if (PAWL_UNLIKELY(op->suspects != NULL))
			eng_ring_look(op);
		/* What goes round in a ring may go round for ever. */
		if (PAWL_UNLIKELY(op->rings != NULL) && ++steps > RING_STEPS) {
			eng_ring_break(op);
			steps = 0;
		}
	}
}
