/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue-spec.h - sequential specifications of queues, for histories of t-ring, t-mbox, t-deque,
 * t-lanes and t-lin.
 *
 * Values are 1 to 15, so that a batch is a number with a hexadecimal digit for each, the
 * first one lowest; 0 is "nothing".
 */
#ifndef VERIFY_QUEUE_SPEC_H
#define VERIFY_QUEUE_SPEC_H

#include "mc.h"

#include <stdio.h>

#define QUEUE_SPEC_MAX 12

/* All zero at first; items not used are zero. */
struct queue_spec {
	uint8_t count;
	uint8_t items[QUEUE_SPEC_MAX];
};

enum queue_op {
	/*
	 * arg[0] digits, in order; result[0] how many went in. Fewer if there is a bound:
	 * "full" is what the pusher can know, beside which a taker may find "empty" (neither
	 * has seen the other; only fences on both sides would help). result[1] "was empty", if
	 * arg[1] asks.
	 */
	QUEUE_PUSH,
	/* arg[0] is the most; result[0] digits. Fewer than there were only if arg[1] is set. */
	QUEUE_POP,
	/* Everything; result[0] digits. */
	QUEUE_TAKE_ALL,
	/* From 1 to half (rounded up); 0 only if it is empty. result[0] digits. */
	QUEUE_STEAL_HALF,
	/* result[0]: is it empty? */
	QUEUE_IS_EMPTY,
	/* It refused to say; anything goes. */
	QUEUE_BUSY,
};

static inline unsigned queue_digits(uint64_t digits)
{
	unsigned n = 0;

	for (; digits; digits >>= 4)
		n++;
	return n;
}

/* The first `n` items leave if they are these. */
static inline bool queue_spec_remove(struct queue_spec *queue, uint64_t digits)
{
	unsigned n = queue_digits(digits);

	if (n > queue->count)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (queue->items[i] != (digits >> (4 * i) & 15))
			return false;
	}
	for (unsigned i = 0; i < QUEUE_SPEC_MAX; i++)
		queue->items[i] = i + n < queue->count ? queue->items[i + n] : 0;
	queue->count = (uint8_t)(queue->count - n);
	return true;
}

/*
 * First in, first out. `capacity` 0: no bound. An operation that did not return is not known
 * here: threads of these scenarios return from all of them.
 */
static inline bool queue_spec_step(struct queue_spec *queue, const struct mc_op *op,
				   unsigned capacity)
{
	uint64_t arg = op->arg[0], result = op->result[0];
	unsigned n = queue_digits(result);

	switch ((enum queue_op)op->op) {
	case QUEUE_PUSH:
		if (result > queue_digits(arg) ||
		    (capacity && queue->count + result > capacity) ||
		    (result < queue_digits(arg) && !capacity))
			return false;
		if (op->arg[1] && op->result[1] != !queue->count)
			return false;
		for (unsigned i = 0; i < result; i++)
			queue->items[queue->count++] = (uint8_t)(arg >> (4 * i) & 15);
		return true;
	case QUEUE_POP:
		if (n > arg || (n < arg && n < queue->count && (!op->arg[1] || !n)))
			return false;
		return queue_spec_remove(queue, result);
	case QUEUE_TAKE_ALL:
		return n == queue->count && queue_spec_remove(queue, result);
	case QUEUE_STEAL_HALF:
		if (n > (queue->count + 1u) / 2 || (!n && queue->count))
			return false;
		return queue_spec_remove(queue, result);
	case QUEUE_IS_EMPTY:
		return result == !queue->count;
	case QUEUE_BUSY:
		return true;
	}
	return false;
}

static inline void queue_spec_print(const struct mc_op *op, char *buf, size_t len)
{
	static const char *const names[] = {"push",	  "pop",      "take_all",
					    "steal_half", "is_empty", "busy"};

	snprintf(buf, len, "%s(%llx) = %llx", op->op <= QUEUE_BUSY ? names[op->op] : "?",
		 (unsigned long long)op->arg[0], (unsigned long long)op->result[0]);
}

#endif
