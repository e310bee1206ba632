/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task.h - the record of a task: its state, who may change it, and how long it stays.
 *
 *	STARTING -> READY -> RUNNING -> FINAL		a body
 *	STARTING -> PENDING ----------> FINAL		a completion: settled from outside
 *	            READY, PENDING -> SETTLING -> FINAL	settled with a value
 *	            READY, PENDING -> FINAL		cancelled before it ran
 *	STARTING -> FINAL				cancelled before it was published
 *
 * Final is final: one transition makes a task final, whoever made it ends the task
 * (eng_task_ended()), and nothing changes its outcome afterwards.
 *
 * Records are type-stable: their memory stays one until the table is destroyed, and the word of a
 * record has the generation of its handle. So a handle that is over is noticed, and who finds
 * a record by walking over the table may try to change the state that it saw, and fails if the
 * record serves another task meanwhile.
 *
 *  call                                       progress
 *  eng_tasks_create, _destroy                 the allocator's
 *  eng_task_make                              as pawl_ids_alloc(); at times the allocator's
 *  eng_task_publish, _claim, _finish, ...     lock-free: a turn is lost only to another's change
 *  eng_task_find, _outcome                    wait-free
 *  eng_task_put                               wait-free; the last one as pawl_ids_free()
 */
#ifndef ENG_TASK_H
#define ENG_TASK_H

#include <pawl/base.h>
#include <pawl/event.h>
#include <pawl/lanes.h>
#include <pawl/lock.h>

enum eng_phase {
	ENG_TASK_FREE, /* serves no task */
	ENG_TASK_STARTING,
	ENG_TASK_READY,
	ENG_TASK_PENDING,
	ENG_TASK_RUNNING,
	ENG_TASK_SETTLING,
	ENG_TASK_FINAL,
};

enum eng_outcome {
	ENG_OUTCOME_NONE, /* not final yet */
	ENG_OUTCOME_COMPLETED,
	ENG_OUTCOME_FAILED,
	ENG_OUTCOME_CANCELLED, /* ended because it was asked to, or never ran */
	ENG_OUTCOME_ABORTED,   /* unwound by force */
	ENG_OUTCOME_STUCK,     /* given up: the body never came back */
	ENG_OUTCOME_COUNT
};

/* Flags of a word. */
#define ENG_TASK_CANCEL UINT64_C(0x100) /* asked to end at its next wait */
#define ENG_TASK_FORCE	UINT64_C(0x200) /* unwind at its next call; implies CANCEL */
/* Somebody watches it, or listens to `done`: eng_task_expect() has set it. Stays. */
#define ENG_TASK_EXPECTED UINT64_C(0x400)
#define ENG_TASK_BACK	  UINT64_C(0x800)  /* it was given up, and its body is over */
#define ENG_TASK_HELD	  UINT64_C(0x1000) /* its body does not end just now (eng_task_hold()) */
/* How many read its record: bits 16 to 31. */
#define ENG_TASK_READER UINT64_C(0x10000)

struct pawl_group;
struct eng_run;
struct eng_tasks;

#define ENG_TAG_UNNAMED UINT64_MAX

struct eng_task {
	/* Generation in the upper half; flags, outcome, phase (task.c). All threads. */
	struct pawl_atomic_u64 word;
	/* Upper half: handles; lower: queue entries, and one until it has ended. All threads. */
	struct pawl_atomic_u64 refs;
	/* Who waits for it by name. All threads. */
	struct pawl_atomic_u32 waiters;
	/* The most urgent lane that a waiter put it into, plus 1; 0: none. All threads. */
	struct pawl_atomic_u32 lent_lane;
	/*
	 * The most urgent lane of those that waited for it while it ran, plus 1; 0: none. Counts while there are
	 * waiters: what it waits for is lent that lane. All threads.
	 */
	struct pawl_atomic_u32 urged;
	/*
	 * Of one that was given up: 1 once its body is over, or who gave it up is done with it; who comes
	 * second leaves the group for it.
	 */
	struct pawl_atomic_u32 parting;
	/* Generation of a completion whose producer was not dropped; 0: another task. All threads. */
	struct pawl_atomic_u32 produced;
	/* The task that its body waits for by name, 0: none; and a sequence of its changes. Its body. */
	struct pawl_atomic_u64 waits_for;
	struct pawl_atomic_u64 waits;
	/* What it is to who has it run, 0: nothing, UNNAMED: it is left out; for descriptions of rings. Its body. */
	struct pawl_atomic_u64 tag;
	/* Watchers, newest first; CLOSED once they are told. All threads. */
	struct pawl_atomic_ptr watchers;
	/* Notified when final, if it was expected. */
	struct pawl_event done;
	/* Notified when a flag is set. */
	struct pawl_event interrupt;
	/*
	 * The beginning of its name, for those who do not know whether it lives: the name itself ends with
	 * the task. By its maker; read by walkers (task.c, O7).
	 */
	struct pawl_atomic_u64 label[3];
	/* Never changes while the record serves one task; read by walkers before they know that. */
	struct pawl_atomic_ptr group;
	uint64_t id;   /* the handle */
	uint64_t made; /* references and handles that it was made with */

	/*
	 * When it was spawned, or, of one that is run at once, first waited; 0: not known. And
	 * what the body waits for, as its listener says, and since when, 0: it does not. By
	 * who spawns it, then its worker; who has pinned the task reads. Relaxed: old when it arrives.
	 */
	struct pawl_atomic_u64 spawned_ns;
	struct pawl_atomic_ptr waits_note; /* const char * */
	struct pawl_atomic_u64 waits_value;
	struct pawl_atomic_u64 waits_since_ns;

	/* Written before publishing. */
	int (*body)(void *arg, void **ret_value);
	void *arg;
	void (*free_arg)(void *arg);
	/* Under slots_lock since it was published; NULL: the argument is gone. */
	void (*visit_arg)(void *arg, void *visitor_arg);
	struct pawl_atomic_ptr name; /* const char *; read by walkers */
	uint64_t parent;	     /* id of who spawned it, 0: none */
	struct pawl_lane_node node;
	struct pawl_lane_node lent; /* in the lane of who waits for it */
	struct eng_task *next;	    /* of a worker's LOCAL tasks */
	uint8_t lane;
	uint8_t flags;	      /* PAWL_TASK_... */
	uint16_t home;	      /* worker of a LOCAL one */
	uint16_t spawner;     /* worker's number plus 1; 0: none */
	bool spawned_exactly; /* the time is exact (watch.h) */
	uint8_t far;	      /* 1: in the far bucket of its lane */

	/*
	 * By who settles it or runs it, before it is final. Not with STUCK. Where `visited`, written under
	 * slots_lock, and read under it by visitors.
	 */
	void *value;
	void (*free_value)(void *value);
	void (*visit_value)(void *value, void *visitor_arg);
	bool visited; /* it has a visit function; before publishing */
	struct pawl_lock slots_lock;
	int error;
	char *message; /* allocated, message_bytes with its zero */
	size_t message_bytes;

	/* Of the running body; its own thread. */
	struct eng_run *run;
};

/* Told when the task has ended, by who ended it. Its owner's, to the call. */
struct eng_watcher {
	struct eng_watcher *next;
	void (*ended)(struct eng_watcher *watcher, enum eng_outcome outcome);
};

/* Phase, outcome and generation of a word. */
static inline enum eng_phase eng_word_phase(uint64_t word)
{
	return (enum eng_phase)(word & 7);
}

static inline enum eng_outcome eng_word_outcome(uint64_t word)
{
	return (enum eng_outcome)(word >> 3 & 7);
}

/* eng_tasks_create() - A table without tasks, for at most `max` of them at one time. */
PAWL_MUST_CHECK int eng_tasks_create(uint32_t max, struct eng_tasks **ret_tasks);

/* eng_tasks_destroy() - Requires: attached; no task is left. NULL is nothing. */
void eng_tasks_destroy(struct eng_tasks *tasks);

/*
 * eng_task_make() - A record that starts, with that many references and handles and all fields at
 * zero.
 *
 * Requires: attached.
 * Errors:   -ENOMEM; -EAGAIN: there are as many tasks as there may be.
 */
PAWL_MUST_CHECK int eng_task_make(struct eng_tasks *tasks, uint32_t refs, uint32_t handles,
				  struct eng_task **ret_task);

/* eng_task_unmake() - One that was refused: forget it. Requires: STARTING; attached. */
void eng_task_unmake(struct eng_tasks *tasks, struct eng_task *task);

/*
 * eng_task_find() - The record of an id.
 *
 * Errors: -ESTALE: it serves another task by now, or none; -EINVAL: it never was an id.
 */
PAWL_MUST_CHECK int eng_task_find(struct eng_tasks *tasks, uint64_t id,
				  struct eng_task **ret_task);

/* eng_task_name() - Its name; NULL: none. Once, before it is published. */
void eng_task_name(struct eng_task *task, const char *name);

/* Bytes of a label with its zero. */
#define ENG_LABEL_BYTES 24

/*
 * eng_task_label() - The beginning of the name of the task with this id; "": it has none.
 *
 * Returns: false: it is over.
 */
PAWL_MUST_CHECK bool eng_task_label(struct eng_tasks *tasks, uint64_t id,
				    char ret_label[ENG_LABEL_BYTES]);

/*
 * eng_task_publish() - The record is complete: from STARTING to READY, or to PENDING.
 *
 * Returns:  false: it was cancelled meanwhile and is final; the caller ends it.
 * Ordering: releases the record to walkers.
 */
PAWL_MUST_CHECK bool eng_task_publish(struct eng_task *task, enum eng_phase phase);

/*
 * eng_task_claim() - From READY to RUNNING. Returns: false: somebody was faster.
 *
 * Requires: the caller has the task from a queue or by a handle, ordered after its making; so of settle.
 */
PAWL_MUST_CHECK bool eng_task_claim(struct eng_task *task);

/*
 * eng_task_finish() - The body is over, its value and error are written: from RUNNING to FINAL. Waits while
 * it is held.
 *
 * Returns: false: it was given up, and ended by who did that.
 */
PAWL_MUST_CHECK bool eng_task_finish(struct eng_task *task, enum eng_outcome outcome);

/*
 * eng_task_hold() - Have the body of that task not end before eng_task_release(), so that its name, its
 * argument and its group stay. One holder at a time.
 *
 * Returns: false: it does not run.
 */
PAWL_MUST_CHECK bool eng_task_hold(struct eng_task *task, uint64_t id);

/* eng_task_release() - Requires: attached; held by the caller. */
void eng_task_release(struct eng_task *task);

/* eng_task_give_up() - It does not come back: from RUNNING to FINAL, stuck. As cancel. */
PAWL_MUST_CHECK bool eng_task_give_up(struct eng_task *task, uint64_t word);

/*
 * eng_task_settle() - Write the outcome of one that does not run: from READY or PENDING to
 * SETTLING, for the caller alone, who writes value and error and calls eng_task_settled(). `word` as
 * for stop.
 *
 * Returns: false: it runs, is final or about to be, or is another one by now.
 */
PAWL_MUST_CHECK bool eng_task_settle(struct eng_task *task, uint64_t word);
void eng_task_settled(struct eng_task *task, enum eng_outcome outcome);

/* What became of a request to end. */
enum eng_stopped {
	ENG_STOPPED_NOT,   /* it is final, about to be, or another one by now */
	ENG_STOPPED_ASKED, /* it starts or runs: the flags are set, and it was told */
	ENG_STOPPED_FINAL, /* it had not run: it is final, and the caller ends it */
};

/*
 * eng_task_stop() - Ask it to end (ENG_TASK_CANCEL, with ENG_TASK_FORCE: by force). `word` is what was
 * read of the record; only its generation counts.
 *
 * Requires: attached.
 */
PAWL_MUST_CHECK enum eng_stopped eng_task_stop(struct eng_task *task, uint64_t word,
					       uint64_t flags);

/*
 * eng_task_pin() - Keep it from ending while its record is read: name, parent, group stay what they are. To
 * be unpinned in a few instructions, since who wants to make it final turns round and round
 * meanwhile. `word` is what was read of it; only its generation counts.
 *
 * Returns:  false: it starts, or is over, or is another one.
 * Ordering: acquires what was written before it was published.
 */
PAWL_MUST_CHECK bool eng_task_pin(struct eng_task *task, uint64_t word);
void eng_task_unpin(struct eng_task *task);

/*
 * eng_task_came_home() - The body of one that was given up is over: from here on nobody pins it, and
 * nobody has. By its worker, once.
 */
void eng_task_came_home(struct eng_task *task);

/* eng_task_outcome() - Acquires value and error if it is final. */
enum eng_outcome eng_task_outcome(const struct eng_task *task);

/* eng_task_value_set() - By who settles it or runs it. Another value that it had is freed. */
void eng_task_value_set(struct eng_task *task, void *value);

/* eng_task_arg_gone() - Visitors find the argument no more. By who frees it, before. */
void eng_task_arg_gone(struct eng_task *task);

/*
 * eng_task_visit() - Tell argument and value, if the task is published, and visited. `word` was read of its record.
 *
 * Requires: attached, outside sections, no lock held.
 * Returns:  how many were told.
 */
size_t eng_task_visit(struct eng_tasks *tasks, uint64_t word, uint64_t id, void *visitor_arg);

/* eng_task_forget() - Value and message of a run that does not count. By its runner. */
void eng_task_forget(struct eng_task *task);

/* eng_task_handle() - The record of a handle. Errors: as find; -ESTALE: all its handles were dropped. */
PAWL_MUST_CHECK int eng_task_handle(struct eng_tasks *tasks, uint64_t id,
				    struct eng_task **ret_task);

/*
 * eng_task_expect() - Before listening to `done`: have it notified.
 *
 * Requires: the caller has a reference or a handle.
 * Returns:  false: it is final, which is acquired.
 */
PAWL_MUST_CHECK bool eng_task_expect(struct eng_task *task);

/*
 * eng_task_watch() - Have `watcher` told when the task has ended.
 *
 * Requires: the caller has a reference or a handle.
 * Returns:  false: it has ended, and nobody is told.
 * Ordering: what the watcher's owner did before is seen by who tells it.
 */
PAWL_MUST_CHECK bool eng_task_watch(struct eng_task *task, struct eng_watcher *watcher);

/*
 * eng_task_tell() - It has ended: tell all watchers, notify `done`, if anybody expects it. Once, by who made it
 * final, who has a reference.
 */
void eng_task_tell(struct eng_task *task);

/* eng_task_get() - Another reference. Requires: the caller has one, or a handle. */
void eng_task_get(struct eng_task *task);

/*
 * eng_task_try_get() - A reference to the record of an id that the caller has neither reference nor handle
 * to. Returns: false: it is over.
 */
PAWL_MUST_CHECK bool eng_task_try_get(struct eng_tasks *tasks, uint64_t id,
				      struct eng_task **ret_task);

/*
 * eng_task_put() - Give back `n` references. With the last of references and handles the value is freed
 * and the record serves another task.
 *
 * Requires: attached; the task is final before the last one goes.
 */
void eng_task_put(struct eng_tasks *tasks, struct eng_task *task, uint32_t n);

/* eng_task_keep() - Another handle. Requires: the caller has one. */
void eng_task_keep(struct eng_task *task);

/*
 * eng_task_drop() - Give back a handle. With the last one the value of a final task is freed, else
 * with the last reference.
 *
 * Returns: false: there is none.
 */
bool eng_task_drop(struct eng_tasks *tasks, struct eng_task *task);

/* What a walker does with a record: `word` was read of it, `id` is that of the task it served then. */
typedef bool eng_tasks_fn(struct eng_task *task, uint64_t word, uint64_t id, void *arg);

/*
 * eng_tasks_each() - Call fn for every record that serves a task. Those whose group was entered
 * before something that the caller has acquired are not missed. fn returns false to stop.
 */
void eng_tasks_each(struct eng_tasks *tasks, eng_tasks_fn *fn, void *arg);

/* eng_tasks_live() - How many serve a task. Exact if nothing changes. */
uint64_t eng_tasks_live(struct eng_tasks *tasks);

#endif
