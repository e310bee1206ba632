/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * power.h - cutting the power of a program that was recorded (record-disk.h).
 *
 * The log is stopped at any record, and a disk is made as it may be found after that: what was synced is there; of what was
 * written since, each sector of 512 bytes is there or not, as chance has it; of names that were made, changed and removed
 * since, the first few. A folder's names are on the disk when the folder was synced, and by nothing else, which asks more
 * than file systems of today do.
 */
#ifndef T_POWER_H
#define T_POWER_H

#include "harness.h"

struct t_power_log {
	char *bytes;
	size_t n, records;
	char folder[256]; /* that was recorded: the store's parent */
};

/*
 * t_power_record() - Runs this program again with `word`, recorded, with the path of a store in T_STORE. It calls
 * t_disk_mark() with twice a number when it begins something, and one more when that was acknowledged.
 */
void t_power_record(struct t_power_log *log, const char *word);
void t_power_drop(struct t_power_log *log);

/* What somebody finds: the folder of the store, and the last numbers of both kinds before the cut. */
struct t_found {
	char folder[300];
	unsigned begun, acknowledged;
};
/* What a process that looks at it ends with. */
enum { T_POWER_GOOD, T_POWER_LOST, T_POWER_WRONG };

/* Which syncs do nothing. */
#define T_POWER_NO_FILE_SYNC   1u
#define T_POWER_NO_FOLDER_SYNC 2u
#define T_POWER_NO_DSYNC       4u

/*
 * t_power_cut() - So many cuts, evenly, or until one is bad and `until_bad`. In a child of its own for each, forked while
 * nothing is attached, `look` gets a struct t_found. Returns: how many were bad.
 */
unsigned t_power_cut(const struct t_power_log *log, unsigned without, unsigned cuts,
		     bool until_bad, int (*look)(void *arg));

/*
 * What every program of this kind shows: whatever is acknowledged is there at any cut; and that it would notice, since
 * without the syncs of LMDB, or those of each kind, something is not.
 */
struct t_power_subject {
	const char *word, *word_without_syncs; /* what is recorded */
	void (*prepare)(void);		       /* before it is; NULL: nothing */
	int (*look)(void *arg);
	unsigned cuts, cuts_without;
};
void t_power_of(const struct t_power_subject *subject);
void t_power_case_full(void **state);
void t_power_case_without_lmdb_sync(void **state);
void t_power_case_without_file_sync(void **state);
void t_power_case_without_root_sync(void **state);
/* The last one. */
void t_power_case_without_folder_sync(void **state);
/* Behind a case of the program's own that calls the first of them. */
#define T_POWER_CASES                                             \
	cmocka_unit_test(t_power_case_without_lmdb_sync),         \
		cmocka_unit_test(t_power_case_without_file_sync), \
		cmocka_unit_test(t_power_case_without_root_sync), \
		cmocka_unit_test(t_power_case_without_folder_sync)

#endif
