/* SPDX-License-Identifier: BSD-2-Clause */
/* retire-internal.h - what thread.c and park.c need of retiring. */
#ifndef PAWL_RETIRE_INTERNAL_H
#define PAWL_RETIRE_INTERNAL_H

#include "thread-internal.h"

/*
 * pawl__retire_start(), _stop() - The reclaimer's life. Under the registry's mutex; stop() frees
 * all that was handed over and joins; the caller has left the RCU registry.
 *
 * Errors: of start(): -ENOMEM, -EAGAIN.
 */
int pawl__retire_start(void);
void pawl__retire_stop(void);

/* pawl__retire_threads_changed() - So many threads share the limit now. Under the registry's mutex. */
void pawl__retire_threads_changed(uint32_t threads);

/* pawl__retire_hand_over() - Give the thread's batch, if there is one, to the reclaimer. */
void pawl__retire_hand_over_batch(struct pawl__thread *self);
static inline void pawl__retire_hand_over(struct pawl__thread *self)
{
	if (self->batch_head)
		pawl__retire_hand_over_batch(self);
}

#endif
