/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-fault.c - a store that fails when told to.
 *
 * Each call asks decide() first, which counts it and says what is to become of it. What is freed is freed below
 * whatever happens: a batch that fails to commit is aborted there, views end.
 */
#include "config.h"

#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

#define SECTOR 512u

struct plan {
	uint64_t calls, fail_at, crash_at; /* numbers of calls; 0: none */
	int error, status;
	bool after;
	unsigned per_mille;
};

struct fault_store {
	struct pawl_store store;
	struct pawl_store *below;
	pthread_mutex_t mutex; /* all that follows */
	struct plan plans[ENG_FAULT_CALL_COUNT];
	uint64_t damage_at, random;
	enum eng_damage damage;
	bool dead;
};

struct fault_view {
	struct pawl_store_view view;
	struct pawl_store_view *below;
};

struct fault_batch {
	struct pawl_store_batch batch;
	struct pawl_store_batch *below;
};

static struct fault_store *fault(struct pawl_store *store)
{
	return PAWL_CONTAINER_OF(store, struct fault_store, store);
}

/* ---- what becomes of a call --------------------------------------------------------------------- */

static uint64_t draw(struct fault_store *s)
{
	s->random += UINT64_C(0x9e3779b97f4a7c15);
	return pawl_hash_mix(s->random);
}

struct verdict {
	int error;	 /* before anything is done */
	bool dies_after; /* when it is done */
	int status;	 /* then; negative: it only looks so */
	bool damaged;
	enum eng_damage damage;
	uint64_t random;
};

static void decide_plan(struct fault_store *s, struct plan *plan, struct verdict *to)
{
	static const int errors[] = {-EIO, -ENOSPC, -EDQUOT, -ENOMEM};
	uint64_t call = ++plan->calls;

	if (call == plan->crash_at) {
		to->status = plan->status;
		to->dies_after = plan->after;
		if (!plan->after && plan->status >= 0)
			_exit(plan->status);
		if (!plan->after) {
			s->dead = true;
			to->error = -EIO;
		}
	}
	if (call == plan->fail_at)
		to->error = plan->error;
	if (plan->per_mille && draw(s) % 1000 < plan->per_mille)
		to->error = errors[draw(s) % 4];
}

static struct verdict decide(struct fault_store *s, enum eng_fault_call call)
{
	struct verdict verdict = {0};

	pthread_mutex_lock(&s->mutex);
	if (s->dead)
		verdict.error = -EIO;
	decide_plan(s, &s->plans[ENG_FAULT_ANY], &verdict);
	decide_plan(s, &s->plans[call], &verdict);
	if (call == ENG_FAULT_PUT && s->plans[call].calls == s->damage_at) {
		verdict.damaged = true;
		verdict.damage = s->damage;
		verdict.random = draw(s);
	}
	pthread_mutex_unlock(&s->mutex);
	return verdict;
}

/* The call was made below. Returns: its result, or that of a process that has gone. */
static int over(struct fault_store *s, struct verdict verdict, int result)
{
	if (!verdict.dies_after)
		return result;
	if (verdict.status >= 0)
		_exit(verdict.status);
	pthread_mutex_lock(&s->mutex);
	s->dead = true;
	pthread_mutex_unlock(&s->mutex);
	return -EIO;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

static int fault_view_begin(struct pawl_store *store, struct pawl_store_view **ret_view)
{
	struct fault_store *s = fault(store);
	struct verdict verdict = decide(s, ENG_FAULT_VIEW);
	struct fault_view *view;
	int error = verdict.error;

	if (error)
		return error;
	view = pawl_mem_alloc(sizeof(*view), 0);
	if (!view)
		return -ENOMEM;
	error = pawl_store_view_begin(s->below, &view->below);
	if (!error) {
		error = over(s, verdict, 0);
		if (error)
			pawl_store_view_end(view->below);
	}
	if (error) {
		pawl_mem_free(view, sizeof(*view), 0);
		return error;
	}
	view->view = (struct pawl_store_view){store, view->below->generation};
	*ret_view = &view->view;
	return 0;
}

static struct fault_view *fault_view(struct pawl_store_view *view)
{
	return PAWL_CONTAINER_OF(view, struct fault_view, view);
}

static void fault_view_end(struct pawl_store_view *view)
{
	pawl_store_view_end(fault_view(view)->below);
	pawl_mem_free(fault_view(view), sizeof(struct fault_view), 0);
}

static int fault_get(struct pawl_store_view *view, enum pawl_store_space space,
		     struct pawl_store_key key, struct pawl_slice *ret_value)
{
	struct fault_store *s = fault(view->store);
	struct verdict verdict = decide(s, ENG_FAULT_GET);
	struct pawl_slice value;
	int error = verdict.error;

	if (!error)
		error = over(s, verdict,
			     pawl_store_get(fault_view(view)->below, space, key, &value));
	if (!error)
		*ret_value = value;
	return error;
}

static int fault_multi_get(struct pawl_store_view *view, enum pawl_store_space space,
			   const struct pawl_store_key *keys, size_t n,
			   struct pawl_slice *ret_values)
{
	size_t i;
	int error = 0;

	for (i = 0; !error && i < n; i++)
		error = fault_get(view, space, keys[i], &ret_values[i]);
	return error;
}

static int fault_scan(struct pawl_store_view *view, enum pawl_store_space space,
		      struct pawl_store_key from, pawl_store_fn *fn, void *arg)
{
	struct fault_store *s = fault(view->store);
	struct verdict verdict = decide(s, ENG_FAULT_SCAN);

	if (verdict.error)
		return verdict.error;
	return over(s, verdict, pawl_store_scan(fault_view(view)->below, space, from, fn, arg));
}

static int fault_begin_write(struct pawl_store *store, struct pawl_store_batch **ret_batch)
{
	struct fault_store *s = fault(store);
	struct verdict verdict = decide(s, ENG_FAULT_BEGIN);
	struct fault_batch *batch;
	int error = verdict.error;

	if (error)
		return error;
	batch = pawl_mem_alloc(sizeof(*batch), 0);
	if (!batch)
		return -ENOMEM;
	error = pawl_store_begin_write(s->below, &batch->below);
	if (!error) {
		error = over(s, verdict, 0);
		if (error)
			pawl_store_abort(batch->below);
	}
	if (error) {
		pawl_mem_free(batch, sizeof(*batch), 0);
		return error;
	}
	batch->batch.store = store;
	*ret_batch = &batch->batch;
	return 0;
}

static struct fault_batch *fault_batch(struct pawl_store_batch *batch)
{
	return PAWL_CONTAINER_OF(batch, struct fault_batch, batch);
}

static int put_damaged(struct pawl_store_batch *below, enum pawl_store_space space,
		       struct pawl_store_key key, struct pawl_slice value,
		       struct verdict verdict)
{
	size_t sectors = (value.len + SECTOR - 1) / SECTOR, i;
	char *bytes = pawl_mem_alloc(value.len, 0);
	int error;

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, value.ptr, value.len);
	if (verdict.damage == ENG_DAMAGE_BIT)
		bytes[verdict.random / 8 % value.len] ^= (char)(1u << verdict.random % 8);
	else if (verdict.damage == ENG_DAMAGE_TORN && sectors < 2)
		memset(bytes + value.len / 2, 0, value.len - value.len / 2);
	for (i = 0; verdict.damage == ENG_DAMAGE_TORN && sectors > 1 && i < sectors; i++) {
		/* One of them at least. */
		if (i != verdict.random % sectors && (verdict.random >> i % 64 & 1))
			continue;
		memset(bytes + i * SECTOR, 0,
		       value.len - i * SECTOR < SECTOR ? value.len - i * SECTOR : SECTOR);
	}
	error = pawl_store_put(
		below, space, key,
		(struct pawl_slice){bytes, verdict.damage == ENG_DAMAGE_SHORT
						   ? (size_t)(verdict.random % value.len)
						   : value.len});
	pawl_mem_free(bytes, value.len, 0);
	return error;
}

static int fault_put(struct pawl_store_batch *batch, enum pawl_store_space space,
		     struct pawl_store_key key, struct pawl_slice value)
{
	struct fault_store *s = fault(batch->store);
	struct verdict verdict = decide(s, ENG_FAULT_PUT);
	struct pawl_store_batch *below = fault_batch(batch)->below;

	if (verdict.error)
		return verdict.error;
	if (!value.ptr)
		return over(s, verdict, pawl_store_remove(below, space, key));
	if (verdict.damaged && value.len)
		return over(s, verdict, put_damaged(below, space, key, value, verdict));
	return over(s, verdict, pawl_store_put(below, space, key, value));
}

static void fault_abort(struct pawl_store_batch *batch)
{
	pawl_store_abort(fault_batch(batch)->below);
	pawl_mem_free(fault_batch(batch), sizeof(struct fault_batch), 0);
}

static int fault_commit(struct pawl_store_batch *batch, struct pawl_store_why *why,
			uint64_t *ret_generation)
{
	struct fault_store *s = fault(batch->store);
	struct verdict verdict = decide(s, ENG_FAULT_COMMIT);
	int error;

	if (verdict.error) {
		fault_abort(batch);
		return eng_why(why, verdict.error, 0, "told to fail");
	}
	error = over(s, verdict,
		     pawl_store_commit(fault_batch(batch)->below, why, ret_generation));
	pawl_mem_free(fault_batch(batch), sizeof(struct fault_batch), 0);
	return error;
}

static int fault_compact(struct pawl_store *store, struct pawl_store_why *why, bool *ret_done)
{
	struct fault_store *s = fault(store);
	struct verdict verdict = decide(s, ENG_FAULT_COMPACT);

	if (verdict.error)
		return eng_why(why, verdict.error, 0, "told to fail");
	return over(s, verdict, pawl_store_compact(s->below, why, ret_done));
}

static int fault_verify(struct pawl_store *store, struct pawl_store_why *why)
{
	struct fault_store *s = fault(store);
	struct verdict verdict = decide(s, ENG_FAULT_VERIFY);

	if (verdict.error)
		return eng_why(why, verdict.error, 0, "told to fail");
	return over(s, verdict, pawl_store_verify(s->below, why));
}

static int fault_stat(struct pawl_store *store, struct pawl_store_stat *ret_stat)
{
	struct fault_store *s = fault(store);
	struct verdict verdict = decide(s, ENG_FAULT_STAT);

	if (verdict.error)
		return verdict.error;
	return over(s, verdict, pawl_store_stat_read(s->below, ret_stat));
}

/* These are about processes, and never fail. */
static int fault_tell(struct pawl_store *store, bool behind, bool *ret_asked)
{
	return pawl_store_tell(fault(store)->below, behind, ret_asked);
}

static int fault_ask(struct pawl_store *store, bool asks, struct pawl_store_writer *ret_writer)
{
	return pawl_store_ask(fault(store)->below, asks, ret_writer);
}

static void fault_close(struct pawl_store *store)
{
	struct fault_store *s = fault(store);

	pawl_store_close(s->below);
	pthread_mutex_destroy(&s->mutex);
	pawl_mem_free(s, sizeof(*s), 0);
}

static const struct pawl_store_ops fault_ops = {
	.size = sizeof(fault_ops),
	.name = "fault",
	.close = fault_close,
	.view_begin = fault_view_begin,
	.view_end = fault_view_end,
	.get = fault_get,
	.multi_get = fault_multi_get,
	.scan = fault_scan,
	.begin_write = fault_begin_write,
	.put = fault_put,
	.commit = fault_commit,
	.abort = fault_abort,
	.compact = fault_compact,
	.verify = fault_verify,
	.stat = fault_stat,
	.tell = fault_tell,
	.ask = fault_ask,
};

int eng_store_fault(struct pawl_store *below, uint64_t seed, struct pawl_store **ret_store)
{
	struct fault_store *s = pawl_mem_zalloc(sizeof(*s), 0);

	if (!s)
		return -ENOMEM;
	s->store.ops = &fault_ops;
	s->below = below;
	s->random = seed;
	pthread_mutex_init(&s->mutex, NULL);
	*ret_store = &s->store;
	return 0;
}

/* ---- telling it --------------------------------------------------------------------------------- */

void eng_fault_at(struct pawl_store *store, enum eng_fault_call call, uint64_t n, int error)
{
	struct fault_store *s = fault(store);
	struct plan *plan = &s->plans[call];

	pthread_mutex_lock(&s->mutex);
	plan->fail_at = n ? plan->calls + n : 0;
	plan->error = error;
	pthread_mutex_unlock(&s->mutex);
}

void eng_fault_rate(struct pawl_store *store, enum eng_fault_call call, unsigned per_mille)
{
	struct fault_store *s = fault(store);

	pthread_mutex_lock(&s->mutex);
	s->plans[call].per_mille = per_mille;
	pthread_mutex_unlock(&s->mutex);
}

void eng_fault_damage(struct pawl_store *store, uint64_t n, enum eng_damage how)
{
	struct fault_store *s = fault(store);

	pthread_mutex_lock(&s->mutex);
	s->damage_at = n ? s->plans[ENG_FAULT_PUT].calls + n : 0;
	s->damage = how;
	pthread_mutex_unlock(&s->mutex);
}

void eng_fault_crash(struct pawl_store *store, enum eng_fault_call call, uint64_t n, bool after,
		     int status)
{
	struct fault_store *s = fault(store);
	struct plan *plan = &s->plans[call];

	pthread_mutex_lock(&s->mutex);
	plan->crash_at = n ? plan->calls + n : 0;
	plan->after = after;
	plan->status = status;
	pthread_mutex_unlock(&s->mutex);
}

bool eng_fault_crashed(struct pawl_store *store)
{
	struct fault_store *s = fault(store);
	bool dead;

	pthread_mutex_lock(&s->mutex);
	dead = s->dead;
	pthread_mutex_unlock(&s->mutex);
	return dead;
}

uint64_t eng_fault_calls(struct pawl_store *store, enum eng_fault_call call)
{
	struct fault_store *s = fault(store);
	uint64_t calls;

	pthread_mutex_lock(&s->mutex);
	calls = s->plans[call].calls;
	pthread_mutex_unlock(&s->mutex);
	return calls;
}
