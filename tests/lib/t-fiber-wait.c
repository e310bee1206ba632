/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-fiber-wait.c - fibres that wait: for events, tokens, deadlines, woken by threads and by each
 * other, under a scheduler of one thread. For locks: t-fiber-lock.c.
 */
#include "sched.h"
#include "waiting.h"

#include <errno.h>
#include <string.h>

/* ---- the token --------------------------------------------------------- */

static void token_is_sticky(void *arg)
{
	struct pawl_waiter *self = pawl_waiter_self();

	t_check(self == pawl_fiber_waiter(pawl_fiber_self()));
	t_check(self != pawl_waiter_thread());
	t_check(!strcmp(self->ops->kind, "fibre"));
	t_check(!pawl_park_until(0));
	pawl_unpark(self);
	pawl_unpark(self);
	pawl_park();
	t_check(!pawl_park_until(0));
	pawl_unpark(self);
	t_check(pawl_park_until(0));
	/* A deadline in the past still switches, and comes back without a token. */
	t_check(!pawl_park_until(1));
	++*(unsigned *)arg;
}

static void case_token(void **state)
{
	struct sched sched;
	unsigned done = 0;

	(void)state;
	sched_init(&sched);
	assert_ptr_equal(pawl_waiter_self(), pawl_waiter_thread());
	spawn(&sched, token_is_sticky, &done);
	assert_ptr_equal(pawl_waiter_self(), pawl_waiter_thread());
	sched_run(&sched);
	assert_int_equal(done, 1);
	assert_int_equal(sched.expired, 1);
	assert_int_equal(pawl_load_relaxed(&sched.readies), 0);
	sched_fini(&sched);
}

static void park_once(void *arg)
{
	pawl_park();
	++*(unsigned *)arg;
}

static void park_until_soon(void *arg)
{
	++*(unsigned *)arg;
	(void)pawl_park_until(1);
	++*(unsigned *)arg;
}

/* ready comes once for a park, however many unparks there are. */
static void case_ready_comes_once(void **state)
{
	struct sched sched;
	struct pawl_fiber *fiber;
	unsigned done = 0;

	(void)state;
	sched_init(&sched);
	fiber = spawn(&sched, park_once, &done);
	assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	for (unsigned i = 0; i < 3; i++)
		pawl_unpark(pawl_fiber_waiter(fiber));
	assert_int_equal(pawl_load_relaxed(&sched.readies), 1);
	assert_false(pawl_fiber_expire(fiber));
	sched_run(&sched);
	assert_int_equal(done, 1);
	assert_int_equal(pawl_load_relaxed(&sched.readies), 1);
	sched_fini(&sched);
}

/* Expired: no ready any more, but the token of a waker that comes later is found. */
static void case_expire_takes_it_back(void **state)
{
	struct sched sched;
	struct pawl_fiber *fiber;
	unsigned done = 0;

	(void)state;
	sched_init(&sched);
	fiber = spawn(&sched, park_until_soon, &done);
	assert_true(pawl_fiber_deadline(fiber) == 1);
	assert_true(pawl_fiber_expire(fiber));
	assert_false(pawl_fiber_expire(fiber));
	pawl_unpark(pawl_fiber_waiter(fiber));
	assert_int_equal(pawl_load_relaxed(&sched.readies), 0);
	run_fiber(&sched, fiber);
	assert_int_equal(done, 2);
	sched_fini(&sched);
}

/* Resumed although nobody woke it and it has no deadline: a wake-up for nothing, whatever it waits for. */
static void wait_for_ever(void *arg)
{
	struct pawl_event *event = arg;
	struct pawl_listener listener;

	t_check(pawl_park_until(PAWL_FOREVER));
	pawl_event_listen(event, &listener, "for ever", 0);
	pawl_event_wait(&listener);
}

static void case_expired_without_a_deadline(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct pawl_fiber *fiber;
	struct sched sched;

	(void)state;
	sched_init(&sched);
	fiber = spawn(&sched, wait_for_ever, &event);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pawl_event_listening(&event), i > 0);
		assert_true(pawl_fiber_expire(fiber));
		run_fiber(&sched, fiber);
		assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	}
	pawl_event_notify(&event, 1);
	sched_run(&sched);
	sched_fini(&sched);
}

/* A late wake-up meets nobody, or a later fibre on the same record, which bears it. */
static void case_late_unpark(void **state)
{
	struct sched sched;
	struct pawl_fiber *fiber;
	struct pawl_waiter *late;
	unsigned done = 0;

	(void)state;
	sched_init(&sched);
	fiber = spawn(&sched, park_once, &done);
	late = pawl_fiber_waiter(fiber);
	pawl_unpark(late);
	sched_run(&sched);
	assert_int_equal(done, 1);
	pawl_unpark(late);
	pawl_unpark(late);
	assert_int_equal(pawl_load_relaxed(&sched.readies), 1);
	/* What it left is not for the next one. */
	assert_ptr_equal(spawn(&sched, park_once, &done), fiber);
	assert_int_equal(pawl_fiber_state(fiber), PAWL_FIBER_PARKED);
	pawl_unpark(late);
	sched_run(&sched);
	assert_int_equal(done, 2);
	sched_fini(&sched);
}

static void kill_parked(void *arg)
{
	++*(unsigned *)arg;
	pawl_park();
	++*(unsigned *)arg;
}

static void case_kill_parked(void **state)
{
	struct sched sched;
	struct pawl_fiber *fiber;
	unsigned steps = 0;

	(void)state;
	sched_init(&sched);
	fiber = spawn(&sched, kill_parked, &steps);
	assert_true(pawl_fiber_expire(fiber));
	pawl_fiber_kill(fiber);
	assert_int_equal(pawl_fiber_destroy(fiber), 0);
	assert_int_equal(steps, 1);
	sched.live = 0;
	sched_fini(&sched);
}

/* ---- without hooks a fibre sleeps as its thread ------------------------- */

static void park_as_thread(void *arg)
{
	t_check(pawl_waiter_self() == pawl_waiter_thread());
	pawl_store_release((struct pawl_atomic_ptr *)arg, (void *)pawl_waiter_self());
	pawl_park();
}

static void unpark_when_there(void *arg)
{
	struct pawl_waiter *waiter;

	while (!(waiter = pawl_load_acquire((struct pawl_atomic_ptr *)arg)))
		t_yield();
	pawl_unpark(waiter);
}

static void case_without_hooks(void **state)
{
	struct pawl_atomic_ptr waiter = {NULL};
	struct pawl_fiber *fiber;
	struct t_thread *thread;

	(void)state;
	drain_tokens();
	assert_int_equal(pawl_fiber_create(NULL, park_as_thread, &waiter, &fiber), 0);
	thread = t_thread_start(unpark_when_there, &waiter);
	assert_int_equal(pawl_fiber_resume(fiber), PAWL_FIBER_FINISHED);
	t_thread_join(thread);
	assert_int_equal(pawl_fiber_destroy(fiber), 0);
}

/* ---- events ------------------------------------------------------------ */

struct gate {
	struct pawl_event event;
	struct pawl_atomic_u32 value;
	struct pawl_atomic_u32 passed;
	unsigned rounds;
};

static void wait_for_value(struct gate *gate, uint32_t value)
{
	while (pawl_load_acquire(&gate->value) < value) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->event, &listener, "value", value);
		if (pawl_load_acquire(&gate->value) >= value)
			pawl_event_unlisten(&listener);
		else
			pawl_event_wait(&listener);
		memset(&listener, 0xa5, sizeof(listener));
	}
}

static void waiting_fiber(void *arg)
{
	struct gate *gate = arg;

	for (unsigned round = 1; round <= gate->rounds; round++) {
		wait_for_value(gate, round);
		pawl_add_release(&gate->passed, 1u);
		t_step();
	}
}

enum { WAITERS = 20 };

static void raise_value(void *arg)
{
	struct gate *gate = arg;

	for (unsigned round = 1; round <= gate->rounds; round++) {
		pawl_store_release(&gate->value, round);
		pawl_event_notify_all(&gate->event);
		await(pawl_load_acquire(&gate->passed) == round * WAITERS);
	}
}

static void case_event_woken_by_a_thread(void **state)
{
	struct gate gate = {.event = PAWL_EVENT_INIT, .rounds = t_scaled(2000)};
	struct t_thread *thread;
	struct sched sched;

	(void)state;
	sched_init(&sched);
	for (unsigned i = 0; i < WAITERS; i++)
		spawn(&sched, waiting_fiber, &gate);
	thread = t_thread_start(raise_value, &gate);
	sched_run(&sched);
	t_thread_join(thread);
	assert_int_equal(pawl_load_relaxed(&gate.passed), gate.rounds * WAITERS);
	assert_false(pawl_event_listening(&gate.event));
	sched_fini(&sched);
}

/* Two schedulers whose fibres wake each other, one by one. */
struct ring {
	struct gate gates[2];
};

struct side {
	struct ring *ring;
	unsigned me;
};

static void ring_fiber(void *arg)
{
	struct side *side = arg;
	struct gate *mine = &side->ring->gates[side->me];
	struct gate *other = &side->ring->gates[1 - side->me];

	for (unsigned round = 1; round <= mine->rounds; round++) {
		if (side->me == 0) {
			pawl_store_release(&other->value, round);
			pawl_event_notify(&other->event, 1);
			wait_for_value(mine, round);
		} else {
			wait_for_value(mine, round);
			pawl_store_release(&other->value, round);
			pawl_event_notify(&other->event, 1);
		}
		t_step();
	}
}

static void ring_thread(void *arg)
{
	struct sched sched;

	sched_init(&sched);
	spawn(&sched, ring_fiber, arg);
	sched_run(&sched);
	sched_fini(&sched);
}

static void case_fibers_of_two_threads(void **state)
{
	struct ring ring = {.gates = {{.event = PAWL_EVENT_INIT}, {.event = PAWL_EVENT_INIT}}};
	struct side sides[2] = {{&ring, 0}, {&ring, 1}};
	struct t_thread *thread;

	(void)state;
	ring.gates[0].rounds = ring.gates[1].rounds = t_scaled(20000);
	thread = t_thread_start(ring_thread, &sides[1]);
	ring_thread(&sides[0]);
	t_thread_join(thread);
}

/* Who waits for what: fibres are named as such. */
static void case_described_as_fibers(void **state)
{
	struct gate gate = {.event = PAWL_EVENT_INIT, .rounds = 1};
	struct pawl_event_waiter waiters[2];
	struct pawl_fiber *fibers[2];
	struct sched sched;

	(void)state;
	sched_init(&sched);
	for (unsigned i = 0; i < 2; i++)
		fibers[i] = spawn(&sched, waiting_fiber, &gate);
	assert_int_equal(pawl_event_waiters(&gate.event, 2, waiters), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(waiters[i].kind, "fibre");
		assert_int_equal(waiters[i].number, pawl_fiber_number(fibers[i]));
	}
	pawl_store_release(&gate.value, 1u);
	pawl_event_notify_all(&gate.event);
	sched_run(&sched);
	sched_fini(&sched);
}

/* ---- deadlines against wake-ups ----------------------------------------- */

/*
 * Units of work, each announced by notify_more(1), waited for with deadlines that are over at
 * different times. A unit is taken by whoever sees it; a notification lost in the race of
 * deadline and unpark would leave a unit and everybody asleep.
 */
struct work {
	struct pawl_event event;
	struct pawl_atomic_u32 units, taken, timeouts;
	unsigned all;
};

static bool take_unit(struct work *work)
{
	uint32_t units = pawl_load_relaxed(&work->units);

	while (units) {
		if (pawl_cas_acquire(&work->units, &units, units - 1)) {
			pawl_add_relaxed(&work->taken, 1u);
			t_step();
			return true;
		}
	}
	return false;
}

static bool work_left(struct work *work)
{
	return pawl_load_relaxed(&work->taken) < work->all;
}

static void take_units(void *arg)
{
	struct work *work = arg;

	while (work_left(work)) {
		struct pawl_listener listener;
		uint64_t how = t_random_below(4);

		if (take_unit(work))
			continue;
		pawl_event_listen(&work->event, &listener, "unit", how);
		if (pawl_load_relaxed(&work->units) || !work_left(work)) {
			pawl_event_unlisten(&listener);
			continue;
		}
		if (how == 0)
			pawl_event_wait(&listener);
		else if (pawl_event_wait_until(
				 &listener,
				 how == 1 ? 1 : pawl_deadline_in(t_random_below(20000))))
			pawl_add_relaxed(&work->timeouts, 1u);
		memset(&listener, 0xa5, sizeof(listener));
	}
	pawl_event_notify_all(&work->event);
}

static void make_units(void *arg)
{
	struct work *work = arg;

	for (unsigned i = 0; i < work->all / 2; i++) {
		pawl_add_release(&work->units, 1u);
		pawl_event_notify_more(&work->event, 1);
		if (t_random_below(8) == 0)
			t_yield();
	}
}

static void case_deadlines_against_wakes(void **state)
{
	struct work work = {.event = PAWL_EVENT_INIT, .all = 2 * t_scaled(20000)};
	struct t_thread *threads[2];
	struct sched sched;

	(void)state;
	sched_init(&sched);
	for (unsigned i = 0; i < 8; i++)
		spawn(&sched, take_units, &work);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(make_units, &work);
	sched_run(&sched);
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_load_relaxed(&work.taken), work.all);
	assert_int_equal(pawl_load_relaxed(&work.units), 0);
	assert_false(pawl_event_listening(&work.event));
	sched_fini(&sched);
}

/* Deadlines that never race: all are over, one after the other. */
static void time_out(void *arg)
{
	struct pawl_event *event = arg;

	for (unsigned i = 0; i < 5; i++) {
		uint64_t deadline_ns = pawl_deadline_in(i * 1000);
		struct pawl_listener listener;

		pawl_event_listen(event, &listener, NULL, 0);
		t_check(pawl_event_wait_until(&listener, deadline_ns) == -ETIMEDOUT);
		t_check(pawl_now_ns() >= deadline_ns);
	}
}

static void case_timeouts(void **state)
{
	struct pawl_event event = PAWL_EVENT_INIT;
	struct sched sched;

	(void)state;
	sched_init(&sched);
	for (unsigned i = 0; i < 10; i++)
		spawn(&sched, time_out, &event);
	sched_run(&sched);
	assert_int_equal(pawl_load_relaxed(&sched.readies), 0);
	sched_fini(&sched);
}

/* ---- several events ---------------------------------------------------- */

static void wait_any(void *arg)
{
	struct gate *gates = arg;

	for (unsigned round = 1; round <= gates[0].rounds; round++) {
		struct pawl_listener a, b;
		struct pawl_listener *both[2] = {&a, &b};
		size_t index;

		while (pawl_load_acquire(&gates[0].value) < round &&
		       pawl_load_acquire(&gates[1].value) < round) {
			pawl_event_listen(&gates[0].event, &a, NULL, 0);
			pawl_event_listen(&gates[1].event, &b, NULL, 0);
			if (pawl_load_acquire(&gates[0].value) < round &&
			    pawl_load_acquire(&gates[1].value) < round) {
				t_check(!pawl_event_wait_any(both, 2, PAWL_FOREVER, &index));
				pawl_event_unlisten(both[1 - index]);
			} else {
				pawl_event_unlisten(&a);
				pawl_event_unlisten(&b);
			}
		}
		pawl_add_release(&gates[0].passed, 1u);
		t_step();
	}
}

static void raise_either(void *arg)
{
	struct gate *gates = arg;

	for (unsigned round = 1; round <= gates[0].rounds; round++) {
		struct gate *gate = &gates[t_random_below(2)];

		pawl_store_release(&gate->value, round);
		pawl_event_notify_all(&gate->event);
		await(pawl_load_acquire(&gates[0].passed) == round * 4);
	}
}

static void case_wait_any(void **state)
{
	struct gate gates[2] = {{.event = PAWL_EVENT_INIT}, {.event = PAWL_EVENT_INIT}};
	struct t_thread *thread;
	struct sched sched;

	(void)state;
	gates[0].rounds = t_scaled(5000);
	sched_init(&sched);
	for (unsigned i = 0; i < 4; i++)
		spawn(&sched, wait_any, gates);
	thread = t_thread_start(raise_either, gates);
	sched_run(&sched);
	t_thread_join(thread);
	sched_fini(&sched);
}

/* ---- a thread that waits inside a fibre's resume -------------------------- */

static void nested_park(void *arg)
{
	struct pawl_fiber *inner;

	/* The inner one parks as itself, to this fibre, which resumes it after its deadline. */
	t_check(!pawl_fiber_create(NULL, park_until_soon, arg, &inner));
	t_check(pawl_fiber_resume(inner) == PAWL_FIBER_PARKED);
	t_check(pawl_waiter_self() == pawl_fiber_waiter(pawl_fiber_self()));
	t_check(pawl_fiber_expire(inner));
	t_check(pawl_fiber_resume(inner) == PAWL_FIBER_FINISHED);
	t_check(!pawl_fiber_destroy(inner));
}

static void case_nested_park(void **state)
{
	struct sched sched;
	unsigned steps = 0;

	(void)state;
	sched_init(&sched);
	spawn(&sched, nested_park, &steps);
	sched_run(&sched);
	assert_int_equal(steps, 2);
	sched_fini(&sched);
}

/* ---- contracts --------------------------------------------------------- */

static void resume_parked(void *arg)
{
	struct sched sched;
	unsigned done = 0;

	(void)arg;
	sched_init(&sched);
	pawl_fiber_resume(spawn(&sched, park_once, &done));
}

static void park_as(void *arg)
{
	struct pawl_waiter *other = arg;

	other->ops->park(other, PAWL_FOREVER);
}

static void park_as_another(void *arg)
{
	struct pawl_fiber *a, *b;

	(void)arg;
	t_check(!pawl_fiber_create(NULL, park_once, NULL, &a));
	t_check(!pawl_fiber_create(NULL, park_as, pawl_fiber_waiter(a), &b));
	pawl_fiber_resume(b);
}

/* Nobody could be told that it may go on. */
static void park_as_fiber(void *arg)
{
	(void)arg;
	park_as(pawl_fiber_waiter(pawl_fiber_self()));
}

static void park_as_itself_without_hooks(void *arg)
{
	struct pawl_fiber *fiber;

	(void)arg;
	t_check(!pawl_fiber_set_hooks(NULL));
	t_check(!pawl_fiber_create(NULL, park_as_fiber, NULL, &fiber));
	pawl_fiber_resume(fiber);
}

static void case_contracts(void **state)
{
	(void)state;
	assert_true(t_aborts(park_as_itself_without_hooks, NULL, "without hooks"));
	assert_true(t_aborts(resume_parked, NULL, "unparked or expired"));
	assert_true(t_aborts(park_as_another, NULL, "parks as itself"));
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_token),
		cmocka_unit_test(case_ready_comes_once),
		cmocka_unit_test(case_expire_takes_it_back),
		cmocka_unit_test(case_expired_without_a_deadline),
		cmocka_unit_test(case_late_unpark),
		cmocka_unit_test(case_kill_parked),
		cmocka_unit_test(case_without_hooks),
		cmocka_unit_test(case_event_woken_by_a_thread),
		cmocka_unit_test(case_fibers_of_two_threads),
		cmocka_unit_test(case_described_as_fibers),
		cmocka_unit_test(case_deadlines_against_wakes),
		cmocka_unit_test(case_timeouts),
		cmocka_unit_test(case_wait_any),
		cmocka_unit_test(case_nested_park),
		cmocka_unit_test(case_contracts),
	};

	return t_run("fiber-wait", cases);
}
