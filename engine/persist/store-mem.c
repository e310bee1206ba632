/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-mem.c - a store in memory, for tests and simulations.
 *
 * A generation is an array of pointers to items for each space, in the order of keys, which never changes; a
 * commit merges the batch into new arrays, and one pointer makes them the current ones. A view holds the generation
 * that it began with. So reads take no lock, commits are all or nothing (all memory is taken before anything
 * changes), and a commit costs as much as there are keys: right for tests, too much for more.
 *
 * An item that a commit replaces goes when the last generation that has it goes. Generations end in any order, so an
 * item knows the last of them that has it, and waits in a list until no older one is left.
 *
 * I1: disk->current is held by the disk; a view holds its own. A generation with no holder is free.
 * I2: an item is in the array of generations [born, gone); a waiting item has gone <= the current number.
 * All under the disk's mutex but the items and arrays of a generation that the reader holds.
 */
#include "config.h"

#include "batch.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <pawl/mem.h>

struct item {
	struct item *next; /* waiting */
	uint64_t gone;	   /* the first generation without it, once it waits */
	struct pawl_store_key key;
	size_t bytes; /* that follow */
};

struct generation {
	struct generation *older, *newer;
	uint64_t number, holders;
	struct item **items[PAWL_STORE_SPACE_COUNT];
	size_t counts[PAWL_STORE_SPACE_COUNT];
};

struct pawl_store_disk {
	pthread_mutex_t mutex;
	struct generation *current;
	struct item *waiting;
	uint32_t format;
	bool made, writer, behind;
	uint32_t asks; /* stores that ask */
	uint32_t stores, views;
	uint64_t bytes; /* of items, waiting ones too */
};

struct mem_store {
	struct pawl_store store;
	struct pawl_store_disk *disk;
	struct pawl_store_options options;
	struct mem_batch *batch;
	uint32_t views;
	pid_t pid;
	bool asks;
};

struct mem_view {
	struct pawl_store_view view;
	struct generation *generation;
};

struct mem_batch {
	struct pawl_store_batch batch;
	struct eng_batch *puts;
};

static struct mem_store *mem(struct pawl_store *store)
{
	return PAWL_CONTAINER_OF(store, struct mem_store, store);
}

static void lock(struct pawl_store_disk *disk)
{
	pthread_mutex_lock(&disk->mutex);
}

static void unlock(struct pawl_store_disk *disk)
{
	pthread_mutex_unlock(&disk->mutex);
}

static size_t item_size(size_t bytes)
{
	return sizeof(struct item) + bytes;
}

static void item_free(struct pawl_store_disk *disk, struct item *item)
{
	disk->bytes -= item->bytes;
	pawl_mem_free(item, item_size(item->bytes), 0);
}

static void array_free(struct generation *generation, unsigned space)
{
	pawl_mem_free(generation->items[space],
		      generation->counts[space] * sizeof(struct item *), 0);
}

/* Items that no generation has. */
static void sweep(struct pawl_store_disk *disk)
{
	const struct generation *oldest = disk->current;
	struct item **at = &disk->waiting, *item;

	while (oldest->older)
		oldest = oldest->older;
	while ((item = *at)) {
		if (item->gone > oldest->number) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		item_free(disk, item);
	}
}

static void unhold(struct pawl_store_disk *disk, struct generation *generation)
{
	unsigned space;

	if (--generation->holders)
		return;
	if (generation->older)
		generation->older->newer = generation->newer;
	if (generation->newer)
		generation->newer->older = generation->older;
	/* Spaces that a commit did not change have the array of the generation before. */
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++) {
		const struct generation *newer = generation->newer, *older = generation->older;

		if ((!newer || newer->items[space] != generation->items[space]) &&
		    (!older || older->items[space] != generation->items[space]))
			array_free(generation, space);
	}
	if (generation != disk->current)
		sweep(disk);
	pawl_mem_free(generation, sizeof(*generation), 0);
}

/* ---- the disk ----------------------------------------------------------------------------------- */

int pawl_store_disk_create(struct pawl_store_disk **ret_disk)
{
	struct pawl_store_disk *disk = pawl_mem_zalloc(sizeof(*disk), 0);
	struct generation *empty = pawl_mem_zalloc(sizeof(*empty), 0);

	if (!disk || !empty) {
		pawl_mem_free(disk, sizeof(*disk), 0);
		pawl_mem_free(empty, sizeof(*empty), 0);
		return -ENOMEM;
	}
	pthread_mutex_init(&disk->mutex, NULL);
	empty->holders = 1;
	disk->current = empty;
	*ret_disk = disk;
	return 0;
}

void pawl_store_disk_destroy(struct pawl_store_disk *disk)
{
	struct generation *current;
	unsigned space;
	size_t i;

	if (!disk)
		return;
	PAWL_REQUIRE(!disk->stores);
	current = disk->current;
	sweep(disk);
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++)
		for (i = 0; i < current->counts[space]; i++)
			item_free(disk, current->items[space][i]);
	unhold(disk, current);
	pthread_mutex_destroy(&disk->mutex);
	pawl_mem_free(disk, sizeof(*disk), 0);
}

/* ---- views -------------------------------------------------------------------------------------- */

static int mem_view_begin(struct pawl_store *store, struct pawl_store_view **ret_view)
{
	struct mem_store *s = mem(store);
	struct mem_view *view;
	uint32_t most = s->options.views_max ? s->options.views_max : 1022;

	if (s->pid != getpid())
		return -ECHILD;
	view = pawl_mem_alloc(sizeof(*view), 0);
	if (!view)
		return -ENOMEM;
	lock(s->disk);
	if (s->disk->views >= most) {
		unlock(s->disk);
		pawl_mem_free(view, sizeof(*view), 0);
		return -EAGAIN;
	}
	s->disk->views++;
	s->views++;
	view->generation = s->disk->current;
	view->generation->holders++;
	view->view = (struct pawl_store_view){store, view->generation->number};
	unlock(s->disk);
	*ret_view = &view->view;
	return 0;
}

static void mem_view_end(struct pawl_store_view *base)
{
	struct mem_view *view = PAWL_CONTAINER_OF(base, struct mem_view, view);
	struct mem_store *s = mem(base->store);

	lock(s->disk);
	s->disk->views--;
	s->views--;
	unhold(s->disk, view->generation);
	unlock(s->disk);
	pawl_mem_free(view, sizeof(*view), 0);
}

/* The first item whose key is not below. */
static size_t find(const struct generation *generation, enum pawl_store_space space,
		   struct pawl_store_key key)
{
	struct item *const *items = generation->items[space];
	size_t low = 0, high = generation->counts[space];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (eng_store_key_order(items[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pawl_slice slice(const struct item *item)
{
	return (struct pawl_slice){item + 1, item->bytes};
}

static int mem_get(struct pawl_store_view *view, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice *ret_value)
{
	const struct generation *generation =
		PAWL_CONTAINER_OF(view, struct mem_view, view)->generation;
	size_t at = find(generation, space, key);

	*ret_value = (struct pawl_slice){NULL, 0};
	if (at < generation->counts[space] &&
	    !eng_store_key_order(generation->items[space][at]->key, key))
		*ret_value = slice(generation->items[space][at]);
	return 0;
}

static int mem_multi_get(struct pawl_store_view *view, enum pawl_store_space space,
			 const struct pawl_store_key *keys, size_t n,
			 struct pawl_slice *ret_values)
{
	size_t i;

	for (i = 0; i < n; i++)
		(void)mem_get(view, space, keys[i], &ret_values[i]);
	return 0;
}

static int mem_scan(struct pawl_store_view *view, enum pawl_store_space space,
		    struct pawl_store_key from, pawl_store_fn *fn, void *arg)
{
	const struct generation *generation =
		PAWL_CONTAINER_OF(view, struct mem_view, view)->generation;
	size_t at;
	int result = 0;

	for (at = find(generation, space, from); !result && at < generation->counts[space];
	     at++)
		result = fn(arg, generation->items[space][at]->key,
			    slice(generation->items[space][at]));
	return result;
}

/* ---- batches ------------------------------------------------------------------------------------ */

static void batch_free(struct mem_batch *batch)
{
	eng_batch_free(batch->puts);
	pawl_mem_free(batch, sizeof(*batch), 0);
}

static int mem_begin_write(struct pawl_store *store, struct pawl_store_batch **ret_batch)
{
	struct mem_store *s = mem(store);
	struct mem_batch *batch;
	bool busy;

	if (s->pid != getpid())
		return -ECHILD;
	if (s->options.read_only)
		return -EROFS;
	batch = pawl_mem_zalloc(sizeof(*batch), 0);
	if (!batch)
		return -ENOMEM;
	if (eng_batch_create(&batch->puts)) {
		pawl_mem_free(batch, sizeof(*batch), 0);
		return -ENOMEM;
	}
	batch->batch.store = store;
	lock(s->disk);
	busy = s->batch;
	if (!busy)
		s->batch = batch;
	unlock(s->disk);
	if (busy) {
		batch_free(batch);
		return -EBUSY;
	}
	*ret_batch = &batch->batch;
	return 0;
}

static struct mem_batch *mem_batch(struct pawl_store_batch *batch)
{
	return PAWL_CONTAINER_OF(batch, struct mem_batch, batch);
}

static int mem_put(struct pawl_store_batch *batch, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice value)
{
	return eng_batch_put(mem_batch(batch)->puts, space, key, value);
}

static void mem_abort(struct pawl_store_batch *base)
{
	struct mem_store *s = mem(base->store);

	/* In a forked child the lock may be held by nobody who is there. */
	if (s->pid == getpid()) {
		lock(s->disk);
		s->batch = NULL;
		unlock(s->disk);
	}
	batch_free(mem_batch(base));
}

/* What a commit makes of a space. `gone` ends up in the list of those that wait. */
struct merged {
	struct item **items;
	size_t n, room;
	struct item *made, *gone; /* linked by next; made ones as long as it may still fail */
};

static int merge(const struct generation *old, enum pawl_store_space space,
		 const struct eng_change *changes, size_t n, struct merged *to)
{
	size_t at = 0, i, count = old->counts[space];
	struct item *item;

	to->room = count + n;
	to->items = pawl_mem_alloc(to->room * sizeof(*to->items), 0);
	if (!to->items)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct eng_put *put = changes[i].put;

		while (at < count &&
		       eng_store_key_order(old->items[space][at]->key, put->key) < 0)
			to->items[to->n++] = old->items[space][at++];
		if (at < count && !eng_store_key_order(old->items[space][at]->key, put->key)) {
			/* Its next and gone are nobody's as long as it is current. */
			old->items[space][at]->next = to->gone;
			to->gone = old->items[space][at++];
		}
		if (put->removed)
			continue;
		item = pawl_mem_alloc(item_size(put->bytes), 0);
		if (!item)
			return -ENOMEM;
		*item = (struct item){.next = to->made, .key = put->key, .bytes = put->bytes};
		memcpy(item + 1, eng_put_bytes(put), put->bytes);
		to->made = item;
		to->items[to->n++] = item;
	}
	while (at < count)
		to->items[to->n++] = old->items[space][at++];
	return 0;
}

static void merged_drop(struct merged *to)
{
	struct item *item;

	while ((item = to->made)) {
		to->made = item->next;
		pawl_mem_free(item, item_size(item->bytes), 0);
	}
	pawl_mem_free(to->items, to->room * sizeof(*to->items), 0);
	to->items = NULL;
}

/* The array that a generation keeps: of its size. */
static int merged_fit(struct merged *to)
{
	struct item **items;

	if (to->n == to->room)
		return 0;
	items = pawl_mem_alloc(to->n * sizeof(*items), 0);
	if (!items && to->n)
		return -ENOMEM;
	if (to->n)
		memcpy(items, to->items, to->n * sizeof(*items));
	pawl_mem_free(to->items, to->room * sizeof(*items), 0);
	to->items = items;
	to->room = to->n;
	return 0;
}

static int merge_all(struct pawl_store_disk *disk, struct eng_batch *puts,
		     struct merged *merged)
{
	const struct eng_change *changes = NULL;
	unsigned space;
	size_t n;
	int error = 0;

	for (space = 0; !error && space < PAWL_STORE_SPACE_COUNT; space++) {
		error = eng_batch_sort(puts, (enum pawl_store_space)space, &changes, &n);
		if (!error && n) {
			error = merge(disk->current, (enum pawl_store_space)space, changes, n,
				      &merged[space]);
			if (!error)
				error = merged_fit(&merged[space]);
		}
	}
	return error;
}

/* Nothing here fails. */
static void publish(struct pawl_store_disk *disk, struct generation *next,
		    struct merged *merged, const bool *changed)
{
	struct generation *current = disk->current;
	struct item *item;
	unsigned space;

	next->number = current->number + 1;
	next->holders = 1;
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++) {
		if (!changed[space]) {
			next->items[space] = current->items[space];
			next->counts[space] = current->counts[space];
			continue;
		}
		next->items[space] = merged[space].items;
		next->counts[space] = merged[space].n;
		for (item = merged[space].made; item; item = item->next)
			disk->bytes += item->bytes;
		while ((item = merged[space].gone)) {
			merged[space].gone = item->next;
			item->gone = next->number;
			item->next = disk->waiting;
			disk->waiting = item;
		}
	}
	next->older = current;
	current->newer = next;
	disk->current = next;
	unhold(disk, current);
}

static int mem_commit(struct pawl_store_batch *base, struct pawl_store_why *why,
		      uint64_t *ret_generation)
{
	struct mem_store *s = mem(base->store);
	struct pawl_store_disk *disk = s->disk;
	struct merged merged[PAWL_STORE_SPACE_COUNT] = {0};
	bool changed[PAWL_STORE_SPACE_COUNT];
	struct generation *next;
	unsigned space;
	int error;

	if (s->pid != getpid()) {
		mem_abort(base);
		return eng_why(why, -ECHILD, 0, "after fork()");
	}
	next = pawl_mem_zalloc(sizeof(*next), 0);
	lock(disk);
	error = next ? merge_all(disk, mem_batch(base)->puts, merged) : -ENOMEM;
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++) {
		changed[space] = merged[space].room || merged[space].made || merged[space].gone;
		if (error && changed[space])
			merged_drop(&merged[space]);
	}
	if (!error) {
		publish(disk, next, merged, changed);
		*ret_generation = next->number;
	} else {
		pawl_mem_free(next, sizeof(*next), 0);
		eng_why(why, error, 0, "no memory");
	}
	unlock(disk);
	mem_abort(base);
	return error;
}

/* ---- care --------------------------------------------------------------------------------------- */

/* There is never more than what somebody sees. */
static int mem_compact(struct pawl_store *store, struct pawl_store_why *why, bool *ret_done)
{
	struct mem_store *s = mem(store);
	int error = 0;

	if (s->pid != getpid())
		return eng_why(why, -ECHILD, 0, "after fork()");
	if (s->options.read_only)
		return eng_why(why, -EROFS, 0, "the store was opened for reading");
	lock(s->disk);
	if (s->disk->views || s->batch)
		error = eng_why(why, -EBUSY, getpid(), "a view or a batch is open");
	unlock(s->disk);
	if (!error)
		*ret_done = false;
	return error;
}

static int mem_verify(struct pawl_store *store, struct pawl_store_why *why)
{
	struct pawl_store_view *view;
	const struct generation *generation;
	unsigned space;
	size_t i;
	int error = mem_view_begin(store, &view);

	if (error)
		return eng_why(why, error, 0, "no view can be had");
	generation = PAWL_CONTAINER_OF(view, struct mem_view, view)->generation;
	for (space = 0; !error && space < PAWL_STORE_SPACE_COUNT; space++)
		for (i = 1; !error && i < generation->counts[space]; i++)
			if (eng_store_key_order(generation->items[space][i - 1]->key,
						generation->items[space][i]->key) >= 0)
				error = eng_why(why, -EUCLEAN, 0, "keys are not in order");
	mem_view_end(view);
	return error;
}

static int mem_stat(struct pawl_store *store, struct pawl_store_stat *ret_stat)
{
	struct mem_store *s = mem(store);
	unsigned space;

	if (s->pid != getpid())
		return -ECHILD;
	lock(s->disk);
	ret_stat->generation = s->disk->current->number;
	for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++)
		ret_stat->entries[space] = s->disk->current->counts[space];
	ret_stat->file_bytes = ret_stat->used_bytes = s->disk->bytes;
	ret_stat->views = s->views;
	ret_stat->readers = s->disk->views;
	unlock(s->disk);
	return 0;
}

static int mem_tell(struct pawl_store *store, bool behind, bool *ret_asked)
{
	struct mem_store *s = mem(store);

	if (s->pid != getpid())
		return -ECHILD;
	if (s->options.read_only)
		return -EROFS;
	lock(s->disk);
	s->disk->behind = behind;
	*ret_asked = s->disk->asks;
	unlock(s->disk);
	return 0;
}

static int mem_ask(struct pawl_store *store, bool asks, struct pawl_store_writer *ret_writer)
{
	struct mem_store *s = mem(store);

	if (s->pid != getpid())
		return -ECHILD;
	/* Who writes is not another one. */
	if (!s->options.read_only)
		return 0;
	lock(s->disk);
	if (s->asks != asks)
		s->disk->asks += asks ? 1u : UINT32_MAX;
	s->asks = asks;
	ret_writer->there = s->disk->writer;
	ret_writer->behind = s->disk->writer && s->disk->behind;
	unlock(s->disk);
	if (ret_writer->there)
		ret_writer->pid = getpid();
	return 0;
}

static void mem_close(struct pawl_store *store)
{
	struct mem_store *s = mem(store);

	if (s->pid != getpid())
		return;
	PAWL_REQUIRE(!s->views && !s->batch);
	lock(s->disk);
	s->disk->stores--;
	s->disk->asks -= s->asks;
	if (!s->options.read_only)
		s->disk->writer = s->disk->behind = false;
	unlock(s->disk);
	pawl_mem_free(s, sizeof(*s), 0);
}

static const struct pawl_store_ops mem_ops = {
	.size = sizeof(mem_ops),
	.name = "mem",
	.close = mem_close,
	.view_begin = mem_view_begin,
	.view_end = mem_view_end,
	.get = mem_get,
	.multi_get = mem_multi_get,
	.scan = mem_scan,
	.begin_write = mem_begin_write,
	.put = mem_put,
	.commit = mem_commit,
	.abort = mem_abort,
	.compact = mem_compact,
	.verify = mem_verify,
	.stat = mem_stat,
	.tell = mem_tell,
	.ask = mem_ask,
};

/* Under the disk's mutex. */
static int admit(struct pawl_store_disk *disk, const struct pawl_store_options *options,
		 struct pawl_store_why *why)
{
	if (options->read_only && !disk->made)
		return eng_why(why, -ENOENT, 0, "there is no store");
	if (!options->read_only && disk->writer)
		return eng_why(why, -EBUSY, getpid(), "this process writes it already");
	if (disk->made && disk->format != options->format)
		return eng_why(why, -ESTALE, 0, "its values have format %u, not %u",
			       disk->format, options->format);
	disk->made = true;
	disk->format = options->format;
	disk->writer |= !options->read_only;
	disk->stores++;
	return 0;
}

int pawl_store_open_mem(struct pawl_store_disk *disk, const struct pawl_store_options *options,
			struct pawl_store_why *why, struct pawl_store **ret_store)
{
	struct mem_store *s;
	struct pawl_store_options wanted;
	int error;

	eng_why(why, 0, 0, "%s", "");
	error = eng_store_options(options, why, &wanted);
	if (error)
		return error;
	if (!disk)
		return eng_why(why, -EINVAL, 0, "no disk");
	s = pawl_mem_zalloc(sizeof(*s), 0);
	if (!s)
		return eng_why(why, -ENOMEM, 0, "no memory");
	*s = (struct mem_store){
		.store.ops = &mem_ops, .disk = disk, .options = wanted, .pid = getpid()};
	lock(disk);
	error = admit(disk, &wanted, why);
	unlock(disk);
	if (error) {
		pawl_mem_free(s, sizeof(*s), 0);
		return error;
	}
	*ret_store = &s->store;
	return 0;
}
