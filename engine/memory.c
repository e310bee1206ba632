/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - a budget of memory: what is in use, and what is done before it is too much.
 *
 *	70 %  THROTTLE	what begins from outside waits
 *	65 %  START	the hand goes round (graph/evict.c) until
 *	55 %  LOW	no more than that is in use
 *	25 %  SAVE	where an eighth of the budget was taken since the last snapshot there is another one
 *
 * What is above is for what is under way when it is too much, and for the store, which has what it writes in memory: its bytes,
 * and pages for them, which are up to twice as many, since a value of more than half a page has pages of its own. So what
 * begins from outside waits earlier while a part is to be saved, or is being saved: where what is in use and STORE_COPIES
 * times what is not saved come to more than the budget. Without that bodies that do little are ahead of what saves: of 64 MB the process
 * had 1.25 to 1.45 times as much, a third of it the store's.
 *
 * In use is the larger of two: the bytes that all of Pawl has from its allocator, and what the process has come to since the
 * engine was opened, without pages of files, which the system takes back itself. The latter sees the allocator's waste,
 * stacks, and the store's own memory, and costs a system call; so it is looked at only when tasks have taken another
 * step of a 256th of the budget (graph/intake.h). An engine that computes nothing does not look.
 *
 * Only what is saved may leave, and a store needs memory for what it writes; so it is saved in parts, early. One body
 * of the runtime's does all of that, on a thread that may block. It saves, lets records leave that were not used for a
 * round of the hand, then those that were, and values that can be computed again where their records stay; has what is
 * retired freed, and gives pages back: the allocator's, and those of stacks that nobody is on, and the store's. If all that is not enough the
 * budget cannot be kept: what is wanted at one time is too large. It is told of, and tried again after a second, then
 * two, and so on up to a minute.
 *
 * Pages of the store's file that were read are mapped, and count towards what the process has, though the system can take
 * them at any time. Around each page that is touched the system maps 16, so a few hundred records that came back were the larger half
 * of what the process had beyond its budget: they are let go of each time that an eighth of the budget may be mapped by what
 * was read (eng_intake_read()), by who reads, and before and behind each snapshot.
 *
 * Progress: what waits at THROTTLE are visits, roots and tasks of the host that have not begun, called by threads that
 * run no task; so nothing that a task waits for is among them. Each waits only while that body is at work, which waits for
 * nobody, and a second at most: whatever it is that they wait for, or that waits for them, they begin.
 *
 * Rejected: asking the system at intervals (an idle engine would be woken); failing calls for want of memory (the program
 * could do nothing about it).
 */
#include "config.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/fiber.h>
#include <pawl/ids.h>
#include <pawl/mem.h>
#include <pawl/park.h>
#include <pawl/rcu.h>
#include <pawl/retire.h>
#include <pawl/runtime.h>

#include "engine.h"
#include "graph/evict.h"
#include "graph/intake.h"
#include "persist/persist.h"
#include "runtime/worker.h"

/* The allocator's, where the process has them. */
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *fresh,
		   size_t fresh_bytes) __attribute__((weak));
extern int malloc_trim(size_t pad) __attribute__((weak));

#define STEPS	      256u
#define SAVE_PARTS    8u
#define STORE_COPIES  3u
#define PAGES_PARTS   8u
#define LOOKS	      2048u
#define TURNS	      4u
#define WAIT_NS	      UINT64_C(1000000000)
#define BACK_OFF_NS   UINT64_C(1000000000)
#define BACK_OFF_MOST (60 * BACK_OFF_NS)
#define TEXT_BYTES    256u
#define LINE_BYTES    1024u

struct eng_memory {
	struct eng_intake intake;
	struct pawl_engine *engine;
	uint64_t budget, low, start, throttle;
	/* What the process had beyond Pawl's own when the engine was opened. */
	uint64_t outside;
	int statm; /* -1: not to be had */
	uint64_t page;
	/* Of the last look. Relaxed: hints. */
	struct pawl_atomic_u64 used, resident;
	/* Since the last snapshot; of the one that is being made. Relaxed. */
	struct pawl_atomic_u64 taken, saving;
	struct pawl_atomic_u32 wanted, throttled, in_vain;
	struct pawl_event want, relieved;
	/* Told again when it has lasted for twice as long. By the one body. */
	uint64_t back_off_ns, tell_at;
	bool of_use; /* the last round, said by the thread that it was on */
	/* Statistics. Relaxed. */
	struct pawl_atomic_u64 waits, waited_ns, snapshots, over;
};

/* ---- how much there is ------------------------------------------------------------------------- */

/* What the process has in memory, but for pages of files. 0: it cannot be told. */
static uint64_t resident_of(const struct eng_memory *memory)
{
	unsigned long long size, resident, shared;
	char text[TEXT_BYTES];
	ssize_t n;

	if (memory->statm < 0)
		return 0;
	n = pread(memory->statm, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = 0;
	if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || shared > resident)
		return 0;
	return (resident - shared) * memory->page;
}

static uint64_t counted(void)
{
	struct pawl_mem_stats stats;

	pawl_mem_stats_read(&stats);
	return stats.bytes;
}

static uint64_t measure(struct eng_memory *memory)
{
	uint64_t resident = resident_of(memory), used = counted();

	resident = resident > memory->outside ? resident - memory->outside : 0;
	if (used < resident)
		used = resident;
	pawl_store_relaxed(&memory->resident, resident);
	pawl_store_relaxed(&memory->used, used);
	return used;
}

static bool is_to_be_saved(const struct eng_memory *memory)
{
	const struct eng_persist *persist = memory->engine->persist;

	/* Acquire: the bitmap, if it was exchanged. Operations that are suspended may wait. */
	return persist && persist->marks &&
	       !eng_bitmap_is_empty(pawl_load_acquire(&persist->marks->modified));
}

/* So much was taken that a part of it is to be saved. */
static bool is_part(const struct eng_memory *memory, uint64_t used)
{
	return pawl_load_relaxed(&memory->taken) >= memory->budget / SAVE_PARTS &&
	       used >= memory->budget / 4 && is_to_be_saved(memory);
}

/*
 * It is, or it would be with what the store has in memory while it writes: what is to be saved, encoded, and the pages for that.
 * Only while somebody saves, or is told to: it ends then.
 */
static bool is_too_much(const struct eng_memory *memory, uint64_t used)
{
	uint64_t saving = pawl_load_relaxed(&memory->saving);
	uint64_t unsaved = saving + pawl_load_relaxed(&memory->taken);

	if (used > memory->throttle)
		return true;
	return used + unsaved * STORE_COPIES > memory->budget &&
	       (saving || is_part(memory, used));
}

/* Some thread's tasks have taken so much more. */
static void look(struct eng_intake *intake, uint64_t bytes)
{
	struct eng_memory *memory = PAWL_CONTAINER_OF(intake, struct eng_memory, intake);
	bool too_much;
	uint64_t used;

	pawl_add_relaxed(&memory->taken, bytes);
	used = measure(memory);
	too_much = is_too_much(memory, used);
	/* Relaxed: the next look corrects it. Who waits waits for a round, which is wanted below. */
	if (too_much && !pawl_load_relaxed(&memory->in_vain))
		pawl_store_relaxed(&memory->throttled, 1u);
	if (!too_much && used <= memory->start && !is_part(memory, used))
		return;
	if (!pawl_load_relaxed(&memory->wanted) && !pawl_xchg_relaxed(&memory->wanted, 1u))
		pawl_event_notify_all(&memory->want);
}

/* ---- making it less -------------------------------------------------------------------------------- */

/*
 * The pages of the store that this process has looked at: they stay in the system's cache, and come back from there at the
 * next look. Of a map that is shared nothing is lost by that, whoever's it is.
 */
static void let_go_of_files(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin, end;
	char line[LINE_BYTES], mode[8];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &begin, &end, mode) == 3 && mode[3] == 's' &&
		    strstr(line, "/data.mdb\n"))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	if (maps)
		(void)fclose(maps);
}

/* So much of it may be mapped by now. Each page that is read brings those around it, so few records map much. */
static void look_at_pages(struct eng_intake *intake)
{
	(void)intake;
	let_go_of_files();
}

/* Whatever nobody uses goes back to the system. */
static void give_back(void)
{
	pawl_retire_barrier();
	(void)pawl_fiber_trim();
	let_go_of_files();
	if (mallctl)
		/* Of all arenas: MALLCTL_ARENAS_ALL. */
		(void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
	else if (malloc_trim)
		(void)malloc_trim(0);
}

static int save(struct eng_memory *memory)
{
	struct eng_persist *persist = memory->engine->persist;
	uint64_t tasks;
	int error;

	/* What was read up to here would stay mapped until all is written. */
	let_go_of_files();
	pawl_store_relaxed(&memory->saving, pawl_xchg_relaxed(&memory->taken, UINT64_C(0)));
	pawl_store_relaxed(&persist->reason, (uint32_t)PAWL_SNAPSHOT_MEMORY);
	error = eng_persist_snapshot(persist, &tasks);
	/* What the store had for it. */
	give_back();
	pawl_store_relaxed(&memory->saving, UINT64_C(0));
	if (!error)
		pawl_add_relaxed(&memory->snapshots, 1u);
	return error;
}

/* Of what Pawl holds so much may stay. Returns: how many records have left. */
static uint64_t round_of_hand(struct eng_memory *memory, uint64_t held)
{
	struct eng_graph *graph = memory->engine->graph;
	uint64_t looks = pawl_ids_next(graph->ids[0]) / LOOKS + 1, evicted = 0;

	/* Relaxed: a hint. */
	while (looks-- && counted() > held && !pawl_load_relaxed(&graph->stopping)) {
		evicted += eng_evict_some(graph, LOOKS);
		/* What has left counts until it is freed. */
		pawl_retire_barrier();
	}
	return evicted;
}

static bool is_low(struct eng_memory *memory)
{
	return measure(memory) <= memory->low;
}

/* Whoever waits goes on. */
static void let_go(struct eng_memory *memory)
{
	pawl_store_relaxed(&memory->throttled, 0u);
	pawl_event_notify_all(&memory->relieved);
}

/* It is more than the mark. Returns: it is low now. ret_saved: something was saved. */
static bool bring_down(struct eng_memory *memory, bool *ret_saved)
{
	bool failed = false, low = false;

	/* Ends: two rounds for what was used, one more behind a snapshot. */
	for (unsigned turn = 0; turn < TURNS && !low; turn++) {
		uint64_t used = pawl_load_relaxed(&memory->used), held = counted();
		uint64_t excess = used > memory->low ? used - memory->low : 0;

		(void)round_of_hand(memory, held > excess ? held - excess : 0);
		give_back();
		low = is_low(memory);
		if (!low && !failed && is_to_be_saved(memory)) {
			/* What fails now fails again. */
			failed = save(memory);
			*ret_saved |= !failed;
			low = is_low(memory);
		}
	}
	return low;
}

bool eng_memory_relieve(struct eng_memory *memory)
{
	uint64_t before = measure(memory);
	bool saved = false, enough;

	if (is_part(memory, before))
		saved = !save(memory);
	/* Not in vain either: who wanted it may have looked before the round behind this one was over. */
	enough = measure(memory) <= memory->start || bring_down(memory, &saved);
	/* Be it less or not: there is nothing to wait for. */
	let_go(memory);
	/* What was saved may leave the next time. */
	return enough || saved || measure(memory) + memory->intake.step * 4 < before;
}

/* ---- the body that does it ---------------------------------------------------------------------------- */

/* On a thread of pawl_blocking(), in an idle stretch of its. */
static int relieve(void *arg)
{
	struct eng_memory *memory = arg;

	pawl_rcu_idle_leave();
	memory->of_use = eng_memory_relieve(memory);
	pawl_rcu_idle_enter();
	return 0;
}

static void tell_over(struct eng_memory *memory)
{
	uint64_t used = pawl_load_relaxed(&memory->used);
	char json[TEXT_BYTES];

	pawl_add_relaxed(&memory->over, 1u);
	(void)snprintf(json, sizeof(json), "{\"budget\":%" PRIu64 ",\"used\":%" PRIu64 "}",
		       memory->budget, used);
	eng_notice(memory->engine->notices, PAWL_SEVERITY_WARNING, "engine.memory", json,
		   "%.1f MB of memory are in use, and the budget is %.1f: "
		   "no more of it can leave",
		   (double)used / 1e6, (double)memory->budget / 1e6);
}

/* It was of no use: not at once again. Errors: -ECANCELED. */
static int back_off(struct eng_memory *memory)
{
	uint64_t now_ns = pawl_runtime_now(memory->engine->rt);
	int error;

	memory->back_off_ns = memory->back_off_ns ? memory->back_off_ns * 2 : BACK_OFF_NS;
	if (memory->back_off_ns > BACK_OFF_MOST)
		memory->back_off_ns = BACK_OFF_MOST;
	if (now_ns >= memory->tell_at) {
		tell_over(memory);
		memory->tell_at = now_ns + 2 * memory->back_off_ns;
	}
	/* Nobody waits for a body that waits itself: who began to since the last round, either. */
	pawl_store_relaxed(&memory->in_vain, 1u);
	let_go(memory);
	error = pawl_sleep_until(now_ns + memory->back_off_ns);
	/* A look that saw it before may have said so all the same. It wants a round as well then (look()), which ends that. */
	pawl_store_relaxed(&memory->throttled, 0u);
	pawl_store_relaxed(&memory->in_vain, 0u);
	return error;
}

static int wait_wanted(struct eng_memory *memory)
{
	struct pawl_listener listener;

	while (!pawl_xchg_acq_rel(&memory->wanted, 0u)) {
		int error;

		pawl_event_listen(&memory->want, &listener, "memory", 0);
		if (pawl_load_relaxed(&memory->wanted)) {
			pawl_event_unlisten(&listener);
			continue;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
		if (error)
			return error;
	}
	return 0;
}

static int body(void *arg, void **ret_value)
{
	struct eng_memory *memory = arg;

	(void)ret_value;
	for (;;) {
		int error = wait_wanted(memory);

		if (!error)
			error = pawl_blocking(memory->engine->rt, relieve, memory);
		if (!error && pawl_load_relaxed(&memory->used) > memory->start) {
			if (memory->of_use)
				pawl_store_relaxed(&memory->wanted, 1u);
			else
				error = back_off(memory);
		} else {
			memory->back_off_ns = 0;
		}
		if (error == -ECANCELED)
			return error;
	}
}

/* ---- who waits ------------------------------------------------------------------------------------------- */

/* Relaxed: hints. */
static bool is_throttled(struct eng_memory *memory)
{
	return pawl_load_relaxed(&memory->throttled) && !pawl_load_relaxed(&memory->in_vain);
}

void eng_memory_turn(struct eng_memory *memory)
{
	struct pawl_listener listener;
	uint64_t begun_ns;
	int error = 0;

	/* A host has one thread for all of it. */
	if (PAWL_LIKELY(!memory) || !is_throttled(memory) || memory->engine->rt->options.host ||
	    eng_run_here())
		return;
	begun_ns = pawl_now_ns();
	pawl_event_listen(&memory->relieved, &listener, "memory", 0);
	if (is_throttled(memory))
		error = pawl_event_wait_until(&listener, begun_ns + WAIT_NS);
	else
		pawl_event_unlisten(&listener);
	(void)error;
	pawl_add_relaxed(&memory->waits, 1u);
	pawl_add_relaxed(&memory->waited_ns, pawl_now_ns() - begun_ns);
}

/* ---- the whole --------------------------------------------------------------------------------------------- */

int eng_memory_open(struct pawl_engine *engine, uint64_t bytes, struct eng_memory **ret_memory)
{
	struct eng_memory *memory;
	uint64_t resident;

	*ret_memory = NULL;
	if (!bytes)
		return 0;
	memory = pawl_mem_zalloc(sizeof(*memory), PAWL_LINE_BYTES);
	if (!memory)
		return -ENOMEM;
	memory->engine = engine;
	memory->budget = bytes;
	memory->throttle = bytes / 20 * 14;
	memory->start = bytes / 20 * 13;
	memory->low = bytes / 20 * 11;
	memory->intake.look = look;
	memory->intake.step = bytes / STEPS;
	memory->intake.look_at_pages = look_at_pages;
	memory->intake.pages_step = bytes / PAGES_PARTS;
	memory->page = (uint64_t)sysconf(_SC_PAGESIZE);
	memory->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	pawl_event_init(&memory->want);
	pawl_event_init(&memory->relieved);
	resident = resident_of(memory);
	memory->outside = resident > counted() ? resident - counted() : 0;
	engine->graph->intake = &memory->intake;
	*ret_memory = memory;
	return 0;
}

int eng_memory_start(struct eng_memory *memory)
{
	struct pawl_task_options options = PAWL_TASK_OPTIONS_INIT;

	options.name = "memory";
	return pawl_spawn(memory->engine->group, &options, body, memory, NULL);
}

void eng_memory_close(struct eng_memory *memory)
{
	if (!memory)
		return;
	if (memory->statm >= 0)
		(void)close(memory->statm);
	pawl_mem_free(memory, sizeof(*memory), PAWL_LINE_BYTES);
}

void pawl_engine_memory_read(struct pawl_engine *engine, struct pawl_engine_memory *ret_memory)
{
	struct eng_memory *memory = engine->memory;
	const struct eng_evict *evict = engine->graph->evict;

	memset(ret_memory, 0, sizeof(*ret_memory));
	ret_memory->counted_bytes = counted();
	if (evict) {
		ret_memory->evicted = pawl_load_relaxed(&evict->evicted);
		ret_memory->restored = pawl_load_relaxed(&evict->back);
		ret_memory->dropped = pawl_load_relaxed(&evict->dropped);
	}
	if (!memory)
		return;
	(void)measure(memory);
	ret_memory->budget_bytes = memory->budget;
	ret_memory->resident_bytes = pawl_load_relaxed(&memory->resident);
	ret_memory->snapshots = pawl_load_relaxed(&memory->snapshots);
	ret_memory->waits = pawl_load_relaxed(&memory->waits);
	ret_memory->waited_ns = pawl_load_relaxed(&memory->waited_ns);
	ret_memory->over = pawl_load_relaxed(&memory->over);
}
