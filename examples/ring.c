/* SPDX-License-Identifier: BSD-2-Clause */
/* ring.c - lines from one thread to another; the consumer sleeps when there is nothing. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/ec.h>
#include <pawl/ring.h>
#include <pawl/thread.h>

static struct pawl_ring ring;
static struct pawl_ec arrived;

static void *consumer(void *ret_count)
{
	void *line = NULL;

	if (pawl_thread_attach("consumer"))
		return NULL;
	/* NULL is an item like any other: here it says that nothing more comes. */
	do {
		while (!pawl_ring_pop(&ring, &line)) {
			pawl_ec_key_t key = pawl_ec_prepare(&arrived);

			if (pawl_ring_is_empty(&ring))
				pawl_ec_wait(&arrived, key);
			else
				pawl_ec_cancel(&arrived);
		}
		*(unsigned *)ret_count += line != NULL;
	} while (line);
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	static char *lines[] = {"one", "two", "three", NULL};
	unsigned count = 0;
	pthread_t thread;

	pawl_ec_init(&arrived);
	if (pawl_ring_init(&ring, 2) || pawl_thread_attach("main") ||
	    pthread_create(&thread, NULL, consumer, &count))
		return 1;
	for (unsigned i = 0; i < 4;) {
		if (!pawl_ring_push(&ring, lines[i]))
			continue; /* full: the consumer is awake */
		pawl_ec_notify(&arrived, 1);
		i++;
	}
	pawl_thread_detach();
	pthread_join(thread, NULL);
	pawl_ring_fini(&ring);
	printf("%u lines\n", count);
	return count == 3 ? 0 : 1;
}
