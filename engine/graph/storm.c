/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.c - storms: counted, ended by an error, and forgotten with the next change from outside.
 *
 * Nothing is counted as long as nothing is changed from inside: a run that is made again looks at one word, which then
 * nobody writes. When there were half as many of those changes as a storm takes, each task that runs again gets a
 * record (a field of its tail), in which a re-run counts if there was a change from inside since the last one that did.
 * So
 *  I1 a count is never more than the changes from inside since the last one from outside, nor than the task's re-runs:
 *     however often tasks run, and however many are changed, from outside, there is no storm;
 *  I2 a task that runs again after every change from inside is in one after at most half as many more.
 *
 * Who counts and who fails is decided when a run is made, under the record's lock. The error says how often and why
 * last; both stay as they were when it became a storm, so that its readers hear of one error, not of one after another.
 *
 * An error is taken back by the next change from outside (`failed`). A run that was made before that and fails after it
 * would stay for ever: so it looks again, under the lock under which it writes itself down, and runs after all.
 *
 * Rejected: a count for each task, of all its runs (a collector of what ten thousand tasks emit runs ten thousand
 * times, and that is no storm); counting by time (a slow storm is one as well).
 */
#include "config.h"

#include "storm.h"

#include <string.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#include "../runtime/worker.h"
#include "context.h"
#include "local.h"

#define WORDS 1024

void eng_storms_init(struct eng_storms *storms, uint32_t most)
{
	storms->most = most ? most : UINT32_MAX;
	storms->look_above = most ? most / 2 : UINT32_MAX;
	pawl_init_word(&storms->changes, UINT64_C(0));
	pawl_init_word(&storms->calls_n, 0u);
	pawl_lock_init(&storms->lock, PAWL_LOCK_RANK_NONE);
}

void eng_storms_fini(struct eng_storms *storms)
{
	pawl_mem_free(storms->failed, storms->failed_capacity * sizeof(*storms->failed), 0);
}

/* ---- who changes something --------------------------------------------------------------- */

void eng_effect_enter(struct eng_graph *graph, struct eng_effect_call *call)
{
	struct eng_storms *storms = &graph->storms;

	call->body = eng_run_here();
	call->slot = pawl_thread_slot();
	pawl_lock_lock(&storms->lock);
	call->next = storms->calls;
	storms->calls = call;
	pawl_store_relaxed(&storms->calls_n, pawl_load_relaxed(&storms->calls_n) + 1);
	pawl_lock_unlock(&storms->lock);
}

void eng_effect_left(struct eng_graph *graph, struct eng_effect_call *call)
{
	struct eng_storms *storms = &graph->storms;
	struct eng_effect_call **at;

	pawl_lock_lock(&storms->lock);
	for (at = &storms->calls; *at != call; at = &(*at)->next)
		;
	*at = call->next;
	pawl_store_relaxed(&storms->calls_n, pawl_load_relaxed(&storms->calls_n) - 1);
	pawl_lock_unlock(&storms->lock);
}

/* Bodies may be on another thread than they began on; threads of the program are where they are. */
static bool is_in_effect(struct eng_storms *storms, const struct eng_run *here)
{
	unsigned slot = pawl_thread_slot();
	struct eng_effect_call *call;
	bool found = false;

	if (PAWL_LIKELY(!pawl_load_relaxed(&storms->calls_n)))
		return false;
	pawl_lock_lock(&storms->lock);
	for (call = storms->calls; call && !found; call = call->next)
		found = here ? call->body == here : !call->body && call->slot == slot;
	pawl_lock_unlock(&storms->lock);
	return found;
}

bool eng_change_by(struct eng_graph *graph, eng_id *ret_by)
{
	struct eng_run *here = eng_run_here();
	uint64_t tag = here ? pawl_load_relaxed(&here->task->tag) : 0;
	struct eng_run_state *run;
	struct eng_node *node;
	bool once;

	*ret_by = 0;
	if (is_in_effect(&graph->storms, here))
		return true;
	/* A thread of the program's, a visit, a plain task of the runtime. */
	if (!tag)
		return false;
	run = tag == ENG_TAG_UNNAMED ? eng_local_run(here->task->arg) : here->task->arg;
	/* One that goes on after its output counts is as one beside the engine, and what runs once does not run again. */
	if (run->graph != graph || eng_is_finished(run))
		return false;
	node = eng_run_lock(run);
	once = node->bits & ENG_ONCE;
	eng_unlock(node);
	*ret_by = run->id;
	return !once;
}

void eng_storm_change(struct eng_graph *graph, bool inside)
{
	struct pawl_atomic_u64 *changes = &graph->storms.changes;
	uint64_t word;

	if (graph->storms.most == UINT32_MAX)
		return;
	if (inside) {
		pawl_add_relaxed(changes, UINT64_C(1));
		return;
	}
	word = pawl_load_relaxed(changes);
	while (!pawl_cas_relaxed(changes, &word, ((word >> 32) + 1) << 32))
		;
}

/* ---- counting, under the record's lock ----------------------------------------------------- */

static struct eng_storm *storm_of(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_STORM);

	return slot ? slot->pointer : NULL;
}

void eng_storm_cause(struct eng_op *op, struct eng_node *node)
{
	struct eng_storm *storm = storm_of(node);

	if (storm && storm->next.kind == ENG_CAUSE_NONE)
		storm->next = op->cause;
}

void eng_storm_count(struct eng_graph *graph, struct eng_node *node)
{
	uint64_t changes = pawl_load_relaxed(&graph->storms.changes);
	struct eng_storm *storm = storm_of(node);

	if (node->bits & ENG_ONCE)
		return;
	if (!storm) {
		storm = eng_must_zalloc(sizeof(*storm));
		eng_field_make(node, ENG_STORM)->pointer = storm;
	}
	if (storm->changes >> 32 != changes >> 32) {
		storm->count = 0;
		storm->over = false;
	}
	/* I1. What comes late sees an older word. */
	if (storm->over || storm->changes == changes)
		return;
	storm->changes = changes;
	storm->last = storm->next;
	storm->next.kind = ENG_CAUSE_NONE;
	storm->over = ++storm->count > graph->storms.most;
}

static bool is_over(const struct eng_graph *graph, const struct eng_storm *storm)
{
	return storm->over &&
	       storm->changes >> 32 == pawl_load_relaxed(&graph->storms.changes) >> 32;
}

bool eng_storm_is_over(const struct eng_graph *graph, const struct eng_node *node)
{
	const struct eng_storm *storm = storm_of(node);

	return storm && is_over(graph, storm);
}

void eng_storm_forget(struct eng_node *node)
{
	struct eng_storm *storm = storm_of(node);

	if (storm)
		memset(storm, 0, sizeof(*storm));
}

void eng_storm_free(struct eng_node *node)
{
	struct eng_storm *storm = storm_of(node);

	if (storm)
		pawl_mem_free(storm, sizeof(*storm), 0);
}

/* ---- failing ---------------------------------------------------------------------------------- */

/* Returns: false: something was changed from outside meanwhile, and there is no storm. */
static bool write_down(struct eng_graph *graph, eng_id id, struct eng_storm *ret_storm)
{
	struct eng_storms *storms = &graph->storms;
	struct eng_node *node = eng_lock(graph, id);
	const struct eng_storm *storm = storm_of(node);
	bool is;

	if (storm)
		*ret_storm = *storm;
	eng_unlock(node);
	pawl_lock_lock(&storms->lock);
	is = storm && is_over(graph, ret_storm);
	if (is && storms->failed_n == storms->failed_capacity) {
		uint32_t capacity = storms->failed_capacity ? storms->failed_capacity * 2 : 8;
		eng_id *more = eng_must_alloc(capacity * sizeof(*more));

		if (storms->failed_n)
			memcpy(more, storms->failed, storms->failed_n * sizeof(*more));
		eng_storms_fini(storms);
		storms->failed = more;
		storms->failed_capacity = capacity;
	}
	if (is)
		storms->failed[storms->failed_n++] = id;
	pawl_lock_unlock(&storms->lock);
	return is;
}

int eng_storm_fail(struct pawl_context *context)
{
	struct eng_graph *graph = context->graph;
	struct eng_observer *observer = graph->observer;
	char words[WORDS] = "of what is not known";
	struct eng_storm storm;

	if (!write_down(graph, context->id, &storm))
		return 0;
	if (observer)
		observer->storm(observer, context->id, storm.count, &storm.last, words,
				sizeof(words));
	(void)!pawl_context_fail(
		context,
		"it ran again %u times since anything was changed from outside, "
		"last because %s",
		(unsigned)storm.count, words);
	context->failure->storm = true;
	return -PAWL_ETASK;
}

static void try_again(struct eng_op *op, eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	const struct pawl_error *error;

	if (!node)
		return;
	error = node->bits & ENG_ERROR ? (void *)(uintptr_t)node->output : NULL;
	/* Or it is about to fail. */
	if (!(node->bits & (ENG_IMMUTABLE | ENG_CANCELED)) &&
	    (eng_run_of(node) || (error && error->storm)))
		eng_make_dirty(op, node, true);
	eng_unlock(node);
}

void eng_storm_clear(struct eng_op *op)
{
	struct eng_storms *storms = &op->graph->storms;
	uint32_t n, capacity;
	eng_id *failed;

	/* Who writes itself down later sees that something was changed. */
	pawl_lock_lock(&storms->lock);
	failed = storms->failed;
	n = storms->failed_n;
	capacity = storms->failed_capacity;
	storms->failed = NULL;
	storms->failed_n = storms->failed_capacity = 0;
	pawl_lock_unlock(&storms->lock);
	for (uint32_t i = 0; i < n; i++)
		try_again(op, failed[i]);
	pawl_mem_free(failed, capacity * sizeof(*failed), 0);
}
