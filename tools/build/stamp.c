/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.c - stamps and digests of files.
 *
 * Whoever changes a file changes its ctime, to the time of the change as coarse as the system keeps it: a tick, 1 to
 * 10 ms, with most file systems, up to two seconds with some. No call sets it. So a stamp taken later than ctime
 * and that much cannot stand for two contents, unless the clock was set back meanwhile and then met the same
 * nanosecond. How coarse a file system is shows in its stamps: one that counts seconds has no nanoseconds.
 *
 * Files are read, not mapped: one that is cut off while it is read must not end the program.
 */
#include "stamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

#define TICK_NS	  INT64_C(20000000)
#define COARSE_NS INT64_C(2100000000)
#define PIECE	  ((size_t)1 << 20)

static int64_t time_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum stamp_is stamp_of(const struct stat *st, struct stamp *ret_stamp)
{
	ret_stamp->mtime_ns = time_ns(st->st_mtim);
	ret_stamp->ctime_ns = time_ns(st->st_ctim);
	ret_stamp->size = (uint64_t)st->st_size;
	ret_stamp->inode = (uint64_t)st->st_ino;
	if (S_ISREG(st->st_mode))
		return STAMP_FILE;
	if (S_ISDIR(st->st_mode)) {
		/* Not what file systems count in there. */
		ret_stamp->size = 0;
		return STAMP_FOLDER;
	}
	*ret_stamp = (struct stamp){.inode = (uint64_t)st->st_rdev,
				    .size = (uint64_t)(st->st_mode & S_IFMT)};
	return STAMP_SPECIAL;
}

enum stamp_is stamp_take(const char *path, struct stamp *ret_stamp, int *ret_errno)
{
	struct stat st;

	if (!fstatat(AT_FDCWD, path, &st, 0))
		return stamp_of(&st, ret_stamp);
	*ret_stamp = (struct stamp){0, 0, 0, 0};
	if (errno == ENOENT || errno == ENOTDIR)
		return STAMP_MISSING;
	if (ret_errno)
		*ret_errno = errno;
	return STAMP_ERROR;
}

bool stamp_racy(const struct stamp *stamp, int64_t taken_ns)
{
	int64_t coarse = TICK_NS;

	if (!stamp->mtime_ns && !stamp->ctime_ns)
		return false;
	if (stamp->ctime_ns % 1000000000 == 0 || stamp->mtime_ns % 1000000000 == 0)
		coarse = COARSE_NS;
	return stamp->ctime_ns > taken_ns - coarse;
}

struct digest digest_bytes(const void *bytes, size_t n)
{
	struct pawl_digest d = pawl_digest_bytes(bytes, n);

	return (struct digest){d.low, d.high, DIGEST_XXH3, 0};
}

void digest_mix_add(struct digest_mix *mix, const void *bytes, size_t n)
{
	struct {
		struct pawl_digest state, added;
		uint64_t at, n;
	} step = {mix->state, pawl_digest_bytes(bytes, n), mix->n++, n};

	mix->state = pawl_digest_bytes(&step, sizeof(step));
}

struct digest digest_mix_end(const struct digest_mix *mix, enum digest_kind kind)
{
	return (struct digest){mix->state.low, mix->state.high, kind, 0};
}

/* ---- content ------------------------------------------------------------------------------ */

/* Up to `room` bytes, fewer only at the end. */
static ssize_t piece_read(int fd, char *buf, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, buf + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static int content_digest(int fd, size_t size, struct digest *ret_digest)
{
	/* Small ones, as most are, take a small block: one byte more than there should be shows the end. */
	size_t room = size < PIECE ? size + 1 : PIECE;
	char *buf = build_realloc(NULL, room);
	struct digest_mix mix = {{0, 0}, 0};
	ssize_t n;

	while ((n = piece_read(fd, buf, room)) > 0) {
		struct digest piece = digest_bytes(buf, (size_t)n);

		if (room < PIECE && (size_t)n == room) {
			n = -EAGAIN; /* it has grown */
			break;
		}
		if (!mix.n && (size_t)n < PIECE) {
			*ret_digest = piece;
			free(buf);
			return 0;
		}
		digest_mix_add(&mix, &piece, 16);
	}
	free(buf);
	*ret_digest = mix.n ? digest_mix_end(&mix, DIGEST_XXH3) : digest_bytes(NULL, 0);
	return n < 0 ? (int)n : 0;
}

/* The names in a folder, in any order. */
static int folder_digest(int fd, struct digest *ret_digest)
{
	DIR *folder = fdopendir(dup(fd));
	struct dirent *entry;
	uint64_t low = 0, high = 0;

	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		struct pawl_digest d;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		d = pawl_digest_bytes(entry->d_name, strlen(entry->d_name));
		low += d.low;
		high += d.high;
	}
	closedir(folder);
	*ret_digest = (struct digest){low, high, DIGEST_FOLDER, 0};
	return 0;
}

static int digest_once(const char *path, struct stamp *ret_stamp, struct digest *ret_digest)
{
	int failed = 0, error = 0, fd;
	struct stamp after;
	struct stat st;

	switch (stamp_take(path, ret_stamp, &failed)) {
	case STAMP_MISSING:
		*ret_digest = (struct digest){0, 0, DIGEST_MISSING, 0};
		return 0;
	case STAMP_SPECIAL:
		*ret_digest = (struct digest){ret_stamp->inode, ret_stamp->size,
					      DIGEST_SPECIAL, 0};
		return 0;
	case STAMP_ERROR:
		return -failed;
	case STAMP_FILE:
	case STAMP_FOLDER:
		break;
	}
	/* It may be a fifo by now: that is not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (fstat(fd, &st)) {
		error = -errno;
	} else {
		enum stamp_is is = stamp_of(&st, ret_stamp);

		if (is == STAMP_FOLDER)
			error = folder_digest(fd, ret_digest);
		else if (is == STAMP_FILE)
			error = content_digest(fd, (size_t)st.st_size, ret_digest);
		else
			error = -EAGAIN;
	}
	if (!error && !fstat(fd, &st)) {
		(void)stamp_of(&st, &after);
		if (!stamp_equal(&after, ret_stamp))
			error = -EAGAIN;
	}
	close(fd);
	return error;
}

int digest_file(const char *path, struct stamp *ret_stamp, struct digest *ret_digest,
		int64_t *ret_taken_ns)
{
	int error = -EAGAIN;

	/* A file that never rests has the digest of one of its moments, and a stamp that is racy. */
	for (unsigned i = 0; i < 8 && error == -EAGAIN; i++) {
		*ret_taken_ns = build_wall_ns();
		error = digest_once(path, ret_stamp, ret_digest);
	}
	if (error == -EAGAIN) {
		*ret_taken_ns = 0;
		error = 0;
		ret_digest->kind = DIGEST_UNKNOWN;
	}
	if (error)
		*ret_digest = (struct digest){0, 0, DIGEST_UNKNOWN, 0};
	return error;
}
