/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool-compdb.c - the compilation database: of all edges, of some rules, or of what targets need.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command, with "@RSPFILE" replaced by what would be in it. */
static void expand(struct tool *tool, uint32_t edge, struct text *command)
{
	static const char *const before[] = {"@", "-f ", "--option-file="};
	struct text rspfile = TEXT_INIT, whole = TEXT_INIT;
	const char *at = NULL;
	size_t i, skip = 0;

	tool->error = mf_eval(tool->m, edge, MF_RSPFILE, &rspfile);
	if (!tool->error && rspfile.len)
		at = strstr(command->ptr, rspfile.ptr);
	for (i = 0; i < sizeof(before) / sizeof(before[0]) && at && !skip; i++) {
		size_t len = strlen(before[i]);

		if ((size_t)(at - command->ptr) >= len && !memcmp(at - len, before[i], len))
			skip = len;
	}
	if (skip) {
		tool->error =
			text_add(&whole, command->ptr, (size_t)(at - command->ptr) - skip);
		if (!tool->error) {
			size_t k = whole.len;

			tool->error = mf_eval(tool->m, edge, MF_RSPFILE_CONTENT, &whole);
			for (; !tool->error && k < whole.len; k++)
				if (whole.ptr[k] == '\n')
					whole.ptr[k] = ' ';
		}
		if (!tool->error)
			tool->error = text_add_str(&whole, at + rspfile.len);
		if (!tool->error) {
			struct text swap = *command;

			*command = whole;
			whole = swap;
		}
	}
	text_fini(&rspfile);
	text_fini(&whole);
}

static void put_entry(struct tool *tool, uint32_t edge, const char *directory, bool expanded,
		      struct text *command)
{
	const struct mf_manifest *m = tool->m;

	text_cut(command, 0);
	tool->error = text_reserve(command, 0);
	if (!tool->error)
		tool->error = mf_eval(m, edge, MF_COMMAND, command);
	if (!tool->error && expanded && m->edges[edge].flags & MF_EDGE_RSPFILE)
		expand(tool, edge, command);
	tool_str(tool, "\n  {\n    \"directory\": \"");
	tool_json(tool, (struct pawl_slice){directory, strlen(directory)});
	tool_str(tool, "\",\n    \"command\": \"");
	tool_json(tool, (struct pawl_slice){command->ptr, command->len});
	tool_str(tool, "\",\n    \"file\": \"");
	tool_json(tool, mf_text(m, m->nodes[mf_ins(m, edge).at[0]].path));
	tool_str(tool, "\",\n    \"output\": \"");
	tool_json(tool, mf_text(m, m->nodes[mf_outs(m, edge).at[0]].path));
	tool_str(tool, "\"\n  }");
}

static bool is_wanted(const struct tool *tool, uint32_t edge)
{
	struct pawl_slice rule =
		mf_text(tool->m, tool->m->rules[tool->m->edges[edge].rule].name);
	int i;

	for (i = 0; i < tool->n_arguments; i++)
		if (strlen(tool->arguments[i]) == rule.len &&
		    !memcmp(tool->arguments[i], rule.ptr, rule.len))
			return true;
	return tool->n_arguments == 0;
}

struct compdb {
	char *directory;
	bool expanded, some;
	struct text command;
};

static void take_flag(void *arg, int letter)
{
	(void)letter;
	((struct compdb *)arg)->expanded = true;
}

static bool compdb_begin(struct tool *tool, struct compdb *db)
{
	db->directory = getcwd(NULL, 0);
	if (db->directory)
		tool_str(tool, "[");
	else
		tool_fail(tool, "cannot determine working directory: %s", strerror(errno));
	return db->directory;
}

static void compdb_put(struct tool *tool, struct compdb *db, uint32_t edge)
{
	if (!mf_ins(tool->m, edge).n)
		return;
	if (db->some)
		tool_str(tool, ",");
	db->some = true;
	put_entry(tool, edge, db->directory, db->expanded, &db->command);
}

static int compdb_end(struct tool *tool, struct compdb *db)
{
	tool_str(tool, "\n]\n");
	free(db->directory);
	text_fini(&db->command);
	return 0;
}

int tool_compdb(struct tool *tool)
{
	struct compdb db = {.command = TEXT_INIT};

	if (!tool_options(tool, "hx", NULL,
			  "usage: ninja -t compdb [options] [rules]\n\noptions:\n"
			  "  -x     expand @rspfile style response file invocations\n",
			  take_flag, &db) ||
	    !compdb_begin(tool, &db))
		return 1;
	for (uint32_t i = 0; i < tool->m->n_edges && !tool->error; i++) {
		if (is_wanted(tool, i))
			compdb_put(tool, &db, i);
	}
	return compdb_end(tool, &db);
}

/* ---- of targets -------------------------------------------------------------------------------- */

/* All that the targets need, each once, behind what it needs. Sources are no targets here. */
static bool edges_below(struct tool *tool, const struct tool_nodes *nodes,
			struct tool_stack *ret_edges)
{
	const struct mf_manifest *m = tool->m;
	struct tool_set seen;
	bool fine = tool_set_init(tool, &seen, m->n_edges);

	for (uint32_t i = 0; i < nodes->n && fine; i++) {
		if (m->nodes[nodes->at[i]].edge == MF_NONE) {
			tool_fatal(tool,
				   "'%s' is not a target (i.e. it is not an output of any "
				   "`build` statement)",
				   mf_path(m, nodes->at[i]));
			fine = false;
		} else {
			fine = tool_in_order(tool, nodes->at[i], &seen, ret_edges);
		}
	}
	tool_set_fini(&seen);
	return fine;
}

int tool_compdb_targets(struct tool *tool)
{
	static const char usage[] =
		"usage: ninja -t compdb [-hx] target [targets]\n\noptions:\n"
		"  -h     display this help message\n"
		"  -x     expand @rspfile style response file invocations\n";
	struct compdb db = {.command = TEXT_INIT};
	struct tool_stack edges = {NULL, 0, 0};
	struct tool_nodes nodes;
	int status = 1;

	if (!tool_options(tool, "hx", NULL, usage, take_flag, &db))
		return 1;
	if (!tool->n_arguments) {
		tool_str(tool, usage);
		return tool_fail(tool,
				 "compdb-targets expects the name of at least one target");
	}
	nodes = tool_targets_fatal(tool);
	if (!nodes.failed && edges_below(tool, &nodes, &edges) && compdb_begin(tool, &db)) {
		for (uint32_t i = 0; i < edges.n && !tool->error; i++) {
			if (!(tool->m->edges[edges.at[i]].flags & MF_EDGE_PHONY))
				compdb_put(tool, &db, edges.at[i]);
		}
		status = compdb_end(tool, &db);
	}
	tool_stack_fini(&edges);
	tool_nodes_fini(&nodes);
	return status;
}
