/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.pml - the moment of quiet, the capture, the batch, the restart.
 *
 * Operations change tasks; a snapshot saves the changed tasks as they all were at one
 * instant at which no operation ran. Each worker says in a slot of its own that it is in
 * an operation (no shared line); the snapshotter reads all slots and pays for the fence
 * that the workers leave out (membarrier).
 *
 *  1  The snapshotter first waits with the door open: it shuts it only for a look, and
 *     opens it again if anybody is inside.
 *  2  After a bound it shuts the door. New operations wait; running ones suspend at
 *     their next suspend point, and what is left of them is data (op_x, op_y). That
 *     includes a removal that retries until another operation's addition arrives: the
 *     adder may be the one that is suspended.
 *  3  The capture swaps the set of modified tasks and copies the suspended operations;
 *     nothing else. The door opens.
 *  4  The captured tasks are encoded while operations run. A writer that meets a captured
 *     task which is not encoded yet encodes its old image first.
 *  5  One atomic batch: task images and suspended operations, also if only the latter
 *     are new. If it fails the modified marks come back.
 *  6  After a restart the saved operations run together, in turn.
 *
 * The tasks: X is the child count of a parent, Y the upper count of the child. An
 * addition makes X+1 then Y+1, a removal X-1 then Y-1; the removal can begin as soon as
 * it sees X, and then has to wait for Y. A task has two halves, data and meta, that
 * change together under its lock. Quiet means X == Y.
 *
 * With SPLIT the two halves of an addition are operations of their own, so that a removal
 * may wait for an operation that has not even begun. (A death between the two is then
 * the caller's business: CRASHES=0.) With BUSY a third worker goes from one operation
 * into the next for ever, there may never be a quiet moment, and nobody calls stop; with
 * ALONE there is no removal.
 *
 * Checked: the batch is the state at one instant and nothing is lost (the assertions at
 * COMMIT against the ghost copy), none saved half (data == meta; a half-done operation
 * is in the batch), stop leaves the live state in the store, a restart ends with X == Y
 * and every operation that had begun done (recover), nobody is stuck (watch), nothing
 * is captured while an operation runs; ltl operations_go_on, snapshots_go_on.
 * Broken variants:
 *	REMOVAL_CANNOT_SUSPEND	 a removal that waits for an addition does not suspend
 *	NO_SUSPEND		 (with SPLIT) nobody suspends, the door is shut all the same
 *	REPLAY_ONE_BY_ONE	 after a restart each saved operation runs to its end alone
 *	NO_HELP			 a writer overwrites a captured task
 *	HELP_LATE		 a writer encodes after it has written
 *	FAILED_LOSES_MARKS	 a failed batch does not give the marks back
 *	ENCODE_UNLOCKED		 the encoder does not take the task's lock
 *	OPS_NOT_SAVED		 the batch leaves out the suspended operations
 *	SAVED_BY_SLOT		 saves the records of those whose slot says "suspended": one that
 *				 tries to come back at that moment is left out
 *	SKIP_IF_CLEAN		 no batch if no task changed, whoever is suspended
 *	RECORD_LATE		 says "suspended" before the remaining work is written down
 *	NO_MEMBARRIER		 a worker may look at the door before its slot is seen
 *	RESUME_UNCHECKED	 a suspended operation goes on without looking at the door again
 *	NO_NOTIFY		 whoever suspends does not tell the snapshotter
 *	LOOK_THEN_LISTEN	 the snapshotter looks at the slots before it listens
 *	STOP_UNLOCKED		 stop does not wait for a running snapshot
 *	MARK_AT_COMMIT		 the modified set is cleared after the batch, not at capture
 *	NO_BOUND		 (liveness) waits with the door open for ever
 */
#define X 0
#define Y 1

#define IDLE	  0
#define RUNNING	  1
#define SUSPENDED 2

#define OPEN   0
#define CLOSED 1

#ifdef BUSY
#define SLOTS 3 /* the third worker is never idle for long */
#else
#define SLOTS 2
#endif
#ifdef ALONE
#define OPERATORS 1
#else
#define OPERATORS 2
#endif
#ifndef ADDITIONS
#define ADDITIONS 1
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 1 /* by the background job; stop makes one more */
#endif
#ifndef DOOR_TRIES
#define DOOR_TRIES 2
#endif
#ifndef FAILURES
#define FAILURES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

/* The coordinator. */
byte slot[SLOTS];
bit door = OPEN;
bool waiting; /* the snapshotter wants to hear of those who leave or suspend */
bool drained; /* its event */
bool snapshot_in_progress;

/* The operation of each worker as saved: what is left to add to X and to Y. */
short op_x[2];
short op_y[2];
/* The same, as the worker itself knows it; a ghost of the record above. */
short left_x[2];
short left_y[2];
/* Ghost: the worker is inside. Its slot may say so a moment longer, or in vain. */
bool inside[SLOTS];

/* The tasks. */
bool lock[2];
byte data[2];
byte meta[2];
bool modified[2];
bool captured[2]; /* belongs to the running snapshot */
bool pending[2];  /* captured and not encoded yet */

/* The batch in the making, and what the store holds. */
byte batch_data[2];
byte batch_meta[2];
short batch_x[2];
short batch_y[2];
byte store_data[2];
byte store_meta[2];
short store_x[2];
short store_y[2];

/* Ghosts: the captured instant, and what a restart from the store has to reach. */
byte ghost_data[2];
byte ghost_meta[2];
byte owed; /* SPLIT: additions to Y that nobody has begun */
byte ghost_final;
byte store_final;

byte failures = FAILURES;
byte crashes = CRASHES;
bool crashed;
bool recovered;
byte finished; /* workers that have done all their operations */
byte snapshots;
bool stopped;

inline notify_drained()
{
	if
	:: waiting -> drained = true
	:: else -> skip
	fi
}

/*
 * The worker's fence is a compiler barrier: its store may become visible late, but not
 * later than the snapshotter's membarrier. Hence, with the membarrier, store and load in
 * order; without it the load may come first.
 */
inline operation_begin(w)
{
	do
	::
#ifdef NO_MEMBARRIER
		if
		:: door == OPEN -> slot[w] = RUNNING; inside[w] = true; break
		:: else -> skip
		fi;
#else
		slot[w] = RUNNING;
		if
		:: atomic { door == OPEN -> inside[w] = true }; break
		:: else -> slot[w] = IDLE; notify_drained()
		fi;
#endif
		door == OPEN
	od
}

inline operation_end(w)
{
	atomic { inside[w] = false; slot[w] = IDLE };
	notify_drained()
}

#ifdef NO_SUSPEND
#define suspend_point(w) skip
#else
inline suspend_point(w)
{
	if
	:: door == OPEN -> skip
	:: else ->
#ifndef RECORD_LATE
		atomic { op_x[w] = left_x[w]; op_y[w] = left_y[w] };
#endif
		atomic { inside[w] = false; slot[w] = SUSPENDED };
#ifdef RECORD_LATE
		atomic { op_x[w] = left_x[w]; op_y[w] = left_y[w] };
#endif
		do
		::
#ifndef NO_NOTIFY
			notify_drained();
#endif
			door == OPEN;
			slot[w] = RUNNING;
#ifdef RESUME_UNCHECKED
			inside[w] = true;
			break
#else
			if
			:: atomic { door == OPEN -> inside[w] = true }; break
			:: else -> slot[w] = SUSPENDED
			fi
#endif
		od;
		atomic { op_x[w] = 0; op_y[w] = 0 }
	fi
}
#endif

inline encode(t)
{
	batch_data[t] = data[t];
	batch_meta[t] = meta[t]
}

/* The caller holds the task's lock. */
inline task_write(t, by)
{
#ifndef HELP_LATE
	if
#ifndef NO_HELP
	:: pending[t] -> d_step { encode(t); pending[t] = false }
#endif
	:: else -> skip
	fi;
#endif
	data[t] = data[t] + by;
	meta[t] = meta[t] + by;
#ifdef HELP_LATE
	if
	:: pending[t] -> d_step { encode(t); pending[t] = false }
	:: else -> skip
	fi;
#endif
	modified[t] = true
}

#define task_lock(t)   atomic { !lock[t] -> lock[t] = true }
#define task_unlock(t) lock[t] = false

/* Adds an edge. */
proctype adder() provided (!crashed)
{
	byte n;

	do
	:: n < ADDITIONS ->
		operation_begin(0);
		atomic { left_x[0] = 1; left_y[0] = 1 };
		suspend_point(0);
		task_lock(X);
		task_write(X, 1);
		left_x[0] = 0;
		task_unlock(X);
#ifdef SPLIT
		atomic { left_y[0] = 0; owed = 1 };
		operation_end(0);
		operation_begin(0);
		atomic { left_y[0] = 1; owed = 0 };
#endif
		suspend_point(0);
		task_lock(Y);
		task_write(Y, 1);
		left_y[0] = 0;
		task_unlock(Y);
		operation_end(0);
		n++
	:: else -> break
	od;
	finished++
}

/* Removes an edge that it has seen in X, whether or not it has arrived in Y. */
proctype remover() provided (!crashed)
{
	data[X] > 0;
	operation_begin(1);
	atomic { left_x[1] = -1; left_y[1] = -1 };
	suspend_point(1);
	task_lock(X);
	task_write(X, -1);
	left_x[1] = 0;
	task_unlock(X);
	do
	::
#ifndef REMOVAL_CANNOT_SUSPEND
		suspend_point(1);
#endif
		task_lock(Y);
		if
		:: data[Y] > 0 ->
			task_write(Y, -1);
			left_y[1] = 0;
			task_unlock(Y);
			break
		:: else -> task_unlock(Y) /* the retry */
		fi;
#if defined(REMOVAL_CANNOT_SUSPEND) || defined(NO_SUSPEND)
		data[Y] > 0
#else
		/* Nothing changes until one of these does. */
		(data[Y] > 0 || door == CLOSED)
#endif
	od;
	operation_end(1);
	finished++
}

#ifdef BUSY
/* A worker that goes from one short operation into the next. */
proctype busy() provided (!crashed)
{
end_busy:
	do
	:: operation_begin(2);
		operation_end(2)
	od
}
#endif

inline look(quiet)
{
	quiet = slot[0] != RUNNING;
	quiet = quiet && slot[1] != RUNNING;
#ifdef BUSY
	quiet = quiet && slot[2] != RUNNING
#endif
}

inline begin_snapshot(quiet, tries)
{
	waiting = true;
	/* 1: the door is open. Any time may pass before and after a look. */
	do
#ifdef NO_BOUND
	:: true ->
#else
	:: break
	:: tries < DOOR_TRIES ->
		tries++;
#endif
		door = CLOSED;
		/* membarrier */
		look(quiet);
		if
		:: quiet -> break
		:: else -> door = OPEN
		fi
	od;
	tries = 0;
	/* 2: the door is shut. */
	door = CLOSED;
	do
	:: quiet -> break
	:: else ->
#ifdef LOOK_THEN_LISTEN
		look(quiet);
		drained = false;
#else
		drained = false;
		look(quiet);
#endif
		if
		:: quiet -> skip
		:: else -> drained
		fi
	od;
	waiting = false
}

#ifdef MARK_AT_COMMIT
#define captured_now(t) (captured[t] || modified[t])
#define still_modified(t) modified[t]
#else
#define captured_now(t) modified[t]
#define still_modified(t) false
#endif
#ifdef OPS_NOT_SAVED
#define saved(field, w) 0
#elif defined(SAVED_BY_SLOT)
#define saved(field, w) (slot[w] == SUSPENDED -> field[w] : 0)
#else
/* Whoever suspends writes its record before and takes it away when it is in again. */
#define saved(field, w) field[w]
#endif

inline capture_one(t)
{
	captured[t] = captured_now(t);
	modified[t] = still_modified(t);
	pending[t] = captured[t];
	ghost_data[t] = data[t];
	ghost_meta[t] = meta[t];
	batch_x[t] = saved(op_x, t);
	batch_y[t] = saved(op_y, t)
}

/* 3 */
inline capture()
{
	d_step {
		assert(!inside[0] && !inside[1]);
		assert(door == CLOSED);
		capture_one(X);
		capture_one(Y);
		assert(data[X] + left_x[0] + left_x[1] ==
		       data[Y] + left_y[0] + left_y[1] + owed);
		ghost_final = data[X] + left_x[0] + left_x[1]
	}
}

/* 4 */
inline encode_captured(t)
{
	do
	:: t < 2 ->
		if
		:: captured[t] ->
#ifdef ENCODE_UNLOCKED
			if
			:: pending[t] ->
				batch_data[t] = data[t];
				batch_meta[t] = meta[t];
				pending[t] = false
			:: else -> skip
			fi
#else
			task_lock(t);
			if
			:: pending[t] -> encode(t); pending[t] = false
			:: else -> skip
			fi;
			task_unlock(t)
#endif
		:: else -> skip
		fi;
		t++
	:: else -> break
	od;
	t = 0
}

inline commit_one(t)
{
	store_data[t] = (captured[t] -> batch_data[t] : store_data[t]);
	store_meta[t] = (captured[t] -> batch_meta[t] : store_meta[t]);
	store_x[t] = batch_x[t];
	store_y[t] = batch_y[t]
}

/* 5 */
inline commit(t, ok)
{
	if
#ifdef SKIP_IF_CLEAN
	:: !captured[X] && !captured[Y] -> ok = true; store_final = ghost_final
	:: else ->
#else
	:: true ->
#endif
		if
		:: failures > 0 -> failures--; ok = false
		:: d_step {
			ok = true;
			commit_one(X);
			commit_one(Y);
			store_final = ghost_final;
			/* COMMIT: one instant, and all that was modified since the last. */
			assert(store_data[X] == ghost_data[X] && store_data[Y] == ghost_data[Y]);
			assert(store_meta[X] == ghost_meta[X] && store_meta[Y] == ghost_meta[Y])
		}
		fi
	fi;
	do
	:: t < 2 ->
#ifdef FAILED_LOSES_MARKS
		captured[t] = false;
#else
		if
		:: !ok && captured[t] -> task_lock(t); modified[t] = true; task_unlock(t)
		:: else -> skip
		fi;
#ifdef MARK_AT_COMMIT
		if
		:: ok && captured[t] -> modified[t] = false
		:: else -> skip
		fi;
#endif
		captured[t] = false;
#endif
		t++
	:: else -> break
	od;
	t = 0
}

inline snapshot_and_persist(t, tries, quiet, ok)
{
	begin_snapshot(quiet, tries);
	capture();
	door = OPEN;
	encode_captured(t);
	commit(t, ok);
	quiet = false
}

/* The background job. */
proctype snapshotter() provided (!crashed)
{
	byte n;
	byte t;
	byte tries;
	bool quiet;
	bool ok;

	do
	:: n < SNAPSHOTS ->
		atomic { !snapshot_in_progress -> snapshot_in_progress = true };
		snapshot_and_persist(t, tries, quiet, ok);
		snapshot_in_progress = false;
		n++;
		snapshots++
	:: else -> break
	od
}

/* Stop comes when the operations have ended, but perhaps during a snapshot. */
#ifndef BUSY
proctype stop() provided (!crashed)
{
	byte t;
	byte tries;
	bool quiet;
	bool ok;

	finished == OPERATORS;
	do
	::
#ifndef STOP_UNLOCKED
		atomic { !snapshot_in_progress -> snapshot_in_progress = true };
#endif
		snapshot_and_persist(t, tries, quiet, ok);
		snapshot_in_progress = false;
		if
		:: ok -> break
		:: else -> skip
		fi
	od;
	atomic {
		assert(store_data[X] == data[X] && store_data[Y] == data[Y]);
		assert(store_meta[X] == data[X] && store_meta[Y] == data[Y]);
		assert(!store_x[0] && !store_x[1] && !store_y[0] && !store_y[1])
	};
	stopped = true
}
#endif

/*
 * 6: the process dies at any moment; the next one has the store and nothing else. It
 * works on the store's copy, which nobody else touches any more.
 */
#define step_x(w)                                                                            \
	:: store_x[w] > 0 -> store_data[X]++; store_x[w]--                                   \
	:: store_x[w] < 0 && store_data[X] > 0 -> store_data[X]--; store_x[w]++
#define step_y(w)                                                                            \
	:: !store_x[w] && store_y[w] > 0 -> store_data[Y]++; store_y[w]--                    \
	:: !store_x[w] && store_y[w] < 0 && store_data[Y] > 0 -> store_data[Y]--; store_y[w]++
#define ended(w) (!store_x[w] && !store_y[w])

#if CRASHES > 0
proctype recover()
{
end_no_crash:
	atomic {
		!stopped && crashes > 0 && (store_final > 0 || store_x[0] || store_x[1] ||
					    store_y[0] || store_y[1]) ->
		crashes--;
		crashed = true;
		assert(store_data[X] == store_meta[X] && store_data[Y] == store_meta[Y])
	};
#ifdef REPLAY_ONE_BY_ONE
	/* In the order in which they were saved, which may be any. */
	if
	:: do
		step_x(0)
		step_y(0)
		:: ended(0) -> break
	   od;
	   do
		step_x(1)
		step_y(1)
		:: ended(1) -> break
	   od
	:: do
		step_x(1)
		step_y(1)
		:: ended(1) -> break
	   od;
	   do
		step_x(0)
		step_y(0)
		:: ended(0) -> break
	   od
	fi;
#else
	do
		step_x(0)
		step_y(0)
		step_x(1)
		step_y(1)
		:: ended(0) && ended(1) -> break
	od;
#endif
	assert(store_data[X] == store_data[Y]);
	assert(store_data[X] == store_final);
	recovered = true
}
#endif

/* Nobody can move: then all is done, or the process died and the next one recovered. */
proctype watch()
{
	timeout;
	assert(stopped || recovered)
}

init {
	atomic {
		run adder();
#ifndef ALONE
		run remover();
#endif
#ifdef BUSY
		run busy();
#endif
		run snapshotter();
#ifndef BUSY
		run stop();
#endif
#if CRASHES > 0
		run recover();
#endif
		run watch()
	}
}

#ifdef BUSY
ltl operations_go_on { <> (finished == OPERATORS) }
ltl snapshots_go_on { <> (snapshots == SNAPSHOTS) }
#else
ltl operations_go_on { <> (crashed || finished == OPERATORS) }
ltl snapshots_go_on { <> (crashed || stopped) }
#endif
