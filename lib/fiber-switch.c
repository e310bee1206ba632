/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-switch.c - the switch between stacks by ucontext, for processors without one in assembly.
 *
 * A suspended stack's "sp" is the address of the ucontext_t that lies on it. Each switch costs two
 * system calls (the signal mask), some twenty times what the assembly takes.
 *
 * Under the model checker neither this nor the assembly is built in: the checker brings its own
 * switch (verify/mc-switch.c).
 */
#include "config.h"

#include "fiber-internal.h"

#ifdef PAWL_FIBER_UCONTEXT

#include <ucontext.h>

struct suspended {
	ucontext_t context;
	uintptr_t value; /* of who switches here */
};

void *pawl__fiber_prepare(char *low, size_t bytes)
{
	size_t room = (sizeof(struct suspended) + 63) / 64 * 64;
	struct suspended *first = (void *)(low + bytes - room);

	PAWL_REQUIRE(!getcontext(&first->context));
	first->context.uc_link = NULL;
	first->context.uc_stack.ss_sp = low;
	first->context.uc_stack.ss_size = bytes - room;
	makecontext(&first->context, pawl__fiber_main, 0);
	return first;
}

uintptr_t pawl__fiber_switch(void **save_sp, void *to_sp, uintptr_t value)
{
	struct suspended *to = to_sp;
	struct suspended here;

	*save_sp = &here;
	to->value = value;
	PAWL_REQUIRE(!swapcontext(&here.context, &to->context));
	return here.value;
}

void pawl__fiber_leave(void *to_sp, uintptr_t value)
{
	struct suspended *to = to_sp;

	to->value = value;
	setcontext(&to->context);
	PAWL_REQUIRE(false && "setcontext does not return");
}

bool pawl__fiber_shadow_stack(void)
{
	return false; /* ucontext knows them */
}

#endif
