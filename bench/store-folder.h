/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store-folder.h - what benches of stores share: a folder on the disk that TMPDIR is on, or /tmp, bytes that nothing
 * compresses, and threads that are attached.
 */
#ifndef BENCH_STORE_FOLDER_H
#define BENCH_STORE_FOLDER_H

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/hash.h>
#include <pawl/thread.h>

static inline void must(int error, const char *what)
{
	if (error)
		b_die("%s: %d", what, error);
}

/* Of threads, for cases. */
static inline void enter(struct b_worker *w)
{
	(void)w;
	must(pawl_thread_attach("bench"), "attach");
}

static inline void leave(struct b_worker *w)
{
	(void)w;
	pawl_thread_detach();
}

struct folder {
	char path[200];
};

static inline void folder_make(struct folder *folder)
{
	const char *base = getenv("TMPDIR");

	snprintf(folder->path, sizeof(folder->path), "%s/bench-XXXXXX", base ? base : "/tmp");
	must(!mkdtemp(folder->path), folder->path);
}

/* Of LMDB, or of whoever writes the same bytes into a file. */
static inline const char *folder_file(const struct folder *folder, const char *name, char *path,
				      size_t bytes)
{
	snprintf(path, bytes, "%s/%s", folder->path, name);
	return path;
}

static inline int folder_open_file(const struct folder *folder)
{
	char path[240];
	int fd = open(folder_file(folder, "data.mdb", path, sizeof(path)),
		      O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	must(fd < 0, path);
	return fd;
}

static inline uint64_t folder_size(const struct folder *folder)
{
	char path[240];
	struct stat file;

	return stat(folder_file(folder, "data.mdb", path, sizeof(path)), &file)
		       ? 0
		       : (uint64_t)file.st_size;
}

/* None of it is in memory, as far as the system does what it is asked for. */
static inline void folder_forget(const struct folder *folder)
{
	int fd = folder_open_file(folder);

	must(fdatasync(fd), "fdatasync");
	must(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
	close(fd);
}

static inline void folder_drop(const struct folder *folder)
{
	static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
	char path[240];

	for (unsigned i = 0; i < 3; i++)
		(void)unlink(folder_file(folder, names[i], path, sizeof(path)));
	must(rmdir(folder->path), folder->path);
}

/* n: a multiple of 8 */
static inline void fill(unsigned char *bytes, size_t n, uint64_t seed)
{
	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = pawl_hash_u64(at, seed);

		memcpy(bytes + at, &word, 8);
	}
}

#endif
