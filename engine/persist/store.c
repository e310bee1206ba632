/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.c - the calls of pawl/store.h: they look at the arguments, the store does the rest.
 */
#include "config.h"

#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pawl/thread.h>

PAWL_STATIC_ASSERT(PAWL_STORE_SPACE_COUNT == 4, "stores on disk have these");

int eng_why(struct pawl_store_why *why, int error, int64_t pid, const char *format, ...)
{
	va_list arguments;

	if (!why)
		return error;
	why->pid = pid;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return error;
}

int eng_store_options(const struct pawl_store_options *options, struct pawl_store_why *why,
		      struct pawl_store_options *ret_options)
{
	static const struct pawl_store_options none = PAWL_STORE_OPTIONS_INIT;

	if (!options)
		options = &none;
	if (options->size > sizeof(*options))
		return eng_why(why, -E2BIG, 0, "the options are of a later version of Pawl");
	if (options->size != sizeof(*options) || options->read_only > 1 ||
	    options->sparse_reads > 1)
		return eng_why(why, -EINVAL, 0,
			       "the options have a size or a value that is none");
	*ret_options = *options;
	return 0;
}

int pawl_store_open_lmdb(const char *path, const struct pawl_store_options *options,
			 struct pawl_store_why *why, struct pawl_store **ret_store)
{
	eng_why(why, 0, 0, "%s", "");
#ifdef PAWL_HAVE_LMDB
	return eng_store_lmdb(path, options, 0, why, ret_store);
#else
	(void)path, (void)options, (void)ret_store;
	return eng_why(why, -ENOSYS, 0, "this libpawl-engine was built without LMDB");
#endif
}

void pawl_store_close(struct pawl_store *store)
{
	if (store)
		store->ops->close(store);
}

int pawl_store_view_begin(struct pawl_store *store, struct pawl_store_view **ret_view)
{
	return store->ops->view_begin(store, ret_view);
}

void pawl_store_view_end(struct pawl_store_view *view)
{
	if (view)
		view->store->ops->view_end(view);
}

uint64_t pawl_store_view_generation(const struct pawl_store_view *view)
{
	return view->generation;
}

int pawl_store_get(struct pawl_store_view *view, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice *ret_value)
{
	if (!eng_store_key_valid(space, key))
		return -EINVAL;
	return view->store->ops->get(view, space, key, ret_value);
}

int pawl_store_multi_get(struct pawl_store_view *view, enum pawl_store_space space,
			 const struct pawl_store_key *keys, size_t n,
			 struct pawl_slice *ret_values)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!eng_store_key_valid(space, keys[i]))
			return -EINVAL;
	return n ? view->store->ops->multi_get(view, space, keys, n, ret_values) : 0;
}

int pawl_store_scan(struct pawl_store_view *view, enum pawl_store_space space,
		    struct pawl_store_key from, pawl_store_fn *fn, void *arg)
{
	if (!eng_store_key_valid(space, from))
		return -EINVAL;
	return view->store->ops->scan(view, space, from, fn, arg);
}

int pawl_store_begin_write(struct pawl_store *store, struct pawl_store_batch **ret_batch)
{
	return store->ops->begin_write(store, ret_batch);
}

int pawl_store_put(struct pawl_store_batch *batch, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice value)
{
	if (!eng_store_key_valid(space, key) || (!value.ptr && value.len))
		return -EINVAL;
	if (value.len > PAWL_STORE_VALUE_MAX)
		return -EFBIG;
	/* Nothing of no length is a value, too. */
	if (!value.ptr)
		value.ptr = "";
	PAWL_REQUIRE(pawl_thread_attached());
	return batch->store->ops->put(batch, space, key, value);
}

int pawl_store_remove(struct pawl_store_batch *batch, enum pawl_store_space space,
		      struct pawl_store_key key)
{
	if (!eng_store_key_valid(space, key))
		return -EINVAL;
	PAWL_REQUIRE(pawl_thread_attached());
	return batch->store->ops->put(batch, space, key, (struct pawl_slice){NULL, 0});
}

int pawl_store_commit(struct pawl_store_batch *batch, struct pawl_store_why *why,
		      uint64_t *ret_generation)
{
	uint64_t generation;
	int error;

	eng_why(why, 0, 0, "%s", "");
	error = batch->store->ops->commit(batch, why, &generation);
	if (!error && ret_generation)
		*ret_generation = generation;
	return error;
}

void pawl_store_abort(struct pawl_store_batch *batch)
{
	if (batch)
		batch->store->ops->abort(batch);
}

int pawl_store_compact(struct pawl_store *store, struct pawl_store_why *why, bool *ret_done)
{
	bool done = false;
	int error;

	eng_why(why, 0, 0, "%s", "");
	error = store->ops->compact(store, why, &done);
	if (!error && ret_done)
		*ret_done = done;
	return error;
}

int pawl_store_verify(struct pawl_store *store, struct pawl_store_why *why)
{
	eng_why(why, 0, 0, "%s", "");
	return store->ops->verify(store, why);
}

int pawl_store_tell(struct pawl_store *store, bool behind, bool *ret_asked)
{
	bool asked = false;
	int error = store->ops->tell(store, behind, &asked);

	if (!error && ret_asked)
		*ret_asked = asked;
	return error;
}

int pawl_store_ask(struct pawl_store *store, bool asks, struct pawl_store_writer *ret_writer)
{
	struct pawl_store_writer writer = {0};
	int error = store->ops->ask(store, asks, &writer);

	if (!error)
		*ret_writer = writer;
	return error;
}

int pawl_store_stat_read(struct pawl_store *store, struct pawl_store_stat *ret_stat)
{
	memset(ret_stat, 0, sizeof(*ret_stat));
	return store->ops->stat(store, ret_stat);
}
