/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/runtime.h - tasks on worker threads: start, wait, end.
 *
 *	int body(void *arg, void **ret_value)        struct pawl_runtime *rt;
 *	{                                            pawl_task_t task;
 *		struct pawl_listener l;
 *		...                                  pawl_runtime_create(NULL, &rt);
 *		pawl_event_listen(&e, &l, "e", 0);   pawl_spawn(pawl_runtime_root(rt), NULL,
 *		error = pawl_wait(&l, deadline);                body, arg, &task);
 *		...                                  pawl_task_wait(rt, task, PAWL_FOREVER, &result);
 *		return 0;                            pawl_task_drop(rt, task);
 *	}                                            pawl_runtime_shutdown(rt, grace, &report);
 *						     pawl_runtime_destroy(rt);
 *
 * A task is a function, the body, that runs on a worker. A body that waits gives its worker to
 * other bodies: it runs on a stack of its own (pawl/fiber.h). Once started it stays on its
 * worker; what has not started may be taken by any. Nothing is held across a wait: no lock,
 * no read section.
 *
 * A body ends by returning: 0 completes, anything else fails. It is cancelled at its waits:
 * every waiting call of this header and of join.h and timer.h then returns -ECANCELED, and goes
 * on doing so; what the body then returns decides: a body that completes anyway is
 * completed, one that returns -ECANCELED is cancelled. Forced, it is unwound at its next such call:
 * registered cleanups run, nothing else does. A body that makes no such call cannot be ended.
 *
 * Lanes: 31 priorities, 0 the most urgent. A task starts in the lane of the one that spawns it
 * unless told otherwise. Waiting ages (pawl/lanes.h), so none starves. In this order a worker looks
 * for what to run: what a body here waits for and has not stack enough to run itself; its newest spawn; bodies that were woken; its own older spawns; the
 * lanes; what other workers have not started. Every eighth look begins with the lanes,
 * and after 32 woken bodies in a row a start is looked for: that bounds the inversion.
 *
 * A body that blocks its thread, in a system call or without end, holds up the bodies that wait
 * on its worker, its LOCAL tasks, and its last spawn if nothing else is ready. Other starts
 * go to a worker more (watchdog_ns): as many again as there are at most, at least 4, and
 * PAWL_RUNTIME_WORKERS_MAX in all. For calls that block there is pawl_blocking().
 *
 * Workers, and what other threads the runtime starts, have all signals blocked but those of faults: so has a
 * child that a body makes by fork().
 *
 * Any attached thread may make these calls; those that wait do so as pawl/event.h does.
 *
 *  call                                progress
 *  pawl_spawn, _spawn_many             lock-free but for allocation; at most one futex wake
 *  pawl_task_cancel, _force, _drop     lock-free; the last drop runs free_value
 *  pawl_wait, pawl_yield, pawl_sleep*  block
 *  pawl_runtime_*                      block
 */
#ifndef PAWL_RUNTIME_H
#define PAWL_RUNTIME_H

#include <pawl/base.h>
#include <pawl/event.h>

PAWL_BEGIN_DECLS

struct pawl_group;
struct pawl_runtime;
struct pawl_token;

/* A handle: a number that never comes twice in one runtime. Zero: none. */
typedef struct {
	uint64_t pawl_id;
} pawl_task_t;
#define PAWL_TASK_NONE ((pawl_task_t){0})

/* Lanes with names; those between are the program's. */
enum pawl_lane {
	PAWL_LANE_SYNC = 0,
	PAWL_LANE_INPUT = 4,
	PAWL_LANE_REQUEST = 8, /* 8 to 11 */
	PAWL_LANE_DEFAULT = 16,
	PAWL_LANE_IDLE = 29,
	PAWL_LANE_SPECULATIVE = 30,
	PAWL_LANE_COUNT = 31,
	PAWL_LANE_INHERIT = 255 /* of the spawning task; DEFAULT without one */
};

/* How a task ended. */
enum pawl_outcome {
	PAWL_OUTCOME_NONE, /* it has not */
	PAWL_OUTCOME_COMPLETED,
	PAWL_OUTCOME_FAILED,
	PAWL_OUTCOME_CANCELLED, /* it was asked to end, and did, or had not begun */
	PAWL_OUTCOME_ABORTED,	/* unwound by force */
	PAWL_OUTCOME_STUCK,	/* given up at shutdown: it runs on, and is not waited for */
	PAWL_OUTCOME_COUNT
};

/*
 * A body. Runs on a worker, attached, with no lock held, outside sections.
 *
 * Returns: 0; else the task has failed with this error (-ECANCELED after being cancelled: it is
 *          cancelled). *ret_value is NULL at first, and the task's from then on.
 */
typedef int pawl_body_fn(void *arg, void **ret_value);

struct pawl_task_options {
	size_t size; /* sizeof(struct pawl_task_options) */
	/* Text that stays as long as the task; NULL: none. Rings tell its first 23 bytes. */
	const char *name;
	enum pawl_lane lane;
	uint32_t flags; /* PAWL_TASK_... */
	/* Called once, when the body is over or will never run; not with STUCK. NULL: nothing. */
	void (*free_arg)(void *arg);
	/*
	 * Called with the value, if there is one, when the last handle is dropped; of a task without
	 * handles some time after its end, at the latest by pawl_runtime_destroy(). NULL: nothing.
	 */
	void (*free_value)(void *value);
	/* Cancelled when this fires (pawl/token.h). Borrowed for the call. NULL: none. */
	struct pawl_token *token;
	/* For who traces what tasks keep alive (pawl/visit.h). NULL: nothing is told. */
	void (*visit_arg)(void *arg, void *visitor_arg);
	void (*visit_value)(void *value, void *visitor_arg);
	/*
	 * Of a body that runs again because of a change: how many tasks lie between it and the change, at most.
	 * In a lane those near to it go first, as they decide what the others find. There are two
	 * buckets: up to PAWL_LEAF_NEAR (first runs are 0), and beyond. One beyond is passed by what comes
	 * into the near one within half of a lane's aging, 5 ms, and by no more.
	 */
	uint32_t leaf_distance;
};
#define PAWL_TASK_OPTIONS_INIT                                                            \
	{                                                                                 \
		sizeof(struct pawl_task_options), NULL, PAWL_LANE_INHERIT, 0, NULL, NULL, \
			NULL, NULL, NULL, 0                                               \
	}

#define PAWL_LEAF_NEAR 8

/* Runs on the worker that spawned it. Only from a body. */
#define PAWL_TASK_LOCAL 1u

enum pawl_severity { PAWL_SEVERITY_INFO, PAWL_SEVERITY_WARNING, PAWL_SEVERITY_ERROR };

enum pawl_diagnostic_kind {
	PAWL_DIAGNOSTIC_ENDED,	   /* a task is final: once for each, with its outcome */
	PAWL_DIAGNOSTIC_RESTARTED, /* a body failed and will run again */
	PAWL_DIAGNOSTIC_REFUSED,   /* a spawn was refused: closed, or full */
	PAWL_DIAGNOSTIC_BLOCKED, /* a body blocks its worker, while starts wait: once each time */
	PAWL_DIAGNOSTIC_COUNT
};

/* Something that happened to a task; valid during the call. */
struct pawl_diagnostic {
	enum pawl_severity severity;
	enum pawl_diagnostic_kind kind;
	const char *component; /* "runtime" */
	struct pawl_group *group;
	pawl_task_t task;   /* NONE: refused */
	pawl_task_t parent; /* that spawned it; NONE: no task did */
	const char *name;   /* of the task; NULL: none */
	enum pawl_outcome outcome;
	int error;
	const char *message;  /* NULL: none */
	uint64_t duration_ns; /* BLOCKED: for how long by now, at least */
};

/*
 * Where diagnostics go. Runs on the thread where it happened, with no lock held (BLOCKED: on one of the
 * runtime's own; the body does not end meanwhile); the state that it tells of is there already. It may call anything here but wait for the task it is told of.
 */
typedef void pawl_diagnostic_fn(void *sink_arg, const struct pawl_diagnostic *diagnostic);

struct pawl_runtime_options {
	size_t size;	    /* sizeof(struct pawl_runtime_options) */
	uint32_t workers;   /* 1 to PAWL_RUNTIME_WORKERS_MAX; 0: one for each processor */
	uint32_t tasks_max; /* at one time; 0: 2^31 */
	/* Usable bytes of a body's stack; 0: 64 KiB (pawl/fiber.h). */
	size_t stack_bytes;
	/*
	 * Bodies that have a stack at one time, each worker; 0: no limit. At the limit a worker starts
	 * nothing from outside before a body ends, and leaves it to one with room; what tasks spawn, and what
	 * is waited for by pawl_task_wait(), starts always.
	 */
	uint32_t stacks_max;
	uint32_t blocking_max; /* threads for pawl_blocking(), at most 4096; 0: 64 */
	uint32_t host; /* 1: the last worker is the creating thread, and steps (pawl/host.h) */
	/* The time for deadlines and stamps; NULL: CLOCK_MONOTONIC. See pawl_runtime_clock_moved(). */
	uint64_t (*now)(void *clock_arg);
	void *clock_arg;
	/*
	 * On each worker, attached, before its first task and after its last. NULL: nothing. Workers are
	 * numbered from 0; those that the watchdog adds, from `workers` on.
	 */
	void (*thread_start)(void *thread_arg, unsigned worker);
	void (*thread_stop)(void *thread_arg, unsigned worker);
	void *thread_arg;
	pawl_diagnostic_fn *sink; /* NULL: nowhere */
	void *sink_arg;
	/*
	 * A body that runs so long without a wait, a yield or a start, while starts wait that no worker looks
	 * for, blocks its worker: it is told of, and another worker takes starts until it goes
	 * on. 0: 100 ms, or, where the host is the only worker, PAWL_FOREVER: nobody looks. In real time, whatever `now` says.
	 */
	uint64_t watchdog_ns;
};
#define PAWL_RUNTIME_OPTIONS_INIT                                                              \
	{                                                                                      \
		sizeof(struct pawl_runtime_options), 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, \
			NULL, NULL, NULL, 0                                                    \
	}

#define PAWL_RUNTIME_WORKERS_MAX 256

/*
 * pawl_runtime_create() - Start workers. `options` NULL: the defaults.
 *
 * Requires: attached.
 * Errors:   -ENOMEM; -EINVAL: an option is outside of what is said there; -E2BIG: options of a
 *           later version; -EAGAIN: a thread cannot be started; -ENOTSUP: the process runs
 *           with shadow stacks; with a host also -EBUSY: this thread is a worker already, or runs on a
 *           fibre; and the system's limits of descriptors. Nothing is left then.
 */
PAWL_API PAWL_MUST_CHECK int pawl_runtime_create(const struct pawl_runtime_options *options,
						 struct pawl_runtime **ret_runtime);

/* pawl_runtime_root() - The group that everything lives in. Borrowed; stays to destroy. */
PAWL_API struct pawl_group *pawl_runtime_root(struct pawl_runtime *runtime);

/* What became of all tasks. */
struct pawl_shutdown_report {
	uint64_t outcomes[PAWL_OUTCOME_COUNT]; /* of all tasks ever; NONE is 0 */
	uint64_t refused;		       /* spawns and groups */
	uint64_t reserved[4];
};

/*
 * pawl_runtime_shutdown() - Refuse what comes, cancel everything, wait; what is left after
 * grace_ns is forced, and what is left after another grace_ns is given up: its handle is
 * final (STUCK), and its worker is lost. A second call, also beside the first, waits for the same
 * end and gets the same report.
 *
 * Requires: attached; not in a body; outside sections, no lock held.
 * Returns:  0.
 * Errors:   -EBUSY: bodies are stuck. The report says how many.
 */
PAWL_API int pawl_runtime_shutdown(struct pawl_runtime *runtime, uint64_t grace_ns,
				   struct pawl_shutdown_report *ret_report);

/*
 * pawl_runtime_destroy() - Free it. NULL is nothing. Tokens that fire into it just then (pawl/token.h) are
 * waited for.
 *
 * Requires: attached; shut down; no other call on it is running, and none will come; groups were put
 *           and handles dropped, or are forgotten now: their values are freed.
 * Errors:   -EBUSY: a body is stuck, or it was not shut down; -EPERM: it is the host's thread's to do.
 *           Nothing was freed.
 */
PAWL_API int pawl_runtime_destroy(struct pawl_runtime *runtime);

/* pawl_runtime_now() - The runtime's time, that deadlines are in. Any thread. */
PAWL_API uint64_t pawl_runtime_now(struct pawl_runtime *runtime);

/*
 * pawl_runtime_clock_moved() - With a clock of the program's own: it shows a later time, look at the
 * deadlines. With such a clock bodies' deadlines are honoured by this call alone, and
 * deadlines of other threads' waits are refused (-EINVAL).
 *
 * Requires: attached.
 */
PAWL_API void pawl_runtime_clock_moved(struct pawl_runtime *runtime);

/*
 * pawl_runtime_quiet_until() - For who moves the clock: is there anything that could run now?
 *
 * Requires: attached; not in a body.
 * Returns:  0: perhaps; else all workers sleep and nothing is ready, and this is the earliest deadline of
 *           a body (PAWL_FOREVER: there is none). It stays so until another thread spawns or
 *           wakes somebody, or the clock has moved.
 */
PAWL_API uint64_t pawl_runtime_quiet_until(struct pawl_runtime *runtime);

/* Counts; old when they arrive. */
struct pawl_runtime_stats {
	uint64_t workers;
	uint64_t spawned;
	uint64_t inlined; /* run by who waited for them, on its stack */
	uint64_t stolen;
	uint64_t parks;		  /* of bodies */
	uint64_t wakes;		  /* of workers */
	uint64_t sleeps;	  /* of workers */
	uint64_t stacks;	  /* of bodies, now */
	uint64_t live;		  /* tasks that have not ended */
	uint64_t surplus_workers; /* added by the watchdog */
	uint64_t blocked;	  /* bodies that it found */
	uint64_t watchdog_looks;
	uint64_t reserved[4];
};

PAWL_API void pawl_runtime_stats_read(struct pawl_runtime *runtime,
				      struct pawl_runtime_stats *ret_stats);

/* ---- tasks ------------------------------------------------------------------ */

/*
 * pawl_spawn() - A task in a group. `options` NULL: the defaults.
 *
 * Requires: attached. `arg` is the body's from a return of 0 on; on error it stays the caller's.
 * Returns:  0, and a handle, to be dropped; ret_task NULL: none is made.
 * Errors:   -ESHUTDOWN: the group is closed; -EAGAIN: it is full, or there are tasks_max tasks;
 *           -ENOMEM; -EINVAL: no such lane or flag, LOCAL outside of a body; -E2BIG.
 * Ordering: the body sees what the caller did before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_spawn(struct pawl_group *group,
					const struct pawl_task_options *options,
					pawl_body_fn *body, void *arg, pawl_task_t *ret_task);

/* One of several tasks to spawn. */
struct pawl_start {
	pawl_body_fn *body;
	void *arg;
};

/*
 * pawl_spawn_many() - n tasks of one kind in a group: all or none. Workers are woken as for one
 * start; each that finds more to do wakes the next.
 *
 * Requires: as pawl_spawn(). `starts` is read during the call. n may be 0.
 * Returns:  0, and n handles; ret_tasks NULL: none are made.
 * Errors:   as pawl_spawn(), all n refused; -EAGAIN also: the group has not room for n.
 */
PAWL_API PAWL_MUST_CHECK int pawl_spawn_many(struct pawl_group *group,
					     const struct pawl_task_options *options, size_t n,
					     const struct pawl_start *starts,
					     pawl_task_t *ret_tasks);

/* pawl_task_self() - The innermost body that runs here; NONE outside of bodies. Requires: attached. */
PAWL_API pawl_task_t pawl_task_self(void);

/*
 * pawl_task_cancel() - Ask one task to end. One that has not begun is cancelled at once.
 *
 * Requires: attached, outside sections, no lock held.
 * Errors:   -EALREADY: it has ended; -ESTALE: the handle was dropped; -EINVAL: it never was one.
 */
PAWL_API int pawl_task_cancel(struct pawl_runtime *runtime, pawl_task_t task);

/* pawl_task_force() - The same, and unwind it at its next call. */
PAWL_API int pawl_task_force(struct pawl_runtime *runtime, pawl_task_t task);

/* pawl_task_get() - One more handle, of the same number: to be dropped once more. Errors as drop. */
PAWL_API int pawl_task_get(struct pawl_runtime *runtime, pawl_task_t task);

/* pawl_task_drop() - Give a handle back. The task goes on. Errors: -ESTALE, -EINVAL as above. */
PAWL_API int pawl_task_drop(struct pawl_runtime *runtime, pawl_task_t task);

/* ---- in bodies ---------------------------------------------------------------- */

/*
 * pawl_wait() - pawl_event_wait_until() that ends when the body is cancelled. In other threads:
 * pawl_event_wait_until().
 *
 * Requires: as that one.
 * Returns:  0 notified; the listener is no longer registered, whatever is returned.
 * Errors:   -ETIMEDOUT; -ECANCELED. Notified and cancelled at once is notified. One that is
 *           forced just then takes its notification with it.
 */
PAWL_API PAWL_MUST_CHECK int pawl_wait(struct pawl_listener *listener, uint64_t deadline_ns);

/* pawl_sleep_until() - Errors: -ECANCELED. As pawl_wait(). */
PAWL_API int pawl_sleep_until(uint64_t deadline_ns);

/*
 * pawl_blocking() - Call fn(arg), which blocks its thread, on a thread of a pool, while the body waits and its
 * worker goes on. Outside of bodies it is called right here. It runs attached and in an idle
 * stretch (pawl/rcu.h), which it leaves if it reads.
 *
 * Returns: what fn returned. Once begun it is waited for, cancelled or forced.
 * Errors:  -ECANCELED: before it began; -EAGAIN: no thread can be started.
 */
PAWL_API int pawl_blocking(struct pawl_runtime *runtime, int (*fn)(void *arg), void *arg);

/* pawl_yield() - Let others run first. Outside of bodies: sched_yield(). Errors: -ECANCELED. */
PAWL_API int pawl_yield(void);

/* pawl_cancelled() - Has the innermost body been asked to end? Unwinds if forced. */
PAWL_API bool pawl_cancelled(void);

/*
 * pawl_exit() - End the innermost body here, as if it returned `error`, with a message that stays with
 * the task (cut to 255 bytes; NULL: none). Cleanups run, frames do not.
 *
 * Requires: in a body, outside sections, no lock held.
 */
PAWL_API void pawl_exit(int error, const char *format, ...) PAWL_PRINTF(2, 3)
	__attribute__((noreturn));

/* Called when the body is unwound. On the body's stack, popped before its frame goes. */
struct pawl_cleanup {
	struct pawl_cleanup *pawl_next;
	void (*pawl_fn)(void *arg);
	void *pawl_arg;
};

/* pawl_cleanup_push() - Requires: in a body. Newest first; they may not wait. */
PAWL_API void pawl_cleanup_push(struct pawl_cleanup *cleanup, void (*fn)(void *arg), void *arg);
/* pawl_cleanup_pop() - The newest one; `run`: call it. */
PAWL_API void pawl_cleanup_pop(struct pawl_cleanup *cleanup, bool run);

PAWL_END_DECLS

#endif
