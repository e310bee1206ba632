/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-tsan.c - the hooks of -fsanitize=thread, as gcc 12 and clang 14 call them.
 *
 * The program's sources are compiled unchanged with the sanitizer's instrumentation and
 * linked with these functions in place of libtsan. The return address of a hook is the
 * access: it names the site for reports, coverage and mutants.
 *
 * gcc calls compare_exchange_strong and _weak, clang compare_exchange_val for both, so a
 * weak one never fails spuriously in a clang build.
 */
#include <string.h>

#include "mc-internal.h"

#define PC __builtin_return_address(0)

typedef unsigned __int128 u128;

void __tsan_init(void);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

static inline void plain(const void *addr, unsigned long size, bool write, const void *pc)
{
	mc_site_plain(pc);
	mc_plain((uintptr_t)addr, size, write, pc);
}

#define PLAIN(size)                                             \
	void __tsan_read##size(void *addr);                     \
	void __tsan_read##size(void *addr)                      \
	{                                                       \
		plain(addr, size, false, PC);                   \
	}                                                       \
	void __tsan_write##size(void *addr);                    \
	void __tsan_write##size(void *addr)                     \
	{                                                       \
		plain(addr, size, true, PC);                    \
	}                                                       \
	void __tsan_unaligned_read##size(void *addr);           \
	void __tsan_unaligned_read##size(void *addr)            \
	{                                                       \
		plain(addr, size, false, PC);                   \
	}                                                       \
	void __tsan_unaligned_write##size(void *addr);          \
	void __tsan_unaligned_write##size(void *addr)           \
	{                                                       \
		plain(addr, size, true, PC);                    \
	}                                                       \
	void __tsan_read_write##size(void *addr);               \
	void __tsan_read_write##size(void *addr)                \
	{                                                       \
		plain(addr, size, false, PC);                   \
		plain(addr, size, true, PC);                    \
	}                                                       \
	void __tsan_unaligned_read_write##size(void *addr);     \
	void __tsan_unaligned_read_write##size(void *addr)      \
	{                                                       \
		plain(addr, size, false, PC);                   \
		plain(addr, size, true, PC);                    \
	}                                                       \
	void __tsan_volatile_read##size(void *addr);            \
	void __tsan_volatile_read##size(void *addr)             \
	{                                                       \
		plain(addr, size, false, PC);                   \
	}                                                       \
	void __tsan_volatile_write##size(void *addr);           \
	void __tsan_volatile_write##size(void *addr)            \
	{                                                       \
		plain(addr, size, true, PC);                    \
	}                                                       \
	void __tsan_unaligned_volatile_read##size(void *addr);  \
	void __tsan_unaligned_volatile_read##size(void *addr)   \
	{                                                       \
		plain(addr, size, false, PC);                   \
	}                                                       \
	void __tsan_unaligned_volatile_write##size(void *addr); \
	void __tsan_unaligned_volatile_write##size(void *addr)  \
	{                                                       \
		plain(addr, size, true, PC);                    \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *addr, unsigned long size);
void __tsan_read_range(void *addr, unsigned long size)
{
	plain(addr, size, false, PC);
}
void __tsan_write_range(void *addr, unsigned long size);
void __tsan_write_range(void *addr, unsigned long size)
{
	plain(addr, size, true, PC);
}
void __tsan_vptr_update(void **addr, void *value);
void __tsan_vptr_update(void **addr, void *value)
{
	(void)value;
	plain(addr, sizeof(*addr), true, PC);
}
void __tsan_vptr_read(void **addr);
void __tsan_vptr_read(void **addr)
{
	plain(addr, sizeof(*addr), false, PC);
}

/* --- atomics --- */

#define FETCH(bits, type, name, op)                                                    \
	type __tsan_atomic##bits##_##name(volatile type *addr, type value, int order); \
	type __tsan_atomic##bits##_##name(volatile type *addr, type value, int order)  \
	{                                                                              \
		unsigned o = mc_site_order(PC, (unsigned)order, 'm');                  \
		return (type)mc_rmw((uintptr_t)addr, sizeof(type), op, value, o, PC);  \
	}

#define ATOMIC(bits, type)                                                                     \
	type __tsan_atomic##bits##_load(const volatile type *addr, int order);                 \
	type __tsan_atomic##bits##_load(const volatile type *addr, int order)                  \
	{                                                                                      \
		unsigned o = mc_site_order(PC, (unsigned)order, 'l');                          \
		return (type)mc_load((uintptr_t)addr, sizeof(type), o, PC);                    \
	}                                                                                      \
	void __tsan_atomic##bits##_store(volatile type *addr, type value, int order);          \
	void __tsan_atomic##bits##_store(volatile type *addr, type value, int order)           \
	{                                                                                      \
		unsigned o = mc_site_order(PC, (unsigned)order, 's');                          \
		mc_store((uintptr_t)addr, sizeof(type), value, o, PC);                         \
	}                                                                                      \
	FETCH(bits, type, exchange, RMW_XCHG)                                                  \
	FETCH(bits, type, fetch_add, RMW_ADD)                                                  \
	FETCH(bits, type, fetch_sub, RMW_SUB)                                                  \
	FETCH(bits, type, fetch_and, RMW_AND)                                                  \
	FETCH(bits, type, fetch_or, RMW_OR)                                                    \
	FETCH(bits, type, fetch_xor, RMW_XOR)                                                  \
	FETCH(bits, type, fetch_nand, RMW_NAND)                                                \
	static int cas##bits(volatile type *addr, type *expected, type value, int order,       \
			     int forder, bool weak, const void *pc)                            \
	{                                                                                      \
		uint64_t want = *expected;                                                     \
		unsigned o = mc_site_order(pc, (unsigned)order, 'c');                          \
		/* A weaker success order takes the failure order with it. */                  \
		unsigned f = o != (unsigned)order && !mo_acquires(o) ? MO_RELAXED              \
								     : (unsigned)forder;       \
		bool hit =                                                                     \
			mc_cas((uintptr_t)addr, sizeof(type), &want, value, o, f, weak, pc);   \
		if (!hit) {                                                                    \
			/* A plain store, as any. */                                           \
			mc_plain((uintptr_t)expected, sizeof(*expected), true, pc);            \
			*expected = (type)want;                                                \
		}                                                                              \
		return hit;                                                                    \
	}                                                                                      \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *addr, type *expected, \
							  type value, int order, int forder);  \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *addr, type *expected, \
							  type value, int order, int forder)   \
	{                                                                                      \
		return cas##bits(addr, expected, value, order, forder, false, PC);             \
	}                                                                                      \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *addr, type *expected,   \
							type value, int order, int forder);    \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *addr, type *expected,   \
							type value, int order, int forder)     \
	{                                                                                      \
		return cas##bits(addr, expected, value, order, forder, true, PC);              \
	}                                                                                      \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *addr, type expected,    \
							type value, int order, int forder);    \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *addr, type expected,    \
							type value, int order, int forder)     \
	{                                                                                      \
		cas##bits(addr, &expected, value, order, forder, false, PC);                   \
		return expected;                                                               \
	}

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	mc_fence(mc_site_order(PC, (unsigned)order, 'f'), PC);
}
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* --- memory functions --- */

void *__real_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
void *__real_memset(void *to, int c, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
void *__wrap_memset(void *to, int c, size_t n);

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	if (mc_mode != MODE_OFF && n) {
		plain(from, n, false, PC);
		plain(to, n, true, PC);
		mc_heap_copied((uintptr_t)to, (uintptr_t)from, n);
	}
	return __real_memcpy(to, from, n);
}

void *__wrap_memmove(void *to, const void *from, size_t n)
{
	if (mc_mode != MODE_OFF && n) {
		plain(from, n, false, PC);
		plain(to, n, true, PC);
		mc_heap_copied((uintptr_t)to, (uintptr_t)from, n);
	}
	return __real_memmove(to, from, n);
}

void *__wrap_memset(void *to, int c, size_t n)
{
	if (mc_mode != MODE_OFF && n)
		plain(to, n, true, PC);
	return __real_memset(to, c, n);
}
