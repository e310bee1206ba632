/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-graph.c - the execution graph: events, coherence order, views, RC11 consistency.
 *
 * The memory model is RC11 (Lahav, Vafeiadis, Kang, Hur, Dreyer: "Repairing Sequential
 * Consistency in C/C++11", PLDI 2017):
 *
 *  coherence    hb ; eco? is irreflexive
 *  atomicity    no store comes in co between what an RMW read and what it wrote
 *  SC           psc is acyclic
 *  no thin air  po u rf is acyclic (by construction: a read takes a store that is there)
 *
 * G1  hb and porf of an event are vector clocks that count events per thread; they are a
 *     function of the event's porf prefix, and are recomputed when the event is executed
 *     (mc_views) or when a revisit changes what a read reads (mc_read_views).
 * G2  co of a location is a list through its stores, the initial value before all of them;
 *     co_pos numbers it.
 * G3  Coherence is kept by construction: a read or a store that is being added is po-last,
 *     so nothing is hb-after it, and hb;eco? stays irreflexive iff it reads from, or is
 *     placed after, something at or beyond its *floor*: the co-latest store that is, or is
 *     read by an event that is, hb-before it.
 * G4  A release sequence is its head and every RMW chain from there, as in C++20. C11 and the
 *      RC11 paper also count later stores of the same thread to the same location;
 *      --release-sequence=c11 does, which is weaker as a check of the program.
 *
 * mc_sc_ok() computes psc between SC events (fences and accesses) from clocks and co
 * positions rather than from relation matrices; see there.
 */
#include <string.h>

#include "mc-internal.h"

MC_STATE struct mc_loc mc_locs[MC_LOC];
MC_STATE uint16_t mc_nlocs;
static MC_STATE uint64_t loc_init[MC_LOC];
static MC_STATE uint16_t loc_hash[1u << 12];

uint16_t mc_loc_get(uint64_t addr, unsigned size, bool object, const char *what)
{
	uint16_t *slot = &loc_hash[(addr * 0x9e3779b97f4a7c15u + size) >> 52];

	for (unsigned i = *slot; i; i = mc_locs[i].hash_next)
		if (mc_locs[i].addr == addr && mc_locs[i].size == size)
			return (uint16_t)i;
	if (mc_nlocs + 1 >= MC_LOC)
		mc_fail_now(FAIL_MISUSE, NULL, "more than %d shared locations", MC_LOC);
	struct mc_loc *l = &mc_locs[++mc_nlocs];

	*l = (struct mc_loc){
		.addr = addr, .size = (uint8_t)size, .object = object, .hash_next = *slot,
		.what = what};
	*slot = mc_nlocs;
	return mc_nlocs;
}

uint64_t mc_loc_init(unsigned loc)
{
	return loc_init[loc];
}

void mc_loc_set_init(unsigned loc, uint64_t value)
{
	loc_init[loc] = value;
}

void mc_graph_reset(struct mc_graph *g)
{
	g->stamp = 0;
	g->nev = 0;
	g->nsc = 0;
	g->nloc = 0;
	memset(g->n, 0, sizeof(g->n));
}

void mc_graph_copy(struct mc_graph *to, const struct mc_graph *from)
{
	to->stamp = from->stamp;
	to->nev = from->nev;
	to->nsc = from->nsc;
	to->nloc = from->nloc;
	memcpy(to->n, from->n, sizeof(to->n));
	for (unsigned t = 0; t < MC_T; t++)
		if (from->n[t])
			memcpy(to->at[t], from->at[t], from->n[t] * sizeof(from->at[t][0]));
	memcpy(to->loc, from->loc, (from->nloc + 1u) * sizeof(from->loc[0]));
	memcpy(to->ev, from->ev, from->nev * sizeof(from->ev[0]));
}

/* The graph knows locations 1..nloc. */
static void grow_locs(struct mc_graph *g, unsigned loc)
{
	while (g->nloc < loc) {
		g->nloc++;
		g->loc[g->nloc] = (struct mc_loc_use){EID_INIT, EID_INIT, EID_NONE};
	}
}

struct mc_ev *mc_graph_append(struct mc_graph *g, unsigned tid, const struct mc_ask *op)
{
	if (g->nev >= MC_EV - 1 || g->n[tid] >= MC_EV_THREAD - 1)
		mc_fail_now(FAIL_LIVELOCK, op->pc, "an execution of more than %u steps",
			    g->nev >= MC_EV - 1 ? MC_EV : MC_EV_THREAD);
	unsigned at = g->nev++;
	struct mc_ev *e = &g->ev[at];

	e->kind = op->kind;
	e->tid = (uint8_t)tid;
	e->order = op->order;
	e->sorder = op->order;
	e->forder = op->forder;
	e->size = op->size;
	e->flags = op->flags;
	e->filter = op->filter;
	e->rmw = op->rmw;
	e->idx = g->n[tid];
	e->loc = op->loc;
	e->pair = op->pair;
	e->rf = e->co_prev = e->co_next = EID_NONE;
	e->co_pos = 0;
	e->loc_next = EID_NONE;
	e->stamp = ++g->stamp;
	e->value = op->value;
	e->arg = op->arg;
	e->operand = op->operand;
	e->pc = op->pc;
	e->what = op->what;
	g->at[tid][g->n[tid]++] = (uint16_t)at;
	if (op->loc) {
		grow_locs(g, op->loc);
		e->loc_next = g->loc[op->loc].chain;
		g->loc[op->loc].chain = (uint16_t)at;
	}
	if (e->order == MO_SEQ_CST && e->kind != EV_CHOICE)
		g->nsc++;
	return e;
}

static void unplace(struct mc_graph *g, struct mc_ev *w)
{
	struct mc_loc_use *l = &g->loc[w->loc];

	if (w->co_prev == EID_NONE)
		return;
	if (w->co_prev == EID_INIT)
		l->co_first = w->co_next == EID_NONE ? EID_INIT : w->co_next;
	else
		mc_ev(g, w->co_prev)->co_next = w->co_next;
	if (w->co_next == EID_NONE)
		l->co_last = w->co_prev;
	else
		mc_ev(g, w->co_next)->co_prev = w->co_prev;
	for (mc_eid i = w->co_next; i != EID_NONE; i = mc_ev(g, i)->co_next)
		mc_ev(g, i)->co_pos--;
	w->co_prev = w->co_next = EID_NONE;
}

/* Take back the event that was appended last. */
void mc_graph_pop(struct mc_graph *g, struct mc_ev *e)
{
	if (e->kind == EV_WRITE)
		unplace(g, e);
	if (e->loc)
		g->loc[e->loc].chain = e->loc_next;
	if (e->order == MO_SEQ_CST && e->kind != EV_CHOICE)
		g->nsc--;
	g->n[e->tid]--;
	g->nev--;
}

/* Put w right after `after` in coherence order. */
void mc_graph_place(struct mc_graph *g, struct mc_ev *w, mc_eid after)
{
	struct mc_loc_use *l = &g->loc[w->loc];
	mc_eid id = mc_id(w);

	unplace(g, w);
	w->co_prev = after;
	if (after == EID_INIT) {
		w->co_next = l->co_first == EID_INIT ? EID_NONE : l->co_first;
		l->co_first = id;
		w->co_pos = 1;
	} else {
		struct mc_ev *p = mc_ev(g, after);

		w->co_next = p->co_next;
		p->co_next = id;
		w->co_pos = p->co_pos + 1;
	}
	if (w->co_next == EID_NONE)
		l->co_last = id;
	else
		mc_ev(g, w->co_next)->co_prev = id;
	for (mc_eid i = w->co_next; i != EID_NONE; i = mc_ev(g, i)->co_next)
		mc_ev(g, i)->co_pos++;
}

/*
 * Remove the events marked in drop[] (by index in the graph). The caller sees to it that
 * what is left is closed under po and rf.
 */
void mc_graph_restrict(struct mc_graph *g, const bool *drop)
{
	unsigned out = 0;

	for (unsigned i = 0; i < g->nev; i++)
		if (drop[i] && g->ev[i].kind == EV_WRITE)
			unplace(g, &g->ev[i]);
	for (unsigned i = 1; i <= g->nloc; i++)
		g->loc[i].chain = EID_NONE;
	memset(g->n, 0, sizeof(g->n));
	g->nsc = 0;
	for (unsigned i = 0; i < g->nev; i++) {
		struct mc_ev *e = &g->ev[i];

		if (drop[i])
			continue;
		if (out != i)
			g->ev[out] = *e;
		e = &g->ev[out];
		g->at[e->tid][e->idx] = (uint16_t)out;
		if (g->n[e->tid] <= e->idx)
			g->n[e->tid] = e->idx + 1u;
		if (e->loc) {
			e->loc_next = g->loc[e->loc].chain;
			g->loc[e->loc].chain = (uint16_t)out;
		}
		if (e->order == MO_SEQ_CST && e->kind != EV_CHOICE)
			g->nsc++;
		out++;
	}
	g->nev = (uint16_t)out;
}

unsigned mc_co_pos(struct mc_graph *g, mc_eid write)
{
	return write == EID_INIT ? 0 : mc_ev(g, write)->co_pos;
}

/* G3: the smallest co position that an event with this hb prefix may read or follow. */
unsigned mc_floor(struct mc_graph *g, unsigned loc, const struct mc_clock *hb)
{
	unsigned floor = 0;

	if (loc > g->nloc)
		return 0;
	for (unsigned i = g->loc[loc].chain; i != EID_NONE; i = g->ev[i].loc_next) {
		const struct mc_ev *e = &g->ev[i];
		unsigned pos;

		if (!mc_in(hb, e))
			continue;
		if (e->kind == EV_READ)
			pos = e->rf == EID_NONE ? 0 : mc_co_pos(g, e->rf);
		else
			pos = e->co_pos;
		if (pos > floor)
			floor = pos;
	}
	return floor;
}

uint64_t mc_write_value(struct mc_graph *g, unsigned loc, mc_eid write)
{
	return write == EID_INIT ? loc_init[loc] : mc_ev(g, write)->value;
}

bool mc_filter_ok(const struct mc_ev *r, uint64_t value)
{
	switch (r->filter) {
	case FILTER_EQ:
		return value == r->arg;
	case FILTER_WOKEN:
		return value >> (32 + r->arg) & 1;
	case FILTER_WAITING:
		return value >> r->arg & 1;
	case FILTER_BITS0:
		return !(value & r->arg);
	default:
		return true;
	}
}

/* r->rf was set: what follows from the value. */
void mc_settle_read(struct mc_graph *g, struct mc_ev *r)
{
	r->value = mc_write_value(g, r->loc, r->rf);
	if (r->flags & EVF_IDEM) {
		if (mc_rmw_value(r->rmw, r->value, r->operand, r->size) != r->value)
			r->flags |= EVF_EXCL;
		else
			r->flags &= (uint8_t)~EVF_EXCL;
	}
	if (r->flags & EVF_CAS) {
		bool hit = r->value == r->arg;
		unsigned order = hit ? r->sorder : r->forder;

		if (hit)
			r->flags |= EVF_EXCL;
		else
			r->flags &= (uint8_t)~EVF_EXCL;
		g->nsc += (unsigned)(order == MO_SEQ_CST) - (unsigned)(r->order == MO_SEQ_CST);
		r->order = (uint8_t)order;
	}
}

uint64_t mc_rmw_value(unsigned rmw, uint64_t old, uint64_t operand, unsigned size)
{
	uint64_t v = old;

	switch (rmw) {
	case RMW_XCHG:
		v = operand;
		break;
	case RMW_ADD:
		v = old + operand;
		break;
	case RMW_SUB:
		v = old - operand;
		break;
	case RMW_AND:
		v = old & operand;
		break;
	case RMW_OR:
		v = old | operand;
		break;
	case RMW_XOR:
		v = old ^ operand;
		break;
	case RMW_NAND:
		v = ~(old & operand);
		break;
	default:
		break;
	}
	return size >= 8 ? v : v & ((1ull << 8 * size) - 1);
}

static void include_self(struct mc_ev *e)
{
	e->hb.c[e->tid] = (int16_t)(e->idx + 1);
	e->porf.c[e->tid] = (int16_t)(e->idx + 1);
}

/* Views of a read whose thread is not at hand: from its predecessor and its source. */
void mc_read_views(struct mc_graph *g, struct mc_ev *r)
{
	if (r->idx) {
		const struct mc_ev *p = mc_ev(g, EID(r->tid, r->idx - 1));

		r->hb = p->hb;
		r->porf = p->porf;
	} else {
		memset(&r->hb, 0, sizeof(r->hb));
		memset(&r->porf, 0, sizeof(r->porf));
	}
	if (r->rf != EID_INIT) {
		const struct mc_ev *w = mc_ev(g, r->rf);

		mc_join(&r->porf, &w->porf);
		if (mo_acquires(r->order))
			mc_join(&r->hb, &w->msg);
	}
	include_self(r);
}

/* G4: what a store passes on. e->hb is set. */
static void message(struct mc_graph *g, struct mc_ev *e, const struct mc_thread *t)
{
	if (e->flags & EVF_VIEW)
		e->msg = mc_ev(g, EID(e->tid, e->arg))->hb;
	else if (mo_releases(e->order))
		e->msg = e->hb;
	else
		e->msg = t->rel;
	if (!mc_opt.rs_c20 && !mo_releases(e->order)) {
		const struct mc_ev *best = NULL;

		for (unsigned i = g->loc[e->loc].chain; i != EID_NONE; i = g->ev[i].loc_next) {
			const struct mc_ev *o = &g->ev[i];

			if (o->tid == e->tid && o->idx < e->idx && o->kind == EV_WRITE &&
			    mo_releases(o->order) && (!best || best->idx < o->idx))
				best = o;
		}
		if (best)
			mc_join(&e->msg, &best->hb);
	}
	if (e->flags & EVF_EXCL) {
		mc_eid source = mc_ev(g, EID(e->tid, e->pair))->rf;

		if (source != EID_INIT)
			mc_join(&e->msg, &mc_ev(g, source)->msg);
	}
}

/* Views of a store that t is about to make: those of its predecessor. */
void mc_write_views(struct mc_graph *g, struct mc_ev *w, const struct mc_thread *t)
{
	if (w->idx) {
		const struct mc_ev *p = mc_ev(g, EID(w->tid, w->idx - 1));

		w->hb = p->hb;
		w->porf = p->porf;
	} else {
		memset(&w->hb, 0, sizeof(w->hb));
		memset(&w->porf, 0, sizeof(w->porf));
	}
	include_self(w);
	message(g, w, t);
}

/* Execute e's effect on the views of its thread, and store them in the event (G1). */
void mc_views(struct mc_graph *g, struct mc_ev *e, struct mc_thread *t)
{
	switch (e->kind) {
	case EV_READ:
		if (e->rf != EID_INIT) {
			const struct mc_ev *w = mc_ev(g, e->rf);

			mc_join(&t->porf, &w->porf);
			mc_join(&t->acq, &w->msg);
			if (mo_acquires(e->order))
				mc_join(&t->hb, &w->msg);
		}
		break;
	case EV_FENCE:
		if (mo_acquires(e->order))
			mc_join(&t->hb, &t->acq);
		break;
	default:
		break;
	}
	t->hb.c[e->tid] = (int16_t)(e->idx + 1);
	t->porf.c[e->tid] = (int16_t)(e->idx + 1);
	e->hb = t->hb;
	e->porf = t->porf;
	if (e->kind == EV_FENCE && mo_releases(e->order))
		t->rel = t->hb;
	if (e->kind == EV_WRITE)
		message(g, e, t);
}

/* --- SC --- */

#define SC_MAX 64
#define POS_NONE 0xffffu

/* hb(a, b) for different events. */
static bool before(const struct mc_ev *a, const struct mc_ev *b)
{
	return a != b && mc_in(&b->hb, a);
}

static bool same_loc(const struct mc_ev *a, const struct mc_ev *b)
{
	return a->loc && a->loc == b->loc;
}

/* mo or rb from a to b, same location. */
static bool mo_rb(struct mc_graph *g, const struct mc_ev *a, const struct mc_ev *b)
{
	if (!same_loc(a, b) || b->kind != EV_WRITE)
		return false;
	unsigned pos = a->kind == EV_WRITE ? a->co_pos : mc_co_pos(g, a->rf);

	return b->co_pos > pos;
}

/* eco from a to b, same location. */
static bool eco(struct mc_graph *g, const struct mc_ev *a, const struct mc_ev *b)
{
	unsigned from, to;

	if (!same_loc(a, b) || a == b)
		return false;
	from = a->kind == EV_WRITE ? a->co_pos : mc_co_pos(g, a->rf);
	to = b->kind == EV_WRITE ? b->co_pos : mc_co_pos(g, b->rf);
	if (a->kind == EV_WRITE && b->kind == EV_READ)
		return to >= from;
	return to > from;
}

/* sb outside one location, hb, sb outside one location. */
static bool sb_hb_sb(struct mc_graph *g, const struct mc_ev *a, const struct mc_ev *b)
{
	const struct mc_ev *c = NULL, *d = NULL;

	for (unsigned i = a->idx + 1u; i < g->n[a->tid] && !c; i++) {
		const struct mc_ev *e = mc_ev(g, EID(a->tid, i));

		if (!same_loc(a, e) && e->kind < EV_CHOICE)
			c = e;
	}
	for (unsigned i = b->idx; i-- > 0 && !d;) {
		const struct mc_ev *e = mc_ev(g, EID(b->tid, i));

		if (!same_loc(b, e) && e->kind < EV_CHOICE)
			d = e;
	}
	return c && d && before(c, d);
}

/* [SC access a] ; scb ; [SC access b] */
static bool scb(struct mc_graph *g, const struct mc_ev *a, const struct mc_ev *b)
{
	if (a->tid == b->tid && a->idx < b->idx)
		return true;
	return (same_loc(a, b) && before(a, b)) || mo_rb(g, a, b) || sb_hb_sb(g, a, b);
}

/*
 * psc from SC event a to SC event b:
 *   psc_base = ([SC] u [Fsc];hb?) ; scb ; ([SC] u hb?;[Fsc])
 *   psc_F    = [Fsc] ; (hb u hb;eco;hb) ; [Fsc]
 * The two ends of a fence's hb? are looked for among all events; where hb alone joins
 * them to the fence, hb is transitive and the case needs no look.
 */
static bool psc(struct mc_graph *g, const struct mc_ev *a, const struct mc_ev *b)
{
	bool fa = a->kind == EV_FENCE, fb = b->kind == EV_FENCE;

	if (a->tid == b->tid)
		return a->idx < b->idx;
	if (!fa && !fb)
		return scb(g, a, b);
	if (fa && fb) {
		if (before(a, b))
			return true;
		for (unsigned i = 0; i < g->nev; i++) {
			const struct mc_ev *x = &g->ev[i];

			if (!x->loc || !before(a, x))
				continue;
			for (unsigned j = g->loc[x->loc].chain; j != EID_NONE;
			     j = g->ev[j].loc_next)
				if (before(&g->ev[j], b) && eco(g, x, &g->ev[j]))
					return true;
		}
		return false;
	}
	if (fa) {
		/* hb to something po-before b, or b itself by scb from something after a. */
		if (b->idx && before(a, mc_ev(g, EID(b->tid, b->idx - 1))))
			return true;
		for (unsigned j = g->loc[b->loc].chain; j != EID_NONE; j = g->ev[j].loc_next) {
			const struct mc_ev *x = &g->ev[j];

			if (x != b && before(a, x) && (mo_rb(g, x, b) || before(x, b)))
				return true;
		}
		return sb_hb_sb(g, a, b);
	}
	if (a->idx + 1u < g->n[a->tid] && before(mc_ev(g, EID(a->tid, a->idx + 1)), b))
		return true;
	for (unsigned j = g->loc[a->loc].chain; j != EID_NONE; j = g->ev[j].loc_next) {
		const struct mc_ev *x = &g->ev[j];

		if (x != a && before(x, b) && (mo_rb(g, a, x) || before(a, x)))
			return true;
	}
	return sb_hb_sb(g, a, b);
}

/* Is psc acyclic? Views of all events must be up to date. */
bool mc_sc_ok(struct mc_graph *g)
{
	const struct mc_ev *sc[SC_MAX];
	uint64_t reach[SC_MAX];
	unsigned n = 0;

	if (g->nsc < 2)
		return true;
	for (unsigned i = 0; i < g->nev; i++) {
		const struct mc_ev *e = &g->ev[i];

		if (e->order != MO_SEQ_CST || e->kind >= EV_CHOICE)
			continue;
		if (e->kind == EV_READ && e->rf == EID_NONE)
			continue;
		if (n == SC_MAX)
			mc_fail_now(FAIL_MISUSE, e->pc, "more than %d seq_cst events", SC_MAX);
		sc[n++] = e;
	}
	for (unsigned i = 0; i < n; i++) {
		reach[i] = 0;
		for (unsigned j = 0; j < n; j++)
			if (i != j && psc(g, sc[i], sc[j]))
				reach[i] |= 1ull << j;
	}
	for (unsigned k = 0; k < n; k++)
		for (unsigned i = 0; i < n; i++)
			if (reach[i] >> k & 1)
				reach[i] |= reach[k];
	for (unsigned i = 0; i < n; i++)
		if (reach[i] >> i & 1)
			return false;
	return true;
}

/*
 * Could e, which nothing is hb-after, close a cycle of psc that was not there without it? It
 * is only ever the first of the two events between fences: there must be a fence before it,
 * and something eco-after it that is hb-before a fence. SC accesses always get a full look.
 */
static bool may_close(struct mc_graph *g, const struct mc_ev *e)
{
	const struct mc_ev *fence[SC_MAX];
	unsigned n = 0;
	bool after = false;

	for (unsigned i = 0; i < g->nev; i++) {
		const struct mc_ev *f = &g->ev[i];

		if (f->order != MO_SEQ_CST || f->kind >= EV_CHOICE)
			continue;
		if (f->kind != EV_FENCE || n == SC_MAX)
			return true;
		after |= before(f, e);
		fence[n++] = f;
	}
	if (!after)
		return false;
	for (unsigned j = g->loc[e->loc].chain; j != EID_NONE; j = g->ev[j].loc_next) {
		const struct mc_ev *b = &g->ev[j];

		if ((b->kind == EV_READ && b->rf == EID_NONE) || !eco(g, e, b))
			continue;
		for (unsigned k = 0; k < n; k++)
			if (before(b, fence[k]))
				return true;
	}
	return false;
}

/* mc_sc_ok() of a graph that was consistent before r and w (either may be NULL) changed. */
bool mc_sc_ok_with(struct mc_graph *g, const struct mc_ev *r, const struct mc_ev *w)
{
	if (g->nsc < 2 || ((!r || !may_close(g, r)) && (!w || !may_close(g, w))))
		return true;
	return mc_sc_ok(g);
}
