/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-hang.c - waits that take too long: told of once, with all that they wait for in turn; of bodies and of threads, also
 * where no worker is left to look, and beside a host that does not step.
 */
#include "frame.h"

#include <signal.h>
#include <stdlib.h>

#include <pawl/host.h>
#include <pawl/io.h>
#include <pawl/observe.h>
#include <pawl/store.h>

#include "../../engine/engine.h"

static struct pawl_state *state, *other;

/* ---- what was told -------------------------------------------------------------------------- */

static void sink(void *arg, const struct pawl_notice *notice)
{
	char line[4096];

	(void)arg;
	if (strcmp(notice->name, "engine.hang"))
		return;
	t_check(notice->severity == PAWL_SEVERITY_WARNING);
	t_check(!strncmp(notice->json, "{\"chain\":[{\"task\":\"", 19));
	(void)snprintf(line, sizeof(line), "%s %s", notice->message, notice->json);
	fr_tell(line);
}

/* ---- values ---------------------------------------------------------------------------------- */

enum slow {
	NEVER,
	ALWAYS,
	LARGE,
	LEAVES
}; /* when equality takes its time, or does not return */
static struct pawl_atomic_u32 slow_equal;
static struct fr_gate gate;

/* Blocks its worker until the gate is open. */
static void gate_block(void)
{
	fr_gate_arrive(&gate);
	while (!pawl_load_acquire(&gate.open))
		t_yield();
}

static void gate_shut(void)
{
	fr_gate_init(&gate);
}

static bool at_gate(void)
{
	return pawl_load_acquire(&gate.arrived);
}

static bool slow_equality(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	enum slow slow = (enum slow)pawl_load_acquire(&slow_equal);
	uint64_t number;

	memcpy(&number, a, sizeof(number));
	if (slow == LEAVES && number >= 1000)
		pawl_exit(-EIO, "not comparable");
	if (slow == ALWAYS || (slow == LARGE && number >= 1000)) {
		gate_block();
	}
	return a_bytes == b_bytes && !memcmp(a, b, a_bytes);
}

static const struct pawl_value_type number_type = {.size = sizeof(number_type),
						   .name = "number",
						   .version = 1,
						   .mode = PAWL_CELL_COMPARE,
						   .flags = PAWL_VALUE_PLAIN,
						   .equal = slow_equality};

static struct pawl_value *value_of(int64_t number)
{
	return fr_value_of(&number_type, number);
}

static int give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return fr_give_of(context, &number_type, number, ret_output);
}

/* ---- functions ------------------------------------------------------------------------------- */

static int gated_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;

	(void)args;
	t_check(!fr_look(context, state, &number));
	return fr_gate_pass(&gate) ? -ECANCELED : give(context, 1, ret_output);
}
static const struct pawl_function gated = {sizeof(gated), "gated", 1,	 0,
					   gated_body,	  0,	   NULL, 0};

static int quick_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;

	memcpy(&number, args, sizeof(number));
	return give(context, number, ret_output);
}
static const struct pawl_function quick = {sizeof(quick), "quick",	    1,	  0,
					   quick_body,	  sizeof(uint64_t), NULL, 0};

/* Its cell is compared with what it was. */
static int large_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t number;

	(void)args;
	t_check(!fr_look(context, state, &number));
	return give(context, 1000 + number, ret_output);
}
static const struct pawl_function large = {sizeof(large), "large", 1,	 0,
					   large_body,	  0,	   NULL, 0};

/* Blocks its worker. */
static int blocks_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	gate_block();
	return give(context, 1, ret_output);
}
static const struct pawl_function blocks = {sizeof(blocks), "blocks", 1,    0,
					    blocks_body,    0,	      NULL, 0};

static int gate_call(void *arg)
{
	(void)arg;
	gate_block();
	return 0;
}

static int calls_out_body(struct pawl_context *context, const void *args,
			  pawl_ref_t *ret_output)
{
	int error = pawl_blocking(pawl_engine_runtime(fr_engine), gate_call, NULL);

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
	fr_gate_arrive(&gate);
	error = pawl_process_wait(pawl_engine_runtime(fr_engine), &child, PAWL_FOREVER,
				  &status);
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
	int64_t number;
	pawl_ref_t ref;
	int error = pawl_call(context, &reads, &args, &ref);

	return error ? error : fr_get(context, ref, PAWL_READ_STRONG, &number);
}

/* ---- engines ----------------------------------------------------------------------------------- */

static struct pawl_engine_options options_of(uint64_t hang_ns)
{
	static const struct pawl_function *const functions[] = {
		&gated, &blocks, &calls_out, &child_of, &reads, &quick, &large};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.sink = sink;
	options.verify = PAWL_VERIFY_NEVER;
	options.hang_ns = hang_ns;
	return options;
}

static void up_with(struct pawl_engine_options options)
{
	fr_told_clear();
	gate_shut();
	pawl_store_release(&slow_equal, (uint32_t)NEVER);
	fr_open(options);
	state = fr_state(value_of(0));
	other = fr_state(value_of(0));
}

static void visitor(void *arg)
{
	t_check(!pawl_engine_run(fr_engine, visit, arg));
}

/* The visitor's thread sleeps, or is about to. */
static bool thread_waits(void)
{
	struct eng_waits *waits = fr_engine->observer.waits;
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
	pawl_store_release(&fr_clock_ns, UINT64_C(1000));
	runtime.workers = 2;
	runtime.now = fr_now;
	fr_runtime_up(runtime);
	up_with(options_of(1000));
	/* An engine that is idle wakes nobody. */
	fr_pass(10000);
	assert_int_equal(pawl_runtime_quiet_until(fr_rt), PAWL_FOREVER);
	thread = t_thread_start(visitor, (void *)(uintptr_t)&gated);
	t_wait_until(at_gate() && thread_waits());
	fr_pass(10999);
	assert_int_equal(fr_told_now(), 0);
	fr_pass(12000);
	/* The thread, and all that its visit waits for. */
	fr_told_wait("thread ", " has been waiting ");
	fr_told_wait(" for visit#", ", which waits ");
	fr_told_wait(" for reads#", " for the gate {");
	fr_told_wait("{\"task\":\"gated#", "\"is\":\"waits\",\"for\":\"the gate\",\"ns\":");
	assert_int_equal(fr_told_now(), 1);
	fr_pass(100000);
	assert_int_equal(fr_told_now(), 1);
	fr_gate_open(&gate);
	t_thread_join(thread);
	/* Another wait. */
	gate_shut();
	assert_int_equal(pawl_state_set(state, value_of(1)), 0);
	thread = t_thread_start(visitor, (void *)(uintptr_t)&gated);
	t_wait_until(at_gate() && thread_waits());
	fr_pass(200000);
	t_wait_until(fr_told_times("gated#", "") == 2);
	fr_gate_open(&gate);
	t_thread_join(thread);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	fr_pass(300000);
	assert_int_equal(pawl_runtime_quiet_until(fr_rt), PAWL_FOREVER);
	assert_int_equal(fr_told_now(), 2);
	fr_close();
}

static void wait_with(const struct pawl_function *function, const char *words)
{
	struct t_thread *one, *two;

	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)function);
	t_wait_until(at_gate());
	/* It waits for what is as it will be, whatever was told on the way there. */
	two = t_thread_start(visitor, (void *)(uintptr_t)function);
	fr_told_wait(words, "{\"chain\":");
	if (function == &child_of)
		assert_int_equal(pawl_process_kill(&child, SIGKILL), 0);
	fr_gate_open(&gate);
	t_thread_join(one);
	t_thread_join(two);
	fr_close();
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
	fr_runtime_up(runtime);
	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	t_wait_until(at_gate());
	two = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	fr_told_wait("visit#", ", which has not begun");
	fr_told_wait("; on workers there are: blocks#", "\"is\":\"queued\"");
	fr_gate_open(&gate);
	t_thread_join(one);
	t_thread_join(two);
	fr_close();
}

static void idle_waiter(void *arg)
{
	(void)arg;
	t_check(!pawl_engine_wait_idle(fr_engine, PAWL_FOREVER));
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
	fr_runtime_up(runtime);
	up_with(options_of(1000000));
	assert_int_equal(pawl_engine_spawn_root(fr_engine, root_body, NULL, NULL, &root), 0);
	thread = t_thread_start(idle_waiter, NULL);
	fr_told_wait(" for engine idle", "thread ");
	while (pawl_host_step(fr_rt, 0))
		;
	t_thread_join(thread);
	fr_close();
}

static void setter(void *arg)
{
	t_check(!pawl_state_set(state, value_of((intptr_t)arg)));
}

/* A function of a type that takes its time: it holds up edits, and no reader of what is there. */
static void case_edits(void **unused)
{
	struct t_thread *one, *two;

	(void)unused;
	up_with(options_of(1000000));
	pawl_store_release(&slow_equal, (uint32_t)ALWAYS);
	one = t_thread_start(setter, (void *)1);
	t_wait_until(at_gate());
	two = t_thread_start(setter, (void *)2);
	fr_told_wait(" for another edit, which is made by thread ", "");
	fr_gate_open(&gate);
	t_thread_join(one);
	t_thread_join(two);
	fr_close();
}

/* Others go on. */
static void others_go_on(void)
{
	for (int64_t i = 1; i <= 50; i++) {
		assert_int_equal(fr_ask(&quick, &i), i);
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
	fr_runtime_up(runtime);
	up_with(options_of(1000000));
	one = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	t_wait_until(at_gate());
	two = t_thread_start(visitor, (void *)(uintptr_t)&blocks);
	others_go_on();
	pawl_runtime_stats_read(fr_rt, &stats);
	assert_true(stats.blocked);
	fr_told_wait("", ", which runs");
	fr_gate_open(&gate);
	t_thread_join(one);
	t_thread_join(two);
	fr_close();
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
	t_wait_until(at_gate());
	others_go_on();
	assert_int_equal(pawl_state_set(state, value_of(2)), 0);
	fr_gate_open(&gate);
	t_thread_join(thread);
	pawl_store_release(&slow_equal, (uint32_t)LEAVES);
	assert_int_equal(pawl_state_set(state, value_of(3)), 0);
	assert_int_equal(pawl_engine_run(fr_engine, visit, (void *)(uintptr_t)&large),
			 -PAWL_ETASK);
	others_go_on();
	pawl_store_release(&slow_equal, (uint32_t)NEVER);
	assert_int_equal(pawl_state_set(state, value_of(4)), 0);
	visitor((void *)(uintptr_t)&large);
	fr_close();
}

static void saver(void *arg)
{
	(void)arg;
	t_check(!pawl_engine_snapshot(fr_engine, NULL));
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
	fr_gate_open(&gate);
	visitor((void *)(uintptr_t)&gated);
	gate_shut();
	pawl_store_release(&slow_equal, (uint32_t)ALWAYS);
	one = t_thread_start(setter, (void *)1);
	t_wait_until(at_gate());
	two = t_thread_start(saver, NULL);
	fr_told_wait(" for a moment at which no operation is under way", "thread ");
	three = t_thread_start(saver, NULL);
	fr_told_wait(" for another snapshot", "thread ");
	fr_gate_open(&gate);
	t_thread_join(one);
	t_thread_join(two);
	t_thread_join(three);
	fr_close();
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

static void case_options(void **unused)
{
	(void)unused;
	up_with(options_of(0));
	assert_null(fr_engine->hangs);
	assert_null(fr_engine->observer.waits);
	fr_close();
	assert_int_equal(setenv("PAWL_HANG_MS", "3600000", 1), 0);
	up_with(options_of(0));
	assert_non_null(fr_engine->hangs);
	fr_close();
	assert_int_equal(setenv("PAWL_HANG_MS", "soon", 1), 0);
	up_with(options_of(0));
	assert_null(fr_engine->hangs);
	fr_close();
	assert_int_equal(unsetenv("PAWL_HANG_MS"), 0);
}

static int oom_open(void)
{
	struct pawl_engine_options options = options_of(1000000);
	int error = pawl_thread_attach("oom");

	if (error)
		return error;
	options.workers = 1;
	error = pawl_engine_open(&options, &fr_engine);
	if (!error)
		t_check(!pawl_engine_close(fr_engine));
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
