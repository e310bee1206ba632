/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * repair.c - what a store has of functions that are others now, or are gone.
 *
 * All tasks are restored, once, and then
 *  - a task whose function has another version is dirty: it runs again, and who has read it hears of what changed;
 *  - a task whose function is gone is nothing any more, and who leads to it is dirty;
 *  - of an immutable task nobody knows who has read it. Who did has come to it by edges that are kept: calls, what
 *    it depends on, references in its arguments, one behind the other. So all that lead there in this way are dirty,
 *    whatever comes out below them, and none of them counts as immutable.
 * Everything else stays as it is. The repaired records are saved in one batch with the new tables, so a process that
 * ends before has the next one do the same.
 *
 * Callers are made before what they call, so going through the ids from the last to the first, as long as that
 * adds any, takes two turns for most graphs.
 */
#include "config.h"

#include <errno.h>

#include <pawl/mem.h>

#include "../graph/context.h"
#include "../graph/pairs.h"
#include "../graph/registry.h"
#include "../graph/run.h"
#include "persist.h"

enum state {
	CHANGED = 1, /* of its function */
	SPOILT = 2,  /* nobody knows what it has seen of that */
	GONE = 4
};

struct repair {
	struct eng_graph *graph;
	const uint8_t *changed; /* functions, by number */
	uint32_t changed_n;
	uint8_t *states; /* enum state, by id */
	uint32_t limit;
	bool found;
};

/* ---- what a task leads to -------------------------------------------------------------------- */

static void lead(struct repair *repair, uint64_t key)
{
	eng_id id = (eng_id)key;

	repair->found |= id < repair->limit && repair->states[id] & (SPOILT | GONE);
}

static void lead_set(struct repair *repair, const struct eng_node *node, enum eng_field field)
{
	const union eng_slot *slot = eng_field(node, field);
	uint32_t cursor = 0, id;

	while (slot && pawl_sset_next(&slot->set, &cursor, &id))
		lead(repair, id);
}

static void lead_set64(struct repair *repair, const struct eng_node *node, enum eng_field field)
{
	const union eng_slot *slot = eng_field(node, field);
	uint32_t cursor = 0;
	uint64_t key;

	while (slot && pawl_sset64_next(&slot->set64, &cursor, &key))
		lead(repair, key);
}

/* The forms of arguments in a key are create.c's. */
void eng_key_each_ref(const struct pawl_function *function, const struct eng_key *key,
		      void (*fn)(void *arg, pawl_ref_t ref), void *arg)
{
	char *args;

	if (!function || !function->arguments)
		return;
	args = eng_must_alloc(function->args_bytes + 1);
	eng_args_read(function, key, args);
	for (size_t i = 0; i < function->arguments_n; i++) {
		const struct pawl_argument *argument = &function->arguments[i];
		const void *at = args + argument->offset;

		if (argument->kind == PAWL_ARGUMENT_REF) {
			fn(arg, *(const pawl_ref_t *)at);
		} else if (argument->kind == PAWL_ARGUMENT_REFS) {
			const struct pawl_refs *refs = at;

			for (size_t j = 0; j < refs->n; j++)
				fn(arg, refs->refs[j]);
		}
	}
	pawl_mem_free(args, function->args_bytes + 1, 0);
}

static void lead_ref(void *arg, pawl_ref_t ref)
{
	lead(arg, ref.pawl_bits);
}

static void lead_arguments(struct repair *repair, const struct eng_node *node)
{
	const struct eng_key *key = eng_node_key(node);

	eng_key_each_ref(eng_function_known(repair->graph->registry, key->function), key,
			 lead_ref, repair);
}

static bool leads_there(struct repair *repair, const struct eng_node *node)
{
	const union eng_slot *slot = eng_field(node, ENG_KEYED_DEPENDENCIES);
	struct eng_pair pair;
	uint32_t cursor = 0;

	repair->found = false;
	lead_set(repair, node, ENG_CHILDREN);
	lead_set(repair, node, ENG_STILL_CHILDREN);
	lead_set(repair, node, ENG_OUTPUT_DEPENDENCIES);
	lead_set64(repair, node, ENG_CELL_DEPENDENCIES);
	lead_set64(repair, node, ENG_COLLECTIBLES_DEPENDENCIES);
	while (slot && eng_pairs_next(slot->pairs, &cursor, &pair))
		lead(repair, pair.a);
	if (!repair->found)
		lead_arguments(repair, node);
	return repair->found;
}

/* ---- which --------------------------------------------------------------------------------- */

static void begin(struct repair *repair, const struct eng_node *node, uint8_t *state)
{
	uint32_t function = eng_node_key(node)->function;

	if (!function)
		*state = GONE;
	else if (function < repair->changed_n && repair->changed[function])
		*state = node->bits & (ENG_IMMUTABLE | ENG_STILL) ? CHANGED | SPOILT : CHANGED;
}

/* Returns: there were more. */
static bool turn(struct repair *repair, bool first)
{
	bool more = false;

	for (eng_id id = repair->limit; id-- > 1;) {
		struct eng_node *node;

		if (!first && repair->states[id] & (SPOILT | GONE))
			continue;
		node = eng_lock_resident(repair->graph, id);
		if (!node)
			continue;
		if (first)
			begin(repair, node, &repair->states[id]);
		if (!(repair->states[id] & (SPOILT | GONE)) && leads_there(repair, node)) {
			repair->states[id] |= SPOILT;
			more = true;
		}
		eng_unlock(node);
		more |= first && repair->states[id];
	}
	return more;
}

/* ---- what is done to them --------------------------------------------------------------------- */

static void mend(struct eng_op *op, struct eng_node *node, uint8_t state)
{
	union eng_slot *still = eng_field(node, ENG_STILL_CHILDREN);

	eng_modify(node, state & GONE ? ENG_META | ENG_DATA : ENG_META);
	if (state & GONE) {
		eng_set_dirty(op, node, 0);
		return;
	}
	node->bits &= ~(ENG_IMMUTABLE | ENG_STILL);
	/* Called again it gets an edge to what is still no longer. Until then it is dirty itself. */
	if (still && state & SPOILT) {
		eng_uncalled(op, node, eng_list_of_set(&op->queue, &still->set));
		eng_field_clear(node, ENG_STILL_CHILDREN);
	}
	if (node->output)
		eng_make_dirty(op, node, true);
}

static void mend_all(struct repair *repair)
{
	struct eng_op op;

	eng_op_begin(&op, repair->graph, ENG_PRIORITY_INITIAL);
	for (eng_id id = 1; id < repair->limit; id++) {
		struct eng_node *node =
			repair->states[id] ? eng_lock_resident(repair->graph, id) : NULL;

		if (!node)
			continue;
		mend(&op, node, repair->states[id]);
		eng_unlock(node);
		eng_op_run(&op);
	}
	eng_op_end(&op);
}

int eng_repair(struct eng_persist *persist)
{
	struct repair repair = {.graph = persist->graph,
				.changed = persist->changed,
				.changed_n = persist->changed_n,
				.limit = persist->backing.limit};
	bool first = true;

	if (!persist->backing.changed || persist->cold || !repair.limit)
		return 0;
	repair.states = pawl_mem_zalloc(repair.limit, 0);
	if (!repair.states)
		return -ENOMEM;
	eng_restore_all(persist->graph);
	while (turn(&repair, first))
		first = false;
	mend_all(&repair);
	pawl_mem_free(repair.states, repair.limit, 0);
	return 0;
}
