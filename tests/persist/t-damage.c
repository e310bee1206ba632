/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-damage.c - what is stored is damaged, at any byte: it is noticed, or makes no difference; all values are right
 * afterwards, and what is saved then is good.
 *
 * Records: of a small store each byte of each value is another one, or each length is shorter, or a value is under another's
 * key, or is missing. Pages of the store on LMDB: each byte of the file is another one, in a process of its own for each,
 * since the library trusts its pages: it may end that process. How often is said; a value that is wrong never comes.
 *
 * A part of them; all with T_TIER=long.
 */
#include "../engine/random-graph.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stores.h"

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"

#define TASKS 8u

static struct pawl_store *store;

static void all_right(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
}

static void settle(void)
{
	all_right();
	check_sums();
	/* Where something was lost, all has to run again. */
	all_right();
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
}

static void world_of(uint64_t seed)
{
	uint64_t state = seed;

	tasks = TASKS;
	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = draw(&state) % 1000;
	memset(model, 0, sizeof(model));
}

/* ---- what is stored, as a list ------------------------------------------------------------------- */

#define RECORDS 200u

struct record {
	enum pawl_store_space space;
	struct pawl_store_key key;
	unsigned char *bytes;
	size_t n;
};

static struct record records[RECORDS];
static unsigned records_n;
static enum pawl_store_space space_now;

static int record_add(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	struct record *record = &records[records_n++];

	(void)arg;
	assert_true(records_n < RECORDS);
	*record = (struct record){space_now, key, malloc(value.len + 1), value.len};
	assert_non_null(record->bytes);
	memcpy(record->bytes, value.ptr, value.len);
	return 0;
}

static void records_make(uint64_t seed)
{
	struct pawl_store_key first = {0, 0};
	struct pawl_store_disk *disk;
	struct pawl_store_view *view;

	world_of(seed);
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	settle();
	assert_int_equal(pawl_engine_close(engine), 0);
	records_n = 0;
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	for (space_now = 0; space_now < PAWL_STORE_SPACE_COUNT; space_now++)
		assert_int_equal(pawl_store_scan(view, space_now, first, record_add, NULL), 0);
	pawl_store_view_end(view);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

static void records_free(void)
{
	while (records_n)
		free(records[--records_n].bytes);
}

/* As they are, on a new disk. `without`: not that one. */
static struct pawl_store_disk *disk_of(unsigned without)
{
	struct pawl_store_batch *batch;
	struct pawl_store_disk *disk;

	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	for (unsigned i = 0; i < records_n; i++) {
		struct pawl_slice value = {records[i].bytes, records[i].n};

		if (i != without)
			assert_int_equal(pawl_store_put(batch, records[i].space, records[i].key,
							value),
					 0);
	}
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	return disk;
}

static uint64_t found, computed, lives;

/* Somebody uses it: with the same inputs, or others; and another one after that. */
static void use(uint64_t seed, unsigned without)
{
	struct pawl_store_disk *disk = disk_of(without);
	bool same = t_random_below(2);

	world_of(seed);
	for (unsigned i = 0; !same && i < TASKS; i += 2)
		world[i] += 1;
	pawl_store_relaxed(&bodies, 0u);
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
	if (same) {
		uint64_t lost = pawl_load_relaxed(&engine->persist->lost);

		found += lost || engine->persist->cold;
		computed += pawl_load_relaxed(&bodies) != 0;
	}
	if (t_random_below(2))
		change(3);
	settle();
	assert_int_equal(pawl_engine_close(engine), 0);
	for (unsigned sessions = 0;; sessions++) {
		pawl_store_relaxed(&bodies, 0u);
		up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
		settle();
		assert_int_equal(pawl_engine_close(engine), 0);
		if (!pawl_load_relaxed(&bodies))
			break;
		/* A task that is not found by its key may be met later, along an edge. */
		assert_true(sessions < 4);
	}
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
	lives++;
	t_step();
}

/* Of what could be looked at, so many: every `stride`-th, from a place of chance. */
static uint64_t stride_of(uint64_t all)
{
	uint64_t wanted = t_scaled(120);

	return t_long() || all <= wanted ? 1 : all / wanted;
}

static uint64_t bytes_of_all(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < records_n; i++)
		n += records[i].n;
	return n;
}

static void say(const char *what, uint64_t all)
{
	printf("# %s: %u of %u; noticed as such in %u, computed again in %u of those with the same inputs\n",
	       what, (unsigned)lives, (unsigned)all, (unsigned)found, (unsigned)computed);
	found = computed = lives = 0;
}

/* Each byte of each value, with one bit of it that is another one. */
static void case_bytes(void **state)
{
	uint64_t seed = t_random(), all, stride, at, passed = 0;

	(void)state;
	records_make(seed);
	all = bytes_of_all();
	stride = stride_of(all);
	at = t_random_below(stride);
	for (unsigned i = 0; i < records_n; i++) {
		struct record *record = &records[i];

		for (; at < passed + record->n; at += stride) {
			unsigned char bit = (unsigned char)(1u << t_random_below(8));

			record->bytes[at - passed] ^= bit;
			use(seed, RECORDS);
			record->bytes[at - passed] ^= bit;
		}
		passed += record->n;
	}
	say("bytes", all);
	records_free();
}

/* Each length that is shorter. */
static void case_lengths(void **state)
{
	uint64_t seed = t_random(), all, stride, at, passed = 0;

	(void)state;
	records_make(seed);
	all = bytes_of_all();
	stride = stride_of(all);
	at = t_random_below(stride);
	for (unsigned i = 0; i < records_n; i++) {
		struct record *record = &records[i];
		size_t whole = record->n;

		for (; at < passed + whole; at += stride) {
			record->n = at - passed;
			use(seed, RECORDS);
		}
		record->n = whole;
		passed += whole;
	}
	say("lengths", all);
	records_free();
}

/* A value under the key of another one: it is good, but not there. */
static void case_exchanged(void **state)
{
	uint64_t seed = t_random(), stride;

	(void)state;
	records_make(seed);
	stride = t_long() ? 1 : 5;
	for (unsigned i = (unsigned)t_random_below(stride); i < records_n; i++) {
		for (unsigned k = i + 1; k < records_n; k += (unsigned)stride) {
			struct record one = records[i], other = records[k];

			if (one.space != other.space && t_random_below(8))
				continue;
			records[i].bytes = other.bytes;
			records[i].n = other.n;
			use(seed, RECORDS);
			records[k].bytes = one.bytes;
			records[k].n = one.n;
			use(seed, RECORDS);
			records[i] = one;
			records[k] = other;
		}
		i += (unsigned)stride - 1;
	}
	say("exchanged", (uint64_t)records_n * (records_n - 1) / 2);
	records_free();
}

static void case_missing(void **state)
{
	uint64_t seed = t_random();

	(void)state;
	records_make(seed);
	for (unsigned i = 0; i < records_n; i++)
		use(seed, i);
	say("missing", records_n);
	records_free();
}

/* ---- pages ---------------------------------------------------------------------------------------- */

#ifdef PAWL_HAVE_LMDB

enum { RIGHT, REFUSED };

/* A process that uses a damaged file. Ends in another way with a wrong value, or because the library does. */
static int child_uses(void)
{
	struct pawl_store_why why;
	int error;

	world_of(strtoull(getenv("T_WORLD"), NULL, 10));
	if (getenv("T_OTHER"))
		world[0] += 1;
	t_check(!pawl_thread_attach("uses"));
	if (pawl_store_open_lmdb(getenv("T_STORE"), NULL, &why, &store))
		return REFUSED;
	error = try_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	if (error)
		return REFUSED;
	/* cmocka's assertions end a process that runs no cases with 255. */
	all_right();
	change(3);
	all_right();
	(void)pawl_engine_snapshot(engine, NULL);
	all_right();
	return RIGHT;
}

static void flip(const char *path, off_t at, unsigned char bits)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void copy(const char *from, const char *to)
{
	static char bytes[1 << 20];
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t n;

	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void case_pages(void **state)
{
	unsigned ends[3] = {0}, n = t_long() ? 4000 : t_scaled(80);
	char path[256], file[300], good[300], number[32];
	uint64_t seed = t_random();
	struct stat stat_of;

	(void)state;
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	t_folder_make(path, sizeof(path));
	world_of(seed);
	assert_int_equal(pawl_store_open_lmdb(path, NULL, NULL, &store), 0);
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	settle();
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
	snprintf(file, sizeof(file), "%s/data.mdb", path);
	snprintf(good, sizeof(good), "%s", path);
	strcpy(strrchr(good, '/'), "/good");
	copy(file, good);
	assert_int_equal(stat(good, &stat_of), 0);
	setenv("T_STORE", path, 1);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)seed);
	setenv("T_WORLD", number, 1);
	for (unsigned i = 0; i < n; i++) {
		off_t at = (off_t)t_random_below((uint64_t)stat_of.st_size);
		char out[600];
		int status;

		flip(file, at, (unsigned char)(1u << t_random_below(8)));
		if (i % 2)
			setenv("T_OTHER", "1", 1);
		else
			unsetenv("T_OTHER");
		status = t_rerun("uses", out, sizeof(out));
		if (status > REFUSED)
			fail_msg("byte %ld: %s", (long)at, out);
		ends[status < 0 ? 2 : status]++;
		copy(good, file);
		t_step();
	}
	printf("# pages: of %u bytes %u were flipped: all values right %u, refused %u; the library ended the process in %u\n",
	       (unsigned)stat_of.st_size, n, ends[RIGHT], ends[REFUSED], ends[2]);
	t_folder_drop(path);
}

#else

static int child_uses(void)
{
	return 1;
}

static void case_pages(void **state)
{
	(void)state;
	return t_skip("no LMDB");
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_bytes),	cmocka_unit_test(case_lengths),
		cmocka_unit_test(case_missing), cmocka_unit_test(case_exchanged),
		cmocka_unit_test(case_pages),
	};

	if (argc > 1 && !strcmp(argv[1], "uses"))
		return child_uses();
	return t_run("damage", cases);
}
