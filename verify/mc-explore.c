/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-explore.c - which execution graphs to visit: exhaustive mode.
 *
 * The algorithm is TruSt: Kokologiannakis, Marmanis, Gladstein, Vafeiadis, "Truly
 * Stateless, Optimal Dynamic Partial Order Reduction", POPL 2022. It enumerates consistent
 * execution graphs, not interleavings, each once, in memory polynomial in their size:
 *
 *  - a read that is added takes each store that coherence allows (forward options);
 *  - a store that is added is tried at each place of the coherence order that coherence
 *    allows, and besides *revisits* each earlier read of the location that is not in its
 *    porf prefix: the read is made to read from it, and what was added after the read and
 *    is not in the store's porf prefix is deleted, to be added again. The revisit is done
 *    only if every deleted event, and the read, was *maximally added*: a read took the
 *    co-latest store, a store came last in co, among the events that are older or in the
 *    store's prefix, and a choice took its first alternative. So exactly one of the graphs
 *    that lead to the same result makes the revisit.
 *
 * So the load that could read from a store executed later gets that store, and there is
 * nothing like a preemption bound to make the reduction unsound: bounded modes do not use
 * it at all (mc-walk.c).
 *
 * Read-modify-writes are two events. Two of them may for a moment read from the same
 * store; the second one's write then has no place, and only its revisits survive: they
 * make the first read from the second.
 *
 * Blocked threads. Reads with a filter (locks, futex waits, joins) and the last read of a
 * recognised await turn are *blocked tails*: nothing comes after them. The treatment is
 * that of AWAMOCHE (Kokologiannakis, Marmanis, Vafeiadis, "Unblocking Dynamic Partial Order
 * Reduction", OOPSLA 2023) with these rules, which keep
 *
 *  E1  a blocked tail reads the co-latest store of its location.
 *
 *  - One that would block with an older value is dropped at once: the same thread reading
 *    the latest value is another option.
 *  - A store that is added changes blocked tails of its location *in place*, instead of
 *    revisiting them: if it is co-last, all read from it; at an earlier place, each either
 *    stays or reads from it. The tail counts as added anew (its stamp moves), as if its
 *    thread had only now come to it: nothing depends on it, so that is an order in which
 *    the graph can be built.
 *
 * E2  Only a tail whose source is older than itself is changed in place. One that a revisit
 *      made read from a younger store is revisited like any other read, and its branch goes
 *      on with the old value: were its stamp moved, it would look maximally added later,
 *      and the same graph would come up again and again.
 *
 * Pending work is a stack of complete graphs, so that changes in place need no undoing.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mc-internal.h"

#define STACK_BYTES ((size_t)64 << 30)
#define OPTIONS_MAX 512

struct item {
	uint64_t prev; /* offset of the item below */
	uint32_t stamp;
	uint16_t nev, nloc, nsc, nopt;
	uint16_t tid;
	struct mc_ask ask; /* with options: the event to append */
	/* then: loc[nloc + 1], ev[nev], options[nopt] */
};

static MC_STATE char *pile;
static MC_STATE uint64_t pile_top, pile_last; /* end; offset + 1 of the top item, or 0 */
static MC_STATE struct mc_graph *scratch, *scratch2, *scratch3;

static uint64_t align16(uint64_t x)
{
	return (x + 15) & ~15ull;
}

static void push(const struct mc_graph *g, unsigned tid, const struct mc_ask *ask,
		 const uint16_t *options, unsigned nopt)
{
	uint64_t at = pile_top;
	struct item *it = (void *)(pile + at);

	if (at + sizeof(struct mc_graph) * 2 > STACK_BYTES)
		mc_fail_now(FAIL_MISUSE, NULL, "too much pending work");
	it->prev = pile_last;
	it->stamp = g->stamp;
	it->nev = g->nev;
	it->nloc = g->nloc;
	it->nsc = g->nsc;
	it->nopt = (uint16_t)nopt;
	it->tid = (uint16_t)tid;
	if (ask)
		it->ask = *ask;
	char *p = pile + align16(at + sizeof(*it));

	memcpy(p, g->ev, g->nev * sizeof(g->ev[0]));
	p += g->nev * sizeof(g->ev[0]);
	memcpy(p, g->loc, (g->nloc + 1u) * sizeof(g->loc[0]));
	p += (g->nloc + 1u) * sizeof(g->loc[0]);
	if (nopt)
		memcpy(p, options, nopt * sizeof(options[0]));
	p += nopt * sizeof(options[0]);
	pile_last = at + 1;
	pile_top = align16((uint64_t)(p - pile));
}

/* Take the top of the pile into mc_g; false if there is none. */
static bool pop(void)
{
	struct mc_graph *g = mc_g;

	if (!pile_last)
		return false;
	uint64_t at = pile_last - 1;
	struct item *it = (void *)(pile + at);
	char *p = pile + align16(at + sizeof(*it));

	g->stamp = it->stamp;
	g->nev = it->nev;
	g->nloc = it->nloc;
	g->nsc = it->nsc;
	memcpy(g->ev, p, it->nev * sizeof(g->ev[0]));
	p += it->nev * sizeof(g->ev[0]);
	memcpy(g->loc, p, (it->nloc + 1u) * sizeof(g->loc[0]));
	p += (it->nloc + 1u) * sizeof(g->loc[0]);
	memset(g->n, 0, sizeof(g->n));
	for (unsigned i = 0; i < g->nev; i++) {
		const struct mc_ev *e = &g->ev[i];

		g->at[e->tid][e->idx] = (uint16_t)i;
		if (g->n[e->tid] <= e->idx)
			g->n[e->tid] = e->idx + 1u;
	}
	if (it->nopt) {
		uint16_t option;

		memcpy(&option, p + (it->nopt - 1u) * sizeof(option), sizeof(option));
		struct mc_ev *e = mc_graph_append(g, it->tid, &it->ask);

		if (e->kind == EV_READ) {
			e->rf = option;
			mc_settle_read(g, e);
		} else {
			e->value = option;
		}
		if (--it->nopt)
			return true;
	}
	pile_last = it->prev;
	pile_top = at;
	return true;
}

/* --- blocked tails --- */

/* The event that blocks thread u, or NULL. */
static struct mc_ev *blocked_tail(struct mc_graph *g, unsigned u)
{
	unsigned n = g->n[u];

	if (!n)
		return NULL;
	struct mc_ev *e = mc_ev(g, EID(u, n - 1));

	if (e->kind == EV_READ && e->filter && !mc_filter_ok(e, e->value))
		return e;
	if (e->kind != EV_BLOCK)
		return NULL;
	for (unsigned i = n - 1; i-- > 0;) {
		e = mc_ev(g, EID(u, i));
		if (e->kind == EV_READ)
			return e;
	}
	return NULL;
}

/* The same, if it may be changed in place (E2). */
static struct mc_ev *movable_tail(struct mc_graph *g, unsigned u)
{
	struct mc_ev *b = blocked_tail(g, u);

	if (b && b->rf != EID_INIT && mc_ev(g, b->rf)->stamp > b->stamp)
		return NULL;
	return b;
}

/*
 * Is there a tail that keeps looking at an old value of the object, and for ever? Stores to
 * an object are in porf what they are in co, so no later one finds it maximally added.
 */
static bool hopeless(struct mc_graph *g, unsigned loc)
{
	for (unsigned u = 0; u < MC_T; u++) {
		const struct mc_ev *b = blocked_tail(g, u);

		if (b && b->loc == loc && b->flags & EVF_OBJECT && b->rf != g->loc[loc].co_last)
			return true;
	}
	return false;
}

/* --- revisits --- */

static bool previous(const struct mc_ev *x, const struct mc_ev *e, const struct mc_ev *w)
{
	return x->stamp <= e->stamp || mc_in(&w->porf, x);
}

/* Was e, which a revisit by w would delete or change, maximally added? */
static bool maximal(struct mc_graph *g, const struct mc_ev *e, const struct mc_ev *w)
{
	mc_eid from;

	switch (e->kind) {
	case EV_CHOICE:
		return e->value == 0;
	case EV_READ:
		from = e->rf;
		if (from != EID_INIT && !previous(mc_ev(g, from), e, w))
			return false;
		break;
	case EV_WRITE:
		if (e->co_prev == EID_NONE)
			return true; /* w itself */
		from = mc_id(e);
		for (unsigned i = g->loc[e->loc].chain; i != EID_NONE; i = g->ev[i].loc_next) {
			const struct mc_ev *r = &g->ev[i];

			if (r->kind == EV_READ && r->rf == from && previous(r, e, w))
				return false;
		}
		break;
	default:
		return true;
	}
	mc_eid next = from == EID_INIT ? g->loc[e->loc].co_first : mc_ev(g, from)->co_next;

	if (from == EID_INIT && next == EID_INIT)
		return true;
	for (; next != EID_NONE; next = mc_ev(g, next)->co_next)
		if (previous(mc_ev(g, next), e, w))
			return false;
	return true;
}

static bool splits_rmw(struct mc_graph *g, unsigned loc, mc_eid after)
{
	mc_eid next = after == EID_INIT ? g->loc[loc].co_first : mc_ev(g, after)->co_next;

	if (next == EID_NONE || next == EID_INIT)
		return false;
	return (mc_ev(g, next)->flags & EVF_EXCL) != 0;
}

static const struct mc_clock *before_read(struct mc_graph *g, const struct mc_ev *r)
{
	static const struct mc_clock zero;

	return r->idx ? &mc_ev(g, EID(r->tid, r->idx - 1))->hb : &zero;
}

/*
 * The places where w, appended but in no co yet, may go: fills after[], co-last first.
 */
static unsigned places(struct mc_graph *g, const struct mc_ev *w, mc_eid *after)
{
	unsigned n = 0;

	if (w->flags & EVF_EXCL) {
		mc_eid source = mc_ev(g, EID(w->tid, w->pair))->rf;

		if (!splits_rmw(g, w->loc, source))
			after[n++] = source;
		return n;
	}
	unsigned floor = mc_floor(g, w->loc, &w->hb);

	for (mc_eid a = g->loc[w->loc].co_last;; a = mc_ev(g, a)->co_prev) {
		if (mc_co_pos(g, a) < floor)
			break;
		if (n < OPTIONS_MAX && !splits_rmw(g, w->loc, a))
			after[n++] = a;
		if (a == EID_INIT)
			break;
	}
	return n;
}

/* Let the blocked tail b read from w: drop the rest of its turn, move its stamp. */
static void wake_tail(struct mc_graph *g, mc_eid b, mc_eid w)
{
	unsigned u = EID_T(b);

	if (EID_I(b) + 1u < g->n[u]) {
		static MC_STATE bool drop[MC_EV];

		for (unsigned i = 0; i < g->nev; i++)
			drop[i] = g->ev[i].tid == u && g->ev[i].idx > EID_I(b);
		mc_graph_restrict(g, drop);
	}
	struct mc_ev *r = mc_ev(g, b);

	r->rf = w;
	r->stamp = ++g->stamp;
	mc_settle_read(g, r);
	mc_read_views(g, r);
}

/*
 * w was put at a place of co in g. Push, for each way in which the movable tails of its
 * location may take that (E1), a graph (rid: the read that w revisits, or NONE); but not the one that the caller goes on with, which
 * it gets in g if take is set and there is one. Returns whether it is there; *ret_pause says
 * that a thread which waits in a loop has to go back in it.
 */
static bool push_variants(struct mc_graph *g, mc_eid wid, mc_eid rid, bool take,
			  bool *ret_pause)
{
	const struct mc_ev *revisited = rid == EID_NONE ? NULL : mc_ev(g, rid);
	struct mc_ev *w = mc_ev(g, wid);
	mc_eid tails[MC_T];
	unsigned ntails = 0;
	bool last = w->co_next == EID_NONE;

	*ret_pause = false;
	for (unsigned u = 0; u < MC_T; u++) {
		const struct mc_ev *b = u == w->tid ? NULL : movable_tail(g, u);

		if (b && b->loc == w->loc && b->rf != wid) {
			tails[ntails++] = mc_id(b);
			*ret_pause |= !b->filter;
		}
	}
	if (!ntails || !last) {
		/* All stay as they are. */
		if (mc_sc_ok_with(g, revisited, w) && !hopeless(g, w->loc)) {
			if (take && !ntails)
				return true;
			push(g, 0, NULL, NULL, 0);
		}
	}
	for (unsigned set = last ? (1u << ntails) - 1 : 1; ntails && set < 1u << ntails; set++) {
		struct mc_graph *s = scratch;
		bool keep = true;

		mc_graph_copy(s, g);
		for (unsigned b = 0; b < ntails && keep; b++) {
			if (!(set >> b & 1))
				continue;
			unsigned floor = mc_floor(s, mc_ev(s, wid)->loc,
						  before_read(s, mc_ev(s, tails[b])));

			wake_tail(s, tails[b], wid);
			const struct mc_ev *r = mc_ev(s, tails[b]);

			keep = mc_co_pos(s, wid) >= floor && (last || mc_filter_ok(r, r->value));
		}
		if (!keep || !mc_sc_ok(s) || hopeless(s, mc_ev(s, wid)->loc))
			continue;
		if (take && last && !*ret_pause) {
			mc_graph_copy(g, s);
			return true;
		}
		push(s, 0, NULL, NULL, 0);
	}
	return false;
}

/* Revisit r by w (views set, in no co yet): push what comes of it. */
static void revisit(struct mc_graph *g, const struct mc_ev *r, const struct mc_ev *w)
{
	static MC_STATE bool drop[MC_EV];
	mc_eid after[OPTIONS_MAX];
	struct mc_graph *s = scratch2;
	bool pause;

	for (unsigned i = 0; i < g->nev; i++) {
		const struct mc_ev *e = &g->ev[i];

		drop[i] = e != w && e->stamp > r->stamp && !mc_in(&w->porf, e);
		if ((drop[i] || e == r) && !maximal(g, e, w))
			return;
	}
	mc_graph_copy(s, g);
	mc_eid rid = mc_id(r), wid = mc_id(w);

	mc_graph_restrict(s, drop);
	struct mc_ev *sr = mc_ev(s, rid), *sw = mc_ev(s, wid);

	sr->rf = wid;
	mc_settle_read(s, sr);
	mc_read_views(s, sr);
	bool ok = mc_filter_ok(sr, sr->value);

	/* A waiter was woken by one step of the queue, and looks at no other. */
	if (!ok && (sr->filter == FILTER_WOKEN || sr->filter == FILTER_WAITING))
		return;
	unsigned floor = mc_floor(s, sr->loc, before_read(s, sr));
	unsigned n = places(s, sw, after);

	for (unsigned i = 0; i < n; i++) {
		mc_graph_place(s, sw, after[i]);
		if (sw->co_pos > floor && (ok || sw->co_next == EID_NONE))
			push_variants(s, wid, rid, false, &pause);
	}
}

static void revisits(struct mc_graph *g, const struct mc_ev *w)
{
	for (unsigned i = g->loc[w->loc].chain; i != EID_NONE; i = g->ev[i].loc_next) {
		const struct mc_ev *r = &g->ev[i];

		if (r->kind == EV_READ && !mc_in(&w->porf, r) &&
		    r != movable_tail(g, r->tid))
			revisit(g, r, w);
	}
}

/* --- visiting --- */

static enum mc_visit visit_read(unsigned tid, const struct mc_ask *op)
{
	struct mc_graph *g = mc_g;
	struct mc_thread *t = &mc_r->th[tid];
	struct mc_ev *e = mc_graph_append(g, tid, op);
	unsigned floor = mc_floor(g, e->loc, &t->hb);
	uint16_t options[OPTIONS_MAX];
	unsigned n = 0;
	bool sc = g->nsc + (op->forder == MO_SEQ_CST) >= 2;

	for (mc_eid a = g->loc[e->loc].co_last;; a = mc_ev(g, a)->co_prev) {
		if (mc_co_pos(g, a) < floor)
			break;
		e->rf = a;
		mc_settle_read(g, e);
		bool last = a == g->loc[e->loc].co_last;
		bool take = (last || mc_filter_ok(e, e->value)) && n < OPTIONS_MAX;

		if (take && sc) {
			mc_read_views(g, e);
			take = mc_sc_ok_with(g, e, NULL);
		}
		if (take && (e->flags & EVF_EXCL) && e->rmw != RMW_LATER &&
		    splits_rmw(g, e->loc, a)) {
			/* The write will have no place: do its revisits now. */
			struct mc_ask wop = *op;

			mc_read_views(g, e);
			mc_graph_copy(scratch3, g);
			wop.kind = EV_WRITE;
			wop.flags = EVF_EXCL;
			wop.pair = e->idx;
			wop.value = mc_rmw_value(e->rmw, e->value, e->operand, e->size);
			struct mc_ev *w = mc_graph_append(scratch3, tid, &wop);

			mc_write_views(scratch3, w, t);
			revisits(scratch3, w);
			take = false;
		}
		if (take)
			options[n++] = a;
		if (a == EID_INIT)
			break;
	}
	mc_graph_pop(g, e);
	if (!n)
		return VISIT_DROP;
	if (n > 1 && (op->filter == FILTER_WOKEN || op->filter == FILTER_WAITING)) {
		/* As in revisit(): what comes after the step that woke it is no option. */
		const struct mc_ev probe = {.filter = op->filter, .arg = op->arg};

		if (!mc_filter_ok(&probe, mc_write_value(g, op->loc, options[0])))
			memmove(options, options + 1, --n * sizeof(options[0]));
	}
	if (n > 1) {
		/* Popped from the end: co-later ones first. */
		for (unsigned i = 1, j = n - 1; i < j; i++, j--) {
			uint16_t x = options[i];

			options[i] = options[j];
			options[j] = x;
		}
		push(g, tid, op, options + 1, n - 1);
	}
	e = mc_graph_append(g, tid, op);
	e->rf = options[0];
	mc_settle_read(g, e);
	return VISIT_GO;
}

static enum mc_visit visit_write(unsigned tid, const struct mc_ask *op)
{
	struct mc_graph *g = mc_g;
	struct mc_ev *w = mc_graph_append(g, tid, op);
	mc_eid wid = mc_id(w), after[OPTIONS_MAX];
	uint16_t rf[MC_T];
	bool pause;

	mc_write_views(g, w, &mc_r->th[tid]);
	revisits(g, w);
	unsigned n = places(g, w, after);

	if (!n)
		return VISIT_DROP;
	/* The co-last place (or an RMW's only one) stays; the others go on the pile. */
	for (unsigned i = n; i-- > 1;) {
		mc_graph_place(g, w, after[i]);
		push_variants(g, wid, EID_NONE, false, &pause);
	}
	mc_graph_place(g, w, after[0]);
	for (unsigned u = 0; u < mc_r->nthreads; u++) {
		const struct mc_ev *b = movable_tail(g, u);

		rf[u] = b ? b->rf : EID_NONE;
	}
	if (!push_variants(g, wid, EID_NONE, true, &pause))
		return VISIT_RESTART;
	/* Only filtered tails moved: their fibres stand at the read and need no restart. */
	for (unsigned u = 0; u < mc_r->nthreads; u++)
		if (rf[u] != EID_NONE && mc_r->th[u].state == TH_BLOCKED &&
		    mc_ev(g, EID(u, mc_g->n[u] - 1))->rf != rf[u])
			mc_r->th[u].state = TH_READY;
	return VISIT_GO;
}

static enum mc_visit visit_choice(unsigned tid, const struct mc_ask *op)
{
	uint16_t options[OPTIONS_MAX];
	unsigned n = 0;

	for (unsigned v = (unsigned)op->value; v-- > 1 && n < OPTIONS_MAX;)
		options[n++] = (uint16_t)v;
	if (n)
		push(mc_g, tid, op, options, n);
	mc_graph_append(mc_g, tid, op)->value = 0;
	return VISIT_GO;
}

static enum mc_visit visit(unsigned tid, const struct mc_ask *op)
{
	switch (op->kind) {
	case EV_READ:
		return visit_read(tid, op);
	case EV_WRITE:
		return visit_write(tid, op);
	case EV_CHOICE:
		return visit_choice(tid, op);
	default:
		/* Nothing comes after a new fence, so it closes no cycle of psc. */
		mc_graph_append(mc_g, tid, op);
		return VISIT_GO;
	}
}

/* Thread tid came round a waiting loop whose turn is its last `tail` events. */
static enum mc_visit visit_block(unsigned tid, unsigned tail)
{
	struct mc_ask op = {.kind = EV_BLOCK, .flags = EVF_PAUSE, .arg = tail};

	for (unsigned i = mc_g->n[tid]; i-- > 0;) {
		const struct mc_ev *r = mc_ev(mc_g, EID(tid, i));

		if (r->kind != EV_READ)
			continue;
		if (r->rf != mc_g->loc[r->loc].co_last &&
		    (r->rf == EID_INIT || mc_ev(mc_g, r->rf)->stamp < r->stamp))
			return VISIT_DROP; /* E1 */
		break;
	}
	mc_graph_append(mc_g, tid, &op);
	return VISIT_BLOCK;
}

static int pick(void)
{
	for (unsigned t = 0; t < mc_r->nthreads; t++)
		if (mc_r->th[t].state == TH_READY || mc_r->th[t].state == TH_PENDING)
			return (int)t;
	return -1;
}

void mc_explore(void)
{
	if (!pile) {
		pile = mc_map(STACK_BYTES);
		scratch = mc_map(sizeof(*scratch));
		scratch2 = mc_map(sizeof(*scratch2));
		scratch3 = mc_map(sizeof(*scratch3));
	}
	pile_top = pile_last = 0;
	mc_visit_op = visit;
	mc_visit_block = visit_block;
	mc_pick = pick;
	mc_graph_reset(mc_g);
	push(mc_g, 0, NULL, NULL, 0);
	while (pop()) {
		enum mc_end end = mc_run_graph();

		if (!mc_tally(end))
			return;
	}
}
