/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-trace.c - traces of pawl/trace.h: what is in them, that they are JSON, whatever names are, and
 * switching and exporting while workers write.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/group.h>
#include <pawl/join.h>
#include <pawl/runtime.h>
#include <pawl/trace.h>

static struct pawl_runtime *rt;
static struct pawl_group *root;
static struct pawl_event cell;
static struct pawl_atomic_u64 virtual_ns;
static struct pawl_atomic_u32 go, ran, stop;

static uint64_t virtual_now(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&virtual_ns);
}

static void up(uint32_t workers, bool real_time)
{
	struct pawl_runtime_options options = PAWL_RUNTIME_OPTIONS_INIT;

	options.workers = workers;
	options.now = real_time ? NULL : virtual_now;
	pawl_store_relaxed(&virtual_ns, 1000000u);
	pawl_store_relaxed(&go, 0u);
	pawl_store_relaxed(&ran, 0u);
	pawl_store_relaxed(&stop, 0u);
	pawl_event_init(&cell);
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
	root = pawl_runtime_root(rt);
}

/* No worker is left to write anything; the trace is. */
static void shut(void)
{
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
}

static void down(void)
{
	shut();
	assert_int_equal(pawl_runtime_destroy(rt), 0);
}

static pawl_task_t spawn(const char *name, pawl_body_fn *body, void *arg)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	pawl_task_t task;

	options.name = name;
	t_check(pawl_spawn(root, &options, body, arg, &task) == 0);
	return task;
}

static int join(pawl_task_t task)
{
	int error = pawl_task_wait(rt, task, PAWL_FOREVER, NULL);

	if (!error)
		pawl_task_drop(rt, task);
	return error;
}

/* ---- what JSON is -------------------------------------------------------------------- */

static char *text;
static size_t length, room, pieces, most_pieces;

static int keep(void *arg, const char *piece, size_t bytes)
{
	(void)arg;
	if (length + bytes + 1 > room) {
		room = 2 * (length + bytes + 1);
		text = realloc(text, room);
		t_check(text);
	}
	memcpy(text + length, piece, bytes);
	length += bytes;
	text[length] = 0;
	return ++pieces == most_pieces ? -77 : 0;
}

static int export(void)
{
	length = pieces = 0;
	return pawl_trace_export(rt, keep, NULL);
}

static const char *after_string(const char *s)
{
	for (s++; *s != '"'; s++) {
		t_check((unsigned char)*s >= 0x20 && (unsigned char)*s != 0x7f);
		if (*s == '\\') {
			s++;
			t_check(*s && strchr("\"\\/bfnrtu", *s));
		}
	}
	return s + 1;
}

/* Brackets that match, and between them what may stand there, from one token to the next. */
static void check_json(const char *s)
{
	char open[16];
	unsigned depth = 0;
	bool value = true; /* one is expected */

	while (*s) {
		if (*s == ' ' || *s == '\n') {
			s++;
		} else if (*s == '{' || *s == '[') {
			t_check(value && depth < sizeof(open));
			open[depth++] = *s++;
			value = s[-1] == '[' || *s == '"' || *s == '}';
		} else if (*s == '}' || *s == ']') {
			t_check(depth && open[--depth] == (*s == '}' ? '{' : '['));
			s++;
			value = false;
		} else if (*s == '"') {
			t_check(value);
			s = after_string(s);
			value = false;
			if (*s == ':') {
				t_check(depth && open[depth - 1] == '{');
				s++;
				value = true;
			}
		} else if (*s == ',') {
			t_check(!value && depth);
			s++;
			value = true;
		} else {
			size_t digits = strspn(s, "0123456789.");

			t_check(value && digits);
			s += digits;
			value = false;
		}
	}
	t_check(!depth && !value);
}

static unsigned count_of(const char *what)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		count++;
	return count;
}

/* The line, an event, that has all three; NULL: none. */
static const char *line_with(const char *a, const char *b, const char *c)
{
	static char line[1024];

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		size_t bytes = strcspn(at, "\n");

		if (bytes >= sizeof(line))
			continue;
		memcpy(line, at, bytes);
		line[bytes] = 0;
		if (strstr(line, a) && strstr(line, b) && strstr(line, c))
			return line;
	}
	return NULL;
}

/* ---- what is in a trace --------------------------------------------------------------- */

static int child(void *arg, void **ret_value)
{
	struct pawl_listener listener;
	int error;

	(void)arg;
	(void)ret_value;
	pawl_add_relaxed(&virtual_ns, 1000u);
	pawl_event_listen(&cell, &listener, "reading \"cell\"", 17);
	pawl_add_release(&ran, 1u);
	error = pawl_wait(&listener, PAWL_FOREVER);
	pawl_add_relaxed(&virtual_ns, 2500u);
	return error;
}

static int parent(void *arg, void **ret_value)
{
	pawl_task_t *task = arg;

	(void)ret_value;
	pawl_add_relaxed(&virtual_ns, 500u);
	*task = spawn("child", child, NULL);
	return pawl_task_wait(rt, *task, PAWL_FOREVER, NULL);
}

/* And it is written down that the child sleeps. */
static bool both_wait(void)
{
	struct pawl_task_info infos[2];

	return pawl_group_tasks(root, 2, infos) == 2 && infos[0].state == PAWL_TASK_WAITING &&
	       infos[1].state == PAWL_TASK_WAITING && infos[0].waited_ns + infos[1].waited_ns;
}

/* One worker: the parent runs the child, since nobody else does. */
static void case_slices_arrows_and_ids(void **state)
{
	pawl_task_t above, below;
	char ids[64], id[32];

	(void)state;
	up(1, false);
	assert_int_equal(pawl_trace_start(rt, NULL), 0);
	above = spawn("parent", parent, &below);
	t_wait_until(both_wait());
	pawl_add_relaxed(&virtual_ns, 7000u);
	pawl_event_notify_all(&cell);
	assert_int_equal(join(above), 0);
	assert_int_equal(pawl_task_drop(rt, below), 0);
	shut();
	assert_int_equal(export(), 0);
	check_json(text);
	/* Each in two stretches; the child's lie in the parent's. */
	assert_int_equal(count_of("\"cat\":\"run\""), 4);
	assert_non_null(
		line_with("\"name\":\"child\"", "\"ph\":\"X\"", "\"ts\":0.500,\"dur\":1.000"));
	assert_non_null(strstr(line_with("\"name\":\"child\"", "\"ph\":\"X\"", "\"dur\":1.000"),
			       "\"until\":\"reading \\\"cell\\\"\",\"value\":\"17\""));
	assert_non_null(
		line_with("\"name\":\"child\"", "\"ph\":\"X\"", "\"ts\":8.500,\"dur\":2.500"));
	assert_non_null(
		line_with("\"name\":\"parent\"", "\"ph\":\"X\"", "\"ts\":0.000,\"dur\":1.500"));
	assert_non_null(
		line_with("\"name\":\"parent\"", "\"ph\":\"X\"", "\"ts\":8.500,\"dur\":2.500"));
	/* Of two that begin together the outer one comes first. */
	assert_true(strstr(strstr(text, "\"ts\":8.500,\"dur\":2.500,\"name\":\"parent\""),
			   "\"ts\":8.500,\"dur\":2.500,\"name\":\"child\"") != NULL);
	snprintf(ids, sizeof(ids), "\"task\":\"0x%llx\",\"parent\":\"0x%llx\"",
		 (unsigned long long)below.pawl_id, (unsigned long long)above.pawl_id);
	assert_int_equal(count_of(ids), 3);
	/* An arrow to the child only: no task spawned the parent. */
	snprintf(id, sizeof(id), "\"id\":\"0x%llx\"", (unsigned long long)below.pawl_id);
	assert_int_equal(count_of("\"cat\":\"spawn\""), 2);
	assert_non_null(line_with("\"ph\":\"s\"", id, "\"ts\":0.500"));
	assert_non_null(line_with("\"ph\":\"f\",", id, "\"bp\":\"e\""));
	assert_int_equal(count_of("\"ph\":\"b\""), 2);
	assert_int_equal(count_of("\"ph\":\"e\""), 2);
	assert_int_equal(count_of("\"outcome\":\"completed\""), 2);
	assert_int_equal(count_of("thread_name"), 1);
	assert_non_null(strstr(text, "\"lost\":\"0\""));
	down();
}

static int nothing(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return 0;
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

static const char *const odd_names[] = {
	"plain",
	"quote \" backslash \\ slash /",
	"controls \x01\x02\x1f\x7f\t\n\r\b",
	"stray \x80 \xff \xfe cut \xc3",
	"overlong \xc0\xaf \xe0\x80\xaf surrogate \xed\xa0\x80",
	"beyond \xf4\x90\x80\x80 \xf5",
	"good \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
	/* The cut falls into a character. */
	"0123456789012345678901234567890123456\xe2\x82\xac and more",
	"012345678901234567890123456789012345678901234567890123456789",
	"",
	NULL,
};
#define ODD_NAMES (sizeof(odd_names) / sizeof(odd_names[0]))

/* What the program of that name says to the file with the text: 0; 127: there is no such program. */
static int ask(const char *const *command)
{
	char path[] = "/tmp/t-trace-XXXXXX";
	const char *args[8] = {NULL};
	int fd = mkstemp(path), status = -1;
	pid_t pid;

	t_check(fd >= 0 && write(fd, text, length) == (ssize_t)length);
	close(fd);
	for (unsigned i = 0; command[i]; i++)
		args[i] = strcmp(command[i], "FILE") ? command[i] : path;
	pid = fork();
	t_check(pid >= 0);
	if (!pid) {
		execvp(args[0], (char *const *)(uintptr_t)args);
		_exit(127);
	}
	t_check(waitpid(pid, &status, 0) == pid);
	unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void case_names_of_all_kinds(void **state)
{
	const char *python = getenv("PAWL_PYTHON");
	const char *const parse[] = {
		python && *python ? python : "python3", "-c",
		"import json,sys\n"
		"t=json.loads(open(sys.argv[1],'rb').read().decode('utf-8'))\n"
		"names=[e['name'] for e in t['traceEvents'] if e.get('cat')=='run']\n"
		"assert len(names)==11, names\n"
		"assert 'quote \" backslash \\\\ slash /' in names, names\n"
		"assert 'good \\u00e4 \\u20ac \\U0001f600' in names, names\n"
		"assert '0123456789012345678901234567890123456' in names, names\n"
		"assert 'controls \\x01\\x02\\x1f\\x7f\\t\\n\\r\\b' in names, names\n",
		"FILE", NULL};

	(void)state;
	up(2, false);
	assert_int_equal(pawl_trace_start(rt, NULL), 0);
	for (size_t i = 0; i < ODD_NAMES; i++)
		assert_int_equal(join(spawn(odd_names[i], nothing, NULL)), 0);
	shut();
	assert_int_equal(export(), 0);
	check_json(text);
	assert_int_equal(count_of("\"cat\":\"run\""), ODD_NAMES);
	assert_non_null(strstr(text, "quote \\\" backslash \\\\ slash /"));
	assert_non_null(strstr(text, "controls \\u0001\\u0002\\u001f\\u007f\\u0009\\u000a"));
	assert_non_null(strstr(
		text, "stray \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd cut \xef\xbf\xbd\""));
	assert_non_null(strstr(text, "\"0123456789012345678901234567890123456\""));
	assert_non_null(strstr(text, "\"012345678901234567890123456789012345678\""));
	if (!T_TSAN)
		assert_true(ask(parse) == 0 || ask(parse) == 127);
	down();
}

/* ---- what is lost, and switching ---------------------------------------------------------- */

static void case_oldest_are_lost(void **state)
{
	struct pawl_trace_options options = PAWL_TRACE_OPTIONS_INIT;
	struct pawl_trace_stats stats;

	(void)state;
	up(1, false);
	pawl_trace_stats_read(rt, &stats);
	assert_int_equal(stats.written + stats.on, 0);
	assert_int_equal(pawl_trace_export(rt, keep, NULL), -ENOENT);
	options.events = 3;
	assert_int_equal(pawl_trace_start(rt, &options), -EINVAL);
	options.events = 1u << 25;
	assert_int_equal(pawl_trace_start(rt, &options), -EINVAL);
	options.events = 8;
	options.flags = 1;
	assert_int_equal(pawl_trace_start(rt, &options), -EINVAL);
	options.flags = 0;
	options.size++;
	assert_int_equal(pawl_trace_start(rt, &options), -E2BIG);
	options.size = 1;
	assert_int_equal(pawl_trace_start(rt, &options), -EINVAL);
	options.size = sizeof(options);
	assert_int_equal(pawl_trace_stop(rt), -EALREADY);
	assert_int_equal(pawl_trace_start(rt, &options), 0);
	assert_int_equal(pawl_trace_start(rt, &options), -EALREADY);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(join(spawn(i < 19 ? "early" : "last", nothing, NULL)), 0);
	assert_int_equal(pawl_trace_stop(rt), 0);
	shut();
	pawl_trace_stats_read(rt, &stats);
	assert_int_equal(stats.on, 0);
	assert_true(stats.written >= 60);
	assert_int_equal(stats.lost, stats.written - 8);
	assert_int_equal(export(), 0);
	check_json(text);
	assert_non_null(line_with("\"ph\":\"X\"", "\"name\":\"last\"", "\"cat\":\"run\""));
	down();
}

/* Seen from its begin on, though the body is older; and an end of the text where fn wants it. */
static void case_started_in_the_middle(void **state)
{
	pawl_task_t task;

	(void)state;
	up(1, false);
	task = spawn("older", spin, NULL);
	t_wait_until(pawl_load_acquire(&ran) == 1);
	pawl_add_relaxed(&virtual_ns, 5000u);
	assert_int_equal(pawl_trace_start(rt, NULL), 0);
	pawl_add_relaxed(&virtual_ns, 3000u);
	pawl_store_release(&go, 1u);
	assert_int_equal(join(task), 0);
	shut();
	assert_int_equal(export(), 0);
	check_json(text);
	assert_non_null(
		line_with("\"ph\":\"X\"", "\"name\":\"older\"", "\"ts\":0.000,\"dur\":3.000"));
	most_pieces = 1;
	assert_int_equal(export(), -77);
	assert_int_equal(pieces, 1);
	most_pieces = 0;
	t_alloc_fail_at(1);
	assert_int_equal(export(), -ENOMEM);
	t_alloc_fail_at(0);
	down();
}

static void case_start_without_memory(void **state)
{
	(void)state;
	up(1, false);
	t_alloc_fail_at(1);
	assert_int_equal(pawl_trace_start(rt, NULL), -ENOMEM);
	t_alloc_fail_at(0);
	assert_int_equal(pawl_trace_start(rt, NULL), 0);
	down();
}

/* ---- all at once ----------------------------------------------------------------------------- */

static int leaf(void *arg, void **ret_value)
{
	(void)arg;
	(void)ret_value;
	return pawl_yield();
}

static int fan(void *arg, void **ret_value)
{
	pawl_task_t tasks[4];

	(void)arg;
	(void)ret_value;
	for (unsigned i = 0; i < 4; i++)
		tasks[i] = spawn(i % 2 ? "leaf" : odd_names[1], leaf, NULL);
	for (unsigned i = 0; i < 4; i++)
		t_check(join(tasks[i]) == 0);
	return 0;
}

static void work(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < t_scaled(400); i++) {
		t_check(join(spawn("fan", fan, NULL)) == 0);
		t_step();
	}
	pawl_add_release(&stop, 1u);
}

static void switch_all(void *arg)
{
	struct pawl_trace_options options = PAWL_TRACE_OPTIONS_INIT;

	(void)arg;
	options.events = 64;
	while (!pawl_load_acquire(&stop)) {
		int error = pawl_trace_start(rt, &options);

		t_check(error == 0 || error == -EALREADY);
		t_check(pawl_runtime_histograms_set(rt, t_random_below(2)) == 0);
		t_yield();
		if (t_random_below(2))
			(void)pawl_trace_stop(rt);
	}
}

static void case_switched_and_exported_at_work(void **state)
{
	static struct pawl_runtime_histograms times;
	struct t_thread *threads[3];

	(void)state;
	up(3, true);
	assert_int_equal(pawl_trace_start(rt, NULL), 0);
	threads[0] = t_thread_start(work, NULL);
	threads[1] = t_thread_start(switch_all, NULL);
	threads[2] = t_thread_start(switch_all, NULL);
	do {
		struct pawl_trace_stats stats;

		assert_int_equal(export(), 0);
		check_json(text);
		pawl_trace_stats_read(rt, &stats);
		pawl_runtime_histograms_read(rt, &times);
	} while (!pawl_load_acquire(&stop));
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	down();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_slices_arrows_and_ids),
		cmocka_unit_test(case_names_of_all_kinds),
		cmocka_unit_test(case_oldest_are_lost),
		cmocka_unit_test(case_started_in_the_middle),
		cmocka_unit_test(case_start_without_memory),
		cmocka_unit_test(case_switched_and_exported_at_work),
	};
	int error = t_run("trace", cases);

	free(text);
	return error;
}
