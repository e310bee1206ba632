/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * why.c - one task in words: what it is at, what it waits for, why it ran, and what that came from.
 *
 * Words are made of a copy that is taken under the record's lock: naming another task takes that one's lock, and a
 * thread holds one at a time. So what is said of several tasks is not of one moment.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pawl/atomic.h>
#include <pawl/engine.h>

#include "engine.h"
#include "graph/context.h"
#include "graph/registry.h"
#include "runtime/introspect.h"
#include "runtime/worker.h"
#include "say.h"

#define CHAIN_MOST 16

/* What is taken under the lock. */
struct picture {
	const char *name, *state;
	bool needs_run, runs, active, immutable, session;
	int32_t below;		  /* have to run */
	struct pawl_error *error; /* pinned; NULL: it has not failed */
	pawl_task_t task;	  /* of the runtime; NONE: it does not run */
	struct eng_history history;
	bool has_history;
};

static bool take(struct pawl_engine *engine, eng_id id, struct picture *picture)
{
	struct eng_node *node = id ? eng_lock_any(engine->graph, id) : NULL;
	struct eng_run_state *run;
	union eng_slot *slot;

	memset(picture, 0, sizeof(*picture));
	if (!node)
		return false;
	run = eng_run_of(node);
	picture->name = eng_node_name(engine->graph, node);
	picture->state = eng_state_word(node);
	picture->needs_run = eng_needs_run(node);
	picture->runs = run;
	picture->active = eng_active(node);
	picture->immutable = node->bits & ENG_IMMUTABLE;
	picture->session = node->bits & ENG_SESSION;
	if (eng_has_dirty_containers(node))
		picture->below = eng_dirty_count(node) - eng_clean_count(node);
	if (node->bits & ENG_ERROR)
		picture->error = eng_error_pin((struct pawl_error *)(uintptr_t)node->output);
	if (run && pawl_load_relaxed(&run->running))
		picture->task = run->task;
	slot = eng_field(node, ENG_HISTORY);
	if (slot) {
		picture->history = *(struct eng_history *)slot->pointer;
		picture->has_history = true;
	}
	eng_unlock(node);
	return true;
}

static void say_cell(struct eng_say *text, struct pawl_engine *engine, uint32_t cell)
{
	eng_say(text, "cell %" PRIu32 " of type %s", eng_cell_index(cell),
		eng_type_name(engine->graph->registry, eng_cell_type(cell)));
}

static void say_reason(struct eng_say *text, struct pawl_engine *engine, uint64_t number)
{
	char words[2 * ENG_REASON_SUBJECT];

	if (eng_stretch_reason(&engine->stretch, number, words, sizeof(words)))
		eng_say(text, " (%s)", words);
}

static void say_by(struct eng_say *text, struct pawl_engine *engine, eng_id by)
{
	if (!by)
		return;
	eng_say(text, " by ");
	eng_say_task(text, engine, by);
}

eng_id eng_say_cause(struct eng_say *text, struct pawl_engine *engine,
		     const struct eng_cause *cause)
{
	const struct eng_registry *registry = engine->graph->registry;

	switch ((enum eng_cause_kind)cause->kind) {
	case ENG_CAUSE_OUTPUT:
		eng_say(text, "the output of ");
		break;
	case ENG_CAUSE_CELL:
		say_cell(text, engine, (uint32_t)cause->detail);
		eng_say(text, " of ");
		break;
	case ENG_CAUSE_KEY:
		eng_say(text, "the part with key %016" PRIx64 " of a value of ", cause->detail);
		break;
	case ENG_CAUSE_COLLECTIBLES:
		eng_say(text, "what has the trait %s below ",
			eng_trait(registry, (uint32_t)cause->detail)->name);
		break;
	case ENG_CAUSE_STATE:
		eng_say(text, "a state of type %s was set",
			eng_type_name(registry, cause->task));
		say_by(text, engine, cause->by);
		say_reason(text, engine, cause->detail);
		return 0;
	case ENG_CAUSE_INVALIDATED:
		eng_say(text, "it was invalidated");
		say_by(text, engine, cause->by);
		say_reason(text, engine, cause->detail);
		return 0;
	case ENG_CAUSE_MISSING:
		eng_say_task(text, engine, cause->task);
		eng_say(text, " wanted ");
		say_cell(text, engine, (uint32_t)cause->detail);
		eng_say(text, ", whose value had left");
		return 0;
	case ENG_CAUSE_RING:
		eng_say(text, "a ring through ");
		eng_say_task(text, engine, cause->task);
		eng_say(text, " was opened");
		return 0;
	default:
		eng_say(text, "of what is not known");
		return 0;
	}
	eng_say_task(text, engine, cause->task);
	eng_say(text, " changed");
	return cause->task;
}

/* And what that came from, and so on. */
static void say_chain(struct eng_say *text, struct pawl_engine *engine,
		      const struct eng_cause *cause)
{
	eng_id from = eng_say_cause(text, engine, cause);

	for (unsigned i = 0; from && i < CHAIN_MOST; i++) {
		struct picture picture;

		if (!take(engine, from, &picture))
			return;
		eng_error_unpin(picture.error);
		if (!picture.has_history || picture.history.ran.kind == ENG_CAUSE_NONE)
			return;
		eng_say(text, ", which ran because ");
		from = eng_say_cause(text, engine, &picture.history.ran);
	}
	if (from)
		eng_say(text, ", and so on");
}

static void say_ago(struct eng_say *text, const struct pawl_engine *engine, uint64_t then_ns)
{
	uint64_t now_ns = eng_now(engine->rt);

	eng_say_time(text, now_ns > then_ns ? now_ns - then_ns : 0);
}

static void say_history(struct eng_say *text, struct pawl_engine *engine,
			const struct eng_history *history)
{
	if (history->next.kind != ENG_CAUSE_NONE) {
		eng_say(text, "; for ");
		say_ago(text, engine, history->next_ns);
		eng_say(text, " it has to run because ");
		say_chain(text, engine, &history->next);
	}
	if (!history->runs) {
		eng_say(text, "; it never ran");
		return;
	}
	eng_say(text, "; it ran %" PRIu32 " time%s, last ", history->runs,
		history->runs == 1 ? "" : "s");
	say_ago(text, engine, history->begun_ns);
	eng_say(text, " ago");
	if (history->ended_ns) {
		eng_say(text, " for ");
		eng_say_time(text, history->ended_ns - history->begun_ns);
	}
	if (history->ran.kind != ENG_CAUSE_NONE) {
		eng_say(text, ", because ");
		say_chain(text, engine, &history->ran);
	} else if (history->runs == 1) {
		eng_say(text, ", since it never had");
	}
	if (history->changed_ns) {
		eng_say(text, "; what it gives last changed ");
		say_ago(text, engine, history->changed_ns);
		eng_say(text, " ago");
	}
	if (history->stale_runs)
		eng_say(text, "; %" PRIu32 " of these were stale", history->stale_runs);
}

/* What the body sleeps for, if it does. */
static void say_wait(struct eng_say *text, struct pawl_engine *engine, pawl_task_t task)
{
	struct pawl_runtime *rt = engine->rt;
	struct pawl_task_info info;
	struct eng_task *record;

	if (!task.pawl_id || eng_task_handle(rt->tasks, task.pawl_id, &record) ||
	    !eng_task_info(rt, engine->group, record, pawl_load_acquire(&record->word),
			   task.pawl_id, &info) ||
	    info.state != PAWL_TASK_WAITING)
		return;
	if (!info.waited_ns) {
		eng_say(text, "; it waits for what it runs itself");
	} else {
		eng_say(text, "; for ");
		eng_say_time(text, info.waited_ns);
		eng_say(text, " it waits for ");
		eng_say(text, "%s", info.waits_note ? info.waits_note : "something");
	}
	if (info.waits_for.pawl_id &&
	    !eng_task_handle(rt->tasks, info.waits_for.pawl_id, &record)) {
		eng_id id = (eng_id)pawl_load_relaxed(&record->tag);

		eng_say(text, ": ");
		if (id)
			eng_say_task(text, engine, id);
		else
			eng_say(text, "what has not begun");
	}
}

static void say_error(struct eng_say *text, struct pawl_engine *engine,
		      const struct picture *picture)
{
	char words[512];

	if (!picture->error)
		return;
	(void)pawl_error_describe(picture->error, words, sizeof(words));
	eng_say(text, "; it has failed");
	if (pawl_error_since(picture->error)) {
		eng_say(text, " for ");
		say_ago(text, engine, pawl_error_since(picture->error));
	}
	eng_say(text, ": %s", words);
}

static void say_all(struct eng_say *text, struct pawl_engine *engine,
		    const struct picture *picture)
{
	eng_say(text, "%s is %s", picture->name, picture->state);
	if (picture->needs_run && !picture->runs)
		eng_say(text, "%s", picture->active ? ": it is wanted" : ": nobody wants it");
	if (picture->below > 0)
		eng_say(text, "; %" PRId32 " of what it is made of have to run",
			picture->below);
	if (!picture->needs_run && picture->active)
		eng_say(text, "; it is kept up to date");
	if (picture->immutable)
		eng_say(text, "; it read nothing that changes");
	if (picture->session)
		eng_say(text, "; it runs in each session");
	say_wait(text, engine, picture->task);
	say_error(text, engine, picture);
	if (picture->has_history)
		say_history(text, engine, &picture->history);
}

int pawl_engine_why(struct pawl_engine *engine, pawl_ref_t ref, char *buf, size_t len)
{
	eng_id id = eng_ref_task(ref);
	struct eng_say text = {NULL, 0, 0};
	char origin[512] = "";
	struct picture picture;

	if (!take(engine, id, &picture))
		return -ESTALE;
	say_all(&text, engine, &picture);
	eng_error_unpin(picture.error);
	if (eng_is_transient(id)) {
		eng_say_origin(engine->graph, id, origin, sizeof(origin));
		eng_say(&text, "; it is transient: %s", origin);
	}
	if (len)
		(void)snprintf(buf, len, "%s", text.data);
	eng_say_fini(&text);
	return 0;
}
