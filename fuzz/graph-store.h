/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph-store.h - the engine's side of graph-program.h on a store in memory: snapshots, ends without saving, restarts,
 * stores that fail and damage. After a snapshot each record is encoded again and compared with what is in the store, so
 * a change that nobody marked is found.
 */
#ifndef FUZZ_GRAPH_STORE_H
#define FUZZ_GRAPH_STORE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pawl/engine.h>
#include <pawl/ids.h>
#include <pawl/store.h>

#include "engine.h"
#include "fuzz.h"
#include "graph.h"
#include "graph/backing.h"
#include "persist/faults.h"
#include "persist/persist.h"

struct graph_store {
	struct pawl_store_disk *disk; /* NULL: there is none */
	struct pawl_store *store;     /* one that fails when told to */
	bool damaged, fails;	      /* it has been told so */
};

static void store_open(struct graph_store *of, struct pawl_engine_options *options)
{
	struct pawl_store *below;

	if (!of->disk)
		FUZZ_CHECK(pawl_store_disk_create(&of->disk) == 0);
	FUZZ_CHECK(pawl_store_open_mem(of->disk, NULL, NULL, &below) == 0);
	FUZZ_CHECK(eng_store_fault(below, 1, &of->store) == 0);
	of->fails = false;
	options->storage = PAWL_STORAGE_READ_WRITE;
	options->store = of->store;
	/* They are made where the program says. */
	options->snapshot_first_ns = options->snapshot_interval_ns = PAWL_FOREVER;
	options->snapshot_idle_ns = PAWL_FOREVER;
}

static void store_fail(struct graph_store *of, unsigned how)
{
	static const enum eng_fault_call calls[] = {ENG_FAULT_ANY, ENG_FAULT_PUT,
						    ENG_FAULT_COMMIT, ENG_FAULT_GET};
	static const int errors[] = {-ENOSPC, -EIO, -ENOMEM, -EUCLEAN};
	if (how & 1) {
		eng_fault_damage(of->store, 1 + how / 16,
				 (enum eng_damage)(how / 4 % ENG_DAMAGE_COUNT));
		of->damaged = true;
		return;
	}
	eng_fault_at(of->store, calls[how / 2 % 4], 1 + how / 16, errors[how / 8 % 4]);
	of->fails = true;
}

static void same_bytes(struct pawl_store_view *view, enum pawl_store_space space, eng_id id,
		       const struct eng_out *out)
{
	struct pawl_slice bytes;

	FUZZ_CHECK(pawl_store_get(view, space, pawl_store_id(id), &bytes) == 0);
	if (bytes.ptr && bytes.len == out->n && !memcmp(bytes.ptr, out->bytes, out->n))
		return;
	fprintf(stderr, "task %u, space %d\n", id, (int)space);
	FUZZ_CHECK(!"what is not modified is as it was saved");
}

static void audit_node(struct eng_graph *graph, struct pawl_store_view *view,
		       struct eng_node *node)
{
	uint32_t marks = node->bits & (ENG_META | ENG_DATA);
	struct eng_image image = {0};
	eng_id id = eng_node_id(node);

	FUZZ_CHECK(eng_image_take(graph, node, ENG_META | ENG_DATA, &image) == 0);
	eng_unlock(node);
	FUZZ_CHECK(eng_image_complete(&image) == 0);
	if (!(marks & ENG_META))
		same_bytes(view, PAWL_STORE_META, id, &image.meta);
	if (!(marks & ENG_DATA))
		same_bytes(view, PAWL_STORE_DATA, id, &image.data);
	eng_image_fini(&image);
}

/* When nothing runs. */
static void store_audit(const struct graph_store *of, struct pawl_engine *engine)
{
	struct eng_graph *graph = engine->graph;
	uint32_t next = (uint32_t)pawl_ids_next(graph->ids[0]);
	struct pawl_store_view *view;

	if (of->damaged || of->fails)
		return;
	FUZZ_CHECK(pawl_store_view_begin(of->store, &view) == 0);
	for (uint32_t id = 1; id < next; id++) {
		struct eng_node *node = eng_lock_resident(graph, id);

		if (node)
			audit_node(graph, view, node);
	}
	pawl_store_view_end(view);
}

/* Whatever becomes of it, if the store fails. */
static void store_snapshot(const struct graph_store *of, struct pawl_engine *engine)
{
	int error = pawl_engine_snapshot(engine, NULL);

	FUZZ_CHECK(!error || of->fails || of->damaged);
}

/* As if the process ended here. */
static void store_forget(struct pawl_engine *engine)
{
	engine->persist->saves = false;
}

static void store_close(struct graph_store *of)
{
	pawl_store_close(of->store);
	of->store = NULL;
}

static void store_drop(struct graph_store *of)
{
	pawl_store_disk_destroy(of->disk);
	*of = (struct graph_store){.disk = NULL};
}

/* All that there is, whether somebody wants it or not. */
static void store_restore_all(struct pawl_engine *engine)
{
	eng_restore_all(engine->graph);
}

static void store_door(struct pawl_engine *engine)
{
	/* It is shut at once: who is inside suspends itself. */
	eng_quiesce_looks(engine->graph->quiesce, 0);
}

#endif
