/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.c - tasks by id: made once, changed under their lock, dropped while somebody has a pin. */
#include <stdio.h>

#include <pawl/mem.h>
#include <pawl/retire.h>
#include <pawl/slots.h>
#include <pawl/thread.h>

struct task {
	struct pawl_slot slot; /* first: lock, pins, id */
	union {
		struct pawl_retire_node node; /* once dropped, */
		uint64_t runs[3];	      /* before that, under the lock */
	} u;
};

static void task_free(struct pawl_retire_node *node)
{
	pawl_mem_free(PAWL_CONTAINER_OF(node, struct task, u.node), sizeof(struct task), 0);
}

static bool task_retire(struct pawl_slot *slot, void *arg)
{
	struct task *task = PAWL_CONTAINER_OF(slot, struct task, slot);

	(void)arg;
	return pawl_retire(&task->u.node, sizeof(*task), task_free);
}

int main(void)
{
	struct pawl_slots_options options = PAWL_SLOTS_OPTIONS_INIT;
	struct pawl_slot *slot, *pinned;
	struct pawl_slots *tasks;
	enum pawl_slot_state was;
	struct task *task;
	uint64_t runs;

	options.retire = task_retire;
	if (pawl_thread_attach("main") || pawl_slots_create(&options, &tasks))
		return 1;
	task = pawl_mem_zalloc(sizeof(*task), 0);
	if (!task || pawl_slots_claim(tasks, 41, &was)) /* of many threads, one gets it */
		return 1;
	pawl_slots_publish(tasks, 41, &task->slot, 0);

	if (pawl_slots_pin(tasks, 41, &pinned) || pawl_slots_lock(tasks, 41, &slot))
		return 1;
	runs = ++PAWL_CONTAINER_OF(slot, struct task, slot)->u.runs[0];
	(void)pawl_slots_drop(tasks, slot); /* gives the lock back; the pin keeps the memory */
	printf("task %u ran %u time, is %s; the table has %zu bytes\n", pawl_slot_id(pinned),
	       (unsigned)runs, pawl_slot_dropped(pinned) ? "gone" : "there",
	       pawl_slots_bytes(tasks));
	(void)pawl_slots_unpin(tasks, pinned);
	pawl_slots_destroy(tasks);
	pawl_thread_detach();
	return runs == 1 && was == PAWL_SLOT_EMPTY ? 0 : 1;
}
