/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-budget.c - a crawl of 1,000 routes by an engine with a budget of memory and a store, beside one without a budget:
 * what the process comes to at most, and how much slower that is.
 *
 * A route reads modules of its own, and some that all share; a module's value has between 64 bytes and 64 KiB, so all of
 * it is several times the budget. To make a value takes so many turns of a hash for each eight bytes: 100 are some 50 ns a
 * byte, as if it were parsed; with none bodies are cheap, and what it costs to save, to leave and to come back is all there
 * is. `batch` goes from the first route to the last; `interactive` asks for routes near one another from three threads, and
 * comes back to some. Each is a process of its own, which is asked every 2 ms what it has in memory: all of it, and without
 * pages of files, which are the store's and the system's to keep. Both are beyond what the process had before its engine was
 * opened.
 *
 *	b-engine-budget [megabytes [routes [turns]]]		64 MB, 1,000, 100
 *
 * make bench-budget. On the disk that TMPDIR is on, or /tmp.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/engine.h>
#include <pawl/hash.h>
#include <pawl/store.h>
#include <pawl/thread.h>

#define OWN	  24u  /* modules of a route */
#define SHARED	  200u /* modules in all, of which a route reads some */
#define READS	  8u
#define THREADS	  3u
#define NEAR	  16u
#define TURNS	  100u
#define SAMPLE_NS 2000000

struct crawl {
	struct pawl_engine *engine;
	uint64_t routes, scale;
	struct pawl_atomic_u64 next;
	bool interactive;
};

static uint64_t scale = 1, turns = TURNS;

static _Noreturn void die(const char *what, int error)
{
	fprintf(stderr, "b-engine-budget: %s: %s\n", what, strerror(-error));
	exit(1);
}

/* ---- tasks --------------------------------------------------------------------------------------- */

static const struct pawl_value_type bytes_type = {
	.size = sizeof(bytes_type), .name = "bytes", .version = 1, .flags = PAWL_VALUE_PLAIN};

static size_t bytes_of(uint64_t n)
{
	/* Most are small, most of the memory is in large ones. */
	return (size_t)64 << pawl_hash_u64(n, 1) % 11;
}

static int module_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args;
	struct pawl_value *value;
	size_t bytes = bytes_of(n) * scale;
	int error = pawl_value_create(&bytes_type, bytes, &value);
	uint64_t *words;

	if (error)
		return error;
	words = pawl_value_payload(value);
	for (size_t i = 0; i < bytes / 8; i++) {
		words[i] = n + i;
		for (uint64_t turn = 0; turn < turns; turn++)
			words[i] = pawl_hash_u64(words[i], turn);
	}
	return pawl_cell(context, value, ret_output);
}
static const struct pawl_function module = {sizeof(module), "module",	      1,    0,
					    module_body,    sizeof(uint64_t), NULL, 0};

static int read_one(struct pawl_context *context, const struct pawl_function *function,
		    uint64_t n, uint32_t flags, uint64_t *sum)
{
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, function, &n, &ref);

	if (!error)
		error = pawl_read(context, ref, flags, &value, NULL);
	if (error)
		return error;
	*sum += *(const uint64_t *)pawl_value_payload(value);
	pawl_value_unpin(value);
	return 0;
}

static int route_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n = *(const uint64_t *)args, sum = 0;
	struct pawl_value *value;
	int error = 0;

	for (unsigned i = 0; i < OWN && !error; i++)
		error = read_one(context, &module, SHARED + n * OWN + i, 0, &sum);
	for (unsigned i = 0; i < READS && !error; i++)
		error = read_one(context, &module, pawl_hash_u64(n, i) % SHARED, 0, &sum);
	if (!error)
		error = pawl_value_of(&bytes_type, &sum, sizeof(sum), &value);
	return error ? error : pawl_cell(context, value, ret_output);
}
static const struct pawl_function route = {sizeof(route), "route",	    1,	  0,
					   route_body,	  sizeof(uint64_t), NULL, 0};

/* ---- how much there is ------------------------------------------------------------------------------ */

struct sample {
	uint64_t all, own;
};

static struct sample sample(void)
{
	unsigned long long size, resident, shared;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%llu %llu %llu", &size, &resident, &shared) != 3)
		die("statm", -EIO);
	fclose(file);
	return (struct sample){resident * page, (resident - shared) * page};
}

static struct sample before, most;
static struct pawl_atomic_u32 over;

static void *sample_on(void *arg)
{
	const struct timespec pause = {0, SAMPLE_NS};

	while (!pawl_load_relaxed(&over)) {
		struct sample now = sample();

		most.all = now.all > most.all ? now.all : most.all;
		most.own = now.own > most.own ? now.own : most.own;
		nanosleep(&pause, NULL);
	}
	return arg;
}

/* ---- the crawl ---------------------------------------------------------------------------------------- */

static int visit(struct pawl_context *context, void *arg)
{
	uint64_t sum = 0;

	return read_one(context, &route, *(const uint64_t *)arg, PAWL_READ_STRONG, &sum);
}

static void ask(struct crawl *crawl, uint64_t n)
{
	int error = pawl_engine_run(crawl->engine, visit, &n);

	if (error)
		die("a route", error);
}

static void *crawl_on(void *arg)
{
	struct crawl *crawl = arg;
	uint64_t n;

	if (pawl_thread_attach("crawl"))
		die("attach", -ENOMEM);
	while ((n = pawl_add_relaxed(&crawl->next, UINT64_C(1))) < crawl->routes) {
		ask(crawl, n);
		/* One of those before, and one of long ago, now and then. */
		if (crawl->interactive && n)
			ask(crawl, n - pawl_hash_u64(n, 3) % (n < NEAR ? n : NEAR));
		if (crawl->interactive && n % 16 == 15)
			ask(crawl, pawl_hash_u64(n, 4) % n);
	}
	pawl_thread_detach();
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What a route took of processors, of all threads, in ms: the program's own, and the system's. */
static void print_cpu(uint64_t routes, const struct pawl_engine_store_stats *saved)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used))
		die("getrusage", -errno);
	printf("%-12s CPU of a route: %.3f ms, and %.3f ms of the system; saved %.1f MB\n", "",
	       ((double)used.ru_utime.tv_sec * 1e3 + (double)used.ru_utime.tv_usec / 1e3) /
		       (double)routes,
	       ((double)used.ru_stime.tv_sec * 1e3 + (double)used.ru_stime.tv_usec / 1e3) /
		       (double)routes,
	       (double)saved->saved_bytes / 1048576);
}

/* Returns: routes a second. */
static double crawl_all(struct crawl *crawl, uint64_t budget, const char *folder)
{
	static const struct pawl_function *const functions[] = {&module, &route};
	static const struct pawl_value_type *const types[] = {&bytes_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	unsigned threads_n = crawl->interactive ? THREADS : 1;
	struct pawl_engine_store_stats saved;
	struct pawl_engine_memory memory;
	pthread_t threads[THREADS], sampler;
	struct pawl_store *store;
	uint64_t begun;
	double rate;
	int error = pawl_store_open_lmdb(folder, NULL, NULL, &store);

	if (error)
		die("store", error);
	before = sample();
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	options.workers = 2;
	options.storage = PAWL_STORAGE_READ_WRITE;
	options.store = store;
	options.memory_bytes = budget;
	options.snapshot_at_stop = 0;
	error = pawl_engine_open(&options, &crawl->engine);
	if (error)
		die("engine", error);
	if (pthread_create(&sampler, NULL, sample_on, NULL))
		die("thread", -EAGAIN);
	begun = now_ns();
	for (unsigned i = 0; i < threads_n; i++)
		if (pthread_create(&threads[i], NULL, crawl_on, crawl))
			die("thread", -EAGAIN);
	for (unsigned i = 0; i < threads_n; i++)
		(void)pthread_join(threads[i], NULL);
	rate = (double)crawl->routes / ((double)(now_ns() - begun) / 1e9);
	pawl_store_relaxed(&over, 1u);
	(void)pthread_join(sampler, NULL);
	pawl_engine_memory_read(crawl->engine, &memory);
	printf("%-12s budget %5" PRIu64 " MB: most %7.1f MB, without files %7.1f MB; %8.0f "
	       "routes/s; evicted %" PRIu64 ", back %" PRIu64 ", snapshots %" PRIu64
	       ", waited %.2f s, over %" PRIu64 "\n",
	       crawl->interactive ? "interactive" : "batch", budget >> 20,
	       (double)(most.all - before.all) / 1048576,
	       (double)(most.own - before.own) / 1048576, rate, memory.evicted, memory.restored,
	       memory.snapshots, (double)memory.waited_ns / 1e9, memory.over);
	if (pawl_engine_store_stats_read(crawl->engine, &saved))
		die("statistics", -ENOTSUP);
	print_cpu(crawl->routes, &saved);
	if (budget)
		printf("%-12s most / budget %.2f, without files %.2f\n", "",
		       (double)(most.all - before.all) / (double)budget,
		       (double)(most.own - before.own) / (double)budget);
	(void)fflush(stdout);
	(void)pawl_engine_close(crawl->engine);
	pawl_store_close(store);
	return rate;
}

static void remove_folder(const char *folder)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
	char path[512];

	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

/* In a process of its own, with its rate as the answer. */
static double crawl_apart(struct crawl *crawl, uint64_t budget)
{
	const char *where = getenv("TMPDIR");
	char folder[256];
	double rate = 0;
	int ends[2];
	pid_t child;

	(void)snprintf(folder, sizeof(folder), "%s/pawl-budget-XXXXXX", where ? where : "/tmp");
	if (!mkdtemp(folder) || pipe(ends))
		die(folder, -errno);
	child = fork();
	if (child < 0)
		die("fork", -errno);
	if (!child) {
		if (pawl_thread_attach("main"))
			die("attach", -ENOMEM);
		rate = crawl_all(crawl, budget, folder);
		if (write(ends[1], &rate, sizeof(rate)) != sizeof(rate))
			_exit(1);
		_exit(0);
	}
	(void)close(ends[1]);
	if (read(ends[0], &rate, sizeof(rate)) != sizeof(rate))
		die("a crawl ended", -ECHILD);
	(void)close(ends[0]);
	(void)waitpid(child, NULL, 0);
	remove_folder(folder);
	return rate;
}

int main(int argc, char **argv)
{
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 64;
	struct crawl crawl = {.routes = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000};

	if (megabytes < 1 || !crawl.routes)
		return 2;
	turns = argc > 3 ? strtoull(argv[3], NULL, 10) : TURNS;
	/* What there is grows with the budget. */
	scale = megabytes > 64 ? megabytes / 64 : 1;
	for (unsigned i = 0; i < 2; i++) {
		double unbounded, kept;

		crawl.interactive = i;
		unbounded = crawl_apart(&crawl, 0);
		kept = crawl_apart(&crawl, megabytes << 20);
		printf("%-12s rate with the budget / without %.2f\n", "", kept / unbounded);
		(void)fflush(stdout);
	}
	return 0;
}
