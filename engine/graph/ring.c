/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.c - calls that go round in a ring, and waits that do.
 *
 * A task that reaches itself by calls is an error: what it gives would depend on what it gives. Nobody has to wait in
 * such a ring; found as values are, each member sees the others' results of before, and all run for
 * ever. So rings are found where edges between a task and those above appear (aggregate.c, balance.c), and one call
 * of each is taken out.
 *
 * How a ring shows. Take a member with the largest number of all.
 *  1  It is the only one with that number: it is told of itself as its follower. That edge is left out.
 *  2  All that have it are roots: each of them is inner to the one before it.
 *  3  They are no roots: each is a follower of the one before it.
 * For 2 and 3 each edge between equal numbers is looked at when it appears, and when its ends become equal: is there
 * a way back over such edges? Of the edges of one ring the last to be looked at finds all others there. Roots know
 * those above them, and the way up from a task that nobody has called yet is short; followers are looked for
 * downwards, but only if the upper end is a follower itself (ENG_FOLLOWED, which is set before the edge is
 * there). So a graph that is built from its leaves, or from its root, pays nothing: either nobody is above
 * who connects, or nobody is below whom it calls.
 *
 * What the sums are meanwhile. In a ring of roots each counts the next one's dirt, and its own comes back to it:
 * once there was any it stays, and no reader ever finds them clean. But each count is one of edges that
 * are there: a task is in its upper's sums with what it contributes at that moment, and takes out the same when
 * the edge goes, whatever that was made of; the same holds for who is told of the difference. So when a call is
 * taken away the last edge between its two ends takes the contribution of the lower end, own dirt and dirt that
 * came round, out of the upper end, which tells those above it; to the lower end that comes no more, since it was the edge that it would have
 * come along. What is left is what the tasks below contribute: sums are right again when the
 * queue is empty. For collectibles the same, and for counts of active referrers, which a ring of followers keeps.
 * Changes of opposite sign could follow each other round a ring for as long as they do not meet; so an operation
 * that goes on for long with a ring it has found breaks it on the way (op.c).
 *
 * Who fails. A run that connects its calls and finds a ring at that looks for the way back: the call that closes
 * it is taken out again, and the run fails with the ring as its error. Any other operation that finds one takes a
 * call out, and has its caller run again, which calls again, and fails so. Of those who wait for each
 * other the last one to wait fails (engine/runtime/edges.c), and others as they read that. All get the same
 * text for the same ring, and two such errors count as equal, so that none of them runs for another's sake.
 *
 * How it ends: heal.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include <pawl/atomic.h>

#include "../runtime/join.h"
#include "context.h"
#include "ring.h"
#include "told.h"
#include "wait.h"

#define NAMES_MOST 16
#define NAME_BYTES 23 /* as the runtime keeps of a task's name */
#define TEXT_BYTES 1024

/* ---- ways ------------------------------------------------------------------------------ */

/* Which edges a way goes along. */
typedef bool next_fn(const struct eng_node *node, uint32_t number, uint32_t *cursor,
		     eng_id *ret_next);

static bool next_child(const struct eng_node *node, uint32_t number, uint32_t *cursor,
		       eng_id *ret_next)
{
	union eng_slot *slot = eng_field(node, ENG_CHILDREN);

	(void)number;
	return slot && pawl_sset_next(&slot->set, cursor, ret_next);
}

static bool next_upper(const struct eng_node *node, uint32_t number, uint32_t *cursor,
		       eng_id *ret_next)
{
	struct pawl_cmap_entry entry;

	(void)number;
	if (!pawl_cmap_next(&node->uppers, cursor, &entry))
		return false;
	*ret_next = entry.key;
	return true;
}

static bool next_follower(const struct eng_node *node, uint32_t number, uint32_t *cursor,
			  eng_id *ret_next)
{
	union eng_slot *slot = eng_field(node, ENG_FOLLOWERS);
	struct pawl_cmap_entry entry;

	if (!slot || eng_number(node) != number || !pawl_cmap_next(&slot->map, cursor, &entry))
		return false;
	*ret_next = entry.key;
	return true;
}

/*
 * Is there a way? It has at least one edge, also from a task to itself. `seen`, empty before: key is a task, a the
 * one that leads to it; the first is `from`, whose a is who leads back if that is `to`.
 */
static bool walk(struct eng_graph *graph, struct eng_table *seen, next_fn *next,
		 uint32_t number, eng_id from, eng_id to)
{
	bool is_new;

	(void)eng_table_put(seen, from, &is_new);
	for (uint32_t at = 0; at < seen->n; at++) {
		eng_id id = (eng_id)seen->entries[at].key, other = 0;
		struct eng_node *node = eng_lock_any(graph, id);
		uint32_t cursor = 0;
		bool found = false;

		while (node && !found && next(node, number, &cursor, &other)) {
			struct eng_entry *entry = eng_table_put(seen, other, &is_new);

			found = other == to;
			if (is_new || found)
				entry->a = id;
		}
		if (node)
			eng_unlock(node);
		if (found)
			return true;
	}
	return false;
}

/* The way by calls, both ends included; n 0: there is none. From a task to itself: it is there once, at the end. */
static struct eng_list way(struct eng_op *op, eng_id from, eng_id to)
{
	struct eng_list list = {0};
	struct eng_table seen = {0};
	uint32_t n = 0;

	if (walk(op->graph, &seen, next_child, 0, from, to)) {
		list = eng_list_make(&op->queue, seen.n + 1);
		/* Backwards, into the list from its end. */
		for (eng_id id = to; !n || id != to; id = eng_table_get(&seen, id)->a) {
			list.ids[list.n - ++n] = id;
			if (id == from && from != to)
				break;
		}
		list.ids += list.n - n;
		list.n = n;
	}
	eng_table_fini(&seen);
	return list;
}

bool eng_is_above(struct eng_graph *graph, eng_id upper, eng_id id)
{
	struct eng_table seen = {0};
	bool above = walk(graph, &seen, next_upper, 0, id, upper);

	eng_table_fini(&seen);
	return above;
}

bool eng_is_below(struct eng_graph *graph, const struct eng_table *uppers, eng_id id)
{
	struct eng_table seen = {0};
	bool is_new, below = false;

	(void)eng_table_put(&seen, id, &is_new);
	for (uint32_t at = 0; at < seen.n && !below; at++) {
		struct eng_node *node;
		uint32_t cursor = 0;
		eng_id upper;

		id = (eng_id)seen.entries[at].key;
		below = eng_table_get(uppers, id);
		node = eng_lock_any(graph, id);
		while (node && next_upper(node, 0, &cursor, &upper))
			(void)eng_table_put(&seen, upper, &is_new);
		if (node)
			eng_unlock(node);
	}
	eng_table_fini(&seen);
	return below;
}

/* ---- what is said of them ----------------------------------------------------------------- */

static size_t put_name(struct eng_op *op, char *text, size_t length, eng_id id, bool more)
{
	struct eng_node *node = eng_lock_any(op->graph, id);
	int n;

	n = snprintf(text + length, TEXT_BYTES - length, "%s%.*s#%u", length ? " -> " : "",
		     NAME_BYTES,
		     more   ? "..."
		     : node ? eng_node_name(op->graph, node)
			    : "task",
		     id);
	if (node)
		eng_unlock(node);
	return n > 0 && (size_t)n < TEXT_BYTES - length ? length + (size_t)n : length;
}

/* Callers before callees, from the smallest number on. */
static struct pawl_error *error_of(struct eng_op *op, const struct eng_list *ring)
{
	char text[TEXT_BYTES] = "";
	struct pawl_error *error;
	uint32_t first = 0;
	size_t length = 0;

	for (uint32_t i = 0; i < ring->n; i++) {
		if (ring->ids[i] < ring->ids[first])
			first = i;
	}
	for (uint32_t i = 0; i <= ring->n && i <= NAMES_MOST; i++)
		length = put_name(op, text, length, ring->ids[(first + i) % ring->n],
				  i == NAMES_MOST);
	error = eng_error_printf(0, NULL, NULL, ENG_RING_MESSAGE, text);
	error->ring = true;
	return error;
}

struct pawl_error *eng_outputs_ring(void)
{
	struct pawl_error *error = eng_error_printf(0, NULL, NULL, ENG_RING_MESSAGE,
						    "an output that leads to itself");

	error->ring = true;
	return error;
}

/* ---- rings of calls ------------------------------------------------------------------------- */

static void note(struct eng_op *op, struct eng_ring_edge **list, struct eng_ring_edge ring)
{
	struct eng_ring_edge *noted = eng_queue_alloc(&op->queue, sizeof(*noted));

	*noted = ring;
	noted->next = *list;
	*list = noted;
}

void eng_ring_of_calls(struct eng_op *op, eng_id id)
{
	note(op, &op->rings, (struct eng_ring_edge){.upper = id, .task = id});
}

void eng_ring_suspect(struct eng_op *op, eng_id upper, eng_id task, uint32_t number)
{
	note(op, &op->suspects,
	     (struct eng_ring_edge){.upper = upper, .task = task, .number = number});
}

void eng_ring_look(struct eng_op *op)
{
	struct eng_ring_edge *suspect = op->suspects;

	op->suspects = NULL;
	for (; suspect; suspect = suspect->next) {
		struct eng_table seen = {0};
		bool found = suspect->number == ENG_NUMBER_ROOT
				     ? walk(op->graph, &seen, next_upper, 0, suspect->upper,
					    suspect->task)
				     : walk(op->graph, &seen, next_follower, suspect->number,
					    suspect->task, suspect->upper);

		if (found)
			note(op, &op->rings, *suspect);
		eng_table_fini(&seen);
	}
}

struct pawl_error *eng_ring_closed(struct eng_op *op, eng_id caller, eng_id child)
{
	/* Ends: where a call was missing there is another way, or none. */
	for (;;) {
		struct eng_list ring = way(op, child, caller);

		if (!ring.n)
			return NULL;
		if (eng_heal_way(op, &ring, caller))
			return error_of(op, &ring);
	}
}

/* Somebody in the ring who calls again when told to, if there is one. Returns: its place. */
static uint32_t choose_caller(struct eng_op *op, const struct eng_list *ring)
{
	for (uint32_t i = 0; i < ring->n; i++) {
		struct eng_node *node = eng_lock_any(op->graph, ring->ids[i]);
		uint32_t bits = node ? node->bits : ENG_CANCELED;

		if (node)
			eng_unlock(node);
		if (!(bits & (ENG_IMMUTABLE | ENG_CANCELED | ENG_ONCE)))
			return i;
	}
	return 0;
}

/* A run that has called it, and will see that it is no child: it gives back a hold then (connect.c). Locked. */
static bool wants_hold(const struct eng_op *op, const struct eng_node *caller, eng_id callee)
{
	const struct eng_run_state *run = eng_run_of(caller);

	/* A child of the run before: this one's body locks its record for each call (connect.c). */
	return op->graph->track_active && run && !run->planned &&
	       eng_set_has(caller, ENG_CHILDREN, callee) &&
	       eng_called_has(&run->called, callee);
}

/* Who is faster than another operation that has found the same ring has its caller run again. */
static void take_out(struct eng_op *op, eng_id caller, eng_id callee)
{
	struct eng_node *node = eng_lock(op->graph, caller);
	struct eng_list victims = {0};
	bool hold;

	hold = wants_hold(op, node, callee);
	if (!eng_children_take(op, node, eng_list_one(&op->queue, callee), !hold)) {
		eng_unlock(node);
		return;
	}
	op->cause = (struct eng_cause){ENG_CAUSE_RING, callee, 0, 0};
	if (!(node->bits & (ENG_IMMUTABLE | ENG_CANCELED | ENG_ONCE)))
		eng_make_dirty(op, node, true);
	else
		victims = eng_heal_victims(op, node, NULL);
	eng_unlock(node);
	if (hold)
		(void)eng_activate(op, callee);
	eng_heal_retry(op, &victims);
}

/* Returns: the task was in a ring. */
static bool break_one(struct eng_op *op, eng_id id)
{
	struct eng_list ring = way(op, id, id);
	uint32_t at;

	if (!ring.n)
		return false;
	at = choose_caller(op, &ring);
	take_out(op, ring.ids[at], ring.ids[(at + 1) % ring.n]);
	return true;
}

void eng_ring_break(struct eng_op *op)
{
	eng_told_hides(op->graph);
	/* Ends: each turn takes a note away, or a call out of a ring. */
	while (op->rings) {
		struct eng_ring_edge *ring = op->rings;

		if (!break_one(op, ring->upper) && !break_one(op, ring->task) &&
		    op->rings == ring)
			op->rings = ring->next;
		eng_op_work(op);
	}
}

/* ---- rings of waits ------------------------------------------------------------------------- */

/* The ring from the reader's first wait on. */
struct waits {
	struct eng_op *op;
	eng_id victim;
	eng_id member, target; /* who waits, for whom */
	bool opaque;	       /* through something that is not the graph's */
	bool gone;
};

/* The run of `member` waits until all below `target` is done, where `next` is. */
static void tell_waiter(struct waits *waits, eng_id next)
{
	struct eng_op *op = waits->op;
	struct eng_list list = {0};
	struct eng_node *node;

	if (waits->target && waits->target != next) {
		list = way(op, waits->target, next);
		waits->gone |= !list.n || !eng_heal_way(op, &list, waits->victim);
	}
	if (waits->member == waits->victim)
		return;
	node = eng_lock_any(op->graph, waits->member);
	if (node && eng_run_of(node))
		eng_heal_add(node, waits->target, waits->victim);
	else
		waits->gone = true;
	if (node)
		eng_unlock(node);
}

static void next_waiter(void *arg, uint64_t tag)
{
	struct waits *waits = arg;
	struct eng_run_state *run;
	struct eng_node *node;

	/* A call that its run makes beside its body, or a task of the host's. */
	if (tag == ENG_TAG_UNNAMED || !tag) {
		waits->opaque = true;
		return;
	}
	if (waits->opaque && waits->member != waits->victim)
		waits->target = 0;
	tell_waiter(waits, (eng_id)tag);
	waits->opaque = false;
	waits->member = (eng_id)tag;
	node = eng_lock_any(waits->op->graph, waits->member);
	run = node ? eng_run_of(node) : NULL;
	waits->target = run ? pawl_load_relaxed(&run->reading) : 0;
	if (node)
		eng_unlock(node);
}

bool eng_ring_of_waits(struct pawl_context *context, eng_id target, pawl_task_t first)
{
	struct waits waits = {.victim = context->id, .member = context->id, .target = target};
	struct eng_op op;

	eng_op_begin(&op, context->graph, context->priority);
	waits.op = &op;
	if (!eng_ring_each(context->graph->rt, first.pawl_id, next_waiter, &waits))
		waits.gone = true;
	eng_op_end(&op);
	return !waits.gone;
}
