/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - .ninja_log, as the versions of ninja write it: a line for each output that was made.
 */
#ifndef TOOLS_NINJA_LOG_H
#define TOOLS_NINJA_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Versions that can be read: 5 (ninja 1.9, those before it had seconds), 6 (1.12), 7 (1.13). They differ in the hash, and in whose time `mtime_ns` is. */
#define NINJA_LOG_OLDEST 5u
#define NINJA_LOG_NEWEST 7u

/* What the first line says. 0: that is no log of ninja's. */
unsigned ninja_log_version(const char *bytes, size_t n);

/*
 * One line. `output` is terminated in place. mtime_ns: the newest of the output and, with restat, what it was made from
 * (5); the begin of its command (6, 7). Nothing that was read is newer if the output is up to date.
 */
struct ninja_log_line {
	char *output;
	int64_t mtime_ns;
	uint64_t command; /* ninja_log_hash() */
};

/*
 * ninja_log_next() - The line at `*at`, which is moved behind it. Lines that are no such are left out, and so is one
 * without an end, and one whose time is in seconds (ninja before 1.9).
 *
 * Requires: `bytes` ends with a zero; `*at` is 0 at first.
 * Returns: there was one.
 */
bool ninja_log_next(char *bytes, size_t *at, struct ninja_log_line *ret_line);

/* Of a command, as a log of this version has it: with ";rspfile=" and the file's content behind, if it has one. */
uint64_t ninja_log_hash(unsigned version, const char *command, size_t n);

#endif
