/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-fifo-empty.c - ck_fifo_mpmc_dequeue says "empty" of a queue that never is.
 *
 * The dequeuer reads head, then tail, then head's next, and believes the queue
 * empty if head equals tail and there is no next. In between, head's node may
 * have been dequeued, recycled and enqueued again: it is the tail now, without a
 * next, and the queue is full of life behind the new head. A second look at head
 * is missing.
 *
 * Without chance: the second thread's part is run from the fence between the
 * dequeuer's reads, where the scheduler could put it.
 */
#include <ck_pr.h>

static void meanwhile(void);
#define ck_pr_fence_load() (ck_pr_fence_load(), meanwhile())
#include <ck_fifo.h>

#include "upstream.h"

#ifdef CK_F_FIFO_MPMC

static ck_fifo_mpmc_t fifo;
static ck_fifo_mpmc_entry_t stub;
static ck_fifo_mpmc_entry_t first;
static int one;
static int two;

/* Fences of the dequeuer until the other thread comes in; 0: it does not. */
static unsigned countdown;
static bool other_did;

static void meanwhile(void)
{
	ck_fifo_mpmc_entry_t *garbage = NULL;
	void *value;

	if (!countdown || --countdown)
		return;
	other_did = ck_fifo_mpmc_dequeue(&fifo, &value, &garbage);
	if (other_did)
		ck_fifo_mpmc_enqueue(&fifo, garbage, &two);
}

/* The queue holds one item at any time: two go in before one comes out. */
static bool dequeue_with_other_at(unsigned fence, void **ret_value)
{
	ck_fifo_mpmc_entry_t *garbage;

	ck_fifo_mpmc_init(&fifo, &stub);
	ck_fifo_mpmc_enqueue(&fifo, &first, &one);
	other_did = false;
	countdown = fence;
	return ck_fifo_mpmc_dequeue(&fifo, ret_value, &garbage);
}

int main(void)
{
	void *value = NULL;
	bool got;

	if (!dequeue_with_other_at(0, &value) || value != &one)
		upstream_cannot_tell("ck-fifo-empty", "the queue does not behave alone");
	/* Between tail's generation and tail's pointer. */
	got = dequeue_with_other_at(2, &value);
	if (!other_did)
		upstream_cannot_tell("ck-fifo-empty", "the fences are elsewhere");
	upstream_say("ck-fifo-empty", !got,
		     "with one item taken and one put back meanwhile, dequeue %s",
		     got ? "finds an item" : "reports an empty queue, which has an item in it");
	return 0;
}

#else

static void meanwhile(void)
{
}

int main(void)
{
	meanwhile();
	upstream_cannot_tell("ck-fifo-empty", "this CPU has no double-width compare-and-swap");
}

#endif
