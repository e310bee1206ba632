/* SPDX-License-Identifier: BSD-2-Clause */
/* sset.c - the edges of a graph: a small set in each node, and a walk that needs no more memory. */
#include <stdio.h>

#include <pawl/sset.h>

#define NODES 200

static struct pawl_sset edges[NODES];

/* What can be reached from node 0. Every node is put into `found` once, in any order. */
static int reach(struct pawl_sset *found)
{
	struct pawl_sset front = PAWL_SSET_INIT, next = PAWL_SSET_INIT;
	int rc = pawl_sset_add(&front, 0, NULL);

	while (!rc && pawl_sset_count(&front)) {
		uint32_t cursor = 0, node;
		bool added;

		rc = pawl_sset_merge(found, &front, NULL);
		while (!rc && pawl_sset_next(&front, &cursor, &node)) {
			uint32_t at = 0, to;

			while (!rc && pawl_sset_next(&edges[node], &at, &to)) {
				if (!pawl_sset_has(found, to))
					rc = pawl_sset_add(&next, to, &added);
			}
		}
		pawl_sset_fini(&front);
		front = next; /* a handle moves by assignment */
		pawl_sset_init(&next);
	}
	pawl_sset_fini(&front);
	return rc;
}

int main(void)
{
	struct pawl_sset found = PAWL_SSET_INIT;
	size_t bytes = 0;

	for (uint32_t i = 0; i < NODES; i++) {
		if (pawl_sset_add(&edges[i], i * 2 % NODES, NULL) ||
		    pawl_sset_add(&edges[i], (i * 2 + 1) % NODES, NULL))
			return 1;
		bytes += pawl_sset_bytes(&edges[i]);
	}
	if (reach(&found))
		return 1;
	printf("%d nodes, %zu bytes beside their handles; %u reached, in %zu bytes\n", NODES,
	       bytes, pawl_sset_count(&found), pawl_sset_bytes(&found));
	if (bytes != 0 || pawl_sset_count(&found) != NODES)
		return 1;
	pawl_sset_fini(&found);
	return 0;
}
