/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base-urcu.c - liburcu, memb flavour: sections (inline and as a call),
 * synchronize_rcu, call_rcu, defer_rcu.
 */
#include "bench.h"
#include "work.h"

/*
 * Sections inline, as the fastest of liburcu's users have them. This puts code
 * under the LGPL into the bench program, which is built and never shipped.
 */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>
#include <urcu/defer.h>

static void enter(struct b_worker *w)
{
	(void)w;
	urcu_memb_register_thread();
}

static void leave(struct b_worker *w)
{
	(void)w;
	urcu_memb_unregister_thread();
}

B_SECTION_CASE(memb, "urcu-memb-inline", NULL, enter, urcu_memb_read_lock(),
	       urcu_memb_read_unlock(), leave, NULL)
B_SYNCHRONIZE_CASE(memb, "urcu-memb", NULL, enter, urcu_memb_synchronize_rcu(), (void)0, leave,
		   NULL)

/* The same two as everybody else calls them. */
#undef urcu_memb_read_lock
#undef urcu_memb_read_unlock
void urcu_memb_read_lock(void);
void urcu_memb_read_unlock(void);

B_SECTION_CASE(called, "urcu-memb-call", NULL, enter, urcu_memb_read_lock(),
	       urcu_memb_read_unlock(), leave, NULL)

/* ---- call_rcu ------------------------------------------------------------ */

struct call_object {
	struct rcu_head head;
	struct b_retire_lane *lane;
	uint64_t payload[5];
};

static void call_free(struct rcu_head *head)
{
	struct call_object *obj = PAWL_CONTAINER_OF(head, struct call_object, head);

	B_RETIRE_FREED(obj);
	free(obj);
}

/* The helper thread starts here, from a thread that is not pinned. */
static int call_setup(struct b_run *run)
{
	b_retire_make(run);
	return urcu_memb_get_default_call_rcu_data() ? 0 : -1;
}

static void call_teardown(struct b_run *run)
{
	b_retire_report(run);
	b_teardown_free(run);
}

#define CALL_RETIRE(w, obj) urcu_memb_call_rcu(&(obj)->head, call_free)
#define CALL_BARRIER(w)	    urcu_memb_barrier()

B_RETIRE_CASES(call, "urcu-call_rcu", 0, call_setup, enter, CALL_RETIRE, (void)0, CALL_BARRIER,
	       leave, call_teardown)

/* A helper for each thread. */
static void own_enter(struct b_worker *w)
{
	struct call_rcu_data *data = urcu_memb_create_call_rcu_data(0, -1);

	enter(w);
	if (!data)
		b_die("no helper thread");
	urcu_memb_set_thread_call_rcu_data(data);
	w->local = data;
}

static void own_leave(struct b_worker *w)
{
	urcu_memb_set_thread_call_rcu_data(NULL);
	urcu_memb_call_rcu_data_free(w->local);
	leave(w);
}

#define own_object call_object
B_RETIRE_CASES(own, "urcu-call_rcu-own", 0, call_setup, own_enter, CALL_RETIRE, (void)0,
	       CALL_BARRIER, own_leave, call_teardown)

/* ---- defer_rcu: a ring of 4,096 a thread, drained by its owner when full ---- */

struct defer_object {
	struct b_retire_lane *lane;
	uint64_t payload[7];
};

static void defer_free(void *ptr)
{
	struct defer_object *obj = ptr;

	B_RETIRE_FREED(obj);
	free(obj);
}

static int defer_setup(struct b_run *run)
{
	b_retire_make(run);
	return 0;
}

static void defer_enter(struct b_worker *w)
{
	enter(w);
	if (urcu_memb_defer_register_thread())
		b_die("defer_rcu: cannot register");
}

static void defer_leave(struct b_worker *w)
{
	urcu_memb_defer_unregister_thread();
	leave(w);
}

#define DEFER_RETIRE(w, obj) urcu_memb_defer_rcu(defer_free, obj)
#define DEFER_BARRIER(w)     urcu_memb_defer_barrier_thread()

B_RETIRE_CASES(defer, "urcu-defer_rcu", 0, defer_setup, defer_enter, DEFER_RETIRE, (void)0,
	       DEFER_BARRIER, defer_leave, call_teardown)
