/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-race.c - plain memory: data races, and plain accesses to words that are also atomic.
 *
 * Each 8 bytes of data, heap and stack have a cell with the accesses of this execution
 * that a later one may race with: thread, which bytes, kind, and how many events the thread
 * had done. An access races with a recorded one of another thread if they share a byte, one
 * of them writes, not both are atomic, and the recorded one is not in the new one's
 * happens-before prefix. (FastTrack's idea; Flanagan, Freund, PLDI 2009.) One execution of
 * a graph in any order that extends happens-before finds a race of that graph if it has
 * one. A cell holds eight accesses; a ninth takes the place of the oldest (approximation).
 *
 * A plain store to a word that has atomic accesses in this execution (initialisation of a
 * node that is used again, clang's atomic_init) becomes an event. Without a race it is
 * ordered by happens-before with all other accesses, so it adds no alternatives. A plain
 * load of such a word first puts into memory the value that is co-latest: without a race
 * that is the one it must see.
 */
#include <string.h>

#include "mc-internal.h"

#define RECORDS 8

struct record {
	uint32_t pc;
	uint16_t epoch;
	uint8_t tid, mask, kind, pad;
};
enum { K_READ = 0, K_WRITE = 1, K_ATOMIC = 2 };

struct cell {
	uint32_t run;
	uint16_t loc[2]; /* atomic words that begin in the two halves */
	uint8_t n, next;
	struct record rec[RECORDS];
};

extern char __data_start[], _end[];

static MC_STATE struct cell *arena_cells, *data_cells;
static MC_STATE uint64_t data_lo, data_hi;

void mc_race_init(void)
{
	data_lo = (uintptr_t)__data_start & ~7ull;
	data_hi = (uintptr_t)_end;
	arena_cells = mc_map(MC_ARENA_BYTES / 8 * sizeof(struct cell));
	data_cells = mc_map(((data_hi - data_lo) / 8 + 2) * sizeof(struct cell));
}

static struct cell *cell_of(uint64_t addr)
{
	struct cell *c;

	if (addr - MC_ARENA_BASE < MC_ARENA_BYTES)
		c = &arena_cells[(addr - MC_ARENA_BASE) >> 3];
	else if (addr - data_lo < data_hi - data_lo)
		c = &data_cells[(addr - data_lo) >> 3];
	else
		return NULL;
	if (c->run != mc_run_number) {
		c->run = mc_run_number;
		c->n = c->next = 0;
		c->loc[0] = c->loc[1] = 0;
	}
	return c;
}

static const char *kind_name(unsigned kind)
{
	static const char *const names[] = {"plain read", "plain write", "atomic read",
					    "atomic write", "free"};

	return names[kind];
}

/* bytes: mask within the cell. at: when, in events of the thread. */
static void check(struct cell *c, uint64_t addr, unsigned mask, unsigned kind, unsigned at,
		  const void *pc)
{
	struct mc_thread *t = mc_self();
	unsigned out = 0, me = mc_r->cur;

	for (unsigned i = 0; i < c->n; i++) {
		struct record *r = &c->rec[i];

		if (r->mask & mask && r->tid != me && (r->kind | kind) & K_WRITE &&
		    !(r->kind & kind & K_ATOMIC) && t->hb.c[r->tid] <= r->epoch)
			mc_fail_now(
				FAIL_RACE, pc,
				"%s at %#lx by thread %u is not ordered with the earlier %s "
				"by thread %u (pc %#x)",
				kind_name(kind), (unsigned long)addr, me, kind_name(r->kind),
				r->tid, r->pc);
		/* A later access of the same thread and kind stands for the earlier one. */
		if (r->tid == me && (r->mask & ~mask) == 0 &&
		    (r->kind == kind || kind == K_WRITE))
			continue;
		if (out != i)
			c->rec[out] = *r;
		out++;
	}
	c->n = (uint8_t)out;
	if (c->n == RECORDS) {
		out = c->next++ % RECORDS;
	} else {
		out = c->n++;
	}
	c->rec[out] = (struct record){.pc = (uint32_t)(uintptr_t)pc,
				      .epoch = (uint16_t)at,
				      .tid = (uint8_t)me,
				      .mask = (uint8_t)mask,
				      .kind = (uint8_t)kind};
}

static void check_range(uint64_t addr, unsigned long size, unsigned kind, unsigned at,
			const void *pc)
{
	while (size) {
		unsigned off = addr & 7, len = 8 - off;
		struct cell *c = cell_of(addr);

		if (len > size)
			len = (unsigned)size;
		if (c)
			check(c, addr, ((1u << len) - 1) << off, kind, at, pc);
		addr += len;
		size -= len;
	}
}

/* An event was executed: the thread has done it, so it is number done - 1. */
void mc_race_atomic(uint64_t addr, unsigned size, bool write, bool plain, const void *pc)
{
	struct cell *c = cell_of(addr);

	if (c)
		c->loc[addr >> 2 & 1] = mc_loc_get(addr, size, false, NULL);
	check_range(addr, size, (write ? K_WRITE : K_READ) | (plain ? 0 : K_ATOMIC),
		    mc_self()->done - 1u, pc);
}

void mc_race_free(uint64_t addr, unsigned long size, const void *pc)
{
	if (mc_mode == MODE_RUN)
		check_range(addr, size, K_WRITE, mc_self()->done, pc);
}

/* The store that a race-free plain read must see: co-latest of those hb-before it. */
static void refresh(unsigned loc)
{
	const struct mc_clock *hb = &mc_self()->hb;

	if (loc > mc_g->nloc)
		return;
	for (mc_eid w = mc_g->loc[loc].co_last; w != EID_INIT; w = mc_ev(mc_g, w)->co_prev) {
		const struct mc_ev *e = mc_ev(mc_g, w);

		if (mc_in(hb, e)) {
			mc_poke(mc_locs[loc].addr, mc_locs[loc].size, e->value);
			mc_in_memory(loc, e->value);
			return;
		}
	}
}

/*
 * The value of a plain store is not known in its hook. The store is over when the thread
 * comes to its next visible operation, and nobody else ran in between: it becomes an event
 * then.
 */
#define PENDING_MAX 32
static MC_STATE struct {
	uint16_t n, loc[PENDING_MAX];
} pending[MC_T];

void mc_plain_flush(void)
{
	unsigned me = mc_r->cur, n = pending[me].n;

	pending[me].n = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned loc = pending[me].loc[i];

		mc_store_plain(loc, mc_peek(mc_locs[loc].addr, mc_locs[loc].size), NULL);
	}
}

bool mc_plain_pending(void)
{
	return pending[mc_r->cur].n != 0;
}

static bool is_pending(unsigned loc)
{
	unsigned me = mc_r->cur;

	for (unsigned i = 0; i < pending[me].n; i++)
		if (pending[me].loc[i] == loc)
			return true;
	return false;
}

static void pend(unsigned loc)
{
	unsigned me = mc_r->cur;

	if (is_pending(loc))
		return;
	if (pending[me].n == PENDING_MAX)
		mc_fail_now(FAIL_MISUSE, NULL,
			    "too many plain stores to atomic words in a row");
	pending[me].loc[pending[me].n++] = (uint16_t)loc;
}

/*
 * gcc has no hook on a struct that a call returns: that shows on the thread's own stack, where a frame came in which an
 * earlier one had its words, as memory that is not what was last stored there.
 */
static bool is_overwritten(unsigned loc)
{
	uint64_t lo, hi;

	mc_own_stack(&lo, &hi);
	return mc_locs[loc].addr >= lo && mc_locs[loc].addr < hi && mc_loc_is_touched(loc) &&
	       !mc_loc_is_as_stored(loc);
}

void mc_plain(uint64_t addr, unsigned long size, bool write, const void *pc)
{
	if (mc_mode == MODE_OFF)
		return;
	if (mc_mode == MODE_PROBE) {
		uint64_t lo, hi;

		mc_own_stack(&lo, &hi);
		if (write && (addr < lo || addr >= hi))
			mc_probe_abort();
		return;
	}
	mc_heap_check(addr, size, write, pc);
	if (write)
		mc_dirty(addr, size);
	if (mc_mode != MODE_RUN)
		return;
	for (uint64_t a = addr & ~7ull; a < addr + size; a += 8) {
		struct cell *c = cell_of(a);

		if (!c)
			return;
		for (unsigned half = 0; half < 2; half++) {
			unsigned loc = c->loc[half];

			if (!loc || mc_locs[loc].addr >= addr + size ||
			    mc_locs[loc].addr + mc_locs[loc].size <= addr)
				continue;
			/*
			 * What is pending is in memory, and no event yet. Of a word that is
			 * written in part the rest is as it was: a frame that came where an
			 * earlier one had its words.
			 */
			if (!is_pending(loc) && is_overwritten(loc))
				pend(loc);
			if (!is_pending(loc) &&
			    (!write || mc_locs[loc].addr < addr ||
			     mc_locs[loc].addr + mc_locs[loc].size > addr + size))
				refresh(loc);
			if (write)
				pend(loc);
		}
	}
	check_range(addr, size, write ? K_WRITE : K_READ, mc_self()->done, pc);
}

void mc_race_new_run(void)
{
	/* Cells of earlier runs carry another run number. */
	for (unsigned t = 0; t < MC_T; t++)
		pending[t].n = 0;
}
