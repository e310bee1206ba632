/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/fiber.c and lib/fiber-stack.c. Conditions are relaxed words, so that only the
 * token orders anything; a lost wake-up is a deadlock. Each thread that has fibres is a scheduler
 * for one of them.
 *
 *  event-wake           a fibre waits for an event, a thread notifies
 *  event-timeout        the same with a deadline: one of the two wins
 *  two-fibres           a fibre on each thread, waking each other
 *  unpark-data          what was done before unpark is seen after park
 *  poll-data            the same for one that looks for its token without sleeping
 *  two-unparkers        two tokens merge, both wakers' stores are seen
 *  expire-unpark        deadline against unpark: one resume, the token is not lost, nor its data
 *  late-unpark          a waker of an earlier fibre meets the next one on the same record
 *  kill-unpark          a parked fibre is taken back and killed beside its waker
 *  lock-as              a fibre and a thread want the same lock
 *  handed               made by one thread, started by another, destroyed by the first
 *  depot-pop, -push     two threads that take from the depot, give to it
 *  depot-trim           giving memory back beside giving to the depot and taking
 *  depot-reuse          a stack leaves the depot and comes back while another thread takes one
 *  guards               slabs without cheap guards, then without any
 *  describe             asking what is at an address while the first slab is mapped
 */
#include "scenario.h"

#include "fiber-internal.h"

#include <errno.h>

/* Some deadline: the clock is not looked at. */
#define DEADLINE_NS 1u

struct sched {
	struct pawl_fiber_hooks hooks;
	struct pawl_atomic_u32 ready;
	struct pawl_fiber *fiber;
	/* Of ready(), by whoever calls it; one call at a time, each before its resume. */
	unsigned told;
};

static struct sched scheds[2], second;
static struct pawl_event event[2];
static struct pawl_lock lock;
static struct pawl_atomic_u32 flag[4], wins, done;
static struct pawl_atomic_ptr shared, asked;
static unsigned data[4];

static void ready(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber)
{
	struct sched *sched = PAWL_CONTAINER_OF(hooks, struct sched, hooks);

	mc_assert(sched->fiber == fiber);
	mc_assert(!sched->told);
	sched->told = 1;
	pawl_store_release(&sched->ready, 1u);
}

static void setup_guarded(enum pawl_fiber_guard guard)
{
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	int err;

	config.guard = guard;
	config.guards_max = 2;
	config.slab_stacks = 2;
	config.batch_stacks = 1;
	scn_attach();
	err = pawl_fiber_configure(&config);
	/* Natively stacks stay from run to run. */
	mc_assert(!err || err == -EBUSY);
	pawl_thread_detach();
	for (unsigned i = 0; i < 2; i++) {
		scheds[i] = (struct sched){.hooks = {ready}};
		pawl_event_init(&event[i]);
	}
	second = (struct sched){.hooks = {ready}};
	for (unsigned i = 0; i < 4; i++) {
		pawl_init_word(&flag[i], 0u);
		data[i] = 0;
	}
	pawl_lock_init(&lock, 0);
	pawl_init_word(&wins, 0u);
	pawl_init_word(&done, 0u);
	pawl_init_word(&shared, NULL);
	pawl_init_word(&asked, NULL);
}

static void setup(void)
{
	setup_guarded(PAWL_FIBER_GUARD_AUTO);
}

static struct pawl_fiber *make(pawl_fiber_fn *fn, void *arg)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct pawl_fiber *fiber = NULL;

	options.stack_bytes = 1;
	mc_assert(!pawl_fiber_create(&options, fn, arg, &fiber));
	return fiber;
}

static void drop(struct pawl_fiber *fiber)
{
	mc_assert(!pawl_fiber_destroy(fiber));
}

/*
 * Wait until the parked fibre may go on. A deadline is over as soon as ready() has not been seen: who
 * is first is up to the schedule. Spinning, because how a thread sleeps is a matter of
 * t-park.c.
 */
static void wait_ready(struct sched *sched)
{
	if (!pawl_load_acquire(&sched->ready) &&
	    pawl_fiber_deadline(sched->fiber) != PAWL_FOREVER &&
	    pawl_fiber_expire(sched->fiber))
		return;
	scn_await(&sched->ready, 1);
	pawl_store_relaxed(&sched->ready, 0u);
	mc_assert(sched->told == 1);
	sched->told = 0;
}

static void sched_begin(struct sched *sched)
{
	(void)pawl_fiber_set_hooks(&sched->hooks);
}

/* One fibre from its start to its end. */
static void run(struct sched *sched, pawl_fiber_fn *fn, void *arg)
{
	enum pawl_fiber_state state;

	sched_begin(sched);
	sched->fiber = make(fn, arg);
	while ((state = pawl_fiber_resume(sched->fiber)) != PAWL_FIBER_FINISHED) {
		if (state == PAWL_FIBER_PARKED)
			wait_ready(sched);
	}
	drop(sched->fiber);
}

/* One look, no loop. */
static void wait_once(struct pawl_event *ev, struct pawl_atomic_u32 *condition)
{
	struct pawl_listener listener;

	pawl_event_listen(ev, &listener, "flag", 0);
	/* The race of listening and notifying is t-event.c's; here it is parking and waking. */
	pawl_store_release(&done, 1u);
	if (pawl_load_relaxed(condition))
		pawl_event_unlisten(&listener);
	else
		pawl_event_wait(&listener);
	mc_assert(pawl_load_relaxed(condition));
	memset(&listener, 0xa5, sizeof(listener));
}

/* ---- events ------------------------------------------------------------ */

static void event_fiber(void *arg)
{
	(void)arg;
	wait_once(&event[0], &flag[0]);
}

static void event_thread(void)
{
	run(&scheds[0], event_fiber, NULL);
}

static void notify_one(void)
{
	scn_await(&done, 1);
	pawl_store_relaxed(&flag[0], 1u);
	pawl_event_notify(&event[0], 1);
}

static void timed_fiber(void *arg)
{
	struct pawl_listener listener;
	int err;

	(void)arg;
	pawl_event_listen(&event[0], &listener, NULL, 0);
	pawl_store_release(&done, 1u);
	err = pawl_event_wait_until(&listener, DEADLINE_NS);
	mc_assert(!err || err == -ETIMEDOUT);
	if (!err) {
		mc_assert(data[0] == 7);
		pawl_add_relaxed(&wins, 1u);
	}
	memset(&listener, 0xa5, sizeof(listener));
}

static void timed_thread(void)
{
	run(&scheds[0], timed_fiber, NULL);
}

static void notify_data(void)
{
	scn_await(&done, 1);
	data[0] = 7;
	pawl_event_notify_more(&event[0], 1);
}

static void check_as_new(void)
{
	struct pawl_listener listener;

	scn_attach();
	mc_assert(!pawl_event_listening(&event[0]));
	pawl_event_listen(&event[0], &listener, NULL, 0);
	pawl_event_notify(&event[0], 1);
	mc_assert(pawl_event_unlisten(&listener));
	pawl_thread_detach();
}

static void publish_self(void)
{
	pawl_store_release(&shared, pawl_waiter_self());
}

/* Each tells the other and waits to be told; plain memory goes both ways. */
static void pair_fiber(void *arg)
{
	unsigned me = *(unsigned *)arg;

	pawl_store_release(me ? &shared : &asked, pawl_waiter_self());
	data[me] = 7;
	pawl_unpark(scn_await_ptr(me ? &asked : &shared));
	pawl_park();
	mc_assert(data[1 - me] == 7);
}

static void pair_thread(void)
{
	unsigned me = mc_thread();

	run(&scheds[me], pair_fiber, &me);
}

/* ---- tokens ------------------------------------------------------------ */

static void data_fiber(void *arg)
{
	(void)arg;
	publish_self();
	pawl_fiber_suspend();
	pawl_park();
	mc_assert(data[0] == 7);
}

static void data_thread(void)
{
	run(&scheds[0], data_fiber, NULL);
}

static void data_waker(void)
{
	struct pawl_waiter *target = scn_await_ptr(&shared);

	data[0] = 7;
	pawl_unpark(target);
}

static void both_fiber(void *arg)
{
	(void)arg;
	publish_self();
	while (!pawl_load_relaxed(&flag[1]) || !pawl_load_relaxed(&flag[2]))
		pawl_park();
}

static void both_thread(void)
{
	run(&scheds[0], both_fiber, NULL);
}

static void flag_waker(void)
{
	struct pawl_waiter *target = scn_await_ptr(&shared);

	pawl_store_relaxed(&flag[mc_thread()], 1u);
	pawl_unpark(target);
}

static void expire_fiber(void *arg)
{
	(void)arg;
	publish_self();
	if (!pawl_park_until(DEADLINE_NS))
		pawl_park();
	mc_assert(data[0] == 7);
	mc_assert(!pawl_park_until(0));
}

/* Looks, and does not sleep. */
static void poll_fiber(void *arg)
{
	(void)arg;
	publish_self();
	while (!pawl_park_until(0))
		scn_turn();
	mc_assert(data[0] == 7);
}

static void poll_thread(void)
{
	run(&scheds[0], poll_fiber, NULL);
}

static void expire_thread(void)
{
	run(&scheds[0], expire_fiber, NULL);
}

/* ---- late-unpark: the record lives on, with another scheduler ------------- */

static void first_life(void *arg)
{
	(void)arg;
	publish_self();
}

static void second_life(void *arg)
{
	(void)arg;
	(void)pawl_park_until(DEADLINE_NS);
}

static void two_lives(void)
{
	struct pawl_fiber *first;

	run(&scheds[0], first_life, NULL);
	first = scheds[0].fiber;
	run(&second, second_life, NULL);
	mc_assert(second.fiber == first);
}

static void late_waker(void)
{
	pawl_unpark(scn_await_ptr(&shared));
}

/* ---- kill-unpark ------------------------------------------------------- */

static void park_for_ever(void *arg)
{
	(void)arg;
	publish_self();
	pawl_park();
	pawl_add_relaxed(&wins, 1u);
}

static void kill_thread(void)
{
	struct sched *sched = &scheds[0];

	sched_begin(sched);
	sched->fiber = make(park_for_ever, NULL);
	/* The token may be there before it parks. */
	if (pawl_fiber_resume(sched->fiber) == PAWL_FIBER_PARKED) {
		if (pawl_fiber_expire(sched->fiber)) {
			pawl_fiber_kill(sched->fiber);
			mc_assert(!pawl_load_relaxed(&sched->ready));
		} else {
			wait_ready(sched);
			mc_assert(pawl_fiber_resume(sched->fiber) == PAWL_FIBER_FINISHED);
		}
	}
	drop(sched->fiber);
}

/* ---- lock-as ----------------------------------------------------------- */

static void lock_fiber(void *arg)
{
	(void)arg;
	pawl_lock_lock_as(&lock, pawl_waiter_self());
	data[0]++;
	pawl_lock_unlock(&lock);
}

static void lock_fiber_thread(void)
{
	run(&scheds[0], lock_fiber, NULL);
}

static void lock_thread(void)
{
	pawl_lock_lock(&lock);
	data[0]++;
	pawl_lock_unlock(&lock);
}

static void check_two(void)
{
	mc_assert(data[0] == 2);
}

/* ---- handed ------------------------------------------------------------ */

static void add_one(void *arg)
{
	++*(unsigned *)arg;
}

static void hand_out(void)
{
	struct pawl_fiber *fiber;

	data[1] = 6;
	fiber = make(add_one, &data[1]);
	pawl_store_release(&shared, (void *)fiber);
	scn_await(&done, 1);
	mc_assert(data[1] == 7);
	drop(fiber);
}

static void run_handed(void)
{
	mc_assert(pawl_fiber_resume(scn_await_ptr(&shared)) == PAWL_FIBER_FINISHED);
	pawl_store_release(&done, 1u);
}

/* ---- stacks ------------------------------------------------------------ */

/* Each writes into what it has; two owners of one stack would race. */
static void own(struct pawl_fiber *fiber)
{
	mc_assert(pawl_fiber_state(fiber) == PAWL_FIBER_NEW);
	mc_assert((uintptr_t)pawl_fiber_arg(fiber) == mc_thread() + 1);
}

static struct pawl_fiber *take(void)
{
	struct pawl_fiber *fiber = make(add_one, (void *)(uintptr_t)(mc_thread() + 1));

	own(fiber);
	return fiber;
}

static void take_and_drop(unsigned count)
{
	struct pawl_fiber *fibers[3];

	for (unsigned i = 0; i < count; i++)
		fibers[i] = take();
	for (unsigned i = 0; i < count; i++) {
		own(fibers[i]);
		drop(fibers[i]);
	}
}

/* A thread keeps two: the third goes to the depot, and comes back from it, unless taken. */
static void depot_thread(void)
{
	take_and_drop(3);
	take_and_drop(3);
}

static void one_thread(void)
{
	take_and_drop(1);
}

static void three_thread(void)
{
	take_and_drop(3);
}

static void two_thread(void)
{
	take_and_drop(2);
}

/* The main thread stays attached, so that stacks stay. Some are in the depot. */
static struct pawl_fiber *kept[8];

static void stock(void)
{
	setup();
	scn_attach();
	for (unsigned i = 0; i < 6; i++)
		kept[i] = make(add_one, &data[3]);
	for (unsigned i = 0; i < 6; i++)
		drop(kept[i]);
}

static void keep(void)
{
	setup();
	scn_attach();
	for (unsigned i = 0; i < 6; i++)
		kept[i] = make(add_one, &data[3]);
}

/* Three in the hands of thread 0, one in the depot, two with the main thread. */
static void keep_three(void)
{
	keep();
	/* Stacks that were used: there is something to give back. */
	for (unsigned i = 0; i < 6; i++)
		mc_assert(pawl_fiber_resume(kept[i]) == PAWL_FIBER_FINISHED);
	for (unsigned i = 3; i < 6; i++)
		drop(kept[i]);
}

static void unkeep(void)
{
	struct pawl_fiber_stats stats, after;
	unsigned many;

	pawl_fiber_stats_read(&stats);
	/* Natively threads that keep some are still there. */
	many = mc_exploring() ? (unsigned)stats.stacks[0] : 6;
	/* Two more if somebody looked while trim() had the last one in its hands. */
	mc_assert(stats.fibers == 0 && (many == 6 || many == 8));
	/* All are found again. */
	for (unsigned i = 0; i < many; i++)
		kept[i] = make(add_one, &data[3]);
	pawl_fiber_stats_read(&after);
	mc_assert(after.fibers == many);
	mc_assert(after.stacks[0] == stats.stacks[0] || !mc_exploring());
	for (unsigned i = 0; i < many; i++)
		drop(kept[i]);
	pawl_thread_detach();
}

static void drop_three(void)
{
	for (unsigned i = 0; i < 3; i++)
		drop(kept[3 * mc_thread() + i]);
}

static void trim_thread(void)
{
	(void)pawl_fiber_trim();
}

static void push_and_pop_thread(void)
{
	drop_three();
	take_and_drop(3);
}

/* ---- describe ---------------------------------------------------------- */

static void map_first(void)
{
	struct pawl_fiber *fiber = take();

	(void)pawl_fiber_stack_peak(fiber);
	pawl_store_relaxed(&asked, (void *)(fiber->stack_low + fiber->stack_bytes));
	scn_await(&done, 1);
	drop(fiber);
}

static void describe(void)
{
	struct pawl_fiber_stats stats;
	char text[80];

	const char *stack = pawl_load_relaxed(&asked);

	mc_assert(pawl_fiber_describe_fault(&data, text, sizeof(text)) ==
		  PAWL_FIBER_FAULT_NONE);
	/*
	 * An address that came some other way, of the next stack, which is nobody's: the slab may be
	 * seen or not, but never in parts.
	 */
	if (stack)
		(void)pawl_fiber_describe_fault(stack, text, sizeof(text));
	pawl_fiber_stats_read(&stats);
	mc_assert(stats.stacks[0] % 2 == 0);
	mc_assert(stats.mapped_bytes >= stats.stacks[0] * 16384);
	pawl_store_release(&done, 1u);
}

/* ---- guards: both ways that are not the first, and what is said ------------ */

static void setup_mprotect(void)
{
	setup_guarded(PAWL_FIBER_GUARD_MPROTECT);
}

static void ask_stats(void)
{
	struct pawl_fiber_stats stats;

	pawl_fiber_stats_read(&stats);
	mc_assert(stats.unguarded <= stats.stacks[0]);
}

static const struct mc_scenario scenarios[] = {
	{.name = "event-wake",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {event_thread, notify_one}},
	{.name = "event-timeout",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {timed_thread, notify_data},
	 .finish = check_as_new},
	{.name = "two-fibres",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {pair_thread, pair_thread}},
	{.name = "unpark-data",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {data_thread, data_waker}},
	{.name = "poll-data",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {poll_thread, data_waker}},
	{.name = "two-unparkers",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {both_thread, flag_waker, flag_waker}},
	{.name = "expire-unpark",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {expire_thread, data_waker}},
	{.name = "late-unpark",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {two_lives, late_waker}},
	{.name = "kill-unpark",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {kill_thread, late_waker}},
	{.name = "lock-as",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {lock_fiber_thread, lock_thread},
	 .finish = check_two},
	{.name = "handed",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {hand_out, run_handed}},
	{.name = "depot-pop",
	 .keeps_memory = true,
	 .setup = stock,
	 .threads = {two_thread, two_thread},
	 .finish = unkeep},
	{.name = "depot-push",
	 .keeps_memory = true,
	 .setup = keep,
	 .threads = {drop_three, drop_three},
	 .finish = unkeep},
	{.name = "depot-trim",
	 .keeps_memory = true,
	 .setup = keep_three,
	 .threads = {push_and_pop_thread, trim_thread},
	 .finish = unkeep},
	{.name = "depot-reuse",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {depot_thread, one_thread}},
	{.name = "guards",
	 .keeps_memory = true,
	 .setup = setup_mprotect,
	 .threads = {three_thread, ask_stats}},
	{.name = "describe",
	 .keeps_memory = true,
	 .setup = setup,
	 .threads = {map_first, describe}},
};
MC_MAIN(scenarios)
