/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-program-compare.c - what must come of it: reads, roots, and what is collected are what the naive engine gives.
 *
 * Beside changes a strong read is of one moment between its begin and its end. One thread makes all changes, one after the
 * other, so these are the numbers of those that were over before it began, up to those that had begun before it was over.
 * What was seen is compared when all is over: the naive engine is told of one change after the other, and looks at each place
 * for what was seen there.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "sim-program.h"

static bool names_ring(const struct graph_result *result)
{
	return !*result->text || strstr(result->text, "in a ring") ||
	       strstr(result->text, "calls itself") || strstr(result->text, "error 5");
}

static bool same(const struct graph_result *is, const struct graph_result *wanted)
{
	/* What is below a call that was taken out of a ring is not collected. */
	if (wanted->ring && (is->count || wanted->count))
		return true;
	if (wanted->ring && is->error)
		return wanted->error || names_ring(is);
	if (wanted->ring && wanted->loose && wanted->error)
		return true;
	return is->error == wanted->error && is->number == wanted->number &&
	       is->count == wanted->count && is->seen == wanted->seen &&
	       !strcmp(is->text, wanted->text);
}

static void fail_with(const struct graph_result *is, const struct graph_result *wanted,
		      const char *of, unsigned n)
{
	sim_note("engine: error %d, number %ld, count %u%s: %.60s", is->error, (long)is->number,
		 is->count, is->seen ? ", seen" : "", is->text);
	sim_note("naive:  error %d, number %ld, count %u%s: %.60s", wanted->error,
		 (long)wanted->number, wanted->count, wanted->seen ? ", seen" : "",
		 wanted->text);
	sim_note("of %s %u", of, n);
	sim_fail("%s is not what the naive engine gives: %s", of,
		 is->error != wanted->error	? "its error"
		 : is->number != wanted->number ? "its number"
		 : is->count != wanted->count	? "what is collected from it"
		 : is->seen != wanted->seen	? "it has not run"
						: "its words");
}

static void compare_results(const struct graph_result *is, const struct graph_result *wanted,
			    const char *of, unsigned n)
{
	sim_event(SIM_EV_COMPARED);
	if (wanted->ring)
		sim_event(SIM_EV_RING);
	if (!same(is, wanted))
		fail_with(is, wanted, of, n);
}

void sim_compare(unsigned task, enum graph_look how, unsigned trait)
{
	static struct graph_result is, wanted;

	graph_naive.look(task, how, trait, &wanted);
	graph_engine.look(task, how, trait, &is);
	compare_results(&is, &wanted, how == LOOK_PEEK ? "a peek" : "a read", task);
}

/* ---- at rest ---- */

/* As graph-program.h's, but what was lost with the store may be found out just then. */
void sim_settle(void)
{
	static struct graph_result is, wanted;
	static unsigned verifies;
	char text[256];
	int error;

	do {
		FUZZ_CHECK(pawl_engine_wait_idle(sim_here.engine, PAWL_FOREVER) == 0);
		error = pawl_engine_verify(sim_here.engine, text, sizeof(text));
	} while (error == -EBUSY && ++verifies < 100);
	if (error) {
		sim_note("verify: %s", text);
		sim_fail("sums are wrong");
	}
	graph_naive.settle();
	for (unsigned i = 0; i < sim_here.roots_n; i++) {
		if (!sim_here.active[i])
			continue;
		graph_engine.root_result(i, &is);
		graph_naive.root_result(i, &wanted);
		compare_results(&is, &wanted, "a root", i);
	}
}

/* ---- beside changes ---- */

#define CHANGES_MOST 64
#define SEEN_MOST    64

static struct {
	bool is;
	unsigned begun, over; /* changes */
	struct {
		struct graph_change list[SIM_TOGETHER];
		unsigned n;
	} changes[CHANGES_MOST];
	unsigned seen_n;
	struct seen {
		unsigned from, to, task, trait;
		enum graph_look how;
		bool matched;
		struct graph_result result;
	} seen[SEEN_MOST];
} beside;

void sim_beside_begin(void)
{
	beside.is = true;
	beside.begun = beside.over = beside.seen_n = 0;
}

void sim_beside_change(const struct graph_change *changes, unsigned n, bool together)
{
	unsigned at = beside.begun;

	if (!beside.is) {
		graph_engine.change(changes, n, together);
		graph_naive.change(changes, n, false);
		return;
	}
	FUZZ_CHECK(at < CHANGES_MOST && n <= SIM_TOGETHER);
	memcpy(beside.changes[at].list, changes, n * sizeof(*changes));
	beside.changes[at].n = n;
	beside.begun++;
	graph_engine.change(changes, n, together);
	beside.over++;
}

void sim_beside_look(unsigned task, enum graph_look how, unsigned trait)
{
	static struct graph_result unseen;
	struct seen *seen = beside.seen_n < SEEN_MOST ? &beside.seen[beside.seen_n++] : NULL;
	struct graph_result *result = seen ? &seen->result : &unseen;

	if (seen)
		*seen = (struct seen){beside.over, UINT32_MAX, task, trait, how, false, {0}};
	graph_engine.look(task, how, trait, result);
	FUZZ_CHECK(!result->error || result->error == -PAWL_ETASK ||
		   eng_fault_crashed(sim_here.store));
	if (seen)
		seen->to = beside.begun;
}

/* What was collected is of one moment; what it leads to is read after that. */
static bool same_beside(const struct seen *seen, const struct graph_result *wanted)
{
	const struct graph_result *is = &seen->result;

	/* Its record was damaged, and that is found out by who has called it already; called again it is made again. */
	if (is->error == -PAWL_ETASK &&
	    !strcmp(is->text, "the task was lost: its record is damaged"))
		return true;
	if (seen->how == LOOK_PEEK)
		return is->error || wanted->error || wanted->ring || is->count == wanted->count;
	return same(is, wanted);
}

static void match(unsigned moment, bool is_last)
{
	static struct graph_result wanted;

	for (unsigned i = 0; i < beside.seen_n; i++) {
		struct seen *seen = &beside.seen[i];

		if (seen->matched || moment < seen->from || moment > seen->to)
			continue;
		graph_naive.look(seen->task, seen->how, seen->trait, &wanted);
		sim_event(SIM_EV_COMPARED);
		seen->matched = same_beside(seen, &wanted);
		if (seen->matched)
			continue;
		sim_note("of task %u after %u changes: error %d, number %ld, count %u",
			 seen->task, moment, wanted.error, (long)wanted.number, wanted.count);
		if (moment < seen->to && !is_last)
			continue;
		sim_note("seen between %u and %u of %u changes", seen->from, seen->to,
			 beside.over);
		fail_with(&seen->result, &wanted,
			  seen->how == LOOK_PEEK ? "a peek beside changes"
						 : "a read beside changes",
			  seen->task);
	}
}

void sim_beside_end(void)
{
	FUZZ_CHECK(beside.is && beside.begun == beside.over);
	beside.is = false;
	for (unsigned moment = 0;; moment++) {
		match(moment, moment == beside.over);
		if (moment == beside.over)
			break;
		graph_naive.change(beside.changes[moment].list, beside.changes[moment].n,
				   false);
	}
}
