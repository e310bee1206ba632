/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph: edges that come and go. Either() has begun to run again, and calls twice(1) where it called
 * twice(0) before; beside that
 *  switch-call      a visit calls what comes, which is to be a root then
 *  switch-raise     what goes is to be a root
 *  switch-change    what goes becomes dirty
 *  switch-other     another task calls what goes, for the first time
 *  switch-raise-own who switches is to be a root
 *
 * And of numbers that grow while others count on them:
 *  raise-raise      a task and the one below it are to be roots
 *  call-call        two bodies of one run call the same task
 *  fresh-fresh      two visits ask for a task that nobody has made
 */
#include "graph-standin.h"

static struct given *switching, *other;

/* Above() has it all below itself; either() is about to switch. */
static void setup_switch(void)
{
	setup_of(&above);
	/* It is there, and nobody has it below itself. */
	mc_assert(ask(&twice, 1, 0) == 0);
	change(2, 1);
	schedule(inputs[2]);
	(void)run_given(last());
	schedule(task_of(&either, 0));
	switching = last();
}

static void setup_switching(void)
{
	setup_switch();
	mc_assert(claim(switching));
}

/* And calls(0), which is new, to call what either() does not any more. */
static void setup_other(void)
{
	setup_switching();
	(void)task_of(&calls, 0);
	other = last();
	mc_assert(other != switching);
}

static void work_switch(void)
{
	run_claimed(switching);
}

static void work_other(void)
{
	(void)run_given(other);
}

/* A visit has it as a root. */
static void call_0(void)
{
	(void)task_of(&twice, 0);
}

static void call_1(void)
{
	(void)task_of(&twice, 1);
}

static void call_either(void)
{
	(void)task_of(&either, 0);
}

static void change_0(void)
{
	change(0, 1);
}

static void change_1(void)
{
	change(1, 1);
}

/* ---- two bodies of one run --------------------------------------------------------------- */

static struct pawl_atomic_ptr shared_run;
static struct pawl_atomic_u32 shared_done;

static int shared_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	(void)ret_output;
	pawl_store_release(&shared_run, context->run);
	(void)call(context, &twice, 0);
	scn_await(&shared_done, 1u);
	return 0;
}

static void setup_shared(void)
{
	setup_of(&twice);
	pawl_init_word(&shared_run, NULL);
	pawl_init_word(&shared_done, 0u);
	(void)root_make(shared_body);
	mc_assert(claim(last()));
	switching = last();
}

static void call_beside(void)
{
	struct pawl_context context = {.graph = graph, .in_job = true};

	context.run = scn_await_ptr(&shared_run);
	context.id = context.run->id;
	(void)call(&context, &twice, 0);
	pawl_store_release(&shared_done, 1u);
}

static void ask_input(void)
{
	mc_assert(ask(&input, 0, 0) == 0);
}

static const struct mc_scenario scenarios[] = {
	SCN(.name = "switch-call", .setup = setup_switching, .threads = {work_switch, call_1}),
	SCN(.name = "switch-raise", .setup = setup_switching, .threads = {work_switch, call_0}),
	SCN(.name = "switch-raise-own", .setup = setup_switching,
	    .threads = {work_switch, call_either}),
	SCN(.name = "switch-change", .setup = setup_switching,
	    .threads = {work_switch, change_0}),
	SCN(.name = "switch-change-new", .setup = setup_switching,
	    .threads = {work_switch, change_1}),
	SCN(.name = "switch-other", .setup = setup_other, .threads = {work_switch, work_other}),
	SCN(.name = "raise-raise", .setup = setup_switch, .threads = {call_either, call_0}),
	SCN(.name = "call-call", .setup = setup_shared, .threads = {work_switch, call_beside}),
	SCN(.name = "fresh-fresh", .setup = setup_empty, .threads = {ask_input, ask_input}),
};
MC_MAIN(scenarios)
