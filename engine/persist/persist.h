/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * persist.h - an engine's store: its tables, snapshots into it, tasks out of it.
 */
#ifndef ENG_PERSIST_H
#define ENG_PERSIST_H

#include <pthread.h>

#include <pawl/engine.h>
#include <pawl/lock.h>
#include <pawl/store.h>

#include "../graph/backing.h"
#include "../graph/registry.h"
#include "image.h"

/* Keys of PAWL_STORE_INFRA. */
#define ENG_INFRA_HEAD	 0u /* the first number that no task has */
#define ENG_INFRA_TABLES 1u /* functions, types and traits: names, versions, numbers */
#define ENG_INFRA_OPS	 2u /* operations that were not over (ops.c); not there: none */
#define ENG_INFRA_STALE	 3u /* tasks that nobody has asked for (sweep.c); not there: none */
#define ENG_INFRA_LOSS	 4u /* a loss, what is made of which was not saved; not there: none */

/* What the bytes in a store mean: of pawl_store_options.format. */
#define ENG_STORE_FORMAT 1u

struct eng_notices;

/* Without parents, and since when nobody has asked for it, in seconds of real time. */
struct eng_stale {
	eng_id id;
	uint64_t since;
};

/* What sweep.c knows. Under `one`. */
struct eng_sweep {
	/* Of the last one, in this process or before: the first number that was free, and how many tasks there were. */
	uint32_t next, tasks;
	struct eng_stale *stale; /* by number */
	uint32_t n;
	bool saved; /* the store has it like that */
	/*
	 * Of this process: somebody has looked whether one is due; there was one, or there is to be none; numbers do not come
	 * back, since what led to them may not stand in the store any more (reuse.c), or it ends.
	 */
	bool looked, over, no_reuse;
	/* Until then: what was counted of those that are not as they were any more. NULL: none. */
	struct eng_bases *bases;
	struct eng_bitmap *counted;
};

struct eng_persist {
	struct pawl_store *store; /* the program's */
	struct eng_graph *graph;
	bool saves;
	struct eng_marks *marks; /* NULL: !saves */
	struct eng_backing backing;
	struct eng_kept kept;
	struct eng_numbering numbering;
	uint32_t *numbers[ENG_TABLE_KINDS];
	size_t numbers_n[ENG_TABLE_KINDS];
	/* The tables as bytes, if the store has others; else empty. */
	struct eng_out tables;
	/* What is left of operations that were not over, until it is done; and whether the store has any. */
	struct eng_out ops;
	bool ops_stored;
	/* By number: functions that have another version now. */
	uint8_t *changed;
	uint32_t changed_n;
	/* Why nothing of what is stored counts; NULL: it does. */
	const char *cold;
	bool is_empty; /* that is because there was nothing */

	struct eng_notices *notices;
	/* By the task that recovers; under `one`. */
	bool told_lost, told_failed;
	struct pawl_atomic_u32 told_unnamed;

	/* One snapshot at a time; threads sleep here. */
	pthread_mutex_t one;
	struct eng_sweep sweep;
	/* Images that writers made; and whether one could not. */
	struct pawl_lock images_lock;
	struct eng_image *images;
	struct pawl_atomic_u32 failed;
	/* Of the snapshot that is under way: the first number that was free, and how many losses were repaired. */
	uint32_t next, recoveries;
	bool without_lost; /* and there is one that is not */
	bool loss_stored;  /* the store says so */

	/* What is read; exchanged after snapshots. */
	pthread_rwlock_t view_lock;
	struct pawl_store_view *view;
	uint32_t known; /* in the view all tasks have smaller numbers */
	/* 0: what was saved last is not in the view. Under a record's lock, or none. */
	struct pawl_atomic_u32 current;

	/* What readers in other processes are told; what a reader knows of who writes (sync.c). */
	pthread_mutex_t sync_lock;
	bool behind;
	struct pawl_engine_sync sync;
	char writer_name[32];

	/* Snapshots that nobody asks for (background.c). */
	bool background, at_stop;
	struct pawl_runtime *rt;
	uint64_t first_ns, interval_ns, idle_ns;

	/* Statistics. Relaxed. */
	struct pawl_atomic_u64 snapshots, saved, failures, restored, helped, bytes;
	struct pawl_atomic_u64 together;      /* of the restored: with others */
	struct pawl_atomic_u64 lost, unknown; /* damaged or not there; of another form */
	struct pawl_atomic_u64 ops_saved;     /* snapshots that had some */
	struct pawl_atomic_u64 quiet_ns, snapshot_ns;
	struct pawl_atomic_u32 reason; /* enum pawl_snapshot_reason */
};

/*
 * eng_persist_open() - What is in the store, but for its tasks. Writes nothing.
 *
 * Errors: -ENOMEM; those of reading; -EUCLEAN does not come: what cannot be read is not there.
 */
PAWL_MUST_CHECK int eng_persist_open(const struct pawl_engine_options *options,
				     struct eng_persist **ret_persist);
/* eng_persist_close() - Requires: the graph is gone. NULL is nothing. */
void eng_persist_close(struct eng_persist *persist);

/*
 * eng_persist_snapshot() - Save all that was modified.
 *
 * Requires: attached, outside sections, no lock held, not in an operation.
 * Returns:  0, and in ret_tasks how many tasks were written.
 * Errors:   -EROFS: nothing is saved here; -EDEADLK; those of the store, and -ENOMEM: nothing was saved, all of it is
 *           with the next one.
 */
PAWL_MUST_CHECK int eng_persist_snapshot(struct eng_persist *persist, uint64_t *ret_tasks);

/* eng_persist_start() - With a graph: snapshots in the background, if they are wanted. Errors: of pawl_spawn(). */
PAWL_MUST_CHECK int eng_persist_start(struct eng_persist *persist, struct pawl_runtime *rt,
				      struct pawl_group *group);
void eng_persist_stats(const struct eng_persist *persist,
		       struct pawl_engine_store_stats *ret_stats);

/* sync.c */
void eng_sync_behind(void *arg);
void eng_sync_saved(struct eng_persist *persist);
void eng_sync_end(struct eng_persist *persist);
/* Does a reader ask for what is not saved? */
bool eng_sync_asked(struct eng_persist *persist);
/* Before the view: until the writer has saved all it has, or it took too long. */
void eng_sync_wait(struct eng_persist *persist, uint64_t wait_ns);
bool eng_persist_is_saved(const struct eng_persist *persist);
/* tables.c */
PAWL_MUST_CHECK int eng_tables_read(struct eng_persist *persist,
				    const struct pawl_engine_options *options);
PAWL_MUST_CHECK int eng_tables_put(struct eng_persist *persist,
				   const struct pawl_engine_options *options);
/* ops.c: at the moment of a capture, what is left of who is suspended; nothing: out->n is 0. -ENOMEM stays in it */
void eng_ops_take(struct eng_persist *persist, struct eng_out *out);
PAWL_MUST_CHECK int eng_ops_read(struct eng_persist *persist);
/* All that was saved of them is done, before anything else is. */
void eng_ops_go_on(struct eng_persist *persist);
/* repair.c: tasks of functions that are others now, or gone. After all that was saved of operations. */
PAWL_MUST_CHECK int eng_repair(struct eng_persist *persist);
/*
 * sweep.c: what sessions before have left. read: when a store is opened; count: the graph's (backing.h); due: before a
 * snapshot, under `one`; note: in one, before that record is replaced; put: what is to be saved of it, out->n 0:
 * nothing; is_saved: would there be nothing?
 */
PAWL_MUST_CHECK int eng_sweep_read(struct eng_persist *persist);
void eng_sweep_fini(struct eng_persist *persist);
void eng_sweep_count(void *arg);
void eng_sweep_due(struct eng_persist *persist);
void eng_sweep_note(struct eng_persist *persist, eng_id id);
bool eng_sweep_is_saved(struct eng_persist *persist);
void eng_sweep_put(struct eng_persist *persist, struct eng_out *out);
/* Before the engine stops: if one is due that was not made, it is, and what may goes. */
void eng_sweep_last(struct eng_persist *persist);
/* repair.c: each reference in the arguments; function NULL: none. */
void eng_key_each_ref(const struct pawl_function *function, const struct eng_key *key,
		      void (*fn)(void *arg, pawl_ref_t ref), void *arg);
/* reuse.c: numbers that no task has, and nothing leads to, are free. Of the view that the process began with. */
void eng_reuse(struct eng_persist *persist, const struct eng_bases *bases, uint32_t tasks);
/* Numbers that were freed by now come back after a grace period. */
void eng_reuse_durable(struct eng_persist *persist);
/* build-id.c: of what has this address in it; never 0 */
uint64_t eng_build_id(const void *address);
/* ../tell.c. No lock held, not in an operation */
void eng_tell_saved(struct eng_persist *persist, uint64_t begun_ns, uint64_t tasks,
		    uint64_t bytes);
void eng_tell_failed(struct eng_persist *persist, int error);
/* A root was made; once for each engine. */
void eng_tell_unnamed(struct eng_persist *persist);
/* In debug builds: a mistake of the engine's. */
void eng_tell_edge(struct eng_persist *persist, const char *text);
/* When the engine is closed, and that was tried in vain. */
void eng_tell_unsaved(struct eng_persist *persist, int error);
void eng_tell_opened(struct eng_persist *persist);
void eng_persist_recovered(void *arg);
/* restart.c: what the graph asks for. */
int eng_persist_restore(void *arg, eng_id id, struct eng_node **ret_node);
void eng_persist_restore_many(void *arg, const eng_id *ids, unsigned n,
			      struct eng_node **ret_nodes);
int eng_persist_look_up(void *arg, struct pawl_digest digest, eng_id *ret_id);
void eng_persist_lost(void *arg, eng_id id);
void eng_persist_view_renew(struct eng_persist *persist);
bool eng_persist_is_current(void *arg);
/* snapshot.c */
void eng_persist_help(void *arg, struct eng_node *node, uint32_t pending);

#endif
