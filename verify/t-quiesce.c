/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of engine/graph/quiesce.c. Inside means to write plain words; who has a moment reads and writes them
 * all: somebody still inside, or not ordered before or behind, is a race. An operation has one step
 * of its work on each side of a point; at a moment each that has begun has ended or is among the suspended ones,
 * with what is left of it.
 *
 *  enter            an operation beside a moment
 *  enter-two        two operations
 *  enter-twice      an operation after the other
 *  look             the door is shut for a look first, and opened again
 *  reopen           it does not stay shut for long
 *  point            an operation suspends itself
 *  point-two        beside one that does not
 *  again            it comes back beside a second moment
 *  removal          one waits inside for what another one adds
 *  two-moments      of two threads
 *  nested           inside of another one
 *  watch            who has seen what an operation did first waits until it is over, and sees the rest
 *  watch-again      that does not wait for the next one: and is not kept waiting by it
 *  watch-two        two who wait
 *  watch-both       for two
 *  watch-point      for one that suspends itself, for a moment
 *  watch-real       with the real lock and park
 *  alone, -back, -twice: who sees that no operation is under way before and after sees no half of one
 *  alone-point      nor of one that was suspended
 *  make, make-two   the first entry of a thread; of two
 *  lost-...         membarrier(2) is refused after it was granted
 *  fenced-...       where membarrier(2) is not to be had
 *  real             with the real lock and park
 */
/* mc-sources: engine/graph/quiesce.c */
#include "scenario.h"

#include <errno.h>

#include "../engine/graph/quiesce.h"

/* An operation: what is left of it, written inside and at moments. */
struct work {
	unsigned begun, ended, left;
};

static struct eng_quiesce *quiesce;
static struct work works[3];
static struct pawl_atomic_u32 added;
static unsigned told[2];
#ifdef PAWL_MC
static struct eng_quiesce_slot *other;
#endif

static void make(bool fenced, uint32_t ready, uint32_t looks, uint32_t reopens)
{
	struct eng_quiesce_options options = ENG_QUIESCE_OPTIONS_INIT;

	scn_attach();
	options.fenced = fenced;
	options.ready = ready;
	options.looks = looks;
	options.nap_ns = 0;
	options.shut_ns = 0;
	options.reopens = reopens;
	mc_assert(eng_quiesce_create(&options, &quiesce) == 0);
	memset(works, 0, sizeof(works));
	pawl_init_word(&added, 0u);
	memset(told, 0, sizeof(told));
}

static void setup(void)
{
	make(false, 3, 0, 0);
}

static void setup_new(void)
{
	make(false, 0, 0, 0);
}

static void setup_look(void)
{
	make(true, 3, 1, 0);
}

static void setup_reopen(void)
{
	make(true, 3, 0, 1);
}

static void setup_fenced(void)
{
	make(true, 3, 0, 0);
	mc_assert(eng_quiesce_fenced(quiesce));
}

/* ---- moments --------------------------------------------------------------------------- */

static void one_suspended(void *arg, void *op)
{
	struct work *work = op;

	mc_assert(work->begun == work->ended + 1 && work->left == 1);
	(*(unsigned *)arg)++;
}

static void moment(void *arg)
{
	unsigned begun = 0, ended = 0, suspended = 0;

	(void)arg;
	mc_assert(eng_quiesce_inside(quiesce) == 0);
	for (unsigned i = 0; i < 3; i++) {
		begun += works[i].begun;
		ended += works[i].ended;
	}
	eng_quiesce_each_suspended(quiesce, one_suspended, &suspended);
	mc_assert(begun == ended + suspended);
	/* As a capture writes. */
	for (unsigned i = 0; i < 3; i++) {
		works[i].begun++;
		works[i].ended++;
	}
}

static void take(void)
{
	mc_assert(eng_quiesce_run(quiesce, moment, NULL) == 0);
}

static void take_two(void)
{
	take();
	take();
}

static void finish(void)
{
	struct eng_quiesce_stats stats;

	take();
	eng_quiesce_stats_read(quiesce, &stats);
	mc_assert(stats.moments >= 1 && stats.at_once <= stats.moments);
	eng_quiesce_destroy(quiesce);
	pawl_thread_detach();
}

/* ---- operations ------------------------------------------------------------------------ */

static struct eng_quiesce_slot *begin(struct work *work)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, work);

	mc_assert(slot);
	work->begun++;
	work->left = 2;
	return slot;
}

static void end(struct work *work, struct eng_quiesce_slot *slot)
{
	work->left = 0;
	work->ended++;
	eng_quiesce_leave(quiesce, slot);
}

static void operate(void)
{
	struct work *work = &works[mc_thread()];

	end(work, begin(work));
}

static void operate_twice(void)
{
	operate();
	operate();
}

static void operate_point(void)
{
	struct work *work = &works[mc_thread()];
	struct eng_quiesce_slot *slot = begin(work);

	work->left = 1;
	eng_quiesce_point(quiesce, slot);
	mc_assert(work->left == 1);
	end(work, slot);
}

static void operate_nested(void)
{
	struct work *work = &works[mc_thread()];
	struct eng_quiesce_slot *slot = begin(work);
	struct eng_quiesce_slot *inner = eng_quiesce_enter(quiesce, &works[2]);

	mc_assert(!inner && eng_quiesce_is_inside(quiesce));
	mc_assert(eng_quiesce_run(quiesce, moment, NULL) == -EDEADLK);
	eng_quiesce_point(quiesce, inner);
	work->left = 1;
	eng_quiesce_leave(quiesce, inner);
	end(work, slot);
	mc_assert(!eng_quiesce_is_inside(quiesce));
}

static void add(void)
{
	struct work *work = &works[mc_thread()];
	struct eng_quiesce_slot *slot = begin(work);

	pawl_store_release(&added, 1u);
	end(work, slot);
}

/* The first half is seen by who looks, the second by who waits. */
static struct eng_quiesce_slot *begin_telling(struct work *work, unsigned bit)
{
	struct eng_quiesce_slot *slot = begin(work);

	pawl_or_release(&added, bit);
	return slot;
}

static void tell(void)
{
	struct work *work = &works[0];
	struct eng_quiesce_slot *slot = begin_telling(work, 1);

	told[0] = 1;
	end(work, slot);
}

#ifdef PAWL_MC
/* And goes on with what another slot has begun: that of setup(), which is a thread of its own there. */
static void setup_both(void)
{
	setup_fenced();
	other = begin_telling(&works[1], 2);
}

static void tell_both(void)
{
	tell();
	told[1] = 1;
	end(&works[1], other);
}
#endif

static void tell_twice(void)
{
	tell();
	operate();
}

static void tell_point(void)
{
	struct work *work = &works[0];
	struct eng_quiesce_slot *slot = begin_telling(work, 1);

	work->left = 1;
	eng_quiesce_point(quiesce, slot);
	told[0] = 1;
	end(work, slot);
}

static void watch(void)
{
	struct eng_quiesce_watch watch = {.quiesce = quiesce};
	uint32_t seen = pawl_load_acquire(&added);

	if (!seen)
		return;
	while (eng_quiesce_watch(&watch)) {
		struct pawl_listener listener;

		pawl_event_listen(eng_quiesce_left(quiesce), &listener, "left", 0);
		if (eng_quiesce_is_past(&watch))
			(void)pawl_event_unlisten(&listener);
		else
			(void)pawl_event_wait(&listener);
	}
	mc_assert(!(seen & 1) || told[0]);
	mc_assert(!(seen & 2) || told[1]);
}

/* What an operation changes in two records: the release of each is that of a lock. */
static struct pawl_atomic_u32 halves[2];

static void change_halves(uint32_t number, bool suspends)
{
	struct work *work = &works[0];
	struct eng_quiesce_slot *slot = begin(work);

	pawl_store_release(&halves[0], number);
	work->left = 1;
	if (suspends)
		eng_quiesce_point(quiesce, slot);
	pawl_store_release(&halves[1], number);
	end(work, slot);
}

static void change_once(void)
{
	change_halves(1, false);
}

static void change_twice(void)
{
	change_halves(1, false);
	change_halves(2, false);
}

static void change_point(void)
{
	change_halves(1, true);
}

static void look_alone(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, &works[1]);
	uint64_t before, after;

	if (eng_quiesce_is_alone(quiesce, slot, &before)) {
		uint32_t first = pawl_load_acquire(&halves[0]);
		uint32_t second = pawl_load_acquire(&halves[1]);

		mc_assert(!eng_quiesce_is_alone(quiesce, slot, &after) || before != after ||
			  first == second);
	}
	eng_quiesce_leave(quiesce, slot);
}

static void look_back(void)
{
	struct eng_quiesce_slot *slot = eng_quiesce_enter(quiesce, &works[1]);
	uint64_t before, after;

	if (eng_quiesce_is_alone(quiesce, slot, &before)) {
		uint32_t second = pawl_load_acquire(&halves[1]);
		uint32_t first = pawl_load_acquire(&halves[0]);

		mc_assert(!eng_quiesce_is_alone(quiesce, slot, &after) || before != after ||
			  first == second);
	}
	eng_quiesce_leave(quiesce, slot);
}

/* It comes back from where it suspended itself. */
static void take_alone(void)
{
	take();
	look_alone();
}

static void setup_halves(void)
{
	setup();
	pawl_init_word(&halves[0], 0u);
	pawl_init_word(&halves[1], 0u);
}

static void take_watch(void)
{
	take();
	watch();
}

/* It has seen the first half of the addition, and comes inside before the second. */
static void remove_added(void)
{
	struct work *work = &works[mc_thread()];
	struct eng_quiesce_slot *slot = begin(work);

	work->left = 1;
	while (!pawl_load_acquire(&added)) {
		eng_quiesce_point(quiesce, slot);
		pawl_pause();
	}
	end(work, slot);
}

#define COMMON(NAME, SETUP, ...)                                                  \
	.name = NAME, .setup = SETUP, .threads = {__VA_ARGS__}, .finish = finish, \
	.ideal_locks = true, .ideal_parks = true, .no_spurious = true
#define QUIET(...)                  \
	{                           \
		COMMON(__VA_ARGS__) \
	}
#define QUICK(...)                                 \
	{                                          \
		COMMON(__VA_ARGS__), .quick = true \
	}

#define LOST(...)                                            \
	{                                                    \
		COMMON(__VA_ARGS__), .membarrier_lost = true \
	}

static const struct mc_scenario scenarios[] = {
	QUICK("enter", setup, operate, take),
	QUIET("enter-two", setup_fenced, operate, operate, take),
	QUICK("enter-twice", setup_fenced, operate_twice, take),
	QUICK("look", setup_look, operate, take),
	QUIET("reopen", setup_reopen, operate_point, take),
	QUICK("point", setup, operate_point, take),
	QUIET("point-two", setup_fenced, operate_point, operate, take),
	QUIET("again", setup_fenced, operate_point, take_two),
	QUIET("removal", setup_fenced, add, remove_added, take),
	QUICK("two-moments", setup, take, take),
	QUICK("nested", setup_fenced, operate_nested, take),
	QUICK("watch", setup, tell, watch),
	QUICK("watch-fenced", setup_fenced, tell, watch),
	QUIET("watch-again", setup_fenced, tell_twice, watch),
	QUIET("watch-two", setup_fenced, tell, watch, watch),
#ifdef PAWL_MC
	QUIET("watch-both", setup_both, tell_both, watch),
#endif
	QUIET("watch-point", setup_fenced, tell_point, take_watch),
	{.name = "watch-real",
	 .setup = setup_fenced,
	 .threads = {tell, watch},
	 .finish = finish,
	 .no_spurious = true},
	QUICK("alone", setup_halves, change_once, look_alone),
	QUICK("alone-back", setup_halves, change_once, look_back),
	QUIET("alone-twice", setup_halves, change_twice, look_back),
	QUIET("alone-point", setup_halves, change_point, take_alone),
	QUICK("make", setup_new, operate, take),
	QUIET("make-two", setup_new, operate, operate),
	LOST("lost-enter", setup, operate, take),
	LOST("lost-twice", setup, operate_twice, take),
	LOST("lost-point", setup, operate_point, take),
	LOST("lost-watch", setup, tell, watch),
	QUICK("fenced-enter", setup_fenced, operate, take),
	QUICK("fenced-point", setup_fenced, operate_point, take),
	{.name = "real",
	 .setup = setup_fenced,
	 .threads = {operate_point, take},
	 .finish = finish,
	 .no_spurious = true},
};

MC_MAIN(scenarios)
