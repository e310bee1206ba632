/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-switch.c - the switch between stacks by ucontext, for processors without one in assembly.
 *
 * A suspended stack's "sp" is the address of the ucontext_t on it. Each switch costs two
 * system calls (the signal mask), some twenty times what the assembly takes.
 *
 * Under the model checker neither this nor the assembly is built in: the checker brings its own
 * switch (verify/mc-switch.c).
 */
#include "config.h"

#include "fiber-internal.h"

#ifdef PAWL_FIBER_UCONTEXT

#include <ucontext.h>

void *pawl__fiber_prepare(char *low, size_t bytes)
{
	size_t room = (sizeof(ucontext_t) + 63) / 64 * 64;
	ucontext_t *context = (void *)(low + bytes - room);

	PAWL_REQUIRE(!getcontext(context));
	context->uc_link = NULL;
	context->uc_stack.ss_sp = low;
	context->uc_stack.ss_size = bytes - room;
	makecontext(context, pawl__fiber_main, 0);
	return context;
}

void pawl__fiber_switch(void **save_sp, void *to_sp)
{
	ucontext_t here;

	*save_sp = &here;
	PAWL_REQUIRE(!swapcontext(&here, to_sp));
}

void pawl__fiber_leave(void *to_sp)
{
	setcontext(to_sp);
	PAWL_REQUIRE(false && "setcontext does not return");
}

bool pawl__fiber_shadow_stack(void)
{
	return false; /* ucontext knows them */
}

#endif
