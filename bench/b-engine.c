/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-engine.c - the incremental engine: what calls cost, and the list of benches. Graphs are in
 * b-engine-graphs.c.
 *
 * Calls are made by a running task, as programs do: a body that waits for orders, "do n of these", so
 * that it may make its first calls before the clock runs. An order costs two switches, for the whole
 * batch.
 */
#include "engine-ours.h"

#include <stdlib.h>
#include <time.h>

#include <pawl/event.h>

/* ---- engines --------------------------------------------------------------------- */

const struct pawl_value_type b_number = PAWL_VALUE_TYPE("number");

struct pawl_engine *b_engine_open(void)
{
	static const struct pawl_value_type *const types[] = {&b_number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	const struct pawl_function *functions[16] = {&b_leaf, &b_host, &b_busy};
	struct pawl_engine *engine;

	for (size_t i = 0; i < b_graph_functions_n; i++)
		functions[3 + i] = b_graph_functions[i];
	options.workers = 1;
	options.functions = functions;
	options.functions_n = 3 + b_graph_functions_n;
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

/* ---- a body that takes orders -------------------------------------------------------- */

struct host;

/* What a bench orders: first, not timed; n operations; both in a running task. */
struct order {
	void (*prepare)(struct pawl_context *context, struct host *host);
	void (*work)(struct pawl_context *context, struct host *host, uint64_t n);
};

struct host {
	struct pawl_engine *engine;
	const struct order *order;
	uint64_t keys; /* of different arguments */
	uint64_t next; /* argument, for those that make new ones */
	uint64_t heap; /* before */
	pawl_ref_t *refs;
	struct pawl_atomic_u64 wanted, done; /* operations; UINT64_MAX: that is all */
	struct pawl_event order_given, order_done;
	struct pawl_atomic_u32 over;
};

static bool is_wanted(const void *arg)
{
	const struct host *host = arg;

	return pawl_load_acquire(&host->wanted) != pawl_load_relaxed(&host->done);
}

static bool is_done(const void *arg)
{
	const struct host *host = arg;

	return pawl_load_acquire(&host->done) == pawl_load_relaxed(&host->wanted);
}

static void wait_for(struct pawl_event *event, bool (*holds)(const void *arg),
		     struct host *host)
{
	while (!holds(host)) {
		struct pawl_listener listener;

		pawl_event_listen(event, &listener, "bench", 0);
		if (holds(host))
			pawl_event_unlisten(&listener);
		else if (pawl_wait(&listener, PAWL_FOREVER))
			b_die("a wait failed");
	}
}

static int host_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct host *host;
	uint64_t wanted;

	memcpy(&host, args, sizeof(host));
	host->order->prepare(context, host);
	for (;;) {
		/* Release: what was done is there for who gave the order. */
		pawl_store_release(&host->done, pawl_load_relaxed(&host->wanted));
		pawl_event_notify_all(&host->order_done);
		wait_for(&host->order_given, is_wanted, host);
		wanted = pawl_load_acquire(&host->wanted);
		if (wanted == UINT64_MAX)
			break;
		host->order->work(context, host, wanted - pawl_load_relaxed(&host->done));
	}
	return b_give(context, 0, ret_output);
}

const struct pawl_function b_host = {sizeof(b_host),	    "host", 1, 0, host_body,
				     sizeof(struct host *), NULL,   0};

static void give_order(struct host *host, uint64_t n)
{
	pawl_store_release(&host->wanted,
			   n ? pawl_load_relaxed(&host->wanted) + n : UINT64_MAX);
	pawl_event_notify_all(&host->order_given);
}

static int host_root(struct pawl_context *context, const void *arg, pawl_ref_t *ret_output)
{
	struct host *host = (struct host *)(uintptr_t)arg;

	b_use(b_read(context, b_call(context, &b_host, &host), 0));
	pawl_store_release(&host->over, 1u);
	return b_give(context, 0, ret_output);
}

static int host_setup(struct b_run *run)
{
	struct host *host = b_alloc(sizeof(*host));
	pawl_ref_t root;

	if (pawl_thread_attach("bench"))
		b_die("a thread was not attached");
	host->order = run->cas->arg ? (const struct order *)(uintptr_t)run->cas->arg : NULL;
	host->keys =
		run->cas->params ? strtoull(strchr(run->cas->params, ':') + 1, NULL, 10) : 1;
	host->refs = b_alloc(host->keys * sizeof(*host->refs));
	pawl_init_word(&host->wanted, 1u);
	pawl_init_word(&host->done, 0u);
	pawl_init_word(&host->over, 0u);
	pawl_event_init(&host->order_given);
	pawl_event_init(&host->order_done);
	host->engine = b_engine_open();
	run->state = host;
	if (pawl_engine_spawn_root(host->engine, host_root, host, NULL, &root))
		b_die("no root");
	/* Its preparation. */
	wait_for(&host->order_done, is_done, host);
	host->heap = b_heap_bytes();
	return 0;
}

static void host_work(struct b_worker *w, uint64_t n)
{
	struct host *host = w->run->state;

	give_order(host, n);
	wait_for(&host->order_done, is_done, host);
}

static void host_teardown(struct b_run *run)
{
	struct host *host = run->state;

	give_order(host, 0);
	if (pawl_engine_wait_idle(host->engine, PAWL_FOREVER))
		b_die("an engine is not idle");
	/* New tasks are what was made between the two looks; the run of who called them is over. */
	if (host->next)
		b_extra(run, "bytes_task",
			(double)(b_heap_bytes() - host->heap) / (double)host->next);
	b_engine_close(host->engine);
	free(host->refs);
	free(host);
	pawl_thread_detach();
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

static void nothing(struct pawl_context *context, struct host *host)
{
	(void)context;
	(void)host;
}

static void call_all(struct pawl_context *context, struct host *host)
{
	for (uint64_t i = 0; i < host->keys; i++)
		b_use(b_read(context, b_call(context, &b_leaf, &i), 0));
}

static void hits(struct pawl_context *context, struct host *host, uint64_t n)
{
	for (uint64_t i = 0, key = 0; i < n; i++) {
		b_use(b_call(context, &b_leaf, &key).pawl_bits);
		key = key + 1 == host->keys ? 0 : key + 1;
	}
}

static void hits_read(struct pawl_context *context, struct host *host, uint64_t n)
{
	for (uint64_t i = 0, key = 0; i < n; i++) {
		b_use(b_read(context, b_call(context, &b_leaf, &key), 0));
		key = key + 1 == host->keys ? 0 : key + 1;
	}
}

static void creates(struct pawl_context *context, struct host *host, uint64_t n)
{
	while (n--) {
		b_use(b_read(context, b_call(context, &b_leaf, &host->next), 0));
		host->next++;
	}
}

/* All called before the first is read. */
static void creates_first(struct pawl_context *context, struct host *host, uint64_t n)
{
	pawl_ref_t *refs = b_alloc(n * sizeof(*refs));

	for (uint64_t i = 0; i < n; i++)
		refs[i] = b_call(context, &b_leaf, &host->next), host->next++;
	for (uint64_t i = 0; i < n; i++)
		b_use(b_read(context, refs[i], 0));
	free(refs);
}

/* What a body of a microsecond takes by itself, and as a new task each time. */
enum { BUSY_NS = 1000 };

static void busy(void)
{
	uint64_t until = b_now_ns() + BUSY_NS;

	while (b_now_ns() < until)
		;
}

static void direct_work(struct b_worker *w, uint64_t n)
{
	(void)w;
	while (n--)
		busy();
}

static int busy_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	busy();
	return leaf_body(context, args, ret_output);
}

const struct pawl_function b_busy = {sizeof(b_busy), "busy",	       1,    0,
				     busy_body,	     sizeof(uint64_t), NULL, 0};

static void creates_busy(struct pawl_context *context, struct host *host, uint64_t n)
{
	while (n--) {
		b_use(b_read(context, b_call(context, &b_busy, &host->next), 0));
		host->next++;
	}
}

static const struct order order_hits = {call_all, hits};
static const struct order order_hits_read = {call_all, hits_read};
static const struct order order_creates = {nothing, creates};
static const struct order order_first = {nothing, creates_first};
static const struct order order_busy = {nothing, creates_busy};

#define HOST(BENCH, PARAMS, ORDER)                                                          \
	{                                                                                   \
		.bench = (BENCH), .contender = "pawl", .params = (PARAMS),                  \
		.arg = (uintptr_t) & (ORDER), .setup = host_setup, .enter = b_engine_enter, \
		.work = host_work, .leave = b_engine_leave, .teardown = host_teardown       \
	}
static struct b_case cases[] = {
	HOST("call-hit", "\"keys\":1", order_hits),
	HOST("call-hit", "\"keys\":1000", order_hits),
	HOST("call-hit", "\"keys\":100000", order_hits),
	HOST("call-hit", "\"keys\":1000000", order_hits),
	HOST("hit-read", "\"keys\":1", order_hits_read),
	HOST("hit-read", "\"keys\":100000", order_hits_read),
	HOST("create-read", NULL, order_creates),
	HOST("create-all-read", NULL, order_first),
	HOST("busy-us", NULL, order_busy),
	{.bench = "busy-us", .contender = "direct", .work = direct_work},
};
B_CASES(cases)

/* ---- the list ------------------------------------------------------------------------- */

#define GRAPH(NAME, TEXT, TASKS)                                                    \
	{                                                                           \
		.name = (NAME), .text = (TEXT), .mode = B_ROUNDS, .threads_max = 1, \
		.count = (TASKS), .reps_max = (TASKS) > 100000 ? 5 : 0              \
	}
static const struct b_bench benches[] = {
	{.name = "call-hit",
	 .text = "a running task calls what it has called before",
	 .mode = B_ROUNDS,
	 .threads_max = 1,
	 .count = 1000000},
	{.name = "hit-read",
	 .text = "the same, and reads its number",
	 .mode = B_ROUNDS,
	 .threads_max = 1,
	 .count = 500000},
	{.name = "create-read",
	 .text = "a call of a new task that does not wait, which runs, and its number",
	 .mode = B_ROUNDS,
	 .threads_max = 1,
	 .count = 50000},
	{.name = "create-all-read",
	 .text = "the same, all called before the first is read",
	 .mode = B_ROUNDS,
	 .threads_max = 1,
	 .count = 50000},
	{.name = "busy-us",
	 .text = "a body of a microsecond, directly and as a new task",
	 .mode = B_ROUNDS,
	 .threads_max = 1,
	 .count = 20000},
	GRAPH("fibonacci-100", "a task of chains of fibonacci numbers to 100", 5051),
	GRAPH("fibonacci-200", "the same to 200", 20101),
	GRAPH("fibonacci-500", "to 500", 125251),
	GRAPH("fibonacci-1000", "to 1000", 500501),
	GRAPH("fibonacci-1414", "to 1414", 1000406),
	GRAPH("chain-10000", "a task of one chain of fibonacci numbers to 10,000", 10001),
	GRAPH("chain-100000", "to 100,000", 100001),
	GRAPH("rectangle-5", "a task of a rectangle of 5 by 5, each with two callers", 25),
	GRAPH("rectangle-30", "of 30 by 30", 900),
	GRAPH("rectangle-100", "of 100 by 100", 10000),
	GRAPH("rectangle-300", "of 300 by 300", 90000),
	GRAPH("children", "a child of a task that has 100,000", 100000),
	GRAPH("attach", "a new task calls a settled one", 1000),
	GRAPH("invalidate", "one of 20,000 readers of a state that changes", 20000),
	GRAPH("diamonds", "one task of 32 layers of 32, each reads three below it", 1024),
};

int main(int argc, char **argv)
{
	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
