/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-store-lmdb.c - what the store on disk has to do with its folder, with a disk that fails, with damage. With other
 * processes: t-store-processes.c.
 *
 * This program defines the calls by which LMDB and the store write: within disk_fail_at() they fail.
 */
#include "stores.h"

#include <stdio.h>

#ifdef PAWL_HAVE_LMDB

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <lmdb.h>

#include <pawl/atomic.h>
#include <pawl/thread.h>

static struct t_place place;

/* ---- the disk ----------------------------------------------------------------------------------- */

static struct {
	struct pawl_atomic_u32 armed, calls;
	uint32_t at;
	int error; /* 0: half of it is written */
	bool nfs;
} disk;

/* By other libraries too. */
#define SEEN __attribute__((visibility("default")))

enum { PASS, FAIL, HALF };

static int disk_call(void)
{
	if (!pawl_load_acquire(&disk.armed) || pawl_add_relaxed(&disk.calls, 1) + 1 != disk.at)
		return PASS;
	errno = disk.error;
	return disk.error ? FAIL : HALF;
}

static void disk_fail_at(uint32_t n, int error)
{
	disk.at = n;
	disk.error = error;
	pawl_store_relaxed(&disk.calls, 0);
	pawl_store_release(&disk.armed, 1);
}

/* Returns: did it? */
static bool disk_heal(void)
{
	pawl_store_release(&disk.armed, 0);
	return pawl_load_relaxed(&disk.calls) >= disk.at;
}

SEEN ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
	int what = disk_call();

	return what == FAIL
		       ? -1
		       : syscall(SYS_pwrite64, fd, bytes, what == HALF ? n / 2 : n, offset);
}

SEEN ssize_t write(int fd, const void *bytes, size_t n)
{
	int what = fd > 2 ? disk_call() : PASS;

	return what == FAIL ? -1 : syscall(SYS_write, fd, bytes, what == HALF ? n / 2 : n);
}

SEEN ssize_t writev(int fd, const struct iovec *vectors, int n)
{
	int what = disk_call();

	if (what == HALF)
		return syscall(SYS_writev, fd, vectors, 1);
	return what == FAIL ? -1 : syscall(SYS_writev, fd, vectors, n);
}

SEEN int fsync(int fd)
{
	return disk_call() == FAIL ? -1 : (int)syscall(SYS_fsync, fd);
}

SEEN int fdatasync(int fd)
{
	return disk_call() == FAIL ? -1 : (int)syscall(SYS_fdatasync, fd);
}

SEEN int ftruncate(int fd, off_t bytes)
{
	return disk_call() == FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

SEEN int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return disk_call() == FAIL ? -1
				   : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

SEEN int fstatfs(int fd, struct statfs *found)
{
	int rc = (int)syscall(SYS_fstatfs, fd, found);

	if (!rc && disk.nfs)
		found->f_type = 0x6969;
	return rc;
}

/* ---- folders ------------------------------------------------------------------------------------ */

static int mode_of(const char *folder, const char *name)
{
	char path[400];
	struct stat file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	t_check(!stat(path, &file));
	return file.st_mode & 0777;
}

/* Descriptors that lead into the folder and would be handed to a child. */
static unsigned inherited(const char *folder)
{
	char link[64], target[400];
	unsigned found = 0;
	ssize_t n;
	int fd;

	for (fd = 3; fd < 200; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (strstr(target, folder) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			found++;
	}
	return found;
}

static void case_folder(void **state)
{
	mode_t before = umask(027);
	struct pawl_store *store, *other;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_why why;
	char path[300];

	(void)state;
	store = t_begin(&place, &t_kinds[2]);
	assert_int_equal(mode_of(place.folder, ""), 0750);
	assert_int_equal(mode_of(place.folder, "lock"), 0640);
	assert_int_equal(mode_of(place.folder, "data.mdb"), 0640);
	umask(before);
	assert_int_equal(inherited(place.folder), 0);
	/* By any name, and for reading too: LMDB could not bear it. */
	snprintf(path, sizeof(path), "%s/../store", place.folder);
	options.read_only = 1;
	t_assert_errno(pawl_store_open_lmdb(path, &options, &why, &other), EBUSY);
	assert_int_equal(why.pid, getpid());
	t_end(&place, store);

	t_folder_make(path, sizeof(path));
	strcat(path, "/deeper");
	t_assert_errno(pawl_store_open_lmdb(path, NULL, &why, &store), ENOENT);
	*strrchr(path, '/') = 0;
	fclose(fopen(path, "w"));
	t_assert_errno(pawl_store_open_lmdb(path, NULL, &why, &store), ENOTDIR);
	assert_non_null(strstr(why.text, path));
	t_folder_drop(path);
	t_assert_errno(pawl_store_open_lmdb("", NULL, &why, &store), EINVAL);
	t_assert_errno(pawl_store_open_lmdb(NULL, NULL, NULL, &store), EINVAL);
}

static void case_network(void **state)
{
	struct pawl_store_why why;
	struct pawl_store *store;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	disk.nfs = true;
	t_assert_errno(t_open(&place, NULL, &why, &store), EREMOTE);
	disk.nfs = false;
	assert_non_null(strstr(why.text, "NFS"));
	assert_non_null(strstr(why.text, "local"));
	t_end(&place, t_must_open(&place));
}

static void touch(const char *name, const void *bytes, size_t n)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place.folder, name);
	file = fopen(path, "w");
	t_check(file && fwrite(bytes, 1, n, file) == n && !fclose(file));
}

static bool there(const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", place.folder, name);
	return !access(path, F_OK);
}

static void case_foreign(void **state)
{
	char garbage[8192];
	struct pawl_store_why why;
	struct pawl_store *store;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	(void)state;
	memset(garbage, 'x', sizeof(garbage));
	/* A folder of something else: nothing is made there. */
	t_place_make(&place, &t_kinds[2]);
	assert_int_equal(mkdir(place.folder, 0777), 0);
	touch("letter.txt", "dear", 4);
	t_assert_errno(t_open(&place, NULL, &why, &store), EMEDIUMTYPE);
	assert_non_null(strstr(why.text, "letter.txt"));
	assert_false(there("lock") || there("data.mdb"));
	t_place_drop(&place);
	/* No file of LMDB's. */
	t_place_make(&place, &t_kinds[2]);
	assert_int_equal(mkdir(place.folder, 0777), 0);
	touch("data.mdb", garbage, sizeof(garbage));
	t_assert_errno(t_open(&place, NULL, &why, &store), EMEDIUMTYPE);
	t_place_drop(&place);
	/* One of another program. */
	t_place_make(&place, &t_kinds[2]);
	assert_int_equal(mkdir(place.folder, 0777), 0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
	assert_int_equal(mdb_env_open(env, place.folder, 0, 0666), 0);
	t_assert_errno(t_open(&place, NULL, &why, &store), EMEDIUMTYPE);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "letters", MDB_CREATE, &dbi), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	t_assert_errno(t_open(&place, NULL, &why, &store), EMEDIUMTYPE);
	t_place_drop(&place);
}

/* A store of a later Pawl. */
static void case_stale(void **state)
{
	struct pawl_store_why why;
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	unsigned char mark[16] = {2};
	MDB_val key = {10, (void *)(uintptr_t) "pawl store"}, val = {sizeof(mark), mark};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	(void)state;
	pawl_store_close(store);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, place.folder, 0, 0666), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &val, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	t_assert_errno(t_open(&place, NULL, &why, &store), ESTALE);
	assert_non_null(strstr(why.text, "format 2"));
	assert_non_null(strstr(why.text, "remove"));
	t_place_drop(&place);
}

static void case_left_over(void **state)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);

	(void)state;
	t_put_one(store, 1, "one");
	pawl_store_close(store);
	/* What a compaction that was killed leaves. */
	touch("new.mdb", "half", 4);
	store = t_must_open(&place);
	assert_false(there("new.mdb"));
	assert_true(t_has_one(store, 1, "one"));
	t_end(&place, store);
}

/* ---- full ---------------------------------------------------------------------------------------- */

static void case_full(void **state)
{
	static char big[1 << 20];
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl_store_batch *batch;
	struct pawl_store_stat stat;
	struct pawl_store_why why;
	struct pawl_store *store;

	(void)state;
	t_place_make(&place, &t_kinds[2]);
	options.reserve_bytes = 1 << 20;
	assert_int_equal(t_open(&place, &options, &why, &store), 0);
	t_put_one(store, 1, "one");
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(1)), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(2),
					(struct pawl_slice){big, sizeof(big)}),
			 0);
	t_assert_errno(pawl_store_commit(batch, &why, NULL), ENOSPC);
	assert_non_null(strstr(why.text, "reserve_bytes"));
	assert_true(t_has_one(store, 1, "one"));
	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	assert_int_equal(stat.limit_bytes, 1 << 20);
	assert_int_equal(stat.generation, 1);
	t_put_one(store, 2, "two");
	pawl_store_close(store);
	/* With more it goes on. */
	store = t_must_open(&place);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(3),
					(struct pawl_slice){big, sizeof(big)}),
			 0);
	assert_int_equal(pawl_store_commit(batch, &why, NULL), 0);
	t_end(&place, store);
}

/* Where address space is short less of it is taken. */
static int in_little_space(void *arg)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct rlimit limit = {(rlim_t)8 << 30, (rlim_t)8 << 30};
	struct pawl_store_stat stat;
	struct pawl_store *store;
	unsigned i;

	(void)arg;
	if (setrlimit(RLIMIT_AS, &limit))
		return 1;
	for (i = 0; i < 2; i++) {
		options.read_only = i;
		if (t_open(&place, &options, NULL, &store))
			return 2;
		if (pawl_store_stat_read(store, &stat) ||
		    stat.limit_bytes > (uint64_t)8 << 30 ||
		    stat.limit_bytes < (uint64_t)64 << 20)
			return 3;
		pawl_store_close(store);
	}
	return 0;
}

static void case_little_space(void **state)
{
	(void)state;
	if (T_ASAN || T_TSAN) {
		t_skip("the sanitizer takes more address space than this leaves");
		return;
	}
	pawl_store_close(t_begin(&place, &t_kinds[2]));
	assert_int_equal(t_forked(in_little_space, NULL), 0);
	t_place_drop(&place);
}

/* ---- a disk that fails --------------------------------------------------------------------------- */

/* Each write and sync of a commit fails in turn. */
static void commit_with(struct pawl_store **store, int disk_error)
{
	struct pawl_store_view *view;
	unsigned n, round = 1, found;
	int error;
	bool failed;

	assert_int_equal(t_write_round(*store, round), 0);
	for (n = 1;; n++) {
		/* Somebody looks meanwhile, every other time. */
		bool looks = n % 2;

		if (looks)
			assert_int_equal(pawl_store_view_begin(*store, &view), 0);
		disk_fail_at(n, disk_error);
		error = t_write_round(*store, ++round);
		failed = disk_heal();
		if (looks)
			pawl_store_view_end(view);
		found = t_round_of(*store);
		assert_true(found == round || (error && found == round - 1));
		if (!failed)
			break;
		if (error)
			assert_int_equal(error, disk_error ? -disk_error : -EIO);
		/* A later batch saves all. */
		assert_int_equal(t_write_round(*store, ++round), 0);
		assert_int_equal(t_round_of(*store), round);
		assert_int_equal(pawl_store_verify(*store, NULL), 0);
		if (n % 3)
			continue;
		pawl_store_close(*store);
		*store = t_must_open(&place);
		assert_int_equal(t_round_of(*store), round);
		t_step();
	}
	assert_int_equal(error, 0);
	/* Pages, a sync, the page with the root. */
	assert_true(n > 3);
}

static void case_disk_commit(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, 0};
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		commit_with(&store, errors[i]);
	t_end(&place, store);
}

/* Interrupted calls are made again, wherever it may happen. */
static void case_disk_interrupted(void **state)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	unsigned n, round = 0;
	int error;

	(void)state;
	for (n = 1;; n++) {
		disk_fail_at(n, EINTR);
		error = t_write_round(store, ++round);
		if (!disk_heal())
			break;
		assert_int_equal(error, 0);
		assert_int_equal(t_write_round(store, ++round), 0);
	}
	assert_int_equal(t_round_of(store), round);
	t_end(&place, store);
}

/* A store that could not be made can be made. */
static void case_disk_make(void **state)
{
	static const int errors[] = {EIO, ENOSPC, 0};
	struct pawl_store_why why;
	struct pawl_store *store;
	unsigned n, i;
	int error;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (n = 1;; n++) {
			bool failed;

			t_place_make(&place, &t_kinds[2]);
			disk_fail_at(n, errors[i]);
			error = t_open(&place, NULL, &why, &store);
			failed = disk_heal();
			if (error)
				assert_true(strlen(why.text) > 0);
			else
				pawl_store_close(store);
			store = t_must_open(&place);
			t_put_one(store, 1, "one");
			t_end(&place, store);
			if (!failed)
				break;
		}
		assert_int_equal(error, 0);
		assert_true(n > 5);
	}
}

static void case_disk_compact(void **state)
{
	static const int errors[] = {EIO, ENOSPC, 0};
	struct pawl_store_why why;
	struct pawl_store *store;
	struct pawl_store_batch *batch;
	unsigned n, i;
	bool done, failed;
	int error;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (n = 1;; n++) {
			store = t_begin(&place, &t_kinds[2]);
			assert_int_equal(t_write_round(store, 1), 0);
			assert_int_equal(pawl_store_begin_write(store, &batch), 0);
			for (uint32_t id = 2; id < 30; id++)
				assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA,
								   pawl_store_id(2 * id)),
						 0);
			assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
			disk_fail_at(n, errors[i]);
			error = pawl_store_compact(store, &why, &done);
			failed = disk_heal();
			assert_true(!error || strlen(why.text));
			assert_int_equal(t_round_of(store), 1);
			assert_int_equal(t_write_round(store, 2), 0);
			assert_int_equal(t_round_of(store), 2);
			t_end(&place, store);
			if (!failed)
				break;
		}
		assert_int_equal(error, 0);
		assert_true(done);
		assert_true(n > 2);
	}
}

/* ---- a file that is damaged ----------------------------------------------------------------------- */

static int pass(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	uint64_t *sum = arg;

	*sum += key.low + pawl_hash_bytes(value.ptr, value.len, 0);
	return 0;
}

/* Opens it, believes verify(), and reads all of it then. Returns: 0, or where it noticed: 1, 2, 3. */
static int look_at_damaged(void)
{
	struct pawl_store_why why;
	struct pawl_store *store;
	struct pawl_store_view *view;
	unsigned space, noticed = 0;
	uint64_t sum = 0;
	int error = t_open(&place, NULL, &why, &store);

	if (error)
		return 1;
	if (pawl_store_verify(store, &why)) {
		t_check(strlen(why.text));
		noticed = 2;
	} else if (!pawl_store_view_begin(store, &view)) {
		for (space = 0; space < PAWL_STORE_SPACE_COUNT; space++)
			if (pawl_store_scan(view, (enum pawl_store_space)space,
					    pawl_store_id(0), pass, &sum))
				noticed = 3;
		pawl_store_view_end(view);
	}
	pawl_store_close(store);
	return (int)noticed;
}

static int data_open(void)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", place.folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	t_check(fd >= 0);
	return fd;
}

/* One byte of the file after the other is another one. In a child: LMDB may not like it. */
static int flip_bytes(void *arg)
{
	unsigned n = *(unsigned *)arg, i, counts[4] = {0};
	struct stat file;
	int fd = data_open();
	unsigned char *good;

	t_check(!fstat(fd, &file));
	good = malloc((size_t)file.st_size);
	t_check(pread(fd, good, (size_t)file.st_size, 0) == file.st_size);
	for (i = 0; i < n; i++) {
		uint64_t random = pawl_hash_u64(i, 99);
		/* The heads of pages more often than their rest. */
		off_t at = (off_t)(random % (uint64_t)file.st_size);
		unsigned char bad;

		if (i % 2)
			at = at / 4096 * 4096 + (off_t)(random >> 40) % 64;
		bad = good[at] ^ (unsigned char)(random >> 32 | 1);
		t_check(pwrite(fd, &bad, 1, at) == 1);
		counts[look_at_damaged()]++;
		t_check(pwrite(fd, good, (size_t)file.st_size, 0) == file.st_size);
		t_check(!ftruncate(fd, file.st_size));
		t_step();
	}
	fprintf(stderr,
		"# %u bytes changed: %u noticed at open, %u by verify, %u later, %u in values or nowhere\n",
		n, counts[1], counts[2], counts[3], counts[0]);
	free(good);
	close(fd);
	return counts[2] > n / 20 ? 0 : 1;
}

static int cut_short(void *arg)
{
	struct stat file;
	int fd = data_open();
	off_t at;
	char *good;

	(void)arg;
	t_check(!fstat(fd, &file));
	good = malloc((size_t)file.st_size);
	t_check(pread(fd, good, (size_t)file.st_size, 0) == file.st_size);
	for (at = file.st_size - 1; at > 0; at = at * 7 / 8) {
		t_check(!ftruncate(fd, at));
		(void)look_at_damaged();
		t_check(pwrite(fd, good, (size_t)file.st_size, 0) == file.st_size);
		t_step();
	}
	t_check(look_at_damaged() == 0);
	free(good);
	close(fd);
	return 0;
}

static void damaged_store(void)
{
	struct pawl_store *store = t_begin(&place, &t_kinds[2]);
	struct pawl_store_batch *batch;
	char text[500];
	uint32_t id, round;

	memset(text, 'x', sizeof(text));
	/* Branches, pages of their own, pages that are free. */
	for (round = 0; round < 3; round++) {
		assert_int_equal(pawl_store_begin_write(store, &batch), 0);
		for (id = 0; id < 400; id++)
			assert_int_equal(pawl_store_put(batch, PAWL_STORE_DATA,
							pawl_store_id(id * (round + 1)),
							(struct pawl_slice){
								text, (id * 7 + round) % 100}),
					 0);
		t_put_round(batch, round);
		assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	}
	pawl_store_close(store);
}

static void case_damaged(void **state)
{
	unsigned n = t_scaled(600);

	(void)state;
	damaged_store();
	assert_int_equal(t_forked(flip_bytes, &n), 0);
	t_place_drop(&place);
}

static void case_cut_short(void **state)
{
	(void)state;
	damaged_store();
	assert_int_equal(t_forked(cut_short, NULL), 0);
	t_place_drop(&place);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_folder),		 cmocka_unit_test(case_network),
		cmocka_unit_test(case_foreign),		 cmocka_unit_test(case_stale),
		cmocka_unit_test(case_left_over),	 cmocka_unit_test(case_full),
		cmocka_unit_test(case_little_space),	 cmocka_unit_test(case_disk_commit),
		cmocka_unit_test(case_disk_interrupted), cmocka_unit_test(case_disk_make),
		cmocka_unit_test(case_disk_compact),	 cmocka_unit_test(case_damaged),
		cmocka_unit_test(case_cut_short),
	};

	return t_run("store-lmdb", cases);
}

#else

#include <errno.h>

static void case_nothing(void **state)
{
	struct pawl_store_why why;
	struct pawl_store *store;

	(void)state;
	t_assert_errno(pawl_store_open_lmdb("folder", NULL, &why, &store), ENOSYS);
	assert_true(why.text[0]);
	t_skip("no LMDB");
}

int main(void)
{
	const struct CMUnitTest cases[] = {cmocka_unit_test(case_nothing)};

	return t_run("store-lmdb", cases);
}

#endif
