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
#include "graph/context.h"
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

static void storm(struct eng_observer *observer, eng_id id, uint32_t runs,
		  const struct eng_cause *cause, char *buf, size_t len)
{
	struct pawl_engine *engine = engine_of(observer);
	struct eng_say json = {NULL, 0, 0}, why = {NULL, 0, 0}, name = {NULL, 0, 0};

	(void)eng_say_cause(&why, engine, cause);
	(void)snprintf(buf, len, "%s", why.data);
	eng_say_task(&name, engine, id);
	eng_say(&json, "{\"task\":");
	eng_say_json(&json, name.data);
	eng_say(&json, ",\"runs\":%" PRIu32 ",\"because\":", runs);
	eng_say_json(&json, why.data);
	eng_say(&json, "}");
	eng_notice(engine->notices, PAWL_SEVERITY_ERROR, "engine.storm", json.data,
		   "%s ran again %" PRIu32
		   " times since anything was changed from outside, last because %s",
		   name.data, runs, why.data);
	eng_say_fini(&json);
	eng_say_fini(&why);
	eng_say_fini(&name);
}

static void differs(struct eng_observer *observer, eng_id id, const char *what, uint32_t n)
{
	struct pawl_engine *engine = engine_of(observer);
	struct eng_say json = {NULL, 0, 0}, name = {NULL, 0, 0};
	char call[512];

	eng_say_task(&name, engine, id);
	eng_say_origin(engine->graph, id, call, sizeof(call));
	eng_say(&json, "{\"task\":");
	eng_say_json(&json, name.data);
	eng_say(&json, ",\"call\":");
	eng_say_json(&json, call);
	eng_say(&json, ",\"what\":");
	eng_say_json(&json, what);
	eng_say(&json, ",\"differences\":%" PRIu32 "}", n);
	eng_notice(engine->notices, PAWL_SEVERITY_ERROR, "engine.determinism", json.data,
		   "%s, a call of %s, does not do the same twice: %s", name.data, call, what);
	eng_say_fini(&json);
	eng_say_fini(&name);
}

static void found(struct eng_observer *observer, const struct eng_finding *finding)
{
	static const char *const words[ENG_FOUND_COUNT] = {
		[ENG_FOUND_DIRTY] = "has to run",
		[ENG_FOUND_STALE] = "has to run again after this run",
		[ENG_FOUND_IMMUTABLE] = "was said never to change, and has to run",
		[ENG_FOUND_READS] = "was said never to change, and has read what may",
		[ENG_FOUND_OUTPUT] = "was said never to change, and gives something else",
	};
	struct pawl_engine *engine = engine_of(observer);
	struct eng_say json = {NULL, 0, 0}, name = {NULL, 0, 0}, why = {NULL, 0, 0};
	bool is_trace = finding->kind <= ENG_FOUND_STALE;

	if (is_trace &&
	    !eng_notices_wanted(engine->notices, PAWL_SEVERITY_INFO, "engine.dirty"))
		return;
	eng_say_task(&name, engine, finding->task);
	if (finding->cause.kind == ENG_CAUSE_NONE)
		eng_say(&why, "%s", is_trace ? "it never ran, or of what is not known" : "");
	else
		(void)eng_say_cause(&why, engine, &finding->cause);
	eng_say(&json, "{\"task\":");
	eng_say_json(&json, name.data);
	eng_say(&json, ",\"because\":");
	eng_say_json(&json, why.data);
	eng_say(&json, ",\"stale\":%s}", finding->kind == ENG_FOUND_STALE ? "true" : "false");
	eng_notice(engine->notices, is_trace ? PAWL_SEVERITY_INFO : PAWL_SEVERITY_ERROR,
		   is_trace ? "engine.dirty" : "engine.immutable", json.data, "%s %s%s%s",
		   name.data, words[finding->kind], why.length ? " because " : "", why.data);
	eng_say_fini(&json);
	eng_say_fini(&name);
	eng_say_fini(&why);
}

void eng_observe(struct pawl_engine *engine, const struct pawl_engine_options *options)
{
	engine->observer.edge = edge;
	engine->observer.settled = settled;
	engine->observer.slow = slow;
	engine->observer.storm = storm;
	engine->observer.differs = differs;
	engine->observer.found = found;
	engine->observer.slow_ns = options->slow_ns;
	engine->graph->observer = &engine->observer;
}
