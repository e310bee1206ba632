/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hang.c - who waits too long, for whom, and what that waits for in turn, to the end.
 *
 * While something runs, or somebody waits, all waits are looked at every hang_ns: those of bodies, as the runtime has
 * them, and those of threads (graph/waits.h). So a wait is told of when it has lasted between once and twice as long, and
 * once. From those that nobody waits for in turn one goes along: a task that waits for another one by name, for what
 * its note says, that runs, or that has not begun, since all workers are taken. All that stands in such a chain is
 * told of with it; what is left then goes round in a ring.
 *
 * That is done by a thread of its own, which sleeps until something begins: a worker may be what is wanting, and a host
 * may never step. With a clock of the program's own it is a body instead, since only bodies sleep until a time of
 * such a clock; then there is none where the runtime has a host.
 *
 * What is told is not of one moment. A wait that is over before its chain was followed to the end is told of all the
 * same: it has lasted so long.
 */
#include "config.h"

#include "hang.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/thread.h>

#include "engine.h"
#include "graph/context.h"
#include "runtime/introspect.h"
#include "runtime/thread.h"
#include "runtime/worker.h"
#include "say.h"

#define CHAIN_MOST   64
#define NOTICES_MOST 16 /* of one look; others are told of in the next one */
#define BUSY_MOST    4	/* workers that are named */

/* A body that waits. */
struct waiting {
	uint64_t id, next;	  /* tasks of the runtime; next 0: what the note says */
	uint64_t stamp, since_ns; /* the wait is the same one as long as the stamp is */
	uint64_t tag, value;
	const char *note;
	bool due, told, awaited;
};

struct all {
	struct waiting *waits;
	size_t n, capacity;
};

struct eng_hangs {
	struct pawl_engine *engine;
	uint64_t hang_ns;
	struct eng_waits waits;
	pthread_t thread;
	bool has_thread;
	struct pawl_atomic_u32 stop;
	struct all before; /* by id */
};

/* ---- looking --------------------------------------------------------------------------------- */

static void all_fini(struct all *all)
{
	pawl_mem_free(all->waits, all->capacity * sizeof(*all->waits), 0);
	*all = (struct all){NULL, 0, 0};
}

static struct waiting *add(struct all *all)
{
	if (all->n == all->capacity) {
		size_t capacity = all->capacity ? all->capacity * 2 : 64;
		struct waiting *more = eng_must_alloc(capacity * sizeof(*more));

		if (all->n)
			memcpy(more, all->waits, all->n * sizeof(*more));
		pawl_mem_free(all->waits, all->capacity * sizeof(*more), 0);
		all->waits = more;
		all->capacity = capacity;
	}
	return &all->waits[all->n++];
}

static int by_id(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct waiting *find(const struct all *all, uint64_t id)
{
	const struct waiting key = {.id = id};

	return all->n ? bsearch(&key, all->waits, all->n, sizeof(key), by_id) : NULL;
}

struct look {
	struct pawl_engine *engine;
	struct all *all;
};

static bool look_at(struct eng_task *task, uint64_t word, uint64_t id, void *arg)
{
	struct look *look = arg;
	struct pawl_engine *engine = look->engine;
	struct pawl_task_info info;
	struct waiting *wait;

	if (!eng_task_info(engine->rt, engine->group, task, word, id, &info) ||
	    info.state != PAWL_TASK_WAITING || !strncmp(info.name, "engine.", 7))
		return true;
	wait = add(look->all);
	memset(wait, 0, sizeof(*wait));
	wait->id = id;
	wait->next = info.waits_for.pawl_id;
	/* One that runs what it waits for has no stamp: then it is the number of such waits. */
	wait->stamp = pawl_load_relaxed(&task->waits_since_ns);
	wait->since_ns = wait->stamp;
	if (!wait->stamp)
		wait->stamp = UINT64_C(1) << 63 | pawl_load_relaxed(&task->waits);
	wait->tag = pawl_load_relaxed(&task->tag);
	wait->note = info.waits_note;
	wait->value = info.waits_value;
	return true;
}

/* The task of the runtime in which a task of the graph runs; 0: it does not. */
static uint64_t body_of(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = id ? eng_lock_any(graph, id) : NULL;
	struct eng_run_state *run = node ? eng_run_of(node) : NULL;
	uint64_t task = run ? run->task.pawl_id : 0;

	if (node)
		eng_unlock(node);
	return task;
}

/* A task that is waited for by no name, since it may go on for ever. */
static uint64_t read_by(struct eng_graph *graph, eng_id id)
{
	struct eng_node *node = id ? eng_lock_any(graph, id) : NULL;
	struct eng_run_state *run = node ? eng_run_of(node) : NULL;
	eng_id read = run ? pawl_load_relaxed(&run->reading) : 0;

	if (node)
		eng_unlock(node);
	return body_of(graph, read);
}

static void collect(struct eng_hangs *hangs, struct all *all)
{
	struct look look = {hangs->engine, all};
	uint64_t now_ns = eng_now(hangs->engine->rt);

	eng_tasks_each(hangs->engine->rt->tasks, look_at, &look);
	if (all->n)
		qsort(all->waits, all->n, sizeof(*all->waits), by_id);
	for (size_t i = 0; i < all->n; i++) {
		struct waiting *wait = &all->waits[i];
		const struct waiting *old = find(&hangs->before, wait->id);
		bool same = old && old->stamp == wait->stamp;

		/* Since it is known of, at least. */
		if (!wait->since_ns)
			wait->since_ns = same ? old->since_ns : now_ns;
		wait->told = same && old->told;
		wait->due = !wait->told && now_ns >= wait->since_ns &&
			    now_ns - wait->since_ns >= hangs->hang_ns;
		if (wait->due && !wait->next && wait->note && !strcmp(wait->note, "clean") &&
		    wait->tag != ENG_TAG_UNNAMED)
			wait->next = read_by(hangs->engine->graph, (eng_id)wait->tag);
	}
	for (size_t i = 0; i < all->n; i++) {
		struct waiting *wait = &all->waits[i];
		struct waiting *next = wait->due && wait->next ? find(all, wait->next) : NULL;

		if (next)
			next->awaited = true;
	}
}

/* ---- words -------------------------------------------------------------------------------------- */

struct saying {
	struct pawl_engine *engine;
	struct all *all;
	uint64_t now_ns, hang_ns;
	struct eng_say text, json, word;
	unsigned links;
};

static void saying_fini(struct saying *saying)
{
	eng_say_fini(&saying->text);
	eng_say_fini(&saying->json);
	eng_say_fini(&saying->word);
}

/* Returns: false: there is no such task any more. */
static bool info_of(struct pawl_engine *engine, uint64_t id, struct pawl_task_info *info,
		    uint64_t *ret_tag)
{
	struct eng_task *task;

	if (!id || eng_task_find(engine->rt->tasks, id, &task) ||
	    !eng_task_info(engine->rt, engine->rt->root, task, pawl_load_acquire(&task->word),
			   id, info))
		return false;
	*ret_tag = pawl_load_relaxed(&task->tag);
	return true;
}

/* Of a task of the runtime, in saying->word. */
static void name_of(struct saying *saying, uint64_t id)
{
	struct pawl_task_info info;
	uint64_t tag;

	saying->word.length = 0;
	if (!info_of(saying->engine, id, &info, &tag))
		eng_say(&saying->word, "a task");
	else if (tag && tag != ENG_TAG_UNNAMED)
		eng_say_task(&saying->word, saying->engine, (eng_id)tag);
	else
		eng_say(&saying->word, "%s#%u", info.name[0] ? info.name : "task",
			(unsigned)(id & UINT32_MAX));
}

static void name_of_thread(struct saying *saying, const struct eng_thread_wait *wait)
{
	saying->word.length = 0;
	if (wait->by)
		eng_say_task(&saying->word, saying->engine, wait->by);
	else
		eng_say(&saying->word, "thread %u", wait->slot);
}

static void json_link(struct saying *saying, const char *state, const char *note, uint64_t ns)
{
	eng_say(&saying->json, "%s{\"task\":", saying->links++ ? "," : "{\"chain\":[");
	eng_say_json(&saying->json, saying->word.data);
	eng_say(&saying->json, ",\"is\":\"%s\"", state);
	if (note) {
		eng_say(&saying->json, ",\"for\":");
		eng_say_json(&saying->json, note);
	}
	if (ns)
		eng_say(&saying->json, ",\"ns\":%" PRIu64, ns);
	eng_say(&saying->json, "}");
}

static uint64_t lasted(const struct saying *saying, uint64_t since_ns)
{
	return saying->now_ns > since_ns ? saying->now_ns - since_ns : 1;
}

/* What has the workers, where something has not begun. */
static void say_workers(struct saying *saying)
{
	struct pawl_runtime *rt = saying->engine->rt;
	unsigned n = 0;

	for (unsigned i = 0; i < eng_workers(rt) && n < BUSY_MOST; i++) {
		uint64_t id = pawl_load_relaxed(&rt->workers[i].running);

		if (!id)
			continue;
		name_of(saying, id);
		eng_say(&saying->text, "%s%s",
			n++ ? ", " : "; on workers there are: ", saying->word.data);
	}
}

static void say_editor(struct saying *saying)
{
	uint64_t editor = pawl_load_relaxed(&saying->engine->observer.waits->editor);

	eng_say(&saying->text, ", which is made by ");
	saying->word.length = 0;
	if (editor >> 32)
		eng_say(&saying->word, "thread %u", (unsigned)editor);
	else
		eng_say_task(&saying->word, saying->engine, (eng_id)editor);
	eng_say(&saying->text, "%s", saying->word.data);
}

static void say_note(struct saying *saying, const char *note, uint64_t value)
{
	eng_say(&saying->text, "%s", note ? note : "something");
	if (value)
		eng_say(&saying->text, " %" PRIu64, value);
	if (note && (!strcmp(note, "an edit") || !strcmp(note, "another edit")))
		say_editor(saying);
}

/* One that does not wait. Its name is in saying->word. */
static void say_end(struct saying *saying, uint64_t id)
{
	static const char *const states[PAWL_TASK_STATE_COUNT] = {
		"starts", "queued", "external", "runs", "waits", "ends"};
	static const char *const words[PAWL_TASK_STATE_COUNT] = {
		"is just made", "has not begun",   "is completed from outside",
		"runs",		"waits since now", "is ending"};
	struct pawl_task_info info;
	uint64_t tag;

	if (!info_of(saying->engine, id, &info, &tag)) {
		json_link(saying, "over", NULL, 0);
		eng_say(&saying->text, ", which is over by now");
		return;
	}
	json_link(saying, states[info.state], NULL, info.age_ns);
	eng_say(&saying->text, ", which %s", words[info.state]);
	if (info.age_ns) {
		eng_say(&saying->text, ", and was made ");
		eng_say_time(&saying->text, info.age_ns);
		eng_say(&saying->text, " ago");
	}
	if (info.state == PAWL_TASK_QUEUED)
		say_workers(saying);
}

/* From a task on, whose name was said. Ends: after so many, or where it was before. */
static void say_chain(struct saying *saying, uint64_t id)
{
	uint64_t seen[CHAIN_MOST], ns;

	for (unsigned n = 0; n < CHAIN_MOST; n++) {
		struct waiting *wait = find(saying->all, id);

		for (unsigned i = 0; i < n; i++) {
			if (seen[i] == id) {
				eng_say(&saying->text, ": a ring");
				return;
			}
		}
		seen[n] = id;
		name_of(saying, id);
		if (!wait) {
			say_end(saying, id);
			return;
		}
		wait->told = true;
		wait->due = false;
		ns = lasted(saying, wait->since_ns);
		/* One that runs what it waits for, and was not seen before. */
		if (wait->stamp >> 63 && ns < saying->hang_ns)
			ns = 0;
		json_link(saying, "waits", wait->next ? NULL : wait->note, ns);
		if (n)
			eng_say(&saying->text, ", which waits ");
		if (ns)
			eng_say_time(&saying->text, ns);
		eng_say(&saying->text, "%sfor ", ns ? " " : "");
		if (!wait->next) {
			say_note(saying, wait->note, wait->value);
			return;
		}
		id = wait->next;
		name_of(saying, id);
		eng_say(&saying->text, "%s", saying->word.data);
	}
	eng_say(&saying->text, ", and so on");
}

static void post(struct saying *saying)
{
	if (saying->links)
		eng_say(&saying->json, "]}");
	eng_notice(saying->engine->notices, PAWL_SEVERITY_WARNING, "engine.hang",
		   saying->json.data, "%s", saying->text.data);
	saying->text.length = saying->json.length = 0;
	saying->links = 0;
}

static void tell(struct saying *saying, const struct waiting *wait)
{
	name_of(saying, wait->id);
	eng_say(&saying->text, "%s has been waiting ", saying->word.data);
	say_chain(saying, wait->id);
	post(saying);
}

/* What goes on meanwhile, for one that waits for all of it. */
static void say_meanwhile(struct saying *saying)
{
	unsigned n = 0;

	for (size_t i = 0; i < saying->all->n && n < BUSY_MOST; i++) {
		const struct waiting *wait = &saying->all->waits[i];

		name_of(saying, wait->id);
		eng_say(&saying->text, "%s%s waits for %s", n++ ? ", " : "; meanwhile ",
			saying->word.data,
			wait->next   ? "another task"
			: wait->note ? wait->note
				     : "something");
	}
	say_workers(saying);
}

static void tell_thread(struct saying *saying, const struct eng_thread_wait *wait)
{
	uint64_t ns = lasted(saying, wait->since_ns);

	name_of_thread(saying, wait);
	eng_say(&saying->text, "%s has been waiting ", saying->word.data);
	eng_say_time(&saying->text, ns);
	eng_say(&saying->text, " for ");
	json_link(saying, "waits", wait->note, ns);
	if (wait->task.pawl_id) {
		name_of(saying, wait->task.pawl_id);
		eng_say(&saying->text, "%s", saying->word.data);
		if (find(saying->all, wait->task.pawl_id))
			eng_say(&saying->text, ", which waits ");
		say_chain(saying, wait->task.pawl_id);
	} else {
		say_note(saying, wait->note, 0);
		say_meanwhile(saying);
	}
	post(saying);
}

/* ---- one look ------------------------------------------------------------------------------------- */

/* The next one that is due. A copy: it may be over before it was told of. */
static bool next_thread(struct eng_hangs *hangs, struct eng_thread_wait *ret_wait)
{
	uint64_t now_ns = eng_now(hangs->engine->rt);
	struct eng_thread_wait *wait;
	bool found = false;

	pawl_lock_lock(&hangs->waits.lock);
	for (wait = hangs->waits.first; wait && !found; wait = wait->next) {
		found = !wait->told && now_ns >= wait->since_ns &&
			now_ns - wait->since_ns >= hangs->hang_ns;
		if (found) {
			wait->told = true;
			*ret_wait = *wait;
		}
	}
	pawl_lock_unlock(&hangs->waits.lock);
	return found;
}

static void tell_all(struct saying *saying, bool awaited, unsigned *left)
{
	for (size_t i = 0; i < saying->all->n && *left; i++) {
		const struct waiting *wait = &saying->all->waits[i];

		if (!wait->due || (wait->awaited && !awaited))
			continue;
		tell(saying, wait);
		--*left;
	}
}

static void look(struct eng_hangs *hangs)
{
	struct saying saying = {.engine = hangs->engine, .hang_ns = hangs->hang_ns};
	struct all all = {NULL, 0, 0};
	struct eng_thread_wait thread;
	unsigned left = NOTICES_MOST;

	collect(hangs, &all);
	saying.all = &all;
	saying.now_ns = eng_now(hangs->engine->rt);
	for (; left && next_thread(hangs, &thread); left--)
		tell_thread(&saying, &thread);
	tell_all(&saying, false, &left);
	tell_all(&saying, true, &left);
	saying_fini(&saying);
	all_fini(&hangs->before);
	hangs->before = all;
}

/* ---- when ------------------------------------------------------------------------------------------- */

static bool is_wanted(const void *arg)
{
	struct eng_hangs *hangs = (struct eng_hangs *)(uintptr_t)arg;
	bool any;

	if (pawl_load_relaxed(&hangs->stop) || eng_stretch_look(&hangs->engine->stretch).busy)
		return true;
	pawl_lock_lock(&hangs->waits.lock);
	any = hangs->waits.n || hangs->waits.visits;
	pawl_lock_unlock(&hangs->waits.lock);
	return any;
}

static bool is_stopped(const void *arg)
{
	return pawl_load_relaxed(&((const struct eng_hangs *)arg)->stop);
}

static void *thread_main(void *arg)
{
	struct eng_hangs *hangs = arg;
	struct pawl_event *begun = &hangs->engine->stretch.begun;

	if (pawl_thread_attach("pawl-hang"))
		return NULL;
	while (!is_stopped(hangs)) {
		(void)!eng_wait_until(begun, is_wanted, hangs, PAWL_FOREVER,
				      "the engine to run something", 0);
		(void)!eng_wait_until(begun, is_stopped, hangs,
				      pawl_deadline_in(hangs->hang_ns), "the next look", 0);
		if (!is_stopped(hangs))
			look(hangs);
	}
	pawl_thread_detach();
	return NULL;
}

static int body(void *arg, void **ret_value)
{
	struct eng_hangs *hangs = arg;
	int error = 0;

	(void)ret_value;
	/* Ends: when it is cancelled. */
	while (!error) {
		error = eng_wait_until(&hangs->engine->stretch.begun, is_wanted, hangs,
				       PAWL_FOREVER, "the engine to run something", 0);
		if (!error)
			error = pawl_sleep_until(eng_now(hangs->engine->rt) + hangs->hang_ns);
		if (!error)
			look(hangs);
	}
	return error;
}

int eng_hangs_start(struct pawl_engine *engine, uint64_t hang_ns)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;
	struct eng_hangs *hangs;
	int error;

	if (engine->rt->options.now && engine->rt->options.host)
		return 0;
	hangs = pawl_mem_zalloc(sizeof(*hangs), 0);
	if (!hangs)
		return -ENOMEM;
	hangs->engine = engine;
	hangs->hang_ns = hang_ns;
	pawl_init_word(&hangs->stop, 0u);
	eng_waits_init(&hangs->waits, &engine->stretch.begun);
	engine->observer.waits = &hangs->waits;
	engine->hangs = hangs;
	if (!engine->rt->options.now) {
		error = eng_thread_create(&hangs->thread, thread_main, hangs);
		hangs->has_thread = !error;
		return error;
	}
	options.name = "engine.hang";
	options.lane = PAWL_LANE_IDLE;
	return pawl_spawn(engine->group, &options, body, hangs, NULL);
}

void eng_hangs_stop(struct pawl_engine *engine)
{
	struct eng_hangs *hangs = engine->hangs;

	if (!hangs)
		return;
	pawl_store_relaxed(&hangs->stop, 1u);
	pawl_event_notify_all(&engine->stretch.begun);
	if (hangs->has_thread)
		pthread_join(hangs->thread, NULL);
	hangs->has_thread = false;
}

void eng_hangs_free(struct pawl_engine *engine)
{
	struct eng_hangs *hangs = engine->hangs;

	if (!hangs)
		return;
	engine->observer.waits = NULL;
	engine->hangs = NULL;
	all_fini(&hangs->before);
	pawl_mem_free(hangs, sizeof(*hangs), 0);
}
