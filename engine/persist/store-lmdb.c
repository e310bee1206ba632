/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-lmdb.c - the store on LMDB (H. Chu, "MDB: A Memory-Mapped Database and Backend for OpenLDAP", LDAPCon 2011):
 * a B+tree whose pages are copied when they change, one writer, readers without locks.
 *
 * A space is a named database, a view a read transaction, a commit one write transaction: threads fill buffers of
 * their own (batch.c), the committing one puts all of it in the order of keys. What comes behind the last key of a
 * space is appended, so that pages are full: bulk writes twice as fast, and half the file, of unsorted ones. Values that
 * are what is there already are left alone, since each change costs a copy of its page.
 *
 * What the store promises, and on what it stands:
 *  - a commit is all or nothing and on the disk when it returns: LMDB writes pages that nothing refers to, syncs
 *    them, and then one page that says where the tree begins, through a descriptor with O_DSYNC. Names of files
 *    are synced before the first commit. tests/persist/t-power.c cuts the power at every step.
 *  - a view stays what it is: LMDB does not use pages again that a reader in its table may see. Readers that died are
 *    taken out of the table at each commit.
 *  - LMDB has no checksums. What the disk gives back wrong is not noticed by get(), and a page that is wrong
 *    can lead it anywhere. Hence the checksum in each record (bytes.h), over its key too; verify() follows all pages
 *    without believing any (lmdb-check.c).
 *  - the disk that fails while the page with the root is written leaves LMDB unable to go on in this environment. It
 *    is opened anew when the next batch or view begins and no view is open. Other failures undo the transaction.
 *
 * What it reads: pages as they are needed, and around each value some 128 KiB more, which the system is told of (the
 * system's own idea of how much lies around a page was 8 MiB where this was measured, so the first answer
 * of a process waited for the whole file). With sparse_reads nothing around.
 *
 * What it costs: an entry of more than about 2,000 bytes takes pages of its own, so 2,100 bytes take 4,096; a small
 * change copies a page for each leaf it is in. bench/b-store.c measures both.
 *
 * Rejected: MDB_WRITEMAP (a wild pointer of the program damages the file, and it is slower), MDB_NOSYNC (a power cut
 * damages it), growing the map in place (needs all views closed), a transaction for each thread (LMDB has one writer).
 *
 * Locks: `writing`, then `mutex`. Reading through a view takes none: LMDB's read transactions without thread-local
 * slots (MDB_NOTLS) may be used by several threads once the databases' roots were looked up, which view_begin() does.
 */
#include "config.h"

#ifdef PAWL_HAVE_LMDB

#include "lmdb.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/mem.h>

static struct lmdb_store *lmdb(struct pawl_store *store)
{
	return PAWL_CONTAINER_OF(store, struct lmdb_store, store);
}

static struct lmdb_view *lmdb_view(struct pawl_store_view *view)
{
	return PAWL_CONTAINER_OF(view, struct lmdb_view, view);
}

static struct lmdb_batch *lmdb_batch(struct pawl_store_batch *batch)
{
	return PAWL_CONTAINER_OF(batch, struct lmdb_batch, batch);
}

size_t eng_lmdb_key(enum pawl_store_space space, struct pawl_store_key key,
		    unsigned char *bytes)
{
	size_t n = space == PAWL_STORE_TYPES ? 16 : 4, i;

	for (i = 0; i < n; i++)
		bytes[n - 1 - i] =
			(unsigned char)(i < 8 ? key.low >> 8 * i : key.high >> 8 * (i - 8));
	return n;
}

bool eng_lmdb_key_of(enum pawl_store_space space, const MDB_val *val,
		     struct pawl_store_key *ret_key)
{
	const unsigned char *bytes = val->mv_data;
	struct pawl_store_key key = {0, 0};
	size_t i;

	if (val->mv_size != (space == PAWL_STORE_TYPES ? 16 : 4))
		return false;
	for (i = 0; i < val->mv_size; i++) {
		key.high = key.high << 8 | key.low >> 56;
		key.low = key.low << 8 | bytes[i];
	}
	*ret_key = key;
	return true;
}

/* ---- views -------------------------------------------------------------------------------------- */

static void drop_idle(struct lmdb_store *s)
{
	struct lmdb_view *view;

	while ((view = s->idle)) {
		s->idle = view->next;
		mdb_txn_abort(view->txn);
		pawl_mem_free(view, sizeof(*view), 0);
	}
}

/* With mutex and `writing`, which only a commit's failure makes needed. */
static int revive(struct lmdb_store *s)
{
	if (!s->broken && s->env)
		return 0;
	if (s->views)
		return -EIO;
	drop_idle(s);
	if (s->env)
		eng_lmdb_env_close(s);
	s->broken = false;
	return eng_lmdb_env_open(s, NULL);
}

/* Another process that writes has made its map larger. */
static int follow_map(struct lmdb_store *s)
{
	int rc;

	if (s->views)
		return -EAGAIN;
	drop_idle(s);
	rc = mdb_env_set_mapsize(s->env, 0);
	return rc ? eng_lmdb_error(s, rc, NULL, NULL) : 0;
}

static int txn_begin(struct lmdb_store *s, MDB_txn **ret_txn)
{
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret_txn), dead;

	if (rc == MDB_READERS_FULL && !mdb_reader_check(s->env, &dead) && dead)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, ret_txn);
	return rc;
}

static int read_generation(struct lmdb_store *s, MDB_txn *txn, uint64_t *ret_generation)
{
	MDB_val key = {sizeof(ENG_LMDB_GENERATION) - 1, (void *)(uintptr_t)ENG_LMDB_GENERATION},
		val;
	int rc = mdb_get(txn, s->main, &key, &val), i;

	*ret_generation = 0;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc || val.mv_size != 8)
		return rc ? rc : MDB_CORRUPTED;
	for (i = 7; i >= 0; i--)
		*ret_generation =
			*ret_generation << 8 | ((const unsigned char *)val.mv_data)[i];
	return 0;
}

/* All that a first look-up writes into the transaction. */
static int warm(struct lmdb_store *s, struct lmdb_view *view)
{
	MDB_stat stat;
	unsigned space;
	int rc = 0;

	for (space = 0; !rc && space < PAWL_STORE_SPACE_COUNT; space++)
		rc = mdb_stat(view->txn, s->dbis[space], &stat);
	return rc ? rc : read_generation(s, view->txn, &view->view.generation);
}

static int view_begin_locked(struct lmdb_store *s, struct lmdb_view **ret_view)
{
	struct lmdb_view *view = s->idle;
	int rc;

	if (view) {
		s->idle = view->next;
		rc = mdb_txn_renew(view->txn);
		if (rc)
			mdb_txn_abort(view->txn);
	} else {
		view = pawl_mem_alloc(sizeof(*view), 0);
		if (!view)
			return -ENOMEM;
		rc = txn_begin(s, &view->txn);
	}
	if (!rc) {
		view->view = (struct pawl_store_view){&s->store, 0};
		rc = warm(s, view);
		if (rc)
			mdb_txn_abort(view->txn);
	}
	if (rc) {
		pawl_mem_free(view, sizeof(*view), 0);
		return rc;
	}
	s->views++;
	*ret_view = view;
	return 0;
}

/* After a commit that failed, and where another process has more map. `writing` is taken before mutex. */
static int view_begin_slow(struct lmdb_store *s, struct lmdb_view **ret_view)
{
	int rc;

	pthread_mutex_lock(&s->writing);
	pthread_mutex_lock(&s->mutex);
	rc = revive(s);
	if (!rc)
		rc = view_begin_locked(s, ret_view);
	if (rc == MDB_MAP_RESIZED) {
		rc = follow_map(s);
		if (!rc)
			rc = view_begin_locked(s, ret_view);
	}
	pthread_mutex_unlock(&s->mutex);
	pthread_mutex_unlock(&s->writing);
	return rc;
}

static int lmdb_view_begin(struct pawl_store *store, struct pawl_store_view **ret_view)
{
	struct lmdb_store *s = lmdb(store);
	struct lmdb_view *view;
	int rc = MDB_PANIC;

	if (s->pid != getpid())
		return -ECHILD;
	pthread_mutex_lock(&s->mutex);
	if (s->env && !s->broken)
		rc = view_begin_locked(s, &view);
	pthread_mutex_unlock(&s->mutex);
	if (rc == MDB_PANIC || rc == MDB_MAP_RESIZED)
		rc = view_begin_slow(s, &view);
	if (rc)
		return eng_lmdb_error(s, rc, NULL, NULL);
	*ret_view = &view->view;
	return 0;
}

static void lmdb_view_end(struct pawl_store_view *base)
{
	struct lmdb_store *s = lmdb(base->store);
	struct lmdb_view *view = lmdb_view(base);

	if (s->pid != getpid())
		return;
	pthread_mutex_lock(&s->mutex);
	mdb_txn_reset(view->txn);
	view->next = s->idle;
	s->idle = view;
	s->views--;
	pthread_mutex_unlock(&s->mutex);
}

static int lmdb_get(struct pawl_store_view *base, enum pawl_store_space space,
		    struct pawl_store_key key, struct pawl_slice *ret_value)
{
	struct lmdb_store *s = lmdb(base->store);
	unsigned char bytes[16];
	MDB_val name = {eng_lmdb_key(space, key, bytes), bytes}, val;
	int rc = mdb_get(lmdb_view(base)->txn, s->dbis[space], &name, &val);

	if (rc == MDB_NOTFOUND) {
		*ret_value = (struct pawl_slice){NULL, 0};
		return 0;
	}
	if (rc)
		return eng_lmdb_error(s, rc, NULL, NULL);
	eng_lmdb_around(s, val.mv_data);
	*ret_value = (struct pawl_slice){val.mv_data, val.mv_size};
	return 0;
}

/* A cursor stays on its page: keys near each other are found without a descent. */
static int lmdb_multi_get(struct pawl_store_view *base, enum pawl_store_space space,
			  const struct pawl_store_key *keys, size_t n,
			  struct pawl_slice *ret_values)
{
	struct lmdb_store *s = lmdb(base->store);
	unsigned char bytes[16];
	MDB_cursor *cursor;
	MDB_val name, val;
	size_t i;
	int rc = mdb_cursor_open(lmdb_view(base)->txn, s->dbis[space], &cursor);

	if (rc)
		return eng_lmdb_error(s, rc, NULL, NULL);
	for (i = 0; !rc && i < n; i++) {
		name = (MDB_val){eng_lmdb_key(space, keys[i], bytes), bytes};
		rc = mdb_cursor_get(cursor, &name, &val, MDB_SET);
		ret_values[i] = rc ? (struct pawl_slice){NULL, 0}
				   : (struct pawl_slice){val.mv_data, val.mv_size};
		if (!rc)
			eng_lmdb_around(s, val.mv_data);
		if (rc == MDB_NOTFOUND)
			rc = 0;
	}
	mdb_cursor_close(cursor);
	return rc ? eng_lmdb_error(s, rc, NULL, NULL) : 0;
}

static int lmdb_scan(struct pawl_store_view *base, enum pawl_store_space space,
		     struct pawl_store_key from, pawl_store_fn *fn, void *arg)
{
	struct lmdb_store *s = lmdb(base->store);
	unsigned char bytes[16];
	struct pawl_store_key key;
	MDB_val name = {eng_lmdb_key(space, from, bytes), bytes}, val;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(lmdb_view(base)->txn, s->dbis[space], &cursor), result = 0;

	if (rc)
		return eng_lmdb_error(s, rc, NULL, NULL);
	rc = mdb_cursor_get(cursor, &name, &val, MDB_SET_RANGE);
	while (!rc && !result) {
		eng_lmdb_around(s, val.mv_data);
		if (eng_lmdb_key_of(space, &name, &key))
			result = fn(arg, key, (struct pawl_slice){val.mv_data, val.mv_size});
		else
			result = -EUCLEAN;
		if (!result)
			rc = mdb_cursor_get(cursor, &name, &val, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (result)
		return result;
	return rc == MDB_NOTFOUND ? 0 : eng_lmdb_error(s, rc, NULL, NULL);
}

/* ---- batches ------------------------------------------------------------------------------------ */

static void batch_free(struct lmdb_batch *batch)
{
	if (batch->puts)
		eng_batch_free(batch->puts);
	pawl_mem_free(batch, sizeof(*batch), 0);
}

static int lmdb_begin_write(struct pawl_store *store, struct pawl_store_batch **ret_batch)
{
	struct lmdb_store *s = lmdb(store);
	struct lmdb_batch *batch;
	int error = 0;

	if (s->pid != getpid())
		return -ECHILD;
	if (s->options.read_only)
		return -EROFS;
	batch = pawl_mem_zalloc(sizeof(*batch), 0);
	if (!batch || eng_batch_create(&batch->puts)) {
		pawl_mem_free(batch, sizeof(*batch), 0);
		return -ENOMEM;
	}
	batch->batch.store = store;
	pthread_mutex_lock(&s->writing);
	pthread_mutex_lock(&s->mutex);
	if (s->batch)
		error = -EBUSY;
	else
		error = revive(s);
	if (!error)
		s->batch = batch;
	pthread_mutex_unlock(&s->mutex);
	pthread_mutex_unlock(&s->writing);
	if (error) {
		batch_free(batch);
		return error;
	}
	*ret_batch = &batch->batch;
	return 0;
}

static int lmdb_put(struct pawl_store_batch *batch, enum pawl_store_space space,
		    struct pawl_store_key key, struct pawl_slice value)
{
	return eng_batch_put(lmdb_batch(batch)->puts, space, key, value);
}

static void lmdb_abort(struct pawl_store_batch *batch)
{
	struct lmdb_store *s = lmdb(batch->store);

	/* In a forked child the lock may be held by nobody who is there. */
	if (s->pid == getpid()) {
		pthread_mutex_lock(&s->mutex);
		s->batch = NULL;
		pthread_mutex_unlock(&s->mutex);
	}
	batch_free(lmdb_batch(batch));
}

/* One change to what is there. */
static int apply_one(struct lmdb_store *s, MDB_cursor *cursor, MDB_val *name,
		     const struct eng_put *put)
{
	MDB_val key = *name, val;
	int rc = mdb_cursor_get(cursor, &key, &val, MDB_SET_KEY);

	if (rc && rc != MDB_NOTFOUND)
		return rc;
	if (!rc)
		eng_lmdb_around(s, val.mv_data);
	if (put->removed)
		return rc ? 0 : mdb_cursor_del(cursor, 0);
	if (!rc && val.mv_size == put->bytes &&
	    !memcmp(val.mv_data, eng_put_bytes(put), put->bytes))
		return 0;
	val = (MDB_val){put->bytes, (void *)(uintptr_t)eng_put_bytes(put)};
	return mdb_cursor_put(cursor, name, &val, 0);
}

static int apply(struct lmdb_store *s, MDB_txn *txn, enum pawl_store_space space,
		 const struct eng_change *changes, size_t n)
{
	struct pawl_store_key last = {0, 0};
	unsigned char bytes[16];
	MDB_cursor *cursor;
	MDB_val name, val;
	bool empty;
	size_t i;
	int rc = mdb_cursor_open(txn, s->dbis[space], &cursor);

	if (rc)
		return rc;
	rc = mdb_cursor_get(cursor, &name, &val, MDB_LAST);
	empty = rc == MDB_NOTFOUND;
	if (empty)
		rc = 0;
	else if (!rc && !eng_lmdb_key_of(space, &name, &last))
		rc = MDB_CORRUPTED;
	for (i = 0; !rc && i < n; i++) {
		const struct eng_put *put = changes[i].put;

		name = (MDB_val){eng_lmdb_key(space, put->key, bytes), bytes};
		if (!empty && eng_store_key_order(put->key, last) <= 0) {
			rc = apply_one(s, cursor, &name, put);
		} else if (!put->removed) {
			val = (MDB_val){put->bytes, (void *)(uintptr_t)eng_put_bytes(put)};
			rc = mdb_cursor_put(cursor, &name, &val, MDB_APPEND);
		}
	}
	mdb_cursor_close(cursor);
	return rc;
}

static int write_generation(struct lmdb_store *s, MDB_txn *txn, uint64_t generation)
{
	unsigned char bytes[8];
	MDB_val key = {sizeof(ENG_LMDB_GENERATION) - 1, (void *)(uintptr_t)ENG_LMDB_GENERATION};
	MDB_val val = {sizeof(bytes), bytes};
	int i;

	for (i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(generation >> 8 * i);
	return mdb_put(txn, s->main, &key, &val, 0);
}

/* Returns: 0, an error of LMDB, or of ours. */
static int write_all(struct lmdb_store *s, MDB_txn *txn, struct eng_batch *puts,
		     uint64_t *ret_generation)
{
	const struct eng_change *changes = NULL;
	unsigned space;
	size_t n;
	int rc = 0;

	for (space = 0; !rc && space < PAWL_STORE_SPACE_COUNT; space++) {
		rc = eng_batch_sort(puts, (enum pawl_store_space)space, &changes, &n);
		if (!rc && n)
			rc = apply(s, txn, (enum pawl_store_space)space, changes, n);
	}
	if (!rc)
		rc = read_generation(s, txn, ret_generation);
	if (!rc)
		rc = write_generation(s, txn, ++*ret_generation);
	return rc;
}

static int commit_txn(struct lmdb_store *s, struct eng_batch *puts, uint64_t *ret_generation)
{
	MDB_txn *txn;
	int rc, dead;

	/* Their pages are free for this commit then. */
	(void)mdb_reader_check(s->env, &dead);
	rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc)
		return rc;
	rc = write_all(s, txn, puts, ret_generation);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/*
 * Who made the files may have ended, or failed, before their names were on the disk. Before the first commit, so
 * that opening waits for no disk. Returns: 0, errno.
 */
static int sync_names(struct lmdb_store *s)
{
	int error = s->named ? 0 : eng_folder_sync(s->folder);

	s->named = !error;
	return -error;
}

/* Does LMDB begin another transaction? Views that are open go on in any case. */
static void mark_broken(struct lmdb_store *s)
{
	MDB_txn *txn;
	bool broken = !s->env || mdb_txn_begin(s->env, NULL, 0, &txn);

	if (!broken)
		mdb_txn_abort(txn);
	pthread_mutex_lock(&s->mutex);
	s->broken = broken;
	pthread_mutex_unlock(&s->mutex);
}

static int lmdb_commit(struct pawl_store_batch *batch, struct pawl_store_why *why,
		       uint64_t *ret_generation)
{
	struct lmdb_store *s = lmdb(batch->store);
	uint64_t generation = 0;
	int rc, error = 0;

	if (s->pid != getpid()) {
		lmdb_abort(batch);
		return eng_why(why, -ECHILD, 0, "after fork()");
	}
	pthread_mutex_lock(&s->writing);
	/* LMDB takes a sync that a signal came into for a failure, and has undone all of it then. */
	do {
		rc = sync_names(s);
		if (!rc)
			rc = s->env ? commit_txn(s, lmdb_batch(batch)->puts, &generation)
				    : MDB_PANIC;
	} while (rc == EINTR);
	if (rc) {
		error = eng_lmdb_error(s, rc, why, "the batch could not be written");
		mark_broken(s);
	} else {
		*ret_generation = generation;
		/* Readers of other processes look; for this one it does not matter. */
		(void)eng_lmdb_fill(s);
	}
	pthread_mutex_unlock(&s->writing);
	lmdb_abort(batch);
	return error;
}

/* ---- care --------------------------------------------------------------------------------------- */

static uint64_t used_pages(struct lmdb_store *s, MDB_txn *txn, uint64_t *ret_entries)
{
	MDB_dbi dbis[2 + PAWL_STORE_SPACE_COUNT] = {0, s->main};
	uint64_t pages = 2;
	MDB_stat stat;
	unsigned i;

	memcpy(dbis + 2, s->dbis, sizeof(s->dbis));
	for (i = 0; i < 2 + PAWL_STORE_SPACE_COUNT; i++) {
		if (mdb_stat(txn, dbis[i], &stat))
			continue;
		pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
		if (i >= 2)
			ret_entries[i - 2] = stat.ms_entries;
	}
	return pages;
}

/* A line for each slot of the table; of idle ones it ends with a dash, the first is a headline. */
static int count_reader(const char *line, void *arg)
{
	size_t n = strlen(line);

	if (n > 2 && line[n - 2] >= '0' && line[n - 2] <= '9')
		++*(uint32_t *)arg;
	return 0;
}

static int lmdb_stat(struct pawl_store *store, struct pawl_store_stat *ret_stat)
{
	struct lmdb_store *s = lmdb(store);
	struct pawl_store_view *view;
	MDB_envinfo info;
	MDB_stat stat;
	struct stat file;
	int fd, error = lmdb_view_begin(store, &view);

	if (error)
		return error;
	ret_stat->generation = view->generation;
	mdb_env_info(s->env, &info);
	mdb_env_stat(s->env, &stat);
	ret_stat->used_bytes =
		used_pages(s, lmdb_view(view)->txn, ret_stat->entries) * stat.ms_psize;
	ret_stat->limit_bytes = info.me_mapsize;
	(void)mdb_reader_list(s->env, count_reader, &ret_stat->readers);
	if (!mdb_env_get_fd(s->env, &fd) && !fstat(fd, &file))
		ret_stat->file_bytes = (uint64_t)file.st_size;
	/* But for the one that was looked through. */
	if (ret_stat->readers)
		ret_stat->readers--;
	pawl_store_view_end(view);
	pthread_mutex_lock(&s->mutex);
	ret_stat->views = s->views;
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

static int lmdb_verify(struct pawl_store *store, struct pawl_store_why *why)
{
	struct lmdb_store *s = lmdb(store);
	struct pawl_store_view *view;
	int error;

	do {
		error = lmdb_view_begin(store, &view);
		if (error)
			return eng_why(why, error, 0, "it cannot be read");
		error = eng_lmdb_check(s, lmdb_view(view)->txn, true, why);
		pawl_store_view_end(view);
		/* Somebody writes, which takes longer than to begin anew. */
	} while (error == -EAGAIN);
	return error;
}

/* With both locks. */
static int compact_locked(struct lmdb_store *s, struct pawl_store_why *why, bool *ret_done)
{
	struct pawl_store_stat stat;
	int error;

	if (s->views || s->batch)
		return eng_why(why, -EBUSY, getpid(), "a view or a batch is open");
	error = revive(s);
	if (error)
		return eng_why(why, error, 0, "it could not be opened anew");
	if (eng_folder_alone(s->folder))
		return eng_why(why, -EBUSY, 0, "another process reads it");
	pthread_mutex_unlock(&s->mutex);
	error = lmdb_stat(&s->store, &stat);
	pthread_mutex_lock(&s->mutex);
	*ret_done =
		!error && !s->views && stat.file_bytes - stat.used_bytes > stat.file_bytes / 4;
	if (!error && *ret_done) {
		drop_idle(s);
		error = eng_lmdb_compact(s, why);
	}
	eng_folder_share(s->folder);
	return error;
}

static int lmdb_compact(struct pawl_store *store, struct pawl_store_why *why, bool *ret_done)
{
	struct lmdb_store *s = lmdb(store);
	int error;

	if (s->pid != getpid())
		return eng_why(why, -ECHILD, 0, "after fork()");
	if (s->options.read_only)
		return eng_why(why, -EROFS, 0, "the store was opened for reading");
	pthread_mutex_lock(&s->writing);
	pthread_mutex_lock(&s->mutex);
	error = compact_locked(s, why, ret_done);
	pthread_mutex_unlock(&s->mutex);
	pthread_mutex_unlock(&s->writing);
	return error;
}

static int lmdb_tell(struct pawl_store *store, bool behind, bool *ret_asked)
{
	struct lmdb_store *s = lmdb(store);

	if (s->pid != getpid())
		return -ECHILD;
	if (s->options.read_only)
		return -EROFS;
	return eng_folder_tell(s->folder, behind, ret_asked);
}

static int lmdb_ask(struct pawl_store *store, bool asks, struct pawl_store_writer *ret_writer)
{
	struct lmdb_store *s = lmdb(store);

	if (s->pid != getpid())
		return -ECHILD;
	/* Who writes is not another one. */
	return s->options.read_only ? eng_folder_ask(s->folder, asks, ret_writer) : 0;
}

static void lmdb_free(struct lmdb_store *s)
{
	pthread_mutex_destroy(&s->mutex);
	pthread_mutex_destroy(&s->writing);
	pawl_mem_free(s, sizeof(*s), 0);
}

static void lmdb_close(struct pawl_store *store)
{
	struct lmdb_store *s = lmdb(store);

	if (s->pid != getpid()) {
		/* The environment is the parent's, and its locks are: LMDB may not be asked. */
		eng_folder_forget(s->folder);
		return;
	}
	PAWL_REQUIRE(!s->views && !s->batch);
	drop_idle(s);
	if (s->env)
		eng_lmdb_env_close(s);
	eng_folder_close(s->folder);
	lmdb_free(s);
}

static const struct pawl_store_ops lmdb_ops = {
	.size = sizeof(lmdb_ops),
	.name = "lmdb",
	.close = lmdb_close,
	.view_begin = lmdb_view_begin,
	.view_end = lmdb_view_end,
	.get = lmdb_get,
	.multi_get = lmdb_multi_get,
	.scan = lmdb_scan,
	.begin_write = lmdb_begin_write,
	.put = lmdb_put,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.compact = lmdb_compact,
	.verify = lmdb_verify,
	.stat = lmdb_stat,
	.tell = lmdb_tell,
	.ask = lmdb_ask,
};

int eng_store_lmdb(const char *path, const struct pawl_store_options *options, unsigned flags,
		   struct pawl_store_why *why, struct pawl_store **ret_store)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "new.mdb", "new.mdb-lock",
					    NULL};
	struct pawl_store_options wanted;
	struct lmdb_store *s;
	int error = eng_store_options(options, why, &wanted);

	if (error)
		return error;
	if (!path || !*path)
		return eng_why(why, -EINVAL, 0, "no path");
	s = pawl_mem_zalloc(sizeof(*s), 0);
	if (!s)
		return eng_why(why, -ENOMEM, 0, "no memory");
	s->store.ops = &lmdb_ops;
	s->options = wanted;
	s->flags = flags;
	s->pid = getpid();
	pthread_mutex_init(&s->mutex, NULL);
	pthread_mutex_init(&s->writing, NULL);
	error = eng_folder_open(path, wanted.read_only, files, why, &s->folder);
	if (!error) {
		error = eng_lmdb_env_open(s, why);
		if (error)
			eng_folder_close(s->folder);
	}
	if (error) {
		lmdb_free(s);
		return error;
	}
	*ret_store = &s->store;
	return 0;
}

#endif
