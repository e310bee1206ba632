/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.c - what sessions before have left in the store, and nobody needs.
 *
 * Who has how many parents is not saved: it would have to be changed with each call of each task that is there already.
 * It is counted again, from the calls that stand in the records. That is one walk over META, of what is there as it was when
 * the store was opened; of the rest that is counted just before the first snapshot that replaces it. What has changed
 * since is counted in the records that are in memory (graph/reclaim.c), and is added to it.
 * Then what loses its last parent goes as what was made in this process does. A walk is made
 *  - when the program collects
 *  - before the first snapshot, or when the engine is closed, if it is due: if a thousand tasks were made since the
 *    last one, and half as many as there were; or if something that nobody has asked for has had its time.
 * So a store is at most so much larger than what is needed and what has its time, a task that is made pays for one and a
 * half that are walked over, and a process that saves nothing pays nothing.
 *
 * Without parents in the store are those that roots and visits of sessions before have called. Nobody knows whether this
 * one will, or the next: they have time, options.collect_after_ns, of real time, from the first walk on
 * in whose session nobody has called them; any call of any session ends that. Since when, stands in the store. What
 * such a task needs has a parent, and stays as long as it.
 *
 * A record that cannot be read may call anything: then nothing is counted. A clock that was set back gives more time.
 *
 * Rejected: counts in the records (above; and what is captured in the midst of a run has counts of no edge); a walk over
 * the graph in memory, for which all of it would have to come back; time in sessions, of which a program has one a second
 * or one a month.
 *
 * Invariants:
 *  I1 `counted` has each record that is not any more as it was when the store was opened, and its calls are in the bases.
 *     No snapshot is under way here, since `one` is held.
 *  I2 what was restored counts what has changed since; what was lost, or has left memory, counts nothing any more.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>

#include "persist.h"

#define DUE_LEAST 1024u
#define SECOND_NS UINT64_C(1000000000)

static uint64_t seconds_now(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) || now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec;
}

static bool is_over(const struct eng_persist *persist, const struct eng_stale *stale,
		    uint64_t now)
{
	return now >= stale->since &&
	       now - stale->since >= persist->graph->reclaim.after_ns / SECOND_NS;
}

/* ---- what is saved of it ------------------------------------------------------------------- */

static void stale_free(struct eng_sweep *sweep)
{
	pawl_mem_free(sweep->stale, sweep->n * sizeof(*sweep->stale), 0);
	sweep->stale = NULL;
	sweep->n = 0;
}

/* Ascending, and of tasks that there can be. */
static bool take(struct eng_persist *persist, struct eng_reader *reader)
{
	struct eng_sweep *sweep = &persist->sweep;
	uint64_t now = seconds_now();
	eng_id before = 0;

	sweep->next = eng_read_number32(reader);
	sweep->tasks = eng_read_number32(reader);
	sweep->n = (uint32_t)eng_read_count(reader, 2);
	sweep->stale = sweep->n ? eng_must_zalloc(sweep->n * sizeof(*sweep->stale)) : NULL;
	for (uint32_t i = 0; i < sweep->n && !reader->bad; i++) {
		struct eng_stale *stale = &sweep->stale[i];

		stale->id = before + eng_read_number32(reader);
		stale->since = eng_read_number(reader);
		if (stale->id <= before || stale->id >= persist->backing.limit)
			eng_reader_spoil(reader);
		before = stale->id;
		/* A clock that was set back. */
		if (stale->since > now)
			stale->since = now;
	}
	return eng_reader_done(reader) && sweep->next <= persist->backing.limit;
}

int eng_sweep_read(struct eng_persist *persist)
{
	struct pawl_store_key key = pawl_store_id(ENG_INFRA_STALE);
	struct eng_sweep *sweep = &persist->sweep;
	struct eng_reader reader;
	struct pawl_slice bytes;
	uint8_t version;
	int error = pawl_store_get(persist->view, PAWL_STORE_INFRA, key, &bytes);

	if (error)
		return error;
	sweep->saved = bytes.ptr &&
		       !eng_frame_open(bytes, eng_frame_seed(PAWL_STORE_INFRA, key), &version,
				       &reader) &&
		       take(persist, &reader);
	if (!sweep->saved) {
		stale_free(sweep);
		sweep->next = sweep->tasks = 0;
	}
	return 0;
}

bool eng_sweep_is_saved(struct eng_persist *persist)
{
	struct eng_sweep *sweep = &persist->sweep;

	/* Those who were asked for since have all their time again. */
	for (uint32_t i = 0; i < sweep->n; i++) {
		eng_id id = sweep->stale[i].id;

		if (id && (eng_reclaim_is_asked(persist->graph, id) ||
			   eng_gone_has(persist->graph, id))) {
			sweep->stale[i].id = 0;
			sweep->saved = false;
		}
	}
	return sweep->saved || !sweep->n;
}

void eng_sweep_put(struct eng_persist *persist, struct eng_out *out)
{
	struct eng_sweep *sweep = &persist->sweep;
	uint32_t n = 0, kept = 0;
	eng_id before = 0;

	/* Made by this process, all of it: it is as after a walk. */
	if (!persist->backing.limit) {
		sweep->saved &= sweep->next == persist->next;
		sweep->next = sweep->tasks = persist->next;
	}
	(void)eng_sweep_is_saved(persist);
	if (sweep->saved || !persist->graph->collects)
		return;
	for (uint32_t i = 0; i < sweep->n; i++)
		kept += sweep->stale[i].id != 0;
	eng_out_begin(out);
	eng_out_number(out, sweep->next);
	eng_out_number(out, sweep->tasks);
	eng_out_number(out, kept);
	for (uint32_t i = 0; n < kept; i++) {
		if (!sweep->stale[i].id)
			continue;
		eng_out_number(out, sweep->stale[i].id - before);
		eng_out_number(out, sweep->stale[i].since);
		before = sweep->stale[i].id;
		n++;
	}
	eng_out_end(out, PAWL_STORE_INFRA, ENG_INFRA_STALE);
}

/* ---- counting -------------------------------------------------------------------------------- */

static bool count_set(struct eng_bases *bases, const struct eng_image_set *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		if (set->at[i] >= bases->limit)
			return false;
		bases->parents[set->at[i]]++;
	}
	return true;
}

static int count_record(struct eng_bases *bases, eng_id id, struct pawl_slice value)
{
	struct eng_meta_image *meta;
	void *image;
	bool good;
	int error = eng_record_decode(PAWL_STORE_META, id, value, &image);

	if (error)
		return error;
	meta = image;
	good = count_set(bases, &meta->CHILDREN) && count_set(bases, &meta->STILL_CHILDREN);
	eng_record_free(image);
	bases->parents[id] |= ENG_BASE_THERE;
	return good ? 0 : -EUCLEAN;
}

static int count_one(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct eng_persist *persist = arg;
	struct eng_sweep *sweep = &persist->sweep;

	/* Relaxed: the walk is made another time. */
	if (pawl_load_relaxed(&persist->graph->stopping))
		return -ECANCELED;
	/* Of this process, or counted as it was. */
	if (key.low >= sweep->bases->limit || eng_bitmap_has(sweep->counted, (eng_id)key.low))
		return 0;
	return count_record(sweep->bases, (eng_id)key.low, value);
}

static void counts_free(struct eng_sweep *sweep)
{
	if (sweep->bases)
		pawl_mem_free(sweep->bases,
			      sizeof(*sweep->bases) +
				      sweep->bases->limit * sizeof(*sweep->bases->parents),
			      0);
	sweep->bases = NULL;
	eng_bitmap_free(sweep->counted);
	sweep->counted = NULL;
}

static void counts_make(struct eng_persist *persist)
{
	struct eng_sweep *sweep = &persist->sweep;
	uint32_t limit = persist->backing.limit;

	if (sweep->bases)
		return;
	sweep->bases =
		eng_must_zalloc(sizeof(*sweep->bases) + limit * sizeof(*sweep->bases->parents));
	sweep->bases->limit = limit;
	sweep->counted = eng_bitmap_make();
}

static bool may_sweep(const struct eng_persist *persist)
{
	return !persist->sweep.over && persist->backing.limit && persist->graph->collects;
}

/* It cannot be told who is called by what: this process leaves it alone. */
static void give_up(struct eng_persist *persist)
{
	persist->sweep.over = true;
	counts_free(&persist->sweep);
}

void eng_sweep_note(struct eng_persist *persist, eng_id id)
{
	struct pawl_slice bytes;

	if (!may_sweep(persist) || id >= persist->backing.limit)
		return;
	counts_make(persist);
	if (eng_bitmap_has(persist->sweep.counted, id))
		return;
	eng_bitmap_put(persist->sweep.counted, id);
	if (pawl_store_get(persist->view, PAWL_STORE_META, pawl_store_id(id), &bytes) ||
	    (bytes.ptr && count_record(persist->sweep.bases, id, bytes)))
		give_up(persist);
}

/* ---- what nobody has asked for ------------------------------------------------------------------ */

/* Since when, if that is known already. `at` goes up with the ids. */
static uint64_t since(const struct eng_sweep *sweep, uint32_t *at, eng_id id, uint64_t now)
{
	while (*at < sweep->n && sweep->stale[*at].id < id)
		++*at;
	return *at < sweep->n && sweep->stale[*at].id == id ? sweep->stale[*at].since : now;
}

static bool is_orphan(const struct eng_bases *bases, eng_id id)
{
	return bases->parents[id] == ENG_BASE_THERE;
}

/* All that have no parent in the store and were not called in this process, in place of those that are known. */
static void find_stale(struct eng_persist *persist, const struct eng_bases *bases)
{
	struct eng_sweep *sweep = &persist->sweep;
	struct eng_stale *stale;
	uint64_t now = seconds_now();
	uint32_t n = 0, room = 0, at = 0;

	for (eng_id id = 1; id < bases->limit; id++)
		room += is_orphan(bases, id);
	stale = room ? eng_must_zalloc(room * sizeof(*stale)) : NULL;
	for (eng_id id = 1; id < bases->limit && room; id++) {
		if (is_orphan(bases, id))
			stale[n++] = (struct eng_stale){id, since(sweep, &at, id, now)};
	}
	stale_free(sweep);
	sweep->stale = stale;
	sweep->n = n;
}

static void have_stale_go(struct eng_persist *persist)
{
	struct eng_sweep *sweep = &persist->sweep;
	uint64_t now = seconds_now();

	for (uint32_t i = 0; i < sweep->n; i++) {
		if (is_over(persist, &sweep->stale[i], now))
			eng_reclaim_stale(persist->graph, sweep->stale[i].id);
	}
}

/* I1. What cannot be counted stays, and is counted another time. */
static void sweep(struct eng_persist *persist)
{
	struct eng_sweep *sweep = &persist->sweep;
	struct pawl_store_key first = {0, 0};
	struct eng_bases *bases;

	if (!may_sweep(persist))
		return;
	counts_make(persist);
	if (pawl_store_scan(persist->view, PAWL_STORE_META, first, count_one, persist)) {
		give_up(persist);
		return;
	}
	bases = sweep->bases;
	sweep->bases = NULL;
	give_up(persist);
	sweep->next = bases->limit;
	sweep->tasks = 0;
	for (eng_id id = 1; id < bases->limit; id++)
		sweep->tasks += (bases->parents[id] & ENG_BASE_THERE) != 0;
	sweep->saved = false;
	if (!sweep->no_reuse)
		eng_reuse(persist, bases, sweep->tasks);
	find_stale(persist, bases);
	eng_bases_set(persist->graph, bases);
	have_stale_go(persist);
}

/* As the thread. */
static struct pawl_waiter *lock(struct eng_persist *persist)
{
	struct pawl_waiter *before = pawl_waiter_set(NULL);

	pthread_mutex_lock(&persist->one);
	return before;
}

static void unlock(struct eng_persist *persist, struct pawl_waiter *before)
{
	pthread_mutex_unlock(&persist->one);
	(void)pawl_waiter_set(before);
}

void eng_sweep_count(void *arg)
{
	struct eng_persist *persist = arg;
	struct pawl_waiter *before = lock(persist);

	sweep(persist);
	unlock(persist, before);
}

/* ---- when it is due ----------------------------------------------------------------------------- */

static bool is_due(const struct eng_persist *persist)
{
	const struct eng_sweep *sweep = &persist->sweep;
	uint32_t made = persist->backing.limit - sweep->next;
	uint64_t now = seconds_now();

	if (!may_sweep(persist))
		return false;
	if (made >= DUE_LEAST && made >= sweep->tasks / 2)
		return true;
	for (uint32_t i = 0; i < sweep->n; i++) {
		if (sweep->stale[i].id && is_over(persist, &sweep->stale[i], now))
			return true;
	}
	return false;
}

void eng_sweep_due(struct eng_persist *persist)
{
	if (!persist->sweep.looked && is_due(persist))
		sweep(persist);
	persist->sweep.looked = true;
}

void eng_sweep_last(struct eng_persist *persist)
{
	struct pawl_collect_stats stats = {0};
	struct pawl_waiter *before;
	bool due;

	if (!persist || !persist->saves || !persist->at_stop)
		return;
	before = lock(persist);
	due = !eng_persist_is_saved(persist) && is_due(persist);
	persist->sweep.no_reuse = true;
	unlock(persist, before);
	/* What cannot go now does another time. */
	if (due && eng_reclaim_all(persist->graph, &stats))
		return;
}

void eng_sweep_fini(struct eng_persist *persist)
{
	stale_free(&persist->sweep);
	counts_free(&persist->sweep);
}
