/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * effect-target.c - targets: what was applied to each key last, and applying.
 *
 * A key has an entry from its first applying on: nothing is applied, or this digest is; or somebody is at it. Who comes
 * meanwhile waits. The functions of the program's run outside of the lock, with the entry marked as busy.
 *
 * Invariants:
 *  I1 An entry that is not busy and says that a digest is applied: apply() has returned 0 for it, and was not called
 *     for that key since. It says so no more from before apply() is called until after that has returned 0.
 *  I2 Tasks are in `readers` since they have left out the value of what is applied: when that is applied no more, the set
 *     is taken, and they are invalidated. A task joins under the lock, if it sees it applied.
 *  I3 Who has marked an entry as busy unmarks it, also where apply() does not return (pawl_exit(), a body that is
 *     forced to end).
 *
 * Entries stay as long as the target: a key that nobody wants any more keeps what was applied to it, which is
 * there, after all.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/hash.h>
#include <pawl/lock.h>
#include <pawl/mem.h>
#include <pawl/observe.h>
#include <pawl/parallel.h>
#include <pawl/sset.h>

#include "effect.h"
#include "engine.h"
#include "graph/context.h"
#include "graph/registry.h"
#include "graph/twice.h"
#include "runtime/worker.h"

#define BUCKETS_FIRST 64u

struct entry {
	struct entry *next;
	uint64_t hash;
	/* Under the lock. */
	bool busy, applied;
	struct pawl_digest digest; /* that is */
	struct pawl_sset readers;  /* I2 */
	size_t len;
	char key[];
};

struct pawl_effect_target {
	struct pawl_effect_target_options options;
	struct eng_graph *graph;
	/* Under the lock. */
	struct pawl_lock lock;
	struct entry **buckets;
	size_t mask, n;
	/* An entry is not busy any more. */
	struct pawl_event changed;
};

/* ---- making ------------------------------------------------------------------------------- */

int pawl_effect_target_create(struct pawl_engine *engine,
			      const struct pawl_effect_target_options *options,
			      struct pawl_effect_target **ret_target)
{
	struct pawl_effect_target *target;

	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || !options->apply || !options->trait ||
	    !eng_trait_number(engine->graph->registry, options->trait))
		return -EINVAL;
	target = pawl_mem_zalloc(sizeof(*target), 0);
	if (!target)
		return -ENOMEM;
	target->buckets = pawl_mem_zalloc(BUCKETS_FIRST * sizeof(struct entry *), 0);
	if (!target->buckets) {
		pawl_mem_free(target, sizeof(*target), 0);
		return -ENOMEM;
	}
	target->mask = BUCKETS_FIRST - 1;
	target->options = *options;
	target->graph = engine->graph;
	pawl_lock_init(&target->lock, ENG_RANK_STATE);
	pawl_event_init(&target->changed);
	*ret_target = target;
	return 0;
}

void pawl_effect_target_destroy(struct pawl_effect_target *target)
{
	if (!target)
		return;
	for (size_t i = 0; i <= target->mask; i++) {
		struct entry *entry;

		while ((entry = target->buckets[i])) {
			target->buckets[i] = entry->next;
			pawl_sset_fini(&entry->readers);
			pawl_mem_free(entry, sizeof(*entry) + entry->len, 0);
		}
	}
	pawl_mem_free(target->buckets, (target->mask + 1) * sizeof(struct entry *), 0);
	pawl_mem_free(target, sizeof(*target), 0);
}

const struct pawl_trait *eng_target_trait(const struct pawl_effect_target *target)
{
	return target->options.trait;
}

/* ---- entries, under the lock --------------------------------------------------------------- */

static struct entry *find(const struct pawl_effect_target *target, struct pawl_slice key,
			  uint64_t hash)
{
	struct entry *entry = target->buckets[hash & target->mask];

	while (entry && (entry->hash != hash || entry->len != key.len ||
			 memcmp(entry->key, key.ptr, key.len)))
		entry = entry->next;
	return entry;
}

/* Without memory for that lists are longer. */
static void grow(struct pawl_effect_target *target)
{
	size_t mask = target->mask * 2 + 1;
	struct entry **more = pawl_mem_zalloc((mask + 1) * sizeof(struct entry *), 0);

	if (!more)
		return;
	for (size_t i = 0; i <= target->mask; i++) {
		struct entry *entry;

		while ((entry = target->buckets[i])) {
			target->buckets[i] = entry->next;
			entry->next = more[entry->hash & mask];
			more[entry->hash & mask] = entry;
		}
	}
	pawl_mem_free(target->buckets, (target->mask + 1) * sizeof(struct entry *), 0);
	target->buckets = more;
	target->mask = mask;
}

static struct entry *find_or_make(struct pawl_effect_target *target, struct pawl_slice key)
{
	uint64_t hash = pawl_hash_bytes(key.ptr, key.len, 0);
	struct entry *entry = find(target, key, hash);

	if (entry)
		return entry;
	entry = pawl_mem_zalloc(sizeof(*entry) + key.len, 0);
	if (!entry)
		return NULL;
	if (target->n++ > target->mask)
		grow(target);
	entry->hash = hash;
	entry->len = key.len;
	if (key.len)
		memcpy(entry->key, key.ptr, key.len);
	pawl_sset_init(&entry->readers);
	entry->next = target->buckets[hash & target->mask];
	target->buckets[hash & target->mask] = entry;
	return entry;
}

int eng_target_has(struct pawl_effect_target *target, struct pawl_context *context,
		   struct pawl_slice key, struct pawl_digest digest)
{
	struct pawl_invalidator invalidator;
	struct entry *entry;
	int result = 0;

	if (context->twice)
		eng_twice_leave(context);
	/* First: the run is one that may be invalidated at any time. */
	if (context->run)
		result = pawl_context_invalidator(context, &invalidator);
	if (result)
		return result;
	pawl_lock_lock(&target->lock);
	entry = find(target, key, pawl_hash_bytes(key.ptr, key.len, 0));
	if (entry && !entry->busy && entry->applied &&
	    pawl_digest_equal(entry->digest, digest)) {
		if (context->run)
			result = pawl_sset_add(&entry->readers, context->id, NULL);
		if (!result)
			result = 1;
	}
	pawl_lock_unlock(&target->lock);
	return result;
}

/* ---- applying one ---------------------------------------------------------------------------- */

/* What one has come to. Beside these: errors. */
enum outcome { APPLIED, STOOD, AGAIN };

/* One that is being applied. */
struct applying {
	struct pawl_effect_target *target;
	const struct pawl_effect *effect;
	struct entry *entry;
	struct pawl_sset readers; /* that are to be told */
	struct eng_effect_call call;
};

/* It is not applied any more. Locked. */
static void unset(struct applying *applying)
{
	struct entry *entry = applying->entry;

	entry->applied = false;
	/* Taken once: nobody joins what is not applied. */
	if (!pawl_sset_count(&applying->readers)) {
		pawl_sset_fini(&applying->readers);
		applying->readers = entry->readers;
		pawl_sset_init(&entry->readers);
	}
}

/* The entry is let go of. Locked; gives the lock back. */
static void let_go(struct applying *applying, bool applied)
{
	struct pawl_effect_target *target = applying->target;
	struct entry *entry = applying->entry;

	entry->busy = false;
	entry->applied = applied;
	entry->digest = applying->effect->digest;
	pawl_lock_unlock(&target->lock);
	pawl_event_notify_all(&target->changed);
}

static void tell_readers(struct applying *applying)
{
	static const struct pawl_reason_kind replaced =
		PAWL_REASON_KIND("what was applied to a key is there no more",
				 "keys to which something else was applied");
	struct pawl_invalidator invalidator = {applying->target->graph, 0};
	char key[ENG_EFFECT_KEY_SHOWN + 1];
	const struct pawl_reason reason = {&replaced, key};
	uint32_t cursor = 0;

	if (pawl_sset_count(&applying->readers)) {
		eng_effect_key_say(applying->effect->key, key);
		eng_effect_enter(applying->target->graph, &applying->call);
		while (pawl_sset_next(&applying->readers, &cursor, &invalidator.pawl_task))
			(void)!pawl_invalidate_because(&invalidator, 1, &reason);
		eng_effect_left(applying->target->graph, &applying->call);
	}
	pawl_sset_fini(&applying->readers);
}

/* It did not return: I3. */
static void left(void *arg)
{
	struct applying *applying = arg;

	eng_effect_left(applying->target->graph, &applying->call);
	pawl_lock_lock(&applying->target->lock);
	unset(applying);
	let_go(applying, false);
	tell_readers(applying);
}

/* With the lock, and the entry not busy. Errors: -ECANCELED. */
static int entry_wait(struct pawl_effect_target *target, struct entry *entry)
{
	int error = 0;

	pawl_lock_lock(&target->lock);
	while (entry->busy && !error) {
		struct pawl_listener listener;

		pawl_event_listen(&target->changed, &listener, "an effect on the same key", 0);
		pawl_lock_unlock(&target->lock);
		error = pawl_wait(&listener, PAWL_FOREVER);
		pawl_lock_lock(&target->lock);
	}
	if (error)
		pawl_lock_unlock(&target->lock);
	return error;
}

/* Is what is applied still there? With the lock, which is not held meanwhile. */
static bool stands(struct applying *applying)
{
	const struct pawl_effect_target_options *options = &applying->target->options;
	struct entry *entry = applying->entry;
	struct pawl_cleanup cleanup;
	bool in_body = eng_run_here(), yes;

	if (!options->stands)
		return true;
	entry->busy = true;
	pawl_lock_unlock(&applying->target->lock);
	eng_effect_enter(applying->target->graph, &applying->call);
	if (in_body)
		pawl_cleanup_push(&cleanup, left, applying);
	yes = options->stands(options->arg, applying->effect->key, applying->effect->digest);
	if (in_body)
		pawl_cleanup_pop(&cleanup, false);
	eng_effect_left(applying->target->graph, &applying->call);
	pawl_lock_lock(&applying->target->lock);
	entry->busy = false;
	return yes;
}

/* With the lock; gives it back. */
static int apply_now(struct applying *applying)
{
	const struct pawl_effect_target_options *options = &applying->target->options;
	const struct pawl_effect *effect = applying->effect;
	struct pawl_cleanup cleanup;
	bool in_body = eng_run_here();
	int error;

	unset(applying);
	applying->entry->busy = true;
	pawl_lock_unlock(&applying->target->lock);
	eng_effect_enter(applying->target->graph, &applying->call);
	if (in_body)
		pawl_cleanup_push(&cleanup, left, applying);
	error = options->apply(options->arg, effect->key, effect->value);
	if (in_body)
		pawl_cleanup_pop(&cleanup, false);
	eng_effect_left(applying->target->graph, &applying->call);
	pawl_lock_lock(&applying->target->lock);
	let_go(applying, !error);
	return error > 0 ? -error : error;
}

/* Returns: enum outcome. Errors: as of pawl_effects_apply(). */
static int apply_one(struct pawl_effect_target *target, const struct pawl_effect *effect)
{
	struct applying applying = {.target = target, .effect = effect};
	int result;

	pawl_sset_init(&applying.readers);
	pawl_lock_lock(&target->lock);
	applying.entry = find_or_make(target, effect->key);
	pawl_lock_unlock(&target->lock);
	if (!applying.entry)
		return -ENOMEM;
	result = entry_wait(target, applying.entry);
	if (result)
		return result;
	if (applying.entry->applied &&
	    pawl_digest_equal(applying.entry->digest, effect->digest)) {
		if (stands(&applying)) {
			pawl_lock_unlock(&target->lock);
			if (target->options.stands)
				pawl_event_notify_all(&target->changed);
			return STOOD;
		}
		unset(&applying);
	}
	if (effect->value) {
		result = apply_now(&applying);
	} else {
		pawl_lock_unlock(&target->lock);
		pawl_event_notify_all(&target->changed);
		result = AGAIN;
	}
	tell_readers(&applying);
	return result;
}

/* ---- applying all ------------------------------------------------------------------------------ */

struct batch {
	struct pawl_effect_target *target;
	const struct eng_effects *effects;
	struct pawl_lock lock;
	struct pawl_effects_report report;
	int error; /* of report.first, if that has failed */
};

static void note_outcome(struct batch *batch, size_t at, int outcome)
{
	struct pawl_effects_report *report = &batch->report;

	pawl_lock_lock(&batch->lock);
	switch (outcome) {
	case APPLIED:
		report->applied++;
		break;
	case STOOD:
		report->stood++;
		break;
	case AGAIN:
		report->again++;
		break;
	default:
		report->failed++;
		break;
	}
	/* The first that failed; without one, the first that is to be taken again. */
	if (outcome < 0 && (!batch->error || at < report->first)) {
		batch->error = outcome;
		report->first = at;
	} else if (outcome == AGAIN && !batch->error && at < report->first) {
		report->first = at;
	}
	pawl_lock_unlock(&batch->lock);
}

struct job {
	struct batch *batch;
	size_t at;
};

static void job_left(void *arg)
{
	struct job *job = arg;
	struct eng_run *here = eng_run_here();

	note_outcome(job->batch, job->at, here && here->error ? here->error : -ECANCELED);
}

static int do_job(void *arg, size_t at)
{
	struct job job = {arg, at};
	struct pawl_cleanup cleanup;
	bool in_body = eng_run_here();
	int outcome;

	if (in_body)
		pawl_cleanup_push(&cleanup, job_left, &job);
	outcome = apply_one(job.batch->target, &job.batch->effects->items[at]);
	if (in_body)
		pawl_cleanup_pop(&cleanup, false);
	note_outcome(job.batch, at, outcome);
	return 0;
}

/* Is this a task that may run again? Of any engine. */
static bool in_task(void)
{
	struct eng_run *here = eng_run_here();
	uint64_t tag = here ? pawl_load_relaxed(&here->task->tag) : 0;
	struct eng_node *node;
	bool once;

	/* A plain task of the runtime, or a visit; or what a run has beside its body. */
	if (!tag || tag == ENG_TAG_UNNAMED)
		return tag;
	node = eng_run_lock(here->task->arg);
	once = node->bits & ENG_ONCE;
	eng_unlock(node);
	return !once;
}

int pawl_effects_apply(struct pawl_effect_target *target, const struct pawl_value *effects,
		       struct pawl_effects_report *ret_report)
{
	struct batch batch = {.target = target};
	int error = 0;

	if (pawl_value_type_of(effects) != &pawl_effects_type)
		return -EINVAL;
	if (in_task())
		return -EPERM;
	batch.effects = pawl_value_payload(effects);
	batch.report.first = batch.effects->n;
	pawl_lock_init(&batch.lock, PAWL_LOCK_RANK_NONE);
	if (batch.effects->n > 1)
		error = pawl_parallel(target->graph->group, batch.effects->n, do_job, &batch,
				      NULL);
	else if (batch.effects->n)
		(void)do_job(&batch, 0);
	/* No memory for help, and nothing was done. */
	for (size_t i = 0; error == -ENOMEM && i < batch.effects->n; i++)
		(void)do_job(&batch, i);
	if (ret_report)
		*ret_report = batch.report;
	if (!batch.error && batch.report.again)
		return -EAGAIN;
	return batch.error;
}
