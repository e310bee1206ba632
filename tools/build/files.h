/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.h - all files that a build knows, by number: the manifest's nodes, then what was found out about.
 *
 * One table with the stamp and digest of each. It is filled from what the last build left (`stamps`), swept by all
 * processors, and written back as a whole. A file that has the stamp it had keeps its digest.
 */
#ifndef BUILD_FILES_H
#define BUILD_FILES_H

#include <pthread.h>

#include <pawl/atomic.h>

#include "manifest/manifest.h"

#include "common.h"
#include "stamp.h"

#define FILE_KNOWN 1u  /* the digest is that of the stamp */
#define FILE_RACY  2u  /* ... but the stamp is not to be relied on the next time */
#define FILE_SEEN  4u  /* part of what is built */
#define FILE_MOVED 8u  /* it has another stamp than the last build left */
#define FILE_FRESH 16u /* looked at by this process */

/* All but path and hash under its lock (file_lock()), once bodies run. */
struct file {
	const char *path; /* terminated */
	uint64_t hash;	  /* of the path; kept on disk, in digests */
	struct stamp stamp;
	struct digest digest; /* of what is there */
	/* What readers of it go by: the digest, or, of an output without content, what it was made from. */
	struct digest value;
	struct pawl_atomic_u32
		producer; /* edge that makes it as a dyndep file says, plus 1; 0: none */
	uint32_t flags;
	struct pawl_atomic_u32 number; /* in the journal, plus 1; 0: not known here */
};

#define FILES_SEGMENT 4096u
#define FILES_STRIPES 64u

struct files {
	const struct mf_manifest *m;
	struct file **segments; /* never moved */
	struct pawl_atomic_u32 n;
	struct names extra;   /* number + n_nodes */
	pthread_mutex_t lock; /* over extra, and growing */
	pthread_mutex_t stripes[FILES_STRIPES];
	struct pawl_atomic_u64 looked, digested, bytes; /* for -d stats */
};

struct files *files_create(const struct mf_manifest *m);
void files_destroy(struct files *files);

static inline struct file *file_at(const struct files *files, uint32_t i)
{
	return &files->segments[i / FILES_SEGMENT][i % FILES_SEGMENT];
}

/* The number of a canonical path, or of one that becomes canonical: a new one if there is none. Any thread. */
uint32_t files_add(struct files *files, const char *path, size_t bytes);

static inline void file_lock(struct files *files, uint32_t i)
{
	pthread_mutex_lock(&files->stripes[i % FILES_STRIPES]);
}
static inline void file_unlock(struct files *files, uint32_t i)
{
	pthread_mutex_unlock(&files->stripes[i % FILES_STRIPES]);
}

/* Look at one file: its stamp, and the digest if that moved. Returns: the content is another one than was known. */
bool file_look(struct files *files, uint32_t i);
struct digest file_value(struct files *files, uint32_t i);
void file_set_value(struct files *files, uint32_t i, struct digest value);
/* The same of many, on all processors. */
void files_look(struct files *files, const uint32_t *which, size_t n);

/* ---- stamps: the file ---- */

/*
 * Take what the last build left; numbers hold if the manifest is the same. False: nothing, or damaged. boot: of this life of the
 * machine. What changed shortly before the end of another one may not have reached the disk under the stamp that it
 * has, and is digested again.
 */
bool files_load(struct files *files, const char *path, struct digest manifest, uint64_t boot,
		bool *ret_damaged);
/* `settled`: nothing is left to do for what `key` stands for. Written beside, renamed. */
int files_save(struct files *files, const char *path, struct digest manifest, uint64_t boot,
	       bool settled, uint64_t key);

/*
 * stamps_settled() - Is everything as the last build left it, and was nothing left to do? No manifest is
 * read for that: the stamps of all files that matter are looked at, its own included. In another life of the
 * machine it is not.
 */
bool stamps_settled(const char *path, uint64_t key, uint64_t boot, uint64_t *ret_files);

#endif
