/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - all sums are computed again, at a moment at which no operation is inside and no task runs.
 *
 * An operation that has suspended itself counts as one that runs: what it has not told yet is missing in the sums.
 *
 * By itself that is done by a task of its own, which sleeps until a stretch has ended and then for a while; if
 * nothing has run since, it looks. It is no task of the graph, so it makes nobody busy. Release builds have none unless
 * they are asked for it: an idle engine wakes up for nothing.
 */
#include "config.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/runtime.h>

#include "engine.h"
#include "runtime/worker.h"

#define WORDS 512

struct audit {
	struct eng_graph *graph;
	char *buf;
	size_t len;
	int error;
	bool suspended;
};

static void note_suspended(void *arg, void *op)
{
	struct audit *audit = arg;

	(void)op;
	audit->suspended = true;
}

static void at_moment(void *arg)
{
	struct audit *audit = arg;

	eng_quiesce_each_suspended(audit->graph->quiesce, note_suspended, audit);
	audit->error =
		audit->suspended ? -EBUSY : eng_verify(audit->graph, audit->buf, audit->len);
}

int pawl_engine_verify(struct pawl_engine *engine, char *buf, size_t len)
{
	struct audit audit = {.graph = engine->graph, .buf = buf, .len = len};
	int error;

	if (len)
		*buf = 0;
	/* No moment is needed to see that. */
	if (pawl_load_acquire(&engine->graph->busy))
		return -EBUSY;
	error = eng_quiesce_run(engine->graph->quiesce, at_moment, &audit);
	return error ? error : audit.error;
}

/* The process ends, and says what is wrong. */
static void end(const char *words)
{
	char text[WORDS + 32];

	(void)snprintf(text, sizeof(text), "all sums are right: %s", words);
	pawl__contract_broken(text, __FILE__, __LINE__, "eng_check");
}

void eng_check(struct pawl_engine *engine)
{
	char words[WORDS];

	/* Not what runs, or lack of memory: it is a look, no more. */
	if (pawl_engine_verify(engine, words, sizeof(words)) != -EUCLEAN)
		return;
	/* In a debug build that nobody listens to it would go by. */
	if (ENG_IS_DEBUG &&
	    !eng_notices_wanted(engine->notices, PAWL_SEVERITY_ERROR, "engine.verify"))
		end(words);
	eng_notice(engine->notices, PAWL_SEVERITY_ERROR, "engine.verify", NULL,
		   "a sum is wrong: %s", words);
}

/* Until nothing has run for so long, since a stretch that was not looked at. Errors: of eng_stretch_wait(). */
static int wait_idle(struct pawl_engine *engine, uint64_t *looked_at)
{
	for (;;) {
		struct eng_stretch_state state;
		int error = eng_stretch_wait(&engine->stretch, *looked_at, PAWL_FOREVER);

		if (error)
			return error;
		state = eng_stretch_look(&engine->stretch);
		*looked_at = state.ended;
		/* It runs again: its end is waited for. */
		if (state.busy)
			continue;
		error = eng_stretch_wait(&engine->stretch, state.ended,
					 state.since_ns + engine->check_idle_ns);
		if (error == -ETIMEDOUT)
			return 0;
		if (error)
			return error;
	}
}

static int check_body(void *arg, void **ret_value)
{
	struct pawl_engine *engine = arg;
	uint64_t looked_at = 0;
	int error;

	(void)ret_value;
	/* Ends: when it is cancelled. */
	while (!(error = wait_idle(engine, &looked_at)))
		eng_check(engine);
	return error;
}

int eng_check_start(struct pawl_engine *engine, uint64_t idle_ns)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = "engine.verify";
	options.lane = PAWL_LANE_IDLE;
	engine->check_idle_ns = idle_ns;
	return pawl_spawn(engine->group, &options, check_body, engine, NULL);
}
