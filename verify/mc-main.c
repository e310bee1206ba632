/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-main.c - options, scenarios, verdicts.
 *
 * Exit status: 0 every scenario is as it should be, 1 a failure was found (or an expected
 * one was not), 2 usage, 3 some scenario is not complete and --require-complete was given.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mc-internal.h"
#include "mc-litmus.h"

MC_STATE struct mc_options mc_opt;
MC_STATE struct mc_stats mc_stats;
static MC_STATE double started;
static MC_STATE bool failed, again;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);

static double now(void)
{
	struct timespec ts;

	__real_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void limit(const char *why)
{
	mc_stats.limited = true;
	mc_stats.limit = why;
}

/*
 * --distinct: count different graphs, to check the explorers against each other: the
 * exhaustive one must visit none twice and as many as unreduced search finds.
 */
#define DISTINCT_SLOTS (1u << 22)
static MC_STATE uint64_t *graphs;

static uint64_t mix(uint64_t h, uint64_t x)
{
	h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

static void count_distinct(void)
{
	uint64_t h = 1;

	for (unsigned t = 0; t < MC_T; t++)
		for (unsigned i = 0; i < mc_g->n[t]; i++) {
			const struct mc_ev *e = mc_ev(mc_g, EID(t, i));

			h = mix(h, (uint64_t)e->kind << 48 | (uint64_t)t << 40 | e->loc);
			h = mix(h, e->kind == EV_READ ? e->rf : e->kind == EV_WRITE ? e->co_prev : 0);
			h = mix(h, e->value);
		}
	for (uint64_t i = h;; i++) {
		uint64_t *slot = &graphs[i % DISTINCT_SLOTS];

		if (*slot == h)
			return;
		if (!*slot) {
			*slot = h;
			mc_stats.distinct++;
			return;
		}
	}
}

/* An execution ended. May the search go on? */
bool mc_tally(enum mc_end end)
{
	mc_stats.replays++;
	if (mc_g->nev > mc_stats.deepest)
		mc_stats.deepest = mc_g->nev;
	switch (end) {
	case END_COMPLETE:
		mc_stats.executions++;
		if (mc_opt.distinct)
			count_distinct();
		break;
	case END_BLOCKED:
		mc_stats.blocked++;
		break;
	case END_DROPPED:
		mc_stats.pruned++;
		break;
	case END_AGAIN:
		again = true;
		return false;
	case END_FAILED:
		failed = true;
		return false;
	default:
		break;
	}
	if (mc_opt.max_executions && mc_stats.executions >= mc_opt.max_executions) {
		limit("--max-executions");
		return false;
	}
	if (mc_opt.seconds > 0 && !(mc_stats.replays & 15) && now() - started > mc_opt.seconds) {
		limit("--seconds");
		return false;
	}
	return true;
}

void mc_fail(const char *what, const char *file, int line)
{
	const char *base = strrchr(file, '/');

	mc_fail_now(FAIL_ASSERTION, __builtin_return_address(0), "%s (%s:%d)", what,
		    base ? base + 1 : file, line);
}

/* The library's broken contracts, with its words. */
void __wrap_pawl__contract_broken(const char *what, const char *file, int line,
				  const char *function) __attribute__((noreturn));
void __wrap_pawl__contract_broken(const char *what, const char *file, int line,
				  const char *function)
{
	const char *base = strrchr(file, '/');

	mc_fail_now(FAIL_CONTRACT, __builtin_return_address(0), "%s (%s:%d %s)", what,
		    base ? base + 1 : file, line, function);
}

void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *fn)
	__attribute__((noreturn));
void __wrap___assert_fail(const char *what, const char *file, unsigned line, const char *fn)
{
	(void)fn;
	mc_fail(what, file, (int)line);
}

unsigned mc_choose(unsigned n)
{
	return mc_choice(n, "mc_choose", __builtin_return_address(0));
}

unsigned mc_thread(void)
{
	return mc_self()->scenario ? mc_self()->number : MC_THREADS_MAX;
}

bool mc_exploring(void)
{
	return true;
}

void mc_note(const char *fmt, ...)
{
	char text[120];
	va_list ap;

	if (mc_mode == MODE_PROBE)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mc_note_add(mc_r->cur, text);
}

/* --- outcomes of litmus tests (mc-litmus.h) --- */

#define OUTCOMES_MAX 512

static MC_STATE struct outcome {
	uint64_t count;
	char text[120];
} *outcomes;
static MC_STATE unsigned noutcomes;

void mc_outcome(const char *fmt, ...)
{
	char text[sizeof(outcomes->text)];
	va_list ap;
	unsigned i = 0;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	outcomes = outcomes ? outcomes : mc_map(OUTCOMES_MAX * sizeof(*outcomes));
	while (i < noutcomes && strcmp(outcomes[i].text, text))
		i++;
	if (i == OUTCOMES_MAX)
		return;
	if (i == noutcomes) {
		outcomes[noutcomes].count = 0;
		strcpy(outcomes[noutcomes++].text, text);
	}
	outcomes[i].count++;
}

static void print_outcomes(void)
{
	for (unsigned i = 0; i < noutcomes; i++)
		printf("outcome %s %lu %s\n", mc_scenario->name, (unsigned long)outcomes[i].count,
		       outcomes[i].text);
}

static const char *mode_name(void)
{
	static const char *const names[] = {"exhaustive", "bounded", "random", "pct", "replay"};

	return names[mc_opt.mode];
}

/* Run one scenario; false if its verdict is not as it should be. */
static bool run_scenario(const struct mc_scenario *s, bool *ret_complete)
{
	static MC_STATE char replay[64 << 10];
	enum mc_strategy mode = mc_opt.mode;
	int bound = mc_opt.bound;

	mc_scenario = s;
	if (mc_opt.distinct) {
		graphs = graphs ? graphs : mc_map(DISTINCT_SLOTS * sizeof(*graphs));
		memset(graphs, 0, DISTINCT_SLOTS * sizeof(*graphs));
	}
	mc_barriers = false;
	mc_rcu_readers = 0;
	if (mode == EXHAUSTIVE && s->preemption_bound_plus_1 && bound < 0) {
		mc_opt.mode = BOUNDED;
		mc_opt.bound = (int)s->preemption_bound_plus_1 - 1;
	}
	started = now();
	do {
		memset(&mc_stats, 0, sizeof(mc_stats));
		failed = again = false;
		noutcomes = 0;
		mc_tallies_init();
		if (!mc_run_prepare())
			failed = true;
		else if (mc_opt.mode == EXHAUSTIVE)
			mc_explore();
		else
			mc_walk();
	} while (again);
	mc_mode = MODE_OFF;
	mc_stats.seconds = now() - started;
	if (failed && mc_opt.mode != REPLAY && mc_opt.minimise && mc_order_len)
		mc_minimise();
	mc_mode = MODE_OFF;

	bool complete = !failed && !mc_stats.limited && mc_opt.mode == EXHAUSTIVE;
	const char *found = failed ? mc_fail_name[mc_failure.kind] : NULL;
	bool good = s->expect_failure ? found && !strcmp(found, s->expect_failure) : !failed;
	const char *verdict = failed   ? (good ? "rejected as it should be" : "FAILED")
			      : !good  ? "FAILED: accepted"
			      : complete ? "complete"
					 : "bounded";

	/* Sampling need not find what is broken. */
	if (!good && s->expect_failure && !failed && mc_opt.mode != EXHAUSTIVE) {
		good = true;
		verdict = "not found";
	}
	if (failed)
		mc_replay_string(replay, sizeof(replay));
	*ret_complete = complete || (failed && good);
	if (mc_opt.json) {
		printf("{\"scenario\":\"%s\",\"mode\":\"%s\",\"verdict\":\"%s\",\"ok\":%s,"
		       "\"complete\":%s,\"failure\":%s%s%s,\"executions\":%lu,\"blocked\":%lu,"
		       "\"pruned\":%lu,\"replays\":%lu,\"deepest\":%u,\"seconds\":%.3f%s%s%s}\n",
		       s->name, mode_name(), verdict, good ? "true" : "false",
		       complete ? "true" : "false", found ? "\"" : "", found ? found : "null",
		       found ? "\"" : "", (unsigned long)mc_stats.executions,
		       (unsigned long)mc_stats.blocked, (unsigned long)mc_stats.pruned,
		       (unsigned long)mc_stats.replays, mc_stats.deepest, mc_stats.seconds,
		       failed ? ",\"replay\":\"" : "", failed ? replay : "", failed ? "\"" : "");
	} else {
		printf("%-28s %-10s %9lu executions %7lu blocked %7lu pruned  %8.3f s", s->name,
		       verdict, (unsigned long)mc_stats.executions,
		       (unsigned long)mc_stats.blocked, (unsigned long)mc_stats.pruned,
		       mc_stats.seconds);
		if (mc_opt.distinct)
			printf("  %lu distinct", (unsigned long)mc_stats.distinct);
		if (mc_stats.limited && !failed)
			printf("  (bounded by %s)", mc_stats.limit);
		if (s->no_spurious && !failed)
			printf("  (no spurious failures)");
		if (s->ideal_locks && !failed)
			printf("  (locks by contract)");
		if (s->ideal_parks && !failed)
			printf("  (parks by contract)");
		if (found)
			printf("  (%s)", found);
		printf("\n");
		if (failed && (!good || mc_opt.trace_all)) {
			mc_report_failure();
			if (strlen(replay) < 4000)
				printf("  again: --scenario %s --replay %s\n", s->name, replay);
		}
	}
	print_outcomes();
	fflush(stdout);
	mc_opt.mode = mode;
	mc_opt.bound = bound;
	return good;
}

static const char options[] =
	"options:\n"
	"  --list, --list-quick      the scenarios of this program; those of make verify-quick\n"
	"  --scenario NAME           only this one\n"
	"  --mode exhaustive         every execution graph (the default)\n"
	"         bounded --bound N  every interleaving with at most N preemptions\n"
	"         random|pct         --runs N samples from --seed N; pct: --depth D\n"
	"  --replay STRING           of a counter-example; with --scenario\n"
	"  --seconds S, --max-executions N, --max-steps N\n"
	"                            limits of a scenario (its verdict is `bounded` then)\n"
	"  --require-complete        exit status 3 if a scenario is not\n"
	"  --trace                   print a counter-example that is as it should be, too\n"
	"  --no-minimise             print the counter-example as it was found\n"
	"  --json                    a line of JSON for each scenario\n"
	"  --no-spurious             weak compare-exchanges do not fail for no reason\n"
	"  --release-sequence c20|c11\n"
	"  --distinct                count different graphs by hash\n"
	"  --mutate ADDRESS[,ADDRESS...]:ORDER|step:NAME, --sites FILE\n"
	"                            for verify/mutants\n"
	"  --not-modelled            what the checker does not know\n"
	"Exit status: 0 all as it should be, 1 not, 2 usage, 3 not complete.\n\n";

static const char not_modelled[] =
	"Not modelled: load buffering (po u rf cycles); mixed-size atomic accesses; 128-bit\n"
	"atomics; inline assembly and what libc does inside (what it writes by itself into memory\n"
	"counts as not written); spurious futex wake-ups; futex requeue and priority inheritance;\n"
	"more than 16 threads, 1023 steps of a thread, 4095 of an execution, 64 seq_cst events;\n"
	"signals; fork but for its handlers; time but for deadlines that are over or not. A weak\n"
	"compare-exchange fails spuriously once per site and thread, in gcc builds, without\n"
	".no_spurious. Allocation fails only in scenarios with .oom. Heap addresses are not used\n"
	"again within an execution. Consume is acquire. An uninitialised read is seen in heap memory\n"
	"only, if no byte that it reads was written. A race is missed if eight later accesses to the\n"
	"same eight bytes came between. liburcu is its contract. Of a history, an operation is before\n"
	"another only if the program orders them.\n";

static void usage(void)
{
	fputs(options, stderr);
	exit(2);
}

static const char *value(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] || *i + 1 >= argc)
		return NULL;
	return argv[++*i];
}

static void parse(int argc, char **argv)
{
	const char *v, *mode = "exhaustive";

	mc_opt = (struct mc_options){.bound = -1, .pct_depth = 3, .seed = 1, .runs = 10000,
				     .max_steps = 200, .spurious = true, .rs_c20 = true, .minimise = true};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list"))
			mc_opt.list = true;
		else if (!strcmp(argv[i], "--list-quick"))
			mc_opt.list = mc_opt.list_quick = true;
		else if (!strcmp(argv[i], "--distinct"))
			mc_opt.distinct = true;
		else if (!strcmp(argv[i], "--json"))
			mc_opt.json = true;
		else if (!strcmp(argv[i], "--trace"))
			mc_opt.trace_all = true;
		else if (!strcmp(argv[i], "--require-complete"))
			mc_opt.require_complete = true;
		else if (!strcmp(argv[i], "--no-spurious"))
			mc_opt.spurious = false;
		else if (!strcmp(argv[i], "--help")) {
			fputs(options, stdout);
			fputs(not_modelled, stdout);
			exit(0);
		} else if (!strcmp(argv[i], "--no-minimise"))
			mc_opt.minimise = false;
		else if (!strcmp(argv[i], "--not-modelled")) {
			fputs(not_modelled, stdout);
			exit(0);
		} else if ((v = value("--scenario", argc, argv, &i)))
			mc_opt.scenario = v;
		else if ((v = value("--mode", argc, argv, &i)))
			mode = v;
		else if ((v = value("--bound", argc, argv, &i)))
			mc_opt.bound = atoi(v);
		else if ((v = value("--depth", argc, argv, &i)))
			mc_opt.pct_depth = (unsigned)atoi(v);
		else if ((v = value("--seed", argc, argv, &i)))
			mc_opt.seed = strtoull(v, NULL, 0);
		else if ((v = value("--runs", argc, argv, &i)))
			mc_opt.runs = strtoull(v, NULL, 0);
		else if ((v = value("--seconds", argc, argv, &i)))
			mc_opt.seconds = atof(v);
		else if ((v = value("--max-executions", argc, argv, &i)))
			mc_opt.max_executions = strtoull(v, NULL, 0);
		else if ((v = value("--max-steps", argc, argv, &i)))
			mc_opt.max_steps = (unsigned)atoi(v);
		else if ((v = value("--replay", argc, argv, &i))) {
			mc_opt.replay = v;
			mode = "replay";
		} else if ((v = value("--release-sequence", argc, argv, &i)))
			mc_opt.rs_c20 = strcmp(v, "c11") != 0;
		else if ((v = value("--mutate", argc, argv, &i)))
			mc_opt.mutate = v;
		else if ((v = value("--sites", argc, argv, &i)))
			mc_opt.sites_out = v;
		else
			usage();
	}
	if (!strcmp(mode, "exhaustive"))
		mc_opt.mode = mc_opt.bound >= 0 ? BOUNDED : EXHAUSTIVE;
	else if (!strcmp(mode, "bounded"))
		mc_opt.mode = BOUNDED;
	else if (!strcmp(mode, "random"))
		mc_opt.mode = RANDOM;
	else if (!strcmp(mode, "pct"))
		mc_opt.mode = PCT;
	else if (!strcmp(mode, "replay"))
		mc_opt.mode = REPLAY;
	else
		usage();
	if (mc_opt.replay && !mc_opt.scenario)
		usage();
	mc_opt.trace_all |= mc_opt.mode == REPLAY;
}

static bool any_quick(const struct mc_scenario *scenarios, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (scenarios[i].quick)
			return true;
	return false;
}

int mc_main(int argc, char **argv, const struct mc_scenario *scenarios, size_t count)
{
	bool good = true, complete = true;
	unsigned ran = 0, ngood = 0, ncomplete = 0;

	parse(argc, argv);
	if (mc_opt.list) {
		for (size_t i = 0; i < count; i++)
			if (!mc_opt.list_quick || scenarios[i].quick || !any_quick(scenarios, count))
				printf("%s\n", scenarios[i].name);
		return 0;
	}
	mc_mutate_init();
	mc_run_init();
	mc_race_init();
	mc_catch_signals();
	for (size_t i = 0; i < count; i++) {
		bool done;

		if (mc_opt.scenario && strcmp(mc_opt.scenario, scenarios[i].name))
			continue;
		ran++;
		bool right = run_scenario(&scenarios[i], &done);

		ngood += right;
		ncomplete += done;
		good &= right;
		complete &= done;
	}
	if (!ran) {
		fprintf(stderr, "no such scenario\n");
		return 2;
	}
	if (!mc_opt.json && ran > 1)
		printf("%u scenarios, %u as they should be, %u to the end; not modelled: load "
		       "buffering, mixed sizes, and more (--not-modelled)\n",
		       ran, ngood, ncomplete);
	if (mc_opt.sites_out) {
		FILE *f = fopen(mc_opt.sites_out, "w");

		if (f) {
			mc_sites_write(f);
			fclose(f);
		}
	}
	if (!good)
		return 1;
	return mc_opt.require_complete && !complete ? 3 : 0;
}
