/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * power.c - a disk as it may be found after the power was cut, made of a log of what was written (record-disk.h).
 */
#include "power.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pawl/thread.h>

#include "record-disk.h"
#include "stores.h"

/* ---- the disk as it may be ------------------------------------------------------------------------ */

#define FILES	64u
#define NAMES	64u
#define PENDING 4096u
#define SECTOR	512u

/* A change that is on its way: a record of the log. */
struct pending {
	const struct t_disk_record *record;
	uint64_t file; /* index */
};

struct image {
	unsigned char *bytes;
	size_t n, room;
};

struct name {
	char path[300];
	uint32_t file; /* index; FILES: a folder */
};

struct disk {
	/* Which syncs do nothing. */
	bool no_file_sync, no_folder_sync, no_dsync;
	struct image files[FILES]; /* what is on it of each */
	uint64_t inodes[FILES];
	unsigned files_n;
	struct name names[NAMES];
	unsigned names_n;
	struct pending writes[PENDING], changes[PENDING]; /* in their order */
	unsigned writes_n, changes_n;
	unsigned begun, acknowledged; /* batches */
};

static const void *bytes_of(const struct t_disk_record *record)
{
	return record + 1;
}

static unsigned file_of(const struct disk *disk, uint64_t inode)
{
	unsigned i;

	/* The last one that had this number. */
	for (i = disk->files_n; i--;)
		if (disk->inodes[i] == inode)
			return i;
	return FILES;
}

static void image_size(struct image *image, size_t n)
{
	if (n > image->room) {
		image->room = 2 * n;
		image->bytes = realloc(image->bytes, image->room);
		t_check(image->bytes);
	}
	if (n > image->n)
		memset(image->bytes + image->n, 0, n - image->n);
	image->n = n;
}

static void image_put(struct image *image, uint64_t offset, const void *bytes, size_t n)
{
	if (offset + n > image->n)
		image_size(image, offset + n);
	if (n)
		memcpy(image->bytes + offset, bytes, n);
}

static void apply_write(struct image *image, const struct t_disk_record *record)
{
	if (record->call == T_DISK_TRUNCATE)
		image_size(image, record->a);
	else
		image_put(image, record->a, bytes_of(record), record->bytes);
}

/* Some of its sectors. Where it begins and ends in the middle of one, so does what is kept. */
static void apply_torn(struct image *image, const struct t_disk_record *record)
{
	const unsigned char *bytes = bytes_of(record);
	uint64_t at = record->a, end = record->a + record->bytes, next;

	if (record->call == T_DISK_TRUNCATE) {
		if (t_random_below(2))
			image_size(image, record->a);
		return;
	}
	for (; at < end; at = next) {
		next = (at / SECTOR + 1) * SECTOR;
		if (next > end)
			next = end;
		if (t_random_below(2))
			image_put(image, at, bytes + (at - record->a), next - at);
	}
}

static struct name *name_find(struct disk *disk, const char *path)
{
	unsigned i;

	for (i = 0; i < disk->names_n; i++)
		if (!strcmp(disk->names[i].path, path))
			return &disk->names[i];
	return NULL;
}

static void name_remove(struct disk *disk, const char *path)
{
	struct name *name = name_find(disk, path);

	if (name)
		*name = disk->names[--disk->names_n];
}

static void name_put(struct disk *disk, const char *path, uint32_t file)
{
	name_remove(disk, path);
	t_check(disk->names_n < NAMES);
	snprintf(disk->names[disk->names_n].path, sizeof(disk->names[0].path), "%s", path);
	disk->names[disk->names_n++].file = file;
}

static void apply_change(struct disk *disk, const struct pending *pending)
{
	const char *path = bytes_of(pending->record), *to = path + strlen(path) + 1;
	struct name *name;

	switch (pending->record->call) {
	case T_DISK_UNLINK:
		name_remove(disk, path);
		break;
	case T_DISK_RENAME:
		name = name_find(disk, path);
		if (name) {
			uint32_t file = name->file;

			name_remove(disk, path);
			name_put(disk, to, file);
		}
		break;
	default:
		name_put(disk, path, (uint32_t)pending->file);
	}
}

static bool is_in(const char *folder, const char *path)
{
	return !strncmp(folder, path, strlen(folder)) && path[strlen(folder)] == '/' &&
	       !strchr(path + strlen(folder) + 1, '/');
}

/* All that is on its way to this file, or to this folder's names, arrives. */
static void sync_record(struct disk *disk, const struct t_disk_record *record)
{
	const char *folder = bytes_of(record);
	unsigned i, kept = 0, file;

	if (record->bytes) {
		if (disk->no_folder_sync)
			return;
		for (i = 0; i < disk->changes_n; i++) {
			if (is_in(folder, bytes_of(disk->changes[i].record)))
				apply_change(disk, &disk->changes[i]);
			else
				disk->changes[kept++] = disk->changes[i];
		}
		disk->changes_n = kept;
		return;
	}
	if (disk->no_file_sync)
		return;
	file = file_of(disk, record->file);
	for (i = 0; i < disk->writes_n; i++) {
		if (disk->writes[i].file == file)
			apply_write(&disk->files[file], disk->writes[i].record);
		else
			disk->writes[kept++] = disk->writes[i];
	}
	disk->writes_n = kept;
}

static void add_change(struct disk *disk, const struct t_disk_record *record, uint64_t file)
{
	t_check(disk->changes_n < PENDING);
	disk->changes[disk->changes_n++] = (struct pending){record, file};
}

static void add_file(struct disk *disk, const struct t_disk_record *record)
{
	if (record->a)
		/* Cut to nothing; nobody here does that to what matters. */
		return;
	t_check(disk->files_n < FILES);
	disk->inodes[disk->files_n] = record->file;
	add_change(disk, record, disk->files_n++);
}

static void add_write(struct disk *disk, const struct t_disk_record *record)
{
	unsigned file = file_of(disk, record->file), i;

	if (file == FILES)
		return;
	if (record->call == T_DISK_WRITE && record->b && !disk->no_dsync) {
		/* Nothing of the same sectors is on its way: LMDB has synced it before. */
		for (i = 0; i < disk->writes_n && !disk->no_file_sync; i++)
			t_check(disk->writes[i].file != file ||
				disk->writes[i].record->a > record->a + record->bytes ||
				disk->writes[i].record->a + disk->writes[i].record->bytes <
					record->a);
		apply_write(&disk->files[file], record);
		return;
	}
	t_check(disk->writes_n < PENDING);
	disk->writes[disk->writes_n++] = (struct pending){record, file};
}

static void step(struct disk *disk, const struct t_disk_record *record)
{
	switch (record->call) {
	case T_DISK_CREATE:
		add_file(disk, record);
		break;
	case T_DISK_MKDIR:
		add_change(disk, record, FILES);
		break;
	case T_DISK_RENAME:
	case T_DISK_UNLINK:
		add_change(disk, record, 0);
		break;
	case T_DISK_WRITE:
	case T_DISK_TRUNCATE:
		add_write(disk, record);
		break;
	case T_DISK_SYNC:
		sync_record(disk, record);
		break;
	case T_DISK_MARK:
		if (record->a % 2)
			disk->acknowledged = (unsigned)(record->a / 2);
		else
			disk->begun = (unsigned)(record->a / 2);
		break;
	default:
		/* LMDB's table of readers is mapped, and worth nothing after this. */
		break;
	}
}

static void image_copy(struct image *to, const struct image *from)
{
	*to = (struct image){NULL, 0, 0};
	image_put(to, 0, from->bytes ? (const void *)from->bytes : "", from->n);
}

static void write_file(const char *path, const struct image *image)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	t_check(fd >= 0);
	t_check(pwrite(fd, image->bytes, image->n, 0) == (ssize_t)image->n);
	close(fd);
}

/* What somebody finds afterwards, below `to` instead of below `from`. */
static void cut(const struct disk *disk, const char *from, const char *to)
{
	struct disk *after = malloc(sizeof(*after));
	unsigned i, n;
	char path[600];

	t_check(after);
	*after = *disk;
	n = (unsigned)t_random_below(disk->changes_n + 1u);
	for (i = 0; i < n; i++)
		apply_change(after, &disk->changes[i]);
	for (i = 0; i < disk->files_n; i++)
		image_copy(&after->files[i], &disk->files[i]);
	for (i = 0; i < disk->writes_n; i++)
		apply_torn(&after->files[disk->writes[i].file], disk->writes[i].record);
	t_check(!mkdir(to, 0777));
	/* Folders are made first; a name in one that is not there is lost with it. */
	for (n = 0; n < 2; n++) {
		for (i = 0; i < after->names_n; i++) {
			const struct name *name = &after->names[i];

			snprintf(path, sizeof(path), "%s%s", to, name->path + strlen(from));
			if (name->file == FILES && !n)
				(void)mkdir(path, 0777);
			*strrchr(path, '/') = 0;
			if (name->file == FILES || !n || access(path, F_OK))
				continue;
			snprintf(path, sizeof(path), "%s%s", to, name->path + strlen(from));
			write_file(path, &after->files[name->file]);
		}
	}
	for (i = 0; i < disk->files_n; i++)
		free(after->files[i].bytes);
	free(after);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static const struct t_disk_record *next(const struct t_disk_record *record)
{
	/* Records lie one behind the other, at any address: they are copied to good ones by log_read(). */
	return (const void *)((const char *)record + sizeof(*record) +
			      ((record->bytes + 7) & ~(size_t)7));
}

/* The log as it is in memory: records at multiples of 8. */
static void log_read(struct t_power_log *log, const char *path)
{
	struct t_disk_record record;
	FILE *file = fopen(path, "r");

	t_check(file);
	while (fread(&record, sizeof(record), 1, file) == 1) {
		size_t bytes = (record.bytes + 7) & ~(size_t)7;

		log->bytes = realloc(log->bytes, log->n + sizeof(record) + bytes);
		t_check(log->bytes);
		memcpy(log->bytes + log->n, &record, sizeof(record));
		t_check(fread(log->bytes + log->n + sizeof(record), 1, record.bytes, file) ==
			record.bytes);
		log->n += sizeof(record) + bytes;
		log->records++;
	}
	fclose(file);
}

void t_power_record(struct t_power_log *log, const char *word)
{
	char store[256], path[300];

	memset(log, 0, sizeof(*log));
	t_folder_make(store, sizeof(store));
	snprintf(log->folder, sizeof(log->folder), "%s", store);
	*strrchr(log->folder, '/') = 0;
	snprintf(path, sizeof(path), "%s.log", log->folder);
	setenv("T_STORE", store, 1);
	setenv("T_RECORD", path, 1);
	setenv("T_RECORD_UNDER", log->folder, 1);
	assert_int_equal(t_rerun(word, NULL, 0), 0);
	unsetenv("T_RECORD");
	log_read(log, path);
	unlink(path);
	t_folder_drop(store);
}

/* Cuts the power `cuts` times, or until one is bad and `until_bad`. */
static void power(const struct t_power_log *log, struct disk *disk, unsigned cuts,
		  bool until_bad, int (*look)(void *arg), unsigned *results)
{
	const struct t_disk_record *record = (const void *)log->bytes;
	struct t_found found;
	char parent[280];
	size_t i;

	/* What is found need not outlive this: in memory, where there is such a folder. */
	snprintf(parent, sizeof(parent), "%s/%s.cut",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", strrchr(log->folder, '/') + 1);
	snprintf(found.folder, sizeof(found.folder), "%s/store", parent);
	for (i = 0; i < log->records; i++, record = next(record)) {
		/* So many in all, evenly; more of them where there are more cuts than records. */
		unsigned here =
			(unsigned)((i + 1) * cuts / log->records - i * cuts / log->records);

		for (; here; here--) {
			int result;

			cut(disk, log->folder, parent);
			found.begun = disk->begun;
			found.acknowledged = disk->acknowledged;
			result = t_forked(look, &found);
			if (result < 0 || result > T_POWER_WRONG)
				result = T_POWER_WRONG;
			results[result]++;
			t_folder_drop(found.folder);
			t_step();
			if (result)
				printf("# cut at record %zu of %zu: %s; begun %u, acknowledged %u\n",
				       i, log->records,
				       result == T_POWER_LOST ? "lost" : "wrong", found.begun,
				       found.acknowledged);
			if (result && until_bad)
				return;
		}
		step(disk, record);
	}
}

static void disk_drop(struct disk *disk)
{
	unsigned i;

	for (i = 0; i < disk->files_n; i++)
		free(disk->files[i].bytes);
	free(disk);
}

unsigned t_power_cut(const struct t_power_log *log, unsigned without, unsigned cuts,
		     bool until_bad, int (*look)(void *arg))
{
	unsigned results[3] = {0};
	struct disk *disk = calloc(1, sizeof(*disk));

	t_check(disk);
	disk->no_file_sync = without & T_POWER_NO_FILE_SYNC;
	disk->no_folder_sync = without & T_POWER_NO_FOLDER_SYNC;
	disk->no_dsync = without & T_POWER_NO_DSYNC;
	power(log, disk, cuts, until_bad, look, results);
	disk_drop(disk);
	printf("# %u good, %u lost, %u wrong\n", results[T_POWER_GOOD], results[T_POWER_LOST],
	       results[T_POWER_WRONG]);
	return results[T_POWER_LOST] + results[T_POWER_WRONG];
}

void t_power_drop(struct t_power_log *log)
{
	free(log->bytes);
	log->bytes = NULL;
}

/* ---- the cases ------------------------------------------------------------------------------------ */

static const struct t_power_subject *subject;
static struct t_power_log full;

void t_power_of(const struct t_power_subject *of)
{
	subject = of;
}

static void record(struct t_power_log *log, const char *word)
{
	if (subject->prepare)
		subject->prepare();
	t_power_record(log, word);
	/* Children attach. */
	pawl_thread_detach();
}

void t_power_case_full(void **state)
{
	(void)state;
	record(&full, subject->word);
	assert_int_equal(t_power_cut(&full, 0, subject->cuts, false, subject->look), 0);
}

void t_power_case_without_lmdb_sync(void **state)
{
	struct t_power_log log;

	(void)state;
	record(&log, subject->word_without_syncs);
	assert_true(t_power_cut(&log, 0, subject->cuts_without, true, subject->look) > 0);
	t_power_drop(&log);
}

/* The first recording again; with what it was prepared for. */
static void without(unsigned syncs)
{
	pawl_thread_detach();
	assert_true(t_power_cut(&full, syncs, subject->cuts_without, true, subject->look) > 0);
}

void t_power_case_without_file_sync(void **state)
{
	(void)state;
	without(T_POWER_NO_FILE_SYNC);
}

void t_power_case_without_root_sync(void **state)
{
	(void)state;
	without(T_POWER_NO_DSYNC);
}

void t_power_case_without_folder_sync(void **state)
{
	(void)state;
	without(T_POWER_NO_FOLDER_SYNC);
	t_power_drop(&full);
}
