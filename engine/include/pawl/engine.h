/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/engine.h - incremental computation: tasks that remember what they computed and from what.
 *
 * A function with arguments is a task. Calling it gives a reference to its output at once; it runs
 * when somebody wants the result, and once, however often it is called. What a task reads is
 * written down. When something it read changes it runs again, and if that gives what was there
 * before, nobody else does.
 *
 *	static int count(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
 *	{
 *		const struct count_args *a = args;
 *		struct pawl_value *text, *number;
 *		int error = pawl_read(context, a->text, 0, &text, NULL);
 *
 *		if (error)
 *			return error;
 *		... make number of text ...
 *		pawl_value_unpin(text);
 *		return pawl_cell(context, number, ret_output);
 *	}
 *
 * Functions are deterministic: with the same arguments and the same values read they make the same calls,
 * the same cells in the same order, and the same output. They run on workers (pawl/runtime.h), each on a stack of its
 * own, and may wait; they hold no locks meanwhile.
 *
 * A context stands for one run of a task, or for a visit from outside of tasks (pawl_engine_run()). It belongs to
 * the thread that got it, and is good until the function returns.
 *
 * Errors are values: a function that fails has an error as its output, whoever reads it gets
 * -PAWL_ETASK and that error, and may pass it on, fail for reasons of its own, or go on.
 */
#ifndef PAWL_ENGINE_H
#define PAWL_ENGINE_H

#include <pawl/base.h>
#include <pawl/runtime.h>
#include <pawl/value.h>

PAWL_BEGIN_DECLS

struct eng_graph;
struct pawl_context;
struct pawl_engine;
struct pawl_error;
struct pawl_store;

/* A task has failed: outside of errno's numbers. See the error itself. */
#define PAWL_ETASK 5001

/* ---- functions ------------------------------------------------------------------------ */

/*
 * Runs a task. Returns 0 and the output; an errno or -PAWL_ETASK: it has failed. -ENOMEM, -EAGAIN: for the moment: it
 * is tried again by who reads it next.
 */
typedef int pawl_function_fn(struct pawl_context *context, const void *args,
			     pawl_ref_t *ret_output);

enum pawl_argument_kind {
	PAWL_ARGUMENT_DATA,  /* `bytes` bytes without padding */
	PAWL_ARGUMENT_REF,   /* a pawl_ref_t; resolved to a cell before the body runs */
	PAWL_ARGUMENT_BYTES, /* a struct pawl_slice: what it points to is the argument */
	PAWL_ARGUMENT_REFS,  /* a struct pawl_refs: the same of references */
	PAWL_ARGUMENT_KIND_COUNT
};

struct pawl_refs {
	const pawl_ref_t *refs;
	size_t n;
};

struct pawl_argument {
	enum pawl_argument_kind kind;
	size_t offset; /* in the struct of arguments */
	size_t bytes;  /* DATA */
};

/* The references of its arguments are outputs of other operations, or cells: it may be read strongly. */
#define PAWL_FUNCTION_OPERATION 1u
/* Aggregates all that it reaches from its first call on: for what is read strongly. */
#define PAWL_FUNCTION_ROOT 2u
/* What it reads from outside may be different in the next session. A leaf. */
#define PAWL_FUNCTION_SESSION_DEPENDENT 4u

/* A function: a static table. */
struct pawl_function {
	size_t size; /* sizeof(struct pawl_function) */
	const char *
		name; /* different for each function of an engine, and the same in every version */
	uint64_t
		version; /* of its code: results of another version do not count; 0: of each build */
	uint32_t flags;
	pawl_function_fn *body;
	size_t args_bytes; /* sizeof the struct of arguments; 0: none */
	/* What is in it. NULL with args_bytes: all of it is data, without padding. */
	const struct pawl_argument *arguments;
	size_t arguments_n;
};

/*
 * A method of a trait: what can be asked of a value whose type is not known. Its arguments are those of a
 * function, with the value they are about first: a pawl_ref_t at the head of the struct. A function
 * that does it for a type has the same struct, and lists the arguments that it uses: calls that differ in
 * others are the same call to it.
 */
struct pawl_method {
	const char *name;
	size_t args_bytes; /* with the receiver's reference: not less than sizeof(pawl_ref_t) */
	const struct pawl_argument *arguments; /* all of them, the receiver's included */
	size_t arguments_n;
	/* For types that bring none of their own. NULL: they have to. */
	const struct pawl_function *otherwise;
};

/* A trait: something that values of several types have in common. */
struct pawl_trait {
	size_t size; /* sizeof(struct pawl_trait) */
	const char *name;
	/* NULL: having it is all there is to it. */
	const struct pawl_method *methods;
	size_t methods_n;
};

/* In a type's table (pawl/value.h): values of this type have that trait. */
struct pawl_implementation {
	const struct pawl_trait *trait;
	/* One for each method, NULL: the trait's own. NULL altogether: the trait's own for all. */
	const struct pawl_function *const *functions;
};

/* ---- engines ---------------------------------------------------------------------------- */

/* Something that an engine has to tell: pawl/observe.h. Valid during the call. */
struct pawl_notice;
/*
 * Is told of it by the thread that noticed, with no lock held and outside of operations; several threads may be in it
 * at once. It may call anything but close the engine, and waits for nothing.
 */
typedef void pawl_notice_fn(void *arg, const struct pawl_notice *notice);
/* The same as a line for a log, without its end. */
typedef void pawl_log_fn(void *arg, enum pawl_severity severity, const char *line);

/* When an engine recomputes all that it keeps as sums (pawl_engine_verify()), and tells of what is wrong. */
enum pawl_verify {
	PAWL_VERIFY_DEFAULT, /* IDLE in debug builds, else NEVER */
	PAWL_VERIFY_NEVER,
	PAWL_VERIFY_CLOSE, /* when it is closed, if nothing runs then */
	PAWL_VERIFY_IDLE, /* and when it has been idle for a while, once each time; not with a host */
	PAWL_VERIFY_COUNT
};

struct pawl_engine_options {
	size_t size; /* sizeof(struct pawl_engine_options) */
	/* The host's runtime; NULL: one of its own, with so many workers (0: one for each processor). */
	struct pawl_runtime *runtime;
	uint32_t workers;
	/* All that tasks will use. The tables stay as long as the engine. */
	const struct pawl_function *const *functions;
	size_t functions_n;
	const struct pawl_value_type *const *types;
	size_t types_n;
	const struct pawl_trait *const *traits;
	size_t traits_n;
	/* 0: keeps no dependencies: everything is computed once. */
	uint32_t track_dependencies;
	/*
	 * 0: all that is dirty runs, wanted or not. With a store: all tasks come back for that, and bodies may run before
	 * pawl_engine_open() has returned.
	 */
	uint32_t track_active;
	/* 1: counts for each function are kept (pawl_engine_function_stats()). */
	uint32_t function_stats;
	/* 1: each task keeps why it ran, and has to run again, for pawl_engine_why(): some 100 bytes. */
	uint32_t histories;
	/* Told of notices that are warnings or errors. NULL: nobody. */
	pawl_notice_fn *sink;
	void *sink_arg;
	/* Told of all that are at least so severe. NULL: nobody. */
	pawl_log_fn *log;
	void *log_arg;
	enum pawl_severity log_least;
	/*
	 * A run, or a wait for one, that takes longer is told of when it is over, and a wait also while it lasts; the
	 * latter not on a runtime with a host. 0: none is.
	 */
	uint64_t slow_ns;
	enum pawl_verify verify;
	uint64_t verify_idle_ns; /* with IDLE; 0: 5 s */
	/*
	 * What is kept from one process to the next (PAWL_STORAGE_...), and where: a store of the program's
	 * (pawl/store.h), which stays open as long as the engine. Without a store: PAWL_STORAGE_NONE.
	 */
	uint32_t storage;
	/*
	 * How much memory the process may come to beyond what it had when the engine was opened. 0: no matter; else no
	 * less than PAWL_MEMORY_BYTES_MIN. See pawl_engine_memory_read().
	 */
	uint64_t memory_bytes;
	struct pawl_store *store;
	/*
	 * PAWL_STORAGE_READ_WRITE: what has changed is saved so long after opening, then so long after that, and when
	 * nothing has run for so long; the last two count from the last time it was. 0: 300 s, 120 s, 2 s;
	 * PAWL_FOREVER: not for that reason.
	 */
	uint64_t snapshot_first_ns, snapshot_interval_ns, snapshot_idle_ns;
	/* 0: what has changed is not saved when the engine is closed; it is computed again then. */
	uint32_t snapshot_at_stop;
	/*
	 * 1: a run that is for nothing ends at its next wait, with -ECANCELED: when what it has read in this run has
	 * changed, or when no active task is made of it any more. What it runs for itself on its own stack ends first. 0: it
	 * goes to its end.
	 */
	uint32_t abandon;
	/*
	 * PAWL_STORAGE_READ_ONLY, where another process writes the store: it is asked to save what it has, and
	 * waited for so long (pawl_engine_sync_read()). 0: 3 s.
	 */
	uint64_t sync_wait_ns;
	/* 0: tasks that nobody needs stay (pawl_engine_collect()). */
	uint32_t collect;
	uint32_t reserved2; /* 0 */
	/*
	 * What a visit has called stays so long after it, though nobody else calls it; in a store, what no session asks
	 * for. 0: no longer than the visit.
	 */
	uint64_t collect_after_ns;
	/*
	 * A task that runs again so often because of what tasks themselves change, with nothing changed from outside
	 * meanwhile, fails with an error that says so, and is tried again after the next change from outside. Tasks,
	 * while they run, change something where they set states or invalidate (but for those that run once, and
	 * from pawl_mark_finished() on); so does all that applies an effect. 0: never; PAWL_STORM_RUNS.
	 */
	uint32_t storm_runs;
	uint32_t checks; /* PAWL_CHECK_...: for who looks for a mistake; they cost much */
	/* DETERMINISM: of functions with these names, with commas between. NULL, "all": of all. */
	const char *check_functions;
	/*
	 * A wait that takes longer, of a task, a visit, an edit or a snapshot, is told of before it has taken twice as
	 * long, once, with all that it waits for in turn (pawl/observe.h); also where all workers are blocked, or a host
	 * does not step, but not with a host and a clock of the program's own. 0: none is.
	 */
	uint64_t hang_ns;
};
/* Of pawl_engine_options.memory_bytes. */
#define PAWL_MEMORY_BYTES_MIN UINT64_C(0x100000)
/* Of pawl_engine_options.collect_after_ns: three days. */
#define PAWL_COLLECT_AFTER_DEFAULT UINT64_C(259200000000000)
#define PAWL_STORM_RUNS		   1000u
/* Of pawl_engine_options.checks. */
#define PAWL_CHECK_DETERMINISM \
	1u /* tasks run twice: does the second run do what the first did? */
#define PAWL_CHECK_IMMUTABLE 2u /* is what was said never to change changed? */
#define PAWL_CHECK_STALE     4u /* runs that are to be made again are ended as others are before */
#define PAWL_CHECK_DIRTY     8u /* each task that has to run again is told of, and why */
/* Of pawl_engine_options.sync_wait_ns: nobody is asked, and nothing waited for. */
#define PAWL_SYNC_NO_WAIT 1u
/* Of pawl_engine_options.storage. */
#define PAWL_STORAGE_NONE	0u
#define PAWL_STORAGE_READ_ONLY	1u /* what is there is used; nothing is written */
#define PAWL_STORAGE_READ_WRITE 2u
#define PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN \
	3u /* written when the engine is closed, and when asked for */
#define PAWL_ENGINE_OPTIONS_INIT                                                              \
	{                                                                                     \
		sizeof(struct pawl_engine_options), NULL, 0, NULL, 0, NULL, 0, NULL, 0, 1, 1, \
			0, 0, NULL, NULL, NULL, NULL, PAWL_SEVERITY_INFO, 0,                  \
			PAWL_VERIFY_DEFAULT, 0, 0, 0, NULL, 0, 0, 0, 1, 0, 0, 1, 0,           \
			PAWL_COLLECT_AFTER_DEFAULT, PAWL_STORM_RUNS, 0, NULL, 0               \
	}

/*
 * pawl_engine_open() - An engine without tasks.
 *
 * What an option leaves at its default the environment may say: PAWL_WORKERS (1 to 4096), PAWL_TRACK_DEPENDENCIES and
 * PAWL_TRACK_ACTIVE (0), PAWL_FUNCTION_STATS (1), PAWL_HISTORIES (1), PAWL_SLOW_MS (1 to 86400000),
 * PAWL_LOG (info, warning, error), PAWL_VERIFY (never, close, idle), PAWL_VERIFY_IDLE_MS,
 * PAWL_SNAPSHOT_FIRST_MS, PAWL_SNAPSHOT_INTERVAL_MS and PAWL_SNAPSHOT_IDLE_MS (1 to 86400000),
 * PAWL_SNAPSHOT_AT_STOP (0), PAWL_ABANDON (1), PAWL_SYNC_WAIT_MS (0, not to wait, to 86400000), PAWL_COLLECT (0),
 * PAWL_COLLECT_AFTER_MS (0 to 4294967295), PAWL_STORM_RUNS (0 to 4294967294), PAWL_HANG_MS (1 to 86400000),
 * PAWL_CHECK_DETERMINISM ("all", or names as in check_functions), PAWL_CHECK_IMMUTABLE, PAWL_CHECK_STALE and
 * PAWL_CHECK_DIRTY (1). Other values count as not there.
 *
 * May sleep, as the thread, where storage is PAWL_STORAGE_READ_ONLY: sync_wait_ns.
 *
 * Requires: attached.
 * Errors:   -ENOMEM; -EINVAL: an option, or a table: no name, no body, arguments outside
 *           of their struct, a method that no function does, or one with other arguments, a trait or a
 *           function of a type that is not listed; -EEXIST: a name twice in a table; -ENOSPC: more than 1023 types;
 *           -E2BIG: options or tables of a later version; those of pawl_runtime_create().
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_open(const struct pawl_engine_options *options,
					      struct pawl_engine **ret_engine);

/*
 * pawl_engine_close() - Cancel what runs, wait for it, free everything. NULL is nothing.
 *
 * Requires: attached; no context of it is in use, and no other call on it.
 * Errors:   -EBUSY: a task does not end; nothing was freed.
 */
PAWL_API int pawl_engine_close(struct pawl_engine *engine);

PAWL_API struct pawl_runtime *pawl_engine_runtime(struct pawl_engine *engine);

/*
 * pawl_engine_snapshot() - Save what has changed since it was last saved, as it is at one moment. What runs goes
 * on meanwhile; it is saved as not done.
 *
 * Requires: attached; not idle (pawl/rcu.h), outside sections, no lock held. On a worker, through pawl_blocking(),
 *           in a function that calls pawl_rcu_idle_leave() before and pawl_rcu_idle_enter() after.
 * Returns:  0: it is in the store, and on its disk; or nothing has changed, and nothing was written. In ret_tasks
 *           (may be NULL) how many tasks were written.
 * Errors:   -EROFS: the engine does not write; -ENOMEM; those of pawl_store_commit(). Nothing is lost then:
 *           a later snapshot saves all of it.
 */
PAWL_API int pawl_engine_snapshot(struct pawl_engine *engine, uint64_t *ret_tasks);

/* Why a snapshot was made. */
enum pawl_snapshot_reason {
	PAWL_SNAPSHOT_ASKED, /* pawl_engine_snapshot() */
	PAWL_SNAPSHOT_TIME,
	PAWL_SNAPSHOT_IDLE,
	PAWL_SNAPSHOT_STOP,   /* pawl_engine_close() */
	PAWL_SNAPSHOT_READER, /* another process has opened the store for reading, and asked */
	PAWL_SNAPSHOT_MEMORY, /* what is saved may leave memory */
	PAWL_SNAPSHOT_REASON_COUNT
};

/* Of an engine with a store; old when it arrives. */
struct pawl_engine_store_stats {
	uint64_t snapshots; /* that had something to save, and did */
	uint64_t failures;  /* that did not; nothing was lost by that */
	uint64_t saved;	    /* tasks, in all of them */
	uint64_t saved_bytes;
	uint64_t restored; /* tasks */
	uint64_t
		lost; /* tasks whose record was damaged; all else was computed again because of that */
	/* Of the last one: until nothing was under way, and altogether; why. */
	uint64_t last_quiet_ns, last_ns;
	uint32_t last_reason; /* enum pawl_snapshot_reason */
	uint32_t reserved_;
	uint64_t unknown; /* tasks whose record is good, but of another form: as lost ones */
	uint64_t reserved[3];
};

/* Errors: -ENOTSUP: there is no store. */
PAWL_API PAWL_MUST_CHECK int pawl_engine_store_stats_read(
	struct pawl_engine *engine, struct pawl_engine_store_stats *ret_stats);

/* Of memory; old when it arrives. */
struct pawl_engine_memory {
	uint64_t budget_bytes;	/* pawl_engine_options.memory_bytes */
	uint64_t counted_bytes; /* what all of Pawl has from its allocator, in this process */
	/* Of a process with a budget: beyond what it had when the engine was opened; files' pages do not count. */
	uint64_t resident_bytes;
	uint64_t evicted;  /* tasks that have left, since it was opened */
	uint64_t restored; /* of these came back */
	uint64_t
		dropped; /* values that have left, to be computed again where they are wanted */
	uint64_t snapshots;	   /* made so that tasks can leave */
	uint64_t waits, waited_ns; /* of who was about to begin something */
	uint64_t over;		   /* times it was found that the budget cannot be kept */
	uint64_t reserved[4];
};

/*
 * pawl_engine_memory_read() - How much there is, and what was done about it.
 *
 * With a budget (pawl_engine_options.memory_bytes) tasks that were not used for some time leave memory before there is too
 * much. Where the engine saves into a store (PAWL_STORAGE_READ_WRITE, or .._AT_SHUTDOWN), that is saved as often as is needed
 * for it, and what has left comes back from there when it is wanted: nothing runs again because of that. Else, and where
 * values have no codec, values leave of tasks that are clean, and are computed again when they are read. Types say with
 * PAWL_VALUE_STAYS and PAWL_VALUE_EXPENSIVE what must not. What stays: tasks that run, that somebody has active
 * (a root that stays, who waits) or has pinned, that are called or read by what is transient, that have state of this
 * process, that failed by a ring or for the moment.
 *
 * Where that is not fast enough pawl_engine_run(), pawl_engine_spawn_root() and pawl_engine_spawn_once() wait, when they
 * are called by a thread that is no worker, while something is done about it, for a second at most. Where it is not
 * enough, since what is wanted at one time is larger, there is a notice, engine.memory.
 */
PAWL_API void pawl_engine_memory_read(struct pawl_engine *engine,
				      struct pawl_engine_memory *ret_memory);

/* What an engine has of what others compute that have the same store. */
enum pawl_sync {
	PAWL_SYNC_ALONE, /* nobody else wrote when it was opened: what is stored is all there is */
	PAWL_SYNC_SYNCED, /* somebody writes, and all that one had at some moment of the opening is here */
	PAWL_SYNC_UNKNOWN, /* somebody writes, and may have had more; or it cannot be told */
	PAWL_SYNC_COUNT
};

struct pawl_engine_sync {
	enum pawl_sync sync;
	uint32_t reserved_;
	int64_t writer_pid; /* 0: there is none, or it is not known */
	/* The one that the engine stands on. With PAWL_STORAGE_READ_ONLY it never sees a later one. */
	uint64_t generation;
	uint64_t waited_ns; /* for the writer, when it was opened */
	uint64_t reserved[4];
};

/*
 * pawl_engine_sync_read() - What was found out when the engine was opened.
 *
 * Any number of processes read a store beside the one that writes (pawl_store_options.read_only, with
 * PAWL_STORAGE_READ_ONLY). Each stands on the generation that it was opened on, whatever is written later; what
 * it computes beyond that is its own, and gone with it. A writer whose snapshots are made in the background
 * (PAWL_STORAGE_READ_WRITE) makes one for a reader that is opened; others are waited for.
 *
 * Errors: -ENOTSUP: there is no store.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_sync_read(struct pawl_engine *engine,
						   struct pawl_engine_sync *ret_sync);

/* A visit: what it reads it reads for itself, nothing depends on it. */
typedef int pawl_visit_fn(struct pawl_context *context, void *arg);

/*
 * pawl_engine_run() - Call fn on a worker, and wait for it. Of the tasks that it calls all that they
 * reach counts as one: read them strongly (PAWL_READ_STRONG).
 *
 * Requires: attached; outside sections, no lock held.
 * Returns:  what fn returned.
 * Errors:   -ESHUTDOWN, -EAGAIN, -ENOMEM: it was not called.
 */
PAWL_API int pawl_engine_run(struct pawl_engine *engine, pawl_visit_fn *fn, void *arg);

/*
 * pawl_engine_spawn_root() - A task without a name that stays active: fn runs, and runs again whenever
 * something it read has changed, until it is disposed of.
 *
 * Errors: -ENOMEM, -ENOSPC, -ESHUTDOWN.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_spawn_root(struct pawl_engine *engine,
						    pawl_function_fn *fn, void *arg,
						    void (*free_arg)(void *arg),
						    pawl_ref_t *ret_root);
/*
 * pawl_engine_spawn_once() - The same, but it runs once: what it read may change, and it does not run again. To be
 * disposed of as well, when its result was read.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_spawn_once(struct pawl_engine *engine,
						    pawl_function_fn *fn, void *arg,
						    void (*free_arg)(void *arg),
						    pawl_ref_t *ret_once);
/*
 * pawl_engine_dispose_root() - It goes: a run that is under way ends, none follows. Then all that it held is
 * given back, and its argument is freed. The reference is not to be used any more: it may name another root.
 *
 * Errors: -ESTALE: it is none.
 */
PAWL_API int pawl_engine_dispose_root(struct pawl_engine *engine, pawl_ref_t root);

/* pawl_engine_wait_idle() - Sleep until nothing runs and nothing is scheduled. */
PAWL_API int pawl_engine_wait_idle(struct pawl_engine *engine, uint64_t deadline_ns);

/* ---- in contexts --------------------------------------------------------------------------- */

/*
 * pawl_call() - The output of this function with these arguments. The task is made if there is none yet; a
 * running task is connected with it: it counts as part of it from now on.
 *
 * An argument may be a reference whose task is not done yet. In a task the call does not wait for it: it
 * gives a reference that is local to this run, good for whatever a context is used for until the function
 * returns, also as its output; nowhere else. What an argument leads to is found out beside the body, the call
 * is made then, and the run is over when all its calls were made. Visits wait.
 *
 * Errors: -EINVAL: not a function of this engine; -ENOMEM, -ENOSPC; -ESHUTDOWN, -ECANCELED: the
 *         engine stops; -ESTALE: a reference leads nowhere; -PAWL_ETASK: an argument has failed, or a task
 *         that is kept would depend on one that is not.
 */
PAWL_API PAWL_MUST_CHECK int pawl_call(struct pawl_context *context,
				       const struct pawl_function *function, const void *args,
				       pawl_ref_t *ret_output);

/*
 * Waits until all that the task reaches is up to date: one consistent state. Beside edits it ends where they pause for
 * as long as what they have made dirty takes to run.
 */
#define PAWL_READ_STRONG 1u
/* Nothing depends on it, unless it is an error. */
#define PAWL_READ_UNTRACKED 2u
/* Nobody will read it again: the value may leave its cell, unless its task looks outside. */
#define PAWL_READ_FINAL 4u

/*
 * pawl_read() - The value that a reference leads to. Runs what has to run, on this worker if nobody else
 * has begun.
 *
 * Returns:  0, and the value, pinned: to be unpinned.
 * Errors:   -PAWL_ETASK: a task has failed; its error is kept by the context, and written to
 *           ret_error (may be NULL), borrowed until the next call; -ECANCELED; -ESTALE: it leads
 *           nowhere; -EDEADLK: tasks wait for each other in a ring: as -PAWL_ETASK.
 */
PAWL_API PAWL_MUST_CHECK int pawl_read(struct pawl_context *context, pawl_ref_t ref,
				       uint32_t flags, struct pawl_value **ret_value,
				       const struct pawl_error **ret_error);

/*
 * pawl_read_many() - The values that n references lead to, as n calls of pawl_read() would give them. All
 * that has to run is started first; what nobody else has begun runs on this worker, and what others run
 * is waited for last.
 *
 * Requires: ret_values has room for n.
 * Returns:  0, and the values, each pinned.
 * Errors:   as pawl_read(), of the first reference (by its place) that has one; all of ret_values are NULL
 *           then. All were read, and are depended on.
 */
PAWL_API PAWL_MUST_CHECK int pawl_read_many(struct pawl_context *context,
					    const pawl_ref_t *refs, size_t n, uint32_t flags,
					    struct pawl_value **ret_values,
					    const struct pawl_error **ret_error);

/* pawl_read_key() - Of a KEYED value: depends on the part with this key's hash alone. */
PAWL_API PAWL_MUST_CHECK int pawl_read_key(struct pawl_context *context, pawl_ref_t ref,
					   uint64_t key_hash, struct pawl_value **ret_value,
					   const struct pawl_error **ret_error);

/* pawl_resolve() - The cell that a reference leads to. */
PAWL_API PAWL_MUST_CHECK int pawl_resolve(struct pawl_context *context, pawl_ref_t ref,
					  uint32_t flags, pawl_ref_t *ret_cell,
					  const struct pawl_error **ret_error);

/*
 * pawl_cell() - Keep a value: in the next cell of its type. Readers of that cell hear of it if it has changed, as
 * the type's mode says.
 *
 * Requires: in a task.
 * Errors:   -EINVAL: not a type of this engine, or not in a task; -ENOSPC: too many cells; -ENOMEM.
 * Owns:     takes the value, also on error.
 */
PAWL_API PAWL_MUST_CHECK int pawl_cell(struct pawl_context *context, struct pawl_value *value,
				       pawl_ref_t *ret_cell);

/*
 * pawl_call_method() - pawl_call() of the function that does this method for the receiver's type. `args` is the
 * method's struct, the receiver's place in it is filled in by the call; NULL: there is no other argument. The
 * receiver may be not done yet, as arguments of pawl_call() may.
 *
 * Errors: as pawl_call(); -EINVAL: no trait of this engine, no such method; -PAWL_ETASK: values of that type
 *         do not have the trait.
 */
PAWL_API PAWL_MUST_CHECK int pawl_call_method(struct pawl_context *context,
					      const struct pawl_trait *trait, size_t method,
					      pawl_ref_t receiver, const void *args,
					      pawl_ref_t *ret_output);

/*
 * pawl_ref_has_trait() - Does the value in that cell have that trait? Nothing is read.
 *
 * Requires: a cell of this engine (pawl_resolve()).
 * Returns:  false also for references to outputs.
 */
PAWL_API bool pawl_ref_has_trait(const struct pawl_context *context, pawl_ref_t cell,
				 const struct pawl_trait *trait);

/*
 * pawl_connect() - An operation's output becomes part of the running task, as if it had called it.
 *
 * Errors: -EINVAL: not an output; -ESTALE: there is no such task; as pawl_call().
 */
PAWL_API PAWL_MUST_CHECK int pawl_connect(struct pawl_context *context, pawl_ref_t operation);

/* What was detached. Returns: 0, or as a function of a task: then the task fails so, unless its body has. */
typedef int pawl_detached_fn(struct pawl_context *context, void *arg);
/*
 * pawl_detach() - Have fn called beside the running task, as part of it: the task is not done until it has returned.
 * It may do what the function of the task may (with a context of its own), after that one has returned as well, and
 * detach more. What it reads the task has read; and the cells that it makes are the task's. Of those who make cells of
 * one type at the same time the program has to see that they always come in the same order.
 *
 * Requires: in a task.
 * Errors:   -EINVAL: not in a task; -ENOMEM; -ENOSPC: 65534 of these and of calls with arguments that were not
 *           known are part of this run; -EAGAIN: as many tasks as there may be; -ESHUTDOWN, -ECANCELED.
 * Owns:     takes the argument on success: it is freed when fn has returned, or will never be called. free_arg
 *           may be NULL.
 */
PAWL_API PAWL_MUST_CHECK int pawl_detach(struct pawl_context *context, pawl_detached_fn *fn,
					 void *arg, void (*free_arg)(void *arg));

/*
 * pawl_context_fail() - The running task fails, with this message, because of the last error that it read, or
 * that it has failed with already. Returns: -PAWL_ETASK, to be returned.
 */
PAWL_API PAWL_MUST_CHECK int pawl_context_fail(struct pawl_context *context, const char *format,
					       ...) PAWL_PRINTF(2, 3);

/*
 * pawl_panic() - The running task has failed, with this message (cut to 1023 bytes) and where that was:
 * "number 7 is odd (at count.c:17)". Its body ends here: cleanups run (pawl_cleanup_push()), frames do not. What was
 * running the task goes on. A visit returns -PAWL_ETASK. pawl_exit() in a task is the same, with the error that it
 * names.
 *
 * Requires: called by the function that got the context, outside sections, no lock held.
 */
#define pawl_panic(context, ...) pawl_panic_at((context), __FILE__, __LINE__, __VA_ARGS__)
PAWL_API void pawl_panic_at(struct pawl_context *context, const char *file, int line,
			    const char *format, ...) PAWL_PRINTF(4, 5)
	__attribute__((noreturn));

/*
 * pawl_mark_finished() - Who begins to read the output from now on gets that of the run before, and does not wait
 * for the rest of this body. Where there is none yet it waits.
 * Requires: in a task.
 */
PAWL_API void pawl_mark_finished(struct pawl_context *context);

/* pawl_mark_stateful() - The task has state of this process: its values stay. Requires: in a task. */
PAWL_API void pawl_mark_stateful(struct pawl_context *context);

/*
 * pawl_own_cell() - The value of a cell of the running task, pinned, of this run or the one before. Nothing
 * depends on that.
 *
 * Errors: -EINVAL: not one of its own cells; -ENODATA: there is no value.
 */
PAWL_API PAWL_MUST_CHECK int pawl_own_cell(struct pawl_context *context, pawl_ref_t cell,
					   struct pawl_value **ret_value);

/*
 * pawl_engine_collect() - Have all tasks go now that nobody needs.
 *
 * A task is needed while a task that is there has called it in its last run; while a run or a visit that is not over
 * has called it; while it runs, is pinned, or somebody waits for it; and for some time after a visit that has called it
 * (collect_after_ns). What has only read it does not need it: it runs again if it is needed itself. Tasks go in the
 * background as well, when many may, and when nothing runs any more. Who has a reference to one that is gone gets
 * -ESTALE; it is made again, with another number, when it is called. Roots, and tasks that run once, go by
 * pawl_engine_dispose_root(). Without track_active nothing goes. With a store it is taken out of that by the next snapshot;
 * and what is there goes as well: what has lost who needs it, and what roots and visits of sessions before have called, if
 * no session has for collect_after_ns, of real time.
 *
 * Requires: attached; not idle (pawl/rcu.h), outside sections, no lock held. It sleeps as the thread.
 * Returns:  0, and in ret_stats (may be NULL) how many went, and how many may go as soon as nothing uses them.
 * Errors:   -EDEADLK: from within an operation: a value's own function; -ENOMEM.
 */
struct pawl_collect_stats {
	uint64_t collected;
	uint64_t left;
	uint64_t reserved[2]; /* 0 */
};
PAWL_API PAWL_MUST_CHECK int pawl_engine_collect(struct pawl_engine *engine,
						 struct pawl_collect_stats *ret_stats);

/*
 * pawl_engine_pin() - The task of this reference stays, though nobody calls it; counted.
 * pawl_engine_unpin() - One pin less.
 *
 * Errors: -ESTALE: it leads nowhere; -EINVAL: unpin: it has none.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_pin(struct pawl_engine *engine, pawl_ref_t ref);
PAWL_API PAWL_MUST_CHECK int pawl_engine_unpin(struct pawl_engine *engine, pawl_ref_t ref);

/* pawl_mark_session_dependent() - This run read something that may be different in the next session. */
PAWL_API void pawl_mark_session_dependent(struct pawl_context *context);

/* ---- collectibles ----------------------------------------------------------------------------- */

/*
 * pawl_emit() - Whoever collects from this task, or one that it is part of, gets this reference.
 * pawl_unemit() - Takes one away again that came from below. Of roots only.
 *
 * Errors: -EINVAL: not in a task, no such trait; -EPERM: not a root; -PAWL_ETASK: the reference is transient and
 *         the task is not.
 */
PAWL_API PAWL_MUST_CHECK int pawl_emit(struct pawl_context *context,
				       const struct pawl_trait *trait, pawl_ref_t ref);
PAWL_API PAWL_MUST_CHECK int pawl_unemit(struct pawl_context *context,
					 const struct pawl_trait *trait, pawl_ref_t ref);

typedef void pawl_collect_fn(void *arg, pawl_ref_t ref, int32_t count);

/*
 * pawl_peek() - All references of a trait that were emitted by a task and what it is made of, each once: a strong
 * read of it, and then fn for each.
 *
 * Errors: those of pawl_read(), but for a task that has failed, which has them, too; -PAWL_ETASK: it was lost, with what
 *         it had emitted, since its record in the store is damaged. Called again it is made again.
 */
PAWL_API PAWL_MUST_CHECK int pawl_peek(struct pawl_context *context, pawl_ref_t task,
				       const struct pawl_trait *trait, pawl_collect_fn *fn,
				       void *arg);

/* ---- invalidation ------------------------------------------------------------------------------- */

/* What a task gives to the world to be told of changes. Plain data; good as long as the task is there. */
struct pawl_invalidator {
	struct eng_graph *pawl_graph;
	uint32_t pawl_task;
};

/* pawl_context_invalidator() - Of the running task. Requires: in a task. */
PAWL_API PAWL_MUST_CHECK int pawl_context_invalidator(struct pawl_context *context,
						      struct pawl_invalidator *ret_invalidator);

/* pawl_invalidate() - The task has to run again. Requires: attached, outside sections, no lock held. */
PAWL_API void pawl_invalidate(const struct pawl_invalidator *invalidators, size_t n);

/* ---- errors -------------------------------------------------------------------------------------- */

PAWL_API const char *pawl_error_message(const struct pawl_error *error);
/* What it came from; NULL: it is the first. Borrowed. */
PAWL_API const struct pawl_error *pawl_error_cause(const struct pawl_error *error);
/* The function of the task that failed; NULL: it has none, or it is about a reference. Stays. */
PAWL_API const char *pawl_error_function(const struct pawl_error *error);
/*
 * pawl_error_since() - When the task began to fail so, in the runtime's time: one that fails in the same way again has
 * been failing all the while. 0: not known.
 */
PAWL_API uint64_t pawl_error_since(const struct pawl_error *error);
/* "count_words: reading a.txt: no such file": the whole chain. As snprintf(). */
PAWL_API size_t pawl_error_describe(const struct pawl_error *error, char *buf, size_t len);

/* ---- looking inside --------------------------------------------------------------------------------- */

/*
 * pawl_engine_verify() - Recompute every sum and compare. When nothing runs; what begins meanwhile waits.
 *
 * Requires: attached, outside sections, no lock held.
 * Returns:  0.
 * Errors:   -EBUSY: something runs; -EUCLEAN: something is wrong: what, is written to buf; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_verify(struct pawl_engine *engine, char *buf,
						size_t len);

enum pawl_dump_format {
	PAWL_DUMP_DOT, /* a directed graph: calls are solid, reads of outputs dashed, of cells dotted */
	PAWL_DUMP_JSON, /* a list of tasks, each with its edges */
	PAWL_DUMP_FORMAT_COUNT
};
/* A part of the text. Returns: 0; else the dump ends with this. */
typedef int pawl_dump_fn(void *arg, const char *text, size_t bytes);

/*
 * pawl_engine_dump() - Write down all tasks. Each is of one moment; the whole is if nothing runs.
 *
 * Requires: attached, outside sections, no lock held.
 * Errors:   -EINVAL: no such format, no fn; what fn returned.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_dump(struct pawl_engine *engine,
					      enum pawl_dump_format format, pawl_dump_fn *fn,
					      void *arg);

/*
 * pawl_engine_why() - What a task is at, in words, cut to `len`: whether it runs, has to, or waits, and
 * where its transience comes from. Errors: -ESTALE: it leads nowhere.
 */
PAWL_API PAWL_MUST_CHECK int pawl_engine_why(struct pawl_engine *engine, pawl_ref_t ref,
					     char *buf, size_t len);

struct pawl_engine_stats {
	uint64_t tasks;
	uint64_t runs;
	uint64_t stale_runs;
	uint64_t longest_quiet_ns; /* no operation could begin, at one time */
	uint64_t reserved[4];
};
PAWL_API void pawl_engine_stats_read(struct pawl_engine *engine,
				     struct pawl_engine_stats *ret_stats);

/* Of one function; old when it arrives. */
struct pawl_function_stats {
	uint64_t hits;	 /* calls whose task was there */
	uint64_t misses; /* calls that made it */
	uint64_t runs;	 /* begun, stale ones included */
	uint64_t stale_runs;
	uint64_t
		ns; /* from start to return of its bodies, what they waited and ran for others included */
	uint64_t reserved[3];
};

/* Errors: -ENOTSUP: they are not kept: see pawl_engine_options; -EINVAL: not a function of this engine. */
PAWL_API PAWL_MUST_CHECK int pawl_engine_function_stats(struct pawl_engine *engine,
							const struct pawl_function *function,
							struct pawl_function_stats *ret_stats);

PAWL_END_DECLS

#endif
