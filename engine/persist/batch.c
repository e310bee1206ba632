/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c - buffers of threads that put, and one order of keys over all of them.
 *
 * Each thread has a list of chunks of its own, found by its slot number, so that putting shares nothing:
 * a put is a copy. A slot's buffer is touched by its thread alone until all puts are over, which the
 * caller of commit knows (and what makes it known makes the buffers visible). A thread that ends hands
 * its slot on, buffer included, through the registry's lock.
 *
 * The order is made by merging natural runs (D. Knuth, The Art of Computer Programming 3, 5.2.4): a thread that
 * puts ids in their order gives one run, and then there is nothing to sort. Stable, so of two puts of one
 * thread for one key the later stays the later. Rejected: a radix sort, faster for digests (four times at
 * a million) and a second pass over all memory for ids, which are most.
 *
 * I1: a chunk's puts lie one behind the other, each at a multiple of 8.
 */
#include "config.h"

#include "batch.h"

#include <errno.h>
#include <string.h>

#include <pawl/mem.h>
#include <pawl/thread.h>

#define CHUNK_FIRST ((size_t)16 << 10)
#define CHUNK_LAST  ((size_t)1 << 20)
/* Runs are made at least this long by insertion. */
#define RUN 16u

struct chunk {
	struct chunk *next;
	size_t bytes, used; /* behind this head */
};

/* Of one slot. Written by the thread that has it. */
struct buffer {
	struct chunk *first, *last;
	size_t counts[PAWL_STORE_SPACE_COUNT];
} PAWL_ALIGNED(PAWL_LINE_BYTES);

struct eng_batch {
	/* The list that eng_batch_sort() gave, and the room beside it for merging. */
	struct eng_change *changes;
	size_t room;
	struct buffer *buffers[PAWL_THREADS_MAX];
};

int eng_batch_create(struct eng_batch **ret_batch)
{
	struct eng_batch *batch = pawl_mem_zalloc(sizeof(*batch), 0);

	if (!batch)
		return -ENOMEM;
	*ret_batch = batch;
	return 0;
}

static void changes_free(struct eng_batch *batch)
{
	pawl_mem_free(batch->changes, 2 * batch->room * sizeof(*batch->changes), 0);
	batch->changes = NULL;
	batch->room = 0;
}

void eng_batch_free(struct eng_batch *batch)
{
	struct chunk *chunk, *next;
	unsigned slot;

	for (slot = 0; slot < PAWL_THREADS_MAX; slot++) {
		if (!batch->buffers[slot])
			continue;
		for (chunk = batch->buffers[slot]->first; chunk; chunk = next) {
			next = chunk->next;
			pawl_mem_free(chunk, sizeof(*chunk) + chunk->bytes, 0);
		}
		pawl_mem_free(batch->buffers[slot], sizeof(struct buffer), PAWL_LINE_BYTES);
	}
	changes_free(batch);
	pawl_mem_free(batch, sizeof(*batch), 0);
}

/* Room for a put of `bytes` in all; NULL: no memory. */
static struct eng_put *room(struct buffer *buffer, size_t bytes)
{
	struct chunk *chunk = buffer->last;
	size_t size;

	if (!chunk || chunk->bytes - chunk->used < bytes) {
		size = chunk ? 2 * chunk->bytes : CHUNK_FIRST;
		if (size > CHUNK_LAST)
			size = CHUNK_LAST;
		if (size < bytes)
			size = bytes;
		chunk = pawl_mem_alloc(sizeof(*chunk) + size, 0);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){.bytes = size};
		if (buffer->last)
			buffer->last->next = chunk;
		else
			buffer->first = chunk;
		buffer->last = chunk;
	}
	return (struct eng_put *)(void *)((char *)(chunk + 1) + chunk->used);
}

static size_t put_size(size_t bytes)
{
	return (sizeof(struct eng_put) + bytes + 7) & ~(size_t)7;
}

int eng_batch_put(struct eng_batch *batch, enum pawl_store_space space,
		  struct pawl_store_key key, struct pawl_slice value)
{
	struct buffer **at = &batch->buffers[pawl_thread_slot()];
	struct eng_put *put;

	if (!*at)
		*at = pawl_mem_zalloc(sizeof(struct buffer), PAWL_LINE_BYTES);
	put = *at ? room(*at, put_size(value.len)) : NULL;
	if (!put)
		return -ENOMEM;
	*put = (struct eng_put){key, (uint32_t)value.len, (uint8_t)space, !value.ptr};
	if (value.len)
		memcpy(put + 1, value.ptr, value.len);
	(*at)->last->used += put_size(value.len);
	(*at)->counts[space]++;
	return 0;
}

/* ---- the order ---------------------------------------------------------------------------------- */

static bool less(const struct eng_change *a, const struct eng_change *b)
{
	return eng_store_key_order(a->key, b->key) < 0;
}

/* The end of the run that begins at `at`. */
static size_t run_end(struct eng_change *list, size_t at, size_t n)
{
	size_t end = at + 1, i;

	while (end < n && !less(&list[end], &list[end - 1]))
		end++;
	for (; end < n && end < at + RUN; end++) {
		struct eng_change change = list[end];

		for (i = end; i > at && less(&change, &list[i - 1]); i--)
			list[i] = list[i - 1];
		list[i] = change;
	}
	return end;
}

static void merge(const struct eng_change *a, size_t a_n, const struct eng_change *b,
		  size_t b_n, struct eng_change *to)
{
	while (a_n && b_n) {
		if (less(b, a)) {
			*to++ = *b++;
			b_n--;
		} else {
			*to++ = *a++;
			a_n--;
		}
	}
	memcpy(to, a, a_n * sizeof(*a));
	memcpy(to + a_n, b, b_n * sizeof(*b));
}

/* One pass over all: runs are merged two by two into `to`. Returns: how many are left there, at most. */
static size_t merge_runs(struct eng_change *from, size_t n, struct eng_change *to)
{
	size_t at, middle, end, runs = 0;

	for (at = 0; at < n; at = end, runs++) {
		middle = run_end(from, at, n);
		end = middle < n ? run_end(from, middle, n) : n;
		merge(from + at, middle - at, from + middle, end - middle, to + at);
	}
	return runs;
}

/* The last of each key stays. */
static size_t unique(struct eng_change *list, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (i + 1 < n && !less(&list[i], &list[i + 1]))
			continue;
		list[kept++] = list[i];
	}
	return kept;
}

static size_t collect(const struct eng_batch *batch, enum pawl_store_space space,
		      struct eng_change *to)
{
	size_t n = 0, at;
	unsigned slot;

	for (slot = 0; slot < PAWL_THREADS_MAX; slot++) {
		const struct chunk *chunk =
			batch->buffers[slot] ? batch->buffers[slot]->first : NULL;

		for (; chunk; chunk = chunk->next) {
			for (at = 0; at < chunk->used;) {
				const struct eng_put *put =
					(const void *)((const char *)(chunk + 1) + at);

				if (put->space == space)
					to[n++] = (struct eng_change){put->key, put};
				at += put_size(put->bytes);
			}
		}
	}
	return n;
}

int eng_batch_sort(struct eng_batch *batch, enum pawl_store_space space,
		   const struct eng_change **ret_changes, size_t *ret_n)
{
	struct eng_change *from, *to, *swap;
	size_t n = 0, runs;
	unsigned slot;

	for (slot = 0; slot < PAWL_THREADS_MAX; slot++)
		n += batch->buffers[slot] ? batch->buffers[slot]->counts[space] : 0;
	*ret_n = 0;
	if (!n)
		return 0;
	if (n > batch->room) {
		changes_free(batch);
		batch->changes = pawl_mem_alloc(2 * n * sizeof(*batch->changes), 0);
		if (!batch->changes)
			return -ENOMEM;
		batch->room = n;
	}
	from = batch->changes;
	to = batch->changes + batch->room;
	PAWL_REQUIRE(collect(batch, space, from) == n);
	if (run_end(from, 0, n) < n) {
		do {
			runs = merge_runs(from, n, to);
			swap = from;
			from = to;
			to = swap;
		} while (runs > 1);
	}
	*ret_n = unique(from, n);
	*ret_changes = from;
	return 0;
}
