/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-hang.c - waits that take too long: told of once, with all that they wait for in turn; of bodies and of threads, also
 * where no worker is left to look, and beside a host that does not step.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/host.h>
#include <pawl/io.h>
#include <pawl/lock.h>
#include <pawl/observe.h>
#include <pawl/state.h>
#include <pawl/store.h>

#include "../../engine/engine.h"

static struct pawl_engine *engine;
static struct pawl_runtime *rt; /* NULL: the engine's own */
static struct pawl_state *state, *other;

/* ---- what was told -------------------------------------------------------------------------- */

static struct pawl_lock told_lock = PAWL_LOCK_INIT;
static char told[65536];
static unsigned told_n;

static void sink(void *arg, const struct pawl_notice *notice)
{
	size_t length;

	(void)arg;
	if (strcmp(notice->name, "engine.hang"))
		return;
	t_check(notice->severity == PAWL_SEVERITY_WARNING);
	t_check(!strncmp(notice->json, "{\"chain\":[{\"task\":\"", 19));
	pawl_lock_lock(&told_lock);
	length = strlen(told);
	(void)snprintf(told + length, sizeof(told) - length, "%s %s\n", notice->message,
		       notice->json);
	told_n++;
	pawl_lock_unlock(&told_lock);
}

/* How often these words were told, in one notice each time. */
static unsigned times(const char *words, const char *more)
{
	unsigned n = 0;

	pawl_lock_lock(&told_lock);
	for (char *line = told, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		n += strstr(line, words) && strstr(line, more);
		*end = '\n';
	}
	pawl_lock_unlock(&told_lock);
	return n;
}

static unsigned told_now(void)
{
	unsigned n;

	pawl_lock_lock(&told_lock);
	n = told_n;
	pawl_lock_unlock(&told_lock);
	return n;
}

static void is_told(const char *words, const char *more)
{
	t_wait_until(times(words, more));
}

/* ---- values ---------------------------------------------------------------------------------- */

enum slow {
	NEVER,
	ALWAYS,
	LARGE,
	LEAVES
}; /* when equality takes its time, or does not return */
static struct pawl_atomic_u32 gate, at_gate, slow_equal;
static struct pawl_event gate_event = PAWL_EVENT_INIT;

static bool slow_equality(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	enum slow slow = (enum slow)pawl_load_acquire(&slow_equal);
	uint64_t number;

	memcpy(&number, a, sizeof(number));
	if (slow == LEAVES && number >= 1000)
		pawl_exit(-EIO, "not comparable");
	if (slow == ALWAYS || (slow == LARGE && number >= 1000)) {
		pawl_store_release(&at_gate, 1u);
		while (!pawl_load_acquire(&gate))
			t_yield();
	}
	return a_bytes == b_bytes && !memcmp(a, b, a_bytes);
}

static const struct pawl_value_type number_type = {.size = sizeof(number_type),
						   .name = "number",
						   .version = 1,
						   .mode = PAWL_CELL_COMPARE,
						   .flags = PAWL_VALUE_PLAIN,
						   .equal = slow_equality};

static struct pawl_value *value_of(uint64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static int give(struct pawl_context *context, uint64_t number, pawl_ref_t *ret_output)
{
	return pawl_cell(context, value_of(number), ret_output);
}

/* ---- functions ------------------------------------------------------------------------------- */

static bool gate_wait(void)
{
	struct pawl_listener listener;

	pawl_store_release(&at_gate, 1u);
	while (!pawl_load_acquire(&gate)) {
		pawl_event_listen(&gate_event, &listener, "the gate", 0);
		if (pawl_load_acquire(&gate)) {
			pawl_event_unlisten(&listener);
			break;
		}
		if (pawl_wait(&listener, PAWL_FOREVER))
			return false;
	}
	return true;
}

static void gate_open(void)
{
	pawl_store_release(&gate, 1u);
	pawl_event_notify_all(&gate_event);
}

static int gated_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;

	(void)args;
	t_check(!pawl_state_get(context, state, &value));
	pawl_value_unpin(value);
	return gate_wait() ? give(context, 1, ret_output) : -ECANCELED;
}
static const struct pawl_function gated = {sizeof(gated), "gated", 1,	 0,
					   gated_body,	  0,	   NULL, 0};

static int quick_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t number;

	memcpy(&number, args, sizeof(number));
	return give(context, number, ret_output);
}
static const struct pawl_function quick = {sizeof(quick), "quick",	    1,	  0,
					   quick_body,	  sizeof(uint64_t), NULL, 0};

/* Its cell is compared with what it was. */
static int large_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	uint64_t number;

	(void)args;
	t_check(!pawl_state_get(context, state, &value));
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return give(context, 1000 + number, ret_output);
}
static const struct pawl_function large = {sizeof(large), "large", 1,	 0,
					   large_body,	  0,	   NULL, 0};

/* Blocks its worker. */
static int blocks_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_store_release(&at_gate, 1u);
	while (!pawl_load_acquire(&gate))
		t_yield();
	return give(context, 1, ret_output);
}
static const struct pawl_function blocks = {sizeof(blocks), "blocks", 1,    0,
					    blocks_body,    0,	      NULL, 0};

static int gate_block(void *arg)
{
	(void)arg;
	pawl_store_release(&at_gate, 1u);
	while (!pawl_load_acquire(&gate))
		t_yield();
	return 0;
}

static int calls_out_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	int error = pawl_blocking(pawl_engine_runtime(engine), gate_block, NULL);

	(void)args;
	return error ? error : give(context, 1, ret_output);
}
static const struct pawl_function calls_out = {sizeof(calls_out), "calls out", 1,    0,
					       calls_out_body,	  0,	       NULL, 0};

static struct pawl_process child;

static int child_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	static const char *const argv[] = {"/bin/sleep", "1000", NULL};
	struct pawl_process_options options = PAWL_PROCESS_OPTIONS_INIT;
	struct pawl_process_status status;
	int error;

	(void)args;
	options.argv = argv;
	error = pawl_process_spawn(&options, &child);
	t_check(!error);
	pawl_store_release(&at_gate, 1u);
	error = pawl_process_wait(pawl_engine_runtime(engine), &child, PAWL_FOREVER, &status);
	return error ? error : give(context, 1, ret_output);
}
static const struct pawl_function child_of = {sizeof(child_of), "child", 1,    0,
					      child_body,	0,	 NULL, 0};

/* The head of a chain: reads one that reads one of these. */
struct args {
	const struct pawl_function *function;
};

static int reads_body(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	const struct args *args = arg;
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, args->function, NULL, &ref);

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function reads = {sizeof(reads),	"reads", 1, 0, reads_body,
					   sizeof(struct args), NULL,	 0};

static int visit(struct pawl_context *context, void *arg)
{
	struct args args = {arg};
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &reads, &args, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return error;
}

/* ---- engines ----------------------------------------------------------------------------------- */

static struct pawl_atomic_u64 clock_ns;

static uint64_t now(void *arg)
{
	(void)arg;
	return pawl_load_acquire(&clock_ns);
}

static struct pawl_engine_options options_of(uint64_t hang_ns)
{
	static const struct pawl_function *const functions[] = {
		&gated, &blocks, &calls_out, &child_of, &reads, &quick, &large};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(*functions);
	options.types = types;
	options.types_n = 1;
	options.sink = sink;
	options.verify = PAWL_VERIFY_NEVER;
	options.hang_ns = hang_ns;
	return options;
}

static void up_with(struct pawl_engine_options options)
{
	told[0] = 0;
	told_n = 0;
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	pawl_store_release(&slow_equal, (uint32_t)NEVER);
	options.runtime = rt;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	assert_int_equal(pawl_state_create(engine, value_of(0), &state), 0);
	assert_int_equal(pawl_state_create(engine, value_of(0), &other), 0);
}

static void runtime_up(struct pawl_runtime_options options)
{
	assert_int_equal(pawl_runtime_create(&options, &rt), 0);
}

static void down(void)
{
	pawl_state_unpin(state);
	pawl_state_unpin(other);
	assert_int_equal(pawl_engine_close(engine), 0);
	if (rt) {
		assert_int_equal(pawl_runtime_shutdown(rt, 0, NULL), 0);
		assert_int_equal(pawl_runtime_destroy(rt), 0);
	}
	rt = NULL;
	t_step();
}

/* Time passes, in steps in which all that happens has happened. */
static void pass(uint64_t until_ns)
{
	for (;;) {
		uint64_t next = pawl_runtime_quiet_until(rt);

		t_step();
		if (!next) {
			t_yield();
			continue;
		}
		if (next > until_ns)
			break;
		pawl_store_release(&clock_ns, next);
		pawl_runtime_clock_moved(rt);
	}
	pawl_store_release(&clock_ns, until_ns);
	pawl_runtime_clock_moved(rt);
	while (!pawl_runtime_quiet_until(rt))
		t_yield();
}

static void visitor(void *arg)
{
	t_check(!pawl_engine_run(engine, visit, arg));
}

/* The visitor's thread sleeps, or is about to. */
static bool thread_waits(void)
{
	struct eng_waits *waits = engine->observer.waits;
	bool any;

	pawl_lock_lock(&waits->lock);
	any = waits->n;
	pawl_lock_unlock(&waits->lock);
	return any;
}

/* ---- cases ------------------------------------------------------------------------------------- */

/* One notice for all of a chain, once for each wait. */
static void case_chain(void **unused)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	struct t_thread *thread;

	(void)unused;
	pawl_store_release(&clock_ns, UINT64_C(1000));
	runtime.workers = 2;
	runtime.now = now;
	runtime_up(runtime);
	up_with(options_of(1000));
	/* An engine that is idle wakes nobody. */
	pass(10000);
	assert_int_equal(pawl_runtime_quiet_until(rt), PAWL_FOREVER);
	thread = t_thread_start(visitor, (void *)(uintptr_t)&gated);
	t_wait_until(pawl_load_acquire(&at_gate) && thread_waits());
	pass(10999);
	assert_int_equal(told_now(), 0);
	pass(12000);
	/* The thread, and all that its visit waits for. */
	is_told("thread ", " has been waiting ");
	is_told(" for visit#", ", which waits ");
	is_told(" for reads#", " for the gate {");
	is_told("{\"task\":\"gated#", "\"is\":\"waits\",\"for\":\"the gate\",\"ns\":");
	assert_int_equal(told_now(), 1);
	pass(100000);
	assert_int_equal(told_now(), 1);
	gate_open();
	t_thread_join(thread);
	/* Another wait. */
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	assert_int_equal(pawl_state_set(state, value_of(1)), 0);
	thread = t_thread_start(visitor, (void *)(uintptr_t)&gated);
	t_wait_until(pawl_load_acquire(&at_gate) && thread_waits());
	pass(200000);
	t_wait_until(times("gated#", "") == 2);
	gate_open();
	t_thread_join(thread);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	pass(300000);
	assert_int_equal(pawl_runtime_quiet_until(rt), PAWL_FOREVER);
	assert_int_equal(told_now(), 2);
	down();
}

static void wait_with(const struct pawl_function *function, const char *words)
{
	struct t_thread *one, *two;

	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)function);
	t_wait_until(pawl_load_acquire(&at_gate));
	/* It waits for what is as it will be, whatever was told on the way there. */
	two = t_thread_start(visitor, (void *)(uintptr_t)function);
	is_told(words, "{\"chain\":");
	if (function == &child_of)
		assert_int_equal(pawl_process_kill(&child, SIGKILL), 0);
	gate_open();
	t_thread_join(one);
	t_thread_join(two);
	down();
}

/* What is outside of the engine, by its note. */
static void case_outside(void **unused)
{
	(void)unused;
	wait_with(&gated, "gated#");
	wait_with(&gated, " for the gate {");
	wait_with(&calls_out, " for a call that blocks");
	wait_with(&child_of, "child#");
	/* A body that does not wait, and is none that comes to an end. */
	wait_with(&blocks, ", which runs");
}

/* A thread that looks is there also where all workers are taken. */
static void case_all_blocked(void **unused)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	struct t_thread *one, *two;

	(void)unused;
	runtime.workers = 1;
	runtime.watchdog_ns = PAWL_FOREVER;
	runtime_up(runtime);
	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	t_wait_until(pawl_load_acquire(&at_gate));
	two = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	is_told("visit#", ", which has not begun");
	is_told("; on workers there are: blocks#", "\"is\":\"queued\"");
	gate_open();
	t_thread_join(one);
	t_thread_join(two);
	down();
}

static void idle_waiter(void *arg)
{
	(void)arg;
	t_check(!pawl_engine_wait_idle(engine, PAWL_FOREVER));
}

static int root_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	return give(context, 1, ret_output);
}

/* Nobody steps. */
static void case_host(void **unused)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	struct t_thread *thread;
	pawl_ref_t root;

	(void)unused;
	runtime.workers = 1;
	runtime.host = 1;
	runtime_up(runtime);
	up_with(options_of(1000000));
	assert_int_equal(pawl_engine_spawn_root(engine, root_body, NULL, NULL, &root), 0);
	thread = t_thread_start(idle_waiter, NULL);
	is_told(" for engine idle", "thread ");
	while (pawl_host_step(rt, 0))
		;
	t_thread_join(thread);
	down();
}

static void setter(void *arg)
{
	t_check(!pawl_state_set(state, value_of((uint64_t)(uintptr_t)arg)));
}

/* A function of a type that takes its time: it holds up edits, and no reader of what is there. */
static void case_edits(void **unused)
{
	struct t_thread *one, *two;

	(void)unused;
	up_with(options_of(1000000));
	pawl_store_release(&slow_equal, (uint32_t)ALWAYS);
	one = t_thread_start(setter, (void *)1);
	t_wait_until(pawl_load_acquire(&at_gate));
	two = t_thread_start(setter, (void *)2);
	is_told(" for another edit, which is made by thread ", "");
	gate_open();
	t_thread_join(one);
	t_thread_join(two);
	down();
}

static int quick_visit(struct pawl_context *context, void *arg)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &quick, arg, &ref);

	if (!error)
		error = pawl_read(context, ref, PAWL_READ_STRONG, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return error;
}

/* Others go on. */
static void others_go_on(void)
{
	for (uint64_t i = 1; i <= 50; i++) {
		assert_int_equal(pawl_engine_run(engine, quick_visit, &i), 0);
		assert_int_equal(pawl_state_set(other, value_of(i)), 0);
	}
}

/* A body that blocks the one worker there is: another one is started, and somebody is told. */
static void case_blocked(void **unused)
{
	struct pawl_runtime_options runtime = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_runtime_stats stats;
	struct t_thread *one, *two;

	(void)unused;
	runtime.workers = 1;
	runtime.watchdog_ns = 1000000;
	runtime_up(runtime);
	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	t_wait_until(pawl_load_acquire(&at_gate));
	two = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	others_go_on();
	pawl_runtime_stats_read(rt, &stats);
	assert_true(stats.blocked);
	is_told("", ", which runs");
	gate_open();
	t_thread_join(one);
	t_thread_join(two);
	down();
}

/* A comparison that takes its time holds up the task that writes, and nobody else; one that does not return ends it. */
static void case_equality(void **unused)
{
	struct t_thread *thread;

	(void)unused;
	up_with(options_of(1000000));
	visitor((void *)(uintptr_t)&large);
	pawl_store_release(&slow_equal, (uint32_t)LARGE);
	assert_int_equal(pawl_state_set(state, value_of(1)), 0);
	thread = t_thread_start(visitor, (void *)(uintptr_t)&large);
	t_wait_until(pawl_load_acquire(&at_gate));
	others_go_on();
	assert_int_equal(pawl_state_set(state, value_of(2)), 0);
	gate_open();
	t_thread_join(thread);
	pawl_store_release(&slow_equal, (uint32_t)LEAVES);
	assert_int_equal(pawl_state_set(state, value_of(3)), 0);
	assert_int_equal(pawl_engine_run(engine, visit, (void *)(uintptr_t)&large),
			 -PAWL_ETASK);
	others_go_on();
	pawl_store_release(&slow_equal, (uint32_t)NEVER);
	assert_int_equal(pawl_state_set(state, value_of(4)), 0);
	visitor((void *)(uintptr_t)&large);
	down();
}

static void saver(void *arg)
{
	(void)arg;
	t_check(!pawl_engine_snapshot(engine, NULL));
}

static void case_snapshots(void **unused)
{
	struct pawl_engine_options options = options_of(1000000);
	struct t_thread *one, *two, *three;
	struct pawl_store_disk *disk;
	struct pawl_store *store;

	(void)unused;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	options.store = store;
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	up_with(options);
	pawl_store_release(&gate, 1u);
	visitor((void *)(uintptr_t)&gated);
	pawl_store_release(&gate, 0u);
	pawl_store_release(&at_gate, 0u);
	pawl_store_release(&slow_equal, (uint32_t)ALWAYS);
	one = t_thread_start(setter, (void *)1);
	t_wait_until(pawl_load_acquire(&at_gate));
	two = t_thread_start(saver, NULL);
	is_told(" for a moment at which no operation is under way", "thread ");
	three = t_thread_start(saver, NULL);
	is_told(" for another snapshot", "thread ");
	gate_open();
	t_thread_join(one);
	t_thread_join(two);
	t_thread_join(three);
	down();
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

static void case_options(void **unused)
{
	(void)unused;
	up_with(options_of(0));
	assert_null(engine->hangs);
	assert_null(engine->observer.waits);
	down();
	assert_int_equal(setenv("PAWL_HANG_MS", "3600000", 1), 0);
	up_with(options_of(0));
	assert_non_null(engine->hangs);
	down();
	assert_int_equal(setenv("PAWL_HANG_MS", "soon", 1), 0);
	up_with(options_of(0));
	assert_null(engine->hangs);
	down();
	assert_int_equal(unsetenv("PAWL_HANG_MS"), 0);
}

static int oom_open(void)
{
	struct pawl_engine_options options = options_of(1000000);
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 1;
	error = pawl_engine_open(&options, &engine);
	if (!error)
		t_check(!pawl_engine_close(engine));
	pawl_thread_detach();
	return error;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_chain),	    cmocka_unit_test(case_outside),
		cmocka_unit_test(case_all_blocked), cmocka_unit_test(case_host),
		cmocka_unit_test(case_edits),	    cmocka_unit_test(case_snapshots),
		cmocka_unit_test(case_blocked),	    cmocka_unit_test(case_equality),
		cmocka_unit_test(case_options),	    T_OOM(oom_open),
	};

	return t_run("hang", tests);
}
