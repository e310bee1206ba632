/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * b-fiber.c - fibres: ours. The peers are in base-fiber.c and base-boost-context.c.
 */
#include "bench.h"

#include <pawl/event.h>
#include <pawl/fiber.h>
#include <pawl/park.h>
#include <pawl/thread.h>

#include <stdlib.h>

struct side {
	struct pawl_fiber_hooks hooks;
	struct pawl_fiber *fibers[2];
	struct pawl_fiber *next; /* made ready, not yet resumed */
	struct pawl_event events[2];
	uint64_t rounds;
	uint32_t turn;
};

static void ready(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber)
{
	struct side *side = PAWL_CONTAINER_OF(hooks, struct side, hooks);

	side->next = fiber;
}

static void enter(struct b_worker *w)
{
	struct side *side = b_alloc(sizeof(*side));

	if (pawl_thread_attach("bench"))
		b_die("cannot attach");
	side->hooks.ready = ready;
	pawl_fiber_set_hooks(&side->hooks);
	w->local = side;
}

static void leave(struct b_worker *w)
{
	pawl_thread_detach();
	free(w->local);
}

static struct pawl_fiber *make(pawl_fiber_fn *fn, void *arg)
{
	struct pawl_fiber *fiber;

	if (pawl_fiber_create(NULL, fn, arg, &fiber))
		b_die("cannot make a fibre");
	return fiber;
}

static void drop(struct pawl_fiber *fiber)
{
	if (pawl_fiber_destroy(fiber))
		b_die("cannot destroy a fibre");
}

/* ---- switch ------------------------------------------------------------ */

static void switch_body(void *arg)
{
	(void)arg;
	for (;;)
		pawl_fiber_suspend();
}

static void switch_enter(struct b_worker *w)
{
	struct side *side;

	enter(w);
	side = w->local;
	side->fibers[0] = make(switch_body, NULL);
	pawl_fiber_resume(side->fibers[0]);
}

static void switch_leave(struct b_worker *w)
{
	struct side *side = w->local;

	pawl_fiber_kill(side->fibers[0]);
	drop(side->fibers[0]);
	leave(w);
}

static void switch_work(struct b_worker *w, uint64_t n)
{
	struct side *side = w->local;

	for (n = (n + 1) / 2; n; n--)
		pawl_fiber_resume(side->fibers[0]);
}

/* ---- spawn ------------------------------------------------------------- */

static void nothing(void *arg)
{
	b_use(arg);
}

static void spawn_work(struct b_worker *w, uint64_t n)
{
	(void)w;
	while (n--) {
		struct pawl_fiber *fiber = make(nothing, w);

		pawl_fiber_resume(fiber);
		drop(fiber);
	}
}

/* Without running it: what the pool costs. */
static void create_work(struct b_worker *w, uint64_t n)
{
	(void)w;
	while (n--)
		drop(make(nothing, w));
}

/* Many at once: the pool's magazines and the depot. */
enum { MANY = 1024 };

static void many_work(struct b_worker *w, uint64_t n)
{
	struct pawl_fiber *fibers[MANY];

	while (n) {
		uint64_t many = n < MANY ? n : MANY;

		for (uint64_t i = 0; i < many; i++) {
			fibers[i] = make(nothing, w);
			pawl_fiber_resume(fibers[i]);
		}
		for (uint64_t i = 0; i < many; i++)
			drop(fibers[i]);
		n -= many;
	}
}

/* ---- waiting ----------------------------------------------------------- */

static void park_body(void *arg)
{
	struct side *side = arg;
	struct pawl_fiber *self = pawl_fiber_self();
	struct pawl_fiber *other = side->fibers[side->fibers[0] == self];

	for (uint64_t i = side->rounds; i; i--) {
		pawl_unpark(pawl_fiber_waiter(other));
		pawl_park();
	}
	pawl_unpark(pawl_fiber_waiter(other));
}

static void event_body(void *arg)
{
	struct side *side = arg;
	unsigned me = side->fibers[1] == pawl_fiber_self();

	for (uint64_t i = side->rounds; i; i--) {
		while (side->turn != me) {
			struct pawl_listener listener;

			pawl_event_listen(&side->events[me], &listener, "turn", 0);
			pawl_event_wait(&listener);
		}
		side->turn = 1 - me;
		pawl_event_notify(&side->events[1 - me], 1);
	}
}

static void wait_work(struct b_worker *w, uint64_t n)
{
	struct side *side = w->local;
	unsigned live = 2;

	side->rounds = n;
	side->turn = 0;
	for (unsigned i = 0; i < 2; i++) {
		pawl_event_init(&side->events[i]);
		side->fibers[i] = make(w->run->cas->arg ? event_body : park_body, side);
	}
	/* The second first: it listens, and the first has somebody to wake. */
	for (unsigned i = 2; i-- > 0;) {
		if (pawl_fiber_resume(side->fibers[i]) == PAWL_FIBER_FINISHED)
			live--;
	}
	while (live && side->next) {
		struct pawl_fiber *fiber = side->next;

		side->next = NULL;
		if (pawl_fiber_resume(fiber) == PAWL_FIBER_FINISHED)
			live--;
	}
	if (live)
		b_die("a fibre sleeps for ever");
	drop(side->fibers[0]);
	drop(side->fibers[1]);
}

static const struct b_case cases[] = {
	{.bench = "fiber-switch",
	 .contender = "pawl",
	 .threads = 1,
	 .enter = switch_enter,
	 .work = switch_work,
	 .leave = switch_leave},
	{.bench = "fiber-spawn",
	 .contender = "pawl",
	 .threads = 1,
	 .enter = enter,
	 .work = spawn_work,
	 .leave = leave},
	{.bench = "fiber-spawn",
	 .contender = "pawl-create",
	 .threads = 1,
	 .enter = enter,
	 .work = create_work,
	 .leave = leave},
	{.bench = "fiber-spawn",
	 .contender = "pawl-1024",
	 .threads = 1,
	 .enter = enter,
	 .work = many_work,
	 .leave = leave},
	{.bench = "fiber-wait",
	 .contender = "pawl",
	 .threads = 1,
	 .enter = enter,
	 .work = wait_work,
	 .leave = leave},
	{.bench = "fiber-wait",
	 .contender = "pawl-event",
	 .arg = 1,
	 .threads = 1,
	 .enter = enter,
	 .work = wait_work,
	 .leave = leave},
};
B_CASES(cases)

int main(int argc, char **argv)
{
	static const struct b_bench benches[] = {
		{.name = "fiber-switch", .text = "one switch, there or back"},
		{.name = "fiber-spawn",
		 .text = "create, run to the end, destroy; pawl-create: no run"},
		{.name = "fiber-wait",
		 .text = "round trip between two that wake each other, on one processor",
		 .mode = B_ROUNDS},
	};

	return b_main(argc, argv, benches, sizeof(benches) / sizeof(benches[0]));
}
