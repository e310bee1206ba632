/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - lists of jobs in an arena, and small tables against doing things twice.
 */
#include "config.h"

#include "queue.h"

#include <string.h>

#include <pawl/hash.h>
#include <pawl/mem.h>

#define TABLE_SMALL 16u
#define CHUNK_BYTES 16384u

struct eng_chunk {
	struct eng_chunk *next;
	size_t bytes;
	PAWL_ALIGNED(16) char memory[];
};

void eng_queue_give_back(struct eng_queue *queue)
{
	for (unsigned i = 0; i < ENG_CLASS_COUNT; i++) {
		if (!(queue->used >> i & 1))
			continue;
		eng_table_fini(&queue->pending[i].next);
		eng_table_fini(&queue->pending[i].now);
		if (i == ENG_CLASS_NUMBERS)
			eng_table_fini(&queue->numbers_done);
	}
	if (eng_queue_has_told(queue))
		eng_table_fini(&queue->told);
	while (queue->chunks) {
		struct eng_chunk *chunk = queue->chunks;

		queue->chunks = chunk->next;
		pawl_mem_free(chunk, sizeof(*chunk) + chunk->bytes, 0);
	}
}

void *eng_queue_alloc(struct eng_queue *queue, size_t bytes)
{
	void *ptr;

	bytes = (bytes + 7) & ~(size_t)7;
	if ((size_t)(queue->end - queue->at) < bytes) {
		size_t most = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
		struct eng_chunk *chunk = eng_must_alloc(sizeof(*chunk) + most);

		chunk->bytes = most;
		chunk->next = queue->chunks;
		queue->chunks = chunk;
		if (most == bytes)
			return chunk->memory;
		queue->at = chunk->memory;
		queue->end = chunk->memory + most;
	}
	ptr = queue->at;
	queue->at += bytes;
	return ptr;
}

/* ---- lists ---------------------------------------------------------------------------- */

struct eng_list eng_list_make(struct eng_queue *queue, uint32_t n)
{
	struct eng_list list = {NULL, NULL, n};

	if (n)
		list.ids = eng_queue_alloc(queue, n * sizeof(uint32_t));
	return list;
}

struct eng_list eng_list_one(struct eng_queue *queue, uint32_t id)
{
	struct eng_list list = eng_list_make(queue, 1);

	list.ids[0] = id;
	return list;
}

struct eng_list eng_list_of_set(struct eng_queue *queue, const struct pawl_sset *set)
{
	struct eng_list list = eng_list_make(queue, pawl_sset_count(set));
	uint32_t cursor = 0, id, n = 0;

	while (n < list.n && pawl_sset_next(set, &cursor, &id))
		list.ids[n++] = id;
	return list;
}

struct eng_list eng_list_of_map(struct eng_queue *queue, const struct pawl_cmap *map)
{
	struct eng_list list = eng_list_make(queue, pawl_cmap_count(map));
	struct pawl_cmap_entry entry;
	uint32_t cursor = 0, n = 0;

	while (n < list.n && pawl_cmap_next(map, &cursor, &entry))
		list.ids[n++] = entry.key;
	return list;
}

/* ---- jobs ------------------------------------------------------------------------------ */

struct eng_job *eng_queue_job(struct eng_queue *queue, enum eng_job_kind kind)
{
	struct eng_job *job = eng_queue_alloc(queue, sizeof(*job));

	memset(job, 0, sizeof(*job));
	job->kind = kind;
	return job;
}

void eng_queue_push(struct eng_queue *queue, struct eng_job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

void eng_queue_push_front(struct eng_queue *queue, struct eng_job *job)
{
	job->next = queue->first;
	if (!queue->first)
		queue->last = &job->next;
	queue->first = job;
}

static void push_edges(struct eng_queue *queue, enum eng_job_kind kind, struct eng_list uppers,
		       struct eng_list tasks, uint32_t retry)
{
	struct eng_job *job;

	if (!uppers.n || !tasks.n)
		return;
	job = eng_queue_job(queue, kind);
	job->uppers = uppers;
	job->tasks = tasks;
	job->retry = retry;
	eng_queue_push(queue, job);
}

void eng_queue_gained(struct eng_queue *queue, struct eng_list uppers, struct eng_list tasks)
{
	push_edges(queue, ENG_JOB_GAINED, uppers, tasks, 0);
}

void eng_queue_lost(struct eng_queue *queue, struct eng_list uppers, struct eng_list tasks,
		    uint32_t retry)
{
	push_edges(queue, ENG_JOB_LOST, uppers, tasks, retry);
}

void eng_queue_data(struct eng_queue *queue, struct eng_list uppers,
		    const struct eng_update *update)
{
	struct eng_job *job;

	if (!uppers.n || eng_update_is_empty(update))
		return;
	job = eng_queue_job(queue, ENG_JOB_DATA);
	job->uppers = uppers;
	job->update = *update;
	eng_queue_push(queue, job);
}

void eng_queue_tasks(struct eng_queue *queue, enum eng_job_kind kind, struct eng_list tasks)
{
	struct eng_job *job;

	if (!tasks.n)
		return;
	job = eng_queue_job(queue, kind);
	job->tasks = tasks;
	eng_queue_push(queue, job);
}

/* A table whose first entries are the arena's. */
static void table_init(struct eng_queue *queue, struct eng_table *table)
{
	memset(table, 0, sizeof(*table));
	table->entries = eng_queue_alloc(queue, TABLE_SMALL * sizeof(*table->entries));
	table->capacity = TABLE_SMALL;
	table->lent = true;
}

/* Where what is to be done of a class is put. */
static struct eng_table *next_of(struct eng_queue *queue, enum eng_class class_)
{
	struct eng_pending *pending = &queue->pending[class_];

	queue->waiting |= 1u << class_;
	if (!(queue->used >> class_ & 1)) {
		queue->used |= 1u << class_;
		table_init(queue, &pending->next);
		table_init(queue, &pending->now);
		pending->at = 0;
		if (class_ == ENG_CLASS_NUMBERS)
			table_init(queue, &queue->numbers_done);
	}
	return &pending->next;
}

void eng_queue_number(struct eng_queue *queue, eng_id id, uint32_t base, uint32_t distance)
{
	struct eng_entry *entry;
	bool is_new;

	if (queue->used >> ENG_CLASS_NUMBERS & 1) {
		struct eng_entry *done = eng_table_get(&queue->numbers_done, id);

		if (done && done->a >= base && done->b >= distance)
			return;
	}
	entry = eng_table_put(next_of(queue, ENG_CLASS_NUMBERS), id, &is_new);
	if (entry->a < base)
		entry->a = base;
	if (entry->b < distance)
		entry->b = distance;
}

void eng_queue_balance(struct eng_queue *queue, eng_id upper, eng_id task)
{
	bool is_new;

	if (upper == task)
		return;
	(void)eng_table_put(next_of(queue, ENG_CLASS_BALANCE), (uint64_t)upper << 32 | task,
			    &is_new);
}

void eng_queue_optimize(struct eng_queue *queue, eng_id id)
{
	bool is_new;

	(void)eng_table_put(next_of(queue, ENG_CLASS_OPTIMIZE), id, &is_new);
}

void eng_queue_find(struct eng_queue *queue, eng_id id)
{
	bool is_new;

	(void)eng_table_put(next_of(queue, ENG_CLASS_FIND), id, &is_new);
}

struct eng_table *eng_queue_told(struct eng_queue *queue)
{
	if (!eng_queue_has_told(queue)) {
		queue->used |= 1u << ENG_CLASS_COUNT;
		table_init(queue, &queue->told);
	}
	return &queue->told;
}

/* ---- tables ---------------------------------------------------------------------------- */

static uint32_t place_of(const struct eng_table *table, uint64_t key)
{
	uint32_t at = (uint32_t)pawl_hash_u64(key, 0) & table->mask;

	while (table->places[at] && table->entries[table->places[at] - 1].key != key)
		at = (at + 1) & table->mask;
	return at;
}

struct eng_entry *eng_table_get(const struct eng_table *table, uint64_t key)
{
	uint32_t at;

	if (table->places) {
		at = table->places[place_of(table, key)];
		return at ? &table->entries[at - 1] : NULL;
	}
	for (uint32_t i = 0; i < table->n; i++) {
		if (table->entries[i].key == key)
			return &table->entries[i];
	}
	return NULL;
}

static void places_free(struct eng_table *table)
{
	if (table->places)
		pawl_mem_free(table->places, (table->mask + 1) * sizeof(*table->places), 0);
	table->places = NULL;
}

static void entries_free(struct eng_table *table)
{
	if (!table->lent)
		pawl_mem_free(table->entries, table->capacity * sizeof(*table->entries), 0);
	table->lent = false;
}

static void grow(struct eng_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : TABLE_SMALL;
	struct eng_entry *entries = eng_must_alloc(capacity * sizeof(*entries));

	if (table->n)
		memcpy(entries, table->entries, table->n * sizeof(*entries));
	entries_free(table);
	table->entries = entries;
	table->capacity = capacity;
	if (capacity == TABLE_SMALL)
		return;
	places_free(table);
	table->mask = capacity * 2 - 1;
	table->places = eng_must_zalloc((table->mask + 1) * sizeof(*table->places));
	for (uint32_t i = 0; i < table->n; i++)
		table->places[place_of(table, entries[i].key)] = i + 1;
}

struct eng_entry *eng_table_put(struct eng_table *table, uint64_t key, bool *ret_new)
{
	struct eng_entry *entry = eng_table_get(table, key);

	*ret_new = !entry;
	if (entry)
		return entry;
	if (table->n == table->capacity)
		grow(table);
	if (table->places)
		table->places[place_of(table, key)] = table->n + 1;
	entry = &table->entries[table->n++];
	*entry = (struct eng_entry){key, 0, 0};
	return entry;
}

void eng_table_clear(struct eng_table *table)
{
	table->n = 0;
	if (table->places)
		memset(table->places, 0, (table->mask + 1) * sizeof(*table->places));
}

void eng_table_fini(struct eng_table *table)
{
	places_free(table);
	entries_free(table);
	memset(table, 0, sizeof(*table));
}

bool eng_pending_take(struct eng_queue *queue, enum eng_class class_,
		      struct eng_entry *ret_entry)
{
	struct eng_pending *pending = &queue->pending[class_];
	uint32_t at;

	if (!(queue->waiting >> class_ & 1))
		return false;
	if (pending->at == pending->now.n) {
		struct eng_table table = pending->now;

		if (!pending->next.n) {
			queue->waiting &= ~(1u << class_);
			return false;
		}
		eng_table_clear(&table);
		pending->now = pending->next;
		pending->next = table;
		pending->at = 0;
	}
	at = class_ == ENG_CLASS_NUMBERS ? pending->now.n - 1 - pending->at : pending->at;
	*ret_entry = pending->now.entries[at];
	pending->at++;
	return true;
}

uint64_t eng_pending_at(const struct eng_queue *queue, enum eng_class class_, uint32_t after)
{
	const struct eng_pending *pending = &queue->pending[class_];
	const struct eng_table *table = &pending->now;
	uint32_t at = pending->at + after;

	if (!(queue->waiting >> class_ & 1))
		return 0;
	if (pending->at == table->n) {
		table = &pending->next;
		at = after;
	}
	if (at >= table->n)
		return 0;
	return table->entries[class_ == ENG_CLASS_NUMBERS ? table->n - 1 - at : at].key;
}
