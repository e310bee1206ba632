/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine-collect.c - the incremental engine: tasks that nobody needs any more go, and what that does to who works meanwhile.
 *
 * A root reads an input and calls a crowd of tasks, each of which calls and reads a leaf of its own. Then the input is another
 * one, and nobody needs the crowd: the time is from that change until the last of it has gone, so the root's run, the edges
 * that it takes away and the moments of quiet of the collection are in it. `pawl-store` has all of it saved before, on the
 * disk that TMPDIR is on, or /tmp; what the next snapshot then takes to have it out of the store is `out_ns_task`.
 *
 * All the while another thread changes an input that nobody reads, every 50 us. That is an operation of the graph, which
 * waits where there is a moment of quiet: its time by p50 and p99, and the longest is the longest moment of quiet, or what
 * the machine did to the thread meanwhile; `longest_quiet_ns` is what the engine says of the former. How long that is of its own shows `(kept)`, where collection is turned off: the
 * same change and the same thread, beside one that is busy for as long, and nothing goes.
 */
#include "engine-ours.h"

#include "store-folder.h"

#include <pthread.h>
#include <time.h>

#include <pawl/state.h>
#include <pawl/store.h>

#define PAUSE_NS 50000
#define BUSY_NS	 1000 /* for each task that is kept */

enum contender { MEMORY, STORE, KEPT };
/* Of a case. */
#define ARG(which, tasks) ((which) | (uint64_t)(tasks) << 8)

struct place {
	struct folder folder;
	struct pawl_store *store;
	struct pawl_engine *engine;
	struct pawl_state *beside;
	uint64_t tasks; /* without a crowd */
	pthread_t thread;
	struct pawl_atomic_u32 enough;
	struct b_worker *worker;
};

/* How many the root calls, of the one engine that is measured. */
static struct pawl_state *width;

/* ---- tasks --------------------------------------------------------------------------------- */

static const struct pawl_value_type saved_number = {.size = sizeof(saved_number),
						    .name = "number",
						    .version = 1,
						    .flags = PAWL_VALUE_PLAIN};

static struct pawl_value *value_of(uint64_t number)
{
	struct pawl_value *value;

	must(pawl_value_of(&saved_number, &number, sizeof(number), &value), "value");
	return value;
}

static uint64_t width_now(struct pawl_context *context)
{
	struct pawl_value *value;
	uint64_t number;

	must(pawl_state_get(context, width, &value), "state");
	memcpy(&number, pawl_value_payload(value), sizeof(number));
	pawl_value_unpin(value);
	return number;
}

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	return pawl_cell(context, value_of(((const struct b_two *)args)->a), ret_output);
}
static const struct pawl_function leaf = B_FUNCTION(leaf, 0);

static int pair_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t below = b_read(context, b_call(context, &leaf, args), 0);

	return pawl_cell(context, value_of(below + 1), ret_output);
}
static const struct pawl_function pair = B_FUNCTION(pair, 0);

static int crowd_root(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	uint64_t n = width_now(context), sum = 0;

	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		sum += b_read(context, b_call(context, &pair, &(struct b_two){i, 0}), 0);
	return pawl_cell(context, value_of(sum), ret_output);
}

/* ---- an engine, with a crowd ------------------------------------------------------------------ */

static enum contender who(const struct b_case *cas)
{
	return (enum contender)(cas->arg & 255);
}

static uint64_t tasks_now(const struct place *p)
{
	struct pawl_engine_stats stats;

	pawl_engine_stats_read(p->engine, &stats);
	return stats.tasks;
}

static void be(struct place *p, uint64_t n)
{
	must(pawl_state_set(width, value_of(n)), "state");
	must(pawl_engine_wait_idle(p->engine, PAWL_FOREVER), "idle");
}

static int open_all(struct place *p, enum contender which)
{
	static const struct pawl_function *const functions[] = {&leaf, &pair};
	static const struct pawl_value_type *const types[] = {&saved_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	pawl_ref_t root;

	if (which == STORE) {
		int error;

		folder_make(&p->folder);
		error = pawl_store_open_lmdb(p->folder.path, NULL, NULL, &p->store);
		if (error) {
			folder_drop(&p->folder);
			return error;
		}
		options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
		options.store = p->store;
		options.snapshot_at_stop = 0;
	}
	options.workers = 2;
	options.functions = functions;
	options.functions_n = 2;
	options.types = types;
	options.types_n = 1;
	options.collect = which != KEPT;
	must(pawl_engine_open(&options, &p->engine), "engine");
	must(pawl_state_create(p->engine, value_of(0), &width), "state");
	must(pawl_state_create(p->engine, value_of(0), &p->beside), "state");
	must(pawl_engine_spawn_root(p->engine, crowd_root, NULL, NULL, &root), "root");
	must(pawl_engine_wait_idle(p->engine, PAWL_FOREVER), "idle");
	return 0;
}

static int setup(struct b_run *run)
{
	struct place *p = b_alloc(sizeof(*p));
	int error;

	enter(NULL);
	error = open_all(p, who(run->cas));
	if (!error) {
		p->tasks = tasks_now(p);
		be(p, (run->cas->arg >> 8) / 2);
		if (p->store)
			must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
		run->state = p;
	} else {
		free(p);
	}
	leave(NULL);
	return error;
}

/* ---- who works meanwhile ----------------------------------------------------------------------- */

static void *change_on(void *arg)
{
	const struct timespec pause = {0, PAUSE_NS};
	struct place *p = arg;

	must(pawl_thread_attach("beside"), "attach");
	for (uint64_t i = 1; !pawl_load_relaxed(&p->enough); i++) {
		struct pawl_value *value = value_of(i);
		uint64_t began_ns = b_now_ns();

		must(pawl_state_set(p->beside, value), "state");
		b_latency_add(p->worker, b_now_ns() - began_ns);
		nanosleep(&pause, NULL);
	}
	pawl_thread_detach();
	return NULL;
}

static void work(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	bool keeps = who(w->run->cas) == KEPT;
	uint64_t began_ns;

	p->worker = w;
	must(pthread_create(&p->thread, NULL, change_on, p), "pthread_create");
	began_ns = b_now_ns();
	be(p, 0);
	/* What is not idle yet for it keeps nothing for long. */
	while (!keeps && tasks_now(p) != p->tasks)
		must(pawl_engine_collect(p->engine, NULL), "collect");
	w->spent_ns = b_now_ns() - began_ns;
	while (keeps && b_now_ns() < began_ns + n * BUSY_NS)
		b_outside(1000);
	pawl_store_relaxed(&p->enough, 1u);
	must(pthread_join(p->thread, NULL), "pthread_join");
	if (tasks_now(p) != p->tasks + (keeps ? n : 0))
		b_die("%s: %llu tasks", w->run->cas->bench, (unsigned long long)tasks_now(p));
}

static void teardown(struct b_run *run)
{
	struct place *p = run->state;
	struct pawl_engine_stats stats;

	enter(NULL);
	pawl_engine_stats_read(p->engine, &stats);
	b_extra(run, "longest_quiet_ns", (double)stats.longest_quiet_ns);
	if (p->store) {
		uint64_t began_ns = b_now_ns();

		must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
		b_extra(run, "out_ns_task",
			(double)(b_now_ns() - began_ns) / (double)run->cas->count);
	}
	pawl_state_unpin(width);
	pawl_state_unpin(p->beside);
	must(pawl_engine_close(p->engine), "close");
	if (p->store) {
		pawl_store_close(p->store);
		folder_drop(&p->folder);
	}
	free(p);
	leave(NULL);
}

/* ---- the list -------------------------------------------------------------------------------------- */

#define CASE(who_, which, n)                                                                \
	{                                                                                   \
		.bench = "collect", .contender = who_, .params = "\"keys\":" #n,            \
		.arg = ARG(which, n), .count = n, .whole = true, .anywhere = true,          \
		.threads = 1, .setup = setup, .enter = enter, .work = work, .leave = leave, \
		.teardown = teardown,                                                       \
	}
#define CASES(n) CASE("pawl", MEMORY, n), CASE("pawl-store", STORE, n), CASE("(kept)", KEPT, n)

static const struct b_case cases[] = {CASES(10000), CASES(50000), CASES(200000)};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "collect",
		 .text = "a task that goes, of so many that nobody needs any more",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .reps_max = 7},
	};

	return b_main(argc, argv, benches, 1);
}
