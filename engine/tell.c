/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tell.c - what the program is told of its store: notices (pawl/observe.h), each by whoever found out, with no lock
 * held and outside of operations.
 *
 *	engine.snapshot		what has changed was saved; a warning where that took long
 *	engine.store		what was saved does not count, or is damaged; what has changed could not be saved;
 *				another process writes, and may have more
 *
 * Of failures in a row only the first is told, and the last one when the engine is closed: what is lost then. Of
 * damage only the first, since all is computed again because of it.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>

#include "notice.h"
#include "persist/persist.h"
#include "runtime/worker.h"

#define LONG_NS	   UINT64_C(10000000000)
#define JSON_BYTES 256

static const char *const reasons[PAWL_SNAPSHOT_REASON_COUNT] = {"asked", "time",   "idle",
								"stop",	 "reader", "memory"};

void eng_tell_saved(struct eng_persist *persist, uint64_t begun_ns, uint64_t tasks,
		    uint64_t bytes)
{
	uint64_t quiet_ns = pawl_load_relaxed(&persist->quiet_ns);
	uint64_t ns = pawl_load_relaxed(&persist->snapshot_ns);
	const char *reason = reasons[pawl_load_relaxed(&persist->reason)];
	enum pawl_severity severity =
		ns >= LONG_NS ? PAWL_SEVERITY_WARNING : PAWL_SEVERITY_INFO;
	char json[JSON_BYTES];

	eng_watch_snapshot(persist->graph->rt, begun_ns, quiet_ns, reason, tasks);
	if (!eng_notices_wanted(persist->notices, severity, "engine.snapshot"))
		return;
	(void)snprintf(json, sizeof(json),
		       "{\"reason\":\"%s\",\"snapshot_ms\":%.3f,\"persist_ms\":%.3f,"
		       "\"tasks\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
		       reason, (double)quiet_ns / 1e6, (double)(ns - quiet_ns) / 1e6, tasks,
		       bytes);
	eng_notice(persist->notices, severity, "engine.snapshot", json,
		   "%" PRIu64 " tasks were saved in %.1f s (%s)", tasks, (double)ns / 1e9,
		   reason);
}

void eng_tell_failed(struct eng_persist *persist, int error)
{
	eng_notice(persist->notices, PAWL_SEVERITY_WARNING, "engine.store", NULL,
		   "what has changed could not be saved: %s; it is tried again",
		   strerror(-error));
}

void eng_tell_unnamed(struct eng_persist *persist)
{
	/* Relaxed: it is told once, by whomever. */
	if (!persist->saves || pawl_load_relaxed(&persist->told_unnamed) ||
	    pawl_xchg_relaxed(&persist->told_unnamed, 1u))
		return;
	eng_notice(persist->notices, PAWL_SEVERITY_INFO, "engine.store", NULL,
		   "roots have no name: what they give is not saved, only what they call is");
}

void eng_tell_edge(struct eng_persist *persist, const char *text)
{
	eng_notice(persist->notices, PAWL_SEVERITY_ERROR, "engine.store", NULL,
		   "an edge that cannot be saved: %s", text);
}

void eng_tell_unsaved(struct eng_persist *persist, int error)
{
	const struct eng_bitmap *modified = pawl_load_acquire(&persist->marks->modified);
	uint64_t n = 0;

	for (uint32_t id = 0; eng_bitmap_next(modified, &id); id++)
		n++;
	eng_notice(persist->notices, PAWL_SEVERITY_WARNING, "engine.store", NULL,
		   "%" PRIu64 " tasks are not saved, and have to be computed again: %s", n,
		   strerror(-error));
}

/* What a reader in another process does not see. */
static void tell_sync(struct eng_persist *persist)
{
	const struct pawl_engine_sync *sync = &persist->sync;
	const char *name = persist->writer_name;

	if (sync->sync != PAWL_SYNC_UNKNOWN)
		return;
	eng_notice(persist->notices, PAWL_SEVERITY_INFO, "engine.store", NULL,
		   "process %" PRId64
		   "%s%s%s writes the store, and may have more than is in it",
		   sync->writer_pid, *name ? " (" : "", name, *name ? ")" : "");
}

void eng_tell_opened(struct eng_persist *persist)
{
	tell_sync(persist);
	if (persist->cold && !persist->is_empty)
		eng_notice(persist->notices, PAWL_SEVERITY_WARNING, "engine.store", NULL,
			   "nothing of what is stored counts: %s", persist->cold);
	else if (persist->backing.changed)
		eng_notice(
			persist->notices, PAWL_SEVERITY_INFO, "engine.store", NULL,
			"what is stored of functions with another version is computed again");
}

/* Of the graph's backing. */
void eng_persist_recovered(void *arg)
{
	struct pawl_engine_store_stats stats;
	struct eng_persist *persist = arg;
	char json[JSON_BYTES];

	if (persist->told_lost)
		return;
	persist->told_lost = true;
	eng_persist_stats(persist, &stats);
	(void)snprintf(json, sizeof(json), "{\"damaged\":%" PRIu64 ",\"unknown\":%" PRIu64 "}",
		       stats.lost, stats.unknown);
	eng_notice(persist->notices, PAWL_SEVERITY_WARNING, "engine.store", json,
		   "records of %" PRIu64 " tasks are damaged or missing, of %" PRIu64
		   " of another version: all that is stored is computed again",
		   stats.lost, stats.unknown);
}
