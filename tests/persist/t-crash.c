/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * t-crash.c - an engine with a store on disk, killed at any moment, again and again: when it opens, when it restores,
 * while it computes, while it saves, while it is closed and compacted.
 *
 * A process works on a random graph (random-graph.h) whose inputs are edited. What it has done it writes into memory
 * that this process shares, so that nothing of it is lost by the kill. Then another one opens the same store.
 *
 *  acknowledged  snapshots are made when all is computed and nothing runs. The generation that is found says which
 *		  input state was saved: that of the last snapshot that returned, or of the one that was under way, and of
 *		  no other. With this state given to the inputs every value is as the model says and no body of
 *		  a node runs: so all of it is there, and is of this one state.
 *  busy	  snapshots are made while two threads read and a third one edits. With the last input state, or
 *		  another one, every value is as the model says; and all sums are right.
 *
 * 30 kills of each kind; 500 with T_TIER=long.
 */
#include "../engine/random-graph.h"

#include "stores.h"

#ifdef PAWL_HAVE_LMDB

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where a process is. In this order at first; then it goes round from EDIT to CLOSED. */
enum phase { STARTED, OPENED, RESTORED, EDIT, READ, SNAPSHOT, CLOSED, PHASES };

/* In memory of all processes. A word is written whole or not. */
struct shared {
	uint64_t seed;
	uint32_t tasks;
	struct pawl_atomic_u32 phase;
	struct pawl_atomic_u64 begun;	     /* the input state that was begun last */
	struct pawl_atomic_u64 attempt;	     /* the one that a snapshot is being made of */
	struct pawl_atomic_u64 acknowledged; /* state << 32 | generation */
	struct pawl_atomic_u64 sessions, snapshots, restored, lost;
};
static struct shared *shared;

/* ---- input states -------------------------------------------------------------------------------- */

/* Edit number `state` changes so many inputs, these, to that. */
static unsigned edit_size(uint64_t state)
{
	return 1 + (unsigned)(pawl_hash_u64(state, shared->seed) % 4);
}

static uint32_t edit_at(uint64_t state, unsigned i, uint64_t *ret_number)
{
	uint64_t random = pawl_hash_u64(state * 8 + i, shared->seed + 1);

	*ret_number = random >> 32 & 1023;
	return (uint32_t)(random % shared->tasks);
}

/* Nobody reads meanwhile. */
static void world_set(uint64_t state)
{
	uint64_t number;

	for (uint32_t i = 0; i < TASKS_MOST; i++)
		world[i] = pawl_hash_u64(i, shared->seed) % 1000;
	for (uint64_t at = 1; at <= state; at++) {
		for (unsigned i = 0; i < edit_size(at); i++) {
			uint32_t n = edit_at(at, i, &number);

			world[n] = number;
		}
	}
	memset(model, 0, sizeof(model));
}

static void edit_next(void)
{
	uint64_t state = pawl_load_relaxed(&shared->begun) + 1, number;

	pawl_store_release(&shared->begun, state);
	for (unsigned i = 0; i < edit_size(state); i++) {
		uint32_t n = edit_at(state, i, &number);

		edit(n, number);
	}
	memset(model, 0, sizeof(model));
}

/* ---- the process that is killed ------------------------------------------------------------------- */

static struct pawl_store *store;

static void in_phase(enum phase phase)
{
	pawl_store_release(&shared->phase, (uint32_t)phase);
}

static uint64_t generation(void)
{
	struct pawl_store_stat stat;

	t_check(!pawl_store_stat_read(store, &stat));
	return stat.generation;
}

static void open_all(void)
{
	struct pawl_store_why why;
	int error = pawl_store_open_lmdb(getenv("T_STORE"), NULL, &why, &store);

	if (error)
		fprintf(stderr, "# open: %d %s\n", error, why.text);
	t_check(!error);
	t_check(!pawl_store_verify(store, &why));
}

/* All of it, so that all of it is there for the next one. */
static void compare_all(void)
{
	for (uint32_t n = tasks; n--;)
		compare_values(n);
	for (uint32_t n = 0; n < tasks; n += 7) {
		assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
		compare(n);
	}
	assert_int_equal(pawl_engine_wait_idle(engine, PAWL_FOREVER), 0);
}

static void count_up(void)
{
	struct pawl_engine_store_stats stats;

	t_check(!pawl_engine_store_stats_read(engine, &stats));
	pawl_add_relaxed(&shared->restored, stats.restored);
	pawl_add_relaxed(&shared->lost, stats.lost);
	t_check(!stats.lost);
}

static void acknowledge(uint64_t state)
{
	uint64_t now = generation();

	t_check(now < UINT32_MAX && state < UINT32_MAX);
	pawl_store_release(&shared->acknowledged, state << 32 | now);
	pawl_add_relaxed(&shared->snapshots, 1u);
}

/* What state was saved? Writes it down as known, for whoever comes after this process. */
static uint64_t state_found(void)
{
	uint64_t was = pawl_load_acquire(&shared->acknowledged), now = generation();
	uint64_t state = was >> 32;

	if (now != (was & UINT32_MAX)) {
		/* That of the snapshot which had not returned: never one that was not begun. */
		t_check(now == (was & UINT32_MAX) + 1);
		state = pawl_load_acquire(&shared->attempt);
		t_check(state >= was >> 32);
		pawl_store_release(&shared->acknowledged, state << 32 | now);
	}
	return state;
}

/* With the state that was saved: it is all there, and nothing is computed again. */
static void restore_acknowledged(void)
{
	uint64_t state = state_found();

	world_set(state);
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	in_phase(OPENED);
	pawl_store_relaxed(&bodies, 0u);
	compare_all();
	/* There is nothing before the first one. */
	if (generation() && pawl_load_relaxed(&bodies))
		fail_msg("%u bodies ran, of state %u", pawl_load_relaxed(&bodies),
			 (unsigned)state);
	check_sums();
	count_up();
	/* Edits begin after the last one that anybody has begun: no state comes twice. */
	world_set(pawl_load_relaxed(&shared->begun));
	for (uint32_t n = 0; n < tasks; n++)
		edit(n, world[n]);
}

static void save_acknowledged(void)
{
	uint64_t state = pawl_load_relaxed(&shared->begun);

	pawl_store_release(&shared->attempt, state);
	in_phase(SNAPSHOT);
	t_check(!pawl_engine_snapshot(engine, NULL));
	acknowledge(state);
}

/* In good order, and what nobody uses goes. */
static void close_and_open(void)
{
	bool done;

	in_phase(CLOSED);
	t_check(!pawl_engine_close(engine));
	acknowledge(pawl_load_relaxed(&shared->attempt));
	t_check(!pawl_store_compact(store, NULL, &done));
	pawl_store_close(store);
	open_all();
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	compare_all();
}

static void work_acknowledged(void)
{
	restore_acknowledged();
	in_phase(RESTORED);
	for (unsigned i = 0;; i++) {
		in_phase(EDIT);
		edit_next();
		in_phase(READ);
		compare_all();
		if (i % 3)
			save_acknowledged();
		if (i % 8 == 7) {
			save_acknowledged();
			close_and_open();
		}
	}
}

static void snap_on(void *arg)
{
	(void)arg;
	for (;;) {
		in_phase(SNAPSHOT);
		t_check(!pawl_engine_snapshot(engine, NULL));
		pawl_add_relaxed(&shared->snapshots, 1u);
	}
}

static void work_busy(void)
{
	/* Sometimes what is outside has changed meanwhile. */
	if (pawl_load_relaxed(&shared->sessions) % 3 == 2)
		pawl_add_relaxed(&shared->begun, 3u);
	world_set(pawl_load_relaxed(&shared->begun));
	up_again(2, PAWL_STORAGE_READ_WRITE_AT_SHUTDOWN, store);
	in_phase(OPENED);
	compare_all();
	check_sums();
	count_up();
	in_phase(RESTORED);
	(void)t_thread_start(read_on, NULL);
	(void)t_thread_start(read_on, &bodies);
	(void)t_thread_start(snap_on, NULL);
	for (;;) {
		in_phase(EDIT);
		edit_next();
		in_phase(READ);
		if (t_random_below(2))
			compare_values((uint32_t)t_random_below(tasks));
	}
}

static struct shared *shared_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	struct shared *at;

	t_check(fd >= 0 && !ftruncate(fd, sizeof(*at)));
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_check(at != MAP_FAILED);
	close(fd);
	return at;
}

/* Never returns: it is killed, or has found something wrong. */
static int child(const char *word)
{
	/* Whoever kills it may be killed. */
	t_check(!prctl(PR_SET_PDEATHSIG, SIGKILL));
	shared = shared_open(getenv("T_SHARED"));
	tasks = shared->tasks;
	t_check(!pawl_thread_attach("killed"));
	pawl_add_relaxed(&shared->sessions, 1u);
	in_phase(STARTED);
	open_all();
	if (!strcmp(word, "acknowledged"))
		work_acknowledged();
	work_busy();
	return 1;
}

/* ---- who kills it --------------------------------------------------------------------------------- */

static pid_t start(const char *word)
{
	char path[] = "/proc/self/exe";
	char *argv[] = {path, (char *)(uintptr_t)word, NULL};
	pid_t pid;

	pawl_store_release(&shared->phase, (uint32_t)PHASES);
	t_check(!posix_spawn(&pid, path, NULL, NULL, argv, environ));
	return pid;
}

static void pause_for(long ns)
{
	struct timespec time = {ns / 1000000000, ns % 1000000000};

	(void)nanosleep(&time, NULL);
}

/* Did it end by itself? Then it has found something. */
static bool is_over(pid_t pid)
{
	siginfo_t info = {0};

	t_check(!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid != 0;
}

/* When it comes by a place of chance, and a moment later; how long that is makes no difference to what has to hold. */
static void kill_somewhere(const char *word, unsigned *where)
{
	uint32_t wanted = (uint32_t)t_random_below(PHASES);
	pid_t pid = start(word);
	uint32_t phase = 0;
	int status;

	/* Only those who close come by there. */
	if (wanted == CLOSED && strcmp(word, "acknowledged"))
		wanted = SNAPSHOT;
	do {
		pause_for(20000);
		phase = pawl_load_acquire(&shared->phase);
	} while (phase != wanted && !(phase < PHASES && phase > wanted && wanted < EDIT) &&
		 !is_over(pid));
	pause_for((long)t_random_below(1u << t_random_below(22)));
	kill(pid, SIGKILL);
	t_check(waitpid(pid, &status, 0) == pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("it ended by itself in phase %u: status %x", phase, (unsigned)status);
	phase = pawl_load_relaxed(&shared->phase);
	where[phase]++;
	t_step();
}

static void kills(const char *word)
{
	unsigned where[PHASES + 1] = {0}, n = t_long() ? 500 : t_scaled(30);
	char path[256], name[300];

	/* A kill takes nothing from a disk in memory. */
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	t_folder_make(path, sizeof(path));
	snprintf(name, sizeof(name), "%s", path);
	strcpy(strrchr(name, '/'), "/shared");
	setenv("T_STORE", path, 1);
	setenv("T_SHARED", name, 1);
	shared = shared_open(name);
	shared->seed = t_random();
	shared->tasks = 20 + (uint32_t)t_random_below(60);
	while (n--)
		kill_somewhere(word, where);
	printf("# %s: of %u tasks; killed before opening %u, restoring %u, in edits %u, computing %u, saving %u, "
	       "closing %u; %u snapshots, %u edits, %u restored\n",
	       word, shared->tasks, where[STARTED] + where[PHASES],
	       where[OPENED] + where[RESTORED], where[EDIT], where[READ], where[SNAPSHOT],
	       where[CLOSED], (unsigned)pawl_load_relaxed(&shared->snapshots),
	       (unsigned)pawl_load_relaxed(&shared->begun),
	       (unsigned)pawl_load_relaxed(&shared->restored));
	munmap(shared, sizeof(*shared));
	t_folder_drop(path);
}

static void case_acknowledged(void **state)
{
	(void)state;
	kills("acknowledged");
}

static void case_busy(void **state)
{
	(void)state;
	kills("busy");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(case_acknowledged),
		cmocka_unit_test(case_busy),
	};

	if (argc > 1)
		return child(argv[1]);
	return t_run("crash", cases);
}

#else

int main(void)
{
	return t_run_without_lmdb("crash");
}

#endif
