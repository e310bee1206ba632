/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - traces: rings for what workers write down (watch.c), and their export.
 *
 * The export copies what a ring has, sorts it by time, and only then calls the program's function, which may
 * be slow: what is overwritten meanwhile was copied. Nothing has to match across events but what the
 * reader of the file matches anyway: slices are whole, and an arrow's both ends come from the one
 * event that says who spawned it, where, and when.
 *
 * Source: the "Trace Event Format" document of the Chromium project.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/trace.h>

#include "text.h"
#include "worker.h"

#define EVENTS_DEFAULT 16384u
#define EVENTS_MOST    (UINT32_C(1) << 24)

/* ---- its life ------------------------------------------------------------------- */

static struct eng_trace *trace_make(struct pawl_runtime *rt, uint64_t slots)
{
	unsigned rings = rt->worker_most + 1;
	size_t head = sizeof(struct eng_trace) + rings * sizeof(struct eng_ring);
	size_t each = eng_ring_bytes(slots, ENG_EVENT_WORDS);
	struct eng_trace *trace;
	char *memory;

	head = (head + PAWL_LINE_BYTES - 1) / PAWL_LINE_BYTES * PAWL_LINE_BYTES;
	trace = pawl_mem_zalloc(head + rings * each, PAWL_LINE_BYTES);
	if (!trace)
		return NULL;
	trace->bytes = head + rings * each;
	pawl_lock_init(&trace->lock, PAWL_LOCK_RANK_NONE);
	pawl_init_word(&trace->refs, 1u);
	trace->slots = slots;
	trace->rings = rings;
	trace->begin_ns = eng_now(rt);
	memory = (char *)trace + head;
	for (unsigned i = 0; i < trace->rings; i++)
		eng_ring_init(&trace->ring[i], (void *)(memory + i * each), slots,
			      ENG_EVENT_WORDS);
	return trace;
}

static void trace_free(struct eng_trace *trace)
{
	pawl_mem_free(trace, trace->bytes, PAWL_LINE_BYTES);
}

void eng_trace_put(struct eng_trace *trace)
{
	if (pawl_sub_acq_rel(&trace->refs, 1u) == 1)
		trace_free(trace);
}

/* No worker writes to it any more. */
static void trace_replaced(struct pawl_retire_node *node)
{
	eng_trace_put(PAWL_CONTAINER_OF(node, struct eng_trace, retire));
}

struct eng_trace *eng_trace_get(struct pawl_runtime *rt)
{
	struct eng_trace *trace;

	pawl_rcu_begin();
	trace = pawl_load_acquire(&rt->watch.trace);
	/* The runtime's own reference stays for the section. */
	if (trace)
		pawl_add_relaxed(&trace->refs, 1u);
	pawl_rcu_end();
	return trace;
}

int pawl_trace_start(struct pawl_runtime *runtime, const struct pawl_trace_options *options)
{
	static const struct pawl_trace_options defaults = PAWL_TRACE_OPTIONS_INIT;
	struct eng_trace *trace, *before;
	uint32_t events;

	if (!options)
		options = &defaults;
	if (options->size > sizeof(*options))
		return -E2BIG;
	events = options->events ? options->events : EVENTS_DEFAULT;
	if (options->size < sizeof(*options) || options->flags || events & (events - 1) ||
	    events > EVENTS_MOST)
		return -EINVAL;
	if (eng_watched(runtime) & ENG_WATCH_TRACE)
		return -EALREADY;
	trace = trace_make(runtime, events);
	if (!trace)
		return -ENOMEM;
	/* Who switches it on puts its own trace in; a moment long events go to the one before. */
	if (!eng_watch_set(runtime, ENG_WATCH_TRACE, true)) {
		trace_free(trace);
		return -EALREADY;
	}
	before = pawl_xchg_acq_rel(&runtime->watch.trace, (void *)trace);
	if (before)
		(void)pawl_retire(&before->retire, before->bytes, trace_replaced);
	return 0;
}

int pawl_trace_stop(struct pawl_runtime *runtime)
{
	return eng_watch_set(runtime, ENG_WATCH_TRACE, false) ? 0 : -EALREADY;
}

void pawl_trace_stats_read(struct pawl_runtime *runtime, struct pawl_trace_stats *ret_stats)
{
	struct eng_trace *trace = eng_trace_get(runtime);

	memset(ret_stats, 0, sizeof(*ret_stats));
	if (!trace)
		return;
	ret_stats->on = (eng_watched(runtime) & ENG_WATCH_TRACE) != 0;
	for (unsigned i = 0; i < trace->rings; i++) {
		uint64_t written = eng_ring_written(&trace->ring[i]);

		ret_stats->written += written;
		ret_stats->lost += written > trace->slots ? written - trace->slots : 0;
	}
	eng_trace_put(trace);
}

/* ---- copying and sorting ------------------------------------------------------------ */

struct export
{
	struct eng_text text;
	const struct eng_trace *trace;
	struct eng_event *events; /* trace->slots of them */
	uint64_t count, lost;
	unsigned worker;
	unsigned workers; /* there are; the others' rings are empty */
	bool any;	  /* an event was written: the next one has a comma in front */
};

static void copy_ring(struct export *export, const struct eng_ring *ring)
{
	uint64_t written = eng_ring_written(ring);
	uint64_t first = written > export->trace->slots ? written - export->trace->slots : 0;

	export->count = 0;
	for (uint64_t i = first; i < written; i++) {
		uint64_t words[ENG_EVENT_WORDS];

		if (eng_ring_read(ring, i, words))
			memcpy(&export->events[export->count++], words, sizeof(words));
	}
	export->lost += written - export->count;
	/* A body that ran before that, or a worker that slept. */
	for (uint64_t i = 0; i < export->count; i++) {
		struct eng_event *event = &export->events[i];
		uint64_t early_ns = export->trace->begin_ns - event->at_ns;

		if (event->at_ns >= export->trace->begin_ns)
			continue;
		event->at_ns = export->trace->begin_ns;
		if (event->kind != ENG_EVENT_BEGIN)
			event->length_ns -=
				early_ns < event->length_ns ? early_ns : event->length_ns;
	}
}

/* By time; of what is at one time begins come first, ends last, and outer slices before inner ones. */
static bool is_before(const struct eng_event *a, const struct eng_event *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	return a->kind != b->kind ? a->kind < b->kind : a->depth < b->depth;
}

static void sift(struct eng_event *events, uint64_t at, uint64_t count)
{
	struct eng_event moved = events[at];
	uint64_t below;

	while ((below = 2 * at + 1) < count) {
		if (below + 1 < count && is_before(&events[below], &events[below + 1]))
			below++;
		if (!is_before(&moved, &events[below]))
			break;
		events[at] = events[below];
		at = below;
	}
	events[at] = moved;
}

/* In place: heapsort. */
static void sort(struct eng_event *events, uint64_t count)
{
	for (uint64_t i = count / 2; i > 0; i--)
		sift(events, i - 1, count);
	for (uint64_t i = count; i > 1; i--) {
		struct eng_event last = events[i - 1];

		events[i - 1] = events[0];
		events[0] = last;
		sift(events, 0, i - 1);
	}
}

/* ---- writing JSON ----------------------------------------------------------------------- */

static void begin(struct export *export, const char *phase, unsigned worker)
{
	eng_text_add(&export->text, "%s\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%u",
		     export->any ? "," : "", phase, worker + 1);
	export->any = true;
}

static void add_time(struct export *export, const char *key, uint64_t ns)
{
	eng_text_add(&export->text, ",\"%s\":%llu.%03u", key, (unsigned long long)ns / 1000,
		     (unsigned)(ns % 1000));
}

static void add_at(struct export *export, uint64_t at_ns)
{
	uint64_t begin_ns = export->trace->begin_ns;

	add_time(export, "ts", at_ns > begin_ns ? at_ns - begin_ns : 0);
}

static void add_name(struct export *export, const struct eng_event *event)
{
	eng_text_add(&export->text, ",\"name\":");
	eng_text_add_json(&export->text, event->name[0] ? event->name : "task");
}

static void add_ids(struct export *export, const struct eng_event *event)
{
	eng_text_add(&export->text,
		     ",\"args\":{\"task\":\"0x%llx\",\"parent\":\"0x%llx\",\"lane\":%u",
		     (unsigned long long)event->task, (unsigned long long)event->parent,
		     event->lane);
}

static void add_waits(struct export *export, const struct eng_event *event)
{
	if (event->waits) {
		eng_text_add(&export->text, ",\"until\":");
		eng_text_add_json(&export->text, event->note[0] ? event->note : "it waits");
		eng_text_add(&export->text, ",\"value\":\"%llu\"",
			     (unsigned long long)event->value);
	} else {
		eng_text_add(&export->text, ",\"until\":\"its end\"");
	}
}

/* An end of the track that each task has by itself. */
static void add_life(struct export *export, const char *phase, uint64_t at_ns,
		     const struct eng_event *event)
{
	begin(export, phase, export->worker);
	eng_text_add(&export->text, ",\"cat\":\"task\",\"id\":\"0x%llx\"",
		     (unsigned long long)event->task);
	add_at(export, at_ns);
	add_name(export, event);
}

/* An end of the arrow from parent to child; both lie in slices of theirs. */
static void add_arrow(struct export *export, const char *phase, unsigned worker, uint64_t at_ns,
		      const struct eng_event *event)
{
	begin(export, phase, worker);
	eng_text_add(&export->text, "%s,\"cat\":\"spawn\",\"name\":\"spawn\",\"id\":\"0x%llx\"",
		     *phase == 'f' ? ",\"bp\":\"e\"" : "", (unsigned long long)event->task);
	add_at(export, at_ns);
	eng_text_add(&export->text, "}");
}

static void write_begin(struct export *export, const struct eng_event *event)
{
	uint64_t spawned_ns = event->length_ns;
	bool known = spawned_ns >= export->trace->begin_ns && spawned_ns <= event->at_ns;

	add_life(export, "b", known ? spawned_ns : event->at_ns, event);
	add_ids(export, event);
	eng_text_add(&export->text, "}}");
	if (!known || !event->spawner)
		return;
	add_arrow(export, "s", event->spawner - 1u, spawned_ns, event);
	add_arrow(export, "f", export->worker, event->at_ns, event);
}

static void write_snapshot(struct export *export, const struct eng_event *event)
{
	uint64_t quiet_ns = event->parent < event->length_ns ? event->parent : event->length_ns;

	begin(export, "X", export->worker);
	eng_text_add(&export->text, ",\"cat\":\"engine\",\"name\":\"snapshot\"");
	add_at(export, event->at_ns);
	add_time(export, "dur", event->length_ns);
	eng_text_add(&export->text, ",\"args\":{\"reason\":");
	eng_text_add_json(&export->text, event->note);
	eng_text_add(&export->text,
		     ",\"snapshot_ms\":%.3f,\"persist_ms\":%.3f,\"tasks\":%llu}}",
		     (double)quiet_ns / 1e6, (double)(event->length_ns - quiet_ns) / 1e6,
		     (unsigned long long)event->value);
}

static void write_event(struct export *export, const struct eng_event *event)
{
	static const char *const outcomes[ENG_OUTCOME_COUNT] = {
		"none", "completed", "failed", "cancelled", "aborted", "stuck"};

	switch (event->kind) {
	case ENG_EVENT_BEGIN:
		write_begin(export, event);
		break;
	case ENG_EVENT_SLICE:
		begin(export, "X", export->worker);
		eng_text_add(&export->text, ",\"cat\":\"run\"");
		add_at(export, event->at_ns);
		add_time(export, "dur", event->length_ns);
		add_name(export, event);
		add_ids(export, event);
		add_waits(export, event);
		eng_text_add(&export->text, "}}");
		break;
	case ENG_EVENT_END:
		add_life(export, "e", event->at_ns, event);
		eng_text_add(&export->text, ",\"args\":{\"outcome\":\"%s\"}}",
			     outcomes[event->outcome % ENG_OUTCOME_COUNT]);
		break;
	case ENG_EVENT_STOLE:
		begin(export, "i", export->worker);
		eng_text_add(&export->text,
			     ",\"s\":\"t\",\"cat\":\"worker\",\"name\":\"steals\"");
		add_at(export, event->at_ns);
		add_ids(export, event);
		eng_text_add(&export->text, "}}");
		break;
	case ENG_EVENT_SNAPSHOT:
		write_snapshot(export, event);
		break;
	default:
		begin(export, "X", export->worker);
		eng_text_add(&export->text, ",\"cat\":\"worker\",\"name\":\"sleeps\"");
		add_at(export, event->at_ns);
		add_time(export, "dur", event->length_ns);
		eng_text_add(&export->text, "}");
		break;
	}
}

static void write_names(struct export *export)
{
	begin(export, "M", 0);
	eng_text_add(&export->text, ",\"name\":\"process_name\",\"args\":{\"name\":\"pawl\"}}");
	for (unsigned i = 0; i < export->workers; i++) {
		begin(export, "M", i);
		eng_text_add(&export->text,
			     ",\"name\":\"thread_name\",\"args\":{\"name\":\"worker %u\"}}", i);
		begin(export, "M", i);
		eng_text_add(&export->text,
			     ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}}",
			     i);
	}
}

static void write_ring(struct export *export, unsigned ring, unsigned number)
{
	export->worker = number;
	copy_ring(export, &export->trace->ring[ring]);
	sort(export->events, export->count);
	if (ring + 1 == export->trace->rings && export->count) {
		begin(export, "M", number);
		eng_text_add(&export->text,
			     ",\"name\":\"thread_name\",\"args\":{\"name\":\"snapshots\"}}");
	}
	for (uint64_t at = 0; at < export->count && !export->text.error; at++)
		write_event(export, &export->events[at]);
}

static int write_trace(struct export *export)
{
	eng_text_add(&export->text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	write_names(export);
	for (unsigned i = 0; i < export->workers && !export->text.error; i++)
		write_ring(export, i, i);
	if (!export->text.error)
		write_ring(export, export->trace->rings - 1, export->workers);
	eng_text_add(&export->text, "\n],\"otherData\":{\"lost\":\"%llu\"}}\n",
		     (unsigned long long)export->lost);
	return eng_text_flush(&export->text);
}

int pawl_trace_export(struct pawl_runtime *runtime, pawl_text_fn *fn, void *arg)
{
	struct eng_trace *trace = eng_trace_get(runtime);
	struct export export = {.trace = trace, .workers = eng_workers(runtime)};
	size_t bytes;
	int error;

	if (!trace)
		return -ENOENT;
	eng_text_init(&export.text, fn, arg);
	bytes = trace->slots * sizeof(*export.events);
	export.events = pawl_mem_alloc(bytes, 0);
	error = export.events ? write_trace(&export) : -ENOMEM;
	pawl_mem_free(export.events, bytes, 0);
	eng_trace_put(trace);
	return error;
}
