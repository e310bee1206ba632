/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of the runtime's calls as programs make them, to the model verify/spin/shutdown.pml: spawn.c,
 * body.c, supervise.c, group-api.c and runtime.c's shutdown over group.c, lifetime.c and task.c, all as shipped;
 * only worker.c is a stand-in (standin.h).
 *
 * Whatever is asked beside whatever, a task that was let in ends once, is told to the sink once, and its
 * argument is freed once; one that was refused leaves no trace. Bodies write plain data, which who waits for
 * the group reads: a body that is not covered is a race, a waiter that is not woken a deadlock.
 *
 *  spawn-close      spawned beside the close of its group
 *  spawn-cancel     beside its cancelling: it sleeps for ever, unless told
 *  spawn-force      beside force: it is unwound, its cleanup runs
 *  spawn-shutdown   beside a shutdown with patience
 *  spawn-stop       beside a shutdown that gives up at once what runs; nobody runs it
 *  run-stop         a body that ends beside such a shutdown: stuck or not, it ends once; without
 *                   anybody stuck the shutdown has waited
 *  back             one that is given up comes back: who waits for the group sees what it did
 *  back-reused      the same, where its record serves another task at once
 *  sleep-stop       a body that sleeps, beside all three steps of it
 *  stuck            a body that does not come back before the report
 *  stuck-wait       who waits for one that is given up is told
 *  stop-stop        two shutdowns: one report
 *  run-spawn-close  one ends, one is spawned, one closes and waits
 *  cancel-force     one that sleeps, beside two that ask it to end, one of them by force
 *  force-cancel     the same, where its group is cancelled
 *  told             a body that finds itself cancelled sees what was done before that
 */
/* mc-sources: engine/runtime/spawn.c engine/runtime/body.c engine/runtime/supervise.c */
/* mc-sources: engine/runtime/join.c engine/runtime/edges.c engine/runtime/group-api.c */
/* mc-sources: engine/runtime/group.c engine/runtime/lifetime.c engine/runtime/task.c engine/runtime/token.c engine/runtime/jobs.c */
/* mc-sources: engine/runtime/runtime.c engine/runtime/blocking.c */
/* mc-sources: engine/runtime/reactor.c engine/runtime/idle.c */
/* mc-sources: engine/runtime/thread.c engine/runtime/watch.c engine/runtime/trace.c */
/* mc-sources: engine/runtime/trace-ring.c engine/runtime/text.c */
#include "standin.h"

#define ITEMS 2

/* An argument, and what became of it. */
struct item {
	bool let_in;
	unsigned begun, ended, unwound, freed, told;
	enum pawl_outcome outcome;
};

static struct item items[ITEMS];
static struct pawl_event never;
static struct pawl_atomic_u32 let_go;
static struct eng_task *given;
static pawl_task_t handles[ITEMS];
static struct pawl_shutdown_report reports[2];
static int errors[2];

static void sink(void *arg, const struct pawl_diagnostic *diagnostic)
{
	struct item *item;

	(void)arg;
	if (diagnostic->kind != PAWL_DIAGNOSTIC_ENDED || !diagnostic->name)
		return;
	item = &items[diagnostic->name[0] - '0'];
	item->told++;
	item->outcome = diagnostic->outcome;
}

static void free_arg(void *arg)
{
	struct item *item = arg;

	item->freed++;
}

static int body_short(void *arg, void **ret_value)
{
	struct item *item = arg;

	(void)ret_value;
	item->begun++;
	item->ended++;
	return 0;
}

static void unwound(void *arg)
{
	struct item *item = arg;

	item->unwound++;
}

static int body_sleeps(void *arg, void **ret_value)
{
	struct item *item = arg;
	struct pawl_cleanup cleanup;
	struct pawl_listener listener;
	int error;

	(void)ret_value;
	item->begun++;
	pawl_cleanup_push(&cleanup, unwound, item);
	pawl_event_listen(&never, &listener, "never", 0);
	error = pawl_wait(&listener, PAWL_FOREVER);
	pawl_cleanup_pop(&cleanup, false);
	item->ended++;
	return error;
}

/* It waits for what does not know of it. */
static int body_stuck(void *arg, void **ret_value)
{
	struct item *item = arg;

	(void)ret_value;
	item->begun++;
	scn_await(&let_go, 1);
	item->ended++;
	return 0;
}

/* Why it is cancelled: written before that, plainly. */
static unsigned why;

static int body_told(void *arg, void **ret_value)
{
	struct item *item = arg;

	(void)ret_value;
	item->begun++;
	if (pawl_cancelled())
		mc_assert(why == 1);
	item->ended++;
	return 0;
}

static void spawn(unsigned which, pawl_body_fn *body, bool keeps_handle)
{
	static const char *const names[ITEMS] = {"0", "1"};
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	int error;

	options.name = names[which];
	options.free_arg = free_arg;
	error = pawl_spawn(rt->root, &options, body, &items[which],
			   keeps_handle ? &handles[which] : NULL);
	mc_assert(error == 0 || error == -ESHUTDOWN);
	/* Written by the spawner alone, and read when all is over. */
	items[which].let_in = !error;
}

static void setup(void)
{
	standin_setup(ITEMS);
	rt->options.sink = sink;
	memset(items, 0, sizeof(items));
	memset(handles, 0, sizeof(handles));
	memset(reports, 0, sizeof(reports));
	memset(errors, 0, sizeof(errors));
	pawl_event_init(&never);
}

/* What every scenario ends with. */
static void finish(void)
{
	struct pawl_group_counts counts;
	uint64_t let_in = 0, ended = 0;

	standin_run_given();
	pawl_group_counts_read(rt->root, &counts);
	for (unsigned i = 0; i < ITEMS; i++) {
		const struct item *item = &items[i];

		if (handles[i].pawl_id)
			mc_assert(pawl_task_drop(rt, handles[i]) == 0);
		let_in += item->let_in;
		mc_assert(item->told == item->let_in && item->freed == item->let_in);
		mc_assert(item->begun <= item->let_in);
		mc_assert(item->ended + item->unwound == item->begun);
		mc_assert(!item->unwound || item->outcome == PAWL_OUTCOME_ABORTED ||
			  item->outcome == PAWL_OUTCOME_STUCK);
	}
	mc_assert(counts.live == 0);
	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		ended += counts.outcomes[i];
	mc_assert(ended == let_in && counts.refused <= ITEMS - let_in);
	standin_finish();
}

/* ---- threads ---------------------------------------------------------------------- */

static void spawn_short(void)
{
	spawn(0, body_short, true);
	standin_run_own();
}

static void spawn_short_1(void)
{
	spawn(1, body_short, true);
	standin_run_own();
}

static void spawn_sleeping(void)
{
	spawn(0, body_sleeps, true);
	standin_run_own();
}

static void setup_sleeping(void)
{
	setup();
	spawn(0, body_sleeps, true);
}

static void setup_asleep(void)
{
	setup_sleeping();
	standin_claim_given();
}

static void setup_told(void)
{
	setup();
	why = 0;
	spawn(0, body_told, true);
	standin_claim_given();
}

static void cancel_for_reason(void)
{
	why = 1;
	pawl_group_cancel(rt->root);
}

static void setup_stuck(void)
{
	setup();
	pawl_init_word(&let_go, 0u);
	spawn(0, body_stuck, true);
	standin_claim_given();
}

/* Nobody keeps the record. */
static void setup_no_handle(void)
{
	setup();
	spawn(0, body_short, false);
	given = standin_seats[MC_THREADS_MAX].first;
	standin_claim_given();
}

/* Somebody else lives there, and leaves last, perhaps: leaving orders nothing then but by its word. */
static void setup_another(void)
{
	setup_no_handle();
	mc_assert(eng_lifetime_enter(&rt->root->life, 1, UINT64_MAX / 8));
	pawl_group_close(rt->root);
}

static void setup_short(void)
{
	setup();
	spawn(0, body_short, true);
}

static void wait_root(void)
{
	mc_assert(pawl_group_wait(rt->root, PAWL_FOREVER) == 0);
	/* All that was let in is over. */
	for (unsigned i = 0; i < ITEMS; i++)
		mc_assert(items[i].begun == items[i].ended + items[i].unwound);
}

static void close_and_wait(void)
{
	pawl_group_close(rt->root);
	wait_root();
}

static void cancel_and_wait(void)
{
	pawl_group_cancel(rt->root);
	wait_root();
}

static void force_and_wait(void)
{
	pawl_group_force(rt->root);
	wait_root();
}

static void cancel_only(void)
{
	pawl_group_cancel(rt->root);
}

static void cancel_task(void)
{
	int error = pawl_task_cancel(rt, handles[0]);

	mc_assert(error == 0 || error == -EALREADY);
}

static void force_task(void)
{
	int error = pawl_task_force(rt, handles[0]);

	mc_assert(error == 0 || error == -EALREADY);
}

static void shut_down(uint64_t grace_ns, unsigned which)
{
	errors[which] = pawl_runtime_shutdown(rt, grace_ns, &reports[which]);
	mc_assert(errors[which] == 0 || errors[which] == -EBUSY);
}

/* Until everything has ended. */
static void shut_down_patiently(void)
{
	shut_down(PAWL_FOREVER, 0);
	mc_assert(errors[0] == 0 && reports[0].outcomes[PAWL_OUTCOME_STUCK] == 0);
	wait_root();
}

static void shut_down_now(void)
{
	shut_down(0, 0);
}

static void spawn_only(void)
{
	spawn(0, body_short, true);
}

static void shut_down_and_let_go(void)
{
	shut_down_now();
	pawl_store_release(&let_go, 1u);
}

/* Whoever waits for it by name is told, though it never comes back. */
static void wait_stuck(void)
{
	struct pawl_result result;

	mc_assert(pawl_task_wait(rt, handles[0], PAWL_FOREVER, &result) == 0);
	mc_assert(result.outcome == PAWL_OUTCOME_STUCK);
}

/* What a shutdown does with a body that runs. */
static void give_up(void)
{
	if (eng_task_give_up(given, pawl_load_relaxed(&given->word)))
		eng_task_given_up(rt, given);
}

static void leave_and_wait(void)
{
	eng_lifetime_leave(&rt->root->life, 1);
	wait_root();
}

/* All records there are: one of them is that of the one that came back. */
static void run_and_make(void)
{
	struct eng_task *made[ITEMS] = {NULL};

	standin_run_given();
	for (unsigned i = 0; i < ITEMS; i++) {
		if (eng_task_make(rt->tasks, 1, 0, &made[i]))
			made[i] = NULL;
	}
	for (unsigned i = 0; i < ITEMS; i++) {
		if (made[i])
			eng_task_unmake(rt->tasks, made[i]);
	}
}

static void shut_down_now_1(void)
{
	shut_down(0, 1);
}

/* ---- ends ---------------------------------------------------------------------------- */

static void finish_closed(void)
{
	mc_assert(items[0].told == 0 || items[0].outcome == PAWL_OUTCOME_COMPLETED);
	finish();
}

static void finish_cancelled(void)
{
	mc_assert(items[0].told == 0 || items[0].outcome == PAWL_OUTCOME_CANCELLED);
	mc_assert(items[0].unwound == 0);
	finish();
}

/* Forced: unwound if it had begun to sleep, else cancelled. */
static void finish_forced(void)
{
	mc_assert(items[0].ended == 0);
	mc_assert(items[0].begun == 0 || items[0].outcome == PAWL_OUTCOME_ABORTED);
	finish();
}

static void finish_either(void)
{
	mc_assert(items[0].outcome == PAWL_OUTCOME_CANCELLED ||
		  items[0].outcome == PAWL_OUTCOME_ABORTED);
	eng_group_close(rt->root);
	finish();
}

/* A report that has nobody running told of everything. */
static void check_report(unsigned which)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PAWL_OUTCOME_COUNT; i++)
		sum += reports[which].outcomes[i];
	mc_assert(errors[which] == -EBUSY ||
		  sum == (uint64_t)items[0].let_in + items[1].let_in);
	mc_assert((errors[which] == -EBUSY) <= reports[which].outcomes[PAWL_OUTCOME_STUCK]);
}

static void finish_stopped(void)
{
	check_report(0);
	finish();
}

static void finish_open(void)
{
	pawl_group_close(rt->root);
	finish();
}

static void finish_stuck(void)
{
	/* Else it was told before its first step. */
	mc_assert(!items[0].begun || (errors[0] == -EBUSY && items[0].ended == 1 &&
				      items[0].outcome == PAWL_OUTCOME_STUCK &&
				      reports[0].outcomes[PAWL_OUTCOME_STUCK] == 1));
	finish();
}

static void finish_stuck_wait(void)
{
	mc_assert(errors[0] == -EBUSY && reports[0].outcomes[PAWL_OUTCOME_STUCK] == 1);
	finish();
}

static void finish_stopped_twice(void)
{
	mc_assert(errors[0] == errors[1]);
	mc_assert(!memcmp(&reports[0], &reports[1], sizeof(reports[0])));
	finish_stopped();
}

#define RUNTIME(NAME, QUICK, SETUP, FINISH, ...)                                               \
	{                                                                                      \
		.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = FINISH,      \
		.ideal_locks = true, .ideal_parks = true, .no_spurious = true, .quick = QUICK, \
		.keeps_memory = true                                                           \
	}

static const struct mc_scenario scenarios[] = {
	RUNTIME("spawn-close", true, setup, finish_closed, spawn_short, close_and_wait),
	RUNTIME("spawn-cancel", false, setup, finish_cancelled, spawn_sleeping,
		cancel_and_wait),
	RUNTIME("spawn-force", false, setup, finish_forced, spawn_sleeping, force_and_wait),
	RUNTIME("spawn-shutdown", false, setup, finish_cancelled, spawn_sleeping,
		shut_down_patiently),
	RUNTIME("spawn-stop", true, setup, finish_stopped, spawn_only, shut_down_now),
	RUNTIME("run-stop", false, setup_short, finish_stopped, standin_run_given,
		shut_down_now),
	RUNTIME("back", true, setup_another, finish, standin_run_given, give_up,
		leave_and_wait),
	RUNTIME("back-reused", true, setup_no_handle, finish_open, run_and_make, give_up),
	RUNTIME("sleep-stop", false, setup_asleep, finish_stopped, standin_run_given,
		shut_down_now),
	RUNTIME("stuck", true, setup_stuck, finish_stuck, standin_run_given,
		shut_down_and_let_go),
	RUNTIME("stuck-wait", true, setup_stuck, finish_stuck_wait, shut_down_and_let_go,
		wait_stuck),
	RUNTIME("stop-stop", true, setup_short, finish_stopped_twice, shut_down_now,
		shut_down_now_1),
	RUNTIME("run-spawn-close", false, setup_short, finish_closed, standin_run_given,
		spawn_short_1, close_and_wait),
	RUNTIME("cancel-force", false, setup_sleeping, finish_either, standin_run_given,
		cancel_task, force_task),
	RUNTIME("told", true, setup_told, finish, standin_run_given, cancel_for_reason),
	RUNTIME("force-cancel", false, setup_sleeping, finish_either, standin_run_given,
		force_task, cancel_only),
};

MC_MAIN(scenarios)
