/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * idle.pml - how workers go to sleep and are woken, and nothing is left lying.
 *
 * The searching-worker protocol of Go's and tokio's schedulers on a mask of sleepers;
 * engine/runtime/idle.c is built to it. A worker without work of its own *searches*
 * (counted); a push that finds a searcher relies on it and wakes nobody. Hence:
 *  D1  a searcher that gives up sets its bit, stops counting as a searcher, looks at
 *      everything once more, and only then sleeps;
 *  D2  the last searcher that finds something stops counting, looks at everything once
 *      more, and wakes another if there is more;
 *  D3  a push makes its item visible before it looks for a searcher;
 *  D4  who clears a sleeper's bit counts it as a searcher, afterwards. A sleeper whose bit is
 *      gone does not count itself. So the count may be too low for a moment, never too high.
 * The rule behind them: every push leaves an awake searcher or wakes a sleeper.
 *
 * A body may hold its worker until all others are done (up to WORKERS - 1 of them), so an
 * item that lies in a queue beside a sleeping worker is a deadlock here, not a delay.
 *
 * Loads and stores are sequentially consistent; where the code needs a fence for that,
 * a variant takes the reordering that the fence forbids.
 *
 * Checked: nothing left undone (`watch`), ltl served.
 * Broken variants:
 *	NO_RECHECK	  sleeps without the second look
 *	RECHECK_EARLY	  looks again before it set its bit
 *	SEARCHING_LATE	  stops counting as a searcher only after the second look
 *	BIT_LATE	  sets its bit after the second look
 *	NO_LAST_WAKE	  the last searcher that finds something wakes nobody
 *	LAST_LOOK_EARLY	  it looks for more before it stops counting
 *	COUNT_EARLY	  a waker counts a searcher before it has one, and takes it back
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
short searching;	 /* workers that look for work, and those chosen to */
bool asleep[WORKERS];	 /* the mask */
byte children = CHILDREN; /* not pushed yet */
byte done;
byte held;		 /* bodies that wait for all others */

/* D4: one step clears a bit, another counts. */
inline wake_any()
{
#ifdef COUNT_EARLY
	atomic { searching++ };
#endif
	atomic {
		chosen = true;
		if
		:: asleep[0] -> asleep[0] = false
		:: else ->
			if
			:: asleep[1] -> asleep[1] = false
#if WORKERS > 2
			:: !asleep[1] && asleep[2] -> asleep[2] = false
#endif
			:: else -> chosen = false
			fi
		fi
	};
#ifdef COUNT_EARLY
	atomic {
		if
		:: !chosen -> searching--
		:: else -> skip
		fi;
		chosen = false
	}
#else
	atomic {
		if
		:: chosen -> searching++
		:: else -> skip
		fi;
		chosen = false
	}
#endif
}

inline wake_one()
{
	if
	:: searching > 0 -> skip
	:: else -> wake_any()
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
		:: !asleep[0] && !asleep[1] -> where++
		:: else -> where++; wake_any()
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

/* Into `more`. */
inline look()
{
	more = lanes > 0;
#ifndef SKIP_STEAL
	i = 0;
	do
	:: i < WORKERS -> more = more || deque[i] > 0; i++
	:: else -> break
	od;
#endif
	i = 0
}

proctype worker(byte me)
{
	bool found;
	bool more;
	bool chosen;
	byte i;
	short left;

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
	look();
#endif
#ifndef BIT_LATE
	asleep[me] = true;
#endif
#ifndef SEARCHING_LATE
	atomic { searching-- };
#endif
#if !defined(NO_RECHECK) && !defined(RECHECK_EARLY)
	look();
#endif
#ifdef SEARCHING_LATE
	atomic { searching-- };
#endif
#ifdef BIT_LATE
	if
	:: !more -> asleep[me] = true
	:: else -> skip
	fi;
#endif
	if
	:: more ->
		/* A waker that was faster counts it, or has. */
		atomic {
			if
			:: asleep[me] -> asleep[me] = false; chosen = false
			:: else -> chosen = true
			fi
		};
#ifdef BIT_LATE
		chosen = false;
#endif
		if
		:: !chosen -> atomic { searching++ }
		:: else -> skip
		fi;
		chosen = false
	:: else ->
end_asleep:
		!asleep[me]
	fi;
	more = false;
	goto search;

got:
	i = 0;
#ifdef LAST_LOOK_EARLY
	look();
#endif
	atomic { searching--; left = searching };
	/* D2 */
#ifndef NO_LAST_WAKE
	if
	:: left <= 0 ->
#ifndef LAST_LOOK_EARLY
		look();
#endif
		if
		:: more -> wake_any()
		:: else -> skip
		fi
	:: else -> skip
	fi;
#endif
	more = false;
	left = 0;
	run_body();
	goto loop
}

proctype pusher()
{
	bool chosen;
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
