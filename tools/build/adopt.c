/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adopt.c - generators that were up to date by their times get a trace.
 *
 * CMake has written build.ninja before anything is built, and writes it anew with other inputs than the run that made it
 * had: no trace says what that was made from, and times decide (plan.c). Once they have said that it is up to date, what it
 * reads has the content that it was made from, as far as anybody can tell. That is written down here, so that from then on
 * content decides: files that are touched make no generator run.
 */
#include "build.h"

#include <stdlib.h>

static void adopt(struct build *b, uint32_t edge)
{
	struct mf_list outs = mf_outs(b->m, edge), deps = mf_deps(b->m, edge);
	struct edge *e = &b->plan.edges[edge];
	struct digest read = plan_read_digest(&b->plan, edge, NULL, 0, false, &b->plan.scratch);
	uint32_t *numbers;
	struct digest *digests;

	if (read.kind == DIGEST_UNKNOWN)
		return;
	numbers = build_realloc(NULL, (2 * deps.n + outs.n) * sizeof(*numbers));
	digests = build_realloc(NULL, outs.n * sizeof(*digests));
	for (uint32_t i = 0; i < deps.n; i++) {
		numbers[i] = build_number(b, deps.at[i]);
		numbers[deps.n + i] = digest_short(file_at(b->files, deps.at[i])->value);
	}
	for (uint32_t i = 0; i < outs.n; i++) {
		numbers[2 * deps.n + i] = build_number(b, outs.at[i]);
		digests[i] = file_at(b->files, outs.at[i])->digest;
	}
	/* What cannot be written is judged by times again. */
	(void)journal_end(b->plan.journal, numbers[2 * deps.n],
			  &(struct trace){.command = {b->m->commands[edge].low,
						      b->m->commands[edge].high, DIGEST_DERIVED,
						      0},
					  .read = read,
					  .duration_ns = e->duration_ns,
					  .ended_ns = build_wall_ns(),
					  .n_listed = deps.n,
					  .n_outs = outs.n,
					  .reads = numbers,
					  .read_digests = numbers + deps.n,
					  .outs = numbers + 2 * deps.n,
					  .out_digests = digests});
	free(numbers);
	free(digests);
}

void build_adopt(struct build *b)
{
	for (size_t i = 0; i < b->plan.order_n; i++) {
		uint32_t edge = b->plan.order[i];
		struct edge *e = &b->plan.edges[edge];

		if (e->state != EDGE_CLEAN || !e->by_times || e->adopted)
			continue;
		e->adopted = true;
		/* What those have found out nobody knows. */
		if (!(b->m->edges[edge].flags & (MF_EDGE_DEPFILE | MF_EDGE_DEPS)) &&
		    b->m->edges[edge].dyndep == MF_NONE)
			adopt(b, edge);
	}
}
