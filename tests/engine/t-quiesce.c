/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-quiesce.c - moments at which no operation is inside: of threads alone, and of an engine that works. With
 * membarrier(2), without it because nobody wants it, and, in a process of its own, because it is refused, at
 * once or later.
 */
#include "harness.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pawl.h>
#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/state.h>

#include "../../engine/engine.h"
#include "../../engine/graph/graph.h"
#include "../../engine/graph/quiesce.h"

static struct eng_quiesce *quiesce;

static void up(bool fenced)
{
	struct eng_quiesce_options options = ENG_QUIESCE_OPTIONS_INIT;

	options.fenced = fenced;
	options.ready = 1;
	options.shut_ns = 1000000;
	assert_int_equal(eng_quiesce_create(&options, &quiesce), 0);
	assert_true(eng_quiesce_fenced(quiesce) || !fenced);
}

static struct eng_quiesce_stats stats(void)
{
	struct eng_quiesce_stats stats;

	eng_quiesce_stats_read(quiesce, &stats);
	return stats;
}

/* A word that somebody waits for. */
static void await(struct pawl_atomic_u32 *word, uint32_t value)
{
	while (pawl_load_acquire(word) < value)
		sched_yield();
}

/* ---- one thread ------------------------------------------------------------------------- */

static void not_one(void *arg, void *op)
{
	(void)arg;
	(void)op;
	t_check(!"nobody is suspended");
}

static void alone(void *arg)
{
	struct eng_quiesce_slot *slot;

	t_check(eng_quiesce_inside(quiesce) == 0);
	t_check(eng_quiesce_run(quiesce, alone, arg) == -EDEADLK);
	slot = eng_quiesce_enter(quiesce, arg);
	t_check(!slot);
	eng_quiesce_point(quiesce, slot);
	eng_quiesce_leave(quiesce, slot);
	eng_quiesce_each_suspended(quiesce, not_one, NULL);
	++*(unsigned *)arg;
}

static void case_alone(void **state)
{
	(void)state;
	for (unsigned fenced = 0; fenced < 2; fenced++) {
		struct eng_quiesce_slot *slot, *inner;
		unsigned moments = 0;

		up(fenced);
		assert_false(eng_quiesce_is_inside(quiesce));
		assert_int_equal(eng_quiesce_run(quiesce, alone, &moments), 0);
		slot = eng_quiesce_enter(quiesce, &moments);
		assert_non_null(slot);
		assert_true(eng_quiesce_is_inside(quiesce));
		assert_int_equal(eng_quiesce_inside(quiesce), 1);
		assert_int_equal(eng_quiesce_run(quiesce, alone, &moments), -EDEADLK);
		inner = eng_quiesce_enter(quiesce, &moments);
		assert_null(inner);
		eng_quiesce_leave(quiesce, inner);
		assert_true(eng_quiesce_is_inside(quiesce));
		eng_quiesce_point(quiesce, slot);
		eng_quiesce_leave(quiesce, slot);
		assert_false(eng_quiesce_is_inside(quiesce));
		assert_int_equal(eng_quiesce_run(quiesce, alone, &moments), 0);
		assert_int_equal(moments, 2);
		assert_int_equal(stats().moments, 2);
		assert_int_equal(stats().at_once, 2);
		assert_int_equal(stats().suspended, 0);
		eng_quiesce_destroy(quiesce);
	}
	eng_quiesce_destroy(NULL);
}

static void last(void *arg)
{
	uint64_t begun_ns = pawl_now_ns();

	while (pawl_now_ns() - begun_ns < *(uint64_t *)arg)
		;
}

/* How long nobody could come in is what it was at most. */
static void case_longest(void **state)
{
	uint64_t long_ns = 2000000, no_ns = 0, most;

	(void)state;
	up(0);
	assert_int_equal(stats().longest_ns, 0);
	assert_int_equal(eng_quiesce_run(quiesce, last, &long_ns), 0);
	most = stats().longest_ns;
	assert_true(most >= long_ns);
	assert_int_equal(eng_quiesce_run(quiesce, last, &no_ns), 0);
	assert_true(stats().longest_ns >= most);
	eng_quiesce_destroy(quiesce);
}

/* ---- two threads ------------------------------------------------------------------------- */

static struct pawl_atomic_u32 here, go;
static struct t_thread *other;

/* Inside, it goes to its point until it may go on, as a removal does. */
static void retry(void *op)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, op);

	pawl_store_release(&here, 1u);
	while (!pawl_load_acquire(&go)) {
		eng_quiesce_point(quiesce, slot);
		sched_yield();
	}
	eng_quiesce_leave(quiesce, slot);
}

static void come(void *arg)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, arg);

	pawl_store_release(&go, 1u);
	eng_quiesce_leave(quiesce, slot);
}

static void is_that_one(void *arg, void *op)
{
	t_check(op == (void *)&here);
	++*(unsigned *)arg;
}

/* The retrying one is suspended; the one it waits for comes only now, and has to wait. */
static void one_is_suspended(void *arg)
{
	t_check(eng_quiesce_inside(quiesce) == 0);
	eng_quiesce_each_suspended(quiesce, is_that_one, arg);
	other = t_thread_start(come, &go);
	while (!stats().turned_off)
		sched_yield();
	t_check(!pawl_load_acquire(&go));
}

static void case_suspend(void **state)
{
	(void)state;
	for (unsigned fenced = 0; fenced < 2; fenced++) {
		unsigned suspended = 0;
		struct t_thread *thread;

		up(fenced);
		pawl_store_relaxed(&here, 0u);
		pawl_store_relaxed(&go, 0u);
		thread = t_thread_start(retry, &here);
		await(&here, 1);
		assert_int_equal(eng_quiesce_run(quiesce, one_is_suspended, &suspended), 0);
		t_thread_join(thread);
		t_thread_join(other);
		assert_int_equal(suspended, 1);
		assert_true(stats().suspended >= 1);
		assert_int_equal(stats().turned_off, 1);
		eng_quiesce_destroy(quiesce);
	}
}

/* Inside it waits, without a point, for one that has to come in. */
static void wait_inside(void *op)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, op);

	pawl_store_release(&here, 1u);
	while (!stats().reopens)
		sched_yield();
	other = t_thread_start(come, &go);
	await(&go, 1);
	eng_quiesce_leave(quiesce, slot);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void case_reopen(void **state)
{
	struct t_thread *thread;

	(void)state;
	up(false);
	pawl_store_relaxed(&here, 0u);
	pawl_store_relaxed(&go, 0u);
	thread = t_thread_start(wait_inside, &here);
	await(&here, 1);
	assert_int_equal(eng_quiesce_run(quiesce, nothing, NULL), 0);
	t_thread_join(thread);
	t_thread_join(other);
	assert_true(stats().reopens >= 1);
	eng_quiesce_destroy(quiesce);
}

/* ---- many --------------------------------------------------------------------------------- */

#define WORKERS 4

static struct pawl_atomic_u32 enough;
/* Changed inside, in two halves with a point between them. */
static uint64_t halves[WORKERS][2];
static unsigned moments_left;

static void work(void *arg)
{
	uint64_t *half = arg;

	while (!pawl_load_relaxed(&enough)) {
		struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, half);

		half[0]++;
		eng_quiesce_point(quiesce, slot);
		half[1]++;
		eng_quiesce_leave(quiesce, slot);
	}
}

static void half_done(void *arg, void *op)
{
	const uint64_t *half = op;

	t_check(half[0] == half[1] + 1);
	++*(unsigned *)arg;
}

static void look(void *arg)
{
	unsigned suspended = 0, half = 0;

	(void)arg;
	t_step();
	t_check(eng_quiesce_inside(quiesce) == 0);
	eng_quiesce_each_suspended(quiesce, half_done, &suspended);
	for (unsigned i = 0; i < WORKERS; i++) {
		half += halves[i][0] != halves[i][1];
		/* As a capture changes what it takes. */
		halves[i][0]++;
		halves[i][1]++;
	}
	t_check(half == suspended);
	moments_left--;
}

static void moments(void *arg)
{
	for (unsigned n = *(const unsigned *)arg; n; n--)
		t_check(eng_quiesce_run(quiesce, look, NULL) == 0);
}

static void many(bool fenced)
{
	unsigned n = t_scaled(1000);
	struct t_thread *threads[WORKERS], *asker;

	up(fenced);
	moments_left = 2 * n;
	memset(halves, 0, sizeof(halves));
	pawl_store_relaxed(&enough, 0u);
	for (unsigned i = 0; i < WORKERS; i++)
		threads[i] = t_thread_start(work, halves[i]);
	asker = t_thread_start(moments, &n);
	moments(&n);
	t_thread_join(asker);
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < WORKERS; i++)
		t_thread_join(threads[i]);
	assert_int_equal(moments_left, 0);
	assert_int_equal(stats().moments, 2 * n);
	eng_quiesce_destroy(quiesce);
}

static void case_many(void **state)
{
	(void)state;
	many(false);
	many(true);
}

/* ---- an engine ---------------------------------------------------------------------------- */

#define TASKS 60

static const struct pawl_value_type number_type = PAWL_VALUE_TYPE("number");
static struct pawl_state *states[TASKS];
static const struct pawl_function sum;

struct one {
	uint64_t n;
};

static int get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
	       uint64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

/* Its number, and those of some below, which its state says. */
static int sum_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = ((const struct one *)args)->n, total, number;
	struct pawl_value *value;
	int error = pawl_state_get(context, states[n], &value);

	if (error)
		return error;
	memcpy(&total, pawl_value_payload(value), sizeof(total));
	pawl_value_unpin(value);
	for (uint64_t i = 1, seed = total; i <= 3 && i <= n && !error; i++, seed /= 7) {
		struct one below = {n - 1 - seed % (n < 9 ? n : 9)};
		pawl_ref_t ref;

		error = pawl_call(context, &sum, &below, &ref);
		if (!error && seed % 2)
			error = get(context, ref, 0, &number);
		if (!error && seed % 2)
			total += number;
	}
	if (!error)
		error = pawl_value_of(&number_type, &total, sizeof(total), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function sum = {sizeof(sum),	     "sum", 1, 0, sum_body,
					 sizeof(struct one), NULL,  0};

static int read_visit(struct pawl_context *context, void *arg)
{
	struct one *one = arg;
	pawl_ref_t ref;
	int error = pawl_call(context, &sum, one, &ref);

	return error ? error : get(context, ref, PAWL_READ_STRONG, &one->n);
}

static struct pawl_value *number_value(uint64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(&number_type, &number, sizeof(number), &value));
	return value;
}

static struct pawl_engine *engine_up(void)
{
	static const struct pawl_function *const functions[] = {&sum};
	static const struct pawl_value_type *const types[] = {&number_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_engine *engine;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 1;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	for (unsigned i = 0; i < TASKS; i++)
		assert_int_equal(pawl_state_create(engine, number_value(t_random_below(1000)),
						   &states[i]),
				 0);
	return engine;
}

static void none_inside(void *arg)
{
	struct eng_graph *graph = arg;

	t_check(eng_quiesce_inside(graph->quiesce) == 0);
}

static void ask_on(void *arg)
{
	struct eng_graph *graph = arg;

	while (!pawl_load_relaxed(&enough)) {
		t_check(eng_quiesce_run(graph->quiesce, none_inside, graph) == 0);
		pawl_add_relaxed(&here, 1u);
	}
}

static void read_on(void *arg)
{
	struct pawl_engine *engine = arg;

	while (!pawl_load_relaxed(&enough)) {
		struct one one = {t_random_below(TASKS)};

		t_check(pawl_engine_run(engine, read_visit, &one) == 0);
		t_step();
	}
}

/* Moments in a row, and from two threads, while two edit and one reads. */
static void engine_works(void)
{
	struct pawl_engine *engine = engine_up();
	struct eng_quiesce_stats moments;
	struct pawl_engine_stats stats;
	struct t_thread *threads[3];
	char text[256];

	pawl_store_relaxed(&enough, 0u);
	pawl_store_relaxed(&here, 0u);
	threads[0] = t_thread_start(ask_on, engine->graph);
	threads[1] = t_thread_start(ask_on, engine->graph);
	threads[2] = t_thread_start(read_on, engine);
	for (unsigned i = t_scaled(300); i; i--) {
		struct one one = {TASKS - 1};

		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(pawl_state_set(states[t_random_below(TASKS)],
							number_value(t_random_below(1000))),
					 0);
		assert_int_equal(pawl_engine_run(engine, read_visit, &one), 0);
	}
	await(&here, 3);
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	pawl_engine_stats_read(engine, &stats);
	assert_true(stats.longest_quiet_ns > 0);
	eng_quiesce_stats_read(engine->graph->quiesce, &moments);
	assert_true(moments.longest_ns >= stats.longest_quiet_ns);
	if (pawl_engine_verify(engine, text, sizeof(text)))
		fail_msg("%s", text);
	for (unsigned i = 0; i < TASKS; i++)
		pawl_state_unpin(states[i]);
	assert_int_equal(pawl_engine_close(engine), 0);
}

static void case_engine(void **state)
{
	(void)state;
	engine_works();
	assert_int_equal(setenv("PAWL_NO_MEMBARRIER", "1", 1), 0);
	engine_works();
	assert_int_equal(unsetenv("PAWL_NO_MEMBARRIER"), 0);
}

/* ---- in a process of its own: membarrier is refused ------------------------------------------ */

/* The filter must be there before the libraries ask. */
static int start_refused(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	char path[] = "/proc/self/exe", word[] = "refused";
	char *argv[] = {path, word, NULL};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 77;
	execv(path, argv);
	return 78;
}

/*
 * It comes while they work, for this thread, which asks for the moments: liburcu, where it is built on membarrier, ends a
 * process whose own thread is refused it later. Returns: 77: there is none.
 */
static int filter_this(bool processors_too)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 processors_too ? SYS_sched_setaffinity : SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 77;
	return 0;
}

static int refused_later(bool processors_too)
{
	struct t_thread *threads[WORKERS];
	unsigned n = t_scaled(1000), before = n;
	cpu_set_t cpus, now;
	int status;

	if (pawl_thread_attach("refused later"))
		return 1;
	up(false);
	if (eng_quiesce_fenced(quiesce))
		return 77;
	t_check(!sched_getaffinity(0, sizeof(cpus), &cpus));
	moments_left = 2 * n;
	memset(halves, 0, sizeof(halves));
	pawl_store_relaxed(&enough, 0u);
	for (unsigned i = 0; i < WORKERS; i++)
		threads[i] = t_thread_start(work, halves[i]);
	moments(&before);
	status = filter_this(processors_too);
	t_check(!eng_quiesce_fenced(quiesce));
	moments(&n);
	t_check(status || eng_quiesce_fenced(quiesce));
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < WORKERS; i++)
		t_thread_join(threads[i]);
	t_check(!sched_getaffinity(0, sizeof(now), &now) && CPU_EQUAL(&cpus, &now));
	eng_quiesce_destroy(quiesce);
	pawl_thread_detach();
	return status;
}

static int refused(void)
{
	if (pawl_thread_attach("refused"))
		return 1;
	up(false);
	if (!eng_quiesce_fenced(quiesce))
		return 2;
	eng_quiesce_destroy(quiesce);
	many(false);
	pawl_thread_detach();
	return 0;
}

static void case_refused(void **state)
{
	int status;

	(void)state;
	status = t_rerun("filter", NULL, 0);
	if (status == 77)
		return t_skip("no seccomp here");
	assert_int_equal(status, 0);
}

static void case_refused_later(void **state)
{
	static const char *const words[] = {"later", "later, all"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int status = t_rerun(words[i], NULL, 0);

		if (status == 77)
			return t_skip("no seccomp, or no membarrier, here");
		assert_int_equal(status, 0);
	}
}

/* ---- no memory ------------------------------------------------------------------------------- */

static int oom_create(void)
{
	int error = eng_quiesce_create(NULL, &quiesce);

	if (error)
		return error;
	eng_quiesce_destroy(quiesce);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_alone),
		cmocka_unit_test(case_longest),
		cmocka_unit_test(case_suspend),
		cmocka_unit_test(case_reopen),
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_engine),
		cmocka_unit_test(case_refused),
		cmocka_unit_test(case_refused_later),
		T_OOM(oom_create),
	};

	if (argc > 1 && !strcmp(argv[1], "filter"))
		return start_refused();
	if (argc > 1 && !strcmp(argv[1], "refused"))
		return refused();
	if (argc > 1 && !strncmp(argv[1], "later", 5))
		return refused_later(strlen(argv[1]) > 5);
	return t_run("quiesce", cases);
}
