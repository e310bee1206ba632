/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber-announce.h - what sanitizers and valgrind are told about fibres; nothing in other builds.
 *
 * AddressSanitizer keeps the bounds of the current stack, and a fake one beside each. Its leak
 * detector looks for pointers on the stacks of threads: the stack of a fibre is a further
 * root as long as there is a fibre. Shadow of frames that were never returned from
 * is cleared when a stack is given out anew.
 * ThreadSanitizer keeps a state for each fibre, and takes a switch for synchronisation: fibres of a
 * thread do not race with each other. gcc's dies at some 8,000 states, so a fibre has one from its
 * first resume to its end only.
 * Valgrind guesses from a large step of the stack pointer that stacks were switched; it is told
 * where they are, and then knows.
 *
 * A switch is
 *	leave(from), arrive-state(to), the switch itself, arrived(at)
 * with no instrumented access between ThreadSanitizer's switch and the real one.
 */
#ifndef PAWL_FIBER_ANNOUNCE_H
#define PAWL_FIBER_ANNOUNCE_H

#include "fiber-internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define PAWL__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAWL__ASAN 1
#endif
#endif

/* Frames are larger there, and nobody counts pages. */
#if defined(PAWL__ASAN) || (defined(PAWL__TSAN) && !defined(PAWL_MC))
#define PAWL__STACK_SCALE 4u
#else
#define PAWL__STACK_SCALE 1u
#endif

/* --- AddressSanitizer --- */

#ifdef PAWL__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

#define PAWL__NO_ASAN __attribute__((no_sanitize_address))

static inline void asan_resume(struct pawl_fiber *fiber, void **ret_fake)
{
	__sanitizer_start_switch_fiber(ret_fake, fiber->stack_low, fiber->stack_bytes);
}

static inline void asan_resumed(void *fake)
{
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static inline void asan_bind(struct pawl_fiber *fiber)
{
	fiber->asan_fake = NULL;
}

/* The frames are dropped; the fake stack stays, to be ended by asan_finish(). */
static inline void asan_kill(struct pawl_fiber *fiber)
{
	__asan_unpoison_memory_region(fiber->stack_low, fiber->stack_bytes);
}

static inline void asan_first(struct pawl_fiber *fiber)
{
	__sanitizer_finish_switch_fiber(fiber->asan_fake, &fiber->asan_resumer_low, &fiber->asan_resumer_bytes);
}

static inline void asan_suspend(struct pawl_fiber *fiber)
{
	__sanitizer_start_switch_fiber(&fiber->asan_fake, fiber->asan_resumer_low,
				       fiber->asan_resumer_bytes);
}

static inline void asan_suspended(struct pawl_fiber *fiber)
{
	__sanitizer_finish_switch_fiber(fiber->asan_fake, &fiber->asan_resumer_low,
					&fiber->asan_resumer_bytes);
}

static inline void asan_finish(struct pawl_fiber *fiber)
{
	__sanitizer_start_switch_fiber(NULL, fiber->asan_resumer_low, fiber->asan_resumer_bytes);
}

static inline void asan_stack_used(struct pawl_fiber *fiber)
{
	__asan_unpoison_memory_region(fiber->stack_low, fiber->stack_bytes);
	__lsan_register_root_region(fiber->stack_low, fiber->stack_bytes);
}

static inline void asan_stack_unused(struct pawl_fiber *fiber)
{
	__lsan_unregister_root_region(fiber->stack_low, fiber->stack_bytes);
}
#else
#define PAWL__NO_ASAN
#define asan_resume(fiber, ret_fake) ((void)(fiber), (void)(ret_fake))
#define asan_resumed(fake)	     ((void)(fake))
#define asan_bind(fiber)	     ((void)(fiber))
#define asan_kill(fiber)	     ((void)(fiber))
#define asan_first(fiber)	     ((void)(fiber))
#define asan_suspend(fiber)	     ((void)(fiber))
#define asan_suspended(fiber)	     ((void)(fiber))
#define asan_finish(fiber)	     ((void)(fiber))
#define asan_stack_used(fiber)	     ((void)(fiber))
#define asan_stack_unused(fiber)     ((void)(fiber))
#endif

/* --- ThreadSanitizer --- */

#if defined(PAWL__TSAN) && !defined(PAWL_MC)
#include <sanitizer/tsan_interface.h>

#define PAWL__NO_TSAN __attribute__((no_sanitize_thread))

static inline void tsan_bind(struct pawl_fiber *fiber)
{
	fiber->tsan_fiber = __tsan_create_fiber(0);
	__tsan_set_fiber_name(fiber->tsan_fiber, fiber->name[0] ? fiber->name : "fibre");
}

static inline PAWL__NO_TSAN void tsan_resume(struct pawl_fiber *fiber)
{
	fiber->tsan_resumer = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(fiber->tsan_fiber, 0);
}

static inline PAWL__NO_TSAN void tsan_suspend(struct pawl_fiber *fiber)
{
	__tsan_switch_to_fiber(fiber->tsan_resumer, 0);
}

/* Back at the resumer: the fibre's own stack is not the place. */
static inline void tsan_unbind(struct pawl_fiber *fiber)
{
	__tsan_destroy_fiber(fiber->tsan_fiber);
	fiber->tsan_fiber = NULL;
}
#else
#define PAWL__NO_TSAN
#define tsan_bind(fiber)    ((void)(fiber))
#define tsan_resume(fiber)  ((void)(fiber))
#define tsan_suspend(fiber) ((void)(fiber))
#define tsan_unbind(fiber)  ((void)(fiber))
#endif

/* --- valgrind --- */

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>

static inline void valgrind_stack_mapped(struct pawl_fiber *fiber)
{
	fiber->valgrind_id = (uint32_t)VALGRIND_STACK_REGISTER(
		fiber->stack_low, fiber->stack_low + fiber->stack_bytes);
}

static inline void valgrind_stack_unmapped(struct pawl_fiber *fiber)
{
	VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
}
#else
#define valgrind_stack_mapped(fiber)   ((void)(fiber))
#define valgrind_stack_unmapped(fiber) ((void)(fiber))
#endif

#endif
