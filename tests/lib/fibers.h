/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibers.h - for the tests of fibres: making, ending, and bodies that do little.
 */
#ifndef TESTS_LIB_FIBERS_H
#define TESTS_LIB_FIBERS_H

#include "harness.h"

#include <pawl.h>

#include "fiber-internal.h"

#include <string.h>

#define UNSANITIZED (!T_ASAN && !T_TSAN)

static inline struct pawl_fiber *make_with(const struct pawl_fiber_options *options,
					   pawl_fiber_fn *fn, void *arg)
{
	struct pawl_fiber *fiber = NULL;
	int err = pawl_fiber_create(options, fn, arg, &fiber);

	t_check(!err);
	t_check(pawl_fiber_state(fiber) == PAWL_FIBER_NEW);
	return fiber;
}

static inline struct pawl_fiber *make(pawl_fiber_fn *fn, void *arg)
{
	return make_with(NULL, fn, arg);
}

static inline struct pawl_fiber *make_named(const char *name, pawl_fiber_fn *fn, void *arg)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;

	options.name = name;
	return make_with(&options, fn, arg);
}

static inline void drop(struct pawl_fiber *fiber)
{
	int err = pawl_fiber_destroy(fiber);

	t_check(!err);
	t_step();
}

static inline void finish(struct pawl_fiber *fiber)
{
	t_check(pawl_fiber_resume(fiber) == PAWL_FIBER_FINISHED);
	drop(fiber);
}

static inline void configure(enum pawl_fiber_guard guard, uint32_t slab_stacks)
{
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;

	config.guard = guard;
	config.slab_stacks = slab_stacks;
	t_check(!pawl_fiber_configure(&config));
}

static inline void defaults(void)
{
	configure(PAWL_FIBER_GUARD_AUTO, 0);
}

/* Forget the stacks, so that settings may change. */
static inline void start_afresh(void)
{
	pawl_thread_detach();
	t_check(!pawl_thread_attach("main"));
}

static inline void nothing(void *arg)
{
	(void)arg;
}

static inline void count(void *arg)
{
	++*(unsigned *)arg;
}

static inline void suspend_once(void *arg)
{
	(void)arg;
	pawl_fiber_suspend();
}

static inline void suspend_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pawl_fiber_suspend();
}

/* Uses `bytes` of stack, and a little more. */
static __attribute__((noinline, unused)) unsigned use_stack(size_t bytes)
{
	char room[1024];

	memset(room, 0x5a, sizeof(room));
	__asm__ __volatile__("" : : "r"(room) : "memory");
	return bytes > sizeof(room) ? use_stack(bytes - sizeof(room)) + (unsigned)room[0] : 0;
}

static inline void use_and_suspend(void *arg)
{
	use_stack(*(size_t *)arg);
	pawl_fiber_suspend();
}

#endif
