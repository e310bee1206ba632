/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h - an engine: the graph, and the runtime that it runs on.
 */
#ifndef ENG_ENGINE_H
#define ENG_ENGINE_H

#include <pawl/base.h>

#include "graph/graph.h"
#include "notice.h"
#include "stretch.h"

#ifdef PAWL_DEBUG
#define ENG_IS_DEBUG 1
#else
#define ENG_IS_DEBUG 0
#endif

struct eng_memory;
struct eng_persist;
struct pawl_group;
struct pawl_runtime;

struct pawl_engine_options;

/* eng_options_read() - Those given, NULL: none, with what the environment says. Errors: of pawl_engine_open(). */
int eng_options_read(const struct pawl_engine_options *given, struct pawl_engine_options *into);

struct pawl_engine {
	struct eng_graph *graph;
	struct eng_persist *persist; /* NULL: there is no store */
	struct eng_memory *memory;   /* NULL: there is no budget */
	struct pawl_runtime *rt;
	struct pawl_group *group; /* of all its runs and visits */
	bool own_runtime;
	/* What it tells of itself. */
	struct eng_observer observer;
	struct eng_stretch stretch;
	struct eng_notices *notices;
	struct eng_hangs *hangs; /* NULL: nobody looks who waits too long */
	enum pawl_verify verify;
	uint64_t check_idle_ns;
};

/* eng_observe() - It is told of what its graph does. */
void eng_observe(struct pawl_engine *engine, const struct pawl_engine_options *options);

/* eng_engine_of() - Of a graph that has one. */
static inline struct pawl_engine *eng_engine_of(const struct eng_graph *graph)
{
	return PAWL_CONTAINER_OF(graph->observer, struct pawl_engine, observer);
}

#endif
