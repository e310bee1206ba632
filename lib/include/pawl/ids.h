/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/ids.h - a factory of small numbers, unique while they are in use.
 *
 * One factory, one of three policies:
 *  MONOTONE  each number once, never again. For execution numbers, log positions.
 *  RECYCLE   a handle is a generation and an index. An index comes back with the next
 *            generation, at once, and is retired for good before its generation would wrap: a
 *            handle that is over never equals one that is in use, not even by bad luck. For
 *            handles that live in memory.
 *  DURABLE   a 31-bit number without a generation, for keys on disk. It comes back
 *            only when nobody can mean the old owner any more: after it was freed, after a
 *            grace period, and with a store after the deletion is durable. The lowest free
 *            ones come first, so numbers stay dense.
 *
 * Who frees a durable id says that nothing holds it: values, arguments and handles store the
 * id, not the object, so the object's owner counts these (in the slot of the id, say) and frees
 * it after the last one. The factory counts no holds.
 *
 * Each thread keeps up to 2 * magazine ids (DURABLE: one magazine) for itself, so that usually
 * no shared line is written; they go back when it detaches. They are not lost to others:
 * an allocation that finds nothing else takes them away.
 *
 * Not for: naming what has an address and is found by it; DURABLE for handles that a
 * program keeps without counting (use RECYCLE: a stale one is noticed).
 *
 *  call                        progress
 *  pawl_ids_alloc, _free       wait-free but for a lock-free exchange once a magazine;
 *                              blocks while another thread audits, steals,
 *                              or turns the buckets of a durable factory
 *  pawl_ids_check, _next       wait-free
 *  pawl_ids_cycle_end,         stop all others for a moment, which grows with the number of
 *  pawl_ids_durable_up_to      threads and (DURABLE, per 64 ids) of ids
 *  pawl_ids_audit              stops all others; grows with the number of ids
 *
 * Memory: RECYCLE 8 bytes an index (generation and link), DURABLE half a byte an id, MONOTONE
 * none; and 128 bytes for each thread that uses the factory.
 *
 * Sources: magazines and depot from J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001;
 * the tagged stack from R. K. Treiber, IBM RJ 5118, 1986; words of free bits with a
 * hint from Linux' sbitmap.
 */
#ifndef PAWL_IDS_H
#define PAWL_IDS_H

#include <pawl/base.h>

PAWL_BEGIN_DECLS

/* An id; with RECYCLE a generation in the upper half and an index in the lower. */
typedef uint64_t pawl_id_t;

struct pawl_ids;

enum pawl_ids_policy {
	PAWL_IDS_MONOTONE,
	PAWL_IDS_RECYCLE,
	PAWL_IDS_DURABLE,
	PAWL_IDS_POLICY_COUNT
};

#define PAWL_IDS_MAGAZINE_DEFAULT 32u
#define PAWL_IDS_MAGAZINE_MAX	  64u

/* The largest `last` of each policy. */
#define PAWL_IDS_LAST_MONOTONE ((uint64_t)INT64_MAX)
#define PAWL_IDS_LAST_RECYCLE  ((uint64_t)UINT32_MAX)
#define PAWL_IDS_LAST_DURABLE  ((uint64_t)INT32_MAX)

struct pawl_ids_options {
	size_t size; /* sizeof(struct pawl_ids_options) */
	enum pawl_ids_policy policy;
	/* Ids that a thread takes at once; 1 to PAWL_IDS_MAGAZINE_MAX. */
	uint32_t magazine;
	/* Ids (RECYCLE: indexes) are in [first, last], at most 2^32 - 1 of them with RECYCLE. */
	uint64_t first;
	uint64_t last; /* 0: the largest of the policy */
	/*
	 * What pawl_ids_next() said before a restart; 0: `first`. All below count as handed
	 * out; with DURABLE the owner frees those that are not in use. Not for RECYCLE: handles
	 * do not outlive the process.
	 */
	uint64_t next;
	/* RECYCLE: the generation of an index that was never used: even, at most 2^32 - 4. For tests. */
	uint32_t generation;
	/* DURABLE: 1: there is a store, ids wait for pawl_ids_durable_up_to(). */
	uint32_t stored;
};
#define PAWL_IDS_OPTIONS_INIT                                                                 \
	{                                                                                     \
		sizeof(struct pawl_ids_options), PAWL_IDS_RECYCLE, PAWL_IDS_MAGAZINE_DEFAULT, \
			1, 0, 0, 0, 0                                                         \
	}

/*
 * pawl_ids_create() - Make a factory.
 *
 * Returns: 0, and the factory.
 * Errors:  -ENOMEM; -EINVAL: an option is outside of what is said there, first > last,
 *          next outside [first, last + 1]; -E2BIG: `size` is larger than this library knows.
 * Context: any thread; allocates (DURABLE: half a byte for each id below `next`).
 */
PAWL_API PAWL_MUST_CHECK int pawl_ids_create(const struct pawl_ids_options *options,
					     struct pawl_ids **ret_ids);

/*
 * pawl_ids_destroy() - Free the factory. Ids still in use are simply forgotten.
 *
 * Requires: attached; no call on it is running, none will come. Threads that used it may stay
 *           attached. NULL is nothing.
 * Context:  does not block. A durable factory with a grace period under way keeps its memory
 *           until that is over.
 */
PAWL_API void pawl_ids_destroy(struct pawl_ids *ids);

/*
 * pawl_ids_alloc() - An id that nobody has.
 *
 * Requires: attached.
 * Errors:   -ENOSPC: there was a moment during the call at which every id was in use or retired
 *           (DURABLE: or waiting to come back; without a store, pawl_retire_barrier()
 *           twice sees to those freed before it). Whatever is free in the magazines of
 *           other threads was taken first. -ENOMEM: the table cannot grow; nothing changed.
 * Ordering: what happened before the id was freed is visible to who gets it again. The object
 *           that the id names is published by whoever publishes the id, not by this call.
 * Context:  may allocate; may block for a short critical section; allowed in a section.
 */
PAWL_API PAWL_MUST_CHECK int pawl_ids_alloc(struct pawl_ids *ids, pawl_id_t *ret_id);

/*
 * pawl_ids_free() - Give an id back. With DURABLE: nothing holds it any more, and the
 * deletion of what it named belongs to the present cycle of the store or to an earlier one.
 *
 * Requires: attached.
 * Errors:   -EINVAL: the id is not in use (freed twice, out of range, made up) or the policy is
 *           MONOTONE. Of two threads that free one id, one gets this. Reported as
 *           PAWL_REPORT_IDS_BAD_FREE; nothing changed. Nothing else can fail, so the
 *           result of a free that is known to be right may be ignored.
 * Context:  takes no memory it cannot do without; may block for a short critical section;
 *           allowed in a section and in a retire function.
 */
PAWL_API int pawl_ids_free(struct pawl_ids *ids, pawl_id_t id);

/*
 * pawl_ids_check() - Is the id in use now?
 *
 * Returns:  0: it is (MONOTONE: it was handed out, or lies in some thread's magazine).
 * Errors:   -ESTALE: it was, and is no more; -EINVAL: it never was.
 * Ordering: none. Another thread may free it meanwhile.
 * Context:  any thread, attached or not.
 */
PAWL_API PAWL_MUST_CHECK int pawl_ids_check(const struct pawl_ids *ids, pawl_id_t id);

/*
 * pawl_ids_next() - The number to go on with after a restart: no id from it upwards was ever
 * handed out. With RECYCLE: indexes.
 *
 * Context: any thread, attached or not. Called while no allocation runs it is exact, else
 *          what is handed out meanwhile may lie above it.
 */
PAWL_API uint64_t pawl_ids_next(const struct pawl_ids *ids);

/*
 * pawl_ids_cycle_end() - DURABLE with a store: the capture of a snapshot. What was freed before
 * belongs to the cycle that ends here, or to an earlier one; what is freed from now on, to the
 * next.
 *
 * Requires: attached; the factory is DURABLE and has a store.
 * Returns:  the number of the cycle that ended: 1, 2, ...
 */
PAWL_API uint64_t pawl_ids_cycle_end(struct pawl_ids *ids);

/*
 * pawl_ids_durable_up_to() - All deletions of `cycle` and earlier cycles are durable. Ids freed
 * in these come back once their grace period is over. A cycle whose write failed is simply not
 * named: the next one has its deletions.
 *
 * Requires: attached; the factory is DURABLE and has a store.
 * Returns:  0; an older cycle than the one named last is nothing.
 * Errors:   -EINVAL: the cycle has not ended.
 */
PAWL_API PAWL_MUST_CHECK int pawl_ids_durable_up_to(struct pawl_ids *ids, uint64_t cycle);

/* Where the ids are. Their sum is next - first. */
struct pawl_ids_counts {
	uint64_t live;	      /* handed out (MONOTONE: once) */
	uint64_t magazines;   /* in threads' magazines */
	uint64_t depot;	      /* in the depot; DURABLE: free below `next` */
	uint64_t parked;      /* DURABLE: freed, not yet to be used again */
	uint64_t retired;     /* RECYCLE: their generations are used up */
	uint64_t next;	      /* see pawl_ids_next() */
	uint64_t reserved[2]; /* 0; later versions give them names */
};

/*
 * pawl_ids_audit() - Look at every id: each must be in exactly one place.
 *
 * Requires: attached.
 * Errors:   -EUCLEAN: one is in two places or in none, or a list leads nowhere: memory was
 *           overwritten, or Pawl is wrong; -ENOMEM: for a bit for each index (RECYCLE).
 * Context:  other threads' calls wait meanwhile, so the answer is that of one moment.
 */
PAWL_API PAWL_MUST_CHECK int pawl_ids_audit(struct pawl_ids *ids,
					    struct pawl_ids_counts *ret_audit);

/* pawl_id_index() - RECYCLE: the index of a handle. */
static inline uint32_t pawl_id_index(pawl_id_t id)
{
	return (uint32_t)id;
}

/* pawl_id_generation() - RECYCLE: the generation of a handle: odd. */
static inline uint32_t pawl_id_generation(pawl_id_t id)
{
	return (uint32_t)(id >> 32);
}

PAWL_END_DECLS

#endif
