/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-inspect.c - pawl/inspect.h: what is told of a store is what an engine put there; and what is damaged is told, at any byte.
 *
 * It also makes stores for tests/program/store.sh:
 *	t-inspect make FOLDER		a store of some 30 tasks
 *	t-inspect spoil FOLDER		one byte of a record is another one
 *	t-inspect beside FOLDER PROGRAM ARGUMENT ...
 *					a writer has it open, saves, runs the program, saves again; status of both
 */
#include "../engine/random-graph.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pawl/inspect.h>

#include "stores.h"

#include "../../engine/persist/persist.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;

static void world_of(uint64_t seed)
{
	uint64_t state = seed;

	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = draw(&state) % 1000;
	memset(model, 0, sizeof(model));
}

static void all_right(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
}

static void begin(void)
{
	tasks = 15;
	world_of(5);
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
}

static void down(void)
{
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
}

/* ---- what is heard ---------------------------------------------------------------------------------- */

struct heard {
	unsigned rows[PAWL_SAVED_KIND_COUNT], inputs, nodes, failed, session, damage;
	uint32_t input, node, other, last_id;
	uint64_t calls, readers, reads, output_bytes;
	bool stop, damage_only;
};

static int on_row(void *arg, const struct pawl_saved_row *row)
{
	struct heard *heard = arg;

	heard->rows[row->kind]++;
	t_check(row->number && row->name.len);
	t_check(row->kind == PAWL_SAVED_TRAIT || row->version == 1);
	if (row->name.len == 5 && !memcmp(row->name.ptr, "input", 5))
		heard->input = row->number;
	if (row->name.len == 4 && !memcmp(row->name.ptr, "node", 4))
		heard->node = row->number;
	if (row->name.len == 5 && !memcmp(row->name.ptr, "other", 5))
		heard->other = row->number;
	return 0;
}

static int on_task(void *arg, const struct pawl_saved_task *task)
{
	struct heard *heard = arg;
	uint64_t n;

	if (heard->stop)
		return -ECANCELED;
	t_check(task->id > heard->last_id);
	heard->last_id = task->id;
	t_check(task->function == heard->input || task->function == heard->node ||
		task->function == heard->other);
	t_check(task->meta_bytes && task->data_bytes);
	t_check(task->arguments.len == sizeof(n));
	memcpy(&n, task->arguments.ptr, sizeof(n));
	t_check(n < tasks);
	t_check((task->function == heard->other) ==
		(task->function != heard->input && is_other(n)));
	if (task->function == heard->input) {
		heard->inputs++;
		t_check(!task->children && task->cells == 1);
		t_check(task->output_bytes == sizeof(int64_t));
	} else {
		heard->nodes++;
		t_check(!(task->flags & PAWL_SAVED_FAILED) == !model_of((uint32_t)n)->fails);
		heard->failed += (task->flags & PAWL_SAVED_FAILED) != 0;
		t_check(!(task->flags & PAWL_SAVED_FAILED) == !task->error.ptr);
	}
	heard->session += (task->flags & PAWL_SAVED_SESSION) != 0;
	heard->calls += task->children;
	heard->reads += task->reads;
	heard->readers += task->readers;
	return 0;
}

static void on_damage(void *arg, enum pawl_store_space space, struct pawl_store_key key,
		      const char *what)
{
	struct heard *heard = arg;

	(void)key;
	t_check(space < PAWL_STORE_SPACE_COUNT && *what);
	heard->damage++;
}

static int inspect(struct heard *heard, struct pawl_inspection *ret_found)
{
	struct pawl_inspector look = {sizeof(look), on_row, on_task, on_damage};
	struct pawl_store_view *view;
	int error;

	if (heard->damage_only) {
		look.row = NULL;
		look.task = NULL;
	}
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	error = pawl_inspect(view, &look, heard, ret_found);
	pawl_store_view_end(view);
	return error;
}

static void case_told(void **state)
{
	struct pawl_inspection found;
	struct heard heard = {.stop = false};
	unsigned inputs = 0;
	uint64_t n;

	(void)state;
	begin();
	/* Nothing was saved: nothing is there, and nothing is missing. */
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.generation, 0);
	assert_int_equal(found.tasks + found.damage + found.rows[PAWL_SAVED_FUNCTION], 0);
	assert_int_equal(pawl_engine_snapshot(engine, &n), 0);
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.generation, 1);
	assert_int_equal(found.tasks, n);
	assert_int_equal(found.damage, 0);
	assert_true(found.next > n);
	assert_int_equal(found.rows[PAWL_SAVED_FUNCTION], 3);
	assert_int_equal(found.rows[PAWL_SAVED_TYPE], 1);
	assert_int_equal(found.rows[PAWL_SAVED_TRAIT], 1);
	for (unsigned i = 0; i < PAWL_SAVED_KIND_COUNT; i++)
		assert_int_equal(heard.rows[i], found.rows[i]);
	/* Each node has one, but for those of the other function. */
	for (uint32_t i = 0; i < tasks; i++)
		inputs += !is_other(i);
	assert_int_equal(heard.inputs, inputs);
	assert_int_equal(heard.nodes, tasks);
	/* Of inputs each session has to ask again; each is called, and read. */
	assert_int_equal(heard.session, inputs);
	assert_true(heard.calls >= inputs);
	assert_true(heard.reads >= inputs);
	assert_true(heard.readers >= inputs);
	/* Nobody has to be heard. */
	{
		struct pawl_inspector look = PAWL_INSPECTOR_INIT;
		struct pawl_store_view *view;

		assert_int_equal(pawl_store_view_begin(store, &view), 0);
		assert_int_equal(pawl_inspect(view, &look, NULL, &found), 0);
		assert_int_equal(found.tasks, n);
		pawl_store_view_end(view);
	}
	assert_int_equal(pawl_engine_close(engine), 0);
	down();
}

static void case_refused(void **state)
{
	struct pawl_inspector look = PAWL_INSPECTOR_INIT;
	struct pawl_inspection found;
	struct heard heard = {.stop = true};
	struct pawl_store_view *view;

	(void)state;
	begin();
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(inspect(&heard, &found), -ECANCELED);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_inspect(NULL, &look, NULL, &found), -EINVAL);
	assert_int_equal(pawl_inspect(view, NULL, NULL, &found), -EINVAL);
	look.size--;
	assert_int_equal(pawl_inspect(view, &look, NULL, &found), -EINVAL);
	look.size += 2;
	assert_int_equal(pawl_inspect(view, &look, NULL, &found), -E2BIG);
	pawl_store_view_end(view);
	down();
}

/* ---- damage ------------------------------------------------------------------------------------------- */

struct value {
	enum pawl_store_space space;
	struct pawl_store_key key;
	unsigned char *bytes;
	size_t n;
};
static struct value all[200];
static unsigned all_n;
static enum pawl_store_space space_now;

static int add(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	(void)arg;
	t_check(all_n < sizeof(all) / sizeof(*all));
	all[all_n] = (struct value){space_now, key, malloc(value.len + 1), value.len};
	t_check(all[all_n].bytes);
	memcpy(all[all_n++].bytes, value.ptr, value.len);
	return 0;
}

static void read_all(void)
{
	struct pawl_store_key first = {0, 0};
	struct pawl_store_view *view;

	t_check(!pawl_store_view_begin(store, &view));
	for (space_now = 0; space_now < PAWL_STORE_SPACE_COUNT; space_now++)
		t_check(!pawl_store_scan(view, space_now, first, add, NULL));
	pawl_store_view_end(view);
}

static void put(const struct value *one, size_t n)
{
	struct pawl_store_batch *batch;

	t_check(!pawl_store_begin_write(store, &batch));
	t_check(!pawl_store_put(batch, one->space, one->key,
				(struct pawl_slice){one->bytes, n}));
	t_check(!pawl_store_commit(batch, NULL, NULL));
}

/* Each byte, by turns of its bits, and each length. */
static void case_damage(void **state)
{
	struct pawl_inspection found;
	unsigned stride = t_long() ? 1 : t_scaled(100) < 100 ? 29 : 3, turn = 0;

	(void)state;
	begin();
	assert_int_equal(pawl_engine_close(engine), 0);
	read_all();
	for (unsigned i = 0; i < all_n; i++) {
		for (size_t at = turn % stride; at < all[i].n; at += stride, turn++) {
			struct heard heard = {.damage_only = true};
			unsigned char bit = (unsigned char)(1u << turn % 8);

			all[i].bytes[at] ^= bit;
			put(&all[i], all[i].n);
			all[i].bytes[at] ^= bit;
			assert_int_equal(inspect(&heard, &found), 0);
			assert_true(found.damage);
			assert_int_equal(heard.damage, found.damage);
			heard.damage = 0;
			put(&all[i], at);
			assert_int_equal(inspect(&heard, &found), 0);
			assert_true(found.damage);
			t_step();
		}
		put(&all[i], all[i].n);
	}
	while (all_n)
		free(all[--all_n].bytes);
	down();
}

/* What a snapshot beside a loss leaves (engine/persist/snapshot.c); whole, and damaged. */
static void case_loss(void **state)
{
	struct value row = {PAWL_STORE_INFRA, pawl_store_id(ENG_INFRA_LOSS), NULL, 0};
	struct heard heard = {.damage_only = true};
	struct eng_out out = {NULL, 0, 0, 0};
	struct pawl_inspection found;

	(void)state;
	begin();
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.loss, 0);
	eng_out_begin(&out);
	eng_out_number(&out, 1);
	eng_out_end(&out, PAWL_STORE_INFRA, ENG_INFRA_LOSS);
	assert_int_equal(out.error, 0);
	row.bytes = (unsigned char *)out.bytes;
	put(&row, out.n);
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.loss, 1);
	assert_int_equal(found.damage, 0);
	put(&row, out.n - 1);
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.loss, 1);
	assert_int_equal(found.damage, 1);
	eng_out_fini(&out);
	/* Nothing of it counts: all is made again, and is right. */
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(inspect(&heard, &found), 0);
	assert_int_equal(found.loss, 0);
	assert_int_equal(found.damage, 0);
	down();
}

/* With each allocation failing: it says so. */
static void case_no_memory(void **state)
{
	struct pawl_inspection found;
	unsigned failed = 0;

	(void)state;
	begin();
	assert_int_equal(pawl_engine_close(engine), 0);
	for (uint64_t n = 1;; n++) {
		struct pawl_inspector look = {sizeof(look), on_row, on_task, on_damage};
		struct pawl_store_view *view;
		struct heard heard = {.stop = false};
		int error;

		assert_int_equal(pawl_store_view_begin(store, &view), 0);
		t_alloc_fail_at(n);
		error = pawl_inspect(view, &look, &heard, &found);
		t_alloc_fail_at(0);
		pawl_store_view_end(view);
		if (!error)
			break;
		assert_int_equal(error, -ENOMEM);
		failed++;
	}
	assert_true(failed > tasks);
	down();
}

/* ---- for tests of the program -------------------------------------------------------------------------- */

static int help_make(const char *folder)
{
	t_check(!pawl_thread_attach("make"));
	tasks = 15;
	world_of(5);
	t_check(!pawl_store_open_lmdb(folder, NULL, NULL, &store));
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
	t_check(!pawl_engine_close(engine));
	pawl_store_close(store);
	pawl_thread_detach();
	return 0;
}

static int help_spoil(const char *folder)
{
	t_check(!pawl_thread_attach("spoil"));
	t_check(!pawl_store_open_lmdb(folder, NULL, NULL, &store));
	read_all();
	for (unsigned i = 0; i < all_n; i++) {
		if (all[i].space != PAWL_STORE_DATA)
			continue;
		all[i].bytes[all[i].n / 2] ^= 4;
		put(&all[i], all[i].n);
		break;
	}
	while (all_n)
		free(all[--all_n].bytes);
	pawl_store_close(store);
	pawl_thread_detach();
	return 0;
}

static int help_beside(const char *folder, char **argv)
{
	uint64_t n = 0;
	int status;
	pid_t pid;

	t_check(!pawl_thread_attach("beside"));
	tasks = 15;
	world_of(6);
	t_check(!pawl_store_open_lmdb(folder, NULL, NULL, &store));
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
	t_check(!pawl_engine_snapshot(engine, NULL));
	t_check(!posix_spawn(&pid, argv[0], NULL, NULL, argv, environ));
	t_check(waitpid(pid, &status, 0) == pid);
	for (uint32_t i = 0; i < tasks; i++)
		edit(i, i + 2000);
	memset(model, 0, sizeof(model));
	all_right();
	t_check(!pawl_engine_snapshot(engine, &n));
	t_check(n);
	t_check(!pawl_engine_close(engine));
	pawl_store_close(store);
	pawl_thread_detach();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_told),	  cmocka_unit_test(case_refused),
		cmocka_unit_test(case_damage),	  cmocka_unit_test(case_loss),
		cmocka_unit_test(case_no_memory),
	};

	if (argc == 3 && !strcmp(argv[1], "make"))
		return help_make(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "spoil"))
		return help_spoil(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "beside"))
		return help_beside(argv[2], argv + 3);
	return t_run("inspect", cases);
}
