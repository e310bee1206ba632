/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - the driver: which edge is asked for next.
 *
 * The engine would run everything below a target that is asked for, in its own order, and each body that waits for
 * another has a stack. The driver asks for edges one by one instead: when those that they need are done, the one on
 * the longest way to a target first, as many at a time as there are slots. So bodies hardly ever wait but for their
 * command, memory does not grow with what is ready, and the order is by the durations of earlier runs. What a body
 * finds out that it needs beside that (dyndep files, depfiles) it asks the engine for.
 *
 * The main thread sleeps in poll() meanwhile: for signals, the end, and the clock of the line in place.
 */
#include "build.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Under the build's lock. */
struct run {
	struct build *b;
	uint32_t *heap; /* edges that are ready, the longest way first */
	size_t heap_n, heap_room;
	uint32_t **held; /* by pool: ready, but as many as it may be were asked for */
	size_t *held_n, *held_room;
	unsigned *asked;		/* by pool */
	uint32_t *waiters_at, *waiters; /* by edge: who waits for it */
	size_t open;			/* edges that were asked for, and are not done */
	int done_fd;
	bool over;
};

/* ---- ready ---------------------------------------------------------------------------------- */

static bool heap_before(const struct run *run, uint32_t a, uint32_t b)
{
	const struct edge *edges = run->b->plan.edges;

	return edges[a].cost_ns != edges[b].cost_ns ? edges[a].cost_ns > edges[b].cost_ns
						    : a < b;
}

static void heap_push(struct run *run, uint32_t edge)
{
	size_t at;

	BUILD_GROW(run->heap, run->heap_n, run->heap_room);
	at = run->heap_n++;
	for (; at && heap_before(run, edge, run->heap[(at - 1) / 2]); at = (at - 1) / 2)
		run->heap[at] = run->heap[(at - 1) / 2];
	run->heap[at] = edge;
}

static uint32_t heap_pop(struct run *run)
{
	uint32_t top = run->heap[0], last = run->heap[--run->heap_n];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < run->heap_n) {
		if (child + 1 < run->heap_n &&
		    heap_before(run, run->heap[child + 1], run->heap[child]))
			child++;
		if (!heap_before(run, run->heap[child], last))
			break;
		run->heap[at] = run->heap[child];
		at = child;
	}
	run->heap[at] = last;
	return top;
}

static bool scheduled(const struct edge *edge)
{
	return edge->state == EDGE_DIRTY || edge->state == EDGE_MAYBE;
}

/* fn for each edge that this one waits for, as often as it reads of it. */
static void below_each(struct run *run, uint32_t edge,
		       void (*fn)(struct run *run, uint32_t edge, uint32_t below))
{
	const struct plan *plan = &run->b->plan;
	uint32_t file;

	for (size_t i = 0; (file = plan_read(plan, edge, i)) != MF_NONE; i++) {
		uint32_t below = plan_producer(plan, file);

		if (below != MF_NONE && below != edge && scheduled(&plan->edges[below]))
			fn(run, edge, below);
	}
}

static void below_count(struct run *run, uint32_t edge, uint32_t below)
{
	/* A ring by way of what was once read: one of them goes first. */
	if (run->b->plan.edges[below].pending != UINT32_MAX)
		return;
	run->waiters_at[below]++;
	run->b->plan.edges[edge].cost_ns++;
}

static void below_fill(struct run *run, uint32_t edge, uint32_t below)
{
	if (run->b->plan.edges[below].pending != UINT32_MAX)
		return;
	run->waiters[--run->waiters_at[below]] = edge;
}

/*
 * Who waits for whom. `order` has those below first; an edge counts from when it was passed, so that a wait is never for
 * one behind. `pending` is the mark meanwhile, `cost_ns` the count.
 */
static void run_edges(struct run *run)
{
	struct plan *plan = &run->b->plan;
	size_t all = 0;

	run->waiters_at = build_alloc((plan->m->n_edges + 1) * sizeof(*run->waiters_at));
	for (size_t i = 0; i < plan->order_n; i++) {
		struct edge *e = &plan->edges[plan->order[i]];

		e->cost_ns = 0;
		e->pending = 0;
		if (!scheduled(e))
			continue;
		below_each(run, plan->order[i], below_count);
		e->pending = UINT32_MAX;
	}
	for (uint32_t i = 0; i <= plan->m->n_edges; i++) {
		all += run->waiters_at[i];
		run->waiters_at[i] = (uint32_t)all;
	}
	run->waiters = build_realloc(NULL, all * sizeof(*run->waiters));
	for (size_t i = 0; i < plan->order_n; i++)
		plan->edges[plan->order[i]].pending = 0;
	for (size_t i = 0; i < plan->order_n; i++) {
		struct edge *e = &plan->edges[plan->order[i]];

		if (!scheduled(e))
			continue;
		below_each(run, plan->order[i], below_fill);
		e->pending = UINT32_MAX;
	}
	for (size_t i = 0; i < plan->order_n; i++) {
		struct edge *e = &plan->edges[plan->order[i]];

		e->pending = (uint32_t)e->cost_ns;
	}
}

/* Of a command that never ran nobody knows anything: it counts as one of some length. */
#define COST_UNKNOWN_NS 100000000u

static void run_costs(struct run *run)
{
	struct plan *plan = &run->b->plan;

	for (size_t i = plan->order_n; i--;) {
		uint32_t edge = plan->order[i];
		struct edge *e = &plan->edges[edge];
		uint64_t longest = 0;

		if (!scheduled(e))
			continue;
		for (uint32_t at = run->waiters_at[edge]; at < run->waiters_at[edge + 1];
		     at++) {
			uint64_t cost = plan->edges[run->waiters[at]].cost_ns;

			longest = cost > longest ? cost : longest;
		}
		e->cost_ns = longest;
		if (!e->phony)
			e->cost_ns += e->has_trace ? e->duration_ns : COST_UNKNOWN_NS;
	}
}

/* ---- asking ----------------------------------------------------------------------------------- */

struct ask {
	struct run *run;
	uint32_t edge;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	struct build_edge_args args = {ask->edge};
	struct pawl_value *value;
	pawl_ref_t ref;
	int error = pawl_call(context, &build_edge_function, &args, &ref);

	if (!error)
		error = pawl_read(context, ref, 0, &value, NULL);
	if (!error)
		pawl_value_unpin(value);
	return error;
}

static void run_next(struct run *run);

/* Those that waited for it alone are ready. Phony ones are done by that: who reads one has the engine put it together. */
static void done_locked(struct run *run, uint32_t edge)
{
	struct build *b = run->b;
	uint32_t *todo = NULL;
	size_t n = 0, room = 0;

	BUILD_GROW(todo, n, room);
	todo[n++] = edge;
	while (n) {
		uint32_t from = todo[--n];

		for (uint32_t at = run->waiters_at[from]; at < run->waiters_at[from + 1];
		     at++) {
			uint32_t next = run->waiters[at];
			struct edge *e = &b->plan.edges[next];

			if (--e->pending)
				continue;
			if (!e->phony) {
				heap_push(run, next);
				continue;
			}
			BUILD_GROW(todo, n, room);
			todo[n++] = next;
		}
	}
	free(todo);
}

static void ask_done(struct run *run, uint32_t edge, bool good)
{
	struct build *b = run->b;
	uint32_t pool = b->m->edges[edge].pool;
	uint64_t one = 1;

	pthread_mutex_lock(&b->lock);
	run->open--;
	run->asked[pool]--;
	while (run->held_n[pool] && b->m->pools[pool].depth > run->asked[pool]) {
		heap_push(run, run->held[pool][--run->held_n[pool]]);
		break;
	}
	if (good) {
		done_locked(run, edge);
	} else {
		b->broken++;
		if (b->plan.edges[edge].result == EDGE_FAILED && b->failures_left)
			b->failures_left--;
	}
	pthread_mutex_unlock(&b->lock);
	run_next(run);
	pthread_mutex_lock(&b->lock);
	if (!run->open && !run->over) {
		run->over = true;
		(void)!write(run->done_fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&b->lock);
}

static int ask_body(void *arg, void **ret_value)
{
	struct ask *ask = arg;
	struct build *b = ask->run->b;
	struct edge *e = &b->plan.edges[ask->edge];
	int error = pawl_engine_run(b->engine, ask_visit, ask);

	(void)ret_value;
	if (error && e->result == EDGE_OPEN) {
		/* The engine itself could not: no memory, or tasks that wait for each other. */
		status_say(b->status, "error", "%s: %s",
			   mf_path(b->m, mf_outs(b->m, ask->edge).at[0]),
			   error == -PAWL_ETASK ? "waits for itself" : strerror(-error));
		pthread_mutex_lock(&b->lock);
		e->result = EDGE_FAILED;
		b->failed++;
		pthread_mutex_unlock(&b->lock);
	}
	ask_done(ask->run, ask->edge, !error);
	free(ask);
	return 0;
}

/* One goes on in any case: what was asked for counts, its command may not have begun. */
static bool loaded(const struct run *run)
{
	double load = 0;

	return run->b->options->load > 0 && run->open && getloadavg(&load, 1) == 1 &&
	       load > run->b->options->load;
}

/* The next edge to ask for; MF_NONE: none now. */
static uint32_t next_locked(struct run *run)
{
	struct build *b = run->b;

	while (run->heap_n && run->open < b->slots && b->failures_left &&
	       !command_stopped(&b->stop) && !loaded(run)) {
		uint32_t edge = heap_pop(run), pool = b->m->edges[edge].pool;
		uint32_t depth = b->m->pools[pool].depth;

		if (depth && run->asked[pool] >= depth) {
			BUILD_GROW(run->held[pool], run->held_n[pool], run->held_room[pool]);
			run->held[pool][run->held_n[pool]++] = edge;
			continue;
		}
		run->asked[pool]++;
		run->open++;
		return edge;
	}
	return MF_NONE;
}

static void run_next(struct run *run)
{
	struct build *b = run->b;

	for (;;) {
		struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
		struct ask *ask;
		uint32_t edge;

		pthread_mutex_lock(&b->lock);
		edge = next_locked(run);
		pthread_mutex_unlock(&b->lock);
		if (edge == MF_NONE)
			return;
		ask = build_realloc(NULL, sizeof(*ask));
		*ask = (struct ask){run, edge};
		options.name = "edge";
		if (pawl_spawn(pawl_runtime_root(b->runtime), &options, ask_body, ask, NULL))
			build_out_of_memory();
	}
}

/* ---- the main thread -------------------------------------------------------------------------- */

#define AGAIN_NS 500000000u

static void signals_take(struct build *b, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		uint64_t now = build_now_ns();

		if (info.ssi_signo == SIGWINCH) {
			status_tick(b->status);
			continue;
		}
		/* One request may come as several signals: timeout(1) sends two. */
		if (command_stopped(&b->stop) && now - b->stopped_ns < AGAIN_NS)
			continue;
		b->stopped_ns = now;
		command_stop_ask(&b->stop, (int)info.ssi_signo);
	}
}

static void run_watch(struct run *run, int signal_fd)
{
	struct build *b = run->b;
	struct pollfd fds[] = {{signal_fd, POLLIN, 0}, {run->done_fd, POLLIN, 0}};
	int every = status_terminal(b->status) ? 100 : b->options->load > 0 ? 1000 : -1;

	for (;;) {
		int n = poll(fds, 2, every);

		if (n > 0 && fds[0].revents)
			signals_take(b, signal_fd);
		if (n > 0 && fds[1].revents)
			break;
		if (n)
			continue;
		status_tick(b->status);
		if (b->options->load > 0)
			run_next(run);
	}
	/* Behind all who have done something: a descriptor that can be read orders nothing. */
	pthread_mutex_lock(&b->lock);
	pthread_mutex_unlock(&b->lock);
}

static int signals_open(sigset_t *ret_before)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	struct sigaction now;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* nohup has its way. */
		if (!sigaction(signals[i], NULL, &now) && now.sa_handler == SIG_IGN)
			continue;
		sigaddset(&set, signals[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, ret_before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- from end to end --------------------------------------------------------------------------- */

static int engine_open(struct build *b)
{
	static const struct pawl_function *const functions[] = {&build_edge_function};
	static const struct pawl_value_type *const types[] = {&build_outs_type};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	int error;

	options.functions = functions;
	options.functions_n = 1;
	options.types = types;
	options.types_n = 1;
	error = pawl_engine_open(&options, &b->engine);
	if (!error)
		b->runtime = pawl_engine_runtime(b->engine);
	return error;
}

static void run_init(struct build *b, struct run *run)
{
	const struct plan *plan = &b->plan;
	size_t pools = plan->m->n_pools;

	*run = (struct run){.b = b, .done_fd = eventfd(0, EFD_CLOEXEC)};
	run->held = build_alloc(pools * sizeof(*run->held));
	run->held_n = build_alloc(pools * sizeof(*run->held_n));
	run->held_room = build_alloc(pools * sizeof(*run->held_room));
	run->asked = build_alloc(pools * sizeof(*run->asked));
	b->pools = build_alloc(pools * sizeof(*b->pools));
	b->slots = b->options->jobs ? b->options->jobs : build_processors() + 2;
	b->running = 0;
	b->failures_left = b->options->failures ? b->options->failures : UINT32_MAX;
	pawl_event_init(&b->slot);
	run_edges(run);
	run_costs(run);
}

static void run_fini(struct build *b, struct run *run)
{
	for (uint32_t i = 0; i < b->m->n_pools; i++)
		free(run->held[i]);
	free(run->held);
	free(run->held_n);
	free(run->held_room);
	free(run->asked);
	free(run->heap);
	free(run->waiters);
	free(run->waiters_at);
	free(b->pools);
	b->pools = NULL;
	if (run->done_fd >= 0)
		close(run->done_fd);
}

/* The marks of all that may be run, on the disk. */
static void run_plan(struct build *b)
{
	const struct plan *plan = &b->plan;
	uint32_t *numbers = build_realloc(NULL, plan->order_n * sizeof(*numbers));
	size_t n = 0;
	int error;

	for (size_t i = 0; i < plan->order_n; i++) {
		uint32_t edge = plan->order[i];

		if (scheduled(&plan->edges[edge]) && !plan->edges[edge].phony)
			numbers[n++] = build_number(b, mf_outs(plan->m, edge).at[0]);
	}
	error = journal_plan(plan->journal, numbers, n);
	free(numbers);
	if (error)
		build_state_broken(b, error);
}

/* What waits for nothing. */
static void run_first(struct run *run)
{
	struct plan *plan = &run->b->plan;

	pthread_mutex_lock(&run->b->lock);
	for (size_t i = 0; i < plan->order_n; i++) {
		struct edge *e = &plan->edges[plan->order[i]];

		if (!scheduled(e) || e->pending)
			continue;
		if (!e->phony)
			heap_push(run, plan->order[i]);
	}
	pthread_mutex_unlock(&run->b->lock);
}

static int run_result(struct build *b, struct run *run)
{
	if (command_stopped(&b->stop))
		return -EINTR;
	if (b->failed || b->broken)
		return -EIO;
	(void)run;
	return 0;
}

int build_plan_run(struct build *b)
{
	struct run run;
	sigset_t before;
	int error = engine_open(b), signal_fd;
	bool over;

	if (error)
		return error;
	build_edges_of(b);
	run_init(b, &run);
	b->run = &run;
	signal_fd = signals_open(&before);
	status_total(b->status, b->plan.dirty + b->plan.maybe);
	run_plan(b);
	run_first(&run);
	run_next(&run);
	/* Nothing could begin; or all is done by now. Else who finishes the last one tells. */
	pthread_mutex_lock(&b->lock);
	run.over |= !run.open;
	over = run.over;
	pthread_mutex_unlock(&b->lock);
	if (!over)
		run_watch(&run, signal_fd);
	error = pawl_engine_close(b->engine);
	b->engine = NULL;
	(void)journal_done(b->plan.journal);
	signals_take(b, signal_fd);
	if (signal_fd >= 0)
		close(signal_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		error = run_result(b, &run);
	run_fini(b, &run);
	b->run = NULL;
	return error;
}
