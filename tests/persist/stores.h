/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stores.h - stores of each kind, made and opened in one way, so that one suite runs over all of them.
 */
#ifndef T_STORES_H
#define T_STORES_H

#include "harness.h"

#include "persist/faults.h"
#include "persist/store.h"

/* Where a store of some kind lives: a folder, or a disk in memory. */
struct t_place {
	const struct t_kind *kind;
	char folder[256]; /* "" in memory */
	struct pawl_store_disk *disk;
};

struct t_kind {
	const char *name;
	bool on_disk, faulty; /* behind a store that fails when told to */
};

/* mem, fault(mem), lmdb, fault(lmdb). */
#define T_KINDS 4
extern const struct t_kind t_kinds[T_KINDS];

/* false: this build has not that kind. */
bool t_kind_there(const struct t_kind *kind);

void t_place_make(struct t_place *place, const struct t_kind *kind);
void t_place_drop(struct t_place *place);
int t_open(struct t_place *place, const struct pawl_store_options *options,
	   struct pawl_store_why *why, struct pawl_store **ret_store);
/* Must work. */
struct pawl_store *t_must_open(struct t_place *place);
/* A place of that kind, and the store there; and the end of both, after its audit. */
struct pawl_store *t_begin(struct t_place *place, const struct t_kind *kind);
void t_end(struct t_place *place, struct pawl_store *store);

/* A folder that is not there, in one that is; t_folder_drop() removes both with all files in them. */
void t_folder_make(char *ret_path, size_t bytes);
void t_folder_drop(const char *path);

struct pawl_slice t_text(const char *text);
/* Shorthands for one value in DATA, which must work. */
void t_put_one(struct pawl_store *store, uint32_t id, const char *text);
bool t_has_one(struct pawl_store *store, uint32_t id, const char *text);

/* Some values, whose sizes and words are those of that round; which one is there: 0, none. */
void t_put_round(struct pawl_store_batch *batch, unsigned round);
int t_write_round(struct pawl_store *store, unsigned round);
unsigned t_round_of(struct pawl_store *store);

/* The whole of main(), where a test has nothing to do without LMDB. */
int t_run_without_lmdb(const char *name);

#endif
