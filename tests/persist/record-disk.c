/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record-disk.c - logs what is written under a folder: see record-disk.h.
 *
 * A call is made first and logged if it was made, both under one mutex: the order in the log is that on the disk. Files
 * are known by their inode; the log keeps none that was freed from being given again, which is harmless here: a name is
 * made anew then.
 */
#include "record-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -2; /* not asked yet; -1: nothing is recorded */
static char under[PATH_MAX];

static bool begin(void)
{
	const char *path, *folder;

	pthread_mutex_lock(&mutex);
	if (log_fd == -2) {
		path = getenv("T_RECORD");
		folder = getenv("T_RECORD_UNDER");
		log_fd = path && folder && realpath(folder, under)
				 ? (int)syscall(SYS_openat, AT_FDCWD, path,
						O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
				 : -1;
	}
	return log_fd >= 0;
}

static void end(void)
{
	pthread_mutex_unlock(&mutex);
}

/* In one call: other processes that are recorded write to the same log. */
static void put_record(struct t_disk_record record, const void *bytes)
{
	struct iovec parts[] = {{&record, sizeof(record)},
				{(void *)(uintptr_t)bytes, record.bytes}};

	if (syscall(SYS_writev, log_fd, parts, record.bytes ? 2 : 1) !=
	    (ssize_t)(sizeof(record) + record.bytes))
		abort();
}

/* The path of a descriptor; false: not below the folder. */
static bool path_of(int fd, char *path)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	return !strncmp(path, under, strlen(under));
}

/* The whole path of a name whose folder is there. */
static bool path_at(int folder_fd, const char *name, char *path)
{
	char folder[PATH_MAX], copy[PATH_MAX];
	char *slash;

	if (folder_fd != AT_FDCWD && *name != '/') {
		if (!path_of(folder_fd, folder))
			return false;
		snprintf(path, PATH_MAX, "%.2000s/%.1000s", folder, name);
		return true;
	}
	snprintf(copy, sizeof(copy), "%s", name);
	slash = strrchr(copy, '/');
	if (slash)
		*slash = 0;
	if (!realpath(slash ? (*copy ? copy : "/") : ".", folder))
		return false;
	snprintf(path, PATH_MAX, "%.2000s/%.1000s", folder, slash ? slash + 1 : copy);
	return !strncmp(path, under, strlen(under));
}

static uint64_t inode_of(int fd)
{
	struct stat file;

	return fstat(fd, &file) ? 0 : file.st_ino;
}

static bool ours(int fd)
{
	char path[PATH_MAX];

	return path_of(fd, path);
}

/* ---- names -------------------------------------------------------------------------------------- */

static int open_at(int folder_fd, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	const char *boot = getenv("T_RECORD_BOOT");
	bool recorded =
		begin() && flags & (O_CREAT | O_TRUNC) && path_at(folder_fd, name, path);
	bool was = recorded && !access(path, F_OK);
	int fd;

	if (boot && !strcmp(name, "/proc/sys/kernel/random/boot_id"))
		name = boot;
	fd = (int)syscall(SYS_openat, folder_fd, name, flags, mode);
	if (fd >= 0 && recorded && (!was || flags & O_TRUNC))
		put_record((struct t_disk_record){T_DISK_CREATE, (uint32_t)strlen(path) + 1,
						  inode_of(fd), was, 0},
			   path);
	end();
	return fd;
}

SEEN int open(const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_at(AT_FDCWD, name, flags, mode);
}

SEEN int openat(int folder_fd, const char *name, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return open_at(folder_fd, name, flags, mode);
}

SEEN int mkdir(const char *name, mode_t mode)
{
	char path[PATH_MAX];
	bool recorded = begin() && path_at(AT_FDCWD, name, path);
	int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);

	if (!rc && recorded)
		put_record((struct t_disk_record){T_DISK_MKDIR, (uint32_t)strlen(path) + 1, 0,
						  0, 0},
			   path);
	end();
	return rc;
}

SEEN int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	char paths[2 * PATH_MAX], second[PATH_MAX];
	bool recorded = begin() && path_at(from_fd, from, paths) && path_at(to_fd, to, second);
	int rc = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
	size_t n;

	if (!rc && recorded) {
		n = strlen(paths) + 1;
		strcpy(paths + n, second);
		put_record((struct t_disk_record){T_DISK_RENAME,
						  (uint32_t)(n + strlen(second) + 1), 0, 0, 0},
			   paths);
	}
	end();
	return rc;
}

SEEN int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

SEEN int unlinkat(int folder_fd, const char *name, int flags)
{
	char path[PATH_MAX];
	bool recorded = begin() && path_at(folder_fd, name, path);
	int rc = (int)syscall(SYS_unlinkat, folder_fd, name, flags);

	if (!rc && recorded)
		put_record((struct t_disk_record){T_DISK_UNLINK, (uint32_t)strlen(path) + 1, 0,
						  0, 0},
			   path);
	end();
	return rc;
}

SEEN int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

/* ---- what is in files --------------------------------------------------------------------------- */

static void wrote(int fd, uint64_t offset, const void *bytes, ssize_t n)
{
	if (n > 0 && ours(fd))
		put_record((struct t_disk_record){T_DISK_WRITE, (uint32_t)n, inode_of(fd),
						  offset, (fcntl(fd, F_GETFL) & O_DSYNC) != 0},
			   bytes);
}

SEEN ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
	bool recorded = begin();
	ssize_t done = syscall(SYS_pwrite64, fd, bytes, n, offset);

	if (recorded)
		wrote(fd, (uint64_t)offset, bytes, done);
	end();
	return done;
}

/* Where the next write goes; -1: nowhere that has a place. */
static off_t place_of(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat file;

	if (at >= 0 && fcntl(fd, F_GETFL) & O_APPEND && !fstat(fd, &file))
		at = file.st_size;
	return at;
}

SEEN ssize_t write(int fd, const void *bytes, size_t n)
{
	bool recorded = begin();
	off_t offset = recorded ? place_of(fd) : -1;
	ssize_t done = syscall(SYS_write, fd, bytes, n);

	if (recorded && offset >= 0)
		wrote(fd, (uint64_t)offset, bytes, done);
	end();
	return done;
}

static void wrote_vectors(int fd, off_t offset, const struct iovec *vectors, int n,
			  ssize_t done)
{
	int i;

	for (i = 0; i < n && done > 0; i++) {
		ssize_t part =
			done < (ssize_t)vectors[i].iov_len ? done : (ssize_t)vectors[i].iov_len;

		wrote(fd, (uint64_t)offset, vectors[i].iov_base, part);
		offset += part;
		done -= part;
	}
}

SEEN ssize_t writev(int fd, const struct iovec *vectors, int n)
{
	bool recorded = begin();
	off_t offset = recorded ? place_of(fd) : -1;
	ssize_t done = syscall(SYS_writev, fd, vectors, n);

	if (recorded && offset >= 0)
		wrote_vectors(fd, offset, vectors, n, done);
	end();
	return done;
}

SEEN ssize_t pwritev(int fd, const struct iovec *vectors, int n, off_t offset)
{
	bool recorded = begin();
	ssize_t done = syscall(SYS_pwritev, fd, vectors, n, offset, 0);

	if (recorded)
		wrote_vectors(fd, offset, vectors, n, done);
	end();
	return done;
}

SEEN int ftruncate(int fd, off_t bytes)
{
	bool recorded = begin();
	int rc = (int)syscall(SYS_ftruncate, fd, bytes);

	if (!rc && recorded && ours(fd))
		put_record((struct t_disk_record){T_DISK_TRUNCATE, 0, inode_of(fd),
						  (uint64_t)bytes, 0},
			   NULL);
	end();
	return rc;
}

/* A folder is known by its path: its inode was never made known. */
static int synced(int fd, int rc)
{
	char path[PATH_MAX];
	struct stat file;

	if (!rc && path_of(fd, path) && !fstat(fd, &file)) {
		if (S_ISDIR(file.st_mode))
			put_record((struct t_disk_record){T_DISK_SYNC,
							  (uint32_t)strlen(path) + 1, 0, 0, 0},
				   path);
		else
			put_record((struct t_disk_record){T_DISK_SYNC, 0, file.st_ino, 0, 0},
				   NULL);
	}
	return rc;
}

/* The first one of this kind fails if it is asked for: nothing was synced then. */
static bool fails_once(int fd)
{
	static bool failed;
	struct stat file;

	if (failed || !getenv("T_RECORD_FAIL") || fstat(fd, &file) || !S_ISDIR(file.st_mode))
		return false;
	failed = true;
	errno = EIO;
	return true;
}

SEEN int fsync(int fd)
{
	bool recorded = begin();
	int rc = recorded && fails_once(fd) ? -1 : (int)syscall(SYS_fsync, fd);

	if (recorded)
		rc = synced(fd, rc);
	end();
	return rc;
}

SEEN int fdatasync(int fd)
{
	bool recorded = begin();
	int rc = (int)syscall(SYS_fdatasync, fd);

	if (recorded)
		rc = synced(fd, rc);
	end();
	return rc;
}

/* It says nothing of the disk's own cache, nor of the file's length: nothing is on the disk by it. */
SEEN int sync_file_range(int fd, off_t offset, off_t bytes, unsigned flags)
{
	return (int)syscall(SYS_sync_file_range, fd, offset, bytes, flags);
}

SEEN int msync(void *at, size_t bytes, int flags)
{
	bool recorded = begin();
	int rc = (int)syscall(SYS_msync, at, bytes, flags);

	if (recorded)
		put_record((struct t_disk_record){T_DISK_MAP, 0, 0, 0, 0}, NULL);
	end();
	return rc;
}

SEEN int t_disk_mark(uint64_t number)
{
	bool recorded = begin();

	if (recorded)
		put_record((struct t_disk_record){T_DISK_MARK, 0, 0, number, 0}, NULL);
	end();
	return recorded;
}

/* Programs that were built for large files call these. */
#define SAME(name, as) SEEN __typeof__(as) name __attribute__((alias(#as)))
SAME(open64, open);
SAME(openat64, openat);
SAME(pwrite64, pwrite);
SAME(pwritev64, pwritev);
SAME(ftruncate64, ftruncate);
