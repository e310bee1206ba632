/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c - wait for a condition, and ask an event who waits for what. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <pawl/atomic.h>
#include <pawl/event.h>
#include <pawl/thread.h>

static struct pawl_event loaded = PAWL_EVENT_INIT;
static struct pawl_atomic_u32 pages;

static void wait_until_loaded(void)
{
	while (!pawl_load_acquire(&pages)) {
		struct pawl_listener listener;

		pawl_event_listen(&loaded, &listener, "pages of file", 7);
		/* The second look: a page that came before listen() woke nobody. */
		if (pawl_load_acquire(&pages)) {
			pawl_event_unlisten(&listener);
			return;
		}
		pawl_event_wait(&listener);
	}
}

static void *reader(void *ret_pages)
{
	if (pawl_thread_attach("reader"))
		return NULL;
	wait_until_loaded();
	*(uint32_t *)ret_pages = pawl_load_relaxed(&pages);
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	uint32_t seen = 0;
	char text[200];
	pthread_t thread;

	if (pawl_thread_attach("main") || pthread_create(&thread, NULL, reader, &seen))
		return 1;
	while (!pawl_event_listening(&loaded))
		sched_yield();
	pawl_event_describe(&loaded, text, sizeof(text));

	pawl_store_release(&pages, 12u); /* first make the condition true, */
	pawl_event_notify_all(&loaded);	 /* then notify */

	pawl_thread_detach(); /* or pawl_rcu_idle_enter(): join blocks outside Pawl */
	pthread_join(thread, NULL);
	printf("%sthe reader saw %u pages\n", text, seen);
	return seen == 12 && text[0] ? 0 : 1;
}
