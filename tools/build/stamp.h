/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.h - what the system says of a file, and what is in it.
 *
 * A stamp is a short cut: a file whose stamp has not moved has the content that it had. The digest decides. A stamp that
 * was taken so early after the file's last change that another change could leave it as it is, is *racy*: it is
 * worth nothing later, and the file is digested again.
 */
#ifndef BUILD_STAMP_H
#define BUILD_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include <pawl/hash.h>

struct stamp {
	int64_t mtime_ns, ctime_ns;
	uint64_t size, inode;
};

/* What a digest is of. The numbers are part of what is kept on disk. */
enum digest_kind {
	DIGEST_NONE,	/* not known */
	DIGEST_MISSING, /* there is no such file */
	DIGEST_XXH3,	/* content: XXH3-128, over 1 MiB of the pieces' digests */
	DIGEST_FOLDER,	/* a folder: the names in it */
	DIGEST_SPECIAL, /* a device, a socket: what it is */
	DIGEST_DERIVED, /* an empty output, or none: of the command and what it read */
	DIGEST_UNKNOWN, /* cannot be read: never the same twice */
	DIGEST_KIND_COUNT
};

struct digest {
	uint64_t low, high;
	uint32_t kind;
	uint32_t reserved; /* 0: digests are compared and digested as bytes */
};

static inline bool digest_equal(struct digest a, struct digest b)
{
	return a.low == b.low && a.high == b.high && a.kind == b.kind &&
	       a.kind != DIGEST_UNKNOWN && a.kind != DIGEST_NONE;
}

static inline bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->size == b->size &&
	       a->inode == b->inode;
}

/* What stamp_take() says of a path. */
enum stamp_is { STAMP_MISSING, STAMP_FILE, STAMP_FOLDER, STAMP_SPECIAL, STAMP_ERROR };

/* Links are followed. A missing file has a stamp of zeros. ret_errno: of STAMP_ERROR. */
enum stamp_is stamp_take(const char *path, struct stamp *ret_stamp, int *ret_errno);

/* Could the file have changed at `taken_ns` (CLOCK_REALTIME) or later, and have this stamp all the same? */
bool stamp_racy(const struct stamp *stamp, int64_t taken_ns);

/*
 * Stamp and digest of what is there now. The stamp is taken before and after, until both are the same: it is that of
 * the content digested. Returns 0; an errno if it is there and cannot be read: the kind is UNKNOWN then.
 */
int digest_file(const char *path, struct stamp *ret_stamp, struct digest *ret_digest,
		int64_t *ret_taken_ns);
struct digest digest_bytes(const void *bytes, size_t n);

/* What is older than that when the machine stops is on the disk: systems write back what has waited for half a minute. */
#define STAMP_WRITTEN_NS INT64_C(600000000000)

/* Digests of sequences. */
struct digest_mix {
	struct pawl_digest state;
	uint64_t n;
};
void digest_mix_add(struct digest_mix *mix, const void *bytes, size_t n);
struct digest digest_mix_end(const struct digest_mix *mix, enum digest_kind kind);

#endif
