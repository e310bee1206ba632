/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cells.h - the values that a task keeps, by type and number.
 *
 * Most tasks have one cell: it stands in the record. Others have a table, in the field CELLS, with the
 * number of cells of each type that the last successful run made: a cell with a larger index is not
 * there. All under the record's lock; values that go are given to the caller, to be dropped outside.
 */
#ifndef ENG_CELLS_H
#define ENG_CELLS_H

#include <pawl/hash.h>
#include <pawl/value.h>

#include "graph.h"

struct eng_counter;

/* eng_cell_value() - Borrowed; NULL: there is none now. */
struct pawl_value *eng_cell_value(const struct eng_graph *graph, const struct eng_node *node,
				  uint32_t cell);

/* eng_cell_put() - Takes `value` (NULL: takes the content away). Returns: what was there, the caller's. */
struct pawl_value *eng_cell_put(const struct eng_graph *graph, struct eng_node *node,
				uint32_t cell, struct pawl_value *value);

/* eng_cell_exists() - Did the last successful run make it? */
bool eng_cell_exists(const struct eng_graph *graph, const struct eng_node *node, uint32_t cell);

/* The digest of the content, of types that are HASHED: it stays where the content does not. */
bool eng_cell_digest(const struct eng_node *node, uint32_t cell,
		     struct pawl_digest *ret_digest);
void eng_cell_set_digest(const struct eng_graph *graph, struct eng_node *node, uint32_t cell,
			 struct pawl_digest digest);

/*
 * eng_cells_count() - These many of each type are there now: the counts of a run. Values beyond them are
 * taken out and written to ret_gone, which has room for eng_cells_held() of them.
 *
 * Returns: how many.
 */
uint32_t eng_cells_count(const struct eng_graph *graph, struct eng_node *node,
			 const struct eng_counter *counters, uint32_t n,
			 struct pawl_value **ret_gone);
uint32_t eng_cells_held(const struct eng_node *node);

/* The next value, in no order; *cursor 0 to begin with. */
bool eng_cells_next(const struct eng_graph *graph, const struct eng_node *node,
		    uint32_t *cursor, uint32_t *ret_cell, struct pawl_value **ret_value);
/* For saving: counts of each type, and digests. *cursor 0 to begin with. Returns: false: the end. */
bool eng_cells_counter(const struct eng_graph *graph, const struct eng_node *node,
		       uint32_t *cursor, struct eng_counter *ret_counter);
bool eng_cells_digest(const struct eng_node *node, uint32_t *cursor, uint32_t *ret_cell,
		      struct pawl_digest *ret_digest);
/* eng_cells_restore() - It has these cells, without content so far. Requires: it has none. */
void eng_cells_restore(const struct eng_graph *graph, struct eng_node *node,
		       const struct eng_counter *counters, uint32_t n);

size_t eng_cells_bytes(const struct eng_node *node);
void eng_cells_free(struct eng_node *node);

#endif
