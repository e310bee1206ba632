/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * field.h - the schema of a task: each field once, in one table.
 *
 *	X(name, kind, category, filtered, shrinks, immutable)
 *
 *	kind	   SET, SET64, MAP, MAP64	pawl/sset.h, pawl/cmap.h
 *		   PAIRS			pairs.h: sets of 128 bits
 *		   BAG				bag.h: collectibles with counts
 *		   WORDS			two words of 32 bits, or one of 64
 *		   POINTER			to something with a life of its own
 *	category   META, DATA: saved; apart, since aggregation needs META alone. SESSION: never saved
 *	filtered   1: ids of transient tasks are left out when it is saved
 *	shrinks	   1: made as small as it can be when the task completes
 *	immutable  1: dropped when the task turns out to be immutable
 *
 * Fields of the first table stand in every record; those of the second lie in its tail, 16 bytes
 * each, and only while they hold something.
 */
#ifndef ENG_FIELD_H
#define ENG_FIELD_H

#include <stdint.h>

#include <pawl/cmap.h>
#include <pawl/sset.h>

#define ENG_FIELDS_INLINE(X)                                                          \
	/* what the last successful run gave: a reference, or an error (ENG_ERROR) */ \
	X(output, WORDS, META, 1, 0, 0)                                               \
	/* tasks that aggregate this one, each with the number of ways it got here */ \
	X(uppers, MAP, META, 1, 0, 0)                                                 \
	/* readers of the output */                                                   \
	X(output_dependents, SET, DATA, 1, 0, 1)                                      \
	/* readers of cells: cell << 32 | task */                                     \
	X(cell_dependents, SET64, DATA, 1, 0, 1)                                      \
	/* the value of the one cell, if there is one alone, with index 0 */          \
	X(cell, POINTER, DATA, 0, 0, 0)

#define ENG_FIELDS_TAIL(X)                                                                  \
	/* the two that are looked for most come first: their places are known */           \
	/* struct eng_run_state: it is scheduled, or runs */                                \
	X(RUN, POINTER, SESSION, 0, 0, 0)                                                   \
	/* what keeps it active, and who waits until it is clean */                         \
	X(ACTIVE, WORDS, SESSION, 0, 0, 0)                                                  \
	/* tasks that the last completed run called */                                      \
	X(CHILDREN, SET, META, 1, 1, 0)                                                     \
	/* and that were still when it was over: no edge leads there (connect.c) */         \
	X(STILL_CHILDREN, SET, META, 1, 1, 0)                                               \
	/* of aggregating tasks: what is next to what they aggregate, with counts */        \
	X(FOLLOWERS, MAP, META, 1, 0, 0)                                                    \
	/* inner tasks that are dirty or contain dirt */                                    \
	X(DIRTY_CONTAINERS, MAP, META, 1, 0, 0)                                             \
	/* those of them that are clean in this session */                                  \
	X(CLEAN_CONTAINERS, MAP, SESSION, 1, 0, 0)                                          \
	/* how many entries of the two are positive, or cover their partner */              \
	X(CONTAINER_COUNTS, WORDS, META, 0, 0, 0)                                           \
	/* emitted by this task itself; may be negative */                                  \
	X(COLLECTIBLES, BAG, META, 1, 1, 0)                                                 \
	/* sums over inner tasks */                                                         \
	X(AGGREGATED_COLLECTIBLES, BAG, META, 1, 0, 0)                                      \
	/* who read collectibles here: trait << 32 | task */                                \
	X(COLLECTIBLES_DEPENDENTS, SET64, META, 1, 0, 0)                                    \
	/* position in the order of invalidated tasks: distance, end of its slack */        \
	X(LEAF_DISTANCE, WORDS, DATA, 0, 0, 0)                                              \
	/* outputs and cells (references) that this task has read */                        \
	X(OUTPUT_DEPENDENCIES, SET, DATA, 1, 1, 1)                                          \
	X(CELL_DEPENDENCIES, SET64, DATA, 1, 1, 1)                                          \
	/* trait << 32 | task */                                                            \
	X(COLLECTIBLES_DEPENDENCIES, SET64, DATA, 1, 1, 1)                                  \
	/* reads of parts: (cell << 32 | task, key) here, (reference, key) there */         \
	X(KEYED_DEPENDENTS, PAIRS, DATA, 1, 0, 1)                                           \
	X(KEYED_DEPENDENCIES, PAIRS, DATA, 1, 1, 1)                                         \
	/* all cells and their counts, where there is not one alone */                      \
	X(CELLS, POINTER, DATA, 0, 1, 0)                                                    \
	/* who failed by a ring through this task: whom that calls or reads << 32 | task */ \
	X(RING_VICTIMS, SET64, SESSION, 1, 0, 1)                                            \
	/* the priority of what made it dirty: an order of runs of this process */          \
	X(DIRTY_PRIORITY, WORDS, SESSION, 0, 0, 0)                                          \
	/* while it runs: what was read and emitted before, and not again so far */         \
	X(OUTDATED_OUTPUTS, SET, SESSION, 0, 1, 1)                                          \
	X(OUTDATED_CELLS, SET64, SESSION, 0, 1, 1)                                          \
	X(OUTDATED_KEYED, PAIRS, SESSION, 0, 1, 1)                                          \
	X(OUTDATED_COLLECTIBLES_DEPENDENCIES, SET64, SESSION, 0, 1, 1)                      \
	X(OUTDATED_COLLECTIBLES, BAG, SESSION, 0, 1, 0)                                     \
	/* how often it is pinned */                                                        \
	X(PINS, WORDS, SESSION, 0, 0, 0)                                                    \
	/* of transient tasks made from a function and an argument of the host's */         \
	X(CLOSURE, POINTER, SESSION, 0, 0, 0)                                               \
	/* struct eng_history: why it ran, and has to run; where that is kept */            \
	X(HISTORY, POINTER, SESSION, 0, 0, 0)                                               \
	/* struct eng_storm: how often it ran again; where something changes from inside */ \
	X(STORM, POINTER, SESSION, 0, 0, 0)

enum eng_field {
#define X(name, kind, category, filtered, shrinks, immutable) ENG_##name,
	ENG_FIELDS_TAIL(X)
#undef X
		ENG_FIELD_COUNT
};
PAWL_STATIC_ASSERT(ENG_FIELD_COUNT <= 32, "a tail has one bit for each field");

struct eng_pairs;
struct eng_bag;

/* What a field of a tail holds. All zero is empty. */
union eng_slot {
	struct pawl_sset set;
	struct pawl_sset64 set64;
	struct pawl_cmap map;
	struct pawl_cmap64 map64;
	struct eng_pairs *pairs;
	struct eng_bag *bag;
	void *pointer;
	uint64_t word;
	struct {
		uint32_t a, b;
	} words;
	struct {
		int32_t a, b;
	} counts;
	/* ENG_ACTIVE */
	struct {
		int32_t referrers;
		uint32_t flags;		 /* ENG_ACTIVE_... */
		struct eng_clean *clean; /* NULL: nobody waits */
	} active;
};
PAWL_STATIC_ASSERT(sizeof(union eng_slot) == 16, "a field of a tail");

#endif
