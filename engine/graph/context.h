/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * context.h - a run of a task, or a visit from outside, as its function sees it.
 */
#ifndef ENG_CONTEXT_H
#define ENG_CONTEXT_H

#include "error.h"
#include "graph.h"
#include "run.h"

struct pawl_context {
	struct eng_graph *graph;
	struct eng_run_state *run; /* NULL: a visit */
	eng_id id;		   /* of its task; 0: a visit */
	uint32_t priority;
	struct pawl_error *failure; /* that pawl_context_fail() made */
	struct pawl_error *last;    /* that a read gave */
	uint64_t begun;		    /* what failed for the moment before this is tried again */
	bool ring;		    /* the last strong read waited for itself */
	uint64_t begun_ns;	    /* where slow runs are told of */
	struct eng_twice *twice;    /* this is the second time of the run (twice.h) */
	struct eng_twice *second;   /* this was the first, and the second one is under way */
	/* Of a job of the run (local.c). */
	bool in_job;
	struct pawl_atomic_u32 *waits_for; /* which task, for who looks for rings */
	struct eng_called *held;	   /* of a visit: what it has called; NULL: nothing */
	eng_id stale;			   /* it met the number of a task that is not there */
};

void eng_context_fini(struct pawl_context *context);

/* eng_context_error() - Keep what a call gives as an error. Takes it. Returns: -PAWL_ETASK. */
int eng_context_error(struct pawl_context *context, struct pawl_error *error,
		      const struct pawl_error **ret_error);

/* eng_refused() - It got nothing, since the engine stops: what its body makes of that is no output. Returns: error. */
int eng_refused(struct pawl_context *context, int error);

/* eng_failure() - The error that the task has as its output. The caller's. */
struct pawl_error *eng_failure(struct pawl_context *context, int error);

/* ---- finish.c ----------------------------------------------------------------------- */

/* eng_run_finish() - The body has ended: its output, or its error, becomes the task's. Of its own frame. */
PAWL_NOINLINE void eng_run_finish(struct pawl_context *context, int error, pawl_ref_t output);

/* ---- panic.c ------------------------------------------------------------------------ */

/* eng_exit_forced() - In a cleanup: is the body unwound because it was forced to end? */
bool eng_exit_forced(void);
/*
 * eng_exit_take() - In a cleanup: pawl_exit() was called. To the runtime it is as if the body had returned 0.
 *
 * Returns: what its function would have returned.
 */
PAWL_MUST_CHECK int eng_exit_take(struct pawl_context *context);

/* ---- read.c ------------------------------------------------------------------------- */

/* Besides PAWL_READ_...: -EAGAIN where it would have to wait. What has to run is scheduled. */
#define ENG_READ_NOW UINT32_C(0x80000000)

/*
 * eng_resolve() - From a reference to a cell. As pawl_resolve().
 */
PAWL_MUST_CHECK int eng_resolve(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
				pawl_ref_t *ret_cell, const struct pawl_error **ret_error);

/* eng_moment_begin() - Of a strong read: once no edit is applied. Errors: -ECANCELED. */
PAWL_MUST_CHECK int eng_moment_begin(struct pawl_context *context, pawl_ref_t ref,
				     uint64_t *ret_edit);
/* A strong read is one state: is the task as clean as it was, and was nothing edited? */
bool eng_is_same_moment(struct pawl_context *context, pawl_ref_t ref, uint64_t edit);

/* ---- create.c -------------------------------------------------------------------------- */

/* eng_create_transient() - A root or a task that runs once, scheduled. */
PAWL_MUST_CHECK int eng_create_transient(struct eng_graph *graph, pawl_function_fn *fn,
					 void *arg, void (*free_arg)(void *arg), uint32_t bits,
					 eng_id *ret_id);

/* A function and its argument, of a transient task. Under the record's lock, but for what its run calls. */
struct eng_closure {
	pawl_function_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
	bool disposed; /* it goes: its next run is the last one */
	bool emptied;  /* which has begun */
	bool spare;    /* and has ended: the record is in line for reuse */
	eng_id spare_next;
};

/* ---- dispose.c -------------------------------------------------------------------------- */

/* eng_dispose() - Errors: -ESTALE: it is no transient task, or goes already. */
int eng_dispose(struct eng_graph *graph, eng_id id);
/* eng_dispose_begun() - Of a run: it calls nothing if so. By the run. */
bool eng_dispose_begun(struct eng_closure *closure);
/* eng_dispose_ended() - A run of a transient task is over. */
void eng_dispose_ended(struct eng_graph *graph, eng_id id);
/* eng_dispose_reuse() - A record that has served, for a new task. Returns: false: there is none. */
bool eng_dispose_reuse(struct eng_graph *graph, const struct eng_closure *closure,
		       uint32_t bits, eng_id *ret_id);

/* For the map of tasks. */
bool eng_cache_match(const void *entry, const void *wanted);
uint64_t eng_cache_hash(const void *entry);
/*
 * eng_cache_put() - A record that was restored can be found. Waits for memory. Returns: false: there is another one with
 * its key.
 */
bool eng_cache_put(struct eng_graph *graph, struct eng_node *node);
/* eng_cache_has() - Is there a record with its key? */
bool eng_cache_has(struct eng_graph *graph, const struct eng_node *node);
/* eng_cache_is() - Is it itself there? */
bool eng_cache_is(struct eng_graph *graph, const struct eng_node *node);

/* eng_say_origin() - That task in words: its call, and what of that is transient. len is not 0. */
void eng_say_origin(struct eng_graph *graph, eng_id id, char *buf, size_t len);

/* Arguments as the body gets them, from those in the key. `into` has room for args_bytes. */
void eng_args_read(const struct pawl_function *function, const struct eng_key *key, void *into);
/* eng_args_valid() - Could these bytes be arguments of that function? */
bool eng_args_valid(const struct pawl_function *function, const char *args, size_t bytes);

#endif
