/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.c - the one door to memory.
 *
 * The allocator table is chosen once: by the host before the first allocation, or
 * by the first allocation itself. The library links no allocator, for a library must
 * not replace its host's malloc; jemalloc's sized calls are weak references, which the
 * dynamic linker fills in when the process has them.
 *
 * Statistics are counted in lines of their own: the threads of the first slots
 * own one each and count with plain relaxed loads and stores, all others share one and pay a
 * read-modify-write. A slot changes hands under the registry's mutex (thread.c), which orders
 * the old owner's counts before the new owner's.
 *
 * Invariants:
 *  I1 the table changes only while state is OPEN or SETTING; whoever reads FROZEN (acquire)
 *     sees all of it.
 *  I2 state only goes OPEN -> SETTING -> FROZEN.
 *
 * Ordering:
 *  O1 freeze(): the table is written before state = FROZEN (release); pairs with the
 *     acquire in allocator().
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "check.h"
#include "thread-internal.h"

/* jemalloc's interface for sizes known at free; flags are log2 of the alignment. */
extern void *mallocx(size_t size, int flags) __attribute__((weak));
extern void sdallocx(void *ptr, size_t size, int flags) __attribute__((weak));

#define ALIGN_MIN _Alignof(max_align_t)

/* In debug builds new memory and freed memory look like nothing sensible. */
#define POISON_NEW   0xa5
#define POISON_FREED 0xdb

enum { OPEN, SETTING, FROZEN };

static struct pawl_atomic_u32 state;
static struct pawl_allocator table;

/*
 * Counters of one owner, or of all who have none. Written by the owner alone (or with RMW in
 * the shared one), read by stats_read. Relaxed everywhere: they order nothing.
 */
struct count_line {
	struct pawl_atomic_u64 allocated_bytes;
	struct pawl_atomic_u64 allocations;
	struct pawl_atomic_u64 freed_bytes;
	struct pawl_atomic_u64 frees;
	struct pawl_atomic_u64 failures;
} PAWL_ALIGNED(PAWL_LINE_BYTES);

#define OWNED_LINES 63
static struct count_line counts[OWNED_LINES + 1];

static void *libc_alloc(void *arg, size_t size, size_t align)
{
	void *ptr;

	(void)arg;
	if (align <= ALIGN_MIN)
		return malloc(size);
	return posix_memalign(&ptr, align, size) ? NULL : ptr;
}

static void libc_free(void *arg, void *ptr, size_t size, size_t align)
{
	(void)arg;
	(void)size;
	(void)align;
	free(ptr);
}

/*
 * All size classes of jemalloc from 16 bytes up are aligned to 16: asking for it would only
 * take the slower path.
 */
static int jemalloc_flags(size_t size, size_t align)
{
	return align <= ALIGN_MIN && size >= ALIGN_MIN ? 0 : __builtin_ctzl(align);
}

static void *jemalloc_alloc(void *arg, size_t size, size_t align)
{
	(void)arg;
	return mallocx(size, jemalloc_flags(size, align));
}

static void jemalloc_free(void *arg, void *ptr, size_t size, size_t align)
{
	(void)arg;
	sdallocx(ptr, size, jemalloc_flags(size, align));
}

/* Returns false if somebody else froze the table before. */
static bool freeze(const struct pawl_allocator *allocator)
{
	uint32_t was = OPEN;

	if (!pawl_cas_relaxed(&state, &was, SETTING))
		return false;
	table = *allocator;
	pawl_store_release(&state, FROZEN); /* O1 */
	return true;
}

static PAWL_NOINLINE void freeze_default(void)
{
	static const struct pawl_allocator libc_table = {
		sizeof(struct pawl_allocator), libc_alloc, libc_free, NULL};
	static const struct pawl_allocator jemalloc_table = {
		sizeof(struct pawl_allocator), jemalloc_alloc, jemalloc_free, NULL};

	if (!freeze(mallocx && sdallocx ? &jemalloc_table : &libc_table)) {
		/* Whoever is SETTING copies four words: this ends at once. */
		while (pawl_load_acquire(&state) != FROZEN)
			pawl_pause();
	}
}

static inline const struct pawl_allocator *allocator(void)
{
	if (PAWL_UNLIKELY(pawl_load_acquire(&state) != FROZEN)) /* O1 */
		freeze_default();
	return &table;
}

int pawl_mem_set_allocator(const struct pawl_allocator *chosen)
{
	PAWL_REQUIRE(chosen);
	if (chosen->size != sizeof(*chosen))
		return chosen->size < sizeof(*chosen) ? -EINVAL : -E2BIG;
	if (!chosen->alloc || !chosen->free)
		return -EINVAL;
	return freeze(chosen) ? 0 : -EBUSY;
}

static inline struct count_line *own_line(bool *ret_shared)
{
	const struct pawl__thread *self = pawl__self();

	PAWL_ASSERT(!(self && self->callback_depth) && "a map's callback calls nothing of Pawl");
	if (PAWL_LIKELY(self && self->slot < OWNED_LINES)) {
		*ret_shared = false;
		return &counts[self->slot];
	}
	*ret_shared = true;
	return &counts[OWNED_LINES];
}

static inline void count(struct pawl_atomic_u64 *word, uint64_t by, bool shared)
{
	if (shared)
		pawl_add_relaxed(word, by);
	else
		pawl_store_relaxed(word, pawl_load_relaxed(word) + by);
}

void *pawl_mem_alloc(size_t size, size_t align)
{
	const struct pawl_allocator *from = allocator();
	struct count_line *line;
	bool shared;
	void *ptr;

	if (!align)
		align = ALIGN_MIN;
	PAWL_REQUIRE(!(align & (align - 1)));
	if (!size || size > PTRDIFF_MAX || align > PTRDIFF_MAX)
		return NULL;
	if (align < ALIGN_MIN)
		align = ALIGN_MIN;
	ptr = from->alloc(from->arg, size, align);
	line = own_line(&shared);
	if (PAWL_UNLIKELY(!ptr)) {
		count(&line->failures, 1, shared);
		return NULL;
	}
	count(&line->allocated_bytes, size, shared);
	count(&line->allocations, 1, shared);
	if (PAWL_DEBUG_BUILD)
		memset(ptr, POISON_NEW, size);
	return ptr;
}

void *pawl_mem_zalloc(size_t size, size_t align)
{
	void *ptr = pawl_mem_alloc(size, align);

	return ptr ? memset(ptr, 0, size) : NULL;
}

void pawl_mem_free(void *ptr, size_t size, size_t align)
{
	const struct pawl_allocator *to = &table;
	struct count_line *line;
	bool shared;

	if (!ptr)
		return;
	if (align < ALIGN_MIN)
		align = ALIGN_MIN;
	if (PAWL_DEBUG_BUILD)
		memset(ptr, POISON_FREED, size);
	line = own_line(&shared);
	count(&line->freed_bytes, size, shared);
	count(&line->frees, 1, shared);
	/* The block came from the table, so the table is frozen (I1). */
	to->free(to->arg, ptr, size, align);
}

void pawl_mem_stats_read(struct pawl_mem_stats *ret_stats)
{
	uint64_t allocated = 0, allocations = 0, freed = 0, frees = 0, failures = 0;

	/* Frees first: a block that is freed meanwhile then counts as held, never as less than 0. */
	for (unsigned i = 0; i <= OWNED_LINES; i++) {
		freed += pawl_load_relaxed(&counts[i].freed_bytes);
		frees += pawl_load_relaxed(&counts[i].frees);
	}
	for (unsigned i = 0; i <= OWNED_LINES; i++) {
		allocated += pawl_load_relaxed(&counts[i].allocated_bytes);
		allocations += pawl_load_relaxed(&counts[i].allocations);
		failures += pawl_load_relaxed(&counts[i].failures);
	}
	memset(ret_stats->reserved, 0, sizeof(ret_stats->reserved));
	/* Relaxed loads may still see a free before its allocation on some machines. */
	ret_stats->bytes = allocated > freed ? allocated - freed : 0;
	ret_stats->blocks = allocations > frees ? allocations - frees : 0;
	ret_stats->allocations = allocations;
	ret_stats->failures = failures;
}
