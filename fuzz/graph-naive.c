/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph-naive.c - the tasks of graph-program.h on the naive engine.
 */
#include "config.h"

#include "naive.h"

#define GRAPH_HAS_RING naive_has_ring
#define GRAPH_IS_LOOSE naive_is_loose
#include "graph-program.h"

const struct graph_side graph_naive = GRAPH_SIDE;
