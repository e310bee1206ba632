/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-switch.c - fibres of the program under test, and the calls that map their stacks.
 *
 * lib/fiber.c switches stacks by three calls that are assembly elsewhere. Here each stack is a
 * model thread of its own: a switch hands a baton to it and waits for one. So between two
 * switches exactly one of them can go on, as on the processor, and everything that the checker
 * keeps for a thread (its stack, its probes, its races) is right for a fibre. What belongs to the
 * processor's thread goes along with the baton: the program's thread-local pointer, and whether
 * the deadline is over.
 * The baton is an object: its store and its read order the two sides as program order would.
 *
 * A baton's value counts those given, so a read has one store to read from and a switch adds no
 * executions.
 *
 * "Stack pointer" of a suspended stack: the model thread's number + 1. A new stack is prepared when
 * its fibre is first resumed, so its model thread begins there.
 *
 * Limits: model threads are 16 in all (MC_T), and an ended fibre's is not used again. Read sections
 * of liburcu are counted by model thread: none on fibres.
 *
 * mmap and its companions give heap blocks: a stack that is used after its slab is gone, or a slab
 * that is forgotten, is found as any block. Guards always work.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <string.h>

#include "mc-internal.h"

#define PC __builtin_return_address(0)

/* Of lib/fiber-internal.h, which cannot be included here: config.h is the program's. */
void *pawl__fiber_prepare(char *low, size_t bytes);
uintptr_t pawl__fiber_switch(void **save_sp, void *to_sp, uintptr_t value);
void pawl__fiber_leave(void *to_sp, uintptr_t value);
bool pawl__fiber_shadow_stack(void);
void pawl__fiber_main(void) __attribute__((weak));

static uint16_t baton_of(unsigned t)
{
	return mc_object(OBJ_KEY(OBJ_SWITCH, t), "switch of stacks");
}

static void *fibre_thread(void *arg)
{
	unsigned me = mc_r->cur;

	(void)arg;
	mc_object_read(baton_of(me), FILTER_EQ, ++mc_self()->batons_taken, 0, PC);
	pawl__fiber_main();
	mc_fail_now(FAIL_CRASH, PC, "the first function of a fibre returned");
}

static void hand_baton(unsigned to, uintptr_t value, const void *pc)
{
	struct mc_thread *t = &mc_r->th[to];

	t->tls = mc_self()->tls;
	t->baton_value = value;
	t->deadline_used |= mc_self()->deadline_used;
	t->over |= mc_self()->over;
	mc_object_store(baton_of(to), ++t->batons_given, pc);
}

void *pawl__fiber_prepare(char *low, size_t bytes)
{
	(void)low;
	(void)bytes;
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	if (mc_mode == MODE_RUN && mc_plain_pending())
		mc_plain_flush();
	unsigned t = (unsigned)mc_thread_new(fibre_thread, NULL);

	mc_object_store(mc_object(OBJ_KEY(OBJ_THREAD, t), "thread"), 1, PC);
	return (void *)(uintptr_t)(t + 1);
}

uintptr_t pawl__fiber_switch(void **save_sp, void *to_sp, uintptr_t value)
{
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	mc_dirty((uintptr_t)save_sp, sizeof(*save_sp));
	*save_sp = (void *)(uintptr_t)(mc_r->cur + 1u);
	hand_baton((unsigned)(uintptr_t)to_sp - 1, value, PC);
	mc_object_read(baton_of(mc_r->cur), FILTER_EQ, ++mc_self()->batons_taken, 0, PC);
	return mc_self()->baton_value;
}

void pawl__fiber_leave(void *to_sp, uintptr_t value)
{
	hand_baton((unsigned)(uintptr_t)to_sp - 1, value, PC);
	for (;;)
		mc_yield(TH_ENDED);
}

bool pawl__fiber_shadow_stack(void)
{
	return false;
}

/* --- mappings --- */

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	void *block;

	if (mc_mode == MODE_OFF)
		return __real_mmap(at, bytes, protection, flags, fd, offset);
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	block = mc_heap_alloc(bytes, 4096, PC);
	if (block) {
		/* As the system gives it out, so that looking at unused stack is no finding. */
		memset(block, 0, bytes);
		mc_heap_written((uintptr_t)block, bytes);
		return block;
	}
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_munmap(void *at, size_t bytes);
int __wrap_munmap(void *at, size_t bytes)
{
	(void)bytes;
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	mc_heap_free(at, PC);
	return 0;
}

int __wrap_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice)
{
	(void)advice;
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	/* Of whoever's they are: giving pages of a freed or shared stack back is an error. */
	if (bytes)
		mc_heap_check((uintptr_t)at, 1, true, PC);
	return 0;
}

int __wrap_mprotect(void *at, size_t bytes, int protection);
int __wrap_mprotect(void *at, size_t bytes, int protection)
{
	(void)at;
	(void)bytes;
	(void)protection;
	return 0;
}
