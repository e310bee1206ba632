/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * restart.c - what a store has, when an engine is opened, and each time a task is wanted that is not in memory.
 *
 * Opening reads what there is one of: the tables, and the first number that no task has. A task that is not in
 * memory has not changed since it was saved, so any view that began after that has it. The view is
 * exchanged after each snapshot: what was replaced can go.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>

#include "../graph/intake.h"
#include "persist.h"

#define SECOND_NS   UINT64_C(1000000000)
#define FIRST_NS    (300 * SECOND_NS)
#define INTERVAL_NS (120 * SECOND_NS)
#define IDLE_NS	    (2 * SECOND_NS)
#define SYNC_NS	    (3 * SECOND_NS)

/* ---- what the graph asks for ------------------------------------------------------------- */

static int restore(struct eng_persist *persist, eng_id id, struct eng_node **ret_node)
{
	struct pawl_slice meta, data;
	int error = pawl_store_get(persist->view, PAWL_STORE_DATA, pawl_store_id(id), &data);

	if (!error)
		error = pawl_store_get(persist->view, PAWL_STORE_META, pawl_store_id(id),
				       &meta);
	if (error)
		return error == -ENOMEM ? error : -EUCLEAN;
	if (!meta.ptr && !data.ptr)
		return -ENOENT;
	if (!meta.ptr || !data.ptr)
		return -EUCLEAN;
	eng_intake(persist->graph, ENG_INTAKE_RUN + meta.len + data.len);
	return eng_image_read(persist->graph, id, persist->known, meta, data, ret_node);
}

int eng_persist_restore(void *arg, eng_id id, struct eng_node **ret_node)
{
	struct eng_persist *persist = arg;
	int error;

	pthread_rwlock_rdlock(&persist->view_lock);
	error = restore(persist, id, ret_node);
	pthread_rwlock_unlock(&persist->view_lock);
	if (!error) {
		pawl_add_relaxed(&persist->restored, 1u);
		eng_intake_read(persist->graph, 1);
	}
	if (error != -ESTALE)
		return error;
	/* To the graph it is lost, as all that is. */
	pawl_add_relaxed(&persist->unknown, 1u);
	return -EUCLEAN;
}

/* Of those with both. What cannot be read now, or at all, is asked for one by one, and told of then. */
static void restore_many(struct eng_persist *persist, const eng_id *ids, unsigned n,
			 struct eng_node **ret_nodes)
{
	struct pawl_slice metas[ENG_TOGETHER], datas[ENG_TOGETHER];
	struct pawl_store_key keys[ENG_TOGETHER];

	for (unsigned i = 0; i < n; i++)
		keys[i] = pawl_store_id(ids[i]);
	if (pawl_store_multi_get(persist->view, PAWL_STORE_DATA, keys, n, datas) ||
	    pawl_store_multi_get(persist->view, PAWL_STORE_META, keys, n, metas))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (metas[i].ptr && datas[i].ptr &&
		    eng_image_read(persist->graph, ids[i], persist->known, metas[i], datas[i],
				   &ret_nodes[i]))
			ret_nodes[i] = NULL;
	}
}

void eng_persist_restore_many(void *arg, const eng_id *ids, unsigned n,
			      struct eng_node **ret_nodes)
{
	struct eng_persist *persist = arg;
	uint64_t restored = 0;

	memset(ret_nodes, 0, n * sizeof(*ret_nodes));
	pthread_rwlock_rdlock(&persist->view_lock);
	restore_many(persist, ids, n, ret_nodes);
	pthread_rwlock_unlock(&persist->view_lock);
	for (unsigned i = 0; i < n; i++)
		restored += ret_nodes[i] != NULL;
	pawl_add_relaxed(&persist->restored, restored);
	pawl_add_relaxed(&persist->together, restored);
	eng_intake_read(persist->graph, restored);
}

int eng_persist_look_up(void *arg, struct pawl_digest digest, eng_id *ret_id)
{
	struct eng_persist *persist = arg;
	struct pawl_slice bytes;
	int error;

	*ret_id = 0;
	pthread_rwlock_rdlock(&persist->view_lock);
	while ((error = pawl_store_get(persist->view, PAWL_STORE_TYPES,
				       pawl_store_digest(digest), &bytes)) == -ENOMEM)
		eng_memory_wait();
	if (!error && bytes.ptr && bytes.len == sizeof(*ret_id))
		memcpy(ret_id, bytes.ptr, sizeof(*ret_id));
	else if (error || bytes.ptr)
		error = -EUCLEAN;
	pthread_rwlock_unlock(&persist->view_lock);
	eng_intake_read(persist->graph, 1);
	return error || (bytes.ptr && (!*ret_id || *ret_id > PAWL_SLOTS_ID_MAX)) ? -EUCLEAN : 0;
}

void eng_persist_lost(void *arg, eng_id id)
{
	struct eng_persist *persist = arg;

	(void)id;
	pawl_add_relaxed(&persist->lost, 1u);
}

void eng_persist_view_renew(struct eng_persist *persist)
{
	struct pawl_store_view *view, *before;

	/* The old one does as well, but for what would leave now. */
	if (pawl_store_view_begin(persist->store, &view)) {
		pawl_store_relaxed(&persist->current, 0u);
		return;
	}
	pthread_rwlock_wrlock(&persist->view_lock);
	before = persist->view;
	persist->view = view;
	persist->known = persist->next;
	pthread_rwlock_unlock(&persist->view_lock);
	pawl_store_view_end(before);
	/* Relaxed, both: who asks has seen that the snapshot is over, under the lock that ends it. */
	pawl_store_relaxed(&persist->current, 1u);
}

bool eng_persist_is_current(void *arg)
{
	struct eng_persist *persist = arg;

	return pawl_load_relaxed(&persist->current);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* The first number that no task has. */
static int head_read(struct eng_persist *persist)
{
	struct pawl_slice bytes;
	struct eng_reader reader;
	uint64_t next = 0;
	uint8_t version;
	int error = pawl_store_get(persist->view, PAWL_STORE_INFRA,
				   pawl_store_id(ENG_INFRA_HEAD), &bytes);

	if (error)
		return error;
	if (!eng_frame_open(bytes,
			    eng_frame_seed(PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_HEAD)),
			    &version, &reader))
		next = eng_read_number(&reader);
	if (!next || !eng_reader_done(&reader) || next > PAWL_SLOTS_ID_MAX)
		persist->cold = "the store's head is damaged";
	else
		persist->backing.limit = persist->known = (uint32_t)next;
	return 0;
}

/* A process before has ended while it made good what was lost (snapshot.c). */
static int loss_read(struct eng_persist *persist)
{
	struct pawl_slice bytes;
	int error = pawl_store_get(persist->view, PAWL_STORE_INFRA,
				   pawl_store_id(ENG_INFRA_LOSS), &bytes);

	if (error || !bytes.ptr)
		return error;
	persist->loss_stored = true;
	persist->cold = "something was lost, and not made good before the process ended";
	persist->backing.limit = persist->known = 0;
	return 0;
}

static uint64_t or_default(uint64_t given_ns, uint64_t default_ns)
{
	return given_ns ? given_ns : default_ns;
}

static int open_store(struct eng_persist *persist, const struct pawl_engine_options *options)
{
	int error;

	if (persist->saves)
		persist->sync.sync = PAWL_SYNC_ALONE;
	else
		eng_sync_wait(persist, or_default(options->sync_wait_ns, SYNC_NS));
	error = pawl_store_view_begin(persist->store, &persist->view);
	if (error)
		return error;
	persist->sync.generation = pawl_store_view_generation(persist->view);
	error = eng_tables_read(persist, options);
	if (!error && !persist->cold)
		error = head_read(persist);
	if (!error && !persist->cold)
		error = loss_read(persist);
	if (!error && !persist->cold)
		error = eng_ops_read(persist);
	if (!error && !persist->cold && persist->saves)
		error = eng_sweep_read(persist);
	/* Tables that are good, with a head that is not: all is written anew. */
	if (!error && persist->cold && !persist->tables.n)
		error = eng_tables_put(persist, options);
	if (!error && persist->saves)
		error = eng_marks_create(eng_persist_help, persist, &persist->marks);
	if (!error && persist->saves) {
		persist->marks->begun = eng_sync_behind;
		if (!eng_persist_is_saved(persist))
			eng_sync_behind(persist);
	}
	return error;
}

int eng_persist_open(const struct pawl_engine_options *options,
		     struct eng_persist **ret_persist)
{
	struct eng_persist *persist = pawl_mem_zalloc(sizeof(*persist), 0);
	int error;

	if (!persist)
		return -ENOMEM;
	pthread_mutex_init(&persist->one, NULL);
	pthread_mutex_init(&persist->sync_lock, NULL);
	pthread_rwlock_init(&persist->view_lock, NULL);
	pawl_lock_init(&persist->images_lock, PAWL_LOCK_RANK_NONE);
	persist->store = options->store;
	persist->saves = options->storage != PAWL_STORAGE_READ_ONLY;
	persist->background = options->storage == PAWL_STORAGE_READ_WRITE;
	persist->at_stop = options->snapshot_at_stop;
	persist->first_ns = or_default(options->snapshot_first_ns, FIRST_NS);
	persist->interval_ns = or_default(options->snapshot_interval_ns, INTERVAL_NS);
	persist->idle_ns = or_default(options->snapshot_idle_ns, IDLE_NS);
	persist->backing.arg = persist;
	persist->backing.restore = eng_persist_restore;
	persist->backing.restore_many = eng_persist_restore_many;
	persist->backing.look_up = eng_persist_look_up;
	persist->backing.lost = eng_persist_lost;
	persist->backing.is_current = eng_persist_is_current;
	persist->backing.count = persist->saves ? eng_sweep_count : NULL;
	pawl_init_word(&persist->current, 1u);
	persist->backing.recovered = eng_persist_recovered;
	error = open_store(persist, options);
	if (error) {
		eng_persist_close(persist);
		return error;
	}
	persist->kept = (struct eng_kept){
		.numbering = &persist->numbering,
		.backing = &persist->backing,
		.next = persist->backing.limit,
		.marks = persist->marks,
	};
	*ret_persist = persist;
	return 0;
}

/* Those of another form were told to be lost as well, after they were counted. */
static uint64_t lost_of(const struct eng_persist *persist)
{
	uint64_t lost = pawl_load_relaxed(&persist->lost);
	uint64_t unknown = pawl_load_relaxed(&persist->unknown);

	return lost > unknown ? lost - unknown : 0;
}

void eng_persist_stats(const struct eng_persist *persist,
		       struct pawl_engine_store_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	ret_stats->snapshots = pawl_load_relaxed(&persist->snapshots);
	ret_stats->failures = pawl_load_relaxed(&persist->failures);
	ret_stats->saved = pawl_load_relaxed(&persist->saved);
	ret_stats->saved_bytes = pawl_load_relaxed(&persist->bytes);
	ret_stats->restored = pawl_load_relaxed(&persist->restored);
	ret_stats->unknown = pawl_load_relaxed(&persist->unknown);
	ret_stats->lost = lost_of(persist);
	ret_stats->last_quiet_ns = pawl_load_relaxed(&persist->quiet_ns);
	ret_stats->last_ns = pawl_load_relaxed(&persist->snapshot_ns);
	ret_stats->last_reason = pawl_load_relaxed(&persist->reason);
}

void eng_persist_close(struct eng_persist *persist)
{
	if (!persist)
		return;
	pawl_store_view_end(persist->view);
	eng_marks_destroy(persist->marks);
	eng_out_fini(&persist->tables);
	eng_out_fini(&persist->ops);
	eng_sweep_fini(persist);
	pawl_mem_free(persist->changed, persist->changed_n, 0);
	for (unsigned kind = 0; kind < ENG_TABLE_KINDS; kind++)
		pawl_mem_free(persist->numbers[kind],
			      persist->numbers_n[kind] * sizeof(uint32_t), 0);
	eng_sync_end(persist);
	pthread_mutex_destroy(&persist->one);
	pthread_mutex_destroy(&persist->sync_lock);
	pthread_rwlock_destroy(&persist->view_lock);
	pawl_mem_free(persist, sizeof(*persist), 0);
}
