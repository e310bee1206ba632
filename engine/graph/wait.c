/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - sleeping for a task, by name: the runtime lends it priority, runs it here, or finds the ring.
 *
 * Who waits until a task is clean waits for one of the runs below it that make it so, by name as well: it does
 * their work where nobody has begun, and a ring that goes through them is found. When that one is over, it
 * looks again. So a strong reader is a worker for what it reads. It never sleeps without a name: a ring that
 * closes later would not see it.
 */
#include "config.h"

#include "told.h"
#include "wait.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>

#include "../runtime/join.h"
#include "../runtime/worker.h"

#define WALK_MOST 64

void eng_wait_run(struct eng_wait *wait, struct eng_run_state *run, bool cell)
{
	wait->run = run;
	wait->cell = cell;
	wait->finished = false;
	wait->writes = pawl_load_relaxed(&run->writes);
	eng_run_pin(run);
}

void eng_wait_clean(struct eng_wait *wait, struct eng_node *node)
{
	wait->id = eng_node_id(node);
	wait->clean = eng_clean_listen(node);
}

struct pawl_error *eng_wait_failure(const struct eng_wait *wait)
{
	/* Who does not see it yet looks again, and finds it with the next run. */
	struct pawl_error *failure = pawl_load_acquire(&wait->run->failure);

	return failure ? eng_error_pin(failure) : NULL;
}

void eng_wait_fini(struct eng_wait *wait)
{
	if (wait->run) {
		eng_run_unpin(wait->run);
		wait->run = NULL;
	}
	if (wait->clean) {
		eng_clean_unpin(wait->clean);
		wait->clean = NULL;
	}
	pawl_mem_free(wait->ring, ENG_RING_BYTES, 0);
	wait->ring = NULL;
}

/* Relaxed: it is looked at again, under the lock. */
static bool has_come(const void *arg)
{
	const struct eng_wait *wait = arg;

	if (wait->clean && pawl_load_relaxed(&wait->clean->over))
		return true;
	if (!wait->run)
		return false;
	return pawl_load_relaxed(&wait->run->over) ||
	       (wait->finished && eng_is_finished(wait->run)) ||
	       (wait->cell && pawl_load_relaxed(&wait->run->writes) != wait->writes);
}

/* One that needs work in this session, of those below, from a place on; 0: none. */
static eng_id dirty_from(const struct eng_node *node, uint32_t *cursor)
{
	union eng_slot *dirty = eng_field(node, ENG_DIRTY_CONTAINERS);
	struct pawl_cmap_entry entry;

	while (dirty && pawl_cmap_next(&dirty->map, cursor, &entry)) {
		if (entry.count > 0 &&
		    entry.count > eng_map_get(node, ENG_CLEAN_CONTAINERS, entry.key))
			return entry.key;
	}
	return 0;
}

/* The same, of all. Goes on where the last search ended: those before were found, and are mostly gone. */
static eng_id dirty_below(const struct eng_node *node, uint32_t *cursor)
{
	eng_id id = dirty_from(node, cursor);

	if (id)
		return id;
	*cursor = 0;
	return dirty_from(node, cursor);
}

/* The nearest run on one way down. */
static void choose_run(struct eng_wait *wait, struct eng_graph *graph)
{
	eng_id id = wait->id;

	for (unsigned i = 0; id && i < WALK_MOST && !wait->run; i++) {
		struct eng_node *node = eng_lock_any(graph, id);
		struct eng_run_state *run = node ? eng_run_of(node) : NULL;
		uint32_t begin = 0;

		if (run)
			eng_wait_run(wait, run, false);
		else
			id = node ? dirty_below(node, i ? &begin : &wait->cursor) : 0;
		if (node)
			eng_unlock(node);
	}
}

/* Of one task: its run, made if there has to be one; else those below it are to be looked at. */
static void search_one(struct eng_wait *wait, struct eng_op *op, struct eng_table *seen,
		       eng_id id)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	uint32_t cursor = 0;
	bool is_new;

	if (!node)
		return;
	if (eng_needs_run(node))
		eng_schedule(op, node, op->priority);
	if (eng_run_of(node))
		eng_wait_run(wait, eng_run_of(node), false);
	else
		while ((id = dirty_from(node, &cursor)))
			(void)eng_table_put(seen, id, &is_new);
	eng_unlock(node);
}

/* On all ways, whatever there is. Who is to run it may not have come to that yet. */
static void search_run(struct eng_wait *wait, struct pawl_context *context)
{
	struct eng_table seen = {0};
	struct eng_op op;
	bool is_new;

	eng_op_begin(&op, context->graph, context->priority);
	(void)eng_table_put(&seen, wait->id, &is_new);
	for (uint32_t at = 0; at < seen.n && !wait->run; at++)
		search_one(wait, &op, &seen, (eng_id)seen.entries[at].key);
	eng_table_fini(&seen);
	eng_op_end(&op);
}

/* No edit is applied, and nothing that was lost is being summed up anew. */
static bool no_edit(const void *arg)
{
	const struct eng_graph *graph = arg;

	/* Relaxed, both: read.c, O1. */
	return !(pawl_load_relaxed(&graph->edit) & 1) && !pawl_load_relaxed(&graph->lost);
}

/* Until those that are under way are over. *ret_any: there were some. */
static int operations_wait(struct eng_graph *graph, bool *ret_any)
{
	struct eng_quiesce_watch watch = {.quiesce = graph->quiesce};
	struct pawl_event *event = eng_quiesce_left(graph->quiesce);
	int error = 0;

	*ret_any = false;
	while (!error && eng_quiesce_watch(&watch)) {
		*ret_any = true;
		error = eng_wait_events(&event, 1, eng_quiesce_is_past, &watch,
					"what is being told");
	}
	return error;
}

/*
 * Nothing below it has to run, and it is not told so yet: operations that have had records which were looked at are under
 * way, or were a moment ago. To sleep until it is clean would be to sleep for what comes next below it without its
 * name, and no ring would be found. Operations wait for no task: one can sleep until those are over, and look again.
 * Where there is none it is told already; or the engine stops, and what has to run does not: who waits is told to end then.
 */
static int wait_told(struct eng_graph *graph)
{
	struct pawl_event *event = &graph->edited;
	bool any;
	int error;

	/* What was lost may have taken its edges along, until all is summed up anew. */
	if (PAWL_UNLIKELY(pawl_load_relaxed(&graph->lost)))
		return eng_wait_events(&event, 1, no_edit, graph, "what was lost");
	error = operations_wait(graph, &any);
	return error || any ? error : pawl_yield();
}

int eng_told_wait(struct eng_graph *graph)
{
	bool any;

	return operations_wait(graph, &any);
}

static int sleep_for(struct eng_wait *wait, struct pawl_context *context)
{
	struct eng_graph *graph = context->graph;
	struct pawl_event *events[2];
	struct eng_task *task;
	size_t n = 0;

	PAWL_REQUIRE(!eng_quiesce_is_inside(graph->quiesce) && "operations wait for no task");
	if (wait->clean && !wait->run) {
		choose_run(wait, graph);
		if (!wait->run)
			search_run(wait, context);
		if (!wait->run)
			return wait_told(graph);
	}
	if (wait->run)
		events[n++] = &wait->run->changed;
	if (wait->clean)
		events[n++] = &wait->clean->event;
	/* The engine stops: the run was not spawned, and is over. */
	if (!wait->run || wait->run->apart ||
	    eng_task_handle(graph->rt->tasks, wait->run->task.pawl_id, &task))
		return eng_wait_events(events, n, has_come, wait, "clean");
	return eng_task_wait_events(graph->rt, task, events, n, has_come, wait, &wait->ring);
}

/* What it waited for may have come by its own work, and the next look would have it work on. */
static int sleep_or_end(struct eng_wait *wait, struct pawl_context *context)
{
	int error = sleep_for(wait, context);
	struct eng_run *run;

	if (PAWL_LIKELY(!context->graph->abandon) || error || !context->run)
		return error;
	run = eng_run_here();
	return run && eng_told(run) ? -ECANCELED : 0;
}

int eng_wait(struct eng_wait *wait, struct pawl_context *context)
{
	struct eng_graph *graph = context->graph;
	struct eng_observer *observer = graph->observer;
	eng_id other = wait->run ? wait->run->id : wait->id;
	uint64_t begun_ns, ns;
	int error;

	if (PAWL_LIKELY(!observer || !observer->slow_ns))
		return sleep_or_end(wait, context);
	begun_ns = eng_now(graph->rt);
	error = sleep_or_end(wait, context);
	ns = eng_now(graph->rt) - begun_ns;
	if (ns >= observer->slow_ns)
		observer->slow(observer, context->id, other, ns);
	return error;
}

struct pawl_error *eng_wait_ring(struct eng_wait *wait)
{
	struct pawl_error *error =
		eng_error_printf(0, NULL, NULL, ENG_RING_MESSAGE,
				 wait->ring ? wait->ring : "(no memory for their names)");

	pawl_mem_free(wait->ring, ENG_RING_BYTES, 0);
	wait->ring = NULL;
	error->ring = true;
	return error;
}

/* ---- edits ------------------------------------------------------------------------------ */

uint64_t eng_moment(const struct eng_graph *graph)
{
	/* Relaxed, both: read.c, O1. */
	return pawl_load_relaxed(&graph->edit) + pawl_load_relaxed(&graph->hidden);
}

int eng_edit_wait(struct pawl_context *context, uint64_t *ret_moment)
{
	struct eng_graph *graph = context->graph;
	struct pawl_event *event = &graph->edited;
	int error = 0;

	PAWL_REQUIRE(!eng_quiesce_is_inside(graph->quiesce) && "operations wait for no edit");
	/* First: what comes after it is seen when it is compared. */
	while (*ret_moment = eng_moment(graph), !error) {
		if (PAWL_UNLIKELY(!no_edit(graph)))
			error = eng_wait_events(&event, 1, no_edit, graph, "an edit");
		else if (PAWL_UNLIKELY(!eng_told_is_settled(graph)))
			error = eng_told_settle(graph);
		else
			break;
	}
	return error;
}

/* Sleeps as the thread: who has it never switches. */
void eng_edit_enter(struct eng_graph *graph)
{
	uint64_t edit = pawl_load_relaxed(&graph->edit) & ~(uint64_t)1;
	struct eng_thread_wait wait;
	struct pawl_waiter *before;

	/* Relaxed: the locks of what an edit touches order it (read.c, O1). */
	if (pawl_cas_relaxed(&graph->edit, &edit, edit + 1)) {
		eng_waits_editor(graph);
		return;
	}
	eng_thread_waits(graph, &wait, "another edit", PAWL_TASK_NONE);
	before = pawl_waiter_set(NULL);
	do {
		struct pawl_listener listener;

		pawl_event_listen(&graph->edited, &listener, "another edit", 0);
		edit = pawl_load_relaxed(&graph->edit);
		if (edit & 1)
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
		edit &= ~(uint64_t)1;
	} while (!pawl_cas_relaxed(&graph->edit, &edit, edit + 1));
	(void)pawl_waiter_set(before);
	eng_thread_waited(graph, &wait);
	eng_waits_editor(graph);
}

void eng_edit_leave(struct eng_graph *graph)
{
	/* Relaxed: as above. */
	pawl_add_relaxed(&graph->edit, 1u);
	pawl_event_notify_all(&graph->edited);
}
