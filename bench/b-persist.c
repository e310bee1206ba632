/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-persist.c - what it costs that results outlive the process: snapshots of many tasks, what they do to whoever works
 * meanwhile, tasks that come back, the first answer of a new process.
 *
 * A task reads another one of its group of 1,024, with half its number there: trees of depth 10, above a leaf each that
 * depends on the outside. Its value is a number. The same bytes are put into the store in bulk by hand, and written to a file, in the same run: what the engine adds is
 * the ratio. On the disk that TMPDIR is on, or /tmp.
 */
#include "store-folder.h"

#include <errno.h>
#include <pthread.h>

#include <pawl/engine.h>
#include <pawl/inspect.h>
#include <pawl/state.h>
#include <pawl/store.h>
#include <pawl/thread.h>

#define CHUNK	500u /* tasks that are asked for in one visit */
#define HELPERS 2u
#define GROUP	1024u

enum contender { PAWL, BUSY, BESIDE, STORE, RAW, COLD };
/* Of a case. */
#define ARG(which, keys) ((which) | (uint64_t)(keys) << 8)

struct place {
	struct folder folder;
	uint64_t keys;
	struct pawl_store *store;
	struct pawl_engine *engine;
	struct pawl_state *state;
	int fd;
	/* Records of one task, on average, of what an engine saved. */
	uint64_t meta_bytes, data_bytes;
	pthread_t helpers[HELPERS];
	unsigned helpers_n;
	struct pawl_atomic_u32 enough, helped, over;
	uint64_t next; /* of who makes new tasks */
	uint64_t rate_bytes;
};

/* ---- tasks --------------------------------------------------------------------------------------- */

static const struct pawl_value_type number = {
	.size = sizeof(number), .name = "number", .version = 1, .flags = PAWL_VALUE_PLAIN};

static struct pawl_state *probed;

static int put_number(struct pawl_context *context, uint64_t n, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(&number, &n, sizeof(n), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

static int get_number(struct pawl_context *context, pawl_ref_t ref, uint32_t flags,
		      uint64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (error)
		return error;
	memcpy(ret_number, pawl_value_payload(value), sizeof(*ret_number));
	pawl_value_unpin(value);
	return 0;
}

static const struct pawl_function item;

/* What it reads; itself: nothing. */
static uint64_t half(uint64_t n)
{
	return n % GROUP ? n - n % GROUP + n % GROUP / 2 : n;
}

static int item_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n, below, sum = 0;
	pawl_ref_t ref;
	int error = 0;

	memcpy(&n, args, sizeof(n));
	below = half(n);
	if (below != n) {
		error = pawl_call(context, &item, &below, &ref);
		if (!error)
			error = get_number(context, ref, 0, &sum);
	} else {
		/* What is below all: asked for again in each process. */
		pawl_mark_session_dependent(context);
	}
	return error ? error : put_number(context, sum + n, ret_output);
}
static const struct pawl_function item = {sizeof(item), "item",		  1,	0,
					  item_body,	sizeof(uint64_t), NULL, 0};

static int probe_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	uint64_t n;

	(void)args;
	must(pawl_state_get(context, probed, &value), "state");
	memcpy(&n, pawl_value_payload(value), sizeof(n));
	pawl_value_unpin(value);
	return put_number(context, n + 1, ret_output);
}
static const struct pawl_function probe = {sizeof(probe), "probe",	    1,	  0,
					   probe_body,	  sizeof(uint64_t), NULL, 0};

/* What the outside says, and is another one in each process; many read it, and one reads all of these. */
static uint64_t outside;

static int source_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_mark_session_dependent(context);
	return put_number(context, outside, ret_output);
}
static const struct pawl_function source = {sizeof(source), "source", 1,    0,
					    source_body,    0,	      NULL, 0};

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n, told;
	pawl_ref_t ref;
	int error = pawl_call(context, &source, NULL, &ref);

	memcpy(&n, args, sizeof(n));
	if (!error)
		error = get_number(context, ref, 0, &told);
	return error ? error : put_number(context, n + told, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",	      1,    0,
					    reader_body,    sizeof(uint64_t), NULL, 0};

static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	uint64_t n, one, sum = 0;
	pawl_ref_t ref;
	int error = 0;

	memcpy(&n, args, sizeof(n));
	for (uint64_t i = 0; i < n && !error; i++) {
		error = pawl_call(context, &reader, &i, &ref);
		if (!error)
			error = get_number(context, ref, 0, &one);
		sum += one;
	}
	return error ? error : put_number(context, sum, ret_output);
}
static const struct pawl_function all = {sizeof(all),	   "all", 1, 0, all_body,
					 sizeof(uint64_t), NULL,  0};

struct ask {
	const struct pawl_function *function;
	uint64_t from, to, sum;
	uint32_t flags;
};

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct ask *ask = arg;
	uint64_t n, got;
	pawl_ref_t ref;

	for (n = ask->from; n < ask->to; n++) {
		must(pawl_call(context, ask->function, &n, &ref), "call");
		must(get_number(context, ref, ask->flags, &got), "read");
		ask->sum += got;
	}
	return 0;
}

static void ask_all(struct pawl_engine *engine, uint64_t from, uint64_t to)
{
	for (; from < to; from += CHUNK) {
		struct ask ask = {&item, from, from + CHUNK < to ? from + CHUNK : to, 0, 0};

		must(pawl_engine_run(engine, ask_visit, &ask), "run");
	}
}

static uint64_t ask_one(struct pawl_engine *engine, const struct pawl_function *function,
			uint64_t n)
{
	struct ask ask = {function, n, n + 1, 0, PAWL_READ_STRONG};

	must(pawl_engine_run(engine, ask_visit, &ask), "run");
	return ask.sum;
}

/* What item(n) is: n, its half, and so on, added up. */
static uint64_t right(uint64_t n)
{
	uint64_t sum = n;

	for (; n % GROUP; sum += n)
		n = half(n);
	return sum;
}

/* ---- places -------------------------------------------------------------------------------------- */

static void open_store(struct place *p)
{
	struct pawl_store_why why;
	int error = pawl_store_open_lmdb(p->folder.path, NULL, &why, &p->store);

	if (error)
		b_die("%s: %s", p->folder.path, why.text);
}

static void open_engine(struct place *p)
{
	static const struct pawl_function *const functions[] = {&item, &probe, &source, &reader,
								&all};
	static const struct pawl_value_type *const types[] = {&number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;

	options.workers = 2;
	options.functions = functions;
	options.functions_n = sizeof(functions) / sizeof(functions[0]);
	options.types = types;
	options.types_n = 1;
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	options.store = p->store;
	must(pawl_engine_open(&options, &p->engine), "engine");
}

static void close_all(struct place *p)
{
	if (p->engine)
		must(pawl_engine_close(p->engine), "close");
	p->engine = NULL;
	pawl_store_close(p->store);
	p->store = NULL;
}

static enum contender who(const struct b_case *cas)
{
	return (enum contender)(cas->arg & 255);
}

static struct place *make(const struct b_case *cas)
{
	struct place *p = b_alloc(sizeof(*p));

	p->keys = cas->arg >> 8;
	p->fd = -1;
	folder_make(&p->folder);
	return p;
}

static void drop(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	folder_drop(&p->folder);
	free(p);
}

/* ---- snapshots ----------------------------------------------------------------------------------- */

/* Goes on making tasks, beside the others. */
static void *help(void *arg)
{
	struct place *p = arg;

	must(pawl_thread_attach("helper"), "attach");
	while (!pawl_load_relaxed(&p->enough)) {
		uint64_t from = pawl_add_relaxed(&p->helped, 50u) + 2 * p->keys;
		struct ask ask = {&item, from, from + 50, 0, 0};

		must(pawl_engine_run(p->engine, ask_visit, &ask), "run");
	}
	pawl_thread_detach();
	return NULL;
}

static int setup_dirty(struct b_run *run)
{
	struct place *p = make(run->cas);

	must(pawl_thread_attach("setup"), "attach");
	open_store(p);
	open_engine(p);
	ask_all(p->engine, 1, p->keys + 1);
	must(pawl_engine_wait_idle(p->engine, PAWL_FOREVER), "idle");
	if (who(run->cas) == BUSY) {
		for (; p->helpers_n < HELPERS; p->helpers_n++)
			must(pthread_create(&p->helpers[p->helpers_n], NULL, help, p),
			     "pthread_create");
		/* All of them have begun. */
		while (pawl_load_relaxed(&p->helped) < 50 * 10 * HELPERS)
			usleep(100);
	}
	pawl_thread_detach();
	run->state = p;
	return 0;
}

static void work_snapshot(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	uint64_t tasks, began_ns = b_now_ns();
	struct pawl_engine_store_stats stats;

	must(pawl_engine_snapshot(p->engine, &tasks), "snapshot");
	began_ns = b_now_ns() - began_ns;
	must(tasks < n, "tasks");
	must(pawl_engine_store_stats_read(p->engine, &stats), "stats");
	p->rate_bytes = stats.saved_bytes * 1000000000 / began_ns;
	/* What helpers have made is saved as well: the time of one of its tasks. */
	w->spent_ns = began_ns * n / tasks;
}

static void teardown_snapshot(struct b_run *run)
{
	struct place *p = run->state;
	struct pawl_engine_store_stats stats;

	must(pawl_thread_attach("teardown"), "attach");
	pawl_store_relaxed(&p->enough, 1u);
	while (p->helpers_n)
		pthread_join(p->helpers[--p->helpers_n], NULL);
	must(pawl_engine_store_stats_read(p->engine, &stats), "stats");
	b_extra(run, "bytes_second", (double)p->rate_bytes);
	b_extra(run, "quiet_ns", (double)stats.last_quiet_ns);
	b_extra(run, "bytes_task", (double)stats.saved_bytes / (double)stats.saved);
	b_extra(run, "bytes_entry", (double)folder_size(&p->folder) / (double)stats.saved);
	close_all(p);
	pawl_thread_detach();
	drop(p);
}

/* ---- the same bytes by hand ------------------------------------------------------------------------- */

static int add_sizes(void *arg, const struct pawl_saved_task *task)
{
	uint64_t *sizes = arg;

	sizes[0]++;
	sizes[1] += task->meta_bytes;
	sizes[2] += task->data_bytes;
	return 0;
}

/* How large records are: of 1,000 tasks. The same for all sizes, within some bytes. */
static void measure(struct place *p)
{
	static uint64_t sizes[3];
	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
	struct pawl_inspection found;
	struct pawl_store_view *view;

	if (!sizes[0]) {
		open_engine(p);
		ask_all(p->engine, 1, 1001);
		must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
		must(pawl_store_view_begin(p->store, &view), "view");
		look.task = add_sizes;
		must(pawl_inspect(view, &look, sizes, &found), "inspect");
		pawl_store_view_end(view);
		must(pawl_engine_close(p->engine), "close");
		p->engine = NULL;
	}
	p->meta_bytes = sizes[1] / sizes[0];
	p->data_bytes = sizes[2] / sizes[0];
	must(p->meta_bytes > 1000 || p->data_bytes > 1000, "sizes");
}

static int setup_bulk(struct b_run *run)
{
	struct place *p = make(run->cas), *small = make(run->cas);
	must(pawl_thread_attach("setup"), "attach");
	open_store(small);
	measure(small);
	p->meta_bytes = small->meta_bytes;
	p->data_bytes = small->data_bytes;
	close_all(small);
	drop(small);
	if (who(run->cas) == STORE)
		open_store(p);
	else
		p->fd = folder_open_file(&p->folder);
	pawl_thread_detach();
	run->state = p;
	return 0;
}

static void bulk_store(struct place *p, uint64_t n)
{
	unsigned char bytes[1008];
	struct pawl_store_batch *batch;

	must(pawl_store_begin_write(p->store, &batch), "begin");
	for (uint32_t i = 1; i <= n; i++) {
		struct pawl_store_key digest = {pawl_hash_u64(i, 1), pawl_hash_u64(i, 2)};

		fill(bytes, 1000, i);
		must(pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(i),
				    (struct pawl_slice){bytes, p->meta_bytes}),
		     "put");
		must(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(i),
				    (struct pawl_slice){bytes, p->data_bytes}),
		     "put");
		must(pawl_store_put(batch, PAWL_STORE_TYPES, digest,
				    (struct pawl_slice){&i, sizeof(i)}),
		     "put");
	}
	must(pawl_store_commit(batch, NULL, NULL), "commit");
}

static void bulk_file(struct place *p, uint64_t n)
{
	static unsigned char buffer[1 << 20];
	uint64_t left = n * (p->meta_bytes + p->data_bytes + 20), round = 0;

	while (left) {
		size_t part = left < sizeof(buffer) ? left : sizeof(buffer);

		fill(buffer, sizeof(buffer), round++);
		must(write(p->fd, buffer, part) != (ssize_t)part, "write");
		left -= part;
	}
	must(fdatasync(p->fd), "fdatasync");
}

static void work_bulk(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	uint64_t began_ns = b_now_ns();

	if (p->fd < 0)
		bulk_store(p, n);
	else
		bulk_file(p, n);
	p->rate_bytes =
		n * (p->meta_bytes + p->data_bytes + 20) * 1000000000 / (b_now_ns() - began_ns);
}

static void teardown_bulk(struct b_run *run)
{
	struct place *p = run->state;

	must(pawl_thread_attach("teardown"), "attach");
	b_extra(run, "bytes_second", (double)p->rate_bytes);
	b_extra(run, "bytes_entry", (double)folder_size(&p->folder) / (double)p->keys);
	close_all(p);
	pawl_thread_detach();
	drop(p);
}

/* ---- whoever works meanwhile ------------------------------------------------------------------------- */

static void *save(void *arg)
{
	struct place *p = arg;

	must(pawl_thread_attach("saves"), "attach");
	pawl_store_relaxed(&p->helped, 1u);
	must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
	pawl_store_release(&p->over, 1u);
	pawl_thread_detach();
	return NULL;
}

static int setup_latency(struct b_run *run)
{
	struct pawl_value *value;
	struct place *p;
	uint64_t zero = 0;

	(void)setup_dirty(run);
	p = run->state;
	must(pawl_thread_attach("setup"), "attach");
	must(pawl_value_of(&number, &zero, sizeof(zero), &value), "value");
	must(pawl_state_create(p->engine, value, &p->state), "state");
	probed = p->state;
	(void)ask_one(p->engine, &probe, 1);
	pawl_thread_detach();
	return 0;
}

/* An edit, and the answer that follows from it. */
static void one_edit(struct place *p, uint64_t n)
{
	struct pawl_value *value;

	must(pawl_value_of(&number, &n, sizeof(n), &value), "value");
	must(pawl_state_set(p->state, value), "set");
	must(ask_one(p->engine, &probe, 1) != n + 1, "answer");
}

/* All of them while the snapshot is made; `over` says if it was over before. */
static void work_latency(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	uint64_t began_ns = b_now_ns(), at_ns = began_ns, done = 0;

	if (who(w->run->cas) == BESIDE) {
		must(pthread_create(&p->helpers[0], NULL, save, p), "pthread_create");
		p->helpers_n = 1;
		while (!pawl_load_relaxed(&p->helped))
			;
	}
	/* As many as there is time for, at most n. */
	while (done < n && !pawl_load_acquire(&p->over)) {
		one_edit(p, ++p->next);
		done++;
		b_latency_add(w, b_now_ns() - at_ns);
		at_ns = b_now_ns();
	}
	w->spent_ns = done ? (at_ns - began_ns) * n / done : 1;
	p->rate_bytes = done;
}

static void teardown_latency(struct b_run *run)
{
	struct place *p = run->state;

	must(pawl_thread_attach("teardown"), "attach");
	while (p->helpers_n)
		pthread_join(p->helpers[--p->helpers_n], NULL);
	b_extra(run, "edits", (double)p->rate_bytes);
	pawl_state_unpin(p->state);
	close_all(p);
	pawl_thread_detach();
	drop(p);
}

/* ---- another process ---------------------------------------------------------------------------------- */

static int prepare_full(const struct b_case *cas, void **ret_prepared)
{
	struct place *p = make(cas);

	must(pawl_thread_attach("prepare"), "attach");
	open_store(p);
	open_engine(p);
	ask_all(p->engine, 1, p->keys + 1);
	must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
	close_all(p);
	pawl_thread_detach();
	*ret_prepared = p;
	return 0;
}

static int prepare_wide(const struct b_case *cas, void **ret_prepared)
{
	struct place *p = make(cas);

	must(pawl_thread_attach("prepare"), "attach");
	outside = 0;
	open_store(p);
	open_engine(p);
	(void)ask_one(p->engine, &all, p->keys);
	must(pawl_engine_snapshot(p->engine, NULL), "snapshot");
	close_all(p);
	pawl_thread_detach();
	*ret_prepared = p;
	return 0;
}

static void discard(void *prepared)
{
	drop(prepared);
}

static int setup_closed(struct b_run *run)
{
	struct place *p = run->state = run->prepared;

	if (who(run->cas) == COLD)
		folder_forget(&p->folder);
	return 0;
}

static int setup_opened(struct b_run *run)
{
	(void)setup_closed(run);
	must(pawl_thread_attach("setup"), "attach");
	open_store(run->state);
	open_engine(run->state);
	pawl_thread_detach();
	return 0;
}

static void work_restore(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;

	ask_all(p->engine, 1, n + 1);
}

/* The outside is another one: all that read it come back, and run. */
static void work_change(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;

	outside = ++p->next;
	must(ask_one(p->engine, &all, n) != n * (n - 1) / 2 + n * outside, "answer");
}

static void work_open(struct b_worker *w, uint64_t n)
{
	struct place *p = w->run->state;
	uint64_t began_ns = b_now_ns();

	(void)n;
	open_store(p);
	open_engine(p);
	must(ask_one(p->engine, &item, p->keys) != right(p->keys), "answer");
	w->spent_ns = b_now_ns() - began_ns;
	b_latency_add(w, w->spent_ns);
}

static void teardown_opened(struct b_run *run)
{
	struct place *p = run->state;
	struct pawl_engine_store_stats stats;

	must(pawl_thread_attach("teardown"), "attach");
	must(pawl_engine_store_stats_read(p->engine, &stats), "stats");
	b_extra(run, "restored", (double)stats.restored);
	b_extra(run, "file_bytes", (double)folder_size(&p->folder));
	close_all(p);
	pawl_thread_detach();
}

/* ---- the list ------------------------------------------------------------------------------------------ */

#define CASE(b, who_, which, n, s, w_, t)                                                      \
	{                                                                                      \
		.bench = b, .contender = who_, .params = "\"keys\":" #n, .arg = ARG(which, n), \
		.count = n, .whole = true, .anywhere = true, .setup = s, .enter = enter,       \
		.work = w_, .leave = leave, .teardown = t,                                     \
	}
#define SNAPSHOT(who_, which, n) \
	CASE("persist-snapshot", who_, which, n, setup_dirty, work_snapshot, teardown_snapshot)
#define BULK(who_, which, n) \
	CASE("persist-snapshot", who_, which, n, setup_bulk, work_bulk, teardown_bulk)
#define SNAPSHOTS(n)                                                                        \
	SNAPSHOT("pawl", PAWL, n), SNAPSHOT("pawl-busy", BUSY, n), BULK("store", STORE, n), \
		BULK("file", RAW, n)
#define LATENCY(who_, which, n) \
	CASE("persist-latency", who_, which, n, setup_latency, work_latency, teardown_latency)
#define LATENCIES(n) LATENCY("pawl", PAWL, n), LATENCY("pawl-snapshot", BESIDE, n)
#define MADE(b, who_, which, n, count_, p, s, w_)                                              \
	{                                                                                      \
		.bench = b, .contender = who_, .params = "\"keys\":" #n, .arg = ARG(which, n), \
		.count = count_, .whole = true, .anywhere = true, .prepare = p,                \
		.discard = discard, .setup = s, .enter = enter, .work = w_, .leave = leave,    \
		.teardown = teardown_opened,                                                   \
	}
#define RESTORE(who_, which, n) \
	MADE("persist-restore", who_, which, n, n, prepare_full, setup_opened, work_restore)
#define OPEN(who_, which, n) \
	MADE("persist-open", who_, which, n, 1, prepare_full, setup_closed, work_open)
#define CHANGE(who_, which, n) \
	MADE("persist-change", who_, which, n, n, prepare_wide, setup_opened, work_change)
#define RESTARTS(n)                                                                       \
	RESTORE("pawl", PAWL, n), RESTORE("pawl-cold", COLD, n), CHANGE("pawl", PAWL, n), \
		CHANGE("pawl-cold", COLD, n), OPEN("pawl", PAWL, n),                      \
		OPEN("pawl-cold", COLD, n)

static const struct b_case cases[] = {
	SNAPSHOTS(1000), SNAPSHOTS(10000), SNAPSHOTS(100000), SNAPSHOTS(1000000),
	LATENCIES(1000), LATENCIES(10000), LATENCIES(100000), LATENCIES(1000000),
	RESTARTS(1000),	 RESTARTS(10000),  RESTARTS(100000),  RESTARTS(1000000),
};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "persist-snapshot",
		 .text = "a task that is saved, of so many that were made since; one durable batch",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 1,
		 .reps_max = 3},
		{.name = "persist-latency",
		 .text = "an edit and the answer that follows, beside a snapshot of so many tasks",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 1,
		 .reps_max = 3},
		{.name = "persist-restore",
		 .text = "a task that comes back when it is asked for, of so many",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 1,
		 .reps_max = 3},
		{.name = "persist-change",
		 .text = "a task that comes back and runs, since what so many have read has changed",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 1,
		 .reps_max = 3},
		{.name = "persist-open",
		 .text = "a store and an engine opened, and one answer, of so many tasks",
		 .mode = B_ROUNDS,
		 .threads_max = 1,
		 .count = 1,
		 .reps_max = 5},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
