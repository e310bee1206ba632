/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * origin.c - a task in words, for errors: its function, and what of its arguments is transient, and why that is, and
 * so on.
 *
 *	check(_, cell of type text of read(cell of type path of a task without a name))
 *
 * An argument that is not transient is a "_".
 */
#include "config.h"

#include <stdio.h>

#include <pawl/mem.h>

#include "context.h"
#include "registry.h"

#define DEPTH_MOST 8
#define REFS_MOST  8

struct text {
	char *at;
	size_t room; /* the end of the text included */
};

static void say(struct text *text, const char *word, const char *rest)
{
	int length = snprintf(text->at, text->room, "%s%s", word, rest);

	if (length < 0)
		return;
	if ((size_t)length >= text->room)
		length = (int)text->room - 1;
	text->at += length;
	text->room -= (size_t)length;
}

/* A task's function, and the arguments that are references: 0 for each other one. */
struct call {
	const struct pawl_function *function; /* NULL: it has no name */
	pawl_ref_t refs[REFS_MOST];
	size_t n;
};

static void add(struct call *call, pawl_ref_t ref)
{
	if (call->n < REFS_MOST)
		call->refs[call->n++] =
			eng_is_transient(eng_ref_task(ref)) ? ref : PAWL_REF_NONE;
}

static void add_argument(struct call *call, const struct pawl_argument *argument,
			 const void *args)
{
	const void *at = (const char *)args + argument->offset;

	if (argument->kind == PAWL_ARGUMENT_REF) {
		add(call, *(const pawl_ref_t *)at);
	} else if (argument->kind == PAWL_ARGUMENT_REFS) {
		const struct pawl_refs *refs = at;

		for (size_t i = 0; i < refs->n; i++)
			add(call, refs->refs[i]);
	} else {
		add(call, PAWL_REF_NONE);
	}
}

static void look(struct eng_graph *graph, eng_id id, struct call *call)
{
	struct eng_node *node = eng_lock_any(graph, id);
	const struct eng_key *key;
	void *args;

	call->function = NULL;
	call->n = 0;
	if (!node)
		return;
	key = eng_node_key(node);
	if (key->function && !eng_field(node, ENG_CLOSURE)) {
		call->function = eng_function(graph->registry, key->function);
		args = eng_must_alloc(call->function->args_bytes + 1);
		eng_args_read(call->function, key, args);
		for (size_t i = 0; i < call->function->arguments_n; i++)
			add_argument(call, &call->function->arguments[i], args);
		pawl_mem_free(args, call->function->args_bytes + 1, 0);
	}
	eng_unlock(node);
}

static void say_task(struct eng_graph *graph, eng_id id, struct text *text, unsigned depth);

static void say_ref(struct eng_graph *graph, pawl_ref_t ref, struct text *text, unsigned depth)
{
	uint32_t cell = eng_ref_cell(ref);

	if (!ref.pawl_bits) {
		say(text, "_", "");
		return;
	}
	if (cell) {
		say(text, "cell of type ",
		    eng_type(graph->registry, eng_cell_type(cell))->name);
		say(text, " of ", "");
	} else {
		say(text, "output of ", "");
	}
	say_task(graph, eng_ref_task(ref), text, depth + 1);
}

static void say_task(struct eng_graph *graph, eng_id id, struct text *text, unsigned depth)
{
	struct call call;

	look(graph, id, &call);
	if (!call.function) {
		say(text, "a task without a name", "");
		return;
	}
	say(text, call.function->name, "(");
	for (size_t i = 0; i < call.n && depth < DEPTH_MOST; i++) {
		say(text, i ? ", " : "", "");
		say_ref(graph, call.refs[i], text, depth);
	}
	say(text, depth < DEPTH_MOST ? "" : "...", ")");
}

void eng_say_origin(struct eng_graph *graph, eng_id id, char *buf, size_t len)
{
	struct text text = {buf, len};

	say_task(graph, id, &text, 0);
}
