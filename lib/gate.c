/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate.c - a gate whose cells hear of its closing.
 *
 * A cell for each thread slot: how many entered by it, and one bit CLOSED. Entering adds one by
 * a compare-exchange that refuses CLOSED; leaving subtracts one, by whoever has the ticket,
 * which is the number of the cell. Closing sets CLOSED in each cell; a cell that is empty then,
 * or gets empty later, is *done* once, and the root counts those that are not. At 0 the gate is
 * drained.
 *
 * So the flag that keeps people out and the count of those inside are one word in each cell,
 * and no fence is needed between looking at one and changing the other.
 *
 * Invariants:
 *  I1 a cell is changed by compare-exchange and read-modify-writes only; from its CLOSED on its
 *     count only falls.
 *  I2 root = cells with CLOSED and a count that are not found done yet, plus those that close()
 *     has not come to.
 *  I3 each cell is found done by exactly one: by close() if it was empty when CLOSED was
 *     set, else by the one who took the count to 0.
 *  I4 root, `closed` and `drained` change under the lock. Cells are made under it, while the
 *     gate is open; in a closed one a thread that has none finds the common one closed.
 *
 * Ordering:
 *  O1 leave() releases and acquires on its cell: the last one of a cell passes on what those
 *     before him did.
 *  O2 close() sets CLOSED with acquire: what those did that left an empty cell.
 *  O3 drained is stored with release and read with acquire.
 *  O4 open() clears CLOSED with release, entering acquires.
 *  The lock orders all else. Segments: table-internal.h.
 *
 * At most one leave() for each cell and closing takes the lock. The one who drains stores and
 * notifies under it, and a waiter takes it once before it returns: then he is done with the
 * gate, which may be freed. The lock has no rank, for it is taken under the program's locks and
 * above the event's; nothing of the program is taken under it.
 *
 * No memory for a cell: the common one, which all may use. It is a cell like others.
 *
 * Rejected: one count (a contended line for each entry); a count in each cell and a flag apart
 * (a fence in each entry, and a drain that reads all cells again and again); SNZI's nodes with
 * halves and helping (needed where the zero must be seen while the gate is open).
 */
#include "config.h"

#include <errno.h>

#include <pawl/event.h>
#include <pawl/gate.h>
#include <pawl/mem.h>

#include "table-internal.h"
#include "thread-internal.h"

#define CLOSED UINT32_C(0x80000000)
#define COUNT  (CLOSED - 1)

/* The ticket of the common cell. */
#define COMMON UINT32_MAX

struct cell {
	/* I1 */
	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_atomic_u32 word;
};
PAWL_STATIC_ASSERT(sizeof(struct cell) == PAWL_LINE_BYTES, "a cell is one line");
#define CELL ((struct pawl__item){sizeof(struct cell), 3})

struct pawl_gate {
	struct pawl__table cells; /* by slot; grows under the lock */
	struct cell common;

	PAWL_ALIGNED(PAWL_LINE_BYTES) struct pawl_lock lock;
	uint32_t root; /* I2, I4 */
	bool closed;   /* I4 */
	/* I4; read by anybody. O3 */
	struct pawl_atomic_u32 drained;
	/* Of draining and of opening. */
	struct pawl_event event;
};

int pawl_gate_create(struct pawl_gate **ret_gate)
{
	struct pawl_gate *gate = pawl_mem_zalloc(sizeof(*gate), PAWL_LINE_BYTES);

	if (!gate)
		return -ENOMEM;
	pawl_lock_init(&gate->lock, PAWL_LOCK_RANK_NONE);
	pawl_event_init(&gate->event);
	*ret_gate = gate;
	return 0;
}

void pawl_gate_destroy(struct pawl_gate *gate)
{
	if (!gate)
		return;
	pawl__table_free(&gate->cells, CELL);
	pawl_mem_free(gate, sizeof(*gate), PAWL_LINE_BYTES);
}

/* --- Cells. --- */

static struct cell *cell_of(struct pawl_gate *gate, uint32_t ticket)
{
	return ticket == COMMON ? &gate->common : pawl__table_find(&gate->cells, CELL, ticket);
}

/*
 * Call fn for all cells, under the lock: nobody makes new ones. Returns how often fn said yes.
 */
static uint32_t each_cell_locked(struct pawl_gate *gate, bool (*fn)(struct cell *cell))
{
	uint32_t count = fn(&gate->common);

	for (unsigned s = 0; s < PAWL__TABLE_SEGMENTS; s++) {
		/* Relaxed: segments are made under the lock. */
		struct cell *cells = pawl_load_relaxed(&gate->cells.segment[s]);
		uint64_t in_segment = cells ? pawl__table_segment_items(CELL, s) : 0;

		for (uint64_t i = 0; i < in_segment; i++)
			count += fn(&cells[i]);
	}
	return count;
}

/* The ticket to enter by: the slot, when it has a cell now, else the common one (I4). */
static PAWL_NOINLINE uint32_t cell_make(struct pawl_gate *gate, uint32_t slot)
{
	bool closed;
	int error = 0;

	if (slot == PAWL__SLOT_INTERNAL)
		return COMMON;
	pawl_lock_lock(&gate->lock);
	closed = gate->closed;
	if (!closed)
		error = pawl__table_grow(&gate->cells, CELL, slot);
	pawl_lock_unlock(&gate->lock);
	return closed || error ? COMMON : slot;
}

/* --- Entering and leaving. --- */

int pawl_gate_try_enter(struct pawl_gate *gate, pawl_gate_ticket_t *ret_ticket)
{
	uint32_t ticket = pawl__self_required()->slot;
	struct cell *cell = NULL;
	uint32_t seen;

	if (PAWL_LIKELY(ticket != PAWL__SLOT_INTERNAL))
		cell = cell_of(gate, ticket);
	if (PAWL_UNLIKELY(!cell)) {
		ticket = cell_make(gate, ticket);
		cell = cell_of(gate, ticket);
	}
	seen = pawl_load_relaxed(&cell->word);
	/* Lock-free: a failed exchange means that somebody left here, or the gate closed. */
	do {
		if (seen & CLOSED)
			return -ESHUTDOWN;
	} while (!pawl_cas_weak_acquire(&cell->word, &seen, seen + 1)); /* O4 */
	*ret_ticket = ticket;
	return 0;
}

/* `n` cells are done. Returns whether the gate is drained by that. */
static bool cells_done_locked(struct pawl_gate *gate, uint32_t n)
{
	gate->root -= n;
	if (gate->root)
		return false;
	pawl_store_release(&gate->drained, 1u); /* O3 */
	pawl_event_notify_all(&gate->event);
	return true;
}

static PAWL_NOINLINE bool last_of_cell(struct pawl_gate *gate)
{
	bool drained;

	pawl_lock_lock(&gate->lock);
	drained = cells_done_locked(gate, 1);
	pawl_lock_unlock(&gate->lock);
	return drained;
}

bool pawl_gate_leave(struct pawl_gate *gate, pawl_gate_ticket_t ticket)
{
	struct cell *cell;
	uint32_t was;

	PAWL_REQUIRE((ticket < PAWL__SLOT_INTERNAL || ticket == COMMON) &&
		     "the ticket is of this gate");
	cell = cell_of(gate, ticket);
	PAWL_REQUIRE(cell && "the ticket is of this gate");
	was = pawl_sub_acq_rel(&cell->word, 1u); /* O1 */
	PAWL_REQUIRE((was & COUNT) && "the ticket was not used yet");
	return PAWL_UNLIKELY(was == (CLOSED | 1)) && last_of_cell(gate);
}

/* --- Closing, waiting, opening. --- */

static bool close_cell(struct cell *cell)
{
	return !pawl_or_acquire(&cell->word, CLOSED); /* O2 */
}

static bool open_cell(struct cell *cell)
{
	pawl_and_release(&cell->word, ~CLOSED); /* O4 */
	return true;
}

static bool any_cell(struct cell *cell)
{
	(void)cell;
	return true;
}

int pawl_gate_close(struct pawl_gate *gate)
{
	int error = -EALREADY;

	pawl_lock_lock(&gate->lock);
	if (!gate->closed) {
		error = 0;
		gate->closed = true;
		gate->root = each_cell_locked(gate, any_cell);
		(void)cells_done_locked(gate, each_cell_locked(gate, close_cell));
	}
	pawl_lock_unlock(&gate->lock);
	return error;
}

int pawl_gate_open(struct pawl_gate *gate)
{
	int error = 0;

	pawl_lock_lock(&gate->lock);
	if (!gate->closed) {
		error = -EALREADY;
	} else if (!pawl_load_relaxed(&gate->drained)) {
		error = -EBUSY;
	} else {
		gate->closed = false;
		pawl_store_relaxed(&gate->drained, 0u);
		(void)each_cell_locked(gate, open_cell);
		pawl_event_notify_all(&gate->event);
	}
	pawl_lock_unlock(&gate->lock);
	return error;
}

bool pawl_gate_drained(const struct pawl_gate *gate)
{
	return pawl_load_acquire(&gate->drained); /* O3 */
}

int pawl_gate_wait_until(struct pawl_gate *gate, uint64_t deadline_ns)
{
	while (!pawl_gate_drained(gate)) {
		struct pawl_listener listener;
		int error;

		pawl_event_listen(&gate->event, &listener, "a gate to drain", 0);
		if (pawl_gate_drained(gate)) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_event_wait_until(&listener, deadline_ns);
		if (error && !pawl_gate_drained(gate))
			return error;
	}
	/* The one who drained it is done with it: see the head. */
	pawl_lock_lock(&gate->lock);
	pawl_lock_unlock(&gate->lock);
	return 0;
}

void pawl_gate_wait(struct pawl_gate *gate)
{
	int error = pawl_gate_wait_until(gate, PAWL_FOREVER);

	PAWL_REQUIRE(!error);
}

pawl_gate_ticket_t pawl_gate_enter(struct pawl_gate *gate)
{
	pawl_gate_ticket_t ticket;

	while (pawl_gate_try_enter(gate, &ticket)) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->event, &listener, "a gate to open", 0);
		if (!pawl_gate_try_enter(gate, &ticket)) {
			pawl_event_unlisten(&listener);
			break;
		}
		pawl_event_wait(&listener);
	}
	return ticket;
}
