/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folder.c - the folder of a store.
 *
 * The file `lock` in it has four bytes that are locked: the first by the writer; the second by all, shared, but by
 * who exchanges files (compaction), alone; the third by the writer, while it has something that is not in the store; the
 * fourth, shared, by readers that ask it for that. The locks are of open file descriptions (F_OFD_SETLK), so they go
 * with the last descriptor, by kill -9 too, and another descriptor of the same process neither has nor drops them;
 * and a reader needs not be allowed to write anything. They do not say whose they are: the writer's pid and
 * program stand in the file, as text.
 *
 * LMDB must not open a file twice in one process (its own locks are the older kind, dropped by any close()), so
 * the folders that are open are in a list, by device and inode of `lock`.
 */
#include "config.h"

#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <pawl/mem.h>

#define LOCK_FILE   "lock"
#define BYTE_WRITER 0
#define BYTE_FILES  1
#define BYTE_BEHIND 2
#define BYTE_ASKED  3
#define TEXT_BYTES  56

static pthread_mutex_t open_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct eng_folder *open_folders;

/* File systems that other machines write too, or whose maps are not what others see. From statfs(2). */
static const struct {
	uint32_t magic;
	const char *name;
} refused[] = {
	{0x00006969, "NFS"},   {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},
	{0x0000517b, "SMB"},   {0x65735546, "FUSE"},   {0x00c36400, "Ceph"},
	{0x5346414f, "AFS"},   {0x6b414653, "AFS"},    {0x73757245, "Coda"},
	{0x0000564c, "NCP"},   {0x01021997, "9p"},     {0x0bd00bd0, "Lustre"},
	{0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},   {0x786f4256, "vboxsf"},
	{0x47504653, "GPFS"},  {0x19830326, "BeeGFS"}, {0x013111a8, "IBRIX"},
};

static int system_says(struct pawl_store_why *why, const char *doing, const char *path)
{
	int error = -errno;

	return eng_why(why, error, 0, "%s %.120s: %s", doing, path, strerror(-error));
}

static int check_file_system(int fd, const char *path, struct pawl_store_why *why)
{
	struct statfs found;
	size_t i;
	int rc;

	do
		rc = fstatfs(fd, &found);
	while (rc && errno == EINTR);
	if (rc)
		return system_says(why, "cannot ask for the file system of", path);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if ((uint32_t)found.f_type == refused[i].magic)
			return eng_why(
				why, -EREMOTE, 0,
				"%.120s is on %s, where maps and locks of files do not work: take a "
				"folder on a local disk",
				path, refused[i].name);
	return 0;
}

static bool known(const char *name, const char *const *files)
{
	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, LOCK_FILE))
		return true;
	while (*files)
		if (!strcmp(name, *files++))
			return true;
	return false;
}

/* A folder without `lock` is taken if nothing is in it that a store has not. */
static int check_files(int fd, const char *path, const char *const *files,
		       struct pawl_store_why *why)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	int error = 0;

	if (!entries) {
		error = system_says(why, "cannot list", path);
		if (again >= 0)
			close(again);
		return error;
	}
	while (!error && (errno = 0, entry = readdir(entries)))
		if (!known(entry->d_name, files))
			error = eng_why(why, -EMEDIUMTYPE, 0,
					"%.120s is no store: it holds %.60s", path,
					entry->d_name);
	closedir(entries);
	return error;
}

static int lock_byte(int fd, int byte, short kind)
{
	struct flock lock = {.l_type = kind, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* Does somebody else have a lock on that byte which one of this kind would have to wait for? -errno */
static int is_locked(int fd, int byte, short kind, bool *ret_locked)
{
	struct flock lock = {.l_type = kind, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	*ret_locked = lock.l_type != F_UNLCK;
	return 0;
}

/* Who wrote his number and name into `lock`; 0: nobody. What is no letter of a name is left out. */
static int64_t writer_of(int fd, char *name, size_t bytes)
{
	char text[TEXT_BYTES] = "", *at = text;
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	long long pid = got > 0 ? strtoll(text, &at, 10) : 0;
	size_t n = 0;

	for (at += *at == ' '; *at && *at != '\n' && n + 1 < bytes; at++)
		if (*at > ' ' && *at < 127)
			name[n++] = *at;
	name[n] = 0;
	return pid > 0 ? pid : 0;
}

static int say_busy(const struct eng_folder *folder, struct pawl_store_why *why)
{
	char name[32];
	int64_t pid = writer_of(folder->lock_fd, name, sizeof(name));

	if (!pid)
		return eng_why(why, -EBUSY, 0, "%.120s is written by another process",
			       folder->path);
	return eng_why(why, -EBUSY, pid, "%.120s is written by process %lld%s%s%s",
		       folder->path, (long long)pid, *name ? " (" : "", name, *name ? ")" : "");
}

static int take_locks(struct eng_folder *folder, struct pawl_store_why *why)
{
	char text[TEXT_BYTES], name[32];
	int error = 0, length;

	if (!folder->read_only)
		error = lock_byte(folder->lock_fd, BYTE_WRITER, F_WRLCK);
	if (error == -EAGAIN)
		return say_busy(folder, why);
	if (!error)
		error = lock_byte(folder->lock_fd, BYTE_FILES, F_RDLCK);
	if (error == -EAGAIN)
		return eng_why(why, -EBUSY, writer_of(folder->lock_fd, name, sizeof(name)),
			       "%.120s is being compacted: try again", folder->path);
	if (error)
		return eng_why(why, error, 0, "cannot lock %.120s: %s", folder->path,
			       strerror(-error));
	if (folder->read_only)
		return 0;
	length = snprintf(text, sizeof(text), "%lld %.30s\n", (long long)getpid(),
			  program_invocation_short_name);
	/* For people. Where it cannot be written nobody is named. */
	if (ftruncate(folder->lock_fd, 0) ||
	    pwrite(folder->lock_fd, text, (size_t)length, 0) != length)
		(void)!ftruncate(folder->lock_fd, 0);
	return 0;
}

/* Under open_mutex, so that two threads cannot both find the folder closed. */
static int open_lock(struct eng_folder *folder, const char *const *files,
		     struct pawl_store_why *why)
{
	const struct eng_folder *other;
	struct stat found;
	int error;

	if (faccessat(folder->fd, LOCK_FILE, F_OK, 0)) {
		if (folder->read_only)
			return eng_why(why, -ENOENT, 0, "%.120s is no store", folder->path);
		error = check_files(folder->fd, folder->path, files, why);
		if (error)
			return error;
	}
	folder->lock_fd = openat(folder->fd, LOCK_FILE,
				 O_CLOEXEC | O_NOFOLLOW |
					 (folder->read_only ? O_RDONLY : O_RDWR | O_CREAT),
				 0666);
	if (folder->lock_fd < 0 || fstat(folder->lock_fd, &found))
		return system_says(why, "cannot open the file lock in", folder->path);
	folder->device = found.st_dev;
	folder->inode = found.st_ino;
	for (other = open_folders; other; other = other->next)
		if (other->device == folder->device && other->inode == folder->inode)
			return eng_why(why, -EBUSY, getpid(), "this process has %.120s open",
				       folder->path);
	error = take_locks(folder, why);
	if (error)
		return error;
	folder->next = open_folders;
	open_folders = folder;
	return 0;
}

static int open_folder(struct eng_folder *folder, const char *path, struct pawl_store_why *why)
{
	char *real;

	if (!folder->read_only && mkdir(path, 0777) && errno != EEXIST)
		return system_says(why, "cannot make", path);
	folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		return system_says(why, "cannot open", path);
	real = realpath(path, NULL);
	if (!real)
		return system_says(why, "cannot find", path);
	folder->path_bytes = strlen(real) + 1;
	folder->path = pawl_mem_alloc(folder->path_bytes, 0);
	if (folder->path)
		memcpy(folder->path, real, folder->path_bytes);
	free(real);
	if (!folder->path)
		return eng_why(why, -ENOMEM, 0, "no memory");
	return check_file_system(folder->fd, folder->path, why);
}

static void folder_free(struct eng_folder *folder)
{
	if (folder->lock_fd >= 0)
		close(folder->lock_fd);
	if (folder->fd >= 0)
		close(folder->fd);
	pawl_mem_free(folder->path, folder->path_bytes, 0);
	pawl_mem_free(folder, sizeof(*folder), 0);
}

int eng_folder_open(const char *path, bool read_only, const char *const *files,
		    struct pawl_store_why *why, struct eng_folder **ret_folder)
{
	struct eng_folder *folder = pawl_mem_zalloc(sizeof(*folder), 0);
	int error;

	if (!folder)
		return eng_why(why, -ENOMEM, 0, "no memory");
	folder->fd = folder->lock_fd = -1;
	folder->read_only = read_only;
	error = open_folder(folder, path, why);
	if (!error) {
		pthread_mutex_lock(&open_mutex);
		error = open_lock(folder, files, why);
		pthread_mutex_unlock(&open_mutex);
	}
	if (error) {
		folder_free(folder);
		return error;
	}
	*ret_folder = folder;
	return 0;
}

void eng_folder_close(struct eng_folder *folder)
{
	struct eng_folder **at;

	pthread_mutex_lock(&open_mutex);
	for (at = &open_folders; *at != folder; at = &(*at)->next)
		;
	*at = folder->next;
	/* Locks go with it, inside: who opens the folder next finds both gone, or both there. */
	folder_free(folder);
	pthread_mutex_unlock(&open_mutex);
}

void eng_folder_forget(struct eng_folder *folder)
{
	/* The list is the parent's: the child opens no store. Closing drops no lock that the parent has. */
	folder_free(folder);
}

int eng_folder_alone(struct eng_folder *folder)
{
	int error = lock_byte(folder->lock_fd, BYTE_FILES, F_WRLCK);

	return error == -EAGAIN ? -EBUSY : error;
}

void eng_folder_share(struct eng_folder *folder)
{
	int error = lock_byte(folder->lock_fd, BYTE_FILES, F_RDLCK);

	PAWL_REQUIRE(!error && "a lock is made weaker");
}

int eng_folder_tell(struct eng_folder *folder, bool behind, bool *ret_asked)
{
	/* A reader that looks is not in the way: it asks, and locks nothing there. */
	int error = lock_byte(folder->lock_fd, BYTE_BEHIND, behind ? F_WRLCK : F_UNLCK);

	return error ? error : is_locked(folder->lock_fd, BYTE_ASKED, F_WRLCK, ret_asked);
}

int eng_folder_ask(struct eng_folder *folder, bool asks, struct pawl_store_writer *ret_writer)
{
	int fd = folder->lock_fd, error = lock_byte(fd, BYTE_ASKED, asks ? F_RDLCK : F_UNLCK);

	if (!error)
		error = is_locked(fd, BYTE_BEHIND, F_RDLCK, &ret_writer->behind);
	/* After that: who ended in between, and had something, is not taken for one that had nothing. */
	if (!error)
		error = is_locked(fd, BYTE_WRITER, F_RDLCK, &ret_writer->there);
	if (error)
		return error;
	ret_writer->behind &= ret_writer->there;
	if (ret_writer->there)
		ret_writer->pid = writer_of(fd, ret_writer->name, sizeof(ret_writer->name));
	return 0;
}

static int sync_fd(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc && errno == EINTR);
	return rc ? -errno : 0;
}

int eng_folder_sync(const struct eng_folder *folder)
{
	int error = sync_fd(folder->fd), fd;

	if (error)
		return error;
	fd = openat(folder->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Of a parent that may be written and not read: there is no other way to it. */
	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	error = sync_fd(fd);
	close(fd);
	return error;
}
