/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folder.h - the folder of a store: who has it open, and whether it lies where a store can.
 */
#ifndef ENG_FOLDER_H
#define ENG_FOLDER_H

#include "store.h"

#include <sys/types.h>

struct eng_folder {
	struct eng_folder *next; /* of this process */
	char *path;		 /* from the root on, so that it stays right */
	size_t path_bytes;
	int fd, lock_fd;
	dev_t device;
	ino_t inode;
	bool read_only;
};

/*
 * eng_folder_open() - Make it if need be, and take its lock: for writing alone, for reading with others.
 * `files`, ended by NULL, are the names that a store's folder may hold.
 *
 * Errors: those of pawl_store_open_lmdb() that are not about the store's format.
 */
int eng_folder_open(const char *path, bool read_only, const char *const *files,
		    struct pawl_store_why *why, struct eng_folder **ret_folder);
void eng_folder_close(struct eng_folder *folder);

/* In a forked child: frees it, and leaves the lock, which is the parent's, alone. */
void eng_folder_forget(struct eng_folder *folder);

/* eng_folder_alone() - Keep readers of other processes out. Errors: -EBUSY: there are some. */
int eng_folder_alone(struct eng_folder *folder);
void eng_folder_share(struct eng_folder *folder);

/* eng_folder_tell(), eng_folder_ask() - As pawl_store_tell() and _ask(); the folder was opened for that. */
int eng_folder_tell(struct eng_folder *folder, bool behind, bool *ret_asked);
int eng_folder_ask(struct eng_folder *folder, bool asks, struct pawl_store_writer *ret_writer);

/* eng_folder_sync() - Names of files in it are on the disk, and its own. */
int eng_folder_sync(const struct eng_folder *folder);

#endif
