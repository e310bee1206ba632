/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/group.h - who ends with whom: named groups of tasks, in a tree.
 *
 * Every task lives in one group, every group in another one, up to the runtime's root. Closing a
 * group refuses what would begin in it or below; cancelling closes it, and asks all that live
 * there to end. Both stay: a group is never opened again. When a closed group has nothing left in
 * it or below, it has drained, which is final as well; one waits for that.
 *
 * A group stays as long as something lives in it, handles or none. Dropping handles ends nobody.
 *
 *  call                                progress
 *  pawl_group_create, _put (the last)  a short critical section, allocates or frees
 *  pawl_group_get                      wait-free
 *  pawl_group_close                    grows with the groups below
 *  pawl_group_cancel, _force           grow with the groups below, and the tasks of the runtime
 *  pawl_group_wait                     blocks
 *  pawl_group_counts_read, _each       critical sections that grow with the groups below
 *  pawl_group_tasks                    grows with the tasks of the runtime; lock-free
 *
 * All need an attached thread, outside sections, no lock held.
 */
#ifndef PAWL_GROUP_H
#define PAWL_GROUP_H

#include <pawl/runtime.h>

PAWL_BEGIN_DECLS

/* What a task that fails does to others. */
enum pawl_failure_policy {
	PAWL_FAILURE_IGNORE,	      /* nothing: it is an outcome */
	PAWL_FAILURE_CANCEL_SIBLINGS, /* its group is cancelled */
	PAWL_FAILURE_ESCALATE, /* its group is cancelled, and it fails in the parent as well */
	PAWL_FAILURE_RESTART,  /* its body runs again, after a while; too often: as ESCALATE */
	PAWL_FAILURE_POLICY_COUNT
};

struct pawl_group_options {
	size_t size;	  /* sizeof(struct pawl_group_options) */
	const char *name; /* copied; NULL: "group" */
	uint64_t most;	  /* tasks and groups that live in it at one time; 0: no limit */
	enum pawl_failure_policy policy;
	/* RESTART: at most so many times in window_ns; waiting backoff_ns, twice that, ... up to the most. */
	uint32_t restarts;
	uint64_t window_ns;
	uint64_t backoff_ns;
	uint64_t backoff_most_ns;
};
#define PAWL_GROUP_OPTIONS_INIT                                                     \
	{                                                                           \
		sizeof(struct pawl_group_options), NULL, 0, PAWL_FAILURE_IGNORE, 5, \
			60000000000u, 100000000u, 10000000000u                      \
	}

/*
 * pawl_group_create() - A group below `parent`. Names need not differ: each group has a number.
 *
 * Errors:  -ESHUTDOWN: the parent is closed; -EAGAIN: it is full; -ENOMEM; -EINVAL: a name with a
 *          dot, or empty; -E2BIG: options of a later version.
 * Owns:    the caller has a handle, to be put.
 */
PAWL_API PAWL_MUST_CHECK int pawl_group_create(struct pawl_group *parent,
					       const struct pawl_group_options *options,
					       struct pawl_group **ret_group);

/* pawl_group_get() - Another handle. pawl_group_put() - Give one back. NULL is nothing. */
PAWL_API void pawl_group_get(struct pawl_group *group);
PAWL_API void pawl_group_put(struct pawl_group *group);

/* pawl_group_close() - Refuse what would begin here or below. */
PAWL_API void pawl_group_close(struct pawl_group *group);

/*
 * pawl_group_cancel() - Close, and ask all that live here and below to end. Those that have not begun
 * are final at the return, and told of, on the caller's stack: a sink that cancels nests.
 * A group without tasks stays cancelled as well.
 */
PAWL_API void pawl_group_cancel(struct pawl_group *group);

/* pawl_group_force() - The same, and unwind bodies at their next call. */
PAWL_API void pawl_group_force(struct pawl_group *group);

/* pawl_group_cancelled() - Has it, or one above, been cancelled? */
PAWL_API bool pawl_group_cancelled(const struct pawl_group *group);

/*
 * pawl_scope() - Make a group, call fn with it, close it, and wait until it has drained: nothing of
 * what fn spawned outlives the call. If fn returns an error, or the calling body is cancelled,
 * the group is cancelled before.
 *
 * Returns: what fn returned.
 * Errors:  those of pawl_group_create().
 */
PAWL_API PAWL_MUST_CHECK int pawl_scope(struct pawl_group *parent,
					const struct pawl_group_options *options,
					int (*fn)(struct pawl_group *group, void *arg),
					void *arg);

/*
 * pawl_group_wait() - Sleep until the group has drained.
 *
 * Returns: 0.
 * Errors:  -EBUSY: it is not closed, so it would not drain; -EDEADLK: the calling body lives in it;
 *          -ETIMEDOUT, -ECANCELED: as pawl_wait(). pawl_group_tasks() tells who is left.
 */
PAWL_API PAWL_MUST_CHECK int pawl_group_wait(struct pawl_group *group, uint64_t deadline_ns);

struct pawl_group_counts {
	uint64_t outcomes[PAWL_OUTCOME_COUNT]; /* how tasks ended, here and below; NONE is 0 */
	uint64_t refused;
	uint64_t live;	      /* tasks */
	uint64_t reserved[6]; /* 0 */
};

/* pawl_group_counts_read() - Sums over the tree. Exact if nothing changes. */
PAWL_API void pawl_group_counts_read(struct pawl_group *group,
				     struct pawl_group_counts *ret_counts);

/* What a task does. */
enum pawl_task_state {
	PAWL_TASK_STARTING,
	PAWL_TASK_QUEUED,
	PAWL_TASK_EXTERNAL, /* a completion: waits for its producer */
	PAWL_TASK_RUNNING,
	PAWL_TASK_WAITING, /* its body sleeps, or runs what it waits for */
	PAWL_TASK_ENDING,
	PAWL_TASK_STATE_COUNT
};

/* Bytes of a task's name in a listing, with its zero. */
#define PAWL_TASK_NAME_BYTES 64

/* All of it old when it arrives. Of one that is STARTING only the first three are known. */
struct pawl_task_info {
	pawl_task_t task;
	enum pawl_task_state state;
	bool cancelled, forced;		 /* asked to end */
	bool stuck;			 /* given up at shutdown; its body runs on */
	char name[PAWL_TASK_NAME_BYTES]; /* a copy, cut; "": none */
	enum pawl_lane lane;		 /* that it was spawned into */
	pawl_task_t parent;		 /* that spawned it; NONE: no task did */
	uint64_t group;			 /* number of the group that it lives in */
	uint64_t age_ns;		 /* since it was spawned, to some milliseconds */
	/* WAITING, for what, as the listener's note says; NULL: it says nothing. */
	const char *waits_note;
	uint64_t waits_value;
	/* WAITING, for this task by name and without a deadline; NONE: not so. */
	pawl_task_t waits_for;
	/* Since it sleeps, to some milliseconds, at least 1; 0: it runs what it waits for. */
	uint64_t waited_ns;
	uint64_t reserved[4]; /* 0 */
};

/*
 * pawl_group_tasks() - Who lives here and below.
 *
 * Returns: how many there are; of these the first `max` are written to ret_infos, which may be
 *          NULL if max is 0. A task that begins or ends meanwhile may be missing.
 */
PAWL_API size_t pawl_group_tasks(struct pawl_group *group, size_t max,
				 struct pawl_task_info *ret_infos);

enum pawl_group_state {
	PAWL_GROUP_OPEN,
	PAWL_GROUP_CLOSED, /* something lives there */
	PAWL_GROUP_DRAINED,
	PAWL_GROUP_STATE_COUNT
};

/* A group; valid during the call. */
struct pawl_group_info {
	struct pawl_group *group; /* borrowed; to be kept: pawl_group_get() */
	const char *name;
	uint64_t number, parent; /* parent 0: the root */
	unsigned depth;		 /* below the group that was asked */
	enum pawl_group_state state;
	bool cancelled, forced; /* asked to end */
	enum pawl_failure_policy policy;
	uint64_t live;			 /* tasks and groups right in it */
	uint64_t most;			 /* of them at one time; 0: no limit */
	struct pawl_group_counts counts; /* here and below */
	uint64_t reserved[4];		 /* 0 */
};

/* Returns false to stop. */
typedef bool pawl_group_fn(void *arg, const struct pawl_group_info *info);

/*
 * pawl_group_each() - This group and those below, parents first. One that is made or goes
 * meanwhile may be missing.
 *
 * Context: fn is called with no lock held, and may call anything.
 */
PAWL_API void pawl_group_each(struct pawl_group *group, pawl_group_fn *fn, void *arg);

/*
 * pawl_group_path() - "runtime.build.compile#17": names from the root down, and the group's number.
 *
 * Returns: the whole length, as snprintf() does; at most len - 1 bytes and a zero are written.
 */
PAWL_API size_t pawl_group_path(struct pawl_group *group, char *buf, size_t len);

PAWL_END_DECLS

#endif
