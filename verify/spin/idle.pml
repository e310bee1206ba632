/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.pml - how workers go to sleep and are woken, and nothing is left lying.
 *
 * The searching-worker protocol of Go's and tokio's schedulers on an event count (D.
 * Vyukov): a worker without work of its own *searches* (counted); a push that finds a
 * searcher relies on it and wakes nobody. Hence three duties:
 *  D1  a searcher that gives up announces itself to the event count, stops counting as
 *      a searcher, looks at everything once more, and only then sleeps;
 *  D2  the last searcher that finds something wakes another before it runs it;
 *  D3  a push makes its item visible before it looks for a searcher.
 * The rule behind them: every push leaves an awake searcher or wakes a sleeper.
 *
 * A body may hold its worker until all others are done (up to WORKERS - 1 of them), so an
 * item that lies in a queue beside a sleeping worker is a deadlock here, not a delay.
 *
 * Names are those of pawl/ec.h (prepare, cancel, wait, notify) and of the runtime.
 * Loads and stores are sequentially consistent; where the code needs a fence for that,
 * a variant takes the reordering that the fence forbids.
 *
 * Checked: nothing left undone (`watch`), ltl served.
 * Broken variants:
 *	NO_RECHECK	  sleeps without the second look
 *	RECHECK_EARLY	  looks again before it announced itself
 *	SEARCHING_LATE	  stops counting as a searcher only after the second look
 *	LATE_KEY	  takes the event count's key after the second look
 *	NO_EPOCH	  a notification wakes sleepers, but does not advance the epoch
 *	NO_LAST_WAKE	  the last searcher that finds something wakes nobody
 *	NO_FENCE	  the push looks for searchers before its item is visible
 *	NO_LOCAL_WAKE	  a push to the own deque wakes nobody
 *	SKIP_STEAL	  the second look covers the lanes, not the deques of others
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef PUSHERS
#define PUSHERS 2
#endif
#ifndef PUSHES
#define PUSHES 1
#endif
#ifndef CHILDREN
#define CHILDREN 1 /* items pushed by bodies, to their own deque */
#endif
#define ITEMS (PUSHERS * PUSHES + CHILDREN)

byte lanes;		 /* items that anybody may take */
byte deque[WORKERS];	 /* items of one worker; others may steal them */
byte searching;		 /* workers that look for work */
byte ec_waiters;
byte ec_epoch;
bool asleep[WORKERS];
byte children = CHILDREN; /* not pushed yet */
byte done;
byte held;		 /* bodies that wait for all others */

inline ec_notify()
{
	if
	:: ec_waiters == 0 -> skip
	:: else ->
#ifndef NO_EPOCH
		ec_epoch++;
#endif
		/* One futex wake; a sleeper that has not gone to sleep yet sees the epoch. */
		atomic {
			if
			:: asleep[0] -> asleep[0] = false
			:: asleep[1] -> asleep[1] = false
#if WORKERS > 2
			:: asleep[2] -> asleep[2] = false
#endif
			:: else -> skip
			fi
		}
	fi
}

inline wake_one()
{
	if
	:: searching > 0 -> skip
	:: else -> ec_notify()
	fi
}

/* D3. `where` is lanes or the own deque. */
inline push(where)
{
#ifdef NO_FENCE
	if
	:: searching > 0 -> where++
	:: else ->
		if
		:: ec_waiters == 0 -> where++
		:: else -> where++; ec_notify()
		fi
	fi
#else
	where++;
	wake_one()
#endif
}

inline take(where)
{
	atomic {
		if
		:: where > 0 -> where--; found = true
		:: else -> skip
		fi
	}
}

/* Children that no body has pushed are not waited for. */
inline run_body()
{
	found = false;
	if
	:: atomic { children > 0 -> children-- };
#ifdef NO_LOCAL_WAKE
		deque[me]++
#else
		push(deque[me])
#endif
	:: skip
	fi;
	if
	:: atomic { held < WORKERS - 1 -> held++ };
		atomic { done + held + children == ITEMS -> held--; done++ }
	:: atomic { done++ }
	fi
}

proctype worker(byte me)
{
	bool found;
	bool more;
	byte key;
	byte i;
	byte left;

loop:
	take(deque[me]);
	if
	:: found -> run_body(); goto loop
	:: else -> skip
	fi;
	atomic { searching++ };
search:
	take(lanes);
	if
	:: found -> goto got
	:: else -> skip
	fi;
	i = 0;
	do
	:: i < WORKERS ->
		if
		:: i != me -> take(deque[i])
		:: else -> skip
		fi;
		if
		:: found -> goto got
		:: else -> i++
		fi
	:: else -> break
	od;

	/* D1 */
#ifdef RECHECK_EARLY
	more = lanes > 0;
	i = 0;
	do
	:: i < WORKERS -> more = more || deque[i] > 0; i++
	:: else -> break
	od;
#endif
	atomic { ec_waiters++ };
#ifndef LATE_KEY
	key = ec_epoch;
#endif
#ifndef SEARCHING_LATE
	atomic { searching-- };
#endif
#if !defined(NO_RECHECK) && !defined(RECHECK_EARLY)
	more = lanes > 0;
#ifndef SKIP_STEAL
	i = 0;
	do
	:: i < WORKERS -> more = more || deque[i] > 0; i++
	:: else -> break
	od;
#endif
#endif
#ifdef SEARCHING_LATE
	atomic { searching-- };
#endif
#ifdef LATE_KEY
	key = ec_epoch;
#endif
	if
	:: more -> skip /* ec_cancel */
	:: else ->
		/* ec_wait: the kernel compares and sleeps in one step. */
		atomic {
			if
			:: ec_epoch == key -> asleep[me] = true
			:: else -> skip
			fi
		}
end_asleep:
		!asleep[me]
	fi;
	more = false;
	atomic { ec_waiters-- };
	atomic { searching++ };
	goto search;

got:
	i = 0;
	atomic { searching--; left = searching };
#ifndef NO_LAST_WAKE
	/* D2 */
	if
	:: left == 0 -> ec_notify()
	:: else -> skip
	fi;
#endif
	left = 0;
	key = 0;
	run_body();
	goto loop
}

proctype pusher()
{
	byte n;

	do
	:: n < PUSHES -> push(lanes); n++
	:: else -> break
	od
}

/* Nobody can move: then everything is done. */
proctype watch()
{
	timeout;
	assert(done + children == ITEMS);
	assert(lanes == 0)
}

init {
	byte i;

	atomic {
		for (i : 0 .. WORKERS - 1) {
			run worker(i)
		}
		for (i : 0 .. PUSHERS - 1) {
			run pusher()
		}
		run watch()
	}
}

ltl served { <> (done + children == ITEMS) }
