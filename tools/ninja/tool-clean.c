/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool-clean.c - remove what was built: everything, some targets and what they need, what some rules
 * made, or what the log knows and no edge makes any more.
 *
 * Never sources: only outputs of edges, their depfiles and response files. What a generator rule made
 * (build.ninja itself) stays unless -g asks for it or it is named.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/names.h"

struct cleaning {
	struct tool *tool;
	struct names removed; /* each path once */
	uint64_t files;
	int status;
	bool generators, rules;
};

static bool is_chatty(const struct tool *tool)
{
	return !tool->run->quiet && (tool->run->verbose || tool->run->dry_run);
}

static int exists_or_removed(struct cleaning *cleaning, const char *path)
{
	const struct ninja_tool_run *run = cleaning->tool->run;
	const struct ninja_tool_host *host = run->host;
	struct stat status;

	if (run->dry_run && host->exists)
		return host->exists(host->arg, path);
	if (run->dry_run)
		return stat(path, &status) == 0;
	if (host->remove)
		return host->remove(host->arg, path);
	if (remove(path) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static void clean_path(struct cleaning *cleaning, const char *path, size_t len)
{
	struct tool *tool = cleaning->tool;
	uint32_t before = cleaning->removed.n, number;
	int result;

	if (!len || tool->error)
		return;
	tool->error = names_add(&cleaning->removed, path, len, &number);
	if (tool->error || number < before)
		return;
	path = names_at(&cleaning->removed, number);
	result = exists_or_removed(cleaning, path);
	if (result < 0) {
		tool_fail(tool, "remove(%s): %s", path, strerror(-result));
		cleaning->status = 1;
	} else if (result > 0) {
		cleaning->files++;
		if (is_chatty(tool))
			tool_printf(tool, "Remove %s\n", path);
	}
}

static void clean_value(struct cleaning *cleaning, uint32_t edge, enum mf_variable which)
{
	struct tool *tool = cleaning->tool;
	struct text path = TEXT_INIT;

	if (!tool->error)
		tool->error = mf_eval(tool->m, edge, which, &path);
	clean_path(cleaning, path.ptr, path.len);
	text_fini(&path);
}

static void clean_node(struct cleaning *cleaning, uint32_t node)
{
	struct pawl_slice path =
		mf_text(cleaning->tool->m, cleaning->tool->m->nodes[node].path);

	clean_path(cleaning, path.ptr, path.len);
}

/* Beside the outputs. */
static void clean_side_files(struct cleaning *cleaning, uint32_t edge)
{
	uint32_t flags = cleaning->tool->m->edges[edge].flags;

	if (flags & MF_EDGE_DEPFILE)
		clean_value(cleaning, edge, MF_DEPFILE);
	if (flags & MF_EDGE_RSPFILE)
		clean_value(cleaning, edge, MF_RSPFILE);
}

static void clean_edge(struct cleaning *cleaning, uint32_t edge)
{
	struct mf_list outs = mf_outs(cleaning->tool->m, edge);
	uint32_t i;

	struct tool_dyn dyn = tool_dyn(cleaning->tool, edge);

	for (i = 0; i < outs.n; i++)
		clean_node(cleaning, outs.at[i]);
	for (i = 0; i < dyn.edge->n_out; i++)
		clean_path(cleaning, dyn.paths[i].ptr, dyn.paths[i].len);
	clean_side_files(cleaning, edge);
}

static void clean_all(struct cleaning *cleaning)
{
	const struct mf_manifest *m = cleaning->tool->m;
	uint32_t i;

	for (i = 0; i < m->n_edges && !cleaning->tool->error; i++) {
		uint32_t flags = m->edges[i].flags;

		if (flags & MF_EDGE_PHONY)
			continue;
		if (flags & MF_EDGE_GENERATOR && !cleaning->generators)
			continue;
		clean_edge(cleaning, i);
	}
}

/* Nodes are cleaned before those that they need, as ninja does. */
static void clean_below(struct cleaning *cleaning, uint32_t root, struct tool_set *seen)
{
	struct tool *tool = cleaning->tool;
	const struct mf_manifest *m = tool->m;
	struct tool_stack todo = {NULL, 0, 0};

	tool_push(tool, &todo, root);
	while (todo.n && !tool->error) {
		uint32_t node = todo.at[--todo.n], edge = m->nodes[node].edge, i;
		struct tool_dyn dyn;
		struct mf_list ins;

		if (!tool_set_add(seen, node) || edge == MF_NONE)
			continue;
		if (!(m->edges[edge].flags & MF_EDGE_PHONY)) {
			clean_node(cleaning, node);
			clean_side_files(cleaning, edge);
		}
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

static void clean_target(struct cleaning *cleaning, const char *name, struct tool_set *seen)
{
	struct tool *tool = cleaning->tool;
	struct text path = TEXT_INIT;
	uint32_t node;

	tool->error = text_add_str(&path, name);
	if (tool->error)
		return;
	text_cut(&path, mf_canonical(path.ptr, path.len));
	node = mf_find(tool->m, path.ptr, path.len);
	if (node != MF_NONE) {
		if (is_chatty(tool))
			tool_printf(tool, "Target %s\n", path.ptr);
		clean_below(cleaning, node, seen);
	} else {
		tool_fail(tool, "unknown target '%s'", path.ptr);
		cleaning->status = 1;
	}
	text_fini(&path);
}

static void clean_targets(struct cleaning *cleaning)
{
	struct tool *tool = cleaning->tool;
	struct tool_set seen;
	int i;

	if (tool_set_init(tool, &seen, tool->m->n_nodes))
		for (i = 0; i < tool->n_arguments && !tool->error; i++)
			clean_target(cleaning, tool->arguments[i], &seen);
	tool_set_fini(&seen);
}

static bool is_rule(const struct mf_manifest *m, uint32_t rule, const char *name)
{
	struct pawl_slice text = mf_text(m, m->rules[rule].name);

	return text.len == strlen(name) && !memcmp(text.ptr, name, text.len);
}

static void clean_rule(struct cleaning *cleaning, const char *name)
{
	struct tool *tool = cleaning->tool;
	const struct mf_manifest *m = tool->m;
	bool known = false;
	uint32_t i;

	for (i = 0; i < m->n_rules; i++)
		known |= m->rules[i].scope == 0 && is_rule(m, i, name);
	if (!known) {
		tool_fail(tool, "unknown rule '%s'", name);
		cleaning->status = 1;
		return;
	}
	if (is_chatty(tool))
		tool_printf(tool, "Rule %s\n", name);
	for (i = 0; i < m->n_edges && !tool->error; i++)
		if (is_rule(m, m->edges[i].rule, name))
			clean_edge(cleaning, i);
}

static void begin(struct tool *tool)
{
	if (!tool->run->quiet)
		tool_str(tool, is_chatty(tool) ? "Cleaning...\n" : "Cleaning... ");
}

static void end(struct cleaning *cleaning)
{
	if (!cleaning->tool->run->quiet)
		tool_printf(cleaning->tool, "%llu files.\n",
			    (unsigned long long)cleaning->files);
	names_fini(&cleaning->removed);
}

static void take(void *arg, int letter)
{
	struct cleaning *cleaning = arg;

	if (letter == 'g')
		cleaning->generators = true;
	else
		cleaning->rules = true;
}

int tool_clean(struct tool *tool)
{
	struct cleaning cleaning = {.tool = tool, .removed = NAMES_INIT};
	int i;

	if (!tool_options(tool, "hgr", NULL,
			  "usage: ninja -t clean [options] [targets]\n"
			  "\n"
			  "options:\n"
			  "  -g     also clean files marked as ninja generator output\n"
			  "  -r     interpret targets as a list of rules to clean instead\n",
			  take, &cleaning))
		return 1;
	if (cleaning.rules && !tool->n_arguments)
		return tool_fail(tool, "expected a rule to clean");
	begin(tool);
	if (!tool->n_arguments)
		clean_all(&cleaning);
	else if (!cleaning.rules)
		clean_targets(&cleaning);
	for (i = 0; cleaning.rules && i < tool->n_arguments && !tool->error; i++)
		clean_rule(&cleaning, tool->arguments[i]);
	end(&cleaning);
	return cleaning.status;
}

int tool_cleandead(struct tool *tool)
{
	const struct ninja_tool_host *host = tool->run->host;
	struct cleaning cleaning = {.tool = tool, .removed = NAMES_INIT};
	const char *path;
	bool first;

	begin(tool);
	for (first = true; host->next_logged && !tool->error; first = false) {
		uint32_t node;

		path = host->next_logged(host->arg, first);
		if (!path)
			break;
		node = mf_find(tool->m, path, strlen(path));
		/* What an edge still reads has become a source. */
		if (node == MF_NONE ||
		    (tool->m->nodes[node].edge == MF_NONE && !tool->m->nodes[node].n_uses &&
		     !tool->m->nodes[node].n_validates))
			clean_path(&cleaning, path, strlen(path));
	}
	end(&cleaning);
	return cleaning.status;
}
