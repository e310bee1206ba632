/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shutdown.pml - groups of tasks: spawn, close, cancel, wait, force, all at once.
 *
 * Groups form a chain here (root 0, its child 1, and 2, which is made under 1 while the
 * rest goes on). Task t belongs to group t.
 *
 *  - A group's state and the count of what lives in it (tasks, child groups) are one
 *    word: registering a task is refused or counted, never between. A child group is
 *    one unit in its parent until it has drained, so a drained root means that nothing
 *    lives anywhere below.
 *  - Closing goes down the tree. A group that is being made while its parent closes looks
 *    at the parent once more when it can be found.
 *  - Cancelling is latched in the group and inherited by looking up. It wakes the bodies
 *    that wait; a body registers before it looks.
 *  - An outcome is written once, by compare-exchange; the first wins. A body's last
 *    touch of its group is leave(), after the outcome.
 *  - shutdown = close, cancel, wait with a deadline, force, wait, name the stuck. Force
 *    ends tasks that have not started, unwinds bodies at their next call, and says
 *    STUCK of those that do not call: their handles are final, their group is not drained.
 *
 * Task 0 (with TASK_0) runs and ends. Task 1 waits for an external completion, which
 * comes or never comes. Task 2 ends, or runs on until it calls in, or does not call in
 * before the report. All together are too many states; the runs take GROW (group and
 * task 2) or WAITERS (a joiner, somebody who waits for the root, a second shutdown).
 *
 * Checked: nothing runs in a drained group, one outcome per task, the report adds up, no
 * waiter is left (watch: joiner, waiter, second caller, parked body), a second shutdown
 * gets the same report; ltl shutdown_ends.
 * Broken variants:
 *	CLOSE_NOT_ATOMIC	 registering looks at the state, then counts
 *	NO_RECHECK_LINK		 a group made meanwhile does not look at its parent again
 *	CLOSE_TOP_ONLY		 closing does not go down
 *	NO_HOLD			 a child group is no unit of its parent
 *	CANCEL_NOT_LATCHED	 cancelling wakes who waits now and leaves no mark
 *	CANCEL_OWN_ONLY		 the mark of the parent is not looked at
 *	LOOK_THEN_LISTEN	 a body looks for its completion, then registers
 *	JOIN_LOOK_THEN_LISTEN	 so does a joiner
 *	DRAIN_LOOK_THEN_LISTEN	 so does who waits for the group
 *	LEAVE_EARLY		 a body leaves its group before its last step
 *	OVERWRITE		 an outcome is stored, not compare-exchanged
 *	FORCE_CLEARS		 force counts the tasks out itself
 *	STUCK_LEAVES		 the stuck are counted out
 *	STUCK_NO_NOTIFY		 saying STUCK does not wake who joins
 *	SECOND_REPORTS		 a second shutdown does not wait for the first one's report
 */
#define GROUPS 3
#define TASKS  3

#define GROUP_ABSENT  0
#define GROUP_OPEN    1
#define GROUP_CLOSING 2
#define GROUP_DRAINED 3

#define TASK_ABSENT  0
#define TASK_QUEUED  1
#define TASK_RUNNING 2
#define TASK_ENDED   3
#define TASK_REFUSED 4

#define NONE	  0
#define COMPLETED 1
#define CANCELLED 2
#define ABORTED	  3
#define STUCK	  4

#define TASK_EXTERNAL 1
#define TASK_LONG     2

/* Group words. */
byte group_state[GROUPS];
byte live[GROUPS];
bool cancel[GROUPS];
bool force[GROUPS];

/* Tasks. A registered task is in the table; the run queue may hold it a moment later. */
byte task_state[TASKS];
byte outcome[TASKS];
bool run_queue[TASKS];

/* Listeners: of the external completion, of an outcome, of the root's end. */
bool body_listens;
bool body_woken;
bool external_done;
bool join_listens;
bool join_woken;
bool drain_listens[2]; /* shutdown, waiter */
bool drain_woken[2];

bool shutting_down; /* somebody has called shutdown */
bool reported;
byte reports[5];   /* outcomes by kind */
bool joined;
bool waited;
bool second_done;
byte spawners = 2; /* still at it */

#ifdef CANCEL_NOT_LATCHED
#define cancelled(g) false
#define forced(g)    false
#elif defined(CANCEL_OWN_ONLY)
#define cancelled(g) cancel[g]
#define forced(g)    force[g]
#else
#define cancelled(g) (cancel[0] || (g > 0 && cancel[1]) || (g > 1 && cancel[2]))
#define forced(g)    (force[0] || (g > 0 && force[1]) || (g > 1 && force[2]))
#endif

inline drain_notify()
{
	if
	:: drain_listens[0] -> drain_woken[0] = true
	:: else -> skip
	fi;
	if
	:: drain_listens[1] -> drain_woken[1] = true
	:: else -> skip
	fi
}

/* Goes up while the last one out closes the group behind it. */
inline leave(g)
{
	up = g;
	do
	:: atomic {
		assert(live[up] > 0);
		live[up]--;
		if
		:: live[up] == 0 && group_state[up] == GROUP_CLOSING ->
			group_state[up] = GROUP_DRAINED
		:: else -> goto_up = false
		fi;
		goto_up = (group_state[up] == GROUP_DRAINED)
	   };
		if
		:: !goto_up -> break
		:: goto_up && up == 0 -> drain_notify(); break
#ifdef NO_HOLD
		:: goto_up && up > 0 -> break
#else
		:: goto_up && up > 0 -> up--
#endif
		fi
	od;
	up = 0;
	goto_up = false
}

inline close_one(g)
{
	atomic {
		if
		:: group_state[g] == GROUP_OPEN ->
			/* Its own unit keeps the word from draining under us. */
			group_state[g] = GROUP_CLOSING;
			live[g]++;
			closed = true
		:: else -> closed = false
		fi
	};
	if
	:: closed -> leave(g)
	:: else -> skip
	fi
}

/* First terminal write wins; then the group is left, and not touched again. */
inline finish(t, o)
{
#ifdef OVERWRITE
	if
	:: outcome[t] == NONE -> won = true
	:: else -> won = false
	fi;
	if
	:: won -> assert(outcome[t] == NONE); outcome[t] = o
	:: else -> skip
	fi;
#else
	atomic {
		won = (outcome[t] == NONE);
		outcome[t] = (won -> o : outcome[t])
	};
#endif
	if
	:: won && t == TASK_EXTERNAL && join_listens -> join_woken = true
	:: else -> skip
	fi;
	won = false
}

inline body_step(t)
{
	assert(group_state[t] != GROUP_DRAINED && group_state[0] != GROUP_DRAINED)
}

inline task_leave(t)
{
#ifndef LEAVE_EARLY
	body_step(t);
	leave(t)
#else
	skip
#endif
}

inline run_task(t)
{
	if
	:: atomic { task_state[t] == TASK_QUEUED -> task_state[t] = TASK_RUNNING };
#ifdef LEAVE_EARLY
		leave(t);
#endif
		/* Cancelled before the first step: the body does not run. */
		if
		:: cancelled(t) -> finish(t, CANCELLED)
		:: else ->
			body_step(t);
			if
			:: t == TASK_EXTERNAL -> wait_external(t)
			:: t == TASK_LONG -> run_long(t)
			:: else -> finish(t, COMPLETED)
			fi
		fi;
		task_leave(t)
	:: else -> skip /* ended before it started */
	fi
}

inline wait_external(t)
{
#ifdef LOOK_THEN_LISTEN
	if
	:: external_done || cancelled(t) -> skip
	:: else -> body_listens = true;
		body_woken
	fi;
#else
	body_listens = true;
	if
	:: external_done || cancelled(t) -> skip
	:: else -> body_woken
	fi;
#endif
	body_listens = false;
	/* What has come counts, even if a cancellation came too. */
	if
	:: external_done -> finish(t, COMPLETED)
	:: else ->
		if
		:: forced(t) -> finish(t, ABORTED)
		:: else -> finish(t, CANCELLED)
		fi
	fi
}

inline run_long(t)
{
	if
	:: finish(t, COMPLETED)
	:: cancelled(t) ->
		/* Calls in some time after it was cancelled. */
		body_step(t);
		if
		:: forced(t) -> finish(t, ABORTED)
		:: else -> finish(t, CANCELLED)
		fi
	:: reported -> body_step(t); finish(t, COMPLETED)
	fi
}

proctype worker()
{
	bool won;
	bool goto_up;
	byte up;

end_worker:
	do
	:: atomic { run_queue[0] -> run_queue[0] = false }; run_task(0)
	:: atomic { run_queue[1] -> run_queue[1] = false }; run_task(1)
	:: atomic { run_queue[2] -> run_queue[2] = false }; run_task(2)
	od
}

inline spawn(t)
{
#ifdef CLOSE_NOT_ATOMIC
	if
	:: group_state[t] == GROUP_OPEN ->
		atomic { live[t]++; task_state[t] = TASK_QUEUED };
		run_queue[t] = true
	:: else -> task_state[t] = TASK_REFUSED
	fi
#else
	atomic {
		if
		:: group_state[t] == GROUP_OPEN -> live[t]++; task_state[t] = TASK_QUEUED
		:: else -> task_state[t] = TASK_REFUSED
		fi
	};
	if
	:: task_state[t] != TASK_REFUSED -> run_queue[t] = true
	:: else -> skip
	fi
#endif
}

proctype spawner()
{
	spawn(TASK_EXTERNAL);
#ifdef TASK_0
	spawn(0);
#endif
	spawners--
}

/* Makes group 2 under group 1 and spawns into it. */
proctype grower()
{
	bool goto_up;
	bool closed;
	bool may;
	byte up;

	atomic {
		may = (group_state[1] == GROUP_OPEN);
#ifndef NO_HOLD
		live[1] = (may -> live[1] + 1 : live[1])
#endif
	};
	if
	:: may ->
		/* From here on it can be found. */
		group_state[2] = GROUP_OPEN;
#ifndef NO_RECHECK_LINK
		if
		:: group_state[1] != GROUP_OPEN -> close_one(2)
		:: else -> skip
		fi;
#endif
		spawn(2)
	:: else -> task_state[2] = TASK_REFUSED
	fi;
	spawners--
}

/* Completes task 1 from outside, or forgets to. */
proctype external()
{
	if
	:: external_done = true;
		if
		:: body_listens -> body_woken = true
		:: else -> skip
		fi
	:: skip
	fi
}

proctype joiner()
{
	task_state[TASK_EXTERNAL] != TASK_ABSENT;
	if
	:: task_state[TASK_EXTERNAL] == TASK_REFUSED -> skip
	:: else ->
#ifdef JOIN_LOOK_THEN_LISTEN
		if
		:: outcome[TASK_EXTERNAL] != NONE -> skip
		:: else -> join_listens = true;
			join_woken
		fi;
#else
		join_listens = true;
		if
		:: outcome[TASK_EXTERNAL] != NONE -> skip
		:: else -> join_woken
		fi;
#endif
		assert(outcome[TASK_EXTERNAL] != NONE)
	fi;
	joined = true
}

/* Waits for the end of the root, however long. */
proctype waiter()
{
#ifdef DRAIN_LOOK_THEN_LISTEN
	if
	:: group_state[0] == GROUP_DRAINED || reported -> skip
	:: else -> drain_listens[1] = true;
		drain_woken[1]
	fi;
#else
	drain_listens[1] = true;
	if
	:: group_state[0] == GROUP_DRAINED || reported -> skip
	:: else -> drain_woken[1]
	fi;
#endif
	assert(group_state[0] == GROUP_DRAINED || reported);
	waited = true
}

inline cancel_task(t)
{
	if
	:: t == TASK_EXTERNAL && body_listens -> body_woken = true
	:: else -> skip
	fi
}

inline force_task(t)
{
	if
	:: atomic { task_state[t] == TASK_QUEUED -> task_state[t] = TASK_ENDED };
		finish(t, CANCELLED);
		leave(t)
	:: else -> skip
	fi;
#ifdef FORCE_CLEARS
	if
	:: task_state[t] == TASK_RUNNING && outcome[t] == NONE -> leave(t)
	:: else -> skip
	fi;
#endif
	cancel_task(t)
}

inline name_stuck(t)
{
	if
	:: task_state[t] == TASK_RUNNING ->
#ifdef STUCK_NO_NOTIFY
		atomic { outcome[t] = (outcome[t] == NONE -> STUCK : outcome[t]) };
#else
		finish(t, STUCK);
#endif
		stuck = stuck || outcome[t] == STUCK;
#ifdef STUCK_LEAVES
		if
		:: outcome[t] == STUCK -> leave(t)
		:: else -> skip
		fi
#endif
	:: else -> skip
	fi
}

#define count(t) reports[outcome[t]]++

proctype shutdown()
{
	bool won;
	bool goto_up;
	bool closed;
	bool stuck;
	byte up;

	atomic { assert(!shutting_down); shutting_down = true };
	/* close */
	close_one(0);
#ifndef CLOSE_TOP_ONLY
	close_one(1);
	close_one(2);
#endif
	/* cancel */
	cancel[0] = true;
	cancel_task(TASK_EXTERNAL);
	/* wait, with a deadline */
	drain_listens[0] = true;
	if
	:: group_state[0] == GROUP_DRAINED -> goto drained
	:: else ->
		if
		:: drain_woken[0] -> goto drained
		:: skip /* the deadline is over */
		fi
	fi;
	/* force */
	force[0] = true;
	force_task(0);
	force_task(1);
	force_task(2);
	if
	:: group_state[0] == GROUP_DRAINED -> goto drained
	:: else ->
		if
		:: drain_woken[0] -> goto drained
		:: skip
		fi
	fi;
	name_stuck(0);
	name_stuck(1);
	name_stuck(2);
	if
	:: stuck -> goto report
	:: else -> skip
	fi;
	/* All outcomes are there; whoever wrote the last one is on its way out. */
	if
	:: group_state[0] == GROUP_DRAINED -> skip
	:: else -> drain_woken[0]
	fi;
drained:
	assert(group_state[0] == GROUP_DRAINED);
	assert(live[0] == 0 && live[1] == 0 && live[2] == 0);
report:
	atomic {
		count(0);
		count(1);
		count(2);
		/* Each task that was not refused has its one outcome. */
		assert(reports[NONE] == (task_state[0] == TASK_ABSENT) + (task_state[1] == TASK_ABSENT) +
		       (task_state[2] == TASK_ABSENT) + (task_state[0] == TASK_REFUSED) +
		       (task_state[1] == TASK_REFUSED) + (task_state[2] == TASK_REFUSED));
		assert(group_state[0] == GROUP_DRAINED || reports[STUCK] > 0);
		reported = true
	};
	drain_notify()
}

/* Another caller of shutdown. */
proctype second()
{
	shutting_down;
#ifndef SECOND_REPORTS
	reported;
#endif
	assert(reports[NONE] + reports[COMPLETED] + reports[CANCELLED] + reports[ABORTED] +
	       reports[STUCK] == TASKS);
	second_done = true
}

/* Nobody can move: every waiter is out, and no body waits. */
proctype watch()
{
	timeout;
	assert(reported && joined && waited && second_done);
	assert(!body_listens);
	assert(spawners == 0)
}

init {
	atomic {
		group_state[0] = GROUP_OPEN;
		group_state[1] = GROUP_OPEN;
#ifndef NO_HOLD
		live[0] = 1;
#endif
		run spawner();
		run worker();
#if defined(GROW) || defined(TASK_0)
		run worker();
#endif
		run external();
		run shutdown();
#ifdef GROW
		run grower();
#else
		spawners--;
#endif
#ifdef WAITERS
		run joiner();
		run waiter();
		run second();
#else
		joined = true;
		waited = true;
		second_done = true;
#endif
		run watch()
	}
}

ltl shutdown_ends { <> reported }
