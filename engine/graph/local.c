/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local.c - what a run does beside its body: calls whose arguments are not known yet, and what was detached.
 *
 * A call is looked up by what its arguments lead to. When that is not known yet the caller does not wait: a job, a
 * task of the runtime, waits in its place, makes the call on behalf of the run, and notes the task that came of it.
 * To the graph the job is the run: what it reads the run has read, whom it calls the run has called. So the
 * run ends after its jobs have.
 *
 * What a body detaches (pawl_detach()) is a job as well, which calls a function of the program's. It may do all that
 * the body may, and its error is the run's. Body and jobs then make cells at the same time: counters of
 * cells are under the record's lock while a run has jobs.
 *
 * Invariants:
 *  I1 A job has one owner of its run (eng_run_pin()), so what it works with is there; jobs are freed with the
 *     run.
 *  I2 `link`, `error` and `failure` are written by the job before it stores `done`, and never change again.
 *  I3 A call in a job makes no job: it waits itself. What is detached by a job is in the table before that job is
 *     done; so who goes through the table, and waits for each, has waited for all.
 *  I4 The table grows under its lock, and loses nothing. The body makes it, before it makes a job.
 *
 * Rings. The end of a run waits for a job, which waits for a task, which waits for the run: the run ends with the
 * error of the ring, without its job. It depends on what the job was waiting for, as a read that finds a ring does.
 * What the job finds later is too late for this run: it may add an edge of a read, which costs a run more,
 * and no call. The run counts as one that may be invalidated at any time, so that such an edge never
 * comes to a task that is immutable.
 */
#include "config.h"

#include "local.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/mem.h>

#include "../runtime/join.h"
#include "../runtime/worker.h"
#include "ring.h"
#include "trait.h"
#include "twice.h"
#include "wait.h"

#define TABLE_FIRST 8
/* A ring that is found so often, and is gone each time, is one. */
#define RING_TRIES 1000

struct local {
	/* 1: the results stand. Stored by the job, once (release); all threads. */
	struct pawl_atomic_u32 done;
	struct pawl_event changed;
	struct eng_run_state *run;
	pawl_task_t task; /* of the runtime: a handle; by the body */
	struct eng_callee callee;
	void *args;
	size_t args_bytes;
	/* Instead of a call: what was detached. */
	pawl_detached_fn *detached;
	void *arg;
	void (*free_arg)(void *arg);
	/* The task that it waits for, stored before it does; read by who finds a ring. */
	struct pawl_atomic_u32 waits_for;
	/* Results. */
	pawl_ref_t link;
	int error;
	struct pawl_error *failure;
	bool own_words; /* else it is what was read */
};

struct eng_locals {
	uint16_t execution;
	/* Under the lock. */
	struct pawl_lock lock;
	struct local **table;
	uint32_t n, capacity;
};

/* ---- arguments ----------------------------------------------------------------------------- */

struct layout {
	const struct pawl_argument *arguments;
	size_t n, bytes;
};

static struct layout layout_of(const struct eng_callee *callee)
{
	if (callee->trait) {
		const struct pawl_method *method = &callee->trait->methods[callee->method];

		return (struct layout){method->arguments, method->arguments_n,
				       method->args_bytes};
	}
	return (struct layout){callee->function->arguments, callee->function->arguments_n,
			       callee->function->args_bytes};
}

/* What an argument points to: two words, where it is and how much. */
struct span {
	const void *at;
	size_t n;
};
PAWL_STATIC_ASSERT(sizeof(struct span) == sizeof(struct pawl_slice) &&
			   sizeof(struct span) == sizeof(struct pawl_refs),
		   "slices and lists of references look alike");

static size_t span_of(const struct pawl_argument *argument, const char *args,
		      struct span *ret_span)
{
	if (argument->kind != PAWL_ARGUMENT_BYTES && argument->kind != PAWL_ARGUMENT_REFS)
		return 0;
	memcpy(ret_span, args + argument->offset, sizeof(*ret_span));
	return argument->kind == PAWL_ARGUMENT_REFS ? ret_span->n * sizeof(pawl_ref_t)
						    : ret_span->n;
}

static size_t round_up(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

/* The struct, and what it points to behind it. */
static int args_copy(struct local *local, const void *args)
{
	struct layout layout = layout_of(&local->callee);
	size_t bytes = round_up(layout.bytes);
	struct span span;
	char *copy;

	for (size_t i = 0; i < layout.n; i++)
		bytes += round_up(span_of(&layout.arguments[i], args, &span));
	copy = pawl_mem_alloc(bytes, 0);
	if (!copy)
		return -ENOMEM;
	local->args = copy;
	local->args_bytes = bytes;
	memcpy(copy, args, layout.bytes);
	bytes = round_up(layout.bytes);
	for (size_t i = 0; i < layout.n; i++) {
		size_t length = span_of(&layout.arguments[i], args, &span);

		if (!length)
			continue;
		memcpy(copy + bytes, span.at, length);
		span.at = copy + bytes;
		memcpy(copy + layout.arguments[i].offset, &span, sizeof(span));
		bytes += round_up(length);
	}
	return 0;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void set_done(struct local *local, int error, struct pawl_error *failure)
{
	local->error = error;
	local->failure = failure;
	/* Release: I2. */
	pawl_store_release(&local->done, 1u);
	pawl_event_notify_all(&local->changed);
}

static bool is_done(const void *arg)
{
	const struct local *local = arg;

	return pawl_load_acquire(&local->done);
}

/* A job that runs. */
struct working {
	struct local *local;
	struct pawl_context context;
};

static void job_over(struct working *working, int error)
{
	struct pawl_context *context = &working->context;
	struct pawl_error *failure = NULL;

	if (error == -PAWL_ETASK) {
		struct pawl_error **from =
			context->failure ? &context->failure : &context->last;

		working->local->own_words = context->failure;
		failure = *from;
		*from = NULL;
	}
	eng_context_fini(context);
	set_done(working->local, error, failure);
}

/* It did not return. Forced to end it is over as one that never began. */
static void job_unwound(void *arg)
{
	struct working *working = arg;

	if (eng_exit_forced())
		eng_context_fini(&working->context);
	else
		job_over(working, eng_exit_take(&working->context));
}

static int job_do(struct pawl_context *context, struct local *local)
{
	const struct eng_callee *callee = &local->callee;

	if (local->detached)
		return local->detached(context, local->arg);
	if (callee->trait)
		return eng_method_call(context, callee->trait, callee->method, local->args,
				       &local->link);
	return pawl_call(context, callee->function, local->args, &local->link);
}

static int job_body(void *arg, void **ret_value)
{
	struct working working = {.local = arg};
	struct eng_run_state *run = working.local->run;
	struct pawl_cleanup cleanup;
	int error;

	(void)ret_value;
	working.context =
		(struct pawl_context){.graph = run->graph,
				      .run = run,
				      .id = run->id,
				      .priority = run->priority,
				      .begun = pawl_load_relaxed(&run->graph->moments),
				      .in_job = true,
				      .waits_for = &working.local->waits_for};
	pawl_store_relaxed(&eng_run_here()->task->tag, ENG_TAG_UNNAMED);
	pawl_cleanup_push(&cleanup, job_unwound, &working);
	error = job_do(&working.context, working.local);
	pawl_cleanup_pop(&cleanup, false);
	job_over(&working, error);
	return 0;
}

/* The job is over, or will never begin. */
static void job_forget(void *arg)
{
	struct local *local = arg;
	struct eng_run_state *run = local->run;
	struct eng_graph *graph = run->graph;

	if (!is_done(local))
		set_done(local, -ECANCELED, NULL);
	pawl_mem_free(local->args, local->args_bytes, 0);
	local->args = NULL;
	if (local->free_arg)
		local->free_arg(local->arg);
	eng_run_unpin(run);
	eng_busy_less(graph);
}

static int job_spawn(struct local *local)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct eng_graph *graph = local->run->graph;
	int error;

	options.name = local->detached ? "detached"
		       : local->callee.trait
			       ? local->callee.trait->methods[local->callee.method].name
			       : local->callee.function->name;
	options.free_arg = job_forget;
	eng_run_pin(local->run);
	pawl_add_relaxed(&graph->busy, 1u);
	error = pawl_spawn(graph->group, &options, job_body, local, &local->task);
	if (!error)
		return 0;
	eng_run_unpin(local->run);
	eng_busy_less(graph);
	return error;
}

struct eng_run_state *eng_local_run(const void *job)
{
	return ((const struct local *)job)->run;
}

static void local_free(struct local *local)
{
	if (local->task.pawl_id)
		(void)pawl_task_drop(local->run->graph->rt, local->task);
	eng_error_unpin(local->failure);
	pawl_mem_free(local->args, local->args_bytes, 0);
	pawl_mem_free(local, sizeof(*local), 0);
}

/* ---- the table --------------------------------------------------------------------------------- */

static struct eng_locals *locals_of(struct pawl_context *context)
{
	struct eng_locals *locals = context->run->locals;

	if (locals)
		return locals;
	locals = pawl_mem_zalloc(sizeof(*locals), 0);
	if (!locals)
		return NULL;
	pawl_lock_init(&locals->lock, PAWL_LOCK_RANK_NONE);
	/* Relaxed: any number will do that others do not have at the same time. */
	locals->execution =
		(uint16_t)pawl_add_relaxed(&context->graph->executions, UINT64_C(1));
	context->run->locals = locals;
	return locals;
}

void eng_locals_free(struct eng_locals *locals)
{
	if (!locals)
		return;
	for (uint32_t i = 0; i < locals->n; i++)
		local_free(locals->table[i]);
	pawl_mem_free(locals->table, locals->capacity * sizeof(struct local *), 0);
	pawl_mem_free(locals, sizeof(*locals), 0);
}

static int table_grow(struct eng_locals *locals)
{
	uint32_t capacity = locals->capacity ? locals->capacity * 2 : TABLE_FIRST;
	struct local **more = pawl_mem_alloc(capacity * sizeof(struct local *), 0);

	if (!more)
		return -ENOMEM;
	if (locals->n)
		memcpy(more, locals->table, locals->n * sizeof(struct local *));
	pawl_mem_free(locals->table, locals->capacity * sizeof(struct local *), 0);
	locals->table = more;
	locals->capacity = capacity;
	return 0;
}

/* Its job begins when it is in the table. Returns: which it is, from 1; an error: it is not, and has no job. */
static int local_add(struct eng_locals *locals, struct local *local)
{
	int error = 0;

	pawl_lock_lock(&locals->lock);
	if (locals->n == ENG_LOCALS_MOST)
		error = -ENOSPC;
	else if (locals->n == locals->capacity)
		error = table_grow(locals);
	if (!error)
		error = job_spawn(local);
	if (!error) {
		locals->table[locals->n++] = local;
		error = (int)locals->n;
	}
	pawl_lock_unlock(&locals->lock);
	return error;
}

/* From 0; NULL: there are no more. */
static struct local *local_at(struct eng_locals *locals, uint32_t at)
{
	struct local *local;

	pawl_lock_lock(&locals->lock);
	local = at < locals->n ? locals->table[at] : NULL;
	pawl_lock_unlock(&locals->lock);
	return local;
}

static struct local *local_make(struct eng_run_state *run)
{
	struct local *local = pawl_mem_zalloc(sizeof(*local), 0);

	if (!local)
		return NULL;
	pawl_init_word(&local->done, 0u);
	pawl_init_word(&local->waits_for, 0u);
	pawl_event_init(&local->changed);
	local->run = run;
	return local;
}

int eng_local_call(struct pawl_context *context, const struct eng_callee *callee,
		   const void *args, pawl_ref_t *ret_ref)
{
	struct eng_locals *locals = locals_of(context);
	struct local *local = locals ? local_make(context->run) : NULL;
	int number;

	if (!local)
		return -ENOMEM;
	local->callee = *callee;
	number = args_copy(local, args);
	if (!number)
		number = local_add(locals, local);
	if (number < 0) {
		local_free(local);
		return number == -EAGAIN ? -ENOSPC : number;
	}
	ret_ref->pawl_bits = (uint64_t)locals->execution << 48 | (uint64_t)number << 32;
	return 0;
}

int pawl_detach(struct pawl_context *context, pawl_detached_fn *fn, void *arg,
		void (*free_arg)(void *arg))
{
	struct eng_locals *locals;
	struct eng_node *node;
	struct local *local;
	int number = 0;

	if (!context->run)
		return -EINVAL;
	if (PAWL_UNLIKELY(context->twice != NULL)) {
		eng_twice_leave(context);
		if (free_arg)
			free_arg(arg);
		return 0;
	}
	locals = locals_of(context);
	local = locals ? local_make(context->run) : NULL;
	if (!local)
		return -ENOMEM;
	local->detached = fn;
	local->arg = arg;
	local->free_arg = free_arg;
	/* Of a run that is over: by one of its jobs that was in a ring with it. */
	node = eng_lock(context->graph, context->id);
	if (eng_run_of(node) != context->run)
		number = -ECANCELED;
	eng_unlock(node);
	if (!number)
		number = local_add(locals, local);
	if (number >= 0)
		return 0;
	local_free(local);
	return number;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static struct local *find(const struct pawl_context *context, pawl_ref_t ref)
{
	struct eng_locals *locals = context->run ? context->run->locals : NULL;
	uint32_t number = (uint32_t)(ref.pawl_bits >> 32) & UINT16_MAX;

	if (!locals || locals->execution != ref.pawl_bits >> 48 || !number)
		return NULL;
	return local_at(locals, number - 1);
}

/* One wait. A ring that is gone when it is looked at is none. */
static int local_wait(struct pawl_context *context, struct local *local, char **ret_ring)
{
	struct pawl_event *event = &local->changed;
	struct eng_task *task;
	unsigned tries = 0;
	int error;

	for (;;) {
		if (is_done(local))
			return 0;
		if (eng_task_handle(context->graph->rt->tasks, local->task.pawl_id, &task))
			return eng_wait_events(&event, 1, is_done, local, "call");
		error = eng_task_wait_events(context->graph->rt, task, &event, 1, is_done,
					     local, ret_ring);
		/* Acquire: the job is about to sleep, or sleeps. */
		if (error != -EDEADLK || tries++ > RING_TRIES ||
		    eng_ring_of_waits(context, pawl_load_acquire(&local->waits_for),
				      local->task))
			return error;
		pawl_mem_free(*ret_ring, ENG_RING_BYTES, 0);
		*ret_ring = NULL;
		error = pawl_yield();
		if (error)
			return error;
	}
}

/* The run depends on the output of this task. */
static void depend(struct pawl_context *context, eng_id id)
{
	struct eng_quiesce *quiesce = context->graph->quiesce;
	struct eng_quiesce_slot *inside;
	struct eng_node *node, *reader;

	if (!context->graph->track_dependencies || !id || id == context->id)
		return;
	inside = eng_quiesce_enter(quiesce, context->graph);
	if (!eng_lock_pair(context->graph, id, context->id, &node, &reader)) {
		eng_quiesce_leave(quiesce, inside);
		return;
	}
	if (!(node->bits & ENG_IMMUTABLE)) {
		eng_modify_reader(node, context->id);
		ENG_MUST(pawl_sset_add(&node->output_dependents, context->id, NULL));
		(void)eng_set_add(reader, ENG_OUTPUT_DEPENDENCIES, id);
		(void)eng_set_remove(reader, ENG_OUTDATED_OUTPUTS, id);
	}
	eng_unlock_pair(node, reader);
	eng_quiesce_leave(quiesce, inside);
}

/* Who is in a ring depends on what is in it, and is not immutable: what its jobs read comes late. */
static void ring_mark(struct pawl_context *context)
{
	struct eng_locals *locals = context->run->locals;
	struct eng_node *node = eng_lock(context->graph, context->id);
	struct local *local;

	if (eng_run_of(node) == context->run)
		context->run->invalidator = context->run->in_ring = true;
	eng_unlock(node);
	for (uint32_t i = 0; (local = local_at(locals, i)); i++) {
		/* The job is about to sleep, or sleeps. Relaxed: O2 of read.c. */
		if (!is_done(local))
			depend(context, pawl_load_relaxed(&local->waits_for));
	}
}

static int ring_error(struct pawl_context *context, char *ring,
		      const struct pawl_error **ret_error)
{
	struct eng_wait wait = {.ring = ring};

	ring_mark(context);
	return eng_context_error(context, eng_wait_ring(&wait), ret_error);
}

int eng_local_link(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		   pawl_ref_t *ret_ref, const struct pawl_error **ret_error)
{
	struct local *local = find(context, ref);
	char *ring = NULL;
	int error;

	if (!local)
		return eng_context_error(
			context,
			eng_error_printf(0, NULL, NULL,
					 "a reference that is local to one run of a task is "
					 "used outside of that run"),
			ret_error);
	if (flags & ENG_READ_NOW && !is_done(local))
		return -EAGAIN;
	while (!is_done(local)) {
		error = local_wait(context, local, &ring);
		if (error == -EDEADLK)
			return ring_error(context, ring, ret_error);
		if (error)
			return error;
	}
	if (local->error == -PAWL_ETASK)
		return eng_context_error(context, eng_error_pin(local->failure), ret_error);
	*ret_ref = local->link;
	return local->error;
}

/* What was detached has failed, and the body has not: the run fails as the body would have. */
static int take_failure(struct pawl_context *context, struct local *local)
{
	if (!local->detached || !local->error)
		return 0;
	eng_error_unpin(context->failure);
	context->failure = NULL;
	if (local->own_words)
		context->failure = eng_error_pin(local->failure);
	else if (local->failure)
		(void)eng_context_error(context, eng_error_pin(local->failure), NULL);
	return local->error;
}

int eng_locals_join(struct pawl_context *context, int body_error)
{
	struct eng_locals *locals = context->run->locals;
	struct local *local;
	int result = 0;

	for (uint32_t i = 0; locals && (local = local_at(locals, i)); i++) {
		char *ring = NULL;
		int error = 0;

		while (!error && !is_done(local))
			error = local_wait(context, local, &ring);
		if (error == -EDEADLK)
			error = ring_error(context, ring, NULL);
		else if (!error && !result && !body_error)
			error = take_failure(context, local);
		if (error && !result)
			result = error;
	}
	return result;
}
