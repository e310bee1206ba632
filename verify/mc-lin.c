/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-lin.c - is the history of an execution linearizable?
 *
 * An execution is a graph, not a sequence: one operation comes before another iff its
 * return is in the porf prefix of the other's call. (In C11 there is no other "earlier":
 * that a store "was made long ago" is no reason for a load to see it.) So the order to
 * respect is partial, and not an interval order, which is why this is not mc_linearizable()
 * of mc-history.c, whose histories come from real clocks. The search is the same: Wing and
 * Gong's, with Lowe's memo of (operations done, state).
 *
 * An operation that has not returned may be left out or take effect.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mc-internal.h"

#define MEMO (1u << 12)

static MC_STATE uint64_t preds[MC_HISTORY_MAX];
static MC_STATE struct memo {
	uint64_t hash;
	uint32_t run;
} *memo;

void mc_call(unsigned op, uint64_t arg0, uint64_t arg1)
{
	struct mc_thread *t = mc_self();

	if (mc_mode == MODE_PROBE)
		mc_probe_abort();
	if (mc_r->nhist >= MC_HISTORY_MAX)
		mc_fail_now(FAIL_MISUSE, NULL, "more than %d operations in a history", MC_HISTORY_MAX);
	struct mc_record *r = &mc_r->hist[mc_r->nhist];

	r->h = (struct mc_op){.op = op, .thread = mc_thread(), .arg = {arg0, arg1},
			      .ret = UINT64_MAX};
	r->call = t->porf;
	r->returned = false;
	t->open_op = (int16_t)mc_r->nhist++;
}

void mc_return(uint64_t result0, uint64_t result1)
{
	struct mc_thread *t = mc_self();

	if (t->open_op < 0)
		mc_fail_now(FAIL_MISUSE, NULL, "mc_return without mc_call");
	struct mc_record *r = &mc_r->hist[t->open_op];

	r->h.result[0] = result0;
	r->h.result[1] = result1;
	r->h.ret = 0;
	r->returned = true;
	r->ret = t->porf;
	t->open_op = -1;
}

static uint64_t hash(uint64_t done, const unsigned char *state, size_t n)
{
	uint64_t h = done * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ state[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static bool search(const struct mc_spec *spec, uint64_t done, uint64_t must,
		   unsigned char *states, unsigned level)
{
	size_t n = spec->state_bytes;
	unsigned char *state = states + level * n, *next = state + n;

	if ((done & must) == must)
		return true;
	uint64_t h = hash(done, state, n);
	struct memo *m = &memo[h % MEMO];

	if (m->run == mc_run_number && m->hash == h)
		return false;
	m->run = mc_run_number;
	m->hash = h;
	for (unsigned i = 0; i < mc_r->nhist; i++) {
		if (done >> i & 1 || (preds[i] & ~done))
			continue;
		memcpy(next, state, n);
		if (spec->step(next, &mc_r->hist[i].h) &&
		    search(spec, done | 1ull << i, must, states, level + 1))
			return true;
	}
	return false;
}

bool mc_history_check(void)
{
	const struct mc_spec *spec = mc_scenario->spec;
	uint64_t must = 0;

	if (!spec || !mc_r->nhist)
		return true;
	memo = memo ? memo : mc_map(MEMO * sizeof(*memo));
	for (unsigned i = 0; i < mc_r->nhist; i++) {
		const struct mc_record *b = &mc_r->hist[i];

		preds[i] = 0;
		if (b->returned)
			must |= 1ull << i;
		for (unsigned j = 0; j < mc_r->nhist; j++) {
			const struct mc_record *a = &mc_r->hist[j];
			bool before;

			if (i == j || !a->returned)
				continue;
			/*
			 * Same thread: order of record; so too with setup() and finish(),
			 * which run before and after all threads. Else: is a's last step
			 * in b's prefix?
			 */
			if (a->h.thread == b->h.thread || a->h.thread >= MC_THREADS_MAX ||
			    b->h.thread >= MC_THREADS_MAX)
				before = j < i;
			else
				before = a->ret.c[a->h.thread] > 0 &&
					 b->call.c[a->h.thread] >= a->ret.c[a->h.thread];
			if (before)
				preds[i] |= 1ull << j;
		}
	}
	unsigned char *states = __real_malloc(spec->state_bytes * (mc_r->nhist + 2u));

	memset(states, 0, spec->state_bytes);
	bool ok = search(spec, 0, must, states, 0);

	__real_free(states);
	if (!ok) {
		mc_failure.kind = FAIL_HISTORY;
		mc_failure.thread = mc_r->cur;
		mc_failure.pc = NULL;
		snprintf(mc_failure.text, sizeof(mc_failure.text),
			 "no order of the operations explains the history (%s)", spec->name);
	}
	return ok;
}
