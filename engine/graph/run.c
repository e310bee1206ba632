/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - a run of a task: its start and its body. Its end is finish.c.
 *
 * While a task runs, what it read before stands in OUTDATED_...; reading something again moves it to the
 * fields of what this run has read. So it is known of each edge whether this run has come to it.
 */
#include "config.h"

#include "run.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/timer.h>

#include "../runtime/worker.h"
#include "backing.h"
#include "context.h"
#include "local.h"
#include "pairs.h"
#include "profile.h"
#include "registry.h"

#define ARGS_BYTES 128 /* on the stack, and bodies are nested deeply */

/* ---- start --------------------------------------------------------------------------- */

static void outdate_set(struct eng_node *node, enum eng_field now, enum eng_field before)
{
	union eng_slot *slot = eng_field(node, now), *old;
	struct pawl_sset set;

	if (!slot)
		return;
	set = slot->set;
	eng_field_drop(node, now);
	old = eng_field_make(node, before);
	/* Usually the field is new: the last run has left nothing there. */
	if (!pawl_sset_count(&old->set)) {
		pawl_sset_fini(&old->set);
		old->set = set;
		return;
	}
	ENG_MUST(pawl_sset_merge(&old->set, &set, NULL));
	pawl_sset_fini(&set);
}

static void outdate_set64(struct eng_node *node, enum eng_field now, enum eng_field before)
{
	union eng_slot *slot = eng_field(node, now), *old;
	struct pawl_sset64 set;

	if (!slot)
		return;
	set = slot->set64;
	eng_field_drop(node, now);
	old = eng_field_make(node, before);
	if (!pawl_sset64_count(&old->set64)) {
		pawl_sset64_fini(&old->set64);
		old->set64 = set;
		return;
	}
	ENG_MUST(pawl_sset64_merge(&old->set64, &set, NULL));
	pawl_sset64_fini(&set);
}

static void outdate_pairs(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_KEYED_DEPENDENCIES), *old;
	struct eng_pairs *set;
	struct eng_pair pair;
	uint32_t cursor = 0;

	if (!slot)
		return;
	set = slot->pairs;
	eng_field_drop(node, ENG_KEYED_DEPENDENCIES);
	old = eng_field_make(node, ENG_OUTDATED_KEYED);
	while (eng_pairs_next(set, &cursor, &pair))
		(void)eng_pairs_add(&old->pairs, pair);
	eng_pairs_free(&set);
}

/* What it has emitted counts on; what it does not emit again is taken back at its end. */
static void outdate_collectibles(struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_COLLECTIBLES), *old;
	struct eng_bag_cursor cursor = {0, 0};
	struct eng_collectible entry;

	eng_field_clear(node, ENG_OUTDATED_COLLECTIBLES);
	if (!slot)
		return;
	old = eng_field_make(node, ENG_OUTDATED_COLLECTIBLES);
	slot = eng_field(node, ENG_COLLECTIBLES);
	while (eng_bag_next(slot->bag, &cursor, &entry))
		(void)eng_bag_add(&old->bag, entry.trait, entry.ref, entry.count);
}

#define READ_BEFORE                                                                      \
	(ENG_FIELD_BIT(ENG_OUTPUT_DEPENDENCIES) | ENG_FIELD_BIT(ENG_CELL_DEPENDENCIES) | \
	 ENG_FIELD_BIT(ENG_COLLECTIBLES_DEPENDENCIES) |                                  \
	 ENG_FIELD_BIT(ENG_KEYED_DEPENDENCIES) | ENG_FIELD_BIT(ENG_COLLECTIBLES) |       \
	 ENG_FIELD_BIT(ENG_OUTDATED_COLLECTIBLES))

static void outdate(struct eng_node *node)
{
	outdate_set(node, ENG_OUTPUT_DEPENDENCIES, ENG_OUTDATED_OUTPUTS);
	outdate_set64(node, ENG_CELL_DEPENDENCIES, ENG_OUTDATED_CELLS);
	outdate_set64(node, ENG_COLLECTIBLES_DEPENDENCIES,
		      ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES);
	outdate_pairs(node);
	outdate_collectibles(node);
}

/* What a run begins with. Locked. */
static void begin(struct eng_run_state *run, struct eng_node *node,
		  struct eng_closure **ret_closure, bool *ret_last)
{
	/* Neither it nor the key changes, and the task stays, since it runs. */
	union eng_slot *slot = eng_field(node, ENG_CLOSURE);

	pawl_store_relaxed(&run->running, 1u);
	run->was_linked = node->bits & ENG_LINKED;
	run->had_children = eng_field_any(node, ENG_FIELD_BIT(ENG_CHILDREN) |
							ENG_FIELD_BIT(ENG_STILL_CHILDREN));
	*ret_closure = slot ? slot->pointer : NULL;
	*ret_last = *ret_closure && (*ret_closure)->disposed;
}

/* Something of the record changes. Returns: false: it was cancelled. */
PAWL_NOINLINE static bool start_again(struct eng_run_state *run,
				      struct eng_closure **ret_closure, bool *ret_last)
{
	struct eng_node *node;
	struct eng_op op;
	bool mine;

	eng_op_begin(&op, run->graph, 0);
	node = eng_lock(run->graph, run->id);
	mine = eng_run_of(node) == run;
	if (mine && pawl_load_relaxed(&run->graph->stopping)) {
		eng_run_cancel(&op, node);
		mine = false;
	} else if (mine) {
		outdate(node);
		if (PAWL_UNLIKELY(run->graph->histories))
			eng_history_begun(run->graph, node);
		begin(run, node, ret_closure, ret_last);
	}
	eng_unlock(node);
	eng_op_end(&op);
	return mine;
}

/* Returns: false: it was cancelled. ret_closure: NULL if it has none. */
static bool start(struct eng_run_state *run, struct eng_closure **ret_closure, bool *ret_last)
{
	struct eng_node *node;
	bool at_once;

	/* Nobody but its runner cancels what has been claimed: no look at the record is needed. */
	if (run->untouched && !pawl_load_relaxed(&run->graph->stopping)) {
		pawl_store_relaxed(&run->running, 1u);
		return true;
	}
	node = eng_lock(run->graph, run->id);
	/* Nothing was read or emitted before: no operation, since nothing of the record changes. */
	at_once = eng_run_of(node) == run && !eng_field_any(node, READ_BEFORE) &&
		  !run->graph->histories && !pawl_load_relaxed(&run->graph->stopping);
	if (at_once)
		begin(run, node, ret_closure, ret_last);
	eng_unlock(node);
	return at_once || start_again(run, ret_closure, ret_last);
}

/* ---- the body --------------------------------------------------------------------------- */

/* Arguments that are too large for the stack. */
struct args_memory {
	struct pawl_cleanup cleanup;
	void *args;
	size_t bytes;
};

static void args_free(void *arg)
{
	struct args_memory *memory = arg;

	pawl_mem_free(memory->args, memory->bytes, 0);
}

static int body(struct pawl_context *context, uint32_t number,
		const struct pawl_function *function, const void *args, pawl_ref_t *ret_output)
{
	struct eng_profile *profile = context->graph->profile;
	uint64_t begun;
	int error;

	if (PAWL_LIKELY(!profile))
		return function->body(context, args, ret_output);
	eng_profile_add(profile, number, ENG_COUNT_RUNS, 1);
	begun = pawl_now_ns();
	error = function->body(context, args, ret_output);
	eng_profile_add(profile, number, ENG_COUNT_NS, pawl_now_ns() - begun);
	return error;
}

static int call(struct pawl_context *context, struct eng_closure *closure, bool last,
		pawl_ref_t *ret_output)
{
	struct eng_graph *graph = context->graph;
	PAWL_ALIGNED(16) char buffer[ARGS_BYTES];
	const struct pawl_function *function;
	const struct eng_key *key;
	struct args_memory memory;
	void *args = buffer;
	int error;

	/* Free of the lock: it frees the argument. Nobody else looks at it any more. */
	if (last && eng_dispose_begun(closure))
		return 0;
	if (closure)
		return closure->fn(context, closure->arg, ret_output);
	key = eng_node_key(context->run->node);
	if (PAWL_UNLIKELY(!key->function))
		return eng_lost_body(context);
	function = eng_function(graph->registry, key->function);
	if (function->args_bytes > sizeof(buffer)) {
		args = eng_must_alloc(function->args_bytes);
		memory.args = args;
		memory.bytes = function->args_bytes;
		pawl_cleanup_push(&memory.cleanup, args_free, &memory);
	}
	eng_args_read(function, key, args);
	if (function->flags & PAWL_FUNCTION_SESSION_DEPENDENT)
		pawl_mark_session_dependent(context);
	error = body(context, key->function, function, args, ret_output);
	if (args != buffer)
		pawl_cleanup_pop(&memory.cleanup, true);
	return error;
}

/* The calls that are made beside the body are made, before the run is over. */
static int join_locals(struct pawl_context *context, int error, pawl_ref_t *output)
{
	int joined = eng_locals_join(context, error);

	if (joined == -ECANCELED || (joined && !error))
		return joined;
	if (!error && eng_ref_is_local(*output))
		return eng_local_link(context, *output, 0, output, NULL);
	return error;
}

int eng_refused(struct pawl_context *context, int error)
{
	if (context->run)
		pawl_store_relaxed(&context->run->refused, 1u);
	return error;
}

/* The engine stops and the body was unwound, or gave up. */
static void abandon(struct pawl_context *context)
{
	struct eng_node *node;
	struct eng_op op;

	eng_op_begin(&op, context->graph, context->priority);
	node = eng_lock(context->graph, context->id);
	if (eng_run_of(node) == context->run)
		eng_run_cancel(&op, node);
	eng_unlock(node);
	eng_op_end(&op);
	eng_context_fini(context);
}

/* The run is over; somebody may want to know that it took long. */
PAWL_NOINLINE static void tell_slow(const struct pawl_context *context)
{
	struct eng_observer *observer = context->graph->observer;
	uint64_t ns = eng_now(context->graph->rt) - context->begun_ns;

	if (ns >= observer->slow_ns)
		observer->slow(observer, context->id, 0, ns);
}

/* The body has ended, with this. Of one that was unwound: on top of its frames. */
static void over(struct pawl_context *context, int error, pawl_ref_t output)
{
	if (PAWL_UNLIKELY(context->run->locals || eng_ref_is_local(output)))
		error = join_locals(context, error, &output);
	/*
	 * What its calls and reads gave it then is no failure of its own, nor what it has made of that, even if it says that
	 * all went well. One that would have failed anyway fails in the next session.
	 */
	if (PAWL_UNLIKELY(error || pawl_load_relaxed(&context->run->refused)) &&
	    pawl_load_relaxed(&context->graph->stopping)) {
		abandon(context);
		return;
	}
	eng_run_finish(context, error, output);
	eng_context_fini(context);
	if (PAWL_UNLIKELY(context->begun_ns))
		tell_slow(context);
}

static void unwound(void *arg)
{
	struct pawl_context *context = arg;

	if (eng_exit_forced())
		abandon(context);
	else
		over(context, eng_exit_take(context), PAWL_REF_NONE);
}

int eng_run_body(void *arg, void **ret_value)
{
	struct eng_run_state *run = arg;
	struct pawl_context context = {.graph = run->graph,
				       .run = run,
				       .id = run->id,
				       .begun = pawl_load_relaxed(&run->graph->moments)};
	struct pawl_cleanup cleanup;
	struct eng_run *here;
	struct eng_closure *closure = NULL;
	pawl_ref_t output = PAWL_REF_NONE;
	bool last = false;
	int error;

	(void)ret_value;
	if (!start(run, &closure, &last))
		return -ECANCELED;
	here = eng_run_here();
	pawl_store_relaxed(&here->task->tag, (uint64_t)run->id);
	context.priority = run->priority;
	if (PAWL_UNLIKELY(run->graph->observer && run->graph->observer->slow_ns))
		context.begun_ns = eng_now(run->graph->rt);
	eng_cleanup_push(here, &cleanup, unwound, &context);
	error = call(&context, closure, last, &output);
	eng_cleanup_pop(here, &cleanup, false);
	over(&context, error, output);
	return 0;
}

void eng_run_forget(void *arg)
{
	struct eng_run_state *run = arg;
	struct eng_graph *graph = run->graph;

	/* Cancelled before it began: nobody else ends it. Relaxed: found out under the lock. */
	if (!pawl_load_relaxed(&run->over)) {
		struct eng_node *node;
		struct eng_op op;

		eng_op_begin(&op, graph, 0);
		node = eng_lock_any(graph, run->id);
		if (node && eng_run_of(node) == run)
			eng_run_cancel(&op, node);
		if (node)
			eng_unlock(node);
		eng_op_end(&op);
	}
	if (eng_is_transient(run->id))
		eng_dispose_ended(graph, run->id);
	eng_run_unpin(run);
	eng_busy_less(graph);
}
