/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-report.c - rare events: names, counts, the hook; and the report of a refused membarrier,
 * which takes a process of its own that a seccomp filter keeps from making that call.
 */
#include "harness.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/report.h>
#include <pawl/retire.h>
#include <pawl/thread.h>
#include <pawl/version.h>

static void case_names(void **state)
{
	static const char *const names[] = {
		[PAWL_REPORT_WAIT_LONG] = "wait-long",
		[PAWL_REPORT_NO_MEMBARRIER] = "no-membarrier",
		[PAWL_REPORT_THREAD_LEFT] = "thread-left",
		[PAWL_REPORT_RETIRE_PRESSURE] = "retire-pressure",
		[PAWL_REPORT_IDS_BAD_FREE] = "ids-bad-free",
	};

	(void)state;
	/* Whoever adds a kind names it here. */
	assert_int_equal(sizeof(names) / sizeof(*names), PAWL_REPORT_COUNT);
	for (unsigned i = 0; i < PAWL_REPORT_COUNT; i++)
		assert_string_equal(pawl_report_kind_name((enum pawl_report_kind)i), names[i]);
}

/* Numbers that are no kind: asked through a variable, as data of a program would. */
static void case_no_such_kind(void **state)
{
	static const int wrong[] = {
		PAWL_REPORT_COUNT, PAWL_REPORT_COUNT + 1, 1000, -1, INT32_MIN, INT32_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		enum pawl_report_kind kind;

		memcpy(&kind, &wrong[i], sizeof(kind));
		assert_string_equal(pawl_report_kind_name(kind), "unknown");
		assert_int_equal(pawl_report_count(kind), 0);
	}
}

/* A hook that keeps what it was told. Two threads never report in these cases at once. */

struct keeper {
	struct pawl_report_hook hook;
	unsigned calls;
	enum pawl_report_kind kind;
	uint64_t value;
	char text[128];
	const void *subject;
	bool memory_works;
};

static void keep(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	struct keeper *keeper = PAWL_CONTAINER_OF((uintptr_t)hook, struct keeper, hook);
	void *block;

	keeper->calls++;
	keeper->kind = report->kind;
	keeper->value = report->value;
	keeper->subject = report->subject;
	snprintf(keeper->text, sizeof(keeper->text), "%s", report->text);
	/* "It may allocate", of Pawl or not. */
	block = pawl_mem_alloc(10, 0);
	keeper->memory_works = block != NULL;
	pawl_mem_free(block, 10, 0);
}

static struct keeper first = {.hook = {keep}}, second = {.hook = {keep}};

static void end_attached(void *arg)
{
	t_check(pawl_thread_attach("left") == 0);
	*(unsigned *)arg = pawl_thread_slot();
}

static unsigned cause_report(void)
{
	unsigned slot = UINT32_MAX;

	t_thread_join(t_thread_start_bare(end_attached, &slot));
	return slot;
}

static void case_hook(void **state)
{
	uint64_t before = pawl_report_count(PAWL_REPORT_THREAD_LEFT);
	uint64_t others = pawl_report_count(PAWL_REPORT_RETIRE_PRESSURE);
	unsigned slot;

	(void)state;
	first.calls = second.calls = 0;

	/* No hook: counted. */
	cause_report();
	assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT), before + 1);

	pawl_report_set_hook(&first.hook);
	slot = cause_report();
	assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT), before + 2);
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.kind, PAWL_REPORT_THREAD_LEFT);
	assert_int_equal(first.value, slot);
	assert_null(first.subject);
	assert_true(first.memory_works);
	assert_string_not_equal(first.text, "");
	assert_null(strchr(first.text, '\n'));

	/* Replaced: only the new one is called. */
	pawl_report_set_hook(&second.hook);
	cause_report();
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);

	pawl_report_set_hook(NULL);
	cause_report();
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
	assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT), before + 4);
	assert_int_equal(pawl_report_count(PAWL_REPORT_RETIRE_PRESSURE), others);
}

/* Hooks change while several threads report: each report goes to one of them, none is lost. */

#define REPORTERS 3
static struct pawl_atomic_u64 heard[2];
static struct pawl_atomic_u32 reporting;
static unsigned reports_each;

static void hear(const struct pawl_report_hook *hook, const struct pawl_report *report);
static const struct pawl_report_hook listeners[2] = {{hear}, {hear}};

static void hear(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	t_check(report->kind == PAWL_REPORT_THREAD_LEFT);
	pawl_add_relaxed(&heard[hook == &listeners[1]], 1);
}

static void *end_attached_thread(void *arg)
{
	unsigned slot;

	(void)arg;
	end_attached(&slot);
	return NULL;
}

static void report_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < reports_each; i++) {
		pthread_t thread;

		t_check(pthread_create(&thread, NULL, end_attached_thread, NULL) == 0);
		t_check(pthread_join(thread, NULL) == 0);
		t_step();
	}
	pawl_sub_release(&reporting, 1);
}

static void case_hook_changes(void **state)
{
	uint64_t before = pawl_report_count(PAWL_REPORT_THREAD_LEFT);
	struct t_thread *threads[REPORTERS];
	unsigned turn = 0;

	(void)state;
	reports_each = t_scaled(200);
	pawl_init_word(&heard[0], 0);
	pawl_init_word(&heard[1], 0);
	pawl_init_word(&reporting, REPORTERS);
	pawl_report_set_hook(&listeners[0]);
	for (unsigned i = 0; i < REPORTERS; i++)
		threads[i] = t_thread_start_bare(report_often, NULL);
	pawl_rcu_idle_enter();
	while (pawl_load_acquire(&reporting)) {
		pawl_report_set_hook(&listeners[++turn % 2]);
		t_yield();
	}
	pawl_rcu_idle_leave();
	for (unsigned i = 0; i < REPORTERS; i++)
		t_thread_join(threads[i]);
	pawl_report_set_hook(NULL);
	assert_int_equal(pawl_load_relaxed(&heard[0]) + pawl_load_relaxed(&heard[1]),
			 (uint64_t)REPORTERS * reports_each);
	assert_int_equal(pawl_report_count(PAWL_REPORT_THREAD_LEFT),
			 before + (uint64_t)REPORTERS * reports_each);
}

/* --- In a process of its own: membarrier is refused. --- */

static void refuse_membarrier(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
}

/* liburcu asks for membarrier when it is loaded: the filter must be there before. */
static int start_without_membarrier(void)
{
	char path[] = "/proc/self/exe", word[] = "without-membarrier";
	char *argv[] = {path, word, NULL};

	refuse_membarrier();
	execv(path, argv);
	return 78;
}

static struct pawl_atomic_u32 stop_reading;
static struct pawl_atomic_ptr shared;

static void read_shared(void *arg)
{
	(void)arg;
	while (!pawl_load_acquire(&stop_reading)) {
		const uint64_t *word;

		pawl_rcu_begin();
		word = pawl_load_acquire(&shared);
		t_check(*word == 1);
		pawl_rcu_end();
		pawl_rcu_quiescent();
	}
}

static int without_membarrier(void)
{
	bool qsbr = strstr(pawl_build_string(), "qsbr") != NULL;
	struct t_thread *reader;
	uint64_t *word = malloc(sizeof(*word));

	t_check(syscall(SYS_membarrier, 0, 0, 0) == -1);
	t_check(word);
	*word = 1;
	pawl_init_word(&shared, word);
	pawl_report_set_hook(&first.hook);
	t_check(pawl_thread_attach("first") == 0);
	t_check(pawl_report_count(PAWL_REPORT_NO_MEMBARRIER) == !qsbr);
	if (!qsbr) {
		t_check(first.calls == 1);
		t_check(first.kind == PAWL_REPORT_NO_MEMBARRIER);
		t_check(first.value == EPERM);
	}
	/* Said once, however often threads come and go. */
	pawl_thread_detach();
	t_check(pawl_thread_attach("again") == 0);
	t_check(pawl_report_count(PAWL_REPORT_NO_MEMBARRIER) == !qsbr);
	t_check(first.calls == !qsbr);

	/* And it works. */
	reader = t_thread_start(read_shared, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t *fresh = malloc(sizeof(*fresh));
		uint64_t *old;

		t_check(fresh);
		*fresh = 1;
		old = pawl_xchg_acq_rel(&shared, (void *)fresh);
		pawl_rcu_synchronize();
		*old = 0;
		free(old);
	}
	pawl_store_release(&stop_reading, 1);
	t_thread_join(reader);
	free(pawl_load_relaxed(&shared));
	pawl_retire_barrier();
	pawl_thread_detach();
	return 0;
}

static void case_membarrier_refused(void **state)
{
	int status;

	(void)state;
	status = t_rerun("filter", NULL, 0);
	if (status == 77)
		return t_skip("no seccomp here");
	assert_int_equal(status, 0);
}

static int oom_report(void)
{
	uint64_t calls;
	int rc;

	pawl_report_set_hook(NULL);
	calls = t_alloc_calls();
	t_check(pawl_report_count(PAWL_REPORT_COUNT) == 0);
	t_check(t_alloc_calls() == calls);
	rc = pawl_thread_attach("report");
	if (rc)
		return rc;
	pawl_thread_detach();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_names),
		cmocka_unit_test(case_no_such_kind),
		cmocka_unit_test(case_hook),
		cmocka_unit_test(case_hook_changes),
		cmocka_unit_test(case_membarrier_refused),
		T_OOM(oom_report),
	};

	if (argc == 2 && strcmp(argv[1], "filter") == 0)
		return start_without_membarrier();
	if (argc == 2 && strcmp(argv[1], "without-membarrier") == 0)
		return without_membarrier();
	return t_run("report", cases);
}
