/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-wheel.c - timers against a plain list: what falls due, in which order, and when next; at all
 * distances from a nanosecond to the end of time.
 */
#include "harness.h"

#include <stdlib.h>

#include "../../engine/runtime/wheel.h"

static struct eng_wheel wheel;

static void reset(uint64_t now_ns)
{
	eng_wheel_init(&wheel, now_ns);
}

static struct eng_timer *timer_in(uint64_t deadline_ns, struct eng_timer *timer)
{
	eng_timer_init(timer);
	eng_wheel_insert(&wheel, timer, deadline_ns);
	assert_true(eng_timer_queued(timer));
	return timer;
}

static void case_empty(void **state)
{
	(void)state;
	reset(5);
	assert_true(eng_wheel_next(&wheel) == PAWL_FOREVER);
	assert_null(eng_wheel_expire(&wheel, 5));
	assert_null(eng_wheel_expire(&wheel, UINT64_MAX));
	assert_true(eng_wheel_next(&wheel) == PAWL_FOREVER);
}

static void case_never_early_never_late(void **state)
{
	struct eng_timer timer;

	(void)state;
	for (unsigned bit = 0; bit < 63; bit++) {
		uint64_t deadline_ns = (UINT64_C(1) << bit) + 1000;

		reset(1000);
		timer_in(deadline_ns, &timer);
		assert_true(eng_wheel_next(&wheel) == deadline_ns);
		assert_null(eng_wheel_expire(&wheel, deadline_ns - 1));
		assert_true(eng_timer_queued(&timer));
		assert_true(eng_wheel_next(&wheel) == deadline_ns);
		assert_ptr_equal(eng_wheel_expire(&wheel, deadline_ns), &timer);
		assert_false(eng_timer_queued(&timer));
		assert_null(timer.next);
	}
}

static void case_already_due(void **state)
{
	struct eng_timer a, b, c;

	(void)state;
	reset(1000);
	timer_in(1000, &a);
	timer_in(0, &b);
	timer_in(1001, &c);
	assert_true(eng_wheel_next(&wheel) == 1000);
	assert_ptr_equal(eng_wheel_expire(&wheel, 1000), &b);
	assert_ptr_equal(b.next, &a);
	assert_null(a.next);
	/* One that is due and not yet returned can still be taken back. */
	timer_in(3, &a);
	assert_true(eng_wheel_cancel(&wheel, &a));
	assert_true(eng_wheel_next(&wheel) == 1001);
	assert_true(eng_wheel_cancel(&wheel, &c));
	assert_false(eng_wheel_cancel(&wheel, &c));
	assert_true(eng_wheel_next(&wheel) == PAWL_FOREVER);
}

static void case_end_of_time(void **state)
{
	struct eng_timer never, last;

	(void)state;
	reset(0);
	timer_in(PAWL_FOREVER, &never);
	timer_in(PAWL_FOREVER - 1, &last);
	assert_true(eng_wheel_next(&wheel) == PAWL_FOREVER - 1);
	assert_null(eng_wheel_expire(&wheel, PAWL_FOREVER - 2));
	assert_ptr_equal(eng_wheel_expire(&wheel, PAWL_FOREVER - 1), &last);
	assert_null(last.next);
	assert_true(eng_timer_queued(&never));
	assert_true(eng_wheel_cancel(&wheel, &never));
}

static void case_clock_goes_back(void **state)
{
	struct eng_timer timer;

	(void)state;
	reset(1000);
	timer_in(2000, &timer);
	assert_null(eng_wheel_expire(&wheel, 1500));
	assert_null(eng_wheel_expire(&wheel, 10));
	assert_true(eng_wheel_next(&wheel) == 2000);
	assert_ptr_equal(eng_wheel_expire(&wheel, 2000), &timer);
}

static void case_equal_deadlines_in_turn(void **state)
{
	struct eng_timer timers[100];
	struct eng_timer *timer;

	(void)state;
	/* Half of them while the deadline is far, half when it is near, one when it is over. */
	reset(0);
	for (unsigned i = 0; i < 50; i++)
		timer_in(1u << 20, &timers[i]);
	assert_null(eng_wheel_expire(&wheel, (1u << 20) - 3));
	for (unsigned i = 50; i < 99; i++)
		timer_in(1u << 20, &timers[i]);
	timer_in(1u << 20, &timers[99]);
	timer = eng_wheel_expire(&wheel, 1u << 21);
	for (unsigned i = 0; i < 100; i++, timer = timer->next)
		assert_ptr_equal(timer, &timers[i]);
	assert_null(timer);
}

static void case_twice_aborts_body(void *arg)
{
	struct eng_timer timer;

	(void)arg;
	reset(0);
	timer_in(5, &timer);
	eng_wheel_insert(&wheel, &timer, 6);
}

static void case_twice_aborts(void **state)
{
	(void)state;
	assert_true(t_aborts(case_twice_aborts_body, NULL, "the timer is in no wheel"));
}

/* --- Against a plain array. --- */

#define TIMERS 200
static struct eng_timer timers[TIMERS];
static uint64_t inserted;
static uint64_t number[TIMERS];

static uint64_t some_distance(void)
{
	unsigned bits = (unsigned)t_random_below(44);

	return t_random_below((UINT64_C(1) << bits) + 1);
}

static uint64_t model_next(uint64_t now_ns)
{
	uint64_t next_ns = PAWL_FOREVER;

	for (unsigned i = 0; i < TIMERS; i++) {
		if (number[i] && timers[i].deadline_ns < next_ns)
			next_ns = timers[i].deadline_ns;
	}
	return next_ns < now_ns ? now_ns : next_ns;
}

/* The first that is due, TIMERS if none is. */
static unsigned model_first_due(uint64_t now_ns)
{
	unsigned first = TIMERS;

	for (unsigned i = 0; i < TIMERS; i++) {
		if (!number[i] || timers[i].deadline_ns > now_ns)
			continue;
		if (first == TIMERS || timers[i].deadline_ns < timers[first].deadline_ns ||
		    (timers[i].deadline_ns == timers[first].deadline_ns &&
		     number[i] < number[first]))
			first = i;
	}
	return first;
}

static void check_expire(uint64_t now_ns)
{
	struct eng_timer *chain = eng_wheel_expire(&wheel, now_ns);
	unsigned first;

	while ((first = model_first_due(now_ns)) < TIMERS) {
		assert_ptr_equal(chain, &timers[first]);
		assert_false(eng_timer_queued(chain));
		chain = chain->next;
		number[first] = 0;
	}
	assert_null(chain);
}

static uint64_t some_time(uint64_t now_ns)
{
	uint64_t next_ns = model_next(now_ns);

	switch (t_random_below(4)) {
	case 0:
		return next_ns == PAWL_FOREVER ? now_ns + 1 : next_ns;
	case 1:
		return next_ns == PAWL_FOREVER || next_ns == now_ns ? now_ns : next_ns - 1;
	default:
		return now_ns + some_distance();
	}
}

static void case_against_a_list(void **state)
{
	uint64_t now_ns = t_random_below(UINT64_C(1) << 50);
	unsigned live, most = 0;

	(void)state;
	reset(now_ns);
	for (unsigned i = 0; i < t_scaled(200000); i++) {
		unsigned which = (unsigned)t_random_below(TIMERS);

		if (number[which]) {
			assert_true(eng_wheel_cancel(&wheel, &timers[which]));
			number[which] = 0;
		} else if (t_random_below(8)) {
			number[which] = ++inserted;
			timer_in(now_ns + some_distance(), &timers[which]);
		} else {
			now_ns = some_time(now_ns);
			check_expire(now_ns);
		}
		if (t_random_below(4) == 0)
			assert_true(eng_wheel_next(&wheel) == model_next(now_ns));
		live = 0;
		for (unsigned j = 0; j < TIMERS; j++)
			live += number[j] != 0;
		assert_int_equal(wheel.count, live);
		most = live > most ? live : most;
		if (i % 64 == 0)
			t_step();
	}
	assert_true(most > 50);
	/* To the end, a deadline at a time. */
	while ((now_ns = eng_wheel_next(&wheel)) != PAWL_FOREVER) {
		assert_true(now_ns == model_next(0));
		check_expire(now_ns);
	}
	assert_int_equal(wheel.count, 0);
	assert_int_equal(wheel.levels, 0);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_empty),
		cmocka_unit_test(case_never_early_never_late),
		cmocka_unit_test(case_already_due),
		cmocka_unit_test(case_end_of_time),
		cmocka_unit_test(case_clock_goes_back),
		cmocka_unit_test(case_equal_deadlines_in_turn),
		cmocka_unit_test(case_twice_aborts),
		cmocka_unit_test(case_against_a_list),
	};

	return t_run("wheel", cases);
}
