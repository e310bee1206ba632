/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/thread.c. Threads attach and detach by themselves; the first attach
 * of a run starts the reclaimer and the last detach ends it, so all of that is inside.
 *
 *  slots2, slots3, slots-twice   slots of threads attached at one time differ; what is kept by
 *                       slot (plain memory) passes from one owner to the next in order
 *  lowest               with one other thread the slot is 0 or 1
 *  nested               the inner detach changes nothing
 *  count                never above the threads there are, 0 in the end
 *  exit                 a thread that ends attached is detached and reported once
 *  exit-idle            the same inside an idle stretch
 *  exit-retire          what it had retired is freed
 *  fork                 in a child that was forked while a thread was attached nobody attaches
 *  oom                  an attach that fails leaves no trace
 *  late-wake            an unpark meets a thread that detaches and one that takes its block
 *  wake-exit            a waiter ends its life at once when woken
 */
#include "scenario.h"

#include <errno.h>
#include <pthread.h>

#define SLOTS 4

static struct pawl_atomic_u32 owners[SLOTS];
static unsigned uses[SLOTS];
static struct pawl_atomic_ptr waiter;
static struct pawl_atomic_u32 flag, freed;
static struct pawl_event event;
static uint64_t left_before;

static void setup(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		pawl_init_word(&owners[i], 0u);
		uses[i] = 0;
	}
	pawl_init_word(&waiter, NULL);
	pawl_init_word(&flag, 0u);
	pawl_init_word(&freed, 0u);
	pawl_event_init(&event);
	left_before = pawl_report_count(PAWL_REPORT_THREAD_LEFT);
}

static void finish(void)
{
	mc_assert(!pawl_thread_attached());
	mc_assert(pawl_thread_count() == 0);
}

static unsigned all_uses(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		sum += uses[i];
	return sum;
}

/* A thread is attached in the parent, so the child does not. */
static void finish_fork(void)
{
	finish();
	/* Nobody is attached: a child may attach. */
	mc_fork();
	scn_attach();
	mc_fork();
	pawl_thread_detach();
	if (mc_exploring())
		mc_assert(pawl_thread_attach("child") == -ENOTSUP);
}

static void finish_2(void)
{
	finish();
	mc_assert(all_uses() == 2);
}

static void finish_3(void)
{
	finish();
	mc_assert(all_uses() == 3);
}

static void finish_4(void)
{
	finish();
	mc_assert(all_uses() == 4);
}

static void use_slot(void)
{
	unsigned slot = pawl_thread_slot();

	mc_assert(slot < SLOTS);
	mc_assert(!pawl_xchg_relaxed(&owners[slot], 1u));
	uses[slot]++;
	mc_assert(pawl_thread_slot() == slot);
	pawl_store_relaxed(&owners[slot], 0u);
}

static void attach_use_detach(void)
{
	mc_assert(!pawl_thread_attached());
	scn_attach();
	mc_assert(pawl_thread_attached());
	use_slot();
	pawl_thread_detach();
	mc_assert(!pawl_thread_attached());
}

static void attach_use_detach_twice(void)
{
	attach_use_detach();
	attach_use_detach();
}

/* Whatever of it fails, the next one finds all as before. */
static void attach_without_memory(void)
{
	int err = pawl_thread_attach("scenario");

	mc_assert(err == 0 || err == -ENOMEM || err == -EAGAIN);
	mc_assert(pawl_thread_attached() == !err);
	if (err)
		return;
	use_slot();
	pawl_thread_detach();
}

static void attach_lowest(void)
{
	scn_attach();
	mc_assert(pawl_thread_slot() <= 1);
	pawl_thread_detach();
}

static void nested(void)
{
	unsigned slot;

	scn_attach();
	slot = pawl_thread_slot();
	scn_attach();
	use_slot();
	pawl_thread_detach();
	mc_assert(pawl_thread_attached());
	mc_assert(pawl_thread_slot() == slot);
	pawl_thread_detach();
	mc_assert(!pawl_thread_attached());
}

static void count(void)
{
	mc_assert(pawl_thread_count() <= 2);
	scn_attach();
	mc_assert(pawl_thread_count() >= 1 && pawl_thread_count() <= 2);
	pawl_thread_detach();
	mc_assert(pawl_thread_count() <= 1);
}

/* ---- exit: a thread of its own that ends attached ---------------------- */

struct object {
	struct pawl_retire_node node;
};

static void object_free(struct pawl_retire_node *node)
{
	pawl_mem_free(node, sizeof(struct object), 0);
	pawl_add_release(&freed, 1u);
}

static void *leave_attached(void *arg)
{
	(void)arg;
	scn_attach();
	use_slot();
	return NULL;
}

static void *leave_retired(void *arg)
{
	struct object *object = scn_alloc(sizeof(*object));

	(void)arg;
	scn_attach();
	use_slot();
	(void)pawl_retire(&object->node, sizeof(*object), object_free);
	return NULL;
}

static void *leave_idle(void *arg)
{
	(void)arg;
	scn_attach();
	use_slot();
	pawl_rcu_idle_enter();
	pawl_rcu_idle_enter();
	return NULL;
}

static void run_thread(void *(*body)(void *))
{
	pthread_t thread;

	mc_assert(!pthread_create(&thread, NULL, body, NULL));
	mc_assert(!pthread_join(thread, NULL));
}

static void starter(void)
{
	run_thread(leave_attached);
}

static void idle_starter(void)
{
	run_thread(leave_idle);
}

static void retire_starter(void)
{
	run_thread(leave_retired);
}

static void finish_left(void)
{
	finish_2();
	mc_assert(pawl_report_count(PAWL_REPORT_THREAD_LEFT) == left_before + 1);
}

static void finish_left_freed(void)
{
	finish_left();
	mc_assert(pawl_load_acquire(&freed) == 1);
}

/* ---- late-wake --------------------------------------------------------- */

/* Leaves when it sees the flag; its wake-up may come to whoever has the block then. */
static void early_leaver(void)
{
	scn_attach();
	pawl_store_release(&waiter, pawl_waiter_self());
	pawl_rcu_idle_enter();
	scn_await(&flag, 1);
	pawl_rcu_idle_leave();
	pawl_thread_detach();
	/* Perhaps the same block again: it bears a wake-up for nothing. */
	scn_attach();
	(void)pawl_park_until(0);
	pawl_thread_detach();
}

/*
 * What notifying does inside: state first, wake second. The block stays a waiter because this
 * thread is attached, so that the other one's detach is not the last.
 */
static void late_waker(void)
{
	struct pawl_waiter *target;

	scn_attach();
	target = scn_await_ptr(&waiter);
	pawl_store_release(&flag, 1u);
	pawl_unpark(target);
	pawl_thread_detach();
}

/* ---- wake-exit --------------------------------------------------------- */

static void wait_and_leave(void)
{
	scn_attach();
	while (!pawl_load_relaxed(&flag)) {
		struct pawl_listener listener;

		pawl_event_listen(&event, &listener, NULL, 0);
		if (pawl_load_relaxed(&flag)) {
			pawl_event_unlisten(&listener);
			break;
		}
		pawl_event_wait(&listener);
	}
	pawl_thread_detach();
}

static void wake_and_leave(void)
{
	scn_attach();
	pawl_store_relaxed(&flag, 1u);
	pawl_event_notify(&event, 1);
	pawl_thread_detach();
}

static const char *const tallies[] = {"registry_busy", NULL};

#define BARE  .setup = setup, .bare = true, .native_divisor = 10, .no_spurious = true, \
	      .tallies = tallies
#define IDEAL .ideal_locks = true, .ideal_parks = true

static const struct mc_scenario scenarios[] = {
	{.name = "slots2", BARE, .threads = {attach_use_detach, attach_use_detach},
	 .finish = finish_2},
	{.name = "slots3", BARE,
	 .threads = {attach_use_detach, attach_use_detach, attach_use_detach}, .finish = finish_3},
	{.name = "slots-twice", BARE, .threads = {attach_use_detach_twice, attach_use_detach_twice},
	 .finish = finish_4, IDEAL},
	{.name = "lowest", BARE, .threads = {attach_lowest, attach_lowest}, .finish = finish},
	{.name = "nested", BARE, .threads = {nested, nested}, .finish = finish_2},
	{.name = "count", BARE, .threads = {count, count}, .finish = finish},
	{.name = "exit", BARE, .threads = {starter, attach_use_detach}, .finish = finish_left},
	{.name = "exit-idle", BARE, .threads = {idle_starter, attach_use_detach},
	 .finish = finish_left},
	{.name = "exit-retire", BARE, .threads = {retire_starter, attach_use_detach},
	 .finish = finish_left_freed, IDEAL},
	{.name = "fork", BARE, .threads = {attach_use_detach}, .finish = finish_fork},
	{.name = "oom", BARE, .threads = {attach_without_memory, attach_without_memory},
	 .finish = finish, IDEAL, .oom = 1},
	{.name = "late-wake", BARE, .threads = {early_leaver, late_waker}, .finish = finish, IDEAL},
	{.name = "wake-exit", BARE, .threads = {wait_and_leave, wake_and_leave}, .finish = finish,
	 IDEAL},
};
MC_MAIN(scenarios)
