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

#include <pawl/atomic.h>
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
#include "watch.h"
#include "watchdog.h"
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
	struct eng_worker *worker;
	/* Watched: what was on at its start, and when that was (watch.c). */
	uint32_t watch;
	uint64_t begin_ns, slice_ns, away_before_ns;
	/* Set before the jump to `base`. */
	int error;
	bool forced;
	bool unwinds; /* its cleanups run: they are not left */
	void *value;  /* what the body writes to */
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
	/* Watched: how long its body waited, in all; and since when it does. */
	uint64_t away_ns, left_ns;
};

struct eng_host;

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
	unsigned idle_number;	 /* for idle.h */
	bool surplus;		 /* beyond the number of workers asked for */
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
	uint64_t swept_at; /* so many it had run inline */
	/* What a body here waits for, for which its stack has no room; 0: none. It is in its queue as well. */
	uint64_t wanted;
	unsigned wanted_lane;
	bool local_first, outside_first; /* the next time */
	unsigned since_timers;
	uint32_t random;
	uint32_t stacks;   /* there are */
	uint64_t slept_ns; /* watched: when it fell asleep; else 0 */
	/* Of one without a thread of its own (host.c); NULL: it has one. */
	struct eng_host *host;
	uint64_t budget; /* starts and resumptions that its base may do yet */
	bool away;	 /* its host is not in a step */

	/* By this worker alone, read by others: relaxed. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u64 spawned;
	struct pawl_atomic_u64 inlined, stolen, parks, sleeps;
	struct pawl_atomic_u64 stacks_busy;
	/* Bodies begun and gone on with; the task whose body runs now, 0: none. */
	struct pawl_atomic_u64 progress, running;
	/* 1: the watchdog found it blocked. Set by that, cleared by the worker when it goes on. */
	struct pawl_atomic_u32 blocked;
	struct pawl_atomic_u32 timers;		 /* there are some */
	struct pawl_atomic_u64 next_deadline_ns; /* when it went to sleep */

	struct pawl_atomic_u32 clock_moved;
	pthread_t thread;

	/* The watchdog's: progress that it saw, since when. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) uint64_t watched;
	uint64_t watched_ns;
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
	/* The surplus ones come last, as the watchdog adds them. */
	struct eng_worker *workers;
	unsigned worker_count;	      /* without those */
	unsigned worker_most;	      /* with all that there may be */
	struct pawl_atomic_u32 there; /* with those that there are */
	struct pawl_atomic_u32 stop;
	/* Spawned by threads that are not workers. */
	struct pawl_atomic_u64 spawned_outside;

	/* How many workers have begun, or failed to: under the mutex. */
	pthread_mutex_t start_mutex;
	pthread_cond_t start_changed;
	unsigned begun, failed;

	struct eng_blocking blocking;
	struct eng_reactor reactor;
	struct eng_watch watch;
	struct eng_watchdog watchdog;
	struct eng_host *host; /* of the last worker; NULL: all have threads */

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

/* eng_runtime_of() - The runtime that a group is of. */
static inline struct pawl_runtime *eng_runtime_of(const struct pawl_group *group)
{
	return PAWL_CONTAINER_OF(group->forest, struct pawl_runtime, forest);
}

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

/* eng_watched() - What is watched: ENG_WATCH_... and an epoch. May be old. */
static inline uint32_t eng_watched(const struct pawl_runtime *rt)
{
	return pawl_load_relaxed(&rt->watch.on);
}

/* eng_watching() - Is anything? */
static inline bool eng_watching(const struct pawl_runtime *rt)
{
	return PAWL_UNLIKELY(eng_watched(rt) & ENG_WATCH_ANY);
}

/* eng_worker_init(), _fini() - Its memory, without the thread. */
PAWL_MUST_CHECK int eng_worker_init(struct eng_worker *worker, struct pawl_runtime *rt,
				    unsigned number);
void eng_worker_fini(struct eng_worker *worker);

/* eng_workers() - How many there are, by now; the first ones of rt->workers. */
static inline unsigned eng_workers(const struct pawl_runtime *rt)
{
	return pawl_load_acquire(&rt->there);
}

/* eng_worker_retired() - It is a surplus one, and does not count just now: it runs its own things. */
static inline bool eng_worker_retired(const struct eng_worker *worker)
{
	return PAWL_UNLIKELY(worker->surplus) &&
	       worker->number - worker->rt->worker_count >=
		       pawl_load_relaxed(&worker->rt->idle.surplus);
}

/* eng_room_for_outside() - May something that nobody here waits for start, on one stack more? */
bool eng_room_for_outside(const struct eng_worker *worker);

/* eng_worker_look() - What is there to do, and for whom (idle.h)? After a fence. */
unsigned eng_worker_look(const struct eng_worker *worker);

/* eng_anything_look() - The same for who runs nothing. */
unsigned eng_anything_look(const struct pawl_runtime *rt);

/* eng_worker_could_run() - Is there anything that this worker could do? After a fence. */
bool eng_worker_could_run(const struct eng_worker *worker);

/* eng_worker_main() - What its thread does. */
void *eng_worker_main(void *arg);

/* eng_worker_begin(), _end() - The calling thread is its own; and is not any more. Outside of fibres. */
void eng_worker_begin(struct eng_worker *worker);
void eng_worker_end(struct eng_worker *worker);

/*
 * eng_worker_step() - Of one that its host drives: run what is ready, at most `budget` starts and resumptions.
 *
 * Returns: false: there is nothing more, and it dozes; true: there may be more.
 */
PAWL_MUST_CHECK bool eng_worker_step(struct eng_worker *worker, uint64_t budget);

/* Lanes and their buckets, near and far, as the levels of one queue: half of a lane's aging apart. */
#define ENG_LEVELS     (2 * PAWL_LANE_COUNT)
#define ENG_LEVEL_STEP 5000000

static inline unsigned eng_level(unsigned lane, bool far)
{
	return 2 * lane + far;
}

/* eng_start() - A task is READY: have it started. Takes one reference, which the queue keeps. */
void eng_start(struct pawl_runtime *rt, struct eng_task *task);

/* eng_start_many() - The same for a chain by their `next`, of one kind; NULL is none. */
void eng_start_many(struct pawl_runtime *rt, struct eng_task *first);

/*
 * eng_start_take() - The next start, from here or (`far`) from anywhere: claimed, with its queue's
 * reference, and the lane that it starts in. NULL: there is none. By its worker.
 */
struct eng_task *eng_start_take(struct eng_worker *worker, bool far, unsigned *ret_lane);

/*
 * eng_enter() - A new task begins to live in its group, bound to options->token.
 *
 * Errors: -ENOMEM; as eng_group_enter(); the record is gone then.
 */
PAWL_MUST_CHECK int eng_enter(struct pawl_runtime *rt, struct pawl_group *group,
			      struct eng_task *task, const struct pawl_task_options *options);

/* eng_lend_push() - It is READY: have it looked for in this lane as well. Takes one reference. */
void eng_lend_push(struct pawl_runtime *rt, struct eng_task *task, unsigned lane);

/* eng_claim_inline() - Claim a task for who waits for it on this worker, perhaps with a queue's reference. */
PAWL_MUST_CHECK bool eng_claim_inline(struct eng_worker *worker, struct eng_task *task,
				      uint32_t *ret_refs);

/* eng_run_task() - Run the body of a claimed task here, then give back `refs` references. Requires: on a stack. */
void eng_run_task(struct eng_stack *stack, struct eng_task *task, unsigned lane, uint32_t refs);

/* eng_task_ended() - What who made a task final does next. Gives one reference back. */
void eng_task_ended(struct pawl_runtime *rt, struct eng_task *task);

/* eng_group_end() - Stop a group (eng_group_stop()), and end what is final by that. */
void eng_group_end(struct pawl_group *group, uint64_t flags);

/* eng_group_failed() - A task of this group has failed: what its policy says. As eng_task_ended(). */
void eng_group_failed(struct pawl_group *group);

/*
 * eng_diagnose() - Tell the sink, if there is one. The task is final, or is the one that runs here;
 * `error` and its message are told where it failed.
 */
void eng_diagnose(struct pawl_runtime *rt, struct eng_task *task,
		  enum pawl_diagnostic_kind kind, enum eng_outcome outcome, int error);

/* eng_diagnose_blocked() - Its body blocks its thread, for so long by now. Requires: held. */
void eng_diagnose_blocked(struct pawl_runtime *rt, struct eng_task *task, uint64_t for_ns);

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

/* eng_tally() - One more, of a word that only the calling thread writes. */
static inline void eng_tally(struct pawl_atomic_u64 *word)
{
	pawl_store_relaxed(word, pawl_load_relaxed(word) + 1);
}

/* eng_cleanup_push(), _pop() - As those of pawl/runtime.h, for who knows the body that runs here. */
static inline void eng_cleanup_push(struct eng_run *run, struct pawl_cleanup *cleanup,
				    void (*fn)(void *arg), void *arg)
{
	cleanup->pawl_fn = fn;
	cleanup->pawl_arg = arg;
	cleanup->pawl_next = run->cleanups;
	run->cleanups = cleanup;
}

static inline void eng_cleanup_pop(struct eng_run *run, struct pawl_cleanup *cleanup,
				   bool run_it)
{
	PAWL_REQUIRE(run->cleanups == cleanup && "the newest cleanup is popped first");
	run->cleanups = cleanup->pawl_next;
	if (run_it)
		cleanup->pawl_fn(cleanup->pawl_arg);
}

/* eng_worker_goes_on() - It was found blocked: it no longer is. */
void eng_worker_goes_on(struct eng_worker *worker);

/* eng_worker_runs() - By the worker: this task's body begins or goes on here; 0: one that is not known. */
static inline void eng_worker_runs(struct eng_worker *worker, uint64_t id)
{
	pawl_store_relaxed(&worker->running, id);
	eng_tally(&worker->progress);
	if (PAWL_UNLIKELY(pawl_load_relaxed(&worker->blocked)))
		eng_worker_goes_on(worker);
}

#endif
