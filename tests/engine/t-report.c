/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-report.c - listings of tasks and groups, the report of pawl/trace.h, and times by lane. The clock is the
 * test's: ages are exact.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/trace.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_event cell, quiet;
static struct pawl_atomic_u64 virtual_ns;
static struct pawl_atomic_u32 go, ran, stop;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up_with(uint32_t workers, bool real_time)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.now = real_time ? NULL : virtual_now;
	pawl_store_relaxed(&virtual_ns, 1000u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&stop, 0u);
	pawl_event_init(&cell);
	pawl_event_init(&quiet);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

static void up(uint32_t workers)
{
	up_with(workers, false);
}

static void down(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static pawl_task_t spawn(const char *name, enum pawl_lane lane, pawl_body_fn *body, void *arg)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;

	options.name = name;
	options.lane = lane;
	assert_int_equal(pawl_spawn(root, &options, body, arg, &task), 0);
	return task;
}

static void join(pawl_task_t task)
{
	assert_int_equal(pawl_task_wait(rt, task, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_task_drop(rt, task), 0);
}

static bool info_of(pawl_task_t task, struct pawl_task_info *ret_info)
{
	struct pawl_task_info infos[16];
	size_t n = pawl_group_tasks(root, 16, infos);

	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++) {
		if (infos[i].task.pawl_id == task.pawl_id) {
			*ret_info = infos[i];
			return true;
		}
	}
	return false;
}

static bool is_in(pawl_task_t task, enum pawl_task_state state, struct pawl_task_info *ret_info)
{
	return info_of(task, ret_info) && ret_info->state == state;
}

/* ---- bodies ----------------------------------------------------------------------- */

static int read_cell(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_event_listen(&cell, &listener, "reading cell", 17);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int wait_without_note(void *arg, void **ret_value)
{
	struct pawl_listener listener;

	(void)arg;
	(void)ret_value;
	pawl_event_listen(&cell, &listener, NULL, 0);
	return pawl_wait(&listener, PAWL_FOREVER);
}

static int spin(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	pawl_add_release(&ran, 1u);
	while (!pawl_load_acquire(&go))
		pawl_pause();
	return 0;
}

/* Spawns one that reads the cell, and waits for it: most likely by running it. */
static int parent(void *arg, void **ret_value)
{
	pawl_task_t *child = arg;
	int error;

	(void)ret_value;
	*child = spawn("child", PAWL_LANE_INHERIT, read_cell, NULL);
	pawl_add_release(&ran, 1u);
	error = pawl_task_wait(rt, *child, PAWL_FOREVER, NULL);
	pawl_task_drop(rt, *child);
	return error;
}

/* ---- tasks ------------------------------------------------------------------------- */

static void case_what_a_waiting_task_waits_for(void **state)
{
	struct pawl_task_info info;
	pawl_task_t reader, other;

	(void)state;
	up(2);
	reader = spawn("reader", PAWL_LANE_INPUT, read_cell, NULL);
	other = spawn(NULL, PAWL_LANE_INHERIT, wait_without_note, NULL);
	t_wait_until(is_in(reader, PAWL_TASK_WAITING, &info));
	t_wait_until(is_in(other, PAWL_TASK_WAITING, &info));
	pawl_store_relaxed(&virtual_ns, 5000u);
	assert_true(info_of(reader, &info));
	assert_string_equal(info.name, "reader");
	assert_int_equal(info.lane, PAWL_LANE_INPUT);
	assert_int_equal(info.age_ns, 4000);
	assert_int_equal(info.waited_ns, 4000);
	assert_string_equal(info.waits_note, "reading cell");
	assert_int_equal(info.waits_value, 17);
	assert_int_equal(info.waits_for.pawl_id, 0);
	assert_int_equal(info.parent.pawl_id, 0);
	assert_true(info.group > 0 && !info.cancelled && !info.stuck);
	assert_true(info_of(other, &info));
	assert_string_equal(info.name, "");
	assert_null(info.waits_note);
	assert_int_equal(info.lane, PAWL_LANE_DEFAULT);
	pawl_event_notify_all(&cell);
	join(reader);
	join(other);
	assert_false(info_of(reader, &info));
	down();
}

static void case_states(void **state)
{
	struct pawl_task_options named = PAWL_TASK_OPTIONS_INIT;
	struct pawl_task_info info;
	pawl_task_t running, queued, external;
	pawl_producer_t producer;

	(void)state;
	up(1);
	named.name = "from outside";
	running = spawn("running", PAWL_LANE_INHERIT, spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	queued = spawn("queued", PAWL_LANE_INHERIT, spin, NULL);
	assert_int_equal(pawl_completion_create(root, &named, &external, &producer), 0);
	assert_true(is_in(running, PAWL_TASK_RUNNING, &info));
	assert_int_equal(info.waited_ns, 0);
	assert_true(is_in(queued, PAWL_TASK_QUEUED, &info));
	assert_true(is_in(external, PAWL_TASK_EXTERNAL, &info));
	assert_string_equal(info.name, "from outside");
	assert_int_equal(pawl_complete(rt, producer, NULL), 0);
	assert_int_equal(pawl_producer_drop(rt, producer), 0);
	pawl_store_release(&go, 1u);
	join(running);
	join(queued);
	join(external);
	down();
}

/* Given up at shutdown, and listed until its body comes back after all. */
static void case_stuck(void **state)
{
	struct pawl_shutdown_report end;
	struct pawl_task_info info;
	pawl_task_t task;

	(void)state;
	up(1);
	task = spawn("astray", PAWL_LANE_INHERIT, spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	assert_int_equal(pawl_runtime_shutdown(rt, 0, &end), -EBUSY);
	assert_int_equal(end.outcomes[PAWL_OUTCOME_STUCK], 1);
	assert_true(is_in(task, PAWL_TASK_RUNNING, &info));
	assert_true(info.stuck && info.forced);
	assert_string_equal(info.name, "astray");
	pawl_store_release(&go, 1u);
	t_wait_until(pawl_runtime_destroy(rt) == 0);
}

/* With the clock of the system: at least what they must be. */
static void case_real_ages(void **state)
{
	struct pawl_task_info info;
	pawl_task_t above, child;

	(void)state;
	up_with(1, true);
	above = spawn("above", 5, parent, &child);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	t_wait_until(is_in(child, PAWL_TASK_WAITING, &info) && info.waited_ns > 20000000);
	assert_true(info.age_ns >= info.waited_ns);
	assert_true(is_in(above, PAWL_TASK_WAITING, &info));
	assert_true(info.age_ns > 20000000);
	pawl_event_notify_all(&cell);
	join(above);
	down();
}

/* Run by its parent's wait, or woken by it: the parent waits for it either way. */
static void case_parents_and_waits_by_name(void **state)
{
	struct pawl_task_info info;
	pawl_task_t above, child;

	(void)state;
	up(2);
	above = spawn("above", 5, parent, &child);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	t_wait_until(is_in(child, PAWL_TASK_WAITING, &info));
	assert_int_equal(info.parent.pawl_id, above.pawl_id);
	assert_int_equal(info.lane, 5);
	t_wait_until(is_in(above, PAWL_TASK_WAITING, &info));
	assert_int_equal(info.waits_for.pawl_id, child.pawl_id);
	pawl_event_notify_all(&cell);
	join(above);
	down();
}

/* The name goes with the task: it is freed by free_arg, or overwritten by who waited. */
struct short_lived {
	char *name;
	size_t bytes;
};

static void free_short_lived(void *arg)
{
	struct short_lived *it = arg;

	memset(it->name, 'x', it->bytes);
	pawl_mem_free(it->name, it->bytes, 0);
	pawl_mem_free(it, sizeof(*it), 0);
}

static int nothing(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return 0;
}

static void spawn_short_lived(pawl_body_fn *body)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct short_lived *it = pawl_mem_alloc(sizeof(*it), 0);

	t_check(it);
	it->bytes = 1 + (size_t)t_random_below(100);
	it->name = pawl_mem_alloc(it->bytes, 0);
	t_check(it->name);
	memset(it->name, 'n', it->bytes);
	it->name[it->bytes - 1] = 0;
	options.name = it->name;
	options.free_arg = free_short_lived;
	t_check(pawl_spawn(root, &options, body, it, NULL) == 0);
}

static void spawner(void *arg)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	char name[16];

	(void)arg;
	for (unsigned i = 0; i < t_scaled(400); i++) {
		pawl_task_t task;

		spawn_short_lived(nothing);
		strcpy(name, "on my stack");
		options.name = name;
		t_check(pawl_spawn(root, &options, nothing, NULL, &task) == 0);
		if (i % 3)
			t_check(pawl_task_wait(rt, task, PAWL_FOREVER, NULL) == 0);
		else
			(void)pawl_task_cancel(rt, task);
		t_check(pawl_task_wait(rt, task, PAWL_FOREVER, NULL) == 0);
		memset(name, 'z', sizeof(name));
		pawl_task_drop(rt, task);
		t_step();
	}
	pawl_store_release(&stop, 1u);
}

static int drop_text(void *arg, const char *text, size_t length)
{
	size_t *sum = arg;

	*sum += length;
	/* What overwrites names; no word of a report has it. */
	t_check(!memchr(text, 'z', length));
	return 0;
}

static void case_names_go_with_their_tasks(void **state)
{
	struct pawl_task_info infos[8];
	struct t_thread *thread;
	size_t bytes = 0;

	(void)state;
	up_with(2, true);
	thread = t_thread_start(spawner, NULL);
	do {
		size_t n = pawl_group_tasks(root, 8, infos);

		for (size_t i = 0; i < n && i < 8; i++)
			t_check(infos[i].name[0] != 'z' && infos[i].name[0] != 'x');
		assert_int_equal(pawl_runtime_report(rt, drop_text, &bytes), 0);
	} while (!pawl_load_acquire(&stop));
	t_thread_join(thread);
	assert_true(bytes > 0);
	down();
}

/* ---- groups --------------------------------------------------------------------------- */

struct seen {
	unsigned count, stop_after;
	struct pawl_group_info infos[8];
	char paths[8][64];
};

static bool see(void *arg, const struct pawl_group_info *info)
{
	struct seen *seen = arg;

	t_check(seen->count < 8);
	seen->infos[seen->count] = *info;
	pawl_group_path(info->group, seen->paths[seen->count], 64);
	seen->count++;
	return seen->count != seen->stop_after;
}

static struct pawl_group *group_in(struct pawl_group *above, const char *name, uint64_t most)
{
	struct pawl_group_options options = PAWL_GROUP_OPTIONS_INIT;
	struct pawl_group *group;

	options.name = name;
	options.most = most;
	options.policy = PAWL_FAILURE_CANCEL_SIBLINGS;
	assert_int_equal(pawl_group_create(above, &options, &group), 0);
	return group;
}

static void case_groups(void **state)
{
	struct pawl_group *a, *b, *c;
	struct seen seen = {0};
	pawl_task_t task;

	(void)state;
	up(1);
	a = group_in(root, "a", 10);
	b = group_in(a, "b", 0);
	c = group_in(root, "c", 0);
	assert_int_equal(pawl_spawn(b, NULL, spin, NULL, &task), 0);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	pawl_group_cancel(b);
	pawl_group_close(c);
	pawl_group_each(root, see, &seen);
	assert_int_equal(seen.count, 4);
	assert_string_equal(seen.infos[1].name, "a");
	assert_int_equal(seen.infos[1].state, PAWL_GROUP_OPEN);
	assert_int_equal(seen.infos[1].depth, 1);
	assert_int_equal(seen.infos[1].most, 10);
	assert_int_equal(seen.infos[1].live, 1);
	assert_int_equal(seen.infos[1].counts.live, 1);
	assert_int_equal(seen.infos[1].policy, PAWL_FAILURE_CANCEL_SIBLINGS);
	assert_int_equal(seen.infos[1].parent, seen.infos[0].number);
	assert_int_equal(seen.infos[2].state, PAWL_GROUP_CLOSED);
	assert_true(seen.infos[2].cancelled && !seen.infos[2].forced);
	assert_int_equal(seen.infos[2].depth, 2);
	assert_non_null(strstr(seen.paths[2], "runtime.a.b#"));
	assert_int_equal(seen.infos[3].state, PAWL_GROUP_DRAINED);
	seen.count = 0;
	seen.stop_after = 1;
	pawl_group_each(a, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.infos[0].depth, 0);
	seen.count = seen.stop_after = 0;
	pawl_group_each(a, see, &seen);
	assert_int_equal(seen.count, 2);
	pawl_store_release(&go, 1u);
	join(task);
	pawl_group_put(a);
	pawl_group_put(b);
	pawl_group_put(c);
	down();
}

/* ---- the report ------------------------------------------------------------------------- */

static char text[16384];
static size_t length, lines;

static int keep(void *arg, const char *piece, size_t bytes)
{
	size_t *most = arg;

	assert_true(bytes && length + bytes < sizeof(text));
	assert_ptr_equal(memchr(piece, '\n', bytes), piece + bytes - 1);
	memcpy(text + length, piece, bytes);
	length += bytes;
	text[length] = 0;
	return ++lines == *most ? -77 : 0;
}

static int report(size_t most)
{
	length = lines = 0;
	return pawl_runtime_report(rt, keep, &most);
}

static void case_report(void **state)
{
	struct pawl_task_info info;
	pawl_task_t above, child, odd, busy;
	size_t all;

	(void)state;
	up(2);
	above = spawn("above", 5, parent, &child);
	odd = spawn("odd\n\"\xff\x01\xc3\xa4", PAWL_LANE_INHERIT, wait_without_note, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	t_wait_until(is_in(child, PAWL_TASK_WAITING, &info));
	t_wait_until(is_in(odd, PAWL_TASK_WAITING, &info));
	t_wait_until(is_in(above, PAWL_TASK_WAITING, &info));
	busy = spawn("busy", PAWL_LANE_INHERIT, spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 2);
	pawl_store_relaxed(&virtual_ns, 2500001000u);
	assert_int_equal(report(0), 0);
	assert_non_null(strstr(text, "groups:\n  runtime#"));
	assert_non_null(strstr(text, "open, 4 tasks here and below"));
	assert_non_null(strstr(text, "waits 2.500 s: reading cell 17; in group #"));
	assert_non_null(strstr(text, "lane 5, age 2.500 s, spawned by #"));
	assert_non_null(strstr(text, ": task #"));
	assert_non_null(strstr(text, "  odd\\x0a\"\xef\xbf\xbd\\x01\xc3\xa4#"));
	assert_non_null(strstr(text, "without a note"));
	assert_non_null(strstr(text, " runs busy#"));
	all = lines;
	for (size_t most = 1; most <= all; most++) {
		assert_int_equal(report(most), -77);
		assert_int_equal(lines, most);
	}
	pawl_store_release(&go, 1u);
	pawl_event_notify_all(&cell);
	join(above);
	join(odd);
	join(busy);
	assert_int_equal(report(0), 0);
	assert_null(strstr(text, "waits"));
	down();
}

/* ---- times ---------------------------------------------------------------------------------- */

static uint64_t counted(const struct pawl_histogram *histogram)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PAWL_HISTOGRAM_BUCKETS; i++)
		sum += histogram->counts[i];
	return sum;
}

/* Runs 100 ns, waits, runs 28 ns. */
static int run_wait_run(void *arg, void **ret_value)
{
	struct pawl_listener listener;
	int error;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&virtual_ns, 100u);
	pawl_event_listen(&cell, &listener, "cell", 0);
	error = pawl_wait(&listener, PAWL_FOREVER);
	pawl_add_relaxed(&virtual_ns, 28u);
	return error;
}

/* One worker, whose body holds the queue up for 5000 ns. */
static void case_times(void **state)
{
	static struct pawl_runtime_histograms times;
	struct pawl_task_info info;
	pawl_task_t first, second;

	(void)state;
	up(1);
	pawl_runtime_histograms_read(rt, &times);
	assert_int_equal(counted(&times.waits[PAWL_LANE_DEFAULT]), 0);
	assert_int_equal(pawl_runtime_histograms_set(rt, true), 0);
	assert_int_equal(pawl_runtime_histograms_set(rt, true), 0);
	first = spawn("first", PAWL_LANE_DEFAULT, spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	second = spawn("second", 20, run_wait_run, NULL);
	pawl_store_relaxed(&virtual_ns, 6000u);
	pawl_store_release(&go, 1u);
	join(first);
	t_wait_until(is_in(second, PAWL_TASK_WAITING, &info));
	pawl_add_relaxed(&virtual_ns, 1000000u);
	pawl_event_notify_all(&cell);
	join(second);
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	pawl_runtime_histograms_read(rt, &times);
	assert_int_equal(times.waits[PAWL_LANE_DEFAULT].counts[0], 1);
	assert_int_equal(counted(&times.waits[20]), 1);
	assert_int_equal(times.waits[20].counts[13], 1);
	assert_int_equal(times.waits[20].sum_ns, 5000);
	assert_int_equal(times.runs[PAWL_LANE_DEFAULT].sum_ns, 5000);
	assert_int_equal(counted(&times.runs[20]), 1);
	assert_int_equal(times.runs[20].counts[8], 1);
	assert_int_equal(times.runs[20].sum_ns, 128);
	down();
}

static int take_long(void *arg, void **ret_value)
{
	(void)ret_value;
	pawl_add_relaxed(&virtual_ns, *(const uint64_t *)arg);
	return 0;
}

/* Off, and switched in the middle: not counted. What cannot be is in the last bucket. */
static void case_times_switched(void **state)
{
	static struct pawl_runtime_histograms times;
	uint64_t years = UINT64_C(1) << 52;

	(void)state;
	up(1);
	join(spawn("off", 7, take_long, &years));
	assert_int_equal(pawl_runtime_histograms_set(rt, true), 0);
	join(spawn("on", 7, take_long, &years));
	pawl_task_t busy = spawn("during", 7, spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	assert_int_equal(pawl_runtime_histograms_set(rt, false), 0);
	assert_int_equal(pawl_runtime_histograms_set(rt, true), 0);
	pawl_store_release(&go, 1u);
	join(busy);
	assert_int_equal(pawl_runtime_histograms_set(rt, false), 0);
	join(spawn("off", 7, take_long, &years));
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	pawl_runtime_histograms_read(rt, &times);
	assert_int_equal(counted(&times.waits[7]), 2);
	assert_int_equal(counted(&times.runs[7]), 1);
	assert_int_equal(times.runs[7].counts[PAWL_HISTOGRAM_BUCKETS - 1], 1);
	down();
}

static void case_times_without_memory(void **state)
{
	(void)state;
	up(1);
	t_alloc_fail_at(1);
	assert_int_equal(pawl_runtime_histograms_set(rt, true), -ENOMEM);
	assert_true(t_alloc_failed());
	t_alloc_fail_at(0);
	assert_int_equal(pawl_runtime_histograms_set(rt, true), 0);
	down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_what_a_waiting_task_waits_for),
		cmocka_unit_test(case_states),
		cmocka_unit_test(case_stuck),
		cmocka_unit_test(case_real_ages),
		cmocka_unit_test(case_parents_and_waits_by_name),
		cmocka_unit_test(case_names_go_with_their_tasks),
		cmocka_unit_test(case_groups),
		cmocka_unit_test(case_report),
		cmocka_unit_test(case_times),
		cmocka_unit_test(case_times_switched),
		cmocka_unit_test(case_times_without_memory),
	};

	return t_run("report", cases);
}
