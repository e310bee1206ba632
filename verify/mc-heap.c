/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-heap.c - the program's heap: deterministic, never reused, checked at each access.
 *
 * Each thread allocates from a region of its own by moving a pointer, so an address depends
 * on what that thread did before and on nothing else (R2 in mc-run.c). Blocks lie 32 bytes
 * or more apart. A map with one entry per 16 bytes leads from an address to its block, so
 * each instrumented access is checked against the block's size and state: beyond the end
 * and after the free are found at the access itself, whether or not the free is ordered
 * with it in the execution at hand; a free that is not ordered after an access that came
 * first is found as a race (mc_race_free).
 *
 * A bit for each byte tells whether the program ever wrote it. A load of up to eight bytes none
 * of which was written is an uninitialised read. (One that finds some written may be a bit-field
 * or the compiler looking at more than it was asked for; memcpy carries the bits along. A byte that is not as new
 * memory is counts as written, too: by libc, snprintf() say, or without a hook.)
 *
 * Leaks: a block that was allocated since setup began, is not freed at the end of finish,
 * and to which no word of the program's data or of another live block points (pools that
 * the library keeps are no leaks).
 */
#include <stdio.h>
#include <string.h>

#include "mc-internal.h"

#define GRANULES (MC_HEAP_BYTES / 16)
#define NEW_BYTE 0xa7 /* of memory that was not written */

extern char __data_start[], _end[], __start_mc_state[], __stop_mc_state[];

static MC_STATE struct mc_block (*blocks)[MC_BLOCKS];
static MC_STATE uint16_t (*map)[GRANULES]; /* block number + 1 */
static MC_STATE uint16_t saved_count[MC_T];
static MC_STATE struct mc_block (*saved_blocks)[MC_BLOCKS];
static MC_STATE char *saved_heap[MC_T];
static MC_STATE size_t saved_bytes[MC_T];
static MC_STATE uint8_t *written, *saved_written; /* a bit a byte */

static uint64_t base(unsigned t)
{
	return MC_ARENA_BASE + (uint64_t)t * MC_HEAP_BYTES;
}

void mc_heap_init(void)
{
	if (!blocks) {
		blocks = mc_map(sizeof(*blocks) * MC_T);
		saved_blocks = mc_map(sizeof(*blocks) * MC_T);
		map = mc_map(sizeof(*map) * MC_T);
		written = mc_map((size_t)MC_T * MC_HEAP_BYTES / 8);
		saved_written = mc_map((size_t)MC_T * MC_HEAP_BYTES / 8);
		for (unsigned t = 0; t < MC_T; t++)
			saved_heap[t] = mc_map(MC_HEAP_BYTES);
	}
}

static bool in_heap(uint64_t addr, unsigned long size)
{
	return addr >= MC_ARENA_BASE && addr + size <= MC_STACKS_BASE;
}

static bool is_written(uint64_t addr)
{
	uint64_t i = addr - MC_ARENA_BASE;

	return written[i / 8] >> i % 8 & 1;
}

static void mark(uint64_t addr, unsigned long size, bool value)
{
	for (uint64_t i = addr - MC_ARENA_BASE; size; i++, size--) {
		if (i % 8 == 0 && size >= 8) {
			memset(&written[i / 8], value ? 0xff : 0, size / 8);
			i += size / 8 * 8 - 1;
			size = size % 8 + 1;
		} else if (value) {
			written[i / 8] |= (uint8_t)(1u << i % 8);
		} else {
			written[i / 8] &= (uint8_t)~(1u << i % 8);
		}
	}
}

void mc_heap_written(uint64_t addr, unsigned long size)
{
	if (in_heap(addr, size))
		mark(addr, size, true);
}

/* After a copy: what was not written there is not written here. */
void mc_heap_copied(uint64_t to, uint64_t from, unsigned long size)
{
	if (!in_heap(to, size))
		return;
	for (unsigned long i = 0; i < size; i++)
		mark(to + i, 1, !in_heap(from, size) || is_written(from + i));
}

void *mc_heap_alloc(size_t size, size_t align, const void *pc)
{
	struct mc_thread *t = mc_self();
	unsigned tid = mc_r->cur;
	uint64_t at = t->heap_next;

	if (align < 16)
		align = 16;
	at = (at + align - 1) & ~(uint64_t)(align - 1);
	if (t->blocks + 1 >= MC_BLOCKS || at + size + 64 > base(tid) + MC_HEAP_BYTES)
		return NULL;
	struct mc_block *b = &blocks[tid][t->blocks];

	*b = (struct mc_block){.addr = at, .size = (uint32_t)size, .state = 1, .alloc_pc = pc};
	t->blocks++;
	for (uint64_t p = at; p < at + (size ? size : 1); p += 16)
		map[tid][(p - base(tid)) / 16] = t->blocks;
	t->heap_next = ((at + size + 15) & ~15ull) + 32;
	/* New memory looks like nothing in particular, and the same in each execution. */
	memset((void *)(uintptr_t)at, NEW_BYTE, size);
	mark(at, size, false);
	return (void *)(uintptr_t)at;
}

static struct mc_block *find(uint64_t addr)
{
	if (addr < MC_ARENA_BASE || addr >= MC_STACKS_BASE)
		return NULL;
	unsigned t = (unsigned)((addr - MC_ARENA_BASE) / MC_HEAP_BYTES);
	unsigned n = map[t][(addr - base(t)) / 16];

	/* Entries of an earlier execution are beyond this one's count. */
	if (!n || n > mc_r->th[t].blocks)
		return NULL;
	struct mc_block *b = &blocks[t][n - 1];

	return addr >= b->addr && addr < ((b->addr + b->size + 15) & ~15ull) ? b : NULL;
}

const struct mc_block *mc_heap_find(uint64_t addr)
{
	return find(addr);
}

size_t mc_heap_size(const void *ptr)
{
	const struct mc_block *b = find((uintptr_t)ptr);

	return b ? b->size : 0;
}

void mc_heap_free(void *ptr, const void *pc)
{
	struct mc_block *b = find((uintptr_t)ptr);

	if (!b || b->addr != (uintptr_t)ptr)
		mc_fail_now(FAIL_INVALID_FREE, pc, "free of %p, which is no block", ptr);
	if (b->state == 2)
		mc_fail_now(FAIL_DOUBLE_FREE, pc, "free of %p, which thread %u freed already", ptr,
			    b->freed_by);
	mc_race_free(b->addr, b->size, pc);
	b->state = 2;
	b->freed_by = (uint8_t)mc_r->cur;
	b->free_pc = pc;
}

void mc_heap_check(uint64_t addr, unsigned long size, bool write, const void *pc)
{
	if (addr < MC_ARENA_BASE || addr >= MC_STACKS_BASE) {
		if (addr < 4096)
			mc_fail_now(FAIL_CRASH, pc, "%s of %lu bytes at %#lx",
				    write ? "write" : "read", size, (unsigned long)addr);
		return;
	}
	const struct mc_block *b = find(addr);

	if (!b || addr + size > b->addr + b->size) {
		/* A wide look at the words around a field is the compiler's business, not ours. */
		mc_fail_now(FAIL_OUT_OF_BOUNDS, pc, "%s of %lu bytes at %#lx, outside any block",
			    write ? "write" : "read", size, (unsigned long)addr);
	}
	if (b->state == 2)
		mc_fail_now(FAIL_UAF, pc, "%s of %lu bytes at %#lx, %lu bytes into a block of %u "
			    "bytes that thread %u freed",
			    write ? "write" : "read", size, (unsigned long)addr,
			    (unsigned long)(addr - b->addr), b->size, b->freed_by);
	if (write) {
		mark(addr, size, true);
		return;
	}
	/* gcc has no hook where a function builds the structure that it returns, in the place it goes to. */
	for (unsigned long i = 0; i < size; i++)
		if (size > 8 || is_written(addr + i) ||
		    *(const uint8_t *)(uintptr_t)(addr + i) != NEW_BYTE)
			return;
	mc_fail_now(FAIL_UNINITIALISED, pc, "read of %lu bytes at %#lx, %lu bytes into a block of %u "
		    "bytes, where nothing was written", size, (unsigned long)addr,
		    (unsigned long)(addr - b->addr), b->size);
}

/* --- leaks --- */

static MC_STATE bool marked[MC_T][MC_BLOCKS];
static MC_STATE struct mc_block *todo[MC_T * 64];
static MC_STATE unsigned ntodo;

static void scan(const void *from, const void *to)
{
	const uint64_t *p = (const uint64_t *)(((uintptr_t)from + 7) & ~(uintptr_t)7);

	for (; (const void *)(p + 1) <= to; p++) {
		struct mc_block *b = find(*p);

		if (!b || b->state != 1)
			continue;
		unsigned t = (unsigned)((b->addr - MC_ARENA_BASE) / MC_HEAP_BYTES);
		unsigned n = (unsigned)(b - blocks[t]);

		if (marked[t][n] || ntodo == sizeof(todo) / sizeof(todo[0]))
			continue;
		marked[t][n] = true;
		todo[ntodo++] = b;
	}
}

/* False, with the failure noted, if a block leaked. */
bool mc_heap_leaks(void)
{
	unsigned live = 0;

	for (unsigned t = 0; t < mc_r->nthreads; t++)
		for (unsigned i = 0; i < mc_r->th[t].blocks; i++) {
			live += blocks[t][i].state == 1;
			marked[t][i] = false;
		}
	if (!live)
		return true;
	ntodo = 0;
	if ((uintptr_t)__start_mc_state >= (uintptr_t)__data_start &&
	    (uintptr_t)__stop_mc_state <= (uintptr_t)_end) {
		scan(__data_start, __start_mc_state);
		scan(__stop_mc_state, _end);
	} else {
		scan(__data_start, _end);
	}
	for (unsigned t = 0; t < mc_r->nthreads; t++) {
		struct mc_thread *th = &mc_r->th[t];

		if (th->state != TH_ENDED && th->stack)
			scan(th->sp, th->stack + MC_STACK_BYTES);
		scan(&th->tls, &th->tls + 1);
		scan(th->keys, th->keys + MC_KEYS);
	}
	while (ntodo) {
		struct mc_block *b = todo[--ntodo];

		scan((void *)(uintptr_t)b->addr, (void *)(uintptr_t)(b->addr + b->size));
	}
	for (unsigned t = 0; t < mc_r->nthreads; t++)
		for (unsigned i = 0; i < mc_r->th[t].blocks; i++) {
			const struct mc_block *b = &blocks[t][i];

			if (b->state != 1 || marked[t][i])
				continue;
			mc_failure.kind = FAIL_LEAK;
			mc_failure.thread = t;
			mc_failure.pc = b->alloc_pc;
			snprintf(mc_failure.text, sizeof(mc_failure.text),
				 "a block of %u bytes at %#lx is never freed (allocated by thread %u)",
				 b->size, (unsigned long)b->addr, t);
			return false;
		}
	return true;
}

/* --- snapshot --- */

void mc_heap_snapshot(void)
{
	for (unsigned t = 0; t < MC_T; t++) {
		saved_count[t] = 0;
		saved_bytes[t] = 0;
		if (t >= mc_r->nthreads || !mc_r->th[t].blocks)
			continue;
		saved_count[t] = mc_r->th[t].blocks;
		saved_bytes[t] = (size_t)(mc_r->th[t].heap_next - base(t));
		memcpy(saved_blocks[t], blocks[t], saved_count[t] * sizeof(blocks[t][0]));
		memcpy(saved_heap[t], (void *)(uintptr_t)base(t), saved_bytes[t]);
		memcpy(saved_written + t * (MC_HEAP_BYTES / 8), written + t * (MC_HEAP_BYTES / 8),
		       saved_bytes[t] / 8 + 1);
	}
}

void mc_heap_restore(void)
{
	for (unsigned t = 0; t < MC_T; t++) {
		if (!saved_count[t])
			continue;
		memcpy(blocks[t], saved_blocks[t], saved_count[t] * sizeof(blocks[t][0]));
		memcpy((void *)(uintptr_t)base(t), saved_heap[t], saved_bytes[t]);
		memcpy(written + t * (MC_HEAP_BYTES / 8), saved_written + t * (MC_HEAP_BYTES / 8),
		       saved_bytes[t] / 8 + 1);
	}
}
