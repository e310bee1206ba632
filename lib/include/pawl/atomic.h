/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/atomic.h - the only file of Pawl that names a memory order.
 *
 * Shared words (struct pawl_atomic_u32, _u64, _ptr of pawl/base.h) are read and
 * written through the calls below and through nothing else. The order stands
 * in the name of the call, so that grep finds every access of one kind, and
 * scripts/check-orders refuses an order named anywhere else.
 *
 * Each call is one C11 atomic operation on the word and expands in place:
 * under -fsanitize=thread the hook's return address is therefore the access
 * itself, and the model checker knows an access by file, function and its
 * ordinal in it, with no numbers in the source.
 *
 *  call                                   orders offered
 *  pawl_load_ORDER(word)                  relaxed acquire
 *  pawl_store_ORDER(word, value)          relaxed release
 *  pawl_xchg_ORDER(word, value)           relaxed acquire release acq_rel   -> old value
 *  pawl_add_/sub_/or_/and_ORDER(word, v)  relaxed acquire release acq_rel   -> old value
 *  pawl_cas_ORDER(word, &expected, new)   relaxed acquire release acq_rel   -> bool, strong
 *  pawl_cas_weak_ORDER(...)               relaxed acquire release acq_rel   -> bool, may fail
 *                                         spuriously
 *  pawl_init_word(word, value)            not atomic: nobody else can see the word yet
 *  pawl_fence_dekker()                    sequentially consistent
 *
 * A failed compare-exchange writes what it saw to `expected`, with acquire
 * order where success acquires, else relaxed. Arithmetic is not offered for
 * pointers.
 *
 * pawl_fence_dekker() is the store -> load barrier of "publish mine, then look
 * at yours" on two sides that must not both miss each other. It is the only
 * fence of the project.
 *
 * ThreadSanitizer does not model fences. In a build for it (and not for the
 * model checker, which does) the fence is two acq_rel operations on one process-wide
 * word instead. That orders a little more than a fence does, so ThreadSanitizer may
 * miss a race there; the model checker, which knows fences, does not.
 *
 * C only: C++ code holds shared words, but touches them through calls.
 * Progress: every call is wait-free but pawl_cas_weak, which promises nothing alone.
 */
#ifndef PAWL_ATOMIC_H
#define PAWL_ATOMIC_H

#ifdef __cplusplus
#error "pawl/atomic.h is for C; C++ code uses the calls of the other headers"
#endif

#include <pawl/base.h>

#include <stdatomic.h>

#if defined(__SANITIZE_THREAD__)
#define PAWL__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PAWL__TSAN 1
#endif
#endif

#if defined(PAWL_MC) && defined(__clang__)
/* clang leaves its hook out where a local word is initialised: the checker is told by hand. */
void __tsan_write_range(void *at, unsigned long bytes);
#define pawl_init_word(word, value)                           \
	(__tsan_write_range((word), sizeof((word)->pawl_private)), \
	 atomic_init(&(word)->pawl_private, (value)))
#else
#define pawl_init_word(word, value) atomic_init(&(word)->pawl_private, (value))
#endif

#define pawl_load_relaxed(word) atomic_load_explicit(&(word)->pawl_private, memory_order_relaxed)
#define pawl_load_acquire(word) atomic_load_explicit(&(word)->pawl_private, memory_order_acquire)

#define pawl_store_relaxed(word, value) \
	atomic_store_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_store_release(word, value) \
	atomic_store_explicit(&(word)->pawl_private, (value), memory_order_release)

#define pawl_xchg_relaxed(word, value) \
	atomic_exchange_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_xchg_acquire(word, value) \
	atomic_exchange_explicit(&(word)->pawl_private, (value), memory_order_acquire)
#define pawl_xchg_release(word, value) \
	atomic_exchange_explicit(&(word)->pawl_private, (value), memory_order_release)
#define pawl_xchg_acq_rel(word, value) \
	atomic_exchange_explicit(&(word)->pawl_private, (value), memory_order_acq_rel)

#define pawl_add_relaxed(word, value) \
	atomic_fetch_add_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_add_acquire(word, value) \
	atomic_fetch_add_explicit(&(word)->pawl_private, (value), memory_order_acquire)
#define pawl_add_release(word, value) \
	atomic_fetch_add_explicit(&(word)->pawl_private, (value), memory_order_release)
#define pawl_add_acq_rel(word, value) \
	atomic_fetch_add_explicit(&(word)->pawl_private, (value), memory_order_acq_rel)

#define pawl_sub_relaxed(word, value) \
	atomic_fetch_sub_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_sub_acquire(word, value) \
	atomic_fetch_sub_explicit(&(word)->pawl_private, (value), memory_order_acquire)
#define pawl_sub_release(word, value) \
	atomic_fetch_sub_explicit(&(word)->pawl_private, (value), memory_order_release)
#define pawl_sub_acq_rel(word, value) \
	atomic_fetch_sub_explicit(&(word)->pawl_private, (value), memory_order_acq_rel)

#define pawl_or_relaxed(word, value) \
	atomic_fetch_or_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_or_acquire(word, value) \
	atomic_fetch_or_explicit(&(word)->pawl_private, (value), memory_order_acquire)
#define pawl_or_release(word, value) \
	atomic_fetch_or_explicit(&(word)->pawl_private, (value), memory_order_release)
#define pawl_or_acq_rel(word, value) \
	atomic_fetch_or_explicit(&(word)->pawl_private, (value), memory_order_acq_rel)

#define pawl_and_relaxed(word, value) \
	atomic_fetch_and_explicit(&(word)->pawl_private, (value), memory_order_relaxed)
#define pawl_and_acquire(word, value) \
	atomic_fetch_and_explicit(&(word)->pawl_private, (value), memory_order_acquire)
#define pawl_and_release(word, value) \
	atomic_fetch_and_explicit(&(word)->pawl_private, (value), memory_order_release)
#define pawl_and_acq_rel(word, value) \
	atomic_fetch_and_explicit(&(word)->pawl_private, (value), memory_order_acq_rel)

/*
 * A compare-exchange that fails is a load: it acquires where success acquires, else it is
 * relaxed.
 */
#define PAWL__CAS(strength, word, expected, value, success, failure) \
	atomic_compare_exchange_##strength##_explicit(               \
		&(word)->pawl_private, (expected), (value), (success), (failure))
#define pawl_cas_relaxed(word, expected, value) \
	PAWL__CAS(strong, word, expected, value, memory_order_relaxed, memory_order_relaxed)
#define pawl_cas_acquire(word, expected, value) \
	PAWL__CAS(strong, word, expected, value, memory_order_acquire, memory_order_acquire)
#define pawl_cas_release(word, expected, value) \
	PAWL__CAS(strong, word, expected, value, memory_order_release, memory_order_relaxed)
#define pawl_cas_acq_rel(word, expected, value) \
	PAWL__CAS(strong, word, expected, value, memory_order_acq_rel, memory_order_acquire)
#define pawl_cas_weak_relaxed(word, expected, value) \
	PAWL__CAS(weak, word, expected, value, memory_order_relaxed, memory_order_relaxed)
#define pawl_cas_weak_acquire(word, expected, value) \
	PAWL__CAS(weak, word, expected, value, memory_order_acquire, memory_order_acquire)
#define pawl_cas_weak_release(word, expected, value) \
	PAWL__CAS(weak, word, expected, value, memory_order_release, memory_order_relaxed)
#define pawl_cas_weak_acq_rel(word, expected, value) \
	PAWL__CAS(weak, word, expected, value, memory_order_acq_rel, memory_order_acquire)

#if defined(PAWL__TSAN) && !defined(PAWL_MC)
PAWL_API extern struct pawl_atomic_u32 pawl__tsan_fence_word;
#define pawl_fence_dekker()                                      \
	((void)pawl_add_acq_rel(&pawl__tsan_fence_word, 0u),     \
	 (void)pawl_add_acq_rel(&pawl__tsan_fence_word, 0u))
#else
#define pawl_fence_dekker() atomic_thread_fence(memory_order_seq_cst)
#endif

/*
 * pawl_pause() - One turn of a loop that waits for another thread's store.
 *
 * To the model checker this says "nothing changes until somebody writes what
 * this loop read": a loop without it is explored turn by turn.
 */
#if defined(PAWL_MC)
void mc_pause(void);
#define pawl_pause() mc_pause()
#elif defined(__x86_64__) || defined(__i386__)
#define pawl_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define pawl_pause() __asm__ __volatile__("isb" ::: "memory")
#else
#define pawl_pause() __asm__ __volatile__("" ::: "memory")
#endif

/*
 * PAWL_MC_STEP() - A step that the model checker may leave out, to prove that
 * a scenario fails without it: `if (PAWL_MC_STEP("recheck") && cond)`, or
 * `if (PAWL_MC_STEP("wake")) wake();`. Constant true outside the checker.
 */
#if defined(PAWL_MC)
bool mc_step(const char *name);
#define PAWL_MC_STEP(name) mc_step(name)
#else
#define PAWL_MC_STEP(name) true
#endif

#endif
