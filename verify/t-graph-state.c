/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/state.c and engine/engine.c, over the graph: a task adds up two states; an edit changes both.
 *
 *  edit-read        a strong read sees all of an edit or nothing of it
 *  edit-edit        two edits: one after the other
 *  edit-wait        a strong read and another edit sleep until it is over
 *  set-set          one state gets the same value twice: who comes second finds an equal one
 *  set-run          a task that has begun reads it before or after, and runs again if it was before
 *  invalidate-run   the same by an invalidator
 *  idle             who waits until nothing runs sees what ran
 *  pins             the last to give a state up frees it
 */
/* mc-sources: engine/engine.c engine/options.c engine/state.c */
#include "graph-standin.h"

#include <pawl/group.h>
#include <pawl/state.h>

#include "../engine/engine.h"
#include "../engine/persist/persist.h"

/* ---- what engine.c calls besides: no scenario comes to it -------------------------------- */

static void not_here(const void *ptr)
{
	(void)ptr;
	mc_fail("not in these scenarios", __FILE__, __LINE__);
}

int eng_persist_open(const struct pawl_engine_options *options,
		     struct eng_persist **ret_persist)
{
	(void)ret_persist;
	not_here(options);
	return -ENOSYS;
}

int eng_persist_start(struct eng_persist *persist, struct pawl_runtime *rt,
		      struct pawl_group *group)
{
	(void)rt;
	(void)group;
	not_here(persist);
	return -ENOSYS;
}

int eng_persist_snapshot(struct eng_persist *persist, uint64_t *ret_tasks)
{
	(void)ret_tasks;
	not_here(persist);
	return -ENOSYS;
}

void eng_persist_stats(const struct eng_persist *persist,
		       struct pawl_engine_store_stats *ret_stats)
{
	(void)ret_stats;
	not_here(persist);
}

void eng_persist_close(struct eng_persist *persist)
{
	not_here(persist);
}

int pawl_group_create(struct pawl_group *parent, const struct pawl_group_options *options,
		      struct pawl_group **ret_group)
{
	(void)options;
	(void)ret_group;
	not_here(parent);
	return -ENOSYS;
}

void pawl_group_put(struct pawl_group *group)
{
	not_here(group);
}

void pawl_group_close(struct pawl_group *group)
{
	not_here(group);
}

void pawl_group_cancel(struct pawl_group *group)
{
	not_here(group);
}

void pawl_group_force(struct pawl_group *group)
{
	not_here(group);
}

int pawl_group_wait(struct pawl_group *group, uint64_t deadline_ns)
{
	(void)deadline_ns;
	not_here(group);
	return -ENOSYS;
}

int pawl_runtime_create(const struct pawl_runtime_options *options,
			struct pawl_runtime **ret_runtime)
{
	(void)ret_runtime;
	not_here(options);
	return -ENOSYS;
}

struct pawl_group *pawl_runtime_root(struct pawl_runtime *rt)
{
	not_here(rt);
	return NULL;
}

int pawl_runtime_shutdown(struct pawl_runtime *rt, uint64_t grace_ns,
			  struct pawl_shutdown_report *ret_report)
{
	(void)grace_ns;
	(void)ret_report;
	not_here(rt);
	return -ENOSYS;
}

int pawl_runtime_destroy(struct pawl_runtime *rt)
{
	not_here(rt);
	return -ENOSYS;
}

uint64_t pawl_runtime_now(struct pawl_runtime *rt)
{
	not_here(rt);
	return 0;
}

int pawl_task_wait(struct pawl_runtime *rt, pawl_task_t task, uint64_t deadline_ns,
		   struct pawl_result *ret_result)
{
	(void)task;
	(void)deadline_ns;
	(void)ret_result;
	not_here(rt);
	return -ENOSYS;
}

int pawl_task_cancel(struct pawl_runtime *rt, pawl_task_t task)
{
	(void)task;
	not_here(rt);
	return -ENOSYS;
}

int pawl_yield(void)
{
	not_here(NULL);
	return -ENOSYS;
}

int pawl_wait(struct pawl_listener *listener, uint64_t deadline_ns)
{
	mc_assert(deadline_ns == PAWL_FOREVER);
	pawl_event_wait(listener);
	return 0;
}

/* ---- states ---------------------------------------------------------------------------- */

static struct pawl_engine engine;
static struct pawl_state *states[2];
static eng_id adds_id;
static unsigned ran;

static struct pawl_value *value_of(uint64_t number)
{
	struct pawl_value *value;

	mc_assert(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static uint64_t state_number(struct pawl_context *context, unsigned i)
{
	struct pawl_value *value;

	mc_assert(!pawl_state_get(context, states[i], &value));
	return number_of(value);
}

static int adds(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t number = state_number(context, 0);

	(void)args;
	ran++;
	return give(context, number + state_number(context, 1), ret_output);
}

static void setup_states(void)
{
	setup_empty();
	top = &input;
	engine = (struct pawl_engine){.graph = graph};
	ran = 0;
	for (unsigned i = 0; i < 2; i++)
		mc_assert(!pawl_state_create(&engine, value_of(0), &states[i]));
	adds_id = root_make(adds);
	run_own();
	mc_assert(ran == 1);
}

static uint64_t read_sum(uint32_t flags)
{
	struct pawl_context context = {.graph = graph};
	uint64_t number = get(&context, eng_ref(adds_id, 0), flags);

	eng_context_fini(&context);
	return number;
}

static void edit_both(uint64_t number)
{
	struct pawl_edit *edit;

	mc_assert(!pawl_edit_begin(&engine, &edit));
	for (unsigned i = 0; i < 2; i++)
		mc_assert(!pawl_edit_set(edit, states[i], value_of(number)));
	pawl_edit_commit(edit);
}

static void edit_1(void)
{
	edit_both(1);
}

static void edit_2(void)
{
	edit_both(2);
}

static void set_1(void)
{
	mc_assert(!pawl_state_set(states[0], value_of(1)));
}

static void read_whole(void)
{
	uint64_t number = read_sum(PAWL_READ_STRONG);

	mc_assert(number == 0 || number == 2);
}

static void finish_states(void)
{
	uint64_t total = 0;

	settle();
	for (unsigned i = 0; i < 2; i++) {
		struct pawl_value *value;

		mc_assert(!pawl_state_get(NULL, states[i], &value));
		total += number_of(value);
	}
	mc_assert(read_sum(0) == total);
	pawl_state_unpin(states[0]);
	pawl_state_unpin(states[1]);
	finish_graph();
}

/* It is about to run again. */
static void setup_again(void)
{
	setup_states();
	schedule(adds_id);
	mc_assert(claim(last()));
}

static void setup_waits(void)
{
	setup_states();
	looks = false;
}

static void work(void)
{
	run_claimed(last());
}

static void invalidate_sum(void)
{
	struct pawl_invalidator invalidator = {.pawl_graph = graph, .pawl_task = adds_id};

	pawl_invalidate(&invalidator, 1);
}

/* ---- owners ---------------------------------------------------------------------------- */

static void setup_pins(void)
{
	setup_states();
	(void)pawl_state_pin(states[0]);
}

static void unpin(void)
{
	mc_assert(state_number(NULL, 0) == 0);
	pawl_state_unpin(states[0]);
}

static void finish_pins(void)
{
	pawl_state_unpin(states[1]);
	settle();
	finish_graph();
}

/* ---- idle ------------------------------------------------------------------------------- */

static void setup_busy(void)
{
	busy_counts = true;
	setup_again();
	looks = false;
}

static void wait_idle(void)
{
	mc_assert(!pawl_engine_wait_idle(&engine, PAWL_FOREVER));
	mc_assert(ran == 2);
}

#define EDITS(...)                                                                          \
	{                                                                                   \
		__VA_ARGS__, .finish = finish_states, .no_spurious = true,                  \
			     .ideal_locks = true, .ideal_parks = true, .native_divisor = 50 \
	}

static const struct mc_scenario scenarios[] = {
	EDITS(.name = "edit-read", .setup = setup_states, .threads = {edit_1, read_whole}),
	EDITS(.name = "edit-edit", .setup = setup_states, .threads = {edit_1, edit_2}),
	EDITS(.name = "edit-wait", .setup = setup_waits, .threads = {edit_1, read_whole}),
	EDITS(.name = "set-set", .setup = setup_states, .threads = {set_1, set_1}),
	EDITS(.name = "set-run", .setup = setup_again, .threads = {set_1, work}),
	EDITS(.name = "invalidate-run", .setup = setup_again,
	      .threads = {invalidate_sum, work}),
	EDITS(.name = "idle", .setup = setup_busy, .threads = {work, wait_idle}),
	{.name = "pins",
	 .setup = setup_pins,
	 .threads = {unpin, unpin},
	 .finish = finish_pins,
	 .no_spurious = true,
	 .ideal_locks = true,
	 .native_divisor = 50},
};
MC_MAIN(scenarios)
