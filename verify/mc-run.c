/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-run.c - one execution: fibres, quiet stretches, replay of a graph, restore of memory.
 *
 * An execution has three parts. Setup and the attach of each thread run *quietly*: one
 * fibre at a time, each until it blocks, with plain memory and no events. That part is run
 * once per scenario; then all memory of the program is copied, and every later execution
 * starts from the copy: the writable data of the program but for the section mc_state, the
 * heap in use, and of each fibre the bytes above its stack pointer (mc-fiber.c).
 * In the second part the fibres follow the graph. Last come detach and finish, quietly, in
 * the memory that the graph leaves.
 *
 * R1  While replaying, a thread runs until it needs an event of another thread that was
 *     not executed yet, or until the graph has no more events for it. porf is acyclic, so
 *     this ends. Plain memory comes out right because threads advance in an order that
 *     extends porf, which includes happens-before: what a race-free program reads was
 *     written.
 * R2  Addresses are the same in every execution: a fibre's stack and the heap of a thread
 *     are at fixed places, and memory is not handed out again within an execution.
 *
 * Probing an await: at mc_pause() the thread's stack is copied and the thread is let run
 * one more turn in which each atomic load returns what the same location returned last.
 * If it comes back to the same pause with the same stack and registers, and without any
 * effect outside its stack, then it waits for one of the locations it read. Otherwise the
 * copy is put back and the thread goes on as if nothing had been tried.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mc-internal.h"

extern char __data_start[], _end[];
extern char __start_mc_state[], __stop_mc_state[];

int pawl_thread_attach(const char *name) __attribute__((weak));
void pawl_thread_detach(void) __attribute__((weak));
void pawl_rcu_idle_enter(void) __attribute__((weak));
void pawl_rcu_idle_leave(void) __attribute__((weak));

MC_STATE struct mc_run *mc_r;
MC_STATE enum mc_mode mc_mode;
MC_STATE struct mc_failure mc_failure;
MC_STATE const struct mc_scenario *mc_scenario;
MC_STATE uint32_t mc_run_number;
MC_STATE uint64_t mc_quiet_steps;
MC_STATE int (*mc_pick)(void);
MC_STATE enum mc_visit (*mc_visit_block)(unsigned tid, unsigned tail);
MC_STATE enum mc_visit (*mc_visit_op)(unsigned tid, const struct mc_ask *op);

static MC_STATE void *sched_sp;
static MC_STATE bool on_fibre;
static MC_STATE enum mc_end run_end;
MC_STATE unsigned mc_main_tid;

static MC_STATE struct mc_run *saved_run;
static MC_STATE struct region {
	char *at, *copy;
	size_t bytes;
} regions[2 + MC_T];
static MC_STATE unsigned nregions, ndata; /* the first ndata are .data and .bss */

static MC_STATE char *probe_copy;
static MC_STATE size_t probe_bytes;
static MC_STATE void *probe_sp;
static MC_STATE uint16_t probe_seq[64];
static MC_STATE unsigned probe_len;

void *mc_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		_exit(2);
	}
	return p;
}

static char *stack_of(unsigned t)
{
	return (char *)(uintptr_t)(MC_STACKS_BASE + (uint64_t)t * MC_STACK_BYTES);
}

void mc_own_stack(uint64_t *ret_lo, uint64_t *ret_hi)
{
	*ret_lo = MC_STACKS_BASE + (uint64_t)mc_r->cur * MC_STACK_BYTES;
	*ret_hi = *ret_lo + MC_STACK_BYTES;
}

/* --- switching --- */

static void resume(unsigned t)
{
	struct mc_thread *th = &mc_r->th[t];

	mc_r->cur = (uint16_t)t;
	th->state = TH_READY;
	errno = th->saved_errno;
	on_fibre = true;
	mc_switch(&sched_sp, th->sp);
	on_fibre = false;
	th->saved_errno = errno;
}

void mc_yield(unsigned state)
{
	struct mc_thread *th = mc_self();

	th->state = (uint8_t)state;
	mc_switch(&th->sp, sched_sp);
}

void mc_end_run(enum mc_end how)
{
	run_end = how;
	mc_yield(TH_READY);
	abort();
}

void mc_probe_abort(void)
{
	mc_self()->pure = false;
	mc_yield(TH_PROBED);
	abort();
}

void mc_fail_now(enum mc_fail_kind kind, const void *pc, const char *fmt, ...)
{
	va_list ap;

	if (mc_mode == MODE_PROBE && on_fibre)
		mc_probe_abort();
	va_start(ap, fmt);
	mc_failure.kind = kind;
	mc_failure.thread = mc_r ? mc_r->cur : 0;
	mc_failure.pc = pc;
	vsnprintf(mc_failure.text, sizeof(mc_failure.text), fmt, ap);
	va_end(ap);
	if (!on_fibre) {
		fprintf(stderr, "model checker: %s\n", mc_failure.text);
		_exit(2);
	}
	mc_end_run(END_FAILED);
}

static void fibre_main(void)
{
	struct mc_thread *t = mc_self();

	if (t->scenario) {
		bool attach = !mc_scenario->bare && pawl_thread_attach;
		char name[16];

		snprintf(name, sizeof(name), "t%u", t->number);
		if (attach && pawl_thread_attach(name) != 0)
			mc_fail_now(FAIL_ASSERTION, NULL, "pawl_thread_attach fails");
		mc_yield(TH_PARKED);
		mc_scenario->threads[t->number]();
		/* Who has nothing more to do is not waited for: qsbr has to be told. */
		if (attach && mc_rcu_qsbr)
			pawl_rcu_idle_enter();
		t = mc_self();
		t->body_done = true;
		mc_yield(TH_PARKED);
		if (attach && mc_rcu_qsbr)
			pawl_rcu_idle_leave();
		if (attach)
			pawl_thread_detach();
	} else {
		mc_thread_body();
	}
	for (;;)
		mc_yield(TH_ENDED);
}

static void main_main(void)
{
	if (mc_scenario->setup)
		mc_scenario->setup();
	mc_yield(TH_PARKED);
	if (mc_scenario->finish)
		mc_scenario->finish();
	for (;;)
		mc_yield(TH_ENDED);
}

static unsigned thread_slot(void (*entry)(void))
{
	unsigned t = mc_r->nthreads;

	if (t >= MC_T)
		mc_fail_now(FAIL_MISUSE, NULL, "more than %d threads", MC_T);
	mc_r->nthreads++;
	struct mc_thread *th = &mc_r->th[t];

	memset(th, 0, sizeof(*th));
	th->stack = stack_of(t);
	th->sp = mc_fiber_init(th->stack, MC_STACK_BYTES, entry);
	th->state = TH_READY;
	th->heap_next = MC_ARENA_BASE + (uint64_t)t * MC_HEAP_BYTES + 64;
	th->open_op = -1;
	return t;
}

/*
 * Threads created while the scenario runs: who creates one, and as which of those that it
 * creates, decides its number, so that it is the same in each execution.
 */
static MC_STATE struct {
	uint16_t by, nth, tid;
} created[64];
static MC_STATE unsigned ncreated, slots_after_setup;

static unsigned slot_in_run(void)
{
	unsigned i = 0, tid = slots_after_setup, nth = mc_self()->creations++;

	while (i < ncreated && (created[i].by != mc_r->cur || created[i].nth != nth)) {
		if (created[i].tid >= tid)
			tid = created[i].tid + 1u;
		i++;
	}
	if (i == ncreated) {
		if (ncreated == sizeof(created) / sizeof(created[0]))
			mc_fail_now(FAIL_MISUSE, NULL, "threads are created in too many ways");
		created[ncreated].by = mc_r->cur;
		created[ncreated].nth = (uint16_t)nth;
		created[ncreated++].tid = (uint16_t)tid;
	}
	tid = created[i].tid;

	unsigned n = mc_r->nthreads;

	while (mc_r->nthreads <= tid && mc_r->nthreads < MC_T)
		memset(&mc_r->th[mc_r->nthreads++], 0, sizeof(mc_r->th[0]));
	if (n <= tid)
		n = mc_r->nthreads;
	mc_r->nthreads = (uint16_t)tid;
	thread_slot(fibre_main);
	mc_r->nthreads = (uint16_t)n;
	return tid;
}

int mc_thread_new(void *(*start)(void *), void *arg)
{
	unsigned t = mc_mode == MODE_RUN ? slot_in_run() : thread_slot(fibre_main);

	mc_r->th[t].start = start;
	mc_r->th[t].arg = arg;
	return (int)t;
}

/* --- quiet stretches --- */

/* Run thread t until it reaches `until`, and others whenever it blocks. */
static bool quiet_until(unsigned t, unsigned until)
{
	mc_mode = MODE_QUIET;
	for (;;) {
		uint64_t steps = mc_quiet_steps;

		resume(t);
		if (run_end)
			return false;
		if (mc_r->th[t].state == until || mc_r->th[t].state == TH_ENDED)
			return true;
		bool progress = mc_quiet_steps != steps;

		for (unsigned u = 0; u < mc_r->nthreads; u++) {
			if (u == t || mc_r->th[u].state == TH_PARKED ||
			    mc_r->th[u].state == TH_NONE || mc_r->th[u].state == TH_ENDED ||
			    mc_r->th[u].scenario)
				continue;
			progress |= mc_r->th[u].state == TH_READY;
			steps = mc_quiet_steps;
			resume(u);
			if (run_end)
				return false;
			progress |= mc_quiet_steps != steps || mc_r->th[u].state == TH_ENDED;
		}
		if (!progress) {
			mc_r->cur = (uint16_t)t;
			mc_failure = (struct mc_failure){
				FAIL_DEADLOCK, t, NULL,
				"setup, attach, detach or finish waits for ever"};
			run_end = END_FAILED;
			return false;
		}
	}
}

/* Let the library's threads run until they wait. */
static bool quiet_settle(void)
{
	mc_mode = MODE_QUIET;
	for (bool progress = true; progress;) {
		progress = false;
		for (unsigned u = 0; u < mc_r->nthreads; u++) {
			uint64_t steps = mc_quiet_steps;

			if (mc_r->th[u].scenario || mc_r->th[u].state == TH_PARKED ||
			    mc_r->th[u].state == TH_NONE || mc_r->th[u].state == TH_ENDED)
				continue;
			resume(u);
			if (run_end)
				return false;
			progress |= mc_quiet_steps != steps;
		}
	}
	return true;
}

/* --- snapshot --- */

static void add_region(char *from, char *to)
{
	if (to <= from)
		return;
	regions[nregions].at = from;
	regions[nregions].bytes = (size_t)(to - from);
	regions[nregions].copy = mc_map(regions[nregions].bytes);
	memcpy(regions[nregions].copy, from, regions[nregions].bytes);
	nregions++;
}

static void add_data(void)
{
	if ((uintptr_t)__start_mc_state >= (uintptr_t)__data_start &&
	    (uintptr_t)__stop_mc_state <= (uintptr_t)_end) {
		add_region(__data_start, __start_mc_state);
		add_region(__stop_mc_state, _end);
	} else {
		add_region(__data_start, _end);
	}
}

static void drop_regions(void)
{
	while (nregions) {
		nregions--;
		munmap(regions[nregions].copy, regions[nregions].bytes);
	}
}

/*
 * The data is large and an execution writes little of it: the hooks tell which pieces. What
 * the hooks do not see (libc writing to a global by itself) would be missed, so the first
 * executions compare all of it, and if they find a difference all of it is copied each time.
 */
#define PIECE_SHIFT 8
#define PIECES	    (1u << 20)
static MC_STATE uint32_t *dirty;
static MC_STATE unsigned ndirty;
static MC_STATE uint8_t *is_dirty;
static MC_STATE bool dirty_all;

void mc_dirty(uint64_t addr, unsigned long size)
{
	uint64_t lo = (uintptr_t)__data_start & ~((1ull << PIECE_SHIFT) - 1);

	if (addr < lo || addr >= (uintptr_t)_end || !is_dirty)
		return;
	for (uint64_t p = (addr - lo) >> PIECE_SHIFT;
	     p <= (addr + size - 1 - lo) >> PIECE_SHIFT; p++)
		if (p < PIECES && !is_dirty[p]) {
			is_dirty[p] = 1;
			dirty[ndirty++] = (uint32_t)p;
		}
}

static void restore_piece(const struct region *r, uintptr_t from, uintptr_t to)
{
	uintptr_t at = (uintptr_t)r->at, end = at + r->bytes;

	if (from < at)
		from = at;
	if (to > end)
		to = end;
	if (from < to)
		memcpy((void *)from, r->copy + (from - at), to - from);
}

static void restore_regions(void)
{
	uintptr_t lo = (uintptr_t)__data_start & ~((1ull << PIECE_SHIFT) - 1);

	for (unsigned d = 0; d < ndirty; d++) {
		uintptr_t from = lo + ((uintptr_t)dirty[d] << PIECE_SHIFT);

		for (unsigned i = 0; i < ndata; i++)
			restore_piece(&regions[i], from, from + (1u << PIECE_SHIFT));
		is_dirty[dirty[d]] = 0;
	}
	ndirty = 0;
	for (unsigned i = 0; i < ndata && mc_stats.replays < 16; i++)
		if (memcmp(regions[i].at, regions[i].copy, regions[i].bytes))
			dirty_all = true;
	for (unsigned i = dirty_all ? 0 : ndata; i < nregions; i++)
		memcpy(regions[i].at, regions[i].copy, regions[i].bytes);
}

void mc_run_init(void)
{
	void *p =
		mmap((void *)(uintptr_t)MC_ARENA_BASE, MC_ARENA_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (void *)(uintptr_t)MC_ARENA_BASE) {
		perror("mmap of the arena");
		_exit(2);
	}
	mc_r = mc_map(sizeof(*mc_r));
	saved_run = mc_map(sizeof(*saved_run));
	mc_g = mc_map(sizeof(*mc_g));
	probe_copy = mc_map(MC_STACK_BYTES);
}

/*
 * The bytes of the program as they were before the first scenario: setup of the next one
 * starts from them.
 */
static MC_STATE struct region pristine[2];
static MC_STATE unsigned npristine;

bool mc_run_prepare(void)
{
	if (!npristine) {
		add_data();
		memcpy(pristine, regions, sizeof(pristine));
		npristine = nregions;
		nregions = 0;
	} else {
		drop_regions();
		for (unsigned i = 0; i < npristine; i++)
			memcpy(pristine[i].at, pristine[i].copy, pristine[i].bytes);
	}
	memset(mc_r, 0, sizeof(*mc_r));
	memset(&mc_failure, 0, sizeof(mc_failure));
	mc_heap_init();
	mc_run_number++;
	run_end = END_NONE;
	mc_order_len = 0;
	mc_graph_reset(mc_g);
	mc_notes_reset();

	unsigned n = 0;

	while (n < MC_THREADS_MAX && mc_scenario->threads[n]) {
		unsigned t = thread_slot(fibre_main);

		mc_r->th[t].scenario = true;
		mc_r->th[t].number = (uint8_t)n;
		mc_r->th[t].state = TH_PARKED;
		n++;
	}
	mc_main_tid = thread_slot(main_main);
	if (!quiet_until(mc_main_tid, TH_PARKED))
		return false;
	for (unsigned t = 0; t < n; t++)
		if (!quiet_until(t, TH_PARKED))
			return false;
	if (!quiet_settle())
		return false;
	mc_mode = MODE_OFF;
	for (unsigned l = 1; l <= mc_nlocs; l++)
		mc_r->object_value[l] &= mc_queue_mask(l);
	memcpy(saved_run, mc_r, sizeof(*mc_r));
	add_data();
	ndata = nregions;
	dirty = dirty ? dirty : mc_map(PIECES * sizeof(*dirty));
	is_dirty = is_dirty ? is_dirty : mc_map(PIECES);
	memset(is_dirty, 0, PIECES);
	ndirty = 0;
	dirty_all = ((size_t)(_end - __data_start) >> PIECE_SHIFT) >= PIECES;
	for (unsigned t = 0; t < mc_r->nthreads; t++) {
		struct mc_thread *th = &mc_r->th[t];

		if (th->state != TH_ENDED)
			add_region(th->sp, th->stack + MC_STACK_BYTES);
	}
	mc_heap_snapshot();
	slots_after_setup = mc_r->nthreads;
	ncreated = 0;
	return true;
}

static void restore(void)
{
	restore_regions();
	mc_heap_restore();
	mc_r->nthreads = saved_run->nthreads;
	memcpy(mc_r->th, saved_run->th, saved_run->nthreads * sizeof(mc_r->th[0]));
	/* Those that the last execution made and this one has not yet: nothing of theirs was executed. */
	for (unsigned t = saved_run->nthreads; t < MC_T; t++)
		mc_r->th[t].done = 0;
	memcpy(mc_r->object_value, saved_run->object_value,
	       (mc_nlocs + 1u) * sizeof(mc_r->object_value[0]));
	memcpy(mc_r->key_dtor, saved_run->key_dtor, sizeof(mc_r->key_dtor));
	memcpy(mc_r->key_used, saved_run->key_used, sizeof(mc_r->key_used));
	mc_r->fork_child = saved_run->fork_child;
	mc_r->nhist = saved_run->nhist;
	memcpy(mc_r->hist, saved_run->hist, saved_run->nhist * sizeof(mc_r->hist[0]));
}

/* --- probing --- */

uint64_t mc_probe_load(unsigned loc)
{
	for (unsigned i = mc_self()->done; i-- > 0;) {
		const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, i));

		if (e->kind == EV_WRITE)
			break;
		if (e->kind != EV_READ || e->loc != loc)
			continue;
		if (probe_len == sizeof(probe_seq) / sizeof(probe_seq[0]))
			break;
		probe_seq[probe_len++] = (uint16_t)loc;
		return e->value;
	}
	mc_probe_abort();
}

/* Are the thread's last reads those of the probed turn? Returns events in the turn, or 0. */
static unsigned turn_matches(const struct mc_thread *t)
{
	unsigned i = t->done, k = probe_len;

	while (k && i) {
		const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, i - 1));

		if (e->kind == EV_READ) {
			if (e->loc != probe_seq[k - 1])
				return 0;
			k--;
		} else if (e->kind == EV_WRITE) {
			return 0;
		}
		i--;
	}
	return k ? 0 : t->done - i;
}

static void probe(unsigned tid)
{
	struct mc_thread *t = &mc_r->th[tid];
	char *top = t->stack + MC_STACK_BYTES, *frame = t->pause_frame;

	probe_sp = t->sp;
	probe_bytes = (size_t)(top - (char *)t->sp);
	memcpy(probe_copy, t->sp, probe_bytes);
	probe_len = 0;
	t->pure = true;
	mc_mode = MODE_PROBE;
	resume(tid);
	mc_mode = MODE_RUN;
	/* The frame begins with the registers that the loop may keep something in. */
	size_t below = (size_t)(frame - (char *)probe_sp);

	if (t->state != TH_PROBED || t->pause_frame != frame || !probe_len ||
	    memcmp(probe_copy + below, frame, probe_bytes - below) != 0)
		t->pure = false;
	if (t->pure) {
		t->tail = (uint16_t)turn_matches(t);
		t->pure = t->tail != 0;
	}
	memcpy(probe_sp, probe_copy, probe_bytes);
	t->sp = probe_sp;
	t->probed = true;
	t->state = TH_READY;
}

/* Called by mc_pause() (mc-fiber.c) with where it saved the caller's registers. */
void mc_pause_at(void *frame, const void *pc)
{
	if (mc_mode == MODE_OFF)
		return;
	if (mc_mode == MODE_QUIET) {
		mc_yield(TH_BLOCKED);
		return;
	}
	struct mc_thread *t = mc_self();

	while (mc_mode == MODE_RUN && mc_replaying && t->done >= mc_g->n[mc_r->cur])
		mc_yield(TH_PENDING);
	if (mc_mode == MODE_RUN && t->done < mc_g->n[mc_r->cur]) {
		const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, t->done));

		if (e->kind != EV_BLOCK)
			return;
		t->blocked_timed = t->deadline_used && !t->over;
		while (mc_mode != MODE_QUIET)
			mc_yield(TH_BLOCKED);
		return;
	}
	t->pause_frame = frame;
	mc_yield(mc_mode == MODE_PROBE ? TH_PROBED : TH_PROBE);
	if (mc_mode != MODE_RUN)
		return; /* the probed turn starts */
	if (!t->pure) {
		if (++t->pauses > mc_opt.max_steps)
			mc_fail_now(FAIL_LIVELOCK, pc,
				    "a loop with a pause in it turned %u times", t->pauses);
		return;
	}
	switch (mc_visit_block(mc_r->cur, t->tail)) {
	case VISIT_DROP:
		mc_end_run(END_BLOCKED);
	case VISIT_GO:
		return;
	default:
		t->blocked_timed = t->deadline_used && !t->over;
		t->woken = false;
		while (mc_mode != MODE_QUIET && !t->woken)
			mc_yield(TH_BLOCKED);
	}
}

/* --- running --- */

static bool executed(mc_eid e)
{
	return mc_r->th[EID_T(e)].done > EID_I(e);
}

/* Resume a thread of the run, and serve the probes that it asks for. */
static void step(unsigned t)
{
	resume(t);
	while (!run_end && mc_r->th[t].state == TH_PROBE) {
		probe(t);
		resume(t);
	}
}

/* Nothing can go on. Is that the end, a stale look, or a deadlock? */
static enum mc_end verdict(void)
{
	bool all = true, stale = false;
	unsigned stuck = 0, last = 0;

	for (unsigned t = 0; t < mc_r->nthreads; t++) {
		struct mc_thread *th = &mc_r->th[t];

		if (!th->scenario || th->body_done)
			continue;
		all = false;
		stuck++;
		last = t;
		if (th->blocked_timed)
			stale = true;
		unsigned n = mc_g->n[t];

		if (!n)
			continue;
		const struct mc_ev *e = mc_ev(mc_g, EID(t, n - 1));

		if (e->kind == EV_READ && e->filter && e->rf != mc_g->loc[e->loc].co_last)
			stale = true;
		if (e->kind != EV_BLOCK)
			continue;
		for (unsigned i = 1; i <= e->arg && i < n; i++) {
			const struct mc_ev *r = mc_ev(mc_g, EID(t, n - 1 - i));

			if (r->kind == EV_READ && r->rf != mc_g->loc[r->loc].co_last)
				stale = true;
		}
	}
	if (all)
		return END_COMPLETE;
	if (stale)
		return END_BLOCKED;
	mc_r->cur = (uint16_t)last;
	mc_failure.kind = FAIL_DEADLOCK;
	mc_failure.thread = last;
	mc_failure.pc = NULL;
	snprintf(mc_failure.text, sizeof(mc_failure.text),
		 "%u thread%s wait%s for ever (deadlock or lost wake-up)", stuck,
		 stuck == 1 ? "" : "s", stuck == 1 ? "s" : "");
	return END_FAILED;
}

/*
 * Is it a variable of a call that is over? What is there now may be registers that a later call
 * keeps. The bodies of scenario threads have returned; in the others, of the program, what was
 * stored there last is not there any more.
 */
static bool in_dead_frame(unsigned loc)
{
	uint64_t addr = mc_locs[loc].addr;
	uint64_t t = (addr - MC_STACKS_BASE) / MC_STACK_BYTES;

	if (addr < MC_STACKS_BASE)
		return false;
	return (t < mc_r->nthreads && mc_r->th[t].scenario) || !mc_loc_is_as_stored(loc);
}

/* Detach and finish, in the memory that the graph leaves. */
static enum mc_end wind_up(void)
{
	for (unsigned l = 1; l <= mc_g->nloc; l++) {
		mc_eid last = mc_g->loc[l].co_last;

		if (last == EID_INIT || !mc_loc_is_touched(l))
			continue;
		uint64_t v = mc_ev(mc_g, last)->value;

		if (mc_locs[l].object)
			mc_r->object_value[l] = v & mc_queue_mask(l);
		else if (!in_dead_frame(l))
			mc_poke(mc_locs[l].addr, mc_locs[l].size, v);
	}
	mc_mode = MODE_QUIET;
	for (unsigned t = 0; t < mc_r->nthreads; t++)
		if (mc_r->th[t].scenario && !quiet_until(t, TH_ENDED))
			return run_end;
	if (!quiet_until(mc_main_tid, TH_ENDED))
		return run_end;
	if (!quiet_settle())
		return run_end;
	mc_r->cur = (uint16_t)mc_main_tid;
	if (!mc_heap_leaks() || !mc_history_check())
		return END_FAILED;
	return END_COMPLETE;
}

/* Run the program once along mc_g, and on from where it ends. */
enum mc_end mc_run_graph(void)
{
	restore();
	mc_run_number++;
	mc_race_new_run();
	mc_order_len = 0;
	mc_notes_reset();
	run_end = END_NONE;
	mc_replaying = true;
	for (unsigned t = 0; t < mc_r->nthreads; t++)
		if (t != mc_main_tid && mc_r->th[t].state != TH_ENDED)
			mc_r->th[t].state = TH_READY;
	mc_mode = MODE_RUN;
	for (bool progress = true; progress;) {
		progress = false;
		for (unsigned t = 0; t < mc_r->nthreads; t++) {
			struct mc_thread *th = &mc_r->th[t];

			if (th->state != TH_READY &&
			    !(th->state == TH_NEED && executed(th->need)))
				continue;
			step(t);
			progress = true;
			if (run_end)
				goto out;
		}
	}
	mc_replaying = false;
	for (int t; (t = mc_pick()) >= 0;) {
		step((unsigned)t);
		if (run_end)
			goto out;
	}
	run_end = verdict();
	if (run_end == END_COMPLETE) {
		run_end = END_NONE;
		run_end = wind_up();
	}
out:
	mc_mode = MODE_OFF;
	return run_end;
}

static void crashed(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!on_fibre) {
		static const char text[] = "model checker: crash in the checker itself\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			_exit(2);
		_exit(2);
	}
	mc_fail_now(FAIL_CRASH, NULL, "signal %d (%s) at address %p", sig, strsignal(sig),
		    info->si_addr);
}

void mc_catch_signals(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	stack_t alt = {.ss_sp = mc_map(1 << 16), .ss_size = 1 << 16};
	struct sigaction sa = {.sa_sigaction = crashed,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&alt, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}
