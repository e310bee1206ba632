/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-idle-long.c - an idle runtime does nothing at all: after a load, and with bodies that wait, its threads make no
 * system call and are not switched to.
 *
 * What a thread did is seen in /proc: the times it was switched from, and the call it sleeps in. A thread that is
 * asleep in the same call, and was never switched from in between, made none. So nothing here depends on how long
 * anything takes: it is looked until all sleep, and then again after the stretch.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>

#define THREADS_MAX 64
#define WAITING	    100

static struct pawl_atomic_u32 ran;
static struct pawl_event never;

/* A thread of this process, and what it has done so far. */
struct seen {
	int tid;
	char name[32];
	unsigned long voluntary, involuntary;
	char call[256];
};

static bool read_line(const char *path, char *line, size_t len)
{
	FILE *file = fopen(path, "re");
	bool ok = file && fgets(line, (int)len, file);

	if (file)
		fclose(file);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

static bool see_thread(int tid, struct seen *seen)
{
	char path[64], line[256];
	FILE *file;

	memset(seen, 0, sizeof(*seen));
	seen->tid = tid;
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
	if (!read_line(path, seen->name, sizeof(seen->name)))
		return false;
	/* The number of the call and its arguments; may be kept from us. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	if (!read_line(path, seen->call, sizeof(seen->call)))
		strcpy(seen->call, "unknown");
	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		(void)sscanf(line, "voluntary_ctxt_switches: %lu", &seen->voluntary);
		(void)sscanf(line, "nonvoluntary_ctxt_switches: %lu", &seen->involuntary);
	}
	fclose(file);
	return true;
}

/* Those that were there before the runtime: this one, the harness's, a sanitizer's. */
static int strangers[THREADS_MAX];
static unsigned stranger_count;

static bool is_stranger(int tid)
{
	for (unsigned i = 0; i < stranger_count; i++) {
		if (strangers[i] == tid)
			return true;
	}
	return false;
}

/* All threads but those. */
static unsigned see_threads(struct seen *all)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned count = 0;

	assert_non_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		int tid = atoi(entry->d_name);

		if (tid <= 0 || is_stranger(tid) || !see_thread(tid, &all[count]))
			continue;
		count++;
		assert_true(count < THREADS_MAX);
	}
	closedir(dir);
	return count;
}

static bool same(const struct seen *one, const struct seen *other)
{
	return one->tid == other->tid && one->voluntary == other->voluntary &&
	       one->involuntary == other->involuntary && !strcmp(one->call, other->call);
}

/* It sleeps in a call that ends by itself: the watchdog, until it finds that there is nothing to watch. */
static bool has_deadline(const struct seen *one)
{
	char timeout[32];
	long call;

	return sscanf(one->call, "%ld %*s %*s %*s %31s", &call, timeout) == 2 &&
	       call == SYS_futex && strcmp(timeout, "0x0") != 0;
}

/* ---- the load ------------------------------------------------------------------------------ */

static int wait_for_ever(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&ran, 1u);
	pawl_event_listen(&never, &listener, "nothing", 0);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int yield_some(void *arg, void **ret_value)
{
	(void)ret_value;
	for (uintptr_t i = (uintptr_t)arg % 3; i; i--)
		t_check(!pawl_yield());
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

static int job(void *arg)
{
	(void)arg;
	return 0;
}

/* Bodies that use what has threads of its own, so that they are there and idle as well. */
static int use_all(void *arg, void **ret_value)
{
	(void)ret_value;
	t_check(!pawl_blocking(arg, job, NULL));
	t_check(!pawl_sleep_until(pawl_deadline_in(1000)));
	pawl_add_relaxed(&ran, 1u);
	return 0;
}

/* ---- idle ------------------------------------------------------------------------------------ */

/*
 * The memory reclaimer and those that wait for one more thing to do may take a moment after the last of the work:
 * all is at rest when two looks find the same, and nobody that wakes by itself.
 */
static unsigned wait_for_rest(struct pawl_runtime *rt, struct seen *all)
{
	const struct timespec moment = {0, 20000000};
	struct seen again[THREADS_MAX];
	unsigned count, rounds = 0;
	bool rest;

	do {
		t_wait_until(pawl_runtime_quiet_until(rt) == PAWL_FOREVER);
		pawl_retire_barrier();
		count = see_threads(all);
		pawl_rcu_idle_enter();
		nanosleep(&moment, NULL);
		pawl_rcu_idle_leave();
		rest = see_threads(again) == count;
		for (unsigned i = 0; rest && i < count; i++)
			rest = same(&all[i], &again[i]) && !has_deadline(&all[i]);
		if (rounds++ < 100)
			t_step();
	} while (!rest);
	return count;
}

static void sleep_for(unsigned seconds)
{
	for (unsigned i = 0; i < 2 * seconds; i++) {
		const struct timespec half = {0, 500000000};

		pawl_rcu_idle_enter();
		nanosleep(&half, NULL);
		pawl_rcu_idle_leave();
		t_step();
	}
}

static void case_idle(void **state)
{
	unsigned n = t_scaled(t_long() ? 100000 : 10000), count, known = 0;
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;
	struct seen before[THREADS_MAX], after[THREADS_MAX];
	struct pawl_runtime_stats stats, later;
	struct pawl_runtime *rt;

	(void)state;
	pawl_event_init(&never);
	pawl_store_relaxed(&ran, 0u);
	stranger_count = 0;
	count = see_threads(before);
	for (unsigned i = 0; i < count; i++) {
		/* What the library has started for this thread is looked at as well. */
		if (strncmp(before[i].name, "pawl-", 5))
			strangers[stranger_count++] = before[i].tid;
	}
	options.workers = 4;
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	for (unsigned i = 0; i < WAITING; i++)
		assert_int_equal(
			pawl_spawn(pawl_runtime_root(rt), NULL, wait_for_ever, NULL, NULL), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, yield_some,
					    (void *)(uintptr_t)i, NULL),
				 0);
		if (i % 1000 == 0)
			t_step();
	}
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(pawl_spawn(pawl_runtime_root(rt), NULL, use_all, rt, NULL), 0);
	t_wait_until(pawl_load_relaxed(&ran) == WAITING + n + 10);
	count = wait_for_rest(rt, before);
	assert_true(count >= 5);
	pawl_runtime_stats_read(rt, &stats);
	sleep_for(t_long() ? 60 : 2);
	assert_int_equal(see_threads(after), count);
	for (unsigned i = 0; i < count; i++) {
		if (!same(&before[i], &after[i]))
			fail_msg(
				"thread %s: %lu and %lu switches, then %lu and %lu; in %s, then %s",
				before[i].name, before[i].voluntary, before[i].involuntary,
				after[i].voluntary, after[i].involuntary, before[i].call,
				after[i].call);
		known += strcmp(after[i].call, "unknown") != 0;
		/* It sleeps, in a call. */
		assert_string_not_equal(after[i].call, "running");
	}
	pawl_runtime_stats_read(rt, &later);
	assert_memory_equal(&stats, &later, sizeof(stats));
	assert_int_equal(stats.live, WAITING);
	printf("# %u threads, %u of them seen in one call all the time\n", count, known);
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_idle),
	};

	return t_run("idle-long", tests);
}
