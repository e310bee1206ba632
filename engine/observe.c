/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observe.c - what the graph tells its engine, and what becomes of that.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/observe.h>

#include "engine.h"
#include "say.h"
#include "slow.h"

static struct pawl_engine *engine_of(struct eng_observer *observer)
{
	return PAWL_CONTAINER_OF(observer, struct pawl_engine, observer);
}

static void edge(struct eng_observer *observer, bool busy)
{
	struct pawl_engine *engine = engine_of(observer);

	eng_stretch_edge(&engine->stretch, engine->graph, busy);
}

static void settled(struct eng_observer *observer)
{
	static const char name[] = "engine.update";
	struct pawl_engine *engine = engine_of(observer);
	struct eng_say json = {NULL, 0, 0}, text = {NULL, 0, 0};
	struct pawl_update_info info;
	char reasons[512];

	if (!eng_notices_wanted(engine->notices, PAWL_SEVERITY_INFO, name) ||
	    !eng_stretch_last(&engine->stretch, engine->graph, &info, reasons, sizeof(reasons)))
		return;
	eng_say(&json, "{\"runs\":%" PRIu64 ",\"ns\":%" PRIu64 ",\"reasons\":", info.runs,
		info.busy_ns);
	eng_say_json(&json, reasons);
	eng_say(&json, "}");
	eng_say(&text, "%" PRIu64 " %s in ", info.runs, info.runs == 1 ? "run" : "runs");
	eng_say_time(&text, info.busy_ns);
	if (*reasons)
		eng_say(&text, ": %s", reasons);
	eng_notice(engine->notices, PAWL_SEVERITY_INFO, name, json.data, "%s", text.data);
	eng_say_fini(&json);
	eng_say_fini(&text);
}

static void slow(struct eng_observer *observer, eng_id id, eng_id other, uint64_t ns)
{
	struct pawl_engine *engine = engine_of(observer);

	if (other)
		eng_slow_waited(engine, id, other, ns);
	else
		eng_slow_ran(engine, id, ns);
}

void eng_observe(struct pawl_engine *engine, const struct pawl_engine_options *options)
{
	engine->observer.edge = edge;
	engine->observer.settled = settled;
	engine->observer.slow = slow;
	engine->observer.slow_ns = options->slow_ns;
	engine->graph->observer = &engine->observer;
}
