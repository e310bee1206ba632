/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.h - a thread that runs bodies, and the runtime that it belongs to.
 *
 * A worker has two halves. The base is the thread's own stack: it decides what is next, looks after
 * timers, and sleeps. Bodies run on fibres, each with a little loop of its own (struct eng_stack):
 * a body that ends is followed by the next one on the same stack, without a switch. A body
 * that waits switches to the base, which takes another stack. So a worker has one stack that
 * runs, those that wait, and some to spare.
 */
#ifndef ENG_WORKER_H
#define ENG_WORKER_H

#include <pthread.h>
#include <setjmp.h>

#include <pawl/base.h>
#include <pawl/deque.h>
#include <pawl/fiber.h>
#include <pawl/lanes.h>
#include <pawl/mbox.h>
#include <pawl/runtime.h>

#include "blocking.h"
#include "group.h"
#include "idle.h"
#include "jobs.h"
#include "reactor.h"
#include "task.h"
#include "token.h"
#include "wheel.h"

/* A body that runs, in its stack's frame. */
struct eng_run {
	struct eng_task *task;
	struct pawl_runtime *rt;
	struct eng_run *outer; /* that it was started from, by a wait for it; NULL: none */
	struct pawl_cleanup *cleanups;
	unsigned lane;
	/* To the task's `interrupt`, from its first wait on, if `listens`. */
	struct pawl_listener told;
	bool listens;
	/* Set before the jump to `base`. */
	int error;
	bool forced;
	void *value; /* what the body writes to */
	jmp_buf base;
};

/* A fibre of a worker. */
struct eng_stack {
	struct eng_worker *worker;
	struct pawl_fiber *fiber;
	struct eng_run *run;	    /* the innermost */
	struct eng_stack *next;	    /* in `ready` or `spare` */
	struct pawl_mbox_node node; /* in `woken` */
	struct eng_timer timer;
};

struct eng_worker {
	/* What others write: each on its own line. */
	PAWL_ALIGNED(PAWL_LINE_BYTES)
	struct pawl_mbox woken; /* stacks woken by other threads */
	PAWL_ALIGNED(PAWL_LINE_BYTES)
	struct pawl_atomic_ptr newest; /* a task; thieves take it, too */

	/* Its own, but for reading what is never changed. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_runtime *rt;
	struct pawl_deque *deque;
	struct pawl_fiber_hooks hooks;
	unsigned number;
	unsigned slot;		 /* of its thread */
	struct eng_stack *stack; /* that runs now; NULL: the base */
	struct eng_task *first;	 /* for the stack that is resumed next, claimed; and its lane */
	unsigned first_lane;
	struct eng_stack *ready, **ready_end;
	struct eng_stack *spare;
	unsigned spares;
	struct eng_task *local, **local_end; /* LOCAL tasks, by their `next` */
	struct eng_wheel wheel;
	unsigned looks;	   /* for starts, since the lanes came first */
	unsigned in_a_row; /* stacks resumed since a start was looked for */
	unsigned newest_in_a_row;
	bool local_first, outside_first; /* the next time */
	unsigned since_timers;
	uint32_t random;
	uint32_t stacks; /* there are */

	/* By this worker alone, read by others: relaxed. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 spawned;
	struct pawl_atomic_u64 inlined, stolen, parks, sleeps;
	struct pawl_atomic_u64 stacks_busy;
	struct pawl_atomic_u32 timers;		 /* there are some */
	struct pawl_atomic_u64 next_deadline_ns; /* when it went to sleep */

	struct pawl_atomic_u32 clock_moved;
	pthread_t thread;
};

struct pawl_runtime {
	struct eng_tasks *tasks;
	struct eng_forest forest;
	struct pawl_group *root;
	struct eng_token_home tokens;
	struct eng_jobs jobs[2]; /* by enum pawl_job */
	/* Where any worker looks: starts from inside, from outside, and what is waited for. */
	struct pawl_lanes *lanes[3];
	struct eng_idle idle;
	struct pawl_runtime_options options;
	struct eng_worker *workers;
	unsigned worker_count;
	struct pawl_atomic_u32 stop;
	/* Spawned by threads that are not workers. */
	struct pawl_atomic_u64 spawned_outside;

	/* How many workers have begun, or failed to: under the mutex. */
	pthread_mutex_t start_mutex;
	pthread_cond_t start_changed;
	unsigned begun, failed;

	struct eng_blocking blocking;
	struct eng_reactor reactor;

	/* Shutdown: its only caller that does it, and its report. */
	struct pawl_atomic_u32 shutdown;
	struct pawl_event shutdown_done;
	struct pawl_shutdown_report report;
	int shutdown_error;
};

/* Of pawl_runtime.shutdown. */
#define ENG_UP		  0u
#define ENG_GOING_DOWN	  1u
#define ENG_DOWN	  2u

#define ENG_LANES_INSIDE  0
#define ENG_LANES_OUTSIDE 1
#define ENG_LANES_LENT	  2

/* eng_worker_here() - The worker whose thread this is, whatever runs on it; NULL: none. */
struct eng_worker *eng_worker_here(void);

/* eng_run_here() - The innermost body that runs here; NULL: none. Requires: attached. */
struct eng_run *eng_run_here(void);

/*
 * eng_run_hide() - For calls of the user's code from inside: until eng_run_show() no body runs here, as far as
 * the calls of that code can tell.
 */
struct eng_run *eng_run_hide(void);
void eng_run_show(struct eng_run *run);

/* eng_worker_init(), _fini() - Its memory, without the thread. */
PAWL_MUST_CHECK int eng_worker_init(struct eng_worker *worker, struct pawl_runtime *rt,
				    unsigned number);
void eng_worker_fini(struct eng_worker *worker);

/* eng_worker_could_run() - Is there anything that this worker could do? After a fence. */
bool eng_worker_could_run(const struct eng_worker *worker);

/* eng_worker_main() - What its thread does. */
void *eng_worker_main(void *arg);

/*
 * eng_start() - A task is READY: have it started. Takes one reference, which the queue keeps.
 * `lane` is where it waits, `flags` are PAWL_TASK_...
 */
void eng_start(struct pawl_runtime *rt, struct eng_task *task, unsigned lane, uint32_t flags);

/*
 * eng_enter() - A new task begins to live in its group, bound to options->token.
 *
 * Errors: -ENOMEM; as eng_group_enter(); the record is gone then.
 */
PAWL_MUST_CHECK int eng_enter(struct pawl_runtime *rt, struct pawl_group *group,
			      struct eng_task *task, const struct pawl_task_options *options);

/* eng_lend_push() - It is READY: have it looked for in this lane as well. Takes one reference. */
void eng_lend_push(struct pawl_runtime *rt, struct eng_task *task, unsigned lane);

/* eng_claim_inline() - Claim a task for who waits for it on this worker. */
PAWL_MUST_CHECK bool eng_claim_inline(struct eng_worker *worker, struct eng_task *task);

/* eng_run_task() - Run the body of a claimed task here, then give back `refs` references. Requires: on a stack. */
void eng_run_task(struct eng_stack *stack, struct eng_task *task, unsigned lane, uint32_t refs);

/* eng_task_ended() - What who made a task final does next. Gives one reference back. */
void eng_task_ended(struct pawl_runtime *rt, struct eng_task *task);

/* eng_group_failed() - A task of this group has failed: what its policy says. As eng_task_ended(). */
void eng_group_failed(struct pawl_runtime *rt, struct pawl_group *group);

/*
 * eng_diagnose() - Tell the sink, if there is one. The task is final, or is the one that runs here;
 * `error` and its message are told where it failed.
 */
void eng_diagnose(struct pawl_runtime *rt, struct eng_task *task,
		  enum pawl_diagnostic_kind kind, enum eng_outcome outcome, int error);

/* eng_diagnose_refusal() - A spawn into this group was refused with that error. */
void eng_diagnose_refusal(struct pawl_runtime *rt, struct pawl_group *group, const char *name,
			  int error);

/* eng_task_given_up() - It was made final by eng_task_give_up(): tell those who wait. */
void eng_task_given_up(struct pawl_runtime *rt, struct eng_task *task);

/* eng_task_came_back() - The body of one that was given up is over. Gives one reference back. */
void eng_task_came_back(struct pawl_runtime *rt, struct eng_task *task);

/* eng_stack_yield() - Behind all that is ready here. Requires: in a body. */
void eng_stack_yield(void);

/* eng_task_cancel() - Ask it to end, whatever it does. Requires: a reference or a handle. */
void eng_task_cancel(struct pawl_runtime *rt, struct eng_task *task);

/*
 * eng_wait_until() - Sleep until `holds` says so, whose truth is announced by `event`; as pawl_wait().
 *
 * Returns: 0: it holds. Errors: -ETIMEDOUT, -ECANCELED.
 */
PAWL_MUST_CHECK int eng_wait_until(struct pawl_event *event, bool (*holds)(const void *arg),
				   const void *arg, uint64_t deadline_ns, const char *note,
				   uint64_t note_value);

/* eng_told() - Has the body been asked to end? */
bool eng_told(const struct eng_run *run);

/*
 * eng_wait_once() - Sleep until `wanted` (NULL: nothing) is notified.
 *
 * Returns: 0, and it is no longer registered. Errors, and it still is: -ETIMEDOUT; -EINTR: the task
 *          is told something, or another one was that had its record before.
 */
PAWL_MUST_CHECK int eng_wait_once(struct eng_run *run, struct pawl_listener *wanted,
				  uint64_t deadline_ns);

/* eng_checkpoint() - Unwind if the body is forced. Returns: has it been asked to end? */
bool eng_checkpoint(struct eng_run *run);

uint64_t eng_now(const struct pawl_runtime *rt);

#endif
