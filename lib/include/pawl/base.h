/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/base.h - what every Pawl header stands on: export and attribute
 * macros, the contract-check family, shared words, byte ranges.
 *
 * Conventions that hold for every call of Pawl and are said nowhere else:
 *  - a call that can fail returns 0 or a negative errno; out-parameters are
 *    called ret_..., come last, and are written only on success;
 *  - NULL means "absent", never "failed";
 *  - bad input (sizes, handles, data) gets an errno; a broken "Requires:" aborts
 *    where it is noticed (PAWL_REQUIRE), because going on would corrupt; a build
 *    with debug checks notices more;
 *  - no call is async-signal-safe unless it says so;
 *  - times are unsigned 64-bit nanoseconds of CLOCK_MONOTONIC; deadlines are
 *    absolute, PAWL_FOREVER means none.
 */
#ifndef PAWL_BASE_H
#define PAWL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PAWL_BEGIN_DECLS extern "C" {
#define PAWL_END_DECLS	 }
#define PAWL_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define PAWL_BEGIN_DECLS
#define PAWL_END_DECLS
#define PAWL_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

#define PAWL_API	      __attribute__((visibility("default")))
#define PAWL_MUST_CHECK	      __attribute__((warn_unused_result))
#define PAWL_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define PAWL_ALWAYS_INLINE    static inline __attribute__((always_inline))
#define PAWL_NOINLINE	      __attribute__((noinline))
#define PAWL_ALIGNED(bytes)   __attribute__((aligned(bytes)))

#define PAWL_LIKELY(cond)   __builtin_expect(!!(cond), 1)
#define PAWL_UNLIKELY(cond) __builtin_expect(!!(cond), 0)

/*
 * Words of different writers are kept this many bytes apart: two lines,
 * because x86 fetches lines in pairs and some arm64 lines are 128 bytes.
 */
#define PAWL_LINE_BYTES 128

#define PAWL_FOREVER UINT64_MAX

/* The struct of type `type` whose field `field` is at `ptr`. */
#define PAWL_CONTAINER_OF(ptr, type, field) \
	((type *)(void *)((char *)(ptr)-offsetof(type, field)))

PAWL_BEGIN_DECLS

/*
 * Shared words. A shared field of a public struct has one of these types;
 * in C the only way to touch one is the named-order calls of pawl/atomic.h,
 * so an access without a chosen order does not compile. C++ sees the same
 * size and alignment and leaves them alone.
 */
#ifdef __cplusplus
#define PAWL__SHARED(type) type
#else
#define PAWL__SHARED(type) _Atomic(type)
#endif
struct pawl_atomic_u32 {
	PAWL__SHARED(uint32_t) pawl_private;
};
struct pawl_atomic_u64 {
	PAWL__SHARED(uint64_t) pawl_private PAWL_ALIGNED(8);
};
struct pawl_atomic_ptr {
	PAWL__SHARED(void *) pawl_private;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_atomic_u32) == 4, "shared word size");
PAWL_STATIC_ASSERT(sizeof(struct pawl_atomic_u64) == 8, "shared word size");
PAWL_STATIC_ASSERT(sizeof(struct pawl_atomic_ptr) == sizeof(void *), "shared word size");

/* A borrowed byte range. */
struct pawl_slice {
	const void *ptr;
	size_t len;
};

/*
 * pawl__contract_broken() - Say on stderr which contract was broken and where, abort.
 *
 * Context: the one place where the library prints: the process is about to die.
 */
PAWL_API void pawl__contract_broken(const char *what, const char *file, int line,
				    const char *function) __attribute__((noreturn, cold));

/*
 * The caller broke the contract if `cond` does not hold. Stays in release
 * builds; `cond` must be cheap and free of side effects.
 */
#define PAWL_REQUIRE(cond)                                                               \
	(PAWL_LIKELY(cond) ? (void)0                                                     \
			   : pawl__contract_broken(#cond, __FILE__, __LINE__, __func__))

PAWL_END_DECLS

#endif
