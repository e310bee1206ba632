/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waits.c - waits of threads: a list under a lock, while somebody looks at it.
 */
#include "config.h"

#include "waits.h"

#include <pawl/thread.h>

#include "../runtime/worker.h"
#include "graph.h"
#include "local.h"

static struct eng_waits *waits_of(const struct eng_graph *graph)
{
	return graph->observer ? graph->observer->waits : NULL;
}

void eng_waits_init(struct eng_waits *waits, struct pawl_event *begun)
{
	pawl_lock_init(&waits->lock, PAWL_LOCK_RANK_NONE);
	waits->first = NULL;
	waits->n = waits->visits = 0;
	waits->begun = begun;
	pawl_init_word(&waits->editor, UINT64_C(0));
}

/* The task whose body runs here; 0: none of the graph's. */
static eng_id task_here(void)
{
	struct eng_run *here = eng_run_here();
	uint64_t tag = here ? pawl_load_relaxed(&here->task->tag) : 0;

	return tag == ENG_TAG_UNNAMED ? eng_local_run(here->task->arg)->id : (eng_id)tag;
}

void eng_thread_waits(struct eng_graph *graph, struct eng_thread_wait *wait, const char *note,
		      pawl_task_t task)
{
	struct eng_waits *waits = waits_of(graph);
	bool first;

	wait->listed = waits;
	if (PAWL_LIKELY(!waits))
		return;
	wait->note = note;
	wait->by = task_here();
	wait->slot = pawl_thread_slot();
	wait->since_ns = eng_now(graph->rt);
	wait->task = task;
	wait->told = false;
	pawl_lock_lock(&waits->lock);
	wait->next = waits->first;
	wait->at = &waits->first;
	if (wait->next)
		wait->next->at = &wait->next;
	waits->first = wait;
	first = !waits->n++;
	pawl_lock_unlock(&waits->lock);
	if (first)
		pawl_event_notify_all(waits->begun);
}

void eng_thread_waited(struct eng_graph *graph, struct eng_thread_wait *wait)
{
	struct eng_waits *waits = waits_of(graph);

	if (PAWL_LIKELY(!wait->listed))
		return;
	pawl_lock_lock(&waits->lock);
	*wait->at = wait->next;
	if (wait->next)
		wait->next->at = wait->at;
	waits->n--;
	pawl_lock_unlock(&waits->lock);
}

void eng_waits_editor(struct eng_graph *graph)
{
	struct eng_waits *waits = waits_of(graph);
	eng_id task;

	if (PAWL_LIKELY(!waits))
		return;
	task = task_here();
	pawl_store_relaxed(&waits->editor,
			   task ? task : UINT64_C(1) << 32 | pawl_thread_slot());
}

void eng_waits_visit(struct eng_graph *graph, bool begins)
{
	struct eng_waits *waits = waits_of(graph);
	bool first;

	if (PAWL_LIKELY(!waits))
		return;
	pawl_lock_lock(&waits->lock);
	waits->visits += begins ? 1u : UINT32_MAX;
	first = begins && waits->visits == 1;
	pawl_lock_unlock(&waits->lock);
	if (first)
		pawl_event_notify_all(waits->begun);
}
