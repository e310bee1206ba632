/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.c - text that grows.
 */
#include "config.h"

#include "say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/mem.h>

#include "engine.h"
#include "graph/context.h"

#define FIRST 4096

void eng_say(struct eng_say *text, const char *format, ...)
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
		more = eng_must_alloc(text->capacity * 2 + (size_t)n + FIRST);
		if (text->data)
			memcpy(more, text->data, text->length);
		pawl_mem_free(text->data, text->capacity, 0);
		text->capacity = text->capacity * 2 + (size_t)n + FIRST;
		text->data = more;
	}
}

void eng_say_fini(struct eng_say *text)
{
	pawl_mem_free(text->data, text->capacity, 0);
}

void eng_say_time(struct eng_say *text, uint64_t ns)
{
	if (ns < 1000)
		eng_say(text, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		eng_say(text, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		eng_say(text, "%.1f ms", (double)ns / 1e6);
	else
		eng_say(text, "%.1f s", (double)ns / 1e9);
}

void eng_say_task(struct eng_say *text, struct pawl_engine *engine, eng_id id)
{
	struct eng_node *node = id ? eng_lock_any(engine->graph, id) : NULL;
	const char *name = node ? eng_node_name(engine->graph, node) : NULL;

	if (node)
		eng_unlock(node);
	if (!id)
		eng_say(text, "a visit");
	else
		eng_say(text, "%s#%s%" PRIu32, name ? name : "a task that is gone, ",
			eng_is_transient(id) ? "t" : "", id & ~ENG_TRANSIENT);
}

void eng_say_json(struct eng_say *text, const char *string)
{
	eng_say(text, "\"");
	for (const unsigned char *at = (const unsigned char *)string; *at; at++) {
		if (*at < 0x20 || *at == '"' || *at == '\\')
			eng_say(text, "\\u%04x", *at);
		else
			eng_say(text, "%c", *at);
	}
	eng_say(text, "\"");
}

const char *eng_state_word(const struct eng_node *node)
{
	struct eng_run_state *run = eng_run_of(node);

	if (run)
		return pawl_load_relaxed(&run->running) ? run->stale ? "stale" : "running"
							: "scheduled";
	if (node->bits & ENG_CANCELED)
		return "canceled";
	if (eng_needs_run(node))
		return "dirty";
	if (!node->output)
		return "new";
	return node->bits & ENG_ERROR ? "failed" : "clean";
}
