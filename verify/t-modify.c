/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/modify.c with quiesce.c: operations that change two records, one after the other, beside a
 * snapshot. What is saved is what both were at the moment of the capture, and what is not saved then is
 * saved by the next one.
 *
 *  modify           an operation beside a snapshot of nothing but what it changes
 *  help             of what was changed before, so it may have to encode
 *  help-twice       two operations one after the other
 *  fail             nothing of the batch is saved
 *  fail-late        the same, and what was not there before is changed beside it
 *  help-snapshots   two snapshots, one after the other
 *  help-capture     the same of what was changed before: it encodes for the one, and the other captures what it changed
 *  fail-again       a snapshot that fails, and the next one, which saves all of it
 *  suspended        an operation suspends itself half-way: what is left of it is saved with what it has done
 *  suspended-help   the same of what was changed before: it encodes what it changes behind its point
 *  suspended-fail   the same with a batch that fails
 *  suspended-stop   and the engine's last snapshot comes behind the one that found it suspended
 *  new              a record is made
 *  first            whoever sleeps until something is modified is woken
 *  same             two threads need the same part of a new bitmap
 *
 * Natively only, since there are too many executions:
 *  help-two, fail-two  two operations of two threads
 */
/* mc-sources: engine/graph/modify.c engine/graph/quiesce.c */
#include "scenario.h"

#include <errno.h>

#include <pawl/mem.h>

#include "../engine/graph/modify.h"
#include "../engine/graph/quiesce.h"

#define RECORDS 2u

static struct eng_quiesce *quiesce;
static struct eng_marks *marks;
static struct eng_node records[RECORDS];
/* What the records were at the capture; what was encoded of them; what is in the store. */
static uint64_t captured[RECORDS], batch[RECORDS], stored[RECORDS];
static bool in_batch[RECORDS];
static bool uneven; /* operations of one record */
/* An operation that may suspend itself half-way; what of it is in the batch, and in the store. */
static unsigned left, batch_left, stored_left;

/* ---- in place of the graph ------------------------------------------------------------- */

void *eng_must_zalloc(size_t bytes)
{
	return pawl_mem_zalloc(bytes, 0);
}

struct eng_node *eng_lock_resident(struct eng_graph *graph, eng_id id)
{
	(void)graph;
	mc_assert(id && id <= RECORDS);
	pawl_lock_lock(&records[id - 1].slot.lock);
	return &records[id - 1];
}

void eng_unlock(struct eng_node *node)
{
	pawl_lock_unlock(&node->slot.lock);
}

/* Locked. */
static void encode(struct eng_node *node, uint32_t pending)
{
	unsigned at = (unsigned)(node - records);

	mc_assert(pending & ENG_META && !in_batch[at]);
	batch[at] = node->output;
	in_batch[at] = true;
}

static void help(void *arg, struct eng_node *node, uint32_t pending)
{
	(void)arg;
	encode(node, pending);
}

/* ---- operations -------------------------------------------------------------------------- */

static void change(eng_id id)
{
	struct eng_node *node = eng_lock_resident(NULL, id);

	eng_modify(node, ENG_META);
	node->output++;
	eng_unlock(node);
}

static void operate(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, quiesce);

	change(1);
	change(2);
	eng_quiesce_leave(quiesce, slot);
}

/* The first record, and at its point the second is what is left of it. */
static void operate_point(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, &left);

	change(1);
	left = 1;
	eng_quiesce_point(quiesce, slot);
	change(2);
	left = 0;
	eng_quiesce_leave(quiesce, slot);
}

static void operate_twice(void)
{
	operate();
	operate();
}

/* An operation on one of them; the other follows in the end. */
static void change_first(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, quiesce);

	change(1);
	eng_quiesce_leave(quiesce, slot);
}

/* Nobody has it before the operation is over, but for who finds it in the bitmap. */
static void make(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, quiesce);

	eng_marks_new(marks, &records[0], 1);
	records[0].output = 1;
	eng_quiesce_leave(quiesce, slot);
}

static void change_second(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, quiesce);

	change(2);
	eng_quiesce_leave(quiesce, slot);
}

/* ---- snapshots ----------------------------------------------------------------------------- */

static void one_suspended(void *arg, void *op)
{
	mc_assert(op == &left);
	*(unsigned *)arg += left;
}

static void capture(void *arg)
{
	struct eng_bitmap **taken = arg;

	*taken = eng_marks_capture(marks);
	batch_left = 0;
	eng_quiesce_each_suspended(quiesce, one_suspended, &batch_left);
	for (unsigned i = 0; i < RECORDS; i++) {
		captured[i] = records[i].output;
		in_batch[i] = false;
	}
	/* Done by who comes after: then both are the same. */
	mc_assert(uneven || captured[0] == captured[1] + batch_left);
}

static void walk(const struct eng_bitmap *taken)
{
	for (uint32_t id = 0; eng_bitmap_next(taken, &id); id++) {
		struct eng_node *node = eng_lock_resident(NULL, id);
		uint32_t pending = eng_marks_pending(marks, node);

		if (pending)
			encode(node, pending);
		eng_unlock(node);
	}
}

static void snapshot(bool fails)
{
	struct eng_bitmap *taken;

	mc_assert(eng_quiesce_run(quiesce, capture, &taken) == 0);
	if (taken) {
		walk(taken);
		if (fails) {
			eng_marks_fail(marks, NULL);
			return;
		}
		for (unsigned i = 0; i < RECORDS; i++) {
			if (in_batch[i])
				stored[i] = batch[i];
		}
		stored_left = batch_left;
		eng_marks_end(marks);
	}
	for (unsigned i = 0; !fails && i < RECORDS; i++)
		mc_assert(stored[i] == captured[i]);
	mc_assert(fails || stored_left == batch_left);
}

static void save(void)
{
	snapshot(false);
}

static void save_twice(void)
{
	snapshot(false);
	snapshot(false);
}

static void save_fails(void)
{
	snapshot(true);
}

static void save_again(void)
{
	snapshot(true);
	snapshot(false);
}

static bool is_modified(void)
{
	return !eng_bitmap_is_empty(pawl_load_acquire(&marks->modified));
}

static void await_first(void)
{
	struct pawl_listener listener;

	pawl_event_listen(&marks->first, &listener, "first", 0);
	if (is_modified())
		pawl_event_unlisten(&listener);
	else
		pawl_event_wait(&listener);
	mc_assert(is_modified());
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void setup(void)
{
	struct eng_quiesce_options options = ENG_QUIESCE_OPTIONS_INIT;

	scn_attach();
	options.fenced = true;
	options.ready = 3;
	options.looks = 0;
	options.nap_ns = 0;
	options.shut_ns = 0;
	options.reopens = 0;
	mc_assert(eng_quiesce_create(&options, &quiesce) == 0);
	mc_assert(eng_marks_create(help, NULL, &marks) == 0);
	memset(records, 0, sizeof(records));
	memset(stored, 0, sizeof(stored));
	left = batch_left = stored_left = 0;
	uneven = false;
	for (unsigned i = 0; i < RECORDS; i++) {
		pawl_lock_init(&records[i].slot.lock, PAWL_LOCK_RANK_NONE);
		records[i].slot.generation = marks->number;
		records[i].slot.pawl_id = i + 1;
	}
}

static void setup_modified(void)
{
	setup();
	operate();
}

static void setup_uneven(void)
{
	setup();
	uneven = true;
}

/* One of them was modified. */
static void setup_first(void)
{
	setup();
	uneven = true;
	change_first();
}

static void finish(void)
{
	snapshot(false);
	mc_assert(!stored_left);
	for (unsigned i = 0; i < RECORDS; i++)
		mc_assert(stored[i] == records[i].output && !(records[i].bits & ENG_META));
	eng_marks_destroy(marks);
	eng_quiesce_destroy(quiesce);
	pawl_thread_detach();
}

#define COMMON(NAME, SETUP, ...)                                                  \
	.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
	.ideal_locks = true, .ideal_parks = true, .no_spurious = true
#define MODIFY(...)                 \
	{                           \
		COMMON(__VA_ARGS__) \
	}
#define QUICK(...)                                 \
	{                                          \
		COMMON(__VA_ARGS__), .quick = true \
	}

static const struct mc_scenario scenarios[] = {
	QUICK("modify", setup, operate, save),
	QUICK("help", setup_modified, operate, save),
	MODIFY("help-twice", setup_modified, operate_twice, save),
	QUICK("fail", setup_modified, operate, save_fails),
	QUICK("fail-late", setup_first, change_second, save_fails),
	MODIFY("help-snapshots", setup, operate, save_twice),
	MODIFY("help-capture", setup_modified, operate, save_twice),
	MODIFY("fail-again", setup_first, change_second, save_again),
	QUICK("suspended", setup, operate_point, save),
	MODIFY("suspended-help", setup_modified, operate_point, save),
	MODIFY("suspended-fail", setup_modified, operate_point, save_fails),
	MODIFY("suspended-stop", setup, operate_point, save_twice),
	QUICK("new", setup_uneven, make, save),
	QUICK("first", setup, operate, await_first),
	QUICK("same", setup_uneven, change_first, change_second),
#if !defined(PAWL_MC)
	MODIFY("help-two", setup_modified, operate, operate, save),
	MODIFY("fail-two", setup_modified, operate, operate, save_fails),
#endif
};

MC_MAIN(scenarios)
