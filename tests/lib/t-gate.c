/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of lib/gate.c. */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include <pawl.h>

static struct pawl_gate *make(void)
{
	struct pawl_gate *gate = NULL;

	assert_int_equal(pawl_gate_create(&gate), 0);
	return gate;
}

static pawl_gate_ticket_t enter(struct pawl_gate *gate)
{
	pawl_gate_ticket_t ticket = 4711;

	t_check(pawl_gate_try_enter(gate, &ticket) == 0);
	return ticket;
}

static void case_empty(void **state)
{
	struct pawl_gate *gate = make();
	pawl_gate_ticket_t ticket = 4711;

	(void)state;
	pawl_gate_destroy(NULL);
	assert_false(pawl_gate_drained(gate));
	t_assert_errno(pawl_gate_open(gate), EALREADY);
	/* Nothing is inside: closing drains. */
	assert_int_equal(pawl_gate_close(gate), 0);
	assert_true(pawl_gate_drained(gate));
	pawl_gate_wait(gate);
	assert_int_equal(pawl_gate_wait_until(gate, 0), 0);
	t_assert_errno(pawl_gate_close(gate), EALREADY);
	/* A thread without a cell is refused, too. */
	t_assert_errno(pawl_gate_try_enter(gate, &ticket), ESHUTDOWN);
	assert_int_equal(ticket, 4711);
	assert_int_equal(pawl_gate_open(gate), 0);
	assert_false(pawl_gate_drained(gate));
	assert_false(pawl_gate_leave(gate, enter(gate)));
	pawl_gate_destroy(gate);
}

static void case_last_one_drains(void **state)
{
	struct pawl_gate *gate = make();
	pawl_gate_ticket_t ticket[5];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 5; i++)
			ticket[i] = i % 2 ? enter(gate) : pawl_gate_enter(gate);
		assert_false(pawl_gate_leave(gate, ticket[4]));
		assert_int_equal(pawl_gate_close(gate), 0);
		t_assert_errno(pawl_gate_close(gate), EALREADY);
		t_assert_errno(pawl_gate_try_enter(gate, &ticket[4]), ESHUTDOWN);
		for (unsigned i = 0; i < 4; i++) {
			assert_false(pawl_gate_drained(gate));
			t_assert_errno(pawl_gate_open(gate), EBUSY);
			t_assert_errno(pawl_gate_wait_until(gate, 1), ETIMEDOUT);
			assert_int_equal(pawl_gate_leave(gate, ticket[i]), i == 3);
		}
		assert_true(pawl_gate_drained(gate));
		pawl_gate_wait(gate);
		assert_int_equal(pawl_gate_open(gate), 0);
	}
	pawl_gate_destroy(gate);
}

/* A ticket may be used by another thread, one that never entered, or whose slot has no cell. */
struct handed {
	struct pawl_gate *gate;
	pawl_gate_ticket_t ticket;
	bool drained;
};

static void leave_handed(void *arg)
{
	struct handed *handed = arg;

	handed->drained = pawl_gate_leave(handed->gate, handed->ticket);
}

static void enter_handed(void *arg)
{
	struct handed *handed = arg;

	handed->ticket = enter(handed->gate);
}

static void case_tickets_travel(void **state)
{
	struct handed handed = {make(), 0, false};

	(void)state;
	handed.ticket = enter(handed.gate);
	t_thread_join(t_thread_start(leave_handed, &handed));
	assert_false(handed.drained);
	t_thread_join(t_thread_start(enter_handed, &handed));
	/* The thread that entered is gone. */
	assert_int_equal(pawl_gate_close(handed.gate), 0);
	assert_false(pawl_gate_drained(handed.gate));
	t_thread_join(t_thread_start(leave_handed, &handed));
	assert_true(handed.drained);
	pawl_gate_wait(handed.gate);
	pawl_gate_destroy(handed.gate);
}

static void case_no_memory(void **state)
{
	struct pawl_gate *gate = make();
	pawl_gate_ticket_t common, own;

	(void)state;
	t_alloc_fail_at(1);
	common = enter(gate);
	assert_true(t_alloc_failed());
	t_alloc_fail_at(0);
	own = enter(gate);
	assert_int_not_equal(common, own);
	assert_int_equal(pawl_gate_close(gate), 0);
	assert_false(pawl_gate_leave(gate, own));
	assert_true(pawl_gate_leave(gate, common));
	pawl_gate_destroy(gate);
}

struct retired {
	struct pawl_retire_node node;
	struct pawl_gate *gate;
	pawl_gate_ticket_t ticket;
};

static void enter_when_freed(struct pawl_retire_node *node)
{
	struct retired *retired = PAWL_CONTAINER_OF(node, struct retired, node);

	retired->ticket = enter(retired->gate);
}

static void case_reclaimer(void **state)
{
	struct retired retired = {.gate = make()};

	(void)state;
	(void)pawl_retire(&retired.node, 0, enter_when_freed);
	pawl_retire_barrier();
	assert_int_equal(pawl_gate_close(retired.gate), 0);
	assert_true(pawl_gate_leave(retired.gate, retired.ticket));
	pawl_gate_destroy(retired.gate);
}

static int oom_create(void)
{
	struct pawl_gate *gate;
	int error = pawl_gate_create(&gate);

	if (!error)
		pawl_gate_destroy(gate);
	return error;
}

enum { CROWD = 4 };

static struct {
	struct pawl_gate *gate;
	struct pawl_atomic_u32 inside, stop;
	unsigned plain[CROWD];
} crowd;

static void crowd_member(void *arg)
{
	unsigned *mine = arg;

	while (!pawl_load_relaxed(&crowd.stop)) {
		pawl_gate_ticket_t ticket = pawl_gate_enter(crowd.gate);

		pawl_add_relaxed(&crowd.inside, 1u);
		++*mine;
		pawl_sub_relaxed(&crowd.inside, 1u);
		(void)pawl_gate_leave(crowd.gate, ticket);
		t_step();
	}
}

/* While the gate is drained nobody is inside, and all that was done inside is here. */
static void case_crowd(void **state)
{
	struct t_thread *threads[CROWD];

	(void)state;
	memset(&crowd, 0, sizeof(crowd));
	crowd.gate = make();
	for (unsigned i = 0; i < CROWD; i++)
		threads[i] = t_thread_start(crowd_member, &crowd.plain[i]);
	for (unsigned i = 0; i < t_scaled(2000); i++) {
		t_check(pawl_gate_close(crowd.gate) == 0);
		pawl_gate_wait(crowd.gate);
		t_check(pawl_load_relaxed(&crowd.inside) == 0);
		for (unsigned m = 0; m < CROWD; m++)
			crowd.plain[m]++;
		t_check(pawl_gate_open(crowd.gate) == 0);
		t_step();
	}
	pawl_store_relaxed(&crowd.stop, 1u);
	for (unsigned i = 0; i < CROWD; i++)
		t_thread_join(threads[i]);
	pawl_gate_destroy(crowd.gate);
}

static void leave_twice(void *arg)
{
	struct pawl_gate *gate = arg;
	pawl_gate_ticket_t ticket = 0;

	ticket = enter(gate);
	(void)pawl_gate_leave(gate, ticket);
	(void)pawl_gate_leave(gate, ticket);
}

static void leave_unknown(void *arg)
{
	(void)pawl_gate_leave(arg, 3000);
}

static void leave_made_up(void *arg)
{
	(void)pawl_gate_leave(arg, UINT32_MAX - 1);
}

static void enter_detached(void *arg)
{
	(void)!pawl_gate_enter(arg);
}

static void case_contracts(void **state)
{
	struct pawl_gate *gate = make();

	(void)state;
	assert_true(t_aborts(leave_twice, gate, "not used yet"));
	assert_true(t_aborts(leave_unknown, gate, "of this gate"));
	assert_true(t_aborts(leave_made_up, gate, "of this gate"));
	pawl_thread_detach();
	assert_true(t_aborts(enter_detached, gate, "attached"));
	pawl_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_empty),	       cmocka_unit_test(case_last_one_drains),
		cmocka_unit_test(case_tickets_travel), cmocka_unit_test(case_no_memory),
		cmocka_unit_test(case_reclaimer),      T_OOM(oom_create),
		cmocka_unit_test(case_crowd),	       cmocka_unit_test(case_contracts),
	};

	return t_run("gate", cases);
}
