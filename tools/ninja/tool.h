/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h - what the subtools' files share.
 */
#ifndef TOOLS_NINJA_TOOL_H
#define TOOLS_NINJA_TOOL_H

#include "manifest/dyndep.h"
#include "ninja/tools.h"

/* What a dyndep file says of an edge; its outputs, then its inputs. Of an edge without one: none of both. */
struct tool_dyn {
	const struct dyndep_edge *edge;
	const struct pawl_slice *paths;
};

struct tool_dyns {
	struct dyndep *files;
	uint32_t n, room;
	struct tool_dyn *by_edge;
	bool loaded;
};

/*
 * A tool at work. `error` latches the first lack of memory; everything after it is skipped, and the
 * tool ends with it.
 */
struct tool {
	const struct ninja_tool_run *run;
	const struct mf_manifest *m;
	struct text *out, *err;
	int error;
	/* Arguments that are no options of the tool's. */
	char **arguments;
	int n_arguments;
	struct tool_dyns dyns;
};

/* Reads all dyndep files when it is first asked. */
struct tool_dyn tool_dyn(struct tool *tool, uint32_t edge);
void tool_dyns_fini(struct tool *tool);

typedef int tool_fn(struct tool *tool);

void tool_add(struct tool *tool, const char *bytes, size_t len);
void tool_str(struct tool *tool, const char *string);
void tool_printf(struct tool *tool, const char *format, ...) PAWL_PRINTF(2, 3);
void tool_spaces(struct tool *tool, unsigned n);
static inline void tool_slice(struct tool *tool, struct pawl_slice slice)
{
	tool_add(tool, slice.ptr, slice.len);
}

/* "ninja: error: ..." to stderr; returns 1. */
int tool_fail(struct tool *tool, const char *format, ...) PAWL_PRINTF(2, 3);
/* "ninja: fatal: ...", where ninja says that. */
int tool_fatal(struct tool *tool, const char *format, ...) PAWL_PRINTF(2, 3);

/*
 * The tool's options by getopt: `letters` as getopt's, each one that comes up is given to `take`, which
 * says whether it knows it. False: `usage` was said, the tool ends with 1.
 */
struct option;
bool tool_options(struct tool *tool, const char *letters, const struct option *longs,
		  const char *usage, void (*take)(void *arg, int letter), void *arg);

/* Nodes for the arguments (those to build if there are none); NULL: said why, the tool ends with 1. */
struct tool_nodes {
	uint32_t *at, n;
	bool failed;
};
struct tool_nodes tool_targets(struct tool *tool);
struct tool_nodes tool_targets_fatal(struct tool *tool);
void tool_nodes_fini(struct tool_nodes *nodes);

/* A set of edges or nodes by number. */
struct tool_set {
	unsigned char *has;
	uint32_t n;
};
bool tool_set_init(struct tool *tool, struct tool_set *set, uint32_t n);
void tool_set_fini(struct tool_set *set);
/* Returns: it was not in. */
static inline bool tool_set_add(struct tool_set *set, uint32_t i)
{
	bool was = set->has[i];

	set->has[i] = 1;
	return !was;
}

/* A stack of numbers. */
struct tool_stack {
	uint32_t *at, n, room;
};
bool tool_push(struct tool *tool, struct tool_stack *stack, uint32_t value);
void tool_stack_fini(struct tool_stack *stack);

/* Edges that nodes[i] needs, and its own, each once and behind those that it needs. */
bool tool_in_order(struct tool *tool, uint32_t node, struct tool_set *seen,
		   struct tool_stack *ret_edges);

/* A JSON string's inside. */
void tool_json(struct tool *tool, struct pawl_slice text);

tool_fn tool_browse, tool_clean, tool_cleandead, tool_commands, tool_compdb,
	tool_compdb_targets, tool_deps, tool_graph, tool_inputs, tool_missingdeps,
	tool_multi_inputs, tool_query, tool_recompact, tool_restat, tool_rules,
	tool_targets_list;

#endif
