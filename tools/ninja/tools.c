/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools.c - the table of subtools, and what they share.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>

#include "ninja/options.h"

static const struct {
	const char *name, *what;
	tool_fn *fn;
} tools[] = {
	{"browse", "browse dependency graph in a web browser", tool_browse},
	{"clean", "clean built files", tool_clean},
	{"commands", "list all commands required to rebuild given targets", tool_commands},
	{"inputs", "list all inputs required to rebuild given targets", tool_inputs},
	{"multi-inputs", "print one or more sets of inputs required to build targets",
	 tool_multi_inputs},
	{"deps", "show dependencies stored in the deps log", tool_deps},
	{"missingdeps", "check deps log dependencies on generated files", tool_missingdeps},
	{"graph", "output graphviz dot file for targets", tool_graph},
	{"query", "show inputs/outputs for a path", tool_query},
	{"targets", "list targets by their rule or depth in the DAG", tool_targets_list},
	{"compdb", "dump JSON compilation database to stdout", tool_compdb},
	{"compdb-targets",
	 "dump JSON compilation database for a given list of targets to stdout",
	 tool_compdb_targets},
	{"recompact", "recompacts ninja-internal data structures", tool_recompact},
	{"restat", "restats all outputs in the build log", tool_restat},
	{"rules", "list all rules", tool_rules},
	{"cleandead", "clean built files that are no longer produced by the manifest",
	 tool_cleandead},
};
#define TOOLS (sizeof(tools) / sizeof(tools[0]))

const char *const *ninja_tool_names(void)
{
	static const char *const names[] = {
		"browse",	"clean",   "commands",	  "inputs",
		"multi-inputs", "deps",	   "missingdeps", "graph",
		"query",	"targets", "compdb",	  "compdb-targets",
		"recompact",	"restat",  "rules",	  "cleandead",
		NULL,
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == TOOLS + 1, "one name a tool");
	return names;
}

bool ninja_tool_exists(const char *name)
{
	size_t i;

	for (i = 0; i < TOOLS; i++)
		if (!strcmp(tools[i].name, name))
			return true;
	return false;
}

bool ninja_tool_early(const char *name)
{
	return !strcmp(name, "restat");
}

int ninja_tools_list(struct text *out)
{
	int error = text_add_str(out, "ninja subtools:\n");
	size_t i;

	for (i = 0; i < TOOLS && !error; i++)
		error = text_printf(out, "%11s  %s\n", tools[i].name, tools[i].what);
	return error;
}

int ninja_tool_run(const char *name, const struct ninja_tool_run *run, struct text *out,
		   struct text *err)
{
	static const struct ninja_tool_host nobody;
	struct ninja_tool_run with = *run;
	struct tool tool = {.run = &with,
			    .m = run->m,
			    .out = out,
			    .err = err,
			    .arguments = run->arguments,
			    .n_arguments = run->n_arguments};
	size_t i = 0;
	int status, error;

	if (!with.host)
		with.host = &nobody;
	while (strcmp(tools[i].name, name) != 0)
		i++;
	status = tools[i].fn(&tool);
	tool_dyns_fini(&tool);
	if (tool.error) {
		error = text_printf(err, "ninja: error: %s\n",
				    tool.error == -ENOMEM ? "out of memory"
							  : strerror(-tool.error));
		(void)error;
		return 1;
	}
	return status;
}

/* Ninja's serves the graph to a web browser. */
int tool_browse(struct tool *tool)
{
	return tool_fail(tool, "-t browse needs a server that is not part of this program; "
			       "-t query and -t graph say the same, and pawl build --dot");
}

/* ---- output ------------------------------------------------------------------------------------ */

void tool_add(struct tool *tool, const char *bytes, size_t len)
{
	if (!tool->error)
		tool->error = text_add(tool->out, bytes, len);
}

void tool_str(struct tool *tool, const char *string)
{
	tool_add(tool, string, strlen(string));
}

void tool_printf(struct tool *tool, const char *format, ...)
{
	va_list list;

	if (tool->error)
		return;
	va_start(list, format);
	tool->error = text_vprintf(tool->out, format, list);
	va_end(list);
}

void tool_spaces(struct tool *tool, unsigned n)
{
	while (n-- > 0)
		tool_add(tool, " ", 1);
}

static int complain(struct tool *tool, const char *what, const char *format, va_list list)
	PAWL_PRINTF(3, 0);
static int complain(struct tool *tool, const char *what, const char *format, va_list list)
{
	if (!tool->error)
		tool->error = text_add_str(tool->err, what);
	if (!tool->error)
		tool->error = text_vprintf(tool->err, format, list);
	if (!tool->error)
		tool->error = text_add_str(tool->err, "\n");
	return 1;
}

int tool_fail(struct tool *tool, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	complain(tool, "ninja: error: ", format, list);
	va_end(list);
	return 1;
}

int tool_fatal(struct tool *tool, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	complain(tool, "ninja: fatal: ", format, list);
	va_end(list);
	return 1;
}

void tool_json(struct tool *tool, struct pawl_slice text)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *at = text.ptr, *end, *plain;

	if (!text.len)
		return;
	end = at + text.len;

	while (at < end) {
		const char *escape;

		for (plain = at;
		     at < end && (unsigned char)*at >= ' ' && *at != '"' && *at != '\\';)
			at++;
		tool_add(tool, plain, (size_t)(at - plain));
		if (at == end)
			break;
		escape = *at ? strchr(from, *at) : NULL;
		if (escape)
			tool_printf(tool, "\\%c", to[escape - from]);
		else
			tool_printf(tool, "\\u%04x", (unsigned)(unsigned char)*at);
		at++;
	}
}

/* ---- arguments --------------------------------------------------------------------------------- */

bool tool_options(struct tool *tool, const char *letters, const struct option *longs,
		  const char *usage, void (*take)(void *arg, int letter), void *arg)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};
	/* getopt wants the program's name first: the tool's stands there. */
	int letter;

	optind = 0;
	while ((letter = getopt_long(tool->n_arguments + 1, tool->arguments - 1, letters,
				     longs ? longs : none, NULL)) != -1) {
		if (letter == '?' || letter == 'h') {
			tool_str(tool, usage);
			return false;
		}
		take(arg, letter);
	}
	tool->arguments += optind - 1;
	tool->n_arguments -= optind - 1;
	return true;
}

static struct tool_nodes targets(struct tool *tool,
				 int (*fail)(struct tool *tool, const char *format, ...))
{
	struct tool_nodes nodes = {NULL, 0, false};
	struct mf_error error;
	int result = ninja_targets(tool->m, tool->arguments, tool->n_arguments, &nodes.at,
				   &nodes.n, &error);

	nodes.failed = result != 0;
	if (result == -ENOMEM)
		tool->error = result;
	else if (result)
		fail(tool, "%s", error.message);
	return nodes;
}

struct tool_nodes tool_targets(struct tool *tool)
{
	return targets(tool, tool_fail);
}

struct tool_nodes tool_targets_fatal(struct tool *tool)
{
	return targets(tool, tool_fatal);
}

void tool_nodes_fini(struct tool_nodes *nodes)
{
	pawl_mem_free(nodes->at, (size_t)nodes->n * sizeof(*nodes->at), 0);
}

bool tool_set_init(struct tool *tool, struct tool_set *set, uint32_t n)
{
	set->n = n + 1;
	set->has = pawl_mem_zalloc(set->n, 0);
	if (!set->has)
		tool->error = -ENOMEM;
	return set->has;
}

void tool_set_fini(struct tool_set *set)
{
	pawl_mem_free(set->has, set->n, 0);
}

bool tool_push(struct tool *tool, struct tool_stack *stack, uint32_t value)
{
	if (stack->n == stack->room) {
		uint32_t room = stack->room ? stack->room * 2 : 256;
		uint32_t *at = room < UINT32_MAX / 2
				       ? pawl_mem_alloc((size_t)room * sizeof(*at), 0)
				       : NULL;

		if (!at) {
			tool->error = -ENOMEM;
			return false;
		}
		if (stack->n)
			memcpy(at, stack->at, (size_t)stack->n * sizeof(*at));
		pawl_mem_free(stack->at, (size_t)stack->room * sizeof(*at), 0);
		stack->at = at;
		stack->room = room;
	}
	stack->at[stack->n++] = value;
	return true;
}

void tool_stack_fini(struct tool_stack *stack)
{
	pawl_mem_free(stack->at, (size_t)stack->room * sizeof(*stack->at), 0);
	*stack = (struct tool_stack){NULL, 0, 0};
}

/* Pairs on the way: an edge, the next of its inputs to look at. */
bool tool_in_order(struct tool *tool, uint32_t node, struct tool_set *seen,
		   struct tool_stack *ret_edges)
{
	const struct mf_manifest *m = tool->m;
	struct tool_stack way = {NULL, 0, 0};
	uint32_t edge = m->nodes[node].edge;
	bool fine = true;

	if (edge != MF_NONE && tool_set_add(seen, edge))
		fine = tool_push(tool, &way, edge) && tool_push(tool, &way, 0);
	while (fine && way.n) {
		uint32_t *top = way.at + way.n - 2;
		struct mf_list ins = mf_ins(m, top[0]);

		if (top[1] == ins.n) {
			way.n -= 2;
			fine = tool_push(tool, ret_edges, top[0]);
			continue;
		}
		edge = m->nodes[ins.at[top[1]++]].edge;
		if (edge != MF_NONE && tool_set_add(seen, edge))
			fine = tool_push(tool, &way, edge) && tool_push(tool, &way, 0);
	}
	tool_stack_fini(&way);
	return fine;
}
