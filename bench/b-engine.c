/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine.c - the incremental engine: what calls cost, and the list of benches. Graphs are in
 * b-engine-graphs.c and b-engine-edits.c, peers in base-engine-rust.c.
 *
 * Calls are made by a running task, as programs do: a body that waits for orders, "do n of these", so
 * that it may make its first calls before the clock runs. An order costs two switches, for the whole
 * batch. With two workers there are two such bodies, one on each, who do the same.
 *
 * b-engine-unmarked is the same program with nothing to list but reads, and without the mark of a use (graph/evict.h).
 */
#include "engine-ours.h"

#include <stdlib.h>

#include <pawl/event.h>

/* ---- engines --------------------------------------------------------------------- */

const struct pawl_value_type b_number = PAWL_VALUE_TYPE("number");

enum { FUNCTIONS = 3, FUNCTIONS_MAX = 32, BODIES_MAX = 2 };

struct pawl_engine *b_engine_open(unsigned workers)
{
	static const struct pawl_value_type *const types[] = {&b_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	const struct pawl_function *functions[FUNCTIONS_MAX] = {&b_leaf, &b_host, &b_busy};
	struct pawl_engine *engine;

	options.functions_n = FUNCTIONS;
	for (size_t i = 0; i < b_graph_functions_n; i++)
		functions[options.functions_n++] = b_graph_functions[i];
	for (size_t i = 0; i < b_edit_functions_n; i++)
		functions[options.functions_n++] = b_edit_functions[i];
	options.workers = workers;
	options.functions = functions;
	options.types = types;
	options.types_n = 1;
	if (pawl_engine_open(&options, &engine))
		b_die("no engine");
	return engine;
}

void b_engine_close(struct pawl_engine *engine)
{
	if (pawl_engine_close(engine))
		b_die("an engine did not close");
}

struct ask {
	const struct pawl_function *function;
	const void *args;
	uint64_t number;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;

	ask->number =
		b_read(context, b_call(context, ask->function, ask->args), PAWL_READ_STRONG);
	return 0;
}

uint64_t b_engine_ask(struct pawl_engine *engine, const struct pawl_function *function,
		      const void *args)
{
	struct ask ask = {function, args, 0};

	if (pawl_engine_run(engine, ask_visit, &ask))
		b_die("a visit failed");
	return ask.number;
}

/* ---- bodies that take orders --------------------------------------------------------- */

struct host;
struct body;

/* What a bench orders: first, not timed; n operations; both in a running task. */
struct order {
	void (*prepare)(struct pawl_context *context, struct body *body);
	void (*work)(struct pawl_context *context, struct body *body, uint64_t n);
	/* Of the values that one body has read. */
	uint64_t (*sum)(const struct body *body, uint64_t n);
};

struct host {
	struct pawl_engine *engine;
	const struct order *order;
	uint64_t keys; /* of different arguments */
	uint64_t heap; /* before */
	uint64_t n;    /* operations of each; UINT64_MAX: that is all */
	unsigned bodies_n;
	struct pawl_atomic_u64 given, done; /* orders; those of all bodies */
	struct pawl_atomic_u32 begun;
	struct pawl_event order_given, order_done;
	struct body {
		struct host *host;
		uint64_t busy_ns;
		uint64_t next; /* argument, for those that make new ones */
		uint64_t sum;  /* of what it has read in its last order */
	} bodies[BODIES_MAX];
};

struct wait {
	struct host *host;
	uint64_t order;
};

static bool is_given(const struct wait *wait)
{
	return pawl_load_acquire(&wait->host->given) >= wait->order;
}

static bool is_done(const struct wait *wait)
{
	return pawl_load_acquire(&wait->host->done) == wait->order * wait->host->bodies_n;
}

static void wait_for(struct pawl_event *event, bool (*holds)(const struct wait *wait),
		     const struct wait *wait)
{
	while (!holds(wait)) {
		struct pawl_listener listener;

		pawl_event_listen(event, &listener, "bench", 0);
		if (holds(wait))
			pawl_event_unlisten(&listener);
		else if (pawl_wait(&listener, PAWL_FOREVER))
			b_die("a wait failed");
	}
}

/* Each on a worker of its own: none goes on, or waits, before all have begun. */
static void begin(struct host *host)
{
	pawl_add_acq_rel(&host->begun, 1u);
	while (pawl_load_acquire(&host->begun) < host->bodies_n)
		;
}

static int host_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct wait wait = {NULL, 1};
	struct body *body;

	memcpy(&body, args, sizeof(body));
	wait.host = body->host;
	begin(wait.host);
	for (;; wait.order++) {
		wait_for(&wait.host->order_given, is_given, &wait);
		if (wait.host->n == UINT64_MAX)
			break;
		body->sum = 0;
		if (wait.order == 1)
			wait.host->order->prepare(context, body);
		else
			wait.host->order->work(context, body, wait.host->n);
		/* Release: what was done is there for who gave the order. */
		pawl_add_acq_rel(&wait.host->done, 1u);
		pawl_event_notify_all(&wait.host->order_done);
	}
	return b_give(context, 0, ret_output);
}

const struct pawl_function b_host = {sizeof(b_host),	    "host", 1, 0, host_body,
				     sizeof(struct body *), NULL,   0};

/* And does not wait for it. */
static struct wait give_order(struct host *host, uint64_t n)
{
	struct wait wait = {host, pawl_load_relaxed(&host->given) + 1};

	host->n = n;
	pawl_store_release(&host->given, wait.order);
	pawl_event_notify_all(&host->order_given);
	return wait;
}

static void order_out(struct host *host, uint64_t n)
{
	struct wait wait = give_order(host, n);

	wait_for(&host->order_done, is_done, &wait);
}

static int host_root(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct body *body = (struct body *)(uintptr_t)arg;

	b_use(b_read(context, b_call(context, &b_host, &body), 0));
	return b_give(context, 0, ret_output);
}

static uint64_t param(const struct b_run *run, const char *name)
{
	const char *at = run->cas->params ? strstr(run->cas->params, name) : NULL;

	return at ? strtoull(strchr(at, ':') + 1, NULL, 10) : 0;
}

static int host_setup(struct b_run *run)
{
	struct host *host = b_alloc(sizeof(*host));
	pawl_ref_t root;

	b_engine_enter(NULL);
	host->order = (const struct order *)(uintptr_t)run->cas->arg;
	host->keys = param(run, "\"keys\"");
	host->bodies_n = param(run, "\"bodies\"") ? 2 : 1;
	pawl_init_word(&host->given, 0u);
	pawl_init_word(&host->done, 0u);
	pawl_init_word(&host->begun, 0u);
	pawl_event_init(&host->order_given);
	pawl_event_init(&host->order_done);
	host->engine = b_engine_open((unsigned)param(run, "\"workers\""));
	run->state = host;
	for (unsigned i = 0; i < host->bodies_n; i++) {
		host->bodies[i].host = host;
		host->bodies[i].busy_ns = param(run, "\"us\"") * 1000;
		if (pawl_engine_spawn_root(host->engine, host_root, &host->bodies[i], NULL,
					   &root))
			b_die("no root");
	}
	order_out(host, 0);
	host->heap = b_heap_bytes();
	return 0;
}

static void host_work(struct b_worker *w, uint64_t n)
{
	order_out(w->run->state, n);
}

/* Each body read what it had to, and nothing ran twice. */
static void host_check(struct b_run *run, const struct host *host)
{
	struct pawl_engine_stats stats;
	uint64_t made = 0;

	for (unsigned i = 0; i < host->bodies_n; i++) {
		made += host->bodies[i].next;
		if (host->order->sum &&
		    host->bodies[i].sum != host->order->sum(&host->bodies[i], run->count))
			b_die("%s: wrong sum", run->cas->bench);
	}
	pawl_engine_stats_read(host->engine, &stats);
	if (stats.tasks < made || stats.runs < stats.tasks)
		b_die("%s: tasks are missing", run->cas->bench);
	/* A run of a root, and one of a host, for each body. */
	if (stats.runs > stats.tasks + host->bodies_n)
		b_die("%s: %llu runs of %llu tasks", run->cas->bench,
		      (unsigned long long)stats.runs, (unsigned long long)stats.tasks);
}

static void host_teardown(struct b_run *run)
{
	struct host *host = run->state;

	(void)give_order(host, UINT64_MAX);
	if (pawl_engine_wait_idle(host->engine, PAWL_FOREVER))
		b_die("an engine is not idle");
	host_check(run, host);
	/* New tasks are what was made between the two looks; the run of who called them is over. */
	if (host->bodies[0].next)
		b_extra(run, "bytes_task",
			((double)b_heap_bytes() - (double)host->heap) /
				(double)host->bodies[0].next);
	b_engine_close(host->engine);
	free(host);
	b_engine_leave(NULL);
}

/* ---- calls ------------------------------------------------------------------------- */

static int leaf_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n;

	memcpy(&n, args, sizeof(n));
	return b_give(context, n, ret_output);
}

const struct pawl_function b_leaf = {sizeof(b_leaf), "leaf",	       1,    0,
				     leaf_body,	     sizeof(uint64_t), NULL, 0};

static void nothing(struct pawl_context *context, struct body *body)
{
	(void)context;
	(void)body;
}

static void call_all(struct pawl_context *context, struct body *body)
{
	for (uint64_t i = 0; i < body->host->keys; i++)
		b_use(b_read(context, b_call(context, &b_leaf, &i), 0));
}

static void hits(struct pawl_context *context, struct body *body, uint64_t n)
{
	uint64_t keys = body->host->keys;

	for (uint64_t i = 0, key = 0; i < n; i++) {
		b_use(b_call(context, &b_leaf, &key).pawl_bits);
		key = key + 1 == keys ? 0 : key + 1;
	}
}

static void hits_read(struct pawl_context *context, struct body *body, uint64_t n)
{
	uint64_t keys = body->host->keys;

	for (uint64_t i = 0, key = 0; i < n; i++) {
		body->sum += b_read(context, b_call(context, &b_leaf, &key), 0);
		key = key + 1 == keys ? 0 : key + 1;
	}
}

static uint64_t sum_of_hits(const struct body *body, uint64_t n)
{
	return b_sum_turns(body->host->keys, n);
}

static void creates(struct pawl_context *context, struct body *body, uint64_t n)
{
	for (; n--; body->next++)
		body->sum += b_read(context, b_call(context, &b_leaf, &body->next), 0);
}

static uint64_t sum_of_new(const struct body *body, uint64_t n)
{
	return b_sum(body->next - n, n);
}

/* All called before the first is read. */
static void all_first(struct pawl_context *context, struct body *body, uint64_t n,
		      const struct pawl_function *function)
{
	pawl_ref_t *refs = b_alloc(n * sizeof(*refs));
	struct b_two args = {body->next, body->busy_ns};

	for (uint64_t i = 0; i < n; i++, args.a++)
		refs[i] = b_call(context, function, &args);
	for (uint64_t i = 0; i < n; i++)
		body->sum += b_read(context, refs[i], 0);
	body->next = args.a;
	free(refs);
}

static void creates_first(struct pawl_context *context, struct body *body, uint64_t n)
{
	all_first(context, body, n, &b_leaf);
}

/* ---- bodies that take a while ------------------------------------------------------------ */

static int busy_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	b_spin_ns(((const struct b_two *)args)->b);
	return leaf_body(context, args, ret_output);
}

const struct pawl_function b_busy = B_FUNCTION(busy, 0);

static void creates_busy(struct pawl_context *context, struct body *body, uint64_t n)
{
	struct b_two args = {body->next, body->busy_ns};

	for (; n--; args.a++)
		body->sum += b_read(context, b_call(context, &b_busy, &args), 0);
	body->next = args.a;
}

static void busy_first(struct pawl_context *context, struct body *body, uint64_t n)
{
	all_first(context, body, n, &b_busy);
}

/* Without an engine: what of the rows is the body. */
static void direct_work(struct b_worker *w, uint64_t n)
{
	uint64_t ns = param(w->run, "\"us\"") * 1000;

	while (n--)
		b_spin_ns(ns);
}

/* ---- an engine itself ---------------------------------------------------------------------- */

static void open_work(struct b_worker *w, uint64_t n)
{
	while (n--)
		b_engine_close(b_engine_open((unsigned)param(w->run, "\"workers\"")));
}

static const struct order order_hits = {call_all, hits, NULL};
static const struct order order_hits_read = {call_all, hits_read, sum_of_hits};
static const struct order order_creates = {nothing, creates, sum_of_new};
static const struct order order_first = {nothing, creates_first, sum_of_new};
static const struct order order_busy = {nothing, creates_busy, sum_of_new};
static const struct order order_busy_first = {nothing, busy_first, sum_of_new};

#ifdef ENG_WITHOUT_MARKS
#define OURS "pawl-unmarked"
#else
#define OURS "pawl"
#endif
#define HOST(BENCH, PARAMS, COUNT, ORDER) \
	{.bench = BENCH,                  \
	 .contender = OURS,               \
	 .params = PARAMS,                \
	 .count = COUNT,                  \
	 .arg = (uintptr_t) & (ORDER),    \
	 .anywhere = true,                \
	 .threads = 1,                    \
	 .setup = host_setup,             \
	 .enter = b_engine_enter,         \
	 .work = host_work,               \
	 .leave = b_engine_leave,         \
	 .teardown = host_teardown},
#define DIRECT(BENCH, PARAMS, COUNT) \
	{.bench = BENCH,             \
	 .contender = "(direct)",    \
	 .params = PARAMS,           \
	 .count = COUNT,             \
	 .anywhere = true,           \
	 .threads = 1,               \
	 .work = direct_work},
#define OPEN(PARAMS)              \
	{.bench = "engine-open",  \
	 .contender = "pawl",     \
	 .params = PARAMS,        \
	 .anywhere = true,        \
	 .threads = 1,            \
	 .enter = b_engine_enter, \
	 .work = open_work,       \
	 .leave = b_engine_leave},
#define HITS(PARAMS, COUNT)	 HOST("call-hit", PARAMS, COUNT, order_hits)
#define HITS_READ(PARAMS, COUNT) HOST("hit-read", PARAMS, COUNT, order_hits_read)
#define CREATES(PARAMS, COUNT)	 HOST("create-read", PARAMS, COUNT, order_creates)
#define FIRST(PARAMS, COUNT)	 HOST("create-all-read", PARAMS, COUNT, order_first)
#define OVERHEAD(PARAMS, COUNT) \
	HOST("overhead", PARAMS, COUNT, order_busy) DIRECT("overhead", PARAMS, COUNT)
#define PARALLEL(PARAMS, COUNT) HOST("overhead-parallel", PARAMS, COUNT, order_busy_first)

/* clang-format off */
static struct b_case cases[] = {
	B_HIT_CASES(HITS)
	B_HIT_CASES(HITS_READ)
	B_HIT_BODIES_CASES(HITS)
	B_HIT_BODIES_CASES(HITS_READ)
	B_CREATE_CASES(CREATES)
	B_CREATE_FIRST_CASES(FIRST)
	B_OVERHEAD_CASES(OVERHEAD)
	B_PARALLEL_CASES(PARALLEL)
	OPEN("\"workers\":1")
	OPEN("\"workers\":2")
};
/* clang-format on */
B_CASES(cases)

/* ---- the list ------------------------------------------------------------------------- */

#define BENCH(NAME, TEXT)                                                          \
	{                                                                          \
		.name = (NAME), .text = (TEXT), .mode = B_ROUNDS, .threads_max = 1 \
	}

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
#ifdef ENG_WITHOUT_MARKS
		BENCH("hit-read", "the same, and reads its number"),
#else
		BENCH("call-hit", "a running task calls what it has called before"),
		BENCH("hit-read", "the same, and reads its number"),
		BENCH("create-read",
		      "a call of a new task that does not wait, which runs, and its number"),
		BENCH("create-all-read", "the same, all called before the first is read"),
		BENCH("overhead",
		      "a busy body as a new task: what is above (direct) is the task"),
		BENCH("overhead-parallel", "the same, all called before the first is read"),
		BENCH("engine-open", "opening an engine and closing it"),
		BENCH("fibonacci",
		      "a task of chains of fibonacci numbers, making the engine included"),
		BENCH("chain", "the same, of one long chain"),
		BENCH("rectangle",
		      "a task of a square, each reads two others, making the engine included"),
		BENCH("rectangle-corner",
		      "the same, one corner is asked for, tasks as any other"),
		BENCH("fan", "one of many tasks that one task reads, or a leaf of theirs"),
		BENCH("children", "one of many tasks that one task calls and does not read"),
		BENCH("attach", "a new task calls a settled one that has so many children"),
		BENCH("attach-first", "the first of those, and the visit that asks for it"),
		BENCH("invalidate",
		      "one reader of an input that changes, a task reads them all"),
		BENCH("invalidate-apart", "the same, nobody reads the readers"),
		BENCH("edit-tree", "a leaf of a tree of tasks changes: its new sum"),
		BENCH("edit-equal", "a leaf runs and has the value it had: the same sum"),
		BENCH("diamonds", "a task of layers that read the layer below, after a change"),
		BENCH("diamonds-uneven", "the same, some read further down"),
		BENCH("memory-fibonacci",
		      "bytes of a task; of the process; left over when all is closed"),
		BENCH("memory-fan", "the same of a wide graph"),
#endif
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
