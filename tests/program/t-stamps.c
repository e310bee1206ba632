/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-stamps.c - stamps and digests of files, the table of them, and the file that it is kept in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#include "build/common.h"
#include "build/files.h"

static void put(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	assert_true(fd >= 0);
	while (n) {
		ssize_t done = write(fd, bytes, n);

		assert_true(done > 0);
		bytes = (const char *)bytes + done;
		n -= (size_t)done;
	}
	close(fd);
}

static struct digest digest_of(const char *path)
{
	struct stamp stamp;
	struct digest digest;
	int64_t taken;

	(void)digest_file(path, &stamp, &digest, &taken);
	t_step();
	return digest;
}

/* ---- one file --------------------------------------------------------------------------------- */

static void case_stamps(void **state)
{
	struct stamp a, b;
	int error = 0;

	(void)state;
	put("file", "abc", 3);
	assert_int_equal(stamp_take("file", &a, NULL), STAMP_FILE);
	assert_int_equal(a.size, 3);
	assert_int_equal(stamp_take("./file", &b, NULL), STAMP_FILE);
	assert_true(stamp_equal(&a, &b));
	/* As much, as old, another file: renamed into place. */
	put("file.new", "abd", 3);
	assert_int_equal(rename("file.new", "file"), 0);
	assert_int_equal(stamp_take("file", &b, NULL), STAMP_FILE);
	assert_false(stamp_equal(&a, &b));
	assert_int_equal(stamp_take("nothing", &a, NULL), STAMP_MISSING);
	assert_int_equal(stamp_take("file/in a file", &a, NULL), STAMP_MISSING);
	assert_int_equal(stamp_take(".", &a, NULL), STAMP_FOLDER);
	assert_int_equal(stamp_take("/dev/null", &a, NULL), STAMP_SPECIAL);
	assert_int_equal(symlink("ring", "ring"), 0);
	assert_int_equal(stamp_take("ring", &a, &error), STAMP_ERROR);
	assert_int_equal(error, ELOOP);
	assert_int_equal(digest_of("ring").kind, DIGEST_UNKNOWN);
	assert_int_equal(symlink("nowhere", "loose"), 0);
	assert_int_equal(stamp_take("loose", &a, NULL), STAMP_MISSING);
	assert_int_equal(digest_of("loose").kind, DIGEST_MISSING);
	assert_int_equal(digest_of("/dev/null").kind, DIGEST_SPECIAL);
}

/* How long after its last change a stamp is to be relied on. */
static void case_racy(void **state)
{
	const int64_t s = 1000000000, day = 86400 * s;
	const struct {
		int64_t mtime, ctime, taken;
		bool racy;
	} rows[] = {
		{day + 1, day + 1, day + 1, true},
		{day + 1, day + 1, day + 19999999, true},
		{day + 1, day + 1, day + 20000001, false},
		{day + 1, day + 1, day - s, true}, /* the clock went back */
		{1, day + 1, day + 2, true},	   /* an old time was given to it just now */
		{day + 9 * s + 1, day + 1, day + s, false},
		/* Without nanoseconds: a file system that has none. */
		{day, day, day + 2 * s, true},
		{day, day, day + 2 * s + 200000000, false},
		{0, 0, day, false}, /* it is missing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stamp stamp = {rows[i].mtime, rows[i].ctime, 1, 1};

		assert_int_equal(stamp_racy(&stamp, rows[i].taken), rows[i].racy);
	}
}

static void case_digests(void **state)
{
	const size_t mib = (size_t)1 << 20;
	const size_t sizes[] = {0, 1, 2, 4095, mib - 1, mib, mib + 1, 2 * mib, 3 * mib + 7};
	char *bytes = calloc(1, 4 * mib);
	struct digest before = {0, 0, DIGEST_NONE, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct digest digest;

		put("file", bytes, sizes[i]);
		digest = digest_of("file");
		assert_int_equal(digest.kind, DIGEST_XXH3);
		assert_true(digest_equal(digest, digest_of("file")));
		/* Zeros alone: the length is in it. */
		assert_false(digest_equal(digest, before));
		before = digest;
		if (sizes[i] < mib)
			assert_true(digest_equal(digest, digest_bytes(bytes, sizes[i])));
		for (size_t at = 0; at < sizes[i]; at = at ? at * 2 + 1 : 1) {
			bytes[at] = 1;
			put("file", bytes, sizes[i]);
			assert_false(digest_equal(digest, digest_of("file")));
			bytes[at] = 0;
		}
	}
	free(bytes);
}

static void case_folders(void **state)
{
	struct digest one, two;

	(void)state;
	assert_int_equal(mkdir("folder", 0777), 0);
	one = digest_of("folder");
	assert_int_equal(one.kind, DIGEST_FOLDER);
	put("folder/a", "", 0);
	two = digest_of("folder");
	assert_false(digest_equal(one, two));
	put("folder/b", "", 0);
	assert_false(digest_equal(two, digest_of("folder")));
	put("folder/a", "content", 7);
	assert_int_equal(unlink("folder/b"), 0);
	assert_true(digest_equal(two, digest_of("folder")));
	assert_int_equal(unlink("folder/a"), 0);
	assert_true(digest_equal(one, digest_of("folder")));
}

/* ---- the table ---------------------------------------------------------------------------------- */

#define KEY  77u
#define BOOT 5u

static struct mf_manifest *manifest_make(void)
{
	static const char text[] = "rule r\n  command = r\nbuild out: r in1 in2\n";
	struct mf_options options = MF_OPTIONS_INIT;
	struct mf_manifest *m;
	struct mf_error why;

	put("build.ninja", text, sizeof(text) - 1);
	put("in1", "1", 1);
	put("in2", "2", 1);
	put("found", "3", 1);
	assert_int_equal(mf_load("build.ninja", &options, &m, &why), 0);
	return m;
}

static const struct digest manifest = {1, 2, DIGEST_DERIVED, 0};

/* All of them old enough to be relied on: as if they had been there for a day. */
static void files_settle(struct files *files)
{
	for (uint32_t i = 0; i < pawl_load_relaxed(&files->n); i++)
		file_at(files, i)->flags &= ~FILE_RACY;
}

static void saved(const struct mf_manifest *m, bool settled)
{
	struct files *files = files_create(m);
	uint32_t found = files_add(files, "./x/../found", strlen("./x/../found"));

	assert_string_equal(file_at(files, found)->path, "found");
	assert_int_equal(files_add(files, "found", 5), found);
	for (uint32_t i = 0; i < pawl_load_relaxed(&files->n); i++) {
		assert_true(file_look(files, i));
		file_at(files, i)->flags |= FILE_SEEN;
	}
	files_settle(files);
	assert_int_equal(files_save(files, "stamps", manifest, BOOT, settled, KEY), 0);
	files_destroy(files);
}

static bool settled(uint64_t key, uint64_t boot)
{
	uint64_t n;

	t_step();
	return stamps_settled("stamps", key, boot, &n);
}

static void case_table(void **state)
{
	struct mf_manifest *m = manifest_make();
	struct files *files;
	bool damaged;

	(void)state;
	saved(m, true);
	files = files_create(m);
	assert_true(files_load(files, "stamps", manifest, BOOT, &damaged));
	assert_int_equal(pawl_load_relaxed(&files->n), m->n_nodes + 1);
	for (uint32_t i = 0; i <= m->n_nodes; i++) {
		assert_true(file_at(files, i)->flags & FILE_KNOWN);
		assert_false(file_at(files, i)->flags & FILE_RACY);
		assert_false(file_look(files, i));
	}
	put("found", "4", 1);
	assert_true(file_look(files, m->n_nodes));
	/* Touched, and the same. */
	put("found", "4", 1);
	assert_false(file_look(files, m->n_nodes));
	files_destroy(files);
	/* Of another manifest: by their paths. */
	files = files_create(m);
	assert_true(files_load(files, "stamps", (struct digest){3, 4, DIGEST_DERIVED, 0}, BOOT,
			       &damaged));
	assert_int_equal(pawl_load_relaxed(&files->n), m->n_nodes + 1);
	files_destroy(files);
	/* After the machine has stopped: what changed just before is digested again. */
	files = files_create(m);
	assert_true(files_load(files, "stamps", manifest, BOOT + 1, &damaged));
	for (uint32_t i = 0; i <= m->n_nodes; i++) {
		const struct file *file = file_at(files, i);

		assert_int_equal((file->flags & FILE_RACY) != 0, file->stamp.ctime_ns != 0);
	}
	files_destroy(files);
	mf_free(m);
}

static void case_settled(void **state)
{
	struct mf_manifest *m = manifest_make();

	(void)state;
	(void)unlink("stamps");
	assert_false(settled(KEY, BOOT));
	saved(m, false);
	assert_false(settled(KEY, BOOT));
	saved(m, true);
	assert_true(settled(KEY, BOOT));
	assert_false(settled(KEY + 1, BOOT));
	assert_false(settled(KEY, BOOT + 1));
	/* Touched: the content decides; that is written down, so the next one need not look. */
	put("in1", "1", 1);
	assert_true(settled(KEY, BOOT));
	assert_true(settled(KEY, BOOT));
	put("found", "x", 1);
	assert_false(settled(KEY, BOOT));
	put("found", "3", 1);
	assert_true(settled(KEY, BOOT));
	put("out", "", 0);
	assert_false(settled(KEY, BOOT));
	assert_int_equal(unlink("out"), 0);
	assert_true(settled(KEY, BOOT));
	mf_free(m);
}

/* Any byte, any length: it is as if there were none. */
static void case_damaged(void **state)
{
	struct mf_manifest *m = manifest_make();
	char bytes[4096];
	ssize_t n;
	int fd;

	(void)state;
	saved(m, true);
	fd = open("stamps", O_RDONLY);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_true(n > 0 && n < (ssize_t)sizeof(bytes));
	for (ssize_t at = 0; at < n; at++) {
		struct files *files = files_create(m);
		bool damaged = false;

		bytes[at] ^= (char)(1 << at % 8);
		put("stamps", bytes, (size_t)n);
		assert_false(settled(KEY, BOOT));
		assert_false(files_load(files, "stamps", manifest, BOOT, &damaged));
		assert_true(damaged);
		bytes[at] ^= (char)(1 << at % 8);
		put("stamps", bytes, (size_t)at);
		assert_false(settled(KEY, BOOT));
		files_destroy(files);
	}
	put("stamps", bytes, (size_t)n);
	assert_true(settled(KEY, BOOT));
	mf_free(m);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_stamps),	cmocka_unit_test(case_racy),
		cmocka_unit_test(case_digests), cmocka_unit_test(case_folders),
		cmocka_unit_test(case_table),	cmocka_unit_test(case_settled),
		cmocka_unit_test(case_damaged),
	};
	char folder[] = "/tmp/pawl-stamps.XXXXXX", command[64];
	int failed;

	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	failed = t_run("stamps", cases);
	sprintf(command, "rm -rf %s", folder);
	return chdir("/") || system(command) ? 1 : failed;
}
