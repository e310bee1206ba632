/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-queue-urcu.c - liburcu: wfcqueue (many pushers, one taker by splicing) and wfstack (take
 * all, newest first: without the order that the others keep).
 */
#include "bench.h"
#include "queue.h"

/* Inline, as the fastest of liburcu's users have it; the bench program is never shipped. */
#define _LGPL_SOURCE
#include <urcu/wfcqueue.h>
#include <urcu/wfstack.h>

struct wfcq {
	struct cds_wfcq_tail tail;
	struct __cds_wfcq_head head PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* What was taken and not handed out yet: the getter's. */
	struct __cds_wfcq_head taken PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct cds_wfcq_tail taken_tail;
};

static inline int wfcq_init(struct wfcq *queue)
{
	__cds_wfcq_init(&queue->head, &queue->tail);
	__cds_wfcq_init(&queue->taken, &queue->taken_tail);
	return 0;
}

static inline void wfcq_fini(struct wfcq *queue)
{
	(void)queue;
}

static inline size_t wfcq_put(struct wfcq *queue, struct b_item *const *items, size_t n,
			      unsigned lane)
{
	(void)lane;
	for (size_t i = 0; i < n; i++) {
		struct cds_wfcq_node *node = (struct cds_wfcq_node *)items[i];

		cds_wfcq_node_init(node);
		cds_wfcq_enqueue(&queue->head, &queue->tail, node);
	}
	return n;
}

static inline size_t wfcq_get(struct wfcq *queue, struct b_item **items, size_t max)
{
	size_t k = 0;

	if (cds_wfcq_empty(&queue->taken, &queue->taken_tail))
		__cds_wfcq_splice_blocking(&queue->taken, &queue->taken_tail, &queue->head,
					   &queue->tail);
	while (k < max && (items[k] = (struct b_item *)(void *)__cds_wfcq_dequeue_blocking(
				   &queue->taken, &queue->taken_tail)))
		k++;
	return k;
}

B_QUEUE_CASES(wfcq, "mbox", "urcu-wfcqueue", 0)

struct wfs {
	struct __cds_wfs_stack stack;
	struct cds_wfs_node *taken PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static inline int wfs_init(struct wfs *queue)
{
	__cds_wfs_init(&queue->stack);
	queue->taken = NULL;
	return 0;
}

static inline void wfs_fini(struct wfs *queue)
{
	(void)queue;
}

static inline size_t wfs_put(struct wfs *queue, struct b_item *const *items, size_t n,
			     unsigned lane)
{
	(void)lane;
	for (size_t i = 0; i < n; i++) {
		struct cds_wfs_node *node = (struct cds_wfs_node *)items[i];

		cds_wfs_node_init(node);
		cds_wfs_push(&queue->stack, node);
	}
	return n;
}

static inline size_t wfs_get(struct wfs *queue, struct b_item **items, size_t max)
{
	size_t k = 0;

	if (!queue->taken) {
		struct cds_wfs_head *head = __cds_wfs_pop_all(&queue->stack);

		if (!head)
			return 0;
		queue->taken = cds_wfs_first(head);
	}
	while (k < max && queue->taken) {
		struct cds_wfs_node *node = queue->taken;

		queue->taken = cds_wfs_next_blocking(node);
		items[k++] = (struct b_item *)(void *)node;
	}
	return k;
}

B_QUEUE_CASES(wfs, "mbox", "urcu-wfstack-lifo", 0)
