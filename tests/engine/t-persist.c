/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-persist.c - what is saved, and what comes back: random graphs on a store in memory, with edits, snapshots and
 * restarts in any order, against a model. After each step every task that counts as saved is encoded again
 * and compared with what is in the store, so a change that nobody marked is found.
 */
#include "random-graph.h"

#include <sched.h>
#include <stdio.h>

#include <pawl/mem.h>
#include <pawl/store.h>

#include "../../engine/engine.h"
#include "../../engine/persist/faults.h"
#include "../../engine/persist/persist.h"

static struct pawl_store_disk *disk;
static struct pawl_store *store;

static bool faulty; /* the store fails where it is told to */

static void store_open(void)
{
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	if (faulty)
		assert_int_equal(eng_store_fault(store, t_random(), &store), 0);
}

static void store_up(uint32_t workers, uint32_t storage)
{
	store_open();
	up_again(workers, storage, store);
}

static void store_down(void)
{
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
}

static uint64_t generation(void)
{
	struct pawl_store_stat stat;

	assert_int_equal(pawl_store_stat_read(store, &stat), 0);
	return stat.generation;
}

/* ---- each record against the store ------------------------------------------------------- */

struct audit {
	struct pawl_store_view *view;
	bool all; /* none is modified */
	unsigned compared;
};

static void same_bytes(struct audit *audit, enum pawl_store_space space, eng_id id,
		       const struct eng_out *out)
{
	struct pawl_slice bytes;

	assert_int_equal(pawl_store_get(audit->view, space, pawl_store_id(id), &bytes), 0);
	if (!bytes.ptr)
		fail_msg("task %u is not in space %d, and not modified", id, (int)space);
	if (bytes.len != out->n || memcmp(bytes.ptr, out->bytes, out->n))
		fail_msg("task %u has changed in space %d, and is not modified", id,
			 (int)space);
	audit->compared++;
}

static void audit_node(struct audit *audit, struct eng_node *node)
{
	struct eng_graph *graph = engine->graph;
	struct eng_image image = {0};
	eng_id id = eng_node_id(node);
	uint32_t marks = node->bits & (ENG_META | ENG_DATA);

	assert_int_equal(eng_image_take(graph, node, ENG_META | ENG_DATA, &image), 0);
	eng_unlock(node);
	if (audit->all && marks)
		fail_msg("task %u is modified", id);
	assert_int_equal(eng_image_complete(&image), 0);
	if (!(marks & ENG_META))
		same_bytes(audit, PAWL_STORE_META, id, &image.meta);
	if (!(marks & ENG_DATA))
		same_bytes(audit, PAWL_STORE_DATA, id, &image.data);
	if (audit->all) {
		struct pawl_slice meta = {image.meta.bytes, image.meta.n};
		struct pawl_slice data = {image.data.bytes, image.data.n};

		assert_int_equal(eng_image_read(graph, id,
						(uint32_t)pawl_ids_next(graph->ids[0]), meta,
						data, &node),
				 0);
		eng_node_free(graph, node);
	}
	eng_image_fini(&image);
}

/* When nothing runs. */
static unsigned audit(bool all)
{
	struct eng_graph *graph = engine->graph;
	struct audit it = {NULL, all, 0};
	uint32_t next = (uint32_t)pawl_ids_next(graph->ids[0]);

	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_store_view_begin(store, &it.view), 0);
	for (uint32_t id = 1; id < next; id++) {
		struct eng_node *node = eng_lock_resident(graph, id);

		if (node)
			audit_node(&it, node);
	}
	pawl_store_view_end(it.view);
	return it.compared;
}

static void snapshot(void)
{
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
	(void)audit(true);
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void begin(void)
{
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	world_make();
	memset(model, 0, sizeof(model));
	tasks = 10 + (uint32_t)t_random_below(TASKS_MOST - 10);
	store_up(1 + (uint32_t)t_random_below(3), PAWL_STORAGE_READ_WRITE);
}

static void end(void)
{
	store_down();
	pawl_store_disk_destroy(disk);
}

static void case_marks(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		unsigned compared = 0;

		begin();
		for (unsigned i = 0; i < 12; i++) {
			compare(tasks - 1);
			compared += audit(false);
			compare((uint32_t)t_random_below(tasks));
			compared += audit(false);
			if (t_random_below(3) || !i)
				snapshot();
			change(6);
			compared += audit(false);
		}
		assert_true(compared);
		end();
	}
}

/* Nothing has changed: nothing runs but what read the world, and nothing is written. */
static void case_warm(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(10); round; round--) {
		uint64_t before;

		begin();
		compare(tasks - 1);
		store_down();
		for (unsigned again = 0; again < 3; again++) {
			store_up(2, PAWL_STORAGE_READ_WRITE);
			before = generation();
			pawl_store_relaxed(&bodies, 0u);
			compare(tasks - 1);
			assert_int_equal(pawl_load_relaxed(&bodies), 0);
			check_sums();
			(void)audit(false);
			snapshot();
			assert_int_equal(generation(), before);
			store_down();
		}
		pawl_store_disk_destroy(disk);
	}
}

static void case_restarts(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		begin();
		for (unsigned i = 0; i < 12; i++) {
			switch (t_random_below(4)) {
			case 0:
				snapshot();
				break;
			case 1:
				store_down();
				/* What changes while nobody looks. */
				if (t_random_below(2))
					change_unseen(3);
				store_up(1 + (uint32_t)t_random_below(3),
					 PAWL_STORAGE_READ_WRITE);
				break;
			default:
				change(6);
				break;
			}
			compare((uint32_t)t_random_below(tasks));
			if (t_random_below(2))
				compare(tasks - 1);
			if (t_random_below(2))
				check_sums();
			(void)audit(false);
		}
		end();
	}
}

/* Moments of quiet, snapshots with something to save, since the engine was opened. */
static uint64_t moments(void)
{
	struct eng_quiesce_stats stats;

	eng_quiesce_stats_read(engine->graph->quiesce, &stats);
	return stats.moments;
}

/* Closed without saving what has changed since the last snapshot: as if the process had ended there. */
static void crash(void)
{
	engine->persist->saves = false;
	store_down();
}

static void snap_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough))
		t_check(!pawl_engine_snapshot(engine, NULL));
}

/* Snapshots while readers read and what they read changes; then what the last one has saved. */
static void case_crashes(void **state)
{
	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	for (unsigned round = t_scaled(20); round; round--) {
		struct t_thread *threads[2];
		unsigned edits = 10 + (unsigned)t_random_below(90);

		tasks = 10 + (uint32_t)t_random_below(TASKS_MOST - 10);
		world_make();
		memset(model, 0, sizeof(model));
		store_up(2, PAWL_STORAGE_READ_WRITE);
		pawl_store_relaxed(&enough, 0u);
		threads[0] = t_thread_start(read_on, NULL);
		threads[1] = t_thread_start(snap_on, NULL);
		/* The two may begin late. */
		for (unsigned i = 0; i < edits || moments() < 3; i++)
			change(4);
		pawl_store_relaxed(&enough, 1u);
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		if (t_random_below(2))
			snapshot();
		crash();
		store_up(2, PAWL_STORAGE_READ_WRITE);
		for (unsigned i = 0; i < 5; i++)
			compare((uint32_t)t_random_below(tasks));
		check_sums();
		(void)audit(false);
		store_down();
	}
	pawl_store_disk_destroy(disk);
}

/* The code of a function changes between two processes: its version says so, or its name is another one, too. */
static void case_versions(void **state)
{
	char names[2][8] = {"other", "renamed"};

	(void)state;
	for (unsigned round = t_scaled(20); round; round--) {
		unsigned name = 0;

		other_node.name = names[name];
		begin();
		for (unsigned i = 0; i < 6; i++) {
			uint32_t storage = t_random_below(4) ? PAWL_STORAGE_READ_WRITE
							     : PAWL_STORAGE_READ_ONLY;
			uint64_t before;

			for (unsigned look = 0; look < 3; look++)
				compare((uint32_t)t_random_below(tasks));
			check_sums();
			(void)audit(false);
			store_down();
			if (t_random_below(2))
				change_unseen(1);
			other_code++;
			memset(model, 0, sizeof(model));
			if (t_random_below(3))
				other_node.version++;
			else
				name = !name;
			other_node.name = names[name];
			store_up(1 + (uint32_t)t_random_below(3), storage);
			if (storage == PAWL_STORAGE_READ_ONLY) {
				compare(tasks - 1);
				check_sums();
				store_down();
				store_up(2, PAWL_STORAGE_READ_WRITE);
			}
			before = pawl_load_relaxed(&bodies);
			check_sums();
			/* It may end before that was saved. */
			if (!t_random_below(3)) {
				crash();
				store_up(2, PAWL_STORAGE_READ_WRITE);
			}
			compare(tasks - 1);
			if (t_random_below(2))
				snapshot();
			assert_true(pawl_load_relaxed(&bodies) - before <= tasks * 2);
		}
		end();
	}
	other_node.name = "other";
}

/*
 * The door is shut at once, so what runs suspends itself where it is: what is left of it is saved, and done after the
 * restart. Until there was some, which is a matter of who is where when.
 */
static void case_suspended(void **state)
{
	unsigned rounds = t_scaled(20), found = 0;

	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	for (unsigned round = 0; round < rounds || (!found && round < 1000); round++) {
		struct t_thread *threads[2];
		unsigned edits = 10 + (unsigned)t_random_below(90);

		tasks = 10 + (uint32_t)t_random_below(TASKS_MOST - 10);
		world_make();
		memset(model, 0, sizeof(model));
		store_up(2, PAWL_STORAGE_READ_WRITE);
		eng_quiesce_looks(engine->graph->quiesce, 0);
		pawl_store_relaxed(&enough, 0u);
		threads[0] = t_thread_start(read_on, NULL);
		threads[1] = t_thread_start(snap_on, NULL);
		/* The two may begin late. */
		for (unsigned i = 0; (i < edits || moments() < 3) &&
				     !pawl_load_relaxed(&engine->persist->ops_saved);
		     i++)
			change(4);
		/* Nothing is saved after that. */
		pawl_store_relaxed(&enough, 1u);
		for (unsigned i = 0; i < 2; i++)
			t_thread_join(threads[i]);
		found += pawl_load_relaxed(&engine->persist->ops_saved) != 0;
		(void)audit(false);
		crash();
		store_up(1 + (uint32_t)t_random_below(2),
			 t_random_below(4) ? PAWL_STORAGE_READ_WRITE : PAWL_STORAGE_READ_ONLY);
		/* The sums of all that there is. */
		if (t_random_below(2))
			eng_restore_all(engine->graph);
		check_sums();
		for (unsigned i = 0; i < 3; i++)
			compare((uint32_t)t_random_below(tasks));
		check_sums();
		if (engine->persist->saves)
			snapshot();
		assert_true(!engine->persist->saves || !engine->persist->ops_stored);
		store_down();
	}
	pawl_store_disk_destroy(disk);
	printf("# %u rounds had suspended operations\n", found);
	assert_true(found);
}

/* Any call may fail: nothing is lost, and the next snapshot saves it all. */
static void case_failures(void **state)
{
	static const int errors[] = {-ENOSPC, -EIO, -ENOMEM};

	(void)state;
	faulty = true;
	for (unsigned round = t_scaled(20); round; round--) {
		begin();
		for (unsigned i = 0; i < 8; i++) {
			uint64_t n = 0;
			int error = errors[t_random_below(3)];

			compare(tasks - 1);
			assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
			eng_fault_at(store, ENG_FAULT_ANY, 1 + t_random_below(20), error);
			if (pawl_engine_snapshot(engine, &n)) {
				assert_int_equal(n, 0);
				(void)audit(false);
				/* Some go on changing before it is saved. */
				if (t_random_below(2))
					change(3);
				if (t_random_below(2))
					compare(tasks - 1);
			}
			eng_fault_at(store, ENG_FAULT_ANY, 0, 0);
			if (t_random_below(2))
				snapshot();
			change(3);
			if (!t_random_below(3)) {
				crash();
				store_up(2, PAWL_STORAGE_READ_WRITE);
				compare(tasks - 1);
				check_sums();
			}
		}
		end();
	}
	faulty = false;
}

/* No memory, at each place where a snapshot takes some. */
static void case_no_memory(void **state)
{
	(void)state;
	begin();
	compare(tasks - 1);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	for (uint64_t n = 1;; n++) {
		int error;

		t_alloc_fail_at(n);
		error = pawl_engine_snapshot(engine, NULL);
		t_alloc_fail_at(0);
		if (!error)
			break;
		assert_int_equal(error, -ENOMEM);
		if (n % 16 == 0)
			(void)audit(false);
	}
	(void)audit(true);
	crash();
	store_up(2, PAWL_STORAGE_READ_WRITE);
	compare(tasks - 1);
	check_sums();
	end();
}

/* Some task that has called another one, locked. */
static struct eng_node *lock_caller(void)
{
	for (eng_id id = 1;; id++) {
		struct eng_node *node = eng_lock_resident(engine->graph, id);

		assert_true(id < PAWL_SLOTS_ID_MAX);
		if (node && eng_field(node, ENG_CHILDREN))
			return node;
		if (node)
			eng_unlock(node);
	}
}

/* What the check says of its image, with an edge to that task: added, and taken away again. */
static int check_with(eng_id to, uint32_t limit, char *text, size_t len)
{
	struct eng_node *node = lock_caller();
	struct eng_image image = {0};
	bool added = to && eng_set_add(node, ENG_CHILDREN, to);
	int error;

	assert_int_equal(eng_image_take(engine->graph, node, ENG_META | ENG_DATA, &image), 0);
	if (added)
		(void)eng_set_remove(node, ENG_CHILDREN, to);
	eng_unlock(node);
	/* Those of transient tasks are left out when it is taken: as if they were not. */
	if (eng_is_transient(to))
		image.meta_image.CHILDREN.at[0] = to;
	error = eng_image_check(engine->graph, &image, limit, text, len);
	eng_image_fini(&image);
	return error;
}

/* Edges to what is transient, has a number that nobody has, or is not there any more. */
static void case_edges(void **state)
{
	uint32_t limit;
	char text[128] = "";
	eng_id gone;

	(void)state;
	for (unsigned round = t_scaled(3); round; round--) {
		begin();
		for (uint32_t i = 0; i < tasks; i++)
			compare(i);
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		limit = (uint32_t)pawl_ids_next(engine->graph->ids[0]);
		assert_int_equal(check_with(0, limit, text, sizeof(text)), 0);
		assert_int_equal(check_with(ENG_TRANSIENT | 5, limit, text, sizeof(text)),
				 -EUCLEAN);
		assert_non_null(
			strstr(text, "leads to 80000005 (CHILDREN), which is transient"));
		assert_int_equal(check_with(limit + 7, limit, text, sizeof(text)), -EUCLEAN);
		assert_non_null(strstr(text, "which is not in this snapshot"));
		/* With a limit that comes later: nobody has that number. */
		gone = limit + 7;
		assert_int_equal(check_with(gone, gone + 1, text, sizeof(text)), -EUCLEAN);
		assert_non_null(strstr(text, "which is not there"));
		if (ENG_CHECKS_EDGES) {
			struct eng_node *node = lock_caller();

			/* Nothing is saved then; and all of it afterwards. */
			eng_modify(node, ENG_META);
			(void)eng_set_add(node, ENG_CHILDREN, gone);
			eng_unlock(node);
			assert_int_equal(pawl_engine_snapshot(engine, NULL), -EUCLEAN);
			node = lock_caller();
			assert_true(eng_set_remove(node, ENG_CHILDREN, gone));
			eng_unlock(node);
		}
		snapshot();
		end();
	}
}

/* The same bytes, with another version. */
static int make_unknown(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	uint64_t seed = eng_frame_seed(PAWL_STORE_META, key), sum;
	unsigned char *bytes = pawl_mem_alloc(value.len, 0);
	struct eng_writer writer = eng_writer_on(bytes, 8);

	memcpy(bytes, value.ptr, value.len);
	bytes[8] = ENG_RECORD_VERSION + 1;
	sum = pawl_hash_bytes(bytes + 8, value.len - 8, seed);
	eng_write_fixed64(&writer, sum);
	assert_int_equal(pawl_store_put(arg, PAWL_STORE_META, key,
					(struct pawl_slice){bytes, value.len}),
			 0);
	pawl_mem_free(bytes, value.len, 0);
	return 0;
}

/* Records of a later version: counted apart, and told of once. */
static void case_unknown(void **state)
{
	struct pawl_engine_store_stats stats;
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;

	(void)state;
	begin();
	compare(tasks - 1);
	store_down();
	store_open();
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_scan(view, PAWL_STORE_META, pawl_store_id(0), make_unknown,
					 batch),
			 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	up_again(2, PAWL_STORAGE_READ_WRITE, store);
	compare(tasks - 1);
	check_sums();
	assert_int_equal(pawl_engine_store_stats_read(engine, &stats), 0);
	assert_true(stats.unknown > 0);
	assert_int_equal(stats.lost, 0);
	end();
}

/* The number that a key leads to is damaged, whatever it is then: that is a loss, and not a second task with that key. */
static void case_numbers(void **state)
{
	static const uint32_t wrong[] = {0, 2, 12345, UINT32_MAX};

	(void)state;
	for (unsigned round = 0; round < t_scaled(20) + 5; round++) {
		struct one one;
		struct pawl_digest key;
		struct pawl_store_batch *batch;
		struct pawl_slice bytes = {&wrong[round % 4], round % 5 ? 4 : 3};

		begin();
		one.n = tasks - 1;
		compare(tasks - 1);
		key = eng_key_digest(eng_function_number(engine->graph->registry,
							 node_of(one.n)),
				     &one, sizeof(one));
		store_down();
		store_open();
		assert_int_equal(pawl_store_begin_write(store, &batch), 0);
		assert_int_equal(pawl_store_put(batch, PAWL_STORE_TYPES, pawl_store_digest(key),
						bytes),
				 0);
		assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
		pawl_store_close(store);
		store_up(2, PAWL_STORAGE_READ_WRITE);
		compare(tasks - 1);
		assert_true(pawl_load_relaxed(&engine->persist->lost));
		change(5);
		compare(tasks - 1);
		check_sums();
		end();
	}
}

/* Records that are damaged: what was computed from them is computed again, and that is all. */
static void case_damage(void **state)
{
	unsigned rounds = t_scaled(20);
	uint64_t lost = 0;

	(void)state;
	/* Until one was met: where the damage is, is left to chance. */
	for (unsigned round = 0; round < rounds || (!lost && round < 1000); round++) {
		begin();
		compare(tasks - 1);
		compare((uint32_t)t_random_below(tasks));
		/* All that is written in this batch after that is as it was meant. */
		store_down();
		faulty = true;
		for (unsigned i = 0; i < 4; i++) {
			store_up(1 + (uint32_t)t_random_below(3), PAWL_STORAGE_READ_WRITE);
			if (i)
				change(3);
			compare((uint32_t)t_random_below(tasks));
			compare(tasks - 1);
			change(5);
			compare(tasks - 1);
			check_sums();
			lost += pawl_load_relaxed(&engine->persist->lost);
			eng_fault_damage(store, 1 + t_random_below(40),
					 (enum eng_damage)t_random_below(ENG_DAMAGE_COUNT));
			store_down();
		}
		faulty = false;
		pawl_store_disk_destroy(disk);
	}
	assert_true(lost);
}

/* The engine is closed while tasks run: they are not done in the next process. */
static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	for (uint32_t n = 0; n < tasks; n++) {
		int64_t number;
		pawl_ref_t ref;
		int error = call(context, node_of(n), n, &ref);

		if (!error)
			error = get(context, ref, 0, &number);
		if (error && error != -PAWL_ETASK)
			return error;
	}
	return give(context, 0, ret_output);
}

static void case_stopped(void **state)
{
	(void)state;
	for (unsigned round = t_scaled(40); round; round--) {
		begin();
		for (unsigned i = 0; i < 3; i++) {
			unsigned pauses = (unsigned)t_random_below(200);
			pawl_ref_t root;

			assert_int_equal(
				pawl_engine_spawn_root(engine, all_body, NULL, NULL, &root), 0);
			while (pauses--)
				sched_yield();
			if (t_random_below(2))
				assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
			if (t_random_below(2))
				crash();
			else
				store_down();
			change_unseen(2);
			store_up(2, PAWL_STORAGE_READ_WRITE);
			check_sums();
			compare_values((uint32_t)t_random_below(tasks));
			compare_values(tasks - 1);
			check_sums();
			compare(tasks - 1);
			(void)audit(false);
		}
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_marks),	  cmocka_unit_test(case_warm),
		cmocka_unit_test(case_restarts),  cmocka_unit_test(case_crashes),
		cmocka_unit_test(case_stopped),	  cmocka_unit_test(case_failures),
		cmocka_unit_test(case_no_memory), cmocka_unit_test(case_suspended),
		cmocka_unit_test(case_versions),  cmocka_unit_test(case_unknown),
		cmocka_unit_test(case_numbers),	  cmocka_unit_test(case_damage),
		cmocka_unit_test(case_edges),
	};

	return t_run("persist", tests);
}
