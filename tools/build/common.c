/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.c - memory, texts, files, clocks, and a loop on all processors.
 *
 * build_parallel() is used before an engine is open and after it was closed, so it has threads of its own: one for each
 * processor, that take pieces off one counter. The caller is one of them, and goes on alone where none can be made.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/hash.h>

void build_out_of_memory(void)
{
	static const char words[] = "pawl: out of memory\n";
	ssize_t n = write(2, words, sizeof(words) - 1);

	(void)n;
	_exit(1);
}

void *build_alloc(size_t bytes)
{
	void *block = calloc(1, bytes ? bytes : 1);

	if (!block)
		build_out_of_memory();
	return block;
}

void *build_realloc(void *block, size_t bytes)
{
	block = realloc(block, bytes ? bytes : 1);
	if (!block)
		build_out_of_memory();
	return block;
}

char *build_dup(const char *from, size_t bytes)
{
	char *copy = build_realloc(NULL, bytes + 1);

	memcpy(copy, from, bytes);
	copy[bytes] = 0;
	return copy;
}

/* ---- texts -------------------------------------------------------------------------------- */

static void string_room(struct string *string, size_t more)
{
	size_t room = string->room ? string->room : 256;

	while (room - string->n <= more)
		room *= 2;
	if (room != string->room) {
		string->bytes = build_realloc(string->bytes, room);
		string->room = room;
	}
}

void string_add(struct string *string, const void *bytes, size_t n)
{
	string_room(string, n);
	if (n)
		memcpy(string->bytes + string->n, bytes, n);
	string->n += n;
	string->bytes[string->n] = 0;
}

void string_puts(struct string *string, const char *from)
{
	string_add(string, from, strlen(from));
}

void string_printf(struct string *string, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n > 0) {
		string_room(string, (size_t)n);
		(void)vsnprintf(string->bytes + string->n, (size_t)n + 1, format, again);
		string->n += (size_t)n;
	}
	va_end(again);
}

void string_clear(struct string *string)
{
	string->n = 0;
	if (string->bytes)
		string->bytes[0] = 0;
}

void string_free(struct string *string)
{
	free(string->bytes);
	*string = (struct string){NULL, 0, 0};
}

/* ---- files -------------------------------------------------------------------------------- */

int build_write(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int build_replace(const char *path, const void *bytes, size_t n)
{
	struct string temporary = {NULL, 0, 0};
	int fd, error;

	string_printf(&temporary, "%s.new", path);
	fd = open(temporary.bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	error = fd < 0 ? -errno : build_write(fd, bytes, n);
	if (fd >= 0 && close(fd) && !error)
		error = -errno;
	if (!error && rename(temporary.bytes, path))
		error = -errno;
	if (error)
		(void)unlink(temporary.bytes);
	string_free(&temporary);
	return error;
}

/* ---- clocks ------------------------------------------------------------------------------- */

uint64_t build_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t build_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t build_boot(void)
{
	char id[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof(id));

	if (fd >= 0)
		close(fd);
	return n > 0 ? pawl_hash_bytes(id, (size_t)n, 0) | 1 : 1;
}

/* ---- loops -------------------------------------------------------------------------------- */

unsigned build_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) ? 0 : CPU_COUNT(&set);

	return n > 0 ? (unsigned)n : 1;
}

struct loop {
	struct pawl_atomic_u64 next;
	size_t n, piece;
	void (*fn)(void *arg, size_t from, size_t to);
	void *arg;
};

static void *loop_run(void *arg)
{
	struct loop *loop = arg;

	for (;;) {
		/* Relaxed: it hands out numbers, nothing else; the threads are joined. */
		size_t from = (size_t)pawl_add_relaxed(&loop->next, (uint64_t)loop->piece);

		if (from >= loop->n)
			return NULL;
		loop->fn(loop->arg, from,
			 loop->n - from < loop->piece ? loop->n : from + loop->piece);
	}
}

#define LOOP_THREADS 16

void build_parallel(size_t n, size_t piece, void (*fn)(void *arg, size_t from, size_t to),
		    void *arg)
{
	struct loop loop = {.n = n, .piece = piece, .fn = fn, .arg = arg};
	pthread_t threads[LOOP_THREADS];
	unsigned others = build_processors() - 1, made = 0;

	if (others > LOOP_THREADS)
		others = LOOP_THREADS;
	if (others > n / piece)
		others = (unsigned)(n / piece);
	while (made < others && !pthread_create(&threads[made], NULL, loop_run, &loop))
		made++;
	(void)loop_run(&loop);
	while (made)
		pthread_join(threads[--made], NULL);
}
