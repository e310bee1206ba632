/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * f-graph.c - the incremental engine, beside one that computes everything anew each time it is asked.
 *
 * The bytes are a program of tasks (graph.h, graph-program.h), and then what happens to it: specs and
 * states change, one by one or in edits, tasks are read and collected from, roots come and go, a second
 * thread edits while the first one reads. Both engines (naive.c) get the same. What is compared: every
 * strong read that no edit runs beside, its error with all its words, collectibles with their counts,
 * and what roots have seen when all is at rest. Then all sums of the graph are recomputed, too.
 *
 * With rings the engines need not agree on which task of a ring says so: where a value would need itself
 * both fail; where one is only called in a ring, or read for no use, a task may fail, and says why, or gives what it gives. All must
 * end, and in the end rings are taken apart, and all is as if there had been none.
 *
 * Some programs run on a store: snapshots, also beside edits, ends with and without one, changes while nobody looks, restarts,
 * stores that fail or damage once. What is compared is the same: to a program that remembers nothing all that is nothing.
 *
 * In others all tasks go that nobody needs, at once, every now and then, and beside edits: nobody sees that they went.
 *
 * Some have a budget of memory: what was saved leaves, or values alone, every now and then and beside edits, and comes back.
 *
 *	GRAPH_TRACE=1 fuzz/f-graph FILE		what the file does
 */
#include "config.h"

#define GRAPH_HAS_RING(context, ref) false
#define GRAPH_IS_LOOSE(context)	     false
#define GRAPH_STORE
#define GRAPH_COLLECTS
#define GRAPH_OPTIONS(options) ((options)->memory_bytes = evicts ? NEVER_NEAR : 0)

#include <stdbool.h>

#include "graph/evict.h"

/* Records leave memory, or values alone: where the program says. The budget itself is never near. */
#define NEVER_NEAR (UINT64_C(1) << 26)
static bool evicts, store_fails;

#include "graph-program.h"

#include <pthread.h>
#include <stdlib.h>

#include <pawl/thread.h>

const struct graph_side graph_engine = GRAPH_SIDE;

#define CHANGES 8

static struct graph_head head;
static struct graph_spec specs[GRAPH_TASKS]; /* as they are now */
static bool active[GRAPH_ROOTS];
static unsigned roots_n;

/* ---- telling ------------------------------------------------------------------------------ */

static const char *const step_names[GRAPH_STEP_COUNT] = {
	"end",	    "call",	 "read",    "strong",  "chain",	   "root-chain", "key",
	"final",    "untracked", "resolve", "leaves",  "state",	   "cell",	 "emit",
	"emit-out", "peek",	 "take",    "pass",    "pass-two", "hold",	 "fail",
	"fail-odd", "catch",	 "same",    "nothing", "yield",	   "session",	 "invalidator"};

static bool traced(void)
{
	static int trace = -1;

	if (trace < 0)
		trace = getenv("GRAPH_TRACE") != NULL;
	return trace;
}

#define TRACE(...) (traced() ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

static void trace_spec(unsigned task, const struct graph_spec *spec)
{
	TRACE("  task %u%s%s%s:", task, head.kinds[task] & GRAPH_IS_ROOT ? " root" : "",
	      head.kinds[task] & GRAPH_FROM_INPUT ? " input" : "",
	      head.kinds[task] & GRAPH_CONSTANT ? " constant" : "");
	for (unsigned i = 0; i < GRAPH_STEPS && spec->steps[i][0]; i++) {
		enum graph_step step = spec->steps[i][0] % GRAPH_STEP_COUNT;
		unsigned x = spec->steps[i][1], to = 0;

		if (has_target(step) && head.rings)
			to = x % head.tasks;
		else if (has_target(step) && task + 1 < head.tasks)
			to = task + 1 + x % (head.tasks - task - 1);
		TRACE(" %s", step_names[step]);
		if (has_target(step))
			TRACE(" ->%u", to);
		TRACE("(%u)", x);
	}
	TRACE("\n");
}

static void trace_result(const char *who, const struct graph_result *result)
{
	fprintf(stderr, "%s: error %d, number %lld, count %u%s%s: %s\n", who, result->error,
		(long long)result->number, result->count, result->ring ? ", ring" : "",
		result->seen ? ", seen" : "", result->text);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void spec_decode(struct fuzz_bytes *bytes, struct graph_spec *ret_spec)
{
	unsigned n = fuzz_below(bytes, GRAPH_STEPS + 1);

	memset(ret_spec, 0, sizeof(*ret_spec));
	for (unsigned i = 0; i < n; i++) {
		ret_spec->steps[i][0] = 1 + fuzz_u8(bytes) % (GRAPH_STEP_COUNT - 1);
		ret_spec->steps[i][1] = fuzz_u8(bytes);
	}
}

static void head_decode(struct fuzz_bytes *bytes)
{
	unsigned how = fuzz_u8(bytes);

	memset(&head, 0, sizeof(head));
	head.workers = 1 + how % 3;
	head.rings = how >> 2 & 1;
	head.stored = how >> 6 & 1;
	/* What is dirty since the process before runs at once then: before the states are there that bodies look at. */
	head.no_active = (how >> 3 & 7) == 7 && !head.stored;
	head.door = how >> 7 & 1;
	head.collects = head.door && !head.no_active;
	evicts = (how >> 3 & 3) == 1;
	head.tasks = 2 + fuzz_below(bytes, GRAPH_TASKS - 1);
	TRACE("%u tasks, %u workers%s%s%s%s\n", head.tasks, head.workers,
	      head.rings ? ", rings" : "", head.no_active ? ", all active" : "",
	      evicts ? ", evicts" : "",
	      head.collects  ? ", collects"
	      : !head.stored ? ""
	      : head.door    ? ", stored, door"
			     : ", stored");
	for (unsigned i = 0; i < head.tasks; i++) {
		head.kinds[i] = fuzz_u8(bytes) & 7;
		spec_decode(bytes, &head.specs[i]);
		specs[i] = head.specs[i];
		trace_spec(i, &head.specs[i]);
	}
}

static void change_decode(struct fuzz_bytes *bytes, struct graph_change *ret_change)
{
	unsigned what = fuzz_u8(bytes);

	memset(ret_change, 0, sizeof(*ret_change));
	ret_change->is_state = what & 1;
	ret_change->at = (what >> 1) % (what & 1 ? GRAPH_STATES : head.tasks);
	if (ret_change->is_state) {
		ret_change->number = fuzz_u8(bytes) % 8;
		TRACE("  state %u: %d\n", ret_change->at, (int)ret_change->number);
	} else {
		spec_decode(bytes, &ret_change->spec);
		specs[ret_change->at] = ret_change->spec;
		trace_spec(ret_change->at, &ret_change->spec);
	}
}

/* ---- comparing ----------------------------------------------------------------------------------- */

/* Errors without a text are of tasks that have no words for them. */
static bool names_ring(const struct graph_result *result)
{
	return !*result->text || strstr(result->text, "in a ring") ||
	       strstr(result->text, "calls itself") || strstr(result->text, "error 5");
}

static void compare_results(const struct graph_result *is, const struct graph_result *wanted)
{
	bool same = is->error == wanted->error && is->number == wanted->number &&
		    is->count == wanted->count && is->seen == wanted->seen &&
		    !strcmp(is->text, wanted->text);

	/* What is below a call that was taken out of a ring is not collected. */
	if (wanted->ring && (is->count || wanted->count))
		same = true;
	else if (wanted->ring && is->error)
		same = wanted->error || names_ring(is);
	else if (wanted->ring && wanted->loose && wanted->error)
		same = true;
	if (same)
		return;
	trace_result("engine", is);
	trace_result("naive ", wanted);
	FUZZ_CHECK(!"both give the same");
}

static void compare(unsigned task, enum graph_look how, unsigned trait)
{
	static struct graph_result is, wanted;

	TRACE("%s %u\n", how == LOOK_PEEK ? "peek at" : "read", task);
	graph_naive.look(task, how, trait, &wanted);
	graph_engine.look(task, how, trait, &is);
	/*
	 * What has left, and whose store fails, is lost. Who has collected it finds that out when he reads it, and the next
	 * one does not find it any more.
	 */
	if (how == LOOK_PEEK && evicts && store_fails)
		graph_engine.look(task, how, trait, &is);
	compare_results(&is, &wanted);
}

static void settle(void)
{
	static struct graph_result is, wanted;

	TRACE("settle\n");
	graph_engine.settle();
	graph_naive.settle();
	for (unsigned i = 0; i < roots_n; i++) {
		if (!active[i])
			continue;
		TRACE("  root %u\n", i);
		graph_engine.root_result(i, &is);
		graph_naive.root_result(i, &wanted);
		compare_results(&is, &wanted);
	}
}

/* ---- what happens --------------------------------------------------------------------------------- */

static void change(struct fuzz_bytes *bytes, bool together)
{
	struct graph_change changes[CHANGES];
	unsigned n = together ? fuzz_below(bytes, CHANGES + 1) : 1;

	TRACE("change%s\n", together ? " together" : "");
	for (unsigned i = 0; i < n; i++)
		change_decode(bytes, &changes[i]);
	graph_engine.change(changes, n, together);
	graph_naive.change(changes, n, together);
}

/* Every third time all that may leave does; else some of what was not used. */
static void evict(unsigned n)
{
	struct eng_graph *graph = world.engine->graph;

	if (!evicts)
		return;
	TRACE("evict\n");
	if (n % 3)
		(void)eng_evict_some(graph, 1 + n % 32);
	else
		(void)eng_evict_all(graph);
}

struct rush {
	struct graph_change changes[CHANGES];
	unsigned n, how;
};

static void *rush_thread(void *arg)
{
	struct rush *rush = arg;

	FUZZ_CHECK(pawl_thread_attach("rush") == 0);
	for (unsigned i = 0; i < rush->n;) {
		unsigned n = rush->how & 1 && i + 1 < rush->n ? 2 : 1;

		graph_engine.change(rush->changes + i, n, rush->how >> 1 & 1);
		i += n;
		if (head.stored)
			graph_engine.snapshot();
		if (head.collects)
			graph_engine.collect();
		evict(rush->how + i);
	}
	pawl_thread_detach();
	return NULL;
}

/* Reads beside edits: what they see is one of many things. */
static void rush(struct fuzz_bytes *bytes)
{
	static struct graph_result result;
	struct rush rush;
	unsigned looks = fuzz_below(bytes, 6);
	pthread_t thread;

	TRACE("rush\n");
	rush.how = fuzz_u8(bytes);
	rush.n = 1 + fuzz_below(bytes, CHANGES);
	for (unsigned i = 0; i < rush.n; i++)
		change_decode(bytes, &rush.changes[i]);
	FUZZ_CHECK(pthread_create(&thread, NULL, rush_thread, &rush) == 0);
	for (unsigned i = 0; i < looks; i++) {
		unsigned task = fuzz_below(bytes, head.tasks);

		TRACE("  beside: %u\n", task);
		graph_engine.look(task, rush.how >> (2 + i) & 1 ? LOOK_PEEK : LOOK_READ, 0,
				  &result);
		FUZZ_CHECK(!result.error || result.error == -PAWL_ETASK);
	}
	FUZZ_CHECK(pthread_join(thread, NULL) == 0);
	graph_naive.change(rush.changes, rush.n, false);
}

static void root(struct fuzz_bytes *bytes)
{
	unsigned task = fuzz_below(bytes, head.tasks), how = fuzz_u8(bytes);

	if (roots_n == GRAPH_ROOTS)
		return;
	TRACE("root %u of %u, %u\n", roots_n, task, how);
	active[roots_n] = true;
	graph_engine.root(roots_n, task, how);
	graph_naive.root(roots_n++, task, how);
}

static void dispose(struct fuzz_bytes *bytes)
{
	unsigned at = fuzz_below(bytes, GRAPH_ROOTS);

	if (at >= roots_n || !active[at])
		return;
	TRACE("dispose %u\n", at);
	active[at] = false;
	graph_engine.dispose(at);
	graph_naive.dispose(at);
}

static void restart(struct fuzz_bytes *bytes)
{
	struct graph_change changes[CHANGES];
	unsigned how = fuzz_u8(bytes), n = how >> 4 & 3;

	TRACE("restart%s%s\n", how & GRAPH_CRASH ? ", crash" : "",
	      how & GRAPH_RESTORE_ALL ? ", restore all" : "");
	for (unsigned i = 0; i < n; i++)
		change_decode(bytes, &changes[i]);
	for (unsigned i = 0; i < roots_n; i++) {
		if (active[i])
			graph_naive.dispose(i);
		active[i] = false;
	}
	graph_naive.restart(how, changes, n);
	graph_engine.restart(how, changes, n);
	if (how >> 6 & 1)
		settle();
}

/* Returns: false: it is none of these. */
static bool store_operation(struct fuzz_bytes *bytes, unsigned operation)
{
	unsigned how;

	switch (operation % 32) {
	case 12:
	case 13:
		TRACE("snapshot\n");
		graph_engine.snapshot();
		return true;
	case 14:
		restart(bytes);
		return true;
	case 15:
		how = fuzz_u8(bytes);
		TRACE("fail %u\n", how);
		graph_engine.fail(how);
		store_fails = true;
		return true;
	case 31:
		graph_engine.settle();
		TRACE("snapshot at rest\n");
		graph_engine.snapshot();
		graph_engine.settle();
		return true;
	default:
		return false;
	}
}

static void one_operation(struct fuzz_bytes *bytes)
{
	static struct graph_result result;
	unsigned operation = fuzz_u8(bytes), task;

	if (head.stored && store_operation(bytes, operation))
		return;
	switch (operation % 16) {
	case 0:
	case 1:
	case 2:
		change(bytes, false);
		break;
	case 3:
	case 4:
		change(bytes, true);
		break;
	case 5:
		root(bytes);
		break;
	case 6:
		dispose(bytes);
		break;
	case 7:
		settle();
		break;
	case 8:
		rush(bytes);
		break;
	case 9:
		task = fuzz_below(bytes, head.tasks);
		TRACE("touch %u\n", task);
		graph_engine.look(task, LOOK_EVENTUAL, 0, &result);
		break;
	case 10:
	case 11:
		compare(fuzz_below(bytes, head.tasks), LOOK_PEEK, operation / 16 % 2);
		break;
	default:
		compare(fuzz_below(bytes, head.tasks), LOOK_READ, 0);
		break;
	}
}

/* No task calls one with a smaller number any more, but for those that never change. */
static void take_apart(void)
{
	TRACE("take apart\n");
	for (unsigned i = 0; i < head.tasks; i++) {
		struct graph_change change = {.at = i, .spec = specs[i]};

		for (unsigned at = 0; at < GRAPH_STEPS; at++) {
			uint8_t *step = change.spec.steps[at];

			if (has_target(step[0] % GRAPH_STEP_COUNT) && step[1] % head.tasks <= i)
				step[0] = GRAPH_YIELD;
		}
		trace_spec(i, &change.spec);
		graph_engine.change(&change, 1, false);
		graph_naive.change(&change, 1, false);
	}
}

static void compare_all(void)
{
	/* Once more after a restart. */
	if (head.stored && !head.rings) {
		compare(0, LOOK_READ, 0);
		graph_engine.restart(GRAPH_RESTORE_ALL, NULL, 0);
		for (unsigned i = 0; i < roots_n; i++) {
			if (active[i])
				graph_naive.dispose(i);
			active[i] = false;
		}
		settle();
	}
	compare(0, LOOK_READ, 0);
	settle();
	for (unsigned i = 0; i < head.tasks; i++)
		compare(i, LOOK_READ, 0);
	compare(0, LOOK_PEEK, 0);
	compare(0, LOOK_PEEK, 1);
	settle();
}

static void run(struct fuzz_bytes *bytes)
{
	unsigned n = 0;

	memset(active, 0, sizeof(active));
	roots_n = 0;
	store_fails = false;
	head_decode(bytes);
	graph_engine.open(&head);
	graph_naive.open(&head);
	for (; fuzz_more(bytes); n++) {
		one_operation(bytes);
		if (head.collects && n % 2 == 0) {
			TRACE("collect\n");
			graph_engine.collect();
		}
		evict(n);
	}
	compare_all();
	if (head.rings) {
		take_apart();
		compare_all();
	}
	TRACE("close\n");
	graph_engine.close();
	graph_naive.close();
}

const struct fuzz_target fuzz_target = {
	.name = "graph", .run = run, .attach = true, .keeps = 32};
