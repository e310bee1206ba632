/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dyndep.h - files that name more inputs and outputs of edges, found out during the build.
 */
#ifndef TOOLS_MANIFEST_DYNDEP_H
#define TOOLS_MANIFEST_DYNDEP_H

#include "manifest/manifest.h"

/* What a dyndep file says of one edge. Paths are canonical, terminated, the dyndep's own memory. */
struct dyndep_edge {
	uint32_t edge;
	uint32_t first; /* paths[]: implicit outputs, then implicit inputs */
	uint32_t n_out, n_in;
	bool restat;
};

struct dyndep {
	struct dyndep_edge *edges;
	struct pawl_slice *paths;
	uint32_t n_edges, n_paths;
	void *arena; /* private */
};

/*
 * dyndep_load() - Read the dyndep file of node `node`.
 *
 * Every edge whose dyndep is `node` must be in it, and no other.
 *
 * Errors: as mf_load(); messages are ninja's ("'x' not mentioned in its dyndep file 'y'").
 * Owns:   the caller; dyndep_fini().
 */
PAWL_MUST_CHECK int dyndep_load(const struct mf_manifest *m, uint32_t node,
				const struct mf_options *options, struct dyndep *ret_dyndep,
				struct mf_error *ret_error);

/* dyndep_parse() - The same of bytes in memory. */
PAWL_MUST_CHECK int dyndep_parse(const struct mf_manifest *m, uint32_t node,
				 struct pawl_slice bytes, struct dyndep *ret_dyndep,
				 struct mf_error *ret_error);
void dyndep_fini(struct dyndep *dyndep);

#endif
