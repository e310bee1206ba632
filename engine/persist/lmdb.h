/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lmdb.h - inside the store on LMDB: store-lmdb.c reads and writes, lmdb-file.c makes, opens and exchanges the
 * files, lmdb-check.c looks at pages.
 */
#ifndef ENG_LMDB_H
#define ENG_LMDB_H

#include "batch.h"
#include "folder.h"

#include <pthread.h>

#include <lmdb.h>

#include <pawl/atomic.h>

/* So many bytes around what is read are read with it. */
#define LMDB_WINDOW_BITS 17u
#define LMDB_WINDOWS	 4096u

struct lmdb_view {
	struct pawl_store_view view;
	MDB_txn *txn;
	struct lmdb_view *next; /* idle */
};

struct lmdb_batch {
	struct pawl_store_batch batch;
	struct eng_batch *puts;
};

struct lmdb_store {
	struct pawl_store store;
	struct eng_folder *folder;
	struct pawl_store_options options;
	unsigned flags; /* ENG_LMDB_... */
	pid_t pid;
	/* One commit, compaction, opening anew at a time; taken before mutex. */
	pthread_mutex_t writing;
	/* All that follows; but env and its handles are read through any view. */
	pthread_mutex_t mutex;
	MDB_env *env; /* NULL: it could not be opened again */
	MDB_dbi main, dbis[PAWL_STORE_SPACE_COUNT];
	bool opened; /* once: from then on a data.mdb that is not there is not made */
	bool named;  /* the names of its files are on the disk; under `writing` */
	bool broken; /* LMDB asks for the environment to be opened anew */
	struct lmdb_view *idle;
	uint32_t views;
	struct lmdb_batch *batch;
	/* Windows of the map that the system was told of, by number; relaxed: one more time does no harm. */
	struct pawl_atomic_u64 windows[LMDB_WINDOWS];
};

/* A key of a space as LMDB has it: big-endian, so that LMDB's order is ours. Returns: its bytes. */
size_t eng_lmdb_key(enum pawl_store_space space, struct pawl_store_key key,
		    unsigned char *bytes);
/* Returns: false: it is none. */
bool eng_lmdb_key_of(enum pawl_store_space space, const MDB_val *val,
		     struct pawl_store_key *ret_key);

/* What LMDB returned, as an error of ours; `doing` goes into why. */
int eng_lmdb_error(struct lmdb_store *s, int rc, struct pawl_store_why *why, const char *doing);

/* eng_lmdb_env_open() - The files, which are made if they are not there. Nothing of them is open. */
int eng_lmdb_env_open(struct lmdb_store *s, struct pawl_store_why *why);
/* eng_lmdb_env_close() - No view of this process is open, idle ones neither. */
void eng_lmdb_env_close(struct lmdb_store *s);

/* eng_lmdb_compact() - Write all into a new file, and exchange the two. Nobody else has it open. */
int eng_lmdb_compact(struct lmdb_store *s, struct pawl_store_why *why);

/* eng_lmdb_around() - What lies around a value is wanted soon: the system may begin to read it. */
void eng_lmdb_around(struct lmdb_store *s, const void *value);

/* eng_lmdb_fill() - No page that LMDB knows of lies behind the file's end. */
int eng_lmdb_fill(struct lmdb_store *s);

/*
 * eng_lmdb_check() - Follow all pages of the generation that txn sees; without `all` those of the main database,
 * which are few, and all that LMDB reads to open the others.
 *
 * Errors: -EUCLEAN, -EIO, -ENOMEM; -EAGAIN: that generation's root was replaced twice: take a new view.
 */
int eng_lmdb_check(struct lmdb_store *s, MDB_txn *txn, bool all, struct pawl_store_why *why);

/* Names in the main database, and what is behind the first: two numbers, little-endian, and zeros. */
#define ENG_LMDB_MARK	    "pawl store"
#define ENG_LMDB_MARK_BYTES 16u
#define ENG_LMDB_GENERATION "generation"
#define ENG_LMDB_FORMAT	    1u

extern const char *const eng_lmdb_space_names[PAWL_STORE_SPACE_COUNT];

#endif
