/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cells.c - one value in the record, or a sorted table of them.
 *
 * The one in the record has index 0, and its type's count is 1. As soon as that is not all, a table is
 * made; it goes again when a run completes with one such cell.
 */
#include "config.h"

#include "cells.h"

#include <string.h>

#include <pawl/mem.h>

#include "registry.h"
#include "run.h"

struct entry {
	uint32_t cell;
	bool has_digest;
	struct pawl_value *value; /* NULL: the content is not there */
	struct pawl_digest digest;
};

struct cells {
	uint32_t n, capacity;
	uint32_t counts_n;
	struct eng_counter *counts;
	struct entry *entries; /* by cell */
};

static struct cells *table_of(const struct eng_node *node)
{
	union eng_slot *slot = eng_field(node, ENG_CELLS);

	return slot ? slot->pointer : NULL;
}

static uint32_t cell_of(const struct eng_graph *graph, const struct pawl_value *value)
{
	return eng_cell(eng_type_number(graph->registry, pawl_value_type_of(value)), 0);
}

/* As comparing with cell_of(), without a look-up. */
static bool is_cell_of(const struct eng_graph *graph, const struct pawl_value *value,
		       uint32_t cell)
{
	return !eng_cell_index(cell) &&
	       eng_type_has_number(graph->registry, pawl_value_type_of(value),
				   eng_cell_type(cell));
}

/* The place of the first entry that is not before `cell`. */
static uint32_t place_of(const struct cells *cells, uint32_t cell)
{
	uint32_t low = 0, high = cells->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (cells->entries[middle].cell < cell)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *entry_of(const struct cells *cells, uint32_t cell)
{
	uint32_t at = cells ? place_of(cells, cell) : 0;

	return cells && at < cells->n && cells->entries[at].cell == cell ? &cells->entries[at]
									 : NULL;
}

static struct entry *entry_make(struct cells *cells, uint32_t cell)
{
	uint32_t at = place_of(cells, cell);

	if (at < cells->n && cells->entries[at].cell == cell)
		return &cells->entries[at];
	if (cells->n == cells->capacity) {
		uint32_t capacity = cells->capacity ? cells->capacity * 2 : 2;
		struct entry *entries = eng_must_alloc(capacity * sizeof(*entries));

		if (cells->n)
			memcpy(entries, cells->entries, cells->n * sizeof(*entries));
		pawl_mem_free(cells->entries, cells->capacity * sizeof(*entries), 0);
		cells->entries = entries;
		cells->capacity = capacity;
	}
	memmove(&cells->entries[at + 1], &cells->entries[at],
		(cells->n - at) * sizeof(*cells->entries));
	memset(&cells->entries[at], 0, sizeof(*cells->entries));
	cells->entries[at].cell = cell;
	cells->n++;
	return &cells->entries[at];
}

static void counts_set(struct cells *cells, const struct eng_counter *counters, uint32_t n)
{
	pawl_mem_free(cells->counts, cells->counts_n * sizeof(*counters), 0);
	cells->counts = n ? eng_must_alloc(n * sizeof(*counters)) : NULL;
	cells->counts_n = n;
	if (n)
		memcpy(cells->counts, counters, n * sizeof(*counters));
}

/* The table, made from the one in the record if there is none. */
static struct cells *table_make(const struct eng_graph *graph, struct eng_node *node)
{
	struct cells *cells = table_of(node);
	struct eng_counter one;

	if (cells)
		return cells;
	cells = eng_must_zalloc(sizeof(*cells));
	if (node->cell) {
		one.type = eng_cell_type(cell_of(graph, node->cell));
		one.count = 1;
		counts_set(cells, &one, 1);
		entry_make(cells, cell_of(graph, node->cell))->value = node->cell;
		node->cell = NULL;
	}
	eng_field_make(node, ENG_CELLS)->pointer = cells;
	return cells;
}

struct pawl_value *eng_cell_value(const struct eng_graph *graph, const struct eng_node *node,
				  uint32_t cell)
{
	struct entry *entry;

	if (node->cell)
		return is_cell_of(graph, node->cell, cell) ? node->cell : NULL;
	entry = entry_of(table_of(node), cell);
	return entry ? entry->value : NULL;
}

bool eng_cell_exists(const struct eng_graph *graph, const struct eng_node *node, uint32_t cell)
{
	const struct cells *cells = table_of(node);

	if (node->cell)
		return is_cell_of(graph, node->cell, cell);
	for (uint32_t i = 0; cells && i < cells->counts_n; i++) {
		if (cells->counts[i].type == eng_cell_type(cell))
			return eng_cell_index(cell) < cells->counts[i].count;
	}
	return false;
}

/* What is saved of the cell is about to change: that it is there, or a value that is saved. */
static void modify(const struct eng_graph *graph, struct eng_node *node, uint32_t cell,
		   const struct pawl_value *value)
{
	if (eng_cell_value(graph, node, cell) == value ||
	    (eng_cell_exists(graph, node, cell) &&
	     !eng_type_is_saved(eng_type(graph->registry, eng_cell_type(cell)))))
		return;
	eng_modify(node, ENG_DATA);
}

struct pawl_value *eng_cell_put(const struct eng_graph *graph, struct eng_node *node,
				uint32_t cell, struct pawl_value *value)
{
	struct pawl_value *before;
	struct entry *entry;

	if (PAWL_UNLIKELY(eng_is_kept(node)))
		modify(graph, node, cell, value);
	if (!table_of(node)) {
		before = node->cell;
		if (value && eng_cell_index(cell) == 0 &&
		    (!before || is_cell_of(graph, before, cell))) {
			node->cell = value;
			return before;
		}
		if (!value && !before)
			return NULL;
	}
	entry = entry_make(table_make(graph, node), cell);
	before = entry->value;
	entry->value = value;
	return before;
}

bool eng_cell_digest(const struct eng_node *node, uint32_t cell, struct pawl_digest *ret_digest)
{
	struct entry *entry = entry_of(table_of(node), cell);

	if (!entry || !entry->has_digest)
		return false;
	*ret_digest = entry->digest;
	return true;
}

void eng_cell_set_digest(const struct eng_graph *graph, struct eng_node *node, uint32_t cell,
			 struct pawl_digest digest)
{
	struct entry *entry = entry_make(table_make(graph, node), cell);

	if (!entry->has_digest || !pawl_digest_equal(entry->digest, digest))
		eng_modify(node, ENG_DATA);
	entry->digest = digest;
	entry->has_digest = true;
}

static uint32_t count_of(const struct eng_counter *counters, uint32_t n, uint32_t type)
{
	for (uint32_t i = 0; i < n; i++) {
		if (counters[i].type == type)
			return counters[i].count;
	}
	return 0;
}

/* Will there be other cells than those that the counts name, or are there entries beyond them? */
static bool counts_differ(const struct cells *cells, const struct eng_counter *counters,
			  uint32_t n)
{
	if (cells->counts_n != n)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		if (cells->counts[i].count != count_of(counters, n, cells->counts[i].type))
			return true;
	}
	for (uint32_t i = 0; i < cells->n; i++) {
		uint32_t cell = cells->entries[i].cell;

		if (eng_cell_index(cell) >= count_of(counters, n, eng_cell_type(cell)))
			return true;
	}
	return false;
}

uint32_t eng_cells_held(const struct eng_node *node)
{
	const struct cells *cells = table_of(node);

	return cells ? cells->n : node->cell != NULL;
}

static void table_free(struct eng_node *node)
{
	struct cells *cells = table_of(node);

	pawl_mem_free(cells->entries, cells->capacity * sizeof(*cells->entries), 0);
	pawl_mem_free(cells->counts, cells->counts_n * sizeof(*cells->counts), 0);
	pawl_mem_free(cells, sizeof(*cells), 0);
	eng_field_drop(node, ENG_CELLS);
}

uint32_t eng_cells_count(const struct eng_graph *graph, struct eng_node *node,
			 const struct eng_counter *counters, uint32_t n,
			 struct pawl_value **ret_gone)
{
	bool one = n == 1 && counters[0].count == 1;
	uint32_t gone = 0, kept = 0;
	struct cells *cells;

	if (!table_of(node) &&
	    (node->cell ? one && is_cell_of(graph, node->cell, eng_cell(counters[0].type, 0))
			: !n))
		return 0;
	cells = table_make(graph, node);
	if (PAWL_UNLIKELY(eng_is_kept(node)) && counts_differ(cells, counters, n))
		eng_modify(node, ENG_DATA);
	for (uint32_t i = 0; i < cells->n; i++) {
		struct entry entry = cells->entries[i];

		if (eng_cell_index(entry.cell) <
		    count_of(counters, n, eng_cell_type(entry.cell)))
			cells->entries[kept++] = entry;
		else if (entry.value)
			ret_gone[gone++] = entry.value;
	}
	cells->n = kept;
	if (one && kept == 1 && cells->entries[0].value && !cells->entries[0].has_digest) {
		node->cell = cells->entries[0].value;
		table_free(node);
	} else if (!n) {
		table_free(node);
	} else {
		counts_set(cells, counters, n);
	}
	return gone;
}

bool eng_cells_next(const struct eng_graph *graph, const struct eng_node *node,
		    uint32_t *cursor, uint32_t *ret_cell, struct pawl_value **ret_value)
{
	const struct cells *cells = table_of(node);

	if (node->cell && !*cursor) {
		*cursor = 1;
		*ret_cell = cell_of(graph, node->cell);
		*ret_value = node->cell;
		return true;
	}
	while (cells && *cursor < cells->n) {
		const struct entry *entry = &cells->entries[(*cursor)++];

		if (!entry->value)
			continue;
		*ret_cell = entry->cell;
		*ret_value = entry->value;
		return true;
	}
	return false;
}

bool eng_cells_counter(const struct eng_graph *graph, const struct eng_node *node,
		       uint32_t *cursor, struct eng_counter *ret_counter)
{
	const struct cells *cells = table_of(node);

	if (node->cell && !*cursor) {
		*cursor = 1;
		ret_counter->type = eng_cell_type(cell_of(graph, node->cell));
		ret_counter->count = 1;
		return true;
	}
	if (!cells || *cursor >= cells->counts_n)
		return false;
	*ret_counter = cells->counts[(*cursor)++];
	return true;
}

bool eng_cells_digest(const struct eng_node *node, uint32_t *cursor, uint32_t *ret_cell,
		      struct pawl_digest *ret_digest)
{
	const struct cells *cells = table_of(node);

	while (cells && *cursor < cells->n) {
		const struct entry *entry = &cells->entries[(*cursor)++];

		if (!entry->has_digest)
			continue;
		*ret_cell = entry->cell;
		*ret_digest = entry->digest;
		return true;
	}
	return false;
}

void eng_cells_restore(const struct eng_graph *graph, struct eng_node *node,
		       const struct eng_counter *counters, uint32_t n)
{
	if (n)
		counts_set(table_make(graph, node), counters, n);
}

size_t eng_cells_bytes(const struct eng_node *node)
{
	const struct cells *cells = table_of(node);

	return cells ? sizeof(*cells) + cells->capacity * sizeof(*cells->entries) +
			       cells->counts_n * sizeof(*cells->counts)
		     : 0;
}

void eng_cells_free(struct eng_node *node)
{
	struct cells *cells = table_of(node);

	pawl_value_unpin(node->cell);
	node->cell = NULL;
	if (!cells)
		return;
	for (uint32_t i = 0; i < cells->n; i++)
		pawl_value_unpin(cells->entries[i].value);
	table_free(node);
}
