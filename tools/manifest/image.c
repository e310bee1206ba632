/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.c - a manifest as a file that is mapped: a head, then the arrays as they are in memory.
 *
 * The arrays hold no pointers, so mapping is all there is to opening, and looking whether it is still true:
 *  - the head's `layout` is made of the sizes of all that is in it: another version of this code, another machine's
 *    words, and it is no image;
 *  - its digest covers all that follows: a torn or damaged image is found out, and then nothing of it
 *    is believed;
 *  - each file that was read has a stamp (size, times, inode) and a digest. A stamp taken in the same
 *    moment as the file was written proves nothing: another write in that moment would not show. Such a stamp is kept
 *    as one that never matches, so the bytes are looked at next time (load.c).
 *
 * Warnings are kept and given again: a manifest that is wrong a little stays so.
 */
#include "config.h"

#include "manifest/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/mem.h>

#define MAGIC UINT64_C(0x0a31464d4c574150) /* "PAWLMF1\n" */
/* To be raised when the meaning of what is kept changes and its layout does not. */
#define EDITION 1u
#define PARTS	18u

struct part_of {
	uint64_t at;
	uint32_t n, item;
};

struct image {
	uint64_t magic;
	struct pawl_digest digest; /* of what follows */
	uint64_t bytes;		   /* of all */
	uint32_t layout, bound;
	uint32_t duplicates_warn, phony_cycle_error;
	struct pawl_digest version;
	struct part_of parts[PARTS];
};
#define DIGEST_FROM offsetof(struct image, bytes)

/* The arrays of a manifest, in the order in which they stand in the file: where their pointers and counts are. */
#define ARRAY(field, count)                                                               \
	{                                                                                 \
		offsetof(struct mf_manifest, field), offsetof(struct mf_manifest, count), \
			sizeof(*((struct mf_manifest *)NULL)->field)                      \
	}
static const struct array {
	size_t at, n;
	uint32_t item;
} arrays[] = {
	ARRAY(text, text_bytes),
	ARRAY(nodes, n_nodes),
	ARRAY(edges, n_edges),
	ARRAY(paths, n_paths),
	ARRAY(uses, n_uses),
	ARRAY(defaults, n_defaults),
	ARRAY(pools, n_pools),
	ARRAY(rules, n_rules),
	ARRAY(files, n_files),
	ARRAY(commands, n_edges),
	ARRAY(scopes, n_scopes),
	ARRAY(lets, n_lets),
	ARRAY(pieces, n_pieces),
	ARRAY(symbols, n_symbols),
	ARRAY(variables, n_variables),
	ARRAY(node_index, n_node_index),
	ARRAY(symbol_index, n_symbol_index),
	ARRAY(warnings, n_warnings),
};
_Static_assert(sizeof(arrays) / sizeof(arrays[0]) == PARTS, "a part for each");

static const void *array_at(const struct mf_manifest *m, uint32_t i)
{
	const void *at;

	memcpy(&at, (const char *)m + arrays[i].at, sizeof(at));
	return at;
}

static uint32_t array_n(const struct mf_manifest *m, uint32_t i)
{
	uint32_t n;

	memcpy(&n, (const char *)m + arrays[i].n, sizeof(n));
	return n;
}

static uint32_t layout_of(void)
{
	uint64_t hash = EDITION;
	uint32_t i;

	for (i = 0; i < PARTS; i++)
		hash = pawl_hash_combine(hash, arrays[i].item);
	hash = pawl_hash_combine(hash, SYMBOLS_KNOWN);
	return (uint32_t)pawl_hash_combine(hash, sizeof(struct image));
}

static struct pawl_digest version_of(const struct mf_options *options)
{
	const char *version = options->version ? options->version : MF_NINJA_VERSION;

	return pawl_digest_bytes(version, strlen(version));
}

void mf_free(struct mf_manifest *m)
{
	struct mf_reader *reader;

	if (!m)
		return;
	pawl_mem_free(m->own_commands, (size_t)m->n_edges * sizeof(*m->own_commands), 0);
	reader = m->reader;
	if (reader) {
		reader_fini(reader);
		pawl_mem_free(reader, sizeof(*reader), 0);
	} else {
		munmap(m->map, m->map_bytes);
		pawl_mem_free(m, sizeof(*m), 0);
	}
}

/* ---- saving ------------------------------------------------------------------------------------ */

static uint64_t place(const struct mf_manifest *m, struct image *head)
{
	uint64_t at = sizeof(*head);
	uint32_t i;

	for (i = 0; i < PARTS; i++) {
		at = (at + 15) / 16 * 16;
		head->parts[i] = (struct part_of){at, array_at(m, i) ? array_n(m, i) : 0,
						  arrays[i].item};
		at += (uint64_t)head->parts[i].n * arrays[i].item;
	}
	return at;
}

static void fill(const struct mf_manifest *m, char *bytes, uint64_t size)
{
	struct image head = {.magic = MAGIC,
			     .bytes = size,
			     .layout = layout_of(),
			     .bound = m->bound,
			     .duplicates_warn = m->duplicates_warn,
			     .phony_cycle_error = m->phony_cycle_error,
			     .version = m->version};
	uint32_t i;

	place(m, &head);
	memcpy(bytes, &head, sizeof(head));
	for (i = 0; i < PARTS; i++)
		if (head.parts[i].n)
			memcpy(bytes + head.parts[i].at, array_at(m, i),
			       (size_t)head.parts[i].n * head.parts[i].item);
	head.digest = pawl_digest_bytes(bytes + DIGEST_FROM, size - DIGEST_FROM);
	memcpy(bytes, &head, sizeof(head));
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int write_file(const char *path, const char *bytes, size_t size)
{
	struct text temporary = TEXT_INIT;
	int fd, error = text_printf(&temporary, "%s.%ld.tmp", path, (long)getpid());

	if (error)
		return error;
	fd = open(temporary.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	error = fd < 0 ? -errno : write_all(fd, bytes, size);
	if (fd >= 0 && close(fd) != 0 && !error)
		error = -errno;
	if (!error && rename(temporary.ptr, path) != 0)
		error = -errno;
	if (error && fd >= 0)
		unlink(temporary.ptr);
	text_fini(&temporary);
	return error;
}

int mf_image_save(struct mf_manifest *m, const char *path)
{
	struct image head;
	uint64_t size;
	char *bytes;
	int error = mf_digest_commands(m);

	if (error)
		return error;
	size = place(m, &head);
	/* Between the arrays there is nothing that was left there by somebody else. */
	bytes = pawl_mem_zalloc(size, 16);
	if (!bytes)
		return -ENOMEM;
	fill(m, bytes, size);
	error = write_file(path, bytes, size);
	pawl_mem_free(bytes, size, 16);
	return error;
}

/* ---- opening ----------------------------------------------------------------------------------- */

static int map_file(const char *path, void **ret_map, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	struct stat status;
	void *map = MAP_FAILED;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) != 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size < sizeof(struct image))
		error = -EUCLEAN;
	/* Private and writable: stamps that moved are mended in place. */
	if (!error)
		map = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (!error && map == MAP_FAILED)
		error = -errno;
	close(fd);
	if (error)
		return error;
	*ret_map = map;
	*ret_bytes = (size_t)status.st_size;
	return 0;
}

static int adopt(struct mf_manifest *m, char *map, size_t bytes)
{
	const struct image *head = (const struct image *)(const void *)map;
	struct pawl_digest digest;
	const void *at;
	uint32_t i;

	if (head->magic != MAGIC || head->bytes != bytes || head->layout != layout_of())
		return -EUCLEAN;
	digest = pawl_digest_bytes(map + DIGEST_FROM, bytes - DIGEST_FROM);
	if (!pawl_digest_equal(digest, head->digest))
		return -EUCLEAN;
	for (i = 0; i < PARTS; i++) {
		const struct part_of *part = &head->parts[i];

		if (part->item != arrays[i].item || part->at > bytes ||
		    (uint64_t)part->n * part->item > bytes - part->at)
			return -EUCLEAN;
		at = map + part->at;
		memcpy((char *)m + arrays[i].at, &at, sizeof(at));
		memcpy((char *)m + arrays[i].n, &part->n, sizeof(part->n));
	}
	m->bound = head->bound;
	m->version = head->version;
	m->duplicates_warn = head->duplicates_warn;
	m->phony_cycle_error = head->phony_cycle_error;
	return m->n_files ? 0 : -EUCLEAN;
}

/* The bytes again, where the stamp does not say that they are the same. */
static int check_file(const struct mf_manifest *m, struct mf_file *file,
		      const struct mf_options *options, enum mf_image_state *state)
{
	struct mf_file now = *file;
	struct stat status;
	size_t size, room;
	char *bytes;
	bool same;
	int error;

	if (!options->read) {
		if (stat(m->text + file->path.at, &status) != 0)
			return -ESTALE;
		stamp_of(&status, &now);
		if (now.mtime_ns == file->mtime_ns && now.ctime_ns == file->ctime_ns &&
		    now.size == file->size && now.inode == file->inode &&
		    now.device == file->device)
			return 0;
		if (now.size != file->size && S_ISREG(status.st_mode))
			return -ESTALE;
	}
	error = read_whole(options, m->text + file->path.at, &bytes, &size, &room, &now);
	if (error)
		return error == -ENOMEM ? error : -ESTALE;
	same = size == file->size &&
	       pawl_digest_equal(pawl_digest_bytes(bytes, size), file->digest);
	pawl_mem_free(bytes, room, 0);
	if (!same)
		return -ESTALE;
	*state = MF_IMAGE_TOUCHED;
	now.size = size;
	*file = now;
	return 0;
}

static int check_files(struct mf_manifest *m, const char *path,
		       const struct mf_options *options, enum mf_image_state *state)
{
	struct mf_file *files =
		(struct mf_file *)(void *)((char *)m->map +
					   ((const char *)m->files - (const char *)m->map));
	uint32_t i;
	int error = 0;

	if (strcmp(m->text + files[0].path.at, path) != 0 ||
	    !pawl_digest_equal(m->version, version_of(options)) ||
	    m->duplicates_warn != options->duplicates_warn ||
	    m->phony_cycle_error != options->phony_cycle_error)
		return -ESTALE;
	*state = MF_IMAGE_FRESH;
	for (i = 0; i < m->n_files && !error; i++)
		error = check_file(m, &files[i], options, state);
	return error;
}

int mf_image_open(const char *image, const char *path, const struct mf_options *options,
		  enum mf_image_state *ret_state, struct mf_manifest **ret_manifest)
{
	const struct mf_options standard = MF_OPTIONS_INIT;
	enum mf_image_state state;
	struct mf_manifest *m;
	const char *at;
	int error;

	if (!options)
		options = &standard;
	if (options->size != sizeof(*options))
		return -EINVAL;
	m = pawl_mem_zalloc(sizeof(*m), 0);
	if (!m)
		return -ENOMEM;
	error = map_file(image, &m->map, &m->map_bytes);
	if (!error)
		error = adopt(m, m->map, m->map_bytes);
	if (!error)
		error = check_files(m, path, options, &state);
	if (error) {
		if (m->map)
			munmap(m->map, m->map_bytes);
		pawl_mem_free(m, sizeof(*m), 0);
		return error;
	}
	for (at = m->warnings; options->warn && at < m->warnings + m->n_warnings;
	     at += strlen(at) + 1)
		options->warn(options->arg, at);
	*ret_state = state;
	*ret_manifest = m;
	return 0;
}
