/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modify.c - marks of modified records, and bitmaps of their ids.
 *
 * A bitmap has three levels, of 512 and 512 addresses and 8192 bits, each made when it is first needed. Bits
 * are only ever set while it is the present one, and read when it was taken.
 *
 * Invariants:
 *  I1 a record whose mark is of the present epoch is in the present bitmap.
 *  I2 while a snapshot is under way a record whose mark is of the captured epoch is in the taken bitmap, and its
 *     category is as it was when it was captured.
 *  I3 there are no other marks: the third number is that of the epoch before, all of whose records were encoded
 *     before the next capture.
 *
 * Ordering: marks are under the record's lock. Stamps, captured and the present bitmap change at a moment of quiet,
 * while who changes records is outside (quiesce.c), so all of them are read relaxed. The end of a snapshot
 * does not change what any mark means, since none of the captured epoch is left then.
 */
#include "config.h"

#include "modify.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>

#include "graph.h"

#define MARKS_MOST ENG_MARKS
#define LEAF_BITS  13u
#define LINK_BITS  9u
#define LEAF_WORDS (1u << (LEAF_BITS - 6))
#define LINKS	   (1u << LINK_BITS)

/* In both categories. */
#define BOTH(n) ((n) * (ENG_META & ~(ENG_META << 1)) | (n) * (ENG_DATA & ~(ENG_DATA << 1)))

struct leaf {
	struct pawl_atomic_u64 words[LEAF_WORDS];
};

struct middle {
	struct pawl_atomic_ptr leaves[LINKS];
};

struct eng_bitmap {
	/* All ids are below it. 0: there is none. */
	struct pawl_atomic_u32 limit;
	struct pawl_atomic_ptr middles[LINKS];
};

/* Those of engines that keep what they compute, by number, from 1. */
static struct pawl_atomic_ptr marks_of[MARKS_MOST + 1];

/* ---- bitmaps ------------------------------------------------------------------------- */

/* What a link leads to, made if it led nowhere: of two that make it one is too late. */
static void *link_make(struct pawl_atomic_ptr *link, size_t bytes)
{
	void *there = pawl_load_acquire(link), *made;

	if (there)
		return there;
	made = eng_must_zalloc(bytes);
	if (pawl_cas_acq_rel(link, &there, made))
		return made;
	pawl_mem_free(made, bytes, 0);
	return there;
}

/* Returns: it is the first one. */
static bool bitmap_set(struct eng_bitmap *bitmap, uint32_t id)
{
	uint32_t limit;
	struct middle *middle = link_make(&bitmap->middles[id >> (LEAF_BITS + LINK_BITS)],
					  sizeof(struct middle));
	struct leaf *leaf =
		link_make(&middle->leaves[id >> LEAF_BITS & (LINKS - 1)], sizeof(struct leaf));

	/* Relaxed: read after a moment of quiet. */
	(void)pawl_or_relaxed(&leaf->words[id >> 6 & (LEAF_WORDS - 1)], UINT64_C(1)
										<< (id & 63));
	limit = pawl_load_relaxed(&bitmap->limit);
	/* Lock-free: a failed exchange means that somebody raised it, or nothing. */
	while (limit <= id && !pawl_cas_weak_relaxed(&bitmap->limit, &limit, id + 1))
		;
	return !limit;
}

static void set(struct eng_marks *marks, eng_id id)
{
	if (PAWL_LIKELY(!bitmap_set(pawl_load_relaxed(&marks->modified), id)))
		return;
	if (marks->begun)
		marks->begun(marks->arg);
	/* The event has the fence between what was stored and who listens. */
	pawl_event_notify_all(&marks->first);
}

static const struct leaf *leaf_of(const struct eng_bitmap *bitmap, uint32_t id,
				  unsigned *ret_skip)
{
	const struct middle *middle =
		pawl_load_relaxed(&bitmap->middles[id >> (LEAF_BITS + LINK_BITS)]);

	*ret_skip = middle ? LEAF_BITS : LEAF_BITS + LINK_BITS;
	return middle ? pawl_load_relaxed(&middle->leaves[id >> LEAF_BITS & (LINKS - 1)])
		      : NULL;
}

bool eng_bitmap_next(const struct eng_bitmap *bitmap, uint32_t *id)
{
	uint64_t at = *id, limit = pawl_load_relaxed(&bitmap->limit);

	while (at < limit) {
		unsigned skip;
		const struct leaf *leaf = leaf_of(bitmap, (uint32_t)at, &skip);
		uint64_t word;

		if (!leaf) {
			at = ((at >> skip) + 1) << skip;
			continue;
		}
		word = pawl_load_relaxed(&leaf->words[at >> 6 & (LEAF_WORDS - 1)]);
		word &= ~UINT64_C(0) << (at & 63);
		if (!word) {
			at = ((at >> 6) + 1) << 6;
			continue;
		}
		*id = (uint32_t)(at & ~UINT64_C(63)) + (uint32_t)__builtin_ctzll(word);
		return true;
	}
	return false;
}

bool eng_bitmap_is_empty(const struct eng_bitmap *bitmap)
{
	return !pawl_load_relaxed(&bitmap->limit);
}

/* Of the links of one level how many may lead somewhere; `shift`: the ids below one. */
static unsigned links_of(uint32_t limit, unsigned shift)
{
	uint32_t n = limit ? ((limit - 1) >> shift) + 1 : 0;

	return n < LINKS ? n : LINKS;
}

static void bitmap_clear(struct eng_bitmap *bitmap)
{
	uint32_t limit = pawl_load_relaxed(&bitmap->limit);

	for (unsigned i = 0; i < links_of(limit, LEAF_BITS + LINK_BITS); i++) {
		struct middle *middle = pawl_load_relaxed(&bitmap->middles[i]);

		if (!middle)
			continue;
		for (unsigned j = 0; j < links_of(limit, LEAF_BITS); j++)
			pawl_mem_free(pawl_load_relaxed(&middle->leaves[j]),
				      sizeof(struct leaf), 0);
		pawl_mem_free(middle, sizeof(*middle), 0);
		pawl_store_relaxed(&bitmap->middles[i], NULL);
	}
	pawl_store_relaxed(&bitmap->limit, 0u);
}

struct eng_bitmap *eng_bitmap_make(void)
{
	return eng_must_zalloc(sizeof(struct eng_bitmap));
}

void eng_bitmap_put(struct eng_bitmap *bitmap, uint32_t id)
{
	(void)bitmap_set(bitmap, id);
}

void eng_bitmap_free(struct eng_bitmap *bitmap)
{
	if (!bitmap)
		return;
	bitmap_clear(bitmap);
	pawl_mem_free(bitmap, sizeof(*bitmap), 0);
}

/* What the one has into the other, which is in use; whole parts are moved, so no memory is needed. */
static void leaf_merge(struct pawl_atomic_ptr *into, struct pawl_atomic_ptr *from)
{
	struct leaf *leaf = pawl_load_relaxed(from), *other;
	void *there = NULL;

	if (!leaf)
		return;
	pawl_store_relaxed(from, NULL);
	/* Acquire: what is there may have been made just now. What goes there was made before the capture. */
	if (pawl_cas_acquire(into, &there, leaf))
		return;
	other = there;
	for (unsigned i = 0; i < LEAF_WORDS; i++)
		(void)pawl_or_relaxed(&other->words[i], pawl_load_relaxed(&leaf->words[i]));
	pawl_mem_free(leaf, sizeof(*leaf), 0);
}

static void bitmap_merge(struct eng_bitmap *into, struct eng_bitmap *from)
{
	uint32_t limit = pawl_load_relaxed(&from->limit), other = 0;

	for (unsigned i = 0; i < links_of(limit, LEAF_BITS + LINK_BITS); i++) {
		struct middle *middle = pawl_load_relaxed(&from->middles[i]);
		void *there = NULL;

		if (!middle)
			continue;
		/* Acquire: as above. */
		if (pawl_cas_acquire(&into->middles[i], &there, middle)) {
			pawl_store_relaxed(&from->middles[i], NULL);
			continue;
		}
		for (unsigned j = 0; j < links_of(limit, LEAF_BITS); j++)
			leaf_merge(&((struct middle *)there)->leaves[j], &middle->leaves[j]);
	}
	/* Lock-free, as above. */
	while (other < limit && !pawl_cas_weak_relaxed(&into->limit, &other, limit))
		;
	bitmap_clear(from);
}

/* ---- modifying ----------------------------------------------------------------------- */

void eng_modify_kept(struct eng_node *node, uint32_t categories)
{
	struct eng_marks *marks = pawl_load_relaxed(&marks_of[eng_word(node) & ENG_MARKS]);
	/* Relaxed: see the head, all three. */
	uint32_t now = pawl_load_relaxed(&marks->stamps) & categories, captured, pending = 0;

	if ((node->bits & categories) == now)
		return;
	captured = pawl_load_relaxed(&marks->captured);
	if (captured) {
		pending = eng_marks_pending(marks, node);
		if (pending && PAWL_MC_STEP("help"))
			marks->help(marks->arg, node, pending);
	}
	node->bits = (node->bits & ~categories) | now;
	set(marks, pawl_slot_id(&node->slot));
}

void eng_marks_new(struct eng_marks *marks, struct eng_node *node, eng_id id)
{
	eng_word_set(node, marks->number);
	node->bits |= pawl_load_relaxed(&marks->stamps);
	set(marks, id);
}

/* ---- snapshots ------------------------------------------------------------------------ */

struct eng_bitmap *eng_marks_capture(struct eng_marks *marks)
{
	struct eng_bitmap *modified = pawl_load_relaxed(&marks->modified);
	uint32_t stamps = pawl_load_relaxed(&marks->stamps);

	PAWL_REQUIRE(!pawl_load_relaxed(&marks->captured) && "one snapshot at a time");
	if (eng_bitmap_is_empty(modified))
		return NULL;
	pawl_store_relaxed(&marks->modified, marks->taken);
	marks->taken = modified;
	pawl_store_relaxed(&marks->captured, stamps);
	pawl_store_relaxed(&marks->stamps, stamps == BOTH(3u) ? BOTH(1u) : stamps + BOTH(1u));
	return modified;
}

uint32_t eng_marks_pending(const struct eng_marks *marks, struct eng_node *node)
{
	uint32_t captured = pawl_load_relaxed(&marks->captured), pending = 0;

	if (node->bits & ENG_META && (node->bits & ENG_META) == (captured & ENG_META))
		pending |= ENG_META;
	if (node->bits & ENG_DATA && (node->bits & ENG_DATA) == (captured & ENG_DATA))
		pending |= ENG_DATA;
	node->bits &= ~pending;
	return pending;
}

void eng_marks_end(struct eng_marks *marks)
{
	pawl_lock_lock(&marks->ending);
	pawl_store_relaxed(&marks->captured, 0u);
	bitmap_clear(marks->taken);
	pawl_lock_unlock(&marks->ending);
}

bool eng_marks_has_taken(struct eng_marks *marks, eng_id id)
{
	bool has;

	/* Relaxed: it is captured while nobody is inside, and ends under the lock. */
	if (!pawl_load_relaxed(&marks->captured))
		return false;
	pawl_lock_lock(&marks->ending);
	has = pawl_load_relaxed(&marks->captured) && eng_bitmap_has(marks->taken, id);
	pawl_lock_unlock(&marks->ending);
	return has;
}

void eng_marks_fail(struct eng_marks *marks, struct eng_graph *graph)
{
	uint32_t stamps = pawl_load_relaxed(&marks->stamps);

	/* What was encoded counts as well: it was not saved. */
	for (uint32_t id = 0; eng_bitmap_next(marks->taken, &id); id++) {
		struct eng_node *node = eng_lock_resident(graph, id);

		if (!node)
			continue;
		node->bits = (node->bits & ~(ENG_META | ENG_DATA)) | stamps;
		eng_unlock(node);
	}
	pawl_lock_lock(&marks->ending);
	bitmap_merge(pawl_load_relaxed(&marks->modified), marks->taken);
	pawl_store_relaxed(&marks->captured, 0u);
	pawl_lock_unlock(&marks->ending);
}

/* ---- the whole ------------------------------------------------------------------------- */

int eng_marks_create(eng_help_fn *help, void *arg, struct eng_marks **ret_marks)
{
	struct eng_marks *marks = pawl_mem_zalloc(sizeof(*marks), 0);
	struct eng_bitmap *modified = pawl_mem_zalloc(sizeof(*modified), 0);

	if (!marks || !modified) {
		pawl_mem_free(modified, sizeof(*modified), 0);
		pawl_mem_free(marks, sizeof(*marks), 0);
		return -ENOMEM;
	}
	marks->taken = pawl_mem_zalloc(sizeof(*marks->taken), 0);
	pawl_init_word(&marks->modified, modified);
	pawl_init_word(&marks->stamps, BOTH(1u));
	pawl_event_init(&marks->first);
	pawl_lock_init(&marks->ending, ENG_RANK_EVICT);
	marks->help = help;
	marks->arg = arg;
	if (!marks->taken) {
		eng_marks_destroy(marks);
		return -ENOMEM;
	}
	for (uint32_t i = 1; i <= MARKS_MOST && !marks->number; i++) {
		void *none = NULL;

		/* Relaxed: who has a record with that number had it from its engine. */
		if (pawl_cas_relaxed(&marks_of[i], &none, marks))
			marks->number = i;
	}
	if (!marks->number) {
		eng_marks_destroy(marks);
		return -EAGAIN;
	}
	*ret_marks = marks;
	return 0;
}

void eng_marks_destroy(struct eng_marks *marks)
{
	struct eng_bitmap *modified;

	if (!marks)
		return;
	modified = pawl_load_relaxed(&marks->modified);
	eng_bitmap_free(modified);
	eng_bitmap_free(marks->taken);
	if (marks->number)
		pawl_store_relaxed(&marks_of[marks->number], NULL);
	pawl_mem_free(marks, sizeof(*marks), 0);
}
