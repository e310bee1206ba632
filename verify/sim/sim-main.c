/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim-main.c - seeds, processes, options, the table.
 *
 * Each life of a run is a child of this process, which has done nothing itself: so a life begins with the memory
 * that a new process has, at the same addresses. What lives hand on is in a mapping that all share.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "sim.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STEPS_MOST   60000000u
#define SECONDS_MOST 120u

extern const char *sim_left_out;

static struct {
	uint64_t first, seeds;
	int mode; /* enum sim_mode; -1: both, in turn */
	unsigned depth;
	const char *shrink_to, *self;
	double seconds, least;
	bool twice, quiet, keep_going, trace, table, bytes, serve, no_collect;
	const char *write_bytes;
} opt = {.first = 1, .seeds = 100, .mode = -1};

double sim_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct sim_run *sim_run_new(void)
{
	struct sim_run *run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (run == MAP_FAILED) {
		perror("sim");
		exit(2);
	}
	return run;
}

/* ---- a run ---- */

static void on_signal(int number, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;

	(void)info;
	/* While the stacks are told: that is not one. */
	if (sim_run->failed)
		_exit(SIM_FAILED);
#if defined(__x86_64__)
	sim_fault_pc = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
	sim_fault_frame = (uintptr_t)at->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
	sim_fault_pc = (uintptr_t)at->uc_mcontext.pc;
	sim_fault_frame = (uintptr_t)at->uc_mcontext.regs[29];
#endif
	sim_fail("signal %d: %s", number, strsignal(number));
}

static void child(void)
{
	static char stack[65536];
	stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&other, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	alarm(SECONDS_MOST);
	sim_begin(sim_program_life);
}

static void reset(struct sim_run *run)
{
	run->at = run->life = run->replay_at = run->schedule_at = 0;
	run->scheduling.state = run->seed * 2 + 1;
	run->choices.state = run->seed * 2 + 1000003;
	run->steps = run->switches = run->hash = 0;
	run->now_ns = 1000000000000u;
	run->limit = run->steps_most ? run->steps_most : STEPS_MOST;
	memset(run->events, 0, sizeof(run->events));
	run->recorded = 0;
	run->recorded_all = true;
	run->store_bytes = 0;
	memset(run->model, 0, sizeof(run->model));
	run->failed = run->too_long = false;
	run->what[0] = 0;
	run->text_len = 0;
	run->text[0] = 0;
}

bool sim_run_once(struct sim_run *run)
{
	reset(run);
	sim_run = run;
	for (;; run->life++) {
		int status = 0;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (pid < 0) {
			perror("sim: fork");
			exit(2);
		}
		if (!pid)
			child();
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status) && WEXITSTATUS(status) == SIM_NEXT_LIFE)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == SIM_OVER)
			return true;
		if (!run->failed) {
			run->failed = true;
			snprintf(run->what, sizeof(run->what),
				 WIFSIGNALED(status) ? "the process ended by signal %d"
						     : "the process ended with status %d",
				 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		}
		return false;
	}
}

/* ---- telling ---- */

#define PLACES 1000

struct place {
	unsigned long at;
	char text[100];
};

static void look_up(struct place *places, unsigned n)
{
	char command[PLACES * 14 + 400], line[300], fn[60];
	int at = snprintf(command, sizeof(command), "addr2line -f -s -e '%s'", opt.self);
	FILE *pipe;

	for (unsigned i = 0; i < n; i++)
		at += snprintf(command + at, sizeof(command) - (size_t)at, " %lx",
			       places[i].at);
	pipe = popen(command, "r");
	for (unsigned i = 0; pipe && i < n; i++) {
		if (!fgets(line, sizeof(line), pipe))
			break;
		line[strcspn(line, "\n")] = 0;
		snprintf(fn, sizeof(fn), "%.59s", line);
		if (!fgets(line, sizeof(line), pipe))
			break;
		line[strcspn(line, " \n")] = 0;
		snprintf(places[i].text, sizeof(places[i].text), "%s() %.36s", fn, line);
	}
	if (pipe)
		pclose(pipe);
}

/* With names for the places in it. */
static void print_text(const struct sim_run *run)
{
	static struct place places[PLACES];
	unsigned n = 0;
	const char *at;

	for (at = run->text; (at = strchr(at, '<')) && n < PLACES; at++) {
		unsigned long place = strtoul(at + 1, NULL, 16);
		unsigned i = 0;

		while (i < n && places[i].at != place)
			i++;
		if (i == n)
			places[n++].at = place;
	}
	look_up(places, n);
	for (at = run->text; *at;) {
		const char *open = strchr(at, '<');
		unsigned long place;

		if (!open) {
			fputs(at, stdout);
			return;
		}
		fwrite(at, 1, (size_t)(open - at), stdout);
		place = strtoul(open + 1, NULL, 16);
		for (unsigned i = 0; i < n; i++)
			if (places[i].at == place)
				fputs(places[i].text, stdout);
		at = strchr(open, '>') ? strchr(open, '>') + 1 : open + 1;
	}
}

static const char *mode_name(enum sim_mode mode)
{
	static const char *const names[] = {"random", "pct", "replay", "bytes"};

	return names[mode];
}

static void print_failure(const struct sim_run *run, const char *path)
{
	printf("FAILED: %s\n", run->what);
	if (path)
		printf("file %s, operation %u of %u\n", path, run->at, run->ops_n);
	else
		printf("seed %lu, mode %s, operation %u of %u\n", (unsigned long)run->seed,
		       mode_name(run->mode), run->at, run->ops_n);
	print_text(run);
	printf("%s, built %s %s\n", opt.self, __DATE__, __TIME__);
	if (path)
		printf("again: %s %s\n", opt.self, path);
	else
		printf("again: %s --mode %s --seed %lu --seeds 1%s%s%s\n", opt.self,
		       mode_name(run->mode), (unsigned long)run->seed,
		       run->no_collect ? " --no-collect" : "", sim_left_out ? " --drop " : "",
		       sim_left_out ? sim_left_out : "");
	fflush(stdout);
}

struct total {
	uint64_t runs, failed, steps, switches, lives;
	uint64_t in[SIM_EV_COUNT], of[SIM_EV_COUNT];
};

static void count(struct total *total, const struct sim_run *run)
{
	total->runs++;
	total->failed += run->failed;
	total->steps += run->steps;
	total->switches += run->switches;
	total->lives += run->life + 1;
	for (unsigned i = 0; i < SIM_EV_COUNT; i++) {
		total->in[i] += run->events[i] != 0;
		total->of[i] += run->events[i];
	}
}

static void print_table(const struct total *total, double seconds)
{
	printf("# %-24s %10s %12s\n", "event", "runs", "in all");
	for (unsigned i = 0; i < SIM_EV_COUNT; i++)
		printf("# %-24s %8.1f %% %12lu\n", sim_event_names[i],
		       100.0 * (double)total->in[i] / (double)total->runs,
		       (unsigned long)total->of[i]);
	printf("# %lu runs, %lu lives, %lu steps, %lu switches in %.1f s: %.2f million steps a "
	       "second; %lu failed\n",
	       (unsigned long)total->runs, (unsigned long)total->lives,
	       (unsigned long)total->steps, (unsigned long)total->switches, seconds,
	       (double)total->steps / seconds / 1e6, (unsigned long)total->failed);
}

/* ---- what is asked for ---- */

static void seed_prepare(struct sim_run *run, uint64_t seed)
{
	run->seed = seed;
	run->mode = opt.mode >= 0 ? (enum sim_mode)opt.mode : seed % 2 ? SIM_RANDOM : SIM_PCT;
	run->depth = opt.depth ? opt.depth : 2 + (unsigned)(seed / 2 % 8);
	run->replay_n = 0;
	run->no_collect = opt.no_collect;
	sim_program_make(run);
}

/* Again, and then by the schedule that was written down. */
static bool same_again(struct sim_run *run)
{
	uint64_t hash = run->hash, steps = run->steps;
	enum sim_mode mode = run->mode;

	(void)sim_run_once(run);
	if (run->hash == hash && run->steps == steps && sim_as_written(run)) {
		(void)sim_run_once(run);
		run->mode = mode;
		run->replay_n = 0;
	}
	if (run->hash == hash && run->steps == steps)
		return true;
	printf("FAILED: seed %lu is another run the second time: %lu steps, hash %lx; %lu steps, "
	       "hash %lx\n",
	       (unsigned long)run->seed, (unsigned long)steps, (unsigned long)hash,
	       (unsigned long)run->steps, (unsigned long)run->hash);
	return false;
}

static void found(struct sim_run *run)
{
	static char seen[16][sizeof(run->what)];
	static unsigned seen_n;
	char path[400];

	print_failure(run, NULL);
	if (!opt.shrink_to)
		return;
	/* The first of each kind. */
	for (unsigned i = 0; i < seen_n; i++)
		if (!strcmp(seen[i], run->what))
			return;
	if (seen_n < 16)
		strcpy(seen[seen_n++], run->what);
	snprintf(path, sizeof(path), "%s/%s-%lu.sim", opt.shrink_to, mode_name(run->mode),
		 (unsigned long)run->seed);
	sim_shrink(run, path, opt.seconds ? opt.seconds : 60);
}

/* What hangs on tasks having gone in a life before, and others being made in one that has looked for that, is rarer. */
static double least_of(enum sim_event event)
{
	return event == SIM_EV_AGAIN ? opt.least / 4 : opt.least;
}

static int run_seeds(void)
{
	struct sim_run *run = sim_run_new();
	struct total total = {0};
	double began = sim_seconds();
	uint64_t seed;

	for (seed = opt.first; seed < opt.first + opt.seeds; seed++) {
		bool well;

		if (opt.seconds && !opt.shrink_to && sim_seconds() - began > opt.seconds)
			break;
		seed_prepare(run, seed);
		well = sim_run_once(run);
		count(&total, run);
		if (opt.trace)
			printf("%lu %lx %lu\n", (unsigned long)seed, (unsigned long)run->hash,
			       (unsigned long)run->steps);
		if (well && opt.twice && !same_again(run))
			return 1;
		if (well)
			continue;
		if (opt.quiet)
			printf("seed %lu, mode %s: %s\n", (unsigned long)seed,
			       mode_name(run->mode), run->what);
		else
			found(run);
		fflush(stdout);
		if (!opt.keep_going)
			break;
	}
	if (opt.table && total.runs)
		print_table(&total, sim_seconds() - began);
	for (unsigned i = 0; i < SIM_EV_COUNT; i++)
		if (100.0 * (double)total.in[i] < least_of(i) * (double)total.runs) {
			printf("FAILED: too few runs have a %s\n", sim_event_names[i]);
			return 1;
		}
	return total.failed != 0;
}

static int run_file(const char *path)
{
	struct sim_run *run = sim_run_new();
	bool well;

	if (!(opt.bytes ? sim_read_bytes(run, path) : sim_read(run, path)))
		return 2;
	well = sim_run_once(run);
	if (!well)
		print_failure(run, path);
	if (!well && opt.shrink_to) {
		char small[400];
		const char *name = strrchr(path, '/');

		snprintf(small, sizeof(small), "%s/%.200s.sim", opt.shrink_to,
			 name ? name + 1 : path);
		sim_shrink(run, small, opt.seconds ? opt.seconds : 60);
	} else if (!opt.quiet)
		printf("%s: as it should be, %lu steps\n", path, (unsigned long)run->steps);
	munmap(run, sizeof(*run));
	return !well;
}

static void usage(void)
{
	fputs("usage: sim [--seed FIRST] [--seeds N] [--mode random|pct] [--depth D] [--seconds S]\n"
	      "           [--twice] [--keep-going] [--quiet] [--table] [--least PERCENT] [--trace]\n"
	      "           [--drop STEP] [--no-collect]\n"
	      "           [--shrink FOLDER]\n"
	      "       sim [--shrink FOLDER] FILE...        run these programs\n"
	      "       sim --bytes FILE...      the same, of any bytes (fuzz/f-sched.c)\n"
	      "       sim --seed N --write-bytes FILE      the head of its program as such bytes\n"
	      "       sim --serve        inputs of a fuzzer\n"
	      "--twice: each seed twice, and both have to be the same run. --trace: the hash of each.\n"
	      "--least: that many runs have each event; a quarter of that, that a number is given out again.\n"
	      "--shrink: a failing run is made small, and written there. --drop: PAWL_MC_STEP(STEP) is left "
	      "out.\n"
	      "--no-collect: tasks that nobody needs stay.\n"
	      "exit status: 0 all as it should be, 1 something failed, 2 usage\n",
	      stderr);
	exit(2);
}

static const char *value_of(char **argv, int *at)
{
	if (!argv[*at + 1])
		usage();
	return argv[++*at];
}

static int option(char **argv, int i)
{
	const char *name = argv[i];

	if (!strcmp(name, "--seed"))
		opt.first = strtoull(value_of(argv, &i), NULL, 10);
	else if (!strcmp(name, "--seeds"))
		opt.seeds = strtoull(value_of(argv, &i), NULL, 10);
	else if (!strcmp(name, "--depth"))
		opt.depth = (unsigned)strtoul(value_of(argv, &i), NULL, 10);
	else if (!strcmp(name, "--seconds"))
		opt.seconds = strtod(value_of(argv, &i), NULL);
	else if (!strcmp(name, "--least"))
		opt.least = strtod(value_of(argv, &i), NULL);
	else if (!strcmp(name, "--drop"))
		sim_left_out = value_of(argv, &i);
	else if (!strcmp(name, "--shrink"))
		opt.shrink_to = value_of(argv, &i);
	else if (!strcmp(name, "--mode"))
		opt.mode = !strcmp(value_of(argv, &i), "pct") ? SIM_PCT : SIM_RANDOM;
	else if (!strcmp(name, "--twice"))
		opt.twice = true;
	else if (!strcmp(name, "--no-collect"))
		opt.no_collect = true;
	else if (!strcmp(name, "--keep-going"))
		opt.keep_going = true;
	else if (!strcmp(name, "--quiet"))
		opt.quiet = true;
	else if (!strcmp(name, "--trace"))
		opt.trace = true;
	else if (!strcmp(name, "--table"))
		opt.table = true;
	else if (!strcmp(name, "--bytes"))
		opt.bytes = true;
	else if (!strcmp(name, "--serve"))
		opt.serve = true;
	else if (!strcmp(name, "--write-bytes"))
		opt.write_bytes = value_of(argv, &i);
	else
		usage();
	return i;
}

/* Where code, stacks and mappings are must not be a matter of luck, nor what is in the environment. */
static void want_no_luck(char **argv)
{
	static char *environment[] = {NULL, NULL};
	static char path[400] = "PATH=";
	int now = personality(0xffffffff);

	if (now != -1 && now & ADDR_NO_RANDOMIZE)
		return;
	if (now == -1 || personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1)
		return;
	if (getenv("PATH"))
		snprintf(path, sizeof(path), "PATH=%s", getenv("PATH"));
	environment[0] = path;
	execve("/proc/self/exe", argv, environment);
}

int main(int argc, char **argv)
{
	int files = 0, status = 0;

	want_no_luck(argv);
	opt.self = argv[0];
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			i = option(argv, i);
		else
			argv[++files] = argv[i];
	}
	sim_memory_init();
	if (opt.serve)
		return sim_serve();
	if (opt.write_bytes) {
		struct sim_run *run = sim_run_new();

		seed_prepare(run, opt.first);
		return !sim_write_bytes(run, opt.write_bytes);
	}
	if (!files)
		return run_seeds();
	for (int i = 1; i <= files; i++)
		status |= run_file(argv[i]);
	return status;
}
