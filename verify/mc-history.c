/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mc-history.c - is a history of overlapping operations linearizable?
 *
 * Search of Wing and Gong ("Testing and Verifying Concurrent Objects", JPDC 17, 1993): take
 * any operation that no other one precedes, apply it to the state, go on; go back when
 * the specification refuses. Lowe's memo ("Testing for linearizability", CCPE 29, 2017) keeps
 * each (set of operations taken, state) that was reached: reaching one a second time cannot
 * end better than the first time. A history of many keys is split first where the caller says
 * that keys are objects of their own.
 *
 * Operation a precedes b if a returned before b was called. One that never returned precedes
 * nothing, and the search is over when all that did return are taken: an operation left
 * pending may have happened at any point after its call, or not at all.
 *
 * The set taken is one 64-bit word, hence MC_HISTORY_MAX. The search is a loop over a stack of
 * states, one a level. Nothing is kept between calls; memory comes from malloc(), so the
 * model checker can call this inside a run of its own.
 */
#include "mc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MC_HISTORY_MAX <= 64, "a set of operations is one word");

/*
 * The memo: open addressing over entries of entry_bytes, each a word with the set taken and the
 * state. The empty set is never stored, so a zero word is a free entry.
 */
struct memo {
	char *entries;
	size_t entry_bytes, state_bytes;
	size_t capacity; /* a power of two */
	size_t used;
};

#define MEMO_START 64

static int memo_init(struct memo *memo, size_t state_bytes)
{
	memo->state_bytes = state_bytes;
	memo->entry_bytes = (sizeof(uint64_t) + state_bytes + 7) & ~(size_t)7;
	memo->capacity = MEMO_START;
	memo->used = 0;
	memo->entries = calloc(memo->capacity, memo->entry_bytes);
	return memo->entries ? 0 : -ENOMEM;
}

static uint64_t memo_hash(uint64_t taken, const char *state, size_t state_bytes)
{
	uint64_t hash = taken * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < state_bytes; i++)
		hash = (hash ^ (unsigned char)state[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	return hash * UINT64_C(0xd6e8feb86659fd93);
}

/* The entry of this pair, or the free one where it would stand. */
static char *memo_find(const struct memo *memo, uint64_t taken, const char *state)
{
	size_t at = memo_hash(taken, state, memo->state_bytes) >> 16;

	for (;; at++) {
		char *entry = memo->entries + (at & (memo->capacity - 1)) * memo->entry_bytes;
		uint64_t word;

		memcpy(&word, entry, sizeof(word));
		if (!word || (word == taken &&
			      memcmp(entry + sizeof(word), state, memo->state_bytes) == 0))
			return entry;
	}
}

static int memo_grow(struct memo *memo)
{
	struct memo bigger = *memo;

	if (memo->capacity > SIZE_MAX / 2 / memo->entry_bytes)
		return -ENOMEM;
	bigger.capacity *= 2;
	bigger.entries = calloc(bigger.capacity, bigger.entry_bytes);
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < memo->capacity; i++) {
		const char *entry = memo->entries + i * memo->entry_bytes;
		uint64_t word;

		memcpy(&word, entry, sizeof(word));
		if (word)
			memcpy(memo_find(&bigger, word, entry + sizeof(word)), entry,
			       memo->entry_bytes);
	}
	free(memo->entries);
	*memo = bigger;
	return 0;
}

/* Returns 1 if the pair is new, 0 if it was there, -ENOMEM. */
static int memo_add(struct memo *memo, uint64_t taken, const char *state)
{
	char *entry;
	uint64_t word;

	if (memo->used >= memo->capacity / 2) {
		int rc = memo_grow(memo);

		if (rc)
			return rc;
	}
	entry = memo_find(memo, taken, state);
	memcpy(&word, entry, sizeof(word));
	if (word)
		return 0;
	memcpy(entry, &taken, sizeof(taken));
	memcpy(entry + sizeof(taken), state, memo->state_bytes);
	memo->used++;
	return 1;
}

/* Operations that no other one, of those not taken, precedes. */
static uint64_t first_ones(const struct mc_op *ops, size_t count, uint64_t taken)
{
	uint64_t soonest = UINT64_MAX;
	uint64_t first = 0;

	for (size_t i = 0; i < count; i++) {
		if (!(taken >> i & 1) && ops[i].ret < soonest)
			soonest = ops[i].ret;
	}
	for (size_t i = 0; i < count; i++) {
		if (!(taken >> i & 1) && ops[i].call <= soonest)
			first |= UINT64_C(1) << i;
	}
	return first;
}

struct level {
	uint64_t taken; /* operations in the state of this level */
	uint64_t todo;	/* operations still to be tried here */
};

static int search(const struct mc_spec *spec, const struct mc_op *ops, size_t count,
		  uint64_t returned, struct level *levels, char *states, struct memo *memo)
{
	size_t depth = 0;

	levels[0].taken = 0;
	levels[0].todo = first_ones(ops, count, 0);
	for (;;) {
		struct level *level = &levels[depth];
		char *state = states + depth * spec->state_bytes;
		char *next = state + spec->state_bytes;
		unsigned i;
		int rc;

		if ((level->taken & returned) == returned)
			return 1;
		if (!level->todo) {
			if (!depth)
				return 0;
			depth--;
			continue;
		}
		i = (unsigned)__builtin_ctzll(level->todo);
		level->todo &= level->todo - 1;
		memcpy(next, state, spec->state_bytes);
		if (!spec->step(next, &ops[i]))
			continue;
		rc = memo_add(memo, level->taken | UINT64_C(1) << i, next);
		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		depth++;
		levels[depth].taken = level->taken | UINT64_C(1) << i;
		levels[depth].todo = first_ones(ops, count, levels[depth].taken);
	}
}

int mc_linearizable(const struct mc_spec *spec, const struct mc_op *ops, size_t count)
{
	struct level levels[MC_HISTORY_MAX + 1];
	struct memo memo;
	uint64_t returned = 0;
	char *states;
	int rc;

	if (count > MC_HISTORY_MAX)
		return -E2BIG;
	for (size_t i = 0; i < count; i++) {
		if (ops[i].ret != UINT64_MAX)
			returned |= UINT64_C(1) << i;
	}
	/* One state more than operations: the start. A specification may have none at all. */
	states = calloc(count + 1, spec->state_bytes ? spec->state_bytes : 1);
	if (!states)
		return -ENOMEM;
	rc = memo_init(&memo, spec->state_bytes);
	if (!rc) {
		rc = search(spec, ops, count, returned, levels, states, &memo);
		free(memo.entries);
	}
	free(states);
	return rc;
}

int mc_linearizable_by_key(const struct mc_spec *spec, const struct mc_op *ops, size_t count,
			   uint64_t (*key)(const struct mc_op *op), uint64_t *ret_key)
{
	struct mc_op part[MC_HISTORY_MAX];

	for (size_t first = 0; first < count; first++) {
		uint64_t of = key(&ops[first]);
		size_t before = 0, n = 0;
		int rc;

		/* Each key once, where it comes first. */
		while (before < first && key(&ops[before]) != of)
			before++;
		if (before < first)
			continue;
		for (size_t i = first; i < count; i++) {
			if (key(&ops[i]) != of)
				continue;
			if (n == MC_HISTORY_MAX)
				return -E2BIG;
			part[n++] = ops[i];
		}
		rc = mc_linearizable(spec, part, n);
		if (rc == 0 && ret_key)
			*ret_key = of;
		if (rc != 1)
			return rc;
	}
	return 1;
}
