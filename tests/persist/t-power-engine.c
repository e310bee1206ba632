/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-power-engine.c - cutting the power under an engine: what a snapshot acknowledged is there whenever it happens.
 *
 * A process edits a random graph and saves it when all is computed, recorded; the power is cut at any record of that
 * (power.h). Another engine is opened there, with the inputs as they were when the last snapshot was acknowledged, or as they were
 * for the one that was under way. With one of the two all is there, and no body of a node runs. Whatever is there, no value is
 * wrong.
 *
 * That the test can fail is shown by taking syncs away.
 */
#include "../engine/random-graph.h"

#include "stores.h"

#ifdef PAWL_HAVE_LMDB

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"
#include "power.h"
#include "record-disk.h"

#define SAVES 30u

static struct pawl_store *store;
static uint64_t seed;

/* ---- input states -------------------------------------------------------------------------------- */

static void world_of(unsigned edits)
{
	uint64_t state = seed;

	tasks = 25;
	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = draw(&state) % 1000;
	while (edits--)
		for (unsigned i = 0; i < 3; i++) {
			uint64_t number = draw(&state);

			world[number % tasks] = number >> 32 & 1023;
		}
	memset(model, 0, sizeof(model));
}

/* Not by assertions of cmocka's, which jump: this is not the process of the test. */
static bool one_right(uint32_t n)
{
	struct look look = {n, 0, 0};
	const struct result *result = model_of(n);
	int error = pawl_engine_run(engine, look_visit, &look);

	return result->fails
		       ? error == -PAWL_ETASK
		       : !error && look.number == cell_number(result->sum, result->cells - 1);
}

static bool all_right(void)
{
	bool right = true;

	for (uint32_t n = tasks; n--;)
		right = one_right(n) && right;
	t_check(!pawl_engine_wait_idle(engine, PAWL_FOREVER));
	return right;
}

/* The recorded process. Marks: twice the number of edits when a snapshot begins, and one more when it has returned. */
static int child_works(unsigned flags)
{
	uint64_t before[TASKS_MOST];

	seed = strtoull(getenv("T_WORLD"), NULL, 10);
	t_check(!pawl_thread_attach("works"));
	t_check(!eng_store_lmdb(getenv("T_STORE"), NULL, flags, NULL, &store));
	world_of(0);
	t_check(!try_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store));
	for (unsigned edits = 1; edits <= SAVES; edits++) {
		memcpy(before, world, sizeof(before));
		world_of(edits);
		for (uint32_t n = 0; n < tasks; n++)
			if (world[n] != before[n])
				edit(n, world[n]);
		t_check(all_right());
		t_check(t_disk_mark(2 * edits));
		t_check(!pawl_engine_snapshot(engine, NULL));
		t_check(t_disk_mark(2 * edits + 1));
		if (edits % 8)
			continue;
		/* In good order, and again. */
		t_check(!pawl_engine_close(engine));
		pawl_store_close(store);
		t_check(!eng_store_lmdb(getenv("T_STORE"), NULL, flags, NULL, &store));
		t_check(!try_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store));
		t_check(all_right());
	}
	t_check(!pawl_engine_close(engine));
	pawl_store_close(store);
	pawl_thread_detach();
	return 0;
}

/* ---- what is found ------------------------------------------------------------------------------- */

/* With this state of the inputs. In ret_all whether nothing had to be computed. Returns: values are right. */
static bool opened(unsigned edits, bool *ret_all)
{
	bool right;

	world_of(edits);
	pawl_store_relaxed(&bodies, 0u);
	if (try_again(1, PAWL_STORAGE_READ_ONLY, store))
		return false;
	right = all_right();
	*ret_all = !pawl_load_relaxed(&bodies);
	t_check(!pawl_engine_close(engine));
	return right;
}

static int child_looks(const struct t_found *found)
{
	unsigned now_at = found->begun;
	bool all = false, right;

	if (pawl_thread_attach("look"))
		return T_POWER_WRONG;
	if (eng_store_lmdb(found->folder, NULL, 0, NULL, &store) ||
	    pawl_store_verify(store, NULL))
		return T_POWER_WRONG;
	right = opened(found->begun, &all);
	if (right && !all && found->acknowledged) {
		now_at = found->acknowledged;
		right = opened(now_at, &all);
	}
	/* It can be used further: what is saved now is there for the next one. */
	if (right) {
		bool now;

		right = !try_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
		if (right) {
			right = all_right() && !pawl_engine_snapshot(engine, NULL);
			t_check(!pawl_engine_close(engine));
		}
		right = right && opened(now_at, &now) && now;
	}
	pawl_store_close(store);
	pawl_thread_detach();
	if (!right)
		return T_POWER_WRONG;
	return all || !found->acknowledged ? T_POWER_GOOD : T_POWER_LOST;
}

/* A process of its own: who opens an engine starts threads, which ThreadSanitizer does not allow after fork(). */
static int look(void *arg)
{
	const struct t_found *found = arg;
	char path[] = "/proc/self/exe", word[] = "looks", begun[16], acknowledged[16];
	char *argv[] = {path, word, NULL};

	snprintf(begun, sizeof(begun), "%u", found->begun);
	snprintf(acknowledged, sizeof(acknowledged), "%u", found->acknowledged);
	setenv("T_FOUND", found->folder, 1);
	setenv("T_BEGUN", begun, 1);
	setenv("T_ACKNOWLEDGED", acknowledged, 1);
	execv(path, argv);
	return T_POWER_WRONG;
}

/* ---- cases ------------------------------------------------------------------------------------------- */

static unsigned cuts(void)
{
	return t_long() ? 1500 : t_scaled(60);
}

static void prepare(void)
{
	static char number[32];

	/* One world for all recordings: the first one is cut again and again. */
	if (!*number) {
		seed = t_random();
		snprintf(number, sizeof(number), "%llu", (unsigned long long)seed);
	}
	setenv("T_WORLD", number, 1);
}

static void case_full_protocol(void **state)
{
	t_power_case_full(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {cmocka_unit_test(case_full_protocol), T_POWER_CASES};
	struct t_power_subject subject = {.word = "works",
					  .word_without_syncs = "works-nosync",
					  .prepare = prepare,
					  .look = look,
					  .cuts_without = 300};

	if (argc > 1 && !strcmp(argv[1], "looks")) {
		struct t_found found;

		seed = strtoull(getenv("T_WORLD"), NULL, 10);
		snprintf(found.folder, sizeof(found.folder), "%s", getenv("T_FOUND"));
		found.begun = (unsigned)strtoul(getenv("T_BEGUN"), NULL, 10);
		found.acknowledged = (unsigned)strtoul(getenv("T_ACKNOWLEDGED"), NULL, 10);
		return child_looks(&found);
	}
	if (argc > 1)
		return child_works(strcmp(argv[1], "works") ? ENG_LMDB_NOSYNC : 0);
	subject.cuts = cuts();
	t_power_of(&subject);
	return t_run("power-engine", cases);
}

#else

int main(void)
{
	return t_run_without_lmdb("power-engine");
}

#endif
