/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slow.c - runs and waits that take long: told of when they are over, and waits while they last, since one that never
 * ends would else never be told of.
 *
 * For the latter a task of its own sleeps until something runs, and then looks every slow_ns at what waits, until
 * nothing runs. A wait is told of when it has lasted for slow_ns once, twice, four times, and so on. It is there only
 * where slow_ns is set, and an engine that is idle does not wake it.
 */
#include "config.h"

#include "slow.h"

#include <inttypes.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/runtime.h>

#include "engine.h"
#include "runtime/introspect.h"
#include "runtime/worker.h"
#include "say.h"

#define LOOK_MOST 16 /* waits that are told of at one time */

/* Who waits, and for whom or what. */
struct slow_wait {
	eng_id id, other; /* other 0: what the note says */
	const char *note; /* a literal; NULL: it says nothing */
	uint64_t ns;
};

static void tell_wait(struct pawl_engine *engine, const struct slow_wait *wait, bool over)
{
	struct eng_say json = {NULL, 0, 0}, text = {NULL, 0, 0}, word = {NULL, 0, 0};

	eng_say_task(&word, engine, wait->id);
	eng_say(&json, "{\"task\":");
	eng_say_json(&json, word.data);
	eng_say(&text, "%s %s ", word.data, over ? "waited" : "has been waiting");
	eng_say_time(&text, wait->ns);
	word.length = 0;
	if (wait->other)
		eng_say_task(&word, engine, wait->other);
	else
		eng_say(&word, "%s", wait->note ? wait->note : "something");
	eng_say(&text, " for %s", word.data);
	eng_say(&json, ",\"for\":");
	eng_say_json(&json, word.data);
	eng_say(&json, ",\"ns\":%" PRIu64 ",\"over\":%s}", wait->ns, over ? "true" : "false");
	eng_notice(engine->notices, PAWL_SEVERITY_WARNING, "engine.wait", json.data, "%s",
		   text.data);
	eng_say_fini(&json);
	eng_say_fini(&text);
	eng_say_fini(&word);
}

void eng_slow_waited(struct pawl_engine *engine, eng_id id, eng_id other, uint64_t ns)
{
	const struct slow_wait wait = {id, other, NULL, ns};

	tell_wait(engine, &wait, true);
}

void eng_slow_ran(struct pawl_engine *engine, eng_id id, uint64_t ns)
{
	struct eng_say json = {NULL, 0, 0}, text = {NULL, 0, 0}, word = {NULL, 0, 0};

	eng_say_task(&word, engine, id);
	eng_say(&json, "{\"task\":");
	eng_say_json(&json, word.data);
	eng_say(&json, ",\"ns\":%" PRIu64 "}", ns);
	eng_say(&text, "%s ran ", word.data);
	eng_say_time(&text, ns);
	eng_notice(engine->notices, PAWL_SEVERITY_WARNING, "engine.slow", json.data, "%s",
		   text.data);
	eng_say_fini(&json);
	eng_say_fini(&text);
	eng_say_fini(&word);
}

/* ---- while they last ------------------------------------------------------------------------ */

struct look {
	struct pawl_engine *engine;
	struct slow_wait waits[LOOK_MOST];
	unsigned n;
};

/* Once, twice, four times ... as long. */
static bool is_due(uint64_t waited_ns, uint64_t slow_ns)
{
	uint64_t times = waited_ns / slow_ns;

	return times && !(times & (times - 1));
}

/* Of a task of the graph, or of a visit. */
static bool look_at(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct look *look = arg;
	struct pawl_engine *engine = look->engine;
	struct pawl_task_info info;
	struct eng_task *other;
	struct slow_wait *wait;

	if (!eng_task_info(engine->rt, engine->group, task, word, id, &info) ||
	    info.state != PAWL_TASK_WAITING ||
	    !is_due(info.waited_ns, engine->observer.slow_ns) ||
	    !strncmp(info.name, "engine.", 7))
		return true;
	wait = &look->waits[look->n++];
	wait->id = (eng_id)pawl_load_relaxed(&task->tag);
	wait->other = 0;
	wait->note = info.waits_note;
	wait->ns = info.waited_ns;
	if (info.waits_for.pawl_id &&
	    !eng_task_handle(engine->rt->tasks, info.waits_for.pawl_id, &other))
		wait->other = (eng_id)pawl_load_relaxed(&other->tag);
	return look->n < LOOK_MOST;
}

static int watch_body(void *arg, void **ret_value)
{
	struct look look = {.engine = arg};
	struct pawl_engine *engine = arg;
	int error;

	(void)ret_value;
	/* Ends: when it is cancelled. */
	while (!(error = eng_stretch_wait_busy(&engine->stretch))) {
		error = pawl_sleep_until(eng_now(engine->rt) + engine->observer.slow_ns);
		if (error)
			break;
		look.n = 0;
		eng_tasks_each(engine->rt->tasks, look_at, &look);
		for (unsigned i = 0; i < look.n; i++)
			tell_wait(engine, &look.waits[i], false);
	}
	return error;
}

int eng_slow_start(struct pawl_engine *engine)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = "engine.slow";
	options.lane = PAWL_LANE_IDLE;
	return pawl_spawn(engine->group, &options, watch_body, engine, NULL);
}
