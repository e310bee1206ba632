/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-restart.c - the next process: what comes back together with others, what runs again by itself, and how little is
 * done for it.
 *
 * reader(n) reads source(), which the outside says in each process; all(n) reads reader(0) to reader(n - 1).
 */
#include "stores.h"

#include <sched.h>

#include "../engine/frame.h"
#include "../../engine/engine.h"
#include "../../engine/graph/backing.h"
#include "../../engine/persist/persist.h"

#define READERS 300u
#define THREADS 4u

static struct pawl_store_disk *disk;
static struct pawl_store *store;
static int64_t outside;
static struct pawl_atomic_u32 sources, readers;

/* The next value that is saved, which is after a capture, finds out that something is lost. */
static bool loses;

static size_t number_encode(const void *payload, size_t bytes, void *into, size_t room)
{
	if (loses) {
		loses = false;
		eng_restore_failed(fr_engine->graph, 0);
		while (pawl_load_acquire(&fr_engine->graph->lost))
			sched_yield();
	}
	if (bytes <= room)
		memcpy(into, payload, bytes);
	return bytes;
}

static int number_decode(const struct pawl_value_type *type, const void *from, size_t bytes,
			 struct pawl_value **ret_value)
{
	return bytes == sizeof(uint64_t) ? pawl_value_of(type, from, bytes, ret_value)
					 : -EINVAL;
}

static const struct pawl_value_type number = {.size = sizeof(number),
					      .name = "number",
					      .version = 1,
					      .encode = number_encode,
					      .decode = number_decode};

/* ---- tasks ------------------------------------------------------------------------------------------- */

static int source_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	(void)args;
	pawl_add_relaxed(&sources, 1u);
	pawl_mark_session_dependent(context);
	return fr_give_of(context, &number, outside, ret_output);
}
static const struct pawl_function source = {sizeof(source), "source", 1,    0,
					    source_body,    0,	      NULL, 0};

static int reader_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t n, told = 0;
	int error = fr_call(context, &source, NULL, 0, &told);

	pawl_add_relaxed(&readers, 1u);
	memcpy(&n, args, sizeof(n));
	return error ? error : fr_give_of(context, &number, n + told, ret_output);
}
static const struct pawl_function reader = {sizeof(reader), "reader",	      1,    0,
					    reader_body,    sizeof(uint64_t), NULL, 0};

static int all_body(struct pawl_context *context, const void *args, pawl_ref_t *ret_output)
{
	int64_t one = 0, sum = 0;
	int error = 0;
	uint64_t n;

	memcpy(&n, args, sizeof(n));
	for (uint64_t i = 0; i < n && !error; i++) {
		error = fr_call(context, &reader, &i, 0, &one);
		sum += one;
	}
	return error ? error : fr_give_of(context, &number, sum, ret_output);
}
static const struct pawl_function all = {sizeof(all),	   "all", 1, 0, all_body,
					 sizeof(uint64_t), NULL,  0};

static void ask(void)
{
	const uint64_t n = READERS;

	assert_int_equal(fr_ask(&all, &n),
			 (int64_t)READERS * (READERS - 1) / 2 + READERS * outside);
}

/* ---- processes --------------------------------------------------------------------------------------- */

static void up(uint32_t track_active)
{
	static const struct pawl_function *const functions[] = {&source, &reader, &all};
	static const struct pawl_value_type *const types[] = {&number};
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_store *below;

	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &below), 0);
	assert_int_equal(eng_store_fault(below, t_random(), &store), 0);
	options.workers = 2;
	FR_LIST(options, functions);
	FR_LIST(options, types);
	options.track_active = track_active;
	options.storage = PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN;
	options.store = store;
	pawl_store_relaxed(&sources, 0u);
	pawl_store_relaxed(&readers, 0u);
	fr_open(options);
}

static void down(void)
{
	fr_down();
	pawl_store_close(store);
}

/* source, reader(0) to reader(READERS - 1), all: these have the first numbers, in whatever order. */
#define TASKS (READERS + 2)

static bool is_there(eng_id id)
{
	return pawl_slots_state(fr_engine->graph->tables[0], id) == PAWL_SLOT_LIVE;
}

static bool have_first_numbers(void)
{
	for (eng_id id = 1; id <= TASKS; id++) {
		if (!is_there(id))
			return false;
	}
	return true;
}

static void begin(uint32_t track_active)
{
	bool done;

	/* Each thread takes numbers by the dozen: where two have made them there are gaps. */
	do {
		assert_int_equal(pawl_store_disk_create(&disk), 0);
		outside = 1;
		up(track_active);
		ask();
		done = have_first_numbers();
		down();
		if (!done)
			pawl_store_disk_destroy(disk);
		t_step();
	} while (!done);
}

static void end(void)
{
	pawl_store_disk_destroy(disk);
}

static uint64_t restored(void)
{
	return pawl_load_relaxed(&fr_engine->persist->restored);
}

static uint64_t together(void)
{
	return pawl_load_relaxed(&fr_engine->persist->together);
}

/* ---- together ------------------------------------------------------------------------------------------ */

/* What is asked for is there afterwards, once; what is there already, transient, or no task makes no difference. */
static void case_list(void **state)
{
	eng_id ids[4 * TASKS];
	uint32_t n = 0;

	(void)state;
	begin(1);
	up(1);
	ids[n++] = 0;
	ids[n++] = ENG_TRANSIENT | 1;
	ids[n++] = fr_engine->graph->backing->limit;
	ids[n++] = PAWL_SLOTS_ID_MAX;
	while (n < 3 * TASKS)
		ids[n++] = 1 + (eng_id)t_random_below(TASKS);
	eng_restore_list(fr_engine->graph, ids, n);
	for (uint32_t i = 4; i < n; i++)
		assert_true(is_there(ids[i]));
	assert_int_equal(restored(), together());
	assert_true(together() >= 2);
	/* The rest, each once: none comes back twice. */
	for (uint32_t i = 0; i < TASKS; i++)
		ids[i] = TASKS - i;
	eng_restore_list(fr_engine->graph, ids, TASKS);
	eng_restore_all(fr_engine->graph);
	assert_int_equal(restored(), TASKS);
	for (eng_id id = 1; id <= TASKS; id++)
		assert_true(is_there(id));
	eng_restore_list(fr_engine->graph, ids, TASKS);
	assert_int_equal(restored(), TASKS);
	ask();
	/* The source alone: it says what it said before. */
	assert_int_equal(pawl_load_relaxed(&sources), 1);
	assert_int_equal(pawl_load_relaxed(&readers), 0);
	down();
	end();
}

/* One that is damaged, and one that is gone: the others come back; these are lost when they are looked for one by one. */
static void case_list_damaged(void **state)
{
	struct pawl_store_batch *batch;
	eng_id ids[TASKS], gone = 7, half = 100;

	(void)state;
	begin(1);
	up(1);
	down();
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_META, pawl_store_id(gone)), 0);
	assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, pawl_store_id(gone)), 0);
	assert_int_equal(
		pawl_store_put(batch, PAWL_STORE_META, pawl_store_id(half), t_text("meta")), 0);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	pawl_store_close(store);
	up(1);
	for (uint32_t i = 0; i < TASKS; i++)
		ids[i] = 1 + i;
	eng_restore_list(fr_engine->graph, ids, TASKS);
	for (eng_id id = 1; id <= TASKS; id++)
		assert_int_equal(is_there(id), id != gone && id != half);
	assert_int_equal(restored(), TASKS - 2);
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 0);
	eng_restore_all(fr_engine->graph);
	assert_true(is_there(half));
	ask();
	/* That one, and the one that is gone as soon as an edge led there. */
	assert_in_range(pawl_load_relaxed(&fr_engine->persist->lost), 1, 2);
	down();
	/* Once for all: the next process finds nothing lost. */
	outside = 2;
	up(1);
	ask();
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 0);
	down();
	end();
}

/* Reading fails: nothing comes back in this way, nothing is lost by that, and who locks one asks again. */
static void case_list_errors(void **state)
{
	static const int errors[] = {-EIO, -ENOMEM, -EUCLEAN};
	eng_id ids[TASKS];

	(void)state;
	begin(1);
	for (uint32_t i = 0; i < TASKS; i++)
		ids[i] = 1 + i;
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		up(1);
		eng_fault_at(store, ENG_FAULT_GET, 1 + t_random_below(2 * ENG_TOGETHER),
			     errors[i]);
		eng_restore_list(fr_engine->graph, ids, TASKS);
		assert_int_equal(restored(), TASKS - ENG_TOGETHER);
		for (eng_id id = 1; id <= TASKS; id++)
			assert_int_equal(is_there(id), id > ENG_TOGETHER);
		ask();
		assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 0);
		down();
	}
	end();
}

static struct t_barrier *barrier;

static void restore_some(void *arg)
{
	uint64_t random = (uintptr_t)arg;
	eng_id ids[100];

	t_barrier_wait(barrier);
	for (unsigned turn = 0; turn < 20; turn++) {
		uint32_t n = 0;

		/* Mostly next to each other, so that they meet; one by one as well. */
		while (n < 100) {
			random = pawl_hash_u64(random, 1);
			ids[n] = 1 + (eng_id)((turn * (TASKS / 20) + random % 60) % TASKS);
			n++;
		}
		if (random & 64)
			eng_restore(fr_engine->graph, ids[0], true);
		eng_restore_list(fr_engine->graph, ids, n);
		t_step();
	}
}

/* Several at once, with lists that overlap: each task once, and nobody waits for ever. */
static void case_lists_at_once(void **state)
{
	(void)state;
	begin(1);
	for (unsigned round = t_scaled(20); round; round--) {
		struct t_thread *threads[THREADS];

		up(1);
		barrier = t_barrier_make(THREADS);
		for (uintptr_t i = 0; i < THREADS; i++)
			threads[i] = t_thread_start(restore_some, (void *)(i + 1 + 10 * round));
		for (unsigned i = 0; i < THREADS; i++)
			t_thread_join(threads[i]);
		t_barrier_drop(barrier);
		eng_restore_all(fr_engine->graph);
		assert_int_equal(restored(), TASKS);
		outside++;
		ask();
		down();
	}
	end();
}

/* What very many have read is another one: they come back together. */
static void case_readers(void **state)
{
	(void)state;
	begin(1);
	outside = 2;
	up(1);
	ask();
	assert_int_equal(pawl_load_relaxed(&readers), READERS);
	assert_int_equal(restored(), TASKS);
	print_message("# of %u, %u together\n", TASKS, (unsigned)together());
	assert_true(together() >= READERS - ENG_TOGETHER);
	down();
	end();
}

/* ---- a loss beside a snapshot --------------------------------------------------------------------------- */

static int count_row(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return 0;
}

static int remove_row(void *arg, struct pawl_store_key key, struct pawl_slice value)
{
	(void)value;
	return pawl_store_remove(arg, PAWL_STORE_TYPES, key);
}

/* Of tasks by their keys. */
static unsigned keys_stored(void)
{
	struct pawl_store_key from = {0, 0};
	struct pawl_store_view *view;
	unsigned n = 0;

	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_scan(view, PAWL_STORE_TYPES, from, count_row, &n), 0);
	pawl_store_view_end(view);
	return n;
}

static void keys_remove(void)
{
	struct pawl_store_key from = {0, 0};
	struct pawl_store_batch *batch;
	struct pawl_store_view *view;

	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	assert_int_equal(pawl_store_view_begin(store, &view), 0);
	assert_int_equal(pawl_store_scan(view, PAWL_STORE_TYPES, from, remove_row, batch), 0);
	pawl_store_view_end(view);
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
}

/* After a capture a loss is found, and repaired before the batch is there: the keys of all are in the next one. */
static void case_loss_beside_snapshot(void **state)
{
	(void)state;
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	outside = 1;
	up(1);
	ask();
	loses = true;
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	assert_false(loses);
	/* What is found there now leads nowhere. */
	keys_remove();
	ask();
	assert_int_equal(pawl_engine_snapshot(fr_engine, NULL), 0);
	assert_int_equal(keys_stored(), TASKS);
	down();
	up(1);
	ask();
	assert_int_equal(pawl_load_relaxed(&readers), 0);
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 0);
	down();
	end();
}

/* ---- what is lost ------------------------------------------------------------------------------------- */

#define LOST 3u

/* Its record is damaged, or not there any more: that is found out when an edge leads there. */
static void lose_one(bool gone)
{
	struct pawl_store_key key = pawl_store_id(LOST);
	struct pawl_store_batch *batch;

	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &store), 0);
	assert_int_equal(pawl_store_begin_write(store, &batch), 0);
	if (gone) {
		assert_int_equal(pawl_store_remove(batch, PAWL_STORE_META, key), 0);
		assert_int_equal(pawl_store_remove(batch, PAWL_STORE_DATA, key), 0);
	} else {
		assert_int_equal(pawl_store_put(batch, PAWL_STORE_META, key, t_text("meta")),
				 0);
	}
	assert_int_equal(pawl_store_commit(batch, NULL, NULL), 0);
	pawl_store_close(store);
}

/* It has no function that could be named, in the process that finds the loss and in those after it. */
static int lost_visit(struct pawl_context *context, void *arg)
{
	const struct pawl_error *why = NULL;
	struct pawl_value *value;

	t_check(pawl_read(context, eng_ref(LOST, 0), 0, &value, &why) == -PAWL_ETASK);
	t_check(!pawl_error_function(why));
	(void)pawl_error_describe(why, arg, 128);
	return 0;
}

/* The error of a task that is lost is saved as what it is. */
static void case_error_of_the_lost(void **state)
{
	char found[128], saved[128];

	(void)state;
	begin(1);
	lose_one(false);
	up(1);
	eng_restore_all(fr_engine->graph);
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 1);
	ask();
	assert_int_equal(pawl_engine_run(fr_engine, lost_visit, found), 0);
	assert_string_equal(found, "the task was lost: its record is damaged");
	down();
	up(1);
	assert_int_equal(pawl_engine_run(fr_engine, lost_visit, saved), 0);
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 0);
	assert_string_equal(saved, found);
	ask();
	down();
	end();
}

/* Who computes all sums again is the first to come there: what it has found out then is no mistake in them. */
static void case_loss_found_by_verify(void **state)
{
	char text[256] = "";
	int error;

	(void)state;
	begin(1);
	lose_one(true);
	up(1);
	error = pawl_engine_verify(fr_engine, text, sizeof(text));
	if (error != -EBUSY)
		fail_msg("%d: %s", error, text);
	ask();
	assert_int_equal(pawl_load_relaxed(&fr_engine->persist->lost), 1);
	down();
	end();
}

/* ---- what is dirty runs, wanted or not --------------------------------------------------------------------- */

/* Nobody asks for anything: what depends on the session runs all the same, and those that have read it. */
static void case_active_off(void **state)
{
	(void)state;
	begin(0);
	outside = 2;
	up(0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_load_relaxed(&sources), 1);
	assert_int_equal(pawl_load_relaxed(&readers), READERS);
	ask();
	assert_int_equal(pawl_load_relaxed(&sources), 1);
	assert_int_equal(pawl_load_relaxed(&readers), READERS);
	down();
	/* Nothing has changed: the source alone has to look. */
	up(0);
	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	assert_int_equal(pawl_load_relaxed(&sources), 1);
	assert_int_equal(pawl_load_relaxed(&readers), 0);
	down();
	end();
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_list),
		cmocka_unit_test(case_list_damaged),
		cmocka_unit_test(case_list_errors),
		cmocka_unit_test(case_lists_at_once),
		cmocka_unit_test(case_readers),
		cmocka_unit_test(case_loss_beside_snapshot),
		cmocka_unit_test(case_error_of_the_lost),
		cmocka_unit_test(case_loss_found_by_verify),
		cmocka_unit_test(case_active_off),
	};

	return t_run("restart", cases);
}
