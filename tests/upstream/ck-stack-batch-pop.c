/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-stack-batch-pop.c - ck_stack_batch_pop_mpmc leaves the generation as it is, so an
 * interrupted ck_stack_pop_mpmc does not notice it (ABA).
 *
 * The pop is taken apart here: what it reads before the interruption, and the
 * double-width compare-and-swap that it ends with. In between another thread
 * empties the stack and pushes the first entry back.
 */
#include <ck_stack.h>

#include "upstream.h"

int main(void)
{
	ck_stack_t stack = CK_STACK_INITIALIZER;
	ck_stack_entry_t x;
	ck_stack_entry_t y;
	struct ck_stack seen;
	struct ck_stack update;
	char *generation;
	bool swapped;

	ck_stack_push_mpmc(&stack, &y);
	ck_stack_push_mpmc(&stack, &x);

	/* Thread 1 begins to pop x: y will be the new head. */
	seen = stack;
	update.generation = seen.generation + 1;
	update.head = seen.head->next;

	/* Thread 2 takes everything, then gives x back. y is its own now. */
	ck_stack_batch_pop_mpmc(&stack);
	generation = stack.generation;
	ck_stack_push_mpmc(&stack, &x);

	/* Thread 1 goes on. */
	swapped = ck_pr_cas_ptr_2(&stack, &seen, &update);
	upstream_say("ck-stack-batch-pop", generation == seen.generation || swapped,
		     "generation %s by batch_pop; a pop that was under way %s",
		     generation == seen.generation ? "not advanced" : "advanced",
		     swapped ? "succeeds and makes an entry the head that was popped before"
			     : "fails and tries again");
	return 0;
}
