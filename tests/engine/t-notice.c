/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-notice.c - pawl/observe.h: notices, and who subscribes to them.
 */
#include "observe.h"

#include <poll.h>

/* ---- notices ------------------------------------------------------------------------------- */

/* The next one that is there has that message; NULL: there is none. */
static void next_is(struct pawl_subscription *subscription, const char *message, uint64_t lost)
{
	const struct pawl_notice *notice;
	uint64_t n = 77;

	if (!message) {
		assert_int_equal(pawl_notices_take(subscription, 0, &notice, NULL), -ETIMEDOUT);
		return;
	}
	assert_int_equal(pawl_notices_take(subscription, 0, &notice, &n), 0);
	assert_string_equal(notice->message, message);
	assert_int_equal(n, lost);
	pawl_notice_unpin(notice);
}

static void case_notices(void **unused)
{
	struct pawl_subscription *all, *some, *loud, *late;
	const struct pawl_notice *notice, *other;

	(void)unused;
	obs_up();
	all = obs_subscribe(NULL, PAWL_SEVERITY_INFO, 0, 0);
	some = obs_subscribe("a.", PAWL_SEVERITY_INFO, 0, 0);
	loud = obs_subscribe("a.b", PAWL_SEVERITY_ERROR, 0, 0);
	obs_post("a.b", PAWL_SEVERITY_INFO, 1);
	obs_post("a.bc", PAWL_SEVERITY_ERROR, 2);
	obs_post("b.a", PAWL_SEVERITY_WARNING, 3);
	obs_post("a.b", PAWL_SEVERITY_ERROR, 4);
	late = obs_subscribe("a.b", PAWL_SEVERITY_INFO, 0, 1);
	obs_post("a.b", PAWL_SEVERITY_ERROR, 5);
	assert_int_equal(pawl_notices_take(all, PAWL_FOREVER, &notice, NULL), 0);
	assert_int_equal(notice->number, 1);
	assert_int_equal(notice->severity, PAWL_SEVERITY_INFO);
	assert_string_equal(notice->name, "a.b");
	assert_string_equal(notice->json, "{}");
	assert_true(notice->at_ns > 0);
	/* One for all. */
	assert_int_equal(pawl_notices_take(some, 0, &other, NULL), 0);
	assert_ptr_equal(notice, other);
	pawl_notice_unpin(other);
	next_is(all, "it is 2", 0);
	next_is(all, "it is 3", 0);
	next_is(some, "it is 2", 0);
	next_is(some, "it is 4", 0);
	next_is(loud, "it is 4", 0);
	next_is(loud, "it is 5", 0);
	next_is(loud, NULL, 0);
	next_is(late, "it is 1", 0);
	next_is(late, "it is 4", 0);
	next_is(late, "it is 5", 0);
	next_is(late, NULL, 0);
	pawl_notices_unsubscribe(loud);
	pawl_notices_unsubscribe(some);
	pawl_notices_unsubscribe(NULL);
	assert_int_equal(pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, "x", NULL, "%s", ""),
			 0);
	/* Closed, they give what they have. */
	fr_down();
	next_is(all, "it is 4", 0);
	next_is(all, "it is 5", 0);
	assert_int_equal(pawl_notices_take(late, PAWL_FOREVER, &other, NULL), -ESHUTDOWN);
	pawl_notices_unsubscribe(late);
	next_is(all, "", 0);
	assert_int_equal(pawl_notices_take(all, 0, &other, NULL), -ESHUTDOWN);
	pawl_notices_unsubscribe(all);
	/* It stays for who has it. */
	assert_string_equal(notice->message, "it is 1");
	pawl_notice_unpin(notice);
	pawl_notice_unpin(NULL);
}

static void case_slow_subscriber(void **unused)
{
	struct pawl_subscription *three, *one, *late;

	(void)unused;
	obs_up();
	three = obs_subscribe("n", PAWL_SEVERITY_INFO, 3, 0);
	one = obs_subscribe("n", PAWL_SEVERITY_INFO, 1, 0);
	for (int i = 1; i <= 5; i++)
		obs_post("n", PAWL_SEVERITY_INFO, i);
	/* Others are not counted. */
	obs_post("m", PAWL_SEVERITY_INFO, 0);
	next_is(three, "it is 3", 2);
	obs_post("n", PAWL_SEVERITY_INFO, 6);
	obs_post("n", PAWL_SEVERITY_INFO, 7);
	next_is(three, "it is 5", 1);
	next_is(three, "it is 6", 0);
	next_is(three, "it is 7", 0);
	next_is(three, NULL, 0);
	next_is(one, "it is 7", 6);
	for (int i = 1; i <= 300; i++)
		obs_post("n", PAWL_SEVERITY_INFO, i);
	next_is(one, "it is 300", 299);
	next_is(one, NULL, 0);
	/* What is kept for those to come. */
	late = obs_subscribe("n", PAWL_SEVERITY_INFO, 1000, 1);
	next_is(late, "it is 45", 0);
	for (int i = 46; i <= 300; i++) {
		char words[16];

		snprintf(words, sizeof(words), "it is %d", i);
		next_is(late, words, 0);
	}
	next_is(late, NULL, 0);
	pawl_notices_unsubscribe(late);
	pawl_notices_unsubscribe(one);
	pawl_notices_unsubscribe(three);
	fr_down();
}

static void case_notices_wrong(void **unused)
{
	struct pawl_subscription_options options = PAWL_SUBSCRIPTION_OPTIONS_INIT;
	struct pawl_subscription *subscription;
	const char *names[] = {"a", ""};

	(void)unused;
	obs_up();
	assert_int_equal(pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, "engine.x", NULL,
					    "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, "", NULL, "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(fr_engine, PAWL_SEVERITY_INFO, NULL, NULL, "."),
			 -EINVAL);
	assert_int_equal(pawl_engine_notice(fr_engine, (enum pawl_severity)3, "engines", NULL,
					    "."),
			 -EINVAL);
	options.names = names;
	options.names_n = 2;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -EINVAL);
	options.names_n = 1;
	options.most = 65537;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -EINVAL);
	options.most = 1;
	options.before = 2;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -EINVAL);
	options.before = 0;
	options.least = (enum pawl_severity)3;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -EINVAL);
	options.least = PAWL_SEVERITY_ERROR;
	options.size++;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -E2BIG);
	options.size -= 2;
	assert_int_equal(pawl_notices_subscribe(fr_engine, &options, &subscription), -EINVAL);
	fr_down();
}

static bool fd_readable(int fd)
{
	struct pollfd poll_fd = {fd, POLLIN, 0};

	return poll(&poll_fd, 1, 0) == 1;
}

static void case_notices_fd(void **unused)
{
	struct pawl_subscription *all, *late;
	int fd, again;

	(void)unused;
	obs_up();
	all = obs_subscribe("n", PAWL_SEVERITY_INFO, 2, 0);
	assert_int_equal(pawl_notices_fd(all, &fd), 0);
	assert_int_equal(pawl_notices_fd(all, &again), 0);
	assert_int_equal(fd, again);
	assert_false(fd_readable(fd));
	for (int i = 1; i <= 3; i++) {
		obs_post("n", PAWL_SEVERITY_INFO, i);
		assert_true(fd_readable(fd));
	}
	next_is(all, "it is 2", 1);
	assert_true(fd_readable(fd));
	next_is(all, "it is 3", 0);
	assert_false(fd_readable(fd));
	next_is(all, NULL, 0);
	obs_post("n", PAWL_SEVERITY_INFO, 4);
	late = obs_subscribe("n", PAWL_SEVERITY_INFO, 0, 1);
	assert_int_equal(pawl_notices_fd(late, &again), 0);
	assert_true(fd_readable(again));
	next_is(all, "it is 4", 0);
	assert_false(fd_readable(fd));
	fr_down();
	assert_true(fd_readable(fd));
	assert_true(fd_readable(again));
	for (int i = 1; i <= 4; i++) {
		char words[16];

		snprintf(words, sizeof(words), "it is %d", i);
		next_is(late, words, 0);
		assert_true(fd_readable(again));
	}
	pawl_notices_unsubscribe(late);
	pawl_notices_unsubscribe(all);
}

/* In bodies, and in a thread of its own, beside each other. */
struct taker {
	struct pawl_subscription *subscription;
	uint64_t taken, lost, last;
};

static void take_all(void *arg)
{
	struct taker *taker = arg;
	const struct pawl_notice *notice;
	uint64_t lost;

	while (!pawl_notices_take(taker->subscription, PAWL_FOREVER, &notice, &lost)) {
		t_check(notice->number > taker->last);
		taker->last = notice->number;
		taker->taken++;
		taker->lost += lost;
		pawl_notice_unpin(notice);
		t_step();
	}
}

static int noisy_visit(struct pawl_context *context, void *arg)
{
	const unsigned *n = arg;

	for (unsigned i = 0; i < *n; i++) {
		t_check(!pawl_context_notice(context, PAWL_SEVERITY_INFO, "visit", NULL,
					     "number %u", i));
		if (i % 16 == 0)
			(void)pawl_yield();
	}
	return 0;
}

static void noisy_thread(void *arg)
{
	t_check(!pawl_engine_run(fr_engine, noisy_visit, arg));
}

static void case_notices_at_once(void **unused)
{
	struct taker takers[2] = {{NULL, 0, 0, 0}, {NULL, 0, 0, 0}};
	struct t_thread *threads[2], *noisy[3];
	unsigned n = t_scaled(2000);

	(void)unused;
	obs_up();
	takers[0].subscription = obs_subscribe("visit", PAWL_SEVERITY_INFO, 65536, 0);
	takers[1].subscription = obs_subscribe(NULL, PAWL_SEVERITY_INFO, 4, 0);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = t_thread_start(take_all, &takers[i]);
	for (unsigned i = 0; i < 3; i++)
		noisy[i] = t_thread_start(noisy_thread, &n);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(noisy[i]);
	/* It tells them that nothing comes any more. */
	fr_down();
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	assert_int_equal(takers[0].taken, 3 * n);
	assert_int_equal(takers[0].lost, 0);
	assert_int_equal(takers[1].taken + takers[1].lost, 3 * n);
	pawl_notices_unsubscribe(takers[0].subscription);
	pawl_notices_unsubscribe(takers[1].subscription);
}

struct take {
	struct pawl_subscription *subscription;
	uint64_t deadline_ns;
	int error;
};

static int take_body(void *arg, void **ret_value)
{
	struct take *take = arg;
	const struct pawl_notice *notice = NULL;

	(void)ret_value;
	take->error = pawl_notices_take(take->subscription, take->deadline_ns, &notice, NULL);
	pawl_notice_unpin(notice);
	return 0;
}

static void case_notices_in_time(void **unused)
{
	struct take take = {.deadline_ns = 1500};
	const struct pawl_notice *notice;
	struct pawl_result result;
	pawl_task_t task;

	(void)unused;
	obs_up_in_time((struct pawl_engine_options)PAWL_ENGINE_OPTIONS_INIT);
	take.subscription = obs_subscribe("n", PAWL_SEVERITY_INFO, 0, 0);
	assert_int_equal(pawl_notices_take(take.subscription, 1, &notice, NULL), -EINVAL);
	assert_int_equal(pawl_spawn(pawl_runtime_root(fr_rt), NULL, take_body, &take, &task),
			 0);
	fr_pass(1499);
	assert_int_equal(pawl_task_result(fr_rt, task, &result), -EINPROGRESS);
	fr_pass(1500);
	obs_wait_over(task);
	assert_int_equal(take.error, -ETIMEDOUT);
	take.deadline_ns = PAWL_FOREVER;
	assert_int_equal(pawl_spawn(pawl_runtime_root(fr_rt), NULL, take_body, &take, &task),
			 0);
	fr_pass(1600);
	obs_post("n", PAWL_SEVERITY_INFO, 1);
	obs_wait_over(task);
	assert_int_equal(take.error, 0);
	assert_int_equal(pawl_spawn(pawl_runtime_root(fr_rt), NULL, take_body, &take, &task),
			 0);
	fr_pass(1700);
	assert_int_equal(pawl_task_cancel(fr_rt, task), 0);
	obs_wait_over(task);
	assert_int_equal(take.error, -ECANCELED);
	pawl_notices_unsubscribe(take.subscription);
	fr_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_notices),		cmocka_unit_test(case_slow_subscriber),
		cmocka_unit_test(case_notices_wrong),	cmocka_unit_test(case_notices_fd),
		cmocka_unit_test(case_notices_at_once), cmocka_unit_test(case_notices_in_time),
	};

	return t_run("notice", tests);
}
