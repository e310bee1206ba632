/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/sset.h - sets of ids that are mostly small: the edges of a graph.
 *
 * A set is a handle of 16 bytes inside its owner's record. Up to three 32-bit keys (one of 64
 * bits) lie in the handle itself; more in a sorted array, many in a hash table. The empty set is
 * the zeroed handle and holds no memory. bench/b-set.c measures bytes and time at each size.
 *
 *	struct pawl_sset children = PAWL_SSET_INIT;
 *	uint32_t cursor = 0, child;
 *
 *	rc = pawl_sset_add(&children, id, NULL);
 *	while (pawl_sset_next(&children, &cursor, &child))
 *		visit(child);
 *	pawl_sset_fini(&children);
 *
 * struct pawl_sset has keys of 32 bits, struct pawl_sset64 of 64; every key value is allowed, 0
 * too. pawl/cmap.h counts beside its keys.
 *
 * Not for: threads. No call here synchronises; a set that several threads reach is protected by
 * its owner's lock. Calls that take the set const change nothing and take no memory, so any number of
 * them may run at the same time. Not for keys that an adversary chooses either: keys made to
 * collide make a hash table slow, though never larger.
 *
 *  call                       cost (n keys)                       takes memory
 *  init, count, bytes         constant                            no
 *  has                        up to 64 keys: log n; else constant no
 *  add                        the same, and moving up to 64 keys; at times n   at times
 *  remove                     as add                              only to give more back
 *  next                       constant; a whole walk: n           no
 *  add_n, merge               as many adds, with one growth       at times
 *  copy, reserve, trim        n                                   yes
 *  fini                       one free                            no
 *
 * Out of memory is an ordinary result: -ENOMEM, and the set holds what it held before.
 * What never fails: has, remove, next, trim, fini.
 *
 * A handle may be moved by assignment (the old one is then dead: zero it), and no other way copied
 * than by pawl_sset_copy(). Threads need not be attached.
 *
 * Walking: keys come in ascending order up to 64 of them (array), in an order of the table's above that.
 * While nothing is added or removed, a walk returns each key once, and every walk the same order. After
 * a change the walk may go on with the same cursor: it stays in bounds, returns only
 * keys that are in the set at that moment, and may leave out or repeat some.
 *
 * Source: the idea of the forms is that of AutoSet in turbo-tasks and SmallPtrSet in LLVM.
 */
#ifndef PAWL_SSET_H
#define PAWL_SSET_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* A set of 32-bit keys. All zero is the empty set. Private: lib/small.h. */
struct pawl_sset {
	uint64_t pawl_wide;
	uint32_t pawl_narrow;
	uint32_t pawl_form;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_sset) == 16, "the handle's size is part of records");

/* A set of 64-bit keys. */
struct pawl_sset64 {
	uint64_t pawl_wide;
	uint32_t pawl_narrow;
	uint32_t pawl_form;
};
PAWL_STATIC_ASSERT(sizeof(struct pawl_sset64) == 16, "the handle's size is part of records");

/* clang-format off */
#define PAWL_SSET_INIT   {0, 0, 0}
#define PAWL_SSET64_INIT {0, 0, 0}
/* clang-format on */

/* A set holds at most so many keys; growing beyond is -ENOMEM. */
#define PAWL_SSET_MAX UINT32_C(0x60000000)

/* pawl_sset_init() - Make the empty set: the same as PAWL_SSET_INIT, or as zeroing. */
PAWL_API void pawl_sset_init(struct pawl_sset *set);

/* pawl_sset_fini() - Free what the set holds; it is empty then, and may be used again. */
PAWL_API void pawl_sset_fini(struct pawl_sset *set);

/* pawl_sset_count() - How many keys it holds. */
PAWL_API uint32_t pawl_sset_count(const struct pawl_sset *set);

/* pawl_sset_has() - Is the key in the set? */
PAWL_API bool pawl_sset_has(const struct pawl_sset *set, uint32_t key);

/*
 * pawl_sset_add() - Put a key in.
 *
 * Returns:  0, and in `ret_added` (may be NULL) whether it was not there before.
 * Errors:   -ENOMEM: nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_sset_add(struct pawl_sset *set, uint32_t key,
					   bool *ret_added);

/*
 * pawl_sset_remove() - Take a key out.
 *
 * Returns:  true if it was there.
 */
PAWL_API bool pawl_sset_remove(struct pawl_sset *set, uint32_t key);

/*
 * pawl_sset_add_n() - Put `count` keys in, or none of them.
 *
 * Requires: `keys` is not NULL unless count is 0; keys may repeat.
 * Returns:  0, and in `ret_added` (may be NULL) how many were not there before.
 * Errors:   -ENOMEM: nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_sset_add_n(struct pawl_sset *set, const uint32_t *keys,
					     size_t count, size_t *ret_added);

/*
 * pawl_sset_remove_n() - Take `count` keys out; those that are not there are no error.
 *
 * Returns:  how many were there.
 */
PAWL_API size_t pawl_sset_remove_n(struct pawl_sset *set, const uint32_t *keys, size_t count);

/*
 * pawl_sset_merge() - Put all keys of `from` in, or none of them. The two may be the same.
 *
 * Returns:  0, and in `ret_added` (may be NULL) how many were not there before.
 * Errors:   -ENOMEM: nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_sset_merge(struct pawl_sset *set,
					     const struct pawl_sset *from, size_t *ret_added);

/*
 * pawl_sset_copy() - Make a set with the same keys, as small as it can be.
 *
 * Requires: `ret_copy` is not a set that holds memory: it is overwritten.
 * Errors:   -ENOMEM: `ret_copy` was not written.
 */
PAWL_API PAWL_MUST_CHECK int pawl_sset_copy(const struct pawl_sset *set,
					    struct pawl_sset *ret_copy);

/*
 * pawl_sset_next() - The next key of a walk.
 *
 * Requires: `*cursor` is 0 to begin with, then what the call before left there.
 * Returns:  true and the key; false at the end.
 */
PAWL_API bool pawl_sset_next(const struct pawl_sset *set, uint32_t *cursor, uint32_t *ret_key);

/*
 * pawl_sset_reserve() - Make room for `count` keys in all: adding takes no memory until there are
 * that many, or one is removed.
 *
 * Errors:   -ENOMEM: nothing changed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_sset_reserve(struct pawl_sset *set, uint32_t count);

/* pawl_sset_trim() - Make it as small as it can be. Out of memory it stays as it is. */
PAWL_API void pawl_sset_trim(struct pawl_sset *set);

/* pawl_sset_bytes() - What it holds besides the handle. */
PAWL_API size_t pawl_sset_bytes(const struct pawl_sset *set);

/* The same for 64-bit keys. */
PAWL_API void pawl_sset64_init(struct pawl_sset64 *set);
PAWL_API void pawl_sset64_fini(struct pawl_sset64 *set);
PAWL_API uint32_t pawl_sset64_count(const struct pawl_sset64 *set);
PAWL_API bool pawl_sset64_has(const struct pawl_sset64 *set, uint64_t key);
PAWL_API PAWL_MUST_CHECK int pawl_sset64_add(struct pawl_sset64 *set, uint64_t key,
					     bool *ret_added);
PAWL_API bool pawl_sset64_remove(struct pawl_sset64 *set, uint64_t key);
PAWL_API PAWL_MUST_CHECK int pawl_sset64_add_n(struct pawl_sset64 *set, const uint64_t *keys,
					       size_t count, size_t *ret_added);
PAWL_API size_t pawl_sset64_remove_n(struct pawl_sset64 *set, const uint64_t *keys,
				     size_t count);
PAWL_API PAWL_MUST_CHECK int pawl_sset64_merge(struct pawl_sset64 *set,
					       const struct pawl_sset64 *from,
					       size_t *ret_added);
PAWL_API PAWL_MUST_CHECK int pawl_sset64_copy(const struct pawl_sset64 *set,
					      struct pawl_sset64 *ret_copy);
PAWL_API bool pawl_sset64_next(const struct pawl_sset64 *set, uint32_t *cursor,
			       uint64_t *ret_key);
PAWL_API PAWL_MUST_CHECK int pawl_sset64_reserve(struct pawl_sset64 *set, uint32_t count);
PAWL_API void pawl_sset64_trim(struct pawl_sset64 *set);
PAWL_API size_t pawl_sset64_bytes(const struct pawl_sset64 *set);

PAWL_END_DECLS

#endif
