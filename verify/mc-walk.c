/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-walk.c - executions built forwards: bounded, random, PCT and replay.
 *
 * Here events are added in the order in which they happen: at each visible operation some
 * thread is chosen to go on, a read takes one of the stores that are there and that
 * coherence and psc allow, a store one of its places. What decides differs:
 *
 *  bounded  every decision is tried, by depth-first search over the stack of decisions;
 *           at most B times does a thread that could go on have to give way. Nothing is
 *           pruned: no sleep sets and no reduction whose proof needs unbounded preemption,
 *           so the same graph comes up many times, and the verdict never says complete.
 *  random   each decision uniformly. pct: Burckhardt, Kothari, Musuvathi, Nagarakatte,
 *           "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
 *           ASPLOS 2010: random priorities, d - 1 random points where the thread that runs
 *           falls to the lowest; values at random.
 *  replay   decisions come from the string of a counter-example.
 *
 * A thread whose filtered read has nothing to take, or that came round a waiting loop,
 * waits until its location is written. One that came round with old values looks at the
 * latest ones from then on (fairness).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mc-internal.h"

#define DECISIONS_MAX 65536

static MC_STATE struct decision {
	uint16_t n, chosen;
} *decisions;
static MC_STATE unsigned ndecisions, depth;
static MC_STATE uint64_t rng;
static MC_STATE int granted, next_thread;
static MC_STATE unsigned preemptions;
static MC_STATE uint64_t priority[MC_T];
static MC_STATE unsigned change_at[64], steps, steps_seen;

struct entry {
	uint8_t tid;
	char kind;
	uint16_t arg;
};
static MC_STATE struct entry *script;
static MC_STATE unsigned nscript, at_script;
static MC_STATE int script_tail;
static MC_STATE bool misfit; /* the script is of another program */

static uint64_t draw(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1du >> 16;
}

/* One of n, by depth-first search or at random. */
static unsigned decide(unsigned n)
{
	if (n <= 1)
		return 0;
	if (mc_opt.mode != BOUNDED)
		return (unsigned)(draw() % n);
	if (depth == DECISIONS_MAX)
		mc_fail_now(FAIL_LIVELOCK, NULL, "more than %d decisions", DECISIONS_MAX);
	if (depth == ndecisions) {
		decisions[ndecisions++] = (struct decision){(uint16_t)n, 0};
	} else if (decisions[depth].n != n) {
		mc_fail_now(FAIL_MISUSE, NULL, "the program is not deterministic: decision %u", depth);
	}
	return decisions[depth++].chosen;
}

static bool runnable(unsigned t)
{
	return t < mc_r->nthreads &&
	       (mc_r->th[t].state == TH_READY || mc_r->th[t].state == TH_PENDING);
}

/* Who goes on? `me` is at an operation and could, or is -1. */
static int schedule(int me)
{
	unsigned list[MC_T], n = 0;

	if (mc_opt.mode == REPLAY) {
		if (at_script < nscript) {
			int t = script[at_script].tid;

			misfit |= t != me && !runnable((unsigned)t);
			return misfit ? -1 : t;
		}
		if (script_tail >= 0 && (script_tail == me || runnable((unsigned)script_tail)))
			return script_tail;
	}
	if (me >= 0)
		list[n++] = (unsigned)me;
	for (unsigned t = 0; t < mc_r->nthreads; t++)
		if ((int)t != me && runnable(t))
			list[n++] = t;
	if (!n)
		return -1;
	if (mc_opt.mode == REPLAY)
		return (int)list[0];
	if (mc_opt.mode == PCT) {
		unsigned best = 0;

		steps++;
		for (unsigned i = 0; i + 1 < mc_opt.pct_depth && i < 64; i++)
			if (steps == change_at[i] && me >= 0)
				priority[me] = i;
		for (unsigned i = 1; i < n; i++)
			if (priority[list[i]] > priority[list[best]])
				best = i;
		return (int)list[best];
	}
	if (mc_opt.mode == BOUNDED && me >= 0 && mc_opt.bound >= 0 &&
	    preemptions >= (unsigned)mc_opt.bound)
		return me;
	unsigned i = decide(n);

	if (me >= 0 && i)
		preemptions++;
	return (int)list[i];
}

static int pick(void)
{
	if (next_thread >= 0) {
		int t = next_thread;

		next_thread = -1;
		granted = t;
		return t;
	}
	return granted = schedule(-1);
}

static void wake(unsigned loc)
{
	for (unsigned u = 0; u < mc_r->nthreads; u++) {
		struct mc_thread *th = &mc_r->th[u];
		unsigned n = mc_g->n[u];

		if (th->state != TH_BLOCKED)
			continue;
		if (th->wait_loc == loc) {
			th->wait_loc = 0;
			th->woken = true;
			th->state = TH_READY;
			continue;
		}
		if (!n)
			continue;
		struct mc_ev *b = mc_ev(mc_g, EID(u, n - 1));
		bool hit = false;

		if (b->kind != EV_BLOCK)
			continue;
		for (unsigned i = 1; i <= b->arg; i++)
			hit |= mc_ev(mc_g, EID(u, n - 1 - i))->loc == loc;
		if (!hit)
			continue;
		bool drop[MC_EV] = {false};

		drop[b - mc_g->ev] = true;
		mc_graph_restrict(mc_g, drop);
		th->woken = true;
		th->state = TH_READY;
	}
}

static enum mc_visit do_read(unsigned tid, const struct mc_ask *op)
{
	struct mc_graph *g = mc_g;
	struct mc_thread *t = &mc_r->th[tid];
	struct mc_ev *e = mc_graph_append(g, tid, op);
	unsigned floor = mc_floor(g, e->loc, &t->hb), n = 0;
	mc_eid options[512];

	for (mc_eid a = g->loc[e->loc].co_last;; a = mc_ev(g, a)->co_prev) {
		if (mc_co_pos(g, a) < floor)
			break;
		e->rf = a;
		mc_settle_read(g, e);
		mc_eid next = a == EID_INIT ? g->loc[e->loc].co_first : mc_ev(g, a)->co_next;
		bool rmw = (e->flags & EVF_EXCL) || e->rmw == RMW_LATER;
		bool taken = next != EID_NONE && next != EID_INIT &&
			     (mc_ev(g, next)->flags & EVF_EXCL);
		bool ok = mc_filter_ok(e, e->value) && !(rmw && taken) && n < 512;

		mc_read_views(g, e);
		if (ok && mc_sc_ok_with(g, e, NULL))
			options[n++] = a;
		if (a == EID_INIT || t->latest)
			break;
	}
	if (!n) {
		t->wait_loc = e->loc;
		mc_graph_pop(g, e);
		return VISIT_BLOCK;
	}
	unsigned i = 0;

	if (mc_opt.mode == REPLAY && at_script < nscript) {
		while (i < n && options[i] != script[at_script].arg)
			i++;
		if (i == n)
			mc_fail_now(FAIL_MISUSE, op->pc, "the replay string does not fit");
	} else {
		i = mc_opt.mode == REPLAY ? 0 : decide(n);
	}
	e->rf = options[i];
	mc_settle_read(g, e);
	t->open_step = e->rmw == RMW_LATER ? 2 : 0;
	t->latest -= t->latest > 0;
	return VISIT_GO;
}

static enum mc_visit do_write(unsigned tid, const struct mc_ask *op)
{
	struct mc_graph *g = mc_g;
	struct mc_ev *w = mc_graph_append(g, tid, op);
	mc_eid options[512];
	unsigned n = 0;

	mc_r->th[tid].latest = 0;
	mc_write_views(g, w, &mc_r->th[tid]);
	if (op->flags & EVF_EXCL) {
		options[n++] = mc_ev(g, EID(tid, w->pair))->rf;
	} else {
		unsigned floor = mc_floor(g, w->loc, &mc_r->th[tid].hb);

		for (mc_eid a = g->loc[w->loc].co_last;; a = mc_ev(g, a)->co_prev) {
			if (mc_co_pos(g, a) < floor)
				break;
			mc_eid next = a == EID_INIT ? g->loc[w->loc].co_first : mc_ev(g, a)->co_next;

			if (n < 512 && (next == EID_NONE || next == EID_INIT ||
					!(mc_ev(g, next)->flags & EVF_EXCL)))
				options[n++] = a;
			if (a == EID_INIT)
				break;
		}
	}
	unsigned i = 0;

	if (mc_opt.mode == REPLAY && at_script < nscript) {
		while (i < n && options[i] != script[at_script].arg)
			i++;
		if (i == n)
			mc_fail_now(FAIL_MISUSE, op->pc, "the replay string does not fit");
	} else {
		i = mc_opt.mode == REPLAY ? 0 : decide(n);
	}
	mc_graph_place(g, w, options[i]);
	if (!mc_sc_ok_with(g, NULL, w))
		return VISIT_DROP;
	wake(w->loc);
	return VISIT_GO;
}

static enum mc_visit visit(unsigned tid, const struct mc_ask *op)
{
	struct mc_thread *t = &mc_r->th[tid];
	bool inside = t->open_step || (op->flags & EVF_EXCL && op->kind == EV_WRITE) ||
		      (op->kind == EV_CHOICE && mc_opt.mode != REPLAY);

	if (mc_opt.mode == REPLAY && at_script < nscript)
		inside = false;
	if (t->open_step)
		t->open_step--;
	if (granted != (int)tid && !inside) {
		int who = schedule((int)tid);

		if (who != (int)tid) {
			next_thread = who;
			return VISIT_YIELD;
		}
	}
	granted = -1;
	enum mc_visit v = VISIT_GO;

	if (op->kind == EV_READ) {
		v = do_read(tid, op);
	} else if (op->kind == EV_WRITE) {
		v = do_write(tid, op);
	} else if (op->kind == EV_CHOICE) {
		unsigned value = mc_opt.mode == REPLAY
					 ? at_script < nscript ? script[at_script].arg : 0
					 : decide((unsigned)op->value);

		mc_graph_append(mc_g, tid, op)->value = value;
	} else {
		mc_graph_append(mc_g, tid, op);
	}
	if (v == VISIT_GO && mc_opt.mode == REPLAY && at_script < nscript)
		at_script++;
	return v;
}

/* The thread's last n events did nothing: take them back. */
static void forget(unsigned tid, unsigned n)
{
	static MC_STATE bool drop[MC_EV];
	struct mc_thread *t = &mc_r->th[tid];
	unsigned left = t->done - n, out = 0;

	for (unsigned i = 0; i < mc_g->nev; i++)
		drop[i] = mc_g->ev[i].tid == tid && mc_g->ev[i].idx >= left;
	mc_graph_restrict(mc_g, drop);
	for (unsigned i = 0; i < mc_order_len; i++)
		if (EID_T(mc_order[i]) != tid || EID_I(mc_order[i]) < left)
			mc_order[out++] = mc_order[i];
	mc_order_len = out;
	t->done = (uint16_t)left;
	memset(&t->hb, 0, sizeof(t->hb));
	memset(&t->porf, 0, sizeof(t->porf));
	memset(&t->acq, 0, sizeof(t->acq));
	if (left) {
		t->hb = mc_ev(mc_g, EID(tid, left - 1))->hb;
		t->porf = mc_ev(mc_g, EID(tid, left - 1))->porf;
	}
	for (unsigned i = 0; i < left; i++) {
		const struct mc_ev *e = mc_ev(mc_g, EID(tid, i));

		if (e->kind == EV_READ && e->rf != EID_INIT)
			mc_join(&t->acq, &mc_ev(mc_g, e->rf)->msg);
	}
}

static enum mc_visit visit_block(unsigned tid, unsigned tail)
{
	struct mc_thread *t = &mc_r->th[tid];
	struct mc_ask op = {.kind = EV_BLOCK, .flags = EVF_PAUSE, .arg = tail};

	if (mc_opt.mode == REPLAY && at_script < nscript) {
		for (unsigned i = at_script; i < nscript; i++)
			if (script[i].tid == tid)
				return VISIT_GO; /* it went on in the failed execution */
	}
	const struct mc_ev *only = mc_ev(mc_g, EID(tid, mc_g->n[tid] - 1));

	if (tail == 1 && only->kind == EV_READ) {
		bool stale = only->rf != mc_g->loc[only->loc].co_last;

		t->wait_loc = stale ? 0 : only->loc;
		t->latest = stale; /* one read */
		forget(tid, 1);
		return stale ? VISIT_GO : VISIT_BLOCK;
	}
	for (unsigned i = 1; i <= tail; i++) {
		const struct mc_ev *r = mc_ev(mc_g, EID(tid, mc_g->n[tid] - i));

		if (r->kind == EV_READ && r->rf != mc_g->loc[r->loc].co_last) {
			t->latest = (uint16_t)tail;
			return VISIT_GO;
		}
	}
	mc_graph_append(mc_g, tid, &op);
	return VISIT_BLOCK;
}

/* thread kind argument, dot-separated; at the end !thread, who failed. */
static void parse(const char *s)
{
	script = script ? script : mc_map(MC_EV * 2 * sizeof(*script));
	nscript = at_script = 0;
	script_tail = -1;
	while (*s) {
		char *end;

		if (*s == '!') {
			script_tail = (int)strtol(s + 1, &end, 16);
			break;
		}
		struct entry *e = &script[nscript++];

		e->tid = (uint8_t)strtoul(s, &end, 16);
		e->kind = *end++;
		e->arg = (uint16_t)strtoul(end, &end, 16);
		s = *end == '.' ? end + 1 : end;
		if (nscript == MC_EV * 2)
			break;
	}
}

/* --- a shorter counter-example --- */

/*
 * The failed run is a sequence of events. Which ones there are and what each reads decides whether
 * it fails; the sequence may be any that keeps po and rf. So first events go that the failure
 * does not hang on, a thread's last ones at a time, and then threads go on as long as they
 * can. Each step is tried by replaying it, and kept if the same failure comes out.
 */
struct step {
	mc_eid id;
	mc_eid rf; /* of a read, or NONE */
	char kind;
	uint16_t arg;
};
static MC_STATE struct step *all, *kept, *tried;
static MC_STATE unsigned nkept;

/* The failed run as steps. */
static unsigned steps_of_run(struct step *into)
{
	for (unsigned i = 0; i < mc_order_len; i++) {
		const struct mc_ev *e = mc_ev(mc_g, mc_order[i]);

		into[i] = (struct step){.id = mc_order[i], .rf = EID_NONE};
		if (e->kind == EV_READ && e->rf != EID_INIT)
			into[i].rf = e->rf;
	}
	return mc_order_len;
}

/* Run the given steps and on. Is it the same failure? */
static bool fails_alike(const struct step *steps_in, unsigned n, const struct mc_failure *want)
{
	for (unsigned i = 0; i < n; i++)
		script[i] = (struct entry){(uint8_t)EID_T(steps_in[i].id), steps_in[i].kind,
					   steps_in[i].arg};
	nscript = n;
	at_script = 0;
	script_tail = (int)want->thread;
	depth = preemptions = 0;
	granted = next_thread = -1;
	memset(&mc_failure, 0, sizeof(mc_failure));
	misfit = false;
	mc_graph_reset(mc_g);
	return mc_run_graph() == END_FAILED && !misfit && mc_order_len <= n && mc_failure.kind == want->kind &&
	       mc_failure.thread == want->thread && mc_failure.pc == want->pc;
}

/* Arguments of the replay string, for these steps of the graph `g`, in this order. */
static void fill_arguments(struct mc_graph *g, struct step *list, unsigned n)
{
	static MC_STATE bool added[1u << 16];

	memset(added, 0, sizeof(added));
	for (unsigned i = 0; i < n; i++) {
		const struct mc_ev *e = mc_ev(g, list[i].id);

		list[i].kind = 'z';
		list[i].arg = 0;
		if (e->kind == EV_READ) {
			list[i].kind = 'r';
			list[i].arg = e->rf;
		} else if (e->kind == EV_WRITE) {
			mc_eid at = e->co_prev;

			while (at != EID_INIT && !added[at])
				at = mc_ev(g, at)->co_prev;
			list[i].kind = 'w';
			list[i].arg = at;
			added[list[i].id] = true;
		} else if (e->kind == EV_CHOICE) {
			list[i].kind = 'n';
			list[i].arg = (uint16_t)e->value;
		}
	}
}

/* `from` without the events of thread t from number `left` on, and what hangs on them. */
static unsigned without(const struct step *from, unsigned n, unsigned t, unsigned left,
			struct step *into)
{
	static MC_STATE uint16_t first_gone[MC_T];
	unsigned out = 0;

	memset(first_gone, 0xff, sizeof(first_gone));
	first_gone[t] = (uint16_t)left;
	for (unsigned i = 0; i < n; i++) {
		unsigned tid = EID_T(from[i].id), idx = EID_I(from[i].id);
		mc_eid rf = from[i].rf;

		if (rf != EID_NONE && EID_I(rf) >= first_gone[EID_T(rf)] &&
		    idx < first_gone[tid])
			first_gone[tid] = (uint16_t)idx;
		if (idx < first_gone[tid])
			into[out++] = from[i];
	}
	return out;
}

/* The same steps, each thread going on as long as it can. */
static void fewer_switches(const struct step *from, unsigned n, struct step *into)
{
	static MC_STATE bool done[1u << 16];
	unsigned out = 0, current = n ? EID_T(from[0].id) : 0;

	memset(done, 0, sizeof(done));
	while (out < n) {
		unsigned pick_at = n, first = n;

		for (unsigned i = 0; i < n && pick_at == n; i++) {
			if (done[from[i].id])
				continue;
			bool ready = (from[i].rf == EID_NONE || done[from[i].rf]) &&
				     (!EID_I(from[i].id) || done[from[i].id - 1]);

			if (ready && EID_T(from[i].id) == current)
				pick_at = i;
			if (ready && first == n)
				first = i;
		}
		pick_at = pick_at == n ? first : pick_at;
		if (pick_at == n)
			break; /* cannot be: porf is acyclic */
		done[from[pick_at].id] = true;
		current = EID_T(from[pick_at].id);
		into[out++] = from[pick_at];
	}
}

/* mc_g, mc_order and mc_failure are those of a failed run; they are those of a smaller one then. */
void mc_minimise(void)
{
	enum mc_strategy mode = mc_opt.mode;
	struct mc_failure want = mc_failure;
	struct mc_graph *g = mc_map(sizeof(*g));

	if (!all) {
		all = mc_map(MC_EV * 2 * sizeof(*all));
		kept = mc_map(MC_EV * 2 * sizeof(*kept));
		tried = mc_map(MC_EV * 2 * sizeof(*tried));
	}
	script = script ? script : mc_map(MC_EV * 2 * sizeof(*script));
	mc_graph_copy(g, mc_g);
	nkept = steps_of_run(kept);
	memcpy(all, kept, nkept * sizeof(*all));
	mc_opt.mode = REPLAY;
	mc_visit_op = visit;
	mc_visit_block = visit_block;
	mc_pick = pick;

	unsigned n = nkept;

	fill_arguments(g, kept, n);
	for (unsigned t = 0; t < MC_T && want.kind != FAIL_DEADLOCK; t++)
		for (unsigned left = 0; left < g->n[t]; left++) {
			unsigned m = without(kept, n, t, left, tried);

			if (m == n)
				break; /* nothing left to take away */
			fill_arguments(g, tried, m);
			if (!fails_alike(tried, m, &want))
				continue;
			memcpy(kept, tried, m * sizeof(*kept));
			n = m;
			break;
		}
	fewer_switches(kept, n, tried);
	fill_arguments(g, tried, n);
	if (!fails_alike(tried, n, &want)) {
		fill_arguments(g, kept, n);
		if (!fails_alike(kept, n, &want)) {
			fill_arguments(g, all, nkept);
			if (!fails_alike(all, nkept, &want))
				mc_failure = want;
		}
	}
	munmap(g, sizeof(*g));
	mc_opt.mode = mode;
}

static bool advance(void)
{
	ndecisions = depth;
	while (ndecisions && decisions[ndecisions - 1].chosen + 1 >= decisions[ndecisions - 1].n)
		ndecisions--;
	if (!ndecisions)
		return false;
	decisions[ndecisions - 1].chosen++;
	return true;
}

void mc_walk(void)
{
	if (!decisions)
		decisions = mc_map(DECISIONS_MAX * sizeof(*decisions));
	mc_visit_op = visit;
	mc_visit_block = visit_block;
	mc_pick = pick;
	ndecisions = 0;
	steps_seen = 16;
	rng = mc_opt.seed * 2 + 0x9e3779b97f4a7c15u;
	if (mc_opt.mode == REPLAY)
		parse(mc_opt.replay);
	for (uint64_t i = 0;; i++) {
		depth = 0;
		preemptions = 0;
		granted = next_thread = -1;
		at_script = 0;
		if (steps > steps_seen)
			steps_seen = steps;
		steps = 0;
		for (unsigned t = 0; t < MC_T && mc_opt.mode == PCT; t++)
			priority[t] = 64 + draw() % 1000000;
		for (unsigned k = 0; k < 64 && mc_opt.mode == PCT; k++)
			change_at[k] = (unsigned)(draw() % steps_seen) + 1;
		mc_graph_reset(mc_g);
		misfit = false;

		enum mc_end end = mc_run_graph();

		if (misfit) {
			end = END_FAILED;
			mc_failure.kind = FAIL_MISUSE;
			snprintf(mc_failure.text, sizeof(mc_failure.text),
				 "the replay string does not fit");
		}
		if (!mc_tally(end) || mc_opt.mode == REPLAY)
			return;
		if (mc_opt.mode == BOUNDED ? !advance() : i + 1 >= mc_opt.runs)
			break;
	}
	mc_stats.limited = true;
	mc_stats.limit = mc_opt.mode == BOUNDED ? "preemption bound" : "sampling";
}
