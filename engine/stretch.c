/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stretch.c - from the first task that is scheduled to the last one that has run; updates, and their reasons.
 *
 * The graph counts its runs in one word and tells of the edges of that, by whoever made them; two edges may arrive
 * in the wrong order. So they are counted: edges to busy less edges to idle is 0 when it is idle and all have
 * arrived, and never between two of them. An idle moment that was over before it was told of is none.
 */
#include "config.h"

#include "stretch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/observe.h>

#include "engine.h"
#include "runtime/worker.h"

void eng_stretch_init(struct eng_stretch *stretch)
{
	memset(stretch, 0, sizeof(*stretch));
	pawl_lock_init(&stretch->lock, ENG_RANK_STRETCH);
	pawl_event_init(&stretch->event);
	pawl_event_init(&stretch->begun);
}

void eng_stretch_fini(struct eng_stretch *stretch)
{
	eng_reasons_fini(&stretch->reasons);
	eng_reason_log_fini(&stretch->log);
}

static void stretch_end(struct eng_stretch *stretch, uint64_t now_ns)
{
	struct pawl_update_info *update = &stretch->update;

	if (!update->stretches++)
		update->begun_ns = stretch->since_ns;
	update->ended_ns = now_ns;
	/* Stamps are taken before the lock: two of them may be in the wrong order. */
	stretch->last_ns = now_ns > stretch->since_ns ? now_ns - stretch->since_ns : 0;
	update->busy_ns += stretch->last_ns;
	stretch->ended++;
}

void eng_stretch_edge(struct eng_stretch *stretch, struct eng_graph *graph, bool busy)
{
	uint64_t now_ns = eng_now(graph->rt);
	bool ended;

	pawl_lock_lock(&stretch->lock);
	stretch->edges += busy ? 1u : UINT32_MAX;
	ended = !busy && !stretch->edges;
	if (ended)
		stretch_end(stretch, now_ns);
	if (busy && stretch->edges == 1)
		stretch->runs_before = pawl_load_relaxed(&graph->runs); /* statistics */
	if (ended || (busy && stretch->edges == 1))
		stretch->since_ns = now_ns;
	pawl_lock_unlock(&stretch->lock);
	if (ended)
		pawl_event_notify_all(&stretch->event);
	else if (busy)
		pawl_event_notify_all(&stretch->begun);
}

struct eng_stretch_state eng_stretch_look(struct eng_stretch *stretch)
{
	struct eng_stretch_state state;

	pawl_lock_lock(&stretch->lock);
	state.ended = stretch->ended;
	state.busy = stretch->edges;
	state.since_ns = stretch->since_ns;
	pawl_lock_unlock(&stretch->lock);
	return state;
}

bool eng_stretch_last(struct eng_stretch *stretch, const struct eng_graph *graph,
		      struct pawl_update_info *ret_info, char *buf, size_t len)
{
	bool idle;

	memset(ret_info, 0, sizeof(*ret_info));
	pawl_lock_lock(&stretch->lock);
	idle = !stretch->edges;
	ret_info->busy_ns = stretch->last_ns;
	ret_info->runs = pawl_load_relaxed(&graph->runs) - stretch->runs_before;
	(void)eng_reasons_say(&stretch->reasons, buf, len);
	pawl_lock_unlock(&stretch->lock);
	return idle;
}

struct another {
	struct eng_stretch *stretch;
	uint64_t ended;
};

static bool is_another(const void *arg)
{
	const struct another *another = arg;

	return eng_stretch_look(another->stretch).ended != another->ended;
}

int eng_stretch_wait(struct eng_stretch *stretch, uint64_t ended, uint64_t deadline_ns)
{
	struct another another = {stretch, ended};

	return eng_wait_until(&stretch->event, is_another, &another, deadline_ns,
			      "the engine's next idle moment", ended);
}

static bool is_busy(const void *arg)
{
	return eng_stretch_look(((const struct another *)arg)->stretch).busy;
}

int eng_stretch_wait_busy(struct eng_stretch *stretch)
{
	struct another another = {stretch, 0};

	return eng_wait_until(&stretch->begun, is_busy, &another, PAWL_FOREVER,
			      "the engine to run something", 0);
}

/* ---- reasons ------------------------------------------------------------------------------- */

uint64_t eng_stretch_because(struct eng_stretch *stretch, const struct pawl_reason *reason)
{
	uint64_t number;

	pawl_lock_lock(&stretch->lock);
	eng_reasons_add(&stretch->reasons, reason);
	number = eng_reason_log_add(&stretch->log, reason);
	pawl_lock_unlock(&stretch->lock);
	return number;
}

bool eng_stretch_reason(struct eng_stretch *stretch, uint64_t number, char *buf, size_t len)
{
	const char *text;

	pawl_lock_lock(&stretch->lock);
	text = eng_reason_log_get(&stretch->log, number);
	if (text && len)
		(void)snprintf(buf, len, "%s", text);
	pawl_lock_unlock(&stretch->lock);
	return text;
}

int pawl_engine_because(struct pawl_engine *engine, const struct pawl_reason *reason)
{
	int error = eng_reason_check(reason);

	if (!error)
		(void)eng_stretch_because(&engine->stretch, reason);
	return error;
}

/* ---- updates ------------------------------------------------------------------------------- */

/* Returns: false: there is none. ret_reasons: the caller's. */
static bool take(struct pawl_engine *engine, struct pawl_update_info *ret_update,
		 struct eng_reasons *ret_reasons)
{
	struct eng_stretch *stretch = &engine->stretch;
	/* Relaxed: a run is counted before its end is told of. */
	uint64_t runs, stale_runs;
	bool there;

	pawl_lock_lock(&stretch->lock);
	there = stretch->update.stretches;
	if (there) {
		runs = pawl_load_relaxed(&engine->graph->runs);
		stale_runs = pawl_load_relaxed(&engine->graph->stale_runs);
		*ret_update = stretch->update;
		ret_update->runs = runs - stretch->runs;
		ret_update->stale_runs = stale_runs - stretch->stale_runs;
		ret_update->reasons = stretch->reasons.all;
		*ret_reasons = stretch->reasons;
		stretch->runs = runs;
		stretch->stale_runs = stale_runs;
		memset(&stretch->update, 0, sizeof(stretch->update));
		memset(&stretch->reasons, 0, sizeof(stretch->reasons));
	}
	pawl_lock_unlock(&stretch->lock);
	return there;
}

static bool can_wait(const struct pawl_engine *engine, uint64_t ns)
{
	return !ns || ns == PAWL_FOREVER || !engine->rt->options.now || eng_run_here();
}

static uint64_t later(uint64_t from_ns, uint64_t ns)
{
	return ns < PAWL_FOREVER - from_ns ? from_ns + ns : PAWL_FOREVER;
}

/* Until something has ended that was not taken. */
static int wait_first(struct pawl_engine *engine, uint64_t deadline_ns)
{
	struct eng_stretch *stretch = &engine->stretch;

	for (;;) {
		uint64_t ended = eng_stretch_look(stretch).ended;
		bool there;
		int error;

		pawl_lock_lock(&stretch->lock);
		there = stretch->update.stretches;
		pawl_lock_unlock(&stretch->lock);
		if (there)
			return 0;
		/* What is over is over. */
		error = deadline_ns ? eng_stretch_wait(stretch, ended, deadline_ns)
				    : -ETIMEDOUT;
		if (error)
			return error;
	}
}

/* Until it has been idle for so long, or the deadline is over. */
static int wait_quiet(struct pawl_engine *engine, uint64_t quiet_ns, uint64_t deadline_ns)
{
	for (;;) {
		struct eng_stretch_state state = eng_stretch_look(&engine->stretch);
		uint64_t now_ns = eng_now(engine->rt), until_ns = deadline_ns;
		uint64_t quiet_at_ns = later(state.since_ns, quiet_ns);
		int error;

		if (now_ns >= deadline_ns || (!state.busy && now_ns >= quiet_at_ns))
			return 0;
		if (!state.busy && quiet_at_ns < until_ns)
			until_ns = quiet_at_ns;
		error = eng_stretch_wait(&engine->stretch, state.ended, until_ns);
		if (error && error != -ETIMEDOUT)
			return error;
	}
}

int pawl_engine_update(struct pawl_engine *engine, uint64_t quiet_ns, uint64_t deadline_ns,
		       struct pawl_update_info *ret_update, char *buf, size_t len)
{
	struct eng_reasons reasons;

	if (!can_wait(engine, quiet_ns) || !can_wait(engine, deadline_ns))
		return -EINVAL;
	do {
		int error = wait_first(engine, deadline_ns);

		if (!error && quiet_ns)
			error = wait_quiet(engine, quiet_ns, deadline_ns);
		if (error)
			return error;
		/* Another caller may have been faster. */
	} while (!take(engine, ret_update, &reasons));
	(void)eng_reasons_say(&reasons, buf, len);
	eng_reasons_fini(&reasons);
	return 0;
}
