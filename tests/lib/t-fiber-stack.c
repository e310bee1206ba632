/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-fiber-stack.c - stacks of fibres: pools, guards, overflow, memory given back, a great many.
 *
 * The program stands between the library and the calls that map and guard stacks, to play a
 * kernel without MADV_GUARD_INSTALL, one that is out of mappings, and one that is out of
 * memory.
 */
#include "fibers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* ---- between the library and the kernel -------------------------------- */

static struct {
	bool no_madvise_guard;
	unsigned mprotect_after; /* this many succeed, then ENOMEM; 0: all succeed */
	bool no_mmap;
	bool no_dontneed; /* as of memory that is locked */
} kernel;

int __real_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice);
int __wrap_madvise(void *at, size_t bytes, int advice)
{
	if (advice == MADV_GUARD_INSTALL && kernel.no_madvise_guard) {
		errno = EINVAL;
		return -1;
	}
	if (advice == MADV_DONTNEED && kernel.no_dontneed) {
		errno = EINVAL;
		return -1;
	}
	return __real_madvise(at, bytes, advice);
}

int __real_mprotect(void *at, size_t bytes, int protection);
int __wrap_mprotect(void *at, size_t bytes, int protection);
int __wrap_mprotect(void *at, size_t bytes, int protection)
{
	if (kernel.mprotect_after && --kernel.mprotect_after == 0) {
		kernel.mprotect_after = 1;
		errno = ENOMEM;
		return -1;
	}
	return __real_mprotect(at, bytes, protection);
}

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (kernel.no_mmap) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, bytes, protection, flags, fd, offset);
}

static bool have_madvise_guard(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = __real_mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	bool have = at != MAP_FAILED && !__real_madvise(at, page, MADV_GUARD_INSTALL);

	if (at != MAP_FAILED)
		munmap(at, page);
	return have;
}

/* ---- stacks and pools -------------------------------------------------- */

static void case_stack_is_reused(void **state)
{
	struct pawl_fiber *first = make(nothing, NULL);
	struct pawl_fiber_stats before, after;

	(void)state;
	finish(first);
	pawl_fiber_stats_read(&before);
	assert_int_equal(before.fibers, 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct pawl_fiber *fiber = make(suspend_once, NULL);

		assert_ptr_equal(fiber, first);
		pawl_fiber_resume(fiber);
		finish(fiber);
	}
	pawl_fiber_stats_read(&after);
	assert_int_equal(after.mapped_bytes, before.mapped_bytes);
	assert_int_equal(after.stacks[1], 64);
	assert_int_equal(after.stacks[0] + after.stacks[2], 0);
}

/* Stacks come and go in all orders; the depot has them all in the end. */
static void churn(void *arg)
{
	enum { MOST = 200 };
	struct pawl_fiber *fibers[MOST];
	unsigned many = 0;

	(void)arg;
	for (unsigned round = t_scaled(20000); round; round--) {
		if (many < MOST && (!many || t_random_below(2))) {
			struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;

			options.stack_bytes = t_random_below(4) ? 1 : 0;
			fibers[many] = make_with(&options, suspend_once, NULL);
			if (t_random_below(2))
				pawl_fiber_resume(fibers[many]);
			many++;
		} else {
			unsigned i = (unsigned)t_random_below(many);

			if (pawl_fiber_state(fibers[i]) == PAWL_FIBER_SUSPENDED)
				finish(fibers[i]);
			else
				drop(fibers[i]);
			fibers[i] = fibers[--many];
		}
		if (!t_random_below(1000))
			pawl_fiber_trim();
	}
	while (many) {
		pawl_fiber_kill(fibers[--many]);
		drop(fibers[many]);
	}
}

static void case_churn(void **state)
{
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct pawl_fiber_stats stats;
	struct t_thread *threads[3];

	(void)state;
	config.batch_stacks = 3;
	config.slab_stacks = 7;
	config.warm_stacks = 8;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	for (unsigned i = 0; i < 3; i++)
		threads[i] = t_thread_start(churn, NULL);
	for (unsigned i = 0; i < 3; i++)
		t_thread_join(threads[i]);
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.fibers, 0);
	/* No more stacks than were live at once, but for rounding and what threads keep. */
	assert_in_range(stats.stacks[0] + stats.stacks[1], 1, 3 * 200 + 3 * 2 * (7 + 2 * 3));
	assert_true(stats.given_back > 0);

	/* All of them are found again: as many fibres need nothing new. */
	{
		enum { MOST = 2000 };
		struct pawl_fiber *fibers[MOST];
		struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
		struct pawl_fiber_stats after;
		unsigned many = (unsigned)stats.stacks[0];

		assert_in_range(many, 1, MOST);
		options.stack_bytes = 1;
		for (unsigned i = 0; i < many; i++)
			fibers[i] = make_with(&options, nothing, NULL);
		pawl_fiber_stats_read(&after);
		assert_int_equal(after.stacks[0], stats.stacks[0]);
		assert_int_equal(after.live[0], many);
		for (unsigned i = 0; i < many; i++)
			drop(fibers[i]);
	}
	start_afresh();
	defaults();
}

static size_t resident(const struct pawl_fiber *fiber)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char pages[1024];
	size_t many = fiber->stack_bytes / page, found = 0;

	t_check(many <= sizeof(pages) && !mincore(fiber->stack_low, fiber->stack_bytes, pages));
	for (size_t i = 0; i < many; i++)
		found += pages[i] & 1;
	return found;
}

static void case_trim(void **state)
{
	size_t bytes = 32768;
	struct pawl_fiber *fiber = make(use_and_suspend, &bytes);
	struct pawl_fiber_stats before, after;

	(void)state;
	pawl_fiber_resume(fiber);
	assert_true(resident(fiber) >= 8);
	/* Not those of fibres. */
	pawl_fiber_trim();
	assert_true(resident(fiber) >= 8);
	finish(fiber);
	assert_true(resident(fiber) >= 8);
	pawl_fiber_stats_read(&before);
	assert_int_equal(pawl_fiber_trim(), 1);
	assert_int_equal(resident(fiber), 0);
	assert_int_equal(pawl_fiber_trim(), 0);
	pawl_fiber_stats_read(&after);
	assert_int_equal(after.given_back, before.given_back + 1);
	finish(make(nothing, NULL));
}

/* More idle stacks than may be warm: the others' pages go back by themselves. */
static void case_depot_keeps_few_warm(void **state)
{
	enum { FIBERS = 64 };
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct pawl_fiber *fibers[FIBERS];
	unsigned warm = 0;

	(void)state;
	config.batch_stacks = 4;
	config.warm_stacks = 8;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	for (unsigned i = 0; i < FIBERS; i++) {
		fibers[i] = make(suspend_once, NULL);
		pawl_fiber_resume(fibers[i]);
	}
	for (unsigned i = 0; i < FIBERS; i++)
		finish(fibers[i]);
	for (unsigned i = 0; i < FIBERS; i++)
		warm += resident(fibers[i]) != 0;
	/* Two magazines here, warm_stacks in the depot. */
	assert_int_equal(warm, 2 * 4 + 8);
	start_afresh();
	defaults();
}

struct peak {
	size_t bytes, left_at_start, left_deep;
};

static __attribute__((noinline)) void look_deep(struct peak *peak)
{
	char room[2048];

	memset(room, 1, sizeof(room));
	__asm__ __volatile__("" : : "r"(room) : "memory");
	peak->left_deep = pawl_fiber_stack_left();
}

static void measure(void *arg)
{
	struct peak *peak = arg;

	peak->left_at_start = pawl_fiber_stack_left();
	look_deep(peak);
	use_stack(peak->bytes);
	pawl_fiber_suspend();
}

static void case_stack_use(void **state)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct peak peak = {.bytes = 40000};
	struct pawl_fiber *fiber;
	size_t large, small;

	(void)state;
	assert_true(pawl_fiber_stack_left() == SIZE_MAX);
	options.flags = PAWL_FIBER_MEASURE;
	fiber = make_with(&options, measure, &peak);
	assert_int_equal(pawl_fiber_stack_peak(fiber), 0);
	pawl_fiber_resume(fiber);
	assert_true(peak.left_at_start < pawl_fiber_stack_bytes(fiber));
	assert_true(peak.left_at_start > pawl_fiber_stack_bytes(fiber) / 2);
	assert_true(peak.left_deep + 2048 <= peak.left_at_start);
	large = pawl_fiber_stack_peak(fiber);
	assert_in_range(large, 40000, UNSANITIZED ? 50000 : pawl_fiber_stack_bytes(fiber));
	finish(fiber);

	/* The same stack: what the one before did does not count when it is measured... */
	peak.bytes = 0;
	fiber = make_with(&options, measure, &peak);
	pawl_fiber_resume(fiber);
	small = pawl_fiber_stack_peak(fiber);
	assert_in_range(small, 2048, large / 2);
	finish(fiber);

	/* ... and does when it is not. */
	options.flags = 0;
	fiber = make_with(&options, measure, &peak);
	assert_true(pawl_fiber_stack_peak(fiber) >= small);
	pawl_fiber_resume(fiber);
	assert_true(pawl_fiber_stack_peak(fiber) >= small);
	finish(fiber);
}

/* ---- guards ------------------------------------------------------------ */

/* Deeper than any stack. */
static __attribute__((noinline)) unsigned overflow(unsigned depth)
{
	char room[256];

	memset(room, (int)depth, sizeof(room));
	__asm__ __volatile__("" : : "r"(room) : "memory");
	return depth ? overflow(depth - 1) + (unsigned)room[depth % sizeof(room)] : 0;
}

static void overflow_now(void *arg)
{
	(void)arg;
	overflow(UINT32_MAX);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	static const char end[] = "\n";
	char text[200];

	(void)sig;
	(void)context;
	if (pawl_fiber_describe_fault(info->si_addr, text, sizeof(text)) ==
		    PAWL_FIBER_FAULT_OVERFLOW &&
	    (write(STDERR_FILENO, text, strlen(text)) < 0 ||
	     write(STDERR_FILENO, end, sizeof(end) - 1) < 0))
		_exit(1);
	abort();
}

static void handle_faults(void)
{
	static char stack[1 << 16];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void run_over(void *arg)
{
	(void)arg;
	handle_faults();
	finish(make_named("little", nothing, NULL));
	finish(make_named("greedy", overflow_now, NULL));
}

static void check_overflow(enum pawl_fiber_guard guard)
{
	struct pawl_fiber_stats stats;

	configure(guard, 0);
	/* In the child, and here, to see which guard it was. */
	assert_true(t_aborts(run_over, NULL, "stack overflow of fibre 0 \"greedy\""));
	finish(make(nothing, NULL));
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.guard, guard);
	assert_int_equal(stats.unguarded, 0);
	start_afresh();
	defaults();
}

static void case_overflow_madvise(void **state)
{
	(void)state;
	if (!have_madvise_guard()) {
		t_skip("the kernel has no MADV_GUARD_INSTALL");
		return;
	}
	check_overflow(PAWL_FIBER_GUARD_MADVISE);
}

static void case_overflow_mprotect(void **state)
{
	(void)state;
	check_overflow(PAWL_FIBER_GUARD_MPROTECT);
}

/* The last byte of the stack is the fibre's, the next one the canary's. */
static __attribute__((no_sanitize("address"))) void write_below(void *arg)
{
	char *low = pawl_fiber_self()->stack_low;

	low[0] = 1;
	pawl_fiber_suspend();
	low[*(int *)arg] = 1;
	pawl_fiber_suspend();
}

static void hurt_canary(void *arg)
{
	struct pawl_fiber *fiber = make_named("clumsy", write_below, arg);

	pawl_fiber_resume(fiber);
	pawl_fiber_resume(fiber);
	finish(fiber);
}

static __attribute__((no_sanitize("address"))) void hurt_canary_and_end(void *arg)
{
	struct pawl_fiber *fiber = make_named("clumsy", write_below, arg);

	pawl_fiber_resume(fiber);
	fiber->stack_low[-1] = 0;
	pawl_fiber_kill(fiber);
}

static void case_overflow_canary(void **state)
{
	struct pawl_fiber_stats stats;
	int where = 0;

	(void)state;
	configure(PAWL_FIBER_GUARD_CANARY, 8);
	hurt_canary(&where);
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.guard, PAWL_FIBER_GUARD_CANARY);
	assert_int_equal(stats.unguarded, 8);
	for (where = -1; where >= -64; where -= 21)
		assert_true(
			t_aborts(hurt_canary, &where, "stack overflow of fibre 0 \"clumsy\""));
	assert_true(
		t_aborts(hurt_canary_and_end, &where, "stack overflow of fibre 0 \"clumsy\""));
	/* It was chosen: nothing to report. */
	assert_int_equal(pawl_report_count(PAWL_REPORT_FIBER_NO_GUARD), 0);
	start_afresh();
	defaults();
}

static struct pawl_atomic_u32 reports;

static void count_report(const struct pawl_report_hook *hook, const struct pawl_report *report)
{
	(void)hook;
	if (report->kind == PAWL_REPORT_FIBER_NO_GUARD)
		pawl_add_relaxed(&reports, 1u);
}

static const struct pawl_report_hook report_hook = {count_report};

static void many_fibers(unsigned many, struct pawl_fiber_stats *ret_stats)
{
	struct pawl_fiber **fibers = calloc(many, sizeof(*fibers));
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;

	t_check(fibers);
	options.stack_bytes = 1;
	for (unsigned i = 0; i < many; i++) {
		fibers[i] = make_with(&options, suspend_once, NULL);
		t_check(pawl_fiber_resume(fibers[i]) == PAWL_FIBER_SUSPENDED);
		if (i % 1000 == 0)
			t_step();
	}
	pawl_fiber_stats_read(ret_stats);
	for (unsigned i = 0; i < many; i++)
		finish(fibers[i]);
	free(fibers);
}

/* The number of mappings nears its limit: without guards, said once. */
static void case_guards_run_out(void **state)
{
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct pawl_fiber_stats stats;

	(void)state;
	pawl_store_relaxed(&reports, 0u);
	pawl_report_set_hook(&report_hook);
	config.guard = PAWL_FIBER_GUARD_MPROTECT;
	config.guards_max = 100;
	config.slab_stacks = 40;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	many_fibers(200, &stats);
	assert_int_equal(stats.fibers, 200);
	assert_int_equal(stats.unguarded, 120);
	assert_int_equal(stats.guard, PAWL_FIBER_GUARD_CANARY);
	assert_int_equal(pawl_load_relaxed(&reports), 1);
	start_afresh();
	defaults();
	pawl_report_set_hook(NULL);
}

/* The report's hook makes fibres itself, and takes the stacks that were mapped just now. */
static struct pawl_fiber *hooks_fiber;

static void create_in_hook(const struct pawl_report_hook *hook,
			   const struct pawl_report *report)
{
	(void)hook;
	t_check(report->kind == PAWL_REPORT_FIBER_NO_GUARD);
	hooks_fiber = make(nothing, NULL);
}

static void case_hook_creates(void **state)
{
	static const struct pawl_report_hook creating = {create_in_hook};
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct pawl_fiber *fiber;

	(void)state;
	hooks_fiber = NULL;
	pawl_report_set_hook(&creating);
	config.guard = PAWL_FIBER_GUARD_MPROTECT;
	config.guards_max = 1;
	config.slab_stacks = 1;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	fiber = make(nothing, NULL);
	assert_null(hooks_fiber);
	finish(make(nothing, NULL));
	assert_non_null(hooks_fiber);
	finish(hooks_fiber);
	finish(fiber);
	pawl_report_set_hook(NULL);
	start_afresh();
	defaults();
}

/* An older kernel, on which mprotect then fails: those that have a guard keep it. */
static void case_kernel_refuses(void **state)
{
	struct pawl_fiber_stats stats;

	(void)state;
	pawl_store_relaxed(&reports, 0u);
	pawl_report_set_hook(&report_hook);
	kernel.no_madvise_guard = true;
	finish(make(nothing, NULL));
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.guard, PAWL_FIBER_GUARD_MPROTECT);
	assert_int_equal(stats.unguarded, 0);
	start_afresh();

	kernel.mprotect_after = 11;
	finish(make(nothing, NULL));
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.guard, PAWL_FIBER_GUARD_CANARY);
	assert_int_equal(stats.unguarded, 54);
	assert_int_equal(pawl_load_relaxed(&reports), 1);
	kernel.mprotect_after = 0;
	kernel.no_madvise_guard = false;
	start_afresh();
	pawl_report_set_hook(NULL);
}

static void case_mmap_fails(void **state)
{
	struct pawl_fiber *fiber = NULL;

	(void)state;
	kernel.no_mmap = true;
	t_assert_errno(pawl_fiber_create(NULL, nothing, NULL, &fiber), ENOMEM);
	kernel.no_mmap = false;
	assert_null(fiber);
	finish(make(nothing, NULL));
}

static void case_many(void **state)
{
	struct pawl_fiber_stats stats;
	unsigned many = T_TSAN ? 500 : T_ASAN ? 2000 : 100000;

	(void)state;
	/* Two pages each, and what the machine needs besides. */
	if (sysconf(_SC_AVPHYS_PAGES) < (long)many * 6)
		many = (unsigned)(sysconf(_SC_AVPHYS_PAGES) / 6) + 1;
	many_fibers(many, &stats);
	print_message("# %u fibres, %u of them without a guard\n", many,
		      (unsigned)stats.unguarded);
	assert_int_equal(stats.fibers, many);
	if (have_madvise_guard())
		assert_int_equal(stats.unguarded, 0);
	start_afresh();

	/* The same with guards that cost mappings: some 20,000 have one. */
	kernel.no_madvise_guard = true;
	many_fibers(many, &stats);
	kernel.no_madvise_guard = false;
	print_message("# with mprotect: %u without a guard\n", (unsigned)stats.unguarded);
	assert_int_equal(stats.fibers, many);
}

static void use_much(void *arg)
{
	char room[8192];

	(void)arg;
	memset(room, 1, sizeof(room));
	__asm__ __volatile__("" : : "r"(room) : "memory");
}

/* In a process that has locked its memory pages are not given back; what is measured is exact. */
static void case_measured_in_locked_memory(void **state)
{
	struct pawl_fiber_options options = PAWL_FIBER_OPTIONS_INIT;
	struct pawl_fiber_stats before, after;
	struct pawl_fiber *fiber;

	(void)state;
	finish(make(use_much, NULL));
	kernel.no_dontneed = true;
	pawl_fiber_stats_read(&before);
	assert_int_equal(pawl_fiber_trim(), 0);
	options.flags = PAWL_FIBER_MEASURE;
	fiber = make_with(&options, nothing, NULL);
	assert_int_equal(pawl_fiber_stack_peak(fiber), 0);
	pawl_fiber_stats_read(&after);
	assert_int_equal(after.given_back, before.given_back);
	kernel.no_dontneed = false;
	finish(fiber);
	assert_int_equal(pawl_fiber_trim(), 1);
}

/* ---- configuration ----------------------------------------------------- */

static void case_configure(void **state)
{
	struct pawl_fiber_config config = PAWL_FIBER_CONFIG_INIT;
	struct pawl_fiber_stats stats;

	(void)state;
	config.size++;
	t_assert_errno(pawl_fiber_configure(&config), E2BIG);
	config.size -= 2;
	t_assert_errno(pawl_fiber_configure(&config), EINVAL);
	config.size++;
	config.reserved = 1;
	t_assert_errno(pawl_fiber_configure(&config), EINVAL);
	config.reserved = 0;
	config.guard = PAWL_FIBER_GUARD_COUNT;
	t_assert_errno(pawl_fiber_configure(&config), EINVAL);
	config.guard = PAWL_FIBER_GUARD_AUTO;
	config.slab_stacks = 1025;
	t_assert_errno(pawl_fiber_configure(&config), EINVAL);
	config.slab_stacks = 3;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	finish(make(nothing, NULL));
	t_assert_errno(pawl_fiber_configure(&config), EBUSY);
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.stacks[1], 3);
	start_afresh();
	config.slab_stacks = 0;
	assert_int_equal(pawl_fiber_configure(&config), 0);
	pawl_fiber_stats_read(&stats);
	assert_int_equal(stats.stacks[1], 0);
	assert_int_equal(stats.mapped_bytes, 0);
	assert_int_equal(stats.guard, PAWL_FIBER_GUARD_AUTO);
}

/* ---- what is at an address ---------------------------------------------- */

static void note_address(void *arg)
{
	char here;

	*(void **)arg = &here;
	__asm__ __volatile__("" : : "r"(&here) : "memory");
	*(void **)arg = __builtin_frame_address(0);
	pawl_fiber_suspend();
}

static void case_describe(void **state)
{
	char text[160] = "x";
	void *address = NULL;
	struct pawl_fiber *fiber = make_named("told", note_address, &address);
	char *low = fiber->stack_low;

	(void)state;
	pawl_fiber_resume(fiber);
	assert_int_equal(pawl_fiber_describe_fault(&text, text, sizeof(text)),
			 PAWL_FIBER_FAULT_NONE);
	assert_string_equal(text, "");
	assert_int_equal(pawl_fiber_describe_fault(NULL, NULL, 0), PAWL_FIBER_FAULT_NONE);
	assert_int_equal(pawl_fiber_describe_fault(address, text, sizeof(text)),
			 PAWL_FIBER_FAULT_STACK);
	assert_non_null(strstr(text, "fibre 0 \"told\": 0x"));
	assert_null(strstr(text, "overflow"));
	assert_int_equal(pawl_fiber_describe_fault(low, NULL, 0), PAWL_FIBER_FAULT_STACK);
	assert_int_equal(pawl_fiber_describe_fault(low + fiber->stack_bytes - 1, NULL, 0),
			 PAWL_FIBER_FAULT_STACK);
	assert_int_equal(pawl_fiber_describe_fault(low - 24, text, sizeof(text)),
			 PAWL_FIBER_FAULT_OVERFLOW);
	assert_non_null(strstr(text, "stack overflow of fibre 0 \"told\": 0x"));
	assert_non_null(strstr(text, " is 24 bytes below its stack of "));
	assert_int_equal(pawl_fiber_describe_fault(low - 24, text, 15),
			 PAWL_FIBER_FAULT_OVERFLOW);
	assert_string_equal(text, "stack overflow");
	/* The guard above belongs to the next one, which nobody has. */
	assert_int_equal(pawl_fiber_describe_fault(low + fiber->stack_bytes, text,
						   sizeof(text)),
			 PAWL_FIBER_FAULT_OVERFLOW);
	assert_non_null(strstr(text, "no fibre 1"));
	finish(fiber);
}

static int oom_create(void)
{
	struct pawl_fiber *fiber = NULL;
	int err = pawl_thread_attach("oom");

	if (err)
		return err;
	err = pawl_fiber_create(NULL, nothing, NULL, &fiber);
	if (err) {
		struct pawl_fiber_stats stats;

		t_check(err == -ENOMEM && !fiber);
		pawl_fiber_stats_read(&stats);
		t_check(!stats.mapped_bytes && !stats.stacks[1]);
	} else {
		finish(fiber);
	}
	pawl_thread_detach();
	return err;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_stack_is_reused),
		cmocka_unit_test(case_churn),
		cmocka_unit_test(case_trim),
		cmocka_unit_test(case_depot_keeps_few_warm),
		cmocka_unit_test(case_stack_use),
		cmocka_unit_test(case_overflow_madvise),
		cmocka_unit_test(case_overflow_mprotect),
		cmocka_unit_test(case_overflow_canary),
		cmocka_unit_test(case_guards_run_out),
		cmocka_unit_test(case_hook_creates),
		cmocka_unit_test(case_kernel_refuses),
		cmocka_unit_test(case_mmap_fails),
		cmocka_unit_test(case_measured_in_locked_memory),
		cmocka_unit_test(case_many),
		cmocka_unit_test(case_configure),
		cmocka_unit_test(case_describe),
		T_OOM(oom_create),
	};

	return t_run("fiber-stack", cases);
}
