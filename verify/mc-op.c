/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-op.c - one visible operation of a model thread.
 *
 * The hooks and wraps end here, on the fibre of the thread that does the operation. There
 * are three ways through:
 *
 *  quiet   (setup, finish) the operation happens in memory at once, no event;
 *  replay  the thread's next event is in the graph: its source must have been executed
 *          (else the fibre yields until it has), then the event takes effect;
 *  visit   the graph ends here: the explorer adds the event (and keeps the alternatives
 *          for later), after which it is replayed like any other.
 *
 * So every effect on views, races and memory happens in one place, whatever the mode.
 *
 * An RMW is two events, an exclusive read and an exclusive write. One that is no release and
 * would write back the value that it read is a mere read: leaving its store out of the graph
 * takes nothing from other threads but synchronisation through that store, so no behaviour
 * is lost; and a loop around it is an await like any other. Checker objects (mutex,
 * futex queue, condition, RCU reader, thread) are 64-bit words that only RMWs touch: each
 * operation reads the state that its predecessor in coherence order left, so their orders
 * are explored by the same algorithm as everything else. A read with a filter blocks its
 * thread while the value does not pass.
 *
 * Atomic stores are also written to the program's memory, in execution order, for the sake
 * of plain reads of the same words (mc-race.c refreshes them).
 */
#include <errno.h>
#include <string.h>

#include "mc-internal.h"

MC_STATE struct mc_graph *mc_g;
MC_STATE bool mc_replaying;
MC_STATE uint32_t mc_order_len;
MC_STATE mc_eid mc_order[MC_EV * 2];
static MC_STATE uint32_t loc_touched[MC_LOC];

uint64_t mc_peek(uint64_t addr, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, (const void *)(uintptr_t)addr, size);
	return v;
}

void mc_poke(uint64_t addr, unsigned size, uint64_t value)
{
	mc_dirty(addr, size);
	memcpy((void *)(uintptr_t)addr, &value, size);
}

/*
 * clang puts no hook on some plain stores to a thread's own stack (a word that it initialises
 * anew, say). They show as a word whose memory is not what was last stored there; the thread
 * is asked at each of its steps.
 *
 * Only words of frames that are still there count: what a call left behind is overwritten by
 * whatever runs next, the checker's own functions too, and those do not run alike in each
 * execution. gcc has hooks on all of these stores and is not asked.
 */
#define OWN_MAX 16
static MC_STATE struct {
	uint32_t run;
	uint16_t n, loc[OWN_MAX];
} own[MC_T];
static MC_STATE uint64_t in_memory[MC_LOC];

static bool on_own_stack(unsigned loc)
{
	uint64_t at = mc_locs[loc].addr - MC_STACKS_BASE;

	return !mc_locs[loc].object && at / MC_STACK_BYTES == mc_r->cur;
}

static void own_word(unsigned loc)
{
	unsigned t = mc_r->cur;

	if (!on_own_stack(loc))
		return;
	if (own[t].run != mc_run_number) {
		own[t].run = mc_run_number;
		own[t].n = 0;
	}
	for (unsigned i = 0; i < own[t].n; i++)
		if (own[t].loc[i] == loc)
			return;
	if (own[t].n < OWN_MAX)
		own[t].loc[own[t].n++] = (uint16_t)loc;
	in_memory[loc] = mc_peek(mc_locs[loc].addr, mc_locs[loc].size);
}

#ifdef __clang__
/* Where the stack of the function ends that called the checker and will go on at pc. */
static uint64_t callers_stack(const void *pc)
{
	const uint64_t *frame = __builtin_frame_address(0);
	uint64_t lo, hi;

	mc_own_stack(&lo, &hi);
	while ((uintptr_t)frame >= lo && (uintptr_t)frame + 16 <= hi &&
	       frame[0] > (uintptr_t)frame) {
		if (frame[1] == (uintptr_t)pc)
			return (uintptr_t)frame + 16;
		frame = (const uint64_t *)(uintptr_t)frame[0];
	}
	return hi;
}

static void unhooked_stores(const struct mc_ask *op)
{
	unsigned me = mc_r->cur, n = 0;

	if (own[me].run != mc_run_number)
		return;
	uint64_t end = callers_stack(op->pc);

	for (unsigned i = 0; i < own[me].n; i++)
		if (mc_locs[own[me].loc[i]].addr >= end)
			own[me].loc[n++] = own[me].loc[i];
	own[me].n = (uint16_t)n;
	for (unsigned i = 0; i < own[me].n; i++) {
		unsigned loc = own[me].loc[i];
		uint64_t v = mc_peek(mc_locs[loc].addr, mc_locs[loc].size);

		if (v == in_memory[loc])
			continue;
		in_memory[loc] = v;
		mc_store_plain(loc, v, NULL);
	}
	/* A word of a frame that came where an earlier one was: it is read, so it was written. */
	if (!op->loc || op->kind != EV_READ || !on_own_stack(op->loc) ||
	    loc_touched[op->loc] != mc_run_number)
		return;
	for (unsigned i = 0; i < own[me].n; i++)
		if (own[me].loc[i] == op->loc)
			return;
	uint64_t v = mc_peek(mc_locs[op->loc].addr, mc_locs[op->loc].size);

	if (v != in_memory[op->loc]) {
		in_memory[op->loc] = v;
		mc_store_plain(op->loc, v, NULL);
	}
}
#else
static void unhooked_stores(const struct mc_ask *op)
{
	(void)op;
}
#endif

void mc_in_memory(unsigned loc, uint64_t value)
{
	in_memory[loc] = value;
}

/* The initial value of a location is what memory holds at the first access of this run. */
static void touch(unsigned loc)
{
	if (loc_touched[loc] == mc_run_number) {
		own_word(loc);
		return;
	}
	loc_touched[loc] = mc_run_number;
	if (mc_locs[loc].object)
		mc_loc_set_init(loc, mc_r->object_value[loc]);
	else
		mc_loc_set_init(loc, mc_peek(mc_locs[loc].addr, mc_locs[loc].size));
	own_word(loc);
}

bool mc_loc_is_touched(unsigned loc)
{
	return loc_touched[loc] == mc_run_number;
}

/* Nothing but what was stored there, as far as is known, has written there. */
bool mc_loc_is_as_stored(unsigned loc)
{
	return mc_peek(mc_locs[loc].addr, mc_locs[loc].size) == in_memory[loc];
}

static bool executed(mc_eid e)
{
	return e == EID_INIT || mc_r->th[EID_T(e)].done > EID_I(e);
}

static void mismatch(const struct mc_ask *op, const struct mc_ev *e)
{
	mc_fail_now(FAIL_MISUSE, op->pc,
		    "the program is not deterministic: step %u of thread %u was %u at %p "
		    "(location %#lx), is now %u at %p (location %#lx)",
		    e->idx, e->tid, e->kind, e->pc, (unsigned long)mc_locs[e->loc].addr, op->kind,
		    op->pc, (unsigned long)mc_locs[op->loc].addr);
}

/* Execute the thread's next event, which is in the graph and may be. */
static void execute(struct mc_ev *e)
{
	struct mc_thread *t = mc_self();

	if (e->kind == EV_READ)
		mc_settle_read(mc_g, e);
	mc_views(mc_g, e, t);
	t->done++;
	mc_order[mc_order_len++] = mc_id(e);
	if (!e->loc || (e->flags & EVF_OBJECT))
		return;
	mc_race_atomic(mc_locs[e->loc].addr, e->size, e->kind == EV_WRITE,
		       (e->flags & EVF_PLAIN) != 0, e->pc);
	if (e->kind == EV_WRITE) {
		mc_poke(mc_locs[e->loc].addr, e->size, e->value);
		mc_in_memory(e->loc, e->value);
	}
}

/* Do op; returns its event. Not for quiet mode. */
struct mc_ev *mc_do(const struct mc_ask *op)
{
	struct mc_thread *t = mc_self();

	if (mc_mode == MODE_RUN && mc_plain_pending())
		mc_plain_flush();
	if (mc_mode == MODE_RUN && !(op->flags & (EVF_PLAIN | EVF_EXCL)))
		unhooked_stores(op);
	if (op->loc)
		touch(op->loc);
	for (;;) {
		if (mc_mode == MODE_QUIET)
			return NULL;
		if (t->done < mc_g->n[mc_r->cur]) {
			struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, t->done));

			if (e->kind == EV_BLOCK) {
				mc_yield(TH_BLOCKED);
				continue;
			}
			if (e->kind != op->kind || e->loc != op->loc)
				mismatch(op, e);
			if (e->kind == EV_READ) {
				if (!executed(e->rf)) {
					t->need = e->rf;
					mc_yield(TH_NEED);
					continue;
				}
				if (!mc_filter_ok(e, mc_write_value(mc_g, e->loc, e->rf))) {
					t->blocked_timed = (e->flags & EVF_TIMED) != 0;
					mc_yield(TH_BLOCKED);
					continue;
				}
			}
			e->pc = op->pc;
			execute(e);
			return e;
		}
		if (mc_replaying) {
			mc_yield(TH_PENDING);
			continue;
		}
		switch (mc_visit_op(mc_r->cur, op)) {
		case VISIT_GO:
			break;
		case VISIT_YIELD:
			mc_yield(TH_PENDING);
			break;
		case VISIT_BLOCK:
			t->blocked_timed = (op->flags & EVF_TIMED) != 0;
			mc_yield(TH_BLOCKED);
			break;
		case VISIT_DROP:
			mc_end_run(END_DROPPED);
		case VISIT_RESTART:
			mc_end_run(END_RESTART);
		}
	}
}

/* --- tallies: see struct mc_scenario --- */

#define TALLIES_MAX 8
static MC_STATE uint64_t tallies[TALLIES_MAX];
static MC_STATE unsigned ntallies;
static MC_STATE uint32_t held; /* a bit for each of them that is a held count */

void mc_tallies_init(void)
{
	const char *const *t = mc_scenario->tallies;

	held = 0;
	for (ntallies = 0; t && *t && ntallies < TALLIES_MAX; t++) {
		uint64_t addr = mc_symbol(*t);

		if (addr)
			tallies[ntallies++] = addr;
	}
}

void mc_held_count(const void *word)
{
	if (ntallies == TALLIES_MAX)
		mc_fail("too many tallies", __FILE__, __LINE__);
	held |= 1u << ntallies;
	tallies[ntallies++] = (uintptr_t)word;
}

static int tally_of(uint64_t addr)
{
	for (unsigned i = 0; i < ntallies; i++)
		if (tallies[i] == addr)
			return (int)i;
	return -1;
}

static bool is_tally(uint64_t addr)
{
	return tally_of(addr) >= 0;
}

static void no_tally(uint64_t addr, const void *pc)
{
	if (ntallies && mc_mode == MODE_RUN && is_tally(addr))
		mc_fail_now(FAIL_MISUSE, pc, "a tally of the scenario is not only added to");
}

uint64_t mc_load(uint64_t addr, unsigned size, unsigned order, const void *pc)
{
	if (mc_mode == MODE_OFF || mc_mode == MODE_QUIET) {
		mc_heap_check(addr, size, false, pc);
		return mc_peek(addr, size);
	}
	unsigned loc = mc_loc_get(addr, size, false, NULL);

	no_tally(addr, pc);
	if (mc_mode == MODE_PROBE)
		return mc_probe_load(loc);
	mc_heap_check(addr, size, false, pc);
	struct mc_ask op = {.kind = EV_READ, .order = (uint8_t)order, .size = (uint8_t)size,
			    .loc = (uint16_t)loc, .pc = pc};

	if (mc_barriers)
		mc_barrier_begin(pc);
	uint64_t v = mc_do(&op)->value;

	if (mc_barriers)
		mc_barrier_end(pc);
	return v;
}

void mc_store(uint64_t addr, unsigned size, uint64_t value, unsigned order, const void *pc)
{
	if (mc_mode == MODE_OFF || mc_mode == MODE_QUIET) {
		mc_heap_check(addr, size, true, pc);
		mc_poke(addr, size, value);
		mc_quiet_steps++;
		return;
	}
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	no_tally(addr, pc);
	mc_heap_check(addr, size, true, pc);
	struct mc_ask op = {.kind = EV_WRITE, .order = (uint8_t)order, .size = (uint8_t)size,
			    .loc = mc_loc_get(addr, size, false, NULL), .pc = pc,
			    .value = mc_rmw_value(RMW_XCHG, 0, value, size)};

	if (mc_barriers)
		mc_barrier_begin(pc);
	mc_do(&op);
	if (mc_barriers)
		mc_barrier_end(pc);
}

/* A plain store to a location that has atomic events: see mc-race.c. */
void mc_store_plain(unsigned loc, uint64_t value, const void *pc)
{
	struct mc_ask op = {.kind = EV_WRITE, .order = MO_RELAXED, .size = mc_locs[loc].size,
			    .loc = (uint16_t)loc, .pc = pc, .value = value, .flags = EVF_PLAIN};

	mc_do(&op);
}

/* It reads, and may write. */
static void heap_check_rmw(uint64_t addr, unsigned size, const void *pc)
{
	mc_heap_check(addr, size, false, pc);
	mc_heap_check(addr, size, true, pc);
}

uint64_t mc_rmw(uint64_t addr, unsigned size, unsigned rmw, uint64_t operand, unsigned order,
		const void *pc)
{
	operand = mc_rmw_value(RMW_XCHG, 0, operand, size);
	if (mc_mode == MODE_OFF || mc_mode == MODE_QUIET) {
		heap_check_rmw(addr, size, pc);
		uint64_t old = mc_peek(addr, size);

		mc_poke(addr, size, mc_rmw_value(rmw, old, operand, size));
		mc_quiet_steps++;
		return old;
	}
	if (ntallies && is_tally(addr)) {
		/* The sum is right in whichever order; the value that it had is not looked at. */
		if (mc_mode == MODE_PROBE)
			mc_probe_abort();
		if ((order != MO_RELAXED && !(held >> tally_of(addr) & 1)) ||
		    (rmw != RMW_ADD && rmw != RMW_SUB))
			no_tally(addr, pc);
		mc_poke(addr, size, mc_rmw_value(rmw, mc_peek(addr, size), operand, size));
		return 0;
	}
	bool idem = !mo_releases(order);

	if (mc_mode == MODE_PROBE) {
		uint64_t v = mc_probe_load(mc_loc_get(addr, size, false, NULL));

		if (!idem || mc_rmw_value(rmw, v, operand, size) != v)
			mc_probe_abort();
		return v;
	}
	heap_check_rmw(addr, size, pc);
	struct mc_ask op = {.kind = EV_READ, .order = (uint8_t)order, .size = (uint8_t)size,
			    .loc = mc_loc_get(addr, size, false, NULL), .pc = pc,
			    .flags = EVF_EXCL | (idem ? EVF_IDEM : 0), .rmw = (uint8_t)rmw, .operand = operand};

	if (mc_barriers)
		mc_barrier_begin(pc);
	const struct mc_ev *r = mc_do(&op);
	uint64_t old = r->value;

	if (r->flags & EVF_EXCL) {
		op.kind = EV_WRITE;
		op.flags = EVF_EXCL;
		op.pair = r->idx;
		op.value = mc_rmw_value(rmw, old, operand, size);
		mc_do(&op);
	}
	if (mc_barriers)
		mc_barrier_end(pc);
	return old;
}

/* Weak ones may fail for no reason, once per site and thread. */
static bool fails_spuriously(const void *pc)
{
	for (unsigned i = 0; i < mc_self()->done; i++) {
		const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, i));

		if (e->kind == EV_CHOICE && e->pc == pc && e->value)
			return false;
	}
	return mc_choice(2, "weak compare-exchange fails", pc) == 1;
}

bool mc_cas(uint64_t addr, unsigned size, uint64_t *expected, uint64_t desired, unsigned order,
	    unsigned forder, bool weak, const void *pc)
{
	uint64_t want = mc_rmw_value(RMW_XCHG, 0, *expected, size);

	desired = mc_rmw_value(RMW_XCHG, 0, desired, size);
	if (mc_mode == MODE_OFF || mc_mode == MODE_QUIET) {
		heap_check_rmw(addr, size, pc);
		*expected = mc_peek(addr, size);
		if (*expected != want)
			return false;
		mc_poke(addr, size, desired);
		mc_quiet_steps++;
		return true;
	}
	unsigned loc = mc_loc_get(addr, size, false, NULL);

	no_tally(addr, pc);
	if (mc_mode == MODE_PROBE) {
		*expected = mc_probe_load(loc);
		if (*expected == want)
			mc_probe_abort();
		return false;
	}
	heap_check_rmw(addr, size, pc);
	struct mc_ask op = {.kind = EV_READ, .order = (uint8_t)order, .forder = (uint8_t)forder,
			    .size = (uint8_t)size, .loc = (uint16_t)loc, .pc = pc,
			    .flags = EVF_CAS, .arg = want, .rmw = RMW_XCHG, .operand = desired};

	bool fail = weak && mc_opt.spurious && !mc_scenario->no_spurious &&
		    fails_spuriously(pc);

	if (fail) {
		op.flags = 0;
		op.order = op.forder;
		op.rmw = RMW_NONE;
	}
	if (mc_barriers)
		mc_barrier_begin(pc);
	const struct mc_ev *r = mc_do(&op);
	bool hit = !fail && r->value == want;

	*expected = r->value;
	if (hit) {
		op.kind = EV_WRITE;
		op.pair = r->idx;
		op.value = desired;
		op.flags = EVF_EXCL;
		mc_do(&op);
	}
	if (mc_barriers)
		mc_barrier_end(pc);
	return hit;
}

void mc_fence(unsigned order, const void *pc)
{
	struct mc_ask op = {.kind = EV_FENCE, .order = (uint8_t)order, .pc = pc};

	if (mc_mode == MODE_RUN && order != MO_RELAXED)
		mc_do(&op);
}

unsigned mc_choice(unsigned n, const char *what, const void *pc)
{
	struct mc_ask op = {.kind = EV_CHOICE, .value = n, .pc = pc, .what = what};

	if (n <= 1 || mc_mode == MODE_OFF || mc_mode == MODE_QUIET)
		return 0;
	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	return (unsigned)mc_do(&op)->value;
}

/* --- objects --- */

/* Queues: what stays when the step that woke somebody is over. */
uint64_t mc_queue_mask(unsigned loc)
{
	unsigned kind = mc_locs[loc].addr >> 56;

	return mc_locs[loc].object && (kind == OBJ_FUTEX || kind == OBJ_COND) ? 0xffff : ~0ull;
}

uint16_t mc_object(uint64_t key, const char *what)
{
	return mc_loc_get(key, 8, true, what);
}

/*
 * Begin an atomic step on an object: waits until its value passes the filter, and returns
 * that value. A step ends with mc_object_end(), or is a mere acquiring read if it never does.
 */
static uint64_t object_look(uint16_t obj, unsigned filter, uint64_t arg, unsigned flags,
			    unsigned rmw, const void *pc)
{
	struct mc_ask op = {.kind = EV_READ, .order = MO_ACQ_REL, .size = 8, .loc = obj,
			    .pc = pc, .flags = (uint8_t)(EVF_OBJECT | flags),
			    .filter = (uint8_t)filter, .arg = arg, .rmw = (uint8_t)rmw};
	struct mc_ev probe = {.filter = (uint8_t)filter, .arg = arg};

	for (;;) {
		if (mc_mode == MODE_OFF)
			return mc_r->object_value[obj];
		if (mc_mode == MODE_PROBE)
			mc_probe_abort();
		if (mc_mode == MODE_RUN) {
			struct mc_ev *e = mc_do(&op);

			if (e)
				return e->value;
		}
		if (mc_filter_ok(&probe, mc_r->object_value[obj])) {
			uint64_t v = mc_r->object_value[obj];

			/* Quietly, a wake-up stays in the word until its thread takes it. */
			if (filter == FILTER_WOKEN)
				mc_r->object_value[obj] &= ~(1ull << (32 + arg));
			return v;
		}
		mc_yield(TH_BLOCKED);
	}
}

uint64_t mc_object_begin(uint16_t obj, unsigned filter, uint64_t arg, unsigned flags,
			 const void *pc)
{
	return object_look(obj, filter, arg, flags, RMW_LATER, pc);
}

uint64_t mc_object_read(uint16_t obj, unsigned filter, uint64_t arg, unsigned flags,
			const void *pc)
{
	return object_look(obj, filter, arg, flags, RMW_NONE, pc);
}

/* A relaxed look at the state, old values included. */
uint64_t mc_object_look(uint16_t obj, const void *pc)
{
	struct mc_ask op = {.kind = EV_READ, .order = MO_RELAXED, .size = 8, .loc = obj,
			    .pc = pc, .flags = EVF_OBJECT};

	if (mc_mode == MODE_PROBE)
		return mc_probe_load(obj);
	struct mc_ev *e = mc_mode == MODE_RUN ? mc_do(&op) : NULL;

	return e ? e->value : mc_r->object_value[obj];
}

static void object_write(uint16_t obj, uint64_t value, unsigned flags, unsigned view,
			 const void *pc)
{
	struct mc_ask op = {.kind = EV_WRITE, .order = MO_ACQ_REL, .size = 8, .loc = obj,
			    .pc = pc, .flags = (uint8_t)(EVF_OBJECT | flags), .value = value,
			    .arg = view};

	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	if (mc_mode == MODE_RUN) {
		for (unsigned i = mc_self()->done; (flags & EVF_EXCL) && i-- > 0;) {
			const struct mc_ev *e = mc_ev(mc_g, EID(mc_r->cur, i));

			if (e->loc == obj && e->kind == EV_READ) {
				op.pair = (uint16_t)i;
				break;
			}
		}
		mc_do(&op);
		return;
	}
	mc_r->object_value[obj] = value | (mc_r->object_value[obj] & ~mc_queue_mask(obj));
	mc_quiet_steps++;
}

void mc_object_end(uint16_t obj, uint64_t value, const void *pc)
{
	object_write(obj, value, EVF_EXCL, 0, pc);
}

void mc_object_end_view(uint16_t obj, uint64_t value, unsigned view, const void *pc)
{
	object_write(obj, value, EVF_EXCL | EVF_VIEW, view, pc);
}

/* A store that no other thread can race with (the unlock of a mutex). */
void mc_object_store(uint16_t obj, uint64_t value, const void *pc)
{
	object_write(obj, value, 0, 0, pc);
}
