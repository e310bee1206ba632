/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool-dyndep.c - what dyndep files say of edges, for the tools that go by the graph: files that are there, and right. Others
 * were not made yet, and say nothing.
 */
#include "config.h"

#include "ninja/tool.h"

#include <errno.h>

#include <pawl/mem.h>

static void load(struct tool *tool, uint32_t node)
{
	struct mf_options options = MF_OPTIONS_INIT;
	struct tool_dyns *dyns = &tool->dyns;
	struct dyndep *dyndep = &dyns->files[dyns->n];
	struct mf_error why;
	int error = dyndep_load(tool->m, node, &options, dyndep, &why);

	if (error == -ENOMEM)
		tool->error = error;
	if (error)
		return;
	dyns->n++;
	for (uint32_t i = 0; i < dyndep->n_edges; i++)
		dyns->by_edge[dyndep->edges[i].edge] = (struct tool_dyn){
			&dyndep->edges[i], dyndep->paths + dyndep->edges[i].first};
}

/* The files are as many as there are edges that name one, at most. */
static void load_all(struct tool *tool)
{
	const struct mf_manifest *m = tool->m;
	struct tool_dyns *dyns = &tool->dyns;
	struct tool_set seen;
	uint32_t edge;

	for (edge = 0; edge < m->n_edges; edge++)
		dyns->room += m->edges[edge].dyndep != MF_NONE;
	if (!dyns->room || !tool_set_init(tool, &seen, m->n_nodes))
		return;
	dyns->files = pawl_mem_zalloc(dyns->room * sizeof(*dyns->files), 0);
	dyns->by_edge = pawl_mem_zalloc(m->n_edges * sizeof(*dyns->by_edge), 0);
	if (!dyns->files || !dyns->by_edge)
		tool->error = -ENOMEM;
	for (edge = 0; edge < m->n_edges && !tool->error; edge++)
		if (m->edges[edge].dyndep != MF_NONE &&
		    tool_set_add(&seen, m->edges[edge].dyndep))
			load(tool, m->edges[edge].dyndep);
	tool_set_fini(&seen);
}

struct tool_dyn tool_dyn(struct tool *tool, uint32_t edge)
{
	struct tool_dyns *dyns = &tool->dyns;

	if (!dyns->loaded)
		load_all(tool);
	dyns->loaded = true;
	if (!dyns->by_edge || tool->error || !dyns->by_edge[edge].edge) {
		static const struct dyndep_edge none;

		return (struct tool_dyn){&none, NULL};
	}
	return dyns->by_edge[edge];
}

void tool_dyns_fini(struct tool *tool)
{
	struct tool_dyns *dyns = &tool->dyns;

	for (uint32_t i = 0; i < dyns->n; i++)
		dyndep_fini(&dyns->files[i]);
	if (dyns->files)
		pawl_mem_free(dyns->files, dyns->room * sizeof(*dyns->files), 0);
	if (dyns->by_edge)
		pawl_mem_free(dyns->by_edge, tool->m->n_edges * sizeof(*dyns->by_edge), 0);
}
