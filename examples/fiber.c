/* SPDX-License-Identifier: BSD-2-Clause */
/* fiber.c - two fibres on one thread, one waits for the other, and a scheduler of a few lines. */
#include <stdio.h>
#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/fiber.h>
#include <pawl/thread.h>

static struct pawl_event baked = PAWL_EVENT_INIT;
static unsigned loaves, eaten;
/* All wakers are on this thread; others would push with a compare-exchange. */
static struct pawl_fiber *ready_list;

static void ready(const struct pawl_fiber_hooks *hooks, struct pawl_fiber *fiber)
{
	(void)hooks;
	pawl_store_relaxed(pawl_fiber_link(fiber), (void *)ready_list);
	ready_list = fiber;
}

static void eater(void *arg)
{
	(void)arg;
	for (; eaten < 3; eaten = loaves) {
		struct pawl_listener listener;

		pawl_event_listen(&baked, &listener, "a loaf", eaten);
		pawl_event_wait(&listener); /* the baker works meanwhile */
	}
}

static void baker(void *arg)
{
	(void)arg;
	while (++loaves < 4) {
		pawl_event_notify(&baked, 1); /* wakes the eater: ready() */
		pawl_fiber_suspend();
	}
}

int main(void)
{
	static const struct pawl_fiber_hooks hooks = {ready};
	struct pawl_fiber *fibers[2];

	if (pawl_thread_attach("main") || pawl_fiber_create(NULL, eater, NULL, &fibers[0]) ||
	    pawl_fiber_create(NULL, baker, NULL, &fibers[1]))
		return 1;
	pawl_fiber_set_hooks(&hooks);
	for (ready_list = fibers[0]; ready_list || loaves < 4;) {
		struct pawl_fiber *fiber = ready_list ? ready_list : fibers[1];
		ready_list = ready_list ? pawl_load_relaxed(pawl_fiber_link(fiber)) : NULL;
		if (pawl_fiber_resume(fiber) == PAWL_FIBER_FINISHED &&
		    pawl_fiber_destroy(fiber))
			return 1;
	}
	printf("%u loaves eaten\n", eaten);
	pawl_thread_detach();
	return eaten == 3 ? 0 : 1;
}
