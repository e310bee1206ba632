/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local.c - calls whose arguments are not known yet.
 *
 * A call is looked up by what its arguments lead to. When that is not known yet the caller does not wait: a job, a
 * task of the runtime, waits in its place, makes the call on behalf of the run, and notes the task that came of it.
 * To the graph the job is the run: what it reads the run has read, whom it calls the run has called. So the
 * run ends after its jobs have.
 *
 * Invariants:
 *  I1 A job has one owner of its run (eng_run_pin()), so what it works with is there; jobs are freed with the
 *     run.
 *  I2 `link`, `error` and `failure` are written by the job before it stores `done`, and never change again.
 *  I3 A job makes no jobs: it waits itself. So the body alone adds to the table, and a job has a table that
 *     does not lose what it had when the job was made.
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
#include "trait.h"
#include "wait.h"

#define TABLE_FIRST 8

struct local {
	/* 1: the results stand. Stored by the job, once (release); all threads. */
	struct pawl_atomic_u32 done;
	struct pawl_event changed;
	struct eng_run_state *run;
	pawl_task_t task; /* of the runtime: a handle; by the body */
	struct eng_callee callee;
	void *args;
	size_t args_bytes;
	/* The task that it waits for, stored before it does; read by who finds a ring. */
	struct pawl_atomic_u32 waits_for;
	/* Results. */
	pawl_ref_t link;
	int error;
	struct pawl_error *failure;
};

struct eng_locals {
	uint16_t execution;
	/* Under the lock: the body adds, jobs look. */
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

static void context_over(void *context)
{
	eng_context_fini(context);
}

static int job_body(void *arg, void **ret_value)
{
	struct local *local = arg;
	struct eng_run_state *run = local->run;
	struct pawl_context context = {.graph = run->graph,
				       .run = run,
				       .id = run->id,
				       .priority = run->priority,
				       .in_job = true,
				       .waits_for = &local->waits_for};
	const struct eng_callee *callee = &local->callee;
	struct pawl_error *failure = NULL;
	struct pawl_cleanup cleanup;
	int error;

	(void)ret_value;
	pawl_store_relaxed(&eng_run_here()->task->tag, ENG_TAG_UNNAMED);
	pawl_cleanup_push(&cleanup, context_over, &context);
	if (callee->trait)
		error = eng_method_call(&context, callee->trait, callee->method, local->args,
					&local->link);
	else
		error = pawl_call(&context, callee->function, local->args, &local->link);
	if (error == -PAWL_ETASK) {
		failure = context.last;
		context.last = NULL;
	}
	pawl_cleanup_pop(&cleanup, true);
	set_done(local, error, failure);
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
	eng_run_unpin(run);
	eng_busy_less(graph);
}

static int job_spawn(struct local *local)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct eng_graph *graph = local->run->graph;
	int error;

	options.name = local->callee.trait
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
	struct local **more, **old = locals->table;
	uint32_t before = locals->capacity;

	if (locals->n < locals->capacity)
		return 0;
	more = pawl_mem_alloc(capacity * sizeof(struct local *), 0);
	if (!more)
		return -ENOMEM;
	if (old)
		memcpy(more, old, before * sizeof(struct local *));
	pawl_lock_lock(&locals->lock);
	locals->table = more;
	locals->capacity = capacity;
	pawl_lock_unlock(&locals->lock);
	pawl_mem_free(old, before * sizeof(struct local *), 0);
	return 0;
}

int eng_local_call(struct pawl_context *context, const struct eng_callee *callee,
		   const void *args, pawl_ref_t *ret_ref)
{
	struct eng_locals *locals = locals_of(context);
	struct local *local;
	int error;

	if (!locals)
		return -ENOMEM;
	if (locals->n == ENG_LOCALS_MOST)
		return -ENOSPC;
	error = table_grow(locals);
	local = error ? NULL : pawl_mem_zalloc(sizeof(*local), 0);
	if (!local)
		return -ENOMEM;
	pawl_init_word(&local->done, 0u);
	pawl_init_word(&local->waits_for, 0u);
	pawl_event_init(&local->changed);
	local->run = context->run;
	local->callee = *callee;
	error = args_copy(local, args);
	if (!error)
		error = job_spawn(local);
	if (error) {
		local_free(local);
		return error == -EAGAIN ? -ENOSPC : error;
	}
	pawl_lock_lock(&locals->lock);
	locals->table[locals->n++] = local;
	pawl_lock_unlock(&locals->lock);
	ret_ref->pawl_bits = (uint64_t)locals->execution << 48 | (uint64_t)locals->n << 32;
	return 0;
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static struct local *find(const struct pawl_context *context, pawl_ref_t ref)
{
	struct eng_locals *locals = context->run ? context->run->locals : NULL;
	uint32_t number = (uint32_t)(ref.pawl_bits >> 32) & UINT16_MAX;
	struct local *local = NULL;

	if (!locals || locals->execution != ref.pawl_bits >> 48)
		return NULL;
	pawl_lock_lock(&locals->lock);
	if (number && number <= locals->n)
		local = locals->table[number - 1];
	pawl_lock_unlock(&locals->lock);
	return local;
}

static int local_wait(struct pawl_context *context, struct local *local, char **ret_ring)
{
	struct pawl_event *event = &local->changed;
	struct eng_task *task;

	if (is_done(local))
		return 0;
	if (eng_task_handle(context->graph->rt->tasks, local->task.pawl_id, &task))
		return eng_wait_events(&event, 1, is_done, local, "call");
	return eng_task_wait_events(context->graph->rt, task, &event, 1, is_done, local,
				    ret_ring);
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

	if (eng_run_of(node) == context->run)
		context->run->invalidator = true;
	eng_unlock(node);
	for (uint32_t i = 0; i < locals->n; i++) {
		struct local *local = locals->table[i];

		/* Acquire: the job is about to sleep, or sleeps. */
		if (!is_done(local))
			depend(context, pawl_load_acquire(&local->waits_for));
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

int eng_locals_join(struct pawl_context *context)
{
	struct eng_locals *locals = context->run->locals;
	int result = 0;

	for (uint32_t i = 0; locals && i < locals->n; i++) {
		struct local *local = locals->table[i];
		char *ring = NULL;
		int error = 0;

		while (!error && !is_done(local))
			error = local_wait(context, local, &ring);
		if (error == -EDEADLK)
			error = ring_error(context, ring, NULL);
		if (error && !result)
			result = error;
	}
	return result;
}
