/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-fiber.c - life of a fibre, what is its own and what the thread's, what sanitizers and unwinders
 * see, contracts. Stacks are in t-fiber-stack.c, waiting in t-fiber-wait.c.
 */
#include "fibers.h"

#include <errno.h>
#include <execinfo.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if T_ASAN
#include <sanitizer/lsan_interface.h>
#endif

/* ---- life -------------------------------------------------------------- */

static struct pawl_fiber *watched;

static void look_at_self(void *arg)
{
	struct pawl_fiber *self = pawl_fiber_self();

	t_check(self == watched);
	t_check(pawl_fiber_state(self) == PAWL_FIBER_RUNNING);
	t_check(pawl_fiber_arg(self) == arg);
	t_check(pawl_fiber_destroy(self) == -EBUSY);
	++*(unsigned *)arg;
	pawl_fiber_suspend();
	t_check(pawl_fiber_self() == self);
	++*(unsigned *)arg;
}

static void case_life(void **state)
{
	unsigned steps = 0;

	(void)state;
	assert_null(pawl_fiber_self());
	watched = make(look_at_self, &steps);
	assert_int_equal(steps, 0);
	assert_int_equal(pawl_fiber_resume(watched), PAWL_FIBER_SUSPENDED);
	assert_int_equal(pawl_fiber_state(watched), PAWL_FIBER_SUSPENDED);
	assert_int_equal(steps, 1);
	assert_null(pawl_fiber_self());
	t_assert_errno(pawl_fiber_destroy(watched), EBUSY);
	assert_int_equal(pawl_fiber_resume(watched), PAWL_FIBER_FINISHED);
	assert_int_equal(pawl_fiber_state(watched), PAWL_FIBER_FINISHED);
	assert_int_equal(steps, 2);
	drop(watched);
}

static void case_new_is_destroyed(void **state)
{
	unsigned runs = 0;

	(void)state;
	drop(make(count, &runs));
	assert_int_equal(runs, 0);
}

static void case_kill(void **state)
{
	unsigned steps = 0;
	struct pawl_fiber *fiber;

	(void)state;
	watched = make(look_at_self, &steps);
	pawl_fiber_resume(watched);
	pawl_fiber_kill(watched);
	assert_int_equal(pawl_fiber_state(watched), PAWL_FIBER_FINISHED);
	assert_int_equal(steps, 1);
	drop(watched);

	/* One that never ran does not. */
	steps = 0;
	fiber = make(count, &steps);
	pawl_fiber_kill(fiber);
	assert_int_equal(steps, 0);
	drop(fiber);

	/* Its stack is as good as new, deep frames or not. */
	for (unsigned i = 0; i < 100; i++) {
		fiber = make(suspend_for_ever, NULL);
		pawl_fiber_resume(fiber);
		pawl_fiber_kill(fiber);
		drop(fiber);
	}
}

static void case_names_and_numbers(void **state)
{
	static const char long_name[] =
		"a name that is longer than there is room for in the record";
	char buf[8] = "soon";
	struct pawl_fiber *a = make_named(buf, nothing, NULL);
	struct pawl_fiber *b = make_named(long_name, nothing, NULL);
	struct pawl_fiber *c = make(nothing, buf);

	(void)state;
	memset(buf, 'x', sizeof(buf));
	assert_string_equal(pawl_fiber_name(a), "soon");
	assert_int_equal(strlen(pawl_fiber_name(b)), PAWL_FIBER_NAME_BYTES - 1);
	assert_memory_equal(pawl_fiber_name(b), long_name, PAWL_FIBER_NAME_BYTES - 1);
	assert_string_equal(pawl_fiber_name(c), "");
	assert_ptr_equal(pawl_fiber_arg(c), buf);
	assert_true(pawl_fiber_number(a) != pawl_fiber_number(b));
	assert_true(pawl_fiber_number(a) != pawl_fiber_number(c));
	assert_true(pawl_fiber_number(b) != pawl_fiber_number(c));
	pawl_store_relaxed(pawl_fiber_link(a), (void *)buf);
	drop(a);
	drop(b);
	drop(c);
	/* The stack comes back with its record, but with nothing of the one before. */
	for (unsigned i = 0; i < 4; i++) {
		a = make(nothing, NULL);
		assert_string_equal(pawl_fiber_name(a), "");
		assert_null(pawl_load_relaxed(pawl_fiber_link(a)));
		assert_null(pawl_fiber_arg(a));
		pawl_store_relaxed(pawl_fiber_link(a), (void *)buf);
		finish(a);
	}
}

static void case_options(void **state)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct pawl_fiber *untouched = (void *)&options;
	struct pawl_fiber *fiber = untouched;
	size_t small;

	(void)state;
	options.size++;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), E2BIG);
	options.size -= 2;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), EINVAL);
	options.size++;
	options.flags = 2;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), EINVAL);
	options.flags = 0;
	options.reserved = 1;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), EINVAL);
	options.reserved = 0;
	options.stack_bytes = SIZE_MAX;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), ERANGE);
	assert_ptr_equal(fiber, untouched);

	options.stack_bytes = 1;
	fiber = make_with(&options, nothing, NULL);
	small = pawl_fiber_stack_bytes(fiber);
	assert_true(small >= 16384);
	finish(fiber);
	options.stack_bytes = small + 1;
	fiber = make_with(&options, nothing, NULL);
	assert_int_equal(pawl_fiber_stack_bytes(fiber), 4 * small);
	finish(fiber);
	options.stack_bytes = 16 * small;
	fiber = make_with(&options, nothing, NULL);
	assert_int_equal(pawl_fiber_stack_bytes(fiber), 16 * small);
	finish(fiber);
	options.stack_bytes++;
	t_assert_errno(pawl_fiber_create(&options, nothing, NULL, &fiber), ERANGE);
	fiber = make(nothing, NULL);
	assert_int_equal(pawl_fiber_stack_bytes(fiber), 4 * small);
	finish(fiber);
}

/* Values in registers and on the stack survive other fibres doing the same. */
static void carry(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;
	uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11,
		 f = seed * 13;
	double x = (double)(seed & 0xffff), y = x / 3;

	for (unsigned i = 0; i < 50; i++) {
		pawl_fiber_suspend();
		a += seed;
		b += a ^ c;
		c += b;
		d ^= e + c;
		e += f;
		f += d;
		x += 1;
		y += x;
	}
	*(uint64_t *)arg = a ^ b ^ c ^ d ^ e ^ f ^ (uint64_t)y;
}

static void case_values_survive(void **state)
{
	enum { FIBERS = 8 };
	struct pawl_fiber *fibers[FIBERS];
	uint64_t results[FIBERS], alone[FIBERS];

	(void)state;
	for (unsigned together = 0; together < 2; together++) {
		for (unsigned i = 0; i < FIBERS; i++) {
			results[i] = 0x9e3779b97f4a7c15u * (i + 1);
			fibers[i] = make(carry, &results[i]);
			if (!together) {
				while (pawl_fiber_resume(fibers[i]) != PAWL_FIBER_FINISHED)
					t_step();
				alone[i] = results[i];
			}
		}
		for (unsigned round = 0; together && round < 51; round++) {
			for (unsigned i = 0; i < FIBERS; i++)
				pawl_fiber_resume(fibers[i]);
		}
		for (unsigned i = 0; i < FIBERS; i++) {
			assert_true(results[i] == alone[i]);
			drop(fibers[i]);
		}
	}
}

/* A fibre resumes another one: that one's suspend comes back to it. */
struct nest {
	unsigned depth, seen;
	struct pawl_fiber *outer;
};

static void nested(void *arg)
{
	struct nest *nest = arg;
	struct nest inner = {nest->depth - 1, 0, pawl_fiber_self()};
	struct pawl_fiber *fiber;

	nest->seen++;
	if (nest->depth) {
		fiber = make(nested, &inner);
		t_check(pawl_fiber_resume(fiber) == PAWL_FIBER_SUSPENDED);
		t_check(pawl_fiber_self() == inner.outer);
		pawl_fiber_suspend();
		t_check(pawl_fiber_resume(fiber) == PAWL_FIBER_FINISHED);
		t_check(inner.seen == 2);
		drop(fiber);
	} else {
		pawl_fiber_suspend();
	}
	nest->seen++;
}

static void case_nested(void **state)
{
	struct nest nest = {10, 0, NULL};
	struct pawl_fiber *fiber = make(nested, &nest);

	(void)state;
	assert_int_equal(pawl_fiber_resume(fiber), PAWL_FIBER_SUSPENDED);
	assert_int_equal(nest.seen, 1);
	assert_int_equal(pawl_fiber_resume(fiber), PAWL_FIBER_FINISHED);
	assert_int_equal(nest.seen, 2);
	drop(fiber);
}

static struct pawl_fiber *handed;

static void hand_out(void *arg)
{
	handed = make(count, arg);
}

static void run_it(void *arg)
{
	(void)arg;
	t_check(pawl_fiber_resume(handed) == PAWL_FIBER_FINISHED);
}

static void case_handed_around_before_it_starts(void **state)
{
	unsigned runs = 0;

	(void)state;
	t_thread_join(t_thread_start(hand_out, &runs));
	t_thread_join(t_thread_start(run_it, NULL));
	assert_int_equal(runs, 1);
	drop(handed);
}

/* ---- what belongs to the fibre, what to the thread ---------------------- */

static void round_upward(void *arg)
{
	(void)arg;
	t_check(fegetround() == FE_DOWNWARD);
	fesetround(FE_UPWARD);
	pawl_fiber_suspend();
	t_check(fegetround() == FE_UPWARD);
	fesetround(FE_TOWARDZERO);
	pawl_fiber_suspend();
	t_check(fegetround() == FE_TOWARDZERO);
}

static void case_rounding_is_the_fibres(void **state)
{
	struct pawl_fiber *fiber = make(round_upward, NULL);

	(void)state;
	fesetround(FE_DOWNWARD);
	pawl_fiber_resume(fiber);
	assert_int_equal(fegetround(), FE_DOWNWARD);
	fesetround(FE_TONEAREST);
	pawl_fiber_resume(fiber);
	assert_int_equal(fegetround(), FE_TONEAREST);
	finish(fiber);
	assert_int_equal(fegetround(), FE_TONEAREST);
}

#if defined(__x86_64__)
/* The x87 unit has a word of its own, which fegetround() reads, and MXCSR has another. */
static uint32_t mxcsr(void)
{
	uint32_t word;

	__asm__ __volatile__("stmxcsr %0" : "=m"(word));
	return word & 0xffc0;
}

static void mxcsr_set(uint32_t word)
{
	__asm__ __volatile__("ldmxcsr %0" : : "m"(word));
}

static void flush_denormals(void *arg)
{
	*(uint32_t *)arg = mxcsr();
	mxcsr_set(mxcsr() | 0x8040);
	pawl_fiber_suspend();
	t_check((mxcsr() & 0x8040) == 0x8040);
}

static void case_mxcsr_is_the_fibres(void **state)
{
	uint32_t before = mxcsr(), seen = 0;
	struct pawl_fiber *fiber = make(flush_denormals, &seen);

	(void)state;
	pawl_fiber_resume(fiber);
	assert_int_equal(seen, before);
	assert_int_equal(mxcsr(), before);
	finish(fiber);
	assert_int_equal(mxcsr(), before);
}
#endif

static void set_errno(void *arg)
{
	(void)arg;
	errno = EDOM;
	pawl_fiber_suspend();
	t_check(errno == EXDEV);
}

static void case_errno_is_the_threads(void **state)
{
	struct pawl_fiber *fiber = make(set_errno, NULL);

	(void)state;
	errno = 0;
	pawl_fiber_resume(fiber);
	assert_int_equal(errno, EDOM);
	errno = EXDEV;
	finish(fiber);
}

/* ---- unwinding --------------------------------------------------------- */

struct trace {
	void *pcs[64];
	int depth;
};

static __attribute__((noinline)) void trace_now(struct trace *trace)
{
	trace->depth = backtrace(trace->pcs, 64);
	__asm__ __volatile__("" : : : "memory");
}

static void trace_fiber(void *arg)
{
	trace_now(arg);
	pawl_fiber_suspend();
	trace_now(arg);
}

/* The chain is trace_now, trace_fiber, pawl__fiber_main, and the base: nothing more. */
static void case_chain_ends_at_the_base(void **state)
{
	struct trace trace = {.depth = 0};
	struct pawl_fiber *fiber = make(trace_fiber, &trace);

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		pawl_fiber_resume(fiber);
		assert_in_range(trace.depth, 3, 5);
#ifndef PAWL_FIBER_UCONTEXT
		{
			extern char pawl__fiber_start[];
			uintptr_t base = (uintptr_t)trace.pcs[trace.depth - 1];

			assert_in_range(base, (uintptr_t)pawl__fiber_start,
					(uintptr_t)pawl__fiber_start + 8);
		}
#endif
		memset(&trace, 0, sizeof(trace));
	}
	drop(fiber);
}

/* For gdb: what it looks at. */
static struct pawl_fiber *for_gdb __attribute__((used));

static __attribute__((noinline)) void fiber_for_gdb(void *arg)
{
	pawl_fiber_suspend();
	__asm__ __volatile__("" : : "r"(arg) : "memory");
	raise(SIGTRAP);
	__asm__ __volatile__("" : : "r"(arg) : "memory");
}

static int be_looked_at(void)
{
	if (pawl_thread_attach("main"))
		return 1;
	for_gdb = make(fiber_for_gdb, NULL);
	pawl_fiber_resume(for_gdb);
	raise(SIGTRAP);
	pawl_fiber_resume(for_gdb);
	return 0;
}

static bool gdb(const char *commands, char *out, size_t len)
{
	char line[2048];
	size_t used = 0, got;
	FILE *pipe;

	snprintf(line, sizeof(line),
		 "exec timeout 120 gdb -nx -batch -ex 'set debuginfod enabled off' -ex run %s "
		 "--args /proc/%ld/exe gdb </dev/null 2>&1",
		 commands, (long)getpid());
	pipe = popen(line, "r");
	if (!pipe)
		return false;
	while ((got = fread(out + used, 1, len - 1 - used, pipe)))
		used += got;
	out[used] = 0;
	pclose(pipe);
	t_step();
	return strstr(out, "SIGTRAP") != NULL;
}

/* Without debug information gdb takes pawl__fiber_main for a name of Ada's, pawl.fiber_main. */
static void check_gdb_chain(const char *out)
{
	const char *at = strstr(out, "fiber_for_gdb");

	if (!at || !strstr(at, "fiber_main") || strstr(out, "Backtrace stopped"))
		print_message("%s\n", out);
	assert_non_null(at);
	at = strstr(at, "fiber_main");
	assert_non_null(at);
	assert_null(strstr(out, "Backtrace stopped"));
#ifndef PAWL_FIBER_UCONTEXT
	/* fiber_base, or pawl__fiber_start, is the last line with a frame. */
	at = strstr(at, "\n#");
	assert_non_null(at);
	assert_true(strstr(at, "fiber_start") || strstr(at, "fiber_base"));
	assert_null(strstr(at + 1, "\n#"));
#endif
}

static void case_gdb_unwinds(void **state)
{
	static char out[1 << 16];

	(void)state;
	if (system("command -v gdb >/dev/null 2>&1") || !UNSANITIZED) {
		t_skip("no gdb, or a sanitizer that it disturbs");
		return;
	}
	if (!gdb("-ex continue -ex bt", out, sizeof(out)) || strstr(out, "ptrace: ")) {
		t_skip("gdb cannot run programs here");
		return;
	}
	check_gdb_chain(out);
#if defined(__x86_64__) && !defined(PAWL_FIBER_UCONTEXT)
	/* A suspended one: put its saved registers into place, as the manual page says. */
	assert_true(gdb("-ex 'frame function be_looked_at' -ex 'frame 0' "
			"-ex 'set $s = (long *)for_gdb->sp' -ex 'set $rbp = $s[6]' "
			"-ex 'set $rip = $s[7]' -ex 'set $rsp = (long)($s + 8)' -ex bt",
			out, sizeof(out)));
	/* It cannot be found without debug information. */
	if (!strstr(out, "has unknown type"))
		check_gdb_chain(out);
#endif
}

/* ---- sanitizers -------------------------------------------------------- */

#if T_ASAN
static void hold_and_park(void *arg)
{
	char *held = malloc(4321);

	(void)arg;
	/* Not to be optimised away; and in the frame, not only in a register. */
	__asm__ __volatile__("" : "+r"(held) : : "memory");
	t_check(held);
	pawl_fiber_suspend();
	free(held);
}

/* What only a suspended fibre's stack leads to is no leak; when the fibre is killed it is one. */
static int leaks(void)
{
	struct pawl_fiber *fiber;

	if (pawl_thread_attach("main"))
		return 10;
	fiber = make(hold_and_park, NULL);
	pawl_fiber_resume(fiber);
	use_stack(20000);
	if (__lsan_do_recoverable_leak_check())
		return 11;
	pawl_fiber_kill(fiber);
	drop(fiber);
	pawl_thread_detach();
	use_stack(20000);
	if (!__lsan_do_recoverable_leak_check())
		return 12;
	_exit(0);
}

static int fake_stacks(void)
{
	size_t bytes = 20000;
	unsigned steps = 0;

	if (pawl_thread_attach("main"))
		return 10;
	for (unsigned i = 0; i < 200; i++) {
		struct pawl_fiber *fiber = make(use_and_suspend, &bytes);

		pawl_fiber_resume(fiber);
		if (i % 2)
			finish(fiber);
		else {
			pawl_fiber_kill(fiber);
			drop(fiber);
		}
		finish(make(count, &steps));
	}
	pawl_thread_detach();
	return steps == 200 ? 0 : 11;
}

static void case_address_sanitizer(void **state)
{
	(void)state;
	assert_int_equal(t_rerun("leaks", NULL, 0), 0);
	setenv("ASAN_OPTIONS", "detect_stack_use_after_return=1", 1);
	assert_int_equal(t_rerun("fake-stacks", NULL, 0), 0);
}
#endif

/* ---- contracts --------------------------------------------------------- */

static void resume_here(void *arg)
{
	pawl_fiber_resume(arg);
}

static void kill_here(void *arg)
{
	pawl_fiber_kill(arg);
}

static void on_another_thread(void *arg)
{
	struct pawl_fiber *fiber;

	t_check(!pawl_thread_attach("main"));
	fiber = make(suspend_for_ever, NULL);
	pawl_fiber_resume(fiber);
	t_thread_join(t_thread_start(arg ? kill_here : resume_here, fiber));
}

static void resume_finished(void *arg)
{
	struct pawl_fiber *fiber = make(nothing, NULL);

	(void)arg;
	pawl_fiber_resume(fiber);
	pawl_fiber_resume(fiber);
}

static void resume_self(void *arg)
{
	(void)arg;
	pawl_fiber_resume(pawl_fiber_self());
}

static void resume_running(void *arg)
{
	(void)arg;
	pawl_fiber_resume(make(resume_self, NULL));
}

static void suspend_thread(void *arg)
{
	(void)arg;
	pawl_fiber_suspend();
}

static void detach_with_fiber(void *arg)
{
	(void)arg;
	pawl_fiber_resume(make(suspend_for_ever, NULL));
	pawl_thread_detach();
}

static void detach_with_new_fiber(void *arg)
{
	(void)arg;
	(void)make(nothing, NULL);
	pawl_thread_detach();
}

static void detach_it(void *arg)
{
	(void)arg;
	pawl_thread_detach();
}

static void detach_on_fiber(void *arg)
{
	(void)arg;
	pawl_fiber_resume(make(detach_it, NULL));
}

static void destroy_twice(void *arg)
{
	struct pawl_fiber *fiber = make(nothing, NULL);

	(void)arg;
	(void)!pawl_fiber_destroy(fiber);
	(void)!pawl_fiber_destroy(fiber);
}

static void create_unattached(void *arg)
{
	struct pawl_fiber *fiber;

	(void)arg;
	(void)!pawl_fiber_create(NULL, nothing, NULL, &fiber);
}

static void measure_running(void *arg)
{
	(void)arg;
	pawl_fiber_stack_peak(pawl_fiber_self());
}

static void run_measure_running(void *arg)
{
	(void)arg;
	pawl_fiber_resume(make(measure_running, NULL));
}

static void expire_suspended(void *arg)
{
	struct pawl_fiber *fiber = make(suspend_for_ever, NULL);

	(void)arg;
	pawl_fiber_resume(fiber);
	(void)!pawl_fiber_expire(fiber);
}

static void case_contracts(void **state)
{
	static char kill[] = "kill";

	(void)state;
	/*
	 * A child that is forked with a thread attached could attach no other, and under
	 * ThreadSanitizer it can start none.
	 */
	pawl_thread_detach();
	assert_true(t_aborts(create_unattached, NULL, "attached"));
	assert_true(T_TSAN || t_aborts(on_another_thread, NULL, "stays on the thread"));
	assert_true(T_TSAN || t_aborts(on_another_thread, kill, "stays on the thread"));
	assert_int_equal(pawl_thread_attach("main"), 0);
	assert_true(t_aborts(resume_finished, NULL, "new, suspended or parked"));
	assert_true(t_aborts(resume_running, NULL, "new, suspended or parked"));
	assert_true(t_aborts(suspend_thread, NULL, "only a fibre suspends"));
	assert_true(t_aborts(detach_with_fiber, NULL, "have finished at its detach"));
	/* ThreadSanitizer waits for ever for the reclaimer that the child does not have. */
	assert_true(T_TSAN ||
		    t_aborts(detach_with_new_fiber, NULL, "all fibres are destroyed"));
	assert_true(t_aborts(detach_on_fiber, NULL, "on its own stack"));
	assert_true(t_aborts(destroy_twice, NULL, "not destroyed before"));
	assert_true(t_aborts(run_measure_running, NULL, "not running"));
	assert_true(t_aborts(expire_suspended, NULL, "parked"));
}

#ifdef PAWL_DEBUG
static void hold(const char *what)
{
	static struct pawl_lock lock = PAWL_LOCK_INIT;

	if (!strcmp(what, "lock"))
		pawl_lock_lock(&lock);
	else if (!strcmp(what, "section"))
		pawl_rcu_begin();
	else
		pawl_rcu_idle_enter();
}

static void suspend_holding(void *arg)
{
	hold(arg);
	pawl_fiber_suspend();
}

static void end_holding(void *arg)
{
	hold(arg);
}

static void run_suspend_holding(void *arg)
{
	pawl_fiber_resume(make(suspend_holding, arg));
}

static void run_end_holding(void *arg)
{
	pawl_fiber_resume(make(end_holding, arg));
}

static void resume_holding(void *arg)
{
	struct pawl_fiber *fiber = make(nothing, NULL);

	hold(arg);
	pawl_fiber_resume(fiber);
}

static void create_holding(void *arg)
{
	hold(arg);
	(void)make(nothing, NULL);
}
#endif

static void case_debug_checks(void **state)
{
	(void)state;
#ifdef PAWL_DEBUG
	static char what[][8] = {"lock", "section", "idle"};

	for (unsigned i = 0; i < 3; i++) {
		assert_true(t_aborts(run_suspend_holding, what[i], what[i]));
		assert_true(t_aborts(run_end_holding, what[i], what[i]));
		assert_true(t_aborts(resume_holding, what[i], what[i]));
	}
	assert_true(t_aborts(create_holding, what[0], what[0]));
	assert_true(t_aborts(create_holding, what[1], what[1]));
#else
	t_skip("only debug builds check");
#endif
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_life),
		cmocka_unit_test(case_new_is_destroyed),
		cmocka_unit_test(case_kill),
		cmocka_unit_test(case_names_and_numbers),
		cmocka_unit_test(case_options),
		cmocka_unit_test(case_values_survive),
		cmocka_unit_test(case_nested),
		cmocka_unit_test(case_handed_around_before_it_starts),
		cmocka_unit_test(case_rounding_is_the_fibres),
#if defined(__x86_64__)
		cmocka_unit_test(case_mxcsr_is_the_fibres),
#endif
		cmocka_unit_test(case_errno_is_the_threads),
		cmocka_unit_test(case_chain_ends_at_the_base),
		cmocka_unit_test(case_gdb_unwinds),
#if T_ASAN
		cmocka_unit_test(case_address_sanitizer),
#endif
		cmocka_unit_test(case_contracts),
		cmocka_unit_test(case_debug_checks),
	};

	if (argc > 1 && !strcmp(argv[1], "gdb"))
		return be_looked_at();
#if T_ASAN
	if (argc > 1 && !strcmp(argv[1], "leaks"))
		return leaks();
	if (argc > 1 && !strcmp(argv[1], "fake-stacks"))
		return fake_stacks();
#endif
	return t_run("fiber", cases);
}
