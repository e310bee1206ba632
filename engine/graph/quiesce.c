/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quiesce.c - slots of operations, a door, and moments at which nobody is inside.
 *
 * Each thread has a slot, on a line of its own; it says there that it runs an operation, and then looks at the
 * door. Who wants a moment shuts the door, and then looks at the slots. One of the two must see the other, for which
 * each needs a fence between its store and its loads. Entering happens all the time and moments are rare, so
 * it is these that pay for both, with membarrier(2), which is a fence on every thread; entering has only to keep the
 * compiler from changing the order. Where the kernel refuses membarrier all have fences of their own, at once or from
 * the moment on at which a filter of system calls that came later does.
 *
 * First the door is shut only for a look, and opened again if somebody is inside: what is inside may need an
 * operation that has not begun yet. After some such looks it stays shut: who comes waits, and who is inside
 * suspends itself at its next point, as does a removal that tries again and again until another operation has added
 * what it is to remove, for that other one may be suspended. Whatever else an operation may wait for (memory, room for
 * a task) may hang on others that have to come in, so the door does not stay shut for longer than `shut_ns`:
 * then all begins anew.
 *
 * Invariants:
 *  I1 `running` is written by its slot's thread alone, but for none.
 *  I2 with the door shut, and the fence behind it, a slot that was seen not running has nobody inside until the door
 *     is opened: its thread may say so again, but looks at the door next and takes it back. So each slot is looked
 *     at until it is seen so once, one after the other.
 *  I3 who is inside has `op`; who is suspended has `suspended` instead, from before its slot says so until after it
 *     is inside again. So whoever tries to come back at the moment of the picture is in it. Who has the moment
 *     has the whole as its `op`.
 *  I4 whoever stops running with the door shut wakes who shut it, also if it was not inside.
 *  I5 who has `one` shuts and opens the door, and writes the second part. Whoever waits for operations sets WATCHED in
 *     its word, and who leaves takes that away, and wakes all who do: those that are not done set it again.
 *  I6 the rest of `running` counts how often its thread has left: an operation is over when that is another number.
 *
 * Ordering:
 *  O1 enter, leave and point: running is stored, then the door loaded; shut_door(): the door is stored, then each
 *     running loaded. Fence on the one side: none but the compiler's, with membarrier on the other; or a
 *     Dekker fence on both. The same for who stops running and then loads the waiter, which is stored before the
 *     door: else nobody wakes the one who waits for it.
 *  O2 running is given up with release and looked at with acquire: what was done inside, and op and suspended, are
 *     seen at the moment.
 *  O3 the door is opened with release, and found open with acquire by who enters or comes back: what was done
 *     at the moment is seen.
 *  O4 slots are published with release and found with acquire; that one is there, and below the limit, is
 *     seen by O1, since it was before it first ran.
 *  O5 the waiter is stored before the door is shut, with release, and loaded after it was found shut, with acquire:
 *     then it is that one, or a later one, which bears being woken for nothing.
 *  O6 fenced is set before a fence on every thread (fence_otherwise()): who has stored running before that one is seen,
 *     who stores it after that sees fenced, and has a fence of its own.
 *
 *  O7 watch: WATCHED is set, then each running loaded, with the fence of O1 in between: who leaves and does not
 *     see it is seen to have left. Everyone has a fence of his own behind his setting it: that of another
 *     one may come too late. The round is loaded before, which a release keeps there: a round that ends because of this
 *     WATCHED is another one.
 *
 * Rejected: one word with a count and a bit (a contended line for each operation); a gate (lib: its entry is a
 * locked instruction, and it has no points); telling of each leave while the door is open (a nap is shorter than what
 * it saves).
 *
 * Model: verify/spin/snapshot.pml, its points 1 to 3. Scenarios: verify/t-quiesce.c.
 */
#include "config.h"

#include "quiesce.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/thread.h>

/* The library's own threads have the number after the last. */
#define SLOTS	       (PAWL_THREADS_MAX + 1)
#define MEMORY_WAIT_NS 1000000u
#define SETTLE_NS      20000000u

enum running { IDLE, RUNNING, SUSPENDED, STATE = 3, LEFT_ONE = 4 };
enum door { OPEN, SHUT, WATCHED };
/* Does each thread have fences of its own? ALWAYS: from the beginning; FENCED: since membarrier was refused later. */
enum fenced { UNFENCED, FENCED, ALWAYS };

struct eng_quiesce_slot {
	/* enum running, and how often it was left. I1, I2, I6 */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u32 running;
	/* I3: the thread's; others read them at a moment, O2. */
	void *op, *suspended;
	/* Statistics. Relaxed; written by the thread. */
	struct pawl_atomic_u64 suspensions, turned_off;
};
PAWL_STATIC_ASSERT(sizeof(struct eng_quiesce_slot) == PAWL_LINE_BYTES, "a slot is one line");

struct eng_quiesce {
	/* Read by all, written for moments and by who waits. Bits of enum door: I5, O1, O3 */
	struct pawl_atomic_u32 door;
	/* enum fenced. O6 */
	struct pawl_atomic_u32 fenced;
	struct eng_quiesce_options options;
	/* Somebody has, or waits for, his moment. Threads sleep here; nobody who is inside does. */
	PAWL_ALIGNED(PAWL_LINE_BYTES) pthread_mutex_t one;
	struct pawl_atomic_ptr waiter; /* the thread of who has it. I4, I5, O5 */
	struct pawl_event opened;      /* the door is open */
	struct pawl_event left;	       /* somebody left who was waited for */
	struct pawl_atomic_u32 rounds; /* how often that was. O7 */
	/* Statistics. Relaxed; written by who has `one`. */
	struct pawl_atomic_u64 moments, at_once, reopens, longest_ns;
	uint64_t shut_at_ns; /* by who has `one` */

	/* Of threads by number, each made by itself or beforehand, and all of them below the limit. They stay. O4 */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u32 limit;
	struct pawl_atomic_ptr slots[SLOTS];
};

/* ---- fences -------------------------------------------------------------------------- */

/* O1, the frequent side. */
static inline void fence_mine(const struct eng_quiesce *quiesce)
{
	/* Relaxed: O6. */
	if (PAWL_UNLIKELY(pawl_load_relaxed(&quiesce->fenced)))
		pawl_fence_dekker();
	else
		__asm__ __volatile__("" ::: "memory");
}

static void nap(uint64_t ns)
{
	const struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	if (ns)
		nanosleep(&time, NULL);
}

/*
 * Runs on each processor once: whoever runs there is switched off for that, which is a fence. Processors where this
 * thread may not run (EINVAL) are none of the others' either. Returns: false: that was refused as well.
 */
static bool visit_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t before, one;
	bool visited =
		n > 0 && n <= CPU_SETSIZE && !sched_getaffinity(0, sizeof(before), &before);

	for (long i = 0; visited && i < n; i++) {
		CPU_ZERO(&one);
		CPU_SET((size_t)i, &one);
		visited = !sched_setaffinity(0, sizeof(one), &one) || errno == EINVAL;
	}
	return visited && !sched_setaffinity(0, sizeof(before), &before);
}

/* Processors may not be chosen either: what is in the store buffers of others is there long before this is over. */
static void settle(void)
{
	pawl_fence_dekker();
	nap(SETTLE_NS);
	pawl_fence_dekker();
}

/*
 * membarrier was refused: from now on all have fences of their own, and who needs one on every thread visits them: each
 * time, since his own is not enough before the visits of another one are over, and nobody can say when that was.
 */
static PAWL_NOINLINE void fence_otherwise(struct eng_quiesce *quiesce)
{
	uint32_t none = UNFENCED;

	(void)pawl_cas_relaxed(&quiesce->fenced, &none, FENCED);
	/* Whoever was switched off comes after what this thread did before, and before what it does next. */
	if (PAWL_MC_STEP("visit") && !visit_processors())
		settle();
}

/* O1, the rare side. */
static void fence_all(struct eng_quiesce *quiesce)
{
	/* Relaxed: from the beginning, or O6. */
	uint32_t fenced = pawl_load_relaxed(&quiesce->fenced);

	if (fenced == ALWAYS)
		pawl_fence_dekker();
	else if (fenced == FENCED ||
		 (PAWL_MC_STEP("membarrier") &&
		  syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)))
		/* It was registered: this is a filter that came later. */
		fence_otherwise(quiesce);
}

static bool membarrier_register(void)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
	       !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

/* ---- slots --------------------------------------------------------------------------- */

/* Nobody else makes that one. Returns: false: there is no memory. */
static bool slot_make(struct eng_quiesce *quiesce, uint32_t number)
{
	uint32_t limit = pawl_load_relaxed(&quiesce->limit);
	struct eng_quiesce_slot *slot = pawl_mem_zalloc(sizeof(*slot), PAWL_LINE_BYTES);

	if (!slot)
		return false;
	pawl_store_release(&quiesce->slots[number], slot); /* O4 */
	/* Lock-free: a failed exchange means that somebody raised it. */
	while (limit <= number && !pawl_cas_weak_relaxed(&quiesce->limit, &limit, number + 1))
		;
	return true;
}

/* Of the thread with that number. NULL: there is none yet. */
static inline struct eng_quiesce_slot *slot_of(struct eng_quiesce *quiesce, uint32_t number)
{
	return pawl_load_acquire(&quiesce->slots[number]); /* O4 */
}

/* From *at on, which it moves behind it; 0 to begin with. Returns: NULL: the end. */
static struct eng_quiesce_slot *slot_next(struct eng_quiesce *quiesce, uint32_t *at)
{
	/* Relaxed: O4. */
	uint32_t limit = pawl_load_relaxed(&quiesce->limit);

	while (*at < limit) {
		struct eng_quiesce_slot *slot = slot_of(quiesce, (*at)++);

		if (slot)
			return slot;
	}
	return NULL;
}

/* ---- being inside -------------------------------------------------------------------- */

static bool is_shut(const struct eng_quiesce *quiesce)
{
	return pawl_load_acquire(&quiesce->door) & SHUT; /* O3 */
}

/* The thread's own word, to this state. */
static inline uint32_t in_state(const struct eng_quiesce_slot *slot, enum running state)
{
	/* Relaxed: I1. */
	return (pawl_load_relaxed(&slot->running) & ~(uint32_t)STATE) | state;
}

/* I4. The door was seen to be shut. */
static void tell(struct eng_quiesce *quiesce)
{
	/* Relaxed: O5. */
	if (PAWL_MC_STEP("tell"))
		pawl_unpark(pawl_load_relaxed(&quiesce->waiter));
}

/* The door is shut: not to run, for `how`, until it is open. */
static void rest(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot, enum running how)
{
	struct pawl_waiter *before = pawl_waiter_set(NULL);
	struct pawl_listener listener;

	do {
		pawl_store_release(&slot->running, in_state(slot, how)); /* O2 */
		fence_mine(quiesce);
		tell(quiesce);
		pawl_event_listen(&quiesce->opened, &listener, "a moment of quiet", 0);
		if (is_shut(quiesce))
			pawl_event_wait(&listener);
		else
			pawl_event_unlisten(&listener);
		pawl_store_relaxed(&slot->running, in_state(slot, RUNNING));
		fence_mine(quiesce);
	} while (PAWL_MC_STEP("look-again") && is_shut(quiesce));
	(void)pawl_waiter_set(before);
}

/* Its owner alone adds. */
static void count(struct pawl_atomic_u64 *counter)
{
	pawl_store_relaxed(counter, pawl_load_relaxed(counter) + 1);
}

static PAWL_NOINLINE struct eng_quiesce_slot *turned_off(struct eng_quiesce *quiesce, void *op,
							 struct eng_quiesce_slot *slot)
{
	count(&slot->turned_off);
	rest(quiesce, slot, IDLE);
	slot->op = op;
	return slot;
}

static PAWL_NOINLINE struct eng_quiesce_slot *enter_first(struct eng_quiesce *quiesce, void *op)
{
	while (!slot_make(quiesce, pawl_thread_slot()))
		nap(MEMORY_WAIT_NS);
	return eng_quiesce_enter(quiesce, op);
}

struct eng_quiesce_slot *eng_quiesce_enter(struct eng_quiesce *quiesce, void *op)
{
	struct eng_quiesce_slot *slot = slot_of(quiesce, pawl_thread_slot());

	if (PAWL_UNLIKELY(!slot))
		return enter_first(quiesce, op);
	if (PAWL_UNLIKELY(slot->op))
		return NULL;
	/* Relaxed: O1 and O3 order what comes next. */
	pawl_store_relaxed(&slot->running, in_state(slot, RUNNING));
	fence_mine(quiesce);
	if (PAWL_UNLIKELY(is_shut(quiesce)))
		return turned_off(quiesce, op, slot);
	slot->op = op;
	return slot;
}

/* The door was not just open. */
static PAWL_NOINLINE void tell_left(struct eng_quiesce *quiesce, uint32_t door)
{
	if (door & SHUT)
		tell(quiesce);
	if (!(door & WATCHED))
		return;
	/* Relaxed: what was done is behind `running` (O2); the event has its own. */
	pawl_and_relaxed(&quiesce->door, ~(uint32_t)WATCHED);
	pawl_add_relaxed(&quiesce->rounds, 1u);
	pawl_event_notify_all(&quiesce->left);
}

void eng_quiesce_leave(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot)
{
	uint32_t door;

	if (PAWL_UNLIKELY(!slot))
		return;
	slot->op = NULL;
	pawl_store_release(&slot->running, in_state(slot, IDLE) + LEFT_ONE); /* O2, I6 */
	fence_mine(quiesce);
	door = pawl_load_acquire(&quiesce->door); /* O5 */
	if (PAWL_UNLIKELY(door != OPEN))
		tell_left(quiesce, door);
}

static PAWL_NOINLINE void suspend(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot)
{
	count(&slot->suspensions);
	/* I3 */
	slot->suspended = slot->op;
	slot->op = NULL;
	rest(quiesce, slot, SUSPENDED);
	slot->op = slot->suspended;
	slot->suspended = NULL;
}

void eng_quiesce_point(struct eng_quiesce *quiesce, struct eng_quiesce_slot *slot)
{
	if (PAWL_UNLIKELY(is_shut(quiesce)) && slot)
		suspend(quiesce, slot);
}

bool eng_quiesce_is_shut(const struct eng_quiesce *quiesce)
{
	return is_shut(quiesce);
}

bool eng_quiesce_is_inside(struct eng_quiesce *quiesce)
{
	const struct eng_quiesce_slot *slot = slot_of(quiesce, pawl_thread_slot());

	return slot && slot->op;
}

/* ---- waiting for operations ---------------------------------------------------------- */

/* The next one that is under way, from *at on, as `running` has it. Returns: NULL: none. */
static struct eng_quiesce_slot *inside_next(struct eng_quiesce *quiesce, uint32_t *at,
					    uint32_t *ret_left)
{
	struct eng_quiesce_slot *slot;

	while ((slot = slot_next(quiesce, at))) {
		uint32_t word = pawl_load_acquire(&slot->running); /* O2 */

		*ret_left = word & ~(uint32_t)STATE;
		if ((word & STATE) != IDLE)
			break;
	}
	return slot;
}

static bool is_over(const struct eng_quiesce_watch *watch)
{
	uint32_t word = pawl_load_acquire(&watch->slot->running); /* O2 */

	return (word & STATE) == IDLE || (word & ~(uint32_t)STATE) != watch->left;
}

bool eng_quiesce_watch(struct eng_quiesce_watch *watch)
{
	struct eng_quiesce *quiesce = watch->quiesce;
	uint32_t at = watch->at, left;

	if (watch->slot && is_over(watch))
		watch->slot = NULL;
	/* Who has nobody to wait for needs no fence. */
	if (!watch->slot && !inside_next(quiesce, &at, &left))
		return false;
	watch->round = pawl_load_relaxed(&quiesce->rounds);
	pawl_or_release(&quiesce->door, WATCHED); /* O7 */
	fence_all(quiesce);
	if (!watch->slot)
		watch->slot = inside_next(quiesce, &watch->at, &watch->left);
	return watch->slot;
}

bool eng_quiesce_is_past(const void *arg)
{
	const struct eng_quiesce_watch *watch = arg;

	/* Relaxed: the next round looks again. */
	return is_over(watch) || pawl_load_relaxed(&watch->quiesce->rounds) != watch->round;
}

struct pawl_event *eng_quiesce_left(struct eng_quiesce *quiesce)
{
	return &quiesce->left;
}

/* No fence: who has entered is seen, by the lock of what he has changed, where that is (O4 of slots as well). */
bool eng_quiesce_is_alone(struct eng_quiesce *quiesce, const struct eng_quiesce_slot *mine,
			  uint64_t *ret_left)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	*ret_left = 0;
	while ((slot = slot_next(quiesce, &at))) {
		uint32_t word = pawl_load_acquire(&slot->running); /* O2 */

		if (slot == mine)
			continue;
		if ((word & STATE) != IDLE)
			return false;
		*ret_left += word;
	}
	return true;
}

/* ---- moments ------------------------------------------------------------------------- */

static bool is_running(const struct eng_quiesce_slot *slot)
{
	return (pawl_load_acquire(&slot->running) & STATE) == RUNNING; /* O2 */
}

static void shut_door(struct eng_quiesce *quiesce)
{
	quiesce->shut_at_ns = pawl_now_ns();
	pawl_or_release(&quiesce->door, SHUT); /* O5 */
	fence_all(quiesce);
}

static void open_door(struct eng_quiesce *quiesce)
{
	uint64_t ns;

	pawl_and_release(&quiesce->door, ~(uint32_t)SHUT); /* O3 */
	ns = pawl_now_ns() - quiesce->shut_at_ns;
	if (ns > pawl_load_relaxed(&quiesce->longest_ns))
		pawl_store_relaxed(&quiesce->longest_ns, ns);
	pawl_event_notify_all(&quiesce->opened);
}

/* One look, with the door shut. */
static bool is_quiet(struct eng_quiesce *quiesce)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	while ((slot = slot_next(quiesce, &at))) {
		if (is_running(slot))
			return false;
	}
	return true;
}

/* Returns: false: the deadline was over, and it runs still. */
static bool wait_resting(const struct eng_quiesce_slot *slot, uint64_t deadline_ns)
{
	while (is_running(slot)) {
		if (!pawl_park_until(deadline_ns))
			return !is_running(slot);
	}
	return true;
}

/* With the door shut. I2 */
static bool wait_quiet(struct eng_quiesce *quiesce, uint64_t deadline_ns)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	while ((slot = slot_next(quiesce, &at))) {
		if (!wait_resting(slot, deadline_ns))
			return false;
	}
	return true;
}

/* Until nobody is inside and the door is shut. */
static void make_quiet(struct eng_quiesce *quiesce)
{
	const struct eng_quiesce_options *options = &quiesce->options;

	for (uint32_t round = 0;; round++) {
		uint64_t deadline_ns = PAWL_FOREVER;

		for (uint32_t look = 0; look < options->looks; look++) {
			shut_door(quiesce);
			if (is_quiet(quiesce)) {
				count(&quiesce->at_once);
				return;
			}
			open_door(quiesce);
			nap(options->nap_ns);
		}
		shut_door(quiesce);
		if (round < options->reopens)
			deadline_ns = pawl_deadline_in(options->shut_ns);
		if (wait_quiet(quiesce, deadline_ns))
			return;
		count(&quiesce->reopens);
		open_door(quiesce);
	}
}

int eng_quiesce_run(struct eng_quiesce *quiesce, void (*fn)(void *arg), void *arg)
{
	uint32_t number = pawl_thread_slot();
	struct pawl_waiter *before;
	struct eng_quiesce_slot *slot;

	while (!(slot = slot_of(quiesce, number))) {
		if (!slot_make(quiesce, number))
			return -ENOMEM;
	}
	if (slot->op)
		return -EDEADLK;
	before = pawl_waiter_set(NULL);
	pthread_mutex_lock(&quiesce->one);
	/* Relaxed: O5. */
	pawl_store_relaxed(&quiesce->waiter, pawl_waiter_thread());
	make_quiet(quiesce);
	/* What fn enters is part of the moment. */
	slot->op = quiesce;
	fn(arg);
	slot->op = NULL;
	count(&quiesce->moments);
	open_door(quiesce);
	pthread_mutex_unlock(&quiesce->one);
	(void)pawl_waiter_set(before);
	return 0;
}

void eng_quiesce_each_suspended(struct eng_quiesce *quiesce, void (*fn)(void *arg, void *op),
				void *arg)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	while ((slot = slot_next(quiesce, &at))) {
		/* I3: not by what it says, for it may be about to look at the door. */
		if (slot->suspended)
			fn(arg, slot->suspended);
	}
}

uint32_t eng_quiesce_inside(struct eng_quiesce *quiesce)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0, n = 0;

	while ((slot = slot_next(quiesce, &at)))
		n += slot->op && slot->op != quiesce;
	return n;
}

/* ---- the whole ----------------------------------------------------------------------- */

int eng_quiesce_create(const struct eng_quiesce_options *options,
		       struct eng_quiesce **ret_quiesce)
{
	static const struct eng_quiesce_options defaults = ENG_QUIESCE_OPTIONS_INIT;
	struct eng_quiesce *quiesce = pawl_mem_zalloc(sizeof(*quiesce), PAWL_LINE_BYTES);

	if (!quiesce)
		return -ENOMEM;
	quiesce->options = options ? *options : defaults;
	pawl_init_word(&quiesce->fenced,
		       quiesce->options.fenced || !membarrier_register() ? ALWAYS : UNFENCED);
	pthread_mutex_init(&quiesce->one, NULL);
	pawl_event_init(&quiesce->opened);
	pawl_event_init(&quiesce->left);
	pawl_init_word(&quiesce->rounds, 0u);
	for (uint32_t i = 0; i < quiesce->options.ready && i < SLOTS; i++) {
		if (!slot_make(quiesce, i)) {
			eng_quiesce_destroy(quiesce);
			return -ENOMEM;
		}
	}
	*ret_quiesce = quiesce;
	return 0;
}

void eng_quiesce_destroy(struct eng_quiesce *quiesce)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	if (!quiesce)
		return;
	while ((slot = slot_next(quiesce, &at)))
		pawl_mem_free(slot, sizeof(*slot), PAWL_LINE_BYTES);
	pthread_mutex_destroy(&quiesce->one);
	pawl_mem_free(quiesce, sizeof(*quiesce), PAWL_LINE_BYTES);
}

void eng_quiesce_looks(struct eng_quiesce *quiesce, uint32_t looks)
{
	quiesce->options.looks = looks;
}

bool eng_quiesce_fenced(const struct eng_quiesce *quiesce)
{
	return pawl_load_relaxed(&quiesce->fenced) != UNFENCED;
}

void eng_quiesce_stats_read(struct eng_quiesce *quiesce, struct eng_quiesce_stats *ret_stats)
{
	struct eng_quiesce_slot *slot;
	uint32_t at = 0;

	ret_stats->moments = pawl_load_relaxed(&quiesce->moments);
	ret_stats->at_once = pawl_load_relaxed(&quiesce->at_once);
	ret_stats->reopens = pawl_load_relaxed(&quiesce->reopens);
	ret_stats->longest_ns = pawl_load_relaxed(&quiesce->longest_ns);
	ret_stats->suspended = ret_stats->turned_off = 0;
	while ((slot = slot_next(quiesce, &at))) {
		ret_stats->suspended += pawl_load_relaxed(&slot->suspensions);
		ret_stats->turned_off += pawl_load_relaxed(&slot->turned_off);
	}
}
