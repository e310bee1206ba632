/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-image.c - images of manifests: what is taken from one is what its files say, and a damaged one is never believed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#include "manifest/manifest.h"

static void warn(void *arg, const char *text)
{
	char *warnings = arg;

	strncat(warnings, text, 1000 - strlen(warnings));
}

static int read_one(void *arg, const char *path, struct pawl_slice *ret)
{
	static const char text[] = "build a: phony b\n";

	(void)arg;
	(void)path;
	*ret = (struct pawl_slice){text, sizeof(text) - 1};
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A folder of its own, and where it was. */
struct place {
	char folder[64];
	char before[4096];
};

static void go(struct place *place)
{
	assert_non_null(getcwd(place->before, sizeof(place->before)));
	strcpy(place->folder, "/tmp/t-image-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	assert_int_equal(chdir(place->folder), 0);
}

static void leave(const struct place *place)
{
	(void)unlink("build.ninja");
	(void)unlink("part");
	(void)unlink("image");
	assert_int_equal(chdir(place->before), 0);
	assert_int_equal(rmdir(place->folder), 0);
}

static void same(const struct mf_manifest *a, const struct mf_manifest *b)
{
	uint32_t i;
	struct text x = TEXT_INIT, y = TEXT_INIT;

	assert_int_equal(a->n_nodes, b->n_nodes);
	assert_int_equal(a->n_edges, b->n_edges);
	assert_int_equal(a->n_defaults, b->n_defaults);
	assert_memory_equal(a->edges, b->edges, a->n_edges * sizeof(*a->edges));
	assert_memory_equal(a->paths, b->paths, a->n_paths * sizeof(*a->paths));
	for (i = 0; i < a->n_nodes; i++)
		assert_int_equal(mf_find(b, mf_path(a, i), a->nodes[i].path.len), i);
	for (i = 0; i < a->n_edges; i++) {
		text_cut(&x, 0);
		text_cut(&y, 0);
		assert_int_equal(mf_eval(a, i, MF_COMMAND, &x), 0);
		assert_int_equal(mf_eval(b, i, MF_COMMAND, &y), 0);
		assert_int_equal(x.len, y.len);
		assert_memory_equal(x.ptr ? x.ptr : "", y.ptr ? y.ptr : "", x.len);
	}
	text_fini(&x);
	text_fini(&y);
}

static int try_open(struct mf_manifest **ret)
{
	enum mf_image_state state;
	int result;

	*ret = NULL;
	result = mf_image_open("image", "build.ninja", NULL, &state, ret);
	return result ? result : (int)state;
}

static const char FIRST[] = "rule r\n  command = c $in $flags\nflags = x\n"
			    "build a: r b\n  flags = own\nbuild c: r a | d\ninclude part\n";

static void case_image(void **state)
{
	struct mf_manifest *m, *again, *fresh;
	struct mf_error error;
	struct place place;
	int opened;

	(void)state;
	go(&place);
	put("build.ninja", FIRST);
	put("part", "build e: r c\nbuild self: phony self\ndefault e\n");
	assert_int_equal(mf_load("build.ninja", NULL, &m, &error), 0);
	assert_int_equal(mf_image_save(m, "image"), 0);
	opened = try_open(&again);
	/* The files may be too young to be believed. */
	assert_true(opened == MF_IMAGE_FRESH || opened == MF_IMAGE_TOUCHED);
	assert_non_null(again->commands);
	same(m, again);
	/* An image of an image is the same. */
	assert_int_equal(mf_image_save(again, "image"), 0);
	mf_free(again);
	assert_true(try_open(&again) >= 0);
	same(m, again);
	mf_free(again);
	/* The same bytes, written again. */
	put("part", "build e: r c\nbuild self: phony self\ndefault e\n");
	assert_int_equal(try_open(&again), MF_IMAGE_TOUCHED);
	mf_free(again);
	/* Other bytes of the same number. */
	put("part", "build f: r c\nbuild self: phony self\ndefault f\n");
	assert_int_equal(try_open(&again), -ESTALE);
	assert_int_equal(mf_load("build.ninja", NULL, &fresh, &error), 0);
	assert_int_equal(mf_find(fresh, "e", 1), MF_NONE);
	mf_free(fresh);
	assert_int_equal(unlink("part"), 0);
	assert_int_equal(try_open(&again), -ESTALE);
	mf_free(m);
	leave(&place);
}

static void case_image_options(void **state)
{
	struct mf_options options = MF_OPTIONS_INIT;
	char warnings[1024] = "";
	struct mf_manifest *m;
	struct mf_error error;
	struct place place;
	enum mf_image_state image_state;

	(void)state;
	options.warn = warn;
	options.arg = warnings;
	go(&place);
	put("build.ninja", "build a: phony a\n");
	assert_int_equal(mf_load("build.ninja", &options, &m, &error), 0);
	assert_int_equal(mf_image_save(m, "image"), 0);
	mf_free(m);
	/* Its warning is given again. */
	*warnings = '\0';
	assert_int_equal(mf_image_open("image", "build.ninja", &options, &image_state, &m), 0);
	assert_non_null(strstr(warnings, "names itself"));
	mf_free(m);
	assert_int_equal(mf_image_open("image", "./build.ninja", &options, &image_state, &m),
			 -ESTALE);
	options.phony_cycle_error = true;
	assert_int_equal(mf_image_open("image", "build.ninja", &options, &image_state, &m),
			 -ESTALE);
	options.phony_cycle_error = false;
	options.version = "1.7";
	assert_int_equal(mf_image_open("image", "build.ninja", &options, &image_state, &m),
			 -ESTALE);
	options.size = 1;
	assert_int_equal(mf_image_open("image", "build.ninja", &options, &image_state, &m),
			 -EINVAL);
	leave(&place);
}

/* Each byte in turn, and each length: never believed. */
static void case_image_damaged(void **state)
{
	struct mf_manifest *m;
	struct mf_error error;
	struct place place;
	char *bytes;
	FILE *file;
	long size, i, step;

	(void)state;
	go(&place);
	put("build.ninja", "build a: phony b\n");
	assert_int_equal(mf_load("build.ninja", NULL, &m, &error), 0);
	assert_int_equal(mf_image_save(m, "image"), 0);
	mf_free(m);
	file = fopen("image", "r");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size);
	assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
	fclose(file);
	step = t_long() ? 1 : 1 + size / 400;
	for (i = 0; i < size; i += step) {
		bytes[i] ^= 0x41;
		file = fopen("image", "w");
		fwrite(bytes, 1, (size_t)size, file);
		fclose(file);
		bytes[i] ^= 0x41;
		assert_int_equal(try_open(&m), -EUCLEAN);
		assert_int_equal(truncate("image", i), 0);
		assert_int_equal(try_open(&m), -EUCLEAN);
		t_step();
	}
	assert_int_equal(unlink("image"), 0);
	assert_int_equal(try_open(&m), -ENOENT);
	assert_int_equal(mf_load("build.ninja", NULL, &m, &error), 0);
	assert_int_equal(mf_image_save(m, "nowhere/image"), -ENOENT);
	mf_free(m);
	free(bytes);
	leave(&place);
}

static int oom_image(void)
{
	struct mf_options options = MF_OPTIONS_INIT;
	enum mf_image_state state;
	char path[] = "/tmp/t-image-XXXXXX";
	struct mf_manifest *m, *again;
	int result, fd;

	options.read = read_one;
	result = mf_load("build.ninja", &options, &m, NULL);
	if (result)
		return result;
	fd = mkstemp(path);
	t_check(fd >= 0);
	close(fd);
	result = mf_image_save(m, path);
	if (!result)
		result = mf_image_open(path, "build.ninja", &options, &state, &again);
	if (!result) {
		t_check(state == MF_IMAGE_TOUCHED);
		mf_free(again);
	}
	unlink(path);
	mf_free(m);
	return result;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_image),
		cmocka_unit_test(case_image_options),
		cmocka_unit_test(case_image_damaged),
		T_OOM(oom_image),
	};

	return t_run("image", cases);
}
