/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - the graph as a text.
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
#include "say.h"

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

static void say_dot(struct eng_say *text, const struct eng_graph *graph,
		    const struct eng_node *node)
{
	eng_id id = eng_node_id(node), other;

	eng_say(text, ID_FORMAT " [label=\"%s\\n%s%s\"]\n", ID_ARGS(id),
		eng_node_name(graph, node), eng_state_word(node),
		eng_active(node) ? ", active" : "");
	for (size_t i = 0; i < sizeof(all_edges) / sizeof(*all_edges); i++) {
		uint32_t cursor = 0;

		while (edge_next(node, &all_edges[i], &cursor, &other))
			eng_say(text, ID_FORMAT " -> " ID_FORMAT " [style=%s]\n", ID_ARGS(id),
				ID_ARGS(other), all_edges[i].style);
	}
}

/* Names of functions have no characters that a string would have to hide. */
static void say_json(struct eng_say *text, const struct eng_graph *graph,
		     const struct eng_node *node)
{
	const union eng_slot *slot = eng_field(node, ENG_HISTORY);
	const struct eng_history *history = slot ? slot->pointer : NULL;
	eng_id id = eng_node_id(node), other;

	eng_say(text,
		"{\"id\":" ID_FORMAT ",\"function\":\"%s\",\"state\":\"%s\",\"active\":%s,"
		"\"number\":%" PRIu32 ",\"immutable\":%s",
		ID_ARGS(id), eng_node_name(graph, node), eng_state_word(node),
		eng_active(node) ? "true" : "false", eng_number(node),
		node->bits & ENG_IMMUTABLE ? "true" : "false");
	if (history)
		eng_say(text, ",\"runs\":%" PRIu32 ",\"stale_runs\":%" PRIu32, history->runs,
			history->stale_runs);
	for (size_t i = 0; i < sizeof(all_edges) / sizeof(*all_edges); i++) {
		uint32_t cursor = 0;
		const char *between = "";

		eng_say(text, ",\"%s\":[", all_edges[i].name);
		while (edge_next(node, &all_edges[i], &cursor, &other)) {
			eng_say(text, "%s" ID_FORMAT, between, ID_ARGS(other));
			between = ",";
		}
		eng_say(text, "]");
	}
	eng_say(text, "}");
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
	struct eng_say text;
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
		eng_say(&dump->text, "%s", dump->begun ? ",\n" : "");
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
	eng_say_fini(&dump.text);
	return error;
}
