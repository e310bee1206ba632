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
#include <pawl/thread.h>
#include <pawl/timer.h>

#include "../runtime/worker.h"
#include "backing.h"
#include "context.h"
#include "intake.h"
#include "local.h"
#include "pairs.h"
#include "profile.h"
#include "registry.h"
#include "twice.h"

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

#define WORDS                                \
	(ENG_FIELD_BIT(ENG_OUTDATED_CELLS) | \
	 ENG_FIELD_BIT(ENG_OUTDATED_COLLECTIBLES_DEPENDENCIES))
/* More would have left the cache when it comes to them. */
#define TOUCHED_MOST 1024u
#define TOUCHED                                                                            \
	(WORDS | ENG_FIELD_BIT(ENG_OUTDATED_OUTPUTS) | ENG_FIELD_BIT(ENG_OUTDATED_KEYED) | \
	 ENG_FIELD_BIT(ENG_CHILDREN) | ENG_FIELD_BIT(ENG_STILL_CHILDREN))

static uint32_t count_of(enum eng_field field, const union eng_slot *slot)
{
	if (!slot)
		return 0;
	if (field == ENG_OUTDATED_KEYED)
		return eng_pairs_count(slot->pairs);
	if (ENG_FIELD_BIT(field) & WORDS)
		return pawl_sset64_count(&slot->set64);
	return pawl_sset_count(&slot->set);
}

static void gather(enum eng_field field, const union eng_slot *slot, struct eng_list *list)
{
	uint32_t cursor = 0, id;
	struct eng_pair pair;
	uint64_t word;

	if (field == ENG_OUTDATED_KEYED) {
		while (eng_pairs_next(slot->pairs, &cursor, &pair))
			list->ids[list->n++] = (eng_id)pair.a;
	} else if (ENG_FIELD_BIT(field) & WORDS) {
		while (pawl_sset64_next(&slot->set64, &cursor, &word))
			list->ids[list->n++] = (eng_id)word;
	} else {
		while (pawl_sset_next(&slot->set, &cursor, &id))
			list->ids[list->n++] = id;
	}
}

/*
 * Whom it has read and called before: what it reads and calls again touches them, or its end does. In the operation's
 * memory, to be restored once no lock is held. Locked.
 */
PAWL_NOINLINE static struct eng_list touched_of(struct eng_op *op, const struct eng_node *node)
{
	struct eng_list list = {NULL, NULL, 0};
	uint32_t n = 0, left;

	for (left = TOUCHED; left; left &= left - 1) {
		enum eng_field field = (enum eng_field)__builtin_ctz(left);

		n += count_of(field, eng_field(node, field));
	}
	if (n < 2 || n > TOUCHED_MOST)
		return list;
	list = eng_list_make(&op->queue, n);
	list.n = 0;
	for (left = TOUCHED; left; left &= left - 1) {
		enum eng_field field = (enum eng_field)__builtin_ctz(left);

		if (eng_field(node, field))
			gather(field, eng_field(node, field), &list);
	}
	return list;
}

/* Something of the record changes. Returns: false: it was cancelled. */
PAWL_NOINLINE static bool start_again(struct eng_run_state *run,
				      struct eng_closure **ret_closure, bool *ret_last)
{
	struct eng_list touched = {NULL, NULL, 0};
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
		if (PAWL_UNLIKELY(eng_is_stored(run->graph, run->id)))
			touched = touched_of(&op, node);
		if (PAWL_UNLIKELY(run->graph->histories))
			eng_history_begun(run->graph, node);
		begin(run, node, ret_closure, ret_last);
	}
	eng_unlock(node);
	eng_restore_list(run->graph, touched.ids, touched.n);
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
	if (PAWL_UNLIKELY(context->run->storm)) {
		error = eng_storm_fail(context);
		if (error)
			return error;
	}
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
	eng_intake(context->graph, ENG_INTAKE_RUN);
	if (PAWL_UNLIKELY(context->begun_ns))
		tell_slow(context);
}

/* Once more, to compare (twice.c). */
PAWL_NOINLINE static void again(struct pawl_context *context, struct eng_closure *closure,
				int error, pawl_ref_t output)
{
	struct eng_twice_outcome now = {0, PAWL_REF_NONE};
	struct pawl_context second;

	context->second =
		eng_twice_begin(context, (struct eng_twice_outcome){error, output}, &second);
	now.error = call(&second, closure, false, &now.output);
	eng_twice_end(context->second, now, false);
	context->second = NULL;
	eng_context_fini(&second);
}

/* The second time did not return: it is the first one that counts. */
static void again_unwound(struct pawl_context *context)
{
	struct eng_twice *twice = context->second;
	struct pawl_context *second = eng_twice_context(twice);
	struct eng_twice_outcome first = eng_twice_first(twice), now = {0, PAWL_REF_NONE};
	bool stopped = eng_exit_forced();

	if (!stopped)
		now.error = eng_exit_take(second);
	context->second = NULL;
	eng_twice_end(twice, now, stopped);
	eng_context_fini(second);
	if (stopped)
		abandon(context);
	else
		over(context, first.error, first.output);
}

static void unwound(void *arg)
{
	struct pawl_context *context = arg;

	if (PAWL_UNLIKELY(context->second != NULL))
		again_unwound(context);
	else if (eng_exit_forced())
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
	if (PAWL_UNLIKELY(run->graph->checks != NULL) && !last &&
	    eng_twice_wanted(&context, error))
		again(&context, closure, error, output);
	eng_cleanup_pop(here, &cleanup, false);
	over(&context, error, output);
	return 0;
}

void eng_run_forget(void *arg)
{
	struct eng_run_state *run = arg;
	struct eng_graph *graph = run->graph;

	/* In eng_schedule(), which has the record's lock, and does the rest. */
	if (PAWL_UNLIKELY(pawl_load_relaxed(&run->spawner) == pawl_thread_slot() + 1)) {
		run->stillborn = true;
		return;
	}
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
