/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - priority lanes.
 *
 * A lane has two halves. Pushers link what they bring, one item or a chain ("batch"), into the
 * inbox: a word with the newest batch, each batch linked to the older one. Pops work on the
 * outbox, a list in the order of the pushes, which belongs to whoever set `held`. When the
 * outbox has run out, the pop takes the whole inbox with one exchange and turns the batches
 * (not the items in them) round.
 *
 * A word for all lanes, the summary, has a bit for each lane that probably holds something; by
 * it a pop finds the lane. It is a hint: what counts as empty is the lanes' own words.
 *
 *  I1 An item is, from the moment its push replaced the inbox until a pop has it: in the inbox,
 *     or in an outbox whose `front` is not NULL. So whoever finds inbox and then front NULL
 *     knows that all pushes before were popped. A pop that moves items writes MOVING to front
 *     before it takes the inbox (O3), and NULL only when it has no item left.
 *  I2 The bit of a lane is set, or somebody is on the way to set it, whenever the lane holds
 *     something: the pusher that found the inbox NULL sets it afterwards, unconditionally. A
 *     pop that leaves nothing in the lane clears the bit, looks at the inbox again, and if a push
 *     came in between sets it again (O2).
 *  I3 `oldest` is not above the stamp of the lane's first item, but while the push that brought
 *     it is under way, and exact after a pop that left something in the lane. It is a hint as
 *     well: the due time is looked at again when the lane is held, and nothing is taken that is
 *     due later than the second best. Pushers only lower it: one that is late, and whose item was
 *     popped long ago, makes it too low at worst. Pops raise it, to a stamp, or to the end of
 *     time where they leave nothing (O5).
 *  I4 The pop that takes the last item clears the bit. Leaving that to the next one saves a
 *     read-modify-write where one lane is used, and costs a taking of the lane where several
 *     are used sparsely, which is how schedulers use them (lanes-pair).
 *
 * Ordering:
 *  O1 inbox: replaced with release, taken with acquire. The taker reads the last push, whose
 *     compare-exchange continues the release sequences of those before it: it is ordered after
 *     all of them.
 *  O2 summary: set with release after the inbox, cleared with acquire before the second look at
 *     the inbox. Both are read-modify-writes of one word: if the setting comes first, the
 *     clearing reads it and sees the inbox; if it comes second, the bit stays. No fence.
 *  O3 The taking of the inbox releases MOVING; is_empty() acquires at the inbox, then reads
 *     front. So who finds the inbox taken finds MOVING, or what came after it.
 *  O4 held: acquired and released as a lock is. The outbox is plain but for front.
 *  O5 oldest is raised before the bit is cleared with release, and lowered after the bit is set
 *     with acquire: the pusher that comes after the clearing lowers the raised one. If the setting
 *     comes first, the clearing pop finds the inbox (O2), and says "not known". A pop acquires
 *     the summary: it does not pass a lane over for the item of a later push.
 *  oldest, count: relaxed, numbers.
 *
 * Progress: a push is a compare-exchange that fails only if another push or a taking succeeded;
 * then at most one read-modify-write of the summary. A pop never waits for a push. Two pops of
 * one lane exclude each other: the loser looks again for PAWL__SPIN_TURNS, then takes another
 * lane, and if there is no other, tells the caller (-EAGAIN); so a thread that is interrupted
 * while it holds a lane stops that lane's items and no thread. Turning round is a step a batch.
 *
 * Why nodes of the caller's and not blocks of slots (bench/b-queue.c, lanes-pair, lanes-cross):
 *  - a push that cannot fail: a scheduler that may not run out of memory while it makes things
 *    ready needs no second plan. This decided;
 *  - blocks cost 8 bytes an item instead of 24, but reserve a slot first and fill it later, and
 *    a pop has to wait for a pusher that was interrupted in between. Here it never does;
 *  - bench/b-queue.c has a crate with blocks (concurrent-queue) side by side: batches cost less
 *    here, since a chain goes in by one exchange. Single items between two threads cost more.
 *
 * Rejected: the summary as the truth (each push would have to fence and look at it, and between
 * the clearing and the second look a third thread would see a false "empty"); moving items that
 * have waited to more urgent lanes (work for each item, and in between they are nowhere);
 * looking at the clock in a pop; a random or every-61st pop for old lanes (no bound that can be
 * stated); a parking lock for `held` (twice the price, and there is always something better to
 * do than wait).
 */
#include "config.h"

#include <errno.h>
#include <limits.h>

#include <pawl/atomic.h>
#include <pawl/lanes.h>
#include <pawl/mem.h>

#include "arch.h"
#include "park-internal.h"

/* front while a pop moves the inbox: not NULL, and nobody's node. */
#define MOVING ((void *)(uintptr_t)1)

struct lane {
	/* Written by pushers, and by the pop that holds the lane: the newest batch (O1, O3). */
	struct pawl_atomic_ptr inbox PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* With a limit: items in the lane. Raised by pushers before, lowered by pops after. */
	struct pawl_atomic_u64 count;

	/* 1: a pop has its hands in the outbox (O4). */
	struct pawl_atomic_u32 held PAWL_ALIGNED(PAWL_LINE_BYTES);
	/* First item of the outbox, MOVING, or NULL (I1). By the holder. */
	struct pawl_atomic_ptr front;
	/* A stamp (I3). By the holder, and lowered by the pusher that woke the lane. */
	struct pawl_atomic_u64 oldest;
	/* Batches behind the one that front is in, oldest first. The holder's. */
	struct pawl_lane_node *rest;
};
PAWL_STATIC_ASSERT(sizeof(struct lane) == 2 * PAWL_LINE_BYTES, "two lines a lane");
PAWL_STATIC_ASSERT(offsetof(struct lane, held) == PAWL_LINE_BYTES, "pops apart from pushes");

struct pawl_lanes {
	/* Constant. */
	unsigned count;
	uint64_t age_step;
	uint64_t lane_max;

	/* By pushers and pops (I2, O2). */
	struct pawl_atomic_u64 summary PAWL_ALIGNED(PAWL_LINE_BYTES);

	struct lane lane[] PAWL_ALIGNED(PAWL_LINE_BYTES);
};

static size_t lanes_bytes(unsigned count)
{
	return sizeof(struct pawl_lanes) + count * sizeof(struct lane);
}

int pawl_lanes_create(const struct pawl_lanes_options *options, struct pawl_lanes **ret_lanes)
{
	static const struct pawl_lanes_options usual = PAWL_LANES_OPTIONS_INIT;
	struct pawl_lanes *lanes;

	if (!options)
		options = &usual;
	if (options->size > sizeof(*options))
		return -E2BIG;
	if (options->size < sizeof(*options) || !options->lanes ||
	    options->lanes > PAWL_LANES_MAX || options->reserved)
		return -EINVAL;
	lanes = pawl_mem_alloc(lanes_bytes(options->lanes), PAWL_LINE_BYTES);
	if (!lanes)
		return -ENOMEM;
	lanes->count = options->lanes;
	lanes->age_step = options->age_step;
	lanes->lane_max = options->lane_max;
	pawl_init_word(&lanes->summary, 0u);
	for (unsigned k = 0; k < lanes->count; k++) {
		struct lane *lane = &lanes->lane[k];

		pawl_init_word(&lane->inbox, (void *)NULL);
		pawl_init_word(&lane->count, 0u);
		pawl_init_word(&lane->held, 0u);
		pawl_init_word(&lane->front, (void *)NULL);
		pawl_init_word(&lane->oldest, UINT64_MAX);
		lane->rest = NULL;
	}
	*ret_lanes = lanes;
	return 0;
}

void pawl_lanes_destroy(struct pawl_lanes *lanes)
{
	if (!lanes)
		return;
	PAWL_REQUIRE(pawl_lanes_is_empty(lanes) && "lanes are empty when they are destroyed");
	pawl_mem_free(lanes, lanes_bytes(lanes->count), PAWL_LINE_BYTES);
}

unsigned pawl_lanes_count(const struct pawl_lanes *lanes)
{
	return lanes->count;
}

/* --- Pushing. --- */

/* Room for n items, if there is a limit. */
static bool reserve(const struct pawl_lanes *lanes, struct lane *lane, size_t n)
{
	uint64_t seen;

	if (PAWL_LIKELY(!lanes->lane_max))
		return true;
	seen = pawl_load_relaxed(&lane->count);
	/* Ends: a failure is another thread's success. */
	do {
		if (n > lanes->lane_max || seen > lanes->lane_max - n)
			return false;
	} while (!pawl_cas_weak_relaxed(&lane->count, &seen, seen + n));
	return true;
}

/* The hint is not to be above this stamp (I3). */
static void lower(struct lane *lane, uint64_t stamp)
{
	uint64_t seen = pawl_load_relaxed(&lane->oldest);

	/* Ends: a failure is another's lowering, or a pop's correction. */
	while (stamp < seen && !pawl_cas_weak_relaxed(&lane->oldest, &seen, stamp))
		;
}

/* Link a batch, say so in the summary. From the exchange on its nodes may be gone. */
static void deliver(struct pawl_lanes *lanes, unsigned k, struct pawl_lane_node *batch,
		    uint64_t stamp)
{
	struct lane *lane = &lanes->lane[k];
	uint64_t bit = UINT64_C(1) << k;
	void *seen = pawl_load_relaxed(&lane->inbox); /* relaxed: compared, never followed */

	/* Ends: a failure is another thread's success. */
	do {
		batch->pawl_u.pawl_older = seen;
	} while (!pawl_cas_weak_release(&lane->inbox, &seen, (void *)batch)); /* O1 */
	if (!seen) {
		pawl_or_acq_rel(&lanes->summary, bit); /* O2, O5 */
		if (lanes->age_step != PAWL_FOREVER)
			lower(lane, stamp);
	} else if (PAWL_UNLIKELY(!(pawl_load_relaxed(&lanes->summary) & bit))) {
		/*
		 * Somebody found the inbox NULL and has not said so yet. Relaxed: that
		 * one's setting is what I2 stands on; this makes it soon.
		 */
		pawl_or_relaxed(&lanes->summary, bit);
	}
}

int pawl_lanes_push(struct pawl_lanes *lanes, unsigned lane, struct pawl_lane_node *node,
		    uint64_t stamp)
{
	if (PAWL_UNLIKELY(lane >= lanes->count))
		return -EINVAL;
	if (!reserve(lanes, &lanes->lane[lane], 1))
		return -ENOSPC;
	node->pawl_next = NULL;
	node->pawl_stamp = stamp;
	deliver(lanes, lane, node, stamp);
	return 0;
}

int pawl_lanes_push_n(struct pawl_lanes *lanes, unsigned lane,
		      struct pawl_lane_node *const *nodes, size_t n, uint64_t stamp)
{
	if (PAWL_UNLIKELY(lane >= lanes->count))
		return -EINVAL;
	if (!n)
		return 0;
	if (!reserve(lanes, &lanes->lane[lane], n))
		return -ENOSPC;
	for (size_t i = 0; i < n; i++) {
		nodes[i]->pawl_next = i + 1 < n ? nodes[i + 1] : NULL;
		nodes[i]->pawl_stamp = stamp;
	}
	deliver(lanes, lane, nodes[0], stamp);
	return 0;
}

/* --- Which lane. --- */

/* Saturates: what would be due after the end of time is due at the end. */
static uint64_t due(const struct pawl_lanes *lanes, unsigned k, uint64_t stamp)
{
	uint64_t wait, at;

	if (__builtin_mul_overflow(lanes->age_step, (uint64_t)k, &wait) ||
	    __builtin_add_overflow(stamp, wait, &at))
		return UINT64_MAX;
	return at;
}

/*
 * The lane of `word` that is due first. Items of it may be taken as long as they are due
 * not later than *ret_limit: then it is another lane's turn.
 */
static unsigned choose(const struct pawl_lanes *lanes, uint64_t word, uint64_t *ret_limit)
{
	unsigned best = (unsigned)__builtin_ctzll(word);
	uint64_t earliest;

	*ret_limit = UINT64_MAX;
	word &= word - 1;
	if (!word || lanes->age_step == PAWL_FOREVER)
		return best;
	earliest = due(lanes, best, pawl_load_relaxed(&lanes->lane[best].oldest));
	for (; word; word &= word - 1) {
		unsigned k = (unsigned)__builtin_ctzll(word);
		uint64_t at = due(lanes, k, pawl_load_relaxed(&lanes->lane[k].oldest));

		if (at < earliest) {
			/* The former best is more urgent: what is due with it is its. */
			*ret_limit = earliest - 1;
			earliest = at;
			best = k;
		} else if (at < *ret_limit) {
			*ret_limit = at;
		}
	}
	return best;
}

/* Does the lane hold something? In this order: I1. */
static bool holds(const struct lane *lane)
{
	return pawl_load_acquire(&lane->inbox) || /* O3 */
	       pawl_load_relaxed(&lane->front);
}

/* The lanes that hold something. */
static uint64_t look_everywhere(const struct pawl_lanes *lanes)
{
	uint64_t word = 0;

	for (unsigned k = 0; k < lanes->count; k++) {
		if (holds(&lanes->lane[k]))
			word |= UINT64_C(1) << k;
	}
	return word;
}

/* --- Popping. --- */

static bool take_hold(struct lane *lane)
{
	uint32_t seen = 0;

	/* Relaxed: a look before the exchange, so that losers do not pull the line. */
	return !pawl_load_relaxed(&lane->held) &&
	       pawl_cas_acquire(&lane->held, &seen, 1u); /* O4 */
}

/* The outbox has run out: take the inbox. Its oldest batch is returned, the others are `rest`. */
static struct pawl_lane_node *refill(struct lane *lane)
{
	struct pawl_lane_node *batch, *newer = NULL;

	/* Relaxed: NULL is only believed together with O2 (close_lane). */
	if (!pawl_load_relaxed(&lane->inbox))
		return NULL;
	/* Relaxed: O3 publishes it. (Not NULL: a last item is about to be returned.) */
	if (!pawl_load_relaxed(&lane->front) && PAWL_MC_STEP("lanes-moving"))
		pawl_store_relaxed(&lane->front, MOVING);
	batch = pawl_xchg_acq_rel(&lane->inbox, (void *)NULL); /* O1, O3 */
	for (;;) {
		struct pawl_lane_node *older = batch->pawl_u.pawl_older;

		batch->pawl_u.pawl_older = newer;
		if (!older)
			break;
		newer = batch;
		batch = older;
	}
	lane->rest = newer;
	return batch;
}

/* The item behind `node` in the outbox. */
static struct pawl_lane_node *behind(struct lane *lane, const struct pawl_lane_node *node)
{
	struct pawl_lane_node *next = node->pawl_next;

	if (!next && lane->rest) {
		next = lane->rest;
		lane->rest = next->pawl_u.pawl_older; /* turned round: the newer one */
	}
	return next;
}

/* The outbox has run out: if nothing is in the inbox, clear the bit, and look again (O2). */
static void close_lane(struct pawl_lanes *lanes, unsigned k)
{
	struct lane *lane = &lanes->lane[k];
	uint64_t bit = UINT64_C(1) << k;

	/* Relaxed: if this is old, the bit stays set, and the next pop finds nothing. */
	if (!pawl_load_relaxed(&lane->inbox)) {
		pawl_store_relaxed(&lane->oldest, UINT64_MAX);
		pawl_and_acq_rel(&lanes->summary, ~bit); /* O2, O5 */
		if (!PAWL_MC_STEP("lanes-look-again") || !pawl_load_relaxed(&lane->inbox))
			return;
		/* Relaxed: the pusher's own setting, before ours, is what others acquire. */
		pawl_or_relaxed(&lanes->summary, bit);
	}
	/* Not known: the pusher may have found the hint low enough before it was raised. */
	pawl_store_relaxed(&lane->oldest, 0u);
}

/* Take up to `max` items that are due by `limit` out of a lane that the caller holds. */
static size_t take(struct pawl_lanes *lanes, unsigned k, uint64_t limit, size_t max,
		   struct pawl_lane_node **ret_nodes)
{
	struct lane *lane = &lanes->lane[k];
	struct pawl_lane_node *front = pawl_load_relaxed(&lane->front); /* the holder's own */
	size_t n = 0;

	if (!front)
		front = refill(lane);
	while (front && n < max &&
	       (limit == UINT64_MAX || due(lanes, k, front->pawl_stamp) <= limit)) {
		struct pawl_lane_node *next = behind(lane, front);

		front->pawl_u.pawl_lane = k;
		ret_nodes[n++] = front;
		/* At once, and not by the next pop: `oldest` is then exact (I3). */
		front = next ? next : refill(lane);
	}
	if (front)
		pawl_store_relaxed(&lane->oldest, front->pawl_stamp);
	else
		close_lane(lanes, k);
	/* Relaxed: the next holder has it by O4; others ask only whether it is NULL. */
	pawl_store_relaxed(&lane->front, (void *)front);
	if (lanes->lane_max && n)
		pawl_sub_relaxed(&lane->count, n);
	return n;
}

int pawl_lanes_pop_n(struct pawl_lanes *lanes, size_t max, struct pawl_lane_node **ret_nodes)
{
	uint64_t others = 0; /* lanes that other pops have their hands in */
	unsigned turn = 0;
	size_t n = 0;

	PAWL_REQUIRE(max >= 1 && max <= INT_MAX);
	/*
	 * Ends: each turn takes items, or clears a bit or corrects a hint (which only
	 * pushes undo), or uses up one of the turns or of the lanes.
	 */
	while (n < max) {
		/* Who sees a bit sees the stamps of the pushes before (O5). */
		uint64_t word = pawl_load_acquire(&lanes->summary) & ~others;
		uint64_t limit;
		unsigned k;

		if (!word) {
			if (n)
				break;
			word = look_everywhere(lanes);
			if (!word)
				return 0;
			word &= ~others;
			if (!word)
				return -EAGAIN;
		}
		k = choose(lanes, word, &limit);
		if (take_hold(&lanes->lane[k])) {
			n += take(lanes, k, limit, max - n, ret_nodes + n);
			pawl_store_release(&lanes->lane[k].held, 0u); /* O4 */
		} else if (turn < pawl__spin_turns()) {
			pawl__spin_turn(turn++);
		} else {
			others |= UINT64_C(1) << k;
		}
	}
	return (int)n;
}

int pawl_lanes_pop(struct pawl_lanes *lanes, struct pawl_lane_node **ret_node)
{
	return pawl_lanes_pop_n(lanes, 1, ret_node);
}

/* --- Asking. --- */

bool pawl_lanes_is_empty(const struct pawl_lanes *lanes)
{
	for (unsigned k = 0; k < lanes->count; k++) {
		if (holds(&lanes->lane[k]))
			return false;
	}
	return true;
}

uint64_t pawl_lanes_summary(const struct pawl_lanes *lanes)
{
	return pawl_load_relaxed(&lanes->summary); /* relaxed: a hint */
}
