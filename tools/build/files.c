/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c - the table of files, and the file `stamps` it comes from.
 *
 *	head		magic, version, what it is for, check over all behind it
 *	entries		one for each file that mattered: stamp, digest, where its path is
 *	paths		each with a zero
 *
 * Most builds have nothing to do, and find that out from this file alone: stamps_settled() asks the system for
 * the stamp of each entry, which is the floor of what has to be done, and compares. The file is mapped and its check is
 * computed on the way, so a damaged one is as if there were none: everything is digested again.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/hash.h>

#define MAGIC	       UINT64_C(0x6d6174732d6c7770) /* "pwl-stam" */
#define STAMPS_VERSION 2u

/* ---- the table ---------------------------------------------------------------------------- */

#define SEGMENTS 65536u

static void file_init(struct file *file, const char *path, size_t bytes)
{
	file->path = path;
	file->hash = pawl_hash_bytes(path, bytes, 0);
}

struct files *files_create(const struct mf_manifest *m)
{
	struct files *files = build_alloc(sizeof(*files));

	files->m = m;
	files->extra = (struct names)NAMES_INIT;
	files->segments = build_alloc(SEGMENTS * sizeof(*files->segments));
	pthread_mutex_init(&files->lock, NULL);
	for (unsigned i = 0; i < FILES_STRIPES; i++)
		pthread_mutex_init(&files->stripes[i], NULL);
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (i % FILES_SEGMENT == 0)
			files->segments[i / FILES_SEGMENT] =
				build_alloc(FILES_SEGMENT * sizeof(struct file));
		file_init(file_at(files, i), mf_path(m, i), m->nodes[i].path.len);
	}
	pawl_store_relaxed(&files->n, m->n_nodes);
	return files;
}

void files_destroy(struct files *files)
{
	if (!files)
		return;
	for (unsigned i = 0; i < SEGMENTS && files->segments[i]; i++)
		free(files->segments[i]);
	free(files->segments);
	names_fini(&files->extra);
	pthread_mutex_destroy(&files->lock);
	for (unsigned i = 0; i < FILES_STRIPES; i++)
		pthread_mutex_destroy(&files->stripes[i]);
	free(files);
}

uint32_t files_add(struct files *files, const char *path, size_t bytes)
{
	char *canonical = build_dup(path, bytes);
	uint32_t number, i;

	bytes = mf_canonical(canonical, bytes);
	canonical[bytes] = 0;
	i = mf_find(files->m, canonical, bytes);
	if (i == MF_NONE) {
		pthread_mutex_lock(&files->lock);
		if (names_add(&files->extra, canonical, bytes, &number))
			build_out_of_memory();
		i = files->m->n_nodes + number;
		if (i == pawl_load_relaxed(&files->n)) {
			struct file **segment = &files->segments[i / FILES_SEGMENT];

			if (i / FILES_SEGMENT >= SEGMENTS)
				build_out_of_memory();
			if (!*segment)
				*segment = build_alloc(FILES_SEGMENT * sizeof(struct file));
			file_init(file_at(files, i), names_at(&files->extra, number), bytes);
			pawl_store_release(&files->n, i + 1);
		}
		pthread_mutex_unlock(&files->lock);
	}
	free(canonical);
	return i;
}

/* ---- looking ------------------------------------------------------------------------------ */

static bool look_locked(struct file *file, bool *ret_digested)
{
	struct digest before = file->digest;
	bool known = (file->flags & FILE_KNOWN) != 0;
	struct stamp stamp;
	int64_t taken_ns;

	if (known && !(file->flags & FILE_RACY) &&
	    stamp_take(file->path, &stamp, NULL) != STAMP_ERROR &&
	    stamp_equal(&stamp, &file->stamp)) {
		file->flags |= FILE_FRESH;
		*ret_digested = false;
		return false;
	}
	*ret_digested = true;
	(void)digest_file(file->path, &stamp, &file->digest, &taken_ns);
	file->flags &= ~FILE_RACY;
	file->flags |= FILE_KNOWN | FILE_FRESH | FILE_MOVED;
	file->stamp = stamp;
	if (stamp_racy(&stamp, taken_ns))
		file->flags |= FILE_RACY;
	return !known || !digest_equal(before, file->digest);
}

bool file_look(struct files *files, uint32_t i)
{
	bool changed, digested;
	uint64_t bytes;

	file_lock(files, i);
	changed = look_locked(file_at(files, i), &digested);
	bytes = file_at(files, i)->stamp.size;
	file_unlock(files, i);
	/* Relaxed: they are only counted. */
	(void)pawl_add_relaxed(&files->looked, 1);
	if (digested) {
		(void)pawl_add_relaxed(&files->digested, 1);
		(void)pawl_add_relaxed(&files->bytes, bytes);
	}
	return changed;
}

struct digest file_value(struct files *files, uint32_t i)
{
	struct digest value;

	file_lock(files, i);
	value = file_at(files, i)->value;
	file_unlock(files, i);
	return value;
}

void file_set_value(struct files *files, uint32_t i, struct digest value)
{
	file_lock(files, i);
	file_at(files, i)->value = value;
	file_unlock(files, i);
}

struct look {
	struct files *files;
	const uint32_t *which;
};

static void look_part(void *arg, size_t from, size_t to)
{
	struct look *look = arg;

	for (size_t i = from; i < to; i++)
		(void)file_look(look->files, look->which[i]);
}

void files_look(struct files *files, const uint32_t *which, size_t n)
{
	struct look look = {files, which};

	build_parallel(n, 128, look_part, &look);
}

/* ---- the file `stamps` ----------------------------------------------------------------------- */

struct head {
	uint64_t magic;
	uint32_t version, entry_bytes;
	uint64_t check; /* of the head behind it, and the rest */
	uint64_t key;
	struct digest manifest;
	uint64_t n, path_bytes;
	uint64_t boot;
	int64_t saved_ns; /* CLOCK_REALTIME */
	uint32_t settled, reserved;
};

struct entry {
	struct stamp stamp;
	uint64_t low, high;
	uint32_t kind; /* and ENTRY_RACY */
	uint32_t file; /* in the table, if the manifest is the same */
	uint32_t path, path_bytes;
};
#define ENTRY_RACY (1u << 31)
#define ENTRY_SEEN (1u << 30) /* what is settled is about these */
#define ENTRY_KIND (ENTRY_SEEN - 1)

_Static_assert(sizeof(struct entry) == 64, "entries are read where they lie");

struct stamps {
	void *map;
	size_t bytes;
	const struct head *head;
	const struct entry *entries;
	const char *paths;
};

#define CHECKED offsetof(struct head, key)

static void stamps_close(struct stamps *stamps)
{
	if (stamps->map)
		munmap(stamps->map, stamps->bytes);
}

static bool stamps_right(struct stamps *s)
{
	const struct head *head = s->map;
	size_t rest = s->bytes - sizeof(*head);

	if (head->magic != MAGIC || head->version != STAMPS_VERSION ||
	    head->entry_bytes != sizeof(struct entry) ||
	    head->n > rest / sizeof(struct entry) ||
	    head->path_bytes != rest - head->n * sizeof(struct entry))
		return false;
	if (pawl_hash_bytes((const char *)s->map + CHECKED, s->bytes - CHECKED, MAGIC) !=
	    head->check)
		return false;
	s->head = head;
	s->entries = (const void *)(head + 1);
	s->paths = (const char *)(s->entries + head->n);
	return true;
}

/* Returns 0; -ENOENT: there is none; -EUCLEAN: damaged, or of another version. */
static int stamps_open(const char *path, struct stamps *s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;

	*s = (struct stamps){NULL, 0, NULL, NULL, NULL};
	if (fd < 0)
		return -ENOENT;
	if (!fstat(fd, &st) && (size_t)st.st_size >= sizeof(struct head))
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd,
			   0);
	close(fd);
	if (map == MAP_FAILED)
		return -EUCLEAN;
	s->map = map;
	s->bytes = (size_t)st.st_size;
	if (stamps_right(s))
		return 0;
	stamps_close(s);
	return -EUCLEAN;
}

bool files_load(struct files *files, const char *path, struct digest manifest, uint64_t boot,
		bool *ret_damaged)
{
	struct stamps s;
	int error = stamps_open(path, &s);
	bool same;

	*ret_damaged = error == -EUCLEAN;
	if (error)
		return false;
	same = !memcmp(&s.head->manifest, &manifest, sizeof(manifest));
	for (size_t i = 0; i < s.head->n; i++) {
		const struct entry *e = &s.entries[i];
		uint32_t at = same && e->file < files->m->n_nodes
				      ? e->file
				      : files_add(files, s.paths + e->path, e->path_bytes);
		struct file *file = file_at(files, at);

		file->stamp = e->stamp;
		file->digest = (struct digest){e->low, e->high, e->kind & ENTRY_KIND, 0};
		file->flags |= FILE_KNOWN | (e->kind & ENTRY_RACY ? FILE_RACY : 0);
		if (s.head->boot != boot &&
		    e->stamp.ctime_ns > s.head->saved_ns - STAMP_WRITTEN_NS)
			file->flags |= FILE_RACY;
	}
	stamps_close(&s);
	return true;
}

static int stamps_write(const char *path, struct head *head, const struct string *entries,
			const struct string *paths)
{
	struct string all = {NULL, 0, 0};
	int error;

	string_add(&all, head, sizeof(*head));
	string_add(&all, entries->bytes, entries->n);
	string_add(&all, paths->bytes, paths->n);
	head->check = pawl_hash_bytes(all.bytes + CHECKED, all.n - CHECKED, MAGIC);
	memcpy(all.bytes, head, sizeof(*head));
	error = build_replace(path, all.bytes, all.n);
	string_free(&all);
	return error;
}

int files_save(struct files *files, const char *path, struct digest manifest, uint64_t boot,
	       bool settled, uint64_t key)
{
	struct string entries = {NULL, 0, 0}, paths = {NULL, 0, 0};
	uint32_t n = pawl_load_acquire(&files->n);
	struct head head = {.magic = MAGIC,
			    .version = STAMPS_VERSION,
			    .entry_bytes = sizeof(struct entry),
			    .key = key,
			    .manifest = manifest,
			    .boot = boot,
			    .saved_ns = build_wall_ns(),
			    .settled = settled};
	int error;

	for (uint32_t i = 0; i < n; i++) {
		const struct file *file = file_at(files, i);
		struct entry e = {.stamp = file->stamp,
				  .low = file->digest.low,
				  .high = file->digest.high,
				  .kind = file->digest.kind |
					  (file->flags & FILE_RACY ? ENTRY_RACY : 0) |
					  (file->flags & FILE_SEEN ? ENTRY_SEEN : 0),
				  .file = i,
				  .path = (uint32_t)paths.n,
				  .path_bytes = (uint32_t)strlen(file->path)};

		/* Nodes that matter to other targets keep their digests. What no edge reads any more goes. */
		if (!(file->flags & FILE_KNOWN) || file->digest.kind == DIGEST_UNKNOWN ||
		    (i >= files->m->n_nodes && !(file->flags & FILE_SEEN)))
			continue;
		string_add(&entries, &e, sizeof(e));
		string_add(&paths, file->path, e.path_bytes + 1);
		head.n++;
	}
	head.path_bytes = paths.n;
	error = stamps_write(path, &head, &entries, &paths);
	string_free(&entries);
	string_free(&paths);
	return error;
}

/* ---- nothing to do ------------------------------------------------------------------------ */

struct sweep {
	const struct stamps *s;
	struct entry *moved; /* what is to be written anew, by place; NULL: not yet */
	pthread_mutex_t lock;
	struct pawl_atomic_u32 changed; /* a content is another one */
	struct pawl_atomic_u32 again;	/* stamps are, or were racy */
};

/* The stamp says nothing: the content does. */
static void sweep_digest(struct sweep *sweep, size_t i)
{
	const struct entry *e = &sweep->s->entries[i];
	struct digest digest, before = {e->low, e->high, e->kind & ENTRY_KIND, 0};
	struct entry now = *e;
	int64_t taken_ns;

	if (digest_file(sweep->s->paths + e->path, &now.stamp, &digest, &taken_ns) ||
	    !digest_equal(digest, before)) {
		pawl_store_relaxed(&sweep->changed, 1);
		return;
	}
	now.kind =
		before.kind | ENTRY_SEEN | (stamp_racy(&now.stamp, taken_ns) ? ENTRY_RACY : 0);
	pthread_mutex_lock(&sweep->lock);
	if (!sweep->moved) {
		size_t bytes = sweep->s->head->n * sizeof(*sweep->moved);

		sweep->moved = build_realloc(NULL, bytes);
		memcpy(sweep->moved, sweep->s->entries, bytes);
	}
	sweep->moved[i] = now;
	pthread_mutex_unlock(&sweep->lock);
	pawl_store_relaxed(&sweep->again, 1);
}

static void sweep_part(void *arg, size_t from, size_t to)
{
	struct sweep *sweep = arg;

	for (size_t i = from; i < to && !pawl_load_relaxed(&sweep->changed); i++) {
		const struct entry *e = &sweep->s->entries[i];
		struct stamp stamp;

		if (!(e->kind & ENTRY_SEEN))
			continue;
		if (e->kind & ENTRY_RACY ||
		    stamp_take(sweep->s->paths + e->path, &stamp, NULL) == STAMP_ERROR ||
		    !stamp_equal(&stamp, &e->stamp))
			sweep_digest(sweep, i);
	}
}

bool stamps_settled(const char *path, uint64_t key, uint64_t boot, uint64_t *ret_files)
{
	struct sweep sweep = {.moved = NULL};
	struct stamps s;
	bool settled;

	if (stamps_open(path, &s))
		return false;
	if (!s.head->settled || s.head->key != key || s.head->boot != boot) {
		stamps_close(&s);
		return false;
	}
	sweep.s = &s;
	pthread_mutex_init(&sweep.lock, NULL);
	build_parallel(s.head->n, 256, sweep_part, &sweep);
	settled = !pawl_load_relaxed(&sweep.changed);
	if (settled && sweep.moved) {
		struct head head = *s.head;
		struct string entries = {(char *)sweep.moved, s.head->n * sizeof(*sweep.moved),
					 0};
		struct string paths = {(char *)(uintptr_t)s.paths, s.head->path_bytes, 0};

		head.saved_ns = build_wall_ns();
		/* The next one does not digest them again. If it cannot be written, it does. */
		(void)stamps_write(path, &head, &entries, &paths);
	}
	*ret_files = s.head->n;
	free(sweep.moved);
	pthread_mutex_destroy(&sweep.lock);
	stamps_close(&s);
	return settled;
}
