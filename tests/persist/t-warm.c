/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-warm.c - nothing has changed, or nothing is asked for: then nothing runs but what depends on the outside, and not a byte
 * is written, in a store on disk. And where membarrier is refused all is as it is elsewhere.
 */
#include "../engine/random-graph.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#endif

#include <pawl/timer.h>

#include "stores.h"

#include "../../engine/engine.h"
#include "../../engine/persist/persist.h"

static struct pawl_store *store;

static void all_right(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
}

static void world_of(uint64_t seed)
{
	uint64_t state = seed;

	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = draw(&state) % 1000;
	memset(model, 0, sizeof(model));
}

/* ---- on disk -------------------------------------------------------------------------------------- */

#ifdef PAWL_HAVE_LMDB

/* All that is known of a file: its bytes, and when the last one was written. */
struct seen {
	struct stat stat;
	uint64_t sum;
};

static struct seen see(const char *path)
{
	static unsigned char bytes[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct seen seen = {.sum = 0};
	ssize_t n;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &seen.stat), 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		seen.sum = pawl_hash_bytes(bytes, (size_t)n, seen.sum);
	close(fd);
	return seen;
}

static void assert_untouched(const struct seen *before, const struct seen *now)
{
	assert_int_equal(now->sum, before->sum);
	assert_int_equal(now->stat.st_size, before->stat.st_size);
	assert_int_equal(now->stat.st_blocks, before->stat.st_blocks);
	assert_int_equal(now->stat.st_ino, before->stat.st_ino);
	assert_int_equal(now->stat.st_mtim.tv_sec, before->stat.st_mtim.tv_sec);
	assert_int_equal(now->stat.st_mtim.tv_nsec, before->stat.st_mtim.tv_nsec);
}

/* Ten sessions in which all is asked for. */
static void case_sessions(void **state)
{
	char path[256], file[300];
	struct seen before, now;

	(void)state;
	t_folder_make(path, sizeof(path));
	snprintf(file, sizeof(file), "%s/data.mdb", path);
	tasks = 100;
	world_of(t_random());
	for (unsigned session = 0; session < 11; session++) {
		assert_int_equal(pawl_store_open_lmdb(path, NULL, NULL, &store), 0);
		pawl_store_relaxed(&bodies, 0u);
		up_again(2, PAWL_STORAGE_READ_WRITE, store);
		all_right();
		assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
		if (session)
			assert_int_equal(pawl_load_relaxed(&bodies), 0);
		assert_int_equal(pawl_engine_close(engine), 0);
		pawl_store_close(store);
		now = see(file);
		if (session)
			assert_untouched(&before, &now);
		before = now;
		t_step();
	}
	t_folder_drop(path);
}

/* What is out when nothing runs, and nothing waits to be freed. */
static uint64_t memory(void)
{
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
	pawl_retire_barrier();
	return t_alloc_bytes();
}

/* The same few inputs are edited, and saved each time: the store does not grow for that, nor does the process. */
static void case_edits(void **state)
{
	unsigned edits = t_long() ? 20000 : t_scaled(300);
	struct pawl_store_stat early, late;
	uint64_t early_bytes = 0, late_bytes;
	char path[256];

	(void)state;
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	t_folder_make(path, sizeof(path));
	tasks = 40;
	world_of(t_random());
	assert_int_equal(pawl_store_open_lmdb(path, NULL, NULL, &store), 0);
	up_again(1, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	for (unsigned i = 0; i < edits; i++) {
		for (uint32_t n = 0; n < 10; n++)
			edit(n * 3, t_random_below(1000));
		memset(model, 0, sizeof(model));
		compare_values(tasks - 1 - i % 7);
		assert_int_equal(pawl_engine_snapshot(engine, NULL), 0);
		if (i != edits / 3)
			continue;
		assert_int_equal(pawl_store_stat_read(store, &early), 0);
		early_bytes = memory();
	}
	assert_int_equal(pawl_store_stat_read(store, &late), 0);
	late_bytes = memory();
	printf("# %u edits of 10 inputs: %u bytes after a third of them, %u at the end; of memory %u and %u\n",
	       edits, (unsigned)early.file_bytes, (unsigned)late.file_bytes,
	       (unsigned)early_bytes, (unsigned)late_bytes);
	/* New tasks come, for a while: there are not more than these. */
	assert_true(late.entries[PAWL_STORE_META] <= 2 * tasks);
	assert_true(late.file_bytes < 4 * early.file_bytes + (1 << 20));
	/* Of memory the same: some inputs make larger graphs of the same tasks. */
	assert_true(late_bytes < 2 * early_bytes + (1 << 20));
	assert_int_equal(pawl_engine_close(engine), 0);
	pawl_store_close(store);
	t_folder_drop(path);
}

#else

static void case_sessions(void **state)
{
	(void)state;
	return t_skip("no LMDB");
}

static void case_edits(void **state)
{
	(void)state;
	return t_skip("no LMDB");
}

#endif

/* ---- idle, for a day ------------------------------------------------------------------------------ */

static struct pawl_atomic_u64 day_ns;

static uint64_t day_clock(void *arg)
{
	(void)arg;
	return pawl_load_relaxed(&day_ns);
}

/* So many hours pass. Returns: at the end nobody waits for a later one. */
static bool hours(struct pawl_runtime *rt, unsigned n)
{
	uint64_t until_ns = 0;

	while (n--) {
		t_wait_until((until_ns = pawl_runtime_quiet_until(rt)) != 0);
		(void)pawl_add_relaxed(&day_ns, UINT64_C(3600000000000));
		pawl_runtime_clock_moved(rt);
	}
	t_wait_until((until_ns = pawl_runtime_quiet_until(rt)) != 0);
	return until_ns == PAWL_FOREVER;
}

/* A clock of the test's goes on for a day, an hour at a time: after the first look nobody has anything to do or save. */
static void case_day(void **state)
{
	static const struct pawl_function *const functions[] = {&input, &graph_node,
								&other_node};
	static const struct pawl_value_type *const types[] = {&number_type};
	static const struct pawl_trait *const traits[] = {&mark_trait};
	struct pawl_runtime_options runtime_options = PAWL_RUNTIME_OPTIONS_INIT;
	struct pawl_engine_options options = PAWL_ENGINE_OPTIONS_INIT;
	struct pawl_engine_store_stats stats;
	struct pawl_store_disk *disk;
	struct pawl_runtime *rt;
	struct pawl_store *below;
	uint64_t calls, puts;

	(void)state;
	tasks = 30;
	world_of(t_random());
	memset(known, 0, sizeof(known));
	assert_int_equal(pawl_store_disk_create(&disk), 0);
	assert_int_equal(pawl_store_open_mem(disk, NULL, NULL, &below), 0);
	assert_int_equal(eng_store_fault(below, 1, &store), 0);
	runtime_options.workers = 1;
	runtime_options.now = day_clock;
	pawl_store_relaxed(&day_ns, UINT64_C(1000000000));
	assert_int_equal(pawl_runtime_create(&runtime_options, &rt), 0);
	options.runtime = rt;
	options.functions = functions;
	options.functions_n = 3;
	options.types = types;
	options.types_n = 1;
	options.traits = traits;
	options.traits_n = 1;
	options.storage = PAWL_STORAGE_READ_WRITE;
	options.store = store;
	assert_int_equal(pawl_engine_open(&options, &engine), 0);
	all_right();
	/* The first one is made by the idle time. */
	do {
		(void)hours(rt, 1);
		sched_yield();
		assert_int_equal(pawl_engine_store_stats_read(engine, &stats), 0);
	} while (!stats.snapshots ||
		 !eng_bitmap_is_empty(pawl_load_acquire(&engine->persist->marks->modified)));
	calls = eng_fault_calls(store, ENG_FAULT_ANY);
	pawl_store_relaxed(&bodies, 0u);
	assert_true(hours(rt, 24));
	/* The store was not even asked for anything, and no task of anybody's was made or run. */
	assert_int_equal(eng_fault_calls(store, ENG_FAULT_ANY), calls);
	assert_int_equal(pawl_load_relaxed(&bodies), 0);
	all_right();
	assert_int_equal(eng_fault_calls(store, ENG_FAULT_ANY), calls);
	puts = eng_fault_calls(store, ENG_FAULT_PUT);
	assert_int_equal(pawl_engine_close(engine), 0);
	assert_int_equal(eng_fault_calls(store, ENG_FAULT_PUT), puts);
	assert_int_equal(pawl_runtime_shutdown(rt, PAWL_FOREVER, NULL), 0);
	assert_int_equal(pawl_runtime_destroy(rt), 0);
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
	t_step();
}

/* ---- without membarrier --------------------------------------------------------------------------- */

#if defined(SECCOMP_MODE_FILTER) && defined(SYS_membarrier)

/* From here on membarrier() is refused, also to what is started by exec. Returns: false: there are no filters here. */
static bool refuse_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* liburcu asks for it before main(), so the process begins anew behind the filter. */
static int child_filters(void)
{
	char path[] = "/proc/self/exe", word[] = "fenced";
	char *argv[] = {path, word, NULL};

	if (!refuse_membarrier())
		return 77;
	execv(path, argv);
	return 1;
}

static void snap_on(void *arg)
{
	(void)arg;
	while (!pawl_load_relaxed(&enough))
		t_check(!pawl_engine_snapshot(engine, NULL));
}

/* Edits, readers and snapshots at the same time; then another engine on what was saved. */
static int child_fenced(void)
{
	struct t_thread *threads[2];
	struct pawl_store_disk *disk;

	t_check(syscall(SYS_membarrier, 0, 0, 0) < 0);
	t_check(!pawl_thread_attach("fenced"));
	tasks = 50;
	world_of(17);
	t_check(!pawl_store_disk_create(&disk));
	t_check(!pawl_store_open_mem(disk, NULL, NULL, &store));
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	threads[0] = t_thread_start(read_on, NULL);
	threads[1] = t_thread_start(snap_on, NULL);
	for (unsigned i = 0; i < t_scaled(200); i++) {
		change(4);
		compare_values((uint32_t)t_random_below(tasks));
	}
	pawl_store_relaxed(&enough, 1u);
	for (unsigned i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	all_right();
	check_sums();
	t_check(!pawl_engine_close(engine));
	pawl_store_relaxed(&bodies, 0u);
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	all_right();
	t_check(!pawl_load_relaxed(&bodies));
	t_check(!pawl_engine_close(engine));
	pawl_store_close(store);
	pawl_store_disk_destroy(disk);
	pawl_thread_detach();
	return 0;
}

static void case_without_membarrier(void **state)
{
	int status = t_rerun("filters", NULL, 0);

	(void)state;
	if (status == 77)
		return t_skip("no filters of system calls");
	assert_int_equal(status, 0);
}

#else

static int child_filters(void)
{
	return 77;
}

static int child_fenced(void)
{
	return 77;
}

static void case_without_membarrier(void **state)
{
	(void)state;
	return t_skip("no filters of system calls");
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_sessions),
		cmocka_unit_test(case_edits),
		cmocka_unit_test(case_day),
		cmocka_unit_test(case_without_membarrier),
	};

	if (argc > 1 && !strcmp(argv[1], "filters"))
		return child_filters();
	if (argc > 1 && !strcmp(argv[1], "fenced"))
		return child_fenced();
	return t_run("warm", cases);
}
