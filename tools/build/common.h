/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.h - what the files of the program share: memory, growing arrays, texts, files that are written.
 *
 * The program has nothing to fall back on without memory: it says so, and ends. What was finished is in the
 * journal, so the next build goes on there.
 */
#ifndef BUILD_COMMON_H
#define BUILD_COMMON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pawl/base.h>

void *build_alloc(size_t bytes);		/* cleared */
void *build_realloc(void *block, size_t bytes); /* what is new is not cleared */
char *build_dup(const char *from, size_t bytes);
void build_out_of_memory(void) __attribute__((noreturn, cold));

/* Room for one more element. */
#define BUILD_GROW(array, n, room)                                                   \
	do {                                                                         \
		if ((n) == (room)) {                                                 \
			(room) = (room) ? 2 * (room) : 16;                           \
			(array) = build_realloc((array), (room) * sizeof(*(array))); \
		}                                                                    \
	} while (0)

/* A text that grows; always ends with a zero once something was added. */
struct string {
	char *bytes;
	size_t n, room;
};
void string_add(struct string *string, const void *bytes, size_t n);
void string_puts(struct string *string, const char *from);
void string_printf(struct string *string, const char *format, ...) PAWL_PRINTF(2, 3);
void string_clear(struct string *string);
void string_free(struct string *string);

/* All of it. Returns 0 or a negative errno. */
int build_write(int fd, const void *bytes, size_t n);
/*
 * A file as a whole: written beside, and given the name. It is not synchronised: after the machine has stopped it may be
 * anything, so who reads it has to notice.
 */
int build_replace(const char *path, const void *bytes, size_t n);

/* Nanoseconds of CLOCK_MONOTONIC, and of CLOCK_REALTIME: files are stamped by the latter. */
uint64_t build_now_ns(void);
int64_t build_wall_ns(void);

/* A number for the time from one start of the machine to the next; 1 where there is none to be had. */
uint64_t build_boot(void);

/* Parts of [0, n) on several threads at once; fn gets [from, to). Returns when all was done. */
void build_parallel(size_t n, size_t piece, void (*fn)(void *arg, size_t from, size_t to),
		    void *arg);
unsigned build_processors(void);

#endif
