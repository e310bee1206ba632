/* SPDX-License-Identifier: BSD-2-Clause */
/* mbox.c - two senders and an owner who sleeps until the first letter after each emptying. */
#include <pthread.h>
#include <stdio.h>

#include <pawl/mbox.h>
#include <pawl/park.h>
#include <pawl/thread.h>

enum { SENDERS = 2, LETTERS = 1000 };
struct letter {
	struct pawl_mbox_node node;
	unsigned value;
};

static struct pawl_mbox mbox = PAWL_MBOX_INIT;
static struct pawl_waiter *owner;
static struct letter letters[SENDERS][LETTERS];

static void *sender(void *mine)
{
	struct letter *letter = mine;

	if (pawl_thread_attach("sender"))
		return NULL;
	for (unsigned i = 0; i < LETTERS; i++) {
		letter[i].value = i;
		/* Only who finds it empty has to wake: the others' letters are seen with it. */
		if (pawl_mbox_push(&mbox, &letter[i].node))
			pawl_unpark(owner);
	}
	pawl_thread_detach();
	return NULL;
}

int main(void)
{
	unsigned got = 0, sum = 0;
	pthread_t threads[SENDERS];

	if (pawl_thread_attach("owner"))
		return 1;
	owner = pawl_waiter_self();
	if (pthread_create(&threads[0], NULL, sender, letters[0]) ||
	    pthread_create(&threads[1], NULL, sender, letters[1]))
		return 1;
	while (got < SENDERS * LETTERS) {
		struct pawl_mbox_node *node = pawl_mbox_take_all(&mbox);

		if (!node)
			pawl_park();
		for (; node; node = pawl_mbox_next(node), got++)
			sum += PAWL_CONTAINER_OF(node, struct letter, node)->value;
	}
	pawl_thread_detach();
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	printf("%u letters, sum %u\n", got, sum);
	return sum == SENDERS * (LETTERS * (LETTERS - 1) / 2) ? 0 : 1;
}
