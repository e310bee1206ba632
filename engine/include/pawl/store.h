/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/store.h - where an engine keeps its results from one process to the next: keys and bytes.
 *
 * A store has four spaces of keys with a value each. It is read through a view, which stands on one
 * generation: what was there when it began. It is changed by a batch, which becomes the next generation
 * as a whole, or not at all.
 *
 *	error = pawl_store_open_lmdb("cache", NULL, &why, &store);
 *
 *	error = pawl_store_begin_write(store, &batch);
 *	error = pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(7), bytes);    any threads
 *	error = pawl_store_commit(batch, &why, NULL);
 *
 *	error = pawl_store_view_begin(store, &view);
 *	error = pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(7), &bytes);
 *	... bytes.ptr: NULL: there is none; good until ...
 *	pawl_store_view_end(view);
 *
 * One process writes, any number of others read beside it. Nothing here knows what the bytes mean. A
 * store gives back what was put into it, but a disk may lie: whoever must never be wrong puts a checksum
 * into each value, over the key too.
 *
 *  call                      threads                  may block on
 *  open, close               one                      the disk
 *  view_begin, view_end      any                      other views beginning and ending, compact
 *  get, multi_get, scan      any, of one view too     the disk, for what is not in memory
 *  begin_write               any                      -
 *  put, remove               any, of one batch too    -
 *  commit, abort             one, after all puts      the disk, until all is on it (commit)
 *  compact, verify, stat     any                      the disk; commit and compact wait for each other
 *  tell, ask                 any                      -
 *
 * Threads that put need to be attached, others do not. On a worker of the runtime, call what blocks on
 * the disk through pawl_blocking(). Not after fork(): in the child view_begin, begin_write, commit,
 * compact, verify, stat, tell and ask return -ECHILD, close forgets the store, and what was open may not be read.
 * Start children by posix_spawn(): one that is forked and lives on without exec holds the writer's lock.
 */
#ifndef PAWL_STORE_H
#define PAWL_STORE_H

#include <pawl/base.h>
#include <pawl/hash.h>

PAWL_BEGIN_DECLS

struct pawl_store;
struct pawl_store_view;
struct pawl_store_batch;

/* Keys are ids (pawl_store_id()) in all spaces but TYPES. The numbers are part of stores on disk. */
enum pawl_store_space {
	PAWL_STORE_INFRA, /* what there is one of: the next free id, operations to be continued */
	PAWL_STORE_META,  /* tasks: their place in the graph, output, dirt */
	PAWL_STORE_DATA,  /* tasks: dependencies, cells */
	PAWL_STORE_TYPES, /* digest of function and arguments: the id of that task */
	PAWL_STORE_SPACE_COUNT
};

/* Compared as one number of 128 bits. */
struct pawl_store_key {
	uint64_t high, low;
};

static inline struct pawl_store_key pawl_store_id(uint32_t id)
{
	struct pawl_store_key key = {0, id};

	return key;
}

static inline struct pawl_store_key pawl_store_digest(struct pawl_digest digest)
{
	struct pawl_store_key key = {digest.high, digest.low};

	return key;
}

/* The largest value. */
#define PAWL_STORE_VALUE_MAX (UINT32_C(1) << 30)

/* Why a call failed, in words, and the process that is in the way (0: none, or not known). */
struct pawl_store_why {
	int64_t pid;
	char text[248];
};

struct pawl_store_options {
	size_t size; /* sizeof(struct pawl_store_options) */
	/* What the values mean, in the writer's own counting: a store with another number is refused. */
	uint32_t format;
	/* 1: for reading; the store must be there. */
	uint32_t read_only;
	/* 1: few values will be read: the system need not read what lies around them. */
	uint32_t sparse_reads;
	/* Views open at one time, over all processes; 0: 1022. The first process that has it open decides. */
	uint32_t views_max;
	/* Address space for it, and so the most it can ever hold; 0: as much as there is, up to 256 GiB. */
	uint64_t reserve_bytes;
};
#define PAWL_STORE_OPTIONS_INIT                                  \
	{                                                        \
		sizeof(struct pawl_store_options), 0, 0, 0, 0, 0 \
	}

/* ---- opening ----------------------------------------------------------------------------------- */

/*
 * pawl_store_open_lmdb() - The store in a folder, on LMDB: made if it is not there (not its parents; modes
 * are left to the umask).
 *
 * A folder has one writer at a time: it holds a lock on the file `lock` in there, which the system takes back
 * when the process ends, however it ends. A process opens a folder once.
 *
 * Errors: why->text has more (why may be NULL).
 *	-EBUSY		another process writes it: why->pid; or this one has it open; or it is being compacted
 *	-EREMOTE	it is on a network file system, or one in user space: maps and locks do not work there
 *	-ESTALE		its format, or its values' (options.format), is another one: remove the folder
 *	-EMEDIUMTYPE	it is no store of Pawl's: what is in it was left alone
 *	-EUCLEAN	it is damaged: remove the folder
 *	-ENOENT		read_only: there is none; else: there is no parent
 *	-ENOTDIR, -EACCES, -EROFS, -ENOSPC, -EIO, -ENOMEM ...: the system says so
 *	-EINVAL		no path, or an option that is none
 *	-E2BIG		options.size: of a later version
 *	-ENOSYS		Pawl was built without LMDB
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_open_lmdb(const char *path,
						  const struct pawl_store_options *options,
						  struct pawl_store_why *why,
						  struct pawl_store **ret_store);

/* What a store in memory stands on, instead of a disk. */
struct pawl_store_disk;

/* pawl_store_disk_create() - An empty one. Errors: -ENOMEM. */
PAWL_API PAWL_MUST_CHECK int pawl_store_disk_create(struct pawl_store_disk **ret_disk);
/* pawl_store_disk_destroy() - Requires: no store is open on it. NULL is nothing. */
PAWL_API void pawl_store_disk_destroy(struct pawl_store_disk *disk);

/*
 * pawl_store_open_mem() - A store in memory, for tests: closed and opened again it has what was committed.
 * As the other one, with one writer at a time and any number of readers.
 *
 * Errors: -EBUSY, -ESTALE, -ENOENT, -EINVAL, -E2BIG, as above; -ENOMEM.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_open_mem(struct pawl_store_disk *disk,
						 const struct pawl_store_options *options,
						 struct pawl_store_why *why,
						 struct pawl_store **ret_store);

/* pawl_store_close() - Requires: no view and no batch is open. NULL is nothing. */
PAWL_API void pawl_store_close(struct pawl_store *store);

/* ---- reading ----------------------------------------------------------------------------------- */

/*
 * pawl_store_view_begin() - The generation that was committed last, as long as this view is open. What later
 * generations replace stays on the disk meanwhile, so a store with a long view grows.
 *
 * Errors: -EAGAIN: views_max; -EIO: as pawl_store_begin_write(); -ENOMEM, -EUCLEAN, -ECHILD.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_view_begin(struct pawl_store *store,
						   struct pawl_store_view **ret_view);
/* pawl_store_view_end() - Nothing that was read through it may be looked at any more. NULL is nothing. */
PAWL_API void pawl_store_view_end(struct pawl_store_view *view);

/* pawl_store_view_generation() - How many batches were committed before; 0: the store is empty. */
PAWL_API uint64_t pawl_store_view_generation(const struct pawl_store_view *view);

/*
 * pawl_store_get() - The value of a key; ptr is NULL if there is none. At an address of any alignment. Its
 * bytes are the view's.
 *
 * Errors: -EINVAL: the key is none of that space; -EIO, -ENOMEM, -EUCLEAN.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_get(struct pawl_store_view *view,
					    enum pawl_store_space space,
					    struct pawl_store_key key,
					    struct pawl_slice *ret_value);

/* pawl_store_multi_get() - The same n times; faster for keys in ascending order. On an error none counts. */
PAWL_API PAWL_MUST_CHECK int pawl_store_multi_get(struct pawl_store_view *view,
						  enum pawl_store_space space,
						  const struct pawl_store_key *keys, size_t n,
						  struct pawl_slice *ret_values);

/* Returns: 0; else the scan ends with this. */
typedef int pawl_store_fn(void *arg, struct pawl_store_key key, struct pawl_slice value);

/*
 * pawl_store_scan() - Each key from `from` on, ascending, with its value.
 *
 * Returns: 0, what fn returned, or as pawl_store_get().
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_scan(struct pawl_store_view *view,
					     enum pawl_store_space space,
					     struct pawl_store_key from, pawl_store_fn *fn,
					     void *arg);

/* ---- writing ----------------------------------------------------------------------------------- */

/*
 * pawl_store_begin_write() - A batch, in memory until it is committed. One at a time.
 *
 * Errors: -EBUSY: there is one; -EROFS: read_only; -EIO: a commit failed so that the store has to be opened
 *	   anew, which is done here once no view is open; -ENOMEM, -ECHILD.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_begin_write(struct pawl_store *store,
						    struct pawl_store_batch **ret_batch);

/*
 * pawl_store_put() - This key has this value in the next generation. The bytes are copied. Of two for one key
 * by one thread the later counts; of those by several, any.
 *
 * Requires: attached.
 * Errors:   -EINVAL: the key is none of that space; -EFBIG: more than PAWL_STORE_VALUE_MAX; -ENOMEM, -EIO.
 *	     The batch is as before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_put(struct pawl_store_batch *batch,
					    enum pawl_store_space space,
					    struct pawl_store_key key, struct pawl_slice value);

/* pawl_store_remove() - This key has no value in the next generation. Otherwise as pawl_store_put(). */
PAWL_API PAWL_MUST_CHECK int pawl_store_remove(struct pawl_store_batch *batch,
					       enum pawl_store_space space,
					       struct pawl_store_key key);

/*
 * pawl_store_commit() - Make it the next generation. Frees the batch, whatever comes of it.
 *
 * Returns: 0: views that begin now see it, and it is on the disk: a power cut does not take it back. In
 *	    ret_generation (may be NULL) its number.
 * Errors:  why->text has more (why may be NULL).
 *	-ENOSPC		the disk is full; or the store is: options.reserve_bytes
 *	-EDQUOT, -EFBIG	the user's share, the largest file
 *	-EIO		the disk fails. The batch may be found after the store was opened anew, as a whole
 *	-ENOMEM		no memory
 *	-EUCLEAN	the store is damaged
 *	-ECHILD		after fork()
 *	The store is as before then and can be used further: a later batch may succeed.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_commit(struct pawl_store_batch *batch,
					       struct pawl_store_why *why,
					       uint64_t *ret_generation);
/* pawl_store_abort() - Forget it. NULL is nothing. */
PAWL_API void pawl_store_abort(struct pawl_store_batch *batch);

/* ---- who else has it open ---------------------------------------------------------------------- */

/* Of the one that writes a store, as somebody sees it who reads. Old when it arrives. */
struct pawl_store_writer {
	bool there;
	bool behind;   /* it has something that is not in the store yet */
	int64_t pid;   /* 0: not known */
	char name[32]; /* of its program; "": not known */
};

/*
 * pawl_store_tell() - Whoever writes says if it has something that is not in the store yet. Until the store is closed,
 * or the process ends, however it ends. Another process sees it from the return of the call on.
 *
 * Returns: 0; in ret_asked (may be NULL), whether somebody who reads asks for it.
 * Errors:  -EROFS: the store was opened for reading; -ECHILD; what the system says.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_tell(struct pawl_store *store, bool behind,
					     bool *ret_asked);

/*
 * pawl_store_ask() - Does another one write this store, and has it something that is not in there? `asks`: it is
 * wanted; until the next call without, or until the store is closed. Of a view that begins after a writer was
 * there that was not behind nothing is missing that this one had at that moment.
 *
 * Errors: -ECHILD; what the system says.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_ask(struct pawl_store *store, bool asks,
					    struct pawl_store_writer *ret_writer);

/* ---- care -------------------------------------------------------------------------------------- */

/*
 * pawl_store_compact() - Give back the disk's space that nothing uses, if it is more than a quarter. Writes all
 * of the rest anew, so it is for idle times.
 *
 * Returns: 0, and in ret_done (may be NULL) whether there was something to do.
 * Errors:  -EBUSY: somebody reads or writes, here or in another process; -EROFS; as pawl_store_commit(). The
 *	    store is as before.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_compact(struct pawl_store *store,
						struct pawl_store_why *why, bool *ret_done);

/*
 * pawl_store_verify() - Look at all of it: is everything where it has to be? It does not look into values.
 *
 * Errors: -EUCLEAN: no, and why; -EIO, -ENOMEM, -EAGAIN, -ECHILD.
 */
PAWL_API PAWL_MUST_CHECK int pawl_store_verify(struct pawl_store *store,
					       struct pawl_store_why *why);

struct pawl_store_stat {
	uint64_t generation;
	uint64_t entries[PAWL_STORE_SPACE_COUNT];
	uint64_t file_bytes;  /* that it takes on the disk, or in memory */
	uint64_t used_bytes;  /* of them, by what is in it; later generations use the rest */
	uint64_t limit_bytes; /* what it can grow to; 0: no limit */
	uint32_t views;	      /* open in this process */
	uint32_t readers; /* views in all processes, idle ones that are kept for later too */
	uint64_t reserved[8]; /* 0 */
};

/* pawl_store_stat_read() - How large it is. Errors: as pawl_store_view_begin(). */
PAWL_API PAWL_MUST_CHECK int pawl_store_stat_read(struct pawl_store *store,
						  struct pawl_store_stat *ret_stat);

/* ---- making a store of another kind ------------------------------------------------------------- */

/*
 * What a store does: the calls above, each by its name, whose arguments were looked at before. All are
 * there. In front of its own state it has these structs, and fills them in.
 */
struct pawl_store_ops {
	size_t size; /* sizeof(struct pawl_store_ops) */
	const char *name;
	void (*close)(struct pawl_store *store);
	int (*view_begin)(struct pawl_store *store, struct pawl_store_view **ret_view);
	void (*view_end)(struct pawl_store_view *view);
	int (*get)(struct pawl_store_view *view, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice *ret_value);
	int (*multi_get)(struct pawl_store_view *view, enum pawl_store_space space,
			 const struct pawl_store_key *keys, size_t n,
			 struct pawl_slice *ret_values);
	int (*scan)(struct pawl_store_view *view, enum pawl_store_space space,
		    struct pawl_store_key from, pawl_store_fn *fn, void *arg);
	int (*begin_write)(struct pawl_store *store, struct pawl_store_batch **ret_batch);
	/* ptr NULL: remove. */
	int (*put)(struct pawl_store_batch *batch, enum pawl_store_space space,
		   struct pawl_store_key key, struct pawl_slice value);
	int (*commit)(struct pawl_store_batch *batch, struct pawl_store_why *why,
		      uint64_t *ret_generation);
	void (*abort)(struct pawl_store_batch *batch);
	int (*compact)(struct pawl_store *store, struct pawl_store_why *why, bool *ret_done);
	int (*verify)(struct pawl_store *store, struct pawl_store_why *why);
	int (*stat)(struct pawl_store *store, struct pawl_store_stat *ret_stat);
	int (*tell)(struct pawl_store *store, bool behind, bool *ret_asked);
	int (*ask)(struct pawl_store *store, bool asks, struct pawl_store_writer *ret_writer);
};

struct pawl_store {
	const struct pawl_store_ops *ops;
};
struct pawl_store_view {
	struct pawl_store *store;
	uint64_t generation;
};
struct pawl_store_batch {
	struct pawl_store *store;
};

PAWL_END_DECLS

#endif
