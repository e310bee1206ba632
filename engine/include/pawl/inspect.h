/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/inspect.h - what an engine has saved, told without an engine: for programs that look into a store, as pawl(1) does.
 * It needs none of the functions and types whose results are there.
 *
 *	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
 *
 *	look.task = print_task;
 *	error = pawl_store_view_begin(store, &view);
 *	error = pawl_inspect(view, &look, file, &found);
 *	pawl_store_view_end(view);
 *
 * Not for programs that want results: those open an engine. What it costs grows with the store.
 */
#ifndef PAWL_INSPECT_H
#define PAWL_INSPECT_H

#include <pawl/store.h>

PAWL_BEGIN_DECLS

/* What the tables of a store are of. */
enum pawl_saved_kind {
	PAWL_SAVED_FUNCTION,
	PAWL_SAVED_TYPE,
	PAWL_SAVED_TRAIT,
	PAWL_SAVED_KIND_COUNT
};

/* A function, type or trait as the store knows it. Borrowed during the call. */
struct pawl_saved_row {
	enum pawl_saved_kind kind;
	uint32_t number; /* the store's own */
	uint64_t version;
	struct pawl_slice name;
};

/* Of pawl_saved_task.flags. */
#define PAWL_SAVED_DIRTY   1u /* has to run before it is read */
#define PAWL_SAVED_SESSION 2u /* has to run in each session: it read what is outside */
#define PAWL_SAVED_FAILED  4u
#define PAWL_SAVED_LOST	   8u /* stands for a task whose record was damaged */

/* A task. Borrowed during the call. */
struct pawl_saved_task {
	uint32_t id;
	uint32_t function; /* number; 0: none */
	uint32_t flags;
	uint32_t cells;		 /* whose values are there */
	uint32_t children;	 /* tasks that it called */
	uint32_t reads, readers; /* what it has read, outputs and cells; who has read it */
	uint32_t
		sums; /* edges that are there to tell of changes: what it aggregates, and who aggregates it */
	struct pawl_slice arguments; /* in the store's form */
	struct pawl_slice
		error; /* the outermost message, without 0; ptr NULL: it has not failed */
	uint64_t meta_bytes, data_bytes; /* of its two records */
	uint64_t output_bytes;		 /* of that, values of cells */
};

/* Something that is not as it should be: a sentence, without its end. The task's id, or 0. */
typedef void pawl_saved_damage_fn(void *arg, enum pawl_store_space space,
				  struct pawl_store_key key, const char *what);
/* Returns: 0; else the walk ends with this. */
typedef int pawl_saved_row_fn(void *arg, const struct pawl_saved_row *row);
typedef int pawl_saved_task_fn(void *arg, const struct pawl_saved_task *task);

struct pawl_inspector {
	size_t size; /* sizeof(struct pawl_inspector) */
	/* Each may be NULL. Rows come before tasks, tasks by ids. */
	pawl_saved_row_fn *row;
	pawl_saved_task_fn *task;
	pawl_saved_damage_fn *damage;
};
#define PAWL_INSPECTOR_INIT                                     \
	{                                                       \
		sizeof(struct pawl_inspector), NULL, NULL, NULL \
	}

struct pawl_inspection {
	uint64_t generation; /* snapshots so far */
	uint64_t next;	     /* the first number that no task has had; 0: not known */
	uint64_t rows[PAWL_SAVED_KIND_COUNT];
	uint64_t tasks;	 /* that are as they should be */
	uint64_t damage; /* what is not */
	/* 1: a process ended before it had made good what was lost: the next one takes over nothing; 0: none did. */
	uint64_t loss;
	uint64_t reserved[3]; /* 0 */
};

/*
 * pawl_inspect() - Look at all that stands in a view: tables, tasks, keys. Each checksum is computed, and each record is
 * taken apart; each task is looked for under its key.
 *
 * Returns: 0, and in ret_found what there is, damage included; what a function of the inspector returned.
 * Errors:  -EINVAL, -E2BIG: size; those of pawl_store_scan(); -ENOMEM.
 * Context: calls the inspector's functions, which may read from the view.
 */
PAWL_API PAWL_MUST_CHECK int pawl_inspect(struct pawl_store_view *view,
					  const struct pawl_inspector *inspector, void *arg,
					  struct pawl_inspection *ret_found);

PAWL_END_DECLS

#endif
