/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stores.c - stores of each kind for tests.
 */
#include "stores.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct t_kind t_kinds[T_KINDS] = {
	{"mem", false, false},
	{"fault(mem)", false, true},
	{"lmdb", true, false},
	{"fault(lmdb)", true, true},
};

bool t_kind_there(const struct t_kind *kind)
{
#ifdef PAWL_HAVE_LMDB
	(void)kind;
	return true;
#else
	return !kind->on_disk;
#endif
}

void t_folder_make(char *ret_path, size_t bytes)
{
	const char *base = getenv("TMPDIR");
	char path[200];

	snprintf(path, sizeof(path), "%s/pawl-store-XXXXXX", base ? base : "/tmp");
	t_check(mkdtemp(path));
	snprintf(ret_path, bytes, "%s/store", path);
}

static void remove_all(const char *path)
{
	DIR *entries = opendir(path);
	const struct dirent *entry;
	char name[600];

	while (entries && (entry = readdir(entries))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && unlink(name))
			remove_all(name);
	}
	if (entries)
		closedir(entries);
	(void)rmdir(path);
}

void t_folder_drop(const char *path)
{
	char parent[256];

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = 0;
	remove_all(parent);
}

void t_place_make(struct t_place *place, const struct t_kind *kind)
{
	memset(place, 0, sizeof(*place));
	place->kind = kind;
	if (kind->on_disk)
		t_folder_make(place->folder, sizeof(place->folder));
	else
		t_check(!pawl_store_disk_create(&place->disk));
}

void t_place_drop(struct t_place *place)
{
	if (place->kind->on_disk)
		t_folder_drop(place->folder);
	pawl_store_disk_destroy(place->disk);
}

int t_open(struct t_place *place, const struct pawl_store_options *options,
	   struct pawl_store_why *why, struct pawl_store **ret_store)
{
	struct pawl_store *store = NULL;
	int error = place->kind->on_disk
			    ? pawl_store_open_lmdb(place->folder, options, why, &store)
			    : pawl_store_open_mem(place->disk, options, why, &store);

	if (!error && place->kind->faulty) {
		error = eng_store_fault(store, 1, ret_store);
		if (error)
			pawl_store_close(store);
	} else if (!error) {
		*ret_store = store;
	}
	return error;
}

struct pawl_store *t_must_open(struct t_place *place)
{
	struct pawl_store_why why;
	struct pawl_store *store;
	int error = t_open(place, NULL, &why, &store);

	if (error)
		fprintf(stderr, "# open: %d %s\n", error, why.text);
	t_check(!error);
	return store;
}

struct pawl_store *t_begin(struct t_place *place, const struct t_kind *kind)
{
	t_place_make(place, kind);
	return t_must_open(place);
}

void t_end(struct t_place *place, struct pawl_store *store)
{
	struct pawl_store_why why;

	assert_int_equal(pawl_store_verify(store, &why), 0);
	pawl_store_close(store);
	t_place_drop(place);
}

struct pawl_slice t_text(const char *text)
{
	return (struct pawl_slice){text, strlen(text)};
}

void t_put_one(struct pawl_store *store, uint32_t id, const char *text)
{
	struct pawl_store_batch *batch;
	struct pawl_store_why why;
	int error;

	t_check(!pawl_store_begin_write(store, &batch));
	t_check(!pawl_store_put(batch, PAWL_STORE_DATA, pawl_store_id(id), t_text(text)));
	error = pawl_store_commit(batch, &why, NULL);
	if (error)
		fprintf(stderr, "# commit: %d %s\n", error, why.text);
	t_check(!error);
}

bool t_has_one(struct pawl_store *store, uint32_t id, const char *text)
{
	struct pawl_store_view *view;
	struct pawl_slice value;
	bool has;

	t_check(!pawl_store_view_begin(store, &view));
	t_check(!pawl_store_get(view, PAWL_STORE_DATA, pawl_store_id(id), &value));
	has = text ? value.ptr && value.len == strlen(text) &&
			      !memcmp(value.ptr, text, value.len)
		   : !value.ptr;
	pawl_store_view_end(view);
	return has;
}

void t_put_round(struct pawl_store_batch *batch, unsigned round)
{
	char text[3000];
	uint32_t id;

	memset(text, 'a' + (int)(round % 26), sizeof(text));
	for (id = 0; id < 30; id++)
		t_check(!pawl_store_put(
			batch, PAWL_STORE_DATA, pawl_store_id(id * (round % 3 + 1)),
			(struct pawl_slice){text, 100 + (size_t)round * id % 2900}));
	t_check(!pawl_store_put(batch, PAWL_STORE_INFRA, pawl_store_id(0),
				(struct pawl_slice){&round, sizeof(round)}));
}

int t_write_round(struct pawl_store *store, unsigned round)
{
	struct pawl_store_batch *batch;
	struct pawl_store_why why;
	int error = pawl_store_begin_write(store, &batch);

	if (error)
		return error;
	t_put_round(batch, round);
	error = pawl_store_commit(batch, &why, NULL);
	t_check(!error == !why.text[0]);
	return error;
}

unsigned t_round_of(struct pawl_store *store)
{
	struct pawl_store_view *view;
	struct pawl_slice value;
	unsigned round = 0;

	t_check(!pawl_store_view_begin(store, &view));
	t_check(!pawl_store_get(view, PAWL_STORE_INFRA, pawl_store_id(0), &value));
	if (value.ptr)
		memcpy(&round, value.ptr, sizeof(round));
	pawl_store_view_end(view);
	return round;
}

static void case_nothing(void **state)
{
	(void)state;
	t_skip("no LMDB");
}

int t_run_without_lmdb(const char *name)
{
	const struct CMUnitTest cases[] = {cmocka_unit_test(case_nothing)};

	return t_run(name, cases);
}
