/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - the graph as a text, and one task in words.
 *
 * A task is written to memory under its lock, and given to the program after it; so what is written of one task is of
 * one moment, and of two tasks it need not be.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/engine.h>
#include <pawl/mem.h>
#include <pawl/rcu.h>
#include <pawl/sset.h>

#include "engine.h"
#include "graph/context.h"

#define TEXT_FIRST 4096

/* What is written of a task. */
struct text {
	char *data;
	size_t length, capacity;
};

static void say(struct text *text, const char *format, ...) PAWL_PRINTF(2, 3);
static void say(struct text *text, const char *format, ...)
{
	for (;;) {
		size_t room = text->capacity - text->length;
		va_list args;
		char *more;
		int n;

		va_start(args, format);
		n = vsnprintf(text->data ? text->data + text->length : NULL, room, format,
			      args);
		va_end(args);
		if (n < 0)
			return;
		if ((size_t)n < room) {
			text->length += (size_t)n;
			return;
		}
		more = eng_must_alloc(text->capacity * 2 + (size_t)n + TEXT_FIRST);
		if (text->data)
			memcpy(more, text->data, text->length);
		pawl_mem_free(text->data, text->capacity, 0);
		text->capacity = text->capacity * 2 + (size_t)n + TEXT_FIRST;
		text->data = more;
	}
}

static const char *state_of(const struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	if (run)
		return run->running ? run->stale ? "stale" : "running" : "scheduled";
	if (node->bits & ENG_CANCELED)
		return "canceled";
	if (eng_needs_run(node))
		return "dirty";
	if (!node->output)
		return "new";
	return node->bits & ENG_ERROR ? "failed" : "clean";
}

/* Ids as they are written: of transient tasks with a t. */
#define ID_FORMAT   "\"%s%" PRIu32 "\""
#define ID_ARGS(id) eng_is_transient(id) ? "t" : "", (id) & ~ENG_TRANSIENT

/* Whom it calls, and what it has read: for each the other task. */
struct edges {
	const char *name, *style; /* as a member, as an attribute */
	enum eng_field field;
	bool wide; /* references, not tasks */
};
static const struct edges all_edges[] = {
	{"calls", "solid", ENG_CHILDREN, false},
	{"still_calls", "solid", ENG_STILL_CHILDREN, false},
	{"outputs", "dashed", ENG_OUTPUT_DEPENDENCIES, false},
	{"cells", "dotted", ENG_CELL_DEPENDENCIES, true},
};

static bool edge_next(const struct eng_node *node, const struct edges *edges, uint32_t *cursor,
		      eng_id *ret_id)
{
	union eng_slot *slot = eng_field(node, edges->field);
	uint64_t ref;

	if (!slot)
		return false;
	if (!edges->wide)
		return pawl_sset_next(&slot->set, cursor, ret_id);
	if (!pawl_sset64_next(&slot->set64, cursor, &ref))
		return false;
	*ret_id = (eng_id)ref;
	return true;
}

static void say_dot(struct text *text, const struct eng_graph *graph,
		    const struct eng_node *node)
{
	eng_id id = eng_node_id(node), other;

	say(text, ID_FORMAT " [label=\"%s\\n%s%s\"]\n", ID_ARGS(id), eng_node_name(graph, node),
	    state_of(node), eng_active(node) ? ", active" : "");
	for (size_t i = 0; i < sizeof(all_edges) / sizeof(*all_edges); i++) {
		uint32_t cursor = 0;

		while (edge_next(node, &all_edges[i], &cursor, &other))
			say(text, ID_FORMAT " -> " ID_FORMAT " [style=%s]\n", ID_ARGS(id),
			    ID_ARGS(other), all_edges[i].style);
	}
}

/* Names of functions have no characters that a string would have to hide. */
static void say_json(struct text *text, const struct eng_graph *graph,
		     const struct eng_node *node)
{
	eng_id id = eng_node_id(node), other;

	say(text,
	    "{\"id\":" ID_FORMAT ",\"function\":\"%s\",\"state\":\"%s\",\"active\":%s,"
	    "\"number\":%" PRIu32 ",\"immutable\":%s",
	    ID_ARGS(id), eng_node_name(graph, node), state_of(node),
	    eng_active(node) ? "true" : "false", eng_number(node),
	    node->bits & ENG_IMMUTABLE ? "true" : "false");
	for (size_t i = 0; i < sizeof(all_edges) / sizeof(*all_edges); i++) {
		uint32_t cursor = 0;
		const char *between = "";

		say(text, ",\"%s\":[", all_edges[i].name);
		while (edge_next(node, &all_edges[i], &cursor, &other)) {
			say(text, "%s" ID_FORMAT, between, ID_ARGS(other));
			between = ",";
		}
		say(text, "]");
	}
	say(text, "}");
}

static struct pawl_slot *next_slot(struct eng_graph *graph, unsigned table, uint32_t *id)
{
	struct pawl_slot *slot;

	pawl_rcu_begin();
	slot = pawl_slots_next(graph->tables[table], id, PAWL_SLOTS_ID_MAX);
	pawl_rcu_end();
	return slot;
}

struct dump {
	struct eng_graph *graph;
	enum pawl_dump_format format;
	pawl_dump_fn *write;
	void *arg;
	bool begun;
	struct text text;
};

static int dump_one(struct dump *dump, eng_id id)
{
	struct eng_node *node = eng_lock_any(dump->graph, id);

	if (!node)
		return 0;
	dump->text.length = 0;
	if (dump->format == PAWL_DUMP_DOT) {
		say_dot(&dump->text, dump->graph, node);
	} else {
		say(&dump->text, "%s", dump->begun ? ",\n" : "");
		say_json(&dump->text, dump->graph, node);
	}
	dump->begun = true;
	eng_unlock(node);
	return dump->write(dump->arg, dump->text.data, dump->text.length);
}

static int write_words(const struct dump *dump, const char *dot, const char *json)
{
	const char *words = dump->format == PAWL_DUMP_DOT ? dot : json;

	return dump->write(dump->arg, words, strlen(words));
}

int pawl_engine_dump(struct pawl_engine *engine, enum pawl_dump_format format,
		     pawl_dump_fn *write, void *arg)
{
	struct dump dump = {
		.graph = engine->graph, .format = format, .write = write, .arg = arg};
	int error;

	if ((unsigned)format >= PAWL_DUMP_FORMAT_COUNT || !write)
		return -EINVAL;
	error = write_words(&dump, "digraph pawl {\n", "[");
	for (unsigned table = 0; table < 2; table++) {
		for (uint32_t id = 0; !error && next_slot(dump.graph, table, &id); id++)
			error = dump_one(&dump, id | (table ? ENG_TRANSIENT : 0));
	}
	if (!error)
		error = write_words(&dump, "}\n", "]\n");
	pawl_mem_free(dump.text.data, dump.text.capacity, 0);
	return error;
}

/* ---- one task ------------------------------------------------------------------------------- */

static void say_why(struct text *text, const struct eng_graph *graph,
		    const struct eng_node *node)
{
	union eng_slot *counts = eng_field(node, ENG_CONTAINER_COUNTS);

	say(text, "%s is %s", eng_node_name(graph, node), state_of(node));
	if (eng_needs_run(node) && !eng_run_of(node))
		say(text, eng_active(node) ? ": it is wanted" : ": nobody wants it");
	if (counts && eng_has_dirty_containers(node))
		say(text, "; %d of what it is made of have to run", counts->counts.a);
	if (!eng_needs_run(node) && eng_active(node))
		say(text, "; it is kept up to date");
	if (node->bits & ENG_IMMUTABLE)
		say(text, "; it read nothing that changes");
}

int pawl_engine_why(struct pawl_engine *engine, pawl_ref_t ref, char *buf, size_t len)
{
	eng_id id = eng_ref_task(ref);
	struct eng_node *node = id ? eng_lock_any(engine->graph, id) : NULL;
	struct text text = {NULL, 0, 0};
	char origin[512] = "";

	if (!node)
		return -ESTALE;
	say_why(&text, engine->graph, node);
	eng_unlock(node);
	if (eng_is_transient(id)) {
		eng_say_origin(engine->graph, id, origin, sizeof(origin));
		say(&text, "; it is transient: %s", origin);
	}
	if (len)
		(void)snprintf(buf, len, "%s", text.data);
	pawl_mem_free(text.data, text.capacity, 0);
	return 0;
}
