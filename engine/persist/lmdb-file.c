/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmdb-file.c - the files of a store on LMDB: making, opening, exchanging them, and what LMDB says of them.
 *
 *	lock		who writes, and that nobody exchanges files (folder.c)
 *	data.mdb	everything
 *	lock.mdb	LMDB's table of readers
 *	new.mdb		a data.mdb that is not complete yet; what a process that ended left of one is removed
 *
 * data.mdb is made under another name and renamed when all of it is on the disk, so that a power cut leaves a
 * complete one or none. Names, of the folder and in it, are synced before the first commit of each process that writes
 * (store-lmdb.c).
 *
 * LMDB maps the file and trusts its own account of how long it is. A file that was cut shorter would end the
 * process by SIGBUS; the writer fills it up with zeros, which are no pages, so that LMDB says "corrupted". (A last
 * page that is free may never have been written, so a short file is not always a damaged one.)
 */
#include "config.h"

#ifdef PAWL_HAVE_LMDB

#include "lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <pawl/mem.h>

#define RESERVE	    ((uint64_t)256 << 30)
#define RESERVE_MIN ((uint64_t)64 << 20)
#define VIEWS	    1022u
#define DATABASES   8u /* named ones; some to spare */
/* Left on the disk: LMDB calls a short write an I/O error, and this is why it was short. */
#define ALMOST_FULL ((uint64_t)1 << 20)

const char *const eng_lmdb_space_names[PAWL_STORE_SPACE_COUNT] = {"infra", "meta", "data",
								  "types"};

/* ---- errors ------------------------------------------------------------------------------------- */

static bool disk_full(const struct lmdb_store *s)
{
	struct statvfs disk;

	return !fstatvfs(s->folder->fd, &disk) &&
	       (uint64_t)disk.f_bavail * disk.f_frsize < ALMOST_FULL;
}

static int error_of(const struct lmdb_store *s, int rc)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return -ENOSPC;
	case MDB_READERS_FULL:
		return -EAGAIN;
	case MDB_TXN_FULL:
		return -EFBIG;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return -EMEDIUMTYPE;
	case MDB_MAP_RESIZED:
		return -EAGAIN;
	case MDB_PANIC:
		return -EIO;
	default:
		break;
	}
	if (rc >= MDB_KEYEXIST && rc <= MDB_LAST_ERRCODE)
		return -EUCLEAN;
	if (rc > 0)
		rc = -rc;
	return rc == -EIO && disk_full(s) ? -ENOSPC : rc;
}

int eng_lmdb_error(struct lmdb_store *s, int rc, struct pawl_store_why *why, const char *doing)
{
	int error = error_of(s, rc);
	MDB_envinfo info;

	if (!why || !doing)
		return error;
	if (rc == MDB_MAP_FULL && s->env) {
		mdb_env_info(s->env, &info);
		return eng_why(
			why, error, 0,
			"%s: the %llu bytes of address space for the store are full: open it with more "
			"in reserve_bytes, or remove the folder",
			doing, (unsigned long long)info.me_mapsize);
	}
	if (rc < 0 && rc == error)
		return eng_why(why, error, 0, "%s: %s", doing, strerror(-error));
	return eng_why(why, error, 0, "%s: %s%s", doing,
		       error == -ENOSPC ? "the disk is full: " : "",
		       mdb_strerror(rc < 0 && rc > -1000 ? -rc : rc));
}

/* ---- one environment ---------------------------------------------------------------------------- */

static int configure(const struct lmdb_store *s, MDB_env *env, uint64_t reserve)
{
	uint32_t views = s->options.views_max;
	int rc = reserve ? mdb_env_set_mapsize(env, reserve) : 0;

	if (!rc)
		rc = mdb_env_set_maxdbs(env, DATABASES);
	return rc ? rc : mdb_env_set_maxreaders(env, views ? views : VIEWS);
}

/* LMDB says so for all its descriptors but this one. A child that is started in between has it. */
static int close_on_exec(MDB_env *env)
{
	int fd, rc = mdb_env_get_fd(env, &fd);

	return !rc && fcntl(fd, F_SETFD, FD_CLOEXEC) ? errno : rc;
}

/*
 * Where address space is limited (ulimit -v, sanitizers) less of it is taken, but not if the program said how
 * much. One that reads takes what the writer has, if it can.
 */
static int env_open(const struct lmdb_store *s, const char *path, unsigned flags,
		    MDB_env **ret_env)
{
	uint64_t reserve = s->options.reserve_bytes;
	bool given = reserve;
	MDB_env *env;
	int rc;

	if (!given && !s->options.read_only)
		reserve = RESERVE;
	flags |= MDB_NOTLS;
	if (s->options.read_only)
		flags |= MDB_RDONLY;
	/* What the system would read around each page is its own idea, from nothing to megabytes. */
	flags |= MDB_NORDAHEAD;
	if (s->flags & ENG_LMDB_NOSYNC)
		flags |= MDB_NOSYNC;
	for (;; reserve = (reserve ? reserve : RESERVE) / 2) {
		rc = mdb_env_create(&env);
		if (rc)
			return rc;
		rc = configure(s, env, reserve);
		if (!rc)
			rc = mdb_env_open(env, path, flags, 0666);
		if (!rc)
			rc = close_on_exec(env);
		if (!rc)
			break;
		mdb_env_close(env);
		if (rc != ENOMEM || given || (reserve && reserve <= RESERVE_MIN))
			return rc;
	}
	*ret_env = env;
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------- */

static void number(unsigned char *to, uint32_t value)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static int fill_new(const struct lmdb_store *s, MDB_env *env)
{
	unsigned char bytes[ENG_LMDB_MARK_BYTES] = {0};
	MDB_val key = {sizeof(ENG_LMDB_MARK) - 1, (void *)(uintptr_t)ENG_LMDB_MARK};
	MDB_val val = {sizeof(bytes), bytes};
	unsigned space;
	MDB_txn *txn;
	MDB_dbi dbi;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc)
		return rc;
	number(bytes, ENG_LMDB_FORMAT);
	number(bytes + 4, s->options.format);
	rc = mdb_dbi_open(txn, NULL, 0, &dbi);
	if (!rc)
		rc = mdb_put(txn, dbi, &key, &val, 0);
	for (space = 0; !rc && space < PAWL_STORE_SPACE_COUNT; space++)
		rc = mdb_dbi_open(txn, eng_lmdb_space_names[space], MDB_CREATE, &dbi);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* A file in the folder, by its whole name. NULL: no memory. Freed by path_free(). */
static char *path_of(const struct lmdb_store *s, const char *name, size_t *ret_bytes)
{
	size_t bytes = s->folder->path_bytes + strlen(name) + 1;
	char *path = pawl_mem_alloc(bytes, 0);

	if (path)
		snprintf(path, bytes, "%s/%s", s->folder->path, name);
	*ret_bytes = bytes;
	return path;
}

static void remove_new(const struct lmdb_store *s)
{
	(void)unlinkat(s->folder->fd, "new.mdb", 0);
	(void)unlinkat(s->folder->fd, "new.mdb-lock", 0);
}

static int rename_new(const struct lmdb_store *s)
{
	return renameat(s->folder->fd, "new.mdb", s->folder->fd, "data.mdb") ? errno : 0;
}

static int make(const struct lmdb_store *s)
{
	size_t bytes;
	char *path = path_of(s, "new.mdb", &bytes);
	MDB_env *env;
	int rc;

	if (!path)
		return ENOMEM;
	rc = env_open(s, path, MDB_NOSUBDIR, &env);
	pawl_mem_free(path, bytes, 0);
	if (!rc) {
		rc = fill_new(s, env);
		mdb_env_close(env);
	}
	if (!rc)
		rc = rename_new(s);
	remove_new(s);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static uint32_t number_of(const unsigned char *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

/* Is it a store, and one that this program can read? Of LMDB, or our own error. */
static int check_mark(const struct lmdb_store *s, MDB_txn *txn, struct pawl_store_why *why)
{
	MDB_val key = {sizeof(ENG_LMDB_MARK) - 1, (void *)(uintptr_t)ENG_LMDB_MARK}, val;
	uint32_t format;
	int rc = mdb_get(txn, s->main, &key, &val);

	if (rc == MDB_NOTFOUND)
		return eng_why(why, -EMEDIUMTYPE, 0, "%.120s is no store of Pawl's",
			       s->folder->path);
	if (rc)
		return rc;
	if (val.mv_size != ENG_LMDB_MARK_BYTES)
		return MDB_CORRUPTED;
	format = number_of(val.mv_data);
	if (format != ENG_LMDB_FORMAT)
		return eng_why(why, -ESTALE, 0,
			       "%.120s has format %u, this library %u: remove the folder",
			       s->folder->path, format, ENG_LMDB_FORMAT);
	format = number_of((const unsigned char *)val.mv_data + 4);
	if (format != s->options.format)
		return eng_why(why, -ESTALE, 0,
			       "the values in %.120s have format %u, not %u: remove the folder",
			       s->folder->path, format, s->options.format);
	return 0;
}

static int open_all(struct lmdb_store *s, MDB_txn *txn, struct pawl_store_why *why)
{
	unsigned space;
	int rc = eng_lmdb_check(s, txn, false, why);

	if (!rc)
		rc = mdb_dbi_open(txn, NULL, 0, &s->main);
	if (!rc)
		rc = check_mark(s, txn, why);
	for (space = 0; !rc && space < PAWL_STORE_SPACE_COUNT; space++) {
		rc = mdb_dbi_open(txn, eng_lmdb_space_names[space], 0, &s->dbis[space]);
		if (rc == MDB_NOTFOUND)
			rc = MDB_CORRUPTED;
	}
	return rc;
}

static int open_databases(struct lmdb_store *s, struct pawl_store_why *why)
{
	MDB_txn *txn;
	int rc;

	do {
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
		if (rc)
			return rc;
		rc = open_all(s, txn, why);
		if (rc)
			mdb_txn_abort(txn);
	} while (rc == -EAGAIN);
	/* So that the handles stay. */
	return rc ? rc : mdb_txn_commit(txn);
}

int eng_lmdb_fill(struct lmdb_store *s)
{
	unsigned turns;

	for (turns = 0; turns < 1000; turns++) {
		MDB_envinfo info;
		MDB_stat stat;
		struct stat file;
		uint64_t bytes;
		int fd;

		mdb_env_info(s->env, &info);
		mdb_env_stat(s->env, &stat);
		bytes = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
		if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &file))
			return -errno;
		if ((uint64_t)file.st_size >= bytes)
			return 0;
		if (!s->options.read_only)
			return ftruncate(fd, (off_t)bytes) ? -errno : 0;
		/* The writer may be about to. */
		sched_yield();
	}
	return -EUCLEAN;
}

static bool is_there(const struct lmdb_store *s, const char *name)
{
	struct stat file;

	return !fstatat(s->folder->fd, name, &file, 0);
}

int eng_lmdb_env_open(struct lmdb_store *s, struct pawl_store_why *why)
{
	int rc = 0;

	if (s->options.read_only && !is_there(s, "data.mdb"))
		return eng_why(why, -ENOENT, 0, "%.120s is no store", s->folder->path);
	if (!s->options.read_only) {
		remove_new(s);
		if (!s->opened && !is_there(s, "data.mdb"))
			rc = make(s);
		if (rc)
			return eng_lmdb_error(s, rc, why, "the store could not be made");
	}
	rc = env_open(s, s->folder->path, 0, &s->env);
	if (rc)
		return eng_lmdb_error(s, rc, why, "the store could not be opened");
	rc = eng_lmdb_fill(s);
	if (rc)
		eng_why(why, rc, 0,
			"data.mdb is shorter than it says: open it for writing once");
	else
		rc = open_databases(s, why);
	if (!rc) {
		s->opened = true;
		return 0;
	}
	/* Errors of ours have their words already. */
	if (rc > 0 || rc < -1000)
		rc = eng_lmdb_error(s, rc, why, "the store could not be opened");
	eng_lmdb_env_close(s);
	return rc;
}

void eng_lmdb_around(struct lmdb_store *s, const void *value)
{
	uint64_t window = (uint64_t)(uintptr_t)value >> LMDB_WINDOW_BITS;
	struct pawl_atomic_u64 *told = &s->windows[window % LMDB_WINDOWS];

	if (PAWL_LIKELY(pawl_load_relaxed(told) == window) || s->options.sparse_reads)
		return;
	pawl_store_relaxed(told, window);
	/* This one and the next. Where that is refused, or some of it is no part of the map, it goes slower. */
	(void)madvise((void *)(uintptr_t)(window << LMDB_WINDOW_BITS),
		      (size_t)2 << LMDB_WINDOW_BITS, MADV_WILLNEED);
}

void eng_lmdb_env_close(struct lmdb_store *s)
{
	mdb_env_close(s->env);
	s->env = NULL;
}

/* ---- compacting --------------------------------------------------------------------------------- */

static int copy(struct lmdb_store *s)
{
	int fd = openat(s->folder->fd, "new.mdb", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int rc;

	if (fd < 0)
		return errno;
	rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	if (!rc && fsync(fd))
		rc = errno;
	if (close(fd) && !rc)
		rc = errno;
	return rc;
}

int eng_lmdb_compact(struct lmdb_store *s, struct pawl_store_why *why)
{
	int rc, again;

	remove_new(s);
	rc = copy(s);
	if (rc) {
		remove_new(s);
		return eng_lmdb_error(s, rc, why, "the store could not be compacted");
	}
	/* Two files of one name, and LMDB has one of them open: it must not. */
	eng_lmdb_env_close(s);
	rc = rename_new(s);
	s->named = false;
	again = eng_lmdb_env_open(s, rc ? NULL : why);
	if (rc)
		return eng_lmdb_error(s, rc, why, "the compacted store could not be taken");
	return again;
}

#endif
