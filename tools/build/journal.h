/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.h - what was run, written down as it happens.
 *
 * One file that only grows: a record before a command is started, and one after its outputs were digested. A
 * build that is killed at any moment leaves a journal that says which commands it had begun and not finished;
 * those count as never run. What is written may be lost when the machine stops: so what a build is going to run is written before
 * its first command, and synchronised, once. In another life of the machine all of that counts as begun, but for what
 * the journal says has ended.
 *
 * Paths have numbers in here, given in the order in which they are first written. Not for several threads, but for
 * journal_begin() and journal_end(), which take a lock.
 */
#ifndef BUILD_JOURNAL_H
#define BUILD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stamp.h"

/*
 * What one run of a command read and made. Digests of what it read are kept in short, to tell later which one has
 * changed: `read` decides, that is over all of them. Arrays point into the journal, or to the caller's.
 */
struct trace {
	struct digest command;
	struct digest read;
	uint64_t duration_ns;
	int64_t ended_ns; /* CLOCK_REALTIME */
	uint32_t n_listed, n_found, n_outs;
	const uint32_t *reads;	      /* paths: listed by the manifest, then found out */
	const uint32_t *read_digests; /* as many: the low half of the low word */
	const uint32_t *outs;
	const struct digest *out_digests;
};

struct journal;

/* Told of each record that counts, in their order; what has not been ended comes with trace NULL. */
struct journal_reader {
	/* A path gets the next number, from 0. `path` is terminated and stays. */
	void (*path)(void *arg, const char *path, size_t bytes);
	/* An edge by its first output. */
	void (*ended)(void *arg, uint32_t edge_path, const struct trace *trace);
	void (*begun)(void *arg, uint32_t edge_path);
	void *arg;
};

/*
 * journal_open() - Read what is there, and be ready to write. A file that is damaged counts up to there: what is behind
 * is cut off, and ret_lost_bytes says how much that was; one of another version is begun anew. What has left nothing but
 * empty files counts as begun after that: nothing shows that it was not run since.
 *
 * boot: of this life of the machine, build_boot().
 *
 * Returns: 0 or a negative errno.
 */
int journal_open(const char *path, const struct journal_reader *reader, bool read_only,
		 uint64_t boot, struct journal **ret_journal, uint64_t *ret_lost_bytes);
void journal_close(struct journal *journal);

/* The number of a path; it is written with the next record that is. */
uint32_t journal_path(struct journal *journal, const char *path, size_t bytes);

/* These edges may be run from now on: on the disk when it returns. Adds to what was planned since the last journal_done(). */
int journal_plan(struct journal *journal, const uint32_t *edge_paths, size_t n);
/* All that was planned has been ended, or was not begun, or journal_begin() says so. */
int journal_done(struct journal *journal);

/* Written to the file when they return; not synced: a file that was lost with the machine is not what its digest says. */
int journal_begin(struct journal *journal, uint32_t edge_path);
int journal_end(struct journal *journal, uint32_t edge_path, const struct trace *trace);
/* A run that has ended and counts for nothing any more. */
int journal_forget(struct journal *journal, uint32_t edge_path);

/* How much of it is of no use any more: worth writing anew? */
bool journal_wasteful(const struct journal *journal);
/* Write it anew with what counts, and put that in its place. What was read stays readable until closed. */
int journal_rewrite(struct journal *journal);

#endif
