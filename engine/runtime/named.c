/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * named.c - waiting, because of a task, for something that is told by events: as waiting for the task's end
 * (join.c), it is run here if nobody has begun, gets the waiter's lane, and rings are found.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "join.h"

#define EVENTS_MOST 2
#define RING_MOST   65536
#define RING_NAMES  16

/* What a listener is registered with: the events, and the own task's interrupt. */
static size_t listen_all(struct eng_run *run, struct pawl_event *const *events, size_t n,
			 struct pawl_listener *listeners, const char *note)
{
	for (size_t i = 0; i < n; i++)
		pawl_event_listen(events[i], &listeners[i], note, 0);
	if (run)
		pawl_event_listen(&run->task->interrupt, &listeners[n++], NULL, 0);
	return n;
}

/* One sleep. Returns: false: the body was told to end. */
static bool sleep_once(struct eng_run *run, struct pawl_event *const *events, size_t n,
		       bool (*holds)(const void *arg), const void *arg, const char *note)
{
	struct pawl_listener listeners[EVENTS_MOST + 1], *all[EVENTS_MOST + 1];
	size_t count = listen_all(run, events, n, listeners, note), which = count;

	for (size_t i = 0; i < count; i++)
		all[i] = &listeners[i];
	if (!holds(arg) && !(run && eng_told(run)))
		(void)!pawl_event_wait_any(all, count, PAWL_FOREVER, &which);
	for (size_t i = 0; i < count; i++) {
		if (i != which)
			(void)pawl_event_unlisten(all[i]);
	}
	return !(run && eng_told(run));
}

int eng_wait_events(struct pawl_event *const *events, size_t n, bool (*holds)(const void *arg),
		    const void *arg, const char *note)
{
	struct eng_run *run = eng_run_here();

	while (!holds(arg)) {
		if (run && eng_checkpoint(run))
			return -ECANCELED;
		if (!sleep_once(run, events, n, holds, arg, note) && !holds(arg) &&
		    eng_checkpoint(run))
			return -ECANCELED;
	}
	return 0;
}

/* ---- rings ------------------------------------------------------------------------- */

/* The next one along the edges; NULL: there is none any more. */
static struct eng_task *next_of(struct eng_tasks *tasks, const struct eng_task *task)
{
	uint64_t id = pawl_load_acquire(&task->waits_for);
	struct eng_task *next;

	return id && !eng_task_find(tasks, id, &next) ? next : NULL;
}

/*
 * From the member with the smallest tag on, so that it is the same text whoever finds the ring. Those of
 * a ring sleep; should one be cancelled meanwhile, the text is cut short.
 */
static void describe(struct eng_tasks *tasks, struct eng_task *task, char *text, size_t len)
{
	struct eng_task *at = task, *first = task;
	size_t length = 0;

	for (unsigned i = 0; i < RING_MOST && (at = next_of(tasks, at)) && at != task; i++) {
		if (pawl_load_relaxed(&at->tag) < pawl_load_relaxed(&first->tag))
			first = at;
	}
	at = first;
	for (unsigned i = 0; at && i <= RING_NAMES && length < len; i++) {
		char name[ENG_LABEL_BYTES];

		if (pawl_load_relaxed(&at->tag) == ENG_TAG_UNNAMED) {
			at = next_of(tasks, at);
			continue;
		}
		if (!eng_task_label(tasks, at->id, name))
			*name = 0;
		length += (size_t)snprintf(text + length, len - length, "%s%s#%llu",
					   i ? " -> " : "",
					   i == RING_NAMES ? "..."
					   : *name	   ? name
							   : "task",
					   (unsigned long long)pawl_load_relaxed(&at->tag));
		if (i && at == first)
			break;
		at = next_of(tasks, at);
	}
}

static char *description(struct eng_tasks *tasks, struct eng_task *task)
{
	char *text = pawl_mem_zalloc(ENG_RING_BYTES, 0);

	if (text)
		describe(tasks, task, text, ENG_RING_BYTES);
	return text;
}

bool eng_ring_each(struct pawl_runtime *rt, uint64_t first, void (*fn)(void *arg, uint64_t tag),
		   void *arg)
{
	const struct eng_task *self = eng_run_here()->task;
	struct eng_task *at;

	if (eng_task_find(rt->tasks, first, &at))
		return false;
	for (unsigned i = 0; at && i < RING_MOST; i++) {
		fn(arg, pawl_load_relaxed(&at->tag));
		if (at == self)
			return true;
		at = next_of(rt->tasks, at);
	}
	return false;
}

/* What is undone, also if the body is forced out of its sleep. */
struct named {
	struct pawl_cleanup cleanup;
	struct eng_task *self, *task;
};

static void named_over(void *arg)
{
	struct named *named = arg;

	eng_edge_set(named->self, 0);
	pawl_sub_relaxed(&named->task->waiters, 1u);
}

int eng_task_wait_events(struct pawl_runtime *rt, struct eng_task *task,
			 struct pawl_event *const *events, size_t n,
			 bool (*holds)(const void *arg), const void *arg, char **ret_ring)
{
	struct eng_run *run = eng_run_here();
	struct named named = {.task = task};
	int error = 0;

	if (run && run->rt == rt && eng_run_by_name(rt, run, task))
		return 0;
	pawl_add_relaxed(&task->waiters, 1u);
	if (!run || run->rt != rt) {
		eng_lend(rt, task, run ? run->lane : task->lane);
		error = eng_wait_events(events, n, holds, arg, "task");
		pawl_sub_relaxed(&task->waiters, 1u);
		return error;
	}
	named.self = run->task;
	pawl_cleanup_push(&named.cleanup, named_over, &named);
	if (eng_edge_makes_ring(rt->tasks, run->task, task, run->outer != NULL)) {
		*ret_ring = description(rt->tasks, run->task);
		error = -EDEADLK;
	} else {
		eng_lend(rt, task, run->lane);
		error = eng_wait_events(events, n, holds, arg, "task");
	}
	pawl_cleanup_pop(&named.cleanup, true);
	return error;
}
