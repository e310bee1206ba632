/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * background.c - snapshots that nobody asks for: some time after the engine was opened, and then every so often;
 * earlier when the engine has had nothing to do for a while.
 *
 * One body of the runtime's. While all is saved it sleeps until something is modified, without a deadline: an engine
 * that does nothing is not woken. While something is to be saved and tasks run, it is woken when none does; then
 * it sleeps the idle time out, and looks whether anything ran meanwhile. So bursts of short work wake it once in an
 * idle time. The snapshot itself blocks, so it is made on another thread.
 *
 * While something is to be saved it looks every tenth of a second whether a reader in another process asks for it
 * (sync.c), and saves it then.
 *
 * After one that failed only time makes the next: a full disk is not tried again at each pause, but after two seconds,
 * then after twice as long, and so on up to the usual time.
 */
#include "config.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/rcu.h>
#include <pawl/runtime.h>

#include "persist.h"

#define RETRY_NS UINT64_C(2000000000)
#define LOOK_NS	 UINT64_C(100000000)

static bool is_saved(const struct eng_persist *persist)
{
	/* Acquire: the bitmap's contents, if it was exchanged. */
	return eng_bitmap_is_empty(pawl_load_acquire(&persist->marks->modified));
}

static bool is_idle(const struct eng_persist *persist)
{
	return !pawl_load_acquire(&persist->graph->busy);
}

static uint64_t later(uint64_t now_ns, uint64_t by_ns)
{
	return by_ns >= PAWL_FOREVER - now_ns ? PAWL_FOREVER : now_ns + by_ns;
}

/* One wait for an event. Returns: as pawl_wait(); 0 also if it was not needed. */
static int wait_for(struct eng_persist *persist, struct pawl_event *event,
		    bool (*holds)(const struct eng_persist *persist), bool wanted,
		    uint64_t deadline_ns)
{
	struct pawl_listener listener;

	pawl_event_listen(event, &listener, "snapshot", 0);
	if (holds(persist) == wanted) {
		pawl_event_unlisten(&listener);
		return 0;
	}
	return pawl_wait(&listener, deadline_ns);
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* Since when no task has run; `from_ns`: PAWL_FOREVER: one does. */
struct quiet {
	uint64_t from_ns, runs;
};

/* Returns: until when it would be idle long enough. */
static uint64_t quiet_until(const struct eng_persist *persist, struct quiet *quiet,
			    uint64_t now_ns)
{
	/* Relaxed: a number that is compared with itself. */
	uint64_t runs = pawl_load_relaxed(&persist->graph->runs);

	if (!is_idle(persist)) {
		quiet->from_ns = PAWL_FOREVER;
		return PAWL_FOREVER;
	}
	if (quiet->from_ns == PAWL_FOREVER || quiet->runs != runs)
		*quiet = (struct quiet){now_ns, runs};
	return later(quiet->from_ns, persist->idle_ns);
}

/* Until it is time. ret_reason: why. Errors: -ECANCELED. */
static int wait_due(struct eng_persist *persist, uint64_t due_ns, bool failed,
		    enum pawl_snapshot_reason *ret_reason)
{
	struct quiet quiet = {PAWL_FOREVER, 0};

	for (;;) {
		uint64_t now_ns = pawl_runtime_now(persist->rt), until_ns, next_ns;
		int error;

		*ret_reason = PAWL_SNAPSHOT_TIME;
		if (now_ns >= due_ns)
			return 0;
		if (failed) {
			error = pawl_sleep_until(due_ns);
			if (error)
				return error;
			continue;
		}
		until_ns = quiet_until(persist, &quiet, now_ns);
		*ret_reason = PAWL_SNAPSHOT_IDLE;
		if (now_ns >= until_ns)
			return 0;
		*ret_reason = PAWL_SNAPSHOT_READER;
		if (eng_sync_asked(persist))
			return 0;
		next_ns = earlier(due_ns, later(now_ns, LOOK_NS));
		error = quiet.from_ns == PAWL_FOREVER
				? wait_for(persist, &persist->graph->idle, is_idle, true,
					   next_ns)
				: pawl_sleep_until(earlier(until_ns, next_ns));
		if (error && error != -ETIMEDOUT)
			return error;
	}
}

/* On a thread of pawl_blocking(), in an idle stretch of its: a snapshot reads. */
static int take(void *arg)
{
	uint64_t tasks;
	int error;

	pawl_rcu_idle_leave();
	error = eng_persist_snapshot(arg, &tasks);
	pawl_rcu_idle_enter();
	return error;
}

static int background(void *arg, void **ret_value)
{
	struct eng_persist *persist = arg;
	uint64_t due_ns = later(pawl_runtime_now(persist->rt), persist->first_ns);
	uint64_t retry_ns = RETRY_NS;
	bool failed = false;

	(void)ret_value;
	for (;;) {
		enum pawl_snapshot_reason reason;
		int error = 0;

		while (!error && is_saved(persist))
			error = wait_for(persist, &persist->marks->first, is_saved, false,
					 PAWL_FOREVER);
		if (!error)
			error = wait_due(persist, due_ns, failed, &reason);
		if (error)
			return error;
		pawl_store_relaxed(&persist->reason, (uint32_t)reason);
		error = pawl_blocking(persist->rt, take, persist);
		if (error == -ECANCELED)
			return error;
		failed = error;
		if (!failed || retry_ns > persist->interval_ns)
			retry_ns = failed ? persist->interval_ns : RETRY_NS;
		due_ns = later(pawl_runtime_now(persist->rt),
			       failed ? retry_ns : persist->interval_ns);
		if (failed && retry_ns < PAWL_FOREVER / 2)
			retry_ns *= 2;
	}
}

int eng_persist_start(struct eng_persist *persist, struct pawl_runtime *rt,
		      struct pawl_group *group)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	int error;

	persist->rt = rt;
	eng_tell_opened(persist);
	eng_ops_go_on(persist);
	error = eng_repair(persist);
	if (error) {
		/* The next one does it: until then nothing is to be saved of what counts as good here. */
		persist->saves = false;
		return error;
	}
	error = eng_restore_wake(persist->graph);
	if (error || !persist->background)
		return error;
	options.name = "engine.snapshots";
	return pawl_spawn(group, &options, background, persist, NULL);
}
