/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - chunks that are cut into pieces, and lists of pieces that were given back.
 *
 * Each run makes a record or finds one, and makes a run state. An allocator for all purposes has to find out for each
 * piece how large it is, and whom it belongs to; here both are known. Records stay, so most of them are cut
 * from a chunk one after the other.
 *
 * Each thread has a chunk that it cuts from, and lists by size of what it gave back. Of what is too much in a list
 * half goes to the pool's, under a lock; a thread whose chunk is used up takes from there before it asks for another one.
 *
 * Debug builds, and those with a sanitizer or the model checker, ask pawl_mem for each piece, so that they see its
 * life.
 *
 * Rejected: giving chunks back before the end (each piece would have to know its chunk).
 */
#include "config.h"

#include "pool.h"

#include <errno.h>

#include <pawl/atomic.h>
#include <pawl/lock.h>
#include <pawl/mem.h>
#include <pawl/thread.h>

#define CHUNK_BYTES 65536u
#define STEP	    16u
#define CLASSES	    (ENG_POOL_MOST / STEP + 1)
#define KEEP	    128u /* of each size a thread keeps */
/* The library's own threads have the number after the last. */
#define SLOTS (PAWL_THREADS_MAX + 1)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(PAWL__TSAN) || defined(PAWL_MC) || \
	defined(PAWL_DEBUG)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A piece that nobody uses. */
struct piece {
	struct piece *next;
};

struct chunk {
	struct chunk *next;
	PAWL_ALIGNED(STEP) char pieces[];
};

/* Of one thread, by itself. A thread's number changes hands under the registry's lock. */
struct local {
	PAWL_ALIGNED(PAWL_LINE_BYTES) char *at;
	char *end;
	struct {
		struct piece *first;
		uint32_t n;
	} spare[CLASSES];
};

struct eng_pool {
	/* All threads; given back with release, the last one acquires. */
	struct pawl_atomic_u32 owners;
	struct pawl_lock lock;
	/* Pieces are pawl_mem's. Set before the first one. */
	bool apart;
	/* Under the lock; whether a list is empty is asked without it, relaxed. */
	struct chunk *chunks;
	struct pawl_atomic_ptr spare[CLASSES];
	/* By number of the thread, each made and read by it alone. */
	struct local *locals[SLOTS];
};

int eng_pool_create(struct eng_pool **ret_pool)
{
	struct eng_pool *pool = pawl_mem_zalloc(sizeof(*pool), PAWL_LINE_BYTES);

	if (!pool)
		return -ENOMEM;
	pawl_init_word(&pool->owners, 1u);
	pawl_lock_init(&pool->lock, PAWL_LOCK_RANK_NONE);
	*ret_pool = pool;
	return 0;
}

void eng_pool_set_apart(struct eng_pool *pool)
{
	pool->apart = true;
}

void eng_pool_pin(struct eng_pool *pool)
{
	pawl_add_relaxed(&pool->owners, 1u);
}

void eng_pool_unpin(struct eng_pool *pool)
{
	if (!pool || pawl_sub_acq_rel(&pool->owners, 1u) != 1)
		return;
	while (pool->chunks) {
		struct chunk *chunk = pool->chunks;

		pool->chunks = chunk->next;
		pawl_mem_free(chunk, CHUNK_BYTES, STEP);
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		pawl_mem_free(pool->locals[i], sizeof(struct local), PAWL_LINE_BYTES);
	pawl_mem_free(pool, sizeof(*pool), PAWL_LINE_BYTES);
}

static struct local *local_of(struct eng_pool *pool)
{
	unsigned slot = pawl_thread_slot();

	if (PAWL_UNLIKELY(!pool->locals[slot]))
		pool->locals[slot] = pawl_mem_zalloc(sizeof(struct local), PAWL_LINE_BYTES);
	return pool->locals[slot];
}

static void *cut(struct local *local, unsigned size)
{
	void *ptr = local->at;

	if ((size_t)(local->end - local->at) < size * STEP)
		return NULL;
	local->at += size * STEP;
	return ptr;
}

/* Some of what others gave back. */
PAWL_NOINLINE static void take_some(struct eng_pool *pool, struct local *local, unsigned size)
{
	struct piece *piece;

	pawl_lock_lock(&pool->lock);
	piece = pawl_load_relaxed(&pool->spare[size]);
	for (unsigned i = 0; piece && i < KEEP / 2; i++) {
		struct piece *next = piece->next;

		piece->next = local->spare[size].first;
		local->spare[size].first = piece;
		local->spare[size].n++;
		piece = next;
	}
	pawl_store_relaxed(&pool->spare[size], (void *)piece);
	pawl_lock_unlock(&pool->lock);
}

/* Returns: false: no memory. */
PAWL_NOINLINE static bool chunk_make(struct eng_pool *pool, struct local *local)
{
	struct chunk *chunk = pawl_mem_alloc(CHUNK_BYTES, STEP);

	if (!chunk)
		return false;
	pawl_lock_lock(&pool->lock);
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pawl_lock_unlock(&pool->lock);
	local->at = chunk->pieces;
	local->end = (char *)chunk + CHUNK_BYTES;
	return true;
}

void *eng_pool_alloc(struct eng_pool *pool, size_t bytes)
{
	unsigned size = (unsigned)((bytes + STEP - 1) / STEP);
	struct local *local;
	struct piece *piece;
	void *ptr;

	if (SANITIZED || bytes > ENG_POOL_MOST || PAWL_UNLIKELY(pool->apart))
		return pawl_mem_alloc(bytes, STEP);
	local = local_of(pool);
	if (PAWL_UNLIKELY(!local))
		return NULL;
	if (!local->spare[size].first && pawl_load_relaxed(&pool->spare[size]))
		take_some(pool, local, size);
	piece = local->spare[size].first;
	if (piece) {
		local->spare[size].first = piece->next;
		local->spare[size].n--;
		return piece;
	}
	ptr = cut(local, size);
	if (PAWL_UNLIKELY(!ptr) && chunk_make(pool, local))
		ptr = cut(local, size);
	return ptr;
}

/* Half of what this thread has of a size. */
PAWL_NOINLINE static void give_up(struct eng_pool *pool, struct local *local, unsigned size)
{
	struct piece *first = local->spare[size].first, *last = first;

	for (unsigned i = 1; i < KEEP / 2; i++)
		last = last->next;
	local->spare[size].first = last->next;
	local->spare[size].n -= KEEP / 2;
	pawl_lock_lock(&pool->lock);
	last->next = pawl_load_relaxed(&pool->spare[size]);
	pawl_store_relaxed(&pool->spare[size], (void *)first);
	pawl_lock_unlock(&pool->lock);
}

void eng_pool_free(struct eng_pool *pool, void *ptr, size_t bytes)
{
	unsigned size = (unsigned)((bytes + STEP - 1) / STEP);
	struct local *local;
	struct piece *piece = ptr;

	if (!ptr)
		return;
	if (SANITIZED || bytes > ENG_POOL_MOST || PAWL_UNLIKELY(pool->apart)) {
		pawl_mem_free(ptr, bytes, STEP);
		return;
	}
	local = local_of(pool);
	/* It stays in its chunk: there is not even memory to keep it. */
	if (PAWL_UNLIKELY(!local))
		return;
	piece->next = local->spare[size].first;
	local->spare[size].first = piece;
	if (++local->spare[size].n > KEEP)
		give_up(pool, local, size);
}
