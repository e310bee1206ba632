/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool-walk.c - what targets need: commands, inputs, the graph.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <pawl/mem.h>

static void take_flag(void *arg, int letter)
{
	(void)letter;
	*(bool *)arg = true;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static void put_command(struct tool *tool, uint32_t edge)
{
	if (tool->m->edges[edge].flags & MF_EDGE_PHONY)
		return;
	if (!tool->error)
		tool->error = mf_eval(tool->m, edge, MF_COMMAND, tool->out);
	tool_str(tool, "\n");
}

int tool_commands(struct tool *tool)
{
	struct tool_stack edges = {NULL, 0, 0};
	struct tool_nodes nodes;
	struct tool_set seen;
	bool single = false;
	uint32_t i;

	if (!tool_options(
		    tool, "hs", NULL,
		    "usage: ninja -t commands [options] [targets]\n\noptions:\n"
		    "  -s     only print the final command to build [target], not the whole chain\n",
		    take_flag, &single))
		return 1;
	nodes = tool_targets(tool);
	if (nodes.failed)
		return 1;
	if (tool_set_init(tool, &seen, tool->m->n_edges)) {
		for (i = 0; i < nodes.n && !tool->error; i++) {
			uint32_t edge = tool->m->nodes[nodes.at[i]].edge;

			if (!single)
				tool_in_order(tool, nodes.at[i], &seen, &edges);
			else if (edge != MF_NONE && tool_set_add(&seen, edge))
				tool_push(tool, &edges, edge);
		}
		for (i = 0; i < edges.n && !tool->error; i++)
			put_command(tool, edges.at[i]);
	}
	tool_stack_fini(&edges);
	tool_set_fini(&seen);
	tool_nodes_fini(&nodes);
	return 0;
}

/* ---- inputs ------------------------------------------------------------------------------------ */

struct inputs {
	bool plain, in_order, zero;
};

static void take_inputs(void *arg, int letter)
{
	struct inputs *inputs = arg;

	if (letter == 'E')
		inputs->plain = true;
	else if (letter == 'd')
		inputs->in_order = true;
	else
		inputs->zero = true;
}

struct word {
	size_t at, len;
	const struct text *text;
};

static int compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = memcmp(x->text->ptr + x->at, y->text->ptr + y->at,
			   x->len < y->len ? x->len : y->len);

	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* A file is listed behind what it is made from; what a phony edge makes is no file. */
static bool list_input(struct tool *tool, uint32_t node, struct tool_stack *ret_nodes)
{
	uint32_t edge = tool->m->nodes[node].edge;

	if (edge != MF_NONE && tool->m->edges[edge].flags & MF_EDGE_PHONY)
		return true;
	return tool_push(tool, ret_nodes, node);
}

/* Triples on the way: a node, its edge, the next of its inputs to look at. */
static bool step_into(struct tool *tool, struct tool_stack *way, uint32_t node)
{
	return tool_push(tool, way, node) && tool_push(tool, way, tool->m->nodes[node].edge) &&
	       tool_push(tool, way, 0);
}

/* All inputs below a target, each once. */
static void find_inputs(struct tool *tool, uint32_t target, struct tool_set *seen,
			struct tool_stack *ret_nodes)
{
	const struct mf_manifest *m = tool->m;
	struct tool_stack way = {NULL, 0, 0};

	if (m->nodes[target].edge != MF_NONE)
		step_into(tool, &way, target);
	while (!tool->error && way.n) {
		uint32_t *top = way.at + way.n - 3, node = top[0];
		struct mf_list ins = mf_ins(m, top[1]);

		if (top[2] == ins.n) {
			way.n -= 3;
			if (way.n)
				list_input(tool, node, ret_nodes);
			continue;
		}
		node = ins.at[top[2]++];
		if (!tool_set_add(seen, node))
			continue;
		if (m->nodes[node].edge == MF_NONE)
			list_input(tool, node, ret_nodes);
		else
			step_into(tool, &way, node);
	}
	tool_stack_fini(&way);
}

static void put_inputs(struct tool *tool, const struct inputs *inputs,
		       const struct tool_stack *nodes)
{
	const struct mf_manifest *m = tool->m;
	struct word *words = pawl_mem_alloc((nodes->n + 1) * sizeof(*words), 0);
	struct text text = TEXT_INIT;
	uint32_t i;

	if (!words) {
		tool->error = -ENOMEM;
		return;
	}
	for (i = 0; i < nodes->n && !tool->error; i++) {
		struct pawl_slice path = mf_text(m, m->nodes[nodes->at[i]].path);

		words[i] = (struct word){text.len, 0, &text};
		tool->error =
			inputs->plain ? text_add_slice(&text, path) : mf_quote(path, &text);
		words[i].len = text.len - words[i].at;
	}
	if (!inputs->in_order && !tool->error)
		qsort(words, nodes->n, sizeof(*words), compare_words);
	for (i = 0; i < nodes->n && !tool->error; i++) {
		tool_add(tool, text.ptr + words[i].at, words[i].len);
		tool_add(tool, inputs->zero ? "" : "\n", 1);
	}
	text_fini(&text);
	pawl_mem_free(words, (nodes->n + 1) * sizeof(*words), 0);
}

int tool_inputs(struct tool *tool)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"print0", no_argument, NULL, '0'},
					      {"no-shell-escape", no_argument, NULL, 'E'},
					      {"dependency-order", no_argument, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	struct tool_stack found = {NULL, 0, 0};
	struct inputs inputs = {false, false, false};
	struct tool_nodes nodes;
	struct tool_set seen;
	uint32_t i;

	if (!tool_options(
		    tool, "0hEd", longs,
		    "Usage '-t inputs [options] [targets]\n"
		    "\n"
		    "List all inputs used for a set of targets, sorted in dependency order.\n"
		    "Note that by default, results are shell escaped, and sorted alphabetically,\n"
		    "and never include validation target paths.\n\n"
		    "Options:\n"
		    "  -h, --help          Print this message.\n"
		    "  -0, --print0            Use \\0, instead of \\n as a line terminator.\n"
		    "  -E, --no-shell-escape   Do not shell escape the result.\n"
		    "  -d, --dependency-order  Sort results by dependency order.\n",
		    take_inputs, &inputs))
		return 1;
	nodes = tool_targets(tool);
	if (nodes.failed)
		return 1;
	if (tool_set_init(tool, &seen, tool->m->n_nodes))
		for (i = 0; i < nodes.n && !tool->error; i++)
			find_inputs(tool, nodes.at[i], &seen, &found);
	tool_set_fini(&seen);
	if (!tool->error)
		put_inputs(tool, &inputs, &found);
	tool_stack_fini(&found);
	tool_nodes_fini(&nodes);
	return 0;
}

struct multi_inputs {
	const char *delimiter;
	bool zero;
};

static void take_multi_inputs(void *arg, int letter)
{
	struct multi_inputs *multi = arg;

	if (letter == 'd')
		multi->delimiter = optarg;
	else
		multi->zero = true;
}

/* "TARGET, delimiter, INPUT" for each, in the order in which they are needed. */
static void put_multi_inputs(struct tool *tool, uint32_t target,
			     const struct multi_inputs *multi)
{
	const struct mf_manifest *m = tool->m;
	struct tool_stack found = {NULL, 0, 0};
	struct tool_set seen;

	if (tool_set_init(tool, &seen, m->n_nodes))
		find_inputs(tool, target, &seen, &found);
	for (uint32_t i = 0; i < found.n && !tool->error; i++) {
		tool_slice(tool, mf_text(m, m->nodes[target].path));
		tool_str(tool, multi->delimiter);
		tool_slice(tool, mf_text(m, m->nodes[found.at[i]].path));
		tool_add(tool, multi->zero ? "" : "\n", 1);
	}
	tool_set_fini(&seen);
	tool_stack_fini(&found);
}

int tool_multi_inputs(struct tool *tool)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"delimiter", required_argument, NULL, 'd'},
					      {"print0", no_argument, NULL, '0'},
					      {NULL, 0, NULL, 0}};
	struct multi_inputs multi = {"\t", false};
	struct tool_nodes nodes;

	if (!tool_options(
		    tool, "d:h0", longs,
		    "Usage '-t multi-inputs [options] [targets]\n"
		    "\n"
		    "Print one or more sets of inputs required to build targets, sorted in "
		    "dependency order.\n"
		    "The tool works like inputs tool but with addition of the target for each line.\n"
		    "The output will be a series of lines with the following elements:\n"
		    "<target> <delimiter> <input> <terminator>\n"
		    "Note that a given input may appear for several targets if it is used by more "
		    "than one targets.\n"
		    "Options:\n"
		    "  -h, --help                   Print this message.\n"
		    "  -d  --delimiter=DELIM        Use DELIM instead of TAB for field delimiter.\n"
		    "  -0, --print0                 Use \\0, instead of \\n as a line terminator.\n",
		    take_multi_inputs, &multi))
		return 1;
	nodes = tool_targets(tool);
	for (uint32_t i = 0; i < nodes.n && !nodes.failed && !tool->error; i++)
		put_multi_inputs(tool, nodes.at[i], &multi);
	tool_nodes_fini(&nodes);
	return nodes.failed;
}

/* ---- graph ------------------------------------------------------------------------------------- */

static void put_label(struct tool *tool, struct pawl_slice text)
{
	const char *at = text.ptr, *end = at + text.len;

	for (; at < end; at++)
		tool_add(tool, *at == '\\' ? "/" : at, 1);
}

/* A file that a dyndep file names: the manifest's number if it has one, else its path is its name. */
static void put_dyn_name(struct tool *tool, struct pawl_slice path)
{
	uint32_t node = mf_find(tool->m, path.ptr, path.len);

	if (node == MF_NONE)
		put_label(tool, path);
	else
		tool_printf(tool, "n%u", node);
}

static void draw_edge(struct tool *tool, uint32_t edge)
{
	const struct mf_manifest *m = tool->m;
	const struct mf_edge *e = &m->edges[edge];
	struct mf_list outs = mf_outs(m, edge), ins = mf_ins(m, edge);
	struct pawl_slice rule = mf_text(m, m->rules[e->rule].name);
	struct tool_dyn dyn = tool_dyn(tool, edge);
	uint32_t i;

	if (outs.n == 1 && ins.n == 1 && !dyn.edge->n_out && !dyn.edge->n_in) {
		tool_printf(tool, "\"n%u\" -> \"n%u\" [label=\" ", ins.at[0], outs.at[0]);
		tool_slice(tool, rule);
		tool_str(tool, "\"]\n");
		return;
	}
	tool_printf(tool, "\"e%u\" [label=\"", edge);
	tool_slice(tool, rule);
	tool_str(tool, "\", shape=ellipse]\n");
	for (i = 0; i < outs.n; i++)
		tool_printf(tool, "\"e%u\" -> \"n%u\"\n", edge, outs.at[i]);
	for (i = 0; i < dyn.edge->n_out; i++) {
		tool_printf(tool, "\"e%u\" -> \"", edge);
		put_dyn_name(tool, dyn.paths[i]);
		tool_str(tool, "\"\n");
	}
	for (i = 0; i < ins.n; i++)
		tool_printf(tool, "\"n%u\" -> \"e%u\" [arrowhead=none%s]\n", ins.at[i], edge,
			    i >= e->n_in + e->n_implicit ? " style=dotted" : "");
	for (i = 0; i < dyn.edge->n_in; i++) {
		tool_str(tool, "\"");
		put_dyn_name(tool, dyn.paths[dyn.edge->n_out + i]);
		tool_printf(tool, "\" -> \"e%u\" [arrowhead=none]\n", edge);
	}
}

/* From a node on, what stands first is drawn first. */
static void draw(struct tool *tool, uint32_t root, struct tool_set *nodes,
		 struct tool_set *edges)
{
	const struct mf_manifest *m = tool->m;
	struct tool_stack todo = {NULL, 0, 0};

	tool_push(tool, &todo, root);
	while (todo.n && !tool->error) {
		uint32_t node = todo.at[--todo.n], edge = m->nodes[node].edge, i;
		struct tool_dyn dyn;
		struct mf_list ins;

		if (!tool_set_add(nodes, node))
			continue;
		tool_printf(tool, "\"n%u\" [label=\"", node);
		put_label(tool, mf_text(m, m->nodes[node].path));
		tool_str(tool, "\"]\n");
		if (edge == MF_NONE || !tool_set_add(edges, edge))
			continue;
		draw_edge(tool, edge);
		dyn = tool_dyn(tool, edge);
		for (i = dyn.edge->n_in; i-- > 0;) {
			const struct pawl_slice *path = &dyn.paths[dyn.edge->n_out + i];
			uint32_t in = mf_find(m, path->ptr, path->len);

			if (in != MF_NONE)
				tool_push(tool, &todo, in);
		}
		ins = mf_ins(m, edge);
		for (i = ins.n; i-- > 0;)
			tool_push(tool, &todo, ins.at[i]);
	}
	tool_stack_fini(&todo);
}

int tool_graph(struct tool *tool)
{
	struct tool_set nodes_drawn = {NULL, 0}, edges_drawn = {NULL, 0};
	struct tool_nodes nodes = tool_targets(tool);
	uint32_t i;

	if (nodes.failed)
		return 1;
	tool_str(tool, "digraph ninja {\n"
		       "rankdir=\"LR\"\n"
		       "node [fontsize=10, shape=box, height=0.25]\n"
		       "edge [fontsize=10]\n");
	if (tool_set_init(tool, &nodes_drawn, tool->m->n_nodes) &&
	    tool_set_init(tool, &edges_drawn, tool->m->n_edges))
		for (i = 0; i < nodes.n && !tool->error; i++)
			draw(tool, nodes.at[i], &nodes_drawn, &edges_drawn);
	tool_str(tool, "}\n");
	tool_set_fini(&nodes_drawn);
	tool_set_fini(&edges_drawn);
	tool_nodes_fini(&nodes);
	return 0;
}
