/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph as shipped: operations on a small graph beside each other (graph-standin.h). In the end
 * everything is run, every sum is computed again, and each task has the value that recomputing it all gives.
 *
 *  read-edit        a strong read beside a change of what it depends on
 *  edit-edit        two changes of one input
 *  eventual-edit    a read that takes what is there
 *  switch-edit      a task takes another one's place below its reader, beside a change below
 *  sum-edits        two inputs of one task change at the same time
 *
 * Natively only, since an execution is longer than the checker follows, or there are too many:
 *  fresh-fresh      two visits ask for a task that nobody has made
 *  read-edit-twice, switch-read
 *  root-...         the same below a root, where what was edited runs at once, each thread what it
 *                   has scheduled
 */
#include "graph-standin.h"

static void setup_twice(void)
{
	setup_of(&twice);
}

static void setup_root_twice(void)
{
	setup_root_of(&twice);
}

static void setup_root_either(void)
{
	setup_root_of(&either);
}

static void setup_root_sum(void)
{
	setup_root_of(&sum);
}

static void setup_either(void)
{
	setup_of(&either);
}

static void setup_sum(void)
{
	setup_of(&sum);
}

static void read_top(void)
{
	(void)ask(top, 0, PAWL_READ_STRONG);
	run_own();
}

static void read_eventually(void)
{
	(void)ask(top, 0, 0);
	run_own();
}

static void edit_0(void)
{
	edit(0, 1);
}

static void edit_0_again(void)
{
	edit(0, 2);
}

static void edit_0_twice(void)
{
	edit(0, 1);
	edit(0, 2);
}

static void edit_1(void)
{
	edit(1, 5);
}

static void edit_2(void)
{
	edit(2, 1);
}

static const struct mc_scenario scenarios[] = {
	SCN(.name = "read-edit", .setup = setup_twice, .threads = {read_top, edit_0}),
	SCN(.name = "edit-edit", .setup = setup_twice, .threads = {edit_0, edit_0_again}),
	SCN(.name = "eventual-edit", .setup = setup_twice,
	    .threads = {read_eventually, edit_0}),
	SCN(.name = "switch-edit", .setup = setup_either, .threads = {edit_2, edit_0}),
	SCN(.name = "sum-edits", .setup = setup_sum, .threads = {edit_0, edit_1}),
#if !defined(PAWL_MC)
	SCN(.name = "fresh-fresh", .setup = setup_empty, .threads = {read_top, read_top}),
	SCN(.name = "read-edit-twice", .setup = setup_twice,
	    .threads = {read_top, edit_0_twice}),
	SCN(.name = "switch-read", .setup = setup_either, .threads = {edit_2, read_top}),
	SCN(.name = "root-edits", .setup = setup_root_twice, .threads = {edit_0, edit_0_again}),
	SCN(.name = "root-read", .setup = setup_root_twice, .threads = {edit_0, read_top}),
	SCN(.name = "root-switch", .setup = setup_root_either, .threads = {edit_2, edit_0}),
	SCN(.name = "root-sum", .setup = setup_root_sum, .threads = {edit_0, edit_1, read_top}),
#endif
};
MC_MAIN(scenarios)
