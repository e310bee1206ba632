/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-native.c - native mode of mc.h: real threads run each scenario many times.
 *
 * The threads of a scenario live for all of its runs; the first of them is the program's main
 * thread, which also drives. A run:
 *
 *	driver                          other threads
 *	setup()
 *	starts a turn                   see the turn
 *	------ wait until all are there, start at the moment that the last one names, ------
 *	------ or a little later; bodies                                              ------
 *	waits for the last one          the last one wakes the driver
 *	finish(), checks
 *
 * Bodies take less time than waking a thread, so two things make them overlap. Where there is a
 * processor for each thread, the threads spin between runs and stay apart; a thread that drives
 * and does nothing else would take a processor away from one of them. And all start at a
 * moment of a common clock, not when each sees the others. The delays, drawn anew for each
 * run, move the bodies against each other. Where there are more threads than processors, they
 * sleep between runs. Waiting is idle in the sense of pawl/rcu.h.
 *
 * After each run the history must be linearizable (if the scenario has a specification), and
 * the library must hold as many blocks as before the run's setup.
 *
 * A failure ends the program at once, with the stacks of all threads: the other threads
 * of the run cannot be stopped in any orderly way.
 */
#include "mc.h"
#include "watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/thread.h>

#define RUNS_DEFAULT  4000
#define SPINS	      5000 /* before sleeping, if there is a processor for everybody */
#define SPINS_TO_MEET 2000
#define START_CYCLES  600

struct actor {
	unsigned number; /* MC_THREADS_MAX: the driver */
	uint64_t random;
	pthread_t thread;

	/* What this thread recorded in this run: its own, read by the driver afterwards. */
	struct mc_op history[MC_HISTORY_MAX];
	unsigned recorded;
	bool in_call;
} PAWL_ALIGNED(PAWL_LINE_BYTES);

/* A word that somebody waits for, and how many sleep until it changes. */
struct wait_word {
	struct pawl_atomic_u32 word;
	struct pawl_atomic_u32 sleepers;
} PAWL_ALIGNED(PAWL_LINE_BYTES);

static struct {
	const struct mc_scenario *scenario;
	unsigned threads;
	unsigned spins;
	struct actor actors[MC_THREADS_MAX + 1];
	pthread_key_t self;

	uint64_t seed;
	/* What the watchdog says: name of the scenario, run. Written by the driver. */
	struct pawl_atomic_ptr name;
	struct pawl_atomic_u64 run;
	bool tap;
	unsigned tap_number;

	/* Changed by the driver: a run starts. */
	struct wait_word turn;
	/* Written by the driver before a turn. */
	struct pawl_atomic_u32 quit;
	/* Threads that ended the turn; threads that are ready for the first one. */
	struct wait_word ended;
	struct wait_word ready;
	/* Threads that saw the turn, and when (in cycles) they start; 0: not all are there. */
	struct pawl_atomic_u32 there PAWL_ALIGNED(PAWL_LINE_BYTES);
	struct pawl_atomic_u64 start;

	/* The logical clock of histories. */
	struct pawl_atomic_u64 clock PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* Runs ended, of all scenarios: what the watchdog looks at. */
	struct pawl_atomic_u64 progress;
	/* The first failure has the word. */
	struct pawl_atomic_u32 failed;
} mc;

/* Random numbers: splitmix64. */

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return (uint64_t)(((unsigned __int128)random_next(state) * limit) >> 64);
}

static struct actor *self(void)
{
	struct actor *actor = pthread_getspecific(mc.self);

	return actor ? actor : &mc.actors[MC_THREADS_MAX];
}

/* Sleeping and waking. */

static bool idle_enter(void)
{
	if (mc.scenario->bare && !pawl_thread_attached())
		return false;
	pawl_rcu_idle_enter();
	return true;
}

static void idle_leave(bool entered)
{
	if (entered)
		pawl_rcu_idle_leave();
}

/* Change the word, and wake whoever sleeps on it if that is what `wake` says. */
static uint32_t word_add(struct wait_word *wait)
{
	return pawl_add_acq_rel(&wait->word, 1) + 1;
}

static void word_wake(struct wait_word *wait)
{
	/* A sleeper counts itself, then looks at the word; we the other way round. */
	pawl_fence_dekker();
	if (pawl_load_relaxed(&wait->sleepers))
		syscall(SYS_futex, &wait->word, FUTEX_WAKE_PRIVATE, MC_THREADS_MAX, NULL, NULL,
			0);
}

/* Wait until the word is (or is not) `value`. */
static void word_wait(struct wait_word *wait, uint32_t value, bool until_equal)
{
	bool entered = idle_enter();
	unsigned spins = 0;

	for (;;) {
		uint32_t now = pawl_load_acquire(&wait->word);

		if ((now == value) == until_equal)
			break;
		if (spins++ < mc.spins) {
			pawl_pause();
			continue;
		}
		pawl_add_acq_rel(&wait->sleepers, 1);
		pawl_fence_dekker();
		syscall(SYS_futex, &wait->word, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
		pawl_sub_relaxed(&wait->sleepers, 1);
	}
	idle_leave(entered);
}

/* Failure. */

static void describe(void)
{
	const char *name = pawl_load_acquire(&mc.name);

	fprintf(stderr, "scenario %s, run %" PRIu64 ", --seed %" PRIu64 "\n",
		name ? name : "(none)", pawl_load_relaxed(&mc.run), mc.seed);
}

void mc_fail(const char *what, const char *file, int line)
{
	if (pawl_xchg_acq_rel(&mc.failed, 1)) {
		/* Somebody else is already telling; do not run on in a broken state. */
		for (;;)
			pause();
	}
	if (mc.tap) {
		printf("not ok %u - %s\n", mc.tap_number, mc.scenario->name);
		printf("Bail out! %s:%d: %s\n", file, line, what);
	}
	fflush(stdout);
	fprintf(stderr, "%s:%d: failed in thread %u: %s\n", file, line, self()->number, what);
	describe();
	t_dump_stacks();
	abort();
}

/* What scenarios ask for. */

unsigned mc_choose(unsigned n)
{
	return (unsigned)random_below(&self()->random, n);
}

uint64_t mc_deadline(void)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	switch (mc_choose(4)) {
	case 0:
		return 0;
	case 1:
		return ns;
	case 2:
		return ns + mc_choose(2000);
	default:
		return ns + mc_choose(100000);
	}
}

unsigned mc_thread(void)
{
	return self()->number;
}

void mc_note(const char *fmt, ...)
{
	(void)fmt;
}

bool mc_exploring(void)
{
	return false;
}

/* Histories. */

/*
 * A tick orders what came before it in one thread with what comes after it in another, since
 * that is what "returned before it was called" means. Under ThreadSanitizer it does not: there
 * it would hide the library's own missing order, and the order is not needed on the machines
 * that ThreadSanitizer runs on.
 */
static uint64_t tick(void)
{
#if defined(PAWL__TSAN)
	return pawl_add_relaxed(&mc.clock, 1);
#else
	return pawl_add_acq_rel(&mc.clock, 1);
#endif
}

void mc_call(unsigned op, uint64_t arg0, uint64_t arg1)
{
	struct actor *actor = self();
	struct mc_op *entry;

	if (!mc.scenario->spec)
		return;
	mc_assert(!actor->in_call);
	mc_assert(actor->recorded < MC_HISTORY_MAX);
	entry = &actor->history[actor->recorded];
	*entry = (struct mc_op){
		.op = op, .thread = actor->number, .arg = {arg0, arg1}, .ret = UINT64_MAX};
	actor->in_call = true;
	entry->call = tick();
}

void mc_return(uint64_t result0, uint64_t result1)
{
	struct actor *actor = self();
	struct mc_op *entry = &actor->history[actor->recorded];

	if (!mc.scenario->spec)
		return;
	mc_assert(actor->in_call);
	entry->ret = tick();
	entry->result[0] = result0;
	entry->result[1] = result1;
	actor->in_call = false;
	actor->recorded++;
}

static int by_call(const void *a, const void *b)
{
	const struct mc_op *x = a, *y = b;

	return x->call < y->call ? -1 : x->call > y->call;
}

static void print_history(const struct mc_op *ops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct mc_op *op = &ops[i];
		char text[256] = "";

		if (mc.scenario->spec->print)
			mc.scenario->spec->print(op, text, sizeof(text));
		else
			snprintf(text, sizeof(text),
				 "op %u(%" PRIu64 ", %" PRIu64 ") = %" PRIu64 ", %" PRIu64,
				 op->op, op->arg[0], op->arg[1], op->result[0], op->result[1]);
		if (op->ret == UINT64_MAX)
			fprintf(stderr, "  %4" PRIu64 " ..    ", op->call);
		else
			fprintf(stderr, "  %4" PRIu64 " .. %-4" PRIu64, op->call, op->ret);
		fprintf(stderr, " thread %u  %s\n", op->thread, text);
	}
}

static void check_history(void)
{
	static struct mc_op all[MC_HISTORY_MAX];
	size_t count = 0;
	int rc;

	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		struct actor *actor = &mc.actors[i];
		unsigned recorded = actor->recorded + actor->in_call;

		if (count + recorded > MC_HISTORY_MAX)
			mc_fail("more operations in a run than MC_HISTORY_MAX", __FILE__,
				__LINE__);
		memcpy(all + count, actor->history, recorded * sizeof(*all));
		count += recorded;
		actor->recorded = 0;
		actor->in_call = false;
	}
	qsort(all, count, sizeof(*all), by_call);
	rc = mc_linearizable(mc.scenario->spec, all, count);
	if (rc == 1)
		return;
	if (rc == 0) {
		fprintf(stderr, "history that %s does not allow:\n", mc.scenario->spec->name);
		print_history(all, count);
		mc_fail("the history is not linearizable", __FILE__, __LINE__);
	}
	mc_fail("no memory to check a history", __FILE__, __LINE__);
}

/* Threads. */

/* A clock that all processors share, as fine as there is: some tens of cycles. */
static uint64_t cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t now;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(now));
	return now;
#else
	return 0;
#endif
}

/* How much later than the others this thread starts its body, drawn anew for each run. */
static uint64_t draw_delay(struct actor *actor)
{
	switch (random_below(&actor->random, 16)) {
	case 0 ... 3:
		return 0;
	case 4 ... 9:
		return random_below(&actor->random, 250);
	case 10 ... 12:
		return random_below(&actor->random, 2000);
	case 13 ... 14:
		return random_below(&actor->random, 20000);
	default:
		sched_yield();
		return 0;
	}
}

/*
 * Wait until all threads of the run are there, then until the moment that the last one names: a
 * thread that waits for a word sees it about as late as a whole body takes.
 */
static void meet(struct actor *actor)
{
	bool entered = idle_enter();
	unsigned spins = 0;
	uint64_t start, delay;

	if (pawl_add_acq_rel(&mc.there, 1) + 1 == mc.threads)
		pawl_store_release(&mc.start, (cycles() + START_CYCLES) | 1);
	while (!(start = pawl_load_acquire(&mc.start))) {
		pawl_pause();
		if (++spins % 128 == 0 || spins > SPINS_TO_MEET)
			sched_yield();
	}
	idle_leave(entered);
	delay = draw_delay(actor);
	/* Bounded, for clocks that are not in step. */
	for (unsigned turns = 0; turns < 20000 && cycles() < start + delay; turns++)
		;
}

void mc_fork(void) {}

void mc_held_count(const void *word)
{
	(void)word;
}

static void attach(const char *name)
{
	int rc = pawl_thread_attach(name);

	if (rc) {
		fprintf(stderr, "attach: %s\n", strerror(-rc));
		mc_fail("cannot attach a thread", __FILE__, __LINE__);
	}
}

/* One thread's part of a run. */
static void take_part(struct actor *actor)
{
	meet(actor);
	mc.scenario->threads[actor->number]();
	/* What it retired must not wait for its next run: the driver looks for leaks. */
	if (!mc.scenario->bare)
		pawl_retire_flush();
	if (word_add(&mc.ended) == mc.threads)
		word_wake(&mc.ended);
}

static void *actor_main(void *arg)
{
	struct actor *actor = arg;
	bool bare = mc.scenario->bare;
	uint32_t turn = 0;

	pthread_setspecific(mc.self, actor);
	if (!bare)
		attach("mc");
	word_add(&mc.ready);
	word_wake(&mc.ready);
	for (;;) {
		word_wait(&mc.turn, turn, false);
		turn++;
		if (pawl_load_acquire(&mc.quit))
			break;
		take_part(actor);
	}
	if (!bare)
		pawl_thread_detach();
	return NULL;
}

static void check_leaks(uint64_t blocks_before)
{
	struct pawl_mem_stats stats;

	pawl_mem_stats_read(&stats);
	if (stats.blocks == blocks_before || mc.scenario->keeps_memory)
		return;
	/* Most likely just retired. */
	if (pawl_thread_attached()) {
		pawl_retire_barrier();
		pawl_mem_stats_read(&stats);
	}
	if (stats.blocks == blocks_before)
		return;
	fprintf(stderr, "%" PRIu64 " blocks before setup(), %" PRIu64 " after finish()\n",
		blocks_before, stats.blocks);
	mc_fail("the run leaks memory of pawl_mem", __FILE__, __LINE__);
}

static void run_once(void)
{
	const struct mc_scenario *scenario = mc.scenario;
	struct pawl_mem_stats before;

	pawl_mem_stats_read(&before);
	pawl_store_relaxed(&mc.clock, 0);
	pawl_store_relaxed(&mc.there, 0);
	pawl_store_relaxed(&mc.start, 0);
	pawl_store_relaxed(&mc.ended.word, 0);
	if (scenario->setup)
		scenario->setup();
	if (mc.threads) {
		word_add(&mc.turn);
		word_wake(&mc.turn);
		pthread_setspecific(mc.self, &mc.actors[0]);
		take_part(&mc.actors[0]);
		pthread_setspecific(mc.self, &mc.actors[MC_THREADS_MAX]);
		word_wait(&mc.ended, mc.threads, true);
	}
	if (scenario->finish)
		scenario->finish();
	if (scenario->spec)
		check_history();
	check_leaks(before.blocks);
	pawl_add_relaxed(&mc.run, 1);
	pawl_add_relaxed(&mc.progress, 1);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_scenario(const struct mc_scenario *scenario, uint64_t runs, double seconds)
{
	double end = seconds_now() + seconds;
	uint64_t stream = mc.seed;
	bool entered;

	mc.scenario = scenario;
	pawl_store_release(&mc.name, (void *)(uintptr_t)scenario->name);
	pawl_store_relaxed(&mc.run, 0);
	mc.threads = 0;
	while (mc.threads < MC_THREADS_MAX && scenario->threads[mc.threads])
		mc.threads++;
	mc.spins = sysconf(_SC_NPROCESSORS_ONLN) >= (long)mc.threads ? SPINS : 0;
	pawl_store_relaxed(&mc.turn.word, 0);
	pawl_store_relaxed(&mc.quit, 0);
	pawl_store_relaxed(&mc.ready.word, 0);
	if (!scenario->bare)
		attach("mc-driver");
	for (unsigned i = 0; i <= MC_THREADS_MAX; i++) {
		mc.actors[i].number = i;
		mc.actors[i].random = random_next(&stream);
		mc.actors[i].recorded = 0;
		mc.actors[i].in_call = false;
	}
	for (unsigned i = 1; i < mc.threads; i++) {
		if (pthread_create(&mc.actors[i].thread, NULL, actor_main, &mc.actors[i]) != 0)
			mc_fail("cannot start a thread", __FILE__, __LINE__);
	}
	if (mc.threads)
		word_wait(&mc.ready, mc.threads - 1, true);

	do
		run_once();
	while (seconds > 0 ? seconds_now() < end : pawl_load_relaxed(&mc.run) < runs);

	pawl_store_release(&mc.quit, 1);
	word_add(&mc.turn);
	word_wake(&mc.turn);
	entered = idle_enter();
	for (unsigned i = 1; i < mc.threads; i++)
		pthread_join(mc.actors[i].thread, NULL);
	idle_leave(entered);
	if (!scenario->bare)
		pawl_thread_detach();
}

/* The driver. */

struct options {
	const char *only;
	uint64_t runs;
	double seconds;
	bool list;
};

static const char usage_text[] =
	"usage: %s [--list] [--scenario NAME] [--runs N] [--seconds S] [--seed N] [--tap]\n"
	"Runs concurrency scenarios on real threads.\n"
	"  --list           name the scenarios, run none\n"
	"  --scenario NAME  this one only\n"
	"  --runs N         of each scenario (default %u, scaled by T_SCALE)\n"
	"  --seconds S      of each scenario, however many runs that is\n"
	"  --seed N         of delays and choices\n"
	"  --tap            one test line a scenario\n";

static void usage(const char *program, FILE *out)
{
	fprintf(out, usage_text, program, RUNS_DEFAULT);
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
	char *end;
	unsigned long long number;

	if (!text || !*text)
		return false;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || *end)
		return false;
	*ret_number = number;
	return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(name, "--list") == 0) {
			options->list = true;
			continue;
		}
		if (strcmp(name, "--tap") == 0) {
			mc.tap = true;
			continue;
		}
		if (!value)
			return false;
		i++;
		if (strcmp(name, "--scenario") == 0) {
			options->only = value;
		} else if (strcmp(name, "--runs") == 0) {
			if (!parse_number(value, &options->runs) || !options->runs)
				return false;
		} else if (strcmp(name, "--seconds") == 0) {
			char *end;

			options->seconds = strtod(value, &end);
			if (end == value || *end || !(options->seconds > 0))
				return false;
		} else if (strcmp(name, "--seed") == 0) {
			if (!parse_number(value, &mc.seed))
				return false;
		} else {
			return false;
		}
	}
	return true;
}

static uint64_t scaled_runs(const struct mc_scenario *scenario, uint64_t runs)
{
	uint64_t scale;

	if (runs)
		return runs;
	if (!parse_number(getenv("T_SCALE"), &scale) || !scale)
		scale = 100;
	runs = RUNS_DEFAULT * scale / 100;
	if (scenario->native_divisor)
		runs /= scenario->native_divisor;
	return runs ? runs : 1;
}

static bool chosen(const struct mc_scenario *scenario, const struct options *options)
{
	return !options->only || strcmp(options->only, scenario->name) == 0;
}

static uint64_t progress(void)
{
	return pawl_load_relaxed(&mc.progress);
}

static void run_all(const struct mc_scenario *scenarios, size_t count,
		    const struct options *options)
{
	for (size_t i = 0; i < count; i++) {
		const struct mc_scenario *scenario = &scenarios[i];
		double start = seconds_now();

		if (!chosen(scenario, options))
			continue;
		mc.tap_number++;
		if (scenario->expect_failure) {
			if (mc.tap)
				printf("ok %u - %s # SKIP broken on purpose, for the checker\n",
				       mc.tap_number, scenario->name);
			else
				printf("%-40s skipped: broken on purpose\n", scenario->name);
			continue;
		}
		run_scenario(scenario, scaled_runs(scenario, options->runs), options->seconds);
		if (mc.tap)
			printf("ok %u - %s # %" PRIu64 " runs\n", mc.tap_number, scenario->name,
			       pawl_load_relaxed(&mc.run));
		else
			printf("%-40s %10" PRIu64 " runs  %8.3f s\n", scenario->name,
			       pawl_load_relaxed(&mc.run), seconds_now() - start);
	}
}

int mc_main(int argc, char **argv, const struct mc_scenario *scenarios, size_t count)
{
	struct options options = {0};
	unsigned selected = 0;

	if (getrandom(&mc.seed, sizeof(mc.seed), 0) != sizeof(mc.seed))
		mc.seed = (uint64_t)getpid();
	mc.seed %= 1000000007u;
	if (getenv("T_SEED") && !parse_number(getenv("T_SEED"), &mc.seed)) {
		fprintf(stderr, "T_SEED is not a number\n");
		return 2;
	}
	if (!parse_options(argc, argv, &options)) {
		usage(argv[0], stderr);
		return 2;
	}
	for (size_t i = 0; i < count; i++)
		selected += chosen(&scenarios[i], &options);
	if (!selected) {
		fprintf(stderr, "no such scenario: %s\n",
			options.only ? options.only : "(none)");
		return 2;
	}
	if (options.list) {
		for (size_t i = 0; i < count; i++)
			printf("%s\n", scenarios[i].name);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# --seed %" PRIu64 "\n", mc.seed);
	if (mc.tap)
		printf("1..%u\n", selected);
	if (pthread_key_create(&mc.self, NULL) != 0)
		return 2;
	t_watchdog_start(progress, describe);
	run_all(scenarios, count, &options);
	t_watchdog_stop();
	pthread_key_delete(mc.self);
	return 0;
}
